"""What the anomaly network sees of a window of vibration.

256 readings of three axes, int16, become 18 numbers, six for each axis, in integer arithmetic throughout:

1. The mean, `sum >> 8`, is taken off.
2. Six times: pairs (a, b) give a detail a - b and an average (a + b) >> 1; the averages go on. The details of a level hold an
   octave of the spectrum, the highest first (Haar's wavelets).
3. e = (sum of squared details >> log2 of their number) + 1, at most 2^32 - 1, becomes log2 in eighths: 8 * floor(log2 e) and the
   three bits behind its highest one. 128 less, so that it is a signed byte; the network's input scale is 1/16.
"""

import numpy as np

WINDOW, LEVELS = 256, 6
SCALE = 1 / 16


def log2_eighths(e):
    e = np.minimum(np.asarray(e, np.int64) + 1, 2**32 - 1)
    whole = np.floor(np.log2(e)).astype(np.int64)
    whole -= e < (1 << whole)  # where the logarithm of floats is rounded up
    return 8 * whole + (((e << 3) >> whole) & 7)


def features(readings):
    """int16 [N, 256, 3] to int8 [N, 18]."""
    x = readings.astype(np.int64)
    x = x - (x.sum(1, keepdims=True) >> 8)
    levels = []
    for _ in range(LEVELS):
        a, b = x[:, 0::2], x[:, 1::2]
        detail, x = a - b, (a + b) >> 1
        shift = int(np.log2(detail.shape[1]))
        levels.append(log2_eighths((detail * detail).sum(1) >> shift) - 128)
    # Axis by axis, the octaves of each from the highest on.
    return np.stack(levels, 2).reshape(len(readings), 3 * LEVELS).astype(np.int8)
