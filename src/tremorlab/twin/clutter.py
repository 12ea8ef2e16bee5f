"""What is in a record besides the ambient noise and the events: ships, vehicles, rockfalls, distant earthquakes.

Every kind is a Poisson process whose rate depends on the setting and on the hour, never on the events or their class;
it is drawn hour by hour from its own random stream, so that it is a function of seed, station and absolute time.
Sizes are drawn relative to the ambient noise of the moment (2-8 Hz, vertical): the ratio of the peak of the envelope
to that noise is uniform in decibels. Distant earthquakes alone are absolute, and common to the network.

Limits: no kind moves through the network except distant earthquakes, and polarization is random. Rates, bands and
sizes are assumed, after what such signals look like in records (bumps: Batsi et al. 2019, Bull. Seismol. Soc. Am.
109); a distant earthquake is noise of the right periods under an envelope, not a seismogram.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from tremorlab.twin.network import Station
from tremorlab.twin.noise import band_rms, working_hours

BAND_HZ = (2.0, 8.0)


@dataclass(frozen=True, slots=True)
class Kind:
    """The law of one kind of clutter.

    Parameters
    ----------
    per_hour
        Mean number in an hour at a station.
    human
        Share of the rate that follows working hours.
    seconds
        Shortest and longest duration, log-uniform.
    band_hz
        Lowest and highest frequency that may occur.
    decibels
        Peak over the ambient noise, uniform; for distant earthquakes the peak in dB relative to 1 m/s.
    """

    per_hour: float
    human: float
    seconds: tuple[float, float]
    band_hz: tuple[float, float]
    decibels: tuple[float, float]


#: Ship: blade-rate lines with Doppler drift past closest approach. Bump: short decaying oscillations that ocean-bottom
#: instruments record by the dozen. Strumming: cables and frames in a current. Vehicle, rockfall, gust: spindles.
#: Distant earthquake: trains of long period, empty above 1.5 Hz.
KINDS = {
    "ship": Kind(0.12, 0.0, (600.0, 2400.0), (3.0, 15.0), (-3.0, 15.0)),
    "bump": Kind(2.0, 0.0, (0.6, 4.0), (4.0, 22.0), (0.0, 28.0)),
    "strumming": Kind(0.35, 0.0, (40.0, 400.0), (1.3, 5.0), (-3.0, 14.0)),
    "vehicle": Kind(2.5, 0.8, (10.0, 50.0), (3.0, 18.0), (-3.0, 18.0)),
    "rockfall": Kind(0.5, 0.0, (15.0, 100.0), (1.5, 12.0), (-3.0, 18.0)),
    "gust": Kind(1.2, 0.0, (20.0, 200.0), (1.0, 10.0), (-3.0, 10.0)),
    "distant_earthquake": Kind(0.12, 0.0, (900.0, 3000.0), (0.015, 1.5), (-138.0, -100.0)),
}

MIXES = {
    "nankai": ("ship", "bump", "strumming", "distant_earthquake"),
    "sakurajima": ("vehicle", "rockfall", "gust", "distant_earthquake"),
    "colombia": ("vehicle", "rockfall", "gust", "distant_earthquake"),
}

#: No clutter lasts longer than this (seconds).
LONGEST_S = 3600.0

_HOUR_S = 3600.0
_STREAM = 20
_NETWORK_WIDE = "distant_earthquake"


@dataclass(frozen=True, slots=True)
class Clutter:
    """One piece of clutter at one station.

    Parameters
    ----------
    kind
        A key of `KINDS`.
    start_s, duration_s
        Seconds after 0 h UTC of the twin's first day; duration in seconds.
    peak
        Peak of the envelope in m/s.
    stream
        Words that seed its waveform.
    """

    kind: str
    start_s: float
    duration_s: float
    peak: float
    stream: tuple[int, ...]


def between(
    station: Station, start_s: float, end_s: float, setting: str, seed: int, *, level: float = 0.0
) -> list[Clutter]:
    """List the clutter that touches a span of time, kind by kind in order of time.

    Parameters
    ----------
    station
        Where.
    start_s, end_s
        Span in seconds after 0 h UTC of the twin's first day.
    setting
        A key of `tremorlab.twin.noise.SETTINGS`.
    seed
        Seed of the twin.
    level
        Level of the ambient noise, as in `tremorlab.twin.noise.psd_db`.
    """
    found = []
    hours = range(max(int((start_s - LONGEST_S) // _HOUR_S), 0), int(end_s // _HOUR_S) + 1)
    for number, name in enumerate(KINDS):
        if name in MIXES[setting]:
            for hour in hours:
                drawn = _hour(name, number, hour, station, setting, seed, level)
                found += [item for item in drawn if item.start_s < end_s and item.start_s + item.duration_s > start_s]
    return found


def _hour(name, number, hour, station, setting, seed, level):
    law = KINDS[name]
    place = 0 if name == _NETWORK_WIDE else station.seed
    words = (seed, _STREAM, number, hour, place)
    rng = np.random.default_rng(words)
    # Working hours have a mean of 0.42 over the day; the division keeps the daily mean at the stated rate.
    busy = 1 - law.human + law.human * working_hours(setting, hour * _HOUR_S) / 0.4244
    items = []
    for piece in range(rng.poisson(law.per_hour * busy)):
        start_s = (hour + rng.uniform()) * _HOUR_S
        duration_s = float(np.exp(rng.uniform(*np.log(law.seconds))))
        peak = 10 ** (rng.uniform(*law.decibels) / 20)
        if name == _NETWORK_WIDE:
            start_s += 25.0 + (station.x_km + station.y_km) / 15.0
        else:
            peak *= band_rms(station, start_s, BAND_HZ, setting, seed, level)[0]
        items.append(Clutter(name, start_s, duration_s, float(peak), (*words, piece)))
    return sorted(items, key=lambda item: item.start_s)


def render(item: Clutter, station: Station, rate_hz: float) -> tuple[int, np.ndarray]:
    """Give the ground velocity of a piece of clutter.

    Returns
    -------
    (int, numpy.ndarray)
        Absolute number of the first sample, and float32 (3, n) in m/s, rows Z, N, E.
    """
    n = max(round(item.duration_s * rate_hz), 8)
    rng = np.random.default_rng(item.stream)
    low, high = KINDS[item.kind].band_hz
    high = min(high, 0.45 * rate_hz)
    if item.kind == "ship":
        motion = _ship(rng, n, rate_hz, low, high)
    elif item.kind == "bump":
        motion = _bump(rng, n, rate_hz, low, high)
    elif item.kind == _NETWORK_WIDE:
        motion = _distant(rng, n, rate_hz, low, high)
    else:
        motion = _spindle(rng, n, rate_hz, low, high, narrow=item.kind == "strumming")
    shares = np.array([1.0, rng.uniform(0.5, 1.5), rng.uniform(0.5, 1.5)])
    motion = motion * (shares * item.peak)[:, None]
    return round(item.start_s * rate_hz), motion.astype("f4")


def _band_noise(rng, n, rate_hz, low, high):
    """Gaussian noise (3, n) of unit variance with smooth flanks half an octave outside [low, high]."""
    size = fft.next_fast_len(n, real=True)
    frequencies = np.maximum(fft.rfftfreq(size, 1 / rate_hz), 1e-6)
    flank = np.exp(-0.5 * (np.maximum(np.log2(low / frequencies), np.log2(frequencies / high)).clip(0) / 0.25) ** 2)
    white = rng.standard_normal((3, 2 * len(frequencies)), dtype="f4").view("c8")
    white *= flank.astype("f4")
    motion = fft.irfft(white, size)[:, :n]
    return motion / (motion.std(1, keepdims=True) + 1e-30)


def _spindle(rng, n, rate_hz, low, high, narrow):
    centre = np.exp(rng.uniform(np.log(1.3 * low), np.log(high / 1.3)))
    width = rng.uniform(1.04, 1.15) if narrow else rng.uniform(1.2, 2.0)
    share = (np.arange(n) + 0.5) / n
    rise = rng.uniform(1.0, 3.0)
    fall = rise * rng.uniform(1.0, 2.5)
    envelope = share**rise * (1 - share) ** fall
    return _band_noise(rng, n, rate_hz, max(low, centre / width), min(high, centre * width)) * (
        envelope / envelope.max()
    )


def _ship(rng, n, rate_hz, low, high):
    time = np.arange(n) / rate_hz
    closest = time[-1] * rng.uniform(0.3, 0.7)
    scale = time[-1] * rng.uniform(0.08, 0.2)
    past = (time - closest) / scale
    blade = rng.uniform(low, 8.0)
    shift = 1 - rng.uniform(0.003, 0.008) * past / np.sqrt(1 + past**2)
    phase = 2 * np.pi * np.cumsum(blade * shift) / rate_hz
    motion = np.zeros((3, n))
    for order in range(1, int(high / blade) + 1):
        size = rng.uniform(0.3, 1.0, (3, 1)) / order**0.5
        motion += size * np.sin(order * phase + rng.uniform(0, 2 * np.pi, (3, 1)))
    motion += 0.5 * _band_noise(rng, n, rate_hz, low, high) * (1 + 0.6 * np.sin(phase))
    # The window takes the ends to zero: a ship comes into hearing and leaves it.
    return motion * np.sin(np.pi * time / time[-1]) ** 2 / (1 + past**2)


def _bump(rng, n, rate_hz, low, high):
    time = np.arange(n) / rate_hz
    frequency = np.exp(rng.uniform(np.log(low), np.log(high)))
    decay = time[-1] / rng.uniform(4.0, 7.0)
    phases = rng.uniform(0, 2 * np.pi, (3, 1))
    return np.sin(2 * np.pi * frequency * time + phases) * np.exp(-time / decay) * (1 - np.exp(-time * 3 * frequency))


def _distant(rng, n, rate_hz, low, high):
    """P, S and surface-wave trains: each of longer period and duration than the one before."""
    time = np.arange(n) / rate_hz
    total = time[-1]
    motion = np.zeros((3, n))
    s_time = total * rng.uniform(0.15, 0.3)
    for begin, band, decay, size in (
        (0.02 * total, (0.3, high / 1.8), 0.05, rng.uniform(0.02, 0.3)),
        (s_time, (0.06, 0.4), 0.07, rng.uniform(0.1, 0.5)),
        (1.7 * s_time, (low * 1.4, 0.06), 0.12, 1.0),
    ):
        after = np.maximum(time - begin, 0) / (decay * total)
        motion += size * _band_noise(rng, n, rate_hz, *band) * after * np.exp(1 - after)
    return motion * np.minimum(1, 20 * (1 - time / total))
