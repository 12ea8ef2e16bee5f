"""The verbs for one's own data: few lines from an empty folder, and one line for every mistake."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.intake.made import bring
from tests.require import ROOT
from tremorlab import cli, paths
from tremorlab.page import execute, report, sweep

SWEPT = Path(__file__).parent / "page" / "notebooks" / "swept.py"


@pytest.fixture(scope="module")
def brought(tmp_path_factory):
    return bring(tmp_path_factory.mktemp("brought"))


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def start(*words):
        return CliRunner().invoke(cli.app, [str(word) for word in words])

    return start


@pytest.fixture
def asked(monkeypatch):
    """Pages and reports that would be made."""
    found = []

    def run_page(page, parameters, out, log, **options):
        execute.check(page, parameters, options["cwd"])
        found.append((page.stem, parameters, out))
        return execute.Record("notebooks/09", 12.3, 410.0)

    monkeypatch.setattr(execute, "run_page", run_page)
    monkeypatch.setattr(report, "write", lambda executed, target: found.append((executed, target)) or target)
    return found


def test_two_lines_from_files_to_a_report(call, asked, brought, tmp_path):
    made = call("study", "new", "mine", "-c", brought / "events.csv", "-r", brought / "waves")
    assert made.exit_code == 0, made.stderr
    assert made.stdout.startswith("wrote mine.toml\n\nstudy mine: window 40.96 s")
    assert made.stdout.endswith("ready: tremorlab run --study mine.toml\n")
    assert call("study", "check", "mine.toml").exit_code == 0
    assert call("study", "check", "mine").exit_code == 0
    result = call("run", "--study", "mine.toml")
    assert result.exit_code == 0, result.stderr
    (page, parameters, out), (executed, target) = asked
    assert page == "09_your_own_data"
    assert parameters == {"study": "mine.toml"}
    assert out == executed == Path("_build/runs/mine.ipynb")
    assert target == Path("mine_report.html")
    assert result.stdout.endswith("report: mine_report.html\n")


def test_the_page_opens_with_at_most_twelve_lines_to_type():
    text = (ROOT / "notebooks" / "09_your_own_data.py").read_text(encoding="utf-8")
    block = text.split("```bash\n")[1].split("```")[0]
    lines = [line for line in block.splitlines() if line.strip("# ")]
    assert 3 <= len(lines) <= 12
    assert not any("python" in line for line in lines)


def test_a_page_may_have_a_report_without_a_study(call, asked, tmp_path):
    assert call("run", SWEPT, "--html", "out.html").exit_code == 0
    assert asked[1] == (Path("_build/runs/swept.ipynb"), Path("out.html"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run"], "page: none is given. Write tremorlab run 01, or tremorlab run --study mine.toml"),
        (["run", "--study", "none.toml"], "none.toml: cannot be read: No such file"),
        (["run", "--study", "redout_2009"], "redout_2009: no such study. Shipped studies: "),
        (["study", "check", "none.toml"], "none.toml: cannot be read: No such file"),
        (["study", "new", "mine", "-c", "none.csv", "-r", "nowhere"], "nowhere: no such file or folder"),
        (["sweep", SWEPT, "-p", "seed", "5..1"], "parameter 'seed': 5..1 runs backwards. Write 1..5"),
        (["sweep", SWEPT, "-p", "sed", "1..5"], "parameter 'sed': is not known to this page"),
        (["sweep", "77", "-p", "seed", "1..5"], "page '77': there is no such page"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_two(call, asked, words, message):
    result = call(*words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert asked == []


def test_a_study_that_cannot_be_used_says_so_and_stays_to_be_mended(call, brought, tmp_path):
    shutil.copytree(brought, tmp_path / "mine")
    assert call("study", "new", "mine", "-c", "mine/events.csv", "-r", "mine/waves", "--no-noise").exit_code == 0
    text = Path("mine.toml").read_text().replace('vt = ["vt"]\n', "")
    Path("mine.toml").write_text(text)
    result = call("study", "check", "mine.toml")
    assert result.exit_code == 2
    assert "PROBLEM: windows with record by class" in result.stdout
    assert "study mine.toml: cannot be used yet. Mend what is marked PROBLEM above" in result.stderr


def test_records_that_moved_are_not_asked_of_a_service_that_does_not_have_them(call, brought, tmp_path):
    shutil.copytree(brought, tmp_path / "mine")
    assert call("study", "new", "mine", "-c", "mine/events.csv", "-r", "mine/waves").exit_code == 0
    text = Path("mine.toml").read_text()
    begin, end = text.index("[waveforms]"), text.index("[preparation]")
    Path("mine.toml").write_text(f'{text[:begin]}[waveforms]\nkind = "files"\nfiles = ["gone.mseed"]\n\n{text[end:]}')
    result = call("study", "check", "mine")
    assert result.exit_code == 2
    assert "PROBLEM: records: 1 of 1 waveform files are not on this machine, first gone.mseed" in result.stdout
    assert "Correct where they are under [waveforms]" in result.stdout
    assert "tremorlab fetch" not in result.stdout


def test_fetch_finds_the_study_of_this_folder(call, brought, tmp_path, monkeypatch):
    from tremorlab.waveform import fetch

    given = []
    monkeypatch.setenv("TREMORLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fetch, "fetch", lambda described, _: given.append(described.name) or "1 request")
    made = call("study", "new", "far", "-c", brought / "events.csv", "--fdsn", "EARTHSCOPE", "--channel", "AV.REF..EHZ")
    assert made.exit_code == 2
    assert "or run: tremorlab fetch far" in made.stdout
    assert call("fetch", "far").stdout == "1 request\n"
    assert given == ["far"]


def test_a_sweep_says_where_its_results_are_and_what_failed(call, monkeypatch):
    def over(page, ranges, out, **_):
        import pandas as pd

        failures = pd.DataFrame({"level": ["broken"], "reason": ["cell 3: no"]})
        return sweep.Swept(pd.DataFrame({"level": ["low"]}), ("level",), failures, 1, 0)

    monkeypatch.setattr(sweep, "sweep", over)
    result = call("sweep", SWEPT, "-p", "level", "low,broken")
    assert result.exit_code == 1
    assert "1 runs made, 0 kept, 1 failed" in result.stdout
    assert "summary: _build/sweeps/swept/index.html" in result.stdout
    assert result.stderr.startswith(
        "tremorlab: sweep, level = broken: cell 3: no. See _build/sweeps/swept/failures.csv"
    )


def test_without_the_repository_a_page_cannot_be_found_by_number(call, monkeypatch):
    monkeypatch.setattr(paths, "REPOSITORY", None)
    assert "Clone the repository" in call("run", "--study", "micro").stderr
