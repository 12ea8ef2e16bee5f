"""Forecasts against closed forms and scikit-learn; blocks that never touch what they are judged on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter
from sklearn.linear_model import LinearRegression, Ridge

from tremorlab.dynamics import forecast, surrogates
from tremorlab.errors import DynamicsError

RNG = np.random.default_rng(11)
SINE = np.sin(2 * np.pi * np.arange(1500) / 20)
LINEAR = lfilter([1], [1, -1.6, 0.9], RNG.standard_normal(2700))[200:]


def saw(count, rng):
    """A waveform whose amplitude and timing vary, with harmonics locked to its fundamental."""
    phase = np.cumsum(0.05 * (1 + 0.1 * lfilter([0.05], [1, -0.95], rng.standard_normal(count))))
    size = np.exp(lfilter([0.02], [1, -0.98], rng.standard_normal(count)) * 3)
    return size * sum(np.sin(2 * np.pi * k * phase + 0.7 * k * k) / k for k in (1, 2, 3))


def test_table_lines_up_past_and_future():
    past, future = forecast.table(np.arange(100.0), 3, (1, 4))
    np.testing.assert_array_equal(past[0], [2, 1, 0])
    np.testing.assert_array_equal(future[0], [3, 6])
    np.testing.assert_array_equal(future[-1], [96, 99])


def test_autoregression_is_least_squares():
    past, future = forecast.table(LINEAR, 6, (1, 3))
    expected = LinearRegression(fit_intercept=False).fit(past[:900], future[:900]).predict(past[900:])
    found = forecast.Autoregression(ridge=0.0).fit(past[:900], future[:900], (1, 3)).predict(past[900:])
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)


def test_a_kernel_without_centres_is_an_autoregression():
    past, future = forecast.table(LINEAR, 6, (1, 3))
    one, other = (
        each.fit(past, future, (1, 3)).predict(past)
        for each in (forecast.Autoregression(), forecast.ScaleFreeKernel(centres=0))
    )
    np.testing.assert_allclose(one, other)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.floats(1e-3, 1e3))
def test_the_kernel_is_scale_free(factor):
    past, future = forecast.table(saw(600, np.random.default_rng(0)), 40, (1, 20))
    fitted = forecast.ScaleFreeKernel(centres=50).fit(past, future, (1, 20))
    np.testing.assert_allclose(fitted.predict(factor * past), factor * fitted.predict(past), rtol=1e-6)


def test_the_template_forecasts_a_cycle_that_grows():
    values = np.exp(0.002 * np.arange(1500)) * SINE
    past, future = forecast.table(values, 64, (1, 17, 33))
    found = forecast.PeriodicTemplate(15, 26).fit(past, future, (1, 17, 33)).predict(past)
    np.testing.assert_allclose(found, future, atol=1e-6 * np.abs(future).max())


def test_persistence_repeats_the_last_value():
    past, future = forecast.table(LINEAR, 4, (1, 2))
    found = forecast.Persistence().fit(past, future, (1, 2)).predict(past)
    np.testing.assert_array_equal(found, np.stack([past[:, 0], past[:, 0]], axis=1))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(600, 3000), st.integers(2, 8), st.integers(0, 30))
def test_blocks_cover_once_and_keep_their_distance(rows, count, gap):
    around = forecast.blocks_around(rows, count, gap)
    np.testing.assert_array_equal(np.concatenate([held for _, held in around]), np.arange(rows))
    for fitted, held in around + forecast.blocks_ahead(rows, count, gap):
        assert np.all((fitted < held[0] - gap) | (fitted > held[-1] + gap) | (gap == 0))
        assert not set(fitted) & set(held)
    for fitted, held in forecast.blocks_ahead(rows, count, gap):
        assert fitted.max() < held.min() - gap + 1


def test_nonlinear_structure_is_used_and_gone_on_surrogates():
    values = saw(4000, np.random.default_rng(5))
    pair = {"kernel": forecast.ScaleFreeKernel(), "linear": forecast.Autoregression()}
    record = forecast.compare(values, pair, 60, (1, 10, 20, 40), blocks=5)
    other = surrogates.iaaft(values, np.random.default_rng(1))
    null = forecast.compare(other, pair, 60, (1, 10, 20, 40), blocks=5)
    assert record.ratio("kernel", "linear") < 0.97
    assert record.won("kernel", "linear") >= 4
    assert null.ratio("kernel", "linear") > 0.99
    assert record.blocks == 5


def test_errors_are_relative_to_the_record():
    found = forecast.compare(LINEAR, {"persistence": forecast.Persistence()}, 5, (150,), blocks=2, ahead=True)
    # Two independent values of the process differ by the root of two standard deviations.
    assert found.overall("persistence") == pytest.approx(np.sqrt(2), rel=0.15)
    np.testing.assert_allclose(found.by_horizon("persistence"), found.overall("persistence"))


def test_a_held_free_run_keeps_its_size_and_a_free_one_decays():
    past, future = forecast.table(SINE + 0.02 * RNG.standard_normal(1500), 60, range(1, 21))
    fitted = forecast.Autoregression().fit(past, 0.9 * future, range(1, 21))
    held = forecast.free_run(fitted, past[100], 2000, hold=True)
    free = forecast.free_run(fitted, past[100], 2000, hold=False)
    assert len(held) == len(free) == 2000
    assert np.std(held[1000:]) > 0.3
    assert np.std(free[1000:]) < 0.05


def test_a_run_that_explodes_ends():
    past, future = forecast.table(SINE, 60, range(1, 21))
    fitted = forecast.Autoregression(ridge=1e-8).fit(past, 9 * future, range(1, 21))
    assert len(forecast.free_run(fitted, past[0], 5000, hold=False)) < 5000


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda: forecast.table(SINE[:100], 60, (20,)), "is shorter than five times the memory of 60"),
        (lambda: forecast.table(SINE, 60, ()), "horizon of 0 samples"),
        (lambda: forecast.compare(SINE, {"t": forecast.PeriodicTemplate(20, 50)}, 60, (1,)), "does not fit twice"),
        (lambda: forecast.compare(SINE, {"k": forecast.ScaleFreeKernel(width=0)}, 60, (1,)), "kernel of width 0"),
        (lambda: forecast.compare(SINE, {"k": forecast.ScaleFreeKernel(centres=5000)}, 60, (1,)), "fewer centres"),
        (lambda: forecast.compare(SINE, {"a": forecast.Autoregression(ridge=-1.0)}, 60, (1,)), "is not determined"),
        (lambda: forecast.blocks_around(100, 10, 30), "10 blocks with gaps of 30: leave too little of 100 rows"),
        (lambda: forecast.blocks_ahead(100, 4, 30), "4 blocks ahead with gaps of 30"),
    ],
)
def test_what_cannot_be_judged_is_refused(action, message):
    with pytest.raises(DynamicsError, match=message):
        action()


def test_a_little_ridge_is_that_of_scikit_learn_on_columns_of_unit_size():
    past, future = forecast.table(LINEAR, 6, (1, 3))
    size = np.linalg.norm(past, axis=0)
    theirs = Ridge(alpha=0.1, fit_intercept=False, tol=1e-12).fit(past / size, future)
    found = forecast.Autoregression(ridge=0.1).fit(past, future, (1, 3)).predict(past)
    np.testing.assert_allclose(found, theirs.predict(past / size), rtol=1e-8, atol=1e-8)


def test_the_kernel_is_least_squares_on_the_past_and_on_bumps_around_shapes():
    past, future = forecast.table(saw(700, np.random.default_rng(0)), 30, (1, 10))
    size = np.linalg.norm(past[:, :20], axis=1, keepdims=True)
    shapes = past[:, :20] / size
    centres = shapes[[0, (len(past) - 1) // 2, len(past) - 1]]
    far = np.sum((shapes[:, np.newaxis] - centres) ** 2, axis=2)
    terms = np.hstack([past[:, :20], size * np.exp(-far / (2 * 0.5**2))])
    expected = LinearRegression(fit_intercept=False).fit(terms, future).predict(terms)
    kernel = forecast.ScaleFreeKernel(width=0.5, ridge=1e-12, centres=3, memory=20)
    np.testing.assert_allclose(kernel.fit(past, future, (1, 10)).predict(past), expected, atol=1e-4)


def test_a_shorter_memory_sees_the_newest_samples_only():
    past, future = forecast.table(LINEAR, 6, (1, 3))
    short, _ = forecast.table(LINEAR[4:], 2, (1, 3))
    one = forecast.Autoregression(memory=2).fit(past, future, (1, 3)).predict(past)
    other = forecast.Autoregression().fit(short, future, (1, 3)).predict(short)
    np.testing.assert_allclose(one, other)


def test_a_template_neither_turns_the_cycle_over_nor_grows_it_beyond_a_half():
    cycle = np.sin(2 * np.pi * np.arange(20) / 20)
    template = forecast.PeriodicTemplate(19, 21).fit(np.zeros((1, 50)), None, (1, 20, 30))
    for factor, kept in ((3.0, 1.5), (0.5, 0.5), (-1.0, 0.0)):
        rows = np.concatenate([cycle / factor**2, cycle / factor, cycle])[:9:-1][np.newaxis]
        found = template.predict(rows)[0]
        expected = [kept * cycle[0], kept * cycle[19], kept**2 * cycle[9]]
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_table_needs_five_times_memory_and_horizon():
    past, future = forecast.table(np.arange(100.0), 12, (1, 8))
    assert past.shape == (81, 12)
    assert future[-1].tolist() == [92, 99]
    assert forecast.table(np.arange(60.0), 2, (1,))[0].shape == (58, 2)
    for values, memory, horizons in ((np.arange(99.0), 12, (8,)), (SINE, 1, (1,)), (SINE, 5, (0, 1))):
        with pytest.raises(DynamicsError, match="is shorter than five times"):
            forecast.table(values, memory, horizons)


def test_held_out_blocks_and_what_is_fitted_beside_them():
    around = forecast.blocks_around(100, 4, 5)
    assert [(held[0], held[-1]) for _, held in around] == [(0, 24), (25, 49), (50, 74), (75, 99)]
    np.testing.assert_array_equal(around[1][0], [*range(20), *range(55, 100)])
    ahead = forecast.blocks_ahead(120, 4, 10)
    assert [(held[0], held[-1]) for _, held in ahead] == [(40, 59), (60, 79), (80, 99), (100, 119)]
    assert [fitted.tolist() for fitted, _ in ahead] == [list(range(30 + 20 * i)) for i in range(4)]


def test_blocks_fit_just_so():
    assert len(forecast.blocks_around(36, 4, 5)) == 4
    assert len(forecast.blocks_around(36, 2, 5)) == 2
    assert len(forecast.blocks_ahead(90, 1, 10)) == 1
    for split, rows, count, gap in (
        (forecast.blocks_around, 35, 4, 5),
        (forecast.blocks_around, 1000, 1, 5),
        (forecast.blocks_ahead, 89, 1, 10),
        (forecast.blocks_ahead, 900, 0, 10),
    ):
        with pytest.raises(DynamicsError, match=f"leave too little of {rows} rows"):
            split(rows, count, gap)


def test_errors_are_summed_up_over_blocks_and_horizons():
    errors = np.array([[[1.0, 4.0], [1.0, 2.0], [4.0, 9.0]], [[4.0, 4.0], [1.0, 2.0], [1.0, 0.0]]])
    found = forecast.Comparison(("one", "other"), (1, 2), errors)
    np.testing.assert_allclose(found.by_horizon("one"), np.sqrt([2, 5]))
    assert found.overall("one") == pytest.approx(np.sqrt(3.5))
    assert found.overall("other") == pytest.approx(np.sqrt(2))
    assert found.ratio("one", "other") == pytest.approx(np.sqrt(1.75))
    assert (found.won("one", "other"), found.won("other", "one"), found.blocks) == (1, 1, 3)


@pytest.mark.parametrize("ahead", [False, True])
def test_an_error_is_that_of_the_held_out_samples_over_their_variance(ahead):
    names = {"last": forecast.Persistence(), "linear": forecast.Autoregression()}
    found = forecast.compare(LINEAR + 7, names, 5, (2, 3), 3, ahead)
    values = LINEAR - LINEAR.mean()
    first = (len(values) - 7) // 3 if ahead else 0
    newest = np.arange(4, len(values) - 3)[first:]
    future = np.stack([values[newest + 2], values[newest + 3]], axis=1)
    error = (future - values[newest, np.newaxis]) ** 2 / future.var()
    assert found.names == ("last", "linear")
    assert found.horizons == (2, 3)
    assert found.errors.shape == (2, 3, 2)
    np.testing.assert_allclose(found.errors[0].mean(axis=0), error.mean(axis=0), rtol=5e-3)
    assert found.ratio("linear", "last") < 0.8


def test_ten_blocks_between_fitted_data_are_the_default():
    found = forecast.compare(LINEAR, {"last": forecast.Persistence()}, 5, (1,))
    np.testing.assert_allclose(
        found.errors, forecast.compare(LINEAR, {"last": forecast.Persistence()}, 5, (1,), 10, False).errors
    )
    assert found.blocks == 10


@pytest.mark.parametrize("hold", [True, False])
def test_a_free_run_of_a_sine_is_the_sine(hold):
    past, future = forecast.table(SINE, 60, range(1, 21))
    fitted = forecast.Autoregression(ridge=1e-10).fit(past, future, range(1, 21))
    run = forecast.free_run(fitted, past[103], 150, hold)
    assert run.shape == (150,)
    # Row 103 belongs to sample 162. Sixty samples are three cycles, whose size is always the same.
    np.testing.assert_allclose(run, SINE[163:313], atol=1e-3)


def test_a_held_run_is_set_back_to_its_first_size():
    past, future = forecast.table(SINE, 60, range(1, 61))
    fitted = forecast.Autoregression(ridge=1e-10).fit(past, 3 * future, range(1, 61))
    held = forecast.free_run(fitted, past[0], 120, hold=True)
    np.testing.assert_allclose(held, SINE[60:180], atol=1e-3)
    free = forecast.free_run(fitted, past[0], 120, hold=False)
    np.testing.assert_allclose(free[60:], 9 * SINE[120:180], atol=1e-2)
