"""Earthquakes against the laws they are drawn from."""

from dataclasses import replace

import numpy as np
import pytest
from obspy.imaging.beachball import MomentTensor, mt2plane
from scipy import stats

from tremorlab.errors import ParameterError
from tremorlab.twin import earthquake
from tremorlab.twin.earthquake import TECTONIC, VOLCANO_TECTONIC, Earthquake, EarthquakeLaw, Region
from tremorlab.twin.network import Station
from tremorlab.twin.path import MEDIA

BOX = Region((-30.0, 30.0), (-20.0, 20.0), (10.0, 30.0))
STATION = Station("TW", "A01", 12.0, -7.0, 2.0, 11)


@pytest.mark.parametrize("b_value", [0.7, 1.0, 1.6])
def test_b_value_by_maximum_likelihood(b_value):
    """Aki (1965) for a law without an upper end, which lies 4 magnitudes or more above the lower one."""
    law = EarthquakeLaw(b_value=b_value, smallest=0.5, largest=6.0)
    magnitudes = earthquake.draw_magnitudes(np.random.default_rng(1), law, 40_000)
    assert np.log10(np.e) / (magnitudes.mean() - 0.5) == pytest.approx(b_value, rel=0.02)


def test_magnitudes_stay_between_the_ends():
    law = EarthquakeLaw(b_value=0.8, smallest=1.0, largest=2.0)
    magnitudes = earthquake.draw_magnitudes(np.random.default_rng(2), law, 20_000)
    assert magnitudes.min() >= 1.0
    assert magnitudes.max() <= 2.0
    cumulative = lambda m: (1 - 10 ** (-0.8 * (m - 1))) / (1 - 10**-0.8)  # noqa: E731
    assert stats.kstest(magnitudes, cumulative).pvalue > 0.01


@pytest.mark.parametrize(("magnitude", "moment"), [(0.0, 1.259e9), (4.0, 1.259e15), (6.0, 1.259e18)])
def test_magnitude_and_moment(magnitude, moment):
    assert earthquake.moment_n_m(magnitude) == pytest.approx(moment, rel=1e-3)
    assert earthquake.moment_magnitude(moment) == pytest.approx(magnitude, abs=1e-3)


def test_corner_frequency_in_the_old_units():
    """``fc = 4.9e6 vs (stress / M0)^(1/3)`` in km/s, bar and dyne cm (Brune 1970, 1971)."""
    moment, stress = np.array([1e11, 1e14]), np.array([3e6, 1e5])
    expected = 4.9e6 * 3.2 * (stress / 1e5 / (moment * 1e7)) ** (1 / 3)
    np.testing.assert_allclose(earthquake.corner_hz(moment, stress, 3.2), expected, rtol=0.01)


@pytest.mark.parametrize("plane", [(30.0, 60.0, 40.0), (200.0, 15.0, 90.0), (310.0, 80.0, -120.0)])
def test_double_couple_against_obspy(plane):
    tensor = earthquake.double_couple(*plane)
    # x east, y north, z down -> up, south, east
    turn = np.array([[0, 0, -1], [0, -1, 0], [1, 0, 0]])
    turned = turn @ tensor @ turn.T
    found = mt2plane(MomentTensor(*turned[[0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]], 0))
    again = earthquake.double_couple(found.strike, found.dip, found.rake)
    np.testing.assert_allclose(again, tensor, atol=1e-3)
    assert np.sum(tensor**2) == pytest.approx(2.0)
    assert np.trace(tensor) == pytest.approx(0.0, abs=1e-12)


def test_mechanisms_point_everywhere():
    """Double couples of no preferred orientation: every component has mean 0 and the mean square of isotropy."""
    rng = np.random.default_rng(3)
    drawn = [earthquake.draw_earthquake(rng, 0.0, BOX, TECTONIC) for _ in range(6000)]
    tensors = earthquake.double_couple(*np.array([(one.strike_deg, one.dip_deg, one.rake_deg) for one in drawn]).T)
    np.testing.assert_allclose(tensors.mean(axis=0), 0, atol=0.03)
    # An isotropic symmetric traceless tensor with squares summing to 2: 4/15 on the diagonal, 1/5 off it.
    np.testing.assert_allclose(
        np.mean(tensors**2, axis=0), np.full((3, 3), 0.2) + np.eye(3) * (4 / 15 - 0.2), atol=0.02
    )


def test_stress_drop_is_log_normal_and_knows_no_size():
    rng = np.random.default_rng(4)
    drawn = [earthquake.draw_earthquake(rng, 0.0, BOX, TECTONIC) for _ in range(3000)]
    logs = np.log([one.stress_drop_pa for one in drawn])
    assert stats.kstest((logs - np.log(3e6)) / 1.2, "norm").pvalue > 0.01
    assert abs(stats.spearmanr(logs, [one.magnitude for one in drawn]).statistic) < 0.06


