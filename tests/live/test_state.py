"""The database: of another version, of something else, in use, not there."""

import sqlite3

import pytest

from tremorlab.errors import ParameterError
from tremorlab.live.state import FILE, State

ABOUT = {"network": "one", "step": "10.24 s"}


def test_a_database_of_another_version_is_refused(tmp_path):
    State(tmp_path / FILE, ABOUT).close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("UPDATE about SET value = '99' WHERE name = 'version'")
    with pytest.raises(ParameterError, match=r"watch\.sqlite: version is 99, not 1\. Name another folder or database"):
        State(tmp_path / FILE, ABOUT)


def test_the_results_of_another_network_or_step_are_refused(tmp_path):
    State(tmp_path / FILE, ABOUT).close()
    State(tmp_path / FILE, ABOUT).close()
    with pytest.raises(ParameterError, match=r"network is one, not two\. Name another"):
        State(tmp_path / FILE, ABOUT | {"network": "two"})
    with pytest.raises(ParameterError, match=r"step is 10\.24 s, not 5\.12 s\. Name another"):
        State(tmp_path / FILE, ABOUT | {"step": "5.12 s"})


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:////no/such/folder/x.sqlite", r"cannot be opened: unable to open database file\. Give a file you may"),
        ("postgresql+psycopg://127.0.0.1:1/x", r"cannot be opened: (No module named 'psycopg'|.*refused)"),
        ("nonsense://x", r"cannot be opened: Can't load plugin: sqlalchemy\.dialects:nonsense"),
    ],
)
def test_what_is_no_database(url, message):
    with pytest.raises(ParameterError, match=message):
        State(url, ABOUT)


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / FILE).write_bytes(b"no database at all" * 100)
    with pytest.raises(ParameterError, match=r"cannot be opened: file is not a database"):
        State(tmp_path / FILE, ABOUT)
