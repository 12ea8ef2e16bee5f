"""Frequency, spectra and phases of records with known ones."""

import numpy as np
import pytest
from scipy.signal import chirp

from tremorlab.dynamics import likeness
from tremorlab.errors import DynamicsError

RNG = np.random.default_rng(3)
TIMES = np.arange(0, 120, 0.04)


def harmonic(locked, seconds=240.0):
    """Three harmonics of 1.2 Hz whose phases wander together, or each on its own."""
    times = np.arange(0, seconds, 0.04)
    rng = np.random.default_rng(0)
    wander = [np.cumsum(0.08 * rng.standard_normal(len(times))) for _ in range(3)]
    phases = [k * wander[0] if locked else k * wander[k - 1] for k in (1, 2, 3)]
    return sum(np.cos(2 * np.pi * 1.2 * k * times + phase) / k for k, phase in zip((1, 2, 3), phases, strict=True))


def test_frequency_of_a_sine():
    assert likeness.mean_frequency_hz(np.sin(2 * np.pi * 1.3 * TIMES), 25.0) == pytest.approx(1.3, rel=5e-3)
    assert likeness.mean_frequency_hz(TIMES, 25.0) == 0


def test_distance_between_spectra():
    values = RNG.standard_normal(4000)
    assert likeness.log_spectral_distance_db(values, values) == 0
    assert likeness.log_spectral_distance_db(10 * values, values) == pytest.approx(20)


def test_a_gliding_fundamental_is_followed():
    glide = sum(chirp(TIMES, k * 0.9, 120, k * 1.3) / k for k in (1, 2, 3))
    times, track = likeness.fundamental_track(glide, 25.0, 0.7, 1.6)
    inside = (times > 10) & (times < 110)
    np.testing.assert_allclose(track[inside], 0.9 + 0.4 * times[inside] / 120, atol=0.03)


def test_amplitudes_of_harmonics():
    values = 3 * np.sin(2 * np.pi * TIMES) + np.sin(4 * np.pi * TIMES)
    np.testing.assert_allclose(
        likeness.harmonic_amplitudes(values, 25.0, 1.0, 3), [3 / np.sqrt(10), 1 / np.sqrt(10), 0], atol=1e-3
    )


def test_phase_coupling_tells_locked_harmonics_from_loose_ones():
    locked, loose = (likeness.bicoherence(harmonic(each), 25.0, 1.2) for each in (True, False))
    assert locked[0] > 0.85
    assert loose[0] < 0.75
    assert np.all(locked <= 1 + 1e-9)


@pytest.mark.parametrize(("low", "high"), [(2.0, 1.0), (0.0, 1.0), (4.0, 5.0)])
def test_limits_that_make_no_sense_are_refused(low, high):
    with pytest.raises(DynamicsError, match="fundamental between"):
        likeness.fundamental_track(np.sin(TIMES), 25.0, low, high)


def test_frequency_is_counted_from_the_first_crossing_to_the_last():
    values = np.array([1.0, -1, -1, 1, 1, -1, 1, -1, -1, 1, -1])
    # Upward between samples 2 and 3, 5 and 6, 8 and 9.
    assert likeness.mean_frequency_hz(values, 12.0, level=0.0) == pytest.approx(12 * 2 / 6)
    assert likeness.mean_frequency_hz(values[:8], 12.0, level=0.0) == pytest.approx(12 / 3)
    assert likeness.mean_frequency_hz(values, 12.0, level=1.0) == 0
    assert likeness.mean_frequency_hz(values + 10, 12.0) == pytest.approx(4)


def test_what_lies_forty_decibels_down_does_not_count():
    noise = RNG.standard_normal(4000)
    wave = np.sin(2 * np.pi * np.arange(4000) / 16)
    assert likeness.log_spectral_distance_db(wave + 1e-5 * noise, wave + 1e-4 * noise) < 0.1
    # Ten decibels above the noise of the second nothing but the wave stands, and the noise of neither counts.
    assert likeness.log_spectral_distance_db(wave + 0.3 * noise, wave + 0.1 * noise) < 0.5
    assert likeness.log_spectral_distance_db(10 * wave + noise, wave + 0.1 * noise) == pytest.approx(20, abs=0.5)


