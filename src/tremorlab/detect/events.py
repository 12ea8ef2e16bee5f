"""From probabilities to events: hysteresis at a station, votes over a network, one class at a time.

A window is long beside most events. While a short event is inside the window the probability of its class is high, so a
run of windows is as long as event and window together: the event began when the first of them ended and was over when
the last one began. Where a run is shorter than a window, the event is somewhere in what all of its windows share.
`tremorlab.detect.measure` looks into the record for the rest.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement

import numpy as np
import pandas as pd
from obspy import UTCDateTime
from obspy.geodetics import gps2dist_azimuth
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tremorlab.detect.continuous import Annotation
from tremorlab.waveform.quality import runs

#: Column -> (dtype, unit or meaning) of a table of events.
COLUMNS = {
    "event_id": ("str", "class and onset"),
    "event_class": ("str", "class of the network"),
    "onset": ("datetime64[ns, UTC]", "earliest of its stations"),
    "end": ("datetime64[ns, UTC]", "latest of its stations"),
    "stations": ("str", "NET.STA of those that saw it, with blanks between"),
    "votes": ("int64", "number of stations"),
    "probability": ("float64", "highest of its class"),
    "snr_db": ("float64", "highest of its stations"),
    "frequency_hz": ("float64", "dominant frequency at the station of the highest signal-to-noise ratio"),
    "reduced_displacement_cm2": ("float64", "median of its stations; NaN where response or distance is unknown"),
    "also": ("str", "classes of events that gave way to this one"),
}


class Rule(BaseModel):
    """When probabilities make an event."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    on: float = Field(0.7, gt=0, le=1, description="probability from which a run of windows begins")
    off: float = Field(0.5, gt=0, le=1, description="probability below which it ends")
    minimum_s: float = Field(0.0, ge=0, description="shortest run of windows, seconds")
    join_s: float = Field(0.0, ge=0, description="events of a class at a station this near each other are one")
    stations: int = Field(1, ge=1, description="fewest stations that must see an event")
    slack_s: float = Field(10.24, ge=0, description="tolerance of times beside the travel time: a step of the windows")
    velocity_km_s: float = Field(3.0, gt=0, description="slowest wave between two stations")
    background: tuple[str, ...] = Field(("noise",), description="classes that are no events")

    @model_validator(mode="after")
    def _ordered(self):
        if self.off > self.on:
            raise ValueError(f"off = {self.off:g} is above on = {self.on:g}: a run would end where it begins")
        return self


@dataclass(frozen=True)
class Detection:
    """An event at one station.

    Attributes
    ----------
    station : str
        NET.STA.LOC.
    event_class : str
    onset, end, peak : obspy.UTCDateTime
        ``peak`` is the centre of the window of highest probability.
    probability : float
    snr_db, frequency_hz, reduced_displacement_cm2 : float
        NaN until they are measured.
    """

    station: str
    event_class: str
    onset: UTCDateTime
    end: UTCDateTime
    peak: UTCDateTime
    probability: float
    snr_db: float = np.nan
    frequency_hz: float = np.nan
    reduced_displacement_cm2: float = np.nan


def detections(annotation: Annotation, rule: Rule) -> list[Detection]:
    """Find the events of every class at one station, in order of onset.

    A run ends where probabilities are not known.
    """
    found = []
    for number, label in enumerate(annotation.classes):
        if label not in rule.background:
            own = _runs(annotation, np.nan_to_num(annotation.probabilities[:, number]), label, rule)
            found += joined(own, rule.join_s)
    return sorted(found, key=lambda detection: (detection.onset, detection.event_class))


def _runs(annotation, values, label, rule):
    half_s = annotation.window_s / 2
    # Not obspy's trigger_onset, which loses runs of a single sample.
    for first, stop in zip(*runs(values >= np.float32(rule.off)), strict=True):
        high = np.flatnonzero(values[first:stop] >= np.float32(rule.on))
        if not len(high) or (stop - (first := first + int(high[0]))) * annotation.step_s < rule.minimum_s:
            continue
        peak = first + int(values[first:stop].argmax())
        onset, end = sorted((annotation.time(first) + half_s, annotation.time(int(stop) - 1) - half_s))
        yield Detection(annotation.station, label, onset, end, annotation.time(peak), float(values[peak]))


def joined(found: Iterable[Detection], join_s: float) -> list[Detection]:
    """Make one of detections of a class at a station, in order of onset, that follow each other within ``join_s``."""
    together: list[Detection] = []
    for detection in found:
        last = together[-1] if together else None
        if last and detection.onset - last.end <= join_s:
            best = max(last, detection, key=lambda each: each.probability)
            together[-1] = Detection(
                last.station, last.event_class, last.onset, max(last.end, detection.end), best.peak, best.probability
            )
        else:
            together.append(detection)
    return together


