"""Julian's (1994) model of volcanic tremor: fluid flows through a slot whose elastic walls it sets into motion.

An incompressible viscous fluid flows through a slot of length L from a reservoir at pressure p1 to one at p2. Faster
flow lowers the pressure (Bernoulli), the walls close in, drag slows the flow, the pressure rises, the walls open.
Above a threshold of the driving pressure the steady flow is unstable and the walls oscillate; with wall damping the
oscillation doubles its period and becomes chaotic as the pressure grows. All quantities are per metre of breadth.

State: fluid speed v at the slot's centre (m/s), wall separation h (m), wall speed u = dh/dt (m/s)::

    rho dv/dt + 12 eta v / h**2 = (p1 - p2) / L
    dh/dt = u
    [M + rho L**3 / (12 h)] du/dt + u {A + L**3 / (12 h) [12 eta / h**2 - rho u / (2 h)]} + k (h - h0)
        = L [(p1 + p2) / 2 - rho v**2 / 2]

Source: B. R. Julian (1994), J. Geophys. Res. 99(B6), 11859-11877, doi 10.1029/93JB03129, equations 9 and 12, as
rearranged in the public code that goes with Kedar et al. (2021), doi 10.1029/2020JE006518 (Julian is a co-author), and
derived anew: mass balance makes the flow linear along the slot, momentum and Bernoulli's law at both ends give the
first equation, and the pressure integrated over the wall gives the last. Julian's own paper was not at hand, so which
figure a parameter set belongs to is taken from that code.

Caveat: at the parameters that give chaos v is 100-230 m/s and the Reynolds number 2300-4300, so that the laminar drag
is not consistent with the flow it describes.
"""

import math
from dataclasses import dataclass, fields

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from tremorlab.dynamics.record import Record
from tremorlab.errors import DynamicsError

#: Relative tolerance of the integrator. Tightened 100 times it moves no state by 1e-6 of its range over 60 s, unless
#: the motion is chaotic (`tremorlab.dynamics.trajectories.convergence`).
TOLERANCE = 1e-9

#: Names of the state in the order of all state arrays here.
STATE = ("v", "h", "u")


@dataclass(frozen=True)
class Parameters:
    """Parameters of the model in SI units, per metre of breadth; the symbols are Julian's.

    Attributes
    ----------
    p1, p2
        Pressure of the upstream and the downstream reservoir, Pa.
    eta
        Dynamic viscosity, Pa s.
    M
        Wall mass, kg/m.
    A
        Damping of the walls (radiation, anelasticity), Pa s.
    k
        Wall stiffness, Pa (force per metre of breadth and metre of opening).
    rho
        Fluid density, kg/m^3.
    h0
        Wall separation without load, m.
    L
        Slot length along the flow, m.

    Raises
    ------
    DynamicsError
        A value is not finite, a positive quantity is not positive, or p1 is not above p2.
    """

    p1: float
    p2: float = 0.1e6
    eta: float = 50.0
    M: float = 0.0
    A: float = 1e7
    k: float = 6e8
    rho: float = 2500.0
    h0: float = 1.0
    L: float = 10.0

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            low = "not negative" if field.name in ("M", "A", "p2") else "positive"
            if not math.isfinite(value) or value < 0 or (value == 0 and low == "positive"):
                raise DynamicsError(f"{field.name} = {value}", f"must be finite and {low}", "Give it in SI units")
        if self.p1 <= self.p2:
            raise DynamicsError(
                f"p1 = {self.p1:g} Pa", f"is not above p2 = {self.p2:g} Pa, so nothing flows", "Raise p1 above p2"
            )


#: Parameter sets labelled with figures of the 1994 paper, and their start (v, h, u). The labels come from the code of
#: Kedar et al. (2021), whose authors say that figures 9 and 10 come out and that **figure 12 does not match the
#: paper**; whether M is 0 or 3e5 kg/m there is their open question.
PAPER_FIGURES = {
    "figure 9": (Parameters(p1=10e6, eta=500.0, M=3e5, A=0.0), (0.0, 1.05, 0.0)),
    "figure 10": (Parameters(p1=3e6, eta=500.0, M=3e5, A=0.0), (0.0, 1.05, 0.0)),
    "figure 12 (doubtful)": (Parameters(p1=18e6, eta=50.0, M=0.0, A=1e7), (0.0, 1.05, -10.0)),
}


@dataclass(frozen=True)
class SteadyState:
    """Steady flow and its linear stability.

    Attributes
    ----------
    h, v
        Wall separation (m) and fluid speed (m/s).
    R
        Routh-Hurwitz ratio: the steady flow is unstable if, and only if, R > 1.
    onset_frequency_hz
        Frequency of the oscillation that sets in where R = 1.
    """

    h: float
    v: float
    R: float
    onset_frequency_hz: float

    @property
    def stable(self) -> bool:
        """Whether a small disturbance dies out."""
        return self.R <= 1


