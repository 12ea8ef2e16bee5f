"""A trained network as it is handed on: weights, labels, preprocessing, scores and limits in one folder.

    sakurajima_waveform/
        model.keras   opens with tremorlab and with plain keras.models.load_model(path, safe_mode=True)
        card.json     everything below, for programs
        CARD.md       the same, for people
        detector.onnx the same network without Keras, once `tremorlab.detect.export` has written it

Calibration is inside the weights (`tremorlab.classify.calibration.calibrated`), normalisation inside the network; what
has to be done to a record before is in the card, and `check_study` compares it with a study.
"""

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import keras
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tremorlab import __version__, untrusted
from tremorlab.classify.networks import Network
from tremorlab.classify.runs import Run, load
from tremorlab.classify.training import Training
from tremorlab.errors import ModelError
from tremorlab.study import Preparation, RunningSpectrum, Study, Window

_REMEDY = "Publish it again with tremorlab.classify.model_card.publish"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Score(_Record):
    """A number with the interval that most draws of events lie in."""

    value: float
    low: float
    high: float


class Card(_Record):
    """What a user of a trained network has to know."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str = Field(description="one line")
    classes: list[str] = Field(min_length=2, description="in the order of the outputs")
    components: str = Field(description="component codes in the order of the input")
    preparation: Preparation = Field(description="what was done to the records")
    window: Window = Field(description="length of a window, and where onsets lay in training")
    running_spectrum: RunningSpectrum = Field(description="decides the margins at both ends of a window")
    network: Network
    training: Training
    seed: int
    data: str = Field(description="what it was trained on, and how much of it")
    data_licence: str = Field(description="licence of the training data")
    split: str = Field(description="how training, validation and test were kept apart")
    scores: dict[str, Score] = Field(min_length=1, description="on the test windows, with intervals")
    recall: dict[str, float] = Field(description="share of each class that is recognised in the test")
    temperature: float = Field(gt=0, description="already applied to the weights")
    limits: list[str] = Field(min_length=1, description="where it should not be trusted")
    licence: str = Field("MIT", description="licence of the weights")
    windows_hash: list[str] = Field(description="SHA-256 of the training and the validation windows")
    code_hash: str = Field(description="SHA-256 of the training code")
    version: str = Field(__version__, description="of tremorlab")
    keras: str = Field(keras.__version__, description="version that saved the network")


@dataclass(frozen=True, eq=False)
class Published:
    """A network and its card."""

    model: keras.Model
    card: Card


def describe(run: Run, study: Study, **more) -> Card:
    """Make the card of a finished run.

    Parameters
    ----------
    run
        The training.
    study
        Says how the records were prepared and cut, and under which licence.
    more
        The other fields of `Card`: name, title, data, split, scores, recall, temperature, limits.

    Raises
    ------
    ModelError
        A field is missing or out of range.
    """
    depends = run.depends
    preparation = study.preparation.model_copy(update={"inventory": ""})  # a file of whoever trained it
    fields = {
        "classes": depends["classes"], "components": study.components, "preparation": preparation,
        "window": study.window, "running_spectrum": study.running_spectrum, "network": depends["network"],
        "training": depends["training"], "seed": depends["seed"], "data_licence": study.licence,
        "windows_hash": depends["windows"], "code_hash": depends["code"],
    }  # fmt: skip
    return _valid(fields | more, f"card of {run.name}")


def publish(folder: str | Path, model: keras.Model, card: Card) -> Path:
    """Write a network and its card; the folder appears when it is whole.

    Raises
    ------
    ModelError
        The folder exists, or the network does not have the classes and components of the card.
    """
    folder = Path(folder)
    if folder.exists():
        raise ModelError(folder, "exists already", "Choose another name, or remove it")
    _compare(model, card, folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        scratch.chmod(0o755)  # mkdtemp makes it private
        model.save(scratch / "model.keras")
        (scratch / "card.json").write_text(card.model_dump_json(indent=2), encoding="utf-8")
        (scratch / "CARD.md").write_text(as_text(card), encoding="utf-8")
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def open_published(folder: str | Path) -> Published:
    """Open a network and its card.

    Raises
    ------
    ModelError
        A file is missing or damaged, holds more than a network of ours, or names a file of its own; or the two do not
        belong together.
    """
    path = Path(folder) / "card.json"
    try:
        card = _valid(json.loads(path.read_text(encoding="utf-8")), path)
    except (OSError, ValueError) as error:
        raise ModelError(path, f"cannot be read: {error}", _REMEDY) from error
    if card.preparation.inventory:
        problem = f"preparation.inventory names a file, {card.preparation.inventory[:200]!r}"
        raise ModelError(path, problem, "Leave it empty: station metadata are the user's")
    untrusted.network(Path(folder) / "model.keras", ModelError)
    model = load(Path(folder) / "model.keras")
    _compare(model, card, folder)
    return Published(model, card)


def check_study(card: Card, study: Study) -> None:
    """Make sure that windows of a study are prepared as those that a network was trained on.

    Raises
    ------
    ModelError
        Names the first setting that differs. Where onsets lay, which stations and which catalogue is no matter.
    """
    pairs = {
        "components": (card.components, study.components),
        **{
            f"preparation.{name}": (getattr(card.preparation, name), getattr(study.preparation, name))
            for name in ("sampling_rate_hz", "highpass_hz", "output")
        },
        "window.samples": (card.window.samples, study.window.samples),
        **{
            f"running_spectrum.{name}": (getattr(card.running_spectrum, name), getattr(study.running_spectrum, name))
            for name in ("hop_samples", "framing")
        },
    }
    for name, (trained, given) in pairs.items():
        if trained != given:
            raise ModelError(
                f"study {study.name}, {name}",
                f"is {given!r}, and network {card.name} was trained with {trained!r}",
                "Change the study, or train a network with it",
            )


def as_text(card: Card) -> str:
    """Write a card as Markdown."""
    rows = [f"| {name} | {each.value:.3f} | {each.low:.3f} to {each.high:.3f} |" for name, each in card.scores.items()]
    recalls = [f"| {name} | {value:.3f} |" for name, value in card.recall.items()]
    prepared = card.preparation
    window_s = card.window.samples / prepared.sampling_rate_hz
    onset = (
        "anywhere in the window" if card.window.onset == "anywhere" else f"{card.window.onset_s:g} s after its start"
    )
    lines = [
        f"# {card.title}", "",
        f"`{card.name}`, tremorlab {card.version}, Keras {card.keras}, weights under {card.licence}.", "",
        "## What goes in and what comes out", "",
        f"- in: windows of {window_s:g} s, component(s) {card.components}, {prepared.sampling_rate_hz:g} Hz, high-pass "
        f"{prepared.highpass_hz:g} Hz, {prepared.output}, float32 (windows, components, samples with the margins of "
        "the running spectrum); any unit, since the network divides by the maximum",
        f"- out: probabilities of {', '.join(card.classes)}, at equal frequencies; temperature {card.temperature:.3f} "
        "is in the weights", "",
        "## Training", "",
        f"- data: {card.data} ({card.data_licence})",
        f"- split: {card.split}",
        f"- onsets of short events in training: {onset}",
        f"- network: {card.network.kind}, seed {card.seed}; sampling {card.training.sampling}, loss "
        f"{card.training.loss}",
        f"- windows `{card.windows_hash[0][:12]}`, validation `{card.windows_hash[1][:12]}`, code "
        f"`{card.code_hash[:12]}`", "",
        "## Scores on the test windows", "",
        "| score | value | interval |", "| --- | --- | --- |", *rows, "",
        "| class | recall |", "| --- | --- |", *recalls, "",
        "## Limits", "",
        *(f"- {limit}" for limit in card.limits), "",
    ]  # fmt: skip
    return "\n".join(lines)


def _valid(fields, where):
    try:
        return Card.model_validate(fields)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ModelError(where, problems, "Correct the fields named here") from error


def _compare(model, card, where):
    found = (model.input_shape[1], model.output_shape[-1])
    if found != (len(card.components), len(card.classes)):
        raise ModelError(
            where,
            f"the network has {found[0]} component(s) and {found[1]} classes, its card {len(card.components)} and "
            f"{len(card.classes)}",
            _REMEDY,
        )
