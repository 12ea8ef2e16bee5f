"""A live watch: does it keep up, how late is it, and what do kills do to it?

    python benchmarks/live.py [--minutes MINUTES] [--stations N] [--speed SPEED] [--kills KILLS] [--hours HOURS]

Keeping up: an archive of so many stations with three components at 100 Hz is played back at ``--speed`` times real
time; the network is the report's with random weights, evaluated every 10.24 s, early and final. The delay of a window
is the time from the end of what the network reads of it (half a window after its centre) to its first probabilities
in the database; at ``--speed 1`` the archive comes in packets of a second. The latency is the part of it that begins
when the packet with the last sample arrived: what the computer takes.

Kills: `tremorlab watch` plays ``--hours`` of four stations as fast as possible and is killed (SIGKILL) at random
moments; the events, detections, windows and QuakeML files in the end are compared with those of a watch that was left
alone. A small network keeps that to minutes.

The exit status is 1 when a bar is missed; the delay is judged at real-time rate or faster for at least 15 minutes.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd
import scipy.signal
from obspy import Trace, UTCDateTime
from tests.detect.networks import card, network, published

from tremorlab.classify.model_card import publish
from tremorlab.classify.networks import WaveformNetwork
from tremorlab.detect.export import export
from tremorlab.live.feeds import Replay
from tremorlab.live.state import FILE, State
from tremorlab.live.watch import FOLDER, Watch, quantile
from tremorlab.waveform.files import SDSSource

DAY, RATE_HZ = UTCDateTime(2015, 8, 15), 100.0

#: Seconds that the median window may be late.
DELAY_S = 2.0


def write_archive(root, stations, components, seconds):
    """Noise with a spectrum that falls with frequency, and bursts that all stations have."""
    rng = np.random.default_rng(20150815)
    count = round(seconds * RATE_HZ)
    bursts = rng.integers(0, count - 9000, max(1, round(seconds / 500)))
    for station in stations:
        for component in components:
            noise = scipy.signal.lfilter([200.0], [1.0, -0.95], rng.standard_normal(count, np.float32))
            for onset in bursts:
                noise[onset : onset + 9000] *= 1 + 20 * np.exp(-np.arange(9000) / 3000)
            codes = {"network": "XX", "station": station, "channel": f"HH{component}"}
            trace = Trace(noise.astype(np.int32), {"sampling_rate": RATE_HZ, "starttime": DAY} | codes)
            path = root / "2015" / "XX" / station / f"HH{component}.D" / f"XX.{station}..HH{component}.D.2015.227"
            path.parent.mkdir(parents=True, exist_ok=True)
            trace.write(str(path), format="MSEED", encoding="STEIM2", reclen=512)


def keep_up(folder, count, minutes, speed):
    """Play back at a multiple of real time; True where the bar holds, None where it is not judged."""
    stations, seconds = [f"S{k:02d}" for k in range(count)], 60 * minutes
    start = DAY + 300
    write_archive(folder / "sds", stations, "ZNE", 300 + seconds * max(1.0, speed) + 60)
    described = card("waveform", "ZNE", WaveformNetwork(), 4096)
    model = publish(folder / "model", network(described), described)
    export(model)
    end = start + seconds * speed
    feed = Replay(SDSSource(folder / "sds"), start, end, speed)
    watch = Watch(feed, model, folder / "out", [f"XX.{name}..HH?" for name in stations], start=start, end=end)
    wall, cpu = time.perf_counter(), time.process_time()
    figures = watch.run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    delay_s, latency_s = (quantile(values, 0.5) for values in (figures.delay_s, figures.latency_s))
    print(f"{count} stations x 3 components at {RATE_HZ:g} Hz, {minutes:g} min at {speed:g} times real time")
    print(f"  {figures.windows} final windows in {wall:.0f} s, {cpu / wall:.2f} processors busy")
    print(
        f"  first probabilities, median (90 %): delay {delay_s:.2f} s ({quantile(figures.delay_s, 0.9):.2f} s)", end=""
    )
    print(f", latency {latency_s:.2f} s ({quantile(figures.latency_s, 0.9):.2f} s)")
    holds = delay_s / max(1.0, speed) < DELAY_S
    judged = minutes >= 15 and speed >= 1
    print(
        f"  bar: median delay under {DELAY_S:g} s: {'held' if holds else 'missed'}{'' if judged else ' (not judged)'}"
    )
    return holds if judged else None


def command(folder, out, end, stations):
    code = "from tremorlab.cli import app; app()"
    words = [sys.executable, "-c", code, "watch", folder / "small", "-o", out, "--replay", folder / "sds4"]
    words += ["--port", 0, "--speed", 0, "--start", DAY, "--end", end, "--on", 0.5, "--off", 0.4]
    return [str(word) for word in [*words, *(word for name in stations for word in ("-s", f"XX.{name}..HH?"))]]


def tables(out):
    """What a watch has left."""
    state = State(out / FILE, {})
    detections = [(ns, each.station, each.event_class, each.onset, each.end) for ns, each in state.detections()]
    windows = {
        (name, row["number"]): [np.nan] * 3 if row["probabilities"] is None else list(row["probabilities"].values())
        for name in state.stations()
        for row in state.windows(name, 0, 2**62)
    }
    events = state.events()
    state.close()
    return events, detections, windows, sorted(path.name for path in (out / FOLDER).iterdir())


def kills(folder, wanted, hours):
    """Kill a watch again and again; True where it comes to the same."""
    stations, end = [f"S{k:02d}" for k in range(4)], DAY + 3600 * hours
    write_archive(folder / "sds4", stations, "Z", 3600 * hours)
    model = published(folder, "waveform").rename(folder / "small")
    export(model)
    with subprocess.Popen(
        command(folder, folder / "whole", end, stations), stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()  # it has begun
        began = time.perf_counter()
        if process.wait() != 0:
            sys.exit("the watch that was left alone failed")
    length_s = time.perf_counter() - began
    rng, done, lives, finished = np.random.default_rng(1), 0, [], False
    while not finished:
        with subprocess.Popen(
            command(folder, folder / "killed", end, stations), stdout=subprocess.PIPE, text=True
        ) as process:
            process.stdout.readline()  # it has begun
            if done < wanted:
                lives.append(rng.uniform(0, 0.8 * length_s / wanted))
                try:
                    process.wait(lives[-1])
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    done += 1
            finished = process.wait() == 0
    alone, killed = (tables(folder / name) for name in ("whole", "killed"))
    print(
        f"{hours:g} h x 4 stations, {len(alone[0])} events, {len(alone[1])} detections, {length_s:.0f} s without kills"
    )
    print(f"  killed {done} times, every {statistics.mean(lives):.1f} s on average")
    pd.testing.assert_frame_equal(killed[0], alone[0])
    same = killed[1] == alone[1] and killed[3] == alone[3] and killed[2].keys() == alone[2].keys()
    pairs = [np.abs(np.subtract(killed[2][key], values)) for key, values in alone[2].items() if key in killed[2]]
    apart = float(np.nanmax(pairs))
    print(
        f"  events equal; detections, files and windows {'equal' if same else 'DIFFER'}; probabilities to {apart:.1e}"
    )
    holds = same and apart < 1e-5 and done == wanted
    print(f"  bar: {wanted} kills change nothing: {'held' if holds else 'missed'}")
    return holds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--stations", type=int, default=20)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--hours", type=float, default=6.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        held = [keep_up(folder, given.stations, given.minutes, given.speed)] if given.minutes else []
        held += [kills(folder, given.kills, given.hours)] if given.kills else []
    sys.exit(1 if False in held else 0)


if __name__ == "__main__":
    main()