def associate(
    found: Iterable[Detection], rule: Rule, coordinates: Mapping[str, tuple[float, float]] | None = None
) -> tuple[pd.DataFrame, list[list[Detection]]]:
    """Put detections of a network together and let stations vote.

    Parameters
    ----------
    found
        Detections at any stations, in any order.
    rule
        Number of stations, slack and velocity.
    coordinates
        NET.STA -> (latitude, longitude) in degrees; between stations that are not named the travel time is taken as 0.

    Returns
    -------
    events : pandas.DataFrame
        Columns of `COLUMNS`, in order of onset.
    members : list of list of Detection
        The detections of each event.

    Notes
    -----
    Detections of a class belong together where their times overlap within slack and travel time, directly or through
    others. Of events of different classes that share more than half of the shorter one's time and a station, the one
    with more stations stays, then that of higher probability.
    """
    found, reach = list(found), _travel(coordinates or {}, rule)
    groups = []
    for label in sorted({detection.event_class for detection in found}):
        own = sorted((d for d in found if d.event_class == label), key=lambda d: (d.onset, d.station))
        groups += [group for group in _together(own, reach) if len(_stations(group)) >= rule.stations]
    groups, also = _without_rivals(groups)
    order = sorted(range(len(groups)), key=lambda k: (_begin(groups[k]), groups[k][0].event_class))
    rows = [_row(groups[k], also[k]) for k in order]
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({name: dtype for name, (dtype, _) in COLUMNS.items()})
    return table, [groups[k] for k in order]


def _travel(coordinates, rule):
    """Seconds by which the times of an event at two stations may differ."""
    known: dict[frozenset, float] = {}

    def seconds(one, other):
        pair = frozenset(".".join(d.station.split(".")[:2]) for d in (one, other))
        if pair not in known:
            ends = [coordinates[station] for station in pair if station in coordinates]
            metres = gps2dist_azimuth(*ends[0], *ends[1])[0] if len(ends) == 2 else 0.0
            known[pair] = rule.slack_s + metres / 1000 / rule.velocity_km_s
        return known[pair]

    return seconds


def furthest_s(rule: Rule, coordinates: Mapping[str, tuple[float, float]] | None = None) -> float:
    """Most seconds by which the times of an event may differ between any two stations: what `associate` looks over."""
    pairs = combinations((coordinates or {}).values(), 2)
    metres = max((gps2dist_azimuth(*one, *other)[0] for one, other in pairs), default=0.0)
    return rule.slack_s + metres / 1000 / rule.velocity_km_s


def _together(own, reach):
    """Connected components of detections whose times overlap within reach."""
    one_each = {detection.station: detection for detection in own}.values()
    furthest = max((reach(a, b) for a, b in combinations_with_replacement(one_each, 2)), default=0)
    pairs, begin, latest = [], 0, None
    for k, detection in enumerate(own):
        if latest is not None and detection.onset - latest > furthest:  # nothing before reaches this far
            begin = k
        latest = detection.end if latest is None else max(latest, detection.end)
        pairs += [(j, k) for j in range(begin, k) if detection.onset - own[j].end <= reach(own[j], detection)]
    first, second = np.array(pairs, int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(first), bool), (first, second)), shape=(len(own), len(own)))
    count, label = connected_components(graph, directed=False)
    return [[own[k] for k in np.flatnonzero(label == n)] for n in range(count)]


def _without_rivals(groups):
    """Leave out events that a stronger one of another class covers; say which gave way to whom."""
    strength = [(len(_stations(group)), max(d.probability for d in group)) for group in groups]
    order = sorted(range(len(groups)), key=lambda k: (*(-x for x in strength[k]), _begin(groups[k])))
    meeting, also = _meeting(groups), {}  # what is kept, strongest first -> classes that gave way to it
    rank = {k: n for n, k in enumerate(order)}
    for k in order:
        rivals = (n for n in meeting[k] if n in also and _covers(groups[n], groups[k]))
        rival = min(rivals, key=rank.get, default=None)
        if rival is None:
            also[k] = set()
        else:
            also[rival].add(groups[k][0].event_class)
    return [groups[k] for k in also], list(also.values())


def _meeting(groups):
    """For each event those that share time with it: comparing all with all would take days on years of events."""
    meeting, lasting = [[] for _ in groups], []
    for begin, k in sorted((_begin(group), k) for k, group in enumerate(groups)):
        lasting = [n for n in lasting if _finish(groups[n]) >= begin]
        for n in lasting:
            meeting[n].append(k)
        meeting[k] += lasting
        lasting.append(k)
    return meeting


def _covers(strong, weak):
    if strong[0].event_class == weak[0].event_class or not _stations(strong) & _stations(weak):
        return False
    shared = min(_finish(strong), _finish(weak)) - max(_begin(strong), _begin(weak))
    shorter = min(_finish(group) - _begin(group) for group in (strong, weak))
    return shared > shorter / 2 or (shorter == 0 and shared == 0)


def _begin(group):
    return min(detection.onset for detection in group)


def _finish(group):
    return max(detection.end for detection in group)


def _stations(group):
    return {".".join(detection.station.split(".")[:2]) for detection in group}


def _row(group, also):
    onset, stations = _begin(group), sorted(_stations(group))
    clearest = max(group, key=lambda d: (np.nan_to_num(d.snr_db, nan=-np.inf), d.probability))
    displacements = [d.reduced_displacement_cm2 for d in group if np.isfinite(d.reduced_displacement_cm2)]
    return {
        "event_id": f"{group[0].event_class}_{onset.strftime('%Y%m%dT%H%M%S.%f')[:-3]}_{stations[0]}",
        "event_class": group[0].event_class,
        "onset": pd.Timestamp(onset.ns, tz="UTC"),
        "end": pd.Timestamp(_finish(group).ns, tz="UTC"),
        "stations": " ".join(stations),
        "votes": len(stations),
        "probability": max(detection.probability for detection in group),
        "snr_db": clearest.snr_db,
        "frequency_hz": clearest.frequency_hz,
        "reduced_displacement_cm2": float(np.median(displacements)) if displacements else np.nan,
        "also": " ".join(sorted(also)),
    }
