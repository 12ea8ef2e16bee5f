"""A class that is rare, and ways of meeting that: experiments that differ in nothing else, and their scores.

The twin is a volcano with as many eruptions as VT earthquakes in the catalogue, of which training windows are then
taken away. Validation and test keep all of theirs: what is compared is training. Test windows are judged by what
happened, not by the catalogue; noise windows that hide an event, and events of a kind that is no class, are left out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss

from tremorlab.classify.augmentation import Augmentation
from tremorlab.classify.calibration import apply_temperature, calibration_error, fit_temperature, shift_prior
from tremorlab.classify.deployment import deploy, estimates
from tremorlab.classify.networks import WaveformNetwork
from tremorlab.classify.scores import bootstrap_recalls, interval
from tremorlab.classify.training import Training
from tremorlab.errors import ParameterError
from tremorlab.experiment.trained import Experiment, Result
from tremorlab.experiment.twin_windows import TwinWindows
from tremorlab.twin.scenario import configure

RARE = "eruption"

#: Way of meeting imbalance -> what it changes in the training.
STRATEGIES = {
    "plain": {"sampling": "plain"},
    "balanced": {"sampling": "balanced"},
    "class weights": {"sampling": "plain", "loss": "class_weights"},
    "focal loss": {"sampling": "plain", "loss": "focal"},
    "balanced, augmented": {"sampling": "balanced", "augmentation": Augmentation(noise=0.5, gap=0.3)},
}

#: Plain training, probabilities shifted to equal frequencies afterwards: it needs no training of its own.
AFTERWARDS = "plain, then Bayes"

#: Narrower than the default of the book, so that all of it is trained in a few minutes.
NETWORK = WaveformNetwork(channels=(4, 8, 16, 32), hidden=32, over_time="pooled")

_TRAINING = {"epochs": 5, "batch": 32, "learning_rate": 3e-3, "patience": 0}

#: One station, so that each window is an event by itself; both kinds more often than there, and a seed with which no
#: class is starved in any of the three periods.
_TWIN = {"setting": "sakurajima", "stations": 1, "rate_hz": 25, "seed": 15, "noise_windows": 1.5}
_RATES = {"eruption": 70.0, "vt": 160.0}


def windows(rare: int, others: int) -> TwinWindows:
    """So many training windows of the rare class, and of each other."""
    scenario = configure(**_TWIN, days=16, rates=_RATES)
    most = {"eruption": rare, "vt": others, "noise": others}
    return TwinWindows(scenario=scenario, shares=(0.45, 0.15, 0.4), most=most)


def experiments(imbalances: tuple[int, ...], others: int, seeds: tuple[int, ...]) -> dict[tuple[int, str], Experiment]:
    """Each strategy at each imbalance.

    Parameters
    ----------
    imbalances
        Windows of each other class to one of the rare class.
    others
        Training windows of each other class.
    seeds
        One training each.

    Raises
    ------
    ParameterError
        An imbalance leaves no window of the rare class.
    """
    asked = {}
    for imbalance in imbalances:
        if not 1 <= imbalance <= others:
            raise ParameterError(
                "imbalances", f"1 to {imbalance} of {others} windows", f"Give whole numbers from 1 to {others}"
            )
        for number, (strategy, changes) in enumerate(STRATEGIES.items()):
            asked[imbalance, strategy] = Experiment(
                name=f"imbalance_{imbalance}_{number}",
                windows=windows(others // imbalance, others),
                classifier=NETWORK,
                training=Training(**_TRAINING, **changes),
                seeds=seeds,
            )
    return asked


def at_noisier_sites(experiment: Experiment) -> Experiment:
    """The same trainings, tested at the same volcano with noisier sites and smaller events."""
    scenario = configure(**_TWIN, days=8, rates=_RATES, difficulty="hard")
    test = TwinWindows(scenario=scenario, shares=(0.15, 0.15, 0.7))
    return experiment.model_copy(update={"test": test, "name": f"{experiment.name}_noisier"})


def everything() -> list[Experiment]:
    """All that the page asks with the parameters that it comes with."""
    asked = experiments((1, 10, 100), 300, tuple(range(5)))
    return [*asked.values(), at_noisier_sites(asked[10, "balanced"])]


def judged(result: Result) -> np.ndarray:
    """Which test windows are judged: all but noise that hides an event, and events of a kind that is no class."""
    happened = result.table["true_class"]
    hiding = (happened == "noise") & (result.table["hidden"] > 0)
    return (happened.isin(result.classes) & ~hiding).to_numpy()


def truth(result: Result) -> np.ndarray:
    """What happened in each test window that is judged, counted from 0."""
    return result.table["true_class"][judged(result)].map(result.classes.index).to_numpy(int)


def answers(results: Mapping[tuple[int, str], Result]) -> dict[tuple[int, str], np.ndarray]:
    """Probabilities of each strategy, and of plain training corrected afterwards, (seeds, windows judged, classes)."""
    found = {key: _whole(result.probabilities[:, judged(result)]) for key, result in results.items()}
    for (imbalance, strategy), result in results.items():
        if strategy == "plain":
            counts = np.array([result.trained_on[name] for name in result.classes])
            equal = np.full(len(counts), 1 / len(counts))
            found[imbalance, AFTERWARDS] = shift_prior(found[imbalance, strategy], counts / counts.sum(), equal)
    return found


def recalls(results: Mapping[tuple[int, str], Result], rng: np.random.Generator, draws: int = 1000) -> pd.DataFrame:
    """Recall of each class and their mean, the balanced accuracy, of each strategy at each imbalance.

    Returns
    -------
    pandas.DataFrame
        One row an imbalance, strategy and ``of`` (a class, or "all" for their mean): ``mean`` over seeds, 95 %
        interval ``low`` to ``high`` over draws of events and seeds, ``least`` and ``most`` of the seeds.
    """
    first = next(iter(results.values()))
    chosen = judged(first)
    true, events = truth(first), first.table["event_id"].to_numpy()[chosen]
    found = answers(results)
    given = [each.argmax(axis=2) for each in found.values()]
    drawn = bootstrap_recalls(true, given, events, len(first.classes), draws=draws, rng=rng)
    rows = []
    for (imbalance, strategy), seeds, sampled in zip(found, given, drawn, strict=True):
        each = np.array([[(seed == n)[true == n].mean() for seed in seeds] for n in range(len(first.classes))])
        for of, by_seed, draws_of in zip(
            (*first.classes, "all"), [*each, each.mean(axis=0)], [*sampled, sampled.mean(axis=0)], strict=True
        ):
            low, high = interval(draws_of)
            figures = (by_seed.mean(), low, high, by_seed.min(), by_seed.max())
            rows.append((imbalance, strategy, of, *figures))
    return pd.DataFrame(rows, columns=["imbalance", "strategy", "of", "mean", "low", "high", "least", "most"])


def calibrations(results: Mapping[tuple[int, str], Result]) -> pd.DataFrame:
    """How far the probabilities of each strategy can be believed where classes are equally frequent.

    Returns
    -------
    pandas.DataFrame
        One row an imbalance and strategy: ``calibration_error`` of the most probable class and ``log_loss`` (classes
        weighted equally), means over seeds, and the ``spread`` of the latter (standard deviation).
    """
    first = next(iter(results.values()))
    true = truth(first)
    weights = 1 / np.bincount(true)[true]
    rows = []
    for (imbalance, strategy), seeds in answers(results).items():
        errors = [calibration_error(each, true) for each in seeds]
        losses = [log_loss(true, each, sample_weight=weights, labels=range(len(first.classes))) for each in seeds]
        rows.append((imbalance, strategy, np.mean(errors), np.mean(losses), np.std(losses, ddof=1)))
    return pd.DataFrame(rows, columns=["imbalance", "strategy", "calibration_error", "log_loss", "spread"])


def temperatures(result: Result) -> np.ndarray:
    """Temperature of each seed, fitted on validation windows, classes weighted equally."""
    true = result.validation_truth
    weights = 1 / np.bincount(true)[true]
    return np.array([fit_temperature(each, true, weights) for each in result.validation_probabilities])


def deployed(result: Result, shares: tuple[float, ...], rng: np.random.Generator, draws: int = 100) -> pd.DataFrame:
    """Each seed of a network that was trained with equal shares, in ``draws`` records of these shares altogether.

    Returns
    -------
    pandas.DataFrame
        As `tremorlab.classify.deployment.deploy`, with the column ``seed``.
    """
    parts = []
    for seed, given, temperature in _judged_seeds(result):
        known = {"trained": _equal(result), "temperature": temperature, "rare": result.classes.index(RARE)}
        number = -(-draws // len(result.probabilities))
        parts.append(deploy(*given, shares, **known, draws=number, rng=rng).assign(seed=seed))
    return pd.concat(parts, ignore_index=True)


def estimated(
    result: Result,
    prevalences: tuple[float, ...],
    rng: np.random.Generator,
    *,
    windows: int = 5000,
    calibrated: bool = True,
    draws: int = 20,
) -> pd.DataFrame:
    """Frequencies of the rare class, estimated by each seed from unlabelled records.

    Parameters
    ----------
    result
        Of a network that was trained with equal shares.
    prevalences
        True frequencies.
    rng
        Source of randomness.
    windows
        Of a record.
    calibrated
        Apply the temperature that was fitted on the validation windows.
    draws
        Records of each frequency, altogether.

    Returns
    -------
    pandas.DataFrame
        ``prevalence`` and ``estimated``, one row a record.
    """
    parts = []
    for _, (probabilities, *given), temperature in _judged_seeds(result):
        believed = apply_temperature(probabilities, temperature) if calibrated else probabilities
        known = {"trained": _equal(result), "rare": result.classes.index(RARE), "windows": windows}
        number = -(-draws // len(result.probabilities))
        parts.append(estimates(believed, *given, prevalences, **known, draws=number, rng=rng))
    return pd.concat(parts, ignore_index=True)


def _judged_seeds(result):
    """Of each seed: probabilities, truth and events of the windows judged; its temperature."""
    chosen = judged(result)
    true, events = truth(result), result.table["event_id"].to_numpy()[chosen]
    for seed, each, temperature in zip(
        result.experiment.seeds, result.probabilities, temperatures(result), strict=True
    ):
        yield seed, (_whole(each[chosen]), true, events), temperature


def _whole(probabilities):
    """Add up to one again: files hold half precision."""
    return probabilities / probabilities.sum(axis=-1, keepdims=True)


def _equal(result):
    return np.full(len(result.classes), 1 / len(result.classes))
