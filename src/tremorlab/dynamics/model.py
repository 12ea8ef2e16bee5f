"""A fitted model of motion: its equations as text, free runs and forecasts, none of which blows up silently."""

from dataclasses import dataclass, field

import numpy as np
from scipy.integrate import solve_ivp

from tremorlab.dynamics.library import Library, Powers
from tremorlab.dynamics.record import Record
from tremorlab.errors import DynamicsError

#: A run has left the region of the record when a state is farther from the middle of its range than this many ranges.
ESCAPE = 3.0


@dataclass(frozen=True)
class Model:
    """Equations of motion found in a record.

    Each equation reads ``state' = sum(coefficient x term) / (1 + sum(denominator x term))``; the denominators are zero
    except for the implicit method.

    Attributes
    ----------
    library
        Terms, states and known coefficients.
    coefficients, low, high
        Shape (terms, states): value and 95 % interval; low and high equal the value where the method gives no interval.
    denominator
        Shape (terms, states).
    method
        Name of the method that found it.
    centre, reach
        Middle and range of each state of the record.
    sampling_rate_hz, units
        Of the record.
    usable, reason
        Whether the model can stand for the record, and why not.
    notes
        What the method reports beside the result.
    first
        State at the record's first sample, smoothed or estimated.
    """

    library: Library
    coefficients: np.ndarray
    low: np.ndarray
    high: np.ndarray
    denominator: np.ndarray
    method: str
    centre: np.ndarray
    reach: np.ndarray
    sampling_rate_hz: float
    units: tuple[str, ...]
    usable: bool = True
    reason: str = ""
    notes: tuple[str, ...] = field(default=())
    first: np.ndarray | None = None

    @property
    def support(self) -> set[tuple[str, str]]:
        """(state, term) of the fitted coefficients that are not zero."""
        return self.library.support(self.coefficients)

    @property
    def equations(self) -> tuple[str, ...]:
        """One line for each state, with half widths of the intervals in brackets where there are any.

        The units are those of the record: states in ``units``, time in seconds.
        """
        lines = []
        for state, name in enumerate(self.library.names):
            text = self._sum(self.coefficients[:, state], self.low[:, state], self.high[:, state]) or "0"
            below = self._sum(self.denominator[:, state], *[self.denominator[:, state]] * 2)
            lines.append(f"{name}' = {text}" if not below else f"{name}' = ({text}) / (1 {_signed(below)})")
        return tuple(lines)

    def _sum(self, values, low, high):
        text = ""
        for term, value, a, b in zip(self.library.terms, values, low, high, strict=True):
            if value == 0:
                continue
            half = f"({(b - a) / 2:.1g})" if b > a else ""
            number = f"{abs(value):.5g}{half}"
            if term != "1":
                number = term if number == "1" else f"{number} {term}"
            text += (" - " if value < 0 else " + ") + number if text else ("-" if value < 0 else "") + number
        return text

    def derivative(self, states: np.ndarray) -> np.ndarray:
        """Time derivative, shape (states, samples), of states of that shape."""
        values = Powers(states, self.library.exponents).values(self.library.exponents)
        return (self.coefficients.T @ values) / (1 + self.denominator.T @ values)

    def simulate(self, start: np.ndarray, duration_s: float, sampling_rate_hz: float | None = None) -> Record:
        """Run the model freely.

        Raises
        ------
        DynamicsError
            The start does not fit, the model is unusable for want of equations, or the run leaves the region of the
            record (`ESCAPE`); the message says when.
        """
        rate = sampling_rate_hz or self.sampling_rate_hz
        start, samples = np.asarray(start, float), round(duration_s * rate)
        if start.shape != self.centre.shape or not np.isfinite(start).all() or samples < 2:
            raise DynamicsError(
                f"start {start}, {samples} samples",
                f"is not one finite value for each of {self.library.names}, or fewer than two samples",
                "Give a state of the record and a longer duration",
            )
        if np.max(np.abs(start - self.centre) / self.reach) > ESCAPE:
            raise DynamicsError(
                f"start {start}", f"is more than {ESCAPE:g} ranges of the record from its middle", "Start in the record"
            )
        used = (self.coefficients != 0).any(axis=1) | (self.denominator != 0).any(axis=1)
        exponents = self.library.exponents[used].astype(float)
        above, below = self.coefficients[used].T, self.denominator[used].T
        divides = bool(below.any())

        def motion(_time, state):
            values = np.prod(state**exponents, axis=1)
            return above @ values / (1 + below @ values) if divides else above @ values

        def inside(_time, state):
            return ESCAPE - np.max(np.abs(state - self.centre) / self.reach)

        inside.terminal = True
        with np.errstate(all="ignore"):
            result = solve_ivp(
                motion,
                (0, (samples - 1) / rate),
                start,
                method="DOP853",
                t_eval=np.arange(samples) / rate,
                rtol=1e-7,
                atol=1e-9 * self.reach,
                events=inside,
            )
        if result.status != 0 or result.y.shape[1] < samples or not np.isfinite(result.y).all():
            time = result.t_events[0][0] if result.t_events and len(result.t_events[0]) else result.t[-1]
            raise DynamicsError(
                f"free run of the {self.method} model",
                f"leaves the region of the record after {time:.3g} s of {duration_s:.3g} s "
                f"(limit {ESCAPE:g} ranges from the middle)",
                "Do not use this model for runs of this length; try another method or library",
            )
        return Record(result.y.T, rate, self.library.names, self.units)

    def predict(self, record: Record, steps: int, substeps: int = 4, every: int = 1) -> np.ndarray:
        """Forecast ``steps`` samples ahead from every sample of a record, or from each ``every``-th.

        Returns
        -------
        numpy.ndarray
            Shape (starts, states): row k is the forecast of sample k every + steps. A forecast that leaves the
            region of the record is NaN from then on; count these before averaging.

        Raises
        ------
        DynamicsError
            The record's states are not the model's, or it is not longer than ``steps``.
        """
        if record.names != self.library.names or not 0 < steps < len(record.values):
            raise DynamicsError(
                f"record of {record.names}, {len(record.values)} samples",
                f"does not hold the states {self.library.names} and more than {steps} samples",
                "Select the states and a horizon of at least one sample",
            )
        state = record.values[: len(record.values) - steps : every].T.copy()
        h = 1 / (record.sampling_rate_hz * substeps)
        with np.errstate(all="ignore"):
            for _ in range(steps):
                for _ in range(substeps):
                    one = self.derivative(state)
                    two = self.derivative(state + h / 2 * one)
                    three = self.derivative(state + h / 2 * two)
                    state = state + h / 6 * (one + 2 * two + 2 * three + self.derivative(state + h * three))
                away = np.abs(state - self.centre[:, np.newaxis]) / self.reach[:, np.newaxis]
                state[:, ~(away.max(axis=0) <= ESCAPE)] = np.nan
        return state.T


def _signed(text):
    return f"- {text[1:]}" if text.startswith("-") else f"+ {text}"
