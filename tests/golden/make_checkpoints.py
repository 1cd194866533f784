#!/usr/bin/env python3
"""Makes tests/golden/checkpoints with the packages that people use: torch, safetensors, numpy.

    PYTHONPATH=.deps/pytorch python3 tests/golden/make_checkpoints.py

safetensors must be importable too (pip install safetensors). expected.json says what a reader must find in each
file: names, types, shapes, bytes, notes; or the words of its refusal. Names of modules come from state_dict(), not
from our rules.
"""
import argparse
import collections
import dataclasses
import json
import pickle
import sys
import types
import zipfile
from pathlib import Path

import numpy
import safetensors.torch
import torch

OUT = Path(__file__).parent / "checkpoints"
NAMES = {torch.float16: "f16", torch.bfloat16: "bf16", torch.float32: "f32", torch.float64: "f64",
         torch.uint8: "u8", torch.int8: "i8", torch.int16: "i16", torch.int32: "i32", torch.int64: "i64",
         torch.bool: "bool"}
expected = {}


def raw(tensor):
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes().hex() if tensor.numel() else ""


def expect(name, layout, tensors, notes=None):
    expected[name] = {"layout": layout, "notes": notes or {}, "tensors": {
        key: {"type": NAMES[t.dtype], "shape": list(t.shape), "bytes": raw(t)} for key, t in tensors.items()}}


def refuse(name, *words):
    expected[name] = {"refused": list(words)}


def every_type():
    count = torch.arange(6)
    made = {NAMES[t]: (count % 2 if t == torch.bool else count * 3 - (0 if t == torch.uint8 else 5)).to(t).reshape(2, 3)
            for t in NAMES}
    made["scalar"] = torch.tensor(-1.5)
    made["empty"] = torch.zeros(0, 4)
    return made


def views():
    base = torch.arange(24, dtype=torch.float32)
    grid = base.reshape(2, 3, 4)
    return {"whole": base, "transposed": grid.transpose(0, 2), "rows": base[8:16].reshape(2, 4),
            "steps": base[1::5], "expanded": base[3:4].expand(2, 5), "tied": base, "column": grid[:, :, 1],
            "one": grid[1:, 2:, 3:]}


class Block(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.ln = torch.nn.LayerNorm(width)
        self.fc = torch.nn.Linear(width, width, bias=False)  # its bias is a None among the parameters
        self.norm = torch.nn.BatchNorm1d(width)


class ImageEncoder(torch.nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.blocks = torch.nn.ModuleList([Block(width), Block(width)])
        self.extra = torch.nn.ParameterList([torch.randn(2), torch.randn(1)])
        self.tied = self.blocks[0].fc.weight
        self.register_buffer("positions", torch.arange(4))
        self.register_buffer("mask", torch.ones(2, 2), persistent=False)
        self.model_name = "ViT-B-32"
        self.rate = 1e-5
        self.plain = torch.ones(3)  # no parameter: not in state_dict()
        self.me = [self]  # a cycle


class ClassificationHead(torch.nn.Linear):
    def __init__(self):
        super().__init__(3, 2)
        self.normalize = True


@dataclasses.dataclass
class Settings:
    lr: float
    name: str
    scale: torch.Tensor


Pair = collections.namedtuple("Pair", "first second")


def at_home(module, *classes):
    """The classes as if a project had them in a module of its own."""
    home = types.ModuleType(module)
    for kind in classes:
        kind.__module__, kind.__qualname__ = module, kind.__name__
        setattr(home, kind.__name__, kind)
    parts = module.split(".")
    for i in range(1, len(parts)):
        sys.modules.setdefault(".".join(parts[:i]), types.ModuleType(".".join(parts[:i])))
    sys.modules[module] = home


def state_dicts():
    dense = every_type()
    for protocol in (2, 4, 5):
        name = f"types_protocol{protocol}.pt"
        torch.save(dense, OUT / name, pickle_protocol=protocol)
        expect(name, "PyTorch state dict", dense)
    safetensors.torch.save_file(dense, OUT / "types.safetensors", {"format": "pt", "made by": "the real package"})
    expect("types.safetensors", "safetensors", dense, {"format": "pt", "made by": "the real package"})
    torch.save(views(), OUT / "views.pth")
    expect("views.pth", "PyTorch state dict", views())
    with zipfile.ZipFile(OUT / "views.pth") as source, \
            zipfile.ZipFile(OUT / "views_deflated.pth", "w", zipfile.ZIP_DEFLATED) as packed:
        for entry in source.namelist():
            packed.writestr(zipfile.ZipInfo(entry), source.read(entry), zipfile.ZIP_DEFLATED)
    expect("views_deflated.pth", "PyTorch state dict", views())
    torch.save(dense["f32"], OUT / "one_tensor.pt")
    expect("one_tensor.pt", "pickled tensor", {"tensor": dense["f32"]})
    torch.save([dense["f32"], {"a": dense["i64"]}], OUT / "list.pt")
    expect("list.pt", "pickled list", {"0": dense["f32"], "1.a": dense["i64"]})


def modules():
    at_home("src.modeling", ImageEncoder, ClassificationHead, Block)
    encoder = ImageEncoder()
    torch.save(encoder, OUT / "module.pt")
    # me.0: the module itself; positions in a cycle are walked once.
    notes = {"model_name": "ViT-B-32", "rate": "1e-05", "training": "true"}
    for i in (0, 1):
        notes[f"blocks.{i}.norm.eps"] = "1e-05"
        notes[f"blocks.{i}.fc.in_features"] = "3"
    expect("module.pt", "pickled module src.modeling.ImageEncoder", encoder.state_dict(), notes)
    head = ClassificationHead()
    torch.save(head, OUT / "head.pt", pickle_protocol=4)
    expect("head.pt", "pickled module src.modeling.ClassificationHead", head.state_dict(), {"normalize": "true"})
    scripted = torch.jit.script(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.LayerNorm(3)))
    torch.jit.save(scripted, OUT / "script.pt")
    expect("script.pt", None, scripted.state_dict())


def wrapped():
    at_home("project.settings", Settings, Pair)
    block = Block(2)
    optimizer = torch.optim.AdamW(block.parameters(), lr=1e-3)
    sum(p.sum() for p in block.parameters()).backward()
    optimizer.step()
    named = torch.ones(2)
    named.note = "an attribute"
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.note = "another"
    made = {"state_dict": block.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "best": 0.5,
            "args": argparse.Namespace(lr=1e-5, model="ViT-B-32", seeds=[1, 2]), "flag": True, "nothing": None,
            "big": 1 << 80, "minus": -(1 << 40), "seen": {"a"}, "size": torch.Size([2, 3]), "dtype": torch.float16,
            "settings": Settings(0.1, "cars", torch.ones(1)), "pair": Pair(torch.zeros(1), "second"),
            "counts": collections.defaultdict(int, {"x": 7}), "array": numpy.arange(3), "number": numpy.float64(2.5),
            ("a", "tuple"): 1, "attribute": named, "parameter": parameter, "device": torch.device("cpu")}
    made["self"] = made
    for protocol in (2, 5):
        torch.save(made, OUT / f"wrapped_protocol{protocol}.ckpt", pickle_protocol=protocol)
        tensors = {f"state_dict.{k}": v for k, v in block.state_dict().items()}
        for i, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.state.{i}.{k}": v for k, v in state.items()}
        tensors |= {"settings.scale": made["settings"].scale, "pair.0": made["pair"].first, "attribute": named,
                    "parameter": parameter}
        expect(f"wrapped_protocol{protocol}.ckpt", "PyTorch state dict", tensors,
               {"epoch": "3", "best": "0.5", "args.lr": "1e-05", "args.model": "ViT-B-32", "args.seeds.1": "2",
                "flag": "true", "minus": str(-(1 << 40)), "size.1": "3", "dtype": "torch.float16",
                "settings.name": "cars", "pair.1": "second", "counts.x": "7", "optimizer.param_groups.0.lr": "0.001"})


def shards():
    folder = OUT / "shards"
    folder.mkdir(exist_ok=True)
    parts = [{"b": torch.ones(2), "a": torch.zeros(1)}, {"c": torch.arange(3)}]
    files = [f"pytorch_model-0000{i + 1}-of-00002.bin" for i in (0, 1)]
    for part, file in zip(parts, files):
        torch.save(part, folder / file)
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(
        {"metadata": {"total_size": 36}, "weight_map": {k: f for p, f in zip(parts, files) for k in p}}))
    expect("shards", "PyTorch state dict in 2 shards", parts[0] | parts[1], {"total_size": "36"})


