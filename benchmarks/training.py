"""What training costs: an epoch of each network, balanced against plain sampling, one decision, twenty kills.

    python benchmarks/training.py --windows 6000 --epochs 1

Windows are noise, since the cost does not depend on what is in them. Competitors take turns, and figures are medians
of rounds, in seconds of processor time, which other users of the machine disturb less than the clock; divided by the
number of cores that is the time to wait. The interrupted trainings are `tests/classify/interrupted.py`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from tremorlab.classify import training as training_module
from tremorlab.classify.networks import SpectrumNetwork, WaveformNetwork, build, parameters
from tremorlab.classify.training import Examples, Training

ROOT = Path(__file__).resolve().parents[1]
NETWORKS = {"1D": WaveformNetwork(), "2D": SpectrumNetwork()}
#: Minutes that thirty epochs on 6,000 windows may take on two cores.
BARS_MIN = {"1D": 2.0, "2D": 4.0}


def epochs(given):
    """Processor seconds of an epoch of each network with each way of sampling."""
    rng = np.random.default_rng(0)
    labels = rng.choice(3, given.windows, p=[0.6, 0.3, 0.1])
    fit = Examples(rng.normal(size=(given.windows, 1, 4160)).astype(np.float32), labels)
    models = {}
    for name, network in NETWORKS.items():
        models[name] = training_module._compiled(build(network, (1, 4160), 3), Training(), given.windows)
        models[name].train_on_batch(fit.waveforms[:64], np.eye(3)[labels[:64]])  # traced before the clock starts
        print(f"{name}: {parameters(models[name])} trained weights", flush=True)
    spent = {(name, sampling): [] for name in models for sampling in ("plain", "balanced")}
    for _ in range(given.epochs):
        for (name, sampling), seconds in spent.items():
            began = time.process_time()
            training_module._epoch(models[name], Training(sampling=sampling), fit, "abc", 4160, 0, 0)
            seconds.append(time.process_time() - began)
    return {key: statistics.median(seconds) for key, seconds in spent.items()}


def latency_ms(rounds=7, repeats=20):
    """Milliseconds of processor time of one decision, least of rounds: ``predict_on_batch`` of one window."""
    window = np.random.default_rng(0).normal(size=(1, 1, 4160)).astype(np.float32)
    models = {name: build(network, (1, 4160), 3) for name, network in NETWORKS.items()}
    spent = {name: [] for name in models}
    for model in models.values():
        model.predict_on_batch(window)
    for _ in range(rounds):
        for name, model in models.items():
            began = time.process_time()
            for _ in range(repeats):
                model.predict_on_batch(window)
            spent[name].append((time.process_time() - began) / repeats * 1e3)
    return {name: min(values) for name, values in spent.items()}


def kills(number):
    """What became of trainings that were killed."""
    with tempfile.TemporaryDirectory() as scratch:
        script = ROOT / "tests" / "classify" / "interrupted.py"
        done = subprocess.run(
            [sys.executable, script, Path(scratch) / "runs", str(number), "1"],
            capture_output=True,
            text=True,
            check=True,
        )
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--windows", type=int, default=1500)
    parser.add_argument("--epochs", type=int, default=3, help="rounds of an epoch of each competitor")
    parser.add_argument("--kills", type=int, default=20)
    given = parser.parse_args()
    keras.utils.set_random_seed(0)
    for name, value in latency_ms().items():
        print(f"one decision, {name}: {value:.2f} ms (bar 5)", flush=True)
    seconds = epochs(given)
    for name in NETWORKS:
        plain, balanced = (seconds[name, sampling] * 6000 / given.windows for sampling in ("plain", "balanced"))
        print(
            f"{name}: {plain:.1f} s an epoch of 6000 windows; 30 epochs on two cores {plain * 30 / 120:.1f} min "
            f"(bar {BARS_MIN[name]:g}); balanced over plain {balanced / plain:.2f} (bar 1.10)",
            flush=True,
        )
    print(f"killed trainings: {kills(given.kills)}")


if __name__ == "__main__":
    main()
