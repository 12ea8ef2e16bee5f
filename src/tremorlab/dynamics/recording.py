"""One scalar from a recording: read, prepared as everything else in the package, and refused where it is broken."""

from pathlib import Path

import numpy as np
from obspy import UTCDateTime

from tremorlab import study as studies
from tremorlab.dynamics.record import Record
from tremorlab.errors import DynamicsError, WaveformError
from tremorlab.study import Preparation
from tremorlab.waveform.files import FileSource
from tremorlab.waveform.prepare import prepare, reach_s
from tremorlab.waveform.sources import open_source

#: Defects that no equation of motion should be looked for in, causes before the gaps that they leave; short gaps are
#: bridged for classes, but not here.
_FATAL = ("clipping", "spike", "overlap", "non_finite", "constant", "mixed_rate", "gap", "filled_gap")


def load(
    source: str | Path, start: str | UTCDateTime, end: str | UTCDateTime, rate_hz: float, highpass_hz: float,
    seed_id: str | None = None,
) -> Record:  # fmt: skip
    """One channel between two times, at ``rate_hz``, high-passed, in units of its standard deviation.

    Parameters
    ----------
    source
        Path of a waveform file that obspy reads, or the name of a study.
    start, end
        UTC.
    rate_hz, highpass_hz
        Preparation: zero-phase filters, as for every other record of the package.
    seed_id
        NET.STA.LOC.CHA; by default the first station of the study, or whatever single channel the file holds.

    Raises
    ------
    WaveformError, DataMissingError, StudyError
        The record cannot be had.
    DynamicsError
        The times are out of order; nothing, or more than one channel, was recorded between them; there is a gap, a
        spike or clipping; or the piece is constant.
    """
    start, end = _time(start), _time(end)
    if end <= start:
        raise DynamicsError(f"{start} to {end}", "ends before it starts", "Give two times in order")
    if Path(source).suffix and Path(source).suffix != ".toml":
        if not Path(source).is_file():
            raise WaveformError(source, "there is no such file", "Give the path of a waveform file, or a study")
        opened, wanted = FileSource([Path(source)]), seed_id or "*.*.*.*"
    else:
        study = studies.load(source)
        opened, wanted = open_source(study), seed_id or study.stations[0]
    settings = Preparation(sampling_rate_hz=rate_hz, highpass_hz=highpass_hz)
    margin = reach_s(settings)
    stream = opened.get(wanted, start - margin, end + margin)
    found = sorted({trace.id for trace in stream})
    where = f"{source}, {wanted}, {start} to {end}"
    if len(found) != 1:
        raise DynamicsError(
            where,
            f"holds {len(found)} channels ({', '.join(found[:4]) or 'nothing'})",
            "Name one channel and its times",
        )
    prepared = prepare(stream, start, end, components=found[0][-1], settings=settings)
    fatal = [flag for flag in prepared.flags if flag.kind in _FATAL and flag.end > start and flag.start < end]
    for flag in sorted(fatal, key=lambda flag: _FATAL.index(flag.kind))[:1]:
        raise DynamicsError(f"{found[0]} {flag.start}", f"{flag.kind}: {flag.detail}", "Take a piece without it")
    if not prepared.valid.all():
        first = start + int(np.argmin(prepared.valid)) / rate_hz
        raise DynamicsError(f"{found[0]} {first}", "is not recorded", "Take a piece that is recorded throughout")
    values = prepared.data[0].astype(float)
    spread = values.std()
    if not spread > 0:
        raise DynamicsError(f"{found[0]} {start}", "is constant", "Choose a piece with motion in it")
    return Record(values / spread, rate_hz, ("velocity",), ("standard deviations",))


def _time(value):
    try:
        return UTCDateTime(value)
    except Exception as error:  # obspy raises several unrelated kinds for one mistake
        raise DynamicsError(f"time {value!r}", "is not ISO 8601", "Write 2005-08-02T07:06:36Z") from error
