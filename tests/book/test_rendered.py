"""The built book as a reader with the network off sees it: in a real browser, every other host out of reach."""

import json
import re
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.book.reading import BOOK, CONFIG, EXECUTED, PAGES, REPOSITORY
from tests.require import ROOT, needs
from tremorlab import study
from tremorlab.page.execute import Record


def in_repository(address):
    """Path in the repository that a link of the header points to, or None for another kind of link."""
    link = urlsplit(address)
    owner = urlsplit(REPOSITORY["url"]).path.strip("/")
    branch = REPOSITORY["branch"]
    if link.hostname == "mybinder.org":
        assert link.path == f"/v2/gh/{owner}/{branch}"
        return parse_qs(link.query)["urlpath"][0].removeprefix("lab/tree/")
    for form in (f"/github/{owner}/blob/{branch}/", f"/{owner}/edit/{branch}/", f"/{owner}/blob/{branch}/"):
        if unquote(link.path).startswith(form):
            return unquote(link.path).removeprefix(form)
    return None


def test_a_page_loads_with_the_network_off_and_without_an_error(opened, address):
    page, browser, errors, asked = opened
    assert errors == []
    assert f"{address}/{page}" in asked
    elsewhere = [url for url in asked if not url.startswith((address, "data:", "about:", "chrome:", "blob:"))]
    assert elsewhere == []
    assert browser.find_element(By.CSS_SELECTOR, "article h1").text


def test_a_request_to_another_host_would_be_seen(visit, address):
    browser, _, _ = visit(PAGES[0])
    browser.execute_script("fetch('http://example.org/tracker.js').catch(() => {})")
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    assert any("example.org" in json.dumps(m) for m in messages if m["method"] == "Network.requestWillBeSent")


def test_the_address_of_the_book_leads_to_its_first_page(visit, address):
    browser, _, _ = visit("index.html")
    WebDriverWait(browser, 10).until(lambda b: b.current_url == f"{address}/{PAGES[0]}")


def test_every_picture_has_an_alternative_text_and_is_loaded(opened):
    _, browser, _, _ = opened
    for image in browser.find_elements(By.CSS_SELECTOR, "article img"):
        text = (image.get_attribute("alt") or "").strip()
        assert len(text) > 15, f"{image.get_attribute('src')} has {text!r}"
        assert not re.search(r"\.(png|svg|jpe?g)$", text), f"a file name is no alternative text: {text}"
        browser.execute_script("arguments[0].scrollIntoView()", image)
        WebDriverWait(browser, 10).until(lambda _, image=image: image.get_property("naturalWidth") > 0)


def test_every_picture_stands_in_a_numbered_figure(opened):
    page, browser, _, _ = opened
    figures = browser.find_elements(By.CSS_SELECTOR, "article figure")
    assert figures or page not in EXECUTED, "a page without a figure"
    for figure in figures:
        number = figure.find_element(By.CSS_SELECTOR, "figcaption .caption-number").text
        # Figures of a chapter have its number in front; the introduction is no chapter.
        assert re.fullmatch(r"Fig\. \d+\.\d+" if page in EXECUTED else r"Fig\. \d+", number.strip())
        assert len(figure.find_element(By.CSS_SELECTOR, "figcaption .caption-text").text) > 30
    pictures = browser.find_elements(By.CSS_SELECTOR, "article img")
    assert len(pictures) == len(figures), "a picture outside a figure, or a figure drawn twice"


def test_formulas_are_drawn_and_values_are_set_in(opened):
    _, browser, _, _ = opened
    formulas = browser.find_elements(By.CSS_SELECTOR, "article .math")
    drawn = browser.find_elements(By.CSS_SELECTOR, "article .math mjx-container mjx-math")
    assert len(drawn) >= len(formulas)
    assert not browser.find_elements(By.CSS_SELECTOR, "mjx-merror")
    text = browser.find_element(By.TAG_NAME, "article").text
    assert not re.search(r"\{(glue|numref|cite)\b", text)
    assert "Traceback (most recent call last)" not in text


def test_there_are_formulas_to_draw():
    needs("book")
    assert any('class="math' in (BOOK.html / page).read_text(encoding="utf-8") for page in PAGES)


