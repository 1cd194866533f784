#!/usr/bin/env bash
# Shows that every gate can go red, and for the right reason: each case makes a fault in a scratch folder and
# expects the gate to refuse it, beside the same thing without the fault, which must pass.
# Usage: gates.sh CASE SOURCE_FOLDER; run by CTest (tests/gates/CMakeLists.txt).
set -euo pipefail
case_name=$1 root=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

fail() { printf 'gate test %s: %s\n' "$case_name" "$*" >&2; exit 1; }
# refused TEXT COMMAND...: the command fails and its output has TEXT (so that it failed for this reason).
refused() {
  local text=$1
  shift
  if "$@" >output 2>&1; then fail "accepted: $*"; fi
  grep -qF -- "$text" output || { cat output; fail "refused, but not for '$text': $*"; }
}
accepted() { "$@" >output 2>&1 || { cat output; fail "refused: $*"; }; }

format() {
  echo 'int f(int a) { return a; }' >good.cpp
  echo 'int f( int a ){return a;}' >bad.cpp
  accepted "$root/cmake/gates/format.sh" good.cpp
  refused "clang-format-violations" "$root/cmake/gates/format.sh" good.cpp bad.cpp
}

# tidy_files NAME...: a build of these files, listed as CMake lists them
tidy_files() {
  local name entries=()
  mkdir -p build
  for name in "$@"; do
    entries+=("$(printf '{\n  "directory": "%s",\n  "command": "c++ -std=c++20 -DNAME=%s -c %s.cpp",\n  "file": "%s/%s.cpp"\n}' \
      "$scratch" "$name" "$name" "$scratch" "$name")")
  done
  (IFS=,; printf '[\n%s\n]\n' "${entries[*]-}") >build/compile_commands.json
}
tidy() {
  local gate="$root/cmake/gates/tidy.py"
  ln -s "$root/.clang-tidy" .clang-tidy
  echo 'extern "C" int MPI_Barrier(int); int barrier() { return MPI_Barrier(0); }' >good.cpp
  echo 'extern "C" int MPI_Barrier(int); void dropped() { MPI_Barrier(0); }' >dropped.cpp
  echo '#include <string>
#include <utility>
std::size_t moved(std::string a) { std::string b = std::move(a); return a.size() + b.size(); }' >moved.cpp
  # What only the analyzer's walk along paths finds: also in a file that is read in a group.
  echo 'int followed(int *p, bool b) { if (b) p = nullptr; return b ? *p : 0; }' >path.cpp
  echo 'int same_name(int a) { return a + 1; }' >one.cpp
  echo 'static int same_name(int a) { return a + 2; }
int two() { return same_name(1); }' >two.cpp
  # The same thing named twice in a way the grouping does not see: the group does not compile, its files do.
  echo 'namespace { int   hidden = 3; } int three() { return hidden; }' >three.cpp
  echo 'namespace { int   hidden = 4; } int four() { return hidden; }' >four.cpp

  tidy_files good; accepted "$gate" build
  tidy_files good one two three four
  accepted "$gate" build
  grep -q "also one by one" output || fail "the group that does not compile was not read one by one: $(cat output)"
  for fault in dropped:bugprone-unused-return-value moved:bugprone-use-after-move path:clang-analyzer-core.NullDereference; do
    tidy_files good "${fault%%:*}" one
    refused "${fault#*:}" "$gate" build
    grep -q "${fault%%:*}.cpp:" output || fail "the finding does not name its file: $(cat output)"
    tidy_files good one
    accepted "$gate" build
  done
  # Nothing to check is a fault too, not a pass; so is a file that the build does not know.
  tidy_files; refused "names no file" "$gate" build
  tidy_files good; refused "does not name" "$gate" build one.cpp
}

# A house of two rooms, core and storage, built by the real cmake/VtvcModule.cmake.
rooms() { cmake -S "$root/tests/gates/rooms" -B "$1" -DVTVC_ROOT="$root" "${@:2}"; }
backward_dependency() {
  accepted rooms forward -DCORE_DEPENDS= -DSTORAGE_DEPENDS=core
  refused "room 'core' may not depend on 'storage'" rooms backward -DCORE_DEPENDS=storage -DSTORAGE_DEPENDS=core
  refused "room 'storage' may not depend on 'cellar'" rooms unknown -DCORE_DEPENDS= -DSTORAGE_DEPENDS=cellar
}
undeclared_include() {
  accepted rooms declared -DCORE_DEPENDS= -DSTORAGE_DEPENDS=core
  accepted cmake --build declared
  accepted rooms undeclared -DCORE_DEPENDS= -DSTORAGE_DEPENDS=
  refused "vtvc/core/thing.hpp: No such file" cmake --build undeclared
}
warnings_are_errors() {
  accepted rooms warning -DCORE_DEPENDS= -DSTORAGE_DEPENDS=core -DCMAKE_CXX_FLAGS=-DUNUSED_VARIABLE
  refused "unused variable" cmake --build warning
}

