"""Makes the HDF5 files that the reader is tested with, as h5py and PyTables write them, and golden.json, which
says what is in them.

    python3 -m venv venv && venv/bin/pip install h5py numpy tables
    venv/bin/python internal/hdf5/testdata/make.py

The files are small and are committed. Values are made by formulas, so that two runs give the same ones.
"""

import ctypes
import json
import os

import h5py
import numpy as np

os.chdir(os.path.dirname(os.path.abspath(__file__)))
golden = {}


def wave(*shape):
    n = np.arange(1, int(np.prod(shape)) + 1, dtype=np.float64)
    return (np.modf(n * n * 0.6180339887498949)[0] * 2 - 1).reshape(shape)


def counted(*shape):
    return np.arange(int(np.prod(shape))).reshape(shape)


def numbers(x):
    return [v.item() for v in np.asarray(x).ravel()]


def texts(x):
    flat = [x] if isinstance(x, (str, bytes)) else list(np.asarray(x).ravel())
    return [v.decode() if isinstance(v, bytes) else str(v) for v in flat]


def describe(name):
    """What h5py reads in a file: shapes, types, numbers and texts of arrays and attributes."""
    out = {}

    def value(x, dtype):
        if x is None or isinstance(x, h5py.Empty):
            return {}
        if h5py.check_string_dtype(dtype) or dtype.kind in "SU":
            return {"texts": texts(x)}
        if dtype.kind in "iub":
            return {"integers": [int(v) for v in numbers(x)]}
        if dtype.kind == "f":
            return {"floats": [float(np.float32(v)) for v in numbers(x)]}
        return {}

    def visit(path, o):
        entry = {"attributes": {}}
        for k in o.attrs:
            a = o.attrs.get_id(k)
            if a.dtype.kind in "iubfSUO" and h5py.check_ref_dtype(a.dtype) is None:
                entry["attributes"][k] = value(o.attrs[k], a.dtype)
        if isinstance(o, h5py.Datatype):
            entry["dtype"] = "string" if h5py.check_string_dtype(o.dtype) else str(o.dtype)
        if isinstance(o, h5py.Dataset):
            entry["shape"] = list(o.shape or ())
            entry["dtype"] = str(o.dtype)
            entry.update(value(o[()] if o.shape is not None else None, o.dtype))
        out["/" + path] = entry

    with h5py.File(name) as f:
        visit("", f)
        f.visititems(visit)
    golden[name] = out


