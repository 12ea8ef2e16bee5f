"""Measures of reconstructed states against published values and closed forms."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from sklearn.metrics import mutual_info_score

from tremorlab.dynamics import embedding
from tremorlab.dynamics.record import Record
from tremorlab.errors import DynamicsError


def lorenz(seconds, rate):
    def motion(_time, s):
        return [10 * (s[1] - s[0]), s[0] * (28 - s[2]) - s[1], s[0] * s[1] - 8 / 3 * s[2]]

    times = np.arange(0, seconds + 20, 1 / rate)
    states = solve_ivp(motion, (0, times[-1]), [-8.0, 7.0, 27.0], t_eval=times, rtol=1e-8, atol=1e-8).y
    return states[0, round(20 * rate) :]


LORENZ = lorenz(120, 50)
SINE = np.sin(2 * np.pi * np.arange(2000) / 40)


def henon(count):
    x, y, out = 0.1, 0.1, []
    for _ in range(count + 100):
        x, y = 1 - 1.4 * x * x + y, 0.3 * x
        out.append(x)
    return np.array(out[100:])


def test_mutual_information_is_that_of_scikit_learn():
    values = LORENZ[:1200]
    found = embedding.mutual_information(values, 6, bins=12)
    cells = np.argsort(np.argsort(values)) * 12 // len(values)
    for lag in range(7):
        assert found[lag] == pytest.approx(mutual_info_score(cells[: len(cells) - lag], cells[lag:]), abs=1e-10)


def test_first_minimum_and_first_zero():
    correlation = embedding.autocorrelation(SINE, 60)
    assert correlation[0] == pytest.approx(1)
    assert embedding.first_zero(correlation) in (10, 11)
    assert embedding.first_minimum(correlation) in (19, 20, 21)
    assert embedding.first_minimum(np.array([3.0, 2.0, 1.0])) is None
    assert embedding.first_zero(np.array([3.0, 2.0])) is None


def test_delay_coordinates_are_delayed():
    rows = embedding.delay_coordinates(np.arange(100.0), 3, 4)
    np.testing.assert_array_equal(rows[0], [9, 6, 3, 0])
    np.testing.assert_array_equal(rows[-1], [99, 96, 93, 90])
    record = embedding.delay_record(Record(SINE, 50.0, ("x",)), 10, 2)
    assert record.names == ("x1", "x2")
    np.testing.assert_allclose(np.sum(record.values**2, axis=1), 2, rtol=1e-2)


def test_principal_components_of_a_sine_are_two():
    record, shares = embedding.singular_record(Record(SINE, 50.0, ("x",)), 40, 3)
    assert shares[:2].sum() == pytest.approx(1, abs=1e-9)
    assert record.names == ("s1", "s2", "s3")


def test_derivative_coordinates_of_a_sine_are_derivatives():
    record = embedding.derivative_record(Record(SINE, 40.0, ("x",)), 2, 9)
    inner = record.values[10:-10]
    np.testing.assert_allclose(inner[:, 2], -inner[:, 0], atol=0.02)
    assert np.corrcoef(inner[:, 0], inner[:, 1])[0, 1] == pytest.approx(0, abs=0.01)


def test_false_neighbours_of_lorenz_vanish_with_three_coordinates():
    shares = embedding.false_neighbours(LORENZ[::2], 4, 4, 25)
    assert shares[0] > 0.5
    assert shares[2] < 0.1


def test_correlation_dimension_of_henon():
    # 1.25 +- 0.02 in Grassberger and Procaccia (1983).
    found = embedding.correlation_sum(embedding.delay_coordinates(henon(2500), 1, 2), 10)
    assert found.dimension == pytest.approx(1.25, abs=0.08)
    assert np.all(np.diff(found.share) > 0)


def test_correlation_dimension_of_a_closed_curve_and_of_a_plane():
    angle = 2 * np.pi * np.random.default_rng(1).random(2000)
    curve = np.stack([np.cos(angle), 2 * np.sin(angle)], axis=1)
    assert embedding.correlation_sum(curve, 1).dimension == pytest.approx(1, abs=0.07)
    plane = np.random.default_rng(0).random((2500, 2))
    assert embedding.correlation_sum(plane, 1).dimension == pytest.approx(2, abs=0.12)


def test_largest_exponent_of_lorenz():
    # 0.906 per second with these parameters (Sprott 2003, and any variational computation).
    points = embedding.delay_coordinates(LORENZ, 5, 3)
    found = embedding.divergence(points, 50.0, 50, (0.5, 2.5))
    assert found.per_second == pytest.approx(0.9, abs=0.25)
    assert len(found.time_s) == len(found.log_distance) == 126


def test_a_cycle_does_not_diverge():
    points = embedding.delay_coordinates(np.sin(0.1 * np.sqrt(2) * np.arange(3000)), 11, 2)
    assert abs(embedding.divergence(points, 50.0, 50, (0.2, 2.0)).per_second) < 0.05


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda: embedding.mutual_information(SINE, 1500), "lag of 1500 samples: is not between 1 and half the record"),
        (lambda: embedding.autocorrelation(SINE, 0), "lag of 0 samples"),
        (lambda: embedding.delay_coordinates(SINE, 0, 3), "3 coordinates 0 samples apart"),
        (lambda: embedding.delay_coordinates(SINE, 900, 4), "do not fit a record of 2000 samples"),
        (lambda: embedding.derivative_record(Record(SINE, 40.0, ("x",)), 2, 8), "smoothing over 8 samples"),
        (lambda: embedding.correlation_sum(SINE[:60, np.newaxis], 1), "60 points: make"),
        (lambda: embedding.divergence(SINE[:, np.newaxis], 50.0, 5, (2.0, 1.0)), r"divergence from 2.0 to 1.0 s"),
        (lambda: embedding.divergence(np.zeros((200, 2)), 50.0, 5, (0.0, 1.0)), "have 0 neighbours"),
    ],
)
def test_what_cannot_be_measured_is_refused(action, message):
    with pytest.raises(DynamicsError, match=message):
        action()
