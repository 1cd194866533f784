#!/usr/bin/env python3
"""Inputs for one fuzz target to start from: make_seeds.py FOLDER NAME. Standard library only.

The valid ones come from tests/golden, which the real packages made; a pickle is taken out of its archive. Beside them
the small ones of the bad files (tests/storage/foreign/make_bad_files.py), each of which shows the way to an error.
"""
import gzip
import json
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
CHECKPOINTS, ARRAYS = GOLDEN / "checkpoints", GOLDEN / "arrays"


def archives():
    return sorted(f for f in CHECKPOINTS.rglob("*") if f.is_file() and f.read_bytes()[:4] == b"PK\x03\x04")


def safetensors():
    yield "golden", (CHECKPOINTS / "types.safetensors").read_bytes()
    for name, tensors in (("empty", {}), ("one", {"w": ("F32", [2], 8)}),
                          ("two", {"a": ("U8", [3], 3), "b": ("BF16", [1, 2], 4)})):
        header, at = {"__metadata__": {"format": "pt"}}, 0
        for key, (dtype, shape, size) in tensors.items():
            header[key] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
            at += size
        text = json.dumps(header).encode()
        yield name, struct.pack("<Q", len(text)) + text + bytes(range(at))


def shard_index():
    yield "golden", (CHECKPOINTS / "shards" / "pytorch_model.bin.index.json").read_bytes()
    yield "one", b'{"weight_map":{"a.b":"x.bin"}}'
    yield "rich", json.dumps({"metadata": {"total_size": 1, "ok": True, "real": 1.5, "text": "\u00e9", "list": []},
                              "weight_map": {f"layer.{i}/w": f"{i % 3}.safetensors" for i in range(9)}}).encode()


def pickle():
    for file in archives():
        with zipfile.ZipFile(file) as archive:
            for entry in archive.namelist():
                if entry.endswith("/data.pkl"):
                    yield file.name, archive.read(entry)
    yield "plain", (CHECKPOINTS / "plain.pkl").read_bytes()
    # Opcodes that torch.save seldom writes.
    yield "protocol2", b"\x80\x02(J\xff\xff\xff\xffK\x05M\x01\x02G?\xf8\0\0\0\0\0\0N\x88\x89\x8a\x02\xff\xfft."
    yield "texts", (b"\x80\x05(U\x01aT\x01\0\0\0bC\x01cB\x01\0\0\0dX\x01\0\0\0e\x8c\x01f\x8d\x01\0\0\0\0\0\0\0g"
                    b"\x8e\x01\0\0\0\0\0\0\0h\x96\x01\0\0\0\0\0\0\0i\x8b\x02\0\0\0\x01\x02l.")
    yield "stack", b"\x80\x04(K\x0110K\x02(0\x94h\x002\x86(K\x01\x91\x8f(K\x02\x90(\x8c\x01aK\x01d]K\x01a}K\x02K\x03s\x87\x85\x86."
    yield "calls", b"\x80\x04cmodule\nName\n)\x81}\x8c\x01aK\x01sb\x8c\x01m\x8c\x01n\x93)}\x92\x86."
    yield "long memo", b"\x80\x02]r\x00\x01\x00\x00j\x00\x01\x00\x00\x86."


def torch_zip():
    for file in archives():
        yield file.name, file.read_bytes()


def npy():
    for file in sorted(ARRAYS.glob("*.np[yz]")):
        yield file.name, file.read_bytes()


def idx():
    for name, shape, data in (("labels", (3,), b"\1\2\3"), ("images", (2, 2, 3), bytes(range(12))),
                              ("colour", (1, 2, 2, 3), bytes(12)), ("none", (0, 28, 28), b"")):
        plain = bytes((0, 0, 8, len(shape))) + b"".join(struct.pack(">I", n) for n in shape) + data
        yield name, plain
        yield name + ".gz", gzip.compress(plain, mtime=0)


def image():
    for place in ("images", "bad_images"):
        for file in sorted((GOLDEN / place).iterdir()):
            if file.stat().st_size < 4096:
                yield f"{place}_{file.name}", file.read_bytes()


