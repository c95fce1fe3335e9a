# shellcheck shell=bash
# Can this machine have a cluster, and are the Debian packages there?

# package:a file that it installs (asking dpkg would refuse a program that came another way)
NEEDED=(
  containerd:/usr/bin/containerd runc:/usr/sbin/runc etcd-server:/usr/bin/etcd prometheus:/usr/bin/prometheus
  containernetworking-plugins:/usr/lib/cni/ptp iproute2:/sbin/ip iptables:/usr/sbin/iptables nftables:/usr/sbin/nft
  openssl:/usr/bin/openssl curl:/usr/bin/curl procps:/usr/bin/pgrep python3:/usr/bin/python3 util-linux:/usr/bin/nsenter
  gcc:/usr/bin/gcc libc6-dev:/usr/include/stdio.h ca-certificates:/etc/ssl/certs/ca-certificates.crt
)

no_cluster_here() { say "no cluster can be had here: $*"; exit "$EXIT_NO_CLUSTER_HERE"; }

check_machine() {
  [ "$(uname -s)" = Linux ] || no_cluster_here "it needs Linux, this is $(uname -s)"
  [ "$(id -u)" = 0 ] || no_cluster_here "it needs root (network namespaces, mounts, cgroups)"
  [ -d /sys/fs/cgroup ] || no_cluster_here "/sys/fs/cgroup is not mounted"
  unshare --net --mount --pid --fork true 2>/dev/null \
    || no_cluster_here "namespaces cannot be made (CAP_SYS_ADMIN is missing: an unprivileged container?)"
  if ! supervisor_pid >/dev/null && [ ! -e "$STATE" ] && [ -n "$(pod_cgroups)" ]; then
    no_cluster_here "another kubelet's pods are on this machine ($(pod_cgroups | head -1))"
  fi
}

missing_packages() {
  local entry
  for entry in "${@:-${NEEDED[@]}}"; do [ -e "${entry#*:}" ] || printf '%s\n' "${entry%%:*}"; done
}

# install_packages PACKAGE…: with apt, without starting their services (etcd, containerd and prometheus would start).
install_packages() {
  command -v apt-get >/dev/null || no_cluster_here "missing: $*; they are installed with apt-get, which is not here"
  say "installing $*"
  local made_policy=
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
    made_policy=1
  fi
  local ok=0
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"; } >&2 || ok=1
  [ -z "$made_policy" ] || rm -f /usr/sbin/policy-rc.d
  [ "$ok" = 0 ] || no_cluster_here "apt-get could not install: $*"
  # policy-rc.d keeps them from starting now; without this they would start at the next boot.
  if [ -d /run/systemd/system ]; then
    systemctl disable --quiet containerd etcd prometheus 2>/dev/null || true
  fi
}

ensure_packages() {
  local packages
  mapfile -t packages < <(missing_packages)
  [ ${#packages[@]} -eq 0 ] || install_packages "${packages[@]}"
}

check_go() {
  local version wanted="Go 1.21 or newer is needed (it fetches the version it builds with by itself)"
  command -v go >/dev/null || no_cluster_here "$wanted, and there is none on PATH"
  version=$(cd / && GOTOOLCHAIN=local go env GOVERSION)
  if [[ $version =~ ^go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -lt 21 ]; then
    no_cluster_here "$wanted, and this is ${version#go}"
  fi
}

cmd_check() {
  check_machine
  recipe_built || check_go
  say "a cluster can be had here"
}
