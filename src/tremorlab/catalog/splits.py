"""Divide windows (or events) into training, validation and test, and see what is wrong with a division.

An event is all rows of one `event_id`, at whatever stations they are.

A split is a categorical series of split names aligned with the table, "" where a row belongs to none. Its
categories are all the names asked for, so that a split in which nothing fell is still seen.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
from obspy import UTCDateTime
from scipy.optimize import Bounds, LinearConstraint, milp

from tremorlab import study
from tremorlab.errors import CatalogError

NONE = ""
_LEAKS = ["kind", "first", "second", "first_split", "second_split", "detail"]


def by_period(table: pd.DataFrame, periods: Mapping[str, Sequence[tuple[UTCDateTime, UTCDateTime]]]) -> pd.Series:
    """Give every row the split in whose periods it lies, as a study of volcanic activity has to be divided.

    Parameters
    ----------
    table
        Windows with `start` and `end`, each of which has to lie in one period as a whole; or events, for which the
        onset decides.
    periods
        Split -> UTC intervals, start included, end not.

    Returns
    -------
    pandas.Series
        Split of every row; "" for a row in no period or across a border. Windows of one event on both sides of a
        border do fall into two splits: `leaks` finds them.

    Raises
    ------
    CatalogError
        A period ends before it begins, or the periods of two splits overlap.
    """
    _require(table, "end" if "start" in table else "onset")
    spans = sorted(
        (pd.Timestamp(UTCDateTime(start).ns, tz="UTC"), pd.Timestamp(UTCDateTime(end).ns, tz="UTC"), name)
        for name, intervals in periods.items()
        for start, end in intervals
    )
    for start, end, name in spans:
        if not start < end:
            raise CatalogError(f"period of {name}", f"{end} is not after {start}", "Swap or correct them")
    for (_, end, name), (start, _, other) in pairwise(spans):
        if start < end:
            raise CatalogError(f"periods of {name} and {other}", f"overlap from {start} to {end}", "Move one of them")
    names = np.full(len(table), NONE, dtype=object)
    begin = table["start"] if "start" in table else table["onset"]
    last = table["end"] if "start" in table else table["onset"] + pd.Timedelta(1, "ns")
    for start, end, name in spans:
        names[(begin >= start) & (last <= end)] = name
    return _series(names, table, periods)


def by_event(table: pd.DataFrame, fractions: Mapping[str, float], seed: int) -> pd.Series:
    """Draw whole events, class by class, so that all windows of an event are in one split.

    Parameters
    ----------
    table
        Windows or events with `event_id` and `event_class`.
    fractions
        Split -> share of the events; they add up to 1.
    seed
        The same seed gives the same division, whatever the order of the rows.

    Returns
    -------
    pandas.Series
        Split of every row. Number of events of each class in each split, and of all events in each split: the exact
        share rounded up or down (controlled rounding: the small integer programme below always has a solution,
        because its constraints are those of a transportation problem).

    Raises
    ------
    CatalogError
        A fraction is not positive, or they do not add up to 1.
    """
    _require(table, "event_id", "event_class")
    return _series(_draw(table["event_id"], table["event_class"], fractions, seed), table, fractions)


def by_station(table: pd.DataFrame, stations: Mapping[str, Sequence[str]]) -> pd.Series:
    """Give every row the split of its station (NET.STA), "" where the station is in none.

    An earthquake recorded at two stations is then in two splits: `leaks` finds it.

    Raises
    ------
    CatalogError
        A station is in two splits, or no row of the table is at it.
    """
    _require(table, "station")
    split_of = {}
    for name, codes in stations.items():
        for code in codes:
            if split_of.setdefault(code, name) != name:
                raise CatalogError(f"station {code}", f"is in both {split_of[code]} and {name}", "Leave it in one")
    known = set(table["station"])
    for code, name in split_of.items():
        if code not in known:
            there = ", ".join(sorted(known - {""})) or "no station"
            raise CatalogError(f"station {code} of {name}", f"is not in the table, which has {there}", "Correct it")
    return _series(table["station"].map(split_of).fillna(NONE).to_numpy(dtype=object), table, stations)


def at_random(table: pd.DataFrame, fractions: Mapping[str, float], seed: int) -> pd.Series:
    """Draw single rows, class by class, whatever event they belong to: the division that flatters, for comparison.

    Parameters and errors are those of `by_event`.
    """
    _require(table, "event_class")
    rows = pd.Series(np.arange(len(table)), index=table.index)
    return _series(_draw(rows, table["event_class"], fractions, seed), table, fractions)


def divide(table: pd.DataFrame, splits: study.Splits, seed: int) -> pd.Series:
    """Divide as a study says; see the function of the kind that it names."""
    if splits.kind == "period":
        return by_period(table, splits.periods)
    if splits.kind == "station":
        return by_station(table, splits.stations)
    draw = by_event if splits.kind == "event" else at_random
    return draw(table, splits.fractions, seed)


def class_counts(table: pd.DataFrame, split: pd.Series) -> pd.DataFrame:
    """Number of events (not of windows) of every class in every split; rows are classes, columns splits."""
    _require(table, "event_id", "event_class")
    split = _aligned(split, table)
    events = pd.DataFrame(
        {"event_class": table["event_class"], "split": split.astype("str"), "event_id": table["event_id"]}
    )
    counts = events.drop_duplicates().groupby(["event_class", "split"]).size().unstack(fill_value=0)
    classes = pd.Index(sorted(table["event_class"].unique()), name="event_class", dtype="str")
    return counts.reindex(index=classes, columns=pd.Index(_names(split), name="split", dtype="str"), fill_value=0)


def inadequate(counts: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Splits in which a class has fewer than `minimum` events.

    Parameters
    ----------
    counts
        As `class_counts` returns them.
    minimum
        Fewest events that will do.

    Returns
    -------
    pandas.DataFrame
        Columns split, event_class, count, minimum; one row for each shortage, none when every class is adequate.
    """
    long = counts.rename_axis(index="event_class", columns="split").T.stack().rename("count").reset_index()
    return long[long["count"] < minimum].assign(minimum=minimum).astype({"split": "str"}).reset_index(drop=True)


