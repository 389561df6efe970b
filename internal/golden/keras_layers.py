"""Makes testdata/layers.json, nested.json, augment.json, recurrent.json, cells.json, wrapping.json and attention.json: what real Keras computes with its layers, with models
that are layers, and with images that are changed at random, for Cornu's to be held against.

    python3 -m venv venv && venv/bin/pip install keras jax numpy
    venv/bin/python internal/golden/keras_layers.py [layers nested augment recurrent cells wrapping attention]

A case has inputs x0, x1, …, what the layer makes of them, y, a gradient dy and what it is worth at the inputs (dx0, …)
and at the weights that are trained (dw0, …). w0, w1, … are the weights before, u0, u1, … those after a call in training.
"""

import os
import sys

os.environ["COLUMNS"] = "120"
os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import keras
import numpy as np

from goldenjson import case, made, wave, write

VERSIONS = {"keras": keras.__version__, "jax": jax.__version__, "numpy": np.__version__}
F = np.float32
L = keras.layers



def run(name, class_, shapes, config=None, training=False, shift=0.0):
    layer = getattr(L, class_)(**made(config or {}, L))
    xs = [wave(*s, seed=3 + i) + F(shift) for i, s in enumerate(shapes)]
    args = xs if len(xs) > 1 else xs[0]
    layer(args)
    for k, v in enumerate(layer.variables):
        if "seed" in v.path:
            continue
        low, high = (0.5, 1.5) if "variance" in v.path or "stddev" in v.path else (-1.0, 1.0)
        v.assign(wave(*v.shape, seed=20 + k, low=low, high=high))
    trainable = [jnp.asarray(v.value) for v in layer.trainable_variables]
    rest = [jnp.asarray(v.value) for v in layer.non_trainable_variables]
    call = {"training": True} if training else {}

    def f(weights, inputs):
        y, state = layer.stateless_call(weights, rest, list(inputs) if len(inputs) > 1 else inputs[0], **call)
        return y, state

    y, state = f(trainable, tuple(jnp.asarray(x) for x in xs))
    dy = wave(*y.shape, seed=9)
    dw, dx = jax.grad(lambda w, i: jnp.sum(f(w, i)[0] * dy), argnums=(0, 1))(trainable, tuple(jnp.asarray(x) for x in xs))
    tensors = {"x%d" % i: x for i, x in enumerate(xs)}
    seeds = ["seed" in v.path for v in layer.non_trainable_variables]
    tensors.update({"w%d" % i: w for i, w in enumerate(trainable + [w for w, seed in zip(rest, seeds) if not seed])})
    tensors.update({"y": y, "dy": dy})
    tensors.update({"dx%d" % i: d for i, d in enumerate(dx)})
    tensors.update({"dw%d" % i: d for i, d in enumerate(dw)})
    tags = {}
    if training:
        tags["mode"] = "training"
        tensors.update({"u%d" % i: s for i, s in enumerate(state)})
    full = keras.saving.serialize_keras_object(layer)["config"]
    keep = {k: v if isinstance(v, (dict, list)) else full[k] for k, v in (config or {}).items() if k in full}
    return case(name, keep, tensors, texts=tags or None, class_=class_)


