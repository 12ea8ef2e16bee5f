"""How well windows are classified, and how sure one can be of it.

Windows of one event (other stations, later minutes) are not independent, so intervals come from drawing *events* with
replacement, class by class; where several trainings of a network are given, the seeds are drawn too. The same draws
serve both networks of a comparison.

"As good as" is tested as such: two networks are called equivalent when the whole 90 % interval of their difference
lies inside a margin stated beforehand, which is the test by two one-sided tests at 5 % (Schuirmann 1987). That a
difference is not significant says nothing of the kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.metrics import average_precision_score, confusion_matrix, roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar as _mcnemar

from tremorlab.errors import ModelError


def confusion(truth: ArrayLike, predicted: ArrayLike, classes: int) -> np.ndarray:
    """Windows of each class (rows) by the class that they were given (columns).

    Raises
    ------
    ModelError
        A class is not one of ``classes``: the library would leave such a window out and say nothing.
    """
    for name, given in (("truth", np.asarray(truth)), ("predicted", np.asarray(predicted))):
        for window in np.flatnonzero((given < 0) | (given >= classes))[:1]:
            raise ModelError(
                f"{name}, window {window}", f"class {given[window]} of {classes}", f"Use 0 to {classes - 1}"
            )
    return confusion_matrix(truth, predicted, labels=range(classes))


def balanced_accuracy(confusion: ArrayLike) -> float:
    """Mean over the classes of the share that was classified correctly.

    >>> balanced_accuracy([[90, 10], [1, 1]])
    0.7
    """
    confusion = np.asarray(confusion, float)
    if (empty := np.flatnonzero(confusion.sum(axis=1) == 0)).size:
        raise ModelError(
            "confusion matrix", f"class {empty[0]} has no window", "Choose a split in which every class occurs"
        )
    return float(np.mean(np.diag(confusion) / confusion.sum(axis=1)))


def precision_at(prevalence: ArrayLike, recall: float, false_alarm: float) -> np.ndarray:
    """Share of true ones among the alarms, where a class has another frequency than among the windows scored.

    Bayes' rule; right as long as each class looks the same wherever it is rare or frequent.

    Parameters
    ----------
    prevalence
        Frequency of the class.
    recall
        Share of its windows that are called so.
    false_alarm
        Share of the windows of all other classes that are called so.

    Returns
    -------
    numpy.ndarray
        Of the shape of ``prevalence``; not a number where nothing is called so.

    Raises
    ------
    ModelError
        A value is not between 0 and 1.

    Examples
    --------
    >>> precision_at([0.5, 0.01], recall=0.9, false_alarm=0.1).round(3)
    array([0.9  , 0.083])
    """
    given = {"prevalence": prevalence, "recall": recall, "false_alarm": false_alarm}
    for name, value in given.items():
        if not ((np.asarray(value) >= 0) & (np.asarray(value) <= 1)).all():
            raise ModelError("precision", f"{name} = {value}", "Give shares between 0 and 1")
    found = np.asarray(prevalence, float) * recall
    called = np.asarray(found + (1 - np.asarray(prevalence, float)) * false_alarm)
    return np.divide(found, called, out=np.full(called.shape, np.nan), where=called > 0)


def by_class(truth: ArrayLike, probabilities: ArrayLike, classes: Sequence[str]) -> pd.DataFrame:
    """Windows, recall, precision, area under the ROC curve and average precision of each class against the others.

    Parameters
    ----------
    truth
        Class of each window, counted from 0.
    probabilities
        Shape (windows, classes).
    classes
        Names, which become the index.

    Returns
    -------
    pandas.DataFrame
        Precision is NaN for a class that no window was given.
    """
    truth, probabilities = np.asarray(truth), np.asarray(probabilities)
    counts = confusion(truth, probabilities.argmax(axis=1), len(classes))
    balanced_accuracy(counts)  # names a class without windows
    given = counts.sum(axis=0)
    precision = np.divide(np.diag(counts), given, out=np.full(len(classes), np.nan), where=given > 0)
    one = [(truth == n, probabilities[:, n]) for n in range(len(classes))]
    return pd.DataFrame(
        {
            "windows": counts.sum(axis=1),
            "recall": np.diag(counts) / counts.sum(axis=1),
            "precision": precision,
            "roc_auc": [roc_auc_score(*pair) for pair in one],
            "average_precision": [average_precision_score(*pair) for pair in one],
        },
        index=pd.Index(classes, name="class"),
    )


def by_event(probabilities: ArrayLike, events: ArrayLike) -> pd.DataFrame:
    """Probabilities of each event from those of its windows: their geometric mean, scaled to add up to one.

    Returns
    -------
    pandas.DataFrame
        One row an event, in the order of first appearance; columns are the classes counted from 0.
    """
    logarithms = np.log(np.maximum(np.asarray(probabilities, float), 1e-12))
    mean = pd.DataFrame(logarithms).groupby(np.asarray(events), sort=False).mean()
    scaled = np.exp(mean.sub(mean.max(axis=1), axis=0))
    return scaled.div(scaled.sum(axis=1), axis=0)


def bootstrap(
    truth: ArrayLike,
    predictions: Sequence[ArrayLike],
    events: ArrayLike,
    classes: int,
    *,
    draws: int = 2000,
    rng: np.random.Generator,
) -> np.ndarray:
    """Balanced accuracies of several classifiers on the same draws of events, shape (classifiers, draws).

    They are the means over the classes of `bootstrap_recalls`, which see for parameters and errors.
    """
    return bootstrap_recalls(truth, predictions, events, classes, draws=draws, rng=rng).mean(axis=1)


def bootstrap_recalls(
    truth: ArrayLike,
    predictions: Sequence[ArrayLike],
    events: ArrayLike,
    classes: int,
    *,
    draws: int = 2000,
    rng: np.random.Generator,
) -> np.ndarray:
    """Recalls of several classifiers on the same draws of events.

    Parameters
    ----------
    truth
        Class of each window.
    predictions
        For each classifier the class it gives each window, shape (windows,); or (seeds, windows) for several
        trainings, whose recalls are averaged over seeds drawn with replacement.
    events
        Event of each window.
    classes
        Number of classes.
    draws
        Number of draws.
    rng
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        Shape (classifiers, classes, draws).

    Raises
    ------
    ModelError
        Shapes differ, an event is of two classes, or a class has no event.
    """
    truth, predictions = np.asarray(truth), [np.atleast_2d(given) for given in predictions]
    for n, given in enumerate(predictions):
        if given.shape[1] != len(truth) or len(np.asarray(events)) != len(truth):
            raise ModelError(
                f"classifier {n}",
                f"{given.shape[1]} predictions and {len(np.asarray(events))} events for {len(truth)} windows",
                "Give one each",
            )
    numbers, names = pd.factorize(np.asarray(events))
    label = _class_of_events(truth, numbers, names, classes)
    windows = np.bincount(numbers)
    right = [
        np.stack([np.bincount(numbers, weights=seed == truth, minlength=len(names)) for seed in given], axis=1)
        for given in predictions
    ]
    recalls = [np.empty((classes, draws, given.shape[1])) for given in right]
    for n in range(classes):
        members = np.flatnonzero(label == n)
        times = rng.multinomial(len(members), np.full(len(members), 1 / len(members)), draws)
        for recall, given in zip(recalls, right, strict=True):
            recall[n] = (times @ given[members]) / (times @ windows[members])[:, np.newaxis]
    averaged = []
    for recall in recalls:
        drawn = rng.integers(0, recall.shape[2], recall.shape[1:])  # the same seeds for all classes
        averaged.append(np.take_along_axis(recall, drawn[np.newaxis], axis=2).mean(axis=2))
    return np.array(averaged)


def interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Return the percentiles between which ``level`` of the draws lie."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class Comparison:
    """Balanced accuracy of the first classifier minus that of the second.

    Attributes
    ----------
    difference : float
        On the windows as they are, averaged over seeds.
    interval_95, interval_90 : tuple of float
        Percentile intervals of the bootstrap over events (and seeds).
    margin : float
        Differences smaller than this count as none.
    p_equivalence : float
        Larger of the two one-sided p-values against a difference as large as the margin.
    """

    difference: float
    interval_95: tuple[float, float]
    interval_90: tuple[float, float]
    margin: float
    p_equivalence: float

    @property
    def equivalent(self) -> bool:
        """Does the whole 90 % interval lie inside the margin?"""
        return -self.margin < self.interval_90[0] and self.interval_90[1] < self.margin

    @property
    def different(self) -> bool:
        """Does the 95 % interval exclude zero?"""
        return self.interval_95[0] > 0 or self.interval_95[1] < 0

    @property
    def verdict(self) -> str:
        """In words; a difference may be both real and negligible."""
        if self.equivalent:
            return "different, by less than the margin" if self.different else "equivalent"
        return "different" if self.different else "undecided"


def compare(
    truth: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    events: ArrayLike,
    classes: int,
    *,
    margin: float = 0.02,
    draws: int = 2000,
    rng: np.random.Generator,
) -> Comparison:
    """Compare two classifiers on the same windows; parameters and errors as for `bootstrap`.

    Raises
    ------
    ModelError
        The margin is not positive.
    """
    if not margin > 0:
        raise ModelError("comparison", f"margin = {margin:g}", "Give the largest difference that does not matter")
    scores = bootstrap(truth, [first, second], events, classes, draws=draws, rng=rng)
    drawn = scores[0] - scores[1]
    means = [
        np.mean([balanced_accuracy(confusion(truth, seed, classes)) for seed in np.atleast_2d(given)])
        for given in (first, second)
    ]
    sides = np.count_nonzero(drawn <= -margin), np.count_nonzero(drawn >= margin)
    return Comparison(
        float(means[0] - means[1]), interval(drawn, 0.95), interval(drawn, 0.90), margin, (max(sides) + 1) / (draws + 1)
    )


@dataclass(frozen=True)
class McNemar:
    """Events that only the first, and only the second classifier got right, and the p-value of no difference."""

    only_first: int
    only_second: int
    p: float


def mcnemar(truth: ArrayLike, first: ArrayLike, second: ArrayLike) -> McNemar:
    """McNemar's test on independent items (events, not windows); exact below 25 items on which the two differ.

    Raises
    ------
    ModelError
        The classifiers did not judge the same items.
    """
    truth = np.asarray(truth)
    for name, given in (("first", np.asarray(first)), ("second", np.asarray(second))):
        if given.shape != truth.shape:
            raise ModelError(f"{name} classifier", f"shape {given.shape} for {len(truth)} items", "Give a class each")
    right = [np.asarray(given) == truth for given in (first, second)]
    table = np.array([[np.sum((right[0] == a) & (right[1] == b)) for b in (True, False)] for a in (True, False)])
    only = int(table[0, 1]), int(table[1, 0])
    return McNemar(*only, float(_mcnemar(table, exact=sum(only) < 25).pvalue))


def _class_of_events(truth, numbers, names, classes):
    label = np.full(len(names), -1)
    label[numbers] = truth
    for position in np.flatnonzero(label[numbers] != truth)[:1]:
        raise ModelError(
            f"event {names[numbers[position]]}",
            f"is of class {truth[position]} and of class {label[numbers[position]]}",
            "Give the events of different classes different names",
        )
    for absent in np.setdiff1d(np.arange(classes), label)[:1]:
        raise ModelError("events", f"class {absent} has none", "Choose a split in which every class occurs")
    return label
