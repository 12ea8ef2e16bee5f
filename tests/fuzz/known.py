"""Untyped errors that are known and not mended yet, in readers whose code is behind the results in ``data/results``.

A change to such a reader puts every one of those results out of date, and computing them again takes days. Each error
below is raised while reading, of a file that is damaged: nothing is written, nothing runs, no result is wrong. A fault
anywhere else, or another error at the same place, is a fault.
"""

import traceback
from pathlib import Path

#: File of the package, and the errors that come out of it.
KNOWN = {
    "catalog/delimited.py": {"TypeError"},
    "catalog/quakeml.py": {"AttributeError"},
    "study.py": {"OSError", "ValueError"},
    "waveform/collections.py": {
        "OutOfBoundsDatetime", "OverflowError", "ParserError", "KeyError", "RuntimeError", "OSError", "ValueError",
    },
    "waveform/hinet.py": {"ValueError"},
    "waveform/response.py": {"OSError", "ValueError"},
}  # fmt: skip


def is_known(error: BaseException) -> bool:
    """Whether an error comes from a place, and is of a kind, that is listed."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        _, inside, place = Path(frame.filename).as_posix().rpartition("/tremorlab/")
        if inside:
            return type(error).__name__ in KNOWN.get(place, ())
    return False
