"""Fetching: bit-equal to what is served, resumable at any point, nothing half-written."""

import hashlib
import http.server
import io
import json
import os
import resource
import threading
from functools import partial

import numpy as np
import obspy
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy import UTCDateTime

from tests.waveform.fdsn_server import FDSNServer, FixedServer
from tests.waveform.records import START, same, station, write
from tests.waveform.test_sources import study
from tremorlab.errors import DataMissingError, StudyError, WaveformError
from tremorlab.waveform import fetch as fetching
from tremorlab.waveform.fetch import JOURNAL, fetch, plan
from tremorlab.waveform.sources import COMPLETE, FDSNSource, FileSource, SDSSource, open_source

DAY = 86400
QUIET = {"progress": False}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Three days of a station, twenty minutes around each midnight, and a server of them."""
    folder = tmp_path_factory.mktemp("served")
    files = [write(station(start=START + day * DAY), folder / f"{day}.mseed") for day in range(2)]
    return FDSNServer(folder, files), FileSource(files)


@pytest.fixture
def server(served):
    with served[0] as running:
        yield running


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Empty cache, no recordings, and a source that does not wait between attempts."""
    monkeypatch.setenv("TREMORLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TREMORLAB_DATA", raising=False)
    monkeypatch.setattr(fetching, "FDSNSource", partial(FDSNSource, attempts=2, wait_s=0.01))
    return tmp_path / "cache" / "trial"


def windows(*starts, seed_id="CA.STS2..EHZ", length=30.0):
    """Windows that start so many seconds after START."""
    first = pd.to_datetime([(START + start).ns for start in starts], utc=True).as_unit("ns")
    return pd.DataFrame({"seed_id": seed_id, "start": first, "end": first + pd.Timedelta(seconds=length)})


def by_service(server, **more):
    return study(fetch={"service": server.url, "margin_s": 5.0} | more)


def assert_fetched(table, local):
    """Every window of the table is in the cache, equal to the served file in every bit."""
    source = open_source(study())
    for row in table.itertuples():
        span = (UTCDateTime(row.start), UTCDateTime(row.end))
        found = source.get(row.seed_id, *span)
        assert len(found) > 0
        wanted = local.get(row.seed_id, *span)
        # The archive parts at midnight, the served file does not.
        assert same(found.merge(), wanted.merge())


