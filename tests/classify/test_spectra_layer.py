"""The running spectrum in a network against the one in NumPy."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from tremorlab.classify.spectra_layer import largest, logarithmic, running_spectrum
from tremorlab.dataset.spectra import margin_samples, running_spectra
from tremorlab.study import RunningSpectrum


def in_graph(waveforms, spectrum):
    """(windows, components, frequencies, frames) as in NumPy, normalised."""
    window = keras.Input(waveforms.shape[1:])
    spectra = running_spectrum(keras.layers.Permute((2, 1))(window), spectrum)
    maximum = largest(spectra)
    if spectrum.amplitude == "log":
        out = logarithmic(spectra, maximum)
    else:
        out = ops.divide(spectra, ops.reshape(maximum, (-1, 1, 1, 1)))
    return ops.convert_to_numpy(keras.Model(window, out)(waveforms)).transpose(0, 3, 2, 1)


@pytest.mark.parametrize("amplitude", ["linear", "log"])
@pytest.mark.parametrize("framing", ["extend", "inside"])
@pytest.mark.parametrize("components", [1, 3])
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), decades=st.floats(-9, 9), burst=st.floats(0, 2.5))
def test_it_equals_the_one_of_numpy(amplitude, framing, components, seed, decades, burst):
    spectrum = RunningSpectrum(amplitude=amplitude, framing=framing)
    rng = np.random.default_rng(seed)
    waveforms = rng.normal(size=(2, components, 4096 + 2 * margin_samples(spectrum)))
    waveforms[..., 1500:2100] *= 10**burst
    waveforms = (waveforms * 10**decades).astype(np.float32)
    np.testing.assert_allclose(
        in_graph(waveforms, spectrum), running_spectra(waveforms, spectrum, 25.0), rtol=0, atol=1e-5
    )


@settings(max_examples=4, deadline=None)
@given(fft=st.sampled_from([32, 128, 256]), share=st.sampled_from([2, 4]))
def test_other_lengths_and_hops_do_too(fft, share):
    spectrum = RunningSpectrum(fft_samples=fft, hop_samples=fft // share)
    waveforms = np.random.default_rng(fft).normal(size=(2, 1, 1024 + spectrum.hop_samples)).astype(np.float32)
    np.testing.assert_allclose(
        in_graph(waveforms, spectrum), running_spectra(waveforms, spectrum, 25.0), rtol=0, atol=1e-5
    )


def test_not_normalised_it_has_the_density_of_one_hertz_sampling():
    waveforms = np.random.default_rng(0).normal(size=(1, 1, 640)).astype(np.float32)
    window = keras.Input((1, 640))
    spectra = running_spectrum(keras.layers.Permute((2, 1))(window), RunningSpectrum())
    got = ops.convert_to_numpy(keras.Model(window, spectra)(waveforms)).transpose(0, 3, 2, 1)
    np.testing.assert_allclose(got, running_spectra(waveforms, RunningSpectrum(), 1.0, normalise=False), atol=2e-6)


def test_the_largest_of_nothing_is_not_zero():
    values = keras.Input((4, 2))
    found = keras.Model(values, largest(values))(np.stack([np.zeros((4, 2)), np.full((4, 2), -3.0)]))
    np.testing.assert_allclose(ops.convert_to_numpy(found)[:, 0], [1e-30, 3.0])