def reshaping():
    image, first = (2, 3, 5, 2), (2, 2, 3, 5)
    volume = (2, 2, 3, 2, 2)
    CF = "channels_first"
    yield run("permute", "Permute", [(2, 3, 5, 2)], {"dims": (3, 1, 2)})
    yield run("repeat", "RepeatVector", [(2, 3)], {"n": 4})
    yield run("padding 1d", "ZeroPadding1D", [(2, 3, 2)])
    yield run("padding 1d, two", "ZeroPadding1D", [(2, 2, 3)], {"padding": (0, 2), "data_format": CF})
    yield run("padding 2d", "ZeroPadding2D", [image])
    yield run("padding 2d, one number", "ZeroPadding2D", [image], {"padding": 2})
    yield run("padding 2d, pair", "ZeroPadding2D", [first], {"padding": (2, 1), "data_format": CF})
    yield run("padding 2d, four", "ZeroPadding2D", [image], {"padding": ((0, 1), (2, 3))})
    yield run("padding 3d", "ZeroPadding3D", [volume])
    yield run("padding 3d, six", "ZeroPadding3D", [volume], {"padding": ((0, 1), (2, 0), (1, 1)), "data_format": CF})
    yield run("cropping 1d", "Cropping1D", [(2, 4, 2)])
    yield run("cropping 1d, two", "Cropping1D", [(2, 4, 2)], {"cropping": (0, 3)})
    yield run("cropping 2d", "Cropping2D", [image])
    yield run("cropping 2d, four", "Cropping2D", [image], {"cropping": ((1, 0), (1, 2))})
    yield run("cropping 2d, first", "Cropping2D", [first], {"cropping": 1, "data_format": CF})
    yield run("cropping 3d", "Cropping3D", [(1, 3, 4, 3, 2)])
    yield run("cropping 3d, six", "Cropping3D", [(1, 2, 3, 4, 3)], {"cropping": ((0, 1), (2, 0), (1, 1)), "data_format": CF})
    yield run("up 1d", "UpSampling1D", [(2, 3, 2)])
    yield run("up 1d, three", "UpSampling1D", [(2, 3, 2)], {"size": 3})
    yield run("up 2d", "UpSampling2D", [image])
    yield run("up 2d, first", "UpSampling2D", [first], {"size": (1, 3), "data_format": CF})
    for interpolation in ["bilinear", "bicubic", "lanczos3", "lanczos5"]:
        yield run("up 2d, " + interpolation, "UpSampling2D", [(1, 3, 5, 2)], {"size": (2, 3), "interpolation": interpolation})
    yield run("up 2d, bilinear, first", "UpSampling2D", [(1, 2, 3, 5)], {"size": 2, "interpolation": "bilinear", "data_format": CF})
    yield run("up 3d", "UpSampling3D", [(1, 2, 3, 2, 2)])
    yield run("up 3d, first", "UpSampling3D", [(1, 2, 1, 3, 2)], {"size": (2, 1, 3), "data_format": CF})
    yield run("identity", "Identity", [(2, 3)])


def merging():
    for name in ["Add", "Multiply", "Average", "Maximum", "Minimum"]:
        yield run(name.lower(), name, [(2, 3, 4), (2, 1, 4), (2, 3, 4)])
    yield run("subtract", "Subtract", [(2, 3, 4), (2, 3, 1)])
    yield run("concatenate", "Concatenate", [(2, 3, 4), (2, 2, 4)], {"axis": 1})
    yield run("dot", "Dot", [(3, 4), (3, 4)], {"axes": 1})
    yield run("dot, cosine", "Dot", [(3, 4), (3, 4)], {"axes": -1, "normalize": True})
    yield run("dot, vector and matrix", "Dot", [(2, 3), (2, 4, 3)], {"axes": (1, 2)})
    yield run("dot, matrix and vector", "Dot", [(2, 4, 3), (2, 4)], {"axes": (1, 1), "normalize": True})
    yield run("dot, matrices", "Dot", [(2, 3, 5), (2, 4, 3)], {"axes": (1, -1)})
    yield run("dot, of three axes", "Dot", [(2, 3, 2, 4), (2, 2, 4, 3)], {"axes": (3, 2)})


def normalizing():
    for mode, training in [("", False), (", training", True)]:
        yield run("batch" + mode, "BatchNormalization", [(7, 3)], training=training)
        yield run("batch, of images" + mode, "BatchNormalization", [(2, 3, 5, 2)], {"momentum": 0.5, "epsilon": 0.125}, training=training)
        yield run("batch, channels first" + mode, "BatchNormalization", [(3, 2, 3)], {"axis": 1, "momentum": 0.0}, training=training)
        yield run("batch, no gamma" + mode, "BatchNormalization", [(5, 3)], {"scale": False}, training=training)
        yield run("batch, no beta" + mode, "BatchNormalization", [(5, 3)], {"center": False}, training=training)
        yield run("batch, nothing learnt" + mode, "BatchNormalization", [(5, 1)], {"center": False, "scale": False}, training=training)
    for mode, training in [("", False), (", training", True)]:
        yield run("renorm" + mode, "BatchNormalization", [(7, 3)], {"renorm": True, "renorm_momentum": 0.75}, training=training)
        yield run("renorm, channels first, no gamma" + mode, "BatchNormalization", [(3, 2, 3)], {"renorm": True, "axis": 1, "scale": False, "momentum": 0.5}, training=training)
    clip = {"rmax": 1.25, "rmin": 0.75, "dmax": 0.5}
    yield run("renorm, clipped", "BatchNormalization", [(2, 3, 5, 2)], {"renorm": True, "renorm_clipping": clip, "epsilon": 0.125}, training=True)
    yield run("renorm, one bound, nothing learnt", "BatchNormalization", [(5, 2)], {"renorm": True, "renorm_clipping": {"dmax": 0.25}, "center": False, "scale": False}, training=True)
    yield run("layer", "LayerNormalization", [(3, 5)])
    yield run("layer, two axes", "LayerNormalization", [(2, 3, 4, 2)], {"axis": [1, 3], "epsilon": 0.25})
    yield run("layer, a middle axis", "LayerNormalization", [(2, 3, 4)], {"axis": 1, "center": False})
    yield run("layer, no gamma", "LayerNormalization", [(2, 3, 4)], {"axis": [-2, -1], "scale": False})
    yield run("group", "GroupNormalization", [(2, 3, 4, 6)], {"groups": 3})
    yield run("group, channels first", "GroupNormalization", [(2, 4, 3, 5)], {"groups": 2, "axis": 1, "center": False})
    yield run("group, of one channel", "GroupNormalization", [(2, 5, 3)], {"groups": -1, "scale": False})
    yield run("group, one", "GroupNormalization", [(3, 4)], {"groups": 1, "epsilon": 0.5})
    yield run("rms", "RMSNormalization", [(3, 5)])
    yield run("rms, two axes", "RMSNormalization", [(2, 3, 4)], {"axis": [1, 2], "epsilon": 0.25})
    yield run("unit", "UnitNormalization", [(3, 5)])
    yield run("unit, two axes", "UnitNormalization", [(2, 3, 4)], {"axis": [1, 2]})


