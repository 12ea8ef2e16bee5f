"""The table of benchmarks: rows are judged by their figures, a run is kept whole or not at all, a quick one apart."""

import json
import re

import pytest
from benchmarks import report, run

from tests.require import ROOT

GOOD = """
from benchmarks import report
report.write([report.row("a", "s", 2.0, peer=("p", 6.0), floor=("f", 1.0), bars=(report.Bar("ratio", least=2.5),))])
"""
MISSES = GOOD.replace("6.0", "4.0") + "\nraise SystemExit(1)\n"
FAILS = "raise ValueError('no disk')\n"


def row(**changes):
    given = {"what": "a", "unit": "s", "ours": 2.0, "peer": ("p", 6.0), "floor": ("f", 1.0)} | changes
    return report.row(given.pop("what"), given.pop("unit"), given.pop("ours"), **given)


def test_a_row_has_its_ratios_and_is_judged_by_them():
    made = row(bars=(report.Bar("ratio", least=3.0), report.Bar("over_floor", most=2.0), report.Bar("ours", most=2.0)))
    assert (made["ratio"], made["over_floor"], made["met"]) == (3.0, 2.0, True)
    made = row(bars=(report.Bar("ratio", least=3.1), report.Bar("over_floor", most=2.0)))
    assert [bar["met"] for bar in made["bars"]] == [False, True]
    assert not made["met"]


def test_ratios_over_rounds_go_before_those_of_medians():
    made = row(ratio=2.9, over_floor=2.2, bars=(report.Bar("ratio", least=3.0),))
    assert (made["ratio"], made["over_floor"], made["met"]) == (2.9, 2.2, False)


def test_another_result_than_the_peer_s_meets_nothing():
    assert not row(equal=False)["met"]
    assert row()["met"]


def test_a_figure_that_is_no_number_meets_no_bar():
    assert not row(ours=float("nan"), bars=(report.Bar("ratio", least=1.0),))["met"]
    assert not row(ours=float("nan"), bars=(report.Bar("ours", most=1.0),))["met"]


def test_without_a_run_that_gathers_them_rows_go_nowhere(tmp_path, monkeypatch):
    monkeypatch.delenv(report.ROWS, raising=False)
    report.write([row()])
    monkeypatch.setenv(report.ROWS, str(tmp_path / "rows.jsonl"))
    report.write([row()])
    report.write([row(what="b")])
    assert [each["what"] for each in run.read(tmp_path / "rows.jsonl")] == ["a", "b"]


def test_the_machine_is_described_without_its_name():
    import platform

    described = report.machine()
    assert described["cores"] >= 1
    assert described["memory_gb"] > 0
    assert platform.node() not in json.dumps(described)
    assert report.versions()["Python"] == platform.python_version()


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Run a table of two benchmarks with these texts; what was kept is returned beside the status."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def made(*texts, quick=False):
        for name, text in zip("ab", texts, strict=True):
            (tmp_path / f"{name}.py").write_text(text)
        history = tmp_path / "kept" / "history.jsonl"
        status = run.table(quick, history, folder=tmp_path, benchmarks={name: ([], []) for name in "ab"})
        return status, run.read(history) if history.exists() else []

    return made


def test_a_run_is_one_line_with_everything_in_it(table):
    status, kept = table(GOOD, GOOD)
    assert (status, len(kept)) == (0, 1)
    assert [each["what"] for each in kept[0]["rows"]] == ["a", "a"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", kept[0]["date"])
    assert {"machine", "versions", "code", "tremorlab", "minutes"} <= set(kept[0])


def test_a_run_is_added_to_those_before(table):
    table(GOOD, GOOD)
    assert len(table(GOOD, MISSES)[1]) == 2


def test_a_missed_bar_is_kept_and_told(table, capsys):
    status, kept = table(GOOD, MISSES)
    assert (status, len(kept)) == (1, 1)
    assert [each["met"] for each in kept[0]["rows"]] == [True, False]
    assert "missed: a (p)" in capsys.readouterr().out


def test_a_run_with_a_failure_is_not_kept(table, capfd):
    assert table(FAILS, GOOD) == (2, [])
    assert "failed, so that the run is not kept: a" in capfd.readouterr().out


def test_a_quick_run_is_not_judged(table):
    assert table(GOOD, MISSES, quick=True)[0] == 0


def test_a_quick_run_never_reaches_the_history(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "QUICK", tmp_path / "_build" / "quick.jsonl")
    monkeypatch.setattr(run, "HISTORY", tmp_path / "history.jsonl")
    monkeypatch.setattr(run, "measured", lambda script, options: [row()])
    monkeypatch.setattr("sys.argv", ["run.py", "--quick"])
    assert run.main() == 0
    assert not run.HISTORY.exists()
    assert run.read(run.QUICK)[0]["quick"]


def test_the_table_asks_for_its_peers(monkeypatch, capsys):
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("sys.argv", ["run.py"])
    assert run.main() == 2
    assert "make peers" in capsys.readouterr().out


def test_benchmarks_of_the_table_are_there_and_report():
    for name in run.TABLE:
        assert "report.write(" in (run.HERE / f"{name}.py").read_text(encoding="utf-8"), name


def test_kept_runs_are_full_ones_with_every_row():
    if not run.HISTORY.exists():
        return
    kept = run.read(run.HISTORY)
    assert not any(each["quick"] for each in kept)
    peers = " ".join(each["peer"] for each in kept[-1]["rows"])
    assert all(name in peers for name in ("spectrogram", "PhaseNet", "EQTransformer", "pysindy", "jupyter-book"))
