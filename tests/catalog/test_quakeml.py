import obspy
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy.core.event import Catalog, CreationInfo, Event, Origin, Pick, WaveformStreamID

from tests.catalog.test_writers import EVENTS
from tremorlab.catalog import readers, table, writers
from tremorlab.errors import CatalogError


def write(folder, *events):
    path = folder / "foreign.xml"
    Catalog(list(events)).write(path, format="QUAKEML")
    return path


def located(**more):
    origin = Origin(time=obspy.UTCDateTime(2021, 5, 20, 1), latitude=-2.0, longitude=30.0, depth=12345.0)
    return Event(origins=[origin], **more)


def test_teleseisms_of_a_data_centre(recordings):
    path = recordings / "mbar_2021/global_events_2021-05-20.quakeml"
    catalog = readers.read(path, "quakeml", event_class="teleseism")
    events = sorted(obspy.read_events(path), key=lambda event: event.preferred_origin().time)
    assert catalog["event_id"].tolist() == [event.resource_id.id for event in events]
    assert [obspy.UTCDateTime(ns=t.value) for t in catalog["onset"]] == [e.preferred_origin().time for e in events]
    assert catalog["depth_km"].tolist() == [event.preferred_origin().depth / 1000 for event in events]
    assert catalog["magnitude"].tolist() == [event.preferred_magnitude().mag for event in events]
    assert set(catalog["source"]) == {"us", "us,usauto"}
    assert catalog.loc[0, "remarks"] == "SUMBAWA REGION, INDONESIA; magnitude type mb"


@pytest.mark.parametrize(
    ("event_type", "event_class"),
    [("earthquake", "earthquake"), ("volcanic eruption", "eruption"), ("quarry blast", "other")],
)
def test_type_of_the_event_gives_its_class(tmp_path, event_type, event_class):
    catalog = readers.read(write(tmp_path, located(event_type=event_type)), "quakeml")
    assert catalog.loc[0, "event_class"] == event_class
    assert catalog.loc[0, "source"] == "foreign.xml"


def test_preferred_origin_and_named_author_are_taken(tmp_path):
    event = located(event_type="earthquake", creation_info=CreationInfo(author="me"))
    event.origins.append(Origin(time=obspy.UTCDateTime(2021, 5, 20, 2), latitude=1.0, longitude=2.0))
    event.preferred_origin_id = event.origins[1].resource_id
    row = readers.read(write(tmp_path, event), "quakeml", reliability="high").iloc[0]
    assert row.onset == pd.Timestamp("2021-05-20T02:00Z")
    assert (row.source, row.reliability) == ("me", "high")
    assert readers.read(write(tmp_path, event), "quakeml", source="them").loc[0, "source"] == "them"


def test_without_an_origin_the_first_pick_is_the_onset(tmp_path):
    picks = [
        Pick(
            time=obspy.UTCDateTime(2021, 5, 20, hour),
            waveform_id=WaveformStreamID(network_code="II", station_code=code),
        )
        for hour, code in ((3, "LATE"), (2, "MBAR"))
    ]
    row = readers.read(write(tmp_path, Event(event_type="earthquake", picks=picks)), "quakeml").iloc[0]
    assert (row.onset, row.station) == (pd.Timestamp("2021-05-20T02:00Z"), "II.MBAR")


def test_event_without_time_or_type_is_refused_with_its_number(tmp_path):
    with pytest.raises(CatalogError, match=r"foreign.xml, row 2: event has neither an origin time nor a pick"):
        readers.read(write(tmp_path, located(), Event()), "quakeml", event_class="vt")
    with pytest.raises(CatalogError, match=r"foreign.xml, row 1: event has no type\. Tell the reader event_class="):
        readers.read(write(tmp_path, located()), "quakeml")


def test_place_off_the_earth_is_refused(tmp_path):
    text = write(tmp_path, located(event_type="earthquake")).read_text().replace("<value>-2.0<", "<value>-92.0<")
    (tmp_path / "far.xml").write_text(text)
    with pytest.raises(
        CatalogError, match=r"far.xml, row 1, column 'latitude': .*-92.0.* is not a number from -90 to 90"
    ):
        readers.read(tmp_path / "far.xml", "quakeml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<value>-2.0<", "<value>south<", r"a value cannot be read: Could not convert south"),
        ("earthquake", "rumble", r"a value cannot be read: Event type 'rumble' does not comply"),
        ("</event>", "", r"line \d+: is not XML: mismatched tag"),
        ("eventParameters", "parameters", r"is not QuakeML: "),
        ("<?xml version='1.0' encoding='utf-8'?>", "<!DOCTYPE q [\n<!ENTITY a 'b'>]>", r"line 1: has a <!DOCTYPE decl"),
        ("?>", "?><!ENTITY a SYSTEM 'file:///etc/passwd'>", r"has a <!ENTITY declaration\. Remove it"),
        ("encoding='utf-8'", "encoding='utf-7'", r"declares the encoding 'utf-7'\. Convert it to UTF-8"),
    ],
)
def test_broken_or_dangerous_xml_is_refused(tmp_path, old, new, message):
    text = write(tmp_path, located(event_type="earthquake")).read_text()
    assert old in text
    (tmp_path / "broken.xml").write_text(text.replace(old, new))
    with pytest.raises(CatalogError, match=rf"broken.xml.*{message}"):
        readers.read(tmp_path / "broken.xml", "quakeml")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "cp500"])
def test_entities_cannot_hide_in_another_encoding(tmp_path, encoding):
    path = tmp_path / "hidden.xml"
    path.write_bytes("<?xml version='1.0'?><!DOCTYPE q [<!ENTITY a 'b'>]><q>&a;</q>".encode(encoding))
    with pytest.raises(CatalogError, match=r"hidden.xml, row 1: (is not text in utf-8|holds a zero byte)"):
        readers.read(path, "quakeml")


def test_own_element_that_the_schema_does_not_know_is_refused(tmp_path):
    writers.write_quakeml(table.from_records(EVENTS), tmp_path / "own.xml")
    text = (tmp_path / "own.xml").read_text().replace("tremorlab:reliability", "tremorlab:trust")
    (tmp_path / "own.xml").write_text(text)
    with pytest.raises(CatalogError, match=r"own.xml: column\(s\) reliability missing; found .*trust"):
        readers.read(tmp_path / "own.xml", "quakeml")


@given(st.data())
@settings(deadline=None, max_examples=30)
def test_flipped_bits_of_quakeml_give_a_table_or_the_file(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("flipped")
    writers.write_quakeml(table.from_records(EVENTS), folder / "own.xml")
    whole = bytearray((folder / "own.xml").read_bytes())
    for bit in data.draw(st.lists(st.integers(0, 8 * len(whole) - 1), min_size=1, max_size=3)):
        whole[bit // 8] ^= 1 << bit % 8
    (folder / "own.xml").write_bytes(whole)
    try:
        assert len(readers.read(folder / "own.xml", "quakeml")) == len(EVENTS)
    except CatalogError as error:
        assert str(folder / "own.xml") in str(error)  # noqa: PT017 (either outcome is right)