def everything(name, libver, **kw):
    with h5py.File(name, "w", libver=libver, track_order=kw.get("track_order", False)) as f:
        g = f.create_group("types")
        for t in ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "i1", "<i2", ">i2", "<i4", "<i8", ">i8", "u1", "<u2", "<u4", ">u4", "<u8"]:
            x = wave(3, 5) * 100 if "f" in t else counted(3, 5) * 7 - (50 if "i" in t else 0)
            g.create_dataset(t.replace("<", "little ").replace(">", "big "), data=x.astype(t))
        g["bool"] = np.array([True, False, True])
        g["scalar"] = np.float32(1.5)
        g["empty"] = np.zeros((0,), "f8")
        g["nothing"] = h5py.Empty("f4")
        g["fixed"] = np.array([b"dense", b"a", b""], dtype="S7")
        g.create_dataset("variable", data=["kernel", "bias: Größe", ""], dtype=h5py.string_dtype())
        g.create_dataset("complex", data=np.ones(3, "c8"))
        g.create_dataset("compound", data=np.zeros(2, [("a", "i4"), ("b", "f8")]))
        g.create_dataset("special", data=np.array([0, -0.0, np.inf, -np.inf, 6e-8, 65504], "f2"))
        g.create_dataset("reference", data=np.array([g.ref], dtype=h5py.ref_dtype))
        l = f.create_group("layouts")
        x = wave(7, 9).astype("f4")
        l["contiguous"] = x
        l.create_dataset("chunked", data=x, chunks=(3, 4))
        l.create_dataset("one chunk", data=x, chunks=x.shape)
        l.create_dataset("one deflated chunk", data=x, chunks=x.shape, compression="gzip")
        l.create_dataset("deflated", data=x, chunks=(2, 5), compression="gzip")
        l.create_dataset("shuffled", data=x, chunks=(2, 5), compression="gzip", shuffle=True)
        l.create_dataset("checked", data=x, chunks=(2, 5), fletcher32=True)
        l.create_dataset("all filters", data=x, chunks=(2, 5), compression="gzip", shuffle=True, fletcher32=True)
        l.create_dataset("growing", data=x, chunks=(2, 5), maxshape=(None, 9))
        l.create_dataset("growing sideways", data=x, chunks=(2, 5), maxshape=(20, None))
        l.create_dataset("growing deflated", data=x, chunks=(2, 5), maxshape=(None, 40), compression="gzip")
        l.create_dataset("growing both ways", data=x, chunks=(2, 5), maxshape=(None, None))
        l.create_dataset("growing both ways deflated", data=x, chunks=(2, 5), maxshape=(None, None), compression="gzip")
        l.create_dataset("may grow", data=x, chunks=(2, 5), maxshape=(20, 30))
        l.create_dataset("many chunks", data=counted(500).astype("u2"), chunks=(1,), maxshape=(None,))
        l.create_dataset("many fixed chunks", data=counted(1100).astype("u2"), chunks=(1,))
        d = l.create_dataset("sparse", shape=(3000,), chunks=(1,), dtype="i2", fillvalue=-3)
        d[2321] = 5
        d = l.create_dataset("filled", shape=(10, 4), chunks=(4, 4), dtype="f4", fillvalue=2.5, maxshape=(None, 4))
        d[4:6] = 1
        l.create_dataset("never written", shape=(3,), dtype="f8", fillvalue=7.0)
        d = l.create_dataset("shrunk", data=counted(40).astype("i4"), chunks=(8,), maxshape=(None,))
        d.resize((13,))
        cube = wave(4, 3, 5).astype("f4")
        l.create_dataset("cube", data=cube, chunks=(3, 2, 2))
        early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        early.set_chunk((2, 5))
        early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        s = h5py.h5d.create(l.id, b"implicit", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(x.shape), early)
        s.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(x))
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        s = h5py.h5d.create(l.id, b"compact", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(x.shape), compact)
        s.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(x))
        # The filters of one chunk are left out, as its mask says.
        d = l.create_dataset("masked", shape=(4,), chunks=(2,), dtype="<i4", compression="gzip")
        d.id.write_direct_chunk((0,), np.array([11, 22], "<i4").tobytes(), 1)
        d[2:] = [33, 44]
        a = f.create_group("attributes")
        a.attrs["text"] = "Größe"
        a.attrs["bytes"] = np.bytes_("bytes")
        a.attrs["number"] = 3
        a.attrs["floats"] = wave(4)
        a.attrs["texts"] = np.array([b"one", b"three"])
        a.attrs["variable texts"] = ["one", "three"]
        a.attrs["flag"] = True
        a.attrs["none"] = np.zeros((0,))
        many = f.create_group("many attributes")
        for i in range(40):
            many.attrs[f"a{i:02d}"] = i
        if libver != "earliest":
            many.attrs["large"] = np.arange(16_500, dtype="u4") % 7
        group = f.create_group("many links")
        for i in range(80):
            group.create_group(f"g{i:03d}")
        group = f.create_group("links")
        group["hard"] = f["layouts/contiguous"]
        group["soft"] = h5py.SoftLink("/layouts/chunked")
        group["circle"] = h5py.SoftLink("/links/circle")
        group["outside"] = h5py.ExternalLink("other.h5", "/x")
        group["up"] = f["links"]
        f["named type"] = np.dtype("f4")
        g.create_dataset("of a named type", data=[1.0, 2.0], dtype=f["named type"])
        deep = f
        for i in range(20):
            deep = deep.create_group(f"deep{i}")
        deep["x"] = [1]
    describe(name)


everything("earliest.h5", "earliest")
everything("latest.h5", "latest")
everything("v108.h5", ("v108", "v108"), track_order=True)

