"""A small experiment, trained for real."""

import numpy as np
import pytest

from tests.experiment.small import RATES, SCENARIO, WINDOWS, ask
from tremorlab.errors import DatasetError
from tremorlab.experiment.trained import Rival, result, runs
from tremorlab.experiment.twin_windows import TwinWindows, divided

pytestmark = pytest.mark.usefixtures("cache")


def test_a_network_is_trained_and_its_answer_kept():
    experiment = ask(seeds=(0, 1))
    first = result(experiment, workers=1)
    again = result(experiment, workers=1)
    assert (first.origin, again.origin) == ("computed", "kept")
    assert first.probabilities.shape == (2, len(first.table), 3)
    np.testing.assert_array_equal(first.probabilities, again.probabilities)
    assert first.probabilities.sum(axis=2) == pytest.approx(1, abs=2e-3)
    assert first.classes == first.test_classes == ("eruption", "vt", "noise")
    assert (first.table["event_class"].map(first.classes.index) == first.truth).all()
    assert set(first.history["seed"]) == {0, 1}
    assert sum(first.trained_on.values()) > 40


def test_the_answer_is_that_of_the_network():
    (run,) = runs(ask(seeds=(0,)), workers=1)
    test = divided(WINDOWS).test
    expected = run.model().predict(test.examples.waveforms, verbose=0)
    found = result(ask(seeds=(0, 1)), workers=1)
    assert found.probabilities[0] == pytest.approx(expected, abs=1e-3)


def test_a_forest_learns_and_the_majority_does_not():
    forest, majority = (result(ask(kind, Rival(kind=kind), seeds=(0,))) for kind in ("forest", "majority"))
    assert majority.balanced_accuracy[0] == pytest.approx(1 / 3)
    assert forest.balanced_accuracy[0] > 0.7
    assert forest.history.empty


def test_another_twin_may_be_the_test():
    other = WINDOWS.model_copy(update={"scenario": SCENARIO.model_copy(update={"seed": 4})})
    found = result(ask("elsewhere", Rival(kind="threshold"), seeds=(0,), test=other))
    assert len(found.truth) == len(divided(other).test.table)


def test_a_part_without_a_class_is_named():
    quiet = SCENARIO.model_copy(update={"rates": RATES | {"eruption": 0.0}})
    with pytest.raises(DatasetError, match=r"train windows of twin_sakurajima_3: hold no eruption"):
        divided(TwinWindows(scenario=quiet))


def test_training_events_are_cut_several_times_and_the_others_once():
    once, thrice = divided(WINDOWS), divided(WINDOWS.model_copy(update={"draws": 3}))
    assert len(thrice.test.table) == len(once.test.table)
    assert len(thrice.validation.table) == len(once.validation.table)
    counts = [each.train.table["event_class"].value_counts() for each in (once, thrice)]
    assert counts[1]["noise"] == counts[0]["noise"]
    assert 2 < counts[1]["vt"] / counts[0]["vt"] <= 3.2
    one_event = thrice.train.table.query("event_class == 'vt'").groupby("event_id")["onset_s"]
    assert (one_event.nunique() > 1).any()
    assert set(thrice.train.table["event_id"]).isdisjoint(thrice.test.table["event_id"])
