"""Drawings of the page on class imbalance: precision, strategies, reliability, estimated frequencies."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

#: Strategy or condition, by number -> marker and colour (Okabe and Ito).
_MARKS = "osD^vP"
_COLOURS = ("#000000", "#0072B2", "#009E73", "#E69F00", "#CC79A7", "#D55E00")


def draw_precision(ax: Axes, prevalence: np.ndarray, precision: np.ndarray, marked: Mapping[str, tuple]) -> Axes:
    """Draw precision against prevalence, with named points (prevalence, precision) on it."""
    ax.plot(prevalence, precision, color="#444444")
    for number, (name, point) in enumerate(marked.items()):
        ax.plot(*point, _MARKS[number], color=_COLOURS[number + 1], markersize=8, label=f"{name}: {point[1]:.0%}")
    ax.set(xscale="log", ylim=(0, 1.02), xlabel="share of windows that hold tremor", ylabel="alarms that are right")
    ax.legend()
    return ax


def draw_strategies(ax: Axes, table: pd.DataFrame) -> Axes:
    """Draw one score of strategies by imbalance: mean, 95 % interval (thin), range of the seeds (thick).

    ``table`` has imbalance, strategy, mean, low, high, least, most.
    """
    strategies = list(dict.fromkeys(table["strategy"]))
    imbalances = sorted(set(table["imbalance"]))
    step = 0.8 / len(strategies)
    for number, strategy in enumerate(strategies):
        rows = table[table["strategy"] == strategy]
        at = rows["imbalance"].map(imbalances.index) + step * (number - (len(strategies) - 1) / 2)
        colour = _COLOURS[number]
        ax.vlines(at, rows["low"], rows["high"], color=colour, linewidth=1)
        ax.vlines(at, rows["least"], rows["most"], color=colour, linewidth=3.5, alpha=0.5)
        ax.plot(at, rows["mean"], _MARKS[number], color=colour, markersize=5, label=strategy)
    for edge in range(1, len(imbalances)):
        ax.axvline(edge - 0.5, color="#CCCCCC", linewidth=0.8)
    ax.set_xticks(range(len(imbalances)), [f"1:{imbalance}" for imbalance in imbalances])
    ax.set_ylim(top=1.02)
    return ax


def draw_reliability(ax: Axes, curves: Mapping[str, pd.DataFrame], least: float = 1e-4) -> Axes:
    """Draw how often a class occurs against its probability, both logarithmic; empty bins lie on the lower edge.

    ``curves`` are name -> table with confidence and accuracy.
    """
    ax.plot([least, 1], [least, 1], color="#999999", linewidth=0.8, linestyle=":")
    for number, (name, curve) in enumerate(curves.items()):
        ax.plot(
            np.maximum(curve["confidence"], least),
            np.maximum(curve["accuracy"], least),
            marker=_MARKS[number],
            color=_COLOURS[number],
            markersize=4,
            linewidth=1,
            label=name,
        )
    ax.set(xscale="log", yscale="log", xlim=(least, 1.1), ylim=(least, 1.1), xlabel="probability", ylabel="frequency")
    ax.legend()
    return ax


def draw_estimates(ax: Axes, conditions: Mapping[str, pd.DataFrame], least: float = 1e-4) -> Axes:
    """Draw estimated against true frequencies, median and middle half of records, one line a condition."""
    levels = sorted({level for table in conditions.values() for level in table["prevalence"]})
    ax.plot(levels, levels, color="#999999", linewidth=0.8, linestyle=":", label="right")
    for number, (name, table) in enumerate(conditions.items()):
        found = table.groupby("prevalence")["estimated"].quantile([0.25, 0.5, 0.75]).unstack().clip(lower=least)
        ax.fill_between(found.index, found[0.25], found[0.75], color=_COLOURS[number], alpha=0.15, linewidth=0)
        ax.plot(found.index, found[0.5], marker=_MARKS[number], color=_COLOURS[number], markersize=4, label=name)
    ax.set(xscale="log", yscale="log", xlabel="true frequency", ylabel="estimated frequency")
    ax.legend()
    return ax
