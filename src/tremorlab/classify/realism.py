"""How like recordings a twin is: distances between features, and a classifier that tries to tell them apart.

Windows of one class are compared, prepared alike and of the same length. A twin's windows and recorded ones differ in
their signal-to-noise ratio by selection (an analyst's choice of what to publish), which is not what is asked here: so
twin windows can be drawn to have the ratios of the recorded ones (`matched`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import signal, stats
from sklearn.model_selection import StratifiedGroupKFold

from tremorlab.classify import rivals
from tremorlab.errors import DatasetError

#: Band in which signal and noise are compared, and what is left out before an onset, which may be read late.
SNR_BAND_HZ = (2.0, 8.0)
GUARD_S = 1.0
#: Time over which a signal is averaged.
AVERAGE_S = 5.0

#: The two sides of the comparison.
RECORDED, TWIN = "recorded", "twin"


@dataclass(frozen=True, eq=False)
class Discrimination:
    """How well a random forest tells twin from recorded windows of one class; 0.5 is a perfect twin.

    Attributes
    ----------
    score
        Of the windows when they were left out of the training.
    importance
        Feature -> share of the forest's decrease of impurity that is due to it, falling; features that say the same
        divide it between them.
    """

    score: rivals.Score
    importance: pd.Series


def snr_db(waveforms: np.ndarray, rate_hz: float, onset_s: float) -> np.ndarray:
    """Signal-to-noise ratio of windows, from the windows alone.

    Largest root mean square of the first component in 2-8 Hz over five seconds after the onset, over that of the noise
    before it (from the median of its absolute values, so that a spike or an earlier event weighs little). Noise alone
    has about 1 dB.

    Parameters
    ----------
    waveforms
        (n, components, samples).
    rate_hz
        Sampling rate.
    onset_s
        Onset after the start of a window.

    Returns
    -------
    numpy.ndarray
        (n,) in dB.

    Raises
    ------
    DatasetError
        There is less than a second before the onset, or less than five behind it.
    """
    first, length = round((onset_s - GUARD_S) * rate_hz), round(AVERAGE_S * rate_hz)
    if not rate_hz <= first <= waveforms.shape[2] - length:
        raise DatasetError(
            "snr", f"an onset at {onset_s!r} s leaves no noise or no signal", "Cut windows around onsets"
        )
    band = signal.butter(4, SNR_BAND_HZ, "bandpass", fs=rate_hz, output="sos")
    motion = signal.sosfiltfilt(band, np.asarray(waveforms[:, 0], dtype=float), axis=1)
    noise = np.median(np.abs(motion[:, :first]), axis=1) / stats.norm.ppf(0.75)
    energy = np.cumsum(motion[:, first:] ** 2, axis=1)
    energy[:, length:] -= energy[:, :-length].copy()
    return 10 * np.log10(energy[:, length - 1 :].max(axis=1) / length / noise**2)


def matched(wanted: ArrayLike, offered: ArrayLike) -> np.ndarray:
    """Choose for each wanted value the nearest offered one that is not taken; the farthest from the median first.

    Parameters
    ----------
    wanted
        (m,) values.
    offered
        (n,) values, n at least m.

    Returns
    -------
    numpy.ndarray
        (m,) indices into ``offered``, in the order of ``wanted``.

    Raises
    ------
    DatasetError
        Fewer values are offered than wanted.
    """
    wanted, free = np.asarray(wanted, float), np.array(offered, float)
    if len(free) < len(wanted):
        raise DatasetError("matched", f"{len(free)} values are offered for {len(wanted)}", "Draw more windows")
    chosen = np.empty(len(wanted), int)
    for row in np.argsort(-np.abs(wanted - np.median(wanted)), kind="stable"):
        chosen[row] = np.nanargmin(np.abs(free - wanted[row]))
        free[chosen[row]] = np.nan
    return chosen


def distances(recorded: pd.DataFrame, twin: pd.DataFrame) -> pd.DataFrame:
    """Distances between the distributions of each feature.

    Returns
    -------
    pandas.DataFrame
        One row a feature: ``recorded`` and ``twin`` median, ``wasserstein``, the distance of Wasserstein in units of
        the recorded spread (half the range from the 16 % to the 84 % quantile), infinite where a recorded feature
        has none, and ``ks``, the largest difference of the cumulative distributions (Kolmogorov and Smirnov).
    """
    _check(recorded, twin)
    rows = {}
    for name in recorded.columns:
        ours, theirs = twin[name].to_numpy(), recorded[name].to_numpy()
        spread = np.diff(np.quantile(theirs, [0.16, 0.84]))[0] / 2
        distance = stats.wasserstein_distance(theirs, ours)
        rows[name] = {
            "recorded": np.median(theirs),
            "twin": np.median(ours),
            "wasserstein": distance / spread if spread else (np.inf if distance else 0.0),
            "ks": stats.ks_2samp(theirs, ours, method="asymp").statistic,
        }
    return pd.DataFrame(rows).T


def discriminate(
    recorded: pd.DataFrame,
    twin: pd.DataFrame,
    recorded_events: ArrayLike,
    twin_events: ArrayLike,
    *,
    seed: int,
    folds: int = 5,
) -> Discrimination:
    """Let a random forest tell twin from recorded, cross-validated so that no event is in training and test.

    Parameters
    ----------
    recorded, twin
        Features of windows of one class.
    recorded_events, twin_events
        Event of each window: windows of one event stay together.
    seed
        Seed of the folds, the forest and the bootstrap.
    folds
        Number of folds.

    Raises
    ------
    DatasetError
        Columns differ, or one side has fewer events than there are folds.
    """
    _check(recorded, twin)
    table = pd.concat([recorded, twin], ignore_index=True)
    labels = np.repeat([RECORDED, TWIN], [len(recorded), len(twin)])
    events = np.array([*(f"r{e}" for e in recorded_events), *(f"t{e}" for e in twin_events)])
    for side in (RECORDED, TWIN):
        if (number := len(np.unique(events[labels == side]))) < folds:
            raise DatasetError(f"{side} windows", f"{number} events are fewer than {folds} folds", "Give more events")
    predicted, shares = np.empty(len(table), labels.dtype), []
    for train, test in StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(table, labels, events):
        forest = rivals.estimators(seed)["forest"].fit(table.iloc[train], labels[train])
        predicted[test] = forest.predict(table.iloc[test])
        shares.append(forest.feature_importances_)
    importance = pd.Series(np.mean(shares, axis=0), index=table.columns).sort_values(ascending=False)
    return Discrimination(rivals.scored(labels, predicted, events, seed=seed), importance)


def _check(recorded, twin):
    if list(recorded.columns) != list(twin.columns):
        raise DatasetError("features", "of twin and recordings differ in their columns", "Make both in the same way")
