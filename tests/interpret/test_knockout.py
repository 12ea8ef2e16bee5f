"""Causal tests, on networks of which it is known what they use because they were built so."""

import keras
import numpy as np
import pytest
import scipy.signal

from tremorlab.classify.networks import WaveformNetwork, build
from tremorlab.classify.scores import balanced_accuracy, confusion
from tremorlab.interpret.knockout import band_energies, bands, exchanged, knockout, two_bands

RATE_HZ = 25.0


def two_tones(number=30, samples=544, seed=0):
    """Class 0 has a wave of 2.5 Hz, class 1 one of 8 Hz, both in noise, so that a maximum is not a wave's."""
    rng = np.random.default_rng(seed)
    labels = np.arange(2 * number) % 2
    time = np.arange(samples) / RATE_HZ
    waves = np.sin(2 * np.pi * (np.where(labels, 8.0, 2.5)[:, None] * time + rng.random((2 * number, 1))))
    return (waves + 0.3 * rng.normal(size=waves.shape))[:, None].astype(np.float32), labels


@pytest.fixture(scope="module")
def listener():
    """A network of two filters, one around either wave, whose larger output is the answer."""
    model = build(WaveformNetwork(channels=(2,), kernel=32, hidden=2, margin=0, dropout=0), (1, 544), 2)
    filters = [scipy.signal.firwin(32, edges, pass_zero=False, fs=RATE_HZ) for edges in ([1.5, 3.5], [7, 9])]
    model.get_layer("waveform_conv_1").set_weights([np.stack(filters, axis=1)[:, np.newaxis, :]])
    positions = model.get_layer("hidden").get_weights()[0].shape[0] // 2
    model.get_layer("hidden").set_weights([np.tile(np.eye(2), (positions, 1)) / positions, np.zeros(2)])
    model.get_layer("classes").set_weights([4 * np.eye(2), np.zeros(2)])
    return model


def test_the_score_falls_where_the_network_listens_and_nowhere_else(listener):
    waveforms, labels = two_tones()
    table = knockout(listener, waveforms, labels, [(2, 3), (4.5, 6.5), (7.5, 8.5), (10, 12.5)])
    assert list(table.columns) == ["low_hz", "high_hz", "balanced_accuracy", "fall"]
    assert table["fall"][0] > 0.2
    assert table["fall"][2] > 0.2
    assert table["fall"][1] == table["fall"][3] == 0
    assert (table["balanced_accuracy"] + table["fall"] == 1).all()


def test_exchanged_low_and_high_bands_take_the_answer_with_them(listener):
    waveforms, labels = two_tones()
    table = exchanged(listener, waveforms, labels, (0, 1), 5.0, rng=np.random.default_rng(0))
    # High frequencies of class 1 with low ones of class 0 hold both waves, the other way round neither.
    assert list(table["high"]) == [0, 1]
    assert list(table["windows"]) == [30, 30]
    np.testing.assert_allclose(table[["as_high", "as_low", "other"]].sum(axis=1), 1)


def test_a_network_deaf_to_low_frequencies_follows_the_high_ones(listener):
    model = keras.models.clone_model(listener)
    model.set_weights(listener.get_weights())
    layer = model.get_layer("classes")
    layer.set_weights([np.array([[0.0, 0.0], [-40.0, 40.0]]), np.array([8.0, -8.0])])
    waveforms, labels = two_tones()
    table = exchanged(model, waveforms, labels, (0, 1), 5.0, rng=np.random.default_rng(0)).set_index("high")
    assert table.loc[0, "as_high"] == 1
    assert table.loc[1, "as_high"] == 1


def test_bands_cover_up_to_the_nyquist_frequency():
    made = bands(1.0, 0.5)
    np.testing.assert_allclose(made[[0, -1]], [[1, 2], [11.5, 12.5]])
    np.testing.assert_allclose(np.diff(made[:, 0]), 0.5)


def test_energies_of_two_bands_are_those_of_a_butterworth_pair_but_for_its_edges():
    x = np.random.default_rng(0).normal(size=(5, 1, 4160))
    got = band_energies(x, 5.0)
    for column, edges in enumerate([(1, 5), (5, 12.49)]):
        sos = scipy.signal.butter(8, edges, "bandpass", fs=RATE_HZ, output="sos")
        rms = np.sqrt(np.mean(scipy.signal.sosfiltfilt(sos, x)[:, 0] ** 2, axis=1)) / np.abs(x).max(axis=(1, 2))
        np.testing.assert_allclose(got[:, column], np.log10(rms), atol=0.02)
    np.testing.assert_allclose(band_energies(1e6 * x, 5.0), got)


def test_two_numbers_suffice_where_the_classes_differ_in_level():
    fit, test = two_tones(seed=1), two_tones(seed=2)
    guesses = two_bands(fit, test, 5.0)
    assert balanced_accuracy(confusion(test[1], guesses, 2)) == 1