# A block of the user's before the file.
with h5py.File("userblock.h5", "w", userblock_size=1024) as f:
    f["x"] = wave(4).astype("f4")
describe("userblock.h5")

# Small ones, for the fuzzer to begin with.
def small(name, libver, fill):
    with h5py.File(f"small_{name}.h5", "w", libver=libver) as f:
        fill(f)
    describe(f"small_{name}.h5")


def dense(f):
    for i in range(12):
        f.attrs[f"a{i}"] = i
        f[f"x{i}"] = np.float32(i)


x = wave(4, 6).astype("f4")
small("old", "earliest", lambda f: f.create_group("a").create_dataset("x", data=x, chunks=(3, 4), compression="gzip", shuffle=True, fletcher32=True))
small("texts", "earliest", lambda f: f.attrs.update(one="text", two=["a", "bc"], three=np.array([b"x", b"yz"])))
small("dense", "latest", dense)
small("fixed", "latest", lambda f: f.create_dataset("x", data=x, chunks=(3, 4)))
small("extensible", "latest", lambda f: f.create_dataset("x", data=x, chunks=(1, 2), maxshape=(None, 6), compression="gzip"))
small("tree", "latest", lambda f: f.create_dataset("x", data=x, chunks=(1, 2), maxshape=(None, None)))
small("single", "latest", lambda f: f.create_dataset("x", data=x, chunks=x.shape, compression="gzip"))

def named(f):
    """Types under names, of which arrays and attributes are, a few and many."""
    number, text = h5py.h5t.py_create(np.dtype("<f4")), h5py.h5t.py_create(h5py.string_dtype(), logical=True)
    number.commit(f.id, b"number")
    text.commit(f.id, b"text")
    f["number"].attrs["unit"] = "metre"
    f.create_dataset("x", data=x, dtype=f["number"])
    f.attrs.create("one", 1.5, dtype=f["number"])
    f.attrs.create("words", ["a", "bc"], dtype=f["text"])
    many = f.create_group("many")
    for i in range(12):
        many.attrs.create(f"a{i:02d}", np.float32(i), dtype=f["number"])


small("named", "latest", named)


def of_an_old_named_type(name):
    """An array of a named type, to which its header points by version 1 of the message, which early HDF5 wrote."""
    name = f"small_{name}.h5"
    with h5py.File(name, "w", libver="earliest") as f:
        f["named type"] = np.dtype("<f4")
        f.create_dataset("x", data=x, dtype=f["named type"])
        header, target = (h5py.h5o.get_info(f[path].id).addr for path in ("x", "named type"))
    b = bytearray(open(name, "rb").read())
    at, count = header + 16, int.from_bytes(b[header + 2 : header + 4], "little")
    messages = []
    for _ in range(count):
        kind, size = int.from_bytes(b[at : at + 2], "little"), int.from_bytes(b[at + 2 : at + 4], "little")
        messages.append([kind, b[at + 4 : at + 8], bytes(b[at + 8 : at + 8 + size])])
        at += 8 + size
    # Eight bytes more, for the place of a name, are taken from the free space behind.
    pointer = next(m for m in messages if m[0] == 3)
    free = next(m for m in messages if m[0] == 0)
    assert pointer[2][:1] == b"\x02" and len(pointer[2]) == 16 and len(free[2]) >= 8, messages
    pointer[2] = bytes([1] + [0] * 15) + target.to_bytes(8, "little")
    free[2] = free[2][8:]
    content = b"".join(kind.to_bytes(2, "little") + len(data).to_bytes(2, "little") + flags + data for kind, flags, data in messages)
    b[header + 16 : at] = content
    open(name, "wb").write(b)
    describe(name)


of_an_old_named_type("named_old")

# What h5py has no functions for is asked of its own libhdf5.
with open("/proc/self/maps") as f:
    hdf5 = ctypes.CDLL(next(line.split()[-1] for line in f if "/libhdf5-" in line))


def ask(function, *arguments):
    if getattr(hdf5, function)(*arguments) < 0:
        raise RuntimeError(function)


