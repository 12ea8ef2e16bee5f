"""The table of benchmarks as the book shows it: the newest run, its missed bars, ratios of the runs before."""

import json

import pytest

from tests.require import ROOT
from tremorlab.errors import PageError
from tremorlab.page import benchmarks, made


def row(what="spectra", *, ratio=3.4, least=2.5, equal=True):
    bars = [{"of": "ratio", "least": least, "most": None, "met": ratio >= least}] if least else []
    return {
        "what": what, "unit": "s", "ours": 1234.5, "peer": "scipy", "theirs": 0.04567, "floor": "FFTs", "least": 12.34,
        "ratio": ratio, "over_floor": 1.25, "bars": bars, "equal": equal, "met": equal and ratio >= (least or 0),
    }  # fmt: skip


def run(*rows, date="2031-05-06", code="abcd1234"):
    machine = {"processor": "An Engine", "cores": 2, "memory_gb": 15.6, "system": "Linux x86_64", "load": [0.1, 2.0]}
    return {
        "date": date, "minutes": 41.2, "quick": False, "tremorlab": "0.1.0", "code": code, "machine": machine,
        "versions": {"Python": "3.11.7", "numpy": "2.4.6"}, "rows": list(rows),
    }  # fmt: skip


def test_without_a_run_the_page_says_so():
    assert benchmarks.table([]) == "No run has been kept yet.\n"
    assert benchmarks.runs(ROOT / "no_such_file") == []


def test_a_row_has_all_figures_and_its_bar():
    text = benchmarks.table([run(row())])
    assert "| spectra, s | 1,234 | 0.0457: scipy | 12.3: FFTs | 3.4 | 1.25 | peer / ours at least 2.5: met |" in text
    assert "Bars are met in 1 of the 1 rows that have one." in text


def test_the_machine_and_the_versions_are_named():
    text = benchmarks.table([run(row())])
    assert "Run of 2031-05-06, 41 minutes, on 2 cores (An Engine, 16 GB, Linux x86_64)." in text
    assert "0.1 before and 2 at the end" in text
    assert "| numpy | 2.4.6 |" in text
    assert "| tremorlab | 0.1.0, code `abcd1234` |" in text


def test_what_is_missed_slower_or_different_is_said():
    text = benchmarks.table(
        [run(row(), row("dataset", ratio=2.0), row("fit", least=None, ratio=0.9), row("x", equal=False))]
    )
    assert "Bars are met in 1 of the 3 rows that have one. **Missed:** dataset beside scipy; x beside scipy." in text
    assert "The peer is ahead in: fit beside scipy." in text
    assert "peer / ours at least 2.5: **missed** |" in text
    assert "met; **the results differ** |" in text
    assert "| 0.9 | 1.25 | no bar |" in text


def test_ratios_of_the_runs_before_stand_side_by_side():
    old = run(row(ratio=2.6), date="2031-01-01", code="0000aaaa")
    text = benchmarks.table([old, run(row(), row("new"))])
    assert "| | 2031-01-01, `0000aaaa` | 2031-05-06, `abcd1234` |" in text
    assert "| spectra, beside scipy | 2.6 | 3.4 |" in text
    assert "| new, beside scipy | - | 3.4 |" in text
    assert "Peer / ours, run by run" not in benchmarks.table([old])


def test_only_the_last_runs_are_shown():
    text = benchmarks.table([run(row(), date=f"2031-01-{day:02d}") for day in range(1, 10)])
    assert "2031-01-03" not in text
    assert all(f"2031-01-{day:02d}, `" in text for day in range(4, 10))


def test_a_history_is_read_line_by_line(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text(json.dumps({"date": "a"}) + "\n" + json.dumps({"date": "b"}) + "\n")
    assert [each["date"] for each in benchmarks.runs(path)] == ["a", "b"]


def test_a_damaged_line_is_named(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text("{}\n{half")
    with pytest.raises(PageError, match=r"history\.jsonl, line 2: is not JSON"):
        benchmarks.runs(path)


def test_the_page_of_the_book_asks_for_the_table():
    page = ROOT / "book" / "benchmarks.md"
    assert made.parts([page], {})["benchmarks"] == benchmarks.page()
    assert "book/benchmarks" in (ROOT / "_toc.yml").read_text(encoding="utf-8")
