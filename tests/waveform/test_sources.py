"""Sources of continuous records: equal to obspy where the data are sound, typed errors where they are not."""

import shutil
import warnings

import numpy as np
import obspy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from obspy import UTCDateTime
from obspy.clients.filesystem.sds import SDS_FMTSTR
from obspy.clients.filesystem.sds import Client as SDSClient

from tests.waveform.fdsn_server import FDSNServer, FixedServer
from tests.waveform.records import START, broken, expected, same, station, write
from tremorlab import paths
from tremorlab.errors import DataMissingError, WaveformError
from tremorlab.study import Study
from tremorlab.waveform import files
from tremorlab.waveform.sources import COMPLETE, FDSNSource, FileSource, HinetSource, SDSSource, open_source

DAY = 86400
WHOLE = (START, START + DAY)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("records")


@pytest.fixture(scope="module")
def gappy(folder):
    return write(broken(), folder / "gappy.mseed")


@pytest.fixture(scope="module")
def archive(folder):
    """SDS archive whose record runs over midnight; the second day's file starts two seconds late."""
    trace, midnight = station()[0], UTCDateTime("2011-02-16")
    for day, part in ((START, trace.slice(None, midnight + 2)), (midnight, trace.slice(midnight + 2.02, None))):
        name = SDS_FMTSTR.format(
            network="CA", station="STS2", location="", channel="EHZ", sds_type="D", year=day.year, doy=day.julday
        )
        write(obspy.Stream([part]), folder / "sds" / name)
    return folder / "sds"


@pytest.fixture(scope="module")
def server(tmp_path_factory, gappy):
    with FDSNServer(tmp_path_factory.mktemp("server"), [gappy]) as running:
        yield running


