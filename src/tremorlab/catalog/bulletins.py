"""Catalogues from Japan, published as delimited text: JMA's volcano bulletin and the Slow Earthquake Database."""

import unicodedata
from pathlib import Path

import pandas as pd

from tremorlab.catalog import delimited, table
from tremorlab.errors import CatalogError

#: JMA event type -> class (format of the bulletin's 震動観測 files). B types are low-frequency earthquakes with
#: unclear phases, BS a kind of its own, Ex explosion earthquakes, Tex a tremor of explosive Suwanosejima.
JMA_TYPES = {
    "A": "vt",
    "B": "long_period", "BH": "long_period", "BL": "long_period", "BP": "long_period", "BT": "long_period",
    "BS": "volcanic_earthquake",
    "EX": "eruption",
    "DL": "long_period",
    "T": "volcanic_tremor", "TC": "volcanic_tremor", "TK": "volcanic_tremor", "TP": "volcanic_tremor",
    "TEX": "eruption",
}  # fmt: skip

_JMA_DATE = ("Year", "Month", "Day", "Hour", "Minute")
_JMA_REQUIRED = ("No", *_JMA_DATE, "Type", "Opoint")
#: Seconds of a phase count from the minute of the event, so a late phase may lie beyond it, but hardly by an hour.
_LATEST_PHASE_S = 3600


def read_jma_bulletin(path: str | Path, *, types: str | dict[str, str] = "", opoint: str = "") -> pd.DataFrame:
    """Read the earthquakes and tremors (震動観測) of the monthly volcano bulletin of the Japan Meteorological Agency.

    A file has one or more volcanoes, each with a row VN (name), TN (month), perhaps RM (remarks), the row of
    column names and one row for every event and station. Times are Japan Standard Time; a phase is given in
    seconds after the event's minute.

    Parameters
    ----------
    path
        The file, in Shift_JIS or UTF-8.
    types
        Classes of event types beyond or instead of `JMA_TYPES`: ``"BS=long_period, X=other"``.
    opoint
        Station (Opoint) to read. Without it the onset is the earliest at any station, the end the latest.

    Returns
    -------
    pandas.DataFrame
        One row an event, named volcano-month-number. The onset is the first P or else X phase, else the first S; its
        reliability is high, medium for an S, and low where only the minute is known. The end is onset plus
        duration (Dur). All readings of all stations stand in the remarks; infrasound (Okind M) is used for times
        only where there is nothing else.

    Raises
    ------
    CatalogError
        Names the file, the line and the column; among others for an unknown type.
    """
    rows = delimited.rows(delimited.read_text(path, ["utf-8", "cp932"]), path)
    classes = JMA_TYPES | {code.upper(): value for code, value in delimited.pairs(types, "types").items()}
    events: dict[str, list[dict]] = {}
    stations = set()
    for volcano, line, record in _jma_records(rows, path):
        stations.add(record["Opoint"])
        if opoint in ("", record["Opoint"]):
            reading = _jma_reading(record, classes, path, line)
            name = f"{volcano or Path(path).stem}-{record['Year']}{record['Month']:>02}-{record['No']}"
            events.setdefault(name, []).append(reading)
    if opoint and not events:
        raise CatalogError(path, f"no row of opoint {opoint!r}", f"Choose one of {', '.join(sorted(stations))}")
    merged = [_jma_event(name, readings, path) for name, readings in events.items()]
    return table.from_records(merged, path, [readings[0]["line"] for readings in events.values()])


def _jma_records(rows, where):
    volcano, names, seen = "", None, False
    for line, cells in rows:
        key = unicodedata.normalize("NFKC", cells[0]).rstrip(".").upper()
        if key == "VN":
            volcano, names = "".join(cells[1:2]), None
        elif key in ("TN", "RM"):
            continue
        elif key == "NO":
            names, seen = _jma_header(cells, where, line), True
        elif names and not key.isdigit() and not any(cells[1:]):
            continue  # the title of the next volcano
        elif names and key.isdigit():
            yield volcano, line, delimited.record(names, cells, where, line)
        elif names:
            delimited.refuse(where, line, "No", cells[0], "a number", "Give the event its number of the month")
        elif key.isdigit():
            raise _not_bulletin(f"{where}, row {line}", "event before any row of column names that begins with 'No.'")
    if not seen:
        raise _not_bulletin(where, "no row of column names that begins with 'No.'")


def _jma_header(cells, where, line):
    names = delimited.header([unicodedata.normalize("NFKC", cell).rstrip(".") for cell in cells], where, line)
    missing = [name for name in _JMA_REQUIRED if name not in names]
    if missing:
        found = f"column(s) {', '.join(missing)} missing; found {', '.join(names)}"
        raise _not_bulletin(f"{where}, row {line}", found)
    return names


def _not_bulletin(where, problem):
    return CatalogError(where, problem, "Give a 震動観測 file of the bulletin, not its daily counts (地震・微動回数)")


