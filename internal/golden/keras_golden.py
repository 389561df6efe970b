"""Makes the golden files: what real Keras computes, for Cornu's tests to be held against.

    python3 -m venv venv && venv/bin/pip install keras jax numpy pydot
    venv/bin/python internal/golden/keras_golden.py [name ...]

Run it from anywhere; it writes testdata/*.json beside itself and records the versions it ran with. Inputs are made
by closed formulas, not by a random generator, so that two runs of one version give the same files.

Everything is float32 as Keras computes it on JAX, but for the activations: they are evaluated by Keras in float64
and rounded once, because JAX flushes denormals and its float32 has rounding errors of its own.
"""

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["COLUMNS"] = "120"

import jax
import jax.numpy as jnp
import keras
import numpy as np

from goldenjson import case, write

VERSIONS = {"keras": keras.__version__, "jax": jax.__version__, "numpy": np.__version__}
F = np.float32


def wave(*shape, seed=1, low=-1.0, high=1.0):
    """Numbers without pattern in [low, high], the same everywhere: the fractional parts of n·φ² folded twice."""
    n = np.arange(1, int(np.prod(shape)) + 1, dtype=np.float64) + 31 * seed
    x = np.modf(n * n * 0.6180339887498949 + n * 0.4142135623730951)[0]
    return (low + (high - low) * x).reshape(shape).astype(F)


def one_hot(labels, depth):
    return np.eye(depth, dtype=F)[np.asarray(labels)]


# ---- activations


def in_float64(function):
    # Some functions would cast down to float32: Keras lets a float64 that meets a Python number become one.
    from keras.src.backend.common import dtypes

    result_type, dtypes.result_type = dtypes.result_type, lambda *_: "float64"
    try:
        return function()
    finally:
        dtypes.result_type = result_type


def activation_case(name, config=None, x=None, tag=""):
    """One activation at the points x, in float64; see activations."""
    f = getattr(keras.activations, name)
    config = config or {}

    def g(v):
        return f(v, **config)

    with jax.enable_x64(True):
        v = jnp.asarray(np.asarray(x, np.float64))
        y = np.asarray(g(v))
        # The derivative against fixed weights, so that softmax's whole Jacobian takes part.
        weights = wave(*y.shape, seed=9) if x.ndim > 1 else np.ones(x.shape)
        dx = np.asarray(jax.grad(lambda u: jnp.sum(g(u) * weights))(v))
    with np.errstate(over="ignore"):
        tensors = {"x": x, "y": y.astype(F)}
        if x.ndim > 1:
            tensors["dy"] = weights
        tensors["dx"] = dx.astype(F)
    suffix = "" if not config else " " + ",".join("%s=%g" % (k, v) for k, v in config.items())
    return case(name + suffix + tag, config, tensors, class_=name)


def activations():
    return in_float64(float64_activations)


def float64_activations():
    tiny = [0.0, 1e-45, 1.1754942e-38, 1e-30, 1e-10, 1e-5, 1e-3]
    usual = [0.1, 0.25, 0.5, 0.75, 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8.5, 10, 13, 17, 20, 30, 50]
    large = [87, 88.5, 89, 104, 150, 1e3, 1e10, 3e38, np.inf]
    grid = np.array(sorted(-x for x in tiny + usual + large)[:-1] + [-0.0] + tiny + usual + large + [np.nan], F)

    def run(name, config=None, x=grid):
        return activation_case(name, config, x)

    batch = np.concatenate([wave(3, 5, low=-4, high=4), [[100, -100, 0, 88, 50]], [[-3e38, 3e38, 1, 2, 3]]]).astype(F)
    cube = wave(2, 3, 4, low=-3, high=3)
    return [
        run("linear"),
        run("relu"),
        run("relu", {"negative_slope": 0.1}),
        run("relu", {"max_value": 2.0}),
        run("relu", {"threshold": 0.5}),
        run("relu", {"negative_slope": 0.1, "max_value": 6.0, "threshold": 1.0}),
        run("relu6"),
        run("leaky_relu"),
        run("leaky_relu", {"negative_slope": 0.3}),
        run("elu"),
        run("elu", {"alpha": 0.5}),
        run("selu"),
        run("celu"),
        run("celu", {"alpha": 0.5}),
        run("softplus"),
        run("softsign"),
        run("sigmoid"),
        run("hard_sigmoid"),
        run("log_sigmoid"),
        run("sparse_sigmoid"),
        run("tanh"),
        run("hard_tanh"),
        run("tanh_shrink"),
        run("exponential"),
        run("gelu"),
        run("gelu", {"approximate": True}),
        run("silu"),
        run("hard_silu"),
        run("mish"),
        run("hard_shrink"),
        run("hard_shrink", {"threshold": 1.0}),
        run("soft_shrink"),
        run("soft_shrink", {"threshold": 1.0}),
        run("sparse_plus"),
        run("squareplus"),
        run("squareplus", {"b": 1.0}),
        run("softmax", x=batch),
        run("softmax", {"axis": 1}, x=cube),
        run("softmax", {"axis": -1}, x=cube),
        run("log_softmax", x=batch),
        run("log_softmax", {"axis": 1}, x=cube),
        run("glu", x=wave(3, 6, low=-4, high=4)),
        run("glu", {"axis": 1}, x=wave(2, 4, 3, low=-4, high=4)),
        run("threshold", {"threshold": 0.5, "default_value": -1.0}),
        run("threshold", {"threshold": -2.0, "default_value": 0.0}),
        # Where more than one element is above τ, Keras 3.15 adds up all cumulated sums instead of taking the last.
        run("sparsemax", x=np.array([[5, 0, -5], [100, 98.5, 98.25], [-3e4, -3e4, 0]], F)),
        run("sparsemax", {"axis": 1}, x=np.array([[[5, 0], [0, 2], [1, 0.5]]], F)),
    ]


# ---- losses


def loss_case(cls, tag, y_true, y_pred, weight=None, **config):
    """One loss: its values, its reductions and their gradients, with weights of the samples and without."""
    y_true, y_pred = np.asarray(y_true, F), np.asarray(y_pred, F)
    loss = lambda reduction: getattr(keras.losses, cls)(reduction=reduction, **config)
    per_sample = np.asarray(loss(None)(y_true, y_pred))
    if weight is None:
        weight = wave(len(y_true), seed=5, low=0.0, high=2.0)
    if per_sample.ndim > 1:
        shaped = weight.reshape((-1,) + (1,) * (per_sample.ndim - 1)) * np.ones_like(per_sample)
    else:
        shaped = weight
    mean = loss("sum_over_batch_size")
    numbers = {
        "sum_over_batch_size": float(mean(y_true, y_pred)),
        "sum": float(loss("sum")(y_true, y_pred)),
        "weighted sum_over_batch_size": float(mean(y_true, y_pred, shaped)),
        "weighted sum": float(loss("sum")(y_true, y_pred, shaped)),
        "weighted mean_with_sample_weight": float(loss("mean_with_sample_weight")(y_true, y_pred, shaped)),
    }
    tensors = {
        "y_true": y_true,
        "y_pred": y_pred,
        "sample_weight": weight,
        "loss": per_sample,
        "dy_pred": np.asarray(jax.grad(lambda p: mean(jnp.asarray(y_true), p))(jnp.asarray(y_pred))),
        "weighted dy_pred": np.asarray(jax.grad(lambda p: mean(jnp.asarray(y_true), p, shaped))(jnp.asarray(y_pred))),
    }
    suffix = "".join(" %s=%s" % (k, v) for k, v in config.items())
    return case(" ".join([cls, tag]) + suffix, config, tensors, numbers, class_=cls)