def summary(model, **kw):
    lines = []
    model.summary(print_fn=lines.append, **kw)
    return "\n".join(lines) + "\n"


def nested():
    """Models that are layers: applied twice, with two outputs, frozen as a whole and in part."""
    for what in ["trained", "base frozen", "a layer frozen"]:
        keras.backend.clear_session()
        base = keras.Sequential([L.Input((4,)), L.Dense(3, activation="tanh", name="inner"), L.BatchNormalization(momentum=0.5)], name="base")
        e = L.Input((3,), name="e")
        encoder = keras.Model(e, [L.Dense(2, name="mean", kernel_regularizer="l2")(e), L.Dense(2)(e)], name="encoder")
        a = L.Input((4,), name="a")
        m, _ = encoder(base(L.Dense(4, name="pre")(a)))
        m2, v2 = encoder(L.Dense(3, name="skip")(a))
        model = keras.Model(a, [L.Add()([m, v2]), m2], name="functional")
        base.trainable = what != "base frozen"
        encoder.get_layer("mean").trainable = what != "a layer frozen"
        for k, w in enumerate(model.weights):
            low = 0.5 if "variance" in w.path else -1.0
            w.assign(wave(*w.shape, seed=k, low=low))
        texts = {"summary": summary(model), "expanded": summary(model, expand_nested=True), "trainable": summary(model, expand_nested=True, show_trainable=True)}
        x, y1, y2 = wave(6, 4, seed=40), wave(6, 2, seed=41), wave(6, 2, seed=42)
        tensors = {"x": x, "y0": y1, "y1": y2}
        tensors.update({"initial %d" % k: w for k, w in enumerate(model.get_weights())})
        model.compile(keras.optimizers.SGD(0.1, momentum=0.9), ["mse", "mse"])
        for _ in range(3):
            model.train_on_batch(x, [y1, y2])
        tensors.update({"final %d" % k: w for k, w in enumerate(model.get_weights())})
        tensors.update({"predict %d" % k: p for k, p in enumerate(model.predict(x, verbose=0))})
        yield case(what, None, tensors, texts=texts)


def recurrent():
    x = (2, 4, 3)
    gates = {"SimpleRNN": 1, "LSTM": 2, "GRU": 1}
    for class_, states in gates.items():
        yield run(class_, class_, [x], {"units": 3})
        yield run(class_ + ", sequences", class_, [x], {"units": 3, "return_sequences": True, "use_bias": False})
        yield run(class_ + ", backwards", class_, [x], {"units": 2, "return_sequences": True, "go_backwards": True, "activation": "softsign"})
        yield run(class_ + ", the last backwards", class_, [x], {"units": 2, "go_backwards": True, "unroll": True})
        yield run(class_ + ", one step", class_, [(3, 1, 2)], {"units": 1})
    yield run("LSTM, hard", "LSTM", [x], {"units": 3, "recurrent_activation": "hard_sigmoid", "unit_forget_bias": False})
    for sequences in [False, True]:
        yield run("GRU, reset before, sequences %s" % sequences, "GRU", [x], {"units": 3, "reset_after": False, "return_sequences": sequences})
    yield run("GRU, reset before, no bias", "GRU", [x], {"units": 3, "reset_after": False, "use_bias": False})


