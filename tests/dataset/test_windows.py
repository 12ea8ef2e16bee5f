"""Planning and cutting windows: where they lie, what is in them, how often the source is asked."""

import numpy as np
import obspy
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy import Stream, Trace, UTCDateTime

from tremorlab.catalog.sources import of_study
from tremorlab.catalog.table import empty, from_records
from tremorlab.dataset import planning, store, windows
from tremorlab.dataset.windows import COLUMNS, DENSE, cut, plan, station_days
from tremorlab.errors import CatalogError, DatasetError, WaveformError
from tremorlab.study import Study, load
from tremorlab.waveform.files import FileSource, SDSSource
from tremorlab.waveform.prepare import prepare, reach_s

DAY = pd.Timestamp("2009-03-20T00:00:00Z")
STEP = pd.Timedelta("40ms")


def study_of(**changes):
    """Windows of 20.48 s (512 samples), one vertical component, no high-pass, unless told otherwise."""
    base = {
        "name": "loopback",
        "title": "t",
        "summary": "s",
        "licence": "l",
        "citation": "c",
        "classes": {"eruption": ["eruption", "emission"], "vt": ["vt"], "noise": ["noise"]},
        "stations": ["XX.AAA..HHZ"],
        "catalogues": [{"file": "none.csv"}],
        "waveforms": {"kind": "files", "files": ["none.mseed"]},
        "preparation": {"highpass_hz": 0},
        "window": {"samples": 512, "onset_s": 5.0},
    }
    return Study.model_validate(base | changes)


def event(onset_s, event_class="vt", end_s=None, station="", **more):
    """One event; times in seconds after the start of DAY."""
    record = {
        "event_id": f"e{onset_s}",
        "onset": DAY + pd.Timedelta(onset_s, "s"),
        "end": None if end_s is None else DAY + pd.Timedelta(end_s, "s"),
        "event_class": event_class,
        "source": "read from the record",
        "reliability": "high",
        "station": station,
    }
    return record | more


def catalogue(*events):
    return from_records(list(events))


def signal(times_s, component=0):
    """Ground motion known at any time: 2.3 Hz with a slowly changing amplitude, all inside the pass band."""
    return (100 + 20 * np.cos(times_s / 7)) * np.sin(2 * np.pi * 2.3 * times_s + component)


class Recorder:
    """A source that holds the known ground motion at 100 Hz, and counts the requests."""

    def __init__(self, first_s=0.0, last_s=3600.0, ids=("XX.AAA..HHZ",), rate=100.0):
        self.requests = []
        times = np.arange(first_s, last_s, 1 / rate)
        header = {"sampling_rate": rate, "starttime": UTCDateTime(ns=DAY.value) + first_s}
        self.stream = Stream()
        for number, seed_id in enumerate(ids):
            trace = Trace(signal(times, number), header)
            trace.id = seed_id
            self.stream.append(trace)

    def get(self, seed_id, start, end):
        self.requests.append((seed_id, start, end))
        return self.stream.select(id=seed_id).slice(start, end).copy()

    def lose(self, first_s, last_s, channel="*"):
        """Make a gap."""
        start = UTCDateTime(ns=DAY.value)
        lost = self.stream.select(channel=channel)
        kept = [trace for trace in self.stream if trace not in lost.traces]
        self.stream = Stream(kept) + lost.slice(endtime=start + first_s) + lost.slice(starttime=start + last_s)


def sample_times(row, study, margin=32):
    """Seconds after the start of DAY of the samples of a window with its margins."""
    first = (row["start"] - DAY).total_seconds()
    return first + (np.arange(study.window.samples + 2 * margin) - margin) / 25


# --- plan ------------------------------------------------------------------------------------------------------------


def test_a_short_event_gets_one_window_with_the_onset_where_the_study_says():
    table = plan(catalogue(event(1000.0, end_s=1010.0), event(2000.013, "emission")), study_of())
    assert list(table.columns) == list(COLUMNS)
    assert table["window_id"].tolist() == ["e1000.0_XX.AAA_000", "e2000.013_XX.AAA_000"]
    assert table["event_class"].tolist() == ["vt", "eruption"]
    assert table["start"].tolist() == [DAY + pd.Timedelta("995s"), DAY + pd.Timedelta("1995s")]
    assert (table["end"] - table["start"]).unique() == pd.Timedelta("20.48s")
    assert table["onset_s"].tolist() == pytest.approx([5.0, 5.013])


