"""Writes the .npy and .npz files beside it: run with NumPy 2.

What is under hostile/ must be refused by the reader.
"""

import os
import struct

import numpy as np
from numpy.lib import format

os.chdir(os.path.dirname(os.path.abspath(__file__)))
os.makedirs("hostile", exist_ok=True)

x = np.arange(6).reshape(2, 3)
np.save("float32.npy", (x / 4).astype("<f4"))
np.save("float64.npy", (x / 4).astype("<f8"))
np.save("uint8.npy", (x * 50).astype("u1"))
np.save("int32.npy", (x - 3).astype("<i4"))
np.save("int64.npy", (x - 3).astype("<i8") * 2**40)
np.save("bool.npy", x % 2 == 1)
np.save("scalar.npy", np.float64(2.5))
np.save("vector.npy", np.arange(3, dtype="<f4"))
np.save("empty.npy", np.zeros((0, 3), "<f4"))
np.save("fortran.npy", np.asfortranarray(np.arange(24, dtype="<i4").reshape(2, 3, 4)))
for version in (2, 3):
    with open(f"version{version}.npy", "wb") as f:
        format.write_array(f, np.arange(3, dtype="<f4"), version=(version, 0))
np.savez("stored.npz", w=np.arange(6, dtype="<f4").reshape(2, 3), b=np.zeros(3, "<f8"))
np.savez_compressed("compressed.npz", w=np.arange(6, dtype="<f4").reshape(2, 3), b=np.zeros(3, "<f8"))


def hostile(name, header, data=b"", magic=b"\x93NUMPY", version=b"\x01\x00", size=None):
    header = header.encode() if isinstance(header, str) else header
    with open(f"hostile/{name}.npy", "wb") as f:
        f.write(magic + version + struct.pack("<H", len(header) if size is None else size) + header + data)


def says(descr="'<f4'", order="False", shape="(3,)"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


zeros = bytes(12)
hostile("magic", says(), zeros, magic=b"\x93NUMPX")
hostile("version", says(), zeros, version=b"\x09\x00")
hostile("header-longer-than-file", says(), b"", size=65535)
hostile("truncated", says(), zeros[:-1])
hostile("no-data", says(shape="(1000000,)"))
hostile("terabytes", says(shape="(1000000000000,)"))
hostile("overflow", says(shape="(4294967296, 4294967296, 4294967296)"))
hostile("overflow-behind-zero", says(shape="(0, 4294967296, 4294967296, 4294967296)"))
hostile("number-too-long", says(shape="(99999999999999999999999999,)"))
hostile("negative", says(shape="(-3,)"))
hostile("batch", says(shape="(-1, 3)"))
hostile("no-dimension", says(shape="(,)"))
hostile("float-dimension", says(shape="(3.0,)"))
hostile("open-shape", says(shape="(3,"))
hostile("dimensions", says(shape="(" + "1, " * 65 + ")"), zeros)
hostile("big-endian", says(descr="'>f4'"), zeros)
hostile("complex", says(descr="'<c8'"), zeros)
hostile("object", says(descr="'|O'"), zeros)
hostile("record", says(descr="[('a', '<f4')]"), zeros)
hostile("order", says(order="Maybe"), zeros)
hostile("code", says(shape="(__import__('os').system('true'),)"), zeros)
hostile("key-missing", "{'descr': '<f4', 'shape': (3,), }\n", zeros)
hostile("key-twice", "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n", zeros)
hostile("key-unknown", "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'x': 1}\n", zeros)
hostile("open-string", "{'descr': '<f4", zeros)
hostile("after-the-end", says().rstrip() + "1\n", zeros)
hostile("not-a-dictionary", "[]\n", zeros)
hostile("empty-header", "", zeros)
hostile("binary-header", bytes(range(256)), zeros)