def ids(plist):
    return ctypes.c_int64(plist.id)


def shared(name, low, fill, *indexes):
    """A file whose objects share messages of the given kinds, one heap for each set of kinds."""
    create, access = h5py.h5p.create(h5py.h5p.FILE_CREATE), h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    ask("H5Pset_shared_mesg_nindexes", ids(create), len(indexes))
    for i, kinds in enumerate(indexes):
        ask("H5Pset_shared_mesg_index", ids(create), i, kinds, 4)
    ask("H5Pset_shared_mesg_phase_change", ids(create), 4, 3)  # then a list is a tree
    access.set_libver_bounds(low, h5py.h5f.LIBVER_LATEST)
    name = f"small_{name}.h5"
    with h5py.File(h5py.h5f.create(name.encode(), h5py.h5f.ACC_TRUNC, create, access)) as f:
        fill(f)
    describe(name)


def alike(f):
    for i in range(3):
        d = f.create_dataset(f"x{i}", data=x + np.float32(i), chunks=x.shape, compression="gzip", shuffle=True, fillvalue=2.5)
        d.attrs["numbers"] = np.arange(5, dtype="f4")
        d.attrs["text"] = np.bytes_("a text")
        d.attrs["own"] = i
    d = f.create_dataset("filled", shape=(3,), dtype="f4", fillvalue=2.5)
    for i in range(12):
        d.attrs[f"a{i:02d}"] = np.arange(6, dtype="f4") + i % 2


space, datatype, fill, filters, attribute = [1 << kind for kind in (1, 3, 5, 11, 12)]
shared("shared", h5py.h5f.LIBVER_LATEST, alike, space | datatype | fill | filters | attribute)
shared("shared_old", h5py.h5f.LIBVER_EARLIEST, alike, attribute, space | datatype, fill | filters)


def linked(name, filters, groups):
    """A file with groups whose links are in compressed heaps: all of them lead to /a."""
    name = f"small_{name}.h5"
    with h5py.File(name, "w", libver="latest") as f:
        f["a"] = x
        create = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
        for number, flags, *values in filters:
            n = len(values)
            ask("H5Pset_filter", ids(create), number, flags, ctypes.c_size_t(n), (ctypes.c_uint * n)(*values))
        for group, names in groups.items():
            g = h5py.Group(h5py.h5g.create(f.id, group.encode(), None, create))
            for link in names:
                g[link] = f["a"]
            assert sorted(g) == sorted(names) and all((g[link][()] == x).all() for link in names)
    describe(name)


def names(count, size):
    return [f"{i:04d}" + "abcdefgh"[i % 8] * size for i in range(count)]


# One block, a table of blocks, huge objects; a table of tables.
deflate, fletcher32 = (1, 0, 6), (3, 0)
linked("packed", [deflate, fletcher32], {"one": names(12, 9), "table": names(20, 150), "huge": names(9, 4200)})
linked("packed_deep", [deflate], {"tables": names(140, 4000)})

# What Cornu writes, as its tests have left it.
describe("written.h5")

# What PyTables writes: arrays, compressed ones, tables among them, and its attributes.
try:
    import tables

    with tables.open_file("pytables.h5", "w", title="network") as f:
        f.create_array("/", "kernel", wave(3, 4).astype("f4"), title="a kernel")
        f.create_carray("/", "deflated", obj=wave(20, 30).astype("f4"), filters=tables.Filters(complevel=5, complib="zlib", shuffle=True))
        e = f.create_earray("/", "growing", atom=tables.Float32Atom(), shape=(0, 3))
        e.append(wave(5, 3).astype("f4"))
        f.create_group("/", "group")
        f.create_array("/group", "strings", np.array([b"a", b"bc"]))
    describe("pytables.h5")
except ImportError:
    print("pytables.h5 is left as it is: PyTables isn't installed")
    golden["pytables.h5"] = json.load(open("golden.json"))["pytables.h5"]

with open("golden.json", "w") as f:
    text = json.dumps(golden, separators=(",", ":"), sort_keys=True)
    f.write(text.replace("Infinity", "1e999"))
    f.write("\n")
