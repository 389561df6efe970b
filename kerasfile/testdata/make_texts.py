"""Makes texts.keras and text_lengths.keras, models of Keras's that take texts, and checks the files that Cornu writes of them.

    python3 -m venv venv && venv/bin/pip install keras tensorflow-cpu
    venv/bin/python kerasfile/testdata/make_texts.py           # writes both beside itself, and what they predict
    KERASFILE_OUT=/tmp/out go test . -run KerasTexts           # writes the same model with Cornu
    venv/bin/python kerasfile/testdata/make_texts.py /tmp/out  # has Keras read it

Only TensorFlow has texts in a model of Keras's.
"""

import json
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf

L = keras.layers
here = os.path.dirname(os.path.abspath(__file__))


def inputs():
    return {
        "review": ["A good film, a good day!", "bad. BAD actors", "", "the end of the day: good"],
        "kind": [["drama"], ["comedy"], ["western"], [""]],
        "tags": [["a", "b", "a"], ["c", "", "b"], ["", "", ""], ["q", "a", "c"]],
        "year": [[1999], [2001], [1950], [1999]],
        "stars": [[1, 2], [2, 2], [0, 3], [3, 1]],
        "height": [[1.5, -2.0], [0.25, 3.0], [9.0, 0.0], [2.0, 1.0]],
    }


def model():
    x = inputs()
    review, kind = keras.Input((), dtype="string", name="review"), keras.Input((1,), dtype="string", name="kind")
    tags = keras.Input((3,), dtype="string", name="tags")
    year, stars = keras.Input((1,), dtype="int64", name="year"), keras.Input((2,), dtype="int64", name="stars")
    height = keras.Input((2,), name="height")
    words = L.TextVectorization(output_mode="tf_idf", ngrams=2, max_tokens=12)
    words.adapt(np.array(x["review"]))
    order = L.TextVectorization(output_sequence_length=4, split="whitespace")
    order.adapt(np.array(x["review"]))
    lookup = L.StringLookup(mask_token="", num_oov_indices=2, output_mode="one_hot")
    lookup.adapt(np.array(x["kind"]))
    counted = L.StringLookup(output_mode="tf_idf", vocabulary=["a", "b", "c"], idf_weights=[0.5, 0.25, 2.0])
    years = L.IntegerLookup(output_mode="multi_hot", mask_token=0)
    years.adapt(np.array(x["year"]))
    scale = L.Normalization()
    scale.adapt(np.array(x["height"], "float32"))
    ranges = L.Discretization(num_bins=3, output_mode="count")
    ranges.adapt(np.array(x["height"], "float32"))
    parts = [
        words(review), order(review), lookup(kind), counted(tags), years(year), L.Hashing(4, mask_value="", output_mode="one_hot")(kind),
        L.Hashing(5, salt=[3, 9], output_mode="count")(stars), L.HashedCrossing(6, output_mode="one_hot")([kind, year]),
        L.CategoryEncoding(4, output_mode="count")(stars, count_weights=height), scale(height), ranges(height),
        L.Normalization(axis=None, mean=2.0, variance=4.0, invert=True)(height),
    ]
    # Concatenate wants one type: numbers of words become float32 by a Rescaling.
    flat = L.Concatenate()([L.Rescaling(1.0)(p) for p in parts])
    m = keras.Model([review, kind, tags, year, stars, height], L.Dense(2)(flat), name="texts")
    return m


def lengths():
    """A model whose texts are as long as the longest of them."""
    x = keras.Input((1,), dtype="string", name="review")
    y = L.TextVectorization(vocabulary=["a", "good", "bad", "film"])(x)
    return keras.Model(x, L.LSTM(2)(L.Embedding(6, 3, mask_zero=True)(y)))


reviews = [["a good film"], ["bad"], ["a film of a good kind, a bad film of a good kind, or a film"], ["good, good"]]


def fed(m, x):
    return [tf.constant(x[i.name], i.dtype) for i in m.inputs]


def main():
    x = inputs()
    if len(sys.argv) > 1:
        with open(os.path.join(here, "texts.json")) as f:
            want = json.load(f)
        for file in ["texts.keras"]:
            m = keras.models.load_model(os.path.join(sys.argv[1], file))
            y = m(fed(m, x))
            got = np.asarray(y)
            d = np.abs(got - np.array(want["predict"])).max()
            print(file, "differs by", d)
            assert d < 1e-5
            names = [l.name for l in m.layers]
            print(names)
        with open(os.path.join(here, "text_lengths.json")) as f:
            want = json.load(f)
        m = keras.models.load_model(os.path.join(sys.argv[1], "text_lengths.keras"))
        d = np.abs(m.predict(tf.constant(want["reviews"]), verbose=0) - np.array(want["predict"])).max()
        print("text_lengths.keras differs by", d)
        assert d < 1e-5
        return
    keras.utils.set_random_seed(3)
    m = model()
    y = np.asarray(m(fed(m, x)))
    m.save(os.path.join(here, "texts.keras"))
    with open(os.path.join(here, "texts.json"), "w") as f:
        json.dump({"made_by": {"keras": keras.__version__, "tensorflow": tf.__version__}, "inputs": x, "predict": y.tolist()}, f, indent=1)
    print(y)
    m = lengths()
    m.save(os.path.join(here, "text_lengths.keras"))
    y = m.predict(tf.constant(reviews), verbose=0)
    with open(os.path.join(here, "text_lengths.json"), "w") as f:
        json.dump({"made_by": {"keras": keras.__version__, "tensorflow": tf.__version__}, "reviews": reviews, "predict": y.tolist()}, f, indent=1)


main()
