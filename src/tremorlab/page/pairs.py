"""A page and its twin: the reviewed ``NN_topic.py`` (py:percent) and the ``NN_topic.ipynb`` that Jupyter users open."""

import os
import sys
from pathlib import Path

import jupytext
import nbformat

from tremorlab.errors import PageError

#: Of the metadata only what papermill and the launch buttons need; the rest would differ from editor to editor.
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def read(page: Path) -> nbformat.NotebookNode:
    """Read a page, as text or as notebook, without outputs and with cell ids that depend on the position only.

    Raises
    ------
    PageError
        The file is not there or is not a notebook.
    """
    try:
        notebook = jupytext.read(page)
    except FileNotFoundError:
        raise PageError(page, "there is no such page", "Pages are notebooks/NN_topic.py") from None
    except Exception as error:  # both libraries raise whatever they stumble over
        problem = (str(error).splitlines() or [type(error).__name__])[0]
        raise PageError(page, f"is not a notebook ({problem})", "Restore it from its twin with `make sync`") from error
    notebook.metadata = nbformat.from_dict({"kernelspec": _KERNEL})
    for position, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{position:03d}"
        cell.metadata = nbformat.from_dict({"tags": cell.metadata["tags"]} if cell.metadata.get("tags") else {})
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def twin(page: Path) -> str:
    """Text of the ``.ipynb`` that belongs to ``page``."""
    return nbformat.writes(read(page)) + "\n"


def write_twins(folder: Path) -> list[Path]:
    """Write the twin of every page of ``folder`` that has none or another one; returns those written."""
    written = []
    for page in sorted(folder.glob("[0-9][0-9]_*.py")):
        target, text = page.with_suffix(".ipynb"), twin(page)
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            part = target.with_name(f".{target.name}.part")
            part.write_text(text, encoding="utf-8")
            os.replace(part, target)
            written.append(target)
    return written


if __name__ == "__main__":
    for path in write_twins(Path(sys.argv[1])):
        print(f"wrote {path}")
