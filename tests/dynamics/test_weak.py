"""The weak form against pysindy's on the same test functions, and against exact integrals; noise floor and low-pass."""

import numpy as np
import pysindy
import pytest

from tremorlab.dynamics import denoise, library
from tremorlab.dynamics.weak import automatic_half_width, weak_system
from tremorlab.errors import DynamicsError


@pytest.mark.filterwarnings("ignore")
def test_integrals_are_pysindys_on_the_same_test_functions():
    times = np.arange(800) / 100.0
    states = np.array([np.sin(3 * times), np.cos(5 * times) + 0.3 * np.sin(times)])
    terms = library.polynomial(("x", "y"), 2)
    np.random.seed(1)  # noqa: NPY002 - pysindy draws the centres of its test functions from the global generator
    theirs = pysindy.WeakPDELibrary(
        function_library=pysindy.PolynomialLibrary(degree=2, include_bias=True),
        spatiotemporal_grid=times,
        K=12,
        H_xt=0.305,
        p=4,
    )
    theirs.fit(states.T)
    integrals = np.asarray(theirs.transform(states.T))
    targets = np.asarray(theirs.convert_u_dot_integral(states.T))
    # pysindy integrates straight lines between samples against the test function: equal to second order in the
    # interval.
    compared = 0
    for row, (index,) in enumerate(theirs.inds_k):
        if len(index) % 2 == 0:
            continue
        half_width = len(index) // 2
        matrix, derivative = weak_system(states[:, index], terms, 0.01, half_width, order=4)
        s = np.arange(-half_width, half_width + 1) / half_width
        weight = 0.01 * np.sum((1 - s**2) ** 4)
        np.testing.assert_allclose(matrix[0] * weight, integrals[row], atol=5e-4 * np.abs(integrals).max())
        np.testing.assert_allclose(derivative[0] * weight, targets[row], atol=2e-3 * np.abs(targets).max())
        compared += 1
    assert compared >= 3


def test_weak_system_holds_for_a_true_equation():
    times = np.arange(1000) / 200.0
    states = np.array([np.sin(4 * times), np.cos(4 * times)])
    terms = library.polynomial(("x", "y"), 1)
    matrix, derivative = weak_system(states, terms, 1 / 200.0, 30, stride=7)
    assert matrix.shape == ((1000 - 61) // 7 + 1, 3)
    np.testing.assert_allclose(derivative[:, 0], 4 * matrix[:, 2], atol=1e-9)
    np.testing.assert_allclose(derivative[:, 1], -4 * matrix[:, 1], atol=1e-9)


@pytest.mark.parametrize(("half_width", "samples"), [(1, 100), (60, 100)])
def test_functions_that_do_not_fit_are_refused(half_width, samples):
    with pytest.raises(DynamicsError, match=f"test functions of {2 * half_width + 1} samples: do not fit"):
        weak_system(np.ones((1, samples)), library.polynomial(("x",), 1), 0.1, half_width)


def test_noise_floor_is_the_noise_under_a_tonal_signal():
    rng = np.random.default_rng(0)
    times = np.arange(6000) / 100.0
    signal = np.array([np.sin(2 * np.pi * 5 * times), 4 * np.sin(2 * np.pi * 2 * times)])
    noise = np.array([[0.1], [0.5]]) * rng.standard_normal(signal.shape)
    deviation, end = denoise.noise_floor(signal + noise)
    np.testing.assert_allclose(deviation, [0.1, 0.5], rtol=0.06)
    assert 0.05 <= end[0] < 0.08
    assert 0.02 <= end[1] < 0.05
    smooth = denoise.low_pass(signal + noise, end)
    assert np.all((smooth - signal).std(axis=1) < 0.8 * noise.std(axis=1))


def test_white_noise_has_no_band_and_a_wide_band_is_left_alone():
    rng = np.random.default_rng(0)
    white = rng.standard_normal((1, 4000))
    assert denoise.noise_floor(white)[1][0] < 0.01
    assert np.array_equal(denoise.low_pass(white, np.array([0.45])), white)


def test_integrals_are_means_over_the_bump():
    times = 0.1 * np.arange(-20, 21)
    matrix, derivative = weak_system(times[np.newaxis], library.polynomial(("x",), 2), 0.1, 20)
    # The mean of s^2 over (1 - s^2)^8 is 1/19, and that of s is 0.
    np.testing.assert_allclose(matrix, [[1, 0, 2.0**2 / 19]], atol=1e-9)
    np.testing.assert_allclose(derivative, [[1.0]], rtol=1e-7)


def test_the_shortest_test_function_has_five_samples():
    matrix, derivative = weak_system(np.ones((1, 7)), library.polynomial(("x",), 1), 0.1, 2)
    np.testing.assert_allclose(matrix, np.ones((3, 2)))
    np.testing.assert_allclose(derivative, 0, atol=1e-12)


@pytest.mark.parametrize(
    ("ends", "samples", "half_width"), [((0.05, 0.1), 1000, 20), ((0.5,), 1000, 6), ((0,), 600, 100)]
)
def test_half_width_is_two_samples_at_the_end_of_the_widest_band(ends, samples, half_width):
    assert automatic_half_width(np.array(ends), samples) == half_width


def test_a_low_pass_has_the_gain_of_a_butterworth_filter_run_twice():
    end, samples = 0.1, 4000
    for frequency in (0.05, 0.11, 0.13):
        wave = np.sin(2 * np.pi * frequency * np.arange(samples))
        before = wave.copy()
        smooth = denoise.low_pass(wave[np.newaxis], np.array([end]))[0]
        # The bilinear transform of order 6, whose corner is 1.1 times the end of the band.
        gain = 1 / (1 + (np.tan(np.pi * frequency) / np.tan(1.1 * np.pi * end)) ** 12)
        np.testing.assert_allclose(smooth[500:-500], gain * wave[500:-500], atol=2e-3)
        np.testing.assert_array_equal(wave, before)


def test_a_trend_and_a_tone_above_a_fifth_of_the_rate_are_no_noise():
    rng = np.random.default_rng(2)
    noise, samples = 0.2 * rng.standard_normal(6000), np.arange(6000)
    tone = np.sin(2 * np.pi * 0.03 * samples) + 0.5 * np.sin(2 * np.pi * 0.22 * samples)
    deviation, end = denoise.noise_floor(np.array([noise + tone + 0.05 * samples, noise]))
    assert deviation == pytest.approx(0.2, rel=0.08)
    assert end[0] == pytest.approx(0.22, abs=0.005)


def test_a_short_record_has_a_floor_and_may_be_smoothed():
    rng = np.random.default_rng(3)
    rows = np.sin(0.3 * np.arange(60)) + 0.05 * rng.standard_normal((20, 60))
    deviation, ends = denoise.noise_floor(rows)
    assert np.mean(deviation) == pytest.approx(0.05, rel=0.3)
    smooth = denoise.low_pass(rows, np.full(20, 0.1))
    assert np.abs(smooth - np.sin(0.3 * np.arange(60)))[:, 5:-5].max() < np.abs(rows - smooth).max()
    assert np.all((ends > 0) & (ends <= 0.5))
