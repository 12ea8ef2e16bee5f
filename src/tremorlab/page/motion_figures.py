"""Drawings of the pages on the physics of tremor: regimes, equations found, recovery maps."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from scipy.signal import welch

from tremorlab.dynamics.record import Record

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#888888"

#: Colour and mark of each method's line; told apart without colour by the mark.
METHOD_STYLE = {
    "finite_difference": (ORANGE, "x"),
    "smoothed": ("#E69F00", "s"),
    "weak": (GREEN, "^"),
    "ensemble": ("#CC79A7", "v"),
    "weak_ensemble": ("#56B4E9", "P"),
    "joint": (BLUE, "o"),
}

#: How a method is written.
METHOD_LABEL = {
    "finite_difference": "differences",
    "smoothed": "smoothed differences",
    "weak": "weak form",
    "ensemble": "ensemble",
    "weak_ensemble": "weak ensemble",
    "joint": "joint estimation",
    "truth": "true equations",
}


def draw_portrait(axes: np.ndarray, record: Record, seconds: float = 2.0) -> np.ndarray:
    """Draw one motion of Julian's model into three panels: opening against time, orbit, spectrum of the wall speed."""
    _, h, u = record.values.T
    shown = record.times_s < seconds
    axes[0].plot(record.times_s[shown], h[shown], color=BLUE, linewidth=1)
    axes[0].set(xlabel="time (s)")
    axes[1].plot(h, u, color=BLUE, linewidth=0.4)
    axes[1].set(xlabel="h (m)")
    frequencies, power = welch(u, record.sampling_rate_hz, nperseg=min(1024, len(u)))
    # A motion at rest has nothing but rounding errors for an orbit and a spectrum.
    if np.ptp(h) > 1e-6 * h.mean():
        axes[2].plot(frequencies, 10 * np.log10(power / power.max()), color=BLUE, linewidth=0.8)
    else:
        axes[0].set(ylim=(0.5 * h[-1], 1.5 * h[-1]))
        axes[1].plot(h[-1], u[-1], "o", color=BLUE, markersize=4)
        axes[1].set(xlim=(0.5 * h[-1], 1.5 * h[-1]), ylim=(-1, 1))
    axes[2].set(xlabel="frequency (Hz)", xlim=(0, 30), ylim=(-60, 3))
    return axes


def draw_derivative_errors(ax: Axes, table: pd.DataFrame, column: str) -> Axes:
    """Draw a column of `dynamics.differentiation.derivative_errors` against the sampling rate, a line a noise level."""
    marks = zip(table.groupby("snr_db", sort=False), "os^vDP", strict=False)
    for (level, rows), mark in marks:
        name = label(level) if np.isinf(level) else f"{label(level)} dB"
        ax.loglog(rows["rate_hz"], rows[column], f"{mark}-", markersize=4, linewidth=1, label=name)
    ax.axhline(1, color=GREY, linewidth=0.8, linestyle=":")
    ticks = sorted(table["rate_hz"].unique())
    ax.set_xticks(ticks, [label(rate) for rate in ticks])
    ax.set_xticks([], minor=True)
    ax.set(xlabel="sampling rate (Hz)", title=column)
    return ax


def draw_maxima(ax: Axes, table: pd.DataFrame, colour: str = BLUE) -> Axes:
    """Draw a bifurcation diagram: maxima of the opening against the driving pressure."""
    ax.plot(table["p1"] / 1e6, table["h_m"], ".", color=colour, markersize=1.6, rasterized=True)
    ax.set(ylabel="maxima of h (m)")
    return ax


def draw_exponents(ax: Axes, pressures_mpa: np.ndarray, exponents, colour: str = BLUE) -> Axes:
    """Draw largest Lyapunov exponents with two standard errors."""
    values = [one.per_second for one in exponents]
    errors = [2 * one.standard_error for one in exponents]
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.errorbar(pressures_mpa, values, errors, fmt="o-", color=colour, markersize=3, linewidth=1, elinewidth=1)
    ax.set(ylim=(-3.2, 3.2), ylabel="exponent (1/s)", xlabel="driving pressure p1 (MPa)")
    return ax


