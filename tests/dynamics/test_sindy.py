"""The one interface: every method on a clean record, refusal of bad ones, no model that blows up silently."""

import numpy as np
import pytest

from tests.dynamics.test_joint import CLEAN, LORENZ, NAMES, QUADRATIC
from tremorlab.dynamics import library, sindy
from tremorlab.dynamics.model import Model
from tremorlab.dynamics.record import Record, with_noise
from tremorlab.errors import DynamicsError

TRUE = np.zeros((10, 3))
for (state, term), value in LORENZ.items():
    TRUE[QUADRATIC.terms.index(term), NAMES.index(state)] = value


def model(coefficients=TRUE, terms=QUADRATIC, **change):
    centre, reach = np.array([0.0, 0.0, 25.0]), np.array([40.0, 50.0, 50.0])
    settings = {
        "centre": centre[: len(terms.names)],
        "reach": reach[: len(terms.names)],
        "units": ("",) * len(terms.names),
    }
    return Model(
        terms, coefficients, coefficients, coefficients, 0 * coefficients, "test", sampling_rate_hz=100.0,
        **{**settings, **change},
    )  # fmt: skip


@pytest.mark.parametrize("method", ["finite_difference", "smoothed", "weak", "ensemble", "weak_ensemble", "joint"])
def test_every_method_finds_lorenz_in_a_clean_record(method):
    found = sindy.fit(
        CLEAN, QUADRATIC, method, threshold=0.03, smoothing_samples=5, half_width=8, blocks=20, members=30
    )
    assert found.support == set(LORENZ)
    # Second-order differences at this rate are wrong by two per cent, whatever the noise.
    np.testing.assert_allclose(found.coefficients, TRUE, rtol=0.06, atol=0.01)
    assert np.all(found.low <= found.coefficients)
    assert np.all(found.high >= found.coefficients)
    # The state of the first sample, not of the second.
    before = np.abs(found.first - CLEAN.values[0]).max()
    assert before < 0.2 * np.abs(CLEAN.values[1] - CLEAN.values[0]).max()


def test_joint_survives_noise_that_defeats_differences():
    noisy = with_noise(CLEAN, 0.2, "all_std", np.random.default_rng(0))
    assert sindy.fit(noisy, QUADRATIC, "joint").support == set(LORENZ)
    assert sindy.fit(noisy, QUADRATIC, "finite_difference").support != set(LORENZ)


def test_thresholds_share_one_system():
    models = sindy.candidates(CLEAN, QUADRATIC, "weak", (0.0, 0.03, 50.0), half_width=8)
    assert [len(model.support) for model in models] == [30, 7, 0]
    assert [model.usable for model in models] == [True, True, False]
    alone = sindy.fit(CLEAN, QUADRATIC, "weak", threshold=0.03, half_width=8)
    np.testing.assert_array_equal(models[1].coefficients, alone.coefficients)
    np.testing.assert_allclose(models[1].first, CLEAN.values[0], rtol=0.05)


def test_joint_model_has_all_states_where_the_record_has_not():
    times = np.arange(800) / 100.0
    seen = Record(np.exp(-0.05 * times) * np.cos(3 * times), 100.0, ("x",), ("m",))
    terms = library.from_terms(("x", "y"), {"y": ["x", "y"]}, known={"x": {"y": 1.0}})
    found = sindy.fit(with_noise(seen, 30.0, "snr_db", np.random.default_rng(0)), terms, "joint")
    assert found.usable
    assert found.units == ("m", "")
    assert found.first == pytest.approx([1.0, -0.05], abs=0.1)
    with pytest.raises(DynamicsError, match="does not hold the library's states"):
        sindy.fit(seen, terms, "weak")


def test_implicit_method_finds_a_rational_equation():
    # x' = -x / (1 + 0.5 x), Michaelis-Menten decay, in Runge-Kutta steps.
    x = np.empty(2000)
    x[0] = 4.0

    def rate(value):
        return -value / (1 + 0.5 * value)

    for i in range(1999):
        one = rate(x[i])
        two = rate(x[i] + one / 400)
        three = rate(x[i] + two / 400)
        x[i + 1] = x[i] + (one + 2 * two + 2 * three + rate(x[i] + three / 200)) / 1200
    terms = library.polynomial(("x",), 2)
    found = sindy.fit(
        Record(x, 200.0, ("x",)), terms, "implicit", threshold=0.02, smoothing_samples=5, denominators={"x": ("x",)}
    )
    assert found.denominator[1, 0] == pytest.approx(0.5, rel=0.02)
    assert found.coefficients[:, 0] == pytest.approx([0, -1, 0], abs=0.02)
    assert found.equations[0].startswith("x' = (-")
    run = found.simulate([4.0], 9.0)
    np.testing.assert_allclose(run.values[:, 0], x[:1800], atol=0.02)


