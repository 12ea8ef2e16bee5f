"""The full recovery map of chapter 06, from the fits that `benchmarks/recovery_map.py --full` has kept."""

from pathlib import Path

import numpy as np
import pandas as pd

from tremorlab import paths
from tremorlab.errors import PageError

#: The fits, a row each, below the repository.
MAP = Path("benchmarks") / "recovery_map.csv"

#: Columns that the tables are made of.
COLUMNS = (
    "method", "rate_hz", "snr_db", "duration_s", "p1_mpa", "seed", "seconds", "exact", "true_positive_ratio", "code",
    "date",
)  # fmt: skip

#: What the motion of Julian's model is at a driving pressure in MPa.
_REGIMES = {13.0: "a cycle", 16.6: "two periods", 19.0: "chaos"}


def page() -> str:
    """Return the part of the page that the kept fits of this repository give."""
    path = paths.REPOSITORY / MAP if paths.REPOSITORY else None
    return table(read(path)) if path and path.exists() else "No full map has been kept yet.\n"


def read(path: Path) -> pd.DataFrame:
    """Read the fits of a map.

    Raises
    ------
    PageError
        A column is missing, or the file has no fits.
    """
    fits = pd.read_csv(path)
    if missing := [name for name in COLUMNS if name not in fits]:
        raise PageError(
            path.name,
            f"has no column {', '.join(missing)}",
            "Compute the map again: benchmarks/recovery_map.py --full",
        )
    if fits.empty:
        raise PageError(path.name, "has no fits", "Compute the map again: benchmarks/recovery_map.py --full")
    return fits


def table(fits: pd.DataFrame) -> str:
    """Write a map down: where it comes from, exact supports by regime, joint estimation by rate and length."""
    lines = [_where(fits)]
    for p1_mpa, own in fits.groupby("p1_mpa"):
        lines += ["", f"### {_motion(p1_mpa)}", "", _extent(own), ""]
        methods = {name.replace("_", " "): some for name, some in own.groupby("method", sort=False)}
        lines += _cells("method", methods)
    for p1_mpa, own in fits[fits["method"] == "joint"].groupby("p1_mpa"):
        lines += ["", f"### {_motion(p1_mpa)}: joint estimation by sampling rate and length", ""]
        records = own.groupby(["rate_hz", "duration_s"])
        lines += _cells("record", {f"{rate:g} Hz, {length:g} s": some for (rate, length), some in records})
    return "\n".join(lines) + "\n"


def _where(fits):
    first, last = fits["date"].min(), fits["date"].max()
    codes = ", ".join(f"`{code}`" for code in fits["code"].unique())
    return (
        f"{len(fits):,} fits, all states seen; {fits['seconds'].sum() / 3600:.1f} hours of processor time; "
        f"{first if first == last else f'{first} to {last}'}, code {codes}."
    )


def _motion(p1_mpa):
    return f"{p1_mpa:g} MPa" + (f", {_REGIMES[p1_mpa]}" if p1_mpa in _REGIMES else "")


def _extent(fits):
    """Which records were fitted: seeds and rates of each length."""
    return " ".join(_of_length(length_s, own) for length_s, own in fits.groupby("duration_s"))


def _of_length(length_s, fits):
    seeds = fits.groupby("rate_hz")["seed"].nunique()
    few, most = seeds.min(), seeds.max()
    number = "one seed" if most == 1 else f"{most} seeds" if few == most else f"{few} to {most} seeds"
    rates = ", ".join(f"{rate:g}" for rate in seeds.index)
    return f"Records of {length_s:g} s: {number} at {rates} Hz."


def _cell(fits):
    return f"{fits['exact'].sum():.0f}/{len(fits)} ({fits['true_positive_ratio'].mean():.2f})"


def _cells(head, rows):
    """A table with a column for each level of noise, the clean record first."""
    levels = sorted(set().union(*(fits["snr_db"] for fits in rows.values())), reverse=True)
    heads = ["no noise" if np.isinf(level) else f"{level:g} dB" for level in levels]
    lines = [f"| {head} | {' | '.join(heads)} |", f"| --- |{' ---: |' * len(levels)}"]
    for label, fits in rows.items():
        found = [fits[fits["snr_db"] == level] for level in levels]
        lines.append(f"| {label} | {' | '.join(_cell(some) if len(some) else '-' for some in found)} |")
    return lines
