import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tremorlab.dataset.class_spectra import ClassSpectra, class_spectra, crossings, window_spectra
from tremorlab.errors import DatasetError

F = np.arange(1, 65) * 25 / 128


def power_laws(rng, n, crossing_hz, scatter=0.2):
    """Two classes with amplitudes f^-1 and f^-2 that cross at a known frequency, with log-normal events."""
    first = -np.log10(F) + scatter * rng.standard_normal((n, 1))
    second = np.log10(crossing_hz) - 2 * np.log10(F) + scatter * rng.standard_normal((n, 1))
    classes = np.repeat(["shallow", "steep"], n)
    return np.vstack([first, second]), classes, np.arange(2 * n)


def test_crossing_of_two_power_laws_is_where_algebra_puts_it():
    spectra, classes, events = power_laws(np.random.default_rng(0), 30, 4.0, scatter=0.0)
    (crossing,) = crossings(class_spectra(spectra, F, classes, events, seed=1)).itertuples()
    assert (crossing.first, crossing.second) == ("shallow", "steep")
    assert crossing.frequency_hz == pytest.approx(4.0, rel=0.01)
    assert crossing.low_hz <= crossing.frequency_hz <= crossing.high_hz


def test_band_of_the_crossing_covers_the_truth_as_often_as_it_says():
    covered = 0
    for seed in range(100):
        spectra, classes, events = power_laws(np.random.default_rng(seed), 25, 4.0)
        found = crossings(class_spectra(spectra, F, classes, events, seed=seed))
        covered += ((found["low_hz"] <= 4.0) & (found["high_hz"] >= 4.0)).any()
    assert 85 <= covered <= 100


def test_band_is_wider_when_windows_of_one_event_are_not_independent():
    rng = np.random.default_rng(3)
    spectra, classes, _ = power_laws(rng, 10, 4.0)
    spectra, classes = np.repeat(spectra, 8, axis=0), np.repeat(classes, 8)
    as_events = class_spectra(spectra, F, classes, np.repeat(np.arange(20), 8), seed=1)
    as_windows = class_spectra(spectra, F, classes, np.arange(160), seed=1)
    assert np.ptp(as_events.interval(), axis=0).mean() > 2 * np.ptp(as_windows.interval(), axis=0).mean()


def test_mean_of_an_unequal_event_weights_windows_not_events():
    spectra = np.vstack([np.zeros((3, 64)), np.ones((1, 64))])
    result = class_spectra(spectra, F, ["a"] * 4, ["x", "x", "x", "y"], seed=0)
    assert result.mean == pytest.approx(np.full((1, 64), 0.25))


@settings(max_examples=25, deadline=None)
@given(gain=st.floats(1e-3, 1e6))
def test_normalised_spectra_do_not_depend_on_gain(gain):
    running = np.random.default_rng(5).random((4, 1, 64, 64)) + 0.01
    for rule in ("maximum", "energy"):
        assert window_spectra(gain * running, rule) == pytest.approx(window_spectra(running, rule), abs=1e-9)
    assert window_spectra(gain * running, "none") == pytest.approx(
        window_spectra(running, "none") + np.log10(gain), abs=1e-9
    )


def test_window_spectrum_is_the_root_mean_square_over_frames():
    running = np.random.default_rng(6).random((2, 3, 64, 10))
    expected = np.log10(np.sqrt((running**2).mean(axis=(1, 3))))
    assert window_spectra(running, "none") == pytest.approx(expected)


def test_no_crossing_where_one_class_is_always_above():
    spectra = np.vstack([np.zeros((5, 64)), np.ones((5, 64))])
    assert crossings(class_spectra(spectra, F, ["a"] * 5 + ["b"] * 5, range(10), seed=0)).empty


def test_band_reaches_the_ends_when_nothing_is_decided():
    rng = np.random.default_rng(8)
    spectra = rng.standard_normal((4, 64))
    found = crossings(class_spectra(spectra, F, ["a", "a", "b", "b"], range(4), seed=0), level=1.01)
    assert len(found)
    assert set(zip(found["low_hz"], found["high_hz"], strict=True)) == {(F[0], F[-1])}


