"""Forecasts of one scalar, and the rivals that a nonlinear model must beat on blocks it was not fitted to.

Every predictor sees the last ``memory`` samples and forecasts several horizons at once, each directly (not by iterating
one step), so that no rival is spoilt by errors that feed on themselves. Two ways of holding out are offered, because
they answer different questions: `blocks_around` (what was held out lies between data that were fitted: does the record
contain structure that the model uses?) and `blocks_ahead` (only the past is fitted: could an observatory have used
it?).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from tremorlab.dynamics.surrogates import scalar
from tremorlab.errors import DynamicsError

#: (rows fitted, rows held out).
Split = tuple[np.ndarray, np.ndarray]


class Predictor(Protocol):
    """Forecasts from tables: ``past`` has shape (rows, memory), newest sample first; the future (rows, horizons)."""

    def fit(self, past: np.ndarray, future: np.ndarray, horizons: Sequence[int]) -> "Predictor": ...

    def predict(self, past: np.ndarray) -> np.ndarray: ...


def table(values: np.ndarray, memory: int, horizons: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Past and future of every sample that has both.

    Returns
    -------
    past, future
        Shapes (rows, memory), newest first, and (rows, horizons); row k belongs to sample memory - 1 + k.

    Raises
    ------
    DynamicsError
        The record cannot be used, or is not five times longer than memory and the longest horizon together.
    """
    values = scalar(values)
    horizons = [int(h) for h in horizons]
    if memory < 2 or not horizons or min(horizons) < 1 or len(values) < 5 * (memory + max(horizons)):
        raise DynamicsError(
            f"record of {len(values)} samples",
            f"is shorter than five times the memory of {memory} and the horizon of {max(horizons, default=0)} samples",
            "Take a longer piece, a shorter memory or nearer horizons",
        )
    past = sliding_window_view(values, memory)[: len(values) - memory + 1 - max(horizons), ::-1]
    future = np.stack([values[memory - 1 + h : memory - 1 + h + len(past)] for h in horizons], axis=1)
    return np.ascontiguousarray(past), future


@dataclass(frozen=True)
class Persistence:
    """The last value stays."""

    def fit(self, past, future, horizons):
        return _Fitted(lambda rows: np.repeat(rows[:, :1], len(horizons), axis=1))


