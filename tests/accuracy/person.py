"""The person detection example on labelled photographs: the firmware in QEMU beside TensorFlow Lite Micro.

    python tests/accuracy/person.py vww_96_int8.tflite FOLDER

FOLDER holds pictures of 96 x 96 as MLPerf Tiny's accuracy set for visual wake words does, and labels.csv, `file,label` in each line,
with 1 for a person; --blue-first where the files' first channel is blue. Needs what `cargo xtask firmware` needs, which must have
run once, tests/data/requirements.txt, and Pillow.
"""

import argparse
import csv
import os
import sys
import tempfile

import numpy as np
from PIL import Image

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path.insert(0, os.path.join(ROOT, "tests/data"))

import common
import device

STRETCH = 50  # pictures: what the board's flash holds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("folder")
    parser.add_argument("--blue-first", action="store_true")
    args = parser.parse_args()
    with open(os.path.join(args.folder, "labels.csv")) as file:
        rows = [(name, int(label)) for name, label in csv.reader(file)]
    images = [np.asarray(Image.open(os.path.join(args.folder, name)).convert("RGB")) for name, _ in rows]
    pictures = np.stack(images)[..., :: -1 if args.blue_first else 1]
    y = np.array([label for _, label in rows])
    micro = common.Micro(common.read(args.model))
    hits, equal = [], True
    for start in range(0, len(y), STRETCH):
        part = np.ascontiguousarray(pictures[start : start + STRETCH])
        with tempfile.NamedTemporaryFile(suffix=".bin") as file:
            file.write(part.tobytes())
            file.flush()
            settings = {"PERSON_MODEL": os.path.abspath(args.model), "PERSON_PICTURES": file.name}
            found = device.scores("person-detection", settings)
        wanted = np.concatenate([micro((row ^ 0x80).view(np.int8)[None])[0] for row in part])
        equal &= np.array_equal(found, wanted)
        hits.extend(found.argmax(1) == y[start : start + STRETCH])
        print(f"{len(hits)} pictures: {sum(hits)} right, bits equal: {equal}", flush=True)
    print(f"device: {np.mean(hits):.2%}, bits equal: {equal}")


main()
