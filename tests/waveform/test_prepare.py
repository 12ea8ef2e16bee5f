"""Preparation as a whole: selection, locality, linearity, gaps, recorded data against obspy."""

import pickle

import numpy as np
import obspy
import pytest
from benchmarks.prepare_against_obspy import compare
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from obspy import Stream, Trace, UTCDateTime
from scipy import signal

from tremorlab.errors import WaveformError
from tremorlab.study import Preparation
from tremorlab.waveform.prepare import Flag, prepare, reach_s

START = UTCDateTime("2011-02-15T23:30:00.123456Z")
DEFAULT = Preparation()
REACH_S = reach_s(DEFAULT)


def motion(count, seed=0, amplitude=300.0):
    white = np.random.default_rng(seed).standard_normal(count + 8)
    return np.round(amplitude * np.convolve(white, np.ones(9) / 3, "valid") + 2000).astype("i4")


def trace(data, after_s=0.0, rate_hz=100.0, seed_id="XX.TRM..EHZ"):
    network, station, location, channel = seed_id.split(".")
    header = {"network": network, "station": station, "location": location, "channel": channel}
    return Trace(data, header | {"sampling_rate": rate_hz, "starttime": START + after_s})


def prepared(stream, first_s, last_s, components="Z", settings=DEFAULT):
    return prepare(stream, START + first_s, START + last_s, components=components, settings=settings)


def relative(difference, of):
    return np.abs(difference).max() / np.abs(of).max()


# What comes back


def test_the_grid_starts_where_asked_and_has_the_length_asked():
    result = prepared([trace(motion(30_000))], 60, 60 + 163.84)
    assert result.data.shape == (1, 4096)
    assert result.data.dtype == np.float32
    assert result.valid.shape == (4096,)
    assert result.valid.all()
    assert result.start == START + 60
    assert (result.sampling_rate_hz, result.components, result.flags) == (25.0, "Z", [])


@pytest.mark.parametrize("frequency", [0.8, 3.0, 8.0])
@pytest.mark.parametrize("rate_hz", [40, 100, 104.08, 250])
def test_ground_motion_comes_out_at_the_output_instants(rate_hz, frequency):
    times = np.arange(int(120 * rate_hz)) / rate_hz
    record = trace(1e6 + 1e4 * np.sin(2 * np.pi * frequency * times), 0.0019, rate_hz)
    result = prepared([record], 30, 90)
    expected = 1e4 * np.sin(2 * np.pi * frequency * (30 + np.arange(1500) / 25 - 0.0019))
    assert relative(result.data[0] - expected, expected) < 3e-4


@pytest.mark.parametrize("encoding", ["i2", "i4", "f4", "f8", ">i4", "u2"])
def test_every_encoding_gives_the_same(encoding):
    data = motion(20_000)
    data = np.clip(data, 0, 30_000)
    expected = prepared([trace(data)], 60, 120).data
    assert_allclose(prepared([trace(data.astype(encoding))], 60, 120).data, expected, atol=1e-3)


def test_components_are_selected_by_letter_whatever_the_order_and_the_merge():
    channels = {letter: motion(20_000, seed) for seed, letter in enumerate("ZNE")}
    expected = {letter: prepared([trace(data)], 60, 120).data[0] for letter, data in channels.items()}
    traces = [
        trace(data[a:b], a / 100, seed_id=f"XX.TRM..EH{letter}")
        for letter, data in channels.items()
        for a, b in ((0, 9000), (9000, 20_000))
    ]
    for seed in range(6):
        stream = Stream([traces[k] for k in np.random.default_rng(seed).permutation(6)])
        if seed % 2:
            stream = stream.copy().merge()
        for components in ("ZNE", "EZN", "N"):
            result = prepared(stream, 60, 120, components)
            for row, letter in zip(result.data, components, strict=True):
                assert_allclose(row, expected[letter], atol=1e-3)


