"""Drawings of the page on records: helicorders with class probabilities, recall, false alarms."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch

from tremorlab.experiment.searchers import BOTH, RIVAL
from tremorlab.page.classifier_figures import CLASSIFIER_STYLE
from tremorlab.page.figures import label_of, style_of

#: Colour of the trace, half of its height between lines, and opacity of a class that is certain.
_TRACE, _HALF, _TINT = "#333333", 0.42, 0.6

#: Systems that are drawn like a classifier of another name.
_LIKE = {BOTH: "1D + 2D", RIVAL: "forest"}

#: Share of the amplitudes that are drawn to scale; larger ones are cut off, as on paper.
_TO_SCALE = 0.99


def style_of_system(name: str) -> tuple[str, str]:
    """Colour and marker of a network, of several together, or of the classical detector."""
    return CLASSIFIER_STYLE[name if name in CLASSIFIER_STYLE else _LIKE[name]]


def draw_helicorder(
    ax: Axes,
    amplitude: np.ndarray,
    probabilities: np.ndarray,
    classes: tuple[str, ...],
    step_s: float,
    *,
    events: pd.DataFrame | None = None,
    line_s: float = 3600.0,
    background: str = "noise",
    first_hour: float = 0.0,
) -> Axes:
    """Draw a record line by line over the colour of its most probable class; the paler, the less probable.

    Heights are square roots of amplitudes, so that weak events are seen beside strong ones.

    Parameters
    ----------
    ax
        Where to draw.
    amplitude
        (steps,) largest amplitude of each step; not a number where nothing was recorded.
    probabilities
        (steps, classes) at the same instants.
    classes
        Of the columns.
    step_s
        Seconds of a step.
    events
        onset_s, end_s (or not a number) after the first step, and event_class, drawn below the line: spans as bars,
        onsets as ticks.
    line_s
        Seconds of a line.
    background
        Class that has no colour.
    first_hour
        Hour of the day at which the record begins, for the labels.
    """
    given = np.nan_to_num(np.asarray(probabilities, float))
    best, count = given.argmax(axis=1), len(amplitude)
    palette = np.array([to_rgb(style_of(name)["color"]) for name in classes])
    strength = np.clip((given.max(axis=1) - 1 / len(classes)) / (1 - 1 / len(classes)), 0.15, 1)
    loud = np.nan_to_num(amplitude / np.nanquantile(amplitude, _TO_SCALE))
    height = _HALF * np.clip(np.sqrt(loud), 0.03, 1) * np.isfinite(amplitude)
    lines = max(1, int(np.ceil(count * step_s / line_s - 0.01)))
    line, x = np.divmod(np.arange(count) * step_s, line_s)
    shown = line < lines
    coloured = shown & (best != classes.index(background)) & (given.max(axis=1) > 0)
    left, right, top, bottom = x / 60, (x + step_s) / 60, line - _HALF, line + _HALF
    boxes = np.stack([left, top, right, top, right, bottom, left, bottom], axis=1).reshape(-1, 4, 2)
    colours = np.column_stack([palette[best], _TINT * strength])
    ax.add_collection(PolyCollection(boxes[coloured], facecolors=colours[coloured], linewidths=0))
    middle = (x + step_s / 2) / 60
    ends = np.stack([np.stack([middle, line - height], axis=1), np.stack([middle, line + height], axis=1)], axis=1)
    ax.add_collection(LineCollection(ends[shown], colors=_TRACE, linewidths=0.9))
    for event in [] if events is None else events.itertuples():
        _draw_event(ax, event, line_s)
    ax.set(xlim=(0, line_s / 60), ylim=(lines - 0.3, -0.7), xlabel="minutes")
    every = max(1, lines // 12)
    minutes = np.rint(60 * first_hour + np.arange(0, lines, every) * line_s / 60).astype(int)
    ax.set_yticks(np.arange(0, lines, every), [f"{m // 60 % 24:02d}:{m % 60:02d}" for m in minutes])
    named = [name for name in classes if name != background]
    keys = [Patch(facecolor=style_of(name)["color"], alpha=_TINT, label=label_of(name)) for name in named]
    ax.legend(handles=keys, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(named), fontsize=8)
    return ax


def _draw_event(ax, event, line_s):
    """A bar below each line that an event touches, and a tick at its onset."""
    colour = style_of(event.event_class)["color"]
    end_s = event.onset_s if pd.isna(event.end_s) else event.end_s
    for line in range(int(event.onset_s // line_s), int(end_s // line_s) + 1):
        low, high = max(event.onset_s, line * line_s), min(end_s, (line + 1) * line_s)
        ax.hlines(line + 0.46, (low - line * line_s) / 60, (high - line * line_s) / 60, color=colour, linewidth=2.2)
    line, x = divmod(event.onset_s, line_s)
    ax.plot([x / 60], [line + 0.46], marker="^", markersize=3.5, color=colour, linewidth=0)


def draw_recall(ax: Axes, tables: Mapping[str, pd.DataFrame], *, bar: float = 0.95, from_db: float = 6.0) -> Axes:
    """Draw recall against signal-to-noise ratio, with intervals; tables by system are those of `recall_by_snr`."""
    for number, (name, table) in enumerate(tables.items()):
        colour, marker = style_of_system(name)
        middle = (table["low"] + table["high"]) / 2 + 0.5 * (number - (len(tables) - 1) / 2)
        reach = np.abs(table[["recall_low", "recall_high"]].to_numpy().T - table["recall"].to_numpy())
        ax.errorbar(middle, table["recall"], reach, fmt=f"{marker}-", color=colour, capsize=2, markersize=4, label=name)
    ax.plot([from_db, ax.get_xlim()[1]], [bar, bar], color="#666666", linestyle=":", linewidth=1)
    ax.axvline(from_db, color="#666666", linestyle=":", linewidth=1)
    ax.set(ylim=(-0.02, 1.03), xlabel="signal-to-noise ratio (dB)")
    return ax


def draw_alarms(ax: Axes, table: pd.DataFrame, *, bar: float = 1.0) -> Axes:
    """Draw false alarms a station-day; ``table`` is that of `tremorlab.experiment.records.false_alarms`."""
    classes, systems = (list(dict.fromkeys(level)) for level in zip(*table.index, strict=True))
    width = 0.8 / len(systems)
    for number, name in enumerate(systems):
        colour, _ = style_of_system(name)
        own = table.xs(name, level=1).loc[classes]
        at = np.arange(len(classes)) + width * (number - (len(systems) - 1) / 2)
        sure = own["nothing"] + own["wrong"]
        ax.bar(at, sure, width * 0.92, color=colour, label=name)
        upper = ax.bar(
            at,
            own["unknown"],
            width * 0.92,
            bottom=sure,
            facecolor="none",
            edgecolor=colour,
            hatch="////",
            linewidth=0.8,
        )
        ax.bar_label(upper, [f"{value:.2f}" for value in own.sum(axis=1)], fontsize=7)
    ax.axhline(bar, color="#666666", linestyle=":", linewidth=1)
    ax.margins(y=0.2)
    ax.set_xticks(np.arange(len(classes)), [label_of(name) for name in classes])
    ax.set(ylabel="false alarms a station-day")
    return ax
