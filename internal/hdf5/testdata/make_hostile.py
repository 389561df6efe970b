"""Makes hostile HDF5 files by h5py: what they point to is elsewhere, in a circle, too deep, or isn't there.

    venv/bin/python internal/hdf5/testdata/make_hostile.py
"""

import os

import h5py
import numpy as np

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "hostile"))


def file(name, **kw):
    return h5py.File(name, "w", libver=kw.pop("libver", "earliest"), track_order=False)


with file("external_link.h5") as f:
    f["x"] = h5py.ExternalLink("/etc/passwd", "/x")
with file("external_storage.h5") as f:
    f.create_dataset("x", (16,), "f4", external=[("/etc/passwd", 0, 64)])
with file("virtual.h5", libver="latest") as f:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
    f.create_virtual_dataset("x", layout)
with file("soft_circle.h5") as f:
    f["x"], f["y"] = h5py.SoftLink("/y"), h5py.SoftLink("/x")
with file("soft_nowhere.h5") as f:
    f["x"] = h5py.SoftLink("/a/b/c")
with file("hard_circle.h5") as f:
    f["a/b/x"] = f["/"]
with file("deep.h5", libver="latest") as f:
    g = f
    for _ in range(200):
        g = g.create_group("x")
for libver in ["earliest", "latest"]:
    with file(f"terabytes_{libver}.h5", libver=libver) as f:
        f.create_dataset("x", (1 << 20, 1 << 20), "f4")
    with file(f"terabytes_chunked_{libver}.h5", libver=libver) as f:
        f.create_dataset("x", (1 << 20, 1 << 20), "f4", chunks=(1024, 1024), compression="gzip")
with file("bomb.h5") as f:
    f.create_dataset("x", data=np.zeros((1 << 24,), "f4"), chunks=(1 << 22,), compression="gzip", compression_opts=9)
with file("compound.h5") as f:
    f["x"] = np.zeros(2, [("a", "f4"), ("b", "i4")])
with file("reference.h5") as f:
    f["y"] = 1
    f.create_dataset("x", data=[f["y"].ref], dtype=h5py.ref_dtype)


def of_a_named_type(name, target):
    """A file with a named type whose message points to what is elsewhere, as that of an array does."""
    with file(name) as f:
        f["t"] = np.dtype("<f4")
        f.create_dataset("x", data=np.zeros(4, "f4"), dtype=f["t"])
        at, to = (h5py.h5o.get_info(f[path].id).addr for path in ("t", target))
    b = bytearray(open(name, "rb").read())
    at += 16
    while int.from_bytes(b[at : at + 2], "little") != 3:
        at += 8 + int.from_bytes(b[at + 2 : at + 4], "little")
    b[at + 4] |= 2  # a flag: it is shared
    b[at + 8 : at + 18] = bytes([2, 0]) + to.to_bytes(8, "little")
    open(name, "wb").write(b)


of_a_named_type("type_of_itself.h5", "t")
of_a_named_type("type_is_a_group.h5", "/")
of_a_named_type("types_in_a_circle.h5", "x")
