"""How strong ambient seismic noise is, at a station and time; `tremorlab.twin.ambient` makes its samples.

The power of the noise lies between the low and the high noise model of Peterson (1993, USGS Open-File Report 93-322):
at every frequency it is ``low + w (high - low)`` in decibels, where the weight w is a sum of

- a floor of the setting and a smooth random offset of the station and component,
- the secondary microseism, whose peak drifts in frequency and height with the weather (common to the network),
- a local part above 1 Hz: wind and human activity by local hours on a volcano, bottom currents with the tide at sea,
- at the sea floor a long-period part: compliance under ocean waves on Z, tilt by currents on the horizontals
  (Webb 1998, Rev. Geophys. 36, 105-142),

and is kept within [0.02, 0.98]. Above 10 Hz, where the models end, their last acceleration value is held. All of it
is a pure function of seed, station and absolute time.

Limits: heights, bands and hours of a setting are plausible, not measured at any station; wind, sea and tide are random
functions with time scales of minutes to half a day, without seasons or storms that pass; the models are bounds of quiet
and noisy sites on land, which some ocean-bottom and crater sites exceed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from obspy.signal.spectral_estimation import get_nhnm, get_nlnm

from tremorlab.twin.network import Station

#: Weights stay inside these, so that noise never leaves the models by more than the spectral estimate's own scatter.
WEIGHTS = (0.02, 0.98)

#: Frequencies at which the power is worked out.
GRID_HZ = np.geomspace(1 / 700, 100, 120)
# Random streams: what is drawn must not depend on what else is drawn.
_SITE, _WEATHER, _WIND, _GUST, _SEA = range(3, 8)


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
        (0.55, 0.45, 0.40, 0.55, 0.52, 0.44, 0.39, 0.37),
        (0.80, 0.70, 0.50, 0.58, 0.55, 0.47, 0.42, 0.39),
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
    coarse = grid_db(station, np.array([time_s]), setting, seed, level)[0]
    return np.array([np.interp(np.log(frequencies_hz), np.log(GRID_HZ), row) for row in coarse])


def band_rms(
    station: Station, time_s: float, band_hz: tuple[float, float], setting: str, seed: int, level: float = 0.0
) -> np.ndarray:
    """Root mean square ground velocity (m/s) of the ambient noise in a band, for the three components: (3,)."""
    frequencies = np.linspace(*band_hz, 64)
    velocity = 10 ** (psd_db(station, time_s, frequencies, setting, seed, level) / 10) / (2 * np.pi * frequencies) ** 2
    return np.sqrt(np.trapezoid(velocity, frequencies, axis=1))


def local_hour(setting: str, time_s: np.ndarray | float) -> np.ndarray | float:
    """Local time of day in hours, 0 to 24."""
    return (time_s / 3600 + SETTINGS[setting].utc_offset_h) % 24


def working_hours(setting: str, time_s: np.ndarray | float) -> np.ndarray | float:
    """Human activity, 0 at night to 1 in the afternoon: a raised cosine to the power 1.5 that peaks at 13 h."""
    return (0.5 + 0.5 * np.cos((local_hour(setting, time_s) - 13) * np.pi / 12)) ** 1.5


def grid_db(station: Station, times_s: np.ndarray, setting: str, seed: int, level: float = 0.0) -> np.ndarray:
    """Acceleration power on `GRID_HZ` at many times, (times, 3, frequencies); see `psd_db`."""
    made = SETTINGS[setting]
    low, span, local_shape, long_shape = _fixed(setting)
    weather = _wander(seed, _WEATHER, times_s, (9 * 3600, 2 * 3600))
    peak = made.microseism_hz * np.exp(0.22 * _wander(seed, _SEA, times_s, (14 * 3600, 3 * 3600)))
    height = made.microseism * (1 + 0.35 * weather)
    common = height[:, None] * np.exp(-0.5 * (np.log(GRID_HZ / peak[:, None]) / 0.42) ** 2)
    own = _wander(seed, (_GUST, station.seed), times_s, (3 * 3600, 1800, 150))
    gusts = np.maximum(_wander(seed, _WIND, times_s, (6 * 3600, 1200)) + 0.8 * own, -1.0)
    current = np.zeros(len(times_s))
    if made.tide:
        rising = np.maximum(np.sin(2 * np.pi * times_s / 44714 + station.x_km / 20), 0.0)
        current = made.tide * rising * np.maximum(1 + 0.8 * own, 0.0)
    local = made.local * gusts + made.human * working_hours(setting, times_s) + 0.4 * current
    common += local[:, None] * local_shape
    weight = _site(station, setting) + level + common[:, None] + current[:, None, None] * long_shape
    return low + np.clip(weight, *WEIGHTS) * span


@lru_cache
def _fixed(setting):
    made = SETTINGS[setting]
    low, high = models_db(GRID_HZ)
    rise, fall = np.log(made.local_hz)
    x = np.log(GRID_HZ)
    local = 1 / (1 + np.exp(-(x - rise) / 0.25)) / (1 + np.exp((x - fall) / 0.4))
    long = np.array([0.5, 1.0, 1.0])[:, None] / (1 + np.exp((x - np.log(0.06)) / 0.3))
    return low, high - low, local, long


@lru_cache(maxsize=256)
def _site(station, setting):
    """Floor of a station: the setting's, an offset, and a smooth random function of log frequency."""
    made = SETTINGS[setting]
    rng = np.random.default_rng([station.seed, _SITE])
    x = np.log(GRID_HZ)
    offset = 0.07 * rng.standard_normal()
    rows = []
    for floor in (made.floor_vertical, made.floor_horizontal, made.floor_horizontal):
        knots = np.linspace(x[0], x[-1], 9)
        own = np.interp(x, knots, 0.05 * rng.standard_normal(9))
        rows.append(np.interp(x, np.log(made.floor_hz), floor) + offset + own)
    return np.array(rows)


def _wander(seed, stream, times_s, scales_s):
    """Unit-variance function of time that changes over hours: cosine-interpolated random knots at several scales."""
    total = np.zeros(len(times_s))
    for scale_s in scales_s:
        share, before = np.modf(times_s / scale_s)
        first, before = int(before.min()), before.astype(int) - int(before.min())
        knots = np.array([_knot(seed, stream, scale_s, first + k) for k in range(before.max() + 2)])
        turn = share * np.pi / 2
        total += np.cos(turn) * knots[before] + np.sin(turn) * knots[before + 1]
    return total / np.sqrt(len(scales_s))


@lru_cache(maxsize=65536)
def _knot(seed, stream, scale_s, number):
    words = stream if isinstance(stream, tuple) else (stream,)
    return np.random.default_rng([seed, *words, round(scale_s), number]).standard_normal()
