"""Windows of noise for a catalogue that lists events only: stretches of record in which nothing is listed.

They are as quiet as the catalogue is complete: an event that nobody listed becomes noise here, and a network trained on
it learns to miss such events. Reliability is therefore "low".
"""

import numpy as np
import pandas as pd

from tremorlab.catalog import table
from tremorlab.intake.records import joined

#: An event of unknown end is taken to last so much of a window, and this long (s) at most; one of known end leaves a
#: coda as long as a third of it.
LASTS, LASTS_S, CODA = 0.75, 120.0, 1 / 3

#: Kept free on both sides of an event (s): onsets in catalogues are late, and the filters reach some seconds.
CLEAR_S = 10.0


def quiet_windows(
    events: pd.DataFrame, segments: dict[str, pd.DataFrame], window_s: float, most: int, edge_s: float = 2.0
) -> pd.DataFrame:
    """Choose windows evenly from all that touch no event.

    Parameters
    ----------
    events
        Catalogue (`tremorlab.catalog.table`).
    segments
        NET.STA -> its segments (`tremorlab.intake.records.Records.segments`).
    window_s
        Length of a window.
    most
        Most windows of a station.
    edge_s
        Seconds at both ends of a stretch of record that a window cannot have.

    Returns
    -------
    pandas.DataFrame
        Rows of class noise, in the schema of `tremorlab.catalog.table`; none where nothing is quiet.
    """
    rows = []
    for station, own in segments.items():
        here = events[[name == "" or _matches(station, name) for name in events["station"]]]
        busy = _busy(here, window_s)
        starts = [
            start
            for first, last in zip(*joined(own, 0.0), strict=True)
            for start in _free(int(first + edge_s * 1e9), int(last - edge_s * 1e9), busy, round(window_s * 1e9))
        ]
        if len(starts) > most:
            starts = [starts[k] for k in np.linspace(0, len(starts) - 1, most).round().astype(int)]
        rows += [(station, start) for start in starts]
    onset = pd.to_datetime([start for _, start in rows], unit="ns", utc=True).as_unit("ns")
    names = [f"noise_{name}_{time:%Y%m%dT%H%M%S}" for (name, _), time in zip(rows, onset, strict=True)]
    return table.validate(
        pd.DataFrame({
            "event_id": pd.Series(names, dtype="str"), "onset": onset, "end": onset + pd.Timedelta(window_s, "s"),
            "event_class": "noise", "source": "no catalogued event", "reliability": "low",
            "station": pd.Series([name for name, _ in rows], dtype="str"),
        }),
        where="quiet windows",
    )  # fmt: skip


def _matches(station, name):
    return name == station or (name.endswith(".*") and station.startswith(name[:-1]))


def _busy(events, window_s):
    """Spans (ns) that events occupy, joined, in order."""
    if not len(events):
        return []
    onset = events["onset"].to_numpy("datetime64[ns]").astype("int64")
    known = (events["end"] - events["onset"]).dt.total_seconds() * (1 + CODA)
    lasting = known.fillna(min(LASTS_S, LASTS * window_s)).to_numpy()
    begin = onset - round(CLEAR_S * 1e9)
    end = onset + np.rint((lasting + CLEAR_S) * 1e9).astype("int64")
    spans = joined(pd.DataFrame({"start_ns": begin, "end_ns": end}), 0.0)
    return list(zip(*spans, strict=True))


def _free(first, last, busy, length):
    """Starts of windows end to end in [first, last] that touch no busy span."""
    here = first
    for begin, end in [*busy, (last, last)]:
        while here + length <= min(begin, last):
            yield here
            here += length
        here = max(here, int(end))
