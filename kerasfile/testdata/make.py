"""Makes the models that Cornu's reader of Keras's files is tested with, and checks the files that it writes.

    python3 -m venv venv && venv/bin/pip install keras jax numpy
    venv/bin/python kerasfile/testdata/make.py             # writes *.keras and golden.json beside itself
    venv/bin/python kerasfile/testdata/make.py --only NAME # writes what belongs to one model anew
    KERASFILE_OUT=/tmp/out go test . -run Keras            # writes the same models with Cornu
    venv/bin/python kerasfile/testdata/make.py /tmp/out    # has Keras read them

Keras trains each model a few steps, saves it, says what it predicts, and goes on for three steps: Cornu must come to
the same. Dropout and noise are left at a rate of 0 where steps are compared.
"""

import json
import os
import sys

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"

import keras
import numpy as np

K, L, O = keras, keras.layers, keras.optimizers
here = os.path.dirname(os.path.abspath(__file__))
F = np.float32


def wave(*shape, seed=1):
    n = np.arange(1, int(np.prod(shape)) + 1, dtype=np.float64) + 31 * seed
    return (2 * np.modf(n * n * 0.6180339887498949 + n * 0.4142135623730951)[0] - 1).reshape(shape).astype(F)


def network(*extra, **first):
    """A small classifier."""
    return K.Sequential([L.Input((5,)), L.Dense(4, activation="tanh", **first), *extra, L.Dense(3, activation="softmax")])


def compiled(model, optimizer, **kw):
    model.compile(optimizer, "categorical_crossentropy", **kw)
    return model


def everything():
    """Every layer that has no state of its own to speak of, once."""
    a, b = K.Input((6,), name="a"), K.Input((2, 3), name="b")
    x = L.Dense(6, activation=L.LeakyReLU(negative_slope=0.1), kernel_initializer="he_normal", bias_initializer=K.initializers.Constant(0.25))(a)
    x = L.Activation("gelu", name="gelu")(x)
    x = L.GaussianNoise(0.3)(x)
    x = L.GaussianDropout(0.2)(x)
    x = L.AlphaDropout(0.1)(x)
    x = L.Dropout(0.4, seed=3)(x)
    y = L.Flatten()(L.SpatialDropout1D(0.1)(b))
    y = L.Rescaling(2.0, offset=-0.5)(y)
    y = L.PReLU(alpha_initializer=K.initializers.Constant(0.3))(y)
    s = L.Add()([x, y])
    s = L.ReLU(max_value=4.0, negative_slope=0.05, threshold=0.01)(s)
    c = L.Concatenate()([s, x])
    c = L.Reshape((3, 4))(c)
    c = L.ELU(alpha=0.7)(c)
    c = L.Softmax(axis=1)(c)
    c = L.ActivityRegularization(l1=1e-3, l2=1e-4)(c)
    c = L.Flatten()(c)
    shared = L.Dense(3, name="shared", kernel_regularizer=K.regularizers.L1L2(1e-3, 1e-4), kernel_constraint="max_norm", bias_regularizer="l2")
    out1 = L.Activation("sigmoid", name="out1")(shared(c))
    out2 = shared(L.LeakyReLU()(c))
    return K.Model([a, b], [out1, out2], name="everything")


def frozen():
    return network(L.Dense(4, name="kept", trainable=False))


def spectral():
    return K.Sequential([L.Input((5,)), L.SpectralNormalization(L.Dense(3, activation="tanh", name="inner"), power_iterations=2), L.SpectralNormalization(L.Dense(2))])


def reshaping():
    """Images cut, padded, enlarged and joined."""
    a, b = K.Input((3, 4, 2), name="a"), K.Input((2, 3), name="b")
    x = L.ZeroPadding2D(((0, 1), (2, 0)))(a)
    x = L.UpSampling2D((2, 1), interpolation="bilinear")(x)
    x = L.Cropping2D((1, 2))(x)
    x = L.Permute((3, 1, 2))(x)
    x = L.UpSampling2D(2, data_format="channels_first")(x)
    x = L.SpatialDropout2D(0.1, data_format="channels_first")(x)
    x = L.Reshape((4, 4, -1, 1))(x)
    x = L.UpSampling3D((1, 2, 1))(L.ZeroPadding3D((1, 0, 1))(L.Cropping3D(((1, 1), (0, 1), (0, 0)))(x)))
    x = L.Flatten()(L.SpatialDropout3D(0.1)(x))
    y = L.Flatten()(L.UpSampling1D(3)(L.Cropping1D((0, 1))(L.ZeroPadding1D((2, 1))(b))))
    x, y = L.Dense(4, activation="tanh")(x), L.Dense(4, activation="tanh")(y)
    z = L.Concatenate()([L.Subtract()([x, y]), L.Multiply()([x, y]), L.Average()([x, y]), L.Maximum()([x, y]), L.Minimum()([x, y])])
    z = L.RepeatVector(2)(L.Identity()(z))
    z = L.Dot(axes=(1, 2), normalize=True)([L.Dense(2)(x), L.Dense(2)(z)])
    return K.Model([a, b], z, name="reshaping")


def normalizations():
    """Every normalization, with what it learns and keeps track of."""
    x = i = K.Input((4, 6), name="i")
    x = L.BatchNormalization(momentum=0.8, gamma_regularizer="l2")(L.Dense(6)(x))
    x = L.LayerNormalization(axis=[1, 2], epsilon=0.01)(L.Dense(6, activation="tanh")(x))
    x = L.GroupNormalization(3, beta_constraint="max_norm")(L.Dense(6, activation="tanh")(x))
    x = L.RMSNormalization()(L.Dense(6, activation="tanh")(x))
    x = L.BatchNormalization(axis=1, scale=False, name="kept", trainable=False)(L.Dense(6)(x))
    x = L.UnitNormalization()(L.Dense(6)(x))
    x = L.BatchNormalization(center=False)(L.Dense(3)(L.Flatten()(x)))
    return K.Model(i, L.Softmax()(x))


