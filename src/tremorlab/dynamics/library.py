"""Libraries of candidate terms: products of powers of the states, with readable names.

Every term is a product of integer powers, negative ones included, such as ``y/x^2``. A library also says which terms
may stand in which equation and which coefficients are known beforehand, such as the kinematic equation ``x' = z``.
"""

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from tremorlab.dynamics.julian import Scaled
from tremorlab.dynamics.record import Record
from tremorlab.errors import DynamicsError


@dataclass(frozen=True)
class Library:
    """Candidate terms of the equations of motion.

    Attributes
    ----------
    names
        Names of the states.
    exponents
        Integers, shape (terms, states).
    allowed
        Booleans, shape (terms, states): the term in this row may stand in the equation of the state in this column.
    known
        Shape (terms, states): coefficients known beforehand. They are not fitted; 0 elsewhere.
    """

    names: tuple[str, ...]
    exponents: np.ndarray
    allowed: np.ndarray
    known: np.ndarray

    def __post_init__(self):
        states = len(self.names)
        for name, kind in (("exponents", int), ("allowed", bool), ("known", float)):
            table = np.asarray(getattr(self, name), kind)
            object.__setattr__(self, name, table)
            if table.ndim != 2 or table.shape != (len(self.exponents), states) or not len(table):
                raise DynamicsError(
                    f"library: {name} of shape {table.shape}", f"do not fit {states} states", "Give (terms, states)"
                )
        if len(np.unique(self.exponents, axis=0)) < len(self.exponents):
            raise DynamicsError("library", "holds a term twice, so its columns are collinear", "Name each term once")
        if np.any(self.allowed & (self.known != 0)):
            raise DynamicsError("library", "a coefficient is both known and to be fitted", "Choose one")

    @property
    def terms(self) -> tuple[str, ...]:
        """Readable names, such as ``"1"``, ``"x y^2"``, ``"y/x^2"``."""
        return tuple(_term_name(row, self.names) for row in self.exponents)

    @property
    def candidates(self) -> list[tuple[int, int]]:
        """(term, equation) of every coefficient to be fitted, equation by equation."""
        return [(int(term), int(equation)) for equation, term in np.argwhere(self.allowed.T)]

    def evaluate(self, states: np.ndarray) -> np.ndarray:
        """Values of the terms, shape (terms, samples), from states of shape (states, samples)."""
        return Powers(states, self.exponents).values(self.exponents)

    def support(self, coefficients: np.ndarray) -> set[tuple[str, str]]:
        """(state, term) of every coefficient that is not zero and was fitted."""
        terms = self.terms
        return {(self.names[e], terms[t]) for t, e in self.candidates if coefficients[t, e] != 0}

    def check(self, record: Record) -> None:
        """Raise a `DynamicsError` unless the record holds the library's states, in its order."""
        if record.names != self.names:
            raise DynamicsError(
                f"record of {record.names}", f"does not hold the library's states {self.names}", "Select and order them"
            )

    def terms_of(self, state: str) -> dict[str, float]:
        """Term -> known coefficient of an equation that is known as a whole; empty where something is to be fitted."""
        column = self.names.index(state)
        known = {} if self.allowed[:, column].any() else self.known[:, column]
        return {term: float(value) for term, value in zip(self.terms, known, strict=False) if value}

    def restrict(self, allowed: np.ndarray) -> "Library":
        """The same library with fewer candidates; terms that no equation uses are kept."""
        return Library(self.names, self.exponents, np.asarray(allowed, bool) & self.allowed, self.known)


