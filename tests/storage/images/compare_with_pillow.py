#!/usr/bin/env python3
"""Makes a folder of mixed pictures, imports it with vtvc and with a plain Pillow loop, compares every byte, and says how
long each took in this one run.

Usage: compare_with_pillow.py VTVC FOLDER [IMAGES]   (FOLDER is made; IMAGES: 2000)
Needs Pillow 13, NumPy and h5py. Run by hand; docs/data.md has the figures of one run.
"""
import json
import os
import pathlib
import subprocess
import sys
import time

import h5py
import numpy as np
from PIL import Image

vtvc, folder = sys.argv[1], pathlib.Path(sys.argv[2])
count = int(sys.argv[3]) if len(sys.argv) > 3 else 2000
size, classes = 224, 8
rng = np.random.default_rng(3)


def scene(height, width):
    """Smooth shapes with some noise: about as hard to decode as a photograph."""
    small = rng.integers(0, 256, (height // 24 + 2, width // 24 + 2, 3), np.uint8)
    smooth = np.array(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)).astype(np.int16)
    return Image.fromarray(np.clip(smooth + rng.integers(-12, 13, smooth.shape, np.int16), 0, 255).astype(np.uint8))


kinds = ["jpg"] * 14 + ["progressive.jpg", "grey.jpg", "cmyk.jpg", "png", "alpha.png", "ppm"]
pictures = folder / "pictures"
for i in range(count):
    height, width = (int(v) for v in rng.integers(200, 640, 2))
    kind, place = kinds[int(rng.integers(len(kinds)))], pictures / f"class{i % classes}"
    place.mkdir(parents=True, exist_ok=True)
    picture = scene(height, width)
    options = {"quality": int(rng.integers(60, 96))} if kind.endswith("jpg") else {}
    if kind == "progressive.jpg":
        options["progressive"] = True
    elif kind.startswith(("grey", "cmyk")):
        picture = picture.convert("L" if kind[0] == "g" else "CMYK")
    elif kind == "alpha.png":
        picture.putalpha(128)
    picture.save(place / f"{i:05}.{kind}", **options)
files = sorted(pictures.rglob("*.*"), key=lambda file: str(file.relative_to(pictures)).encode())
stored = sum(file.stat().st_size for file in files)
print(f"{len(files)} pictures of 200 to 640 pixels a side, {stored / 1e6:.0f} MB", flush=True)


def preprocessed(file):
    picture = Image.open(file).convert("RGB")
    short = min(picture.size)
    width, height = (size if side == short else size * side // short for side in picture.size)
    picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    left, top = round((width - size) / 2), round((height - size) / 2)
    return np.array(picture.crop((left, top, left + size, top + size)))


def imported(threads):
    start = time.perf_counter()
    subprocess.run([vtvc, "data", "import", "images", pictures, "--name", "compared", "--test", ".2", "--threads",
                    str(threads), "-o", folder / "compared.h5"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


for file in files:
    file.read_bytes()  # both find the files in memory
cores = len(os.sched_getaffinity(0))
seconds = {"vtvc": [], "vtvc_one_thread": [], "pillow": []}
for _ in range(2):
    seconds["vtvc"].append(imported(cores))
    seconds["vtvc_one_thread"].append(imported(1))
    start = time.perf_counter()
    expected = [preprocessed(file) for file in files]
    seconds["pillow"].append(time.perf_counter() - start)
different = compared = 0
with h5py.File(folder / "compared.h5") as data:
    for split in ("train", "validation", "test"):
        for row, number in zip(data[split]["images"], data[split]["ids"]):
            compared += 1
            different += not np.array_equal(row, expected[number])
best = {name: min(values) for name, values in seconds.items()}
print(json.dumps({"images": compared, "different": different, "cores": cores, **{k: round(v, 2) for k, v in best.items()},
                  "ratio": round(best["pillow"] / best["vtvc"], 2),
                  "ratio_one_thread": round(best["pillow"] / best["vtvc_one_thread"], 2)}))
sys.exit(1 if different or compared != count else 0)
