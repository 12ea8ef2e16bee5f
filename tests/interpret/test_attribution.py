"""Contributions of frequencies: they add up, and they lie where the network listens."""

import keras
import numpy as np
import pytest

from tests.interpret.test_knockout import listener, two_tones  # noqa: F401 (a fixture)
from tremorlab.classify.networks import SpectrumNetwork, build
from tremorlab.classify.training import probabilities
from tremorlab.errors import ModelError
from tremorlab.interpret.attribution import agreement, in_bands, integrated_gradients, occlude


def noise(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_contributions_add_up_to_the_difference_of_the_answers(listener):  # noqa: F811
    waveforms, labels = two_tones(4)
    references = noise(waveforms.shape)
    f, found = integrated_gradients(listener, waveforms, labels, references, steps=64)
    assert found.shape == (8, len(f)) == (8, 544 // 2 + 1)
    rows = np.arange(8)
    expected = probabilities(listener, waveforms)[rows, labels] - probabilities(listener, references)[rows, labels]
    np.testing.assert_allclose(found.sum(axis=1), expected, atol=0.02)


def test_contributions_lie_at_the_wave_that_makes_a_class(listener):  # noqa: F811
    waveforms, labels = two_tones(6)
    f, found = integrated_gradients(listener, waveforms, labels, noise(waveforms.shape), steps=16)
    bands = in_bands(f, found, [0, 1.5, 3.5, 7, 9, 12.6])
    np.testing.assert_allclose(bands.sum(axis=1), found.sum(axis=1), atol=1e-6)
    assert (bands[labels == 0].mean(axis=0).argmax(), bands[labels == 1].mean(axis=0).argmax()) == (1, 3)


def test_windows_without_a_reference_are_refused(listener):  # noqa: F811
    waveforms, labels = two_tones(3)
    with pytest.raises(ModelError, match="Give one reference and one label for each window"):
        integrated_gradients(listener, waveforms, labels, waveforms[:2])


def test_an_occluded_picture_lacks_its_frequencies_and_nothing_else():
    keras.utils.set_random_seed(0)
    network = SpectrumNetwork(channels=(3,), kernel=3, pool=(2,), hidden=4)
    model = build(network, (1, 1088), 2)
    waveforms = noise((5, 1, 1088))
    whole, part = occlude(model, waveforms, [slice(0, 0), slice(10, 20)])
    np.testing.assert_allclose(whole, probabilities(model, waveforms), atol=1e-6)
    assert np.abs(part - whole).max() > 1e-4
    with pytest.raises(ModelError, match="network waveform: has no picture"):
        occlude(keras.Model(model.input, model.output, name="waveform"), waveforms, [slice(0, 1)])


def test_profiles_agree_with_themselves_and_smooth_ones_not_by_being_smooth():
    profile = np.exp(-(((np.arange(24) - 6) / 2.0) ** 2))
    assert agreement(profile, profile**2) == pytest.approx((1, 1 / 48))
    rng = np.random.default_rng(0)
    smooth = [np.convolve(rng.normal(size=40), np.ones(9), "valid")[:24] for _ in range(200)]
    p = [agreement(a, b)[1] for a, b in zip(smooth[::2], smooth[1::2], strict=True)]
    assert np.mean(np.array(p) <= 0.05) < 0.15
