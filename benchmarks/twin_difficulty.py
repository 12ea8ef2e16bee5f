"""What simple rivals reach on a report-like twin, and what the twin costs.

    python benchmarks/twin_difficulty.py --setting sakurajima --days 10 --stations 3 --out FOLDER

Without options: two days at two stations in a temporary folder, enough to see that a threshold does not do.

The split is by period. Rivals: always the majority class; two thresholds on one feature, the ratio of high to low
spectral power (the best of several crossings, chosen on the training period); a random forest on STA/LTA and spectral
features. Balanced accuracy; chance is 1/3.
"""

import argparse
import resource
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.signal import lfilter
from scipy.stats import kurtosis
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from sklearn.tree import DecisionTreeClassifier

from tremorlab import study as studies
from tremorlab.catalog import readers, splits
from tremorlab.dataset import windows
from tremorlab.twin.archive import simulate
from tremorlab.twin.scenario import configure
from tremorlab.waveform.sources import open_source

BANDS_HZ = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0)


def features(waveforms, rate_hz):
    """(windows, features) of the vertical; the first columns are logarithms of band power over the total."""
    vertical = waveforms[:, 0].astype("f8")
    power = np.abs(np.fft.rfft(vertical * np.hanning(vertical.shape[1]))) ** 2
    frequencies = np.fft.rfftfreq(vertical.shape[1], 1 / rate_hz)
    bands = np.array([power[:, (frequencies >= a) & (frequencies < b)].sum(1) for a, b in pairwise(BANDS_HZ)]).T
    centroid = (power * frequencies).sum(1) / power.sum(1)
    spread = np.sqrt((power * (frequencies - centroid[:, None]) ** 2).sum(1) / power.sum(1))
    square = vertical**2
    short = lfilter(np.ones(int(rate_hz)) / rate_hz, 1, square)
    long = lfilter(np.ones(int(30 * rate_hz)) / (30 * rate_hz), 1, square)
    ratio = (short / (long + 1e-30))[:, int(30 * rate_hz) :]
    smooth = short[:, int(rate_hz) :: int(rate_hz)]
    above = (smooth > 3 * np.median(smooth, 1, keepdims=True)).mean(1)
    shape = [
        ratio.max(1),
        ratio.min(1),
        ratio.std(1),
        above,
        kurtosis(vertical, axis=1),
        smooth.max(1) / smooth.mean(1),
    ]
    shape += [smooth.argmax(1), smooth.std(1) / smooth.mean(1)]
    return np.column_stack([np.log(bands / bands.sum(1, keepdims=True)), centroid, spread, *shape])


def rivals(waveforms, table, split, rate_hz):
    """Print and return the balanced accuracies on the test period."""
    x, y = features(waveforms, rate_hz), table["event_class"].to_numpy()
    train, test = (split == "train").to_numpy(), (split == "test").to_numpy()
    majority = pd.Series(y[train]).mode()[0]
    best = (0.0, None, None)
    power = np.exp(x[:, : len(BANDS_HZ) - 1])
    for crossing in range(2, len(BANDS_HZ) - 2):
        ratio = np.log(power[:, crossing:].sum(1) / power[:, :crossing].sum(1))[:, None]
        tree = DecisionTreeClassifier(max_leaf_nodes=3, class_weight="balanced", random_state=0).fit(
            ratio[train], y[train]
        )
        score = balanced_accuracy_score(y[train], tree.predict(ratio[train]))
        if score > best[0]:
            best = (score, BANDS_HZ[crossing], balanced_accuracy_score(y[test], tree.predict(ratio[test])))
    forest = RandomForestClassifier(
        400, class_weight="balanced_subsample", min_samples_leaf=2, random_state=0, n_jobs=2
    )
    guess = forest.fit(x[train], y[train]).predict(x[test])
    result = {
        "majority": balanced_accuracy_score(y[test], np.full(test.sum(), majority)),
        "one_feature": best[2],
        "crossing_hz": best[1],
        "forest": balanced_accuracy_score(y[test], guess),
    }
    print(pd.Series(result).round(3).to_string())
    labels = sorted(set(y))
    print(pd.DataFrame(confusion_matrix(y[test], guess, labels=labels), labels, labels).to_string())
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--setting", default="sakurajima")
    parser.add_argument("--days", type=int, default=2)
    parser.add_argument("--stations", type=int, default=2)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seed", type=int, default=20150815)
    parser.add_argument("--difficulty", default="report-like")
    parser.add_argument("--out", type=Path, help="folder of the twin; simulated there unless it exists")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        measure(given, given.out or Path(scratch) / "twin")


def measure(given, folder):
    """Simulate the twin unless it is there, cut its windows, score the rivals."""
    scenario = configure(
        setting=given.setting, days=given.days, stations=given.stations, rate_hz=given.rate, seed=given.seed,
        difficulty=given.difficulty,
    )  # fmt: skip
    if not folder.exists():
        began = time.perf_counter()
        simulate(scenario, folder)
        used = sum(resource.getrusage(who).ru_utime + resource.getrusage(who).ru_stime for who in (0, -1))
        print(f"{given.days * given.stations} station-days: {time.perf_counter() - began:.0f} s, {used:.0f} s of CPU")
    study = studies.load(folder / "study.toml")
    source = open_source(study)
    catalogue = readers.read(folder / "catalogue.csv")
    cut = windows.cut(windows.plan(catalogue, study), source, study)
    print(f"{len(cut.windows)} windows, {len(cut.skipped)} skipped")
    split = splits.divide(cut.windows, study.splits, study.seed)
    print(pd.crosstab(cut.windows["event_class"], split.astype(str)).to_string())
    truth = pd.read_csv(folder / "truth.csv").query("event >= 0")
    print(
        truth.assign(listed=truth.catalogue_id.notna())
        .groupby(["event_class", "listed"])
        .snr_db.describe()
        .round(1)
        .to_string()
    )
    rivals(cut.waveforms, cut.windows, split, study.preparation.sampling_rate_hz)


if __name__ == "__main__":
    main()
