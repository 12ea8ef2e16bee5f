"""Where continuous records come from: one interface over files, SDS archives, FDSN services and NIED Hi-net."""

import time
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Protocol

from obspy import Stream, Trace, UTCDateTime
from obspy.clients.fdsn import Client
from obspy.clients.fdsn.header import (
    URL_MAPPINGS,
    FDSNBadRequestException,
    FDSNForbiddenException,
    FDSNNoDataException,
    FDSNNotImplementedException,
    FDSNRequestTooLargeException,
    FDSNUnauthorizedException,
)

from tremorlab import paths
from tremorlab.errors import DataMissingError, WaveformError
from tremorlab.study import FDSNService, HinetService, SDSArchive, Study
from tremorlab.waveform.files import FileSource, SDSSource, check, read, select
from tremorlab.waveform.hinet import HinetSource

__all__ = ["COMPLETE", "FDSNSource", "FileSource", "HinetSource", "SDSSource", "Source", "StreamSource", "open_source"]

#: Empty file that `tremorlab.waveform.fetch` leaves in a study's cache folder when nothing is left to fetch.
COMPLETE = "complete"

#: Answers that mean the service will not give these data, however often it is asked.
REFUSALS = (FDSNUnauthorizedException, FDSNForbiddenException)

_PERMANENT = (
    *REFUSALS,
    FDSNBadRequestException,
    FDSNNotImplementedException,
    FDSNRequestTooLargeException,
    ValueError,  # a service name or URL that obspy does not accept
)


class Source(Protocol):
    """Gives records by SEED id and time."""

    def get(self, seed_id: str, start: UTCDateTime, end: UTCDateTime) -> Stream:
        """All segments that touch [start, end].

        Parameters
        ----------
        seed_id
            NET.STA.LOC.CHA; * and ? are wildcards, ``--`` is an empty location.
        start, end
            Ends of the window, both inside; rounded to the nearest sample as in `obspy.Trace.trim`.

        Returns
        -------
        obspy.Stream
            Trimmed segments as they were recorded: nothing is merged, filled or filtered. Sorted by id, start and
            length; select by code, never by place. Empty when there is nothing. The samples may be read-only;
            ``Stream.copy`` gives samples that can be changed.

        Raises
        ------
        WaveformError
            The records cannot be had or are damaged; names the file, or the channel and the time.
        """


class StreamSource:
    """Records that are in memory already.

    Parameters
    ----------
    traces
        An `obspy.Stream`, or traces; they are not copied.
    """

    def __init__(self, traces: Iterable[Trace]):
        self._traces = list(traces)

    def get(self, seed_id: str, start: UTCDateTime, end: UTCDateTime) -> Stream:
        """All segments that touch [start, end]; see `Source`."""
        return select(self._traces, check(seed_id, start, end), start, end)


