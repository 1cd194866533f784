"""Golden values of small vision transformers that are not CLIP's, from PyTorch's own layers.

Writes vit_structures.json beside this file: for each structure its keys, weights, images and labels, the features, the
loss against a fixed head and its gradient in every weight. All in double precision, so that rounding cannot hide an
error. Post-norm networks are torch.nn.TransformerEncoder itself; the others are put together from Conv2d or Linear,
scaled_dot_product_attention and LayerNorm, and share no code with vtvc. Needs PyTorch 2:
python3 tests/golden/make_vit_structures.py
"""

import json
import math
import pathlib

import torch
from torch import nn

IMAGE, PATCH, WIDTH, DEPTH, HEADS, MLP = 6, 3, 8, 2, 2, 12
SAMPLES, CLASSES = 2, 3
GRID = IMAGE // PATCH

# What vtvc calls the tensors of torch.nn.TransformerEncoderLayer.
LAYER = {
    "self_attn.in_proj_weight": "attn.in_proj_weight", "self_attn.in_proj_bias": "attn.in_proj_bias",
    "self_attn.out_proj": "attn.out_proj", "linear1": "mlp.c_fc", "linear2": "mlp.c_proj", "norm1": "ln_1", "norm2": "ln_2",
}


class Encoder(nn.Module):
    """torch.nn.TransformerEncoder behind a class token and a convolution; LayerNorm over the class token."""

    def __init__(self, channels, activation, norm_first=False):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, WIDTH, PATCH, stride=PATCH)
        self.class_embedding = nn.Parameter(torch.zeros(WIDTH))
        self.positional_embedding = nn.Parameter(torch.zeros(GRID**2 + 1, WIDTH))
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, MLP, dropout=0, activation=activation, batch_first=True, norm_first=norm_first
        )
        self.encoder = nn.TransformerEncoder(layer, DEPTH, enable_nested_tensor=False)
        self.ln_post = nn.LayerNorm(WIDTH)

    def forward(self, images):
        patches = self.conv1(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_embedding.expand(len(images), 1, WIDTH), patches], 1) + self.positional_embedding
        return self.ln_post(self.encoder(x)[:, 0])

    @staticmethod
    def canonical(name):
        if not name.startswith("encoder.layers."):
            return name
        layer, rest = name.removeprefix("encoder.layers.").split(".", 1)
        for theirs, ours in LAYER.items():
            if rest.startswith(theirs):
                return f"transformer.resblocks.{layer}.{ours}{rest.removeprefix(theirs)}"
        raise KeyError(name)


class PreNorm(nn.Module):
    """Pre-norm blocks with every choice that timm-like networks differ in."""

    def __init__(self, channels, *, activation, eps, class_token=True, linear_patches=False, patch_bias=True,
                 positions="all", ln_pre=False, ln_post="tokens", pool="class", output=None, qkv_bias=True, out_bias=True):
        super().__init__()
        self.activation, self.pool, self.ln_last, self.positions = activation, pool, ln_post, positions
        self.linear_patches = linear_patches
        if linear_patches:
            self.conv1 = nn.Linear(channels * PATCH**2, WIDTH, bias=patch_bias)
        else:
            self.conv1 = nn.Conv2d(channels, WIDTH, PATCH, stride=PATCH, bias=patch_bias)
        self.class_embedding = nn.Parameter(torch.zeros(WIDTH)) if class_token else None
        tokens = GRID**2 + (1 if class_token and positions == "all" else 0)
        self.positional_embedding = nn.Parameter(torch.zeros(tokens, WIDTH))
        self.ln_pre = nn.LayerNorm(WIDTH, eps) if ln_pre else None
        self.transformer = nn.ModuleDict({"resblocks": nn.ModuleList(
            nn.ModuleDict({
                "ln_1": nn.LayerNorm(WIDTH, eps),
                "attn": nn.ModuleDict({"in_proj": nn.Linear(WIDTH, 3 * WIDTH, bias=qkv_bias),
                                       "out_proj": nn.Linear(WIDTH, WIDTH, bias=out_bias)}),
                "ln_2": nn.LayerNorm(WIDTH, eps),
                "mlp": nn.ModuleDict({"c_fc": nn.Linear(WIDTH, MLP), "c_proj": nn.Linear(MLP, WIDTH)}),
            }) for _ in range(DEPTH))})
        self.ln_post = nn.LayerNorm(WIDTH, eps) if ln_post != "none" else None
        self.proj = nn.Parameter(torch.zeros(WIDTH, output)) if output else None

    def attend(self, attn, x):
        q, k, v = attn["in_proj"](x).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        return attn["out_proj"](nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))

    def forward(self, images):
        if self.linear_patches:
            x = self.conv1(nn.functional.unfold(images, PATCH, stride=PATCH).transpose(1, 2))
        else:
            x = self.conv1(images).flatten(2).transpose(1, 2)
        if self.positions == "patches":
            x = x + self.positional_embedding
        if self.class_embedding is not None:
            x = torch.cat([self.class_embedding.expand(len(images), 1, WIDTH), x], 1)
        if self.positions == "all":
            x = x + self.positional_embedding
        if self.ln_pre is not None:
            x = self.ln_pre(x)
        for block in self.transformer["resblocks"]:
            x = x + self.attend(block["attn"], block["ln_1"](x))
            x = x + block["mlp"]["c_proj"](self.activation(block["mlp"]["c_fc"](block["ln_2"](x))))
        if self.ln_last == "tokens":
            x = self.ln_post(x)
        first = 1 if self.pool == "patches" and self.class_embedding is not None else 0
        x = x[:, 0] if self.pool == "class" else x[:, first:].mean(1)
        if self.ln_last == "pooled":
            x = self.ln_post(x)
        return x if self.proj is None else x @ self.proj

    @staticmethod
    def canonical(name):
        return name.replace("attn.in_proj.", "attn.in_proj_")


