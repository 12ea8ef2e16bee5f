"""Structures of self-oscillators whose unknown parameters and hidden states one velocity record may tell.

A structure is a library of terms with few free parameters (some in two places), one observed state, the wall velocity
z = x', and a way to find starting values. Both structures are written so that no unknown gain of the record is left:
a record twice as large gives the same equations with x twice as large.

``JULIAN``, Julian's (1994) model without wall mass, x the wall separation, y the fluid speed times sqrt(6)/L::

    x' = z
    y' = D - b y / x**2
    z' = c x - k x**2 - x y**2 - a x z - b z / x**2 + z**2 / (2 x)

with c = 12 [L (p1 + p2)/2 + k_wall h0] / (rho L^3), k = 12 k_wall / (rho L^3), a = 12 A / (rho L^3), b = 12 eta / rho
and D = sqrt(6) (p1 - p2) / (rho L^2): five numbers stand for nine parameters, and nothing in a record of one wall can
split them further.

``LIENARD``, a self-oscillator with one hidden state and polynomials of degree three (van der Pol's and Duffing's
oscillators are special cases)::

    x' = z
    z' = e + c x + q x**2 + d x**3 + (g + h x + f x**2) z
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.optimize import nnls
from scipy.signal import butter, sosfiltfilt

from tremorlab.dynamics.julian import Parameters as JulianParameters
from tremorlab.dynamics.library import Library, from_terms
from tremorlab.errors import DynamicsError

#: Corner of the high-pass that keeps an integrated record from drifting, in units of the fundamental frequency.
_DRIFT = 0.12

#: Openings that are tried, in standard deviations of the motion above its minimum, and the smallest one allowed.
OPENINGS, FLOOR = np.geomspace(0.02, 5, 24), 0.01

#: Half width of the weak form's test functions, in radians of the fundamental.
_HALF_WIDTH = 1.2


@dataclass(frozen=True)
class Start:
    """Parameters and a path of all states to start from, and what the path's mean opening was taken to be."""

    parameters: np.ndarray
    path: np.ndarray


@dataclass(frozen=True)
class Structure:
    """Equations with few unknowns.

    Attributes
    ----------
    name
        Short name.
    library
        Terms; known coefficients are those without a parameter.
    parameters
        Names of the unknowns.
    ties
        Shape (candidates of the library, parameters): coefficients are ties @ parameters.
    dimensions
        Shape (parameters, 2): powers of the length (unit of the record times a second) and of the second.
    positive
        State that must stay positive, or None.
    starts
        Function of (velocity, step) that returns starts, best first. Time and velocity are scaled: the fundamental has
        angular frequency one, the velocity unit standard deviation.
    path
        Function of (velocity, step, parameters, mean opening) that returns a first path.
    """

    name: str
    library: Library
    parameters: tuple[str, ...]
    ties: np.ndarray
    dimensions: np.ndarray
    positive: str | None
    starts: Callable[[np.ndarray, float], list[Start]]
    path: Callable[[np.ndarray, float, np.ndarray, float], np.ndarray]


def integrate(velocity: np.ndarray, step: float) -> np.ndarray:
    """The motion without its mean and slow drift: the velocity integrated and high-passed."""
    summed = np.cumsum(velocity - velocity.mean()) * step
    section = butter(2, _DRIFT * step / np.pi, btype="high", output="sos")
    return sosfiltfilt(section, summed, padlen=min(len(summed) - 1, round(6 * np.pi / step)))


