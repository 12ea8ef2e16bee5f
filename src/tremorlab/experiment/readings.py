"""What networks make of twin windows: their first filters, and the bands that their answers hang on, seed by seed.

    ask = Question(name="nankai_2", windows=DirectWindows(...), network=WaveformNetwork(channels=(2, 16, 16, 16)))
    found = reading(ask)         # read from a file where there is one, else trained, which takes minutes
    found.arrays["kernel"]       # (seeds, taps, components, filters)
    found.responses(0)           # of the filters of the first seed

The arrays of a reading, with S seeds, n test windows, C classes, K filters, B bands:

    classes, truth (n,), predicted (S, n)
    frequencies_hz (F,), spectra (C, F), spectra_low, spectra_high: class means of log10 amplitude and 95 % interval
    crossing (rows of first, second, frequency_hz, low_hz, high_hz; classes by number)
    input (F,): amplitude spectrum of a training window, root mean square over windows divided by their maximum
    kernel, initial (S, taps, components, K), downstream (S, K): of waveform networks, after and before training
    waves_hz (W,), cascade (S, W, K): mean output of convolution, rectification and pooling for sine waves
    cost (S, K), evidence (S, K, C), null (S,): `tremorlab.interpret.influence`

and of causal readings

    bands (S, B, 2), the same for all seeds, fall (S, B): `tremorlab.interpret.knockout.knockout`
    credit (S, B): integrated gradients between the middles of neighbouring bands
    occluded (S, B): fall of balanced accuracy when a band is blotted out of the picture, of two-dimensional networks
    whitened, random_phases (S,): balanced accuracy on test windows changed like that
    splits (P,), two_bands (P,): balanced accuracy of `tremorlab.interpret.knockout.two_bands`
    exchange (S, 2, 3): `tremorlab.interpret.knockout.exchanged` of the first two classes, split at ``split_hz``
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import keras
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tremorlab import paths
from tremorlab.classify.augmentation import crop
from tremorlab.classify.networks import SpectrumNetwork, WaveformNetwork, build
from tremorlab.classify.scores import balanced_accuracy, confusion
from tremorlab.classify.training import Examples, Training, probabilities, train
from tremorlab.dataset import spectra
from tremorlab.dataset.class_spectra import class_spectra, crossings, window_spectra
from tremorlab.experiment import direct_windows, recorded_windows, store
from tremorlab.experiment.direct_windows import SAMPLES, DirectWindows, changed
from tremorlab.experiment.recorded_windows import RecordedWindows
from tremorlab.interpret import attribution, fir, transfer
from tremorlab.interpret.influence import influence
from tremorlab.interpret.knockout import bands, exchanged, knockout, two_bands
from tremorlab.study import RunningSpectrum
from tremorlab.twin.direct import RATE_HZ

#: Where the code begins that a reading depends on.
MODULES = ("tremorlab.experiment.readings",)

#: Width and step of the bands that are removed (Hz).
_WIDTH_HZ, _STEP_HZ = 1.5, 0.75

#: Where the two bands of the logistic model meet (Hz).
_SPLITS_HZ = np.arange(3.0, 9.0, 1.0)

#: Sine waves that are sent through the first stage (Hz).
_WAVES_HZ = np.arange(0.5, 12.51, 0.25)

#: Windows whose gradients are integrated.
_CREDITED = 48


class Question(BaseModel):
    """What is trained, on what, and whether its use of bands is tested."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9_]+$", description="names the file; does not count")
    windows: DirectWindows | RecordedWindows = Field(discriminator="kind")
    network: WaveformNetwork | SpectrumNetwork = Field(discriminator="kind")
    training: Training = Training(epochs=15, batch=16, learning_rate=2e-3, patience=0)
    seeds: tuple[int, ...] = Field(min_length=1)
    causal: bool = Field(False, description="remove bands, exchange them, integrate gradients")
    split_hz: float = Field(5.0, description="where low and high frequencies meet in the exchange")


@dataclass(frozen=True, eq=False)
class Reading:
    """The answer to a question; see the module's text for the arrays."""

    question: Question
    arrays: dict[str, np.ndarray]
    origin: str
    changed: tuple[str, ...]

    @cached_property
    def balanced_accuracy(self) -> np.ndarray:
        """Of each seed on the test windows."""
        classes = len(self.arrays["classes"])
        scores = [confusion(self.arrays["truth"], guess, classes) for guess in self.arrays["predicted"]]
        return np.array([balanced_accuracy(score) for score in scores])

    def responses(self, seed: int, initial: bool = False) -> fir.Responses:
        """Responses of the filters of one seed, after training or before."""
        return fir.of_kernel(self.arrays["initial" if initial else "kernel"][seed].astype(float), RATE_HZ)

    def ranked(self, seed: int, initial: bool = False) -> np.ndarray:
        """Filters of one seed by the energy that the next layer gets through them, largest first."""
        found = self.responses(seed, initial)
        spectrum = np.interp(found.frequencies_hz, self.arrays["frequencies_hz"], self.arrays["input"])
        weights = None if initial else self.arrays["downstream"][seed]
        return fir.rank(found, spectrum, weights)["filter"].to_numpy()


def reading(question: Question, *, again: bool = False, shipped: bool = True) -> Reading:
    """Find the answer to a question, or train and keep it.

    Parameters and errors are those of `tremorlab.experiment.store.answer` and `tremorlab.classify.training.train`.
    """
    found = store.answer(question, lambda: _compute(question), modules=MODULES, again=again, shipped=shipped)
    return Reading(question, found.arrays, found.origin, found.changed)


