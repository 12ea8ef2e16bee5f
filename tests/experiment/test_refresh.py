"""What comes with the compendium: complete, small, and of the code that is here."""

import pytest

from tests.experiment.small import ask
from tremorlab.classify.networks import build, parameters
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