@settings(max_examples=25, deadline=None)
@given(nanoseconds=st.integers(0, 2 * 86_400 * 10**9), rate=st.sampled_from([20.0, 25.0, 31.25, 30.0]))
def test_starts_lie_on_the_samples_of_the_day_and_the_onset_is_kept(nanoseconds, rate):
    onset = DAY + pd.Timedelta(nanoseconds, "ns")
    study = study_of(preparation={"sampling_rate_hz": rate})
    table = plan(catalogue(event(0) | {"onset": onset}), study)
    row = table.iloc[0]
    sample = (row["start"] - row["start"].floor("D")).total_seconds() * rate
    assert sample == pytest.approx(round(sample), abs=1e-4)
    assert abs((onset - row["start"]).total_seconds() - 5.0) <= 0.5 / rate + 1e-9
    assert row["start"] + pd.Timedelta(row["onset_s"], "s") == pytest.approx(onset, abs=pd.Timedelta("2ns"))
    assert planning.check(table, study)["start"].iloc[0] == row["start"]


@pytest.mark.parametrize(
    ("length_s", "tiles"), [(20.4, 1), (20.45, 1), (20.48, 1), (20.49, 1), (40.96, 2), (45.0, 2), (205.0, 10)]
)
def test_a_long_event_is_tiled_from_its_onset(length_s, tiles):
    table = plan(catalogue(event(1000.0, "eruption", 1000.0 + length_s)), study_of())
    assert len(table) == tiles
    if length_s < 20.44:  # shorter than a window by more than a sample: the onset is where the study wants it
        assert table["onset_s"][0] == 5.0
        return
    assert table["onset_s"].isna().all()
    assert table["start"][0] == DAY + pd.Timedelta("1000s")
    assert (table["start"].diff().dropna() == pd.Timedelta("20.48s")).all()
    assert table["end"].iloc[-1] <= DAY + pd.Timedelta(1000.0 + length_s, "s") + STEP
    assert table["window_id"].iloc[-1] == f"e1000.0_XX.AAA_{tiles - 1:03d}"


@pytest.mark.parametrize(
    ("end_s", "count"), [(1020.48, 1), (1020.44, 1), (1020.39, 0), (1040.0, 1), (1061.5, 3), (None, 0)]
)
def test_noise_is_tiled_and_never_leaves_its_span(end_s, count):
    table = plan(catalogue(event(1000.0, "noise", end_s)), study_of())
    assert len(table) == count
    assert table["onset_s"].isna().all()
    expected = {} if count else {"noise of unknown end, or shorter than a window": 1}
    assert table.attrs["left_out"] == expected


def anywhere(**changes):
    return study_of(window={"samples": 512, "onset": "anywhere"} | changes)


def test_onsets_anywhere_fill_the_window_but_its_last_spectrum():
    """512 samples are 20.48 s, and an FFT of 128 samples 5.12 s."""
    table = plan(catalogue(*(event(100.0 * n, end_s=100.0 * n + 8) for n in range(300))), anywhere())
    assert len(table) == 300
    onset_s = np.sort(table["onset_s"])
    assert onset_s[0] > -0.02
    assert onset_s[-1] < 15.36 + 0.02
    assert np.abs(onset_s - (np.arange(300) + 0.5) / 300 * 15.36).max() < 0.1 * 15.36  # even
    onset = table["start"] + pd.to_timedelta(table["onset_s"], "s")
    assert (onset - [DAY + pd.Timedelta(100.0 * n, "s") for n in range(300)]).abs().max() < pd.Timedelta("1us")


def test_onsets_anywhere_depend_on_event_station_and_seed_and_on_nothing_else():
    events = [event(100.0 * n) for n in range(5)]
    study = anywhere()
    whole = plan(catalogue(*events), study)
    part = plan(catalogue(*events[3:]), study)
    assert part["onset_s"].tolist() == whole["onset_s"].tolist()[3:]
    two = plan(catalogue(events[0]), study.model_copy(update={"stations": ["XX.AAA..HHZ", "XX.BBB..HHZ"]}))
    assert two["onset_s"].nunique() == 2
    other = plan(catalogue(*events), study.model_copy(update={"seed": 1}))
    assert not set(other["onset_s"]) & set(whole["onset_s"])


