"""Makes archive2*.keras and archive2.h5, one model as Keras 2 saves it, and archive2.json, which says what it predicts and comes to; and the same
of functions2, a model with functions of TensorFlow between its layers.

    python3 -m venv venv && venv/bin/pip install tensorflow-cpu tf_keras
    venv/bin/python kerasfile/testdata/make_keras2_archives.py            # or functions2 alone

archive2.keras is what 2.15 and later write, archive2_213.keras has the groups of 2.12 to 2.14, in whose names each layer that has
weights counts twice, archive2_windows.keras those that 2.15 wrote on Windows.
"""

import io
import json
import os
import re
import sys
import zipfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import h5py
import numpy as np
import tensorflow as tf
import tf_keras as K

L = K.layers
here = os.path.dirname(os.path.abspath(__file__))


def wave(*shape, seed=1):
    n = np.arange(1, int(np.prod(shape)) + 1, dtype=np.float64) + 31 * seed
    return (2 * np.modf(n * n * 0.6180339887498949 + n * 0.4142135623730951)[0] - 1).reshape(shape).astype("float32")


def model():
    steps, image = K.Input((5, 3), name="steps"), K.Input((8, 7, 2), name="image")
    x = L.Bidirectional(L.LSTM(2, return_sequences=True))(steps)
    x = L.GRU(4, return_sequences=True)(x)
    x = L.LayerNormalization()(x + L.MultiHeadAttention(2, 3)(x, x))
    x = L.SimpleRNN(3)(L.TimeDistributed(L.Dense(3, activation="tanh"))(x))
    y = L.Conv2D(4, 3, padding="same")(image)
    y = L.DepthwiseConv2D(3, activation="relu")(y)
    y = tf.nn.relu6(L.SeparableConv2D(4, 2)(y) + 3.0) * 0.5
    y = L.PReLU(shared_axes=[1, 2])(L.Conv2DTranspose(3, 2)(y))
    y = L.Dropout(0.0, noise_shape=(None, 1, 1, 1))(y)
    y = L.BatchNormalization(momentum=0.5)(L.GlobalAveragePooling2D()(y))  # not of images, of which TensorFlow corrects the variance
    inner = K.Sequential([L.Dense(4, input_shape=(6,)), L.LeakyReLU(alpha=0.2), L.Dense(3, trainable=False)], name="inner")
    return K.Model([steps, image], L.Dense(3, activation="softmax")(inner(L.Concatenate()([x, y]))), name="archive2")


def functions():
    a, b = K.Input((2, 4), name="a"), K.Input((2, 4), name="b")
    p, q = tf.sigmoid(L.Dense(4)(a)) + 0.5, L.Dense(4, activation="tanh")(b)
    some = [tf.sqrt(p), tf.math.rsqrt(p), tf.math.log(p), tf.exp(q), tf.sin(q), tf.abs(q), tf.square(q), q / p, 1.0 / p, p**2, tf.maximum(q, 0.1), tf.nn.gelu(q),
            tf.nn.gelu(q, approximate=True), tf.clip_by_value(q, -0.5, 0.3), tf.nn.leaky_relu(q), tf.nn.softmax(q), tf.nn.l2_normalize(q, axis=-1), tf.reverse(q, axis=[1])]
    x = [tf.stack(some, axis=2), tf.reduce_mean(p, axis=[1, 2], keepdims=True), tf.reduce_max(q, axis=1), tf.reduce_sum(q, 2), q[:, 1:], q[:, :, ::2], q[:, tf.newaxis, -1, 1:],
         tf.matmul(q, tf.transpose(p, [0, 2, 1])), tf.reshape(q, [-1, 8]), tf.expand_dims(q, 1), tf.squeeze(q[:, :1], 1), tf.concat([p, q], axis=-1)]
    c, d = tf.split(q, 2, axis=-1)
    _, e = tf.split(p, [1, 3], axis=2)
    x += [c * d, e]
    return K.Model([a, b], L.Dense(3, activation="softmax")(L.Concatenate()([L.Flatten()(v) for v in x])), name="functions2")


