"""Tests of optional pieces: skipped with a reason where a piece is missing, failed where it is demanded.

``TREMORLAB_REQUIRE`` lists what this machine promises to have (data, seisbench, chromium, postgresql, book), so that a
continuous-integration run cannot pass by skipping.
"""

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

from tremorlab import paths

ROOT = Path(__file__).resolve().parents[1]


def postgresql() -> Path | None:
    """Folder of the programs of a PostgreSQL server; Debian has it outside the search path."""
    found = [Path(where) for where in [shutil.which("initdb")] if where]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    return found[-1].parent if found else None


_PRESENT = {
    "data": lambda: paths.recordings() is not None and paths.recordings().is_dir(),
    "seisbench": lambda: importlib.util.find_spec("seisbench") is not None,
    "chromium": lambda: shutil.which("chromium") is not None and shutil.which("chromedriver") is not None,
    "book": lambda: (ROOT / "_build" / "html" / "index.html").exists(),
    "postgresql": lambda: postgresql() is not None and importlib.util.find_spec("psycopg") is not None,
    "uv": lambda: shutil.which("uv") is not None,
}

_REMEDY = {
    "data": "set TREMORLAB_DATA to the folder of recordings",
    "seisbench": "make peers",
    "chromium": "install Debian's chromium and chromium-driver",
    "book": "make book",
    "postgresql": "install Debian's postgresql, and make peers",
    "uv": "pip install uv",
}


def needs(name: str) -> None:
    """Skip the running test when ``name`` is not here, or fail it when ``TREMORLAB_REQUIRE`` demands it."""
    if _PRESENT[name]():
        return
    reason = f"{name} is not available: {_REMEDY[name]}"
    if name in os.environ.get("TREMORLAB_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)
