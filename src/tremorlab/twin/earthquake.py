"""Ordinary earthquakes, tectonic and volcano-tectonic: Brune sources drawn from a Gutenberg-Richter law.

Source
    Omega-square model (Brune 1970, J. Geophys. Res. 75, 4997): moment spectrum ``M0 / (1 + i f/fc)^2``, whose pulse
    ``t exp(-2 pi fc t)`` starts at once. ``fc = k vs / a`` with k = 0.372 (Brune 1970) and the radius a of a circular
    crack, ``a^3 = 7 M0 / (16 stress drop)`` (Eshelby 1957). The P corner is 1.5 times the S corner (Madariaga 1976).
Size
    ``log10 N = a - b M`` between two magnitudes; ``log10 M0 = 1.5 Mw + 9.1`` (Hanks and Kanamori 1979, in N m).
    Stress drop is log-normal and does not depend on size.
Mechanism
    Double couple of random orientation.

Limits: point sources, no rupture directivity or finite duration beyond 1/fc, so magnitudes above 6 are refused; no
foreshocks, aftershocks or swarms of their own (the scenario gives the origin times).

Volcano-tectonic earthquakes are the same sources: shallower, with lower stress drop, in the medium of the volcano.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from tremorlab.errors import ParameterError
from tremorlab.twin import seismogram
from tremorlab.twin.network import Station
from tremorlab.twin.path import Medium
from tremorlab.twin.source import Sources

#: Brune's k: corner frequency of S times radius over S velocity.
BRUNE_K = 2.34 / (2 * math.pi)
#: Corner frequency of P over that of S.
P_OVER_S_CORNER = 1.5


@dataclass(frozen=True, slots=True)
class Region:
    """Box of hypocentres: limits in km, z down from sea level."""

    x_km: tuple[float, float]
    y_km: tuple[float, float]
    z_km: tuple[float, float]

    def __post_init__(self):
        for name in ("x_km", "y_km", "z_km"):
            low, high = getattr(self, name)
            if not low <= high:
                raise ParameterError(f"region, {name}", f"{low!r} is not below {high!r}", "Give (low, high)")

    def draw(self, rng: np.random.Generator) -> tuple[float, float, float]:
        """A uniform position in the box."""
        return tuple(float(rng.uniform(*limits)) for limits in (self.x_km, self.y_km, self.z_km))


@dataclass(frozen=True, slots=True)
class EarthquakeLaw:
    """The distributions that earthquakes of one class are drawn from.

    Parameters
    ----------
    event_class
        "earthquake" or "vt".
    b_value, smallest, largest
        Gutenberg-Richter law and its limits (moment magnitude).
    stress_drop_pa, stress_drop_scatter
        Median, and standard deviation of the natural logarithm.
    """

    event_class: Literal["earthquake", "vt"] = "earthquake"
    b_value: float = 0.9
    smallest: float = 0.8
    largest: float = 5.0
    stress_drop_pa: float = 3e6
    stress_drop_scatter: float = 1.2

    def __post_init__(self):
        for name, low, high in (
            ("b_value", 0.3, 3.0),
            ("smallest", -2.0, 6.0),
            ("largest", self.smallest, 6.0),
            ("stress_drop_pa", 1e3, 1e9),
            ("stress_drop_scatter", 0.0, 3.0),
        ):
            if not low <= getattr(self, name) <= high:
                raise ParameterError(
                    f"earthquake law, {name}",
                    f"{getattr(self, name)!r} is not between {low:g} and {high:g}",
                    "Point sources of this kind have no other",
                )


#: 3 MPa as in the crust.
TECTONIC = EarthquakeLaw()
#: b above 1, and stress drops below those of the crust, 0.2 MPa (0.01 to 4 MPa in nine of ten events): assumed for
#: fractured rock. Recorded swarms differ more than these: spectral centroids of 3.6 Hz (Redoubt) and 7 Hz (St. Helens).
VOLCANO_TECTONIC = EarthquakeLaw("vt", 1.2, 0.0, 3.5, 2e5, 1.8)


@dataclass(frozen=True, slots=True)
class Earthquake:
    """One earthquake: origin in seconds after the twin's start, hypocentre (km), size and double couple (degrees)."""

    origin_s: float
    x_km: float
    y_km: float
    z_km: float
    magnitude: float
    stress_drop_pa: float
    strike_deg: float
    dip_deg: float
    rake_deg: float
    event_class: Literal["earthquake", "vt"] = "earthquake"

    def sources(self, medium: Medium) -> Sources:
        """The point source, its corner frequency from the S velocity at its depth."""
        moment = float(moment_n_m(self.magnitude))
        corner = corner_hz(moment, self.stress_drop_pa, float(medium.vs_km_s(self.z_km)))
        tensor = double_couple(self.strike_deg, self.dip_deg, self.rake_deg)
        one = np.ones(1)
        return Sources(
            origin_s=self.origin_s * one,
            position_km=np.array([[self.x_km, self.y_km, self.z_km]]),
            moment_n_m=moment * tensor[np.newaxis],
            p_corner_hz=P_OVER_S_CORNER * corner * one,
            s_corner_hz=corner * one,
            falloff=2 * one,
            ring_hz=0 * one,
            ring_q=one,
        )


