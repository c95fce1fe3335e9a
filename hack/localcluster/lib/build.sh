# shellcheck shell=bash
# Kubernetes, Helm and the pause image, built from the Go module proxy and kept in the cache.

COMPONENTS=(kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl)
PAUSE_IMAGE=registry.local/pause:1   # never pulled: imported at `up`

# The recipe is this file, the packer, the versions and the architecture: change one and the programs are built again.
recipe() {
  local hash
  hash=$(cat "$HERE/lib/build.sh" "$HERE/docker_archive.py" | sha256sum)
  printf 'kubernetes-%s-helm-%s-%s-%s' "$KUBERNETES_VERSION" "$HELM_VERSION" "$(uname -m)" "${hash:0:12}"
}

bin_dir() {
  [ -n "${BIN_DIR:-}" ] || BIN_DIR=$(cache_root)/bin/$(recipe)
  printf '%s' "$BIN_DIR"
}

recipe_built() { [ -d "$(bin_dir)" ]; }

# go_module MODULE VERSION FIELD: fetch a module, print one field of what `go mod download -json` says.
go_module() {
  go mod download -json "$1@v$2" | system_python -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$3"
}

# k8s.io/kubernetes requires its own staging modules at v0.0.0: a build from outside replaces each by its release.
write_kubernetes_go_mod() {
  local upstream
  upstream=$(go_module k8s.io/kubernetes "$KUBERNETES_VERSION" GoMod)
  printf 'module build\n\ngo 1.26\n\nrequire k8s.io/kubernetes v%s\n\nreplace (\n' "$KUBERNETES_VERSION"
  awk '$1 ~ /^k8s\.io\// && $2 == "v0.0.0" {print $1}' "$upstream" | sort -u | sed "s|.*|\t& => & v0.${KUBERNETES_VERSION#1.}|"
  printf ')\n\ntool (\n'
  printf '\tk8s.io/kubernetes/cmd/%s\n' "${COMPONENTS[@]}"
  printf ')\n'
}

build_kubernetes() { # OUT, in an empty directory
  local package=k8s.io/component-base/version minor=${KUBERNETES_VERSION#1.}
  write_kubernetes_go_mod >go.mod.new   # not go.mod: go reads an empty one while it fetches the module
  mv go.mod.new go.mod
  go mod tidy
  CGO_ENABLED=0 go build -trimpath -o "$1/" -ldflags "-s -w -X $package.gitVersion=v$KUBERNETES_VERSION \
    -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*} -X $package.gitTreeState=clean" \
    "${COMPONENTS[@]/#/k8s.io/kubernetes/cmd/}"
}

build_pause() { # OUT: the image that holds a pod's namespaces, as an archive
  local source
  source=$(go_module k8s.io/kubernetes "$KUBERNETES_VERSION" Dir)/build/pause/linux/pause.c
  gcc -Os -static -DVERSION=local -o pause "$source"
  tar --sort=name --owner=0 --group=0 --mtime=@0 -cf pause.layer.tar pause
  system_python "$HERE/docker_archive.py" --entrypoint /pause "$PAUSE_IMAGE" "$1/pause.tar" pause.layer.tar
}

build_helm() { # OUT
  printf 'module build\n\ngo 1.26\n' >go.mod
  go get -tool "helm.sh/helm/v4/cmd/helm@v$HELM_VERSION"
  CGO_ENABLED=0 go build -trimpath -o "$1/helm" \
    -ldflags "-s -w -X helm.sh/helm/v4/internal/version.version=v$HELM_VERSION" helm.sh/helm/v4/cmd/helm
}

# Built in a temporary directory beside the result and renamed: half a build is never taken for a whole one.
cmd_build() {
  recipe_built && return 0
  check_machine
  ensure_packages
  check_go
  say "building Kubernetes $KUBERNETES_VERSION and Helm $HELM_VERSION: about 7 minutes on 2 cores, kept afterwards"
  mkdir -p "$(cache_root)/bin"
  exec 8>"$(cache_root)/bin/.lock"
  flock 8
  recipe_built && return 0
  local work
  work=$(mktemp -d "$(cache_root)/bin/.building.XXXXXX")
  # A subshell, so that its trap and directory stay its own. Go reads no configuration of the caller's workspace.
  (
    trap 'rm -rf "$work"' EXIT
    export GOWORK=off
    mkdir "$work/out" "$work/kubernetes" "$work/pause" "$work/helm"
    cd "$work/kubernetes" && build_kubernetes "$work/out"
    cd "$work/pause" && build_pause "$work/out"
    cd "$work/helm" && build_helm "$work/out"
    chmod 755 "$work/out"
    mv -T "$work/out" "$(bin_dir)"
  ) >&2
  exec 8>&-
  # Those of earlier recipes, unless a cluster runs on them.
  if ! supervisor_pid >/dev/null; then
    find "$(cache_root)/bin" -mindepth 1 -maxdepth 1 ! -path "$(bin_dir)" ! -name .lock -exec rm -rf {} +
  fi
  say "built: $(bin_dir)"
}