def test_the_stream_is_not_changed():
    stream = Stream([trace(motion(20_000)), trace(np.ma.masked_less(motion(20_000), 1000), 210)])
    before = pickle.dumps(stream)
    prepared(stream, 60, 300)
    assert pickle.dumps(stream) == before


def test_flags_are_plain_records():
    flag = Flag("gap", "XX.TRM..EHZ", START, START + 1, "1.00 s missing")
    assert pickle.loads(pickle.dumps(flag)) == flag


# Locality, linearity, shifts


def faulty(seed):
    """Ten minutes with gaps, clock tears, a spike, overlaps and lost numbers, at two rates."""
    rng = np.random.default_rng(seed)
    rates = rng.choice([40.0, 62.5, 100.0, 104.08], 3)
    traces, after_s = [], 0.0
    for k, rate_hz in enumerate(rates):
        data = motion(int(200 * rate_hz), seed + k).astype("f8")
        for first in rng.integers(1000, len(data) - 1000, 3):
            data[first : first + rng.integers(1, 40)] = np.nan
        data[rng.integers(1000, len(data) - 1000)] = 1e8
        traces.append(trace(data, after_s, rate_hz))
        cut = int(rng.integers(5000, 7000))
        again = data[cut : cut + 600].copy()
        again[300] += k
        traces.append(trace(again, after_s + cut / rate_hz, rate_hz))
        after_s += len(data) / rate_hz + rng.choice([-0.4 / rate_hz, 0, 0.3 / rate_hz, 0.5, 30.0])
    return Stream([traces[k] for k in rng.permutation(len(traces))])


@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), chunk_s=st.sampled_from([20, 47, 163.84]), corner=st.sampled_from([0, 0.2, 1.0]))
@example(seed=112, chunk_s=20, corner=0.2)
def test_chunk_by_chunk_equals_all_at_once(seed, chunk_s, corner):
    chosen = Preparation(highpass_hz=corner)
    reach = reach_s(chosen)
    stream = faulty(seed)
    whole = prepared(stream, -5, 655, settings=chosen)
    data, valid = [], []
    for first in np.arange(-5, 655, chunk_s):
        last = min(first + chunk_s, 655)
        part = prepared(stream.slice(START + first - reach, START + last + reach), first, last, settings=chosen)
        data.append(part.data)
        valid.append(part.valid)
    assert_array_equal(np.concatenate(valid), whole.valid)
    assert relative(np.concatenate(data, axis=1) - whole.data, whole.data) < 1e-6


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), a=st.floats(-3, 3), rate_hz=st.sampled_from([20, 50, 75.19, 100, 250]))
def test_linear(seed, a, rate_hz):
    x, y = (motion(int(120 * rate_hz), seed + k).astype("f8") for k in (0, 1))
    one, two, both = (prepared([trace(data, rate_hz=rate_hz)], 30, 90).data for data in (x, y, a * x + y))
    assert np.abs(both - a * one - two).max() < 2e-6 * max(np.abs(one).max(), np.abs(two).max()) * (1 + abs(a))


@settings(max_examples=15, deadline=None)
@given(samples=st.integers(-700, 700), rate_hz=st.sampled_from([20, 40, 100, 104.08]))
def test_a_shift_by_whole_output_samples_shifts_the_result(samples, rate_hz):
    record = [trace(motion(int(300 * rate_hz)), rate_hz=rate_hz)]
    whole = prepared(record, 60, 180).data
    part = prepared(record, 120 + samples / 25, 130 + samples / 25).data
    assert relative(part - whole[:, 1500 + samples : 1750 + samples], whole) < 1e-6


def test_two_day_files_equal_one_record_across_midnight():
    midnight = UTCDateTime("2011-02-16T00:00:00Z")
    one = trace(motion(120_000), midnight - 600 - START)
    whole = prepare([one], midnight - 300, midnight + 300, components="Z", settings=DEFAULT)
    days = Stream([one.slice(midnight, midnight + 600), one.slice(midnight - 600, midnight - 0.01)])
    parts = prepare(days, midnight - 300, midnight + 300, components="Z", settings=DEFAULT)
    assert relative(parts.data - whole.data, whole.data) < 1e-6
    assert parts.flags == whole.flags == []


