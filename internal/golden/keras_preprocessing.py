"""Makes testdata/preprocessing.json: what real Keras makes of numbers and texts before a network.

    python3 -m venv venv && venv/bin/pip install keras tensorflow-cpu
    venv/bin/python internal/golden/keras_preprocessing.py

A case has inputs, numbers x0, x1, … or texts, which are JSON in "x0", …; data that the layer was adapted to, "data"; what it
makes of the inputs, y; and its vocabulary, if it has one. Configurations are those that Cornu reads, which differ here and
there from Keras's arguments: see kerasfile.
"""

import json
import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf

from goldenjson import case, write

VERSIONS = {"keras": keras.__version__, "tensorflow": tf.__version__, "numpy": np.__version__}
F, L = np.float32, keras.layers


def wave(*shape, seed=1, low=-1.0, high=1.0):
    n = np.arange(1, int(np.prod(shape)) + 1, dtype=np.float64) + 31 * seed
    x = np.modf(n * n * 0.6180339887498949 + n * 0.4142135623730951)[0]
    return (low + (high - low) * x).reshape(shape).astype(F)


def put(tensors, texts, name, x):
    x = np.asarray(x)
    if x.dtype.kind in "USO":
        texts[name] = json.dumps(x.tolist(), ensure_ascii=False)
    else:
        tensors[name] = x


def run(name, class_, inputs, config=None, data=None, ours=None, batches=None):
    layer = getattr(L, class_)(**(config or {}))
    tensors, texts = {}, {}
    if data is not None:
        if batches:
            layer.adapt(iter([np.asarray(b) for b in np.array_split(data, batches)]) if class_ != "Normalization" else [b for b in np.array_split(data, batches)])
            texts["batches"] = str(batches)
        else:
            layer.adapt(data)
        put(tensors, texts, "data", data)
    # A text that isn't UTF-8 can't be in JSON: there is none.
    args = [tf.constant(x) if len(inputs) > 1 or np.asarray(x).dtype.kind in "USO" else np.asarray(x) for x in inputs]
    y = layer(args if len(args) > 1 else args[0])
    for i, x in enumerate(inputs):
        put(tensors, texts, "x%d" % i, x)
    tensors["y"] = np.asarray(y)
    if hasattr(layer, "get_vocabulary"):
        texts["vocabulary"] = json.dumps([v if isinstance(v, str) else int(v) for v in layer.get_vocabulary()], ensure_ascii=False)
    if class_ == "Discretization":
        tensors["boundaries"] = np.array(layer.bin_boundaries, F)
    return case(name, ours if ours is not None else config, tensors, texts=texts or None, class_=class_)


def normalization():
    a = wave(4, 3, 5, low=-3, high=9)
    d = wave(7, 3, 5, seed=2, low=-2, high=12)
    yield run("normalization", "Normalization", [a], data=d)
    yield run("normalization in batches", "Normalization", [a], data=d, batches=3)
    yield run("normalization of two axes", "Normalization", [a], {"axis": [1, -1]}, data=d)
    yield run("normalization of the first axis", "Normalization", [a], {"axis": 1}, data=d)
    yield run("normalization of no axis", "Normalization", [a], {"axis": None}, data=d, ours={"axis": []})
    yield run("normalization inverted", "Normalization", [a], {"invert": True}, data=d)
    yield run("normalization of what is equal", "Normalization", [a[:, 0]], data=np.full((3, 5), 2, F))
    mean, variance = [1.0, 2.0, 3.0, 4.0, 5.0], [4.0, 0.25, 1.0, 9.0, 2.0]
    yield run("normalization said", "Normalization", [a], {"mean": mean, "variance": variance})
    yield run("normalization said by one number", "Normalization", [a], {"mean": 3.0, "variance": 2.0})
    two = np.arange(1, 16, dtype=F).reshape(3, 5)
    yield run("normalization said of two axes", "Normalization", [a], {"axis": [1, 2], "mean": two.tolist(), "variance": (two * two).tolist()},
              ours={"axis": [1, 2], "mean": two.ravel().tolist(), "variance": (two * two).ravel().tolist()})
    yield run("normalization said of the last of two axes", "Normalization", [a], {"axis": [1, 2], "mean": mean, "variance": variance, "invert": True})


