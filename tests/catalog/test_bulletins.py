import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tremorlab.catalog import readers
from tremorlab.catalog.bulletins import JMA_TYPES
from tremorlab.errors import CatalogError

COLUMNS = (
    "No.,Year,Month,Day,Hour,Minute,Type,Opoint,Okind,P,P_time,S,S_time,X,X_time,SP,Dur,Pn,Pe,Pz,Mn,Tn,Me,Te,Mz,Tz,"
    "Unit,Remarks"
)
EMPTY = "," * COLUMNS.count(",")
TITLE = f"震動観測{EMPTY}\nVN,桜島{EMPTY[1:]}\nTN,2013,3{EMPTY[2:]}\nRM,速報値{EMPTY[1:]}\n"


def line(
    number=1,
    time="2013,3,14,5,27",
    kind="A",
    station="AMDG",
    okind="V",
    p="39.15",
    s="",
    x="",
    dur="",
    mz="",
    remark="",
):
    return f"{number},{time},{kind},{station},{okind}, P,{p}, S,{s},X,{x},,{dur},,,,,,,,{mz},,mkine,{remark}\n"


def read(folder, text, encoding="cp932", **options):
    path = folder / "Eo201303.csv"
    path.write_bytes(text.encode(encoding))
    return readers.read(path, "jma_bulletin", **options)


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig"])
def test_japan_standard_time_and_either_encoding(tmp_path, encoding):
    row = read(tmp_path, TITLE + COLUMNS + "\n" + line(dur="20.85", mz="S.O.", remark="体感"), encoding).iloc[0]
    assert row.event_id == "桜島-201303-1"
    assert row.onset == pd.Timestamp("2013-03-13T20:27:39.15Z")
    assert row.end == pd.Timestamp("2013-03-13T20:28:00Z")
    assert (row.event_class, row.reliability, row.station) == ("vt", "high", "")
    assert row.remarks == (
        "JMA type A; AMDG V: P P, P_time 39.15, S S, X X, Dur 20.85, Mz S.O., Unit mkine, Remarks 体感"
    )


def test_english_file_with_blanks_and_two_volcanoes(tmp_path):
    english = TITLE.replace("震動観測", "Volcanic Earthquake/Tremor Observation")
    text = english.replace("桜島", "Atosanupuri") + COLUMNS + "\n" + line(kind="A ")
    text += english.replace("桜島", "Asosan") + COLUMNS + "\n" + line(kind="TK", x="3.5", p=" ")
    catalog = read(tmp_path, text)
    assert catalog["event_id"].tolist() == ["Asosan-201303-1", "Atosanupuri-201303-1"]
    assert catalog["event_class"].tolist() == ["volcanic_tremor", "vt"]
    assert catalog.loc[0, "onset"] == pd.Timestamp("2013-03-13T20:27:03.5Z")


def test_stations_of_one_event_make_one_row(tmp_path):
    text = TITLE + COLUMNS + "\n"
    text += line(station="FAR", p="41", dur="10") + line(station="NEAR", p="39", dur="5")
    text += line(station="AIR", okind="M", p="30", dur="60")
    row = read(tmp_path, text).iloc[0]
    assert row.onset == pd.Timestamp("2013-03-13T20:27:39Z")
    assert row.end == pd.Timestamp("2013-03-13T20:27:51Z")
    assert [part.split()[0] for part in row.remarks.split("; ")] == ["JMA", "FAR", "NEAR", "AIR"]
    at_far = read(tmp_path, text, opoint="FAR").iloc[0]
    assert at_far.onset == pd.Timestamp("2013-03-13T20:27:41Z")
    assert read(tmp_path, text, opoint="AIR").iloc[0].onset == pd.Timestamp("2013-03-13T20:27:30Z")