def short(tensor, scale=1.0):
    """Random values that a short decimal holds exactly."""
    return torch.round(tensor * scale * 256) / 256


def digits(tensor):
    return [float(f"{value:.12g}") for value in tensor.detach().flatten().tolist()]


def case(network, channels, **keys):
    """Random weights, and what PyTorch makes of them."""
    network = network.double().train()  # evaluation would take the encoder's fused path, which has no gradients
    with torch.no_grad():
        for name, value in network.named_parameters():
            noise = torch.randn(value.shape, dtype=torch.double)
            is_gain = value.dim() == 1 and name.endswith("weight")
            value.copy_(short(noise, 0.1) + 1 if is_gain else short(noise, 1.5 / math.sqrt(value.shape[-1])))
    images = short(torch.randn(SAMPLES, channels, IMAGE, IMAGE, dtype=torch.double))
    features = network(images)
    head = short(torch.randn(CLASSES, features.shape[1], dtype=torch.double))
    labels = torch.tensor([2, 0])
    loss = nn.functional.cross_entropy(features @ head.T, labels)
    loss.backward()
    shape = {"conv1.weight": [WIDTH, channels, PATCH, PATCH]}  # a linear embedding's [W, C·p·p] is the same numbers
    return {
        "model": {"kind": "vit", "image": IMAGE, "channels": channels, "patch": PATCH, "width": WIDTH, "depth": DEPTH,
                  "heads": HEADS, "mlp": MLP, "output": features.shape[1], "pixel_mean": 0.5, "pixel_sd": 0.5} | keys,
        "weights": {
            network.canonical(name): {"shape": shape.get(name, list(value.shape)), "values": digits(value),
                                      "gradient": digits(value.grad)}
            for name, value in network.named_parameters()
        },
        "images": digits(images), "head": digits(head), "labels": labels.tolist(), "features": digits(features),
        "loss": loss.item(),
    }


def main():
    torch.manual_seed(2026)
    functional = nn.functional
    tanh = nn.GELU(approximate="tanh")
    plain = {"ln_pre": False, "patch_bias": True, "projection": False}
    golden = {
        "made_by": f"tests/golden/make_vit_structures.py, PyTorch {torch.__version__}",
        "structures": {
            "PostNormWithRelu": case(Encoder(3, "relu"), 3, norm="post", activation="relu", **plain),
            "PostNormWithGelu": case(Encoder(1, "gelu"), 1, norm="post", activation="gelu", **plain),
            "EncoderPreNorm": case(Encoder(1, "gelu", True), 1, activation="gelu", **plain),
            "LinearPatchesAndMean": case(
                PreNorm(2, activation=functional.gelu, eps=1e-5, class_token=False, linear_patches=True, pool="patches"),
                2, activation="gelu", class_token=False, pool="patches", **plain),
            "PositionsOfPatchesAndNormAfterTheMean": case(
                PreNorm(1, activation=functional.gelu, eps=1e-6, positions="patches", ln_post="pooled", pool="patches",
                        qkv_bias=False),
                1, activation="gelu", norm_eps=1e-6, positions="patches", ln_post="pooled", pool="patches",
                attention_bias="output", **plain),
            "MeanOfAllTokensAndProjection": case(
                PreNorm(3, activation=tanh, eps=1e-2, patch_bias=False, ln_pre=True, ln_post="none", pool="tokens", output=5,
                        qkv_bias=False, out_bias=False),
                3, activation="gelu_tanh", norm_eps=1e-2, ln_post="none", pool="tokens", attention_bias="none"),
        },
    }
    path = pathlib.Path(__file__).with_name("vit_structures.json")
    path.write_text(json.dumps(golden, separators=(",", ":")).replace("},", "},\n") + "\n")


if __name__ == "__main__":
    main()