def discretization():
    x = np.array([[-1.5, 1.0, 3.4], [0.5, 0.0, 2.0], [np.inf, -np.inf, 1.9999999]], F)
    for mode in ["int", "one_hot", "multi_hot", "count"]:
        yield run("ranges, " + mode, "Discretization", [x], {"bin_boundaries": [0.0, 1.0, 2.0], "output_mode": mode})
    yield run("ranges, one_hot of one", "Discretization", [x[:, :1]], {"bin_boundaries": [0.0, 1.0, 2.0], "output_mode": "one_hot"})
    d = wave(50, 7, seed=4, low=-5, high=5) ** 3
    x = wave(4, 3, seed=8, low=-120, high=120)
    yield run("quantiles", "Discretization", [x], {"num_bins": 4}, data=d)
    yield run("quantiles, few", "Discretization", [x], {"num_bins": 6, "output_mode": "count"}, data=d[:1, :4])
    yield run("quantiles, exact", "Discretization", [x], {"num_bins": 10, "epsilon": 0.001, "output_mode": "one_hot"}, data=d)
    yield run("quantiles in batches", "Discretization", [x], {"num_bins": 7, "epsilon": 0.02}, data=d, batches=5)


def encoding():
    x = np.array([[3, 2, 0], [1, 1, 4]], np.int64)
    for mode in ["one_hot", "multi_hot", "count"]:
        yield run("categories, " + mode, "CategoryEncoding", [x], {"num_tokens": 5, "output_mode": mode})
    yield run("categories, one_hot of one", "CategoryEncoding", [x[:, :1]], {"num_tokens": 5, "output_mode": "one_hot"})
    w = wave(2, 3)
    y = L.CategoryEncoding(num_tokens=5, output_mode="count")(x, count_weights=w)
    yield case("categories, weighed", {"num_tokens": 5, "output_mode": "count"}, {"x0": x, "x1": w, "y": np.asarray(y)}, class_="CategoryEncoding")


MODES = ["int", "one_hot", "multi_hot", "count", "tf_idf"]


def strings():
    d = np.array([["a", "c", "d", "d"], ["d", "z", "b", "z"], ["é", "b", "", "d"]])
    x = np.array([["d", "q", "a", "d"], ["", "z", "[UNK]", "r"]])
    for mode in MODES:
        yield run("texts, " + mode, "StringLookup", [x], {"output_mode": mode}, data=d)
        yield run("texts with a mask, " + mode, "StringLookup", [x], {"output_mode": mode, "mask_token": "", "num_oov_indices": 3, "max_tokens": 7}, data=d)
    yield run("texts, filled up", "StringLookup", [x], {"output_mode": "tf_idf", "max_tokens": 12, "pad_to_max_tokens": True}, data=d)
    yield run("texts, salted", "StringLookup", [x], {"num_oov_indices": 4, "salt": [5, 77], "vocabulary": ["d", "a"]})
    yield run("texts, said", "StringLookup", [x[:, :1]], {"output_mode": "one_hot", "vocabulary": ["a", "b", "d"], "oov_token": "?"})
    yield run("texts, all of them said", "StringLookup", [x], {"vocabulary": ["[UNK]", "a", "b", "d"], "idf_weights": [0.9, 0.25, 0.75, 0.5], "output_mode": "tf_idf"})
    yield run("texts, weights said", "StringLookup", [x], {"vocabulary": ["a", "b", "d"], "idf_weights": [0.25, 0.75, 0.5], "output_mode": "tf_idf"})
    yield run("texts, none unknown", "StringLookup", [d[:2]], {"num_oov_indices": 0}, data=d)


def integers():
    d = np.array([[12, 1138, 42, 42], [42, 1000, 36, 1000], [-7, 36, 0, 42]], np.int64)
    x = np.array([[42, 7, 12, 42], [0, 1000, -1, -15]], np.int64)
    for mode in MODES:
        yield run("integers, " + mode, "IntegerLookup", [x], {"output_mode": mode}, data=d)
        yield run("integers with a mask, " + mode, "IntegerLookup", [x], {"output_mode": mode, "mask_token": 0, "num_oov_indices": 3, "max_tokens": 7}, data=d)
    yield run("integers, hashed", "IntegerLookup", [x], {"num_oov_indices": 4, "oov_method": "farmhash", "vocabulary": [42, 12]})
    yield run("integers, salted", "IntegerLookup", [x], {"num_oov_indices": 4, "oov_method": "farmhash", "salt": [3, 4], "vocabulary": [42, 12]})
    yield run("integers, inverted", "IntegerLookup", [np.array([[1, 3, 2], [0, 4, 9]], np.int64)], {"vocabulary": [42, 12, 7], "invert": True})


