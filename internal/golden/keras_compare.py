"""Holds Cornu against real Keras on fresh inputs, drawn by a seed: another seed asks other questions.

    python3 -m venv venv && venv/bin/pip install keras jax numpy
    mkdir fresh && venv/bin/python internal/golden/keras_compare.py 20260101 fresh
    CORNU_KERAS=$PWD/fresh go test -run Fresh ./...

It writes what Keras computes to files of the golden files' form, which the tests that are named Fresh read. The names
of files behind the folder choose some; --rounds says how often each class is drawn.
"""

import argparse

import keras_golden as golden
import numpy as np
from goldenjson import write
from keras_golden import F, one_hot


def shape(rng, last=None, rank=None):
    """A batch of a few samples, of rank 2 to 4."""
    rank = rank or rng.choice([2, 2, 3, 4])
    dimensions = [int(d) for d in rng.integers(1, 6, rank)]
    dimensions[0] += 1
    if last:
        dimensions[-1] = last
    return tuple(dimensions)


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
            classes = int(rng.integers(2, 8))
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
        n, classes = int(rng.integers(2, 9)), int(rng.integers(2, 6))
        labels = labels_of(rng, n, classes)
        draw("CategoricalGeneralizedCrossEntropy", labels, softmax(normal(rng, (n, classes))), **option(rng, q=[None, 0.2, 0.9]))
        embeddings = normal(rng, (n, 4))
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        draw("Circle", labels, embeddings, **option(rng, gamma=[None, 5.0], margin=[None, 0.2], remove_diagonal=[None, False]))
        steps, length = int(rng.integers(1, 20)), int(rng.integers(1, 5))
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
            n = int(rng.integers(1, 9))
            batches.append((*make(n), weights(rng, n) if weighted else None))
        cases.draw(cls, batches, **config)

    for _ in range(rounds):
        classes = int(rng.integers(2, 7))
        inner = tuple(int(d) for d in rng.integers(1, 4, rng.integers(0, 2)))
        wide = int(rng.integers(1, 5))

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


FILES = {"activations": activations, "losses": losses, "metrics": metrics}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("seed", type=int)
    parser.add_argument("folder")
    parser.add_argument("names", nargs="*", choices=[[], *FILES], default=[])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    for name in arguments.names or FILES:
        rng = np.random.default_rng([arguments.seed, *name.encode()])
        write(name, dict(golden.VERSIONS, seed=str(arguments.seed)), FILES[name](rng, arguments.rounds), arguments.folder)
