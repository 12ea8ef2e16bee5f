"""What a station knows to be over, beside all detections of the whole record."""

import numpy as np
import pytest
from obspy import UTCDateTime

from tremorlab.detect.continuous import Annotation, Grid
from tremorlab.detect.events import Rule, detections
from tremorlab.detect.measure import AROUND_S
from tremorlab.errors import ParameterError
from tremorlab.live.station import Codes, Station, known

FIRST = 127_000_000


class Told(Station):
    """A station whose probabilities are given instead of evaluated."""

    def tell(self, values):
        self._values = np.concatenate([self._values, values])
        self.window += len(values)


def probabilities(seed, count=400):
    """Three classes that wander, with windows without any."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(size=(count, 3)), axis=0)
    walk = 2 * (walk - walk.mean(0)) / walk.std(0) + rng.normal(size=(count, 3))
    values = np.exp(walk) / np.exp(walk).sum(1, keepdims=True)
    values[rng.random(count) < 0.02] = np.nan
    return values.astype("f4")


def station(detector, rule, window=FIRST, past=None, found=()):
    return Told(Codes("XX.AAA.", "HH?"), detector, Grid(detector.about, 10.24), rule, window, past, found)


@pytest.mark.parametrize("join_s", [0.0, 40.0])
@pytest.mark.parametrize("minimum_s", [0.0, 30.0])
@pytest.mark.parametrize("seed", range(5))
def test_each_event_is_told_once_and_all_of_them(detector_of, seed, join_s, minimum_s):
    detector, values = detector_of("waveform"), probabilities(seed)
    rule = Rule(on=0.6, off=0.4, join_s=join_s, minimum_s=minimum_s)
    grid, about = Grid(detector.about, 10.24), detector.about
    record = Annotation("XX.AAA.", about.name, tuple(about.classes), grid.centre(FIRST), 10.24, 30.72, values, [], [])
    expected = detections(record, rule)
    assert len(expected) > 5
    told, found, rng, done = station(detector, rule), [], np.random.default_rng(seed), 0
    while done < len(values):
        before, count = told.horizon_ns, int(rng.integers(1, 8))
        told.tell(values[done : done + count])
        done += count
        fresh = told.settle()
        # Nothing is told that a later window could still have changed, and what comes later is after the horizon.
        assert all(each.onset.ns - AROUND_S * 1e9 > before for each in fresh)
        assert all(each.end < grid.centre(told.window) - 15.36 - AROUND_S for each in fresh)
        found += fresh
        if rng.random() < 0.2:  # killed, and started again from what is kept
            past = values[told.settled - FIRST : done]
            keys = [known(each.event_class, each.onset.ns) for each in found]
            told = station(detector, rule, told.window, past, keys)
    told.over = True
    found += told.settle()
    assert sorted(found, key=lambda d: (d.onset, d.event_class)) == expected
    assert told.horizon_ns == np.inf


def test_what_is_remembered_does_not_grow(detector_of):
    told = station(detector_of("waveform"), Rule())
    quiet = np.tile(np.array([0.1, 0.2, 0.7], "f4"), (500, 1))
    told.tell(quiet)
    told.settle()
    assert told.window - told.settled < 5
    assert told.since > UTCDateTime(0) + 10.24 * (told.window - 5) - 180 - 20


def test_the_record_of_a_long_event_is_bounded(detector_of):
    told = station(detector_of("waveform"), Rule())
    told.tell(np.tile(np.array([0.9, 0.05, 0.05], "f4"), (2000, 1)))
    assert told.settle() == []
    assert told.window - told.settled == 2000
    reach = told.since - told._bound(told.window)
    assert -3600 - 20 < reach < -3600 - 10


@pytest.mark.parametrize("text", ["XX.AAA..HH?", "XX.AAA.--.HH?"])
def test_codes(text):
    assert Codes.parse(text) == Codes("XX.AAA.", "HH?")
    assert str(Codes.parse(text)) == "XX.AAA..HH?"


@pytest.mark.parametrize("text", ["", "XX.AAA", "XX..00.HHZ", "X?.AAA..HHZ", "XX.AAA.*.HHZ", "XX.AAA.."])
def test_what_are_no_codes(text):
    with pytest.raises(ParameterError, match=r"is not NET\.STA\.LOC\.CHA, with wildcards in CHA alone\. Write XX\.AAA"):
        Codes.parse(text)
