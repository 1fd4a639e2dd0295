"""Trains the sine network and writes its models and data next to this file."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import common
import numpy as np

tf = common.start_tf(3)
layers = tf.keras.layers


def build(batch=None):
    x = layers.Input((1,), batch_size=batch)
    t = layers.Dense(16, activation="relu")(x)
    t = layers.Dense(16, activation="relu")(t)
    return tf.keras.Model(x, layers.Dense(1)(t))


def main():
    rng = np.random.default_rng(3)
    x = rng.uniform(0, 2 * np.pi, (4000, 1)).astype(np.float32)
    model = build()
    rate = tf.keras.optimizers.schedules.CosineDecay(1e-2, 200 * 63)
    model.compile(tf.keras.optimizers.Adam(rate), "mse")
    model.fit(x, np.sin(x), batch_size=64, epochs=200, verbose=0)

    calibration = np.linspace(0, 2 * np.pi, 100, dtype=np.float32)[:, None]
    paths = [os.path.join(HERE, n) for n in ("sine_float.tflite", "sine_int8_tf.tflite")]
    common.convert(build, model, (1,), calibration, *paths)
    common.write_npz(os.path.join(HERE, "calibration.npz"), {"x": calibration})

    points = np.linspace(0, 2 * np.pi, 1001, dtype=np.float32)[:, None]
    run = common.LiteRt(common.read(paths[0]))
    error = [float(run(p[None])[0][0, 0] - np.sin(p[0])) for p in points]
    print(f"float: mean |error| {np.mean(np.abs(error)):.4f}, largest {np.max(np.abs(error)):.4f}")
    quantized = common.read(paths[1])
    into, (scale, zero) = common.quantization(quantized)
    run = common.Micro(quantized)
    error = [
        (int(run(common.quantize(p[None], into))[0][0, 0]) - zero) * scale - np.sin(p[0])
        for p in points
    ]
    print(f"int8: mean |error| {np.mean(np.abs(error)):.4f}, largest {np.max(np.abs(error)):.4f}")

    steps = np.linspace(0, 2 * np.pi, 24, dtype=np.float32)[:, None]
    for path in paths:
        common.write_expected(path, path.replace(".tflite", ".expected.npz"), steps)


main()
