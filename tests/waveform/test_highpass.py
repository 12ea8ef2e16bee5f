"""The high-pass against closed forms and scipy's own Gaussian filter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.ndimage import gaussian_filter1d

from tremorlab.waveform.highpass import gaussian, highpass, margin

RATE_HZ = 25.0


def passed(values, corner_hz=0.2, valid=None):
    values = np.asarray(values, "f4")
    valid = np.ones(len(values), bool) if valid is None else valid
    return highpass(values, valid, corner_hz, RATE_HZ)


@pytest.mark.parametrize("corner_hz", [0.05, 0.2, 1.0, 2.5])
@pytest.mark.parametrize("octaves", [-2, -1, 0, 1, 2])
def test_response_is_the_closed_form(corner_hz, octaves):
    frequency = corner_hz * 2.0**octaves
    pad = margin(corner_hz, RATE_HZ)
    times = np.arange(-pad, 1000 + pad) / RATE_HZ
    values = passed(np.sin(2 * np.pi * frequency * times), corner_hz)
    expected = (1 - np.exp(np.log(1 - 2**-0.25) * (frequency / corner_hz) ** 2)) ** 2
    assert_allclose(values, expected * np.sin(2 * np.pi * frequency * times[pad:-pad]), atol=3e-4)


def test_agrees_with_scipys_gaussian_filter():
    noise = np.random.default_rng(1).standard_normal(4000).cumsum()
    deviation = np.sqrt(-np.log(1 - 2**-0.25) / 2) / (np.pi * 0.2) * RATE_HZ
    theirs = noise.astype("f8")
    for _ in range(2):
        theirs = theirs - gaussian_filter1d(theirs, deviation, truncate=4.0)
    pad = margin(0.2, RATE_HZ)
    assert_allclose(passed(noise), theirs[pad:-pad], atol=0.02)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_trends_vanish(degree):
    x = np.linspace(-1, 1, 5000)
    assert np.abs(passed(1000 * x**degree)).max() < 2e-3


def test_a_corner_of_zero_changes_nothing():
    values = np.arange(100.0)
    assert_allclose(passed(values, 0), values)
    assert margin(0, RATE_HZ) == 0
    assert len(gaussian(0, RATE_HZ)) == 0


def test_the_impulse_response_does_not_ring():
    impulse = np.zeros(2001)
    impulse[1000] = 1
    response = passed(impulse)
    centre = np.argmax(response)
    before = response[:centre]
    assert_allclose(before, response[:centre:-1], atol=1e-7)
    assert np.count_nonzero(np.diff(np.sign(before[np.abs(before) > 1e-6]))) <= 1


def test_an_offset_leaves_no_step_beside_a_gap():
    valid = np.ones(4000, bool)
    valid[1500:1900] = False
    values = np.where(valid, 1e5, 0)
    assert np.abs(passed(values, valid=valid)).max() < 0.1


def test_a_lone_island_between_gaps_stays_finite():
    valid = np.zeros(3000, bool)
    valid[1500:1503] = True
    result = passed(np.where(valid, [1e4], 0), valid=valid)
    assert np.isfinite(result).all()
    assert np.abs(result).max() < 1e-2 * 1e4


def test_the_seconds_beside_a_gap_change_little():
    rng = np.random.default_rng(5)
    x = np.convolve(rng.standard_normal(8200), np.ones(5) / 5, "valid")[:8000]
    valid = np.ones(8000, bool)
    valid[3900:4400] = False
    whole, cut = passed(x), passed(np.where(valid, x, 0), valid=valid)
    known = valid[margin(0.2, RATE_HZ) :][: len(whole)]
    assert np.std((cut - whole)[known]) < 0.02 * np.std(whole)
    assert (cut[~known] == 0).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), a=st.floats(-5, 5), holes=st.integers(0, 6))
def test_linear_and_local(seed, a, holes):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((2, 1500))
    valid = np.ones(1500, bool)
    for start in rng.integers(0, 1400, holes):
        valid[start : start + rng.integers(1, 100)] = False
    x, y = np.where(valid, x, 0), np.where(valid, y, 0)
    assert_allclose(passed(a * x + y, 0.5, valid), a * passed(x, 0.5, valid) + passed(y, 0.5, valid), atol=3e-5)
    pad = margin(0.5, RATE_HZ)
    part = slice(400, 1000)
    assert_allclose(passed(x[part], 0.5, valid[part]), passed(x, 0.5, valid)[400 : 1000 - 2 * pad], atol=2e-6)
