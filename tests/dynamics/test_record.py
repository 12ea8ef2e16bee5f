"""Records: what cannot be used is refused with the state and the sample; noise has the level it says."""

import numpy as np
import pytest

from tremorlab.dynamics.record import Record, noise_std, with_noise
from tremorlab.errors import DynamicsError


def wave(samples=400):
    times = np.arange(samples) / 100.0
    return np.column_stack([np.sin(7 * times), 3 * np.cos(7 * times) + 1])


def test_regular_times_make_a_record():
    record = Record.from_times(5 + np.arange(400) / 100.0, wave(), ("x", "y"), ("m", "m/s"))
    assert record.sampling_rate_hz == pytest.approx(100.0)
    assert record.duration_s == pytest.approx(4.0)
    assert record.times_s[-1] == pytest.approx(3.99)
    assert record.select("y").units == ("m/s",)
    assert record.check() is record
    scaled = record.scale([2.0, 3.0], time_s=0.1)
    np.testing.assert_allclose(scaled.values, wave() / [2, 3])
    assert scaled.sampling_rate_hz == pytest.approx(10.0)


def test_one_column_may_be_flat():
    assert Record(np.arange(100.0), 10.0, ("x",)).values.shape == (100, 1)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (
            np.r_[np.arange(200), np.arange(210, 410)] / 100.0,
            "sample 199, 1.99 s: a gap: the next sample comes after 0.11 s",
        ),
        (np.arange(400) / 100.0 + 0.002 * (np.arange(400) % 2), "irregular sampling"),
        (np.arange(400)[::-1] / 100.0, "irregular sampling"),
        (np.arange(300) / 100.0, "do not fit 400 samples"),
        (np.r_[np.arange(399) / 100.0, np.nan], "not finite"),
    ],
)
def test_gaps_and_irregular_times_are_refused(times, message):
    with pytest.raises(DynamicsError, match=message):
        Record.from_times(times, wave(), ("x", "y"))


def spoiled(change):
    values = wave()
    change(values)
    return values


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (wave(40), "record of 40 samples: is shorter than 50"),
        (spoiled(lambda v: v.__setitem__((17, 1), np.nan)), "state y, sample 17: is nan \\(1 values"),
        (spoiled(lambda v: v.__setitem__((slice(None), 0), 2.0)), "state x: is constant \\(2\\)"),
        (np.clip(wave(), -0.9, 0.9), "state x: is clipped: .* repeat its largest value 0.9"),
        (np.clip(wave(), -0.9, 9), "state x: is clipped: .* repeat its smallest value -0.9"),
    ],
)
def test_unusable_records_are_refused(values, message):
    with pytest.raises(DynamicsError, match=message):
        Record(values, 100.0, ("x", "y")).check()


def test_shapes_rates_and_names_are_checked():
    with pytest.raises(DynamicsError, match="does not fit 1 names"):
        Record(wave(), 100.0, ("x",))
    with pytest.raises(DynamicsError, match="is not positive and finite"):
        Record(wave(), 0.0, ("x", "y"))
    with pytest.raises(DynamicsError, match="are not among"):
        Record(wave(), 100.0, ("x", "y")).select("w")


@pytest.mark.parametrize(
    ("level", "definition", "expected"),
    [
        (20.0, "snr_db", lambda v: 0.1 * v.std(axis=0)),
        (0.1, "each_std", lambda v: 0.1 * v.std(axis=0)),
        (0.1, "rms", lambda v: np.full(2, 0.1 * np.linalg.norm(v) / np.sqrt(v.size))),
        (0.1, "all_std", lambda v: np.full(2, 0.1 * np.std(v.ravel()))),
    ],
)
def test_noise_levels_mean_what_their_definition_says(level, definition, expected):
    record = Record(wave(20_000), 100.0, ("x", "y"))
    np.testing.assert_allclose(noise_std(record, level, definition), expected(record.values), rtol=1e-12)
    added = with_noise(record, level, definition, np.random.default_rng(1)).values - record.values
    np.testing.assert_allclose(added.std(axis=0), expected(record.values), rtol=0.02)


def test_undefined_noise_is_refused():
    record = Record(wave(), 100.0, ("x", "y"))
    for level, definition in ((0.1, "percent"), (-0.1, "rms"), (np.nan, "snr_db")):
        with pytest.raises(DynamicsError, match="is not a finite level of one of"):
            with_noise(record, level, definition, np.random.default_rng(1))