def test_a_catalogue_is_a_poisson_process_in_its_box():
    events = earthquake.draw_earthquakes(np.random.default_rng(5), 200.0, 10 * 86400.0, BOX)
    times = np.array([event.origin_s for event in events])
    assert abs(len(events) - 2000) < 4 * np.sqrt(2000)
    assert np.all(np.diff(times) >= 0)
    assert stats.kstest(np.diff(times), "expon", args=(0, 432.0)).pvalue > 0.01
    assert all(-30 <= event.x_km <= 30 and 10 <= event.z_km <= 30 for event in events)


def test_corners_of_vts_spread_over_more_than_a_decade():
    rng = np.random.default_rng(6)
    shallow = Region((-2.0, 2.0), (-2.0, 2.0), (0.0, 4.0))
    drawn = [earthquake.draw_earthquake(rng, 0.0, shallow, VOLCANO_TECTONIC) for _ in range(500)]
    corners = np.array([one.sources(MEDIA["sakurajima"]).s_corner_hz[0] for one in drawn])
    low, high = np.percentile(corners, (2, 98))
    assert high > 10 * low
    assert low < 10
    assert {one.event_class for one in drawn} == {"vt"}


def test_the_source_is_at_the_hypocentre_with_its_moment():
    event = Earthquake(5.0, 1.0, 2.0, 12.0, 3.0, 3e6, 10.0, 50.0, 70.0)
    source = event.sources(MEDIA["nankai"])
    assert np.sqrt(np.sum(source.moment_n_m**2) / 2) == pytest.approx(10**13.6)
    assert source.p_corner_hz == 1.5 * source.s_corner_hz
    np.testing.assert_array_equal(source.position_km, [[1.0, 2.0, 12.0]])


def test_rendering_is_deterministic_and_starts_before_the_onset():
    event = Earthquake(500.0, 1.0, 2.0, 12.0, 2.0, 3e6, 10.0, 50.0, 70.0)
    medium = MEDIA["nankai"]
    start, velocity = earthquake.render(event, medium, STATION, 50.0, np.random.default_rng(1))
    again = earthquake.render(event, medium, STATION, 50.0, np.random.default_rng(1))[1]
    np.testing.assert_array_equal(velocity, again)
    onset = earthquake.onset_s(event, medium, STATION)
    assert start < onset < start + 1.1
    index = round((onset - start) * 50)
    assert np.abs(velocity[:, index : index + 50]).max() > 30 * np.abs(velocity[:, : index - 5]).max()


def test_a_bigger_earthquake_of_the_same_stress_drop_is_lower_in_frequency():
    medium = MEDIA["nankai"]
    small, big = (Earthquake(0.0, 0.0, 0.0, 12.0, size, 3e6, 0.0, 45.0, 0.0).sources(medium) for size in (1.0, 3.0))
    assert small.s_corner_hz / big.s_corner_hz == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("b_value", 0.0), ("smallest", -3.0), ("largest", 6.5), ("stress_drop_pa", 0.0), ("stress_drop_scatter", -1.0)],
)
def test_a_law_out_of_range_is_refused(name, value):
    with pytest.raises(ParameterError, match=f"earthquake law, {name}: .* is not between"):
        replace(TECTONIC, **{name: value})


def test_a_law_with_its_ends_swapped_is_refused():
    with pytest.raises(ParameterError, match=r"largest: 1\.0 is not between 2 and 6"):
        EarthquakeLaw(smallest=2.0, largest=1.0)


def test_a_box_with_its_ends_swapped_is_refused():
    with pytest.raises(ParameterError, match=r"region, y_km: 3\.0 is not below 1\.0"):
        Region((0.0, 1.0), (3.0, 1.0), (0.0, 1.0))


@pytest.mark.parametrize(("rate", "duration"), [(-1.0, 10.0), (1.0, -10.0), (float("nan"), 1.0)])
def test_a_negative_rate_is_refused(rate, duration):
    with pytest.raises(ParameterError, match=r"earthquakes: .* is not positive"):
        earthquake.draw_earthquakes(np.random.default_rng(0), rate, duration, BOX)


def test_a_hypocentre_in_the_air_is_refused():
    event = Earthquake(5.0, 1.0, 2.0, -12.0, 3.0, 3e6, 10.0, 50.0, 70.0)
    with pytest.raises(ParameterError, match="z of -12 km is above the top"):
        earthquake.render(event, MEDIA["nankai"], STATION, 50.0, np.random.default_rng(0))