def celling():
    x = (2, 4, 3)

    def one(class_, **config):
        return {"class_name": class_, "config": config}

    cells = [one("LSTMCell", units=3), one("GRUCell", units=2, reset_after=False), one("SimpleRNNCell", units=2, activation="softsign")]
    for cell in cells:
        yield run("RNN of a " + cell["class_name"], "RNN", [x], {"cell": cell, "return_sequences": True})
    stack = one("StackedRNNCells", cells=cells)
    yield run("RNN of a stack", "RNN", [x], {"cell": stack})
    yield run("RNN of a stack, backwards", "RNN", [x], {"cell": stack, "return_sequences": True, "go_backwards": True})
    images, volumes = (2, 3, 4, 3, 1), (1, 2, 2, 3, 2, 1)
    yield run("ConvLSTM1D", "ConvLSTM1D", [(2, 3, 5, 2)], {"filters": 2, "kernel_size": 3})
    yield run("ConvLSTM1D, strides", "ConvLSTM1D", [(2, 3, 5, 2)], {"filters": 2, "kernel_size": 2, "strides": 2, "padding": "same", "return_sequences": True})
    yield run("ConvLSTM1D, dilated", "ConvLSTM1D", [(2, 2, 2, 5)], {"filters": 2, "kernel_size": 2, "dilation_rate": 2, "data_format": "channels_first", "use_bias": False})
    yield run("ConvLSTM2D", "ConvLSTM2D", [images], {"filters": 2, "kernel_size": [2, 3], "padding": "same", "go_backwards": True, "return_sequences": True})
    yield run("ConvLSTM2D, strides", "ConvLSTM2D", [images], {"filters": 1, "kernel_size": [3, 1], "strides": [1, 2], "activation": "relu", "recurrent_activation": "hard_sigmoid"})
    yield run("ConvLSTM2D, channels first", "ConvLSTM2D", [(2, 2, 1, 4, 3)], {"filters": 2, "kernel_size": [2, 2], "data_format": "channels_first", "return_sequences": True})
    yield run("ConvLSTM2D, both ways", "Bidirectional", [(1, 2, 3, 2, 1)], {"layer": one("ConvLSTM2D", filters=1, kernel_size=[2, 1])})
    yield run("ConvLSTM3D", "ConvLSTM3D", [volumes], {"filters": 1, "kernel_size": [2, 2, 1], "padding": "same", "return_sequences": True})
    yield run("ConvLSTM3D, strides", "ConvLSTM3D", [volumes], {"filters": 1, "kernel_size": [1, 2, 2], "strides": [2, 1, 1]})
    yield run("RNN of a stack, both ways", "Bidirectional", [x], {"layer": one("RNN", cell=one("StackedRNNCells", cells=cells[1:]), return_sequences=True)})


def wrapping():
    x = (2, 3, 2)

    def one(class_, **config):
        return {"class_name": class_, "config": config}

    yield run("both ways", "Bidirectional", [x], {"layer": one("LSTM", units=2)})
    for mode in ["sum", "mul", "ave", "concat"]:
        yield run("both ways, " + mode, "Bidirectional", [x], {"layer": one("GRU", units=2, return_sequences=True), "merge_mode": mode})
    other = one("SimpleRNN", units=3, return_sequences=True, go_backwards=True)
    yield run("both ways, two layers", "Bidirectional", [x], {"layer": one("LSTM", units=2, return_sequences=True), "backward_layer": other})
    yield run("backwards first", "Bidirectional", [x], {"layer": one("SimpleRNN", units=2, go_backwards=True), "backward_layer": one("GRU", units=1)})
    yield run("each step", "TimeDistributed", [x], {"layer": one("Dense", units=3, activation="tanh")})
    yield run("each step, an image", "TimeDistributed", [(2, 2, 3, 3, 1)], {"layer": one("Conv2D", filters=2, kernel_size=[2, 2])})
    yield run("each step, a sequence", "TimeDistributed", [(2, 2, 3, 2)], {"layer": one("LSTM", units=2)})
    for training in [False, True]:
        yield run("each step, normalized, training %s" % training, "TimeDistributed", [(3, 2, 2)], {"layer": one("BatchNormalization", momentum=0.5)}, training=training)


