"""Makes testdata/callbacks.json: what Keras's callbacks do in real trainings whose measures are prescribed.

    python3 -m venv venv && venv/bin/pip install keras tensorflow-cpu tensorboard
    venv/bin/python internal/golden/keras_callbacks.py

The model is one weight w, from 0, that learns w·1 = 1 by SGD, one step an epoch. A first callback puts prescribed
values into the logs, so that the callbacks under test see those.
"""

import os
import tempfile

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.summary.summary_iterator import summary_iterator

from goldenjson import case, write

VERSIONS = {"keras": keras.__version__, "tensorflow": tf.__version__, "numpy": np.__version__}


class Prescribed(keras.callbacks.Callback):
    """Puts values[epoch] into the logs under a name, and takes the weight down."""

    def __init__(self, name, values):
        super().__init__()
        self.name, self.values, self.weights = name, values, []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(float(self.model.get_weights()[0][0, 0]))
        if self.values[epoch] is not None:
            logs[self.name] = self.values[epoch]


def model(rate=0.1):
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="dense")
    m = keras.Sequential([keras.Input((1,)), dense], name="sequential")
    m.compile(loss="mse", optimizer=keras.optimizers.SGD(rate), metrics=[keras.metrics.MeanAbsoluteError()])
    return m


X = Y = np.ones((4, 1), np.float32)


def train(callbacks, epochs, rate=0.1, **more):
    m = model(rate)
    return m, m.fit(X, Y, batch_size=4, epochs=epochs, verbose=0, callbacks=callbacks, **more).history


def early_stopping():
    falling = [1.0, 0.8, 0.6, 0.7, 0.5, 0.55, 0.56, 0.57, 0.58, 0.4]
    for name, config, values in [
        ("defaults", {}, falling),
        ("patience", {"patience": 2}, falling),
        ("patience of one", {"patience": 1}, falling),
        ("never", {"patience": 5}, falling),
        ("min_delta", {"min_delta": 0.25, "patience": 2}, falling),
        ("min_delta is absolute", {"min_delta": -0.25, "patience": 2}, falling),
        ("the best weights", {"patience": 3, "restore_best_weights": True}, falling),
        ("the best weights, to the end", {"patience": 9, "restore_best_weights": True}, falling[:8]),
        ("a baseline that is never beaten", {"baseline": 0.3, "patience": 4}, falling),
        ("a baseline that is beaten", {"baseline": 0.65, "patience": 3, "restore_best_weights": True}, falling),
        ("a baseline, best weights below it", {"baseline": 0.1, "patience": 3, "restore_best_weights": True}, falling),
        ("a late start", {"patience": 1, "start_from_epoch": 5, "restore_best_weights": True}, falling),
        ("a start that never comes", {"start_from_epoch": 50, "restore_best_weights": True}, falling),
        ("max", {"mode": "max", "patience": 2}, [1.0, 2.0, 1.5, 3.0, 2.9, 2.8, 2.7, 9.0]),
        ("max with min_delta", {"mode": "max", "min_delta": 1.0, "patience": 2}, [1.0, 2.0, 2.5, 3.5, 4.0, 4.2, 9.0]),
        ("min", {"mode": "min", "patience": 2, "monitor": "anything"}, falling),
        ("the first epoch never stops", {"patience": 0, "baseline": 0.0}, [5.0, 4.0, 3.0]),
        ("values that are missing", {"patience": 2}, [1.0, None, 1.5, None, 1.2, 1.1, 1.0, 0.5]),
        ("a metric of the model", {"monitor": "val_mean_absolute_error", "patience": 1}, [1.0, 0.9, 0.95, 0.96]),
    ]:
        first = Prescribed(config.get("monitor", "val_loss"), values)
        stop = keras.callbacks.EarlyStopping(**config)
        m, history = train([first, stop], len(values))
        yield case(
            "early stopping: " + name, config, class_="EarlyStopping",
            numbers={
                "values": [float("nan") if v is None else float(v) for v in values],
                "weights": first.weights,
                "final": float(m.get_weights()[0][0, 0]),
                "epochs": float(len(first.weights)),
                "stopped_epoch": float(stop.stopped_epoch),
                "best_epoch": float(stop.best_epoch),
            },
        )


