"""Half an hour at two stations, as a new user might bring it: miniSEED files and a CSV in columns of its own.

High bursts of some seconds ("VT") and low ones of half a minute ("LP") in white noise: told apart by anything.
"""

import csv
from pathlib import Path

import numpy as np
from obspy import Stream, Trace, UTCDateTime
from scipy.signal import butter, sosfilt

START = UTCDateTime("2024-03-01T10:00:00Z")
RATE = 50.0


def bring(folder: Path, minutes: float = 30, every_s: float = 90.0, stations=("AA1", "AA2"), seed: int = 1) -> Path:
    """Write ``waves/`` and ``events.csv`` into a folder; an event of either class after the other."""
    rng = np.random.default_rng(seed)
    count = round(minutes * 60 * RATE)
    onsets = np.arange(60.0, minutes * 60 - 60, every_s) + rng.uniform(
        0, 20, len(np.arange(60.0, minutes * 60 - 60, every_s))
    )
    (folder / "waves").mkdir(parents=True)
    for number, station in enumerate(stations):
        noise = rng.normal(size=count)
        for event, onset in enumerate(onsets):
            low, high, lasts_s = ((6, 10, 8.0), (1.5, 3, 25.0))[event % 2]
            samples = round(lasts_s * RATE)
            sos = butter(2, (low, high), "bandpass", fs=RATE, output="sos")
            burst = sosfilt(sos, rng.normal(size=samples)) * np.exp(-np.arange(samples) / samples * 3) * 30
            first = round((onset + number) * RATE)
            noise[first : first + samples] += burst[: count - first]
        header = {"network": "XY", "station": station, "channel": "HHZ", "sampling_rate": RATE, "starttime": START}
        trace = Trace((100 * noise).astype(np.int32), header)
        Stream([trace]).write(str(folder / "waves" / f"{station}.mseed"), format="MSEED")
    with (folder / "events.csv").open("w", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["Time (UTC)", "Type", "Mag"])
        for event, onset in enumerate(onsets):
            writer.writerow([str(START + onset)[:-1].replace("T", " "), ("VT", "LP")[event % 2], 1.0])
    return folder
