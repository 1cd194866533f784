#!/usr/bin/env python3
"""Per-sample weights with public PyTorch and with vtvc, one after the other in the same minute.

    PYTHONPATH=.deps/pytorch python3 experiments/peers/compose.py --vtvc build/release/bin/vtvc [--network]

Every ratio is a median over rounds of a way's processor time over that of the plain network in the same round, by the
same library on one thread: PyTorch's ways over PyTorch's plain product, vtvc over the fastest plain product that it
finds. The ways of PyTorch: a loop over samples, torch.func.vmap, and a batched product (bmm) of weights made for all
samples at once. One linear layer of 768 x 768; with --network the encoder of ViT-B/32 (embeddings and head left out).
"""
import argparse
import json
import statistics
import subprocess
import time

import torch
from torch.func import functional_call, vmap


def medians(ways, rounds):
    """Median over the rounds of each way's processor time over the first one's; one round more does not count."""
    taken = {name: [] for name in ways}
    for index in range(rounds + 1):
        for name, way in ways.items():
            begin = time.process_time()
            way()
            if index > 0:
                taken[name].append(time.process_time() - begin)
    plain = taken[next(iter(ways))]
    return {name: statistics.median(a / b for a, b in zip(own, plain)) for name, own in taken.items()}


def linear_ways(samples, tokens, tasks, width=768):
    base, tau = torch.randn(width, width) * 0.03, torch.randn(tasks, width, width) * 1e-3
    x, z = torch.randn(samples, tokens, width), torch.rand(samples, tasks) + 0.1

    def composed(own):
        return base + torch.tensordot(own, tau, 1)

    def batched():
        weights = (base.flatten() + z @ tau.flatten(1)).view(samples, width, width)
        return torch.bmm(x, weights.transpose(1, 2))

    mapped = vmap(lambda row, own: row @ composed(own).T)
    ways = {
        "plain": lambda: x.view(-1, width) @ base.T,
        "loop": lambda: torch.stack([row @ composed(own).T for row, own in zip(x, z)]),
        "vmap": lambda: mapped(x, z),
        "bmm": batched,
    }
    expected = ways["loop"]()
    for name in ("vmap", "bmm"):
        assert torch.allclose(ways[name](), expected, rtol=1e-3, atol=1e-3), name
    return ways


def network_ways(samples, tokens, tasks):
    torch.backends.mha.set_fastpath_enabled(False)  # it has no rule for vmap
    layer = torch.nn.TransformerEncoderLayer(768, 12, 3072, 0.0, "gelu", batch_first=True, norm_first=True)
    model = torch.nn.TransformerEncoder(layer, 12, enable_nested_tensor=False).eval()
    base = dict(model.named_parameters())
    tau = {name: torch.randn(tasks, *value.shape) * 1e-3 for name, value in base.items()}
    x = torch.randn(samples, tokens, 768)
    z = {name: torch.rand(samples, tasks) + 0.1 for name in base}

    def composed(own):
        return {name: base[name] + torch.tensordot(own[name], tau[name], 1) for name in base}

    def one(row, own):
        return functional_call(model, composed(own), (row.unsqueeze(0),)).squeeze(0)

    mapped = vmap(one)
    ways = {
        "plain": lambda: model(x),
        "loop": lambda: torch.stack([one(x[b], {name: own[b] for name, own in z.items()}) for b in range(samples)]),
        "vmap": lambda: mapped(x, z),
    }
    assert torch.allclose(ways["vmap"](), ways["loop"](), rtol=1e-2, atol=1e-2)
    return ways


def ours(vtvc, settings, key):
    command = [vtvc, "bench", "compose", "--json"] + [word for s in settings for word in ("--set", s)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)[key]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vtvc", required=True, help="the program to compare with")
    parser.add_argument("--samples", type=int, help="of a batch (64; 8 with --network)")
    parser.add_argument("--tasks", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--network", action="store_true", help="the encoder of ViT-B/32 instead of one layer")
    options = parser.parse_args()
    samples = options.samples or (8 if options.network else 64)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    settings = [f"bench.batch={samples}", f"bench.tasks={options.tasks}", f"bench.repetitions={options.rounds}"]
    with torch.no_grad():
        if options.network:
            ways, key = network_ways(samples, 50, options.tasks), f"forward_{options.tasks}of{options.tasks}"
        else:
            ways, key = linear_ways(samples, 50, options.tasks), f"linear_{options.tasks}of{options.tasks}"
            settings += ["bench.whole_network=false", "model.mlp=768"]
        before = ours(options.vtvc, settings, key)
        peers = medians(ways, options.rounds)
        after = ours(options.vtvc, settings, key)
    what = "encoder of ViT-B/32" if options.network else "768 x 768"
    print(f"{what}, {samples} samples of 50 tokens, {options.tasks} task vectors, all active; PyTorch {torch.__version__}")
    for name, ratio in peers.items():
        print(f"  {name:<6} {ratio:.2f}")
    print(f"  vtvc   {before:.2f} before, {after:.2f} after")


if __name__ == "__main__":
    main()
