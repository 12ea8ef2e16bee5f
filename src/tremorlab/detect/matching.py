"""Scores on records: detections against a catalogue, event by event, with a stated tolerance.

Two events of a class touch where their times, from onset to end, overlap or lie no further apart than the tolerance.
Touching events are paired one to one, as many as possible and then with the least sum of onset differences. What is not
paired is *shared* where it touches an event of its class that is paired with another (a tremor found in two pieces, two
earthquakes found as one), and *alone* otherwise. The rule treats both sides alike.

Where a catalogue is complete, a detection that is alone is a false alarm. Where it is not, all that can be said is that
it is unconfirmed.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from statsmodels.stats.proportion import proportion_confint

from tremorlab.errors import CatalogError

_NEEDED = ("event_id", "event_class", "onset", "end")


@dataclass(frozen=True, eq=False)
class Matched:
    """Detections and catalogue, compared.

    Attributes
    ----------
    detections, catalogue : pandas.DataFrame
        As given, one row an event, with ``state`` ("paired", "shared" or "alone"), ``partner`` (event_id of the other
        side, or "") and ``other_class`` (class of a touching event of another class, or "").
    pairs : pandas.DataFrame
        detection, event, event_class, onset_error_s (detection less catalogue).
    """

    detections: pd.DataFrame
    catalogue: pd.DataFrame
    pairs: pd.DataFrame


def match(detections: pd.DataFrame, catalogue: pd.DataFrame, tolerance_s: float) -> Matched:
    """Compare detections with a catalogue.

    Parameters
    ----------
    detections
        From `tremorlab.detect.events.associate`; needs event_id, event_class, onset and end.
    catalogue
        Event table (`tremorlab.catalog.table`), whose classes are those of the detections; an event with rows for
        several stations counts once, from its earliest onset to its latest end. Without an end it is an instant.
    tolerance_s
        Seconds that may lie between two events that touch.

    Raises
    ------
    CatalogError
        A column is missing, or the tolerance is negative.
    """
    if not tolerance_s >= 0:
        raise CatalogError("tolerance", f"{tolerance_s:g} s is negative", "Give 0 or more")
    left, right = _prepared(detections, "detections"), _prepared(catalogue, "catalogue")
    first, second = _touching(left, right, tolerance_s)
    same = left["event_class"].to_numpy()[first] == right["event_class"].to_numpy()[second]
    rows, columns = _assigned(left, right, first[same], second[same])
    for side, own, mine, theirs, other in ((left, rows, first, second, right), (right, columns, second, first, left)):
        side["state"], side["partner"], side["other_class"] = "alone", "", ""
        side.loc[np.unique(mine[same]), "state"] = "shared"
        side.loc[own, "state"] = "paired"
        side.loc[mine[~same], "other_class"] = other["event_class"].to_numpy()[theirs[~same]]
    left.loc[rows, "partner"] = right["event_id"].to_numpy()[columns]
    right.loc[columns, "partner"] = left["event_id"].to_numpy()[rows]
    pairs = pd.DataFrame(
        {
            "detection": left["event_id"].to_numpy()[rows],
            "event": right["event_id"].to_numpy()[columns],
            "event_class": left["event_class"].to_numpy()[rows],
            "onset_error_s": (_ns(left, "onset")[rows] - _ns(right, "onset")[columns]) / 1e9,
        }
    )
    return Matched(left, right, pairs)


def scores(matched: Matched, hours: float, *, complete: bool) -> pd.DataFrame:
    """One row a class.

    Parameters
    ----------
    matched
        From `match`.
    hours
        Hours of record with probabilities (of all stations, where each was scored by itself).
    complete
        Whether the catalogue holds every event: decides between precision with false alarms, and unconfirmed.

    Returns
    -------
    pandas.DataFrame
        Index event_class; events, detections, recall with recall_low and recall_high (Wilson, 95 %), touched (share of
        the events that are paired or shared), onset_error_s (median) and onset_spread_s (half of the range of the
        middle 68 %); precision and false_per_hour where the catalogue is complete, else unconfirmed and
        unconfirmed_per_hour. A detection in pieces is one true and no false ones.

    Raises
    ------
    CatalogError
        The hours are not positive.
    """
    if not hours > 0:
        raise CatalogError("hours", f"{hours:g} h of record", "Give the hours that have probabilities")
    rows = {}
    for label in sorted({*matched.detections["event_class"], *matched.catalogue["event_class"]}):
        found, listed, errors = (
            part[part["event_class"] == label] for part in (matched.detections, matched.catalogue, matched.pairs)
        )
        paired, alone = (listed["state"] == "paired").sum(), (found["state"] == "alone").sum()
        low, high = proportion_confint(paired, len(listed), method="wilson") if len(listed) else (np.nan, np.nan)
        bounds = errors["onset_error_s"].quantile([0.16, 0.5, 0.84]).to_numpy()
        row = {
            "events": len(listed),
            "detections": len(found),
            "recall": paired / len(listed) if len(listed) else np.nan,
            "recall_low": low,
            "recall_high": high,
            "touched": (listed["state"] != "alone").mean() if len(listed) else np.nan,
            "onset_error_s": bounds[1],
            "onset_spread_s": (bounds[2] - bounds[0]) / 2,
        }
        if complete:
            row |= {"precision": 1 - alone / len(found) if len(found) else np.nan, "false_per_hour": alone / hours}
        else:
            row |= {"unconfirmed": alone, "unconfirmed_per_hour": alone / hours}
        rows[label] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("event_class")


def recall_by(matched: Matched, column: str, edges: ArrayLike) -> pd.DataFrame:
    """Recall of the catalogue in bins of one of its columns (signal-to-noise ratio, distance, magnitude).

    Returns
    -------
    pandas.DataFrame
        low, high (edges of the bin, the upper one outside), events, recall, recall_low, recall_high (Wilson, 95 %).

    Raises
    ------
    CatalogError
        The catalogue has no such column.
    """
    if column not in matched.catalogue:
        raise CatalogError("catalogue", f"has no column {column!r}", f"It has {', '.join(matched.catalogue.columns)}")
    edges = np.asarray(edges, float)
    values, hit = matched.catalogue[column].to_numpy(float), (matched.catalogue["state"] == "paired").to_numpy()
    rows = []
    for low, high in pairwise(edges):
        inside = (values >= low) & (values < high)
        count, paired = inside.sum(), hit[inside].sum()
        bounds = proportion_confint(paired, count, method="wilson") if count else (np.nan, np.nan)
        rows.append((low, high, count, paired / count if count else np.nan, *bounds))
    return pd.DataFrame(rows, columns=["low", "high", "events", "recall", "recall_low", "recall_high"])


def _prepared(frame, where):
    if missing := [name for name in _NEEDED if name not in frame]:
        raise CatalogError(where, f"column(s) {', '.join(missing)} missing", f"Give {', '.join(_NEEDED)}")
    frame = frame.sort_values(["onset", "event_id"], kind="stable")
    one = frame.drop_duplicates("event_id").set_index("event_id", drop=False)
    ends = frame.assign(end=frame["end"].fillna(frame["onset"])).groupby("event_id")["end"].max()
    one["end"] = ends.loc[one.index]
    return one.reset_index(drop=True)


def _ns(frame, name):
    """A column of times in nanoseconds since 1970."""
    return frame[name].dt.as_unit("ns").astype("int64").to_numpy()


def _touching(left, right, tolerance_s):
    """Positions of all pairs that touch, whatever their classes."""
    tolerance = round(tolerance_s * 1e9)
    onset, end = (_ns(right, name) for name in ("onset", "end"))
    # Onsets are in order; ends are not, but their running maximum is.
    latest = np.maximum.accumulate(end) if len(end) else end
    first, second = [], []
    for row, (begin, finish) in enumerate(zip(_ns(left, "onset"), _ns(left, "end"), strict=True)):
        low = np.searchsorted(latest, begin - tolerance, "left")
        high = np.searchsorted(onset, finish + tolerance, "right")
        near = low + np.flatnonzero(end[low:high] >= begin - tolerance)
        first += [row] * len(near)
        second += near.tolist()
    return np.array(first, int), np.array(second, int)


def _assigned(left, right, first, second):
    """One-to-one pairs: most in number, then least in the sum of onset differences."""
    count = len(left) + len(right)
    graph = coo_array((np.ones(len(first), bool), (first, second + len(left))), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    rows, columns = [], []
    for own in np.unique(label[first]):
        mine = label[first] == own
        names, others = np.unique(first[mine]), np.unique(second[mine])
        apart = np.abs(_ns(left, "onset")[first[mine]] - _ns(right, "onset")[second[mine]]).astype(float)
        forbidden = (apart.max() + 1) * (min(len(names), len(others)) + 1)
        cost = np.full((len(names), len(others)), forbidden)
        cost[np.searchsorted(names, first[mine]), np.searchsorted(others, second[mine])] = apart
        i, j = linear_sum_assignment(cost)
        kept = cost[i, j] < forbidden
        rows.append(names[i[kept]])
        columns.append(others[j[kept]])
    return (np.concatenate(rows), np.concatenate(columns)) if rows else (np.zeros(0, int), np.zeros(0, int))