def drawn(shares, mean):
    """Two classes of which the first is above the second in these shares of 100 draws."""
    above = np.arange(100)[:, np.newaxis] < 100 * np.asarray(shares)
    replicates = np.stack([above, np.full_like(above, 0.5, dtype=float)], axis=1)
    return ClassSpectra(np.arange(1.0, 9.0), ("a", "b"), np.stack([mean, np.zeros(8)]), replicates)


def test_the_band_reaches_to_the_nearest_frequencies_where_the_order_is_decided():
    mean = np.array([5, 4, 3, 1, -3, -3, -4, -5.0])
    (row,) = crossings(drawn([1, 0.95, 0.75, 0.6, 0.4, 0.25, 0.05, 0], mean)).to_dict("records")
    assert row == {"first": "a", "second": "b", "frequency_hz": 4.25, "low_hz": 2.0, "high_hz": 7.0}
    (row,) = crossings(drawn([1, 0.95, 0.75, 0.6, 0.4, 0.25, 0.05, 0], mean), level=0.75).to_dict("records")
    assert (row["low_hz"], row["high_hz"]) == (3.0, 6.0)
    # 1 - 0.9 is a little less than 0.1, and the order of a share of 0.1 is as decided as that of 0.9.
    (row,) = crossings(drawn([1, 0.95, 0.9, 0.6, 0.4, 0.1, 0.05, 0], mean), level=0.9).to_dict("records")
    assert (row["low_hz"], row["high_hz"]) == (3.0, 6.0)
    (row,) = crossings(drawn([1, 1, 1, 1, 0, 0, 0, 0], mean)).to_dict("records")
    assert (row["low_hz"], row["high_hz"]) == (4.0, 5.0)
    (row,) = crossings(drawn([0.9] * 4 + [0.1] * 4, mean)).to_dict("records")
    assert (row["low_hz"], row["high_hz"]) == (1.0, 8.0)


def test_means_that_cross_twice_have_two_rows():
    mean = np.array([1, 1, -1, -1, -1, 1, 1, 1.0])
    found = crossings(drawn([1, 1, 0, 0, 0, 1, 1, 1], mean))
    assert found["frequency_hz"].tolist() == [2.5, 5.5]
    assert list(found.columns) == ["first", "second", "frequency_hz", "low_hz", "high_hz"]


def test_the_interval_is_the_central_one_of_the_draws():
    draws = np.random.default_rng(0).permutation(101)[:, np.newaxis, np.newaxis] * np.ones((1, 2, 8))
    spectra = ClassSpectra(np.arange(8.0), ("a", "b"), np.full((2, 8), 50.0), draws)
    assert spectra.interval(0.9).shape == (2, 2, 8)
    np.testing.assert_allclose(spectra.interval(0.9)[:, 1, 3], [5, 95])
    np.testing.assert_allclose(spectra.interval()[:, 0, 0], [2.5, 97.5])


def test_spectra_are_smoothed_by_the_formula_of_konno_and_ohmachi():
    rng = np.random.default_rng(11)
    spectra = rng.standard_normal((3, 64))
    for bandwidth in (20.0, 40.0):
        x = bandwidth * np.log10(F[:, np.newaxis] / F)
        weights = np.sinc(x / np.pi) ** 4
        weights /= weights.sum(axis=0)
        result = class_spectra(spectra, F, ["a"] * 3, range(3), bandwidth=bandwidth, replicates=2, seed=0)
        np.testing.assert_allclose(result.mean[0], (spectra @ weights).mean(axis=0), atol=1e-6)
    default = class_spectra(spectra, F, ["a"] * 3, range(3), replicates=2, seed=0)
    twenty = class_spectra(spectra, F, ["a"] * 3, range(3), replicates=2, bandwidth=20.0, seed=0)
    np.testing.assert_array_equal(default.mean, twenty.mean)


