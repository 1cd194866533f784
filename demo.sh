#!/usr/bin/env bash
# Installs, builds, and runs the whole path on Debian's own data, in about eleven minutes after the build: imports,
# pre-training, task vectors, posterior, baselines, report. Prints the tables and where the report is.
# Usage: ./demo.sh [--out DIR]
#   --out DIR  where everything it makes goes (default: demo-out); a second run finds what is finished there
set -euo pipefail
from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")"
out=
while [ $# -gt 0 ]; do
  case "$1" in
    --out)
      if [ -z "${2:-}" ]; then echo "demo.sh: --out needs a folder" >&2; exit 2; fi
      case "$2" in /*) out=$2 ;; *) out=$from/$2 ;; esac
      shift 2 ;;
    -h|--help) sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) echo "demo.sh: unknown option '$1' (known: --out DIR, --help)" >&2; exit 2 ;;
  esac
done
./setup.sh
cmake --preset release -Wno-dev
cmake --build build/release -j"$(nproc)" --target vtvc vtvc-worker
exec experiments/demo/run.sh "${out:-$PWD/demo-out}"
