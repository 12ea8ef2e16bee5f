"""The first layer of networks trained on a reader's own study, and whether removing bands agrees with the reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from scipy.stats import spearmanr

from tremorlab.classify.augmentation import crop
from tremorlab.classify.networks import build
from tremorlab.classify.runs import Run
from tremorlab.dataset import spectra
from tremorlab.dataset.class_spectra import ClassSpectra, class_spectra, window_spectra
from tremorlab.experiment.own_data import Windows, network_for
from tremorlab.interpret import fir
from tremorlab.interpret.knockout import bands, knockout

#: Width and step of the bands that are removed (Hz), and most windows of each class that they are removed from.
_WIDTH_HZ, _STEP_HZ, _MOST = 1.5, 0.75, 100


@dataclass(frozen=True, eq=False)
class OwnReading:
    """What the filters pass and what the network loses, S seeds, F frequencies, K filters, B bands.

    Attributes
    ----------
    frequencies_hz : (F,)
    trained, untrained : list of (F, K)
        Amplitude responses of each seed, filters in the order of the energy that the next layer gets through them.
    bands_hz : (B, 2)
    passed : (S, B)
        Share of the input's energy that the filters pass in each band, weighted by what the next layer makes of them.
    fall : (S, B)
        Fall of balanced accuracy on test windows that lack the band.
    spectra : ClassSpectra
        Of the training windows, an interval over events.
    agreement : (S,)
        Rank correlation of ``passed`` and ``fall`` over bands that do not overlap; NaN where nothing falls.
    """

    frequencies_hz: np.ndarray
    trained: list[np.ndarray]
    untrained: list[np.ndarray]
    bands_hz: np.ndarray
    passed: np.ndarray
    fall: np.ndarray
    spectra: ClassSpectra
    agreement: np.ndarray


def read(found: Windows, runs: Sequence[Run]) -> OwnReading:
    """Read the first layers of trained networks and test the reading by removing bands."""
    rate, rule = found.study.preparation.sampling_rate_hz, found.study.running_spectrum
    fit, test = found.examples["train"], _some(found.examples["test"])
    running = spectra.running_spectra(fit.waveforms, rule, rate, normalise=False)
    frequencies = spectra.frequencies_hz(rule, rate)
    events = found.tables["train"]["event_id"].to_numpy()
    mean = class_spectra(window_spectra(running), frequencies, fit.labels, events, seed=found.study.seed)
    peak = np.abs(fit.waveforms).max(axis=(1, 2))
    level = np.sqrt(np.mean((running**2).mean(axis=(1, 3)) / peak[:, np.newaxis] ** 2, axis=0))
    removed = bands(_WIDTH_HZ, _STEP_HZ, rate)
    trained, untrained, passed, fall = [], [], [], []
    for run in runs:
        model = run.model()
        bank = fir.responses(model, rate)
        spectrum = np.interp(bank.frequencies_hz, frequencies, level)
        weights = fir.downstream(model)
        order = fir.rank(bank, spectrum, weights)["filter"].to_numpy()
        trained.append(bank.amplitude[:, order])
        keras.utils.set_random_seed(run.depends["seed"])  # the weights that this training began with
        begun = build(network_for(found.study), fit.waveforms.shape[1:], len(found.classes))
        untrained.append(fir.responses(begun, rate).amplitude)
        energy = np.square(bank.amplitude * spectrum[:, np.newaxis]) @ np.square(weights)
        inside = [(bank.frequencies_hz >= low) & (bank.frequencies_hz < high) for low, high in removed]
        passed.append([energy[chosen].sum() / energy.sum() for chosen in inside])
        fall.append(knockout(model, crop(test[0], model.input_shape[-1]), test[1], removed, rate)["fall"].to_numpy())
    passed, fall = np.array(passed), np.array(fall)
    apart = slice(None, None, round(_WIDTH_HZ / _STEP_HZ))
    # Where no band costs more than another there is no order to agree with.
    agreement = [
        spearmanr(p[apart], f[apart]).statistic if np.ptp(f[apart]) else np.nan
        for p, f in zip(passed, fall, strict=True)
    ]
    return OwnReading(
        bank.frequencies_hz, trained, untrained, removed, passed, fall, mean, np.array(agreement)
    )  # fmt: skip


def _some(part):
    """At most so many windows of each class, evenly."""
    rows = []
    for label in np.unique(part.labels):
        own = np.flatnonzero(part.labels == label)
        rows.append(own[np.unique(np.linspace(0, len(own) - 1, min(len(own), _MOST)).round().astype(int))])
    rows = np.concatenate(rows)
    return part.waveforms[rows], part.labels[rows]
