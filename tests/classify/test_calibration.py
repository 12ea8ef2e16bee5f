"""Temperature and frequencies of classes, on answers whose true probabilities are known."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from scipy.optimize import minimize
from scipy.special import softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from tremorlab.classify import calibration
from tremorlab.classify.networks import WaveformNetwork, build
from tremorlab.errors import ModelError


def rng(seed=1):
    return np.random.default_rng(seed)


def honest(number=4000, seed=0):
    """Probabilities, and truth drawn from them."""
    draw = rng(seed)
    probabilities = softmax(2 * draw.normal(size=(number, 3)), axis=1)
    truth = (draw.random((number, 1)) > probabilities.cumsum(axis=1)).sum(axis=1)
    return probabilities, np.minimum(truth, 2)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_a_temperature_is_found_again(temperature):
    probabilities, truth = honest()
    spoilt = calibration.apply_temperature(probabilities, 1 / temperature)
    found = calibration.fit_temperature(spoilt, truth)
    assert found == pytest.approx(temperature, rel=0.08)
    mended = calibration.apply_temperature(spoilt, found)
    assert calibration.calibration_error(mended, truth) < 0.02
    if temperature != 1:
        assert calibration.calibration_error(spoilt, truth) > 0.05


@settings(deadline=None)
@given(temperature=st.floats(0.1, 10), seed=st.integers(0, 99))
def test_the_most_probable_class_stays(temperature, seed):
    probabilities, _ = honest(50, seed)
    changed = calibration.apply_temperature(probabilities, temperature)
    np.testing.assert_array_equal(changed.argmax(axis=1), probabilities.argmax(axis=1))
    np.testing.assert_allclose(changed.sum(axis=1), 1)


def test_no_other_temperature_has_a_lower_loss_by_scikit_learn():
    probabilities, truth = honest(500)
    weights = rng().uniform(0.2, 3, 500)
    found = calibration.fit_temperature(probabilities, truth, weights)
    tried = found * np.linspace(0.8, 1.25, 91)
    losses = [
        log_loss(truth, calibration.apply_temperature(probabilities, each), sample_weight=weights) for each in tried
    ]
    assert tried[np.argmin(losses)] == pytest.approx(found, rel=6e-3)


def test_weights_count_as_repetitions():
    probabilities, truth = honest(300)
    weights = 1 + np.arange(300) % 3
    repeated = calibration.fit_temperature(np.repeat(probabilities, weights, axis=0), np.repeat(truth, weights))
    assert calibration.fit_temperature(probabilities, truth, weights) == pytest.approx(repeated, rel=1e-3)


def test_a_network_takes_its_temperature_along(tmp_path):
    keras.utils.set_random_seed(0)
    model = build(WaveformNetwork(channels=(3, 4), kernel=5, hidden=8, margin=0), (1, 128), 3)
    x = rng().normal(size=(6, 1, 128)).astype(np.float32)
    before = ops.convert_to_numpy(model(x))
    warm = calibration.calibrated(model, 2.0)
    np.testing.assert_allclose(ops.convert_to_numpy(warm(x)), calibration.apply_temperature(before, 2.0), atol=1e-5)
    np.testing.assert_array_equal(ops.convert_to_numpy(model(x)), before)
    warm.save(tmp_path / "warm.keras")
    again = keras.models.load_model(tmp_path / "warm.keras", safe_mode=True)
    np.testing.assert_array_equal(ops.convert_to_numpy(again(x)), ops.convert_to_numpy(warm(x)))


def test_reliability_by_hand():
    probabilities = np.array([[0.6, 0.4], [0.7, 0.3], [0.1, 0.9], [0.2, 0.8]])
    table = calibration.reliability(probabilities, [0, 1, 1, 1], bins=2)
    np.testing.assert_allclose(table.to_numpy(), [[0.65, 0.5, 2], [0.85, 1.0, 2]])
    assert calibration.calibration_error(probabilities, [0, 1, 1, 1], bins=2) == pytest.approx(0.15)
    assert len(calibration.reliability(probabilities, [0, 1, 1, 1], bins=10)) == 4


def test_bins_are_those_of_scikit_learn():
    """Of two classes, the answer being the second, its quantile bins are the same."""
    draw = rng()
    second = draw.uniform(0.5, 1, 1000)
    truth = (draw.random(1000) < second).astype(int)
    table = calibration.reliability(np.stack([1 - second, second], axis=1), truth, bins=8)
    accuracy, confidence = calibration_curve(truth, second, n_bins=8, strategy="quantile")
    np.testing.assert_allclose(table["accuracy"], accuracy)
    np.testing.assert_allclose(table["confidence"], confidence)


def test_bins_of_a_class_are_those_of_scikit_learn():
    probabilities, truth = honest(1000)
    table = calibration.reliability(probabilities, truth, bins=8, of=2)
    accuracy, confidence = calibration_curve(truth == 2, probabilities[:, 2], n_bins=8, strategy="quantile")
    np.testing.assert_allclose(table["accuracy"], accuracy)
    np.testing.assert_allclose(table["confidence"], confidence)
    expected = np.abs(accuracy - confidence).mean()
    assert calibration.calibration_error(probabilities, truth, bins=8, of=2) == pytest.approx(expected)


def test_the_error_of_the_most_probable_class_may_hide_a_wrong_frequency():
    """Two classes alike but for their place: too much trust in the one and too little in the other cancel."""
    probabilities, truth = two_normals(0.05)
    assert calibration.calibration_error(probabilities, truth) < 0.03
    assert calibration.calibration_error(probabilities, truth, of=1) > 0.1


def two_normals(prior, number=20_000, seed=0):
    """Values of two classes one apart, and the exact probabilities at equal frequencies."""
    draw = rng(seed)
    truth = (draw.random(number) < prior).astype(int)
    value = draw.normal(size=number) + 2 * truth
    second = 1 / (1 + np.exp(-(2 * value - 2)))
    return np.stack([1 - second, second], axis=1), truth


def test_bayes_rule_puts_the_frequencies_right():
    probabilities, truth = two_normals(0.05)
    assert probabilities[:, 1].mean() > 0.15
    shifted = calibration.shift_prior(probabilities, [0.5, 0.5], [0.95, 0.05])
    rows = np.arange(len(truth))
    assert -np.log(shifted[rows, truth]).mean() < 0.7 * -np.log(probabilities[rows, truth]).mean()
    assert shifted[:, 1].mean() == pytest.approx(0.05, abs=0.005)
    back = calibration.shift_prior(shifted, [0.95, 0.05], [0.5, 0.5])
    np.testing.assert_allclose(back, probabilities, atol=1e-9)


@pytest.mark.parametrize("prior", [0.02, 0.3, 0.9])
def test_frequencies_are_estimated_without_labels(prior):
    probabilities, _ = two_normals(prior)
    assert calibration.estimate_prior(probabilities, [0.5, 0.5])[1] == pytest.approx(prior, abs=0.015)


def test_estimated_frequencies_have_the_greatest_likelihood():
    """The mixture of the classes as they were in training, maximised by another method."""
    trained = np.array([0.5, 0.3, 0.2])
    probabilities = honest(800)[0]
    found = calibration.estimate_prior(probabilities, trained)

    def surprise(logits):
        return -np.log(probabilities / trained @ softmax([*logits, 0])).sum()

    expected = softmax([*minimize(surprise, [0, 0], method="Nelder-Mead", options={"xatol": 1e-7}).x, 0])
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_likelihood_is_greatest_where_a_class_is_absent_too():
    """Against all mixtures on a grid; the third class looks like the first two and is hardly ever the likelier one."""
    rng = np.random.default_rng(2)
    likelihood = rng.gamma(2.0, size=(400, 2))
    likelihood = np.column_stack([likelihood, likelihood.mean(axis=1) * rng.uniform(0.9, 1.08, 400)])
    probabilities = likelihood / likelihood.sum(axis=1, keepdims=True)
    found = calibration.estimate_prior(probabilities, [1 / 3, 1 / 3, 1 / 3])
    grid = [np.array([a, b, 1 - a - b]) for a in np.linspace(0, 1, 101) for b in np.linspace(0, 1 - a, 51)]
    best = max(np.log(probabilities @ prior).mean() for prior in grid)
    assert np.log(probabilities @ found).mean() >= best - 1e-9
    assert found.min() < 0.02


def test_a_class_that_does_not_occur_is_estimated_away():
    probabilities, _ = two_normals(0.0)
    assert calibration.estimate_prior(probabilities, [0.5, 0.5])[1] < 0.01


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: calibration.fit_temperature([[0.5, 0.5]], [0, 1]),
            r"probabilities: shape \(1, 2\) for 2 windows. Give",
        ),
        (lambda: calibration.reliability([0.5, 0.5], [0, 1]), r"probabilities: shape \(2,\) for 2 windows"),
        (
            lambda: calibration.fit_temperature([[0.5, 0.5], [0.5, 0.6]], [0, 1]),
            "window 1: add up to 1.1. Give softmax",
        ),
        (
            lambda: calibration.shift_prior([[0.5, 0.5]], [0.5, 0.5], [0.9, 0.2]),
            r"frequencies deployed: are \[0.9, 0.2\]",
        ),
        (lambda: calibration.shift_prior([[0.5, 0.5]], [0.5, 0.3, 0.2], [0.9, 0.1]), "frequencies trained: are"),
        (lambda: calibration.fit_temperature([[0.5, 0.5]], [2]), "truth, window 0: class 2 of 2. Use 0 to 1"),
        (lambda: calibration.apply_temperature([[0.5, 0.5]], 0), "temperature: is 0. Give a positive one"),
        (lambda: calibration.calibration_error([[0.5, 0.5]], [0], bins=0), "reliability: bins = 0. Give one or more"),
        (lambda: calibration.reliability([[0.5, 0.5]], [0], of=2), "reliability: class 2 of 2. Use 0 to 1"),
        (
            lambda: calibration.shift_prior([[0.5, 0.5], [0, 1.0]], [0.5, 0.5], [1.0, 0.0]),
            "probabilities, window 1: is certain of a class of frequency zero. Give every class",
        ),
        (lambda: calibration.estimate_prior(np.empty((0, 2)), [0.5, 0.5]), r"probabilities: shape \(0, 2\)"),
        (lambda: calibration.estimate_prior([[0.5, 0.5]], [0.5, 0.6]), "frequencies trained: are"),
        (
            lambda: calibration.estimate_prior(two_normals(0.3)[0], [0.5, 0.5], steps=2),
            "frequencies: still move after 2 steps. Give more windows",
        ),
        (lambda: calibration.shift_prior([[0.5, 0.5]], [1.0, 0.0], [0.9, 0.1]), "frequencies trained: hold a zero"),
    ],
)
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(ModelError, match=message):
        call()
