"""Makes testdata/images.json: how Keras resizes pictures.

    python3 -m venv venv && venv/bin/pip install keras tensorflow-cpu
    venv/bin/python internal/golden/keras_images.py

image_dataset_from_directory resizes with tf.image.resize, without smoothing, with smart_resize, which cuts first, or with
tf.image.resize_with_pad.
The picture's pixel in row y and column x has the channels (7y + 13x) mod 256, (50x) mod 256 and (90y) mod 256.
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf

from goldenjson import case, write

VERSIONS = {"keras": keras.__version__, "tensorflow": tf.__version__}


def picture(height, width):
    y, x = np.mgrid[0:height, 0:width]
    return (np.stack([7 * y + 13 * x, 50 * x, 90 * y], -1) % 256).astype(np.uint8)


def cases():
    for height, width, to in [
        (4, 5, (4, 5)), (4, 5, (2, 3)), (3, 2, (5, 7)), (9, 8, (3, 3)), (1, 1, (2, 2)), (1, 7, (2, 3)), (6, 4, (1, 1)), (7, 11, (5, 4)),
    ]:
        for interpolation in ["bilinear", "nearest"]:
            for crop in [False, True]:
                config = {"height": height, "width": width, "interpolation": interpolation, "crop": crop}
                image = picture(height, width)
                if crop:
                    y = keras.preprocessing.image.smart_resize(image.astype("float32"), to, interpolation=interpolation)
                else:
                    y = tf.image.resize(image, to, method=interpolation).numpy()
                what = "%d × %d to %d × %d, %s%s" % (height, width, *to, interpolation, ", cropped" if crop else "")
                yield case(what, config, tensors={"y": y})
    for height, width, to in [(4, 5, (7, 3)), (9, 8, (3, 3)), (3, 2, (5, 7)), (1, 7, (2, 3))]:
        for interpolation in ["bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"]:
            y = tf.image.resize(picture(height, width), to, method=interpolation).numpy()
            config = {"height": height, "width": width, "interpolation": interpolation}
            yield case("%d × %d to %d × %d, %s" % (height, width, *to, interpolation), config, tensors={"y": y})
        for interpolation in ["bilinear", "nearest", "lanczos3"] if height > 1 else []:  # TensorFlow refuses an image of less than a row
            y = tf.image.resize_with_pad(picture(height, width), *to, method=interpolation).numpy()
            config = {"height": height, "width": width, "interpolation": interpolation, "pad": True}
            yield case("%d × %d to %d × %d, %s, padded" % (height, width, *to, interpolation), config, tensors={"y": y})


if __name__ == "__main__":
    write("images", VERSIONS, list(cases()))
