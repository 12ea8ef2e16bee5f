"""Scores of strategies, on results made by hand; the experiments themselves are trained by the page."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, recall_score

from tremorlab.classify.calibration import apply_temperature
from tremorlab.errors import ParameterError
from tremorlab.experiment import imbalance
from tremorlab.experiment.trained import Result

CLASSES = ("eruption", "vt", "noise")
ASKED = imbalance.experiments((1, 10), 40, (0, 1))


def rng(seed=0):
    return np.random.default_rng(seed)


def answered(experiment, trained, seed=0, number=900, right=0.8, prior=None):
    """Results of two seeds whose probabilities are exact where classes have equal frequencies."""
    draw = rng(seed)
    truth = np.arange(number) % 3
    shown = np.where(draw.random((2, number)) < right, truth, (truth + draw.integers(1, 3, (2, number))) % 3)
    probabilities = np.where(np.eye(3)[shown] == 1, right, (1 - right) / 2)
    if prior is not None:
        probabilities = probabilities * prior / (probabilities * prior).sum(axis=2, keepdims=True)
    table = pd.DataFrame(
        {
            "event_id": [f"e{n}" for n in range(number)],
            "true_class": np.array(CLASSES)[truth],
            "hidden": 0,
        }
    )
    return Result(
        experiment, CLASSES, CLASSES, truth, table, probabilities, truth, probabilities, pd.DataFrame(),
        dict(zip(CLASSES, trained, strict=True)), "computed", (),
    )  # fmt: skip


@pytest.fixture(scope="module")
def results():
    """Balanced networks that are right in four of five windows, and plain ones that know the same."""
    found = {}
    for (ratio, strategy), experiment in ASKED.items():
        counts = np.array([40 // ratio, 40, 40])
        prior = counts / counts.sum() if strategy == "plain" else None
        found[ratio, strategy] = answered(experiment, counts, prior=prior)
    return found


def test_experiments_of_an_imbalance_differ_in_their_training_only():
    ten = [one for (ratio, _), one in ASKED.items() if ratio == 10]
    assert len(ten) == len(imbalance.STRATEGIES)
    assert len({one.training.model_dump_json() for one in ten}) == len(ten)
    assert len({one.windows.model_dump_json() for one in ten}) == 1
    assert ten[0].windows.most == {"eruption": 4, "vt": 40, "noise": 40}
    assert len({one.name for one in ASKED.values()}) == len(ASKED)


def test_what_comes_with_the_page_is_all_that_it_asks():
    names = [one.name for one in imbalance.everything()]
    assert len(set(names)) == len(names) == 3 * len(imbalance.STRATEGIES) + 1
    moved = imbalance.at_noisier_sites(ASKED[10, "balanced"])
    assert moved.windows == ASKED[10, "balanced"].windows
    assert moved.test.scenario.difficulty == "hard"


def test_recalls_are_those_of_scikit_learn(results):
    table = imbalance.recalls(results, rng(), draws=200).set_index(["imbalance", "strategy", "of"])
    result = results[10, "balanced"]
    expected = np.mean([recall_score(result.truth, each, average=None) for each in result.predicted], axis=0)
    np.testing.assert_allclose([table.loc[(10, "balanced", name), "mean"] for name in CLASSES], expected)
    row = table.loc[10, "balanced", "all"]
    each = [balanced_accuracy_score(result.truth, seed) for seed in result.predicted]
    assert (row["mean"], row["least"], row["most"]) == pytest.approx((np.mean(each), min(each), max(each)))
    assert row["low"] < row["least"] <= row["most"] < row["high"]


def test_plain_training_corrected_afterwards_is_the_balanced_one(results):
    found = imbalance.answers(results)
    np.testing.assert_allclose(found[10, imbalance.AFTERWARDS], found[10, "balanced"], atol=1e-6)
    table = imbalance.recalls(results, rng(), draws=50).set_index(["imbalance", "strategy", "of"])["mean"]
    assert table[10, "plain", "eruption"] < 0.05 < 0.75 < table[10, imbalance.AFTERWARDS, "eruption"]


def test_hidden_events_and_other_kinds_are_not_judged(results):
    result = results[1, "plain"]
    table = result.table.copy()
    table.loc[[0, 2], "hidden"] = 1  # an eruption and a noise window
    table.loc[4, "true_class"] = "volcanic_tremor"
    changed = Result(**{**vars(result), "table": table})
    assert np.flatnonzero(~imbalance.judged(changed)).tolist() == [2, 4]
    np.testing.assert_array_equal(imbalance.truth(changed), np.delete(result.truth, [2, 4]))
    assert imbalance.answers({(1, "balanced"): changed})[1, "balanced"].shape == (2, 898, 3)


def test_exact_probabilities_are_calibrated_and_of_known_loss(results):
    table = imbalance.calibrations(results).set_index(["imbalance", "strategy"])
    entropy = -0.8 * np.log(0.8) - 0.2 * np.log(0.1)
    assert table.loc[(10, "balanced"), "log_loss"] == pytest.approx(entropy, rel=0.1)
    assert table.loc[(10, "balanced"), "calibration_error"] < 0.05
    assert table.loc[(10, "plain"), "log_loss"] > 1.3 * entropy


def test_temperatures_are_fitted_on_validation(results):
    result = results[1, "balanced"]
    sure = Result(**{**vars(result), "validation_probabilities": apply_temperature(result.probabilities, 0.5)})
    assert imbalance.temperatures(sure) == pytest.approx(2, rel=0.15)


def test_every_seed_runs_on_its_records(results):
    table = imbalance.deployed(results[1, "balanced"], (0.02, 0.1, 0.88), rng(), draws=5)
    assert table.groupby("seed")["draw"].nunique().to_dict() == {0: 3, 1: 3}
    known = table[table["correction"] == "known"]
    assert known["announced"].mean() == pytest.approx(0.02, abs=0.01)


def test_frequencies_are_estimated_better_from_longer_records(results):
    spread = [
        imbalance.estimated(results[1, "balanced"], (0.1,), rng(), windows=windows, draws=20)["estimated"].std()
        for windows in (100, 5000)
    ]
    assert spread[1] < 0.6 * spread[0]


def test_an_imbalance_that_leaves_nothing_is_named():
    with pytest.raises(ParameterError, match=r"imbalances: 1 to 50 of 40 windows\. Give whole numbers from 1 to 40"):
        imbalance.experiments((50,), 40, (0,))
