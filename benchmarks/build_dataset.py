"""10,000 windows out of day files: tremorlab beside one obspy read and processing chain per event, in one run.

    python benchmarks/build_dataset.py [--quick] [--folder FOLDER]

The records are synthetic: three components, 100 Hz, coloured noise with bursts, written by obspy as an SDS archive
of Steim-2 day files (28 MB a station-day). The windows are 163.84 s with the margin of the running spectrum, 3 x 4160
samples at 25 Hz.

tremorlab cuts 10,000 windows from 4 days (2,500 events a day), and 500 from 10 days (50 a day), from which the time for
10,000 is scaled. The peer asks obspy's SDS client for the record of one event, merges, detrends, filters and
interpolates it; 40 events are measured and scaled, since all cost the same. Figures are medians of process CPU time
over alternating rounds; nothing is kept from round to round. The floor is reading every day file once, with obspy and
nothing else. A sample of the windows is compared with `prepare` run on each alone (root mean square, which has to be
1e-6 or less; and the largest difference of a sample, relative to the largest amplitude of its window) and with the
peer's, which has other filters. The exit status is 1 when a bar is missed or the results differ.
"""

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import obspy
import pandas as pd
import scipy.signal
from benchmarks import report
from obspy import Trace, UTCDateTime
from obspy.clients.filesystem.sds import Client

from tremorlab.catalog.table import from_records
from tremorlab.dataset.spectra import margin_samples
from tremorlab.dataset.windows import cut, plan
from tremorlab.study import Study
from tremorlab.waveform.files import SDSSource
from tremorlab.waveform.prepare import prepare, reach_s

FIRST_DAY = UTCDateTime(2015, 8, 15)
RATE_HZ, DAY_S = 100.0, 86_400
BARS = {2_500: 100.0, 50: 6.0}
LIMIT = 1e-6
COMPARED = 40

STUDY = Study(
    name="benchmark",
    title="Synthetic station-days",
    summary="Coloured noise with bursts",
    licence="none",
    citation="none",
    classes={"vt": ["vt"]},
    stations=["XX.AAA..HH?"],
    components="ZNE",
    catalogues=[{"file": "none.csv"}],
    waveforms={"kind": "sds", "root": "temporary"},
)


def write_archive(root, days, rng):
    """Day files: noise with a spectrum that falls with frequency, and 80 bursts a day."""
    for day in range(days):
        for component in STUDY.components:
            noise = scipy.signal.lfilter([200.0], [1.0, -0.95], rng.standard_normal(int(DAY_S * RATE_HZ), np.float32))
            for onset in rng.integers(0, len(noise) - 6000, 80):
                burst = rng.standard_normal(6000) * np.exp(-np.arange(6000) / 1000)
                noise[onset : onset + 6000] += 5000 * burst
            start = FIRST_DAY + day * DAY_S
            header = {"sampling_rate": RATE_HZ, "starttime": start, "network": "XX", "station": "AAA"}
            trace = Trace(noise.astype(np.int32), header | {"channel": f"HH{component}"})
            folder = root / str(start.year) / "XX" / "AAA" / f"HH{component}.D"
            folder.mkdir(parents=True, exist_ok=True)
            name = f"XX.AAA..HH{component}.D.{start.year}.{start.julday:03d}"
            trace.write(str(folder / name), format="MSEED", encoding="STEIM2", reclen=512)


def catalogue(events_a_day, days, rng):
    """Events at random times, none so near the ends of the archive that its record would not suffice."""
    edge_s = STUDY.window_s + reach_s(STUDY.preparation)
    seconds = np.sort(rng.uniform(edge_s, days * DAY_S - edge_s, events_a_day * days))
    onsets = pd.Timestamp(FIRST_DAY.ns, tz="UTC") + pd.to_timedelta(seconds.round(3), unit="s")
    return from_records(
        {"event_id": f"e{i:05d}", "onset": onset, "event_class": "vt", "source": "drawn", "reliability": "high"}
        for i, onset in enumerate(onsets)
    )


def bounds(window):
    """Times of the first sample with margin, and of one after the last."""
    margin_s = margin_samples(STUDY.running_spectrum) / STUDY.preparation.sampling_rate_hz
    return UTCDateTime(ns=window.start.value) - margin_s, UTCDateTime(ns=window.end.value) + margin_s


def one_by_one(windows, root):
    """The usual chain, event by event: read, merge, detrend, high-pass, anti-alias, interpolate."""
    client, cuts = Client(str(root)), []
    for window in windows.itertuples():
        start, end = bounds(window)
        stream = client.get_waveforms("XX", "AAA", "", "HH?", start - 30, end + 30)
        stream.merge()
        stream.detrend("linear")
        stream.filter("highpass", freq=STUDY.preparation.highpass_hz, corners=2, zerophase=True)
        stream.filter("lowpass", freq=10.0, corners=4, zerophase=True)
        count = round((end - start) * STUDY.preparation.sampling_rate_hz)
        stream.interpolate(STUDY.preparation.sampling_rate_hz, starttime=start, npts=count)
        cuts.append([stream.select(component=component)[0].data for component in STUDY.components])
    return np.array(cuts)


