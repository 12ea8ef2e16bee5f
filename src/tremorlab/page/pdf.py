"""The book as one PDF: all pages set one after the other into one document, which Chromium prints.

python -m tremorlab.page.pdf        # _build/html must be there; writes _build/book.pdf
"""

import posixpath
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from bs4 import BeautifulSoup

from tremorlab.errors import PageError
from tremorlab.page.build import Book

#: Names under which a system may know the browser.
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")

#: What only a screen has.
_SCREEN_ONLY = ".headerlink, .copybtn, script, details.hide > summary, .toggle-button"

#: Time that formulas get to be drawn (ms of the browser's own clock).
_PATIENCE_MS = 120_000


def joined(folder: Path, pages: Iterable[str]) -> str:
    """Return one HTML document with the articles of all pages.

    Parameters
    ----------
    folder
        The rendered book.
    pages
        Paths of its pages below ``folder``, with ``/`` and without suffix, in the order of reading.

    Raises
    ------
    PageError
        A page was not rendered.
    """
    pages = list(pages)
    whole, body = None, None
    for page in pages:
        try:
            soup = BeautifulSoup((folder / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
        except FileNotFoundError:
            raise PageError(page, "is not in the rendered book", "Run make book") from None
        article = soup.select_one("article")
        for element in article.select(_SCREEN_ONLY):
            element.decompose()
        for element in article.select("details"):
            element["open"] = ""
        _rewrite(article, page, set(pages))
        article["id"] = _slug(page)
        if whole is None:
            whole, body = soup, soup.body
            _rewrite(soup.head, page, set())
            scripts = [script.extract() for script in soup.body.find_all("script")]
            body.clear()
            body.extend(script for script in scripts if "mathjax" in str(script).lower())
            whole.html["data-theme"] = "light"
        body.append(article)
    if whole is None:
        raise PageError("book", "has no pages", "Name some in _toc.yml")
    return str(whole)


def write(book: Book) -> Path:
    """Print the rendered book to ``_build/book.pdf``.

    Raises
    ------
    PageError
        There is no browser, or it wrote no PDF.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise PageError("book.pdf", "needs Chromium, which is not on this machine", "apt-get install chromium")
    names = [source.relative_to(book.root).with_suffix("").as_posix() for source in book.documents()]
    source, target = book.html / "_print.html", book.root / "_build" / "book.pdf"
    source.write_text(joined(book.html, names), encoding="utf-8")
    target.unlink(missing_ok=True)
    try:
        with tempfile.TemporaryDirectory() as profile:
            done = subprocess.run(
                [
                    browser, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
                    f"--user-data-dir={profile}", f"--virtual-time-budget={_PATIENCE_MS}", "--no-pdf-header-footer",
                    f"--print-to-pdf={target}", source.resolve().as_uri(),
                ],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
    finally:
        source.unlink()
    if not target.exists():
        raise PageError("book.pdf", f"was not written: {done.stderr.strip()[-200:]}", f"Try {browser} by itself")
    return target


def _slug(page: str) -> str:
    return page.replace("/", "-")


def _rewrite(element, page: str, pages: set[str]) -> None:
    """Make identifiers unique over pages, and let links and sources start from the top of the book."""
    below = posixpath.dirname(page)
    if pages:
        for named in element.find_all(id=True):
            named["id"] = f"{_slug(page)}-{named['id']}"
    for attribute in ("href", "src"):
        for linked in element.find_all(attrs={attribute: True}):
            target = urlsplit(linked[attribute])
            if target.scheme or target.netloc:
                continue
            path = posixpath.normpath(posixpath.join(below, target.path)) if target.path else f"{page}.html"
            other = path.removesuffix(".html")
            if attribute == "href" and path.endswith(".html") and other in pages:
                linked[attribute] = f"#{_slug(other)}" + (f"-{target.fragment}" if target.fragment else "")
            else:
                linked[attribute] = path


if __name__ == "__main__":
    print(write(Book(Path(sys.argv[1] if len(sys.argv) > 1 else "."))))
