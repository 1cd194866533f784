#!/usr/bin/env bash
# Installs, builds and tests, and ends with a line "N passed, N failed"; the exit code is not 0 if any failed or
# none ran. Tests what ./setup.sh installed: after ./setup.sh --cuda also the build with PyTorch, CUDA and NCCL.
# Usage: ./test.sh [--quick] [--fuzz MINUTES]
#   --quick         the release build and its quick tests only: no ranks, sanitizers, fuzz targets, clang-tidy or CUDA build
#   --fuzz MINUTES  nothing but the fuzz targets, each for so long, on from what earlier runs learned (build/fuzz/fuzz);
#                   then the lines of the parsers that they reach (docs/fuzzing.md)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
quick='' fuzz_minutes=''
while [ $# -gt 0 ]; do
  case "$1" in
    --quick) quick=1 ;;
    --fuzz)
      fuzz_minutes=${2:-}
      [[ $fuzz_minutes =~ ^[1-9][0-9]*$ ]] || { echo "test.sh: --fuzz needs a whole number of minutes" >&2; exit 2; }
      shift ;;
    -h|--help) sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) echo "test.sh: unknown option '$1' (known: --quick, --fuzz, --help)" >&2; exit 2 ;;
  esac
  shift
done
source cmake/gates/count.sh
passed=0 failed=0 broken=()
table=()

# timed NAME COMMAND...: runs it and notes the seconds; its status is the command's.
timed() {
  local name=$1 status=0 start=$SECONDS
  shift
  printf '\n==== %s\n' "$name"
  "$@" || status=$?
  table+=("$(printf '%-28s %5d s   %s' "$name" $((SECONDS - start)) "$([ $status -eq 0 ] && echo ok || echo FAILED)")")
  return $status
}
# One gate, counted as one test.
gate() {
  if timed "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)) broken+=("$1"); fi
}
build() {
  cmake --preset "$1" -Wno-dev && cmake --build "build/$1" -j"$(nproc)" --target "$2"
}
# preset NAME TARGET [CTest arguments]: builds it and runs its tests. A build that fails is one failure.
preset() {
  local name=$1 target=$2 status=0
  shift 2
  if ! timed "build $name" build "$name" "$target"; then
    failed=$((failed + 1)) broken+=("build $name")
    return 0
  fi
  rm -f "build/$name/results.xml"
  timed "test $name" ctest --test-dir "build/$name" -j"$(nproc)" --no-tests=error --output-on-failure \
    --output-junit results.xml "$@" || status=$?
  count_tests "build/$name/results.xml" "$status"
  table+=("$(printf '%-28s         %s tests, %s failed, %s skipped' "" "$tests" "$failures" "$skipped")")
  passed=$((passed + tests - failures - skipped)) failed=$((failed + failures))
  [ "$failures" -eq 0 ] || broken+=("test $name")
}

timed "set-up" ./setup.sh
if [ -n "$fuzz_minutes" ]; then
  if ! timed "build fuzz" build fuzz vtvc_fuzzers; then
    closing_line 0 1
    exit 1
  fi
  for conf in build/fuzz/fuzz/*.conf; do
    target=$(basename "$conf" .conf)
    [ "$target" != can_fail ] || continue  # finds what it was given: its test is in the ordinary run
    gate "fuzz $target" tests/fuzz/run.sh build/fuzz "$target" $((60 * fuzz_minutes))
  done
  gate "lines that fuzzing reaches" tests/fuzz/coverage.sh
  printf '\n'
  printf '%s\n' "${table[@]}"
  [ ${#broken[@]} -eq 0 ] || printf 'failed: %s\n' "${broken[@]}"
  closing_line "$passed" "$failed"
  exit
fi
gate "clang-format" cmake/gates/format.sh
if [ -n "$quick" ]; then
  preset release all -L 'quick|gates'
else
  preset release all
  preset tsan vtvc_threads_tests -L threads
  preset asan all -L quick
  # clang cannot read the headers of Debian's torch as C++20 (a vector of a type not yet complete): without
  # PyTorch's own, clang-tidy reads the torch-free code only.
  worker=OFF
  if [ -f .deps/pytorch/vtvc-installed ]; then
    worker=ON
    preset cuda all -L quick
  fi
  preset fuzz vtvc_fuzzers -L fuzz
  # The rooms that are known to be clean; docs/ci.md says which are still to come. tidy.py without names reads all.
  tidied=("$PWD"/core/src/*.cpp)
  [ $worker = OFF ] || tidied+=("$PWD"/worker/{training,methods,evaluation,jobs}/src/*.cpp "$PWD/worker/main.cpp")
  tidy() {
    cmake --preset tidy -Wno-dev "-DVTVC_WORKER=$worker" && cmake --build build/tidy --target vtvc_code_version &&
      cmake/gates/tidy.py build/tidy "${tidied[@]}"
  }
  gate "clang-tidy" tidy
fi

printf '\n==== where the time went (%d min %02d s)\n' $((SECONDS / 60)) $((SECONDS % 60))
printf '%s\n' "${table[@]}"
[ ${#broken[@]} -eq 0 ] || printf 'failed: %s\n' "${broken[@]}"
closing_line "$passed" "$failed"