def steady_state(parameters: Parameters) -> SteadyState:
    """Steady flow: Poiseuille drag balances the pressure difference, stiffness balances the mean pressure.

    The linearised motion has the characteristic polynomial ``(M + m) s^3 + [A + a + a (M + m) / m] s^2 +
    [k + (A + a) a / m] s + (a / m) k (1 + 2 r1)`` with a = eta L^3/h^3 and m = rho L^3/(12 h); R and the frequency
    follow from Routh's and Hurwitz's criterion.

    Examples
    --------
    >>> steady = steady_state(PAPER_FIGURES["figure 9"][0])
    >>> print(f"{steady.h:.3f} m, {steady.v:.2f} m/s, R = {steady.R:.3f}, {steady.onset_frequency_hz:.3f} Hz")
    0.823 m, 111.87 m/s, R = 1.547, 5.256 Hz
    """
    p = parameters
    quartic = p.rho * (p.p1 - p.p2) ** 2 / (288 * p.eta**2 * p.L)
    load = p.k * p.h0 + (p.p1 + p.p2) * p.L / 2
    h = brentq(lambda h: quartic * h**4 + p.k * h - load, 0.0, load / p.k, xtol=1e-15, rtol=1e-14)
    v = (p.p1 - p.p2) * h**2 / (12 * p.eta * p.L)
    a, m = p.eta * p.L**3 / h**3, p.rho * p.L**3 / (12 * h)
    r1 = p.rho * p.L * v**2 / (p.k * h)
    r2 = (p.A + a) * m / ((p.M + m) * a)
    r3 = a * (p.A + a) / (p.k * m)
    ratio = (1 + 2 * r1) / ((1 + r2) * (1 + r3))
    return SteadyState(h, v, ratio, math.sqrt(p.k * (1 + r3) / (p.M + m)) / (2 * math.pi))


def derivative(state: np.ndarray, parameters: Parameters) -> np.ndarray:
    """Time derivative of (v, h, u) in SI units; shape (3,) or (3, samples)."""
    p, (v, h, u) = parameters, state
    force = (
        p.L * ((p.p1 + p.p2) / 2 - p.rho * v**2 / 2)
        - p.k * (h - p.h0)
        - u * (p.A + p.eta * p.L**3 / h**3 - p.rho * p.L**3 * u / (24 * h**2))
    )
    return np.array(
        [(p.p1 - p.p2) / (p.rho * p.L) - 12 * p.eta * v / (p.rho * h**2), u, force / (p.M + p.rho * p.L**3 / (12 * h))]
    )


@dataclass(frozen=True)
class Scaled:
    """Dimensionless form, in which all states and coefficients are of order one.

    x = h/h0, y = v/V, z = (dh/dt) T/h0 and time in T, with T = sqrt(rho L^3/(12 k h0)) and V = sqrt(2 k h0/(rho L))::

        x' = z
        y' = D - b y / x**2
        z' = [(1 + p) - x - y**2 - a z - b z / x**3 + z**2 / (2 x**2)] / (mu + 1/x)

    Without wall mass (mu = 0) the last line is ``(1 + p) x - x**2 - x y**2 - a x z - b z / x**2 + z**2 / (2 x)``: nine
    terms in all, each a power law in x, y and z, three of them (-1 twice and +1/2) free of the parameters.

    Attributes
    ----------
    p, D, a, b, mu
        Mean pressure, pressure difference, wall damping, viscosity and wall mass without dimension.
    time_s, speed_m_s, opening_m
        T, V and h0.

    All are numbers, or arrays of one value for each copy (`tremorlab.dynamics.trajectories.stack`).
    """

    p: float
    D: float
    a: float
    b: float
    mu: float
    time_s: float
    speed_m_s: float
    opening_m: float

    def from_si(self, state: np.ndarray) -> np.ndarray:
        """(v, h, u) in SI units as (x, y, z); the state is the first axis."""
        v, h, u = np.asarray(state, float)
        return np.array([h / self.opening_m, v / self.speed_m_s, u * self.time_s / self.opening_m])

    def to_si(self, state: np.ndarray) -> np.ndarray:
        """(x, y, z) as (v, h, u) in SI units; the state is the first axis."""
        x, y, z = np.asarray(state, float)
        return np.array([y * self.speed_m_s, x * self.opening_m, z * self.opening_m / self.time_s])

    def rates(self, x, y, z) -> tuple:
        """Derivatives of x, y and z by scaled time: of numbers, or of arrays with one value for each copy."""
        force = 1 + self.p - x - y * y - self.a * z - self.b * z / (x * x * x) + z * z / (2 * x * x)
        return z, self.D - self.b * y / (x * x), force / (self.mu + 1 / x)

    def tangent_rates(self, x, y, z, dx, dy, dz) -> tuple:
        """Derivatives of a small disturbance of x, y and z (the linearised `rates`), of numbers or of arrays."""
        i = 1 / x
        inertia = self.mu + i
        force = 1 + self.p - x - y * y - self.a * z - self.b * z * i**3 + z * z * i * i / 2
        by_x = (-1 + 3 * self.b * z * i**4 - z * z * i**3) / inertia + force * (i / inertia) ** 2
        by_z = (-self.a - self.b * i**3 + z * i * i) / inertia
        return (
            dz,
            2 * self.b * y * i**3 * dx - self.b * i * i * dy,
            by_x * dx - 2 * y / inertia * dy + by_z * dz,
        )

    def motion(self, _time, state):
        """Derivative of (x, y, z), in the form that `scipy.integrate.solve_ivp` calls."""
        return self.rates(*state.tolist())  # Python numbers: three times faster here than NumPy's


