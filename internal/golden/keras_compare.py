"""Holds Cornu against real Keras on fresh inputs, drawn by a seed: another seed asks other questions.

    python3 -m venv venv && venv/bin/pip install keras jax numpy
    mkdir fresh && venv/bin/python internal/golden/keras_compare.py 20260101 fresh
    CORNU_KERAS=$PWD/fresh go test -run Fresh ./...

It writes what Keras computes to files of the golden files' form, which the tests that are named Fresh read. The names
of files behind the folder choose some; --rounds says how often each class is drawn.
"""

import argparse
import json
import os
import subprocess
import sys

import keras_golden as golden  # first: it says on what Keras runs

import jax
import keras
import numpy as np
from goldenjson import case, write
from keras_golden import F, one_hot
from keras_windows import layer_case


drawn = {}


def few(rng, name, draw, n=2):
    """One of a few values that are drawn once: JAX compiles each operation again for each shape that it meets."""
    if name not in drawn:
        drawn[name] = [draw() for _ in range(n)]
    return pick(rng, *drawn[name])


def shape(rng, last=None, rank=None):
    """A batch of a few samples, of rank 2 to 4."""
    rank = rank or int(rng.choice([2, 2, 3, 4]))

    def draw():
        dimensions = [int(d) for d in rng.integers(1, 6, rank)]
        dimensions[0] += 1
        return dimensions

    dimensions = few(rng, ("shape", rank), draw)
    return tuple(dimensions[:-1]) + (last or dimensions[-1],)


def normal(rng, shape, size=None):
    """Numbers of one of several magnitudes."""
    size = size or rng.choice([0.1, 1, 5])
    return (rng.standard_normal(shape) * size).astype(F)


def uniform(rng, shape, low=0.0, high=1.0):
    return rng.uniform(low, high, shape).astype(F)


def weights(rng, n):
    """The weights of samples: some of any size, some 0 or 1."""
    return pick(rng, uniform(rng, n, 0, 3), rng.integers(0, 2, n).astype(F), np.where(rng.random(n) < 0.3, 0, uniform(rng, n, 0.1, 2)).astype(F))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)).astype(F)


def pick(rng, *values):
    return values[rng.integers(len(values))]


def option(rng, **choices):
    """A configuration: each field is left out or drawn from its choices."""
    config = {}
    for name, values in choices.items():
        value = pick(rng, *values)
        if value is not None:
            config[name] = value
    return config


class Cases(list):
    """Cases of one file, with names that tell them apart."""

    def __init__(self, make):
        self.make = make

    def draw(self, cls, *arguments, **config):
        self.append(self.make(cls, "#%d" % len(self), *arguments, **config))


def labels_of(rng, shape, classes):
    return rng.integers(0, classes, shape)


# ---- activations


def activations(rng, rounds):
    def make(cls, tag, x, config):
        return golden.activation_case(cls, config, x, " " + tag)

    def draw():
        cases = Cases(make)
        points = np.concatenate([normal(rng, 40, s) for s in (0.1, 3, 30)])
        for _ in range(rounds):
            for cls in [
                "linear", "relu6", "selu", "softplus", "softsign", "sigmoid", "hard_sigmoid", "log_sigmoid", "sparse_sigmoid", "tanh", "hard_tanh",
                "tanh_shrink", "exponential", "silu", "hard_silu", "mish", "sparse_plus",
            ]:  # fmt: skip
                cases.draw(cls, points, {})
            number = lambda low, high: [None, round(float(rng.uniform(low, high)), 3)]
            cases.draw("relu", points, option(rng, negative_slope=number(-1, 1), max_value=number(1, 6), threshold=number(-1, 1)))
            cases.draw("leaky_relu", points, option(rng, negative_slope=number(0, 1)))
            for cls in ["elu", "celu"]:
                cases.draw(cls, points, option(rng, alpha=number(0.1, 2)))
            cases.draw("gelu", points, option(rng, approximate=[None, True]))
            for cls in ["hard_shrink", "soft_shrink"]:
                cases.draw(cls, points, option(rng, threshold=number(0.1, 2)))
            cases.draw("squareplus", points, option(rng, b=number(0.1, 9)))
            for cls in ["softmax", "log_softmax"]:
                x = normal(rng, shape(rng))
                cases.draw(cls, x, option(rng, axis=[None, -1, x.ndim - 1, 1]))
            x = normal(rng, shape(rng, 2 * int(rng.integers(1, 4))))
            cases.draw("glu", x, option(rng, axis=[None, -1, x.ndim - 1]))
            cases.draw("threshold", points, {"threshold": round(float(rng.normal()), 3), "default_value": round(float(rng.normal()), 3)})
        return cases

    return golden.in_float64(draw)


# ---- losses


