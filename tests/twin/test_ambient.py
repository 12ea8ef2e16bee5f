"""Samples of noise: a pure function of absolute time, independent between seeds, stations and components."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tremorlab.errors import ParameterError
from tremorlab.twin.ambient import add, ambient, noise
from tremorlab.twin.network import NETWORKS, instrument

RATE = 25.0
OCEAN = NETWORKS["donet_like"].stations
VOLCANO = NETWORKS["sakurajima_like"].stations


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 200_000), st.integers(2, 6000), st.data())
def test_any_chunking_gives_the_same_samples(first, n, data):
    cut = data.draw(st.integers(1, n - 1))
    whole = noise(VOLCANO[2], first / RATE, n, RATE, "sakurajima", 9)
    parts = [
        noise(VOLCANO[2], first / RATE, cut, RATE, "sakurajima", 9),
        noise(VOLCANO[2], (first + cut) / RATE, n - cut, RATE, "sakurajima", 9),
    ]
    assert np.array_equal(whole, np.hstack(parts))
    assert whole.dtype == np.float32
    assert np.isfinite(whole).all()


def test_seeds_and_stations_are_independent():
    one, other_seed = (ambient(OCEAN[0], 0, 5000, RATE, "nankai", seed) for seed in (1, 2))
    other_station = ambient(OCEAN[1], 0, 5000, RATE, "nankai", 1)
    rows = np.corrcoef(np.diff(np.vstack([one, other_seed, other_station])))
    assert np.abs(rows - np.eye(9)).max() < 0.25


@pytest.mark.parametrize("rate", [25.0, 100.0])
def test_many_blocks_at_once_are_the_same_as_few(rate):
    """Over more blocks than are made at a time, in counts, at both ends of a day."""
    station = VOLCANO[0]
    asked = {"rate_hz": rate, "setting": "sakurajima", "seed": 2, "instrument": instrument(station)}
    n = round(900 * rate)
    whole = ambient(station, 85_950.0, n, **asked)
    for begin, length in ((0, 50), (n // 3, 2000), (n - 70, 70)):
        assert np.array_equal(
            ambient(station, 85_950.0 + begin / rate, length, **asked), whole[:, begin : begin + length]
        )


@given(st.integers(-40, 40), st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_what_is_added_falls_on_its_own_samples(begin, length):
    record, part = np.zeros((3, 20)), np.ones((3, length))
    add(record, 100, 100 + begin, part)
    expected = [begin <= sample < begin + length for sample in range(20)]
    assert (record == expected).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"setting": "moon"}, "setting 'moon' is unknown.*nankai, sakurajima, colombia"),
        ({"start_s": -1.0}, "from -1.0 s are outside the twin"),
        ({"n": 0}, "0 samples from 0.0 s are outside the twin"),
        ({"rate_hz": 40.0}, "rate 40.0 Hz is not a multiple of 25 Hz"),
    ],
)
def test_bad_requests_are_refused(changed, message):
    asked = {"station": OCEAN[0], "start_s": 0.0, "n": 10, "rate_hz": 25.0, "setting": "nankai", "seed": 1} | changed
    with pytest.raises(ParameterError, match=message):
        ambient(**asked)
