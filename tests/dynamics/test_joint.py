"""Joint estimation: sensitivities, the banded elimination against dense algebra, recovery, honest failure."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from tremorlab.dynamics import assimilation, joint, julian, library
from tremorlab.dynamics.assimilation import Diverged, Observations
from tremorlab.dynamics.flow import Flow
from tremorlab.dynamics.library import Library
from tremorlab.dynamics.record import Record, noise_std, with_noise
from tremorlab.errors import DynamicsError

NAMES = ("x", "y", "z")
LORENZ = {
    ("x", "x"): -10.0,
    ("x", "y"): 10.0,
    ("y", "x"): 28.0,
    ("y", "x z"): -1.0,
    ("y", "y"): -1.0,
    ("z", "x y"): 1.0,
    ("z", "z"): -8 / 3,
}
QUADRATIC = library.polynomial(NAMES, 2)


def lorenz(duration=4.0, rate=100.0):
    def motion(_time, s):
        return [10 * (s[1] - s[0]), s[0] * (28 - s[2]) - s[1], s[0] * s[1] - 8 / 3 * s[2]]

    times = np.arange(round(duration * rate)) / rate
    states = solve_ivp(motion, (0, duration), [-8.0, 7.0, 27.0], t_eval=times, rtol=1e-10, atol=1e-10).y
    return Record(states.T, rate, NAMES)


CLEAN = lorenz()


def coefficients():
    return np.array([LORENZ.get((NAMES[e], QUADRATIC.terms[t]), 0.0) for t, e in QUADRATIC.candidates])


def test_a_step_is_the_integrators():
    flow = Flow(QUADRATIC, QUADRATIC.candidates, 0.01, 4)
    states = CLEAN.values.T
    after, _, _ = flow.linearise(states[:, :-1], coefficients())
    np.testing.assert_allclose(after, states[:, 1:], atol=1e-5)
    np.testing.assert_allclose(flow.advance(states[:, :-1], coefficients()), after, atol=1e-12)


def test_sensitivities_are_derivatives_of_the_step():
    terms = library.julian_library()
    flow = Flow(terms, terms.candidates, 0.3, 2)
    rng = np.random.default_rng(0)
    states, theta = rng.uniform(0.3, 0.9, (3, 5)), rng.normal(0, 0.3, 24)
    _, by_state, by_theta = flow.linearise(states, theta)
    for j in range(3):
        move = 1e-6 * np.eye(3)[:, [j]]
        numerical = (flow.advance(states + move, theta) - flow.advance(states - move, theta)) / 2e-6
        np.testing.assert_allclose(by_state[:, j], numerical, rtol=1e-5, atol=1e-7)
    for j in range(24):
        move = 1e-6 * np.eye(24)[j]
        numerical = (flow.advance(states, theta + move) - flow.advance(states, theta - move)) / 2e-6
        np.testing.assert_allclose(by_theta[:, j], numerical, rtol=1e-5, atol=1e-7)


def test_banded_elimination_is_the_dense_schur_complement():
    rng = np.random.default_rng(1)
    samples, places = 12, QUADRATIC.candidates[:9]
    flow = Flow(QUADRATIC, places, 0.01, 1)
    path, theta = rng.normal(size=(3, samples)), rng.normal(size=9)
    seen = Observations(path + 0.1 * rng.normal(size=path.shape), np.array([4.0, 0.0, 9.0]), np.full(3, -np.inf))
    assert seen.count == 2 * samples
    q = np.array([0.1, 0.2, 0.3])

    def residuals(vector):
        x, t = vector[: 3 * samples].reshape(samples, 3).T, vector[3 * samples :]
        observed = np.sqrt(seen.weight)[:, np.newaxis] * (x - seen.values)
        return np.concatenate([observed.ravel(), ((x[:, 1:] - flow.advance(x[:, :-1], t)) / q[:, np.newaxis]).ravel()])

    vector = np.concatenate([path.T.ravel(), theta])
    jacobian = np.array(
        [(residuals(vector + step) - residuals(vector - step)) / 2e-6 for step in 1e-6 * np.eye(len(vector))]
    ).T
    hessian, gradient = jacobian.T @ jacobian, jacobian.T @ residuals(vector)
    n = 3 * samples
    solved = np.linalg.solve(hessian[:n, :n], np.column_stack([hessian[:n, n:], gradient[:n]]))
    found = assimilation.eliminate_path(flow, path, theta, seen, q)
    np.testing.assert_allclose(found.gram, hessian[n:, n:] - hessian[n:, :n] @ solved[:, :-1], rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(found.gradient, gradient[n:] - hessian[n:, :n] @ solved[:, -1], rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(found.path_step, solved[:, -1], rtol=1e-5, atol=1e-6)
    assert assimilation.cost(flow, path, theta, seen, q) == pytest.approx(np.sum(residuals(vector) ** 2))


@pytest.mark.parametrize(("level", "tolerance"), [(0.0, 2e-3), (0.1, 0.05)])
def test_lorenz_terms_are_found_exactly(level, tolerance):
    noisy = with_noise(CLEAN, level, "all_std", np.random.default_rng(0)) if level else CLEAN
    found = joint.estimate(noisy, QUADRATIC)
    assert QUADRATIC.support(found.coefficients) == set(LORENZ)
    assert found.accepted
    errors, spreads = [], []
    for (state, term), value in LORENZ.items():
        place = QUADRATIC.terms.index(term), NAMES.index(state)
        errors.append(abs(found.coefficients[place] / value - 1))
        spreads.append(abs(found.coefficients[place] - value) / found.standard_errors[place])
    assert np.median(errors) < tolerance
    if level:
        assert max(spreads) < 4
        assert np.std(found.path - CLEAN.values.T) < 0.5 * np.std(noisy.values - CLEAN.values)
        np.testing.assert_allclose(found.noise_std, level * CLEAN.values.std(), rtol=0.25)


def test_julians_terms_are_found_in_a_short_noisy_record():
    parameters = julian.Parameters(p1=19e6)
    form = julian.scaled(parameters)
    states = form.from_si(julian.simulate(parameters, 15.0, settle_s=5.0).values.T)
    record = Record(states.T, 100 * form.time_s, NAMES)
    terms = library.julian_library()
    found = joint.estimate(with_noise(record, 40.0, "snr_db", np.random.default_rng(0)), terms)
    truth = {("y", "1"): form.D, ("y", "y/x^2"): -form.b, ("z", "x"): 1 + form.p, ("z", "x^2"): -1, ("z", "z^2/x"): 0.5}
    truth |= {("z", "x y^2"): -1, ("z", "x z"): -form.a, ("z", "z/x^2"): -form.b}
    assert terms.support(found.coefficients) == set(truth)
    for (state, term), value in truth.items():
        assert found.coefficients[terms.terms.index(term), NAMES.index(state)] == pytest.approx(value, rel=0.02)


def test_known_noise_finds_the_terms_where_a_harmonic_is_read_as_noise():
    parameters = julian.Parameters(p1=16.6e6)
    form = julian.scaled(parameters)
    states = form.from_si(julian.simulate(parameters, 6.0, 25, settle_s=20.0).values.T)
    clean = Record(states.T, 25 * form.time_s, NAMES)
    level = noise_std(clean, 40.0, "snr_db")
    noisy = with_noise(clean, 40.0, "snr_db", np.random.default_rng(0))
    assert np.all(joint.noise_floor(noisy.values.T)[0] > 10 * level)
    terms = library.julian_library()
    found = joint.estimate(noisy, terms, level)
    assert terms.support(found.coefficients) == set(library.julian_truth(form))


def test_a_library_without_the_true_terms_is_not_accepted():
    wrong = library.polynomial(NAMES, 1)
    found = joint.estimate(with_noise(CLEAN, 0.05, "all_std", np.random.default_rng(0)), wrong)
    assert not found.accepted
    assert found.chi_square > 2
    assert len(found.trail) >= 2


def test_noise_that_is_known_is_used():
    noisy = with_noise(CLEAN, 0.1, "all_std", np.random.default_rng(0))
    found = joint.estimate(noisy, QUADRATIC, noise_std=np.full(3, 0.8))
    np.testing.assert_array_equal(found.noise_std, 0.8)


def test_the_simpler_of_equal_terms_has_the_lower_price():
    price = dict(zip(QUADRATIC.candidates, joint.term_price(QUADRATIC, 1000), strict=True))
    constant, square = QUADRATIC.terms.index("1"), QUADRATIC.terms.index("x^2")
    assert price[constant, 0] == pytest.approx(np.log(1000))
    assert price[square, 0] == pytest.approx(np.log(1000) + 4)


def test_poles_need_a_positive_state():
    terms = library.from_terms(("x", "y"), {"y": ["y/x"]}, known={"x": {"y": 1.0}})
    times = np.arange(300) / 100
    record = Record(np.column_stack([np.sin(5 * times), np.cos(5 * times)]), 100.0, ("x", "y"))
    with pytest.raises(DynamicsError, match=r"state x: stands in a denominator but falls to -0\.9"):
        joint.estimate(record, terms)


def test_foreign_states_and_bad_records_are_refused():
    with pytest.raises(DynamicsError, match="does not hold the library's states"):
        joint.estimate(CLEAN.select("y", "x", "z"), QUADRATIC)
    with pytest.raises(DynamicsError, match="is shorter than 50 samples"):
        joint.estimate(Record(CLEAN.values[:30], 100.0, NAMES), QUADRATIC)


def test_divergence_is_caught_inside_and_named_outside(monkeypatch):
    terms = library.polynomial(("x",), 5)
    flow = Flow(terms, terms.candidates, 1.0, 1)
    path, theta = np.linspace(1e3, 1e6, 20)[np.newaxis], np.full(6, 1e50)
    seen = Observations(path, np.ones(1), np.full(1, -np.inf))
    assert assimilation.cost(flow, path, theta, seen, np.ones(1)) == np.inf
    with pytest.raises(Diverged, match="the linearised step is not finite"):
        assimilation.eliminate_path(flow, path, theta, seen, np.ones(1))
    with pytest.raises(Diverged, match="cost is not finite at the start"):
        assimilation.minimise(flow, path, theta, seen, np.ones(1), 3)
    with pytest.raises(Diverged, match="quadratic form is not positive"):
        assimilation.solve_normalised(-np.eye(2), np.ones(2))
    monkeypatch.setattr(joint, "weak_start", lambda *args: np.full(30, 1e200))
    with pytest.raises(DynamicsError, match="every start diverged: start with 25% of the terms: dropped"):
        joint.estimate(CLEAN, QUADRATIC)


def test_a_factorisation_that_fails_is_a_divergence(monkeypatch):
    flow = Flow(QUADRATIC, QUADRATIC.candidates, 0.01, 1)
    seen = Observations(CLEAN.values.T, np.ones(3), np.full(3, -np.inf))

    def eliminate():
        return assimilation.eliminate_path(flow, CLEAN.values.T, coefficients(), seen, np.ones(3))

    monkeypatch.setattr(assimilation, "cho_solve_banded", lambda factor, rhs, **_: rhs * np.nan)
    with pytest.raises(Diverged, match="the eliminated path is not finite"):
        eliminate()

    def fails(*_, **__):
        raise np.linalg.LinAlgError("7-th leading minor not positive definite")

    monkeypatch.setattr(assimilation, "cholesky_banded", fails)
    with pytest.raises(Diverged, match="banded factorisation: 7-th leading minor"):
        eliminate()


def test_a_model_without_free_coefficients_only_smooths():
    known = library.from_terms(("x", "y"), {}, known={"x": {"y": 2.0}, "y": {"x": -2.0}})
    times = np.arange(300) / 100
    truth = np.array([np.sin(2 * times), np.cos(2 * times)])
    noisy = truth + 0.2 * np.random.default_rng(0).standard_normal(truth.shape)
    seen = Observations(noisy, np.full(2, 25.0), np.full(2, -np.inf))
    flow = Flow(known, [], 0.01, 1)
    path, theta, _ = assimilation.minimise(flow, noisy, np.zeros(0), seen, np.full(2, 1e-4), 5)
    assert not len(theta)
    assert np.abs(path - truth).max() < 0.1


def test_hidden_state_is_found_from_the_observed_one_with_the_structure_known():
    terms = library.from_terms(("x", "y"), {"y": ["x", "y"]}, known={"x": {"y": 1.0}})
    rate, times = 100.0, np.arange(800) / 100.0
    decay = np.exp(-0.2 * times)
    x = decay * np.cos(3 * times)
    y = np.gradient(x, times)
    observed = np.array([x + 0.02 * np.random.default_rng(0).standard_normal(800), np.zeros(800)])
    seen = Observations(observed, np.array([2500.0, 0.0]), np.full(2, -np.inf))
    first = np.array([x, np.gradient(np.convolve(observed[0], np.ones(21) / 21, "same"), times)])
    found = joint.refine(first, np.array([-5.0, -0.1]), terms, seen, 1 / rate, select=False)
    np.testing.assert_allclose(found.theta, [-(9 + 0.04), -0.4], rtol=0.05)
    assert np.std((found.path[1] - y)[20:-20]) < 0.1 * y.std()


def test_library_of_one_term_in_one_equation():
    terms = Library(("x",), [[1]], [[True]], [[0.0]])
    times = np.arange(200) / 50
    record = Record(3 * np.exp(-0.7 * times)[:, np.newaxis], 50.0, ("x",))
    found = joint.estimate(with_noise(record, 0.01, "each_std", np.random.default_rng(0)), terms)
    assert found.coefficients[0, 0] == pytest.approx(-0.7, rel=0.01)


def damped(noise, duration=8.0):
    """x' = y, y' = -9.04 x - 0.4 y, seen at 100 Hz."""
    times = np.arange(round(100 * duration)) / 100.0
    x = np.exp(-0.2 * times) * np.cos(3 * times)
    y = np.exp(-0.2 * times) * (-0.2 * np.cos(3 * times) - 3 * np.sin(3 * times))
    seen = x + noise * np.random.default_rng(0).standard_normal(len(x))
    return Record(seen, 100.0, ("x",)), y


OSCILLATOR = library.from_terms(("x", "y"), {"y": ["1", "x", "y"]}, known={"x": {"y": 1.0}})


def test_a_missing_state_that_is_a_derivative_is_estimated():
    record, y = damped(0.02)
    found = joint.estimate(record, OSCILLATOR)
    assert OSCILLATOR.support(found.coefficients) == {("y", "x"), ("y", "y")}
    places = [OSCILLATOR.terms.index(term) for term in ("x", "y")]
    np.testing.assert_allclose(found.coefficients[places, 1], [-9.04, -0.4], rtol=0.05)
    assert np.std((found.path[1] - y)[20:-20]) < 0.1 * y.std()


def test_noise_may_be_known_of_the_states_seen():
    found = joint.estimate(damped(0.02)[0], OSCILLATOR, noise_std=np.array([0.03]))
    assert found.noise_std[0] == 0.03


def test_a_missing_state_that_nothing_defines_is_refused():
    with pytest.raises(DynamicsError, match=r"state z: is not in the record of \('x', 'y'\), and no known equation"):
        joint.estimate(CLEAN.select("x", "y"), QUADRATIC)
    known = library.from_terms(("x", "y"), {"y": ["x"]}, known={"x": {"y": 2.0}})
    with pytest.raises(DynamicsError, match="no known equation"):
        joint.estimate(CLEAN.select("x"), known)


def test_a_flow_of_some_coefficients_keeps_the_known_ones():
    known = library.from_terms(("x", "y"), {"y": ["y", "x^2"]}, known={"x": {"y": 2.0}, "y": {"x": -2.0}})
    (place,) = [(t, e) for t, e in known.candidates if known.terms[t] == "y"]
    flow = Flow(known, [place], 0.05, 3)
    start = np.array([[1.0, 0.3], [0.0, -0.5]])
    for damping in (0.0, -0.7):
        matrix = np.array([[0, 2.0], [-2.0, damping]])
        np.testing.assert_allclose(flow.advance(start, np.array([damping])), expm(0.05 * matrix) @ start, atol=1e-7)
    after, by_state, by_theta = flow.linearise(start, np.zeros(1))
    np.testing.assert_allclose(by_state[:, :, 0], expm(0.05 * np.array([[0, 2.0], [-2, 0]])), atol=1e-7)
    assert by_theta.shape == (2, 1, 2)
    np.testing.assert_allclose(after, flow.advance(start, np.zeros(1)))


def test_more_substeps_follow_the_motion_better():
    exact = CLEAN.values.T[:, 5:]
    errors = [
        np.abs(
            Flow(QUADRATIC, QUADRATIC.candidates, 0.05, n).advance(CLEAN.values.T[:, :-5], coefficients()) - exact
        ).max()
        for n in (2, 4, 8)
    ]
    # Fourth order, and more while steps are large.
    assert errors[0] / errors[1] > 14
    assert errors[1] / errors[2] == pytest.approx(16, rel=0.4)


def test_misfit_counts_observed_states_only():
    seen = Observations(np.zeros((2, 3)), np.array([4.0, 0.0]), np.full(2, -np.inf))
    assert seen.count == 3
    assert seen.misfit(np.array([[1.0, 2, 3], [100, 100, 100]])) == pytest.approx(4 * 14)


def test_the_quadratic_cost_is_that_of_the_path_that_follows():
    # A step that is linear in states and coefficients: the cost is a quadratic function of both.
    terms = library.from_terms(("x", "y"), {"x": ["1"], "y": ["1"]}, known={"x": {"y": 1.0}, "y": {"x": -1.0}})
    flow, rng = Flow(terms, terms.candidates, 0.1, 1), np.random.default_rng(2)
    path, theta, q = rng.normal(size=(2, 8)), rng.normal(size=2), np.array([0.1, 0.3])
    seen = Observations(path + 0.1, np.array([1.0, 4.0]), np.full(2, -np.inf))
    found = assimilation.eliminate_path(flow, path, theta, seen, q)
    assert found.path_by_coefficient.shape == (16, 2)

    def follow(change, aside=0.0):
        moved = -(found.path_step + found.path_by_coefficient @ change).reshape(8, 2).T
        return assimilation.cost(flow, path + moved + aside, theta + change, seen, q)

    for change in rng.normal(size=(4, 2)):
        expected = follow(np.zeros(2)) + 2 * found.gradient @ change + change @ found.gram @ change
        assert follow(change) == pytest.approx(expected)
        assert follow(change) < min(follow(change, 1e-3 * rng.normal(size=(2, 8))) for _ in range(5))
    np.testing.assert_allclose(found.moment(theta), found.gram @ theta - found.gradient)
    best = assimilation.minimise(flow, path, theta, seen, q, 1)
    assert best[2] == pytest.approx(follow(-np.linalg.solve(found.gram, found.gradient)))


def test_a_linear_least_squares_problem_is_solved_whatever_the_units():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(30, 4)) * [1e-6, 1, 1e3, 1e6]
    right = rng.normal(size=30)
    found = assimilation.solve_normalised(matrix.T @ matrix, matrix.T @ right)
    np.testing.assert_allclose(found, np.linalg.lstsq(matrix, right, rcond=None)[0], rtol=1e-6)
    assert assimilation.solve_normalised(np.zeros((0, 0)), np.zeros(0)).shape == (0,)
    # Two equal columns share what one would have.
    twice = np.column_stack([matrix[:, 1], matrix[:, 1]])
    found = assimilation.solve_normalised(twice.T @ twice, twice.T @ right)
    np.testing.assert_allclose(found, np.linalg.lstsq(twice, right, rcond=None)[0])
    for gram in (np.diag([1.0, 0.0]), np.diag([1.0, np.nan])):
        with pytest.raises(Diverged, match="is not positive"):
            assimilation.solve_normalised(gram, np.ones(2))


def linear(noise=0.0):
    """x' = -x from 2, with the flow that fits its one coefficient."""
    terms = library.from_terms(("x",), {"x": ["x"]})
    times = np.arange(60) / 20
    values = 2 * np.exp(-times) + noise * np.random.default_rng(0).standard_normal(60)
    return Flow(terms, terms.candidates, 0.05, 2), values[np.newaxis]