def moment_n_m(magnitude: ArrayLike) -> np.ndarray:
    """Seismic moment in N m of a moment magnitude."""
    return 10 ** (1.5 * np.asarray(magnitude, dtype=float) + 9.1)


def moment_magnitude(moment: ArrayLike) -> np.ndarray:
    """Moment magnitude of a seismic moment in N m."""
    return (np.log10(moment) - 9.1) / 1.5


def corner_hz(moment: ArrayLike, stress_drop_pa: ArrayLike, vs_km_s: ArrayLike) -> np.ndarray:
    """Corner frequency of S (Hz) of a circular crack.

    >>> round(float(corner_hz(moment_n_m(3.0), 3e6, 3.5)), 2)
    6.87
    """
    radius_m = (7 * np.asarray(moment) / (16 * np.asarray(stress_drop_pa))) ** (1 / 3)
    return BRUNE_K * np.asarray(vs_km_s) * 1e3 / radius_m


def double_couple(strike_deg: ArrayLike, dip_deg: ArrayLike, rake_deg: ArrayLike) -> np.ndarray:
    """Unit moment tensors of shear on planes, in x east, y north, z down; shape of the angles + (3, 3).

    The scalar moment is 1: the squares of the nine components sum to 2 (Aki and Richards 2002, eq. 4.91).
    """
    strike, dip, rake = (np.deg2rad(angle) for angle in (strike_deg, dip_deg, rake_deg))
    normal = np.stack([np.sin(dip) * np.cos(strike), -np.sin(dip) * np.sin(strike), -np.cos(dip) + 0 * strike], axis=-1)
    slip = np.stack(
        [
            np.cos(rake) * np.sin(strike) - np.cos(dip) * np.sin(rake) * np.cos(strike),
            np.cos(rake) * np.cos(strike) + np.cos(dip) * np.sin(rake) * np.sin(strike),
            -np.sin(rake) * np.sin(dip) + 0 * strike,
        ],
        axis=-1,
    )
    product = normal[..., :, None] * slip[..., None, :]
    return product + np.swapaxes(product, -1, -2)


def draw_magnitudes(rng: np.random.Generator, law: EarthquakeLaw, size: int) -> np.ndarray:
    """Moment magnitudes of the truncated Gutenberg-Richter law, by inversion; shape (size,)."""
    kept = -np.expm1(-law.b_value * math.log(10) * (law.largest - law.smallest))
    return law.smallest - np.log1p(-kept * rng.random(size)) / (law.b_value * math.log(10))


def draw_earthquake(rng: np.random.Generator, origin_s: float, region: Region, law: EarthquakeLaw) -> Earthquake:
    """One earthquake at a given time: uniform hypocentre in the box, orientation uniform over all double couples."""
    magnitude = float(draw_magnitudes(rng, law, 1)[0])
    stress_drop = law.stress_drop_pa * math.exp(law.stress_drop_scatter * rng.standard_normal())
    return Earthquake(
        origin_s,
        *region.draw(rng),
        magnitude,
        stress_drop,
        strike_deg=float(rng.uniform(0, 360)),
        dip_deg=math.degrees(math.acos(rng.random())),
        rake_deg=float(rng.uniform(-180, 180)),
        event_class=law.event_class,
    )


def draw_earthquakes(
    rng: np.random.Generator, rate_per_day: float, duration_s: float, region: Region, law: EarthquakeLaw = TECTONIC
) -> list[Earthquake]:
    """Earthquakes of a Poisson process in time order.

    Raises
    ------
    ParameterError
        A rate or duration is negative.
    """
    if not (rate_per_day >= 0 and duration_s >= 0):
        raise ParameterError(
            "earthquakes", f"{rate_per_day!r} a day over {duration_s!r} s is not positive", "Give a rate and a duration"
        )
    times = np.sort(rng.uniform(0, duration_s, rng.poisson(rate_per_day * duration_s / 86400)))
    return [draw_earthquake(rng, float(time), region, law) for time in times]


def onset_s(event: Earthquake, medium: Medium, station: Station) -> float:
    """First P arrival at a station, seconds after the start of the twin."""
    return seismogram.onset_s(event.sources(medium), medium, station)


def render(
    event: Earthquake, medium: Medium, station: Station, rate_hz: float, rng: np.random.Generator
) -> tuple[float, np.ndarray]:
    """Seismogram at a station; see `tremorlab.twin.seismogram.ground_velocity`."""
    return seismogram.ground_velocity(event.sources(medium), medium, station, rate_hz, rng)
