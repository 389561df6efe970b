"""What the Python peers share: the data, the clock, and the answers to the program that asks.

A peer is asked on standard input, a line at a time ("epoch", "predict 32"), and answers on standard output with a line
of JSON ({"seconds": 0.41}). Everything else that it or its libraries print goes to standard error.
"""

import json
import os
import statistics
import sys
import time
import typing

import numpy as np

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
CNN = os.environ.get("BENCH_MODEL") == "cnn"  # the chapter's second network
RNN = os.environ.get("BENCH_MODEL") == "rnn"  # the third
SEQUENCES = os.environ.get("BENCH_MODEL") == "sequence"  # networks over sequences, as in sequence.go; else the first
ENCODER_LAYERS, ENCODER_HEADS, ENCODER_INNER = 4, 4, 1024  # of a transformer


class Kind(typing.NamedTuple):
    """A network over sequences."""

    layer: str  # LSTM, GRU or Encoder
    units: int
    both: bool = False  # in both directions
    words: int = 0  # how many there are, of sequences of words, which are looked up
    features: int = 64  # of a step
    batch: int = 64


SEQUENCE_KINDS = [
    Kind("LSTM", 128), Kind("GRU", 512), Kind("LSTM", 128, both=True), Kind("LSTM", 128, words=20000, features=128),
    Kind("Encoder", 256, features=256, batch=4),
]
SIZES = [784, 256, 256, 10]
DROPOUT = 0.45
BATCH = 128
EPOCHS = int(os.environ.get("BENCH_EPOCHS", "20"))  # of the whole program

_answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)


def answer(**values):
    """Writes one answer."""
    _answers.write(json.dumps(values) + "\n")


def mnist():
    """Returns the digits: training pixels as float32 in 0 … 1, training labels, and the same for testing. Images have a channel
    for the second network, are rows for the third, and flat for the first."""
    folder = os.environ["BENCH_MNIST"]
    read = lambda name: np.load(os.path.join(folder, name + ".npy"))
    shape = (-1, 28, 28, 1) if CNN else (-1, 28, 28) if RNN else (-1, 784)
    pixels = lambda name: read(name).reshape(shape).astype(np.float32) / 255
    n = int(os.environ.get("BENCH_DIGITS", "60000"))  # of an epoch
    return pixels("train-images")[:n], read("train-labels").astype(np.int64)[:n], pixels("test-images"), read("test-labels").astype(np.int64)


def sequences(kind, steps, batches=1):
    """Returns batches of sequences."""
    if kind.words:
        return (np.arange(batches * kind.batch * steps) * 7919 % kind.words).astype(np.int32).reshape(-1, steps)
    x = np.arange(batches * kind.batch * steps * kind.features) * 7919 % 1000
    return (x.astype(np.float32) / 1000 - 0.5).reshape(-1, steps, kind.features)


def one_hot(labels):
    """Returns the labels as vectors."""
    return np.eye(10, dtype=np.float32)[labels]


def timed(f, *args):
    """Returns the median seconds of a call of f that has run before: of at least 3 and at most 1,000 calls in 0.2 s, of long ones of those
    that begin in 2 s."""
    f(*args)
    times, begin, spent = [], time.perf_counter(), 0
    while not times or (spent < 2 and (len(times) < 3 or (spent < 0.2 and len(times) < 1000))):
        start = time.perf_counter()
        f(*args)
        times.append(time.perf_counter() - start)
        spent = time.perf_counter() - begin
    return statistics.median(times)


def once(f, *args):
    """Returns the seconds of one call of f."""
    start = time.perf_counter()
    f(*args)
    return time.perf_counter() - start


def serve(measures, **hello):
    """Answers questions until there are no more. measures holds for each name a function that returns seconds."""
    answer(**hello)
    for line in sys.stdin:
        name, *args = line.split()
        if name not in measures:
            answer(error="not measured")
            continue
        try:
            answer(seconds=measures[name](*map(int, args)))
        except NotImplementedError:
            answer(error="not measured")
        except Exception as e:  # said by the program that asks
            answer(error=repr(e))