def test_with_onsets_anywhere_a_long_event_goes_on_end_to_end_and_noise_stays_as_it_was():
    table = plan(catalogue(event(1000.0, end_s=1100.0), event(5000.0, "noise", end_s=5045.0)), anywhere())
    long, noise = table[table["event_class"] == "vt"], table[table["event_class"] == "noise"]
    assert long["onset_s"].notna().tolist() == [True] + [False] * (len(long) - 1)
    assert (long["start"].iloc[1:].to_numpy() == long["end"].iloc[:-1].to_numpy()).all()
    assert long["end"].iloc[-1] <= DAY + pd.Timedelta(1100.04, "s") < long["end"].iloc[-1] + pd.Timedelta(20.48, "s")
    assert noise["start"].iloc[0] == DAY + pd.Timedelta(5000, "s")
    assert len(noise) == 2
    assert noise["onset_s"].isna().all()
    assert len(plan(catalogue(event(1000.0, end_s=1100.0)), anywhere(tile=False))) == 1


def test_without_tiles_a_long_event_has_one_window_and_so_has_noise():
    study = study_of(window={"samples": 512, "onset_s": 5.0, "tile": False})
    table = plan(catalogue(event(1000.0, "eruption", 2000.0), event(3000.0, "noise", 3100.0)), study)
    assert table["onset_s"].tolist() == pytest.approx([5.0, np.nan], nan_ok=True)
    assert (table["start"] - DAY).dt.total_seconds().tolist() == [995.0, 3000.0]


def test_events_meet_the_stations_that_they_hold_for():
    study = study_of(stations=["XX.AAA..HHZ", "XX.B*.00.EH?", "YY.CCC..BHZ"])
    table = plan(catalogue(event(1, station="XX.BBB"), event(2, station="YY.CCC"), event(3, station="ZZ.AAA")), study)
    assert table["station"].tolist() == ["XX.BBB", "YY.CCC"]
    assert table["seed_id"].tolist() == ["XX.BBB.00.EH?", "YY.CCC..BHZ"]
    assert table.attrs["left_out"] == {"station ZZ.AAA is not in the study": 1}
    everywhere = plan(catalogue(event(1)), study_of(stations=["XX.AAA..HHZ", "YY.CCC..BHZ"]))
    assert everywhere["station"].tolist() == ["XX.AAA", "YY.CCC"]


def test_two_instruments_of_a_station_have_windows_of_their_own():
    table = plan(catalogue(event(1)), study_of(stations=["XX.AAA..EHZ", "XX.AAA.00.HHZ", "XX.BBB..HHZ"]))
    expected = ["e1_XX.AAA..EHZ_000", "e1_XX.AAA.00.HHZ_000", "e1_XX.BBB_000"]
    assert table["window_id"].tolist() == expected


def test_classes_that_the_study_leaves_out_are_counted():
    table = plan(catalogue(event(1, "teleseism"), event(2, "teleseism"), event(3, "tremor"), event(4)), study_of())
    assert table["event_id"].tolist() == ["e4"]
    expected = {"class teleseism is not in the study": 2, "class tremor is not in the study": 1}
    assert table.attrs["left_out"] == expected


def test_an_event_has_a_window_at_each_station_that_lists_it_with_its_own_onset():
    rows = [event(100.0 + delay, station=f"XX.{code}") for delay, code in ((0, "AAA"), (3, "BBB"), (9, "CCC"))]
    rows = [row | {"event_id": "one"} for row in rows]
    stations = ["XX.AAA..HHZ", "XX.BBB..HHZ"]
    table = plan(catalogue(*rows), study_of(stations=stations))
    assert table["window_id"].tolist() == ["one_XX.AAA_000", "one_XX.BBB_000"]
    assert table["event_id"].unique().tolist() == ["one"]
    assert (table["start"] - DAY).dt.total_seconds().tolist() == [95.0, 98.0]
    assert table["onset_s"].tolist() == [5.0, 5.0]
    without_class = plan(catalogue(*[row | {"event_class": "teleseism"} for row in rows]), study_of(stations=stations))
    assert without_class.attrs["left_out"] == {"class teleseism is not in the study": 1}


def test_a_plan_does_not_depend_on_the_order_of_the_catalogue():
    events = catalogue(*(event(100 * i, "eruption", 100 * i + 50) for i in range(20)))
    shuffled = events.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(plan(events, study_of()), plan(shuffled, study_of()))


def test_an_empty_catalogue_has_an_empty_plan_of_the_same_types():
    table = plan(empty(), study_of())
    assert len(table) == 0
    pd.testing.assert_series_equal(table.dtypes, plan(catalogue(event(1)), study_of()).dtypes)
    nothing = cut(table, Recorder(), study_of())
    assert nothing.waveforms.shape == (0, 1, 576)
    assert len(nothing.windows) == len(nothing.skipped) == len(nothing.flags) == 0