def _compute(question):
    rooms = {"direct": direct_windows, "recorded": recorded_windows}
    parts = rooms[question.windows.kind].divided(question.windows)
    test = parts[2]
    arrays = {"classes": np.array(question.windows.classes), "truth": test.labels.astype("i1")}
    arrays |= _spectra(parts) | {"waves_hz": _WAVES_HZ}
    if question.causal:
        arrays |= _two_bands(parts)
    seeds = [_of_seed(question, parts, seed) for seed in question.seeds]
    return arrays | {name: np.stack([found[name] for found in seeds]) for name in seeds[0]}


def _of_seed(question, parts, seed):
    fit, validation, test = parts
    names = list(question.windows.classes)
    folder = paths.derived() / "runs"
    run = train(question.network, question.training, fit, validation, names, seed=seed, folder=folder)
    model, rng = run.model(), np.random.default_rng([seed, 5])
    found = {"predicted": probabilities(model, test.waveforms).argmax(axis=1).astype("i1")}
    if question.network.kind == "waveform":
        found |= _filters(question, model, test, seed, rng)
    if question.causal:
        found |= _bands(question, model, test, rng)
    return found


def _filters(question, model, test, seed, rng):
    told = influence(model, test.waveforms, test.labels, rng=rng, rate_hz=RATE_HZ)
    keras.utils.set_random_seed(seed)  # as training does, before it builds the network
    fresh = build(question.network, test.waveforms.shape[1:], len(question.windows.classes))
    kernels = [fir.first_convolution(network).get_weights()[0] for network in (model, fresh)]
    return {
        "kernel": kernels[0],
        "initial": kernels[1],
        "downstream": fir.downstream(model),
        "cascade": transfer.cascade(transfer.first_stage(model), _WAVES_HZ, 1, RATE_HZ)[..., 0],
        "cost": told.filters["cost"].to_numpy(),
        "evidence": told.evidence,
        "null": np.array(told.null),
    }


def _bands(question, model, test, rng):
    removed = bands(_WIDTH_HZ, _STEP_HZ, RATE_HZ)
    table = knockout(model, test.waveforms, test.labels, removed, RATE_HZ)
    classes = len(question.windows.classes)
    scores = {}
    for change in ("whitened", "random phases"):
        guesses = probabilities(model, changed(test.waveforms, change, rng)).argmax(axis=1)
        scores[change.replace(" ", "_")] = np.array(balanced_accuracy(confusion(test.labels, guesses, classes)))
    if question.network.kind == "spectrum":
        scores["occluded"] = _occluded(question, model, test, removed)
    mixed = exchanged(model, test.waveforms, test.labels, (0, 1), question.split_hz, rng=rng, rate_hz=RATE_HZ)
    return {
        "bands": removed,
        "fall": table["fall"].to_numpy(),
        "credit": _credit(question, model, test, removed, rng),
        "exchange": mixed[["as_high", "as_low", "other"]].to_numpy(),
        **scores,
    }


def _occluded(question, model, test, removed):
    frequencies = spectra.frequencies_hz(question.network.spectrum, RATE_HZ)
    rows = [slice(*np.searchsorted(frequencies, band)) for band in removed]
    answers = attribution.occlude(model, test.waveforms, [slice(0, 0), *rows]).argmax(axis=2)
    classes = len(question.windows.classes)
    whole, *scores = (balanced_accuracy(confusion(test.labels, guesses, classes)) for guesses in answers)
    return whole - np.array(scores)


def _credit(question, model, test, removed, rng):
    """Mean contribution of each band to the answer, from windows of the last class, noise, to all others."""
    events = np.flatnonzero(test.labels < len(question.windows.classes) - 1)
    noise = np.flatnonzero(test.labels == len(question.windows.classes) - 1)
    chosen = rng.permutation(events)[:_CREDITED]
    references = test.waveforms[rng.choice(noise, len(chosen))]
    f, found = attribution.integrated_gradients(
        model, test.waveforms[chosen], test.labels[chosen], references, steps=8, rate_hz=RATE_HZ
    )
    middles = removed.mean(axis=1)
    edges = np.r_[middles - _STEP_HZ / 2, middles[-1] + _STEP_HZ / 2]
    return attribution.in_bands(f, found, edges).mean(axis=0)


def _spectra(parts):
    settings = RunningSpectrum()
    waveforms = np.concatenate([crop(part.waveforms, SAMPLES) for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    running = spectra.running_spectra(waveforms, settings, RATE_HZ, normalise=False)
    frequencies = spectra.frequencies_hz(settings, RATE_HZ)
    mean = class_spectra(window_spectra(running), frequencies, labels, np.arange(len(labels)), seed=1)
    order = np.argsort(mean.classes)  # classes come in the order of their first window
    low, high = mean.interval()[:, order]
    crossed = crossings(mean)
    peak = np.abs(waveforms).max(axis=(1, 2))
    level = np.sqrt(np.mean((running**2).mean(axis=(1, 3)) / peak[:, np.newaxis] ** 2, axis=0))
    return {
        "frequencies_hz": frequencies,
        "spectra": mean.mean[order],
        "spectra_low": low,
        "spectra_high": high,
        "crossing": crossed.to_numpy(float).reshape(-1, 5),
        "input": level,
    }


def _two_bands(parts):
    fit, _, test = parts
    near = Examples(crop(fit.waveforms, SAMPLES), fit.labels)
    classes = int(test.labels.max()) + 1
    scores = []
    for split in _SPLITS_HZ:
        guesses = two_bands((near.waveforms, near.labels), (test.waveforms, test.labels), split, RATE_HZ)
        scores.append(balanced_accuracy(confusion(test.labels, guesses, classes)))
    return {"splits": _SPLITS_HZ, "two_bands": np.array(scores)}
