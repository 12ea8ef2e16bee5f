"""Julian's model against the published figures, closed forms and a second integrator."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from tremorlab.dynamics import julian
from tremorlab.dynamics.julian import PAPER_FIGURES, Parameters
from tremorlab.errors import DynamicsError

CHAOTIC = Parameters(p1=19e6)


@pytest.mark.parametrize(
    ("figure", "h", "v", "ratio", "frequency"),
    [
        ("figure 9", 0.823, 111.87, 1.547, 5.256),
        ("figure 10", 0.981, 46.49, 0.835, 5.452),
        ("figure 12 (doubtful)", 0.263, 206.4, 2.394, 4.539),
    ],
)
def test_steady_state_and_onset_are_the_published_ones(figure, h, v, ratio, frequency):
    steady = julian.steady_state(PAPER_FIGURES[figure][0])
    np.testing.assert_allclose(
        [steady.h, steady.v, steady.R, steady.onset_frequency_hz], [h, v, ratio, frequency], rtol=2e-3
    )
    assert steady.stable == (figure == "figure 10")


def test_figure_9_settles_on_the_published_limit_cycle():
    parameters, start = PAPER_FIGURES["figure 9"]
    record = julian.simulate(parameters, 3.0, 400.0, start, settle_s=9.0)
    v, h, _ = record.values.T
    np.testing.assert_allclose([h.min(), h.max(), v.min(), v.max()], [0.341, 1.650, 47.4, 80.0], rtol=0.01)
    rises = np.flatnonzero((h[:-1] < 1) & (h[1:] >= 1))
    frequency = 400.0 * (len(rises) - 1) / (rises[-1] - rises[0])
    assert frequency == pytest.approx(5.194, rel=0.01)


def test_figure_10_decays_to_its_steady_state():
    parameters, start = PAPER_FIGURES["figure 10"]
    record = julian.simulate(parameters, 15.0, start=start)
    steady = julian.steady_state(parameters)
    late = record.values[-100:]
    assert np.ptp(late[:, 1]) < 0.1 * np.ptp(record.values[:100, 1])
    assert late[:, 1].mean() == pytest.approx(steady.h, rel=0.01)


@settings(max_examples=25, deadline=None)
@given(
    p1=st.floats(1e6, 3e7),
    eta=st.floats(20.0, 1000.0),
    wall=st.floats(0.0, 1e6),
    damping=st.floats(0.0, 3e7),
    h0=st.floats(0.3, 2.0),
)
def test_stability_agrees_with_the_eigenvalues_of_a_numerical_jacobian(p1, eta, wall, damping, h0):
    parameters = Parameters(p1=p1, eta=eta, M=wall, A=damping, h0=h0)
    steady = julian.steady_state(parameters)
    state = np.array([steady.v, steady.h, 0.0])
    scale = np.array([steady.v, steady.h, 2 * np.pi * steady.onset_frequency_hz * steady.h])
    assert np.abs(julian.derivative(state, parameters) / scale).max() < 1e-6 * steady.onset_frequency_hz
    jacobian = np.empty((3, 3))
    for j in range(3):
        move = np.zeros(3)
        move[j] = 1e-6 * scale[j]
        difference = julian.derivative(state + move, parameters) - julian.derivative(state - move, parameters)
        jacobian[:, j] = difference / (2e-6 * scale) * 1.0
    growth = np.linalg.eigvals(jacobian).real.max()
    if abs(steady.R - 1) > 1e-3:
        assert (growth > 0) == (steady.R > 1)


def test_onset_frequency_is_that_of_the_critical_eigenvalue():
    low, high = 8e6, 14e6
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if julian.steady_state(Parameters(p1=middle)).R > 1 else (middle, high)
    parameters = Parameters(p1=low)
    steady, form = julian.steady_state(parameters), julian.scaled(parameters)
    state = form.from_si([steady.v, steady.h, 0.0])
    columns = [form.tangent_rates(*state, *axis) for axis in np.eye(3)]
    eigenvalues = np.linalg.eigvals(np.array(columns).T) / form.time_s
    pair = eigenvalues[np.argmax(eigenvalues.imag)]
    assert pair.real == pytest.approx(0, abs=1e-6)
    assert pair.imag / (2 * np.pi) == pytest.approx(steady.onset_frequency_hz, rel=1e-6)


@pytest.mark.parametrize("wall", [0.0, 3e5])
def test_scaled_form_is_the_si_form(wall):
    parameters = Parameters(p1=17e6, M=wall)
    form = julian.scaled(parameters)
    state = np.array([150.0, 0.4, 3.0])
    expected = julian.derivative(state, parameters)
    moved = np.array(form.motion(0.0, form.from_si(state))) / form.time_s
    np.testing.assert_allclose(form.to_si(moved), expected, rtol=1e-12)
    np.testing.assert_allclose(form.to_si(form.from_si(state)), state, rtol=1e-14)


def test_simulation_agrees_with_an_implicit_integrator_of_the_si_form():
    parameters, start = PAPER_FIGURES["figure 9"]
    record = julian.simulate(parameters, 0.8, 100.0, start)
    reference = solve_ivp(
        lambda t, y: julian.derivative(y, parameters), (0, 0.8), start, method="Radau", t_eval=record.times_s,
        rtol=1e-9, atol=1e-9,
    ).y.T  # fmt: skip
    assert np.max(np.abs(record.values - reference) / np.ptp(reference, axis=0)) < 1e-6


def test_record_starts_where_asked_and_after_the_settling_time():
    record = julian.simulate(CHAOTIC, 1.0, 100.0, (200.0, 0.3, 0.0))
    np.testing.assert_allclose(record.values[0], [200.0, 0.3, 0.0], rtol=1e-12)
    later = julian.simulate(CHAOTIC, 0.5, 100.0, (200.0, 0.3, 0.0), settle_s=0.5)
    np.testing.assert_allclose(later.values, record.values[50:], rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p1": float("nan")}, "p1 = nan: must be finite and positive"),
        ({"eta": 0.0}, "eta = 0.0: must be finite and positive"),
        ({"M": -1.0}, "M = -1.0: must be finite and not negative"),
        ({"p1": 0.05e6}, "p1 = 50000 Pa: is not above p2"),
    ],
)
def test_impossible_parameters_are_refused(change, message):
    with pytest.raises(DynamicsError, match=message):
        Parameters(**{"p1": 10e6, **change})


def test_impossible_runs_are_refused():
    with pytest.raises(DynamicsError, match="fewer than two samples"):
        julian.simulate(CHAOTIC, 0.005)
    with pytest.raises(DynamicsError, match="is not \\(v, h, u\\) with h > 0"):
        julian.simulate(CHAOTIC, 1.0, start=(0.0, -1.0, 0.0))
    with pytest.raises(DynamicsError, match="the walls closed below"):
        julian.simulate(Parameters(p1=19e6, eta=1e-3), 5.0, start=(400.0, 0.05, -50.0))
