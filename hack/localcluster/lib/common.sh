# shellcheck shell=bash
# shellcheck disable=SC2034  # used by the other files
# Names, addresses, paths, and the few functions every other file uses.

KUBERNETES_VERSION=1.35.4
HELM_VERSION=4.3.1

# These are fixed, so that `down` finds what a crashed `up` of anybody left. A machine may have further clusters, each with
# a name: the addresses are the same, each in a network namespace of its own.
CLUSTER=${MODELPROFILER_CLUSTER:+-$MODELPROFILER_CLUSTER}
NETNS=mp$CLUSTER
NODE=node1
NODE_IP=198.18.0.1                 # 198.18.0.0/15 is reserved for benchmarks (RFC 2544): never a real network
POD_CIDR=198.18.1.0/24
SERVICE_CIDR=198.19.0.0/16
API_URL=https://$NODE_IP:6443
PROMETHEUS_URL=http://$NODE_IP:9090
STATE=/var/lib/modelprofiler-localcluster$CLUSTER   # on disk: etcd, images, logs, keys
RUN=/run/modelprofiler-localcluster$CLUSTER         # sockets and process ids
# The cgroup that all pods are in: the kubelet's usual one, or that of a cluster with a name.
POD_CGROUP=${CLUSTER:+localcluster$CLUSTER}
POD_CGROUP=${POD_CGROUP:-kubepods}
SOCKET=$RUN/containerd/containerd.sock
KUBECONFIG_FILE=$STATE/kubeconfig
# How often cAdvisor samples containers and Prometheus scrapes it; empty for their usual 10 s and 15 s.
SAMPLING=${MODELPROFILER_SAMPLING:-}

EXIT_NO_CLUSTER_HERE=3

# Directories whose paths are compiled into kubelet, containerd or a plugin. Inside the cluster's mount namespace each
# is a directory of $STATE, so that the machine's own ones, if it has any, are never touched.
COMPILED_IN_DIRS=(/run/containerd /var/lib/kubelet /var/lib/cni /var/log/containers /opt/containerd)

say() { printf 'localcluster: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

cache_root() { printf '%s' "${MODELPROFILER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/modelprofiler}"; }

# wait_until SECONDS COMMAND…: try five times a second, succeed as soon as the command does.
wait_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.2
  done
}

# The system's Python: a version manager's shim costs a second a call.
system_python() { if [ -x /usr/bin/python3 ]; then /usr/bin/python3 "$@"; else python3 "$@"; fi; }

in_netns() { nsenter --net="/run/netns/$NETNS" "$@"; }
# The programs the cluster was started with, whatever the recipe says today.
kube() { "$STATE/bin/kubectl" --kubeconfig "$KUBECONFIG_FILE" "$@"; }
ctr_k8s() { ctr --address "$SOCKET" --namespace k8s.io "$@"; }

# The process id of the supervisor as the machine sees it; fails when it does not run. The command line is checked
# because after a reboot the number may belong to somebody else.
supervisor_pid() {
  local pid
  pid=$(cat "$RUN/supervisor.pid" 2>/dev/null) || return 1
  [ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q "$RUN/supervisor.json" || return 1
  printf '%s' "$pid"
}

# One `up` or `down` at a time. The lock is on a directory that every machine has, so that no lock file is left behind.
# The descriptor is closed for what is started (see start_supervisor), or that would hold it.
take_lock() {
  exec 9</var/lib
  flock --wait 900 9 || die "another up or down has been running for 15 minutes"
}