def _jma_reading(record, classes, where, line):
    kind = unicodedata.normalize("NFKC", record["Type"])
    if kind.upper() not in classes:
        limit = f"one of {', '.join(classes)}"
        delimited.refuse(where, line, "Type", kind, limit, f"Tell the reader types='{kind or 'code'}=other' or another")
    minute = delimited.date_of({name: record[name] for name in _JMA_DATE}, where, line)
    seconds = {
        phase: delimited.number(text, where, line, f"{phase}_time", 0, _LATEST_PHASE_S)
        for phase in "PXS"
        if (text := record.get(f"{phase}_time", ""))
    }
    first = [seconds[phase] for phase in "PX" if phase in seconds] or list(seconds.values())
    onset = pd.Timestamp(minute, tz=delimited.JST) + pd.Timedelta(seconds=min(first, default=0))
    length = record.get("Dur", "")
    end = onset + pd.Timedelta(seconds=delimited.number(length, where, line, "Dur", 0, 1e7)) if length else pd.NaT
    said = [f"{name} {text}" for name, text in record.items() if text and name not in (*_JMA_REQUIRED, "Okind")]
    return {
        "line": line,
        "type": kind,
        "class": classes[kind.upper()],
        "onset": onset,
        "end": end,
        "reliability": "low" if not seconds else "high" if {"P", "X"} & seconds.keys() else "medium",
        "seismic": record.get("Okind", "") != "M",
        "remark": f"{record['Opoint']} {record.get('Okind', '')}: {', '.join(said)}",
    }


def _jma_event(name, readings, where):
    one, *others = readings
    for other in others:
        if other["class"] != one["class"]:
            raise CatalogError(
                f"{where}, row {other['line']}",
                f"event {name} is of type {other['type']!r} here and {one['type']!r} in row {one['line']}",
                "Read one station with opoint='...', or give both types one class with types='...'",
            )
    timed = [reading for reading in readings if reading["seismic"]] or readings
    first = min(timed, key=lambda reading: reading["onset"])
    return {
        "event_id": name,
        "onset": first["onset"],
        "end": max((reading["end"] for reading in timed if not pd.isna(reading["end"])), default=pd.NaT),
        "event_class": one["class"],
        "source": "JMA volcano bulletin",
        "reliability": first["reliability"],
        "remarks": "; ".join([f"JMA type {one['type']}", *(reading["remark"] for reading in readings)]),
    }


_SLOW_PARTS = ("year", "month", "day", "hour", "min", "sec")


def read_slow_earthquakes(
    path: str | Path, *, event_class: str = "tremor", reliability: str = "medium"
) -> pd.DataFrame:
    """Read a catalogue of the Slow Earthquake Database (University of Tokyo) as it is downloaded.

    Parameters
    ----------
    path
        CSV with the columns date, time, year, month, day, hour, min, sec, timezone (hours ahead of UTC), lat, lon,
        dep, mag, duration (s) and others.
    event_class
        Class of every event: the file gives none, and the database holds slow slip and very-low-frequency events
        as well.
    reliability
        Of every event.

    Returns
    -------
    pandas.DataFrame
        The onset is the catalogue's reference time, which is the origin time in some and the centroid time in
        others; the end is that plus the duration. Name of the catalogue, reference and uncertainty of the time
        stand in the remarks.

    Raises
    ------
    CatalogError
        Names the file, the line and the column.
    """
    (line, cells), *rows = delimited.rows(delimited.read_text(path), path)
    names = delimited.header(cells, path, line)
    dated = _SLOW_PARTS if set(_SLOW_PARTS) <= set(names) else ("date", "time")
    missing = [name for name in (*dated, "timezone", "lat", "lon") if name not in names]
    if missing:
        found = f"column(s) {', '.join(missing)} missing; found {', '.join(names)}"
        raise CatalogError(path, found, "Download the catalogue as CSV with all columns")
    events = []
    for line, cells in rows:
        record = delimited.record(names, cells, path, line)
        hours = delimited.number(record["timezone"], path, line, "timezone", -14, 14)
        sign, (hour, minute) = "-+"[hours >= 0], divmod(round(abs(hours) * 60), 60)
        date = delimited.date_of({name: record[name] for name in dated}, path, line)
        onset = f"{date}{sign}{hour:02d}:{minute:02d}"
        end = None
        if length := record.get("duration", ""):
            seconds = delimited.number(length, path, line, "duration", 0, 1e9)
            end = pd.to_datetime(onset, errors="coerce") + pd.Timedelta(seconds=seconds)
        remarks = {"catalogue": "catalog", "reference": "ref", "time uncertain by (s)": "err_t"}
        events.append(
            {
                "event_id": f"{Path(path).stem}-{line}",
                "onset": onset,
                "end": end,
                "event_class": event_class,
                "source": "Slow Earthquake Database",
                "reliability": reliability,
                "latitude": record["lat"],
                "longitude": record["lon"],
                "depth_km": record.get("dep", ""),
                "magnitude": record.get("mag", ""),
                "remarks": "; ".join(f"{said} {record[name]}" for said, name in remarks.items() if record.get(name)),
            }
        )
    return table.from_records(events, path, [line for line, _ in rows])
