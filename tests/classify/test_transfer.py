"""Transfer on classes whose separation is known."""

import numpy as np
import pandas as pd
import pytest

from tremorlab.classify import rivals
from tremorlab.classify.transfer import CLASSES, Labelled, pooled, transfer
from tremorlab.errors import DatasetError

MEANS = {"vt": -3.0, "earthquake": -3.0, "eruption": 3.0, "tremor": 3.0, "noise": 0.0, "long_period": 9.0}


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(rivals, "TREES", 30)


def made(classes, n=60, seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    names = np.repeat(classes, n)
    values = np.array([MEANS[name] for name in names]) + shift + rng.standard_normal(len(names))
    return Labelled(pd.DataFrame({"duration_s": values}), names, np.arange(len(names)))


def test_classes_of_studies_are_gathered():
    windows = made(["vt", "eruption", "noise", "long_period"], 2).shared()
    assert windows.classes.tolist() == ["earthquake"] * 2 + ["tremor"] * 2 + ["noise"] * 2
    assert windows.events.tolist() == list(range(6))
    assert len(windows.features) == 6


def test_a_perfect_twin_transfers():
    twin = made(["tremor", "earthquake", "noise"], 200)
    recorded = {"one": made(["vt", "eruption", "long_period"], seed=1), "two": made(["noise"], seed=2)}
    score, by_study = transfer({"one": twin, "two": twin}, recorded, seed=0)
    # Thresholds at -1.5 and 1.5: Phi(1.5) for the outer classes, 2 Phi(1.5) - 1 for the inner one.
    assert score.balanced_accuracy == pytest.approx((0.933 + 0.933 + 0.866) / 3, abs=0.06)
    assert list(by_study.columns) == list(CLASSES)
    assert by_study.to_numpy().sum() == 180
    assert set(by_study.index.get_level_values("study")) == {"one", "two"}
    assert by_study.loc[("two", "noise"), "noise"] > 40


def test_a_twin_that_is_off_shows():
    wrong = made(["tremor", "earthquake", "noise"], 200, shift=3.0)
    score, _ = transfer({"one": wrong}, {"one": made(["vt", "eruption", "noise"], seed=1)}, seed=0)
    assert score.balanced_accuracy < 0.75


def test_each_study_has_a_forest_of_its_own():
    recorded = {"one": made(["vt", "eruption"], seed=1), "two": made(["vt", "noise"], seed=2, shift=50.0)}
    classes = ["tremor", "earthquake", "noise"]
    twins = {"one": made(classes, 200), "two": made(classes, 200, shift=50.0)}
    assert transfer(twins, recorded, seed=0)[0].balanced_accuracy > 0.8


def test_events_of_different_twins_stay_different():
    one = made(["noise"], 5)
    both = pooled([one, one])
    assert len(both.features) == 10
    assert len(set(both.events)) == 10
    assert both.classes.tolist() == ["noise"] * 10


@pytest.mark.parametrize(
    ("twins", "recorded", "message"),
    [
        ({}, {"one": made(["vt"], 3)}, "study one: has no twin windows. Cut"),
        ({"one": made(["vt", "noise"], 3)}, {"one": made(["vt"], 3)}, "twin for one: has no tremor. Simulate"),
        (
            {"one": made(["vt", "noise", "tremor"], 3)},
            {"one": made(["long_period"], 3)},
            "study one: has no window of a shared class",
        ),
    ],
)
def test_bad_input_is_named(twins, recorded, message):
    with pytest.raises(DatasetError, match=message.replace(".", r"\.")):
        transfer(twins, recorded, seed=0)
