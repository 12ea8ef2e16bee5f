"""Figures of the pages on labels: what they are worth, and which to ask for."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

#: Source of an encoder -> how it is called, its colour (Okabe and Ito 2008) and marker.
SOURCES = {
    "untrained": ("untrained", "#999999", "x"),
    "nankai": ("Nankai-like month", "#0072B2", "o"),
    "nankai, few": ("Nankai-like month, few windows", "#56B4E9", "v"),
    "sakurajima": ("Sakurajima-like month", "#D55E00", "s"),
    "mbar_2021": ("MBAR, one day", "#CC79A7", "^"),
}

#: What is no probe -> colour, marker and line.
WAYS = {
    "from nothing": ("black", "d", "--"),
    "tuned": ("#009E73", "D", "-"),
    "forest": ("#E69F00", "*", ":"),
}

#: Strategy -> colour, marker and line.
STRATEGIES = {
    "random": ("#999999", "o", ":"),
    "uncertain": ("#0072B2", "s", "--"),
    "uncertain and diverse": ("#D55E00", "^", "-"),
}


def source_of(name: str) -> str:
    """How a source of an encoder is called; itself where it is none of the book's."""
    return SOURCES[name][0] if name in SOURCES else name


def way_of(way: pd.Series, source: pd.Series) -> list[str]:
    """What was trained on the labels, with the encoder where it stays as it is."""
    return [f"probe, {source_of(s)}" if w == "probe" else w for w, s in zip(way, source, strict=True)]


def draw_learning(ax: Axes, history: pd.DataFrame, column: str) -> Axes:
    """Draw a column of the history of encoders against the step."""
    for name, own in history.groupby("source", sort=False):
        label, colour, _ = SOURCES.get(name, (name, None, None))
        smooth = own[column].rolling(5, min_periods=1).mean()
        ax.plot(own["step"], smooth, color=colour, label=label, lw=1.2)
    return ax


def draw_label_curves(ax: Axes, scores: pd.DataFrame, own_source: str) -> Axes:
    """Draw scores against labels a class, mean and standard deviation over draws; the own encoder thick."""
    ways = list(scores.groupby(["way", "source"], sort=False))
    for number, ((way, source), own) in enumerate(ways):
        curve = own.groupby("labels")["score"].agg(["mean", "std"])
        if way == "probe":
            label, colour, marker = SOURCES.get(source, (source, None, "."))
            label, line = f"probe, {label}", "-"
        else:
            label, (colour, marker, line) = way, WAYS[way]
        beside = 1.04 ** (number - len(ways) / 2)  # error bars do not hide each other
        ax.errorbar(
            curve.index * beside, curve["mean"], curve["std"], color=colour, marker=marker, ls=line, label=label,
            lw=2.2 if source == own_source and way == "probe" else 1.2, ms=5, elinewidth=0.8,
        )  # fmt: skip
    ax.set_xscale("log")
    labels = sorted(scores["labels"].unique())
    ax.set_xticks(labels, [f"{n}" for n in labels])
    ax.minorticks_off()
    return ax


def draw_strategies(ax: Axes, curves: pd.DataFrame, column: str = "score") -> Axes:
    """Draw a column against labels for each strategy: mean over seeds, and band from the lowest to the highest."""
    for name, own in curves.groupby("strategy", sort=False):
        colour, marker, line = STRATEGIES[name]
        by_labels = own.groupby("labels")[column]
        mean, low, high = by_labels.mean(), by_labels.min(), by_labels.max()
        ax.plot(mean.index, mean, color=colour, marker=marker, ls=line, ms=4, label=name)
        ax.fill_between(mean.index, low, high, color=colour, alpha=0.15, lw=0)
    return ax


def draw_told(ax: Axes, told: pd.DataFrame) -> Axes:
    """Draw what the labels that were asked for turned out to be, one stacked bar a strategy."""
    left = np.zeros(len(told))
    hatches = ("", "//", "..", "xx", "")
    for name, hatch, colour in zip(
        told, hatches, ("#0072B2", "#D55E00", "#F0E442", "#999999", "#CC79A7"), strict=False
    ):
        ax.barh(told.index, told[name], left=left, label=name, color=colour, hatch=hatch, edgecolor="white")
        left += told[name].to_numpy()
    ax.invert_yaxis()
    return ax
