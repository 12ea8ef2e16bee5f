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

#: Seconds of free runs: what is tested is the map, not the statistics of chaos.
RUN_S = 3.0


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

    table = recovery.recovery_map(cases, mapped, RUN_S)
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
        one = recovery.recovery_map(cases, pool.map, RUN_S)
    other = recovery.recovery_map(cases, run_s=RUN_S)
    assert one.drop(columns="seconds").equals(other.drop(columns="seconds"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: Case(rate_hz=30),
            "30 Hz, states 'xyz', 20.0 dB, 20.0 s after 20.0 s: is not a rate",
        ),
        (lambda: Case(observed="y"), "states 'y'"),
        (lambda: Case(snr_db=np.nan), "nan dB"),
        (lambda: grid(noise=(1, 2)), r"axes \['noise'\]: are not among"),
    ],
)
def test_impossible_cases_are_refused(call, message):
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


def captured(cases):
    """What each case is to be fitted to."""
    seen = []

    def capture(_, cases, records):
        seen.extend(zip(cases, records, strict=True))
        return [({"seconds": 0.0, "reason": "not fitted"}, None) for _ in cases]

    table, models = recovery.fit_cases(cases, capture, run_s=0)
    assert models == [None] * len(cases)
    return table, seen


def test_a_case_is_fitted_to_its_own_piece_of_its_own_motion():
    cases = [
        Case(settle_s=0.5, duration_s=0.3),
        Case(settle_s=0.5, duration_s=0.4, rate_hz=50, seed=1),
        Case(settle_s=0.0, duration_s=0.2, rate_hz=500, p1_mpa=13.0),
    ]
    table, seen = captured(cases)
    motions = recovery.clean_motions(cases)
    assert [case for case, _ in seen] == cases
    expected = [
        motions[19.0, 0.5, 0][:300:10], motions[19.0, 0.5, 1][:400:20], motions[13.0, 0.0, 0][:200:2]
    ]  # fmt: skip
    for (_, found), one in zip(seen, expected, strict=True):
        np.testing.assert_array_equal(found, one)
    assert table["rate_hz"].tolist() == [100, 50, 500]
    assert table["reason"].tolist() == ["not fitted"] * 3
    assert "bounded" not in table


def test_a_motion_without_settling_starts_beside_the_steady_state():
    (motion,) = recovery.clean_motions([Case(settle_s=0.0, duration_s=0.01, p1_mpa=13.0)]).values()
    steady = julian.steady_state(Parameters(p1=13e6))
    start = julian.scaled(Parameters(p1=13e6)).from_si([steady.v, 1.05 * steady.h, 0.0])
    assert motion.shape == (10, 3)
    assert np.all(motion[0, :2] != start[:2])
    np.testing.assert_allclose(motion[0], start, rtol=0.2, atol=1e-6)


def test_the_noise_of_a_case_has_its_level_and_its_seed(motion):
    levels = ((np.inf, 0), (20.0, 0), (20.0, 0), (20.0, 1))
    models = [recovery.attempt(Case("smoothed", snr_db=snr, seed=seed), motion[::10])[1] for snr, seed in levels]
    clean, noisy, same, other = (model.centre for model in models)
    np.testing.assert_array_equal(noisy, same)
    assert np.any(noisy != other)
    assert np.all(np.abs(noisy - clean) < 0.5 * motion.std(axis=0))
    assert np.all(noisy != clean)
    # The true equations run from the motion itself, whatever the noise.
    models = [recovery.attempt(Case("truth", snr_db=snr), motion[::10])[1] for snr in (np.inf, 20.0)]
    for model in models:
        np.testing.assert_array_equal(model.first, motion[0])
    np.testing.assert_allclose(models[0].centre, (motion[::10].max(axis=0) + motion[::10].min(axis=0)) / 2)
    np.testing.assert_allclose(models[0].reach, np.ptp(motion[::10], axis=0))
    assert models[0].sampling_rate_hz == pytest.approx(100 * FORM.time_s)
    assert (models[0].method, models[0].library.names) == ("truth", STATES)


