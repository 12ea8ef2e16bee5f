"""Tectonic tremor: bursts of low-frequency earthquakes (LFEs) along a slow-slip front that migrates.

Where and when
    The front moves along strike at about 10 km/day with short reversals that are 20 times as fast (Houston et al.
    2011, Nature Geosci. 4, 404: 20 to 40 times). Bursts are a Poisson process in time; each breaks a few families,
    fixed patches of the plate interface close to the front. Inside a burst LFEs are a Cox process: the rate swells
    from nothing, is modulated by a log-normal random function with a correlation time of seconds, and dies away.
How big
    Moments are exponential (Watanabe et al. 2007, doi:10.1029/2007GL029391: tremor amplitudes have a scale, unlike
    earthquakes) around a mean that is log-normal from burst to burst.
Spectrum
    Corner frequencies of 1.5 to 5 Hz that hardly depend on moment, ``fc ~ M0^-0.05``. That is an assumption on a
    matter of debate: most compilations find durations of LFEs in a small range over two orders of moment, while
    Oikawa and Aso (2024, doi:10.1093/gji/ggae031) find the -1/3 of ordinary earthquakes; both find LFEs slower than
    earthquakes of their size. The moment spectrum falls off between f^-1 and f^-2, one number a burst.
Mechanism
    Thrust on the dipping interface, within some 15 degrees.

Each LFE reaches the station by the path of the earthquakes. Nothing is drawn for the burst as a waveform: the absence
of an impulsive onset is the sum of many small overlapping arrivals.

Limits: no very-low-frequency earthquakes, no tidal modulation, one plane interface.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import signal

from tremorlab.errors import ParameterError
from tremorlab.twin import seismogram
from tremorlab.twin.earthquake import P_OVER_S_CORNER, double_couple
from tremorlab.twin.network import Station
from tremorlab.twin.path import Medium
from tremorlab.twin.source import Sources

#: Corner frequencies of LFEs (Hz).
CORNER_LIMITS_HZ = (1.5, 5.0)

_CELL_S = 0.5


@dataclass(frozen=True, slots=True)
class Interface:
    """Part of a plate interface: a plane through a middle point.

    Parameters
    ----------
    x_km, y_km, z_km
        Middle of the part, z down.
    strike_deg, dip_deg
        Clockwise from north, dipping to the right of it.
    length_km, width_km
        Extent along strike and down dip.
    """

    x_km: float
    y_km: float
    z_km: float
    strike_deg: float
    dip_deg: float
    length_km: float
    width_km: float

    def __post_init__(self):
        if not (self.length_km > 0 and self.width_km > 0 and 0 <= self.dip_deg <= 90):
            raise ParameterError(
                "interface",
                f"length {self.length_km!r} km, width {self.width_km!r} km, dip {self.dip_deg!r} degrees is no plane",
                "Give positive extents and a dip of 0 to 90 degrees",
            )

    def position_km(self, along_km: np.ndarray, down_dip_km: np.ndarray) -> np.ndarray:
        """Points of the plane in x, y, z; shape of the arguments + (3,)."""
        strike, dip = math.radians(self.strike_deg), math.radians(self.dip_deg)
        along = np.array([math.sin(strike), math.cos(strike), 0.0])
        down = np.array([math.cos(strike) * math.cos(dip), -math.sin(strike) * math.cos(dip), math.sin(dip)])
        middle = np.array([self.x_km, self.y_km, self.z_km])
        return middle + np.asarray(along_km)[..., None] * along + np.asarray(down_dip_km)[..., None] * down

    def along_km(self, position_km: np.ndarray) -> np.ndarray:
        """Distance along strike from the middle, shape (...)."""
        strike = math.radians(self.strike_deg)
        return (position_km[..., 0] - self.x_km) * math.sin(strike) + (position_km[..., 1] - self.y_km) * math.cos(
            strike
        )


@dataclass(frozen=True, slots=True)
class TremorLaw:
    """The distributions of tremor.

    Parameters
    ----------
    speed_km_day
        Median speed of the front; single episodes scatter by 30 %.
    reversals_per_day, reversal_factor
        Rate of rapid reversals of 1 to 4 hours, and their speed over that of the front.
    front_width_km
        Standard deviation of families around the front.
    bursts_per_hour
        Rate of bursts while the episode lasts.
    burst_s, burst_scatter
        Median duration, and standard deviation of its natural logarithm; 15 to 600 s.
    lfes_per_s
        Median rate of LFEs at the height of a burst; bursts scatter by a factor of 1.6.
    moment_n_m, moment_scatter
        Median over bursts of the mean LFE moment, and standard deviation of its natural logarithm.
    corner_hz, corner_scatter, corner_exponent
        Median corner frequency of S at the median moment, scatter of its logarithm, and power of the moment.
    """

    speed_km_day: float = 10.0
    reversals_per_day: float = 1.0
    reversal_factor: float = 20.0
    front_width_km: float = 2.0
    bursts_per_hour: float = 6.0
    burst_s: float = 70.0
    burst_scatter: float = 0.7
    lfes_per_s: float = 1.0
    moment_n_m: float = 5e10
    moment_scatter: float = 1.2
    corner_hz: float = 2.7
    corner_scatter: float = 0.3
    corner_exponent: float = -0.05

    def __post_init__(self):
        for name, low, high in (
            ("speed_km_day", 0.1, 1000.0),
            ("reversals_per_day", 0.0, 24.0),
            ("reversal_factor", 1.0, 100.0),
            ("front_width_km", 0.0, 50.0),
            ("bursts_per_hour", 0.0, 60.0),
            ("burst_s", 15.0, 600.0),
            ("burst_scatter", 0.0, 3.0),
            ("lfes_per_s", 0.05, 10.0),
            ("moment_n_m", 1e8, 1e15),
            ("moment_scatter", 0.0, 3.0),
            ("corner_hz", *CORNER_LIMITS_HZ),
            ("corner_scatter", 0.0, 1.0),
            ("corner_exponent", -1.0, 1.0),
        ):
            if not low <= getattr(self, name) <= high:
                raise ParameterError(
                    f"tremor law, {name}",
                    f"{getattr(self, name)!r} is not between {low:g} and {high:g}",
                    "Tremor has not been seen beyond",
                )


@dataclass(frozen=True, slots=True, eq=False)
class Tremor:
    """One burst: its LFEs in time order.

    Attributes
    ----------
    origin_s
        Origin times of the LFEs, shape (K,).
    position_km
        Hypocentres, shape (K, 3).
    moment_n_m
        Scalar moments, shape (K,).
    corner_hz
        Corner frequencies of S, shape (K,).
    falloff
        Power of the fall-off of the moment spectrum.
    strike_deg, dip_deg, rake_deg
        Double couples, shape (K,).
    """

    origin_s: np.ndarray
    position_km: np.ndarray
    moment_n_m: np.ndarray
    corner_hz: np.ndarray
    falloff: float
    strike_deg: np.ndarray
    dip_deg: np.ndarray
    rake_deg: np.ndarray
    event_class: str = "tremor"

    def __len__(self) -> int:
        return len(self.origin_s)

    @property
    def duration_s(self) -> float:
        """From the first LFE to the last."""
        return float(self.origin_s[-1] - self.origin_s[0])

    def sources(self, medium: Medium) -> Sources:
        """The LFEs as point sources; their corners are drawn, so the medium changes nothing."""
        tensors = double_couple(self.strike_deg, self.dip_deg, self.rake_deg)
        return Sources(
            origin_s=self.origin_s,
            position_km=self.position_km,
            moment_n_m=self.moment_n_m[:, None, None] * tensors,
            p_corner_hz=P_OVER_S_CORNER * self.corner_hz,
            s_corner_hz=self.corner_hz,
            falloff=np.full(len(self), self.falloff),
            ring_hz=np.zeros(len(self)),
            ring_q=np.ones(len(self)),
        )


def draw_tremor(
    rng: np.random.Generator, start_s: float, along_km: float, interface: Interface, law: TremorLaw
) -> Tremor:
    """One burst that starts at a given time near a point along strike."""
    duration = float(np.clip(law.burst_s * math.exp(law.burst_scatter * rng.standard_normal()), 15.0, 600.0))
    origin = start_s + _cox_times(rng, duration, law.lfes_per_s * math.exp(0.5 * rng.standard_normal()))
    size = len(origin)
    families = 1 + rng.poisson(4)
    family = rng.integers(families, size=size)
    along = along_km + law.front_width_km * rng.standard_normal(families)
    down_dip = interface.width_km * (rng.random(families) - 0.5)
    jitter = 0.2 * rng.standard_normal((2, size))
    half = interface.length_km / 2
    position = interface.position_km(np.clip(along[family], -half, half) + jitter[0], down_dip[family] + jitter[1])
    mean_moment = law.moment_n_m * math.exp(law.moment_scatter * rng.standard_normal())
    moment = mean_moment * rng.exponential(size=size)
    of_family = 0.7 * law.corner_scatter * rng.standard_normal(families)
    scatter = of_family[family] + 0.7 * law.corner_scatter * rng.standard_normal(size)
    corner = law.corner_hz * np.exp(scatter) * (moment / law.moment_n_m) ** law.corner_exponent
    angles = 15.0 * rng.standard_normal((3, size))
    return Tremor(
        origin_s=origin,
        position_km=position,
        moment_n_m=moment,
        corner_hz=np.clip(corner, *CORNER_LIMITS_HZ),
        falloff=float(rng.uniform(1.0, 2.0)),
        strike_deg=interface.strike_deg + angles[0],
        dip_deg=interface.dip_deg + angles[1],
        rake_deg=90.0 + angles[2],
    )


def draw_episode(
    rng: np.random.Generator, start_s: float, duration_s: float, interface: Interface, law: TremorLaw | None = None
) -> list[Tremor]:
    """The bursts of a migrating episode in time order.

    The front starts anywhere that lets it run its course on the interface, in either direction; where it is too fast
    or the episode too long for that it stops at the end.

    Raises
    ------
    ParameterError
        The duration is not positive.
    """
    law = law or TremorLaw()
    if not duration_s > 0:
        raise ParameterError("tremor episode", f"lasts {duration_s!r} s", "Give a positive duration")
    speed = law.speed_km_day / 86400 * math.exp(0.3 * rng.standard_normal()) * rng.choice([-1.0, 1.0])
    half = interface.length_km / 2
    room = max(interface.length_km - abs(speed) * duration_s, 0.0)
    first = -math.copysign(half, speed) + math.copysign(room * rng.random(), speed)
    times = np.sort(rng.uniform(0, duration_s, rng.poisson(law.bursts_per_hour * duration_s / 3600)))
    starts = rng.uniform(0, duration_s, rng.poisson(law.reversals_per_day * duration_s / 86400))
    lengths = rng.uniform(3600, 4 * 3600, len(starts))
    bursts = []
    for time in times:
        along = first + speed * time
        since = time - starts[(starts <= time) & (time < starts + lengths)]
        if since.size:
            along -= speed * law.reversal_factor * since.min()
        bursts.append(draw_tremor(rng, start_s + time, float(np.clip(along, -half, half)), interface, law))
    return bursts


def onset_s(event: Tremor, medium: Medium, station: Station) -> float:
    """First P arrival of any LFE at a station, seconds after the start of the twin."""
    return seismogram.onset_s(event.sources(medium), medium, station)


def render(
    event: Tremor, medium: Medium, station: Station, rate_hz: float, rng: np.random.Generator
) -> tuple[float, np.ndarray]:
    """Seismogram at a station; see `tremorlab.twin.seismogram.ground_velocity`."""
    return seismogram.ground_velocity(event.sources(medium), medium, station, rate_hz, rng)


def random_walk(rng: np.random.Generator, steps: int, step_s: float, memory_s: float) -> np.ndarray:
    """Gaussian random function of unit variance whose correlation falls as ``exp(-t / memory)``; shape (steps,)."""
    keep = math.exp(-step_s / memory_s)
    shocks = rng.standard_normal(steps) * math.sqrt(1 - keep**2)
    shocks[0] /= math.sqrt(1 - keep**2)
    return signal.lfilter([1.0], [1.0, -keep], shocks)


def _cox_times(rng: np.random.Generator, duration_s: float, rate_hz: float) -> np.ndarray:
    """Times of a burst: Poisson with a rate that swells, wanders and dies; at least three."""
    cells = math.ceil(duration_s / _CELL_S)
    phase = (np.arange(cells) + 0.5) / cells
    swell = np.sin(np.pi * np.minimum(np.minimum(phase, 1 - phase) / 0.6, 0.5)) ** 2
    rate = rate_hz * swell * np.exp(0.8 * random_walk(rng, cells, _CELL_S, 6.0) - 0.32)
    counts = rng.poisson(rate * _CELL_S)
    times = (np.repeat(np.arange(cells), counts) + rng.random(counts.sum())) * _CELL_S
    fewest = duration_s * rng.beta(2, 2, 3)
    return np.sort(times if len(times) >= 3 else np.append(times, fewest))
