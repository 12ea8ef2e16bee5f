"""Scores on records: networks and the classical detector run along a simulated month, event by event against its truth.

An event is found where a detection of its class touches it (`tremorlab.detect.matching`), so two earthquakes that one
detection covers are both found. A detection that touches no event of its class is a false alarm, whatever else it
touches; `false_alarms` tells apart what it touches. Each station is scored by itself, against what happened there; then
stations vote.

Rules are chosen on another twin, a few days of another seed: of all rules that give fewer than so many false alarms a
station-day of each class, the one that finds most of the events above a signal-to-noise ratio. False alarms at events
of a kind that no system has a class for do not count there: no rule can help against them. On the month nothing is
chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field
from statsmodels.stats.proportion import proportion_confint

from tremorlab import study as studies
from tremorlab.classify.training import NOISE
from tremorlab.detect.events import Detection, Rule, associate
from tremorlab.detect.matching import Matched, match
from tremorlab.detect.triggers import Trigger
from tremorlab.errors import DatasetError
from tremorlab.experiment import searchers, store
from tremorlab.experiment.searchers import RIVAL, Heard, Searchers, Systems
from tremorlab.study import Study
from tremorlab.twin.keep import kept
from tremorlab.twin.network import geographic
from tremorlab.twin.scenario import Scenario
from tremorlab.waveform.sources import Source, open_source

MODULES = ("tremorlab.experiment.records",)


class Month(BaseModel):
    """A twin that is searched, another on which rules are chosen, and who searches."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9_]+$", description="names the file; does not count")
    scenario: Scenario = Field(description="what is searched")
    choice: Scenario = Field(description="on which rules are chosen; of another seed")
    searchers: Searchers
    tolerance_s: float = Field(10.24, ge=0, description="that may lie between a detection and an event that it finds")
    least_snr_db: float = Field(6.0, description="of the events that rules are chosen for")
    most_false: float = Field(0.5, gt=0, description="false alarms a station-day and class that a rule may give")


@dataclass(frozen=True, eq=False)
class Searched:
    """What each system found.

    Attributes
    ----------
    classes : tuple of str
        Of the networks; the background last.
    systems : tuple of str
    events : pandas.DataFrame
        One row a true event and station: event, event_class, station, snr_db (2-8 Hz), distance_km, onset_s and end_s
        after the start of the month, recorded (whether there were samples), and for each system ``SYSTEM state``
        ("paired", "shared" or "alone"), ``SYSTEM given`` (class of what touches it, or "") and ``SYSTEM error_s`` (of
        the onset, where paired).
    alarms : pandas.DataFrame
        One row a detection: system, station, event_class, onset_s, end_s, probability, state, touches (class of a true
        event of another class, or "").
    voted : pandas.DataFrame
        One row a true event of the network: event, event_class, snr_db (second highest of its stations), recorded and
        ``SYSTEM state`` where two stations must see it.
    voted_false : pandas.DataFrame
        False alarms a day of the network where two stations must see an event, index system, columns classes.
    hours : dict
        Station -> hours of record with probabilities.
    rules : dict
        System -> its chosen `Rule` or `Trigger`.
    day : dict
        Arrays of one day at the first station: start_s, amplitude (steps,), and probabilities (steps, classes) of each
        network by its name.
    answer : store.Answer
    """

    classes: tuple[str, ...]
    systems: tuple[str, ...]
    events: pd.DataFrame
    alarms: pd.DataFrame
    voted: pd.DataFrame
    voted_false: pd.DataFrame
    hours: dict[str, float]
    rules: dict[str, Rule | Trigger]
    day: dict[str, np.ndarray]
    answer: store.Answer


def searched(asked: Month, *, again: bool = False, shipped: bool = True, workers: int | None = None) -> Searched:
    """Search a month; parameters as for `tremorlab.experiment.trained.result`.

    Raises
    ------
    DatasetError
        The month and the days of the choice are of one seed.
    """
    found = store.answer(asked, lambda: _compute(asked, workers), modules=MODULES, again=again, shipped=shipped)
    arrays = found.arrays
    systems = tuple(arrays["systems"].tolist())
    tables = searchers.tables_of(arrays)
    rules = [
        (Trigger if name == RIVAL else Rule).model_validate_json(text)
        for name, text in zip(systems, arrays["rules"].tolist(), strict=True)
    ]
    return Searched(
        tuple(arrays["classes"].tolist()),
        systems,
        pd.DataFrame(tables["events"]),
        pd.DataFrame(tables["alarms"]),
        pd.DataFrame(tables["voted"]),
        pd.DataFrame(tables["voted_false"]).set_index("system"),
        dict(zip(arrays["stations"].tolist(), arrays["hours"].tolist(), strict=True)),
        dict(zip(systems, rules, strict=True)),
        tables["day"],
        found,
    )