def renormalized():
    """Batch normalizations that correct what a batch says."""
    x = i = K.Input((6,), name="i")
    x = L.BatchNormalization(renorm=True, renorm_momentum=0.6, momentum=0.8, beta_regularizer="l2")(L.Dense(5)(x))
    x = L.BatchNormalization(renorm=True, renorm_clipping={"rmax": 1.5, "rmin": 0.5, "dmax": 0.25}, scale=False)(L.Dense(4, activation="tanh")(x))
    return K.Model(i, L.Dense(3, activation="softmax")(x), name="renormalized")


def nested():
    """Models that are layers: a Sequential, a model of two outputs that is applied twice, and one in another."""
    norm = K.Sequential([L.Input((4,)), L.Dense(3, activation="tanh"), L.BatchNormalization(momentum=0.5)], name="norm")
    i = L.Input((4,))
    deep = K.Model(i, L.Dense(3)(norm(i)), name="deep")
    e = L.Input((3,), name="e")
    encoder = K.Model(e, [L.Dense(2, name="mean", kernel_regularizer="l2")(e), L.Dense(2, trainable=False)(e)], name="encoder")
    a, b = K.Input((4,), name="a"), K.Input((3,), name="b")
    m, v = encoder(deep(a))
    m2, v2 = encoder(b)
    c, d = L.Input((2,)), L.Input((2,))
    join = K.Model([c, d], L.Add()([c, L.Dense(2)(d)]), name="join")
    head = K.Sequential([L.Input((2,)), L.Dense(3, activation="softmax")], name="head")
    head.trainable = False
    return K.Model([a, b], [head(join([m, v2]), training=False), m2], name="nested")


def images():
    """What changes images: as they are predicted, only the sizes count."""
    i = L.Input((8, 9, 3))
    x = L.Resizing(7, 6, interpolation="bicubic", antialias=True)(L.CenterCrop(8, 8)(i))
    x = L.RandomZoom(0.2, fill_mode="constant", fill_value=0.5)(L.RandomTranslation(0.1, (-0.2, 0.3), seed=3)(L.RandomFlip("horizontal")(x)))
    x = L.RandomContrast(0.3)(L.RandomBrightness(0.2, value_range=(-1, 1))(L.RandomZoom((0.1, 0.2), 0.3)(x)))
    x = L.RandomShear((0.1, 0.3), 0.2, fill_mode="wrap")(L.RandomRotation(0.1, fill_mode="constant", fill_value=0.5)(L.RandomPerspective(0.5, scale=0.25)(x)))
    x = L.RandomErasing(0.5, fill_value=0.25)(L.RandomErasing(value_range=(-1, 1))(x))
    return K.Model(i, L.Dense(2)(L.Flatten()(x)), name="images")


def colors():
    """What changes the colors of images, but for Equalization, which Keras 3.15 takes for a cycle of a model; of which Keras predicts with the contrast alone, and pools into so many places."""
    i = L.Input((6, 5, 3))
    x = L.RandomColorJitter((-1, 1), brightness_factor=0.2, contrast_factor=(0.1, 0.3), saturation_factor=0.4, hue_factor=0.1)(i)
    x = L.RandomHue(0.2, value_range=(-1, 1))(L.RandomSaturation((0.3, 0.6))(L.RandomGrayscale(0.25)(x)))
    x = L.RandomColorDegeneration(0.5)(L.RandomInvert(0.5)(L.RandomPosterization((3, 6))(L.RandomSharpness(0.4)(x))))
    x = L.RandomGaussianBlur(0.5, kernel_size=(3, 5), sigma=(0.2, 0.9))(L.RandAugment(num_ops=1, factor=0.3)(L.RandomElasticTransform(0.5, scale=(0.2, 0.4), fill_mode="wrap", value_range=(-1, 1))(x)))
    x = L.Solarization(0.1, (0.2, 0.3))(x)
    x = L.AutoContrast((-1, 1))(L.ContrastLimitedAdaptiveHistogramEqualization((-1, 1), clip_limit=2.0, tile_grid_size=(2, 3))(x))
    a = L.AdaptiveAveragePooling2D((4, 3))(x)
    m = L.AdaptiveMaxPooling2D(4, data_format="channels_first")(x)
    s, v = L.Reshape((15, 6))(x), L.Reshape((6, 5, 3, 1))(x)
    pools = [a, m, L.AdaptiveAveragePooling1D(4)(s), L.AdaptiveMaxPooling1D(8)(s), L.AdaptiveAveragePooling3D((2, 3, 2))(v), L.AdaptiveMaxPooling3D(2)(v)]
    return K.Model(i, L.Dense(2)(L.Concatenate()([L.Flatten()(p) for p in pools])), name="colors")


def activations():
    """Every activation by its name, beside one another, but three: Keras saves no threshold that is not a layer, takes what glu puts out for
    twice as wide, and its sparsemax is wrong where more than one element is left."""
    i = L.Input((5,))
    names = ["celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu", "linear", "log_sigmoid",
             "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid",
             "squareplus", "tanh", "tanh_shrink"]
    return K.Model(i, L.Dense(3)(L.Concatenate()([L.Dense(4, activation=n)(i) for n in names])), name="activations")


