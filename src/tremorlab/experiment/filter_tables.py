"""Numbers drawn from readings: notches, shapes and crossings, and whether filters tell what a network loses."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import fisher_exact

from tremorlab.experiment.readings import Reading
from tremorlab.interpret.fir import Responses
from tremorlab.interpret.shapes import deepest_hz, shapes


def ranked_responses(found: Reading, initial: bool = False) -> list[Responses]:
    """Responses of each seed, filters in the order of their rank."""
    banks = [found.responses(n, initial) for n in range(len(found.question.seeds))]
    return [Responses(bank.frequencies_hz, bank.response[:, found.ranked(n, initial)]) for n, bank in enumerate(banks)]


def notches(found: Reading, initial: bool = False) -> np.ndarray:
    """Deepest frequency (Hz) of each filter inside 1-10 Hz, shape (seeds, filters) in rank order; NaN without one."""
    return np.array([deepest_hz(bank) for bank in ranked_responses(found, initial)])


def shape_table(found: Reading, initial: bool = False) -> pd.DataFrame:
    """Rows of `tremorlab.interpret.shapes.shapes` of all seeds, with seed and rank in front."""
    tables = [shapes(bank).rename_axis("rank").reset_index() for bank in ranked_responses(found, initial)]
    return pd.concat(tables, keys=found.question.seeds, names=["seed"]).reset_index("seed").reset_index(drop=True)


def pair_crossings(found: Reading, above_hz: float = 1.0) -> pd.DataFrame:
    """Crossings of the mean spectra of the first two classes above a frequency: frequency_hz, low_hz, high_hz."""
    table = pd.DataFrame(found.arrays["crossing"], columns=["first", "second", "frequency_hz", "low_hz", "high_hz"])
    pair = (table[["first", "second"]].max(axis=1) == 1) & (table["frequency_hz"] > above_hz)
    return table.loc[pair, ["frequency_hz", "low_hz", "high_hz"]].reset_index(drop=True)


def highest_crossing(found: Reading) -> np.ndarray:
    """Return the highest of `pair_crossings` with the ends of its band, shape (3,); NaN where there is none."""
    table = pair_crossings(found)
    return table.iloc[-1].to_numpy(float) if len(table) else np.full(3, np.nan)


def read_profile(found: Reading) -> np.ndarray:
    """What the filters of each seed pass of the input, by band, as a share of all: the reading, shape (seeds, bands).

    Filters count with their downstream weights. Bands are those of which the reading has removed one after the other.
    """
    rows = []
    for n, bands in enumerate(found.arrays["bands"]):
        bank = found.responses(n)
        spectrum = np.interp(bank.frequencies_hz, found.arrays["frequencies_hz"], found.arrays["input"])
        passed = np.square(bank.amplitude * spectrum[:, np.newaxis]) @ np.square(found.arrays["downstream"][n])
        inside = [(bank.frequencies_hz >= low) & (bank.frequencies_hz < high) for low, high in bands]
        rows.append([passed[chosen].sum() / passed.sum() for chosen in inside])
    return np.array(rows)


def large_filters(found: Reading, share: float = 0.5) -> list[np.ndarray]:
    """For each seed, which filters in rank order pass at least a share of the energy of the first."""
    kept = []
    for n, bank in enumerate(ranked_responses(found)):
        spectrum = np.interp(bank.frequencies_hz, found.arrays["frequencies_hz"], found.arrays["input"])
        passed = np.square(bank.amplitude * spectrum[:, np.newaxis]).sum(axis=0)
        energy = passed * np.square(found.arrays["downstream"][n][found.ranked(n)])
        kept.append(np.flatnonzero(energy >= share * energy[0]))
    return kept


def within(frequencies_hz: ArrayLike, low_hz: float = 4.0, high_hz: float = 8.0) -> np.ndarray:
    """Which frequencies lie in a band, by default the report's; NaN does not."""
    values = np.asarray(frequencies_hz, float)
    return (values >= low_hz) & (values <= high_hz)


def more_than_untrained(trained: ArrayLike, untrained: ArrayLike) -> float:
    """One-sided p-value of Fisher's exact test that something is seen more often after training than before.

    Parameters
    ----------
    trained, untrained
        Whether it is seen, for each filter.
    """
    counts = [(np.count_nonzero(seen), np.size(seen) - np.count_nonzero(seen)) for seen in (trained, untrained)]
    return float(fisher_exact(counts, alternative="greater").pvalue)
