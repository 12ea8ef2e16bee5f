"""One look for all figures, and the drawings that several pages share.

Colours are those of Okabe and Ito, which readers with any of the common colour-vision deficiencies can tell apart;
every class also has its own line style, so that a figure survives a black-and-white printer.
"""

import matplotlib as mpl
import matplotlib.dates as mdates
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes

from tremorlab.dataset import spectra
from tremorlab.study import Study

#: Class -> (colour, line style). The same class looks the same on every page.
CLASS_STYLE = {
    "tremor": ("#0072B2", "-"),
    "eruption": ("#D55E00", "-"),
    "earthquake": ("#009E73", "--"),
    "vt": ("#009E73", "--"),
    "long_period": ("#CC79A7", "-."),
    "volcanic_earthquake": ("#E69F00", "-."),
    "emission": ("#56B4E9", "-."),
    "noise": ("#444444", ":"),
}

#: How a class is written in a legend.
CLASS_LABEL = {"vt": "VT earthquake", "long_period": "long-period event"}


#: Both sides of a comparison of recordings with a twin.
_SIDES = {
    "recorded": {"color": "#222222", "linestyle": "-"},
    "simulated": {"color": "#D55E00", "linestyle": "--"},
}

#: What became of an event in a catalogue -> how it is written in a legend.
_OUTCOMES = {"listed": "listed", "missed": "missed", "wrong": "listed under another class"}


def label_of(event_class: str) -> str:
    """Return the class as readers see it."""
    return CLASS_LABEL.get(event_class, event_class.replace("_", " "))


def style_of(event_class: str) -> dict:
    """Return matplotlib keywords (`color`, `linestyle`) of a class; a class without a style of its own is grey."""
    colour, line = CLASS_STYLE.get(event_class, ("#888888", "-"))
    return {"color": colour, "linestyle": line}


def use_style() -> None:
    """Set the look of the book for every figure that follows."""
    sns.set_theme(
        style="ticks",
        context="notebook",
        font_scale=0.9,
        rc={
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "figure.dpi": 110,
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.prop_cycle": mpl.cycler(color=["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]),
            "image.cmap": "cividis",
            "legend.frameon": False,
            "font.family": "DejaVu Sans",
        },
    )


def draw_waveform(ax: Axes, waveform: np.ndarray, sampling_rate_hz: float, onset_s: float = np.nan) -> Axes:
    """Draw one component against time, divided by its maximum; a tick above the trace marks the onset."""
    times = np.arange(waveform.size) / sampling_rate_hz
    ax.plot(times, waveform / np.abs(waveform).max(), color="#222222", linewidth=0.5)
    if np.isfinite(onset_s):
        ax.plot([onset_s], [1.12], marker="v", color="#D55E00", clip_on=False)
    ax.set(xlim=(0, waveform.size / sampling_rate_hz), ylim=(-1.05, 1.05), yticks=[-1, 0, 1])
    return ax


def draw_running_spectrum(ax: Axes, running: np.ndarray, seconds: float, frequencies_hz: np.ndarray) -> Axes:
    """Draw one running spectrum (frequencies x frames) as decibels below its maximum."""
    decibels = 20 * np.log10(np.maximum(running / running.max(), 1e-3))
    ax.imshow(
        decibels,
        origin="lower",
        aspect="auto",
        extent=(0, seconds, frequencies_hz[0], frequencies_hz[-1]),
        vmin=-60,
        vmax=0,
        interpolation="nearest",
    )
    ax.set(ylim=(frequencies_hz[0], frequencies_hz[-1]))
    return ax


def draw_window(upper: Axes, lower: Axes, cut, row: int, study: Study) -> None:
    """Draw one window of a `dataset.windows.Cut`: its first component above, the running spectrum below."""
    rule, rate = study.running_spectrum, study.preparation.sampling_rate_hz
    window = cut.windows.iloc[row]
    start = spectra.margin_samples(rule)
    draw_waveform(upper, cut.waveforms[row, 0, start : start + study.window.samples], rate, window["onset_s"])
    running = spectra.running_spectra(cut.waveforms[row], rule, rate)[0]
    draw_running_spectrum(lower, running, study.window_s, spectra.frequencies_hz(rule, rate))
    upper.set_title(f"{label_of(window['event_class'])}\n{window['station']}", fontsize=9, pad=12)
    lower.set(xlabel="time (s)")


