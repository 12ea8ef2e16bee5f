"""Drawings of what classifiers learn and say, shared by the pages on networks."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from sklearn.metrics import precision_recall_curve, roc_curve

from tremorlab.page.figures import label_of, style_of

#: Network or rival -> (colour, marker). The same one looks the same in every figure.
CLASSIFIER_STYLE = {
    "1D": ("#0072B2", "o"),
    "2D": ("#D55E00", "s"),
    "2D linear": ("#E69F00", "D"),
    "1D + 2D": ("#CC79A7", "^"),
    "forest": ("#009E73", "v"),
    "threshold": ("#56B4E9", "P"),
    "majority": ("#888888", "X"),
}


def draw_learning(ax: Axes, histories: dict[str, pd.DataFrame]) -> Axes:
    """Draw validation balanced accuracy against epoch: the mean of the seeds, and a band from least to most."""
    for name, history in histories.items():
        seeds = history.pivot(index="epoch", columns="seed", values="validation_balanced_accuracy")
        colour, marker = CLASSIFIER_STYLE[name]
        ax.fill_between(seeds.index + 1, seeds.min(axis=1), seeds.max(axis=1), color=colour, alpha=0.15, linewidth=0)
        ax.plot(seeds.index + 1, seeds.mean(axis=1), color=colour, marker=marker, markersize=4, label=name)
    ax.set(xlabel="epoch")
    return ax


def draw_levels(ax: Axes, table: pd.DataFrame) -> Axes:
    """Draw balanced accuracies with intervals by difficulty: columns difficulty, classifier, value, low, high."""
    levels = list(dict.fromkeys(table["difficulty"]))
    names = list(dict.fromkeys(table["classifier"]))
    for n, name in enumerate(names):
        rows = table[table["classifier"] == name]
        colour, marker = CLASSIFIER_STYLE[name]
        place = [levels.index(level) + 0.09 * (n - (len(names) - 1) / 2) for level in rows["difficulty"]]
        reach = np.abs(rows[["low", "high"]].to_numpy().T - rows["value"].to_numpy())
        ax.errorbar(place, rows["value"], reach, fmt=marker, color=colour, capsize=2, markersize=5, label=name)
    ax.axhline(1 / 3, color="#999999", linestyle=":", linewidth=0.8)
    ax.set_xticks(range(len(levels)), levels)
    return ax


def draw_confusion(ax: Axes, counts: np.ndarray, classes: tuple[str, ...]) -> Axes:
    """Draw a confusion matrix as shares of the true class, with the shares written in."""
    shares = np.asarray(counts, float) / np.sum(counts, axis=1, keepdims=True)
    ax.imshow(shares, vmin=0, vmax=1, cmap="cividis")
    for (row, column), share in np.ndenumerate(shares):
        ax.text(column, row, f"{share:.2f}", ha="center", va="center", color="black" if share > 0.6 else "white")
    words = [label_of(name) for name in classes]
    ax.set_xticks(range(len(words)), words, rotation=40, ha="right")
    ax.set_yticks(range(len(words)), words)
    ax.set(xlabel="given", ylabel="catalogued")
    return ax


def draw_curves(roc: Axes, precision: Axes, truth: np.ndarray, probabilities: np.ndarray, classes, **line) -> None:
    """Draw ROC and precision-recall curves of each class against the others."""
    for n, name in enumerate(classes):
        colour = style_of(name)["color"]
        false, true, _ = roc_curve(truth == n, probabilities[:, n])
        roc.plot(false, true, color=colour, **line)
        found, recall, _ = precision_recall_curve(truth == n, probabilities[:, n])
        precision.plot(recall, found, color=colour, **line)
    roc.set(xlabel="false-positive rate", ylabel="recall", xlim=(0, 0.5), ylim=(0.4, 1.01))
    precision.set(xlabel="recall", ylabel="precision", xlim=(0.4, 1.01), ylim=(0.4, 1.01))


def draw_reliability(ax: Axes, tables: dict[str, pd.DataFrame]) -> Axes:
    """Draw accuracy against confidence; tables are those of `classify.calibration.reliability`."""
    for name, table in tables.items():
        colour, marker = CLASSIFIER_STYLE[name.split(",")[0]]
        line = "-" if "scaled" in name else ":"
        ax.plot(table["confidence"], table["accuracy"], line, marker=marker, color=colour, markersize=4, label=name)
    ax.plot([1 / 3, 1], [1 / 3, 1], color="#999999", linewidth=0.8)
    ax.set(xlabel="confidence", xlim=(0.3, 1.01), ylim=(0.2, 1.02))
    return ax


def draw_shared(ax: Axes, table: pd.DataFrame) -> Axes:
    """Draw shares of same wrong answers: one row a pair, columns share, least, most, and expected by chance."""
    rows = np.arange(len(table))
    ax.hlines(rows, table["least"], table["most"], color="#999999", linewidth=3)
    ax.plot(table["share"], rows, "o", color="#222222", label="found")
    ax.plot(table["expected"], rows, "x", color="#D55E00", label="by chance")
    ax.set_yticks(rows, [" and ".join(pair) if pair[0] != pair[1] else f"{pair[0]}, two seeds" for pair in table.index])
    ax.set(xlim=(0, 1), ylim=(len(table) - 0.5, -0.5), xlabel="share of the errors")
    return ax


def draw_delays(ax: Axes, delays: pd.DataFrame) -> Axes:
    """Draw the share of events noticed against time after the onset.

    Columns are experiment ("law, network, ...") and delay_s (s); onsets anywhere in training have solid lines.
    """
    for name, rows in delays.groupby("experiment", sort=False):
        law, network = name.split(", ")[:2]
        colour, _ = CLASSIFIER_STYLE[network]
        found = np.sort(rows["delay_s"].dropna())
        share = np.arange(1, len(found) + 1) / len(rows)
        line = "-" if law == "anywhere" else ":"
        ax.step(
            np.r_[0, found, 164],
            np.r_[0, share, share[-1:]],
            line,
            where="post",
            color=colour,
            label=f"{network}, {law}",
        )
    ax.set(xlabel="time after the onset (s)", xlim=(0, 164), ylim=(0, 1.02))
    return ax
