import http.server
import json
import threading
import urllib.parse
from email.utils import format_datetime

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy import UTCDateTime

from tremorlab.catalog import pnsn, readers
from tremorlab.errors import CatalogError


def feature(number, moment, **changes):
    mail = format_datetime(pd.Timestamp(moment, tz="UTC").to_pydatetime(), usegmt=True)
    properties = {
        "depth": 40.1,
        "duration": 300.0,
        "energy": 1e5,
        "magnitude": 1.5,
        "num_stas": 7,
        "id": number,
        "time": mail,
    }
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [-123.456, 47.123]},
        "properties": properties | changes,
    }


def collection(features, **more):
    return json.dumps({"type": "FeatureCollection", "features": features} | more)


def read(folder, text, **options):
    path = folder / "tremor.json"
    path.write_text(text)
    return readers.read(path, "pnsn_tremor", **options)


def test_geojson_of_the_service_is_read(tmp_path):
    text = collection([feature(2, "2024-01-01T01:52:30"), feature(1, "2024-01-01T01:47:30", duration=None)], count=2)
    catalog = read(tmp_path, text, reliability="high")
    assert catalog["event_id"].tolist() == ["pnsn-1", "pnsn-2"]
    first, second = catalog.iloc[0], catalog.iloc[1]
    assert first.onset == pd.Timestamp("2024-01-01T01:47:30Z")
    assert first.end is pd.NaT
    assert second.end - second.onset == pd.Timedelta(minutes=5)
    assert (first.latitude, first.longitude, first.depth_km, first.magnitude) == (47.123, -123.456, 40.1, 1.5)
    assert (first.event_class, first.source, first.reliability) == ("tremor", "PNSN", "high")
    assert first.remarks == "num_stas 7, energy 100000.0"


def test_iso_times_are_read_too_but_need_a_zone(tmp_path):
    assert len(read(tmp_path, collection([feature(1, "2024-01-01", time="2024-01-01T01:47:30Z")]))) == 1
    with pytest.raises(CatalogError, match=r"tremor.json, row 1, column 'onset': .* is not a time with a zone"):
        read(tmp_path, collection([feature(1, "2024-01-01", time="2024-01-01T01:47:30")]))


@pytest.mark.parametrize("count", [None, pnsn.CAP])
def test_file_with_exactly_the_cap_is_refused(tmp_path, count):
    text = collection([feature(1, "2024-01-01")] * pnsn.CAP, **({"count": count} if count else {}))
    with pytest.raises(CatalogError, match=r"holds 20000 of an unknown number of events: .* Fetch shorter intervals"):
        read(tmp_path, text)


def test_file_with_fewer_events_than_it_says_is_refused(tmp_path):
    with pytest.raises(CatalogError, match=r"holds 1 of 34567 events: the service cuts at 20000 without a word"):
        read(tmp_path, collection([feature(1, "2024-01-01")], count=34567))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html>", r"is not a GeoJSON collection of features: Expecting value.* Give GeoJSON as"),
        ("[1, 2]", r"is not a GeoJSON collection"),
        ('{"count": 3}', r"is not a GeoJSON collection of features: 'features'"),
        ('{"features": {}}', r"features is not a list"),
        ("[" * 100000, r"is not a GeoJSON collection"),
        (collection([feature(1, "2024-01-01"), {"geometry": None}]), r"row 2: feature is not a tremor event: KeyError"),
        (collection([feature(1, "2024-01-01", time="at noon")]), r"row 1: feature is not a tremor event: ValueError"),
        (collection([feature(1, "2024-01-01", time=5)]), r"row 1: feature is not a tremor event: TypeError"),
        (collection([feature(1, "2024-01-01", time=["x"])]), r"row 1: feature is not a tremor event: AttributeError"),
        (collection([feature(1, "2024-01-01", duration="long")]), r"row 1: feature is not a tremor event: ValueError"),
        (collection([feature(1, "2024-01-01", duration=1e300)]), r"row 1: feature is not a tremor event: OutOfBounds"),
        (collection([feature(1, "2024-01-01", depth=9000)]), r"row 1, column 'depth_km': .* is not a number from -10"),
        (collection([feature(1, "2024-01-01")] * 2), r"row 2, column 'event_id': 'pnsn-1' is not unique"),
    ],
)  # fmt: skip
def test_broken_geojson_is_refused_with_the_number_of_the_feature(tmp_path, text, message):
    with pytest.raises(CatalogError, match=message):
        read(tmp_path, text)


