import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy import UTCDateTime

from tremorlab import study
from tremorlab.catalog import readers, splits
from tremorlab.errors import CatalogError

FRACTIONS = {"train": 0.7, "validation": 0.15, "test": 0.15}
WINDOW_S = 163.84
few = settings(deadline=None, max_examples=25)


@st.composite
def windows(draw, most=40):
    """Tables of windows, several an event, at a few stations, close enough in time to overlap."""
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 15),
                st.sampled_from(["XX.A", "XX.B", "XX.C"]),
                st.integers(0, 9000),
                st.sampled_from([0, 0, 600, 3000]),
            ),
            max_size=most,
        )
    )
    table = pd.DataFrame(rows, columns=["event", "station", "second", "longer"])
    start = pd.Timestamp("2009-03-20T17:00Z") + pd.to_timedelta(table["second"], unit="s")
    return pd.DataFrame(
        {
            "event_id": "e" + table["event"].astype(str),
            "event_class": table["event"].map(lambda event: ["vt", "eruption", "noise"][event % 3]),
            "onset": start + pd.Timedelta(40, "s"),
            "station": table["station"],
            "start": start,
            "end": start + pd.to_timedelta(WINDOW_S + table["longer"], unit="s"),
        }
    ).set_index(pd.Index([f"w{i}" for i in range(len(table))]))


def events(classes, every="1h"):
    onset = pd.date_range("2009-03-20T00:00Z", periods=len(classes), freq=every)
    names = [f"e{i:04d}" for i in range(len(classes))]
    return pd.DataFrame({"event_id": names, "event_class": classes, "onset": onset, "station": ""})


# --- by event and at random ---------------------------------------------------------------------------------------


@given(windows(), st.integers(0, 99))
@few
def test_by_event_divides_every_row_and_no_event(table, seed):
    split = splits.by_event(table, FRACTIONS, seed)
    assert split.index.equals(table.index)
    assert set(split) <= set(FRACTIONS)
    assert (split.astype(str).groupby(table["event_id"].to_numpy()).nunique() == 1).all()
    assert "same_event" not in set(splits.leaks(table, split, WINDOW_S)["kind"])


@given(st.lists(st.integers(0, 40), min_size=1, max_size=6), st.lists(st.integers(1, 9), min_size=1, max_size=4))
@few
def test_counts_are_the_exact_shares_rounded_up_or_down(sizes, parts):
    fractions = {f"s{i}": part / sum(parts) for i, part in enumerate(parts)}
    table = events([f"c{i}" for i, size in enumerate(sizes) for _ in range(size)])
    counts = splits.class_counts(table, splits.by_event(table, fractions, seed=1))
    for name, fraction in fractions.items():
        share = [*(fraction * size for size in sizes if size), fraction * sum(sizes)]
        got = [*(counts.loc[f"c{i}", name] for i, size in enumerate(sizes) if size), counts[name].sum()]
        assert all(math.floor(s + 1e-9) <= g <= math.ceil(s - 1e-9) for s, g in zip(share, got, strict=True))
    assert counts.sum(axis=1).tolist() == [size for size in sizes if size]


@given(windows(), st.randoms())
@few
def test_division_depends_on_the_seed_and_not_on_the_order(table, shuffler):
    order = list(range(len(table)))
    shuffler.shuffle(order)
    one, other = (splits.by_event(rows, FRACTIONS, 5) for rows in (table, table.iloc[order]))
    assert one.equals(other.loc[table.index])


def test_other_seed_draws_other_events():
    table = events(["vt"] * 60)
    assert not splits.by_event(table, FRACTIONS, 1).equals(splits.by_event(table, FRACTIONS, 2))


def test_every_event_is_drawn_equally_often():
    table = events(["vt"] * 20)
    often = sum((splits.by_event(table, FRACTIONS, seed) == "test").to_numpy().astype(int) for seed in range(60))
    # 60 draws of 3 in 20: mean 9, standard deviation 2.8
    assert often.sum() == 180
    assert (np.abs(often - 9) < 13).all()
    assert often.min() < 9 < often.max()


