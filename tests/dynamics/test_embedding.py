"""Measures of reconstructed states against published values and closed forms."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA
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
        (lambda: embedding.derivative_record(Record(SINE, 40.0, ("x",)), 3, 5), "must be odd, above 5 and below"),
        (lambda: embedding.correlation_sum(SINE[:60, np.newaxis], 1), "60 points: make"),
        (lambda: embedding.divergence(SINE[:, np.newaxis], 50.0, 5, (2.0, 1.0)), r"divergence from 2.0 to 1.0 s"),
        (lambda: embedding.divergence(np.zeros((200, 2)), 50.0, 5, (0.0, 1.0)), "have 0 neighbours"),
    ],
)
def test_what_cannot_be_measured_is_refused(action, message):
    with pytest.raises(DynamicsError, match=message):
        action()


def test_autocorrelation_is_numpys_correlation():
    values = LORENZ[:300] + 5
    centred = values - values.mean()
    expected = np.correlate(centred, centred, "full")[299:450] / np.sum(centred**2)
    np.testing.assert_allclose(embedding.autocorrelation(values, 150), expected, atol=1e-12)
    assert len(embedding.mutual_information(values, 150)) == 151


def test_the_first_minimum_may_be_flat_and_a_zero_counts():
    assert embedding.first_minimum(np.array([3.0, 1.0, 1.0, 2.0, 0.0, 1.0])) == 1
    assert embedding.first_minimum(np.array([1.0, 2.0, 1.0, 0.5, 0.7])) == 3
    assert embedding.first_zero(np.array([1.0, 0.0, -1.0])) == 1


def test_coordinates_may_span_all_but_ten_samples():
    assert embedding.delay_coordinates(SINE[:100], 89, 2).shape == (11, 2)
    with pytest.raises(DynamicsError, match="2 coordinates 90 samples apart"):
        embedding.delay_coordinates(SINE[:100], 90, 2)


def test_principal_components_are_those_of_scikit_learn():
    record, shares = embedding.singular_record(Record(LORENZ[:800] + 3, 50.0, ("x",)), 12, 3)
    rows = np.lib.stride_tricks.sliding_window_view(LORENZ[:800], 12)[:, ::-1]
    theirs = PCA(12, whiten=True).fit(rows)
    np.testing.assert_allclose(shares, theirs.explained_variance_ratio_, atol=1e-9)
    scores = theirs.transform(rows)[:, :3]
    np.testing.assert_allclose(np.abs(record.values), np.abs(scores / scores.std(axis=0)), atol=1e-6)
    assert record.sampling_rate_hz == 50


def test_derivatives_of_a_cubic_are_exact_but_for_their_size():
    times = np.linspace(-1, 1, 201)
    record = embedding.derivative_record(Record(times**3, 100.0, ("x",)), 3, 7)
    exact = np.array([times**3, 3 * times**2, 6 * times, np.full(201, 6.0)]).T
    for i in range(3):
        assert record.values[:, i].std() == pytest.approx(1)
        np.testing.assert_allclose(record.values[:, i], exact[:, i] / exact[:, i].std(), atol=1e-6)
    assert record.names == ("d0", "d1", "d2", "d3")


def nearest(points, apart):
    """Neighbours by trying all pairs."""
    distance = np.linalg.norm(points[:, np.newaxis] - points, axis=2)
    lag = np.abs(np.subtract.outer(np.arange(len(points)), np.arange(len(points))))
    distance[(lag <= apart) | (distance == 0)] = np.inf
    return distance.argmin(axis=1), distance.min(axis=1)


def test_neighbours_are_those_of_all_pairs():
    points = embedding.delay_coordinates(LORENZ[:400], 5, 3)
    index, distance = embedding.neighbours(points, 20)
    expected, shortest = nearest(points, 20)
    # Of all neighbours only the nearest 64 are looked through.
    known = index >= 0
    assert known.mean() > 0.9
    np.testing.assert_array_equal(index[known], expected[known])
    np.testing.assert_allclose(distance[known], shortest[known])
    assert np.isnan(distance[~known]).all()


def test_neighbours_of_few_points_and_of_repeats():
    index, distance = embedding.neighbours(np.array([[0.0], [0.0], [3.0], [1.0]]), 0)
    assert index.tolist()[2:] == [3, 0] or index.tolist()[2:] == [3, 1]
    assert index[0] == index[1] == 3
    np.testing.assert_allclose(distance, [1, 1, 2, 1])
    index, _ = embedding.neighbours(np.arange(4.0)[:, np.newaxis], 1)
    assert index.tolist() == [2, 3, 0, 1]


def test_false_neighbours_are_those_of_the_definition():
    values = LORENZ[:500:2]
    found = embedding.false_neighbours(values, 3, 2, 10)
    for dimension in (1, 2):
        rows = embedding.delay_coordinates(values, 3, dimension + 1)
        index, distance = embedding.neighbours(rows[:, :dimension], 10)
        held = index >= 0
        gap = np.abs(rows[held, -1] - rows[index[held], -1])
        whole = np.linalg.norm(rows[held] - rows[index[held]], axis=1)
        false = (gap / distance[held] > 10) | (whole > 2 * values.std())
        assert found[dimension - 1] == pytest.approx(false.mean())


def test_correlation_sum_counts_pairs_that_are_far_in_time():
    points = np.random.default_rng(4).random((150, 2))
    found = embedding.correlation_sum(points, 7)
    i, j = np.triu_indices(150, 8)
    distance = np.linalg.norm(points[i] - points[j], axis=1)
    counted = [np.mean(distance <= radius) for radius in found.radius]
    np.testing.assert_allclose(counted, found.share, atol=1.5 / len(distance))
    assert (found.share[0], found.share[-1]) == (pytest.approx(10 / len(distance)), pytest.approx(1))
    inside = (found.share >= 1e-3) & (found.share <= 3e-2)
    slope = np.polyfit(np.log(found.radius[inside]), np.log(found.share[inside]), 1)[0]
    assert found.dimension == pytest.approx(slope)


def test_correlation_sum_takes_no_more_points_than_asked():
    points = np.random.default_rng(5).random((1000, 2))
    thinned, some = embedding.correlation_sum(points, 20, most=250), embedding.correlation_sum(points[::4], 5)
    np.testing.assert_allclose(thinned.radius, some.radius)


def test_divergence_is_the_mean_logarithm_of_distances():
    points = embedding.delay_coordinates(LORENZ[:600], 5, 3)
    found = embedding.divergence(points, 50.0, 30, (0.1, 0.4))
    index, _ = embedding.neighbours(points[:-20], 30)
    start = np.flatnonzero(index >= 0)
    curve = [np.log(np.linalg.norm(points[start + k] - points[index[start] + k], axis=1)).mean() for k in range(21)]
    np.testing.assert_allclose(found.log_distance, curve)
    np.testing.assert_allclose(found.time_s, np.arange(21) / 50)
    assert found.per_second == pytest.approx(np.polyfit(np.arange(5, 21) / 50, curve[5:], 1)[0])


@pytest.mark.parametrize(("points", "most"), [(1999, 1000), (1000, 250), (700, 1000)])
def test_no_more_points_are_taken_than_asked_for(points, most, monkeypatch):
    seen = []
    monkeypatch.setattr(embedding, "pdist", lambda chosen: seen.append(len(chosen)) or pdist(chosen))
    embedding.correlation_sum(np.random.default_rng(0).random((points, 2)), 1, most=most)
    assert seen[0] <= most
    assert seen[0] > min(points, most) / 2
