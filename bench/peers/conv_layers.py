"""Single convolutions by a library in Python, which BENCH_LIBRARY names: torch, tensorflow, jax or onnxruntime. It is asked
"forward BATCH SIZE CHANNELS FILTERS TAPS STRIDE PAD GROUPS", or "image …" for the gradient of the image and "kernel …" for that of the
kernel, and answers with the seconds of a call. Of PyTorch the better of both layouts counts. ONNX Runtime has no gradients."""

import os
import statistics
import time

from contender import THREADS, serve
import numpy as np

library = os.environ["BENCH_LIBRARY"]


def random(*shape):
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def places(size, taps, stride, pad):
    return (size + 2 * pad - taps) // stride + 1


def seconds(f):
    """Returns the median seconds of a call of f that has run before: of at least 3 calls in 0.1 s."""
    f()
    times, end = [], time.perf_counter() + 0.1
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def with_torch():
    import torch

    torch.set_num_threads(THREADS)

    def measure(what, batch, size, channels, filters, taps, stride, pad, groups):
        n, best = places(size, taps, stride, pad), float("inf")
        for layout in (torch.contiguous_format, torch.channels_last):
            x, k, y = (
                torch.from_numpy(a).to(memory_format=layout)
                for a in (random(batch, channels, size, size), random(filters, channels // groups, taps, taps), random(batch, filters, n, n))
            )
            if what == "forward":
                call = lambda: torch.nn.functional.conv2d(x, k, None, stride, pad, 1, groups)
            else:
                wanted = [what == "image", what == "kernel", False]
                call = lambda: torch.ops.aten.convolution_backward(
                    y, x, k, None, [stride] * 2, [pad] * 2, [1, 1], False, [0, 0], groups, wanted
                )
            with torch.inference_mode():
                best = min(best, seconds(call))
        return best

    return measure, torch.__version__


def with_tensorflow():
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)

    def measure(what, batch, size, channels, filters, taps, stride, pad, groups):
        n = places(size, taps, stride, pad)
        depthwise = groups == channels and groups > 1
        x, y = tf.constant(random(batch, size, size, channels)), tf.constant(random(batch, n, n, filters))
        k = tf.constant(random(taps, taps, channels, 1) if depthwise else random(taps, taps, channels // groups, filters))
        how = dict(strides=[1, stride, stride, 1], padding="EXPLICIT", explicit_paddings=[0, 0, pad, pad, pad, pad, 0, 0])
        op = lambda suffix: getattr(tf.raw_ops, ("DepthwiseConv2dNative" if depthwise else "Conv2D") + suffix)
        if what == "forward":
            call = tf.function(lambda: op("")(input=x, filter=k, **how))
        elif what == "image":
            call = tf.function(lambda: op("BackpropInput")(input_sizes=x.shape, filter=k, out_backprop=y, **how))
        else:
            call = tf.function(lambda: op("BackpropFilter")(input=x, filter_sizes=k.shape, out_backprop=y, **how))
        return seconds(call)  # which returns when it is computed

    return measure, tf.__version__


def with_jax():
    import jax

    def measure(what, batch, size, channels, filters, taps, stride, pad, groups):
        n = places(size, taps, stride, pad)
        x, k, y = (
            jax.numpy.asarray(a)
            for a in (random(batch, size, size, channels), random(taps, taps, channels // groups, filters), random(batch, n, n, filters))
        )

        def conv(x, k):
            return jax.lax.conv_general_dilated(
                x, k, (stride, stride), [(pad, pad)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups
            )

        if what == "forward":
            call, given = jax.jit(conv), (x, k)
        elif what == "image":
            call, given = jax.jit(lambda k, y: jax.linear_transpose(lambda x: conv(x, k), x)(y)[0]), (k, y)
        else:
            call, given = jax.jit(lambda x, y: jax.linear_transpose(lambda k: conv(x, k), k)(y)[0]), (x, y)
        return seconds(lambda: call(*given).block_until_ready())

    return measure, jax.__version__


def with_onnxruntime():
    import onnx
    from onnx import TensorProto, helper
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS

    def measure(what, batch, size, channels, filters, taps, stride, pad, groups):
        if what != "forward":
            raise NotImplementedError("not measured")
        n = places(size, taps, stride, pad)
        node = helper.make_node("Conv", ["x", "k"], ["y"], kernel_shape=[taps] * 2, strides=[stride] * 2, pads=[pad] * 4, group=groups)
        shape = lambda name, *dims: helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
        kernel = onnx.numpy_helper.from_array(random(filters, channels // groups, taps, taps), "k")
        graph = helper.make_graph([node], "conv", [shape("x", batch, channels, size, size)], [shape("y", batch, filters, n, n)], [kernel])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        x = onnxruntime.OrtValue.ortvalue_from_numpy(random(batch, channels, size, size))
        y = onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros((batch, filters, n, n), np.float32))
        bound = session.io_binding()
        bound.bind_ortvalue_input("x", x)
        bound.bind_ortvalue_output("y", y)
        return seconds(lambda: session.run_with_iobinding(bound))

    return measure, onnxruntime.__version__


measure, version = {"torch": with_torch, "tensorflow": with_tensorflow, "jax": with_jax, "onnxruntime": with_onnxruntime}[library]()
serve({what: (lambda *shape, what=what: measure(what, *shape)) for what in ("forward", "image", "kernel")}, versions={library: version})
