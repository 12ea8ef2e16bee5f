import numpy as np
import pandas as pd
import pytest

from tremorlab.catalog.starvation import starvation
from tremorlab.errors import CatalogError


def catalogue(classes):
    classes = list(classes)
    return pd.DataFrame({"event_id": range(len(classes)), "event_class": classes})


def test_blocks_are_counted_as_by_hand():
    result = starvation(catalogue(["vt"] * 6 + ["eruption"] * 4), share=0.3, minimum=2)
    # Blocks of three, eight of them: vvv vvv vvv vvv vve vee eee eee
    assert result.loc["eruption", "in_blocks"] == pytest.approx(5 / 8)
    assert result.loc["vt", "in_blocks"] == pytest.approx(3 / 8)
    assert result.loc["eruption", "expected"] == pytest.approx(1.2)


def test_shuffled_share_agrees_with_drawing():
    classes = np.array(["vt"] * 80 + ["eruption"] * 20)
    expected = starvation(catalogue(classes), share=0.2, minimum=4).loc["eruption", "if_shuffled"]
    rng = np.random.default_rng(1)
    drawn = [(rng.permutation(classes)[:20] == "eruption").sum() < 4 for _ in range(4000)]
    assert np.mean(drawn) == pytest.approx(expected, abs=0.03)


def test_without_bursts_blocks_starve_as_often_as_shuffled_draws():
    rng = np.random.default_rng(2)
    table = catalogue(rng.permutation(["vt"] * 9000 + ["eruption"] * 1000))
    row = starvation(table, share=0.005, minimum=4).loc["eruption"]
    assert row["in_blocks"] == pytest.approx(row["if_shuffled"], abs=0.05)


def test_an_event_counts_once_however_many_stations_list_it():
    single = catalogue(["vt"] * 6 + ["eruption"] * 4)
    at_two_stations = single.loc[single.index.repeat(2)].reset_index(drop=True)
    pd.testing.assert_frame_equal(starvation(at_two_stations, 0.3, 2), starvation(single, 0.3, 2))


def test_bursts_starve_more_blocks_than_chance():
    table = catalogue((["vt"] * 90 + ["eruption"] * 10) * 5)
    row = starvation(table, share=0.05, minimum=2).loc["eruption"]
    assert row["in_blocks"] > row["if_shuffled"] + 0.2


def test_share_must_be_a_share():
    with pytest.raises(CatalogError, match=r"share 1.5 is not between 0 and 1\. A usual test share is 0.15"):
        starvation(catalogue(["vt"]), share=1.5)


def test_short_catalogue_is_refused():
    with pytest.raises(CatalogError, match=r"2 events are too few for a block of 15%"):
        starvation(catalogue(["vt", "noise"]))
