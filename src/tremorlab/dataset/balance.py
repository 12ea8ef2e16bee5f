"""Which windows make up an epoch: as they come, or classes in equal shares.

The report's way with few events of a class (Nakano and Sugiyama, JpGU 2022, SCG51-04) is a probability for each
window to be drawn into a mini-batch, such that classes come out about equal and windows of rare classes come more than
once. Only indices are drawn, so balancing costs nothing next to the training.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from tremorlab.errors import DatasetError

Sampling = Literal["plain", "balanced"]


def class_counts(labels: ArrayLike, classes: int) -> np.ndarray:
    """Windows of each class.

    Raises
    ------
    DatasetError
        A label is not a whole number from 0 to ``classes - 1``, or a class has no window.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DatasetError(
            "labels", f"have shape {labels.shape} and type {labels.dtype}", "Give one whole number a window"
        )
    for position in np.flatnonzero((labels < 0) | (labels >= classes))[:1]:
        raise DatasetError(
            f"labels, window {position}", f"class {labels[position]} of {classes}", f"Use 0 to {classes - 1}"
        )
    counts = np.bincount(labels, minlength=classes)
    for absent in np.flatnonzero(counts == 0)[:1]:
        raise DatasetError(
            "labels", f"class {absent} has no window among {len(labels)}", "Choose a split in which every class occurs"
        )
    return counts


def sampling_probability(labels: ArrayLike, classes: int) -> np.ndarray:
    """Probability of each window to be drawn, such that every class is drawn equally often.

    >>> sampling_probability([0, 0, 0, 1], 2).round(3)
    array([0.167, 0.167, 0.167, 0.5  ])
    """
    counts = class_counts(labels, classes)
    return 1 / (classes * counts[np.asarray(labels)])


def class_weights(labels: ArrayLike, classes: int) -> np.ndarray:
    """Weight of the loss of each class, in inverse proportion to its windows; the mean weight of a window is one.

    >>> class_weights([0, 0, 0, 1], 2).round(3)
    array([0.667, 2.   ])
    """
    counts = class_counts(labels, classes)
    return counts.sum() / (classes * counts)


def draw_epoch(labels: ArrayLike, classes: int, sampling: Sampling, rng: np.random.Generator) -> np.ndarray:
    """Positions of the windows of one epoch, as many as there are labels.

    Parameters
    ----------
    labels
        Class of each window, 0 to ``classes - 1``.
    classes
        Number of classes.
    sampling
        "plain": every window once, in random order. "balanced": drawn with `sampling_probability`, with replacement.
    rng
        Source of randomness.

    Raises
    ------
    DatasetError
        As `class_counts`.
    """
    if sampling == "plain":
        class_counts(labels, classes)
        return rng.permutation(len(np.asarray(labels)))
    return rng.choice(len(np.asarray(labels)), len(np.asarray(labels)), p=sampling_probability(labels, classes))
