"""How one record of tremor resembles another, or itself: frequency, spectrum, harmonics and their phases."""

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter
from scipy.signal import stft, welch

from tremorlab.dynamics.denoise import noise_floor
from tremorlab.dynamics.surrogates import scalar
from tremorlab.errors import DynamicsError

#: Spectra are compared where the second stands above this share of its maximum (-40 dB), and above its noise by this
#: factor (10 dB): models have no noise, and would be judged by it.
_BAND, _ABOVE_NOISE = 1e-4, 10.0

#: Pairs of harmonics whose sum is a harmonic, for `bicoherence`.
TRIADS = ((1, 1), (1, 2), (2, 2), (1, 3))


def mean_frequency_hz(values: np.ndarray, rate_hz: float, level: float | None = None) -> float:
    """Upward crossings of a level (by default the mean) a second, from the first to the last; 0 with fewer than two."""
    above = values > (np.mean(values) if level is None else level)
    crossings = np.flatnonzero(~above[:-1] & above[1:])
    return float((len(crossings) - 1) * rate_hz / (crossings[-1] - crossings[0])) if len(crossings) > 1 else 0.0


def log_spectral_distance_db(one: np.ndarray, other: np.ndarray) -> float:
    """Root mean square difference of two power spectra (512 samples) in dB, in the second's band, above its noise."""
    length = min(512, len(one), len(other))
    spectra = [welch(each, nperseg=length, detrend="constant")[1][1:] for each in (one, other)]
    noise = 2 * noise_floor(np.asarray(other, float)[np.newaxis])[0][0] ** 2  # density of one side
    band = spectra[1] > max(_BAND * spectra[1].max(), _ABOVE_NOISE * noise)
    if not band.any():  # nothing but noise: compare what there is
        band = spectra[1] > _BAND * spectra[1].max()
    tiny = np.finfo(float).tiny
    difference = [10 * np.log10(np.maximum(each[band], tiny)) for each in spectra]
    return float(np.sqrt(np.mean((difference[0] - difference[1]) ** 2)))


def fundamental_track(
    values: np.ndarray, rate_hz: float, low_hz: float, high_hz: float, window_s: float = 10.0
) -> tuple[np.ndarray, np.ndarray]:
    """Fundamental frequency against time: the one between two limits whose first four harmonics add up highest.

    Returns
    -------
    times_s, frequency_hz
        Every sixteenth of a window; smoothed by a median over nine and a Gaussian of two estimates.

    Raises
    ------
    DynamicsError
        The limits are not in order, or four harmonics of the lower one pass the Nyquist frequency.
    """
    values = scalar(values)
    if not 0 < low_hz < high_hz or 4 * low_hz > rate_hz / 2:
        raise DynamicsError(
            f"fundamental between {low_hz} and {high_hz} Hz", f"does not fit a rate of {rate_hz} Hz", "Give two limits"
        )
    length = min(round(window_s * rate_hz), len(values))
    frequency, times, spectrum = stft(
        values, rate_hz, nperseg=length, noverlap=length - max(1, length // 16), nfft=16 * length
    )
    size = np.abs(spectrum)
    candidates = np.arange(low_hz, high_hz, frequency[1])
    harmonics = np.clip(np.round(np.outer(np.arange(1, 5), candidates) / frequency[1]).astype(int), 0, len(size) - 1)
    track = candidates[size[harmonics].sum(axis=0).argmax(axis=0)]
    return times, gaussian_filter1d(median_filter(track, 9, mode="nearest"), 2, mode="nearest")


def harmonic_amplitudes(values: np.ndarray, rate_hz: float, fundamental_hz: float, count: int = 6) -> np.ndarray:
    """Root mean square within a quarter of the fundamental around each harmonic, over that of the whole record."""
    values = scalar(values)
    spectrum = np.abs(np.fft.rfft(values - values.mean())) ** 2
    frequency = np.fft.rfftfreq(len(values), 1 / rate_hz)
    near = [np.abs(frequency - k * fundamental_hz) < 0.25 * fundamental_hz for k in range(1, count + 1)]
    return np.sqrt([spectrum[each].sum() / spectrum[1:].sum() for each in near])


def bicoherence(values: np.ndarray, rate_hz: float, fundamental_hz: float) -> np.ndarray:
    """Phase coupling of `TRIADS` of harmonics: 1 where the phase of the sum frequency follows from the other two.

    Largest squared-root bicoherence within a fifth of the fundamental around each pair, over half-overlapping Hann
    windows of some 25 periods. With few windows even noise gives large values: compare with surrogates.
    """
    values = scalar(values)
    length = min(2 * round(12.5 * rate_hz / fundamental_hz), len(values) // 3)
    pieces = np.lib.stride_tricks.sliding_window_view(values, length)[:: max(1, length // 4)]
    spectra = np.fft.rfft(pieces * np.hanning(length), axis=1)
    frequency = np.fft.rfftfreq(length, 1 / rate_hz)

    def near(harmonic):
        return np.flatnonzero(np.abs(frequency - harmonic * fundamental_hz) < 0.2 * fundamental_hz)

    found = []
    for first, second in TRIADS:
        i, j = (grid.ravel() for grid in np.meshgrid(near(first), near(second)))
        held = i + j < len(frequency)
        product, total = spectra[:, i[held]] * spectra[:, j[held]], spectra[:, (i + j)[held]]
        scale = np.sqrt(np.sum(np.abs(product) ** 2, axis=0) * np.sum(np.abs(total) ** 2, axis=0))
        coupled = np.abs(np.sum(product * total.conj(), axis=0)) / np.maximum(scale, np.finfo(float).tiny)
        found.append(coupled.max(initial=0.0))
    return np.array(found)
