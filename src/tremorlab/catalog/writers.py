"""Event tables to files; reading them back gives an equal table.

A file appears whole or not at all: it is written under another name in the same folder and renamed.
"""

import csv
import io
import os
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
        writer.writerow("" if pd.isna(value) else _exact(value) for value in row)
    _replace(path, written.getvalue().encode("utf-8"))


def write_quakeml(catalog: pd.DataFrame, path: str | Path) -> None:
    """Write an event table as QuakeML 1.2.

    Where a station is named the onset is a pick at it; where a place is known there is an origin with the onset as
    its time; an event with neither has a pick with empty codes, so that every event shows its time to other
    programs. Beside these stands every column exactly, in our own namespace.

    Parameters and errors are those of `write_csv`.
    """
    rows = table.validate(catalog).to_dict("records")
    events = [_event(number, row) for number, row in enumerate(rows, start=1)]
    written = io.BytesIO()
    Catalog(events, resource_id="smi:local/tremorlab/catalogue").write(
        written, format="QUAKEML", nsmap={"tremorlab": NAMESPACE}
    )
    _replace(path, written.getvalue())


def _event(number, row):
    # Numbers, not our event ids: those may hold characters that a QuakeML identifier may not.
    stem = f"smi:local/tremorlab/{number:06d}"
    known = {name: value for name, value in row.items() if value != "" and not pd.isna(value)}
    onset = UTCDateTime(ns=row["onset"].value)
    network, _, station = row["station"].partition(".")
    event = Event(
        resource_id=f"{stem}/event",
        event_type=_TYPES.get(row["event_class"], "other event"),
        creation_info=CreationInfo(agency_id=row["source"]),
        event_descriptions=[EventDescription(text=row["remarks"])] if row["remarks"] else [],
    )
    if {"latitude", "longitude"} <= known.keys():
        depth = known["depth_km"] * 1000 if "depth_km" in known else None
        place = {"latitude": row["latitude"], "longitude": row["longitude"], "depth": depth}
        event.origins = [Origin(resource_id=f"{stem}/origin", time=onset, **place)]
    if station or not event.origins:
        waveform = WaveformStreamID(network_code=network, station_code=station)
        event.picks = [Pick(resource_id=f"{stem}/pick", time=onset, waveform_id=waveform)]
    if "magnitude" in known:
        event.magnitudes = [Magnitude(resource_id=f"{stem}/magnitude", mag=row["magnitude"])]
    event.extra = {name: {"value": _exact(value), "namespace": NAMESPACE} for name, value in known.items()}
    return event


def _exact(value):
    """Text from which `table.validate` gets the same value back: times to the nanosecond, numbers to the last bit."""
    if isinstance(value, pd.Timestamp):
        moment = np.datetime_as_string(value.tz_convert(None).to_datetime64(), unit="ns")
        return f"{moment.rstrip('0').rstrip('.')}Z" if not moment.endswith("000000000") else f"{moment[:19]}Z"
    return repr(value) if isinstance(value, float) else str(value)


def _replace(path, data):
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