def test_at_random_tears_events_apart():
    table = pd.concat([events(["vt"] * 40)] * 5, ignore_index=True)
    split = splits.at_random(table, FRACTIONS, seed=1)
    assert split.value_counts().to_dict() == {"train": 140, "validation": 30, "test": 30, "": 0}
    assert (splits.leaks(table, split, WINDOW_S)["kind"] == "same_event").sum() > 40


def test_empty_table_gives_an_empty_split():
    split = splits.by_event(events([]), FRACTIONS, 1)
    assert len(split) == 0
    assert splits.class_counts(events([]), split).shape == (0, 3)


@pytest.mark.parametrize(
    "fractions", [{}, {"train": 0.7, "test": 0.2}, {"train": 1.0, "test": 0.0}, {"a": 1.5, "b": -0.5}]
)
def test_fractions_must_be_positive_with_sum_one(fractions):
    with pytest.raises(CatalogError, match=r"fractions: \{.*\} are not positive with sum 1\. Correct them"):
        splits.by_event(events(["vt"]), fractions, 1)


# --- by period ----------------------------------------------------------------------------------------------------

DAY = UTCDateTime(2009, 3, 20)
PERIODS = {
    "train": [(DAY, DAY + 4 * 3600), (DAY + 8 * 3600, DAY + 9 * 3600)],
    "test": [(DAY + 4 * 3600, DAY + 6 * 3600)],
    "validation": [(UTCDateTime(2010, 1, 1), UTCDateTime(2010, 1, 2))],
}  # fmt: skip


def test_onset_of_an_event_decides_its_period():
    split = splits.by_period(events(["vt"] * 10), PERIODS)
    assert split.tolist() == ["train"] * 4 + ["test"] * 2 + ["", "", "train", ""]
    assert list(split.cat.categories) == ["train", "test", "validation", ""]


def test_window_across_a_border_is_in_no_period():
    start = pd.to_datetime(["2009-03-20T03:57:16.16Z", "2009-03-20T03:57:17Z", "2009-03-20T04:00Z"], format="ISO8601")
    table = pd.DataFrame({"onset": start, "start": start, "end": start + pd.Timedelta(seconds=WINDOW_S)})
    assert splits.by_period(table, PERIODS).tolist() == ["train", "", "test"]


@given(windows())
@few
def test_periods_share_no_ground_motion(table):
    hour = UTCDateTime(2009, 3, 20, 17)
    split = splits.by_period(table, {"train": [(hour, hour + 4000)], "test": [(hour + 4000, hour + 9000)]})
    assert "overlap" not in set(splits.leaks(table, split, WINDOW_S)["kind"])


def test_periods_that_overlap_or_run_backwards_are_refused():
    with pytest.raises(CatalogError, match=r"periods of train and test: overlap from 2009-03-20 10:00:00\+00:00 to"):
        splits.by_period(events(["vt"]), {"train": [(DAY, DAY + 86400)], "test": [(DAY + 36000, DAY + 40000)]})
    with pytest.raises(CatalogError, match=r"period of test: 2009-03-20 00:00:00\+00:00 is not after"):
        splits.by_period(events(["vt"]), {"test": [(DAY, DAY)]})


def test_inadequate_says_how_a_period_starves_a_class():
    table = events(["vt"] * 4 + ["vt", "eruption"] + ["vt"] * 4)
    counts = splits.class_counts(table, splits.by_period(table, PERIODS))
    assert counts.to_dict("index") == {
        "eruption": {"train": 0, "test": 1, "validation": 0},
        "vt": {"train": 5, "test": 1, "validation": 0},
    }
    shortage = splits.inadequate(counts, 2)
    assert list(shortage.itertuples(index=False, name=None)) == [
        ("train", "eruption", 0, 2), ("test", "eruption", 1, 2), ("test", "vt", 1, 2),
        ("validation", "eruption", 0, 2), ("validation", "vt", 0, 2),
    ]  # fmt: skip
    assert list(shortage.columns) == ["split", "event_class", "count", "minimum"]
    assert splits.inadequate(counts, 0).empty


def test_counts_are_of_events_not_of_windows():
    table = pd.concat([events(["vt", "noise"])] * 7, ignore_index=True)
    counts = splits.class_counts(table, pd.Series("train", index=table.index))
    assert counts["train"].to_dict() == {"noise": 1, "vt": 1}


