"""A reader's own study from windows to detections: a small network and a forest, and a search of the record.

Nothing here is kept as a result: trainings are found again by the hash of their windows (`tremorlab.classify.runs`),
everything else takes seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from obspy import UTCDateTime
from sklearn.base import ClassifierMixin

from tremorlab import paths
from tremorlab.catalog import splits
from tremorlab.catalog.sources import of_study
from tremorlab.classify import rivals
from tremorlab.classify.calibration import calibrated, fit_temperature
from tremorlab.classify.model_card import Score, describe, publish
from tremorlab.classify.networks import WaveformNetwork
from tremorlab.classify.runs import Run
from tremorlab.classify.scores import balanced_accuracy, bootstrap, confusion, interval
from tremorlab.classify.seeds import train_seeds
from tremorlab.classify.training import Examples, Training, probabilities
from tremorlab.dataset.balance import class_weights
from tremorlab.dataset.features import features
from tremorlab.dataset.spectra import margin_samples
from tremorlab.dataset.windows import cut, plan
from tremorlab.detect.continuous import Annotation, annotate
from tremorlab.detect.engine import Detector
from tremorlab.detect.export import export
from tremorlab.errors import DatasetError
from tremorlab.experiment.published import LIMITS
from tremorlab.intake import records
from tremorlab.intake.check import covered
from tremorlab.study import Study
from tremorlab.waveform.prepare import prepare, reach_s
from tremorlab.waveform.sources import Source, open_source

PARTS = ("train", "validation", "test")

#: Share of the training events that decide which epoch is kept, where the study has no validation part.
_HELD = 0.25


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of a study, divided.

    Attributes
    ----------
    study : Study
    classes : tuple of str
    examples : dict
        Part -> Examples.
    tables : dict
        Part -> rows of the plan, in the order of the examples.
    skipped : pandas.DataFrame
        window_id and reason of windows in the record that could not be cut.
    flags : pandas.Series
        Kind of what was found in windows that stay (clipping, mended spikes and gaps) -> number of such windows.
    unused : int
        Windows in no part, or beyond the most of a class.
    """

    study: Study
    classes: tuple[str, ...]
    examples: dict[str, Examples]
    tables: dict[str, pd.DataFrame]
    skipped: pd.DataFrame
    flags: pd.Series
    unused: int


def windows(study: Study, *, draws: int = 1, most: int = 2000, source: Source | None = None) -> Windows:
    """Cut the windows of a study and divide them as it says.

    Parameters
    ----------
    study
        The study.
    draws
        Times that each training event is cut, where onsets lie anywhere: each time its onset is drawn anew.
    most
        Most windows of a class that are used; of more, whole events are drawn. A window takes 17 kB and component.
    source
        Where records are; by default where the study says.

    Raises
    ------
    DatasetError
        A class has no window in training or test; the message says how many were skipped, and why the first.
    DataMissingError, WaveformError, CatalogError
        Records or event tables cannot be had.
    """
    planned = plan(of_study(study), study)
    # Windows outside the record would use up what a class may have.
    found = None if source or records.at_service(study) else records.of_study(study)
    planned = planned[covered(planned, found, study)].reset_index(drop=True)
    source = source or open_source(study)
    chosen = _fewer(planned, most, study.seed)
    found = cut(planned[chosen], source, study)
    part = _parts(found.windows, study)
    waveforms, table = [found.waveforms], [found.windows.assign(part=part)]
    if study.window.onset == "anywhere":
        again = set(found.windows["event_id"][(part == "train") & (found.windows["event_class"] != "noise")])
        for draw in range(1, draws):
            other = plan(of_study(study), study.model_copy(update={"seed": study.seed + draw}))
            more = cut(other[other["event_id"].isin(again)], source, study)
            own = (_parts(more.windows, study, again) == "train").to_numpy()
            waveforms.append(more.waveforms[own])
            table.append(more.windows[own].assign(part="train"))
    data, rows = np.concatenate(waveforms), pd.concat(table, ignore_index=True)
    classes = tuple(study.classes)
    examples, tables = {}, {}
    for name in PARTS:
        own = (rows["part"] == name).to_numpy()
        labels = rows["event_class"][own].map(classes.index).to_numpy(int)
        for absent in sorted(set(range(len(classes))) - set(labels)):
            why = f"; {len(found.skipped)} windows were skipped" if len(found.skipped) else ""
            why += f", the first because {found.skipped['reason'].iloc[0]}" if why else ""
            raise DatasetError(
                f"{name} windows of {study.name}", f"hold no {classes[absent]}{why}",
                "See `tremorlab study check`, and change [splits] or [classes]",
            )  # fmt: skip
        examples[name], tables[name] = Examples(data[own], labels), rows[own].reset_index(drop=True)
    unused = int((~chosen).sum() + (rows["part"] == "").sum())
    flags = found.flags.groupby("kind")["window_id"].nunique()
    return Windows(study, classes, examples, tables, found.skipped, flags, unused)


