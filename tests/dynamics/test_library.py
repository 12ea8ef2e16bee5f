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