def _weak(step):
    """Integrals over bumps: of rows, and of the derivative of rows."""
    half = max(4, round(_HALF_WIDTH / step))
    s = np.arange(-half, half + 1) / half
    bump, slope = (1 - s**2) ** 4, -8 * s * (1 - s**2) ** 3 / (half * step)

    def windows(rows):
        return sliding_window_view(np.asarray(rows), 2 * half + 1, axis=-1)[..., :: max(1, half // 4), :]

    return (lambda rows: windows(rows) @ bump), (lambda rows: -windows(rows) @ slope)


def _julian_path(velocity, step, parameters, opening):
    """Opening by integration; fluid speed from its own equation, which forgets its start."""
    x = np.maximum(integrate(velocity, step) + opening, 0.05 * opening)
    return np.array([x, parameters[4] * _fluid(x, np.array([parameters[3]]), step)[0], velocity])


def _fluid(x, viscosities, step):
    """Solutions of y' = 1 - b y / x**2, one row for each b, by exact steps with x held."""
    rate = viscosities[:, np.newaxis] / x**2
    decay = np.exp(-rate * step)
    gain = (1 - decay) / rate
    y = np.empty_like(rate)
    now = 1 / rate.mean(axis=1)
    for i in range(len(x)):
        y[:, i] = now
        now = now * decay[:, i] + gain[:, i]
    return y


def _julian_starts(velocity, step):
    """All openings and viscosities of a grid; for each of them the rest of the equation is linear.

    With opening and viscosity given, the fluid speed is D times a known function, so that c, k, a and D^2 follow from
    one non-negative regression of the weak form: every viscosity that is locally best for its opening is a start.
    """
    x0 = integrate(velocity, step)
    spread = x0.std()
    value, derivative = _weak(step)
    target = derivative(velocity)
    edge = len(target) // 8  # the high-pass needs room, and the fluid speed forgets its start first
    used = slice(edge, -edge)
    viscosities = spread**2 * np.geomspace(1e-3, 2, 20)
    found = []
    for opening in spread * OPENINGS - x0[len(x0) // 8 : -(len(x0) // 8)].min():
        x = np.maximum(x0 + opening, FLOOR * spread)
        terms = [value(x), -value(x**2), -value(x * velocity)]
        fixed, drag = value(velocity**2 / (2 * x)), value(velocity / x**2)
        fits = []
        for b, y in zip(viscosities, _fluid(x, viscosities, step), strict=True):
            table = np.array([*terms, -value(x * y**2)]).T
            fits.append((b, *nnls(table[used], (target + b * drag - fixed)[used])))
        misfits = np.array([np.inf, *(misfit for *_, misfit in fits), np.inf])
        for b, (c, k, a, squared), misfit in np.array(fits, object)[
            misfits[1:-1] <= np.minimum(misfits[:-2], misfits[2:])
        ]:
            if c > 0 and k > 0 and squared > 0:
                parameters = np.array([c, k, max(a, 1e-3), b, np.sqrt(squared)])
                found.append((misfit, Start(parameters, _julian_path(velocity, step, parameters, opening))))
    return [start for _, start in sorted(found, key=lambda pair: pair[0])]


def _lienard_starts(velocity, step):
    """One start: the weak form is linear in all parameters."""
    x = integrate(velocity, step)
    value, derivative = _weak(step)
    terms = [np.ones_like(x), x, x**2, x**3, velocity, x * velocity, x**2 * velocity]
    parameters = np.linalg.lstsq(np.array([value(term) for term in terms]).T, derivative(velocity), rcond=None)[0]
    return [Start(parameters, np.array([x, velocity]))]


def _lienard_path(velocity, step, parameters, opening):
    return np.array([integrate(velocity, step) + opening, velocity])


def _tie(library, places):
    """Matrix from parameters to the library's candidates; ``places`` maps (state, term) to (parameter, factor)."""
    names = list(dict.fromkeys(name for name, _ in places.values()))
    ties = np.zeros((len(library.candidates), len(names)))
    for row, (term, equation) in enumerate(library.candidates):
        name, factor = places[library.names[equation], library.terms[term]]
        ties[row, names.index(name)] = factor
    return tuple(names), ties


def _julian():
    library = from_terms(
        ("x", "y", "z"),
        {"z": ["x", "x^2", "x z", "z/x^2"], "y": ["1", "y/x^2"]},
        known={"x": {"z": 1.0}, "z": {"x y^2": -1.0, "z^2/x": 0.5}},
    )
    names, ties = _tie(
        library,
        {
            ("z", "x"): ("c", 1.0),
            ("z", "x^2"): ("k", -1.0),
            ("z", "x z"): ("a", -1.0),
            ("z", "z/x^2"): ("b", -1.0),
            ("y", "y/x^2"): ("b", -1.0),
            ("y", "1"): ("D", 1.0),
        },
    )
    dimensions = np.array([[0, -2], [-1, -2], [-1, -1], [2, -1], [0, -2]])
    return Structure("julian", library, names, ties, dimensions, "x", _julian_starts, _julian_path)


def _lienard():
    terms = ["1", "x", "x^2", "x^3", "z", "x z", "x^2 z"]
    library = from_terms(("x", "z"), {"z": terms}, known={"x": {"z": 1.0}})
    places = {("z", term): (name, 1.0) for term, name in zip(terms, "ecqdghf", strict=True)}
    names, ties = _tie(library, places)
    dimensions = np.array([[1, -2], [0, -2], [-1, -2], [-2, -2], [0, -1], [-1, -1], [-2, -1]])
    return Structure("lienard", library, names, ties, dimensions, None, _lienard_starts, _lienard_path)


JULIAN, LIENARD = _julian(), _lienard()


def julian_coefficients(parameters: JulianParameters) -> np.ndarray:
    """What a record of the wall velocity in m/s can tell of Julian's parameters: c, k, a, b, D in SI units.

    Raises
    ------
    DynamicsError
        The wall has a mass: the structure is for M = 0.
    """
    p = parameters
    if p.M:
        raise DynamicsError(f"M = {p.M:g} kg/m", "is not 0, and the structure has no wall mass", "Set M = 0")
    inertia = p.rho * p.L**3 / 12
    return np.array(
        [
            (p.L * (p.p1 + p.p2) / 2 + p.k * p.h0) / inertia,
            p.k / inertia,
            p.A / inertia,
            12 * p.eta / p.rho,
            np.sqrt(6) * (p.p1 - p.p2) / (p.rho * p.L**2),
        ]
    )
