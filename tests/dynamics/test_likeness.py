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
