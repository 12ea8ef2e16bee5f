"""Tremor of Cascadia from the Pacific Northwest Seismic Network: its GeoJSON files, and its web service.

The service has its traps. It returns at most 20,000 events, a random choice where there are more, and says so only by
a ``count`` that is larger; it answers 404 to an interval without events; and it takes both ends of an interval as
included.
"""

import json
import math
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pandas as pd
from obspy import UTCDateTime

from tremorlab.catalog import delimited, table
from tremorlab.errors import CatalogError

SERVICE = "https://tremorapi.pnsn.org/api/v3.0/events"
CAP = 20_000
#: Days of one request: the strongest episodes have some thousand events a week.
REQUEST_DAYS = 30

_SCHEMA = "Give GeoJSON as the service returns it"


def read_pnsn_tremor(path: str | Path, *, reliability: str = "medium") -> pd.DataFrame:
    """Read a GeoJSON file of the PNSN tremor service.

    Parameters
    ----------
    path
        The file.
    reliability
        Of every event.

    Returns
    -------
    pandas.DataFrame
        Event table of class tremor; the end is the time plus the service's duration (s), number of stations and
        energy stand in the remarks.

    Raises
    ------
    CatalogError
        The file was cut at the service's cap, or is not what the service returns; "row" in a message is the number
        of the feature.
    """
    features, count = _features(delimited.read_bytes(path), path)
    if len(features) == CAP or count > len(features):
        raise CatalogError(
            path,
            f"holds {len(features)} of {count if count > len(features) else 'an unknown number of'} events: "
            f"the service cuts at {CAP} without a word",
            "Fetch shorter intervals, as tremorlab.catalog.pnsn.fetch_pnsn does",
        )
    return _table(features, path, reliability)


def pnsn_url(start: UTCDateTime, end: UTCDateTime) -> str:
    """Return the service's address for the events from start to end, both included, to the second."""
    first, last = (time.strftime("%Y-%m-%dT%H:%M:%S") for time in (start, end))
    return f"{SERVICE}?starttime={first}&endtime={last}"


def intervals(
    start: UTCDateTime, end: UTCDateTime, days: int = REQUEST_DAYS
) -> Iterator[tuple[UTCDateTime, UTCDateTime]]:
    """Divide a long interval into requests of at most `days` days, end to end."""
    while start < end:
        yield start, min(start + 86400 * days, end)
        start += 86400 * days


def _download(url):
    try:
        with urllib.request.urlopen(url, timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError as error:
        raise CatalogError(url, f"cannot be reached: {error}", "Check the network and try again") from error


def fetch_pnsn(
    start: UTCDateTime,
    end: UTCDateTime,
    get: Callable[[str], tuple[int, bytes]] = _download,
    *,
    reliability: str = "medium",
) -> pd.DataFrame:
    """Fetch the tremor of an interval, however long.

    Parameters
    ----------
    start, end
        Events with start <= onset < end are returned.
    get
        Function of an address that returns HTTP status and body.
    reliability
        Of every event.

    Returns
    -------
    pandas.DataFrame
        Event table, empty where there was no tremor. An interval that meets the cap is halved until it does not.

    Raises
    ------
    CatalogError
        The interval is empty, the service answers with an error, or it has 20,000 events within one second.
    """
    if not start < end:
        raise CatalogError(SERVICE, f"the interval from {start} to {end} is empty", "Give a start before the end")
    whole = UTCDateTime(math.floor(start.timestamp)), UTCDateTime(math.ceil(end.timestamp))
    waiting, found = list(intervals(*whole))[::-1], {}
    while waiting:
        first, last = waiting.pop()
        url = pnsn_url(first, last)
        features, count = _answer(*get(url), url)
        if len(features) < CAP and count <= len(features):
            # An event on a border comes in two answers.
            found |= {json.dumps(feature, sort_keys=True): feature for feature in features}
        elif last - first <= 1:
            raise CatalogError(url, f"{count} events within one second", "Ask the network: this cannot be right")
        else:
            middle = first + (last - first) // 2
            waiting += [(middle, last), (first, middle)]
    events = _table(list(found.values()), SERVICE, reliability)
    inside = (events["onset"] >= pd.Timestamp(str(start))) & (events["onset"] < pd.Timestamp(str(end)))
    return events[inside].reset_index(drop=True)


def _answer(status, body, url):
    if status == 404:
        return [], 0
    if status != 200:
        raise CatalogError(url, f"HTTP status {status}", "Try again later, or ask for a shorter interval")
    return _features(body, url)


def _features(data, where):
    try:
        collection = json.loads(data)
        features, count = collection["features"], collection.get("count", 0)
        if not isinstance(features, list) or not isinstance(count, int):
            raise TypeError("features is not a list or count no number")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CatalogError(where, f"is not a GeoJSON collection of features: {error}", _SCHEMA) from error
    return features, count


def _table(features, where, reliability):
    return table.from_records((_event(*item, where, reliability) for item in enumerate(features, start=1)), where)


def _event(row, feature, where, reliability):
    try:
        properties = feature["properties"]
        longitude, latitude, *_ = feature["geometry"]["coordinates"]
        onset = _time(properties["time"])
        seconds = _number(properties.get("duration"))
        end = seconds and pd.to_datetime(onset, errors="coerce", utc=True) + pd.Timedelta(seconds=seconds)
        known = {name: properties[name] for name in ("num_stas", "energy") if properties.get(name) is not None}
        return {
            "event_id": f"pnsn-{properties.get('id', row)}",
            "onset": onset,
            "end": end or None,
            "event_class": "tremor",
            "source": "PNSN",
            "reliability": reliability,
            "latitude": _number(latitude),
            "longitude": _number(longitude),
            "depth_km": _number(properties.get("depth")),
            "magnitude": _number(properties.get("magnitude")),
            "remarks": ", ".join(f"{name} {value}" for name, value in known.items()),
        }
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CatalogError(f"{where}, row {row}", f"feature is not a tremor event: {error!r}", _SCHEMA) from error


def _number(value):
    return None if value is None else float(value)


def _time(text):
    """The service writes dates as mail does ("Mon, 01 Jan 2024 01:47:30 GMT"); ISO 8601 is left as it is."""
    return parsedate_to_datetime(text).isoformat() if text[:1].isalpha() else text
