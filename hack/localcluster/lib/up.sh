# shellcheck shell=bash
# Start the cluster, or find that it already runs.

# Machine-wide settings that a kubelet changes: put back by `down`.
KUBELET_SYSCTLS=(
  vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops
  kernel.keys.root_maxkeys kernel.keys.root_maxbytes
)

node_ready() { kube get node "$NODE" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' | grep -qx True; }

# A part that is up but does not answer counts as down.
serves() { in_netns curl -skf --max-time 2 -o /dev/null "$1"; }

cluster_healthy() {
  supervisor_pid >/dev/null && [ -e "/run/netns/$NETNS" ] && [ -S "$SOCKET" ] \
    && serves "$API_URL/readyz" && serves https://127.0.0.1:10257/healthz && serves https://127.0.0.1:10259/healthz \
    && serves http://127.0.0.1:10248/healthz && serves http://127.0.0.1:10256/healthz \
    && serves "$PROMETHEUS_URL/-/ready" && node_ready
}

# What pods need beyond a ready node: the account they run as, and the pause image.
cluster_usable() {
  cluster_healthy && kube get serviceaccount default -o name >/dev/null \
    && ctr_k8s images ls -q | grep -qxF "$PAUSE_IMAGE"
}

make_network() {
  ip netns add "$NETNS"
  in_netns ip link set lo up
  # A bridge without ports carries the node's address; the namespace has no other way out than to its own pods.
  in_netns ip link add node0 type bridge
  in_netns ip address add "$NODE_IP/32" dev node0
  in_netns ip link set node0 up
  in_netns ip route add "$SERVICE_CIDR" dev node0
  in_netns sysctl -qw net.ipv4.ip_forward=1
}

save_machine_settings() {
  local name
  for name in "${KUBELET_SYSCTLS[@]}"; do sysctl "$name" 2>/dev/null || true; done >"$STATE/sysctl.saved"
  for name in "${COMPILED_IN_DIRS[@]}"; do
    [ -d "$name" ] || { mkdir "$name" && printf '%s\n' "$name" >>"$STATE/made-dirs"; }
    mkdir -p "$STATE/private$name"
  done
}

# The kubelet makes its usual cgroup itself, and any other must be there, in every hierarchy.
make_pod_cgroup() {
  [ -n "$CLUSTER" ] || return 0
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mkdir -p "/sys/fs/cgroup/$POD_CGROUP"
  else
    local hierarchy
    for hierarchy in /sys/fs/cgroup/*/; do
      [ ! -e "$hierarchy/tasks" ] || mkdir -p "$hierarchy/$POD_CGROUP"
    done
  fi
}

# Process 1 of a PID namespace, with its own mounts. --kill-child: killing either of the two ends everything.
# Propagation is slave: what the machine mounts later (an archive's disk) is seen, nothing goes the other way.
start_supervisor() {
  # shellcheck disable=SC2016  # expanded by the inner shell
  setsid nsenter --net="/run/netns/$NETNS" \
    unshare --mount --propagation slave --pid --fork --kill-child --mount-proc \
    bash -c 'private=$1; shift
      for directory in "$@"; do
        [ "$directory" != -- ] || break
        mount --bind "$private$directory" "$directory"; shift
      done; shift; exec "$@"' bash \
    "$STATE/private" "${COMPILED_IN_DIRS[@]}" -- \
    "$(command -v /usr/bin/python3 || command -v python3)" "$HERE/supervisor.py" "$RUN/supervisor.json" "$RUN/status.json" \
    >"$STATE/log/supervisor.log" 2>&1 </dev/null 9>&- &
  echo $! >"$RUN/supervisor.pid"
}

# kubectl and helm that work in and outside the namespace.
write_wrappers() {
  local program
  mkdir -p "$STATE/bin"
  ln -s "$(bin_dir)" "$STATE/programs"
  for program in kubectl helm; do
    printf '#!/bin/sh\nexec nsenter --net=/run/netns/%s %s/%s "$@"\n' "$NETNS" "$STATE/programs" "$program" >"$STATE/bin/$program"
    chmod 755 "$STATE/bin/$program"
  done
}

start_cluster() {
  mkdir -p "$STATE"/{log/pods,pki,kubelet,etcd} "$RUN"
  chmod 700 "$STATE/pki"
  save_machine_settings
  make_pki
  write_containerd_config
  write_kubelet_config
  write_prometheus_config
  write_scrape_targets
  write_bootstrap_manifest
  write_supervisor_config
  write_wrappers
  make_network
  make_pod_cgroup
  start_supervisor
  wait_until 60 ctr_k8s version || failed_start
  ctr_k8s images import "$(bin_dir)/pause.tar" >/dev/null
  wait_until 120 serves "$API_URL/readyz" || failed_start
  wait_until 30 kube apply -f "$STATE/bootstrap.yaml" || failed_start
  wait_until 120 cluster_usable || failed_start
}

failed_start() {
  say "the cluster did not come up; the ends of its logs ($STATE/log):"
  tail -n 5 "$STATE"/log/*.log >&2 || true
  exit 1
}

# up [--nodes N]: nodes that are missing are added; none is taken away.
cmd_up() {
  local nodes=${MODELPROFILER_NODES:-1} number
  if [ "${1:-}" = --nodes ]; then nodes=${2:-}; shift 2 || true; fi
  [ $# -eq 0 ] && [[ $nodes =~ ^[1-9]$ ]] || { say "up [--nodes N]: 1 to $NODE_MOST nodes"; exit 2; }
  check_machine
  ensure_packages
  [ "$nodes" = 1 ] || uml_ensure
  cmd_build
  take_lock
  ensure_cluster
  for ((number = 2; number <= nodes; number++)); do ensure_node "$number"; done
}

ensure_cluster() {
  local started=$SECONDS
  if supervisor_pid >/dev/null; then
    # A part that died a moment ago is being restarted: give it the time.
    if cluster_usable || wait_until 30 cluster_usable; then
      say "already running: node $NODE is ready"
      return 0
    fi
    say "it runs, but not well (see 'localcluster status'): starting it afresh"
  fi
  remove_cluster || die "what an earlier cluster left could not be removed"
  start_cluster
  say "up after $((SECONDS - started)) s: node $NODE is ready, Kubernetes $KUBERNETES_VERSION"
  say "next: eval \"\$($HERE/localcluster env)\"; kubectl get nodes"
}
