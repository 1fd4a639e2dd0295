"""Makes synthetic speech, trains the keyword network, writes models and data beside it.

Needs the `espeak-ng` program. `make.py FOLDER` keeps the spoken clips in `clips.npz` there and
uses them again when they are there, and writes `heldout_audio.npz`, the sound of all held-out samples,
for `tests/accuracy/keywords.py`.
"""

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import common
import numpy as np
from features import FRONTEND, HOP, RATE, SHAPE, STEP, features, stream
from scipy.signal import lfilter, resample_poly

SEED = 11
EPOCHS = 24
COPIES = 5
WORDS = ["yes", "no", "up", "down", "stop", "go"]
LABELS = [*WORDS, "silence", "unknown"]
SILENCE, UNKNOWN = LABELS.index("silence"), LABELS.index("unknown")
OTHERS = (
    "left right on off cat dog bird tree house happy one two three four five six seven "
    "eight nine zero marvin sheila wow bed learn visual follow forward"
).split()
ACCENTS = (
    "en-gb en-us en-gb-scotland en-gb-x-gbclan en-gb-x-rp en-gb-x-gbcwmd en-029 en-us-nyc"
).split()
# Voices that whisper, croak or sound like machines are left out.
ODD = re.compile(r"whisper|croak|robo|klatt|demonic|announcer|fast|storm|kaukovalta", re.I)


