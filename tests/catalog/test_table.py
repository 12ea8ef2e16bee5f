import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy import UTCDateTime

from tests.catalog.generated import catalogs
from tremorlab.catalog import table
from tremorlab.errors import CatalogError


def event(**changes):
    usual = {
        "event_id": "a", "onset": "2015-08-15T01:02:03Z", "event_class": "vt", "source": "AVO", "reliability": "high",
    }  # fmt: skip
    return usual | changes


def refused(match, **changes):
    with pytest.raises(CatalogError, match=match):
        table.from_records([event(event_id="fine"), event(**changes)], "list.csv", first_row=2)


def test_canonical_form_has_every_column_and_dtype():
    catalog = table.from_records([event()])
    assert {name: str(dtype) for name, dtype in catalog.dtypes.items()} == {
        name: dtype for name, (dtype, _) in table.COLUMNS.items()
    }
    assert catalog.loc[0, "station"] == ""
    assert np.isnan(catalog.loc[0, "magnitude"])
    assert catalog.loc[0, "end"] is pd.NaT


def test_empty_table_has_the_same_form():
    assert table.empty().dtypes.equals(table.from_records([event()]).dtypes)
    assert table.from_records([]).equals(table.empty())


def test_rows_are_sorted_by_onset_and_numbered():
    later, earlier = event(onset="2015-08-16T00:00Z"), event(event_id="b", onset="2015-08-15T00:00Z")
    catalog = table.validate(pd.DataFrame([later, earlier], index=[7, 7]))
    assert list(catalog["event_id"]) == ["b", "a"]
    assert list(catalog.index) == [0, 1]


