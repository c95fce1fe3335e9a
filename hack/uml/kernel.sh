# shellcheck shell=bash
# User-Mode Linux: a Linux 6.1 with control groups of version 2 that runs as ordinary processes, without KVM and without
# Docker. The caller has sourced localcluster/lib/common.sh and preflight.sh.

UML=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# package:a file that it installs
UML_NEEDED=(
  user-mode-linux:/usr/bin/linux.uml mmdebstrap:/usr/bin/mmdebstrap e2fsprogs:/sbin/mke2fs procps:/usr/bin/pgrep
  debian-archive-keyring:/usr/share/keyrings/debian-archive-keyring.gpg
)

# Exits with 3 when this machine cannot run a kernel in user mode.
uml_ensure() {
  [ "$(uname -s)" = Linux ] || no_cluster_here "User-Mode Linux needs Linux, this is $(uname -s)"
  [ "$(uname -m)" = x86_64 ] || no_cluster_here "Debian's User-Mode Linux is for x86_64, this is $(uname -m)"
  [ "$(id -u)" = 0 ] || no_cluster_here "the root file system of User-Mode Linux is made by root"
  local packages
  mapfile -t packages < <(missing_packages "${UML_NEEDED[@]}")
  [ ${#packages[@]} -eq 0 ] || install_packages "${packages[@]}"
}

# Prints the path of the library that xstate.c explains, after compiling it if it is not there.
uml_preload() {
  local library
  library=$(cache_root)/uml/xstate-$(sha256sum <"$UML/xstate.c" | cut -c1-12).so
  if [ ! -e "$library" ]; then
    mkdir -p "$(dirname "$library")"
    gcc -O2 -Wall -shared -fPIC -o "$library.$$" "$UML/xstate.c"
    mv "$library.$$" "$library"
  fi
  printf '%s' "$library"
}

# Close all but standard input and output: locks of the caller, and of its callers, would be held as long as what is started.
close_inherited() {
  local descriptor
  for descriptor in /proc/self/fd/*; do
    descriptor=${descriptor##*/}
    [ "$descriptor" -le 2 ] || eval "exec $descriptor>&-"
  done
}

# uml_start DIRECTORY NAME IMAGE MEGABYTES ARGUMENT…: boot a kernel, with its files in DIRECTORY (without spaces): what it
# writes to IMAGE is in root.cow, its console in console.log; what is written to the pipe `console` is its input.
# UML_UNDER is a command that runs it, such as nsenter; UML_PID is its process afterwards.
UML_UNDER=()
uml_start() {
  local directory=$1 name=$2 image=$3 memory=$4 preload
  shift 4
  preload=$(uml_preload)
  mkdir -p "$directory/uml"
  mkfifo "$directory/console"
  # Its memory is a file in /dev/shm; a container has 64 MiB there by default, and a fault beyond would end the kernel.
  local temporary=
  [ "$(df --output=avail -m /dev/shm 2>/dev/null | tail -n 1)" -gt "$memory" ] || temporary=$directory
  # The pipe is open for reading and writing, so that the console never sees an end of its input.
  (
    close_inherited
    exec setsid "${UML_UNDER[@]}" env LD_PRELOAD="$preload" ${temporary:+TMPDIR="$temporary"} \
      linux.uml mem="${memory}M" umid="$name" uml_dir="$directory/uml" ubd0="$directory/root.cow,$image" \
      root=/dev/ubda rw con=null con0=fd:0,fd:1 "$@"
  ) <>"$directory/console" >"$directory/console.log" 2>&1 &
  # shellcheck disable=SC2034  # for the caller
  UML_PID=$!
  disown # the shell would report its end
}

# Every process of a kernel has its command line: one for the kernel, one for each of its own processes.
uml_processes() { pgrep -f "linux\.uml .*uml_dir=$1/uml " || true; }
uml_lives() { [ -n "$(uml_processes "$1")" ]; }
uml_gone() { ! uml_lives "$1"; }

# uml_stop DIRECTORY: end the kernel at once. What it wrote is thrown away with its directory.
uml_stop() {
  uml_gone "$1" || { uml_processes "$1" | xargs -r kill -KILL; } 2>/dev/null || true
  wait_until 5 uml_gone "$1" || { say "still running: $(uml_processes "$1" | tr '\n' ' ')"; return 1; }
}