def legacy():
    made = views() | {"epoch": 3}
    torch.save(made, OUT / "legacy.pth", _use_new_zipfile_serialization=False)
    refuse("legacy.pth", "before PyTorch 1.6", "save it again")
    (OUT / "plain.pkl").write_bytes(pickle.dumps({"w": numpy.ones(2)}, 4))
    refuse("plain.pkl", "plain pickle", "save it again")


def other_kinds():
    ones = torch.ones(2, 2)
    for name, tensor, *words in (
            ("quantised.pt", torch.quantize_per_tensor(ones, 0.1, 0, torch.qint8), "'w' is quantised", "dequantize()"),
            ("sparse.pt", ones.to_sparse(), "'w' is sparse", "to_dense()"),
            ("complex.pt", ones.to(torch.complex64), "'w' has the type torch.ComplexFloatStorage", "convert"),
            ("u16.pt", ones.to(torch.uint16), "'w' has the type torch.uint16", "convert"),
            ("meta.pt", ones.to("meta"), "'w' is made by torch._utils._rebuild_meta_tensor_no_storage"),
            ("nested.pt", torch.nested.nested_tensor([torch.ones(1), torch.ones(2)]), "'w' is made by", "nested")):
        torch.save({"w": tensor}, OUT / name)
        refuse(name, *words)
    torch.save({"w": ones}, OUT / "little.pt")
    with zipfile.ZipFile(OUT / "little.pt") as source, zipfile.ZipFile(OUT / "big_endian.pt", "w") as other:
        for entry in source.namelist():
            other.writestr(zipfile.ZipInfo(entry), b"big" if entry.endswith("byteorder") else source.read(entry))
    (OUT / "little.pt").unlink()
    refuse("big_endian.pt", "byte order 'big'")


if __name__ == "__main__":
    torch.manual_seed(7)
    OUT.mkdir(exist_ok=True)
    for make in (state_dicts, modules, wrapped, shards, legacy, other_kinds):
        make()
    (OUT / "expected.json").write_text(json.dumps(expected, indent=0, sort_keys=True) + "\n")
    print(len(expected), "checkpoints,", sum(f.stat().st_size for f in OUT.rglob("*") if f.is_file()), "bytes")
