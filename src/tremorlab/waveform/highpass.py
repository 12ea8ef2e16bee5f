"""Linear-phase high-pass that takes away offset, trend and long periods, and knows about missing samples.

A local mean under a Gaussian is subtracted, twice: H(f) = (1 - exp(-2 pi^2 s^2 f^2))^2, the deviation s chosen so that
H = 1 / sqrt(2) at the corner. An octave below it 17 dB are left out, two octaves 39 dB; half an octave above it 0.4 dB.
The impulse response does not oscillate, so nothing rings ahead of an onset. Constant, linear, quadratic and cubic
trends vanish exactly.

Where samples are missing the mean is that of the samples there are, so that no bridge over the gap has to be invented.
With gaps of 3 to 60 s cut into five records, a straight line between the last samples and the first changes the 7 s
beside the gap 1 to 9 times as much (0.2 Hz; 1 where the microseism rules).
"""

from functools import lru_cache

import numpy as np

from tremorlab.waveform.resample import bank, fir

#: Times that the local mean is subtracted.
PASSES = 2

# Half-length of the Gaussian in deviations; what is cut off is 6e-5 of it.
_CUT = 4.0


@lru_cache(maxsize=8)
def gaussian(corner_hz: float, rate_hz: float) -> np.ndarray:
    """Weights of the local mean, float32, odd in number, adding up to 1; empty for a corner of 0."""
    if corner_hz == 0:
        return np.zeros(0, "f4")
    deviation = np.sqrt(-np.log(1 - 0.5 ** (0.5 / PASSES)) / 2) / (np.pi * corner_hz) * rate_hz
    half = int(np.ceil(_CUT * deviation))
    weights = np.exp(-0.5 * (np.arange(-half, half + 1) / deviation) ** 2)
    return (weights / weights.sum()).astype("f4")


def margin(corner_hz: float, rate_hz: float) -> int:
    """Samples on either side that one output sample of `highpass` depends on."""
    return PASSES * (len(gaussian(corner_hz, rate_hz)) // 2)


def highpass(values: np.ndarray, valid: np.ndarray, corner_hz: float, rate_hz: float) -> np.ndarray:
    """Subtract the local mean of the valid samples, twice.

    Parameters
    ----------
    values, valid
        Float32 samples and whether each is known, (samples,).
    corner_hz
        Frequency of 1 / sqrt(2) amplitude in Hz; 0 leaves the samples as they are.
    rate_hz
        Sampling rate in Hz.

    Returns
    -------
    numpy.ndarray of float32, (samples - 2 margin,)
        Zero where not valid.
    """
    taps = gaussian(corner_hz, rate_hz)
    half = len(taps) // 2
    share = None
    if half and not valid.all():
        # A valid sample weighs at least the middle tap; the maximum spares invalid ones a division by zero.
        share = np.maximum(_smooth(valid.astype("f4"), corner_hz, rate_hz), taps[half])
    for _ in range(PASSES if half else 0):
        mean = _smooth(values, corner_hz, rate_hz)
        values, valid = values[half:-half], valid[half:-half]
        if share is not None:
            mean /= share
            share = share[half:-half]
        values = np.where(valid, values - mean, np.float32(0))
    return values


def _smooth(values, corner_hz, rate_hz):
    taps = gaussian(corner_hz, rate_hz)
    return fir(values, _bank(corner_hz, rate_hz), 0, len(values) - len(taps) + 1)


@lru_cache(maxsize=8)
def _bank(corner_hz, rate_hz):
    return bank(gaussian(corner_hz, rate_hz)[None, :], np.zeros(1, int), 1)
