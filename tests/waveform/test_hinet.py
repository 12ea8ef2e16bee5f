"""NIED's networks: requests within the limits, Japan Standard Time, WIN32 as obspy reads WIN."""

import os
import struct
from datetime import datetime, timedelta
from pathlib import Path

import HinetPy
import numpy as np
import obspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy import UTCDateTime

from tests.waveform.records import expected, same
from tremorlab import paths
from tremorlab.errors import WaveformError
from tremorlab.waveform.hinet import HinetSource, read_channels, read_win32, split
from tremorlab.waveform.sources import Source

WIN = paths.OBSPY / "io/win/tests/data"

#: First minute of obspy's WIN files; their clock is taken as Japan Standard Time here.
JST = datetime(2010, 3, 3, 2, 0)
UTC = UTCDateTime("2010-03-02T17:00:00")

TABLE = """# チャンネル表
a100 1 0 N.TSTH U 2 24 100.0 m/s 1.0 0.7 0 1.0e-7 36.0 139.0 10 0 0 試験
A101 1 0 TST2 NS 2 24 100.0 m/s 1.0 0.7 0 1.0e-7 36.0 139.0 10 0 0
"""


def win32(minute: int) -> bytes:
    """A minute of obspy's WIN files with the headers of WIN32; the channel blocks are the same but for two bytes."""
    content, place, blocks = (WIN / f"10030302.{minute:02d}").read_bytes(), 0, bytes(4)
    while place < len(content):
        size = int.from_bytes(content[place : place + 4], "big")
        label, block, at = content[place + 4 : place + 10], b"", place + 10
        while at < place + size:
            head = int.from_bytes(content[at + 2 : at + 4], "big")
            width, rate = head >> 12, head & 0xFFF
            length = 4 + (width * (rate - 1) if width else rate // 2)
            block += b"\x01\x01" + content[at : at + 4 + length]
            at += 4 + length
        blocks += b"\x20" + label + b"\x00" + struct.pack(">ii", 10, len(block)) + block
        place += size
    return blocks


class Deliverer:
    """Does what `HinetPy.Client` does with a request: joins its minutes into a file in the current folder."""

    def __init__(self):
        self.requests = []

    def get_continuous_waveform(self, code, starttime, span):
        self.requests.append((code, starttime, span))
        minutes = [(starttime - JST) // timedelta(minutes=1) + n for n in range(span)]
        Path("data.cnt").write_bytes(bytes(4) + b"".join(win32(minute)[4:] for minute in minutes if 0 <= minute < 11))
        Path("table.ch").write_text(TABLE, encoding="euc_jp")
        Path("left_over.cnt").touch()
        return "data.cnt", "table.ch"


@pytest.fixture(scope="module")
def reference():
    """The eleven minutes by obspy's own WIN reader, in UTC."""
    stream = obspy.Stream()
    for minute in range(11):
        for trace in obspy.read(WIN / f"10030302.{minute:02d}"):
            network, station, channel = ("N", "TSTH", "U") if trace.stats.channel == "a100" else ("JP", "TST2", "NS")
            trace.stats.update({"network": network, "station": station, "channel": channel})
            trace.stats.starttime -= 9 * 3600
            trace.data = trace.data.astype(np.int32)
            stream.append(trace)
    return stream.merge()


@pytest.fixture
def fetched(tmp_path):
    deliverer = Deliverer()
    return deliverer, HinetSource("0402", deliverer, tmp_path / "hinet")


@settings(max_examples=200)
@given(start=st.floats(0, 1e5), length=st.floats(0, 2e5), channels=st.integers(1, 3000))
def test_requests_cover_the_window_within_the_limits(start, length, channels):
    start, end = UTC + start, UTC + start + length
    requests = split(start, end, channels)
    ends = [begin + timedelta(minutes=minutes) for begin, minutes in requests]
    assert all(1 <= minutes <= 60 and minutes * channels <= 12_000 for _, minutes in requests)
    assert [begin for begin, _ in requests[1:]] == ends[:-1]
    in_jst = start.datetime + timedelta(hours=9)
    assert in_jst - timedelta(minutes=1) < requests[0][0] <= in_jst
    assert end.datetime + timedelta(hours=9) < ends[-1] <= end.datetime + timedelta(hours=9, minutes=1)


@pytest.mark.parametrize(("network", "longest"), [("0402", 60), ("0101", 5), ("0120", 26)])
def test_requests_of_an_hour_and_a_half(network, longest):
    channels = HinetPy.NETWORK[network].channels
    minutes = [minutes for _, minutes in split(UTC, UTC + 5399, channels)]
    assert (max(minutes), sum(minutes)) == (longest, 90)


@pytest.mark.parametrize("interval", [(0, 659.99), (65.005, 130), (59.99, 60), (600, 900)])
def test_records_are_those_of_obspy_nine_hours_earlier(fetched, reference, interval):
    span = (UTC + interval[0], UTC + interval[1])
    for seed_id in ("N.TSTH..U", "JP.TST2..NS", "*.*.*.*"):
        assert same(fetched[1].get(seed_id, *span), expected(reference, seed_id, *span))


def test_minutes_are_asked_for_in_japan_standard_time(fetched):
    deliverer, source = fetched
    source.get("N.TSTH..U", UTC + 90, UTC + 150)
    assert deliverer.requests == [("0402", JST + timedelta(minutes=1), 2)]


def test_minutes_are_asked_for_once_and_leave_nothing_behind(fetched, tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    deliverer, source = fetched
    for seed_id in ("N.TSTH..U", "JP.TST2..NS"):
        source.get(seed_id, UTC, UTC + 30)
    assert len(deliverer.requests) == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        "0402_201003030200_1.ch", "0402_201003030200_1.cnt", "hinet", "work",
    ]  # fmt: skip
    assert Path.cwd() == tmp_path / "work"


def test_nothing_recorded_is_an_empty_stream(fetched):
    assert len(fetched[1].get("N.NONE..U", UTC, UTC + 10)) == 0
    assert len(fetched[1].get("N.TSTH..U", UTC + 3600, UTC + 3610)) == 0


def test_a_missing_second_is_a_gap(tmp_path):
    content = win32(0)
    starts = [4]
    while starts[-1] < len(content):
        starts.append(starts[-1] + 16 + struct.unpack_from(">i", content, starts[-1] + 12)[0])
    whole = read_win32(_file(tmp_path, content), {"a100": "N.TSTH..U"})
    pieces = read_win32(_file(tmp_path, content[: starts[1]] + content[starts[2] :]), {"a100": "N.TSTH..U"})
    assert [trace.stats.npts for trace in pieces] == [100, 5800]
    assert [trace.stats.starttime - UTC for trace in pieces] == [0, 2]
    assert np.array_equal(pieces[1].data, whole[0].data[200:])


def _file(folder, content):
    path = folder / "data.cnt"
    path.write_bytes(content)
    return path


@settings(max_examples=100, deadline=None)
@given(
    first=st.integers(-(2**31), 2**31 - 1),
    width=st.sampled_from([0, 1, 2, 3, 4]),
    data=st.data(),
    rate=st.integers(1, 250),
)
def test_every_width_is_decoded(tmp_path_factory, first, width, rate, data):
    bits = 8 * width or 4
    steps = data.draw(
        st.lists(st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1), min_size=rate - 1, max_size=rate - 1)
    )
    samples = [first]
    for step in steps:
        samples.append((samples[-1] + step + 2**31) % 2**32 - 2**31)  # the format's integers have 32 bits
    if width:
        packed = b"".join(step.to_bytes(width, "big", signed=True) for step in steps)
    else:
        nibbles = [step % 16 for step in steps] + [0] * (len(steps) % 2)
        packed = bytes(16 * high + low for high, low in zip(nibbles[::2], nibbles[1::2], strict=True))
    block = b"\x01\x01\xab\xcd" + struct.pack(">Hi", width << 12 | rate, first) + packed
    label = bytes.fromhex("2016040109000000")
    path = _file(tmp_path_factory.mktemp("win32"), bytes(4) + label + struct.pack(">ii", 10, len(block)) + block)
    trace = read_win32(path, {"abcd": "M.KMA01..Z"})[0]
    assert trace.data.tolist() == samples
    assert (trace.id, trace.stats.starttime, trace.stats.sampling_rate) == ("M.KMA01..Z", UTCDateTime(2016, 4, 1), rate)


def test_channel_table_in_japanese(tmp_path):
    (tmp_path / "table.ch").write_text(TABLE, encoding="euc_jp")
    assert read_channels(tmp_path / "table.ch") == {"a100": "N.TSTH..U", "a101": "JP.TST2..NS"}


# What goes wrong


def test_unknown_network():
    with pytest.raises(WaveformError, match=r"Hi-net network '0202X': is unknown\. Codes: 0101, .*0402"):
        HinetSource("0202X")


def test_no_account(tmp_path, monkeypatch):
    monkeypatch.delenv("HINET_USER", raising=False)
    source = HinetSource("0402", folder=tmp_path)
    with pytest.raises(WaveformError, match=r"HINET_USER and HINET_PASSWORD: are not set.*Register at .*forbid"):
        source.get("N.TSTH..U", UTC, UTC + 1)


def test_no_program_that_joins_minutes(tmp_path, monkeypatch):
    monkeypatch.setenv("HINET_USER", "someone")
    monkeypatch.setenv("HINET_PASSWORD", "secret")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WaveformError, match=r"catwin32: is not in PATH.*win32tools"):
        HinetSource("0402", folder=tmp_path).get("N.TSTH..U", UTC, UTC + 1)


