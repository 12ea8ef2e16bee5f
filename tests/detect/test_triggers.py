"""The classical detector on planted bursts: onsets, classes, gaps, chunks."""

from dataclasses import replace

import numpy as np
import pytest
from obspy import Stream, Trace, UTCDateTime
from obspy.signal.trigger import classic_sta_lta
from pydantic import ValidationError
from sklearn.ensemble import RandomForestClassifier

from tremorlab.dataset.features import features
from tremorlab.detect.events import Rule, associate
from tremorlab.detect.triggers import Trigger, detections, onsets, ratios
from tremorlab.errors import ParameterError
from tremorlab.study import Preparation, Study, Window
from tremorlab.waveform.sources import StreamSource

START, RATE = UTCDateTime(2015, 1, 1), 25.0
STUDY = Study(
    name="bursts", title="-", summary="-", licence="-", citation="-", stations=["XX.AAA..HHZ"],
    classes={"eruption": ["eruption"], "vt": ["vt"], "noise": ["noise"]},
    catalogues=[{"file": "none.csv"}], waveforms={"kind": "files", "files": ["none.mseed"]},
    preparation=Preparation(highpass_hz=1.0), window=Window(samples=2048),
)  # fmt: skip
TRIGGER = Trigger(before_s=20.0, peak=4.0)


def burst(kind, rng, seconds=20.0):
    """Low and long, or high and short."""
    time = np.arange(round(seconds * RATE)) / RATE
    hz, decay = {"eruption": (2.0, 8.0), "vt": (8.0, 2.0)}[kind]
    return 30 * np.exp(-time / decay) * np.sin(2 * np.pi * hz * time + rng.uniform(0, 6))


def record(hours, planted, seed=0):
    rng = np.random.default_rng(seed)
    data = rng.normal(size=round(hours * 3600 * RATE))
    for at_s, kind in planted:
        first, own = round(at_s * RATE), burst(kind, rng)
        data[first : first + len(own)] += own
    return Trace(data.astype("f4"), {"network": "XX", "station": "AAA", "channel": "HHZ", "starttime": START} | {
        "sampling_rate": RATE})  # fmt: skip


@pytest.fixture(scope="module")
def forest():
    rng, windows, labels = np.random.default_rng(1), [], []
    for n in range(90):
        window = rng.normal(size=STUDY.window.samples)
        if n % 3 < 2:
            own = burst(("eruption", "vt")[n % 3], rng)
            first = rng.integers(200, 900)
            window[first : first + len(own)] += own
        windows.append(window)
        labels.append(n % 3)
    return RandomForestClassifier(50, random_state=0).fit(features(np.array(windows)[:, None], RATE), labels)


PLANTED = [(600.0, "vt"), (1500.0, "eruption"), (2300.0, "vt"), (3200.0, "eruption"), (5000.0, "vt")]


def found(stream, forest, hours=2.0, trigger=TRIGGER, after_s=0.0):
    start = START + after_s
    return onsets(StreamSource(stream), "XX.AAA..HH?", start, start + hours * 3600 - after_s, forest, STUDY, trigger)


def test_planted_bursts_are_found_with_their_classes(forest):
    events = detections(found([record(2, PLANTED)], forest), TRIGGER)
    assert [event.event_class for event in events] == [kind for _, kind in PLANTED]
    for event, (at_s, _) in zip(events, PLANTED, strict=True):
        assert abs(event.onset - (START + at_s)) < 1.0
        assert event.onset < event.end < event.onset + 40
        assert event.probability >= 0.5
        assert event.station == "XX.AAA."


def test_they_make_the_table_of_events_that_networks_make(forest):
    events = detections(found([record(2, PLANTED)], forest), TRIGGER)
    table, members = associate(events, Rule())
    assert table["event_class"].tolist() == [kind for _, kind in PLANTED]
    assert [len(own) for own in members] == [1] * len(PLANTED)


def test_noise_is_no_event_and_thresholds_leave_out(forest):
    assert detections(found([record(2, [])], forest), TRIGGER) == []
    all_of_them = found([record(2, PLANTED)], forest)
    highest = float(np.sort(all_of_them.ratio)[-1])
    assert len(detections(all_of_them, TRIGGER.model_copy(update={"peak": highest}))) == 1
    assert detections(all_of_them, TRIGGER.model_copy(update={"peak": highest + 1})) == []
    doubted = replace(all_of_them, probabilities=0.4 * all_of_them.probabilities + 0.2)
    assert len(detections(doubted, TRIGGER)) == len(PLANTED)
    assert detections(doubted, TRIGGER.model_copy(update={"probability": 0.7})) == []


def test_events_of_a_class_near_each_other_are_joined(forest):
    close = [(600.0, "vt"), (700.0, "vt")]
    apart = found([record(1, close)], forest, 1.0)
    assert len(detections(apart, TRIGGER)) == 2
    (one,) = detections(apart, TRIGGER.model_copy(update={"join_s": 120.0}))
    assert one.end - one.onset > 100


def test_no_onset_stands_at_a_gap_or_with_half_a_window(forest):
    whole = record(2, PLANTED)
    pieces = Stream([whole.slice(START, START + 1490), whole.slice(START + 1600, START + 7200)])
    events = detections(found(pieces, forest), TRIGGER)
    assert [round(event.onset - START, -1) for event in events] == [600, 2300, 3200, 5000]


def test_onsets_do_not_depend_on_where_the_record_is_cut(forest, monkeypatch):
    stream = [record(2, PLANTED)]
    whole = found(stream, forest)
    monkeypatch.setattr("tremorlab.detect.triggers._CHUNK_S", 1234.0)
    parts = found(stream, forest)
    assert parts.onset == whole.onset
    assert parts.probabilities == pytest.approx(whole.probabilities)
    later = found(stream, forest, after_s=1000.0)
    assert later.onset == [time for time in whole.onset if time >= START + 1000]


def test_the_ratio_is_obspys_and_that_of_the_loudest_component():
    data = np.random.default_rng(2).normal(size=(2, 4000))
    assert ratios(data, 25, 750) == pytest.approx(np.maximum(*(classic_sta_lta(row, 25, 750) for row in data)))


def test_an_estimator_of_other_classes_is_refused(forest):
    other = STUDY.model_copy(update={"classes": {"vt": ["vt"], "noise": ["noise"]}})
    with pytest.raises(ParameterError, match="knows 3 classes, the study 2"):
        onsets(StreamSource([record(1, [])]), "XX.AAA..HHZ", START, START + 3600, forest, other)


def test_thresholds_in_another_order_are_refused():
    with pytest.raises(ValidationError, match="not in ascending order"):
        Trigger(on=3.0, off=4.0)
    with pytest.raises(ValidationError, match="is not below lta_s"):
        Trigger(sta_s=30.0)
