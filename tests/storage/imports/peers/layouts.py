"""Networks in the layouts of other projects, made with the packages that make them.

One set of weights (open_clip's names, our canonical form) is drawn once; everything else is that set written by
real code: transformers' models, torch modules built like open_clip's and task_vectors' ImageEncoder, peft's adapters.
What q, k and v look like in each is written here a second time, independently of vtvc.
"""
import sys
import types

import torch
from torch import nn

WIDTH, LAYERS, HEADS, MLP, PATCH, IMAGE, OUTPUT = 128, 2, 2, 256, 8, 16, 24


def open_clip_weights(seed, start=None):
    """The visual tower in open_clip's names; with start, a fine-tuned copy of it."""
    torch.manual_seed(seed)
    if start is not None:
        # Many small steps, as an optimiser takes them: θ0 + (θ − θ0) then often rounds away from θ.
        tuned = {k: v.clone() for k, v in start.items()}
        for _ in range(100):
            for value in tuned.values():
                value -= 1e-4 * torch.randn_like(value)
        assert any(bool((start[k] + (v - start[k]) != v).any()) for k, v in tuned.items())
        return tuned
    tokens = (IMAGE // PATCH) ** 2 + 1
    shapes = {"class_embedding": (WIDTH,), "positional_embedding": (tokens, WIDTH), "proj": (WIDTH, OUTPUT),
              "conv1.weight": (WIDTH, 3, PATCH, PATCH), "ln_pre.weight": (WIDTH,), "ln_pre.bias": (WIDTH,)}
    for i in range(LAYERS):
        block = f"transformer.resblocks.{i}."
        shapes |= {block + "ln_1.weight": (WIDTH,), block + "ln_1.bias": (WIDTH,),
                   block + "attn.in_proj_weight": (3 * WIDTH, WIDTH), block + "attn.in_proj_bias": (3 * WIDTH,),
                   block + "attn.out_proj.weight": (WIDTH, WIDTH), block + "attn.out_proj.bias": (WIDTH,),
                   block + "ln_2.weight": (WIDTH,), block + "ln_2.bias": (WIDTH,),
                   block + "mlp.c_fc.weight": (MLP, WIDTH), block + "mlp.c_fc.bias": (MLP,),
                   block + "mlp.c_proj.weight": (WIDTH, MLP), block + "mlp.c_proj.bias": (WIDTH,)}
    shapes |= {"ln_post.weight": (WIDTH,), "ln_post.bias": (WIDTH,)}
    return {k: .05 * torch.randn(s) for k, s in shapes.items()}


def hugging_face_weights(weights, prefix="vision_model."):
    """The same numbers in transformers' names."""
    out = {prefix + "embeddings.class_embedding": weights["class_embedding"],
           prefix + "embeddings.patch_embedding.weight": weights["conv1.weight"],
           prefix + "embeddings.position_embedding.weight": weights["positional_embedding"],
           "visual_projection.weight": weights["proj"].t().contiguous()}
    for kind in ("weight", "bias"):
        out[f"{prefix}pre_layrnorm.{kind}"] = weights[f"ln_pre.{kind}"]
        out[f"{prefix}post_layernorm.{kind}"] = weights[f"ln_post.{kind}"]
        for i in range(LAYERS):
            ours, theirs = f"transformer.resblocks.{i}.", f"{prefix}encoder.layers.{i}."
            for name, part in zip("qkv", weights[f"{ours}attn.in_proj_{kind}"].chunk(3)):
                out[f"{theirs}self_attn.{name}_proj.{kind}"] = part.contiguous()
            for a, b in (("attn.out_proj", "self_attn.out_proj"), ("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"),
                         ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2")):
                out[f"{theirs}{b}.{kind}"] = weights[f"{ours}{a}.{kind}"]
    return out


def vision_config(**more):
    from transformers import CLIPVisionConfig
    return CLIPVisionConfig(hidden_size=WIDTH, intermediate_size=MLP, num_hidden_layers=LAYERS,
                            num_attention_heads=HEADS, image_size=IMAGE, patch_size=PATCH, projection_dim=OUTPUT, **more)


def clip_model(weights):
    """transformers.CLIPModel with a text tower beside the weights."""
    from transformers import CLIPConfig, CLIPModel
    text = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, vocab_size=50,
                bos_token_id=1, eos_token_id=2, projection_dim=OUTPUT)
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision_config().to_dict(), projection_dim=OUTPUT))
    missing, unexpected = model.load_state_dict(hugging_face_weights(weights), strict=False)
    assert not unexpected and all(k.startswith(("text_", "logit_scale")) or "position_ids" in k for k in missing)
    return model