def test_motion_beyond_reach_has_no_effect():
    data = motion(60_000)
    other = data.copy()
    reach = int(REACH_S * 100) + 1
    other[: 20_000 - reach] = other[40_000 + reach :] = motion(60_000, 7)[:1]
    one, two = (prepared([trace(x)], 200, 400).data for x in (data, other))
    assert relative(one - two, one) < 1e-6


def test_reach_grows_with_what_it_must_cover():
    assert pytest.approx(reach_s(Preparation(max_gap_s=5.0)) - 4) == REACH_S
    assert reach_s(Preparation(highpass_hz=0.1)) > REACH_S > reach_s(Preparation(highpass_hz=0)) > 8
    assert reach_s(Preparation(output="velocity")) == pytest.approx(REACH_S + 25)
    assert REACH_S < 60  # what `fetch` takes along by default


# Gaps and missing things


def test_a_long_gap_is_masked_with_the_filters_reach_and_named():
    data = motion(60_000)
    result = prepared([trace(data[:20_000]), trace(data[23_000:], 230)], 100, 400)
    times = 100 + np.arange(7500) / 25
    hidden = times[~result.valid]
    assert 199.3 < hidden.min() < 199.5
    assert 230.5 < hidden.max() < 230.7
    assert not result.data[:, ~result.valid].any()
    (flag,) = result.flags
    assert (flag.kind, flag.seed_id, flag.detail) == ("gap", "XX.TRM..EHZ", "30.00 s missing")
    assert (flag.start, flag.end) == (START + 200, START + 230)


def test_an_offset_across_a_gap_does_not_ring():
    data = motion(60_000, amplitude=1) + 1_000_000
    whole = prepared([trace(data)], 100, 400)
    cut = prepared([trace(data[:20_000]), trace(data[23_000:] + 500_000, 230)], 100, 400)
    beside = cut.valid & whole.valid
    assert np.abs(cut.data[0, beside]).max() < 1.5 * np.abs(whole.data).max()


def test_a_filled_gap_stays_valid_and_away_from_it_nothing_changes():
    data = motion(60_000)
    result = prepared([trace(data[:30_000]), trace(data[30_050:], 300.5)], 100, 500)
    whole = prepared([trace(data)], 100, 500)
    assert result.valid.all()
    assert [flag.kind for flag in result.flags] == ["filled_gap"]
    far = np.abs(np.arange(10_000) / 25 - 200.25) > REACH_S
    assert relative((result.data - whole.data)[:, far], whole.data) < 1e-6


def test_record_ends_are_named_with_what_is_lost():
    result = prepared([trace(motion(6000))], -10, 70)
    begins, ends = result.flags
    assert begins.kind == ends.kind == "gap"
    assert (begins.start, begins.end) == (START - 10, START)
    assert "the record begins at 2011-02-15T23:30:00.123456Z, 10.59 s lost" in begins.detail
    assert "the record ends at 2011-02-15T23:31:00.123456Z, 10.5" in ends.detail
    assert np.flatnonzero(result.valid)[0] == 250 + 15


@pytest.mark.parametrize("there", ["", "XX.TRM..EHN"])
def test_a_missing_component_is_named_and_zero(there):
    stream = [trace(motion(20_000), seed_id=name) for name in ("XX.TRM..EHE", there) if name]
    result = prepared(stream, 60, 120, "ZNE")
    assert not result.valid.any()
    assert not result.data[0].any()
    assert result.data[2].any()
    missing = [flag for flag in result.flags if flag.kind == "missing_component"]
    assert [flag.seed_id for flag in missing] == (["Z"] if there else ["N", "Z"])
    assert missing[0].detail == "no such channel in the stream"