def test_minimising_finds_the_coefficient_and_lowers_the_cost():
    flow, values = linear(0.01)
    seen = Observations(values, np.array([1e4]), np.full(1, -np.inf))
    first = assimilation.cost(flow, values, np.array([-0.5]), seen, np.array([1e-3]))
    path, theta, cost = assimilation.minimise(flow, values, np.array([-0.5]), seen, np.array([1e-3]), 20)
    assert theta[0] == pytest.approx(-1, abs=0.02)
    assert cost < first
    assert cost == pytest.approx(assimilation.cost(flow, path, theta, seen, np.array([1e-3])))
    assert cost / 60 == pytest.approx(1, rel=0.4)
    np.testing.assert_allclose(path[0], 2 * np.exp(-np.arange(60) / 20), atol=0.02)
    again = assimilation.minimise(flow, path, theta, seen, np.array([1e-3]), 20, enough=1e-9)
    assert again[2] <= cost
    for found, one in zip(
        assimilation.minimise(flow, path, theta, seen, np.array([1e-3]), 0), (path, theta, cost), strict=True
    ):
        np.testing.assert_array_equal(found, one)


def test_a_path_never_goes_below_its_floor():
    flow, values = linear(0.3)
    seen = Observations(values, np.array([100.0]), np.array([0.4]))
    path, *_ = assimilation.minimise(flow, np.maximum(values, 0.4), np.array([-1.0]), seen, np.array([0.05]), 10)
    assert path.min() == 0.4


