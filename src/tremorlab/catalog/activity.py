"""What an event table holds, in numbers: counts by class, activity through time."""

import pandas as pd

from tremorlab.catalog.table import events
from tremorlab.errors import CatalogError

#: Name of a bin -> pandas offset.
PERIODS = {"minute": "min", "hour": "h", "day": "D", "week": "W-MON", "month": "MS"}


def activity(catalog: pd.DataFrame, period: str) -> pd.DataFrame:
    """Count events by bins of time and class.

    Parameters
    ----------
    catalog
        Event table in the schema of `catalog.table`.
    period
        Width of a bin: minute, hour, day, week (from Monday) or month, in UTC.

    Returns
    -------
    pandas.DataFrame
        One row a bin from the first to the last event, empty bins included; one column a class. An event counts once,
        at its earliest onset, however many stations list it.
    """
    if period not in PERIODS:
        raise CatalogError("activity", f"period {period!r} is not one of {', '.join(PERIODS)}", "Choose one")
    bins = pd.Grouper(key="onset", freq=PERIODS[period])
    counts = events(catalog).groupby([bins, "event_class"]).size().unstack(fill_value=0)
    if counts.empty:
        return counts
    whole = pd.date_range(counts.index.min(), counts.index.max(), freq=PERIODS[period], name="onset")
    return counts.reindex(whole, fill_value=0)


def summary(catalog: pd.DataFrame) -> pd.Series:
    """Return number of events, first and last onset, and counts by class of one event table."""
    catalog = events(catalog)
    counts = catalog["event_class"].value_counts(sort=False).sort_index()
    return pd.Series(
        {
            "events": len(catalog),
            "first": catalog["onset"].min(),
            "last": catalog["onset"].max(),
            "classes": ", ".join(f"{name} {n}" for name, n in counts.items()),
            "high reliability": float((catalog["reliability"] == "high").mean()) if len(catalog) else 0.0,
        }
    )
