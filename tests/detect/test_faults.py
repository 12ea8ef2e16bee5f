"""Detection where the machine is unusual or something is wrong: what was finished stays whole, one line says why."""

import os
import resource
import signal
import subprocess
import sys

import pytest

from tests.detect.test_continuous import recorded, write

RULE = ("--on", "0.36", "--off", "0.34")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Half an hour around a midnight, in a folder that a Japanese user would make."""
    folder = tmp_path_factory.mktemp("記録 2011") / "桜島 SDS"
    write(recorded("ZNE"), folder)
    return folder


@pytest.fixture(scope="module")
def model(folder_of):
    return folder_of("waveform")


def start(*words, limit=None, **surroundings):
    """Run a command with another surrounding, and files no longer than a limit (bytes)."""

    def bounded():
        # Not the signal but the error that a full disk gives as well.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    return subprocess.run(
        [sys.executable, "-c", "from tremorlab.cli import app; app()", *map(str, words)],
        env=os.environ | surroundings,
        capture_output=True,
        preexec_fn=bounded if limit else None,
        check=False,
    )


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def events(folder):
    return {name: (folder / name).read_bytes() for name in ("events.csv", "picks.csv")}


@pytest.fixture(scope="module")
def usual(root, model, tmp_path_factory):
    out = tmp_path_factory.mktemp("usual") / "out"
    done = start("detect", root, model, "-o", out, "-j", 1, *RULE)
    assert done.returncode == 0, done.stderr.decode()
    assert len((out / "events.csv").read_text(encoding="utf-8").splitlines()) > 1
    return events(out)


@pytest.mark.parametrize(
    "surroundings",
    [
        {"TZ": "Asia/Tokyo"},
        {"TZ": "America/New_York"},
        {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["japan", "summer-time", "no-utf-8"],
)
def test_events_do_not_depend_on_zone_or_locale(root, model, usual, tmp_path, surroundings):
    out = tmp_path / "出力 1"
    done = start("detect", root, model, "-o", out, "-j", 1, *RULE, **surroundings)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    assert events(out) == usual


def test_a_full_disk_leaves_nothing_half_written_and_the_next_run_goes_on(root, model, usual, tmp_path):
    out = tmp_path / "out"
    done = start("detect", root, model, "-o", out, "-j", 1, *RULE, limit=1500)
    assert b"0 station-days evaluated, 0 kept, 2 failed" in done.stdout
    assert b"Traceback" not in done.stderr
    assert (out / "failures.csv").read_bytes().count(b"File too large") == 2
    assert not [name for name in files(out) if name.endswith(".parquet") or ".part" in name]
    done = start("detect", root, model, "-o", out, "-j", 1, *RULE)
    assert done.returncode == 0, done.stderr.decode()
    assert events(out) == usual


@pytest.mark.parametrize("place", ["/proc/out", "a file"])
def test_a_folder_that_cannot_be_written_to_is_named(root, model, tmp_path, place):
    (tmp_path / "a file").write_text("taken")
    out = tmp_path / place  # an absolute path stays what it is
    done = start("detect", root, model, "-o", out, "-j", 1, *RULE)
    assert done.returncode != 0
    told = done.stderr.decode()
    assert told.startswith("tremorlab: ")
    assert str(out) in told
    assert "Traceback" not in told
    assert (tmp_path / "a file").read_text() == "taken"