def test_buttons_point_at_what_exists(opened):
    page, browser, _, _ = opened
    links = [link.get_attribute("href") for link in browser.find_elements(By.CSS_SELECTOR, ".article-header-buttons a")]
    source = page.removesuffix(".html") + (".ipynb" if page in EXECUTED else ".md")
    assert REPOSITORY["url"] in links
    assert any(link.startswith(f"{REPOSITORY['url']}/issues/new") for link in links)
    assert any(f"/edit/{REPOSITORY['branch']}/" in link for link in links)
    launched = [link for link in links if "mybinder.org" in link or "colab.research.google.com" in link]
    assert len(launched) == (2 if page in EXECUTED else 0)
    paths = [path for path in map(in_repository, links) if path]
    assert set(paths) == {source}
    assert (ROOT / source).is_file()


def test_the_source_of_a_page_can_be_downloaded(opened):
    _, browser, _, _ = opened
    links = browser.find_elements(By.CSS_SELECTOR, ".article-header-buttons a[href*='_sources']")
    assert links
    for link in links:
        assert (BOOK.html / unquote(urlsplit(link.get_attribute("href")).path).lstrip("/")).is_file()


def test_links_within_the_book_lead_somewhere(opened, address):
    _, browser, _, _ = opened
    for link in browser.find_elements(By.CSS_SELECTOR, "article a[href], .bd-sidebar a[href]"):
        target = urlsplit(link.get_attribute("href"))
        if target.netloc == urlsplit(address).netloc:
            file = BOOK.html / unquote(target.path).lstrip("/")
            assert file.is_file(), link.get_attribute("href")
            if target.fragment and file.suffix == ".html":
                assert f'id="{unquote(target.fragment)}"' in file.read_text(encoding="utf-8")


def test_the_map_of_the_site_lists_every_page():
    needs("book")
    base = CONFIG["html"]["baseurl"]
    found = re.findall(r"<loc>(.*?)</loc>", (BOOK.html / "sitemap.xml").read_text(encoding="utf-8"))
    assert {f"{base}{page}" for page in PAGES} <= set(found)
    assert all((BOOK.html / unquote(each.removeprefix(base))).is_file() for each in found)


def test_the_page_of_lost_addresses_leads_back():
    needs("book")
    base = CONFIG["html"]["baseurl"]
    links = re.findall(r'href="(.*?)"', (BOOK.html / "404.html").read_text(encoding="utf-8"))
    assert len(links) == 3
    assert all(link.startswith(base) and (BOOK.html / link.removeprefix(base)).is_file() for link in links)


def test_a_shared_link_shows_the_card():
    needs("book")
    for page in PAGES:
        (image,) = re.findall(r'content="([^"]*)" property="og:image"', (BOOK.html / page).read_text(encoding="utf-8"))
        assert (BOOK.html / image.removeprefix(CONFIG["html"]["baseurl"])).is_file()


def test_the_search_finds_a_page(visit):
    browser, errors, _ = visit("search.html?q=catalogue")
    assert errors == []
    WebDriverWait(browser, 20).until(lambda b: b.find_elements(By.CSS_SELECTOR, "#search-results li a"))


@pytest.mark.parametrize("page", EXECUTED)
def test_a_kernel_stays_within_what_binder_offers(page):
    needs("book")
    record = Record.read(BOOK.records / f"{page.removeprefix('notebooks/').removesuffix('.html')}.json")
    assert record is not None
    assert 50 < record.peak_memory_mb < 1500


def test_every_recorded_study_ran():
    needs("book")
    needs("data")
    described = {name: study.load(name) for name in study.available()}
    recorded = {
        name
        for name, about in described.items()
        if not (about.waveforms.kind == "files" and all(file.startswith("obspy:") for file in about.waveforms.files))
    }
    records = [Record.read(path) for path in BOOK.records.glob("*.json")]
    ran = {name for record in records for name in re.findall(r"\w+", record.glued.get("studies_run", ""))}
    assert recorded
    assert recorded - ran == set(), "built without the recordings? make book with TREMORLAB_DATA set"
