"""An event table as somebody has it: which columns hold what, and which classes its codes stand for.

Columns are recognised by their usual names and codes by usual words; what is not recognised is asked for, never
guessed (an explosion is an eruption to one network and a quarry blast to another). The result is the reader and its
options as a study file holds them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tremorlab.catalog import delimited, readers, table
from tremorlab.errors import CatalogError, StudyError
from tremorlab.study import EVENT_CLASSES

#: Column of the schema -> usual names, in lower case; the first that a file has is taken.
NAMES = {
    "onset": ("onset", "time", "origin_time", "origintime", "datetime", "date_time", "event_time", "start_time",
              "starttime", "start", "utc", "timestamp"),
    "end": ("end", "end_time", "endtime", "stop"),
    "duration": ("duration", "duration_s"),
    "event_class": ("event_class", "class", "type", "event_type", "label", "category", "kind"),
    "event_id": ("event_id", "id", "evid", "eventid"),
    "station": ("station", "sta"),
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lon", "lng"),
    "depth_km": ("depth_km", "depth"),
    "magnitude": ("magnitude", "mag"),
}  # fmt: skip

#: Times in several columns, joined by the reader.
JOINED = ("date+time", "year+month+day+hour+minute+second", "year+month+day+hour+minute")

#: Usual codes, in lower case, and the class that they mean wherever they are used.
WORDS = {
    **{name: name for name in EVENT_CLASSES},
    "volcano-tectonic": "vt", "volcano tectonic": "vt",
    "volcanotectonic": "vt", "lp": "long_period", "long-period": "long_period", "long period": "long_period",
    "eq": "earthquake", "local earthquake": "earthquake", "earthquake_local": "earthquake", "volcanic tremor":
    "volcanic_tremor", "quiet": "noise", "background": "noise", "tele": "teleseism",
}  # fmt: skip


#: Onsets further from the start of a record than this are damage: records of a collection are minutes long.
_LONGEST_S = 86_400


@dataclass(frozen=True, eq=False)
class Table:
    """An event table that can be read.

    Attributes
    ----------
    path : pathlib.Path
    reader : str
        Name of the reader.
    options : dict
        Of the reader, flat values.
    events : pandas.DataFrame
        In the schema of `tremorlab.catalog.table`.
    """

    path: Path
    reader: str
    options: dict[str, str | int | float | bool]
    events: pd.DataFrame


def recognise(path: str | Path, given: Mapping[str, str] | None = None, reader: str = "") -> Table:
    """Read an event table, finding out how.

    Parameters
    ----------
    path
        The file: delimited text with a header, or QuakeML (``.xml``, ``.quakeml``, ``.qml``).
    given
        Options of the reader that are known; they are not looked for.
    reader
        Name in `tremorlab.catalog.readers.READERS`; "" to tell by the name of the file.

    Raises
    ------
    CatalogError
        The file cannot be read, or times name no zone.
    StudyError
        No column holds times or classes, or a code stands for no class; names the option that tells.
    """
    path, given = Path(path).expanduser().resolve(), {k: v for k, v in (given or {}).items() if v}
    reader = reader or ("quakeml" if path.suffix.lower() in (".xml", ".quakeml", ".qml") else "csv")
    options = given if reader != "csv" else _csv_options(path, given)
    return Table(path, reader, options, readers.read(path, reader, **options))


def _csv_options(path, given):
    text = delimited.read_text(path)
    first = next(line for line in text.splitlines() if line.strip())
    separator = given.get("separator") or max(",;\t|", key=first.count)
    (line, cells), *rows = delimited.rows(text, path, separator)
    header = delimited.header(cells, path, line)
    if set(header) <= set(table.COLUMNS) and not given:
        return {}
    if not rows:
        raise CatalogError(path, "has a header and no event", "Give a table with one line an event")
    lower = {_plain(name): name for name in reversed(header)}
    options = {"separator": separator} if separator != "," else {}
    for own, names in NAMES.items():
        found = next((lower[name] for name in names if name in lower), None)
        if found and own not in given:
            options[own] = found
    options |= given
    joined = next((j for j in JOINED if set(j.split("+")) <= set(lower)), None)
    if "onset" not in given and (joined or "onset" not in options):  # a date beside it: a column "time" is not enough
        if joined is None:
            raise _unknown(path, header, "times", "--onset COLUMN, or --onset DATE+TIME for two columns")
        options["onset"] = "+".join(lower[name] for name in joined.split("+"))
    records = [delimited.record(header, cells, path, line) for line, cells in rows]
    if "event_class" not in options:
        raise _unknown(path, header, "classes", "--class COLUMN, or --class vt if all events are of one class")
    if "classes" not in options and options["event_class"] in header:
        options |= _codes(path, [row[options["event_class"]] for row in records])
    if "timezone" not in options and "utc" in options["onset"].lower():
        options["timezone"] = "UTC"
    if "timezone" not in options and not _zoned(records, options["onset"]):
        raise StudyError(
            path,
            f"times like {_time(records[0], options['onset'])!r} name no zone",
            "Say which: --timezone UTC, or JST",
        )
    ids = [row[options["event_id"]] for row in records] if options.get("event_id") in header else []
    if "station" not in options and len(set(ids)) < len(ids):
        del options["event_id"]  # no id of events: the reader makes one of each line
    return {name: value for name, value in options.items() if value != name or name == "separator"}


def _plain(name):
    """A column's name in small letters, without its zone or unit: "Origin time (UTC)" is origin_time."""
    words = re.split(r"[^a-z0-9_]+", name.lower().strip())
    return re.sub(r"_(utc|gmt)$", "", "_".join(word for word in words if word))