def test_an_empty_stream_and_a_record_of_gaps_are_all_invalid():
    for stream in (
        Stream(),
        [trace(np.full(20_000, np.nan))],
        [trace(np.zeros(0, "i4"), 70)],
        [trace(motion(500), 5000)],
    ):
        result = prepared(stream, 60, 120)
        assert not result.valid.any()
        assert not result.data.any()
        assert "missing_component" in {flag.kind for flag in result.flags}


def test_one_invalid_component_makes_the_instant_invalid_and_leaves_the_others():
    data = motion(30_000)
    stream = [
        trace(data),
        trace(data[:12_000], seed_id="XX.TRM..EHN"),
        trace(data[14_000:], 140, seed_id="XX.TRM..EHN"),
    ]
    result = prepared(stream, 60, 240, "ZN")
    assert 500 < np.count_nonzero(~result.valid) < 540
    assert result.data[0, ~result.valid].all()
    assert not result.data[1, ~result.valid].any()


def test_twenty_hertz_is_upsampled_and_its_narrow_band_named():
    times = np.arange(4000) / 20
    result = prepared([trace(1000 * np.sin(2 * np.pi * 8 * times), rate_hz=20.0)], 60, 120)
    expected = 1000 * np.sin(2 * np.pi * 8 * (60 + np.arange(1500) / 25))
    assert relative(result.data[0] - expected, expected) < 1e-3
    (flag,) = result.flags
    assert (flag.kind, flag.detail) == ("band_limit", "recorded at 20 Hz: flat to 9 Hz, nothing above 10 Hz")


def test_faults_outside_the_stretch_are_not_reported():
    data = motion(60_000)
    data[2000] = 10**8
    stream = [trace(data[:40_000]), trace(data[45_000:], 450)]
    assert [flag.kind for flag in prepared(stream, 100, 350).flags] == []
    assert [flag.kind for flag in prepared(stream, 10, 420).flags] == ["filled_gap", "spike", "gap"]


def test_without_a_high_pass_the_offset_stays():
    result = prepared([trace(np.full(20_000, 123_456, "i4"))], 60, 120, settings=Preparation(highpass_hz=0))
    assert_allclose(result.data, 123_456, rtol=1e-7)
    assert [flag.kind for flag in result.flags] == ["constant"]


@pytest.mark.parametrize("rate_hz", [10.0, 20.0, 50.0])
def test_other_output_rates(rate_hz):
    record = obspy.read()[0]
    start = record.stats.starttime + 8
    chosen = Preparation(sampling_rate_hz=rate_hz, highpass_hz=0.5)
    result = prepare([record], start, start + 10, components="Z", settings=chosen)
    exact = signal.resample(record.data[800:1900].astype("f8"), int(11 * 20 * rate_hz))
    assert result.data.shape == (1, int(10 * rate_hz))
    assert exact.size
    assert result.valid.all()


# Bad input


def refused(match, stream=(), first_s=0.0, last_s=60.0, components="Z", settings=DEFAULT):
    with pytest.raises(WaveformError, match=match):
        prepared(stream, first_s, last_s, components, settings)


@pytest.mark.parametrize("last_s", [0.0, -10.0, 0.01, 1e10])
def test_a_stretch_without_or_with_too_many_samples_is_refused(last_s):
    refused(r"2011-02-15T23:30:00.123456Z to .* samples wanted, not 1 to 100000000.*pieces", last_s=last_s)


@pytest.mark.parametrize("components", ["", "ZZ", "ZNZ"])
def test_no_or_repeated_components_are_refused(components):
    refused(rf"components '{components}' are none or repeat a letter.*once", components=components)


@pytest.mark.parametrize("rate_hz", [0.5, 501])
def test_output_rates_outside_the_limits_are_refused(rate_hz):
    refused(rf"output rate {rate_hz:g} Hz is not within 1-500 Hz", settings=Preparation(sampling_rate_hz=rate_hz))


