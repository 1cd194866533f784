#!/usr/bin/env bash
# Installs everything vtvc needs on Debian 12. Safe to run again: it only adds what is missing.
# Usage: ./setup.sh [--cuda] [--list]
#   --cuda  also PyTorch's own build (CUDA 13, with NCCL) in .deps/pytorch of this checkout, and nvcc there too
#           where no CUDA toolkit is installed; 5 GB. ./test.sh then builds and tests the preset 'cuda' as well.
#           And the packages whose checkpoints we read (transformers, peft, safetensors) in .deps/peers, for tests;
#           0.1 GB.
#   --list  prints what would be installed, each with the reason, and installs nothing
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
list="$here/cmake/packages.txt"
cuda_list="$here/cmake/pytorch.txt"
peers_list="$here/cmake/peers.txt"

stop() { printf 'setup.sh: %s\n' "$*" >&2; exit 1; }
entries() { sed -E 's/#.*//; s/[[:space:]]+$//; /^$/d' "$@"; }

cuda='' only_list=''
for option in "$@"; do
  case "$option" in
    --cuda) cuda=1 ;;
    --list) only_list=1 ;;
    -h|--help) sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) echo "setup.sh: unknown option '$option' (known: --cuda, --list, --help)" >&2; exit 2 ;;
  esac
done
if [ -n "$only_list" ]; then
  cat "$list"
  [ -z "$cuda" ] || cat "$cuda_list" "$peers_list"
  exit 0
fi

log=$(mktemp -t vtvc-setup.XXXXXX)
partial=''
trap 'rm -rf "$log" ${partial:+"$partial"}' EXIT
# Prints the end of the log, and keeps all of it for the reader.
stop_with_log() {
  tail -n 20 "$log" >&2
  cp "$log" "$log.kept"
  stop "$* (the lines above say why; all of them: $log.kept)"
}

# ---- Debian packages
mapfile -t wanted < <(entries "$list")
missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "setup: all ${#wanted[@]} Debian packages are installed"
else
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      stop "packages are missing and this is not root (apt needs root); run it as root or install sudo. Missing: ${missing[*]}"
    as_root=(sudo)
  fi
  echo "setup: installing ${#missing[@]} of ${#wanted[@]} Debian packages: ${missing[*]}"
  "${as_root[@]}" apt-get -q update >"$log" 2>&1 ||
    stop_with_log "apt-get update failed, nothing was changed; is this machine online?"
  # apt downloads everything before it installs anything: offline, this too changes nothing.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -y install --no-install-recommends "${missing[@]}" >"$log" 2>&1 ||
    stop_with_log "apt-get install failed; is this machine online, and is it Debian 12? Missing: ${missing[*]}"
fi

# install_wheels NAME SIZE GIGABYTES PACKAGE...: into .deps/NAME, by Debian's Python, whose pip the package list
# brings; whole or not at all. finish_NAME, if there is one, is run on the folder before it gets its name.
install_wheels() {
  local name=$1 size=$2 needed=$3 target="$here/.deps/$1" asked
  shift 3
  asked="$*"
  local stamp="$target/vtvc-installed"  # written last, its text is what was asked for
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$asked" ]; then
    echo "setup: .deps/$name holds $asked"
    return
  fi
  echo "setup: installing $asked into .deps/$name (about $size, from PyPI)"
  mkdir -p "$here/.deps"
  partial=$(mktemp -d "$here/.deps/partial.XXXXXX")
  # TMPDIR: so that pip moves files instead of copying.
  TMPDIR="$partial" /usr/bin/python3 -m pip install --no-cache-dir --no-input --disable-pip-version-check --no-compile \
    --target "$partial/$name" "$@" >"$log" 2>&1 ||
    stop_with_log "pip install failed, .deps/$name is as it was; is this machine online, and are $needed GB free?"
  ! declare -F "finish_$name" >/dev/null || "finish_$name" "$partial/$name"
  echo "$asked" >"$partial/$name/vtvc-installed"
  if [ -n "${SUDO_UID:-}" ]; then
    chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$here/.deps"
  fi
  rm -rf "$target"
  mv "$partial/$name" "$target"
  rm -rf "$partial"
}

# ---- PyTorch's own build, and the packages whose checkpoints we read
if [ -n "$cuda" ]; then
  toolkit=''
  command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ] || toolkit=1
  mapfile -t wheels < <(entries "$cuda_list" | awk -v toolkit="$toolkit" '$1 !~ /^toolkit:/ {print; next} toolkit {sub(/^toolkit:/, ""); print}')
  finish_pytorch() {
    [ -z "$toolkit" ] || {  # linkers look for names without a version
      ln -s libcudart.so.13 "$1/nvidia/cu13/lib/libcudart.so"
      ln -s lib "$1/nvidia/cu13/lib64"
    }
  }
  install_wheels pytorch "5 GB" 10 "${wheels[@]}"
  mapfile -t peers < <(entries "$peers_list")
  install_wheels peers "0.1 GB" 1 --no-deps "${peers[@]}"
fi
echo "setup: done"