def flat(arrays):
    return [[float(v) for v in np.asarray(a).ravel()] for a in arrays]


def save(m, x):
    """Saves a model under its name, trained for a step, with what it predicts and what it is after three steps more."""
    for k, w in enumerate(m.weights):
        w.assign(0.5 * wave(*w.shape, seed=k) + (1.5 if "variance" in w.name or "gamma" in w.name else 0))
    m.compile(K.optimizers.Adam(0.01, epsilon=0.1), "categorical_crossentropy")  # of gradients that are 0 but for noise, too
    y = np.eye(3, dtype="float32")[[0, 1, 2, 0, 1, 2]]
    m.train_on_batch(x, y)
    path = os.path.join(here, m.name)
    m.save(path + ".keras")
    m.save(path + ".h5")
    case = {"x": [{"shape": a.shape, "data": flat([a])[0]} for a in x], "y": [{"shape": y.shape, "data": flat([y])[0]}],
            "weights": flat(m.get_weights()), "predict": flat([m.predict(x, verbose=0)])}
    for _ in range(3):
        m.train_on_batch(x, y)
    case["next"] = flat(m.get_weights())
    with open(path + ".json", "w") as f:
        json.dump(case, f)
        f.write("\n")


save(functions(), [wave(6, 2, 4, seed=90), wave(6, 2, 4, seed=91)])
if sys.argv[1:] == ["functions2"]:
    sys.exit()
m = model()
save(m, [wave(6, 5, 3, seed=90), wave(6, 8, 7, 2, seed=91)])
first = os.path.join(here, "archive2.keras")


def renamed(file, version, name):
    """Writes the archive with other names of groups: name makes one of the names of a path."""
    with zipfile.ZipFile(first) as z:
        parts = {n: z.read(n) for n in z.namelist()}
    parts["metadata.json"] = re.sub(rb'"2\.\d+\.\d+"', b'"%s"' % version.encode(), parts["metadata.json"])
    out = io.BytesIO()
    with h5py.File(io.BytesIO(parts["model.weights.h5"])) as old, h5py.File(out, "w") as new:
        def copy(path, o):
            if isinstance(o, h5py.Dataset):
                group, n = path.split("/vars/")
                new[name(group) + "/vars/" + n] = o[()]
            elif path.endswith("/vars"):
                new.require_group(name(path[: -len("/vars")]) + "/vars")
        old.visititems(copy)
    parts["model.weights.h5"] = out.getvalue()
    with zipfile.ZipFile(os.path.join(here, file), "w", zipfile.ZIP_DEFLATED) as z:
        for n, b in parts.items():
            z.writestr(zipfile.ZipInfo(n), b, zipfile.ZIP_DEFLATED)


def twice(layers, prefix=""):
    """What the groups of layers are called by 2.13, by what 2.15 calls them."""
    names, old, new = {}, {}, {}
    for l in layers:
        kind = K.src.utils.generic_utils.to_snake_case(l.__class__.__name__)
        n, k = old.get(kind, 0), new.get(kind, 0)
        old[kind], new[kind] = n + 1, k + (2 if l.weights else 1)
        before = prefix + "layers/" + kind + (f"_{n}" if n else "")
        names[before] = "_layer_checkpoint_dependencies/" + kind + (f"_{k}" if k else "")
        if isinstance(l, K.Model):
            names.update(twice(l.layers, before + "/"))
    return names


groups = twice(m.layers)


def old_name(path):
    done, at = "", ""
    for part in path.split("/"):
        at += "/" + part if at else part
        if at in groups:
            done += ("/" if done else "") + groups[at]
        elif part != "layers":
            done += ("/" if done else "") + part
    return done


renamed("archive2_213.keras", "2.13.1", old_name)
renamed("archive2_windows.keras", "2.15.0", lambda path: path.replace("/", "\\"))
