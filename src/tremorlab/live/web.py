"""A page and figures about a watch, for a browser and for Prometheus, on this machine unless told otherwise.

/                the page: helicorder, running spectrum, events, stations; updates itself, asks no other host
/api/state       JSON: connection, classes, stations, last events
/api/windows     JSON: windows of a station (station=NET.STA.LOC, first=NUMBER or hours=NUMBER)
/metrics         Prometheus text format
"""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from threading import Thread
from urllib.parse import parse_qs, urlsplit

from obspy import UTCDateTime

from tremorlab import __version__
from tremorlab.errors import ParameterError
from tremorlab.live.picture import BINS, PAIRS
from tremorlab.live.watch import Watch, quantile

#: Events on the page.
EVENTS = 50

#: Most hours of record in one answer.
HOURS = 48.0

_SAFE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; connect-src 'self'; img-src data:; "
    "style-src 'unsafe-inline'; script-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}


@contextmanager
def serving(watch: Watch, host: str = "127.0.0.1", port: int = 8642) -> Iterator[str]:
    """Serve the page of a watch from threads of their own; gives its address.

    Raises
    ------
    ParameterError
        The port is out of range or taken, or the host is not this machine's.
    """
    if not 0 <= port <= 65535:
        raise ParameterError(f"port {port}", "is not within 0-65535", "Give another --port; 0 takes one that is free")
    try:
        server = ThreadingHTTPServer((host, port), _handler(watch))
    except OSError as error:
        raise ParameterError(
            f"address {host}:{port}", f"cannot be used: {error.strerror}", "Give another --port or --host"
        ) from error
    with server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, name="web", daemon=True).start()
        yield f"http://{host}:{server.server_port}/"
        server.shutdown()


def _handler(watch):
    class Handler(BaseHTTPRequestHandler):
        """Answers GET alone."""

        server_version, sys_version = f"tremorlab/{__version__}", ""

        def do_GET(self):
            where, status, kind = urlsplit(self.path), 200, "text/plain"
            try:
                if where.path not in _ROUTES:
                    status, content = 404, f"there is no {where.path}, only {' '.join(_ROUTES)}\n"
                elif watch.state is None:
                    status, content = 503, "the watch has not begun\n"
                else:
                    kind, content = _ROUTES[where.path](watch, parse_qs(where.query))
            except ValueError as error:
                status, content = 400, f"{error}\n"
            body = content.encode()
            self.send_response(status)
            for name, value in {
                "Content-Type": f"{kind}; charset=utf-8",
                "Content-Length": str(len(body)),
                **_SAFE,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """The page asks every two seconds."""

    return Handler


def _page(watch, query):
    return "text/html", files("tremorlab.live").joinpath("page.html").read_text("utf-8")


def _state(watch, query):
    events = watch.state.events(last=EVENTS)
    about, figures = watch.about, watch.figures
    stations = [
        {"station": name, "next": row["next_window"], **row["health"]} for name, row in watch.state.stations().items()
    ]
    told = {
        "feed": watch.feed.name,
        "connection": watch.feed.state(),
        "now": str(watch.feed.now()),
        "network": about.name,
        "classes": about.classes,
        "background": list(watch.rule.background),
        "patience_s": watch.patience_s,
        "step_s": watch.grid.step_s,
        "centre_s": watch.grid.window_s / 2,
        "rate_hz": about.preparation.sampling_rate_hz,
        "pairs": PAIRS,
        "bins": BINS,
        "latency_s": _number(quantile(figures.latency_s, 0.5)),
        "stations": stations,
        "events": json.loads(events.to_json(orient="records", date_format="iso", date_unit="ms")),
    }
    return "application/json", json.dumps(told)


def _windows(watch, query):
    station = query.get("station", [""])[0]
    kept = watch.state.station(station)
    if kept is None:
        raise ValueError(f"station {station!r} is not watched: {', '.join(watch.state.stations())}")
    hours = float(query.get("hours", ["12"])[0])
    if not 0 < hours <= HOURS:
        raise ValueError(f"hours {hours:g} is not within 0-{HOURS:g}")
    earliest = kept["next_window"] - round(hours * 3600 / watch.grid.step_s)
    first = max(earliest, int(query.get("first", [earliest])[0]))
    rows = [
        {
            "n": row["number"],
            "t": UTCDateTime(row["time"]).timestamp,
            "final": row["final"],
            "p": row["probabilities"] and [row["probabilities"][name] for name in watch.about.classes],
            "why": row["reason"],
            "e": row["envelope"] and base64.b64encode(row["envelope"]).decode(),
            "s": row["spectrum"] and base64.b64encode(row["spectrum"]).decode(),
        }
        for row in watch.state.windows(station, first, 2**62)
    ]
    return "application/json", json.dumps({"station": station, "windows": rows})


def _metrics(watch, query):
    figures, lines = watch.figures, []

    def say(name, kind, text, values):
        lines.extend([f"# HELP tremorlab_{name} {text}", f"# TYPE tremorlab_{name} {kind}"])
        lines.extend(f"tremorlab_{name}{labels} {value:.17g}" for labels, value in values)

    stations = watch.state.stations()
    for key in ("new", "late", "duplicate", "refused"):
        values = [(f'{{station="{name}"}}', row["health"][key]) for name, row in stations.items()]
        say(f"packets_{key}_total", "counter", f"Packets that were {key}.", values)
    heard = [(name, row["health"]["newest"]) for name, row in stations.items() if row["health"]["newest"]]
    values = [(f'{{station="{name}"}}', UTCDateTime(newest).timestamp) for name, newest in heard]
    say("newest_sample_timestamp_seconds", "gauge", "Time of the newest sample.", values)
    say("windows_total", "counter", "Final windows since the start.", [("", figures.windows)])
    values = [
        (f'{{class="{label}"}}', figures.events[label])
        for label in watch.about.classes
        if label not in watch.rule.background
    ]
    say("events_total", "counter", "Events since the start.", values)
    for name, text, kept in (
        ("latency_seconds", "From the last sample of a window to its first probabilities.", figures.latency_s),
        (
            "delay_seconds",
            "From the end of a window to its first probabilities, in time of the record.",
            figures.delay_s,
        ),
    ):
        values = [(f'{{quantile="{share}"}}', quantile(kept, share)) for share in (0.5, 0.9, 0.99)]
        say(name, "gauge", text, values)
    say("time_seconds", "gauge", "Time of this answer.", [("", time.time())])
    return "text/plain; version=0.0.4", "\n".join(lines) + "\n"


def _number(value):
    return None if value != value else value


_ROUTES = {"/": _page, "/api/state": _state, "/api/windows": _windows, "/metrics": _metrics}
