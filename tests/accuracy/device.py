"""Runs a firmware example on a board in QEMU."""

import ast
import os
import subprocess

import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
TRIPLE = "thumbv7em-none-eabihf"


def scores(program, settings, features=()):
    """The int8 scores that the program prints, a row for each line that begins with them.

    `settings` are variables of the environment while it is built. Needs what `cargo xtask firmware` needs, which must have run
    once (it builds the decoder of logs).
    """
    firmware = os.path.join(ROOT, "firmware-examples")
    folder = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "firmware")
    command = ["cargo", "build", "--quiet", "--release", "--package", "boards", "--bin", program]
    command += ["--target", TRIPLE, "--target-dir", folder]
    if features:
        command += ["--features", ",".join(features)]
    settings = {"BOARD": "mps2-an386", "DEFMT_LOG": "info", **settings}
    subprocess.run(command, cwd=firmware, env={**os.environ, **settings}, check=True)
    elf = os.path.join(folder, TRIPLE, "release", program)
    qemu = ["qemu-system-arm", "-M", "mps2-an386", "-nographic", "-monitor", "none", "-serial", "none"]
    qemu += ["-semihosting-config", "enable=on,target=native", "-kernel", elf]
    logs = subprocess.run(qemu, stdout=subprocess.PIPE, check=True).stdout
    decoder = [os.path.join(folder, "../defmt/release/defmt-lines"), elf]
    lines = subprocess.run(decoder, input=logs, stdout=subprocess.PIPE, check=True).stdout.decode()
    found = [line.split("\t", 1)[1] for line in lines.splitlines() if line.startswith("\t[")]
    return np.array([ast.literal_eval(line[: line.index("]") + 1]) for line in found], np.int8)