def attended(name, class_, shapes, config=None, scores=False, causal=False, masks=()):
    """A layer of several inputs, each of which may have steps that masks leave out, and of two outputs if scores is said."""
    layer = getattr(L, class_)(**(config or {}))
    xs = [wave(*s, seed=3 + i) for i, s in enumerate(shapes)]
    for i in masks:
        xs[i][0, -2:], xs[i][1, 1] = 9, 9
    if len(xs) > 3:
        xs[3] = (xs[3] > -0.4).astype(F)
        xs[3][..., -1] = 1  # Keras gives those who see nothing the mean of all
    said = {k: True for k, v in [("return_attention_scores", scores), ("use_causal_mask", causal)] if v}

    def call(*xs):
        xs = [L.Masking(9.0)(x) if i in masks else x for i, x in enumerate(xs)]
        if class_.endswith("Attention") and class_ not in ("Attention", "AdditiveAttention"):
            return layer(*xs[:2], **dict(zip(["key", "attention_mask"], xs[2:])), **said)
        return layer(xs if len(xs) > 1 else xs[0], **said)

    call(*xs)
    for k, v in enumerate(layer.trainable_variables):
        v.assign(wave(*v.shape, seed=20 + k))
    weights = [jnp.asarray(v.value) for v in layer.trainable_variables]

    def f(weights, inputs):
        with keras.StatelessScope(state_mapping=list(zip(layer.trainable_variables, weights))):
            return jax.tree_util.tree_leaves(call(*inputs))

    ys = f(weights, tuple(jnp.asarray(x) for x in xs))
    dys = [wave(*y.shape, seed=9 + i) for i, y in enumerate(ys)]
    loss = lambda w, i: sum(jnp.sum(y * dy) for y, dy in zip(f(w, i), dys))
    dw, dx = jax.grad(loss, argnums=(0, 1))(weights, tuple(jnp.asarray(x) for x in xs))
    tensors = {"x%d" % i: x for i, x in enumerate(xs)}
    tensors.update({"w%d" % i: w for i, w in enumerate(weights)})
    for i, (y, dy) in enumerate(zip(ys, dys)):
        tensors.update({"y%s" % (i or ""): y, "dy%s" % (i or ""): dy})
    tensors.update({"dx%d" % i: d for i, d in enumerate(dx)})
    tensors.update({"dw%d" % i: d for i, d in enumerate(dw)})
    full = keras.saving.serialize_keras_object(layer)["config"]
    keep = {k: full[k] for k in (config or {}) if k in full}
    tags = {"masked": " ".join(map(str, masks))} if masks else None
    return case(name, {**keep, **said}, tensors, texts=tags, class_=class_)


