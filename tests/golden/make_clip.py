"""What transformers' own CLIPVisionModelWithProjection makes of ViT-B/32 with weights from a counter.

Writes clip.json beside this file: for quick_gelu and gelu the features of two images at 16 places and their mean,
deviation and norm. Weights and images are splitmix64 of (tensor, element), scaled, so that the test makes the very same
numbers without a file of 350 MB. In double precision. Needs PyTorch 2, numpy and transformers:
python3 tests/golden/make_clip.py
"""

import json
import pathlib

import numpy
import torch
import transformers

IMAGE, PATCH, WIDTH, DEPTH, HEADS, MLP, OUTPUT, SAMPLES = 224, 32, 768, 12, 12, 3072, 512, 2
PLACES = [0, 1, 2, 31, 64, 100, 127, 128, 200, 255, 256, 300, 383, 400, 510, 511]


def uniform(tensor, count):
    """count numbers in [-1, 1): splitmix64 of tensor * 2**32 + element, the upper 24 bits."""
    with numpy.errstate(over="ignore"):
        x = numpy.arange(count, dtype=numpy.uint64) + (numpy.uint64(tensor) << numpy.uint64(32))
        x = (x + numpy.uint64(1)) * numpy.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        x = x ^ (x >> numpy.uint64(31))
    return torch.from_numpy((x >> numpy.uint64(40)).astype(numpy.float64) / 2**23 - 1)


def blocks():
    """The blocks of vtvc in their order: name, shape, offset, scale."""
    deviation = 1.7 / WIDTH**0.5
    yield "conv1.weight", (WIDTH, 3, PATCH, PATCH), 0, 1.7 / (3 * PATCH * PATCH) ** 0.5
    yield "class_embedding", (WIDTH,), 0, deviation
    yield "positional_embedding", ((IMAGE // PATCH) ** 2 + 1, WIDTH), 0, deviation
    yield "ln_pre.weight", (WIDTH,), 1, 0.25
    yield "ln_pre.bias", (WIDTH,), 0, 0.25
    for i in range(DEPTH):
        p = f"transformer.resblocks.{i}."
        for name, shape, offset, scale in [
            ("ln_1.weight", (WIDTH,), 1, 0.25), ("ln_1.bias", (WIDTH,), 0, 0.25),
            ("attn.in_proj_weight", (3 * WIDTH, WIDTH), 0, deviation), ("attn.in_proj_bias", (3 * WIDTH,), 0, 0.25),
            ("attn.out_proj.weight", (WIDTH, WIDTH), 0, deviation), ("attn.out_proj.bias", (WIDTH,), 0, 0.25),
            ("ln_2.weight", (WIDTH,), 1, 0.25), ("ln_2.bias", (WIDTH,), 0, 0.25),
            ("mlp.c_fc.weight", (MLP, WIDTH), 0, deviation), ("mlp.c_fc.bias", (MLP,), 0, 0.25),
            ("mlp.c_proj.weight", (WIDTH, MLP), 0, deviation), ("mlp.c_proj.bias", (WIDTH,), 0, 0.25),
        ]:
            yield p + name, shape, offset, scale
    yield "ln_post.weight", (WIDTH,), 1, 0.25
    yield "ln_post.bias", (WIDTH,), 0, 0.25
    yield "proj", (WIDTH, OUTPUT), 0, deviation


def to_transformers(weights):
    """CLIP's names in transformers; q, k and v apart, the projection transposed."""
    simple = {
        "class_embedding": "embeddings.class_embedding", "conv1.weight": "embeddings.patch_embedding.weight",
        "positional_embedding": "embeddings.position_embedding.weight", "ln_pre.weight": "pre_layrnorm.weight",
        "ln_pre.bias": "pre_layrnorm.bias", "ln_post.weight": "post_layernorm.weight", "ln_post.bias": "post_layernorm.bias",
    }
    state = {"vision_model." + theirs: weights[ours] for ours, theirs in simple.items()}
    state["visual_projection.weight"] = weights["proj"].T.contiguous()
    inside = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "attn.out_proj": "self_attn.out_proj", "mlp.c_fc": "mlp.fc1",
              "mlp.c_proj": "mlp.fc2"}
    for i in range(DEPTH):
        ours, theirs = f"transformer.resblocks.{i}.", f"vision_model.encoder.layers.{i}."
        for kind in ("weight", "bias"):
            for a, b in inside.items():
                state[f"{theirs}{b}.{kind}"] = weights[f"{ours}{a}.{kind}"]
            for name, part in zip("qkv", weights[f"{ours}attn.in_proj_{kind}"].chunk(3)):
                state[f"{theirs}self_attn.{name}_proj.{kind}"] = part
    return state


def main():
    weights = {}
    for tensor, (name, shape, offset, scale) in enumerate(blocks()):
        values = uniform(tensor, int(numpy.prod(shape))) * scale + offset
        weights[name] = values.to(torch.float32).double().view(shape)  # as a float file would hold them
    assert len(weights) == 152
    images = uniform(1000, SAMPLES * 3 * IMAGE * IMAGE).view(SAMPLES, 3, IMAGE, IMAGE)
    golden = {"made_by": f"tests/golden/make_clip.py, transformers {transformers.__version__}, PyTorch {torch.__version__}",
              "places": PLACES}
    for activation in ("quick_gelu", "gelu"):
        config = transformers.CLIPVisionConfig(
            hidden_size=WIDTH, intermediate_size=MLP, projection_dim=OUTPUT, num_hidden_layers=DEPTH,
            num_attention_heads=HEADS, image_size=IMAGE, patch_size=PATCH, hidden_act=activation, attention_dropout=0.0,
        )
        network = transformers.CLIPVisionModelWithProjection(config).double().eval()
        missing, unexpected = network.load_state_dict(to_transformers(weights), strict=False)
        assert not unexpected and all("position_ids" in name for name in missing), (missing, unexpected)
        with torch.no_grad():
            features = network(pixel_values=images).image_embeds
        golden[activation] = [
            {"values": [float(f"{v:.12g}") for v in row[PLACES].tolist()], "mean": row.mean().item(),
             "sd": row.std(unbiased=False).item(), "norm": row.norm().item()}
            for row in features
        ]
    path = pathlib.Path(__file__).with_name("clip.json")
    path.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
