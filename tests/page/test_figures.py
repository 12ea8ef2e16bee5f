import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from tremorlab import study
from tremorlab.catalog.sources import of_study
from tremorlab.dataset.windows import cut, plan
from tremorlab.page import figures
from tremorlab.waveform.sources import open_source


@pytest.fixture
def ax():
    figures.use_style()
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def luminance(colour):
    rgb = plt.matplotlib.colors.to_rgb(colour)
    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def test_classes_that_meet_in_one_study_differ_in_colour_and_in_line():
    for group in (("tremor", "earthquake", "noise"), ("eruption", "vt", "long_period", "noise")):
        styles = [figures.CLASS_STYLE[name] for name in group]
        assert len({colour for colour, _ in styles}) == len(group)
        assert len({line for _, line in styles}) == len(group)


@pytest.mark.parametrize("name", ["tremor", "eruption", "earthquake", "noise"])
def test_lines_have_contrast_against_white(name):
    assert 1.05 / (luminance(figures.CLASS_STYLE[name][0]) + 0.05) >= 3.0


def test_waveform_is_divided_by_its_maximum_and_the_onset_marked(ax):
    figures.draw_waveform(ax, np.array([0.0, -4.0, 2.0]), 1.0, onset_s=1.0)
    assert ax.lines[0].get_ydata().tolist() == [0, -1, 0.5]
    assert ax.lines[1].get_xdata().tolist() == [1.0]


def test_waveform_without_onset_has_no_mark(ax):
    figures.draw_waveform(ax, np.array([0.0, -4.0, 2.0]), 1.0)
    assert len(ax.lines) == 1


def test_running_spectrum_is_drawn_in_decibels_below_its_maximum(ax):
    figures.draw_running_spectrum(ax, np.array([[10.0, 1.0], [1e-9, 5.0]]), 2.0, np.array([1.0, 2.0]))
    assert ax.images[0].get_array().data == pytest.approx(np.array([[0, -20], [-60, 20 * np.log10(0.5)]]))


def test_class_spectra_have_a_line_and_a_band_each(ax):
    f = np.array([0.2, 1.0, 10.0])
    mean = np.zeros((2, 3))
    figures.draw_class_spectra(ax, f, mean, np.stack([mean - 1, mean + 1]), ("tremor", "noise"))
    assert [line.get_label() for line in ax.lines] == ["tremor", "noise"]
    assert len(ax.collections) == 2


def test_crossing_is_a_line_in_its_band(ax):
    figures.draw_crossings(ax, pd.DataFrame([{"frequency_hz": 5.0, "low_hz": 4.0, "high_hz": 8.0}]))
    assert ax.lines[0].get_xdata()[0] == 5.0
    assert ax.patches[0].get_extents().width > 0


def test_counts_are_written_into_the_bars(ax):
    counts = pd.DataFrame({"vt": [3, 0], "noise": [1, 2]}, index=["train", "test"])
    figures.draw_counts(ax, counts)
    assert [text.get_text() for text in ax.texts] == ["3", "", "1", "2"]


def test_activity_bars_stack_to_the_total(ax):
    index = pd.date_range("2015-01-01", periods=3, freq="D", tz="UTC")
    figures.draw_activity(ax, pd.DataFrame({"noise": [1, 2, 0], "vt": [4, 0, 1]}, index=index))
    assert max(bar.get_y() + bar.get_height() for bar in ax.patches) == 5
    assert ax.get_xticklabels()[0].get_text().startswith("2015-01-01")


@pytest.mark.parametrize(("period", "label"), [("D", "2015-01-01"), ("h", "2015-01-01\n00:00")])
def test_bars_of_whole_days_are_labelled_by_the_day(ax, period, label):
    index = pd.date_range("2015-01-01", periods=3, freq=period, tz="UTC")
    figures.draw_activity(ax, pd.DataFrame({"vt": [4, 0, 1]}, index=index))
    assert ax.get_xticklabels()[0].get_text() == label


def test_timelines_end_at_one(ax):
    onset = pd.to_datetime(["2015-01-01", "2015-01-02", "2015-01-05"], utc=True)
    table = pd.DataFrame({"onset": onset, "event_class": ["vt", "vt", "noise"]})
    figures.draw_timelines([ax], {"one": table})
    assert ax.lines[0].get_ydata()[-1] == 1
    assert ax.get_title(loc="left") == "one (3 events)"


def test_a_class_without_a_style_is_grey():
    assert figures.style_of("rockfall")["color"] == "#888888"
    assert figures.label_of("volcanic_tremor") == "volcanic tremor"


def test_window_is_drawn_with_its_onset_and_spectrum():
    micro = study.load("micro_volcano")
    found = cut(plan(of_study(micro), micro), open_source(micro), micro)
    figure, (upper, lower) = plt.subplots(2)
    row = int(np.flatnonzero(found.windows["event_class"] == "volcanic_earthquake")[0])
    figures.draw_window(upper, lower, found, row, micro)
    assert upper.lines[1].get_xdata()[0] == pytest.approx(8.0, abs=0.021)
    assert lower.images[0].get_array().shape == (64, 16)
    assert "volcanic earthquake" in upper.get_title()
    plt.close(figure)


def test_a_silent_band_does_not_squeeze_the_rest(ax):
    mean = np.array([[0.0, -1.0, -9.0]])
    figures.draw_class_spectra(ax, np.array([0.2, 1.0, 10.0]), mean, np.stack([mean, mean]), ("noise",))
    assert ax.get_ylim()[0] == -60


def test_outcomes_have_a_row_a_class_and_a_mark_an_outcome():
    events = pd.DataFrame(
        {
            "event_class": ["vt", "eruption", "vt", "vt"],
            "snr_db": [10.0, 3.0, -5.0, 8.0],
            "outcome": ["listed", "listed", "missed", "wrong"],
        }
    )
    ax = figures.draw_outcomes(plt.subplots()[1], events, np.random.default_rng(0))
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["eruption", "VT earthquake"]
    dots = {tuple(x.get_offsets()[0].round()): x for x in ax.collections if len(x.get_offsets())}
    assert dots[10, 1].get_facecolor().any()
    assert not len(dots[-5, 1].get_facecolor())
    assert [x.get_label() for x in ax.collections if not x.get_label().startswith("_")] == [
        "listed",
        "missed",
        "listed under another class",
    ]
    plt.close(ax.figure)


def test_band_power_is_the_median_in_decibels_at_the_middle_of_each_band(ax):
    recorded = np.log10([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]])
    figures.draw_band_power(ax, (1.0, 4.0, 9.0), recorded, recorded - 1)
    assert ax.lines[0].get_xdata() == pytest.approx([2, 6])
    assert ax.lines[0].get_ydata() == pytest.approx(10 * np.log10([0.2, 0.8]))
    assert ax.lines[1].get_ydata() == pytest.approx(10 * np.log10([0.2, 0.8]) - 10)


def test_distributions_are_cumulative_and_their_distance_is_written(ax):
    figures.draw_distributions(ax, [1.0, 2.0], [3.0, 4.0, 5.0], 1.234)
    assert [line.get_label() for line in ax.lines] == ["recorded", "simulated"]
    x, y = ax.lines[1].get_data()
    assert y[x == 4.0].max() == pytest.approx(2 / 3)
    assert ax.texts[0].get_text() == "1.2"
