"""Event tables to files; reading them back gives an equal table.

A file appears whole or not at all: it is written under another name in the same folder and renamed.
"""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from obspy import UTCDateTime
from obspy.core.event import Catalog, CreationInfo, Event, EventDescription, Magnitude, Origin, Pick, WaveformStreamID

from tremorlab.catalog import table
from tremorlab.catalog.quakeml import NAMESPACE
from tremorlab.errors import CatalogError

#: Class -> QuakeML event type; anything else is an "other event", because the standard knows no tremor.
_TYPES = {
    "earthquake": "earthquake",
    "teleseism": "earthquake",
    "vt": "earthquake",
    "long_period": "earthquake",
    "volcanic_earthquake": "earthquake",
    "eruption": "volcanic eruption",
    "noise": "not existing",
}


def write_csv(catalog: pd.DataFrame, path: str | Path) -> None:
    """Write an event table as UTF-8 CSV with the columns of `table.COLUMNS`, one line an event, times in UTC.

    Parameters
    ----------
    catalog
        Event table; it is validated first.
    path
        File to make or replace.

    Raises
    ------
    CatalogError
        The table breaks the schema, or the file cannot be written; then a file that was there before is untouched.
    """
    catalog = table.validate(catalog)
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(catalog.columns)
    for row in catalog.itertuples(index=False):
        writer.writerow("" if pd.isna(value) else exact(value) for value in row)
    replace_file(path, written.getvalue().encode("utf-8"))


def write_quakeml(catalog: pd.DataFrame, path: str | Path) -> None:
    """Write an event table as QuakeML 1.2.

    Rows of one event make one event with a pick at each station. Where a place is known there is an origin, whose time
    is the earliest onset; an event with neither place nor station has a pick with empty codes, so that every event
    shows its time to other programs. Place, magnitude and remarks are those of the earliest row. Inside each pick (or
    the event, where it has none) stands every column of its row exactly, in our own namespace.

    Parameters and errors are those of `write_csv`.
    """
    rows = table.validate(catalog).groupby("event_id", sort=False)
    events = [as_event(number, own.to_dict("records")) for number, (_, own) in enumerate(rows, start=1)]
    written = io.BytesIO()
    Catalog(events, resource_id="smi:local/tremorlab/catalogue").write(
        written, format="QUAKEML", nsmap={"tremorlab": NAMESPACE}
    )
    replace_file(path, written.getvalue())


def as_event(number: int, rows: Sequence[Mapping]) -> Event:
    """Turn the rows of one event, as mappings with the keys of `table.COLUMNS`, into an obspy event."""
    # Numbers, not our event ids: those may hold characters that a QuakeML identifier may not.
    stem, first = f"smi:local/tremorlab/{number:06d}", rows[0]
    event = Event(
        resource_id=f"{stem}/event",
        event_type=_TYPES.get(first["event_class"], "other event"),
        creation_info=CreationInfo(agency_id=first["source"]),
        event_descriptions=[EventDescription(text=first["remarks"])] if first["remarks"] else [],
    )
    if not pd.isna([first["latitude"], first["longitude"]]).any():
        depth = None if pd.isna(first["depth_km"]) else first["depth_km"] * 1000
        place = {"latitude": first["latitude"], "longitude": first["longitude"], "depth": depth}
        event.origins = [Origin(resource_id=f"{stem}/origin", time=_time(first), **place)]
    if not pd.isna(first["magnitude"]):
        event.magnitudes = [Magnitude(resource_id=f"{stem}/magnitude", mag=first["magnitude"])]
    if first["station"] or not event.origins:
        event.picks = [_pick(f"{stem}/pick/{k}", row) for k, row in enumerate(rows, start=1)]
    else:
        event.extra = _extra(first)
    return event


def _pick(name, row):
    network, _, station = row["station"].partition(".")
    waveform = WaveformStreamID(network_code=network, station_code=station)
    pick = Pick(resource_id=name, time=_time(row), waveform_id=waveform)
    pick.extra = _extra(row)
    return pick


def _time(row):
    return UTCDateTime(ns=row["onset"].value)


def _extra(row):
    known = {name: value for name, value in row.items() if value != "" and not pd.isna(value)}
    return {name: {"value": exact(value), "namespace": NAMESPACE} for name, value in known.items()}


def exact(value: object) -> str:
    """Text from which `table.validate` gets the same value back: times to the nanosecond, numbers to the last bit."""
    if isinstance(value, pd.Timestamp):
        moment = np.datetime_as_string(value.tz_convert(None).to_datetime64(), unit="ns")
        return f"{moment.rstrip('0').rstrip('.')}Z" if not moment.endswith("000000000") else f"{moment[:19]}Z"
    return repr(value) if isinstance(value, float) else str(value)


def replace_file(path: str | Path, data: bytes) -> None:
    """Write a file under another name beside it, then put it in place.

    Raises
    ------
    CatalogError
        It cannot be written; a file that was there before is untouched.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CatalogError(
            path, f"cannot be written: {error.strerror}", "Choose a folder that you may write to"
        ) from error
