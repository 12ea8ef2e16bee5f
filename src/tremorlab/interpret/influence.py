"""Which filters of the first layer a network's answers hang on, and for which class each of them speaks.

A large response does not say that a filter is used: random initial filters are large too. Two experiments on the
trained network say it. *Silencing* sets a filter to zero and counts what that costs on windows that the network was
not trained on. *Turning up* a filter by one decibel shows for which class its output speaks; since the classes share
the probability, a filter that speaks for one class speaks against others.

The null of the cost needs no further training: were the answers unrelated to the classes, it would not matter if the
classes of the windows were drawn anew.
"""

from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tremorlab.classify.training import probabilities
from tremorlab.interpret.fir import first_convolution, responses

#: Smallest probability whose logarithm is taken: single precision gives zeros.
_LEAST = 1e-7


@dataclass(frozen=True, eq=False)
class Influence:
    """What the filters of a network do for its answers.

    Attributes
    ----------
    filters : pandas.DataFrame
        One row a filter: peak_hz of its amplitude response, cost (fall of the balanced accuracy when it is silenced).
    evidence : numpy.ndarray
        Shape (filters, classes): mean change of the log odds of a class for one decibel more of a filter.
    null : float
        What the largest cost of all filters stays below, at the given level, when classes are drawn anew.
    """

    filters: pd.DataFrame
    evidence: np.ndarray
    null: float

    def top(self, label: int) -> int | None:
        """Return the filter that speaks most for a class among those that cost more than the null, or None."""
        speaks = np.where(self.filters["cost"] > self.null, self.evidence[:, label], -np.inf)
        return int(speaks.argmax()) if speaks.max() > 0 else None


def influence(
    model: keras.Model,
    waveforms: np.ndarray,
    labels: ArrayLike,
    *,
    rng: np.random.Generator,
    rate_hz: float = 25.0,
    permutations: int = 500,
    level: float = 0.99,
) -> Influence:
    """Silence and turn up each filter of the first convolution; the network is left as it was.

    Parameters
    ----------
    model
        Trained network with a convolution of the waveform.
    waveforms, labels
        Windows (n, components, samples) that it was not trained on, and their classes counted from 0.
    rng
        Draws the permutations.
    rate_hz
        Sampling rate.
    permutations, level
        Of the null.

    Raises
    ------
    ModelError
        The network has no convolution of the waveform.
    """
    labels = np.asarray(labels)
    layer = first_convolution(model)
    before = layer.get_weights()
    filters = before[0].shape[-1]
    whole = probabilities(model, waveforms)
    guesses, evidence = [whole.argmax(axis=1)], []
    try:
        for n in range(filters):
            evidence.append(np.mean(_log_odds(_with(model, layer, before, n, 10 ** (1 / 20), waveforms)), axis=0))
            guesses.append(_with(model, layer, before, n, 0.0, waveforms).argmax(axis=1))
    finally:
        layer.set_weights(before)
    evidence = np.array(evidence) - np.mean(_log_odds(whole), axis=0)
    guesses = np.array(guesses)
    costs = _costs(guesses, labels)
    drawn = [_costs(guesses, rng.permutation(labels)).max() for _ in range(permutations)]
    found = responses(model, rate_hz)
    peaks = found.frequencies_hz[found.amplitude.argmax(axis=0)]
    table = pd.DataFrame({"filter": range(filters), "peak_hz": peaks, "cost": costs})
    return Influence(table, evidence, float(np.quantile(drawn, level)))


def _with(model, layer, weights, n, factor, waveforms):
    """Probabilities with filter ``n``, bias included, times a factor."""
    changed = [array.copy() for array in weights]
    for array in changed:
        array[..., n] *= factor
    layer.set_weights(changed)
    return probabilities(model, waveforms)


def _log_odds(found):
    found = np.clip(found, _LEAST, 1 - _LEAST).astype(float)
    return np.log(found / (1 - found))


def _costs(guesses, labels):
    """Balanced accuracy of the first row of guesses minus that of each other row."""
    hit = guesses == labels
    scores = np.mean([hit[:, labels == label].mean(axis=1) for label in np.unique(labels)], axis=0)
    return scores[0] - scores[1:]
