"""Write a twin as recorded data are written: SDS archive, StationXML, catalogue and study file; the truth beside it.

Every station-day is made by itself, so no samples of another one are held and days may be made in parallel. What grows
with length are tables: the list of events, at most half a megabyte a day, and their truth. What is random depends on
the seed and on absolute numbers (event, station, block, hour, day) only, so the archive does not depend on the number
of processes. An event that crosses midnight is rendered for both days from the same random stream and cut at the same
sample.

Files: ``sds/``, ``stations.xml``, ``study.toml``, and ``catalogue.csv`` with a row for each event and station where it
was listed, under one id. The truth is in ``truth.csv`` (one row an event and station, and one a noise window),
``faults.csv`` and ``clutter.csv``. ``README.md`` is the data card.
"""

from __future__ import annotations

import os
import secrets
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from obspy import Stream, Trace
from obspy.clients.filesystem.sds import SDS_FMTSTR
from scipy import fft
from scipy.signal import butter, sosfiltfilt
from tqdm import tqdm

from tremorlab.catalog.writers import write_csv
from tremorlab.errors import ParameterError
from tremorlab.twin import ambient, clutter, faults, noise
from tremorlab.twin.card import describe
from tremorlab.twin.events import TwinEvent, heard
from tremorlab.twin.faults import DAY_S
from tremorlab.twin.flaws import SEEN_DB, compile_catalogue, timestamp
from tremorlab.twin.network import INSTRUMENTS, Station, instrument, inventory, rotate
from tremorlab.twin.scenario import Scenario

#: Band in which signal and noise are compared, on the vertical.
SNR_BAND_HZ = (2.0, 8.0)

#: Time over which power is averaged to say where a signal ends (s).
AVERAGE_S = 5.0

#: Length of a miniSEED record in bytes.
RECORD_BYTES = 4096

_RENDER = 60
#: A response is followed for this many e-folds of the pendulum, at which 0.1 % is left.
_RINGS = 7.0

_CLASSES = {
    "nankai": ("tremor", "earthquake", "noise"),
    "sakurajima": ("eruption", "vt", "noise"),
    "colombia": ("eruption", "vt", "noise"),
}


class StationDay(NamedTuple):
    """Truth of one station and day: rows for truth.csv, faults.csv and clutter.csv."""

    truth: list[dict]
    faults: list[dict]
    clutter: list[dict]


