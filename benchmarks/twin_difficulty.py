"""What simple rivals reach on a report-like twin, and what the twin costs.

    python benchmarks/twin_difficulty.py --setting sakurajima --days 10 --stations 3 --out FOLDER

Without options: two days at two stations in a temporary folder, enough to see that a threshold does not do.

The split is by period. Rivals are those of `tremorlab.classify.rivals`; balanced accuracy, of which chance is 1/3.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from tremorlab import study as studies
from tremorlab.catalog import readers, splits
from tremorlab.classify.rivals import rivals, scored
from tremorlab.dataset import windows
from tremorlab.dataset.features import features
from tremorlab.twin.archive import simulate
from tremorlab.twin.scenario import configure
from tremorlab.waveform.sources import open_source


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
    table = features(cut.waveforms, study.preparation.sampling_rate_hz)
    labels, events = cut.windows["event_class"].to_numpy(), cut.windows["event_id"].to_numpy()
    train, test = (split == "train").to_numpy(), (split == "test").to_numpy()
    scores = rivals(table, labels, train, test, seed=given.seed, events=events)
    for name, score in scores.items():
        print(f"{name:10s} {score.balanced_accuracy:.3f} ({score.low:.3f} to {score.high:.3f})")
    print(f"crossing: {scores['threshold'].estimator.feature_}")
    print(scores["forest"].confusion.to_string())
    against_truth(cut.windows[test], events[test], scores["forest"].predicted, folder, given.seed)


def against_truth(chosen, events, predicted, folder, seed):
    """Say how much of the forest's errors are the catalogue's: wrong labels, and noise windows that hide an event."""
    truth = pd.read_csv(folder / "truth.csv").dropna(subset="catalogue_id")
    truth = truth.drop_duplicates(["catalogue_id", "station"]).set_index(["catalogue_id", "station"])
    rows = truth.reindex(pd.MultiIndex.from_frame(chosen[["event_id", "station"]]))
    true, listed = rows["event_class"].to_numpy(), chosen["event_class"].to_numpy()
    inside = np.isin(true, np.unique(listed))
    score = scored(true[inside], predicted[inside], events[inside], seed=seed)
    print(f"forest against the truth: {score.balanced_accuracy:.3f} ({score.low:.3f} to {score.high:.3f})")
    wrong = predicted != listed
    print(
        f"{wrong.sum()} errors: in {(wrong & (true != listed)).sum()} the label is wrong, "
        f"in {(wrong & (rows['hidden'] > 0).to_numpy()).sum()} a noise window holds an event"
    )


if __name__ == "__main__":
    main()
