"""Balanced epochs: shares of classes, probabilities, bad labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from sklearn.utils.class_weight import compute_class_weight

from tremorlab.dataset.balance import class_counts, class_weights, draw_epoch, sampling_probability
from tremorlab.errors import DatasetError

complete = st.lists(st.integers(0, 2), min_size=0, max_size=60).map(lambda more: [0, 1, 2, *more])


@settings(deadline=None)
@given(complete)
def test_weights_are_those_of_scikit_learn(labels):
    expected = compute_class_weight("balanced", classes=np.arange(3), y=np.array(labels))
    np.testing.assert_allclose(class_weights(labels, 3), expected)


@settings(deadline=None)
@given(complete)
def test_probabilities_add_up_and_every_class_has_its_share(labels):
    probability = sampling_probability(labels, 3)
    np.testing.assert_allclose(np.bincount(labels, probability), 1 / 3)


@settings(deadline=None)
@given(complete, st.integers(0, 99))
def test_a_plain_epoch_has_every_window_once(labels, seed):
    assert sorted(draw_epoch(labels, 3, "plain", np.random.default_rng(seed))) == list(range(len(labels)))


def test_a_balanced_epoch_has_classes_in_equal_shares_and_windows_of_a_class_alike():
    labels = np.repeat([0, 1, 2], [3000, 300, 30])
    drawn = draw_epoch(labels, 3, "balanced", np.random.default_rng(3))
    assert len(drawn) == len(labels)
    assert chisquare(np.bincount(labels[drawn])).pvalue > 1e-3
    assert chisquare(np.bincount(drawn, minlength=len(labels))[-30:]).pvalue > 1e-3


def test_the_order_of_a_balanced_epoch_is_mixed():
    labels = np.repeat([0, 1], 500)
    drawn = labels[draw_epoch(labels, 2, "balanced", np.random.default_rng(0))]
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.1


@pytest.mark.parametrize("sampling", ["plain", "balanced"])
def test_the_seed_decides(sampling):
    labels = np.arange(90) % 3
    first, again, other = (draw_epoch(labels, 3, sampling, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 3], r"labels, window 2: class 3 of 3\. Use 0 to 2"),
        ([0, -1, 2], r"labels, window 1: class -1 of 3\. Use 0 to 2"),
        ([0, 1, 1], r"labels: class 2 has no window among 3\. Choose a split in which every class occurs"),
        ([], "labels: have shape .0,. and type float64"),
        ([0.0, 1.0, 2.0], r"labels: have shape \(3,\) and type float64\. Give one whole number a window"),
        ([[0, 1, 2]], r"shape \(1, 3\)"),
    ],
)
@pytest.mark.parametrize("sampling", ["plain", "balanced"])
def test_bad_labels_are_named(labels, message, sampling):
    with pytest.raises(DatasetError, match=message):
        draw_epoch(labels, 3, sampling, np.random.default_rng(0))


def test_counts():
    assert class_counts([2, 0, 1, 2], 3).tolist() == [1, 1, 2]
