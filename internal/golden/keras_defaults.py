"""Makes testdata/defaults.json: the default configuration of Keras's classes, as it stands in a file.

    python3 -m venv venv && venv/bin/pip install keras jax
    KERAS_BACKEND=jax venv/bin/python internal/golden/keras_defaults.py

A class is here if it can be made without arguments, or with the few of REQUIRED.
"""

import inspect
import math

import keras
import numpy as np

from goldenjson import case, write

FAMILIES = {
    "initializer": keras.initializers,
    "regularizer": keras.regularizers,
    "constraint": keras.constraints,
    "loss": keras.losses,
    "metric": keras.metrics,
    "optimizer": keras.optimizers,
    "schedule": keras.optimizers.schedules,
    "layer": keras.layers,
}
REQUIRED = {
    "ExponentialDecay": (0.0, 0, 0.0), "InverseTimeDecay": (0.0, 0, 0.0), "PolynomialDecay": (0.0, 0), "CosineDecay": (0.0, 0),
    "CosineDecayRestarts": (0.0, 0), "Dense": (0,), "Dropout": (0.0,), "GaussianDropout": (0.0,), "GaussianNoise": (0.0,),
    "AlphaDropout": (0.0,), "SpatialDropout1D": (0.0,), "SpatialDropout2D": (0.0,), "Rescaling": (0.0,),
}


def plain(value):
    """Numbers, flags and None, the decimal that was meant where a number was rounded to float32; None for the rest."""
    if isinstance(value, bool) or value is None or isinstance(value, int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return float(str(np.float32(value)))
    raise TypeError


def defaults():
    for family, module in FAMILIES.items():
        for name in dir(module):
            cls = getattr(module, name)
            if not inspect.isclass(cls):
                continue
            try:
                config = cls(*REQUIRED.get(name, ())).get_config()
            except Exception:  # it needs arguments, or another backend
                continue
            kept = {}
            for key, value in config.items():
                try:
                    kept[key] = plain(value)
                except TypeError:
                    pass
            yield case("%s %s" % (family, name), kept, class_=name)


write("defaults", {"keras": keras.__version__, "numpy": np.__version__}, list(defaults()))
