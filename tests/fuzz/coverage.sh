#!/usr/bin/env bash
# Fails if the fuzz targets' inputs leave more than one line in ten of a parser unseen. Builds the preset 'coverage',
# replays what the preset 'fuzz' has learned (its corpora, if any) with the seeds, and prints each parser's share.
# Usage: tests/fuzz/coverage.sh [PERCENT [TARGET...]] (default 90, every target)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
least=${1:-90}
[ $# -eq 0 ] || shift
cmake --preset coverage -Wno-dev >/dev/null
folder=$PWD/build/coverage/fuzz
programs=(vtvc_fuzzers) configurations=("$folder"/*.conf)
if [ $# -gt 0 ]; then
  programs=("${@/#/fuzz_}") configurations=("${@/#/$folder/}")
  configurations=("${configurations[@]/%/.conf}")
fi
cmake --build build/coverage -j"$(nproc)" --target "${programs[@]}" >/dev/null
failed=0
printf '%-46s %6s\n' "lines of" "seen, %"
for conf in "${configurations[@]}"; do
  name=$(basename "$conf" .conf) covers=''
  # shellcheck source=/dev/null
  source "$conf"
  [ -n "$covers" ] || continue
  corpora=()
  [ ! -d "build/fuzz/fuzz/corpus/$name" ] || corpora=("$PWD/build/fuzz/fuzz/corpus/$name")
  mkdir -p "$folder/corpus/$name"
  [ ${#corpora[@]} -eq 0 ] || cp -rn "${corpora[0]}/." "$folder/corpus/$name/"
  LLVM_PROFILE_FILE="$folder/$name.profraw" tests/fuzz/run.sh build/coverage "$name" -runs=0 >"$folder/$name.log" 2>&1 ||
    { tail -n 20 "$folder/$name.log"; exit 1; }
  llvm-profdata merge -sparse "$folder/$name.profraw" -o "$folder/$name.profdata"
  IFS=';' read -r -a sources <<<"$covers"
  for source in "${sources[@]}"; do
    # Columns of three: regions, functions, lines, branches, each with its share last.
    share=$(llvm-cov report "build/coverage/bin/fuzz_$name" -instr-profile="$folder/$name.profdata" "$PWD/$source" |
      awk '$1 == "TOTAL" {print $10}' | tr -d %)
    printf '%-46s %6s\n' "$source" "${share:-none}"
    awk -v share="${share:-0}" -v least="$least" 'BEGIN {exit !(share + 0 >= least)}' || failed=1
  done
done
[ $failed -eq 0 ] || { echo "coverage: a parser is below $least % (the rows above)"; exit 1; }
