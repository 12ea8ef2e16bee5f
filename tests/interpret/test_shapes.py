"""Shapes of responses: of filters designed by scipy with known corners and notches."""

import numpy as np
import pytest
import scipy.signal

from tremorlab.errors import ModelError
from tremorlab.interpret.fir import Responses
from tremorlab.interpret.shapes import deepest_hz, over_seeds, shapes

F = np.linspace(0, 12.5, 1001)


def bank(*impulses):
    columns = [scipy.signal.freqz(impulse, worN=F, fs=25.0)[1] for impulse in impulses]
    return Responses(F, np.stack(columns, axis=1)[:, :, np.newaxis])


def designed(edges, pass_zero, taps=101):
    return scipy.signal.firwin(taps, edges, pass_zero=pass_zero, fs=25.0)


def test_filters_of_a_known_design_are_named_and_their_corners_found():
    table = shapes(
        bank(
            designed(5, True),
            designed(5, False),
            designed([3, 6], False),
            designed([3, 6], True),
            [1.0],
        )
    )
    assert list(table["kind"]) == ["low-pass", "high-pass", "band-pass", "band-stop", "flat"]
    # 10 dB below the maximum lies a little beyond the design's corner, at 6 dB.
    np.testing.assert_allclose(table["high_corner_hz"][[0, 2]], [5, 6], atol=0.2)
    np.testing.assert_allclose(table["low_corner_hz"][[1, 2]], [5, 3], atol=0.2)
    np.testing.assert_allclose(table.loc[3, ["low_corner_hz", "high_corner_hz"]].astype(float), [3, 6], atol=0.2)
    assert 3 < table["notch_hz"][3] < 6
    assert table["notch_hz"].isna().tolist() == [True, True, True, False, True]
    assert table["tilt_db"][0] < -20
    assert table["tilt_db"][1] > 9  # its corner lies below the middle of the band
    assert abs(table["tilt_db"][4]) < 1e-9


@pytest.mark.parametrize("notch", [4.5, 5.5, 7.5])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_notch_of_a_filter_with_a_zero_there_is_found_whatever_its_sign_and_scale(notch, sign):
    impulse = sign * 1e-3 * np.array([1, -2 * np.cos(2 * np.pi * notch / 25), 1])
    found = bank(impulse)
    table = shapes(found)
    assert table["kind"][0] == "band-stop"
    assert table["notch_hz"][0] == pytest.approx(notch, abs=0.01)
    assert deepest_hz(found)[0] == pytest.approx(notch, abs=0.01)
    assert table["depth_db"][0] > 30


def test_side_lobes_of_a_mean_do_not_make_it_a_band_stop():
    assert list(shapes(bank(np.ones(6)))["kind"]) == ["low-pass"]
    assert np.isnan(deepest_hz(bank(designed(5, False)))).all() or deepest_hz(bank(designed(5, False)))[0] < 5


def test_gains_may_differ_by_a_factor_of_three_on_both_sides_of_a_notch():
    low, high = designed(3, True), designed(6, False)
    assert list(shapes(bank(low + 0.5 * high))["kind"]) == ["band-stop"]
    assert list(shapes(bank(low + 0.2 * high))["kind"]) == ["low-pass"]
    assert shapes(bank(low + 0.5 * high))["tilt_db"][0] == pytest.approx(20 * np.log10(0.5), abs=1.5)


def test_components_count_alike():
    both = bank(designed(5, True), designed(5, False)).response[..., 0]
    assert list(shapes(Responses(F, both[:, np.newaxis, :]))["kind"]) == ["flat"]


def test_too_few_frequencies_are_refused():
    with pytest.raises(ModelError, match="2 frequencies in"):
        shapes(Responses(np.array([0, 5.0, 6.0]), np.ones((3, 1, 1))))


def test_intervals_over_seeds_hold_the_value_as_often_as_they_say():
    rng = np.random.default_rng(3)
    hit = 0
    for _ in range(200):
        _, low, high = over_seeds(rng.normal(5, 1, 12), rng=rng, statistic=np.mean, draws=200)
        hit += low <= 5 <= high
    assert 170 <= hit <= 200


def test_a_seed_without_a_notch_is_left_out():
    rng = np.random.default_rng(0)
    assert over_seeds([4, np.nan, 4], rng=rng) == (4, 4, 4)
    with pytest.raises(ModelError, match="1 are numbers"):
        over_seeds([4, np.nan], rng=rng)
