"""The lock file, pyproject.toml and environment.yml say the same, for every Python that is supported."""

import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.require import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))

PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
    "darwin": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
}

#: Names on conda-forge that differ from those on PyPI: there the bare names bring more along than is needed.
CONDA_NAMES = {"dask-core": "dask", "matplotlib-base": "matplotlib", "seaborn-base": "seaborn"}


class Pin(NamedTuple):
    requirement: Requirement
    hashes: int


def surroundings(python, platform="linux"):
    """Environment in which markers are evaluated: a CPython of that version on that platform."""
    return PLATFORMS[platform] | {
        "python_version": python,
        "python_full_version": f"{python}.7",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_version": "",
        "implementation_version": f"{python}.7",
        "extra": "",
    }


def read_lock():
    """Pins of the lock file: one block a pin, the requirement, then its hashes."""
    text = re.sub(r"#.*", "", (ROOT / "requirements.lock").read_text(encoding="utf-8"))
    blocks = re.split(r"\n(?=[a-zA-Z0-9])", text.replace("\\\n", " ").strip())
    for block in blocks:
        hashes = re.findall(r"--hash=sha256:[0-9a-f]{64}\b", block)
        yield Pin(Requirement(block.split("--hash")[0].strip()), len(hashes))


PINS = list(read_lock())


def wanted():
    """Everything that pyproject.toml asks for: core, book and test."""
    extras = PROJECT["optional-dependencies"]
    return [Requirement(line) for line in PROJECT["dependencies"] + extras["book"] + extras["test"]]


def holds(requirement, environment):
    return requirement.marker is None or requirement.marker.evaluate(environment)


def test_every_pin_is_exact_and_has_hashes():
    assert len(PINS) > 100
    loose = [str(pin.requirement) for pin in PINS if not re.fullmatch(r"==[^*]+", str(pin.requirement.specifier))]
    assert loose == []
    assert [pin.requirement.name for pin in PINS if not pin.hashes] == []


def test_what_packages_ask_for_with_extras_is_pinned_with_them():
    # pip takes `coverage==7.1` for no pin of `coverage[toml]` once there is a newer one, and installs nothing then.
    pinned = {canonicalize_name(pin.requirement.name): pin.requirement.extras for pin in PINS}
    asked = []
    for name, extras in pinned.items():
        try:
            lines = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # of another system
            continue
        for wish in map(Requirement, lines):
            if wish.extras and any(holds(wish, {"extra": extra}) for extra in extras | {""}):
                asked.append((canonicalize_name(wish.name), wish.extras))
    assert asked
    assert [(name, extras) for name, extras in asked if not extras <= pinned[name]] == []


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_satisfies_the_project(python, platform):
    environment = surroundings(python, platform)
    versions = {}
    for requirement, _ in PINS:
        if holds(requirement, environment):
            name = canonicalize_name(requirement.name)
            assert name not in versions, f"{name} is pinned twice"
            versions[name] = str(requirement.specifier).removeprefix("==")
    for requirement in wanted():
        if holds(requirement, environment):
            version = versions.get(canonicalize_name(requirement.name))
            assert version is not None, f"{requirement} is not in the lock: make lock"
            assert requirement.specifier.contains(version, prereleases=True), f"{requirement}, but {version}: make lock"


def test_the_supported_pythons_are_those_that_are_tested_and_named():
    supported = SpecifierSet(PROJECT["requires-python"])
    assert [python for python in ("3.10", *PYTHONS, "3.14") if python in supported] == list(PYTHONS)
    named = [line.rsplit(" ", 1)[1] for line in PROJECT["classifiers"] if "Python :: 3." in line]
    assert tuple(named) == PYTHONS
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_conda_and_pip_ask_for_the_same():
    packages = [line for line in ENVIRONMENT["dependencies"] if isinstance(line, str)]
    by_pip = next(group["pip"] for group in ENVIRONMENT["dependencies"] if isinstance(group, dict))
    assert packages[:2] == ["python=3.11", "pip"]
    conda = [Requirement(line) for line in packages[2:]]
    for requirement in conda:
        requirement.name = CONDA_NAMES.get(requirement.name, requirement.name)
    asked = sorted(map(str, conda + [Requirement(line) for line in by_pip]))
    lines = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["book"]
    assert asked == sorted(str(Requirement(line)) for line in lines)


def test_tensorflow_is_the_one_without_a_gpu():
    names = {requirement.name for requirement in wanted() if holds(requirement, surroundings("3.11"))}
    assert "tensorflow-cpu" in names
    assert not {name for name in names if "cuda" in name or name == "tensorflow"}
    assert not [pin for pin in PINS if pin.requirement.name.startswith("nvidia")]


@pytest.fixture
def binder(tmp_path):
    """What Binder reads of the repository."""
    for name in ("environment.yml", "postBuild", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def dockerfile(folder):
    done = subprocess.run(
        [Path(sys.executable).with_name("jupyter-repo2docker"), "--no-build", "--debug", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_binder_takes_the_conda_environment_and_runs_postbuild(binder):
    code, text = dockerfile(binder)
    assert code == 0, text
    assert "Building conda environment for python=3.11" in text
    assert 'env update -p ${NB_PYTHON_PREFIX} --file "environment.yml"' in text
    assert "./postBuild" in text


def test_binder_would_refuse_a_broken_environment(binder):
    (binder / "environment.yml").write_text("dependencies: [python=3.11\n")
    code, text = dockerfile(binder)
    assert code != 0
    assert "line 2" in text


@pytest.mark.parametrize("script", ["postBuild", ".ci/run"])
def test_scripts_are_sound_and_can_be_started(script):
    path = ROOT / script
    assert path.stat().st_mode & 0o111
    assert "set -euo pipefail" in path.read_text(encoding="utf-8")
    subprocess.run(["bash", "-n", path], check=True)
