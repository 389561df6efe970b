"""Trains the 18 networks of table 1.3.2 in Keras, 20 epochs from each seed, and adds the accuracies to a file.

    venv/bin/python internal/golden/keras_table.py dataset/mnist cmd/cornu/testdata/keras-seeds.csv 4 5 6 7

The seeds 1 to 3 are in keras-1.3.2.csv, as means.
"""

import csv
import gzip
import os
import sys

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
from keras import layers, regularizers

# Units, dropout, l2, optimizer, whether with ReLU.
ROWS = [
    ((256,) * 3, 0, 0, "sgd", False),
    ((256,) * 3, 0, 0.001, "sgd", True),
    ((256,) * 3, 0, 0.01, "sgd", True),
    ((256,) * 3, 0, 0, "sgd", True),
    ((256,) * 3, 0.4, 0, "sgd", True),
    ((256,) * 3, 0.45, 0, "sgd", True),
    ((256,) * 3, 0.5, 0, "sgd", True),
    ((256,) * 3, 0.6, 0, "sgd", True),
    ((256, 512, 256), 0.45, 0, "sgd", True),
    ((512,) * 3, 0.2, 0, "sgd", True),
    ((512,) * 3, 0.4, 0, "sgd", True),
    ((512, 1024, 512), 0.45, 0, "sgd", True),
    ((1024,) * 3, 0.4, 0, "sgd", True),
    ((256,) * 3, 0.6, 0, "adam", True),
    ((256,) * 3, 0.55, 0, "adam", True),
    ((256,) * 3, 0.45, 0, "adam", True),
    ((256,) * 3, 0.45, 0, "rmsprop", True),
    ((128,) * 3, 0.45, 0, "adam", True),
]


def read(folder, name, offset):
    with gzip.open(os.path.join(folder, name)) as f:
        return np.frombuffer(f.read(), np.uint8, offset=offset)


def main(folder, out, seeds):
    x = read(folder, "train-images-idx3-ubyte.gz", 16).reshape(-1, 784).astype("float32") / 255
    y = keras.utils.to_categorical(read(folder, "train-labels-idx1-ubyte.gz", 8), 10)
    tx = read(folder, "t10k-images-idx3-ubyte.gz", 16).reshape(-1, 784).astype("float32") / 255
    ty = keras.utils.to_categorical(read(folder, "t10k-labels-idx1-ubyte.gz", 8), 10)
    for seed in seeds:
        for i, (units, rate, l2, optimizer, relu) in enumerate(ROWS):
            keras.utils.clear_session()
            keras.utils.set_random_seed(seed)
            m = keras.Sequential([keras.Input((784,))])
            for n in units:
                m.add(layers.Dense(n, kernel_regularizer=regularizers.L2(l2) if l2 else None))
                if relu:
                    m.add(layers.Activation("relu"))
                if rate:
                    m.add(layers.Dropout(rate))
            m.add(layers.Dense(10))
            m.add(layers.Activation("softmax"))
            m.compile(loss="categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
            h = m.fit(x, y, epochs=20, batch_size=128, verbose=0)
            train = m.evaluate(x, y, batch_size=1000, verbose=0)[1]
            test = m.evaluate(tx, ty, batch_size=1000, verbose=0)[1]
            with open(out, "a", newline="") as f:
                csv.writer(f).writerow([i + 1, seed, *(f"{100*v:.4f}" for v in (h.history["accuracy"][-1], train, test))])


main(sys.argv[1], sys.argv[2], [int(s) for s in sys.argv[3:]])
