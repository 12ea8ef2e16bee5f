"""Ambient seismic noise as a pure function of seed, station and absolute time.

The power of the noise lies between the low and the high noise model of Peterson (1993, USGS Open-File Report 93-322):
at every frequency it is ``low + w (high - low)`` in decibels, where the weight w is a sum of

- a floor of the setting and a smooth random offset of the station and component,
- the secondary microseism, whose peak drifts in frequency and height with the weather (common to the network),
- a local part above 1 Hz: wind and human activity by local hours on a volcano, bottom currents with the tide at sea,
- at the sea floor a long-period part: compliance under ocean waves on Z, tilt by currents on the horizontals
  (Webb 1998, Rev. Geophys. 36, 105-142),

and is kept within [0.02, 0.98]. Above 10 Hz, where the models end, their last acceleration value is held.

Samples come from blocks of 40.96 s that overlap by half under a sine window, each drawn from its own random stream,
so that any chunking of the record gives the same samples; below 0.05 Hz a second set of blocks, 16 times as long, does
the same. Limits: the noise is Gaussian within a block (what is not is in `tremorlab.twin.clutter`), stations and
components are independent in phase, and nothing is slower than 655 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from obspy.signal.spectral_estimation import get_nhnm, get_nlnm
from scipy import fft

from tremorlab.errors import ParameterError
from tremorlab.twin.network import Instrument, Station

#: Seconds of a block; blocks start every half of it.
BLOCK_S = 40.96

#: The long-period layer is drawn at this fraction of the sampling rate.
DECIMATION = 32

#: Below this frequency (Hz) the long-period layer takes over.
CROSSOVER_HZ = 0.05

#: Weights stay inside these, so that noise never leaves the models by more than the spectral estimate's own scatter.
WEIGHTS = (0.02, 0.98)

_GRID = np.geomspace(1 / 700, 100, 120)
# Random streams: what is drawn must not depend on what else is drawn.
_BLOCK, _LONG, _SITE, _WEATHER, _WIND, _GUST, _SEA = range(1, 8)


@dataclass(frozen=True, slots=True)
class Setting:
    """What makes noise in one environment; all numbers are weights between the noise models unless stated.

    Parameters
    ----------
    floor_hz, floor_vertical, floor_horizontal
        Knots of the floor over the logarithm of frequency.
    microseism_hz, microseism
        Mean peak frequency of the secondary microseism, and its mean height above the floor.
    local_hz, local
        Band in which the local part is felt, and its scale.
    human
        Height of the local part in working hours.
    tide
        Scale of bottom currents; 0 on land.
    utc_offset_h
        Local time minus UTC in hours.
    """

    floor_hz: tuple[float, ...]
    floor_vertical: tuple[float, ...]
    floor_horizontal: tuple[float, ...]
    microseism_hz: float
    microseism: float
    local_hz: tuple[float, float]
    local: float
    human: float
    tide: float
    utc_offset_h: float


SETTINGS = {
    "nankai": Setting(
        (0.002, 0.02, 0.08, 0.2, 1.0, 4.0, 12.0, 40.0),
        (0.55, 0.45, 0.40, 0.55, 0.60, 0.52, 0.46, 0.44),
        (0.80, 0.70, 0.50, 0.58, 0.63, 0.55, 0.49, 0.46),
        0.22, 0.22, (0.7, 6.0), 0.07, 0.0, 0.10, 9.0,
    ),
    "sakurajima": Setting(
        (0.002, 0.02, 0.08, 0.2, 1.0, 4.0, 12.0, 40.0),
        (0.30, 0.25, 0.30, 0.45, 0.62, 0.60, 0.54, 0.50),
        (0.45, 0.38, 0.32, 0.45, 0.63, 0.61, 0.55, 0.50),
        0.28, 0.20, (1.5, 20.0), 0.07, 0.08, 0.0, 9.0,
    ),
    "colombia": Setting(
        (0.002, 0.02, 0.08, 0.2, 1.0, 4.0, 12.0, 40.0),
        (0.25, 0.20, 0.25, 0.35, 0.50, 0.50, 0.47, 0.45),
        (0.42, 0.36, 0.30, 0.36, 0.51, 0.51, 0.48, 0.45),
        0.18, 0.16, (1.5, 20.0), 0.09, 0.03, 0.0, -5.0,
    ),
}  # fmt: skip


def models_db(frequencies_hz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Peterson's low and high noise model: acceleration power in dB relative to 1 (m/s^2)^2/Hz, held above 10 Hz."""
    period = 1 / np.clip(np.asarray(frequencies_hz, float), None, 10.0)
    return tuple(
        np.interp(np.log(period), np.log(known[::-1]), level[::-1])
        for known, level in (_ascending(get_nlnm), _ascending(get_nhnm))
    )


