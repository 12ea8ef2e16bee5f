"""Regimes of Julian's model: steady, limit cycle, period doubling, chaos; bifurcation diagram, Lyapunov exponents."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tremorlab.dynamics import julian, trajectories
from tremorlab.dynamics.julian import Parameters
from tremorlab.dynamics.trajectories import STEP_S
from tremorlab.errors import DynamicsError

#: A cycle repeats when every maximum comes back, so many maxima later, to this share of the range of the opening. After
#: the settling time true cycles repeat to 1e-8; what is not yet settled, near a bifurcation, is called irregular.
SAME = 1e-4

#: A range of the opening below this share of the steady opening counts as rest.
REST = 1e-3

#: A cycle with more maxima than this is called irregular.
LONGEST_PERIOD = 16

#: Seconds between renormalisations of a disturbance: a quarter of a cycle, so that it stays small.
_RENORMALISE_S = 0.05


@dataclass(frozen=True)
class Regime:
    """What the motion settles to.

    Attributes
    ----------
    name
        "steady", "limit cycle", "period N" (N maxima in a cycle) or "irregular" (chaos, a period longer than
        `LONGEST_PERIOD`, or not settled yet: the Lyapunov exponent tells which).
    maxima_m
        Successive maxima of the wall separation h in m.
    frequency_hz
        Maxima per second; 0 at rest.
    """

    name: str
    maxima_m: np.ndarray
    frequency_hz: float


def classify(parameters: Sequence[Parameters], settle_s: float = 100.0, watch_s: float = 40.0) -> list[Regime]:
    """Let ``settle_s`` pass for all parameter sets at once and classify the maxima of h in the ``watch_s`` that follow.

    Each motion starts at 1.05 times its steady opening.

    Raises
    ------
    DynamicsError
        A duration is not positive, or a motion left the region where the model makes sense.
    """
    if not (settle_s > 0 and watch_s > 0):
        raise DynamicsError(f"settle {settle_s} s, watch {watch_s} s", "must be positive", "Give seconds")
    form = trajectories.stack(parameters)
    rates, step = trajectories.rates_of(form), STEP_S / form.time_s
    states = trajectories.starts(parameters, 0.0, np.random.default_rng(0))
    with np.errstate(all="ignore"):
        states = trajectories.march(rates, states, step, round(settle_s / STEP_S))
        times, heights, copies = [], [], []
        for number in range(round(watch_s / STEP_S)):
            after = trajectories.advance(rates, states, step)
            turned = np.flatnonzero((states[2] > 0) & (after[2] <= 0))
            if len(turned):
                share, height = _maximum(states[:, turned], after[:, turned], step[turned])
                times += list((number + share) * STEP_S)
                heights += list(height * form.opening_m[turned])
                copies += list(turned)
            states = after
    if not np.isfinite(states).all():
        lost = int(np.flatnonzero(~np.isfinite(states).all(axis=0))[0])
        raise DynamicsError(
            f"motion at p1 = {parameters[lost].p1:g} Pa", "is not finite: the walls closed", "Lower the pressure"
        )
    times, heights, copies = np.array(times), np.array(heights), np.array(copies)
    return [_name(each, times[copies == i], heights[copies == i]) for i, each in enumerate(parameters)]


def _maximum(before, after, step):
    """Share of the step and height of the maximum of x on the cubic through x and x' = z at both ends of the step."""
    x0, x1, d0, d1 = before[0], after[0], step * before[2], step * after[2]
    cubic, square = 2 * (x0 - x1) + d0 + d1, 3 * (x1 - x0) - 2 * d0 - d1
    # The root of the slope 3 c s^2 + 2 q s + d0 that lies in the step, in the form that survives c = 0.
    share = d0 / (-square + np.sqrt(np.maximum(square**2 - 3 * cubic * d0, 0)))
    return share, ((cubic * share + square) * share + d0) * share + x0


