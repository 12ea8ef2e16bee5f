"""The running spectrum inside a network: waveform in, picture out, equal to `tremorlab.dataset.spectra`.

It is made of what comes with Keras: a frozen strided `Conv2D` whose filters are the cosines and sines of the tapered
Fourier transform, and operations of `keras.ops`. So a saved network opens without this package and without custom
objects. Keras has a layer for the purpose, `STFTSpectrogram`, which will not do for records in metres a second: it
takes the root of no power below 1e-7, whatever the unit.
"""

import keras
import numpy as np
import scipy.signal
from keras import layers, ops

from tremorlab.dataset.spectra import LOG_DECADES
from tremorlab.errors import ModelError
from tremorlab.study import RunningSpectrum

#: Divisor of a silent window, whose features are zero anyway.
TINY = 1e-30


def running_spectrum(waveforms: keras.KerasTensor, settings: RunningSpectrum):
    """Short-time amplitude spectra of a batch of waveforms, not normalised.

    Parameters
    ----------
    waveforms
        Shape (batch, samples, components); samples may be None. With framing "extend" the margins are included.
    settings
        FFT length, hop and framing; its amplitude is applied by `logarithmic`, which needs the maximum of the window.

    Returns
    -------
    keras.KerasTensor
        Shape (batch, frames, frequencies, components), zero frequency left out: the linear amplitude of
        `tremorlab.dataset.spectra.running_spectra` with ``normalise=False`` at a sampling rate of 1 Hz.

    Raises
    ------
    ModelError
        Framing "reflect", which depends on where a window is cut.
    """
    if settings.framing == "reflect":
        raise ModelError(
            "running spectrum",
            'framing = "reflect" mirrors samples at the ends of the window, which a network has no need of',
            'Use framing = "extend", which measures them, or "inside"',
        )
    transform = layers.Conv2D(
        2 * settings.frequencies, (settings.fft_samples, 1), strides=(settings.hop_samples, 1), use_bias=False,
        data_format="channels_last", trainable=False, name="fourier",
    )  # fmt: skip
    both = transform(ops.expand_dims(waveforms, -1))
    transform.set_weights([_filters(settings)])
    power = ops.square(both[..., : settings.frequencies]) + ops.square(both[..., settings.frequencies :])
    return layers.Permute((1, 3, 2), name="running_spectrum")(ops.sqrt(power))


def logarithmic(spectra: keras.KerasTensor, maximum: keras.KerasTensor):
    """Decadic logarithm of amplitude over the maximum of the window, 60 dB scaled to 0 to 1."""
    relative = ops.divide(spectra, ops.reshape(maximum, (-1, 1, 1, 1)))
    return ops.add(ops.divide(ops.log10(ops.maximum(relative, 10**-LOG_DECADES)), LOG_DECADES), 1.0)


def largest(values: keras.KerasTensor) -> keras.KerasTensor:
    """Largest magnitude of each member of a batch, shape (batch, 1), never zero."""
    axes = tuple(range(1, len(values.shape)))
    return ops.reshape(ops.maximum(ops.max(ops.abs(values), axis=axes), TINY), (-1, 1))


def _filters(settings):
    """Cosines, then sines, of every frequency but zero times the taper: (samples, 1, 1, 2 frequencies)."""
    taper = scipy.signal.get_window("hann", settings.fft_samples)
    taper /= np.sqrt(np.sum(taper**2))
    products = np.outer(np.arange(settings.fft_samples), np.arange(1, settings.frequencies + 1))
    waves = np.exp(2j * np.pi * (products % settings.fft_samples) / settings.fft_samples)  # small angles stay exact
    filters = np.concatenate([waves.real, waves.imag], axis=1) * taper[:, np.newaxis]
    return filters[:, np.newaxis, np.newaxis].astype(np.float32)
