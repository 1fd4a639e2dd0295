"""Makes the person detection data: pictures of 96 x 96 in grey, drawn, half of them with a figure of head, trunk, arms and legs.

    python tests/data/person/make.py        # about five minutes

The others have the same parts, thrown together. Among both are boxes and bars, light and shadow. What the network knows of people is
that; for photographs take one that saw some, such as that of MLPerf Tiny's visual wake words, which the example runs as well.

Writes person_int8_tf.tflite and, with a few pictures that it was not trained with, person_int8_tf.expected.npz.
"""

import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import common

tf = common.start_tf(11)
layers = tf.keras.layers

SIDE = 96
GRID = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), -1).astype(np.float32)


def capsule(start, end, radius):
    """Where a stroke from start to end covers a picture, 0 to 1."""
    start, way = np.asarray(start, np.float32), np.subtract(end, start).astype(np.float32)
    along = np.clip((GRID - start) @ way / max(way @ way, 1e-6), 0, 1)
    distance = np.linalg.norm(GRID - start - along[..., None] * way, axis=-1)
    return np.clip(radius + 0.5 - distance, 0, 1)


def turned(length, angle):
    """A way down, turned by an angle."""
    return length * np.array([np.sin(angle), np.cos(angle)])


def parts(rng):
    """The strokes of a figure that stands at (0, 0) and is 1 high, each with a radius: head, trunk, two arms, two legs."""
    lean = rng.normal(0, 0.08)
    hip = np.array([0, -0.45])
    neck = hip - turned(0.33, lean)
    head = neck - turned(rng.uniform(0.1, 0.12), lean)
    strokes = [(head, head, rng.uniform(0.075, 0.09)), (neck + [0, 0.05], hip, rng.uniform(0.08, 0.12))]
    for side in (-1, 1):
        shoulder = neck + [0.08 * side, 0.03]
        elbow = shoulder + turned(0.18, side * rng.uniform(0.1, 1.4))
        hand = elbow + turned(0.17, side * rng.uniform(-0.6, 1.8))
        strokes += [(shoulder, elbow, 0.035), (elbow, hand, 0.03)]
    for side in (-1, 1):
        knee = hip + [0.05 * side, 0] + turned(0.23, side * rng.uniform(0, 0.5))
        strokes += [(hip + [0.05 * side, 0], knee, 0.05), (knee, knee + turned(0.22, rng.normal(0, 0.15)), 0.04)]
    return strokes


def scattered(strokes, rng):
    """The same strokes, each somewhere else and turned."""
    found = []
    for start, end, radius in strokes:
        angle = rng.uniform(0, 2 * np.pi)
        way = np.linalg.norm(np.subtract(end, start)) * np.array([np.cos(angle), np.sin(angle)])
        middle = [rng.uniform(-0.35, 0.35), rng.uniform(-1, 0)]
        found.append((middle - way / 2, middle + way / 2, radius))
    return found


def picture(is_person, rng):
    """Bytes of brightness."""
    light = rng.uniform(-0.8, 0.8, 2) @ (GRID.reshape(-1, 2).T - SIDE / 2)
    image = rng.uniform(60, 190) + light.reshape(SIDE, SIDE)
    for _ in range(rng.integers(0, 4)):
        low = rng.integers(-20, SIDE, 2)
        high = low + rng.integers(6, 50, 2)
        inside = ((GRID >= low) & (GRID < high)).all(-1)
        image = np.where(inside, rng.uniform(20, 235), image)
    height = rng.uniform(50, 88)
    feet = np.array([rng.uniform(0.3, 0.7) * SIDE, rng.uniform(height, SIDE + 4)])
    strokes = parts(rng)
    if not is_person:
        strokes = scattered(strokes, rng)
    around = image.mean()
    cloth = around + rng.choice([-1, 1]) * rng.uniform(50, 110)
    for i, (start, end, radius) in enumerate(strokes):
        grey = cloth + (rng.uniform(-30, 30) if i in (0, 6, 8) else 0)
        cover = capsule(feet + height * start, feet + height * end, height * radius)
        image = image + cover * (grey - image)
    image += 4 * rng.integers(-2, 3, (SIDE, SIDE))
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def pictures(count, rng):
    y = np.arange(count) % 2
    return np.stack([picture(label == 1, rng) for label in y])[..., None], y


def block(layer, t):
    return layers.ReLU()(layers.BatchNormalization()(layer(t)))


def build(batch=None):
    x = layers.Input((SIDE, SIDE, 1), batch_size=batch)
    t = block(layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False), x)
    for filters, strides in ((16, 2), (24, 2), (32, 1), (32, 2), (48, 1)):
        t = block(layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False), t)
        t = block(layers.Conv2D(filters, 1, use_bias=False), t)
    t = layers.GlobalAveragePooling2D()(t)
    return tf.keras.Model(x, layers.Dense(2, activation="softmax")(t))


def scaled(x):
    """Bytes as the network takes them: one step of its int8 is one of theirs."""
    return x.astype(np.float32) / np.float32(255)


def main():
    rng = np.random.default_rng(11)
    x, y = pictures(6000, rng)
    held, held_y = pictures(400, rng)
    model = build()
    rate = tf.keras.optimizers.schedules.CosineDecay(2e-3, 30 * 94)
    model.compile(tf.keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(scaled(x), y, batch_size=64, epochs=30, verbose=2)

    calibration = scaled(x[:100])
    calibration[0, 0, :2, 0] = 0, 1
    path = os.path.join(HERE, "person_int8_tf.tflite")
    float_path = os.path.join(HERE, "person_float.tflite")
    common.convert(build, model, (SIDE, SIDE, 1), calibration, float_path, path)
    for file in (float_path, path):
        common.accuracy(file, scaled(held), held_y)
    os.remove(float_path)
    # Nobody, somebody, who stays, leaves for a moment, and for good.
    order = [0, 1, 3, 2, 5, 4, 6]
    common.write_expected(path, path.replace(".tflite", ".expected.npz"), scaled(held[order]))


if __name__ == "__main__":
    main()