@pytest.fixture
def account(tmp_path, monkeypatch):
    """An account and a catwin32 in PATH."""
    monkeypatch.setenv("HINET_USER", "someone")
    monkeypatch.setenv("HINET_PASSWORD", "secret")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "catwin32").touch(mode=0o755)


def test_login_refused(tmp_path, account, monkeypatch):
    def refuse(user, password):
        raise ConnectionError("Unauthorized. Check your username and password!")

    monkeypatch.setattr(HinetPy, "Client", refuse)
    with pytest.raises(WaveformError, match="Hi-net account 'someone': login failed: Unauthorized") as caught:
        HinetSource("0402", folder=tmp_path).get("N.TSTH..U", UTC, UTC + 1)
    assert "secret" not in str(caught.value)


def test_login_happens_once(tmp_path, account, monkeypatch):
    logins = []
    monkeypatch.setattr(HinetPy, "Client", lambda *who: (logins.append(who), Deliverer())[1])
    source: Source = HinetSource("0402", folder=tmp_path / "hinet")
    assert len(source.get("N.TSTH..U", UTC, UTC + 1)) == len(source.get("N.TSTH..U", UTC + 60, UTC + 61)) == 1
    assert logins == [("someone", "secret")]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda: (None, None), "the service did not deliver. Wait, then run the same command again"),
        (lambda: 1 / 0, "request failed: division by zero"),
        (lambda: ("none.cnt", "none.ch"), "request failed: .*No such file"),
    ],
)
def test_request_that_fails_leaves_nothing(fetched, tmp_path, answer, problem):
    deliverer, source = fetched
    deliverer.get_continuous_waveform = lambda *_: answer()
    with pytest.raises(WaveformError, match=rf"Hi-net 0402, 2010-03-03 02:00 JST, 1 min: {problem}"):
        source.get("N.TSTH..U", UTC, UTC + 1)
    assert list((tmp_path / "hinet").iterdir()) == []


