#!/usr/bin/env bash
# Fails if clang-tidy has something to say (.clang-tidy, worker/.clang-tidy). Usage: tidy.sh BUILD_FOLDER [FILE...]
# Without files: every file that BUILD_FOLDER/compile_commands.json compiles, two at a time, the slow ones first.
set -euo pipefail
build=$1
shift
if [ $# -gt 0 ]; then
  files=("$@")
else
  # Files that read torch's headers take the longest: started last, they would leave one core idle at the end.
  mapfile -t files < <(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json" |
    { grep -v "^$(realpath "$build")" || [ $? -eq 1 ]; } | sort -u | awk '{print /\/worker\// ? 0 : 1, $0}' | sort -k1,1n | cut -d' ' -f2-)
  [ ${#files[@]} -gt 0 ] || { echo "tidy: $build/compile_commands.json names no file" >&2; exit 1; }
fi
export build
# Only a file with a finding prints: clang-tidy counts what it keeps quiet about in system headers otherwise.
# shellcheck disable=SC2016  # the inner shell expands them
printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" bash -c '
  said=$(clang-tidy --quiet --warnings-as-errors="*" -p "$build" "$1" 2>&1) ||
    { printf "%s\n" "$said"; exit 1; }' tidy
echo "tidy: ${#files[@]} files"
