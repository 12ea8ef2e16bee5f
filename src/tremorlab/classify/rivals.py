"""Rivals that any network has to beat: the majority class, a threshold on one spectral ratio, a random forest.

All of them are scikit-learn estimators over the table of `tremorlab.dataset.features`. Scores are balanced
accuracies (mean of the recalls of the classes) with percentile intervals from a bootstrap over events.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import StratifiedGroupKFold

from tremorlab.dataset.features import HIGH_LOW
from tremorlab.errors import DatasetError

#: Trees of the forest.
TREES = 400


@dataclass(frozen=True, eq=False)
class Score:
    """How an estimator did on windows that it was not trained on.

    Attributes
    ----------
    balanced_accuracy, low, high
        Mean recall of the classes, and its 95 % interval from draws of events.
    confusion
        Windows by true class (rows) and predicted class (columns).
    predicted
        Class predicted for each window of the test, in their order.
    estimator
        The fitted estimator, where one made all predictions.
    """

    balanced_accuracy: float
    low: float
    high: float
    confusion: pd.DataFrame
    predicted: np.ndarray
    estimator: BaseEstimator | None = None


class SpectralThreshold(ClassifierMixin, BaseEstimator):
    """Thresholds on one feature, the ratio of spectral power above a crossing frequency to that below.

    One threshold less than there are classes. Crossing, thresholds and the class between them are those with the best
    balanced accuracy of all on the training windows.

    Attributes
    ----------
    feature_ : str
        Column that was chosen.
    thresholds_ : numpy.ndarray
        Where the predicted class changes, ascending.
    between_ : numpy.ndarray
        Class below the first threshold, between the thresholds, and above the last.
    classes_ : numpy.ndarray
        Classes in sorted order.
    """

    def fit(self, X: pd.DataFrame, y: ArrayLike) -> SpectralThreshold:
        """Choose the crossing and the thresholds."""
        names = [name for name in X.columns if name.startswith(HIGH_LOW)]
        if not names:
            raise DatasetError(
                "features", f"have no column {HIGH_LOW}...", "Make the table with tremorlab.dataset.features"
            )
        self.classes_, codes = np.unique(y, return_inverse=True)
        found = {name: _best_thresholds(X[name].to_numpy(), codes) for name in names}
        self.feature_ = max(found, key=lambda name: found[name][0])
        _, self.thresholds_, between = found[self.feature_]
        self.between_ = self.classes_[between]
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Class of each row."""
        return self.between_[np.searchsorted(self.thresholds_, X[self.feature_].to_numpy())]


def _best_thresholds(values, codes):
    """Best balanced accuracy with as many intervals as classes, its thresholds, and the class of each interval.

    Exact, by dynamic programming over the sorted values: at each of them the best of the classes before, with one
    threshold less, may give way to another class.
    """
    classes = codes.max() + 1
    levels, place = np.unique(values, return_inverse=True)
    gain = np.zeros((len(levels), classes))
    np.add.at(gain, (place, codes), 1 / np.bincount(codes)[codes] / classes)
    best = np.full((classes, classes), -np.inf)  # by number of thresholds passed, and present class
    best[0] = 0
    before = np.tile(np.arange(classes), (len(levels), classes, 1))  # class at the level before
    for level, gained in enumerate(gain):
        change = best[:-1].max(axis=1, keepdims=True)
        better = change > best[1:]
        before[level, 1:] = np.where(better, best[:-1].argmax(axis=1)[:, None], before[level, 1:])
        best[1:] = np.where(better, change, best[1:])
        best += gained
    passed, code = np.unravel_index(best.argmax(), best.shape)
    score, thresholds, between = best.max(), [], [code]
    for level in range(len(levels) - 1, 0, -1):
        earlier = before[level, passed, code]
        if earlier != code:
            thresholds.append((levels[level - 1] + levels[level]) / 2)
            between.append(earlier)
            passed, code = passed - 1, earlier
    return score, np.array(thresholds[::-1]), np.array(between[::-1])


def estimators(seed: int) -> dict[str, BaseEstimator]:
    """The rivals before training, by name."""
    forest = RandomForestClassifier(TREES, min_samples_leaf=2, class_weight="balanced_subsample", random_state=seed)
    return {
        "majority": DummyClassifier(strategy="most_frequent"),
        "threshold": SpectralThreshold(),
        "forest": forest,
    }


