"""The schema of an event table: one row an event, times in UTC.

A catalogue is a plain `pandas.DataFrame` with the columns below, so that everything pandas does still works;
`validate` is the gate that every reader goes through.
"""

from collections.abc import Iterable, Mapping
from typing import get_args

import numpy as np
import pandas as pd

from tremorlab.errors import CatalogError
from tremorlab.study import EVENT_CLASSES, Reliability

#: Column -> (dtype, unit or meaning). Times, class, source and reliability are required, the rest may be missing.
COLUMNS = {
    "event_id": ("str", "unique within the table"),
    "onset": ("datetime64[ns, UTC]", "first arrival at the station, or origin time where no station is named"),
    "end": ("datetime64[ns, UTC]", "end of the signal; NaT when unknown"),
    "event_class": ("str", "one of tremorlab.study.EVENT_CLASSES"),
    "source": ("str", "who says so: catalogue, observatory, or 'read from the record'"),
    "reliability": ("str", "high, medium or low"),
    "station": ("str", "NET.STA that the times hold for; empty means every station of the study"),
    "latitude": ("float64", "degrees north, -90 to 90"),
    "longitude": ("float64", "degrees east, -180 to 180"),
    "depth_km": ("float64", "kilometres below sea level"),
    "magnitude": ("float64", "as given by the source"),
    "remarks": ("str", "free text"),
}

_REQUIRED = ("event_id", "onset", "event_class", "source", "reliability")
_TEXT = [name for name, (dtype, _) in COLUMNS.items() if dtype == "str"]
_NUMBERS = [name for name, (dtype, _) in COLUMNS.items() if dtype == "float64"]
_TIMES = ["onset", "end"]
_LIMITS = {"latitude": (-90, 90), "longitude": (-180, 180), "depth_km": (-10, 800), "magnitude": (-5, 10)}


def _refuse(where, row, column, value, limit, remedy):
    raise CatalogError(f"{where}, row {row}, column {column!r}", f"{value!r} is not {limit}", remedy)


def validate(frame: pd.DataFrame, where: object = "catalogue", first_row: int = 1) -> pd.DataFrame:
    """Check an event table against the schema and return it in canonical form, sorted by onset.

    Parameters
    ----------
    frame
        Any table that has at least `event_id`, `onset`, `event_class`, `source` and `reliability`.
        Times must carry a zone; every zone is turned into UTC.
    where
        Name of the file or the source, for messages.
    first_row
        Number of the first data row in that file (2 below a header line), for messages.

    Returns
    -------
    pandas.DataFrame
        Exactly the columns of `COLUMNS` in that order, index 0..n-1.

    Raises
    ------
    CatalogError
        Names the row and the column, the value, what it should be, and the remedy.
    """
    missing = [name for name in _REQUIRED if name not in frame.columns]
    if missing:
        raise CatalogError(
            where, f"column(s) {', '.join(missing)} missing; found {', '.join(map(str, frame.columns))}",
            "Rename the columns, or give the reader a mapping",
        )
    unknown = [name for name in frame.columns if name not in COLUMNS]
    if unknown:
        raise CatalogError(where, f"column(s) {', '.join(map(str, unknown))} unknown",
                           f"The schema holds {', '.join(COLUMNS)}; put anything else into remarks")
    out = pd.DataFrame(index=range(len(frame)))
    rows = np.arange(len(frame)) + first_row
    for name in COLUMNS:
        column = frame[name].reset_index(drop=True) if name in frame else pd.Series([None] * len(frame), dtype=object)
        if name in _TIMES:
            out[name] = _times(column, name, where, rows)
        elif name in _NUMBERS:
            out[name] = _numbers(column, name, where, rows)
        else:
            out[name] = pd.Series(["" if pd.isna(v) else str(v).strip() for v in column], dtype="str")
    for name, allowed in (("event_class", tuple(EVENT_CLASSES)), ("reliability", get_args(Reliability))):
        for i in np.flatnonzero(~out[name].isin(allowed)):
            _refuse(where, rows[i], name, out[name][i], f"one of {', '.join(allowed)}",
                    "Map the source's own codes to these")
    for name in ("event_id", "source"):
        for i in np.flatnonzero(out[name] == ""):
            _refuse(where, rows[i], name, "", "a text", "Every event needs one")
    for i in np.flatnonzero(out["station"].ne("") & ~out["station"].str.fullmatch(r"[A-Za-z0-9]{1,8}\.[A-Za-z0-9]{1,8}")):
        _refuse(where, rows[i], "station", out["station"][i], "NET.STA", "Write network and station code with a dot")
    for i in np.flatnonzero(out["onset"].isna()):
        _refuse(where, rows[i], "onset", None, "a time", "Every event needs an onset")
    for i in np.flatnonzero(out["end"].lt(out["onset"])):
        _refuse(where, rows[i], "end", str(out["end"][i]), f"after the onset {out['onset'][i]}", "Swap or correct them")
    for i in np.flatnonzero(out["event_id"].duplicated()):
        _refuse(where, rows[i], "event_id", out["event_id"][i], "unique", "Give every event its own id")
    return out.sort_values(["onset", "event_id"], kind="stable", ignore_index=True)


def _times(column, name, where, rows):
    times = []
    for row, value in zip(rows, column, strict=True):
        if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)) or value == "":
            times.append(pd.NaT)
            continue
        try:
            time = pd.Timestamp(str(value))
        except (ValueError, OverflowError):
            _refuse(where, row, name, value, "a time", "Write ISO 8601, e.g. 2015-08-15T00:00:00Z")
        if time is pd.NaT:
            times.append(time)
            continue
        if time.tzinfo is None:
            _refuse(where, row, name, str(value), "a time with a zone",
                    "Add Z for UTC or +09:00 for JST, or tell the reader timezone='UTC'")
        times.append(time.tz_convert("UTC"))
    return pd.Series(pd.DatetimeIndex(times, tz="UTC").as_unit("ns") if times else [], dtype="datetime64[ns, UTC]")


def _numbers(column, name, where, rows):
    numbers = pd.to_numeric(column.replace("", None), errors="coerce").astype("float64")
    bad = numbers.isna() & ~(column.isna() | column.astype(str).str.strip().str.lower().isin(["", "nan"]))
    low, high = _LIMITS[name]
    bad |= numbers.notna() & ~numbers.between(low, high)
    for i in np.flatnonzero(bad):
        _refuse(where, rows[i], name, column[i], f"a number from {low} to {high}", "Correct it or leave it empty")
    return numbers


def from_records(records: Iterable[Mapping], where: object = "catalogue", first_row: int = 1) -> pd.DataFrame:
    """Build a validated event table from mappings with the keys of `COLUMNS`."""
    records = list(records)
    return validate(pd.DataFrame(records) if records else empty(), where, first_row)


def empty() -> pd.DataFrame:
    """Return an event table without rows, in canonical form."""
    return validate(pd.DataFrame({name: [] for name in COLUMNS}))


def durations_s(catalog: pd.DataFrame) -> pd.Series:
    """Duration of each event in seconds; NaN where the end is unknown."""
    return (catalog["end"] - catalog["onset"]).dt.total_seconds()
