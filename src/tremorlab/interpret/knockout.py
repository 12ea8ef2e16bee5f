"""Causal tests: what becomes of the answers when a band is taken out of the windows, or exchanged between classes.

A correlation between filters and spectra shows what a network could use. That its score falls when a band is
removed, and does not when another is, shows what it does use. The windows are changed, never the network.
"""

from collections.abc import Sequence

import keras
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tremorlab.classify.scores import balanced_accuracy, confusion
from tremorlab.classify.training import probabilities
from tremorlab.interpret.spectral_changes import exchange_bands, keep_band, remove_band


def bands(width_hz: float = 1.0, step_hz: float = 0.5, rate_hz: float = 25.0, lowest_hz: float = 1.0) -> np.ndarray:
    """Bands of equal width that move up by a step, shape (bands, 2), the last ending at the Nyquist frequency."""
    starts = np.arange(lowest_hz, rate_hz / 2 - width_hz + 1e-9, step_hz)
    return np.stack([starts, starts + width_hz], axis=1)


def knockout(
    model: keras.Model, waveforms: np.ndarray, labels: ArrayLike, removed_hz: ArrayLike, rate_hz: float = 25.0
) -> pd.DataFrame:
    """Score a network on windows that lack one band after the other.

    Parameters
    ----------
    model
        Any network of `tremorlab.classify.networks`: one- and two-dimensional ones read the same waveforms.
    waveforms, labels
        Windows (n, components, samples) that it was not trained on, and their classes counted from 0.
    removed_hz
        Bands, shape (bands, 2).
    rate_hz
        Sampling rate.

    Returns
    -------
    pandas.DataFrame
        low_hz, high_hz, balanced_accuracy and fall (that with all bands minus that without this one).
    """
    labels = np.asarray(labels)
    whole = _score(model, waveforms, labels)
    rows = []
    for low, high in np.asarray(removed_hz, float):
        score = _score(model, remove_band(waveforms, low, high, rate_hz), labels)
        rows.append({"low_hz": low, "high_hz": high, "balanced_accuracy": score, "fall": whole - score})
    return pd.DataFrame(rows)


def exchanged(
    model: keras.Model,
    waveforms: np.ndarray,
    labels: ArrayLike,
    pair: Sequence[int],
    split_hz: float,
    *,
    rng: np.random.Generator,
    rate_hz: float = 25.0,
) -> pd.DataFrame:
    """Exchange low and high frequencies between windows of two classes, and see which of them the answer follows.

    Parameters
    ----------
    model, waveforms, labels, rate_hz
        As for `knockout`.
    pair
        The two classes, counted from 0.
    split_hz
        Frequency between low and high.
    rng
        Pairs the windows.

    Returns
    -------
    pandas.DataFrame
        One row for each class whose high frequencies are kept: high, low (classes), windows, and the shares of answers
        as_high, as_low and other.
    """
    labels = np.asarray(labels)
    members = [rng.permutation(np.flatnonzero(labels == label)) for label in pair]
    number = min(map(len, members))
    mixed = exchange_bands(*(waveforms[rows[:number]] for rows in members), split_hz, rate_hz)
    rows = []
    for windows, high, low in zip(mixed, pair, tuple(pair)[::-1], strict=True):
        guesses = probabilities(model, windows).argmax(axis=1)
        shares = {"as_high": np.mean(guesses == high), "as_low": np.mean(guesses == low)}
        rows.append({"high": high, "low": low, "windows": number, **shares, "other": 1 - sum(shares.values())})
    return pd.DataFrame(rows)


def band_energies(waveforms: np.ndarray, split_hz: float, lowest_hz: float = 1.0, rate_hz: float = 25.0) -> np.ndarray:
    """Decadic logarithm of the rms below and above a frequency, of windows divided by their maximum, shape (n, 2)."""
    low = keep_band(waveforms, lowest_hz, split_hz, rate_hz).astype(float)
    high = keep_band(waveforms, split_hz, rate_hz / 2, rate_hz).astype(float)
    energy = np.stack([np.sqrt(np.mean(part**2, axis=(1, 2))) for part in (low, high)], axis=1)
    return np.log10(np.maximum(energy / np.abs(waveforms).max(axis=(1, 2))[:, np.newaxis], 1e-12))


def two_bands(
    fit: tuple[np.ndarray, ArrayLike], test: tuple[np.ndarray, ArrayLike], split_hz: float, rate_hz: float = 25.0
) -> np.ndarray:
    """Classes that a logistic model gives windows when it knows the energy below and above a frequency, and no more.

    Parameters
    ----------
    fit, test
        Waveforms (n, components, samples) and their classes.
    split_hz
        Frequency between the two bands.
    rate_hz
        Sampling rate.

    Returns
    -------
    numpy.ndarray
        Class of each window of the test.
    """
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000))
    model.fit(band_energies(fit[0], split_hz, rate_hz=rate_hz), fit[1])
    return model.predict(band_energies(test[0], split_hz, rate_hz=rate_hz))


def _score(model, waveforms, labels):
    guesses = probabilities(model, waveforms).argmax(axis=1)
    return balanced_accuracy(confusion(labels, guesses, model.output_shape[-1]))
