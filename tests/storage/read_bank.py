# Reads every task vector of a bank with h5py alone and writes it, as float32, to OUT: the example of docs/formats.md.
import sys
import h5py
import numpy as np

with h5py.File(sys.argv[1]) as f, open(sys.argv[2], "wb") as out:
    for t, task in enumerate(f["task_names"].asstr()):
        for b, block in enumerate(f["blocks"].asstr()):
            tau = np.zeros(f["base"][block].shape, np.float32)
            kind, matrix = f["storage"][t, b], tau.reshape(len(tau), -1)
            if kind in (1, 2):  # f32, bf16
                tau[...] = f["tasks"][task][block][:]
            elif kind == 3:  # int8
                matrix[...] = (f["tasks"][task][block][:].reshape(matrix.shape) * f["scales"][task][block][:][:, None])
            elif kind == 4:  # low rank
                for part in f["factors"][task][block].values():
                    rows = slice(part.attrs["first_row"], part.attrs["first_row"] + len(part["left"]))
                    matrix[rows] += part["left"][:] @ part["right"][:]
            out.write(tau.tobytes())
