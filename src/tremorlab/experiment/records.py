"""Scores on records: networks and the classical detector run along a simulated month, event by event against its truth.

An event is found where a detection of its class touches it (`tremorlab.detect.matching`), so two earthquakes that one
detection covers are both found. A detection that touches no event of its class is a false alarm, whatever else it
touches; `false_alarms` tells apart what it touches. Each station is scored by itself, against what happened there; then
stations vote.

Rules are chosen on another twin, a few days of another seed (`tremorlab.experiment.rules`). On the month nothing is
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
from tremorlab.detect.matching import match
from tremorlab.errors import DatasetError
from tremorlab.experiment import searchers, store
from tremorlab.experiment.rules import Chosen, Criterion, Rules, choose, decide, kinds, read, second_snr, table_of, vote
from tremorlab.experiment.searchers import Heard, Searchers, Systems
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
    criterion: Criterion = Criterion()


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
    voted_alarms : pandas.DataFrame
        Columns of ``alarms`` but station: what two stations agree on.
    hours : dict
        Station -> hours of record with probabilities.
    rules : Chosen
        System -> class -> its chosen `Rule` or `Trigger`, for stations alone and voting.
    day : dict
        Arrays of one day at the first station: start_s, amplitude (steps,), and probabilities (steps, classes) of the
        networks by name.
    answer : store.Answer
    """

    classes: tuple[str, ...]
    systems: tuple[str, ...]
    events: pd.DataFrame
    alarms: pd.DataFrame
    voted: pd.DataFrame
    voted_alarms: pd.DataFrame
    hours: dict[str, float]
    rules: Chosen
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
    classes = tuple(arrays["classes"].tolist())
    rules = [
        {
            name: {kind: read(name, text) for kind, text in zip(kinds(classes), row, strict=True)}
            for name, row in zip(systems, arrays[way].tolist(), strict=True)
        }
        for way in ("alone", "voting")
    ]
    return Searched(
        classes,
        systems,
        pd.DataFrame(tables["events"]),
        pd.DataFrame(tables["alarms"]),
        pd.DataFrame(tables["voted"]),
        pd.DataFrame(tables["voted_alarms"]),
        dict(zip(arrays["stations"].tolist(), arrays["hours"].tolist(), strict=True)),
        Chosen(*rules),
        tables["day"],
        found,
    )


def _compute(asked: Month, workers: int | None) -> dict[str, np.ndarray]:
    if asked.scenario.seed == asked.choice.seed:
        raise DatasetError(
            f"month {asked.name}", f"and the days of the choice are of one seed, {asked.choice.seed}", "Give another"
        )
    using, names = searchers.systems(asked.searchers, workers), asked.searchers.names
    truth, heard, *_ = _heard(asked.choice, using, workers)
    rules = choose(names, heard, truth, _places(asked), asked.criterion)
    truth, heard, source, study = _heard(asked.scenario, using, workers)
    begin, tolerance_s = pd.Timestamp(asked.scenario.begin.ns, tz="UTC"), asked.criterion.tolerance_s
    events, alarms = [], []
    for each, own in zip(heard, truth, strict=True):
        for name in names:
            matched = match(table_of(decide(each, name, rules.alone[name])), own, tolerance_s)
            own = own.merge(searchers.states(matched, name), on="event_id", validate="1:1")
            alarms.append(searchers.alarms(matched, begin).assign(system=name, station=each.code))
        events.append(searchers.after(own, begin).drop(columns="event_id"))
    voted, voted_alarms = _voted(asked, rules, truth, heard)
    made = {
        "classes": np.array(list(using.study.classes)),
        "systems": np.array(names),
        **{way: _texts(getattr(rules, way)) for way in ("alone", "voting")},
        "stations": np.array([each.code for each in heard]),
        "hours": np.array([each.hours for each in heard]),
    }
    tables = {"events": pd.concat(events), "alarms": pd.concat(alarms), "voted": voted, "voted_alarms": voted_alarms}
    day = _day(asked, heard[0], events[0], source, study)
    return made | searchers.arrays_of(tables) | {f"day|{name}": values for name, values in day.items()}


