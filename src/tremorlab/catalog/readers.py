"""Event tables from files: one `read` for every format, and the reader for delimited text.

Options are flat values (text, numbers, true or false), so that a study's TOML file can hold them.
"""

import inspect
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from pydantic import ConfigDict, ValidationError, validate_call

from tremorlab.catalog import delimited, table
from tremorlab.catalog.bulletins import read_jma_bulletin, read_slow_earthquakes
from tremorlab.catalog.pnsn import read_pnsn_tremor
from tremorlab.catalog.quakeml import read_quakeml
from tremorlab.errors import CatalogError

#: Columns of the schema that one value may fill for every row.
_CONSTANTS = ("event_class", "source", "reliability", "station")
_UNITS_S = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
#: Published times are rounded to the minute, so a stated duration may differ from start and end by as much.
_DURATION_TOLERANCE_S = 60.0
_LOWER = {"high": "medium", "medium": "low"}


def read_csv(
    path: str | Path,
    *,
    event_id: str = "",
    onset: str = "",
    end: str = "",
    duration: str | float = "",
    duration_unit: str = "s",
    event_class: str = "",
    classes: str | dict[str, str] = "",
    source: str = "",
    reliability: str = "",
    station: str = "",
    latitude: str = "",
    longitude: str = "",
    depth_km: str = "",
    magnitude: str = "",
    remarks: str = "",
    separator: str = ",",
    timezone: str = "",
    encoding: str = "utf-8",
) -> pd.DataFrame:
    """Read delimited text with a header line.

    A file with the columns of `catalog.table.COLUMNS`, as `catalog.writers.write_csv` writes it, needs no option.
    For any other file, every option named like a column of the schema names the column of the file that holds
    it; columns of the file that neither an option nor the schema names are left out.

    Parameters
    ----------
    path
        The file.
    event_id, latitude, longitude, depth_km, magnitude
        Column of the file. Without `event_id` the file name and the line make one.
    onset, end
        Column of the file, or several joined with a plus sign: date and time (``"date+time"``), or year, month, day
        and so on (``"year+month+day+hour"``).
    duration, duration_unit
        Column, or one number for every row, from which `end` follows; in ``s``, ``min``, ``h`` or ``d``. Where the
        row has an end as well and the two differ by more than a minute, start and end are kept, the remarks say so
        and the reliability is lowered by one step.
    event_class, source, reliability, station
        Column of the file; where it has no such column, the value for every row. Without these, `source` is the
        name of the file and `reliability` medium.
    classes
        The file's own codes and the classes they stand for: ``"explosion=eruption, emision=emission"``.
    remarks
        Column of the file, or several joined with a plus sign.
    separator
        One character.
    timezone
        Zone of times that name none: ``UTC``, ``JST``, or a name of the tz database such as ``America/Lima``.
    encoding
        Of the file.

    Raises
    ------
    CatalogError
        Names the file, the line and the column.
    """
    named = {
        "event_id": event_id, "onset": onset, "end": end, "event_class": event_class, "source": source,
        "reliability": reliability, "station": station, "latitude": latitude, "longitude": longitude,
        "depth_km": depth_km, "magnitude": magnitude, "remarks": remarks,
    }  # fmt: skip
    (line, cells), *rows = delimited.rows(delimited.read_text(path, [encoding]), path, separator)
    header = delimited.header(cells, path, line)
    if not any(named.values()):
        _refuse_unknown(header, path)
    columns = {name: _columns(name, option, header, path) for name, option in named.items()}
    for name in ("onset", "event_class"):
        if not (columns[name] or named[name]):
            raise _no_column(name, name, header, path)
    if isinstance(duration, str) and duration and duration not in header:
        raise _no_column("duration", duration, header, path)
    if duration_unit not in _UNITS_S:
        known = ", ".join(_UNITS_S)
        raise CatalogError(path, f"duration_unit {duration_unit!r} is not one of {known}", "Choose one of these")
    clock, codes, unit_s = delimited.zone(timezone, path), delimited.pairs(classes, "classes"), _UNITS_S[duration_unit]
    stem, defaults = Path(path).stem, {"source": Path(path).name, "reliability": "medium"}
    events, lasting_s = [], []
    for line, cells in rows:
        record = delimited.record(header, cells, path, line)
        event = {name: _text(record, columns[name], name, path, line) for name in named if columns[name]}
        event |= {name: named[name] or defaults.get(name, "") for name in named if not columns[name]}
        if not columns["event_id"]:
            event["event_id"] = f"{stem}-{line}"
        event["event_class"] = codes.get(event["event_class"], event["event_class"])
        for name in ("onset", "end"):
            event[name] = delimited.zoned(event[name], clock, path, line, name)
        stated = record.get(duration, "") if isinstance(duration, str) else str(duration)
        limit = 1e9 / unit_s
        lasting_s.append(unit_s * delimited.number(stated, path, line, "duration", 0, limit) if stated else None)
        events.append(event)
    if duration != "":
        _reconcile(events, lasting_s)
    return table.from_records(events, path, [line for line, _ in rows])


