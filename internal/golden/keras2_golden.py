"""Makes testdata/keras2.json: what the book's Keras, 2.2.4, prints and computes where Keras 3 differs.

    python3.6 -m venv venv2 && venv2/bin/pip install keras==2.2.4 tensorflow==1.12.0 "h5py<3" "numpy<1.17" pydot
    venv2/bin/python internal/golden/keras2_golden.py

Summaries, diagrams, ten steps of each optimizer, the activations and losses that changed, the progress line.
"""

import io
import os
import re
import sys
from contextlib import redirect_stdout

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import pydot
import tensorflow as tf
from keras import backend as K
from keras import layers as L
from keras.models import Model, Sequential
from keras.utils import vis_utils

from goldenjson import case, write

VERSIONS = {"keras": keras.__version__, "tensorflow": tf.__version__, "numpy": np.__version__}
F = np.float32


def wave(*shape, **kwargs):
    """As in keras_golden.py."""
    seed, low, high = kwargs.get("seed", 1), kwargs.get("low", -1.0), kwargs.get("high", 1.0)
    n = np.arange(1, int(np.prod(shape)) + 1, dtype=np.float64) + 31 * seed
    x = np.modf(n * n * 0.6180339887498949 + n * 0.4142135623730951)[0]
    return (low + (high - low) * x).reshape(shape).astype(F)


def listing_model():
    K.clear_session()
    model = Sequential()
    model.add(L.Dense(256, input_dim=784))
    model.add(L.Activation("relu"))
    model.add(L.Dropout(0.45))
    model.add(L.Dense(256))
    model.add(L.Activation("relu"))
    model.add(L.Dropout(0.45))
    model.add(L.Dense(10))
    model.add(L.Activation("softmax"))
    return model


def branched_model():
    K.clear_session()
    left, right = L.Input((16,), name="left"), L.Input((16,), name="right")
    shared = L.Dense(32, activation="relu")
    joined = L.Concatenate()([shared(left), shared(right)])
    hidden = L.Dense(64, name="a_layer_with_quite_a_long_name_indeed")(joined)
    added = L.Add()([joined, hidden])
    frozen = L.Dense(8, trainable=False)(added)
    return Model([left, right], [L.Dense(3, activation="softmax", name="kind")(frozen), L.Dense(1, name="size")(added)])


def image_model():
    K.clear_session()
    return Sequential(
        [
            L.Conv2D(64, 3, activation="relu", input_shape=(28, 28, 1)),
            L.MaxPooling2D(2),
            L.Conv2D(64, 3, activation="relu"),
            L.Flatten(),
            L.BatchNormalization(),
            L.Dropout(0.2),
            L.Dense(10, activation="softmax"),
        ]
    )


def texts():
    vis_utils._check_pydot = lambda: None  # graphviz itself isn't needed for the DOT text
    cases = []
    for name, build in [("listing", listing_model), ("branched", branched_model), ("image", image_model)]:
        outputs = {}
        for tag, arguments in [("", {}), (" width 80", {"line_length": 80}), (" width 120", {"line_length": 120})]:
            lines = []
            build().summary(print_fn=lines.append, **arguments)
            outputs["summary" + tag] = "\n".join(lines) + "\n"
        for tag, arguments in [("", {}), (" with shapes", {"show_shapes": True})]:
            text = vis_utils.model_to_dot(build(), **arguments).to_string()
            names = {}
            for address in re.findall(r"\b\d{9,}\b", text):
                names.setdefault(address, "n%d" % len(names))
            for address, short in names.items():
                text = text.replace(address, short)
            outputs["dot" + tag] = text
        cases.append(case("texts of " + name, texts=outputs))
    return cases


