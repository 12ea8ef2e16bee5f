"""Responses of the first layer: against scipy, against sine waves through the layer, and by their symmetries."""

import keras
import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from tremorlab.classify.networks import FusedNetwork, SpectrumNetwork, WaveformNetwork, build
from tremorlab.errors import ModelError
from tremorlab.interpret.fir import downstream, first_convolution, rank, responses
from tremorlab.interpret.transfer import sweep

RATE_HZ = 25.0

layers = st.fixed_dictionaries(
    {
        "filters": st.integers(1, 4),
        "kernel_size": st.integers(1, 24),
        "use_bias": st.booleans(),
        "activation": st.sampled_from(["linear", "relu"]),
        "padding": st.sampled_from(["valid", "same", "causal"]),
    }
)
# Keras does not do both at once.
steps = st.one_of(
    st.fixed_dictionaries({"strides": st.integers(1, 5)}), st.fixed_dictionaries({"dilation_rate": st.integers(1, 4)})
)


def made(config, components, seed):
    layer = keras.layers.Conv1D(**config)
    layer.build((None, None, components))
    rng = np.random.default_rng(seed)
    layer.set_weights(
        [rng.normal(size=weights.shape) / np.sqrt(config["kernel_size"]) for weights in layer.get_weights()]
    )
    return layer


def waveform(shape=(2, 1088), seed=1, **fields):
    keras.utils.set_random_seed(seed)
    return build(WaveformNetwork(channels=(3, 4), kernel=8, hidden=4, **fields), shape, 2)


@settings(max_examples=60, deadline=None)
@given(config=layers, step=steps, components=st.integers(1, 3), seed=st.integers(0, 2**31))
def test_responses_are_those_of_a_sine_sweep_through_the_layer(config, step, components, seed):
    layer = made(config | step, components, seed)
    f = np.linspace(0, RATE_HZ / 2, 14)
    found, measured = responses(layer, RATE_HZ, f).response, sweep(layer, f, RATE_HZ).response
    assert found.shape == (14, config["filters"], components)
    np.testing.assert_allclose(found, measured, atol=1e-5 * max(1, np.abs(found).max()))


@settings(max_examples=40, deadline=None)
@given(config=layers, dilation=st.integers(1, 4), components=st.integers(1, 3), seed=st.integers(0, 2**31))
def test_responses_are_those_of_freqz_filter_by_filter(config, dilation, components, seed):
    layer = made(config | {"dilation_rate": dilation}, components, seed)
    found = responses(layer, RATE_HZ)
    kernel = layer.get_weights()[0].astype(float)
    for n in range(config["filters"]):
        for c in range(components):
            impulse = np.kron(kernel[::-1, c, n], np.eye(1, dilation).ravel())
            _, expected = scipy.signal.freqz(impulse, worN=found.frequencies_hz, fs=RATE_HZ)
            np.testing.assert_allclose(found.response[:, n, c], expected, atol=1e-9)


def test_the_layer_filters_a_record_as_lfilter_does_with_its_taps():
    layer = made({"filters": 2, "kernel_size": 9, "use_bias": False}, 1, 3)
    x = np.random.default_rng(0).normal(size=200).astype(np.float32)
    got = np.asarray(layer(x[np.newaxis, :, np.newaxis]))[0]
    for n in range(2):
        expected = scipy.signal.lfilter(layer.get_weights()[0][::-1, 0, n], 1, x)[8:]
        np.testing.assert_allclose(got[:, n], expected, atol=1e-5)


def test_the_layer_of_a_network_is_found_behind_its_margins_and_beside_a_running_spectrum():
    assert first_convolution(waveform()).name == "waveform_conv_1"
    small = WaveformNetwork(channels=(3,), kernel=8)
    fused = FusedNetwork(waveform=small, spectrum=SpectrumNetwork(channels=(3,), pool=(2,), kernel=3))
    assert first_convolution(build(fused, (1, 1088), 2)).name == "waveform_conv_1"
    assert responses(waveform(), RATE_HZ).response.shape == (513, 3, 2)


def test_a_network_without_a_convolution_of_the_waveform_cannot_be_read():
    spectrum = build(SpectrumNetwork(channels=(3,), pool=(2,), kernel=3), (1, 1088), 2)
    with pytest.raises(ModelError, match=r"network spectrum: has no convolution of a waveform\. Give a waveform"):
        responses(spectrum)
    model = keras.Sequential([keras.Input((64, 4)), keras.layers.Conv1D(4, 3, groups=2)])
    with pytest.raises(ModelError, match="groups = 2"):
        responses(model)


def test_amplitude_forgets_sign_and_ranking_forgets_order():
    model = waveform()
    spectrum = np.ones(513)
    before = responses(model)
    ranked = rank(before, spectrum)
    layer = first_convolution(model)
    (kernel,) = layer.get_weights()
    order = [2, 0, 1]
    layer.set_weights([-kernel[..., order]])
    after = responses(model)
    np.testing.assert_allclose(after.amplitude, before.amplitude[:, order], rtol=1e-6)
    again = rank(after, spectrum)
    assert [order[n] for n in again["filter"]] == list(ranked["filter"])
    np.testing.assert_allclose(again[["energy", "peak_hz"]], ranked[["energy", "peak_hz"]], rtol=1e-6)
    assert ranked["energy"].sum() == pytest.approx(1)


def test_ranking_by_what_the_next_layer_makes_of_it_does_not_hang_on_the_scale_of_a_filter():
    model = waveform()
    first, second = (model.get_layer(f"waveform_conv_{n}") for n in (1, 2))
    x = np.random.default_rng(0).normal(size=(4, 2, 1088)).astype(np.float32)
    answer = np.asarray(model(x))
    before = rank(responses(model), np.ones(513), downstream(model))
    (kernel,), (after,) = first.get_weights(), second.get_weights()
    factors = np.array([9.0, 0.1, 2.0], np.float32)
    first.set_weights([kernel * factors])
    second.set_weights([after / factors[:, np.newaxis]])
    np.testing.assert_allclose(np.asarray(model(x)), answer, atol=1e-5)
    again = rank(responses(model), np.ones(513), downstream(model))
    np.testing.assert_allclose(again, before, rtol=1e-5)
    assert list(rank(responses(model), np.ones(513))["filter"]) != list(before["filter"])


def test_ranking_weighs_with_the_spectrum_of_the_input():
    layer = made({"filters": 2, "kernel_size": 2, "use_bias": False}, 1, 0)
    layer.set_weights([np.array([[[1, 1]], [[1, -1]]])])  # a low-pass and a high-pass
    found = responses(layer, RATE_HZ)
    low = found.frequencies_hz < 2
    assert list(rank(found, low.astype(float))["filter"]) == [0, 1]
    assert list(rank(found, 1.0 - low)["filter"]) == [1, 0]
    with pytest.raises(ModelError, match=r"shape \(3,\) for 513 frequencies"):
        rank(found, np.ones(3))
