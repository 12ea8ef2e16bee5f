"""Which event table to read: a study's own, or a published one."""

import tomllib
from pathlib import Path

import pandas as pd
from pydantic import Field

from tremorlab import paths
from tremorlab.catalog import readers, table
from tremorlab.errors import DataMissingError
from tremorlab.study import CatalogueFile, Study


class PublishedCatalogue(CatalogueFile):
    """An event table that somebody else published; shown where its file is on this machine."""

    title: str = Field(description="one line for tables and captions")
    citation: str = Field(description="what to cite")
    licence: str = Field(description="terms of the catalogue")


def locate(file: str) -> Path:
    """Return the path of a catalogue: absolute, below the compendium's data folder, or below ``TREMORLAB_DATA``.

    Raises
    ------
    DataMissingError
        Names the places looked in.
    """
    places = [Path(file)] if Path(file).is_absolute() else [paths.DATA / file]
    if not Path(file).is_absolute() and paths.recordings():
        places.append(paths.recordings() / file)
    for place in places:
        if place.is_file():
            return place
    raise DataMissingError(
        file,
        f"no such catalogue; looked for {', '.join(map(str, places))}",
        "Give an absolute path, or set TREMORLAB_DATA to the folder that holds it",
    )


def of_study(study: Study) -> pd.DataFrame:
    """Read and join the event tables of a study, in the schema of `catalog.table`."""
    parts = [readers.read(locate(entry.file), entry.reader, **entry.options) for entry in study.catalogues]
    return table.validate(pd.concat(parts, ignore_index=True), where=f"study {study.name}")


def published() -> dict[str, PublishedCatalogue]:
    """Return the published catalogues that the compendium knows, by short name."""
    entries = tomllib.loads((paths.DATA / "published.toml").read_text(encoding="utf-8"))
    return {name: PublishedCatalogue.model_validate(entry) for name, entry in entries.items()}


def read_published(entry: PublishedCatalogue) -> pd.DataFrame:
    """Read a published catalogue.

    Raises
    ------
    DataMissingError
        Its file is not on this machine.
    """
    return readers.read(locate(entry.file), entry.reader, **entry.options)