def leaks(table: pd.DataFrame, split: pd.Series, window_s: float) -> pd.DataFrame:
    """Find what a test would share with the training: events, ground motion, hours, stations.

    Parameters
    ----------
    table
        Windows with `event_id`, `station`, `start` and `end`; or events with `onset` in place of `start`.
    split
        As the functions above return it; rows in no split are left out.
    window_s
        Length of a window; an event is taken to occupy at least so long from its onset.

    Returns
    -------
    pandas.DataFrame
        One row a leak, with columns

        - `kind`: ``same_event``, ``overlap``, ``same_hour`` (of the clock, UTC) or ``same_station``;
        - `first` and `second`: index labels of two rows of the table that show it;
        - `first_split` and `second_split`;
        - `detail`: which event, hour or station, and how much.

        For events, hours and stations there is one row for each pair of splits that share one. For overlaps every
        window is a `second` once for each other split with a window that begins no later and ends after it began,
        at the same station, and once more for one at another station, where the same ground motion was
        recorded elsewhere. Leaving out all the seconds leaves no overlap.

    Notes
    -----
    The table is sorted once and swept, which takes n log n steps; the number of leaking pairs may grow with n squared.
    """
    _require(table, "event_id", "station", "end" if "start" in table else "onset")
    split = _aligned(split, table)
    start = table["start"] if "start" in table else table["onset"]
    least = start + pd.Timedelta(seconds=window_s)
    end = table["end"].where(table["end"] > least, least) if "end" in table else least
    rows = pd.DataFrame({
        "label": table.index, "event": table["event_id"].to_numpy(), "station": table["station"].to_numpy(),
        "split": split.astype(object).to_numpy(), "start": start.to_numpy(dtype="datetime64[ns]").astype("int64"),
        "end": end.to_numpy(dtype="datetime64[ns]").astype("int64"), "hour": start.dt.floor("h").to_numpy(),
    })  # fmt: skip
    rows = rows[rows["split"] != NONE].sort_values("start", kind="stable")
    found = [
        *_shared(rows, "event", "same_event", _names(split)),
        *_overlaps(rows),
        *_shared(rows, "hour", "same_hour", _names(split)),
        *_shared(rows[rows["station"] != ""], "station", "same_station", _names(split)),
    ]
    return pd.DataFrame(found, columns=_LEAKS)


def _require(table: pd.DataFrame, *names: str) -> None:
    missing = [name for name in names if name not in table]
    if missing:
        raise CatalogError("table to divide", f"column(s) {', '.join(missing)} missing", "Give windows or events")


