"""Ground velocity from point sources: the one way by which every signal of the twin reaches a station.

A direct P and S pulse (spectrum of the source, attenuation, forward-scattering smear) is followed by coda whose
energy follows `tremorlab.twin.scattering`; the sum passes the ground under the station.

Pulses
    Made in the frequency domain. Forward scattering smears a pulse over a time T, a share of the travel time (after
    the duration model of Boore 2003 and the envelopes of Sato 1989): below 1/(2 pi T) it stays as it is, above it
    turns into Gaussian noise under a window ``t exp(-t/T)`` of the same energy, so distant events are emergent.
Coda
    Gaussian noise with random phase, equal energy on the three components, whose power at a time and frequency is the
    radiated energy spectrum times the energy density of scattering times ``exp(-2 pi f t / Q(f))`` (stochastic
    simulation, Boore 2003, Pure Appl. Geophys. 160, 635). Power changes from frame to frame of about five seconds
    with overlapping sine windows; the energy density is applied sample by sample.
Length
    A record ends when its coda falls below 2 nm/s, under the quietest background noise, or after two minutes and a
    half.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import fft

from tremorlab.errors import ParameterError
from tremorlab.twin.network import Station
from tremorlab.twin.path import FREE_SURFACE, Medium, Rays, rays
from tremorlab.twin.scattering import LONGEST_CODA_S, Coda
from tremorlab.twin.source import Sources, polar
from tremorlab.twin.transfer import antialias, attenuation, ground

__all__ = ["LEAD_S", "LONGEST_CODA_S", "Sources", "ground_velocity", "onset_s"]

#: Silence before the first arrival (s).
LEAD_S = 1.0

_ROOM_S = 0.5
_SOURCES_AT_A_TIME = 64


def onset_s(sources: Sources, medium: Medium, station: Station) -> float:
    """First P arrival at a station, seconds after the start of the twin."""
    paths = rays(medium, sources.position_km, (station.x_km, station.y_km, station.z_km))
    return float(np.min(sources.origin_s + paths.p_time_s))


def ground_velocity(
    sources: Sources, medium: Medium, station: Station, rate_hz: float, rng: np.random.Generator
) -> tuple[float, np.ndarray]:
    """Seismogram of an event at a station.

    Parameters
    ----------
    sources
        The point sources of the event.
    medium
        Velocity, attenuation and scattering.
    station
        Where it is recorded; the components are true north and east, whatever the azimuth of the sensor.
    rate_hz
        Sampling rate, 5 to 500 Hz.
    rng
        Source of the random phases; the same state gives the same seismogram.

    Returns
    -------
    start_s : float
        Time of the first sample after the start of the twin, a whole number of samples.
    velocity : numpy.ndarray
        Ground velocity in m/s, float32, shape (3, samples): up, north, east.

    Raises
    ------
    ParameterError
        No source, a rate out of range, or a position above the top of the medium.
    """
    if not 5 <= rate_hz <= 500:
        raise ParameterError("rate_hz", f"{rate_hz!r} is not between 5 and 500", "Simulate at 50 or 100 Hz")
    if not len(sources):
        raise ParameterError("sources", "are none", "Give at least one point source")
    paths = rays(medium, sources.position_km, (station.x_km, station.y_km, station.z_km))
    pulse_samples = _pulse_samples(sources, medium, paths, rate_hz)
    first = math.floor((float(np.min(sources.origin_s + paths.p_time_s)) - LEAD_S) * rate_hz)
    start_s = first / rate_hz
    energy = Coda(sources, medium, station, paths, start_s, rate_hz)
    last_pulse = float(np.max(sources.origin_s + paths.s_time_s)) - start_s
    samples = _fast_length(max(math.ceil(last_pulse * rate_hz) + pulse_samples + 1, energy.frames * energy.hop))
    motion = np.zeros((2, 3, samples), dtype=np.float32)  # P and S apart, as kappa differs
    for begin in range(0, len(sources), _SOURCES_AT_A_TIME):
        chosen = slice(begin, begin + _SOURCES_AT_A_TIME)
        _add_pulses(motion, sources, medium, station, paths, chosen, pulse_samples, start_s, rate_hz, rng)
    motion[1] += energy.velocity(samples, rng)
    transfer = ground(station, medium, samples, rate_hz)
    velocity = fft.irfft(np.sum(fft.rfft(motion) * transfer, axis=0), samples)
    fade = min(samples // 10, round(5 * rate_hz))
    velocity[:, -fade:] *= np.cos(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
    return start_s, velocity


def _pulse_samples(sources: Sources, medium: Medium, paths: Rays, rate_hz: float) -> int:
    """Length of the longest direct pulse as an even FFT length."""
    smear = 10 * medium.broadening * float(np.max(paths.s_time_s))
    source = 1.5 / float(np.min(sources.s_corner_hz)) + sources.ring_down_s()
    absorbed = 2 * float(np.max(paths.s_time_s)) / medium.q_s
    return _fast_length(math.ceil((2.0 + _ROOM_S + smear + source + absorbed) * rate_hz))


def _fast_length(samples: int) -> int:
    """A quick and even FFT length of few possible ones, as transfer functions are kept for each."""
    step = max(2 ** (math.ceil(math.log2(samples)) - 3), 2)
    return math.ceil(samples / step) * step


def _radiation(sources: Sources, paths: Rays) -> np.ndarray:
    """Far-field radiation of the moment tensors along the rays: P, SV and SH in N m, shape (K, 3)."""
    traction = np.einsum("kij,kj->ki", sources.moment_n_m, paths.leaving)
    directions = np.concatenate([paths.leaving[:, None], paths.across], axis=1)
    return np.einsum("kci,ki->kc", directions, traction)


def _add_pulses(motion, sources, medium, station, paths, chosen, pulse_samples, start_s, rate_hz, rng) -> None:
    """Add the direct P and S of some sources to the motion, shape (P and S, Z N E, samples)."""
    part = sources.part(chosen)
    frequency = fft.rfftfreq(pulse_samples, 1 / rate_hz)
    distance_m = paths.distance_km[chosen] * 1e3
    speed_source = medium.vp_km_s(part.position_km[:, 2]) * 1e3
    speed_station = float(medium.vp_km_s(station.z_km)) * 1e3
    radiation = _radiation(sources, paths)[chosen]
    arriving = (paths.arriving[chosen][:, :, ::-1] * [-1.0, 1.0, 1.0]).astype(np.float32)  # x y down to up north east
    source_spectra = [part.spectrum(frequency, "P")] * 2
    if not np.array_equal(part.p_corner_hz, part.s_corner_hz):
        source_spectra[1] = part.spectrum(frequency, "S")
    for index, phase in enumerate("PS"):
        slower = 1.0 if phase == "P" else medium.vp_vs
        mean_free_path = medium.mean_free_path_p_km if phase == "P" else medium.mean_free_path_s_km
        times = (paths.p_time_s if phase == "P" else paths.s_time_s)[chosen]
        scale = FREE_SURFACE * np.exp(-distance_m / (2e3 * mean_free_path))
        scale *= slower**3 / (4 * np.pi * medium.density_kg_m3 * distance_m)
        scale /= speed_station**0.5 * speed_source**2.5
        arrival = (part.origin_s + times - start_s) * rate_hz
        whole = np.floor(arrival).astype(int)
        # A pulse band-limited by the recorder reaches some samples back: it gets room before its arrival.
        room = round(_ROOM_S * rate_hz)
        shift = (arrival - whole + room) / rate_hz
        absorbed = times[:, None].astype(np.float32) * attenuation(medium, pulse_samples, rate_hz)[index]
        delayed = (2 * np.pi * shift[:, None]).astype(np.float32) * frequency.astype(np.float32)
        spectrum = source_spectra[index] * polar(absorbed.real, absorbed.imag - delayed)
        spectrum *= (2j * np.pi * rate_hz * frequency * antialias(pulse_samples, rate_hz)).astype(np.complex64)
        columns = slice(0, 1) if phase == "P" else slice(1, 3)
        smear = _smear(medium.broadening * times, columns.stop - columns.start, pulse_samples, rate_hz, rng)
        amplitude = (radiation[:, columns, None] * scale[:, None, None]).astype(np.float32)
        waves = fft.irfft(spectrum[:, None] * smear, pulse_samples) * amplitude
        pulses = np.einsum("kdc,kdn->kcn", arriving[:, columns], waves)
        for at, pulse in zip(whole, pulses, strict=True):
            motion[index, :, at - room : at - room + pulse_samples] += pulse


def _smear(width_s: np.ndarray, waves: int, samples: int, rate_hz: float, rng: np.random.Generator) -> np.ndarray:
    """Spectra of the pulse shapes that forward scattering makes, expected power 1; (K, waves, frequencies).

    Below ``1 / (2 pi width)`` the wave stays coherent, above it is random; both filters are causal and their powers
    add up to 1.
    """
    length = min(samples, max(1, math.ceil(9 * float(np.max(width_s)) * rate_hz)))
    width = np.maximum(width_s * rate_hz, 1e-3)[:, None]
    time = np.arange(length) + 0.5
    window = np.sqrt(time / width * np.exp(-(time - 0.5) / width))
    window /= np.sqrt(np.sum(window**2, axis=1, keepdims=True))
    noise = rng.standard_normal((len(width), waves, length), dtype=np.float32)
    random = fft.rfft(noise * window[:, None].astype(np.float32), samples)
    ratio = (2 * np.pi * fft.rfftfreq(samples, 1 / rate_hz) * width_s[:, None]).astype(np.float32)
    low = ((1 - 1j * ratio) / (1 + ratio**2))[:, None]  # 1 / (1 + i ratio)
    return random + low * (1 - random)
