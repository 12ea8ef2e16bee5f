"""Semi-empirical tremor: recorded low-frequency earthquakes (LFEs) at catalogued times in recorded noise.

No redistributable record of tectonic tremor was at hand. What is here comes nearest to one:

Green's functions
    Stacks of LFEs of southern Cascadia at one station, vertical, 20 Hz, each the mean over hundreds of detections
    (Ducellier and Creager 2022, J. Geophys. Res. Solid Earth): source, path and site are recorded.
Times
    The detections of one day of an episode of tremor and slip, as catalogued, each with the stack of its family.
Background
    The recorded day of another station (II.MBAR, 20 May 2021) with its own earthquakes, untouched.

Bursts (detections less than half a minute apart) are scaled to a drawn signal-to-noise ratio in 2-8 Hz; within a burst
moments are exponential (Watanabe et al. 2007, doi:10.1029/2007GL029391). Bursts that would touch a catalogued window of
the background are left out, so that earthquakes and noise are as they were recorded.

Limits: call it semi-empirical, not recorded. A stack is smoother than any one LFE and carries the noise that
stacking left; LFEs too small to be catalogued are missing, so bursts are sparser than tremor; signal and noise come
from two stations and two continents, which a classifier may notice.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import obspy
import pandas as pd
from obspy import Stream, Trace, UTCDateTime
from obspy.clients.filesystem.sds import SDS_FMTSTR
from scipy import signal

from tremorlab import paths
from tremorlab.catalog.readers import read
from tremorlab.catalog.table import from_records
from tremorlab.catalog.writers import write_csv
from tremorlab.errors import DataMissingError, ParameterError

STACKS = "lfe_stacks_cascadia/lfe_stacks_20hz"
DETECTIONS = "lfe_stacks_cascadia/lfe_detections_2008-03-01_2008-05-15.csv.gz"
BACKGROUND = "mbar_2021/II.MBAR.00.BHZ.2021140.mseed"

#: Busiest day of the catalogue, and the station with stacks of most of its families and a fair ratio.
DAY, STATION = "2008-04-20", "ME27"

#: Signal-to-noise ratio of a burst (dB), uniform: its 5 s of largest power over the noise, 2-8 Hz.
SNR_DB = (-3.0, 18.0)

#: Detections farther apart belong to different bursts; a burst has at least so many (s, number).
GAP_S, FEWEST = 30.0, 3

_BAND_HZ = (2.0, 8.0)
_AVERAGE_S = 5.0
_CLEAR_S = 60.0


def simulate(folder: str | Path, *, seed: int = 20080420, day: str = DAY, station: str = STATION) -> Path:
    """Write a semi-empirical day: SDS archive, catalogue, truth and study file.

    Parameters
    ----------
    folder
        Folder to make; it appears when everything is written.
    seed
        Seed of the ratios and moments.
    day
        Day of detections, as YYYY-MM-DD.
    station
        Station of the stacks.

    Returns
    -------
    pathlib.Path
        The study file, for `tremorlab.study.load`: classes tremor (semi-empirical), earthquake and noise (recorded).

    Raises
    ------
    DataMissingError
        The stacks, the detections or the background are not on this machine.
    ParameterError
        The folder exists, or there are no stacks at the station, or no burst on the day.
    """
    folder = Path(folder).expanduser().resolve()
    if folder.exists():
        raise ParameterError(folder, "exists", "Remove it, or name another folder")
    trace = obspy.read(_file(BACKGROUND))[0]
    rate = trace.stats.sampling_rate
    stacks = _stacks(station, rate)
    recorded = read(paths.DATA / "catalogues" / "mbar_2021.csv")
    bursts = _bursts(day, stacks, _busy(recorded, trace), trace.stats.npts / rate)
    if not bursts:
        raise ParameterError(
            f"semi-empirical tremor, {day}", "has no burst in free background", "Take a day of the detections"
        )
    record, truth = _embed(trace.data.astype(float), rate, bursts, stacks, np.random.default_rng(seed))
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        partial.mkdir(parents=True)
        _write(partial, folder, record, trace, truth, recorded)
        os.rename(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return folder / "study.toml"


def _file(name):
    root = paths.recordings()
    if root is None or not (root / name).exists():
        raise DataMissingError(
            f"semi-empirical tremor, {name}",
            "is not on this machine",
            "Set TREMORLAB_DATA to the folder of recordings; data/README.md says where they come from",
        )
    return root / name


def _stacks(station, rate_hz):
    """Family -> stack, vertical, tapered, at the rate of the background."""
    table, values = pd.read_csv(_file(f"{STACKS}.csv")), np.load(_file(f"{STACKS}.npz"))["data"]
    rows = table[(table["station"] == station) & table["channel"].str.endswith("Z")]
    if rows.empty:
        raise ParameterError(
            "semi-empirical tremor", f"no stack at station {station!r}", f"Choose from {_names(table['station'])}"
        )
    taper = signal.windows.tukey(values.shape[1], 0.3)
    up = round(rate_hz / rows["sampling_rate_hz"].iloc[0])
    return {
        row.family: signal.resample_poly(values[row.index_] * taper, up, 1)
        for row in rows.rename(columns={"index": "index_"}).itertuples(index=False)
    }


def _names(column):
    return ", ".join(sorted(column.unique()))


def _busy(recorded, trace):
    """Spans of the recorded catalogue in seconds after the start of the background, with room around them."""
    origin = pd.Timestamp(trace.stats.starttime.ns, tz="UTC")
    onset = (recorded["onset"] - origin).dt.total_seconds()
    end = (recorded["end"] - origin).dt.total_seconds().fillna(onset + 164.0)
    return np.stack([onset - 2 * _CLEAR_S, end + _CLEAR_S], axis=1)


def _bursts(day, stacks, busy, length_s):
    """Lists of (seconds of the day, family), one list a burst, of families that have a stack, in free background."""
    table = pd.read_csv(_file(DETECTIONS))
    table = table[table["time_utc"].str.startswith(day) & table["family"].isin(list(stacks))].sort_values("time_utc")
    times = (pd.to_datetime(table["time_utc"]) - pd.Timestamp(day)).dt.total_seconds().to_numpy()
    parts = np.split(np.arange(len(times)), np.flatnonzero(np.diff(times) > GAP_S) + 1)
    found = []
    for part in parts:
        if len(part) < FEWEST:
            continue
        begin, end = times[part[0]], times[part[-1]] + 60.0
        if begin > _CLEAR_S and end < length_s and not ((busy[:, 0] < end) & (busy[:, 1] > begin)).any():
            found.append([(times[i], table["family"].iloc[i]) for i in part])
    return found


def _embed(record, rate, bursts, stacks, rng):
    """Background with the bursts, and a row of truth for each."""
    band = signal.butter(4, _BAND_HZ, "bandpass", fs=rate, output="sos")
    quiet = signal.sosfiltfilt(band, record)
    average = round(_AVERAGE_S * rate)
    rows = []
    for burst in bursts:
        begin = burst[0][0]
        train = np.zeros(round((burst[-1][0] - begin + 61.0) * rate))
        for time, family in burst:
            first, stack = round((time - begin) * rate), stacks[family]
            train[first : first + len(stack)] += rng.exponential() * stack
        power = np.convolve(signal.sosfiltfilt(band, train) ** 2, np.ones(average) / average, "same")
        loud = np.flatnonzero(power > 0.1 * power.max())
        first = round(begin * rate)
        around = quiet[max(first - round(_CLEAR_S * rate), 0) : first + len(train)]
        level = np.median(np.abs(around)) / 0.6745
        snr_db = rng.uniform(*SNR_DB)
        record[first : first + len(train)] += train * level * 10 ** (snr_db / 20) / np.sqrt(power.max())
        onset, end = begin + loud[0] / rate, begin + loud[-1] / rate
        rows.append({"onset_s": onset, "end_s": end, "snr_db": snr_db, "lfes": len(burst)})
    return record, pd.DataFrame(rows)


def _write(partial, folder, record, trace, truth, recorded):
    start = trace.stats.starttime
    begin = pd.Timestamp(start.ns, tz="UTC")
    codes = {"network": "XX", "station": "SEMI", "location": "", "channel": "BHZ"}
    path = partial / "sds" / SDS_FMTSTR.format(year=start.year, doy=start.julday, sds_type="D", **codes)
    path.parent.mkdir(parents=True)
    header = {**codes, "sampling_rate": trace.stats.sampling_rate, "starttime": UTCDateTime(ns=start.ns)}
    Stream([Trace(np.rint(record).astype(np.int32), header)]).write(str(path), format="MSEED", encoding="STEIM2")
    truth = truth.assign(event_id=[f"semi_empirical_{number:04d}" for number in range(len(truth))])
    tremor = [
        {
            "event_id": row.event_id,
            "onset": begin + pd.Timedelta(round(row.onset_s * 1000), "ms"),
            "end": begin + pd.Timedelta(round(row.end_s * 1000), "ms"),
            "event_class": "tremor",
            "source": "semi-empirical: catalogued LFE times",
            "reliability": "high" if row.snr_db > 10 else "medium" if row.snr_db > 3 else "low",
            "station": "XX.SEMI",
            "remarks": "semi-empirical",
        }
        for row in truth.itertuples()
    ]
    kept = recorded.assign(station="XX.SEMI").to_dict("records")
    write_csv(from_records(tremor + kept, "semi-empirical catalogue"), partial / "catalogue.csv")
    truth.to_csv(partial / "truth.csv", index=False, float_format="%.3f", lineterminator="\n")
    (partial / "study.toml").write_text(_STUDY.format(root=folder.as_posix()), encoding="utf-8")


_STUDY = """\
name = "semi_empirical_tremor"
title = "Semi-empirical tremor: Cascadia LFE stacks at catalogued times in a recorded day of II.MBAR"
summary = "Tremor is semi-empirical (tremorlab.twin.semi_empirical); the rest is recorded. Truth: truth.csv."
licence = "Network II, open data; LFE stacks and times: ask the authors before republishing"
citation = "Ducellier and Creager (2022), J. Geophys. Res. Solid Earth; Global Seismographic Network, doi:10.7914/SN/II"
stations = ["XX.SEMI..BHZ"]
components = "Z"

[classes]
tremor = ["tremor"]
earthquake = ["earthquake"]
noise = ["noise"]

[[catalogues]]
file = "{root}/catalogue.csv"

[waveforms]
kind = "sds"
root = "{root}/sds"

[preparation]
highpass_hz = 1.0

[splits]
kind = "event"
minimum = 1
"""
