"""Where things are: the one place that knows folders and environment variables."""

import os
from pathlib import Path

import obspy

PACKAGE = Path(__file__).resolve().parent

#: The checkout that this package was installed from, or None when it was installed from a wheel.
REPOSITORY = PACKAGE.parents[1] if (PACKAGE.parents[1] / "pyproject.toml").exists() else None

#: Studies and catalogues: the repository's, or the copies inside the wheel.
DATA = REPOSITORY / "data" if REPOSITORY else PACKAGE / "data"

#: Files named ``obspy:...`` in a study come with the obspy package itself.
OBSPY = Path(obspy.__file__).resolve().parent


def cache() -> Path:
    """Folder for fetched recordings: ``TREMORLAB_CACHE``, or the user's cache folder."""
    if folder := os.environ.get("TREMORLAB_CACHE"):
        return Path(folder).expanduser()
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "tremorlab"


def derived() -> Path:
    """Folder for what was computed and is kept to save time, twins and trained networks; safe to delete."""
    return cache() / "derived"


def recordings() -> Path | None:
    """Folder of recordings already on this machine: ``TREMORLAB_DATA``, or None when it is not set."""
    folder = os.environ.get("TREMORLAB_DATA")
    return Path(folder).expanduser() if folder else None
