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
