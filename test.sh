#!/usr/bin/env bash
# Installs, builds and tests, and ends with a line "N passed, N failed"; the exit code is not 0 if any failed or
# none ran. Tests what ./setup.sh installed: after ./setup.sh --cuda also the build with PyTorch, CUDA and NCCL.
# Usage: ./test.sh [--quick]
#   --quick  the release build and its quick tests only: no ranks, sanitizers, clang-tidy or CUDA build
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
quick=
for option in "$@"; do
  case "$option" in
    --quick) quick=1 ;;
    -h|--help) sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) echo "test.sh: unknown option '$option' (known: --quick, --help)" >&2; exit 2 ;;
  esac
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
gate "clang-format" cmake/gates/format.sh
if [ -n "$quick" ]; then
  preset release all -L 'quick|gates'
else
  preset release all
  preset tsan vtvc_threads_tests -L threads
  preset asan all -L quick
  # clang cannot read the headers of Debian's torch as C++20 (a vector of a type not yet complete): without
  # PyTorch's own, clang-tidy reads the torch-free code only.
  worker=OFF tidy_all=
  if [ -f .deps/pytorch/vtvc-installed ]; then
    worker=ON tidy_all=1
    preset cuda all -L quick
  fi
  # Every source of every room and of the tests, in the build or not; without PyTorch's headers the torch-free ones.
  tidy() {
    cmake --preset tidy -Wno-dev "-DVTVC_WORKER=$worker" && cmake --build build/tidy --target vtvc_code_version &&
      cmake/gates/tidy.py build/tidy ${tidy_all:+--missing}
  }
  gate "clang-tidy" tidy
fi

printf '\n==== where the time went (%d min %02d s)\n' $((SECONDS / 60)) $((SECONDS % 60))
printf '%s\n' "${table[@]}"
[ ${#broken[@]} -eq 0 ] || printf 'failed: %s\n' "${broken[@]}"
closing_line "$passed" "$failed"
