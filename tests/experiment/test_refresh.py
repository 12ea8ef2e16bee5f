"""What comes with the compendium: complete, small, and of the code that is here."""

import numpy as np
import pytest

from tests.experiment.small import ask
from tremorlab import fingerprint
from tremorlab.classify.networks import build, parameters
from tremorlab.errors import ModelError
from tremorlab.experiment import comparison, published, refresh, store
from tremorlab.experiment.trained import Rival


@pytest.fixture(scope="module")
def questions():
    return refresh.questions()


def test_every_question_has_a_name_and_an_answer_of_its_own(questions):
    assert len({question.name for question in questions}) == len(questions)
    files = {}
    for question in questions:
        files.setdefault(store.file_name(question).removeprefix(question.name), []).append(question.name)
    assert not [names for names in files.values() if len(names) > 1]


def test_networks_of_a_comparison_have_the_same_number_of_weights():
    for group in (comparison.networks(), comparison.flat()):
        one, two = (parameters(build(group[name], comparison.SHAPE, 3)) for name in ("1D", "2D"))
        assert abs(one - two) < 0.01 * one


def test_networks_of_a_comparison_see_the_same_windows_with_the_same_training():
    size = comparison.Size()
    for setting in comparison.SETTINGS:
        group = comparison.compared(setting, "report-like", size)
        assert len({group[name].windows.model_dump_json() for name in group}) == 1
        assert len({group[name].training.model_dump_json() for name in comparison.networks()}) == 1


def test_all_trainings_on_one_split_have_at_most_the_same_windows():
    asked = comparison.divided_by("sakurajima", comparison.Size())
    assert {split for split, _ in asked} == set(comparison.SPLITS)
    assert len({str(each.windows.most) for each in asked.values()}) == 1


@pytest.mark.usefixtures("cache")
def test_what_is_missing_is_answered_shipped_and_no_longer_missing(capsys):
    asked = [ask("one", Rival(kind="majority"), seeds=(0,)), ask("two", Rival(kind="threshold"), seeds=(0,))]
    assert refresh.out_of_date(asked) == {"one": "missing", "two": "missing"}
    refresh.refresh(asked)
    assert refresh.out_of_date(asked) == {}
    assert "1/2 one [0.333]" in capsys.readouterr().out


@pytest.mark.usefixtures("cache")
def test_a_trained_network_is_published_with_its_card(tmp_path):
    folder = published.put(ask(seeds=(0,)), "small_waveform", "Small", tmp_path / "models")
    again = published.put(ask(seeds=(0,)), "small_waveform", "Small", tmp_path / "models")
    assert folder == again
    opened = published.open_published(folder)
    assert opened.card.classes == ["eruption", "vt", "noise"]
    score = opened.card.scores["balanced accuracy"]
    assert score.low <= score.value <= score.high
    assert "simulated: setting sakurajima" in (folder / "CARD.md").read_text()


@pytest.fixture
def shipped(cache):
    """Two answers that come with the compendium, as far as the tests know."""
    asked = [ask("one", Rival(kind="majority"), seeds=(0,)), ask("two", Rival(kind="threshold"), seeds=(0,))]
    refresh.refresh(asked)
    return asked


def edit(monkeypatch, module):
    """The code of a module changes."""
    before = fingerprint.of_code
    monkeypatch.setattr(
        fingerprint, "of_code", lambda *names: {k: v + "x" * (k == module) for k, v in before(*names).items()}
    )


def test_a_change_that_alters_no_answer_is_confirmed(shipped, monkeypatch, capsys):
    edit(monkeypatch, "waveform.files")
    before = [store.arrays(question) for question in shipped]
    assert refresh.out_of_date(shipped) == {"one": "waveform.files", "two": "waveform.files"}
    refresh.confirm(shipped)
    assert "one is the same" in capsys.readouterr().out
    assert refresh.out_of_date(shipped) == {}
    for old, question in zip(before, shipped, strict=True):
        np.testing.assert_equal(store.arrays(question), old)


def test_nothing_is_signed_where_an_answer_is_another_one_now(shipped, monkeypatch):
    edit(monkeypatch, "waveform.files")
    compute = refresh.trained._compute

    def other(experiment, *rest):
        found = compute(experiment, *rest)
        if experiment.name == "two":
            found["probabilities"][0, 0, 0] += np.float16(2**-10)
        return found

    monkeypatch.setattr(refresh.trained, "_compute", other)
    with pytest.raises(ModelError, match=r"two-.*\.npz: probabilities is another one by the code of now.*make results"):
        refresh.confirm(shipped)
    assert set(refresh.out_of_date(shipped)) == {"one", "two"}


def test_a_change_of_the_training_is_not_confirmed(shipped, monkeypatch):
    edit(monkeypatch, "classify.networks")
    with pytest.raises(ModelError, match=r"one-.*\.npz: classify\.networks changed, by which networks are trained"):
        refresh.confirm(shipped)


def test_a_change_that_nothing_tries_is_not_confirmed(shipped, monkeypatch):
    edit(monkeypatch, "waveform.files")
    monkeypatch.setattr(refresh, "_is_quick", lambda _: False)
    with pytest.raises(ModelError, match=r"one-.*: waveform\.files changed, which no answer that is tried runs"):
        refresh.confirm(shipped)
    assert set(refresh.out_of_date(shipped)) == {"one", "two"}
