"""Regimes and Lyapunov exponents against the scan that the compendium rests on, closed forms, and two methods."""

import numpy as np
import pytest

from tremorlab.dynamics import julian, regimes, trajectories
from tremorlab.dynamics.julian import Parameters
from tremorlab.errors import DynamicsError


def test_order_of_regimes_and_frequencies_are_the_published_ones():
    """To one in a hundred where a frequency is published; beyond the limit cycles none is."""
    expected = {
        (8e6, 0.0): ("steady", 0.0),
        (11e6, 0.0): ("limit cycle", 5.05),
        (12e6, 0.0): ("limit cycle", 5.05),
        (17e6, 0.0): ("period 2", None),
        (19e6, 0.0): ("irregular", None),
        (22e6, 0.0): ("period 4", None),
        (6e6, 3e5): ("steady", 0.0),
        (9e6, 3e5): ("limit cycle", 4.25),
        (10e6, 3e5): ("limit cycle", 4.25),
        (13e6, 3e5): ("period 2", None),
        (30e6, 3e5): ("period 2", None),
    }
    found = regimes.classify([Parameters(p1=p1, M=wall) for p1, wall in expected], settle_s=25.0, watch_s=6.0)
    assert [one.name for one in found] == [name for name, _ in expected.values()]
    for one, (_, frequency) in zip(found, expected.values(), strict=True):
        assert frequency is None or one.frequency_hz == pytest.approx(frequency, rel=0.01)


def test_maxima_are_those_of_the_adaptive_integrator():
    parameters = Parameters(p1=12e6)
    (found,) = regimes.classify([parameters], settle_s=8.0, watch_s=2.0)
    record = julian.simulate(parameters, 1.0, 2000.0, settle_s=8.0)
    assert found.maxima_m[0] == pytest.approx(record.values[:, 1].max(), rel=1e-5)


@pytest.mark.parametrize(
    ("maxima", "name"),
    [
        ([0.5] * 12, "limit cycle"),
        ([0.5, 0.7] * 8, "period 2"),
        ([0.5, 0.7, 0.5001, 0.7] * 8, "period 4"),
        ([0.5, 0.7, 0.9] * 8, "period 3"),
        (list(np.random.default_rng(0).uniform(0.4, 0.9, 80)), "irregular"),
    ],
)
def test_period_is_the_first_that_repeats(maxima, name):
    found = regimes._name(Parameters(p1=12e6), 0.2 * np.arange(len(maxima)), np.array(maxima))
    assert found.name == name
    assert found.frequency_hz == pytest.approx(5.0)


def test_bifurcation_table_has_the_steady_opening_and_the_maxima():
    base = Parameters(p1=8e6)
    table = regimes.bifurcation(base, [8e6, 12e6], settle_s=15.0, watch_s=3.0)
    rest, cycle = table[table.p1 == 8e6], table[table.p1 == 12e6]
    assert rest.h_m.tolist() == [julian.steady_state(base).h]
    assert set(cycle.regime) == {"limit cycle"}
    assert len(cycle) == pytest.approx(15, abs=1)
    assert np.ptp(cycle.h_m) < 1e-3 * cycle.h_m.mean()


def eigenvalues(parameters):
    """Of the linearised motion at rest, 1/s."""
    steady, form = julian.steady_state(parameters), julian.scaled(parameters)
    state = form.from_si([steady.v, steady.h, 0.0])
    columns = [form.tangent_rates(*state, *axis) for axis in np.eye(3)]
    return np.linalg.eigvals(np.array(columns).T) / form.time_s


@pytest.mark.parametrize("method", ["tangent", "neighbour"])
def test_exponent_of_rest_is_the_largest_real_part_of_the_eigenvalues(method):
    parameters = Parameters(p1=7e6)
    (found,) = regimes.lyapunov_exponents([parameters], 4.0, 2, 3.0, method)
    assert found.per_second == pytest.approx(eigenvalues(parameters).real.max(), rel=0.05)


def test_exponent_is_zero_on_a_cycle_and_positive_in_chaos_and_both_methods_agree():
    sets = [Parameters(p1=12e6), Parameters(p1=19e6)]
    tangent = regimes.lyapunov_exponents(sets, 6.0, 4, 6.0, "tangent")
    neighbour = regimes.lyapunov_exponents(sets, 6.0, 4, 6.0, "neighbour")
    assert abs(tangent[0].per_second) < 0.3
    assert tangent[1].per_second > 0.8
    # The same motions and the same first disturbance: only the linearisation differs.
    for one, other in zip(tangent, neighbour, strict=True):
        assert one.per_second == pytest.approx(other.per_second, abs=1e-4)
        assert one.standard_error > 0


def test_bad_requests_are_refused():
    with pytest.raises(DynamicsError, match="must be positive"):
        regimes.classify([Parameters(p1=8e6)], settle_s=0.0)
    with pytest.raises(DynamicsError, match="1 copies of 5 s: are not 'tangent' or 'neighbour'"):
        regimes.lyapunov_exponents([Parameters(p1=8e6)], 5.0, copies=1)
    with pytest.raises(DynamicsError, match="method 'guess'"):
        regimes.lyapunov_exponents([Parameters(p1=8e6)], 5.0, method="guess")


def test_walls_that_close_are_named():
    with pytest.raises(DynamicsError, match=r"motion at p1 = 1\.9e\+07 Pa: is not finite: the walls closed"):
        regimes.classify([Parameters(p1=8e6), Parameters(p1=19e6, eta=1e-3, A=0.0)], settle_s=4.0, watch_s=1.0)


