"""The browser of the tests: real, and for it every host but this machine is out of reach."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.require import needs

#: As root there is no sandbox; the rest keeps the browser from calling home, and other hosts from being found.
_FLAGS = [
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
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@contextmanager
def opened(*logs: str) -> Iterator[webdriver.Chrome]:
    """Start Chromium with an empty profile, keeping the named logs (browser, performance), and end it."""
    needs("chromium")
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", dict.fromkeys(logs, "ALL"))
    with tempfile.TemporaryDirectory() as profile:
        for flag in [*_FLAGS, f"--user-data-dir={profile}"]:
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        try:
            yield driver
        finally:
            driver.quit()
