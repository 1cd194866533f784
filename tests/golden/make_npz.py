#!/usr/bin/env python3
"""Writes npz/ beside this file: data sets as NumPy archives, right and wrong ones. Needs NumPy; the result is committed."""
import pathlib

import numpy as np

folder = pathlib.Path(__file__).parent / "npz"
folder.mkdir(exist_ok=True)
colour = np.arange(12 * 2 * 3 * 3, dtype=np.uint8).reshape(12, 2, 3, 3)
labels = np.arange(12, dtype=np.int64) % 3
right = {"x_train": colour, "y_train": labels, "x_test": colour[:4] + 7, "y_test": labels[:4]}
np.savez(folder / "colour.npz", **right)
np.savez_compressed(folder / "grey.npz", a=np.asfortranarray(colour[..., 0]), b=labels.astype(np.uint8)[:, None],
                    c=colour[:4, ..., 0], d=labels[:4, None].astype(">i2"))
np.savez(folder / "no_test.npz", x_train=colour, y_train=labels)
np.savez(folder / "real_images.npz", **right | {"x_train": colour / 255})
np.savez(folder / "channels_first.npz", **right | {"x_train": np.zeros((12, 3, 2, 5), np.uint8)})
np.savez(folder / "few_labels.npz", **right | {"y_train": labels[:11]})
np.savez(folder / "one_hot.npz", **right | {"y_train": np.eye(3, dtype=np.int64)[labels]})
np.savez(folder / "real_labels.npz", **right | {"y_train": labels / 1})
np.savez(folder / "negative_label.npz", **right | {"y_train": labels - 1})
np.savez(folder / "huge_label.npz", **right | {"y_train": labels * 2**33})
np.savez(folder / "no_rows.npz", **right | {"x_test": colour[:0], "y_test": labels[:0]})
np.savez(folder / "other_size.npz", **right | {"x_test": colour[:4, :1]})