def test_draws_scatter_as_the_mean_of_independent_events_does():
    level = np.random.default_rng(2).standard_normal(40)
    spectra = np.concatenate([level, level + 3])[:, np.newaxis] * np.ones(64)
    result = class_spectra(spectra, F, ["a"] * 40 + ["b"] * 40, range(80), replicates=4000, seed=5)
    assert result.replicates.shape == (4000, 2, 64)
    assert result.classes == ("a", "b")
    np.testing.assert_allclose(result.replicates.mean(axis=0), result.mean, atol=0.02)
    np.testing.assert_allclose(result.replicates.std(axis=0), level.std() / 40**0.5, rtol=0.05)
    # Classes are drawn apart from each other.
    assert abs(np.corrcoef(result.replicates[:, :, 0].T)[0, 1]) < 0.05
    assert class_spectra(spectra, F, ["a"] * 80, range(80), seed=5).replicates.shape == (500, 1, 64)


def test_the_seed_decides_the_draws():
    spectra = np.random.default_rng(2).standard_normal((6, 64))
    one, same, other = (
        class_spectra(spectra, F, ["a"] * 6, range(6), replicates=9, seed=seed).replicates for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_a_window_is_divided_by_its_largest_amplitude_or_by_its_energy():
    running = np.random.default_rng(6).random((2, 3, 64, 10)) + 0.1
    power = (running**2).mean(axis=(1, 3))
    largest = running.reshape(2, -1).max(axis=1, keepdims=True)
    expected = np.log10(np.sqrt(power) / largest)
    np.testing.assert_allclose(window_spectra(running), expected, rtol=1e-9)
    np.testing.assert_allclose(window_spectra(running, "maximum"), expected, rtol=1e-9)
    by_energy = 10 ** (2 * window_spectra(running, "energy"))
    np.testing.assert_allclose(by_energy.sum(axis=1), 1)
    np.testing.assert_allclose(by_energy, power / power.sum(axis=1, keepdims=True))


def test_a_frequency_without_amplitude_has_a_finite_logarithm():
    running = np.ones((1, 1, 4, 4))
    running[0, 0, 2] = 0
    found = window_spectra(running, "none")[0]
    np.testing.assert_array_equal(found[[0, 1, 3]], 0)
    assert -200 < found[2] < -100


def test_every_pair_of_three_classes_is_compared():
    level = {"a": 0.0, "b": 1.0, "c": 2.0}
    tilt = np.linspace(-3, 3, 64)
    spectra = np.array([sign * tilt + level[name] for name, sign in zip("abc", (1, -1, 1), strict=True)])
    found = crossings(class_spectra(spectra, F, list("abc"), range(3), seed=0))
    assert set(zip(found["first"], found["second"], strict=True)) == {("a", "b"), ("b", "c")}


def test_unknown_normalisation_is_refused():
    with pytest.raises(
        DatasetError, match=r"^class spectra: normalisation 'peak' is not one of maximum, energy, none\. Choose one"
    ):
        window_spectra(np.ones((1, 1, 64, 64)), "peak")


def test_silent_window_is_named():
    running = np.ones((3, 1, 4, 4))
    running[2] = 0
    with pytest.raises(
        DatasetError, match=r"window 2: has no signal \(largest amplitude 0\)\. Leave silent windows out"
    ):
        window_spectra(running)


def test_nan_window_is_named():
    running = np.ones((3, 1, 4, 4))
    running[1, 0, 0, 0] = np.nan
    with pytest.raises(DatasetError, match=r"window 1: has no signal"):
        window_spectra(running)


def test_classes_and_windows_must_match():
    with pytest.raises(
        DatasetError, match=r"class spectra: 3 spectra, 2 classes and 3 events differ.*Give one class and one event"
    ):
        class_spectra(np.zeros((3, 64)), F, ["a", "b"], [1, 2, 3], seed=0)
    with pytest.raises(DatasetError, match=r"3 spectra, 3 classes and 2 events differ in number"):
        class_spectra(np.zeros((3, 64)), F, ["a", "b", "b"], [1, 2], seed=0)
