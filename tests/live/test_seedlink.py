"""A watch over SeedLink gives what the archive gives, whatever the server does to it."""

import logging

import numpy as np
import pandas as pd
import pytest
from obspy import UTCDateTime

from tests.live.conftest import RULE, START, STATIONS
from tests.live.server import disordered, eventually, free_port, records, seedlink
from tests.live.test_watch import opened, probabilities
from tremorlab.detect.continuous import annotate
from tremorlab.detect.events import associate, detections
from tremorlab.detect.measure import AROUND_S, measure
from tremorlab.errors import ParameterError, WaveformError
from tremorlab.live.seedlink import SeedLink
from tremorlab.live.station import Codes
from tremorlab.live.watch import Watch
from tremorlab.waveform.files import SDSSource

#: The record goes on for as long as an event before the end is measured in.
END = START + 1300

FAULTS = [("drop", 40), ("stall", 60), ("end", 10), ("rubbish", 3)]


@pytest.fixture(scope="module")
def expected(root, detector_of):
    """Probabilities and events, by the same functions on the archive."""
    detector, source, values, found = detector_of("waveform"), SDSSource(root), {}, []
    for seed_id in STATIONS:
        annotation = annotate(source, seed_id, START, END, detector)
        values[annotation.station] = annotation.probabilities
        for each in detections(annotation, RULE):
            found.append(measure(each, source, "HH?", "Z", detector.about.preparation))
    return values, associate(found, RULE)[0]


def link(port, **options):
    # A slow machine may be silent for long: no connection is given up for that, unless a test is about it.
    fast = {"stall_s": 300.0, "backoff_s": (0.05, 0.2), "settle_s": 0.3}
    return SeedLink(f"127.0.0.1:{port}", "Z", **fast | options)


def watch(feed, model, out, **options):
    return Watch(feed, model, out, STATIONS, start=START, end=END, rule=RULE, **options)


@pytest.mark.parametrize("faults", [(), FAULTS], ids=["plain", "faults"])
def test_the_result_is_that_of_the_archive(traces, model, tmp_path, expected, faults):
    content = records(traces)
    if faults:
        content = disordered(content)
    with seedlink(content, faults) as (port, log):
        feed = link(port, **{"stall_s": 3.0} if faults else {})
        done = watch(feed, model, tmp_path)
        done.run()
    state = opened(done)
    for station, values in expected[0].items():
        np.testing.assert_allclose(probabilities(state, station)[1], values, atol=1e-5)
    assert len(expected[1]) >= 2
    pd.testing.assert_frame_equal(state.events(), expected[1])
    assert feed.connections >= len(faults)
    assert "SELECT HHZ" in log
    first = next(line.split()[1] for line in log if line.startswith("TIME"))
    asked = UTCDateTime(*map(int, first.split(",")))
    # From the first window on, and what an event in it is measured in, but not much more.
    assert START - 240 < asked < START - 15.36 - AROUND_S
    health = state.stations()["XX.AAA."]["health"]
    assert (health["duplicate"] > 10) == bool(faults)
    assert health["newest"].startswith("2011-02-16T00:1")


def test_a_server_that_is_away_is_waited_for(traces, model, caplog):
    port, got = free_port(), []
    feed = link(port)
    since = {Codes.parse(text): START for text in STATIONS}
    batches = feed.batches(since)
    with caplog.at_level(logging.WARNING, "tremorlab.live.seedlink"):
        assert eventually(lambda: next(batches) and len(caplog.records) >= 3)
    assert feed.state().startswith("not connected: cannot connect to SeedLink server")
    waits = [record.args[-1] for record in caplog.records[:4]]
    assert waits[:3] == [0.05, 0.1, 0.2]
    with seedlink(records(traces), info=False, port=port):
        assert eventually(lambda: got.extend(next(batches).traces) or len(got) > 100)
        assert feed.state() == f"connected to 127.0.0.1:{port}"
        assert eventually(lambda: next(batches).clock_ns is not None)
    batches.close()


def test_what_lies_in_the_future_is_refused(traces, model):
    ahead = traces[0].copy()
    ahead.stats.starttime = UTCDateTime() + 3600
    with seedlink(records([ahead]), info=False) as (port, _):
        feed = link(port)
        batches = feed.batches({Codes.parse("XX.AAA..HHZ"): UTCDateTime()})
        assert eventually(lambda: next(batches) and feed.refused > 3)
        batches.close()


def test_a_damaged_packet_is_refused_and_the_stream_goes_on(traces):
    content = [record for record in records(traces) if record.station == "AAA"]
    for number in (3, 6):  # no sampling rate: obspy lets it through
        whole = content[number].content
        content[number] = content[number]._replace(content=whole[:32] + bytes(2) + whole[34:])
    content[9] = content[9]._replace(content=content[9].content[:48] + b"\xff" * 464)
    with seedlink(content, info=False) as (port, _):
        feed = link(port)
        batches = feed.batches({Codes.parse("XX.AAA..HHZ"): START - 240})
        got = []
        assert eventually(lambda: got.extend(next(batches).traces) or len(got) >= len(content) - 3)
        batches.close()
    assert feed.connections == 1
    assert feed.damaged == 2
    assert feed.state().endswith(", 2 damaged packets refused")


def test_a_station_that_the_server_does_not_have(traces, model, tmp_path):
    with seedlink(records(traces)) as (port, _):
        done = Watch(link(port), model, tmp_path, ["XX.AAA..HH?", "XX.CCC..HH?"], start=START)
        with pytest.raises(
            WaveformError, match=rf"SeedLink 127.0.0.1:{port}: has no data of XX\.CCC\.\.HH\?\. It has XX.AAA, XX.BBB"
        ):
            done.run()


def test_a_server_that_takes_no_station_says_so(traces):
    with seedlink(records(traces), info=False) as (port, _):
        feed = link(port)
        batches = feed.batches({Codes.parse("XX.CCC..HHZ"): START})
        assert eventually(lambda: next(batches) and "no stations accepted" in feed.state())
        batches.close()


def test_what_is_no_seedlink_server(traces):
    with seedlink([], hello=b"220 mail\r\n") as (port, _):
        feed = link(port)
        batches = feed.batches({Codes.parse("XX.AAA..HHZ"): START})
        assert eventually(lambda: next(batches) and "HELLO" in feed.state())
        batches.close()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:70000", r"SeedLink address '127\.0\.0\.1:70000': is not host:port with a port of 1 to 65535"),
        ("127.0.0.1:x", r"is not host:port"),
        (":18000", r"is not host:port"),
        ("no-such-host.invalid", r"SeedLink host no-such-host\.invalid: is not known: .*\. Check its name"),
    ],
)
def test_an_address_that_is_none(address, message):
    with pytest.raises(ParameterError, match=message):
        SeedLink(address, "Z")


def test_the_usual_port_and_two_locations_of_a_station():
    from tremorlab.live.seedlink import _Connection

    assert SeedLink("seedlink://127.0.0.1", "Z").port == 18000
    connection = _Connection("127.0.0.1", 18000, 1.0, {})
    connection.want(Codes.parse("XX.AAA.00.HH?"), "ZN")
    connection.want(Codes.parse("XX.AAA.10.*"), "Z")
    connection.want(Codes.parse("XX.BBB..BHZ"), "ZNE")
    assert [stream.selectors for stream in connection.streams] == [["00HHZ", "00HHN", "10??Z"], ["BHZ"]]
