#!/usr/bin/env bash
# Fails if a source file is not laid out as .clang-format says. Usage: format.sh [FILE...] (default: every source)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
if [ $# -gt 0 ]; then
  files=("$@")
else
  mapfile -t files < <("$root/cmake/gates/sources.sh" cpp hpp cu)
fi
clang-format --style="file:$root/.clang-format" --dry-run --Werror "${files[@]}"
echo "format: ${#files[@]} files"
