"""Drawings of records: what is drawn is what was given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from tremorlab.page import record_figures as draw
from tremorlab.page.figures import style_of

CLASSES = ("eruption", "vt", "noise")


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def test_a_helicorder_has_a_mark_a_step_over_the_colour_of_its_class(ax):
    amplitude = np.array([1.0, 2.0, np.nan, 2.0])
    shares = np.array([[0, 0, 1], [1, 0, 0], [np.nan] * 3, [0, 0.5, 0.4]])
    draw.draw_helicorder(ax, amplitude, shares, CLASSES, 10.0, line_s=20.0)
    boxes, marks = ax.collections
    ends = np.array(marks.get_segments())
    assert ends[:, 0, 0].tolist() == pytest.approx([1 / 12, 1 / 4, 1 / 12, 1 / 4])
    assert ends.mean(axis=1)[:, 1].tolist() == [0, 0, 1, 1]
    height = np.ptp(ends[:, :, 1], axis=1)
    assert height[2] == 0  # nothing was recorded
    assert height[[1, 3]] == pytest.approx(height[0] * 2**0.5, rel=0.01)
    assert len(boxes.get_paths()) == 2  # noise has no colour, and what is not known has none
    colours = boxes.get_facecolors()
    assert colours[0, :3] == pytest.approx(to_rgb(style_of("eruption")["color"]))
    assert colours[1, :3] == pytest.approx(to_rgb(style_of("vt")["color"]))
    assert colours[1, 3] < colours[0, 3]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["eruption", "VT earthquake"]


def test_events_are_drawn_below_every_line_that_they_touch(ax):
    events = pd.DataFrame({"event_class": ["eruption", "vt"], "onset_s": [10.0, 50.0], "end_s": [45.0, np.nan]})
    shares = np.tile([0.0, 0.0, 1.0], (6, 1))
    draw.draw_helicorder(ax, np.ones(6), shares, CLASSES, 10.0, line_s=20.0, events=events, first_hour=6.5)
    bars = [bar.get_segments()[0] for bar in ax.collections[2:]]
    assert [bar[0][1] for bar in bars] == pytest.approx([0.46, 1.46, 2.46, 2.46])
    assert sum(bar[1][0] - bar[0][0] for bar in bars) * 60 == pytest.approx(35)
    assert [line.get_xdata()[0] * 60 for line in ax.lines] == pytest.approx([10, 10])
    assert ax.get_yticklabels()[0].get_text() == "06:30"


def test_recall_has_a_line_a_system(ax):
    table = pd.DataFrame({"low": [0, 4], "high": [4, 8], "recall": [0.2, 0.9]})
    table = table.assign(recall_low=table["recall"] - 0.1, recall_high=table["recall"] + 0.05)
    draw.draw_recall(ax, {"1D": table, "STA/LTA + forest": table})
    assert ax.get_legend_handles_labels()[1] == ["1D", "STA/LTA + forest"]
    assert ax.containers[0][0].get_ydata().tolist() == [0.2, 0.9]


def test_alarms_are_bars_with_their_numbers(ax):
    index = pd.MultiIndex.from_product([["eruption", "vt"], ["1D", "2D"]], names=["event_class", "system"])
    table = pd.DataFrame({"nothing": [0.5, 0, 1, 2], "wrong": [0, 0, 0.25, 0], "unknown": [1.0, 0, 0, 0.5]}, index)
    draw.draw_alarms(ax, table)
    assert [bar.get_height() for bar in ax.patches] == [0.5, 1.25, 1.0, 0, 0, 2, 0, 0.5]
    assert [text.get_text() for text in ax.texts] == ["1.50", "1.25", "0.00", "2.50"]
    assert ax.get_legend_handles_labels()[1] == ["1D", "2D"]


def test_systems_can_be_told_apart():
    styles = [draw.style_of_system(name) for name in ("1D", "2D", "both networks", "STA/LTA + forest")]
    assert len({colour for colour, _ in styles}) == len({marker for _, marker in styles}) == 4
