"""The data card of a twin: what is in it, counted from its own truth, in Markdown.

After Gebru et al. (2021), Datasheets for Datasets, Commun. ACM 64(12), 86-92, doi:10.1145/3458723: what it is, how it
was made, what it holds, what it is good for and what not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from tremorlab.twin.scenario import Scenario

_CLASS_HEAD = (
    "class",
    "events",
    "at stations",
    "listed",
    "wrong class",
    "SNR, all (dB)",
    "SNR, listed (dB)",
    "median onset error (s)",
)


def describe(scenario: Scenario, truth: pd.DataFrame, faults: pd.DataFrame, clutter: pd.DataFrame) -> str:
    """Write the data card of a twin.

    Parameters
    ----------
    scenario
        What was simulated.
    truth
        As `tremorlab.twin.flaws.compile_catalogue` gives it back: one row an event and station, with what the
        catalogue made of it, and one a noise window (event -1).
    faults, clutter
        One row each, with column ``kind``.

    Returns
    -------
    str
        Markdown with headings of the second level.
    """
    stations = scenario.geometry.stations
    station_days = scenario.days * len(stations)
    place = [
        (f"{s.network}.{s.station}", f"{s.x_km:g}, {s.y_km:g}, {-s.z_km:g}", f"{s.azimuth_deg:g}", s.instrument)
        for s in stations
    ]
    return "\n\n".join(
        [
            f"Simulated {scenario.setting}-like network: {len(stations)} stations, {scenario.days} days from "
            f"{scenario.start:%Y-%m-%d}, {scenario.rate_hz:g} samples per second, difficulty {scenario.difficulty}, "
            f"seed {scenario.seed}. Nothing in it was recorded; positions are not those of real stations.",
            "## How to make it again",
            f"```python\n{recipe(scenario)}\n```",
            "The same scenario gives the same bytes, whatever the number of processes.",
            "## Stations",
            _table(("station", "east, north, up (km)", "azimuth of N (degrees)", "instrument"), place),
            "## Events, true and listed",
            "One event at one station counts once. *Listed*: the catalogue has it there. *Wrong class*: listed as "
            "another class. Signal-to-noise ratio: rms of the central 90 % of energy over the ambient noise, 2-8 Hz, "
            "vertical; 5th, 50th and 95th percentile.",
            _table(_CLASS_HEAD, _classes(truth[truth["event"] >= 0])),
            _noise(truth[truth["event"] < 0]),
            "## What else is in the records",
            _table(
                ("kind", "number", "per station-day"),
                [*_kinds(clutter, station_days), *_kinds(faults, station_days)],
            ),
            "## Good for, and not",
            "For developing and testing classifiers and detectors where the truth must be known: errors can be traced "
            "to weak events, wrong labels, clutter or faults. Not evidence that a method works on a real network; "
            "not a model of any real volcano or plate boundary. Where the physics is simplified is said in the modules "
            "of `tremorlab.twin`.",
            "Licence: CC0.",
        ]
    )


def recipe(scenario: Scenario) -> str:
    """Python statements that make the twin again; what has its default is left out."""
    given = {**scenario.model_dump(mode="json", exclude_defaults=True), "seed": scenario.seed}
    arguments = ", ".join(f"{name}={value!r}" for name, value in given.items())
    return (
        "from tremorlab.twin.archive import simulate\nfrom tremorlab.twin.scenario import configure\n\n"
        f'simulate(configure({arguments}), "folder")'
    )


def _classes(events: pd.DataFrame) -> Iterable[Sequence[object]]:
    for name, rows in events.groupby("event_class"):
        listed = rows[rows["catalogue_id"] != ""]
        wrong = (listed["catalogue_class"] != name).sum()
        error = f"{listed['onset_error_s'].abs().median():.1f}" if len(listed) else "none"
        numbers = rows["event"].nunique(), len(rows), len(listed), wrong
        yield name, *numbers, _quantiles(rows["snr_db"]), _quantiles(listed["snr_db"]), error


def _quantiles(values: pd.Series) -> str:
    if values.empty:
        return "none"
    return ", ".join(f"{value:.0f}" for value in np.percentile(values, [5, 50, 95]))


def _noise(windows: pd.DataFrame) -> str:
    hidden = int((windows["hidden"] > 0).sum())
    return (
        f"{len(windows)} noise windows are listed, chosen where nothing is; in {hidden} of them an event that nobody "
        "listed reaches the station."
    )


def _kinds(rows: pd.DataFrame, station_days: int) -> Iterable[Sequence[object]]:
    for kind, number in rows["kind"].value_counts().items():
        yield kind.replace("_", " "), number, f"{number / station_days:.1f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
