"""What instruments, digitisers, clocks and telemetry do to a record; the truth of it is kept.

Laws, the same at every hour and for every class: each kind is a Poisson process with a rate per station-day, drawn
from the seed, the station and the day. The sensor adds glitches (a sudden tilt is a step in acceleration, seen through
the instrument's own response: Scholz et al. 2020, doi:10.1029/2020EA001317); the digitiser clips at full scale and adds
spikes and offsets; telemetry leaves gaps; the clock jumps when it loses its reference and back when it finds it again,
at midnight at the latest.

Limits: rates and sizes are assumed; a clock jumps but does not drift, a gap loses all components at once, no channel is
dead, swapped or reversed for days.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tremorlab.twin.network import Instrument, Station

DAY_S = 86400.0

#: Mean number in a station-day.
PER_DAY = {"glitch": 1.5, "spike": 2.0, "step": 0.15, "gap": 0.6, "clock_step": 0.05}

_STREAM = 30


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one station.

    Parameters
    ----------
    kind
        glitch, spike, step, gap, clock_step or clipping.
    component
        Row of the record, or -1 for all.
    start_s, end_s
        Seconds after 0 h UTC of the twin's first day, by true time.
    size
        Glitch: tilt step in m/s^2; spike and step: counts; clock step: seconds by which the record's time is late;
        clipping: the count that is held; gap: 0.
    """

    kind: str
    component: int
    start_s: float
    end_s: float
    size: float


class Piece(NamedTuple):
    """A continuous stretch of the record of a day: first sample of it, samples (3, n), error of its time stamps."""

    first: int
    samples: np.ndarray
    late_s: float


def draw(station: Station, day: int, seed: int, factor: float = 1.0) -> list[Fault]:
    """Draw the faults of a station-day.

    Parameters
    ----------
    station
        Its seed parts it from the other stations.
    day
        Number of the day, from 0.
    seed
        Seed of the twin.
    factor
        Multiplies all rates.

    Returns
    -------
    list of Fault
        By kind, then in order of time; clipping is not drawn but found, by `digitise`.
    """
    rng = np.random.default_rng([seed, _STREAM, station.seed, day])
    begin, found = day * DAY_S, []
    for kind, per_day in PER_DAY.items():
        # A record has one clock: a second jump within the day would only overwrite the first.
        number = rng.poisson(per_day * factor)
        times = np.sort(rng.uniform(0, DAY_S, min(number, 1) if kind == "clock_step" else number))
        for start_s in times:
            component, sign = int(rng.integers(3)), rng.choice([-1, 1])
            size, seconds = 0.0, 0.0
            if kind == "glitch":
                size, seconds = sign * 10 ** rng.uniform(-7.5, -5.5), 0.0
            elif kind == "spike":
                size, seconds = sign * 10 ** rng.uniform(3.5, 6.0), 0.0
            elif kind == "step":
                size, seconds = sign * 10 ** rng.uniform(2.5, 4.5), float(rng.exponential(7200.0))
            elif kind == "gap":
                component, seconds = -1, float(np.exp(rng.uniform(np.log(0.5), np.log(900.0))))
            else:
                component, size, seconds = -1, sign * rng.uniform(0.2, 3.0), float(rng.uniform(600.0, 6 * 3600.0))
            end_s = min(start_s + seconds, DAY_S)
            found.append(Fault(kind, component, begin + float(start_s), begin + end_s, float(size)))
    return found


def glitch(fault: Fault, sensor: Instrument, rate_hz: float) -> np.ndarray:
    """Counts of a step in acceleration as the sensor records it, (n,) from its start.

    Closed form of the damped pendulum's answer: a ground velocity ``a t`` through ``s^2 / ((s - p)(s - p*))`` is
    ``a exp(-h w t) sin(v t) / v`` with ``v = w sqrt(1 - h^2)``. The rise is that of an anti-alias filter, 0.02 s.
    """
    omega = 2 * np.pi * sensor.corner_hz
    damped = omega * np.sqrt(1 - sensor.damping**2)
    time = np.arange(round(8 / (sensor.damping * omega) * rate_hz)) / rate_hz
    answer = np.exp(-sensor.damping * omega * time) * np.sin(damped * time) / damped * -np.expm1(-time / 0.02)
    return (fault.size * sensor.volts_per_m_s * sensor.counts_per_volt * answer).astype("f4")


