"""From traces to chains: masks, overlaps, gaps, and what is refused."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from obspy import Trace, UTCDateTime

from tremorlab.errors import WaveformError
from tremorlab.waveform.segments import chains

START = UTCDateTime("2011-02-15T23:59:00Z")


def motion(count, seed=0):
    return np.round(np.random.default_rng(seed).standard_normal(count) * 300 + 5000).astype("i4")


def trace(data, after_s=0.0, rate_hz=100.0, channel="EHZ"):
    header = {"network": "XX", "station": "TRM", "channel": channel, "sampling_rate": rate_hz}
    return Trace(data, header | {"starttime": START + after_s})


def linked(traces, max_gap_s=1.0, first_s=-100.0, last_s=1000.0):
    """Chains as lists of (start after START, samples), with the reference added, and flags."""
    found, reference, flags = chains(traces, (START + first_s).ns, (START + last_s).ns, max_gap_s)
    return [
        [((segment.start_ns - START.ns) / 1e9, segment.samples + np.float32(reference)) for segment in chain]
        for chain in found
    ], flags


def test_contiguous_pieces_become_one_segment_in_any_order():
    data = motion(3000)
    pieces = [trace(data[:1000]), trace(data[1000:1700], 10), trace(data[1700:], 17)]
    for order in itertools.permutations(pieces):
        ((joined,),), flags = linked(order)
        assert joined[0] == 0
        assert_array_equal(joined[1], data)
        assert flags == []


def test_traces_are_not_changed():
    data = motion(2000).astype("f4")
    data[700] = np.nan
    data[1200] = 1e9
    original = trace(data.copy())
    linked([original])
    assert_array_equal(original.data, data)


def test_identical_overlaps_merge_silently_in_any_order():
    data = motion(3000)
    pieces = [trace(data[:1500]), trace(data[1000:2500], 10), trace(data[1200:1400], 12), trace(data[1400:], 14)]
    for order in itertools.permutations(pieces):
        ((joined,),), flags = linked(order)
        assert_array_equal(joined[1], data)
        assert flags == []


def test_a_file_given_twice_counts_once():
    data = motion(1000)
    ((joined,),), flags = linked([trace(data), trace(data.copy())])
    assert_array_equal(joined[1], data)
    assert flags == []


def test_disagreeing_overlaps_are_discarded_in_any_order():
    data = motion(4000)
    other = data[1000:3000].copy()
    other[300:500] += 1
    for order in itertools.permutations([trace(data), trace(other, 10)]):
        found, flags = linked(order)
        (before,), (after,) = found
        assert_array_equal(before[1], data[:1200])  # a second is left free on both sides
        assert after[0] == 16.0
        assert_array_equal(after[1], data[1600:])
        assert [flag.kind for flag in flags] == ["overlap", "gap"]
        assert flags[0].detail == "two segments disagree, 400 samples discarded"
        assert (flags[0].start, flags[0].end) == (START + 10, START + 30)


def test_a_third_segment_does_not_settle_a_dispute():
    data = motion(3000)
    other = data[1000:2000] + 7
    found, flags = linked([trace(data), trace(other, 10), trace(data[1200:1500], 12)])
    assert [round(piece[0], 6) for chain in found for piece in chain] == [0.0, 20.0]
    assert [flag.kind for flag in flags] == ["overlap", "gap"]


def test_overlaps_between_samples_or_rates_cannot_be_compared():
    data = motion(3000)
    for other in (trace(data[1000:], 10.005), trace(data[1000:2000], 10, rate_hz=50.0)):
        _, flags = linked([trace(data[:2000]), other])
        assert "overlap" in [flag.kind for flag in flags]


def test_clock_tears_below_half_a_sample_keep_their_times():
    data = motion(2000)
    ((first, second),), flags = linked([trace(data[:1000]), trace(data[1000:], 10.003)])
    assert (first[0], second[0]) == (0.0, 10.003)
    ((first, second),), _ = linked([trace(data[:1000]), trace(data[1000:], 9.996)])
    assert second[0] == 9.996
    assert flags == []


@pytest.mark.parametrize("lost", [1, 7, 100])
def test_short_gaps_are_filled_by_a_straight_line(lost):
    data = np.r_[motion(1000), motion(1000, 1)]
    ((joined,),), (flag,) = linked([trace(data[:1000]), trace(data[1000:], 10 + lost / 100)])
    expected = np.linspace(data[999], data[1000], lost + 2)[1:-1]
    assert_allclose(joined[1][1000 : 1000 + lost], expected, rtol=1e-6)
    assert_array_equal(joined[1][1000 + lost :], data[1000:])
    assert flag.kind == "filled_gap"
    assert flag.seed_id == "XX.TRM..EHZ"
    assert flag.detail == f"{lost / 100:.2f} s missing, filled by a straight line"
    assert flag.end - flag.start == pytest.approx(lost / 100)


def test_a_gap_longer_than_the_limit_splits_the_chain():
    data = motion(2000)
    found, (flag,) = linked([trace(data[:1000]), trace(data[1000:], 11.01)])
    assert len(found) == 2
    assert (flag.kind, flag.detail) == ("gap", "1.01 s missing")
    assert (flag.start, flag.end) == (START + 10, START + 11.01)
    assert len(linked([trace(data[:1000]), trace(data[1000:], 10.01)], max_gap_s=0)[0]) == 2


def test_masked_samples_are_gaps():
    data = np.ma.masked_array(motion(2000), np.zeros(2000, bool))
    data[500:510] = np.ma.masked
    data[1000:1300] = np.ma.masked
    found, flags = linked([trace(data)])
    assert [len(piece[1]) for chain in found for piece in chain] == [1000, 700]
    assert [flag.kind for flag in flags] == ["filled_gap", "gap"]
    assert linked([trace(np.ma.masked_all(100, "i4"))]) == ([], [])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e35])
def test_numbers_that_are_not_finite_are_gaps(bad):
    data = motion(2000).astype("f8")
    data[[700, 702]] = bad
    ((joined,),), flags = linked([trace(data)])
    assert_allclose(joined[1][700], (data[699] + data[701]) / 2, rtol=1e-6)
    assert [flag.kind for flag in flags] == ["non_finite", "filled_gap", "filled_gap"]
    assert flags[0].detail == "2 samples are not finite numbers below 1e+30"
    assert (flags[0].start, flags[0].end) == (START + 7, START + 7.03)


def test_a_spike_is_replaced_by_a_line_and_named():
    data = motion(2000)
    data[800] = 268435456
    ((joined,),), flags = linked([trace(data)])
    assert_allclose(joined[1][800], (data[799] + data[801]) / 2, rtol=1e-6)
    assert [flag.kind for flag in flags] == ["spike", "filled_gap"]
    assert flags[0].detail == "1 sample at 268435456, discarded"


def test_clipped_and_dead_stretches_are_kept_and_named():
    data = motion(20_000)
    data[3000:4000] = np.clip((data[3000:4000] - 5000) * 20, -90_000, 8_000)
    data[15_000:15_400] = 4000
    ((joined,),), flags = linked([trace(data)])
    assert_array_equal(joined[1], data)
    clipped = np.count_nonzero(data == 8_000)
    places = np.count_nonzero(np.diff(data == 8_000)) // 2
    assert clipped > 50
    assert [(flag.kind, flag.detail) for flag in flags] == [
        ("clipping", f"{clipped} samples at 8000 in {places} places, kept"),
        ("constant", "400 samples at 4000, kept"),
    ]


def test_mixed_rates_are_named():
    pieces = [trace(motion(500, k), 10.0 * k, rate_hz=50.0 + k) for k in range(6)]
    _, flags = linked(pieces)
    assert flags[0].kind == "mixed_rate"
    assert flags[0].detail == "50, 51, 52, 53, ... Hz"


def test_only_the_stretch_asked_for_is_looked_at():
    data = motion(5000).astype("f8")
    data[:900] = np.nan
    ((joined,),), flags = linked([trace(data)], first_s=20, last_s=30)
    assert joined[0] == 20
    assert_array_equal(joined[1], np.float32(data[2000:3000]))
    assert flags == []
    assert linked([trace(data)], first_s=60, last_s=70) == ([], [])


def test_small_motion_on_a_large_offset_survives_single_precision():
    data = 2**30 + np.round(20 * np.sin(np.arange(3000) / 5)).astype("i4")
    found, reference, _ = chains([trace(data)], START.ns, (START + 100).ns, 1.0)
    assert_array_equal(found[0][0].samples.astype("f8") + reference, data)


@pytest.mark.parametrize("rate_hz", [19.9, 500.1, 1.0, 0.0, 8000.0])
def test_rates_outside_the_limits_are_refused(rate_hz):
    odd = trace(motion(100))
    odd.stats.sampling_rate = rate_hz
    with pytest.raises(
        WaveformError, match=rf"XX\.TRM\.\.EHZ 2011.*rate {rate_hz:g} Hz is not within 20-500 Hz.*another"
    ):
        linked([odd])


@pytest.mark.parametrize("data", [np.array(list("abc")), np.ones(50, "c8"), np.array([True] * 9), np.array([None] * 5)])
def test_samples_that_are_not_numbers_are_refused(data):
    with pytest.raises(
        WaveformError, match=r"XX\.TRM\.\.LOG .*1-dimensional .* not a series of numbers.*out of the stream"
    ):
        linked([trace(data, channel="LOG")])


def test_a_table_of_samples_is_refused():
    odd = trace(motion(100))
    odd.__dict__["data"] = np.zeros((10, 3))
    with pytest.raises(WaveformError, match="2-dimensional float64"):
        linked([odd])