def losses(rng, rounds):
    cases = Cases(golden.loss_case)

    def draw(cls, y_true, y_pred, **config):
        cases.draw(cls, y_true, y_pred, weights(rng, len(y_pred)), **config)

    def column(y):
        """Targets may lack a last dimension of 1."""
        return y[..., 0] if y.shape[-1] == 1 and rng.random() < 0.5 else y

    for _ in range(rounds):
        for cls in ["MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "LogCosh", "Huber", "CosineSimilarity"]:
            s = shape(rng)
            config = option(rng, delta=[None, 0.3, 2.5]) if cls == "Huber" else {}
            if cls == "CosineSimilarity":
                config = option(rng, axis=[None, 1, len(s) - 1])
                draw(cls, normal(rng, s), normal(rng, s), **config)
                continue
            draw(cls, column(normal(rng, s)), normal(rng, s), **config)
        for cls in ["MeanSquaredLogarithmicError", "Poisson"]:
            s = shape(rng)
            draw(cls, column(uniform(rng, s, 0, 4)), uniform(rng, s, 0.01, 4))
        for cls in ["Hinge", "SquaredHinge"]:
            s = shape(rng)
            bits = rng.integers(0, 2, s)
            draw(cls, column(pick(rng, bits, 2 * bits - 1)), normal(rng, s))
        for cls in ["BinaryCrossentropy", "BinaryFocalCrossentropy"]:
            s = shape(rng)
            config = option(rng, from_logits=[None, True], label_smoothing=[None, 0.1, 0.3], axis=[None, 1])
            if cls == "BinaryFocalCrossentropy":
                config |= option(rng, apply_class_balancing=[None, True], alpha=[None, 0.6], gamma=[None, 1.5, 3.0])
            p = normal(rng, s, 3) if config.get("from_logits") else uniform(rng, s, 0.001, 0.999)
            draw(cls, pick(rng, rng.integers(0, 2, s), uniform(rng, s)), p, **config)
        for cls in ["CategoricalCrossentropy", "CategoricalFocalCrossentropy", "SparseCategoricalCrossentropy", "CategoricalHinge", "KLDivergence"]:
            classes = few(rng, "classes", lambda: int(rng.integers(2, 8)))
            s = shape(rng, classes)
            labels = labels_of(rng, s[:-1], classes)
            logits = normal(rng, s, 2)
            p = softmax(logits) if rng.random() < 0.5 else uniform(rng, s, 0.01, 1)
            if cls == "KLDivergence":
                draw(cls, softmax(normal(rng, s, 2)), p)
            elif cls == "CategoricalHinge":
                draw(cls, one_hot(labels, classes), logits)
            elif cls == "SparseCategoricalCrossentropy":
                config = option(rng, from_logits=[None, True], ignore_class=[None, 0, -1])
                if config.get("ignore_class") == -1:
                    labels = np.where(rng.random(labels.shape) < 0.3, -1, labels)
                if "ignore_class" in config and rng.random() < 0.5:
                    p = np.where(labels[..., None] == config["ignore_class"], F(0), p)
                draw(cls, pick(rng, labels, labels[..., None]), logits if config.get("from_logits") else p, **config)
            else:
                config = option(rng, from_logits=[None, True], label_smoothing=[None, 0.1])
                if cls == "CategoricalFocalCrossentropy":
                    config |= option(rng, alpha=[None, 0.6], gamma=[None, 1.5])
                draw(cls, pick(rng, softmax(normal(rng, s)), one_hot(labels, classes)), logits if config.get("from_logits") else p, **config)
        s = shape(rng)
        axes = [None, [-1], list(range(1, len(s)))]
        for cls, config in [("Dice", option(rng, axis=axes)), ("Tversky", option(rng, axis=axes, alpha=[None, 0.3, 0.0], beta=[None, 0.7]))]:
            draw(cls, rng.integers(0, 2, s), uniform(rng, s), **config)
        n, classes = few(rng, "pairs", lambda: (int(rng.integers(2, 9)), int(rng.integers(2, 6))))
        labels = labels_of(rng, n, classes)
        draw("CategoricalGeneralizedCrossEntropy", labels, softmax(normal(rng, (n, classes))), **option(rng, q=[None, 0.2, 0.9]))
        embeddings = normal(rng, (n, 4))
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        draw("Circle", labels, embeddings, **option(rng, gamma=[None, 5.0], margin=[None, 0.2], remove_diagonal=[None, False]))
        steps, length = few(rng, "steps", lambda: (int(rng.integers(1, 20)), int(rng.integers(1, 5))))
        spelled = labels_of(rng, (n, length), classes - 1) + 1
        spelled[np.arange(length) >= rng.integers(0, length + 1, (n, 1))] = 0
        draw("CTC", spelled, normal(rng, (n, steps + 2 * length, classes), 3))
    return cases


# ---- metrics


def metrics(rng, rounds):
    cases = Cases(golden.metric_case)

    def draw(cls, make, weighted=None, **config):
        """make draws targets and outputs of n samples; there are some batches of unequal size."""
        weighted = rng.random() < 0.5 if weighted is None else weighted
        batches = []
        for _ in range(rng.integers(1, 4)):
            n = few(rng, "n", lambda: int(rng.integers(1, 9)), 3)
            batches.append((*make(n), weights(rng, n) if weighted else None))
        cases.draw(cls, batches, **config)

    for _ in range(rounds):
        classes = few(rng, "classes", lambda: int(rng.integers(2, 7)))
        inner = few(rng, "inner", lambda: tuple(int(d) for d in rng.integers(1, 4, rng.integers(0, 2))))
        wide = few(rng, "wide", lambda: int(rng.integers(1, 5)))

        def real(n):
            s = (n, *inner, wide)
            return normal(rng, s, 1), normal(rng, s, 1)

        def positive(n):
            s = (n, *inner, wide)
            return uniform(rng, s, 0, 3), uniform(rng, s, 0.01, 3)

        def bits(n):
            s = (n, *inner, wide)
            t = rng.integers(0, 2, s)
            return t, (0.7 * uniform(rng, s) + 0.3 * t).astype(F)

        def flat(n):
            """Counts take weights for each row of a matrix only."""
            t = rng.integers(0, 2, (n, wide))
            return t, (0.7 * uniform(rng, t.shape) + 0.3 * t).astype(F)

        def sparse(n):
            labels = labels_of(rng, (n, *inner), classes)
            return labels, softmax(normal(rng, labels.shape + (classes,)) + one_hot(labels, classes))

        def hot(n):
            labels, p = sparse(n)
            return one_hot(labels, classes), p

        for cls in ["MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "LogCoshError", "CosineSimilarity"]:
            draw(cls, real)
        for cls in ["MeanSquaredLogarithmicError", "Poisson"]:
            draw(cls, positive)
        draw("Accuracy", lambda n: (labels_of(rng, (n, wide), 3), labels_of(rng, (n, wide), 3)))
        draw("BinaryAccuracy", bits, **option(rng, threshold=[None, 0.3]))
        draw("BinaryCrossentropy", bits, **option(rng, label_smoothing=[None, 0.2]))
        for cls in ["CategoricalAccuracy", "CategoricalHinge", "CategoricalCrossentropy", "KLDivergence"]:
            draw(cls, hot)
        for cls in ["SparseCategoricalAccuracy", "SparseCategoricalCrossentropy"]:
            draw(cls, sparse)
        draw("TopKCategoricalAccuracy", hot, k=int(rng.integers(1, classes + 1)))
        draw("SparseTopKCategoricalAccuracy", sparse, k=int(rng.integers(1, classes + 1)))
        for cls in ["Hinge", "SquaredHinge"]:
            draw(cls, lambda n: (2 * bits(n)[0] - 1, real(n)[1]))
        for cls in ["TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives", "Precision", "Recall"]:
            draw(cls, flat, **option(rng, thresholds=[None, 0.3, [0.2, 0.5, 0.8]]))
        for cls in ["Precision", "Recall"]:
            inner = ()
            draw(cls, hot, **(option(rng, top_k=[1, 2]) | option(rng, class_id=[None, 0, classes - 1])))
        for cls in ["F1Score", "FBetaScore"]:
            config = option(rng, average=[None, "micro", "macro", "weighted"], threshold=[None, 0.4])
            draw(cls, hot, **config | (option(rng, beta=[None, 0.5, 2.0]) if cls == "FBetaScore" else {}))
        config = option(rng, curve=[None, "PR"], summation_method=[None, "majoring", "minoring"], num_thresholds=[None, 7])
        draw("AUC", flat, **config)
        for cls in ["SensitivityAtSpecificity", "SpecificityAtSensitivity", "PrecisionAtRecall", "RecallAtPrecision"]:
            draw(cls, flat, **{cls.split("At")[1].lower(): float(rng.choice([0, 0.3, 0.7, 1]))}, **option(rng, num_thresholds=[None, 20]))
        chosen = sorted(int(k) for k in rng.choice(classes, rng.integers(1, classes + 1), False))
        counted = option(rng, ignore_class=[None, 0, classes - 1])
        narrow = lambda n: (lambda t, p: (t, p.argmax(-1)))(*sparse(n))
        draw("MeanIoU", narrow, num_classes=classes, **counted)
        draw("MeanIoU", sparse, False, num_classes=classes, sparse_y_pred=False, **counted)
        draw("IoU", narrow, num_classes=classes, target_class_ids=chosen, **counted)
        draw("BinaryIoU", lambda n: (rng.integers(0, 2, n), uniform(rng, n)), **option(rng, target_class_ids=[None, [1]], threshold=[None, 0.3]))
        draw("OneHotIoU", hot, num_classes=classes, target_class_ids=chosen, **counted)
        draw("OneHotMeanIoU", hot, num_classes=classes, **counted)
        for cls in ["PearsonCorrelation", "ConcordanceCorrelation"]:
            draw(cls, lambda n: (normal(rng, (n, 5)), normal(rng, (n, 5))))
        for cls in ["Mean", "Sum"]:
            draw(cls, real)
        draw("R2Score", lambda n: (normal(rng, (n + 2, wide)), normal(rng, (n + 2, wide))), False, **option(rng, class_aggregation=[None, "variance_weighted_average"]))
    return cases


# ---- optimizers and schedules, in float64


def in_float64(function):
    from keras.src.backend.common.dtypes import BIT64_TO_BIT32_DTYPE as narrower

    with jax.enable_x64(True):
        keras.config.set_floatx("float64")
        kept, narrower["float64"] = narrower["float64"], "float64"
        try:
            return function()
        finally:
            keras.config.set_floatx("float32")
            narrower["float64"] = kept


def magnitude(rng, low, high):
    """A number of any size between the two."""
    return float("%.3g" % np.exp(rng.uniform(np.log(low), np.log(high))))


def fraction(rng, low=0.0, high=1.0):
    return round(float(rng.uniform(low, high)), 3)


def schedule(rng):
    """The class and the configuration of a schedule."""
    cls = pick(rng, "ExponentialDecay", "InverseTimeDecay", "PolynomialDecay", "PiecewiseConstantDecay", "CosineDecay", "CosineDecayRestarts")
    config = {"initial_learning_rate": magnitude(rng, 1e-3, 0.3)}
    steps = int(rng.integers(1, 40))
    if cls in ("ExponentialDecay", "InverseTimeDecay"):
        config |= {"decay_steps": steps, "decay_rate": fraction(rng, 0.1, 1.2)} | option(rng, staircase=[None, True])
    elif cls == "PolynomialDecay":
        config |= {"decay_steps": steps} | option(rng, end_learning_rate=[None, 0.001], power=[None, 0.5, 2.0], cycle=[None, True])
    elif cls == "PiecewiseConstantDecay":
        boundaries = sorted(set(int(b) for b in rng.integers(1, 60, 3)))
        config = {"boundaries": boundaries, "values": [magnitude(rng, 1e-3, 0.3) for _ in range(len(boundaries) + 1)]}
    elif cls == "CosineDecay":
        config |= {"decay_steps": steps} | option(rng, alpha=[None, 0.2])
        if rng.random() < 0.5:
            config |= {"warmup_target": magnitude(rng, 0.1, 0.5), "warmup_steps": int(rng.integers(1, 20))}
    else:
        config |= {"first_decay_steps": steps} | option(rng, t_mul=[None, 1.0, 1.5], m_mul=[None, 0.8], alpha=[None, 0.2])
    return cls, config


def schedules(rng, rounds):
    def draw():
        cases = []
        for i in range(6 * rounds):
            cls, config = schedule(rng)
            rate = getattr(keras.optimizers.schedules, cls)(**config)
            steps = [int(s) for s in [0, 1, 2, *rng.integers(3, 300, 17)]]
            numbers = {"steps": [float(s) for s in steps], "rates": [float(rate(s)) for s in steps]}
            cases.append(case("%s #%d" % (cls, i), config, None, numbers, class_=cls))
        return cases

    return in_float64(draw)


STEPS = 25


def optimizer_config(rng, cls):
    number = lambda low, high: [None, fraction(rng, low, high)]
    config = option(
        rng,
        weight_decay=[None, None, fraction(rng, 0, 0.3)],
        gradient_accumulation_steps=[None, None, 2, 3],
        exclude_from_weight_decay=[None, ["bias"], ["k.r"]],
    )
    limit = pick(rng, None, None, "clipnorm", "clipvalue", "global_clipnorm")
    if limit:
        config[limit] = fraction(rng, 0.1, 3)
    if rng.random() < 0.3:
        config |= {"use_ema": True} | option(rng, ema_momentum=number(0.3, 0.99), ema_overwrite_frequency=[None, 4])
    adam = dict(beta_1=number(0.1, 0.95), beta_2=number(0.5, 0.999), epsilon=[None, 1e-4])
    config |= option(
        rng,
        **{
            "SGD": dict(momentum=number(0, 0.95), nesterov=[None, True]),
            "RMSprop": dict(rho=number(0.5, 0.99), momentum=number(0, 0.9), epsilon=[None, 1e-3], centered=[None, True]),
            "Adam": dict(amsgrad=[None, True], **adam),
            "AdamW": dict(amsgrad=[None, True], **adam),
            "Adagrad": dict(initial_accumulator_value=number(0, 1), epsilon=[None, 1e-3]),
            "Adadelta": dict(rho=number(0.5, 0.99), epsilon=[None, 1e-3]),
            "Adafactor": dict(beta_2_decay=[None, -0.5], epsilon_2=[None, 0.01], clip_threshold=[None, 0.5]),
            "Lion": dict(beta_1=number(0.1, 0.95), beta_2=number(0.5, 0.99)),
            "Ftrl": dict(
                learning_rate_power=[None, -0.3], initial_accumulator_value=number(0.01, 1), l1_regularization_strength=number(0, 0.1),
                l2_regularization_strength=number(0, 0.1), l2_shrinkage_regularization_strength=number(0, 0.1), beta=number(0, 1),
            ),
            "Muon": dict(
                momentum=number(0, 0.95), nesterov=[None, False], ns_steps=[None, 1, 3], adam_lr_ratio=number(0.1, 2), rms_rate=number(0.05, 1),
                exclude_layers=[None, ["kernel"]], adam_weight_decay=number(0, 0.2), adam_beta_1=number(0.1, 0.95), epsilon=[None, 1e-4],
            ),
            "ScheduleFreeAdamW": dict(warmup_steps=[None, 4], **adam),
        }.get(cls, adam)
    )  # fmt: skip
    config["learning_rate"] = magnitude(rng, 1e-4, 0.3)
    if cls != "Ftrl" and rng.random() < 0.25:  # Ftrl divides by the rate, which schedules may make 0
        config.pop("learning_rate")
        name, arguments = schedule(rng)
        config["schedule"] = dict(arguments, class_name=name)
    return config


def optimizer_run(rng, cls, config, tag):
    """Weights after each of many steps."""
    shapes = {"kernel": tuple(int(d) for d in rng.integers(1, 7, 2)), "bias": (int(rng.integers(1, 7)),)}
    size = magnitude(rng, 0.01, 10)
    begin = {k: rng.standard_normal(s).astype(F) for k, s in shapes.items()}
    gradients = {k: (rng.standard_normal((STEPS, *s)) * size).astype(F) for k, s in shapes.items()}
    arguments = {k: v for k, v in config.items() if k not in ("exclude_from_weight_decay", "schedule")}
    if "schedule" in config:
        of = dict(config["schedule"])
        arguments["learning_rate"] = getattr(keras.optimizers.schedules, of.pop("class_name"))(**of)
    optimizer = getattr(keras.optimizers, cls)(**arguments)
    if "exclude_from_weight_decay" in config:
        optimizer.exclude_from_weight_decay(var_names=config["exclude_from_weight_decay"])
    variables = [keras.Variable(v.astype(np.float64), dtype="float64", name=k) for k, v in begin.items()]
    optimizer.build(variables)
    after = {k: [] for k in shapes}
    for i in range(STEPS):
        optimizer.apply([g[i].astype(np.float64) for g in gradients.values()], variables)
        for v in variables:
            after[v.name].append(np.asarray(v.value))
    tensors = {"initial " + k: v for k, v in begin.items()}
    tensors |= {"gradient " + k: v for k, v in gradients.items()} | {k: np.stack(v) for k, v in after.items()}
    return case("%s %s" % (cls, tag), config, tensors, class_=cls)


def optimizers(rng, rounds):
    classes = [
        "SGD", "RMSprop", "Adam", "AdamW", "Adamax", "Nadam", "Adagrad", "Adadelta", "Adafactor", "Lion", "Ftrl", "Lamb", "Muon", "ScheduleFreeAdamW",
    ]  # fmt: skip
    return in_float64(lambda: [optimizer_run(rng, cls, optimizer_config(rng, cls), "#%d" % i) for i in range(3 * rounds) for cls in classes])


# ---- initializers


def initializers(rng, rounds):
    cases = []
    for _ in range(rounds):
        shape = tuple(int(d) for d in rng.integers(3, 30, rng.integers(2, 5)))
        if np.prod(shape) < 2000:
            shape = (*shape[:-2], shape[-2] * 50, shape[-1])
        for cls in ["GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform", "LecunNormal"]:
            cases.append(golden.initializer_case(cls, shape))
        low = fraction(rng, -2, 1)
        cases.append(golden.initializer_case("RandomUniform", shape, minval=low, maxval=low + fraction(rng, 0.1, 3)))
        for cls in ["RandomNormal", "TruncatedNormal"]:
            cases.append(golden.initializer_case(cls, shape, **option(rng, mean=[None, fraction(rng, -1, 1)], stddev=[None, fraction(rng, 0.01, 2)])))
        for distribution in ["truncated_normal", "untruncated_normal", "uniform"]:
            config = option(rng, scale=[None, fraction(rng, 0.1, 4)], mode=[None, "fan_in", "fan_out", "fan_avg"])
            cases.append(golden.initializer_case("VarianceScaling", shape, distribution=distribution, **config))
        cases.append(golden.initializer_case("Orthogonal", shape[-2:], **option(rng, gain=[None, fraction(rng, 0.1, 3)])))
        cases.append(golden.initializer_case("Constant", shape[-1:], value=fraction(rng, -1, 1)))
    return cases


# ---- networks: their trainings and summaries

L = keras.layers


def regularizer(rng):
    """What Keras is given, and what a file says."""
    cls, config = pick(rng, ("L1", {"l1": 0.01}), ("L2", {"l2": 0.02}), ("L1L2", {"l1": 0.01, "l2": 0.02}))
    return getattr(keras.regularizers, cls)(**config), {"class_name": cls, "config": config}


class Network:
    """A random network: a model of Keras's, and what package layer of Cornu builds one from."""

    def __init__(self, rng, chain, masks=True):
        keras.backend.clear_session()
        self.rng, self.layers, self.refs = rng, [], {}
        self.words = {}  # the inputs that hold numbers of words, and how many there are
        self.keep = []  # nodes, so that their ids stay their own
        inputs, ends, nodes = [], [], []
        for i in range(1 if chain else int(rng.integers(1, 3))):
            words = rng.random() < 0.25
            shape = pick(rng, (int(rng.integers(1, 7)),), (int(rng.integers(1, 7)),), (int(rng.integers(2, 4)), int(rng.integers(1, 5))))
            if words:
                shape = (int(rng.integers(2, 5)),)
            x = L.Input(shape, name="in%d" % i)
            self.layers.append({"Class": "InputLayer", "Name": "in%d" % i, "Config": {"shape": list(shape), "name": "in%d" % i}, "Inbound": [[]]})
            self.refs[id(x)] = {"Layer": self.layers[-1]["Name"], "Index": 0}
            inputs.append(x)
            if words:
                self.words["in%d" % i] = int(rng.integers(3, 8))
                config = {"input_dim": self.words["in%d" % i], "output_dim": int(rng.integers(1, 4))} | (option(rng, mask_zero=[None, True]) if masks else {})
                x = self.apply("Embedding", config, x)
            nodes.append(x)
        for _ in range(int(rng.integers(1, 5))):
            x = nodes[-1] if chain else nodes[rng.integers(len(nodes))]
            nodes.append(self.step(x, chain, nodes))
        for i in range(1 if chain else int(rng.integers(1, 3))):
            x = nodes[-1] if i == 0 else nodes[rng.integers(len(nodes))]
            if len(x.shape) > 2:
                x = self.apply("Flatten", {}, x)
            ends.append(self.apply("Dense", {"units": int(rng.integers(1, 4)), "activation": pick(rng, "linear", "softmax", "sigmoid"), "name": "out%d" % i}, x))
        if not chain:  # what hangs loose
            self.layers = [l for l in self.layers if l["Name"] in {o.name for o in keras.Model(inputs, ends)._operations}]
        self.model = keras.Model(inputs, ends, name="net")
        self.inputs, self.outputs = inputs, ends
        refs = lambda nodes: [self.refs[id(x)] for x in nodes]
        order = {o.name: i for i, o in enumerate(self.model._operations)}
        self.spec = {"Layers": sorted(self.layers, key=lambda l: order[l["Name"]]), "Inputs": refs(inputs), "Outputs": refs(ends)}

    def apply(self, cls, config, *x):
        """config has for Keras what it has for files; regularizers are pairs of both."""
        arguments = {k: v[0] if isinstance(v, tuple) and k.endswith("regularizer") else v for k, v in config.items()}
        stored = {k: v[1] if isinstance(v, tuple) and k.endswith("regularizer") else v for k, v in config.items()}
        layer = getattr(L, cls)(**arguments)
        y = layer(*x) if cls in ("MultiHeadAttention", "GroupQueryAttention") else layer(x[0] if len(x) == 1 else list(x))
        self.keep.append(y)
        self.layers.append({"Class": cls, "Name": layer.name, "Config": dict(stored, name=layer.name), "Inbound": [[self.refs[id(i)] for i in x]]})
        self.refs[id(y)] = {"Layer": layer.name, "Index": 0}
        return y

    def dense(self, x):
        rng = self.rng
        config = {"units": int(rng.integers(1, 8))} | option(rng, activation=[None, "relu", "tanh", "sigmoid", "elu", "softplus"], use_bias=[None, None, False])
        for what in ["kernel_regularizer", "bias_regularizer", "activity_regularizer"]:
            if rng.random() < 0.15:
                config[what] = regularizer(rng)
        if rng.random() < 0.15:
            config["trainable"] = False
        return self.apply("Dense", config, x)

    def sequence(self, x):
        rng = self.rng
        heads = {"num_heads": int(rng.integers(1, 3)), "key_dim": int(rng.integers(1, 4))}
        query = {"num_query_heads": 2, "num_key_value_heads": int(rng.integers(1, 3)), "head_dim": int(rng.integers(1, 4))}
        whole = {"return_sequences": bool(rng.random() < 0.5)} | option(rng, go_backwards=[None, None, True])
        cls, config = pick(
            rng, ("MultiHeadAttention", heads), ("MultiHeadAttention", heads), ("GroupQueryAttention", query), ("Attention", {"use_scale": True}), ("AdditiveAttention", {}),
            ("LSTM", {"units": int(rng.integers(1, 4))} | whole), ("GRU", {"units": int(rng.integers(1, 4))} | whole), ("SimpleRNN", {"units": int(rng.integers(1, 4))} | whole),
        )
        return self.apply(cls, config, *([x, x] if "Attention" in cls else [x]))

    def step(self, x, chain, nodes):
        rng = self.rng
        if len(x.shape) == 3 and rng.random() < 0.4:
            return self.sequence(x)
        kind = rng.integers(10)
        if kind < 4:
            return self.dense(x)
        if kind == 4:
            return self.apply("Activation", {"activation": pick(rng, "relu", "tanh", "softsign", "gelu", "silu", "selu")}, x)
        if kind == 5 and len(x.shape) > 2:
            return self.apply("Flatten", {}, x)
        if kind == 6:
            cls, config = pick(rng, ("PReLU", {}), ("LeakyReLU", {"negative_slope": 0.1}), ("ELU", {"alpha": 0.5}), ("ReLU", {"max_value": 2.0}), ("Softmax", {}))
            return self.apply(cls, config, x)
        if kind == 7:
            return self.apply("Rescaling", {"scale": fraction(rng, 0.1, 2), "offset": fraction(rng, -1, 1)}, x)
        if kind == 8 and not chain:
            same = [y for y in nodes if y.shape == x.shape]
            other = same[rng.integers(len(same))]
            cls = pick(rng, "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")
            return self.apply(cls, {}, x, other if other is not x else self.apply("Activation", {"activation": "tanh"}, x))
        if kind == 9 and len(x.shape) == 2:
            return self.apply("Reshape", {"target_shape": [x.shape[1], 1]}, x)
        return self.dense(x)


def path(w):
    """The path of a variable here, where a recurrent layer has no cell."""
    return "/".join(p for p in w.path.split("/") if p != "net" and not p.startswith(("lstm_cell", "gru_cell", "simple_rnn_cell")))


def trainings(rng, rounds):
    cases = []
    for i in range(10 * rounds):
        net = Network(rng, chain=rng.random() < 0.3)
        model, n, steps = net.model, int(rng.integers(2, 7)), 4
        begin = {}
        for w in model.weights:
            value = (0.7 * rng.standard_normal(w.shape)).astype(F)
            begin["initial " + path(w)] = value
            w.assign(value)
        names = list(pick(rng, ["mean_squared_error", "huber"], ["mean_absolute_error", "log_cosh"], ["binary_crossentropy", "mean_squared_error"]))[: len(net.outputs)]
        for k, out in enumerate(net.outputs):
            if names[k] == "binary_crossentropy" and out._keras_history.operation.activation.__name__ not in ("softmax", "sigmoid"):
                names[k] = "mean_squared_error"
        shares = [fraction(rng, 0.1, 2) for _ in names]
        sgd = {"learning_rate": magnitude(rng, 0.01, 0.2)} | option(rng, momentum=[None, 0.9])
        model.compile(loss=names, loss_weights=shares, optimizer=keras.optimizers.SGD(**sgd))
        def sample(v):
            shape = (n * steps, *v.shape[1:])
            return rng.integers(0, net.words[v.name], shape).astype(F) if v.name in net.words else rng.standard_normal(shape).astype(F)

        x = [sample(v) for v in net.inputs]
        y = [rng.random((n * steps, *v.shape[1:])).astype(F) for v in net.outputs]
        tensors = dict(begin) | {"x %d" % k: v for k, v in enumerate(x)} | {"y %d" % k: v for k, v in enumerate(y)}
        of_samples = [weights(rng, n * steps) for _ in net.outputs] if rng.random() < 0.5 else []
        tensors |= {"w %d" % k: v for k, v in enumerate(of_samples)}
        losses = []
        for s in range(steps):
            part = slice(s * n, s * n + n)
            model.reset_metrics()
            weighted = [v[part] for v in of_samples]
            weighted = {"sample_weight": weighted if len(weighted) > 1 else weighted[0]} if weighted else {}
            logs = model.train_on_batch([v[part] for v in x], [v[part] for v in y], return_dict=True, **weighted)
            losses.append(float(logs["loss"]))
            for w in model.weights:
                tensors["step %d %s" % (s, path(w))] = np.asarray(w)
        texts = {"spec": json.dumps(net.spec), "losses": " ".join(names)}
        cases.append(case("network %d" % i, sgd, tensors, {"loss": losses, "loss_weights": shares}, texts))
    return cases


def summaries(rng, rounds):
    cases = []
    for i in range(20 * rounds):
        net = Network(rng, chain=rng.random() < 0.3, masks=False)  # which Keras lists as operations
        width, trainable, trained = int(rng.integers(44, 119)), bool(rng.random() < 0.5), pick(rng, None, "sgd", "adam", "nadam", "rmsprop")
        if trained:
            net.model.compile(loss="mse", optimizer=trained)
            net.model.optimizer.build(net.model.trainable_variables)
        lines = []
        net.model.summary(print_fn=lambda text, **_: lines.append(text), line_length=width, show_trainable=trainable)
        texts = {"spec": json.dumps(net.spec), "summary": "\n".join(lines), "optimizer": trained or ""}
        cases.append(case("network %d" % i, {"trainable": trainable}, None, {"width": float(width)}, texts))
    return cases


WINDOWS = [kind % d for kind in ["Conv%dD", "Conv%dDTranspose", "MaxPooling%dD", "AveragePooling%dD"] for d in (1, 2, 3)]
WINDOWS += [kind % d for kind in ["DepthwiseConv%dD", "SeparableConv%dD"] for d in (1, 2)]


def windows(rng, rounds):
    """Convolutions and pools of random geometry."""
    cases = []

    def draw(cls):
        dims = int(next(c for c in cls if c.isdigit()))
        number = lambda low, high: [int(v) for v in rng.integers(low, high + 1, dims)]
        size, pixels, channels = number(1, 4), number(1, 7), int(rng.choice([1, 2, 4]))
        pool, transposed = "Pooling" in cls, "Transpose" in cls
        config = {"padding": str(rng.choice(["valid", "same", "causal"] if cls == "Conv1D" else ["valid", "same"]))}
        config["pool_size" if pool else "kernel_size"] = tuple(size)
        reach = size
        if rng.random() < 0.5 or pool:
            config["strides"] = tuple(number(1, 3))
        elif rng.random() < 0.6:
            config["dilation_rate"] = tuple(number(1, 3))
            reach = [(k - 1) * d + 1 for k, d in zip(size, config["dilation_rate"])]
        if not transposed and config["padding"] == "valid":
            pixels = [max(n, r) for n, r in zip(pixels, reach)]
        if not pool:
            config.update(use_bias=bool(rng.random() < 0.7), activation=str(rng.choice(["linear", "relu"])))
            if not cls.startswith("Depthwise"):
                config["filters"] = int(rng.choice([2, 4]))
            if cls in ("Conv1D", "Conv2D", "Conv3D") and channels % 2 == 0 and rng.random() < 0.4:
                config["groups"] = 2
            if cls.startswith(("Depthwise", "Separable")):
                config["depth_multiplier"] = int(rng.integers(1, 3))
            if transposed and "strides" in config and rng.random() < 0.5:
                config["output_padding"] = tuple(int(rng.integers(0, s)) for s in config["strides"])
                if config["padding"] == "same":
                    pixels = [n + 1 for n in pixels]  # one pixel may give none
        shape = (2, *pixels, channels)
        if rng.random() < 0.3:
            config["data_format"] = "channels_first"
            shape = (2, channels, *pixels)
        return layer_case(cls, shape, ties=pool and rng.random() < 0.5, **config)

    for cls in WINDOWS:
        cases += [draw(cls) for _ in range(rounds)]
    return cases


FILES = {
    "activations": activations, "losses": losses, "metrics": metrics,
    "optimizers": optimizers, "schedules": schedules, "initializers": initializers,
    "trainings": trainings, "summaries": summaries, "windows": windows,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("seed", type=int)
    parser.add_argument("folder")
    parser.add_argument("names", nargs="*", choices=[[], *FILES], default=[])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    for name in arguments.names or FILES:
        if name == "optimizers" and keras.backend.backend() != "numpy":  # which compiles nothing, and is there in an instant
            command = [sys.executable, __file__, str(arguments.seed), arguments.folder, name, "--rounds", str(arguments.rounds)]
            subprocess.run(command, env=dict(os.environ, KERAS_BACKEND="numpy"), check=True)
            continue
        rng = np.random.default_rng([arguments.seed, *name.encode()])
        drawn.clear()
        write(name, dict(golden.VERSIONS, seed=str(arguments.seed)), FILES[name](rng, arguments.rounds), arguments.folder)
