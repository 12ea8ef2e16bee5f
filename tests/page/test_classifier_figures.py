"""Drawings of classifiers show the numbers that they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from tremorlab.page import classifier_figures as draw


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def test_learning_curves_are_means_of_seeds(ax):
    history = pd.DataFrame(
        {"seed": [0, 0, 1, 1], "epoch": [0, 1, 0, 1], "validation_balanced_accuracy": [0.4, 0.8, 0.6, 0.6]}
    )
    draw.draw_learning(ax, {"1D": history})
    (line,) = ax.lines
    np.testing.assert_allclose(line.get_xydata(), [[1, 0.5], [2, 0.7]])


def test_levels_have_their_values_and_intervals(ax):
    table = pd.DataFrame(
        {
            "difficulty": ["low", "hard", "low", "hard"],
            "classifier": ["1D", "1D", "forest", "forest"],
            "value": [0.9, 0.7, 0.8, 0.6],
            "low": [0.88, 0.65, 0.7, 0.5],
            "high": [0.91, 0.75, 0.9, 0.7],
        }
    )
    draw.draw_levels(ax, table)
    bars = [np.asarray(container[0].get_ydata(), float) for container in ax.containers]
    np.testing.assert_allclose(bars, [[0.9, 0.7], [0.8, 0.6]])
    ends = ax.containers[0][2][0].get_segments()
    np.testing.assert_allclose(np.array(ends, float)[:, :, 1], [[0.88, 0.91], [0.65, 0.75]])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["low", "hard"]


def test_a_confusion_is_written_as_shares_of_the_true_class(ax):
    draw.draw_confusion(ax, np.array([[3, 1], [0, 2]]), ("vt", "noise"))
    assert [text.get_text() for text in ax.texts] == ["0.75", "0.25", "0.00", "1.00"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["VT earthquake", "noise"]


def test_curves_of_a_perfect_classifier_reach_the_corner(ax):
    truth = np.array([0, 0, 1, 1, 2, 2])
    _, other = plt.subplots()
    draw.draw_curves(ax, other, truth, np.eye(3)[truth], ("tremor", "earthquake", "noise"))
    assert all([0, 1] in line.get_xydata().tolist() for line in ax.lines)
    assert all([1, 1] in line.get_xydata().tolist() for line in other.lines)
    plt.close(other.figure)


def test_delays_rise_to_the_share_that_was_noticed(ax):
    table = pd.DataFrame({"experiment": "fixed, 1D, flat", "delay_s": [10.0, 30.0, np.nan, 20.0]})
    draw.draw_delays(ax, table)
    (line,) = ax.lines
    np.testing.assert_allclose(line.get_xydata(), [[0, 0], [10, 0.25], [20, 0.5], [30, 0.75], [164, 0.75]])


def test_shared_errors_name_seeds_and_pairs(ax):
    index = pd.MultiIndex.from_tuples([("1D", "1D"), ("1D", "2D")])
    table = pd.DataFrame({"share": [0.6, 0.5], "least": 0.4, "most": 0.7, "expected": 0.1}, index=index)
    draw.draw_shared(ax, table)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["1D, two seeds", "1D and 2D"]


def test_reliability_keeps_one_colour_a_network(ax):
    table = pd.DataFrame({"confidence": [0.5, 0.9], "accuracy": [0.4, 0.8], "windows": [1, 1]})
    draw.draw_reliability(ax, {"1D": table, "1D, scaled": table})
    raw, scaled, _ = ax.lines
    assert raw.get_color() == scaled.get_color()
    assert (raw.get_linestyle(), scaled.get_linestyle()) == (":", "-")
