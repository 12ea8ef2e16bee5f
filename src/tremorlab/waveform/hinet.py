"""NIED's networks in Japan (Hi-net, DONET, V-net, JMA volcanoes): requests within the limits, WIN32 to obspy.

HinetPy downloads; obspy 1.5 reads the older WIN format only, so WIN32 is decoded here into counts. The service gives at
most 60 minutes and 12 000 channel-minutes a request, in minutes of Japan Standard Time.
"""

import contextlib
import os
import shutil
import struct
import tempfile
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
from obspy import Stream, Trace, UTCDateTime

from tremorlab import paths
from tremorlab.errors import WaveformError
from tremorlab.waveform.files import check, select

#: Limits of the service for one request.
MAX_MINUTES, MAX_CHANNEL_MINUTES = 60, 12_000

#: Japan Standard Time is ahead of UTC by this and knows no summer time.
JST = timedelta(hours=9)

_NANOSECONDS = 1_000_000_000


class Client(Protocol):
    """The one method of `HinetPy.Client` that is used; it writes into the current folder."""

    def get_continuous_waveform(self, code: str, starttime: datetime, span: int) -> tuple[str | None, str | None]:
        """Fetch ``span`` minutes from ``starttime`` (JST) and return the names of the data and the channel table."""


class HinetSource:
    """Records of one network of NIED.

    A channel table names stations like N.NGUH and components like U: the id is N.NGUH..U. A station without such a
    prefix gets the network code JP. Samples are counts; the vertical component is U or Z, as the network writes it.
    What was fetched once is kept in the cache and must not be passed on: the terms forbid redistribution.

    Parameters
    ----------
    network
        HinetPy code, e.g. 0402 for DONET1 or 030243 for Sakurajima.
    client
        Made from HINET_USER and HINET_PASSWORD on the first request when not given.
    folder
        Where fetched files are kept; ``hinet`` in the cache when not given.

    Raises
    ------
    WaveformError
        Unknown network; from `get`: no account, a failed request, damaged data.
    """

    def __init__(self, network: str, client: Client | None = None, folder: Path | None = None):
        from HinetPy.header import NETWORK  # sets up logging for the whole process: only for those who need it

        if network not in NETWORK:
            raise WaveformError(f"Hi-net network {network!r}", "is unknown", f"Codes: {', '.join(sorted(NETWORK))}")
        self._network, self._client = network, client
        self._channels = NETWORK[network].channels
        self._folder = (folder or paths.cache() / "hinet").resolve()

    def get(self, seed_id: str, start: UTCDateTime, end: UTCDateTime) -> Stream:
        """All segments that touch [start, end]; see `tremorlab.waveform.sources.Source`."""
        seed_id = check(seed_id, start, end)
        traces = []
        for begin, minutes in split(start, end, self._channels):
            data, table = self._fetched(begin, minutes)
            wanted = {key: name for key, name in read_channels(table).items() if fnmatchcase(name, seed_id)}
            traces += read_win32(data, wanted)
        return select(traces, seed_id, start, end)

    def _fetched(self, begin: datetime, minutes: int) -> tuple[Path, Path]:
        where = f"Hi-net {self._network}, {begin:%Y-%m-%d %H:%M} JST, {minutes} min"
        stem = self._folder / f"{self._network}_{begin:%Y%m%d%H%M}_{minutes}"
        data, table = stem.with_suffix(".cnt"), stem.with_suffix(".ch")
        if data.exists() and table.exists():
            return data, table
        client = self._client = self._client or _connect()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # HinetPy unpacks its minutes into the current folder.
            with tempfile.TemporaryDirectory(dir=self._folder) as scratch, contextlib.chdir(scratch):
                names = client.get_continuous_waveform(self._network, begin, minutes)
                if not all(names):
                    raise WaveformError(where, "the service did not deliver", "Wait, then run the same command again")
                os.replace(names[1], table)
                os.replace(names[0], data)
        except WaveformError:
            raise
        except Exception as error:  # HinetPy passes on what requests, zipfile and subprocess raise
            raise WaveformError(
                where,
                f"request failed: {error}",
                "Records start in 2004 to 2016 and end two hours ago; try again later",
            ) from error
        return data, table