@pytest.mark.parametrize(
    ("phases", "seconds", "reliability"),
    [
        ({"p": "5", "s": "7", "x": "6"}, 5, "high"),
        ({"p": "", "s": "3", "x": "6"}, 6, "high"),
        ({"p": "", "s": "7"}, 7, "medium"),
        ({"p": ""}, 0, "low"),
        ({"p": "61.5"}, 61.5, "high"),
    ],
)
def test_first_phase_is_the_onset(tmp_path, phases, seconds, reliability):
    row = read(tmp_path, TITLE + COLUMNS + "\n" + line(**phases)).iloc[0]
    assert row.onset == pd.Timestamp("2013-03-13T20:27Z") + pd.Timedelta(seconds=seconds)
    assert row.reliability == reliability


def test_every_published_type_has_a_class(tmp_path):
    kinds = ["A", "B", "BH", "BL", "BP", "BT", "BS", "Ex", "DL", "T", "TC", "TK", "TP", "Tex"]
    text = "".join(line(number, kind=kind) for number, kind in enumerate(kinds, start=1))
    catalog = read(tmp_path, TITLE + COLUMNS + "\n" + text)
    number = catalog["event_id"].str.rpartition("-")[2].astype(int)
    found = dict(zip((kinds[n - 1] for n in number), catalog["event_class"], strict=True))
    assert found["Ex"] == "eruption"
    assert {found[kind] for kind in ("T", "TC", "TK", "TP")} == {"volcanic_tremor"}
    assert {kind.upper() for kind in kinds} == set(JMA_TYPES)


def test_types_may_be_added_or_changed(tmp_path):
    text = TITLE + COLUMNS + "\n" + line(1, kind="Q") + line(2, kind="BS")
    catalog = read(tmp_path, text, types="Q=other, BS=long_period")
    assert sorted(catalog["event_class"]) == ["long_period", "other"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (line() + line(2, kind="Q"), r"row 7, column 'Type': 'Q' is not one of A, B, .* types='Q=other' or another"),
        (line(kind=""), r"row 6, column 'Type': '' is not one of"),
        (line(number=""), r"row 6, column 'No': '' is not a number\. Give the event its number of the month"),
        (line(p="soon"), r"row 6, column 'P_time': 'soon' is not a number from 0 to 3600"),
        (line(p="-1"), r"row 6, column 'P_time': '-1' is not a number"),
        (line(dur="long"), r"row 6, column 'Dur': 'long' is not a number"),
        (line(time="2013,3,14,5,60"), r"row 6, column 'Minute': '60' is not a number from 0 to 59"),
        (line(time="2013,2,30,5,6"), r"row 6, column 'Year\+Month\+Day\+Hour\+Minute': '2013 2 30 5 6' is not a date"),
        (line() + line(kind="T"), r"row 7: event 桜島-201303-1 is of type 'T' here and 'A' in row 6\. Read one"),
        (line()[:-1] + ",more\n", r"row 6: 29 fields where the header has 28"),
    ],
)  # fmt: skip
def test_broken_row_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(CatalogError, match=rf"Eo201303.csv, {message}"):
        read(tmp_path, TITLE + COLUMNS + "\n" + text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("火山性地震回数\nVN,桜島\nYear,Month,Day,A\n2013,3,1,5\n", r"row 4: event before any row .* daily counts"),
        ("VN,桜島\nTN,2013,3\n", r"Eo201303.csv: no row of column names that begins with 'No\.'"),
        ("VN,桜島\nNo.,Year,Month\n", r"row 2: column\(s\) Day, Hour, Minute, Type, Opoint missing; found No"),
    ],
)  # fmt: skip
def test_other_files_of_the_bulletin_are_refused(tmp_path, text, message):
    with pytest.raises(CatalogError, match=message):
        read(tmp_path, text)


def test_station_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    with pytest.raises(CatalogError, match=r"no row of opoint 'X'\. Choose one of AMDG, HRT"):
        read(tmp_path, TITLE + COLUMNS + "\n" + line(station="HRT") + line(2), opoint="X")


