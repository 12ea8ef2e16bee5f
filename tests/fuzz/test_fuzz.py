"""Damaged files of every format: a result or a typed error, in time, in memory, in place; `make fuzz` tries more."""

import os
import signal
from pathlib import Path

import pytest

from tests.fuzz import campaign
from tests.fuzz.targets import ALL, Target

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

CASES, SEED = 2000, 20_110_119

#: Mutants that each reader has to refuse, at the least, and to accept: a checksum nowhere means that many are read.
REFUSED = 0.2


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """Valid files, made for a target when it is first asked for."""
    folder = tmp_path_factory.mktemp("seeds")

    def of(target):
        if not (folder / target.name).exists():
            campaign.make_seeds(folder, [target])
        return folder

    return of


@pytest.mark.parametrize("name", ALL)
def test_damage_is_refused_with_a_typed_error_or_does_no_harm(name, seeds, tmp_path):
    target, cases = ALL[name], campaign.shares(CASES, ALL.values())[name]
    # The worker reads the valid files first, and does not start where they are not accepted.
    tally = campaign.run(target, range(cases), seeds(target), tmp_path, SEED)
    assert [f"case {case}, {kind}: {said}" for case, kind, said in tally.faults] == []
    assert tally.counts.total() == cases
    assert tally.counts["refused"] >= REFUSED * cases


def test_the_shares_make_up_the_whole():
    assert abs(sum(campaign.shares(CASES, ALL.values()).values()) - CASES) <= len(ALL)


# --- a test that could not fail is worth nothing: readers with every fault -------------------------------------------


def _make(folder):
    (folder / "x.csv").write_text("1\n")


def _careless(folder):
    return 1 / int((folder / "x.csv").read_text())


def _endless(folder):
    while (folder / "x.csv").read_text() != "1\n":
        pass


def _greedy(folder):
    if (folder / "x.csv").read_text() != "1\n":
        bytearray(3 * 2**30)


def _crashing(folder):
    if (folder / "x.csv").read_text() != "1\n":
        os.kill(os.getpid(), signal.SIGKILL)  # as native code ends, without a word


def _straying(folder):
    (folder.parent / "stray").write_text("x")


def _unpickling(folder):
    import pickle

    pickle.loads(pickle.dumps(Path("x")))


@pytest.mark.parametrize(
    ("read", "kind"),
    [(_careless, "untyped"), (_endless, "hang"), (_greedy, "memory"), (_crashing, "crash")],
)
def test_every_fault_is_found_and_kept(read, kind, tmp_path, monkeypatch):
    target = Target("csv", _make, read, ("x.csv",))
    monkeypatch.setitem(ALL, "csv", target)
    monkeypatch.setattr(campaign, "LIMIT_S", 1.0)
    # Spawned processes do not see what was put in here; forked ones do, and nothing has threads yet that matter.
    monkeypatch.setattr(campaign, "START", "fork")
    seeds = campaign.make_seeds(tmp_path / "seeds", [target])
    tally = campaign.run(target, range(4), seeds, tmp_path, SEED)
    assert kind in tally.counts
    place = next(campaign.keep(tally, seeds, SEED, tmp_path / "kept"))
    assert (place / "WHAT.txt").read_text().startswith(f"{tally.faults[0][1]}: x.csv is damaged\ntry again: python -m")
    assert (place / "files" / "x.csv").exists()


@pytest.mark.parametrize("read", [_straying, _unpickling])
def test_what_a_reader_does_beside_reading_is_found(read, tmp_path):
    from tests.fuzz.worker import judge

    (tmp_path / "case").mkdir()
    kind, said = judge(Target("csv", _make, read, ("x.csv",)), tmp_path / "case")
    assert kind == "wrote"
    assert "stray for writing" in said or "pickle.find_class" in said
