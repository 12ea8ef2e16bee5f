"""Drafts: a study that loads and can be used, with every choice made from what is there."""

import numpy as np
import pandas as pd
import pytest
from obspy import read

from tests.intake.made import bring
from tremorlab import study as studies
from tremorlab.catalog.sources import of_study
from tremorlab.dataset.windows import cut, plan
from tremorlab.errors import StudyError, WaveformError
from tremorlab.intake import division, quiet
from tremorlab.intake.check import check, covered
from tremorlab.intake.draft import Request, draft
from tremorlab.intake.records import of_study as surveyed
from tremorlab.waveform.sources import open_source


@pytest.fixture
def drafted(brought, tmp_path):
    return draft(Request("mine", brought / "events.csv", brought / "waves"), tmp_path / "mine.toml")


def test_half_an_hour_becomes_a_study_that_can_be_used(drafted):
    study = studies.load(drafted)
    assert study.stations == ["XY.AA1..HHZ", "XY.AA2..HHZ"]
    assert list(study.classes) == ["long_period", "vt", "noise"]
    assert study.window.samples == 1024
    assert study.window.onset == "anywhere"
    found = check(study)
    assert found.problems == []
    assert (found.classes[["train", "test"]] > 0).all(axis=None)
    assert "ready" not in found.report()
    assert "window 40.96 s" in found.report()


def test_noise_touches_no_event(drafted):
    rows = of_study(studies.load(drafted))
    noise, events = rows[rows["event_class"] == "noise"], rows[rows["event_class"] != "noise"]
    assert len(noise) > 4
    for onset in events["onset"]:
        assert not ((noise["onset"] < onset + pd.Timedelta(25, "s")) & (noise["end"] > onset)).any()


def test_the_dry_run_tells_what_is_cut(drafted, brought, tmp_path):
    stream = read(str(brought / "waves" / "AA1.mseed"))
    start = stream[0].stats.starttime
    gappy = stream.slice(start, start + 600) + stream.slice(start + 700, start + 5000)
    (tmp_path / "waves").mkdir()
    gappy.write(str(tmp_path / "waves" / "AA1.mseed"), format="MSEED")
    study = studies.load(draft(Request("gaps", brought / "events.csv", tmp_path / "waves"), tmp_path / "gaps.toml"))
    # Windows every five seconds over everything: the dry run has to be right to the sample at all edges.
    begins = pd.to_datetime((start - 60).ns + np.arange(0, 1900, 5) * 10**9, utc=True).as_unit("ns")
    one = plan(of_study(study), study).iloc[:1]
    rows = pd.concat([one.assign(start=t, window_id=f"w{n}") for n, t in enumerate(begins)], ignore_index=True)
    rows["end"] = rows["start"] + pd.Timedelta(study.window_s, "s")
    expected = covered(rows, surveyed(study), study)
    kept = set(cut(rows, open_source(study), study).windows["window_id"])
    assert set(rows["window_id"][expected]) == kept
    assert 0 < len(kept) < len(rows) - 30


def test_events_outside_the_record_decide_nothing(brought, tmp_path):
    text = (brought / "events.csv").read_text()
    far = "".join(f"2023-01-01 0{n}:00:00;VT;1\n" for n in range(9))
    (tmp_path / "events.csv").write_text(text + far)
    study = studies.load(draft(Request("far", tmp_path / "events.csv", brought / "waves"), tmp_path / "far.toml"))
    found = check(study)
    assert len(found.without) == 9
    assert found.problems == []
    assert "events without record" in found.report()


def test_a_moved_folder_still_works(tmp_path):
    bring(tmp_path / "before")
    place = tmp_path / "before"
    draft(Request("mine", place / "events.csv", place / "waves"), place / "mine.toml")
    place.rename(tmp_path / "after")
    assert check(studies.load(tmp_path / "after" / "mine.toml")).problems == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "My Study"}, r"name 'My Study': has other signs than a-z, 0-9 and _"),
        ({"records": None}, "give a folder or an FDSN service, one of them"),
        ({"fdsn": "EARTHSCOPE"}, "give a folder or an FDSN service, one of them"),
        ({"channels": ["XY.NONE..HHZ"]}, r"channel 'XY.NONE..HHZ': is not there\. The records have XY.AA1..HHZ"),
        ({"component": "E"}, r"component E: is not there; there are Z"),
        ({"window_s": 60.0}, r"window of 60 s: is none that the networks take\. Write 163.84, 81.92, 40.96"),
        ({"records": None, "fdsn": "EARTHSCOPE"}, r"service EARTHSCOPE: needs channels. Write --channel"),
        ({"records": None, "fdsn": "X", "channels": ["AV.*..EHZ"]}, r"channel 'AV.\*..EHZ': is not a full code"),
    ],
)
def test_bad_requests_are_refused_and_nothing_is_written(brought, tmp_path, change, message):
    given = {"name": "mine", "catalogue": brought / "events.csv", "records": brought / "waves"} | change
    with pytest.raises(StudyError, match=message):
        draft(Request(**given), tmp_path / "mine.toml")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays(drafted, brought):
    before = drafted.read_text()
    with pytest.raises(StudyError, match=r"mine\.toml: exists\. Give another name, or --force"):
        draft(Request("mine", brought / "events.csv", brought / "waves"), drafted)
    assert drafted.read_text() == before
    draft(Request("mine", brought / "events.csv", brought / "waves", window_s=81.92), drafted, overwrite=True)
    assert studies.load(drafted).window.samples == 2048


def test_a_catalogue_of_another_year_says_so(brought, tmp_path):
    (tmp_path / "old.csv").write_text("time,type\n2020-01-01T00:00:00Z,vt\n")
    with pytest.raises(StudyError, match="none of 1 events is in the record: events are from 2020-01-01"):
        draft(Request("old", tmp_path / "old.csv", brought / "waves"), tmp_path / "old.toml")


