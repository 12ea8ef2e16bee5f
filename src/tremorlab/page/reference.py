"""The reference of parameters: one table a page, made from its parameters cell and its gate.

python -m tremorlab.page.reference    # writes book/parameters.md; a test compares it with the pages
"""

import os
import re
from pathlib import Path

from tremorlab.errors import PageError
from tremorlab.page import execute, pairs
from tremorlab.page.parameters import Settings

#: The page of the book.
FILE = Path("book") / "parameters.md"

_HEAD = """\
# Parameters of all pages

Made from the pages by `make sync`; do not edit. Every page declares its parameters in its first visible code cell and
checks them in the next, before anything is computed. Change them in three ways, here for the seed of chapter 1:

```bash
.venv/bin/tremorlab run 01 -p seed 2            # one run
.venv/bin/tremorlab sweep 01 -p seed 1..5       # a grid of runs, with a table and a summary page
.venv/bin/papermill notebooks/01_catalogs.ipynb out.ipynb -p seed 2
```
"""


def allowed(page: Path) -> dict[str, str]:
    """What each parameter of a page may be, as its gate says.

    Raises
    ------
    PageError
        The page has parameters and no gate, or one of the two cells fails.
    """
    notebook = pairs.read(page)
    declaring, closing = (execute._tagged(notebook, tag) for tag in ("parameters", "gate"))
    if declaring is None:
        return {}
    if closing is None:
        raise PageError(execute.name(page), "has parameters and no cell tagged 'gate'", "See page.parameters.gate")
    namespace: dict[str, object] = {"__name__": page.stem}
    execute._run(declaring, namespace, page)
    execute._run(closing, namespace, page)
    settings = next(value for value in namespace.values() if isinstance(value, Settings))
    return dict(settings._allowed)


def reference(pages: list[Path]) -> str:
    """Text of the page."""
    parts = [_HEAD]
    for page in pages:
        rows = execute.declared(page)
        if not rows:
            continue
        limits = allowed(page)
        title = re.search(r"^# (.+)$", pairs.read(page).cells[0].source, re.MULTILINE)
        parts.append(f"## [{title[1] if title else page.stem}](../notebooks/{page.stem}.ipynb)\n")
        parts.append("| parameter | default | allowed | meaning |\n| --- | --- | --- | --- |")
        for name, _, default, meaning in rows:
            parts.append(f"| `{name}` | `{_cell(default)}` | {_cell(limits.get(name, ''))} | {_cell(meaning)} |")
        parts.append("")
    return "\n".join(parts)


def _cell(text):
    """Text that cannot end a cell of a table."""
    return str(text).replace("|", r"\|").replace("\n", " ").replace("<", "&lt;").replace("*", r"\*")


def write(root: Path) -> Path:
    """Write the page of the book whose pages are in ``notebooks`` below a folder."""
    target = root / FILE
    part = target.with_name(f".{target.name}.{os.getpid()}")
    part.write_text(reference(sorted((root / "notebooks").glob("[0-9][0-9]_*.py"))), encoding="utf-8")
    os.replace(part, target)
    return target


if __name__ == "__main__":
    print(f"wrote {write(Path.cwd())}")