def test_a_missing_state_is_the_slope_of_the_one_that_is_seen():
    record, y = damped(0.0)
    values, there = joint.complete(record, OSCILLATOR)
    assert there.tolist() == [True, False]
    np.testing.assert_array_equal(values[0], record.values[:, 0])
    np.testing.assert_allclose(values[1][50:-50], y[50:-50], atol=0.02)
    both = Record(np.column_stack([record.values[:, 0], y]), 100.0, ("x", "y"))
    values, there = joint.complete(both, OSCILLATOR)
    np.testing.assert_array_equal(values, both.values.T)
    assert there.all()


def test_coefficients_stand_beside_the_known_ones():
    table = joint.coefficient_table(OSCILLATOR, np.array([1.0, 2.0, 3.0]))
    expected = {("1", "y"): 1, ("x", "y"): 2, ("y", "y"): 3, ("y", "x"): 1}
    found = {(OSCILLATOR.terms[t], OSCILLATOR.names[e]): table[t, e] for t, e in np.argwhere(table)}
    assert found == expected


def test_a_floor_is_half_the_lowest_fiftieth_and_there_is_none_without_a_pole():
    terms = library.from_terms(("x", "y"), {"y": ["x/y^2", "1"]})
    path = np.array([np.linspace(-1, 1, 101), np.linspace(1, 2, 101)])
    np.testing.assert_allclose(joint.pole_floor(path, terms), [-np.inf, 0.5 * 1.02])
    path[1] -= 1.02
    with pytest.raises(DynamicsError, match=r"state y: stands in a denominator but falls to .* \(2 % quantile"):
        joint.pole_floor(path, terms)
    path[1] += 1e-3
    assert joint.pole_floor(path, terms)[1] == pytest.approx(5e-4)