def _codes(path, codes):
    """The option ``classes`` for codes that are not names of classes themselves."""
    counts = pd.Series(codes).value_counts()
    unknown = {code: count for code, count in counts.items() if code.lower() not in WORDS}
    if unknown:
        told = ", ".join(f"{code!r} ({count} events)" for code, count in unknown.items())
        raise StudyError(
            path,
            f"codes {told} stand for no class",
            f'Say what they are: --classes "{next(iter(unknown)) or "CODE"}=CLASS, ..."; '
            f"classes are {', '.join(EVENT_CLASSES)}",
        )
    renamed = {code: WORDS[code.lower()] for code in counts.index if code != WORDS[code.lower()]}
    return {"classes": ", ".join(f"{code}={name}" for code, name in renamed.items())} if renamed else {}


def _time(record, onset):
    return " ".join(record[name] for name in onset.split("+") if name in record)


def _zoned(records, onset):
    return all(delimited._ZONE_AT_END.search(_time(record, onset)) for record in records)


def _unknown(path, header, what, remedy):
    return StudyError(path, f"which column holds the {what}? It has {', '.join(header)}", f"Say {remedy}")


def read_short_records(path: str | Path, given: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Events of a SeisBench or STEAD table: one a record, at its P pick (or at its start, where there is none).

    Parameters
    ----------
    path
        ``metadata.csv`` beside the records.
    given
        ``classes``: codes of the table and what they stand for; ``event_class``: column of the codes, or the class of
        all records. Otherwise the columns ``event_class``, ``source_type`` and ``trace_category`` are looked for.

    Returns
    -------
    pandas.DataFrame
        In the schema of `tremorlab.catalog.table`; noise ends where its record ends.

    Raises
    ------
    StudyError
        A code stands for no class, the table and the records are not equal in number, or an onset is days away.
    CatalogError
        The table is no CSV; names the line.
    WaveformError
        The table is none of these layouts.
    """
    from tremorlab.waveform.collections import SUFFIXES, Collection

    path, given = Path(path), dict(given or {})
    beside = [file for file in sorted(path.parent.iterdir()) if file.suffix in SUFFIXES]
    if not beside:
        raise StudyError(path, "has no records (.hdf5, .npz) beside it", "Give the folder that holds both")
    made = Collection(beside[0]).table
    (line, cells), *numbered = delimited.rows(delimited.read_text(path), path)
    header = delimited.header(cells, path, line)
    rows = [delimited.record(header, cells, path, line) for line, cells in numbered]
    lines = [line for line, _ in numbered]
    if len(rows) != len(made) or not rows:
        raise StudyError(path, f"has {len(rows)} records, {beside[0].name} {len(made)}", "Get both from the same place")
    columns = (given.get("event_class"), "event_class", "source_type", "trace_category")
    column = next((name for name in columns if name and name in header), None)
    codes = [row[column] for row in rows] if column else [given.get("event_class") or "earthquake"] * len(rows)
    told = delimited.pairs(given.get("classes", ""), "classes")
    codes = [told.get(code, code) for code in codes]
    _codes(path, codes)
    classes = [WORDS[code.lower()] for code in codes]
    onset = pd.Series(
        [row.get("trace_onset_sample", "") for row in rows], index=made.index
    )  # as this compendium writes
    sample = made["p_sample"].fillna(pd.to_numeric(onset, errors="coerce")).fillna(0)
    lead_s = sample / made["sampling_rate_hz"]
    for row in lead_s.index[~(lead_s.abs() <= _LONGEST_S)]:
        limit = f"more than {_LONGEST_S} s from the start of a short record"
        raise StudyError(
            f"{path}, row {lines[row]}", f"onset {lead_s[row]:g} s, {limit}", "Correct the pick, in samples"
        )
    lead = pd.to_timedelta(lead_s, unit="s")
    noise = pd.Series(classes, index=made.index) == "noise"
    return table.validate(
        pd.DataFrame({
            "event_id": [row.get("source_id") or f"record-{n:05d}" for n, row in enumerate(rows)],
            "onset": made["start"] + lead.where(~noise, pd.Timedelta(0)),
            "end": made["end"].where(noise, pd.NaT),
            "event_class": classes,
            "source": path.name,
            "reliability": "medium",
            "station": made["network"] + "." + made["station"],
        }),
        where=path,
        first_row=lines,
    )  # fmt: skip