def test_equations_are_readable():
    half = np.zeros_like(TRUE)
    half[QUADRATIC.terms.index("x"), 1] = 0.25
    text = Model(
        QUADRATIC, TRUE, TRUE - half, TRUE + half, 0 * TRUE, "test", np.zeros(3), np.ones(3), 100.0, ("", "", "")
    )  # fmt: skip
    assert text.equations == (
        "x' = -10 x + 10 y",
        "y' = 28(0.2) x - y - x z",
        "z' = -2.6667 z + x y",
    )
    empty = model(np.zeros_like(TRUE))
    assert empty.equations[0] == "x' = 0"


def test_a_free_run_is_the_motion():
    run = model().simulate(CLEAN.values[0], 2.0)
    np.testing.assert_allclose(run.values, CLEAN.values[:200], atol=1e-3)


def test_forecasts_are_the_motion_and_losses_are_marked():
    ahead = model().predict(CLEAN, 10)
    np.testing.assert_allclose(ahead, CLEAN.values[10:], atol=1e-3)
    wild = model(-TRUE).predict(CLEAN, 60)
    assert np.isnan(wild).any()


def test_forecasts_from_some_samples_are_those_from_all():
    np.testing.assert_array_equal(model().predict(CLEAN, 10, every=7), model().predict(CLEAN, 10)[::7])


def test_a_run_that_blows_up_says_when():
    terms = library.polynomial(("x",), 2)
    explosive = model(np.array([[0.0], [0.0], [1.0]]), terms)
    with pytest.raises(DynamicsError, match=r"free run of the test model: leaves the region of the record after \d"):
        explosive.simulate([1.0], 5.0)


def test_a_run_that_begins_outside_is_refused():
    with pytest.raises(DynamicsError, match=r"start \[.*\]: is more than 3 ranges of the record from its middle"):
        model().simulate(CLEAN.values[0] + 10 * np.ptp(CLEAN.values, axis=0), 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: model().simulate([1.0, 2.0], 1.0), "is not one finite value for each of"),
        (lambda: model().simulate([1.0, np.nan, 2.0], 1.0), "is not one finite value for each of"),
        (lambda: model().simulate([1.0, 1.0, 2.0], 0.01), "fewer than two samples"),
        (lambda: model().predict(CLEAN.select("x"), 1), "does not hold the states"),
        (lambda: model().predict(CLEAN, 0), "more than 0 samples"),
    ],
)
def test_bad_calls_of_a_model_are_refused(call, message):
    with pytest.raises(DynamicsError, match=message):
        call()


def test_a_fit_that_blows_up_is_marked_unusable():
    noisy = with_noise(CLEAN, 1.0, "all_std", np.random.default_rng(2))
    found = sindy.fit(noisy, library.polynomial(NAMES, 3), "finite_difference", threshold=0.0)
    assert not found.usable
    assert "leaves the region of the record" in found.reason


def test_an_empty_equation_is_marked_unusable():
    found = sindy.fit(CLEAN, QUADRATIC, "weak", threshold=50.0)
    assert not found.usable
    assert found.reason == "the equation of x has no term left"


def test_a_model_that_does_not_explain_the_record_is_marked_unusable():
    noisy = with_noise(CLEAN, 0.05, "all_std", np.random.default_rng(0))
    found = sindy.fit(noisy, library.polynomial(NAMES, 1), "joint", noise_std=(0.6, 0.6, 0.6))
    assert not found.usable
    assert "chi-square per observation is" in found.reason
    assert found.notes


def test_a_model_that_comes_to_rest_says_so():
    times = np.arange(1500) / 100.0
    wave = np.exp(-times) * np.cos(9 * times), np.exp(-times) * np.sin(9 * times)
    found = sindy.fit(Record(np.column_stack(wave), 100.0, ("x", "y")), library.polynomial(("x", "y"), 1), "weak")
    assert found.usable
    assert "the free run comes to rest" in found.notes