def folder_state(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# From a service


def test_windows_are_fetched_bit_by_bit(cache, server, served, capsys):
    table = windows(10, 20, 300, 590, 601, DAY + 100, 2 * DAY - 100)
    summary = fetch(by_service(server), table)
    assert (summary.requests, summary.sent, len(summary.missing)) == (3, 3, 1)
    assert summary.bytes == sum(path.stat().st_size for path in cache.rglob("CA.*"))
    assert_fetched(table[:-1], served[1])
    assert isinstance(open_source(study()), SDSSource)
    assert "3/3" in capsys.readouterr().err
    assert str(summary).splitlines()[1].startswith("missing: CA.STS2..EHZ, 2011-02-17T23:48:15")


@pytest.mark.parametrize("name", ["redoubt_2009", "st_helens_2004", "mbar_2021"])
def test_recordings_are_fetched_bit_by_bit(recordings, cache, tmp_path, name):
    files = sorted((recordings / name).glob("*.mseed"))
    files = [path for path in files if "RSO" not in path.name]  # see test_sources: its clock drifts
    local, rng, parts = FileSource(files), np.random.default_rng(4), []
    for path in files:
        for trace in obspy.read(path, headonly=True):
            span = trace.stats.endtime - trace.stats.starttime - 164
            starts = trace.stats.starttime - START + rng.uniform(0, span, 3)
            parts.append(windows(*starts, seed_id=trace.id, length=163.84))
    table = pd.concat(parts, ignore_index=True)
    with FDSNServer(tmp_path, files) as running:
        summary = fetch(by_service(running, margin_s=60), table, **QUIET)
    assert (summary.sent, len(summary.missing)) == (len(plan(table, 60)), 0)
    assert_fetched(table, local)


def test_a_second_call_downloads_nothing(cache, server, served):
    table = windows(10, DAY + 100)
    fetch(by_service(server), table, **QUIET)
    before = folder_state(cache)
    server.stop()
    summary = fetch(by_service(server), table, **QUIET)
    assert (summary.requests, summary.sent, summary.bytes) == (2, 0, 0)
    assert folder_state(cache) == before


def test_a_server_that_stops_in_the_middle(cache, server, served, monkeypatch):
    table = windows(10, 700, DAY + 700)
    download, calls = FDSNSource.download, []

    def stopping(self, lines):
        if calls:
            server.stop()
        calls.append(lines)
        return download(self, lines)

    with monkeypatch.context() as patch:
        patch.setattr(FDSNSource, "download", stopping)
        with pytest.raises(WaveformError, match=r"CA\.STS2\.\.EHZ, 2011-02-16T.* failed after 2 attempts: .*refused"):
            fetch(by_service(server), table, **QUIET)
    assert len(json.loads((cache / JOURNAL).read_text())["requests"]) == 1
    assert not list(cache.rglob("*.part"))
    with pytest.raises(DataMissingError, match="fetched only in part"):
        open_source(study())
    server.start()
    summary = fetch(by_service(server), table, **QUIET)
    assert (len(calls), summary.requests, summary.sent) == (2, 3, 2)
    assert_fetched(table, served[1])


@pytest.mark.parametrize("stop_at", range(4))
def test_an_interruption_leaves_no_half_file(cache, server, served, monkeypatch, stop_at):
    table, replace, done = windows(10, DAY + 100), os.replace, []

    def interrupted(source, target):
        if len(done) == stop_at:
            raise KeyboardInterrupt
        done.append(target)
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(fetching.os, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetch(by_service(server), table, **QUIET)
    assert not list(cache.rglob("*.part"))
    assert not (cache / COMPLETE).exists()
    for path in cache.rglob("CA.*.D.*"):
        assert obspy.read(path)[0].stats.npts == 40 * 50 + 1
    summary = fetch(by_service(server), table, **QUIET)
    assert summary.sent == 2 - stop_at // 2  # a day file without its entry in the journal is fetched again
    assert_fetched(table, served[1])


def test_later_windows_join_earlier_ones(cache, server, served):
    early, late = windows(10, 300), windows(320, 500)
    fetch(by_service(server), early, **QUIET)
    assert fetch(by_service(server), late, **QUIET).sent == 1
    assert_fetched(pd.concat([early, late]), served[1])
    assert fetch(by_service(server), early, **QUIET).sent == 0


def test_a_damaged_day_file_is_fetched_again(cache, server, served):
    table = windows(10, DAY + 100)
    fetch(by_service(server), table, **QUIET)
    day = next(cache.rglob("*.046"))
    day.write_bytes(day.read_bytes()[:-300])
    assert fetch(by_service(server), table, **QUIET).sent == 1
    assert_fetched(table, served[1])


def test_channels_of_a_wildcard_get_their_own_files(cache, tmp_path, server):
    stream = station(60)
    stream += stream.copy()
    stream[1].stats.channel = "EHN"
    path = write(stream, tmp_path / "two.mseed")
    (tmp_path / "server").mkdir()
    with FDSNServer(tmp_path / "server", [path]) as running:
        summary = fetch(by_service(running), windows(10, seed_id="CA.STS2.--.EH?"), **QUIET)
    assert summary.missing.empty
    assert sorted(path.name for path in cache.rglob("CA.*")) == [
        "CA.STS2..EHN.D.2011.046", "CA.STS2..EHZ.D.2011.046",
    ]  # fmt: skip


def test_what_a_service_does_not_have_is_listed_and_not_asked_for_again(cache, server):
    table = pd.concat([windows(10), windows(10, seed_id="CA.NONE..EHZ"), windows(-3600)])
    summary = fetch(by_service(server), table, **QUIET)
    assert summary.missing["seed_id"].tolist() == ["CA.NONE..EHZ", "CA.STS2..EHZ"]
    assert summary.missing["start"].tolist() == ["2011-02-15T23:50:05.000000Z", "2011-02-15T22:49:55.000000Z"]
    assert set(summary.missing["reason"]) == {f"{server.url} has no record"}
    again = fetch(by_service(server), table, **QUIET)
    assert again.sent == 0
    assert again.missing.equals(summary.missing)


def test_a_restricted_channel_does_not_stop_the_others(cache):
    content = obspy_bytes(station(60))
    with FixedServer((403, b""), (200, content)) as running:
        summary = fetch(by_service(running), windows(10, DAY), **QUIET)
    assert summary.missing["reason"].str.contains("refused").tolist() == [True, False]


def obspy_bytes(stream):
    content = io.BytesIO()
    stream.write(content, format="MSEED", reclen=512, encoding="STEIM2")
    return content.getvalue()


@settings(max_examples=60, deadline=None)
@given(
    starts=st.lists(st.tuples(st.floats(-2e5, 2e5), st.floats(0, 1e5)), min_size=1, max_size=8),
    margin=st.sampled_from([0.0, 60.0, 3600.0]),
)
def test_requests_cover_the_windows_day_by_day(starts, margin):
    table = pd.concat([windows(start, length=length) for start, length in starts])
    requests = plan(table, margin)
    assert [request.day for request in requests] == sorted(
        {request.day.ns: request.day for request in requests}.values()
    )
    intervals = [interval for request in requests for interval in request.intervals]
    for request in requests:
        assert all(request.day <= first <= last <= request.day + DAY for first, last in request.intervals)
        assert all(a[1] < b[0] for a, b in zip(request.intervals, request.intervals[1:], strict=False))
    for row in table.itertuples():
        first, last = UTCDateTime(row.start) - margin, UTCDateTime(row.end) + margin
        inside = [(max(a, first), min(b, last)) for a, b in intervals if a <= last and b >= first]
        assert abs(sum(b - a for a, b in inside) - (last - first)) < 1e-5


# By URL


@pytest.fixture
def site(tmp_path):
    """A web server of one file."""
    (tmp_path / "site").mkdir()
    write(station(60), tmp_path / "site" / "one.mseed")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path / "site"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", (tmp_path / "site" / "one.mseed").read_bytes()
    server.shutdown()
    server.server_close()


def by_url(url, content, name="below/one.mseed"):
    checksum = hashlib.sha256(content).hexdigest()
    return study(
        waveforms={"kind": "files", "files": [name]},
        fetch={"urls": {name: f"{url} sha256:{checksum}"}},
    )


def test_published_files_are_fetched_once(cache, site, capsys):
    url, content = site
    wanted = by_url(f"{url}/one.mseed", content)
    assert fetch(wanted)[:3] == (1, 1, len(content))
    assert "100%" in capsys.readouterr().err
    assert (cache / "below" / "one.mseed").read_bytes() == content
    assert len(open_source(wanted).get("CA.STS2..EHZ", START, START + 1)) == 1
    assert fetch(by_url("http://127.0.0.1:1/gone", content), **QUIET)[:3] == (1, 0, 0)


def test_files_and_windows_together(cache, site, server):
    url, content = site
    checksum = hashlib.sha256(content).hexdigest()
    both = by_service(server, urls={"one.mseed": f"{url}/one.mseed sha256:{checksum}"})
    summary = fetch(both, windows(10), **QUIET)
    assert (summary.requests, summary.sent) == (2, 2)
    assert summary.bytes > len(content)


def test_wrong_checksum(cache, site):
    with pytest.raises(WaveformError, match=r"/one\.mseed: is not what the study expects: SHA256 hash.*does not match"):
        fetch(by_url(f"{site[0]}/one.mseed", b"something else"), **QUIET)
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_url_that_is_gone(cache, site):
    with pytest.raises(WaveformError, match=r"/gone\.mseed: cannot be fetched: 404 Client Error.*Check the connection"):
        fetch(by_url(f"{site[0]}/gone.mseed", b""), **QUIET)


@pytest.mark.parametrize("name", ["../../.profile", "/etc/cron.d/job", "a/../../b.mseed"])
def test_a_name_that_leads_out_of_the_folder(cache, name):
    outside = study(fetch={"urls": {name: "http://127.0.0.1:1/x sha256:00"}})
    with pytest.raises(
        StudyError, match=r"fetch\.urls, '.*': leads out of the folder of what is fetched\. Name the file"
    ):
        fetch(outside, **QUIET)
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_url_without_a_checksum(cache):
    bare = study(fetch={"urls": {"one.mseed": "http://127.0.0.1:1/one.mseed"}})
    with pytest.raises(StudyError, match=r"fetch\.urls, 'one\.mseed': .* has no checksum\. Write 'URL sha256:HEX'"):
        fetch(bare)


# What goes wrong


def test_study_that_cannot_be_fetched(cache):
    with pytest.raises(DataMissingError, match=r"study trial: its records cannot be fetched .*\. Ask the observatory"):
        fetch(study(fetch={"instructions": "Ask the observatory"}))


def test_service_without_windows(cache, served):
    with pytest.raises(WaveformError, match=r"study trial: an FDSN service needs to know the windows"):
        fetch(by_service(served[0]))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda t: t.drop(columns="end"), "table of windows: has no column 'end'"),
        (lambda t: t.assign(start=t["start"].dt.tz_localize(None)), "column 'start': has no time zone"),
        (lambda t: t.assign(seed_id="CA.STS2"), "CA.STS2: is not NET.STA.LOC.CHA"),
        (lambda t: t.assign(end=t["start"] - pd.Timedelta(hours=1)), "before its start"),
    ],
)
def test_table_of_windows_that_is_wrong(cache, served, change, problem):
    with pytest.raises(WaveformError, match=problem):
        fetch(by_service(served[0]), change(windows(10)), **QUIET)


