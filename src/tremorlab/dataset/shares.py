"""Windows with classes in chosen shares: a training set as unequal as asked for, a record with classes as rare.

`tremorlab.dataset.balance` undoes an imbalance; this room makes one, so that what it does can be measured.
"""

import numpy as np
from numpy.typing import ArrayLike

from tremorlab.dataset.balance import class_counts
from tremorlab.errors import DatasetError


def thin(labels: ArrayLike, events: ArrayLike, counts: ArrayLike, rng: np.random.Generator) -> np.ndarray:
    """Keep so many windows of each class, event by event.

    Whole events are kept in random order until the number is reached; only of the last event may some windows be left
    out. The same seed with smaller counts keeps a part of the same windows, so that sets of different imbalance differ
    in nothing else.

    Parameters
    ----------
    labels
        Class of each window, counted from 0.
    events
        Event of each window.
    counts
        Windows to keep, one number a class.
    rng
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        Positions of the windows kept, ascending.

    Raises
    ------
    DatasetError
        As `tremorlab.dataset.balance.class_counts`; there is not one event a window; or a class has fewer windows than
        are asked for, or none is asked for.

    Examples
    --------
    >>> thin([0, 0, 0, 0, 1, 1], ["a", "a", "b", "b", "c", "d"], [2, 1], np.random.default_rng(0))
    array([2, 3, 4])
    """
    labels, events, counts = np.asarray(labels), np.asarray(events), np.asarray(counts)
    there = class_counts(labels, len(counts))
    if events.shape != labels.shape:
        raise DatasetError("events", f"have shape {events.shape} for {len(labels)} windows", "Give one a window")
    for wrong in np.flatnonzero((counts < 1) | (counts > there))[:1]:
        raise DatasetError(
            f"class {wrong}", f"{counts[wrong]} windows to be kept of {there[wrong]}", f"Keep 1 to {there[wrong]}"
        )
    _, number = np.unique(events, return_inverse=True)
    order = np.argsort(rng.permutation(number.max() + 1)[number], kind="stable")
    return np.sort(np.concatenate([order[labels[order] == n][:count] for n, count in enumerate(counts)]))


def draw(labels: ArrayLike, shares: ArrayLike, number: int, rng: np.random.Generator) -> np.ndarray:
    """Draw windows with replacement, as a record would hold them whose classes have these shares.

    Parameters
    ----------
    labels
        Class of each window, counted from 0.
    shares
        Probability of each class, adding up to one; windows of a class are equally probable.
    number
        Windows to draw.
    rng
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        Positions of the windows drawn, shape (number,).

    Raises
    ------
    DatasetError
        As `tremorlab.dataset.balance.class_counts`, or the shares are not probabilities.
    """
    labels, shares = np.asarray(labels), np.asarray(shares, float)
    if shares.ndim != 1 or (shares < 0).any() or not np.isclose(shares.sum(), 1):
        raise DatasetError("shares", f"are {np.round(shares, 4).tolist()}", "Give one a class, adding up to 1")
    counts = class_counts(labels, len(shares))
    return rng.choice(len(labels), number, p=(shares / counts)[labels])
