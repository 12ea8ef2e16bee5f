"""The schema of an event table: one row an event, or one for each station at which it was read; times in UTC.

A catalogue is a plain `pandas.DataFrame` with the columns below, so that everything pandas does still works;
`validate` is the gate that every reader goes through. Its key is (event_id, station): the rows of one event differ in
station, onset, end and reliability, and whatever counts or divides events takes them as one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

import numpy as np
import pandas as pd

from tremorlab.errors import CatalogError
from tremorlab.study import EVENT_CLASSES, Reliability

#: Column -> (dtype, unit or meaning). Times, class, source and reliability are required, the rest may be missing.
COLUMNS = {
    "event_id": ("str", "the same in all rows of an event, which name one station each"),
    "onset": (
        "datetime64[ns, UTC]",
        "first arrival at the station, or origin time where no station is named",
    ),
    "end": ("datetime64[ns, UTC]", "end of the signal; NaT when unknown"),
    "event_class": ("str", "one of tremorlab.study.EVENT_CLASSES"),
    "source": ("str", "who says so: catalogue, observatory, or 'read from the record'"),
    "reliability": ("str", "high, medium or low"),
    "station": ("str", "NET.STA that the times hold for (NET.* for a network); empty means every station of the study"),
    "latitude": ("float64", "degrees north, -90 to 90"),
    "longitude": ("float64", "degrees east, -180 to 180"),
    "depth_km": ("float64", "kilometres below sea level"),
    "magnitude": ("float64", "as given by the source"),
    "remarks": ("str", "free text on one line"),
}

_REQUIRED = ("event_id", "onset", "event_class", "source", "reliability")
_TEXT = [name for name, (dtype, _) in COLUMNS.items() if dtype == "str"]
_NUMBERS = [name for name, (dtype, _) in COLUMNS.items() if dtype == "float64"]
_TIMES = ["onset", "end"]
#: Neither XML nor a text file carries these; in a catalogue they mean a damaged file.
_UNREADABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
#: A whole date first: pandas alone would complete "12:30Z" with today's date.
_DATE = re.compile(r"\d{4}([-/]?)(0[1-9]|1[0-2])\1(0[1-9]|[12]\d|3[01])(?!\d)", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)", re.ASCII)
_LIMITS = {"latitude": (-90, 90), "longitude": (-180, 180), "depth_km": (-10, 800), "magnitude": (-5, 10)}


def _refuse(where, row, column, value, limit, remedy):
    raise CatalogError(f"{where}, row {row}, column {column!r}", f"{value!r} is not {limit}", remedy)


def validate(frame: pd.DataFrame, where: object = "catalogue", first_row: int | Sequence[int] = 1) -> pd.DataFrame:
    """Check an event table against the schema and return it in canonical form, sorted by onset.

    Parameters
    ----------
    frame
        Any table that has at least `event_id`, `onset`, `event_class`, `source` and `reliability`.
        Times must carry a zone; every zone is turned into UTC.
    where
        Name of the file or the source, for messages.
    first_row
        Number of the first data row in that file (2 below a header line), for messages; or the number of every
        row, where the file has other lines between them.

    Returns
    -------
    pandas.DataFrame
        Exactly the columns of `COLUMNS` in that order, index 0..n-1; every text on one line, runs of white space
        as one blank. The order is that of onset, event_id and station.

    Raises
    ------
    CatalogError
        Names the row and the column, the value, what it should be, and the remedy.
    """
    missing = [name for name in _REQUIRED if name not in frame.columns]
    if missing:
        raise CatalogError(
            where,
            f"column(s) {', '.join(missing)} missing; found {', '.join(map(str, frame.columns))}",
            "Rename the columns, or give the reader a mapping",
        )
    unknown = [name for name in frame.columns if name not in COLUMNS]
    if unknown:
        raise CatalogError(
            where,
            f"column(s) {', '.join(map(str, unknown))} unknown",
            f"The schema holds {', '.join(COLUMNS)}; put anything else into remarks",
        )
    out = pd.DataFrame(index=range(len(frame)))
    rows = np.arange(len(frame)) + first_row if np.isscalar(first_row) else np.asarray(first_row)
    for name in COLUMNS:
        column = frame[name].reset_index(drop=True) if name in frame else pd.Series([None] * len(frame), dtype=object)
        if name in _TIMES:
            out[name] = _times(column, name, where, rows)
        elif name in _NUMBERS:
            out[name] = _numbers(column, name, where, rows)
        else:
            out[name] = _texts(column, name, where, rows)
    for name, allowed in (("event_class", tuple(EVENT_CLASSES)), ("reliability", get_args(Reliability))):
        for i in np.flatnonzero(~out[name].isin(allowed)):
            _refuse(
                where,
                rows[i],
                name,
                out[name][i],
                f"one of {', '.join(allowed)}",
                "Map the source's own codes to these",
            )
    for name in ("event_id", "source"):
        for i in np.flatnonzero(out[name] == ""):
            _refuse(where, rows[i], name, "", "a text", "Every event needs one")
    for i in np.flatnonzero(
        out["station"].ne("") & ~out["station"].str.fullmatch(r"[A-Za-z0-9*?]{1,8}\.[A-Za-z0-9*?]{1,8}")
    ):
        _refuse(
            where,
            rows[i],
            "station",
            out["station"][i],
            "NET.STA",
            "Write network and station code with a dot",
        )
    for i in np.flatnonzero(out["onset"].isna()):
        _refuse(where, rows[i], "onset", None, "a time", "Every event needs an onset")
    for i in np.flatnonzero(out["end"].lt(out["onset"])):
        _refuse(
            where,
            rows[i],
            "end",
            str(out["end"][i]),
            f"after the onset {out['onset'][i]}",
            "Swap or correct them",
        )
    _check_key(out, where, rows)
    return out.sort_values(["onset", "event_id", "station"], kind="stable", ignore_index=True)


def _check_key(out, where, rows):
    """The rows of an event are at different stations, each named, and agree on the class."""
    for i in np.flatnonzero(out.duplicated(["event_id", "station"])):
        limit = f"unique at station {out['station'][i] or '(any)'}"
        _refuse(where, rows[i], "event_id", out["event_id"][i], limit, "Give every event its own id")
    several = out["event_id"].duplicated(keep=False)
    for i in np.flatnonzero(several & ~out["station"].str.fullmatch(r"[^*?]+")):
        limit = f"one station, and event {out['event_id'][i]} has several rows"
        _refuse(where, rows[i], "station", out["station"][i], limit, "Name one station in each, or leave one row")
    first = out.groupby("event_id")["event_class"].transform("first")
    for i in np.flatnonzero(out["event_class"] != first):
        limit = f"{first[i]!r}, the class of event {out['event_id'][i]} in an earlier row"
        _refuse(where, rows[i], "event_class", out["event_class"][i], limit, "Give an event one class at all stations")


def _texts(column, name, where, rows):
    texts = ["" if pd.isna(value) else " ".join(str(value).split()) for value in column]
    for row, text in zip(rows, texts, strict=True):
        if _UNREADABLE.search(text):
            _refuse(where, row, name, text, "readable text", "Remove the control characters")
    return pd.Series(texts, dtype="str")


def _times(column, name, where, rows):
    texts = ["" if pd.isna(value) else str(value) for value in column]
    try:  # all at once where nothing is wrong, which is twenty times faster
        if not all(_MOMENT.fullmatch(text) for text in texts if text):
            raise ValueError
        times = pd.to_datetime(texts, format="ISO8601", utc=True).as_unit("ns")
    except ValueError:
        times = [_time(text, name, where, row) if text else pd.NaT for row, text in zip(rows, texts, strict=True)]
    return pd.Series(times, dtype="datetime64[ns, UTC]")


def _time(text, name, where, row):
    try:
        time = pd.Timestamp(text).as_unit("ns")
    except (ValueError, OverflowError):
        time = None
    if time is None or not _DATE.match(text):
        remedy = "Write ISO 8601, e.g. 2015-08-15T00:00:00Z"
        _refuse(where, row, name, text, "a time between 1678 and 2262", remedy)
    if time.tzinfo is None:
        remedy = "Add Z for UTC or +09:00 for JST, or tell the reader timezone='UTC'"
        _refuse(where, row, name, text, "a time with a zone", remedy)
    return time.tz_convert("UTC")


def _numbers(column, name, where, rows):
    numbers = pd.to_numeric(column.replace("", None), errors="coerce").astype("float64")
    bad = numbers.isna() & ~(column.isna() | column.astype(str).str.strip().str.lower().isin(["", "nan"]))
    low, high = _LIMITS[name]
    bad |= numbers.notna() & ~numbers.between(low, high)
    for i in np.flatnonzero(bad):
        _refuse(where, rows[i], name, column[i], f"a number from {low} to {high}", "Correct it or leave it empty")
    return numbers


def from_records(
    records: Iterable[Mapping], where: object = "catalogue", first_row: int | Sequence[int] = 1
) -> pd.DataFrame:
    """Build a validated event table from mappings with the keys of `COLUMNS`."""
    records = list(records)
    # Objects: with pyarrow installed pandas would refuse odd text before `validate` can say where it stands.
    return validate(pd.DataFrame(records, dtype=object) if records else empty(), where, first_row)


def empty() -> pd.DataFrame:
    """Return an event table without rows, in canonical form."""
    return validate(pd.DataFrame({name: [] for name in COLUMNS}))


def events(catalog: pd.DataFrame) -> pd.DataFrame:
    """Return one row an event, that of its earliest onset, of a table in canonical form."""
    return catalog.drop_duplicates("event_id")


def durations_s(catalog: pd.DataFrame) -> pd.Series:
    """Duration of each row in seconds; NaN where the end is unknown."""
    return (catalog["end"] - catalog["onset"]).dt.total_seconds()