def test_a_spectrum_without_power_is_far_away():
    values = RNG.standard_normal(300)
    found = likeness.log_spectral_distance_db(np.zeros(500), values)
    assert np.isfinite(found)
    assert found > 1000
    assert likeness.log_spectral_distance_db(10 * values + 5, values) == pytest.approx(20)


def test_a_constant_fundamental_is_found_every_sixteenth_of_a_window():
    values = sum(np.sin(2 * np.pi * 1.05 * k * TIMES) for k in (1, 2))
    times, track = likeness.fundamental_track(values, 25.0, 0.7, 1.6)
    np.testing.assert_allclose(np.diff(times), 0.6)  # 15 samples: a sixteenth of 250, rounded down
    np.testing.assert_allclose(track, 1.05, atol=0.01)
    times, _ = likeness.fundamental_track(values, 25.0, 0.7, 1.6, window_s=20.0)
    np.testing.assert_allclose(np.diff(times), 1.24)
    # Four harmonics of the lower limit may reach the Nyquist frequency.
    likeness.fundamental_track(values, 25.0, 3.125, 3.2)


def test_the_fundamental_is_the_one_whose_harmonics_add_up():
    # The second harmonic is the strongest line, and lies between the limits too.
    values = sum(size * np.sin(2 * np.pi * 0.8 * k * TIMES) for k, size in ((1, 1.0), (2, 1.5), (3, 1.0)))
    _, track = likeness.fundamental_track(values, 25.0, 0.6, 1.9)
    np.testing.assert_allclose(track, 0.8, atol=0.01)


def test_amplitudes_of_harmonics_are_over_the_whole_record_without_its_mean():
    values = (
        50 + np.sin(2 * np.pi * 1.2 * TIMES) + 2 * np.sin(2 * np.pi * 2.0 * TIMES) + np.sin(2 * np.pi * 3.4 * TIMES)
    )
    found = likeness.harmonic_amplitudes(values, 25.0, 1.0)
    # A line within a quarter of the fundamental belongs to a harmonic, one farther away to none.
    np.testing.assert_allclose(found, [np.sqrt(1 / 6), np.sqrt(4 / 6), 0, 0, 0, 0], atol=2e-3)


def test_every_triad_of_a_periodic_wave_is_coupled():
    values = sum(np.cos(2 * np.pi * 1.25 * k * TIMES + k * k) / k for k in range(1, 5))
    np.testing.assert_allclose(likeness.bicoherence(values, 25.0, 1.25), 1, atol=1e-3)


def test_coupling_is_found_in_the_triad_that_has_it():
    rng = np.random.default_rng(1)
    times = np.arange(0, 400, 0.04)
    one, two = (np.cumsum(0.08 * rng.standard_normal(len(times))) for _ in range(2))
    phases = {1: one, 2: two, 3: one + two}
    values = sum(np.cos(2 * np.pi * 1.2 * k * times + phase) for k, phase in phases.items())
    found = likeness.bicoherence(values + 0.2 * rng.standard_normal(len(times)), 25.0, 1.2)
    assert found.shape == (4,)
    assert found[1] > 0.85
    assert found[1] > found[[0, 2, 3]].max() + 0.1


def test_a_triad_beyond_the_nyquist_frequency_is_not_coupled():
    values = sum(np.cos(2 * np.pi * 4.0 * k * TIMES) for k in (1, 2, 3))
    found = likeness.bicoherence(values, 25.0, 4.0)
    np.testing.assert_allclose(found[:2], 1, atol=1e-3)
    assert found[2] == found[3] == 0


def test_a_motion_is_judged_above_the_noise_of_its_record():
    rng = np.random.default_rng(0)
    clean = harmonic(True)
    noisy = clean + 0.1 * clean.std() * rng.standard_normal(len(clean))
    half = len(noisy) // 2
    of_halves = likeness.log_spectral_distance_db(noisy[:half], noisy[half:])
    of_truth = likeness.log_spectral_distance_db(clean, noisy)
    assert of_truth < max(2.0, of_halves)
    assert likeness.log_spectral_distance_db(clean.std() * rng.standard_normal(len(clean)), noisy) > 5
