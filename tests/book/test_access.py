"""Every page for every reader: judged by axe-core in both modes, on a desk and on a telephone, and by the keyboard."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium_axe_python import Axe

from tests.book.reading import PAGES

#: Formulas are drawn from thousands of elements, and say themselves what they are.
_FORMULAS = "['mjx-container']"
#: Code looks the same on every page and consists of thousands of elements: it is judged on one page. So is the sidebar.
_REPEATED = "['pre'], ['.bd-sidebar-primary']"
_WHOLE = "notebooks/01_catalogs.html"


@pytest.fixture(scope="module", autouse=True)
def patience(browser):
    """A long page takes axe-core a minute on a busy machine."""
    browser.set_script_timeout(300)


def violations(browser, page, options=""):
    """Violations of the two upper levels, each with the first elements that it concerns."""
    axe = Axe(browser)
    axe.inject()
    excluded = _FORMULAS if page == _WHOLE else f"{_FORMULAS}, {_REPEATED}"
    # What passes is not listed: on a long page the list takes as long as the judging.
    chosen = f"{{resultTypes: ['violations'], {options}}}"
    found = axe.run(f"{{exclude: [{excluded}]}}", chosen)["violations"]
    return {
        rule["id"]: [f"{node['html'][:120]} {node.get('failureSummary', '')[:200]}" for node in rule["nodes"][:5]]
        for rule in found
        if rule["impact"] in ("serious", "critical")
    }


def shown(visit, page, mode):
    """Open a page in light or dark mode."""
    browser, errors, _ = visit(page)
    browser.execute_script("document.documentElement.dataset.theme = arguments[0]", mode)
    assert errors == []
    return browser


@pytest.mark.parametrize("page", [*PAGES, "search.html"])
def test_a_page_has_no_serious_violation(visit, page):
    browser = shown(visit, page, "light")
    assert violations(browser, page) == {}
    browser.execute_script("document.documentElement.dataset.theme = 'dark'")
    assert violations(browser, page, "runOnly: ['color-contrast']") == {}


def test_a_violation_would_be_found(visit):
    browser = shown(visit, PAGES[0], "light")
    browser.execute_script(
        "document.querySelector('article').innerHTML += '<p style=\"color:#aaa;background:#fff\">pale</p><img src=x>'"
    )
    assert set(violations(browser, PAGES[0])) == {"color-contrast", "image-alt"}


@pytest.mark.parametrize("page", PAGES)
def test_a_telephone_shows_a_page_without_sideways_scrolling(visit, browser, page):
    before = browser.get_window_size()
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    )
    try:
        visit(page)
        wide, high = browser.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.set_window_size(before["width"], before["height"])
    assert wide <= high + 1, f"{wide} pixels of content in a window of {high}"


@pytest.mark.parametrize("page", PAGES)
def test_no_table_is_cut_on_a_desk(visit, page):
    browser, _, _ = visit(page)
    cut = browser.execute_script(
        "return [...document.querySelectorAll('article table')]"
        ".filter(t => t.scrollWidth > t.parentElement.clientWidth + 1).map(t => t.innerText.slice(0, 80))"
    )
    assert cut == []


def test_the_keyboard_reaches_the_text_first(visit):
    browser, _, _ = visit(PAGES[0])
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    link = browser.switch_to.active_element
    assert link.get_attribute("href").endswith("#main-content"), "the first stop of the tab key skips the menus"
    link.send_keys(Keys.ENTER)
    assert browser.execute_script("return location.hash") == "#main-content"
    reached = set()
    for _ in range(60):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        reached.add(browser.execute_script("return document.activeElement.closest('article') !== null"))
    assert any(reached), "sixty stops of the tab key do not reach the text"


def test_what_scrolls_can_be_reached_by_keyboard(visit):
    browser, _, _ = visit(_WHOLE)
    stuck = browser.execute_script(
        "return [...document.querySelectorAll('article *')].filter(e => e.scrollWidth > e.clientWidth + 1 &&"
        " ['auto', 'scroll'].includes(getComputedStyle(e).overflowX) && e.tabIndex < 0 &&"
        " !e.querySelector('a, button, summary, [tabindex]')).map(e => e.outerHTML.slice(0, 120))"
    )
    assert stuck == []