class FDSNSource:
    """An FDSN dataselect service; connects on the first request.

    Parameters
    ----------
    service
        A name that obspy knows (EARTHSCOPE, NCEDC, ...) or a base URL.
    attempts
        How often a request is sent before it counts as failed; a refusal is not repeated.
    wait_s
        Seconds before the second attempt; doubled before every further one.
    timeout_s
        Longest wait for the first byte of an answer.
    """

    def __init__(self, service: str, *, attempts: int = 4, wait_s: float = 2.0, timeout_s: float = 120.0):
        self._service, self._attempts, self._wait_s, self._timeout_s = service, attempts, wait_s, timeout_s
        self._client: Client | None = None

    def get(self, seed_id: str, start: UTCDateTime, end: UTCDateTime) -> Stream:
        """All segments that touch [start, end]; see `Source`."""
        seed_id = check(seed_id, start, end)
        # A second more on both sides: the nearest sample may lie just outside the window.
        traces = self.download([(seed_id, start - 1, end + 1)])
        return select(traces, seed_id, start, end)

    def download(self, lines: Sequence[tuple[str, UTCDateTime, UTCDateTime]]) -> Stream:
        """Ask for several (seed_id, start, end) in one request; empty when the service has none of them.

        Raises
        ------
        WaveformError
            The service is unknown, refuses, does not answer after all attempts, or sends damaged data.
        """
        where = f"{self._service}, {lines[0][0]}, {lines[0][1]} to {lines[-1][2]}"
        bulk = [(*seed_id.split("."), start, end) for seed_id, start, end in lines]
        for attempt in range(self._attempts):
            if attempt:
                time.sleep(self._wait_s * 2 ** (attempt - 1))
            answer = BytesIO()
            try:
                self._connected().get_waveforms_bulk(bulk, filename=answer)
                # An answer without a length ends where the connection breaks: only its records can tell.
                return read(answer.getvalue(), where)
            except FDSNNoDataException:
                return Stream()
            except _PERMANENT as error:
                raise WaveformError(where, f"refused: {_reason(error)}", _remedy(error)) from error
            except Exception as error:  # obspy passes on what sockets, gzip and the XML parser raise
                last = error
        raise WaveformError(
            where,
            f"failed after {self._attempts} attempts: {_reason(last)}",
            "Check the connection and the service's status page, then run the same command again",
        ) from last

    def _connected(self) -> Client:
        if self._client is None:
            # Only dataselect is asked for: a server without the other two services answers with a page that is no XML.
            mappings = {"station": None, "event": None}
            self._client = Client(self._service, service_mappings=mappings, timeout=self._timeout_s)
        return self._client


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__


def _remedy(error: Exception) -> str:
    if isinstance(error, ValueError):
        return f"Give a base URL or one of {', '.join(sorted(URL_MAPPINGS))}"
    if isinstance(error, REFUSALS):
        return "The channel is restricted: ask its operator"
    return "Ask for less at once, or check the channel codes"


def open_source(study: Study) -> Source:
    """Open the records of a study: on this machine where they are, else as the study says.

    Files are looked for as they are named (absolute, or ``obspy:`` for the obspy package), below ``TREMORLAB_DATA``
    and in the study's folder of the cache; then in the archive that `tremorlab.waveform.fetch` fills there.

    Raises
    ------
    DataMissingError
        The records are not on this machine; names the places looked in and the command that fetches them.
    WaveformError
        They are, but damaged.
    """
    waveforms, cache = study.waveforms, paths.cache() / study.name
    if isinstance(waveforms, FDSNService):
        return FDSNSource(waveforms.service)
    if isinstance(waveforms, HinetService):
        return HinetSource(waveforms.network)
    names = [waveforms.root] if isinstance(waveforms, SDSArchive) else waveforms.files
    found = [_find(name, cache) for name in names]
    if all(found):
        return SDSSource(found[0]) if isinstance(waveforms, SDSArchive) else FileSource(found)
    if (cache / COMPLETE).exists():
        return SDSSource(cache)
    missing = [name for name, path in zip(names, found, strict=True) if path is None]
    data = paths.recordings()
    state = "not fetched" if not cache.exists() else "fetched only in part"
    raise DataMissingError(
        f"study {study.name}",
        f"{len(missing)} of {len(names)} waveform files are not on this machine, first {missing[0]}; looked in "
        f"{data or 'TREMORLAB_DATA (not set)'} and in {cache} ({state})",
        f"Set TREMORLAB_DATA to the folder that holds them, or run: tremorlab fetch {study.name}"
        + (f". {study.fetch.instructions}" if study.fetch.instructions else ""),
    )


def _find(name: str, cache: Path) -> Path | None:
    if name.startswith("obspy:"):
        places = [paths.OBSPY / name.removeprefix("obspy:")]
    else:
        data = paths.recordings()
        # An absolute name stays itself below any folder.
        places = [folder / name for folder in (data, cache) if folder is not None]
    return next((place for place in places if place.exists()), None)