def test_damaged_journal(cache, served):
    cache.mkdir(parents=True)
    (cache / JOURNAL).write_text('{"files": {}')
    with pytest.raises(WaveformError, match=r"requests\.json: is damaged\. Remove the folder .*trial and fetch again"):
        fetch(by_service(served[0]), windows(10), **QUIET)


def test_full_disk(cache, server):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # no file may grow beyond 1000 bytes
    try:
        with pytest.raises(WaveformError, match=r"cache/trial.*: cannot be written: File too large\. Free some space"):
            fetch(by_service(server), windows(10), **QUIET)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not [path for path in cache.rglob("*") if path.is_file()]
    assert fetch(by_service(server), windows(10), **QUIET).sent == 1


def test_cache_that_cannot_be_written(tmp_path, served, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TREMORLAB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(WaveformError, match=r"file/cache.*: cannot be written: Not a directory.*set TREMORLAB_CACHE"):
        fetch(by_service(served[0]), windows(10), **QUIET)


def test_a_jump_that_steim_cannot_hold(cache, tmp_path):
    """It may lie between two records, each of which is sound."""
    halves = station(60)[0].slice(START, START + 29.98), station(60)[0].slice(START + 30, None)
    for trace, value in zip(halves, (-(2**30), 2**30), strict=True):
        trace.data = np.full_like(trace.data, value)
    content = b"".join(obspy_bytes(obspy.Stream([trace])) for trace in halves)
    (tmp_path / "jump.mseed").write_bytes(content)
    table = windows(10)
    with FDSNServer(tmp_path, [tmp_path / "jump.mseed"]) as running:
        fetch(by_service(running), table, **QUIET)
    assert_fetched(table, FileSource([tmp_path / "jump.mseed"]))


def test_samples_that_miniseed_cannot_hold(cache, monkeypatch):
    stream = station(60)
    stream[0].data = stream[0].data.astype(np.complex128)
    monkeypatch.setattr(FDSNSource, "download", lambda *_: stream)
    with pytest.raises(WaveformError, match=r"CA\.STS2\.\.EHZ, 2011-02-15: cannot be written as miniSEED"):
        fetch(study(fetch={"service": "http://127.0.0.1:1000"}), windows(10), **QUIET)