# junit TESTS FAILURES SKIPPED: a file as CTest 3.25 writes it
junit() {
  printf '<testsuite name="(empty)"\n\ttests="%s"\n\tfailures="%s"\n\tdisabled="0"\n\tskipped="%s"\n\t>\n</testsuite>\n' "$@"
}
counts() { # EXPECTED CODE
  count_tests results.xml "$2"
  # shellcheck disable=SC2154  # count_tests sets them
  [ "$tests/$failures/$skipped" = "$1" ] || fail "counted $tests/$failures/$skipped where $1 was right"
}
counter() {
  # shellcheck source=cmake/gates/count.sh
  source "$root/cmake/gates/count.sh"
  junit 5 0 0 >results.xml; counts 5/0/0 0
  junit 5 2 1 >results.xml; counts 5/2/1 8
  junit 5 0 1 >results.xml; counts 5/1/0 8  # a test program that is missing: CTest failed, no test did
  junit 0 0 0 >results.xml; counts 1/1/0 0
  : >results.xml;           counts 1/1/0 0
  rm results.xml;           counts 1/1/0 0
  accepted closing_line 5 0
  [ "$(cat output)" = "5 passed, 0 failed" ] || fail "closing line: $(cat output)"
  refused "4 passed, 1 failed" closing_line 4 1
  refused "0 passed, 0 failed" closing_line 0 0
}
# The counter on CTest's own files, so that a change of their form is noticed.
counter_on_real_runs() {
  # shellcheck source=cmake/gates/count.sh
  source "$root/cmake/gates/count.sh"
  cat >CMakeLists.txt <<'EOF'
cmake_minimum_required(VERSION 3.25)
project(runs LANGUAGES NONE)
enable_testing()
add_test(NAME passes COMMAND ${CMAKE_COMMAND} -E true)
if(FAULTY)
  add_test(NAME fails COMMAND ${CMAKE_COMMAND} -E false)
endif()
if(MISSING)
  add_test(NAME missing COMMAND /nowhere/program)
endif()
EOF
  local status
  run() {
    accepted cmake -S . -B b "$@"
    status=0
    ctest --test-dir b --output-junit "$scratch/results.xml" >output 2>&1 || status=$?
  }
  run -DFAULTY=OFF -DMISSING=OFF; counts 1/0/0 "$status"
  run -DFAULTY=ON -DMISSING=OFF; counts 2/1/0 "$status"
  run -DFAULTY=OFF -DMISSING=ON; [ "$status" -ne 0 ] || fail "CTest passed a missing program"
  counts 2/1/0 "$status"
}

setup_options() {
  accepted "$root/setup.sh" --list
  grep -q '^g++ ' output || fail "--list does not name g++"
  accepted "$root/setup.sh" --help
  refused "unknown option '--cude'" "$root/setup.sh" --cude
  refused "unknown option '--quik'" "$root/test.sh" --quik
  refused "unknown option '--ou'" "$root/demo.sh" --ou
  # Every package says why it is there.
  if grep -vE '^#|^$' "$root"/cmake/packages.txt "$root"/cmake/p{ytorch,eers}.txt | grep -vE '[^#]+ # ?.+'; then
    fail "a package without its reason"
  fi
}
# A machine without the packages and without a network.
setup_offline() {
  mkdir bin
  printf '#!/bin/sh\nexit 1\n' >bin/dpkg-query
  printf '#!/bin/sh\necho "Temporary failure resolving the mirror" >&2\nexit 100\n' >bin/apt-get
  printf '#!/bin/sh\nexec "$@"\n' >bin/sudo
  chmod +x bin/*
  refused "is this machine online?" env PATH="$scratch/bin:$PATH" TMPDIR="$scratch" "$root/setup.sh"
  grep -q "Temporary failure" output || fail "the reason apt gave is not shown"
}

"$case_name"
