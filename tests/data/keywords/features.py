"""The keyword model's audio front end.

One second of 16 kHz mono int16 audio becomes 49 rows of 10 numbers:

1. Samples are divided by 32768. Row t takes the 480 samples from 320 * t on, times a
   periodic Hann window (0.5 - 0.5 * cos(2 * pi * n / 480)), padded with zeros to 512.
2. The power spectrum (squared magnitude of bins 0 to 256) goes through 40 triangular
   filters whose 42 corners lie evenly on the mel scale, 1127 * ln(1 + f / 700), from
   60 Hz to 7600 Hz. A filter's weight at a bin is linear in mel and peaks at 1.
3. e = ln(filter output + 1e-5), then an orthonormal DCT-II; coefficients 0 to 9 stay.
4. Coefficient 0, the loudness, becomes (c0 + 20) / 4. All are rounded to the nearest
   multiple of 1/8 and clipped to [-16, 15.875], so each fits a signed byte times 1/8.
"""

import numpy as np

RATE = 16000
SHAPE = (49, 10, 1)
STEP = 0.125


def _mel(f):
    return 1127.0 * np.log1p(np.asarray(f) / 700.0)


def _filters():
    corners = np.linspace(_mel(60.0), _mel(7600.0), 42)
    at = _mel(np.arange(257) * RATE / 512)[:, None]
    width = corners[1] - corners[0]
    return np.maximum(0.0, 1.0 - np.abs(at - corners[None, 1:-1]) / width)


def _dct():
    k, n = np.arange(10)[None], np.arange(40)[:, None]
    table = np.cos(np.pi * k * (2 * n + 1) / 80) * np.sqrt(2 / 40)
    table[:, 0] /= np.sqrt(2)
    return table


_WINDOW = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(480) / 480)
_FILTERS = _filters()
_DCT = _dct()


def features(audio):
    """int16 audio [N, 16000] to float32 features [N, 49, 10, 1]."""
    frames = np.lib.stride_tricks.sliding_window_view(audio / 32768.0, 480, axis=1)
    spectrum = np.fft.rfft(frames[:, ::320] * _WINDOW, 512)
    power = spectrum.real**2 + spectrum.imag**2
    c = np.log(power @ _FILTERS + 1e-5) @ _DCT
    c[..., 0] = (c[..., 0] + 20.0) / 4.0
    c = np.clip(np.round(c / STEP), -128, 127) * STEP
    return c.astype(np.float32)[..., None]