def _compute(asked: Month, workers: int | None) -> dict[str, np.ndarray]:
    if asked.scenario.seed == asked.choice.seed:
        raise DatasetError(
            f"month {asked.name}", f"and the days of the choice are of one seed, {asked.choice.seed}", "Give another"
        )
    using, names = searchers.systems(asked.searchers, workers), asked.searchers.names
    rules = _choose(asked, using, workers)
    truth, source, study = _twin(asked.scenario, workers)
    heard = [searchers.hear(source, *_span(one, asked.scenario), using) for one in study.stations]
    begin = pd.Timestamp(asked.scenario.begin.ns, tz="UTC")
    events, alarms, found = [], [], {name: [] for name in names}
    for each in heard:
        own = _at(truth, each)
        for name in names:
            decided = searchers.decide(each, name, rules[name])
            found[name] += decided
            matched = match(searchers.table_of(decided), own, asked.tolerance_s)
            own = own.merge(searchers.states(matched, name), on="event_id", validate="1:1")
            alarms.append(searchers.alarms(matched, begin).assign(system=name, station=each.code))
        events.append(searchers.after(own, begin).drop(columns="event_id"))
    voted, voted_false = _voted(asked, found, rules, truth, heard)
    made = {
        "classes": np.array(list(using.study.classes)),
        "systems": np.array(names),
        "rules": np.array([rules[name].model_dump_json() for name in names]),
        "stations": np.array([each.code for each in heard]),
        "hours": np.array([each.hours for each in heard]),
    }
    tables = {"events": pd.concat(events), "alarms": pd.concat(alarms)}
    tables |= {"voted": voted, "voted_false": voted_false.reset_index()}
    day = _day(asked, heard[0], events[0], source, study)
    return made | searchers.arrays_of(tables) | {f"day|{name}": values for name, values in day.items()}


def _twin(scenario: Scenario, workers: int | None) -> tuple[pd.DataFrame, Source, Study]:
    """Truth of a twin, one row an event and station, its records and its study."""
    file = kept(scenario, workers=workers or 1)
    truth = pd.read_csv(file.parent / "truth.csv", keep_default_na=False)
    truth = truth[truth["event"] >= 0].reset_index(drop=True)
    for name in ("onset", "end"):
        truth[name] = pd.to_datetime(truth[name], utc=True).dt.as_unit("ns")
    for name in ("snr_db", "distance_km"):
        truth[name] = pd.to_numeric(truth[name])
    truth["event_id"] = truth["event"].astype("str")
    study = studies.load(file)
    columns = ["event", "event_id", "event_class", "station", "snr_db", "distance_km", "onset", "end"]
    return truth[columns].astype({"event_class": "str", "event_id": "str"}), open_source(study), study


def _span(seed_id, scenario):
    return seed_id, scenario.begin, scenario.begin + scenario.duration_s


def _at(truth: pd.DataFrame, heard: Heard) -> pd.DataFrame:
    """True events at a station, and whether each was recorded."""
    own = truth[truth["station"] == heard.code]
    return own.assign(recorded=heard.at(own["onset"]))


def _choose(asked: Month, using: Systems, workers: int | None) -> dict[str, Rule | Trigger]:
    """The rule of each system that finds most on the days of the choice, of those with few false alarms."""
    truth, source, study = _twin(asked.choice, workers)
    heard = [searchers.hear(source, *_span(one, asked.choice), using) for one in study.stations]
    days = sum(each.hours for each in heard) / 24
    own = [_at(truth, each) for each in heard]
    classes = [name for name in using.study.classes if name != NOISE]
    chosen = {}
    for name in asked.searchers.names:
        ranked = []
        for rule in searchers.TRIGGERS if name == RIVAL else searchers.RULES:
            matched = [
                match(searchers.table_of(searchers.decide(each, name, rule)), events, asked.tolerance_s)
                for each, events in zip(heard, own, strict=True)
            ]
            recall, worst = _worth(matched, classes, days, asked.least_snr_db)
            fine = worst < asked.most_false
            ranked.append(((fine, recall if fine else -worst), rule))
        chosen[name] = max(ranked, key=lambda pair: pair[0])[1]
    return chosen


def _worth(matched: list[Matched], classes: list[str], days: float, least_snr_db: float) -> tuple[float, float]:
    """Mean recall of the classes, of events above a signal-to-noise ratio, and most false alarms a day of a class."""
    found = pd.concat([each.detections for each in matched])
    listed = pd.concat([each.catalogue for each in matched])
    loud = listed[listed["recorded"] & (listed["snr_db"] >= least_snr_db) & listed["event_class"].isin(classes)]
    recall = (loud["state"] != "alone").groupby(loud["event_class"]).mean().mean()
    false = found[(found["state"] == "alone") & found["other_class"].isin(["", *classes])]
    counts = false["event_class"].value_counts().reindex(classes, fill_value=0)
    return (0.0 if np.isnan(recall) else float(recall)), float(counts.max() / days)


