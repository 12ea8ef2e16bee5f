"""A watch gives what an archive run gives, and the same whenever it is killed."""

import numpy as np
import pandas as pd
import pytest

from tests.live.conftest import END, RULE, START, STATIONS
from tremorlab.detect import archive as archives
from tremorlab.detect import bulletin
from tremorlab.live.feeds import Replay
from tremorlab.live.state import State
from tremorlab.live.watch import FOLDER, Watch
from tremorlab.waveform.files import SDSSource


def watch(root, model, out, **options):
    feed = Replay(SDSSource(root), START, END, speed=0)
    return Watch(feed, model, out, STATIONS, start=START, end=END, rule=RULE, **options)


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
