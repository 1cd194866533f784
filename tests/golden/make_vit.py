"""Golden values of a small CLIP vision transformer, from PyTorch's own layers.

Writes vit.json beside this file: weights, images and labels, and for each activation the features, the loss against a
fixed head, its gradient in every weight, and every weight after one clipped step of AdamW. All in double precision, so
that rounding cannot hide an error. The network is put together from torch.nn (Conv2d, MultiheadAttention, LayerNorm)
and shares no code with vtvc. Needs PyTorch 2: python3 tests/golden/make_vit.py
"""

import json
import math
import pathlib

import torch
from torch import nn

IMAGE, CHANNELS, PATCH, WIDTH, DEPTH, HEADS, MLP, OUTPUT = 8, 2, 4, 8, 2, 2, 12, 6
SAMPLES, CLASSES = 3, 4
STEP = {"lr": 1e-3, "weight_decay": 0.01, "clip": 1.0}


class QuickGelu(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    def __init__(self, activation):
        super().__init__()
        self.ln_1 = nn.LayerNorm(WIDTH)
        self.attn = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.ln_2 = nn.LayerNorm(WIDTH)
        self.mlp = nn.ModuleDict(
            {"c_fc": nn.Linear(WIDTH, MLP), "activation": activation, "c_proj": nn.Linear(MLP, WIDTH)}
        )

    def forward(self, x):
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        y = self.mlp["activation"](self.mlp["c_fc"](self.ln_2(x)))
        return x + self.mlp["c_proj"](y)


class Vit(nn.Module):
    def __init__(self, activation):
        super().__init__()
        self.conv1 = nn.Conv2d(CHANNELS, WIDTH, PATCH, stride=PATCH, bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(WIDTH))
        self.positional_embedding = nn.Parameter(torch.zeros((IMAGE // PATCH) ** 2 + 1, WIDTH))
        self.ln_pre = nn.LayerNorm(WIDTH)
        self.transformer = nn.ModuleDict({"resblocks": nn.ModuleList(Block(activation) for _ in range(DEPTH))})
        self.ln_post = nn.LayerNorm(WIDTH)
        self.proj = nn.Parameter(torch.zeros(WIDTH, OUTPUT))

    def forward(self, images):
        patches = self.conv1(images).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(images), 1, WIDTH)
        x = self.ln_pre(torch.cat([first, patches], dim=1) + self.positional_embedding)
        for block in self.transformer["resblocks"]:
            x = block(x)
        return self.ln_post(x[:, 0]) @ self.proj


def short(tensor, scale=1.0):
    """Random values that a short decimal holds exactly."""
    return torch.round(tensor * scale * 256) / 256


def digits(tensor):
    return [float(f"{value:.12g}") for value in tensor.detach().flatten().tolist()]


def run(activation, weights, images, labels, head):
    network = Vit(activation).double()
    network.load_state_dict(weights)
    features = network(images)
    loss = nn.functional.cross_entropy(features @ head.T, labels)
    loss.backward()
    gradients = {name: digits(p.grad) for name, p in network.named_parameters()}
    norm = nn.utils.clip_grad_norm_(network.parameters(), STEP["clip"])
    torch.optim.AdamW(network.parameters(), lr=STEP["lr"], weight_decay=STEP["weight_decay"]).step()
    return {
        "features": digits(features),
        "loss": loss.item(),
        "gradient_norm": norm.item(),
        "gradients": gradients,
        "stepped": {name: digits(p) for name, p in network.named_parameters()},
    }


def main():
    torch.manual_seed(2025)
    weights = {}
    for name, value in Vit(nn.GELU()).double().state_dict().items():
        noise = torch.randn(value.shape, dtype=torch.double)
        is_gain = name.split(".")[-2:-1] and name.split(".")[-2].startswith("ln") and name.endswith("weight")
        weights[name] = short(noise, 0.1) + 1 if is_gain else short(noise, 1.5 / math.sqrt(value.shape[-1]))
    images = short(torch.randn(SAMPLES, CHANNELS, IMAGE, IMAGE, dtype=torch.double))
    head = short(torch.randn(CLASSES, OUTPUT, dtype=torch.double))
    labels = torch.tensor([2, 0, 3])
    golden = {
        "made_by": f"tests/golden/make_vit.py, PyTorch {torch.__version__}",
        "model": {
            "image": IMAGE, "channels": CHANNELS, "patch": PATCH, "width": WIDTH,
            "depth": DEPTH, "heads": HEADS, "mlp": MLP, "output": OUTPUT,
        },
        "step": STEP,
        "classes": CLASSES,
        "weights": {name: {"shape": list(value.shape), "values": digits(value)} for name, value in weights.items()},
        "images": digits(images),
        "labels": labels.tolist(),
        "head": digits(head),
        "quick_gelu": run(QuickGelu(), weights, images, labels, head),
        "gelu": run(nn.GELU(), weights, images, labels, head),
    }
    path = pathlib.Path(__file__).with_name("vit.json")
    path.write_text(json.dumps(golden, separators=(",", ":")).replace("},", "},\n") + "\n")


if __name__ == "__main__":
    main()
