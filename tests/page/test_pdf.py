"""Pages joined into one document for printing: nothing lost, no identifier twice, every link inside."""

import re

import pytest

from tremorlab.errors import PageError
from tremorlab.page import pdf

HEAD = '<html><head><link href="{up}_static/a.css" rel="stylesheet"></head><body><nav>menu</nav>'
ONE = HEAD.format(up="../") + (
    '<article class="bd"><h1 id="top">One<a class="headerlink" href="#top">#</a></h1><a href="#top">up</a>'
    '<a href="two.html#top">next</a><a href="https://example.org/x.html">out</a><img src="../_images/p.png">'
    "<details><summary>Solution</summary>42</details></article>"
    "<script>window.MathJax = {}</script><script>menu()</script></body></html>"
)
TWO = (
    HEAD.format(up="../")
    + '<article><h1 id="top">Two</h1><a href="../other/three.html">lost</a></article></body></html>'
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "one.html").write_text(ONE)
    (tmp_path / "book" / "two.html").write_text(TWO)
    return tmp_path


def test_all_pages_are_there_in_order_without_menus(folder):
    text = pdf.joined(folder, ["book/one", "book/two"])
    assert text.index(">One") < text.index(">Two")
    assert "menu" not in text
    assert "headerlink" not in text
    assert "window.MathJax" in text


def test_identifiers_are_unique_and_links_lead_to_them(folder):
    text = pdf.joined(folder, ["book/one", "book/two"])
    identifiers = re.findall(r'id="([^"]+)"', text)
    assert len(identifiers) == len(set(identifiers)) == 4
    inside = re.findall(r'href="#([^"]+)"', text)
    assert inside == ["book-one-top", "book-two-top"]
    assert set(inside) <= set(identifiers)


def test_files_are_found_from_the_top(folder):
    text = pdf.joined(folder, ["book/one", "book/two"])
    assert 'href="_static/a.css"' in text
    assert 'src="_images/p.png"' in text
    assert 'href="https://example.org/x.html"' in text


def test_solutions_are_open_on_paper(folder):
    assert '<details open="">' in pdf.joined(folder, ["book/one"])


def test_a_page_that_was_not_rendered_is_named(folder):
    with pytest.raises(PageError, match="book/three: is not in the rendered book"):
        pdf.joined(folder, ["book/three"])


def test_a_machine_without_chromium_is_told(monkeypatch, folder):
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None)
    with pytest.raises(PageError, match="needs Chromium"):
        pdf.write(pdf.Book(folder))
