"""Several seeds side by side give what they give one by one."""

import numpy as np
import pytest

from tests.classify.interrupted import NETWORK, TRAINING, examples
from tremorlab.classify.seeds import train_seeds
from tremorlab.classify.training import train
from tremorlab.errors import DatasetError

WINDOWS, CLASSES = examples(), ("a", "b", "c")
FEW = TRAINING.model_copy(update={"epochs": 1})


def test_runs_come_in_the_order_of_the_seeds_and_are_those_of_single_trainings(tmp_path):
    runs = train_seeds(NETWORK, FEW, WINDOWS, WINDOWS, CLASSES, seeds=[5, 3], folder=tmp_path / "many", workers=1)
    assert [run.depends["seed"] for run in runs] == [5, 3]
    alone = train(NETWORK, FEW, WINDOWS, WINDOWS, CLASSES, seed=3, folder=tmp_path / "one")
    for together, single in zip(runs[1].model().get_weights(), alone.model().get_weights(), strict=True):
        np.testing.assert_array_equal(together, single)
    assert not list((tmp_path / "many").glob(".windows_*"))


def test_an_error_of_one_seed_is_raised_as_it_is(tmp_path):
    windows = examples()
    windows.labels[:] = 0
    with pytest.raises(DatasetError, match="class 1 has no window among 48"):
        train_seeds(NETWORK, FEW, windows, windows, CLASSES, seeds=[1], folder=tmp_path, workers=1)
    assert not list(tmp_path.glob(".windows_*"))
