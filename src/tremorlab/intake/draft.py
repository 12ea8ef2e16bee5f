"""Draft a study file from a catalogue and a folder of records: every choice is written down with its reason.

What is chosen: the channel of each station, the length of the window, where onsets lie, which classes have events
enough, noise where the catalogue lists none, and how windows are divided. All of it may be changed in the file.
"""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pandas as pd

from tremorlab.catalog import table
from tremorlab.catalog.writers import write_csv
from tremorlab.errors import StudyError
from tremorlab.intake import division, events, records
from tremorlab.intake.quiet import quiet_windows

#: Lengths of windows that the networks take (samples at 25 Hz); a length in seconds is this over 25.
SAMPLES = (4096, 2048, 1024)
RATE_HZ = 25.0

#: Events that a class needs to be in the study, three for each part; windows of events, where these are few and long.
FEWEST = 9

#: Windows that the record should have room for.
ROOM = 60

#: Noise windows of a station at most, and at least if there is room.
_NOISE = (20, 400)

#: Samples lost at the ends of a record to the filters and to the margin of the running spectrum (s).
EDGE_S = 2.0


@dataclass(frozen=True)
class Request:
    """What is known beforehand; everything else is found out.

    Attributes
    ----------
    name : str
        Of the study: small letters, digits and underscores.
    catalogue : path
        Event table.
    records : path or None
        Folder of waveforms.
    fdsn : str
        Service that has them instead, with ``channels``.
    channels : sequence of str
        SEED ids that are wanted, with ? and *; for a folder, all of it by default.
    options : dict
        Of the catalogue's reader.
    reader : str
        Its name.
    component : str
        Component letters; "" to take Z where there is one.
    window_s : float
        Length of the window; 0 to choose.
    noise : bool
        Take windows without events as noise where the catalogue lists none.
    """

    name: str
    catalogue: str | Path
    records: str | Path | None = None
    fdsn: str = ""
    channels: Sequence[str] = ()
    options: dict = field(default_factory=dict)
    reader: str = ""
    component: str = ""
    window_s: float = 0.0
    noise: bool = True


def draft(asked: Request, out: str | Path | None = None, *, overwrite: bool = False) -> Path:
    """Write a study file, and beside it the noise windows (and the events of short records) that it names.

    Parameters
    ----------
    asked
        What is known.
    out
        The file; by default NAME.toml in this folder.
    overwrite
        Replace a file that is there.

    Returns
    -------
    pathlib.Path
        The study file, for `tremorlab.study.load`.

    Raises
    ------
    StudyError
        The name, a column, a code, the length of the window or the channels do not do; names the option that helps.
    CatalogError, WaveformError
        The catalogue or the records cannot be read.
    """
    if not re.fullmatch(r"[a-z0-9_]+", asked.name):
        raise StudyError(f"name {asked.name!r}", "has other signs than a-z, 0-9 and _", "Write e.g. my_volcano")
    out = Path(out or f"{asked.name}.toml").expanduser().resolve()
    if out.exists() and not overwrite:
        raise StudyError(out, "exists", "Give another name, or --force to replace it")
    if bool(asked.records) == bool(asked.fdsn):
        raise StudyError("records", "give a folder or an FDSN service, one of them", "Write --records or --fdsn")
    made = _Draft(asked, out)
    for path, rows in made.tables.items():
        write_csv(rows, path)
    scratch = out.with_name(f".{out.name}.{os.getpid()}")
    scratch.write_text(made.text(), encoding="utf-8")
    scratch.replace(out)
    return out


