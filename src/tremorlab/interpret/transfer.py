"""What layers do to sine waves, measured by sending sine waves through them.

For a convolution alone the measurement has to agree with `tremorlab.interpret.fir`. Its use begins where theory ends:
rectification and pooling are not linear, and what later layers receive is nearer to an envelope than to a filtered
waveform.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from tremorlab.errors import ModelError
from tremorlab.interpret.fir import Responses, first_convolution


def sweep(layer: keras.layers.Conv1D, frequencies_hz: ArrayLike, rate_hz: float = 25.0, outputs: int = 8) -> Responses:
    """Frequency response of a convolution, measured.

    A cosine and a sine are sent through each component in turn, with the layer's own bias taken out and without its
    activation; together they are one complex wave, of which the layer may change amplitude and phase only.

    Parameters
    ----------
    layer
        The layer, built.
    frequencies_hz
        Frequencies of the waves, shape (F,).
    rate_hz
        Sampling rate.
    outputs
        Outputs over which is averaged.

    Returns
    -------
    tremorlab.interpret.fir.Responses
        In the convention of `tremorlab.interpret.fir.responses`: the phase is that of a causal filter.
    """
    frequencies_hz = np.asarray(frequencies_hz, float)
    linear = _linear(layer)
    components = layer.get_weights()[0].shape[1]
    stride, dilation, kernel = layer.strides[0], layer.dilation_rate[0], layer.kernel_size[0]
    reach = dilation * (kernel - 1)
    time = np.arange(reach + stride * (outputs - 1) + 1)
    phase = 2 * np.pi * np.outer(frequencies_hz / rate_hz, time)
    arrival = 2 * np.pi * np.outer(frequencies_hz / rate_hz, reach + stride * np.arange(outputs))
    found = []
    for component in range(components):
        waves = np.zeros((2, *phase.shape, components), np.float32)
        waves[0, ..., component], waves[1, ..., component] = np.cos(phase), np.sin(phase)
        cosine, sine = (_apply(linear, layer, wave) for wave in waves)
        found.append(np.mean((cosine + 1j * sine) * np.exp(-1j * arrival)[..., np.newaxis], axis=1))
    return Responses(frequencies_hz, np.stack(found, axis=-1))


def cascade(
    layers: Sequence[keras.layers.Layer],
    frequencies_hz: ArrayLike,
    components: int,
    rate_hz: float = 25.0,
    seconds: float = 40.0,
    phases: int = 8,
) -> np.ndarray:
    """Mean output of layers for sine waves of amplitude one, each component by itself.

    Parameters
    ----------
    layers
        In their order, the first of them the convolution of the waveform.
    frequencies_hz
        Frequencies of the waves, shape (F,).
    components
        Of the input.
    rate_hz
        Sampling rate.
    seconds
        Length of the waves.
    phases
        Starting phases, evenly spaced, over which is averaged: at frequencies that divide the rate of the pools, the
        output depends on where in a cycle a pool begins.

    Returns
    -------
    numpy.ndarray
        Shape (F, filters, components).
    """
    frequencies_hz = np.asarray(frequencies_hz, float)
    cycles = np.outer(frequencies_hz / rate_hz, np.arange(round(seconds * rate_hz)))
    turns = np.arange(phases) / phases
    waves = np.sin(2 * np.pi * (cycles + turns[:, np.newaxis, np.newaxis])).astype(np.float32)
    found = []
    for component in range(components):
        sent = np.zeros((*waves.shape, components), np.float32)
        sent[..., component] = waves
        passed = ops.convert_to_tensor(sent.reshape(-1, *sent.shape[2:]))
        for layer in layers:
            passed = layer(passed)
        mean = np.mean(ops.convert_to_numpy(passed), axis=1, dtype=float)
        found.append(mean.reshape(phases, len(frequencies_hz), -1).mean(axis=0))
    return np.stack(found, axis=-1)


def first_stage(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the first convolution of a network, with its rectification, and the pooling behind it.

    Raises
    ------
    ModelError
        No pooling follows the convolution.
    """
    first = first_convolution(model)
    later = model.layers[model.layers.index(first) + 1 :]
    for layer in later:
        if isinstance(layer, keras.layers.MaxPooling1D):
            return [first, layer]
        if isinstance(layer, keras.layers.Conv1D):
            break
    raise ModelError(f"network {model.name}", f"no pooling follows {first.name}", "Send waves through the layer alone")


def _linear(layer):
    """The same layer without activation and padding, for input with components last."""
    changed = {"activation": "linear", "padding": "valid", "data_format": "channels_last"}
    copy = type(layer).from_config(layer.get_config() | changed)
    copy.build((None, None, layer.get_weights()[0].shape[1]))
    copy.set_weights(layer.get_weights())
    return copy


def _apply(linear, layer, waves):
    passed = np.asarray(ops.convert_to_numpy(linear(waves)), float)
    return passed - (np.asarray(layer.get_weights()[1], float) if layer.use_bias else 0.0)
