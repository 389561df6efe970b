"""Makes testdata/masked.json, stateful.json and lengths.json: trainings of recurrent networks by real Keras, on sequences of which some steps don't
count, with states that last from batch to batch, and of several lengths.

    python3 -m venv venv && venv/bin/pip install keras torch tensorflow-cpu numpy
    KERAS_BACKEND=torch venv/bin/python internal/golden/keras_recurrent.py masked lengths # which is fast
    KERAS_BACKEND=tensorflow venv/bin/python internal/golden/keras_recurrent.py stateful # elsewhere Keras 3.15 loses states, or can't train

A case has the layers of a network, one behind the other, inputs x0, x1, … (of which the second and later ones are states that the
recurrent layer begins with), targets y0, …, weights before (initial 0, …) and after three steps (final 0, …), predictions
before (first 0, …) and after (last 0, …), and the loss and a metric before and after.
"""

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np

from goldenjson import case, made, wave, write

BACKEND = os.environ["KERAS_BACKEND"]
VERSIONS = {"keras": keras.__version__, BACKEND: __import__(BACKEND).__version__, "numpy": np.__version__}
F = np.float32
L = keras.layers


def one(class_, **config):
    return {"class_name": class_, "config": config}


def network(layers, shape, states=(), batch=None):
    keras.backend.clear_session()
    inputs = [L.Input(shape, batch_size=batch)] + [L.Input((n,), batch_size=batch) for n in states]
    outputs = [inputs[0]]
    for l in layers:
        layer = getattr(L, l["class_name"])(**made(l["config"], L))
        more = {"initial_state": inputs[1:]} if states and isinstance(layer, (L.RNN, L.Bidirectional)) else {}
        outputs = layer(outputs[0], **more)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    model = keras.Model(inputs, outputs)
    model.set_weights([wave(*w.shape, seed=20 + k) * F(0.6) + F(1 if "variance" in w.path else 0) for k, w in enumerate(model.weights)])
    return model


def listed(v):
    return list(v) if isinstance(v, (list, tuple)) else [v]


def trained(name, layers, x, states=(), weights=None, optimizer=None):
    batch = len(x)
    model = network(layers, x.shape[1:], states)
    xs = [x] + [wave(batch, n, seed=50 + k) for k, n in enumerate(states)]
    tensors = {"x%d" % k: v for k, v in enumerate(xs)}
    ys = [wave(batch, *o.shape[1:], seed=70 + k) for k, o in enumerate(model.outputs)]
    tensors.update({"y%d" % k: v for k, v in enumerate(ys)})
    tensors.update({"initial %d" % k: w for k, w in enumerate(model.get_weights())})
    single = len(ys) == 1
    model.compile(
        optimizer or keras.optimizers.SGD(0.2, momentum=0.9), loss=["mse"] * len(ys),
        metrics=[keras.metrics.MeanAbsoluteError()] if single else None,
        weighted_metrics=[keras.metrics.MeanSquaredError()] if single else None,
    )
    more = {}
    if weights is not None:
        tensors["weights"] = weights
        more["sample_weight"] = weights if weights.ndim == 1 else [weights]
    numbers = {}

    def measure(when, prefix):
        result = model.evaluate(xs, ys, batch_size=batch, verbose=0, return_dict=True, **more)
        numbers.update({when + " " + k: float(v) for k, v in result.items() if single or k == "loss"})
        tensors.update({"%s %d" % (prefix, k): p for k, p in enumerate(listed(model.predict(xs, batch_size=batch, verbose=0)))})

    measure("before", "first")
    for _ in range(3):
        model.train_on_batch(xs, ys, **more)
    measure("after", "last")
    tensors.update({"final %d" % k: w for k, w in enumerate(model.get_weights())})
    return case(name, {"layers": layers}, tensors, numbers)


