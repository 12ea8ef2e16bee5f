"""What absorption, the ground under a station and its recorder do to a spectrum.

Attenuation
    ``exp(-pi f T / Q(f))`` with ``Q = Q0 max(f, 1 Hz)^n`` along the path, and ``exp(-pi f kappa)`` under the station
    (Anderson and Hough 1984). Both carry the phase that makes them causal (minimum phase), so a pulse grows an
    emergent front but never starts before its ray.
Ground
    A smooth random transfer function of log frequency for each component, drawn from the station's own seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft

from tremorlab.twin.network import Station
from tremorlab.twin.path import Medium

_SITE_TERMS = 8
_SITE_BAND_HZ = (0.1, 50.0)


@dataclass(frozen=True, slots=True)
class Site:
    """What the ground under one station does to every wave, the same for all events.

    Parameters
    ----------
    kappa_s
        Near-surface attenuation time of S waves (s).
    terms
        Cosine coefficients of the natural logarithm of the transfer function in log frequency, one tuple for each of
        Z, N and E.
    """

    kappa_s: float
    terms: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, station: Station, medium: Medium) -> Site:
        """Draw the ground of a station from its seed; the same station gets the same ground again."""
        rng = np.random.default_rng([station.seed, 0x517E])
        # Two thirds of the variance are common to the components: a soft layer amplifies all of them.
        shared, own = rng.standard_normal(_SITE_TERMS), rng.standard_normal((3, _SITE_TERMS))
        weights = 1.0 / np.arange(1, _SITE_TERMS + 1)
        weights *= medium.site_scatter / math.sqrt(weights[0] ** 2 + 0.5 * np.sum(weights[1:] ** 2))
        terms = (math.sqrt(2 / 3) * shared + math.sqrt(1 / 3) * own) * weights
        kappa = medium.kappa_s * math.exp(0.5 * rng.standard_normal())
        return cls(min(kappa, 0.15), tuple(tuple(float(term) for term in row) for row in terms))

    def log_amplitude(self, frequency_hz: ArrayLike) -> np.ndarray:
        """Natural logarithm of the transfer function, without kappa, shape (3, frequencies) for Z, N, E.

        Constant below 0.1 Hz and above 50 Hz.
        """
        low, high = np.log(_SITE_BAND_HZ)
        logs = np.log(np.clip(np.asarray(frequency_hz, dtype=float), *_SITE_BAND_HZ))
        basis = np.cos(np.pi * np.arange(_SITE_TERMS)[:, None] * ((logs - low) / (high - low)))
        return np.array(self.terms) @ basis


def minimum_phase(log_amplitude: np.ndarray) -> np.ndarray:
    """Complex logarithm of the causal filter that has a given log amplitude.

    Parameters
    ----------
    log_amplitude
        Natural logarithms at the ``n/2 + 1`` frequencies of an FFT of even length n, shape (..., n/2 + 1).

    Returns
    -------
    numpy.ndarray
        Log amplitude plus i times the minimum phase, by folding the cepstrum (Oppenheim and Schafer 2010, ch. 13).
        It is linear in its argument.
    """
    cepstrum = fft.irfft(log_amplitude)
    half = cepstrum.shape[-1] // 2
    cepstrum[..., 1:half] *= 2
    cepstrum[..., half + 1 :] = 0
    return fft.rfft(cepstrum)


@lru_cache(maxsize=64)
def antialias(samples: int, rate_hz: float) -> np.ndarray:
    """Amplitude response of the recorder, shape (samples/2 + 1): 1 up to 0.8 of the Nyquist frequency, 0 at it."""
    share = fft.rfftfreq(samples, 1 / rate_hz) / (rate_hz / 2)
    return np.cos(np.pi / 2 * np.clip((share - 0.8) / 0.2, 0, 1)) ** 2


@lru_cache(maxsize=64)
def attenuation(medium: Medium, samples: int, rate_hz: float) -> np.ndarray:
    """Complex exponents per second of travel time, P then S, complex64, shape (2, samples/2 + 1).

    ``exp(T exponent)`` is the attenuation along a path of travel time T.
    """
    frequency = fft.rfftfreq(samples, 1 / rate_hz)
    absorbed = np.stack([-np.pi * frequency / medium.quality(frequency, phase) for phase in "PS"])
    return minimum_phase(absorbed).astype(np.complex64)


@lru_cache(maxsize=16)  # of the lengths of one station's events; 0.1 to 3 MB each
def ground(station: Station, medium: Medium, samples: int, rate_hz: float) -> np.ndarray:
    """Complex transfer function under a station, P then S, Z N E; complex64, shape (2, 3, samples/2 + 1)."""
    site = Site.of(station, medium)
    frequency = fft.rfftfreq(samples, 1 / rate_hz)
    absorbed = np.pi * frequency * site.kappa_s * np.array([0.5, 1.0])[:, None, None]
    return np.exp(minimum_phase(site.log_amplitude(frequency) - absorbed)).astype(np.complex64)
