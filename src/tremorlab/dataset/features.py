"""Features of windows that a seismologist would look at, as a named table: what simple classifiers are given.

No feature depends on the size of a window's samples, so instruments and units do not matter. They do depend on
sampling rate, filter and length of the window: compare windows that were prepared alike. Spectral power and the
envelope are summed over the components before anything else is taken from them.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import signal, stats

from tremorlab.errors import DatasetError

#: Edges of the bands in which power is compared, Hz: from the high-pass of the twins to below 12.5 Hz.
BANDS_HZ = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0)

#: Lengths of the short and of the long average (s).
STA_S, LTA_S = 1.0, 30.0

#: Columns with this beginning are ratios of the power above a frequency to the power below it.
HIGH_LOW = "high_low_"

_SHARES = {f"power_{low:g}_{high:g}_hz": f"share of {low:g}-{high:g} Hz" for low, high in pairwise(BANDS_HZ)}

#: Column -> meaning, in the order of the table.
FEATURES = {
    **{name: f"log10 of the {share} in the power of all bands" for name, share in _SHARES.items()},
    **{f"{HIGH_LOW}{edge:g}_hz": f"log10 of power above {edge:g} Hz over power below" for edge in BANDS_HZ[1:-1]},
    "centroid_hz": "mean frequency of the power in the bands",
    "bandwidth_hz": "standard deviation of frequency of the power in the bands",
    "flatness": "log10 of the geometric over the arithmetic mean of the power in the bands; low for lines",
    "sta_lta_max": "log10 of the largest STA/LTA (1 s, 30 s) of the square of the samples",
    "sta_lta_min": "log10 of the smallest STA/LTA",
    "sta_lta_std": "log10 of the standard deviation of STA/LTA",
    "kurtosis": "log10 of the kurtosis of the samples (3 for Gaussian noise), mean of the components",
    "envelope_kurtosis": "log10 of the kurtosis of the envelope smoothed over 1 s",
    "duration_s": "time with the smoothed envelope above three times its median",
    "peak_over_mean": "log10 of the largest over the mean smoothed envelope",
    "peak_s": "time of the largest smoothed envelope after the start of the window",
    "spread_s": "standard deviation of time, weighted by the square of the smoothed envelope",
    "skewness": "skewness of time with the same weight; positive where a signal fades slower than it rises",
}

_FFT_S = 10.24
_BATCH = 256


def features(waveforms: np.ndarray, rate_hz: float) -> pd.DataFrame:
    """Features of windows.

    Parameters
    ----------
    waveforms
        (n, components, samples), any unit.
    rate_hz
        Sampling rate, at least twice the highest of `BANDS_HZ`.

    Returns
    -------
    pandas.DataFrame
        n rows, columns as in `FEATURES`, float64.

    Raises
    ------
    DatasetError
        The array has another shape, a window is shorter than the long average and a second more, the rate is too
        low, or a window holds a sample that is not finite, or a component without signal.
    """
    waveforms = np.asarray(waveforms)
    if waveforms.ndim != 3 or not waveforms.shape[1]:
        raise DatasetError("features", f"shape {waveforms.shape} is not (n, components, samples)", "Add the axes")
    if not rate_hz >= 2 * BANDS_HZ[-1]:
        raise DatasetError(
            "features", f"{rate_hz!r} Hz is less than {2 * BANDS_HZ[-1]:g} Hz", "Give windows of a higher rate"
        )
    shortest = round((LTA_S + STA_S) * rate_hz)
    if waveforms.shape[2] < shortest:
        raise DatasetError(
            "features", f"{waveforms.shape[2]} samples are less than {shortest} (31 s)", "Cut longer windows"
        )
    silent = ~(np.isfinite(waveforms).all(axis=2) & (np.ptp(waveforms, axis=2) > 0))
    for window, component in np.argwhere(silent)[:1]:
        raise DatasetError(
            f"window {window}, component {component}", "is constant or not finite", "Leave the window out"
        )
    batches = [_batch(waveforms[i : i + _BATCH], rate_hz) for i in range(0, len(waveforms), _BATCH)]
    return pd.DataFrame(np.concatenate(batches) if batches else np.empty((0, len(FEATURES))), columns=list(FEATURES))


def _batch(waveforms, rate_hz):
    samples = waveforms.astype(float)
    samples -= samples.mean(axis=2, keepdims=True)
    samples /= np.sqrt(np.mean(samples**2, axis=(1, 2), keepdims=True))
    return np.column_stack([_spectral(samples, rate_hz), _temporal(samples, rate_hz)])


def _spectral(samples, rate_hz):
    frequency, power = signal.welch(samples, rate_hz, nperseg=round(_FFT_S * rate_hz))
    power = np.maximum(power.sum(axis=1), np.finfo(float).tiny)
    bands = np.stack([power[:, (frequency >= a) & (frequency < b)].sum(axis=1) for a, b in pairwise(BANDS_HZ)], axis=1)
    below = np.cumsum(bands, axis=1)
    total = below[:, -1:]
    above = total - below
    used = (frequency >= BANDS_HZ[0]) & (frequency < BANDS_HZ[-1])
    inside, axis = power[:, used], frequency[used]
    centroid = inside @ axis / inside.sum(axis=1)
    width = np.sqrt(np.sum(inside * (axis - centroid[:, None]) ** 2, axis=1) / inside.sum(axis=1))
    flatness = np.log10(stats.gmean(inside, axis=1) / inside.mean(axis=1))
    ratios = np.log10(np.maximum(above[:, :-1], np.finfo(float).tiny) / below[:, :-1])
    return np.column_stack([np.log10(bands / total), ratios, centroid, width, flatness])


def _temporal(samples, rate_hz):
    ratio = sta_lta(np.sum(samples**2, axis=1), rate_hz)
    kurtosis = stats.kurtosis(samples, axis=2, fisher=False).mean(axis=1)
    smooth = _smooth_envelope(samples, rate_hz)
    time = np.arange(smooth.shape[1]) / rate_hz + STA_S / 2
    weight = smooth**2 / np.sum(smooth**2, axis=1, keepdims=True)
    later = time - (weight @ time)[:, None]
    spread = np.sqrt(np.sum(weight * later**2, axis=1))
    above = smooth > 3 * np.median(smooth, axis=1, keepdims=True)
    return np.column_stack(
        [
            np.log10(ratio.max(axis=1)),
            np.log10(ratio.min(axis=1)),
            np.log10(ratio.std(axis=1)),
            np.log10(kurtosis),
            np.log10(stats.kurtosis(smooth, axis=1, fisher=False)),
            above.sum(axis=1) / rate_hz,
            np.log10(smooth.max(axis=1) / smooth.mean(axis=1)),
            time[smooth.argmax(axis=1)],
            spread,
            np.sum(weight * later**3, axis=1) / spread**3,
        ]
    )


def sta_lta(power: np.ndarray, rate_hz: float) -> np.ndarray:
    """Short over long average of a power, from the first sample at which both are complete.

    Parameters
    ----------
    power
        (n, samples), not negative.
    rate_hz
        Sampling rate.

    Returns
    -------
    numpy.ndarray
        (n, samples - long + 1); the values of `obspy.signal.trigger.classic_sta_lta` from sample ``long - 1`` on.
    """
    short, long = round(STA_S * rate_hz), round(LTA_S * rate_hz)
    passed = np.cumsum(power, axis=1)
    passed = np.pad(passed, ((0, 0), (1, 0)))
    floor = np.finfo(float).tiny
    means = [np.maximum(passed[:, long:] - passed[:, long - n : passed.shape[1] - n], floor) / n for n in (short, long)]
    return means[0] / means[1]


def _smooth_envelope(samples, rate_hz):
    """Envelope of all components together, its square averaged over a second, where that is complete."""
    square = np.sum(np.abs(signal.hilbert(samples, axis=2)) ** 2, axis=1)
    passed = np.pad(np.cumsum(square, axis=1), ((0, 0), (1, 0)))
    length = round(STA_S * rate_hz)
    return np.sqrt(np.maximum(passed[:, length:] - passed[:, :-length], 0) / length)
