"""What a page leaves behind when it has run: published values are collected, traces of the machine are taken out."""

import os
import re
from pathlib import Path

import nbformat

from tremorlab import paths

#: Start-up lines of TensorFlow: they carry times and process ids, so that no two builds would be equal.
NOISE = re.compile(r"absl::InitializeLog|port\.cc:\d+\]|cpu_feature_guard\.cc|computation_placer\.cc|cuda_\w+\.cc")
#: Cards are published under this prefix.
CARD = "card-"
_GLUED = "application/papermill.record/"
_KERNEL_FILE = re.compile(r"\S*ipykernel_\d+/\d+\.py")


def clean(notebook: nbformat.NotebookNode) -> None:
    """Take times, process ids and paths of this machine out of an executed notebook, in place."""
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = _anonymous(output.text)
            for kind, content in output.get("data", {}).items():
                if isinstance(content, str) and kind.removeprefix(_GLUED).startswith("text/"):
                    output.data[kind] = _anonymous(content)
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.output_type != "stream" or o.text]


def glued(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Text form of the values that a page published with ``myst_nb.glue``, by name."""
    return {name: text for name, text in _published(notebook, "text/plain").items() if not name.startswith(CARD)}


def cards(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Markdown of the cards that a page published, by name."""
    found = _published(notebook, "text/markdown")
    return {name.removeprefix(CARD): text for name, text in found.items() if name.startswith(CARD)}


def _published(notebook, wanted):
    found = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            key = output.get("metadata", {}).get("scrapbook", {}).get("name")
            texts = [text for kind, text in output.get("data", {}).items() if kind.endswith(wanted)]
            if key and texts:
                found[key] = texts[0]
    return found


def _anonymous(text: str) -> str:
    text = "".join(line for line in text.splitlines(keepends=True) if not NOISE.search(line))
    places = {paths.recordings(): "TREMORLAB_DATA", paths.cache(): "TREMORLAB_CACHE", Path.home(): "~"}
    if paths.REPOSITORY:
        text = text.replace(f"{paths.REPOSITORY}{os.sep}", "")
    for place, words in places.items():
        if place and place != Path(place.anchor):
            text = text.replace(str(place), words)
    return _KERNEL_FILE.sub("<cell>", text)
