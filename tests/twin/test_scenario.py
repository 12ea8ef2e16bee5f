"""Scenario: bad values are named, activity comes in bursts, eruptions are far fewer than VTs."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from tremorlab.errors import ParameterError
from tremorlab.twin.events import draw_events
from tremorlab.twin.path import MEDIA
from tremorlab.twin.scenario import ACTIVITY, DIFFICULTIES, Scenario, configure, intensity, times_s


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"setting": "etna"}, "setting: .*'nankai', 'sakurajima' or 'colombia'"),
        ({"days": 0}, "days: .*greater than or equal to 1"),
        ({"days": 1.5}, "days: .*integer"),
        ({"difficulty": "easy"}, "difficulty: .*'low', 'report-like' or 'hard'"),
        ({"seed": -1}, "seed: .*greater than or equal to 0"),
        ({"rate_hz": 40}, "rate_hz 40 is not 25, 50, 100 or 200"),
        ({"stations": 9}, "stations 9 is more than the 8 of the network"),
        ({"stations": 0}, "stations: .*greater than or equal to 1"),
        ({"rates": {"eruption": 3}}, "'eruption' is not one of earthquake, tremor"),
        ({"rates": {"tremor": -1}}, "-1 tremor a day is not between 0 and 5000"),
        ({"start": "2015-02-30"}, "start: .*date"),
        ({"wrong_labels": 0.9}, "wrong_labels: .*less than or equal to 0.5"),
        ({"faults": -1}, "faults: .*greater than or equal to 0"),
        ({"quakes": 3}, "quakes: .*not permitted"),
    ],
)
def test_bad_values_are_named_with_their_limit(values, message):
    with pytest.raises(ParameterError, match=message):
        configure(**({"setting": "nankai", "days": 2} | values))


def test_a_scenario_is_frozen():
    scenario = configure(setting="nankai", days=1)
    with pytest.raises(ValidationError, match="frozen"):
        scenario.days = 3
    assert scenario.begin.isoformat() == "2015-01-01T00:00:00"
    assert len(configure(setting="nankai", days=1, stations=3).geometry.stations) == 3


def test_eruptions_are_about_a_tenth_of_the_volcano_tectonic_earthquakes():
    counts = dict.fromkeys(("vt", "eruption"), 0)
    for seed in range(8):
        scenario = Scenario(setting="sakurajima", days=200, seed=seed)
        for kind in counts:
            counts[kind] += len(times_s(scenario, kind))
    assert 0.07 < counts["eruption"] / counts["vt"] < 0.14
    assert counts["vt"] / 1600 == pytest.approx(ACTIVITY["sakurajima"]["vt"].per_day, rel=0.15)


@pytest.mark.parametrize("setting", ACTIVITY)
def test_activity_comes_in_bursts(setting):
    for kind in ACTIVITY[setting]:
        scenario = Scenario(setting=setting, days=300, seed=2, rates={kind: 20.0})
        a_day = np.histogram(times_s(scenario, kind), bins=300, range=(0, scenario.duration_s))[0]
        assert a_day.var() / a_day.mean() > 1.5  # 1 for a Poisson process
        assert times_s(scenario, kind).max() < scenario.duration_s


def test_swarms_put_several_volcano_tectonic_earthquakes_into_a_window():
    """A quarter of them is followed by another within two minutes; a Poisson process of the rate has a twelfth."""
    followed = [
        (np.diff(times_s(Scenario(setting="sakurajima", days=200, seed=seed), "vt")) < 120).mean() for seed in range(4)
    ]
    assert np.mean(followed) == pytest.approx(0.25, abs=0.07)


def test_without_bursts_the_same_draw_would_be_a_poisson_process(monkeypatch):
    law = ACTIVITY["sakurajima"]["earthquake"]
    monkeypatch.setitem(ACTIVITY["sakurajima"], "earthquake", replace(law, contrast=1.0))
    intensity.cache_clear()
    scenario = Scenario(setting="sakurajima", days=300, seed=2, rates={"earthquake": 20.0})
    a_day = np.histogram(times_s(scenario, "earthquake"), bins=300, range=(0, scenario.duration_s))[0]
    intensity.cache_clear()
    assert a_day.var() / a_day.mean() == pytest.approx(1, abs=0.35)


def test_bursts_can_starve_a_period_of_eruptions():
    starved = 0
    for seed in range(20):
        times = times_s(Scenario(setting="sakurajima", days=20, seed=seed), "eruption")
        starved += min(np.histogram(times, bins=5, range=(0, 20 * 86400))[0]) < 5
    assert starved >= 2


def test_the_same_seed_gives_the_same_events_and_another_does_not():
    one, same, other = (draw_events(Scenario(setting="colombia", days=2, seed=seed)) for seed in (1, 1, 2))
    assert [(e.origin_s, e.magnitude) for e in one] == [(e.origin_s, e.magnitude) for e in same]
    assert [e.origin_s for e in one] != [e.origin_s for e in other]
    assert [e.number for e in one] == list(range(len(one)))


def test_rates_can_be_set_and_difficulty_changes_the_usual_ones():
    usual = Scenario(setting="nankai", days=1)
    assert usual.per_day("earthquake") == 60
    assert usual.model_copy(update={"difficulty": "hard"}).per_day("earthquake") == 120
    assert configure(setting="nankai", days=1, difficulty="low", rates={"earthquake": 7}).per_day("earthquake") == 7
    silent = configure(setting="colombia", days=1, rates=dict.fromkeys(ACTIVITY["colombia"], 0))
    assert draw_events(silent) == ()


def test_difficulty_lowers_the_signal_against_the_noise():
    steps = [DIFFICULTIES[name] for name in ("low", "report-like", "hard")]
    for quantity, sign in (("noise_level", 1), ("magnitude_shift", -1), ("distance_factor", 1), ("rate_factor", 1)):
        values = [sign * getattr(step, quantity) for step in steps]
        assert values == sorted(values)
        assert len(set(values)) == 3
    magnitudes = [
        np.median([e.magnitude for e in draw_events(Scenario(setting="nankai", days=8, difficulty=name))])
        for name in DIFFICULTIES
    ]
    assert magnitudes[0] > magnitudes[1] > magnitudes[2]


@pytest.mark.parametrize("setting", ACTIVITY)
def test_every_class_is_recorded_within_its_stated_reach(setting):
    scenario = Scenario(setting=setting, days=4, seed=3)
    station = scenario.geometry.stations[-1]
    by_class = {}
    for event in draw_events(scenario):
        by_class.setdefault(event.event_class, []).append(event)
    assert set(by_class) == set(ACTIVITY[setting])
    for events in by_class.values():
        for event in events[:2]:
            start_s, velocity = event.render(station, 25.0, np.random.default_rng(0))
            early, late = event.reach_s(station)
            assert early <= start_s < event.onset_s(station) < late
            assert start_s + velocity.shape[1] / 25.0 < late
            assert velocity.shape[0] == 3
            assert event.onset_s(station) > event.origin_s
            assert np.isfinite(event.magnitude)
            assert len(event.place_km) == 3


def test_regional_earthquakes_at_a_volcano_come_through_the_crust():
    for event in draw_events(Scenario(setting="sakurajima", days=3, seed=1)):
        expected = "sakurajima_crust" if event.event_class == "earthquake" else "sakurajima"
        assert event.medium is MEDIA[expected]
