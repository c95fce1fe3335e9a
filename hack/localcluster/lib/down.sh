# shellcheck shell=bash
# Stop the cluster, remove everything it made, check that nothing is left. Also after a crash or kill -9 of any part:
# nothing here relies on what was recorded, only on the fixed names.

# The supervisor and its parent. The whole pattern, so that an editor that has one of the files open is no match.
supervisors() { pgrep -f "supervisor\.py $RUN/supervisor\.json" || true; }

# Every further node that this cluster has, also a half-made one.
stop_further_nodes() { end_processes further_node_processes; }

# Processes whose network namespace is the cluster's: once its own are dead, what somebody started with `exec`.
netns_processes() {
  [ -e "/run/netns/$NETNS" ] || return 0
  ip netns pids "$NETNS" 2>/dev/null || true
}

# Top directories of pods in every cgroup hierarchy (v1 has one a controller, v2 has one).
pod_cgroups() { find /sys/fs/cgroup -maxdepth 2 -type d -name "$POD_CGROUP" 2>/dev/null || true; }

cluster_mounts() { awk -v s="$STATE" -v r="$RUN" 'index($2, s "/") == 1 || index($2, r "/") == 1 {print $2}' /proc/mounts; }

# end_processes LIST_FUNCTION: TERM, and KILL after three seconds.
end_processes() {
  local pids
  mapfile -t pids < <("$1")
  [ ${#pids[@]} -gt 0 ] || return 0
  kill "${pids[@]}" 2>/dev/null || true
  # shellcheck disable=SC2317  # called by wait_until
  none_left() { [ -z "$("$list")" ]; }
  local list=$1
  wait_until 3 none_left && return 0
  mapfile -t pids < <("$1")
  kill -9 "${pids[@]}" 2>/dev/null || true
  wait_until 5 none_left || true
}

remove_pod_cgroups() {
  local top
  for top in $(pod_cgroups); do
    # A cgroup stays busy for a moment after its last process is gone.
    wait_until 5 remove_cgroup_tree "$top" || true
  done
}
remove_cgroup_tree() {
  find "$1" -depth -type d -exec rmdir {} + 2>/dev/null || true
  [ ! -d "$1" ]
}

rmdir_if_empty() {
  [ -z "$(ls -A "$1")" ] || return 1
  if mountpoint -q "$1"; then umount "$1"; fi
  rmdir "$1"
}

other_clusters() { compgen -G "/run/netns/mp*" | grep -qvxF "/run/netns/$NETNS"; }

restore_machine_settings() {
  [ -s "$STATE/sysctl.saved" ] && sysctl -q -p "$STATE/sysctl.saved" >/dev/null 2>&1
  # Another cluster has its own mounted over them, and would lose those.
  other_clusters || [ ! -s "$STATE/made-dirs" ] || xargs -r rmdir --ignore-fail-on-non-empty <"$STATE/made-dirs" 2>/dev/null
  return 0
}

# One line for each thing that should be gone.
leftovers() {
  supervisors | sed 's/^/process /'
  further_node_processes | sed 's/^/process of a further node: /'
  netns_processes | sed 's/^/process in the network namespace: /'
  pod_cgroups | sed 's/^/cgroup /'
  cluster_mounts | sed 's/^/mount /'
  local path
  for path in "/run/netns/$NETNS" "$STATE" "$RUN"; do [ ! -e "$path" ] || printf '%s\n' "$path"; done
  if ip -o link show node0 >/dev/null 2>&1; then echo "interface node0"; fi
}

# Fails, and names what remained, when something did. Without a trace of a cluster it touches nothing.
remove_cluster() {
  if [ ! -e "$STATE" ] && [ ! -e "$RUN" ] && [ ! -e "/run/netns/$NETNS" ] && [ -z "$(supervisors)" ]; then return 0; fi
  # The supervisor is process 1 of the PID namespace: the kernel ends all the others, and their mounts go with them.
  stop_further_nodes
  end_processes supervisors
  if [ -n "$(netns_processes)" ]; then
    say "ending what 'exec' started: $(netns_processes | tr '\n' ' ')"
    end_processes netns_processes
  fi
  remove_pod_cgroups
  local mount
  cluster_mounts | sort -r | while read -r mount; do umount "$mount" 2>/dev/null || umount -l "$mount" || true; done
  [ ! -e "/run/netns/$NETNS" ] || ip netns delete "$NETNS" || true
  # `ip netns` made its directory a mount of its own: removed with the last name in it.
  [ ! -d /run/netns ] || rmdir_if_empty /run/netns || true
  restore_machine_settings
  # --one-file-system: should a mount have survived, what is behind it is not ours to delete.
  rm -rf --one-file-system "$STATE" "$RUN" || true
  local left
  left=$(leftovers)
  [ -z "$left" ] || { say "still there:"; printf '  %s\n' "$left" >&2; return 1; }
}

cmd_down() {
  check_machine
  if in_our_netns; then die "this shell is inside the cluster's namespace: leave it first"; fi
  take_lock
  remove_cluster || exit 1
  say "down: no process, mount, cgroup, interface, namespace or file of the cluster is left"
}

in_our_netns() { [ -e "/run/netns/$NETNS" ] && [ "/run/netns/$NETNS" -ef /proc/self/ns/net ]; }
