"""A simulated day searched by a small network and the forest, against its truth and against its catalogue.

The catalogue is not complete, which makes the same day stand for a recorded one.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.experiment.small import SCENARIO, WINDOWS, ask
from tremorlab import study as studies
from tremorlab.catalog.sources import of_study
from tremorlab.detect.events import Rule
from tremorlab.errors import DataMissingError, DatasetError
from tremorlab.experiment import records, rules
from tremorlab.experiment.recorded_days import Days, Found, Stretch, empty_hours, recorded_days
from tremorlab.experiment.records import Month, false_alarms, recall_by_snr, searched
from tremorlab.experiment.rules import Criterion
from tremorlab.experiment.searchers import RIVAL, Searchers
from tremorlab.twin.keep import kept

OTHER = SCENARIO.model_copy(update={"seed": 4, "stations": 2, "faults": 20.0})
ASKED = Month(
    name="small_month",
    scenario=OTHER,
    choice=SCENARIO,
    criterion=Criterion(most_false=10.0),
    searchers=Searchers(networks={"1D": ask(seeds=(0,), epochs=8)}, forest=WINDOWS),
)


HOURS = 8.0


@pytest.fixture(scope="module")
def found(cache):
    return searched(ASKED)


@pytest.fixture(scope="module")
def truth(cache):
    table = pd.read_csv(kept(OTHER).parent / "truth.csv")
    return table[table["event"] >= 0]


def test_every_true_event_of_every_station_has_its_row(found, truth):
    assert len(found.events) == len(truth)
    for station, own in found.events.groupby("station"):
        true = truth[truth["station"] == station].sort_values(["onset", "event"])
        assert set(own["event"]) == set(true["event"])
        snr = own.set_index("event")["snr_db"]
        assert snr.loc[true["event"]].to_numpy() == pytest.approx(true["snr_db"].to_numpy(), abs=1e-3)
        begin = pd.Timestamp(OTHER.begin.ns, tz="UTC")
        onset = (pd.to_datetime(true["onset"]) - begin).dt.total_seconds()
        assert np.sort(own["onset_s"]) == pytest.approx(np.sort(onset), abs=2e-3)


def test_recall_and_its_interval_are_those_of_the_rows(found):
    assert found.systems == ("1D", RIVAL)
    for system in found.systems:
        table = recall_by_snr(found.events, system, [-30, 12, 60]).fillna(0)
        used = found.events[found.events["recorded"]]
        strong = used[used["snr_db"].between(12, 60, inclusive="left")]
        assert table["recall"][1] == pytest.approx((strong[f"{system} state"] != "alone").mean())
        assert table["events"].sum() >= used["event"].nunique()
        assert (table["recall_low"] <= table["recall"]).all()
        assert (table["recall"] <= table["recall_high"]).all()
    forest = recall_by_snr(found.events, RIVAL, [15, 60])
    assert forest["recall"][0] > 0.5


def test_found_events_have_a_detection_and_false_alarms_touch_nothing_of_their_class(found):
    for (system, station), alarms in found.alarms.groupby(["system", "station"]):
        events = found.events[found.events["station"] == station]
        paired = (events[f"{system} state"] == "paired").sum()
        assert paired == (alarms["state"] == "paired").sum()
        assert (events[f"{system} error_s"].notna() == (events[f"{system} state"] == "paired")).all()
        own = events[f"{system} state"] != "alone"
        assert (events.loc[own, f"{system} given"] == events.loc[own, "event_class"]).all()
        for alarm in alarms[alarms["state"] == "alone"].itertuples():
            same = events[events["event_class"] == alarm.event_class]
            apart = np.maximum(same["onset_s"] - alarm.end_s, alarm.onset_s - same["end_s"])
            assert (apart > ASKED.criterion.tolerance_s).all()


def test_false_alarms_are_parted_by_what_they_touch(found):
    table = false_alarms(found)
    days = sum(found.hours.values()) / 24
    alone = found.alarms[found.alarms["state"] == "alone"]
    assert table.to_numpy().sum() * days == pytest.approx(len(alone))
    assert table.loc[("vt", RIVAL), "wrong"] * days == pytest.approx(
        ((alone["system"] == RIVAL) & (alone["event_class"] == "vt") & (alone["touches"] == "eruption")).sum()
    )
    assert (table["unknown"] == 0).all()  # this twin has no other kinds
    other = found.alarms.assign(touches="long_period")
    assert false_alarms(replace(found, alarms=other))["unknown"].sum() * days == pytest.approx(len(alone))


def test_what_was_not_recorded_is_not_counted(found, truth):
    assert set(found.hours) == set(truth["station"])
    assert all(20 < hours < 24 for hours in found.hours.values())
    assert not found.events["recorded"].all()
    assert found.events["recorded"].mean() > 0.8
    used = recall_by_snr(found.events, "1D", [-99, 99])
    assert used["events"][0] == found.events.loc[found.events["recorded"], "event"].nunique()


def test_votes_find_events_of_two_stations(found):
    assert found.voted["event"].is_unique
    two = found.events[found.events["recorded"]].groupby("event")["station"].count() == 2
    assert found.voted.set_index("event")["recorded"].reindex(two.index).tolist() == two.tolist()
    least = found.events[found.events["recorded"]].groupby("event")["snr_db"].min()[two]
    voted = found.voted.set_index("event").loc[least.index, "snr_db"]
    assert voted.to_numpy() == pytest.approx(least.to_numpy())
    for system, own in found.voted_alarms.groupby("system"):
        assert (own["state"] == "paired").sum() == (found.voted[f"{system} state"] == "paired").sum()
    alone = (found.voted_alarms["state"] == "alone").sum()
    days = max(found.hours.values()) / 24
    assert false_alarms(found, voting=True).to_numpy().sum() * days == pytest.approx(alone)


def test_the_day_has_amplitudes_and_probabilities(found):
    day = found.day
    assert len(day["amplitude"]) == len(day["1D"]) == pytest.approx(8421, abs=20)
    known = np.isfinite(day["1D"][:, 0])
    assert day["1D"][known].sum(axis=1) == pytest.approx(1, abs=5e-3)
    assert np.isfinite(day["amplitude"]).mean() > 0.8


def test_rules_are_those_of_the_choice_and_come_back_from_the_file(found):
    for way in (found.rules.alone, found.rules.voting):
        assert list(way) == list(found.systems)
        assert {kind: type(rule) for kind, rule in way["1D"].items()} == {"eruption": Rule, "vt": Rule}
        assert set(way["1D"].values()) <= set(rules.TRIED)
        assert set(way[RIVAL].values()) <= set(rules.TRIED_TRIGGERS)
    again = searched(ASKED)
    assert again.answer.origin == "kept"
    assert again.rules == found.rules
    pd.testing.assert_frame_equal(again.events, found.events)


def test_the_days_of_the_choice_are_not_the_month(cache):
    same = ASKED.model_copy(update={"choice": OTHER})
    with pytest.raises(DatasetError, match="are of one seed, 4"):
        records.searched(same)


@pytest.fixture(scope="module")
def asked(found):
    stretch = Stretch(study=str(kept(OTHER)), start="2015-01-01T06:00:00Z", hours=HOURS)
    return Days(name="small_days", month=ASKED, stretches=(stretch,))


@pytest.fixture(scope="module")
def days(asked):
    return recorded_days(asked)


def test_every_catalogued_event_of_the_stretch_has_its_row(asked, days):
    (stretch,) = asked.stretches
    catalog = of_study(studies.load(stretch.study))
    catalog = catalog[catalog["event_class"] != "noise"]
    after_s = (catalog["onset"] - pd.Timestamp(stretch.begin.ns, tz="UTC")).dt.total_seconds()
    inside = catalog[(after_s >= 0) & (after_s < 3600 * HOURS)]
    rows = set(zip(days.events["station"], days.events["event_id"], strict=True))
    assert rows == set(zip(inside["station"], inside["event_id"], strict=True))
    assert days.events["onset_s"].between(0, 3600 * HOURS).all()
    assert set(days.events["sought"]) == {"eruption", "vt"}


def test_rules_are_those_of_the_month_and_alarms_are_matched(days):
    assert days.systems == ASKED.searchers.names
    for (system, station), alarms in days.alarms.groupby(["system", "station"]):
        own = days.events[days.events["station"] == station]
        assert (alarms["state"] == "paired").sum() == (own[f"{system} state"] == "paired").sum()
    assert (days.alarms["state"] == "alone").any()  # what the catalogue does not list is unconfirmed


def test_hours_and_strips_are_those_of_the_stretch(asked, days):
    assert days.stations["hours"].between(0.5 * HOURS, HOURS).all()
    assert len(days.stations) == 2
    (strip,) = days.strips.values()
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
