"""From a source to a station: media and rays; `tremorlab.twin.transfer` has what they do to a spectrum.

Coordinates are those of `tremorlab.twin.network`: kilometres, x to the east, y to the north, z down from sea level.

Velocity
    P velocity grows linearly with depth, and S velocity is P velocity over a constant ratio, so that a P and an S ray
    follow the same circular arc and travel times have a closed form (Slotnick 1959; Aki and Richards 2002, sec. 9.3).
    Limits: no layers, hence no reflections, head waves or surface waves; one profile a region.
Amplitude
    Ray theory for a point source (Aki and Richards 2002, eq. 4.94 to 4.97): 1/r with the straight distance, impedance
    at both ends of the ray, a free-surface factor of 2 whatever the angle (Boore 2003). Limits: no near field, no
    focusing, no topography.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from tremorlab.errors import ParameterError

FREE_SURFACE = 2.0

#: Fastest P velocity at which a source may lie (km/s): uppermost mantle.
FASTEST_VP_KM_S = 8.5

#: Below this frequency Q is constant (Hz): observations of Q(f) end there.
Q_REFERENCE_HZ = 1.0

_NEAREST_KM = 0.05


@dataclass(frozen=True, slots=True)
class Medium:
    """The crust under a network, in a profile that changes with depth only.

    Parameters
    ----------
    name
        What it stands for.
    top_km
        Elevation at which the profile starts (z, down from sea level): at or above the highest station.
    vp_top_km_s, gradient_per_s
        P velocity at the top and its growth with depth, (km/s)/km.
    vp_vs
        Ratio of P to S velocity.
    density_kg_m3
        Density, the same at all depths.
    q_s, q_p
        Quality factors at 1 Hz.
    q_exponent
        n in ``Q = Q0 f^n``.
    mean_free_path_s_km
        Distance after which 1/e of the S energy has not been scattered (isotropic scattering, so it is the transport
        mean free path).
    mean_free_path_p_km
        The same for P; what is scattered goes on as S.
    broadening
        Width of a pulse smeared by forward scattering, as a share of its travel time (Sato 1989).
    kappa_s
        Median near-surface attenuation time of S waves (s); P waves lose half of it in the exponent.
    site_scatter
        Standard deviation of the natural logarithm of a station's transfer function.

    Raises
    ------
    ParameterError
        A number is not in the range in which the model means anything.
    """

    name: str
    top_km: float
    vp_top_km_s: float
    gradient_per_s: float
    vp_vs: float
    density_kg_m3: float
    q_s: float
    q_p: float
    q_exponent: float
    mean_free_path_s_km: float
    mean_free_path_p_km: float
    broadening: float
    kappa_s: float
    site_scatter: float

    def __post_init__(self):
        limits = {
            "vp_top_km_s": (0.3, 9.0),
            "gradient_per_s": (1e-4, 5.0),
            "vp_vs": (1.42, 5.0),
            "density_kg_m3": (1000.0, 4000.0),
            "q_s": (5.0, 5000.0),
            "q_p": (5.0, 5000.0),
            "q_exponent": (0.0, 1.0),
            "mean_free_path_s_km": (0.05, 1e4),
            "mean_free_path_p_km": (0.05, 1e4),
            "broadening": (0.0, 0.5),
            "kappa_s": (0.0, 0.2),
            "site_scatter": (0.0, 1.5),
        }
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise ParameterError(
                    f"medium {self.name!r}, {name}",
                    f"{getattr(self, name)!r} is not between {low:g} and {high:g}",
                    "Give a value for rock",
                )

    def vp_km_s(self, z_km: ArrayLike) -> np.ndarray:
        """P velocity at a depth.

        Raises
        ------
        ParameterError
            A depth is above the top of the model, or so deep that the velocity is that of no crust.
        """
        z_km = np.asarray(z_km, dtype=float)
        if z_km.size and not z_km.min() >= self.top_km:
            raise ParameterError(
                f"medium {self.name!r}",
                f"z of {z_km.min():g} km is above the top of the model at {self.top_km:g} km",
                "Lift top_km above every source and station",
            )
        speed = self.vp_top_km_s + self.gradient_per_s * (z_km - self.top_km)
        if speed.size and speed.max() > FASTEST_VP_KM_S:
            raise ParameterError(
                f"medium {self.name!r}",
                f"Vp of {speed.max():.1f} km/s at z of {z_km.max():g} km is above {FASTEST_VP_KM_S:g} km/s",
                "Take a medium with a smaller gradient for deep sources: MEDIA has a ..._crust for each volcano",
            )
        return speed

    def vs_km_s(self, z_km: ArrayLike) -> np.ndarray:
        """S velocity at a depth; errors as `vp_km_s`."""
        return self.vp_km_s(z_km) / self.vp_vs

    def quality(self, frequency_hz: ArrayLike, phase: Literal["P", "S"] = "S") -> np.ndarray:
        """Quality factor, shape of the frequencies: constant below 1 Hz, a power law above."""
        growth = np.maximum(np.asarray(frequency_hz, dtype=float), Q_REFERENCE_HZ) ** self.q_exponent
        return (self.q_s if phase == "S" else self.q_p) * growth


#: Fore-arc under an ocean-bottom network: Vp from 3.2 km/s at sea level to 6.5 km/s at 30 km; Q and mean free path of
#: the order found under Japan (Carcole and Sato 2010; 100 km in crust, Wegler and Luehr 2001).
#: Volcanoes: slow, steep, absorbing and strongly scattering; mean free paths are some hundred metres at Merapi and
#: Vesuvius at 2-20 Hz (Wegler and Luehr 2001), and here longer, as the rays leave the cone. Tectonic earthquakes
#: tens of km from a volcano travel in the crust around it (_crust) and pass the same ground under its stations.
#: Kappa and the scatter of the ground are assumed: recorded spectra of one class differ from site to site by more than
#: sources and paths do, and a factor of 2 to 2.5 (one standard deviation) is still on the low side of that.
MEDIA = {
    "nankai": Medium("nankai", 0.0, 3.2, 0.11, 1.80, 2600.0, 80.0, 140.0, 0.7, 70.0, 100.0, 0.03, 0.035, 0.7),
    "sakurajima": Medium("sakurajima", -1.3, 2.0, 0.55, 1.80, 2300.0, 60.0, 80.0, 0.5, 3.0, 4.0, 0.05, 0.045, 0.9),
    "colombia": Medium("colombia", -5.4, 2.2, 0.40, 1.78, 2350.0, 60.0, 80.0, 0.5, 4.0, 5.0, 0.05, 0.045, 0.9),
}
MEDIA |= {
    f"{name}_crust": Medium(
        f"{name}_crust",
        MEDIA[name].top_km,
        *(4.4, 0.08, 1.73, 2700.0, 90.0, 150.0, 0.7, 50.0, 70.0, 0.03),
        MEDIA[name].kappa_s,
        MEDIA[name].site_scatter,
    )
    for name in ("sakurajima", "colombia")
}


@dataclass(frozen=True, slots=True)
class Rays:
    """Direct rays from K sources to one station.

    Attributes
    ----------
    distance_km
        Straight distances, shape (K,).
    p_time_s, s_time_s
        Travel times, shape (K,).
    leaving
        Unit vectors of propagation at the source (x, y, z down), shape (K, 3).
    arriving
        Unit vectors of the motion at the station: along the ray, in the vertical plane across it (SV), and
        horizontal (SH); shape (K, 3, 3).
    across
        SV and SH unit vectors at the source, shape (K, 2, 3).
    """

    distance_km: np.ndarray
    p_time_s: np.ndarray
    s_time_s: np.ndarray
    leaving: np.ndarray
    across: np.ndarray
    arriving: np.ndarray


def travel_time_s(medium: Medium, source_km: ArrayLike, station_km: ArrayLike, phase: Literal["P", "S"]) -> np.ndarray:
    """Travel time along the circular ray, ``(2/g) arcsinh(g d / (2 sqrt(v1 v2)))`` with straight distance d.

    Parameters
    ----------
    medium
        Velocity model.
    source_km, station_km
        Positions (x, y, z), shape (..., 3); they broadcast.
    phase
        "P" or "S".

    Returns
    -------
    numpy.ndarray
        Seconds, shape (...).

    Raises
    ------
    ParameterError
        A position is above the top of the model.
    """
    source_km, station_km = np.asarray(source_km, dtype=float), np.asarray(station_km, dtype=float)
    distance = np.linalg.norm(source_km - station_km, axis=-1)
    ends = np.sqrt(medium.vp_km_s(source_km[..., 2]) * medium.vp_km_s(station_km[..., 2]))
    p_time = 2 / medium.gradient_per_s * np.arcsinh(medium.gradient_per_s * distance / (2 * ends))
    return p_time * (medium.vp_vs if phase == "S" else 1.0)


def rays(medium: Medium, source_km: np.ndarray, station_km: ArrayLike) -> Rays:
    """Trace the rays from sources, shape (K, 3), to one station.

    A source nearer than 50 m is taken to be at 50 m, as a point source has no meaning below that.

    Raises
    ------
    ParameterError
        A position is above the top of the model.
    """
    station_km = np.asarray(station_km, dtype=float)
    offset = station_km - source_km
    horizontal = np.hypot(offset[:, 0], offset[:, 1])
    bearing = np.where(
        horizontal[:, None] > 1e-6, offset[:, :2] / np.maximum(horizontal, 1e-6)[:, None], np.array([1.0, 0.0])
    )
    span = np.maximum(horizontal, 1e-6)
    # The ray is an arc of a circle whose centre lies where the velocity would be zero.
    above_source = medium.vp_km_s(source_km[:, 2]) / medium.gradient_per_s
    above_station = medium.vp_km_s(station_km[2]) / medium.gradient_per_s
    centre = (span**2 + above_station**2 - above_source**2) / (2 * span)
    radius = np.hypot(centre, above_source)
    cos_leaving, down_leaving = above_source / radius, centre / radius
    cos_arriving, down_arriving = above_station / radius, -(span - centre) / radius
    p_time = travel_time_s(medium, source_km, station_km, "P")
    leaving = np.column_stack([bearing * cos_leaving[:, None], down_leaving])
    arriving = np.column_stack([bearing * cos_arriving[:, None], down_arriving])
    flat = np.column_stack([-bearing[:, 1], bearing[:, 0], np.zeros(len(span))])
    sv_leaving = np.column_stack([-bearing * down_leaving[:, None], cos_leaving])
    sv_arriving = np.column_stack([-bearing * down_arriving[:, None], cos_arriving])
    return Rays(
        np.maximum(np.linalg.norm(offset, axis=1), _NEAREST_KM),
        p_time,
        p_time * medium.vp_vs,
        leaving,
        np.stack([sv_leaving, flat], axis=1),
        np.stack([arriving, sv_arriving, flat], axis=1),
    )
