"""Real servers on loopback for the tests of fetching: an FDSN dataselect service and its ways to fail."""

import contextlib
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import portable_fdsnws_dataselect

_CONFIGURATION = """
[index_db]
path = {database}
table = tsindex
summary_table = tsindex_summary
[server]
interface = 127.0.0.1
port = {port}
request_limit = {request_limit}
maxsectiondays = 30
"""


class FDSNServer:
    """EarthScope's ``portable-fdsnws-dataselect`` over an index made by ``mseedindex``; stops and starts at will.

    Parameters
    ----------
    folder
        Writable folder for the index and the configuration.
    files
        miniSEED files to serve.
    request_limit
        Most bytes of an answer; 0 for no limit.
    """

    def __init__(self, folder: Path, files: list[Path], request_limit: int = 0):
        self._bin = Path(sys.executable).parent
        self._configuration = folder / "server.ini"
        self._process = None
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        database = folder / "index.sqlite"
        self._configuration.write_text(
            _CONFIGURATION.format(database=database, port=self.port, request_limit=request_limit)
        )
        subprocess.run([self._bin / "mseedindex", "-sqlite", database, *files], check=True, capture_output=True)
        with closing(sqlite3.connect(database)) as connection:
            # The server (2.0.2) takes the flag latest=>1 of this column for a byte offset and then
            # returns one record of a file's last hour without an error.
            connection.execute("UPDATE tsindex SET timeindex=NULL")
            connection.commit()
        program = self._bin / "portable-fdsnws-dataselect"
        subprocess.run([program, "-i", self._configuration], check=True, capture_output=True)

    def start(self) -> "FDSNServer":
        """Start the server and wait until it takes connections."""
        self._process = subprocess.Popen(
            [self._bin / "portable-fdsnws-dataselect", self._configuration],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(400):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                if self._process.poll() is not None:
                    break
                time.sleep(0.05)
        raise RuntimeError("the FDSN server did not start")

    def stop(self) -> None:
        """Stop the server; connections are refused from now on."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> "FDSNServer":
        return self.start()

    def __exit__(self, *_):
        self.stop()


class FixedServer:
    """Answers every query with the next of ``answers`` (status, content), the last one again and again.

    What a real service does rarely: refuse a restricted channel, fail for a moment, break off in the middle, and, with
    ``pauses`` in seconds, one an answer, keep silent in the middle of one.
    """

    def __init__(self, *answers: tuple[int, bytes], pauses: tuple[float, ...] = (0.0,)):
        self.queries = 0
        wadl = Path(portable_fdsnws_dataselect.__file__).parent / "docs" / "application.wadl"
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path.endswith("application.wadl"):
                    content = (wadl.read_text() % f"{outer.url}/fdsnws/dataselect/1/").encode()
                    self._send(200, content)
                else:
                    self.do_POST()

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                number, outer.queries = outer.queries, outer.queries + 1
                pause = pauses[min(number, len(pauses) - 1)]
                with contextlib.suppress(ConnectionError):  # who waits no longer has gone
                    self._send(*answers[min(number, len(answers) - 1)], pause)

            def _send(self, status, content, pause=0.0):
                self.send_response(status)
                self.end_headers()
                self.wfile.write(content[: len(content) // 2])
                self.wfile.flush()
                time.sleep(pause)
                self.wfile.write(content[len(content) // 2 :])

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "FixedServer":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