def test_bytes_of_neither_encoding_are_refused(tmp_path):
    path = tmp_path / "Eo201303.csv"
    path.write_bytes(b"TN,1\nVN,\x81\n")
    with pytest.raises(CatalogError, match=r"row 2: is not text in utf-8 or cp932"):
        readers.read(path, "jma_bulletin")


@given(st.data())
@settings(deadline=None, max_examples=50)
def test_flipped_bits_of_a_bulletin_give_a_table_or_the_file(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("flipped") / "Eo201303.csv"
    whole = bytearray((TITLE + COLUMNS + "\n" + line(dur="20") + line(2, kind="Ex")).encode("cp932"))
    for bit in data.draw(st.lists(st.integers(0, 8 * len(whole) - 1), min_size=1, max_size=3)):
        whole[bit // 8] ^= 1 << bit % 8
    path.write_bytes(whole)
    try:
        assert len(readers.read(path, "jma_bulletin")) <= 2
    except CatalogError as error:
        assert str(path) in str(error)  # noqa: PT017 (either outcome is right)


# --- Slow Earthquake Database -----------------------------------------------------------------------------------

SLOW = "date,time,year,month,day,hour,min,sec,timezone,lat,lon,dep,mag,duration,err_t,catalog,ref,udate\n"
TREMOR = "2016-04-03,01:02:03,2016,04,03,01,02,03.50,  9.0, 33.1234, 136.12345,  7.000, 2.10, 60.00, 1.5,ONC,Ono,2020\n"


def read_slow(folder, text, **options):
    path = folder / "slow.csv"
    path.write_text(text, encoding="utf-8")
    return readers.read(path, "slow_earthquakes", **options)


def test_slow_earthquakes_use_the_zone_of_each_row(tmp_path):
    utc, adelaide = TREMOR.replace("  9.0", "  0.0"), TREMOR.replace("  9.0", "9.5")
    west = TREMOR.replace("  9.0", " -5.0")
    catalog = read_slow(tmp_path, SLOW + TREMOR + utc + adelaide + west, event_class="long_period")
    assert catalog["onset"].dt.strftime("%dT%H:%M:%S.%f").tolist() == [
        "02T15:32:03.500000", "02T16:02:03.500000", "03T01:02:03.500000", "03T06:02:03.500000",
    ]  # fmt: skip
    row = catalog.iloc[0]
    assert (row.latitude, row.longitude, row.depth_km, row.magnitude) == (33.1234, 136.12345, 7.0, 2.1)
    assert row.end - row.onset == pd.Timedelta(minutes=1)
    assert row.remarks == "catalogue ONC; reference Ono; time uncertain by (s) 1.5"
    assert set(catalog["event_class"]) == {"long_period"}


def test_slow_earthquakes_without_parts_use_date_and_time(tmp_path):
    catalog = read_slow(tmp_path, "date,time,timezone,lat,lon\n2016-04-03,01:02:03,9.0,33,136\n")
    assert catalog.loc[0, "onset"] == pd.Timestamp("2016-04-02T16:02:03Z")
    assert catalog.loc[0, "end"] is pd.NaT


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SLOW.replace("timezone,", ""), r"column\(s\) timezone missing; found date, time, .* Download the"),
        (SLOW + TREMOR.replace("  9.0", ""), r"row 2, column 'timezone': '' is not a number from -14 to 14"),
        (SLOW + TREMOR + TREMOR.replace(" 60.00", "-1"), r"row 3, column 'duration': '-1' is not a number"),
        (SLOW + TREMOR.replace(" 33.1234", "133"), r"row 2, column 'latitude': '133' is not a number from -90 to 90"),
        ("date,time,timezone,lat,lon\n03.04.2016,01:02,9,33,136\n", r"row 2, column 'onset': '03.04.2016T01:02\+09"),
    ],
)  # fmt: skip
def test_broken_slow_earthquakes_are_refused(tmp_path, text, message):
    with pytest.raises(CatalogError, match=message):
        read_slow(tmp_path, text)