def _texts(rules: dict[str, Rules]) -> np.ndarray:
    return np.array([[rule.model_dump_json() for rule in own.values()] for own in rules.values()])


def _heard(scenario: Scenario, using: Systems, workers: int | None):
    """Truth and what the systems hear, one a station of a twin; its records and its study."""
    truth, source, study = _twin(scenario, workers)
    begin, end = scenario.begin, scenario.begin + scenario.duration_s
    heard = [searchers.hear(source, one, begin, end, using) for one in study.stations]
    return [_at(truth, each) for each in heard], heard, source, study


def _places(asked: Month) -> dict[str, tuple[float, float]]:
    geometry = asked.scenario.geometry
    return {f"{s.network}.{s.station}": geographic(geometry, s.x_km, s.y_km) for s in geometry.stations}


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


def _at(truth: pd.DataFrame, heard: Heard) -> pd.DataFrame:
    """True events at a station, and whether each was recorded."""
    own = truth[truth["station"] == heard.code]
    return own.assign(recorded=heard.at(own["onset"]))


def _voted(asked: Month, rules: Chosen, truth, heard) -> tuple[pd.DataFrame, pd.DataFrame]:
    """States of the events of the network, and what two stations agree on."""
    own = pd.concat(truth)
    second, begin, alarms = second_snr(own), pd.Timestamp(asked.scenario.begin.ns, tz="UTC"), []
    voted = own.drop_duplicates("event_id").set_index("event_id")[["event", "event_class"]]
    voted = voted.assign(snr_db=second.reindex(voted.index), recorded=voted.index.isin(second.index))
    for name, chosen in rules.voting.items():
        found = [one for each in heard for one in decide(each, name, chosen)]
        matched = vote(found, own, _places(asked), asked.criterion.tolerance_s)
        states = matched.catalogue.set_index("event_id")["state"]
        voted[f"{name} state"] = states.reindex(voted.index)
        alarms.append(searchers.alarms(matched, begin).assign(system=name))
    return voted.reset_index(drop=True), pd.concat(alarms)


def _day(asked: Month, heard: Heard, events: pd.DataFrame, source: Source, study: Study) -> dict:
    """The day of the month with most events of the class that has fewest on it, at one station."""
    clear = events[events["recorded"] & (events["snr_db"] >= asked.criterion.least_snr_db)]
    clear = clear[clear["event_class"].isin(list(study.classes))]
    counts = pd.crosstab((clear["onset_s"] // 86_400).astype(int), clear["event_class"])
    day = int(counts.min(axis=1).idxmax()) if len(counts) else 0
    start = asked.scenario.begin + 86_400 * day
    made = {"start_s": np.array(86_400.0 * day)}
    return made | searchers.strip(heard, source, study.stations[0], start, start + 86_400, study)


def false_alarms(found: Searched, *, voting: bool = False) -> pd.DataFrame:
    """False alarms a day by what they touch: a station-day, or a day of the whole network where stations vote.

    Returns
    -------
    pandas.DataFrame
        Index event_class and system; columns nothing, wrong (an event of another class of the networks) and unknown
        (an event of a kind that they have no class for).
    """
    classes, alarms = kinds(found.classes), found.voted_alarms if voting else found.alarms
    alone = alarms[alarms["state"] == "alone"]
    touched = np.select([alone["touches"] == "", alone["touches"].isin(classes)], ["nothing", "wrong"], "unknown")
    counts = alone.groupby(["event_class", "system", touched]).size().unstack(fill_value=0)
    index = pd.MultiIndex.from_product([classes, found.systems], names=["event_class", "system"])
    counts = counts.reindex(index, columns=["nothing", "wrong", "unknown"], fill_value=0)
    hours = list(found.hours.values())
    return counts / ((max(hours) if voting else sum(hours)) / 24)


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
