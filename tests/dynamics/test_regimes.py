"""Regimes and Lyapunov exponents against the scan that the compendium rests on."""

from types import SimpleNamespace

import numpy as np
import pytest

from tremorlab.dynamics import julian, regimes
from tremorlab.dynamics.julian import Parameters
from tremorlab.errors import DynamicsError


@pytest.mark.parametrize(
    ("p1", "wall", "name", "frequency"),
    [
        (8e6, 0.0, "steady", 0.0),
        (12e6, 0.0, "limit cycle", 5.05),
        (17e6, 0.0, "period 2", 5.05),
        (19e6, 0.0, "irregular", 5.0),
    ],
)
def test_order_of_regimes(p1, wall, name, frequency):
    found = regimes.regime(Parameters(p1=p1, M=wall), settle_s=18.0, watch_s=6.0)
    assert found.name == name
    assert found.frequency_hz == pytest.approx(frequency, rel=0.015)


def test_bifurcation_table_has_the_steady_opening_and_the_maxima():
    base = Parameters(p1=8e6)
    table = regimes.bifurcation(base, [8e6, 12e6], settle_s=18.0, watch_s=3.0)
    rest, cycle = table[table.p1 == 8e6], table[table.p1 == 12e6]
    assert rest.h_m.tolist() == [julian.steady_state(base).h]
    assert set(cycle.regime) == {"limit cycle"}
    assert len(cycle) == pytest.approx(15, abs=1)
    assert np.ptp(cycle.h_m) < 1e-3 * cycle.h_m.mean()


def test_exponent_of_rest_is_the_largest_real_part_of_the_eigenvalues():
    parameters = Parameters(p1=7e6)
    steady, form = julian.steady_state(parameters), julian.scaled(parameters)
    eigenvalues = np.linalg.eigvals(form.jacobian(form.from_si([steady.v, steady.h, 0.0]))) / form.time_s
    found = regimes.largest_lyapunov_exponent(parameters, duration_s=6.0, settle_s=8.0)
    assert found.per_second == pytest.approx(eigenvalues.real.max(), rel=0.05)


def test_exponent_is_zero_on_a_cycle_and_positive_in_chaos():
    cycle = regimes.largest_lyapunov_exponent(Parameters(p1=12e6), duration_s=6.0, settle_s=12.0)
    chaos = regimes.largest_lyapunov_exponent(Parameters(p1=19e6), duration_s=8.0, settle_s=5.0)
    assert abs(cycle.per_second) < 0.25
    assert chaos.per_second > 0.4


def test_bad_durations_are_refused():
    with pytest.raises(DynamicsError, match="must be positive"):
        regimes.regime(Parameters(p1=8e6), settle_s=0.0)
    with pytest.raises(DynamicsError, match="fewer than 8 blocks"):
        regimes.largest_lyapunov_exponent(Parameters(p1=8e6), duration_s=1.0)


def test_variational_equations_that_break_down_are_named(monkeypatch):
    monkeypatch.setattr(regimes, "solve_ivp", lambda *_, **__: SimpleNamespace(status=-1))
    with pytest.raises(DynamicsError, match="variational equations: the integrator failed"):
        regimes.largest_lyapunov_exponent(Parameters(p1=8e6), duration_s=5.0, settle_s=0.1)
