#!/usr/bin/env python3
"""Writes images/ and images.json beside this file: pictures of every kind we read, and what Pillow and torchvision make
of them.

Needs Pillow, NumPy, torch and torchvision (PyPI; made with Pillow 13.0.0 and torchvision 0.26.0). Run by hand when the
decoders or the preprocessing gain a case; the result is committed. Pixels are kept as CRC-32 of their bytes.
"""
import io
import json
import pathlib
import struct
import zlib

import numpy as np
import PIL
from PIL import Image
import torchvision
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

here = pathlib.Path(__file__).parent
folder = here / "images"
folder.mkdir(exist_ok=True)


def crc(array):
    return zlib.crc32(np.ascontiguousarray(array).tobytes())


def scene(height, width, seed):
    """A smooth picture with edges and some noise: what JPEG is made for, and what it is not."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(float)
    planes = [127 + 90 * np.sin(x / (5 + c)) * np.cos(y / (7 - c)) + 60 * ((x + 2 * y) % 23 < 6) for c in range(3)]
    noisy = np.stack(planes, -1) + rng.normal(0, 12, (height, width, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(samples, depth, colour, interlaced=False, palette=b"", transparency=b""):
    """samples: height x width x channels of whole numbers below 2^depth. Filters 0 to 4 take turns."""
    height, width, channels = samples.shape

    def packed(rows):
        bits = depth * channels
        out, before = b"", None
        for number, row in enumerate(rows):
            if depth == 16:
                line = row.astype(">u2").tobytes()
            elif depth == 8:
                line = row.astype(np.uint8).tobytes()
            else:
                values = [(int(v) >> (depth - 1 - i)) & 1 for v in row.ravel() for i in range(depth)]
                line = np.packbits(np.array(values, np.uint8)).tobytes()
            step, previous = max(1, bits // 8), before or bytes(len(line))
            kind, filtered = number % 5, bytearray()
            for i, byte in enumerate(line):
                a = line[i - step] if i >= step else 0
                b = previous[i]
                c = previous[i - step] if i >= step else 0
                p = a + b - c
                nearest = min((a, b, c), key=lambda v: abs(p - v)) if kind == 4 else 0
                filtered.append((byte - (0, a, b, (a + b) // 2, nearest)[kind]) % 256)
            out += bytes([kind]) + bytes(filtered)
            before = line
        return out

    if interlaced:
        steps = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
        parts = [samples[top::down, left::right] for top, left, down, right in steps]
        raw = b"".join(packed(part) for part in parts if part.size)
    else:
        raw = packed(samples)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    if palette:
        data += chunk(b"PLTE", palette)
    if transparency:
        data += chunk(b"tRNS", transparency)
    return data + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


picture = Image.fromarray(scene(23, 37, 1))
rng = np.random.default_rng(2)
files = {
    "420.jpg": saved(picture, "JPEG", quality=75, subsampling=2),
    "422.jpg": saved(picture, "JPEG", quality=90, subsampling=1),
    "444.jpg": saved(picture, "JPEG", quality=95, subsampling=0),
    "coarse.jpg": saved(picture, "JPEG", quality=5),
    "progressive.jpg": saved(picture, "JPEG", quality=80, progressive=True),
    "restarts.jpg": saved(picture, "JPEG", quality=80, restart_marker_blocks=2),
    "rgb.jpg": saved(picture, "JPEG", quality=90, keep_rgb=True),
    "grey.jpg": saved(picture.convert("L"), "JPEG", quality=80),
    "grey_progressive.jpg": saved(picture.convert("L"), "JPEG", quality=60, progressive=True),
    "cmyk.jpg": saved(picture.convert("CMYK"), "JPEG", quality=90),
    "pixel.jpg": saved(picture.crop((3, 3, 4, 4)), "JPEG"),
    "thin.jpg": saved(picture.crop((0, 0, 1, 23)), "JPEG"),
}
turned = Image.Exif()
turned[0x0112] = 6
files["turned.jpg"] = saved(picture, "JPEG", exif=turned)
files |= {
    "rgb.png": saved(picture, "PNG"),
    "grey.png": saved(picture.convert("L"), "PNG"),
    "grey_alpha.png": png(rng.integers(0, 256, (9, 11, 2)), 8, 4),
    "rgb_alpha.png": png(rng.integers(0, 256, (9, 11, 4)), 8, 6),
    "palette.png": saved(picture.quantize(40), "PNG"),
    "palette_clear.png": png(rng.integers(0, 4, (7, 13, 1)), 2, 3, palette=bytes(range(60, 72)), transparency=b"\0\x80"),
    "palette1.png": png(rng.integers(0, 2, (7, 13, 1)), 1, 3, palette=bytes([200, 10, 0, 3, 90, 255])),
    "palette4.png": png(rng.integers(0, 16, (7, 13, 1)), 4, 3, True, palette=bytes(range(48))),
    "grey1.png": png(rng.integers(0, 2, (7, 13, 1)), 1, 0),
    "grey2.png": png(rng.integers(0, 4, (7, 13, 1)), 2, 0),
    "grey4.png": png(rng.integers(0, 16, (7, 13, 1)), 4, 0, True),
    "grey_clear.png": png(rng.integers(0, 256, (7, 13, 1)), 8, 0, transparency=b"\0\x07"),
    "grey16.png": png(rng.integers(0, 65536, (7, 13, 1)), 16, 0),
    "grey16_alpha.png": png(rng.integers(0, 65536, (7, 13, 2)), 16, 4),
    "rgb16.png": png(rng.integers(0, 65536, (7, 13, 3)), 16, 2),
    "rgb16_alpha.png": png(rng.integers(0, 65536, (7, 13, 4)), 16, 6, True),
    "interlaced.png": png(scene(23, 37, 3).astype(int), 8, 2, True),
    "interlaced_pixel.png": png(scene(1, 1, 3).astype(int), 8, 2, True),
    "p6.ppm": saved(picture, "PPM"),
    "p5.pgm": saved(picture.convert("L"), "PPM"),
    "p6_comments.ppm": b"P6 # kind\n# a line\n3\t2 #size\n#\n255\n" + rng.integers(0, 256, 18, np.uint8).tobytes(),
    "p6_15.ppm": b"P6\n5 3\n15\n" + rng.integers(0, 16, 45, np.uint8).tobytes(),
    "p6_1000.ppm": b"P6\n5 3\n1000\n" + rng.integers(0, 1001, 45).astype(">u2").tobytes(),
    "p5_100.pgm": b"P5\n5 3\n100\n" + rng.integers(0, 120, 15, np.uint8).tobytes(),
    "p3.ppm": b"P3\n2 2\n# values\n255\n1 2 3  4 5 6\n250 251 252 253 254 255\n",
    "p3_7.ppm": b"P3 2 2 7 0 1 2 3 4 5 6 7 0 1 2 3",
    "p2.pgm": b"P2\n3 1\n200\n0 100 200",
    "p5_65535.pgm": b"P5\n5 3\n65535\n" + rng.integers(0, 65536, 15).astype(">u2").tobytes(),
    "turned.png": saved(picture, "PNG", exif=turned),
}

decoded = []
for name, data in files.items():
    (folder / name).write_bytes(data)
    image = Image.open(io.BytesIO(data))
    rgb, grey = np.array(image.convert("RGB")), np.array(image.convert("L"))
    if name in ("grey16.png", "p5_65535.pgm"):  # Pillow saturates: what we say instead
        wide = np.array(image).astype(float)
        grey = (wide // 256 if name.endswith("png") else np.round(wide / 65535 * 255)).astype(np.uint8)
        rgb = np.repeat(grey[..., None], 3, -1)
    decoded.append({"file": name, "height": rgb.shape[0], "width": rgb.shape[1], "rgb": crc(rgb), "grey": crc(grey)})


def noise(height, width, channels):
    """Bytes that the test makes again: the top bytes of x -> 1664525 x + 1013904223 mod 2^32 from 1."""
    values, state = np.empty(height * width * channels, np.uint8), 1
    for i in range(values.size):
        state = (1664525 * state + 1013904223) % 2**32
        values[i] = state >> 24
    return values.reshape((height, width) if channels == 1 else (height, width, channels))


filters = {"bicubic": (Image.Resampling.BICUBIC, InterpolationMode.BICUBIC),
           "bilinear": (Image.Resampling.BILINEAR, InterpolationMode.BILINEAR)}
resized = []
for height, width, channels in [(37, 23, 3), (64, 64, 1), (5, 90, 3), (1, 1, 3), (2, 3, 1), (150, 97, 3)]:
    image = Image.fromarray(noise(height, width, channels))
    for to_height, to_width in [(16, 16), (37, 23), (64, 20), (101, 150), (1, 1), (7, 64), (3, 2)]:
        for name, (method, _) in filters.items():
            pixels = np.array(image.resize((to_width, to_height), method))
            resized.append({"from": [height, width, channels], "to": [to_height, to_width], "filter": name,
                            "crc": crc(pixels)})

processed = []
for height, width in [(60, 80), (80, 60), (61, 83), (40, 40), (33, 200), (28, 28), (31, 67), (300, 299), (200, 61),
                      (120, 60), (121, 60)]:
    for size, cut in [(32, 32), (36, 32), (37, 32), (56, 56), (57, 33)]:
        for name, (_, method) in filters.items():
            steps = Compose([Resize(size, method), CenterCrop(cut)])
            for channels in (1, 3):
                pixels = np.array(steps(Image.fromarray(noise(height, width, channels))))
                processed.append({"from": [height, width, channels], "resize": size, "crop": cut, "filter": name,
                                  "crc": crc(pixels)})

lines = {"pillow": json.dumps(PIL.__version__), "torchvision": json.dumps(torchvision.__version__.split("+")[0])}
text = ",\n".join(f' "{key}": {value}' for key, value in lines.items())
for key, cases in [("decoded", decoded), ("resized", resized), ("processed", processed)]:
    text += f',\n "{key}": [\n  ' + ",\n  ".join(json.dumps(case) for case in cases) + "\n ]"
(here / "images.json").write_text("{\n" + text + "\n}\n")