def named(maxima, times=None):
    times = 0.2 * np.arange(len(maxima)) if times is None else np.asarray(times)
    return regimes._name(Parameters(p1=12e6), times, np.array(maxima, float))


def test_rest_is_a_thousandth_of_the_steady_opening_or_too_few_maxima():
    steady = julian.steady_state(Parameters(p1=12e6)).h
    still = named([steady * 1.0009] * 5)
    assert (still.name, still.frequency_hz, len(still.maxima_m)) == ("steady", 0.0, 5)
    assert named([steady * 1.0011] * 5).name == "limit cycle"
    assert named([steady * 0.9989] * 5).name == "limit cycle"
    assert named([0.9, 0.9]).name == "steady"
    assert named([0.9, 0.9, 0.9]).name == "limit cycle"


def test_frequency_is_maxima_over_the_time_between_the_first_and_the_last():
    assert named([0.9, 0.5, 0.9, 0.5], [1.0, 1.2, 1.5, 2.5]).frequency_hz == pytest.approx(2)


def test_a_cycle_repeats_to_a_ten_thousandth_and_is_seen_twice():
    base = [0.5, 0.7]
    assert named([*base, 0.5 + 1.9e-5, 0.7, *base, *base]).name == "period 2"
    assert named([*base, 0.5 + 2.1e-5, 0.7, *base, *base]).name != "period 2"
    # Of a limit cycle, whose maxima have no range, a twentieth of the opening counts.
    assert named([0.8 + 3.9e-6, 0.8, 0.8, 0.8]).name == "limit cycle"
    assert (
        named([0.8 + 4.3e-6, 0.8, 0.8, 0.8]).name == "period 2"
        or named([0.8 + 4.3e-6, 0.8, 0.8, 0.8]).name == "irregular"
    )
    long = list(np.random.default_rng(1).uniform(0.4, 0.9, 17))
    assert named(long[:16] * 2).name == "period 16"
    assert named(long * 2).name == "irregular"
    assert named(long[:3] * 2).name == "period 3"
    assert named((long[:3] * 2)[:5]).name == "irregular"


def test_a_maximum_is_that_of_the_cubic_between_two_steps():
    def cubic(t):
        return 1 + 0.3 * t - 0.4 * t**2 - 0.2 * t**3

    def slope(t):
        return 0.3 - 0.8 * t - 0.6 * t**2

    before, after = (np.array([[cubic(t)], [0.0], [slope(t)]]) for t in (0.1, 0.6))
    share, height = regimes._maximum(before, after, np.array([0.5]))
    peak = (-0.8 + np.sqrt(0.64 + 4 * 0.6 * 0.3)) / (2 * 0.6)
    assert share[0] == pytest.approx((peak - 0.1) / 0.5)
    assert height[0] == pytest.approx(cubic(peak))


def test_heights_are_in_metres_and_copies_are_told_apart():
    sets = [Parameters(p1=12e6), Parameters(p1=8e6), Parameters(p1=14e6, h0=1.2)]
    together = regimes.classify(sets, settle_s=2.0, watch_s=1.0)
    for one, each in zip(together, sets, strict=True):
        (alone,) = regimes.classify([each], settle_s=2.0, watch_s=1.0)
        np.testing.assert_allclose(alone.maxima_m, one.maxima_m)
        assert (alone.name, alone.frequency_hz) == (one.name, one.frequency_hz)
    record = julian.simulate(sets[2], 1.0, 1000.0, settle_s=2.0).values[:, 1]
    assert together[2].maxima_m.max() == pytest.approx(record.max(), rel=1e-4)
    with pytest.raises(DynamicsError, match=r"settle 1\.0 s, watch 0\.0 s: must be positive"):
        regimes.classify(sets, settle_s=1.0, watch_s=0.0)


def test_a_table_of_regimes_has_a_row_for_every_maximum():
    pressures = [8e6, 12e6]
    table = regimes.bifurcation(Parameters(p1=1e6), iter(pressures), settle_s=6.0, watch_s=1.0)
    found = regimes.classify([Parameters(p1=p) for p in pressures], settle_s=6.0, watch_s=1.0)
    assert list(table.columns) == ["p1", "h_m", "regime", "frequency_hz"]
    cycle = table[table.p1 == 12e6]
    np.testing.assert_array_equal(cycle.h_m, found[1].maxima_m)
    assert set(cycle.frequency_hz) == {found[1].frequency_hz}


def test_an_exponent_is_a_mean_over_copies_with_its_standard_error():
    options = {"duration_s": 0.5, "copies": 3, "settle_s": 0.5, "seed": 4}
    sets = [Parameters(p1=19e6), Parameters(p1=17e6)]
    found = regimes.lyapunov_exponents(sets, **options)
    rng = np.random.default_rng(4)
    copies = [each for each in sets for _ in range(3)]
    form = trajectories.stack(copies)
    step = 1e-3 / form.time_s
    states = trajectories.march(trajectories.rates_of(form), trajectories.starts(copies, 0.02, rng), step, 500)
    growth = trajectories.tangent_growth(form, states, step, 50, 10, rng).sum(axis=0) / 0.5
    for one, each in zip(found, (growth[:3], growth[3:]), strict=True):
        assert one.per_second == pytest.approx(each.mean())
        assert one.standard_error == pytest.approx(each.std(ddof=1) / np.sqrt(3))
    again = regimes.lyapunov_exponents(sets, **options)
    assert again == found
    assert regimes.lyapunov_exponents(sets, **{**options, "seed": 5}) != found
    with pytest.raises(DynamicsError, match=r"2 copies of 0\.02 s: are not"):
        regimes.lyapunov_exponents(sets, 0.02, 2)