def test_an_event_for_all_stations_needs_their_names():
    with pytest.raises(
        DatasetError,
        match=r"study loopback, station XX\.A\?A\.\.HHZ: event e1 holds for all stations.*List the stations",
    ):
        plan(catalogue(event(1)), study_of(stations=["XX.A?A..HHZ"]))


def test_a_catalogue_that_breaks_the_schema_is_refused():
    with pytest.raises(CatalogError, match=r"catalogue of study loopback.*onset missing"):
        plan(catalogue(event(1)).drop(columns="onset"), study_of())


# --- cut -------------------------------------------------------------------------------------------------------------


def test_windows_hold_the_ground_motion_of_their_times():
    study = study_of(stations=["XX.AAA..HH?"], components="ZN")
    source = Recorder(ids=["XX.AAA..HHN", "XX.AAA..HHZ"])
    events = catalogue(*(event(200 + 3.217 * i + 0.0137 * i**2) for i in range(12)), event(2000, "noise", 2100))
    result = cut(plan(events, study), source, study)
    assert result.waveforms.shape == (len(result.windows), 2, 576)
    assert result.waveforms.dtype == np.float32
    assert len(result.skipped) == 0
    for waveform, (_, row) in zip(result.waveforms, result.windows.iterrows(), strict=True):
        times = sample_times(row, study)
        assert waveform[0] == pytest.approx(signal(times, 1), abs=0.05)  # of 120; Z is the second trace of the source
        assert waveform[1] == pytest.approx(signal(times, 0), abs=0.05)


@pytest.mark.parametrize("highpass_hz", [0, 0.2])
@pytest.mark.parametrize("count", [5, 60])
def test_windows_are_the_same_as_prepared_one_by_one(count, highpass_hz, monkeypatch):
    monkeypatch.setattr(windows, "_TOGETHER_S", 900)  # so that this hour is prepared in four pieces
    study = study_of(preparation={"highpass_hz": highpass_hz})
    source = Recorder()
    onsets = np.random.default_rng(3).uniform(100, 3400, count).round(3)
    table = plan(catalogue(*(event(onset) for onset in onsets)), study)
    result = cut(table, source, study)
    reach = reach_s(study.preparation)
    for waveform, (_, row) in zip(result.waveforms, result.windows.iterrows(), strict=True):
        start = UTCDateTime(ns=row["start"].value) - 32 / 25
        end = start + 576 / 25
        alone = prepare(
            source.get("XX.AAA..HHZ", start - reach, end + reach),
            start,
            end,
            components="Z",
            settings=study.preparation,
        )
        np.testing.assert_allclose(waveform, alone.data, atol=1e-6 * np.abs(alone.data).max())


def test_without_extended_frames_there_is_no_margin():
    study = study_of(running_spectrum={"framing": "inside"})
    result = cut(plan(catalogue(event(500.0)), study), Recorder(), study)
    assert result.waveforms.shape == (1, 1, 512)
    times = sample_times(result.windows.iloc[0], study, margin=0)
    assert result.waveforms[0, 0] == pytest.approx(signal(times), abs=0.05)


def test_a_dense_day_is_read_once_and_a_sparse_one_by_need():
    study = study_of()
    onsets = np.linspace(200, 3300, DENSE).round(2)
    source = Recorder()
    cut(plan(catalogue(*(event(onset) for onset in onsets)), study), source, study)
    assert len(source.requests) == 1
    sparse = Recorder()
    cut(plan(catalogue(event(500.0), event(505.0), event(3000.0)), study), sparse, study)
    assert len(sparse.requests) == 2  # overlapping windows share a request
    first, second = ((end - start) for _, start, end in sparse.requests)
    assert second == pytest.approx(576 / 25 + 2 * reach_s(study.preparation))
    assert first == pytest.approx(second + 5)


def test_windows_with_less_than_ten_minutes_unused_between_them_are_asked_for_at_once():
    """A window takes 23.04 s of record and as much as the filters reach on both sides."""
    study = study_of()
    apart = 600 + 576 / 25 + 2 * reach_s(study.preparation)
    for distance, count in ((apart - 1, 1), (apart + 1, 2)):
        source = Recorder()
        cut(plan(catalogue(event(100.0), event(100.0 + distance)), study), source, study)
        assert len(source.requests) == count


def test_progress_is_shown_only_when_asked_for(capsys):
    study = study_of()
    table = plan(catalogue(event(500.0), event(700.0)), study)
    cut(table, Recorder(), study)
    list(station_days(table, Recorder(), study))
    assert capsys.readouterr() == ("", "")
    cut(table, Recorder(), study, progress=True)
    assert "station-days: 100%" in capsys.readouterr().err
    list(station_days(table, Recorder(), study, progress=True))
    assert "1/1" in capsys.readouterr().err