@pytest.mark.parametrize("corner", [0.001, 7.0])
def test_corners_outside_the_limits_are_refused(corner):
    refused(rf"corner {corner:g} Hz is neither 0 nor within 0.005-6.25 Hz", settings=Preparation(highpass_hz=corner))


@pytest.mark.parametrize("other", ["XX.TRM.10.EHZ", "XX.TRM..BHZ", "YY.TRM..EHZ", "XX.TRN..EHZ"])
def test_two_instruments_for_one_component_are_refused_by_name(other):
    stream = [trace(motion(9000)), trace(motion(9000), seed_id=other)]
    first, second = sorted(["XX.TRM..EHZ", other])
    refused(rf"component Z, 2011.*recorded by 2 instruments: {first}, {second}.*stream\.select\(id='{first}'", stream)


def test_components_of_different_stations_are_refused_by_name():
    stream = [trace(motion(9000)), trace(motion(9000), seed_id="XX.FAR..EHN")]
    refused(r"components ZN, .*2 stations: XX\.FAR, XX\.TRM.*stream\.select\(station='FAR'\)", stream, components="ZN")


def test_another_instrument_at_another_time_does_no_harm():
    stream = [trace(motion(20_000)), trace(motion(20_000), 5000, seed_id="XX.TRM.10.EHZ")]
    assert prepared(stream, 60, 120).valid.all()


@pytest.mark.parametrize("rate_hz", [1.0, 19.5, 1000.0])
def test_rates_outside_the_limits_are_refused_with_trace_and_time(rate_hz):
    refused(
        rf"XX\.TRM\.\.EHZ 2011-02-15T23:30.*{rate_hz:g} Hz is not within 20-500 Hz", [trace(motion(900), 0, rate_hz)]
    )


def test_text_channels_are_refused():
    text = np.frombuffer(b"station opened" * 100, "S1")
    refused("not a series of numbers.*Leave this channel out", [trace(text, seed_id="XX.TRM..LOZ")])


# Recorded data


def test_every_recording_agrees_with_obspy(recordings):
    files = sorted(recordings.glob("*/*.mseed"))
    assert len(files) == 18
    for file in files:
        result = compare(file, longest_s=3600)
        assert result.difference < 0.001, result.row()
        assert abs(result.delay_s) < 2e-6, result.row()


def test_the_telemetry_spike_at_redoubt_is_named_and_leaves_no_trace(recordings):
    stream = obspy.read(recordings / "redoubt_2009/AV.RSO..EHZ.2009079.mseed")
    start = UTCDateTime("2009-03-20T17:55:00Z")
    result = prepare(stream, start, start + 163.84, components="Z", settings=DEFAULT)
    gap, spike = result.flags
    assert (gap.kind, gap.detail, spike.kind) == ("gap", "2.00 s missing", "spike")
    assert spike.detail == "200 samples at 268435456, discarded"
    assert spike.start == UTCDateTime("2009-03-20T17:56:04.010500Z")
    assert np.abs(result.data).max() < 3000
    assert 2.9 < np.count_nonzero(~result.valid) / 25 < 3.3


def test_an_archive_of_triggered_segments_with_as_many_rates(recordings):
    stream = obspy.read(recordings / "st_helens_1980/UW.SHW..EHZ.1980-03-22_04-04.mseed")
    start = stream[0].stats.starttime - 10
    with pytest.raises(WaveformError, match=r"2 instruments: UW\.SHW\.\.EHZ, UW\.SHW\.\.SHZ"):
        prepare(stream, start, start + 86_400, components="Z", settings=DEFAULT)
    stream = stream.select(channel="EHZ")
    result = prepare(stream, start, start + 86_400, components="Z", settings=DEFAULT)
    seconds = sum(t.stats.npts / t.stats.sampling_rate for t in stream if t.stats.starttime < start + 86_400)
    assert 0.9 * seconds < np.count_nonzero(result.valid) / 25 < seconds
    assert "mixed_rate" in {flag.kind for flag in result.flags}
