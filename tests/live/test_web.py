"""The page, its data and the figures for Prometheus, as a client on this machine sees them."""

import http.client
import json
import os
import re
import threading

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from typer.testing import CliRunner

from tests import chromium
from tests.live.conftest import END, RULE, START, STATIONS
from tremorlab import cli
from tremorlab.errors import ParameterError
from tremorlab.live.feeds import Replay
from tremorlab.live.watch import Watch
from tremorlab.live.web import serving
from tremorlab.waveform.files import SDSSource


@pytest.fixture(scope="module")
def served(root, model, tmp_path_factory):
    """Address of a watch that has done its work and still serves."""
    feed = Replay(SDSSource(root), START, END, speed=0)
    watch = Watch(feed, model, tmp_path_factory.mktemp("web"), STATIONS, start=START, end=END, rule=RULE)
    with serving(watch, port=0) as address:
        assert ask(address, "/metrics") == (503, "text/plain; charset=utf-8", "the watch has not begun\n")
        watch.run()
        yield address, watch


def ask(address, path):
    host = address.removeprefix("http://").rstrip("/")
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    found = answer.status, answer.getheader("Content-Type"), answer.read().decode()
    connection.close()
    return found


def test_the_page_needs_no_other_host_and_says_what_it_is(served):
    status, kind, page = ask(served[0], "/")
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert "This is a research and teaching tool, not an alarm system." in page
    assert not re.search(r"(src|href)=\"?(https?:)?//", page)
    assert page.count('role="img" aria-label="') == 2


def test_it_listens_on_this_machine_alone(served):
    assert served[0].startswith("http://127.0.0.1:")


def test_the_state_tells_of_stations_and_events(served):
    address, watch = served
    status, kind, text = ask(address, "/api/state")
    told = json.loads(text)
    assert (status, kind) == (200, "application/json; charset=utf-8")
    assert [station["station"] for station in told["stations"]] == ["XX.AAA.", "XX.BBB."]
    assert told["classes"] == ["tremor", "earthquake", "noise"]
    for station in told["stations"]:
        last = watch.state.windows(station["station"], 0, 2**62)[-1]["probabilities"] or {}
        assert station["class"] == max(last, key=last.get, default="")
        assert station["probability"] == max(last.values(), default=None)
    assert told["patience_s"] == 120
    events = watch.state.events()
    assert [event["event_id"] for event in told["events"]] == list(events["event_id"])
    assert told["events"][0]["onset"].startswith(str(events["onset"][0])[:10])


def test_windows_come_with_envelope_and_spectrum(served):
    address, watch = served
    told = json.loads(ask(address, "/api/windows?station=XX.AAA.&hours=1")[2])
    assert len(told["windows"]) == 176
    some = told["windows"][100]
    assert sum(some["p"]) == pytest.approx(1, abs=1e-6)
    assert some["final"] is True
    row = watch.state.windows("XX.AAA.", some["n"], some["n"] + 1)[0]
    envelope = np.frombuffer(row["envelope"], "f4").reshape(-1, 2)
    assert envelope.shape == (16, 2)
    assert (envelope[:, 0] < envelope[:, 1]).all()
    assert np.frombuffer(row["spectrum"], "f4").shape == (33,)
    later = json.loads(ask(address, f"/api/windows?station=XX.AAA.&first={some['n'] + 50}")[2])
    assert later["windows"] == told["windows"][150:]
    hole = json.loads(ask(address, "/api/windows?station=XX.BBB.")[2])["windows"]
    assert any(row["e"] is None and row["p"] is None and row["why"].startswith("gap") for row in hole)


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/api/windows?station=XX.CCC.", 400, "station 'XX.CCC.' is not watched: XX.AAA., XX.BBB.\n"),
        ("/api/windows?station=XX.AAA.&hours=0", 400, "hours 0 is not within 0-48\n"),
        ("/api/windows?station=XX.AAA.&hours=x", 400, "could not convert string to float: 'x'\n"),
        ("/etc/passwd", 404, "there is no /etc/passwd, only / /api/state /api/windows /metrics\n"),
    ],
)
def test_what_is_asked_wrongly(served, path, status, text):
    assert ask(served[0], path) == (status, "text/plain; charset=utf-8", text)


def test_metrics_are_in_prometheus_text_format(served):
    address, watch = served
    status, kind, text = ask(address, "/metrics")
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    values, kinds = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            kinds.update([line.split()[2:]])
        elif not line.startswith("# HELP "):
            name, labels, value = re.fullmatch(r"(\w+)((?:\{\w+=\"[^\"]*\"\})?) (\S+)", line).groups()
            assert name in kinds
            values[name + labels] = float(value)
    assert values["tremorlab_windows_total"] == 352
    assert values['tremorlab_packets_new_total{station="XX.AAA."}'] > 20
    assert sum(value for name, value in values.items() if name.startswith("tremorlab_events_total")) == len(
        watch.state.events()
    )
    assert 0 < values['tremorlab_latency_seconds{quantile="0.5"}'] < 60
    newest = values['tremorlab_newest_sample_timestamp_seconds{station="XX.AAA."}']
    assert newest == pytest.approx(END.timestamp, abs=0.1)


