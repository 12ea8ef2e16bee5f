"""Compare `tremorlab.waveform.prepare` with obspy's own processing on every recording at hand.

    TREMORLAB_DATA=/folder/of/recordings python benchmarks/prepare_against_obspy.py

obspy's way, for each stretch without a gap: demean, Butterworth high-pass (0.2 Hz, 4 corners) and low-pass (12 Hz, 16
corners), both run forwards and backwards, and Lanczos interpolation onto the same instants. Both results are
band-passed to 0.5-8 Hz, where both should hold the ground motion itself, and compared away from the ends of the
stretch. The table gives the rms of the difference in units of the rms of the signal, the delay of ours against obspy's
from the slope of the cross-spectrum, and the CPU time of both. What difference remains comes from the finite Lanczos
kernel (largest for 40 Hz) and from the slopes of the high-passes, which reach 0.5 Hz.
"""

import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import obspy
from scipy import signal

from tremorlab import paths
from tremorlab.study import Preparation
from tremorlab.waveform.prepare import prepare

SETTINGS = Preparation()
BAND_HZ = (0.5, 8.0)

# Stretches shorter than this, and this much of both ends, are left out of the comparison.
SHORTEST_S = 18.0
EDGE_S = 4.0


@dataclass
class Comparison:
    """One recording: lengths in s, CPU times in s, delay in s."""

    name: str
    rates_hz: list[float]
    stretches: int
    compared_s: float
    difference: float
    delay_s: float
    obspy_s: float
    ours_s: float

    def row(self) -> str:
        """Format as a row of the table."""
        low, high = min(self.rates_hz), max(self.rates_hz)
        rate = f"{low:g}" if low == high else f"{low:g}-{high:g}"
        return (
            f"| {self.name} | {rate} | {self.stretches} | {self.compared_s / 3600:.2f} | {100 * self.difference:.4f} "
            f"| {1e6 * self.delay_s:+.2f} | {self.obspy_s:.3f} | {self.ours_s:.3f} | {self.obspy_s / self.ours_s:.1f} |"
        )


HEADER = (
    "| recording | rate, Hz | stretches | compared, h | difference 0.5-8 Hz, % | delay, us "
    "| obspy, CPU s | ours, CPU s | ratio |\n|---|---|---|---|---|---|---|---|---|"
)


def recordings() -> list[Path]:
    """Every miniSEED file below `TREMORLAB_DATA`."""
    folder = paths.recordings()
    if folder is None:
        sys.exit("TREMORLAB_DATA is not set: name the folder of recordings")
    return sorted(folder.glob("*/*.mseed"))


def by_obspy(trace: obspy.Trace, start: obspy.UTCDateTime, samples: int) -> np.ndarray:
    """Prepare one gap-free trace with obspy's functions."""
    trace = trace.copy()
    trace.data = trace.data.astype("f8")
    trace.detrend("demean")
    trace.filter("highpass", freq=SETTINGS.highpass_hz, corners=4, zerophase=True)
    trace.filter("lowpass", freq=12.0, corners=16, zerophase=True)
    trace.interpolate(SETTINGS.sampling_rate_hz, method="lanczos", a=20, starttime=start, npts=samples)
    return trace.data


def compare(file: Path, longest_s: float = 1e7) -> Comparison:
    """Prepare every stretch of one file both ways, no more than its first ``longest_s`` seconds."""
    difference, power, spectrum, compared_s, obspy_s, ours_s, stretches = 0.0, 0.0, [], 0.0, 0.0, 0.0, 0
    rates: set[float] = set()
    for trace in _stretches(obspy.read(file), longest_s):
        rates.add(trace.stats.sampling_rate)
        start, end = trace.stats.starttime + 1, trace.stats.endtime - 1
        clock = time.process_time()
        prepared = prepare([trace], start, end, components=trace.id[-1], settings=SETTINGS)
        ours_s += time.process_time() - clock
        clock = time.process_time()
        theirs = by_obspy(trace, start, prepared.data.shape[1])
        obspy_s += time.process_time() - clock
        ours, theirs = (_banded(values) for values in (prepared.data[0][prepared.valid], theirs[prepared.valid]))
        difference += np.sum((ours - theirs) ** 2)
        power += np.sum(theirs**2)
        compared_s += len(ours) / SETTINGS.sampling_rate_hz
        stretches += 1
        spectrum.append(_delay(ours, theirs))
    moment, weight = np.sum(spectrum, axis=0)
    return Comparison(
        f"{file.parent.name}/{file.name}",
        sorted(rates),
        stretches,
        compared_s,
        float(np.sqrt(difference / power)),
        float(moment / weight),
        obspy_s,
        ours_s,
    )


def _stretches(stream, longest_s):
    """Gap-free traces that are long enough; cut at spikes, which obspy would smear over the record."""
    for trace in stream:
        start, end = trace.stats.starttime, trace.stats.endtime
        if end - start < SHORTEST_S:
            continue
        prepared = prepare([trace], start, end, components=trace.id[-1], settings=SETTINGS)
        edges = [start]
        for flag in prepared.flags:
            if flag.kind == "spike":
                edges += [flag.start - 1, flag.end + 1]
        edges.append(end)
        for first, last in zip(edges[::2], edges[1::2], strict=True):
            if last - first >= SHORTEST_S:
                yield trace.slice(first, min(last, first + longest_s))


def _banded(values):
    sos = signal.butter(4, BAND_HZ, "bandpass", fs=SETTINGS.sampling_rate_hz, output="sos")
    edge = int(EDGE_S * SETTINGS.sampling_rate_hz)
    return signal.sosfiltfilt(sos, values.astype("f8"))[edge:-edge]


def _delay(ours, theirs):
    """Weighted least-squares slope of the cross-spectrum's phase: moment and weight, delay = moment / weight."""
    cross = np.fft.rfft(theirs) * np.conj(np.fft.rfft(ours))
    radians = 2 * np.pi * np.fft.rfftfreq(len(ours), 1 / SETTINGS.sampling_rate_hz)
    return np.sum(np.abs(cross) * radians * np.angle(cross)), np.sum(np.abs(cross) * radians**2)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    warm_up = obspy.read()[:1]  # the first call pays for imports
    by_obspy(warm_up[0], warm_up[0].stats.starttime + 1, 500)
    print(HEADER)
    for file in recordings():
        print(compare(file).row(), flush=True)
