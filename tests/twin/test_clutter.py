"""Clutter: stated rates, stated bands, a function of absolute time that knows nothing of events."""

import numpy as np
import pytest

from tremorlab.twin import clutter
from tremorlab.twin.clutter import KINDS, MIXES, Clutter
from tremorlab.twin.network import NETWORKS
from tremorlab.twin.noise import band_rms

OCEAN = NETWORKS["donet_like"].stations
VOLCANO = NETWORKS["sakurajima_like"].stations
DAY = 86400.0


def band_share(motion, rate_hz, low, high):
    power = np.abs(np.fft.rfft(motion.astype("f8"))) ** 2
    frequencies = np.fft.rfftfreq(motion.shape[-1], 1 / rate_hz)
    return power[..., (frequencies >= low) & (frequencies <= high)].sum() / power.sum()


@pytest.mark.parametrize("setting", MIXES)
def test_rates_are_the_stated_ones(setting):
    station = OCEAN[0] if setting == "nankai" else VOLCANO[0]
    days = 12
    found = clutter.between(station, 0, days * DAY, setting, 3)
    for kind in MIXES[setting]:
        expected = KINDS[kind].per_hour * 24 * days
        number = sum(item.kind == kind for item in found)
        assert abs(number - expected) < 4 * np.sqrt(expected) + 1


def test_pieces_of_time_list_the_same_clutter():
    whole = clutter.between(OCEAN[1], 0, 6 * 3600, "nankai", 8)
    parts = [
        item for hour in range(6) for item in clutter.between(OCEAN[1], hour * 3600, hour * 3600 + 3600, "nankai", 8)
    ]
    assert set(parts) == set(whole)
    assert clutter.between(OCEAN[1], 0, 6 * 3600, "nankai", 9) != whole


def test_vehicles_come_by_day_and_rockfalls_at_any_hour():
    found = clutter.between(VOLCANO[0], 0, 15 * DAY, "sakurajima", 1)
    local = {kind: np.array([(i.start_s / 3600 + 9) % 24 for i in found if i.kind == kind]) for kind in KINDS}
    by_day = {kind: ((hours > 7) & (hours < 19)).mean() for kind, hours in local.items() if len(hours)}
    assert by_day["vehicle"] > 0.75
    assert abs(by_day["rockfall"] - 0.5) < 0.1


def test_sizes_are_measured_against_the_ambient_noise():
    found = [item for item in clutter.between(VOLCANO[0], 0, 20 * DAY, "sakurajima", 1) if item.kind == "vehicle"]
    ratio = [20 * np.log10(i.peak / band_rms(VOLCANO[0], i.start_s, (2, 8), "sakurajima", 1)[0]) for i in found]
    low, high = KINDS["vehicle"].decibels
    assert low <= min(ratio)
    assert max(ratio) <= high
    assert np.mean(ratio) == pytest.approx((low + high) / 2, abs=1.0)


def test_a_distant_earthquake_has_nothing_above_2_hz_and_reaches_all_stations():
    lists = [
        [item for item in clutter.between(station, 0, 10 * DAY, "nankai", 4) if item.kind == "distant_earthquake"]
        for station in OCEAN[:2]
    ]
    assert len(lists[0]) == len(lists[1]) > 5
    for one, other in zip(*lists, strict=True):
        assert abs(one.start_s - other.start_s) < 5
        start, motion = clutter.render(one, OCEAN[0], 25.0)
        assert start == round(one.start_s * 25)
        assert band_share(motion, 25.0, 2.0, 12.5) < 1e-6
        assert np.array_equal(motion, clutter.render(other, OCEAN[1], 25.0)[1])


def test_a_ship_is_lines_that_drift_downwards():
    item = Clutter("ship", 0.0, 1200.0, 1e-7, (1, 2, 3))
    _, motion = clutter.render(item, OCEAN[0], 50.0)
    frequencies = np.fft.rfftfreq(16384, 1 / 50)
    half = motion.shape[1] // 2
    parts = [np.abs(np.fft.rfft(motion[0, a : a + 16384])) for a in (half - 20000, half + 4000)]
    lines = [frequencies[np.argmax(part)] for part in parts]
    assert 3 <= lines[0] <= 15
    same = abs(lines[1] / lines[0] - 1) < 0.05
    assert (lines[1] < lines[0]) if same else True
    for part in parts:
        assert part.max() > 10 * np.median(part[(frequencies > 3) & (frequencies < 15)])
    assert band_share(motion, 50.0, 2.0, 20.0) > 0.95


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_stays_in_its_band_and_ends_where_it_says(kind):
    low, high = KINDS[kind].band_hz
    for piece in range(4):
        item = Clutter(kind, 1000.0, KINDS[kind].seconds[1] / 2, 1e-6, (7, piece))
        first, motion = clutter.render(item, VOLCANO[0], 100.0)
        assert first == 100_000
        assert motion.shape == (3, round(item.duration_s * 100))
        assert motion.dtype == np.float32
        assert band_share(motion, 100.0, low / 2, min(high * 2, 50)) > 0.9
        assert 1e-8 < np.abs(motion).max() < 1e-5


def test_a_short_bump_at_a_low_rate_still_has_samples():
    _, motion = clutter.render(Clutter("bump", 0.0, 0.1, 1e-6, (1,)), OCEAN[0], 25.0)
    assert motion.shape == (3, 8)
    assert np.isfinite(motion).all()
