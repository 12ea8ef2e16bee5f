"""A SeedLink v3 server for tests, with the faults of real ones.

Multi-station mode as SeisComP and ringserver speak it: HELLO, STATION, SELECT, DATA, FETCH, TIME, END, INFO, BYE. Each
packet is a header of 8 bytes (SL and six hexadecimal digits of the sequence number) and a miniSEED record of 512.
"""

import io
import socket
import socketserver
import threading
import time
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import NamedTuple

import numpy as np
import obspy
from obspy import Trace, UTCDateTime


class Record(NamedTuple):
    network: str
    station: str
    location: str
    channel: str
    start: UTCDateTime
    end: UTCDateTime
    content: bytes


def records(stream):
    """Records of a stream in the order in which data loggers would send them."""
    found = []
    for trace in stream:
        written = io.BytesIO()
        trace.write(written, format="MSEED", encoding="STEIM2", reclen=512)
        for first in range(0, len(written.getvalue()), 512):
            content = written.getvalue()[first : first + 512]
            stats = obspy.read(io.BytesIO(content), headonly=True)[0].stats
            codes = stats.network, stats.station, stats.location, stats.channel
            found.append(Record(*codes, stats.starttime, stats.endtime, content))
    return sorted(found, key=lambda record: record.end)


def disordered(ordered, seed=0):
    """Records some of which come late or twice."""
    rng, queue = np.random.default_rng(seed), []
    for number, record in enumerate(ordered):
        queue.append((number + (rng.integers(2, 30) if rng.random() < 0.2 else 0), record))
        if rng.random() < 0.1:
            queue.append((number + rng.integers(1, 30), record))
    return [record for _, record in sorted(queue, key=lambda pair: pair[0])]


@contextmanager
def seedlink(content, faults=(), port=0, info=True, hello=b"SeedLink v3.1 (test) :: SLPROTO:3.1\r\nTest\r\n"):
    """A server; ``faults`` has one (kind, packets) or None for each connection that asks for data, in their order.

    After so many packets the server drops the connection in the middle of the next one ("drop"), is silent ("stall"),
    ends the stream ("end"), or sends rubbish in place of it and drops the connection ("rubbish").

    Gives port and a log of what was asked.
    """
    faults, log = list(faults), []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            wanted, chosen = [], None
            while line := self._line():
                log.append(line)
                word, *rest = line.split()
                if word == "HELLO":
                    self._say(hello)
                elif word == "STATION":
                    chosen = None
                    if any((record.station, record.network) == tuple(rest) for record in content):
                        chosen = {"codes": tuple(rest), "select": [], "from": None, "sequence": None}
                        wanted.append(chosen)
                    self._say(b"OK\r\n" if chosen else b"ERROR\r\n")
                elif word == "SELECT" and chosen:
                    chosen["select"].append(rest[0])
                    self._say(b"OK\r\n")
                elif word in ("DATA", "FETCH", "TIME") and chosen:
                    if word == "TIME":
                        year, month, day, hour, minute, second = map(int, rest[0].split(","))
                        chosen["from"] = UTCDateTime(year, month, day, hour, minute, second)
                    elif rest:
                        chosen["sequence"] = int(rest[0], 16)
                    self._say(b"OK\r\n")
                elif word == "INFO":
                    self._say(self._info(rest[0]) if info else b"ERROR\r\n")
                elif word == "END":
                    self._send(wanted)
                    return
                elif word == "BYE":
                    return
                else:
                    self._say(b"ERROR\r\n")

        def _line(self):
            line = b""
            while (byte := self.rfile.read(1)) not in (b"\r", b""):
                line += byte
            return line.strip().decode()

        def _say(self, answer):
            self.wfile.write(answer)

        def _send(self, wanted):
            fault, sent = faults.pop(0) if faults else None, 0
            for sequence, record in enumerate(content):
                if not any(self._asked(sequence, record, each) for each in wanted):
                    continue
                packet = b"SL%06X" % sequence + record.content
                if fault and sent == fault[1]:
                    if fault[0] == "drop":
                        self._say(packet[:200])
                        return
                    if fault[0] == "end":
                        self._say(b"END")
                        return
                    if fault[0] == "stall":
                        self.rfile.read(1)  # until the client goes away
                        return
                    self._say(b"SL%06X" % sequence + bytes(512))
                    return
                self._say(packet)
                sent += 1
            self.rfile.read(1)

        @staticmethod
        def _asked(sequence, record, each):
            if (record.station, record.network) != each["codes"]:
                return False
            name = f"{record.location}{record.channel}"
            if each["select"] and not any(fnmatchcase(name, select) for select in each["select"]):
                return False
            if each["from"] is not None:
                return record.end >= each["from"]
            return each["sequence"] is None or sequence >= each["sequence"]

        def _info(self, level):
            stations = {(record.network, record.station) for record in content}
            inner = "".join(f'<station name="{s}" network="{n}" description="" />' for n, s in sorted(stations))
            xml = f'<?xml version="1.0"?><seedlink software="SeedLink v3.1">{inner if level != "ID" else ""}</seedlink>'
            parts, packets = [xml[k : k + 400] for k in range(0, len(xml), 400)], b""
            for number, part in enumerate(parts):
                header = {"network": "SL", "station": "INFO", "channel": "INF", "sampling_rate": 1.0}
                written = io.BytesIO()
                trace = Trace(np.frombuffer(part.encode(), "|S1"), header)
                trace.write(written, format="MSEED", encoding="ASCII", reclen=512)
                packets += b"SLINFO " + (b" " if number == len(parts) - 1 else b"*") + written.getvalue()[:512]
            return packets

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads = True, True

        def handle_error(self, request, address):
            """A client that is gone."""

    with Server(("127.0.0.1", port), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server.server_address[1], log
        server.shutdown()


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def eventually(true, seconds=60.0):
    """Wait for something; whether it came."""
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.02)
    return true()
