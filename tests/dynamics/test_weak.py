"""The weak form against pysindy's on the same test functions, and against exact integrals; noise floor and low-pass."""

import numpy as np
import pysindy
import pytest

from tremorlab.dynamics import denoise, library
from tremorlab.dynamics.weak import weak_system
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