def _series(names: np.ndarray, table: pd.DataFrame, splits: Iterable[str]) -> pd.Series:
    return pd.Series(pd.Categorical(names, categories=[*splits, NONE]), index=table.index, name="split")


def _aligned(split: pd.Series, table: pd.DataFrame) -> pd.Series:
    if not split.index.equals(table.index):
        raise CatalogError("split", "has another index than the table", "Divide this very table")
    if isinstance(split.dtype, pd.CategoricalDtype):
        return split
    return pd.Series(pd.Categorical(split, categories=split.unique()), index=split.index)


def _names(split: pd.Series) -> list[str]:
    return [name for name in split.cat.categories if name != NONE]


def _draw(units: pd.Series, classes: pd.Series, fractions: Mapping[str, float], seed: int) -> np.ndarray:
    """Split names of the rows, drawn for whole units."""
    if min(fractions.values(), default=0) <= 0 or abs(sum(fractions.values()) - 1) > 1e-9:
        raise CatalogError("fractions", f"{dict(fractions)} are not positive with sum 1", "Correct them")
    rng = np.random.default_rng(seed)
    class_of = classes.groupby(units.to_numpy()).first()  # sorted by unit
    members = [class_of.index[class_of == name].to_numpy() for name in sorted(class_of.unique())]
    counts = _apportion(np.array([len(units) for units in members]), np.array(list(fractions.values())))
    split_of = {}
    for drawn, count in zip(members, counts, strict=True):
        split_of |= zip(rng.permutation(drawn), np.repeat(list(fractions), count), strict=True)
    return units.map(split_of).to_numpy(dtype=object)


def _apportion(sizes: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Whole numbers (classes, splits) with exact row sums, each cell and each column sum rounded up or down."""
    if not len(sizes):
        return np.zeros((0, len(fractions)), dtype=int)
    share = np.outer(sizes, fractions).round(9)
    total = (sizes.sum() * fractions).round(9)
    of_class = np.kron(np.eye(len(sizes)), np.ones(len(fractions)))
    of_split = np.kron(np.ones(len(sizes)), np.eye(len(fractions)))
    solution = milp(
        -(share - np.floor(share)).ravel(),  # the largest remainders first
        integrality=np.ones(share.size),
        bounds=Bounds(np.floor(share).ravel(), np.ceil(share).ravel()),
        constraints=[
            LinearConstraint(of_class, sizes, sizes),
            LinearConstraint(of_split, np.floor(total), np.ceil(total)),
        ],
    )
    return solution.x.round().astype(int).reshape(share.shape)


def _shared(rows, column, kind, names):
    """Pairs of splits that share a value of a column, with the first row of each."""
    groups = rows.groupby([column, "split"], sort=False)["label"].agg(["first", "size"]).reset_index("split")
    for one, other in combinations(names, 2):
        left, right = (groups.loc[groups["split"] == name, ["first", "size"]] for name in (one, other))
        for value, first, count, second, other_count in left.join(right.add_prefix("other_"), how="inner").itertuples():
            what = f"{value:%Y-%m-%dT%H}" if column == "hour" else value
            yield kind, first, second, one, other, f"{column} {what}: {count} in {one}, {other_count} in {other}"


def _overlaps(rows):
    """Sweep from the earliest start; per split, keep only the windows that reach furthest."""
    here = {}  # (split, station) -> the row that ends last
    anywhere = {}  # split -> the two rows that end last, of different stations
    for row in rows.itertuples(index=False):
        for split, furthest in anywhere.items():
            if split == row.split:
                continue
            elsewhere = next((other for other in furthest if other.station != row.station), None)
            for other in (here.get((split, row.station)), elsewhere):
                if other is not None and other.end > row.start:
                    yield "overlap", other.label, row.label, other.split, row.split, _overlap(other, row)
        place = (row.split, row.station)
        if place not in here or row.end > here[place].end:
            here[place] = row
        rivals = [row, *(other for other in anywhere.get(row.split, []) if other.station != row.station)]
        rivals[0] = here[place]
        anywhere[row.split] = sorted(rivals, key=lambda other: -other.end)[:2]


def _overlap(first, second):
    shared_s = (min(first.end, second.end) - second.start) / 1e9
    if first.station == second.station:
        return f"{shared_s:.2f} s at the same station {first.station or '(any)'}"
    return f"{shared_s:.2f} s at different stations {first.station or '(any)'} and {second.station or '(any)'}"
