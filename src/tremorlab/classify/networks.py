"""The networks of the report, on one input: the waveform of a window, in any unit, as `tremorlab.dataset` cuts it.

What is published (Nakano and Sugiyama 2022, Earth Planets Space 74:134, and their JpGU 2022 abstract): one-dimensional
network, four times convolution and pooling, then two fully connected layers; two-dimensional network on the 64 x 64
running spectrum, two times convolution and pooling, then two fully connected layers; inputs divided by their maximum.
Widths, kernels, pooling, activation and dropout are not published and are choices made here.

A long record can be classified window after window without doing the convolutions again for each, and with the same
answer, because

- nothing is padded in time, so that a feature depends on samples inside the window only;
- the convolutions have no bias, and rectification and maximum pooling commute with a positive factor, so that the
  features of x / m are those of x, divided by m: the window's maximum is divided out *after* the convolutions;
- windows that start a multiple of `stride` samples apart share their features.

For the two-dimensional network this holds with linear amplitude. The logarithm does not commute with a factor, so
there the picture is normalised first and nothing can be shared. Zeros beside the lowest and the highest frequency are
harmless and are kept. Features may be pooled over the window: then an event counts alike wherever in it it lies.
No mean is removed from a window; the high-pass of `tremorlab.waveform.prepare` has done that.

Everything is built of layers and operations that come with Keras, so ``keras.models.load_model(path, safe_mode=True)``
opens a saved network where this package is not installed.
"""

from math import prod
from typing import Annotated, Literal

import keras
import numpy as np
from keras import layers, ops
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from tremorlab.classify.spectra_layer import largest, logarithmic, running_spectrum
from tremorlab.errors import ModelError
from tremorlab.study import RunningSpectrum

Channels = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]


OverTime = Literal["kept", "pooled"]

#: Features of a window over its maximum are small beside one; pooled ones are multiplied by this to train well.
GAIN = 10.0


