"""What a distant seismometer sees of the walls' motion: far-field P-wave ground velocity of a moment or a force."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import resample_poly

from tremorlab.dynamics import julian
from tremorlab.dynamics.julian import Parameters
from tremorlab.dynamics.record import Record
from tremorlab.errors import DynamicsError

#: Simulation rate from which records are decimated, so that sampling is what an instrument does.
FINE_HZ = 1000.0


@dataclass(frozen=True)
class Station:
    """A P-wave path in a homogeneous whole space, and a seismometer at its end.

    Attributes
    ----------
    distance_m
        Distance r from the slot; it must be many wavelengths for the far field to hold.
    breadth_m
        Breadth of the slot, by which the model's quantities per metre are multiplied.
    p_speed_m_s, density_kg_m3
        Rock properties.
    corner_hz, damping
        Natural frequency and damping of a velocity seismometer (second-order high-pass); corner 0 is a flat response.
    """

    distance_m: float = 10_000.0
    breadth_m: float = 10.0
    p_speed_m_s: float = 3000.0
    density_kg_m3: float = 2500.0
    corner_hz: float = 0.0
    damping: float = 0.707


def ground_velocity(
    parameters: Parameters,
    station: Station,
    duration_s: float,
    sampling_rate_hz: float = 100.0,
    source: str = "moment",
    settle_s: float = 60.0,
    start: tuple[float, float, float] | None = None,
) -> Record:
    """Ground velocity along the ray, in the direction of the largest radiation.

    ``source="moment"``: the opening of both walls is a tensile dislocation, moment ``(lambda + 2 mu) breadth L h(t)``
    along its normal; the far-field displacement is the moment *rate* over 4 pi density alpha^3 r, so that ground
    velocity goes with the wall's **acceleration**. ``source="force"``: one wall moves and presses on the rock with
    ``breadth [k (h - h0) + A u]``; the far-field displacement is the force over 4 pi density alpha^2 r, so that without
    wall damping ground velocity goes with the wall's **velocity** (Aki and Richards, Quantitative Seismology, 2nd ed.,
    equations 4.23 and 4.29). The travel time is left out.

    The motion is computed at `FINE_HZ` or more, seen through the seismometer and decimated with an anti-alias filter.

    Returns
    -------
    Record
        One state "velocity", m/s.

    Raises
    ------
    DynamicsError
        The source is neither, or the sampling rate does not divide a whole rate of at least `FINE_HZ`.
    """
    if source not in ("moment", "force"):
        raise DynamicsError(f"source {source!r}", "is neither 'moment' nor 'force'", "Choose one")
    if sampling_rate_hz < 1 or sampling_rate_hz != round(sampling_rate_hz):
        raise DynamicsError(
            f"sampling rate {sampling_rate_hz} Hz", "is not a whole number of at least 1", "Choose a whole rate"
        )
    decimation = int(np.ceil(FINE_HZ / sampling_rate_hz))
    fine = decimation * sampling_rate_hz
    states = julian.simulate(parameters, duration_s, fine, start, settle_s).values.T
    speed, acceleration = states[2], julian.derivative(states, parameters)[2]
    rock = station.density_kg_m3
    if source == "moment":
        # lambda + 2 mu is density times the P speed squared.
        moment_acceleration = rock * station.p_speed_m_s**2 * station.breadth_m * parameters.L * acceleration
        ground = moment_acceleration / (4 * np.pi * rock * station.p_speed_m_s**3 * station.distance_m)
    else:
        force_rate = station.breadth_m * (parameters.k * speed + parameters.A * acceleration)
        ground = force_rate / (4 * np.pi * rock * station.p_speed_m_s**2 * station.distance_m)
    ground = _seismometer(ground - ground.mean(), fine, station)
    sampled = resample_poly(ground, 1, decimation)[: round(duration_s * sampling_rate_hz)]
    return Record(sampled, sampling_rate_hz, ("velocity",), ("m/s",))


def _seismometer(ground, rate_hz, station):
    if station.corner_hz == 0:
        return ground
    length = 2 * len(ground)
    s = 2j * np.pi * np.fft.rfftfreq(length, 1 / rate_hz)
    corner = 2 * np.pi * station.corner_hz
    response = s**2 / (s**2 + 2 * station.damping * corner * s + corner**2)
    return np.fft.irfft(np.fft.rfft(ground, length) * response, length)[: len(ground)]
