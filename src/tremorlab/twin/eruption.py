"""Volcanic signals: explosions with eruption tremor and air wave, long-period events, tremor without eruption.

Everything is pulses of pressure or volume in a conduit, drawn from one family, so that the classes overlap.

Pulse
    Moment tensor of a crack, a pipe or a sphere in a solid with equal Lame constants (Chouet 1996, Nature 380, 309;
    diagonals 1:1:3, 2:2:1, 1:1:1), moment spectrum ``1 / (1 + i f/fc)^n`` with a fall-off n of 1.5 to 3.5, one number
    an event: abrupt to smooth pulses.
Resonance
    Echoes of the pulse between the ends of the conduit: all or odd overtones of 0.4 to 4 Hz, Q of a few to some tens
    (spectral peaks of volcanic tremor lie between 0.1 and 7 Hz: Konstantinou and Schlindwein 2003, J. Volcanol.
    Geotherm. Res. 119). See `tremorlab.twin.source.Sources`.
Long-period event
    One ringing pulse, or a few in quick succession.
Volcanic tremor
    A renewal process of such pulses, from random to nearly regular, with slowly wandering strength and a gliding
    frequency (Hotovec et al. 2013, doi:10.1016/j.jvolgeores.2012.01.001: regular pulses make lines that glide with
    their rate). A share of it is driven by Julian's model instead, see `tremorlab.twin.julian_tremor`.
Eruption
    A volumetric pulse with a corner of 0.2 to 1.5 Hz, then pulses of the same process for minutes: their strength
    rises, in half of the eruptions holds a level, and decays exponentially (McNutt and Nishimura 2008,
    doi:10.1016/j.jvolgeores.2008.03.010); their frequency glides, and their corner falls with strength as the jet
    weakens. The blast pushes an air
    wave ``(1 - t/T) exp(-t/T)`` (Friedlander's shape) that travels at 340 m/s, falls as 1/r and moves the ground by an
    assumed micrometre per second and pascal, give or take a factor.
Size
    Moments are set in `tremorlab.twin.events`; the median explosion has a moment magnitude of 1.3, and explosion
    earthquakes from Stromboli to Sakurajima have magnitudes of -1.9 to 1.8 (doi:10.1186/s40623-016-0505-2, table 1).

Corners and fall-offs of eruption and tremor pulses are set lower than those of single long-period events because the
recorded eruption signals at hand (Reventador 2005) have their power between 0.7 and 2 Hz. Even so they have less power
below 2 Hz than those. What is missing is known: moment tensors only, no single force, and **no surface waves**, which
a source less than a wavelength deep excites best at low frequencies. Further limits: no topography; no wind or
temperature profile for the air wave, no infrasound of the jet; no eruption physics behind the time function.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tremorlab.errors import ParameterError
from tremorlab.twin import seismogram
from tremorlab.twin.network import Station
from tremorlab.twin.path import Medium
from tremorlab.twin.source import Sources
from tremorlab.twin.tremor import random_walk

Kind = Literal["eruption", "long_period", "volcanic_tremor"]

SOUND_M_S = 340.0
#: Median ground velocity under a passing air wave, m/s per Pa.
AIR_COUPLING = 1e-6
#: Share of eruptions whose tremor holds a level before it decays (McNutt and Nishimura 2008: one half).
SUSTAINED_SHARE = 0.5
#: Median excess pressure at 1 km (Pa) of an explosion of a given moment (N m); it grows with the root of the moment.
BLAST_PA, BLAST_MOMENT_N_M = 10.0, 1e11


@dataclass(frozen=True, slots=True)
class Vent:
    """A crater and the conduit below it: position (km, z down) and depth range of the sources under the crater."""

    x_km: float
    y_km: float
    z_km: float
    depth_km: tuple[float, float] = (0.2, 2.0)

    def __post_init__(self):
        if not 0 < self.depth_km[0] <= self.depth_km[1] <= 10:
            raise ParameterError(
                "vent, depth_km", f"{self.depth_km!r} is not a range within 0 to 10 km", "Give (shallow, deep)"
            )


@dataclass(frozen=True, slots=True)
class VolcanicLaw:
    """The distributions of one kind of volcanic signal.

    Parameters
    ----------
    kind
        Class of the events.
    moment_n_m, moment_scatter
        Median moment of a pulse, for an eruption of the explosion, and standard deviation of its logarithm.
    corner_hz, corner_scatter
        Median corner of a pulse, for an eruption of its tremor, and the scatter of its logarithm.
    duration_s, duration_scatter
        Median duration of a sequence and the scatter of its logarithm; 0 for single pulses.
    pulses_per_s
        Median rate of pulses.
    ring_hz, ring_q, ring_q_scatter
        Limits of the fundamental, median Q and the scatter of its logarithm.
    """

    kind: Kind
    moment_n_m: float
    moment_scatter: float
    corner_hz: float
    corner_scatter: float
    duration_s: float
    duration_scatter: float
    pulses_per_s: float
    ring_hz: tuple[float, float]
    ring_q: float
    ring_q_scatter: float

    def __post_init__(self):
        for name, low, high in (
            ("moment_n_m", 1e6, 1e16),
            ("moment_scatter", 0.0, 3.0),
            ("corner_hz", 0.1, 20.0),
            ("corner_scatter", 0.0, 2.0),
            ("duration_s", 0.0, 3600.0),
            ("duration_scatter", 0.0, 2.0),
            ("pulses_per_s", 0.05, 10.0),
            ("ring_q", 1.0, 500.0),
            ("ring_q_scatter", 0.0, 2.0),
        ):
            if not low <= getattr(self, name) <= high:
                raise ParameterError(
                    f"law of {self.kind}, {name}",
                    f"{getattr(self, name)!r} is not between {low:g} and {high:g}",
                    "Give a value seen at volcanoes",
                )
        if not 0.1 <= self.ring_hz[0] <= self.ring_hz[1] <= 10:
            raise ParameterError(
                f"law of {self.kind}, ring_hz",
                f"{self.ring_hz!r} is not a range within 0.1 to 10 Hz",
                "Give (low, high)",
            )


ERUPTION = VolcanicLaw("eruption", 8e11, 1.0, 1.0, 0.6, 200.0, 0.8, 1.2, (0.4, 4.0), 6.0, 0.7)
LONG_PERIOD = VolcanicLaw("long_period", 1.5e11, 1.0, 3.0, 0.6, 0.0, 0.0, 1.0, (0.5, 5.0), 10.0, 0.8)
VOLCANIC_TREMOR = VolcanicLaw("volcanic_tremor", 1e10, 1.0, 1.2, 0.6, 180.0, 0.8, 1.2, (0.4, 4.0), 8.0, 0.8)


@dataclass(frozen=True, slots=True)
class Blast:
    """An air wave: time it leaves the vent (s), excess pressure at 1 km (Pa), length of its positive part (s)."""

    origin_s: float
    pressure_pa: float
    positive_s: float


@dataclass(frozen=True, slots=True, eq=False)
class VolcanicEvent:
    """One volcanic signal: pulses in time order from one place, and an air wave where there is one.

    Attributes
    ----------
    event_class
        "eruption", "long_period" or "volcanic_tremor".
    origin_s, moment_n_m, corner_hz, ring_hz, ring_q
        One number a pulse, shape (K,); 0 Hz where the pulse does not ring.
    falloff
        Power of the fall-off of the moment spectrum.
    position_km
        Where the pulses are, shape (3,).
    tensor
        Moment tensor of unit moment (squares sum to 2), shape (3, 3).
    odd_overtones
        Whether the conduit has unequal ends.
    vent
        Where air waves start.
    blast
        The air wave, or None.
    """

    event_class: Kind
    origin_s: np.ndarray
    moment_n_m: np.ndarray
    corner_hz: np.ndarray
    ring_hz: np.ndarray
    ring_q: np.ndarray
    falloff: float
    position_km: np.ndarray
    tensor: np.ndarray
    odd_overtones: bool
    vent: Vent
    blast: Blast | None = None

    def __len__(self) -> int:
        return len(self.origin_s)

    @property
    def duration_s(self) -> float:
        """From the first pulse to the last."""
        return float(self.origin_s[-1] - self.origin_s[0])

    def sources(self, medium: Medium) -> Sources:
        """The pulses as point sources; the medium changes nothing about them."""
        return Sources(
            origin_s=self.origin_s,
            position_km=np.tile(self.position_km, (len(self), 1)),
            moment_n_m=self.moment_n_m[:, None, None] * self.tensor,
            p_corner_hz=self.corner_hz,
            s_corner_hz=self.corner_hz,
            falloff=np.full(len(self), self.falloff),
            ring_hz=self.ring_hz,
            ring_q=self.ring_q,
            odd_overtones=self.odd_overtones,
        )


def draw_volcanic(rng: np.random.Generator, origin_s: float, vent: Vent, law: VolcanicLaw) -> VolcanicEvent:
    """One volcanic signal at a given time, its kind as the law says."""
    moment = law.moment_n_m * math.exp(law.moment_scatter * rng.standard_normal())
    corner = law.corner_hz * math.exp(law.corner_scatter * rng.standard_normal())
    ring = math.exp(rng.uniform(math.log(law.ring_hz[0]), math.log(law.ring_hz[1])))
    quality = max(law.ring_q * math.exp(law.ring_q_scatter * rng.standard_normal()), 1.5)
    duration = law.duration_s * math.exp(law.duration_scatter * rng.standard_normal())
    times, strength = _sequence(rng, law, duration)
    progress = times / max(times[-1], 1.0)
    glide = 0.35 * rng.standard_normal() * progress + 0.03 * rng.standard_normal(len(times))
    pulses = moment * strength
    corners = corner * np.exp(0.2 * rng.standard_normal(len(times)))
    rings = np.clip(ring * np.exp(glide), 0.1, 10.0)
    blast = None
    if law.kind == "eruption":
        # The jet is weaker than the explosion, and its corner falls as it weakens.
        pulses = pulses * math.exp(math.log(0.3) + 0.8 * rng.standard_normal())
        corners = corners * strength**0.2
        pulses[0] = moment
        corners[0] = math.exp(rng.uniform(math.log(0.2), math.log(1.5)))
        rings[0] = 0.0
        pressure = BLAST_PA * (moment / BLAST_MOMENT_N_M) ** 0.5 * math.exp(0.8 * rng.standard_normal())
        blast = Blast(origin_s, pressure, math.exp(rng.uniform(math.log(0.05), math.log(0.6))))
    hypocentre = np.array([vent.x_km, vent.y_km, vent.z_km + rng.uniform(*vent.depth_km)])
    hypocentre[:2] += 0.15 * rng.standard_normal(2)
    return VolcanicEvent(
        event_class=law.kind,
        origin_s=origin_s + times,
        moment_n_m=pulses,
        corner_hz=corners,
        ring_hz=rings,
        ring_q=np.full(len(times), quality),
        falloff=float(rng.uniform(1.5, 3.5)),
        position_km=hypocentre,
        tensor=_tensor(rng),
        odd_overtones=bool(rng.random() < 0.5),
        vent=vent,
        blast=blast,
    )


def draw_volcanics(
    rng: np.random.Generator, rate_per_day: float, duration_s: float, vent: Vent, law: VolcanicLaw
) -> list[VolcanicEvent]:
    """Signals of one kind as a Poisson process in time order.

    Raises
    ------
    ParameterError
        A rate or duration is negative.
    """
    if not (rate_per_day >= 0 and duration_s >= 0):
        raise ParameterError(
            law.kind, f"{rate_per_day!r} a day over {duration_s!r} s is not positive", "Give a rate and a duration"
        )
    times = np.sort(rng.uniform(0, duration_s, rng.poisson(rate_per_day * duration_s / 86400)))
    return [draw_volcanic(rng, float(time), vent, law) for time in times]


def onset_s(event: VolcanicEvent, medium: Medium, station: Station) -> float:
    """First P arrival at a station, seconds after the start of the twin."""
    return seismogram.onset_s(event.sources(medium), medium, station)


def air_onset_s(event: VolcanicEvent, station: Station) -> float:
    """Arrival of the air wave at a station, seconds after the start of the twin; infinite without one."""
    if event.blast is None:
        return math.inf
    return event.blast.origin_s + _vent_distance_m(event.vent, station) / SOUND_M_S


def render(
    event: VolcanicEvent, medium: Medium, station: Station, rate_hz: float, rng: np.random.Generator
) -> tuple[float, np.ndarray]:
    """Seismogram at a station with the air wave; see `tremorlab.twin.seismogram.ground_velocity`."""
    start_s, velocity = seismogram.ground_velocity(event.sources(medium), medium, station, rate_hz, rng)
    if event.blast is None:
        return start_s, velocity
    air = _air_wave(event, station, start_s, rate_hz)
    longer = max(air.shape[1] - velocity.shape[1], 0)
    velocity = np.pad(velocity, ((0, 0), (0, longer)))
    velocity[:, : air.shape[1]] += air
    return start_s, velocity


def _sequence(rng: np.random.Generator, law: VolcanicLaw, duration_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Times of the pulses from 0 on, and their strength, of the order of 1."""
    rate = law.pulses_per_s * math.exp(0.4 * rng.standard_normal())
    if not law.duration_s:
        count = rng.geometric(0.6)
        times = np.append(0.0, np.cumsum(rng.exponential(2 / rate, count - 1)))
        return times, np.append(1.0, rng.exponential(0.5, count - 1))
    duration_s = min(max(duration_s, 20.0), 900.0)
    regularity = math.exp(rng.uniform(0, math.log(20)))  # shape of the gamma law of intervals: 1 is Poisson
    intervals = rng.gamma(regularity, 1 / (regularity * rate), math.ceil(duration_s * rate))
    times = np.append(0.0, np.cumsum(intervals))
    progress = times / times[-1]
    if law.kind == "eruption":
        rise, decay = rng.uniform(0.02, 0.2), rng.uniform(0.15, 0.6)
        held = rng.uniform(0.2, 0.7) if rng.random() < SUSTAINED_SHARE else 0.0
        swell = (1 - np.exp(-progress / rise)) * np.exp(-np.maximum(progress - held, 0) / (decay * (1 - held)))
        swell /= swell.max()
    else:
        swell = np.sin(np.pi * np.minimum(np.minimum(progress, 1 - progress) / rng.uniform(0.1, 0.8), 0.5)) ** 2
    wander = np.exp(0.5 * random_walk(rng, len(times), 1 / rate, 15.0))
    return times, np.maximum(swell * wander * rng.exponential(size=len(times)) ** 0.5, 1e-3)