@dataclass(frozen=True)
class PeriodicTemplate:
    """The last cycle repeats, as long and as strong as fits its predecessor best.

    For every sample the period between ``shortest`` and ``longest`` (samples) is the one at which the recent past
    agrees best with itself a period before; a factor a cycle lets it grow or decay.
    """

    shortest: int
    longest: int

    def fit(self, past, future, horizons):
        compared = past.shape[1] - self.longest
        if not 1 <= self.shortest < self.longest or compared < self.shortest:
            raise DynamicsError(
                f"template of {self.shortest}-{self.longest} samples",
                f"does not fit twice into a memory of {past.shape[1]} samples",
                "Give a longer memory or shorter periods",
            )
        return _Fitted(lambda rows: self._repeat(rows, compared, np.asarray(horizons)))

    def _repeat(self, rows, compared, horizons):
        periods = np.arange(self.shortest, self.longest + 1)
        recent = rows[:, :compared]
        before = [rows[:, p : p + compared] for p in periods]
        product = np.array([np.einsum("ij,ij->i", recent, each) for each in before])
        energy = np.array([np.einsum("ij,ij->i", each, each) for each in before])
        tiny = np.finfo(float).tiny
        best = np.argmax(np.sign(product) * product**2 / np.maximum(energy, tiny), axis=0)
        each = np.arange(len(rows))
        period, factor = periods[best], product[best, each] / np.maximum(energy[best, each], tiny)
        factor = np.clip(factor, 0.0, 1.5)
        out = np.empty((len(rows), len(horizons)))
        for column, horizon in enumerate(horizons):
            cycles = -(-horizon // period)
            out[:, column] = factor**cycles * rows[each, cycles * period - horizon]
        return out


@dataclass(frozen=True)
class Autoregression:
    """Linear forecast from the last ``memory`` samples (all of them by default), with a little ridge."""

    ridge: float = 1e-4
    memory: int | None = None

    def fit(self, past, future, horizons):
        kept = self.memory or past.shape[1]
        weights = _ridge(past[:, :kept], future, self.ridge)
        return _Fitted(lambda rows: rows[:, :kept] @ weights)


@dataclass(frozen=True)
class ScaleFreeKernel:
    """Linear forecast plus a nonlinear function of the *shape* of the past, times its size.

    forecast = w . X + |X| sum_j c_j exp(-|X/|X| - X_j/|X_j||^2 / (2 width^2)), with X the last ``memory`` samples (all
    by default) and X_j every so-many-th fitted one. The forecast of a record twice as strong is twice as strong: tremor
    changes its amplitude by factors while it keeps its waveform, and a model in absolute amplitudes would have to learn
    every waveform at every amplitude. With ``centres=0`` it is `Autoregression`.
    """

    width: float = 0.6
    ridge: float = 1e-4
    centres: int = 200
    memory: int | None = None

    def fit(self, past, future, horizons):
        kept = self.memory or past.shape[1]
        if not (self.width > 0 and 0 <= self.centres < len(past)):
            raise DynamicsError(
                f"kernel of width {self.width}, {self.centres} centres",
                f"needs a positive width and fewer centres than the {len(past)} rows",
                "Choose others",
            )
        chosen = np.linspace(0, len(past) - 1, self.centres).astype(int)
        centres = _shape(past[chosen, :kept])[0]

        def terms(rows):
            rows = rows[:, :kept]
            unit, size = _shape(rows)
            # Both are unit vectors: the squared distance is 2 - 2 cos.
            near = np.exp((unit @ centres.T - 1) / self.width**2)
            return np.concatenate([rows, size[:, np.newaxis] * near / np.sqrt(kept)], axis=1)

        weights = _ridge(terms(past), future, self.ridge)
        return _Fitted(lambda rows: terms(rows) @ weights)


def _shape(rows):
    size = np.linalg.norm(rows, axis=1)
    return rows / np.maximum(size, np.finfo(float).tiny)[:, np.newaxis], size


@dataclass(frozen=True)
class _Fitted:
    forecast: object

    def predict(self, past):
        return self.forecast(past)


def _ridge(terms, future, ridge):
    """Least squares on terms of unit size, with a ridge in units of their number."""
    gram = terms.T @ terms
    size = np.sqrt(np.diag(gram))
    size = np.where(size > 0, size, 1.0)
    gram = gram / np.outer(size, size)
    gram[np.diag_indices(len(gram))] += ridge
    moments = (terms.T @ future) / size[:, np.newaxis]
    try:
        solved = cho_solve(cho_factor(gram), moments)
    except LinAlgError:
        raise DynamicsError(
            f"forecast with {terms.shape[1]} terms", f"is not determined with ridge {ridge:g}", "Use more ridge"
        ) from None
    return solved / size[:, np.newaxis]


def blocks_around(rows: int, count: int, gap: int) -> list[Split]:
    """``count`` held-out blocks, fitted on all rows before and after that are at least ``gap`` rows away."""
    if count < 2 or rows < count * (gap + 1) * 1.5:
        raise DynamicsError(
            f"{count} blocks with gaps of {gap}", f"leave too little of {rows} rows", "Ask for fewer blocks"
        )
    edges = np.linspace(0, rows, count + 1).astype(int)
    everything = np.arange(rows)
    return [
        (everything[(everything < low - gap) | (everything >= high + gap)], np.arange(low, high))
        for low, high in pairwise(edges)
    ]


def blocks_ahead(rows: int, count: int, gap: int) -> list[Split]:
    """The last two thirds in ``count`` held-out blocks, each fitted on all rows at least ``gap`` before it."""
    edges = np.linspace(rows // 3, rows, count + 1).astype(int)
    if count < 1 or edges[0] - gap < 2 * gap:
        raise DynamicsError(
            f"{count} blocks ahead with gaps of {gap}", f"leave too little of {rows} rows", "Take a longer record"
        )
    return [(np.arange(low - gap), np.arange(low, high)) for low, high in pairwise(edges)]


@dataclass(frozen=True)
class Comparison:
    """Mean squared forecast errors over the variance of the held-out record.

    Attributes
    ----------
    names
        Of the predictors.
    horizons
        In samples.
    errors
        Shape (predictors, blocks, horizons).
    """

    names: tuple[str, ...]
    horizons: tuple[int, ...]
    errors: np.ndarray

    def by_horizon(self, name: str) -> np.ndarray:
        """Root mean squared error by horizon, 1 being as bad as forecasting the mean."""
        return np.sqrt(self.errors[self.names.index(name)].mean(axis=0))

    def overall(self, name: str) -> float:
        """Root mean squared error over all horizons and blocks."""
        return float(np.sqrt(self.errors[self.names.index(name)].mean()))

    def ratio(self, name: str, rival: str) -> float:
        """Error of one over that of another: below 1 is better."""
        return self.overall(name) / self.overall(rival)

    def won(self, name: str, rival: str) -> int:
        """Number of blocks in which it beats its rival."""
        one, other = (self.errors[self.names.index(each)].mean(axis=1) for each in (name, rival))
        return int(np.count_nonzero(one < other))

    @property
    def blocks(self) -> int:
        """Number of held-out blocks."""
        return self.errors.shape[1]


def compare(
    values: np.ndarray,
    predictors: dict[str, Predictor],
    memory: int,
    horizons: Sequence[int],
    blocks: int = 10,
    ahead: bool = False,
) -> Comparison:
    """Fit every predictor on the same rows and judge it on the same held-out blocks.

    ``ahead`` chooses `blocks_ahead` in place of `blocks_around`. Memory and longest horizon are kept free around every
    block, so that no sample is fitted and judged.
    """
    values = scalar(values)
    values = values - values.mean()
    past, future = table(values, memory, horizons)
    split = blocks_ahead if ahead else blocks_around
    splits = split(len(past), blocks, memory + max(horizons))
    total = future[np.concatenate([held for _, held in splits])].var()
    errors = [
        [
            np.mean((each.fit(past[fitted], future[fitted], horizons).predict(past[held]) - future[held]) ** 2, axis=0)
            for fitted, held in splits
        ]
        for each in predictors.values()
    ]
    return Comparison(tuple(predictors), tuple(int(h) for h in horizons), np.array(errors) / total)


def free_run(fitted: Predictor, past: np.ndarray, samples: int, hold: bool) -> np.ndarray:
    """Let a predictor, fitted to horizons 1, 2, ..., go on from its own forecasts.

    Parameters
    ----------
    fitted
        Its horizons must be 1, 2, ... without a hole; the forecasts are appended as a block.
    past
        Samples to start from, shape (memory,), newest first.
    samples
        Length of the run; it ends early where it grows a thousand times beyond ``past``.
    hold
        Whether the size of the past is set back to its first value after every block. A scale-free model has no
        amplitude of its own: it grows or decays unless it is held.
    """
    size, memory = np.linalg.norm(past), len(past)
    now, run = np.asarray(past, float), []
    while len(run) < samples:
        block = fitted.predict(now[np.newaxis])[0]
        now = np.concatenate([block[::-1], now])[:memory]
        reached = np.linalg.norm(now)
        if not 1e-300 < reached < 1e3 * size:
            break
        factor = size / reached if hold else 1.0
        now = now * factor
        run.extend(block * factor)
    return np.array(run[:samples])