def labels_of(shape, classes):
    shape = shape if isinstance(shape, tuple) else (shape,)
    return wave(*shape, seed=8, low=0, high=classes - 0.001).astype(int)


def losses():
    cases = []

    def run(cls, tag, y_true, y_pred, **config):
        cases.append(loss_case(cls, tag, y_true, y_pred, **config))

    shapes = {"(5, 3)": (5, 3), "(4, 1)": (4, 1), "(3, 4, 2)": (3, 4, 2)}
    for cls in ["MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "LogCosh"]:
        for tag, shape in shapes.items():
            run(cls, tag, wave(*shape, seed=2, low=-2, high=2), wave(*shape, seed=3, low=-2, high=2))
    for tag, shape in shapes.items():
        positive = wave(*shape, seed=2, low=0, high=3), wave(*shape, seed=3, low=0.01, high=3)
        run("MeanSquaredLogarithmicError", tag, *positive)
        run("Poisson", tag, *positive)
        run("Huber", tag, wave(*shape, seed=2, low=-2, high=2), wave(*shape, seed=3, low=-2, high=2))
        run("Huber", tag, wave(*shape, seed=2, low=-2, high=2), wave(*shape, seed=3, low=-2, high=2), delta=0.5)
        run("CosineSimilarity", tag, wave(*shape, seed=2), wave(*shape, seed=3))
        signs = np.sign(wave(*shape, seed=4))
        bits = (signs + 1) / 2
        for cls in ["Hinge", "SquaredHinge"]:
            run(cls, tag + " ±1", signs, wave(*shape, seed=3, low=-2, high=2))
            run(cls, tag + " 0/1", bits, wave(*shape, seed=3, low=-2, high=2))
        p = wave(*shape, seed=6, low=0.001, high=0.999)
        logits = wave(*shape, seed=7, low=-6, high=6)
        run("BinaryCrossentropy", tag, bits, p)
        run("BinaryCrossentropy", tag, bits, p, label_smoothing=0.1)
        run("BinaryCrossentropy", tag, bits, logits, from_logits=True)
        run("BinaryCrossentropy", tag, bits, logits, from_logits=True, label_smoothing=0.1)
        run("BinaryFocalCrossentropy", tag, bits, p)
        run("BinaryFocalCrossentropy", tag, bits, p, apply_class_balancing=True, gamma=3.0, alpha=0.3)
        run("BinaryFocalCrossentropy", tag, bits, logits, from_logits=True)
    run("MeanSquaredLogarithmicError", "negative predictions", wave(4, 3, seed=2, low=0, high=2), wave(4, 3, seed=3, low=-2, high=2))
    run("MeanAbsolutePercentageError", "targets of 0", wave(4, 3, seed=2).round(), wave(4, 3, seed=3))
    run("LogCosh", "far", wave(4, 3, seed=2), wave(4, 3, seed=3, low=-80, high=80))
    run("BinaryCrossentropy", "clipped", [[0], [1], [0], [1]], [[0.0], [1.0], [1.0], [0.0]])
    run("BinaryCrossentropy", "far logits", [[0], [1], [0], [1]], [[-120], [120], [120], [-120]], from_logits=True)

    for tag, shape in {"(5, 3)": (5, 3), "(6, 10)": (6, 10), "(2, 4, 3)": (2, 4, 3)}.items():
        labels = (wave(*shape[:-1], seed=8, low=0, high=shape[-1] - 0.001)).astype(int)
        hot = one_hot(labels, shape[-1])
        logits = wave(*shape, seed=7, low=-6, high=6)
        p = np.asarray(jax.nn.softmax(jnp.asarray(logits)))
        unnormalised = wave(*shape, seed=6, low=0.05, high=1)
        for kind, q in {"": p, " unnormalised": unnormalised}.items():
            run("CategoricalCrossentropy", tag + kind, hot, q)
            run("SparseCategoricalCrossentropy", tag + kind, labels, q)
            run("CategoricalFocalCrossentropy", tag + kind, hot, q)
            run("KLDivergence", tag + kind, np.asarray(jax.nn.softmax(wave(*shape, seed=9, low=-3, high=3))), q)
        run("CategoricalCrossentropy", tag, hot, p, label_smoothing=0.1)
        run("CategoricalCrossentropy", tag, hot, logits, from_logits=True)
        run("CategoricalCrossentropy", tag, hot, logits, from_logits=True, label_smoothing=0.2)
        run("SparseCategoricalCrossentropy", tag, labels, logits, from_logits=True)
        run("SparseCategoricalCrossentropy", tag, labels, p, ignore_class=1)
        run("CategoricalFocalCrossentropy", tag, hot, p, alpha=0.5, gamma=1.5)
        run("CategoricalFocalCrossentropy", tag, hot, logits, from_logits=True, label_smoothing=0.1)
        run("CategoricalHinge", tag, hot, logits)
    sure = np.array([[1, 0, 0], [0, 1, 0], [1e-9, 1 - 1e-6, 1e-6], [0.2, 0.3, 0.5]], F)
    run("CategoricalCrossentropy", "clipped", one_hot([0, 0, 0, 2], 3), sure)
    run("SparseCategoricalCrossentropy", "clipped", [0, 0, 0, 2], sure)
    run("KLDivergence", "clipped", one_hot([0, 0, 0, 2], 3), sure)
    run("CategoricalGeneralizedCrossEntropy", "(6, 10)", labels_of(6, 10), np.asarray(jax.nn.softmax(wave(6, 10, seed=7, low=-3, high=3))))
    run("CategoricalGeneralizedCrossEntropy", "(2, 4, 3)", labels_of((2, 4), 3), np.asarray(jax.nn.softmax(wave(2, 4, 3, seed=7, low=-3, high=3))), q=0.8)

    # Classes, or what is averaged over, along another axis than the last.
    shape = (2, 4, 3)
    labels = labels_of((2, 3), 4)
    hot = np.moveaxis(one_hot(labels, 4), -1, 1)
    p = wave(*shape, seed=6, low=0.05, high=0.95)
    logits = wave(*shape, seed=7, low=-6, high=6)
    for config in [{}, {"from_logits": True}]:
        q = logits if config else p
        run("CategoricalCrossentropy", "", hot, q, axis=1, **config)
        # On JAX Keras refuses this unless the axes happen to be of one size.
        run("SparseCategoricalCrossentropy", "", labels % 3, q[:, :3], axis=1, **config)
        run("SparseCategoricalCrossentropy", "(2, 1, 3)", labels[:, None] % 3, q[:, :3], axis=-2, **config)
        run("CategoricalFocalCrossentropy", "", hot, q, axis=1, **config)
        run("BinaryCrossentropy", "", hot, q, axis=1, **config)
        run("BinaryFocalCrossentropy", "", hot, q, axis=-2, **config)
    run("SparseCategoricalCrossentropy", "", labels % 3, p[:, :3], axis=1, ignore_class=2)
    run("CosineSimilarity", "", logits, p, axis=1)

    for shape in [(5, 3), (2, 3, 4, 2)]:
        truth, p = (wave(*shape, seed=4) > 0).astype(F), wave(*shape, seed=6, low=0, high=1)
        for cls in ["Dice", "Tversky"]:
            run(cls, str(shape), truth, p)
            run(cls, str(shape), truth, p, axis=list(range(1, len(shape))))
            run(cls, str(shape), truth, p, axis=[-1])
        run("Tversky", str(shape), truth, p, alpha=0.3, beta=0.0)
    run("Dice", "nothing", np.zeros((3, 2)), np.zeros((3, 2)), axis=[1])

    for n, kinds in [(7, 3), (12, 4), (4, 1), (4, 50)]:
        embeddings = wave(n, 5, seed=n)
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        labels = labels_of(n, kinds)
        run("Circle", "%d of %d" % (n, kinds), labels, embeddings)
        run("Circle", "%d of %d" % (n, kinds), labels, embeddings, gamma=2.0, margin=0.25)
        run("Circle", "%d of %d" % (n, kinds), labels, embeddings, gamma=10.0, remove_diagonal=False)

    for steps, length, classes in [(1, 1, 2), (6, 3, 4), (12, 5, 3), (9, 4, 6)]:
        truth = wave(5, length, seed=8, low=1, high=classes - 0.001).astype(int)
        for i in range(1, 5):
            truth[i, max(0, length - i) :] = 0
        run("CTC", "%d steps of %d classes" % (steps, classes), truth, wave(5, steps, classes, seed=7, low=-4, high=4))
    run("CTC", "repeated", [[1, 1, 0], [2, 2, 2], [1, 2, 1]], np.zeros((3, 5, 3)))

    run("CategoricalCrossentropy", "far logits", one_hot([0, 1], 3), [[200, -200, 0], [200, -200, 0]], from_logits=True)
    return cases


# ---- metrics


def metric_case(cls, tag, batches, **config):
    """One metric of batches, (y_true, y_pred, sample_weight or None); the running result after each one is kept."""
    if cls == "MeanMetricWrapper":
        metric = keras.metrics.MeanMetricWrapper(getattr(keras.losses, config["fn"]), **{k: v for k, v in config.items() if k != "fn"})
    elif "IoU" in cls:
        # By default Keras counts in integers, and weights are cut down to them.
        metric = getattr(keras.metrics, cls)(dtype="float32", **config)
    else:
        metric = getattr(keras.metrics, cls)(**config)
    tensors, results = {}, []
    for i, (y_true, y_pred, weight) in enumerate(batches):
        if cls in ["Mean", "Sum"]:
            metric.update_state(np.asarray(y_pred, F), sample_weight=weight)
        else:
            metric.update_state(np.asarray(y_true, F), np.asarray(y_pred, F), sample_weight=weight)
        results.append(np.asarray(metric.result()))
        tensors["y_true %d" % i] = y_true
        tensors["y_pred %d" % i] = y_pred
        if weight is not None:
            tensors["sample_weight %d" % i] = weight
    tensors["results"] = np.stack(results)
    suffix = "".join(" %s=%s" % (k, v) for k, v in config.items())
    return case(" ".join([cls, tag]) + suffix, config, tensors, class_=cls)


def metrics():
    cases = []

    def run(cls, tag, batches, **config):
        cases.append(metric_case(cls, tag, batches, **config))

    sizes = [4, 5, 2]

    def split(rows, weighted):
        """Cuts (y_true, y_pred) into batches of unequal size."""
        y_true, y_pred = rows
        at, batches = 0, []
        for i, n in enumerate(sizes):
            weight = wave(n, seed=20 + i, low=0, high=2) if weighted else None
            batches.append((y_true[at : at + n], y_pred[at : at + n], weight))
            at += n
        return batches

    def both(cls, rows, tag="", **config):
        run(cls, tag + "plain", split(rows, False), **config)
        run(cls, tag + "weighted", split(rows, True), **config)

    n = sum(sizes)
    real = wave(n, 3, seed=2, low=-2, high=2), wave(n, 3, seed=3, low=-2, high=2)
    positive = wave(n, 3, seed=2, low=0, high=3), wave(n, 3, seed=3, low=0.01, high=3)
    bits = (wave(n, 1, seed=4) > 0).astype(F)
    p = wave(n, 1, seed=6, low=0.001, high=0.999)
    leaning = (0.6 * p + 0.4 * np.where(bits > 0, 0.8, 0.2)).astype(F)
    multi = (wave(n, 3, seed=14) > 0).astype(F)
    q = wave(n, 3, seed=16, low=0.001, high=0.999)
    labels = wave(n, seed=8, low=0, high=4.999).astype(int)
    hot = one_hot(labels, 5)
    logits = wave(n, 5, seed=7, low=-3, high=3) + 1.5 * hot
    softmax = np.asarray(jax.nn.softmax(jnp.asarray(logits)))

    both("Accuracy", (labels[:, None], wave(n, 1, seed=8, low=0, high=2.999).astype(int)))
    both("BinaryAccuracy", (bits, leaning))
    both("BinaryAccuracy", (multi, q), threshold=0.7)
    both("CategoricalAccuracy", (hot, softmax))
    both("SparseCategoricalAccuracy", (labels, softmax))
    both("SparseCategoricalAccuracy", (labels[:, None], softmax), "column ")
    both("TopKCategoricalAccuracy", (hot, softmax), k=2)
    both("SparseTopKCategoricalAccuracy", (labels, softmax), k=2)
    for cls in ["MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "LogCoshError"]:
        both(cls, real)
    both("MeanMetricWrapper", real, fn="huber", delta=0.5)
    both("MeanMetricWrapper", (labels, softmax), fn="sparse_categorical_crossentropy", ignore_class=1)
    both("MeanSquaredLogarithmicError", positive)
    both("Poisson", positive)
    both("CosineSimilarity", real)
    both("BinaryCrossentropy", (bits, p))
    both("BinaryCrossentropy", (bits, wave(n, 1, seed=7, low=-4, high=4)), from_logits=True)
    both("CategoricalCrossentropy", (hot, softmax))
    both("CategoricalCrossentropy", (hot, logits), from_logits=True, label_smoothing=0.1)
    both("SparseCategoricalCrossentropy", (labels, softmax))
    both("KLDivergence", (np.asarray(jax.nn.softmax(wave(n, 5, seed=9, low=-3, high=3))), softmax))
    signs = 2 * multi - 1
    for cls in ["Hinge", "SquaredHinge"]:
        both(cls, (signs, real[1]))
    both("CategoricalHinge", (hot, logits))
    for cls in ["Precision", "Recall"]:
        both(cls, (bits, leaning))
        both(cls, (multi, q), thresholds=0.3)
        both(cls, (multi, q), thresholds=[0.25, 0.5, 0.75])
        both(cls, (hot, softmax), top_k=2)
        both(cls, (hot, softmax), class_id=3)
    for cls in ["TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives"]:
        both(cls, (bits, leaning))
        both(cls, (multi, q), thresholds=[0.25, 0.75])
    for average in [None, "micro", "macro", "weighted"]:
        both("F1Score", (hot, softmax), average=average)
        both("F1Score", (multi, q), average=average, threshold=0.5)
    both("FBetaScore", (hot, softmax), beta=2.0, average="macro")
    for curve in ["ROC", "PR"]:
        both("AUC", (bits, leaning), curve=curve)
        both("AUC", (bits, leaning), curve=curve, num_thresholds=5)
    both("AUC", (bits, leaning), summation_method="majoring", num_thresholds=20)
    both("AUC", (bits, leaning), summation_method="minoring", num_thresholds=20)
    run("AUC", "plain", split((multi, q), False), multi_label=True, num_labels=3)
    run("AUC", "plain", split((bits, wave(n, 1, seed=7, low=-4, high=4)), False), from_logits=True)
    for aggregation in [None, "uniform_average", "variance_weighted_average"]:
        both("R2Score", (real[0], (real[0] + 0.5 * real[1]).astype(F)), class_aggregation=aggregation)
    both("R2Score", (real[0], (real[0] + 0.5 * real[1]).astype(F)), num_regressors=2)
    classes = softmax.argmax(-1)
    both("MeanIoU", (labels, classes), num_classes=5)
    both("MeanIoU", (labels, softmax), "probabilities ", num_classes=5, sparse_y_pred=False)
    both("MeanIoU", (hot, softmax), "one-hot ", num_classes=5, sparse_y_true=False, sparse_y_pred=False, ignore_class=2)
    both("MeanIoU", (labels, classes), "of seven ", num_classes=7, ignore_class=3)
    both("IoU", (labels, classes), num_classes=5, target_class_ids=[0, 3])
    both("IoU", (labels, classes), "absent ", num_classes=9, target_class_ids=[1, 8])
    both("BinaryIoU", (multi[:, 0], q[:, 0]))
    both("BinaryIoU", (multi[:, 0], q[:, 0]), target_class_ids=[1], threshold=0.3)
    both("OneHotIoU", (hot, softmax), num_classes=5, target_class_ids=[0, 3])
    both("OneHotIoU", (hot, classes), num_classes=5, target_class_ids=[0, 3], sparse_y_pred=True)
    both("OneHotMeanIoU", (hot, softmax), num_classes=5)
    both("OneHotMeanIoU", (hot, softmax), num_classes=5, ignore_class=1)
    image = labels_of((n, 2, 3), 3)
    run("MeanIoU", "image", split((image, wave(n, 2, 3, seed=3, low=0, high=2.999)), False), num_classes=3)
    run("OneHotMeanIoU", "image", split((one_hot(image, 3), wave(n, 2, 3, 3, seed=3)), False), num_classes=3)
    for cls in ["PearsonCorrelation", "ConcordanceCorrelation"]:
        both(cls, real)
        both(cls, (wave(n, 4, 2, seed=2), wave(n, 4, 2, seed=3)), "cube ", axis=1)
    for cls in ["Mean", "Sum"]:
        both(cls, real)
        both(cls, (real[0][:, 0], real[1][:, 0]), "flat ")
    both("CosineSimilarity", (wave(n, 4, 2, seed=2), wave(n, 4, 2, seed=3)), axis=1)
    both("CategoricalCrossentropy", (np.stack([hot] * 2, -1), np.stack([softmax, softmax[:, ::-1]], -1)), axis=1)
    both("SparseCategoricalCrossentropy", (labels, softmax), ignore_class=1)
    order = np.argsort(-softmax, -1)
    both("SparseTopKCategoricalAccuracy", (labels, order), k=2, from_sorted_ids=True)
    for cls in ["SensitivityAtSpecificity", "SpecificityAtSensitivity", "PrecisionAtRecall", "RecallAtPrecision"]:
        given = cls.split("At")[1].lower()
        run(cls, "plain", split((bits, leaning), False), **{given: 0.6})
        both(cls, (bits, leaning), **{given: 1.0})
    return cases


def confusion():
    labels = wave(40, seed=8, low=0, high=4.999).astype(int)
    guesses = np.where(wave(40, seed=3) > -0.3, labels, wave(40, seed=4, low=0, high=4.999).astype(int))
    metric = keras.metrics.MeanIoU(num_classes=5)
    metric.update_state(labels, guesses)
    return [
        case(
            "confusion matrix",
            {"num_classes": 5},
            {"y_true": labels, "y_pred": guesses, "matrix": np.asarray(metric.total_cm)},
            class_="ConfusionMatrix",
        )
    ]


# ---- regularizers and constraints


def regularizers():
    cases = []

    def run(cls, w, **config):
        f = getattr(keras.regularizers, cls)(**config)
        gradient = np.asarray(jax.grad(lambda v: f(v))(jnp.asarray(w)))
        suffix = "".join(" %s=%s" % (k, v) for k, v in config.items())
        tensors = {"w": w, "dw": gradient}
        cases.append(case("%s %s" % (cls, w.shape) + suffix, config, tensors, {"penalty": float(f(jnp.asarray(w)))}, class_=cls))

    for shape in [(4, 3), (5,), (3, 3, 2, 2)]:
        w = wave(*shape, seed=3)
        run("L1", w)
        run("L1", w, l1=0.05)
        run("L2", w)
        run("L2", w, l2=0.05)
        run("L1L2", w, l1=0.03, l2=0.02)
    for mode in ["rows", "columns"]:
        run("OrthogonalRegularizer", wave(4, 3, seed=3), mode=mode)
        run("OrthogonalRegularizer", wave(3, 5, seed=3), factor=0.1, mode=mode)
    return cases


def constraints():
    cases = []

    def run(cls, w, **config):
        projected = np.asarray(getattr(keras.constraints, cls)(**config)(jnp.asarray(w)))
        suffix = "".join(" %s=%s" % (k, v) for k, v in config.items())
        cases.append(case("%s %s" % (cls, w.shape) + suffix, config, {"w": w, "projected": projected}, class_=cls))

    for w in [wave(4, 3, seed=3, low=-3, high=3), wave(3, 5, seed=4, low=-0.2, high=0.2), np.zeros((2, 2), F)]:
        run("MaxNorm", w)
        run("MaxNorm", w, max_value=0.5)
        run("MaxNorm", w, max_value=0.5, axis=1)
        run("NonNeg", w)
        run("UnitNorm", w)
        run("UnitNorm", w, axis=1)
        run("MinMaxNorm", w)
        run("MinMaxNorm", w, min_value=0.3, max_value=0.6, rate=0.7, axis=1)
    kernel = wave(3, 3, 2, 2, seed=5, low=-2, high=2)
    run("MaxNorm", kernel, max_value=1.0, axis=[0, 1, 2])
    run("UnitNorm", kernel, axis=[0, 1, 2])
    return cases


# ---- optimizers


STEPS = 10


def optimizers():
    kernel, bias = wave(3, 4, seed=1), wave(4, seed=2)
    # Gradients of many sizes: the scale falls from 4 to 4e-3 over the steps, and one row is always 0.
    gradients = []
    for step in range(STEPS):
        scale = F(4.0 * 10 ** (-step / 3))
        g = wave(3, 4, seed=40 + step) * scale
        g[1] = 0
        gradients.append((g, wave(4, seed=70 + step) * scale))
    gradient_kernel = np.stack([g for g, _ in gradients])
    gradient_bias = np.stack([g for _, g in gradients])
    cases = []

    def run(cls, schedule=None, **config):
        arguments = dict(config)
        exclude = arguments.pop("exclude_from_weight_decay", None)
        if schedule:
            arguments["learning_rate"] = schedule
        optimizer = getattr(keras.optimizers, cls)(**arguments)
        if exclude:
            optimizer.exclude_from_weight_decay(var_names=exclude)
        variables = [
            keras.Variable(kernel, name="kernel"),
            keras.Variable(bias, name="bias"),
        ]
        optimizer.build(variables)
        kernels, biases, rates = [], [], []
        for gk, gb in gradients:
            rates.append(float(optimizer.learning_rate))
            optimizer.apply([jnp.asarray(gk), jnp.asarray(gb)], variables)
            kernels.append(np.asarray(variables[0].value))
            biases.append(np.asarray(variables[1].value))
        tensors = {"kernel": np.stack(kernels), "bias": np.stack(biases)}
        # The state after the last step, by Keras's own paths (iteration and learning_rate apart).
        for v in optimizer.variables[2:]:
            tensors["slot " + v.path.split("/", 1)[-1]] = np.asarray(v.value)
        if config.get("use_ema"):
            optimizer.finalize_variable_values(variables)
            tensors["final kernel"] = np.asarray(variables[0].value)
            tensors["final bias"] = np.asarray(variables[1].value)
        if schedule:
            config["learning_rate"] = dict(schedule.get_config(), class_name=type(schedule).__name__)
        suffix = "".join(" %s=%s" % (k, v if k != "learning_rate" or not schedule else type(schedule).__name__) for k, v in config.items())
        cases.append(case(cls + suffix, config, tensors, {"learning_rate": rates}, class_=cls))

    run("SGD")
    run("SGD", momentum=0.9)
    run("SGD", momentum=0.9, nesterov=True)
    run("SGD", learning_rate=0.1, weight_decay=0.01)
    run("Adam")
    run("Adam", learning_rate=0.01, beta_1=0.8, beta_2=0.95, epsilon=1e-4)
    run("Adam", amsgrad=True)
    run("AdamW")
    run("AdamW", weight_decay=0.1, amsgrad=True)
    run("Adamax")
    run("Nadam")
    run("RMSprop")
    run("RMSprop", centered=True)
    run("RMSprop", momentum=0.9)
    run("RMSprop", centered=True, momentum=0.9, rho=0.8)
    run("Adagrad")
    run("Adagrad", learning_rate=0.1, initial_accumulator_value=0.5)
    run("Adadelta")
    run("Adadelta", learning_rate=1.0, rho=0.9)
    run("Adafactor")
    run("Adafactor", learning_rate=0.01, relative_step=False, clip_threshold=0.5, beta_2_decay=-0.6)
    run("Lion")
    run("Lion", learning_rate=0.01, beta_1=0.8, weight_decay=0.1)
    run("Ftrl")
    run("Ftrl", learning_rate=0.1, l1_regularization_strength=0.01, l2_regularization_strength=0.02)
    run("Ftrl", learning_rate=0.1, l2_shrinkage_regularization_strength=0.03, beta=0.1)
    run("Ftrl", learning_rate=0.1, learning_rate_power=-0.7, l1_regularization_strength=0.05)
    run("Lamb")
    for cls in ["SGD", "Adam", "RMSprop"]:
        run(cls, clipnorm=1.0)
        run(cls, clipvalue=0.25)
        run(cls, global_clipnorm=1.0)
    for cls in ["Adam", "Adamax", "Nadam", "RMSprop", "Adagrad", "Adadelta", "Ftrl"]:
        run(cls, weight_decay=0.05)
    run("SGD", learning_rate=0.1, use_ema=True)
    run("SGD", learning_rate=0.1, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=4)
    run("Adam", use_ema=True, ema_momentum=0.8)
    run("Muon")
    run("Muon", learning_rate=0.01, momentum=0.8, nesterov=False, ns_steps=3, adam_lr_ratio=0.5, weight_decay=0.1, adam_weight_decay=0.2)
    run("Muon", learning_rate=0.01, muon_a=2.0, muon_b=-1.5, muon_c=0.5, rms_rate=0.1)
    run("Muon", learning_rate=0.01, exclude_layers=["^k.r"], adam_beta_1=0.8, adam_beta_2=0.95, epsilon=1e-4)
    run("Muon", learning_rate=0.01, exclude_from_weight_decay=["kern"], weight_decay=0.2, adam_weight_decay=0.1)
    run("ScheduleFreeAdamW")
    run("ScheduleFreeAdamW", learning_rate=0.05, beta_1=0.8, beta_2=0.95, epsilon=1e-4, warmup_steps=4, weight_decay=0.1)
    for cls in ["SGD", "Adam", "Adafactor", "Nadam", "ScheduleFreeAdamW", "Muon"]:
        run(cls, gradient_accumulation_steps=3)
    run("SGD", gradient_accumulation_steps=4, momentum=0.9, clipnorm=0.5, weight_decay=0.1)
    run("Adam", gradient_accumulation_steps=2, global_clipnorm=0.5, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=2)
    run("AdamW", weight_decay=0.1, exclude_from_weight_decay=["bias", "none"])
    run("SGD", learning_rate=0.1, weight_decay=0.1, exclude_from_weight_decay=["k.*l"])
    run("SGD", learning_rate=0.1, weight_decay=0.1, exclude_from_weight_decay=["^ernel"])
    run("SGD", learning_rate=0.1, loss_scale_factor=4.0)
    schedules = keras.optimizers.schedules
    run("SGD", schedules.ExponentialDecay(0.1, 3, 0.5), gradient_accumulation_steps=3)
    run("SGD", schedules.ExponentialDecay(0.1, 3, 0.5))
    run("Adam", schedules.CosineDecay(0.01, 8, alpha=0.1))
    cases.insert(
        0,
        case("inputs", tensors={"kernel": kernel, "bias": bias, "gradient kernel": gradient_kernel, "gradient bias": gradient_bias}),
    )
    return cases


def schedules():
    cases = []

    def run(cls, steps, **config):
        f = getattr(keras.optimizers.schedules, cls)(**config)
        rates = [float(f(s)) for s in steps]
        suffix = "".join(" %s=%s" % (k, v) for k, v in config.items())
        cases.append(case(cls + suffix, config, None, {"steps": [float(s) for s in steps], "rates": rates}, class_=cls))

    steps = [0, 1, 2, 3, 5, 9, 10, 11, 19, 20, 21, 25, 30, 31, 50, 70, 99, 100, 101, 250]
    run("ExponentialDecay", steps, initial_learning_rate=0.1, decay_steps=10, decay_rate=0.9)
    run("ExponentialDecay", steps, initial_learning_rate=0.1, decay_steps=10, decay_rate=0.9, staircase=True)
    run("InverseTimeDecay", steps, initial_learning_rate=0.1, decay_steps=1, decay_rate=0.01)
    run("InverseTimeDecay", steps, initial_learning_rate=0.1, decay_steps=10, decay_rate=0.5, staircase=True)
    run("PolynomialDecay", steps, initial_learning_rate=0.1, decay_steps=20)
    run("PolynomialDecay", steps, initial_learning_rate=0.1, decay_steps=20, end_learning_rate=0.01, power=2.0)
    run("PolynomialDecay", steps, initial_learning_rate=0.1, decay_steps=20, power=0.5, cycle=True)
    run("PiecewiseConstantDecay", steps, boundaries=[10, 30, 100], values=[0.1, 0.05, 0.01, 0.001])
    run("CosineDecay", steps, initial_learning_rate=0.1, decay_steps=30)
    run("CosineDecay", steps, initial_learning_rate=0.0, decay_steps=30, alpha=0.1, warmup_target=0.1, warmup_steps=20)
    run("CosineDecayRestarts", steps, initial_learning_rate=0.1, first_decay_steps=10)
    run("CosineDecayRestarts", steps, initial_learning_rate=0.1, first_decay_steps=10, t_mul=1.5, m_mul=0.8, alpha=0.05)
    return cases


# ---- initializers


def initializer_case(cls, shape, **config):
    from keras.src.initializers.random_initializers import compute_fans

    keras.utils.set_random_seed(1)
    draw = np.asarray(getattr(keras.initializers, cls)(**config)(shape=shape), np.float64)
    fan_in, fan_out = compute_fans(shape)
    numbers = {
        "shape": [float(d) for d in shape],
        "fan_in": float(fan_in),
        "fan_out": float(fan_out),
        "mean": float(draw.mean()),
        "std": float(draw.std()),
        "min": float(draw.min()),
        "max": float(draw.max()),
    }
    suffix = "".join(" %s=%s" % (k, v) for k, v in config.items())
    return case("%s %s" % (cls, shape) + suffix, config, None, numbers, class_=cls)


def initializers():
    cases = []
    shapes = [(784, 256), (256, 256), (100,), (3, 3, 16, 32), (5, 16, 32), (3, 3, 3, 4, 8)]

    def run(cls, shape, **config):
        cases.append(initializer_case(cls, shape, **config))

    for shape in shapes:
        for cls in ["GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform", "LecunNormal"]:
            run(cls, shape)
    big = (300, 400)
    run("RandomUniform", big)
    run("RandomUniform", big, minval=-1.0, maxval=3.0)
    run("RandomNormal", big)
    run("RandomNormal", big, mean=1.0, stddev=0.2)
    run("TruncatedNormal", big)
    run("TruncatedNormal", big, mean=1.0, stddev=0.2)
    for mode in ["fan_in", "fan_out", "fan_avg"]:
        for distribution in ["truncated_normal", "untruncated_normal", "uniform"]:
            run("VarianceScaling", big, scale=2.0, mode=mode, distribution=distribution)
    run("VarianceScaling", big)
    for shape in [(20, 30), (30, 20), (3, 3, 4, 8)]:
        run("Orthogonal", shape)
        run("Orthogonal", shape, gain=2.0)
    for cls, config in [("Zeros", {}), ("Ones", {}), ("Constant", {}), ("Constant", {"value": 0.3})]:
        run(cls, (2, 3), **config)
    for shape, config in [((3, 3), {}), ((2, 4), {}), ((4, 2), {"gain": 0.5})]:
        value = np.asarray(keras.initializers.Identity(**config)(shape))
        cases.append(case("Identity %s" % (shape,), config, {"value": value}, class_="Identity"))
    return cases


# ---- whole trainings


def history_numbers(history):
    return {"history " + k: [float(v) for v in values] for k, values in history.history.items()}


def weights_of(model, prefix):
    return {prefix + " " + "/".join(w.path.split("/")[-2:]): np.asarray(w.value) for w in model.weights}


def set_weights(model):
    model.set_weights([(wave(*w.shape, seed=100 + i) * F(0.6)) for i, w in enumerate(model.weights)])


def trainings():
    L = keras.layers
    n = 30
    x = wave(n, 8, seed=50, low=0, high=1)
    labels = (np.abs(x[:, :3]).argmax(1)).astype(int)
    y = one_hot(labels, 3)
    xv, labels_v = wave(11, 8, seed=51, low=0, high=1), None
    labels_v = xv[:, :3].argmax(1)
    yv = one_hot(labels_v, 3)
    target = (x @ wave(8, 2, seed=52)).astype(F)
    cases = []

    def listing(last="softmax", **dense):
        keras.backend.clear_session()
        layers = [L.Input((8,)), L.Dense(6, **dense), L.Activation("relu"), L.Dense(5, **dense), L.Activation("relu"), L.Dense(3, **dense)]
        return keras.Sequential(layers + ([L.Activation(last)] if last else []))

    def run(name, model, loss, optimizer="adam", metrics=("accuracy",), targets=y, fit=None, about="", validation=None):
        set_weights(model)
        tensors = {"x": x, "y": targets}
        tensors.update(weights_of(model, "initial"))
        model.compile(loss=loss, optimizer=optimizer, metrics=list(metrics))
        fit = dict(fit or {})
        if "sample_weight" in fit:
            tensors["sample_weight"] = fit["sample_weight"]
        if validation:
            fit["validation_data"] = validation
            for key, value in zip(["x", "y", "sample_weight"], validation):
                tensors["validation " + key] = value
        history = model.fit(x, targets, epochs=3, batch_size=4, shuffle=False, verbose=0, **fit)
        tensors.update(weights_of(model, "final"))
        numbers = history_numbers(history)
        evaluated = model.evaluate(x, targets, batch_size=4, verbose=0, return_dict=True)
        numbers.update({"evaluate " + k: float(v) for k, v in evaluated.items()})
        tensors["predict"] = np.asarray(model.predict(x, batch_size=4, verbose=0))
        if "class_weight" in fit:
            numbers["class_weight"] = [fit["class_weight"][k] for k in sorted(fit["class_weight"])]
        for key in ["validation_split", "validation_batch_size", "validation_steps"]:
            if key in fit:
                numbers[key] = float(fit[key])
        cases.append(case(name, None, tensors, numbers, {"about": about} if about else None))

    cce = "categorical_crossentropy"
    run("listing", listing(), cce)
    run("listing, sgd", listing(), cce, "sgd")
    run("listing, rmsprop", listing(), cce, "rmsprop")
    run("sgd with momentum and nesterov", listing(), cce, keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True), about="SGD(learning_rate=0.05, momentum=0.9, nesterov=True)")
    run("validation split", listing(), cce, fit={"validation_split": 0.2})
    run("validation data", listing(), cce, validation=(xv, yv))
    run("validation data with weights", listing(), cce, validation=(xv, yv, wave(11, seed=53, low=0, high=2)))
    run("validation steps", listing(), cce, validation=(xv, yv), fit={"validation_batch_size": 3, "validation_steps": 2})
    run("class weight", listing(), cce, fit={"class_weight": {0: 0.5, 1: 2.0, 2: 1.0}})
    run("sample weight", listing(), cce, fit={"sample_weight": wave(n, seed=54, low=0, high=2)})
    run("sample weight and validation split", listing(), cce, fit={"sample_weight": wave(n, seed=54, low=0, high=2), "validation_split": 0.25})
    run("sparse", listing(), "sparse_categorical_crossentropy", targets=labels.astype(F))
    run("from logits", listing(last=None), keras.losses.CategoricalCrossentropy(from_logits=True))
    run("mean squared error", listing(), "mean_squared_error")
    run("l2 and l1", listing(kernel_regularizer=keras.regularizers.L1L2(l1=0.001, l2=0.01), bias_regularizer=keras.regularizers.L2(0.01)), cce, fit={"validation_split": 0.2},
        about="kernel_regularizer=L1L2(l1=0.001, l2=0.01), bias_regularizer=L2(l2=0.01)")
    run("constraint", listing(kernel_constraint=keras.constraints.MaxNorm(1.0)), cce, about="kernel_constraint=MaxNorm(max_value=1.0)")
    run("activity l2", listing(activity_regularizer=keras.regularizers.L2(0.01)), cce, about="activity_regularizer=L2(l2=0.01) on every Dense")
    run("activity orthogonal", listing(activity_regularizer=keras.regularizers.OrthogonalRegularizer(factor=0.05, mode="columns")), cce,
        about='activity_regularizer=OrthogonalRegularizer(factor=0.05, mode="columns") on every Dense')
    run("activity orthogonal rows", listing(activity_regularizer=keras.regularizers.OrthogonalRegularizer(factor=0.05)), cce,
        about="activity_regularizer=OrthogonalRegularizer(factor=0.05) on every Dense")
    run("clipnorm", listing(), cce, keras.optimizers.Adam(clipnorm=0.05), about="Adam(clipnorm=0.05)")
    run("global clipnorm", listing(), cce, keras.optimizers.Adam(global_clipnorm=0.05), about="Adam(global_clipnorm=0.05)")

    # Two inputs, two outputs, a shared layer, loss weights, metrics by output.
    keras.backend.clear_session()
    a, b = L.Input((8,), name="a"), L.Input((8,), name="b")
    shared = L.Dense(5, activation="tanh", name="shared")
    joined = L.Concatenate(name="joined")([shared(a), shared(b)])
    outputs = [L.Dense(3, activation="softmax", name="kind")(joined), L.Dense(2, name="size")(joined)]
    model = keras.Model([a, b], outputs)
    set_weights(model)
    x2 = wave(n, 8, seed=55)
    tensors = {"a": x, "b": x2, "kind": y, "size": target}
    tensors.update(weights_of(model, "initial"))
    model.compile(loss=[cce, "mse"], loss_weights=[1.0, 0.3], optimizer=keras.optimizers.Adam(0.01), metrics=[["accuracy"], ["mae"]])
    history = model.fit([x, x2], [y, target], epochs=3, batch_size=4, shuffle=False, verbose=0)
    tensors.update(weights_of(model, "final"))
    numbers = history_numbers(history)
    numbers.update({"evaluate " + k: float(v) for k, v in model.evaluate([x, x2], [y, target], batch_size=4, verbose=0, return_dict=True).items()})
    cases.append(case("two inputs and outputs", None, tensors, numbers, {"about": "loss_weights=[1, 0.3], Adam(learning_rate=0.01), metrics accuracy of kind, mae of size"}))
    return cases


# ---- outputs by name, and weights of outputs and of steps


def weights():
    L = keras.layers
    n, steps = 20, 4
    x, xs = wave(n, 6, seed=60), wave(n, steps, 3, seed=61)
    kinds = one_hot(np.abs(x[:, :3]).argmax(1), 3)
    sizes = (x @ wave(6, 2, seed=62)).astype(F)
    tags = one_hot((wave(n, steps, seed=63, low=0, high=1.999)).astype(int), 2)
    cases = []

    def run(name, model, inputs, targets, sample_weight, **compiled):
        set_weights(model)
        tensors = {"x %d" % i: v for i, v in enumerate(inputs)}
        tensors.update({"y %d" % i: v for i, v in enumerate(targets)})
        tensors.update(weights_of(model, "initial"))
        flat = sample_weight if isinstance(sample_weight, list) else [sample_weight]
        tensors.update({"w %d" % i: v for i, v in enumerate(flat)})
        model.compile(optimizer=keras.optimizers.SGD(0.1), **compiled)
        one = lambda list_: list_ if len(list_) > 1 else list_[0]
        history = model.fit(one(inputs), one(targets), sample_weight=sample_weight, epochs=3, batch_size=8, shuffle=False, verbose=0)
        tensors.update(weights_of(model, "final"))
        numbers = history_numbers(history)
        result = model.evaluate(one(inputs), one(targets), sample_weight=sample_weight, batch_size=8, verbose=0, return_dict=True)
        numbers.update({"evaluate " + k: float(v) for k, v in result.items()})
        cases.append(case(name, None, tensors, numbers))

    def two():
        keras.backend.clear_session()
        a = L.Input((6,))
        h = L.Dense(5, activation="tanh", name="hidden")(a)
        return keras.Model(a, [L.Dense(3, activation="softmax", name="kind")(h), L.Dense(2, name="size")(h)])

    def tagger():
        keras.backend.clear_session()
        a = L.Input((steps, 3))
        h = L.Dense(4, activation="tanh", name="hidden")(a)
        return keras.Model(a, L.Dense(2, activation="softmax", name="tag")(h))

    def both():
        keras.backend.clear_session()
        a, b = L.Input((6,)), L.Input((steps, 3))
        h = L.Dense(4, activation="tanh", name="hidden")(b)
        return keras.Model([a, b], [L.Dense(3, activation="softmax", name="kind")(a), L.Dense(2, activation="softmax", name="tag")(h)])

    w = lambda *shape, seed: wave(*shape, seed=seed, low=0.0, high=2.0)
    named = dict(
        loss={"size": "mean_squared_error", "kind": "categorical_crossentropy"}, loss_weights={"kind": 1.0, "size": 0.3},
        metrics={"kind": [keras.metrics.CategoricalAccuracy()]}, weighted_metrics={"size": [keras.metrics.MeanAbsoluteError()]},
    )
    run("each output has weights", two(), [x], [kinds, sizes], [w(n, seed=64), w(n, seed=65)], **named)
    run("one output has weights", two(), [x], [kinds, sizes], [np.ones(n, F), w(n, seed=65)], **named)
    run("all outputs have one weight", two(), [x], [kinds, sizes], w(n, seed=64), **named)
    measured = dict(
        loss="categorical_crossentropy", metrics=[keras.metrics.MeanSquaredError()],
        weighted_metrics=[keras.metrics.CategoricalAccuracy(), keras.metrics.CategoricalCrossentropy()],
    )
    run("steps have weights", tagger(), [xs], [tags], w(n, steps, seed=66), **measured)
    hidden = w(n, steps, seed=67)
    hidden[:, 2:] = 0
    run("some steps weigh nothing", tagger(), [xs], [tags], hidden, **measured)
    run(
        "samples and steps", both(), [x, xs], [kinds, tags], [w(n, seed=68), w(n, steps, seed=69)],
        loss={"kind": "categorical_crossentropy", "tag": "categorical_crossentropy"},
        weighted_metrics={"kind": [keras.metrics.CategoricalAccuracy()], "tag": [keras.metrics.CategoricalAccuracy()]},
    )
    return cases


# ---- callbacks that the backend has no part in; keras_callbacks.py has the others


def averages():
    """SwapEMAWeights on one weight w, from 0, that learns w·1 = 1, two steps an epoch."""
    x = np.ones((4, 1), F)

    class Weights(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.values = []

        def on_epoch_end(self, epoch, logs=None):
            self.values.append(float(self.model.get_weights()[0][0, 0]))

    for swap_on_epoch in [False, True]:
        dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        model = keras.Sequential([keras.Input((1,)), dense])
        model.compile(loss="mse", optimizer=keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.6))
        weights = Weights()
        callbacks = [keras.callbacks.SwapEMAWeights(swap_on_epoch=swap_on_epoch), weights]
        history = model.fit(x, x, batch_size=2, epochs=4, verbose=0, validation_data=(x, x), callbacks=callbacks).history
        numbers = {"loss": history["loss"], "val_loss": history["val_loss"], "weights": weights.values, "final": float(model.get_weights()[0][0, 0])}
        yield case("swap_on_epoch %s" % swap_on_epoch, {"swap_on_epoch": swap_on_epoch}, numbers=numbers, class_="SwapEMAWeights")


# ---- texts: summaries and diagrams


def listing_model(**kwargs):
    L = keras.layers
    keras.backend.clear_session()
    return keras.Sequential(
        [
            L.Input((784,)),
            L.Dense(256),
            L.Activation("relu"),
            L.Dropout(0.45),
            L.Dense(256),
            L.Activation("relu"),
            L.Dropout(0.45),
            L.Dense(10),
            L.Activation("softmax"),
        ],
        **kwargs,
    )


def branched_model():
    """A residual block, a shared layer, two inputs and two outputs, and a frozen layer."""
    L = keras.layers
    keras.backend.clear_session()
    left, right = L.Input((16,), name="left"), L.Input((16,), name="right")
    shared = L.Dense(32, activation="relu")
    a, b = shared(left), shared(right)
    joined = L.Concatenate()([a, b])
    hidden = L.Dense(64, name="a_layer_with_quite_a_long_name_indeed")(joined)
    added = L.Add()([joined, hidden])
    frozen = L.Dense(8, trainable=False)(added)
    return keras.Model([left, right], [L.Dense(3, activation="softmax", name="kind")(frozen), L.Dense(1, name="size")(added)], name="branched")


def image_model():
    L = keras.layers
    keras.backend.clear_session()
    return keras.Sequential(
        [
            L.Input((28, 28, 1)),
            L.Conv2D(64, 3, activation="relu"),
            L.MaxPooling2D(2),
            L.Conv2D(64, 3, activation="relu"),
            L.Flatten(),
            L.BatchNormalization(),
            L.Dropout(0.2),
            L.Dense(10, activation="softmax"),
        ]
    )


def texts():
    import re

    cases = []

    def summary(model, **kwargs):
        lines = []
        model.summary(print_fn=lambda text, **_: lines.append(text), **kwargs)
        return "\n".join(lines)

    def dot(model, **kwargs):
        # Nodes are named by their addresses: number them in order of appearance.
        text = keras.utils.model_to_dot(model, **kwargs).to_string()
        names = {}
        for address in re.findall(r"\b\d{9,}\b", text):
            names.setdefault(address, "n%d" % len(names))
        for address, name in names.items():
            text = text.replace(address, name)
        return text

    widths = {"": {}, " width 65": {"line_length": 65}, " width 80": {"line_length": 80}, " width 100": {"line_length": 100}, " width 120": {"line_length": 120}}

    def run(name, build, compiled=True):
        outputs = {}
        for tag, arguments in widths.items():
            outputs["summary" + tag] = summary(build(), **arguments)
        outputs["summary with trainable"] = summary(build(), show_trainable=True)
        for width in [50, 60, 75]:
            outputs["summary with trainable, width %d" % width] = summary(build(), show_trainable=True, line_length=width)
        if compiled:
            model = build()
            model.compile(loss="categorical_crossentropy", optimizer="adam")
            outputs["summary compiled"] = summary(model)
            model.optimizer.build(model.trainable_variables)
            outputs["summary trained"] = summary(model)
        outputs["dot"] = dot(build())
        outputs["dot with shapes"] = dot(build(), show_shapes=True)
        outputs["dot with shapes, names and activations"] = dot(build(), show_shapes=True, show_layer_names=True, show_layer_activations=True)
        cases.append(case(name, texts=outputs))

    run("listing", listing_model)
    run("branched", branched_model, compiled=False)
    run("image", image_model)

    keras.backend.clear_session()
    unbuilt = keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(2)])
    cases.append(case("unbuilt", texts={"summary": summary(unbuilt)}))
    return cases


# ---- names: what there is


def names():
    def classes(module, *apart):
        return sorted(n for n, v in vars(module).items() if isinstance(v, type) and n not in apart)

    functions = sorted(n for n, v in vars(keras.activations).items() if callable(v) and n not in ["get", "serialize", "deserialize"])
    families = {
        "activations": functions,
        "losses": classes(keras.losses, "Loss"),
        "metrics": classes(keras.metrics, "Metric", "MeanMetricWrapper"),
    }
    return [case(family, texts={"names": " ".join(list)}) for family, list in families.items()]


FILES = {
    "names": names,
    "activations": activations,
    "losses": losses,
    "metrics": lambda: metrics() + confusion(),
    "regularizers": regularizers,
    "constraints": constraints,
    "optimizers": optimizers,
    "schedules": schedules,
    "initializers": initializers,
    "trainings": trainings,
    "weights": weights,
    "averages": lambda: list(averages()),
    "texts": texts,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or FILES:
        write(name, VERSIONS, FILES[name]())
