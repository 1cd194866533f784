#!/usr/bin/env bash
# Writes made-up runs and their report, recomputes the numbers in Python, and shows that the check can go red.
# Usage: recompute.sh WRITE_SYNTHETIC PYTHON
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
write_synthetic=$1 python=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$write_synthetic" "$scratch"
"$python" "$here/recompute.py" "$scratch/out" "$scratch/report/results.json"
"$python" - "$scratch/report/results.json" <<'END'
import json, sys
results = json.load(open(sys.argv[1]))
results["protocols"]["addition"]["methods"]["vtvc"]["datasets"]["greek"]["ece_values"][0] += .001
json.dump(results, open(sys.argv[1], "w"))
END
if "$python" "$here/recompute.py" "$scratch/out" "$scratch/report/results.json"; then
  echo "a wrong ECE was not noticed" >&2
  exit 1
fi