def _ascending(model):
    period, level = model()
    order = np.argsort(period)[::-1]
    return period[order], level[order]


def psd_db(
    station: Station, time_s: float, frequencies_hz: np.ndarray, setting: str, seed: int, level: float = 0.0
) -> np.ndarray:
    """Acceleration power of the ambient noise at one moment.

    Parameters
    ----------
    station
        Where.
    time_s
        Seconds after 0 h UTC of the twin's first day.
    frequencies_hz
        (n,) in Hz, 1/700 to 100.
    setting
        A key of `SETTINGS`.
    seed
        Seed of the twin.
    level
        Added to the weight at all frequencies; 0.1 is 3 to 8 dB.

    Returns
    -------
    numpy.ndarray
        (3, n) in dB relative to 1 (m/s^2)^2/Hz for the vertical and the two horizontals.
    """
    coarse = _coarse_db(station, time_s, setting, seed, level)
    return np.array([np.interp(np.log(frequencies_hz), np.log(_GRID), row) for row in coarse])


def band_rms(
    station: Station, time_s: float, band_hz: tuple[float, float], setting: str, seed: int, level: float = 0.0
) -> np.ndarray:
    """Root mean square ground velocity (m/s) of the ambient noise in a band, for the three components: (3,)."""
    frequencies = np.linspace(*band_hz, 64)
    velocity = 10 ** (psd_db(station, time_s, frequencies, setting, seed, level) / 10) / (2 * np.pi * frequencies) ** 2
    return np.sqrt(np.trapezoid(velocity, frequencies, axis=1))


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
        A key of `SETTINGS`.
    seed
        Seed of the twin.
    level
        As in `psd_db`.
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
    draw = _Layer(station, rate_hz, setting, seed, level, instrument)
    first = round(start_s * rate_hz)
    out = _overlap_add(lambda block: draw.block(block, _BLOCK), draw.samples, first, n)
    low = first // DECIMATION
    count = (first + n) // DECIMATION + 2 - low
    knots = _overlap_add(lambda block: draw.block(block, _LONG), draw.long_samples, low, count)
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
    from tremorlab.twin import clutter  # clutter is measured against the ambient noise

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


def local_hour(setting: str, time_s: float) -> float:
    """Local time of day in hours, 0 to 24."""
    return (time_s / 3600 + SETTINGS[setting].utc_offset_h) % 24


def working_hours(setting: str, time_s: float) -> float:
    """Human activity, 0 at night to 1 in the afternoon: a raised cosine to the power 1.5 that peaks at 13 h."""
    return float((0.5 + 0.5 * np.cos((local_hour(setting, time_s) - 13) * np.pi / 12)) ** 1.5)


