"""Event tables as people have them: recognised, or asked about; never guessed."""

import pytest

from tremorlab.errors import CatalogError, StudyError
from tremorlab.intake import events


def table(tmp_path, text, **given):
    path = tmp_path / "events.csv"
    path.write_text(text)
    return events.recognise(path, given)


def test_columns_codes_separator_and_zone_are_recognised(brought):
    found = events.recognise(brought / "events.csv")
    assert found.options == {
        "separator": ";", "onset": "Time (UTC)", "event_class": "Type", "magnitude": "Mag", "timezone": "UTC",
        "classes": found.options["classes"],
    }  # fmt: skip
    assert set(found.options["classes"].split(", ")) == {"LP=long_period", "VT=vt"}
    assert set(found.events["event_class"]) == {"long_period", "vt"}


def test_a_table_in_the_schema_needs_no_option(tmp_path):
    text = "event_id,onset,event_class,source,reliability\na,2024-01-01T00:00:00Z,vt,me,high\n"
    assert table(tmp_path, text).options == {}


def test_date_and_time_may_be_two_columns(tmp_path):
    found = table(tmp_path, "Date,Time,Class\n2024-01-01,10:00:00,vt\n", timezone="UTC")
    assert found.options["onset"] == "Date+Time"
    assert str(found.events["onset"][0]) == "2024-01-01 10:00:00+00:00"


def test_one_class_for_all_events(tmp_path):
    found = table(tmp_path, "origin_time_utc,mag\n2024-01-01T10:00:00,1\n", event_class="vt")
    assert found.events["event_class"].tolist() == ["vt"]


def test_an_id_that_is_none_is_not_used(tmp_path):
    found = table(tmp_path, "id,time,type\n1,2024-01-01T10:00:00Z,vt\n1,2024-01-01T11:00:00Z,vt\n")
    assert "event_id" not in found.options
    assert found.events["event_id"].nunique() == 2


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        ("when,type\n2024-01-01T10:00:00Z,vt\n", {}, r"which column holds the times\? It has when, type\. Say --onset"),
        ("time,mag\n2024-01-01T10:00:00Z,1\n", {}, r"which column holds the classes\?.*--class vt if all events are"),
        ("time,type\n2024-01-01T10:00:00,vt\n", {}, r"times like '2024-01-01T10:00:00' name no zone.*--timezone UTC"),
        (
            "time,type\n2024-01-01T10:00:00Z,B1\n2024-01-01T10:00:00Z,vt\n2024-01-01T12:00:00Z,B1\n", {},
            r"codes 'B1' \(2 events\) stand for no class\. .*--classes \"B1=CLASS, ...\"; classes are tremor",
        ),
    ],
)  # fmt: skip
def test_what_is_not_recognised_is_asked_for(tmp_path, text, given, message):
    with pytest.raises(StudyError, match=message):
        table(tmp_path, text, **given)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,type\n", "has a header and no event"),
        ("time,type\n2024-01-01T10:00:00Z,vt,more\n", "row 2: 3 fields where the header has 2"),
        ("time,type\nyesterdayZ,vt\n", r"row 2, column 'onset': 'yesterdayZ' is not"),
    ],
)
def test_a_damaged_table_is_named_by_line(tmp_path, text, message):
    with pytest.raises(CatalogError, match=message):
        table(tmp_path, text)


def test_codes_may_be_told(tmp_path):
    found = table(tmp_path, "time,type\n2024-01-01T10:00:00Z,B1\n", classes="B1=long_period")
    assert found.events["event_class"].tolist() == ["long_period"]


def test_a_table_of_short_records_without_records_is_refused(tmp_path):
    (tmp_path / "metadata.csv").write_text("a\n1\n")
    with pytest.raises(StudyError, match=r"has no records \(\.hdf5, \.npz\) beside it"):
        events.read_short_records(tmp_path / "metadata.csv")
