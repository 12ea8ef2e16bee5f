"""Surrogate records: what a linear process would have looked like, as the null hypothesis of every nonlinear claim.

An *iterated amplitude-adjusted* surrogate (IAAFT; Schreiber and Schmitz 1996, Phys. Rev. Lett. 77:635, reviewed by the
same authors in Physica D 142:346-382, 2000) has the very values of the record, in another order, and nearly its
spectrum; all relations between phases are gone. It stands for a stationary linear Gaussian process seen through a
static distortion. A record whose spectrum drifts is not stationary, and may differ from such surrogates for that
reason alone; hence the second kind, `local_surrogate`, which keeps the spectrum of every short window.
"""

import numpy as np
from numpy.typing import ArrayLike

from tremorlab.dynamics.record import SHORTEST
from tremorlab.errors import DynamicsError

#: Iterations, at most; the order of the values usually stops changing after 20-200.
_ROUNDS = 500


def iaaft(values: ArrayLike, rng: np.random.Generator) -> np.ndarray:
    """One surrogate with exactly the values of the record and nearly its power spectrum.

    Parameters
    ----------
    values
        Shape (samples,). Ends that do not match in value or slope leak into the spectrum: see `matched_ends`.

    Raises
    ------
    DynamicsError
        The record is not one finite scalar of at least 50 samples, or is constant.
    """
    values = scalar(values)
    size, ordered = np.abs(np.fft.rfft(values)), np.sort(values)
    order, surrogate = None, rng.permutation(values)
    for _ in range(_ROUNDS):
        phase = np.angle(np.fft.rfft(surrogate))
        shaped = np.fft.irfft(size * np.exp(1j * phase), len(values))
        now = np.argsort(shaped, kind="stable")
        surrogate = np.empty_like(values)
        surrogate[now] = ordered
        if order is not None and np.array_equal(order, now):
            break
        order = now
    return surrogate


def local_surrogate(values: ArrayLike, window: int, rng: np.random.Generator) -> np.ndarray:
    """One surrogate that keeps the spectrum of each window, and with it slow changes of amplitude and frequency.

    Windows of ``window`` samples, half overlapping, tapered by the root of a Hann taper, get random phases and are
    added up: what is left is what a linear process with slowly changing coefficients can do.

    Raises
    ------
    DynamicsError
        The record cannot be used (`iaaft`), or the window is odd, shorter than 16 samples or longer than the record.
    """
    values = scalar(values)
    if window < 16 or window % 2 or window > len(values):
        raise DynamicsError(
            f"window of {window} samples", f"is odd, shorter than 16 or longer than {len(values)}", "Choose another"
        )
    hop = window // 2
    taper = np.sin(np.pi * (np.arange(window) + 0.5) / window)
    mean = values.mean()
    padded = np.pad(values - mean, (hop, window), mode="reflect")
    total = np.zeros(len(padded))
    for start in range(0, len(padded) - window + 1, hop):
        piece = np.fft.rfft(padded[start : start + window] * taper)
        turned = np.abs(piece) * np.exp(2j * np.pi * rng.random(len(piece)))
        turned[0] = piece[0].real * rng.choice([-1.0, 1.0])
        # Random phases spread a tapered piece evenly, so that half of its power falls to the second taper.
        total[start : start + window] += np.sqrt(2) * taper * np.fft.irfft(turned, window)
    return mean + total[hop : hop + len(values)]


def matched_ends(values: ArrayLike, share: float = 0.05) -> slice:
    """Longest-but-for-``share`` piece whose ends match best in value and slope, so that it can be read as periodic.

    At most ``share`` of the record is given away at each end.

    Raises
    ------
    DynamicsError
        The record cannot be used (`iaaft`), or the share is not between 0 and 0.4.
    """
    values = scalar(values)
    if not 0 <= share <= 0.4:
        raise DynamicsError(f"share {share}", "is not between 0 and 0.4", "Give away less of the record")
    most = int(share * len(values))
    slope = np.diff(values)
    starts, stops = np.arange(most + 1), len(values) - 1 - np.arange(most + 1)
    jump = (values[starts, np.newaxis] - values[stops]) / values.std()
    kink = (slope[starts, np.newaxis] - slope[stops - 1]) / slope.std()
    start, stop = np.unravel_index(np.argmin(jump**2 + kink**2), jump.shape)
    # The last sample repeats the first, and is left out.
    return slice(int(starts[start]), int(stops[stop]))


def asymmetry(values: ArrayLike, longest: int) -> float:
    """Largest time-reversal asymmetry over lags from 1 to ``longest`` samples.

    The third moment of x(t + lag) - x(t) over its second to the power 3/2: zero on average for every linear Gaussian
    process, however it is distorted by a static function, because such a process looks the same backwards.
    """
    values = scalar(values)
    found = []
    for lag in range(1, longest + 1):
        step = values[lag:] - values[:-lag]
        found.append(abs(np.mean(step**3)) / np.mean(step**2) ** 1.5)
    return float(max(found))


def rank_p_value(value: float, null: ArrayLike) -> float:
    """One-sided p value of a value that should be larger than under the null: (1 + surrogates reaching it) / (1 + n).

    Raises
    ------
    DynamicsError
        The value or one of the null is not a number: what could not be measured is not significant.

    Examples
    --------
    >>> rank_p_value(3.0, [1.0, 2.0, 2.5])
    0.25
    """
    null = np.asarray(null, float)
    if not null.size or np.isnan(value) or np.isnan(null).any():
        raise DynamicsError(
            f"value {value} against {null.size} surrogates", f"{np.isnan(null).sum()} of them NaN, cannot be ranked",
            "Leave out what could not be measured",
        )  # fmt: skip
    return float((1 + np.count_nonzero(null >= value)) / (1 + null.size))


def scalar(values: ArrayLike) -> np.ndarray:
    """The record as a float array, checked.

    Raises
    ------
    DynamicsError
        It is not one-dimensional, shorter than 50 samples, not finite, or constant.
    """
    values = np.asarray(values, float)
    if values.ndim != 1 or len(values) < SHORTEST:
        raise DynamicsError(
            f"record of shape {values.shape}",
            f"is not one scalar of at least {SHORTEST} samples",
            "Take one component and a longer piece",
        )
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise DynamicsError(
            f"sample {bad[0]}", f"is {values[bad[0]]} ({len(bad)} are not finite)", "Cut the record at gaps"
        )
    if np.ptp(values) <= 1e-12 * np.abs(values).max():
        raise DynamicsError("record", f"is constant ({values[0]:g})", "Choose a piece with motion in it")
    return values