# --- by station ---------------------------------------------------------------------------------------------------


def test_station_decides_the_split():
    table = events(["vt"] * 3).assign(station=["UW.HSR", "UW.SHW", "UW.EDM"])
    assert splits.by_station(table, {"train": ["UW.HSR"], "test": ["UW.EDM"]}).tolist() == ["train", "", "test"]


def test_station_twice_or_unknown_is_refused():
    table = events(["vt"]).assign(station="UW.HSR")
    with pytest.raises(CatalogError, match=r"station UW.HSR: is in both train and test\. Leave it in one"):
        splits.by_station(table, {"train": ["UW.HSR"], "test": ["UW.HSR"]})
    with pytest.raises(CatalogError, match=r"station UW.SHW of test: is not in the table, which has UW.HSR"):
        splits.by_station(table, {"train": ["UW.HSR"], "test": ["UW.SHW"]})
    with pytest.raises(CatalogError, match=r"is not in the table, which has no station"):
        splits.by_station(events(["vt"]), {"train": ["UW.HSR"]})


@pytest.mark.parametrize(
    ("settings_of", "expected"),
    [
        ({"kind": "event"}, lambda table: splits.by_event(table, FRACTIONS, 7)),
        ({"kind": "random"}, lambda table: splits.at_random(table, FRACTIONS, 7)),
        ({"kind": "period", "periods": {"test": [("2009-03-20T00:00Z", "2009-03-20T05:00Z")]}},
         lambda table: pd.Series(["test"] * 5 + [""] * 5)),
        ({"kind": "station", "stations": {"test": ["XX.A"]}}, lambda table: pd.Series(["test"] * 10)),
    ],
)  # fmt: skip
def test_study_names_the_kind_of_division(settings_of, expected):
    table = events(["vt"] * 10).assign(station="XX.A")
    split = splits.divide(table, study.Splits(**settings_of), seed=7)
    assert split.tolist() == expected(table).tolist()


# --- leaks --------------------------------------------------------------------------------------------------------


def brute_force(table, split):
    """All pairs, straight from the definitions."""
    kept = [i for i in range(len(table)) if split.iloc[i]]
    order = sorted(kept, key=lambda i: (table["start"].iloc[i], i))
    groups = {"same_event": set(), "same_hour": set(), "same_station": set()}
    overlaps = set()
    for i, j in itertools.permutations(range(len(order)), 2):
        one, other = table.iloc[order[i]], table.iloc[order[j]]
        pair = (split.iloc[order[i]], split.iloc[order[j]])
        if pair[0] == pair[1]:
            continue
        keys = {
            "same_event": (one.event_id, other.event_id),
            "same_hour": (one.start.floor("h"), other.start.floor("h")),
            "same_station": (one.station, other.station),
        }
        for kind, (key, other_key) in keys.items():
            if key == other_key:
                groups[kind].add((key, frozenset(pair)))
        if i < j and one.end > other.start:
            overlaps.add((other.name, pair[0], one.station == other.station))
    return groups, overlaps


@given(windows(), st.data())
@settings(deadline=None, max_examples=40)
def test_leaks_are_those_of_all_pairs(table, data):
    names = data.draw(
        st.lists(st.sampled_from(["train", "test", "validation", ""]), min_size=len(table), max_size=len(table))
    )
    split = pd.Series(names, index=table.index, dtype="str")
    groups, overlaps = brute_force(table, split)
    found = splits.leaks(table, split, WINDOW_S)
    column = {
        "same_event": table["event_id"],
        "same_hour": table["start"].dt.floor("h"),
        "same_station": table["station"],
    }
    for kind, expected in groups.items():
        rows = found[found["kind"] == kind]
        got = {(column[kind][r.first], frozenset((r.first_split, r.second_split))) for r in rows.itertuples()}
        assert got == expected
        assert len(rows) == len(expected)
        assert all(column[kind][r.first] == column[kind][r.second] for r in rows.itertuples())
    shared = found[found["kind"] == "overlap"]
    assert {(r.second, r.first_split, "same station" in r.detail) for r in shared.itertuples()} == overlaps
    assert len(shared) == len(overlaps)
    for leak in found.itertuples():
        assert (split[leak.first], split[leak.second]) == (leak.first_split, leak.second_split)


