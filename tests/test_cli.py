"""The command line: what it calls, what it prints, and with which exit code it ends."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from typer.testing import CliRunner

import tremorlab
from tremorlab import cli, paths, study
from tremorlab.errors import DataMissingError, PageError, WaveformError
from tremorlab.page import build, execute
from tremorlab.twin import archive
from tremorlab.twin.scenario import configure
from tremorlab.waveform import sources

PAGES = Path(__file__).parent / "page" / "notebooks"
GOOD = str(PAGES / "good.py")


@pytest.fixture
def call():
    def start(*words):
        return CliRunner().invoke(cli.app, [str(word) for word in words])

    return start


@pytest.fixture
def asked(monkeypatch):
    """What `run_page` is asked for, without running it; parameters are still checked."""
    found = {}

    def run_page(page, parameters, out, log, **options):
        execute.check(page, parameters, options["cwd"])
        found.update(page=page, parameters=parameters, out=out, log=log, **options)
        return execute.Record("notebooks/good", 12.3, 410.0)

    monkeypatch.setattr(execute, "run_page", run_page)
    return found


def test_help_names_the_verbs(call):
    result = call("--help")
    assert result.exit_code == 0
    for verb in ("studies", "fetch", "twin", "run", "parameters", "book"):
        assert f"\n  {verb} " in result.output


def test_version(call):
    assert call("--version").output == f"{tremorlab.__version__}\n"


def test_help_imports_nothing_heavy():
    heavy = "{'tensorflow', 'keras', 'obspy', 'pandas', 'matplotlib', 'papermill', 'sphinx'}"
    code = f"import sys, tremorlab.cli; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_studies_are_listed_with_the_state_of_their_records(call, monkeypatch):
    def open_source(described):
        if described.name != "micro":
            raise DataMissingError(described.name, "not here", "fetch")

    monkeypatch.setattr(sources, "open_source", open_source)
    lines = call("studies").output.splitlines()
    assert [line.split()[0] for line in lines] == study.available()
    assert [line.split()[0] for line in lines if " here " in line] == ["micro"]
    assert all(study.load(line.split()[0]).title in line for line in lines)


def test_twin_is_simulated_and_its_study_printed(call, tmp_path):
    options = ["--days", 1, "--stations", 1, "--seed", 3, "--difficulty", "low", "--rate", 25, "--jobs", 1]
    result = call("twin", "colombia", *options, "--out", tmp_path / "mine")
    assert result.exit_code == 0
    assert result.stdout == f"{tmp_path}/mine/study.toml\n"
    assert "station-days: 100%" in result.stderr
    made = study.load(tmp_path / "mine" / "study.toml")
    assert made.title == "Simulated colombia network, 1 day, difficulty low"
    assert made.name == "twin_colombia_3"
    assert made.stations == ["ZC.C01..HH?"]


def test_twin_without_options_is_a_day_of_the_whole_network_beside_the_user(call, monkeypatch):
    given = []
    monkeypatch.setattr(archive, "simulate", lambda *a, **k: given.append((a, k)) or a[1] / "study.toml")
    assert call("twin", "nankai").output == "twin_nankai/study.toml\n"
    ((scenario, folder), options) = given[0]
    assert scenario == configure(setting="nankai", days=1)
    assert folder == Path("twin_nankai")
    assert options == {"workers": os.cpu_count(), "progress": True}


def test_twin_does_not_touch_a_folder_that_exists(call, tmp_path):
    (tmp_path / "mine").mkdir()
    result = call("twin", "colombia", "--out", tmp_path / "mine")
    assert result.exit_code == 2
    assert result.stderr == f"tremorlab: {tmp_path}/mine: exists. Remove it, or name another folder\n"
    assert list((tmp_path / "mine").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["etna"], "scenario: setting: Input should be 'nankai', 'sakurajima' or 'colombia'"),
        (["nankai", "--days", 0], "scenario: days: Input should be greater than or equal to 1"),
        (["nankai", "--rate", 40], "scenario: values: Value error, rate_hz 40 is not 25, 50, 100 or 200"),
        (["nankai", "--stations", 9], "stations 9 is more than the 8 of the network"),
        (["nankai", "--difficulty", "mean"], "scenario: difficulty: Input should be 'low', 'report-like' or 'hard'"),
        (["nankai", "--seed", -1], "scenario: seed: Input should be greater than or equal to 0"),
        (["nankai", "--days", "two"], "Invalid value for '--days'"),
    ],
)
def test_twin_with_a_wrong_value_names_it(call, monkeypatch, tmp_path, words, message):
    monkeypatch.chdir(tmp_path)
    result = call("twin", *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("service", "planned"), [("NCEDC", True), (None, False)])
def test_fetch_plans_windows_only_for_a_service(call, monkeypatch, service, planned):
    from tremorlab.waveform import fetch

    given = []
    described = study.load("micro")
    described = described.model_copy(update={"fetch": study.Fetch(service=service)})
    monkeypatch.setattr(study, "load", lambda name: described)
    monkeypatch.setattr(fetch, "fetch", lambda *arguments: given.extend(arguments) or "2 requests, 2 sent now")
    result = call("fetch", "micro")
    assert result.exit_code == 0
    assert result.stdout == "2 requests, 2 sent now\n"
    assert given[0] is described
    assert isinstance(given[1], pd.DataFrame) == planned


def test_fetch_of_an_unknown_study_is_bad_input(call):
    result = call("fetch", "redout")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("tremorlab: redout: no such study. Shipped studies: ")
    assert result.stderr.count("\n") == 1


def test_an_error_of_the_library_is_one_line(call, monkeypatch):
    from tremorlab.waveform import fetch

    def fail(*_):
        raise WaveformError("NCEDC", "does not answer", "Try again later")

    monkeypatch.setattr(fetch, "fetch", fail)
    result = call("fetch", "micro")
    assert result.exit_code == 2
    assert result.stderr == "tremorlab: NCEDC: does not answer. Try again later\n"


def test_run_passes_values_as_papermill_reads_them(call, asked, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    words = ["-p", "study", "redoubt_2009", "-p", "seed", "3", "--parameter", "limits_hz", "[1, 2.5]"]
    result = call("run", GOOD, *words, "-p", "smoothing_s", "-1e-1")
    assert result.exit_code == 0, result.stderr
    assert asked["parameters"] == {
        "study": "redoubt_2009",
        "seed": 3,
        "limits_hz": [1, 2.5],
        "smoothing_s": -0.1,
    }
    assert asked["out"] == Path("_build/runs/good.ipynb")
    assert asked["cwd"] == tmp_path
    assert result.stdout == "notebooks/good: _build/runs/good.ipynb  12 s  410 MB\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("3.0", 3.0),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("None", None),
        ("null", None),
        ("day", "day"),
        ("yes", "yes"),
        ("2009-03-20", "2009-03-20"),
        ("a=b", "a=b"),
        ("[a, 2]", ["a", 2]),
        ("{a: 1}", {"a": 1}),
    ],
)
def test_values_keep_their_kind(text, value):
    name, read = cli._value("name", "=", text)
    assert name == "name"
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-p", "sed", "3"], "parameter 'sed': is not known to this page; "),
        (["-p", "seed", "three"], "parameter 'seed': 'three' is not int (Input should be a valid integer). Give int"),
        (["-p", "seed", "-1"], "parameter 'seed': -1 is not between 0 and 4294967295. Give int"),
        (["-p", "seed"], "parameter 'seed': has no value. Write -p NAME VALUE"),
        (["-p", "limits_hz", "[1, 2"], "parameter 'limits_hz': '[1, 2' is not a YAML list. Write [1, 2, 3]"),
    ],
)
def test_bad_parameters_are_one_line_and_exit_code_two(call, asked, words, message):
    result = call("run", GOOD, *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"tremorlab: {message}")
    assert result.stderr.count("\n") == 1
    assert not asked


def test_run_writes_the_executed_page_and_its_log(call, tmp_path):
    result = call("run", PAGES / "plain.py", "-o", tmp_path / "out.ipynb")
    assert result.exit_code == 0, result.stderr
    assert nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[-1].outputs[0].text == "2\n"
    assert "Executing Cell 2" in (tmp_path / "out.log").read_text()


def test_a_failed_page_is_one_line_and_exit_code_one(call, monkeypatch):
    def fail(*_, **__):
        raise PageError("notebooks/good", "cell 5 [5]: ValueError: empty", "See _build/logs/good.log")

    monkeypatch.setattr(execute, "run_page", fail)
    result = call("run", GOOD)
    assert result.exit_code == 1
    assert result.stderr == "tremorlab: notebooks/good: cell 5 [5]: ValueError: empty. See _build/logs/good.log\n"


def test_a_page_is_never_overwritten_by_its_result(call, asked, tmp_path):
    page = tmp_path / "01_good.py"
    page.write_text(Path(GOOD).read_text())
    for target in (page, page.with_suffix(".ipynb")):
        result = call("run", page, "-o", target)
        assert result.exit_code == 2
        assert f"{target.name}: is the page itself. Name another file with -o" in result.stderr
    assert not asked


@pytest.mark.parametrize("name", ["01", "1", "01_catalogs"])
def test_a_page_is_found_by_number_and_by_name(name):
    assert cli._page(name) == paths.REPOSITORY / "notebooks/01_catalogs.py"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("77", "page '77': there is no such page. Pages: 01_catalogs, 02_spectra"),
        ("catalogs", "page 'catalogs': there is no such page. Pages: 01_catalogs"),
        ("none.ipynb", "none.ipynb: there is no such file. Give 01, 01_topic, or the path of a page"),
    ],
)
def test_an_unknown_page_is_bad_input(call, name, message):
    for verb in ("run", "parameters"):
        result = call(verb, name)
        assert result.exit_code == 2
        assert result.stderr.startswith(f"tremorlab: {message}")


def test_an_installed_package_says_where_the_pages_are(call, monkeypatch):
    monkeypatch.setattr(paths, "REPOSITORY", None)
    for words in (["run", "01"], ["book"]):
        result = call(*words)
        assert result.exit_code == 2
        assert "pages: are not part of the installed package. Clone the repository" in result.stderr


def test_parameters_are_listed_with_type_default_and_help(call):
    lines = call("parameters", GOOD).output.splitlines()
    assert lines[1] == "seed: int = 7  seed of everything drawn at random"
    assert lines[4] == "limits_hz: list[float] = [0.5, 8.0]  band in Hz"


def test_book_builds_the_repository(call, monkeypatch, tmp_path):
    given = {}
    monkeypatch.setattr(build, "build", lambda root, **options: given.update(root=root, **options))
    assert call("book", "-j", 2, "--profile", tmp_path / "fast.yml").exit_code == 0
    assert given == {"root": paths.REPOSITORY, "jobs": 2, "profile": tmp_path / "fast.yml"}


def test_a_count_of_jobs_below_one_is_refused(call):
    result = call("book", "-j", 0)
    assert result.exit_code == 2
    assert "Invalid value for '--jobs'" in result.stderr


def test_a_missing_package_of_the_book_is_named(call, monkeypatch):
    def fail(_):
        raise ModuleNotFoundError("No module named 'papermill'", name="papermill")

    monkeypatch.setattr(execute, "declared", fail)
    result = call("parameters", GOOD)
    assert result.exit_code == 2
    assert result.stderr == "tremorlab: papermill: is not installed. Run pip install 'tremorlab[book]'\n"
