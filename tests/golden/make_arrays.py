#!/usr/bin/env python3
"""Makes tests/golden/arrays with NumPy itself: PYTHONPATH=.deps/pytorch python3 tests/golden/make_arrays.py

expected.json: of each file the arrays' names, types, shapes and bytes (row-major, little-endian), or the words of its
refusal.
"""
import json
from pathlib import Path

import numpy as np

OUT = Path(__file__).parent / "arrays"
NAMES = {"float16": "f16", "float32": "f32", "float64": "f64", "uint8": "u8", "int8": "i8", "int16": "i16",
         "int32": "i32", "int64": "i64", "bool": "bool"}
expected = {}


def array(name, count=6, shape=(2, 3)):
    values = np.arange(count) % 2 == 1 if name == "bool" else np.arange(count) * 3 - (0 if name[0] == "u" else 5)
    return values.astype(name).reshape(shape)


def expect(file, arrays):
    expected[file] = {"arrays": {name: {
        "type": NAMES[a.dtype.name], "shape": list(a.shape),
        "bytes": np.ascontiguousarray(a).astype(a.dtype.newbyteorder("<")).tobytes().hex()} for name, a in arrays.items()}}


def refuse(file, *words):
    expected[file] = {"refused": list(words)}


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    everything = {name: array(name) for name in NAMES}
    everything |= {"scalar": np.float32(2.5), "empty": np.zeros((0, 3), "i8"), "cube": array("int16", 24, (2, 3, 4))}
    everything["fortran"] = np.asfortranarray(array("float32", 24, (2, 3, 4)))
    everything["big"] = array("int32").astype(">i4")
    everything["big fortran"] = np.asfortranarray(array("float64").astype(">f8"))
    for file, save in (("stored.npz", np.savez), ("deflated.npz", np.savez_compressed)):
        save(OUT / file, **everything)
        expect(file, everything)
    for name in ("cube", "fortran", "big", "scalar"):
        np.save(OUT / f"{name}.npy", everything[name])
        expect(f"{name}.npy", {"": np.asarray(everything[name])})
    for version in (1, 2, 3):
        with open(OUT / f"version{version}.npy", "wb") as out:
            np.lib.format.write_array(out, everything["cube"], (version, 0))
        expect(f"version{version}.npy", {"": everything["cube"]})
    for file, values, words in (("objects.npy", np.array([{}, 1], object), ("Python objects", "never run")),
                                ("records.npy", np.zeros(2, [("a", "f4"), ("b", "i4")]), ("records",)),
                                ("complex.npy", np.zeros(2, "c8"), ("'<c8'", "astype")),
                                ("text.npy", np.array(["a"]), ("'<U1'",)),
                                ("u2.npy", np.zeros(2, "u2"), ("'<u2'",))):
        np.save(OUT / file, values)
        refuse(file, *words)
    (OUT / "expected.json").write_text(json.dumps(expected, indent=0, sort_keys=True) + "\n")
    print(len(expected), "files")
