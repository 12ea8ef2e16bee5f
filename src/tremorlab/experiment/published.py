"""Trained networks that come with the compendium, with a card each: one of either kind for each setting.

They are the first seed of the comparison's networks, with the temperature of their validation windows in the weights.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from tremorlab import paths
from tremorlab.classify.calibration import apply_temperature, calibrated, calibration_error, fit_temperature
from tremorlab.classify.model_card import Published, Score, describe, open_published, publish
from tremorlab.classify.scores import balanced_accuracy, bootstrap, by_class, confusion, interval
from tremorlab.dataset.balance import class_weights
from tremorlab.errors import ModelError
from tremorlab.experiment.trained import Experiment, Result, result, runs
from tremorlab.experiment.twin_windows import divided

#: Folder of the networks that come with the compendium.
FOLDER = paths.DATA / "models"

LIMITS = [
    "Trained on simulated records only; on recorded ones expect less, and test before use.",
    "Knows its three classes and nothing else: whatever comes is called one of them.",
    "One component, and stations like those of the training.",
    "Not an alarm system.",
]


def available() -> list[str]:
    """Names of the networks that come with the compendium."""
    return sorted(path.parent.name for path in FOLDER.glob("*/card.json"))


def load(name: str) -> Published:
    """Open one of them with its card.

    Raises
    ------
    ModelError
        There is none of that name, or it is damaged.
    """
    if name not in available():
        raise ModelError(
            f"network {name}", "does not come with the compendium", f"Choose from {', '.join(available())}"
        )
    return open_published(FOLDER / name)


def temperature(found: Result, seed: int) -> float:
    """Temperature of a training, fitted on its validation windows with all classes of the same weight."""
    truth = found.validation_truth
    weights = class_weights(truth, len(found.classes))[truth]
    return fit_temperature(found.validation_probabilities[seed], truth, weights)


def put(experiment: Experiment, name: str, title: str, folder: Path = FOLDER) -> Path:
    """Write the first training of an experiment as a network with its card, in place of an older one of that name.

    Parameters
    ----------
    experiment
        Trained, or it will be.
    name, title
        Of the network.
    folder
        Where to.
    """
    found, run = result(experiment), runs(experiment.model_copy(update={"seeds": experiment.seeds[:1]}), workers=1)[0]
    heat = temperature(found, 0)
    shares = apply_temperature(found.probabilities[0], heat)
    windows = experiment.windows
    scenario = windows.scenario
    table = by_class(found.truth, shares, found.classes)
    card = describe(
        run,
        divided(windows).study,
        name=name,
        title=title,
        data=f"simulated: setting {scenario.setting}, difficulty {scenario.difficulty}, {scenario.days} days, "
        f"{len(scenario.geometry.stations)} stations, seed {scenario.seed}; windows "
        + ", ".join(f"{kind} {number}" for kind, number in found.trained_on.items()),
        split=f"by {windows.split}, shares {', '.join(f'{share:g}' for share in windows.shares)}",
        scores=_scores(found, shares),
        recall=table["recall"].to_dict(),
        temperature=heat,
        limits=LIMITS,
    )
    target = folder / name
    if target.exists():
        shutil.rmtree(target)
    return publish(target, calibrated(run.model(), heat), card)


def _scores(found: Result, shares: np.ndarray) -> dict[str, Score]:
    predicted, classes = shares.argmax(axis=1), len(found.classes)
    drawn = bootstrap(found.truth, [predicted], found.table["event_id"], classes, rng=np.random.default_rng(0))[0]
    value = balanced_accuracy(confusion(found.truth, predicted, classes))
    low, high = interval(drawn)
    rng = np.random.default_rng(0)
    rows = rng.integers(0, len(shares), (200, len(shares)))
    errors = [calibration_error(shares[row], found.truth[row]) for row in rows]
    return {
        "balanced accuracy": Score(value=value, low=low, high=high),
        "calibration error": Score(
            value=calibration_error(shares, found.truth),
            low=interval(errors)[0],
            high=interval(errors)[1],
        ),
    }
