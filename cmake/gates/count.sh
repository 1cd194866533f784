# shellcheck shell=bash
# How test.sh counts; sourced by it and by tests/gates.

# count_tests FILE CODE: sets tests, failures and skipped from the JUnit file and the exit code of a CTest run. A run
# that left no readable file, ran no test, or failed without saying where (a test program that is missing) counts
# as a failure: what did not run is never taken for green.
count_tests() {
  local attribute value
  local -A said
  tests=1 failures=1 skipped=0
  [ -s "$1" ] || return 0
  for attribute in tests failures skipped disabled; do
    value=$(sed -n "s/.*[[:space:]]$attribute=\"\([0-9]\+\)\".*/\1/p" "$1" | head -n 1)
    [ -n "$value" ] || return 0
    said[$attribute]=$value
  done
  [ "${said[tests]}" -gt 0 ] || return 0
  tests=${said[tests]} failures=${said[failures]} skipped=$((said[skipped] + said[disabled]))
  if [ "$2" -ne 0 ] && [ "$failures" -eq 0 ]; then
    failures=1 skipped=$((skipped > 0 ? skipped - 1 : 0))
  fi
}

# closing_line PASSED FAILED: prints the last line of test.sh; its status is test.sh's.
closing_line() {
  echo "$1 passed, $2 failed"
  [ "$2" -eq 0 ] && [ "$1" -gt 0 ]
}
