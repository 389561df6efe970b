"""Makes the files that Cornu's safetensors are tested with, by the format's own library.

    python3 -m venv venv && venv/bin/pip install safetensors numpy ml_dtypes
    venv/bin/python safetensors/testdata/make.py                   # writes *.safetensors and golden.json beside itself
    SAFETENSORS_OUT=/tmp/out go test ./safetensors -run Python     # writes the same arrays with Cornu
    venv/bin/python safetensors/testdata/make.py /tmp/out          # has the library read them
"""

import json
import os
import sys

import ml_dtypes
import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

here = os.path.dirname(os.path.abspath(__file__))
ramp = np.linspace(-3, 3, 6).reshape(2, 3)

weights = {
    "dense/kernel": ramp.astype(np.float32), "dense/bias": np.array([0.1, -0.2, 0.3], np.float32),
    "scalar": np.array(7.5, np.float32), "empty": np.zeros((0, 4), np.float32), "größe \"1\"\n": np.array([1], np.float32),
}
types = {
    t: (np.abs(ramp) if t.startswith("u") else ramp).astype(t)
    for t in ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
}
types["bfloat16"] = ramp.astype(ml_dtypes.bfloat16)
types["bool"] = ramp > 0
types["halves"] = np.array([0, 6e-8, -6e-5, 65504, -np.inf], np.float16)
files = {"weights": (weights, {"format": "np"}), "types": (types, None)}


def floats(x):
    return [str(v) for v in np.asarray(x).astype(np.float32).ravel()]


if len(sys.argv) > 1:
    for name in ["weights"]:
        path = os.path.join(sys.argv[1], name + ".safetensors")
        got, (want, metadata) = load_file(path), files[name]
        assert got.keys() == want.keys(), got.keys()
        for key, x in want.items():
            assert got[key].dtype == x.dtype and got[key].shape == x.shape and got[key].tobytes() == x.tobytes(), key
        with safe_open(path, "np") as f:
            assert f.metadata() == metadata, f.metadata()
        print(path, "is as it should be")
else:
    golden = {}
    for name, (arrays, metadata) in files.items():
        save_file(arrays, os.path.join(here, name + ".safetensors"), metadata)
        golden[name] = {key: {"type": x.dtype.name, "shape": list(x.shape), "data": floats(x)} for key, x in arrays.items()}
    with open(os.path.join(here, "golden.json"), "w") as f:
        json.dump(golden, f, indent=0)
        f.write("\n")
