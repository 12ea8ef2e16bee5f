"""Closed-loop quality: does a model, run freely, move like the record? All models of one library are run side by side.

A model may have a wrong term and still move rightly, or all terms right and a coefficient that ends its chaos. So four
measures that do not follow a single orbit, which no chaotic model could: frequency, distribution of the amplitudes,
spectrum, and largest Lyapunov exponent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import wasserstein_distance

from tremorlab.dynamics import trajectories
from tremorlab.dynamics.library import Powers
from tremorlab.dynamics.likeness import log_spectral_distance_db, mean_frequency_hz
from tremorlab.dynamics.model import ESCAPE, Model
from tremorlab.dynamics.record import Record
from tremorlab.errors import DynamicsError

#: Largest Runge-Kutta step of a free run in seconds: some 40 in a cycle of Julian's model.
_STEP_S = 5e-3

#: Seconds between renormalisations of a neighbour.
_PIECE_S = 0.05


@dataclass(frozen=True)
class Likeness:
    """How a free run resembles a record; NaN where the run left the record's region.

    Attributes
    ----------
    bounded
        Whether the run stayed in the record's region (`tremorlab.dynamics.model.ESCAPE`).
    frequency_error
        Relative error of the mean frequency (upward crossings of the record's mean, first state).
    amplitude_distance
        Wasserstein distance between the distributions of values in the record's standard deviations, mean over states.
    spectral_distance_db
        Root mean square difference of the power spectra in dB, of the first state, in the record's band.
    lyapunov_per_second
        Largest Lyapunov exponent of the run, or NaN where it was not asked for.
    """

    bounded: bool
    frequency_error: float
    amplitude_distance: float
    spectral_distance_db: float
    lyapunov_per_second: float = np.nan


def free_runs(
    models: Sequence[Model], start: np.ndarray, duration_s: float, rate_hz: float, time_s: float = 1.0
) -> np.ndarray:
    """Run all models from one state.

    Parameters
    ----------
    models
        Models of one library.
    start
        State, shape (states,), or one of each model, shape (states, models).
    duration_s, rate_hz
        Length and sampling rate of the runs, in seconds of the real record.
    time_s
        Seconds in one unit of the models' time (1 unless the record was scaled, `Record.scale`).

    Returns
    -------
    numpy.ndarray
        Shape (models, samples, states); NaN from where a run leaves three ranges of its record.
    """
    rates, reach, centre = _rates(models)
    every = max(1, int(np.ceil(1 / (rate_hz * _STEP_S))))
    step = 1 / (rate_hz * time_s * every)
    states = _side_by_side(start, len(models))
    samples = round(duration_s * rate_hz)
    with np.errstate(all="ignore"):
        runs = trajectories.sample(_held(rates, centre, reach), states, step, every, samples)
    runs = runs.transpose(2, 0, 1)
    outside = ~(np.abs(runs - centre.T[:, np.newaxis]) <= ESCAPE * reach.T[:, np.newaxis]).all(axis=2)
    runs[np.logical_or.accumulate(outside, axis=1)] = np.nan
    return runs


def lyapunov_exponents(
    models: Sequence[Model], start: np.ndarray, duration_s: float, time_s: float = 1.0, seed: int = 0
) -> np.ndarray:
    """Largest Lyapunov exponent of each model in 1/s, from a neighbour of its run; meaningless where it is lost."""
    rates, reach, centre = _rates([*models, *models])
    every = round(_PIECE_S / _STEP_S)
    states = _side_by_side(start, len(models))
    with np.errstate(all="ignore"):
        growth = trajectories.separation_growth(
            _held(rates, centre, reach), states, _STEP_S / time_s, every, round(duration_s / _PIECE_S),
            np.random.default_rng(seed),
        )  # fmt: skip
    return growth.mean(axis=0) / _PIECE_S


def _side_by_side(start, models):
    """A state, or one of each model, as states of shape (states, models)."""
    start = np.asarray(start, float)
    return np.broadcast_to(start.reshape(len(start), -1), (len(start), models)).copy()


def likeness(run: np.ndarray, record: Record) -> Likeness:
    """Compare a free run, shape (samples, states), with a record of the same rate and states."""
    if run.shape[1] != record.values.shape[1] or len(run) < 64:
        raise DynamicsError(
            f"free run of shape {run.shape}",
            f"does not fit a record of {record.values.shape[1]} states, or is shorter than 64 samples",
            "Run the model longer, at the record's rate",
        )
    if not np.isfinite(run).all():
        return Likeness(False, np.nan, np.nan, np.nan)
    values = record.values
    spread = values.std(axis=0)
    apart = [wasserstein_distance(a / s, b / s) for a, b, s in zip(run.T, values.T, spread, strict=True)]
    frequency = mean_frequency_hz(values[:, 0], record.sampling_rate_hz)
    found = mean_frequency_hz(run[:, 0], record.sampling_rate_hz, level=values[:, 0].mean())
    distance = log_spectral_distance_db(run[:, 0], values[:, 0])
    return Likeness(True, found / frequency - 1, float(np.mean(apart)), distance)


def _rates(models):
    """Derivatives of the states of all models, and their records' ranges and centres, shape (states, models)."""
    library = models[0].library
    if any((model.library.names, model.library.terms) != (library.names, library.terms) for model in models):
        raise DynamicsError(f"{len(models)} models", "do not share one library", "Run them library by library")
    above = np.array([model.coefficients for model in models]).transpose(1, 2, 0)
    below = np.array([model.denominator for model in models]).transpose(1, 2, 0)
    used = (above != 0).any(axis=(1, 2)) | (below != 0).any(axis=(1, 2))
    exponents, above, below = library.exponents[used], above[used], below[used]
    divides = bool(below.any())

    def rates(states):
        values = Powers(states, exponents).values(exponents)[:, np.newaxis]
        slope = (above * values).sum(axis=0)
        return slope / (1 + (below * values).sum(axis=0)) if divides else slope

    reach = np.array([model.reach for model in models]).T
    return rates, reach, np.array([model.centre for model in models]).T


def _held(rates, centre, reach):
    """The same rates, but a run that has left its region far behind stands still instead of overflowing."""

    def held(states):
        inside = (np.abs(states - centre) <= 2 * ESCAPE * reach).all(axis=0)
        return np.where(inside, rates(states), 0.0)

    return held
