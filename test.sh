#!/usr/bin/env bash
# Installs, builds and tests. Usage: ./test.sh [--quick]
# --quick leaves out the sanitizer build. Ends with a line "N passed, N failed".
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
quick=
case "${1:-}" in
  "") ;;
  --quick) quick=1 ;;
  -h|--help) sed -n '2,3s/^# //p' "${BASH_SOURCE[0]}"; exit 0 ;;
  *) echo "test.sh: unknown option '$1' (known: --quick)" >&2; exit 2 ;;
esac
cd "$here"
./setup.sh
presets=(release)
[ -n "$quick" ] || presets+=(asan)
passed=0 failed=0
git ls-files '*.cpp' '*.hpp' | xargs -r clang-format --dry-run --Werror && passed=$((passed + 1)) || failed=$((failed + 1))
for preset in "${presets[@]}"; do
  cmake --preset "$preset" >"/tmp/vtvc-configure-$preset.log" 2>&1 || { cat "/tmp/vtvc-configure-$preset.log"; exit 1; }
  cmake --build "build/$preset" -j2
  ctest --test-dir "build/$preset" -j2 --no-tests=error --output-on-failure --output-junit results.xml || failed=$((failed + 0))
  tests=$(grep -c '<testcase ' "build/$preset/results.xml")
  bad=$(grep -c 'status="fail"' "build/$preset/results.xml" || [ $? -eq 1 ])
  passed=$((passed + tests - bad)) failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
