"""The watch: takes packets as they come, evaluates what is due, keeps it, and tells of events that are over.

One step is one transaction (`tremorlab.live.state`). A watch that starts anew on the same folder goes on from the last
one: it asks for the record again as far back as its stations need it, and comes to the same windows and events. A
QuakeML file is written after the transaction that knows of its event; one that is missing is written at the next start.

Early probabilities are published as soon as a window's own samples are there, final ones and events later: see
`tremorlab.live.station`. This is a tool for research and teaching and no alarm system.
"""

import hashlib
import re
import time
import zlib
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from math import inf
from pathlib import Path
from threading import Event

import numpy as np
import sqlalchemy
from obspy import UTCDateTime

from tremorlab.detect import bulletin
from tremorlab.detect.archive import alone
from tremorlab.detect.continuous import Grid
from tremorlab.detect.engine import Detector
from tremorlab.detect.events import Rule, associate, furthest_s
from tremorlab.detect.measure import measure
from tremorlab.detect.sites import coordinates, open_inventory
from tremorlab.errors import ModelError, ParameterError
from tremorlab.live import state as tables
from tremorlab.live.feeds import Batch, Feed
from tremorlab.live.picture import pictures
from tremorlab.live.state import FILE, State
from tremorlab.live.station import Codes, Station, known

#: Folder of QuakeML files, below that of the results.
FOLDER = "quakeml"

#: Seconds between two records of the stations' health, where nothing else is to be written.
HEALTH_S = 5.0

_DAY_S = 86_400

#: Classes that can be part of the name of a file, and of no other folder's.
_LABEL = re.compile(r"\w[\w .-]*")


@dataclass
class Figures:
    """What a watch has done since it began."""

    windows: int = 0
    events: Counter = field(default_factory=Counter)
    #: Seconds from the arrival of the last sample of a window to its first probabilities.
    latency_s: deque = field(default_factory=lambda: deque(maxlen=10_000))
    #: Seconds of record from the end of a window to its first probabilities.
    delay_s: deque = field(default_factory=lambda: deque(maxlen=10_000))


