"""States from one scalar, and models of them judged where they were not fitted."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from sklearn.linear_model import LinearRegression

from tremorlab.dynamics import embedding, library, reconstruction
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


def test_a_forecast_is_judged_in_deviations_of_the_first_state():
    terms = library.from_terms(("x", "y"), {"x": ["x"], "y": ["y"]})
    still = Model(
        terms, *[np.zeros((2, 2))] * 4, "test", np.zeros(2), np.full(2, 100.0), 50.0, ("", "")
    )  # fmt: skip
    wave = Record(np.column_stack([3 + np.cos(2 * np.pi * TIMES), TIMES]), 50.0, ("x", "y"))
    # Half a period ahead a cosine has the other sign, which is two amplitudes off: twice the root of two deviations.
    ahead = wave.values[25:, 0] - wave.values[:-25, 0]
    error, lost = reconstruction.forecast_error(still, wave, 25)
    assert error == pytest.approx(np.sqrt(np.mean(ahead**2)) / wave.values[:, 0].std())
    assert error == pytest.approx(2, rel=0.01)
    assert lost == 0
    some, _ = reconstruction.forecast_error(still, wave, 25, every=7)
    assert some == pytest.approx(np.sqrt(np.mean(ahead[::7] ** 2)) / wave.values[:, 0].std())
    assert reconstruction.forecast_error(still, wave, 25, every=0)[0] == error


def test_coordinates_are_those_of_the_embedding():
    wave = Record(np.cos(2 * np.pi * TIMES) + 0.1 * np.cos(6 * np.pi * TIMES), 50.0, ("x",))
    for kind, expected in (
        ("delay", embedding.delay_record(wave, 5, 3)),
        ("singular", embedding.singular_record(wave, 11, 3)[0]),
        ("derivative", embedding.derivative_record(wave, 2, 5)),
    ):
        found = reconstruction.coordinates(wave, kind, 5, 3)
        np.testing.assert_array_equal(found.values, expected.values)
        assert found.names == expected.names
    # Half a delay on each side, once that is enough for the order.
    np.testing.assert_array_equal(
        reconstruction.coordinates(wave, "derivative", 12, 2).values, embedding.derivative_record(wave, 1, 13).values
    )
    assert reconstruction.coordinates(wave, "derivative", 1, 2).names == ("d0", "d1")


def test_a_linear_rival_sees_three_periods_and_only_the_fitted_part():
    values = np.cos(2 * np.pi * TIMES[:900]) + 0.3 * np.random.default_rng(0).standard_normal(900)
    found = reconstruction.ladder(Record(values, 50.0, ("x",)), 12, 2, 20, ("magic",))
    values = values[12:] / values.std()  # delay coordinates begin a delay late
    cut = round(len(values) * 2 / 3)
    rows = np.lib.stride_tricks.sliding_window_view(values, 60)
    newest = np.arange(59, len(values))
    fitted, judged = newest + 40 < cut, (newest >= cut) & (newest + 40 < len(values))
    theirs = LinearRegression(fit_intercept=False).fit(rows[fitted], values[newest[fitted] + 40])
    error = theirs.predict(rows[judged]) - values[newest[judged] + 40]
    expected = np.sqrt(np.mean(error**2)) / values[cut:].std()
    assert found["linear"]["delay"].item() == pytest.approx(expected, rel=2e-3)
    assert found.index.tolist() == [(kind, "magic") for kind in reconstruction.COORDINATES]
