#!/usr/bin/env bash
# Installs everything vtvc needs on Debian 12. Safe to run again: it only adds what is missing.
# Usage: ./setup.sh [--list]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
list="$here/cmake/packages.txt"

case "${1:-}" in
  "") ;;
  --list) cat "$list"; exit 0 ;;
  -h|--help) sed -n '2,3s/^# //p' "${BASH_SOURCE[0]}"; exit 0 ;;
  *) echo "setup.sh: unknown option '$1' (known: --list)" >&2; exit 2 ;;
esac

mapfile -t wanted < <(sed -E 's/#.*//; s/[[:space:]]+$//; /^$/d' "$list")
missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "setup: all ${#wanted[@]} packages are installed"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "setup.sh: packages are missing and this is not root (apt needs root); install sudo or run as root. Missing: ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi
echo "setup: installing ${#missing[@]} of ${#wanted[@]} packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
if ! "${as_root[@]}" apt-get -q update; then
  echo "setup.sh: apt-get update failed (is this machine online?); nothing was changed" >&2
  exit 1
fi
if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends "${missing[@]}" >/tmp/vtvc-setup.$$.log 2>&1; then
  tail -n 20 /tmp/vtvc-setup.$$.log >&2
  echo "setup.sh: apt-get install failed (the lines above say why; the whole log is /tmp/vtvc-setup.$$.log). Missing: ${missing[*]}" >&2
  exit 1
fi
rm -f /tmp/vtvc-setup.$$.log
echo "setup: done"
