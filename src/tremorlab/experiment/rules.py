"""Rules that make events of what systems hear, at one station or where two must agree, and how they are chosen.

Rules are chosen on days of their own, for each system and class by itself: of all rules that give fewer than so many
false alarms, the one that finds most of the events above a signal-to-noise ratio. False alarms at events of a kind that
the systems have no class for do not count in this: no threshold tells such an event from one of a class that looks like
it, so a rule that had to keep them down would pass over the class. Where two stations must agree rules may be more
daring, since noise is local and events are not; so they are chosen anew for that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from obspy import UTCDateTime
from pydantic import BaseModel, ConfigDict, Field

from tremorlab.classify.training import NOISE
from tremorlab.detect.events import Detection, Rule, associate, detections
from tremorlab.detect.matching import Matched, match
from tremorlab.detect.triggers import Trigger
from tremorlab.detect.triggers import detections as triggered
from tremorlab.experiment.searchers import RIVAL, Heard

#: Rules that are tried. An event beside a louder one of another class never has most of the probability, so thresholds
#: begin below one half.
TRIED = tuple(
    Rule(on=on, off=off, minimum_s=minimum_s)
    for on, off, minimum_s in product(
        (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95), (0.1, 0.3, 0.5, 0.8), (0.0, 60.0, 90.0)
    )
    if off <= on
)
TRIED_TRIGGERS = tuple(
    Trigger(peak=peak, probability=probability, join_s=join_s)
    for peak, probability, join_s in product((3.0, 4.0, 5.0, 7.0, 10.0), (0.4, 0.5, 0.6, 0.7, 0.8, 0.9), (0.0, 60.0))
)

#: Stations that must agree where stations vote.
VOTES = 2

#: Class -> rule that makes its events.
Rules = dict[str, Rule | Trigger]
Places = Mapping[str, tuple[float, float]]


class Criterion(BaseModel):
    """When an event is found, and which rule is best."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tolerance_s: float = Field(10.24, ge=0, description="that may lie between a detection and an event that it finds")
    least_snr_db: float = Field(6.0, description="of the events that rules are chosen for")
    most_false: float = Field(
        0.7, gt=0, description="fewer false alarms of a class than these a day may a rule give, but at unknown kinds"
    )


@dataclass(frozen=True)
class Chosen:
    """System -> `Rules`, for a station by itself and for stations that vote."""

    alone: dict[str, Rules]
    voting: dict[str, Rules]


def kinds(classes: Sequence[str]) -> list[str]:
    """Classes that are events."""
    return [name for name in classes if name != NOISE]


def read(name: str, text: str) -> Rule | Trigger:
    """Rule of a system from its JSON text."""
    return (Trigger if name == RIVAL else Rule).model_validate_json(text)


def decide(heard: Heard, name: str, rules: Rules) -> list[Detection]:
    """Detections of a system at a station, in order, of each class by its own rule."""
    found = []
    for kind, rule in rules.items():
        found += [one for one in _decided(heard, name, rule) if one.event_class == kind]
    return sorted(found, key=lambda one: (one.onset, one.event_class))


def _decided(heard, name, rule):
    return (triggered if name == RIVAL else detections)(heard.by[name], rule)


def table_of(found: Sequence[Detection]) -> pd.DataFrame:
    """Detections of one station as a table to be matched: event_id, event_class, onset, end, probability."""
    rows = [(f"{n}", d.event_class, _stamp(d.onset), _stamp(d.end), d.probability) for n, d in enumerate(found)]
    made = pd.DataFrame(rows, columns=["event_id", "event_class", "onset", "end", "probability"])
    times = {"onset": "datetime64[ns, UTC]", "end": "datetime64[ns, UTC]"}
    return made.astype({"event_id": "str", "event_class": "str"} | times)


def _stamp(time: UTCDateTime) -> pd.Timestamp:
    return pd.Timestamp(time.ns, tz="UTC")


def vote(found: Sequence[Detection], truth: pd.DataFrame, places: Places, tolerance_s: float) -> Matched:
    """Match what two stations agree on with the events of a network.

    Parameters
    ----------
    found
        Detections at all stations.
    truth
        One row an event and station.
    places
        NET.STA -> (latitude, longitude), degrees.
    tolerance_s
        As for `tremorlab.detect.matching.match`.

    Notes
    -----
    Each class is associated by itself: a VT earthquake in an eruption is no mistake.
    """
    return match(_agreed(found, places), truth, tolerance_s)