def attending():
    q, v, k = (2, 3, 5), (2, 4, 3), (2, 4, 2)
    E, M, G = "EinsumDense", "MultiHeadAttention", "GroupQueryAttention"
    for equation, shape, output, bias in [
        ("ab,bc->ac", (2, 3), 4, "c"), ("abc,cd->abd", q, (None, 4), "d"), ("...x,xy->...y", (2, 3, 2, 5), 3, "y"),
        ("abc,cde->abde", q, (3, 2, 4), "de"), ("abcd,cde->abe", (2, 3, 2, 4), (3, 5), "e"), ("ab...,bc->ac...", (2, 3, 2, 2), 4, "c"),
        ("abc,bcd->abd", q, (3, 2), "bd"), ("abc,bd->acd", q, (5, 2), None), ("abc,cd->adb", q, (4, 3), "db"), ("abc,cd->adb", q, (4, 3), "d"),
        ("abcd,cd->abcd", (2, 3, 2, 4), (3, 2, 4), "d"), ("abc,c->ab", q, 3, None), ("abcde,ce->acdb", (2, 2, 3, 2, 4), (3, 2, 2), "c"),
    ]:
        yield attended("einsum %s, bias %s" % (equation, bias), E, [shape], {"equation": equation, "output_shape": output, "bias_axes": bias, "activation": "tanh"})
    c = {"num_heads": 2, "key_dim": 3}
    yield attended("heads", M, [q, v], c)
    yield attended("heads, a key, scores", M, [q, v, k], {**c, "value_dim": 2, "output_shape": (2, 3)}, scores=True)  # Keras on JAX takes no value_dim without
    yield attended("heads, no bias, a gate", M, [q, v], {**c, "use_bias": False, "use_gate": True})
    yield attended("heads, causal", M, [(2, 5, 3), (2, 4, 3)], c, causal=True)
    yield attended("heads, a window", M, [(2, 5, 3), (2, 5, 3)], {**c, "sliding_window": 2})
    yield attended("heads, a causal window, scores", M, [(2, 6, 3), (2, 6, 3)], {**c, "sliding_window": 3}, causal=True, scores=True)
    yield attended("heads, a mask", M, [q, v, v, (2, 3, 4)], c)
    yield attended("heads, a mask for each head", M, [q, v, v, (2, 2, 3, 4)], c)
    yield attended("heads, scores", M, [q, v], c, scores=True)
    yield attended("heads, an image", M, [(2, 2, 3, 4), (2, 2, 2, 4)], c)
    yield attended("heads, an axis of an image", M, [(2, 2, 3, 4), (2, 2, 2, 4)], {**c, "attention_axes": [2]})
    yield attended("heads, the other axis, scores", M, [(2, 2, 3, 4), (2, 4, 3, 4)], {**c, "attention_axes": [1]}, scores=True)
    yield attended("heads, padded values", M, [q, v], c, masks=[1])
    yield attended("heads, padded keys and values", M, [q, v, k], c, masks=[1, 2])
    yield attended("heads, padded values, causal, scores", M, [q, v], c, masks=[0, 1], scores=True, causal=True)
    yield attended("heads, all padded, scores", M, [q, v], c, masks=[0, 1], scores=True)
    g = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
    yield attended("groups", G, [q, (2, 4, 5)], g)
    yield attended("groups, one, a gate", G, [q, (2, 4, 5), k], {**g, "num_key_value_heads": 1, "use_gate": True, "use_bias": False})
    yield attended("groups, causal", G, [q, (2, 4, 5)], {**g, "sliding_window": 2}, causal=True)
    yield attended("groups, a mask, scores", G, [q, (2, 4, 5), k, (2, 3, 4)], g, scores=True)
    yield attended("groups, padded values", G, [q, (2, 4, 5)], g, masks=[1])
    d = (2, 4, 5)
    for class_, more in [("Attention", {}), ("Attention", {"use_scale": True, "score_mode": "concat"}), ("Attention", {"use_scale": True}), ("AdditiveAttention", {}), ("AdditiveAttention", {"use_scale": False})]:
        name = "%s %s" % (class_, more)
        yield attended(name, class_, [q, d], more)
        yield attended(name + ", a key", class_, [q, (2, 4, 2), d], more)
        yield attended(name + ", causal, padded", class_, [d, d], more, masks=[1], causal=True)
        yield attended(name + ", all padded, scores", class_, [q, d], more, masks=[0, 1], scores=True)


def sizing():
    wide, high = (1, 3, 7, 2), (1, 2, 7, 4)
    for interpolation in ["bilinear", "nearest", "bicubic"]:
        yield run("resizing, " + interpolation, "Resizing", [wide], {"height": 5, "width": 4, "interpolation": interpolation})
    yield run("resizing, antialias", "Resizing", [(1, 7, 5, 1)], {"height": 3, "width": 2, "antialias": True})
    yield run("resizing, lanczos, first", "Resizing", [high], {"height": 3, "width": 6, "interpolation": "lanczos3", "antialias": True, "data_format": "channels_first"})
    yield run("resizing, cropped", "Resizing", [wide], {"height": 4, "width": 4, "crop_to_aspect_ratio": True})
    yield run("resizing, cropped, first", "Resizing", [high], {"height": 2, "width": 3, "crop_to_aspect_ratio": True, "data_format": "channels_first"})
    yield run("resizing, padded", "Resizing", [wide], {"height": 4, "width": 4, "pad_to_aspect_ratio": True, "fill_value": 0.5})
    yield run("resizing, padded, first", "Resizing", [high], {"height": 2, "width": 2, "pad_to_aspect_ratio": True, "data_format": "channels_first"})
    yield run("center crop", "CenterCrop", [wide], {"height": 2, "width": 4})
    yield run("center crop, first", "CenterCrop", [high], {"height": 4, "width": 1, "data_format": "channels_first"})
    yield run("center crop, too small", "CenterCrop", [wide], {"height": 5, "width": 4})


