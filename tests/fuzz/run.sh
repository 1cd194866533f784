#!/usr/bin/env bash
# Runs one fuzz target from its seeds. Usage: run.sh BUILD_FOLDER NAME [SECONDS | -runs=N] [libFuzzer's options...]
# Without a limit it is a gate: the same inputs in the same order every time (a fixed seed, nothing learned before),
# for 10 seconds at most, so that what passed once does not fail elsewhere by chance.
# With one it goes on from what earlier runs learned, which stays in BUILD_FOLDER/fuzz/corpus/NAME.
# An input that ends the program, takes over 10 seconds or 2 GB goes to BUILD_FOLDER/fuzz/findings, and the exit
# code is not 0.
set -euo pipefail
build=$(cd "$1" && pwd) name=$2 limit=${3:-}
shift $(($# < 3 ? $# : 3))
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
seeds='' dictionary=''
# shellcheck source=/dev/null
source "$build/fuzz/$name.conf"
corpus=$build/fuzz/corpus/$name findings=$build/fuzz/findings
if [ -z "$limit" ]; then
  corpus=$build/fuzz/gate/$name
  rm -rf "$corpus"
fi
mkdir -p "$corpus" "$findings"
folders=("$corpus")
if [ -n "$seeds" ]; then
  rm -rf "$build/fuzz/seeds/$name"
  if [ "$seeds" = own ]; then  # the target writes them
    VTVC_FUZZ_SEEDS=$build/fuzz/seeds/$name "$build/bin/fuzz_$name"
  else
    python3 "$seeds" "$build/fuzz/seeds/$name" "$name"
  fi
  folders+=("$build/fuzz/seeds/$name")
fi
case $limit in
  '') limits=(-seed=1 -max_total_time=10) ;;
  -runs=*) limits=("$limit") ;;
  *) limits=("-max_total_time=$limit") ;;
esac
options=("${limits[@]}" -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=512 -print_final_stats=1 -verbosity=0
         -artifact_prefix="$findings/$name-")
[ -z "$dictionary" ] || options+=(-dict="$dictionary")
cd "$here"
"$build/bin/fuzz_$name" "${options[@]}" "$@" "${folders[@]}"