def _tensor(rng: np.random.Generator) -> np.ndarray:
    """Unit moment tensor of a steep crack, an upright pipe or a sphere."""
    strike, tilt = rng.uniform(0, 2 * math.pi), 0.35 * rng.standard_normal()
    axis = np.array([math.cos(strike) * math.cos(tilt), math.sin(strike) * math.cos(tilt), math.sin(tilt)])
    shapes = (
        np.eye(3) + 2 * np.outer(axis, axis),
        np.diag([2.0, 2.0, 1.0]),
        np.eye(3),
    )
    tensor = shapes[rng.choice(3, p=[0.5, 0.3, 0.2])]
    return tensor * math.sqrt(2 / np.sum(tensor**2))


def _vent_distance_m(vent: Vent, station: Station) -> float:
    offset = (vent.x_km - station.x_km, vent.y_km - station.y_km, vent.z_km - station.z_km)
    return 1e3 * max(math.hypot(*offset), 0.05)


def _air_wave(event: VolcanicEvent, station: Station, start_s: float, rate_hz: float) -> np.ndarray:
    """Ground velocity under the air wave, float32, shape (3, samples) from the start of the record."""
    blast, distance_m = event.blast, _vent_distance_m(event.vent, station)
    arrival = (air_onset_s(event, station) - start_s) * rate_hz
    first = math.floor(arrival)
    edges = (np.arange(math.ceil(8 * blast.positive_s * rate_hz) + 3) + first - arrival) / rate_hz / blast.positive_s
    edges = np.maximum(edges, 0.0)
    # Mean over each sample: t exp(-t) is the integral of the Friedlander wave, and a point sample would alias.
    pressure = np.diff(edges * np.exp(-edges)) * blast.positive_s * rate_hz * blast.pressure_pa * 1e3 / distance_m
    coupling = AIR_COUPLING * math.exp(0.5 * np.random.default_rng([station.seed, 0xA12]).standard_normal())
    bearing = math.atan2(station.x_km - event.vent.x_km, station.y_km - event.vent.y_km)
    # Overpressure pushes the ground down, and along as the wave passes.
    motion = np.array([-1.0, 0.5 * math.cos(bearing), 0.5 * math.sin(bearing)])
    wave = np.zeros((3, first + len(pressure)), dtype=np.float32)
    wave[:, first:] = coupling * motion[:, None] * pressure
    return wave
