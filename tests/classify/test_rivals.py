"""Rivals on features whose best score is known."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.metrics import balanced_accuracy_score

from tremorlab.classify import rivals as module
from tremorlab.classify.rivals import SpectralThreshold, balanced_accuracy, estimators, interval, rivals, scored
from tremorlab.errors import DatasetError


def table(n=600, apart=1.0, seed=0):
    """Three classes, Gaussian in one ratio with means `apart`, and a ratio and a feature that say nothing."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(["earthquake", "noise", "tremor"], n)
    mean = pd.Series({"tremor": -apart, "noise": 0.0, "earthquake": apart})[labels].to_numpy()
    columns = {
        "high_low_2_hz": rng.standard_normal(n),
        "high_low_4_hz": mean + rng.standard_normal(n),
        "kurtosis": rng.standard_normal(n),
    }
    return pd.DataFrame(columns), labels


@pytest.fixture(autouse=True, scope="module")
def few_trees():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "TREES", 30)
        yield


@pytest.fixture(scope="module")
def example():
    made, labels = table()
    train = np.arange(len(made)) < 400
    return made, labels, train, rivals(made, labels, train, ~train, seed=1)


def test_the_majority_class_scores_chance(example):
    assert example[3]["majority"].balanced_accuracy == pytest.approx(1 / 3)
    assert example[3]["majority"].low == example[3]["majority"].high == pytest.approx(1 / 3)


def test_the_threshold_finds_the_crossing_and_nears_the_best_score():
    made, labels = table(6000, 1.5)
    train = np.arange(6000) < 4000
    fitted = SpectralThreshold().fit(made[train], labels[train])
    found = scored(labels[~train], fitted.predict(made[~train]), np.arange(2000), seed=1)
    assert fitted.feature_ == "high_low_4_hz"
    # Best thresholds lie half-way: outer classes are hit with Phi(0.75), the inner one with 2 Phi(0.75) - 1.
    hit = stats.norm.cdf(0.75)
    assert found.balanced_accuracy == pytest.approx((2 * hit + 2 * hit - 1) / 3, abs=0.03)
    np.testing.assert_allclose(fitted.thresholds_, [-0.75, 0.75], atol=0.25)


def test_no_other_thresholds_do_better_on_the_training_windows():
    made, labels = table(20, seed=2)
    fitted = SpectralThreshold().fit(made, labels)
    best, names = 0.0, np.unique(labels)
    for column in ("high_low_2_hz", "high_low_4_hz"):
        values = made[column].to_numpy()
        for low, high in combinations(np.sort(values), 2):
            for order in product(names, repeat=3):
                predicted = np.array(order)[(values > low).astype(int) + (values > high)]
                best = max(best, balanced_accuracy(labels, predicted))
    assert balanced_accuracy(labels, fitted.predict(made)) == pytest.approx(best)


def test_a_feature_of_few_values_is_cut_between_them():
    made = pd.DataFrame({"high_low_4_hz": np.repeat([0.0, 1.0, 2.0], 10)})
    labels = np.repeat(["b", "a", "b"], 10)
    fitted = SpectralThreshold().fit(made, labels)
    assert (fitted.predict(made) == labels).mean() == 2 / 3  # two classes have one threshold
    np.testing.assert_allclose(fitted.thresholds_, 0.5)
    constant = SpectralThreshold().fit(made * 0, labels)
    assert not constant.thresholds_.size


def test_the_forest_uses_what_a_single_ratio_does_not_hold():
    made, labels = table(apart=0.0)
    made["kurtosis"] += 4.0 * (labels == "tremor")
    train = np.arange(len(made)) < 400
    found = rivals(made, labels, train, ~train, seed=1)
    assert found["forest"].balanced_accuracy > found["threshold"].balanced_accuracy + 0.1


def test_scores_agree_with_scikit_learn(example):
    _, labels, train, found = example
    for result in found.values():
        expected = balanced_accuracy_score(labels[~train], result.predicted)
        assert result.balanced_accuracy == pytest.approx(expected)
        diagonal = np.diag(result.confusion) / result.confusion.sum(axis=1)
        assert np.mean(diagonal[result.confusion.sum(axis=1) > 0]) == pytest.approx(expected)
        assert result.low <= result.balanced_accuracy <= result.high


