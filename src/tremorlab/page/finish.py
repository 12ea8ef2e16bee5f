"""What a rendered book lacks: short addresses, a page for those that lead nowhere, a map of the site, true lists."""

import html
from pathlib import Path
from urllib.parse import quote

import yaml

#: Pages that are no reading.
_LEFT_OUT = {"genindex.html", "search.html", "index.html", "404.html"}

#: Role that docutils gives an entry of the bibliography; readers of screens do not know it as a part of a list.
_ENTRY = 'role="doc-biblioentry"'

_LOST = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Nothing here - {title}</title>
<link rel="icon" href="{base}_static/logo.svg">
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.1rem/1.6 system-ui, sans-serif; max-width: 36rem; margin: 15vh auto; padding: 0 1rem;
  background: #fff; color: #222; }}
a {{ color: #0b56b8; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #14181e; color: #ced6dd; }} a {{ color: #83b4f5; }} }}
</style>
</head>
<body>
<main>
<h1>Nothing here</h1>
<p>No page of the book has this address. It may have moved, or the link was misspelt.</p>
<ul>
<li><a href="{base}index.html">Beginning of the book</a></li>
<li><a href="{base}search.html">Search</a></li>
</ul>
</main>
</body>
</html>
"""

#: Sends a reader on.
_MOVED = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url={target}">
<link rel="canonical" href="{target}">
<title>{target}</title>
</head>
<body><main><h1>This page is elsewhere</h1><p><a href="{target}">{target}</a></p></main></body>
</html>
"""


def add_to(rendered: Path, config: Path) -> None:
    """Write short addresses, ``404.html`` and, if the book has an address, ``sitemap.xml``; mend lists.

    A short address is one to say aloud: ``03/`` leads to ``notebooks/03_networks.html``, ``claims/`` to
    ``book/claims.html``.

    Parameters
    ----------
    rendered
        Folder of the rendered book.
    config
        Jupyter Book's ``_config.yml``; its ``html: baseurl`` is where the book is published.
    """
    settings = yaml.safe_load(config.read_text(encoding="utf-8")) or {}
    base = (settings.get("html") or {}).get("baseurl", "/")
    base = f"{base.rstrip('/')}/"
    title = html.escape(str(settings.get("title", "")))
    # A server shows it at whatever address was asked for, so that links must not be relative.
    (rendered / "404.html").write_text(_LOST.format(base=html.escape(base), title=title), encoding="utf-8")
    for path in rendered.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        if _ENTRY in text:
            path.write_text(text.replace(_ENTRY, 'role="listitem"'), encoding="utf-8")
    moved = _redirect(rendered)
    if base == "/":
        return
    pages = [path.relative_to(rendered).as_posix() for path in sorted(rendered.rglob("*.html"))]
    pages = [page for page in pages if page not in _LEFT_OUT | moved and not page.startswith("_")]
    lines = ['<?xml version="1.0" encoding="utf-8"?>', '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">']
    lines += [f"<url><loc>{html.escape(base + quote(page))}</loc></url>" for page in pages]
    (rendered / "sitemap.xml").write_text("\n".join([*lines, "</urlset>"]) + "\n", encoding="utf-8")


def _redirect(rendered: Path) -> set[str]:
    """Write a short address for each page that has none of its own; the files written."""
    written = set()
    for page in sorted([*rendered.glob("notebooks/[0-9][0-9]_*.html"), *rendered.glob("book/*.html")]):
        short = page.stem[:2] if page.parent.name == "notebooks" else page.stem
        target = rendered / short / "index.html"
        target.parent.mkdir(exist_ok=True)
        text = _MOVED.format(target=f"../{page.parent.name}/{quote(page.name)}")
        target.write_text(text, encoding="utf-8")
        written.add(f"{short}/index.html")
    return written
