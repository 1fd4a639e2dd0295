"""Makes synthetic vibration of a machine, trains an autoencoder on its good days, and writes model and data beside this file.

`recording.npz` holds what the sensor itself says (`raw`, int16 [windows, 256, 3], 8192 for 1 g, 1344 readings a second) and what
is wrong with the machine in each window (`label`, see labels.txt). `threshold.txt` holds the mean squared error, in eighths of an
octave squared, from which on a window is unusual: a quarter above that of 99 of 100 good windows that the network was not trained on.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import common
import numpy as np
from features import LEVELS, SCALE, WINDOW, features

tf = common.start_tf(7)
layers = tf.keras.layers

LABELS = ["good", "imbalance", "bearing", "loose"]
RATE, LSB, INPUTS = 1344, 8192, 3 * LEVELS


def window(kind, rng):
    """[256, 3] in g: a shaft that turns 25 to 35 times a second, its harmonics, a hum of the motor, noise."""
    t = np.arange(WINDOW) / RATE
    turn = 2 * np.pi * rng.uniform(25, 35) * t + rng.uniform(0, 6.28)
    load = rng.uniform(0.7, 1.3)
    first = 0.10 * load * (4 if kind == "imbalance" else 1)
    out = np.stack([first * np.cos(turn), first * np.sin(turn), 0.3 * first * np.sin(turn + 1)], 1)
    for k, size in ((2, 0.05), (3, 0.03), (5, 0.02)):
        size *= load * (5 if kind == "loose" and k > 1 else 1)
        out += size * np.sin(k * turn[:, None] + rng.uniform(0, 6.28, 3)) * [1, 0.8, 0.6]
    hum = 2 * np.pi * rng.uniform(195, 205) * t[:, None] + rng.uniform(0, 6.28, 3)
    out += 0.04 * load * np.sin(hum) * [0.5, 1, 1]
    if kind == "bearing":
        ring = np.exp(-np.arange(40) / 8) * np.sin(2 * np.pi * 0.37 * np.arange(40))
        for at in range(int(rng.integers(0, 15)), WINDOW - 40, 15):
            out[at : at + 40] += rng.uniform(0.25, 0.45) * ring[:, None] * [1, 0.7, 0.9]
    return out + rng.normal(0, 0.008, out.shape) + [0, 0, 1]


def raw(kinds, rng):
    x = np.stack([window(LABELS[kind], rng) for kind in kinds])
    return np.clip(np.round(x * LSB), -32768, 32767).astype(np.int16)


def build(batch=None):
    x = layers.Input((INPUTS,), batch_size=batch)
    t = layers.Dense(16, activation="relu")(x)
    t = layers.Dense(4, activation="relu")(t)
    t = layers.Dense(16, activation="relu")(t)
    return tf.keras.Model(x, layers.Dense(INPUTS)(t))


def main():
    rng = np.random.default_rng(7)
    good = lambda n: features(raw([0] * n, rng))
    x = good(4000).astype(np.float32) * SCALE
    model = build()
    rate = tf.keras.optimizers.schedules.CosineDecay(1e-2, 40 * 63)
    model.compile(tf.keras.optimizers.Adam(rate), "mse")
    model.fit(x, x, batch_size=64, epochs=40, verbose=0)

    calibration = x[:64].copy()
    calibration[0, :2] = -128 * SCALE, 127 * SCALE
    paths = [os.path.join(HERE, n) for n in ("vibration_float.tflite", "vibration_int8_tf.tflite")]
    common.convert(build, model, (INPUTS,), calibration, *paths)
    common.write_npz(os.path.join(HERE, "calibration.npz"), {"x": calibration})

    run = common.Micro(common.read(paths[1]))
    scale, zero = common.quantization(common.read(paths[1]))[1]
    def errors(q):
        made = np.concatenate([run(row[None])[0] for row in q])
        back = (made.astype(np.float32) - zero) * np.float32(scale / SCALE)
        return ((q - back) ** 2).mean(1)
    threshold = int(np.ceil(1.25 * np.percentile(errors(good(1000)), 99)))
    with open(os.path.join(HERE, "threshold.txt"), "w") as f:
        f.write(f"{threshold}\n")
    for kind, name in enumerate(LABELS):
        found = errors(features(raw([kind] * 1000, rng)))
        print(f"{name}: {(found >= threshold).mean() * 100:.1f} % unusual, error {np.median(found):.1f}; from {threshold} on")

    kinds = np.array([0, 0, 0, 1, 1, 1, 0, 0, 2, 2, 2, 0, 0, 3, 3, 0, 0])
    readings = raw(kinds, rng)
    common.write_npz(os.path.join(HERE, "recording.npz"), {"raw": readings, "label": kinds})
    steps = features(readings).astype(np.float32) * np.float32(SCALE)
    for path in paths:
        common.write_expected(path, path.replace(".tflite", ".expected.npz"), steps)
    with open(os.path.join(HERE, "labels.txt"), "w") as f:
        f.write("".join(f"{name}\n" for name in LABELS))


main()