def bounds():
    """Every regularizer and every constraint."""
    r, c = K.regularizers, K.constraints
    x = i = L.Input((5,))
    for n, (one, other) in enumerate([(r.L1(2e-3), c.MaxNorm(0.9)), (r.L2(1e-3), c.NonNeg()), (r.L1L2(1e-3, 3e-3), c.UnitNorm(axis=1)),
                                      (r.OrthogonalRegularizer(0.02, mode="columns"), c.MinMaxNorm(0.3, 0.8, rate=0.5, axis=0))]):
        x = L.Dense(4, activation="tanh", kernel_regularizer=one, kernel_constraint=other, bias_regularizer="l1")(x)
    return K.Model(i, L.Dense(3, activation="softmax")(x), name="bounds")


def losses():
    """An output for every loss, which is called what its targets are. Keras 3.15 does not save the delta of Huber."""
    s = K.losses
    shares, labels, binary, signs, numbers = "shares", "labels", "binary", "signs", "numbers"
    return [
        (shares, 3, "softmax", s.CategoricalCrossentropy(label_smoothing=0.1)), (shares, 3, "softmax", s.CategoricalFocalCrossentropy(alpha=0.3, gamma=1.5)),
        (labels, 3, "softmax", s.CategoricalGeneralizedCrossEntropy(q=0.4)), (shares, 3, "softmax", s.KLDivergence(reduction="sum")),
        (shares, 3, None, s.CategoricalCrossentropy(from_logits=True)), (shares, 3, "softmax", s.CategoricalHinge()),
        (labels, 3, "softmax", s.SparseCategoricalCrossentropy()), (labels, 4, "tanh", s.Circle(gamma=2.0, margin=0.3)),
        (binary, 2, "sigmoid", s.BinaryCrossentropy(label_smoothing=0.2)), (binary, 2, None, s.BinaryFocalCrossentropy(from_logits=True, gamma=1.0, apply_class_balancing=True)),
        (binary, 2, "sigmoid", s.Dice()), (binary, 2, "sigmoid", s.Tversky(alpha=0.3, beta=0.7)), (signs, 2, "tanh", s.Hinge()), (signs, 2, "tanh", s.SquaredHinge()),
        (numbers, 2, None, s.MeanSquaredError(reduction="sum_over_batch_size")), (numbers, 2, None, s.MeanAbsoluteError()), (numbers, 2, None, s.MeanAbsolutePercentageError()),
        (numbers, 2, "softplus", s.MeanSquaredLogarithmicError()), (numbers, 2, "softplus", s.Poisson()), (numbers, 2, None, s.CosineSimilarity(axis=-1)),
        (numbers, 2, None, s.Huber()), (numbers, 2, None, s.LogCosh()), ("sequences", None, None, s.CTC()),
    ]


def lost():
    i = L.Input((5,))
    outputs = []
    for n, (kind, units, activation, _) in enumerate(losses()):
        if kind == "sequences":
            outputs.append(L.Reshape((5, 4), name=f"{kind}_{n}")(L.Dense(20)(i)))
        else:
            outputs.append(L.Dense(units, activation=activation, name=f"{kind}_{n}")(i))
    return K.Model(i, outputs, name="losses")


def metrics():
    m = K.metrics
    return {
        "binary": ["accuracy", m.BinaryAccuracy(threshold=0.4), m.BinaryCrossentropy(), m.BinaryIoU(threshold=0.4), m.AUC(num_thresholds=20, curve="PR"), m.TruePositives(),
                   m.TrueNegatives(), m.FalsePositives(thresholds=[0.3, 0.6]), m.FalseNegatives(), m.Precision(), m.Recall(thresholds=0.4), m.PrecisionAtRecall(0.5),
                   m.RecallAtPrecision(0.5), m.SensitivityAtSpecificity(0.5), m.SpecificityAtSensitivity(0.5, num_thresholds=30)],
        "signs": [m.Hinge(), m.SquaredHinge()],
        "classes": ["accuracy", m.CategoricalAccuracy(), m.CategoricalCrossentropy(label_smoothing=0.1), m.CategoricalHinge(), m.F1Score(average="macro"),
                    m.FBetaScore(average="weighted", beta=0.5), m.OneHotIoU(3, [0, 2]), m.OneHotMeanIoU(3), m.TopKCategoricalAccuracy(k=2), m.KLDivergence()],
        "labels": [m.SparseCategoricalAccuracy(name="right"), m.SparseCategoricalCrossentropy(), m.SparseTopKCategoricalAccuracy(k=2), m.IoU(3, [1], sparse_y_pred=False),
                   m.MeanIoU(3, sparse_y_pred=False)],
        "numbers": [m.MeanAbsoluteError(), m.MeanAbsolutePercentageError(), m.MeanSquaredError(), m.MeanSquaredLogarithmicError(), m.RootMeanSquaredError(),
                    m.LogCoshError(), m.Poisson(), m.CosineSimilarity(), m.R2Score(), m.PearsonCorrelation(), m.ConcordanceCorrelation(), m.Accuracy()],
    }


def measured():
    i = L.Input((5,))
    outputs = {"binary": L.Dense(1, activation="sigmoid", name="binary")(i), "signs": L.Dense(2, activation="tanh", name="signs")(i),
               "classes": L.Dense(3, activation="softmax", name="classes")(i), "labels": L.Dense(3, activation="softmax", name="labels")(i),
               "numbers": L.Dense(2, activation="softplus", name="numbers")(i)}
    return K.Model(i, [outputs[n] for n in metrics()], name="metrics")


