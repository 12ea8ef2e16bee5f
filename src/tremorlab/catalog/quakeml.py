"""QuakeML 1.2 to an event table: the standard's own elements, or ours where `catalog.writers` wrote them.

QuakeML has no place for the end of a signal, for its class as we use it, or for how far a label is to be trusted,
and it keeps depths in metres. What we write therefore carries the rows of the table a second time, exactly, in
elements of the namespace `NAMESPACE` inside the pick (or the event) of each row; reading prefers those, so that
writing and reading again loses nothing.
"""

import io
import re
import warnings
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
from obspy import read_events

from tremorlab.catalog import delimited, table
from tremorlab.errors import CatalogError

NAMESPACE = "urn:x-tremorlab:event:1"

#: QuakeML event type -> class; the standard knows no tremor.
_CLASSES = {"earthquake": "earthquake", "volcanic eruption": "eruption"}


def read_quakeml(
    path: str | Path, *, event_class: str = "", source: str = "", reliability: str = "medium"
) -> pd.DataFrame:
    """Read QuakeML, ours or anybody's.

    Parameters
    ----------
    path
        The file.
    event_class
        Class of every event; without it, the event type says: ``earthquake``, ``volcanic eruption`` (eruption), any
        other type is ``other``, and an event without a type is refused.
    source
        Who says so; without it, the agency or the author that the event names, or the name of the file.
    reliability
        Of every event. The options do not touch events that carry our own elements.

    Returns
    -------
    pandas.DataFrame
        Event table, of our own events a row for each pick. The onset of others is the time of the preferred (or the
        first) origin, or the first pick where there is no origin; then the station is that pick's.

    Raises
    ------
    CatalogError
        The file has a document type declaration, is not QuakeML, or has a value that cannot be read; "row" in a
        message is the number of the event in the file.
    """
    text = delimited.read_text(path)
    _refuse_entities(text, path)
    remedy = "Compare it with the QuakeML 1.2 schema"
    try:
        ElementTree.fromstring(text)  # its error names the line, obspy's does not
    except ElementTree.ParseError as error:
        raise CatalogError(f"{path}, line {error.position[0]}", f"is not XML: {error}", remedy) from error
    with warnings.catch_warnings(record=True) as lost:
        warnings.simplefilter("always")
        try:
            catalog = read_events(io.BytesIO(text.encode()), format="QUAKEML")
        except Exception as error:  # obspy raises many kinds, bare Exception among them
            raise CatalogError(path, f"is not QuakeML: {error}", remedy) from error
    if lost:
        raise CatalogError(path, f"a value cannot be read: {lost[0].message}", "Correct it in the file")
    events, numbers = [], []
    for row, event in enumerate(catalog, start=1):
        if own := list(filter(None, map(_own, [event, *event.picks]))):
            events += own
            numbers += [row] * len(own)
            continue
        foreign = _foreign(event, f"{path}, row {row}", event_class, source or Path(path).name)
        events.append(foreign | {"reliability": reliability} | ({"source": source} if source else {}))
        numbers.append(row)
    return table.from_records(events, path, numbers)


def _own(element):
    """Row of the table that an event or a pick of ours carries; empty for anybody else's."""
    return {name: item.value for name, item in element.get("extra", {}).items() if item.namespace == NAMESPACE}


def _refuse_entities(text, where):
    """An entity declaration can blow a small file up to gigabytes or read other files; no catalogue needs one."""
    encoding = re.match(r"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([^\"']*)", text)
    if encoding and encoding[1].lower() not in ("utf-8", "us-ascii", "ascii"):
        raise CatalogError(where, f"declares the encoding {encoding[1]!r}", "Convert it to UTF-8")
    for forbidden in ("<!DOCTYPE", "<!ENTITY"):
        if forbidden in text:
            line = text.count("\n", 0, text.index(forbidden)) + 1
            raise CatalogError(f"{where}, line {line}", f"has a {forbidden} declaration", "Remove it; QuakeML has none")


def _foreign(event, where, event_class, source):
    """Row of the table from the standard's elements."""
    origin = event.preferred_origin() or next(iter(event.origins), None)
    picks = sorted((pick for pick in event.picks if pick.time), key=lambda pick: pick.time)
    magnitude = event.preferred_magnitude() or next(iter(event.magnitudes), None)
    name = event.resource_id.id if event.resource_id else ""
    row = {"event_id": name, "event_class": event_class or _CLASSES.get(event.event_type, "other")}
    if not event_class and event.event_type in (None, "not reported"):
        raise CatalogError(where, "event has no type", "Tell the reader event_class='earthquake' or another")
    if origin and origin.time:
        row["onset"] = origin.time
        depth_km = None if origin.depth is None else origin.depth / 1000
        row |= {"latitude": origin.latitude, "longitude": origin.longitude, "depth_km": depth_km}
    elif picks:
        row["onset"], waveform = picks[0].time, picks[0].waveform_id
        row["station"] = (
            f"{waveform.network_code}.{waveform.station_code}" if waveform and waveform.network_code else ""
        )
    else:
        raise CatalogError(where, "event has neither an origin time nor a pick", "Locate or pick it, or remove it")
    remarks = [description.text for description in event.event_descriptions]
    if magnitude:
        row["magnitude"] = magnitude.mag
        remarks.append(f"magnitude type {magnitude.magnitude_type}" if magnitude.magnitude_type else None)
    infos = [thing.creation_info for thing in (event, origin) if thing and thing.creation_info]
    names = [info.agency_id or info.author for info in infos]
    return row | {"remarks": "; ".join(filter(None, remarks)), "source": next(filter(None, names), source)}
