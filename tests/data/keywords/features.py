"""The keyword model's audio front end: what `frontend.tflite` gives, run by TensorFlow Lite Micro.

`frontend.tflite` is what `sedge frontend` writes: 20 ms of 16 kHz mono int16 audio in, the log-mel
features of a frame of 30 ms out, 40 numbers of a signed byte each. The model remembers the end of the
last frame and the noise of each channel, so sound is one stream here as on a device: the noise of one
second is still remembered in the next.
"""

import os

import numpy as np
from tflite_micro.python.tflite_micro import runtime

FRONTEND = os.path.join(os.path.dirname(os.path.abspath(__file__)), "frontend.tflite")
RATE = 16000
HOP = 320
CHANNELS = 40
# The last 49 of a second's 50 frames.
SHAPE = (49, CHANNELS, 1)
STEP, ZERO = 26 / 256, -128


def stream(audio):
    """int16 audio [N, 16000], one second after the other, to int8 features [N, 49, 40]."""
    model = runtime.Interpreter.from_file(FRONTEND, arena_size=1 << 16)
    out = np.empty((audio.size // HOP, CHANNELS), np.int8)
    for row, hop in zip(out, audio.reshape(-1, HOP)):
        model.set_input(hop[None], 0)
        model.invoke()
        row[:] = model.get_output(0)
    return out.reshape(len(audio), RATE // HOP, CHANNELS)[:, -SHAPE[0] :]


def features(audio):
    """int16 audio [N, 16000] to float32 features [N, 49, 40, 1], from 0 to 25.9."""
    return ((stream(audio).astype(np.float32) - ZERO) * np.float32(STEP))[..., None]