def optimizers():
    s = O.schedules
    return {
        "sgd": O.SGD(0.1), "sgd momentum": O.SGD(0.05, momentum=0.9, nesterov=True), "rmsprop": O.RMSprop(0.01),
        "rmsprop centered": O.RMSprop(0.01, momentum=0.5, centered=True), "adam": O.Adam(0.01), "adam amsgrad ema": O.Adam(0.01, beta_1=0.0, amsgrad=True, use_ema=True),
        "adamw": O.AdamW(0.01, weight_decay=0.0), "adamax": O.Adamax(0.01), "nadam": O.Nadam(0.01), "adagrad": O.Adagrad(0.1), "adadelta": O.Adadelta(1.0),
        "adafactor": O.Adafactor(0.01), "ftrl": O.Ftrl(0.1), "lion": O.Lion(0.001), "lamb": O.Lamb(0.01), "muon": O.Muon(0.01), "schedule free": O.ScheduleFreeAdamW(0.01),
        "accumulating": O.Adam(0.01, gradient_accumulation_steps=2), "clipped": O.SGD(0.1, clipnorm=0.1), "loss scaled": O.LossScaleOptimizer(O.SGD(0.1, momentum=0.9), initial_scale=8.0),
        "exponential": O.SGD(s.ExponentialDecay(0.1, 2, 0.5, staircase=True)), "inverse": O.SGD(s.InverseTimeDecay(0.1, 2, 0.5)),
        "polynomial": O.SGD(s.PolynomialDecay(0.1, 10)), "piecewise": O.SGD(s.PiecewiseConstantDecay([2, 4], [0.1, 0.05, 0.01])),
        "cosine": O.SGD(s.CosineDecay(0.1, 10)), "restarts": O.SGD(s.CosineDecayRestarts(0.1, 3)),
    }


def models():
    """The name of each model, and what builds it and says what it is compiled with: None is that it isn't."""
    yield "layers", lambda: (everything(), dict(optimizer=O.SGD(0.05), loss=["binary_crossentropy", "mse"], loss_weights=[1.0, 0.5], metrics=[["accuracy"], ["mae", "mse"]]))
    yield "frozen", lambda: (frozen(), dict(optimizer=O.Adam(0.01), loss="categorical_crossentropy", metrics=["accuracy", K.metrics.AUC(name="area")]))
    yield "spectral", lambda: (spectral(), None)
    yield "images", lambda: (images(), None)
    yield "nested", lambda: (nested(), dict(optimizer=O.Adam(0.01), loss=["categorical_crossentropy", "mse"]))
    yield "reshaping", lambda: (reshaping(), dict(optimizer=O.SGD(0.05), loss="mse"))
    yield "normalizations", lambda: (normalizations(), dict(optimizer=O.SGD(0.05, momentum=0.9), loss="categorical_crossentropy"))
    for i, name in enumerate(["glorot_uniform", "glorot_normal", "he_normal", "he_uniform", "lecun_normal", "lecun_uniform", "orthogonal", "random_normal",
                              "random_uniform", "truncated_normal", "variance_scaling", "ones", "zeros", "identity"]):
        if i % 4 == 0:
            names = []
        names.append(name)
        if i % 4 == 3 or name == "identity":
            yield f"initializers {i // 4}", lambda names=names: (K.Sequential([L.Input((5,))] + [L.Dense(4, kernel_initializer=n) for n in names]), None)
    yield "sequential without input", lambda: (built(), None)
    for name, optimizer in optimizers().items():
        yield "optimizer " + name, lambda optimizer=optimizer: (network(), dict(optimizer=optimizer, loss="categorical_crossentropy"))
    yield "recurrent", lambda: (recurrent(), dict(optimizer=O.Adam(0.01), loss="categorical_crossentropy"))
    yield "wrappers", lambda: (wrappers(), dict(optimizer=O.Adam(0.01), loss="categorical_crossentropy"))
    yield "states", lambda: (states(), dict(optimizer=O.SGD(0.05), loss="mse"))
    yield "masked", lambda: (masked(), None)
    yield "embedded", lambda: (embedded(), dict(optimizer=O.Adam(0.01), loss="categorical_crossentropy"))
    yield "cells", lambda: (cells(), dict(optimizer=O.Adam(0.01), loss="categorical_crossentropy"))
    yield "images in time", lambda: (images_in_time(), dict(optimizer=O.Adam(0.01), loss="mse"))
    yield "both states", lambda: (both_states(), dict(optimizer=O.SGD(0.05), loss="mse"))
    yield "stateful", lambda: (stateful(), None)
    yield "activations", lambda: (activations(), dict(optimizer=O.SGD(0.05), loss="mse"))
    yield "bounds", lambda: (bounds(), dict(optimizer=O.SGD(0.05), loss="categorical_crossentropy"))
    yield "losses", lambda: (lost(), dict(optimizer=O.SGD(0.05), loss=[l for _, _, _, l in losses()]))
    yield "metrics", lambda: (measured(), dict(optimizer=O.SGD(0.05), loss=["binary_crossentropy", "mse", "categorical_crossentropy", "sparse_categorical_crossentropy", "mse"],
                                               metrics=list(metrics().values())))
    yield "convolutions", lambda: (convolutions(), dict(optimizer=O.SGD(0.05), loss="categorical_crossentropy"))
    yield "masks", lambda: (masks(), dict(optimizer=O.SGD(0.05), loss="categorical_crossentropy"))
    yield "masks and order", lambda: (order(), dict(optimizer=O.Adam(0.01), loss="categorical_crossentropy"))
    yield "attention", lambda: (attending(), dict(optimizer=O.SGD(0.05), loss="categorical_crossentropy"))  # which no key's bias, whose gradient is noise, leads astray
    yield "renormalized", lambda: (renormalized(), dict(optimizer=O.SGD(0.05, momentum=0.9), loss="categorical_crossentropy"))
    yield "colors", lambda: (colors(), None)
    yield "depth", lambda: (depth(), None)
    yield "applications", lambda: (applications(), dict(optimizer=O.SGD(0.05), loss="categorical_crossentropy"))
    yield "operations", lambda: (operations(), dict(optimizer=O.SGD(0.05), loss="categorical_crossentropy"))


