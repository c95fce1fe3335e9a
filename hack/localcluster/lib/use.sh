# shellcheck shell=bash
# Using the running cluster: images, commands inside it, the shell's environment, what runs.

need_cluster() {
  [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ] || check_machine
  supervisor_pid >/dev/null || die "no cluster is running: $HERE/localcluster up"
}

cmd_load() {
  need_cluster
  local archive path
  for archive in "$@"; do
    [ -r "$archive" ] || die "cannot read $archive"
    path=$(realpath "$archive")
    ctr_k8s images import "$path" >&2
    keep_archive "$path"
  done
  restart_nodes
}

cmd_on() {
  need_cluster
  on_node "$@"
}

cmd_exec() {
  need_cluster
  exec nsenter --net="/run/netns/$NETNS" env KUBECONFIG="$KUBECONFIG_FILE" PATH="$STATE/bin:$PATH" \
    MODELPROFILER_LOCALCLUSTER=1 PROMETHEUS_URL="$PROMETHEUS_URL" "$@"
}

cmd_env() {
  need_cluster
  printf 'export KUBECONFIG=%q\n' "$KUBECONFIG_FILE"
  # Once only, however often it is evaluated.
  case ":$PATH:" in *":$STATE/bin:"*) ;; *) printf 'export PATH=%q:"$PATH"\n' "$STATE/bin" ;; esac
}

cmd_status() {
  if ! supervisor_pid >/dev/null; then
    local left
    left=$(leftovers)
    [ -z "$left" ] && { echo "not running"; return 1; }
    printf 'not running, but not removed either (localcluster up or down does that):\n%s\n' "$left"
    return 1
  fi
  system_python - "$RUN/status.json" <<'PYTHON'
import json, sys
for name, part in json.load(open(sys.argv[1])).items():
    print(f"{name:20}", "running" if part["running"] else "DEAD", f"({part['restarts']} restarts)" if part["restarts"] else "")
PYTHON
  printf '%-20s %s\n' programs "$(readlink "$STATE/programs")" kubeconfig "$KUBECONFIG_FILE" logs "$STATE/log" prometheus "$PROMETHEUS_URL (from inside)"
  kube get nodes -o wide || return 1
  kube get pods --all-namespaces
}
