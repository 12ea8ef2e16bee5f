"""Windows of twin events without an archive: for asking what a change of physics does to the classes.

Each window holds one event at one station in the ambient noise and clutter of a random moment, as an analyst would
cut it: nothing overlaps on purpose, there are no instrument faults, and labels are true. What differs between the
classes is what differs in the twin; a stretch of distance, quality factor or corner frequency acts on all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import signal

from tremorlab.errors import ParameterError
from tremorlab.twin import ambient, events, noise
from tremorlab.twin.earthquake import Earthquake
from tremorlab.twin.events import TwinEvent
from tremorlab.twin.flaws import seen_probability
from tremorlab.twin.julian_tremor import JulianTremor
from tremorlab.twin.scenario import ACTIVITY, Scenario

#: Rate at which events are rendered, and that of the windows (Hz); between them an anti-alias filter of 0.9 Nyquist.
RENDER_HZ, RATE_HZ = 50.0, 25.0

#: Band in which signal and noise are compared, on the vertical, as in the archive's truth.
SNR_BAND_HZ = (2.0, 8.0)

_STREAM = 80
_SETTLE_S = 10.0
_ATTEMPTS = 40


@dataclass(frozen=True, slots=True)
class Stretch:
    """Factors on what the twin's setting says; 1 leaves it as it is.

    Parameters
    ----------
    quality
        Multiplies the quality factors of P and S.
    distance
        Multiplies horizontal distances from the middle of the network, of stations and sources.
    corner
        Multiplies the corner frequencies of all sources that have one (the stress drop of earthquakes by its third
        power).
    """

    quality: float = 1.0
    distance: float = 1.0
    corner: float = 1.0

    def __post_init__(self):
        for name in ("quality", "distance", "corner"):
            if not 0.1 <= getattr(self, name) <= 10:
                raise ParameterError(
                    f"stretch, {name}", f"{getattr(self, name)!r} is not between 0.1 and 10", "Give a factor near 1"
                )


def windows(
    scenario: Scenario,
    classes: tuple[str, ...],
    number: int,
    *,
    stretch: Stretch | None = None,
    samples: int = 4096,
    onset_s: float = 40.0,
    highpass_hz: float = 1.0,
    seen: bool = True,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Draw windows of some classes.

    Parameters
    ----------
    scenario
        Setting, difficulty, stations and seed; length, rate and flaws of the catalogue do not matter here.
    classes
        Kinds of event of the setting, and "noise".
    number
        Windows of each class.
    stretch
        What to change about path and source.
    samples, onset_s
        Length of a window at 25 Hz, and where in it the first arrival is.
    highpass_hz
        Corner of a zero-phase high-pass of fourth order; 0 leaves it out.
    seen
        Keep an event with the probability with which the catalogue would list it, else every one.

    Returns
    -------
    waveforms : numpy.ndarray
        Ground velocity in m/s, vertical, float32, shape (n, 1, samples).
    table : pandas.DataFrame
        event_class, event (a number of its own for each window), station, distance_km and snr_db (not a number for
        noise) of each window.

    Raises
    ------
    ParameterError
        A class that the setting does not have, a number or length that is not positive, or, after many draws, too few
        events that the catalogue would list.
    """
    stretch = stretch or Stretch()
    for name in classes:
        if name != "noise" and name not in ACTIVITY[scenario.setting]:
            known = ", ".join((*ACTIVITY[scenario.setting], "noise"))
            raise ParameterError("classes", f"{name!r} is not of setting {scenario.setting}", f"Choose from {known}")
    if number < 1 or samples < 1:
        raise ParameterError("windows", f"{number} of {samples} samples are none", "Give positive numbers")
    waveforms, rows = [], []
    for name in classes:
        for window, row in _of_class(scenario, name, number, stretch, samples, onset_s, seen):
            waveforms.append(_prepare(window, samples, highpass_hz))
            rows.append({"event_class": name, "event": len(rows), **row})
    return np.stack(waveforms)[:, None], pd.DataFrame(rows)


