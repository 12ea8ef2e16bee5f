import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tremorlab.catalog import readers
from tremorlab.errors import CatalogError

OWN = "event_id,onset,end,event_class,source,reliability,station,remarks\n"
ROW = 'a,2009-03-20T17:00:00Z,,vt,AVO,high,AV.REF,"one, two"\n'


def write(folder, text, name="events.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def test_own_columns_need_no_option(tmp_path):
    catalog = readers.read(write(tmp_path, OWN + ROW))
    assert catalog.loc[0, ["event_id", "station", "remarks"]].tolist() == ["a", "AV.REF", "one, two"]


def test_header_alone_is_an_empty_catalogue(tmp_path):
    assert len(readers.read(write(tmp_path, OWN))) == 0


def test_windows_line_ends_a_byte_order_mark_and_what_is_blank_are_let_pass(tmp_path):
    path = write(tmp_path, "\ufeff" + (OWN + "\n" + ROW).replace("\n", ",\r\n"))
    assert readers.read(path).loc[0, "event_id"] == "a"


def test_nothing_is_guessed_from_text(tmp_path):
    catalog = readers.read(write(tmp_path, OWN + "007,2009-03-20T17:00:00Z,,vt,NA,high,,null\n"))
    assert catalog.loc[0, ["event_id", "source", "remarks"]].tolist() == ["007", "NA", "null"]


def test_options_map_columns_and_fill_constants(tmp_path):
    path = write(tmp_path, "when;what;lat;n\n2009-03-20 17:00:00;X;60.5;7\n", "avo list.csv")
    catalog = readers.read(
        path, onset="when", event_class="what", classes="X=vt, Y=noise", latitude="lat", separator=";", timezone="UTC",
        station="AV.REF", source="AVO", reliability="low", remarks="n+lat",
    )  # fmt: skip
    row = catalog.iloc[0]
    assert (row.event_id, row.event_class, row.latitude, row.station) == ("avo list-2", "vt", 60.5, "AV.REF")
    assert (row.source, row.reliability, row.remarks) == ("AVO", "low", "n 7, lat 60.5")
    assert row.onset == pd.Timestamp("2009-03-20T17:00:00Z")


def test_source_and_reliability_have_defaults_for_foreign_files(tmp_path):
    row = readers.read(write(tmp_path, "t\n2009-03-20T17:00Z\n"), onset="t", event_class="vt").iloc[0]
    assert (row.source, row.reliability) == ("events.csv", "medium")


@pytest.mark.parametrize(
    ("zone", "utc"),
    [("UTC", "17:00"), ("JST", "08:00"), ("Asia/Tokyo", "08:00"), ("America/Lima", "22:00")],
)
def test_zone_of_the_option_is_for_times_without_one(tmp_path, zone, utc):
    path = write(tmp_path, "t,e\n2009-03-20T17:00,2009-03-20T23:30:00Z\n")
    row = readers.read(path, onset="t", end="e", event_class="vt", timezone=zone).iloc[0]
    assert row.onset == pd.Timestamp(f"2009-03-20T{utc}Z")
    assert row.end == pd.Timestamp("2009-03-20T23:30Z")


def test_day_alone_is_its_midnight_in_the_zone(tmp_path):
    row = readers.read(write(tmp_path, "t\n2009-03-20\n"), onset="t", event_class="vt", timezone="JST").iloc[0]
    assert row.onset == pd.Timestamp("2009-03-19T15:00Z")


@pytest.mark.parametrize(
    ("header", "cells", "onset"),
    [
        ("year,month,day,hour", "2002,1,2,3", "2002-01-02T03:00Z"),
        ("y,m,d,h,min,sec", "2002,1,2,3,4,5.25", "2002-01-02T03:04:05.25Z"),
        ("y,m,d,h,min,sec", "2002,12,31,23,59,60", "2003-01-01T00:00Z"),
        ("date,time", "2002-01-02,03:04:05.5", "2002-01-02T03:04:05.5Z"),
        ("date,time", "2002-01-02,", "2002-01-02T00:00Z"),
    ],
)
def test_dates_in_several_columns_are_joined(tmp_path, header, cells, onset):
    path = write(tmp_path, f"{header}\n{cells}\n")
    catalog = readers.read(path, onset=header.replace(",", "+"), event_class="tremor", timezone="UTC")
    assert catalog.loc[0, "onset"] == pd.Timestamp(onset)


def test_duration_makes_the_end_or_is_compared_with_it(tmp_path):
    path = write(
        tmp_path,
        "t,e,hours,why,how\n"
        "2023-10-01T00:00Z,,1.5,,high\n"
        "2023-10-02T00:00Z,2023-10-02T01:30Z,1.5,agrees,high\n"
        "2023-10-03T00:00Z,2023-10-03T02:00Z,1.5,differs,high\n"
        "2023-10-04T00:00Z,2023-10-04T02:00Z,1.5,,low\n"
        "2023-10-05T00:00Z,,,none,low\n",
    )
    catalog = readers.read(
        path, onset="t", end="e", duration="hours", duration_unit="h", remarks="why", reliability="how",
        event_class="vt",
    )  # fmt: skip
    assert catalog.loc[0, "end"] == pd.Timestamp("2023-10-01T01:30Z")
    assert catalog["reliability"].tolist() == ["high", "high", "medium", "low", "low"]
    assert catalog.loc[2, "remarks"] == "differs; stated duration 5400 s, from start and end 7200 s"
    assert catalog.loc[3, "remarks"].startswith("stated duration")
    assert catalog.loc[2, "end"] == pd.Timestamp("2023-10-03T02:00Z")
    assert catalog.loc[4, "end"] is pd.NaT


def test_one_duration_for_every_row(tmp_path):
    assert len(readers.read(write(tmp_path, "t\n"), onset="t", event_class="tremor", duration=60)) == 0
    path = write(tmp_path, "t\n2002-01-02T03:00Z\n")
    catalog = readers.read(path, onset="t", event_class="tremor", duration=1, duration_unit="h")
    assert catalog.loc[0, "end"] == pd.Timestamp("2002-01-02T04:00Z")


# --- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"events.csv: is empty\. Fetch or write it again"),
        ("   \n\n", r"is empty"),
        (" , ,\n", r"is empty"),
        (OWN + ROW + "b,2009-03-20T18:00:00,,vt,AVO,high,,\n", r"row 3, column 'onset': .* is not a time with a zone"),
        (OWN + ROW + "\nb,2009-03-20T18:00:00Z,,explosion,AVO,high,,\n", r"row 4, column 'event_class': 'explosion'"),
        (OWN + ROW + "b,2009-03-20T18:00:00Z,,vt,AVO,high,,,9\n", r"row 3: 9 fields where the header has 8\. Quote"),
        (OWN + ROW + "b,2009-03-20T18:00:00Z\n", r"row 3: 2 fields where the header has 8"),
        (OWN + 'a,2009-03-20T17:00:00Z,,vt,AVO,high,,"two\nlines"\nb,x,,vt,A,high,,\n', r"row 4, column 'onset': 'x'"),
        (OWN + 'a,"2009"-03-20T17:00:00Z,,vt,AVO,high,,\n', r"row 2: is not delimited text: .*\. Check the quotes"),
        (OWN + 'a,2009-03-20T17:00:00Z,,vt,AVO,high,,"open\n', r"row 2: is not delimited text: unexpected end of data"),
        (OWN + "a,2009-03-20T17:00:00Z,,vt,,high,,\n", r"row 2, column 'source': '' is not a text"),
        (OWN + ROW + ROW, r"row 3, column 'event_id': 'a' is not unique"),
        ("onset,event_class,onset\n", r"row 1: column 'onset' comes twice\. Rename one of them"),
        ("onset,kind\n", r"column\(s\) kind unknown\. The schema holds .* tell the reader e\.g\. onset='onset'"),
        ("event_id,event_class\n", r"no column 'onset' for onset; the header has event_id, event_class"),
        ("onset,source\n", r"no column 'event_class' for event_class; the header has onset, source"),
        (OWN + "a\0,2009-03-20T17:00:00Z,,vt,AVO,high,,\n", r"row 2: holds a zero byte: this is no text"),
        (OWN + "a\x07,2009-03-20T17:00:00Z,,vt,AVO,high,,\n", r"row 2, column 'event_id': 'a\\x07' is not readable"),
    ],
)  # fmt: skip
def test_broken_file_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(CatalogError, match=message):
        readers.read(write(tmp_path, text))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"onset": "when"}, r"no column 'when' for onset; the header has t, c\. Tell .* the file's separator"),
        ({"onset": "t+when"}, r"no column 'when' for onset"),
        ({"latitude": "lat"}, r"no column 'lat' for latitude"),
        ({"duration": "hours"}, r"no column 'hours' for duration"),
        ({"duration": "c"}, r"row 2, column 'duration': 'vt' is not a number from 0 to"),
        ({"duration": -1}, r"row 2, column 'duration': '-1.*' is not a number from 0 to"),
        ({"duration": 1, "duration_unit": "hours"}, r"duration_unit 'hours' is not one of s, min, h, d"),
        ({"event_class": "what"}, r"row 2, column 'event_class': 'what' is not one of tremor"),
        ({"classes": "vt"}, r"option classes: 'vt' is not code=class\. Write e\.g\. 'explosion=eruption'"),
        ({"timezone": "Mars/Base"}, r"timezone 'Mars/Base' is unknown\. Write UTC, JST or e\.g\. America/Lima"),
        ({"timezone": "../UTC"}, r"timezone '../UTC' is unknown"),
        ({"separator": ";;"}, r"separator ';;' is not one character"),
        ({"encoding": "utf-99"}, r"encoding 'utf-99' is unknown"),
    ],
)  # fmt: skip
def test_wrong_option_is_refused_with_what_would_do(tmp_path, options, message):
    path = write(tmp_path, "t,c\n2009-03-20T17:00Z,vt\n")
    with pytest.raises(CatalogError, match=message):
        readers.read(path, **({"onset": "t", "event_class": "c"} | options))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("2002,13,1", r"row 2, column 'month': '13' is not a number from 0 to 12"),
        ("2002,2,30", r"row 2, column 'year\+month\+day': '2002 2 30' is not a date"),
        ("2002,1.5,1", r"column 'year\+month\+day': '2002 1.5 1' is not a date"),
        ("2002,,1", r"row 2, column 'month': '' is not a number"),
    ],
)
def test_impossible_date_in_several_columns_is_refused(tmp_path, cells, message):
    path = write(tmp_path, f"year,month,day\n{cells}\n")
    with pytest.raises(CatalogError, match=message):
        readers.read(path, onset="year+month+day", event_class="tremor", timezone="UTC")


