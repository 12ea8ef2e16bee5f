"""The page of lost addresses and the map of the site."""

import xml.etree.ElementTree as xml

from tremorlab.page import finish

MAP = "http://www.sitemaps.org/schemas/sitemap/0.9"


def rendered(tmp_path, config):
    (tmp_path / "html" / "book").mkdir(parents=True)
    for name in ("index.html", "search.html", "book/a & b.html", "book/c.html"):
        (tmp_path / "html" / name).write_text("<html></html>")
    (tmp_path / "_config.yml").write_text(config)
    finish.add_to(tmp_path / "html", tmp_path / "_config.yml")
    return tmp_path / "html"


def test_the_map_lists_every_page_with_its_whole_address(tmp_path):
    folder = rendered(tmp_path, "title: A book\nhtml:\n  baseurl: https://example.org/book\n")
    found = [each.text for each in xml.parse(folder / "sitemap.xml").iter(f"{{{MAP}}}loc")]
    assert found == ["https://example.org/book/book/a%20%26%20b.html", "https://example.org/book/book/c.html"]


def test_the_lost_page_links_from_any_depth(tmp_path):
    folder = rendered(tmp_path, "title: A <book>\nhtml:\n  baseurl: https://example.org/book/\n")
    text = (folder / "404.html").read_text()
    assert 'href="https://example.org/book/index.html"' in text
    assert "A &lt;book&gt;" in text


def test_pages_have_short_addresses_that_lead_to_them_and_are_not_on_the_map(tmp_path):
    (tmp_path / "html" / "notebooks").mkdir(parents=True)
    (tmp_path / "html" / "notebooks" / "03_networks.html").write_text("<html></html>")
    folder = rendered(tmp_path, "title: A book\nhtml:\n  baseurl: https://example.org\n")
    for short, page in (("03", "../notebooks/03_networks.html"), ("c", "../book/c.html")):
        text = (folder / short / "index.html").read_text()
        assert f'content="0; url={page}"' in text
        assert f'<a href="{page}">' in text
        assert (folder / short / page).resolve().is_file()
    assert "index.html" not in (folder / "sitemap.xml").read_text()


def test_a_book_without_an_address_has_no_map(tmp_path):
    folder = rendered(tmp_path, "title: A book\n")
    assert not (folder / "sitemap.xml").exists()
    assert 'href="/index.html"' in (folder / "404.html").read_text()


def test_entries_of_the_bibliography_are_items_of_a_list(tmp_path):
    (tmp_path / "html").mkdir()
    page = tmp_path / "html" / "references.html"
    page.write_text('<div role="list"><div class="citation" role="doc-biblioentry"><a href="x">1</a></div></div>')
    (tmp_path / "_config.yml").write_text("title: A book\n")
    finish.add_to(tmp_path / "html", tmp_path / "_config.yml")
    assert page.read_text() == '<div role="list"><div class="citation" role="listitem"><a href="x">1</a></div></div>'