def voices():
    """(voice, is it held out), with voices that differ in a final digit kept together."""
    listing = subprocess.run(
        ["espeak-ng", "--voices=variant"], capture_output=True, text=True, check=True
    ).stdout
    names = sorted(set(re.findall(r"!v/(\S+)", listing)))
    names = [n for n in names if not ODD.search(n)]
    family = {n: n if len(n) <= 2 else n.lower().rstrip("0123456789") for n in names}
    order = sorted(set(family.values()))
    np.random.default_rng(SEED).shuffle(order)
    held = set(order[: len(order) // 5])
    return [(n, family[n] in held) for n in names]


def speak(word, accent, voice, rng):
    """One spoken word at 16 kHz, peak 1, with the quiet ends cut off; None if empty."""
    command = ["espeak-ng", "-v", f"{accent}+{voice}", "--stdout"]
    command += ["-s", str(rng.integers(110, 211)), "-p", str(rng.integers(20, 86)), word]
    wav = subprocess.run(command, capture_output=True, check=True).stdout
    audio = np.frombuffer(wav[44 : len(wav) // 2 * 2], "<i2").astype(np.float64)
    if np.abs(audio).max(initial=0) < 500:
        return None
    audio = resample_poly(audio, 320, 441)  # 22,050 Hz to 16 kHz
    audio /= np.abs(audio).max()
    loud = np.flatnonzero(np.abs(audio) > 0.01)
    audio = audio[max(loud[0] - 160, 0) : loud[-1] + 160]
    return (audio[: RATE - 800] * 32767).astype(np.int16)


def spoken():
    """Every clip as (audio [N, 16000] from sample 0 on, length, label, held out)."""
    rng = np.random.default_rng(SEED)
    audio, length, label, held = [], [], [], []
    for voice, is_held in voices():
        jobs = [(w, a) for w in WORDS for a in ACCENTS]
        jobs += [(w, a) for w in OTHERS for a in rng.choice(ACCENTS, 2, replace=False)]
        for word, accent in jobs:
            clip = speak(word, accent, voice, rng)
            if clip is None:
                continue
            audio.append(np.pad(clip, (0, RATE - len(clip))))
            length.append(len(clip))
            label.append(LABELS.index(word) if word in WORDS else UNKNOWN)
            held.append(is_held)
        print(f"{voice}: {len(audio)} clips", flush=True)
    return tuple(np.array(v) for v in (audio, length, label, held))


def noise(rng):
    """A second of noise of a random colour, of unit power."""
    out = rng.normal(size=RATE)
    kind = rng.integers(4)
    if kind == 1:
        out = lfilter([1], [1, -rng.uniform(0.8, 0.98)], out)
    elif kind == 2:
        out = lfilter([1, -0.9], [1], out)
    elif kind == 3:
        t = np.arange(RATE) / RATE
        hum = rng.uniform(45, 400)
        out = 0.2 * out + sum(np.sin(2 * np.pi * hum * k * t + k) / k for k in (1, 2, 3))
    return out / np.sqrt(np.mean(out**2))


def scene(clip, length, rng):
    """The word somewhere within the second, at some loudness, over some noise."""
    out = np.zeros(RATE)
    slack = RATE - length
    at = int(np.clip(rng.normal(0.5, 0.22), 0, 1) * slack)
    gain = 10 ** rng.uniform(-1.1, -0.05)
    out[at : at + length] = clip[:length] / 32768.0 * gain
    if rng.random() < 0.85:
        level = np.sqrt(np.mean((clip[:length] / 32768.0 * gain) ** 2))
        out += noise(rng) * level * 10 ** (-rng.uniform(8, 40) / 20)
    return np.clip(np.round(out * 32767), -32768, 32767).astype(np.int16)


def quiet(rng):
    """A second without speech."""
    out = noise(rng) * 10 ** rng.uniform(-5, -1.2)
    return np.clip(np.round(out * 32767), -32768, 32767).astype(np.int16)


def dataset(clips, held, copies, rng):
    """(audio, features, labels), in the order in which the front end hears them."""
    audio, length, label, is_held = clips
    scenes, y = [], []
    for i in np.flatnonzero(is_held == held):
        for _ in range(copies):
            scenes.append(scene(audio[i], length[i], rng))
            y.append(label[i])
    for _ in range(int(np.sum(np.array(y) == 0))):
        scenes.append(quiet(rng))
        y.append(SILENCE)
    order = rng.permutation(len(scenes))
    heard = np.array(scenes)[order]
    return heard, features(heard), np.array(y, np.int64)[order]


def main():
    rng = np.random.default_rng(SEED)
    kept = sys.argv[1] if len(sys.argv) > 1 else None
    spoken_path = kept and os.path.join(kept, "clips.npz")
    if kept and os.path.exists(spoken_path):
        clips = tuple(np.load(spoken_path)[f"arr_{i}"] for i in range(4))
    else:
        clips = spoken()
        if kept:
            np.savez_compressed(spoken_path, *clips)
    _, x, y = dataset(clips, False, COPIES, rng)
    held_audio, held_x, held_y = dataset(clips, True, 1, rng)
    print(f"{len(x)} training samples, {len(held_x)} held out")
    print("training samples by label:", np.bincount(y))
    if kept:
        np.savez_compressed(os.path.join(kept, "heldout_audio.npz"), audio=held_audio, y=held_y)

    tf = common.start_tf(SEED)
    layers = tf.keras.layers

    def build(batch=None):
        def block(t, conv):
            return layers.ReLU()(layers.BatchNormalization()(conv(t)))

        inputs = layers.Input(SHAPE, batch_size=batch)
        first = layers.Conv2D(40, (10, 12), strides=(2, 8), padding="same", use_bias=False)
        t = block(inputs, first)
        for _ in range(4):
            t = block(t, layers.DepthwiseConv2D(3, padding="same", use_bias=False))
            t = block(t, layers.Conv2D(40, 1, use_bias=False))
        t = layers.Dropout(0.3)(t)
        t = layers.AveragePooling2D((25, 5))(t)
        t = layers.Flatten()(t)
        return tf.keras.Model(inputs, layers.Softmax()(layers.Dense(len(LABELS))(t)))

    model = build()
    rate = tf.keras.optimizers.schedules.CosineDecay(4e-3, EPOCHS * -(-len(x) // 64))
    adam = tf.keras.optimizers.Adam(rate)
    model.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=64, epochs=EPOCHS, verbose=2)
    right = model.predict(held_x, verbose=0).argmax(1) == held_y
    print(f"held-out voices: {right.sum()} of {len(right)} right ({right.mean():.4f})")
    for i, name in enumerate(LABELS):
        print(f"  {name}: {right[held_y == i].mean():.3f}")

    def beside(name):
        return os.path.join(HERE, name)

    calibration = x[:64].copy()
    # The ends of what the front end can give, so that its bytes are the network's input as they are.
    calibration[0, 0, 0], calibration[0, -1, -1] = 0, 255 * STEP
    paths = [beside("keywords_float.tflite"), beside("keywords_int8_tf.tflite")]
    common.convert(build, model, SHAPE, calibration, *paths)
    # The first 13 of each label, in the order they come, heard one after the other.
    first = [np.flatnonzero(held_y == i)[:13] for i in range(len(LABELS))]
    chosen = np.sort(np.concatenate(first))
    ship_x, ship_y = features(held_audio[chosen]), held_y[chosen]
    common.write_npz(beside("calibration.npz"), {"x": calibration})
    common.write_npz(beside("heldout.npz"), {"x": ship_x, "y": ship_y})
    with open(beside("labels.txt"), "w") as f:
        f.write("".join(name + "\n" for name in LABELS))
    for path in paths:
        print("all held-out samples:")
        common.accuracy(path, held_x, held_y)
        print("those in heldout.npz:")
        common.accuracy(path, ship_x, ship_y)
        common.write_expected(path, path.replace(".tflite", ".expected.npz"), ship_x[:5])

    # Clean clips of held-out voices, each in the middle of its second, half loud.
    audio, names = [], ["yes", "no", "stop", "unknown"]
    for name in names:
        of = np.flatnonzero(clips[3] & (clips[2] == LABELS.index(name)))
        i = of[len(of) // 2]
        audio.append(np.roll(clips[0][i] // 2, (RATE - clips[1][i]) // 2))
    audio = np.array(audio, np.int16)
    labels = np.array([LABELS.index(n) for n in names], np.int64)
    arrays = {"audio": audio, "x": features(audio), "y": labels}
    micro = common.Micro(common.read(paths[1]))
    arrays["scores"] = np.concatenate([micro(row[None, ..., None])[0] for row in stream(audio)])
    common.write_npz(beside("clips.npz"), arrays)
    # Some of the first word, hop by hop.
    front, steps = common.Micro(common.read(FRONTEND)), {}
    for t, hop in enumerate(audio[0, 4800:14400].reshape(-1, 1, HOP)):
        steps[f"t{t}.in0"], steps[f"t{t}.out0"] = hop, front(hop)[0]
    steps["oracle"] = np.array(front.name)
    common.write_npz(FRONTEND.replace(".tflite", ".expected.npz"), steps)
    print("the clips, clean:", [LABELS[i] for i in model.predict(arrays["x"]).argmax(1)])


main()
