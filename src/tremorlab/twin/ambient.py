"""Samples of ambient noise, with or without clutter, as a pure function of seed, station and absolute time.

The power is that of `tremorlab.twin.noise`. Samples come from blocks of 40.96 s that overlap by half under a sine
window, each drawn from its own random stream, so that any chunking of the record gives the same samples; below 0.05 Hz
a second set of blocks, 16 times as long, does the same. Limits: the noise is Gaussian within a block (what is not is
in `tremorlab.twin.clutter`), stations and components are independent in phase, and nothing is slower than 655 s.
"""

from __future__ import annotations

import numpy as np
from scipy import fft

from tremorlab.errors import ParameterError
from tremorlab.twin import clutter
from tremorlab.twin.network import Instrument, Station
from tremorlab.twin.noise import GRID_HZ, SETTINGS, grid_db

#: Seconds of a block; blocks start every half of it.
BLOCK_S = 40.96

#: The long-period layer is drawn at this fraction of the sampling rate.
DECIMATION = 32

#: Below this frequency (Hz) the long-period layer takes over.
CROSSOVER_HZ = 0.05

# Random streams of the layers, beside those of `tremorlab.twin.noise`.
_BLOCK, _LONG = 1, 2
#: Blocks made at a time: enough for fast transforms, few enough to stay in the processor's cache.
_AT_A_TIME = 16


