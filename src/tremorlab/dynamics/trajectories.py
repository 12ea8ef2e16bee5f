"""Many motions at once: copies of a model, side by side in one array, marched by fixed Runge-Kutta steps.

A diagram against the driving pressure, or an exponent with an error bar, needs hundreds of motions and no single one to
twelve digits. Side by side they cost little more than one, because each operation runs over all copies.
`convergence` says what the adaptive integrator of a single motion is worth, `step_error` the same of the fixed step.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import fields

import numpy as np

from tremorlab.dynamics import julian
from tremorlab.dynamics.julian import Parameters, Scaled

#: Step of Julian's model in seconds: some 200 in a cycle. Halved, it moves no maximum of the opening by 1e-8 m unless
#: the motion is chaotic.
STEP_S = 1e-3

#: Derivatives of states of shape (states, copies), in that shape.
Rates = Callable[[np.ndarray], np.ndarray]


def stack(parameters: Sequence[Parameters]) -> Scaled:
    """The scaled form of several parameter sets: every number is an array with one value for each set."""
    forms = [julian.scaled(each) for each in parameters]
    return Scaled(**{field.name: np.array([getattr(form, field.name) for form in forms]) for field in fields(Scaled)})


def starts(parameters: Sequence[Parameters], scatter: float, rng: np.random.Generator) -> np.ndarray:
    """Scaled starts near the steady states, each state moved by a random share of ``scatter``; shape (3, copies)."""
    form = stack(parameters)
    states = form.from_si(np.array([julian.start_of(each, None) for each in parameters]).T)
    return states * (1 + scatter * rng.standard_normal(states.shape))


def rates_of(form: Scaled) -> Rates:
    """Derivatives of the scaled states of all copies."""
    return lambda states: np.array(form.rates(*states))


def advance(rates: Rates, states: np.ndarray, step: np.ndarray | float) -> np.ndarray:
    """All copies one step later; the step is one number, or one for each copy."""
    one = rates(states)
    two = rates(states + step / 2 * one)
    three = rates(states + step / 2 * two)
    return states + step / 6 * (one + 2 * (two + three) + rates(states + step * three))


def march(rates: Rates, states: np.ndarray, step: np.ndarray | float, steps: int) -> np.ndarray:
    """All copies ``steps`` steps later."""
    for _ in range(steps):
        states = advance(rates, states, step)
    return states


def sample(rates: Rates, states: np.ndarray, step: np.ndarray | float, every: int, samples: int) -> np.ndarray:
    """States at the start and after every ``every`` steps, shape (samples, states, copies)."""
    out = np.empty((samples, *states.shape))
    for row in out:
        row[:] = states
        states = march(rates, states, step, every)
    return out


def orbit(form: Scaled, state: np.ndarray, step: float, steps: int) -> np.ndarray:
    """The start and every step of one motion of Julian's model, shape (steps + 1, 3).

    The same numbers as `sample` gives, to the last bit: the same operations, of Python's numbers, which for one motion
    are some fifteen times sooner than arrays of one value.
    """
    out = np.full((steps + 1, 3), np.nan)  # what stays so is after the walls have closed
    out[0] = state
    x, y, z = out[0].tolist()
    rates, half, sixth = form.rates, step / 2, step / 6
    with contextlib.suppress(ZeroDivisionError):
        for row in range(1, steps + 1):
            a, b, c = rates(x, y, z)
            d, e, f = rates(x + half * a, y + half * b, z + half * c)
            g, h, i = rates(x + half * d, y + half * e, z + half * f)
            j, k, m = rates(x + step * g, y + step * h, z + step * i)
            x += sixth * (a + 2 * (d + g) + j)
            y += sixth * (b + 2 * (e + h) + k)
            z += sixth * (c + 2 * (f + i) + m)
            out[row] = x, y, z
    return out


def separation_growth(
    rates: Rates,
    states: np.ndarray,
    step: np.ndarray | float,
    every: int,
    rounds: int,
    rng: np.random.Generator,
    distance: float = 1e-7,
) -> np.ndarray:
    """Logarithm of how much each copy and a close neighbour of it part, over each of ``rounds`` pieces.

    Every ``every`` steps the neighbour is set back to ``distance`` (in units of the states) on the line between both
    (Benettin's method without the linearised equations, so that it needs nothing but the motion itself).

    Returns
    -------
    numpy.ndarray
        Shape (rounds, copies). Divided by the duration of a piece, their mean is the largest Lyapunov exponent.
    """
    copies = states.shape[1]
    apart = rng.standard_normal(states.shape)
    apart *= distance / np.linalg.norm(apart, axis=0)
    both = np.concatenate([states, states + apart], axis=1)
    step = np.tile(np.broadcast_to(step, copies), 2)
    growth = np.empty((rounds, copies))
    for row in growth:
        both = march(rates, both, step, every)
        apart = both[:, copies:] - both[:, :copies]
        length = np.linalg.norm(apart, axis=0)
        row[:] = np.log(length / distance)
        both[:, copies:] = both[:, :copies] + apart * (distance / length)
    return growth


def tangent_growth(
    form: Scaled, states: np.ndarray, step: np.ndarray | float, every: int, rounds: int, rng: np.random.Generator
) -> np.ndarray:
    """The same from the linearised equations of Julian's model: a tangent vector instead of a neighbour."""
    tangent = rng.standard_normal(states.shape)
    both = np.concatenate([states, tangent / np.linalg.norm(tangent, axis=0)])

    def rates(both):
        return np.array([*form.rates(*both[:3]), *form.tangent_rates(*both)])

    growth = np.empty((rounds, states.shape[1]))
    for row in growth:
        both = march(rates, both, step, every)
        length = np.linalg.norm(both[3:], axis=0)
        row[:] = np.log(length)
        both[3:] /= length
    return growth


def convergence(
    parameters: Parameters,
    duration_s: float,
    tolerances: tuple[float, ...] = (1e-5, 1e-7, julian.TOLERANCE),
    start: tuple[float, float, float] | None = None,
) -> dict[float, float]:
    """How far a solution moves when its tolerance is tightened 100 times.

    Returns
    -------
    dict
        For each tolerance the largest difference over ``duration_s``, relative to the range of each state. In a chaotic
        regime it grows by the factor exp(largest Lyapunov exponent x duration).
    """
    moved = {}
    for tolerance in tolerances:
        one, two = (
            julian.simulate(parameters, duration_s, start=start, tolerance=tight).values
            for tight in (tolerance, tolerance / 100)
        )
        moved[tolerance] = float(np.max(np.abs(one - two) / np.ptp(two, axis=0)))
    return moved


def step_error(parameters: Parameters, duration_s: float, step_s: float = STEP_S) -> float:
    """Largest distance of the fixed-step motion from the adaptive one, relative to the range of each state."""
    record = julian.simulate(parameters, duration_s, 100.0)
    form = julian.scaled(parameters)
    states = form.from_si(record.values[0])[:, np.newaxis]
    every = round(0.01 / step_s)
    marched = sample(rates_of(form), states, step_s / form.time_s, every, len(record.values))
    moved = form.to_si(marched[:, :, 0].T).T - record.values
    return float(np.max(np.abs(moved) / np.ptp(record.values, axis=0)))
