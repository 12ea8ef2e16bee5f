"""What must outlive the process, in one SQL database: SQLite beside the other results, or PostgreSQL.

    stations     how far each station has got, and how it is
    windows      class probabilities, envelope and spectrum of each window; early ones are replaced by final ones
    detections   events at single stations, with the network event that they belong to once it is decided
    events       events of the network: never changed, never taken back

All that one step of the watch changes is one transaction. A process that is killed leaves the database as it was after
some step, and everything else follows from it.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import sqlalchemy as sa
from obspy import UTCDateTime

from tremorlab.detect.events import COLUMNS, Detection
from tremorlab.errors import ParameterError

#: Version of the tables below.
VERSION = 1

#: Name of the database in the folder of results.
FILE = "watch.sqlite"

#: Seconds in which a PostgreSQL server notices that the process which held the lock was killed.
RELEASE_S = 5.0

_TABLES = sa.MetaData()

_about = sa.Table("about", _TABLES, sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.Text))

_stations = sa.Table(
    "stations", _TABLES,
    sa.Column("station", sa.Text, primary_key=True),
    sa.Column("next_window", sa.BigInteger, nullable=False),
    sa.Column("settled_window", sa.BigInteger, nullable=False),
    sa.Column("health", sa.JSON, nullable=False),
)  # fmt: skip

_windows = sa.Table(
    "windows", _TABLES,
    sa.Column("station", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, comment="windows since 1970"),
    sa.Column("time", sa.Text, nullable=False, comment="centre, UTC"),
    sa.Column("final", sa.Boolean, nullable=False),
    sa.Column("probabilities", sa.JSON(none_as_null=True), comment="class: probability"),
    sa.Column("reason", sa.Text, nullable=False, comment="why there are none"),
    sa.Column("envelope", sa.LargeBinary, comment="float32 pairs of minimum and maximum, of the step about the centre"),
    sa.Column("spectrum", sa.LargeBinary, comment="float32 decibels, from 0 to half of the sampling rate"),
)  # fmt: skip

_detections = sa.Table(
    "detections", _TABLES,
    sa.Column("station", sa.Text, primary_key=True),
    sa.Column("event_class", sa.Text, primary_key=True),
    sa.Column("run_ns", sa.BigInteger, primary_key=True, comment="onset by windows"),
    sa.Column("onset_ns", sa.BigInteger, nullable=False),
    sa.Column("end_ns", sa.BigInteger, nullable=False),
    sa.Column("peak_ns", sa.BigInteger, nullable=False),
    sa.Column("probability", sa.Float(53), nullable=False),
    sa.Column("snr_db", sa.Float(53)),
    sa.Column("frequency_hz", sa.Float(53)),
    sa.Column("reduced_displacement_cm2", sa.Float(53)),
    sa.Column("event_id", sa.Text, comment="NULL while open; empty where too few stations saw it, or it gave way"),
)  # fmt: skip

_KINDS = {"str": sa.Text, "int64": sa.BigInteger, "float64": sa.Float(53), "datetime64[ns, UTC]": sa.Text}
_events = sa.Table(
    "events", _TABLES,
    *(sa.Column(name, _KINDS[kind], primary_key=name == "event_id", comment=text)
      for name, (kind, text) in COLUMNS.items()),
    sa.Column("file", sa.Text, comment="QuakeML file; NULL until it is written"),
)  # fmt: skip


class State:
    """The database of a watch.

    Parameters
    ----------
    url
        Of SQLAlchemy, like ``postgresql+psycopg://user@host/name``, or the path of an SQLite file.
    about
        What the results depend on: network, step, rule. A database with other results in it is refused.

    Raises
    ------
    ParameterError
        The database cannot be opened, is of another version, holds the results of something else, or is in use.
    """

    def __init__(self, url: str | Path, about: Mapping[str, str]):
        url = str(url) if "://" in str(url) else f"sqlite:///{url}"
        self._engine, self._lock = _open(url), None
        self.url = self._engine.url.render_as_string(hide_password=True)
        wanted = {"version": str(VERSION), **about}
        try:
            if self._engine.dialect.name == "postgresql":
                self._alone()
            with self._engine.begin() as connection:
                _TABLES.create_all(connection, tables=[_about])
                found = {row.name: row.value for row in connection.execute(sa.select(_about))}
                if found.get("version", str(VERSION)) == str(VERSION):
                    _TABLES.create_all(connection)
                if not found:
                    connection.execute(_about.insert(), [{"name": k, "value": v} for k, v in wanted.items()])
        except sa.exc.SQLAlchemyError as error:
            raise ParameterError(self.url, f"cannot be opened: {_reason(error)}", _REMEDY) from error
        for name, value in wanted.items():
            if found and found.get(name) != value:
                raise ParameterError(
                    self.url, f"{name} is {found.get(name)}, not {value}", "Name another folder or database"
                )

    def _alone(self):
        """Lock the database for as long as this process lives; in a folder, `tremorlab.detect.archive.alone` does."""
        # Outside transactions: a server may end one that stays open for days.
        self._lock = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        until = time.monotonic() + RELEASE_S
        while not self._lock.scalar(sa.text("SELECT pg_try_advisory_lock(hashtext('tremorlab watch'))")):
            if time.monotonic() > until:
                self.close()
                raise ParameterError(self.url, "another watch is writing here", "Name another database")
            time.sleep(0.1)

    def close(self) -> None:
        """Let go of the database."""
        if self._lock is not None:
            self._lock.close()
        self._engine.dispose()

    def begin(self):
        """Begin a transaction: a context manager that gives the connection the methods below take."""
        return self._engine.begin()

    def station(self, station: str) -> dict | None:
        """How far a station has got: next_window, settled_window, health; None where it is new."""
        return self._one(sa.select(_stations).where(_stations.c.station == station))

    def past(self, station: str, first: int, stop: int, classes: Sequence[str]) -> np.ndarray:
        """Probabilities of final windows first .. stop - 1, float32, (windows, classes), NaN where there are none."""
        values = np.full((stop - first, len(classes)), np.nan, "f4")
        columns = _windows.c
        query = sa.select(columns.number, columns.probabilities).where(
            columns.station == station, columns.final, columns.number >= first, columns.number < stop
        )
        with self.begin() as connection:
            for number, probabilities in connection.execute(query):
                if probabilities:
                    values[number - first] = [probabilities[name] for name in classes]
        return values

    def detections(self, **where) -> list[tuple[int, Detection]]:
        """Events at stations and the onset of their windows (nanoseconds), by columns; ``event_id=None``: open."""
        query = sa.select(_detections).filter_by(**where).order_by(_detections.c.onset_ns, _detections.c.station)
        with self.begin() as connection:
            return [(row["run_ns"], _detection(row)) for row in connection.execute(query).mappings()]

    def events(self, last: int | None = None, event_ids: Sequence[str] | None = None) -> pd.DataFrame:
        """Events of the network with the columns of `tremorlab.detect.events.COLUMNS`, in order of onset.

        Parameters
        ----------
        last
            So many of the latest; all unless given.
        event_ids
            These only.
        """
        query = sa.select(_events).order_by(_events.c.onset.desc(), _events.c.event_id.desc()).limit(last)
        if event_ids is not None:
            query = query.where(_events.c.event_id.in_(event_ids))
        with self.begin() as connection:
            rows = [{name: row[name] for name in COLUMNS} for row in connection.execute(query).mappings()]
        table = pd.DataFrame(rows[::-1], columns=list(COLUMNS))
        for name, (kind, _) in COLUMNS.items():
            column = table[name].fillna(np.nan) if kind == "float64" else table[name]
            timed = kind.startswith("datetime")
            table[name] = (
                pd.to_datetime(column, utc=True, format="ISO8601").astype(kind) if timed else column.astype(kind)
            )
        return table

    def unwritten(self) -> list[str]:
        """Events without a QuakeML file."""
        with self.begin() as connection:
            return list(connection.scalars(sa.select(_events.c.event_id).where(_events.c.file.is_(None))))

    def windows(self, station: str, after: float, before: float) -> list[dict]:
        """Windows of a station whose numbers are in [after, before), in order."""
        columns = _windows.c
        query = sa.select(_windows).where(columns.station == station, columns.number >= after, columns.number < before)
        with self.begin() as connection:
            return [dict(row) for row in connection.execute(query.order_by(columns.number)).mappings()]

    def stations(self) -> dict[str, dict]:
        """All stations, as `station` gives them."""
        with self.begin() as connection:
            rows = connection.execute(sa.select(_stations).order_by(_stations.c.station)).mappings()
            return {row["station"]: dict(row) for row in rows}

    def _one(self, query):
        with self.begin() as connection:
            row = connection.execute(query).mappings().first()
            return dict(row) if row else None


def put_station(connection, station: str, next_window: int, settled_window: int, health: Mapping) -> None:
    """Say how far a station has got."""
    connection.execute(_stations.delete().where(_stations.c.station == station))
    row = {"station": station, "next_window": next_window, "settled_window": settled_window, "health": dict(health)}
    connection.execute(_stations.insert(), row)


def put_windows(connection, station: str, rows: Sequence[Mapping]) -> None:
    """Write windows that follow each other, in place of those with the same numbers."""
    if rows:
        numbers = [row["number"] for row in rows]
        columns = _windows.c
        same = (columns.station == station) & columns.number.between(min(numbers), max(numbers))
        connection.execute(_windows.delete().where(same))
        connection.execute(_windows.insert(), [{"station": station, **row} for row in rows])


def forget_windows(connection, station: str, before: int) -> None:
    """Delete old windows."""
    connection.execute(_windows.delete().where(_windows.c.station == station, _windows.c.number < before))


def put_detection(connection, run_ns: int, detection: Detection) -> None:
    """Write an event at a station that belongs to no event of the network yet."""
    row = {
        "station": detection.station, "event_class": detection.event_class, "run_ns": run_ns,
        "onset_ns": detection.onset.ns, "end_ns": detection.end.ns, "peak_ns": detection.peak.ns,
        "probability": detection.probability, "event_id": None,
    }  # fmt: skip
    connection.execute(_detections.insert(), row | {name: _null(getattr(detection, name)) for name in _MEASURED})


def decide(connection, run_ns: int, detection: Detection, event_id: str) -> None:
    """Say which event of the network an event at a station belongs to, "" for none."""
    columns = _detections.c
    same = (columns.station == detection.station) & (columns.event_class == detection.event_class)
    connection.execute(_detections.update().where(same, columns.run_ns == run_ns).values(event_id=event_id))


def put_events(connection, events: pd.DataFrame) -> None:
    """Write events of the network."""
    for event in events.to_dict("records"):
        row = {name: _null(value) for name, value in event.items()}
        times = {name: iso(event[name].value) for name in ("onset", "end")}
        connection.execute(_events.insert(), row | times)


def name_files(connection, files: Iterable[tuple[str, str]]) -> None:
    """Say that the QuakeML files of events are written."""
    for event_id, file in files:
        connection.execute(_events.update().where(_events.c.event_id == event_id).values(file=file))


_MEASURED = ("snr_db", "frequency_hz", "reduced_displacement_cm2")
_REMEDY = "Give a file you may write to, or the URL of a database that runs; PostgreSQL needs pip install psycopg"


def _null(value):
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else float(value)
    return value.item() if isinstance(value, np.generic) else value


def _detection(row):
    measured = {name: np.nan if row[name] is None else row[name] for name in _MEASURED}
    times = {name: UTCDateTime(ns=row[f"{name}_ns"]) for name in ("onset", "end", "peak")}
    return Detection(row["station"], row["event_class"], probability=row["probability"], **times, **measured)


def _open(url):
    try:
        engine = sa.create_engine(url)
    except (sa.exc.ArgumentError, ModuleNotFoundError) as error:
        raise ParameterError(url, f"cannot be opened: {_reason(error)}", _REMEDY) from error
    if engine.dialect.name == "sqlite":

        @sa.event.listens_for(engine, "connect")
        def _(connection, _):
            # Readers do not wait for the writer; a power cut may cost the last steps, never consistency.
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")

    return engine


def _reason(error):
    return str(getattr(error, "orig", None) or error).splitlines()[0]


def iso(time_ns: int) -> str:
    """UTC to the nanosecond, so that texts are in the order of times."""
    return f"{np.datetime64(time_ns, 'ns')}Z"