@given(windows(most=25), st.data())
@few
def test_leaving_out_the_later_windows_leaves_no_overlap(table, data):
    names = data.draw(st.lists(st.sampled_from(["train", "test"]), min_size=len(table), max_size=len(table)))
    split = pd.Series(names, index=table.index, dtype="str")
    found = splits.leaks(table, split, WINDOW_S)
    late = set(found.loc[found["kind"] == "overlap", "second"])
    rest = table[~table.index.isin(late)]
    assert "overlap" not in set(splits.leaks(rest, split[rest.index], WINDOW_S)["kind"])


def two_windows(gap_s, stations=("XX.A", "XX.A"), names=("a", "b"), hour="2009-03-20T17:30Z"):
    start = pd.to_datetime([hour, pd.Timestamp(hour) + pd.Timedelta(seconds=gap_s)])
    end = start + pd.Timedelta(seconds=WINDOW_S)
    return pd.DataFrame({"event_id": names, "onset": start, "station": stations, "start": start, "end": end})


def leaks_of(table):
    found = splits.leaks(table, pd.Series(["train", "test"]), WINDOW_S)
    return dict(zip(found["kind"], found["detail"], strict=True))


def test_details_say_what_is_shared():
    assert leaks_of(two_windows(100, names=("a", "a"))) == {
        "same_event": "event a: 1 in train, 1 in test",
        "overlap": "63.84 s at the same station XX.A",
        "same_hour": "hour 2009-03-20T17: 1 in train, 1 in test",
        "same_station": "station XX.A: 1 in train, 1 in test",
    }
    assert leaks_of(two_windows(100, ("XX.A", "XX.B")))["overlap"] == "63.84 s at different stations XX.A and XX.B"


def test_windows_that_touch_do_not_overlap():
    assert "overlap" not in leaks_of(two_windows(WINDOW_S))
    assert "overlap" in leaks_of(two_windows(WINDOW_S - 0.04))


def test_clean_division_has_no_leak():
    assert leaks_of(two_windows(5000, ("XX.A", "XX.B"))) == {}


def test_event_occupies_at_least_a_window_and_its_own_length():
    onset = pd.to_datetime(["2009-03-20T00:00Z", "2009-03-20T00:02Z", "2009-03-20T05:00Z"], format="ISO8601")
    table = events(["vt"] * 3).assign(onset=onset, end=[pd.Timestamp("2009-03-20T06:00Z"), pd.NaT, pd.NaT])
    found = splits.leaks(table, pd.Series(["train", "train", "test"]), WINDOW_S)
    assert found["detail"].tolist() == ["163.84 s at the same station (any)"]
    assert (
        splits.leaks(table.drop(columns="end"), pd.Series(["train", "test", "test"]), 120.5)
        .loc[0, "detail"]
        .startswith("0.50 s")
    )


def test_leaks_of_a_real_tremor_catalogue_are_found_in_seconds(recordings):
    catalog = readers.read(
        recordings / "catalogues/cascadia_mbbp_tremor_2011.csv",
        onset="start_utc", end="end_utc", event_class="tremor", timezone="UTC",
    )  # fmt: skip
    found = splits.leaks(catalog, splits.at_random(catalog, FRACTIONS, 1), WINDOW_S)
    minute = catalog["onset"].diff().dt.total_seconds()
    assert (found["kind"] == "overlap").sum() > 0.3 * (minute < WINDOW_S).sum()


def test_split_of_another_table_is_refused():
    with pytest.raises(CatalogError, match=r"split: has another index than the table\. Divide this very table"):
        splits.leaks(events(["vt"] * 3), pd.Series(["train"] * 2), WINDOW_S)


@pytest.mark.parametrize("missing", ["event_id", "onset", "station"])
def test_table_without_a_column_is_refused(missing):
    with pytest.raises(CatalogError, match=rf"table to divide: column\(s\) {missing} missing\. Give windows or events"):
        splits.leaks(events(["vt"]).drop(columns=missing), pd.Series(["train"]), WINDOW_S)
