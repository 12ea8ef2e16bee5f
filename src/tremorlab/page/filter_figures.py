"""Drawings of filters and of what networks lose with a band; what is drawn was computed elsewhere."""

import numpy as np
from matplotlib.axes import Axes

from tremorlab.page.figures import draw_class_spectra, draw_crossings, label_of

#: Colours of the first and the second filter of a network, in the order of their rank.
RANK_COLOURS = ("#0072B2", "#D55E00")


def draw_mean_spectra(ax: Axes, reading, pair_crossings) -> Axes:
    """Draw class-mean spectra of a reading with the crossings of its first two classes, from 0.5 Hz on."""
    arrays = reading.arrays
    interval = np.stack([arrays["spectra_low"], arrays["spectra_high"]])
    draw_class_spectra(ax, arrays["frequencies_hz"], arrays["spectra"], interval, arrays["classes"])
    draw_crossings(ax, pair_crossings)
    ax.legend(fontsize=8)
    return frequency_axis(ax)


def draw_responses(ax: Axes, frequencies_hz: np.ndarray, amplitudes: list[np.ndarray]) -> Axes:
    """Draw amplitude responses (F, filters) of several seeds, filters in rank order, each divided by its maximum."""
    for amplitude in amplitudes:
        for column, colour in zip(amplitude.T, RANK_COLOURS, strict=False):
            decibels = 20 * np.log10(np.maximum(column / column.max(), 1e-3))
            ax.plot(frequencies_hz, decibels, color=colour, alpha=0.5, linewidth=1)
    ax.axvspan(4, 8, color="#D55E00", alpha=0.1, linewidth=0)
    ax.set(ylim=(-40, 2))
    return frequency_axis(ax)


def draw_values(ax: Axes, rows: dict[str, np.ndarray]) -> Axes:
    """Draw one row of points for each name, scattered by rank, with a bar over the middle half and its median."""
    for height, values in enumerate(rows.values()):
        finite = np.sort(np.asarray(values)[np.isfinite(values)])
        ax.plot(finite, height + np.linspace(-0.25, 0.25, len(finite)), "o", ms=4, color="#0072B2", alpha=0.7)
        if len(finite):
            low, middle, high = np.quantile(finite, [0.25, 0.5, 0.75])
            ax.plot([low, high], [height, height], color="#999999", linewidth=5, alpha=0.5)
            ax.plot([middle], [height], "|", color="#222222", ms=16, mew=2)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set(ylim=(len(rows) - 0.5, -0.5))
    return ax


def draw_profiles(ax: Axes, middles_hz: np.ndarray, profiles: dict[str, np.ndarray]) -> Axes:
    """Draw profiles over bands, (seeds, bands) each: mean over seeds, and the range of the seeds as a strip."""
    styles = zip(("#0072B2", "#E69F00", "#009E73", "#CC79A7"), ("-", "--", "-.", ":"), strict=True)
    for (name, profile), (colour, line) in zip(profiles.items(), styles, strict=False):
        ax.fill_between(middles_hz, profile.min(axis=0), profile.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        ax.plot(middles_hz, profile.mean(axis=0), color=colour, linestyle=line, label=name)
    ax.axhline(0, color="#999999", linewidth=0.8)
    return frequency_axis(ax)


def draw_following(ax: Axes, crossings: np.ndarray, notches: list[np.ndarray], line: tuple[float, float]) -> Axes:
    """Draw the notches of all seeds against the crossing (frequency, low, high) of each twin, and a fitted line."""
    _, low, high = crossings.T
    for (x, a, b), values in zip(crossings, notches, strict=True):
        ax.plot([x] * len(values), values, "o", ms=4, color="#0072B2", alpha=0.6)
        ax.plot([a, b], [np.nanmean(values)] * 2, color="#999999", linewidth=1)
    reach = np.array([np.nanmin(low), np.nanmax(high)])
    ax.plot(reach, line[1] + line[0] * reach, color="#222222", label="least squares")
    ax.plot(reach, reach, color="#D55E00", linestyle="--", label="notch = crossing")
    ax.set(xlabel="crossing of the class means (Hz)", ylabel="notch (Hz)", ylim=(0, 10.5))
    ax.legend(fontsize=8)
    return ax


def draw_accuracies(ax: Axes, scores: dict[str, np.ndarray], chance: float) -> Axes:
    """Draw balanced accuracies of several seeds, one row a name, and chance."""
    draw_values(ax, scores)
    ax.axvline(chance, color="#D55E00", linestyle=":", linewidth=1)
    ax.set(xlim=(0, 1.02), xlabel="balanced accuracy")
    return ax


def frequency_axis(ax: Axes) -> Axes:
    """Give an axis linear frequencies from 0.5 Hz to the Nyquist frequency of 12.5 Hz."""
    ax.set(xscale="linear", xlim=(0.5, 12.5), xlabel="frequency (Hz)")
    ax.set_xticks([1, 2, 4, 6, 8, 10, 12], ["1", "2", "4", "6", "8", "10", "12"])
    return ax


def title_of(classes) -> str:
    """Name two classes for the title of a panel."""
    return " and ".join(label_of(name) for name in classes[:2])
