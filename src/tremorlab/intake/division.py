"""How to divide a study: by period where every class has enough events in each part, else by event."""

import numpy as np
import pandas as pd

#: Shares of training, validation and test.
SHARES = {"train": 0.5, "validation": 0.2, "test": 0.3}

#: Fewest events of a class in a part of a division by period.
MINIMUM = 3

#: Borders that are tried, as shares of the events.
_TRIED = np.arange(0.3, 0.9, 0.05)


def borders(events: pd.DataFrame, window_s: float) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """Two times that divide the events so that the class and part that lacks most lacks least.

    Parameters
    ----------
    events
        event_id, onset, event_class.
    window_s
        Events this near a border are not counted: their windows cross it.

    Returns
    -------
    tuple of pandas.Timestamp, or None where a part has fewer than `MINIMUM` events of a class.
    """
    one = events.sort_values("onset").drop_duplicates("event_id")
    onset, codes = one["onset"].to_numpy("datetime64[ns]").astype("int64"), pd.factorize(one["event_class"])[0]
    if not len(onset):
        return None
    wanted = np.outer(np.bincount(codes), list(SHARES.values()))
    best, found = 0.0, None
    times = np.quantile(onset, _TRIED).astype("int64")
    for a, first in enumerate(times):
        for second in times[a + 1 :]:
            near = np.minimum(np.abs(onset - first), np.abs(onset - second)) < window_s * 1e9
            part = (onset >= first).astype(int) + (onset >= second)
            counts = np.stack(
                [np.bincount(codes[~near & (part == p)], minlength=len(wanted)) for p in range(3)], axis=1
            )
            worst = float((counts / wanted).min()) if counts.min() >= MINIMUM else 0.0
            if worst > best:
                best, found = worst, (first, second)
    return None if found is None else tuple(pd.Timestamp(int(time), tz="UTC").floor("s") for time in found)


def tiles(events: pd.DataFrame, window_s: float) -> pd.DataFrame:
    """Events with a row, and an id, for each window that a long one is cut into."""
    count = (events["end"] - events["onset"]).dt.total_seconds().fillna(0) // window_s
    number = count.clip(lower=1).astype(int)
    rows = events.loc[events.index.repeat(number)].copy()
    tile = rows.groupby(level=0).cumcount()
    rows["onset"] += pd.to_timedelta(tile * window_s, unit="s")
    rows["event_id"] += "#" + tile.astype(str)
    return rows.reset_index(drop=True)


def propose(events: pd.DataFrame, window_s: float) -> str:
    """Lines of a study file that divide its events; where they are few and long, their windows."""
    found = borders(events, window_s) or borders(tiles(events, window_s), window_s)
    if found is None:
        shares = ", ".join(f"{name} = {share}" for name, share in SHARES.items())
        return (
            f"# By event: some class has fewer than {MINIMUM} events in any period that could be a part. Events of\n"
            "# one swarm are then on both sides, so scores flatter; divide by period when you have more.\n"
            f'[splits]\nkind = "event"\nminimum = 1\nfractions = {{ {shares} }}\n'
        )
    gap = pd.Timedelta(window_s, "s").ceil("s")
    begin = events["onset"].min().floor("h") - pd.Timedelta(1, "h")
    ends = events["end"].fillna(events["onset"])
    last = max(ends.max(), events["onset"].max()).ceil("h") + pd.Timedelta(1, "h")
    bounds = [begin, *found, last]
    lines = [
        f'{name} = [["{_utc(a)}", "{_utc(b if name == "test" else b - gap)}"]]'
        for name, a, b in zip(SHARES, bounds[:-1], bounds[1:], strict=True)
    ]
    return (
        "# By period, one after the other and a window apart: what a network meets that is trained today.\n"
        f'[splits]\nkind = "period"\nminimum = {MINIMUM}\n\n[splits.periods]\n' + "\n".join(lines) + "\n"
    )


def _utc(time):
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
