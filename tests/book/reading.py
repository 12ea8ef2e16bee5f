"""What the tests of the built book read, and how their browser is started."""

import yaml

from tests.require import ROOT
from tremorlab.page.build import Book

BOOK = Book(ROOT)
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
REPOSITORY = CONFIG["repository"]
PAGES = [f"{source.relative_to(ROOT).with_suffix('')}.html" for source in BOOK.documents()]
EXECUTED = [page for page in PAGES if page.startswith("notebooks/")]

#: As root there is no sandbox; the rest keeps the browser from calling home, and other hosts from being found.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
]