def test_a_weak_start_holds_the_share_it_is_asked_for():
    band = np.full(3, 0.05)
    for share, held in ((0.25, 2), (0.4, 4), (1.0, 10), (0.01, 1)):
        theta = joint.weak_start(CLEAN.values.T, QUADRATIC, 0.01, band, share)
        for equation in range(3):
            assert np.count_nonzero(theta[10 * equation : 10 * equation + 10]) == held
    # Two terms are all of x'.
    theta = joint.weak_start(CLEAN.values.T, QUADRATIC, 0.01, np.full(3, 0.25), 0.2)
    np.testing.assert_allclose(theta[:10], coefficients()[:10], rtol=0.01)
    record, y = damped(0.0)
    path = np.array([record.values[:, 0], y])
    theta = joint.weak_start(path, OSCILLATOR, 0.01, np.full(2, 0.05), 0.7)
    np.testing.assert_allclose(theta, [0, -9.04, -0.4], rtol=0.01)


def test_known_coefficients_are_taken_off_before_the_weak_start():
    known = library.from_terms(("x", "y"), {"y": ["y"]}, known={"x": {"y": 1.0}, "y": {"x": -9.04}})
    record, y = damped(0.0)
    theta = joint.weak_start(np.array([record.values[:, 0], y]), known, 0.01, np.full(2, 0.05), 1.0)
    np.testing.assert_allclose(theta, [-0.4], rtol=0.01)


