"""Sweeps: every combination once, kept when finished, listed when failed, in one table."""

from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from tremorlab import cli_rerun
from tremorlab.errors import ParameterError
from tremorlab.page import execute, sweep

PAGE = Path(__file__).parent / "notebooks" / "swept.py"


@pytest.fixture
def quick(monkeypatch):
    """Runs without a kernel that count themselves; of level "broken" they fail."""
    made = []

    def run_page(page, parameters, out, log, **_):
        made.append(dict(parameters))
        if parameters["level"] == "broken":
            raise execute.PageError("notebooks/swept", "cell 3: ValueError", "See the log")
        value = {"low": 10, "high": 20}[parameters["level"]] + parameters["seed"]
        glued = {"result": str(value), "word": "'a word'", "figure": "<Figure size 1x1>", "missing": "nan"}
        return execute.Record("notebooks/swept", 1.0, 100.0, dict(parameters), glued)

    monkeypatch.setattr(execute, "run_page", run_page)
    return made


def test_pages_run_side_by_side_and_again_only_where_they_must(tmp_path):
    """With real kernels in processes of their own."""
    found = sweep.sweep(PAGE, {"level": ["low", "broken"], "seed": [2]}, tmp_path, workers=2)
    assert (found.done, found.kept, len(found.failures)) == (1, 0, 1)
    assert found.table.loc[0, ["level", "seed", "result", "word"]].tolist() == ["low", 2, 12, "level low"]
    assert "table" not in found.table
    assert "ValueError: this level does not work" in found.failures["reason"][0]
    again = sweep.sweep(PAGE, {"level": ["low"], "seed": [2]}, tmp_path, workers=1)
    assert (again.done, again.kept) == (0, 1)


def test_only_what_is_new_or_failed_runs_again(quick, tmp_path):
    sweep.sweep(PAGE, {"level": ["low", "broken"], "seed": [1]}, tmp_path, workers=1)
    assert len(quick) == 2
    found = sweep.sweep(PAGE, {"level": ["low", "high", "broken"], "seed": [1]}, tmp_path, workers=1)
    assert [run["level"] for run in quick[2:]] == ["high", "broken"]
    assert (found.done, found.kept, len(found.failures)) == (1, 1, 1)


def test_the_table_holds_parameters_and_values(quick, tmp_path):
    sweep.sweep(PAGE, {"level": ["low", "high"], "seed": [1, 2]}, tmp_path, workers=1)
    for table in (pd.read_csv(tmp_path / "results.csv"), pd.read_parquet(tmp_path / "results.parquet")):
        assert table[["level", "seed", "result"]].to_numpy().tolist() == [
            ["low", 1, 11], ["low", 2, 12], ["high", 1, 21], ["high", 2, 22],
        ]  # fmt: skip
        assert set(table) == {"level", "seed", "seconds", "peak_memory_mb", "result", "word", "missing"}


def test_the_summary_is_one_file_with_what_changes(quick, tmp_path):
    sweep.sweep(PAGE, {"level": ["low", "high", "broken"], "seed": [1]}, tmp_path, workers=1)
    soup = BeautifulSoup((tmp_path / "index.html").read_text(), "html.parser")
    assert soup.img["src"].startswith("data:image/png;base64,")
    assert "result" in soup.img["alt"]
    assert "missing" not in soup.img["alt"]
    assert "2 runs, 1 failed" in soup.get_text()
    assert "cell 3: ValueError" in soup.get_text()
    assert not soup.select("script, link[href], img[src^=http]")


def test_a_study_file_counts_with_its_content(tmp_path):
    (tmp_path / "mine.toml").write_text("a = 1")
    first = sweep._key(PAGE, {"study": "mine.toml"}, "", tmp_path)
    (tmp_path / "mine.toml").write_text("a = 2")
    assert sweep._key(PAGE, {"study": "mine.toml"}, "", tmp_path) != first
    assert sweep._key(PAGE, {"study": "mine.toml"}, "", tmp_path) == sweep._key(
        PAGE, {"study": "mine.toml"}, "", tmp_path
    )


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({"level": ["low"], "sed": [1]}, r"parameter 'sed': is not known to this page.*Did you mean 'seed'"),
        ({"level": ["low", "mean"]}, r"parameter 'level': 'mean' is not one of low, high, broken"),
        ({"seed": [1, 2, 10]}, r"parameter 'seed': 10 is not between 0 and 9"),
        ({"seed": []}, r"parameter 'seed': has no value"),
        ({"seed": [1, 1]}, r"parameter 'seed': has a value twice"),
        ({"seed": list(range(50)), "level": list(range(50))}, "has 2500 runs, more than 2000"),
    ],
)
def test_nothing_runs_when_one_combination_is_bad(quick, tmp_path, ranges, message):
    with pytest.raises(ParameterError, match=message):
        sweep.sweep(PAGE, ranges, tmp_path / "out", workers=1)
    assert quick == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["seed=1..3"], {"seed": [1, 2, 3]}),
        (["seed=-1..1"], {"seed": [-1, 0, 1]}),
        (["level=low,report-like"], {"level": ["low", "report-like"]}),
        (["a=0.5,1"], {"a": [0.5, 1]}),
        (["a=[1, 2]"], {"a": [[1, 2]]}),
        (["study=mine.toml", "again=true"], {"study": ["mine.toml"], "again": [True]}),
    ],
)
def test_values_are_written_as_lists_and_spans(given, expected):
    assert cli_rerun.ranges(given) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["seed=3..1"], r"parameter 'seed': 3\.\.1 runs backwards\. Write 1\.\.3"),
        (["seed=1,,2"], r"parameter 'seed': '1,,2' has an empty value"),
        (["seed=1", "seed=2"], "parameter 'seed': is given twice"),
        (["seed"], "parameter 'seed': has no value"),
    ],
)
def test_values_that_cannot_be_read_are_named(given, message):
    with pytest.raises(ParameterError, match=message):
        cli_rerun.ranges(given)
