"""Delimited text that came from elsewhere: bytes to rows of cells, each with the number of its line.

The standard library's parser is used rather than pandas', because a message has to name the line of the file, a row
with a field too many has to be refused, and nothing may turn "NA" or "007" into something else on the way.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta, timezone, tzinfo
from pathlib import Path
from typing import NoReturn
from zoneinfo import ZoneInfo

import pandas as pd

from tremorlab.errors import CatalogError

JST = timezone(timedelta(hours=9), "JST")

_FETCH_AGAIN = "Fetch or write it again"
_ZONE_AT_END = re.compile(r"(Z|UTC|GMT|:\d\d(\.\d*)?\s*[+-]\d\d:?\d\d)$")


def refuse(where: object, line: int, column: str, value: object, limit: str, remedy: str) -> NoReturn:
    """Raise the `CatalogError` of one cell: file, line, column, value, what it should be, remedy."""
    raise CatalogError(f"{where}, row {line}, column {column!r}", f"{value!r} is not {limit}", remedy)


def read_bytes(path: str | Path) -> bytes:
    """Return a file's content; raises `CatalogError` where it cannot be read or is empty."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise CatalogError(path, f"cannot be read: {error.strerror}", "Give the path of a readable file") from error
    if not data.strip():
        raise CatalogError(path, "is empty", _FETCH_AGAIN)
    return data


def read_text(path: str | Path, encodings: Sequence[str] = ("utf-8",)) -> str:
    """Return a file's text in the first of the encodings that fits.

    Raises
    ------
    CatalogError
        The file cannot be read, is empty, holds bytes that no text has, or fits none of the encodings.
    """
    data = read_bytes(path).removeprefix(b"\xef\xbb\xbf")
    if (position := data.find(b"\0")) >= 0:
        line = data.count(b"\n", 0, position) + 1
        raise CatalogError(f"{path}, row {line}", "holds a zero byte: this is no text", "Give a text file")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
        except LookupError as error:
            raise CatalogError(path, f"encoding {encoding!r} is unknown", "Write utf-8 or shift_jis") from error
    names = " or ".join(encodings)
    raise CatalogError(f"{path}, row {line}", f"is not text in {names}", "Give the reader the encoding of the file")


def rows(text: str, where: object, separator: str = ",") -> list[tuple[int, list[str]]]:
    """Cells without surrounding blanks, and the number of the line they begin on; blank lines are left out."""
    if len(separator) != 1 or separator in '"\r\n':
        raise CatalogError(where, f"separator {separator!r} is not one character", "Write ',', ';' or a tab")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    found, line = [], 1
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if any(cells):
                found.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise CatalogError(f"{where}, row {line}", f"is not delimited text: {error}", "Check the quotes") from error
    if not found:
        raise CatalogError(where, "is empty", _FETCH_AGAIN)
    return found


def header(cells: Sequence[str], where: object, line: int) -> list[str]:
    """Column names, without empty ones at the end; raises `CatalogError` where a name repeats."""
    names = list(cells)
    while names and not names[-1]:
        names.pop()
    for name in names:
        if names.count(name) > 1:
            raise CatalogError(f"{where}, row {line}", f"column {name!r} comes twice", "Rename one of them")
    return names


def record(names: Sequence[str], cells: Sequence[str], where: object, line: int) -> dict[str, str]:
    """One row as column -> text; empty cells beyond the last column pass, a field too many or too few does not."""
    if len(cells) < len(names) or any(cells[len(names) :]):
        raise CatalogError(
            f"{where}, row {line}",
            f"{len(cells)} fields where the header has {len(names)}",
            "Quote a text that holds the separator, or give the reader another separator",
        )
    return dict(zip(names, cells, strict=False))


def pairs(option: str | Mapping[str, str], name: str) -> dict[str, str]:
    """Read an option such as ``"explosion=eruption, emision=emission"`` into a mapping; a mapping is returned as is."""
    if not isinstance(option, str):
        return dict(option)
    found = {}
    for item in filter(None, (item.strip() for item in option.split(","))):
        code, equals, event_class = (part.strip() for part in item.partition("="))
        if not (code and equals and event_class):
            raise CatalogError(f"option {name}", f"{item!r} is not code=class", "Write e.g. 'explosion=eruption'")
        found[code] = event_class
    return found


def number(text: str, where: object, line: int, column: str, low: float, high: float) -> float:
    """Read a number between two limits, both allowed; raises `CatalogError`."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        refuse(where, line, column, text, f"a number from {low:g} to {high:g}", "Correct it")
    return value


def date_of(parts: Mapping[str, str], where: object, line: int) -> str:
    """ISO 8601 without a zone, from columns in the order date, time or year, month, day[, hour[, minute[, second]]]."""
    if len(parts) == 2:
        return "T".join(filter(None, parts.values()))
    limits = [9999, 12, 31, 23, 59, 60]
    values = [
        number(text, where, line, column, 0, limit)
        for limit, (column, text) in zip(limits, parts.items(), strict=False)
    ]
    try:
        minute = pd.Timestamp(*map(_whole, values[:5]))
    except ValueError:
        refuse(where, line, "+".join(parts), " ".join(parts.values()), "a date", "Correct it")
    return (minute + pd.Timedelta(seconds=sum(values[5:]))).isoformat()


def _whole(value):
    if not value.is_integer():
        raise ValueError
    return int(value)


def zone(name: str, where: object) -> tzinfo | None:
    """Time zone by name: ``UTC``, ``JST``, or any other of the tz database; None for an empty name."""
    if name in ("", "UTC", "JST"):
        return {"": None, "UTC": UTC, "JST": JST}[name]
    try:
        return ZoneInfo(name)
    except (OSError, LookupError, ValueError) as error:
        raise CatalogError(where, f"timezone {name!r} is unknown", "Write UTC, JST or e.g. America/Lima") from error


def zoned(text: str, clock: tzinfo | None, where: object, line: int, column: str) -> str:
    """Give a time without a zone that of the option; every other text is left for `table.validate` to judge."""
    if clock is None or not text or _ZONE_AT_END.search(text):
        return text
    text = text if ":" in text else f"{text}T00:00"
    try:
        time = pd.Timestamp(text)
    except ValueError:
        return text
    if time.tzinfo is not None:  # a zone in some other writing
        return text
    try:
        return text + time.tz_localize(clock).strftime("%z")
    except ValueError:
        remedy = "Give this time in UTC, with a Z"
        refuse(where, line, column, text, f"one moment in {clock}, where clocks were put on or back then", remedy)
