#!/usr/bin/env bash
# Prints the sources of the checkout with the given endings, one a line. By find, not git: it also works in an
# unpacked archive, and sees files not yet added.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
endings=()
for ending in "$@"; do
  endings+=(${endings:+-o} -name "*.$ending")
done
find "$PWD" \( -path "$PWD/build" -o -path "$PWD/.deps" -o -path "$PWD/.git" -o -path "$PWD/vtvc-store" \) -prune \
  -o -type f \( "${endings[@]}" \) -print | sort
