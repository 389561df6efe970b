"""Keras 3 as one who loads a model of 25 million parameters and predicts a row; KERAS_BACKEND says on what."""

import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
from contender import serve

import keras
import numpy as np

PATH = os.path.join(os.environ["BENCH_MNIST"], "large.keras")

# Python is started when it has compiled something.
keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(4)]).predict(np.zeros((1, 4)), verbose=0)


def load():
    start = time.perf_counter()
    model = keras.models.load_model(PATH)
    loaded = time.perf_counter() - start
    np.asarray(model(np.zeros((1, 2500), "float32")))
    print("load_model alone took", loaded)
    return time.perf_counter() - start


serve({"load": load})