def test_the_rate_is_that_of_the_whole_record_and_small_jitter_is_allowed():
    times = np.arange(400) / 100.0
    times[1:] += 5e-6
    record = Record.from_times(times, wave(), ("x", "y"))
    assert record.sampling_rate_hz == pytest.approx(399 / times[-1], rel=1e-12)
    assert record.units == ("", "")
    assert Record.from_times([0.0, 1.0, 2.0], np.arange(3.0), ("x",)).values.shape == (3, 1)
    for late, kind in ((0.0149, "irregular sampling"), (0.0151, "a gap")):
        jump = np.r_[np.arange(200) / 100, 1.99 + late + np.arange(200) / 100]
        with pytest.raises(DynamicsError, match=f"sample 199, 1.99 s: {kind}: the next sample comes after {late:g} s"):
            Record.from_times(jump, wave(), ("x", "y"))


@pytest.mark.parametrize(
    ("times", "values"),
    [([0.0, 1.0], [1.0, 2.0]), ([[0.0, 1.0, 2.0]], [1.0, 2.0, 3.0]), ([0.0, np.inf, 2.0], [1.0, 2.0, 3.0])],
)
def test_times_are_one_finite_number_a_sample(times, values):
    with pytest.raises(DynamicsError, match=r"do not fit .* samples, or are fewer than 3, or are not finite"):
        Record.from_times(times, values, ("x",))


def test_two_samples_at_one_time_are_refused():
    with pytest.raises(DynamicsError, match="irregular sampling: the next sample comes after 0 s"):
        Record.from_times([0.0, 1.0, 1.0, 2.0, 3.0], np.arange(5.0), ("x",))


def test_states_are_selected_in_the_order_asked_for():
    record = Record(wave(), 50.0, ["x", "y"], ["m", "m/s"])
    swapped = record.select("y", "x")
    np.testing.assert_array_equal(swapped.values, wave()[:, ::-1])
    assert (swapped.names, swapped.units, swapped.sampling_rate_hz) == (("y", "x"), ("m/s", "m"), 50.0)
    with pytest.raises(DynamicsError, match=r"states \['w'\]: are not among \('x', 'y'\)"):
        record.select("x", "w")
    with pytest.raises(DynamicsError, match="are not among"):
        record.select()
    assert record.scale(2.0).sampling_rate_hz == 50
    assert record.scale(2.0).units == ("", "")


@pytest.mark.parametrize("rate", [-1.0, np.inf, np.nan])
def test_a_rate_is_positive_and_finite(rate):
    with pytest.raises(DynamicsError, match=f"sampling rate {rate} Hz"):
        Record(wave(), rate, ("x", "y"))


def test_names_and_units_fit_the_states():
    with pytest.raises(DynamicsError, match=r"record of shape \(400, 2\): does not fit 2 names .* and 1 units"):
        Record(wave(), 1.0, ("x", "y"), ("m",))
    with pytest.raises(DynamicsError, match=r"record of shape \(2, 2, 2\)"):
        Record(np.zeros((2, 2, 2)), 1.0, ("x", "y"))


def test_fifty_samples_are_enough():
    record = Record(wave(50), 100.0, ("x", "y"))
    assert record.check() is record


def test_one_sample_in_a_hundred_may_repeat_an_extreme():
    values = np.sin(0.37 * np.arange(400))
    for repeats, refused in ((4, False), (5, True)):
        for sign in (1, -1):
            flat = sign * values
            flat[100 : 101 + repeats] = flat.max() + 0.01
            record = Record(sign * flat, 100.0, ("x",))
            if refused:
                word = "largest" if sign > 0 else "smallest"
                with pytest.raises(DynamicsError, match=f"is clipped: 5 samples repeat its {word} value .*1% of 400"):
                    record.check()
            else:
                record.check()


def test_extremes_that_come_back_are_no_clipping():
    # A square wave of period 2 touches both extremes all the time, but never twice running.
    Record(np.tile([1.0, -1.0], 200), 100.0, ("x",)).check()


def test_every_value_that_is_not_finite_is_counted():
    values = wave()
    values[30, 0], values[30, 1], values[7, 1] = np.inf, np.nan, np.nan
    with pytest.raises(DynamicsError, match=r"state y, sample 7: is nan \(3 values are not finite\)"):
        Record(values, 100.0, ("x", "y")).check()


def test_a_ratio_of_signal_to_noise_may_be_negative_and_a_level_zero():
    record = Record(wave(), 100.0, ("x", "y"), ("m", "m/s"))
    np.testing.assert_allclose(noise_std(record, -20.0, "snr_db"), 10 * wave().std(axis=0))
    noisy = with_noise(record, -20.0, "snr_db", np.random.default_rng(1))
    assert noisy.units == record.units
    for definition in ("each_std", "rms", "all_std"):
        same = with_noise(record, 0.0, definition, np.random.default_rng(1))
        np.testing.assert_array_equal(same.values, record.values)
    with pytest.raises(DynamicsError, match="noise inf 'rms'"):
        with_noise(record, np.inf, "rms", np.random.default_rng(1))
