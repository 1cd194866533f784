#!/usr/bin/env python3
"""Writes metrics.json beside this file: what scikit-learn, SciPy and plain NumPy say of made-up predictions.

Needs numpy, scipy and scikit-learn (PyPI). Run by hand when core/metrics gains a function; the result is committed.
"""
import json
import pathlib

import numpy as np
from scipy import stats
from sklearn import metrics

rng = np.random.default_rng(20261118)
rows, classes = 200, 4
logits = rng.normal(size=(rows, classes)) * 1.5
p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
p = p.astype(np.float32)
labels = np.array([rng.choice(classes, p=row.astype(float) ** 0.7 / (row.astype(float) ** 0.7).sum()) for row in p])

q = p.astype(float)
confidence, right = q.max(1), q.argmax(1) == labels
# Bins by NumPy's digitize: (edge, edge].
bin_of = np.digitize(confidence, np.linspace(0, 1, 16)[1:-1], right=True)
width_ece = sum(abs(right[bin_of == b].sum() - confidence[bin_of == b].sum()) for b in range(15)) / rows
order = np.argsort(confidence, kind="stable")
cuts = [b * rows // 15 for b in range(16)]
count_ece = sum(abs(right[order[a:b]].sum() - confidence[order[a:b]].sum()) for a, b in zip(cuts, cuts[1:])) / rows
entropy = stats.entropy(q, axis=1)
tied = np.round(entropy, 1)  # many ties

few = np.round(rng.normal(0.4, 1, size=12), 3)
many = np.round(rng.normal(0.2, 1, size=60), 1)
assert len(np.unique(np.abs(few))) == len(few) and (few != 0).all()  # SciPy's exact method wants no ties, no zeros
exact = stats.wilcoxon(few, method="exact", alternative="two-sided")
normal = stats.wilcoxon(many[many != 0], method="approx", correction=True)
sample = few[:5]

golden = {
    "classes": classes,
    "probabilities": [float(v) for v in p.ravel()],
    "labels": labels.tolist(),
    "accuracy": metrics.accuracy_score(labels, q.argmax(1)),
    "nll": metrics.log_loss(labels, q / q.sum(1, keepdims=True)),
    "brier": float(((q - np.eye(classes)[labels]) ** 2).sum(1).mean()),
    "ece": width_ece,
    "adaptive_ece": count_ece,
    "entropy": float(entropy.mean()),
    "tied_scores": tied.tolist(),
    "auroc_of_errors": metrics.roc_auc_score(~right, tied),
    "few": few.tolist(),
    "wilcoxon_exact_p": exact.pvalue,
    "many": many.tolist(),
    "wilcoxon_normal_p": normal.pvalue,
    "sample": sample.tolist(),
    "sd": float(np.std(sample, ddof=1)),
    "t_interval": list(stats.t.interval(0.95, len(sample) - 1, np.mean(sample), stats.sem(sample))),
    "t_quantiles": [[n, float(stats.t.ppf(0.975, n))] for n in (1, 2, 3, 4, 9, 29, 60, 200)],
}
path = pathlib.Path(__file__).with_name("metrics.json")
path.write_text(json.dumps(golden, indent=1) + "\n")