def test_an_estimate_is_accepted_up_to_a_chi_square_of_1_3():
    empty = np.zeros(0)
    for chi_square, accepted in ((0.5, True), (joint.ACCEPTED, True), (1.31, False)):
        assert joint.Estimate(empty, empty, empty, empty, chi_square, 0.0, ()).accepted == accepted


def test_terms_that_were_found_before_are_not_followed_again():
    record, y = damped(0.02)
    path = np.array([record.values[:, 0], y])
    seen = Observations(path, np.array([2500.0, 0.0]), np.full(2, -np.inf))
    first = np.array([0.0, -8.0, -0.3])
    found = joint.refine(path, first, OSCILLATOR, seen, 0.01)
    assert np.flatnonzero(found.theta).tolist() == [1, 2]
    assert joint.refine(path, first, OSCILLATOR, seen, 0.01, finished=[(1, 2)]) is None
    assert joint.refine(path, first, OSCILLATOR, seen, 0.01, finished=[(0, 1)]) is not None
    price = joint.term_price(OSCILLATOR, seen.count)
    assert found.criterion == pytest.approx(found.cost + price[1] + price[2])
    assert found.errors[0] == 0
    assert np.all(np.abs(found.theta - [0, -9.04, -0.4])[1:] < 4 * found.errors[1:])


