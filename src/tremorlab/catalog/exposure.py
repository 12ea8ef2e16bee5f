"""How much of a test was seen in training: the leaks of a split, as shares of its test windows."""

import numpy as np
import pandas as pd

from tremorlab.errors import CatalogError


def exposure(windows: pd.DataFrame, split: pd.Series, train: str = "train") -> pd.Series:
    """Return the share of windows outside training that share something with a training window.

    Parameters
    ----------
    windows
        Table with `event_id`, `station`, `start` and `end` (see `dataset.windows.plan`).
    split
        Split of every window, aligned with the table; rows in no split ("") are left out.
    train
        Name of the training split.

    Returns
    -------
    pandas.Series
        Shares 0 to 1 by kind: ``same_event``, ``overlap`` (in time, at whatever station), ``same_hour`` (of the
        clock at the window's start, UTC) and ``same_station``.

    Raises
    ------
    CatalogError
        No window is in training, or none is outside.
    """
    seen, unseen = windows[split == train], windows[(split != train) & (split != "")]
    for part, name in ((seen, f"in split {train!r}"), (unseen, f"outside split {train!r}")):
        if part.empty:
            raise CatalogError("exposure", f"no window is {name}", "Look at the class counts of the split")
    # A training window overlaps unless it begins after the end or has ended before the start.
    begun = np.searchsorted(np.sort(seen["start"].to_numpy()), unseen["end"].to_numpy(), side="left")
    ended = np.searchsorted(np.sort(seen["end"].to_numpy()), unseen["start"].to_numpy(), side="right")
    hours = unseen["start"].dt.floor("h").isin(seen["start"].dt.floor("h"))
    return pd.Series(
        {
            "same_event": unseen["event_id"].isin(seen["event_id"]).mean(),
            "overlap": (begun > ended).mean(),
            "same_hour": hours.mean(),
            "same_station": unseen["station"].isin(seen["station"]).mean(),
        }
    )
