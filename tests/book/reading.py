"""What the tests of the built book read."""

import yaml

from tests.require import ROOT
from tremorlab.page.build import Book

BOOK = Book(ROOT)
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
REPOSITORY = CONFIG["repository"]
PAGES = [f"{source.relative_to(ROOT).with_suffix('')}.html" for source in BOOK.documents()]
EXECUTED = [page for page in PAGES if page.startswith("notebooks/")]
