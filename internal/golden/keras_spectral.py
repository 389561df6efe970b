"""Makes testdata/spectral.json: how Keras on TensorFlow trains networks with SpectralNormalization.

    python3 -m venv venv && venv/bin/pip install keras tensorflow-cpu numpy
    venv/bin/python internal/golden/keras_spectral.py

On TensorFlow and PyTorch the layer assigns the divided kernel before the gradient is taken. On JAX the assignment to a
weight that is trained is lost between steps, so that this file is not made there.
"""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf

from goldenjson import case, write

F = np.float32
L = keras.layers


def wave(*shape, seed=1):
    n = np.arange(1, int(np.prod(shape)) + 1, dtype=np.float64) + 31 * seed
    return (2 * np.modf(n * n * 0.6180339887498949 + n * 0.4142135623730951)[0] - 1).reshape(shape).astype(F)


def run(name, frozen=False, zero=False):
    first = L.SpectralNormalization(L.Dense(4, activation="tanh", kernel_regularizer="l2"), power_iterations=2)
    model = keras.Sequential([L.Input((5,)), first, L.SpectralNormalization(L.Dense(2))])
    first.trainable = not frozen
    for k, w in enumerate(model.weights):
        w.assign(wave(*w.shape, seed=k) * (0 if zero and k == 0 else 1))
    x, y = wave(6, 5, seed=40), wave(6, 2, seed=41)
    tensors = {"x": x, "y": y}
    tensors.update({"initial %d" % k: w for k, w in enumerate(model.get_weights())})
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse", run_eagerly=True)
    for _ in range(3):
        model.train_on_batch(x, y)
    tensors.update({"final %d" % k: w for k, w in enumerate(model.get_weights())})
    tensors["predict"] = model.predict(x, verbose=0)
    return case(name, None, tensors)


if __name__ == "__main__":
    versions = {"keras": keras.__version__, "tensorflow": tf.__version__, "numpy": np.__version__}
    write("spectral", versions, [run("trained"), run("a kernel of zeros", zero=True)])