def masked():
    x = wave(4, 4, 2, seed=1)
    x[1, 2:] = 0  # short
    x[2, [0, 2]] = 0  # with gaps, which begin
    x[3] = 0  # nothing counts
    mask = one("Masking")
    classes = [("SimpleRNN", {}), ("LSTM", {}), ("GRU", {}), ("GRU", {"reset_after": False})]
    ways = {
        "last": {}, "sequences": {"return_sequences": True}, "backwards": {"return_sequences": True, "go_backwards": True},
        "last backwards": {"go_backwards": True}, "zeros": {"return_sequences": True, "zero_output_for_mask": True},
        "unrolled": {"return_sequences": True, "unroll": True}, "states": {"return_sequences": True, "return_state": True}, "state": {"return_state": True},
    }
    for class_, config in classes:
        label = class_ + (", reset before" if config else "")
        for way, more in ways.items():
            yield trained("%s, %s" % (label, way), [mask, one(class_, units=2, **config, **more)], x)
        states = (2, 2) if class_ == "LSTM" else (2,)
        yield trained("%s, begun" % label, [mask, one(class_, units=2, **config, return_sequences=True)], x, states)
    for class_, config in classes:
        label = class_ + (", reset before" if config else "")
        for mode in ["concat", "sum", "mul", "ave", None]:
            for sequences in [False, True]:
                if mode not in ("concat", "sum") and (class_ != "LSTM" or not sequences):
                    continue
                inner = one(class_, units=2, return_sequences=sequences, **config)
                yield trained("both ways, %s, %s, sequences %s" % (label, mode, sequences), [mask, one("Bidirectional", layer=inner, merge_mode=mode)], x)
    inner = one("LSTM", units=2, return_sequences=True, return_state=True)
    yield trained("both ways, with states", [mask, one("Bidirectional", layer=inner)], x)
    yield trained("both ways, begun", [mask, one("Bidirectional", layer=one("LSTM", units=2, return_sequences=True))], x, (2, 2, 2, 2))
    yield trained("both ways, GRU, begun", [mask, one("Bidirectional", layer=one("GRU", units=2))], x, (2, 2))
    backward = one("GRU", units=2, return_sequences=True, go_backwards=True)
    yield trained("both ways, two layers", [mask, one("Bidirectional", layer=one("SimpleRNN", units=2, return_sequences=True), backward_layer=backward)], x)
    yield trained("normalized", [mask, one("BatchNormalization", momentum=0.5), one("GRU", units=2, return_sequences=True)], x)
    yield trained("each step", [mask, one("TimeDistributed", layer=one("Dense", units=2, activation="tanh")), one("LSTM", units=2)], x)
    yield trained("one behind the other", [mask, one("LSTM", units=2, return_sequences=True), one("Dense", units=2, activation="tanh"), one("GRU", units=1, return_sequences=True)], x)
    yield trained("mean of the steps", [mask, one("SimpleRNN", units=2, return_sequences=True), one("GlobalAveragePooling1D")], x[:3])
    weights = wave(4, 4, seed=9, low=0.0, high=2.0)
    yield trained("steps have weights", [mask, one("GRU", units=2, return_sequences=True)], x, weights=weights)
    yield trained("samples have weights", [mask, one("GRU", units=2)], x, weights=weights[:, 0])


def stateful():
    """Three batches, then the states are reset, then one: what is predicted, and what a training on the three makes of the weights."""
    batches = [wave(2, 3, 2, seed=1 + k) for k in range(3)]
    inner = one("GRU", units=2, stateful=True, return_sequences=True)
    both = one("Bidirectional", layer=one("LSTM", units=2, stateful=True))
    short = [b.copy() for b in batches]
    short[0][0, 1:] = 0
    short[1][1, :2] = 0
    for name, layers, xs in [
        ("SimpleRNN", [one("SimpleRNN", units=2, stateful=True)], batches),
        ("LSTM, sequences", [one("LSTM", units=2, stateful=True, return_sequences=True)], batches),
        ("LSTM, masked", [one("Masking"), one("LSTM", units=2, stateful=True)], short),
        ("GRU, backwards", [one("GRU", units=2, stateful=True, go_backwards=True)], batches),
        ("two layers", [inner, one("SimpleRNN", units=1, stateful=True)], batches),
        ("both ways", [both], batches),
    ]:
        model = network(layers, (3, 2), batch=2)
        model.compile(keras.optimizers.SGD(0.2), "mse", run_eagerly=True)
        tensors = {"initial %d" % k: w for k, w in enumerate(model.get_weights())}
        tensors.update({"x%d" % k: x for k, x in enumerate(xs)})
        for k, x in enumerate(xs):
            tensors["first %d" % k] = model.predict(x, verbose=0)

        def reset():
            for l in model.layers:
                if hasattr(l, "reset_state"):
                    l.reset_state()

        reset()
        tensors["reset"] = model.predict(xs[1], verbose=0)
        reset()
        numbers = {}
        for k, x in enumerate(xs):
            y = wave(*tensors["first 0"].shape, seed=70 + k)
            tensors["y%d" % k] = y
            model.train_on_batch(x, y)
        tensors.update({"final %d" % k: w for k, w in enumerate(model.get_weights())})
        tensors["last"] = model.predict(xs[0], verbose=0)
        numbers["evaluate"] = float(model.evaluate(xs[1], tensors["y1"], batch_size=2, verbose=0))
        yield case(name, {"layers": layers}, tensors, numbers)