def _fewer(planned, most, seed):
    """Which rows stay: whole events in random order until a class has as many windows as it may have."""
    stay, rng = np.ones(len(planned), bool), np.random.default_rng(seed)
    for name in sorted(planned["event_class"].unique()):
        rows = np.flatnonzero(planned["event_class"] == name)
        events, member = np.unique(planned["event_id"].to_numpy()[rows], return_inverse=True)
        order = np.argsort(rng.permutation(len(events))[member], kind="stable")
        stay[rows[order[most:]]] = False
    return stay


def _parts(rows, study, trained=None):
    """Part of each window; a study without a validation part gives some training events to it.

    ``trained`` names the training events of the first draw: a later draw may not move an event.
    """
    if trained is not None and study.splits.kind in ("event", "random"):
        return pd.Series(np.where(rows["event_id"].isin(trained), "train", ""), index=rows.index)
    part = splits.divide(rows, study.splits, study.seed).astype("str")
    kinds = set(rows["event_class"])
    if set(rows["event_class"][part == "validation"]) != kinds:
        fit = rows[part.isin(["train", "validation"])]
        drawn = splits.by_event(fit, {"train": 1 - _HELD, "validation": _HELD}, study.seed).astype("str")
        part[fit.index] = drawn
    if trained is not None:
        part[~rows["event_id"].isin(trained)] = ""
    return part


def network_for(study: Study) -> WaveformNetwork:
    """A small one-dimensional network: as many stages as the window is long enough for, two filters to be read."""
    stages = 4 if study.window.samples >= 2048 else 3
    return WaveformNetwork(channels=(2, 16, 16, 16)[:stages], hidden=32, over_time="pooled")


def train(found: Windows, *, seeds: Sequence[int], epochs: int, workers: int | None = None) -> list[Run]:
    """Train the network once from each seed, or open what is trained already."""
    training = Training(epochs=epochs, batch=16, learning_rate=3e-3, patience=0)
    return train_seeds(
        network_for(found.study), training, found.examples["train"], found.examples["validation"], found.classes,
        seeds=seeds, folder=paths.derived() / "runs", workers=workers,
    )  # fmt: skip


def forest(found: Windows, seed: int) -> ClassifierMixin:
    """The random forest of `tremorlab.classify.rivals` on the features of the training windows."""
    return rivals.estimators(seed)["forest"].fit(table_of(found, "train"), found.examples["train"].labels)


def table_of(found: Windows, part: str) -> pd.DataFrame:
    """Features of the windows of a part."""
    margin = margin_samples(found.study.running_spectrum)
    inside = found.examples[part].waveforms[:, :, margin : margin + found.study.window.samples]
    return features(inside, found.study.preparation.sampling_rate_hz)


def scored(found: Windows, predictions: dict[str, np.ndarray], seed: int, draws: int = 2000) -> pd.DataFrame:
    """Balanced accuracy on the test windows with its interval over draws of events.

    Parameters
    ----------
    found
        The windows.
    predictions
        Name -> class of each test window, (windows,) or (seeds, windows).
    seed
        Of the draws.
    draws
        Number of draws.

    Returns
    -------
    pandas.DataFrame
        Index classifier; balanced_accuracy, low, high (95 %).
    """
    truth, events = found.examples["test"].labels, found.tables["test"]["event_id"]
    classes, rows = len(found.classes), {}
    drawn = bootstrap(
        truth, list(predictions.values()), events, classes, draws=draws, rng=np.random.default_rng(seed)
    )  # the same draws of events for all
    for (name, given), own in zip(predictions.items(), drawn, strict=True):
        each = [balanced_accuracy(confusion(truth, one, classes)) for one in np.atleast_2d(given)]
        low, high = interval(own)
        rows[name] = {"balanced_accuracy": float(np.mean(each)), "low": low, "high": high}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("classifier")


def detector(found: Windows, run: Run, score: pd.Series, folder: str | Path) -> Detector:
    """Calibrate a training on the validation windows, publish it with its card in a folder, and export it.

    Parameters
    ----------
    found
        The windows it was trained on.
    run
        The training.
    score
        balanced_accuracy, low and high, for the card.
    folder
        To be made.
    """
    model, part = run.model(), found.examples["validation"]
    weights = class_weights(part.labels, len(found.classes))[part.labels]
    heat = fit_temperature(probabilities(model, part.waveforms), part.labels, weights)
    test = found.examples["test"]
    counts = confusion(test.labels, probabilities(model, test.waveforms).argmax(axis=1), len(found.classes))
    card = describe(
        run, found.study, name=found.study.name, title=found.study.title, data=found.study.summary,
        split=f"by {found.study.splits.kind}", temperature=heat, limits=["Trained on one study.", *LIMITS[1:]],
        scores={"balanced accuracy": Score(value=score.balanced_accuracy, low=score.low, high=score.high)},
        recall=dict(zip(found.classes, (np.diag(counts) / counts.sum(axis=1)).tolist(), strict=True)),
    )  # fmt: skip
    return Detector(export(publish(folder, calibrated(model, heat), card)))