class _Layer:
    """Spectra of blocks, and the random streams they come from."""

    def __init__(self, station, rate_hz, setting, seed, level, instrument):
        self.of = (station, setting, seed, level)
        self.rate_hz = rate_hz
        self.samples = round(BLOCK_S * rate_hz)
        self.long_samples = self.samples // 2
        self.kinds = {_BLOCK: (self.samples, rate_hz), _LONG: (self.long_samples, rate_hz / DECIMATION)}
        self.shapes = {kind: self._shape(kind, *size, instrument) for kind, size in self.kinds.items()}

    def _shape(self, kind, samples, rate_hz, instrument):
        frequencies = fft.rfftfreq(samples, 1 / rate_hz)
        use = (frequencies >= CROSSOVER_HZ) if kind == _BLOCK else (frequencies > 0) & (frequencies < CROSSOVER_HZ)
        use[-1] = False
        inside = frequencies[use]
        place = np.interp(np.log(inside), np.log(_GRID), np.arange(len(_GRID)))
        lower = place.astype(int)
        # Acceleration to velocity; unit variance of real and imaginary part to the power of one bin.
        gain = np.sqrt(rate_hz * samples / 4) / (2 * np.pi * inside)
        gain = gain * (1 if instrument is None else instrument.response(inside))
        window = np.sin(np.pi * (np.arange(samples) + 0.5) / samples)
        dtype = "f4" if instrument is None else "c8"
        first = int(np.flatnonzero(use)[0])
        part = slice(first, first + len(inside))
        return part, lower, (place - lower).astype("f4"), gain.astype(dtype), window.astype("f4")

    def block(self, number, kind):
        station, setting, seed, level = self.of
        samples, rate_hz = self.kinds[kind]
        part, lower, share, gain, window = self.shapes[kind]
        middle_s = (number + 1) * samples / 2 / rate_hz
        amplitude = np.exp(_coarse_db(station, max(middle_s, 0.0), setting, seed, level) * (np.log(10) / 20))
        amplitude = amplitude.astype("f4")
        low = amplitude[:, lower]
        shaped = low + share * (amplitude[:, lower + 1] - low)
        rng = np.random.Generator(np.random.SFC64([seed, station.seed, kind, number + 1]))
        spectrum = np.zeros((3, samples // 2 + 1), "c8")
        white = rng.standard_normal((3, 2 * len(lower)), dtype="f4").view("c8")
        spectrum[:, part] = white * (shaped * gain)
        return fft.irfft(spectrum, samples) * window


def _overlap_add(block, samples, first, n):
    """Sum half-overlapping blocks, number k of which starts at sample k samples / 2, over [first, first + n)."""
    hop = samples // 2
    out = np.zeros((3, n), "f4")
    for number in range(first // hop - 1, (first + n - 1) // hop + 1):
        add(out, first, number * hop, block(number))
    return out


def _coarse_db(station, time_s, setting, seed, level):
    """Acceleration power on `_GRID`, (3, frequencies)."""
    made = SETTINGS[setting]
    low, span, local_shape, long_shape = _fixed(setting)
    weight = _site(station, setting) + level
    weather = _wander(seed, _WEATHER, time_s, (9 * 3600, 2 * 3600))
    peak = made.microseism_hz * np.exp(0.22 * _wander(seed, _SEA, time_s, (14 * 3600, 3 * 3600)))
    height = made.microseism * (1 + 0.35 * weather)
    weight = weight + height * np.exp(-0.5 * (np.log(_GRID / peak) / 0.42) ** 2)
    own = _wander(seed, (_GUST, station.seed), time_s, (3 * 3600, 1800, 150))
    gusts = max(_wander(seed, _WIND, time_s, (6 * 3600, 1200)) + 0.8 * own, -1.0)
    if made.tide:
        current = max(np.sin(2 * np.pi * time_s / 44714 + station.x_km / 20), 0.0) * max(1 + 0.8 * own, 0.0)
        weight = weight + current * made.tide * long_shape
        local = made.local * gusts + 0.4 * made.tide * current
    else:
        local = made.local * gusts + made.human * working_hours(setting, time_s)
    weight = weight + local * local_shape
    return low + np.clip(weight, *WEIGHTS) * span


@lru_cache
def _fixed(setting):
    made = SETTINGS[setting]
    low, high = models_db(_GRID)
    rise, fall = np.log(made.local_hz)
    x = np.log(_GRID)
    local = 1 / (1 + np.exp(-(x - rise) / 0.25)) / (1 + np.exp((x - fall) / 0.4))
    long = np.array([0.5, 1.0, 1.0])[:, None] / (1 + np.exp((x - np.log(0.06)) / 0.3))
    return low, high - low, local, long


@lru_cache(maxsize=256)
def _site(station, setting):
    """Floor of a station: the setting's, an offset, and a smooth random function of log frequency."""
    made = SETTINGS[setting]
    rng = np.random.default_rng([station.seed, _SITE])
    x = np.log(_GRID)
    offset = 0.07 * rng.standard_normal()
    rows = []
    for floor in (made.floor_vertical, made.floor_horizontal, made.floor_horizontal):
        knots = np.linspace(x[0], x[-1], 9)
        own = np.interp(x, knots, 0.05 * rng.standard_normal(9))
        rows.append(np.interp(x, np.log(made.floor_hz), floor) + offset + own)
    return np.array(rows)


def _wander(seed, stream, time_s, scales_s):
    """Unit-variance function of time that changes over hours: cosine-interpolated random knots at several scales."""
    total = 0.0
    for scale_s in scales_s:
        knot, share = divmod(time_s / scale_s, 1)
        turn = share * np.pi / 2
        total += np.cos(turn) * _knot(seed, stream, scale_s, int(knot))
        total += np.sin(turn) * _knot(seed, stream, scale_s, int(knot) + 1)
    return total / np.sqrt(len(scales_s))


@lru_cache(maxsize=65536)
def _knot(seed, stream, scale_s, number):
    words = stream if isinstance(stream, tuple) else (stream,)
    return np.random.default_rng([seed, *words, round(scale_s), number]).standard_normal()


def _check(start_s, n, rate_hz, setting):
    if setting not in SETTINGS:
        raise ParameterError("noise", f"setting {setting!r} is unknown", f"Choose one of {', '.join(SETTINGS)}")
    if start_s < 0 or n < 1:
        raise ParameterError(
            "noise", f"{n} samples from {start_s} s are outside the twin", "Ask for at least one, from 0 s on"
        )
    if rate_hz < 25 or rate_hz % 25:
        raise ParameterError("noise", f"rate {rate_hz} Hz is not a multiple of 25 Hz", "Choose 25, 50, 100 or 200 Hz")