def prepared_alone(windows, root):
    """Our own preparation, window by window, from a record of just the length that it needs."""
    source, reach = SDSSource(root), reach_s(STUDY.preparation)
    for window in windows.itertuples():
        start, end = bounds(window)
        stream = source.get(window.seed_id, start - reach, end + reach)
        yield prepare(stream, start, end, components=STUDY.components, settings=STUDY.preparation).data


def decoded(root, days):
    """The floor: every day file that is cut from, read once."""
    for day in range(days):
        for path in sorted(root.glob(f"*/*/*/*/*.{(FIRST_DAY + day * DAY_S).julday:03d}")):
            obspy.read(str(path))


def cpu_s(function, *arguments):
    start = time.process_time()
    result = function(*arguments)
    return time.process_time() - start, result


def compare(root, events_a_day, days, rounds, rng):
    """Print one line of the table, and return it as a row."""
    windows = plan(catalogue(events_a_day, days, rng), STUDY)
    sample = np.sort(rng.choice(len(windows), COMPARED, replace=False))
    own_s, peer_s, floor_s = [], [], []
    for _ in range(rounds):
        result = None  # 500 MB, before the next 500 MB are made
        seconds, result = cpu_s(lambda: cut(windows, SDSSource(root), STUDY))
        own_s.append(seconds / len(windows))
        seconds, theirs = cpu_s(one_by_one, windows.iloc[sample], root)
        peer_s.append(seconds / COMPARED)
        floor_s.append(cpu_s(decoded, root, days)[0] / len(windows))
    if len(result.windows) != len(windows):
        raise SystemExit(f"{len(result.skipped)} windows skipped, the first: {result.skipped['reason'][0]}")
    ours = result.waveforms[sample]
    alone = np.array(list(prepared_alone(windows.iloc[sample], root)))
    difference, peer_difference = (
        np.sqrt(np.mean((other - ours) ** 2) / np.mean(ours**2)) for other in (alone, theirs)
    )
    largest = float((np.abs(alone - ours).max(axis=(1, 2)) / np.abs(alone).max(axis=(1, 2))).max())
    ratio = statistics.median(peer / own for peer, own in zip(peer_s, own_s, strict=True))
    own, peer = statistics.median(own_s), statistics.median(peer_s)
    print(
        f"{events_a_day:10,}{len(windows):9,}{own * 1e3:10.2f}{peer * 1e3:10.1f}"
        f"{own * 1e4 / 60:10.2f}{peer * 1e4 / 60:10.1f}{ratio:8.1f}{BARS[events_a_day]:6g}"
        f"{difference:10.1e}{largest:9.1e}{peer_difference:9.1%}"
    )
    return report.row(
        f"dataset from day files, {events_a_day:,} events a day",
        "ms of CPU a window",
        own * 1e3,
        peer=("obspy, event by event", peer * 1e3),
        floor=("every day file read once", statistics.median(floor_s) * 1e3),
        ratio=ratio,
        bars=(report.Bar("ratio", least=BARS[events_a_day]),),
        equal=difference <= LIMIT,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1 and 2 days instead of 4 and 10, and 2 rounds")
    parser.add_argument("--folder", help="where the temporary archive is written (up to 300 MB)")
    arguments = parser.parse_args()
    days, rounds = ({2_500: 1, 50: 2}, 2) if arguments.quick else ({2_500: 4, 50: 10}, 5)
    rng = np.random.default_rng(20110119)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        write_archive(Path(folder), max(days.values()), rng)
        print(f"10,000 windows of 3 x 4160 samples from day files of 28 MB; CPU time, {rounds} alternating rounds")
        print(f"{'events':>10}{'windows':>9}{'ms per window':>20}{'min per 10,000':>20}{'rms difference from':>42}")
        print(
            f"{'a day':>10}{'measured':>9}{'ours':>10}{'obspy':>10}{'ours':>10}{'obspy':>10}{'ratio':>8}{'bar':>6}"
            f"{'alone':>10}{'(max)':>9}{'obspy':>9}"
        )
        rows = [compare(Path(folder), events, days[events], rounds, rng) for events in BARS]
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report.write(rows)
    met = all(row["met"] for row in rows)
    print(f"bars and equality to {LIMIT:g}: {'met' if met else 'MISSED'}; peak memory {peak_mb:,.0f} MB")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