@settings(deadline=None, max_examples=40)
@given(st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_any_zone_becomes_utc(local, minutes):
    moment = local.replace(tzinfo=datetime.timezone(datetime.timedelta(minutes=minutes)))
    onset = table.from_records([event(onset=moment.isoformat())]).loc[0, "onset"]
    assert onset == moment
    assert onset.utcoffset() == datetime.timedelta(0)


@pytest.mark.parametrize(
    "value",
    [
        UTCDateTime(2015, 8, 15, 1, 2, 3),
        pd.Timestamp("2015-08-15T10:02:03", tz="Asia/Tokyo"),
        datetime.datetime(2015, 8, 14, 20, 2, 3, tzinfo=ZoneInfo("America/Lima")),
        "20150815T010203Z",
        "2015/08/15 01:02:03 UTC",
        "2015-08-15T10:02:03+0900",
    ],
)
def test_moments_of_many_kinds_are_understood(value):
    assert table.from_records([event(onset=value)]).loc[0, "onset"] == pd.Timestamp("2015-08-15T01:02:03Z")


def test_nanoseconds_survive():
    onset = "2015-08-15T01:02:03.123456789Z"
    assert table.from_records([event(onset=onset)]).loc[0, "onset"] == pd.Timestamp(onset)


def test_text_is_kept_on_one_line():
    remarks = "  two\n lines\tand\u3000a wide blank \r\n"
    assert table.from_records([event(remarks=remarks)]).loc[0, "remarks"] == "two lines and a wide blank"


@given(catalogs())
@settings(deadline=None, max_examples=30)
def test_validating_again_changes_nothing(catalog):
    pd.testing.assert_frame_equal(table.validate(catalog), catalog)


def test_durations_count_seconds_and_leave_the_unknown_unknown():
    catalog = table.from_records([event(end="2015-08-15T01:03:03.5Z"), event(event_id="b")])
    assert catalog.pipe(table.durations_s).tolist()[0] == 60.5
    assert np.isnan(table.durations_s(catalog)[1])


def test_missing_columns_are_named_with_those_found():
    with pytest.raises(CatalogError, match=r"list.csv: column\(s\) source, reliability missing; found event_id, onset"):
        table.validate(pd.DataFrame([event()]).drop(columns=["source", "reliability"]), "list.csv")


def test_unknown_column_is_refused_with_the_schema():
    with pytest.raises(CatalogError, match=r"column\(s\) magnitde unknown\. The schema holds event_id, onset"):
        table.from_records([event(magnitde=1)])


def test_time_without_zone_is_refused():
    refused(
        r"list.csv, row 3, column 'onset': '2015-08-15T01:02:03' is not a time with a zone. Add Z for UTC or \+09:00",
        onset="2015-08-15T01:02:03",
    )


@pytest.mark.parametrize(
    "value",
    ["yesterday", "12:30Z", "2015-13-01T00:00Z", "2015-02-30T00:00Z", "15/08/2015 01:02Z", "NaT", "1500-01-01T00:00Z"],
)
def test_what_is_no_whole_date_is_refused(value):
    refused(rf"row 3, column 'onset': '{value}' is not a time between 1678 and 2262\. Write ISO 8601", onset=value)


def test_one_wrong_time_among_many_is_named_with_its_row():
    onsets = [event(event_id=str(i)) for i in range(50)]
    onsets[31]["end"] = "2015-08-15T25:00:00Z"
    with pytest.raises(CatalogError, match=r"row 33, column 'end': '2015-08-15T25:00:00Z' is not a time"):
        table.from_records(onsets, "list.csv", first_row=2)


def test_event_without_onset_is_refused():
    refused(r"row 3, column 'onset': None is not a time\. Every event needs an onset", onset="")


def test_end_before_onset_is_refused():
    refused(r"row 3, column 'end': '2015-08-15 00:00:00\+00:00' is not after the onset 2015", end="2015-08-15T00:00Z")


@pytest.mark.parametrize(
    ("column", "value", "limit"),
    [
        ("event_class", "explosion", "one of tremor, earthquake, "),
        ("reliability", "sure", "one of high, medium, low. Map the source's own codes"),
        ("station", "REF", "NET.STA. Write network and station code with a dot"),
        ("event_id", " ", "a text. Every event needs one"),
        ("source", None, "a text"),
        ("event_id", "fine", r"unique at station \(any\). Give every event its own id"),
        ("latitude", 90.5, "a number from -90 to 90. Correct it or leave it empty"),
        ("longitude", "-181", "a number from -180 to 180"),
        ("depth_km", float("inf"), "a number from -10 to 800"),
        ("magnitude", "M5", "a number from -5 to 10"),
        ("remarks", "bell \x07", "readable text. Remove the control characters"),
        ("remarks", "half a pair \ud800", "readable text"),
    ],
)
def test_wrong_value_is_named_with_row_column_and_limit(column, value, limit):
    refused(rf"list.csv, row 3, column '{column}': .* is not {limit}", **{column: value})


def at_stations(*changes):
    return [event(station=station) | more for station, more in changes]


def test_an_event_may_have_a_row_for_each_station():
    rows = at_stations(("UW.HSR", {"onset": "2015-08-15T01:02:05Z"}), ("UW.SHW", {"reliability": "low"}))
    catalog = table.from_records([*rows, event(event_id="b", onset="2015-08-15T01:02:04Z")])
    assert catalog["event_id"].tolist() == ["a", "b", "a"]
    assert catalog["station"].tolist() == ["UW.SHW", "", "UW.HSR"]
    one_each = table.events(catalog)
    assert one_each["event_id"].tolist() == ["a", "b"]
    assert one_each["onset"].tolist() == catalog["onset"].tolist()[:2]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (at_stations(("UW.HSR", {}), ("UW.HSR", {})),
         r"row 3, column 'event_id': 'a' is not unique at station UW.HSR\."),
        (at_stations(("", {}), ("UW.HSR", {})),
         r"row 2, column 'station': '' is not one station, and event a has several rows\. Name one station in each"),
        (at_stations(("UW.HSR", {}), ("UW.*", {})),
         r"row 3, column 'station': 'UW.\*' is not one station, and event a"),
        (at_stations(("UW.HSR", {}), ("UW.SHW", {"event_class": "noise"})),
         r"row 3, column 'event_class': 'noise' is not 'vt', the class of event a in an earlier row\. Give an event"),
    ],
)  # fmt: skip
def test_rows_of_an_event_name_different_stations_and_agree_on_the_class(rows, message):
    with pytest.raises(CatalogError, match=message):
        table.from_records(rows, "list.csv", first_row=2)


def test_rows_may_have_their_own_numbers():
    with pytest.raises(CatalogError, match=r"list.csv, row 17, column 'magnitude': 'x' is not a number"):
        table.from_records([event(), event(event_id="b", magnitude="x")], "list.csv", first_row=[4, 17])
