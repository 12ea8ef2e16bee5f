"""Packets in any order, twice, late, with holes, steps of the clock and changes of rate."""

import numpy as np
import pytest
from obspy import Stream, Trace, UTCDateTime

from tremorlab.live.ring import Ring
from tremorlab.waveform.sources import StreamSource

START, RATE = UTCDateTime("2011-02-15T23:59:00.123"), 50.0


def packets(seconds=60, rate=RATE, start=START, size=77, seed=0, channel="HHZ"):
    samples = np.random.default_rng(seed).integers(-1000, 1000, round(seconds * rate)).astype("i4")
    header = {"network": "XX", "station": "AAA", "channel": channel, "sampling_rate": rate}
    return [
        Trace(samples[first : first + size], header | {"starttime": start + first / rate})
        for first in range(0, len(samples), size)
    ]


def ring(components="Z"):
    return Ring("XX.AAA.", components, START)


def filled(traces, **options):
    made = ring(**options)
    return made, [made.add(trace) for trace in traces]


def as_archived(traces):
    """What an archive gives: segments that continue each other put together."""
    return Stream([trace.copy() for trace in traces]).merge(-1)


def equal(found, wanted):
    assert [(t.id, t.stats.starttime, t.stats.sampling_rate, t.stats.npts) for t in found] == [
        (t.id, t.stats.starttime, t.stats.sampling_rate, t.stats.npts) for t in wanted
    ]
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one.data, other.data)


@pytest.mark.parametrize("seed", range(4))
def test_any_order_gives_what_an_archive_gives(seed):
    traces = packets()
    order = np.random.default_rng(seed).permutation(len(traces))
    made, said = filled([traces[k] for k in order])
    assert set(said) == {"new"}
    source = StreamSource(as_archived(traces))
    for begin, end in ((0, 60), (3.3, 17.77), (59, 70), (-5, 1)):
        wanted = source.get("XX.AAA..HH?", START + begin, START + end)
        equal(made.get("XX.AAA..HH?", START + begin, START + end), wanted)
    made.advance(0)
    assert made.frontier_ns == (START + 60).ns


def test_twice_and_again_cut_otherwise():
    traces = packets()
    made, _ = filled(traces)
    assert [made.add(trace) for trace in traces[3:6]] == ["duplicate"] * 3
    other = Trace(traces[7].data[5:50], dict(traces[7].stats) | {"starttime": traces[7].stats.starttime + 0.1})
    assert made.add(other) == "new"
    found = made.get("XX.AAA..HHZ", START, START + 60)
    assert sum(len(trace) for trace in found) == 3000 + 45
    made.advance(0)
    assert made.frontier_ns == (START + 60).ns


def test_a_hole_is_waited_for_until_it_is_given_up():
    traces = packets()
    late = traces.pop(10)
    made, _ = filled(traces)
    made.advance(0)
    assert made.frontier_ns == late.stats.starttime.ns
    inside = (late.stats.starttime + 0.5).ns
    made.advance(inside)
    assert made.frontier_ns == inside
    made.advance(traces[10].stats.starttime.ns)
    assert made.frontier_ns == (START + 60).ns
    assert made.add(late) == "late"
    equal(made.get("XX.AAA..HHZ", START, START + 60), as_archived([*traces, late]))


def test_a_packet_that_fills_a_hole_in_time():
    traces = packets()
    late = traces.pop(10)
    made, _ = filled(traces)
    made.advance(0)
    assert made.add(late) == "new"
    made.advance(0)
    assert made.frontier_ns == (START + 60).ns


def test_every_component_is_waited_for():
    made, _ = filled(packets(), components="ZN")
    made.advance(0)
    assert made.frontier_ns == START.ns
    for trace in packets(30, channel="HHN", seed=1):
        made.add(trace)
    made.advance(0)
    assert made.frontier_ns == (START + 30).ns
    made.advance((START + 45).ns)
    assert made.frontier_ns == (START + 45).ns
    assert made.rates_hz == [50.0, 50.0]


def test_a_step_of_the_clock_and_a_change_of_rate_begin_a_new_trace():
    first = packets(20)
    for later in (
        packets(20, start=START + 20.5),
        packets(20, start=START + 20, rate=100.0),
        packets(20, start=START + 19),
    ):
        made, _ = filled(first + later)
        found = made.get("XX.AAA..HHZ", START, START + 60)
        equal(found, [*as_archived(first), *as_archived(later)])


def test_times_that_jitter_by_less_than_half_a_sample_are_one_trace():
    traces = packets()
    for k, trace in enumerate(traces):
        trace.stats.starttime += 0.004 * (k % 3 - 1) * (k > 0)
    made, _ = filled(traces)
    (found,) = made.get("XX.AAA..HHZ", START, START + 60)
    assert (found.stats.starttime, found.stats.npts) == (START, 3000)
    made.advance(0)
    assert made.frontier_ns == (START + 60).ns


def test_what_is_forgotten_is_gone():
    made, _ = filled(packets())
    made.forget(START + 30)
    (found,) = made.get("XX.AAA..HHZ", START, START + 60)
    assert START + 28 < found.stats.starttime <= START + 30


def test_what_are_no_samples_is_refused():
    made = ring()
    text = packets()[0]
    text.data = np.frombuffer(b"a log record", "|S1")
    assert made.add(text) == "refused"
    empty = packets()[0]
    empty.data = np.zeros(0, "i4")
    assert made.add(empty) == "refused"
    assert list(made.get("XX.AAA..HHZ", START, START + 60)) == []
    assert made.rates_hz == []
