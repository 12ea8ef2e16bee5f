"""A small experiment, trained for real."""

import numpy as np
import pytest

from tremorlab.classify.networks import WaveformNetwork
from tremorlab.classify.training import Training
from tremorlab.errors import DatasetError
from tremorlab.experiment import store
from tremorlab.experiment.trained import Experiment, Rival, result, runs
from tremorlab.experiment.twin_windows import TwinWindows, divided
from tremorlab.twin.scenario import configure

RATES = {"vt": 150.0, "eruption": 100.0, "long_period": 0.0, "volcanic_tremor": 0.0, "earthquake": 0.0}
SCENARIO = configure(
    setting="sakurajima", days=1, stations=1, rate_hz=25, rates=RATES, difficulty="low", faults=0.0, seed=3
)
WINDOWS = TwinWindows(scenario=SCENARIO)
NETWORK = WaveformNetwork(channels=(4, 4, 4, 4), hidden=8)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("TREMORLAB_CACHE", str(folder))
        patch.setattr(store, "SHIPPED", folder / "shipped")
        yield folder


def ask(name="small", classifier=NETWORK, epochs=3, **more):
    training = Training(epochs=epochs, learning_rate=3e-3)
    return Experiment(name=name, windows=WINDOWS, classifier=classifier, training=training, **more)


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
