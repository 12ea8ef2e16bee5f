"""The first convolution of a network read as a bank of FIR filters (Nakano and Sugiyama 2022).

A convolution of Keras is a correlation: with kernel w, dilation D and stride S its n-th output is

    y[n] = b + sum over k and components c of  w[k, c] x_c[S n + D k].

That is a filter with the taps in reverse order, D - 1 zeros between them, applied at every sample and then thinned
out to every S-th. Stride therefore does not change the response; it folds what the filter passes above the new
Nyquist frequency, which the sine sweep of `tremorlab.interpret.transfer` sees at its alias. The bias adds a constant
and has no part in a response. The sign of a filter decides which half of its output survives rectification, not how
large it is, and filters have no order: whoever compares networks compares amplitudes, ranked.

Nor has a filter an absolute gain: with rectification and maximum pooling, a filter twice as large before a next layer
half as large is the same network. `downstream` gives what the next layer makes of a filter, so that a ranking does not
hang on that choice.
"""

from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd
import scipy.signal
from numpy.typing import ArrayLike

from tremorlab.errors import ModelError


@dataclass(frozen=True, eq=False)
class Responses:
    """Frequency responses of a bank of filters.

    Attributes
    ----------
    frequencies_hz : numpy.ndarray
        Shape (F,).
    response : numpy.ndarray
        Shape (F, filters, components), complex.
    """

    frequencies_hz: np.ndarray
    response: np.ndarray

    @property
    def amplitude(self) -> np.ndarray:
        """Shape (F, filters): gain for equally strong, uncorrelated components."""
        return np.sqrt(np.mean(np.abs(self.response) ** 2, axis=2))


def first_convolution(model: keras.Model) -> keras.layers.Conv1D:
    """Return the layer of a network that acts on the waveform.

    Raises
    ------
    ModelError
        There is none, or it parts its channels into groups.
    """
    found = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv1D)]
    if not found:
        raise ModelError(
            f"network {model.name}", "has no convolution of a waveform", "Give a waveform or a fused network"
        )
    if found[0].groups != 1:
        raise ModelError(f"layer {found[0].name}", f"groups = {found[0].groups}", "Filters are read for one group only")
    return found[0]


def of_kernel(
    kernel: np.ndarray, rate_hz: float = 25.0, frequencies_hz: ArrayLike | int = 513, dilation: int = 1
) -> Responses:
    """Frequency responses of a kernel of Keras, by `scipy.signal.freqz`.

    Parameters
    ----------
    kernel
        Shape (taps, components, filters).
    rate_hz
        Sampling rate of the input.
    frequencies_hz
        Where, or how many from zero to the Nyquist frequency, both included.
    dilation
        Samples between taps.

    Examples
    --------
    A filter that takes the mean of two samples passes nothing at the Nyquist frequency:

    >>> of_kernel(np.full((2, 1, 1), 0.5), frequencies_hz=[0, 12.5]).amplitude.round(6).ravel()
    array([1., 0.])
    """
    if np.ndim(frequencies_hz) == 0:
        frequencies_hz = np.linspace(0, rate_hz / 2, int(frequencies_hz))
    frequencies_hz = np.asarray(frequencies_hz, float)
    impulse = np.zeros((dilation * (len(kernel) - 1) + 1, *kernel.shape[1:]))
    impulse[::dilation] = kernel
    _, response = scipy.signal.freqz(impulse[::-1, :, :, np.newaxis], worN=frequencies_hz, fs=rate_hz)
    return Responses(frequencies_hz, np.moveaxis(response, -1, 0).swapaxes(1, 2))


def responses(
    model: keras.Model | keras.layers.Conv1D, rate_hz: float = 25.0, frequencies_hz: ArrayLike | int = 513
) -> Responses:
    """Frequency responses of the first convolution of a network, or of that layer itself; as `of_kernel`.

    Raises
    ------
    ModelError
        As `first_convolution`.
    """
    layer = model if isinstance(model, keras.layers.Conv1D) else first_convolution(model)
    return of_kernel(np.asarray(layer.get_weights()[0], float), rate_hz, frequencies_hz, layer.dilation_rate[0])


def downstream(model: keras.Model) -> np.ndarray:
    """Root sum of squares of the weights that the second convolution has for each filter, shape (filters,)."""
    first = first_convolution(model)
    later = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv1D) and layer is not first]
    if not later:
        raise ModelError(f"network {model.name}", "has one convolution only", "Rank its filters by response alone")
    return np.sqrt(np.sum(np.square(later[0].get_weights()[0], dtype=float), axis=(0, 2)))


def rank(found: Responses, spectrum: ArrayLike, weights: ArrayLike | None = None) -> pd.DataFrame:
    """Filters by the energy that they pass of a given input.

    Parameters
    ----------
    found
        Responses at the frequencies of the spectrum.
    spectrum
        Amplitude spectrum of the input, shape (F,).
    weights
        Factor on each filter's output, for instance of `downstream`.

    Returns
    -------
    pandas.DataFrame
        One row a filter, strongest first: filter, energy (its share in that of all), peak_hz (where most passes).

    Raises
    ------
    ModelError
        The spectrum is not given at the frequencies of the responses, or is not positive anywhere.
    """
    spectrum = np.asarray(spectrum, float)
    if spectrum.shape != found.frequencies_hz.shape or not (spectrum >= 0).all() or not spectrum.any():
        raise ModelError(
            "spectrum of the input",
            f"has shape {spectrum.shape} for {len(found.frequencies_hz)} frequencies, or negative or no amplitudes",
            "Give one amplitude for each frequency of the responses",
        )
    passed = np.square(found.amplitude * spectrum[:, np.newaxis])
    energy = np.trapezoid(passed, found.frequencies_hz, axis=0) * np.square(1.0 if weights is None else weights)
    order = np.argsort(-energy, kind="stable")
    peaks = found.frequencies_hz[passed.argmax(axis=0)]
    return pd.DataFrame({"filter": order, "energy": energy[order] / energy.sum(), "peak_hz": peaks[order]})
