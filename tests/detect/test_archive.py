"""A detector over an archive: resumable, one run at a time, the same as without interruption."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from obspy import UTCDateTime
from typer.testing import CliRunner

from tests.detect.test_continuous import START, recorded, write
from tremorlab import cli
from tremorlab.detect import archive, bulletin
from tremorlab.detect.archive import StationDay, station_days
from tremorlab.detect.continuous import annotate
from tremorlab.detect.engine import FILE
from tremorlab.detect.events import Rule, detections
from tremorlab.detect.export import LIMIT
from tremorlab.errors import ParameterError, WaveformError
from tremorlab.waveform.files import SDSSource

RULE = Rule(on=0.36, off=0.34, background=("noise", "earthquake"))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Half an hour around a midnight at two stations, of which one has three components."""
    folder = tmp_path_factory.mktemp("sds")
    write(recorded("ZNE"), folder)
    other = recorded("Z", seed=3)
    other[0].stats.station = "BBB"
    write(other, folder)
    return folder


@pytest.fixture(scope="module")
def model(folder_of):
    return folder_of("waveform")


def run(root, model, out, **options):
    return archive.detect(root, model, out, rule=RULE, workers=1, **options)


@pytest.fixture(scope="module")
def whole(root, model, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    return run(root, model, out), out


def test_an_archive_is_read_for_what_it_holds(root):
    days = ["2011-02-15", "2011-02-16"]
    assert station_days(root) == [(name, day) for name in ("XX.AAA.", "XX.BBB.") for day in days]
    assert {name for name, _ in station_days(root, ["XX.A*"])} == {"XX.AAA."}
    assert {name for name, _ in station_days(root, components="ZNE")} == {"XX.AAA.", "XX.BBB."}
    assert {name for name, _ in station_days(root, channels="HH?", components="NE")} == {"XX.AAA."}
    with pytest.raises(ParameterError, match=r"holds no day file of YY\.\*, channel \*, component Z\. Give the top"):
        station_days(root, ["YY.*"])
    with pytest.raises(ParameterError, match=r"channel BH\?, component Z"):
        station_days(root, channels="BH?")


def test_files_and_events_are_those_of_the_record_as_one(whole, root, detector_of):
    outcome, out = whole
    assert (outcome.done, outcome.kept, outcome.failures) == (4, 0, [])
    detector, found = detector_of("waveform"), []
    for station in ("XX.AAA.", "XX.BBB."):
        days = [out / "probabilities" / f"station={station}" / f"date=2011-02-{day}" / archive.FILE for day in (15, 16)]
        values = np.concatenate([archive.read(path, 30.72, 10.24).probabilities for path in days])
        begin, end = UTCDateTime("2011-02-15"), UTCDateTime("2011-02-17")
        expected = annotate(SDSSource(root), f"{station}.*", begin, end, detector)
        np.testing.assert_allclose(values, expected.probabilities, atol=LIMIT)
        found += detections(expected, RULE)
    assert len(found) >= 2
    picks = pd.read_csv(out / "picks.csv")
    assert len(picks) == len(found)
    np.testing.assert_allclose(sorted(picks["peak_value"]), sorted(d.probability for d in found), atol=LIMIT)
    assert sorted(picks["peak_time"]) == sorted(str(d.peak) for d in found)
    pd.testing.assert_frame_equal(bulletin.read_csv(out / "events.csv"), outcome.events)
    pd.testing.assert_frame_equal(bulletin.read_quakeml(out / "events.xml"), outcome.events)


def test_the_tables_are_partitioned_and_say_why_values_are_missing(whole):
    _, out = whole
    table = pq.read_table(out / "probabilities")
    assert table.column_names == ["time", "tremor", "earthquake", "noise", "station", "date"]
    assert table.num_rows == 2 * (8437 + 8438)
    day = archive.read(next(out.glob("probabilities/station=XX.AAA./date=2011-02-15/*")), 30.72, 10.24)
    assert day.station == "XX.AAA."
    assert UTCDateTime("2011-02-15") <= day.start < UTCDateTime("2011-02-15") + 10.24
    assert day.spans[0].reason.startswith(("missing_component", "gap"))
    assert day.spans[0].windows == np.flatnonzero(day.known)[0]


def test_what_is_finished_is_not_done_again_until_its_files_change(root, model, tmp_path, monkeypatch):
    mine = tmp_path / "sds"
    subprocess.run(["cp", "-a", root, mine], check=True)
    first = run(mine, model, tmp_path / "out")
    done = []
    evaluate = archive._evaluate
    monkeypatch.setattr(archive, "_evaluate", lambda pair: done.append(pair[0]) or evaluate(pair))
    again = run(mine, model, tmp_path / "out")
    assert (again.done, again.kept, done) == (0, 4, [])
    pd.testing.assert_frame_equal(again.events, first.events)
    day = next(mine.rglob("XX.BBB..HHZ.D.2011.047"))
    os.utime(day, ns=(0, 1))
    assert run(mine, model, tmp_path / "out").kept == 2
    assert [(task.station, task.day) for task in done] == [("XX.BBB.", "2011-02-15"), ("XX.BBB.", "2011-02-16")]
    assert run(mine, model, tmp_path / "out", step_s=20.48).kept == 0
    task = StationDay("", "XX.AAA.", "*", "2011-02-15", "", 0, str(tmp_path / "out"))
    task.path.write_bytes(task.path.read_bytes()[:-9])
    assert run(mine, model, tmp_path / "out", step_s=20.48).kept == 3


def test_a_task_that_is_done_already_is_left_as_it_is(root, model, tmp_path):
    """As after the death of the worker that did it: Dask asks another one again."""
    out = tmp_path / "out"
    run(root, model, out, stations=["XX.AAA"])
    task = StationDay(str(root), "XX.AAA.", "*", "2011-02-15", str(model / FILE), 10.24, str(out))
    written = task.path.stat().st_mtime_ns
    assert archive._evaluate((task, archive._key(task.path))) == ""
    assert task.path.stat().st_mtime_ns == written
    assert archive._evaluate((task, "hash of other day files")) == ""
    assert task.path.stat().st_mtime_ns > written


def test_a_failure_is_tried_again_listed_and_leaves_the_others_alone(root, model, tmp_path, monkeypatch, whole):
    tries = []

    def fail(source, seed_id, start, *rest, **options):
        if seed_id.startswith("XX.BBB") and start == UTCDateTime("2011-02-15"):
            tries.append(start)
            raise (WaveformError("disk", "gone", "Plug it in") if len(tries) > 1 else ValueError("odd"))
        return annotate(source, seed_id, start, *rest, **options)

    monkeypatch.setattr(archive, "annotate", fail)
    out = tmp_path / "out"
    outcome = run(root, model, out)
    assert len(tries) == 2
    assert (outcome.done, outcome.failures) == (3, [("XX.BBB.", "2011-02-15", "disk: gone. Plug it in")])
    assert pd.read_csv(out / "failures.csv").values.tolist() == [["XX.BBB.", "2011-02-15", "disk: gone. Plug it in"]]
    monkeypatch.setattr(archive, "annotate", annotate)
    mended = run(root, model, out)
    assert (mended.done, mended.kept, mended.failures) == (1, 3, [])
    assert len(pd.read_csv(out / "failures.csv")) == 0
    pd.testing.assert_frame_equal(mended.events, whole[0].events)


def test_two_runs_do_not_work_on_one_folder(root, model, tmp_path):
    with (
        archive.alone(tmp_path / "out"),
        pytest.raises(ParameterError, match=r"out: another run is writing here\. Wait for it to end"),
    ):
        run(root, model, tmp_path / "out")
    assert run(root, model, tmp_path / "out", last="2011-02-15").done == 2


def test_a_killed_run_is_gone_on_with(root, model, tmp_path, whole):
    out = tmp_path / "out"
    code = (
        "from tremorlab.detect import archive; from tremorlab.detect.events import Rule\n"
        f"archive.detect({str(root)!r}, {str(model)!r}, {str(out)!r}, workers=1)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    while not list(out.glob("probabilities/*/*/probabilities.parquet")):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    outcome = run(root, model, out)
    assert outcome.kept >= 1
    assert outcome.done + outcome.kept == 4
    pd.testing.assert_frame_equal(outcome.events, whole[0].events)


def test_two_workers_give_the_same(root, model, tmp_path, whole):
    outcome = archive.detect(root, model, tmp_path / "out", rule=RULE, workers=2)
    pd.testing.assert_frame_equal(outcome.events, whole[0].events)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"first": "2012-01-01"}, r"days 2012-01-01 to \.\.\.: are not in the archive"),
        ({"inventory": "none.xml"}, r"none\.xml: cannot be read: No such file"),
    ],
)
def test_what_is_not_there_is_named(root, model, tmp_path, options, message):
    with pytest.raises(ParameterError, match=message):
        run(root, model, tmp_path / "out", **options)