def test_the_interval_has_the_width_of_a_binomial():
    rng = np.random.default_rng(3)
    labels = np.repeat(["a", "b"], 400)
    predicted = np.where(rng.random(800) < 0.8, labels, "c")
    low, high = interval(labels, predicted, np.arange(800), seed=0)
    expected = 2 * 1.96 * np.sqrt(0.8 * 0.2 / 800)
    assert high - low == pytest.approx(expected, rel=0.15)
    assert low < balanced_accuracy(labels, predicted) < high


def test_windows_of_an_event_are_drawn_together():
    """Ten copies of a window tell no more than one: the interval must be that of the events."""
    rng = np.random.default_rng(4)
    labels, hit = np.repeat(["a", "b"], 40), rng.random(80) < 0.7
    predicted = np.where(hit, labels, "c")
    single = interval(labels, predicted, np.arange(80), seed=0)
    copies = [np.repeat(values, 10) for values in (labels, predicted, np.arange(80))]
    np.testing.assert_allclose(interval(*copies, seed=0), single, atol=1e-12)
    independent = interval(copies[0], copies[1], np.arange(800), seed=0)
    assert independent[1] - independent[0] < 0.5 * (single[1] - single[0])


def test_the_same_seed_gives_the_same_scores(example):
    made, labels, train, found = example
    again = rivals(made, labels, train, ~train, seed=1)
    for name, result in found.items():
        assert (again[name].predicted == result.predicted).all()
        assert (again[name].low, again[name].high) == (result.low, result.high)


def test_the_test_can_be_scored_against_the_truth(example):
    made, labels, train, found = example
    other = np.where(labels == "noise", "tremor", labels)
    against = rivals(made, labels, train, ~train, seed=1, truth=other)["forest"]
    assert (against.predicted == found["forest"].predicted).all()
    assert against.balanced_accuracy == pytest.approx(balanced_accuracy(other[~train], against.predicted))
    assert set(against.confusion.index) == {"earthquake", "noise", "tremor"}


def test_the_threshold_is_a_scikit_learn_estimator():
    made, labels = table(100)
    fitted = clone(SpectralThreshold()).fit(made, labels)
    assert list(fitted.classes_) == ["earthquake", "noise", "tremor"]
    assert set(fitted.predict(made)) <= set(fitted.classes_)
    assert fitted.score(made, labels) == pytest.approx(np.mean(fitted.predict(made) == labels))
    assert set(estimators(0)) == {"majority", "threshold", "forest"}


MADE, LABELS = table(30)
FIRST = np.arange(30) < 20


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": LABELS[:9]}, r"rivals: lengths \[30, 9, 30, 30, 9, 9\] differ\. Give one value a window"),
        ({"test": FIRST}, "window 0: is in train and in test"),
        ({"test": FIRST & False}, "rivals: test holds no window"),
        ({"train": FIRST & False}, "rivals: train holds no window"),
        ({"features": MADE[["kurtosis"]]}, "features: have no column high_low_"),
    ],
)
def test_bad_input_is_named(changed, message):
    given = {"features": MADE, "labels": LABELS, "train": FIRST, "test": ~FIRST, "seed": 0} | changed
    with pytest.raises(DatasetError, match=message):
        rivals(**given)


def test_cross_validation_predicts_every_window_from_other_events():
    made, labels = table(240)
    events = np.array([f"{name}{n // 12}" for n, name in enumerate(labels)])
    made["kurtosis"] = pd.factorize(events)[0]  # an event is known by its number: memory would be perfect
    found = module.cross_validated(made, labels, events, seed=1)
    assert found["forest"].confusion.to_numpy().sum() == 240
    assert found["majority"].balanced_accuracy < 0.5
    known = estimators(1)["forest"].fit(made, labels).score(made, labels)
    assert found["forest"].balanced_accuracy < known - 0.1


def test_cross_validation_wants_an_event_a_fold():
    made, labels = table(60)
    with pytest.raises(DatasetError, match=r"class earthquake: 1 events are fewer than 3 folds\. Give more events"):
        module.cross_validated(made, labels, labels, seed=1)
