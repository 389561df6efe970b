"""Keras 3 on the chapter's networks; BENCH_MODEL says which, KERAS_BACKEND on what. With the argument "program" it is the whole
program: all epochs and an evaluation."""

import functools
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
from contender import (
    BATCH, CNN, RNN, DROPOUT, ENCODER_HEADS, ENCODER_INNER, ENCODER_LAYERS, EPOCHS, SEQUENCES, SEQUENCE_KINDS, THREADS, answer, mnist, one_hot,
    sequences, serve, timed,
)

backend = os.environ["KERAS_BACKEND"]
if backend == "tensorflow":
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)
elif backend == "torch":
    import torch

    torch.set_num_threads(THREADS)
import keras
import numpy as np
from keras.layers import Activation, Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D, SimpleRNN

versions = {"keras": keras.__version__, backend: __import__(backend).__version__}
keras.utils.set_random_seed(1)


def compiled(model):
    """Returns the fastest way to call a model that the backend offers: arrays in, arrays out."""
    if backend == "tensorflow":
        call = tf.function(lambda a: model(a, training=False))
        return lambda a: call(tf.constant(a)).numpy()
    if backend == "jax":
        import jax

        t = [v.value for v in model.trainable_variables]  # fit gives away those that it starts from
        n = [v.value for v in model.non_trainable_variables]
        call = jax.jit(lambda t, n, a: model.stateless_call(t, n, a, training=False)[0])
        return lambda a: np.asarray(call(t, n, a))

    def call(a):
        with torch.inference_mode():
            return model(torch.from_numpy(a), training=False).numpy()

    return call


def network(kind, x):
    """Returns what a network over sequences makes of them."""
    if kind.words:
        x = keras.layers.Embedding(kind.words, kind.features)(x)
    if kind.layer == "Encoder":
        for _ in range(ENCODER_LAYERS):
            y = keras.layers.MultiHeadAttention(ENCODER_HEADS, kind.units // ENCODER_HEADS)(x, x)
            x = keras.layers.LayerNormalization()(x + y)
            y = Dense(kind.units)(Dense(ENCODER_INNER, activation="relu")(x))
            x = keras.layers.LayerNormalization()(x + y)
        return Dense(1)(keras.layers.GlobalAveragePooling1D()(x))
    layer = getattr(keras.layers, kind.layer)(kind.units)
    return Dense(1)((keras.layers.Bidirectional(layer) if kind.both else layer)(x))


@functools.cache
def sequence_call(kind, steps, training):
    """Returns what is timed, and how many batches it goes through."""
    kind = SEQUENCE_KINDS[kind]
    batches = 1 if not training else 4 if steps <= 256 else 2
    x = sequences(kind, steps, batches)
    inputs = Input(x.shape[1:], dtype=x.dtype.name)
    model = keras.Model(inputs, network(kind, inputs))
    model.compile(loss="mse", optimizer="adam")
    if not training:
        call = compiled(model)
        return lambda: call(x), 1
    y = np.zeros((len(x), 1), "float32")
    return lambda: model.fit(x, y, batch_size=kind.batch, verbose=0, shuffle=False), batches


def sequence(kind, steps, training):
    call, batches = sequence_call(kind, steps, training)
    return timed(call) / batches


if SEQUENCES:
    serve({"sequence": sequence}, versions=versions)
    sys.exit()

x, y, xt, yt = mnist()
y, yt = one_hot(y), one_hot(yt)
if CNN:
    model = keras.Sequential([
        Input((28, 28, 1)),
        Conv2D(64, 3, activation="relu"), MaxPooling2D(2),
        Conv2D(64, 3, activation="relu"), MaxPooling2D(2),
        Conv2D(64, 3, activation="relu"),
        Flatten(), Dropout(0.2), Dense(10), Activation("softmax"),
    ])
elif RNN:
    model = keras.Sequential([Input((28, 28)), SimpleRNN(256, dropout=0.2), Dense(10), Activation("softmax")])
else:
    model = keras.Sequential([
        Input((784,)),
        Dense(256), Activation("relu"), Dropout(DROPOUT),
        Dense(256), Activation("relu"), Dropout(DROPOUT),
        Dense(10), Activation("softmax"),
    ])
model.compile(loss="categorical_crossentropy", optimizer="sgd" if RNN else "adam", metrics=["accuracy"])


class FirstStep(keras.callbacks.Callback):
    """Remembers when the first step was done."""

    first = None

    def on_train_batch_end(self, batch, logs=None):
        if self.first is None:
            self.first = time.time()


if sys.argv[1:] == ["program"]:
    step = FirstStep()
    model.fit(x, y, epochs=EPOCHS, batch_size=BATCH, verbose=0, callbacks=[step])
    _, accuracy = model.evaluate(xt, yt, batch_size=BATCH, verbose=0)
    answer(first=step.first, accuracy=float(accuracy))
    sys.exit()


class Epochs(keras.callbacks.Callback):
    """Measures an epoch without what fit does before and after."""

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds = time.perf_counter() - self.start


def epoch():
    clock = Epochs()
    model.fit(x, y, epochs=1, batch_size=BATCH, verbose=0, callbacks=[clock])
    return clock.seconds


epoch()  # compiles
serve({
    "epoch": epoch,
    "evaluate": lambda batch: timed(lambda: model.evaluate(xt, yt, batch_size=batch, verbose=0)),
    "predict": lambda rows: timed(compiled(model), xt[:rows]),
    "call": lambda rows: timed(lambda: model.predict(xt[:rows], verbose=0)),
}, versions=versions)
