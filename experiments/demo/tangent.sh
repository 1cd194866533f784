#!/usr/bin/env bash
# Training on the tangent against training through the network, on the demo's heterogeneous data (validation
# split): accuracy, the tangent's error, time. After ./demo.sh has filled DIR.
# Usage: experiments/demo/tangent.sh DIR [SEED...]
set -euo pipefail
out=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- 0 1 2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ranks=${VTVC_DEMO_RANKS:-2}
export VTVC_STORE=$out/store
PATH=$here/../../build/release/bin:$PATH
mkdir -p "$out/jobs"

# job NAME reads a job from standard input, runs it, and links the result at runs/NAME.
job() {
  cat >"$out/jobs/$1.toml"
  vtvc run "$out/jobs/$1.toml" -n "$ranks" --set "job.out=$out/runs/$1"
}

# Derivatives about z = 0, about the average of all vectors, and those rounded.
jacobian() {
  job "jacobian-$1" <<<"[job]
kind = \"jacobian\"
[input]
bank = \"$out/data/bank-views.h5\"
data = \"$out/data/greek-mixed.h5\"
head = \"$out/runs/head-greek/head.h5\"
[rows]
first = 4000
count = 2500
[jacobian]
$2"
}
jacobian zero "centre = 0"
jacobian average ""
jacobian average-int8 'store = "int8"'

# posterior NAME SEED JACOBIAN TABLES: JACOBIAN empty: none.
posterior() {
  { printf 'include = ["%s"]\n[job]\nkind = "posterior"\nseed = %s\n[prior]\ninclusion = 0.2\n[train]\nlr = 3e-3\n' \
      "$here/heterogeneous.toml" "$2"
    printf '[input]\nbank = "%s"\n%s\n[[task]]\nname = "greek"\ndata = "%s"\nfeatures = "%s"\nhead = "%s"\n' \
      "$out/data/bank-views.h5" "$4" "$out/data/greek-mixed.h5" "$out/runs/features-greek-mixed/features.h5" \
      "$out/runs/head-greek/head.h5"
    [ -z "$3" ] || printf 'jacobian = "%s"\n' "$out/runs/jacobian-$3/jacobian.h5"
  } | job "$1-$2"
}
for seed in "$@"; do
  posterior fidelity-exact "$seed" "" ""
  for centre in zero average average-int8; do
    posterior "fidelity-tangent-$centre" "$seed" "$centre" '[posterior]
fidelity = "tangent"'
  done
  for share in 0.25 0.5; do
    posterior "fidelity-auto-$share" "$seed" average "[posterior]
fidelity = \"auto\"
exact_share = $share"
  done
done

python3 - "$out/runs" "$@" <<'EOF_PY'
import json, pathlib, statistics, sys
runs, seeds = pathlib.Path(sys.argv[1]), sys.argv[2:]
names = sorted({p.name.rsplit("-", 1)[0] for p in runs.glob("fidelity-*")})
columns = ["accuracy", "nll", "hard_accuracy", "seconds", "relative", "agreement", "tangent's own"]
print(f'{"validation":<28}' + "".join(f"{c:>15}" for c in columns))
for name in names:
    rows = []
    for seed in seeds:
        r = json.loads((runs / f"{name}-{seed}" / "result.json").read_text())
        v, t = r["validation"], r.get("tangent", {})
        rows.append([v["accuracy"], v["nll"], v["hard_accuracy"], r["train_seconds"], t.get("relative"),
                     t.get("agreement"), t.get("accuracy")])
    cells = [statistics.mean(c) if None not in c else None for c in zip(*rows)]
    print(f"{name:<28}" + "".join(f"{c:>15.4f}" if c is not None else f'{"":>15}' for c in cells))
EOF_PY
