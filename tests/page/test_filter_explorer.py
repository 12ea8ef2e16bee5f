"""The drawing that a reader can turn over: valid, complete in itself, and right about its numbers."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from tremorlab.errors import PageError
from tremorlab.page import filter_explorer
from tremorlab.page.filter_explorer import explorer, show

F = np.linspace(0, 12.5, 26)
LOW = np.stack([np.linspace(1, 0.1, 26), np.linspace(0.1, 1, 26)], axis=1)


def made(**changes):
    given = {"name": "fig-x", "frequencies_hz": F, "after": [LOW, LOW[:, ::-1]], "before": [LOW, LOW], "seeds": [4, 7]}
    return explorer(**given | {"text": "Two <filters>."} | changes)


def data(page):
    return json.loads(re.search(r"data = (\{.*\});", page)[1])


def test_it_asks_nothing_of_the_network_and_closes_what_it_opens():
    page = made()
    assert not re.search(r"https?:|//|src=|href=|@import|url\(", page)

    class Balance(HTMLParser):
        stack: list = []  # noqa: RUF012 (one parser only)

        def handle_starttag(self, tag, attrs):
            if tag not in ("input", "br"):
                self.stack.append(tag)

        def handle_startendtag(self, tag, attrs):
            pass

        def handle_endtag(self, tag):
            assert self.stack.pop() == tag

    parser = Balance()
    parser.feed(page)
    assert parser.stack == []


def test_without_scripts_the_first_seed_is_drawn_and_described():
    page = made()
    lines = re.findall(r'<polyline[^>]*points="([^"]+)"', page)
    assert lines == data(page)["after"][0]
    assert "<title" in page
    assert "Two &lt;filters&gt;." in page


def test_points_lie_where_frequencies_and_decibels_are():
    first = [tuple(map(float, point.split(","))) for point in data(made())["after"][0][0].split()]
    assert len(first) == 26
    assert first[0] == (56.0, 14.0)  # the maximum, at zero frequency
    assert first[-1][0] == 628.0
    assert first[-1][1] == pytest.approx(14 + 20 / 40 * (330 - 14 - 44), abs=0.1)  # 0.1 is 20 dB down


def test_seeds_that_do_not_fit_and_filters_without_a_colour_are_refused():
    with pytest.raises(PageError, match="2 seeds, 2 after, 1 before"):
        made(before=[LOW])
    with pytest.raises(PageError, match="3 filters and 2 colours"):
        made(after=[np.ones((26, 3))] * 2)


def test_a_reader_without_html_gets_the_text(monkeypatch):
    shown = []
    monkeypatch.setattr(filter_explorer, "display", lambda data, raw: shown.append(data))
    show("fig-x", F, [LOW], [LOW], [1], text="Two filters.")
    assert shown[0]["text/plain"] == "Two filters."
    assert shown[0]["text/html"].startswith("<div")
