"""The flawed catalogue: what is missed, late and wrong follows the stated laws, and the truth knows."""

import numpy as np
import pandas as pd
import pytest

from tremorlab.catalog import table
from tremorlab.twin.flaws import NOISE_S, compile_catalogue, seen_probability, timestamp
from tremorlab.twin.scenario import Scenario

SCENARIO = Scenario(setting="sakurajima", days=30, seed=6, stations=2)


def truth_of(n, snr_db, event_class="vt", scenario=SCENARIO, length_s=20.0, spacing_s=600.0):
    rows = []
    for event in range(n):
        onset = 1000.0 + event * spacing_s
        for station in scenario.geometry.stations:
            rows.append({
                "event": event, "event_class": event_class if isinstance(event_class, str) else event_class[event],
                "magnitude": 1.0, "x_km": 1.0, "y_km": 0.5, "z_km": 2.0, "origin_s": onset - 1,
                "station": f"{station.network}.{station.station}", "distance_km": 3.0, "onset_s": onset,
                "end_s": onset + length_s, "snr_db": snr_db if np.isscalar(snr_db) else snr_db[event],
            })  # fmt: skip
    return pd.DataFrame(rows)


def test_the_catalogue_is_in_the_schema_and_linked_to_the_truth():
    catalogue, truth = compile_catalogue(SCENARIO, truth_of(100, 8.0))
    pd.testing.assert_frame_equal(table.validate(catalogue), catalogue)
    listed = truth[truth["catalogue_id"] != ""]
    assert catalogue.loc[catalogue["event_class"] == "vt", "end"].isna().all()
    one, other = catalogue[["event_id", "station"]], listed[["catalogue_id", "station"]]
    assert sorted(one.itertuples(index=False, name=None)) == sorted(other.itertuples(index=False, name=None))


def test_an_event_has_one_id_at_all_its_stations():
    catalogue, truth = compile_catalogue(SCENARIO, truth_of(100, 8.0))
    listed = truth.query("event >= 0 and catalogue_id != ''")
    assert listed.groupby("event")["catalogue_id"].nunique().eq(1).all()
    assert listed.groupby("catalogue_id")["event"].nunique().eq(1).all()
    assert listed["event"].duplicated().sum() > 50
    places = catalogue[catalogue["event_class"] == "vt"].groupby("event_id")[["latitude", "longitude", "magnitude"]]
    assert places.nunique().eq(1).all(axis=None)
    noise = catalogue.loc[catalogue["event_class"] == "noise", "event_id"]
    assert noise.is_unique


def test_the_chance_of_being_listed_rises_with_the_signal_to_noise_ratio():
    for snr in (-6.0, 0.0, 2.0, 6.0, 15.0):
        _, truth = compile_catalogue(SCENARIO, truth_of(400, snr))
        share = (truth.query("event >= 0")["catalogue_id"] != "").mean()
        assert share == pytest.approx(seen_probability(snr), abs=0.06)
    assert seen_probability(2.0) == pytest.approx(0.5)


def test_the_law_of_listing_is_the_same_for_every_class():
    listed = [
        (compile_catalogue(SCENARIO, truth_of(200, 3.0, kind))[1].query("event >= 0")["catalogue_id"] != "").to_numpy()
        for kind in ("vt", "eruption", "long_period")
    ]
    assert (listed[0] == listed[1]).all()
    assert (listed[0] == listed[2]).all()


def test_two_in_a_hundred_have_a_wrong_class_at_all_stations_alike():
    classes = np.array(["vt", "eruption"])[(np.arange(1500) % 10 == 0).astype(int)]
    scenario = SCENARIO.model_copy(update={"noise_windows": 0.0})
    _, truth = compile_catalogue(scenario, truth_of(1500, 30.0, classes, spacing_s=300.0))
    listed = truth[truth["catalogue_id"] != ""]
    wrong = listed["catalogue_class"] != listed["event_class"]
    assert 0.01 < wrong.mean() < 0.03
    assert listed.groupby("event")["catalogue_class"].nunique().max() == 1
    right = scenario.model_copy(update={"wrong_labels": 0.0})
    _, truth = compile_catalogue(right, truth_of(300, 30.0, classes))
    assert (truth["catalogue_class"] == truth["event_class"])[truth["catalogue_id"] != ""].all()


def test_onsets_are_read_worse_in_noise_and_when_emergent():
    errors = {}
    for kind, snr in (("vt", 25.0), ("vt", 0.0), ("tremor", 25.0)):
        _, truth = compile_catalogue(SCENARIO, truth_of(600, snr, kind))
        errors[kind, snr] = truth["onset_error_s"].abs().median()
    assert errors["vt", 0.0] > 1.5 * errors["vt", 25.0]
    assert errors["tremor", 25.0] > 10 * errors["vt", 25.0]
    assert errors["vt", 25.0] == pytest.approx(0.1 * 0.74 * 1.06, rel=0.15)  # median of |t| with 4 degrees of freedom


def test_tremor_bursts_close_in_time_are_one_span():
    scenario = Scenario(setting="nankai", days=2, stations=1, seed=3)
    rows = truth_of(30, 30.0, "tremor", scenario, length_s=100.0, spacing_s=110.0)
    catalogue, truth = compile_catalogue(scenario, rows)
    spans = catalogue[catalogue["event_class"] == "tremor"]
    assert len(spans) < 5
    assert (spans["end"] - spans["onset"]).dt.total_seconds().max() > 1000
    assert set(truth.query("event >= 0")["catalogue_id"]) == set(spans["event_id"])
    apart, _ = compile_catalogue(scenario, truth_of(30, 30.0, "tremor", scenario, length_s=100.0))
    assert (apart["event_class"] == "tremor").sum() == 30


