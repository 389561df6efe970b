"""Predictions of networks over sequences in ONNX Runtime. Attention is its own operator, which the tools that come with it make of an
exported network; it doesn't store the weights of all pairs of steps."""

import functools

from contender import ENCODER_HEADS, ENCODER_INNER, ENCODER_LAYERS, SEQUENCE_KINDS, THREADS, sequences, serve, timed
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
import onnxruntime


class Graph:
    """A graph that grows node by node."""

    def __init__(self):
        self.nodes, self.weights, self.random = [], [], np.random.default_rng(1)

    def constant(self, values):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    def draw(self, *shape):
        return self.constant(self.random.standard_normal(shape) / shape[-2] ** 0.5)

    def add(self, op, *inputs, output=0, **attributes):
        """Adds a node and returns the name of one of its outputs."""
        name = f"y{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [""] * output + [name], **attributes))
        return name

    def dense(self, x, rows, columns):
        return self.add("Add", self.add("MatMul", x, self.draw(rows, columns)), self.constant(np.zeros(columns)))

    def normalized(self, x, width):
        return self.add("LayerNormalization", x, self.constant(np.ones(width)), self.constant(np.zeros(width)))


def recurrent(g, kind, x):
    """The last states of a recurrent layer, whose steps come first."""
    directions, gates = 2 if kind.both else 1, {"LSTM": 4, "GRU": 3}[kind.layer]
    w = g.constant(g.random.standard_normal((directions, gates * kind.units, kind.features)) / kind.features**0.5)
    r = g.constant(g.random.standard_normal((directions, gates * kind.units, kind.units)) / kind.units**0.5)
    b = g.constant(np.zeros((directions, 2 * gates * kind.units)))
    more = {"linear_before_reset": 1} if kind.layer == "GRU" else {}
    steps = g.add("Transpose", x, perm=[1, 0, 2])
    last = g.add(kind.layer, steps, w, r, b, output=1, hidden_size=kind.units, direction="bidirectional" if kind.both else "forward", **more)
    return g.add("Flatten", g.add("Transpose", last, perm=[1, 0, 2]))


def encoder(g, kind, x):
    """The mean of an encoder's steps."""
    for _ in range(ENCODER_LAYERS):
        projected = [g.dense(x, kind.units, kind.units) for _ in range(3)]
        y = g.add("MultiHeadAttention", *projected, num_heads=ENCODER_HEADS, domain="com.microsoft")
        x = g.normalized(g.add("Add", x, g.dense(y, kind.units, kind.units)), kind.units)
        y = g.add("Relu", g.dense(x, kind.units, ENCODER_INNER))
        x = g.normalized(g.add("Add", x, g.dense(y, ENCODER_INNER, kind.units)), kind.units)
    return g.add("ReduceMean", x, axes=[1], keepdims=0)


@functools.cache
def session(kind, steps):
    g, x = Graph(), "x"
    if kind.words:
        x = g.add("Gather", g.draw(kind.words, kind.features), x)
    y = encoder(g, kind, x) if kind.layer == "Encoder" else recurrent(g, kind, x)
    y = g.dense(y, kind.units * (2 if kind.both else 1), 1)
    shape, type_ = (["N", steps], TensorProto.INT32) if kind.words else (["N", steps, kind.features], TensorProto.FLOAT)
    graph = helper.make_graph(
        g.nodes, "sequence", [helper.make_tensor_value_info("x", type_, shape)], [helper.make_tensor_value_info(y, TensorProto.FLOAT, ["N", 1])], g.weights
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def sequence(kind, steps, training):
    if training:
        raise NotImplementedError
    kind = SEQUENCE_KINDS[kind]
    run, x = session(kind, steps).run, sequences(kind, steps)
    return timed(lambda: run(None, {"x": x}))


serve({"sequence": sequence}, versions={"onnxruntime": onnxruntime.__version__})
