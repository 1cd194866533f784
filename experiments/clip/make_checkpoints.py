#!/usr/bin/env python3
"""A folder of CLIP ViT-B/32 checkpoints of the real names and shapes with random numbers, and text embeddings for a head.

Usage: PYTHONPATH=.deps/pytorch:.deps/peers python3 experiments/clip/make_checkpoints.py FOLDER [TASKS]
Makes FOLDER/base and FOLDER/task0 … (config.json, model.safetensors, 0.6 GB each) and FOLDER/text.safetensors of eight
classes. Needs PyTorch, transformers and safetensors (./setup.sh --cuda).
"""
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel

folder, tasks = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3
torch.manual_seed(0)
model = CLIPModel(CLIPConfig())  # the defaults are ViT-B/32 at 224 pixels
model.save_pretrained(folder / "base")
start = {name: value.clone() for name, value in model.vision_model.state_dict().items()}
for task in range(tasks):
    state = {name: value + .02 * value.std() * torch.randn_like(value) if value.is_floating_point() and value.numel() > 1
             else value for name, value in start.items()}
    model.vision_model.load_state_dict(state)
    model.save_pretrained(folder / f"task{task}")
text = torch.randn(8, model.config.projection_dim)
save_file({"text_embeds": text / text.norm(dim=-1, keepdim=True), "logit_scale": model.logit_scale.detach()},
          folder / "text.safetensors")
