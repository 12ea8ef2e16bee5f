"""Tremor against the laws of migration, size, corner frequency and clustering."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import signal, stats

from tremorlab.errors import ParameterError
from tremorlab.twin import earthquake, tremor
from tremorlab.twin.network import Station
from tremorlab.twin.path import MEDIA
from tremorlab.twin.tremor import Interface, TremorLaw

PLANE = Interface(5.0, -3.0, 9.0, 232.0, 7.0, 120.0, 20.0)
LAW = TremorLaw()
STATION = Station("TW", "A01", 12.0, -7.0, 2.0, 11)
NANKAI = MEDIA["nankai"]


def bursts(count, law=LAW, seed=1):
    rng = np.random.default_rng(seed)
    return [tremor.draw_tremor(rng, 1000.0, 0.0, PLANE, law) for _ in range(count)]


def test_migration_speed_comes_back_from_the_epicentres():
    law = replace(LAW, reversals_per_day=0.0, bursts_per_hour=1.0, burst_s=20.0)
    rng, speeds = np.random.default_rng(2), []
    for _ in range(50):
        episode = tremor.draw_episode(rng, 0.0, 2 * 86400.0, PLANE, law)
        time = np.concatenate([burst.origin_s for burst in episode])
        along = np.concatenate([PLANE.along_km(burst.position_km) for burst in episode])
        speeds.append(abs(np.polyfit(time, along, 1)[0]) * 86400)
    assert np.median(speeds) == pytest.approx(10.0, rel=0.12)
    assert np.std(np.log(speeds)) == pytest.approx(0.3, abs=0.1)


def test_reversals_run_back_rapidly():
    law = replace(LAW, reversals_per_day=3.0, front_width_km=0.1, bursts_per_hour=20.0, burst_s=15.0)
    rng, steps = np.random.default_rng(3), []
    for _ in range(2):
        episode = tremor.draw_episode(rng, 0.0, 2 * 86400.0, PLANE, law)
        time = np.array([burst.origin_s[0] for burst in episode])
        along = np.array([PLANE.along_km(burst.position_km).mean() for burst in episode])
        along *= np.sign(np.polyfit(time, along, 1)[0])
        spaced = slice(None, None, 6)
        steps.append(np.diff(along[spaced]) / np.diff(time[spaced]) * 86400)
    steps = np.concatenate(steps)
    assert np.percentile(steps, 3) < -60
    assert np.median(steps) > 0


def test_lfes_lie_on_the_interface_near_the_front():
    along = np.concatenate([PLANE.along_km(burst.position_km) for burst in bursts(300)])
    assert np.std(along) == pytest.approx(2.0, rel=0.15)
    dip, strike = np.deg2rad(7.0), np.deg2rad(232.0)
    normal = np.array([-np.sin(dip) * np.cos(strike), np.sin(dip) * np.sin(strike), np.cos(dip)])
    positions = np.concatenate([burst.position_km for burst in bursts(20)])
    np.testing.assert_allclose((positions - [5.0, -3.0, 9.0]) @ normal, 0, atol=1e-9)


def test_corner_frequency_hardly_depends_on_moment():
    """Slope of log fc over log M0: near 0, where earthquakes have -1/3."""
    drawn = bursts(300)
    moment = np.log(np.concatenate([burst.moment_n_m for burst in drawn]))
    corner = np.log(np.concatenate([burst.corner_hz for burst in drawn]))
    fit = stats.linregress(moment, corner)
    assert -0.07 < fit.slope < -0.01
    assert np.exp(corner.min()) >= 1.5
    assert np.exp(corner.max()) <= 5.0
    assert np.exp(np.median(corner)) == pytest.approx(2.7, rel=0.1)


def test_moments_of_a_burst_are_exponential():
    scaled = np.concatenate([burst.moment_n_m / burst.moment_n_m.mean() for burst in bursts(200) if len(burst) > 60])
    assert np.std(scaled) == pytest.approx(1.0, abs=0.05)  # an exponential has mean and deviation alike
    assert stats.skew(scaled) == pytest.approx(2.0, abs=0.3)


def test_bursts_last_tens_of_seconds_to_minutes():
    durations = np.array([burst.duration_s for burst in bursts(400)])
    assert durations.max() <= 600
    assert 20 < np.median(durations) < 100
    assert np.mean(durations > 60) > 0.25


def test_lfes_are_clustered():
    """Variance over mean of counts in 5 s: 1 for a Poisson process of constant rate."""
    factors = []
    for burst in bursts(100):
        counts = np.bincount(((burst.origin_s - burst.origin_s[0]) / 5).astype(int))
        if len(counts) > 10:
            factors.append(counts.var() / counts.mean())
    assert np.mean(factors) > 1.8


def test_a_burst_swells_from_nothing():
    """Share of LFEs in the first and last tenth of a burst: far below a tenth."""
    share = [(burst.origin_s - 1000) / (burst.origin_s[-1] - 1000) for burst in bursts(200) if len(burst) > 50]
    share = np.concatenate(share)
    assert np.mean(share < 0.1) < 0.04
    assert np.mean(np.abs(share - 0.5) < 0.25) > 0.5


def test_fall_off_lies_between_one_and_two():
    falloff = [burst.falloff for burst in bursts(200)]
    assert stats.kstest(falloff, "uniform", args=(1.0, 1.0)).pvalue > 0.01


def test_tremor_has_no_impulsive_onset():
    """Time from the onset to the peak of the smoothed envelope: seconds and more, for an earthquake S minus P."""
    rng, rises, starts = np.random.default_rng(5), [], []
    for burst in [one for one in bursts(12, seed=6) if len(one) > 30]:
        start, velocity = tremor.render(burst, NANKAI, STATION, 50.0, rng)
        onset = tremor.onset_s(burst, NANKAI, STATION)
        envelope = np.convolve(np.sum(velocity**2, axis=0), np.ones(100), mode="same")
        rises.append(np.argmax(envelope) / 50 - (onset - start))
        first = round((onset - start) * 50)
        starts.append(np.abs(velocity[:, first : first + 25]).max() / np.abs(velocity).max())
    assert np.median(rises) > 10
    assert np.median(starts) < 0.2


def test_tremor_is_lower_in_frequency_than_an_earthquake_of_the_same_place():
    rng = np.random.default_rng(7)

    def centroid(velocity):
        frequency, power = signal.welch(velocity, 50.0, nperseg=512)
        band = frequency > 0.5
        return np.sum((frequency * power.sum(axis=0))[band]) / np.sum(power.sum(axis=0)[band])

    tremors = [centroid(tremor.render(burst, NANKAI, STATION, 50.0, rng)[1]) for burst in bursts(15)]
    quakes = [
        centroid(
            earthquake.render(
                earthquake.Earthquake(0.0, 5.0, -3.0, 9.0, size, 3e6, 30.0, 50.0, 40.0), NANKAI, STATION, 50.0, rng
            )[1]
        )
        for size in np.linspace(0.8, 2.5, 10)
    ]
    assert np.median(tremors) < 0.75 * np.median(quakes)


def test_one_lfe_is_an_earthquake_with_another_corner():
    burst = bursts(1)[0]
    source = burst.sources(NANKAI)
    assert len(source) == len(burst)
    np.testing.assert_allclose(np.sqrt(np.sum(source.moment_n_m**2, axis=(1, 2)) / 2), burst.moment_n_m)
    np.testing.assert_array_equal(source.p_corner_hz, 1.5 * burst.corner_hz)


def test_the_same_random_state_gives_the_same_tremor():
    first, second = (tremor.draw_episode(np.random.default_rng(8), 50.0, 7200.0, PLANE) for _ in range(2))
    assert len(first) == len(second) > 3
    np.testing.assert_array_equal(first[2].position_km, second[2].position_km)
    one, two = (tremor.render(first[2], NANKAI, STATION, 50.0, np.random.default_rng(9))[1] for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_even_a_poor_burst_has_three_lfes():
    law = replace(LAW, lfes_per_s=0.05, burst_s=15.0, burst_scatter=0.0)
    assert min(len(burst) for burst in bursts(50, law)) == 3


def test_the_random_walk_forgets_as_it_should():
    walks = np.array([tremor.random_walk(np.random.default_rng(seed), 200, 0.5, 6.0) for seed in range(800)])
    np.testing.assert_allclose(walks.var(axis=0).mean(), 1.0, atol=0.1)
    assert np.mean(walks[:, 0] * walks[:, 12]) == pytest.approx(np.exp(-1), abs=0.1)
    assert walks[:, 0].std() == pytest.approx(1.0, abs=0.08)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("speed_km_day", 0.0),
        ("reversals_per_day", -1.0),
        ("reversal_factor", 0.5),
        ("front_width_km", -1.0),
        ("bursts_per_hour", 100.0),
        ("burst_s", 5.0),
        ("lfes_per_s", 0.0),
        ("moment_n_m", 0.0),
        ("corner_hz", 9.0),
        ("corner_exponent", float("nan")),
    ],
)
def test_a_law_out_of_range_is_refused(name, value):
    with pytest.raises(ParameterError, match=f"tremor law, {name}: .* is not between"):
        replace(LAW, **{name: value})


def test_an_episode_without_duration_is_refused():
    with pytest.raises(ParameterError, match=r"tremor episode: lasts 0\.0 s"):
        tremor.draw_episode(np.random.default_rng(0), 0.0, 0.0, PLANE)


@pytest.mark.parametrize("change", [{"length_km": 0.0}, {"width_km": -1.0}, {"dip_deg": 100.0}])
def test_an_interface_that_is_no_plane_is_refused(change):
    with pytest.raises(ParameterError, match="is no plane"):
        replace(PLANE, **change)
