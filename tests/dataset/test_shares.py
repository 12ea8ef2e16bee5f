"""Classes in chosen shares: counts, whole events, nesting, frequencies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from tremorlab.dataset.shares import draw, thin
from tremorlab.errors import DatasetError

#: Events of one to four windows, a few of each class.
sizes = st.lists(st.integers(1, 4), min_size=6, max_size=20)


def rng(seed=0):
    return np.random.default_rng(seed)


def windows(sizes):
    events = np.repeat(np.arange(len(sizes)), sizes)
    return events % 3, events


@settings(deadline=None)
@given(sizes, st.integers(0, 99), st.data())
def test_every_class_has_its_count_and_at_most_one_event_is_parted(sizes, seed, data):
    labels, events = windows(sizes)
    counts = [data.draw(st.integers(1, int(n))) for n in np.bincount(labels)]
    kept = thin(labels, events, counts, rng(seed))
    assert np.bincount(labels[kept]).tolist() == counts
    assert (np.diff(kept) > 0).all()
    for n in range(3):
        inside = events[kept][labels[kept] == n]
        assert sum(np.sum(inside == event) < sizes[event] for event in set(inside)) <= 1


@settings(deadline=None)
@given(sizes, st.integers(0, 99))
def test_fewer_are_part_of_more(sizes, seed):
    labels, events = windows(sizes)
    most = np.bincount(labels)
    few = thin(labels, events, np.maximum(most // 2, 1), rng(seed))
    assert set(few) <= set(thin(labels, events, np.maximum(most - 1, np.maximum(most // 2, 1)), rng(seed)))
    assert thin(labels, events, most, rng(seed)).tolist() == list(range(len(labels)))


def test_every_event_has_the_same_chance():
    labels, events = windows([1] * 30)
    kept = np.concatenate([thin(labels, events, [2, 10, 10], rng(seed)) for seed in range(1000)])
    assert chisquare(np.bincount(kept[labels[kept] == 0], minlength=30)[::3]).pvalue > 1e-3


def test_a_record_has_its_classes_in_the_shares_asked_for_and_windows_alike():
    labels = np.repeat([0, 1, 2], [20, 200, 80])
    drawn = draw(labels, [0.01, 0.09, 0.9], 50_000, rng())
    assert chisquare(np.bincount(labels[drawn]), 50_000 * np.array([0.01, 0.09, 0.9])).pvalue > 1e-3
    assert chisquare(np.bincount(drawn, minlength=300)[-80:]).pvalue > 1e-3


def test_a_share_may_be_nothing():
    assert set(np.arange(90)[draw(np.arange(90) % 3, [0, 0.5, 0.5], 500, rng())] % 3) == {1, 2}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: thin([0, 1], [0, 1], [2, 1], rng()), r"class 0: 2 windows to be kept of 1\. Keep 1 to 1"),
        (lambda: thin([0, 1], [0, 1], [1, 0], rng()), r"class 1: 0 windows to be kept of 1"),
        (lambda: thin([0, 1], [0], [1, 1], rng()), r"events: have shape \(1,\) for 2 windows\. Give one a window"),
        (lambda: thin([0, 2], [0, 1], [1, 1], rng()), "labels, window 1: class 2 of 2"),
        (lambda: draw([0, 1], [0.5, 0.6], 3, rng()), r"shares: are \[0.5, 0.6\]\. Give one a class, adding up to 1"),
        (lambda: draw([0, 1], [1.5, -0.5], 3, rng()), r"shares: are \[1.5, -0.5\]"),
        (lambda: draw([0, 1], [0.5, 0.2, 0.3], 3, rng()), "labels: class 2 has no window among 2"),
    ],
)
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(DatasetError, match=message):
        call()
