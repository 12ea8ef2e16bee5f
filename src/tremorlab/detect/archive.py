"""A detector over an archive of station-days, side by side, resumable, with events at the end.

    out/
        probabilities/station=XX.AAA./date=2011-02-15/probabilities.parquet
        events.csv  events.xml  picks.csv
        failures.csv         station-days that could not be done, and why; tried again by the next run

Each file of probabilities names the hash of what it depends on: the network, the step, and name, size and time of
change of the day files that were read. A station-day whose file has the right hash is not done again. A file appears
whole or not at all, and only one run at a time may work on a folder.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import groupby
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from obspy import UTCDateTime

from tremorlab.detect import bulletin
from tremorlab.detect.continuous import Annotation, Span, annotate
from tremorlab.detect.engine import About, Detector
from tremorlab.detect.events import Detection, Rule, associate, detections
from tremorlab.detect.measure import measure
from tremorlab.detect.sites import coordinates, open_inventory
from tremorlab.detect.workers import Workers
from tremorlab.errors import ParameterError, TremorlabError
from tremorlab.waveform.files import SDSSource

DAY_S = 86_400
FILE = "probabilities.parquet"
_KEY = b"tremorlab"


@dataclass(frozen=True)
class StationDay:
    """What one task does.

    Attributes
    ----------
    archive : str
        Top of the SDS archive.
    station : str
        NET.STA.LOC.
    channels : str
        Channel codes, with ? and *.
    day : str
        UTC day, as 2011-02-15.
    detector : str
        Exported network.
    step_s : float
    out : str
        Folder of results.
    """

    archive: str
    station: str
    channels: str
    day: str
    detector: str
    step_s: float
    out: str

    @property
    def path(self) -> Path:
        """File of its probabilities."""
        return Path(self.out) / "probabilities" / f"station={self.station}" / f"date={self.day}" / FILE

    @property
    def start(self) -> UTCDateTime:
        """Midnight before."""
        return UTCDateTime(self.day)


@dataclass(frozen=True)
class Outcome:
    """What became of a run over an archive.

    Attributes
    ----------
    done, kept : int
        Station-days that were evaluated now, and that were there already.
    failures : list of (station, day, reason)
    events : pandas.DataFrame
        Columns of `tremorlab.detect.events.COLUMNS`.
    """

    done: int
    kept: int
    failures: list[tuple[str, str, str]]
    events: pd.DataFrame


def station_days(
    root: str | Path, stations: Sequence[str] = ("*",), channels: str = "*", components: str = "Z"
) -> list[tuple[str, str]]:
    """Stations (NET.STA.LOC) and UTC days of an SDS archive that have a file of any of the components.

    Parameters
    ----------
    root
        Top of the archive.
    stations
        NET.STA or NET.STA.LOC that are wanted; ? and * are wildcards.
    channels
        Channel codes that are wanted, like ``HH?``.
    components
        Last letters of the channel codes.

    Raises
    ------
    ParameterError
        There is none.
    """
    found = set()
    for path in Path(root).glob("[0-9][0-9][0-9][0-9]/*/*/*.D/*.D.[0-9]*.[0-9]*"):
        network, station, location, channel, _, year, day = path.name.split(".")
        name = f"{network}.{station}.{location}"
        wanted = any(fnmatchcase(name, pattern if pattern.count(".") > 1 else f"{pattern}.*") for pattern in stations)
        if wanted and fnmatchcase(channel, channels) and channel[-1:] in tuple(components):
            found.add((name, UTCDateTime(year=int(year), julday=int(day)).strftime("%Y-%m-%d")))
    if not found:
        raise ParameterError(
            f"archive {root}",
            f"holds no day file of {', '.join(stations)}, channel {channels}, component {' or '.join(components)}",
            "Give the top folder of an SDS archive, and stations that are in it",
        )
    return sorted(found)


def detect(
    archive: str | Path,
    detector: str | Path,
    out: str | Path,
    *,
    stations: Sequence[str] = ("*",),
    channels: str = "*",
    first: str = "",
    last: str = "",
    step_s: float = 10.24,
    rule: Rule | None = None,
    inventory: str | Path | None = None,
    origin: tuple[float, float] | None = None,
    scheduler: str = "",
    workers: int | None = None,
    progress: bool = False,
) -> Outcome:
    """Evaluate a network over an archive and find the events.

    Parameters
    ----------
    archive
        Top folder of an SDS archive.
    detector
        Exported network, or the model folder that holds it.
    out
        Folder of results; made where it is not there, gone on with where it is.
    stations, channels
        As in `station_days`. Where a station has several instruments, say which.
    first, last
        UTC days (2011-02-15), both inside; all unless given.
    step_s
        Seconds between windows.
    rule
        When probabilities make an event.
    inventory
        StationXML file: coordinates for travel times, response for the reduced displacement.
    origin
        Latitude and longitude of the source, for the reduced displacement.
    scheduler, workers, progress
        As `tremorlab.detect.workers.Workers` takes them.

    Raises
    ------
    ParameterError
        Another run works on the folder, or the archive has nothing of what is wanted.
    ModelError
        The network cannot be read.
    """
    rule, out, archive = rule or Rule(), Path(out).absolute(), Path(archive).absolute()
    loaded = Detector(detector)
    SDSSource(archive)  # says what is wrong with the folder
    tasks = [
        StationDay(str(archive), station, channels, day, str(loaded.path.absolute()), step_s, str(out))
        for station, day in station_days(archive, stations, channels, loaded.about.components)
        if (not first or day >= first) and (not last or day <= last)
    ]
    if not tasks:
        raise ParameterError(f"days {first or '...'} to {last or '...'}", "are not in the archive", "Give other days")
    with alone(out), Workers(scheduler=scheduler, workers=workers, progress=progress) as side_by_side:
        network = hashlib.sha256(loaded.path.read_bytes()).hexdigest()
        todo = [(task, _hash(task, network)) for task in tasks]
        todo = [(task, key) for task, key in todo if _key(task.path) != key]
        reasons = dict(zip([task for task, _ in todo], side_by_side.each(_evaluate, todo), strict=True))
        again = [(task, key) for task, key in todo if reasons[task]]
        if again:
            reasons |= zip([task for task, _ in again], side_by_side.each(_evaluate, again), strict=True)
        failures = [(task.station, task.day, reason) for task, reason in reasons.items() if reason]
        _failures(out, failures)
        whole = [task for task in tasks if not reasons.get(task)]
        places = None if inventory is None else str(Path(inventory).absolute())
        parts = [
            (own[0], network, list(same_day), places, origin)
            for own in (list(group) for _, group in groupby(whole, key=lambda task: task.station))
            for _, same_day in groupby(_detections(own, rule, loaded.about), key=lambda one: one.onset.date)
        ]
        found = [one for part in side_by_side.each(_measured, parts, progress=False) for one in part]
        events, members = associate(found, rule, coordinates(places))
        bulletin.write_csv(events, out / "events.csv")
        bulletin.write_quakeml(events, members, out / "events.xml", source=loaded.about.name)
        picks = bulletin.labels(sorted(found, key=lambda d: (d.onset, d.station)))
        _replace(out / "picks.csv", lambda path: picks.to_csv(path, index=False))
    return Outcome(len(todo) - len(failures), len(tasks) - len(todo), failures, events)


def read(path: str | Path, window_s: float, step_s: float) -> Annotation:
    """Read the probabilities of one station-day."""
    with Path(path).open("rb") as file:
        table = pq.read_table(file)
    about = json.loads(table.schema.metadata[_KEY])
    classes = tuple(table.column_names[1:])
    values = np.stack([table[name].to_numpy() for name in classes], axis=1)
    start = UTCDateTime(ns=int(table["time"][0].value))
    spans = [
        Span(UTCDateTime(ns=s["start"]), UTCDateTime(ns=s["end"]), s["windows"], s["reason"]) for s in about["spans"]
    ]
    return Annotation(about["station"], about["name"], classes, start, step_s, window_s, values, spans, [])


def _evaluate(task_and_key):
    """Evaluate one station-day and write its file; the reason why it could not be done, or ""."""
    task, key = task_and_key
    if _key(task.path) == key:  # done by a worker that died before it could tell
        return ""
    try:
        source = SDSSource(task.archive)
        loaded = _detector(task.detector, key)
        seed_id, end = f"{task.station}.{task.channels}", task.start + DAY_S
        annotation = annotate(source, seed_id, task.start, end, loaded, step_s=task.step_s)
        _write(annotation, task, key)
    except TremorlabError as error:
        return str(error)
    except Exception as error:  # one station-day must not take the others with it
        return f"{type(error).__name__}: {error}"
    return ""


@lru_cache(maxsize=2)
def _detector(path, _):
    return Detector(path)


def _write(annotation, task, key):
    times = annotation.start.ns + np.rint(np.arange(len(annotation)) * annotation.step_s * 1e9).astype("int64")
    columns = {"time": pa.array(times, pa.timestamp("ns", "UTC"))}
    columns |= {name: pa.array(annotation.probabilities[:, k]) for k, name in enumerate(annotation.classes)}
    spans = [asdict(span) | {"start": span.start.ns, "end": span.end.ns} for span in annotation.spans]
    about = {"hash": key, "station": task.station, "name": annotation.name, "spans": spans}
    table = pa.table(columns).replace_schema_metadata({_KEY: json.dumps(about)})
    task.path.parent.mkdir(parents=True, exist_ok=True)
    _replace(task.path, lambda path: _write_table(table, path))


def _write_table(table, path):
    # A file and not its name: pyarrow takes UTF-8 only, and where the locale has none a name may be any bytes.
    with path.open("wb") as file:
        pq.write_table(table, file, compression="zstd")


def _replace(path, write):
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _hash(task, network):
    """Hash of what a station-day depends on; the days before and after lend it their edges."""
    digest = hashlib.sha256(f"{network} {task.step_s!r} {task.station}.{task.channels} {task.day}".encode())
    for offset in (-1, 0, 1):
        day = task.start + offset * DAY_S
        network_code, station, location = task.station.split(".")
        folder = Path(task.archive) / str(day.year) / network_code / station
        name = f"{network_code}.{station}.{location}.*.D.{day.year}.{day.julday:03d}"
        for path in sorted(folder.glob(f"*.D/{name}")):
            state = path.stat()
            digest.update(f"{path.name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _key(path):
    """Hash that a finished file names; None where there is no such file."""
    try:
        with path.open("rb") as file:
            return json.loads(pq.read_schema(file).metadata[_KEY])["hash"]
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return None


def _detections(tasks: list[StationDay], rule: Rule, about: About) -> list[Detection]:
    """Detections of one station over all of its days, in order; an event over midnight is one."""
    window_s = about.window_samples / about.preparation.sampling_rate_hz
    days = [read(task.path, window_s, task.step_s) for task in tasks]
    found = [one for stretch in _contiguous(days) for one in detections(stretch, rule)]
    return sorted(found, key=lambda one: one.onset)


def _measured(part) -> list[Detection]:
    """Detections of a station with what its record tells of them."""
    task, network, found, inventory, origin = part
    about = _detector(task.detector, network).about
    places, source = open_inventory(inventory), SDSSource(task.archive)
    return [
        measure(one, source, task.channels, about.components, about.preparation, inventory=places, origin=origin)
        for one in found
    ]


def _contiguous(days) -> Iterator[Annotation]:
    """Days that follow each other without a missing window, as one."""
    group: list[Annotation] = []
    for day in days:
        if group and abs(day.start - group[-1].time(len(group[-1]))) > 1e-3:
            yield _one(group)
            group = []
        group.append(day)
    if group:
        yield _one(group)


def _one(group):
    first = group[0]
    values = np.concatenate([day.probabilities for day in group])
    spans = [span for day in group for span in day.spans]
    return Annotation(
        first.station, first.name, first.classes, first.start, first.step_s, first.window_s, values, spans, []
    )


def _failures(out, failures):
    table = pd.DataFrame(failures, columns=["station", "day", "reason"])
    _replace(out / "failures.csv", lambda path: table.to_csv(path, index=False))


@contextlib.contextmanager
def alone(out: Path) -> Iterator[None]:
    """Make a folder and hold its lock; the system lets go of it when the process ends, however that ends.

    Raises
    ------
    ParameterError
        The folder cannot be made, or another run holds it.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = (out / ".lock").open("w")
    except OSError as error:
        raise ParameterError(out, f"cannot be made: {error.strerror}", "Name a folder you may write to") from error
    with lock:
        try:
            if fcntl:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ParameterError(
                out, "another run is writing here", "Wait for it to end, or name another folder"
            ) from None
        yield
