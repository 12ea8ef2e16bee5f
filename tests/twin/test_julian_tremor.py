"""Tremor of Julian's model: the oscillation is that of the model, the path that of every other source."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import signal

from tremorlab.dynamics import julian
from tremorlab.twin import events, julian_tremor
from tremorlab.twin.julian_tremor import FREQUENCY_HZ, OVER_ONSET, JulianTremor, draw_julian, moment_rate, slot
from tremorlab.twin.network import Station
from tremorlab.twin.path import MEDIA
from tremorlab.twin.scenario import configure

MEDIUM = MEDIA["sakurajima"]
RATE = 25.0


def station(x_km=3.0):
    return Station("TW", "V01", x_km, 0.0, -0.2, 5)


def tremor(frequency=2.0, over=1.2, duration=40.0, moment=1e11):
    place, tensor = np.array([0.0, 0.0, 0.0]), np.eye(3) * np.sqrt(2 / 3)
    return JulianTremor(np.array([100.0]), np.array([moment]), slot(frequency, over), duration, place, tensor)


def test_the_onset_is_where_the_steady_flow_becomes_unstable():
    pressure = julian_tremor.onset_pressure_pa()
    below, above = (julian.steady_state(julian.Parameters(p1=share * pressure)).R for share in (0.99, 1.01))
    assert below < 1 < above


@pytest.mark.parametrize("frequency", [0.7, 3.0])
def test_stretching_time_leaves_the_model_without_dimension_as_it_is(frequency):
    one, other = julian.scaled(slot(frequency, 1.3)), julian.scaled(slot(2 * frequency, 1.3))
    for name in ("p", "D", "a", "b", "mu"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-12)
    assert one.time_s == pytest.approx(2 * other.time_s)


@pytest.mark.parametrize("frequency", [1.0, 2.5])
def test_the_moment_oscillates_at_the_frequency_that_was_asked_for(frequency):
    rate = moment_rate(slot(frequency, 1.1), 40.0, RATE)
    found, power = signal.periodogram(rate[400:700], RATE, nfft=8192)
    assert found[np.argmax(power)] == pytest.approx(frequency, rel=0.05)
    assert rate[-1] == 0
    moment = np.cumsum(rate) / RATE
    assert np.std(moment[500:750]) == pytest.approx(1.0, rel=0.2)


def test_a_higher_pressure_makes_more_overtones():
    shares = []
    for over in OVER_ONSET:
        found, power = signal.periodogram(moment_rate(slot(1.0, over), 60.0, RATE)[500:1200], RATE)
        shares.append(power[found > 1.5].sum() / power.sum())
    assert shares[1] > 2 * shares[0]


def test_the_record_has_the_frequency_of_the_source_and_lasts_as_long():
    event = tremor()
    start, velocity = julian_tremor.render(event, MEDIUM, station(), RATE, np.random.default_rng(1))
    onset = julian_tremor.onset_s(event, MEDIUM, station())
    assert velocity.shape[1] / RATE > event.duration_s
    first = round((onset - start) * RATE)
    assert np.abs(velocity[:, : first - 5]).max() < 0.05 * np.abs(velocity).max()
    middle = velocity[0, first + 400 : first + 750]
    found, power = signal.periodogram(middle, RATE, nfft=4096)
    assert found[np.argmax(power)] == pytest.approx(2.0, rel=0.05)


def test_motion_grows_with_the_moment():
    """Exactly, once the coda is as long as it may be."""
    one, ten = (
        julian_tremor.render(tremor(moment=m), MEDIUM, station(), RATE, np.random.default_rng(1))[1]
        for m in (1e17, 1e18)
    )
    assert np.abs(ten).max() / np.abs(one).max() == pytest.approx(10, rel=1e-3)


def test_draws_lie_in_their_limits():
    rng = np.random.default_rng(3)
    drawn = [draw_julian(rng, 5.0, np.zeros(3), np.eye(3), 1e10, 1000.0) for _ in range(40)]
    frequency = [julian.steady_state(replace(e.parameters)).onset_frequency_hz for e in drawn]
    # The frequency of small oscillations falls a little with pressure.
    assert FREQUENCY_HZ[0] * 0.8 < min(frequency) < max(frequency) < FREQUENCY_HZ[1] * 1.05
    assert {e.duration_s for e in drawn} == {300.0}
    assert all(julian.steady_state(e.parameters).R > 1 for e in drawn)


def test_a_share_of_the_volcanic_tremor_of_a_twin_is_of_this_kind(monkeypatch):
    scenario = configure(setting="sakurajima", days=1, seed=1)
    drawn = [events.draw(scenario, "volcanic_tremor", 50.0, np.random.default_rng(seed))[0] for seed in range(200)]
    share = np.mean([isinstance(source, JulianTremor) for source in drawn])
    assert share == pytest.approx(events.JULIAN_SHARE, abs=0.1)
    source = next(source for source in drawn if isinstance(source, JulianTremor))
    event = events.TwinEvent(0, source, MEDIUM)
    assert event.event_class == "volcanic_tremor"
    early, late = event.reach_s(station())
    start, velocity = event.render(station(), RATE, np.random.default_rng(0))
    assert early <= start
    assert late >= start + velocity.shape[1] / RATE
    assert event.place_km == pytest.approx(tuple(source.position_km))