def draw_class_spectra(ax: Axes, frequencies_hz: np.ndarray, mean: np.ndarray, interval: np.ndarray, classes) -> Axes:
    """Draw class-mean spectra (log10 amplitude) as decibels with their intervals."""
    for c, name in enumerate(classes):
        style = style_of(name)
        ax.fill_between(
            frequencies_hz, 20 * interval[0, c], 20 * interval[1, c], color=style["color"], alpha=0.18, linewidth=0
        )
        ax.plot(frequencies_hz, 20 * mean[c], label=label_of(name), linewidth=1.8, **style)
    # A record without energy in a band would otherwise squeeze everything else to a line.
    ax.set_ylim(bottom=max(ax.get_ylim()[0], 20 * mean.max() - 60))
    ax.set(xscale="log", xlim=(frequencies_hz[0], frequencies_hz[-1]), xlabel="frequency (Hz)")
    ax.set_xticks([0.2, 0.5, 1, 2, 5, 10], ["0.2", "0.5", "1", "2", "5", "10"])
    return ax


def draw_crossings(ax: Axes, crossings) -> Axes:
    """Mark the rows of `class_spectra.crossings`: a line, and a hatched strip where the order is undecided."""
    for crossing in crossings.itertuples():
        ax.axvspan(crossing.low_hz, crossing.high_hz, facecolor="none", edgecolor="#999999", hatch="///", linewidth=0)
        ax.axvline(crossing.frequency_hz, color="#666666", linewidth=1)
    return ax


def draw_moved_crossings(ax: Axes, table, order) -> Axes:
    """Draw crossings with their bands, one row for each ``stretch`` in ``order``, from above."""
    rows = [order.index(name) for name in table["stretch"]]
    ax.hlines(rows, table["low_hz"], table["high_hz"], color="#999999", linewidth=3)
    ax.plot(table["frequency_hz"], rows, "o", color="#222222")
    ax.axvspan(4, 8, color="#D55E00", alpha=0.12, linewidth=0)
    ax.set(xscale="log", xlim=(1, 12.5), ylim=(len(order) - 0.5, -0.5), xlabel="crossing (Hz)")
    ax.set_xticks([1, 2, 4, 8], ["1", "2", "4", "8"], minor=False)
    ax.set_xticks([], minor=True)
    ax.set_yticks(range(len(order)), order)
    return ax


def draw_scores(ax: Axes, scores: dict) -> Axes:
    """Draw balanced accuracies with intervals: scores are condition -> name -> `classify.rivals.Score`."""
    for n, name in enumerate(next(iter(scores.values()))):
        found = [named[name] for named in scores.values()]
        middle = np.array([score.balanced_accuracy for score in found])
        reach = np.array([[score.low, score.high] for score in found]).T
        ax.errorbar(
            np.arange(len(scores)) + 0.06 * (n - 1),
            middle,
            abs(reach - middle),
            marker="osD^v"[n],
            capsize=3,
            label=name,
        )
    ax.set_xticks(range(len(scores)), list(scores))
    ax.set(ylim=(0, 1.02))
    return ax


def draw_distances(ax: Axes, table) -> Axes:
    """Draw a table of distances (rows classes, columns features) as shaded squares, 3 and more in one shade."""
    # A recorded feature without any spread is infinitely far, and an image leaves infinity white.
    image = ax.imshow(np.minimum(table.astype(float), 99), vmin=0, vmax=3, aspect="auto")
    ax.set_yticks(range(len(table)), [label_of(name) for name in table.index])
    words = [name.replace("_", " ") for name in table.columns]
    ax.set_xticks(range(len(words)), words, rotation=90, fontsize=7)
    ax.figure.colorbar(image, ax=ax, label="distance", extend="max", aspect=8)
    return ax


def draw_band_power(ax: Axes, bands_hz, recorded, twin) -> Axes:
    """Draw the share of power in bands, recorded and simulated: median of the windows, 16 % to 84 % shaded.

    Both are (windows, bands) in log10, as in `tremorlab.dataset.features`.
    """
    centres = np.sqrt(np.multiply(bands_hz[:-1], bands_hz[1:]))
    for values, style in zip((recorded, twin), _SIDES.values(), strict=True):
        low, middle, high = 10 * np.quantile(values, [0.16, 0.5, 0.84], axis=0)
        ax.fill_between(centres, low, high, color=style["color"], alpha=0.18, linewidth=0)
        ax.plot(centres, middle, **style)
    ax.set(xscale="log", xlim=(centres[0], centres[-1]))
    ax.set_xticks([2, 5, 10], ["2", "5", "10"])
    ax.set_xticks([], minor=True)
    return ax