@pytest.mark.parametrize("local", ["2015-03-08T02:30", "2015-11-01T01:30"])
def test_clock_time_that_is_no_moment_or_two_is_refused(tmp_path, local):
    path = write(tmp_path, f"t\n{local}\n")
    with pytest.raises(
        CatalogError, match=rf"row 2, column 'onset': '{local}' is not one moment in America/Los_Angeles"
    ):
        readers.read(path, onset="t", event_class="vt", timezone="America/Los_Angeles")


@pytest.mark.parametrize("text", ["17:00", "soon"])
def test_zone_does_not_make_a_time_of_anything(tmp_path, text):
    with pytest.raises(CatalogError, match=rf"row 2, column 'onset': '{text}.*' is not a time between"):
        readers.read(write(tmp_path, f"t\n{text}\n"), onset="t", event_class="vt", timezone="Asia/Tokyo")


def test_other_encoding_is_read_when_told_and_refused_when_not(tmp_path):
    path = write(tmp_path, OWN + ROW.replace("one", "桜島"), encoding="shift_jis")
    assert readers.read(path, encoding="shift_jis").loc[0, "remarks"] == "桜島, two"
    with pytest.raises(CatalogError, match=r"row 2: is not text in utf-8\. Give the reader the encoding of the file"):
        readers.read(path)


