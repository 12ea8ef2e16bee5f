"""Packets of a SeedLink server, by obspy's client, which comes back whatever happens to the connection.

A thread of its own collects packets, so that nothing is lost while windows are evaluated. Every connection asks for the
record by time, from where each station's record is complete: sequence numbers of a server that was started anew mean
nothing, and packets that come twice are told apart by `tremorlab.live.ring`.
"""

import logging
import queue
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from math import inf

from obspy import Trace, UTCDateTime
from obspy.clients.seedlink.client.seedlinkconnection import SeedLinkConnection
from obspy.clients.seedlink.seedlinkexception import SeedLinkException
from obspy.clients.seedlink.slpacket import SLPacket

from tremorlab.errors import ParameterError, WaveformError
from tremorlab.live.feeds import Batch
from tremorlab.live.station import Codes

PORT = 18000

#: Packets that wait to be evaluated before the server is made to wait.
WAITING = 20_000

#: Seconds that packets are collected before they are looked at.
COLLECT_S = 0.2

_log = logging.getLogger(__name__)


def unpack(packet: SLPacket) -> Trace:
    """Decode the record in a packet.

    Raises
    ------
    WaveformError
        The record is damaged, or has no samples, no sampling rate or no time that can be.
    """
    where = f"packet {packet.get_sequence_number():06X}"
    remedy = "Nothing has to be done: the stretch becomes a gap"
    try:
        trace = packet.get_trace()
    except Exception as error:  # libmseed has a number, and ctypes and obspy have classes, for each kind of damage
        raise WaveformError(where, f"is damaged: {getattr(error, 'value', error)}", remedy) from error
    stats = trace.stats
    if not (len(trace.data) and 0 < stats.sampling_rate < inf):
        problem = f"of {trace.id} has {len(trace.data)} samples at {stats.sampling_rate:g} Hz"
        raise WaveformError(where, problem, remedy)
    return trace


class SeedLink:
    """A SeedLink server.

    Parameters
    ----------
    address
        host, or host:port.
    components
        Last letters of the channels that are asked for.
    stall_s
        A connection that brings nothing for so long is given up.
    backoff_s
        Seconds before the first new connection, and the most that doubling them leads to.
    settle_s
        Seconds after a connection in which the server may still be sending what was missed, station by station.
    ahead_s
        Packets that begin later than this after the present are refused: the clock of the station is wrong.

    Raises
    ------
    ParameterError
        The address is no address, or the host is not known.
    """

    def __init__(
        self, address: str, components: Sequence[str], *, stall_s: float = 60.0,
        backoff_s: tuple[float, float] = (1.0, 60.0), settle_s: float = 10.0, ahead_s: float = 300.0,
    ):  # fmt: skip
        self.host, self.port = _address(address)
        self.name = f"SeedLink {self.host}:{self.port}"
        self._components, self._stall_s, self._backoff_s = components, stall_s, backoff_s
        self._settle_s, self._ahead_s = settle_s, ahead_s
        self._packets: queue.Queue = queue.Queue(WAITING)
        self._since: dict[str, UTCDateTime] = {}
        self._stopped, self._up, self._reason = threading.Event(), None, "not connected yet"
        self.connections = self.refused = self.damaged = 0

    def batches(self, since: Mapping[Codes, UTCDateTime]) -> Iterator[Batch]:
        """Packets from the times on that each station needs; never ends.

        Raises
        ------
        WaveformError
            The server says that it has no such station or channel.
        """
        wanted, newest = list(since), 0
        self._since = {codes.station: first for codes, first in since.items()}
        reader = threading.Thread(target=self._read, args=(wanted,), name="seedlink", daemon=True)
        reader.start()
        try:
            while True:
                traces, arrived = self._waiting()
                newest = max([newest, *(trace.stats.endtime.ns for trace in traces)])
                yield Batch(traces, arrived, newest if self._settled() and newest else None)
        finally:
            self._stopped.set()

    def now(self) -> UTCDateTime:
        """Present time."""
        return UTCDateTime()

    def state(self) -> str:
        """One line about the connection."""
        refused = f", {self.refused} packets from the future refused" if self.refused else ""
        damaged = f", {self.damaged} damaged packets refused" if self.damaged else ""
        state = f"connected to {self.host}:{self.port}" if self._up else f"not connected: {self._reason}"
        return state + refused + damaged

    def need(self, station: str, since: UTCDateTime) -> None:
        """Say from when on a station's record has to be sent again after a loss of connection."""
        self._since[station] = since

    def _settled(self):
        """The connection has been up for so long, and nothing waits, that what is missing is late."""
        up = self._up
        return up is not None and time.monotonic() - up > self._settle_s and self._packets.empty()

    def _waiting(self):
        """Packets that arrived, after a short wait for the first and for what comes with it."""
        deadline, traces, first = time.monotonic() + COLLECT_S, [], time.time()
        while (left := deadline - time.monotonic()) > 0 and len(traces) < WAITING:
            try:
                item = self._packets.get(timeout=left)
            except queue.Empty:
                break
            if isinstance(item, Exception):
                raise item
            trace, arrived = item
            first = min(first, arrived)
            traces.append(trace)
        return traces, first

    def _read(self, wanted):
        """Connect, collect, wait, for ever; runs in a thread."""
        shortest, longest = self._backoff_s
        wait, known = shortest, False
        while not self._stopped.is_set():
            try:
                if not known:
                    self._inquire(wanted)
                    known = True
                for packet in self._collect(wanted):
                    wait = shortest
                    self._put(packet)
            except WaveformError as error:
                self._packets.put(error)
                return
            except Exception as error:  # whatever obspy meets: the watch must not go deaf in silence
                self._reason = str(getattr(error, "value", error))
            self._up = None
            _log.warning("%s: %s; trying again in %g s", self.name, self._reason, wait)
            self._stopped.wait(wait)
            wait = min(2 * wait, longest)

    def _put(self, trace: Trace):
        if trace.stats.starttime > UTCDateTime() + self._ahead_s:
            self.refused += 1
            _log.warning("%s: %s begins at %s, in the future", self.name, trace.id, trace.stats.starttime)
        else:
            self._packets.put((trace, time.time()))

    def _collect(self, wanted) -> Iterator[Trace]:
        connection = _Connection(self.host, self.port, self._stall_s, self._since)
        for codes in wanted:
            connection.want(codes, self._components)
        try:
            while not self._stopped.is_set():
                packet = connection.collect()
                if not isinstance(packet, SLPacket):
                    raise SeedLinkException(connection.failure or "the server has ended the stream")
                if self._up is None:
                    self._up, self.connections = time.monotonic(), self.connections + 1
                try:
                    trace = unpack(packet)
                except WaveformError as error:
                    # The server would send it again after a new connection: one bad packet must not end the stream.
                    self.damaged += 1
                    _log.warning("%s: %s", self.name, error)
                    continue
                yield trace
        finally:
            connection.disconnect()

    def _inquire(self, wanted):
        """Ask the server for its streams, and say what it does not have; many servers do not answer that."""
        connection = _Connection(self.host, self.port, min(self._stall_s, 10.0), {})
        connection.request_info("STREAMS")
        try:
            packet = connection.collect()
            while isinstance(packet, SLPacket) and packet.get_type() == SLPacket.TYPE_SLINF:
                packet = connection.collect()
            told = connection.get_info_string() if isinstance(packet, SLPacket) else ""
        except (SeedLinkException, OSError):
            if connection.server_id is None:  # it did not even say hello
                raise
            told = ""
        finally:
            connection.disconnect()
        has = set()
        for attributes in (dict(re.findall(r'(\w+)="([^"]*)"', tag)) for tag in re.findall(r"<station [^>]*>", told)):
            has.add(f"{attributes.get('network')}.{attributes.get('name')}")
        missing = [str(codes) for codes in wanted if codes.station.rpartition(".")[0] not in has]
        if has and missing:
            raise WaveformError(
                self.name, f"has no data of {', '.join(missing)}", f"It has {', '.join(sorted(has)[:20])}"
            )


