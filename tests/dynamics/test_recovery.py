"""Recovery maps: cases, motions, scores, free runs; and the error of derivatives against its closed form."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.signal import savgol_coeffs

from tremorlab.dynamics import julian, library, recovery
from tremorlab.dynamics.differentiation import derivative_errors
from tremorlab.dynamics.julian import Parameters
from tremorlab.dynamics.recovery import FINE_HZ, STATES, Case, grid
from tremorlab.errors import DynamicsError

FORM = julian.scaled(Parameters(p1=19e6))
SHORT = {"settle_s": (2.0,), "duration_s": (5.0,)}


@pytest.fixture(scope="module", autouse=True)
def short_runs():
    """Free runs of some seconds: what is tested is the map, not the statistics of chaos."""
    patch = pytest.MonkeyPatch()
    patch.setattr(recovery, "_RUN_S", 3.0)
    recovery._reference.cache_clear()
    yield
    recovery._reference.cache_clear()
    patch.undo()


@pytest.fixture(scope="module")
def motion():
    (found,) = recovery.clean_motions([Case(settle_s=2.0, duration_s=5.0)]).values()
    return found


def test_grid_is_all_combinations():
    cases = grid(method=("weak", "joint"), snr_db=(20.0, 10.0), seed=range(3))
    assert len(cases) == len(set(cases)) == 12
    assert Case("weak", snr_db=10.0, seed=2) in cases


def test_motions_follow_the_model_and_do_not_depend_on_their_neighbours(motion):
    reference = solve_ivp(
        FORM.motion, (0, 1.0 / FORM.time_s), motion[0], t_eval=np.arange(1000) / FINE_HZ / FORM.time_s, rtol=1e-9,
        atol=1e-10,
    ).y.T  # fmt: skip
    np.testing.assert_allclose(motion[:1000], reference, atol=1e-5)
    others = recovery.clean_motions(grid(seed=(3, 0), settle_s=(2.0,), duration_s=(1.0,), p1_mpa=(13.0, 19.0)))
    assert set(others) == {(p1, 2.0, seed) for p1 in (13.0, 19.0) for seed in (0, 3)}
    np.testing.assert_array_equal(others[19.0, 2.0, 0], motion[:1000])
    assert not np.array_equal(others[19.0, 2.0, 0], others[19.0, 2.0, 3])


def test_joint_estimation_scores_exact_and_differences_do_not(motion):
    score, model = recovery.attempt(Case(snr_db=40.0), motion[::10])
    assert score["exact"]
    assert score["true_positive_ratio"] == 1
    assert score["coefficient_error"] < 0.01
    assert score["seconds"] > 0
    assert model.usable
    plain, _ = recovery.attempt(Case("finite_difference", snr_db=20.0), motion[::10])
    assert not plain["exact"]
    assert plain["true_positive_ratio"] < 1


def test_a_state_that_is_a_derivative_need_not_be_seen(motion):
    score, model = recovery.attempt(Case(snr_db=40.0, observed="xy"), motion[::10])
    assert score["exact"]
    np.testing.assert_allclose(model.first, motion[0], atol=0.05)


def test_one_scalar_has_no_true_terms(motion):
    score, model = recovery.attempt(Case("finite_difference", snr_db=np.inf, observed="z", rate_hz=500), motion[::2])
    assert set(score) == {"seconds", "reason"}
    assert model.library.names == ("q", "r", "s")
    q, r, s = model.library.evaluate(np.array([[2.0], [3.0], [5.0]]))[[model.library.terms.index(n) for n in "qrs"], 0]
    assert (q, r, s) == (2, 3, 5)


def test_a_record_that_cannot_be_fitted_is_a_row_with_its_reason(motion):
    score, model = recovery.attempt(Case("weak", snr_db=-20.0), motion[::10])
    assert model is None
    assert score["true_positive_ratio"] == 0
    assert score["coefficient_error"] == 1
    assert "stands in a denominator" in score["reason"]


def test_true_equations_have_no_error(motion):
    score, model = recovery.attempt(Case("truth"), motion[::10])
    assert score["exact"]
    assert score["coefficient_error"] == 0
    states = motion[:5].T
    np.testing.assert_allclose(model.derivative(states), np.array(FORM.rates(*states)), rtol=1e-12)
    assert model.support == set(library.julian_truth(FORM))


def test_map_has_a_row_for_every_case_and_measures_the_closed_loop():
    cases = grid(method=("truth", "weak"), snr_db=(np.inf, -20.0), **SHORT)
    cases += grid(method=("weak",), observed=("z",), **SHORT)
    calls = []

    def mapped(function, *sequences):
        calls.append(len(sequences[0]))
        return map(function, *sequences)

    table = recovery.recovery_map(cases, mapped)
    assert calls == [len(cases)]
    assert table["method"].tolist() == [case.method for case in cases]
    truth = table[(table.method == "truth") & np.isinf(table.snr_db)].iloc[0]
    assert truth.bounded
    assert abs(truth.frequency_error) < 0.2
    assert np.isfinite(truth.lyapunov_error)
    lost = table[(table.method == "weak") & (table.snr_db == -20)].iloc[0]
    assert not lost.bounded
    assert np.isnan(lost.spectral_distance_db)
    scalar = table[table.observed == "z"].iloc[0]
    assert np.isnan(scalar.true_positive_ratio)


def test_processes_give_the_same_rows():
    cases = grid(method=("weak",), snr_db=(20.0,), seed=(0, 1), **SHORT)
    with recovery.processes(1) as pool:
        one = recovery.recovery_map(cases, pool.map)
    other = recovery.recovery_map(cases)
    assert one.drop(columns="seconds").equals(other.drop(columns="seconds"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Case(rate_hz=30), "30 Hz, states 'xyz', 20.0 dB: is not a rate that divides 1000"),
        (lambda: Case(observed="y"), "states 'y'"),
        (lambda: Case(snr_db=np.nan), "nan dB"),
        (lambda: grid(noise=(1, 2)), r"axes \['noise'\]: are not among"),
        (lambda: recovery.attempt(Case("magic"), np.ones((500, 3))), None),
    ],
)
def test_impossible_cases_are_refused_or_reported(call, message):
    if message is None:
        score, model = call()
        assert model is None
        assert "method 'magic'" in score["reason"]
        return
    with pytest.raises(DynamicsError, match=message):
        call()


def test_derivative_error_is_truncation_plus_noise():
    # A motion x = y = 1, z = sin t: only z is differentiated, and its derivative is known if the model says so.
    class Wave:
        time_s = 1.0

        @staticmethod
        def rates(x, y, z):
            return None, None, np.cos(2 * np.pi * np.arange(len(z)) / 1000) * 2 * np.pi

    times = np.arange(20_000) / 1000
    motion = np.array([times, times, np.sin(2 * np.pi * times)]).T
    table = derivative_errors(motion, Wave, 1000, (20, 1000), (np.inf, 40.0), 0)
    slow = table[(table.rate_hz == 20) & np.isinf(table.snr_db)].differences.item()
    assert slow == pytest.approx((2 * np.pi / 20) ** 2 / 6, rel=0.03)
    fast = table[(table.rate_hz == 1000) & (table.snr_db == 40)].differences.item()
    noise = 0.01 * np.sqrt(0.5) / np.sqrt(2) * 1000
    assert fast == pytest.approx(noise / (2 * np.pi * np.sqrt(0.5)), rel=0.03)
    smoothed = table[(table.rate_hz == 1000) & (table.snr_db == 40)].smoothed.item()
    passed = np.linalg.norm(savgol_coeffs(11, 3, deriv=1)) * np.sqrt(2)
    assert smoothed == pytest.approx(passed * fast, rel=0.05)


def test_states_are_named_as_the_library_names_them():
    assert library.julian_library().names == STATES