def staggered(onsets_s, listed_at):
    """Bursts of 40 s at two stations, loud where they are to be listed."""
    scenario = Scenario(setting="nankai", days=2, stations=2, seed=3, wrong_labels=0.0, noise_windows=0.0)
    rows = truth_of(len(onsets_s), 60.0, "tremor", scenario)
    rows["onset_s"] = np.repeat(onsets_s, 2)
    rows["end_s"] = rows["onset_s"] + 40.0
    rows["snr_db"] = np.where(np.concatenate(listed_at), 60.0, -60.0)
    return compile_catalogue(scenario, rows)


def test_tremor_that_overlaps_at_different_stations_is_one_event_with_one_span_at_each():
    # At A the third burst is two minutes after the first; the second, seen at B only, bridges them.
    catalogue, truth = staggered([1000.0, 1080.0, 1160.0, 5000.0], [(1, 0), (0, 1), (1, 0), (1, 1)])
    assert catalogue.groupby("event_id")["station"].agg(sorted).to_dict() == {
        "nankai_000000": ["ZN.A01", "ZN.A02"],
        "nankai_000003": ["ZN.A01", "ZN.A02"],
    }
    first = catalogue.query("event_id == 'nankai_000000'").set_index("station")
    lengths = (first["end"] - first["onset"]).dt.total_seconds()
    assert lengths["ZN.A01"] == pytest.approx(200.0, abs=30.0)
    assert lengths["ZN.A02"] == pytest.approx(40.0, abs=30.0)
    assert first["remarks"].eq("event 0").all()
    assert truth["catalogue_id"].tolist() == [
        "nankai_000000", "", "", "nankai_000000", "nankai_000000", "", "nankai_000003", "nankai_000003",
    ]  # fmt: skip


def test_bursts_more_than_a_minute_apart_at_all_stations_are_two_events():
    catalogue, _ = staggered([1000.0, 1200.0], [(1, 0), (0, 1)])
    assert catalogue["event_id"].tolist() == ["nankai_000000", "nankai_000001"]


def test_listed_spans_of_different_events_of_tremor_do_not_overlap():
    scenario = Scenario(setting="nankai", days=10, stations=4, seed=2, noise_windows=0.0, wrong_labels=0.0)
    rng = np.random.default_rng(5)
    rows = truth_of(300, 3.0, "tremor", scenario, length_s=90.0)
    rows["onset_s"] = np.repeat(np.sort(rng.uniform(0, 60_000, 300)), 4) + rng.uniform(0, 20, len(rows))
    rows["end_s"] = rows["onset_s"] + 90.0
    catalogue, truth = compile_catalogue(scenario, rows)
    spans = catalogue.groupby("event_id").agg({"onset": "min", "end": "max"}).sort_values("onset")
    assert 20 < len(spans) < 280
    assert ((spans["onset"] - spans["end"].shift()).dt.total_seconds().iloc[1:] >= 59.99).all()
    assert truth.query("catalogue_id != ''").groupby("event")["catalogue_id"].nunique().eq(1).all()


def test_noise_windows_avoid_what_is_listed_and_may_hold_what_is_not():
    snr = np.where(np.arange(700) % 2, 20.0, -20.0)
    catalogue, truth = compile_catalogue(SCENARIO, truth_of(700, snr))
    noise, events = (catalogue[(catalogue["event_class"] == "noise") == wanted] for wanted in (True, False))
    assert len(noise) == events["event_class"].value_counts().max()
    onsets = np.sort(events["onset"].astype("int64").to_numpy())
    begin, end = (noise[name].astype("int64").to_numpy() for name in ("onset", "end"))
    after = np.append(onsets, end.max() + 1)[np.searchsorted(onsets, begin - 100 * 10**9)]
    assert (after > end).all()
    for _, own in noise.groupby("station"):
        assert np.diff(own["onset"].astype("int64").to_numpy()).min() >= NOISE_S * 1e9 - 1e6
    assert ((noise["end"] - noise["onset"]).dt.total_seconds() == NOISE_S).all()
    windows = truth[truth["event"] == -1]
    assert (windows["hidden"] > 0).any()
    assert windows.loc[windows["hidden"] > 0, "snr_db"].eq(-20.0).all()
    assert windows.loc[windows["hidden"] == 0, "snr_db"].isna().all()


def test_a_silent_twin_has_noise_windows_only():
    catalogue, truth = compile_catalogue(SCENARIO, truth_of(0, 1.0).reindex(columns=truth_of(1, 1.0).columns))
    assert set(catalogue["event_class"]) == {"noise"}
    assert len(truth) == len(catalogue) == 20


def test_noise_windows_are_given_up_where_there_is_no_room():
    crowded = truth_of(280, 30.0, length_s=300.0, spacing_s=300.0, scenario=SCENARIO)
    scenario = SCENARIO.model_copy(update={"days": 1})
    catalogue, _ = compile_catalogue(scenario, crowded.assign(event_class="eruption"))
    assert (catalogue["event_class"] == "noise").sum() < 50


def test_times_are_utc_to_the_millisecond():
    assert timestamp(SCENARIO, 1.23456) == pd.Timestamp("2015-01-01T00:00:01.235Z")
    assert timestamp(SCENARIO, np.nan) is pd.NaT
