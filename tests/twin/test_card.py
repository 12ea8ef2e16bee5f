"""The data card is counted from the truth, and its recipe makes the same scenario."""

import numpy as np
import pandas as pd
import pytest

from tremorlab.twin.card import describe, recipe
from tremorlab.twin.scenario import configure

SCENARIO = configure(setting="colombia", days=2, stations=1, seed=7, rate_hz=50, rates={"eruption": 3.0})


@pytest.fixture
def truth():
    rows = [
        (0, "vt", 12.0, "a", "vt", 0.2, 0),
        (1, "vt", 4.0, "b", "eruption", -0.6, 0),
        (2, "vt", -8.0, "", "", np.nan, 0),
        (3, "eruption", 20.0, "c", "eruption", 1.5, 0),
        (4, "long_period", -9.0, "", "", np.nan, 0),
        (-1, "noise", -9.0, "d", "noise", np.nan, 1),
        (-1, "noise", np.nan, "e", "noise", np.nan, 0),
    ]
    names = ["event", "event_class", "snr_db", "catalogue_id", "catalogue_class", "onset_error_s", "hidden"]
    return pd.DataFrame(rows, columns=names)


def lines(truth, faults=("spike", "spike", "gap"), clutter=("clock_drift",)):
    return describe(SCENARIO, truth, pd.DataFrame({"kind": faults}), pd.DataFrame({"kind": clutter})).splitlines()


def test_events_are_counted_by_true_class(truth):
    card = lines(truth)
    assert "| vt | 3 | 3 | 2 | 1 | -7, 4, 11 | 4, 8, 12 | 0.4 |" in card
    assert "| eruption | 1 | 1 | 1 | 0 | 20, 20, 20 | 20, 20, 20 | 1.5 |" in card
    assert "| long_period | 1 | 1 | 0 | 0 | -9, -9, -9 | none | none |" in card


def test_noise_windows_with_something_hidden_are_counted(truth):
    said = "2 noise windows are listed, chosen where nothing is; in 1 of them an event that nobody listed reaches the "
    assert said + "station." in lines(truth)


def test_faults_and_clutter_are_rates(truth):
    card = lines(truth)
    assert "| spike | 2 | 1.0 |" in card
    assert "| clock drift | 1 | 0.5 |" in card


def test_every_table_has_cells_for_its_head(truth):
    width = 0
    for line in lines(truth):
        width = 0 if not line.startswith("|") else width or line.count("|")
        assert line.count("|") == width


def test_the_recipe_makes_the_same_scenario():
    made = {}
    exec(recipe(SCENARIO).replace("simulate(", "made['scenario'], _ = (", 1), {"made": made})
    assert made["scenario"] == SCENARIO


def test_the_recipe_names_the_seed_even_where_it_is_the_default():
    assert "seed=20150815" in recipe(configure(setting="nankai", days=1))
