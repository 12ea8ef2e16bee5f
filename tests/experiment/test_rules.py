"""Rules: chosen for what they find and report on days of their own, at a station and where two must agree."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy import UTCDateTime

from tremorlab.detect.continuous import Annotation
from tremorlab.detect.matching import match
from tremorlab.experiment import rules
from tremorlab.experiment.rules import Chosen, Criterion, choose, decide, second_snr, table_of, touches, vote
from tremorlab.experiment.searchers import BOTH, Heard, together

START = UTCDateTime(2015, 1, 1)
STATIONS = ("XX.A..HHZ", "XX.B..HHZ")
PLACES = {"XX.A": (0.0, 0.0), "XX.B": (0.0, 0.1)}
STEPS = 4000
LENGTH = 16  # windows that hold an event of no length


def heard(station, bumps):
    """A station at which the probability of an event is high around some windows."""
    share = np.full(STEPS, 0.05, "f4")
    for at, height in bumps:
        share[at - LENGTH // 2 : at + LENGTH // 2] = height
    shares = np.stack([share, 1 - share], axis=1)
    made = Annotation(station.rpartition(".")[0], "net", ("vt", "noise"), START, 10.24, 163.84, shares, [], [])
    return Heard(station, {"net": made})


def events(station, windows, snr_db=10.0):
    onset = [pd.Timestamp((START + 10.24 * at).ns, tz="UTC") for at in windows]
    rows = pd.DataFrame({"event_id": [f"{at}" for at in windows], "onset": onset, "end": onset})
    return rows.assign(event_class="vt", station=station[:4], snr_db=snr_db, recorded=True)


TRUE = (100, 900, 1700, 2500)
#: Both stations see the events, the second less surely; each has noise of its own that is taken for one.
HEARD = [
    heard(STATIONS[0], [(at, 0.97) for at in TRUE] + [(400, 0.93), (1200, 0.93)]),
    heard(STATIONS[1], [(at, 0.65) for at in TRUE] + [(700, 0.75), (3100, 0.75)]),
]
TRUTH = [events(station, TRUE) for station in STATIONS]


@pytest.fixture(scope="module")
def chosen() -> Chosen:
    return choose(("net",), HEARD, TRUTH, PLACES, Criterion(most_false=0.1))


def test_a_station_alone_has_to_be_sure_and_stations_that_vote_need_not(chosen):
    alone, voting = chosen.alone["net"]["vt"], chosen.voting["net"]["vt"]
    assert alone.on > 0.93  # below, the noise of a station is an event
    assert voting.on <= 0.65  # only so the second station sees the events
    found = [decide(each, "net", chosen.alone["net"]) for each in HEARD]
    assert [len(own) for own in found] == [len(TRUE), 0]
    found = [one for each in HEARD for one in decide(each, "net", chosen.voting["net"])]
    matched = vote(found, pd.concat(TRUTH), PLACES, 10.24)
    assert (matched.catalogue["state"] == "paired").all()
    assert len(matched.detections) == len(TRUE)


def test_more_false_alarms_may_be_allowed(chosen):
    daring = choose(("net",), HEARD, TRUTH, PLACES, Criterion(most_false=100.0))
    assert daring.alone["net"]["vt"].on <= 0.65
    assert chosen.alone != daring.alone


def test_of_rules_that_find_as_much_the_one_with_fewer_false_alarms_is_chosen():
    clear = [heard(station, [(at, 0.97) for at in TRUE] + [(400, 0.85)]) for station in STATIONS]
    found = choose(("net",), clear, TRUTH, PLACES, Criterion(most_false=100.0))
    assert found.alone["net"]["vt"].on > 0.85


def test_alarms_at_events_of_an_unknown_kind_do_not_make_a_rule_stricter():
    faint = [heard(station, [(at, 0.65) for at in TRUE] + [(3300, 0.75)]) for station in STATIONS]
    criterion, other = Criterion(most_false=0.1), [events(s, [3300]).assign(event_class="lp") for s in STATIONS]
    of_nothing = choose(("net",), faint, TRUTH, PLACES, criterion)
    assert of_nothing.alone["net"]["vt"].on > 0.75
    known = [pd.concat(both, ignore_index=True) for both in zip(TRUTH, other, strict=True)]
    found = choose(("net",), faint, known, PLACES, criterion)
    assert found.alone["net"]["vt"].on <= 0.65
    assert found.voting["net"]["vt"].on <= 0.65


def test_events_without_a_second_station_count_for_no_vote():
    table = pd.concat([events(STATIONS[0], TRUE, 12.0), events(STATIONS[1], TRUE, 3.0)])
    assert second_snr(table).to_dict() == {f"{at}": 3.0 for at in TRUE}
    table.loc[table["station"] == "XX.B", "recorded"] = False
    assert second_snr(table).empty


spans = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 300)), max_size=8)


@settings(deadline=None)
@given(spans, spans, st.sampled_from([0.0, 10.24, 50.0]))
def test_what_touches_is_what_is_not_alone(own, others, tolerance_s):
    left, right = (
        pd.DataFrame(
            {
                "event_id": [f"{n}" for n in range(len(rows))],
                "event_class": pd.Series(["vt"] * len(rows), dtype="str"),
                "onset": pd.to_datetime([at * 10**9 for at, _ in rows], utc=True).as_unit("ns"),
                "end": pd.to_datetime([(at + length) * 10**9 for at, length in rows], utc=True).as_unit("ns"),
            }
        )
        for rows in (own, others)
    )
    states = match(left, right, tolerance_s).detections.set_index("event_id")["state"]
    expected = (states.reindex(left["event_id"]) != "alone").to_numpy()
    assert touches(left, right, tolerance_s).tolist() == expected.tolist()


def test_no_detections_are_a_table_too():
    assert table_of([]).empty
    assert vote([], TRUTH[0], PLACES, 10.24).catalogue["state"].eq("alone").all()
    assert touches(table_of([]), TRUTH[0], 1.0).tolist() == []


def test_networks_together_are_their_mean_and_unknown_where_one_is():
    one, other = (heard(STATIONS[0], [(100, height)]).known for height in (0.2, 0.6))
    other.probabilities[7] = np.nan
    mean = together([one, other])
    assert mean.name == BOTH
    assert mean.probabilities[100] == pytest.approx([0.4, 0.6])
    assert not mean.known[7]
    assert mean.known.sum() == STEPS - 1
    assert one.probabilities[100] == pytest.approx([0.2, 0.8])


def test_there_are_rules_to_choose_from_for_either_kind_of_system():
    assert len(set(rules.TRIED)) == len(rules.TRIED) > 50
    assert len(set(rules.TRIED_TRIGGERS)) == len(rules.TRIED_TRIGGERS) > 50
