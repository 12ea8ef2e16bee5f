import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tremorlab.dataset.class_spectra import class_spectra, crossings, window_spectra
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


def test_every_pair_of_three_classes_is_compared():
    level = {"a": 0.0, "b": 1.0, "c": 2.0}
    tilt = np.linspace(-3, 3, 64)
    spectra = np.array([sign * tilt + level[name] for name, sign in zip("abc", (1, -1, 1), strict=True)])
    found = crossings(class_spectra(spectra, F, list("abc"), range(3), seed=0))
    assert set(zip(found["first"], found["second"], strict=True)) == {("a", "b"), ("b", "c")}


def test_unknown_normalisation_is_refused():
    with pytest.raises(DatasetError, match=r"normalisation 'peak' is not one of maximum, energy, none"):
        window_spectra(np.ones((1, 1, 64, 64)), "peak")


def test_silent_window_is_named():
    running = np.ones((3, 1, 4, 4))
    running[2] = 0
    with pytest.raises(DatasetError, match=r"window 2: has no signal"):
        window_spectra(running)


def test_nan_window_is_named():
    running = np.ones((3, 1, 4, 4))
    running[1, 0, 0, 0] = np.nan
    with pytest.raises(DatasetError, match=r"window 1: has no signal"):
        window_spectra(running)


def test_classes_and_windows_must_match():
    with pytest.raises(DatasetError, match=r"3 spectra, 2 classes and 3 events differ in number"):
        class_spectra(np.zeros((3, 64)), F, ["a", "b"], [1, 2, 3], seed=0)
