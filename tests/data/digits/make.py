"""Trains the digits network and writes its models and labelled data next to this file."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import common
import numpy as np
from sklearn.datasets import load_digits

SHAPE = (8, 8, 1)
EPOCHS = 80

tf = common.start_tf(7)
layers = tf.keras.layers


def build(batch=None):
    def norm(t):
        return layers.BatchNormalization()(t)

    x = layers.Input(SHAPE, batch_size=batch)
    t = layers.Conv2D(16, 3, padding="same", use_bias=False)(x)
    t = layers.ReLU()(norm(t))
    # A residual block of two depthwise-separable convolutions.
    skip = t
    for last in (False, True):
        t = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(t)
        t = layers.ReLU(6.0)(norm(t))
        t = norm(layers.Conv2D(16, 1, use_bias=False)(t))
        if not last:
            t = layers.ReLU()(t)
    t = layers.ReLU()(layers.Add()([skip, t]))
    t = layers.MaxPooling2D(2)(t)
    # A strided separable convolution.
    t = layers.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False)(t)
    t = layers.ReLU(6.0)(norm(t))
    t = layers.Conv2D(32, 1, use_bias=False)(t)
    t = layers.ReLU()(norm(t))
    t = layers.Flatten()(t)
    t = layers.Dropout(0.2)(t)
    t = layers.Dense(10)(t)
    return tf.keras.Model(x, layers.Softmax()(t))


def batches(x, y, rng):
    """One epoch, each picture moved by at most one pixel and made fainter or noisier."""
    order = rng.permutation(len(x))
    out = np.empty_like(x)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    for i, (dy, dx) in enumerate(rng.integers(0, 3, (len(x), 2))):
        if rng.random() < 0.5:
            dy = dx = 1
        out[i] = padded[i, dy : dy + 8, dx : dx + 8]
    gain = rng.uniform(0.8, 1.1, (len(x), 1, 1, 1))
    out = np.clip(out * gain + rng.normal(0, 0.03, x.shape), 0, 1).astype(np.float32)
    return out[order], y[order]


def main():
    rng = np.random.default_rng(7)
    data = load_digits()
    x = (data.images / 16.0).astype(np.float32)[..., None]
    y = data.target.astype(np.int64)
    order = rng.permutation(len(x))
    train, held = order[:-500], order[-500:]

    model = build()
    rate = tf.keras.optimizers.schedules.CosineDecay(4e-3, EPOCHS * 41)
    model.compile(tf.keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    for _ in range(EPOCHS):
        xs, ys = batches(x[train], y[train], rng)
        model.fit(xs, ys, batch_size=32, shuffle=False, verbose=0)

    calibration = x[train[:100]]
    paths = [os.path.join(HERE, n) for n in ("digits_float.tflite", "digits_int8_tf.tflite")]
    common.convert(build, model, SHAPE, calibration, *paths)
    common.write_npz(os.path.join(HERE, "calibration.npz"), {"x": calibration})
    common.write_npz(os.path.join(HERE, "heldout.npz"), {"x": x[held], "y": y[held]})
    for path in paths:
        common.accuracy(path, x[held], y[held])
        common.write_expected(path, path.replace(".tflite", ".expected.npz"), x[held[:6]])


main()