def test_errors_say_how_far_estimates_scatter():
    errors, values = [], []
    for seed in range(12):
        times = np.arange(200) / 50
        noisy = 3 * np.exp(-0.7 * times) + 0.05 * np.random.default_rng(seed).standard_normal(200)
        terms = Library(("x",), [[1]], [[True]], [[0.0]])
        found = joint.estimate(Record(noisy, 50.0, ("x",)), terms, noise_std=np.array([0.05]))
        errors.append(found.standard_errors[0, 0])
        values.append(found.coefficients[0, 0])
        assert found.noise_std == 0.05
        assert found.chi_square == pytest.approx(1, abs=0.35)
    assert np.std(values, ddof=1) == pytest.approx(np.mean(errors), rel=0.6)


def test_a_record_with_few_samples_a_cycle_is_integrated_in_finer_steps():
    times = 0.8 * np.arange(80)
    record = Record(np.array([np.cos(times), -np.sin(times)]).T, 1 / 0.8, ("x", "y"))
    terms = library.from_terms(("x", "y"), {"x": ["x", "y"], "y": ["x", "y"]})
    found = joint.refine(
        record.values.T, np.array([0, 1.0, -1.0, 0]), terms,
        Observations(record.values.T, np.full(2, 1e6), np.full(2, -np.inf)), 0.8, (0.01, 0.001), select=False,
    )  # fmt: skip
    np.testing.assert_allclose(found.theta, [0, 1, -1, 0], atol=2e-4)


def test_variances_are_those_of_least_squares_and_infinite_where_columns_add_up():
    rng = np.random.default_rng(5)
    columns = rng.standard_normal((200, 4)) * [1.0, 1e6, 1e-6, 30.0]
    gram = columns.T @ columns
    np.testing.assert_allclose(assimilation.variances(gram), np.diag(np.linalg.inv(gram)), rtol=1e-6)
    more = np.column_stack([columns, columns[:, 0] + 1e-6 * columns[:, 1]])
    found = assimilation.variances(more.T @ more)
    assert np.isinf(found[[0, 1, 4]]).all()
    np.testing.assert_allclose(found[[2, 3]], np.diag(np.linalg.inv(gram))[[2, 3]], rtol=1e-6)


@pytest.mark.parametrize("noise", [(0.1, 0.1), (0.1, -0.1, 0.1), (0.1, 0.0, 0.1), (0.1, np.nan, 0.1), 0.1])
def test_noise_that_is_none_is_refused(noise):
    with pytest.raises(DynamicsError, match=r"noise_std .* is not one positive number for each of the 3 states"):
        joint.estimate(CLEAN, QUADRATIC, noise_std=noise)
