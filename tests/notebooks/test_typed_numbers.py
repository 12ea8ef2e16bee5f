"""No page has a typed result: a number with decimals, or a percentage, is glued, or it is listed here with the reason.

Whole numbers are not looked at: they count chapters, hertz and steps far more often than results.
"""

import re

import pytest

from tests.require import ROOT
from tremorlab.page import pairs

#: What is no prose: fences and their options (but not what they hold), formulas, roles such as glue, code, links.
_NO_PROSE = re.compile(
    r"^(?:```|:::)[^\n]*$|^:(?:name|label|class):[^\n]*$|\$\$.*?\$\$|\$[^$\n]*\$|\{[a-z:]+\}`[^`]*`|`[^`]*`|\]\([^)]*\)",
    re.DOTALL | re.MULTILINE,
)
_TYPED = re.compile(r"(?<![\w.])\d+(?:\.\d+)? ?%|(?<![\w.])\d+\.\d+(?!\.?\d)")

_SAMPLES = "a number of samples at 25 Hz, in seconds"
_LEVEL = "a level of confidence"
_PUBLISHED = "published by others, cited beside it"
#: Number -> why it may be typed on any page.
EVERYWHERE = {
    "163.84": _SAMPLES, "10.24": _SAMPLES, "5.12": _SAMPLES, "2.56": _SAMPLES, "1.28": _SAMPLES,
    "95 %": _LEVEL, "90 %": _LEVEL, "5 %": _LEVEL, "0.05": _LEVEL,
    "12.5": "the Nyquist frequency of 25 Hz",
}  # fmt: skip
#: Page -> number -> why it may be typed there.
HERE = {
    "02_spectra": {"0.195": "25 Hz over 128", "0.2": "corner of the high-pass", "0.5": "chance among two"},
    "03_networks": {"0.9": "an example"},
    "04_imbalance": {"87 %": "the published accuracy", "0.5": "chance among two", "0.01": "a setting"},
    "05_filters": {"1.6": "25 Hz over 16 taps", "1.5": "width of a removed band"},
    "06_equations": {
        "10 %": "20 dB as a ratio, and published by others, cited beside it",
        "32 %": "10 dB as a ratio",
        "16.6": "a driving pressure, MPa",
        "40 %": _PUBLISHED,
        "30 %": _PUBLISHED,
        "0.8": _PUBLISHED,
    },
    "07_real_record": {"1.12": _PUBLISHED, "0.03": _PUBLISHED, "10 %": "a tolerance", "1.3": "a limit of acceptance"},
    "08_detection": {"0.99": "an example"},
    "11_active_learning": {"0.01": "what a point is"},
    "introduction": {"4.0": "a licence"},
    "glossary": {"0.5": "a band of frequency", "0.9": "an example"},
}

#: The list of parameters is written from the pages, and the numbers of the quiz are invented.
PAGES = sorted(ROOT.glob("notebooks/[0-9]*.py")) + sorted(
    set(ROOT.glob("book/*.md")) - {ROOT / "book" / name for name in ("parameters.md", "quiz.md")}
)


def typed(text):
    """Numbers in the prose of a text, with what stands around them."""
    prose = _NO_PROSE.sub(" ", text)
    return [(m.group(0), prose[max(0, m.start() - 60) : m.end() + 30]) for m in _TYPED.finditer(prose)]


def prose_of(page):
    if page.suffix == ".md":
        return re.sub(r"^```(?:toml|bash).*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return "\n\n".join(cell.source for cell in pairs.read(page).cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_no_typed_result(page):
    allowed = EVERYWHERE | HERE.get(page.stem, {})
    found = [(number, around) for number, around in typed(prose_of(page)) if number not in allowed]
    assert found == [], "glue the number, or say in this test why it is no result"


@pytest.mark.parametrize("name", HERE)
def test_what_is_allowed_is_there(name):
    (page,) = (page for page in PAGES if page.stem == name)
    assert set(HERE[name]) <= {number for number, _ in typed(prose_of(page))}


def test_a_typed_result_would_be_found():
    assert [n for n, _ in typed("The network reaches 0.87, better by 12 % and 3.5%.")] == ["0.87", "12 %", "3.5%"]
    assert [n for n, _ in typed("```{glue:figure} fig-x\n:name: fig-x\n\nScore 0.91 of {glue:text}`n:.0%`\n```")] == [
        "0.91"
    ]
    assert [n for n, _ in typed("| a | b |\n| --- | --- |\n| score | 0.75 |")] == ["0.75"]


def test_glued_numbers_formulas_and_code_are_none():
    text = "{glue:text}`score:.2f` and {glue:text}`share:.0%`, $x = 0.87$, `margin = 0.05`, [it](a0.9.html)"
    assert typed(text) == []
    assert typed("$$\nx = 0.5\n$$ {cite:p}`a2.1`, version 1.2.3") == []