def simulate(scenario: Scenario, folder: str | Path, *, workers: int = 2, progress: bool = False) -> Path:
    """Write a twin.

    Parameters
    ----------
    scenario
        What to simulate.
    folder
        Folder to make; it must not exist. It appears when everything is written.
    workers
        Number of processes; 1 stays in this one. Samples do not depend on it.
    progress
        Show a bar that counts station-days.

    Returns
    -------
    pathlib.Path
        The study file, for `tremorlab.study.load`. It names everything beside itself, so the folder may be moved.

    Raises
    ------
    ParameterError
        The folder exists or cannot be made, or the number of workers is not positive.
    """
    folder = Path(folder).expanduser().resolve()
    if workers < 1:
        raise ParameterError("workers", f"{workers} is not positive", "Use 1 or the number of cores")
    if folder.exists():
        raise ParameterError(folder, "exists", "Remove it, or name another folder")
    partial = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise ParameterError(folder, f"cannot be made: {error.strerror}", "Name a folder you may write to") from error
    try:
        _write(scenario, partial, workers, progress)
        _put(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return folder / "study.toml"


def _put(partial, folder):
    try:
        os.rename(partial, folder)
    except OSError as error:  # no check before can tell: another process may have made it just now
        raise ParameterError(folder, f"cannot be put in place: {error.strerror}", "Name another folder") from error


def _write(scenario, partial, workers, progress):
    stations = scenario.geometry.stations
    jobs = [(scenario, number, day, partial / "sds") for number in range(len(stations)) for day in range(scenario.days)]
    bar = {"total": len(jobs), "desc": "station-days", "unit": "day", "disable": not progress}
    if workers == 1:
        made = list(tqdm(map(_job, jobs), **bar))
    else:
        with ProcessPoolExecutor(workers) as pool:
            made = list(tqdm(pool.map(_job, jobs), **bar))
    inventory(scenario.geometry, scenario.rate_hz, scenario.begin).write(str(partial / "stations.xml"), "STATIONXML")
    truth = pd.DataFrame([row for day in made for row in day.truth], columns=_TRUTH)
    catalogue, truth = compile_catalogue(scenario, truth)
    write_csv(catalogue, partial / "catalogue.csv")
    _table(scenario, truth, partial / "truth.csv")
    found = pd.DataFrame([row for day in made for row in day.faults], columns=_FAULT)
    _table(scenario, found, partial / "faults.csv")
    disturbances = pd.DataFrame([row for day in made for row in day.clutter], columns=_CLUTTER)
    _table(scenario, disturbances, partial / "clutter.csv")
    (partial / "README.md").write_text(describe(scenario, truth, found, disturbances), encoding="utf-8")
    (partial / "study.toml").write_text(_study(scenario), encoding="utf-8")


_TRUTH = [
    "event", "event_class", "magnitude", "x_km", "y_km", "z_km", "origin_s", "station", "distance_km", "onset_s",
    "end_s", "snr_db",
]  # fmt: skip
_FAULT = ["station", "kind", "component", "start_s", "end_s", "size"]
_TIMES = ("origin_s", "onset_s", "end_s", "start_s")
_CLUTTER = ["station", "kind", "start_s", "end_s", "peak_m_s"]


def _job(job):
    return station_day(*job)


def station_day(scenario: Scenario, number: int, day: int, root: Path) -> StationDay:
    """Make the record of one station and UTC day and write it below ``root``; the rows of truth come back.

    Parameters
    ----------
    scenario
        What to simulate.
    number
        Station, counted from 0.
    day
        Day, counted from 0.
    root
        Top of the SDS archive.
    """
    station, rate = scenario.geometry.stations[number], scenario.rate_hz
    sensor, begin, samples = instrument(station), day * DAY_S, round(DAY_S * rate)
    name, first = f"{station.network}.{station.station}", round(begin * rate)
    level = {"level": scenario.noise_level}
    record = ambient.ambient(station, begin, samples, rate, scenario.setting, scenario.seed, instrument=sensor, **level)
    found = StationDay([], [], [])
    tail_s = _RINGS / (sensor.damping * 2 * np.pi * sensor.corner_hz)
    for item in clutter.between(station, begin - tail_s, begin + DAY_S, scenario.setting, scenario.seed, **level):
        start, velocity = clutter.render(item, station, rate)
        ambient.add(record, first, start, recorded(velocity, station, rate))
        if begin <= item.start_s < begin + DAY_S:
            span = {"start_s": item.start_s, "end_s": item.start_s + item.duration_s}
            found.clutter.append({"station": name, "kind": item.kind, "peak_m_s": item.peak, **span})
    for event in heard(scenario, station, begin - tail_s, begin + DAY_S):
        rng = np.random.default_rng([scenario.seed, _RENDER, event.number, station.seed])
        start_s, velocity = event.render(station, rate, rng)
        ambient.add(record, first, round(start_s * rate), recorded(velocity, station, rate))
        if begin <= event.onset_s(station) < begin + DAY_S:
            found.truth.append({**_truth(scenario, event, station, start_s, velocity), "station": name})
    faulty = faults.draw(station, day, scenario.seed, scenario.faults)
    # A glitch late on the day before still rings.
    ringing = faults.draw(station, day - 1, scenario.seed, scenario.faults) if day else []
    ringing = [fault for fault in ringing if fault.kind == "glitch"]
    counts, clipped = faults.digitise(record, ringing + faulty, sensor, rate, begin)
    found.faults.extend({"station": name, **asdict(fault)} for fault in faulty + clipped)
    _write_day(scenario, station, day, faults.pieces(counts, faulty, rate, begin), root)
    return found


def recorded(velocity: np.ndarray, station: Station, rate_hz: float) -> np.ndarray:
    """What a station's sensor makes of a ground motion.

    Parameters
    ----------
    velocity
        (3, n) in m/s, rows Z, N, E; nothing before and after.
    station
        Orientation and instrument are used.
    rate_hz
        Sampling rate.

    Returns
    -------
    numpy.ndarray
        Float32 (3, m), counts before the digitiser, m > n by the time in which the pendulum comes to rest.
    """
    sensor = instrument(station)
    tail = _RINGS / (sensor.damping * 2 * np.pi * sensor.corner_hz) * rate_hz
    # Few different sizes, so that the response is computed once for many events.
    size = fft.next_fast_len(-(-(velocity.shape[1] + round(tail)) // 4096) * 4096, real=True)
    spectrum = fft.rfft(rotate(velocity, station.azimuth_deg), size)
    spectrum *= _response(station.instrument, size, rate_hz)
    return fft.irfft(spectrum, size)


@lru_cache(maxsize=16)  # at most 20 MB
def _response(name, size, rate_hz):
    return INSTRUMENTS[name].response(fft.rfftfreq(size, 1 / rate_hz)).astype("c8")


def _truth(scenario: Scenario, event: TwinEvent, station: Station, start_s: float, velocity: np.ndarray) -> dict:
    """Onset, end and signal-to-noise ratio at a station, all in 2-8 Hz on the vertical.

    The ratio is that of the rms over the central 90 % of energy. The end is where an analyst would set it: where the
    mean power of five seconds was last above that at which half of the events are listed; where it never was, the end
    of the central 90 %.
    """
    rate = scenario.rate_hz
    # A filter without ripples in time: they would outlast the signal.
    band = butter(4, SNR_BAND_HZ, "bandpass", fs=rate, output="sos")
    power = np.cumsum(sosfiltfilt(band, velocity[0].astype(float)) ** 2)
    low, high = np.searchsorted(power, [0.05 * power[-1], 0.95 * power[-1]])
    heard = np.sqrt(0.9 * power[-1] / max(high - low, 1))
    onset_s = event.onset_s(station)
    quiet = noise.band_rms(
        station, max(onset_s, 0.0), SNR_BAND_HZ, scenario.setting, scenario.seed, scenario.noise_level
    )[0]
    average = round(AVERAGE_S * rate)
    visible = np.flatnonzero(power[average:] - power[:-average] > average * quiet**2 * 10 ** (SEEN_DB / 10))
    last = visible[-1] + average if visible.size else high
    x, y, z = event.place_km
    offset = np.array([x - station.x_km, y - station.y_km, z - station.z_km])
    return {
        "event": event.number,
        "event_class": event.event_class,
        "magnitude": event.magnitude,
        "x_km": x,
        "y_km": y,
        "z_km": z,
        "origin_s": event.origin_s,
        "distance_km": float(np.linalg.norm(offset)),
        "onset_s": onset_s,
        "end_s": start_s + last / rate,
        "snr_db": float(20 * np.log10(max(heard, 1e-15) / quiet)),
    }


def _write_day(scenario, station, day, pieces, root):
    midnight = scenario.begin + day * DAY_S
    for component, channel in enumerate(station.channels):
        codes = {"network": station.network, "station": station.station, "location": "", "channel": channel}
        name = SDS_FMTSTR.format(year=midnight.year, doy=midnight.julday, sds_type="D", **codes)
        traces = [
            Trace(
                np.ascontiguousarray(piece.samples[component]),
                {
                    **codes,
                    "sampling_rate": scenario.rate_hz,
                    "starttime": midnight + piece.first / scenario.rate_hz + piece.late_s,
                },
            )
            for piece in pieces
        ]
        if traces:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Stream(traces).write(str(path), format="MSEED", encoding="STEIM2", reclen=RECORD_BYTES)


def _table(scenario, rows, path):
    """Write a table of truth; columns of seconds after the start become UTC times."""
    rows = rows.copy()
    for name in _TIMES:
        if name in rows:
            moved = pd.to_datetime([timestamp(scenario, value) for value in rows[name]], utc=True)
            texts = moved.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            rows[name] = [text if isinstance(text, str) else "" for text in texts]
    rows = rows.rename(columns=lambda name: name.removesuffix("_s") if name in _TIMES else name)
    rows.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


def _study(scenario):
    """Text of the study file; splits by period: three fifths, one fifth, one fifth, ten minutes apart."""
    length = f"{scenario.days} day{'' if scenario.days == 1 else 's'}"
    hours = 24 * scenario.days
    bounds = [0, round(0.6 * hours), round(0.8 * hours), hours]
    splits = "\n".join(
        f'{split} = [["{_utc(scenario, 3600 * a)}", "{_utc(scenario, 3600 * b - 600)}"]]'
        for split, a, b in zip(("train", "validation", "test"), bounds[:-1], bounds[1:], strict=True)
    )
    stations = ",\n".join(f'  "{s.network}.{s.station}..{s.channels[0][:2]}?"' for s in scenario.geometry.stations)
    classes = "\n".join(f'{name} = ["{name}"]' for name in _CLASSES[scenario.setting])
    return f"""\
name = "twin_{scenario.setting}_{scenario.seed}"
title = "Simulated {scenario.setting} network, {length}, difficulty {scenario.difficulty}"
summary = "Simulated by tremorlab.twin; nothing here was recorded. Truth: truth.csv beside this file."
licence = "CC0"
citation = "The Tremor Compendium, tremorlab.twin"
stations = [
{stations},
]
components = "Z"

[classes]
{classes}

[[catalogues]]
file = "./catalogue.csv"

[waveforms]
kind = "sds"
root = "./sds"

[preparation]
highpass_hz = 1.0
inventory = "./stations.xml"

[splits]
kind = "period"

[splits.periods]
{splits}
"""


def _utc(scenario, seconds):
    return (scenario.begin + seconds).strftime("%Y-%m-%dT%H:%M:%SZ")