def test_the_command_line(root, model, tmp_path):
    words = [root, model, "-o", tmp_path / "out", "-s", "XX.BBB", "--on", 0.36, "--off", 0.34, "-j", 1]
    done = CliRunner().invoke(cli.app, ["detect", *map(str, words)])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("2 station-days evaluated, 0 kept, 0 failed\n")
    assert "100%" in done.stderr
    bad = CliRunner().invoke(cli.app, ["detect", *map(str, words), "--off", "0.9"])
    assert bad.exit_code == 2
    assert "tremorlab: rule: Value error, off = 0.9 is above on = 0.36" in bad.stderr


def test_export_on_the_command_line(model):
    before = (model / FILE).read_bytes()
    done = CliRunner().invoke(cli.app, ["export", str(model)])
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{model / FILE}\n"
    assert (model / FILE).read_bytes() == before


def test_the_command_needs_neither_tensorflow_nor_dask_for_one_station_day(root, model, tmp_path):
    words = ["detect", str(root), str(model), "-o", str(tmp_path), "-s", "XX.BBB", "--last", "2011-02-15"]
    code = (
        f"import sys, tremorlab.cli\ntremorlab.cli.app({words!r}, standalone_mode=False)\n"
        "print(sorted({'tensorflow', 'keras', 'onnx', 'torch', 'distributed', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_days_are_joined_over_midnight(whole):
    joined = archive._contiguous(
        [archive.read(path, 30.72, 10.24) for path in sorted(whole[1].glob("probabilities/station=XX.AAA./*/*"))]
    )
    (one,) = joined
    assert len(one) == 8437 + 8438
    assert one.time(8437) >= UTCDateTime("2011-02-16") > one.time(8436)
    assert one.time(int(np.flatnonzero(one.known)[0])) > START