def _of_class(scenario, name, number, stretch, samples, onset_s, seen):
    """Windows of one class, at the rendering rate and with room on both sides, and what the table says of them."""
    stations = [_station(station, stretch) for station in scenario.geometry.stations]
    code = [*ACTIVITY[scenario.setting], "noise"].index(name)
    made = 0
    for attempt in range(_ATTEMPTS * number):
        rng = np.random.default_rng([scenario.seed, _STREAM, code, attempt])
        station = stations[rng.integers(len(stations))]
        time_s = rng.uniform(3600, 30 * 86400)
        row = {"station": f"{station.network}.{station.station}", "distance_km": math.nan, "snr_db": math.nan}
        if name == "noise":
            yield _background(scenario, station, time_s, samples), row
        else:
            drawn = events.draw(scenario, name, time_s, rng)
            if not drawn:  # a short tremor episode may have no burst
                continue
            event = _changed(drawn[rng.integers(len(drawn))], scenario.setting, stretch)
            begin, velocity = event.render(station, RENDER_HZ, rng)
            row["distance_km"] = float(np.linalg.norm(np.subtract(event.place_km, _place(station))))
            row["snr_db"] = _snr_db(scenario, station, event, velocity)
            if seen and rng.random() > seen_probability(row["snr_db"]):
                continue
            first = event.onset_s(station) - onset_s
            record = _background(scenario, station, first, samples)
            ambient.add(record, round((first - _SETTLE_S) * RENDER_HZ), round(begin * RENDER_HZ), velocity)
            yield record, row
        made += 1
        if made == number:
            return
    raise ParameterError(
        f"class {name}", f"{made} of {number} events were listed in {attempt + 1}", "Make the signals stronger"
    )


def _place(station):
    return station.x_km, station.y_km, station.z_km


def _station(station, stretch):
    return replace(station, x_km=stretch.distance * station.x_km, y_km=stretch.distance * station.y_km)


def _changed(source, setting, stretch):
    """An event as the stretch has it, in a medium likewise."""
    medium = events.medium(setting, source)
    medium = replace(medium, q_s=stretch.quality * medium.q_s, q_p=stretch.quality * medium.q_p)
    if isinstance(source, Earthquake):
        place = {"x_km": stretch.distance * source.x_km, "y_km": stretch.distance * source.y_km}
        return TwinEvent(0, replace(source, **place, stress_drop_pa=stretch.corner**3 * source.stress_drop_pa), medium)
    changed = {"position_km": source.position_km * [stretch.distance, stretch.distance, 1.0]}
    if not isinstance(source, JulianTremor):  # whose spectrum is that of its motion
        changed["corner_hz"] = stretch.corner * source.corner_hz
    return TwinEvent(0, replace(source, **changed), medium)


def _background(scenario, station, first_s, samples):
    length = round((samples / RATE_HZ + 2 * _SETTLE_S) * RENDER_HZ)
    settings = {"setting": scenario.setting, "seed": scenario.seed, "level": scenario.noise_level}
    return ambient.noise(station, first_s - _SETTLE_S, length, RENDER_HZ, **settings)


def _snr_db(scenario, station, event, velocity):
    """Rms of the vertical in 2-8 Hz over the central 90 % of its energy, over that of the ambient noise."""
    band = signal.butter(4, SNR_BAND_HZ, "bandpass", fs=RENDER_HZ, output="sos")
    power = np.cumsum(signal.sosfiltfilt(band, velocity[0].astype(float)) ** 2)
    low, high = np.searchsorted(power, [0.05 * power[-1], 0.95 * power[-1]])
    heard = math.sqrt(0.9 * power[-1] / max(high - low, 1))
    level = (scenario.setting, scenario.seed, scenario.noise_level)
    return 20 * math.log10(max(heard, 1e-15) / noise.band_rms(station, event.onset_s(station), SNR_BAND_HZ, *level)[0])


def _prepare(record, samples, highpass_hz):
    vertical = signal.resample_poly(record[0].astype(float), 1, round(RENDER_HZ / RATE_HZ))
    if highpass_hz:
        vertical = signal.sosfiltfilt(signal.butter(4, highpass_hz, "highpass", fs=RATE_HZ, output="sos"), vertical)
    first = round(_SETTLE_S * RATE_HZ)
    return vertical[first : first + samples].astype(np.float32)
