"""Motions side by side against the adaptive integrator, closed forms, and each other."""

import numpy as np
import pytest

from tremorlab.dynamics import julian, trajectories
from tremorlab.dynamics.julian import PAPER_FIGURES, Parameters


def test_copies_do_not_touch_each_other():
    sets = [Parameters(p1=13e6), Parameters(p1=19e6, M=3e5), Parameters(p1=9e6, L=8.0)]
    form, states = trajectories.stack(sets), trajectories.starts(sets, 0.1, np.random.default_rng(0))
    step = 1e-3 / form.time_s
    together = trajectories.march(trajectories.rates_of(form), states, step, 50)
    for i, one in enumerate(sets):
        alone = trajectories.rates_of(trajectories.stack([one]))
        np.testing.assert_array_equal(together[:, [i]], trajectories.march(alone, states[:, [i]], step[i], 50))


@pytest.mark.parametrize("parameters", [Parameters(p1=16.6e6), PAPER_FIGURES["figure 9"][0]])
def test_fixed_steps_follow_the_adaptive_integrator(parameters):
    assert trajectories.step_error(parameters, 1.5) < 1e-6
    assert trajectories.step_error(parameters, 0.5, step_s=5e-3) > trajectories.step_error(parameters, 0.5)


def test_a_step_is_of_fourth_order():
    def error(steps):
        state = trajectories.march(lambda x: -x, np.ones((1, 1)), 1 / steps, steps)
        return abs(state[0, 0] - np.exp(-1))

    assert error(10) / error(20) == pytest.approx(16, rel=0.1)


def test_samples_begin_with_the_start():
    rows = trajectories.sample(lambda x: np.ones_like(x), np.zeros((2, 3)), 0.5, 4, 3)
    np.testing.assert_allclose(rows[:, 0, 0], [0, 2, 4])
    assert rows.shape == (3, 2, 3)


@pytest.mark.parametrize("parameters", [Parameters(p1=19e6), Parameters(p1=13e6), Parameters(p1=22e6, M=3e5)])
def test_one_orbit_is_that_of_the_arrays_to_the_last_bit(parameters):
    form, start = julian.scaled(parameters), trajectories.starts([parameters], 0.05, np.random.default_rng(7))
    step = 1e-3 / form.time_s
    rates = trajectories.rates_of(trajectories.stack([parameters]))
    expected = trajectories.sample(rates, start, step, 1, 3001)[:, :, 0]
    np.testing.assert_array_equal(trajectories.orbit(form, start[:, 0], step, 3000), expected)


def test_an_orbit_is_unknown_once_the_walls_have_closed():
    orbit = trajectories.orbit(julian.scaled(Parameters(p1=19e6)), np.array([1e-200, 1.0, 0.0]), 1e-3, 5)
    np.testing.assert_array_equal(orbit, [[1e-200, 1.0, 0.0]] + 5 * [[np.nan] * 3])


def test_growth_of_a_linear_system_is_its_eigenvalue():
    growth = trajectories.separation_growth(
        lambda s: np.array([0.3 * s[0], -2.0 * s[1]]), np.ones((2, 4)), 0.01, 10, 200, np.random.default_rng(0)
    )
    assert growth.shape == (200, 4)
    np.testing.assert_allclose(growth[100:].mean(axis=0) / 0.1, 0.3, rtol=1e-5)


@pytest.mark.parametrize("wall", [0.0, 1e5])
def test_tangent_rates_are_the_derivative_of_the_rates(wall):
    form = julian.scaled(Parameters(p1=17e6, M=wall))
    state, away = np.array([0.4, 0.7, -0.1]), np.array([0.3, -0.5, 0.2])
    moved = [np.array(form.rates(*(state + sign * 1e-6 * away))) for sign in (1, -1)]
    np.testing.assert_allclose(form.tangent_rates(*state, *away), (moved[0] - moved[1]) / 2e-6, rtol=1e-6)


def test_solution_is_converged_to_a_millionth_where_it_is_not_chaotic():
    for parameters, start in (PAPER_FIGURES["figure 9"], (Parameters(p1=16.6e6), None)):
        moved = trajectories.convergence(parameters, 2.0, (1e-5, julian.TOLERANCE), start)
        assert moved[julian.TOLERANCE] < 1e-6
        assert moved[1e-5] > moved[julian.TOLERANCE]


def test_a_chaotic_solution_diverges():
    assert trajectories.convergence(Parameters(p1=19e6), 10.0, (1e-4,))[1e-4] > 1e-3


def test_starts_are_near_the_steady_states():
    sets = [Parameters(p1=13e6), Parameters(p1=19e6, L=8.0)]
    still = trajectories.starts(sets, 0.0, np.random.default_rng(0))
    for column, each in enumerate(sets):
        steady = julian.steady_state(each)
        back = julian.scaled(each).to_si(still[:, column])
        np.testing.assert_allclose(back, [steady.v, 1.05 * steady.h, 0], atol=1e-9)
    moved = trajectories.starts([sets[0]] * 2000, 0.1, np.random.default_rng(0))[:2] / still[:2, :1]
    np.testing.assert_allclose(moved.mean(axis=1), 1, atol=0.01)
    np.testing.assert_allclose(moved.std(axis=1), 0.1, rtol=0.05)


def test_one_step_is_that_of_runge_and_kutta():
    # For x' = x^2 the step has a closed form in its four slopes.
    def slope(x):
        return x**2

    x, h = np.array([[0.5, 1.0]]), 0.2
    one = slope(x)
    two = slope(x + 0.1 * one)
    three = slope(x + 0.1 * two)
    four = slope(x + 0.2 * three)
    expected = x + 0.2 * (one / 6 + two / 3 + three / 3 + four / 6)
    np.testing.assert_allclose(trajectories.advance(slope, x, h), expected, rtol=1e-14)
    each = trajectories.advance(slope, x, np.array([0.2, 0.1]))
    np.testing.assert_allclose(each[:, :1], expected[:, :1])


def test_growth_from_the_linearised_equations_is_that_of_a_close_neighbour():
    sets = [Parameters(p1=19e6), Parameters(p1=12e6)]
    form = trajectories.stack(sets)
    states, step = trajectories.starts(sets, 0.02, np.random.default_rng(1)), 1e-3 / form.time_s
    both = trajectories.stack(sets * 2)
    tangent = trajectories.tangent_growth(form, states, step, 20, 30, np.random.default_rng(2))
    close = trajectories.separation_growth(trajectories.rates_of(both), states, step, 20, 30, np.random.default_rng(2))
    assert tangent.shape == close.shape == (30, 2)
    np.testing.assert_allclose(close, tangent, atol=1e-4)


def test_a_neighbour_may_be_at_any_distance():
    rates, start = (lambda s: 0.5 * s), np.ones((2, 3))
    for distance in (1e-7, 1e-3):
        growth = trajectories.separation_growth(rates, start, 0.1, 5, 4, np.random.default_rng(0), distance)
        np.testing.assert_allclose(growth, 0.25, rtol=1e-5)
    # Of a motion that is not linear the growth depends on how far the neighbour is.
    far = trajectories.separation_growth(lambda s: s**2, 0.1 * start, 0.1, 5, 4, np.random.default_rng(0), 0.5)
    assert not np.allclose(
        far, trajectories.separation_growth(lambda s: s**2, 0.1 * start, 0.1, 5, 4, np.random.default_rng(0)), rtol=0.01
    )


def test_convergence_is_asked_at_three_tolerances():
    assert list(trajectories.convergence(Parameters(p1=12e6), 0.1)) == [1e-5, 1e-7, julian.TOLERANCE]
