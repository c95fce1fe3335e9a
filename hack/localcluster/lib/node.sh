# shellcheck shell=bash
# Further nodes: kernels in user mode (hack/uml), so Linux 6.1 with control groups of version 2 and one processor each.
# Node N is nodeN, 198.18.0.N, with pods in 198.18.N.0/24. All of its files are in $STATE/nodeN.

NODE_MEGABYTES=2048
NODE_MOST=9                  # each takes 2 GiB of memory once its page cache has grown
NODE_LABEL=localcluster/kernel=user-mode
# Pods get there only if they ask for it: it is slow, and its clock of CPU time runs on while its host is busy.
NODE_TAINT=${MODELPROFILER_NODE_TAINT-$NODE_LABEL:NoSchedule}
NODE_DISK_STATE=/var/lib/node
NODE_PACKAGES=containerd,runc,containernetworking-plugins,iptables,conntrack,python3-minimal,ca-certificates

node_directory() { printf '%s/node%s' "$STATE" "$1"; }
further_nodes() { local d; for d in "$STATE"/node[2-9]; do [ ! -d "$d" ] || printf '%s\n' "${d##*/node}"; done; }
further_node_processes() { pgrep -f "linux\.uml .*uml_dir=$STATE/node[2-9]/uml " || true; }
further_node_ready() { kube get node "node$1" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' | grep -qx True; }

node_root() {
  uml_root node "" "$NODE_PACKAGES" "$HERE/node/complete-root"
}

# Prints the path of a disk with the images of the archives. Containerd on this machine fills the folder that it will have
# on the node, in seconds; the node itself would take minutes for that.
images_disk() { # ARCHIVE…
  local disk work
  disk=$(cache_root)/uml/images-$({ stat --format='%s %Y %i' "$@"; cat "$HERE/lib/node.sh"; } | sha256sum | cut -c1-12).ext4
  if [ ! -e "$disk" ]; then
    say "making the disk with the images of further nodes"
    mkdir -p "$(cache_root)/uml"
    work=$(mktemp -d "$(cache_root)/uml/.images.XXXXXX")
    (
      trap 'rm -rf --one-file-system "$work"' EXIT
      import_into "$work" "$@"
      mke2fs -q -t ext4 -m 0 -E lazy_itable_init=0,assume_storage_prezeroed=1 -d "$work/root" "$work/disk" "$UML_DISK" >"$work/log"
      # Those of earlier images. A node that has one keeps it until it ends.
      rm -f "$(cache_root)"/uml/images-*.ext4
      mv "$work/disk" "$disk"
    ) >&2 || return
  fi
  printf '%s' "$disk"
}

import_into() { # WORK ARCHIVE…
  local work=$1 server archive
  shift
  mkdir -p "$work/root"
  printf 'version = 2\nroot = "%s"\nstate = "%s"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "%s"\n' \
    "$work/root" "$work/state" "$work/socket" >"$work/containerd.toml"
  (close_inherited; exec containerd --config "$work/containerd.toml") >"$work/log" 2>&1 &
  server=$!
  wait_until 30 ctr --address "$work/socket" version || { tail -n 5 "$work/log"; return 1; }
  for archive in "$@"; do ctr --address "$work/socket" --namespace k8s.io images import "$archive" >/dev/null; done
  kill "$server"
  wait "$server" || true
}

# keep_archive ARCHIVE: for further nodes, also those that are added later. One of an image with the same name is replaced.
keep_archive() {
  local name
  name=$(tar -xOf "$1" manifest.json 2>/dev/null | system_python -c '
import json, sys
print("+".join(json.load(sys.stdin)[0]["RepoTags"]).replace("/", "_"))' 2>/dev/null) || name=$(basename "$1")
  mkdir -p "$STATE/archives"
  ln -f "$1" "$STATE/archives/$name" 2>/dev/null || cp --reflink=auto "$1" "$STATE/archives/$name"
}

# The archives that every node has: the pause image, and what load-image was given.
node_archives() { printf '%s\n' "$(bin_dir)/pause.tar"; find "$STATE/archives" -type f 2>/dev/null | sort; }

# The functions of config.sh write what the first node has; only names, addresses and paths differ. In a subshell.
write_node_config() ( # NUMBER
  local node=node$1 ip=198.18.0.$1 directory
  directory=$(node_directory "$1")
  mkdir -p "$directory"/{config/pki,log,commands}
  make_cert "$node" "/O=system:nodes/CN=system:node:$node" "IP:$ip,DNS:$node"
  make_kubeconfig "$STATE/pki/$node.kubeconfig" "$node"
  mv "$STATE/pki/$node.crt" "$directory/config/pki/kubelet.crt"
  mv "$STATE/pki/$node.key" "$directory/config/pki/kubelet.key"
  mv "$STATE/pki/$node.kubeconfig" "$directory/config/pki/kubelet.kubeconfig"
  cp "$STATE"/pki/{ca.crt,proxy.kubeconfig} "$directory/config/pki/"
  cat >"$directory/node.env" <<ENV
NODE=$node
NODE_IP=$ip
GATEWAY=$NODE_IP
CLUSTER_CIDR=198.18.0.0/15
NODE_STATE=$NODE_DISK_STATE
SOCKET=/run/node/containerd/containerd.sock
MODULES=/usr/lib/uml/modules
PROGRAMS=$(bin_dir)
LABELS=$NODE_LABEL
TAINTS=$NODE_TAINT
HOUSEKEEPING=${SAMPLING:-10s}
CPU_MHZ=$(awk -F': ' '/^cpu MHz/ {print $2; exit}' /proc/cpuinfo)
ENV
  # shellcheck disable=SC2030,SC2034
  STATE=$directory/config RUN=/run/node SOCKET=/run/node/containerd/containerd.sock NODE=$node NODE_IP=$ip
  # shellcheck disable=SC2034
  POD_CIDR=198.18.$1.0/24 CLUSTER=
  write_containerd_config
  write_kubelet_config
  # The kernel has no nf_tables for IP.
  sed -i 's/^mode: nftables/mode: iptables/' "$STATE/proxy.yaml"
  sed -i "s|$STATE/containerd\"|/images\"|" "$STATE/containerd.toml"
  sed -i "s|$STATE|$NODE_DISK_STATE|g" "$STATE"/*.yaml "$STATE/containerd.toml" "$STATE"/cni/*
  install -m 755 "$HERE/node/init" "$directory/init"
)

# A link to that node alone: nothing is bridged, and the namespace has no way out to route to.
make_node_link() { # NUMBER
  local device=node$1 ip=198.18.0.$1
  in_netns ip tuntap add dev "$device" mode tap
  in_netns ip link set "$device" up
  in_netns ip route add "$ip" dev "$device" src "$NODE_IP"
  in_netns ip route add "198.18.$1.0/24" via "$ip" dev "$device" onlink
}

# Prometheus reads this file again when it changes.
write_scrape_targets() {
  local number separator=
  {
    printf '['
    for number in 1 $(further_nodes); do
      printf '%s{"targets": ["198.18.0.%s:10250"], "labels": {"node": "node%s", "metrics_path": "/metrics/cadvisor"}}' \
        "$separator" "$number" "$number"
      separator=', '
    done
    printf ']\n'
  } >"$STATE/targets.json.new"
  mv "$STATE/targets.json.new" "$STATE/targets.json"
}

start_node() { # NUMBER
  local number=$1 directory archives root disk
  directory=$(node_directory "$number")
  mapfile -t archives < <(node_archives)
  root=$(node_root)
  disk=$(images_disk "${archives[@]}")
  write_node_config "$number"
  make_node_link "$number"
  # shellcheck disable=SC2034  # read by uml_start
  UML_UNDER=(nsenter --net="/run/netns/$NETNS")
  uml_start "$directory" "mp$CLUSTER-node$number" "$root" "$NODE_MEGABYTES" ubd1="$directory/images.cow,$disk" \
    "vec0:transport=tap,ifname=node$number,depth=128" init=/usr/sbin/node-init NODE_DIR="$directory"
  write_scrape_targets
}

# Nothing happens to one that is ready.
ensure_node() { # NUMBER
  local began=$SECONDS
  if [ -d "$(node_directory "$1")" ]; then
    if uml_lives "$(node_directory "$1")" && wait_until 30 further_node_ready "$1"; then return; fi
    remove_node "$1"
  fi
  [ -c /dev/net/tun ] || die "a further node needs /dev/net/tun"
  start_node "$1"
  wait_until 180 further_node_ready "$1" || {
    tail -n 5 "$(node_directory "$1")"/log/*.log "$(node_directory "$1")/console.log" >&2 || true
    die "node$1 is not ready after 180 s; its logs are in $(node_directory "$1")/log"
  }
  say "node$1 is ready after $((SECONDS - began)) s: Linux 6.1 in user mode, control groups of version 2"
}

# Also a half-made one. Nobody is left who would say that its pods ended.
remove_node() { # NUMBER
  local directory
  directory=$(node_directory "$1")
  kube delete node "node$1" --ignore-not-found --wait=false >/dev/null || true
  kube delete pods --all-namespaces --field-selector "spec.nodeName=node$1" --force --grace-period=0 >/dev/null 2>&1 || true
  uml_stop "$directory" || die "node$1 could not be ended"
  [ ! -e "/run/netns/$NETNS" ] || in_netns ip link delete "node$1" 2>/dev/null || true
  rm -rf --one-file-system "$directory"
  [ ! -d "$STATE" ] || write_scrape_targets
}

# With the images that were loaded since; its pods are gone then.
restart_nodes() {
  local number
  for number in $(further_nodes); do
    say "starting node$number again, with these images"
    remove_node "$number"
    ensure_node "$number"
  done
}

# on_node NODE COMMAND…: run a command on a node, with its output and exit code, for ten minutes at most.
on_node() {
  local node=$1 directory number
  shift
  [ "$node" != "$NODE" ] || { nsenter --target "$(node1_process)" --mount --net --pid "$@"; return; }
  directory=$STATE/$node
  { [[ $node =~ ^node[2-9]$ ]] && uml_lives "$directory"; } || die "no such node: $node"
  number=$$-$RANDOM
  { printf '%q ' "$@"; echo; } >"$directory/commands/$number"
  echo "$number" >"$directory/console"
  wait_until 600 test -e "$directory/commands/$number.code" || die "the command has not ended on $node after ten minutes"
  cat "$directory/commands/$number.out"
  cat "$directory/commands/$number.err" >&2
  set -- "$(cat "$directory/commands/$number.code")"
  rm -f "$directory/commands/$number" "$directory/commands/$number".*
  return "$1"
}

# The first process in the cluster's namespaces of mounts and processes.
node1_process() { pgrep --parent "$(supervisor_pid)" | head -n 1; }