def test_a_port_that_cannot_be_used(served):
    address, watch = served
    port = int(address.rstrip("/").rpartition(":")[2])
    for wrong, message in (
        (70000, r"port 70000: is not within 0-65535\. Give another --port"),
        (port, rf"address 127\.0\.0\.1:{port}: cannot be used: Address already in use"),
    ):
        with pytest.raises(ParameterError, match=message), serving(watch, port=wrong):
            pass


def test_the_page_in_a_browser_updates_itself(served):
    with chromium.opened("browser") as driver:
        driver.get(served[0])
        updates = "return Number(document.body.dataset.updates || 0)"
        WebDriverWait(driver, 300).until(lambda b: b.execute_script(updates) >= 2)
        shown = len(driver.find_elements(By.CSS_SELECTOR, "#events tbody tr"))
        assert shown == len(served[1].state.events())
        legend = driver.find_element(By.ID, "legend").text
        for text in (*served[1].about.classes, "noise (no event)", "no probabilities", "early value"):
            assert text in legend
        stations = [row.text for row in driver.find_elements(By.CSS_SELECTOR, "#stations tbody tr")]
        assert [text.split()[0] for text in stations] == ["XX.AAA.", "XX.BBB."]
        assert driver.find_element(By.ID, "clock").text == f"{str(END)[:19].replace('T', ' ')} UTC."
        label = driver.find_element(By.ID, "helicorder").get_attribute("aria-label")
        assert label.startswith("Helicorder of XX.AAA., 6 hours to 2011-02-16T00:1")
        painted = driver.execute_script(
            "const c = document.getElementById('helicorder'), d = c.getContext('2d')"
            ".getImageData(0, 0, c.width, c.height).data; let n = 0;"
            "for (let k = 0; k < d.length; k += 4) if (d[k + 3] && Math.abs(d[k] - d[k + 2]) > 60) n++; return n"
        )
        assert painted > 100  # the colour of an earthquake or of tremor
        driver.save_screenshot(os.environ.get("TREMORLAB_SHOT", os.devnull))
        assert driver.find_element(By.ID, "down").text == ""
        assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []


def invoke(*words):
    return CliRunner().invoke(cli.app, ["watch", *map(str, words)])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--seedlink and --replay: neither is given. Give one of them"),
        (["--seedlink", "a", "--replay", "b"], "--seedlink and --replay: both are given. Give one of them"),
        (["--replay", "ROOT"], "--start: is missing. A replay needs its --start and its --end"),
        (["--replay", "ROOT", "--start", "noon"], "--start: 'noon' is no time. Write it like 2011-02-15T08:00:00"),
        (["--seedlink", "127.0.0.1:99999"], "SeedLink address '127.0.0.1:99999': is not host:port"),
        (["--seedlink", "127.0.0.1:18000", "--stall", "0"], "--stall: 0 s is not above 0"),
        (["--seedlink", "127.0.0.1:18000", "--off", "0.9"], "rule: Value error, off = 0.9 is above on = 0.7"),
        (["--seedlink", "127.0.0.1:18000", "--port", "99999"], "port 99999: is not within 0-65535"),
    ],
)
def test_the_command_line_says_what_is_wrong(root, model, tmp_path, words, message):
    words = [root if word == "ROOT" else word for word in words]
    done = invoke(model, "-o", tmp_path, "-s", "XX.AAA..HH?", *words)
    assert done.exit_code == 2
    assert f"tremorlab: {message}" in done.stderr


def test_a_file_and_a_study_can_be_played_back(root, model, tmp_path):
    path = next(root.rglob("XX.AAA..HHZ.D.2011.046"))
    stretch = ["--start", START + 100, "--end", START + 200, "--speed", 0, "--port", 0]
    threads = threading.active_count()
    done = invoke(model, "-o", tmp_path, "-s", "XX.AAA..HH?", "--replay", path, *stretch)
    assert done.exit_code == 0, done.output
    assert "\n10 windows" in done.stdout  # of 10.24 s in 100 s, as their times from 1970 on happen to lie
    assert threading.active_count() <= threads + 1
    missing = invoke(model, "-o", tmp_path, "-s", "XX.AAA..HH?", "--replay", "no-study", *stretch)
    assert missing.exit_code == 2
    assert "no-study" in missing.stderr
