"""Kept twins: simulated once, found again, whole whoever asks at the same time."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest

from tremorlab import study as studies
from tremorlab.errors import ParameterError
from tremorlab.twin import keep
from tremorlab.twin.archive import simulate
from tremorlab.twin.keep import kept
from tremorlab.twin.scenario import ACTIVITY, configure

QUIET = {
    "setting": "colombia", "days": 1, "stations": 1, "rate_hz": 25, "rates": dict.fromkeys(ACTIVITY["colombia"], 0.0)
}  # fmt: skip
TINY = configure(**QUIET)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TREMORLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "derived"


@pytest.fixture
def simulated(monkeypatch):
    """Folders that were simulated, in order; a study file alone stands for a twin."""
    folders = []

    def write(scenario, folder, **options):
        folders.append(folder)
        folder.mkdir(parents=True)
        (folder / "study.toml").write_text(scenario.setting)

    monkeypatch.setattr(keep, "simulate", write)
    return folders


def shown(folder):
    return [path.name for path in folder.iterdir() if not path.name.endswith(".lock")]


def test_a_twin_is_simulated_once_and_found_again(cache):
    study = kept(TINY, workers=1)
    assert study.parent.parent == cache / "twins"
    assert study.parent.name.startswith("colombia-")
    assert studies.load(study).name == "twin_colombia_20150815"
    before = {path: path.stat().st_mtime_ns for path in study.parent.rglob("*")}
    assert kept(TINY) == study
    assert {path: path.stat().st_mtime_ns for path in study.parent.rglob("*")} == before


def test_another_scenario_or_another_source_is_another_twin(cache, simulated, tmp_path, monkeypatch):
    first = kept(TINY)
    assert kept(configure(**QUIET)) == first
    assert kept(TINY.model_copy(update={"seed": 1})) != first
    (tmp_path / "twin").mkdir()
    (tmp_path / "twin" / "noise.py").write_text("changed")
    monkeypatch.setattr(keep, "__file__", str(tmp_path / "twin" / "keep.py"))
    changed = kept(TINY)
    assert changed not in (first, kept(TINY.model_copy(update={"seed": 1})))
    assert first.is_file(), "a twin of older sources is the user's to remove"
    assert len(simulated) == 4


def test_the_loser_of_a_race_uses_the_twin_of_the_winner(cache, monkeypatch):
    def raced(scenario, folder, **options):
        simulate(scenario, folder, workers=1)
        (folder / "winner").write_text("")
        return simulate(scenario, folder, **options)

    monkeypatch.setattr(keep, "simulate", raced)
    study = kept(TINY, workers=1)
    assert (study.parent / "winner").exists()
    assert shown(study.parent.parent) == [study.parent.name]


def test_who_asks_while_a_twin_is_made_waits_for_it(cache, monkeypatch):
    made, waiting = [], Barrier(2)

    def slow(scenario, folder, **options):
        made.append(folder)
        waiting.wait(30)
        return simulate(scenario, folder, workers=1)

    monkeypatch.setattr(keep, "simulate", slow)
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(kept, TINY) for _ in range(2)]
        waiting.wait(30)
        assert answers[0].result() == answers[1].result()
    assert len(made) == 1


@pytest.mark.parametrize("locks", [True, False], ids=["with locks", "without"])
def test_two_processes_that_ask_at_once_get_the_same_whole_twin(cache, locks, monkeypatch):
    if not locks:
        monkeypatch.setattr(keep, "fcntl", None)
    with ProcessPoolExecutor(2) as pool:
        answers = list(pool.map(partial(kept, workers=1), [TINY, TINY]))
    assert answers == [kept(TINY)] * 2
    assert shown(cache / "twins") == [answers[0].parent.name]
    assert len(list((answers[0].parent / "sds").rglob("*.001"))) == 3


def test_something_else_in_its_place_is_named_and_left(cache, tmp_path):
    place = cache / "twins" / f"colombia-{keep._hash(TINY)}"
    place.mkdir(parents=True)
    with pytest.raises(ParameterError, match=r"colombia-[0-9a-f]{12}: exists\. Remove it, or name another folder"):
        kept(TINY)
    assert list(place.iterdir()) == []


def test_a_cache_that_cannot_be_written_to_is_named(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("")
    monkeypatch.setenv("TREMORLAB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ParameterError, match=r"colombia-[0-9a-f]{12}: cannot be made: Not a directory"):
        kept(TINY)
