"""What the command line says about where the record comes from, checked before anything starts."""

from pathlib import Path

from obspy import UTCDateTime

from tremorlab import study
from tremorlab.detect.engine import Detector
from tremorlab.errors import ParameterError
from tremorlab.live.feeds import Feed, Replay
from tremorlab.live.seedlink import SeedLink
from tremorlab.waveform.sources import FileSource, SDSSource, Source, open_source


def choose(
    model: str | Path, seedlink: str, replay: str, start: str, end: str, speed: float, stall_s: float
) -> tuple[Feed, dict[str, UTCDateTime | None]]:
    """Open a SeedLink server or a replay.

    Parameters
    ----------
    model
        Exported network: its components are asked for.
    seedlink, replay
        Address of a server, or what is to be played back: one of the two.
    start, end
        UTC times; a replay needs both.
    speed
        Of a replay, times real time; 0 for as fast as possible.
    stall_s
        Silence after which the server is connected anew.

    Returns
    -------
    feed : tremorlab.live.feeds.Feed
    times : dict
        Start and end of the watch, None where they are not given.

    Raises
    ------
    ParameterError
        Both or neither are given, a time is no time or missing, or the address is none.
    WaveformError, DataMissingError, StudyError
        What is to be played back cannot be opened.
    """
    if bool(seedlink) == bool(replay):
        given = "both are given" if seedlink else "neither is given"
        raise ParameterError("--seedlink and --replay", given, "Give one of them")
    times = {"start": _time("start", start), "end": _time("end", end)}
    if seedlink:
        if not stall_s > 0:
            raise ParameterError("--stall", f"{stall_s:g} s is not above 0", "Give some ten seconds or more")
        return SeedLink(seedlink, Detector(model).about.components, stall_s=stall_s), times
    for name, time in times.items():
        if time is None:
            raise ParameterError(f"--{name}", "is missing", "A replay needs its --start and its --end")
    return Replay(_source(replay), times["start"], times["end"], speed), times


def _source(name: str) -> Source:
    path = Path(name)
    if path.is_dir():
        return SDSSource(path)
    if path.is_file() and path.suffix != ".toml":
        return FileSource([path])
    return open_source(study.load(name))


def _time(name, text):
    try:
        return UTCDateTime(text) if text else None
    except Exception as error:  # obspy's parser raises many kinds
        raise ParameterError(f"--{name}", f"{text!r} is no time", "Write it like 2011-02-15T08:00:00") from error
