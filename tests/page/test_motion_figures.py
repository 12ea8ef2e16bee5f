"""Drawings of motions and maps: what is drawn is what was given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from tremorlab.dynamics import library
from tremorlab.dynamics.regimes import LyapunovExponent
from tremorlab.page import motion_figures


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_maxima_and_exponents_are_at_their_pressures(ax):
    motion_figures.draw_maxima(ax, pd.DataFrame({"p1": [1e7, 2e7], "h_m": [0.4, 0.6]}))
    np.testing.assert_allclose(np.array(ax.lines[0].get_xydata(), float), [[10, 0.4], [20, 0.6]])
    figure, other = plt.subplots()
    motion_figures.draw_exponents(
        other, np.array([10.0, 20.0]), [LyapunovExponent(0.0, 0.1), LyapunovExponent(1.5, 0.2)]
    )
    assert list(other.containers[0].lines[0].get_ydata()) == [0.0, 1.5]
    plt.close(figure)


def test_right_and_wrong_terms_are_told_apart(ax):
    terms = library.from_terms(("x", "y"), {"x": ["x", "y"], "y": ["x", "y"]})
    found = np.zeros((2, 2))
    found[terms.terms.index("y"), 0] = 1.1
    found[terms.terms.index("x"), 1] = -5.0
    motion_figures.draw_coefficients(ax, terms, found, {("x", "y"): 1.0, ("y", "y"): -1.0})
    drawn = {line.get_label(): list(line.get_ydata()) for line in ax.lines}
    assert drawn["true"] == [1.0, -1.0]
    assert drawn["found, in the truth"] == [1.1]
    assert drawn["found, not in the truth"] == [-2.9]  # beyond the axis: drawn at its end
    assert texts(ax) == ["terms of x'", "terms of y'"]


def test_a_run_that_leaves_says_when(ax):
    motion = np.random.default_rng(0).normal(size=(50, 3))
    run = motion.copy()
    run[20:] = np.nan
    motion_figures.draw_orbit(ax, run, motion, 10.0)
    assert len(ax.lines[1].get_xdata()) == 20
    assert texts(ax) == ["left after 2.0 s"]


def test_no_run_is_no_line(ax):
    motion_figures.draw_orbit(ax, None, np.zeros((5, 3)) + np.arange(5)[:, np.newaxis], 10.0)
    assert not len(ax.lines[1].get_xdata())
    assert not texts(ax)


def test_map_shows_means_and_counts(ax):
    table = pd.DataFrame(
        {
            "rate_hz": [50, 50, 100, 100],
            "snr_db": [np.inf] * 4,
            "true_positive_ratio": [1.0, 0.5, 0.2, 0.4],
            "exact": [True, False, False, False],
        }
    )
    motion_figures.draw_map(ax, table, "rate_hz", "snr_db")
    np.testing.assert_allclose(ax.images[0].get_array(), [[0.75, 0.3]])
    assert texts(ax) == ["1/2", "0/2"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["50", "100"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["no noise"]


def test_ticks_are_plain():
    assert [motion_figures.label(each) for each in ("a", 20.0, np.inf)] == ["a", "20", "no noise"]
