"""Makes testdata/windows.json: what Keras's layers that convolve and pool images compute, and their gradients.

    venv/bin/python internal/golden/keras_windows.py

See keras_golden.py. The gradients are those of the sum of the output times "upstream".
"""

import jax
import jax.numpy as jnp
import keras
import numpy as np

from goldenjson import case, write
from keras_golden import F, VERSIONS, wave

L = keras.layers


def layer_case(cls, shape, ties=False, **config):
    layer = getattr(L, cls)(**config)
    x = wave(*shape, seed=len(shape) + shape[-1])
    if ties:
        x = np.round(x * 2) / 2
    layer.build(shape)
    for i, w in enumerate(layer.weights):
        w.assign(wave(*w.shape, seed=10 + i) * F(0.7))
    values = [w.value for w in layer.trainable_variables]

    def output(values, x):
        return layer.stateless_call(values, [], x)[0]

    y = output(values, jnp.asarray(x))
    upstream = wave(*y.shape, seed=3)
    grads, dx = jax.grad(lambda values, x: (output(values, x) * upstream).sum(), argnums=(0, 1))(values, jnp.asarray(x))
    tensors = {"x": x, "y": np.asarray(y), "upstream": upstream, "dx": np.asarray(dx)}
    for w, v, g in zip(layer.weights, values, grads):
        tensors["weight " + w.name] = np.asarray(v)
        tensors["gradient " + w.name] = np.asarray(g)
    name = cls + " of " + "×".join(map(str, shape)) + "".join(" %s=%s" % item for item in config.items())
    config = {k: list(v) if isinstance(v, tuple) else v for k, v in config.items()}
    return case(name, config, tensors, class_=cls)


FIRST = {"data_format": "channels_first"}


