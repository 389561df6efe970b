"""The writer of the golden files: small, diffable JSON with float32 that reads back to the same bits.

A tensor is {"shape": [...], "data": [...]}. A number is the shortest decimal that rounds to the same float32
(or float64, in "numbers"); "inf", "-inf" and "nan" are strings, because JSON has no such numbers.
"""

import json
import os

import numpy as np


def _number(x):
    if x != x:
        return '"nan"'
    if x in (float("inf"), float("-inf")):
        return '"inf"' if x > 0 else '"-inf"'
    if isinstance(x, (bool, np.bool_)):
        return "true" if x else "false"
    if isinstance(x, (int, np.integer)):
        return str(int(x))
    if isinstance(x, np.float32):
        text = str(x)
    else:
        text = repr(float(x))
    return text[:-2] if text.endswith(".0") else text


def _tensor(array):
    array = np.asarray(array)
    array = array.astype(np.float32)
    data = ", ".join(_number(x) for x in array.ravel())
    return '{"shape": %s, "data": [%s]}' % (json.dumps(list(array.shape)), data)


def _value(value):
    if isinstance(value, (float, np.floating)):
        return _number(value)
    if isinstance(value, (list, tuple)) and all(isinstance(v, (float, np.floating)) for v in value):
        return "[%s]" % ", ".join(_number(v) for v in value)
    return json.dumps(value, ensure_ascii=False)


def _members(values, emit, indent):
    pad = " " * indent
    return "{\n" + ",\n".join("%s%s: %s" % (pad, json.dumps(k), emit(v)) for k, v in values.items()) + "}"


def case(name, config=None, tensors=None, numbers=None, texts=None, **tags):
    """One golden case: what was computed, its configuration and what came out.

    Tags are plain strings such as class="Adam". Numbers are float64 or lists of float64.
    """
    lines = ['"name": %s' % json.dumps(name)]
    lines += ["%s: %s" % (json.dumps(k.rstrip("_")), json.dumps(v)) for k, v in tags.items()]
    if config:
        lines.append('"config": {%s}' % ", ".join("%s: %s" % (json.dumps(k), _value(v)) for k, v in config.items()))
    if numbers:
        lines.append('"numbers": ' + _members(numbers, _value, 3))
    if texts:
        lines.append('"texts": ' + _members(texts, _value, 3))
    if tensors:
        lines.append('"tensors": ' + _members(tensors, _tensor, 3))
    return "{" + ",\n  ".join(lines) + "}"


def write(name, versions, cases, folder=None):
    """Writes folder/name.json; without a folder it is a golden file, in testdata."""
    folder = folder or os.path.join(os.path.dirname(os.path.abspath(__file__)), "testdata")
    path = os.path.join(folder, name + ".json")
    with open(path, "w", encoding="utf-8") as f:
        f.write('{"made_by": %s,\n"cases": [\n%s\n]}\n' % (json.dumps(versions), ",\n".join(cases)))
    print("%s: %d cases, %d bytes" % (name, len(cases), os.path.getsize(path)))


def wave(*shape, seed=1, low=-1.0, high=1.0):
    """Numbers that look random, the same everywhere."""
    n = np.arange(1, int(np.prod(shape)) + 1, dtype=np.float64) + 31 * seed
    x = np.modf(n * n * 0.6180339887498949 + n * 0.4142135623730951)[0]
    return (low + (high - low) * x).reshape(shape).astype(np.float32)


def made(config, layers):
    """A configuration in which layers, {"class_name": …, "config": …}, are made; layers is Keras's module."""

    def one(v):
        if isinstance(v, list) and v and isinstance(v[0], dict) and "class_name" in v[0]:
            return [one(x) for x in v]
        return getattr(layers, v["class_name"])(**made(v["config"], layers)) if isinstance(v, dict) and "class_name" in v else v

    return {k: one(v) for k, v in config.items()}
