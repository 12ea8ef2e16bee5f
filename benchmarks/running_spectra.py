"""Running spectra of 10,000 windows: tremorlab beside loops over scipy, in one run.

    python benchmarks/running_spectra.py [--quick]

All make the report's picture (Hann taper, 128 samples, half overlap, frequencies 1-64 of the FFT, divided by the
maximum of the window) from the same single-component windows of 4160 samples. The loop over
``scipy.signal.spectrogram`` is given the taper ready-made and no detrending, its fastest form. The floor is the real
FFTs alone, of frames that are tapered already. Figures are medians of process CPU time over alternating rounds; the
loop over ``ShortTimeFFT`` runs on fewer windows. The exit status is 1 when the bar is missed or the results differ.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import scipy.fft
import scipy.signal
from benchmarks import report

from tremorlab.dataset.spectra import running_spectra
from tremorlab.study import RunningSpectrum

RATE_HZ = 25.0
SETTINGS = RunningSpectrum()
TAPER = scipy.signal.get_window("hann", SETTINGS.fft_samples).astype(np.float32)
BAR = 2.5
LIMIT = 1e-6


def ours(windows):
    return running_spectra(windows, SETTINGS, RATE_HZ)[:, 0]


def spectrogram_loop(windows):
    spectra = np.empty((len(windows), 64, 64), np.float32)
    for i, window in enumerate(windows):
        _, _, spectrum = scipy.signal.spectrogram(
            window[0], RATE_HZ, window=TAPER, nperseg=128, noverlap=64, detrend=False, mode="magnitude"
        )
        spectra[i] = spectrum[1:] / spectrum[1:].max()
    return spectra


def short_time_fft_loop(windows):
    transform = scipy.signal.ShortTimeFFT(TAPER.astype(float), hop=64, fs=RATE_HZ)
    first = transform.lower_border_end[1]
    last = transform.upper_border_begin(windows.shape[-1])[1]
    spectra = np.empty((len(windows), 64, 64), np.float32)
    for i, window in enumerate(windows):
        spectrum = np.abs(transform.stft(window[0], p0=first, p1=last))[1:]
        spectra[i] = spectrum / spectrum.max()
    return spectra


def transforms(windows):
    """The floor: as many FFTs as the windows have frames, of the same few tapered frames."""
    frames = np.lib.stride_tricks.sliding_window_view(windows[:64, 0], 128, axis=-1)[:, ::64] * TAPER
    start = time.process_time()
    for first in range(0, len(windows), 64):
        scipy.fft.rfft(frames[: len(windows) - first], axis=-1)
    return time.process_time() - start


def cpu_s(function, windows):
    start = time.process_time()
    result = function(windows)
    return time.process_time() - start, result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1,000 windows and 3 rounds")
    quick = parser.parse_args().quick
    count, rounds = (1_000, 3) if quick else (10_000, 7)
    windows = np.random.default_rng(20110119).standard_normal((count, 1, 4160), dtype=np.float32)
    competitors = {  # name -> (function, windows it is given)
        "tremorlab, batched rfft": (ours, count),
        "loop over signal.spectrogram": (spectrogram_loop, count),
        "loop over signal.ShortTimeFFT": (short_time_fft_loop, count // 10),
    }
    for function, _ in competitors.values():
        function(windows[:32])  # plans and caches are made before the clock runs
    times, floor = {name: [] for name in competitors}, []
    difference = dict.fromkeys(competitors, 0.0)
    for _ in range(rounds):
        reference = None
        for name, (function, share) in competitors.items():
            seconds, spectra = cpu_s(function, windows[:share])
            times[name].append(seconds / share)
            reference = spectra if reference is None else reference
            difference[name] = max(difference[name], float(np.abs(spectra - reference[:share]).max()))
        floor.append(transforms(windows) / count)
    own = times["tremorlab, batched rfft"]
    print(f"running spectra of {count:,} windows, 1 component, float32; {rounds} alternating rounds")
    print(f"{'':32}{'windows':>9}{'us/window':>11}{'ratio':>8}{'max difference':>16}")
    for name, seconds in times.items():
        ratio = statistics.median(a / b for a, b in zip(seconds, own, strict=True))
        print(
            f"{name:32}{competitors[name][1]:9,}{statistics.median(seconds) * 1e6:11.1f}{ratio:8.1f}"
            f"{difference[name]:16.1e}"
        )
    print(f"{'floor, FFTs alone':32}{count:9,}{statistics.median(floor) * 1e6:11.1f}")
    peer = times["loop over signal.spectrogram"]
    row = report.row(
        "running spectra",
        "µs of CPU a window",
        statistics.median(own) * 1e6,
        peer=("`scipy.signal.spectrogram`, window by window", statistics.median(peer) * 1e6),
        floor=("the FFTs alone", statistics.median(floor) * 1e6),
        ratio=statistics.median(a / b for a, b in zip(peer, own, strict=True)),
        bars=(report.Bar("ratio", least=BAR),),
        equal=max(difference.values()) <= LIMIT,
    )
    report.write([row])
    print(f"bar: at least {BAR} x signal.spectrogram, equal to {LIMIT:g}: {'met' if row['met'] else 'MISSED'}")
    return 0 if row["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
