"""States from one scalar, and models of them judged where they were not fitted."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from tremorlab.dynamics import library, reconstruction
from tremorlab.dynamics.model import Model
from tremorlab.dynamics.record import Record
from tremorlab.errors import DynamicsError

TIMES = np.arange(3000) / 50.0


@pytest.fixture(scope="module")
def oscillator():
    """Van der Pol's oscillator: exact and sparse in the scalar and its derivative."""
    found = solve_ivp(
        lambda _, s: [s[1], 4 * (1 - s[0] ** 2) * s[1] - 16 * s[0]], (0, TIMES[-1]), [2.0, 0.0], t_eval=TIMES, rtol=1e-9
    )
    return Record(found.y[0], 50.0, ("x",))


def test_coordinates_are_what_they_say():
    wave = Record(np.cos(2 * np.pi * TIMES), 50.0, ("x",))
    delayed = reconstruction.coordinates(wave, "delay", 12, 2)
    np.testing.assert_allclose(delayed.values[12:, 1], delayed.values[:-12, 0])
    derivative = reconstruction.coordinates(wave, "derivative", 4, 2)
    np.testing.assert_allclose(derivative.values[5:-5, 1], -np.sqrt(2) * np.sin(2 * np.pi * TIMES[5:-5]), atol=0.01)
    assert reconstruction.coordinates(wave, "singular", 6, 2).values.shape == (len(TIMES) - 6, 2)
    with pytest.raises(DynamicsError, match=r"coordinates 'guess': are none of \('delay', 'singular', 'derivative'\)"):
        reconstruction.coordinates(wave, "guess", 12, 2)


def test_an_oscillator_is_forecast_from_its_derivative(oscillator):
    found = reconstruction.ladder(oscillator, 6, 2, 85, ("smoothed", "weak"))
    assert list(found.index) == [(kind, name) for kind in reconstruction.COORDINATES for name in ("smoothed", "weak")]
    best = found.loc["derivative", "weak"]
    assert best["two_periods"] < 0.1
    assert best["bounded"]
    assert abs(best["frequency_error"]) < 0.01
    assert best["lost"] == 0
    assert best["one_step"] < best["two_periods"]


def test_a_method_that_refuses_is_a_row_with_its_reason(oscillator):
    found = reconstruction.ladder(oscillator, 6, 2, 85, ("magic",))
    assert not found["bounded"].any()
    assert found["reason"].str.contains("method 'magic'").all()
    assert found["linear"].notna().all()


def test_a_forecast_that_leaves_counts_as_the_mean():
    terms = library.from_terms(("x",), {"x": ["x"]})
    table = np.array([[500.0]])
    blown = Model(terms, table, table, table, 0 * table, "test", np.zeros(1), np.ones(1), 50.0, ("",))
    wave = Record(np.cos(2 * np.pi * TIMES), 50.0, ("x",))
    error, lost = reconstruction.forecast_error(blown, wave, 5)
    assert lost > 0.9
    assert error == pytest.approx(1, abs=0.2)
