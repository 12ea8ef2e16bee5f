"""Scattering coda: how the energy of an impulsive source is spread over space and time.

Two energy densities per unit energy released, in a uniform full space, without absorption:

S to S
    Multiple isotropic scattering in the approximation of Paasschens (1997, Phys. Rev. E 56, 1135, eq. 36), within a few
    per cent of the exact solution of radiative transfer. The direct wave keeps ``exp(-v t / l)`` of the energy, the
    coda has the rest: the integral over space is 1 at any time.
P to S
    Single isotropic conversion (Sato 1977, J. Phys. Earth 25, 163; the integral over the surface of constant travel
    time is worked out below), scaled at each time so that its integral over space is the energy that has left the P
    wave, ``1 - exp(-v_P t / l_P)``, as in the energy-flux model of Frankel and Wennerberg (1987). It starts at the P
    onset, peaks at the S onset and joins the S coda.

Limits: S to P conversion is neglected (equipartition has a share of ``1/(1 + 2 (vp/vs)^3)`` in P, less than a tenth),
scattering does not depend on frequency, and the leakage of energy into a deep, weakly scattering crust is left to the
quality factor.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft, signal

from tremorlab.twin.network import Station
from tremorlab.twin.path import FREE_SURFACE, Medium, Rays
from tremorlab.twin.source import Sources
from tremorlab.twin.transfer import antialias

#: Root-mean-square velocity below which coda is not worth writing (m/s): under the quietest background noise.
FLOOR_M_S = 2e-9
#: Longest coda after the last S arrival (s).
LONGEST_CODA_S = 150.0

_FRAME_S = 5.12
_DECAY_BANDS = 12
# Times at which a time function of the coda is worked out: in samples after an arrival, and as a share of S minus P.
_KNOTS = np.geomspace(0.25, 2e5, 300)
_KNOTS_AT_PEAK = 1 + 0.9 * np.linspace(-1.0, 1.0, 81) ** 3


def s_coda_density(
    distance_km: ArrayLike, time_s: ArrayLike, speed_km_s: ArrayLike, mean_free_path_km: float
) -> np.ndarray:
    """Energy density of the S coda per unit S energy, 1/km^3, without the direct wave.

    Parameters
    ----------
    distance_km, time_s, speed_km_s
        Distance, time since the origin, and velocity; they broadcast.
    mean_free_path_km
        Distance over which 1/e of the energy stays unscattered.

    Returns
    -------
    numpy.ndarray
        0 up to the arrival of the direct wave, then an integrable peak, then diffusion as ``t^-1.5``.
    """
    path = np.asarray(time_s, dtype=float) * speed_km_s
    distance = np.asarray(distance_km, dtype=float)
    arrived = path > distance
    path = np.where(arrived, path, 2 * distance + 1.0)
    beyond = 1 - (distance / path) ** 2
    order = path / mean_free_path_km
    argument = order * beyond**0.75
    diffusion = (4 * np.pi / 3 * mean_free_path_km * path) ** -1.5
    density = beyond**0.125 * diffusion * np.exp(argument - order) * np.sqrt(1 + 2.026 / argument)
    return np.where(arrived, density, 0.0)


def p_to_s_coda_density(
    distance_km: ArrayLike, time_s: ArrayLike, p_speed_km_s: ArrayLike, vp_vs: float, mean_free_path_km: float
) -> np.ndarray:
    """Energy density of P energy that was converted to S, per unit P energy, 1/km^3.

    Parameters
    ----------
    distance_km, time_s, p_speed_km_s
        Distance, time since the origin, and P velocity; they broadcast.
    vp_vs
        Ratio of the velocities.
    mean_free_path_km
        Mean free path of P.

    Returns
    -------
    numpy.ndarray
        0 before the P arrival.

    Notes
    -----
    In prolate coordinates (xi, eta) around source and station a conversion at time t lies on
    ``xi = a + b eta`` with ``a = 2 t / (r (1/vp + 1/vs))`` and ``b = (vp/vs - 1) / (vp/vs + 1)``. The integral of
    ``1/(xi^2 - eta^2)`` along it has the logarithm below as its antiderivative.
    """
    distance = np.asarray(distance_km, dtype=float)
    time = np.asarray(time_s, dtype=float)
    p_speed = np.asarray(p_speed_km_s, dtype=float)
    slowness_sum = (1 + vp_vs) / p_speed
    slant = (vp_vs - 1) / (vp_vs + 1)
    arrived = time * p_speed > distance
    a = np.where(arrived, 2 * time / (distance * slowness_sum), 2.0)
    # The conversion point leaves the segment between source and station when the S wave has arrived.
    # The distance from -1 bounds the integrable logarithmic peak at the S arrival.
    lower = np.clip((1 - a) / slant, -1.0 + 1e-6, 1.0)

    def antiderivative(eta: ArrayLike) -> np.ndarray:
        return np.log((a + (1 + slant) * eta) / (a - (1 - slant) * eta))

    integral = (antiderivative(1.0) - antiderivative(lower)) / (2 * a)
    single = integral / (2 * np.pi * distance**2 * slowness_sum)
    order = np.where(arrived, time * p_speed / mean_free_path_km, 1.0)
    # ``single`` integrates over space to the product of both velocities and time.
    per_energy = single * vp_vs / (p_speed**2 * np.maximum(time, 1e-12))
    return np.where(arrived, per_energy * -np.expm1(-order), 0.0)


@lru_cache
def _decay_bands(frequencies: int) -> list[slice]:
    """Bands of frequencies in which the absorption of many sources is taken to be the same."""
    edges = np.unique(np.geomspace(1, frequencies, _DECAY_BANDS + 1).astype(int))
    edges[0] = 0
    return [slice(low, high) for low, high in pairwise(edges.tolist())]


class Coda:
    """Coda of an event at a station: first its energy on a grid of frames, then noise of that energy.

    Parameters
    ----------
    sources, medium, station, paths
        What it is made of; `paths` are the rays from the sources to the station.
    start_s
        Time of the first sample.
    rate_hz
        Sampling rate.

    Attributes
    ----------
    frames, hop
        Number of frames until the coda has died away, and samples from one to the next.
    """

    def __init__(self, sources: Sources, medium: Medium, station: Station, paths: Rays, start_s: float, rate_hz: float):
        self.sources, self.medium, self.paths = sources, medium, paths
        self.start_s, self.rate_hz = start_s, rate_hz
        self.frame = 2 ** round(math.log2(_FRAME_S * rate_hz))
        self.hop = self.frame // 2
        self.frequency = fft.rfftfreq(self.frame, 1 / rate_hz)
        self.energy = self._radiated()
        self.total = self.energy.sum(axis=2) * rate_hz / self.frame
        speed = medium.vs_km_s(sources.position_km[:, 2]).mean() / float(medium.vs_km_s(station.z_km))
        #: Energy density (J/m^3) to mean square velocity of one component at the surface.
        self.to_velocity = FREE_SURFACE**2 * float(speed) / (3 * medium.density_kg_m3)
        last = float(np.max(sources.origin_s + paths.s_time_s)) + LONGEST_CODA_S
        self.frames = math.ceil((last - start_s) * rate_hz / self.hop) + 1
        self.spectrum = self._frames()
        audible = np.flatnonzero(self.power > FLOOR_M_S**2)
        self.frames = min(int(audible[-1]) + 2, self.frames) if audible.size else 1

    def _radiated(self) -> np.ndarray:
        """One-sided spectra of radiated energy (J/Hz), P and S; shape (2, K, frequencies)."""
        medium, tensor = self.medium, self.sources.moment_n_m
        trace, square = np.einsum("kii->k", tensor), np.einsum("kij,kij->k", tensor, tensor)
        p_square = (2 * square + trace**2) / 15  # mean over the focal sphere
        speed = medium.vp_km_s(self.sources.position_km[:, 2]) * 1e3
        energies = []
        for phase, mean, slower in (("P", p_square, 1.0), ("S", square / 3 - p_square, medium.vp_vs)):
            rate = 2 * np.pi * self.frequency * np.abs(self.sources.spectrum(self.frequency, phase))
            energies.append(
                2 * mean[:, None] * rate**2 / (4 * np.pi * medium.density_kg_m3 * (speed[:, None] / slower) ** 5)
            )
        return np.stack(energies)

    def _density(self, since_s: np.ndarray, which: slice | np.ndarray) -> np.ndarray:
        """Energy densities per unit of P and of S energy, 1/m^3; shape (2,) + the shape of the times."""
        distance = self.paths.distance_km[which]
        s_time = self.paths.s_time_s[which]
        speed = distance / s_time
        p_coda = p_to_s_coda_density(
            distance, since_s, speed * self.medium.vp_vs, self.medium.vp_vs, self.medium.mean_free_path_p_km
        )
        return 1e-9 * np.stack([p_coda, s_coda_density(distance, since_s, speed, self.medium.mean_free_path_s_km)])

    def _frames(self) -> np.ndarray:
        """Mean spectrum of the coda in each frame per unit of energy at the time; (frames, frequencies)."""
        middle = self.start_s + np.arange(self.frames) * self.hop / self.rate_hz
        since = middle[:, None] - self.sources.origin_s
        density = self._density(since, slice(None))  # (2, frames, K)
        silent = np.flatnonzero(np.einsum("pjk,pk->j", density, self.total) <= 0)
        # Frames centred before the first arrival take the spectrum of that arrival.
        earliest = np.argmin(self.sources.origin_s + self.paths.p_time_s)
        density[:, silent] = 0
        density[:, silent, earliest] = np.array([[1.0], [0.0]])
        since[silent, earliest] = self.paths.p_time_s[earliest]
        weight = np.einsum("pjk,pk->j", density, self.total)
        absorption = np.pi * self.frequency / self.medium.quality(self.frequency)
        if len(self.sources) == 1:
            spectrum = (density[:, :, 0].T @ self.energy[:, 0]) * np.exp(-2 * absorption * since)
        else:
            spectrum = np.empty((self.frames, len(self.frequency)))
            since = np.maximum(since, 0)
            for band in _decay_bands(len(self.frequency)):
                decayed = density * np.exp(-2 * absorption[band].mean() * since)
                spectrum[:, band] = np.matmul(decayed, self.energy[:, :, band]).sum(axis=0)
        spectrum *= self.to_velocity
        power = spectrum.sum(axis=1) * self.rate_hz / self.frame
        power[silent] = 0
        self.power = power
        return spectrum / weight[:, None]

    def _envelope(self, samples: int) -> np.ndarray:
        """Energy density sample by sample without absorption (J/m^3), shape (samples,).

        Sources of one event are near each other: all of them take the time function of the one at median distance.
        """
        middle = np.argsort(self.paths.distance_km)[len(self.sources) // 2]
        length = min(samples, self.frames * self.hop)
        later = (np.arange(length) + 0.5) / self.rate_hz
        energy = np.zeros(samples)
        for index, times in enumerate((self.paths.p_time_s, self.paths.s_time_s)):
            first = float(times[middle])
            knots = _KNOTS / self.rate_hz
            if index == 0:  # the peak at the S arrival lies inside the P coda
                gap = float(self.paths.s_time_s[middle]) - first
                knots = np.sort(np.concatenate([knots, gap * _KNOTS_AT_PEAK]))
            kernel = np.interp(later, knots, self._density(first + knots, middle)[index])
            arrival = np.floor((self.sources.origin_s + times - self.start_s) * self.rate_hz).astype(int)
            if len(arrival) == 1:
                heard = length - arrival[0]
                energy[arrival[0] : length] += self.total[index, 0] * kernel[: max(heard, 0)]
            else:
                train = np.bincount(arrival, self.total[index], minlength=length)[:length]
                energy[:length] += np.maximum(signal.fftconvolve(train, kernel)[:length], 0)
        return energy

    def velocity(self, samples: int, rng: np.random.Generator) -> np.ndarray:
        """Coda in m/s before the ground of the station, float32, shape (3, samples)."""
        noise = rng.standard_normal((3, self.frames, len(self.frequency), 2), dtype=np.float32).view(np.complex64)
        # Half of the variance is in each of the real and the imaginary part.
        amplitude = np.sqrt(self.spectrum[: self.frames] * (self.rate_hz * self.frame / 4)).astype(np.float32)
        amplitude *= antialias(self.frame, self.rate_hz).astype(np.float32)
        pieces = fft.irfft(noise[..., 0] * amplitude, self.frame)
        pieces *= np.sin(np.pi * (np.arange(self.frame, dtype=np.float32) + 0.5) / self.frame)
        series = np.zeros((3, self.frames + 1, self.hop), dtype=np.float32)
        series[:, :-1] += pieces[..., : self.hop]
        series[:, 1:] += pieces[..., self.hop :]
        # Frame j is centred on sample j * hop, so the first half of frame 0 lies before the record.
        series = series[:, 1:].reshape(3, -1)[:, :samples]
        series *= np.sqrt(self._envelope(samples))[: series.shape[1]].astype(np.float32)
        return np.pad(series, ((0, 0), (0, samples - series.shape[1])))