@given(st.data())
@settings(deadline=None, max_examples=50)
def test_flipped_bits_of_geojson_give_a_table_or_the_file(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("flipped") / "tremor.json"
    whole = bytearray(collection([feature(1, "2024-01-01"), feature(2, "2024-01-02")], count=2).encode())
    for bit in data.draw(st.lists(st.integers(0, 8 * len(whole) - 1), min_size=1, max_size=3)):
        whole[bit // 8] ^= 1 << bit % 8
    path.write_bytes(whole)
    try:
        assert len(readers.read(path, "pnsn_tremor")) == 2
    except CatalogError as error:
        assert str(path) in str(error)  # noqa: PT017 (either outcome is right)


def test_address_is_to_the_second():
    url = pnsn.pnsn_url(UTCDateTime(2024, 1, 1), UTCDateTime(2024, 1, 31, 12))
    assert url == (
        "https://tremorapi.pnsn.org/api/v3.0/events?starttime=2024-01-01T00:00:00&endtime=2024-01-31T12:00:00"
    )


def test_long_interval_is_divided_end_to_end():
    parts = list(pnsn.intervals(UTCDateTime(2024, 1, 1), UTCDateTime(2024, 4, 1), days=40))
    assert [(one.julday, other.julday) for one, other in parts] == [(1, 41), (41, 81), (81, 92)]


# --- a server that behaves as the service does --------------------------------------------------------------------


class Service(http.server.BaseHTTPRequestHandler):
    """Both ends included, at most `cap` events, 404 for none, and an error when asked for 2030."""

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        start, end = (pd.Timestamp(query[name][0], tz="UTC") for name in ("starttime", "endtime"))
        self.server.asked.append((start, end))
        inside = [event for when, event in self.server.events if start <= when <= end]
        status = 503 if start.year == 2030 else 200 if inside else 404
        features = inside[: self.server.cap]
        body = collection(features, **({"count": len(inside)} if self.server.counts else {}))
        self.send_response(status)
        self.end_headers()
        self.wfile.write((body if status == 200 else '{"message": "Resource not found"}').encode())

    def log_message(self, *_):
        """Keep the test's output clean."""


@pytest.fixture
def service(monkeypatch):
    """The service on loopback, with a cap of 50: 600 events in January 2024, 300 of them within three hours."""
    times = [
        *pd.date_range("2024-01-01", "2024-01-31", periods=300),
        *pd.date_range("2024-01-10", periods=300, freq="36s"),
    ]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.events = [
        (time.tz_localize("UTC").floor("s"), feature(number, time.floor("s"))) for number, time in enumerate(times)
    ]
    server.asked, server.cap, server.counts = [], 50, True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setattr(pnsn, "SERVICE", f"http://127.0.0.1:{server.server_address[1]}/api/v3.0/events")
    monkeypatch.setattr(pnsn, "CAP", 50)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("cap", "counts"), [(50, True), (50, False), (30, True)])
def test_every_event_is_fetched_once_in_spite_of_the_cap(service, cap, counts):
    service.cap, service.counts = cap, counts  # a cap that was lowered still shows in the count
    catalog = pnsn.fetch_pnsn(UTCDateTime(2023, 11, 1), UTCDateTime(2024, 4, 1))
    assert sorted(catalog["event_id"]) == sorted(f"pnsn-{number}" for number in range(600))
    assert len(service.asked) > 600 / 50


def test_start_is_included_and_end_is_not(service):
    first = service.events[0][0]
    second = UTCDateTime(service.events[1][0].timestamp())
    catalog = pnsn.fetch_pnsn(UTCDateTime(first.timestamp()), second)
    assert catalog["onset"].tolist() == [first]
    assert len(pnsn.fetch_pnsn(second - 0.5, second + 0.5)) == 1
    assert [UTCDateTime(time.timestamp()) - second for time in service.asked[-1]] == [-1, 1]


def test_interval_without_tremor_is_an_empty_catalogue(service):
    catalog = pnsn.fetch_pnsn(UTCDateTime(2009, 1, 1), UTCDateTime(2009, 6, 1))
    assert len(catalog) == 0
    assert service.asked[0][0] == pd.Timestamp("2009-01-01", tz="UTC")


def test_error_of_the_service_is_named(service):
    with pytest.raises(CatalogError, match=r"starttime=2030-01-01T00:00:00.*: HTTP status 503\. Try again later"):
        pnsn.fetch_pnsn(UTCDateTime(2030, 1, 1), UTCDateTime(2030, 1, 2))


def test_cap_within_one_second_is_no_reason_to_ask_forever(service):
    service.events = [(pd.Timestamp("2024-01-01T00:00:30Z"), feature(n, "2024-01-01T00:00:30")) for n in range(60)]
    with pytest.raises(CatalogError, match=r"60 events within one second"):
        pnsn.fetch_pnsn(UTCDateTime(2024, 1, 1), UTCDateTime(2024, 1, 1, 0, 1))


def test_service_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(pnsn, "SERVICE", "http://127.0.0.1:9/events")
    with pytest.raises(CatalogError, match=r"http://127.0.0.1:9/events.*: cannot be reached: .* Check the network"):
        pnsn.fetch_pnsn(UTCDateTime(2024, 1, 1), UTCDateTime(2024, 1, 2))


def test_empty_interval_is_refused():
    with pytest.raises(CatalogError, match=r"the interval from 2024-01-02.* to 2024-01-01.* is empty"):
        pnsn.fetch_pnsn(UTCDateTime(2024, 1, 2), UTCDateTime(2024, 1, 1), get=pytest.fail)
