"""One study = one typed TOML file: classes, catalogue, waveforms, window, running spectrum, splits.

Every page, the command line and the reader's own data go through this one description, so that a result
can be traced to a file of about forty lines.

Files are named by absolute paths or below the data folders (see each key); a name that starts with ``./`` is
beside the TOML file itself, so that a folder with a study and its data may be moved as a whole.
"""

import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

from obspy import UTCDateTime
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from tremorlab import paths
from tremorlab.errors import StudyError

#: Kinds of event that a catalogue may hold, and what each stands for.
EVENT_CLASSES = {
    "tremor": "tectonic tremor: minutes of low-frequency earthquakes without clear onsets",
    "earthquake": "ordinary tectonic earthquake, local or regional",
    "teleseism": "distant earthquake, long-period energy only",
    "vt": "volcano-tectonic earthquake",
    "long_period": "long-period (low-frequency) volcanic event",
    "volcanic_tremor": "volcanic tremor without a reported eruption",
    "eruption": "eruption signal: explosion or eruptive tremor",
    "emission": "ash or gas emission reported by an observatory",
    "volcanic_earthquake": "earthquake at a volcano, type not given",
    "noise": "a stretch of record in which no event was found",
    "other": "anything else, kept for completeness",
}

Reliability = Literal["high", "medium", "low"]


def _utc(value: object) -> UTCDateTime:
    if isinstance(value, UTCDateTime):
        return value
    text = str(value)
    if not (text.endswith("Z") or "+00:00" in text):
        raise ValueError(f"time {text!r} has no zone; write it in UTC with a trailing Z")
    try:
        return UTCDateTime(text)
    except Exception as error:  # obspy raises several unrelated kinds for one mistake
        raise ValueError(f"time {text!r} is not ISO 8601") from error