def scaled(parameters: Parameters) -> Scaled:
    """Parameters without dimension, and the scales that take them there.

    Examples
    --------
    >>> form = scaled(Parameters(p1=19e6))
    >>> print(f"{form.p:.4f} {form.D:.4f} {form.a:.4f} {form.b:.5f} {form.mu:.1f}")
    0.1592 0.0643 0.8944 0.00447 0.0
    """
    p = parameters
    time_s = math.sqrt(p.rho * p.L**3 / (12 * p.k * p.h0))
    speed_m_s = math.sqrt(2 * p.k * p.h0 / (p.rho * p.L))
    return Scaled(
        p=p.L * (p.p1 + p.p2) / (2 * p.k * p.h0),
        D=(p.p1 - p.p2) * time_s / (p.rho * p.L * speed_m_s),
        a=p.A / (p.k * time_s),
        b=12 * p.eta * time_s / (p.rho * p.h0**2),
        mu=12 * p.M * p.h0 / (p.rho * p.L**3),
        time_s=time_s,
        speed_m_s=speed_m_s,
        opening_m=p.h0,
    )


def simulate(
    parameters: Parameters,
    duration_s: float,
    sampling_rate_hz: float = 100.0,
    start: tuple[float, float, float] | None = None,
    settle_s: float = 0.0,
    tolerance: float = TOLERANCE,
) -> Record:
    """Integrate the model and sample it.

    Parameters
    ----------
    parameters
        The model in SI units.
    duration_s, sampling_rate_hz
        Length and rate of the record; it holds ``round(duration_s * sampling_rate_hz)`` samples.
    start
        (v, h, u) at the start, SI; by default 1.05 times the steady opening at the steady fluid speed.
    settle_s
        Seconds integrated before the record starts, so that it begins on the attractor.
    tolerance
        Relative tolerance of the integrator (scipy's DOP853, in scaled variables).

    Returns
    -------
    Record
        States v (m/s), h (m) and u (m/s).

    Raises
    ------
    DynamicsError
        Fewer than two samples are asked for, or the walls close so that the integrator stops.
    """
    samples = round(duration_s * sampling_rate_hz)
    if samples < 2:
        raise DynamicsError(
            f"{duration_s:g} s at {sampling_rate_hz:g} Hz", "is fewer than two samples", "Ask for a longer record"
        )
    form = scaled(parameters)
    times = (settle_s + np.arange(samples) / sampling_rate_hz) / form.time_s
    states = integrate(form, form.from_si(start_of(parameters, start)), times, tolerance).y
    return Record(form.to_si(states).T, sampling_rate_hz, STATE, units=("m/s", "m", "m/s"))


def start_of(parameters: Parameters, start: tuple[float, float, float] | None) -> np.ndarray:
    """The given start (v, h, u), or a slightly opened steady state."""
    if start is None:
        steady = steady_state(parameters)
        return np.array([steady.v, 1.05 * steady.h, 0.0])
    if len(start) != 3 or not np.all(np.isfinite(start)) or start[1] <= 0:
        raise DynamicsError(f"start = {start}", "is not (v, h, u) with h > 0", "Give three finite values in SI units")
    return np.asarray(start, float)


def integrate(form: Scaled, state: np.ndarray, times: np.ndarray, tolerance: float):
    """Scaled states at scaled ``times`` (the start is at time 0): the result of `scipy.integrate.solve_ivp`."""
    result = solve_ivp(
        form.motion,
        (0.0, float(times[-1])),
        state,
        method="DOP853",
        t_eval=times,
        rtol=tolerance,
        atol=tolerance * 0.1,
        events=_closing,
    )
    if result.status != 0:
        reached = result.t[-1] * form.time_s if result.t.size else 0.0
        raise DynamicsError(
            f"integration at {reached:.3f} s",
            f"the walls closed below {_CLOSED:g} of their unloaded separation, or the step size vanished",
            "Lower the driving pressure or the starting wall speed",
        )
    return result


#: Scaled opening below which the model is meaningless: the slot is shut.
_CLOSED = 1e-4


def _closing(_time, state):
    return state[0] - _CLOSED


_closing.terminal = True