def spans(found: Windows) -> list[tuple[UTCDateTime, UTCDateTime]]:
    """Where the record is searched: UTC days with test windows, within the test periods or around these windows."""
    table = found.tables["test"]
    begin, end = UTCDateTime(table["start"].min().isoformat()), UTCDateTime(table["end"].max().isoformat())
    bounds = found.study.splits.periods["test"] if found.study.splits.kind == "period" else [(begin, end)]
    days = pd.concat([table["start"], table["end"]]).dt.floor("D").drop_duplicates().sort_values()
    days = [UTCDateTime(day.isoformat()) for day in days]
    pieces = [
        (max(a, begin, day), min(b, end, day + 86_400)) for a, b in bounds for day in days
    ]  # a day without any would count among the days searched
    return [(a, b) for a, b in pieces if a < b]


def search(
    found: Windows, using: Detector, stretches: Sequence[tuple[UTCDateTime, UTCDateTime]], step_s: float,
    most_days: float, source: Source | None = None,
) -> list[Annotation]:  # fmt: skip
    """Run a detector along stretches of record at every station of the study; at most so many days of each.

    Returns
    -------
    list of Annotation
        Of stretches in which some window has probabilities.
    """
    source, made = source or open_source(found.study), []
    for station in found.study.stations:
        left_s = most_days * 86_400
        for begin, end in stretches:
            end = min(end, begin + left_s)
            if end - begin <= found.study.window_s + step_s:
                continue
            left_s -= end - begin
            answer = annotate(source, station[:-1] + "?", begin, end, using, step_s=step_s)
            if answer.known.any():
                made.append(answer)
    return made


def amplitudes(found: Windows, searched: Annotation, source: Source | None = None) -> np.ndarray:
    """Largest prepared sample in each step of a searched record, (windows,); NaN where nothing was recorded."""
    source, settings, step_s = source or open_source(found.study), found.study.preparation, searched.step_s
    begin = searched.start - step_s / 2
    end, reach = begin + len(searched) * step_s, reach_s(settings)
    stream = source.get(f"{searched.station}.{_channel(found.study, searched.station)}", begin - reach, end + reach)
    made = prepare(stream, begin, end, components=found.study.components, settings=settings)
    loud = np.where(made.valid, np.abs(made.data).max(axis=0), np.nan)
    length = round(step_s * made.sampling_rate_hz)
    known = np.full(len(searched) * length, np.nan)
    known[: len(loud)] = loud[: len(known)]
    steps, empty = known.reshape(-1, length), np.isnan(known).reshape(-1, length).all(axis=1)
    highest = np.full(len(steps), np.nan)
    highest[~empty] = np.nanmax(steps[~empty], axis=1)
    return highest


def _channel(study, station):
    code = next(name for name in study.stations if name.startswith(".".join(station.split(".")[:2]) + "."))
    return code.rpartition(".")[2][:-1] + "?"


def listed(found: Windows, searched: Annotation) -> pd.DataFrame:
    """Test events that a searched station should show: event_id, event_class, onset, end, of onsets where it was read.

    An event that the catalogue gives no end is taken to be over a window after its onset at the latest: it counts as an
    instant.
    """
    catalogue = of_study(found.study)
    own = catalogue["event_class"].map(found.study.class_of)
    rows = catalogue.assign(event_class=own)
    code = ".".join(searched.station.split(".")[:2])
    here = found.tables["test"]
    tested = set(here["event_id"][(here["station"] == code) & (here["event_class"] != "noise")])
    rows = rows[rows["event_id"].isin(tested)]
    rows = rows[np.array([name == "" or _holds(name, code) for name in rows["station"]], bool)]
    start = pd.Timestamp(searched.start.ns, tz="UTC")
    place = np.rint((rows["onset"] - start).dt.total_seconds() / searched.step_s).astype(int)
    inside = (place >= 0) & (place < len(searched))
    known = searched.known[np.clip(place, 0, max(len(searched) - 1, 0))]
    return rows.loc[inside & known, ["event_id", "event_class", "onset", "end"]].reset_index(drop=True)


def _holds(name, code):
    return name == code or (name.endswith(".*") and code.startswith(name[:-1]))
