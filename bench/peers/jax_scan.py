"""The chapter's networks in bare JAX; BENCH_MODEL says which. A whole epoch is one compiled scan: shuffle, dropout and Adam included, but no
metric. The fastest way to train it that JAX offers. "scale WIDTH DEPTH BATCH" is a step of a network of other sizes."""

import math
import sys
import time

from contender import BATCH, CNN, DROPOUT, EPOCHS, SIZES, answer, mnist, once, serve, timed
import jax
import jax.numpy as jnp
import numpy as np


def parameters(sizes):
    key, p = jax.random.key(0), []
    for fan_in, fan_out in zip(sizes, sizes[1:]):
        key, sub = jax.random.split(key)
        limit = math.sqrt(6 / (fan_in + fan_out))
        p += [jax.random.uniform(sub, (fan_in, fan_out), minval=-limit, maxval=limit), jnp.zeros(fan_out)]
    return p


def filters():
    key, p = jax.random.key(0), []
    for shape in [(3, 3, 1, 64), (3, 3, 64, 64), (3, 3, 64, 64), (576, 10)]:
        key, sub = jax.random.split(key)
        limit = math.sqrt(6 / (math.prod(shape[:-1]) + math.prod(shape[:-2]) * shape[-1]))
        p += [jax.random.uniform(sub, shape, minval=-limit, maxval=limit), jnp.zeros(shape[-1])]
    return p


def convolved(p, x, key):
    for i in range(0, 6, 2):
        x = jax.nn.relu(jax.lax.conv_general_dilated(x, p[i], (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")) + p[i + 1])
        if i < 4:
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    x = x.reshape(len(x), -1)
    if key is not None:
        x = jnp.where(jax.random.bernoulli(key, 0.8, x.shape), x / 0.8, 0)
    return x @ p[-2] + p[-1]


def logits(p, x, key=None):
    if CNN:
        return convolved(p, x, key)
    for i in range(0, len(p) - 2, 2):
        x = jax.nn.relu(x @ p[i] + p[i + 1])
        if key is not None:
            key, sub = jax.random.split(key)
            x = jnp.where(jax.random.bernoulli(sub, 1 - DROPOUT, x.shape), x / (1 - DROPOUT), 0)
    return x @ p[-2] + p[-1]


def loss(p, x, labels, key):
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits(p, x, key)), labels[:, None], 1))


def step(state, x, labels, key):
    p, m, v, t = state
    value, g = jax.value_and_grad(loss)(p, x, labels, key)
    t = t + 1
    rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    m = [0.9 * a + 0.1 * b for a, b in zip(m, g)]
    v = [0.999 * a + 0.001 * b * b for a, b in zip(v, g)]
    p = [a - rate * b / (jnp.sqrt(c) + 1e-7) for a, b, c in zip(p, m, v)]
    return (p, m, v, t), value


def start(sizes):
    p = filters() if CNN else parameters(sizes)
    return p, [jnp.zeros_like(a) for a in p], [jnp.zeros_like(a) for a in p], jnp.float32(0)


x, y, xt, yt = [jnp.asarray(a) for a in mnist()]
y, yt = y.astype(jnp.int32), yt.astype(jnp.int32)
whole, rest = len(x) // BATCH, len(x) % BATCH


@jax.jit
def train(state, key):
    key, sub = jax.random.split(key)
    order = jax.random.permutation(sub, len(x))

    def body(carry, rows):
        state, key = carry
        key, sub = jax.random.split(key)
        state, value = step(state, x[rows], y[rows], sub)
        return (state, key), value

    (state, key), values = jax.lax.scan(body, (state, key), order[: whole * BATCH].reshape(-1, BATCH))
    if rest:
        (state, key), _ = body((state, key), order[whole * BATCH :])
    return state, key, values.mean()


state, key = start(SIZES), jax.random.key(1)


def epoch():
    global state, key
    state, key, value = train(state, key)
    value.block_until_ready()


@jax.jit
def score(p, x, y):
    z = jax.nn.log_softmax(logits(p, x))
    return -jnp.take_along_axis(z, y[:, None], 1).sum(), (z.argmax(1) == y).sum()


def evaluate(batch=len(xt)):
    results = [score(state[0], xt[i : i + batch], yt[i : i + batch]) for i in range(0, len(xt), batch)]
    return sum(float(r[0]) for r in results), sum(int(r[1]) for r in results)


if sys.argv[1:] == ["program"]:
    first = None  # the first step can't be told apart: an epoch is one call
    for _ in range(EPOCHS):
        epoch()
        first = first or time.time()
    answer(first=first, accuracy=evaluate()[1] / len(xt))
    sys.exit()

probabilities = jax.jit(lambda p, x: jax.nn.softmax(logits(p, x)))


def scale(width, depth, batch):
    """Returns the seconds of a step, of several in one compiled scan."""
    sizes = [784] + [width] * depth + [10]
    s, steps = start(sizes), 8
    rows = jnp.asarray(np.random.default_rng(0).random((batch, 784), dtype=np.float32))
    labels = jnp.zeros(batch, jnp.int32)
    run = jax.jit(lambda s, keys: jax.lax.scan(lambda c, k: step(c, rows, labels, k), s, keys)[1].sum())
    keys = jax.random.split(jax.random.key(2), steps)
    return timed(lambda: run(s, keys).block_until_ready()) / steps


epoch()  # compiles
serve({
    "epoch": lambda: once(epoch),
    "evaluate": lambda batch: timed(evaluate, batch),
    "predict": lambda rows: timed(lambda a: np.asarray(probabilities(state[0], a)), np.asarray(xt[:rows])),
    "scale": scale,
}, versions={"jax": jax.__version__})