def test_times_of_another_zone_are_the_same_times():
    study = study_of()
    table = plan(catalogue(event(500.0), event(700.0)), study)
    moved = table.assign(**{name: table[name].dt.tz_convert("Asia/Tokyo") for name in ("start", "end")})
    ours, theirs = cut(table, Recorder(), study), cut(moved, Recorder(), study)
    pd.testing.assert_frame_equal(theirs.windows, ours.windows)
    np.testing.assert_array_equal(theirs.waveforms, ours.waveforms)


def test_of_many_gaps_three_are_named_and_the_others_counted():
    study = study_of()
    source = Recorder()
    for first_s in (496, 500, 504, 508, 512):
        source.lose(first_s, first_s + 2)
    result = cut(plan(catalogue(event(500.0)), study), source, study)
    (reason,) = result.skipped["reason"]
    assert reason.count("gap in XX.AAA..HHZ") == 3
    assert reason.endswith("Z and 2 more")
    assert list(result.skipped.columns) == ["window_id", "reason"]


def test_a_window_across_midnight_comes_from_both_day_files(tmp_path):
    study = study_of()
    record = Recorder(first_s=86_000, last_s=86_800).stream[0]
    record.data = record.data.astype(np.float32)
    midnight = UTCDateTime(ns=DAY.value) + 86_400
    for julday, part in (("079", record.slice(endtime=midnight - 0.01)), ("080", record.slice(midnight))):
        folder = tmp_path / "2009" / "XX" / "AAA" / "HHZ.D"
        folder.mkdir(parents=True, exist_ok=True)
        part.write(str(folder / f"XX.AAA..HHZ.D.2009.{julday}"), format="MSEED")
    onsets = [86_390.0, 86_399.99, 86_400.0, 86_404.99, 86_405.0, 86_410.0]
    table = plan(catalogue(*(event(onset) for onset in onsets)), study)
    assert table["start"].dt.day.tolist() == [20, 20, 20, 21, 21, 21]  # 4 samples of 25 Hz round to midnight
    result = cut(table, SDSSource(tmp_path), study)
    assert len(result.windows) == len(onsets)
    for waveform, (_, row) in zip(result.waveforms, result.windows.iterrows(), strict=True):
        assert waveform[0] == pytest.approx(signal(sample_times(row, study)), abs=0.05)


def test_windows_come_in_the_order_of_the_plan():
    study = study_of(stations=["XX.AAA..HHZ", "XX.BBB..HHZ"])
    source = Recorder(last_s=90_000, ids=["XX.AAA..HHZ", "XX.BBB..HHZ"], rate=20.0)
    source.lose(40_000, 41_000)
    onsets = [*np.arange(500, 89_000, 9_000.0), 40_500.0, 40_990.0]
    table = plan(catalogue(*(event(onset) for onset in onsets)), study).sample(frac=1, random_state=2)
    table["split"] = np.arange(len(table)).astype(str)
    result = cut(table, source, study)
    lost = table["event_id"].isin(["e40500.0", "e40990.0"])
    pd.testing.assert_frame_equal(result.windows, table[~lost].reset_index(drop=True))
    assert result.skipped["window_id"].tolist() == table["window_id"][lost].tolist()
    for waveform, (_, row) in zip(result.waveforms, result.windows.iterrows(), strict=True):
        known = signal(sample_times(row, study), int(row["station"] == "XX.BBB"))
        assert waveform[0] == pytest.approx(known, abs=0.05)


def test_station_days_are_the_parts_of_the_cut():
    study = study_of(stations=["XX.AAA..HHZ", "XX.BBB..HHZ"])
    source = Recorder(last_s=90_000, ids=["XX.AAA..HHZ", "XX.BBB..HHZ"], rate=20.0)
    table = plan(catalogue(*(event(onset) for onset in (500.0, 700.0, 87_000.0))), study)
    parts = list(station_days(table, source, study))
    whole = cut(table, source, study)
    assert [len(part.windows) for part in parts] == [2, 1, 2, 1]
    for part in parts:
        np.testing.assert_array_equal(part.waveforms, whole.waveforms[part.windows.index])
        pd.testing.assert_frame_equal(part.windows, whole.windows.loc[part.windows.index])