def convolutions():
    """Every layer that slides a window over images, once."""
    image, steps, first = K.Input((9, 8, 2), name="image"), K.Input((11, 3), name="steps"), K.Input((2, 6, 5), name="first")
    x = L.Conv2D(4, 3, padding="same", activation="relu", kernel_regularizer="l2")(image)
    x = L.MaxPooling2D()(x)
    x = L.DepthwiseConv2D((3, 2), depth_multiplier=2, padding="same", activation="tanh", depthwise_constraint="max_norm")(x)
    x = L.Conv2DTranspose(3, (3, 2), strides=(2, 1), padding="same", output_padding=(1, 0))(x)
    x = L.SeparableConv2D(4, 3, strides=2, depth_multiplier=2, pointwise_initializer="he_normal")(x)
    x = L.Conv2D(4, 2, groups=2, dilation_rate=(2, 1), padding="same", use_bias=False)(x)
    x = L.AveragePooling2D((2, 1), strides=(1, 2), padding="same")(x)
    v = L.Reshape((3, 1, 1, 4))(x)
    v = L.Conv3D(3, (2, 1, 1), strides=(2, 1, 1), padding="same")(v)
    v = L.Conv3DTranspose(2, 2, strides=2)(v)
    v = L.MaxPooling3D((1, 2, 1), strides=1)(v)
    v = L.AveragePooling3D((2, 1, 2))(v)
    v = L.Concatenate()([L.GlobalMaxPooling3D()(v), L.GlobalAveragePooling3D()(v)])
    s = L.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="gelu")(steps)
    s = L.MaxPooling1D(3, strides=2, padding="same")(s)
    s = L.Conv1DTranspose(3, 4, strides=2, padding="same")(s)
    s = L.DepthwiseConv1D(3, strides=2)(s)
    s = L.SeparableConv1D(4, 2, padding="same")(s)
    s = L.AveragePooling1D(2)(s)
    s = L.Concatenate()([L.GlobalMaxPooling1D()(s), L.GlobalAveragePooling1D()(s)])
    f = L.Conv2D(3, (2, 3), data_format="channels_first", activation="relu")(first)
    f = L.AveragePooling2D(2, padding="same", data_format="channels_first")(f)
    f = L.Concatenate()([L.GlobalMaxPooling2D(data_format="channels_first")(f), L.Flatten()(L.GlobalAveragePooling2D(data_format="channels_first", keepdims=True)(f))])
    y = L.Concatenate()([L.Flatten()(x), v, s, f])
    return K.Model([image, steps, first], L.Dense(3, activation="softmax")(y), name="convolutions")


def depth():
    """What Keras 3.15 can't train on JAX."""
    from keras.src.applications.convnext import StochasticDepth
    return K.Sequential([L.Input((5,)), StochasticDepth(0.25), L.Dense(2)])


def applications():
    """Operations between layers, which are read as layers, and what networks of keras.applications bring along."""
    from keras.src.applications.convnext import LayerScale
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer
    image, steps = K.Input((4, 5, 3), name="image"), K.Input((3, 4), name="steps")
    x = L.Conv2D(4, 3, padding="same")(L.Rescaling([2.0, 0.5, -1.0], offset=[0.1, 0.2, 0.3])(image))
    x = L.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)
    y = LayerScale(0.5, 4)(K.ops.silu(L.Conv2D(4, 1)(x)))
    x = L.Dropout(0.0, noise_shape=(None, 1, 1, 1))(CustomScaleLayer(0.3)([x, y]) - y)
    x = K.ops.leaky_relu(K.ops.mean(x, axis=[1, 2]))
    s = K.ops.relu(1.0 - L.Dense(4)(steps)) / 2.0
    first, last = s[:, 0], s[:, -1, :]
    t = K.ops.softmax(K.ops.reshape(-K.ops.transpose(s, (0, 2, 1)), (-1, 12)))
    t = K.ops.squeeze(K.ops.expand_dims(t, 1), 1)
    z = K.ops.concatenate([x, first * last, K.ops.maximum(first, last - 0.25), K.ops.max(s, axis=1), K.ops.sum(K.ops.abs(s - 0.3), axis=1), K.ops.square(first), t], axis=-1)
    return K.Model([image, steps], L.Dense(3, activation="softmax")(z), name="applications")