class Powers:
    """Powers of states, computed once for a set of terms: values and gradients of terms are products of them."""

    def __init__(self, states: np.ndarray, exponents: np.ndarray):
        self.tables = []
        for state, column in zip(states, np.asarray(exponents).T, strict=True):
            low, high = min(int(column.min()) - 1, 0), max(int(column.max()), 0)
            table = {0: None, 1: state}
            for power in range(2, high + 1):
                table[power] = table[power - 1] * state
            if low < 0 and column.min() < 0:
                table[-1] = 1.0 / state
                for power in range(-2, low - 1, -1):
                    table[power] = table[power + 1] * table[-1]
            self.tables.append(table)
        self.samples = np.shape(states)[1]

    def product(self, powers) -> np.ndarray | None:
        """Product of powers, shape (samples,), or None where it is 1."""
        result = None
        for table, power in zip(self.tables, powers, strict=True):
            factor = table[power]
            if factor is not None:
                result = factor if result is None else result * factor
        return result

    def values(self, exponents: np.ndarray) -> np.ndarray:
        """Values of the terms, shape (terms, samples)."""
        out = np.empty((len(exponents), self.samples))
        for row, powers in zip(out, exponents.tolist(), strict=True):
            product = self.product(powers)
            row[:] = 1.0 if product is None else product
        return out

    def gradients(self, exponents: np.ndarray) -> np.ndarray:
        """Derivatives of the terms by the states, shape (terms, states, samples)."""
        out = np.zeros((len(exponents), len(self.tables), self.samples))
        for rows, powers in zip(out, exponents.tolist(), strict=True):
            for state, power in enumerate(powers):
                if power:
                    lowered = [p - (i == state) for i, p in enumerate(powers)]
                    product = self.product(lowered)
                    rows[state] = power if product is None else power * product
        return out


def polynomial(names: tuple[str, ...], degree: int) -> Library:
    """All monomials up to ``degree`` in every equation.

    Examples
    --------
    >>> polynomial(("x", "y"), 2).terms
    ('1', 'x', 'y', 'x^2', 'x y', 'y^2')
    """
    if degree < 0 or degree > 10 or not names:
        raise DynamicsError(f"polynomial of degree {degree} in {names}", "is not of degree 0 to 10", "Choose a degree")
    rows = []
    for order in range(degree + 1):
        for chosen in combinations_with_replacement(range(len(names)), order):
            rows.append([chosen.count(state) for state in range(len(names))])
    exponents = np.array(rows)
    return Library(tuple(names), exponents, np.ones_like(exponents, bool), np.zeros(exponents.shape))


def laurent(names: tuple[str, ...], degree: int, poles: dict[str, int]) -> Library:
    """All products of `polynomial` terms and of negative powers 1/state^j, j up to ``poles[state]``, in every equation.

    Examples
    --------
    >>> laurent(("x", "y"), 1, {"x": 1}).terms
    ('1', '1/x', 'x', 'y', 'y/x')
    """
    unknown = [name for name in poles if name not in names]
    if unknown or any(order < 0 for order in poles.values()):
        raise DynamicsError(f"poles {poles}", f"are not orders of states among {names}", "Give a state and an order")
    rows = {}
    for row in polynomial(names, degree).exponents:
        lowered = [row]
        for name, order in poles.items():
            unit = np.arange(len(names)) == names.index(name)
            lowered = [each - power * unit for each in lowered for power in range(order + 1)]
        rows.update((tuple(each.tolist()), None) for each in lowered)
    exponents = np.array(list(rows))
    return Library(tuple(names), exponents, np.ones_like(exponents, bool), np.zeros(exponents.shape))