def _damaged(content, place, value):
    return content[:place] + value + content[place + len(value) :]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda c: b"", r"data\.cnt: is not WIN32"),
        (lambda c: c[4:], r"data\.cnt: is not WIN32"),
        (lambda c: c[:-30], r"data\.cnt, 2010030302005900 JST: is damaged: a block of 1\.0 s with \d+ bytes"),
        (lambda c: c[:4] + c[4:30], "is damaged: a block of"),
        (lambda c: c + b"\x20\x10", "JST: is damaged: unpack_from requires"),
        (lambda c: _damaged(c, 6, b"\x1a"), r"data\.cnt, 20101a0302000000 JST: is damaged"),
        (lambda c: _damaged(c, 12, struct.pack(">i", 20)), "is damaged: a block of 2.0 s"),
        (lambda c: _damaged(c, 24, b"\x90\x64"), "is damaged: channel a100 has 100 samples of 9 bytes"),
        (lambda c: _damaged(c, 24, b"\x10\x00"), "is damaged: channel a100 has 0 samples"),
        (lambda c: _damaged(c, 24, b"\x4f\xff"), "is damaged: channel a100 has 4095 samples of 4 bytes"),
    ],
)
def test_damaged_win32(tmp_path, change, problem):
    with pytest.raises(WaveformError, match=problem):
        read_win32(_file(tmp_path, change(win32(0))), {"a100": "N.TSTH..U"})
