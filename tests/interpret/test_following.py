"""Slopes over twins: against least squares of numpy, and on values that follow or do not."""

import numpy as np
import pytest

from tremorlab.errors import ModelError
from tremorlab.interpret.following import slope

GIVEN = np.array([2.0, 3.0, 4.5, 6.0, 7.0, 9.0])


def test_the_slope_is_that_of_a_line_through_the_means():
    rng = np.random.default_rng(0)
    found = [0.5 * given + rng.normal(0, 1, 4) for given in GIVEN]
    got, low, high = slope(GIVEN, found, rng=rng)
    assert got == pytest.approx(np.polyfit(GIVEN, [np.mean(values) for values in found], 1)[0])
    assert low < got < high


def test_intervals_hold_the_slope_and_tell_following_from_not_following():
    rng = np.random.default_rng(1)
    for truth in (0.0, 1.0):
        held = 0
        for _ in range(60):
            found = [5 + truth * given + rng.normal(0, 0.5, 5) for given in GIVEN]
            _, low, high = slope(GIVEN, found, rng=rng, draws=200)
            held += low <= truth <= high
        assert held >= 45


def test_twins_without_a_value_are_left_out():
    found = [[given, np.nan] for given in GIVEN]
    found[2] = [np.nan]
    assert slope([*GIVEN[:5], np.nan], found, rng=np.random.default_rng(0))[0] == pytest.approx(1)
    with pytest.raises(ModelError, match="2 have both frequencies"):
        slope(GIVEN[:3], found[:3], rng=np.random.default_rng(0))
