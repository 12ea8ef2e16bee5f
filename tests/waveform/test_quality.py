"""Spikes, clipping and dead stretches, planted and recorded."""

import numpy as np
import obspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tremorlab.waveform.quality import clipping, constant, runs, spikes


def noise(count=6000, amplitude=100.0, seed=0):
    """Integer counts with the spectrum of short-period ground noise at 100 Hz."""
    white = np.random.default_rng(seed).standard_normal(count + 8)
    return np.round(amplitude * np.convolve(white, np.ones(9) / 3, "valid")).astype("f4")


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_narrow_spike_is_found_to_the_sample(width, sign):
    record = noise()
    record[2000 : 2000 + width] += sign * 50_000
    assert spikes(record, 100) == [(2000, 2000 + width)]


def test_a_telemetry_code_of_two_seconds_is_found():
    record = noise()
    record[3000:3200] = 268435456
    assert spikes(record, 100) == [(3000, 3200)]


@pytest.mark.parametrize(("first", "stop"), [(0, 1), (0, 3), (0, 200), (5999, 6000), (5800, 6000)])
def test_spikes_at_the_ends_are_found(first, stop):
    record = noise()
    record[first:stop] = -1e6
    assert spikes(record, 100) == [(first, stop)]


def test_two_spikes_close_together_are_both_found():
    record = noise()
    record[[2000, 2030]] = 80_000
    assert spikes(record, 100) == [(2000, 2001), (2030, 2031)]


def test_a_spike_that_returns_in_two_steps_is_found_whole():
    record = noise(amplitude=3)
    record[1000:1003] = [640, 2115, 1191]
    assert spikes(record, 100) == [(1000, 1003)]


@pytest.mark.parametrize("first", [1000, 1024])  # within, and at the edge of, the blocks that are searched
def test_a_spike_on_a_shoulder_is_found_without_the_shoulder(first):
    record = noise(amplitude=3)
    record[first : first + 3] = [1000, 10_000, 1000]
    assert spikes(record, 100) == [(first + 1, first + 2)]


@pytest.mark.parametrize("rate_hz", [20, 40, 100, 500])
def test_long_plateaus_are_not_spikes(rate_hz):
    record = noise(8000)
    record[1000 : 1000 + int(5.5 * rate_hz)] = 1e6
    assert spikes(record, rate_hz) == []


def test_a_step_is_no_spike():
    record = noise()
    record[3000:] += 1e6
    assert spikes(record, 100) == []


@pytest.mark.parametrize("seed", range(3))
def test_a_sudden_onset_is_no_spike(seed):
    record = noise(amplitude=5, seed=seed)
    rng = np.random.default_rng(seed)
    wave = rng.standard_normal(1500) * np.exp(-np.arange(1500) / 300)
    record[3000:4500] += np.round(3000 * np.convolve(wave, [0.25, 0.5, 0.25], "same"))
    assert spikes(record, 100) == []


def test_flips_of_a_quiet_digitizer_are_no_spikes():
    record = (np.random.default_rng(2).random(20_000) < 0.01).astype("f4")
    assert spikes(record, 100) == []


def test_an_impulse_on_a_flat_line_is_left_alone():
    record = np.zeros(2000, "f4")
    record[1000] = 1
    assert spikes(record, 100) == []


def test_short_and_empty_segments_are_not_judged():
    assert spikes(np.zeros(0, "f4"), 100) == []
    assert spikes(np.array([0, 1e6, 0], "f4"), 100) == []


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 500), cut=st.integers(0, 3000),
    where=st.lists(st.integers(4000, 9000), min_size=1, max_size=5, unique=True), width=st.integers(1, 3),
)  # fmt: skip
def test_spikes_are_found_whatever_the_start_of_the_segment(seed, cut, where, width):
    record = noise(14_000, seed=seed)
    for first in where:
        record[first : first + width] = 1e5
    whole = spikes(record, 100)
    assert [(first - cut, stop - cut) for first, stop in whole] == spikes(record[cut:], 100)


def test_a_clipped_sinusoid_is_flagged_at_both_ends():
    wave = np.clip(1000 * np.sin(np.arange(5000) * 0.7), -800, 800).astype("f4")
    found = clipping(wave, 100)
    assert {wave[first] for first, _ in found} == {-800.0, 800.0}
    assert sum(stop - first for first, stop in found) == np.count_nonzero(np.abs(wave) == 800)


def test_a_single_flat_top_of_three_samples_is_flagged():
    record = noise(amplitude=100)
    record[2000:2003] = 5000
    assert clipping(record, 100) == [(2000, 2003)]


@pytest.mark.parametrize("amplitude", [2, 30, 300, 3000])
def test_smooth_integer_peaks_are_not_clipping(amplitude):
    microseism = np.round(amplitude * np.sin(2 * np.pi * 0.15 * np.arange(30_000) / 100)).astype("f4")
    assert clipping(microseism, 100) == []


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("amplitude", [1, 10, 1000])
def test_noise_is_not_clipping(amplitude, seed):
    assert clipping(noise(50_000, amplitude, seed), 100) == []


def test_a_dead_record_and_padding_are_not_clipping():
    assert clipping(np.full(5000, 3, "f4"), 100) == []
    padded = noise() + 20_000
    padded[1000:3000] = 0
    assert clipping(padded, 100) == []


@pytest.mark.parametrize("rate_hz", [20, 100, 250])
def test_constant_stretches_are_found_from_two_seconds_on(rate_hz):
    record = noise(10_000)
    record[5000 : 5000 + 2 * rate_hz] = 7e5
    assert constant(record, rate_hz) == [(5000, 5000 + 2 * rate_hz)]
    record[5000] += 1
    assert constant(record, rate_hz) == []


def test_a_dead_channel_is_one_constant_stretch():
    assert constant(np.zeros(700, "f4"), 100) == [(0, 700)]


@given(st.lists(st.booleans(), max_size=60))
def test_runs_cover_exactly_the_true_ones(true):
    true = np.array(true, bool)
    again = np.zeros(len(true), bool)
    for first, stop in zip(*runs(true), strict=True):
        assert stop > first
        assert not again[max(first - 1, 0) : stop].any()
        again[first:stop] = True
    assert (again == true).all()


def test_recorded_faults_are_found_and_recorded_motion_is_not(recordings):
    def judged(name, rule):
        return [rule(t.data.astype("f4"), t.stats.sampling_rate) for t in obspy.read(recordings / name)]

    swarm = "st_helens_2004/UW.{}..EHZ.20040924T00-02.mseed"
    redoubt = judged("redoubt_2009/AV.RSO..EHZ.2009079.mseed", spikes)
    assert redoubt[2] == [(27000, 27200)]  # 268435456, sent for two seconds of lost samples
    assert sum(map(len, redoubt)) == 3
    assert judged(swarm.format("HSR"), spikes)[0] == [(229758, 229759)]
    for station in ("JUN", "SHW", "SOS", "STD"):
        assert not any(judged(swarm.format(station), spikes))
        assert not any(judged(swarm.format(station), clipping))
    for station in ("EDM", "YEL", "SEP"):
        assert all(judged(swarm.format(station), clipping))
    assert len(judged("single_volcanic_events/HV.BYL..HHZ.20081112T015745.mseed", clipping)[0]) == 6
    for rule in (spikes, clipping, constant):
        assert not any(judged("mbar_2021/II.MBAR.00.BHZ.2021140.mseed", rule))