def ambient(
    station: Station,
    start_s: float,
    n: int,
    rate_hz: float,
    setting: str,
    seed: int,
    *,
    level: float = 0.0,
    instrument: Instrument | None = None,
) -> np.ndarray:
    """Ambient noise of a station.

    Parameters
    ----------
    station
        Where; its seed parts it from the other stations.
    start_s
        First sample, seconds after 0 h UTC of the twin's first day; not negative, rounded to a sample.
    n
        Number of samples.
    rate_hz
        Sampling rate; 25 Hz and its multiples.
    setting
        A key of `tremorlab.twin.noise.SETTINGS`.
    seed
        Seed of the twin.
    level
        As in `tremorlab.twin.noise.psd_db`.
    instrument
        Give counts, with the response of this instrument, in place of ground velocity.

    Returns
    -------
    numpy.ndarray
        Float32 (3, n), vertical and two horizontals, m/s or counts.

    Raises
    ------
    ParameterError
        A negative time or number, another rate, an unknown setting.
    """
    _check(start_s, n, rate_hz, setting)
    first = round(start_s * rate_hz)
    draw = _Layer(_BLOCK, rate_hz, instrument, station, setting, seed, level)
    out = draw.samples(first, n)
    low = first // DECIMATION
    draw = _Layer(_LONG, rate_hz, instrument, station, setting, seed, level)
    knots = draw.samples(low, (first + n) // DECIMATION + 2 - low)
    steps = np.arange(DECIMATION, dtype="f4") / np.float32(DECIMATION)
    lead = first - low * DECIMATION
    for row, knot in zip(out, knots, strict=True):
        line = knot[:-1, None] + (knot[1:] - knot[:-1])[:, None] * steps
        row += line.ravel()[lead : lead + n]
    return out


def noise(
    station: Station, start_s: float, n: int, rate_hz: float, setting: str, seed: int, *, level: float = 0.0
) -> np.ndarray:
    """Everything that is not an event: `ambient` and the clutter of `tremorlab.twin.clutter`.

    Parameters, result (ground velocity) and errors are those of `ambient`. Rows are Z, N, E; the ambient part has no
    preferred horizontal direction.
    """
    out = ambient(station, start_s, n, rate_hz, setting, seed, level=level)
    first = round(start_s * rate_hz)
    for item in clutter.between(station, start_s, start_s + n / rate_hz, setting, seed, level=level):
        add(out, first, *clutter.render(item, station, rate_hz))
    return out


def add(record: np.ndarray, first: int, begin: int, part: np.ndarray) -> None:
    """Add ``part``, whose first sample has the absolute number ``begin``, to a record that starts at ``first``."""
    lead = begin - first
    low, high = max(lead, 0), min(lead + part.shape[1], record.shape[1])
    if low < high:
        record[:, low:high] += part[:, low - lead : high - lead]


class _Layer:
    """Blocks of one of the two layers of noise at a station.

    Parameters
    ----------
    kind
        `_BLOCK` or `_LONG`.
    rate_hz
        Sampling rate of the record.
    instrument
        As in `ambient`.
    station, setting, seed, level
        As in `ambient`.
    """

    def __init__(self, kind, rate_hz, instrument, station, setting, seed, level):
        self.kind, self.of = kind, (station, setting, seed, level)
        self.length = round(BLOCK_S * rate_hz)
        self.rate_hz = rate_hz
        if kind == _LONG:
            self.length, self.rate_hz = self.length // 2, rate_hz / DECIMATION
        frequencies = fft.rfftfreq(self.length, 1 / self.rate_hz)
        use = (frequencies >= CROSSOVER_HZ) if kind == _BLOCK else (frequencies > 0) & (frequencies < CROSSOVER_HZ)
        use[-1] = False
        inside = frequencies[use]
        first = int(np.flatnonzero(use)[0])
        self.part = slice(first, first + len(inside))
        place = np.interp(np.log(inside), np.log(GRID_HZ), np.arange(len(GRID_HZ)))
        self.lower = place.astype(int)
        self.share = (place - self.lower).astype("f4")
        # Acceleration to velocity; unit variance of real and imaginary part to the power of one bin.
        gain = np.sqrt(self.rate_hz * self.length / 4) / (2 * np.pi * inside)
        gain = gain * (1 if instrument is None else instrument.response(inside))
        self.gain = gain.astype("f4" if instrument is None else "c8")
        self.window = np.sin(np.pi * (np.arange(self.length) + 0.5) / self.length).astype("f4")

    def samples(self, first, n):
        """Sum the blocks, number k of which starts at sample k length / 2, over [first, first + n): float32 (3, n)."""
        hop = self.length // 2
        lowest, beyond = first // hop - 1, (first + n - 1) // hop + 1
        sums = np.zeros((3, beyond - lowest + 1, hop), "f4")
        for begin in range(lowest, beyond, _AT_A_TIME):
            numbers = np.arange(begin, min(begin + _AT_A_TIME, beyond))
            halves = self._blocks(numbers).reshape(len(numbers), 3, 2, hop)
            at = slice(begin - lowest, begin - lowest + len(numbers))
            sums[:, at] += halves[:, :, 0].swapaxes(0, 1)
            sums[:, at.start + 1 : at.stop + 1] += halves[:, :, 1].swapaxes(0, 1)
        lead = first - lowest * hop
        return sums.reshape(3, -1)[:, lead : lead + n]

    def _blocks(self, numbers):
        """Blocks under their window, float32 (numbers, 3, length)."""
        station, setting, seed, level = self.of
        middle_s = (numbers + 1) * self.length / 2 / self.rate_hz
        decibels = grid_db(station, np.maximum(middle_s, 0.0), setting, seed, level)
        amplitude = np.exp(decibels * (np.log(10) / 20)).astype("f4")
        shaped = np.take(amplitude, self.lower, axis=-1)
        rise = np.take(np.diff(amplitude, axis=-1), self.lower, axis=-1)
        rise *= self.share
        shaped += rise
        white = np.empty((len(numbers), 3, 2 * len(self.lower)), "f4")
        for number, row in zip(numbers.tolist(), white, strict=True):
            rng = np.random.Generator(np.random.SFC64([seed, station.seed, self.kind, number + 1]))
            rng.standard_normal(dtype="f4", out=row)
        spectrum = np.zeros((len(numbers), 3, self.length // 2 + 1), "c8")
        inside = spectrum[..., self.part]
        np.multiply(white.view("c8"), shaped, out=inside)
        inside *= self.gain
        series = fft.irfft(spectrum, self.length)
        series *= self.window
        return series


def _check(start_s, n, rate_hz, setting):
    if setting not in SETTINGS:
        raise ParameterError("noise", f"setting {setting!r} is unknown", f"Choose one of {', '.join(SETTINGS)}")
    if start_s < 0 or n < 1:
        raise ParameterError(
            "noise", f"{n} samples from {start_s} s are outside the twin", "Ask for at least one, from 0 s on"
        )
    if rate_hz < 25 or rate_hz % 25:
        raise ParameterError("noise", f"rate {rate_hz} Hz is not a multiple of 25 Hz", "Choose 25, 50, 100 or 200 Hz")