def spoiled(change):
    values = CLEAN.values.copy()
    change(values)
    return Record(values, 100.0, NAMES)


@pytest.mark.parametrize(
    ("record", "terms", "options", "message"),
    [
        (CLEAN, QUADRATIC, {"method": "magic"}, "method 'magic'"),
        (CLEAN, QUADRATIC, {"tresh": 1}, "options \\['tresh'\\]"),
        (CLEAN.select("x", "y"), QUADRATIC, {"method": "weak"}, "does not hold the library's states"),
        (spoiled(lambda v: v.__setitem__((3, 0), np.inf)), QUADRATIC, {}, "state x, sample 3: is inf"),
        (spoiled(lambda v: v.__setitem__((slice(None), 1), 1.0)), QUADRATIC, {}, "state y: is constant"),
        (spoiled(lambda v: np.clip(v, -5, 5, out=v)), QUADRATIC, {}, "state x: is clipped"),
        (Record(CLEAN.values[:20], 100.0, NAMES), QUADRATIC, {}, "is shorter than 50"),
        (CLEAN, QUADRATIC, {"method": "smoothed", "smoothing_samples": 4}, "smoothing_samples = 4: must be odd"),
        (CLEAN, QUADRATIC, {"method": "implicit", "denominators": {"x": ("w",)}}, "denominator terms \\['w'\\]"),
        (CLEAN, library.laurent(NAMES, 1, {"x": 1}), {"method": "weak"}, "state x: stands in a denominator"),
        (spoiled(lambda v: v.__setitem__((slice(None), 1), 2 * v[:, 0])), QUADRATIC,
         {"method": "weak", "ridge": 0.0}, "collinear"),
        (spoiled(lambda v: v.__setitem__((slice(None), 1), 2 * v[:, 0])), QUADRATIC,
         {"method": "finite_difference"}, "library of 10 terms: is collinear on this record"),
        (spoiled(lambda v: v.__setitem__((slice(None), 1), 2 * v[:, 0])), QUADRATIC,
         {"method": "joint"}, "library of 10 terms: is collinear on this record"),
        (Record(np.c_[CLEAN.values[:, 0], 1e-200 * CLEAN.values[:, 1], CLEAN.values[:, 2]], 100.0, NAMES), QUADRATIC,
         {"method": "weak"}, "a term or the derivative is zero throughout"),
    ],
)  # fmt: skip
def test_unusable_input_is_refused(record, terms, options, message):
    with pytest.raises(DynamicsError, match=message):
        sindy.fit(record, terms, **options)


RATIONAL = library.polynomial(("x",), 2)


def rational(above, below, **change):
    """x' = (a + b x + c x^2) / (1 + d + e x + f x^2)."""
    columns = [np.array(each, float)[:, np.newaxis] for each in (above, below)]
    settings = {"centre": np.zeros(1), "reach": np.full(1, 10.0), "sampling_rate_hz": 50.0, "units": ("m",), **change}
    return Model(RATIONAL, *[columns[0]] * 3, columns[1], "test", **settings)


def test_equations_show_signs_fractions_and_denominators():
    assert rational([-1, 1, -1], [0, 0, 0]).equations == ("x' = -1 + x - x^2",)
    assert rational([0, -1, 0], [0, 0.5, 0]).equations == ("x' = (-x) / (1 + 0.5 x)",)
    assert rational([0.25, 0, 3], [0, -2, 1]).equations == ("x' = (0.25 + 3 x^2) / (1 - 2 x + x^2)",)
    assert rational([0, 0, 0], [0, 1, 0]).equations == ("x' = (0) / (1 + x)",)
    assert rational([0, 1234567, 0], [0, 0, 0]).equations == ("x' = 1.2346e+06 x",)


def test_the_derivative_is_numerator_over_denominator():
    x = np.array([[0.5, 1.0, 2.0]])
    found = rational([1, -2, 0.5], [0, 0.5, 0.25]).derivative(x)
    np.testing.assert_allclose(found, (1 - 2 * x + 0.5 * x**2) / (1 + 0.5 * x + 0.25 * x**2))