def from_terms(
    names: tuple[str, ...], equations: dict[str, dict | list], known: dict[str, dict] | None = None
) -> Library:
    """Library from readable terms.

    Parameters
    ----------
    names
        States.
    equations
        For each state the candidate terms of its equation.
    known
        For each state terms whose coefficient is known.

    Examples
    --------
    >>> library = from_terms(("x", "z"), {"z": ["1", "x", "z/x^2"]}, known={"x": {"z": 1.0}})
    >>> library.terms
    ('1', 'x', 'z', 'z/x^2')
    """
    known = known or {}
    for table in (equations, known):
        for state in table:
            if state not in names:
                raise DynamicsError(f"equation of {state!r}", f"is not one of the states {names}", "Check the name")
    rows = {parse(term, names): None for table in (equations, known) for terms in table.values() for term in terms}
    order = sorted(rows, key=lambda powers: (sum(abs(p) for p in powers), [-p for p in powers]))
    index = {powers: i for i, powers in enumerate(order)}
    allowed, fixed = np.zeros((len(order), len(names)), bool), np.zeros((len(order), len(names)))
    for state, terms in equations.items():
        for term in terms:
            allowed[index[parse(term, names)], names.index(state)] = True
    for state, terms in known.items():
        for term, value in terms.items():
            fixed[index[parse(term, names)], names.index(state)] = value
    return Library(tuple(names), np.array(order), allowed, fixed)


def parse(term: str, names: tuple[str, ...]) -> tuple[int, ...]:
    """Exponents of a readable term: factors with spaces between, then ``/`` and the factors below, ``^`` for powers.

    Examples
    --------
    >>> parse("y z/x^2", ("x", "y", "z"))
    (-2, 1, 1)
    """
    powers = [0] * len(names)
    above, _, below = term.partition("/")
    for factors, sign in ((above, 1), (below, -1)):
        for factor in factors.split():
            base, _, power = factor.partition("^")
            if base == "1" and not power:
                continue
            if base not in names or (power and not power.isdigit()):
                raise DynamicsError(
                    f"term {term!r}", f"factor {factor!r} is not a power of one of {names}", "Write it like 'y z/x^2'"
                )
            powers[names.index(base)] += sign * (int(power) if power else 1)
    return tuple(powers)


def julian_library() -> Library:
    """The 24 candidates among which the terms of Julian's model without wall mass are looked for.

    Scaled states (`tremorlab.dynamics.julian.Scaled`); x' = z is kinematics and known. Nine terms in y' and fifteen in
    z', of which two and six are true.
    """
    return from_terms(
        ("x", "y", "z"),
        {
            "y": ["1", "x", "y", "y^2", "y/x", "y/x^2", "y/x^3", "z", "y z/x"],
            "z": [
                *("1", "x", "x^2", "x^3", "y", "y^2", "x y^2", "x^2 y^2"),
                *("z", "x z", "z/x", "z/x^2", "z/x^3", "z^2", "z^2/x"),
            ],
        },
        known={"x": {"z": 1.0}},
    )


def julian_truth(form: Scaled) -> dict[tuple[str, str], float]:
    """(state, term) -> coefficient of the eight terms of Julian's model that are to be found (the ninth is x' = z).

    With wall mass they are the numerators of equations that share the denominator ``1 + mu x`` in z'.
    """
    return {
        ("y", "1"): form.D,
        ("y", "y/x^2"): -form.b,
        ("z", "x"): 1 + form.p,
        ("z", "x^2"): -1.0,
        ("z", "x y^2"): -1.0,
        ("z", "x z"): -form.a,
        ("z", "z/x^2"): -form.b,
        ("z", "z^2/x"): 0.5,
    }


def julian_wide() -> Library:
    """38 terms that know less of the physics: polynomials to degree 3 and products of y and z over x, x^2 and x^3."""
    names = ("x", "y", "z")
    cubic = list(polynomial(names, 3).terms)
    over = [f"{top}/{low}" for top in ("y", "z", "y^2", "y z", "z^2", "1") for low in ("x", "x^2", "x^3")]
    return from_terms(names, {"y": cubic + over, "z": cubic + over}, known={"x": {"z": 1.0}})


def _term_name(powers, names):
    above = [_power(name, power) for name, power in zip(names, powers, strict=True) if power > 0]
    below = [_power(name, -power) for name, power in zip(names, powers, strict=True) if power < 0]
    return (" ".join(above) or "1") + ("/" + " ".join(below) if below else "")


def _power(name, power):
    return name if power == 1 else f"{name}^{power}"
