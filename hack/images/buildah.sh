# shellcheck shell=bash
# Building images without a Docker daemon and without a registry.

# The base image's packages: Python with its venv module, certificates, time zones for pandas. usr-is-merged stands in
# for usrmerge, which would bring 45 MB of Perl to do what the hook of that name has done before it.
BASE_SUITE=bookworm
BASE_PACKAGES=usr-is-merged,python3,python3-venv,ca-certificates,tzdata

choose_builder() {
  if docker info >/dev/null 2>&1; then BUILDER=docker; return; fi
  # shellcheck disable=SC2034  # read by the caller
  BUILDER=buildah
  if [ "$(uname -s)" != Linux ] || [ "$(id -u)" != 0 ]; then
    say "images need a Docker daemon, or Linux and root for buildah; neither is here"
    exit "$EXIT_NO_CLUSTER_HERE"
  fi
  if ! command -v buildah >/dev/null || ! command -v mmdebstrap >/dev/null; then
    command -v apt-get >/dev/null || { say "missing: buildah, mmdebstrap"; exit "$EXIT_NO_CLUSTER_HERE"; }
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
      buildah crun mmdebstrap debian-archive-keyring; } >&2
  fi
}

# A storage of our own in the cache: removed with it, and never mixed with the machine's images.
run_buildah() {
  buildah --root "$(cache_root)/buildah" --runroot /run/modelprofiler-buildah --storage-driver overlay "$@"
}

# Prints the name of the base image, after making it if it is not there. What nobody reads (documentation, translations)
# is never unpacked.
debian_base() {
  local name scratch
  name=localhost/modelprofiler-base:$(cat "$HERE/buildah.sh" "$ROOT/hack/localcluster/docker_archive.py" | sha256sum | cut -c1-12)
  if ! run_buildah inspect --type image "$name" >/dev/null 2>&1; then
    say "making the base image of Debian $BASE_SUITE packages"
    scratch=$(mktemp -d "$CACHE/.base.XXXXXX")
    # shellcheck disable=SC2016  # $1 is the hooks' own: the new root
    mmdebstrap --quiet --variant=minbase --include="$BASE_PACKAGES" \
      --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
      --setup-hook='printf "Package: usrmerge\nPin: release *\nPin-Priority: -1\n" >"$1/etc/apt/preferences.d/usrmerge"' \
      --customize-hook='rm "$1/etc/apt/preferences.d/usrmerge"' \
      --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
      --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
      "$BASE_SUITE" "$scratch/layer.tar" >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; return 1; }
    system_python "$ROOT/hack/localcluster/docker_archive.py" "$name" "$scratch/image.tar" "$scratch/layer.tar"
    run_buildah pull --quiet "docker-archive:$scratch/image.tar" >/dev/null
    rm -rf "$scratch"
    run_buildah rmi --prune --force >/dev/null || true   # what was built on the base before this one
  fi
  printf '%s' "$name"
}

build_with_buildah() { # TARGET ARCHIVE
  local arguments base id name=modelprofiler/$1:$TAG
  base=${BASE_IMAGE:-$(debian_base)}
  mapfile -t arguments < <(secrets)
  # chroot: containers of a build need no namespaces or cgroups then, which a machine may not give.
  id=$2.id
  run_buildah build --layers --isolation chroot --network host --format docker --pull=never "${arguments[@]}" \
    --build-arg "BASE_IMAGE=$base" --target "$1" --tag "$name" --iidfile "$id" "$ROOT"
  rm -f "$2"
  # By its id: pushed by name, the archive would carry buildah's localhost/ name too.
  run_buildah push --quiet --disable-compression "$(cat "$id")" "docker-archive:$2:docker.io/$name"
  rm "$id"
}
