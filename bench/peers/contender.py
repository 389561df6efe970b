"""What the Python peers share: the data, the clock, and the answers to the program that asks.

A peer is asked on standard input, a line at a time ("epoch", "predict 32"), and answers on standard output with a line
of JSON ({"seconds": 0.41}). Everything else that it or its libraries print goes to standard error.
"""

import json
import os
import statistics
import sys
import time

import numpy as np

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
CNN = os.environ.get("BENCH_MODEL") == "cnn"  # the chapter's second network
RNN = os.environ.get("BENCH_MODEL") == "rnn"  # the third
SEQUENCES = os.environ.get("BENCH_MODEL") == "sequence"  # networks over sequences, as in sequence.go; else the first
SEQUENCE_BATCH, SEQUENCE_FEATURES = 64, 64
SEQUENCE_KINDS = [("LSTM", 128, False), ("GRU", 512, False), ("LSTM", 128, True)]  # class, units, both directions
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


def sequences(steps, batches=1):
    """Returns batches of sequences."""
    x = np.arange(batches * SEQUENCE_BATCH * steps * SEQUENCE_FEATURES) * 7919 % 1000
    return (x.astype(np.float32) / 1000 - 0.5).reshape(-1, steps, SEQUENCE_FEATURES)


def one_hot(labels):
    """Returns the labels as vectors."""
    return np.eye(10, dtype=np.float32)[labels]


def timed(f, *args):
    """Returns the median seconds of a call of f that has run before: of at least 3 and at most 1,000 calls in 0.2 s."""
    f(*args)
    times, end = [], time.perf_counter() + 0.2
    while len(times) < 3 or (time.perf_counter() < end and len(times) < 1000):
        start = time.perf_counter()
        f(*args)
        times.append(time.perf_counter() - start)
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