class _Draft:
    """The choices; ``tables`` are event tables to be written beside the study."""

    def __init__(self, asked: Request, out: Path):
        self.asked, self.folder, self.tables, self.notes = asked, out.parent, {}, {}
        self.found = records.survey(asked.records) if asked.records else None
        self.short = bool(self.found) and self.found.kind == "collection"
        self.catalogues = [self._catalogue(out)]
        self.stations = self._stations()
        self.listed, self.events = self.events, self._recorded()
        self.samples, self.onset, self.onset_s = self._window()
        self.classes, self.rare = self._classes()
        if asked.noise and "noise" not in set(self.events["event_class"]) and not self.short:
            self._noise(out.with_name(f"{asked.name}_noise.csv"))
        self.splits = division.propose(self._dividable(), self.samples / RATE_HZ)

    def _catalogue(self, out):
        asked = self.asked
        if self.short and Path(asked.catalogue).name == "metadata.csv":
            self.events = events.read_short_records(Path(asked.catalogue).expanduser().resolve(), asked.options)
            self.tables[out.with_name(f"{asked.name}_events.csv")] = self.events
            return f'file = "./{asked.name}_events.csv"  # from the table of the records: an event a record'
        told = events.recognise(asked.catalogue, asked.options, asked.reader)
        self.events = told.events
        lines = [f"file = {json.dumps(self._place(told.path))}"]
        if told.reader != "csv":
            lines.append(f"reader = {json.dumps(told.reader)}")
        if told.options:
            pairs = ", ".join(f"{name} = {_toml(value)}" for name, value in told.options.items())
            lines.append(f"options = {{ {pairs} }}  # how its columns and codes are read")
        return "\n".join(lines)

    def _place(self, path):
        path = Path(path).expanduser().resolve()
        return f"./{path.relative_to(self.folder).as_posix()}" if path.is_relative_to(self.folder) else str(path)

    def _stations(self):
        asked = self.asked
        if self.found is None:
            if not asked.channels:
                raise StudyError(f"service {asked.fdsn}", "needs channels", "Write --channel NET.STA.LOC.CHA, repeated")
            wild = [name for name in asked.channels if set(name) & set("*?[") or name.count(".") != 3]
            if wild:
                raise StudyError(
                    f"channel {wild[0]!r}", "is not a full code", "Write NET.STA.LOC.CHA, like AV.REF..EHZ"
                )
            return list(asked.channels)
        channels = self.found.channels()
        for pattern in asked.channels:
            if not any(fnmatchcase(name, pattern) for name in channels.index):
                raise StudyError(f"channel {pattern!r}", "is not there", f"The records have {_few(channels.index)}")
        if asked.channels:
            keep = [any(fnmatchcase(name, pattern) for pattern in asked.channels) for name in channels.index]
            channels = channels[keep]
        letters = {name[-1:] for name in channels.index}
        self.component = asked.component or ("Z" if "Z" in letters else sorted(letters)[-1])
        if not set(self.component) <= letters:
            there = ", ".join(sorted(letters))
            raise StudyError(f"component {asked.component}", f"is not there; there are {there}", "Write --component")
        rates = channels["rate_hz"].str.split(", ").map(lambda texts: min(map(float, texts)))
        slow = channels.index[rates < RATE_HZ]
        if len(slow):
            self.notes["stations"] = f"# left out, recorded at less than {RATE_HZ:g} Hz: {_few(slow)}"
        channels = channels[(rates >= RATE_HZ) & channels.index.str.endswith(tuple(self.component))]
        if not len(channels):
            raise StudyError(
                asked.records, f"no channel of component {self.component} has {RATE_HZ:g} Hz or more",
                "Choose others with --channel and --component",
            )  # fmt: skip
        chosen, others = {}, []
        for name, row in channels.sort_values("hours", ascending=False).iterrows():
            station = ".".join(name.split(".")[:2])
            if chosen.setdefault(station, name)[:-1] != name[:-1]:
                others.append(name)
            del row
        if others and not self.short:
            self.notes["others"] = f"# further instruments of the same stations, with less record: {_few(others)}"
        return [name if len(self.component) == 1 else f"{name[:-1]}?" for _, name in sorted(chosen.items())]

    def _own(self):
        """NET.STA -> its segments."""
        return {".".join(name.split(".")[:2]): self.found.matching(name) for name in self.stations}

    def _recorded(self):
        """Events whose onset is in the record of a station that they hold for: only these decide anything."""
        if self.found is None:
            return self.events
        onset, here = self.events["onset"].to_numpy("datetime64[ns]").astype("int64"), np.zeros(len(self.events), bool)
        for station, own in self._own().items():
            starts, ends = joined_spans(own)
            place = np.searchsorted(starts, onset, "right") - 1
            inside = (place >= 0) & (ends[np.clip(place, 0, None)] >= onset)
            here |= inside & np.array([not name or fnmatchcase(station, name) for name in self.events["station"]])
        if not here.any():
            told = self.events["onset"]
            channels = self.found.channels()
            raise StudyError(
                self.asked.catalogue, f"none of {len(here)} events is in the record: events are from {told.min()} to "
                f"{told.max()}, the record from {channels['first'].min()} to {channels['last'].max()}, stations of the "
                f"table are {_few(set(self.events['station']) - {''}) or 'not named'}",
                "Check times and their zone (--timezone), and that stations are written NET.STA",
            )  # fmt: skip
        return self.events[here]

    def _window(self):
        asked, onset = self.asked, self.events[self.events["event_class"] != "noise"]
        if asked.window_s:
            wanted = round(asked.window_s * RATE_HZ)
            if wanted not in SAMPLES:
                fitting = ", ".join(f"{samples / RATE_HZ:g}" for samples in SAMPLES)
                raise StudyError(
                    f"window of {asked.window_s:g} s", "is none that the networks take", f"Write {fitting}"
                )
        lead_s = 0.0
        if self.found is None:
            samples = wanted if asked.window_s else SAMPLES[0]
        else:
            spans = [(a, b) for own in self._own().values() for a, b in zip(*joined_spans(own), strict=True)]
            lengths = np.array([b - a for a, b in spans]) / 1e9
            if self.short:
                lead_s = self._lead_s()
            samples, why = (wanted, "as asked for") if asked.window_s else _longest(lengths, onset)
            self.notes["window"] = f"# {why}"
            if lengths.max() < samples / RATE_HZ + 2 * EDGE_S:
                raise StudyError(
                    asked.records, f"the longest stretch of record is {lengths.max():.0f} s, and a window with its "
                    f"margins {samples / RATE_HZ + 2 * EDGE_S:.0f} s", "Give longer records",
                )  # fmt: skip
        return samples, ("fixed" if self.short else "anywhere"), lead_s

    def _lead_s(self):
        """Seconds from the start of a short record to its onset, less what the filters take, in most of them."""
        rows = self.events[self.events["event_class"] != "noise"]
        onset = rows["onset"].to_numpy("datetime64[ns]").astype("int64")
        starts = np.sort(self.found.segments["start_ns"].to_numpy())
        before = starts[np.clip(np.searchsorted(starts, onset, "right") - 1, 0, None)]
        return max(0.0, round(float(np.quantile((onset - before) / 1e9, 0.05)) - EDGE_S, 1)) if len(rows) else 0.0

    def _classes(self):
        rows = self.events[self.events["event_class"] != "other"].drop_duplicates("event_id")
        counts = rows.groupby("event_class").size()
        if not (counts.drop("noise", errors="ignore") >= FEWEST).any():
            counts = division.tiles(rows, self.samples / RATE_HZ).groupby("event_class").size()
        kept = [name for name, count in counts.items() if count >= FEWEST]
        if not kept:
            told = ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
            raise StudyError(
                self.asked.catalogue,
                f"no class has {FEWEST} events or windows of long events ({told})",
                "Give a longer catalogue",
            )
        return sorted(kept, key=lambda name: name == "noise"), {n: c for n, c in counts.items() if n not in kept}

    def _noise(self, path):
        if self.found is None:
            start, end = self.events["onset"].min(), self.events["onset"].max()
            span = pd.DataFrame({"start_ns": [start.value], "end_ns": [end.value]})
            own = {".".join(name.split(".")[:2]): span for name in self.stations}
        else:
            own = self._own()
        commonest = self.events["event_class"].value_counts().max()
        most = int(np.clip(commonest, *_NOISE))
        rows = quiet_windows(self.listed, own, self.samples / RATE_HZ, most, EDGE_S)
        if len(rows) < FEWEST:
            self.notes["noise"] = f"# no noise: only {len(rows)} stretches without events are as long as a window"
            return
        self.tables[path] = rows
        self.catalogues.append(f'file = "./{path.name}"  # stretches without a catalogued event, chosen evenly')
        self.classes.append("noise")

    def _dividable(self):
        parts = [self.events, *(rows for path, rows in self.tables.items() if path.name.endswith("_noise.csv"))]
        joined = table.validate(pd.concat(parts, ignore_index=True))
        return joined[joined["event_class"].isin(self.classes)]

    def text(self) -> str:
        """Text of the study file."""
        asked, note = self.asked, lambda name: f"{self.notes[name]}\n" if name in self.notes else ""
        stations = ",\n".join(f"  {json.dumps(name)}" for name in self.stations)
        classes = "\n".join(f'{name} = ["{name}"]' for name in self.classes)
        rare = "".join(f'# {n} = ["{n}"]  # {c}, fewer than {FEWEST}\n' for n, c in self.rare.items())
        catalogues = "\n\n".join(f"[[catalogues]]\n{entry}" for entry in self.catalogues)
        catalogue = Path(asked.catalogue).name
        where = Path(asked.records).expanduser().resolve().name if asked.records else f"FDSN service {asked.fdsn}"
        onset = f"onset_s = {self.onset_s:g}  # seconds before the onset that most of the short records have\n"
        return f"""\
# Drafted by `tremorlab study new`. Change what you like; `tremorlab study check` says what would be used.
name = {json.dumps(asked.name)}
title = {json.dumps(f"{asked.name}: {catalogue}, {where}")}
summary = "Who recorded what, and who labelled it: write it here, it stands in the report."
licence = "not stated"
citation = "not stated"

# One channel a station, the one with most record.
{note("stations")}{note("others")}stations = [
{stations},
]
components = {json.dumps(getattr(self, "component", self.stations[0][-1]))}

# Class of the study = what the catalogue calls it; several of the catalogue's may be one of the study's.
[classes]
{classes}
{rare}{note("noise")}
{catalogues}

{self._waveforms()}
[preparation]
highpass_hz = 1.0  # below it is the sea; the other chapters use the same
sampling_rate_hz = {RATE_HZ}

[window]
{note("window")}samples = {self.samples}  # {self.samples / RATE_HZ:g} s; {", ".join(map(str, SAMPLES))} are possible
onset = "{self.onset}"  # anywhere: the network shall find an event wherever it lies, as in a continuous record
{onset if self.short else ""}
{self.splits}"""

    def _waveforms(self):
        if self.found is None:
            return (
                "# Fetched by `tremorlab fetch` into the cache: windows and a minute around them.\n"
                f'[waveforms]\nkind = "sds"\nroot = "{self.asked.name}/fetched"\n\n'
                f"[fetch]\nservice = {json.dumps(self.asked.fdsn)}\n"
            )
        if self.found.kind == "sds":
            return f'[waveforms]\nkind = "sds"\nroot = {json.dumps(self._place(self.asked.records))}\n'
        used = pd.concat(self.found.matching(name) for name in self.stations)["file"].unique()
        lines = "\n".join(f"  {json.dumps(self._place(path))}," for path in sorted(used))
        left = "".join(f"# cannot be read: {name}: {why}\n" for name, why in self.found.unreadable.items())
        return f'[waveforms]\nkind = "files"\n{left}files = [\n{lines}\n]\n'


def joined_spans(own: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Stretches of record, where gaps of a second do not count (they are filled)."""
    return records.joined(own, 1.0)


def _longest(lengths, onset):
    """Longest window for which there is room, and in which most events are alone; and why it is that one."""
    why = "The longest that the networks take."
    apart = (
        np.diff(np.sort(onset.drop_duplicates("event_id")["onset"].to_numpy("datetime64[ns]").astype("int64"))) / 1e9
    )
    for samples in SAMPLES:
        window_s = samples / RATE_HZ
        room = int((np.maximum(lengths - 2 * EDGE_S, 0) // window_s).sum())
        crowded = float(np.mean(apart < window_s)) if len(apart) else 0.0
        if room >= ROOM and crowded <= 0.5:
            break
        if samples != SAMPLES[-1]:
            why = f"Of {window_s:g} s the record would hold {room}"
            why += f", and {crowded:.0%} of the events would be followed by another in the same window."
    return samples, why


def _toml(value):
    return json.dumps(value) if isinstance(value, str | bool) else f"{value}"


def _few(names):
    names = sorted(names)
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
