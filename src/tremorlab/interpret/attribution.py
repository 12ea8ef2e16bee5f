"""How much each frequency contributes to an answer: integrated gradients, taken apart by frequency.

Integrated gradients (Sundararajan, Taly and Yan 2017, ICML, PMLR 70, 3319-3328) divide the difference between the
answers to a window and to a reference among the samples. Both sides of a product over samples are products over
frequencies (Parseval), so that the same difference is divided among frequencies instead:

    sum over t of g_t d_t  =  sum over k of Re(conj(G_k) D_k) c_k / N,   c_k = 1 at both ends of the spectrum, else 2,

with g the mean gradient on the way from the reference to the window, d their difference, G and D their transforms.
Both networks read the waveform, the two-dimensional one through its running spectrum, so that both are taken apart
along the same axis.

The networks divide each window by its maximum: nothing changes on the way from silence to a window, and silence is
no reference. Windows of noise are.
"""

from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import spearmanr

from tremorlab.classify.augmentation import crop
from tremorlab.errors import ModelError

#: Windows whose gradients are taken at a time.
_BATCH = 64


def integrated_gradients(
    model: keras.Model,
    waveforms: np.ndarray,
    labels: ArrayLike,
    references: np.ndarray,
    *,
    steps: int = 16,
    rate_hz: float = 25.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Contribution of each frequency to the probability of the own class.

    Parameters
    ----------
    model
        Any network of `tremorlab.classify.networks`, on the TensorFlow backend.
    waveforms, labels
        Windows (n, components, samples) and the class whose probability is explained.
    references
        A window for each, of the same shape, where the way begins. Both are divided by their maximum first.
    steps
        Points of the integral along the way (midpoint rule).
    rate_hz
        Sampling rate.

    Returns
    -------
    frequencies_hz : numpy.ndarray
        Shape (F,).
    contributions : numpy.ndarray
        Shape (n, F); their sum over frequencies is the probability for the window minus that for the reference, but
        for the error of the integral.

    Raises
    ------
    ModelError
        Shapes differ, or Keras runs on another backend.
    """
    if keras.backend.backend() != "tensorflow":
        raise ModelError("integrated gradients", f"Keras runs on {keras.backend.backend()}", "Set KERAS_BACKEND")
    if waveforms.shape != references.shape or len(waveforms) != len(np.asarray(labels)):
        raise ModelError(
            "integrated gradients",
            f"{waveforms.shape} windows, {references.shape} references, {len(np.asarray(labels))} labels",
            "Give one reference and one label for each window",
        )
    samples = model.input_shape[-1]
    ends, starts = (_scaled(crop(part, samples)) for part in (waveforms, references))
    labels = np.asarray(labels)
    weights = np.full(samples // 2 + 1, 2.0)
    weights[0] = 1
    if samples % 2 == 0:
        weights[-1] = 1
    found = []
    for first in range(0, len(ends), _BATCH):
        part = slice(first, first + _BATCH)
        difference = ends[part] - starts[part]
        gradient = np.mean(
            [_gradient(model, starts[part] + (step + 0.5) / steps * difference, labels[part]) for step in range(steps)],
            axis=0,
        )
        product = np.conj(np.fft.rfft(gradient)) * np.fft.rfft(difference)
        found.append(product.real.sum(axis=1) * weights / samples)
    return np.fft.rfftfreq(samples, 1 / rate_hz), np.concatenate(found)


def in_bands(frequencies_hz: np.ndarray, contributions: np.ndarray, edges_hz: ArrayLike) -> np.ndarray:
    """Sums of contributions between edges, shape (n, edges - 1)."""
    place = np.searchsorted(frequencies_hz, np.asarray(edges_hz, float))
    total = np.concatenate([np.zeros((len(contributions), 1)), np.cumsum(contributions, axis=1)], axis=1)
    return np.diff(total[:, place], axis=1)


def occlude(model: keras.Model, waveforms: np.ndarray, rows: Sequence[slice]) -> np.ndarray:
    """Answers of a two-dimensional network whose running spectrum lacks some frequencies.

    Parameters
    ----------
    model
        A spectrum network with linear amplitude.
    waveforms
        Windows (n, components, samples).
    rows
        Frequencies that are set to zero, counted from the lowest of the running spectrum, one slice an answer.

    Returns
    -------
    numpy.ndarray
        Shape (slices, n, classes).

    Raises
    ------
    ModelError
        The network has no running spectrum of linear amplitude.
    """
    names = [layer.name for layer in model.layers]
    if model.name != "spectrum" or "logarithm" in names:
        raise ModelError(f"network {model.name}", "has no picture of linear amplitude", "Give a spectrum network")
    picture = model.get_layer("running_spectrum").output
    draw, look = keras.Model(model.input, picture), keras.Model(picture, model.output)
    pictures = draw.predict(crop(waveforms, model.input_shape[-1]), batch_size=_BATCH, verbose=0)
    answers = []
    for row in rows:
        hidden = pictures.copy()
        hidden[:, :, row] = 0
        answers.append(look.predict(hidden, batch_size=_BATCH, verbose=0))
    return np.array(answers)


def agreement(first: ArrayLike, second: ArrayLike) -> tuple[float, float]:
    """Rank correlation of two profiles over bands, and how often shifted profiles agree as well.

    Neighbouring bands are alike, so that bands may not be drawn in another order. The null shifts one profile around
    its end, and does the same with it reversed, which keeps what is alike beside each other.

    Parameters
    ----------
    first, second
        One value a band, in the order of frequency.

    Returns
    -------
    correlation, p : float
        Spearman's; the share of shifts with a correlation at least as large, itself included.
    """
    first, second = np.asarray(first, float), np.asarray(second, float)
    correlation = spearmanr(first, second).statistic
    shifted = [np.roll(order, n) for order in (second, second[::-1]) for n in range(len(second))]
    null = np.array([spearmanr(first, other).statistic for other in shifted])
    return float(correlation), float(np.mean(null >= correlation - 1e-12))


def _scaled(windows):
    windows = np.asarray(windows, np.float32)
    return windows / np.maximum(np.abs(windows).max(axis=(1, 2), keepdims=True), np.finfo(np.float32).tiny)


def _gradient(model, windows, labels):
    """Gradient of the probability of each window's class with respect to its samples."""
    import tensorflow as tf  # only this function needs a backend of its own

    windows = tf.convert_to_tensor(windows)
    with tf.GradientTape() as tape:
        tape.watch(windows)
        chosen = tf.gather(model(windows, training=False), labels, batch_dims=1)
    return tape.gradient(chosen, windows).numpy()
