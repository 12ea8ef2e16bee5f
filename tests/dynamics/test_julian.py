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


def test_a_record_without_options_starts_opened_by_a_twentieth_at_100_hz():
    record = julian.simulate(CHAOTIC, 0.5)
    steady = julian.steady_state(CHAOTIC)
    assert record.sampling_rate_hz == 100
    assert (record.names, record.units) == (("v", "h", "u"), ("m/s", "m", "m/s"))
    assert record.values.shape == (50, 3)
    np.testing.assert_allclose(record.values[0], [steady.v, 1.05 * steady.h, 0], atol=1e-12)


def test_the_defaults_are_those_of_the_papers_last_figure():
    assert Parameters(p1=19e6, p2=0.1e6, eta=50.0, M=0.0, A=1e7, k=6e8, rho=2500.0, h0=1.0, L=10.0) == CHAOTIC


def test_a_slot_may_open_into_a_void_but_nothing_else_is_zero():
    assert Parameters(p1=1.0, p2=0.0, A=0.0, M=0.0).p2 == 0
    for name in ("p1", "eta", "k", "rho", "h0", "L"):
        for value in (0.0, -1.0, np.inf):
            with pytest.raises(DynamicsError, match=f"{name} = {value}: must be finite and positive"):
                Parameters(**{"p1": 10e6, name: value})
    for name in ("p2", "M", "A"):
        with pytest.raises(DynamicsError, match=f"{name} = -1.0: must be finite and not negative"):
            Parameters(**{"p1": 10e6, name: -1.0})
    with pytest.raises(DynamicsError, match="p1 = 100000 Pa: is not above p2 = 100000 Pa"):
        Parameters(p1=0.1e6)


@pytest.mark.parametrize("start", [(1.0, 0.5), (1.0, 0.0, 0.0), (np.nan, 1.0, 0.0), (1.0, 1.0, 0.0, 0.0)])
def test_a_start_is_three_finite_values_with_the_slot_open(start):
    with pytest.raises(DynamicsError, match="Give three finite values in SI units"):
        julian.start_of(CHAOTIC, start)


def test_two_samples_are_a_record():
    assert julian.simulate(CHAOTIC, 0.02).values.shape == (2, 3)


def test_the_derivative_takes_many_states_at_once():
    states = np.array([[150.0, 90.0], [0.4, 0.6], [3.0, -2.0]])
    for wall in (0.0, 3e5):
        parameters = Parameters(p1=17e6, M=wall)
        together = julian.derivative(states, parameters)
        for column in range(2):
            np.testing.assert_allclose(together[:, column], julian.derivative(states[:, column], parameters))


def test_steady_flow_balances_drag_and_stiffness():
    p = Parameters(p1=17e6, p2=3e6, eta=300.0, M=2e5, A=2e7, k=5e8, rho=2000.0, h0=1.5, L=8.0)
    steady = julian.steady_state(p)
    assert 12 * p.eta * steady.v / steady.h**2 == pytest.approx((p.p1 - p.p2) / p.L, rel=1e-9)
    load = p.L * ((p.p1 + p.p2) / 2 - p.rho * steady.v**2 / 2)
    assert p.k * (steady.h - p.h0) == pytest.approx(load, rel=1e-9)
    # Routh and Hurwitz: the cubic s^3 + c2 s^2 + c1 s + c0 is at its limit where c2 c1 = c0, and turns at sqrt(c1).
    state, scale = np.array([steady.v, steady.h, 0.0]), np.array([1.0, 1e-2, 1e-1])
    columns = [
        (julian.derivative(state + move, p) - julian.derivative(state - move, p)) / 2e-4
        for move in 1e-4 * np.diag(scale)
    ]
    _, c2, c1, c0 = np.poly(np.array(columns).T / scale)
    assert pytest.approx(c0 / (c1 * c2), rel=1e-4) == steady.R
    assert 2 * np.pi * steady.onset_frequency_hz == pytest.approx(np.sqrt(c1), rel=1e-4)
