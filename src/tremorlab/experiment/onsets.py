"""How long after an onset a network notices: windows slid over the record of events that it was not trained on.

What a network of connected layers has learned holds for the places at which it has seen onsets. In a continuous record
an event enters a window at its end and wanders to its beginning. So a network that has seen onsets early in the
window only may have to wait until one has got there; the delay is a matter of training, not of the network.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from tremorlab import study as studies
from tremorlab.catalog import splits
from tremorlab.catalog.sources import of_study
from tremorlab.classify.training import NOISE, probabilities
from tremorlab.dataset.spectra import margin_samples
from tremorlab.dataset.windows import cut, plan
from tremorlab.experiment import store
from tremorlab.experiment.trained import Experiment, runs
from tremorlab.experiment.twin_windows import TwinWindows, with_truth
from tremorlab.twin.keep import kept
from tremorlab.waveform.sources import open_source

MODULES = ("tremorlab.experiment.onsets",)


class Delays(BaseModel):
    """Trained networks, and the events that they have to notice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field("delays", pattern=r"^[a-z0-9_]+$", description="names the file; does not count")
    experiments: dict[str, Experiment] = Field(description="of one setting; the test events are those of the first")
    hop_s: float = Field(5.12, gt=0, description="between windows")
    least_snr_db: float = Field(6.0, description="weaker events are left out")
    events: int = Field(60, ge=1, description="most events of a class")
    probability: float = Field(0.5, gt=0, lt=1, description="that makes an alarm")


def delays(
    asked: Delays, *, again: bool = False, shipped: bool = True, workers: int | None = None
) -> tuple[pd.DataFrame, store.Answer]:
    """Find when each network first gives an event its class.

    Parameters
    ----------
    asked
        Networks and events.
    again, shipped
        As for `tremorlab.experiment.store.answer`.
    workers
        As for `tremorlab.experiment.trained.runs`.

    Returns
    -------
    table : pandas.DataFrame
        One row an event, experiment and seed: experiment, seed, event_class, event_id, snr_db and delay_s, from the
        onset to the end of the first window whose most probable class is right with at least the probability asked
        for; not a number where none of the windows that reach up to a window's length beyond the onset is.
    answer : store.Answer
        Says where the table comes from.
    """
    found = store.answer(asked, lambda: _compute(asked, workers), modules=MODULES, again=again, shipped=shipped)
    return pd.DataFrame(found.arrays), found


def _compute(asked: Delays, workers: int | None) -> dict[str, np.ndarray]:
    first = next(iter(asked.experiments.values()))
    long, table, onset, study = _long_windows(first.windows, asked)
    rate, length = study.preparation.sampling_rate_hz, study.window.samples + 2 * margin_samples(study.running_spectrum)
    classes = list(study.classes)
    truth = table["event_class"].map(classes.index).to_numpy()
    # Window k without its margins ends k hops after the onset; it and the record have margins of the same length.
    hop = round(asked.hop_s * rate)
    starts = onset - study.window.samples + hop * np.arange(study.window.samples // hop + 1)
    rows = []
    for name, experiment in asked.experiments.items():
        for run in runs(experiment, workers=workers):
            model = run.model()
            given = np.stack([probabilities(model, long[:, :, s : s + length]) for s in starts], axis=1)
            seen = (given.argmax(axis=2) == truth[:, None]) & (given.max(axis=2) >= asked.probability)
            delay = np.where(seen.any(axis=1), seen.argmax(axis=1) * hop / rate, np.nan)
            told = table[["event_class", "event_id", "snr_db"]].assign(delay_s=delay)
            rows.append(told.assign(experiment=name, seed=run.depends["seed"]))
    table = pd.concat(rows, ignore_index=True)
    kinds = {"seed": "i4", "snr_db": "f4", "delay_s": "f4"}
    return {name: table[name].to_numpy(kinds.get(name, str)) for name in table}


def _long_windows(windows: TwinWindows, asked: Delays):
    """Records of the test events, twice as long as a window, with the onset in the middle."""
    file = kept(windows.scenario, workers=1)
    study = studies.load(file)
    samples = study.window.samples
    onset_s = samples / study.preparation.sampling_rate_hz
    middle = {"samples": 2 * samples, "onset": "fixed", "onset_s": onset_s, "tile": False}
    longer = study.model_copy(update={"window": study.window.model_copy(update=middle)})
    wanted = plan(of_study(study), longer)
    wanted = with_truth(wanted[wanted["event_class"] != NOISE], pd.read_csv(file.parent / "truth.csv"))
    inside = splits.by_period(wanted, windows.periods()) == "test"
    chosen = wanted[inside & (wanted["snr_db"] >= asked.least_snr_db) & (wanted["true_class"] == wanted["event_class"])]
    chosen = chosen.groupby("event_class").sample(frac=1, random_state=windows.seed).drop_duplicates("event_id")
    chosen = chosen.groupby("event_class").head(asked.events).sort_index()
    found = cut(chosen, open_source(longer), longer)
    return found.waveforms, found.windows, samples, study
