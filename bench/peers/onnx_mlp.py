"""The chapter's network in ONNX Runtime, which only predicts."""

from contender import SIZES, THREADS, mnist, serve, timed
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(0)
nodes, weights, x = [], [], "x"
for i, (fan_in, fan_out) in enumerate(zip(SIZES, SIZES[1:])):
    weights.append(numpy_helper.from_array(random.normal(0, 0.05, (fan_in, fan_out)).astype(np.float32), f"w{i}"))
    weights.append(numpy_helper.from_array(np.zeros(fan_out, np.float32), f"b{i}"))
    nodes.append(helper.make_node("Gemm", [x, f"w{i}", f"b{i}"], [f"z{i}"]))
    nodes.append(helper.make_node("Relu" if i < 2 else "Softmax", [f"z{i}"], [f"y{i}"]))
    x = f"y{i}"
graph = helper.make_graph(
    nodes, "mlp",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 784])],
    [helper.make_tensor_value_info(x, TensorProto.FLOAT, ["N", 10])],
    weights,
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = THREADS
session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
_, _, xt, _ = mnist()


def run(a):
    return session.run(None, {"x": a})


def evaluate(batch):
    for i in range(0, len(xt), batch):
        run(xt[i : i + batch])


serve({
    "evaluate": lambda batch: timed(evaluate, batch),
    "predict": lambda rows: timed(run, xt[:rows]),
}, versions={"onnxruntime": onnxruntime.__version__})
