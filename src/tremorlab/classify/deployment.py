"""What becomes of a network's probabilities in a record where classes are as rare as they are.

Records are drawn from test windows: events with replacement within their class, then windows in the shares of the
record. The spread over such records holds both what another set of test events and what another stretch of record
would have changed.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.metrics import log_loss

from tremorlab.classify.calibration import (
    apply_temperature,
    calibration_error,
    check,
    estimate_prior,
    shift_prior,
)
from tremorlab.dataset.balance import class_counts
from tremorlab.errors import ModelError

#: What can be done about probabilities, in the order of what has to be known for it.
CORRECTIONS = ("none", "temperature", "estimated", "known")


def deploy(
    probabilities: ArrayLike,
    truth: ArrayLike,
    events: ArrayLike,
    shares: ArrayLike,
    *,
    trained: ArrayLike,
    temperature: float,
    rare: int,
    windows: int = 5000,
    draws: int = 100,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Run a network on records of other class frequencies than it was trained with, and correct its probabilities.

    Parameters
    ----------
    probabilities
        Of the test windows, shape (windows, classes).
    truth, events
        Class and event of each test window.
    shares
        Frequency of each class in the record.
    trained
        Frequency of each class among the training windows as they were drawn.
    temperature
        Fitted on validation windows; 1 changes nothing.
    rare
        Class whose alarms are counted.
    windows
        Windows of a record.
    draws
        Number of records.
    rng
        Source of randomness.

    Returns
    -------
    pandas.DataFrame
        One row a record and correction. ``correction``: "none"; "temperature"; "estimated" and "known" shift the
        frequencies of the classes after the temperature, to those that expectation maximisation finds in the record
        without labels, or to the true ones. ``log_loss`` is of all windows, ``calibration_error`` of their most
        probable class. Of the rare class: ``rare_error`` (its calibration error), ``precision`` (not a number without
        an alarm), ``recall`` (likewise without a window), ``announced`` and ``happened`` (its mean probability, and
        the share of its windows).

    Raises
    ------
    ModelError
        As `tremorlab.classify.calibration.check`, `shift_prior` and `estimate_prior`; the rare class is none; or
        the shares are not probabilities.
    DatasetError
        A class has no window.
    """
    probabilities, truth = check(probabilities, truth)
    if not 0 <= rare < probabilities.shape[1]:
        raise ModelError("rare", f"class {rare} of {probabilities.shape[1]}", f"Use 0 to {probabilities.shape[1] - 1}")
    rows = []
    for n, record in enumerate(_records(truth, events, shares, windows, draws, rng)):
        raw, labels = probabilities[record], truth[record]
        warm = apply_temperature(raw, temperature)
        found = {
            "none": raw,
            "temperature": warm,
            "estimated": shift_prior(warm, trained, estimate_prior(warm, trained)),
            "known": shift_prior(warm, trained, shares),
        }
        rows += [{"draw": n, "correction": name, **_figures(found[name], labels, rare)} for name in CORRECTIONS]
    return pd.DataFrame(rows)


def estimates(
    probabilities: ArrayLike,
    truth: ArrayLike,
    events: ArrayLike,
    prevalences: Sequence[float],
    *,
    trained: ArrayLike,
    rare: int,
    windows: int = 5000,
    draws: int = 50,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Estimate the frequency of a class from unlabelled records in which it is known.

    Parameters
    ----------
    prevalences
        Frequencies of the rare class; the others share the rest in equal parts.
    probabilities, truth, events, trained, rare, windows, draws, rng
        As for `deploy`.

    Returns
    -------
    pandas.DataFrame
        One row a record: ``prevalence`` and what was ``estimated``.

    Raises
    ------
    ModelError, DatasetError
        As `deploy`.
    """
    probabilities, truth = check(probabilities, truth)
    classes = probabilities.shape[1]
    rows = []
    for prevalence in prevalences:
        shares = np.full(classes, (1 - prevalence) / (classes - 1))
        shares[rare] = prevalence
        for record in _records(truth, events, shares, windows, draws, rng):
            rows.append((prevalence, estimate_prior(probabilities[record], trained)[rare]))
    return pd.DataFrame(rows, columns=["prevalence", "estimated"])


def _records(truth, events, shares, windows, draws, rng) -> Iterator[np.ndarray]:
    """Positions of the windows of each record."""
    shares = np.asarray(shares, float)
    if shares.ndim != 1 or (shares < 0).any() or not np.isclose(shares.sum(), 1):
        raise ModelError("shares", f"are {np.round(shares, 4).tolist()}", "Give one a class, adding up to 1")
    class_counts(truth, len(shares))
    _, number = np.unique(np.asarray(events), return_inverse=True)
    members = np.split(np.argsort(number, kind="stable"), np.cumsum(np.bincount(number))[:-1])
    label = np.array([truth[first[0]] for first in members])
    of_class = [np.flatnonzero(label == n) for n in range(len(shares))]
    for _ in range(draws):
        drawn = np.concatenate([rng.choice(own, len(own)) for own in of_class])
        there = np.concatenate([members[event] for event in drawn])
        probability = (shares / np.bincount(truth[there]))[truth[there]]
        yield there[rng.choice(len(there), windows, p=probability)]


def _figures(probabilities, truth, rare):
    called, true = probabilities.argmax(axis=1) == rare, truth == rare
    both = np.sum(called & true)
    return {
        "calibration_error": calibration_error(probabilities, truth),
        "rare_error": calibration_error(probabilities, truth, of=rare),
        "log_loss": log_loss(truth, probabilities, labels=range(probabilities.shape[1])),
        "precision": both / called.sum() if called.any() else np.nan,
        "recall": both / true.sum() if true.any() else np.nan,
        "announced": probabilities[:, rare].mean(),
        "happened": true.mean(),
    }
