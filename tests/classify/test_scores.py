"""Scores against scikit-learn and closed forms; intervals against known spread."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import balanced_accuracy_score, classification_report, precision_score

from tremorlab.classify import scores
from tremorlab.errors import ModelError


def rng(seed=1):
    return np.random.default_rng(seed)


def labelled(number=300, right=0.8, seed=0, classes=3):
    """Truth, and an answer that is right for a share of the windows."""
    draw = rng(seed)
    truth = np.arange(number) % classes
    wrong = (truth + draw.integers(1, classes, number)) % classes
    return truth, np.where(draw.random(number) < right, truth, wrong)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=50))
def test_balanced_accuracy_is_that_of_scikit_learn(pairs):
    truth, predicted = np.array([(0, 0), (1, 1), (2, 2), *pairs]).T
    found = scores.balanced_accuracy(scores.confusion(truth, predicted, 3))
    assert found == pytest.approx(balanced_accuracy_score(truth, predicted))


def test_the_published_example_of_a_misleading_accuracy():
    """A tremor classifier of Cascadia: 109 hits, 38 misses, 477 false alarms, 3326 rightly quiet."""
    found = np.array([[3326, 477], [38, 109]])
    assert scores.balanced_accuracy(found) == pytest.approx((109 / 147 + 3326 / 3803) / 2)
    assert np.trace(found) / found.sum() < (3326 + 477) / found.sum()  # always quiet is more accurate


@pytest.mark.parametrize("prevalence", [0.5, 0.1, 0.01])
def test_precision_elsewhere_is_that_of_scikit_learn_on_windows_of_that_prevalence(prevalence):
    """Windows weighed so that the class has the frequency asked for."""
    truth, predicted = labelled(500, classes=2)
    weights = np.where(truth == 1, prevalence, 1 - prevalence) / np.bincount(truth)[truth]
    recall, false_alarm = predicted[truth == 1].mean(), predicted[truth == 0].mean()
    expected = precision_score(truth, predicted, sample_weight=weights)
    assert scores.precision_at(prevalence, recall, false_alarm) == pytest.approx(expected)


def test_precision_of_no_alarm_is_not_a_number():
    assert np.isnan(scores.precision_at([0.2, 0.0], 0.0, 0.0)).all()
    assert scores.precision_at([0.0, 1.0], 0.5, 0.1).tolist() == [0, 1]


def test_recall_and_precision_of_each_class_are_those_of_scikit_learn():
    truth, predicted = labelled()
    probabilities = 0.1 + 0.7 * np.eye(3)[predicted]
    table = scores.by_class(truth, probabilities, ["a", "b", "c"])
    expected = classification_report(truth, predicted, target_names=["a", "b", "c"], output_dict=True)
    for name in table.index:
        assert table.loc[name, "recall"] == pytest.approx(expected[name]["recall"])
        assert table.loc[name, "precision"] == pytest.approx(expected[name]["precision"])
        assert table.loc[name, "windows"] == expected[name]["support"]


def test_ranking_scores_are_perfect_for_perfect_ranks_and_half_for_none():
    truth = np.arange(60) % 2
    table = scores.by_class(truth, np.stack([1 - truth, truth], axis=1) * 0.8 + 0.1, ["a", "b"])
    assert table[["roc_auc", "average_precision"]].to_numpy().tolist() == [[1, 1], [1, 1]]
    flat = scores.by_class(truth, np.tile([0.6, 0.4], (60, 1)), ["a", "b"])
    assert flat["roc_auc"].tolist() == [0.5, 0.5]
    assert np.isnan(flat.loc["b", "precision"])


def test_events_get_the_geometric_mean_of_their_windows():
    table = scores.by_event([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]], ["x", "y", "x"])
    assert table.index.tolist() == ["x", "y"]
    mean = np.sqrt([0.1, 0.4])
    np.testing.assert_allclose(table.loc["x"], mean / mean.sum())
    np.testing.assert_allclose(table.loc["y"], [0.9, 0.1])


def test_the_bootstrap_has_the_spread_of_independent_windows():
    """With an event a window, the variance is the mean of p (1 - p) / n over the classes, over their number."""
    truth, predicted = labelled(600)
    (drawn,) = scores.bootstrap(truth, [predicted], np.arange(600), 3, draws=4000, rng=rng())
    recalls = np.diag(scores.confusion(truth, predicted, 3)) / 200
    assert drawn.mean() == pytest.approx(recalls.mean(), abs=1e-3)
    assert drawn.std() == pytest.approx(np.sqrt(np.sum(recalls * (1 - recalls) / 200)) / 3, rel=0.05)


def test_recalls_have_the_spread_of_the_binomial_law_and_their_mean_is_the_balanced_accuracy():
    truth, predicted = labelled(600, classes=2)
    given = [np.stack([predicted, truth]), predicted]
    recalls = scores.bootstrap_recalls(truth, given, np.arange(600), 2, draws=4000, rng=rng())
    balanced = scores.bootstrap(truth, given, np.arange(600), 2, draws=4000, rng=rng())
    np.testing.assert_allclose(recalls.mean(axis=1), balanced)
    expected = np.diag(scores.confusion(truth, predicted, 2)) / 300
    np.testing.assert_allclose(recalls[1].mean(axis=1), expected, atol=2e-3)
    np.testing.assert_allclose(recalls[1].std(axis=1), np.sqrt(expected * (1 - expected) / 300), rtol=0.05)


def test_ten_copies_of_every_window_make_nothing_surer():
    truth, predicted = labelled(90)
    single = scores.bootstrap(truth, [predicted], np.arange(90), 3, draws=3000, rng=rng())[0]
    copies = [np.repeat(array, 10) for array in (truth, predicted, np.arange(90))]
    tenfold = scores.bootstrap(copies[0], [copies[1]], copies[2], 3, draws=3000, rng=rng())[0]
    np.testing.assert_allclose(tenfold, single)


def test_events_of_many_windows_weigh_more():
    truth, predicted = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 1, 1])
    (drawn,) = scores.bootstrap(truth, [predicted], ["x", "x", "x", "y", "z", "w"], 2, draws=20_000, rng=rng())
    # x drawn twice (1/4): recall 1; x and y (1/2): 3/4; y twice (1/4): 0
    values, counts = np.unique(drawn, return_counts=True)
    np.testing.assert_allclose(values, [0.5, 0.875, 1.0])
    np.testing.assert_allclose(counts / 20_000, [0.25, 0.5, 0.25], atol=0.015)


def test_seeds_are_drawn_too():
    truth = np.arange(300) % 3
    good, bad = truth, (truth + 1) % 3
    (drawn,) = scores.bootstrap(truth, [np.stack([good, bad])], np.arange(300), 3, draws=4000, rng=rng())
    values, counts = np.unique(drawn, return_counts=True)
    np.testing.assert_allclose(values, [0, 0.5, 1])
    np.testing.assert_allclose(counts / 4000, [0.25, 0.5, 0.25], atol=0.03)


def test_classifiers_meet_on_the_same_draws():
    truth, predicted = labelled(200)
    drawn = scores.bootstrap(truth, [predicted, predicted], np.arange(200), 3, draws=50, rng=rng())
    np.testing.assert_array_equal(drawn[0], drawn[1])


def test_an_interval_is_a_pair_of_percentiles():
    assert scores.interval(np.arange(101), 0.9) == pytest.approx((5, 95))


@pytest.mark.parametrize(
    ("right", "number", "verdict"),
    [
        ((0.8, 0.8), 120, "undecided"),
        ((0.9, 0.7), 3000, "different"),
    ],
)
def test_verdicts(right, number, verdict):
    truth, first = labelled(number, right[0], seed=1)
    second = labelled(number, right[1], seed=2)[1]
    found = scores.compare(truth, first, second, np.arange(number), 3, rng=rng())
    assert found.verdict == verdict
    expected = balanced_accuracy_score(truth, first) - balanced_accuracy_score(truth, second)
    assert found.difference == pytest.approx(expected)
    assert found.interval_95[0] < found.interval_90[0] < found.difference < found.interval_90[1] < found.interval_95[1]
    assert found.p_equivalence > 0.05


def test_the_same_answers_are_equivalent_and_a_tiny_real_difference_is_negligible():
    truth, first = labelled(3000, 0.9)
    same = scores.compare(truth, first, first, np.arange(3000), 3, rng=rng())
    assert same.verdict == "equivalent"
    assert same.p_equivalence == 1 / 2001
    second = first.copy()
    mended = np.flatnonzero(first != truth)[:30]
    second[mended] = truth[mended]
    less = scores.compare(truth, first, second, np.arange(3000), 3, margin=0.03, rng=rng())
    assert less.verdict == "different, by less than the margin"
    assert less.difference == pytest.approx(-0.01, abs=1e-3)


def test_equivalence_is_claimed_at_the_edge_of_the_margin_in_one_case_of_twenty():
    """Two classifiers whose accuracies differ by exactly the margin; fixed draws."""
    claims = 0
    for seed in range(150):
        draw = rng(seed)
        truth = np.arange(400) % 2
        first, second = (np.where(draw.random(400) < right, truth, 1 - truth) for right in (0.9, 0.8))
        claims += scores.compare(truth, first, second, np.arange(400), 2, margin=0.1, draws=300, rng=draw).equivalent
    assert binomtest(claims, 150, 0.05).pvalue > 0.01


def test_mcnemar_is_the_binomial_test_of_the_events_on_which_they_differ():
    truth = np.zeros(60, int)
    first, second = np.zeros(60, int), np.zeros(60, int)
    first[:3], second[3:13], first[20:25], second[20:25] = 1, 1, 2, 1
    found = scores.mcnemar(truth, first, second)
    assert (found.only_first, found.only_second) == (10, 3)
    assert found.p == pytest.approx(binomtest(3, 13, 0.5).pvalue)


def test_mcnemar_of_many_events_is_close_to_the_exact_one():
    truth = np.zeros(400, int)
    first, second = np.zeros(400, int), np.zeros(400, int)
    first[:30], second[30:90] = 1, 1
    found = scores.mcnemar(truth, first, second)
    assert found.p == pytest.approx(binomtest(30, 90, 0.5).pvalue, rel=0.3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda t, p, e: scores.bootstrap(t, [p[:-1]], e, 3, rng=rng()),
            "classifier 0: 8 predictions and 9 events for 9",
        ),
        (lambda t, p, e: scores.bootstrap(t, [p, p], e[:-1], 3, rng=rng()), "classifier 0: 9 predictions and 8 events"),
        (
            lambda t, p, e: scores.bootstrap(t, [p], e // 2, 3, rng=rng()),
            r"event 0: is of class . and of class .\. Give",
        ),
        (lambda t, p, e: scores.bootstrap(t, [p], e, 4, rng=rng()), "events: class 3 has none. Choose a split"),
        (
            lambda t, p, e: scores.compare(t, p, p, e, 3, margin=0, rng=rng()),
            "comparison: margin = 0. Give the largest",
        ),
        (lambda t, p, e: scores.balanced_accuracy([[1, 0], [0, 0]]), "confusion matrix: class 1 has no window"),
        (lambda t, p, e: scores.confusion(t, p + 1, 3), r"predicted, window 0: class 3 of 3\. Use 0 to 2"),
        (lambda t, p, e: scores.confusion(t - 1, p, 3), "truth, window 0: class -1 of 3"),
        (
            lambda t, p, e: scores.mcnemar(t, p, p[:-1]),
            r"second classifier: shape \(8,\) for 9 items\. Give a class each",
        ),
        (
            lambda t, p, e: scores.precision_at([0.1, 1.2], 0.5, 0.1),
            r"precision: prevalence = \[0.1, 1.2\]\. Give shares",
        ),
        (lambda t, p, e: scores.precision_at(0.1, 0.5, np.nan), "precision: false_alarm = nan"),
        (lambda t, p, e: scores.by_class(t * 0, np.eye(3)[p], "abc"), "confusion matrix: class 1 has no window"),
    ],
)
def test_what_does_not_fit_is_named(call, message):
    truth, predicted = labelled(9)
    with pytest.raises(ModelError, match=message):
        call(truth, predicted, np.arange(9))