def test_the_length_of_a_window_may_be_rounded_to_a_millisecond():
    study = study_of()
    table = plan(catalogue(event(500.0)), study)
    rounded = table.assign(end=table["end"] + pd.Timedelta("1ms"))
    pd.testing.assert_frame_equal(cut(rounded, Recorder(), study).windows, table)
    with pytest.raises(DatasetError, match=r"is 20\.482 s long"):
        cut(table.assign(end=table["end"] + pd.Timedelta("2ms")), Recorder(), study)


def test_starts_beside_the_grid_are_moved_and_the_onset_with_them():
    study = study_of()
    table = plan(catalogue(event(500.0)), study)
    shift = pd.Timedelta("13ms")
    moved = table.assign(start=table["start"] + shift, end=table["end"] + shift)
    result = cut(moved, Recorder(), study)
    assert result.windows["start"][0] == table["start"][0]
    assert result.windows["onset_s"][0] == pytest.approx(5.013)


def test_a_window_over_a_gap_is_skipped_with_the_reason():
    study = study_of()
    source = Recorder()
    source.lose(500, 530)
    events = [event(onset) for onset in (400.0, 490.0, 510.0, 600.0)]
    result = cut(plan(catalogue(*events), study), source, study)
    assert result.windows["event_id"].tolist() == ["e400.0", "e600.0"]
    assert result.skipped["window_id"].tolist() == ["e490.0_XX.AAA_000", "e510.0_XX.AAA_000"]
    pattern = (
        r"\d+ of 576 samples are not valid: gap in XX\.AAA\.\.HHZ, 2009-03-20T00:08:20.*Z to 2009-03-20T00:08:\d\d"
    )
    assert result.skipped["reason"].str.match(pattern).all()
    # Each window by itself, as on a day with few events and no other window near.
    for row in range(2):
        alone = cut(plan(catalogue(events[1 + row]), study), source, study)
        assert alone.waveforms.shape == (0, 1, 576)
        assert alone.skipped["reason"].str.contains("samples are not valid").all()


def test_a_filled_gap_is_reported_with_the_windows_that_touch_it():
    study = study_of()
    source = Recorder()
    source.lose(500, 500.5)
    result = cut(plan(catalogue(event(490.0), event(495.0), event(700.0)), study), source, study)
    assert len(result.windows) == 3
    assert result.flags["window_id"].tolist() == ["e490.0_XX.AAA_000", "e495.0_XX.AAA_000"]
    assert set(result.flags["kind"]) == {"filled_gap"}
    assert list(result.flags.columns) == ["window_id", "kind", "seed_id", "start", "end", "detail"]
    assert set(result.flags["seed_id"]) == {"XX.AAA..HHZ"}
    assert (result.flags["start"] >= DAY + pd.Timedelta("499.9s")).all()
    assert (result.flags["end"] <= DAY + pd.Timedelta("500.6s")).all()
    assert (result.flags["start"] < result.flags["end"]).all()
    assert (result.flags["detail"] != "").all()


def test_a_missing_component_is_named():
    study = study_of(stations=["XX.AAA..HH?"], components="ZNE")
    result = cut(plan(catalogue(event(500.0)), study), Recorder(ids=["XX.AAA..HHZ", "XX.AAA..HHN"]), study)
    assert len(result.windows) == 0
    assert "576 of 576 samples are not valid: missing_component in E" in result.skipped["reason"][0]


@pytest.mark.parametrize("count", [1, DENSE])
def test_where_there_is_no_record_the_window_is_skipped(count):
    study = study_of()
    events = catalogue(*(event(5000.0 + 30 * i) for i in range(count)))
    result = cut(plan(events, study), Recorder(last_s=3600), study)
    assert len(result.skipped) == count
    assert result.skipped["reason"].str.match(r"XX\.AAA\.\.HHZ, 2009-03-20T.*: no record").all()


@pytest.mark.parametrize("count", [2, DENSE])
def test_a_damaged_file_skips_its_windows_and_spares_the_others(tmp_path, count):
    study = study_of(stations=["XX.AAA..HHZ", "XX.BBB..HHZ"])
    for code in ("AAA", "BBB"):
        folder = tmp_path / "2009" / "XX" / code / "HHZ.D"
        folder.mkdir(parents=True)
        trace = Recorder(ids=[f"XX.{code}..HHZ"]).stream[0]
        trace.data = trace.data.astype(np.int32)
        trace.write(str(folder / f"XX.{code}..HHZ.D.2009.079"), format="MSEED", encoding="STEIM2")
    damaged = folder / "XX.BBB..HHZ.D.2009.079"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    table = plan(catalogue(*(event(500.0 + 60 * i) for i in range(count))), study)
    result = cut(table, SDSSource(tmp_path), study)
    assert set(result.windows["station"]) == {"XX.AAA"}
    assert len(result.skipped) == count
    assert result.skipped["reason"].str.contains("XX.BBB..HHZ.D.2009.079: is cut off", regex=False).all()


