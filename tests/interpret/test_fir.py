"""Responses of the first layer: against scipy, against sine waves through the layer, and by their symmetries."""

import keras
import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from tremorlab.classify.networks import FusedNetwork, SpectrumNetwork, WaveformNetwork, build
from tremorlab.errors import ModelError
from tremorlab.interpret.fir import Responses, downstream, first_convolution, of_kernel, rank, responses
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
    with pytest.raises(ModelError, match=r"layer conv1d.*: groups = 2\. Filters are read for one group only"):
        responses(model)


def test_without_more_words_responses_reach_from_zero_to_the_nyquist_frequency_of_the_study():
    kernel = np.random.default_rng(4).normal(size=(7, 2, 3))
    for found, rate_hz, count in ((of_kernel(kernel), 25.0, 513), (of_kernel(kernel, 100.0, 65), 100.0, 65)):
        f, expected = scipy.signal.freqz(kernel[::-1, 1, 2], worN=count, fs=rate_hz, include_nyquist=True)
        np.testing.assert_allclose(found.frequencies_hz, f, atol=1e-12)
        np.testing.assert_allclose(found.response[:, 2, 1], expected, atol=1e-12)
    layer = made({"filters": 3, "kernel_size": 7}, 2, 4)
    assert responses(layer).frequencies_hz.tolist() == of_kernel(kernel).frequencies_hz.tolist()


def test_frequencies_may_be_whole_numbers():
    """The mean of five samples passes nothing at a fifth of the sampling rate and its multiples."""
    found = of_kernel(np.full((5, 1, 1), 0.2), 25.0, [0, 5, 10])
    assert found.frequencies_hz.dtype == float
    np.testing.assert_allclose(found.amplitude.ravel(), [1, 0, 0], atol=1e-12)


def test_amplitude_is_the_root_mean_square_of_the_components():
    found = Responses(np.array([0.0, 1.0]), np.array([[[3, 4j], [1, 1]], [[0, 0], [-2, 0]]]))
    np.testing.assert_allclose(found.amplitude, [[np.sqrt(12.5), 1], [0, np.sqrt(2)]])


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


def flat(gains, frequencies_hz):
    """Filters that pass all frequencies alike."""
    return Responses(frequencies_hz, np.ones((len(frequencies_hz), 1, 1)) * np.array(gains)[:, np.newaxis])


def test_filters_that_pass_all_alike_share_the_energy_by_the_square_of_gain_and_weight():
    f = np.linspace(0, 12.5, 26)
    spectrum = np.maximum(0, 1 - np.abs(f - 4.0) / 2) / 10  # nothing beyond 2 to 6 Hz, most at 4 Hz
    table = rank(flat([1, -3, 2j], f), spectrum)
    assert list(table.columns) == ["filter", "energy", "peak_hz"]
    assert table["filter"].tolist() == [1, 2, 0]
    np.testing.assert_allclose(table["energy"], np.array([9, 4, 1]) / 14)
    assert table["peak_hz"].tolist() == [4.0, 4.0, 4.0]
    weighted = rank(flat([1, -3, 2j], f), spectrum, [4, 1, 1])
    assert weighted["filter"].tolist() == [0, 1, 2]
    np.testing.assert_allclose(weighted["energy"], np.array([16, 9, 4]) / 29)


def test_filters_of_equal_energy_keep_their_order():
    f = np.linspace(0, 12.5, 5)
    assert rank(flat([1.0, -1.0] * 50, f), np.ones(5))["filter"].tolist() == list(range(100))


def test_energy_is_the_integral_over_frequency_wherever_the_responses_are_given():
    """The mean of two samples has the squared gain cos^2(pi f / rate), half their difference sin^2."""
    f = np.concatenate([np.geomspace(1e-3, 1, 400), np.linspace(1, 5, 4001)[1:]])
    kernel = np.array([[[0.5, 0.5]], [[0.5, -0.5]]])
    table = rank(of_kernel(kernel, RATE_HZ, f), np.full(len(f), 2))
    x = np.pi * 5 / RATE_HZ
    low = 0.5 + np.sin(2 * x) / (4 * x)
    np.testing.assert_allclose(table["energy"], [low, 1 - low], rtol=1e-3)
    assert table["filter"].tolist() == [0, 1]
    np.testing.assert_allclose(table["peak_hz"], [1e-3, 5])


def test_the_next_layer_weighs_a_filter_by_the_norm_of_its_weights():
    model = build(WaveformNetwork(channels=(3, 4, 2), kernel=8, hidden=4), (2, 1088), 2)
    (kernel,) = model.get_layer("waveform_conv_2").get_weights()
    expected = [np.linalg.norm(kernel[:, n].astype(float)) for n in range(3)]
    np.testing.assert_allclose(downstream(model), expected, rtol=1e-12)


def test_a_network_of_one_convolution_has_nothing_downstream():
    model = build(WaveformNetwork(channels=(3,), kernel=8, hidden=4), (1, 1088), 2)
    with pytest.raises(
        ModelError, match=r"network waveform: has one convolution only\. Rank its filters by response alone"
    ):
        downstream(model)


@pytest.mark.parametrize("spectrum", [np.ones(3), -np.ones(5), [1, 1, 1, 1, -1e-9], np.zeros(5), np.full(5, np.nan)])
def test_a_spectrum_that_is_none_of_the_responses_is_refused(spectrum):
    shape = np.shape(spectrum)[0]
    with pytest.raises(
        ModelError,
        match=rf"^spectrum of the input: has shape \({shape},\) for 5 frequencies, or negative or no amplitudes\. "
        "Give one amplitude for each frequency of the responses",
    ):
        rank(flat([1.0, 2.0], np.arange(5.0)), spectrum)
