"""What a folder holds, told from headers."""

import re

import numpy as np
import pandas as pd
import pytest
from obspy import Stream, Trace, UTCDateTime

from tests.intake.made import START
from tremorlab import study as studies
from tremorlab.errors import DataMissingError, WaveformError
from tremorlab.intake import records


def test_a_folder_of_files_is_surveyed_by_channel(brought):
    found = records.survey(brought / "waves")
    assert found.kind == "files"
    channels = found.channels()
    assert list(channels.index) == ["XY.AA1..HHZ", "XY.AA2..HHZ"]
    assert channels["hours"].round(3).tolist() == [0.5, 0.5]
    assert channels["rate_hz"].tolist() == ["50", "50"]
    assert channels["gaps"].tolist() == [0, 0]
    assert channels["first"].iloc[0] == pd.Timestamp(START.ns, tz="UTC")


def test_gaps_changes_of_rate_and_overlaps_are_seen(tmp_path):
    codes = {"network": "XY", "station": "A", "channel": "HHZ"}
    start = UTCDateTime(2024, 1, 1)
    parts = [(0, 100.0, 6000), (60, 100.0, 6000), (150, 50.0, 3000), (180, 50.0, 3000)]  # joined; 30 s gap; overlap
    for number, (at, rate, count) in enumerate(parts):
        trace = Trace(np.arange(count, dtype=np.int32), codes | {"sampling_rate": rate, "starttime": start + at})
        Stream([trace]).write(str(tmp_path / f"{number}.mseed"), format="MSEED")
    row = records.survey(tmp_path).channels().loc["XY.A..HHZ"]
    assert row["rate_hz"] == "50, 100"
    assert row["gaps"] == 1
    assert row["longest_gap_s"] == pytest.approx(30, abs=0.03)
    assert row["hours"] * 3600 == pytest.approx(120 + 90, abs=0.1)


def test_an_archive_is_known_by_its_layout(tmp_path):
    name = tmp_path / "2024/XY/A/HHZ.D/XY.A..HHZ.D.2024.061"
    name.parent.mkdir(parents=True)
    header = {"network": "XY", "station": "A", "channel": "HHZ", "sampling_rate": 50.0, "starttime": START}
    Stream([Trace(np.zeros(500, np.int32), header)]).write(str(name), format="MSEED")
    assert records.survey(tmp_path).kind == "sds"


def test_files_that_are_no_waveforms_are_named_and_the_others_read(brought, tmp_path):
    (tmp_path / "good.mseed").write_bytes((brought / "waves" / "AA1.mseed").read_bytes())
    (tmp_path / "bad.mseed").write_bytes(b"no waveform at all, whatever its name")
    (tmp_path / "none.mseed").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("not looked at")
    found = records.survey(tmp_path)
    assert [path.name for path in found.files] == ["good.mseed"]
    assert found.unreadable[str(tmp_path / "none.mseed")] == "is empty (0 bytes)"
    assert "cannot be read as a waveform" in found.unreadable[str(tmp_path / "bad.mseed")]
    assert len(found.unreadable) == 2


def test_a_place_that_is_not_there_is_named(tmp_path):
    with pytest.raises(WaveformError, match=r"nowhere: no such file or folder\. Give the folder"):
        records.survey(tmp_path / "nowhere")


def test_a_folder_without_waveforms_says_why(tmp_path):
    with pytest.raises(WaveformError, match="0 files, none is a waveform"):
        records.survey(tmp_path)
    (tmp_path / "a.mseed").write_bytes(b"")
    with pytest.raises(WaveformError, match=r"1 files, none is a waveform; .*a\.mseed is empty"):
        records.survey(tmp_path)


def test_records_of_a_study_that_are_elsewhere_say_how_to_get_them(monkeypatch, tmp_path):
    monkeypatch.delenv("TREMORLAB_DATA", raising=False)
    monkeypatch.setenv("TREMORLAB_CACHE", str(tmp_path))
    with pytest.raises(DataMissingError, match="tremorlab fetch redoubt_2009"):
        records.of_study(studies.load("redoubt_2009"))


def test_the_records_of_a_shipped_study_are_those_that_it_names():
    found = records.of_study(studies.load("micro"))
    assert "BW.UH1..SHZ" in found.channels().index
    assert found.unreadable == {}


def test_stretches_are_joined_over_gaps_up_to_a_length():
    segments = pd.DataFrame({"start_ns": [20, 0, 5], "end_ns": [30, 10, 8]}) * 10**9
    assert [list(part) for part in records.joined(segments, 9.0)] == [[0, 20 * 10**9], [10 * 10**9, 30 * 10**9]]
    assert [len(part) for part in records.joined(segments, 10.0)] == [1, 1]


@pytest.mark.parametrize(("seconds", "told"), [(-9e9, "1684-"), (-7e10, "-7e+10 s after 1970"), (9e9, "2255-")])
def test_times_of_damaged_headers_are_named(seconds, told, tmp_path, monkeypatch):
    trace = Trace(np.zeros(10), {"station": "AAA", "starttime": UTCDateTime(ns=int(seconds * 1e9))})
    monkeypatch.setattr(records.files, "read", lambda *_, **__: Stream([trace]))
    (tmp_path / "x.mseed").write_bytes(b"x")
    with pytest.raises(WaveformError, match=rf"x\.mseed has a trace \.AAA\.\. from {re.escape(told)}.*Give a folder"):
        records.survey(tmp_path)