def _voted(asked: Month, found: dict[str, list[Detection]], rules, truth, heard) -> tuple[pd.DataFrame, pd.DataFrame]:
    """States of the events of the network and false alarms a day, where two stations must see an event."""
    own = pd.concat([_at(truth, each) for each in heard])
    loud = own[own["recorded"]].sort_values("snr_db", ascending=False)
    second = loud[loud.groupby("event_id").cumcount() == 1].set_index("event_id")["snr_db"]
    voted = own.drop_duplicates("event_id").set_index("event_id")[["event", "event_class"]]
    voted = voted.assign(snr_db=second.reindex(voted.index), recorded=voted.index.isin(second.index))
    geometry, days, false = asked.scenario.geometry, asked.scenario.duration_s / 86_400, {}
    places = {f"{s.network}.{s.station}": geographic(geometry, s.x_km, s.y_km) for s in geometry.stations}
    classes = [name for name in next(iter(heard)).known.classes if name != NOISE]
    for name, detections in found.items():
        two = (Rule() if name == RIVAL else rules[name]).model_copy(update={"stations": 2})
        matched = match(associate(detections, two, places)[0], truth, asked.tolerance_s)
        states = matched.catalogue.set_index("event_id")["state"]
        voted[f"{name} state"] = states.reindex(voted.index).fillna("alone")
        alone = matched.detections.loc[matched.detections["state"] == "alone", "event_class"].value_counts()
        false[name] = alone.reindex(classes, fill_value=0) / days
    return voted.reset_index(drop=True), pd.DataFrame(false).T.rename_axis("system")


def _day(asked: Month, heard: Heard, events: pd.DataFrame, source: Source, study: Study) -> dict:
    """The day of the month with most events of the class that has fewest on it, at one station."""
    clear = events[events["recorded"] & (events["snr_db"] >= asked.least_snr_db)]
    clear = clear[clear["event_class"].isin(list(study.classes))]
    counts = pd.crosstab((clear["onset_s"] // 86_400).astype(int), clear["event_class"])
    day = int(counts.min(axis=1).idxmax()) if len(counts) else 0
    start = asked.scenario.begin + 86_400 * day
    made = {"start_s": np.array(86_400.0 * day)}
    return made | searchers.strip(heard, source, study.stations[0], start, start + 86_400, study)


def false_alarms(found: Searched) -> pd.DataFrame:
    """False alarms a station-day by what they touch.

    Returns
    -------
    pandas.DataFrame
        Index event_class and system; columns nothing, wrong (an event of another class of the networks) and unknown
        (an event of a kind that they have no class for).
    """
    classes = [name for name in found.classes if name != NOISE]
    alone = found.alarms[found.alarms["state"] == "alone"]
    touched = np.select([alone["touches"] == "", alone["touches"].isin(classes)], ["nothing", "wrong"], "unknown")
    counts = alone.groupby(["event_class", "system", touched]).size().unstack(fill_value=0)
    index = pd.MultiIndex.from_product([classes, found.systems], names=["event_class", "system"])
    counts = counts.reindex(index, columns=["nothing", "wrong", "unknown"], fill_value=0)
    return counts / (sum(found.hours.values()) / 24)


def recall_by_snr(events: pd.DataFrame, system: str, edges) -> pd.DataFrame:
    """Share of the events that a system finds, in bins of the signal-to-noise ratio, with intervals over events.

    Parameters
    ----------
    events
        Rows of `Searched.events` or `Searched.voted`; those without a record are left out.
    system
        Its name.
    edges
        Of the bins in dB, the upper one outside.

    Returns
    -------
    pandas.DataFrame
        low, high, events, recall, recall_low, recall_high. The intervals are those of Wilson (95 %) for as many trials
        as there are events: the stations of an event count once.
    """
    rows = []
    used = events[events["recorded"]]
    for low, high in pairwise(edges):
        inside = used[(used["snr_db"] >= low) & (used["snr_db"] < high)]
        count = inside["event"].nunique()
        recall = float((inside[f"{system} state"] != "alone").mean()) if count else np.nan
        bounds = proportion_confint(recall * count, count, method="wilson") if count else (np.nan, np.nan)
        rows.append((low, high, count, recall, *bounds))
    return pd.DataFrame(rows, columns=["low", "high", "events", "recall", "recall_low", "recall_high"])
