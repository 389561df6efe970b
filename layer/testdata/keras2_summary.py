"""Writes keras2_listing.txt and keras2_branched.txt: the tables of print_summary of Keras 2.2.4.

That Keras does not run with a current Python, but the function that prints does: it is taken from the file
keras/utils/layer_utils.py of the release and given the models of ../../internal/golden/keras_golden.py, with the names
that Keras 2.2 gives (from 1, and inputs input_1).

    pip download keras==2.2.4 --no-deps && unzip Keras-2.2.4*.whl
    python keras2_summary.py keras/utils/layer_utils.py
"""

import re
import sys
from types import SimpleNamespace

import numpy as np

sys.dont_write_bytecode = True
sys.path.insert(0, "../../internal/golden")
import keras_golden

source = re.sub(r"(?m)^from \..*$", "", open(sys.argv[1]).read())
release = {"K": SimpleNamespace(count_params=lambda p: int(np.prod(p.shape)))}
exec(source, release)


class Old:
    """A stand-in of a class of the old Keras, of which the printer reads the name and some attributes."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


def stand_in(class_name, **attributes):
    return type(class_name, (Old,), {})(**attributes)


def old_names(layers):
    names, counts = {}, {}
    for layer in layers:
        base = keras_golden.keras.src.utils.naming.to_snake_case(type(layer).__name__).replace("input_layer", "input")
        given = not re.fullmatch(re.escape(base) + r"(_layer)?(_\d+)?", layer.name)
        counts[base] = counts.get(base, 0) + (not given)
        names[layer] = layer.name if given else "%s_%d" % (base, counts[base])
    return names


def write(path, model, kind):
    names = old_names(model.layers)
    layers, nodes = {}, {}
    graph = model if kind == "Model" else model._functional

    def old_node(node):
        if node not in nodes:
            origins = [t._keras_history for t in node.input_tensors]
            nodes[node] = Old(
                inbound_layers=[layers.get(o.operation) for o in origins],
                node_indices=[o.node_index for o in origins],
                tensor_indices=[o.tensor_index for o in origins],
            )
        return nodes[node]

    for layer in model.layers:
        shape = tuple(layer._inbound_nodes[0].output_tensors[0].shape)
        layers[layer] = stand_in(type(layer).__name__, name=names[layer], output_shape=shape, count_params=layer.count_params)
    for layer, old in layers.items():
        old._inbound_nodes = [old_node(n) for n in layer._inbound_nodes]
    old_model = stand_in(
        kind,
        _is_graph_network=True,
        _nodes_by_depth={d: [old_node(n) for n in ns] for d, ns in graph._nodes_by_depth.items()},
        layers=list(layers.values()),
        trainable_weights=[Old(shape=w.shape) for w in model.trainable_weights],
        non_trainable_weights=[Old(shape=w.shape) for w in model.non_trainable_weights],
        _check_trainable_weights_consistency=lambda: None,
    )
    with open(path, "w") as f:
        release["print_summary"](old_model, print_fn=lambda line: f.write(line + "\n"))


write("keras2_listing.txt", keras_golden.listing_model(), "Sequential")
write("keras2_branched.txt", keras_golden.branched_model(), "Model")