def augmenting():
    """What Keras's random layers do with numbers that are drawn."""
    x = wave(3, 4, 5, 2, seed=3, low=0, high=1)
    shifts = np.array([[1.25, -0.5], [-2.0, 3.0], [0.75, 7.5]], F)  # right, down
    zooms = np.array([[0.7, 1.3], [1.6, 0.5], [1.0, 1.0]], F)  # of the width, of the height
    for mode in ["constant", "nearest", "reflect", "wrap"]:
        for interpolation in ["bilinear", "nearest"]:
            kw = dict(fill_mode=mode, interpolation=interpolation, fill_value=0.25)
            config = {"mode": mode, "interpolation": interpolation, "fill": 0.25}
            y = L.RandomTranslation(0.5, 0.5, **kw).transform_images(x, {"translations": shifts}, training=True)
            yield case("translation, %s, %s" % (mode, interpolation), config, {"x": x, "right": shifts[:, :1], "down": shifts[:, 1:], "y": y}, class_="RandomTranslation")
            y = L.RandomZoom(0.5, 0.5, **kw).transform_images(x, {"width_zoom": zooms[:, :1], "height_zoom": zooms[:, 1:]}, training=True)
            yield case("zoom, %s, %s" % (mode, interpolation), config, {"x": x, "right": zooms[:, :1], "down": zooms[:, 1:], "y": y}, class_="RandomZoom")
    turns = [0.07, -0.19, 0.5, 0.26, 1 / 3, -0.9, 0.25, 0.61]
    shears = np.array([[0.3, -0.2], [-0.75, 0.0], [0.6, 0.9]], F)  # of x, of y
    corners = np.array([[1.1, 0.9, 0.95, 1.2], [0.7, 1.4, 1.3, 0.8], [1.0, 1.0, 1.0, 1.0]], F)  # of the width, the height, both
    for mode in ["constant", "nearest", "reflect", "wrap"]:
        for interpolation in ["bilinear", "nearest"]:
            kw = dict(fill_mode=mode, interpolation=interpolation, fill_value=0.25)
            config = {"mode": mode, "interpolation": interpolation, "fill": 0.25}
            name = "%s, %s" % (mode, interpolation)
            turn = turns.pop(0)
            y = L.RandomRotation((turn, turn), **kw)(x, training=True)
            yield case("rotation, " + name, {**config, "factor": turn}, {"x": x, "y": y}, class_="RandomRotation")
            turn += 0.05
            high = wave(2, 3, 7, 2, seed=4, low=0, high=1)
            y = L.RandomRotation((turn, turn), data_format="channels_first", **kw)(high, training=True)
            yield case("rotation, first, " + name, {**config, "factor": turn, "format": "channels_first"}, {"x": high, "y": y}, class_="RandomRotation")
            y = L.RandomShear(0.5, 0.5, **kw).transform_images(x, {"shear_factor": shears}, training=True)
            yield case("shear, " + name, config, {"x": x, "right": shears[:, :1], "down": shears[:, 1:], "y": y}, class_="RandomShear")
    for interpolation in ["bilinear", "nearest"]:
        h, w = 3.0, 4.0
        start = np.broadcast_to(np.array([[0, 0], [w, 0], [0, h], [w, h]], F), (3, 4, 2))
        end = np.stack([np.array([[0, 0], [w * a, 0], [0, h * b], [w * c, h * d]], F) for a, b, c, d in corners])
        moved = {"start_points": start, "end_points": end, "apply_perspective": np.ones(3, bool)}
        y = L.RandomPerspective(interpolation=interpolation, fill_value=0.25).transform_images(x, moved, training=True)
        yield case("perspective, " + interpolation, {"interpolation": interpolation, "fill": 0.25}, {"x": x, "corners": corners, "y": y}, class_="RandomPerspective")
    factor = np.array([0.5, 1.0, 1.75], F).reshape(3, 1, 1, 1)
    y = L.RandomContrast(0.5, value_range=(0, 1)).transform_images(x, {"contrast_factor": factor}, training=True)
    yield case("contrast", None, {"x": x, "factor": factor, "y": y}, class_="RandomContrast")
    # Of colors: what is drawn from a range of one number is that number.
    rgb, first = wave(2, 3, 4, 3, seed=5, low=0, high=1), wave(2, 3, 4, 5, seed=6, low=0, high=1)
    CF, R = {"data_format": "channels_first"}, {"value_range": (0, 1)}
    for name, class_, image, config in [
        ("grayscale", "RandomGrayscale", rgb, {"factor": 1.0}),
        ("grayscale, first", "RandomGrayscale", first, {"factor": 1.0, **CF}),
        ("saturation", "RandomSaturation", rgb, {"factor": (0.6, 0.6), **R}),
        ("saturation, less, first", "RandomSaturation", first, {"factor": (0.3, 0.3), **R, **CF}),
        ("degeneration", "RandomColorDegeneration", rgb, {"factor": (0.3, 0.3), **R}),
        ("degeneration, first", "RandomColorDegeneration", first, {"factor": (-0.8, -0.8), **R, **CF}),
        ("inversion", "RandomInvert", x, {"factor": (1.0, 1.0), **R}),
        ("posterization", "RandomPosterization", x, {"factor": (2, 2), **R}),
        ("posterization, of bytes", "RandomPosterization", x * F(255), {"factor": (5, 5)}),
        ("sharper", "RandomSharpness", x, {"factor": (0.9, 0.9), **R}),
        ("softer, first", "RandomSharpness", first, {"factor": (0.1, 0.1), **R, **CF}),
        ("blur", "RandomGaussianBlur", x, {"factor": (1.0, 1.0), "kernel_size": (3, 5), "sigma": (0.75, 0.75), **R}),
        ("blur, first", "RandomGaussianBlur", first, {"factor": (1.0, 1.0), "kernel_size": (5, 1), "sigma": (0.5, 0.5), **R, **CF}),
        ("solarization", "Solarization", x, R),
        ("contrast, spread", "AutoContrast", x, R),
        ("equalization", "Equalization", x[:1], {"bins": 8, **R}),
        ("equalization, first", "Equalization", first[:1] * F(255), CF),
        ("equalization, in parts", "ContrastLimitedAdaptiveHistogramEqualization", x[:1], {"tile_grid_size": (2, 2), **R}),
        ("equalization, in parts, first", "ContrastLimitedAdaptiveHistogramEqualization", first[:1] * F(255), {"tile_grid_size": (3, 2), "clip_limit": 0.0, **CF}),
    ]:
        yield case(name, {k: list(v) if isinstance(v, tuple) else v for k, v in config.items()}, {"x": image, "y": getattr(L, class_)(**config)(image, training=True)}, class_=class_)
    for name, image, config in [("hue", rgb, {}), ("hue, first", first, CF)]:
        turns = np.array([0.3, -0.45], F)
        y = L.RandomHue(0.5, value_range=(0, 1), **config).transform_images(image, {"factor": turns}, training=True)
        yield case(name, {"format": "channels_first" if config else "channels_last"}, {"x": image, "turns": turns.reshape(2, 1, 1, 1), "y": y}, class_="RandomHue")
    addition, threshold = (np.array(v, F).reshape(3, 1, 1, 1) for v in [(20, 0, 100), (128, 60, 200)])
    y = L.Solarization(value_range=(0, 1)).transform_images(x, {"additions": addition, "thresholds": threshold}, training=True)
    yield case("solarization, with addition and threshold", None, {"x": x, "addition": addition, "threshold": threshold, "y": y}, class_="Solarization")
    noise = [wave(2, 9, 8, seed=7), wave(2, 9, 8, seed=8)]  # in the place of what is drawn
    picture = wave(2, 9, 8, 1, seed=9, low=0, high=1)
    for config in [{"fill_mode": "reflect", "interpolation": "bilinear", "data_format": "channels_last"}, {"fill_mode": "constant", "fill_value": 0.25, "interpolation": "nearest", "data_format": "channels_first"}]:
        image = picture if config["data_format"] == "channels_last" else picture.transpose(0, 3, 1, 2)
        drawn, jax.random.normal = jax.random.normal, lambda *_, waves=iter([3 * noise[0], 3 * noise[1]]), **__: next(waves)
        y = L.RandomElasticTransform(value_range=(0, 1), **config).transform_images(image, {"apply_transform": np.ones(2, bool), "distortion_factor": F(0.9), "seed": None}, training=True)
        jax.random.normal = drawn
        yield case("elastic, " + config["data_format"], config, {"x": image, "scale": np.full((2, 1, 1), 0.9, F), "right": 3 * noise[0], "down": 3 * noise[1], "y": y}, class_="RandomElasticTransform")


FILES = {"augment": lambda: list(augmenting()), "layers": lambda: [*reshaping(), *merging(), *normalizing(), *sizing()], "nested": lambda: list(nested()), "recurrent": lambda: list(recurrent()), "cells": lambda: list(celling()), "wrapping": lambda: list(wrapping()), "attention": lambda: list(attending())}

if __name__ == "__main__":
    for name in sys.argv[1:] or FILES:
        write(name, VERSIONS, FILES[name]())