class Watch:
    """A watch over several stations.

    Parameters
    ----------
    feed
        Where packets come from.
    model
        Exported network, or the model folder that holds it.
    out
        Folder of results; made where it is not there, gone on with where it is.
    stations
        NET.STA.LOC.CHA of each, with ? and * in CHA.
    start, end
        Windows whose centres are in [start, end); by default from now, without end. A station that is in the folder
        already goes on where it was.
    step_s
        Seconds between windows.
    rule
        When probabilities make an event.
    database
        URL of SQLAlchemy; by default an SQLite file in the folder.
    inventory, origin
        As `tremorlab.detect.archive.detect` takes them.
    patience_s
        Record that is missing is waited for until others are ahead by so much.
    ring_s
        Longest record in memory; longer events are measured in their last part.
    keep_days
        Windows are deleted after so many days; events never.

    Raises
    ------
    ParameterError
        Stations are none or named twice, or a time is out of range; from `run`: the folder or the database cannot be
        used, or are in use.
    ModelError
        The network cannot be used, or a class of it cannot be part of a file name.
    """

    def __init__(
        self, feed: Feed, model: str | Path, out: str | Path, stations: Sequence[str], *,
        start: UTCDateTime | None = None, end: UTCDateTime | None = None, step_s: float = 10.24,
        rule: Rule | None = None, database: str = "", inventory: str | Path | None = None,
        origin: tuple[float, float] | None = None, patience_s: float = 120.0, ring_s: float = 3600.0,
        keep_days: float = 30.0,
    ):  # fmt: skip
        self.codes = [Codes.parse(text) for text in stations]
        names = [codes.station for codes in self.codes]
        if not names or len(set(names)) < len(names):
            raise ParameterError("stations", f"{names or 'none'}, not each once", "Give --station NET.STA.LOC.CHA")
        for name, value in (("patience", patience_s), ("ring", ring_s), ("keep", keep_days)):
            if not value > 0:
                raise ParameterError(name, f"{value:g} is not above 0", "See tremorlab watch --help")
        self.feed, self.out, self.rule = feed, Path(out).absolute(), rule or Rule()
        self.detector = Detector(model)
        self.about, self.grid = self.detector.about, Grid(self.detector.about, step_s)
        for label in self.about.classes:
            if not _LABEL.fullmatch(label):  # each event has a file named after its class
                problem = f"class {label[:80]!r} cannot be part of a file name"
                raise ModelError(self.detector.path, problem, "Classes are of letters, digits, blanks, _, . and -")
        self._start, self._end = start or feed.now(), end
        self._database = database or str(self.out / FILE)
        self._inventory, self._origin = open_inventory(inventory), origin
        self._furthest_s = furthest_s(self.rule, coordinates(inventory))
        self._places = coordinates(inventory)
        settings = self.about.preparation
        self._extra_s = 5 / max(settings.highpass_hz, 0.01) if inventory and origin else 0.0
        self.patience_s, self._ring_s, self._keep = patience_s, ring_s, round(keep_days * _DAY_S / self.grid.step_s)
        self.figures, self.stopped = Figures(), Event()
        self.state: State | None = None
        self._written: list[tuple[str, str]] = []
        self._published: dict[str, int] = {}
        self._told = 0.0

    def run(self, ready=lambda watch: None) -> Figures:
        """Watch until the end, or until `stopped` is set.

        Parameters
        ----------
        ready
            Called with the watch once the database is open.
        """
        with alone(self.out):
            try:
                (self.out / FOLDER).mkdir(exist_ok=True)
                self.state = State(self._database, self._depends_on())
            except OSError as error:
                raise ParameterError(self.out, f"cannot be used: {error.strerror}", "Name another folder") from error
            try:
                self._resume()
                ready(self)
                self._loop()
            except sqlalchemy.exc.SQLAlchemyError as error:
                reason = str(getattr(error, "orig", None) or error).splitlines()[0]
                raise ParameterError(
                    self.state.url, f"cannot be written: {reason}", "Put that right and start again: nothing is lost"
                ) from error
            finally:
                self.state.close()
        return self.figures

    def _depends_on(self):
        return {
            "network": f"{self.about.name} {hashlib.sha256(self.detector.path.read_bytes()).hexdigest()[:16]}",
            "step": f"{self.grid.step_s:g} s",
            "rule": self.rule.model_dump_json(),
        }

    def _resume(self):
        """Take up what the database knows."""
        last = self.grid.first(self._end) if self._end else inf
        self.stations: dict[str, Station] = {}
        self._health: dict[str, dict] = {}
        for codes in self.codes:
            kept, past, found = self.state.station(codes.station), None, []
            window = min(kept["next_window"], last) if kept else self.grid.first(self._start)
            if kept:
                past = self.state.past(codes.station, kept["settled_window"], window, self.about.classes)
                earliest = (self.grid.centre(kept["settled_window"]) - 2 * self.grid.window_s).ns
                runs = self.state.detections(station=codes.station)
                found = [known(each.event_class, run_ns) for run_ns, each in runs if run_ns >= earliest]
            self.stations[codes.station] = Station(
                codes, self.detector, self.grid, self.rule, window, past, found,
                last=last, extra_s=self._extra_s, ring_s=self._ring_s,
            )  # fmt: skip
            fresh = {"newest": "", "new": 0, "late": 0, "duplicate": 0, "refused": 0, "reason": ""}
            fresh |= {"window": -1, "class": "", "probability": None}
            self._health[codes.station] = fresh | (kept["health"] if kept else {})
        self._pending = self.state.detections(event_id=None)
        self._write(self.state.unwritten())

    def _loop(self):
        since = {station.codes: station.since for station in self.stations.values()}
        for batch in self.feed.batches(since):
            self.step(batch)
            if batch.last or self.stopped.is_set():
                break
            if all(station.complete for station in self.stations.values()):
                self.step(Batch([], time.time(), None, last=True))
                break
        with self.state.begin() as connection:
            tables.name_files(connection, self._written)

    def step(self, batch: Batch) -> None:
        """Take packets in, evaluate what is due, and keep all of it in one transaction."""
        changed = {self._take(trace) for trace in batch.traces}
        rows, found = {}, []
        for name, station in self.stations.items():
            if batch.clock_ns is not None:
                station.ring.advance(batch.clock_ns - round(self.patience_s * 1e9))
            elif name in changed:
                station.ring.advance(0)
            done = station.finish() if batch.last else station.evaluate()
            rows[name] = self._rows(station, done, True), self._rows(station, station.foresee(), False)
            if done is not None or batch.last:
                found += [(each.onset.ns, self._measured(station, each)) for each in station.settle()]
                station.ring.forget(station.since)
            self.feed.need(name, UTCDateTime(ns=station.ring.frontier_ns))
        decided = self._decided(found)
        if any(any(both) for both in rows.values()) or found or decided or time.time() - self._told > HEALTH_S:
            self._keep_all(rows, found, decided)
            self._count(rows, batch)
            self._write([event_id for events, _, _ in decided for event_id in events["event_id"]])

    def _take(self, trace):
        """Give a packet to its station; says which."""
        name = trace.id.rpartition(".")[0]
        station = self.stations.get(name)
        code = trace.stats.channel
        if station and code[-1:] in self.about.components and fnmatchcase(code, station.codes.channels):
            health = self._health[name]
            health[station.ring.add(trace)] += 1
            health["newest"] = max(health["newest"], tables.iso(trace.stats.endtime.ns))
        return name

    def _rows(self, station, annotation, final):
        """Windows as rows of the database."""
        if annotation is None:
            return []
        first = self.grid.first(UTCDateTime(ns=annotation.start.ns - 1))
        drawn = pictures(
            station.ring, station.codes, self.about.components, self.about.preparation, self.grid,
            first, first + len(annotation),
        )  # fmt: skip
        reasons = [""] * len(annotation)
        for span in annotation.spans:
            begin = round((span.start - annotation.start) / annotation.step_s)
            reasons[begin : begin + span.windows] = [span.reason] * span.windows
        health, known, newest = self._health[station.codes.station], annotation.known, first + len(annotation) - 1
        if final:
            health["reason"] = reasons[-1]
        if newest >= health["window"]:
            best = int(annotation.probabilities[-1].argmax())  # of all NaN it is any
            said = annotation.classes[best], float(annotation.probabilities[-1, best])
            label, probability = said if known[-1] else ("", None)
            health |= {"window": newest, "class": label, "probability": probability}
        return [
            {
                "number": first + k,
                "time": tables.iso(annotation.time(k).ns),
                "final": final,
                "probabilities": dict(zip(annotation.classes, map(float, values), strict=True)) if known[k] else None,
                "reason": reasons[k],
                "envelope": envelope,
                "spectrum": spectrum,
            }
            for k, (values, (envelope, spectrum)) in enumerate(zip(annotation.probabilities, drawn, strict=True))
        ]

    def _measured(self, station, detection):
        about = self.about
        return measure(
            detection, station.heard(detection), station.codes.channels, about.components, about.preparation,
            inventory=self._inventory, origin=self._origin,
        )  # fmt: skip

    def _decided(self, found):
        """Events at stations that no later one can join or cover, put together: events, members, and all of them."""
        self._pending = sorted([*self._pending, *found], key=lambda pair: (pair[1].onset, pair[1].station))
        horizon_ns = min(station.horizon_ns for station in self.stations.values())
        reach_ns, decided, group, reached = round(self._furthest_s * 1e9), [], [], -inf
        for pair in [*self._pending, None]:
            # A group ends where whatever comes next begins too late for it.
            begins = horizon_ns if pair is None else pair[1].onset.ns
            if group and begins > reached + reach_ns:
                if horizon_ns <= reached + reach_ns:
                    break
                events, members = associate([detection for _, detection in group], self.rule, self._places)
                decided.append((events, members, group))
                group, reached = [], -inf
            if pair is not None:
                group, reached = [*group, pair], max(reached, pair[1].end.ns)
        self._pending = self._pending[sum(len(whole) for _, _, whole in decided) :]
        return decided

    def _keep_all(self, rows, found, decided):
        with self.state.begin() as connection:
            for name, station in self.stations.items():
                for contiguous in rows[name]:
                    tables.put_windows(connection, name, contiguous)
                tables.put_station(connection, name, station.window, station.settled, self._health[name])
                if rows[name][0]:
                    tables.forget_windows(connection, name, min(station.settled, station.window - self._keep))
            for run_ns, detection in found:
                tables.put_detection(connection, run_ns, detection)
            for events, members, group in decided:
                tables.put_events(connection, events)
                owner = {id(each): name for name, own in zip(events["event_id"], members, strict=True) for each in own}
                for run_ns, detection in group:
                    tables.decide(connection, run_ns, detection, owner.get(id(detection), ""))
                self.figures.events.update(events["event_class"])
            tables.name_files(connection, self._written)
        self._written, self._told = [], time.time()

    def _count(self, rows, batch):
        """Latency of windows that have probabilities for the first time."""
        now, present = time.time(), self.feed.now()
        for name, (final, early) in rows.items():
            self.figures.windows += len(final)
            own = [*final, *early]
            for row in own:
                if row["number"] > self._published.get(name, -1) and row["probabilities"]:
                    end = self.grid.time(self.grid.begin(row["number"]) + self.about.samples)
                    self.figures.latency_s.append(now - batch.arrived)
                    self.figures.delay_s.append(present - end)
            self._published[name] = max([self._published.get(name, -1), *(row["number"] for row in own)])

    def _write(self, event_ids):
        """Write QuakeML files; the next transaction says that they are there."""
        if not event_ids:
            return
        events = self.state.events(event_ids=event_ids)
        for k, event_id in enumerate(events["event_id"]):
            members = [detection for _, detection in self.state.detections(event_id=event_id)]
            path = self.out / FOLDER / f"{event_id}.xml"
            bulletin.write_quakeml(
                events.iloc[[k]], [members], path, source=self.about.name, first=zlib.crc32(event_id.encode())
            )
            self._written.append((event_id, f"{FOLDER}/{path.name}"))


def quantile(values: Sequence[float], share: float) -> float:
    """Quantile of some values; NaN of none."""
    return float(np.quantile(list(values), share)) if values else float("nan")