@pytest.mark.parametrize("count", [2, DENSE])
def test_damage_in_the_next_day_concerns_only_windows_that_reach_into_it(count):
    class Damaged(Recorder):
        def get(self, seed_id, start, end):
            if end > UTCDateTime(ns=DAY.value) + 86_400:
                raise WaveformError("day file", "is damaged", "Get it again")
            return super().get(seed_id, start, end)

    study = study_of()
    onsets = [*np.linspace(84_500, 86_000, count - 1).round(2), 86_395.0]
    table = plan(catalogue(*(event(onset) for onset in onsets)), study)
    result = cut(table, Damaged(first_s=84_000, last_s=87_000), study)
    assert len(result.windows) == count - 1
    assert result.skipped["window_id"].tolist() == ["e86395.0_XX.AAA_000"]
    assert result.skipped["reason"][0] == "day file: is damaged. Get it again"


@pytest.mark.parametrize("count", [3, DENSE])
def test_record_that_cannot_be_prepared_concerns_only_windows_that_touch_it(count):
    study = study_of()
    source = Recorder()
    source.lose(1500, 1600)
    slow = Trace(np.ones(500), {"sampling_rate": 5.0, "starttime": UTCDateTime(ns=DAY.value) + 1500})
    slow.id = "XX.AAA..HHZ"
    source.stream.append(slow)
    onsets = [*np.linspace(100, 1400, count - 1).round(2), 1550.0]
    result = cut(plan(catalogue(*(event(onset) for onset in onsets)), study), source, study)
    assert len(result.windows) == count - 1
    assert "sampling rate 5 Hz is not within" in result.skipped["reason"][0]
    for waveform, (_, row) in zip(result.waveforms, result.windows.iterrows(), strict=True):
        assert waveform[0] == pytest.approx(signal(sample_times(row, study)), abs=0.05)


@pytest.mark.parametrize("value", [0.0, 2048.0])
def test_a_dead_channel_is_skipped_and_named(value):
    study = study_of(stations=["XX.AAA..HH?"], components="ZN", preparation={"highpass_hz": 0.2})
    source = Recorder(ids=["XX.AAA..HHZ", "XX.AAA..HHN"])
    source.stream[1].data[40_000:60_000] = value  # from 400 to 600 s
    result = cut(plan(catalogue(event(300.0), event(500.0), event(595.0)), study), source, study)
    assert result.windows["event_id"].tolist() == ["e300.0", "e595.0"]
    assert result.skipped["reason"].tolist() == [f"XX.AAA..HHN is constant ({value:g})"]


def test_a_quiet_stretch_of_a_coarse_record_is_not_taken_for_a_dead_channel():
    study = study_of()
    source = Recorder()
    source.stream[0].data[40_000:60_000] = 7.0
    source.stream[0].data[50_000] = 8.0  # a single least count
    result = cut(plan(catalogue(event(495.0)), study), source, study)
    assert len(result.windows) == 1


# --- plans that do not fit -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda table: table.drop(columns=["seed_id", "onset_s"]), r"plan: column\(s\) seed_id, onset_s missing\."),
        (lambda table: pd.concat([table, table]), r"plan: window e500.0_XX.AAA_000 occurs twice\. Leave one"),
        (
            lambda table: table.assign(start=table["start"].dt.tz_localize(None)),
            r"plan: column 'start' is datetime64.*, not a time in UTC\. Make the plan with .* and the same study",
        ),
        (lambda table: table.assign(end=table["end"].astype(str)), "column 'end' is str, not a time in UTC"),
        (
            lambda table: table.assign(end=table["end"] + 4 * STEP),
            r"plan, window e500.0_XX.AAA_000: is 20\.64 s long, and a window of study loopback is 20\.48 s\. Make",
        ),
    ],
)  # fmt: skip
def test_a_plan_of_another_making_is_refused(change, match):
    table = plan(catalogue(event(500.0), event(600.0)), study_of())
    with pytest.raises(DatasetError, match=match):
        cut(change(table), Recorder(), study_of())
    with pytest.raises(DatasetError, match=match):
        next(station_days(change(table), Recorder(), study_of()))


# --- straight to disk ------------------------------------------------------------------------------------------------


