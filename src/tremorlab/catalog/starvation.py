"""How often a test period holds too few events of a class, and how often it would if events were not bursty.

The report found that activity at a volcano changes so much with time that a split by period can leave a class with
hardly an event. Two causes look alike: the class is rare, or its events come together. Comparing contiguous
blocks of the catalogue with random draws of the same size separates them.
"""

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from tremorlab.catalog.table import events
from tremorlab.errors import CatalogError


def starvation(catalog: pd.DataFrame, share: float = 0.15, minimum: int = 5) -> pd.DataFrame:
    """Compare contiguous blocks of events with random draws of the same size.

    Parameters
    ----------
    catalog
        Event table sorted by onset, as `catalog.table.validate` returns it; an event counts once, at its earliest
        onset.
    share
        Part of the events that makes a test block, 0 < share < 1.
    minimum
        Fewest events of a class that a block should hold.

    Returns
    -------
    pandas.DataFrame
        One row a class: ``events``, ``expected`` (mean count in a block), ``in_blocks`` (share of all contiguous
        blocks with fewer than `minimum` events of the class) and ``if_shuffled`` (probability of that for a random
        draw without replacement; hypergeometric, exact).

    Raises
    ------
    CatalogError
        `share` is not between 0 and 1, or the catalogue is too short for a block.
    """
    if not 0 < share < 1:
        raise CatalogError("starvation", f"share {share} is not between 0 and 1", "A usual test share is 0.15")
    catalog = events(catalog)
    total = len(catalog)
    size = round(share * total)
    if size < 1:
        raise CatalogError(
            "starvation", f"{total} events are too few for a block of {share:.0%}", "Take a longer catalogue"
        )
    rows = {}
    for name, number in catalog["event_class"].value_counts(sort=False).items():
        before = np.concatenate([[0], np.cumsum(catalog["event_class"].to_numpy() == name)])
        counts = before[size:] - before[:-size]
        rows[name] = {
            "events": int(number),
            "expected": size * number / total,
            "in_blocks": float((counts < minimum).mean()),
            "if_shuffled": float(hypergeom.cdf(minimum - 1, total, number, size)),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("event_class").sort_index()
