"""Archives: read by obspy and by our own readers, they hold the injected motion, and the same bits twice."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import tracemalloc
from pathlib import Path

import numpy as np
import obspy
import pandas as pd
import pytest
from obspy import UTCDateTime
from obspy.clients.filesystem.sds import Client
from scipy.signal import butter, sosfiltfilt

from tremorlab import study as studies
from tremorlab.catalog import readers, splits
from tremorlab.catalog.sources import of_study
from tremorlab.dataset import windows
from tremorlab.errors import ParameterError
from tremorlab.twin import ambient, archive, clutter, faults, noise
from tremorlab.twin.archive import recorded, simulate, station_day
from tremorlab.twin.events import draw_events, heard
from tremorlab.twin.network import NETWORKS, instrument, rotate
from tremorlab.twin.scenario import ACTIVITY, configure
from tremorlab.waveform.sources import SDSSource, open_source

SILENT = dict.fromkeys(ACTIVITY["colombia"], 0.0)
SMALL = {"setting": "colombia", "days": 1, "stations": 2, "rate_hz": 25, "seed": 4, "faults": 10.0}
RATES = SILENT | {"vt": 60.0, "eruption": 10.0}


def checksums(folder):
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("twin") / "made"
    simulate(configure(**SMALL, rates=RATES), folder, workers=2)
    return folder


def test_the_same_seed_gives_the_same_bits_whatever_the_number_of_processes(twin, tmp_path):
    simulate(configure(**SMALL, rates=RATES), tmp_path / "again", workers=1)
    assert checksums(twin) == checksums(tmp_path / "again")


def test_another_seed_gives_another_archive(twin, tmp_path):
    simulate(configure(**(SMALL | {"seed": 5, "stations": 1}), rates=RATES), tmp_path / "other", workers=1)
    one, other = checksums(twin), checksums(tmp_path / "other")
    shared = [path for path in other if path in one and path.suffix not in (".xml",)]
    assert len(shared) >= 6
    assert all(one[path] != other[path] for path in shared)


def test_obspy_and_our_own_reader_read_the_same_samples(twin):
    begin = UTCDateTime(2015, 1, 1, 3)
    client = Client(str(twin / "sds"))
    assert sorted(client.get_all_nslc()) == sorted(
        ("ZC", s.station, "", c) for s in NETWORKS["colombia_like"].stations[:2] for c in s.channels
    )
    known = client.get_waveforms("ZC", "C01", "", "HHZ", begin, begin + 600)
    own = SDSSource(twin / "sds").get("ZC.C01..HHZ", begin, begin + 600)
    assert sum(trace.stats.npts for trace in own) >= 14_000
    assert np.array_equal(known.merge()[0].data, own.merge()[0].data)
    assert own[0].data.dtype == np.int32
    assert own[0].stats.sampling_rate == 25


def test_the_study_loads_and_its_windows_can_be_cut(twin):
    study = studies.load(twin / "study.toml")
    catalogue = readers.read(twin / "catalogue.csv")
    plan = windows.plan(catalogue, study)
    assert set(plan["event_class"]) == {"eruption", "vt", "noise"}
    cut = windows.cut(plan.groupby("event_class").head(4), open_source(study), study)
    assert len(cut.windows) > 4
    assert cut.waveforms.shape[1:] == (1, 4096 + 64)
    assert np.isfinite(cut.waveforms).all()


def test_an_event_wise_split_never_parts_the_stations_of_an_event(twin):
    study = studies.load(twin / "study.toml")
    plan = windows.plan(readers.read(twin / "catalogue.csv"), study)
    split = splits.by_event(plan, {"train": 0.5, "validation": 0.25, "test": 0.25}, seed=3)
    truth = pd.read_csv(twin / "truth.csv").query("event >= 0").dropna(subset="catalogue_id")
    placed = pd.DataFrame({"catalogue_id": plan["event_id"], "station": plan["station"], "split": split.astype(str)})
    merged = truth.merge(placed.drop_duplicates(), on=["catalogue_id", "station"])
    assert merged.groupby("event")["station"].nunique().max() == 2
    assert merged.groupby("event")["split"].nunique().eq(1).all()
    assert "same_event" not in set(splits.leaks(plan, split, study.window_s)["kind"])


@pytest.mark.parametrize("setting", ["nankai", "sakurajima"])
def test_a_day_hears_the_events_that_may_reach_into_it_and_no_others(setting):
    scenario = configure(setting=setting, days=4, stations=2, seed=6)
    events = draw_events(scenario)
    for station in scenario.geometry.stations:
        days = [heard(scenario, station, day * 86400.0, (day + 1) * 86400.0) for day in range(4)]
        assert {event.number for day in days for event in day} == set(range(len(events)))
        for begin, end in ((86400.0, 172800.0), (90_000.0, 90_010.0)):
            expected = [
                event.number
                for event in events
                if event.reach_s(station)[0] < end and event.reach_s(station)[1] > begin
            ]
            assert [event.number for event in heard(scenario, station, begin, end)] == expected


def test_nothing_of_a_day_is_held_when_the_next_one_begins(tmp_path, monkeypatch):
    """Peak memory is then that of one station-day, whatever the length and the number of stations."""
    held = []

    def silence(station, start_s, n, rate_hz, *_, **__):
        held.append(tracemalloc.get_traced_memory()[0])
        return np.zeros((3, n), "f4")

    monkeypatch.setattr(archive.ambient, "ambient", silence)
    monkeypatch.setattr(archive.clutter, "between", lambda *_, **__: [])
    scenario = configure(**(SMALL | {"days": 4, "stations": 1}), rates=SILENT | {"vt": 3.0})
    tracemalloc.start()
    simulate(scenario, tmp_path / "made", workers=1)
    tracemalloc.stop()
    assert len(held) == 4
    record = 3 * 86400 * 25 * 4
    # Caches of limited size are filled on the first day; after that only rows of truth are added.
    assert max(held[2:]) - held[1] < 0.1 * record


def test_faults_are_in_the_record_and_in_the_truth(twin):
    found = pd.read_csv(twin / "faults.csv")
    assert {"gap", "spike", "glitch", "clock_step", "step"} <= set(found["kind"])
    source = SDSSource(twin / "sds")
    gaps = found[(found["kind"] == "gap") & (found["station"] == "ZC.C01")]
    steps = found[(found["kind"] == "clock_step") & (found["station"] == "ZC.C01")]
    for gap in gaps.itertuples():
        middle = UTCDateTime(gap.start) + (UTCDateTime(gap.end) - UTCDateTime(gap.start)) / 2
        if UTCDateTime(gap.end) - UTCDateTime(gap.start) > 8:  # a clock step moves a stretch by up to 3 s
            assert not source.get("ZC.C01..HHZ", middle, middle + 0.1)
    day = source.get("ZC.C01..HHZ", UTCDateTime(2015, 1, 1), UTCDateTime(2015, 1, 2))
    offsets = {round((trace.stats.starttime - UTCDateTime(2015, 1, 1)) * 25 % 1, 3) for trace in day}
    assert len(steps) == 0 or len(offsets) > 1
    assert len(day) > len(gaps) / 2


def test_the_truth_holds_every_event_at_every_station(twin):
    scenario = configure(**SMALL, rates=RATES)
    truth = pd.read_csv(twin / "truth.csv")
    events = [e for e in draw_events(scenario) if e.onset_s(scenario.geometry.stations[0]) < 86400]
    assert (truth["station"] == "ZC.C01").sum() >= len(events)
    assert truth.query("event >= 0").groupby("event").size().le(2).all()
    row = truth.query("event == 3 and station == 'ZC.C02'").iloc[0]
    event, station = draw_events(scenario)[3], scenario.geometry.stations[1]
    assert UTCDateTime(row["onset"]) - scenario.begin == pytest.approx(event.onset_s(station), abs=0.001)
    offset = np.array(event.place_km) - (station.x_km, station.y_km, station.z_km)
    assert row["distance_km"] == pytest.approx(np.linalg.norm(offset), rel=1e-4)
    assert (pd.to_datetime(truth["end"]) >= pd.to_datetime(truth["onset"])).all()
    clutter_rows = pd.read_csv(twin / "clutter.csv")
    assert set(clutter_rows["kind"]) <= set(clutter.MIXES["colombia"])


def test_response_removal_gives_the_injected_ground_velocity(tmp_path):
    """On the record itself, counts and quantisation included, at a turned ocean-bottom sensor."""
    scenario = configure(
        setting="nankai", days=1, stations=1, rate_hz=50, seed=8, faults=0, rates={"tremor": 0, "earthquake": 4}
    )
    study = studies.load(simulate(scenario, tmp_path / "made", workers=1))
    station, rate = scenario.geometry.stations[0], 50.0
    events = draw_events(scenario)
    drawn = [
        e.render(station, rate, np.random.default_rng([8, archive._RENDER, e.number, station.seed])) for e in events
    ]
    start_s, velocity = max(drawn, key=lambda item: np.abs(item[1]).max())
    lead = round(300 * rate)
    first = max(round(start_s * rate) - lead, 0)
    n = velocity.shape[1] + 2 * lead
    level = {"level": scenario.noise_level}
    ground = np.zeros((3, n), "f4")
    for item in clutter.between(station, first / rate, (first + n) / rate, "nankai", 8, **level):
        ambient.add(ground, first, *clutter.render(item, station, rate))
    for other_s, motion in drawn:
        ambient.add(ground, first, round(other_s * rate), motion)
    # The ambient horizontals carry no direction and are not turned.
    expected = ambient.ambient(station, first / rate, n, rate, "nankai", 8, **level)
    expected += rotate(ground, station.azimuth_deg)
    begin = scenario.begin + first / rate
    stream = open_source(study).get("ZN.A01..HH?", begin, begin + (n - 1) / rate)
    inventory = obspy.read_inventory(tmp_path / "made" / "stations.xml")
    stream.remove_response(inventory, output="VEL", pre_filt=(0.02, 0.05, 20, 24), zero_mean=True)
    sos = butter(3, (0.5, 10), "bandpass", fs=rate, output="sos")
    middle = slice(lead - 500, n - lead + 500)
    by_code = {trace.stats.channel: trace.data for trace in stream}
    for k, code in enumerate(station.channels):
        found, known = (sosfiltfilt(sos, np.asarray(x, "f8"))[middle] for x in (by_code[code], expected[k]))
        assert np.corrcoef(found, known)[0, 1] > 0.98
        assert np.std(found) == pytest.approx(np.std(known), rel=0.03)


def test_a_record_goes_on_over_midnight_without_a_seam(tmp_path, monkeypatch):
    scenario = configure(
        setting="colombia", days=2, stations=1, rate_hz=25, seed=1, faults=0, rates=SILENT | {"vt": 1.0}
    )
    event = next(e for seed in range(1, 40) for e in draw_events(scenario.model_copy(update={"seed": seed})))
    # Half a second before midnight, so that its waves belong to both days.
    moved = type(event)(
        0,
        type(event.source)(
            **{f: getattr(event.source, f) for f in event.source.__slots__} | {"origin_s": 86398.0, "magnitude": 3.0}
        ),
        event.medium,
    )
    monkeypatch.setattr(archive, "heard", lambda *_: [moved])
    rows = [station_day(scenario, 0, day, tmp_path) for day in (0, 1)]
    assert [len(row.truth) for row in rows] == [1, 0]
    stream = SDSSource(tmp_path).get("ZC.C01..HHZ", scenario.begin + 86300, scenario.begin + 86600)
    assert stream.merge(method=-1)[0].stats.npts == 300 * 25 + 1
    station, sensor = scenario.geometry.stations[0], instrument(scenario.geometry.stations[0])
    whole = ambient.ambient(station, 86300.0, 7501, 25.0, "colombia", 1, instrument=sensor)
    for item in clutter.between(station, 86200.0, 86600.0, "colombia", 1):
        first, motion = clutter.render(item, station, 25.0)
        ambient.add(whole, 86300 * 25, first, recorded(motion, station, 25.0))
    start_s, velocity = moved.render(station, 25.0, np.random.default_rng([1, archive._RENDER, 0, station.seed]))
    ambient.add(whole, 86300 * 25, round(start_s * 25), recorded(velocity, station, 25.0))
    counts, _ = faults.digitise(whole, [], sensor, 25.0, 86300.0)
    assert np.array_equal(stream[0].data, counts[0])


def test_large_events_clip_near_the_crater_and_the_truth_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "heard", lambda *_: [])
    scenario = configure(setting="sakurajima", days=1, stations=1, rate_hz=25, faults=0, seed=2)
    real = ambient.ambient
    monkeypatch.setattr(archive.ambient, "ambient", lambda *a, **k: real(*a, **k) * np.float32(2000))
    row = station_day(scenario, 0, 0, tmp_path)
    clipped = [fault for fault in row.faults if fault["kind"] == "clipping"]
    assert clipped
    day = SDSSource(tmp_path).get("ZS.V01..EHZ", scenario.begin, scenario.begin + 86400)
    assert max(np.abs(trace.data).max() for trace in day) == instrument(scenario.geometry.stations[0]).full_scale


def test_a_day_without_record_leaves_no_file(tmp_path, monkeypatch):
    scenario = configure(setting="colombia", days=1, stations=1, rate_hz=25, rates=SILENT)
    monkeypatch.setattr(archive.faults, "draw", lambda *_: [faults.Fault("gap", -1, 0.0, 86400.0, 0.0)])
    station_day(scenario, 0, 0, tmp_path)
    assert not list(tmp_path.rglob("*.001"))


def test_the_stated_signal_to_noise_ratio_is_the_measured_one():
    scenario = configure(setting="sakurajima", days=1, stations=1, rate_hz=50, seed=3)
    station = scenario.geometry.stations[0]
    event = draw_events(scenario)[0]
    start_s, velocity = event.render(station, 50.0, np.random.default_rng(0))
    row = archive._truth(scenario, event, station, start_s, velocity)
    sos = butter(8, (2, 8), "bandpass", fs=50, output="sos")
    filtered = sosfiltfilt(sos, velocity[0].astype("f8"))
    energy = np.cumsum(filtered**2) / np.sum(filtered**2)
    inside = (energy > 0.05) & (energy < 0.95)
    quiet = ambient.ambient(station, max(row["onset_s"] - 150, 0), 15000, 50.0, "sakurajima", 3)[0]
    measured = 20 * np.log10(filtered[inside].std() / sosfiltfilt(sos, quiet.astype("f8")).std())
    assert row["snr_db"] == pytest.approx(measured, abs=2.0)


@pytest.mark.parametrize("peak_db", [20.0, 50.0])
def test_a_signal_ends_where_it_sinks_to_the_level_at_which_half_are_listed(peak_db):
    """A decaying oscillation: its power over 5 s falls by 8.7 dB in each time constant of 10 s."""
    scenario = configure(setting="sakurajima", days=1, stations=1, rate_hz=50, seed=3)
    station, event = scenario.geometry.stations[0], draw_events(scenario)[0]
    quiet = noise.band_rms(station, event.onset_s(station), (2, 8), "sakurajima", 3)[0]
    time_s = np.arange(6000) / 50
    decay = np.exp(-time_s / 10) * np.sin(2 * np.pi * 4 * time_s)
    velocity = np.tile((np.sqrt(2) * quiet * 10 ** (peak_db / 20) * decay).astype("f4"), (3, 1))
    row = archive._truth(scenario, event, station, 1000.0, velocity)
    # The mean of exp(-2 t / 10) over the last 5 s, from its end, is (e - 1) times the value there.
    sunk = 10 / 2 * ((peak_db - 2.0) / 10 * np.log(10) + np.log(np.e - 1))
    assert row["end_s"] == pytest.approx(1000 + sunk, abs=0.3)


def test_a_signal_under_the_noise_ends_with_its_energy():
    scenario = configure(setting="sakurajima", days=1, stations=1, rate_hz=50, seed=3)
    station, event = scenario.geometry.stations[0], draw_events(scenario)[0]
    velocity = np.zeros((3, 6000), "f4")
    velocity[:, 2000:3000] = 1e-12 * np.sin(2 * np.pi * 4 * np.arange(1000) / 50)
    row = archive._truth(scenario, event, station, 1000.0, velocity)
    assert row["end_s"] == pytest.approx(1000 + 40 + 0.95 * 20, abs=0.5)


def test_the_study_works_wherever_the_folder_is_moved(twin, tmp_path):
    moved = shutil.copytree(twin, tmp_path / "elsewhere")
    study = studies.load(moved / "study.toml")
    assert study.waveforms.root == str(moved / "sds")
    assert str(twin) not in (moved / "study.toml").read_text()
    assert len(of_study(study)) == len(readers.read(twin / "catalogue.csv"))
    begin = UTCDateTime(2015, 1, 1, 3)
    assert open_source(study).get("ZC.C01..HHZ", begin, begin + 10)


def test_a_folder_that_exists_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(ParameterError, match=r"mine: exists\. Remove it, or name another"):
        simulate(configure(**SMALL), tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "precious"


def test_a_folder_that_appears_meanwhile_is_left_alone(tmp_path, monkeypatch):
    def write(scenario, partial, workers, progress):
        (tmp_path / "made").mkdir()
        (tmp_path / "made" / "mine").write_text("precious")

    monkeypatch.setattr(archive, "_write", write)
    with pytest.raises(ParameterError, match=r"made: cannot be put in place: Directory not empty\. Name another"):
        simulate(configure(**SMALL), tmp_path / "made")
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    assert (tmp_path / "made" / "mine").read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ParameterError, match=r"file/twin: cannot be made: Not a directory"):
        simulate(configure(**SMALL), tmp_path / "file" / "twin")


def test_the_number_of_workers_must_be_positive(tmp_path):
    with pytest.raises(ParameterError, match="workers: 0 is not positive"):
        simulate(configure(**SMALL), tmp_path / "made", workers=0)


def test_a_failure_in_the_middle_leaves_nothing(tmp_path, monkeypatch):
    def broken(*_):
        raise ParameterError("catalogue", "broke", "Try again")

    monkeypatch.setattr(archive, "station_day", lambda *_: archive.StationDay([], [], []))
    monkeypatch.setattr(archive, "compile_catalogue", broken)
    with pytest.raises(ParameterError, match="catalogue: broke"):
        simulate(configure(**SMALL), tmp_path / "made", workers=1)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_run_leaves_nothing_that_looks_finished(tmp_path):
    code = f"""
        from tremorlab.twin.archive import simulate
        from tremorlab.twin.scenario import configure
        simulate(configure(setting="colombia", days=20, rate_hz=25, stations=1), {str(tmp_path / "made")!r}, workers=1)
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], env=environment)
    deadline = time.monotonic() + 300
    while not list(tmp_path.glob(".made.*.part/sds/**/*.001")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "made").exists()
    assert not list(Path(tmp_path).rglob("study.toml"))
