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
