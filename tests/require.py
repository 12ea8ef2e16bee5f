"""Tests of optional pieces: skipped with a reason where a piece is missing, failed where it is demanded.

``TREMORLAB_REQUIRE`` lists what this machine promises to have (data, seisbench, chromium, book), so that a
continuous-integration run cannot pass by skipping.
"""

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

from tremorlab import paths

ROOT = Path(__file__).resolve().parents[1]

_PRESENT = {
    "data": lambda: paths.recordings() is not None and paths.recordings().is_dir(),
    "seisbench": lambda: importlib.util.find_spec("seisbench") is not None,
    "chromium": lambda: shutil.which("chromium") is not None and shutil.which("chromedriver") is not None,
    "book": lambda: (ROOT / "_build" / "html" / "index.html").exists(),
    "uv": lambda: shutil.which("uv") is not None,
}

_REMEDY = {
    "data": "set TREMORLAB_DATA to the folder of recordings",
    "seisbench": "make peers",
    "chromium": "install Debian's chromium and chromium-driver",
    "book": "make book",
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
