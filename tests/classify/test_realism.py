"""Distances and discrimination on samples whose difference is known."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tremorlab.classify import realism
from tremorlab.classify.realism import distances
from tremorlab.errors import DatasetError

discriminate = partial(realism.discriminate, trees=40)


def normal(n, shift=0.0, seed=0):
    values = np.random.default_rng(seed).standard_normal((n, 2))
    values[:, 0] += shift
    return pd.DataFrame(values, columns=["duration_s", "kurtosis"])


def test_a_shifted_normal_distribution_has_the_distances_of_theory():
    found = distances(normal(20000, seed=1), normal(20000, 0.8, seed=2))
    assert found.loc["duration_s", "wasserstein"] == pytest.approx(0.8, abs=0.03)
    # Two normal distributions d apart differ most half-way: 2 Phi(d/2) - 1.
    assert found.loc["duration_s", "ks"] == pytest.approx(2 * stats.norm.cdf(0.4) - 1, abs=0.02)
    assert found.loc["kurtosis", "wasserstein"] < 0.05
    assert found.loc["duration_s", "twin"] - found.loc["duration_s", "recorded"] == pytest.approx(0.8, abs=0.05)


def test_the_same_sample_is_at_no_distance_and_a_constant_at_an_infinite_one():
    one = normal(50)
    assert (distances(one, one)[["wasserstein", "ks"]] == 0).all(axis=None)
    flat = one * 0
    assert np.isinf(distances(flat, one).loc["kurtosis", "wasserstein"])
    assert distances(flat, flat).loc["kurtosis", "wasserstein"] == 0


def test_a_perfect_twin_cannot_be_told_from_recordings():
    found = discriminate(normal(300, seed=1), normal(300, seed=2), range(300), range(300), seed=0)
    assert found.score.low < 0.5 < found.score.high
    np.testing.assert_allclose(found.importance, 0.5, atol=0.06)


def test_a_forest_comes_near_the_best_possible_accuracy():
    found = discriminate(normal(600, seed=1), normal(600, 2.0, seed=2), range(600), range(600), seed=0)
    # Equal normal distributions d apart: Phi(d/2) is the best there is.
    assert stats.norm.cdf(1.0) - 0.07 < found.score.balanced_accuracy < stats.norm.cdf(1.0) + 0.03
    assert found.importance.index[0] == "duration_s"
    assert found.importance.iloc[0] > 0.7


def test_events_do_not_leak_between_folds():
    """Each event has a value of its own; who saw one window of it in training would know the others."""
    rng = np.random.default_rng(3)
    events = np.repeat(np.arange(40), 10)
    sides = []
    for _ in range(2):
        values = rng.standard_normal(40)[events] + 1e-3 * rng.standard_normal(400)
        sides.append(pd.DataFrame({"duration_s": values}))
    parted = discriminate(*sides, events, events, seed=0)
    leaking = discriminate(*sides, range(400), range(400), seed=0)
    assert leaking.score.balanced_accuracy > 0.9
    assert parted.score.balanced_accuracy < 0.7
    assert parted.score.high - parted.score.low > 0.05


def test_bad_input_is_named():
    with pytest.raises(DatasetError, match="of twin and recordings differ in their columns"):
        distances(normal(9), normal(9)[["kurtosis"]])
    with pytest.raises(DatasetError, match="recorded windows: 3 events are fewer than 5 folds"):
        discriminate(normal(9), normal(9), [0, 1, 2] * 3, range(9), seed=0)
