"""The keyword example from sound to decision, on held-out voices: the firmware in QEMU beside the host.

    python tests/data/keywords/make.py KEPT          # writes KEPT/heldout_audio.npz
    python tests/accuracy/keywords.py KEPT/heldout_audio.npz [--cmsis]

With --cmsis the front end's spectrum is CMSIS-DSP's, whose sources the variable CMSIS_DSP must name; its bits are others.
Per stretch of 100 seconds it prints how many decisions of the device are right, and whether their scores
are those of TensorFlow Lite Micro (the same front end and int8 network); at the end the accuracy of the
device and that of the float network in LiteRT. Needs what `cargo xtask firmware` needs, which must have
run once (it builds the decoder of logs), and tests/data/requirements.txt.
"""

import os
import sys
import tempfile

import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
DATA = os.path.join(ROOT, "tests/data")
sys.path[:0] = [DATA, os.path.join(DATA, "keywords")]

import common
import device
import features

STRETCH = 100  # seconds: what the board's flash holds


def heard(audio, features):
    """The scores of each second, from the firmware in QEMU."""
    with tempfile.NamedTemporaryFile(suffix=".bin") as sound:
        sound.write(audio.astype("<i2").tobytes())
        sound.flush()
        return device.scores("keyword-spotting", {"SOUND": sound.name}, features)


def main():
    kept = np.load(sys.argv[1])
    audio, y = kept["audio"], kept["y"]
    path = os.path.join(DATA, "keywords/keywords_{}.tflite")
    micro = common.Micro(common.read(path.format("int8_tf")))
    real = common.LiteRt(common.read(path.format("float")))
    hits, real_hits, equal = [], [], []
    for start in range(0, len(audio), STRETCH):
        part, labels = audio[start : start + STRETCH], y[start : start + STRETCH]
        found = heard(part, ["cmsis"] if "--cmsis" in sys.argv else [])
        given = features.stream(part)[..., None]
        wanted = np.concatenate([micro(row[None])[0] for row in given])
        equal.append(np.array_equal(found, wanted))
        hits.extend(found.argmax(1) == labels)
        x = (given.astype(np.float32) - features.ZERO) * np.float32(features.STEP)
        real_hits.extend(real(row[None])[0].argmax() == label for row, label in zip(x, labels))
        print(f"{start + len(part)} seconds: {sum(hits)} right, bits equal: {equal[-1]}", flush=True)
    print(f"device: {np.mean(hits):.2%}, float on the host: {np.mean(real_hits):.2%}, bits equal: {all(equal)}")


main()
