"""Point sources: what every event of the twin is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """K point sources that make up one event.

    The moment spectrum of a source is ``M / (1 + i f/fc)^n``, times ``(1 - p) / (1 - s p exp(-i 2 pi f T))`` where
    it rings: the echoes of a pulse between the ends of a conduit, with reflectivity p. Equal ends (s = 1, T = 1/f1)
    give all the overtones of f1, unequal ends (s = -1, T = 1/(2 f1)) the odd ones; ``p = exp(-pi f1 T / Q)``, so that
    the fundamental decays with quality Q and an overtone as fast as it.

    Attributes
    ----------
    origin_s
        Seconds after the start of the twin, shape (K,).
    position_km
        x, y, z down, shape (K, 3).
    moment_n_m
        Moment tensors in x, y, z, shape (K, 3, 3).
    p_corner_hz, s_corner_hz, falloff
        Corner frequencies of P and S, and n, each of shape (K,).
    ring_hz, ring_q
        Frequency of the fundamental and its quality; 0 Hz for a source that does not ring; shape (K,).
    odd_overtones
        Whether the ends of the conduit are unequal.
    """

    origin_s: np.ndarray
    position_km: np.ndarray
    moment_n_m: np.ndarray
    p_corner_hz: np.ndarray
    s_corner_hz: np.ndarray
    falloff: np.ndarray
    ring_hz: np.ndarray
    ring_q: np.ndarray
    odd_overtones: bool = False

    def __len__(self) -> int:
        return len(self.origin_s)

    def part(self, chosen: slice) -> Sources:
        """Some of the sources."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        odd = arrays.pop("odd_overtones")
        return Sources(**{name: array[chosen] for name, array in arrays.items()}, odd_overtones=odd)

    def spectrum(self, frequency_hz: np.ndarray, phase: Literal["P", "S"]) -> np.ndarray:
        """Moment spectrum per unit moment, complex, shape (K, frequencies)."""
        corner = self.p_corner_hz if phase == "P" else self.s_corner_hz
        ratio = (frequency_hz / corner[:, None]).astype(np.float32)
        power = -self.falloff[:, None].astype(np.float32)
        shape = polar(power / 2 * np.log1p(ratio**2), power * np.arctan(ratio))
        ringing = self.ring_hz > 0
        if ringing.any():
            sign, delay, echo = self._echoes()
            cycles = frequency_hz * delay[ringing, None]
            cycles -= np.rint(cycles)
            turn = polar(np.float32(0), (-2 * np.pi * cycles).astype(np.float32))
            echo = echo[ringing, None].astype(np.float32)
            shape[ringing] *= (1 - echo) / (1 - sign * echo * turn)
        return shape

    def ring_down_s(self) -> float:
        """Time in which the longest echo falls to a hundredth."""
        if not (self.ring_hz > 0).any():
            return 0.0
        _, delay, echo = self._echoes()
        return float(np.max(np.where(self.ring_hz > 0, delay * math.log(100) / -np.log(echo), 0.0)))

    def _echoes(self) -> tuple[float, np.ndarray, np.ndarray]:
        """Sign, delay and reflectivity of an echo."""
        sign, periods = (-1.0, 0.5) if self.odd_overtones else (1.0, 1.0)
        ringing = self.ring_hz > 0
        delay = np.where(ringing, periods / np.where(ringing, self.ring_hz, 1.0), 1.0)
        return sign, delay, np.exp(-np.pi * periods / np.where(ringing, self.ring_q, 1.0))


def polar(log_amplitude: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """``exp(log_amplitude + i phase)`` of float32 arrays that broadcast, at a third of the cost of the complex one."""
    result = np.empty(np.broadcast_shapes(np.shape(log_amplitude), np.shape(phase)), np.complex64)
    amplitude = np.exp(log_amplitude)
    np.multiply(amplitude, np.cos(phase), out=result.real)
    np.multiply(amplitude, np.sin(phase), out=result.imag)
    return result