def _agreed(found: Sequence[Detection], places: Places) -> pd.DataFrame:
    """Events that two stations agree on, each class by itself."""
    by_class: dict[str, list[Detection]] = {}
    for one in found:
        by_class.setdefault(one.event_class, []).append(one)
    tables = [associate(own, Rule(stations=VOTES), places)[0] for own in by_class.values()]
    return pd.concat(tables, ignore_index=True) if tables else associate([], Rule())[0]


def second_snr(truth: pd.DataFrame) -> pd.Series:
    """Second highest signal-to-noise ratio of the stations that recorded an event; ``truth`` has recorded."""
    loud = truth[truth["recorded"]].sort_values("snr_db", ascending=False)
    return loud[loud.groupby("event_id").cumcount() == VOTES - 1].set_index("event_id")["snr_db"]


def choose(
    names: Sequence[str], heard: Sequence[Heard], truth: Sequence[pd.DataFrame], places: Places, criterion: Criterion
) -> Chosen:
    """Choose the rules of systems on some days.

    Parameters
    ----------
    names
        Of the systems.
    heard, truth
        One a station: what the systems make of it, and its true events with recorded.
    places
        NET.STA -> (latitude, longitude), degrees.
    criterion
        What counts.

    Notes
    -----
    A day of the network counts once where stations vote, and a day of each station where they do not.
    """
    classes, hours = kinds(heard[0].known.classes), [each.hours for each in heard]
    events = _network(pd.concat(truth))
    chosen = Chosen({}, {})
    for name in names:
        tried = TRIED_TRIGGERS if name == RIVAL else TRIED
        alone, voting = [], []
        for rule in tried:
            found = [_decided(each, name, rule) for each in heard]
            pairs = [(table_of(own), listed) for own, listed in zip(found, truth, strict=True)]
            alone.append(_worth(pairs, sum(hours) / 24, classes, criterion))
            pairs = [(_agreed([one for own in found for one in own], places), events)]
            voting.append(_worth(pairs, max(hours) / 24, classes, criterion))
        chosen.alone[name] = _best(tried, alone, classes)
        chosen.voting[name] = _best(tried, voting, classes)
    return chosen


def _network(truth: pd.DataFrame) -> pd.DataFrame:
    """Events of the network, from earliest onset to latest end, with the second highest signal-to-noise ratio."""
    by_event = truth.groupby("event_id")
    events = by_event.agg({"event_class": "first", "onset": "min", "end": "max"})
    second = second_snr(truth).reindex(events.index)
    return events.assign(snr_db=second, recorded=second.notna())


def touches(rows: pd.DataFrame, others: pd.DataFrame, tolerance_s: float) -> np.ndarray:
    """Which rows with onset and end overlap one of the others or lie within the tolerance of it, bool (rows,).

    It is what `tremorlab.detect.matching.match` calls not alone, without saying who belongs to whom: as many others
    begin before a row ends as end before it begins, unless one touches it.
    """
    onset, end, begun, over = (
        part[name].dt.as_unit("ns").astype("int64").to_numpy() for part in (rows, others) for name in ("onset", "end")
    )
    tolerance = round(tolerance_s * 1e9)
    before = np.searchsorted(np.sort(begun), end + tolerance, "right")
    return before > np.searchsorted(np.sort(over), onset - tolerance, "left")


def _worth(pairs, days: float, classes: list[str], criterion: Criterion) -> dict[str, tuple]:
    """For each class what is compared of rules: few enough false alarms, recall of loud events, and the fewest alarms.

    ``pairs`` are detections and true events, of one station each or of the network.
    """
    worth, tolerance_s = {}, criterion.tolerance_s
    for kind in classes:
        false, at_unknown, hits = 0, 0, [np.zeros(0, bool)]
        for found, listed in pairs:
            own, true = found[found["event_class"] == kind], listed[listed["event_class"] == kind]
            alone = own[~touches(own, true, tolerance_s)]
            unknown = touches(alone, listed[~listed["event_class"].isin(classes)], tolerance_s)
            false, at_unknown = false + int((~unknown).sum()), at_unknown + int(unknown.sum())
            loud = true[true["recorded"] & (true["snr_db"] >= criterion.least_snr_db)]
            hits.append(touches(loud, own, tolerance_s))
        hit, fine = np.concatenate(hits), false / days < criterion.most_false
        worth[kind] = (fine, float(hit.mean()) if fine and len(hit) else 0.0, -false - at_unknown)
    return worth


def _best(tried: Sequence[Rule | Trigger], worth: Sequence[dict[str, tuple]], classes: list[str]) -> Rules:
    """Class -> rule that is worth most, the first of equal ones."""
    return {kind: tried[max(range(len(tried)), key=lambda k, kind=kind: worth[k][kind])] for kind in classes}
