#!/usr/bin/env bash
# Shows that a fuzz test goes red, and for the fault that its target has. Usage: can_fail.sh BUILD_FOLDER
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if "$here/run.sh" "$1" can_fail 60 >"$log" 2>&1; then
  echo "can_fail.sh: the fault was not found" >&2
  exit 1
fi
grep -q 'AddressSanitizer: heap-buffer-overflow' "$log" || { cat "$log"; exit 1; }
ls "$1"/fuzz/findings/can_fail-crash-* >/dev/null
rm -f "$1"/fuzz/findings/can_fail-*