def rivals(
    features: pd.DataFrame,
    labels: ArrayLike,
    train: ArrayLike,
    test: ArrayLike,
    *,
    seed: int,
    events: ArrayLike | None = None,
    truth: ArrayLike | None = None,
) -> dict[str, Score]:
    """Train the rivals on some windows and score them on others.

    Parameters
    ----------
    features
        (n, F) table of `tremorlab.dataset.features.features`.
    labels
        (n,) class of each window, as catalogued.
    train, test
        (n,) booleans; no window is in both.
    seed
        Seed of the forest and of the bootstrap.
    events
        (n,) event of each window, so that the windows of one event are drawn together; by default each is its own.
    truth
        (n,) classes that the test is scored against, in place of the labels that the rivals are trained on.

    Returns
    -------
    dict
        Name of the rival -> `Score`.

    Raises
    ------
    DatasetError
        Lengths differ, the test or the training set is empty, or a window is in both.
    """
    labels, train, test = np.asarray(labels), np.asarray(train, bool), np.asarray(test, bool)
    events = np.arange(len(labels)) if events is None else np.asarray(events)
    truth = labels if truth is None else np.asarray(truth)
    lengths = [len(features), len(labels), len(train), len(test), len(events), len(truth)]
    if len(set(lengths)) > 1:
        raise DatasetError("rivals", f"lengths {lengths} differ", "Give one value a window")
    if (train & test).any():
        raise DatasetError(f"window {np.argmax(train & test)}", "is in train and in test", "Part the windows")
    for name, chosen in (("train", train), ("test", test)):
        if not chosen.any():
            raise DatasetError("rivals", f"{name} holds no window", "Give windows to it")
    found = {}
    for name, estimator in estimators(seed).items():
        predicted = estimator.fit(features[train], labels[train]).predict(features[test])
        found[name] = replace(scored(truth[test], predicted, events[test], seed=seed), estimator=estimator)
    return found


def cross_validated(
    features: pd.DataFrame, labels: ArrayLike, events: ArrayLike, *, seed: int, folds: int = 3
) -> dict[str, Score]:
    """Score the rivals on every window, each by estimators that have not seen its event.

    Parameters
    ----------
    features, labels, events
        (n, F) table, class and event of each window.
    seed
        Seed of the folds, the forest and the bootstrap.
    folds
        Parts into which whole events are divided, each part with about the same shares of classes.

    Returns
    -------
    dict
        Name of the rival -> `Score` of all windows.

    Raises
    ------
    DatasetError
        A class has fewer events than there are folds.
    """
    labels, events = np.asarray(labels), np.asarray(events)
    for name in np.unique(labels):
        if (number := len(np.unique(events[labels == name]))) < folds:
            raise DatasetError(f"class {name}", f"{number} events are fewer than {folds} folds", "Give more events")
    division = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    predicted = {name: labels.copy() for name in estimators(seed)}
    for train, test in division.split(features, labels, events):
        for name, estimator in estimators(seed).items():
            fitted = estimator.fit(features.iloc[train], labels[train])
            predicted[name][test] = fitted.predict(features.iloc[test])
    return {name: scored(labels, guess, events, seed=seed) for name, guess in predicted.items()}


def scored(labels: ArrayLike, predicted: ArrayLike, events: ArrayLike, *, seed: int) -> Score:
    """Score predictions; parameters as in `rivals`."""
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    names = sorted(set(labels) | set(predicted))
    confusion = pd.DataFrame(confusion_matrix(labels, predicted, labels=names), names, names)
    low, high = interval(labels, predicted, events, seed=seed)
    return Score(balanced_accuracy(labels, predicted), low, high, confusion, predicted)


def balanced_accuracy(labels: ArrayLike, predicted: ArrayLike) -> float:
    """Mean recall of the classes that are among the labels."""
    labels, hit = np.asarray(labels), np.asarray(labels) == np.asarray(predicted)
    return float(np.mean([hit[labels == name].mean() for name in np.unique(labels)]))


def interval(
    labels: ArrayLike,
    predicted: ArrayLike,
    events: ArrayLike,
    *,
    seed: int,
    replicates: int = 1000,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile interval of the balanced accuracy; events are drawn with replacement within each class.

    A class of one event contributes no scatter: its share of the interval is a lower bound.
    """
    labels, events = np.asarray(labels), np.asarray(events)
    hit = labels == np.asarray(predicted)
    rng = np.random.default_rng(seed)
    total = np.zeros(replicates)
    classes = np.unique(labels)
    for name in classes:
        own = labels == name
        ids, member = np.unique(events[own], return_inverse=True)
        counts = rng.multinomial(len(ids), np.full(len(ids), 1 / len(ids)), size=replicates)
        total += counts @ np.bincount(member, hit[own]) / (counts @ np.bincount(member))
    tail = (1 - level) / 2
    return tuple(float(value) for value in np.quantile(total / len(classes), [tail, 1 - tail]))