def windows():
    # Convolutions: odd sizes, strides, dilations, groups, paddings, both data formats.
    yield layer_case("Conv1D", (2, 7, 3), filters=4, kernel_size=3)
    yield layer_case("Conv1D", (2, 8, 2), filters=3, kernel_size=4, strides=3, padding="same", activation="relu")
    yield layer_case("Conv1D", (1, 9, 2), filters=2, kernel_size=3, padding="causal", dilation_rate=2)
    yield layer_case("Conv1D", (2, 9, 2), filters=2, kernel_size=4, padding="causal", strides=2)
    yield layer_case("Conv1D", (2, 4, 7), filters=6, kernel_size=2, groups=2, padding="same", **FIRST)
    yield layer_case("Conv1D", (2, 3, 6), filters=2, kernel_size=3, padding="causal", **FIRST)
    yield layer_case("Conv2D", (2, 5, 7, 3), filters=4, kernel_size=(3, 2))
    yield layer_case("Conv2D", (1, 6, 7, 2), filters=3, kernel_size=3, strides=2, padding="same")
    yield layer_case("Conv2D", (2, 5, 5, 2), filters=3, kernel_size=(4, 1), strides=(3, 2), padding="same", use_bias=False)
    yield layer_case("Conv2D", (1, 9, 8, 2), filters=2, kernel_size=(3, 2), dilation_rate=(2, 3))
    yield layer_case("Conv2D", (1, 5, 4, 1), filters=2, kernel_size=(3, 2), dilation_rate=(3, 2), padding="same")
    yield layer_case("Conv2D", (2, 4, 5, 6), filters=9, kernel_size=3, groups=3, activation="relu")
    yield layer_case("Conv2D", (2, 3, 6, 5), filters=4, kernel_size=3, strides=(2, 1), padding="same", **FIRST)
    yield layer_case("Conv2D", (1, 4, 5, 5), filters=4, kernel_size=2, groups=4, activation="softmax", **FIRST)
    yield layer_case("Conv2D", (2, 3, 3, 5), filters=4, kernel_size=1)
    yield layer_case("Conv2D", (1, 1, 1, 3), filters=2, kernel_size=3, padding="same")
    yield layer_case("Conv3D", (1, 3, 4, 5, 2), filters=3, kernel_size=(2, 3, 2))
    yield layer_case("Conv3D", (1, 4, 3, 5, 2), filters=2, kernel_size=3, strides=(2, 1, 3), padding="same", groups=2)
    yield layer_case("Conv3D", (1, 2, 4, 3, 3), filters=2, kernel_size=2, dilation_rate=(2, 1, 1), padding="same", **FIRST)
    # Transposed.
    yield layer_case("Conv1DTranspose", (2, 5, 3), filters=2, kernel_size=3)
    yield layer_case("Conv1DTranspose", (2, 4, 2), filters=3, kernel_size=2, strides=3)
    yield layer_case("Conv1DTranspose", (1, 4, 2), filters=2, kernel_size=3, strides=2, padding="same", output_padding=1)
    yield layer_case("Conv1DTranspose", (1, 4, 2), filters=2, kernel_size=4, strides=2, padding="same", output_padding=0)
    yield layer_case("Conv1DTranspose", (1, 4, 2), filters=2, kernel_size=3, dilation_rate=2, **FIRST)
    yield layer_case("Conv2DTranspose", (2, 3, 4, 2), filters=3, kernel_size=(3, 2), strides=(2, 1), padding="same", activation="relu")
    yield layer_case("Conv2DTranspose", (1, 3, 2, 2), filters=2, kernel_size=4, strides=(3, 2), output_padding=(2, 1), use_bias=False)
    yield layer_case("Conv2DTranspose", (1, 3, 3, 2), filters=2, kernel_size=(2, 1), strides=3, padding="same", **FIRST)
    yield layer_case("Conv2DTranspose", (1, 3, 3, 2), filters=2, kernel_size=(2, 3), dilation_rate=(1, 2), padding="same")
    yield layer_case("Conv3DTranspose", (1, 2, 3, 2, 2), filters=2, kernel_size=(2, 3, 1), strides=(1, 2, 2), padding="same")
    yield layer_case("Conv3DTranspose", (1, 2, 2, 2, 2), filters=3, kernel_size=2, strides=2, output_padding=1, **FIRST)
    # Of each channel by itself.
    yield layer_case("DepthwiseConv1D", (2, 7, 3), kernel_size=3, depth_multiplier=2, strides=2, padding="same")
    yield layer_case("DepthwiseConv1D", (2, 3, 6), kernel_size=2, dilation_rate=3, **FIRST)
    yield layer_case("DepthwiseConv2D", (2, 5, 6, 3), kernel_size=(3, 2), depth_multiplier=2, activation="relu")
    yield layer_case("DepthwiseConv2D", (1, 5, 6, 2), kernel_size=3, strides=2, padding="same", use_bias=False)
    yield layer_case("DepthwiseConv2D", (1, 3, 5, 4), kernel_size=3, padding="same", dilation_rate=(2, 1), **FIRST)
    yield layer_case("SeparableConv1D", (2, 6, 3), filters=4, kernel_size=3, depth_multiplier=2, padding="same")
    yield layer_case("SeparableConv1D", (2, 3, 7), filters=2, kernel_size=3, strides=2, **FIRST)
    yield layer_case("SeparableConv2D", (1, 5, 6, 3), filters=4, kernel_size=(3, 2), depth_multiplier=2, strides=2, activation="relu")
    yield layer_case("SeparableConv2D", (1, 2, 5, 5), filters=3, kernel_size=3, padding="same", dilation_rate=2, **FIRST)
    # Pools, of what ties too.
    for kind, size in [("Max", {}), ("Average", {"pool_size": 2})]:
        yield layer_case(kind + "Pooling1D", (2, 7, 3), **size)
        yield layer_case(kind + "Pooling1D", (2, 3, 8), pool_size=3, strides=2, padding="same", **FIRST)
        yield layer_case(kind + "Pooling2D", (2, 5, 6, 2), ties=True, **size)
        yield layer_case(kind + "Pooling2D", (1, 6, 5, 2), pool_size=(3, 2), strides=(1, 2), padding="same", ties=True)
        yield layer_case(kind + "Pooling2D", (1, 2, 5, 7), pool_size=2, strides=3, **FIRST)
        yield layer_case(kind + "Pooling3D", (1, 4, 3, 5, 2), pool_size=(2, 1, 3), strides=(2, 1, 1), padding="same")
        yield layer_case(kind + "Pooling3D", (1, 2, 4, 5, 4), **size, **FIRST)
        yield layer_case("Global" + kind + "Pooling1D", (2, 5, 3))
        yield layer_case("Global" + kind + "Pooling1D", (2, 3, 5), keepdims=True, **FIRST)
        yield layer_case("Global" + kind + "Pooling2D", (2, 3, 4, 3), ties=True)
        yield layer_case("Global" + kind + "Pooling2D", (2, 3, 4, 2), **FIRST)
        yield layer_case("Global" + kind + "Pooling3D", (2, 2, 3, 2, 2), keepdims=True)
        # Into so many places: fewer or more than pixels, that divide them or not.
        adaptive = "Adaptive" + kind + "Pooling"
        yield layer_case(adaptive + "1D", (2, 7, 3), output_size=5)
        yield layer_case(adaptive + "1D", (1, 2, 3), output_size=5, **FIRST)
        yield layer_case(adaptive + "2D", (2, 6, 5, 2), output_size=(4, 2))
        yield layer_case(adaptive + "2D", (1, 2, 6, 4), output_size=(3, 2), **FIRST)
        yield layer_case(adaptive + "3D", (1, 4, 3, 5, 2), output_size=(2, 2, 4))


if __name__ == "__main__":
    write("windows", VERSIONS, list(windows()))