Time = Annotated[UTCDateTime, BeforeValidator(_utc)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class CatalogueFile(_Record):
    """One event table of a study and how to read it."""

    file: str = Field(description="path below the data folder, TREMORLAB_DATA, absolute, or ./ beside the study")
    reader: str = Field("csv", description="name of a reader in tremorlab.catalog.readers")
    options: dict[str, str | int | float | bool] = Field({}, description="keyword arguments of that reader")


class LocalFiles(_Record):
    """Waveform files; ``obspy:`` in front of a path means inside the obspy package."""

    kind: Literal["files"] = "files"
    files: list[str] = Field(min_length=1, description="paths below TREMORLAB_DATA, absolute, ./ or obspy:...")


class SDSArchive(_Record):
    """A SeisComP Data Structure archive of miniSEED day files."""

    kind: Literal["sds"]
    root: str = Field(description="top folder of the archive: below TREMORLAB_DATA, absolute, or ./")


class FDSNService(_Record):
    """An FDSN dataselect service."""

    kind: Literal["fdsn"]
    service: str = Field(description="name known to obspy (EARTHSCOPE, NCEDC, ...) or base URL")


class HinetService(_Record):
    """NIED Hi-net, DONET, V-net or JMA volcano network through HinetPy; account in HINET_USER and HINET_PASSWORD."""

    kind: Literal["hinet"]
    network: str = Field(description="HinetPy network code, e.g. 0402 for DONET1, 030243 for Sakurajima")


Waveforms = Annotated[LocalFiles | SDSArchive | FDSNService | HinetService, Field(discriminator="kind")]


class Fetch(_Record):
    """How a reader without the files gets the same records."""

    service: str | None = Field(None, description="FDSN service that holds the same channels")
    urls: dict[str, str] = Field({}, description="file to fetch -> 'URL sha256:...'")
    instructions: str = Field("", description="what to do where neither is possible")
    margin_s: float = Field(60.0, ge=0, description="seconds fetched on both sides of every window")


class Preparation(_Record):
    """What `waveform.prepare` does to every record (all the same, for every class)."""

    sampling_rate_hz: float = Field(25.0, gt=0, description="rate after decimation")
    highpass_hz: float = Field(0.2, ge=0, description="corner of the zero-phase high-pass; 0 leaves it out")
    max_gap_s: float = Field(1.0, ge=0, description="gaps up to this long are filled by a straight line and recorded")
    output: Literal["counts", "velocity", "displacement", "acceleration"] = Field(
        "counts", description="counts leaves the response in; the others need StationXML"
    )
    inventory: str = Field("", description="StationXML file for response removal")


class Window(_Record):
    """Length of the analysis window and where it sits on an event."""

    samples: int = Field(4096, ge=128, description="samples of a window after decimation")
    onset: Literal["fixed", "anywhere"] = Field(
        "fixed",
        description="fixed: onsets at onset_s; anywhere: drawn evenly from the whole window but its last spectrum",
    )
    onset_s: float = Field(40.0, ge=0, description="seconds from window start to a fixed onset of a short event")
    tile: bool = Field(True, description="cover an event longer than the window with windows end to end")


class RunningSpectrum(_Record):
    """Short-time amplitude spectra of a window (Nakano and Sugiyama 2022: 64 x 64, 128-sample FFT, half overlap)."""

    fft_samples: int = Field(128, ge=8, description="samples of one FFT")
    hop_samples: int = Field(64, ge=1, description="samples between FFTs")
    framing: Literal["extend", "reflect", "inside"] = Field(
        "extend",
        description="extend: half a hop more record on both sides, one frame more; "
        "reflect: the same from mirrored samples; inside: full frames only",
    )
    amplitude: Literal["linear", "log"] = Field("linear", description="amplitude, or its decadic logarithm over 60 dB")

    def frames(self, samples: int) -> int:
        """Number of spectra of a window of ``samples``: 63 inside 4096, 64 with half a hop on both sides."""
        margin = 0 if self.framing == "inside" else self.hop_samples
        return (samples + margin - self.fft_samples) // self.hop_samples + 1

    @property
    def frequencies(self) -> int:
        """Number of frequencies: all of the real FFT but zero."""
        return self.fft_samples // 2


class Splits(_Record):
    """How windows are divided; `periods` maps a split to UTC intervals, the other kinds draw by `fractions`."""

    kind: Literal["period", "event", "station", "random"] = "event"
    periods: dict[str, list[tuple[Time, Time]]] = Field({}, description="split -> list of [start, end)")
    stations: dict[str, list[str]] = Field({}, description="split -> NET.STA codes")
    fractions: dict[str, float] = Field(
        {"train": 0.7, "validation": 0.15, "test": 0.15}, description="share of the events per split"
    )
    minimum: int = Field(5, ge=1, description="fewest events of a class that a split may hold")

    @model_validator(mode="after")
    def _complete(self):
        if self.kind == "period" and not self.periods:
            raise ValueError("a split by period needs [splits.periods]")
        if self.kind == "station" and not self.stations:
            raise ValueError("a split by station needs [splits.stations]")
        if self.kind in ("event", "random") and abs(sum(self.fractions.values()) - 1) > 1e-9:
            raise ValueError(f"fractions add up to {sum(self.fractions.values()):g}, not to 1")
        return self


class Study(_Record):
    """The whole description; see the TOML files in data/studies for worked examples."""

    name: str = Field(pattern=r"^[a-z0-9_]+$", description="short name, also the name of the file")
    title: str = Field(description="one line for tables and captions")
    summary: str = Field(description="what was recorded, where, and who labelled it")
    licence: str = Field(description="licence of the recordings and of the labels")
    citation: str = Field(description="what to cite")
    classes: dict[str, list[str]] = Field(
        min_length=1, description="class of the study -> the catalogue classes that make it up"
    )
    stations: list[str] = Field(
        min_length=1,
        description="SEED ids NET.STA.LOC.CHA; ? and * as in SDS; the last letter of CHA is the component",
    )
    components: str = Field("Z", pattern=r"^[A-Z0-9]+$", description="component codes, in the order of the arrays")
    catalogues: list[CatalogueFile] = Field(min_length=1)
    waveforms: Waveforms
    fetch: Fetch = Fetch()
    preparation: Preparation = Preparation()
    window: Window = Window()
    running_spectrum: RunningSpectrum = RunningSpectrum()
    splits: Splits = Splits()
    seed: int = Field(20110119, ge=0, description="seed of everything drawn at random")

    @model_validator(mode="after")
    def _consistent(self):
        seen: dict[str, str] = {}
        for own, gathered in self.classes.items():
            for event_class in gathered:
                if event_class not in EVENT_CLASSES:
                    raise ValueError(f"class {event_class!r} is not one of {', '.join(EVENT_CLASSES)}")
                if event_class in seen:
                    raise ValueError(f"class {event_class!r} is in both {seen[event_class]!r} and {own!r}")
                seen[event_class] = own
        if len(set(self.components)) != len(self.components):
            raise ValueError(f"components {self.components!r} repeat a letter")
        for station in self.stations:
            if station.count(".") != 3:
                raise ValueError(f"station {station!r} is not NET.STA.LOC.CHA")
        if self.window.samples < self.running_spectrum.fft_samples:
            raise ValueError("the window is shorter than one FFT of the running spectrum")
        return self

    @property
    def window_s(self) -> float:
        """Length of a window in seconds (163.84 by default)."""
        return float(Fraction(self.window.samples) / Fraction(str(self.preparation.sampling_rate_hz)))

    def class_of(self, event_class: str) -> str | None:
        """Class of the study that a catalogue class belongs to, or None when the study leaves it out."""
        return next((own for own, gathered in self.classes.items() if event_class in gathered), None)


def available() -> list[str]:
    """Names of the studies that come with the compendium."""
    return sorted(path.stem for path in (paths.DATA / "studies").glob("*.toml"))


def load(name: str | Path) -> Study:
    """Read a study by the name of a shipped one or by the path of a TOML file.

    Raises
    ------
    StudyError
        The file is not there, is not TOML, or breaks the schema, what it names beside itself (``./``) is missing, or
        a name leads out of its folder (``..``); the message names the file and the key.
    """
    path = Path(name)
    if path.suffix != ".toml":
        path = paths.DATA / "studies" / f"{name}.toml"
        if not path.exists():
            raise StudyError(
                name,
                "no such study",
                f"Shipped studies: {', '.join(available())}; or give the path of a .toml file",
            )
    try:
        study = Study.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise StudyError(path, f"cannot be read: {error.strerror}", "Give the path of a readable .toml file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError(path, f"is not TOML: {error}", "Compare with the files in data/studies") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'study'}: {e['msg']}" for e in error.errors())
        raise StudyError(path, problems, "Correct the keys named here") from error
    return _found_beside(study, path)


#: What to do about a name with two dots: what a study is given by others may not reach for files it was not given.
_INSIDE = "Write a name without '..', below a data folder or beside the study (./), or an absolute one of your own"


def _there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # longer than a name can be
        return False


def _found_beside(study: Study, path: Path) -> Study:
    """Replace names that start with ``./`` by absolute paths from the folder of the study file; none leads out."""
    folder = path.resolve().parent
    for name in study.fetch.urls:
        if Path(name).is_absolute() or ".." in Path(name).parts or "\0" in name:
            raise StudyError(path, f"fetch.urls: {name!r} leads out of the folder of what is fetched", _INSIDE)

    def place(name: str, key: str) -> str:
        if ".." in Path(name).parts or "\0" in name:
            raise StudyError(path, f"{key}: {name!r} leads out of its folder", _INSIDE)
        if not name.startswith("./"):
            return name
        if not _there(folder / name):
            raise StudyError(path, f"{key}: there is no {name} beside it", f"Move it to {folder}, or correct the name")
        return str(folder / name)

    catalogues = [
        entry.model_copy(update={"file": place(entry.file, f"catalogues.{number}.file")})
        for number, entry in enumerate(study.catalogues)
    ]
    waveforms = study.waveforms
    if isinstance(waveforms, SDSArchive):
        waveforms = waveforms.model_copy(update={"root": place(waveforms.root, "waveforms.root")})
    elif isinstance(waveforms, LocalFiles):
        files = [place(name, f"waveforms.files.{number}") for number, name in enumerate(waveforms.files)]
        waveforms = waveforms.model_copy(update={"files": files})
    inventory = place(study.preparation.inventory, "preparation.inventory")
    preparation = study.preparation.model_copy(update={"inventory": inventory})
    return study.model_copy(update={"catalogues": catalogues, "waveforms": waveforms, "preparation": preparation})
