"""Drawings of strategies and frequencies: what is drawn is what was given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from tremorlab.page import imbalance_figures


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_points_on_the_precision_curve_are_named(ax):
    imbalance_figures.draw_precision(ax, np.array([0.1, 1.0]), np.array([0.5, 1.0]), {"here": (0.1, 0.5)})
    assert ax.lines[0].get_ydata().tolist() == [0.5, 1.0]
    assert labels(ax) == ["here: 50%"]


def test_strategies_stand_side_by_side_at_each_imbalance(ax):
    table = pd.DataFrame(
        {
            "imbalance": [1, 100, 1, 100],
            "strategy": ["plain", "plain", "balanced", "balanced"],
            "mean": [0.9, 0.5, 0.8, 0.7],
            "low": [0.8, 0.4, 0.7, 0.6],
            "high": [0.95, 0.6, 0.9, 0.8],
            "least": [0.85, 0.45, 0.75, 0.65],
            "most": [0.92, 0.55, 0.85, 0.75],
        }
    )
    imbalance_figures.draw_strategies(ax, table)
    plain, balanced = ax.lines[:2]
    assert plain.get_ydata().tolist() == [0.9, 0.5]
    np.testing.assert_allclose(balanced.get_xdata() - plain.get_xdata(), 0.4)
    interval, seeds = (ax.collections[n].get_segments()[0][:, 1].tolist() for n in (0, 1))
    assert (interval, seeds) == ([0.8, 0.95], [0.85, 0.92])
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1:1", "1:100"]


def test_a_bin_without_the_class_is_drawn_on_the_edge(ax):
    curve = pd.DataFrame({"confidence": [0.0, 0.5], "accuracy": [0.0, 0.4]})
    imbalance_figures.draw_reliability(ax, {"raw": curve}, least=1e-3)
    np.testing.assert_allclose(ax.lines[1].get_xydata(), [[1e-3, 1e-3], [0.5, 0.4]])
    assert labels(ax) == ["raw"]


def test_estimates_are_medians_with_the_middle_of_the_records(ax):
    table = pd.DataFrame({"prevalence": [0.1] * 5 + [0.2] * 5, "estimated": [0, 0.1, 0.12, 0.2, 0.3] * 2})
    imbalance_figures.draw_estimates(ax, {"as trained": table}, least=0.01)
    np.testing.assert_allclose(ax.lines[1].get_xydata(), [[0.1, 0.12], [0.2, 0.12]])
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((0.1, 0.2))
