"""Volcanic signals against the resonance, the decay and the speed of sound that they are made with."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import signal, stats

from tremorlab.errors import ParameterError
from tremorlab.twin import earthquake, eruption
from tremorlab.twin.eruption import ERUPTION, LONG_PERIOD, VOLCANIC_TREMOR, Vent
from tremorlab.twin.network import Station
from tremorlab.twin.path import MEDIA

VENT = Vent(0.0, 0.0, -1.0)
MEDIUM = MEDIA["sakurajima"]
RATE = 50.0
LAWS = (ERUPTION, LONG_PERIOD, VOLCANIC_TREMOR)


def station(x_km, y_km=0.0, z_km=-0.2, seed=5):
    return Station("TW", "V01", x_km, y_km, z_km, seed)


def drawn(law, count, seed=1):
    rng = np.random.default_rng(seed)
    return [eruption.draw_volcanic(rng, 300.0, VENT, law) for _ in range(count)]


def air_only(event, receiver):
    """Record of the air wave: what the blast adds to the same event without one."""
    start, velocity = eruption.render(event, MEDIUM, receiver, RATE, np.random.default_rng(2))
    other = eruption.render(replace(event, blast=None), MEDIUM, receiver, RATE, np.random.default_rng(2))[1]
    velocity = velocity.copy()
    velocity[:, : other.shape[1]] -= other
    return start, velocity


@pytest.mark.parametrize("distance", [2.0, 4.0, 9.0])
def test_the_air_wave_comes_at_the_speed_of_sound(distance):
    event, receiver = drawn(ERUPTION, 1)[0], station(0.6 * distance, 0.8 * distance, -1.0)
    start, air = air_only(event, receiver)
    strong = np.abs(air[0]) > 0.3 * np.abs(air[0]).max()
    arrival = start + np.argmax(strong) / RATE
    assert arrival - 300.0 == pytest.approx(distance * 1e3 / 340, abs=0.05)
    assert eruption.air_onset_s(event, receiver) == pytest.approx(arrival, abs=0.05)


def test_the_air_wave_falls_as_one_over_distance_and_pushes_down_first():
    event = replace(drawn(ERUPTION, 1)[0], blast=eruption.Blast(300.0, 50.0, 0.3))
    near, far = (air_only(event, station(x, 0.0, -1.0))[1] for x in (2.0, 8.0))
    assert np.abs(near).max() / np.abs(far).max() == pytest.approx(4.0, rel=0.1)
    first = np.argmax(np.abs(near[0]) > 0.3 * np.abs(near[0]).max())
    assert near[0, first] < 0
    assert near[2, first] > 0  # outward, to the east
    coupling = np.abs(near[0]).max() / (50.0 / 2.0)
    assert 1e-7 < coupling < 1e-5


def test_the_air_wave_has_no_net_impulse():
    """A Friedlander wave integrates to zero."""
    event = replace(drawn(ERUPTION, 1)[0], blast=eruption.Blast(300.0, 50.0, 0.2))
    _, air = air_only(event, station(3.0))
    assert abs(air[0].sum()) < 0.02 * np.abs(air[0]).sum()


def test_only_eruptions_have_an_air_wave():
    for law in (LONG_PERIOD, VOLCANIC_TREMOR):
        event = drawn(law, 1)[0]
        assert event.blast is None
        assert eruption.air_onset_s(event, station(3.0)) == np.inf


def test_a_late_air_wave_lengthens_the_record():
    event = drawn(LONG_PERIOD, 1)[0]
    with_air = replace(event, blast=eruption.Blast(300.0, 50.0, 0.2))
    start, velocity = eruption.render(with_air, MEDIUM, station(60.0), RATE, np.random.default_rng(1))
    assert start + velocity.shape[1] / RATE > eruption.air_onset_s(with_air, station(60.0))


def test_a_long_period_event_rings_at_its_frequency_with_its_quality():
    medium = replace(MEDIUM, mean_free_path_s_km=1e3, mean_free_path_p_km=1e3, site_scatter=0.0, broadening=0.0)
    base = drawn(LONG_PERIOD, 1)[0]
    one = np.ones(1)
    event = replace(
        base, origin_s=300 * one, moment_n_m=1e12 * one, corner_hz=4 * one, ring_hz=1.5 * one, ring_q=25 * one
    )
    start, velocity = eruption.render(event, medium, station(3.0), RATE, np.random.default_rng(3))
    first = round((eruption.onset_s(event, medium, station(3.0)) - start + 2.0) * RATE)
    cut = velocity[0, first : first + 512]
    frequency, power = signal.periodogram(cut, RATE, nfft=4096)
    assert frequency[np.argmax(power * (frequency < 2.2))] == pytest.approx(1.5, abs=0.08)
    narrow = signal.sosfiltfilt(signal.butter(2, (1.2, 1.8), "bandpass", fs=RATE, output="sos"), velocity[0])
    envelope = np.abs(signal.hilbert(narrow))[first + 50 : first + 400]
    slope = np.polyfit(np.arange(350) / RATE, np.log(envelope), 1)[0]
    assert -np.pi * 1.5 / slope == pytest.approx(25.0, rel=0.25)


def test_long_period_events_lie_in_their_band():
    rings = np.array([event.ring_hz[0] for event in drawn(LONG_PERIOD, 400)])
    assert np.percentile(rings, 1) > 0.45
    assert np.percentile(rings, 99) < 5.5
    assert stats.kstest(np.log(rings), "uniform", args=(np.log(0.5), np.log(10))).pvalue > 0.01


def test_an_eruption_begins_with_the_explosion_and_decays():
    shares, ratios = [], []
    for event in drawn(ERUPTION, 150):
        assert event.ring_hz[0] == 0
        assert 0.2 <= event.corner_hz[0] <= 1.5
        rest = event.moment_n_m[1:]
        ratios.append(np.max(rest) / event.moment_n_m[0])
        shares.append(np.sum(rest[len(rest) // 2 :]) / np.sum(rest))
    assert 0.1 < np.median(ratios) < 0.9
    assert np.median(shares) < 0.35


@pytest.mark.parametrize(("share", "loud"), [(0.0, (0.15, 0.4)), (1.0, (0.4, 0.8))])
def test_tremor_that_holds_its_level_is_loud_for_longer(share, loud, monkeypatch):
    """Share of an eruption in which pulses have at least half of their strength at the height of it."""
    monkeypatch.setattr(eruption, "SUSTAINED_SHARE", share)
    shares = []
    for event in drawn(ERUPTION, 80):
        tenths = np.array([np.mean(part) for part in np.array_split(event.moment_n_m[1:], 10)])
        shares.append(np.mean(tenths > 0.5 * tenths.max()))
    assert loud[0] < np.mean(shares) < loud[1]


def test_the_corner_of_eruption_tremor_falls_with_its_strength():
    slopes = [
        stats.linregress(np.log(event.moment_n_m[1:]), np.log(event.corner_hz[1:])).slope
        for event in drawn(ERUPTION, 60)
        if len(event) > 50
    ]
    assert np.mean(slopes) == pytest.approx(0.2, abs=0.03)


def test_tremor_glides():
    """Log frequency of the resonance from first to last pulse scatters by about 0.35 from event to event."""
    glides = [
        np.log(event.ring_hz[-10:].mean() / event.ring_hz[1:11].mean())
        for event in drawn(VOLCANIC_TREMOR, 300)
        if len(event) > 60
    ]
    assert np.std(glides) == pytest.approx(0.33, abs=0.08)
    assert abs(np.mean(glides)) < 0.07


def test_eruptions_and_tremor_overlap():
    """Corner, resonance and duration of the two classes come from overlapping laws: a rank test hardly parts them."""
    eruptions, tremors = drawn(ERUPTION, 300, 2), drawn(VOLCANIC_TREMOR, 300, 3)
    for value in (lambda event: event.ring_hz[-1], lambda event: event.duration_s):
        first, second = ([value(event) for event in events] for events in (eruptions, tremors))
        area = stats.mannwhitneyu(first, second).statistic / 300**2
        assert 0.25 < area < 0.75


def test_long_period_events_and_vts_overlap_in_the_record():
    """Absorption lowers VTs and quick pulses raise long-period events: neither is told by its centroid alone."""
    rng = np.random.default_rng(8)
    box = earthquake.Region((-3.0, 3.0), (-3.0, 3.0), (0.5, 6.0))
    vts = [earthquake.draw_earthquake(rng, 0.0, box, earthquake.VOLCANO_TECTONIC) for _ in range(60)]

    def centroid(velocity):
        frequency, power = signal.welch(velocity[0], RATE, nperseg=min(512, velocity.shape[1]))
        band = (frequency > 1) & (frequency < 12.5)
        return np.sum((frequency * power)[band]) / np.sum(power[band])

    receivers = [station(3.0, seed / 30, seed=seed) for seed in range(60)]  # each with a ground of its own
    high, low = (
        [centroid(module.render(event, MEDIUM, receiver, RATE, rng)[1]) for event, receiver in zip(*pairs, strict=True)]
        for module, *pairs in ((earthquake, vts, receivers), (eruption, drawn(LONG_PERIOD, 60), receivers))
    )
    area = stats.mannwhitneyu(high, low).statistic / 3600
    assert 0.7 < area < 0.96
    assert max(low) > min(high) + 1.0


def test_eruption_tremor_shows_in_the_record_for_minutes():
    rng, lengths = np.random.default_rng(4), []
    for event in drawn(ERUPTION, 8, 5):
        start, velocity = eruption.render(event, MEDIUM, station(3.0), RATE, rng)
        lengths.append(velocity.shape[1] / RATE - event.duration_s)
        middle = round((event.origin_s[0] + 0.5 * event.duration_s - start) * RATE)
        assert np.abs(velocity[:, middle : middle + 500]).max() > 1e-9
    assert min(lengths) > 0


def test_moment_tensors_have_unit_moment_and_the_shapes_of_a_conduit():
    tensors = np.array([event.tensor for event in drawn(LONG_PERIOD, 300)])
    np.testing.assert_allclose(np.sum(tensors**2, axis=(1, 2)), 2.0)
    values = np.sort(np.linalg.eigvalsh(tensors))
    shapes = np.unique(np.round(values[:, 2] / values[:, 0], 6))
    np.testing.assert_allclose(shapes, [1.0, 2.0, 3.0])


def test_sources_sit_under_the_crater():
    positions = np.array([event.position_km for event in drawn(LONG_PERIOD, 300)])
    depths = positions[:, 2] + 1.0
    assert 0.2 <= depths.min() < depths.max() <= 2.0
    assert np.std(positions[:, 0]) == pytest.approx(0.15, rel=0.15)


def test_signals_of_a_kind_are_a_poisson_process():
    events = eruption.draw_volcanics(np.random.default_rng(6), 50.0, 86400.0, VENT, LONG_PERIOD)
    assert 20 < len(events) < 80
    assert np.all(np.diff([event.origin_s[0] for event in events]) >= 0)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.kind)
def test_the_same_random_state_gives_the_same_bits(law):
    one, two = drawn(law, 2)[1], drawn(law, 2)[1]
    np.testing.assert_array_equal(one.moment_n_m, two.moment_n_m)
    first, second = (
        eruption.render(event, MEDIUM, station(3.0), RATE, np.random.default_rng(7))[1] for event in (one, two)
    )
    np.testing.assert_array_equal(first, second)
    assert one.event_class == law.kind


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("moment_n_m", 0.0),
        ("moment_scatter", -1.0),
        ("corner_hz", 50.0),
        ("duration_s", 1e5),
        ("pulses_per_s", 0.0),
        ("ring_q", 0.5),
    ],
)
def test_a_law_out_of_range_is_refused(name, value):
    with pytest.raises(ParameterError, match=f"law of eruption, {name}: .* is not between"):
        replace(ERUPTION, **{name: value})


def test_a_resonance_with_its_ends_swapped_is_refused():
    with pytest.raises(ParameterError, match=r"ring_hz: .* is not a range within"):
        replace(LONG_PERIOD, ring_hz=(3.0, 0.5))


@pytest.mark.parametrize("depth", [(0.0, 1.0), (2.0, 1.0), (1.0, 30.0)])
def test_a_vent_with_an_impossible_conduit_is_refused(depth):
    with pytest.raises(ParameterError, match=r"vent, depth_km: .* is not a range within 0 to 10 km"):
        Vent(0.0, 0.0, -1.0, depth)


def test_a_negative_rate_is_refused():
    with pytest.raises(ParameterError, match=r"long_period: .* is not positive"):
        eruption.draw_volcanics(np.random.default_rng(0), -1.0, 10.0, VENT, LONG_PERIOD)