def reduce_lr():
    flat = [1.0, 0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.8, 0.85, 0.86, 0.87, 0.88]
    for name, config, values in [
        ("defaults", {}, flat + [1.0] * 12),
        ("patience", {"patience": 2}, flat),
        ("patience of nothing", {"patience": 0}, flat[:6]),
        ("factor", {"patience": 3, "factor": 0.5}, flat),
        ("cooldown", {"patience": 2, "cooldown": 3, "factor": 0.5}, flat),
        ("cooldown is longer than patience", {"patience": 1, "cooldown": 4, "factor": 0.5}, flat),
        ("min_lr", {"patience": 1, "factor": 0.5, "min_lr": 0.03}, flat),
        ("min_delta", {"patience": 2, "min_delta": 0.15, "factor": 0.5}, flat),
        ("no min_delta", {"patience": 2, "min_delta": 0.0, "factor": 0.5}, [1.0, 0.99999, 0.99998, 0.99997, 1.0, 1.0, 1.0]),
        ("small steps are none", {"patience": 2, "factor": 0.5}, [1.0, 0.99999, 0.99998, 0.99997, 1.0, 1.0, 1.0]),
        ("max", {"monitor": "anything", "mode": "max", "patience": 2}, [1.0, 1.1, 1.05, 1.0, 1.2, 1.0, 1.0, 1.0]),
        ("values that are missing", {"patience": 2}, [1.0, None, 1.5, None, 1.2, 1.1, 1.0, 0.5]),
    ]:
        first = Prescribed(config.get("monitor", "val_loss"), values)
        m, history = train([first, keras.callbacks.ReduceLROnPlateau(**config)], len(values))
        yield case(
            "reduce lr: " + name, config, class_="ReduceLROnPlateau",
            numbers={
                "values": [float("nan") if v is None else float(v) for v in values],
                "learning_rate": history["learning_rate"],
                "final_rate": float(m.optimizer.learning_rate.numpy()),
                "weights": first.weights,
            },
        )


def scheduler():
    first = Prescribed("unused", [None] * 6)
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate if epoch < 2 else rate * 0.5)
    m, history = train([first, schedule], 6)
    yield case(
        "scheduler: halves from the third epoch on", class_="LearningRateScheduler",
        numbers={"learning_rate": history["learning_rate"], "weights": first.weights},
    )


class Rows(keras.callbacks.Callback):
    """Replaces the logs by rows[epoch]."""

    def __init__(self, rows):
        super().__init__()
        self.rows = rows

    def on_epoch_end(self, epoch, logs=None):
        logs.clear()
        logs.update(self.rows[epoch])


def csv_logger():
    plain = [{"loss": 0.5, "mae": 1.0}, {"loss": 1e-5, "mae": 123456.0}, {"loss": 1e16, "mae": 0.1}, {"loss": 1e-4, "mae": float("nan")}]
    validated = [dict(row, val_loss=row["loss"] / 3, val_mae=float("inf")) for row in plain]
    rare = [row if i % 2 else {k: v for k, v in row.items() if "val" not in k} for i, row in enumerate(validated)]
    for name, config, runs in [
        ("without validation", {}, [plain]),
        ("with validation", {}, [validated]),
        ("validation now and then", {}, [rare]),
        ("separator", {"separator": ";"}, [validated]),
        ("two runs", {}, [plain, plain[:2]]),
        ("append", {"append": True}, [plain, plain[:2]]),
    ]:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "log.csv")
            for rows in runs:
                train([Rows(rows), keras.callbacks.CSVLogger(path, **config)], len(rows))
            with open(path, newline="") as f:
                text = f.read()
        yield case("csv: " + name, config, class_="CSVLogger", texts={"file": text})


def events(folder):
    """The events of a folder as text: kind, plugin, tag, step, element type and shape."""
    lines = []
    for file in sorted(os.listdir(folder)):
        for event in summary_iterator(os.path.join(folder, file)):
            for value in event.summary.value:
                lines.append("%s %s %d %s %s" % (
                    value.metadata.plugin_data.plugin_name, value.tag, event.step,
                    tf.as_dtype(value.tensor.dtype).name, [d.size for d in value.tensor.tensor_shape.dim],
                ))
    return "\n".join(lines)


def tensorboard():
    for name, config, more in [
        ("defaults", {}, {}),
        ("validation", {}, {"validation_data": (X, Y)}),
        ("histograms", {"histogram_freq": 2}, {}),
        ("batches", {"update_freq": 2}, {"batch_size": 1}),
        ("speed", {"write_steps_per_second": True}, {}),
    ]:
        with tempfile.TemporaryDirectory() as folder:
            m = model()
            more = {"batch_size": 4, **more}
            m.fit(X, Y, epochs=3, verbose=0, callbacks=[keras.callbacks.TensorBoard(folder, write_graph=False, **config)], **more)
            texts = {sub: events(os.path.join(folder, sub)) for sub in sorted(os.listdir(folder))}
        yield case("tensorboard: " + name, config, class_="TensorBoard", texts=texts)


def histograms():
    """tf.summary.histogram's buckets."""
    for name, values in [
        ("a ramp", np.arange(100, dtype=np.float32)),
        ("one value", np.full(7, 0.25, np.float32)),
        ("two values", np.array([-1, 2, 2], np.float32)),
        ("a bell", np.sin(np.arange(500, dtype=np.float32)) ** 3),
    ]:
        with tempfile.TemporaryDirectory() as folder:
            with tf.summary.create_file_writer(folder).as_default():
                tf.summary.histogram("h", values, step=0)
            for file in os.listdir(folder):
                for event in summary_iterator(os.path.join(folder, file)):
                    for value in event.summary.value:
                        buckets = tf.make_ndarray(value.tensor)
        yield case(
            "histogram: " + name, class_="histogram", tensors={"values": values},
            numbers={"buckets": [float(v) for v in buckets.ravel()]},
        )


if __name__ == "__main__":
    makers = [early_stopping, reduce_lr, scheduler, csv_logger, tensorboard, histograms]
    write("callbacks", VERSIONS, [one for maker in makers for one in maker()])
