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
    assert set(listed["catalogue_id"]) == set(catalogue["event_id"])
    assert catalogue.loc[catalogue["event_class"] == "vt", "end"].isna().all()
    own = catalogue.set_index("event_id").loc[listed.query("event >= 0")["catalogue_id"]]
    assert (own["station"].to_numpy() == listed.query("event >= 0")["station"].to_numpy()).all()


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
