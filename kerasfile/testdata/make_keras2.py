"""Makes keras2.h5, a whole model as Keras 2 saves it, and keras2.json, which says what it predicts.

    python3 -m venv venv && venv/bin/pip install tensorflow-cpu tf_keras
    venv/bin/python kerasfile/testdata/make_keras2.py

keras224.h5 is the same network and weights with the configurations that Keras 2.2.4 wrote, whose names and classes
differ: lr and decay, alpha, glorot_uniform as a VarianceScaling, batch_input_shape.
"""

import json
import os
import shutil

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import h5py
import numpy as np
import tf_keras as K

L = K.layers
here = os.path.dirname(os.path.abspath(__file__))


def wave(*shape, seed=1):
    n = np.arange(1, int(np.prod(shape)) + 1, dtype=np.float64) + 31 * seed
    return (2 * np.modf(n * n * 0.6180339887498949 + n * 0.4142135623730951)[0] - 1).reshape(shape).astype("float32")


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


with open(os.path.join(here, "keras2.json"), "w") as f:
    json.dump({"version": K.__version__, "x": flat([x])[0], "weights": flat(model.get_weights()), "predict": flat([model.predict(x, verbose=0)])[0]}, f)
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