def test_a_free_run_has_the_closed_form_at_any_rate():
    decay = rational([0, -1, 0], [0, 0, 0])
    run = decay.simulate([2.0], 1.5)
    assert (run.sampling_rate_hz, run.names, run.units) == (50.0, ("x",), ("m",))
    np.testing.assert_allclose(run.values[:, 0], 2 * np.exp(-run.times_s), rtol=1e-6)
    assert len(run.values) == 75
    other = decay.simulate([2.0], 1.5, 20.0)
    assert other.sampling_rate_hz == 20
    np.testing.assert_allclose(other.values[:, 0], 2 * np.exp(-np.arange(30) / 20), rtol=1e-6)
    assert len(decay.simulate([2.0], 0.04).values) == 2


def test_a_run_may_go_three_ranges_from_the_middle():
    growth = rational([0, 1, 0], [0, 0, 0], centre=np.ones(1), reach=np.full(1, 2.0))
    # exp(t) reaches 1 + 3 x 2 at log(7) = 1.946.
    assert growth.simulate([1.0], 1.94).values[-1, 0] < 7
    with pytest.raises(DynamicsError, match=r"after 1\.95 s of 2\.2 s \(limit 3 ranges from the middle\)"):
        growth.simulate([1.0], 2.2)


def test_a_forecast_is_lost_from_three_ranges_on():
    growth = rational([0, 1, 0], [0, 0, 0], reach=np.full(1, 1.0))
    record = Record(np.array([0.5, 1.0, 2.0, -2.0, 0.1, 0.0]), 10.0, ("x",))
    ahead = growth.predict(record, 5)
    assert ahead.shape == (1, 1)
    ahead = growth.predict(record, 1)
    np.testing.assert_allclose(ahead[:, 0], np.exp(0.1) * record.values[:-1, 0], rtol=1e-8)
    fast = rational([0, 5, 0], [0, 0, 0], reach=np.full(1, 1.0))
    ahead = fast.predict(record, 1)[:, 0]
    assert np.isnan(ahead).tolist() == [False, False, True, True, False]
    # One that has left stays lost, though it might come back.
    back = rational([0, 0, 0], [0, 0, 0], centre=np.zeros(1), reach=np.full(1, 0.1))
    assert np.isnan(back.predict(record, 2)[:3]).all()
    np.testing.assert_allclose(record.values[:, 0], [0.5, 1.0, 2.0, -2.0, 0.1, 0.0])


def test_more_substeps_make_a_better_forecast():
    swing = rational([0, -8, 0], [0, 0, 0])
    record = Record(np.linspace(1, 2, 20), 10.0, ("x",))
    errors = []
    for substeps in (1, 2, 4):
        ahead = swing.predict(record, 1, substeps=substeps)[:, 0]
        errors.append(np.abs(ahead / record.values[:-1, 0] - np.exp(-0.8)).max())
    # Fourth order: sixteen times better for twice the steps, and a little more while they are large.
    assert errors[0] / errors[1] > 16
    assert errors[1] / errors[2] == pytest.approx(16, rel=0.25)
    np.testing.assert_array_equal(swing.predict(record, 1), swing.predict(record, 1, substeps=4))


def test_a_forecast_needs_the_samples_it_leaps_over():
    record = Record(np.linspace(0, 1, 20), 10.0, ("x",))
    assert rational([0, 0, 0], [0, 0, 0]).predict(record, 19).shape == (1, 1)
    with pytest.raises(DynamicsError, match=r"20 samples: does not hold the states .* and more than 20 samples"):
        rational([0, 0, 0], [0, 0, 0]).predict(record, 20)


def test_fitted_models_know_their_record():
    found = sindy.candidates(Record(CLEAN.values, 100.0, NAMES, ("m", "s", "K")), QUADRATIC, "weak")[0]
    np.testing.assert_allclose(found.centre, (CLEAN.values.max(axis=0) + CLEAN.values.min(axis=0)) / 2)
    np.testing.assert_allclose(found.reach, CLEAN.values.max(axis=0) - CLEAN.values.min(axis=0))
    assert found.units == ("m", "s", "K")
    assert (found.method, found.sampling_rate_hz, found.usable, found.reason) == ("weak", 100.0, True, "")
    assert not found.denominator.any()
    np.testing.assert_array_equal(found.low, found.coefficients)


