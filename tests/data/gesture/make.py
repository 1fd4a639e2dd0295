"""Makes synthetic movements of a hand that holds an accelerometer, trains the gesture network, and writes its models and data
beside this file.

A window is 64 readings of three axes, 50 a second, in units of gravity. `recording.npz` holds what the sensor itself says over
20 seconds (`raw`, int16 [1000, 3], 8192 for 1 g) and what the hand does at each reading (`label`).
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import common
import numpy as np

tf = common.start_tf(5)
layers = tf.keras.layers

LABELS = ["rest", "circle", "shake", "tap"]
RATE, WINDOW, HOP = 50, 64, 16
# The input's scale: all that the sensor can say, -4 g to 4 g, in steps of 1/32.
LOWEST, HIGHEST = -4.0, 127 / 32
LSB = 8192


def gravity(rng):
    """The direction of gravity: the device lies in the hand, its z axis up, tilted by some."""
    tilt, turn = abs(rng.normal(0, 0.3)), rng.uniform(0, 2 * np.pi)
    return np.array([np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt)])


def movement(kind, count, rng):
    """What a gesture adds to gravity, [count, 3]."""
    t = np.arange(count)[:, None] / RATE
    phase = rng.uniform(0, 2 * np.pi)
    if kind == "circle":
        turn = 2 * np.pi * rng.uniform(0.8, 1.6) * t * rng.choice([-1, 1]) + phase
        size = rng.uniform(0.4, 0.9, 2)
        return np.concatenate([size[0] * np.cos(turn), size[1] * np.sin(turn), 0.1 * np.sin(turn)], 1)
    if kind == "shake":
        along = rng.normal(0, [1, 0.25, 0.25])
        along /= np.linalg.norm(along)
        return rng.uniform(0.8, 2.2) * np.sin(2 * np.pi * rng.uniform(3, 6) * t + phase) * along
    if kind == "tap":
        pulse = np.exp(-np.arange(8) / rng.uniform(0.7, 2)) * np.cos(np.pi * np.arange(8))
        out = np.zeros((count, 3))
        for at in rng.choice(max(count - 8, 1), 1 if count < 80 else 1 + count // 60, replace=False):
            out[at : at + 8] += rng.uniform(1.2, 2.8) * pulse[:, None] * rng.normal([0, 0, 1], 0.2)
        return out
    sway = 2 * np.pi * rng.uniform(0.1, 0.4) * t
    return rng.uniform(0, 0.12) * np.concatenate([np.sin(sway + p) for p in rng.uniform(0, 6, 3)], 1)


def windows(count, rng):
    """[count, 64, 1, 3] and labels. A gesture fills most of its window, with rest before or behind it."""
    x, y = [], []
    for n in range(count):
        label = n % len(LABELS)
        still = 0 if label in (0, 3) else rng.integers(0, WINDOW // 3)
        moved = movement(LABELS[label], WINDOW - still, rng)
        moved = np.concatenate([np.zeros((still, 3)), moved] if rng.random() < 0.5 else [moved, np.zeros((still, 3))])
        noise = rng.normal(0, rng.uniform(0.005, 0.04), moved.shape)
        x.append(np.clip(gravity(rng) + moved + noise, LOWEST, HIGHEST))
        y.append(label)
    return np.array(x, np.float32)[:, :, None], np.array(y, np.int64)


def recording(rng):
    """20 seconds: gestures in turn, rest between them."""
    raw, label = [], []
    for part, kind in enumerate([0, 2, 0, 1, 0, 3, 0, 1, 2, 0]):
        count = 100
        at = gravity(rng) if part == 0 else at
        raw.append(at + movement(LABELS[kind], count, rng) + rng.normal(0, 0.015, (count, 3)))
        label += [kind] * count
    raw = np.clip(np.round(np.concatenate(raw) * LSB), -32768, 32767).astype(np.int16)
    return raw, np.array(label, np.int64)


def build(batch=None):
    x = layers.Input((WINDOW, 1, 3), batch_size=batch)
    t = x
    for filters, rows in ((8, 5), (16, 5), (16, 3)):
        t = layers.Conv2D(filters, (rows, 1), strides=(2, 1), padding="same", activation="relu")(t)
    t = layers.GlobalAveragePooling2D()(t)
    return tf.keras.Model(x, layers.Dense(len(LABELS), activation="softmax")(t))


def main():
    rng = np.random.default_rng(5)
    x, y = windows(6000, rng)
    held, held_y = windows(80, rng)
    model = build()
    model.compile(tf.keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=64, epochs=12, verbose=0)

    calibration = x[:64].copy()
    calibration[0, 0, 0], calibration[0, 1, 0] = LOWEST, HIGHEST
    paths = [os.path.join(HERE, n) for n in ("gesture_float.tflite", "gesture_int8_tf.tflite")]
    common.convert(build, model, (WINDOW, 1, 3), calibration, *paths)
    common.write_npz(os.path.join(HERE, "calibration.npz"), {"x": calibration})
    common.write_npz(os.path.join(HERE, "heldout.npz"), {"x": held, "y": held_y})
    for path in paths:
        common.accuracy(path, held, held_y)

    raw, label = recording(rng)
    common.write_npz(os.path.join(HERE, "recording.npz"), {"raw": raw, "label": label})
    starts = range(0, len(raw) - WINDOW + 1, HOP)
    steps = np.stack([raw[s : s + WINDOW, None] / np.float32(LSB) for s in starts]).astype(np.float32)
    for path, count in zip(paths, (8, len(steps))):
        common.write_expected(path, path.replace(".tflite", ".expected.npz"), steps[:count])
    with open(os.path.join(HERE, "labels.txt"), "w") as f:
        f.write("".join(f"{name}\n" for name in LABELS))


main()
