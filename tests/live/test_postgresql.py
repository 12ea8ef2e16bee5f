"""A watch on a real PostgreSQL server: the same as in SQLite, killed or not, and alone."""

import os
import pwd
import signal
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import pytest

from tests.live.server import free_port
from tests.live.test_watch import FOLDER, command, opened, same, watch, whole  # noqa: F401
from tests.require import needs, postgresql
from tremorlab.errors import ParameterError
from tremorlab.live import state as tables
from tremorlab.live.state import State


@pytest.fixture(scope="module")
def server():
    """Port of a server that lives as long as these tests; it does not run as root."""
    needs("postgresql")
    user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    programs, port = postgresql(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        data, options = Path(folder) / "data", f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -k {folder}"

        def call(program, *words):
            words = [programs / program, "-D", data, *words]
            subprocess.run(words, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)

        call("initdb", "-U", "watch", "-A", "trust", "-E", "UTF8", "--locale", "C")
        call("pg_ctl", "-w", "-t", "300", "-o", options, "-l", Path(folder) / "log", "start")
        try:
            yield port
        finally:
            call("pg_ctl", "-w", "-m", "immediate", "stop")


@pytest.fixture
def database(server):
    """URL of an empty database, one for each test."""
    import psycopg

    name = f"d{uuid.uuid4().hex}"
    with psycopg.connect(host="127.0.0.1", port=server, user="watch", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql+psycopg://watch@127.0.0.1:{server}/{name}"


def test_it_comes_to_the_same_as_in_sqlite(root, model, tmp_path, whole, database):  # noqa: F811
    done = watch(root, model, tmp_path, database=database)
    figures = done.run()
    assert figures.windows == 352
    kept = opened(done)
    same(kept, whole[2])
    for station in ("XX.AAA.", "XX.BBB."):
        found, wanted = (state.windows(station, 0, 2**62) for state in (kept, whole[2]))
        assert [row["reason"] for row in found] == [row["reason"] for row in wanted]
        assert [row["envelope"] for row in found] == [row["envelope"] for row in wanted]
    files, expected = ({path.name for path in (out / FOLDER).iterdir()} for out in (tmp_path, whole[0]))
    assert files == expected


def test_killed_and_started_again_it_comes_to_the_same(root, model, tmp_path, whole, database):  # noqa: F811
    words = command(root, model, tmp_path, "--database", database)
    for wait_s in (0.1, 0.4):
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            assert "page at" in process.stdout.readline()
            time.sleep(wait_s)
            process.send_signal(signal.SIGKILL)
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    same(opened(watch(root, model, tmp_path, database=database)), whole[2])


def test_two_watches_do_not_work_on_one_database(database, monkeypatch):
    monkeypatch.setattr(tables, "RELEASE_S", 0.3)
    first = State(database, {})
    with pytest.raises(ParameterError, match=r"postgresql\+psycopg://.*: another watch is writing here\. Name another"):
        State(database, {})
    first.close()
    State(database, {}).close()


def test_a_server_that_goes_away_is_told_of(root, model, tmp_path, whole, database, monkeypatch):  # noqa: F811
    """The administrator ends the connections in mid-run; started again, nothing is missing."""
    import psycopg

    real = tables.put_events

    def ended(connection, events):
        with psycopg.connect(database.replace("+psycopg", ""), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        real(connection, events)

    with monkeypatch.context() as patched:
        patched.setattr(tables, "put_events", ended)
        with pytest.raises(ParameterError, match=r"watch@127\.0\.0\.1:\d+/d\w+: cannot be written: .*terminat"):
            watch(root, model, tmp_path, database=database).run()
    done = watch(root, model, tmp_path, database=database)
    done.run()
    same(opened(done), whole[2])