class _Connection(SeedLinkConnection):
    """One connection: obspy's, which says why it ended and leaves coming back to us."""

    def __init__(self, host, port, stall_s, since):
        # Without a time-out obspy 1.5.1 compares None with a number. It is also the longest wait for a packet.
        super().__init__(timeout=stall_s)
        self.set_sl_address(f"{host}:{port}")
        self.netto, self.failure, self._since = stall_s, "", since

    def want(self, codes: Codes, components):
        network, station, location = codes.station.split(".")
        channels = "???" if codes.channels == "*" else codes.channels
        ask = [channels[:-1] + letter for letter in components] if channels[-1:] in "?*" else [channels]
        for stream in self.streams:
            if (stream.net, stream.station) == (network, station):
                stream.selectors += [location + channel for channel in ask]  # add_stream appends them as one
                return
        self.add_stream(network, station, " ".join(location + channel for channel in ask), -1, None)

    def receive_data(self, maxbytes, code):
        """Obspy waits in silence where a server has closed the connection."""
        try:
            received = super().receive_data(maxbytes, code)
        except TimeoutError as error:
            raise SeedLinkException(f"nothing received for {self.netto:g} s") from error
        except OSError as error:
            raise SeedLinkException(f"connection lost: {error.strerror or error}") from error
        if not received:
            raise SeedLinkException("the server has closed the connection")
        return received

    def config_link(self):
        """Obspy would try again by itself, without end."""
        try:
            super().config_link()
        except Exception as error:
            self.failure = f"negotiation failed: {getattr(error, 'value', error)}"
            self.terminate()
            raise

    def negotiate_station(self, curstream):
        """Each station from its own time on; obspy has one for all."""
        own = f"{curstream.net}.{curstream.station}."
        times = [first for station, first in self._since.items() if station.startswith(own)]
        self.begin_time = min(times) - 1 if times else None  # the protocol knows whole seconds
        super().negotiate_station(curstream)


def _address(text):
    host, _, port = text.removeprefix("seedlink://").partition(":")
    if not host or not (port or str(PORT)).isdigit() or not 1 <= int(port or PORT) <= 65535:
        raise ParameterError(
            f"SeedLink address {text!r}", "is not host:port with a port of 1 to 65535", "Write host:18000"
        )
    port = int(port or PORT)
    try:
        socket.getaddrinfo(host, port)
    except OSError as error:
        raise ParameterError(
            f"SeedLink host {host}", f"is not known: {error.strerror}", "Check its name and the connection"
        ) from error
    return host, port
