"""What layers do to sine waves; the convolution alone is tested in test_fir.py."""

import keras
import numpy as np
import pytest

from tests.interpret.test_fir import waveform
from tremorlab.errors import ModelError
from tremorlab.interpret.fir import first_convolution, responses
from tremorlab.interpret.transfer import cascade, first_stage

F = np.array([0.8, 2.3, 5.1, 7.7, 11.3])


def test_without_pooling_the_mean_of_a_rectified_wave_is_its_amplitude_over_pi():
    model = waveform()
    layer = first_convolution(model)
    found = cascade([layer], F, 2)
    assert found.shape == (5, 3, 2)
    np.testing.assert_allclose(found, np.abs(responses(layer, 25.0, F).response) / np.pi, rtol=0.02, atol=1e-4)


def test_pooling_brings_the_mean_nearer_to_the_amplitude_and_keeps_the_zeros():
    model = waveform()
    stage = first_stage(model)
    assert [layer.name for layer in stage] == ["waveform_conv_1", "waveform_pool_1"]
    amplitude = np.abs(responses(stage[0], 25.0, F).response)
    found = cascade(stage, F, 2)
    assert (found <= amplitude * 1.001 + 1e-5).all()
    assert (found >= amplitude / np.pi * 0.98 - 1e-5).all()
    # Pools of four samples hold a crest of every wave above a quarter of their rate.
    np.testing.assert_allclose(found[2:4], amplitude[2:4], rtol=0.35, atol=1e-3)


def test_a_louder_wave_comes_out_louder_by_as_much_and_in_proportion_to_the_filter():
    model = waveform()
    stage = first_stage(model)
    before = cascade(stage, F, 2)
    (kernel,) = stage[0].get_weights()
    stage[0].set_weights([3 * kernel])
    np.testing.assert_allclose(cascade(stage, F, 2), 3 * before, rtol=1e-4, atol=1e-6)


def test_a_network_without_pooling_has_no_first_stage():
    model = keras.Sequential([keras.Input((64, 1)), keras.layers.Conv1D(2, 3), keras.layers.Conv1D(2, 3)])
    with pytest.raises(ModelError, match="no pooling follows"):
        first_stage(model)