def test_too_few_events_are_counted(brought, tmp_path):
    lines = (brought / "events.csv").read_text().splitlines()[:4]
    (tmp_path / "few.csv").write_text("\n".join(lines))
    with pytest.raises(StudyError, match=r"no class has 9 events or windows of long events \(long_period 1, vt 2\)"):
        draft(Request("few", tmp_path / "few.csv", brought / "waves"), tmp_path / "few.toml")


def test_records_that_are_too_short_are_refused(tmp_path):
    place = bring(tmp_path / "short", minutes=5, every_s=15)
    stream = read(str(place / "waves" / "AA1.mseed"))
    start = stream[0].stats.starttime
    for name in ("AA1", "AA2"):
        (place / "waves" / f"{name}.mseed").unlink()
    stream.slice(start + 60, start + 90).write(str(place / "waves" / "AA1.mseed"), format="MSEED")
    with pytest.raises(StudyError, match=r"the longest stretch of record is 30 s, and a window with its margins 45 s"):
        draft(Request("short", place / "events.csv", place / "waves"), tmp_path / "short.toml")


def test_records_slower_than_the_networks_are_refused(tmp_path):
    place = bring(tmp_path / "slow", stations=("AA1",))
    stream = read(str(place / "waves" / "AA1.mseed")).decimate(5, no_filter=True)
    for trace in stream:
        trace.data = trace.data.astype(np.int32)
    stream.write(str(place / "waves" / "AA1.mseed"), format="MSEED")
    with pytest.raises(StudyError, match="no channel of component Z has 25 Hz or more"):
        draft(Request("slow", place / "events.csv", place / "waves"), tmp_path / "slow.toml")


def test_a_service_needs_no_record_yet(brought, tmp_path, monkeypatch):
    monkeypatch.setenv("TREMORLAB_CACHE", str(tmp_path / "cache"))
    asked = Request("far", brought / "events.csv", fdsn="EARTHSCOPE", channels=["AV.REF..EHZ"])
    study = studies.load(draft(asked, tmp_path / "far.toml"))
    assert study.fetch.service == "EARTHSCOPE"
    (problem,) = check(study).problems
    assert "tremorlab fetch far" in problem


def test_records_at_a_service_are_not_asked_for_in_a_dry_run(drafted):
    text = drafted.read_text()
    begin, end = text.index("[waveforms]"), text.index("[preparation]")
    drafted.write_text(f'{text[:begin]}[waveforms]\nkind = "fdsn"\nservice = "EARTHSCOPE"\n\n{text[end:]}')
    found = check(studies.load(drafted))
    assert found.problems == []
    assert any("asked of a service" in warning for warning in found.warnings)


def test_a_dataset_in_the_layout_of_seisbench_becomes_a_study(drafted, tmp_path):
    from tremorlab.dataset.store import build

    study = studies.load(drafted)
    longer = study.model_copy(update={"window": study.window.model_copy(update={"samples": 2048, "onset": "fixed"})})
    planned = plan(of_study(longer), longer)
    build(tmp_path / "bench", planned[planned["event_class"] != "noise"], open_source(longer), longer)
    made = draft(Request("bench", tmp_path / "bench" / "metadata.csv", tmp_path / "bench"), tmp_path / "bench.toml")
    found = check(studies.load(made))
    assert found.problems == []
    assert set(found.classes.index) == {"long_period", "vt"}
    assert (found.classes["windows"] > 0.8 * found.classes["listed"]).all()


def test_a_class_alone_cannot_be_told_from_anything(brought, tmp_path):
    asked = Request("one", brought / "events.csv", brought / "waves", noise=False)
    text = draft(asked, tmp_path / "one.toml").read_text()
    (tmp_path / "one.toml").write_text(text.replace('vt = ["vt"]\n', ""))
    found = check(studies.load(tmp_path / "one.toml"))
    assert any("two are needed to tell apart" in problem for problem in found.problems)
    assert "PROBLEM: windows with record by class: long_period" in found.report()


def test_a_division_by_period_is_proposed_where_it_can_be():
    onset = pd.to_datetime("2024-01-01T00:00:00Z") + pd.to_timedelta(np.arange(60) * 600, unit="s")
    events = pd.DataFrame({"event_id": [str(n) for n in range(60)], "onset": onset, "event_class": ["a", "b"] * 30})
    events["end"] = pd.Series(pd.NaT, events.index, dtype=onset.dtype)
    first, second = division.borders(events, 100.0)
    assert onset[20] < first < second < onset[50]
    assert 'kind = "period"' in division.propose(events, 100.0)
    events["event_class"] = ["a"] * 57 + ["b"] * 3  # the rare class is at the end
    assert division.borders(events, 100.0) is None
    assert 'kind = "event"' in division.propose(events, 100.0)


def test_quiet_windows_are_spread_and_limited():
    segments = {"XY.A": pd.DataFrame({"start_ns": [0], "end_ns": [3600 * 10**9]})}
    empty = of_study(studies.load("micro")).iloc[:0]
    rows = quiet.quiet_windows(empty, segments, 100.0, most=5)
    assert len(rows) == 5
    assert (rows["onset"].diff().dropna().dt.total_seconds() > 700).all()
    assert quiet.quiet_windows(empty, segments, 4000.0, most=5).empty


def test_nothing_readable_is_an_error_of_the_records(brought, tmp_path):
    (tmp_path / "waves").mkdir()
    with pytest.raises(WaveformError, match="0 files, none is a waveform"):
        draft(Request("none", brought / "events.csv", tmp_path / "waves"), tmp_path / "none.toml")