def _name(parameters, times, maxima):
    steady = julian.steady_state(parameters).h
    if len(maxima) < 3 or np.max(np.abs(maxima - steady)) < REST * steady:
        return Regime("steady", maxima, 0.0)
    frequency = float((len(times) - 1) / (times[-1] - times[0]))
    limit = SAME * max(np.ptp(maxima), 0.05 * maxima.max())
    longest = min(LONGEST_PERIOD, len(maxima) // 2)
    repeats = (n for n in range(1, longest + 1) if np.max(np.abs(maxima[n:] - maxima[:-n])) <= limit)
    period = next(repeats, 0)
    name = {0: "irregular", 1: "limit cycle"}.get(period, f"period {period}")
    return Regime(name, maxima, frequency)


def bifurcation(parameters: Parameters, pressures_pa: Iterable[float], **durations) -> pd.DataFrame:
    """Maxima of the wall separation against the driving pressure.

    Returns
    -------
    pandas.DataFrame
        One row a maximum: p1 (Pa), h_m, regime, frequency_hz. A steady regime has one row, its steady opening.
    """
    sets = [replace(parameters, p1=float(pressure)) for pressure in pressures_pa]
    rows = []
    for here, found in zip(sets, classify(sets, **durations), strict=True):
        heights = found.maxima_m if found.frequency_hz else np.array([julian.steady_state(here).h])
        rows += [(here.p1, float(height), found.name, found.frequency_hz) for height in heights]
    return pd.DataFrame(rows, columns=["p1", "h_m", "regime", "frequency_hz"])


@dataclass(frozen=True)
class LyapunovExponent:
    """Largest Lyapunov exponent and its standard error from independent copies, per second."""

    per_second: float
    standard_error: float


def lyapunov_exponents(
    parameters: Sequence[Parameters],
    duration_s: float = 60.0,
    copies: int = 8,
    settle_s: float = 20.0,
    method: str = "tangent",
    seed: int = 0,
) -> list[LyapunovExponent]:
    """Mean growth rate of a small disturbance (Benettin's method), of several parameter sets at once.

    The error is the standard error over ``copies`` runs of ``duration_s`` from scattered starts: a single run of
    a minute scatters by some 0.2 a second where the motion is chaotic.

    Parameters
    ----------
    parameters
        Parameter sets.
    duration_s, copies, settle_s
        Seconds averaged over, runs from different starts, seconds that pass before.
    method
        "tangent": the linearised equations; "neighbour": a second motion close by, which needs no linearisation.
    seed
        Of starts and disturbances.

    Raises
    ------
    DynamicsError
        The method is neither, there are fewer than two copies, or the duration is shorter than one renormalisation.
    """
    rounds = round(duration_s / _RENORMALISE_S)
    if method not in ("tangent", "neighbour") or copies < 2 or rounds < 1:
        raise DynamicsError(
            f"method {method!r}, {copies} copies of {duration_s:g} s",
            f"are not 'tangent' or 'neighbour' with two copies or more of {_RENORMALISE_S} s or more",
            "Choose others",
        )
    rng = np.random.default_rng(seed)
    sets = [each for each in parameters for _ in range(copies)]
    form = trajectories.stack(sets)
    rates, step = trajectories.rates_of(form), STEP_S / form.time_s
    states = trajectories.march(rates, trajectories.starts(sets, 0.02, rng), step, round(settle_s / STEP_S))
    every = round(_RENORMALISE_S / STEP_S)
    if method == "tangent":
        growth = trajectories.tangent_growth(form, states, step, every, rounds, rng)
    else:
        pairs = trajectories.stack(sets * 2)
        growth = trajectories.separation_growth(trajectories.rates_of(pairs), states, step, every, rounds, rng)
    each = growth.mean(axis=0).reshape(len(parameters), copies) / _RENORMALISE_S
    return [LyapunovExponent(float(row.mean()), float(row.std(ddof=1) / np.sqrt(copies))) for row in each]