def digitise(
    record: np.ndarray, faults: list[Fault], sensor: Instrument, rate_hz: float, start_s: float
) -> tuple[np.ndarray, list[Fault]]:
    """Turn the sensor's output into counts with glitches, clipping, spikes and offsets.

    Parameters
    ----------
    record
        Float32 (3, n), counts before the digitiser; changed in place.
    faults
        Of this station; those of earlier days whose glitch reaches into this one included.
    sensor
        Its full scale and response.
    rate_hz, start_s
        Sampling rate and time of the first sample.

    Returns
    -------
    (numpy.ndarray, list of Fault)
        Int32 (3, n), and one clipping fault for each stretch of samples at full scale less than 1 s apart.
    """
    length = record.shape[1]
    for fault in faults:
        if fault.kind == "glitch":
            answer = glitch(fault, sensor, rate_hz)
            first = round((fault.start_s - start_s) * rate_hz)
            low, high = max(first, 0), min(first + len(answer), length)
            if low < high:
                record[fault.component, low:high] += answer[low - first : high - first]
    top = sensor.full_scale
    clipped = _clipping(record, top, rate_hz, start_s)
    np.rint(np.clip(record, -top, top, out=record), out=record)
    counts = record.astype("i4")
    for fault in faults:
        first = round((fault.start_s - start_s) * rate_hz)
        if fault.kind == "spike" and 0 <= first < length:
            counts[fault.component, first] = np.clip(counts[fault.component, first] + round(fault.size), -top, top)
        elif fault.kind == "step":
            stop = round((fault.end_s - start_s) * rate_hz)
            part = counts[fault.component, max(first, 0) : max(stop, 0)]
            np.clip(part + round(fault.size), -top, top, out=part)
    return counts, clipped


def _clipping(record, top, rate_hz, start_s):
    found = []
    for component, row in enumerate(record):
        beyond = np.flatnonzero(np.abs(row) >= top)
        for run in np.split(beyond, np.flatnonzero(np.diff(beyond) > rate_hz) + 1) if len(beyond) else []:
            begin, end = start_s + run[0] / rate_hz, start_s + (run[-1] + 1) / rate_hz
            found.append(Fault("clipping", component, float(begin), float(end), float(top)))
    return found


def pieces(counts: np.ndarray, faults: list[Fault], rate_hz: float, start_s: float) -> list[Piece]:
    """Part the record of a day where samples are lost and where the clock jumps.

    Parameters
    ----------
    counts
        Int32 (3, n).
    faults
        Of this station-day; gaps and clock steps are used.
    rate_hz, start_s
        Sampling rate and time of the first sample.

    Returns
    -------
    list of Piece
        In order of true time; never empty pieces.
    """
    length = counts.shape[1]
    kept, late = np.ones(length, bool), np.zeros(length, "f4")
    for fault in faults:
        first, stop = (min(max(round((time - start_s) * rate_hz), 0), length) for time in (fault.start_s, fault.end_s))
        if fault.kind == "gap":
            kept[first : max(stop, min(first + 1, length))] = False
        elif fault.kind == "clock_step":
            late[first:stop] = fault.size
    edges = np.flatnonzero((kept[1:] != kept[:-1]) | (late[1:] != late[:-1])) + 1
    bounds = np.r_[0, edges, length]
    return [Piece(int(a), counts[:, a:b], round(float(late[a]) * 1000) / 1000) for a, b in pairwise(bounds) if kept[a]]
