"""Drawings of motions and maps: what is drawn is what was given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from tremorlab.dynamics import library
from tremorlab.dynamics.record import Record
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


def test_a_cell_without_a_case_stays_white(ax):
    table = pd.DataFrame(
        {"rate_hz": [50, 100, 100], "snr_db": [20, 20, 10], "true_positive_ratio": [1.0, 0.5, 0.2], "exact": [1, 0, 0]}
    )
    motion_figures.draw_map(ax, table, "rate_hz", "snr_db")
    assert texts(ax) == ["1/1", "0/1", "0/1"]
    assert np.isnan(ax.images[0].get_array().filled(np.nan)[1, 0])


def test_a_cell_is_framed_where_its_labels_are(ax):
    ax.set_xticks([0, 1], ["50", "100"])
    ax.set_yticks([0, 1], ["no noise", "20"])
    motion_figures.mark_cell(ax, "100", "20", "white")
    (frame,) = ax.patches
    assert frame.get_xy() == pytest.approx((0.54, 0.54))
    assert (frame.get_width(), frame.get_height()) == pytest.approx((0.92, 0.92))


def test_quality_is_the_mean_size_and_clean_records_stand_at_the_end(ax):
    table = pd.DataFrame(
        {
            "method": ["weak"] * 4 + ["joint"] * 2,
            "snr_db": [20.0, 20.0, np.inf, np.inf, 20.0, np.inf],
            "frequency_error": [-0.2, 0.4, np.nan, np.nan, 0.1, -0.1],
        }
    )
    motion_figures.draw_quality(ax, table, "frequency_error", pd.Series([-0.05, 0.02]))
    drawn = {line.get_label(): line for line in ax.lines}
    assert list(drawn["weak form"].get_xdata()) == [20, 40]
    np.testing.assert_allclose(drawn["weak form"].get_ydata(), [0.3, np.nan])
    np.testing.assert_allclose(drawn["joint estimation"].get_ydata(), [0.1, 0.1])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["20", "none"]
    assert ax.patches[0].get_extents().transformed(ax.transData.inverted()).y1 == pytest.approx(0.05)


def test_derivative_errors_are_a_line_a_level(ax):
    table = pd.DataFrame({"rate_hz": [50, 100] * 2, "snr_db": [np.inf] * 2 + [20.0] * 2, "smoothed": [0.4, 0.1, 1, 2]})
    motion_figures.draw_derivative_errors(ax, table, "smoothed")
    drawn = {line.get_label(): list(line.get_ydata()) for line in ax.lines}
    assert drawn["no noise"] == [0.4, 0.1]
    assert drawn["20 dB"] == [1, 2]


def test_a_portrait_shows_the_peak_of_the_motion_and_none_of_rest():
    figure, axes = plt.subplots(2, 3)
    times = np.arange(2000) / 100
    wave = np.array([0 * times, 0.5 + 0.1 * np.sin(10 * np.pi * times), np.cos(10 * np.pi * times)]).T
    motion_figures.draw_portrait(axes[0], Record(wave, 100.0, ("v", "h", "u")))
    assert len(axes[0, 0].lines[0].get_xdata()) == 200
    spectrum = axes[0, 2].lines[0]
    assert spectrum.get_xdata()[np.argmax(spectrum.get_ydata())] == pytest.approx(5, abs=0.1)
    still = np.tile([1.0, 0.5, 0.0], (2000, 1))
    motion_figures.draw_portrait(axes[1], Record(still, 100.0, ("v", "h", "u")))
    assert not axes[1, 2].lines
    assert list(axes[1, 1].lines[1].get_xdata()) == [0.5]
    plt.close(figure)


def test_ticks_are_plain():
    assert [motion_figures.label(each) for each in ("a", 20.0, np.inf)] == ["a", "20", "no noise"]
