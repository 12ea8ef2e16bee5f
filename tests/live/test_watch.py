"""A watch gives what an archive run gives, and the same whenever it is killed."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import sqlalchemy

from tests.live.conftest import END, RULE, START, STATIONS
from tremorlab.detect import archive as archives
from tremorlab.detect import bulletin
from tremorlab.errors import DataMissingError, ParameterError
from tremorlab.live import state as tables
from tremorlab.live.feeds import Replay
from tremorlab.live.state import FILE, State
from tremorlab.live.watch import FOLDER, Watch
from tremorlab.waveform.files import SDSSource


def watch(root, model, out, **options):
    feed = Replay(SDSSource(root), START, END, speed=0)
    return Watch(feed, model, out, STATIONS, start=START, end=END, rule=RULE, **options)


def command(root, model, out, *more):
    """The same as a command line."""
    code = "from tremorlab.cli import app; app()"
    words = [sys.executable, "-c", code, "watch", model, "-o", out, "--replay", root, "--port", "0", *more]
    words += ["--speed", "0", "--start", START, "--end", END, "--on", RULE.on, "--off", RULE.off]
    return [str(word) for word in [*words, *(word for station in STATIONS for word in ("-s", station))]]


@pytest.fixture(scope="module")
def whole(root, model, tmp_path_factory):
    """An uninterrupted watch: its folder, its figures and its database."""
    out = tmp_path_factory.mktemp("watch")
    done = watch(root, model, out)
    figures = done.run()
    return out, figures, opened(done)


def opened(done):
    return State(done._database, done._depends_on())


def probabilities(state, station):
    rows = state.windows(station, 0, 2**62)
    assert all(row["final"] for row in rows)
    numbers = [row["number"] for row in rows]
    values = [list(row["probabilities"].values()) if row["probabilities"] else [np.nan] * 3 for row in rows]
    return numbers, np.array(values)


def test_probabilities_and_events_are_those_of_the_archive(whole, archived):
    _, figures, state = whole
    out, outcome = archived
    for station in ("XX.AAA.", "XX.BBB."):
        days = [
            out / "probabilities" / f"station={station}" / f"date=2011-02-{day}" / archives.FILE for day in (15, 16)
        ]
        days = [archives.read(path, 30.72, 10.24) for path in days]
        numbers, values = probabilities(state, station)
        first = round((days[0].start.timestamp - 15.36) / 10.24)
        expected = np.concatenate([day.probabilities for day in days])[np.array(numbers) - first]
        assert len(values) == 176
        np.testing.assert_allclose(values, expected, atol=1e-5)
        reasons = [row["reason"] for row in state.windows(station, 0, 2**62)]
        assert [bool(reason) for reason in reasons] == list(np.isnan(values[:, 0]))
    assert len(outcome.events) >= 2
    pd.testing.assert_frame_equal(state.events(), outcome.events)
    assert figures.windows == 352
    assert sum(figures.events.values()) == len(outcome.events)


def test_each_event_has_a_quakeml_file(whole):
    out, _, state = whole
    events = state.events()
    files = sorted((out / FOLDER).iterdir())
    assert [path.stem for path in files] == sorted(events["event_id"])
    read = pd.concat([bulletin.read_quakeml(path) for path in files]).sort_values("onset").reset_index(drop=True)
    pd.testing.assert_frame_equal(read, events)


class Killed(BaseException):
    """As sudden as SIGKILL: nothing catches it."""


def same(state, expected):
    """The tables are those of another watch."""
    pd.testing.assert_frame_equal(state.events(), expected.events())
    for (run_ns, found), (wanted_ns, wanted) in zip(state.detections(), expected.detections(), strict=True):
        assert (run_ns, found.station, found.event_class) == (wanted_ns, wanted.station, wanted.event_class)
        assert (found.onset, found.end, found.peak) == (wanted.onset, wanted.end, wanted.peak)
    for station in ("XX.AAA.", "XX.BBB."):
        found, wanted = probabilities(state, station), probabilities(expected, station)
        assert found[0] == wanted[0]
        np.testing.assert_allclose(found[1], wanted[1], atol=1e-5)
    assert {name: row["next_window"] for name, row in state.stations().items()} == {
        name: row["next_window"] for name, row in expected.stations().items()
    }


@pytest.mark.parametrize("place", ["begin", "put_station", "put_events", "_write"])
def test_ended_at_any_place_and_started_again_it_comes_to_the_same(root, model, tmp_path, whole, monkeypatch, place):
    """Before a transaction, in the middle of one, between a transaction and its files: again and again."""
    owner = {"begin": State, "_write": Watch}.get(place, tables)
    real, rng, ends = getattr(owner, place), np.random.default_rng(1), 0
    allowed = [0]

    def fails(*args, **kwargs):
        allowed[0] -= 1
        if allowed[0] < 0:
            raise Killed
        return real(*args, **kwargs)

    monkeypatch.setattr(owner, place, fails)
    for _ in range(200):
        allowed[0] = int(rng.integers(*{"begin": (9, 30), "put_station": (2, 30)}.get(place, (1, 3 + ends))))
        done = watch(root, model, tmp_path)
        try:
            done.run()
            break
        except Killed:
            ends += 1
    monkeypatch.undo()
    assert ends >= 2
    state = opened(done)
    same(state, whole[2])
    assert state.unwritten() == []
    written = {path.name: path.read_bytes() for path in (tmp_path / FOLDER).iterdir()}
    assert written.keys() == {path.name for path in (whole[0] / FOLDER).iterdir()}


def test_killed_and_started_again_it_comes_to_the_same(root, model, tmp_path, whole):
    words = command(root, model, tmp_path)
    rng = np.random.default_rng(2)
    for _ in range(3):
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            assert "page at" in process.stdout.readline()
            time.sleep(rng.uniform(0, 0.5))
            process.send_signal(signal.SIGKILL)
    assert (tmp_path / FILE).exists()
    finished = subprocess.run(words, capture_output=True, text=True, check=True)
    assert finished.stdout.startswith(f"replay {START} to {END}, page at http://127.0.0.1:")
    assert finished.stdout.splitlines()[-1].endswith(f"events in {tmp_path}")
    state = opened(watch(root, model, tmp_path))
    same(state, whole[2])
    assert len(list((tmp_path / FOLDER).iterdir())) == len(state.events())


def test_started_again_after_its_end_it_changes_nothing(root, model, whole):
    out, _, state = whole
    before, files = state.events(), {path: path.stat().st_mtime_ns for path in (out / FOLDER).iterdir()}
    figures = watch(root, model, out).run()
    assert (figures.windows, sum(figures.events.values())) == (0, 0)
    pd.testing.assert_frame_equal(state.events(), before)
    assert {path: path.stat().st_mtime_ns for path in (out / FOLDER).iterdir()} == files


def test_early_windows_are_shown_and_replaced_and_old_ones_deleted(root, model, tmp_path, whole):
    done = watch(root, model, tmp_path, keep_days=300 / 86_400)
    feed, seen = done.feed, []

    def batches(since):
        for batch in Replay.batches(feed, since):
            yield batch
            seen.append([(row["number"], row["final"]) for row in done.state.windows("XX.AAA.", 0, 2**62)])

    feed.batches = batches
    done.run()
    early = {number for rows in seen for number, final in rows if not final}
    assert len(early) > 20
    state = opened(done)
    numbers, values = probabilities(state, "XX.AAA.")
    wanted = dict(zip(*probabilities(whole[2], "XX.AAA."), strict=True))
    np.testing.assert_allclose(values, [wanted[number] for number in numbers], atol=1e-5)
    assert len(numbers) < 100
    pd.testing.assert_frame_equal(state.events(), whole[2].events())


def test_at_a_multiple_of_real_time_the_delay_is_measured(root, model, tmp_path):
    feed = Replay(SDSSource(root), START + 300, START + 360, speed=20)
    done = Watch(feed, model, tmp_path, STATIONS[:1], start=START + 300, end=START + 360, rule=RULE)
    figures = done.run()
    assert figures.windows == 6
    assert len(figures.delay_s) >= 4
    assert min(figures.delay_s) > 0.5  # the filter's length
    assert all(0 <= latency < 60 for latency in figures.latency_s)
    assert feed.state().startswith("playing 2011-02-15 23:5")


def test_the_response_gives_reduced_displacement(root, model, tmp_path):
    from obspy import read_inventory

    inventory = read_inventory()
    inventory[0].code, inventory[0][0].code = "XX", "AAA"
    inventory[0].stations = inventory[0].stations[:1]
    for channel in inventory[0][0]:
        channel.code, channel.start_date = "HH" + channel.code[-1], None
    inventory.write(str(tmp_path / "stations.xml"), format="STATIONXML")
    place = (inventory[0][0].latitude + 0.1, inventory[0][0].longitude)
    done = watch(root, model, tmp_path / "out", inventory=tmp_path / "stations.xml", origin=place)
    done.run()
    moved = opened(done).events()["reduced_displacement_cm2"]
    assert (moved.dropna() > 0).all()
    assert moved.notna().any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stations": []}, r"stations: none, not each once\. Give --station"),
        ({"stations": ["XX.AAA..HHZ", "XX.AAA..HHN"]}, r"stations: \['XX\.AAA\.', 'XX\.AAA\.'\], not each once"),
        ({"stations": ["XX.AAA"]}, r"station 'XX\.AAA': is not NET\.STA\.LOC\.CHA, with wildcards in CHA alone"),
        ({"stations": ["XX.A*..HHZ"]}, r"station 'XX\.A\*\.\.HHZ': is not NET\.STA\.LOC\.CHA"),
        ({"patience_s": 0}, r"patience: 0 is not above 0"),
        ({"inventory": "none.xml"}, r"none\.xml: cannot be read: No such file"),
    ],
)
def test_what_cannot_be_watched(root, model, tmp_path, options, message):
    feed = Replay(SDSSource(root), START, END, speed=0)
    with pytest.raises(ParameterError, match=message):
        Watch(feed, model, tmp_path, **{"stations": STATIONS} | options)


def test_a_replay_that_cannot_be(root, model, tmp_path):
    with pytest.raises(ParameterError, match=r"ends before it starts\. Swap"):
        Replay(SDSSource(root), END, START)
    with pytest.raises(ParameterError, match=r"speed -1: is negative\. Give times real time"):
        Replay(SDSSource(root), START, END, -1)
    feed = Replay(SDSSource(root), START, END, 0)
    with pytest.raises(
        DataMissingError, match=r"station XX\.CCC\.\.HHZ: has no record in 2011-02-15T23:46:40\.123000Z to"
    ):
        Watch(feed, model, tmp_path, ["XX.CCC..HHZ"], start=START, end=END).run()


def test_a_damaged_day_is_a_gap(root, model, tmp_path):
    mine = tmp_path / "sds"
    shutil.copytree(root, mine)
    path = next(mine.rglob("XX.BBB..HHZ.D.2011.047"))
    path.write_bytes(path.read_bytes()[:-100])
    done = watch(mine, model, tmp_path / "out")
    done.run()
    state = opened(done)
    rows = state.windows("XX.BBB.", 0, 2**62)
    assert len(rows) == 176
    assert sum(row["probabilities"] is not None for row in rows) < 80
    assert rows[-1]["reason"].startswith(("missing_component", "gap"))
    assert state.stations()["XX.BBB."]["health"]["reason"] == rows[-1]["reason"]


def test_two_watches_do_not_work_on_one_folder(root, model, tmp_path):
    with archives.alone(tmp_path), pytest.raises(ParameterError, match=r"another run is writing here\. Wait"):
        watch(root, model, tmp_path).run()


def test_a_folder_that_cannot_be_written(root, model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        ParameterError, match=r"file/out: cannot be made: Not a directory\. Name a folder you may write"
    ):
        watch(root, model, tmp_path / "file" / "out").run()
    (tmp_path / FOLDER).write_text("")
    with pytest.raises(ParameterError, match=r"cannot be used: File exists\. Name another folder"):
        watch(root, model, tmp_path).run()


def test_a_database_that_cannot_be_written_says_so_and_nothing_is_lost(root, model, tmp_path, whole, monkeypatch):
    def full(*_):
        raise sqlalchemy.exc.OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    with monkeypatch.context() as patched:
        patched.setattr(tables, "put_events", full)
        with pytest.raises(
            ParameterError, match=r"watch\.sqlite: cannot be written: database or disk is full\. Put that"
        ):
            watch(root, model, tmp_path).run()
    done = watch(root, model, tmp_path)
    done.run()
    same(opened(done), whole[2])
