"""How like recordings a twin is: distances between features, and a classifier that tries to tell them apart.

Windows of one class are compared, prepared alike and of the same length. Limits: windows also differ by selection (what
an analyst chose to publish has other signal-to-noise ratios than what a catalogue lists), and a few recorded sites have
a colour of their own; the same forest between two recorded studies says how much that is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats
from sklearn.model_selection import StratifiedGroupKFold

from tremorlab.classify import rivals
from tremorlab.errors import DatasetError

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
    trees: int = rivals.TREES,
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
    trees
        Trees of each forest.

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
        forest = rivals.estimators(seed)["forest"].set_params(n_estimators=trees)
        forest.fit(table.iloc[train], labels[train])
        predicted[test] = forest.predict(table.iloc[test])
        shares.append(forest.feature_importances_)
    importance = pd.Series(np.mean(shares, axis=0), index=table.columns).sort_values(ascending=False)
    return Discrimination(rivals.scored(labels, predicted, events, seed=seed), importance)


def _check(recorded, twin):
    if list(recorded.columns) != list(twin.columns):
        raise DatasetError("features", "of twin and recordings differ in their columns", "Make both in the same way")