def test_known_coefficients_are_kept_and_taken_from_the_derivative():
    known = np.zeros((10, 3))
    known[QUADRATIC.terms.index("x z"), 1] = -1.0
    allowed = np.ones((10, 3), bool)
    allowed[QUADRATIC.terms.index("x z"), 1] = False
    terms = library.Library(NAMES, QUADRATIC.exponents, allowed, known)
    found = sindy.candidates(CLEAN, terms, "weak", threshold=0.03, half_width=8)[0]
    np.testing.assert_allclose(found.coefficients, TRUE, rtol=0.02, atol=0.01)
    assert found.coefficients[QUADRATIC.terms.index("x z"), 1] == -1
    assert found.support == set(LORENZ) - {("y", "x z")}


def test_a_threshold_is_a_share_of_the_derivative():
    terms = QUADRATIC.evaluate(CLEAN.values.T)
    x = NAMES.index("x")
    slope = TRUE[:, x] @ terms
    # The share of each true term of x' in the root mean square of x'.
    sizes = np.abs(TRUE[:, x]) * np.sqrt(np.mean(terms**2, axis=1))
    least = sizes[sizes > 0].min() / np.sqrt(np.mean(slope**2))
    below, above = sindy.candidates(CLEAN, QUADRATIC, "finite_difference", (0.95 * least, 1.05 * least), ridge=0.0)
    assert {term for state, term in below.support if state == "x"} == {"x", "y"}
    assert {term for state, term in above.support if state == "x"} != {"x", "y"}


def test_an_ensemble_gives_quantiles_of_its_members_and_its_seed_decides():
    noisy = with_noise(CLEAN, 0.02, "all_std", np.random.default_rng(3))
    options = {"threshold": 0.03, "half_width": 8, "members": 40, "blocks": 20}
    one, same, other = (sindy.candidates(noisy, QUADRATIC, "weak_ensemble", seed=s, **options)[0] for s in (0, 0, 1))
    np.testing.assert_array_equal(one.coefficients, same.coefficients)
    assert np.any(one.coefficients != other.coefficients)
    place = QUADRATIC.terms.index("x"), NAMES.index("x")
    assert one.low[place] < one.coefficients[place] < one.high[place]
    # With a share of nought every term that some member keeps may be in, with one of 1 only those that all keep.
    wide = sindy.candidates(noisy, QUADRATIC, "weak_ensemble", inclusion=0.0, **options)[0]
    strict = sindy.candidates(noisy, QUADRATIC, "weak_ensemble", inclusion=1.0, **options)[0]
    assert strict.support <= one.support <= wide.support


def test_a_term_one_cannot_be_a_denominator_and_other_methods_have_none():
    with pytest.raises(DynamicsError, match=r"denominator terms \['1'\]: are not terms of the library"):
        sindy.fit(CLEAN, QUADRATIC, "implicit", denominators={"x": ("1", "x")})
    found = sindy.candidates(CLEAN, QUADRATIC, "smoothed", denominators={"x": ("x",)})[0]
    assert not found.denominator.any()


def test_smoothing_may_be_over_five_samples_or_more():
    for samples in (3, 6):
        with pytest.raises(DynamicsError, match=f"smoothing_samples = {samples}: must be odd and at least 5"):
            sindy.candidates(CLEAN, QUADRATIC, "smoothed", smoothing_samples=samples)
    (five,), (eleven,), (default,) = (
        sindy.candidates(CLEAN, QUADRATIC, "smoothed", **options)
        for options in ({"smoothing_samples": 5}, {"smoothing_samples": 11}, {})
    )
    np.testing.assert_array_equal(eleven.coefficients, default.coefficients)
    assert np.any(five.coefficients != eleven.coefficients)


@pytest.mark.parametrize(
    "options", [{"inclusion": 5.0}, {"members": 0}, {"blocks": 0}, {"denominators": {"w": ("x",)}}], ids=str
)
def test_options_that_do_not_fit_are_refused(options):
    with pytest.raises(DynamicsError, match="do not fit states"):
        sindy.fit(CLEAN, QUADRATIC, "ensemble", **options)


def test_a_noise_that_was_taken_too_large_is_told():
    level = 20 * CLEAN.values.std(axis=0) * 1e-3
    model = sindy.fit(CLEAN, QUADRATIC, "joint", noise_std=tuple(level))
    assert any("noise was taken too large" in note for note in model.notes)
