"""Records searched with a catalogue beside them that is not complete: here those of a twin with its catalogue."""

import numpy as np
import pandas as pd
import pytest

from tests.experiment.test_records import ASKED, OTHER
from tremorlab import study as studies
from tremorlab.catalog.sources import of_study
from tremorlab.errors import DataMissingError
from tremorlab.experiment.recorded_days import Days, Found, Stretch, empty_hours, recorded_days
from tremorlab.twin.keep import kept

HOURS = 8.0


@pytest.fixture(scope="module")
def asked(cache):
    stretch = Stretch(study=str(kept(OTHER)), start="2015-01-01T06:00:00Z", hours=HOURS)
    return Days(name="small_days", month=ASKED, stretches=(stretch,))


@pytest.fixture(scope="module")
def found(asked):
    return recorded_days(asked)


def test_every_catalogued_event_of_the_stretch_has_its_row(asked, found):
    (stretch,) = asked.stretches
    catalog = of_study(studies.load(stretch.study))
    catalog = catalog[catalog["event_class"] != "noise"]
    after_s = (catalog["onset"] - pd.Timestamp(stretch.begin.ns, tz="UTC")).dt.total_seconds()
    inside = catalog[(after_s >= 0) & (after_s < 3600 * HOURS)]
    rows = set(zip(found.events["station"], found.events["event_id"], strict=True))
    assert rows == set(zip(inside["station"], inside["event_id"], strict=True))
    assert found.events["onset_s"].between(0, 3600 * HOURS).all()
    assert set(found.events["sought"]) == {"eruption", "vt"}


def test_rules_are_those_of_the_month_and_alarms_are_matched(found):
    assert found.systems == ASKED.searchers.names
    for (system, station), alarms in found.alarms.groupby(["system", "station"]):
        own = found.events[found.events["station"] == station]
        assert (alarms["state"] == "paired").sum() == (own[f"{system} state"] == "paired").sum()
    assert (found.alarms["state"] == "alone").any()  # what the catalogue does not list is unconfirmed


def test_hours_and_strips_are_those_of_the_stretch(asked, found):
    assert found.stations["hours"].between(0.5 * HOURS, HOURS).all()
    assert len(found.stations) == 2
    (strip,) = found.strips.values()
    assert len(strip["amplitude"]) == len(strip["1D"]) == pytest.approx(3600 * HOURS / 10.24, abs=2)
    known = np.isfinite(strip["1D"][:, 0])
    assert strip["1D"][known].sum(axis=1) == pytest.approx(1, abs=5e-3)
    assert recorded_days(asked).answer.origin == "kept"


def test_missing_recordings_are_said_before_anything_is_searched(monkeypatch, cache):
    monkeypatch.delenv("TREMORLAB_DATA", raising=False)
    stretch = Stretch(study="reventador_2005", start="2005-08-02T07:00:00Z", hours=0.5)
    with pytest.raises(DataMissingError):
        recorded_days(Days(name="missing", month=ASKED, stretches=(stretch,)), again=True)


def test_an_hour_with_an_event_or_its_coda_is_not_empty():
    events = pd.DataFrame({"study": ["day"] * 2, "onset_s": [3600 * 2.5, 3600 * 20.9]})
    alarms = pd.DataFrame({"study": ["day"] * 4, "onset_s": [1800.0, 3600 * 2.2, 3600 * 21.1, 3600 * 12.0]})
    made = Found((), (), events, alarms, pd.DataFrame(), {}, None)
    rows, hours = empty_hours(made, "day", 18, 3)
    assert hours == 9 - 3  # 2, and 20 with what follows it within ten minutes
    assert rows["onset_s"].tolist() == [1800.0]
    rows, hours = empty_hours(made, "day", 10, 14)
    assert (len(rows), hours) == (1, 4)