def vision_model(weights):
    """transformers.CLIPVisionModel: no projection; its names start with vision_model. before version 5."""
    from transformers import CLIPVisionModel
    model = CLIPVisionModel(vision_config())
    prefix = "vision_model." if any(k.startswith("vision_model.") for k in model.state_dict()) else ""
    given = {k: v for k, v in hugging_face_weights(weights, prefix).items() if k != "visual_projection.weight"}
    model.load_state_dict(given)
    return model


class Block(nn.Module):
    """A residual attention block, its parts registered in the order of older open_clip versions."""

    def __init__(self):
        super().__init__()
        self.attn = nn.MultiheadAttention(WIDTH, HEADS)
        self.ln_1 = nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential()
        self.mlp.add_module("c_fc", nn.Linear(WIDTH, MLP))
        self.mlp.add_module("gelu", nn.GELU())
        self.mlp.add_module("c_proj", nn.Linear(MLP, WIDTH))
        self.ln_2 = nn.LayerNorm(WIDTH)


class Visual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTH, PATCH, PATCH, bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(WIDTH))
        self.positional_embedding = nn.Parameter(torch.zeros((IMAGE // PATCH) ** 2 + 1, WIDTH))
        self.ln_pre = nn.LayerNorm(WIDTH)
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.ModuleList([Block() for _ in range(LAYERS)])
        self.ln_post = nn.LayerNorm(WIDTH)
        self.proj = nn.Parameter(torch.zeros(WIDTH, OUTPUT))


class Clip(nn.Module):
    """What an ImageEncoder keeps of open_clip's CLIP: the text transformer is deleted, its leftovers stay."""

    def __init__(self):
        super().__init__()
        self.visual = Visual()
        self.token_embedding = nn.Embedding(50, 16)
        self.positional_embedding = nn.Parameter(torch.randn(77, 16))
        self.ln_final = nn.LayerNorm(16)
        self.text_projection = nn.Parameter(torch.randn(16, OUTPUT))
        self.logit_scale = nn.Parameter(torch.tensor(4.6052))
        self.register_buffer("attn_mask", torch.ones(3, 3, dtype=torch.int64), persistent=True)


class ImageEncoder(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.model = Clip()
        self.cache_dir = None
        self.model.visual.load_state_dict(weights)


class ClassificationHead(nn.Linear):
    def __init__(self, weight, normalize=True):
        super().__init__(weight.shape[1], weight.shape[0])
        self.weight = nn.Parameter(weight.clone())
        self.bias = nn.Parameter(torch.zeros(weight.shape[0]))
        self.normalize = normalize


def as_project_modules():
    """Pickles name their classes: these are then src.modeling.ImageEncoder and friends, as in task_vectors."""
    modeling = types.ModuleType("src.modeling")
    sys.modules["src"], sys.modules["src.modeling"] = types.ModuleType("src"), modeling
    for cls in (Block, Visual, Clip, ImageEncoder, ClassificationHead):
        cls.__module__ = "src.modeling"
        setattr(modeling, cls.__name__, cls)


def tangent_state(encoder, base):
    """state_dict of a LinearizedImageEncoder: two lists of parameters in the order of named_parameters()."""
    params = dict(enumerate(p.detach().clone() for _, p in encoder.named_parameters()))
    params0 = dict(enumerate(p.detach().clone() for _, p in base.named_parameters()))
    state = {f"model.params.{i}": p for i, p in params.items()}
    return state | {f"model.params0.{i}": p for i, p in params0.items()} | {"model_name": "ViT-tiny"}


def split_attention(weights, prefix):
    """open_clip's names with q, k and v apart, as merge-and-rebase accepts them."""
    out = {}
    for name, value in weights.items():
        if "attn.in_proj_" in name:
            kind = name.rsplit("_", 1)[1]
            for part, rows in zip("qkv", value.chunk(3)):
                out[f"{prefix}{name.replace(f'in_proj_{kind}', f'{part}_proj.{kind}')}"] = rows.contiguous()
        else:
            out[prefix + name] = value
    return out