def config():
    clip = {"model_type": "clip", "vision_config": {"num_attention_heads": 12, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5}}
    yield "clip", b"0" + json.dumps(clip).encode()
    for act in ("gelu", "gelu_new", "relu", "tanh"):
        yield f"tower-{act}", b"0" + json.dumps({"num_attention_heads": 2, "hidden_act": act}).encode()
    yield "bert", b"0" + json.dumps({"model_type": "bert"}).encode()
    yield "open_clip", b"1" + json.dumps({"model_cfg": {"quick_gelu": True, "vision_cfg": {"width": 768, "head_width": 64}},
                                          "preprocess_cfg": {"mean": [.5, .5, .5], "std": [.25, .25, .25]}}).encode()
    yield "open_clip-default", b"1" + json.dumps({"model_cfg": {"vision_cfg": {"width": 768}}, "preprocess_cfg": {}}).encode()
    yield "preprocessor", b"2" + json.dumps({"image_mean": [.5, .5, .5], "image_std": [.25, .25, .25]}).encode()
    yield "preprocessor-bad", b"2" + json.dumps({"image_mean": ["a"], "image_std": 3}).encode()


def name_map():
    yield "both", rb"""[[rename]]
from = '^net\.(\d+)\.fc$'
to = 'transformer.resblocks.$1.mlp.c_fc.weight'
transpose = true
[[skip]]
name = 'momentum'
reason = "of the optimiser"
---
net.3.fc
net.3.momentum
other"""
    for name, text in (("unknown", b"[[rename]]\nfrom = 'a'\nto = 'b'\nx = 1"), ("not-rows", b"rename = 3"), ("list", b"skip = [1, 2]"),
                       ("missing", b"[[rename]]\nfrom = 'a'"), ("no-text", b"[[skip]]\nname = 1\nreason = 2"), ("none", b"other = 1"),
                       ("flag", b"[[rename]]\nfrom = 'a'\nto = 'b'\ntranspose = 1"), ("bad", b"[[skip]]\nname = '('\nreason = 'r'"),
                       ("empty", b""), ("include", b"include = ['map.toml']")):
        yield name, text
    for number, pattern in enumerate((rb"(a|b)*c", rb"[a-z]+\.\w{1,3}", rb"(?=x)(?:y)?\b", rb"(.*)\1", rb"[[:alpha:]]", rb"^a$|\x41", rb"((a+)+)+$")):
        yield f"expression-{number}", b"[[rename]]\nfrom = '" + pattern + b"'\nto = '$1$&'\n---\naaaaaaaaaaaaaaab\nxyz.abc"


def bad_ones(name):
    """Small bad files of the target's kind."""
    patterns = {"safetensors": "*.safetensors", "shard_index": "**/*.index.json", "pickle": "pickle-*.pt",
                "torch_zip": "*.pt", "npy": "*.np[yz]", "idx": "*-idx"}
    script = GOLDEN.parent / "storage" / "foreign" / "make_bad_files.py"
    with tempfile.TemporaryDirectory() as made:
        subprocess.run([sys.executable, "-W", "ignore", script, made], check=True, stdout=subprocess.DEVNULL)
        for file in sorted(Path(made).glob(patterns.get(name, ""))) if name in patterns else ():
            if not file.is_file() or file.stat().st_size > 8192:
                continue
            content = file.read_bytes()
            if content.startswith(b"PK") and b"\x08\0" in content[8:10]:
                continue  # deflated: small only as long as it is packed
            if name == "pickle":
                with zipfile.ZipFile(file) as archive:
                    content = archive.read("top/data.pkl")
            if len(content) <= 8192:
                yield "bad-" + "-".join(file.relative_to(made).parts), content


def can_fail():
    yield "good", b"bae"


if __name__ == "__main__":
    folder, name = Path(sys.argv[1]), sys.argv[2]
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for seed, content in (*globals()[name](), *bad_ones(name)):
        (folder / seed.replace(" ", "_")).write_bytes(content)
        count += 1
    if count == 0:
        sys.exit(f"make_seeds.py: no seeds for {name}")