def split(start: UTCDateTime, end: UTCDateTime, channels: int) -> list[tuple[datetime, int]]:
    """Divide [start, end] into requests of whole minutes in JST within the limits of the service.

    Parameters
    ----------
    channels
        Channels of the network: every request delivers all of them.

    Returns
    -------
    list of (datetime, int)
        Begin in JST (without a zone, as HinetPy wants it) and length in minutes; end to end, in order of time.
    """
    begin = (start.datetime + JST).replace(second=0, microsecond=0)
    left = (end.datetime + JST - begin) // timedelta(minutes=1) + 1
    longest = max(1, min(MAX_MINUTES, MAX_CHANNEL_MINUTES // channels))
    requests = []
    while left > 0:
        requests.append((begin, min(left, longest)))
        begin += timedelta(minutes=longest)
        left -= longest
    return requests


def read_channels(path: Path) -> dict[str, str]:
    """Read a channel table: hexadecimal channel number -> SEED id.

    Raises
    ------
    WaveformError
        A code has a dot too many; names the file and the row.
    """
    names = {}
    for row, line in enumerate(path.read_text(encoding="euc_jp", errors="replace").splitlines(), 1):
        items = line.split()
        if len(items) > 4 and not items[0].startswith("#"):
            if items[3].count(".") > 1 or "." in items[4]:
                problem = f"station {items[3]!r} and channel {items[4]!r} have too many dots"
                raise WaveformError(f"{path}, row {row}", problem, "Remove it from the cache and fetch it again")
            network, _, station = items[3].rpartition(".")
            names[items[0].lower()] = f"{network or 'JP'}.{station}..{items[4]}"
    return names


def read_win32(path: Path, names: dict[str, str]) -> list[Trace]:
    """Read a WIN32 file: one trace for every stretch of seconds without a gap.

    Four zero bytes, then blocks of one second: time in binary-coded decimals (JST), length in tenths of a second,
    bytes; in a block, channels: network, number, bytes a difference (4 bit, 0 for half a byte), samples (12 bit),
    the first sample as 32 bit, and the differences from sample to sample.

    Parameters
    ----------
    names
        Channel number -> SEED id; other channels are skipped.

    Raises
    ------
    WaveformError
        The file is not WIN32, is cut off, or a block is damaged; names the file and the time.
    """
    content = path.read_bytes()
    if content[:4] != bytes(4):
        raise WaveformError(path, "is not WIN32", "Remove it from the cache and fetch it again")
    seconds: dict[str, list[tuple[int, np.ndarray]]] = {}
    place, when = 4, "its start"
    try:
        while place < len(content):
            label, tenths, size = struct.unpack_from(">8sii", content, place)
            when = f"{label.hex()} JST"
            time = datetime.strptime(label.hex()[:14], "%Y%m%d%H%M%S") - JST
            place += 16
            if tenths != 10 or size < 0 or place + size > len(content):
                raise ValueError(f"a block of {tenths / 10} s with {size} bytes, {len(content) - place} bytes are left")
            _read_second(memoryview(content)[place : place + size], UTCDateTime(time).ns, names, seconds)
            place += size
    except (ValueError, struct.error) as error:
        raise WaveformError(f"{path}, {when}", f"is damaged: {error}", "Remove it from the cache") from error
    return [trace for key, parts in seconds.items() for trace in _joined(names[key], parts)]


def _read_second(block: memoryview, time: int, names: dict[str, str], seconds: dict) -> None:
    place = 0
    while place < len(block):
        key = bytes(block[place + 2 : place + 4]).hex()
        size, first = struct.unpack_from(">Hi", block, place + 4)
        width, rate = size >> 12, size & 0xFFF
        place += 10
        length = width * (rate - 1) if width else rate // 2
        if not 0 <= width <= 4 or rate == 0 or place + length > len(block):
            raise ValueError(f"channel {key} has {rate} samples of {width} bytes, {len(block) - place} bytes are left")
        if key in names:
            steps = _differences(bytes(block[place : place + length]), width, rate - 1)
            samples = np.cumsum(np.concatenate(([first], steps)), dtype=np.int64).astype(np.int32)
            seconds.setdefault(key, []).append((time, samples))
        place += length


def _differences(content: bytes, width: int, count: int) -> np.ndarray:
    raw = np.frombuffer(content, np.uint8)
    if width == 0:
        nibbles = np.column_stack([raw >> 4, raw & 15]).ravel()[:count].astype(np.int64)
        return nibbles - 16 * (nibbles > 7)
    if width == 3:
        high, middle, low = raw.reshape(-1, 3).astype(np.int64).T
        return ((high << 16) | (middle << 8) | low) - (1 << 24) * (high > 127)
    return np.frombuffer(content, f">i{width}").astype(np.int64)


def _joined(seed_id: str, parts: list[tuple[int, np.ndarray]]) -> list[Trace]:
    parts = sorted(parts, key=lambda part: part[0])
    runs = [[parts[0]]]
    for before, part in pairwise(parts):
        if part[0] - before[0] != _NANOSECONDS or len(part[1]) != len(before[1]):
            runs.append([])
        runs[-1].append(part)
    network, station, location, channel = seed_id.split(".")
    codes = {"network": network, "station": station, "location": location, "channel": channel}
    return [
        Trace(
            np.concatenate([samples for _, samples in run]),
            {**codes, "starttime": UTCDateTime(ns=run[0][0]), "sampling_rate": float(len(run[0][1]))},
        )
        for run in runs
    ]


def _connect() -> Client:
    user, password = os.environ.get("HINET_USER"), os.environ.get("HINET_PASSWORD")
    if not user or not password:
        raise WaveformError(
            "HINET_USER and HINET_PASSWORD",
            "are not set, and NIED serves registered users only",
            "Register at https://www.hinet.bosai.go.jp/?LANG=en (free, renewed yearly) and set both; "
            "the terms forbid passing waveforms on",
        )
    if shutil.which("catwin32") is None:
        raise WaveformError(
            "catwin32",
            "is not in PATH; HinetPy joins the minutes of a request with it",
            "Build NIED's win32tools (download after login) and put catwin32 into PATH",
        )
    from HinetPy import Client as HinetPyClient

    try:
        return HinetPyClient(user, password)
    except Exception as error:  # requests raises, or the page has changed
        raise WaveformError(f"Hi-net account {user!r}", f"login failed: {error}", "Check user and password") from error