def optimizers():
    kernel, bias = wave(3, 4, seed=1), wave(4, seed=2)
    gradients = []
    for step in range(10):
        scale = F(4.0 * 10 ** (-step / 3.0))
        g = wave(3, 4, seed=40 + step) * scale
        g[1] = 0
        gradients.append((g, wave(4, seed=70 + step) * scale))
    cases = []
    for cls, config in [
        ("SGD", {}),
        ("SGD", {"momentum": 0.9}),
        ("SGD", {"momentum": 0.9, "nesterov": True}),
        ("SGD", {"decay": 0.5}),
        ("SGD", {"clipnorm": 1.0}),
        ("RMSprop", {}),
        ("Adagrad", {}),
        ("Adadelta", {}),
        ("Adam", {}),
        ("Adam", {"amsgrad": True}),
        ("Adam", {"decay": 0.5}),
        ("Adamax", {}),
        ("Nadam", {}),
    ]:
        K.clear_session()
        variables = [K.variable(kernel), K.variable(bias)]
        given = [K.placeholder((3, 4)), K.placeholder((4,))]
        # A loss whose gradient is what is fed: Σ w·g.
        loss = K.sum(variables[0] * given[0]) + K.sum(variables[1] * given[1])
        optimizer = getattr(keras.optimizers, cls)(**config)
        step = K.function(given, [loss], optimizer.get_updates(loss, variables))
        kernels, biases = [], []
        for gk, gb in gradients:
            step([gk, gb])
            kernels.append(K.get_value(variables[0]))
            biases.append(K.get_value(variables[1]))
        suffix = "".join(" %s=%s" % (k, v) for k, v in config.items())
        defaults = {k: float(v) for k, v in optimizer.get_config().items() if isinstance(v, (int, float, np.floating)) and not isinstance(v, bool)}
        cases.append(case("optimizer " + cls + suffix, config, {"kernel": np.stack(kernels), "bias": np.stack(biases)}, {"default " + k: v for k, v in defaults.items()}, class_=cls))
    return cases


def functions():
    x = np.array([-10, -6, -3, -2.6, -2.5, -2.4, -1, -0.1, 0, 0.1, 1, 2.4, 2.5, 2.6, 3, 6, 10], F)
    hard = K.eval(keras.activations.hard_sigmoid(K.constant(x)))
    labels = np.array([0, 2, 1, 0])
    p = np.array([[0.7, 0.2, 0.1], [0.5, 0.5, 1.0], [0, 1, 0], [0, 1, 0]], F)
    cce = K.eval(keras.losses.categorical_crossentropy(K.constant(np.eye(3)[labels]), K.constant(p)))
    return [
        case("activation hard_sigmoid", tensors={"x": x, "y": hard}, class_="hard_sigmoid"),
        case("loss categorical_crossentropy", tensors={"y_true": np.eye(3)[labels], "y_pred": p, "loss": cce}, class_="categorical_crossentropy"),
    ]


def training():
    """The listing in small, as in keras_golden.py, with what fit prints line by line (times replaced by T)."""
    K.clear_session()
    n = 30
    x = wave(n, 8, seed=50, low=0, high=1)
    y = np.eye(3, dtype=F)[np.abs(x[:, :3]).argmax(1)]
    model = Sequential([L.Dense(6, input_dim=8), L.Activation("relu"), L.Dense(5), L.Activation("relu"), L.Dense(3), L.Activation("softmax")])
    weights = [wave(*w.shape, seed=100 + i) * F(0.6) for i, w in enumerate(model.get_weights())]
    model.set_weights(weights)
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    out = io.StringIO()
    with redirect_stdout(out):
        history = model.fit(x, y, epochs=3, batch_size=4, shuffle=False, verbose=2)
    tensors = {"x": x, "y": y}
    for i, (a, b) in enumerate(zip(weights, model.get_weights())):
        name = "%s/%s" % (["dense", "dense_1", "dense_2"][i // 2], ["kernel", "bias"][i % 2])
        tensors["initial " + name] = a
        tensors["final " + name] = b
    numbers = {"history " + k: [float(v) for v in values] for k, values in history.history.items()}
    printed = re.sub(r"\d+s( \d+[mu]?s/step)?", "T", out.getvalue())
    return [case("training listing", None, tensors, numbers, {"printed with verbose=2": printed})]


if __name__ == "__main__":
    write("keras2", VERSIONS, texts() + optimizers() + functions() + training())
