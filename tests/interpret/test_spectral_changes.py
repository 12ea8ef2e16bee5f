"""Changes to windows: what they must take away, and what they must leave."""

import numpy as np
import pytest
import scipy.signal

from tremorlab.errors import ModelError
from tremorlab.interpret.spectral_changes import exchange_bands, keep_band, randomise_phases, remove_band, whiten

TIME = np.arange(4160) / 25.0


def wave(frequency_hz):
    return np.sin(2 * np.pi * frequency_hz * TIME + 0.3)[np.newaxis, np.newaxis]


def noise(shape=(4, 2, 4160), seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_a_removed_band_is_gone_and_the_rest_keeps_its_phase():
    inside = remove_band(wave(4.0), 3, 5)
    assert np.abs(inside[..., 200:-200]).max() < 2e-3
    for beside in (2.4, 5.6, 11.0):
        kept = remove_band(wave(beside), 3, 5)
        np.testing.assert_allclose(kept[..., 200:-200], wave(beside)[..., 200:-200], atol=2e-3)


def test_the_filter_has_no_phase_and_the_attenuation_that_it_says():
    spike = np.zeros((1, 1, 1025))
    spike[..., 512] = 1
    response = remove_band(spike, 3, 5)[0, 0]
    np.testing.assert_allclose(response, response[::-1], atol=1e-12)
    f, gain = scipy.signal.freqz(response, worN=4096, fs=25.0)
    gain = np.abs(gain)
    assert gain[(f > 3.3) & (f < 4.7)].max() < 10 ** (-55 / 20)
    assert np.abs(gain[(f < 2.7) | (f > 5.3)] - 1).max() < 2e-3


def test_keeping_and_removing_add_up_to_the_window():
    x = noise()
    for band in ((0, 4), (3, 5), (6, 12.5)):
        np.testing.assert_allclose(remove_band(x, *band) + keep_band(x, *band), x, atol=1e-5)
    assert remove_band(x, 3, 5).dtype == np.float32


@pytest.mark.parametrize("band", [(0, 12.5), (5, 5), (6, 4), (13, 14)])
def test_a_band_of_nothing_or_everything_is_refused(band):
    with pytest.raises(ModelError, match="holds nothing, or everything"):
        remove_band(noise(), *band)


def test_exchanged_windows_have_the_low_band_of_one_and_the_high_band_of_the_other():
    low, high = wave(2.0), 5 * wave(9.0)
    first, second = exchange_bands(low, high, 5.0)
    assert np.abs(first[..., 200:-200]).max() < 5e-3  # neither low of the second nor high of the first
    np.testing.assert_allclose(second[..., 200:-200], (low + high / 5)[..., 200:-200], atol=1e-2)
    with pytest.raises(ModelError, match="Give equal numbers"):
        exchange_bands(noise(), noise((3, 2, 4160)), 5.0)


def test_whitening_flattens_the_spectrum_and_keeps_every_phase():
    x = np.cumsum(noise(), axis=-1) - np.cumsum(noise(), axis=-1).mean(axis=-1, keepdims=True)
    flat = whiten(x.astype(float), width_hz=0)
    before, after = np.fft.rfft(x)[..., 1:-1], np.fft.rfft(flat)[..., 1:-1]
    assert np.abs(after).std() < 1e-3 * np.abs(after).mean()
    np.testing.assert_allclose(np.angle(before / after), 0, atol=1e-5)
    smooth = whiten(x.astype(float))
    np.testing.assert_allclose(np.angle(np.fft.rfft(smooth)[..., 1:-1] / before), 0, atol=1e-5)
    f, power = scipy.signal.welch(smooth, 25.0, nperseg=256)
    assert np.ptp(10 * np.log10(power[..., (f > 0.5) & (f < 12)].mean(axis=(0, 1)))) < 2.5
    np.testing.assert_allclose(np.mean(smooth**2, axis=-1), 1)


def test_whitening_leaves_the_moment_of_a_burst():
    x = 0.01 * noise((1, 1, 4160))
    x[..., 2000:2100] += noise((1, 1, 100), 1)
    energy = whiten(x)[0, 0] ** 2
    assert energy[1990:2110].sum() > 0.5 * energy.sum()


@pytest.mark.parametrize("samples", [4160, 4095])
def test_random_phases_keep_the_amplitudes_and_the_coherence_of_components(samples):
    x = noise((3, 2, samples)).astype(float)
    drawn = randomise_phases(x, np.random.default_rng(1))
    before, after = np.fft.rfft(x), np.fft.rfft(drawn)
    np.testing.assert_allclose(np.abs(after), np.abs(before), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(after[:, 0] * after[:, 1].conj(), before[:, 0] * before[:, 1].conj(), atol=1e-6)
    assert np.abs(np.corrcoef(x.ravel(), drawn.ravel())[0, 1]) < 0.05