def lengths():
    """Three steps of training on batches of two lengths, of a model whose input is (None, …), and what is measured of each."""
    words = one("Embedding", input_dim=7, output_dim=3, mask_zero=True)

    def sentences(n, steps, seed):
        x = np.floor(wave(n, steps, seed=seed, low=1.0, high=7.0))
        for row in range(n):
            x[row, steps - row :] = 0
        return x

    batches = [sentences(3, 5, 1), sentences(4, 8, 2), sentences(3, 5, 3)]
    masking = one("Masking")
    series = [np.repeat((x > 0)[..., None], 2, axis=2) * wave(*x.shape, 2, seed=4 + i) for i, x in enumerate(batches)]
    last = [words, one("LSTM", units=3), one("Dense", units=2)]
    stacked = [words, one("Bidirectional", layer=one("LSTM", units=2, return_sequences=True)), one("GRU", units=3, return_sequences=True), one("Dense", units=2)]
    normal = [masking, one("BatchNormalization", momentum=0.5), one("GRU", units=2, return_sequences=True), one("BatchNormalization", momentum=0.5), one("Dense", units=2)]
    attention = [words, one("LSTM", units=3, return_sequences=True), one("GlobalAveragePooling1D"), one("Dense", units=2)]
    for name, layers, xs, classes, weighted in [
        ("LSTM", last, batches, False, False),
        ("LSTM, classes", last, batches, True, False),
        ("stacked", stacked, batches, False, False),
        ("stacked, classes of steps", stacked, batches, True, False),
        ("stacked, classes and weights of steps", stacked, batches, True, True),
        ("normalized", normal, series, False, False),
        ("normalized, weights of steps", normal, series, False, True),
        ("mean of the steps", attention, batches, True, False),
    ]:
        keras.backend.clear_session()
        x = L.Input((None, *xs[0].shape[2:]))
        y = x
        for l in layers:
            y = getattr(L, l["class_name"])(**made(l["config"], L))(y)
        model = keras.Model(x, y)
        model.set_weights([wave(*w.shape, seed=20 + k) * F(0.6) + F(1 if "variance" in w.path else 0) for k, w in enumerate(model.weights)])
        tensors = {"initial %d" % k: w for k, w in enumerate(model.get_weights())}
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True) if classes else "mse"
        measures = lambda: [keras.metrics.SparseCategoricalAccuracy() if classes else keras.metrics.MeanAbsoluteError()]
        model.compile(keras.optimizers.Adam(0.05), loss, metrics=measures(), weighted_metrics=measures())
        numbers, kept = {}, []
        for k, x in enumerate(xs):
            shape = (len(x), *([x.shape[1]] if len(y.shape) > 2 else []))
            target = np.floor(wave(*shape, seed=40 + k, low=0.0, high=2.0)) if classes else wave(*shape, 2, seed=40 + k)
            weights = wave(*shape, seed=60 + k, low=0.0, high=2.0) if weighted else None
            kept.append((x, target, weights))
            tensors.update({"x%d" % k: x, "y%d" % k: target} | ({"w%d" % k: weights} if weighted else {}))
            model.reset_metrics()
            logs = model.train_on_batch(x, target, sample_weight=weights, return_dict=True)
            numbers.update({"step %d %s" % (k, name): float(v) for name, v in logs.items()})
        tensors.update({"final %d" % k: w for k, w in enumerate(model.get_weights())})
        parts = [float(model.evaluate(x, t, batch_size=len(x), sample_weight=w, verbose=0, return_dict=True)["loss"]) for x, t, w in kept[:2]]
        numbers["evaluate"] = sum(p * len(x) for p, (x, _, _) in zip(parts, kept)) / sum(len(x) for x, _, _ in kept[:2])
        yield case(name, {"layers": layers, "classes": classes}, tensors, numbers)


FILES = {"masked": lambda: list(masked()), "stateful": lambda: list(stateful()), "lengths": lambda: list(lengths())}

if __name__ == "__main__":
    for name in sys.argv[1:]:
        write(name, VERSIONS, FILES[name]())
