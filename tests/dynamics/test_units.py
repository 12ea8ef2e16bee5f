"""Nothing hangs on the units: Julian's equations are homogeneous, and coefficients follow when units change."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from tremorlab.dynamics import julian, sindy
from tremorlab.dynamics.julian import Parameters
from tremorlab.dynamics.library import polynomial
from tremorlab.dynamics.record import Record

#: Powers of mass, length and time of each parameter, per metre of breadth.
DIMENSIONS = {
    "p1": (1, -1, -2), "p2": (1, -1, -2), "eta": (1, -1, -1), "M": (1, -1, 0), "A": (1, -1, -1), "k": (1, -1, -2),
    "rho": (1, -3, 0), "h0": (0, 1, 0), "L": (0, 1, 0),
}  # fmt: skip
#: The same of the state: speed of flow, opening, speed of the wall.
STATE = np.array([(0, 1, -1), (0, 1, 0), (0, 1, -1)])

units = st.tuples(*[st.floats(-3, 3)] * 3)


def factors(powers, exponents):
    return 10.0 ** (np.asarray(powers) @ np.asarray(exponents))


@settings(deadline=None)
@given(units, st.sampled_from([0.0, 3e5]), st.floats(-300, 300), st.floats(0.05, 2), st.floats(-20, 20))
def test_julians_equations_are_homogeneous(exponents, wall, v, h, u):
    parameters = Parameters(p1=17e6, M=wall)
    assert {field.name for field in fields(Parameters)} == set(DIMENSIONS)
    other = replace(
        parameters, **{name: getattr(parameters, name) * factors(p, exponents) for name, p in DIMENSIONS.items()}
    )
    state = np.array([v, h, u])
    per_time = factors(STATE - np.array([0, 0, 1]), exponents)
    expected = julian.derivative(state, parameters) * per_time
    found = julian.derivative(state * factors(STATE, exponents), other)
    # Terms that cancel leave what rounding leaves of the largest of them.
    louder = np.abs(julian.derivative(np.maximum(np.abs(state), [300, 0, 20]), parameters)) * per_time
    assert np.all(np.abs(found - expected) <= 1e-9 * (np.abs(expected) + louder))
    steady, there = julian.steady_state(parameters), julian.steady_state(other)
    rate = factors((0, 0, -1), exponents)
    assert there.onset_frequency_hz == pytest.approx(steady.onset_frequency_hz * rate, rel=1e-9)


@pytest.fixture(scope="module")
def oscillator():
    """Van der Pol's oscillator with a little noise, two states at 100 samples a second."""
    times = np.arange(0, 30, 0.01)
    found = solve_ivp(
        lambda _, y: (y[1], (1 - y[0] ** 2) * y[1] - y[0]), (0, 30), (1.0, 0.0), t_eval=times, rtol=1e-10, atol=1e-10
    )
    noise = np.random.default_rng(0).normal(scale=1e-3, size=(len(times), 2))
    return Record(found.y.T + noise, 100.0, ("x", "y"))


@pytest.mark.parametrize("method", ["finite_difference", "smoothed", "weak", "ensemble"])
@settings(deadline=None, max_examples=12)
@given(exponents=units)
def test_coefficients_follow_the_units_and_terms_stay(oscillator, method, exponents):
    x, y, time = 10.0 ** np.array(exponents)
    terms = polynomial(("x", "y"), 3)
    moved = Record(oscillator.values * [x, y], oscillator.sampling_rate_hz / time, ("x", "y"))
    here, there = (sindy.candidates(record, terms, method)[0] for record in (oscillator, moved))
    assert here.support == there.support
    sizes = np.prod(np.array([x, y]) ** terms.exponents, axis=1)
    expected = here.coefficients * (np.array([x, y]) / time) / sizes[:, np.newaxis]
    np.testing.assert_allclose(there.coefficients, expected, rtol=1e-5)
