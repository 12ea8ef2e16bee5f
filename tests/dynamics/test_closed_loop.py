"""Free runs side by side against single ones; each measure of likeness against a case with a known answer."""

from dataclasses import replace

import numpy as np
import pytest

from tests.dynamics.test_joint import CLEAN, NAMES, QUADRATIC
from tests.dynamics.test_sindy import TRUE, model
from tremorlab.dynamics import closed_loop, library
from tremorlab.dynamics.record import Record
from tremorlab.errors import DynamicsError


def test_free_runs_are_those_of_each_model_alone():
    other = model(0.99 * TRUE)
    runs = closed_loop.free_runs([model(), other], CLEAN.values[0], 1.0, 100.0)
    assert runs.shape == (2, 100, 3)
    for run, one in zip(runs, (model(), other), strict=True):
        np.testing.assert_allclose(run, one.simulate(CLEAN.values[0], 1.0).values, atol=0.02)


def test_time_may_be_scaled():
    scaled = closed_loop.free_runs([model(0.5 * TRUE)], CLEAN.values[0], 1.0, 100.0, time_s=0.5)
    np.testing.assert_allclose(scaled, closed_loop.free_runs([model()], CLEAN.values[0], 1.0, 100.0), atol=1e-9)


def test_a_rational_model_divides():
    terms = library.polynomial(("x",), 2)
    above, below = np.array([[0.0], [-1.0], [0.0]]), np.array([[0.0], [0.5], [0.0]])
    one = replace(model(above, terms), denominator=below)
    run = closed_loop.free_runs([one], np.array([4.0]), 3.0, 100.0)[0]
    np.testing.assert_allclose(run, one.simulate([4.0], 3.0).values, atol=1e-6)


def test_a_run_that_leaves_is_marked_from_then_on_and_harms_no_other():
    runs = closed_loop.free_runs([model(-TRUE), model()], CLEAN.values[0], 2.0, 100.0)
    lost = np.isnan(runs[0]).all(axis=1)
    assert lost.any()
    assert np.all(np.diff(lost.astype(int)) >= 0)
    assert np.isfinite(runs[1]).all()
    assert closed_loop.likeness(runs[0], CLEAN) == closed_loop.Likeness(
        False, *[pytest.approx(np.nan, nan_ok=True)] * 3
    )


def test_exponents_of_lorenz_and_of_a_sink():
    sink = np.zeros_like(TRUE)
    for name in NAMES:
        sink[QUADRATIC.terms.index(name), NAMES.index(name)] = -0.5
    found = closed_loop.lyapunov_exponents([model(), model(sink)], CLEAN.values[0], 40.0)
    assert found[0] == pytest.approx(0.906, abs=0.15)  # the known exponent of Lorenz's attractor
    assert found[1] == pytest.approx(-0.5, rel=0.02)


def test_a_record_is_like_itself():
    alike = closed_loop.likeness(CLEAN.values, CLEAN)
    assert alike.bounded
    assert (alike.frequency_error, alike.amplitude_distance, alike.spectral_distance_db) == (0.0, 0.0, 0.0)


def test_measures_see_what_they_are_for():
    times = np.arange(4000) / 100.0
    one = Record(np.sin(2 * np.pi * 2.0 * times), 100.0, ("q",))
    faster = np.sin(2 * np.pi * 2.2 * times)[:, np.newaxis]
    assert closed_loop.likeness(faster, one).frequency_error == pytest.approx(0.1, abs=0.005)
    shifted = one.values + 0.5
    assert closed_loop.likeness(shifted, one).amplitude_distance == pytest.approx(0.5 * np.sqrt(2), rel=1e-6)
    assert closed_loop.likeness(2 * one.values, one).spectral_distance_db == pytest.approx(20 * np.log10(2), abs=0.05)
    assert closed_loop.likeness(np.zeros((4000, 1)), one).frequency_error == -1.0


def test_foreign_runs_and_libraries_are_refused():
    with pytest.raises(DynamicsError, match="does not fit a record of 3 states"):
        closed_loop.likeness(CLEAN.values[:, :2], CLEAN)
    with pytest.raises(DynamicsError, match="shorter than 64 samples"):
        closed_loop.likeness(CLEAN.values[:50], CLEAN)
    foreign = model(np.zeros((4, 3)), library.polynomial(NAMES, 1))
    with pytest.raises(DynamicsError, match="2 models: do not share one library"):
        closed_loop.free_runs([model(), foreign], CLEAN.values[0], 1.0, 100.0)


def test_a_lower_rate_gives_samples_of_the_same_run():
    fast, slow = (closed_loop.free_runs([model()], CLEAN.values[0], 0.5, rate) for rate in (100.0, 20.0))
    assert slow.shape == (1, 10, 3)
    np.testing.assert_allclose(slow, fast[:, ::5], atol=1e-6)


def test_exponents_are_per_second_of_the_record():
    start = CLEAN.values[0]
    (expected,) = closed_loop.lyapunov_exponents([model()], start, 2.0)
    (found,) = closed_loop.lyapunov_exponents([model(0.5 * TRUE)], start, 2.0, time_s=0.5)
    assert found == pytest.approx(expected, abs=1e-6)


def test_frequency_is_counted_where_the_record_is_and_amplitudes_in_every_state():
    times = np.arange(2000) / 100.0
    one = Record(np.column_stack([np.sin(4 * np.pi * times), np.cos(4 * np.pi * times)]), 100.0, ("p", "q"))
    assert closed_loop.likeness(one.values + np.array([5, 0]), one).frequency_error == -1
    moved = closed_loop.likeness(one.values + np.array([0, 0.5]), one)
    assert moved.frequency_error == 0
    assert moved.amplitude_distance == pytest.approx(0.25 * np.sqrt(2), rel=1e-6)
    assert moved.spectral_distance_db == 0
    assert np.isnan(moved.lyapunov_per_second)
    assert closed_loop.likeness(one.values[:64], one).bounded