def test_unknown_reader_and_option_are_named_with_the_known(tmp_path):
    path = write(tmp_path, OWN)
    with pytest.raises(CatalogError, match=r"reader 'excel' is unknown\. Choose one of csv, quakeml, jma_bulletin"):
        readers.read(path, "excel")
    with pytest.raises(CatalogError, match=r"option 'onsett': Unexpected keyword .* Its options are event_id, onset"):
        readers.read(path, onsett="t")
    with pytest.raises(CatalogError, match=r"option 'onset': Input should be a valid string"):
        readers.read(path, onset=3)
    with pytest.raises(CatalogError, match=r"option 'duration\..*': Input should be a valid (string|number)"):
        readers.read(path, onset="onset", duration=True)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(CatalogError, match=r"nowhere.csv: cannot be read: No such file or directory\. Give the path"):
        readers.read(tmp_path / "nowhere.csv")


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=50)
def test_binary_garbage_is_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("garbage") / "events.csv"
    path.write_bytes(data)
    with pytest.raises(CatalogError, match=str(path)):
        readers.read(path)


@given(st.data())
@settings(deadline=None, max_examples=50)
def test_flipped_bits_give_a_table_or_the_file_and_line(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("flipped") / "events.csv"
    whole = bytearray((OWN + ROW + ROW.replace("a,", "b,")).encode())
    for bit in data.draw(st.lists(st.integers(0, 8 * len(whole) - 1), min_size=1, max_size=3)):
        whole[bit // 8] ^= 1 << bit % 8
    path.write_bytes(whole)
    try:
        assert set(readers.read(path)["event_class"]) <= {"vt"}
    except CatalogError as error:
        assert str(path) in str(error)  # noqa: PT017 (either outcome is right)


# --- the published catalogues -----------------------------------------------------------------------------------


def test_kii_hours(recordings):
    path = recordings / "catalogues/kii_tremor_hours_2002_2003.csv"
    catalog = readers.read(
        path, onset="year+month+day+hour", duration=1, duration_unit="h", latitude="lat", longitude="lon",
        event_class="tremor", timezone="JST", reliability="low",
    )  # fmt: skip
    raw = pd.read_csv(path)
    expected = pd.to_datetime(raw[["year", "month", "day", "hour"]]) - pd.Timedelta(hours=9)
    assert (catalog["onset"].dt.tz_convert(None).to_numpy() == expected.sort_values().to_numpy()).all()
    assert (catalog["end"] - catalog["onset"] == pd.Timedelta(hours=1)).all()
    assert sorted(catalog["latitude"]) == sorted(raw["lat"])


@pytest.mark.parametrize("name", ["2009_2010", "2011"])
def test_cascadia_minutes(recordings, name):
    path = recordings / f"catalogues/cascadia_mbbp_tremor_{name}.csv"
    catalog = readers.read(path, onset="start_utc", end="end_utc", event_class="tremor", timezone="UTC")
    raw = pd.read_csv(path, parse_dates=["start_utc", "end_utc"])
    assert len(catalog) == len(raw)
    assert (catalog["onset"].dt.tz_convert(None).to_numpy() == raw["start_utc"].sort_values().to_numpy()).all()
    assert np.isclose(catalog["longitude"].sum(), raw["longitude"].sum())


def test_ubinas_phases(recordings):
    classes = {"explosion": "eruption", "emision": "emission"}
    first = readers.read(
        recordings / "catalogues/ubinas_eruptive_phases_2019.csv",
        onset="onset_UTC", end="end_UTC", event_class="type", classes=classes, remarks="label", timezone="UTC",
    )  # fmt: skip
    assert first["event_class"].value_counts().to_dict() == {"emission": 6, "eruption": 3}
    second = readers.read(
        recordings / "catalogues/ubinas_eruptive_phases_2023.csv",
        onset="inicio", end="fin", duration="Duracion_horas", duration_unit="h", event_class="tipo_evento",
        classes=classes, remarks="altura_col+disp", separator=";", timezone="UTC", reliability="high",
    )  # fmt: skip
    assert second["event_class"].value_counts().to_dict() == {"emission": 59, "eruption": 17}
    doubtful = second[second["reliability"] != "high"]
    assert doubtful["onset"].tolist() == [pd.Timestamp("2023-10-08T14:08Z")]
    assert doubtful["remarks"].item().endswith("stated duration 8760 s, from start and end 9360 s")


def test_redoubt_origins_and_mbar_picks(recordings):
    origins = readers.read(
        recordings / "redoubt_2009/redoubt_origins_2009-03-20_22.csv",
        onset="origin_time_utc", event_class="earthquake", source="AVO", remarks="n_associated_phases",
    )  # fmt: skip
    assert (len(origins), origins.loc[0, "depth_km"], origins.loc[0, "remarks"]) == (1441, 6.05, "25")
    picks = readers.read(
        recordings / "mbar_2021/visual_picks.csv", onset="p_onset_utc", event_class="earthquake", station="II.MBAR"
    )
    assert (len(picks), set(picks["station"])) == (8, {"II.MBAR"})
