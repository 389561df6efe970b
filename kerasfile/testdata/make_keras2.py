"""Makes keras2.h5, a whole model as Keras 2 saves it, and keras2.json, which says what it predicts; and checks that Keras 2
opens what Cornu writes.

    python3 -m venv venv && venv/bin/pip install tensorflow-cpu tf_keras
    venv/bin/python kerasfile/testdata/make_keras2.py
    KERASFILE_OUT=/tmp/out go test . -run Keras                # writes models with Cornu
    venv/bin/python kerasfile/testdata/make_keras2.py /tmp/out # has Keras 2 read them

keras224.h5 is the same network and weights with the configurations that Keras 2.2.4 wrote, whose names and classes
differ: lr and decay, alpha, glorot_uniform as a VarianceScaling, batch_input_shape.

keras2_OPTIMIZER.h5 have the state of an optimizer: of those of TensorFlow 2.11 and later, of the older ones (old_), and with
the names and the order that Keras 2.2.4 had (keras224_), which are those of the older ones without names. keras2.json has the
weights after three more steps.
"""

import json
import os
import shutil
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import h5py
import numpy as np
import tf_keras as K

L = K.layers
here = os.path.dirname(os.path.abspath(__file__))


def wave(*shape, seed=1):
    n = np.arange(1, int(np.prod(shape)) + 1, dtype=np.float64) + 31 * seed
    return (2 * np.modf(n * n * 0.6180339887498949 + n * 0.4142135623730951)[0] - 1).reshape(shape).astype("float32")


def check(folder):
    golden = json.load(open(os.path.join(here, "golden.json")))["cases"]
    bad = 0
    for file, want in golden.items():
        path = os.path.join(folder, file.replace(".h5", ".h5.keras"))[: -len(".keras")] + ".whole.h5"
        x = [np.array(a["data"], "float32").reshape(a["shape"]) for a in want["x"]]
        text = ""
        try:
            model = K.models.load_model(path)
        except Exception as e:
            text = str(e)[:120]  # it has an optimizer that Keras 2 doesn't know, or a setting of one
            try:
                model = K.models.load_model(path, compile=False)
            except Exception as e:  # a layer that Keras 2 doesn't know, or a model within a model
                print(file, "isn't read:", str(e)[:300])
                continue
        try:
            got = model.predict(x, verbose=0)
        except Exception as e:  # TensorFlow pools no images with channels first on a CPU
            print(file, "isn't run:", str(e)[-200:])
            continue
        worst = max(np.abs(a.ravel() - np.array(b)).max() for a, b in zip(got if isinstance(got, list) else [got], want["predict"], strict=True))
        print(file, worst, text)
        bad += int(worst > 1e-6)
    print(len(golden), "models,", bad, "differences")
    return bad


if len(sys.argv) > 1:
    sys.exit(check(sys.argv[1]))

model = K.Sequential([
    L.Dense(4, activation="tanh", input_shape=(5,), kernel_regularizer="l2"), L.LeakyReLU(alpha=0.2), L.Dropout(0.3), L.Dense(3), L.Activation("softmax"),
])
for k, w in enumerate(model.weights):
    w.assign(wave(*w.shape, seed=k))
model.compile(K.optimizers.Adam(0.01), "categorical_crossentropy", metrics=["accuracy"])
x = wave(6, 5, seed=9)
y = np.eye(3, dtype="float32")[[0, 1, 2, 0, 1, 2]]
model.train_on_batch(x, y)
path = os.path.join(here, "keras2.h5")
model.save(path)


def flat(arrays):
    return [[float(v) for v in np.asarray(a).ravel()] for a in arrays]


O = K.optimizers
# Nadam isn't among them: its product of momenta is not in the file, and is another rule's in Keras 3.
optimizers = {
    "sgd": O.SGD(0.1), "momentum": O.SGD(0.1, momentum=0.9), "rmsprop": O.RMSprop(0.01, momentum=0.5, centered=True), "adam": O.Adam(0.01),
    "adam_amsgrad_ema": O.Adam(0.01, amsgrad=True, use_ema=True), "adadelta": O.Adadelta(1.0), "adamax": O.Adamax(0.01), "ftrl": O.Ftrl(0.1),
    "old_momentum": O.legacy.SGD(0.1, momentum=0.9, decay=0.1), "old_adam": O.legacy.Adam(0.01, amsgrad=True),
    "old_adamax": O.legacy.Adamax(0.01), "old_rmsprop": O.legacy.RMSprop(0.01, momentum=0.5, centered=True),
}