def _refuse_unknown(header, where):
    unknown = [name for name in header if name not in table.COLUMNS]
    if unknown:
        raise CatalogError(
            where,
            f"column(s) {', '.join(unknown)} unknown",
            f"The schema holds {', '.join(table.COLUMNS)}; for another file tell the reader e.g. onset='{header[0]}'",
        )


def _no_column(name, option, header, where):
    return CatalogError(
        where,
        f"no column {option!r} for {name}; the header has {', '.join(header)}",
        f"Tell the reader the column, as in {name}='{header[0]}', or the file's separator",
    )


def _columns(name, option, header, where):
    """Columns of the file that make up a column of the schema; none where the option is a value or is not given."""
    wanted = option or name
    if wanted in header:
        return [wanted]
    parts = wanted.split("+")
    if len(parts) > 1 and name in ("onset", "end", "remarks"):
        for part in parts:
            if part not in header:
                raise _no_column(name, part, header, where)
        return parts
    if option and name not in _CONSTANTS:
        raise _no_column(name, option, header, where)
    return []


def _text(record, columns, name, where, line):
    parts = {column: record[column] for column in columns}
    if len(columns) == 1:
        return record[columns[0]]
    if name == "remarks":
        return ", ".join(f"{column} {text}" for column, text in parts.items() if text)
    return delimited.date_of(parts, where, line)


def _reconcile(events, lasting_s):
    """Let each end follow from the stated duration, or lower the reliability where start and end say otherwise."""
    onset, end = (
        pd.to_datetime([event[name] or None for event in events], errors="coerce", format="mixed", utc=True)
        for name in ("onset", "end")
    )
    expected = onset + pd.to_timedelta(lasting_s, unit="s")
    tolerance = pd.Timedelta(seconds=_DURATION_TOLERANCE_S)
    for i, event in enumerate(events):
        if not event["end"]:
            event["end"] = expected[i]
        elif abs(end[i] - expected[i]) > tolerance:
            given_s = (end[i] - onset[i]).total_seconds()
            said = f"stated duration {lasting_s[i]:.0f} s, from start and end {given_s:.0f} s"
            event["remarks"] = "; ".join(filter(None, [event["remarks"], said]))
            event["reliability"] = _LOWER.get(event["reliability"], event["reliability"])


#: Name of a format -> its reader, a function of a path and options that returns a validated event table.
READERS: dict[str, Callable[..., pd.DataFrame]] = {
    "csv": read_csv,
    "quakeml": read_quakeml,
    "jma_bulletin": read_jma_bulletin,
    "slow_earthquakes": read_slow_earthquakes,
    "pnsn_tremor": read_pnsn_tremor,
}


def read(path: str | Path, reader: str = "csv", **options: object) -> pd.DataFrame:
    """Read an event table.

    Parameters
    ----------
    path
        The file.
    reader
        Name in `READERS`.
    **options
        Keyword arguments of that reader; see its docstring.

    Returns
    -------
    pandas.DataFrame
        In the schema of `catalog.table`, sorted by onset.

    Raises
    ------
    CatalogError
        The reader or an option is unknown, an option has the wrong type, or the file breaks the format.
    """
    if reader not in READERS:
        raise CatalogError(path, f"reader {reader!r} is unknown", f"Choose one of {', '.join(READERS)}")
    function = READERS[reader]
    try:
        return validate_call(function, config=ConfigDict(strict=True))(Path(path), **options)
    except ValidationError as error:
        problems = "; ".join(f"option {'.'.join(map(str, e['loc']))!r}: {e['msg']}" for e in error.errors())
        known = ", ".join(list(inspect.signature(function).parameters)[1:])
        raise CatalogError(path, f"reader {reader!r}, {problems}", f"Its options are {known or 'none'}") from error
