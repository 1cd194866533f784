#!/usr/bin/env bash
# The data sets of the shipped sweeps, from Debian's own fonts: experiments/data, or the folder given.
# Usage: experiments/prepare.sh [DIR]. What is there already is left alone.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:-$here/data}
PATH=$here/../build/release/bin:$PATH
mkdir -p "$out"

# make FILE COMMAND...: runs the command unless the file is there.
make() {
  local file=$1
  shift
  [ -e "$file" ] || "$@"
}

views=(rotated90 rotated180 inverted blurred mirrored)
for set in foundation greek; do
  make "$out/$set.h5" vtvc data render-glyphs --set "$set" -o "$out/$set.h5"
done
make "$out/greek-mixed.h5" vtvc data mix "$out/greek.h5" --name greek-mixed \
  --subdomains "clean,$(IFS=,; echo "${views[*]}")" -o "$out/greek-mixed.h5"
for view in "${views[@]}"; do
  make "$out/greek-$view.h5" vtvc data transform "$out/greek.h5" --only "$view" -o "$out/greek-$view.h5"
done