def operations():
    """Operations that no layer computes."""
    o = K.ops
    a, b = K.Input((2, 4), name="a"), K.Input((2, 4), name="b")
    p, q = o.sigmoid(L.Dense(4)(a)) + 0.5, L.Dense(4, activation="tanh")(b)
    some = [o.sqrt(p), o.rsqrt(p), o.log(p), o.log1p(p), o.expm1(q), o.sin(q), o.cos(q), o.erf(q), o.reciprocal(p), o.sign(q), o.gelu(q), o.gelu(q, approximate=False),
            o.clip(q, -0.5, 0.3), q / p, 1.0 / p, p**2, p**1.5, 2.0**q, o.maximum(q, 0.1), o.minimum(0.2, q), q * 0.0, o.log_softmax(q, axis=1), o.normalize(q, axis=-1), o.flip(q, axis=1)]
    x = [o.stack(some, axis=2), o.mean(p, axis=-1), o.sum(q, axis=[1, 2], keepdims=True), o.max(q, axis=-1, keepdims=True), o.min(q, axis=1), o.var(q, axis=2), o.std(q, axis=[1]),
         q[:, 1:], q[..., ::2], q[:, None, -1, 1:], q[:, ::-1], o.matmul(q, o.transpose(p, (0, 2, 1))), o.expand_dims(q[:, 0], -1),
         o.matmul(o.swapaxes(q, 1, 2), p) / o.sqrt(8.0), o.pad(q, ((0, 0), (1, 2), (0, 0)))]
    c, d = o.split(q, 2, axis=-1)
    _, e, f = o.split(p, [1, 3], axis=2)
    x += [c * d, e, f]
    return K.Model([a, b], L.Dense(3, activation="softmax")(o.concatenate([L.Flatten()(v) for v in x], axis=-1)), name="operations")


def recurrent():
    """Every recurrent layer once."""
    x = L.Input((5, 3))
    y = L.LSTM(4, return_sequences=True, kernel_regularizer="l2", recurrent_initializer="glorot_normal")(x)
    y = L.GRU(3, return_sequences=True, go_backwards=True)(y)
    y = L.GRU(4, return_sequences=True, reset_after=False, use_bias=False, activation="softsign")(y)
    y = L.SimpleRNN(3, activation="relu")(y)
    return K.Model([x], L.Dense(3, activation="softmax")(y), name="recurrent")


def wrappers():
    """Recurrent layers in both directions, and layers for each step."""
    x = L.Input((4, 3))
    y = L.TimeDistributed(L.Dense(3, activation="tanh", kernel_regularizer="l2"))(x)
    y = L.Bidirectional(L.LSTM(3, return_sequences=True, name="inner"), merge_mode="ave")(y)
    y = L.Bidirectional(L.GRU(2, return_sequences=True), backward_layer=L.SimpleRNN(2, return_sequences=True, go_backwards=True))(y)
    y = L.TimeDistributed(L.BatchNormalization(momentum=0.5), name="steps")(y)
    one, other = L.Bidirectional(L.SimpleRNN(3, activation="softsign"), merge_mode=None)(y)
    return K.Model([x], L.Dense(3, activation="softmax")(L.Concatenate()([one, other])), name="wrappers")


def states():
    """Recurrent layers that begin with states that are given, those of another among them."""
    steps, h, c = L.Input((5, 3), name="steps"), L.Input((4,), name="h"), L.Input((4,), name="c")
    x, last, _ = L.LSTM(4, return_sequences=True, return_state=True)(steps, initial_state=[h, c])
    y = L.GRU(4)(x, initial_state=last)
    z = L.SimpleRNN(4, go_backwards=True)(x, initial_state=[c])
    return K.Model([steps, h, c], L.Dense(3)(L.Concatenate()([y, z])), name="states")


def masked():
    """Sequences of which some steps don't count."""
    return K.Sequential([L.Input((4, 3)), L.Masking(), L.LSTM(3, return_sequences=True), L.Dense(4, activation="tanh"), L.GRU(2)], name="masked")


def masks():
    """Masks that Keras writes into the network: of one input, of either of two, and of sequences side by side and one behind the other."""
    a, b = L.Input((4, 3), name="a"), L.Input((4, 3), name="b")
    x = L.LSTM(3, return_sequences=True)(L.Masking()(a))
    y = L.TimeDistributed(L.Dense(3, activation="tanh"))(L.Masking(0.5)(b))
    z = L.BatchNormalization()(L.LayerNormalization()(L.Add()([L.Activation("tanh")(x), y])))
    z = L.Bidirectional(L.GRU(2, return_sequences=True))(z)
    w = L.SimpleRNN(3)(L.Concatenate()([z, x]))
    t = L.GRU(3)(L.Concatenate(axis=1)([x, y, L.Dense(3)(b)]))
    s = L.GRU(3)(x, initial_state=w)  # all steps of x: Keras 3 looks for no mask where a state is given
    return K.Model([a, b], L.Dense(3, activation="softmax")(L.Concatenate()([w, t, s, L.GlobalAveragePooling1D()(z)])), name="masks")


def order():
    """Embeddings of one shape, of which Keras says which is the first by how many operations are behind them, those that make masks among them."""
    a, b = L.Input((6,), name="a"), L.Input((6,), name="b")
    e, f = L.Embedding(9, 4, mask_zero=True), L.Embedding(9, 4)
    x = L.LSTM(2)(L.Concatenate()([e(a), f(b)]))
    y = L.GRU(2)(L.Multiply()([e(a), L.Dense(4)(f(b))]))
    z = L.GRU(2)(L.Multiply()([e(a), e(b)]))
    return K.Model([a, b], L.Dense(3, activation="softmax")(L.Concatenate()([x, y, z])), name="order")


def embedded():
    """Numbers of words, some of which are looked up in one table, whose 0 is no word, and kinds of things."""
    words, title = K.Input((6,), dtype="int32", name="words"), K.Input((3,), dtype="int64", name="title")
    table = L.Embedding(9, 4, mask_zero=True, name="table", embeddings_initializer=K.initializers.RandomNormal(stddev=0.5))
    kind = K.Input((1,), name="kind")
    k = L.Embedding(5, 2, embeddings_regularizer=K.regularizers.L2(0.01), embeddings_constraint="max_norm", activity_regularizer="l1")(kind)
    x = L.Concatenate()([L.LSTM(3)(table(words)), L.GRU(3, reset_after=False)(table(title)), L.Flatten()(k)])
    return K.Model([words, title, kind], L.Dense(3, activation="softmax")(x), name="embedded")


