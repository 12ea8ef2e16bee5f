"""Events to files: CSV, QuakeML 1.2, and picks as SeisBench lists them.

QuakeML knows no tremor and no probabilities. The event type is the standard's nearest, a pick at each station carries
the row of the event table (`tremorlab.catalog.quakeml`), and the event carries its row of `tremorlab.detect.events`
exactly, in elements of the namespace `NAMESPACE`. So our catalogue reader reads the file as a catalogue, `read_quakeml`
reads it as detections without loss, and any other program sees picks.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from obspy import read_events
from obspy.core.event import Catalog

from tremorlab import untrusted
from tremorlab.catalog import table
from tremorlab.catalog.writers import as_event, exact, replace_file
from tremorlab.detect.events import COLUMNS, Detection
from tremorlab.errors import CatalogError
from tremorlab.study import EVENT_CLASSES

NAMESPACE = "urn:x-tremorlab:detection:1"

#: Columns of SeisBench's picks (`seisbench.util.Pick`); the phase is the class.
LABELS = ("trace_id", "start_time", "end_time", "peak_time", "peak_value", "phase")


def write_csv(events: pd.DataFrame, path: str | Path) -> None:
    """Write a table of events, one line an event, times in UTC, numbers to the last digit.

    Raises
    ------
    CatalogError
        A column is missing, or the file cannot be written.
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in _checked(events, path).itertuples(index=False):
        writer.writerow("" if pd.isna(value) else exact(value) for value in row)
    replace_file(path, written.getvalue().encode())


def read_csv(path: str | Path) -> pd.DataFrame:
    """Read what `write_csv` wrote.

    Raises
    ------
    CatalogError
        The file cannot be read, or lacks a column.
    """
    try:
        return _typed(pd.read_csv(path, dtype=str, keep_default_na=False), path, 2)
    except (OSError, ValueError) as error:
        raise CatalogError(path, f"cannot be read: {error}", "Write it with tremorlab.detect.bulletin") from error


def as_catalogue(events: pd.DataFrame, members: Sequence[Sequence[Detection]], source: str) -> pd.DataFrame:
    """Turn events into an event table with a row for each station, reliability low: nobody has looked at them.

    Classes that the schema does not know are "other".
    """
    rows = [row for event, own in _pairs(events, members) for row in _rows(event, own, source)]
    return table.from_records(rows, source)


def write_quakeml(
    events: pd.DataFrame, members: Sequence[Sequence[Detection]], path: str | Path, *, source: str, first: int = 1
) -> None:
    """Write events and their detections as QuakeML.

    Parameters
    ----------
    events, members
        From `tremorlab.detect.events.associate`.
    path
        File to make or replace.
    source
        Who found them: the name of the network.
    first
        Number of the first event in its QuakeML identifier.

    Raises
    ------
    CatalogError
        A column is missing, members and events are not equal in number, or the file cannot be written.
    """
    found, rows = [], defaultdict(list)
    for row in as_catalogue(_checked(events, path), members, source).to_dict("records"):
        rows[row["event_id"]].append(row)
    for number, event in enumerate(events[list(COLUMNS)].to_dict("records"), start=first):
        written = as_event(number, rows[event["event_id"]])
        known = {name: value for name, value in event.items() if value != "" and not pd.isna(value)}
        written.extra = {name: {"value": exact(value), "namespace": NAMESPACE} for name, value in known.items()}
        found.append(written)
    content = io.BytesIO()
    catalog = Catalog(found, resource_id="smi:local/tremorlab/detections")
    catalog.write(content, format="QUAKEML", nsmap={"detection": NAMESPACE})
    replace_file(path, content.getvalue())


def read_quakeml(path: str | Path) -> pd.DataFrame:
    """Read the table of events that `write_quakeml` wrote.

    Raises
    ------
    CatalogError
        The file is no QuakeML, declares a document type or an entity, or an event is not ours.
    """
    content = untrusted.xml(path, CatalogError, "QuakeML")
    try:
        found = read_events(io.BytesIO(content), format="QUAKEML")
    except Exception as error:  # obspy raises many kinds
        raise CatalogError(path, f"is not QuakeML: {error}", "Write it with tremorlab.detect.bulletin") from error
    rows = []
    for number, event in enumerate(found, start=1):
        own = {name: item.value for name, item in event.get("extra", {}).items() if item.namespace == NAMESPACE}
        if not own:
            raise CatalogError(
                f"{path}, row {number}", "is not a detection of ours", "Read it with tremorlab.catalog.quakeml"
            )
        rows.append({name: own.get(name, "") for name in COLUMNS})
    return _typed(pd.DataFrame(rows, columns=list(COLUMNS), dtype=object), path, 1)


def labels(detections: Sequence[Detection]) -> pd.DataFrame:
    """List detections with the columns of SeisBench's picks."""
    rows = [(d.station, d.onset, d.end, d.peak, d.probability, d.event_class) for d in detections]
    return pd.DataFrame(rows, columns=list(LABELS))


def _pairs(events, members):
    if len(events) != len(members):
        raise CatalogError(
            "events", f"{len(events)} rows for {len(members)} lists of detections", "Give both as associate gave them"
        )
    return zip(events.to_dict("records"), members, strict=True)


def _rows(event, own, source):
    """Rows of the event table: the earliest detection of each station, to the end of its last."""
    known = event["event_class"] in EVENT_CLASSES
    for station in event["stations"].split():
        there = [d for d in own if d.station.startswith(f"{station}.")]
        yield {
            "event_id": event["event_id"],
            "onset": pd.Timestamp(min(d.onset for d in there).ns, tz="UTC"),
            "end": pd.Timestamp(max(d.end for d in there).ns, tz="UTC"),
            "event_class": event["event_class"] if known else "other",
            "source": source,
            "reliability": "low",
            "station": station,
            "remarks": f"{'' if known else event['event_class'] + ', '}probability {event['probability']:.3f}",
        }


def _checked(events, where):
    if missing := [name for name in COLUMNS if name not in events]:
        raise CatalogError(where, f"column(s) {', '.join(missing)} missing", "Give the table that associate gave")
    return events[list(COLUMNS)]


def _typed(texts, where, first):
    texts, typed = _checked(texts, where), pd.DataFrame(index=range(len(texts)))
    for name, (dtype, _) in COLUMNS.items():
        column = texts[name].replace("", None) if dtype != "str" else texts[name]
        try:
            typed[name] = _converted(column, dtype)
        except (ValueError, TypeError, OverflowError) as error:
            for row in range(len(column)):  # pandas does not say which
                try:
                    _converted(column[row : row + 1], dtype)
                except (ValueError, TypeError, OverflowError):
                    kind = {"f": "a number", "i": "a whole number"}.get(dtype[0], "a time")
                    raise CatalogError(
                        f"{where}, row {row + first}, column {name!r}", f"{column.iloc[row]!r} is not {kind}",
                        "Correct it, or write the file again with tremorlab.detect.bulletin",
                    ) from error  # fmt: skip
            raise CatalogError(f"{where}, column {name!r}", f"cannot be read: {error}", "Write it again") from error
    return typed


def _converted(column, dtype):
    if dtype.startswith("datetime"):
        return pd.to_datetime(column, utc=True, format="ISO8601").astype(dtype)
    return column.map(float, na_action="ignore").astype(dtype) if dtype == "float64" else column.astype(dtype)
