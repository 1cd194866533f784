#!/usr/bin/env bash
# The demo's steps, each a command that a user goes on using. Called by demo.sh after the build.
# Usage: experiments/demo/run.sh DIR. Every job file it runs lies in DIR/jobs; a second call finds finished runs.
set -euo pipefail
out=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=$here/../../build/release/bin
ranks=${VTVC_DEMO_RANKS:-2}
seeds=(0 1 2)
mkdir -p "$out"/{data,jobs,runs}
out=$(cd "$out" && pwd)
export VTVC_STORE=$out/store
PATH=$bin:$PATH
began=$SECONDS

heading() { printf '\n== %s  (%d s)\n' "$1" $((SECONDS - began)); }

# make FILE COMMAND...: runs the command unless the file is there.
make() {
  local file=$1
  shift
  [ -e "$file" ] || "$@"
}

# job NAME SETTINGS... reads the rest of the job from standard input, writes jobs/NAME.toml, and runs it;
# the result is linked at runs/NAME. SETTINGS are files of this folder to include.
job() {
  local name=$1 include="" settings
  shift
  for settings in "$@"; do include+="${include:+, }\"$settings\""; done
  { printf 'include = [%s]\n' "$include"; cat; } >"$out/jobs/$name.toml"
  vtvc run "$out/jobs/$name.toml" -n "$ranks" --set "job.out=$out/runs/$name"
}

glyph_tasks=(latin greek cyrillic digits)
tasks=(fashion "${glyph_tasks[@]}")
views=(rotated90 rotated180 inverted blurred mirrored)

heading "data: Fashion-MNIST and letters drawn from the installed fonts"
fashion=/usr/share/datasets/fashion-mnist
make "$out/data/fashion.h5" vtvc data import idx --name fashion \
  --train-images $fashion/train-images-idx3-ubyte.gz --train-labels $fashion/train-labels-idx1-ubyte.gz \
  --test-images $fashion/t10k-images-idx3-ubyte.gz --test-labels $fashion/t10k-labels-idx1-ubyte.gz \
  --classes t-shirt,trouser,pullover,dress,coat,sandal,shirt,sneaker,bag,boot -o "$out/data/fashion.h5"
for set in foundation "${glyph_tasks[@]}"; do
  make "$out/data/$set.h5" vtvc data render-glyphs --set "$set" -o "$out/data/$set.h5"
done
make "$out/data/greek-mixed.h5" vtvc data mix "$out/data/greek.h5" --name greek-mixed \
  --subdomains "clean,$(IFS=,; echo "${views[*]}")" -o "$out/data/greek-mixed.h5"
for view in "${views[@]}"; do
  make "$out/data/greek-$view.h5" vtvc data transform "$out/data/greek.h5" --only "$view" -o "$out/data/greek-$view.h5"
done

heading "base network"
job base "$here/pretrain.toml" <<<"[input]
data = \"$out/data/foundation.h5\""
base=$out/runs/base/model.h5

heading "frozen heads, base features, fine-tuned networks, banks"
for task in "${tasks[@]}"; do
  job "head-$task" "$here/head.toml" <<<"[input]
base = \"$base\"
data = \"$out/data/$task.h5\""
done
# finetune NAME DATA HEAD
finetune() {
  job "finetune-$1" "$here/finetune.toml" <<<"[input]
base = \"$base\"
data = \"$out/data/$2.h5\"
head = \"$out/runs/head-$3/head.h5\""
}
for task in "${tasks[@]}"; do finetune "$task" "$task" "$task"; done
for view in "${views[@]}"; do finetune "greek-$view" "greek-$view" greek; done
for set in "${tasks[@]}" greek-mixed; do
  job "features-$set" "$here/features.toml" <<<"[input]
