# shellcheck shell=bash
# Root file systems for User-Mode Linux: Debian packages on an ext4 image that is kept in the cache.

UML_SUITE=bookworm
UML_DISK=16G   # sparse: on disk it takes what is in it

# uml_root NAME RECIPE PACKAGES SCRIPT [ARGUMENT…]: prints the path of the image, after making it if it is not there.
# RECIPE is a hash of everything that it is made of besides the packages; SCRIPT ROOT ARGUMENT… completes the directory.
uml_root() {
  local name=$1 recipe=$2 include=$3 image work
  shift 3
  recipe=$({ printf '%s\n' "$recipe" "$include" "$UML_SUITE" "$UML_DISK"; cat "$UML/root.sh" "$1"; } | sha256sum | cut -c1-12)
  image=$(cache_root)/uml/$name-$recipe.ext4
  if [ ! -e "$image" ]; then
    mkdir -p "$(dirname "$image")"
    (
      exec 8>"$image.lock"
      flock 8
      [ ! -e "$image" ] || exit 0
      say "making the root file system $name (kept in $(cache_root)/uml)"
      work=$(mktemp -d "$(cache_root)/uml/.$name.XXXXXX")
      trap 'rm -rf --one-file-system "$work"' EXIT
      uml_make_root "$work" "$include" "$@" >"$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; exit 1; }
      # Those of earlier recipes. A kernel that runs on one keeps it until it ends.
      rm -f "$(cache_root)/uml/$name"-*.ext4
      mv "$work/image" "$image"
    ) || return
    rm -f "$image.lock"
  fi
  printf '%s' "$image"
}

# Documentation and translations are never unpacked. usr-is-merged stands in for usrmerge, which would bring 45 MB of Perl
# to do what the hook of that name has done before it.
uml_make_root() { # WORK PACKAGES SCRIPT [ARGUMENT…]
  local work=$1 include=$2 script=$3
  shift 3
  # shellcheck disable=SC2016  # $1 is the hook's own: the new root
  mmdebstrap --quiet --variant=minbase --format=directory --include="usr-is-merged,kmod,mount,procps,iproute2,$include" \
    --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
    --setup-hook='printf "Package: usrmerge\nPin: release *\nPin-Priority: -1\n" >"$1/etc/apt/preferences.d/usrmerge"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    "$UML_SUITE" "$work/root"
  mkdir -p "$work/root/host" "$work/root/lib/modules"
  "$script" "$work/root" "$@"
  # Zeroed tables: else the kernel spends its first minutes on that.
  mke2fs -q -t ext4 -m 0 -E lazy_itable_init=0,assume_storage_prezeroed=1 -d "$work/root" "$work/image" "$UML_DISK"
}
