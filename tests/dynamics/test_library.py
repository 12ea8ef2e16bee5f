"""Libraries of terms against pysindy's and against numerical derivatives."""

import numpy as np
import pysindy
import pytest

from tremorlab.dynamics import julian, library
from tremorlab.dynamics.library import Library, Powers
from tremorlab.errors import DynamicsError

STATES = np.random.default_rng(3).uniform(0.2, 1.5, (3, 40))
NAMES = ("x", "y", "z")


def test_polynomial_library_is_pysindys():
    ours = library.polynomial(NAMES, 3)
    theirs = pysindy.PolynomialLibrary(degree=3).fit(STATES.T)
    np.testing.assert_allclose(ours.evaluate(STATES).T, np.asarray(theirs.transform(STATES.T)), rtol=1e-12)
    assert list(ours.terms) == theirs.get_feature_names(list(NAMES))


def test_terms_read_as_they_are_evaluated():
    terms = library.julian_wide()
    x, y, z = STATES
    for name, values in zip(terms.terms, terms.evaluate(STATES), strict=True):
        above, _, below = name.partition("/")
        expression = above.replace(" ", "*") + (f"/({below.replace(' ', '*')})" if below else "")
        expected = eval(expression.replace("^", "**"), {"x": x, "y": y, "z": z}) * np.ones(40)
        np.testing.assert_allclose(values, expected, rtol=1e-12, err_msg=name)
        assert terms.exponents[terms.terms.index(name)].tolist() == list(library.parse(name, NAMES))


def test_gradients_are_derivatives():
    exponents = library.julian_library().exponents
    gradients = Powers(STATES, exponents).gradients(exponents)
    for j in range(3):
        move = np.zeros((3, 1))
        move[j] = 1e-6
        up, down = (Powers(STATES + s * move, exponents).values(exponents) for s in (1, -1))
        np.testing.assert_allclose(gradients[:, j], (up - down) / 2e-6, rtol=1e-6, atol=1e-6)


def test_julian_library_has_24_candidates_and_known_kinematics():
    terms = library.julian_library()
    assert len(terms.candidates) == 24
    assert not terms.allowed[:, 0].any()
    assert terms.known[terms.terms.index("z"), 0] == 1.0
    assert np.count_nonzero(terms.known) == 1
    coefficients = terms.known.copy()
    coefficients[terms.terms.index("y/x^2"), 1] = -2.0
    assert terms.support(coefficients) == {("y", "y/x^2")}


def test_laurent_library_is_polynomials_and_poles():
    terms = library.laurent(("x", "y"), 2, {"x": 2})
    assert {"y/x^2", "1/x", "y^2/x", "x y", "1"} <= set(terms.terms)
    assert "y/y" not in terms.terms
    assert len(set(terms.terms)) == len(terms.terms)


def test_restricting_takes_candidates_away():
    terms = library.polynomial(("x", "y"), 1)
    fewer = terms.restrict(np.array([[True, False], [False, True], [True, True]]))
    assert [(terms.terms[t], terms.names[e]) for t, e in fewer.candidates] == [
        ("1", "x"),
        ("y", "x"),
        ("x", "y"),
        ("y", "y"),
    ]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: library.polynomial(("x",), 11), "is not of degree 0 to 10"),
        (lambda: library.laurent(("x",), 1, {"w": 1}), "are not orders of states"),
        (lambda: library.from_terms(("x",), {"w": ["x"]}), "equation of 'w': is not one of the states"),
        (lambda: library.parse("x q^2", ("x",)), "factor 'q\\^2' is not a power"),
        (lambda: library.parse("x^y", ("x",)), "factor 'x\\^y' is not a power"),
        (
            lambda: Library(("x",), [[1], [1]], [[1], [1]], [[0], [0]]),
            "holds a term twice, so its columns are collinear",
        ),
        (lambda: Library(("x",), [[1]], [[True]], [[2.0]]), "both known and to be fitted"),
        (lambda: Library(("x", "y"), [[1]], [[True]], [[0.0]]), "exponents of shape \\(1, 1\\)"),
    ],
)
def test_malformed_libraries_are_refused(make, message):
    with pytest.raises(DynamicsError, match=message):
        make()


def test_truth_of_julian_is_its_scaled_motion():
    form, terms = julian.scaled(julian.Parameters(p1=19e6)), library.julian_library()
    table = terms.known.copy()
    for (state, term), value in library.julian_truth(form).items():
        table[terms.terms.index(term), terms.names.index(state)] = value
    states = np.array([[0.3, 0.7], [0.8, 0.5], [0.1, -0.2]])
    np.testing.assert_allclose(table.T @ terms.evaluate(states), np.array(form.rates(*states)), rtol=1e-12)


def test_an_equation_is_known_as_a_whole_or_not():
    terms = library.from_terms(("x", "y"), {"y": ["x"]}, known={"x": {"y": 2.0}, "y": {"y": -1.0}})
    assert terms.terms_of("x") == {"y": 2.0}
    assert terms.terms_of("y") == {}


def test_laurent_library_is_the_products_of_monomials_and_poles():
    terms = library.laurent(("x", "y"), 1, {"x": 2, "y": 1})
    monomials = {(0, 0), (1, 0), (0, 1)}
    products = {(a - i, b - j) for a, b in monomials for i in range(3) for j in range(2)}
    assert {tuple(row) for row in terms.exponents.tolist()} == products
    assert len(terms.exponents) == len(products)
    assert terms.allowed.all()
    assert not terms.known.any()
    with pytest.raises(DynamicsError, match=r"poles {'x': -1}: are not orders of states among \('x',\)"):
        library.laurent(("x",), 1, {"x": -1})