class _Network(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    hidden: PositiveInt = Field(64, description="units of the first fully connected layer")
    dropout: float = Field(0.3, ge=0, lt=1, description="share of features dropped before each connected layer")


class WaveformNetwork(_Network):
    """One-dimensional network on the waveform; the default has the report's depth."""

    kind: Literal["waveform"] = "waveform"
    channels: Channels = Field((8, 16, 32, 64), description="filters of each convolution")
    kernel: PositiveInt = Field(16, description="samples of a filter")
    pool: PositiveInt = Field(4, description="samples pooled after each convolution")
    margin: int = Field(32, ge=0, description="samples at either end that are not used: the running spectrum's margin")
    over_time: OverTime = Field(
        "kept", description="what connected layers see: features at their times; pooled: their mean and maximum"
    )

    @property
    def stride(self) -> int:
        """Samples between windows that share their features."""
        return self.pool ** len(self.channels)


class SpectrumNetwork(_Network):
    """Two-dimensional network that computes the running spectrum itself; the default has the report's depth."""

    kind: Literal["spectrum"] = "spectrum"
    channels: Channels = Field((16, 32), description="filters of each convolution")
    kernel: PositiveInt = Field(5, description="frames and frequencies of a filter; odd")
    pool: Channels = Field((4, 2), description="frames and frequencies pooled after each convolution")
    spectrum: RunningSpectrum = Field(RunningSpectrum(), description="FFT, hop, framing, linear or log amplitude")
    over_time: OverTime = Field(
        "kept", description="what connected layers see: features at their times; pooled: their mean and maximum"
    )

    @property
    def stride(self) -> int:
        """Samples between windows that share their features."""
        return self.spectrum.hop_samples * prod(self.pool)


class FusedNetwork(_Network):
    """Both networks up to their features, then connected layers that see all of them."""

    kind: Literal["fused"] = "fused"
    waveform: WaveformNetwork = WaveformNetwork()
    spectrum: SpectrumNetwork = SpectrumNetwork()


Network = Annotated[WaveformNetwork | SpectrumNetwork | FusedNetwork, Field(discriminator="kind")]


def build(network: Network, shape: tuple[int, int], classes: int) -> keras.Model:
    """Make a network with random weights; `keras.utils.set_random_seed` decides which.

    Parameters
    ----------
    network
        Which, and how wide.
    shape
        Components and samples of a window as it is cut: 4160 samples, of which 32 at either end are margin.
    classes
        Number of classes.

    Returns
    -------
    keras.Model
        Takes float32 (windows, components, samples) in any unit, gives probabilities (windows, classes).

    Raises
    ------
    ModelError
        Fewer than two classes; a window too short for the network; a kernel of even size in two dimensions.

    Examples
    --------
    >>> build(WaveformNetwork(), (1, 4160), 3).output_shape
    (None, 3)
    """
    if classes < 2:
        raise ModelError("network", f"{classes} class(es)", "There is nothing to tell apart: give two or more")
    window = keras.Input(shape, name="window")
    waveform = layers.Permute((2, 1), name="samples_first")(window)
    parts = (network.waveform, network.spectrum) if network.kind == "fused" else (network,)
    features = [_over_time(part, *_FEATURES[part.kind](part, waveform)) for part in parts]
    features = layers.Concatenate(name="features")(features) if len(features) > 1 else features[0]
    hidden = layers.Dropout(network.dropout, name="dropout_features")(features)
    hidden = layers.Dense(network.hidden, "relu", kernel_initializer="he_normal", name="hidden")(hidden)
    hidden = layers.Dropout(network.dropout, name="dropout_hidden")(hidden)
    return keras.Model(window, layers.Dense(classes, "softmax", name="classes")(hidden), name=network.kind)


def trunk(model: keras.Model) -> keras.Model:
    """Return the convolutions alone, with the same weights and for a record of any length.

    Parameters
    ----------
    model
        Made by `build`, or loaded; one-dimensional, or two-dimensional with linear amplitude.

    Returns
    -------
    keras.Model
        Takes (records, samples, components) or, in two dimensions, running spectra (records, frames, frequencies,
        components), not normalised; gives features, one row each stride.

    Raises
    ------
    ModelError
        A fused network, or one with logarithmic amplitude, whose features are not proportional to the record.
    """
    names = [layer.name for layer in model.layers]
    if model.name not in ("waveform", "spectrum") or "logarithm" in names:
        raise ModelError(
            f"network {model.name}",
            "its features are not proportional to the record, or come from two trunks",
            "Share convolutions with a waveform network, or a spectrum network with linear amplitude",
        )
    convolutions = tuple(f"{model.name}_{step}_" for step in ("pad", "conv", "pool"))
    steps = [layer for layer in model.layers if layer.name.startswith(convolutions)]
    record = keras.Input((None, *steps[0].input.shape[2:]), name="record")
    features = record
    for layer in steps:
        features = layer(features)
    return keras.Model(record, features, name=f"{model.name}_trunk")


def head(model: keras.Model) -> keras.Model:
    """Return the connected layers alone: features of a window, divided by its maximum, to probabilities.

    Takes (windows, features), the features of `trunk` flattened in the order (time, [frequency,] channel).
    """
    names = {layer.name.removeprefix(f"{model.name}_"): layer for layer in model.layers}
    first = names.get("frames", names["hidden"])
    features = hidden = keras.Input(first.input.shape[1:], name="features")
    if "frames" in names:
        hidden = first(hidden)
        hidden = names["pooled"]([names[name](hidden) for name in ("mean_over_time", "largest_over_time")])
        hidden = names["gain"](hidden) if "gain" in names else hidden
    return keras.Model(features, names["classes"](names["hidden"](hidden)), name="head")


def parameters(model: keras.Model) -> int:
    """Number of weights that are trained."""
    return int(sum(np.prod(weight.shape) for weight in model.trainable_weights))


def matched(network: Network, budget: int, shape: tuple[int, int], classes: int) -> Network:
    """Change the number of hidden units so that the network has as nearly as possible `budget` trained weights.

    Raises
    ------
    ModelError
        The convolutions alone are over the budget.
    """
    one, two = (parameters(build(network.model_copy(update={"hidden": units}), shape, classes)) for units in (1, 2))
    hidden = round((budget - 2 * one + two) / (two - one))
    if hidden < 1:
        raise ModelError(
            f"network {network.kind}",
            f"has {one} weights with a single hidden unit, and the budget is {budget}",
            "Give it fewer channels or a larger pool",
        )
    return network.model_copy(update={"hidden": hidden})


def _waveform_features(network, waveform):
    used = waveform.shape[1] - 2 * network.margin
    left = used
    for _ in network.channels:
        left = (left - network.kernel + 1) // network.pool
    if left < 1:
        raise ModelError(
            f"window of {used} samples",
            f"nothing is left of it after {len(network.channels)} convolutions of {network.kernel} samples",
            "Take longer windows, or fewer or smaller convolutions",
        )
    if network.margin:
        waveform = layers.Cropping1D(network.margin, name="no_margin")(waveform)
    features = waveform
    for n, channels in enumerate(network.channels, 1):
        features = layers.Conv1D(
            channels, network.kernel, activation="relu", use_bias=False, kernel_initializer="he_normal",
            data_format="channels_last", name=f"waveform_conv_{n}",
        )(features)  # fmt: skip
        features = layers.MaxPooling1D(network.pool, data_format="channels_last", name=f"waveform_pool_{n}")(features)
    flat = layers.Flatten(name="features_of_waveform")(features)
    return ops.divide(flat, largest(waveform)), features.shape[1], True


def _spectrum_features(network, waveform):
    samples = waveform.shape[1]
    if not network.kernel % 2:
        raise ModelError("network spectrum", f"kernel = {network.kernel} is even", "Zeros fit beside odd kernels only")
    if len(network.pool) != len(network.channels):
        raise ModelError(
            "network spectrum",
            f"{len(network.pool)} pools for {len(network.channels)} convolutions",
            "Give one pool for each convolution",
        )
    margin = 0 if network.spectrum.framing == "inside" else network.spectrum.hop_samples
    frames, frequencies = network.spectrum.frames(samples - margin), network.spectrum.frequencies
    for pool in network.pool:
        frames, frequencies = (frames - network.kernel + 1) // pool, frequencies // pool
    if min(frames, frequencies) < 1:
        raise ModelError(
            f"window of {samples} samples",
            f"nothing is left of its running spectrum after {len(network.channels)} convolutions",
            "Take longer windows, or fewer or smaller convolutions",
        )
    spectra = running_spectrum(waveform, network.spectrum)
    maximum = largest(spectra)
    features = spectra
    if network.spectrum.amplitude == "log":
        features = layers.Identity(name="logarithm")(logarithmic(spectra, maximum))
    for n, (channels, pool) in enumerate(zip(network.channels, network.pool, strict=True), 1):
        beside = ((0, 0), (network.kernel // 2, network.kernel // 2))
        features = layers.ZeroPadding2D(beside, data_format="channels_last", name=f"spectrum_pad_{n}")(features)
        features = layers.Conv2D(
            channels, network.kernel, activation="relu", use_bias=False, kernel_initializer="he_normal",
            data_format="channels_last", name=f"spectrum_conv_{n}",
        )(features)  # fmt: skip
        features = layers.MaxPooling2D(pool, data_format="channels_last", name=f"spectrum_pool_{n}")(features)
    flat = layers.Flatten(name="features_of_spectrum")(features)
    if network.spectrum.amplitude == "log":
        return flat, features.shape[1], False
    return ops.divide(flat, maximum), features.shape[1], True


def _over_time(network, features, frames, small):
    """Features as the connected layers see them; the names of these layers are those that `head` looks for."""
    if network.over_time == "kept":
        return features
    features = layers.Reshape((frames, -1), name=f"{network.kind}_frames")(features)
    pooled = [
        layers.GlobalAveragePooling1D(data_format="channels_last", name=f"{network.kind}_mean_over_time")(features),
        layers.GlobalMaxPooling1D(data_format="channels_last", name=f"{network.kind}_largest_over_time")(features),
    ]
    pooled = layers.Concatenate(name=f"{network.kind}_pooled")(pooled)
    return layers.Rescaling(GAIN, name=f"{network.kind}_gain")(pooled) if small else pooled


_FEATURES = {"waveform": _waveform_features, "spectrum": _spectrum_features}