model = \"$base\"
data = \"$out/data/$set.h5\""
done
# bank NAME PREFIX VECTOR...
bank() {
  local name=$1 prefix=$2 vector rows=()
  shift 2
  for vector in "$@"; do rows+=(--task "$vector=$out/runs/finetune-$prefix$vector/model.h5"); done
  make "$out/data/$name.h5" vtvc bank build --base "$base" "${rows[@]}" -o "$out/data/$name.h5"
}
bank bank-tasks "" "${tasks[@]}"
bank bank-views greek- "${views[@]}"

# rows NAME DATA HEAD...: [[task]] rows of a job, three words each.
rows() {
  while [ $# -gt 0 ]; do
    printf '[[task]]\nname = "%s"\ndata = "%s"\nfeatures = "%s"\nhead = "%s"\n' "$1" "$out/data/$2.h5" \
      "$out/runs/features-$2/features.h5" "$out/runs/head-$3/head.h5"
    shift 3
  done
}
all_rows=()
for task in "${tasks[@]}"; do all_rows+=("$task" "$task" "$task"); done

# evaluate NAME BANK EXTRA ROWS...: of the method that runs/NAME has trained.
evaluate() {
  local name=$1 bank=$2 extra=$3
  shift 3
  job "evaluate-$name" <<<"[job]
kind = \"evaluate\"
[input]
method = \"$out/runs/$name/method.h5\"
bank = \"$out/data/$bank.h5\"
[rows]
test = 1200
[evaluate]
$extra
$(rows "$@")"
}

# method NAME SETTINGS BANK SEED TABLES EXTRA ROWS...: trains and evaluates; TABLES is TOML text after the settings.
method() {
  local name=$1 settings=$2 bank=$3 seed=$4 tables=$5 extra=$6
  shift 6
  job "$name" "$here/$settings.toml" <<<"[job]
seed = $seed
$tables
[input]
bank = \"$out/data/$bank.h5\"
$(rows "$@")"
  evaluate "$name" "$bank" "$extra" "$@"
}
baseline() { printf 'kind = "baseline"\n[method]\nname = "%s"\n%s' "$1" "${2:-}"; }

heading "table 1: heterogeneous (six sub-domains, none told)"
mixed=(greek greek-mixed greek)
for name in zero_shot average task_arithmetic ties; do
  method "hetero-$name" heterogeneous bank-views 0 "$(baseline $name)" "" "${mixed[@]}"
done
method hetero-probe heterogeneous bank-views 0 "$(baseline probe 'probe_count = 6500')" "" "${mixed[@]}"
both='modes = ["mean", "hard"]'
for seed in "${seeds[@]}"; do
  # Grids of three for each method, tried with the first seed; the others take its choice.
  choice() { if [ "$seed" = 0 ]; then echo "[select]
$2"; else echo "[select]
from = \"$out/runs/$1-0/method.h5\""; fi; }
  extra=$both
  [ "$seed" != 0 ] || extra+=$'\ndiagnostics = true'
  method "hetero-per_dataset-$seed" heterogeneous bank-views "$seed" "$(baseline per_dataset)
$(choice hetero-per_dataset 'lr = [1e-2, 3e-2, 1e-1]')" "" "${mixed[@]}"
  method "hetero-amortised-$seed" heterogeneous bank-views "$seed" "$(baseline amortised)
$(choice hetero-amortised 'lr = [1e-3, 3e-3, 1e-2]')" "$extra" "${mixed[@]}"
  # One seed also draws true samples, for the report's epistemic entropy.
  [ "$seed" != 0 ] || extra=$'modes = ["mean", "hard", "monte_carlo"]\nsamples = 8\ndiagnostics = true'
  method "hetero-vtvc-$seed" heterogeneous bank-views "$seed" "kind = \"posterior\"
[prior]
inclusion = 0.2
$(choice hetero-vtvc 'lr = [3e-3, 5e-3, 1e-2]')" "$extra" "${mixed[@]}"
  # Zeros in training as in the hard evaluation, which is what its choices go by.
  method "hetero-vtvc_sparse-$seed" heterogeneous bank-views "$seed" "kind = \"posterior\"
[prior]
inclusion = 0.3
[relaxation]
kind = \"straight_through\"
$(choice hetero-vtvc_sparse 'lr = [3e-3, 5e-3, 1e-2]')
by = \"hard_nll\"" "$both
method_id = \"vtvc_sparse\"" "${mixed[@]}"
  method "hetero-vtvc_coefficient-$seed" heterogeneous bank-views "$seed" "kind = \"posterior\"
[posterior]
spike = \"coefficient\"
[prior]
inclusion = 0.9
[gate]
on = \"coefficient\"
$(choice hetero-vtvc_coefficient 'lr = [3e-3, 5e-3, 1e-2]')" "$both" "${mixed[@]}"
  method "hetero-control-$seed" heterogeneous bank-views "$seed" "kind = \"posterior\"
[prior]
inclusion = 0.2
lambda_spike = 0" "$both
method_id = \"vtvc_lambda0\"" "${mixed[@]}"
done

heading "table 2: addition (all data sets, the data set told)"
for name in zero_shot individual average task_arithmetic ties; do
  method "addition-$name" addition bank-tasks 0 "$(baseline $name)" "" "${all_rows[@]}"
done
for seed in "${seeds[@]}"; do
  method "addition-per_dataset-$seed" addition bank-tasks "$seed" "$(baseline per_dataset)
[train]
lr = 3e-2" "" "${all_rows[@]}"
  extra=$both
  [ "$seed" != 0 ] || extra+=$'\ndiagnostics = true'
  method "addition-vtvc-$seed" addition bank-tasks "$seed" 'kind = "posterior"' "$extra" "${all_rows[@]}"
done

heading "table 3: addition_blind (the data set not told)"
for name in zero_shot average task_arithmetic ties; do
  method "blind-$name" addition_blind bank-tasks 0 "$(baseline $name)" "" "${all_rows[@]}"
done
for seed in "${seeds[@]}"; do
  extra=$both
  [ "$seed" != 0 ] || extra+=$'\ndiagnostics = true'
  method "blind-vtvc-$seed" addition_blind bank-tasks "$seed" 'kind = "posterior"' "$extra" "${all_rows[@]}"
done
method blind-atlas addition_blind bank-tasks 0 "$(baseline atlas)
[train]
lr = 3e-2" "" "${all_rows[@]}"
method blind-amortised addition_blind bank-tasks 0 "$(baseline amortised)" "" "${all_rows[@]}"

heading "table 4: transfer (the own vector left out)"
for target in cyrillic digits; do
  row=("$target" "$target" "$target")
  out_of_bank="[compose]
exclude = [\"$target\"]"
  for name in zero_shot average; do
    method "transfer-$target-$name" transfer bank-tasks 0 "$(baseline $name)
$out_of_bank" "" "${row[@]}"
  done
  method "transfer-$target-probe" transfer bank-tasks 0 "$(baseline probe 'probe_count = 7400')
$out_of_bank" "" "${row[@]}"
  for seed in "${seeds[@]}"; do
    method "transfer-$target-atlas-$seed" transfer bank-tasks "$seed" "$(baseline atlas)
$out_of_bank
[train]
lr = 3e-2" "" "${row[@]}"
    method "transfer-$target-amortised-$seed" transfer bank-tasks "$seed" "$(baseline amortised)
$out_of_bank" "" "${row[@]}"
    extra=$both
    [ "$seed" != 0 ] || extra+=$'\ndiagnostics = true'
    method "transfer-$target-vtvc-$seed" transfer bank-tasks "$seed" "kind = \"posterior\"
$out_of_bank" "$extra" "${row[@]}"
  done
done

heading "report"
vtvc report "$out/runs" -o "$out"
cat "$out/tables.txt"
printf '\nThe demo took %d s. Open %s\n' $((SECONDS - began)) "$out/report.html"
