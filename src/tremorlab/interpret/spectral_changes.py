"""Changes to windows that take one thing away and leave the rest: a band, the spectrum, or the order in time.

All of them act on whole windows through their Fourier transform or a symmetric filter, so that none shifts anything
in time. They are done to windows of every class alike.
"""

import numpy as np
import scipy.signal
from scipy.ndimage import uniform_filter1d

from tremorlab.errors import ModelError

#: Taps of the symmetric filters: their edges are about 0.3 Hz wide at 25 Hz.
TAPS = 257

_FLOOR = 1e-30


def remove_band(waveforms: np.ndarray, low_hz: float, high_hz: float, rate_hz: float = 25.0) -> np.ndarray:
    """Take a band out, with a symmetric FIR filter (Kaiser window, about 60 dB) that does not shift phases.

    Parameters
    ----------
    waveforms
        Shape (..., samples); mirrored at both ends.
    low_hz, high_hz
        Ends of the band; it may reach to zero or to the Nyquist frequency, not to both.
    rate_hz
        Sampling rate.

    Returns
    -------
    numpy.ndarray
        Same shape and type.

    Raises
    ------
    ModelError
        The band is empty, or all there is.
    """
    return _filtered(waveforms, _symmetric(low_hz, high_hz, rate_hz, stop=True))


def keep_band(waveforms: np.ndarray, low_hz: float, high_hz: float, rate_hz: float = 25.0) -> np.ndarray:
    """Leave nothing but a band; the exact complement of `remove_band`, of the same parameters."""
    return _filtered(waveforms, _symmetric(low_hz, high_hz, rate_hz, stop=False))


def exchange_bands(
    first: np.ndarray, second: np.ndarray, split_hz: float, rate_hz: float = 25.0
) -> tuple[np.ndarray, np.ndarray]:
    """Give windows the low frequencies of others, both first divided by their maxima.

    Parameters
    ----------
    first, second
        Windows of the same shape (windows, components, samples), of two classes.
    split_hz
        Frequency between low and high.

    Returns
    -------
    first_high, second_high : numpy.ndarray
        High frequencies of the first with low ones of the second, and the other way round.

    Raises
    ------
    ModelError
        Shapes differ.
    """
    if first.shape != second.shape:
        raise ModelError("windows to exchange", f"have shapes {first.shape} and {second.shape}", "Give equal numbers")
    nyquist = rate_hz / 2
    first, second = (
        part / np.maximum(np.abs(part).max(axis=(1, 2), keepdims=True), _FLOOR) for part in (first, second)
    )
    low = [keep_band(part, 0, split_hz, rate_hz) for part in (first, second)]
    high = [keep_band(part, split_hz, nyquist, rate_hz) for part in (first, second)]
    return high[0] + low[1], high[1] + low[0]


def whiten(waveforms: np.ndarray, width_hz: float = 0.5, rate_hz: float = 25.0) -> np.ndarray:
    """Divide windows by their amplitude spectrum and leave every phase as it is.

    Parameters
    ----------
    waveforms
        Shape (..., samples).
    width_hz
        Over which the power is averaged first; 0 makes every amplitude exactly one, which also flattens what a
        signal of short duration has of its own.
    rate_hz
        Sampling rate.

    Returns
    -------
    numpy.ndarray
        Same shape and type; root mean square one.
    """
    transform = np.fft.rfft(np.asarray(waveforms, float))
    power = np.abs(transform) ** 2
    if width := round(width_hz * waveforms.shape[-1] / rate_hz):
        power = uniform_filter1d(power, 2 * (width // 2) + 1, axis=-1, mode="reflect")
    floor = _FLOOR + 1e-12 * power.max(axis=-1, keepdims=True)
    flat = np.fft.irfft(transform / np.sqrt(power + floor), waveforms.shape[-1])
    return (flat / np.sqrt(np.mean(flat**2, axis=-1, keepdims=True))).astype(waveforms.dtype)


def randomise_phases(waveforms: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw every phase anew and leave the amplitude spectrum as it is (Theiler et al. 1992, Physica D 58, 77-94).

    Components of a window share the shifts, which keeps their coherence.

    Parameters
    ----------
    waveforms
        Shape (windows, components, samples).
    rng
        Source of randomness.
    """
    transform = np.fft.rfft(np.asarray(waveforms, float))
    shift = np.exp(2j * np.pi * rng.random((len(waveforms), 1, transform.shape[-1])))
    shift[..., 0] = 1
    if waveforms.shape[-1] % 2 == 0:
        shift[..., -1] = 1
    return np.fft.irfft(transform * shift, waveforms.shape[-1]).astype(waveforms.dtype)


def _symmetric(low_hz, high_hz, rate_hz, stop):
    nyquist = rate_hz / 2
    low, high = max(low_hz, 0.0), min(high_hz, nyquist)
    if not low < high or (low == 0 and high == nyquist):
        raise ModelError(
            f"band {low_hz:g}-{high_hz:g} Hz",
            f"holds nothing, or everything, of 0-{nyquist:g} Hz",
            "Give a band that leaves something on one side",
        )
    window, edges = ("kaiser", 5.65), [edge for edge in (low, high) if 0 < edge < nyquist]
    keeps_low = bool(low == 0)
    kept = scipy.signal.firwin(TAPS, edges, window=window, pass_zero=keeps_low, fs=rate_hz, scale=False)
    if not stop:
        return kept
    removed = -kept
    removed[TAPS // 2] += 1
    return removed


def _filtered(waveforms, impulse):
    reach = TAPS // 2
    waveforms = np.asarray(waveforms)
    around = [(0, 0)] * (waveforms.ndim - 1) + [(reach, reach)]
    mirrored = np.pad(waveforms.astype(float), around, mode="reflect")
    shape = [1] * (waveforms.ndim - 1) + [TAPS]
    passed = scipy.signal.oaconvolve(mirrored, impulse.reshape(shape), mode="valid", axes=-1)
    return passed.astype(waveforms.dtype)
