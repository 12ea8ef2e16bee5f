import os

import numpy as np
import obspy
import pandas as pd
import pytest
from hypothesis import given, settings
from obspy.io.quakeml.core import _validate

from tests.catalog.generated import catalogs
from tremorlab.catalog import readers, table, writers
from tremorlab.errors import CatalogError

WRITERS = {"csv": writers.write_csv, "quakeml": writers.write_quakeml}

EVENTS = [
    {"event_id": "a", "onset": "2009-03-20T17:00:00.25Z", "event_class": "vt", "source": "AVO", "reliability": "high",
     "latitude": 60.485, "longitude": -152.742, "depth_km": 2.59, "magnitude": 1.1, "remarks": "SNR 133"},
    {"event_id": "b", "onset": "2009-03-20T18:00Z", "end": "2009-03-20T18:05Z", "event_class": "eruption",
     "source": "AVO", "reliability": "low", "station": "AV.REF"},
    {"event_id": "c", "onset": "2009-03-20T19:00Z", "event_class": "volcanic_tremor", "source": "AVO",
     "reliability": "low"},
]  # fmt: skip


@pytest.mark.parametrize("reader", WRITERS)
@given(catalog=catalogs())
@settings(deadline=None, max_examples=30)
def test_reading_back_gives_an_equal_table(tmp_path_factory, reader, catalog):
    path = tmp_path_factory.mktemp("written") / "events"
    WRITERS[reader](catalog, path)
    pd.testing.assert_frame_equal(readers.read(path, reader), catalog, check_exact=True)


def test_csv_is_what_pandas_reads(tmp_path):
    writers.write_csv(table.from_records(EVENTS), tmp_path / "events.csv")
    raw = pd.read_csv(tmp_path / "events.csv")
    assert list(raw.columns) == list(table.COLUMNS)
    assert raw["onset"].tolist() == ["2009-03-20T17:00:00.25Z", "2009-03-20T18:00:00Z", "2009-03-20T19:00:00Z"]
    assert raw.loc[0, "depth_km"] == 2.59
    assert raw["end"].isna().tolist() == [True, False, True]


def test_quakeml_keeps_to_the_standard_and_says_the_same_to_obspy(tmp_path):
    path = tmp_path / "events.xml"
    writers.write_quakeml(table.from_records(EVENTS), path)
    assert _validate(str(path))
    placed, picked, bare = obspy.read_events(path)
    assert (placed.event_type, picked.event_type, bare.event_type) == ("earthquake", "volcanic eruption", "other event")
    assert placed.origins[0].time == obspy.UTCDateTime("2009-03-20T17:00:00.25")
    assert np.isclose(placed.origins[0].depth, 2590)
    assert placed.magnitudes[0].mag == 1.1
    assert placed.event_descriptions[0].text == "SNR 133"
    assert picked.picks[0].waveform_id.get_seed_string().startswith("AV.REF")
    assert bare.picks[0].time == obspy.UTCDateTime("2009-03-20T19:00:00")


def test_an_event_at_several_stations_is_one_quakeml_event_with_a_pick_at_each(tmp_path):
    path = tmp_path / "events.xml"
    place = {"latitude": 60.485, "longitude": -152.742, "magnitude": 1.1}
    rows = [
        EVENTS[0] | {"station": station, "onset": onset, "reliability": reliability} | place
        for station, onset, reliability in (
            ("AV.RSO", "2009-03-20T17:00:02Z", "low"),
            ("AV.REF", "2009-03-20T17:00:01Z", "high"),
        )
    ]
    catalog = table.from_records([*rows, EVENTS[1]])
    writers.write_quakeml(catalog, path)
    assert _validate(str(path))
    event, other = obspy.read_events(path)
    codes = [(pick.waveform_id.station_code, str(pick.time)[17:19]) for pick in event.picks]
    assert codes == [("REF", "01"), ("RSO", "02")]
    assert event.origins[0].time == obspy.UTCDateTime("2009-03-20T17:00:01")
    assert [magnitude.mag for magnitude in event.magnitudes] == [1.1]
    assert len(other.picks) == 1
    pd.testing.assert_frame_equal(readers.read(path, "quakeml"), catalog, check_exact=True)


@pytest.mark.parametrize("reader", WRITERS)
def test_writing_twice_gives_the_same_bytes(tmp_path, reader):
    for name in ("one", "two"):
        WRITERS[reader](table.from_records(EVENTS), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("reader", WRITERS)
def test_table_that_breaks_the_schema_is_not_written(tmp_path, reader):
    path = tmp_path / "events"
    path.write_text("before")
    with pytest.raises(CatalogError, match=r"catalogue, row 2, column 'event_class': 'explosion' is not one of"):
        WRITERS[reader](pd.DataFrame(EVENTS).assign(event_class=["vt", "explosion", "vt"]), path)
    assert path.read_text() == "before"


def test_folder_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "no" / "events.csv"
    with pytest.raises(CatalogError, match=r"events.csv: cannot be written: No such file .*Choose a folder"):
        writers.write_csv(table.empty(), path)


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "events.csv"
    writers.write_csv(table.from_records(EVENTS), path)
    before = path.read_bytes()

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(CatalogError, match=r"events.csv: cannot be written: No space left on device"):
        writers.write_csv(table.empty(), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