def draw_coefficients(ax: Axes, library, coefficients: np.ndarray, truth: dict) -> Axes:
    """Draw all candidates of a library: rings where the truth is, filled marks where a method put a coefficient."""
    places = library.candidates
    labels = [f"{library.terms[t]}" for t, _ in places]
    true = np.array([truth.get((library.names[e], library.terms[t]), 0.0) for t, e in places])
    found = np.array([coefficients[place] for place in places])
    at = np.arange(len(places))
    wrong = (found != 0) & (true == 0)
    right = (found != 0) & (true != 0)
    ax.axhline(0, color=GREY, linewidth=0.6)
    ax.plot(at[true != 0], true[true != 0], "o", mfc="none", mec="black", markersize=9, label="true")
    ax.plot(at[right], np.clip(found[right], -2.9, 2.9), "o", color=BLUE, markersize=5, label="found, in the truth")
    false = np.clip(found[wrong], -2.9, 2.9)
    ax.plot(at[wrong], false, "X", color=ORANGE, markersize=6, label="found, not in the truth")
    split = next(i for i, (_, e) in enumerate(places) if e != places[0][1]) - 0.5
    ax.axvline(split, color=GREY, linewidth=0.8, linestyle=":")
    for where, text in ((split / 2, places[0][1]), ((split + len(places)) / 2, places[-1][1])):
        ax.text(where, 3.15, f"terms of {library.names[text]}'", ha="center", fontsize=8)
    ax.set_xticks(at, labels, rotation=90, fontsize=7)
    ax.set_yscale("symlog", linthresh=0.01, linscale=0.6)
    ax.set(ylim=(-3, 3), yticks=[-1, -0.1, -0.01, 0, 0.01, 0.1, 1], ylabel="coefficient")
    ax.set_yticklabels(["-1", "-0.1", "-0.01", "0", "0.01", "0.1", "1"])
    ax.legend(fontsize=7, loc="lower center", bbox_to_anchor=(0.5, 1.06), ncols=3)
    return ax


def draw_orbit(ax: Axes, run: np.ndarray | None, motion: np.ndarray, rate_hz: float) -> Axes:
    """Draw a free run, sampled at ``rate_hz``, over the true motion in the plane of opening and wall speed."""
    ax.plot(motion[:, 0], motion[:, 2], color="#BBBBBB", linewidth=0.5, label="true motion")
    lived = np.zeros((0, 3)) if run is None else run[np.isfinite(run).all(axis=1)]
    ax.plot(lived[:, 0], lived[:, 2], color=BLUE, linewidth=0.6, label="free run")
    low, high = motion.min(axis=0), motion.max(axis=0)
    margin = 0.3 * (high - low)
    ax.set(xlim=(low[0] - margin[0], high[0] + margin[0]), ylim=(low[2] - margin[2], high[2] + margin[2]))
    ax.set(xlabel="opening x", ylabel="wall speed z")
    if run is not None and len(lived) < len(run):
        ax.text(
            0.5, 0.04, f"left after {len(lived) / rate_hz:.1f} s", transform=ax.transAxes, ha="center", color=ORANGE
        )
    ax.legend(fontsize=7, loc="upper right")
    return ax


def draw_map(ax: Axes, table: pd.DataFrame, column: str, row: str, value: str = "true_positive_ratio") -> Axes:
    """Draw the mean of ``value`` over seeds as shades; a number says in how many seeds all terms are exact.

    Cells without a case stay white.
    """
    table = table.astype({"exact": float})
    shade, exact = (table.pivot_table(index=row, columns=column, values=each, sort=False) for each in (value, "exact"))
    count = table.groupby([row, column]).size().max()
    ax.imshow(shade.to_numpy(), vmin=0, vmax=1, aspect="auto")
    for i, j in np.argwhere(shade.notna().to_numpy()):
        light = shade.iloc[i, j] > 0.6
        text = f"{exact.iloc[i, j] * count:.0f}/{count}"
        ax.text(j, i, text, ha="center", va="center", fontsize=8, color="black" if light else "white")
    ax.set_xticks(range(shade.shape[1]), [label(each) for each in shade.columns])
    ax.set_yticks(range(shade.shape[0]), [label(each) for each in shade.index])
    ax.tick_params(length=0)
    return ax


def mark_cell(ax: Axes, column: str, row: str, colour: str) -> Axes:
    """Frame the cell of a map whose column and row carry these labels."""
    names = [[text.get_text() for text in labels] for labels in (ax.get_xticklabels(), ax.get_yticklabels())]
    corner = names[0].index(column) - 0.46, names[1].index(row) - 0.46
    ax.add_patch(Rectangle(corner, 0.92, 0.92, fill=False, edgecolor=colour, linewidth=2))
    return ax


def draw_quality(ax: Axes, table: pd.DataFrame, column: str, same: pd.Series) -> Axes:
    """Draw the mean size of a measure against the noise, a line a method, over what ``same``, two true runs, differ by.

    No noise stands at the right end of the axis, 20 dB beyond the last level.
    """
    levels = sorted(table["snr_db"].unique())
    finite = [level for level in levels if np.isfinite(level)]
    place = {level: level if np.isfinite(level) else max(finite, default=0) + 20 for level in levels}
    ax.axhspan(0, max(same.abs().max(), 0), color="#CCCCCC", linewidth=0)
    for name, rows in table.groupby("method", sort=False):
        colour, mark = METHOD_STYLE[name]
        means = rows[column].astype(float).abs().groupby(rows["snr_db"]).mean()
        at = [place[level] for level in means.index]
        ax.plot(at, means, f"{mark}-", color=colour, markersize=4, linewidth=1, label=METHOD_LABEL[name])
    ax.set_xticks(list(place.values()), ["none" if np.isinf(level) else label(level) for level in levels])
    return ax


def label(value: object) -> str:
    """A tick: numbers without trailing zeros, and "no noise" for an infinite ratio."""
    return value if isinstance(value, str) else "no noise" if np.isinf(value) else f"{value:g}"