def test_polynomials_of_degree_nought_and_ten_are_libraries():
    assert library.polynomial(("x", "y"), 0).terms == ("1",)
    assert library.polynomial(("x",), 10).terms[-1] == "x^10"
    for names, degree in (((), 1), (("x",), -1)):
        with pytest.raises(DynamicsError, match=f"polynomial of degree {degree}"):
            library.polynomial(names, degree)


def test_terms_are_read_with_all_their_factors():
    assert library.parse("x^2 y/z x^3", NAMES) == (-1, 1, -1)
    assert library.parse("1/z^2", NAMES) == (0, 0, -2)
    assert library.parse("1", NAMES) == (0, 0, 0)
    assert library.parse("x x", NAMES) == (2, 0, 0)
    for term, factor in (("1^2", "1^2"), ("x^-1", "x^-1"), ("2 x", "2")):
        with pytest.raises(DynamicsError) as caught:
            library.parse(term, NAMES)
        assert f"term '{term}'" in str(caught.value)
        assert f"factor '{factor}' is not a power of one of" in str(caught.value)


def test_simple_terms_come_first_and_stand_where_they_were_put():
    terms = library.from_terms(
        ("x", "y"), {"y": ["x y", "1", "y/x", "x"], "x": ["x"]}, known={"x": {"y": 2.0}, "y": {"y^2": -3.0}}
    )
    assert terms.terms == ("1", "x", "y", "x y", "y^2", "y/x")
    places = {(terms.terms[t], terms.names[e]) for t, e in terms.candidates}
    assert places == {("x", "x"), ("x y", "y"), ("1", "y"), ("y/x", "y"), ("x", "y")}
    assert terms.known[terms.terms.index("y"), 0] == 2
    assert terms.known[terms.terms.index("y^2"), 1] == -3
    assert np.count_nonzero(terms.known) == 2
    with pytest.raises(DynamicsError, match="equation of 'w'"):
        library.from_terms(("x",), {"x": ["x"]}, known={"w": {"x": 1.0}})


def test_candidates_go_equation_by_equation():
    assert library.polynomial(("x", "y"), 1).candidates == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]


def test_a_library_takes_any_numbers_and_keeps_their_kinds():
    terms = Library(("x", "y"), [[1, 0], [0, -1]], [[1, 0], [0, 1]], [[0, 2], [0, 0]])
    assert terms.exponents.dtype.kind == "i"
    assert terms.allowed.dtype == bool
    assert terms.known.dtype == float
    assert terms.support(np.array([[3.0, 2.0], [0.0, 0.0]])) == {("x", "x")}
    assert terms.terms_of("y") == {}
    assert Library(("x", "y"), [[1, 0]], [[0, 0]], [[0, 2]]).terms_of("y") == {"x": 2.0}


@pytest.mark.parametrize(
    ("allowed", "known", "message"),
    [
        ([[True]], [[0.0, 0.0]], r"allowed of shape \(1, 1\): do not fit 2 states"),
        ([[True, True]], [[0.0, 0.0]] * 2, r"known of shape \(2, 2\)"),
    ],
)
def test_tables_of_a_library_have_one_shape(allowed, known, message):
    with pytest.raises(DynamicsError, match=message):
        Library(("x", "y"), [[1, 0]], allowed, known)
    with pytest.raises(DynamicsError, match="do not fit"):
        Library(("x",), np.zeros((0, 1)), np.zeros((0, 1)), np.zeros((0, 1)))


def test_values_of_high_and_negative_powers():
    exponents = np.array([[3, -3], [-2, 4], [0, 0], [-1, 1]])
    states = STATES[:2]
    x, y = states
    expected = [x**3 / y**3, y**4 / x**2, np.ones_like(x), y / x]
    np.testing.assert_allclose(Powers(states, exponents).values(exponents), expected, rtol=1e-12)
    slopes = [
        [3 * x**2 / y**3, -3 * x**3 / y**4],
        [-2 * y**4 / x**3, 4 * y**3 / x**2],
        [0 * x, 0 * x],
        [-y / x**2, 1 / x],
    ]
    np.testing.assert_allclose(Powers(states, exponents).gradients(exponents), slopes, rtol=1e-12)


def test_a_state_that_stands_in_no_denominator_may_be_zero():
    exponents = library.polynomial(("x", "y"), 2).exponents
    powers = Powers(np.array([[0.0, 2.0], [3.0, 0.0]]), exponents)
    np.testing.assert_array_equal(powers.values(exponents)[-3:], [[0, 4], [0, 0], [9, 0]])
    assert np.isfinite(powers.gradients(exponents)).all()


def test_julian_wide_has_38_terms_in_two_equations():
    terms = library.julian_wide()
    assert len(terms.terms) == 38
    assert terms.allowed.sum(axis=0).tolist() == [0, 37 + 1, 37 + 1] or terms.allowed.sum(axis=0).tolist() == [
        0,
        38,
        38,
    ]
    assert terms.terms_of("x") == {"z": 1.0}


def test_a_pole_of_order_nought_is_none():
    assert library.laurent(("x", "y"), 2, {"x": 0}).terms == library.polynomial(("x", "y"), 2).terms
