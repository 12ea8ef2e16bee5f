"""Who may import whom: data go one way, from catalogue and records through windows to pages."""

import ast
from pathlib import Path

import pytest

from tests.require import ROOT

PACKAGE = ROOT / "src" / "tremorlab"

#: What everybody may import.
BASE = {"errors", "fingerprint", "paths", "study", "untrusted"}

#: Room -> the other rooms that it may import. A new room gets a line here.
ALLOWED = {
    "errors": set(),
    "paths": set(),
    "fingerprint": {"paths"},
    "study": {"errors", "paths"},
    "untrusted": {"errors"},
    # The package itself calls it, in every process.
    "pickles": set(),
    "catalog": BASE,
    "waveform": BASE,
    "dataset": BASE | {"catalog", "waveform"},
    "dynamics": BASE | {"waveform"},
    "intake": BASE | {"catalog", "waveform", "dataset"},
    "twin": BASE | {"catalog", "dynamics"},
    "scale": BASE,
    "classify": BASE | {"catalog", "waveform", "dataset", "scale"},
    "interpret": BASE | {"classify"},
    "experiment": BASE
    | {"catalog", "waveform", "dataset", "twin", "classify", "interpret", "detect", "scale", "intake"},
    "detect": BASE | {"catalog", "waveform", "dataset", "classify", "scale"},
    "live": BASE | {"catalog", "waveform", "detect"},
    "page": BASE
    | {"catalog", "waveform", "dataset", "dynamics", "twin", "classify", "interpret", "experiment", "detect", "scale"},
    "cli": BASE
    | {"catalog", "waveform", "dataset", "dynamics", "twin", "classify", "interpret", "experiment", "detect"}
    | {"live", "scale", "page", "cli_rerun"},
    "cli_rerun": BASE | {"intake", "page", "cli"},
}

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room(path, package=PACKAGE):
    return path.relative_to(package).parts[0].removesuffix(".py")


def imported(source):
    """Rooms of the package that a module imports, wherever in its text."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports hide where a name comes from"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            package, _, rest = name.partition(".")
            if package == "tremorlab" and rest and not rest.startswith("__"):
                yield rest.split(".")[0]


def breaches(path, source, package=PACKAGE):
    own = room(path, package)
    return sorted({other for other in imported(source) if other != own} - ALLOWED[own])


def test_every_room_has_its_rule():
    assert {room(path) for path in MODULES} == set(ALLOWED)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_room_imports_only_what_it_may(path):
    assert breaches(path, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source", "found"),
    [
        ("catalog/table.py", "from tremorlab.dataset.windows import plan", ["dataset"]),
        ("waveform/sources.py", "from tremorlab import page, paths", ["page"]),
        ("dataset/store.py", "def f():\n    import tremorlab.cli", ["cli"]),
        ("page/build.py", "from tremorlab import __version__\nfrom tremorlab.page import pairs", []),
    ],
)
def test_a_breach_is_seen(module, source, found):
    assert breaches(PACKAGE / module, source) == found


def test_pages_import_the_package_and_not_its_command_line():
    for page in (ROOT / "notebooks").glob("[0-9][0-9]_*.py"):
        rooms = set(imported(page.read_text(encoding="utf-8")))
        assert "page" in rooms
        assert "cli" not in rooms


def test_no_room_is_a_lumber_room():
    assert not [path.name for path in MODULES if path.stem in {"utils", "helpers", "common", "misc", "tools"}]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_holds_one_concept(path: Path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400, f"{path.name} is too long: which two things is it about?"
    assert ast.get_docstring(ast.parse(text)), f"{path.name} does not say what it is about"
