"""The wheel: it builds without the network, installs into an empty environment, and works from there."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.require import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel with the locked build back end."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
        env={**os.environ, "PIP_NO_INDEX": "1"},
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Folder of commands of a new environment that holds the wheel, and beside it sees the locked packages."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=True)
    commands = folder / "bin"
    subprocess.run(
        [commands / "python", "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wheel], check=True
    )
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "locked.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return commands


def call(installed, command, *arguments):
    return subprocess.run(
        [installed / command, *arguments], capture_output=True, text=True, cwd=installed, check=True, timeout=60
    ).stdout


def test_the_wheel_holds_the_package_its_studies_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "tremorlab/cli.py" in names
    assert "tremorlab/data/studies/micro.toml" in names
    assert any(name.startswith("tremorlab/data/catalogues/") for name in names)
    for kind in ("results", "models"):
        folder = ROOT / "data" / kind
        files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert {name.removeprefix(f"tremorlab/data/{kind}/") for name in names if f"data/{kind}/" in name} == files
    roots = {name.split("/")[0] for name in names}
    assert roots == {"tremorlab", next(root for root in roots if root.endswith(".dist-info"))}
    assert not [name for name in names if name.endswith((".mseed", ".pyc", ".ipynb", ".gitkeep"))]


def test_the_wheel_carries_the_licence_and_the_command(wheel):
    archive = zipfile.ZipFile(wheel)
    (entries,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
    assert "tremorlab = tremorlab.cli:app" in archive.read(entries).decode()
    assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())


def test_the_installed_command_answers(installed):
    where = call(installed, "python", "-c", "import tremorlab; print(tremorlab.__file__)")
    assert Path(where.strip()).is_relative_to(installed.parent)
    assert "Usage: tremorlab" in call(installed, "tremorlab", "--help")


def test_the_installed_package_finds_its_studies(installed):
    code = "from tremorlab import paths, study; print(paths.REPOSITORY, study.load('micro').name)"
    assert call(installed, "python", "-c", code).split() == ["None", "micro"]