def attending():
    """Attention of every kind: a transformer's encoder and decoder of one block each, a mask among the inputs, and their projections."""
    x, memory, seen = L.Input((5, 6), name="steps"), L.Input((4, 3), name="memory"), L.Input((5, 4), name="seen")
    y = L.MultiHeadAttention(2, 3, kernel_regularizer="l2")(x, x)
    y = L.LayerNormalization()(L.Add()([x, y]))
    z = L.EinsumDense("...x,xy->...y", output_shape=6, bias_axes="y")(L.EinsumDense("abc,cd->abd", (5, 8), activation="relu", bias_axes="d")(y))
    y = L.LayerNormalization()(L.Add()([y, z]))
    y, _ = L.MultiHeadAttention(3, 2, value_dim=4, use_bias=False, use_gate=True, sliding_window=2, name="self")(y, y, use_causal_mask=True, return_attention_scores=True)
    y = L.MultiHeadAttention(2, 2, output_shape=4)(y, memory, attention_mask=seen)
    a = L.GroupQueryAttention(2, 4, 2, sliding_window=3)(y, y, use_causal_mask=True)
    b = L.Attention(use_scale=True)([y, L.Dense(4)(memory)])
    c = L.Attention(score_mode="concat")([a, y, b], use_causal_mask=True)
    d, scores = L.AdditiveAttention()([b, c], return_attention_scores=True)
    e = L.Concatenate()([a, b, c, d, scores])
    e = L.EinsumDense("abc,bcd->ad", 3, activation="softmax", bias_axes="d")(e)
    return K.Model([x, memory, seen], e, name="attention")


def cells():
    """RNN of a cell, of a stack of them, of a stack in both directions."""
    x = L.Input((4, 3))
    y = L.RNN(L.GRUCell(3, reset_after=False, kernel_regularizer="l2"), return_sequences=True)(x)
    y = L.RNN([L.LSTMCell(3), L.LSTMCell(2, name="second"), L.SimpleRNNCell(2)], return_sequences=True, go_backwards=True)(y)
    y = L.Bidirectional(L.RNN(L.StackedRNNCells([L.GRUCell(2), L.GRUCell(2)])))(y)
    return K.Model([x], L.Dense(3, activation="softmax")(y), name="cells")


def images_in_time():
    """Every recurrent layer of images once."""
    row, image, volume = L.Input((3, 5, 2), name="row"), L.Input((3, 4, 3, 1), name="image"), L.Input((2, 2, 3, 2, 1), name="volume")
    a = L.ConvLSTM1D(2, 3, padding="same", return_sequences=True)(row)
    a = L.ConvLSTM1D(2, 2, strides=2, activation="softsign", go_backwards=True)(a)
    b = L.ConvLSTM2D(2, (2, 3), padding="same", dilation_rate=(2, 1), use_bias=False)(image)
    c = L.ConvLSTM3D(1, (1, 2, 2), unit_forget_bias=False, recurrent_activation="hard_sigmoid")(volume)
    return K.Model([row, image, volume], L.Dense(2)(L.Concatenate()([L.Flatten()(v) for v in [a, b, c]])), name="images_in_time")


def both_states():
    """A Bidirectional that begins with states that are given."""
    steps = L.Input((4, 3), name="steps")
    given = [L.Input((2,), name=name) for name in ["h", "c", "hb", "cb"]]
    y = L.Bidirectional(L.LSTM(2, return_sequences=True))(steps, initial_state=given)
    return K.Model([steps] + given, L.Dense(2)(L.GRU(3)(y)), name="both_states")


def stateful():
    return K.Sequential([L.Input((3, 2), batch_size=6), L.LSTM(3, stateful=True, return_sequences=True), L.RNN(L.GRUCell(2), stateful=True)], name="stateful")


def built():
    m = K.Sequential([L.Dense(3), L.Dense(2)])
    m.build((None, 4))
    return m


def data(model):
    x = [wave(6, *i.shape[1:], seed=2 + k) for k, i in enumerate(model.inputs)]
    if model.name in ("masked", "masks"):
        for v, value in zip(x, (0, 0.5)):
            v[0, len(x) - 1 :], v[1:4, 2:], v[2, 0] = value, value, value  # a mean of no steps is no number
    if model.name == "embedded":
        x = [np.floor(np.abs(v) * n).astype(F) for v, n in zip(x, [9, 9, 5])]
        x[0][:3, 4:], x[1][2:5, 0] = 0, 0
    if model.name == "order":
        x = [np.maximum(np.floor(np.abs(v) * 13) - 4, 0).astype(F) for v in x]
    if model.name == "attention":
        x[2] = (x[2] > -0.3).astype(F)
        x[2][..., 0] = 1  # Keras gives those who see nothing the mean of all
    y = [np.abs(wave(6, *o.shape[1:], seed=5 + k)) for k, o in enumerate(model.outputs)]
    y = [v / v.sum(-1, keepdims=True) for v in y]
    for k, name in enumerate(getattr(model, "output_names", [])):  # a Sequential has none
        kind = name.split("_")[0]
        if kind == "classes":
            y[k] = np.eye(3, dtype=F)[y[k].argmax(-1)]
        elif kind == "labels":
            y[k] = y[k].argmax(-1).astype(F)
        elif kind == "binary":
            y[k] = (np.abs(wave(*y[k].shape, seed=9)) > 0.5).astype(F)
        elif kind == "signs":
            y[k] = np.sign(wave(*y[k].shape, seed=9))
        elif kind == "sequences":
            y[k] = np.array([[1, 2], [3, 0], [2, 2], [1, 3], [2, 0], [3, 1]], F)
    return x, y


