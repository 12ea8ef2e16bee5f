"""Regimes of Julian's model: steady, limit cycle, period doubling, chaos; bifurcation diagram and Lyapunov exponent."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.integrate import solve_ivp

from tremorlab.dynamics import julian
from tremorlab.dynamics.julian import Parameters
from tremorlab.errors import DynamicsError

#: Maxima closer than this share of the range of the opening count as the same.
SAME = 2e-3

#: A range of the opening below this share of the steady opening counts as rest.
REST = 1e-3

#: A cycle with more different maxima than this is called irregular.
LONGEST_PERIOD = 12


@dataclass(frozen=True)
class Regime:
    """What the motion settles to.

    Attributes
    ----------
    name
        "steady", "limit cycle", "period N" or "irregular" (chaos, or a period longer than `LONGEST_PERIOD`).
    maxima_m
        Successive maxima of the wall separation h in m.
    frequency_hz
        Maxima per second; 0 at rest.
    """

    name: str
    maxima_m: np.ndarray
    frequency_hz: float


def regime(
    parameters: Parameters,
    settle_s: float = 72.0,
    watch_s: float = 48.0,
    start: tuple[float, float, float] | None = None,
) -> Regime:
    """Integrate, let ``settle_s`` pass and classify the maxima of h in the ``watch_s`` that follow.

    Raises
    ------
    DynamicsError
        A duration is not positive, or the integration fails.
    """
    if not (settle_s > 0 and watch_s > 0):
        raise DynamicsError(f"settle {settle_s} s, watch {watch_s} s", "must be positive", "Give seconds")
    form = julian.scaled(parameters)
    first, last = settle_s / form.time_s, (settle_s + watch_s) / form.time_s
    begin = form.from_si(julian.start_of(parameters, start))
    result = julian.integrate(form, begin, np.array([0.0, first, last]), julian.TOLERANCE, events=_opening_stops)
    late = result.t_events[1] > first
    times, maxima = result.t_events[1][late] * form.time_s, result.y_events[1][late, 0] * form.opening_m
    steady = julian.steady_state(parameters).h
    if len(maxima) < 3 or np.max(np.abs(maxima - steady)) < REST * steady:
        return Regime("steady", maxima, 0.0)
    frequency = (len(times) - 1) / (times[-1] - times[0])
    count = _distinct(maxima)
    name = {1: "limit cycle"}.get(count, f"period {count}" if count <= LONGEST_PERIOD else "irregular")
    return Regime(name, maxima, float(frequency))


def _opening_stops(_time, state):
    return state[2]


_opening_stops.direction = -1


def _distinct(maxima):
    ordered = np.sort(maxima)
    return 1 + int(np.count_nonzero(np.diff(ordered) > SAME * max(np.ptp(ordered), 0.05 * ordered[-1])))


def bifurcation(parameters: Parameters, pressures_pa: Iterable[float], **durations) -> pd.DataFrame:
    """Maxima of the wall separation against the driving pressure.

    Returns
    -------
    pandas.DataFrame
        One row a maximum: p1 (Pa), h_m, regime, frequency_hz. A steady regime has one row, its steady opening.
    """
    rows = []
    for pressure in pressures_pa:
        here = replace(parameters, p1=float(pressure))
        found = regime(here, **durations)
        heights = found.maxima_m if found.frequency_hz else np.array([julian.steady_state(here).h])
        rows += [(float(pressure), float(height), found.name, found.frequency_hz) for height in heights]
    return pd.DataFrame(rows, columns=["p1", "h_m", "regime", "frequency_hz"])


@dataclass(frozen=True)
class LyapunovExponent:
    """Largest Lyapunov exponent and its standard error from the scatter of blocks, per second."""

    per_second: float
    standard_error: float


def largest_lyapunov_exponent(
    parameters: Parameters,
    duration_s: float = 120.0,
    settle_s: float = 60.0,
    start: tuple[float, float, float] | None = None,
    renormalise_s: float = 0.5,
    blocks: int = 8,
) -> LyapunovExponent:
    """Mean growth rate of a small disturbance, from the variational equations (Benettin's method).

    A tangent vector is integrated with the motion, with the model's own Jacobian matrix, and set back to length one
    every ``renormalise_s``. The error is the standard error of the means of ``blocks`` pieces.

    Raises
    ------
    DynamicsError
        The duration holds fewer renormalisations than blocks.
    """
    steps = round(duration_s / renormalise_s)
    if steps < blocks or blocks < 2:
        raise DynamicsError(
            f"{duration_s:g} s", f"holds {steps} renormalisations, fewer than {blocks} blocks", "Ask for a longer run"
        )
    form = julian.scaled(parameters)
    settled = np.array([settle_s, settle_s + renormalise_s]) / form.time_s
    state = julian.integrate(form, form.from_si(julian.start_of(parameters, start)), settled, julian.TOLERANCE).y[:, 0]
    tangent = np.array([1.0, 1.0, 1.0]) / np.sqrt(3)
    growth = np.empty(steps)
    step = renormalise_s / form.time_s
    for i in range(steps):
        state, tangent = _flow(form, state, tangent, step)
        length = np.linalg.norm(tangent)
        growth[i] = np.log(length) / renormalise_s
        tangent = tangent / length
    means = [block.mean() for block in np.array_split(growth, blocks)]
    return LyapunovExponent(float(growth.mean()), float(np.std(means, ddof=1) / np.sqrt(blocks)))


def _flow(form, state, tangent, duration):
    def motion(time, both):
        return np.concatenate([form.motion(time, both[:3]), form.jacobian(both[:3]) @ both[3:]])

    result = solve_ivp(motion, (0, duration), np.concatenate([state, tangent]), method="DOP853", rtol=1e-8, atol=1e-9)
    if result.status != 0:
        raise DynamicsError("variational equations", "the integrator failed", "Lower the driving pressure")
    return result.y[:3, -1], result.y[3:, -1]