def hashing():
    x = np.array([["A", "B", "", "Some longer text of words"], ["é", "0", "-12", "A"]])
    n = np.array([[1, 0, -12, 300], [7, 7, 123456, -1]], np.int64)
    for mode in ["int", "one_hot", "multi_hot", "count"]:
        yield run("bins of texts, " + mode, "Hashing", [x], {"num_bins": 5, "output_mode": mode})
        yield run("bins of integers, " + mode, "Hashing", [n], {"num_bins": 7, "output_mode": mode, "salt": [133, 137]})
    yield run("bins with a mask", "Hashing", [x], {"num_bins": 4, "mask_value": ""})
    yield run("bins of integers with a mask", "Hashing", [n], {"num_bins": 4, "mask_value": 7}, ours={"num_bins": 4, "mask_value": "7"})
    yield run("bins, salted once", "Hashing", [x], {"num_bins": 1000, "salt": 133})
    yield run("bins of one", "Hashing", [x[:, :1]], {"num_bins": 3, "output_mode": "one_hot"})
    a, b, c = x[:, :1], n[:, :1], np.array([["q"], [""]])
    yield run("crossed", "HashedCrossing", [a, b], {"num_bins": 1000})
    yield run("crossed, three", "HashedCrossing", [a, b, c], {"num_bins": 11, "output_mode": "one_hot"})
    text = "".join(chr(33 + i * 7 % 90) for i in range(200))
    texts = [text[:i] for i in range(201)]
    most = 2**62 - 57
    fast = tf.strings.to_hash_bucket_fast(texts, most).numpy()
    strong = tf.strings.to_hash_bucket_strong(texts, most, key=[11, 2**61 + 3]).numpy()
    yield case("fingerprints", texts={"text": text, "most": str(most), "fast": json.dumps([str(h) for h in fast]), "strong": json.dumps([str(h) for h in strong])})


def text():
    d = np.array([
        "The cat sat on the mat.", "A dog, a cat & a bird!", "the  bird\tsang\nand the DOG barked\x0b...", "", "it's (not) THE end: the end",
        "Élan vital — naïve café\u00a0au lait", "x" * 50])
    x = np.array(["The bird sat, the dog barked on and on!", "", "élan \u2028cafe café\x1cau lait the-cat", "unknown words only"])
    for mode in ["int", "multi_hot", "count", "tf_idf"]:
        length = {"output_sequence_length": 6} if mode == "int" else {}
        yield run("running text, " + mode, "TextVectorization", [x], {"output_mode": mode, **length}, data=d)
        yield run("running text of one a sample, %s, at most" % mode, "TextVectorization", [x[:, None]], {"output_mode": mode, "max_tokens": 9, **length}, data=d[:, None])
        yield run("pairs, " + mode, "TextVectorization", [x], {"output_mode": mode, "ngrams": (1, 2), **length}, data=d, ours={"output_mode": mode, "ngrams": [1, 2], **length})
    for standardize in ["lower", "strip_punctuation", None]:
        config = {"standardize": standardize, "output_sequence_length": 9}
        yield run("running text, standardized as %s" % standardize, "TextVectorization", [x], config, data=d)
    yield run("letters", "TextVectorization", [x], {"split": "character", "output_sequence_length": 30}, data=d)
    yield run("letters as they are, three at a time", "TextVectorization", [x], {"split": "character", "standardize": None, "ngrams": (3,), "output_mode": "count"}, data=d,
              ours={"split": "character", "standardize": None, "ngrams": [3], "output_mode": "count"})
    lists = np.array([["a", "B b", ""], ["c", "a", "d."]])
    yield run("lists of words", "TextVectorization", [lists], {"split": None, "output_sequence_length": 4}, data=lists)
    yield run("lists of words, count", "TextVectorization", [lists], {"split": None, "output_mode": "count"}, data=lists)
    yield run("running text, filled up", "TextVectorization", [x], {"output_mode": "tf_idf", "max_tokens": 60, "pad_to_max_tokens": True}, data=d)
    yield run("running text, as long as the longest", "TextVectorization", [x], {"vocabulary": ["the", "cat", "bird"]})


def series():
    data = wave(40, 2)
    for name, n, kw in [("", 30, {}), (", apart", 40, {"sequence_stride": 3, "sampling_rate": 2}), (", a part", 40, {"start_index": 5, "end_index": 29, "sequence_stride": 2}),
                        (", few targets", 11, {"sampling_rate": 3})]:
        y = wave(n, 1, seed=3)
        if "start_index" not in kw and "end_index" not in kw:
            pass
        ds = keras.utils.timeseries_dataset_from_array(data, y, sequence_length=4, batch_size=None, **kw)
        xs, ys = zip(*[(a.numpy(), b.numpy()) for a, b in ds])
        yield case("windows" + name, {"sequence_length": 4, **kw}, {"x0": data, "x1": y, "x": np.stack(xs), "y": np.stack(ys)}, class_="timeseries_dataset_from_array")
    lists = [[1], [2, 3], [], [4, 5, 6, 7]]
    for name, kw in [("", {}), (", after", {"padding": "post"}), (", cut", {"maxlen": 2}), (", cut after", {"maxlen": 3, "truncating": "post", "value": -1})]:
        yield case("padded" + name, kw, {"y": keras.utils.pad_sequences(lists, **kw)}, texts={"x": json.dumps(lists)}, class_="pad_sequences")


if __name__ == "__main__":
    write("preprocessing", VERSIONS, [c for f in [normalization, discretization, encoding, strings, integers, hashing, text, series] for c in f()])
