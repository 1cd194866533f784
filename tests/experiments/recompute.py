#!/usr/bin/env python3
"""Recomputes a report's accuracies, NLL and ECE from the predictions files, on its own.

Usage: recompute.py RUNS_FOLDER RESULTS_JSON. Exit code 1, with a line each, where a number differs by more than 1e-6
(both sides sum the same float32 probabilities in double; the file has ten decimals).
"""
import json
import pathlib
import sys

import h5py
import numpy as np

SUFFIX = {"mean": "", "hard": "_hard", "monte_carlo": "_mc"}


def finished_runs(folder):
    """Run folders below a folder, links followed, each target once."""
    seen, queue, found = set(), [pathlib.Path(folder)], []
    while queue:
        path = queue.pop().resolve()
        if path in seen or not path.is_dir():
            continue
        seen.add(path)
        if (path / "resolved.toml").exists():
            if (path / "DONE").exists() and (path / "predictions.h5").exists():
                found.append(path)
            continue
        queue.extend(path.iterdir())
    return sorted(found)


def sets_of(file):
    """Every group that holds probabilities and labels: (data set, mode, group)."""
    out = []

    def visit(name, group):
        if isinstance(group, h5py.Group) and "probabilities" in group and "labels" in group:
            dataset, mode = name.split("/")[-2:]
            out.append((dataset, mode, group))

    file.visititems(visit)
    return out


def meta_of(file):
    for holder in (file.attrs.get("meta"), file["meta"][()] if "meta" in file else None):
        if holder is not None:
            return json.loads(holder.decode() if isinstance(holder, bytes) else str(holder))
    raise SystemExit(f"{file.filename}: no meta")


def numbers(p, labels, bins=15):
    p = p.astype(float)
    confidence, right = p.max(1), p.argmax(1) == labels
    place = np.clip(np.ceil(confidence * bins) - 1, 0, bins - 1)
    ece = sum(abs(right[place == b].sum() - confidence[place == b].sum()) for b in range(bins)) / len(p)
    nll = -np.log(np.maximum(p[np.arange(len(p)), labels], 1e-12)).mean()
    return {"accuracy": right.mean(), "nll": nll, "ece": ece}


def main():
    runs, results = sys.argv[1], json.loads(pathlib.Path(sys.argv[2]).read_text())
    found = {}
    for run in finished_runs(runs):
        with h5py.File(run / "predictions.h5") as file:
            meta = meta_of(file)
            for dataset, mode, group in sets_of(file):
                if mode not in SUFFIX:
                    continue
                key = (meta["protocol"], meta["method"] + SUFFIX[mode], dataset, meta["seed"])
                found[key] = numbers(group["probabilities"][:], group["labels"][:])

    wrong, compared = [], 0
    for protocol, content in results["protocols"].items():
        for method, row in content["methods"].items():
            means = []
            for dataset, cell in row["datasets"].items():
                mine = [found[protocol, method, dataset, seed] for seed in cell["seeds"]]
                means.append(np.mean([m["accuracy"] for m in mine]))
                for name, theirs in (("accuracy", "values"), ("nll", "nll_values"), ("ece", "ece_values")):
                    for m, value in zip(mine, cell[theirs], strict=True):
                        compared += 1
                        if abs(m[name] - value) > 1e-6:
                            wrong.append(f"{protocol} {method} {dataset} {name}: {value}, recomputed {m[name]}")
            if abs(np.mean(means) - row["mean_accuracy"]) > 1e-6:
                wrong.append(f"{protocol} {method} mean_accuracy: {row['mean_accuracy']}, recomputed {np.mean(means)}")
    rows = {(p, m, d, s) for p, c in results["protocols"].items() for m, r in c["methods"].items()
            for d, cell in r["datasets"].items() for s in cell["seeds"]}
    wrong += [f"not in the report: {' '.join(map(str, key))}" for key in sorted(found.keys() - rows)]
    print("\n".join(wrong) or f"{compared} numbers agree")
    if wrong or compared == 0:
        raise SystemExit(1)


main()