def nameless(path):
    """Names the optimizer's arrays as Keras 2.2.4 did, which had a place for amsgrad of one number."""
    with h5py.File(path, "r+") as f:
        g = f["optimizer_weights"]
        names = [n.decode() if hasattr(n, "decode") else n for n in g.attrs["weight_names"]]
        values = [g[n][()] for n in names] + [np.zeros(1, "float32")] * 2
        del f["optimizer_weights"]
        g = f.create_group("optimizer_weights")
        names = ["Adam/iterations:0"] + [f"training/Adam/Variable{'_%d' % i if i else ''}:0" for i in range(len(values) - 1)]
        g.attrs["weight_names"] = [n.encode() for n in names]
        for n, v in zip(names, values):
            g[n] = v
        f.attrs["keras_version"] = f["model_weights"].attrs["keras_version"] = "2.2.4"


def trained(name, optimizer):
    m = K.Sequential([L.Dense(3, activation="softmax", input_shape=(5,), name="dense")])
    for k, w in enumerate(m.weights):
        w.assign(wave(*w.shape, seed=k))
    m.compile(optimizer, "categorical_crossentropy")
    for _ in range(3):
        m.train_on_batch(x, y)
    path = os.path.join(here, f"keras2_{name}.h5")
    m.save(path)
    for _ in range(3):
        m.train_on_batch(x, y)
    return path, flat(m.get_weights())


after = {name: trained(name, o)[1] for name, o in optimizers.items()}
adam, after["keras224_adam"] = trained("keras224_adam", O.legacy.Adam(0.01))
nameless(adam)

with open(os.path.join(here, "keras2.json"), "w") as f:
    json.dump({"version": K.__version__, "next": after, "x": flat([x])[0], "weights": flat(model.get_weights()), "predict": flat([model.predict(x, verbose=0)])[0], "y": flat([y])[0]}, f)
    f.write("\n")

old = os.path.join(here, "keras224.h5")
shutil.copy(path, old)
uniform = {"class_name": "VarianceScaling", "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}}


def dense(name, units, activation, **first):
    l2 = {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.01}}
    return {"class_name": "Dense", "config": {
        "name": name, "trainable": True, **first, "units": units, "activation": activation, "use_bias": True, "kernel_initializer": uniform,
        "bias_initializer": {"class_name": "Zeros", "config": {}}, "kernel_regularizer": l2 if first else None, "bias_regularizer": None,
        "activity_regularizer": None, "kernel_constraint": None, "bias_constraint": None}}


config = {"class_name": "Sequential", "config": {"name": "sequential_1", "layers": [
    dense("dense_1", 4, "tanh", batch_input_shape=[None, 5], dtype="float32"),
    {"class_name": "LeakyReLU", "config": {"name": "leaky_re_lu_1", "trainable": True, "alpha": 0.2}},
    {"class_name": "Dropout", "config": {"name": "dropout_1", "trainable": True, "rate": 0.3, "noise_shape": None, "seed": None}},
    dense("dense_2", 3, "linear"),
    {"class_name": "Activation", "config": {"name": "activation_1", "trainable": True, "activation": "softmax"}}]}}
training = {"optimizer_config": {"class_name": "SGD", "config": {"lr": 0.1, "momentum": 0.9, "decay": 0.5, "nesterov": False}},
            "loss": "categorical_crossentropy", "metrics": ["acc"], "sample_weight_mode": None, "loss_weights": None}
with h5py.File(old, "r+") as f:
    f.attrs["keras_version"] = "2.2.4"
    f.attrs["model_config"] = json.dumps(config).encode()
    f.attrs["training_config"] = json.dumps(training).encode()
    del f["optimizer_weights"]  # which are of another optimizer
