"""The keyword example from sound to decision, on held-out voices: the firmware in QEMU beside the host.

    python tests/data/keywords/make.py KEPT          # writes KEPT/heldout_audio.npz
    python tests/accuracy/keywords.py KEPT/heldout_audio.npz

Per stretch of 100 seconds it prints how many decisions of the device are right, and whether their scores
are those of TensorFlow Lite Micro (the same front end and int8 network); at the end the accuracy of the
device and that of the float network in LiteRT. Needs what `cargo xtask firmware` needs, which must have
run once (it builds the decoder of logs), and tests/data/requirements.txt.
"""

import ast
import os
import subprocess
import sys
import tempfile

import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
DATA = os.path.join(ROOT, "tests/data")
sys.path[:0] = [DATA, os.path.join(DATA, "keywords")]

import common
import features

STRETCH = 100  # seconds: what the board's flash holds
TRIPLE = "thumbv7em-none-eabihf"


def device(audio):
    """The scores of each second, from the firmware in QEMU."""
    with tempfile.NamedTemporaryFile(suffix=".bin") as sound:
        sound.write(audio.astype("<i2").tobytes())
        sound.flush()
        firmware = os.path.join(ROOT, "firmware-examples")
        folder = os.path.join(ROOT, "target/firmware")
        command = ["cargo", "build", "--quiet", "--release", "--package", "boards", "--bin", "keyword-spotting"]
        command += ["--target", TRIPLE, "--target-dir", folder]
        settings = {"BOARD": "mps2-an386", "DEFMT_LOG": "info", "SOUND": sound.name}
        subprocess.run(command, cwd=firmware, env={**os.environ, **settings}, check=True)
    elf = os.path.join(folder, TRIPLE, "release/keyword-spotting")
    qemu = ["qemu-system-arm", "-M", "mps2-an386", "-nographic", "-monitor", "none", "-serial", "none"]
    qemu += ["-semihosting-config", "enable=on,target=native", "-kernel", elf]
    logs = subprocess.run(qemu, stdout=subprocess.PIPE, check=True).stdout
    decoder = [os.path.join(ROOT, "target/defmt/release/defmt-lines"), elf]
    lines = subprocess.run(decoder, input=logs, stdout=subprocess.PIPE, check=True).stdout.decode()
    scores = [line.split("\t", 1)[1] for line in lines.splitlines() if line.startswith("\t[")]
    return np.array([ast.literal_eval(line[: line.index("]") + 1]) for line in scores], np.int8)


def main():
    kept = np.load(sys.argv[1])
    audio, y = kept["audio"], kept["y"]
    path = os.path.join(DATA, "keywords/keywords_{}.tflite")
    micro = common.Micro(common.read(path.format("int8_tf")))
    real = common.LiteRt(common.read(path.format("float")))
    hits, real_hits, equal = [], [], []
    for start in range(0, len(audio), STRETCH):
        part, labels = audio[start : start + STRETCH], y[start : start + STRETCH]
        found = device(part)
        heard = features.stream(part)[..., None]
        wanted = np.concatenate([micro(row[None])[0] for row in heard])
        equal.append(np.array_equal(found, wanted))
        hits.extend(found.argmax(1) == labels)
        x = (heard.astype(np.float32) - features.ZERO) * np.float32(features.STEP)
        real_hits.extend(real(row[None])[0].argmax() == label for row, label in zip(x, labels))
        print(f"{start + len(part)} seconds: {sum(hits)} right, bits equal: {equal[-1]}", flush=True)
    print(f"device: {np.mean(hits):.2%}, float on the host: {np.mean(real_hits):.2%}, bits equal: {all(equal)}")


main()
