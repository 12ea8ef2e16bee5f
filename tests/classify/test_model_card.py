"""A network handed on: what is in the folder, what is refused."""

import json

import keras
import numpy as np
import pytest

from tests.classify.interrupted import NETWORK, TRAINING, examples
from tremorlab import study as studies
from tremorlab.classify import model_card
from tremorlab.classify.model_card import Score, check_study, describe, open_published, publish
from tremorlab.classify.training import probabilities, train
from tremorlab.errors import ModelError

WINDOWS = examples()
STUDY = studies.load("micro")
MORE = {
    "name": "micro_waveform",
    "title": "Three tones",
    "data": "48 windows of tones and noise",
    "split": "none: a test",
    "scores": {"balanced accuracy": Score(value=0.9, low=0.85, high=0.94)},
    "recall": {"a": 0.9, "b": 0.8, "c": 1.0},
    "temperature": 1.25,
    "limits": ["tones only"],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    settings = TRAINING.model_copy(update={"epochs": 1})
    return train(NETWORK, settings, WINDOWS, WINDOWS, "abc", seed=1, folder=tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    return publish(tmp_path_factory.mktemp("models") / "micro_waveform", run.model(), describe(run, STUDY, **MORE))


def test_the_folder_holds_a_network_and_two_cards_and_is_small(folder):
    assert {path.name for path in folder.iterdir()} == {"model.keras", "card.json", "CARD.md"}
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2e6
    assert [path.name for path in folder.parent.iterdir()] == ["micro_waveform"]


def test_it_opens_again_and_answers_the_same_here_and_in_plain_keras(folder, run):
    published = open_published(folder)
    expected = probabilities(run.model(), WINDOWS.waveforms)
    np.testing.assert_array_equal(probabilities(published.model, WINDOWS.waveforms), expected)
    plain = keras.models.load_model(folder / "model.keras", safe_mode=True)
    np.testing.assert_allclose(plain.predict(WINDOWS.waveforms, verbose=0), expected, atol=1e-6)
    assert published.card == describe(run, STUDY, **MORE)
    assert published.card.network == NETWORK


def test_the_text_says_what_a_user_needs(folder):
    text = (folder / "CARD.md").read_text()
    for part in (
        "# Three tones", "windows of 163.84 s, component(s) Z, 25 Hz, high-pass 0.2 Hz", "probabilities of a, b, c",
        "| balanced accuracy | 0.900 | 0.850 to 0.940 |", "| b | 0.800 |", "- tones only", "20 s after its start",
        "temperature 1.250", "LGPL-3.0",
    ):  # fmt: skip
        assert part in text


def test_onsets_anywhere_are_said(run):
    anywhere = STUDY.model_copy(update={"window": STUDY.window.model_copy(update={"onset": "anywhere"})})
    assert "anywhere in the window" in model_card.as_text(describe(run, anywhere, **MORE))


def test_nothing_is_replaced(folder, run):
    with pytest.raises(ModelError, match=r"micro_waveform: exists already\. Choose another name"):
        publish(folder, run.model(), describe(run, STUDY, **MORE))


def test_nothing_half_written_is_left(tmp_path, run, monkeypatch):
    monkeypatch.setattr(model_card, "as_text", lambda card: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        publish(tmp_path / "x", run.model(), describe(run, STUDY, **MORE))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("change", [{"components": "ZNE"}, {"classes": ["a", "b"]}])
def test_a_card_of_another_network_is_refused(tmp_path, run, change):
    card = describe(run, STUDY, **MORE, **change)
    with pytest.raises(
        ModelError, match=r"the network has 1 component\(s\) and 3 classes, its card \d and \d\. Publish"
    ):
        publish(tmp_path / "x", run.model(), card)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": 0}, "card of waveform, seed 1: temperature: Input should be greater than 0. Correct the"),
        ({"limits": []}, "limits: List should have at least 1 item"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"scores": {"x": {"value": 1}}}, "scores.x.low: Field required"),
    ],
)
def test_a_card_with_faults_is_refused(run, change, message):
    with pytest.raises(ModelError, match=message):
        describe(run, STUDY, **(MORE | change))


def test_a_damaged_folder_is_named(tmp_path, folder):
    with pytest.raises(ModelError, match=r"card.json: cannot be read: .*No such file"):
        open_published(tmp_path)
    (tmp_path / "card.json").write_text("{")
    with pytest.raises(ModelError, match=r"card.json: cannot be read: Expecting"):
        open_published(tmp_path)
    (tmp_path / "card.json").write_text(json.dumps({"name": "x"}))
    with pytest.raises(ModelError, match=r"card.json: title: Field required"):
        open_published(tmp_path)
    (tmp_path / "card.json").write_bytes((folder / "card.json").read_bytes())
    with pytest.raises(ModelError, match=r"model.keras: cannot be opened as a network"):
        open_published(tmp_path)


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        (
            "preparation",
            {"highpass_hz": 1.0},
            "study micro, preparation.highpass_hz: is 1.0, and network micro_waveform",
        ),
        ("window", {"samples": 2048}, "window.samples: is 2048, and network micro_waveform was trained with 4096"),
        ("running_spectrum", {"framing": "inside"}, "running_spectrum.framing: is 'inside'"),
    ],
)
def test_windows_prepared_otherwise_are_refused(folder, part, change, message):
    card = open_published(folder).card
    check_study(card, STUDY)
    other = STUDY.model_copy(update={part: getattr(STUDY, part).model_copy(update=change)})
    with pytest.raises(ModelError, match=message):
        check_study(card, other)
