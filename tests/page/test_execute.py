"""One page: checked before a kernel starts, run by papermill, cleaned, and a failure told in one line."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tremorlab import paths
from tremorlab.errors import PageError, ParameterError
from tremorlab.page import execute

PAGES = Path(__file__).parent / "notebooks"


@pytest.fixture
def run(tmp_path):
    def start(name, parameters=None, **options):
        out, log = tmp_path / "out" / f"{name}.ipynb", tmp_path / "logs" / f"{name}.log"
        return execute.run_page(PAGES / f"{name}.py", parameters or {}, out, log, **options), out, log

    return start


@pytest.fixture
def no_kernel(monkeypatch):
    def start(*_, **__):
        pytest.fail("a kernel was started")

    monkeypatch.setattr(execute.papermill, "execute_notebook", start)


def test_a_page_runs_with_parameters_and_leaves_no_trace_of_the_machine(run, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    before = dict(os.environ)
    record, out, log = run("good", {"seed": 3}, threads=1)

    assert record.page == "notebooks/good"
    assert record.parameters == {"seed": 3}
    assert record.glued == {"drawn": "18"}
    assert record.seconds > 0
    assert 20 < record.peak_memory_mb < 1500  # a bare IPython kernel holds some 80 MB

    notebook = nbformat.read(out, as_version=4)
    nbformat.validate(notebook)
    tags = [cell.metadata.get("tags") for cell in notebook.cells if cell.cell_type == "code"]
    assert tags[:3] == [["parameters"], ["injected-parameters"], ["gate"]]
    assert "papermill" not in notebook.metadata
    assert not [cell for cell in notebook.cells if {"papermill", "execution"} & set(cell.metadata)]
    (printed,) = notebook.cells[-1].outputs  # the start-up line on standard error is gone
    folder, threads, backend = printed.text.split()
    assert folder.endswith("tests/page/notebooks")
    assert threads == "1"
    assert "inline" in backend  # the reader's own backend would draw nothing into the page
    assert str(tmp_path) not in out.read_text(encoding="utf-8")
    if paths.REPOSITORY:
        assert str(paths.REPOSITORY) not in out.read_text(encoding="utf-8")

    text = log.read_text(encoding="utf-8")
    assert "Executing Cell 6" in text
    assert "InitializeLog" not in text
    assert not log.with_suffix(".ipynb").exists()
    assert dict(os.environ) == before


def test_a_page_without_parameters_runs(run):
    record, out, _ = run("plain")
    assert record.parameters == record.glued == {}
    assert nbformat.read(out, as_version=4).cells[-1].outputs[0].text == "2\n"


def test_a_failing_cell_is_named_and_its_source_logged(run, tmp_path):
    message = r"^notebooks/failing: cell 5 \[5\]: ValueError: tremor catalogue is empty\. See .*failing\.log$"
    with pytest.raises(PageError, match=message):
        run("failing", {"seed": 2})
    log = tmp_path / "logs" / "failing.log"
    assert 'raise ValueError("tremor catalogue is empty' in log.read_text(encoding="utf-8")
    assert log.with_suffix(".ipynb").exists()  # what was executed, for a look
    assert not (tmp_path / "out" / "failing.ipynb").exists()


def test_a_killed_kernel_is_reported(run, tmp_path):
    with pytest.raises(PageError, match=r"notebooks/killed: cell 2( \[1\])?: the kernel died; most often .* memory"):
        run("killed")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_cell_that_takes_too_long_is_reported(run):
    with pytest.raises(PageError, match=r"notebooks/slow: cell 2 \[1\]: time-out: the cell took longer than 1 s"):
        run("slow", timeout=1)


def test_a_kernel_that_does_not_start_is_reported(run, monkeypatch):
    def refuse(*_, **__):
        raise RuntimeError("no such kernel\nin any place")

    monkeypatch.setattr(execute.papermill, "execute_notebook", refuse)
    with pytest.raises(PageError, match="notebooks/plain: no cell was run: RuntimeError: no such kernel"):
        run("plain")


def test_an_error_of_papermill_itself_names_the_cell_it_was_at(run, monkeypatch):
    def break_off(_, partial, **__):
        begun = new_code_cell("import numpy", metadata={"papermill": {"start_time": "2009-03-20T12:00:00"}})
        nbformat.write(new_notebook(cells=[begun, new_code_cell("never reached")]), partial)
        raise OSError("disk full")

    monkeypatch.setattr(execute.papermill, "execute_notebook", break_off)
    with pytest.raises(PageError, match="notebooks/plain: cell 1: OSError: disk full"):
        run("plain")


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize(
    ("page", "parameters", "message"),
    [
        ("good", {"sed": 3}, r"parameter 'sed': is not known to this page; .* Did you mean 'seed'\?"),
        ("good", {"_seed": 3}, "parameter '_seed': is not known"),
        ("good", {"seed": "three"}, "parameter 'seed': 'three' is not int"),
        ("good", {"period": "week"}, "'week' is not one of day, month, year"),
        ("good", {"limits_hz": [0.5, 13.0]}, r"13.0 is not between 0.01 and 12.5"),
        ("plain", {"seed": 3}, r"parameter 'seed': is not known to this page; it declares none\. Take it out"),
    ],
)
def test_bad_parameters_are_refused_before_a_kernel_starts(run, tmp_path, page, parameters, message):
    with pytest.raises(ParameterError, match=message):
        run(page, parameters)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_kernel")
def test_parameters_without_a_gate_are_refused(run):
    with pytest.raises(PageError, match="notebooks/gateless: has parameters and no cell tagged 'gate'"):
        run("gateless")


@pytest.mark.usefixtures("no_kernel")
def test_a_gate_that_cannot_be_run_is_reported(tmp_path):
    page = tmp_path / "broken.py"
    page.write_text('# %% tags=["parameters"]\nseed: int = 1\n\n# %% tags=["gate"]\nsettings = gaet(globals())\n')
    with pytest.raises(PageError, match="broken: its parameters cannot be checked: NameError: name 'gaet'"):
        execute.check(page, {})


def test_the_gate_looks_for_files_where_the_kernel_will(tmp_path):
    (tmp_path / "here.txt").touch()
    page = tmp_path / "pages" / "01_page.py"
    page.parent.mkdir()
    gate = 'import os\nif not os.path.exists("here.txt"):\n    raise OSError("not here")\n'
    page.write_text(f'# %% tags=["parameters"]\nseed: int = 1\n\n# %% tags=["gate"]\n{gate}')
    execute.check(page, {}, cwd=tmp_path)
    with pytest.raises(PageError, match="OSError: not here"):
        execute.check(page, {})


def test_parameters_are_declared_as_papermill_shows_them():
    assert execute.declared(PAGES / "good.py") == [
        ("study", "str", '"redoubt_2009"', "name of a study"),
        ("seed", "int", "7", "seed of everything drawn at random"),
        ("smoothing_s", "float", "1.5", "seconds"),
        ("period", "str", '"day"', "day, month or year"),
        ("limits_hz", "list[float]", "[0.5, 8.0]", "band in Hz"),
    ]
    assert execute.declared(PAGES / "plain.py") == []


def test_a_record_is_read_back_as_it_was_written(tmp_path):
    record = execute.Record("notebooks/01_page", 1.5, 80.0, {"seed": 1}, {"drawn": "6"}, "abc")
    record.write(tmp_path / "01_page.json")
    assert execute.Record.read(tmp_path / "01_page.json") == record
    assert json.loads((tmp_path / "01_page.json").read_text())["key"] == "abc"


@pytest.mark.parametrize("content", [None, "", "{", '{"page": 1}', '{"unheard": 1}', "[]"])
def test_a_record_that_cannot_be_read_counts_as_none(tmp_path, content):
    path = tmp_path / "01_page.json"
    if content is not None:
        path.write_text(content)
    assert execute.Record.read(path) is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere shared memory cannot be told")
def test_memory_that_a_fork_shares_counts_once():
    code = "import os, time; held = bytearray(os.urandom(1)) * 200_000_000; child = os.fork(); time.sleep(1.5)"
    with execute._Memory() as memory:
        subprocess.run([sys.executable, "-c", code], check=True)
        time.sleep(0.2)
    assert 200 < memory.peak_mb < 300


def test_the_peak_of_memory_is_that_of_the_processes_started_within():
    hold = "block = bytearray(200_000_000); import time; time.sleep(1)"
    with execute._Memory() as memory:
        started = time.monotonic()
        subprocess.run([sys.executable, "-c", hold], check=True)
    assert time.monotonic() - started >= 1
    assert 200 < memory.peak_mb < 300