def draw_distributions(ax: Axes, recorded, twin, distance: float) -> Axes:
    """Draw the cumulative distributions of a feature, recorded and simulated, and write their distance."""
    for values, (label, style) in zip((recorded, twin), _SIDES.items(), strict=True):
        ax.ecdf(values, label=label, **style)
    ax.text(0.97, 0.05, f"{distance:.1f}", transform=ax.transAxes, ha="right", fontsize=8)
    ax.set(ylim=(0, 1), yticks=[0, 0.5, 1])
    return ax


def draw_activity(ax: Axes, counts) -> Axes:
    """Draw counts by bin and class as stacked bars, one bin beside the next, labelled by the start of the bin."""
    bottom = np.zeros(len(counts))
    for name in counts.columns:
        ax.bar(range(len(counts)), counts[name], bottom=bottom, color=style_of(name)["color"], label=label_of(name))
        bottom += counts[name].to_numpy()
    ticks = np.unique(np.linspace(0, len(counts) - 1, 6).round().astype(int))
    whole_days = (counts.index == counts.index.normalize()).all()
    form = "%Y-%m-%d" if whole_days else "%Y-%m-%d\n%H:%M"
    ax.set_xticks(ticks, [f"{counts.index[i]:{form}}" for i in ticks])
    ax.legend(ncols=len(counts.columns), loc="upper left", bbox_to_anchor=(0, 1.15))
    return ax


def draw_outcomes(ax: Axes, events, rng: np.random.Generator) -> Axes:
    """Draw events by signal-to-noise ratio, one row a class, scattered within it: listed, missed, wrong class."""
    classes = sorted(events["event_class"].unique())
    height = events["event_class"].map(classes.index) + rng.uniform(-0.3, 0.3, len(events))
    for outcome, label in _OUTCOMES.items():
        for name, same in events[events["outcome"] == outcome].groupby("event_class"):
            ax.scatter(same["snr_db"], height[same.index], s=16, **_mark(outcome, style_of(name)["color"]))
        ax.scatter([], [], s=16, label=label, **_mark(outcome, "#666666"))
    ax.set_yticks(range(len(classes)), [label_of(name) for name in classes])
    ax.axvline(0, color="#999999", linewidth=0.8, linestyle=":")
    return ax


def _mark(outcome, colour):
    if outcome == "wrong":
        return {"marker": "x", "color": "#000000"}
    return {"marker": "o", "edgecolors": colour, "facecolors": colour if outcome == "listed" else "none"}


def draw_timelines(axes: Axes | np.ndarray, catalogs: dict) -> Axes | np.ndarray:
    """Draw the cumulative share of events by class against time, one panel a catalogue; panels left over go."""
    panels = np.atleast_1d(axes).ravel()
    for ax, (title, catalog) in zip(panels, catalogs.items(), strict=False):
        for name, events in catalog.groupby("event_class"):
            share = np.arange(1, len(events) + 1) / len(events)
            ax.step(events["onset"], share, where="post", label=label_of(name), **style_of(name))
        ax.set_title(f"{title} ({len(catalog)} events)", loc="left", fontsize=9)
        ax.set(ylim=(0, 1.05), yticks=[0, 1])
        ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(ax.xaxis.get_major_locator()))
        ax.tick_params(labelsize=8)
        ax.legend(fontsize=7, loc="center left", bbox_to_anchor=(0, 0.6))
    for ax in panels[len(catalogs) :]:
        ax.remove()
    return axes


def draw_counts(ax: Axes, counts) -> Axes:
    """Draw a table of counts (rows on the y axis, classes as stacked bars, numbers inside)."""
    left = np.zeros(len(counts))
    for name in counts.columns:
        values = counts[name].to_numpy()
        bars = ax.barh(counts.index.astype(str), values, left=left, color=style_of(name)["color"], label=label_of(name))
        ax.bar_label(bars, [str(v) if v else "" for v in values], label_type="center", color="white", fontsize=8)
        left += values
    ax.invert_yaxis()
    return ax
