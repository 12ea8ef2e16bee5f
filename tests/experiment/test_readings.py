"""Readings: their arrays, on networks too small and trained too little to be right about anything."""

import numpy as np
import pytest

from tremorlab import paths
from tremorlab.classify.networks import SpectrumNetwork, WaveformNetwork
from tremorlab.classify.training import Training
from tremorlab.experiment import store
from tremorlab.experiment.direct_windows import DirectWindows
from tremorlab.experiment.filter_questions import questions
from tremorlab.experiment.filter_tables import (
    highest_crossing,
    large_filters,
    more_than_untrained,
    notches,
    pair_crossings,
    read_profile,
    shape_table,
    within,
)
from tremorlab.experiment.readings import Question, Reading, reading

WINDOWS = DirectWindows(setting="nankai", classes=("tremor", "earthquake", "noise"), each=(6, 3, 4))
BRIEF = {"windows": WINDOWS, "training": Training(epochs=1, patience=0), "seeds": (3, 4)}
SMALL = WaveformNetwork(channels=(2, 4, 4), hidden=4)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TREMORLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(store, "SHIPPED", paths.derived() / "nothing")
        yield reading(Question(name="small", network=SMALL, causal=True, **BRIEF))


def test_a_reading_has_the_arrays_that_its_module_names(found):
    shapes = {name: array.shape for name, array in found.arrays.items()}
    assert found.origin == "computed"
    assert shapes["kernel"] == shapes["initial"] == (2, 16, 1, 2)
    assert shapes["predicted"] == (2, 12)
    assert shapes["cascade"] == (2, len(found.arrays["waves_hz"]), 2)
    assert shapes["fall"] == shapes["credit"] == (2, len(found.arrays["bands"][0]))
    assert shapes["exchange"] == (2, 2, 3)
    assert shapes["spectra"] == (3, 64)
    assert found.balanced_accuracy.shape == (2,)
    for name, array in found.arrays.items():
        assert array.dtype.kind not in "O", name
        assert array.dtype.kind == "U" or np.isfinite(array).all(), name


def test_training_moved_the_filters_away_from_where_the_seed_put_them(found):
    kernel, initial = found.arrays["kernel"], found.arrays["initial"]
    assert not np.allclose(kernel, initial)
    # One epoch of one step: they are still near their own beginning, and not near the other seed's.
    near = np.abs(kernel - initial).mean(axis=(1, 2, 3))
    across = np.abs(kernel - initial[::-1]).mean(axis=(1, 2, 3))
    assert (near < 0.2 * across).all()


def test_filters_are_ranked_by_what_the_next_layer_gets(found):
    for seed in (0, 1):
        assert sorted(found.ranked(seed)) == sorted(found.ranked(seed, initial=True)) == [0, 1]
        assert found.responses(seed).amplitude.shape == (513, 2)


def test_a_picture_network_has_no_filters_to_read_but_bands_to_blot_out(monkeypatch, tmp_path):
    monkeypatch.setenv("TREMORLAB_CACHE", str(tmp_path))
    network = SpectrumNetwork(channels=(2,), kernel=3, pool=(8,), hidden=2)
    arrays = reading(Question(name="picture", network=network, causal=True, **BRIEF | {"seeds": (3,)})).arrays
    assert "kernel" not in arrays
    assert arrays["predicted"].shape == (1, 12)
    assert arrays["occluded"].shape == arrays["fall"].shape
    assert np.abs(arrays["occluded"]).max() <= 1


def test_every_question_of_the_chapter_has_a_name_and_an_answer_of_its_own():
    asked = questions()
    assert len({store.file_name(question) for question in asked.values()}) == len(asked)
    assert len({store.file_name(question).rsplit("-")[-1] for question in asked.values()}) == len(asked)
    ten = [question for question in asked.values() if len(question.seeds) >= 10]
    assert {question.windows.setting for question in ten if question.windows.kind == "direct"} == {
        "nankai",
        "sakurajima",
    }


def test_tables_have_a_row_for_each_filter_of_each_seed(found):
    assert notches(found).shape == (2, 2)
    table = shape_table(found)
    assert list(table[["seed", "rank"]].itertuples(index=False, name=None)) == [(3, 0), (3, 1), (4, 0), (4, 1)]
    np.testing.assert_allclose(read_profile(found).shape, found.arrays["fall"].shape)
    assert (read_profile(found) >= 0).all()
    assert all(kept[0] == 0 for kept in large_filters(found))
    assert len(large_filters(found, share=0.0)[0]) == 2


def test_crossings_are_those_of_the_first_two_classes_above_the_high_pass(found):
    rows = np.array([[0, 1, 0.5, 0.2, 1], [0, 1, 4, 3, 5], [1, 0, 6, 5, 7], [0, 2, 8, 7, 9]], float)
    other = Reading(found.question, {**found.arrays, "crossing": rows}, "computed", ())
    assert list(pair_crossings(other)["frequency_hz"]) == [4, 6]
    assert list(highest_crossing(other)) == [6, 5, 7]
    none = Reading(found.question, {**found.arrays, "crossing": rows[[0, 3]]}, "computed", ())
    assert np.isnan(highest_crossing(none)).all()


def test_a_share_counts_only_against_that_before_training():
    assert list(within([3.9, 4, np.nan, 8, 8.1])) == [False, True, False, True, False]
    many, few = np.arange(20) < 18, np.arange(20) < 5
    assert more_than_untrained(many, few) < 1e-3
    assert more_than_untrained(many, many) > 0.5
    assert more_than_untrained(few, many) > 0.99
