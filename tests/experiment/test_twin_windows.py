"""Division of a twin's windows, on tables made by hand."""

import numpy as np
import pandas as pd
import pytest

from tremorlab.catalog.splits import leaks
from tremorlab.experiment import twin_windows
from tremorlab.experiment.twin_windows import TwinWindows, divide
from tremorlab.twin.scenario import configure

SCENARIO = configure(setting="nankai", days=4, stations=3)


@pytest.fixture
def table():
    """Events at three stations each, 20 minutes apart."""
    rng = np.random.default_rng(0)
    stations = [f"{s.network}.{s.station}" for s in SCENARIO.geometry.stations]
    rows = []
    for n in range(280):
        start = pd.Timestamp("2015-01-01", tz="UTC") + pd.Timedelta(minutes=20 * n)
        name = rng.choice(["tremor", "earthquake", "noise"])
        rows += [(f"e{n}", name, station, start, start + pd.Timedelta(seconds=163.84)) for station in stations]
    return pd.DataFrame(rows, columns=["event_id", "event_class", "station", "start", "end"])


@pytest.mark.parametrize(
    ("kind", "shared", "hours"),
    [
        ("period", {"same_station", "same_hour"}, 2),
        ("event", {"same_station", "same_hour"}, 288),
        ("random", {"same_station", "same_hour", "same_event", "overlap"}, 288),
    ],
)
def test_a_division_shares_what_its_name_says(table, kind, shared, hours):
    split = divide(table, TwinWindows(scenario=SCENARIO, split=kind))
    found = leaks(table, split, 163.84)
    assert set(found["kind"]) == shared
    assert (found["kind"] == "same_hour").sum() <= hours
    shares = (split.astype(str).value_counts() / len(table))[["train", "validation", "test"]]
    assert shares.to_numpy() == pytest.approx([0.45, 0.15, 0.4], abs=0.02)


def test_the_last_station_is_the_test(table):
    settings = TwinWindows(scenario=SCENARIO, split="station")
    split = divide(table, settings)
    assert set(table["station"][split == "test"]) == {table["station"].iloc[2]}
    assert set(table["station"][split != "test"]) == set(table["station"].iloc[:2])
    known = table[split != "test"]
    assert not known.groupby("event_id")["station"].nunique().ne(2).any()
    assert known[split[known.index] == "train"].groupby("event_id").size().eq(2).all()


def test_fewer_windows_are_whole_events_but_one(table):
    settings = TwinWindows(scenario=SCENARIO, most={"tremor": 50})
    chosen = np.ones(len(table), bool)
    stay = twin_windows._fewer(table, chosen, settings)
    left = table[stay]
    assert (left["event_class"] == "tremor").sum() == 50
    assert (left["event_class"] != "tremor").sum() == (table["event_class"] != "tremor").sum()
    of_event = left[left["event_class"] == "tremor"].groupby("event_id").size()
    assert (of_event != 3).sum() <= 1
    other = twin_windows._fewer(table, chosen, settings.model_copy(update={"seed": 2}))
    assert (other != stay).any()


def test_truth_stands_beside_the_catalogue():
    windows = pd.DataFrame({"event_id": ["a", "a", "n"], "station": ["S1", "S1", "S2"], "tile": [0, 1, 0]})
    truth = pd.DataFrame(
        {
            "event": [0, 1, 2, -1],
            "event_class": ["tremor", "tremor", "earthquake", "noise"],
            "station": ["S1", "S1", "S1", "S2"],
            "catalogue_id": ["a", "a", np.nan, "n"],
            "snr_db": [5.0, 6.0, 7.0, np.nan],
            "distance_km": [1.0, 2.0, 3.0, np.nan],
            "hidden": [0, 0, 0, 2],
        }
    )
    found = twin_windows.with_truth(windows, truth)
    assert found["snr_db"].tolist()[:2] == [5.0, 5.0]
    assert found["true_class"].tolist() == ["tremor", "tremor", "noise"]
    assert found["hidden"].tolist() == [0, 0, 2]
