#!/usr/bin/env bash
# docs/clip.md at its real size, each step with its time: experiments/clip/walk.sh BIN CHECKPOINTS PICTURES FOLDER
# BIN holds vtvc and vtvc-worker; CHECKPOINTS is what make_checkpoints.py made; PICTURES a folder of eight class folders;
# FOLDER is made.
set -euo pipefail
bin=$(cd "$1" && pwd) checkpoints=$(cd "$2" && pwd) pictures=$(cd "$3" && pwd)
mkdir -p "$4"
cd "$4"

step() {
  local start=$EPOCHREALTIME
  "$bin/vtvc" "$@" >>walk.log 2>&1 || { tail -n 5 walk.log >&2; echo "walk.sh: vtvc $* failed" >&2; exit 1; }
  awk -v a="$start" -v b="$EPOCHREALTIME" -v c="$*" 'BEGIN { printf "%7.2f s  vtvc %s\n", b - a, c }'
}
job() { printf '[job]\nkind = "%s"\nthreads = 2\nout = "%s"\n%s\n' "$1" "$1" "$2" >"$1.toml"; step run --quiet "$1.toml"; }

tasks=() && for path in "$checkpoints"/task*; do tasks+=(--task "$(basename "$path")=$path"); done
step model import "$checkpoints/base" --family openai-clip --out base.h5
step bank import --base base.h5 "${tasks[@]}" --out bank.h5
step bank import --base base.h5 "${tasks[@]}" --store int8 --out bank-int8.h5
step verify bank.h5
step inspect bank.h5
step head import "$checkpoints/text.safetensors" --base base.h5 --out head.h5
step data import images "$pictures" --name pictures --size 224 --test .2 -o pictures.h5
job features $'[input]\nmodel = "base.h5"\ndata = "pictures.h5"'
row=$'[[task]]\nname = "pictures"\ndata = "pictures.h5"\nfeatures = "features/features.h5"\nhead = "head.h5"'
job posterior $'[input]\nbank = "bank.h5"\n[compose]\nprotocol = "addition_blind"\n[rows]\nvalidation = 8\n[posterior]\nhidden = [16]\n[train]\nsteps = 4\nbatch = 8\nwarmup = 1\n'"$row"
job predict $'[input]\nmethod = "posterior/method.h5"\nbank = "bank.h5"\nhead = "head.h5"\nimages = "pictures.h5"\n[predict]\ntask = "pictures"\nsamples = 2'
step export merged bank.h5 --z all=0.3 --out merged
step export tasks bank.h5 --out tasks
step export model base.h5 --out again --complete-from "$checkpoints/base"
step model import again --family openai-clip --out again.h5
hash() { "$bin/vtvc" inspect --json "$1" | grep '"hash"'; }
[ "$(hash base.h5)" = "$(hash again.h5)" ] || { echo "walk.sh: the base did not come back as it went in" >&2; exit 1; }
