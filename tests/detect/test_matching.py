"""Detections against a catalogue: compared with brute force, symmetric, and the scores counted by hand."""

from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tremorlab.detect.matching import match, recall_by, scores
from tremorlab.errors import CatalogError

START = pd.Timestamp("2011-02-15T00:00:00Z")


def table(rows, prefix="e"):
    """(class, onset, end) in seconds."""
    return pd.DataFrame(
        {
            "event_id": [f"{prefix}{k}" for k in range(len(rows))],
            "event_class": pd.Series([row[0] for row in rows], dtype="str"),
            "onset": pd.Series([START + pd.Timedelta(row[1], "s") for row in rows], dtype="datetime64[ns, UTC]"),
            "end": pd.Series(
                [pd.NaT if row[2] is None else START + pd.Timedelta(row[2], "s") for row in rows],
                dtype="datetime64[ns, UTC]",
            ),
        }
    )


def touch(a, b, tolerance):
    return a[0] == b[0] and a[1] - b[2] <= tolerance and b[1] - a[2] <= tolerance


def best_by_hand(left, right, tolerance):
    """Number of pairs and sum of onset differences of the best one-to-one pairing, trying all."""
    best = (0, 0.0)
    for size in range(min(len(left), len(right)), 0, -1):
        sums = [
            sum(abs(left[i][1] - right[j][1]) for i, j in zip(own, others, strict=True))
            for own in combinations(range(len(left)), size)
            for others in permutations(range(len(right)), size)
            if all(touch(left[i], right[j], tolerance) for i, j in zip(own, others, strict=True))
        ]
        if sums:
            return size, min(sums)
    return best


_EVENTS = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 100), st.integers(0, 20)).map(lambda t: (t[0], t[1], t[1] + t[2])),
    max_size=5,
)


@settings(max_examples=150, deadline=None)
@given(left=_EVENTS, right=_EVENTS, tolerance=st.sampled_from([0, 3, 12]))
def test_the_pairs_are_the_best_of_all(left, right, tolerance):
    matched = match(table(left, "d"), table(right), tolerance)
    found = (len(matched.pairs), matched.pairs["onset_error_s"].abs().sum())
    assert found == pytest.approx(best_by_hand(left, right, tolerance))
    assert matched.pairs["detection"].is_unique
    assert matched.pairs["event"].is_unique
    for mine, theirs, frame, prefix in ((left, right, matched.detections, "d"), (right, left, matched.catalogue, "e")):
        for row in frame.itertuples():
            own = mine[int(row.event_id.removeprefix(prefix))]
            touching = [other for other in theirs if touch(own, other, tolerance)]
            assert (row.state == "alone") == (not touching)
            assert (row.partner != "") == (row.state == "paired")
            others = {other[0] for other in theirs if touch((other[0], *own[1:]), other, tolerance)} - {own[0]}
            assert row.other_class == (others.pop() if others else "")


@settings(max_examples=100, deadline=None)
@given(left=_EVENTS, right=_EVENTS)
def test_both_sides_are_treated_alike(left, right):
    here, there = match(table(left, "d"), table(right), 5), match(table(right), table(left, "d"), 5)
    assert len(here.pairs) == len(there.pairs)
    assert here.pairs["onset_error_s"].abs().sum() == pytest.approx(there.pairs["onset_error_s"].abs().sum())
    alone = [set(f.loc[f["state"] == "alone", "event_id"]) for f in (here.detections, there.catalogue)]
    assert alone[0] == alone[1]


def case():
    """Two tremors (one found in two pieces), three earthquakes (two found as one, one missed), two false alarms."""
    catalogue = table([("tremor", 0, 100), ("tremor", 500, 600), ("quake", 1000, 1010), ("quake", 1020, 1030),
                       ("quake", 3000, None)])  # fmt: skip
    detections = table([("tremor", 4, 40), ("tremor", 60, 110), ("tremor", 490, 610), ("quake", 1001, 1035),
                        ("tremor", 2000, 2100), ("tremor", 3001, 3005)], "d")  # fmt: skip
    return match(detections, catalogue, 2)


def test_pieces_and_unions_are_shared_and_a_wrong_class_is_named():
    matched = case()
    assert matched.detections["state"].tolist() == ["paired", "shared", "paired", "paired", "alone", "alone"]
    assert matched.catalogue["state"].tolist() == ["paired", "paired", "paired", "shared", "alone"]
    assert matched.detections["other_class"].tolist() == ["", "", "", "", "", "quake"]
    assert matched.catalogue["other_class"].tolist() == ["", "", "", "", "tremor"]
    assert matched.pairs["onset_error_s"].tolist() == [4, -10, 1]


def test_scores_are_those_counted_by_hand():
    found = scores(case(), 10.0, complete=True)
    assert found.loc["tremor", ["events", "detections", "recall", "precision", "false_per_hour"]].tolist() == [
        2, 5, 1.0, pytest.approx(3 / 5), 0.2,
    ]  # fmt: skip
    assert found.loc["quake", ["events", "detections", "precision", "false_per_hour"]].tolist() == [3, 1, 1.0, 0.0]
    assert found.loc["quake", "recall"] == pytest.approx(1 / 3)
    assert found.loc["quake", "touched"] == pytest.approx(2 / 3)
    assert found.loc["quake", "recall_low"] == pytest.approx(0.0615, abs=1e-3)  # Wilson 1927
    assert found.loc["tremor", "onset_error_s"] == -3
    incomplete = scores(case(), 10.0, complete=False)
    assert "precision" not in incomplete
    assert incomplete.loc["tremor", ["unconfirmed", "unconfirmed_per_hour"]].tolist() == [2, 0.2]


def test_recall_by_ratio():
    matched = case()
    matched.catalogue["snr_db"] = [3.0, 6.0, 9.0, 4.0, np.nan]
    found = recall_by(matched, "snr_db", [0, 6, 12, 20])
    assert found["events"].tolist() == [2, 2, 0]
    assert found["recall"].tolist()[:2] == [0.5, 1.0]
    assert np.isnan(found["recall"][2])


def test_an_event_at_several_stations_counts_once_from_its_first_onset_to_its_last_end():
    catalogue = table([("a", 10, 20), ("a", 5, 12), ("a", 12, 40)])
    catalogue["event_id"] = "one"
    matched = match(table([("a", 42, 50)], "d"), catalogue, 2)
    assert len(matched.catalogue) == 1
    assert matched.pairs["onset_error_s"].tolist() == [37]


def test_nothing_against_nothing():
    empty = table([])
    assert len(match(empty, empty, 1).pairs) == 0
    assert scores(match(empty, table([("a", 0, 1)]), 1), 1.0, complete=True).loc["a", "recall"] == 0
    assert scores(match(table([("a", 0, 1)]), empty, 1), 1.0, complete=True).loc["a", "precision"] == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: match(table([]).drop(columns="end"), table([]), 1), r"detections: column\(s\) end missing"),
        (lambda: match(table([]), table([]), -1), "tolerance: -1 s is negative"),
        (lambda: scores(case(), 0, complete=True), "hours: 0 h of record"),
        (lambda: recall_by(case(), "snr_db", [0, 1]), "catalogue: has no column 'snr_db'"),
    ],
)
def test_what_cannot_be_compared_is_named(call, message):
    with pytest.raises(CatalogError, match=message):
        call()
