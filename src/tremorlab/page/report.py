"""One executed page as one HTML file: figures, styles and formulas inside, nothing to be asked of any network.

Sphinx renders the page with the book's own extensions, so that numbers, captions, references and solutions stand where
they stand in the book; then everything that lies in other files is put inside, and what is left of scripts taken out.
Formulas are drawn by matplotlib, and stand as TeX where it cannot.
"""

import base64
import html
import io
import mimetypes
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from matplotlib import mathtext
from matplotlib.font_manager import FontProperties

from tremorlab import paths
from tremorlab.errors import PageError

#: Plain and readable on paper, in the dark and on a phone.
STYLE = """
:root { color-scheme: light dark; }
body { max-width: 54rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.6 system-ui, sans-serif; }
h1, h2, h3 { line-height: 1.25; }
a { color: LinkText; }
img { max-width: 100%; height: auto; background: #fff; }
figure { margin: 1.5rem 0; }
figcaption, caption { font-size: .9rem; text-align: left; }
pre { overflow-x: auto; padding: .6rem; border: 1px solid #8886; border-radius: 4px; font-size: .85rem; }
div.cell_output { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; font-size: .9rem; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #8886; text-align: right; }
table, th, td { border-width: 0 0 1px; }
div.cell_input { margin: 0; }
details:has(> div.cell_input) { border: 0; padding: 0; margin: .3rem 0; font-size: .9rem; opacity: .8; }
th:first-child, td:first-child { text-align: left; }
div.admonition, details { border: 1px solid #8888; border-radius: 4px; padding: .4rem 1rem; margin: 1rem 0; }
p.admonition-title, summary { font-weight: bold; }
summary { cursor: pointer; }
footer { margin-top: 3rem; font-size: .85rem; }
"""

_CONF = """
extensions = {extensions!r}
project = "The Tremor Compendium"
html_theme = "basic"
nb_execution_mode = "off"
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath", "substitution", "tasklist"]
bibtex_bibfiles = {bibliography!r}
bibtex_reference_style = "author_year"
numfig = True
html_copy_source = False
html_show_sourcelink = False
suppress_warnings = ["myst.xref_missing", "myst.header", "mystnb.unknown_mime_type"]
"""

_EXTENSIONS = ["myst_nb", "sphinx_design", "sphinx_exercise", "sphinxcontrib.bibtex"]


def write(executed: Path, target: Path) -> Path:
    """Write the report of an executed page.

    Parameters
    ----------
    executed
        Notebook with outputs, as `tremorlab.page.execute.run_page` leaves it.
    target
        The HTML file; it appears whole, or not at all.

    Returns
    -------
    pathlib.Path
        ``target``.

    Raises
    ------
    PageError
        The notebook cannot be read or rendered.
    """
    try:
        notebook = nbformat.read(executed, as_version=4)
    except Exception as error:  # nbformat passes on what json and its own schema raise
        raise PageError(
            executed, "is not an executed notebook", "Give the .ipynb that `tremorlab run` wrote"
        ) from error
    with tempfile.TemporaryDirectory() as scratch:
        page = _render(notebook, Path(scratch), executed)
        soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        text = _assembled(soup, page.parent)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}")
    part.write_text(text, encoding="utf-8")
    os.replace(part, target)
    return target


def _render(notebook, scratch, executed):
    """Run sphinx on the one page, and return the HTML file."""
    source, built = scratch / "source", scratch / "built"
    source.mkdir()
    bibliography = []
    if paths.REPOSITORY and (paths.REPOSITORY / "book" / "references.bib").exists():
        shutil.copyfile(paths.REPOSITORY / "book" / "references.bib", source / "references.bib")
        bibliography = ["references.bib"]
        cell = nbformat.v4.new_markdown_cell("```{bibliography}\n:filter: docname in docnames\n```", id="bibliography")
        notebook.cells.append(cell)
    nbformat.write(notebook, source / "index.ipynb")
    (source / "conf.py").write_text(_CONF.format(extensions=_EXTENSIONS, bibliography=bibliography), encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(source), str(built)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    page = built / "index.html"
    if done.returncode or not page.exists():
        last = (done.stderr.strip().splitlines() or [f"sphinx ended with {done.returncode}"])[-1]
        raise PageError(executed, f"cannot be rendered: {last}", "Run the page again, and look at its notebook")
    return page


def _assembled(soup, folder):
    body = soup.find("div", class_="body") or soup.body
    for script in body.find_all("script", src=True):  # a drawing's own few lines stay
        script.decompose()
    for tag in body.find_all(["img", "source"]):
        tag["src"] = _inside(folder, tag.get("src", ""))
        tag["loading"] = "eager"
    for anchor in body.find_all("a", class_="headerlink"):
        anchor.decompose()
    targets = {tag["id"] for tag in body.find_all(id=True)}
    for link in body.find_all("a", href=True):
        inside = link["href"].startswith("#") and link["href"][1:] in targets
        if not inside and not link["href"].startswith(("http", "mailto:")):  # another page of the book, not here
            link.name = "span"
            del link["href"]
    for cell in body.select("div.tag_remove-cell, div.tag_remove_cell"):
        cell.decompose()
    for folded in body.select("details.hide"):  # of which only the code is wanted
        folded.summary.decompose()
        folded.unwrap()
    for block in body.select("div.dropdown, div.cell_input"):
        _fold(soup, block)
    for formula in body.select("span.math, div.math"):
        _draw(soup, formula)
    title = body.find("h1")
    heading = title.get_text(" ", strip=True) if title else "The Tremor Compendium"
    styles = "\n".join(text for text in (style.get_text() for style in soup.find_all("style")) if "@import" not in text)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(heading)}</title>\n<style>{STYLE}{styles}</style>\n</head>\n<body>\n<main>\n{body.decode_contents()}\n"
        "</main>\n<footer>Made by the Tremor Compendium, a tool for research and teaching and not an alarm system."
        "</footer>\n</body>\n</html>\n"
    )


def _inside(folder, name):
    """A file beside the page as a data URL."""
    if name.startswith("data:"):
        return name
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode((folder / name).read_bytes()).decode()}"


def _fold(soup, block):
    """Make a block that a script would fold one that browsers fold themselves."""
    title = block.find("p", class_="admonition-title")
    folded, summary = soup.new_tag("details"), soup.new_tag("summary")
    summary.string = title.extract().get_text(" ", strip=True) if title else "code"
    block.wrap(folded)
    folded.insert(0, summary)


def _draw(soup, formula):
    """Put the picture of a formula in its place, with the TeX as its text."""
    tex = formula.get_text().strip()
    for opening, closing in ((r"\(", r"\)"), (r"\[", r"\]")):
        tex = tex.removeprefix(opening).removesuffix(closing)
    drawn = io.BytesIO()
    try:
        mathtext.math_to_image(f"${tex.strip()}$", drawn, prop=FontProperties(size=12), dpi=150, format="png")
    except ValueError:  # what matplotlib does not know of TeX
        formula.name = "code"
        return
    source = f"data:image/png;base64,{base64.b64encode(drawn.getvalue()).decode()}"
    picture = soup.new_tag("img", src=source, alt=tex.strip(), style="height:1.4em;vertical-align:middle")
    formula.replace_with(picture)