def study(name="trial", **changes):
    content = {
        "name": name,
        "title": "trial",
        "summary": "made for a test",
        "licence": "none",
        "citation": "none",
        "classes": {"noise": ["noise"]},
        "stations": ["CA.STS2..EHZ"],
        "catalogues": [{"file": "none.csv"}],
        "waveforms": {"kind": "files", "files": ["one.mseed", "two.mseed"]},
    }
    return Study.model_validate(content | changes)


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Empty folders of recordings and cache."""
    for variable, name in (("TREMORLAB_DATA", "data"), ("TREMORLAB_CACHE", "cache")):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / name))
    return tmp_path


intervals = st.tuples(st.floats(-50, 1250), st.floats(0, 400)).map(lambda x: (START + x[0], START + x[0] + x[1]))


# Files


def test_files_give_what_stream_trim_gives_on_one_grid(folder):
    whole = station(300)
    path = write(whole, folder / "whole.mseed")
    span = (START + 12.345, START + 91.234)
    assert same(FileSource([path]).get("CA.STS2..EHZ", *span), obspy.read(path).trim(*span))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(interval=intervals, seed_id=st.sampled_from(["CA.STS2..EHZ", "CA.STS2..EH?", "*.*.*.EHN", "CA.X..EHZ"]))
def test_files_give_what_obspy_trims(gappy, interval, seed_id):
    assert same(FileSource([gappy]).get(seed_id, *interval), expected(obspy.read(gappy), seed_id, *interval))


@pytest.mark.parametrize(
    "name",
    [
        "redoubt_2009/AV.RSO..EHZ.2009079.mseed",
        "st_helens_1980/UW.SHW..EHZ.1980-03-22_04-04.mseed",
        "st_helens_2004/UW.YEL..EHZ.20040924T00-02.mseed",
        "huila_2008/XX.OVSPOP.2008-10-08T170106.mseed",
    ],
)
def test_recordings_give_what_obspy_trims(recordings, name):
    whole = obspy.read(recordings / name)
    source, rng = FileSource([recordings / name]), np.random.default_rng(1)
    first, last = min(tr.stats.starttime for tr in whole), max(tr.stats.endtime for tr in whole)
    for share, length in rng.uniform(0, 1, (12, 2)):
        start = first + share * (last - first)
        end = start + 600 * length
        assert same(source.get("*.*.*.*", start, end), expected(whole, "*.*.*.*", start, end))


def test_every_recording_passes_the_checks(recordings):
    paths_ = sorted(recordings.rglob("*.mseed"))
    source = FileSource(paths_)
    for path in paths_:
        for trace in obspy.read(path, headonly=True)[:3]:
            found = source.get(trace.id, trace.stats.starttime, trace.stats.starttime + 1)
            assert any(piece.stats.starttime == trace.stats.starttime for piece in found)


def test_order_does_not_depend_on_the_order_of_files(gappy, folder):
    other = write(station(60), folder / "other.mseed")
    one, two = (FileSource(names).get("*.*.*.*", *WHOLE) for names in ([gappy, other], [other, gappy]))
    assert same(one, two)
    assert [tr.id for tr in one] == sorted(tr.id for tr in one)


def test_nobody_can_change_what_is_kept(gappy):
    source = FileSource([gappy])
    first = source.get("CA.STS2..EHZ", START, START + 10)
    kept = first.copy()
    with pytest.raises(ValueError, match="read-only"):
        first[0].data[:] = 0
    first.copy()[0].data[:] = 0
    assert same(source.get("CA.STS2..EHZ", START, START + 10), kept)


def test_a_day_of_windows_costs_one_read(gappy, folder, monkeypatch):
    reads = []
    read = files.read
    monkeypatch.setattr(files, "read", lambda *a, **k: (reads.append((a[1].name, k.get("headonly"))), read(*a, **k))[1])
    names = [gappy] + [shutil.copy(gappy, folder / f"{n}.mseed") for n in "abc"]
    source = FileSource(names[:3])
    for second in range(0, 1000, 50):
        source.get("CA.STS2..EH?", START + second, START + second + 100)
    assert len([name for name, headonly in reads if not headonly]) == 3
    source = FileSource(names)  # one file more than is kept
    reads.clear()
    source.get("CA.STS2..EHZ", *WHOLE)
    source.get("CA.STS2..EHZ", *WHOLE)
    assert len(reads) == 8


def test_a_changed_file_is_read_again(tmp_path):
    path = write(station(60), tmp_path / "grows.mseed")
    source = FileSource([path])
    assert source.get("CA.STS2..EHZ", *WHOLE)[0].stats.npts == 3000
    write(station(120), path)
    assert source.get("CA.STS2..EHZ", *WHOLE)[0].stats.npts == 6000


def test_nothing_there_is_an_empty_stream(gappy):
    source = FileSource([gappy])
    assert len(source.get("CA.STS2..EHZ", START + 210, START + 220)) == 0
    assert len(source.get("CA.STS2.00.EHZ", *WHOLE)) == 0
    assert len(source.get("CA.STS2.--.EHZ", *WHOLE)) == 4


@pytest.mark.parametrize(
    "name",
    [
        "signal/tests/data/CRLZ.HHZ.10.NZ.SAC",
        "io/win/tests/data/10030302.00",
        "io/dmx/tests/data/131114_090600.dmx",
        "io/seisan/tests/data/9701-30-1048-54S.MVO_21_1",
        "io/reftek/tests/data/225051000_00008656",  # its headers alone miss half of the segments
    ],
)
def test_other_formats(name):
    whole = obspy.read(paths.OBSPY / name)
    for trace in whole:  # every trace gets a network, no code has a blank inside
        trace.stats.network = trace.stats.network or "XX"
        trace.stats.channel = trace.stats.channel.replace(" ", "")
    span = (min(tr.stats.starttime for tr in whole), max(tr.stats.endtime for tr in whole))
    assert same(FileSource([paths.OBSPY / name]).get("*.*.*.*", *span), expected(whole, "*.*.*.*", *span))


def test_names_with_wildcards_are_meant_literally(tmp_path):
    path = write(station(60), tmp_path / "day[1].mseed")
    assert len(FileSource([path]).get("CA.STS2..EHZ", *WHOLE)) == 1


# Files that are not sound


def test_no_files():
    with pytest.raises(WaveformError, match="list of waveform files: is empty"):
        FileSource([])


def test_missing_file(tmp_path):
    with pytest.raises(WaveformError, match=r"none\.mseed: cannot be opened: No such file"):
        FileSource([tmp_path / "none.mseed"])


def test_folder_instead_of_file(tmp_path):
    with pytest.raises(WaveformError, match="is not a file"):
        FileSource([tmp_path])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"time,amplitude\n0,1\n" * 50, "cannot be read as a waveform: Unknown format"),
        (bytes(5000), "cannot be read as a waveform"),
    ],
)
def test_files_without_records(tmp_path, content, problem):
    path = tmp_path / "bad.mseed"
    path.write_bytes(content)
    with pytest.raises(WaveformError, match=rf"bad\.mseed: {problem}"):
        FileSource([path])


@pytest.mark.parametrize("lost", [1, 100, 200, 411, 500])
def test_cut_off_file(tmp_path, gappy, lost):
    path = tmp_path / "short.mseed"
    path.write_bytes(gappy.read_bytes()[:-lost])
    with pytest.raises(WaveformError, match=r"short\.mseed: is (cut off|damaged): .*(bytes|byte)"):
        FileSource([path])


def test_obspy_alone_says_nothing_of_a_cut_off_file(tmp_path, gappy):
    """The reason for our own check; should obspy learn it, this test says so."""
    path = tmp_path / "short.mseed"
    path.write_bytes(gappy.read_bytes()[:-100])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sum(tr.stats.npts for tr in obspy.read(path)) < sum(tr.stats.npts for tr in obspy.read(gappy))


def test_cut_off_file_from_the_obspy_package():
    with pytest.raises(WaveformError, match=r"brokenlastrecord\.mseed: is damaged: .*Not a SEED record"):
        FileSource([paths.OBSPY / "io/mseed/tests/data/brokenlastrecord.mseed"])


def test_wrong_checksum_in_gse2():
    with pytest.raises(WaveformError, match=r"wrong_chksum: cannot be read as a waveform: Mismatching checksums"):
        FileSource([paths.OBSPY / "io/gse2/tests/data/loc_RJOB20050831023349.z.wrong_chksum"])


def test_flipped_bit_in_compressed_samples(tmp_path, gappy):
    content = bytearray(gappy.read_bytes())
    content[512 * 7 + 300] ^= 4
    path = tmp_path / "flipped.mseed"
    path.write_bytes(content)
    source = FileSource([path])  # headers are sound
    with pytest.raises(WaveformError, match=r"flipped\.mseed: is damaged: CA_STS2__EH._.*integrity check"):
        source.get("CA.STS2..EH?", *WHOLE)


def test_headers_that_do_not_fit_the_samples(tmp_path, gappy):
    content = bytearray(gappy.read_bytes())
    content[512 * 5 + 44] ^= 0x10  # begin of data
    path = tmp_path / "header.mseed"
    path.write_bytes(content)
    source = FileSource([path])
    with pytest.raises(WaveformError, match=r"header\.mseed: is damaged"):
        source.get("CA.STS2..EH?", *WHOLE)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record=st.integers(0, 40), byte=st.integers(64, 511), bit=st.integers(0, 7))
def test_no_flipped_bit_ever_changes_a_sample(folder, gappy, record, byte, bit):
    content = bytearray(gappy.read_bytes())
    content[512 * record + byte] ^= 1 << bit
    path = folder / "fuzz.mseed"
    path.write_bytes(content)
    try:
        found = FileSource([path]).get("*.*.*.*", *WHOLE)
    except WaveformError:
        return
    # A bit that no sample depends on.
    assert same(found, FileSource([gappy]).get("*.*.*.*", *WHOLE))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record=st.integers(0, 40), byte=st.integers(0, 63).filter(lambda n: n != 52), bit=st.integers(0, 7))
def test_flipped_bits_in_headers_raise_nothing_else(folder, gappy, record, byte, bit):
    content = bytearray(gappy.read_bytes())
    content[512 * record + byte] ^= 1 << bit
    path = folder / "fuzz.mseed"
    path.write_bytes(content)
    try:
        found = FileSource([path]).get("CA.STS2..EH?", *WHOLE)
    except WaveformError:
        return
    # Nothing tells a wrong time or rate in a header from a right one; the samples are still those of the file, unless
    # byte 52 now says that they are not compressed (the one header bit in 512 that brings wrong samples unnoticed).
    counts = set(np.unique(station()[0].data))
    assert all(set(np.unique(trace.data)) <= counts for trace in found)


def test_request_without_four_codes(gappy):
    with pytest.raises(WaveformError, match=r"CA\.STS2: is not NET\.STA\.LOC\.CHA"):
        FileSource([gappy]).get("CA.STS2", *WHOLE)


def test_request_that_ends_before_it_starts(gappy):
    with pytest.raises(WaveformError, match=r"window ends at 2011-02-15T23:50:00.*before its start"):
        FileSource([gappy]).get("CA.STS2..EHZ", START + 1, START)


# SDS archives


@pytest.mark.parametrize("start", [0, 300, 595, 599.993, 600, 601, 602, 603, 1100, 1300])
def test_archive_gives_what_obspy_reads(archive, start):
    span = (START + start, START + start + 30)
    reference = SDSClient(str(archive)).get_waveforms("CA", "STS2", "*", "EH?", *span, merge=None)
    assert same(SDSSource(archive).get("CA.STS2.*.EH?", *span), expected(reference, "*.*.*.*", *span))


def test_archive_across_midnight_loses_no_sample(archive):
    found = SDSSource(archive).get("CA.STS2..EHZ", START + 590, START + 610)
    assert len(found) == 2
    assert np.array_equal(np.concatenate([tr.data for tr in found]), station()[0].data[590 * 50 : 610 * 50 + 1])


def test_archive_without_the_station(archive):
    assert len(SDSSource(archive).get("CA.NONE..EHZ", *WHOLE)) == 0


@pytest.mark.parametrize(("length", "owns"), [(10, True), (900, False)])
def test_a_small_part_does_not_keep_a_whole_file_in_memory(archive, length, owns):
    (trace,) = SDSSource(archive).get("CA.STS2..EHZ", START, START + length)[:1]
    assert trace.data.flags.owndata is owns
    assert not trace.data.flags.writeable


def test_archive_that_is_not_there(tmp_path):
    with pytest.raises(WaveformError, match="nowhere: is not a folder"):
        SDSSource(tmp_path / "nowhere")


def test_damaged_day_file(tmp_path, archive):
    shutil.copytree(archive, tmp_path / "sds")
    day = next((tmp_path / "sds").rglob("*.046"))
    day.write_bytes(day.read_bytes()[:-77])
    with pytest.raises(WaveformError, match=r"CA\.STS2\.\.EHZ\.D\.2011\.046: is (cut off|damaged)"):
        SDSSource(tmp_path / "sds").get("CA.STS2..EHZ", START, START + 1)


def test_damage_to_a_day_file_is_no_matter_of_the_day_after(tmp_path, archive):
    shutil.copytree(archive, tmp_path / "sds")
    day = next((tmp_path / "sds").rglob("*.046"))
    day.write_bytes(day.read_bytes()[:-77])
    noon = UTCDateTime("2011-02-16T00:05:00")
    expected = SDSSource(archive).get("CA.STS2..EHZ", noon, noon + 60)
    assert same(SDSSource(tmp_path / "sds").get("CA.STS2..EHZ", noon, noon + 60), expected)


# FDSN services


def test_service_gives_the_bits_of_the_file(server, gappy):
    source, rng = FDSNSource(server.url), np.random.default_rng(2)
    for start, length in rng.uniform(0, 1, (10, 2)) * (1200, 300):
        span = (START + start, START + start + length)
        for seed_id in ("CA.STS2..EHZ", "CA.STS2.--.EH?"):
            assert same(source.get(seed_id, *span), FileSource([gappy]).get(seed_id, *span))


def test_service_gives_the_bits_of_the_recordings(recordings, tmp_path):
    names = [
        path
        for name in ("redoubt_2009", "st_helens_2004", "mbar_2021")
        for path in sorted((recordings / name).glob("*.mseed"))
    ]
    local, rng = FileSource(names), np.random.default_rng(3)
    with FDSNServer(tmp_path, names) as running:
        source = FDSNSource(running.url)
        for path in names:
            header = obspy.read(path, headonly=True)
            span = header[-1].stats.endtime - header[0].stats.starttime
            for share in (*rng.uniform(0, 1, 2), 1.0):  # the last hour is where the server has a bug
                start = header[0].stats.starttime + share * (span - 170)
                found = source.get(header[0].id, start, start + 163.84)
                if "RSO" in path.name:
                    assert_runs_of(found, obspy.read(path))
                else:
                    assert same(found, local.get(header[0].id, start, start + 163.84))


def assert_runs_of(found, whole):
    """The clock of RSO runs 5 ppm off its nominal rate: times counted from the start of a segment of hours, as in
    a whole file, drift by 85 ms from those of the single records, as a service sends them."""
    assert found
    for trace in found:
        middle = trace.stats.starttime + (trace.stats.endtime - trace.stats.starttime) / 2
        segment = next(tr for tr in whole if tr.stats.starttime - 0.1 <= middle <= tr.stats.endtime + 0.1)
        first = round((trace.stats.starttime - segment.stats.starttime) * 100)
        shifts = [
            shift
            for shift in range(-10, 11)
            if np.array_equal(segment.data[first + shift : first + shift + trace.stats.npts], trace.data)
        ]
        assert shifts


def test_service_without_the_channel_gives_an_empty_stream(server):
    assert len(FDSNSource(server.url).get("CA.NONE..EHZ", *WHOLE)) == 0
    assert len(FDSNSource(server.url).get("CA.STS2..EHZ", START - 900, START - 800)) == 0


def test_service_that_comes_back(tmp_path, gappy):
    running = FDSNServer(tmp_path, [gappy])
    source = FDSNSource(running.url, attempts=2, wait_s=0.01)
    with pytest.raises(WaveformError, match=rf"{running.url}, CA\.STS2\.\.EHZ, 2011-02-15T23:49:59.* after 2 attempts"):
        source.get("CA.STS2..EHZ", START, START + 10)
    with running:
        assert len(source.get("CA.STS2..EHZ", START, START + 10)) == 1
    with pytest.raises(WaveformError, match=r"failed after 2 attempts: .*refused.*status page"):
        source.get("CA.STS2..EHZ", START, START + 10)


def test_service_that_is_unknown():
    with pytest.raises(WaveformError, match=r"NOSUCH, .*refused: .*unknown\. Give a base URL or one of .*EARTHSCOPE"):
        FDSNSource("NOSUCH").get("CA.STS2..EHZ", START, START + 1)


def test_request_that_is_too_large_is_not_repeated(tmp_path, gappy):
    with FDSNServer(tmp_path, [gappy], request_limit=2000) as running:
        source = FDSNSource(running.url, wait_s=60)
        with pytest.raises(WaveformError, match=r"refused: .*too much.*Ask for less at once"):
            source.get("CA.STS2..EHZ", *WHOLE)


def test_restricted_channel_is_not_asked_for_twice():
    with (
        FixedServer((403, b"restricted")) as running,
        pytest.raises(WaveformError, match=r"refused: .*The channel is restricted: ask its operator"),
    ):
        FDSNSource(running.url, wait_s=60).get("CA.STS2..EHZ", START, START + 1)
    assert running.queries == 1


def test_a_passing_fault_is_survived(gappy):
    whole = gappy.read_bytes()
    with FixedServer((500, b""), (200, whole[:-100]), (200, b""), (200, whole)) as running:
        found = FDSNSource(running.url, wait_s=0.01).get("CA.STS2..EHZ", START, START + 10)
    assert same(found, FileSource([gappy]).get("CA.STS2..EHZ", START, START + 10))
    assert running.queries == 4


def test_an_answer_that_breaks_off_is_an_error(gappy):
    with (
        FixedServer((200, gappy.read_bytes()[:-100])) as running,
        pytest.raises(
            WaveformError, match=r"failed after 2 attempts: .*is cut off: the last record has 412 bytes of 512"
        ),
    ):
        FDSNSource(running.url, attempts=2, wait_s=0.01).get("CA.STS2..EHZ", START, START + 10)


def test_an_address_that_is_gone_is_an_error():
    """404 may mean that a service has moved; that it has no such data it says with 204."""
    with (
        FixedServer((404, b"no such page")) as running,
        pytest.raises(WaveformError, match=r"CA\.STS2\.\.EHZ, 2011-.* failed after 2 attempts: .*404.*status page"),
    ):
        FDSNSource(running.url, attempts=2, wait_s=0.01).get("CA.STS2..EHZ", START, START + 1)


def test_a_slow_service_is_waited_for(gappy):
    with FixedServer((200, gappy.read_bytes()), pauses=(1.0,)) as running:
        found = FDSNSource(running.url, timeout_s=30).get("CA.STS2..EHZ", START, START + 10)
    assert same(found, FileSource([gappy]).get("CA.STS2..EHZ", START, START + 10))
    assert running.queries == 1


def test_a_service_that_falls_silent_is_asked_again(gappy):
    with FixedServer((200, gappy.read_bytes()), pauses=(30.0, 0.0)) as running:
        found = FDSNSource(running.url, wait_s=0.01, timeout_s=0.5).get("CA.STS2..EHZ", START, START + 10)
    assert same(found, FileSource([gappy]).get("CA.STS2..EHZ", START, START + 10))
    assert running.queries == 2


# What a study opens


def test_study_opens_recordings(places):
    for name in ("one.mseed", "two.mseed"):
        write(station(60), places / "data" / name)
    assert len(open_source(study()).get("CA.STS2..EHZ", *WHOLE)) == 2


def test_study_opens_fetched_files_beside_recordings(places):
    write(station(60), places / "data" / "one.mseed")
    write(station(60), places / "cache" / "trial" / "two.mseed")
    assert len(open_source(study()).get("CA.STS2..EHZ", *WHOLE)) == 2


def test_study_opens_what_comes_with_obspy(places):
    files_ = ["obspy:io/win/tests/data/10030302.00", str(paths.OBSPY / "io/win/tests/data/10030302.01")]
    source = open_source(study(waveforms={"kind": "files", "files": files_}))
    minute = UTCDateTime("2010-03-03T02:00:00")
    assert [tr.stats.npts for tr in source.get("XX...a100", minute, minute + 119.99)] == [6000, 6000]


def test_study_opens_the_fetched_archive_when_it_is_complete(places, archive):
    shutil.copytree(archive, places / "cache" / "trial")
    with pytest.raises(DataMissingError, match=r"cache/trial \(fetched only in part\).*run: tremorlab fetch trial"):
        open_source(study())
    (places / "cache" / "trial" / COMPLETE).touch()
    assert len(open_source(study()).get("CA.STS2..EHZ", *WHOLE)) == 2


def test_study_without_its_records(places, monkeypatch):
    write(station(60), places / "data" / "one.mseed")
    message = (
        r"study trial: 1 of 2 waveform files are not on this machine, first two\.mseed; looked in .*data and in "
        r".*cache/trial \(not fetched\)\. Set TREMORLAB_DATA .*or run: tremorlab fetch trial\. Write to the author"
    )
    with pytest.raises(DataMissingError, match=message):
        open_source(study(fetch={"instructions": "Write to the author"}))
    monkeypatch.delenv("TREMORLAB_DATA")
    with pytest.raises(DataMissingError, match=r"2 of 2 .*looked in TREMORLAB_DATA \(not set\) and in"):
        open_source(study())


def test_study_of_another_kind(places, archive, server):
    by_archive = open_source(study(waveforms={"kind": "sds", "root": str(archive)}))
    assert len(by_archive.get("CA.STS2..EHZ", *WHOLE)) == 2
    by_service = open_source(study(waveforms={"kind": "fdsn", "service": server.url}))
    assert len(by_service.get("CA.STS2..EHZ", START, START + 1)) == 1
    assert isinstance(open_source(study(waveforms={"kind": "hinet", "network": "0402"})), HinetSource)


def test_study_with_an_archive_that_is_not_there(places):
    with pytest.raises(DataMissingError, match=r"1 of 1 waveform files .* first my/archive"):
        open_source(study(waveforms={"kind": "sds", "root": "my/archive"}))