def test_scores_count_missing_and_false_terms_and_missing_coefficients(motion):
    score, model = recovery.attempt(Case("weak", snr_db=30.0), motion[::10])
    truth = library.julian_truth(FORM)
    found = model.support
    assert score["true_positive_ratio"] == pytest.approx(len(found & set(truth)) / len(found | set(truth)))
    errors = [
        abs(model.coefficients[model.library.terms.index(term), STATES.index(state)] / value - 1)
        for (state, term), value in truth.items()
    ]
    assert score["coefficient_error"] == pytest.approx(np.median(errors))
    assert score["exact"] == (found == set(truth) and model.usable)
    assert score["reason"] == model.reason


def test_derivatives_of_the_scalar_are_taken_in_units_of_its_deviation(motion):
    _, model = recovery.attempt(Case("finite_difference", snr_db=np.inf, observed="z", rate_hz=500), motion[::2])
    q = motion[::2, 2] / motion[::2, 2].std()
    step = 1 / (500 * FORM.time_s)
    r = np.gradient(q, step)
    expected = [q, r, np.gradient(r, step)]
    np.testing.assert_allclose(model.reach, np.ptp(expected, axis=1))
    assert model.library.terms_of("q") == {"r": 1.0}
    assert model.library.terms_of("r") == {"s": 1.0}
    assert len(model.library.candidates) == 20


def test_true_equations_run_like_the_motion_they_are_of():
    cases = grid(method=("truth",), p1_mpa=(13.0,), snr_db=(np.inf,), seed=(0, 1), **SHORT)
    table = recovery.recovery_map(cases, run_s=RUN_S)
    assert table.bounded.all()
    assert table.exact.all()
    # A limit cycle: the reference is on it, and so is a run from its first state.
    assert table.frequency_error.abs().max() < 0.02
    assert table.amplitude_distance.max() < 0.1
    assert table.lyapunov_error.abs().max() < 0.5


def test_rates_that_do_not_suit_the_motion_are_refused():
    assert Case(rate_hz=1000, observed="xy", snr_db=-5.0).seed == 0
    default = Case()
    assert (default.method, default.rate_hz, default.snr_db, default.duration_s) == ("joint", 100, 20.0, 20.0)
    assert (default.p1_mpa, default.observed, default.settle_s) == (19.0, "xyz", 20.0)
    assert grid() == [default]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"method": "jiont"}, "method 'jiont': is not among"),
        ({"rate_hz": 0}, "0 Hz, .*is not a rate that divides"),
        ({"duration_s": np.nan}, "nan s after"),
        ({"settle_s": -1.0}, "after -1.0 s"),
    ],
)
def test_a_case_that_cannot_be_is_refused(wrong, message):
    with pytest.raises(DynamicsError, match=message):
        recovery.Case(**wrong)


def test_runs_of_the_true_equations_are_other_pieces_of_the_motion():
    cases = recovery.grid(method=[recovery.TRUTH], duration_s=[2.0], seed=[0, 1])
    table = recovery.recovery_map(cases, run_s=5.0)
    assert table["bounded"].all()
    assert table["spectral_distance_db"].nunique() == 2
    assert (table["amplitude_distance"] > 0.01).all()


def test_one_scalar_is_compared_with_derivatives_away_from_the_ends():
    target, _ = recovery._reference(19.0, 2.0, True)
    whole, _ = recovery._reference(19.0, 4.0, False)
    assert target.names == ("q", "r", "s")
    assert len(target.values) == 200
    z = whole.values[100:300, 2]
    np.testing.assert_allclose(np.corrcoef(target.values[:, 0], z)[0, 1], 1.0)
    # The second state is the derivative of the first: central differences at ten times the rate.
    pace = recovery._RUN_HZ * recovery.julian.scaled(recovery.Parameters(p1=19e6)).time_s
    slope = np.gradient(target.values[:, 0], 1 / pace)
    np.testing.assert_allclose(slope[1:-1], target.values[1:-1, 1], atol=0.15 * np.abs(slope).max())
