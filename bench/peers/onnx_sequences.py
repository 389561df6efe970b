"""Predictions of networks over sequences in ONNX Runtime."""

import numpy as np
import onnx
import onnxruntime
from contender import SEQUENCE_BATCH, SEQUENCE_FEATURES, SEQUENCE_KINDS, THREADS, sequences, serve, timed
from onnx import TensorProto, helper, numpy_helper


def network(class_, units, both, steps):
    """A recurrent layer, whose steps come first, and a product of its last states."""
    directions, gates = 2 if both else 1, {"LSTM": 4, "GRU": 3}[class_]
    draw = np.random.default_rng(1).standard_normal
    weights = {
        "w": draw((directions, gates * units, SEQUENCE_FEATURES)) / SEQUENCE_FEATURES**0.5, "r": draw((directions, gates * units, units)) / units**0.5,
        "b": np.zeros((directions, 2 * gates * units)), "head": draw((directions * units, 1)), "bias": np.zeros(1),
    }
    more = {"linear_before_reset": 1} if class_ == "GRU" else {}
    nodes = [
        helper.make_node("Transpose", ["x"], ["steps"], perm=[1, 0, 2]),
        helper.make_node(class_, ["steps", "w", "r", "b"], ["", "last"], hidden_size=units, direction="bidirectional" if both else "forward", **more),
        helper.make_node("Transpose", ["last"], ["rows"], perm=[1, 0, 2]),
        helper.make_node("Flatten", ["rows"], ["flat"]),
        helper.make_node("Gemm", ["flat", "head", "bias"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "sequence", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", steps, SEQUENCE_FEATURES])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def sequence(kind, steps, training):
    if training:
        raise NotImplementedError
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(network(*SEQUENCE_KINDS[kind], steps).SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = sequences(steps)
    return timed(lambda: session.run(None, {"x": x}))


serve({"sequence": sequence}, versions={"onnxruntime": onnxruntime.__version__})
