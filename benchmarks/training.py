"""What training costs: an epoch of each network, balanced against plain sampling, one decision, twenty kills.

    python benchmarks/training.py --windows 6000 --epochs 1

Windows are noise, since the cost does not depend on what is in them. Competitors take turns, and figures are medians
of rounds, in seconds of processor time, which other users of the machine disturb less than the clock; divided by the
number of cores that is the time to wait. The interrupted trainings are `tests/classify/interrupted.py`.

The peer of an epoch is Keras's own `Model.fit` on the same windows, plain and in batches of the same size; the floor is
as many steps on one batch that lies ready. The peers of a decision, which the exported network makes, are the two ways
that Keras has of making one; the floor is its share of a batch.
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
# As tremorlab sets it for who imports it before Keras: without it training takes twice as long on many processors.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import keras
import numpy as np
from benchmarks import report
from tests.detect.networks import card, network

from tremorlab.classify import training as training_module
from tremorlab.classify.model_card import publish
from tremorlab.classify.networks import SpectrumNetwork, WaveformNetwork, build, parameters
from tremorlab.classify.training import Examples, Training
from tremorlab.detect.engine import Detector
from tremorlab.detect.export import export

ROOT = Path(__file__).resolve().parents[1]
NETWORKS = {"1D": WaveformNetwork(), "2D": SpectrumNetwork()}
KINDS = {"1D": "waveform", "2D": "spectrum"}

#: Minutes that thirty epochs on 6,000 windows may take on two cores.
BARS_MIN = {"1D": 2.0, "2D": 4.0}

#: How much longer an epoch of balanced batches may take than a plain one, and milliseconds of a decision.
BALANCED, DECISION_MS = 1.1, 5.0

#: Windows whose time is shared in the floor of a decision.
SHARED = 64


def epochs(given):
    """Processor seconds of an epoch of each network, round by round: both ways of sampling, Keras, the floor."""
    rng = np.random.default_rng(0)
    labels = rng.choice(3, given.windows, p=[0.6, 0.3, 0.1])
    fit = Examples(rng.normal(size=(given.windows, 1, 4160)).astype(np.float32), labels)
    models = {}
    truth = np.eye(3, dtype=np.float32)[labels]
    batch = Training().batch
    for name, settings in NETWORKS.items():
        models[name] = training_module._compiled(build(settings, (1, 4160), 3), Training(), given.windows)
        # Traced before the clock starts.
        models[name].train_on_batch(fit.waveforms[:64], truth[:64])
        models[name].fit(fit.waveforms[:batch], truth[:batch], batch_size=batch, verbose=0)
        print(f"{name}: {parameters(models[name])} trained weights", flush=True)

    def steps(model):
        for _ in range(0, given.windows, batch):
            model.train_on_batch(fit.waveforms[:batch], truth[:batch])

    ways = {
        "plain": lambda model: training_module._epoch(model, Training(sampling="plain"), fit, "abc", 4160, 0, 0),
        "balanced": lambda model: training_module._epoch(model, Training(sampling="balanced"), fit, "abc", 4160, 0, 0),
        "keras": lambda model: model.fit(fit.waveforms, truth, batch_size=batch, verbose=0),
        "floor": steps,
    }
    spent = {(name, way): [] for name in models for way in ways}
    for number in range(given.epochs):
        # Back and forth, so that none always comes after the same one.
        for name, way in list(spent)[:: -1 if number % 2 else 1]:
            began = time.process_time()
            ways[way](models[name])
            spent[name, way].append(time.process_time() - began)
    return spent


def latency_ms(folder, rounds=7, repeats=20):
    """Milliseconds of processor time of one decision, round by round: exported, through Keras, in a batch."""
    many = np.random.default_rng(0).normal(size=(SHARED, 1, 4160)).astype(np.float32)
    window, runs = many[:1], {}
    for name, kind in KINDS.items():
        described = card(kind, "Z", NETWORKS[name], 4096)
        model = network(described)
        detector = Detector(export(publish(folder / kind, model, described)))
        runs[name, "exported"] = (lambda d=detector: d.windows(window)), repeats
        runs[name, "on batch"] = (lambda m=model: m.predict_on_batch(window)), repeats
        runs[name, "predict"] = (lambda m=model: m.predict(window, verbose=0)), repeats
        runs[name, "floor"] = (lambda d=detector: d.windows(many)), SHARED
    spent = {key: [] for key in runs}
    for run, _ in runs.values():
        run()
    for _ in range(rounds):
        for (name, way), (run, share) in runs.items():
            began = time.process_time()
            for _ in range(1 if way == "floor" else share):
                run()
            spent[name, way].append((time.process_time() - began) / share * 1e3)
    return spent


def ratio(spent, one, other):
    """Median over rounds of one competitor's time over another's."""
    return statistics.median(a / b for a, b in zip(spent[one], spent[other], strict=True))


def decision_rows(spent):
    """Rows of one decision of each network."""
    for name in NETWORKS:
        ours, floor = min(spent[name, "exported"]), min(spent[name, "floor"])
        for way, title in (("on batch", "Keras `predict_on_batch`"), ("predict", "Keras `predict`")):
            yield report.row(
                f"one decision, {name} network",
                "ms of CPU",
                ours,
                peer=(title, min(spent[name, way])),
                floor=(f"its share of a batch of {SHARED}", floor),
                bars=(report.Bar("ours", most=DECISION_MS),),
            )


def epoch_rows(spent, windows):
    """Rows of an epoch of each network, and of what balanced batches cost."""
    scale = 6000 / windows
    for name in NETWORKS:
        plain, balanced, fit, floor = (
            statistics.median(spent[name, way]) * scale for way in ("plain", "balanced", "keras", "floor")
        )
        ready = ("steps on one batch that lies ready", floor)
        yield report.row(
            f"training epoch of 6,000 windows, {name} network",
            "s of CPU",
            plain,
            peer=("Keras `fit`", fit),
            floor=ready,
            ratio=ratio(spent, (name, "keras"), (name, "plain")),
            over_floor=ratio(spent, (name, "plain"), (name, "floor")),
            bars=(report.Bar("ours", most=BARS_MIN[name] * 120 / 30),),
        )
        yield report.row(
            f"the same in class-balanced batches, {name} network",
            "s of CPU",
            balanced,
            peer=("batches as they come", plain),
            floor=ready,
            ratio=ratio(spent, (name, "plain"), (name, "balanced")),
            over_floor=ratio(spent, (name, "balanced"), (name, "floor")),
            bars=(report.Bar("ratio", least=round(1 / BALANCED, 2)),),
        )


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
    parser.add_argument("--epochs", type=int, default=9, help="rounds of an epoch of each competitor")
    parser.add_argument("--kills", type=int, default=20)
    given = parser.parse_args()
    keras.utils.set_random_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        rows = list(decision_rows(latency_ms(Path(folder))))
    for row in rows:
        print(
            f"{row['what']}: {row['ours']:.2f} ms (bar {DECISION_MS:g}), {row['peer']} {row['theirs']:.2f} ms, "
            f"{row['floor']} {row['least']:.2f} ms",
            flush=True,
        )
    seconds = epochs(given)
    rows += list(epoch_rows(seconds, given.windows))
    for name in NETWORKS:
        plain, balanced, fit, floor = (
            statistics.median(seconds[name, way]) * 6000 / given.windows
            for way in ("plain", "balanced", "keras", "floor")
        )
        print(
            f"{name}: {plain:.1f} s an epoch of 6000 windows; 30 epochs on two cores {plain * 30 / 120:.1f} min "
            f"(bar {BARS_MIN[name]:g}); balanced over plain {balanced / plain:.2f} (bar {BALANCED:g}); "
            f"Keras fit {fit:.1f} s, floor {floor:.1f} s",
            flush=True,
        )
    report.write(rows)
    if given.kills:
        print(f"killed trainings: {kills(given.kills)}")
    return 0 if all(row["met"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
