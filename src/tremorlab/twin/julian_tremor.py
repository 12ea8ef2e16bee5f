"""Volcanic tremor driven by the model of Julian (1994): a slot whose walls swing as fluid flows through it.

Source
    The wall separation h of `tremorlab.dynamics.julian` opens and closes a crack, so the moment follows h and the
    moment rate follows the wall's speed u = dh/dt. The flow starts near its unstable steady state and the oscillation
    grows by itself; its end, which the model with its constant pressure does not have, is a smooth fade.
What is drawn
    The driving pressure above the onset of oscillation, the fundamental frequency, duration, moment and place. Time is
    stretched by changing stiffness, pressures, damping and viscosity together, so that all numbers without dimension,
    and with them the shape of the oscillation, stay those of the drawn pressure.
Path
    The response of path, scattering and ground to one impulsive source, convolved with the moment rate: what is
    scattered is the same for each cycle, so a steady oscillation stays a line spectrum.

Limits: one crack at one place; the drag is laminar at Reynolds numbers at which it should not be (see
`tremorlab.dynamics.julian`); pressure is constant, so nothing glides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy import signal
from scipy.optimize import brentq

from tremorlab.dynamics import julian
from tremorlab.dynamics.julian import Parameters
from tremorlab.twin import seismogram
from tremorlab.twin.network import Station
from tremorlab.twin.path import Medium
from tremorlab.twin.source import Sources

#: Fundamental frequencies (Hz), log-uniform; 0.7-2 Hz is common for harmonic tremor at open vents (Lees et al. 2008).
FREQUENCY_HZ = (0.7, 3.0)
#: Driving pressure over that at the onset of oscillation, uniform: from a sine to many overtones.
OVER_ONSET = (1.05, 1.6)

_DURATION_S = (30.0, 300.0)
_FADE_S = 10.0
#: Loose, as the recorded frequencies span two decades; convergence is that of `tremorlab.dynamics.julian`.
_TOLERANCE = 1e-6
#: Bound on the corner of the impulse that the convolution is made with, as a share of the sampling rate.
_IMPULSE = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class JulianTremor:
    """One stretch of tremor.

    Attributes
    ----------
    origin_s
        Start, shape (1,), seconds after the start of the twin.
    moment_n_m
        Standard deviation of the moment of the steady oscillation, shape (1,).
    parameters
        The model, in SI units.
    duration_s
        Length.
    position_km, tensor
        Place, shape (3,), and moment tensor of unit moment, shape (3, 3).
    """

    origin_s: np.ndarray
    moment_n_m: np.ndarray
    parameters: Parameters
    duration_s: float
    position_km: np.ndarray
    tensor: np.ndarray
    event_class: str = "volcanic_tremor"

    def sources(self, medium: Medium) -> Sources:
        """One impulse of moment rate at the start; the medium changes nothing about it."""
        return self.impulse(100.0)

    def impulse(self, rate_hz: float) -> Sources:
        """The impulse that the moment rate is convolved with, at a sampling rate."""
        one = np.ones(1)
        corner = _IMPULSE * rate_hz * one
        return Sources(
            origin_s=self.origin_s,
            position_km=self.position_km[None],
            moment_n_m=self.moment_n_m[:, None, None] * self.tensor,
            p_corner_hz=corner,
            s_corner_hz=corner,
            falloff=one,
            ring_hz=0 * one,
            ring_q=one,
        )


def onset_pressure_pa() -> float:
    """Driving pressure at which the steady flow of the default slot becomes unstable (Routh-Hurwitz ratio of 1)."""
    return _onset()[0]


@lru_cache
def _onset():
    pressure = brentq(lambda p1: julian.steady_state(Parameters(p1=p1)).R - 1, 1e6, 3e7)
    return pressure, julian.steady_state(Parameters(p1=pressure)).onset_frequency_hz


def slot(frequency_hz: float, over_onset: float) -> Parameters:
    """Slot that oscillates at about a frequency, driven at a multiple of the onset pressure.

    Stretching time by s divides stiffness and pressures by s^2, and damping and viscosity by s; the numbers without
    dimension in `tremorlab.dynamics.julian.Scaled` do not change.

    >>> round(julian.steady_state(slot(2.0, 1.0)).onset_frequency_hz, 3)
    2.0
    """
    pressure, usual_hz = _onset()
    base = Parameters(p1=over_onset * pressure)
    s = usual_hz / frequency_hz
    return replace(base, p1=base.p1 / s**2, p2=base.p2 / s**2, k=base.k / s**2, A=base.A / s, eta=base.eta / s)


def draw_julian(
    rng: np.random.Generator, origin_s: float, position_km: np.ndarray, tensor: np.ndarray, moment_n_m: float,
    duration_s: float,
) -> JulianTremor:  # fmt: skip
    """One stretch of tremor at a given time and place; pressure and frequency are drawn."""
    frequency = math.exp(rng.uniform(*np.log(FREQUENCY_HZ)))
    return JulianTremor(
        np.array([origin_s]),
        np.array([moment_n_m]),
        slot(frequency, float(rng.uniform(*OVER_ONSET))),
        float(np.clip(duration_s, *_DURATION_S)),
        position_km,
        tensor,
    )


@lru_cache(maxsize=16)  # every station renders the same motion
def moment_rate(parameters: Parameters, duration_s: float, rate_hz: float) -> np.ndarray:
    """Moment rate (1/s) of a moment whose steady oscillation has a standard deviation of 1, shape (samples,)."""
    steady = julian.steady_state(parameters)
    start = (steady.v, 1.02 * steady.h, 0.0)
    record = julian.simulate(parameters, duration_s, rate_hz, start=start, tolerance=_TOLERANCE)
    opening, speed = record.values[:, 1], record.values[:, 2]
    fade = np.minimum(np.arange(len(speed))[::-1] / (_FADE_S * rate_hz), 1.0)
    return speed / np.std(opening[len(opening) // 2 :]) * np.sin(np.pi / 2 * fade) ** 2


def onset_s(event: JulianTremor, medium: Medium, station: Station) -> float:
    """First P arrival at a station, seconds after the start of the twin."""
    return seismogram.onset_s(event.sources(medium), medium, station)


def render(
    event: JulianTremor, medium: Medium, station: Station, rate_hz: float, rng: np.random.Generator
) -> tuple[float, np.ndarray]:
    """Seismogram at a station; see `tremorlab.twin.seismogram.ground_velocity`."""
    start_s, response = seismogram.ground_velocity(event.impulse(rate_hz), medium, station, rate_hz, rng)
    rate = moment_rate(event.parameters, event.duration_s, rate_hz) / rate_hz
    return start_s, signal.oaconvolve(response, rate[None].astype(np.float32), axes=1)
