"""What surrogates keep, what they destroy, and that the statistics see the difference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter, welch

from tremorlab.dynamics import surrogates
from tremorlab.errors import DynamicsError

RNG = np.random.default_rng(7)
#: A saw-tooth with noise: it does not look the same backwards.
SAW = (np.arange(2000) % 25) / 25 + 0.05 * RNG.standard_normal(2000)
#: A linear Gaussian process.
LINEAR = lfilter([1], [1, -1.6, 0.9], RNG.standard_normal(3000))[200:]


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 1000), st.integers(50, 300))
def test_iaaft_keeps_the_values_and_nearly_the_spectrum(seed, length):
    values = SAW[:length]
    other = surrogates.iaaft(values, np.random.default_rng(seed))
    np.testing.assert_array_equal(np.sort(other), np.sort(values))
    sizes = [np.abs(np.fft.rfft(each - each.mean())) for each in (values, other)]
    assert np.linalg.norm(sizes[0] - sizes[1]) < 0.25 * np.linalg.norm(sizes[0])


def test_iaaft_destroys_the_direction_of_time():
    other = surrogates.iaaft(SAW, np.random.default_rng(1))
    assert surrogates.asymmetry(SAW, 20) > 3 * surrogates.asymmetry(other, 20)


def test_asymmetry_is_that_of_a_saw_tooth():
    # Steps of a saw-tooth of 25 samples at lag 1: 24 of 1/25 and one of -24/25.
    step = np.array([1 / 25] * 24 + [-24 / 25])
    expected = abs(np.mean(step**3)) / np.mean(step**2) ** 1.5
    assert surrogates.asymmetry((np.arange(2501) % 25) / 25, 1) == pytest.approx(expected, rel=1e-6)


def test_a_linear_process_is_not_told_from_its_surrogates():
    null = [surrogates.asymmetry(surrogates.iaaft(LINEAR, np.random.default_rng(s)), 10) for s in range(19)]
    assert surrogates.rank_p_value(surrogates.asymmetry(LINEAR, 10), null) > 0.05


def test_local_surrogate_follows_a_changing_amplitude():
    envelope = np.where(np.arange(len(LINEAR)) < 1400, 1.0, 5.0)
    other = surrogates.local_surrogate(envelope * LINEAR, 200, np.random.default_rng(2))
    assert other.shape == LINEAR.shape
    assert np.std(other[1600:]) / np.std(other[:1200]) == pytest.approx(5, rel=0.3)
    assert np.std(other[:1200]) == pytest.approx(np.std(LINEAR[:1200]), rel=0.25)


def test_local_surrogate_keeps_the_spectrum_of_a_stationary_process():
    other = surrogates.local_surrogate(LINEAR, 400, np.random.default_rng(3))
    one, two = (welch(each, nperseg=128)[1] for each in (LINEAR, other))
    assert np.median(np.abs(np.log(two[2:40] / one[2:40]))) < 0.4


def test_matched_ends_close_the_circle():
    values = np.sin(2 * np.pi * np.arange(1037) / 100)
    piece = values[surrogates.matched_ends(values, 0.1)]
    assert abs(piece[0] - piece[-1]) < 0.1
    assert len(piece) >= 0.8 * len(values)
    spectrum = np.abs(np.fft.rfft(piece))
    assert np.sort(spectrum)[-2] < 0.01 * spectrum.max()


@pytest.mark.parametrize(
    ("value", "p"),
    [(0.0, 1.0), (1.5, 0.75), (9.0, 0.25)],
)
def test_rank_p_value_counts_the_record_itself(value, p):
    assert surrogates.rank_p_value(value, [1.0, 2.0, 3.0]) == p


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(10), "not one scalar of at least 50 samples"),
        (np.zeros((60, 2)), "not one scalar"),
        (np.ones(60), "is constant"),
        (np.where(np.arange(60) == 7, np.nan, np.arange(60.0)), r"sample 7: is nan \(1 are not finite\)"),
    ],
)
def test_unusable_records_are_refused(values, message):
    with pytest.raises(DynamicsError, match=message):
        surrogates.iaaft(values, np.random.default_rng(0))


@pytest.mark.parametrize("window", [15, 14, 5000])
def test_unusable_windows_are_refused(window):
    with pytest.raises(DynamicsError, match="window of"):
        surrogates.local_surrogate(LINEAR, window, np.random.default_rng(0))


def test_too_much_to_give_away_is_refused():
    with pytest.raises(DynamicsError, match=r"share 0.5: is not between 0 and 0.4"):
        surrogates.matched_ends(LINEAR, 0.5)


def test_local_surrogate_keeps_the_mean_and_turns_the_phases():
    other = surrogates.local_surrogate(LINEAR + 100, 64, np.random.default_rng(4))
    assert other.mean() == pytest.approx(100 + LINEAR.mean(), abs=0.2)
    assert abs(np.corrcoef(other, LINEAR)[0, 1]) < 0.1
    assert surrogates.local_surrogate(LINEAR[:50], 50, np.random.default_rng(0)).shape == (50,)
    assert surrogates.local_surrogate(LINEAR[:50], 16, np.random.default_rng(0)).shape == (50,)


def test_local_surrogate_keeps_the_variance_throughout():
    others = [surrogates.local_surrogate(LINEAR, 100, np.random.default_rng(s)) for s in range(20)]
    parts = np.std(others, axis=0).reshape(-1, 140).mean(axis=1)
    np.testing.assert_allclose(parts / LINEAR.std(), 1, atol=0.35)
    assert np.std(others) == pytest.approx(LINEAR.std(), rel=0.06)


def test_surrogates_of_one_seed_are_one():
    for make in (surrogates.iaaft, lambda v, rng: surrogates.local_surrogate(v, 64, rng)):
        one, same, other = (make(SAW, np.random.default_rng(s)) for s in (1, 1, 2))
        np.testing.assert_array_equal(one, same)
        assert np.any(one != other)


def test_iaaft_reaches_the_spectrum_to_a_few_per_cent():
    other = surrogates.iaaft(LINEAR, np.random.default_rng(1))
    sizes = [np.abs(np.fft.rfft(each)) for each in (LINEAR, other)]
    assert np.linalg.norm(sizes[0] - sizes[1]) < 0.03 * np.linalg.norm(sizes[0])
    odd = surrogates.iaaft(LINEAR[:999], np.random.default_rng(1))
    assert len(odd) == 999


def test_asymmetry_is_the_largest_of_its_lags():
    def one(lag):
        step = SAW[lag:] - SAW[:-lag]
        return abs(np.mean(step**3)) / np.mean(step**2) ** 1.5

    for longest in (1, 2, 9):
        assert surrogates.asymmetry(SAW, longest) == pytest.approx(max(one(lag) for lag in range(1, longest + 1)))
    assert surrogates.asymmetry(-SAW, 5) == pytest.approx(surrogates.asymmetry(SAW, 5))


def test_matched_ends_are_the_best_pair_of_the_share():
    values = np.random.default_rng(3).standard_normal(120)
    piece = surrogates.matched_ends(values, 0.1)
    slope = np.diff(values)
    misfits = {
        (i, j): (values[i] - values[j]) ** 2 / values.var() + (slope[i] - slope[j - 1]) ** 2 / slope.var()
        for i in range(13)
        for j in range(107, 120)
    }
    assert (piece.start, piece.stop) == min(misfits, key=misfits.get)
    default = surrogates.matched_ends(values)
    assert default == surrogates.matched_ends(values, 0.05)
    assert surrogates.matched_ends(values, 0) == slice(0, 119)
    assert surrogates.matched_ends(values, 0.4).stop > 0
    with pytest.raises(DynamicsError, match=r"share -0.1"):
        surrogates.matched_ends(values, -0.1)


def test_a_record_of_fifty_samples_will_do_and_is_made_of_floats():
    found = surrogates.scalar(list(range(50)))
    assert found.dtype == float
    assert len(found) == 50
    with pytest.raises(DynamicsError, match=r"record of shape \(49,\)"):
        surrogates.scalar(np.arange(49.0))
    with pytest.raises(DynamicsError, match=r"sample 3: is inf \(2 are not finite\)"):
        surrogates.scalar(np.where(np.arange(60) % 50 == 3, np.inf, np.arange(60.0)))
    with pytest.raises(DynamicsError, match=r"record: is constant \(-5\)"):
        surrogates.scalar(np.full(60, -5.0))
    assert surrogates.scalar(1e6 + np.arange(60) * 1e-4).std() > 0


@pytest.mark.parametrize(("value", "null"), [(np.nan, [1.0, 2.0]), (1.0, [np.nan, 2.0]), (1.0, [])])
def test_what_could_not_be_measured_is_not_significant(value, null):
    with pytest.raises(DynamicsError, match="cannot be ranked"):
        surrogates.rank_p_value(value, null)
