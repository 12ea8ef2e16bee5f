"""The built book on loopback, in a real browser for which every other host is out of reach."""

import functools
import http.server
import json
import threading

import pytest
from selenium.webdriver.support.ui import WebDriverWait

from tests import chromium
from tests.book.reading import BOOK, PAGES
from tests.require import needs


@pytest.fixture(scope="module")
def address():
    """Base address of the built book on loopback."""
    needs("book")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=BOOK.html)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    with chromium.opened("performance", "browser") as driver:
        driver.get("about:blank")
        driver.get_log("performance")  # what the browser itself loads at its start
        yield driver


@pytest.fixture(scope="module")
def visit(address, browser):
    """Open a page; returns the browser, the errors on its console, and the addresses it asked for."""

    def start(page):
        browser.get("about:blank")
        browser.get_log("browser")
        browser.get_log("performance")
        browser.get(f"{address}/{page}")
        WebDriverWait(browser, 30).until(lambda b: b.execute_script("return document.readyState") == "complete")
        browser.execute_async_script(
            "const done = arguments[0];"
            "window.MathJax ? MathJax.startup.promise.then(() => setTimeout(done, 300)) : setTimeout(done, 300)"
        )
        errors = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
        messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
        asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return browser, errors, asked

    return start


@pytest.fixture(scope="module", params=PAGES)
def opened(request, visit):
    """A page in the browser; pytest runs all tests on one page before it opens the next."""
    return request.param, *visit(request.param)
