"""Networks of a twin on windows that stand for recorded ones."""

import numpy as np
import pandas as pd
import pytest

from tests.experiment.small import WINDOWS, ask
from tremorlab.classify.transfer import CLASSES
from tremorlab.errors import DataMissingError, ModelError
from tremorlab.experiment import recorded
from tremorlab.experiment.recorded import Recorded, columns
from tremorlab.experiment.twin_windows import divided

ASKED = Recorded(name="recorded", experiment=ask(seeds=(0, 1)), studies=("one", "two"), epochs=3, learning_rate=1e-3)


def test_gathered_classes_are_found_among_those_of_a_network():
    assert list(CLASSES) == ["earthquake", "tremor", "noise"]
    assert columns(("eruption", "vt", "noise")) == [1, 0, 2]
    assert columns(("tremor", "earthquake", "noise")) == [1, 0, 2]
    with pytest.raises(ModelError, match="eruption, noise have 0 that are earthquake"):
        columns(("eruption", "noise"))


@pytest.mark.usefixtures("cache")
def test_each_study_is_classified_by_networks_that_have_not_seen_it(monkeypatch):
    part = divided(WINDOWS).test
    shared = part.table["event_class"].map({"vt": "earthquake", "eruption": "tremor", "noise": "noise"})
    table = part.table[["event_id", "event_class"]].assign(
        shared=shared, study=np.where(part.table.index % 2, "one", "two")
    )
    monkeypatch.setattr(recorded, "_windows", lambda _: (part.examples.waveforms, table))
    seen = []
    tuned = recorded._tuned

    def watched(model, waveforms, labels, asked, seed):
        seen.append({window.tobytes() for window in waveforms})
        return tuned(model, waveforms, labels, asked, seed)

    monkeypatch.setattr(recorded, "_tuned", watched)
    found = recorded.recorded(ASKED, workers=1)
    assert found.twin_only.shape == found.tuned.shape == (2, len(table), 3)
    assert found.tuned.sum(axis=2) == pytest.approx(1, abs=2e-3)
    assert (np.array(list(CLASSES))[found.truth] == shared).all()
    assert not np.allclose(found.tuned, found.twin_only, atol=1e-2)
    own = {
        name: {w.tobytes() for w in part.examples.waveforms[(table["study"] == name).to_numpy()]}
        for name in ASKED.studies
    }
    for n, windows in enumerate(seen):
        assert not windows & own[ASKED.studies[n % 2]]
        assert windows >= own[ASKED.studies[1 - n % 2]]


def test_a_class_that_was_not_recorded_comes_from_the_twin():
    class Twin:
        waveforms, labels = np.arange(9.0).reshape(9, 1, 1), np.repeat([0, 1, 2], 3)

    waveforms, labels = recorded._mixed(Twin, -np.ones((3, 1, 1)), np.array([1, 1, 2]), np.random.default_rng(0))
    counts = pd.Series(labels).value_counts()
    assert (counts[0], counts[1], counts[2]) == (2, 4, 3)
    assert np.sum(waveforms < 0) == 3


@pytest.mark.usefixtures("cache")
def test_without_recordings_it_says_so(monkeypatch):
    monkeypatch.delenv("TREMORLAB_DATA", raising=False)
    with pytest.raises(DataMissingError):
        recorded.recorded(ASKED.model_copy(update={"studies": ("redoubt_2009", "mbar_2021")}))
