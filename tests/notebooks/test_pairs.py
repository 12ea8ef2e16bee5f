"""Every page of the book: its twin is in step, its parameters are declared, its gate stands where readers look for it."""

import ast
import json
import re
import runpy
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import jupytext
import nbformat
import papermill
import pytest
import yaml

from tests.require import ROOT
from tremorlab.errors import PageError, ParameterError
from tremorlab.page import execute, pairs
from tremorlab.page.build import Book, read_profile

FIXTURES = Path(__file__).parents[1] / "page" / "notebooks"
PAGES = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.py"))
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def code_cells(page):
    return [cell for cell in pairs.read(page).cells if cell.cell_type == "code"]


def test_the_book_holds_every_page():
    assert sorted(Book(ROOT).pages()) == PAGES


@each_page
def test_the_first_cell_gives_colab_the_package(page):
    first = code_cells(page)[0]
    assert first.metadata.tags == ["remove-cell"]
    assert first.source == code_cells(PAGES[0])[0].source
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    asked, namespace = [], {"get_ipython": lambda: SimpleNamespace(run_line_magic=lambda *given: asked.append(given))}
    exec(first.source, namespace)
    assert not asked  # the package is here
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda _: None)
        exec(first.source, namespace)
    # With what runs and shows pages: they begin with `myst_nb`, which the package alone does not bring.
    assert asked == [("pip", f'install --quiet "tremorlab[book] @ git+{config["repository"]["url"]}"')]


@each_page
def test_the_twin_is_in_step_and_holds_no_outputs(page):
    twin = page.with_suffix(".ipynb")
    assert twin.exists(), f"{twin.name} is missing: make sync"
    assert twin.read_text(encoding="utf-8") == pairs.twin(page), f"{twin.name} is out of step: make sync"


@each_page
def test_a_page_begins_with_parameters_and_gate(page):
    tags = [cell.metadata.get("tags", []) for cell in code_cells(page)]
    assert "parameters" in tags[1]
    assert "gate" in tags[2]
    assert not [extra for extra in [tags[0], *tags[3:]] if {"parameters", "gate"} & set(extra)]


@each_page
def test_the_parameters_cell_holds_annotated_assignments_only(page):
    statements = ast.parse(code_cells(page)[1].source).body
    assert statements
    assert all(isinstance(line, ast.AnnAssign) and line.value is not None for line in statements)


@each_page
def test_papermill_lists_every_parameter_with_type_and_help(page):
    declared = [line.target.id for line in ast.parse(code_cells(page)[1].source).body]
    shown = papermill.inspect_notebook(page.with_suffix(".ipynb"))
    assert list(shown) == declared
    assert not [name for name, found in shown.items() if found["inferred_type_name"] == "None" or not found["help"]]


@each_page
def test_the_gate_takes_the_defaults_and_refuses_the_rest(page, monkeypatch):
    monkeypatch.setattr(pairs, "read", cache(pairs.read))  # once a page, not once a parameter
    execute.check(page, {})
    with pytest.raises(ParameterError, match="parameter 'unheard_of': is not known to this page; it declares"):
        execute.check(page, {"unheard_of": 1})
    for name, kind, _, _ in execute.declared(page):
        wrong = 1 if kind == "str" else "wrong"
        with pytest.raises(ParameterError, match=re.escape(f"parameter '{name}': {wrong!r} is not {kind}")):
            execute.check(page, {name: wrong})


@pytest.mark.parametrize("profile", ["fast.yml", "recorded.yml"])
def test_the_parameters_of_a_profile_are_accepted(profile):
    given = read_profile(ROOT / "notebooks" / profile, PAGES)
    assert any(given.values())
    for page in PAGES:
        execute.check(page, given[page.stem])


def test_a_twin_says_the_same_as_its_page_and_is_the_same_every_time(tmp_path):
    page = tmp_path / "01_good.py"
    page.write_text((FIXTURES / "good.py").read_text())
    text = pairs.twin(page)
    assert text == pairs.twin(page)
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    original = jupytext.read(page)
    assert [(c.cell_type, c.source) for c in notebook.cells] == [(c.cell_type, c.source) for c in original.cells]
    assert notebook.metadata.kernelspec.name == "python3"


def test_twins_are_written_once_and_outputs_are_dropped(tmp_path):
    page, twin = tmp_path / "01_good.py", tmp_path / "01_good.ipynb"
    page.write_text((FIXTURES / "good.py").read_text())
    (tmp_path / "draft.py").touch()  # not a page
    assert pairs.write_twins(tmp_path) == [twin]
    assert pairs.write_twins(tmp_path) == []
    stored = json.loads(twin.read_text())
    stored["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1"}]
    stored["cells"][1]["execution_count"] = 1
    twin.write_text(json.dumps(stored))
    assert pairs.write_twins(tmp_path) == [twin]
    assert twin.read_text() == pairs.twin(page)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01_good.ipynb", "01_good.py", "draft.py"]


def test_pairs_can_be_called_by_make(tmp_path, monkeypatch, capsys):
    (tmp_path / "01_good.py").write_text((FIXTURES / "good.py").read_text())
    monkeypatch.setattr(sys, "argv", ["pairs", str(tmp_path)])
    runpy.run_path(pairs.__file__, run_name="__main__")
    assert capsys.readouterr().out == f"wrote {tmp_path / '01_good.ipynb'}\n"


def test_papermill_by_hand_stops_at_the_gate(tmp_path):
    twin = tmp_path / "good.ipynb"
    twin.write_text(pairs.twin(FIXTURES / "good.py"))
    command = Path(sys.executable).with_name("papermill")
    words = [twin, tmp_path / "out.ipynb", "--no-progress-bar", "-p", "sed", "3"]
    done = subprocess.run([command, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    message = "parameter 'sed': is not known to this page; it declares study, seed"
    assert message in done.stderr
    code = [cell for cell in nbformat.read(tmp_path / "out.ipynb", as_version=4).cells if cell.cell_type == "code"]
    (failed,) = [at for at, cell in enumerate(code) if any(o.output_type == "error" for o in cell.outputs)]
    assert failed == 2  # parameters, what papermill injected, gate
    assert not any(cell.outputs for cell in code[3:])


def test_a_page_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PageError, match=r"07_none\.py: there is no such page\. Pages are notebooks/NN_topic\.py"):
        pairs.read(tmp_path / "07_none.py")


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"cells": 1}', b"\xff\xfe{", b"null"])
def test_a_notebook_that_is_none_is_named(tmp_path, content):
    (tmp_path / "01_bad.ipynb").write_bytes(content)
    with pytest.raises(PageError, match=r"01_bad\.ipynb: is not a notebook \(.*make sync"):
        pairs.read(tmp_path / "01_bad.ipynb")
