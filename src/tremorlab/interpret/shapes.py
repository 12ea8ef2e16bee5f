"""The shape of a frequency response: low-pass, high-pass, band-pass or band-stop, with its notch and corners.

A frequency is *passed* when the amplitude there is at most 10 dB below its maximum. No filter with a single pass
band exceeds that level beside it, not even the mean of some samples, whose side lobes are 13 dB down; and two pass
bands of a band-stop may still differ by a factor of three in gain. The runs of passed frequencies decide the name:

    one run from the lowest frequency on      low-pass
    one run up to the highest frequency       high-pass
    one run in between                        band-pass
    all frequencies                           flat
    two runs or more                          band-stop; the notch is the deepest point between the outermost runs

A random filter has such shapes too, so that a share of band-stops means nothing without that of untrained filters.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import bootstrap

from tremorlab.errors import ModelError
from tremorlab.interpret.fir import Responses

#: How far below the maximum a frequency counts as passed (dB).
LEVEL_DB = 10.0

#: Band in which shapes are told: above the corner of the high-pass, up to where the anti-alias filter sets in (Hz).
BAND_HZ = (1.0, 10.0)


def shapes(found: Responses, band_hz: tuple[float, float] = BAND_HZ, level_db: float = LEVEL_DB) -> pd.DataFrame:
    """Shape of each filter.

    Parameters
    ----------
    found
        Responses at ascending frequencies.
    band_hz
        Frequencies that count.
    level_db
        How far below the maximum a frequency is still passed.

    Returns
    -------
    pandas.DataFrame
        One row a filter: kind; notch_hz, deepest point between pass bands (NaN but for band-stops); depth_db, how far
        it lies below the weaker of both; low_corner_hz and high_corner_hz, where what is passed begins and ends
        (NaN at the ends of the band; of a band-stop, where what is *stopped* begins and ends); tilt_db, mean power in
        the upper over that in the lower half of the band, divided at the notch where there is one.

    Raises
    ------
    ModelError
        Fewer than three frequencies lie in the band.
    """
    inside = (found.frequencies_hz >= band_hz[0]) & (found.frequencies_hz <= band_hz[1])
    if inside.sum() < 3:
        raise ModelError("responses", f"{inside.sum()} frequencies in {band_hz} Hz", "Ask for more frequencies")
    f = found.frequencies_hz[inside]
    decibels = 20 * np.log10(np.maximum(found.amplitude[inside], 1e-12))
    return pd.DataFrame([_shape(f, column, level_db) for column in decibels.T])


def deepest_hz(found: Responses, band_hz: tuple[float, float] = BAND_HZ) -> np.ndarray:
    """Frequency of the least amplitude inside a band, shape (filters,); NaN where that is at an end of the band."""
    inside = np.flatnonzero((found.frequencies_hz >= band_hz[0]) & (found.frequencies_hz <= band_hz[1]))
    amplitude = found.amplitude[inside]
    least = amplitude.argmin(axis=0)
    at_end = (least == 0) | (least == len(inside) - 1)
    return np.where(at_end, np.nan, found.frequencies_hz[inside][least])


def over_seeds(
    values: ArrayLike,
    *,
    rng: np.random.Generator,
    statistic: Callable = np.median,
    level: float = 0.95,
    draws: int = 2000,
) -> tuple[float, float, float]:
    """Return a statistic of one value a seed, with its percentile interval from drawing seeds; NaN values are left out.

    Raises
    ------
    ModelError
        Fewer than two seeds have a value.
    """
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    if len(values) < 2:
        raise ModelError("values by seed", f"{len(values)} are numbers", "Train from more seeds")
    if np.ptp(values) == 0:
        return (float(values[0]),) * 3
    found = bootstrap(
        (values,), statistic, n_resamples=draws, confidence_level=level, method="percentile", rng=rng, vectorized=False
    )
    return float(statistic(values)), float(found.confidence_interval.low), float(found.confidence_interval.high)


def _shape(f, decibels, level_db):
    passed = decibels >= decibels.max() - level_db
    edges = np.flatnonzero(np.diff(np.r_[False, passed, False].astype(int)))
    starts, ends = edges[::2], edges[1::2] - 1
    at_low, at_high = starts[0] == 0, ends[-1] == len(f) - 1
    row = {"kind": "band-pass", "notch_hz": np.nan, "depth_db": np.nan}
    row |= {"low_corner_hz": np.nan, "high_corner_hz": np.nan}
    limit = decibels.max() - level_db
    if len(starts) > 1:
        between = np.arange(ends[0] + 1, starts[-1])
        notch = between[decibels[between].argmin()]
        gap = np.searchsorted(starts, notch)  # the pass band above the notch; the one below is gap - 1
        row |= {"kind": "band-stop", "notch_hz": f[notch]}
        row["depth_db"] = min(decibels[:notch].max(), decibels[notch:].max()) - decibels[notch]
        row["low_corner_hz"] = _crossed(f, decibels, ends[gap - 1], limit)
        row["high_corner_hz"] = _crossed(f, decibels, starts[gap] - 1, limit)
        return row | {"tilt_db": _tilt(decibels, notch)}
    if at_low and at_high:
        row["kind"] = "flat"
    elif at_low:
        row["kind"] = "low-pass"
    elif at_high:
        row["kind"] = "high-pass"
    if not at_low:
        row["low_corner_hz"] = _crossed(f, decibels, starts[0] - 1, limit)
    if not at_high:
        row["high_corner_hz"] = _crossed(f, decibels, ends[0], limit)
    return row | {"tilt_db": _tilt(decibels, np.searchsorted(f, f.mean()))}


def _crossed(f, decibels, left, limit):
    """Frequency between two samples at which a level is crossed, along a straight line."""
    share = (limit - decibels[left]) / (decibels[left + 1] - decibels[left])
    return f[left] + share * (f[left + 1] - f[left])


def _tilt(decibels, middle):
    power = 10 ** (decibels / 10)
    return 10 * np.log10(power[middle:].mean() / power[:middle].mean())