def test_a_dataset_is_built_as_it_would_be_cut(tmp_path):
    study = study_of(stations=["XX.AAA..HHZ", "XX.BBB..HHZ"])
    source = Recorder(last_s=90_000, ids=["XX.AAA..HHZ", "XX.BBB..HHZ"], rate=25.0)
    source.lose(600, 700)
    source.lose(1000.2, 1000.4)
    table = plan(catalogue(*(event(onset) for onset in (500.0, 650.0, 1000.0, 88_000.0))), study)
    skipped, flags = store.build(tmp_path / "set", table, source, study)
    whole = cut(table.sort_values("station", kind="stable"), source, study)
    with store.open(tmp_path / "set") as dataset:
        np.testing.assert_array_equal(dataset.waveforms[:], whole.waveforms)
        pd.testing.assert_frame_equal(dataset.windows, whole.windows)
        assert dataset.study == "loopback"
    pd.testing.assert_frame_equal(skipped, whole.skipped)
    pd.testing.assert_frame_equal(flags, whole.flags)
    assert len(skipped) == len(flags) == 2
    assert pd.read_csv(tmp_path / "set" / "skipped.csv")["window_id"].tolist() == skipped["window_id"].tolist()
    assert pd.read_csv(tmp_path / "set" / "flags.csv")["kind"].tolist() == ["filled_gap"] * 2


def test_a_dataset_without_any_window_is_not_built(tmp_path):
    table = plan(catalogue(event(5000.0)), study_of())
    with pytest.raises(
        DatasetError, match=r"set: none of 1 windows could be cut; the first was skipped because XX\.AAA"
    ):
        store.build(tmp_path / "set", table, Recorder(), study_of())
    with pytest.raises(DatasetError, match=r"set: none of 0 windows could be cut\. Check plan and source"):
        store.build(tmp_path / "set", table[:0], Recorder(), study_of())
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_breaks_down_leaves_no_dataset(tmp_path):
    class Broken(Recorder):
        def get(self, seed_id, start, end):
            if len(self.requests) == 2:
                raise ConnectionError("the cable is cut")
            return super().get(seed_id, start, end)

    table = plan(catalogue(*(event(onset) for onset in (500.0, 1500.0, 2500.0))), study_of())
    with pytest.raises(ConnectionError):
        store.build(tmp_path / "set", table, Broken(), study_of())
    assert list(tmp_path.iterdir()) == []


# --- recordings ------------------------------------------------------------------------------------------------------


def test_reventador_windows_equal_obspy_s_own_processing(recordings):
    file = recordings / "reventador_2005" / "XX.9024..EHZ.2005214T065926.mseed"
    study = study_of(
        stations=["XX.9024..EHZ"],
        window={"samples": 4096},
    )
    start = obspy.read(file, headonly=True)[0].stats.starttime
    eruption = event(0, "eruption") | {
        "onset": pd.Timestamp((start + 1240).ns, tz="UTC"),
        "end": pd.Timestamp((start + 1980).ns, tz="UTC"),
    }
    result = cut(plan(catalogue(eruption), study), FileSource([file]), study)
    assert len(result.windows) == 4
    for waveform, (_, row) in zip(result.waveforms, result.windows.iterrows(), strict=True):
        first = UTCDateTime(ns=row["start"].value) - 32 / 25
        trace = obspy.read(file, starttime=first - 60, endtime=first + 240)[0]
        trace.data = trace.data.astype(float)
        for one in (trace, trace.copy()):
            one.detrend("demean")
        trace.filter("lowpass", freq=8.0, corners=8, zerophase=True)
        trace.interpolate(25.0, method="lanczos", a=20, starttime=first, npts=4160)
        ours = Trace(waveform[0].astype(float), {"sampling_rate": 25.0})
        ours.filter("lowpass", freq=8.0, corners=8, zerophase=True)
        inner = slice(100, -100)
        theirs = trace.data[inner] - trace.data[inner].mean()
        own = ours.data[inner] - ours.data[inner].mean()
        assert np.corrcoef(own, theirs)[0, 1] > 0.999
        assert own.std() == pytest.approx(theirs.std(), rel=0.02)


def test_an_event_as_long_as_the_window_is_covered_from_its_onset():
    study = load("redoubt_2009")
    table = plan(of_study(study), study)
    long_period = table[table["event_class"] == "long_period"]
    assert long_period["onset_s"].isna().all()


def test_an_event_may_name_the_stations_of_a_network():
    study = load("micro")
    table = plan(of_study(study), study)
    stations = table.loc[table["event_id"] == "micro_unterhaching", "station"]
    assert stations.tolist() == ["BW.UH1", "BW.UH2", "BW.UH3", "BW.UH4"]