def flat(list_of_arrays):
    return [[float(v) for v in np.asarray(a, F).ravel()] for a in list_of_arrays]


def as_list(x):
    return list(x) if isinstance(x, (list, tuple)) else [x]


def quiet(model):
    """Turns off what is random, as the step test must."""
    for l in model.layers:
        for name in ["rate", "stddev"]:
            if hasattr(l, name):
                setattr(l, name, 0.0)


def describe(model, compile_args):
    x, y = data(model)
    case = {"x": [{"shape": list(v.shape), "data": flat([v])[0]} for v in x], "predict": flat(as_list(model.predict(x, verbose=0)))}
    case["weights"] = flat(model.get_weights())
    if compile_args:
        case["y"] = [{"shape": list(v.shape), "data": flat([v])[0]} for v in y]
        if model.name in ("losses", "metrics"):
            case["evaluate"] = {k: flat([v])[0] for k, v in model.evaluate(x, y, batch_size=len(x[0]), verbose=0, return_dict=True).items()}
        for _ in range(3):
            model.train_on_batch(x, y)
        case["next"] = flat(model.get_weights())
    return case


def unstepped():
    """A model that was compiled and not trained: its optimizer has no state yet."""
    K.utils.clear_session()
    compiled(network(), O.LossScaleOptimizer(O.SGD(0.1, momentum=0.9), initial_scale=8.0)).save(os.path.join(here, "unstepped.keras"))


def make(*only):
    golden = {}
    if not only or "unstepped" in only:
        unstepped()
    if only:
        golden = json.load(open(os.path.join(here, "golden.json")))["cases"]
    for seed, (name, build) in enumerate(models()):
        if only and name not in only:
            continue
        K.utils.clear_session()  # a model is called the same, and begins with the same weights, whatever was made before it
        K.utils.set_random_seed(seed)
        model, compile_args = build()
        file = name.replace(" ", "_") + ".keras"
        for k, w in enumerate(model.weights):
            w.assign(w + 0.1 * wave(*w.shape, seed=k) if w.shape else w)
        if compile_args:
            quiet(model)
            model.compile(**compile_args)
            x, y = data(model)
            for _ in range(3):
                model.train_on_batch(x, y)
        model.save(os.path.join(here, file))
        files = [file]
        if name in ("layers", "frozen", "nested", "states", "spectral", "embedded", "optimizer nadam"):  # in the format of Keras 2 too
            files.append(file.replace(".keras", ".h5"))
            model.save(os.path.join(here, files[-1]))
        case = describe(model, compile_args)
        for file in files:
            golden[file] = case
    with open(os.path.join(here, "golden.json"), "w") as f:
        json.dump({"versions": {"keras": keras.__version__}, "cases": golden}, f, separators=(",", ":"))
        f.write("\n")


def check(folder):
    """Has Keras load what Cornu wrote, as .keras and as .h5, and compares weights, predictions and the next steps."""
    golden = json.load(open(os.path.join(here, "golden.json")))["cases"]
    bad = 0
    for file, want in golden.items():
        base = os.path.join(folder, file.replace(".h5", ".h5.keras"))[: -len(".keras")]
        for path in [base + ".keras", base + ".whole.h5"]:
            if not os.path.exists(path):
                print("missing:", path)
                bad += 1
                continue
            # Keras 3.15 doesn't open its own .h5 files with Lamb, whose name it doesn't know, nor with several axes, which it drops, nor those with layers that it does not export.
            # It takes the score_mode of Attention for the function of that name.
            if path in [os.path.join(folder, n + ".whole.h5") for n in ["normalizations", "attention", "applications", "depth"]]:
                continue
            model = K.models.load_model(path, compile="lamb" not in path or path.endswith(".keras"))
            # Keras 3.15 can't train on from an optimizer's state in .h5, its own files included, but reads how far it was. Where
            # gradients are accumulated or scaled, this counter is another.
            if path.endswith(".h5") and want.get("y") and not any(n in path for n in ["lamb", "accumulating", "loss_scaled"]):
                n = int(model.optimizer.iterations)
                if n != 3:
                    print(f"{path}: the optimizer is at step {n}")
                    bad += 1
            got = describe(model, None if path.endswith(".h5") else want.get("y"))
            for key, bound in [("weights", 0), ("predict", 1e-6), ("next", 1e-6)]:
                if key not in got:
                    continue
                worst = max((abs(a - b) / max(1, abs(b)) for g, w in zip(got[key], want[key], strict=True) for a, b in zip(g, w, strict=True)), default=0)
                if worst > bound:
                    print(f"{path}: {key} differ by {worst}")
                    bad += 1
        weights = base + ".weights.h5"
        model.load_weights(weights)
        if any(a != b for g, w in zip(flat(model.get_weights()), want["weights"]) for a, b in zip(g, w)):
            print(f"{weights}: other weights")
            bad += 1
    print(len(golden), "models,", bad, "differences")
    return bad


if __name__ == "__main__":
    sys.exit(make(*sys.argv[2:]) if len(sys.argv) == 1 or sys.argv[1] == "--only" else check(sys.argv[1]))
