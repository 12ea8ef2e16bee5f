"""Class-mean spectra and the frequencies at which two of them cross.

The report reads its networks against the class-mean spectra: the order of the classes flips at 4-8 Hz, and the
first layer has its notch there. A crossing of two means of a few dozen windows is a random number; so it comes
with the band in which the order of the classes is not decided by the data.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from obspy.signal.konnoohmachismoothing import konno_ohmachi_smoothing_window

from tremorlab.errors import DatasetError

NORMALISATIONS = ("maximum", "energy", "none")


@dataclass(frozen=True)
class ClassSpectra:
    """Class-mean amplitude spectra with bootstrap replicates.

    Attributes
    ----------
    frequencies_hz : (F,) array
    classes : tuple of C class names
    mean : (C, F) array of log10 amplitude, the mean over the windows of a class
    replicates : (B, C, F) array, the same for B draws of events with replacement
    """

    frequencies_hz: np.ndarray
    classes: tuple[str, ...]
    mean: np.ndarray
    replicates: np.ndarray

    def interval(self, level: float = 0.95) -> np.ndarray:
        """Return the (2, C, F) percentile interval of the means."""
        tail = (1 - level) / 2
        return np.quantile(self.replicates, [tail, 1 - tail], axis=0)


def window_spectra(running: np.ndarray, normalise: str = "maximum") -> np.ndarray:
    """Amplitude spectrum of each window: root mean square over frames and components.

    Parameters
    ----------
    running
        (n, components, F, frames) amplitudes before normalisation.
    normalise
        ``maximum`` divides a window by the largest amplitude of its running spectrum (Nakano and Sugiyama 2022),
        ``energy`` by its root sum of squares, ``none`` leaves counts.

    Returns
    -------
    (n, F) array of log10 amplitude. The mean of logarithms is used further on because a mean of amplitudes
    is the spectrum of the few loudest windows.
    """
    if normalise not in NORMALISATIONS:
        raise DatasetError(
            "class spectra",
            f"normalisation {normalise!r} is not one of {', '.join(NORMALISATIONS)}",
            "Choose one",
        )
    running = np.asarray(running, dtype=float)
    silent = np.flatnonzero(~(running.max(axis=(1, 2, 3)) > 0))
    if silent.size:
        raise DatasetError(f"window {silent[0]}", "has no signal (largest amplitude 0)", "Leave silent windows out")
    power = (running**2).mean(axis=(1, 3))
    if normalise == "maximum":
        power /= running.max(axis=(1, 2, 3))[:, None] ** 2
    elif normalise == "energy":
        power /= power.sum(axis=1, keepdims=True)
    return 0.5 * np.log10(np.maximum(power, np.finfo(float).tiny))


def class_spectra(
    spectra: np.ndarray,
    frequencies_hz: np.ndarray,
    classes: np.ndarray,
    events: np.ndarray,
    *,
    replicates: int = 500,
    bandwidth: float = 20.0,
    seed: int,
) -> ClassSpectra:
    """Mean spectra by class, smoothed after Konno and Ohmachi (1998), with a bootstrap over events.

    Parameters
    ----------
    spectra
        (n, F) log10 amplitudes from `window_spectra`.
    frequencies_hz
        (F,) frequencies.
    classes, events
        (n,) class and event of each window. Events are drawn with replacement, not windows: the stations of one
        event, or the tiles of one tremor, are not independent.
    replicates, bandwidth, seed
        Number of draws, Konno-Ohmachi bandwidth coefficient, and seed of the draws.
    """
    classes, events = np.asarray(classes), np.asarray(events)
    frequencies_hz = np.ascontiguousarray(frequencies_hz, dtype=float)
    if not len(spectra) == len(classes) == len(events):
        raise DatasetError(
            "class spectra",
            f"{len(spectra)} spectra, {len(classes)} classes and {len(events)} events differ in number",
            "Give one class and one event a window",
        )
    names = tuple(dict.fromkeys(classes.tolist()))
    # Windows of weights that sum to one, so that a flat spectrum stays flat up to both ends.
    weights = np.array([konno_ohmachi_smoothing_window(frequencies_hz, f, bandwidth) for f in frequencies_hz])
    smooth = spectra @ (weights / weights.sum(axis=1, keepdims=True)).T
    rng = np.random.default_rng(seed)
    mean = np.empty((len(names), smooth.shape[1]))
    drawn = np.empty((replicates, len(names), smooth.shape[1]))
    for c, name in enumerate(names):
        own = smooth[classes == name]
        ids, member = np.unique(events[classes == name], return_inverse=True)
        sums = np.zeros((len(ids), smooth.shape[1]))
        np.add.at(sums, member, own)
        sizes = np.bincount(member)
        mean[c] = own.mean(axis=0)
        counts = rng.multinomial(len(ids), np.full(len(ids), 1 / len(ids)), size=replicates)
        drawn[:, c] = counts @ sums / (counts @ sizes)[:, None]
    return ClassSpectra(frequencies_hz, names, mean, drawn)


def crossings(spectra: ClassSpectra, level: float = 0.95) -> pd.DataFrame:
    """Frequencies where the mean spectra of two classes change order, for all pairs of classes.

    Returns
    -------
    pandas.DataFrame
        One row a crossing: ``first`` and ``second`` class, ``frequency_hz``, and the band ``low_hz`` to ``high_hz`` in
        which their order is not decided. The band reaches to the nearest frequencies on both sides at which the sign of
        the difference is the same in a share `level` of the bootstrap draws (one-sided on each side), and to the first
        or last frequency where that never happens.
    """
    rows = []
    for a, b in combinations(range(len(spectra.classes)), 2):
        above = (spectra.replicates[:, a] > spectra.replicates[:, b]).mean(axis=0)
        decided = np.maximum(above, 1 - above) >= level - 1e-12  # 1 - 0.9 is a little less than 0.1
        found = _sign_changes(spectra.frequencies_hz, spectra.mean[a] - spectra.mean[b], decided)
        rows += [(spectra.classes[a], spectra.classes[b], *crossing) for crossing in found]
    return pd.DataFrame(rows, columns=["first", "second", "frequency_hz", "low_hz", "high_hz"])


def _sign_changes(f, difference, decided):
    for i in np.flatnonzero(np.sign(difference[:-1]) * np.sign(difference[1:]) < 0):
        share = difference[i] / (difference[i] - difference[i + 1])
        left = np.flatnonzero(decided[: i + 1])
        right = np.flatnonzero(decided[i + 1 :])
        yield (
            f[i] + share * (f[i + 1] - f[i]),
            f[left[-1]] if left.size else f[0],
            f[i + 1 + right[0]] if right.size else f[-1],
        )
