"""Sequentially thresholded least squares on Gram matrices, and its ensembles by block bootstrap.

The regression of SINDy (Brunton, Proctor and Kutz 2016, doi 10.1073/pnas.1517384113) needs the terms only through their
Gram matrix and their products with the derivatives. These are summed once over blocks of the record; every threshold
and every bootstrap member then costs a few small solves, whatever the record's length. Whole blocks are drawn, because
neighbouring samples of a record are not independent. The condition number is squared by the Gram matrix: terms should
be scaled (`tremorlab.dynamics.sindy` does so), and a condition number above `ILL_CONDITIONED` is refused.
"""

from dataclasses import dataclass

import numpy as np

from tremorlab.errors import DynamicsError

#: Largest condition number of the normalised Gram matrix; terms beyond it are collinear to working precision.
ILL_CONDITIONED = 1e14

#: Thresholdings, at most.
_ROUNDS = 20


@dataclass(frozen=True)
class BlockGrams:
    """Gram matrices of blocks of consecutive samples.

    Attributes
    ----------
    grams, moments
        Shapes (blocks, terms, terms) and (blocks, terms, states).
    """

    grams: np.ndarray
    moments: np.ndarray

    @property
    def total(self) -> tuple[np.ndarray, np.ndarray]:
        """Gram matrix and moments of the whole record."""
        return self.grams.sum(axis=0), self.moments.sum(axis=0)

    def resample(self, rng: np.random.Generator, members: int) -> np.ndarray:
        """How often each member of a bootstrap holds each block, shape (members, blocks)."""
        count = len(self.grams)
        return rng.multinomial(count, np.full(count, 1 / count), size=members)


def block_grams(terms: np.ndarray, derivatives: np.ndarray, blocks: int) -> BlockGrams:
    """Sum products over blocks.

    Parameters
    ----------
    terms, derivatives
        Shapes (samples, terms) and (samples, states).
    blocks
        Number of equal blocks; up to ``blocks - 1`` samples at the end are left out.

    Raises
    ------
    DynamicsError
        There are fewer samples than blocks, or a value is not finite.
    """
    length = len(terms) // blocks if blocks >= 1 else 0
    if not length:
        raise DynamicsError(
            f"{len(terms)} samples", f"do not make {blocks} blocks", "Ask for fewer blocks, at least one"
        )
    if not (np.isfinite(terms).all() and np.isfinite(derivatives).all()):
        raise DynamicsError(
            "terms and derivatives", "hold values that are not finite", "A state in a denominator is 0?"
        )
    both = np.concatenate([terms, derivatives], axis=1)[: length * blocks].reshape(blocks, length, -1)
    products = both[:, :, : terms.shape[1]].transpose(0, 2, 1) @ both
    return BlockGrams(products[:, :, : terms.shape[1]], products[:, :, terms.shape[1] :])


def stlsq(gram: np.ndarray, moment: np.ndarray, threshold: float, ridge: float = 0.05) -> np.ndarray:
    """Drop coefficients below the threshold and fit again, until none is dropped; the last fit is without ridge.

    Parameters
    ----------
    gram, moment
        Shapes (terms, terms) and (terms, states).
    threshold, ridge
        As in pysindy's ``STLSQ(threshold, alpha)``, to whose coefficients these are equal.

    Returns
    -------
    numpy.ndarray
        Shape (terms, states).

    Raises
    ------
    DynamicsError
        Threshold or ridge is negative, or the terms that are left are collinear.
    """
    if not (threshold >= 0 and ridge >= 0):
        raise DynamicsError(f"threshold {threshold}, ridge {ridge}", "must not be negative", "Choose 0 or more")
    coefficients = np.zeros(moment.shape)
    for state in range(moment.shape[1]):
        kept = np.arange(len(gram))
        for _ in range(_ROUNDS):
            fitted = _solve(gram, moment[:, state], kept, ridge)
            big = np.abs(fitted) >= threshold
            if big.all():
                break
            kept = kept[big]
            if not len(kept):
                break
        if len(kept):
            coefficients[kept, state] = _solve(gram, moment[:, state], kept, 0.0)
    return coefficients


def ensemble(blocks: BlockGrams, counts: np.ndarray, threshold: float, ridge: float = 0.05) -> np.ndarray:
    """Coefficients of every member of a bootstrap, shape (members, terms, states).

    ``counts`` comes from `BlockGrams.resample`.
    """
    members, (_, terms, states) = len(counts), blocks.moments.shape
    weights = counts.astype(float)
    grams = (weights @ blocks.grams.reshape(len(blocks.grams), -1)).reshape(members, terms, terms)
    moments = (weights @ blocks.moments.reshape(len(blocks.grams), -1)).reshape(members, terms, states)
    return np.array([stlsq(gram, moment, threshold, ridge) for gram, moment in zip(grams, moments, strict=True)])


def _solve(gram, moment, kept, ridge):
    part = gram[np.ix_(kept, kept)] + ridge * np.eye(len(kept))
    size = np.sqrt(np.diag(part))
    if np.any(size == 0):
        raise DynamicsError(f"term {int(kept[size == 0][0])}", "is zero in the whole record", "Leave it out")
    part = part / np.outer(size, size)
    check_independent(part)
    return np.linalg.solve(part, moment[kept] / size) / size


def check_independent(gram: np.ndarray) -> None:
    """Raise a `DynamicsError` if the terms of a Gram matrix with unit diagonal are collinear to working precision."""
    try:
        lower = np.linalg.cholesky(gram)
    except np.linalg.LinAlgError:
        lower = None
    if lower is None or 1 / lower.diagonal().min() ** 2 > ILL_CONDITIONED:
        raise DynamicsError(
            f"library of {len(gram)} terms",
            f"is collinear on this record (condition number above {ILL_CONDITIONED:g})",
            "Use fewer terms, a longer record or more ridge",
        )
