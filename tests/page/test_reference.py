"""The reference of parameters is made from the pages, and up to date."""

from pathlib import Path

import pytest

from tests.require import ROOT
from tremorlab.errors import PageError
from tremorlab.page import reference

PAGES = Path(__file__).parent / "notebooks"


def test_the_page_of_the_book_is_up_to_date():
    pages = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.py"))
    made = (ROOT / reference.FILE).read_text(encoding="utf-8")
    assert made == reference.reference(pages), "run `make sync`"


def test_every_parameter_has_a_row_with_type_default_limit_and_meaning():
    text = reference.reference([PAGES / "good.py"])
    assert "| `seed` | `7` | int, 0 to 4294967295 | seed of everything drawn at random |" in text
    assert "| `limits_hz` | `[0.5, 8.0]` | list[float], 0.01 to 12.5 | band in Hz |" in text


def test_a_page_without_parameters_has_no_table():
    assert "plain" not in reference.reference([PAGES / "plain.py"])


def test_a_sign_that_ends_a_cell_is_escaped():
    assert reference._cell("a|b <c> *d*") == r"a\|b &lt;c> \*d\*"


def test_a_page_without_a_gate_is_refused():
    with pytest.raises(PageError, match="gateless: has parameters and no cell tagged 'gate'"):
        reference.reference([PAGES / "gateless.py"])


def test_a_page_that_is_not_there_is_refused():
    with pytest.raises(PageError, match="there is no such page"):
        reference.allowed(PAGES / "none.py")
