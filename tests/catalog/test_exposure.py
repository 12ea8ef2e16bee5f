import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tremorlab.catalog.exposure import exposure
from tremorlab.errors import CatalogError

WINDOW = pd.Timedelta(seconds=163.84)

rows = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.sampled_from(["XX.A", "XX.B"]),
        st.integers(0, 40_000),
        st.sampled_from(["train", "test", ""]),
    ),
    min_size=2,
    max_size=30,
)


def table(rows):
    events, stations, seconds, split = zip(*rows, strict=True)
    start = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(seconds, unit="s")
    frame = pd.DataFrame({"event_id": events, "station": stations, "start": start, "end": start + WINDOW})
    return frame, pd.Series(split)


@settings(max_examples=80, deadline=None)
@given(rows)
def test_shares_are_those_of_comparing_all_pairs(rows):
    windows, split = table(rows)
    if not {"train", "test"} <= set(split):
        return
    seen, unseen = windows[split == "train"], windows[split == "test"]

    def share(matches):
        return np.mean([any(matches(a, b) for b in seen.itertuples()) for a in unseen.itertuples()])

    found = exposure(windows, split)
    assert found["same_event"] == pytest.approx(share(lambda a, b: a.event_id == b.event_id))
    assert found["same_station"] == pytest.approx(share(lambda a, b: a.station == b.station))
    assert found["same_hour"] == pytest.approx(share(lambda a, b: a.start.floor("h") == b.start.floor("h")))
    assert found["overlap"] == pytest.approx(share(lambda a, b: a.start < b.end and b.start < a.end))


def test_windows_end_to_end_do_not_overlap():
    windows, split = table([("a", "XX.A", 0, "train"), ("b", "XX.A", 0, "test")])
    windows.loc[1, ["start", "end"]] = [windows["end"][0], windows["end"][0] + WINDOW]
    assert exposure(windows, split)["overlap"] == 0


def test_a_split_without_training_is_refused():
    windows, split = table([("a", "XX.A", 0, "test"), ("b", "XX.A", 0, "")])
    with pytest.raises(CatalogError, match=r"no window is in split 'train'\. Look at the class counts"):
        exposure(windows, split)


def test_a_split_without_test_is_refused():
    windows, split = table([("a", "XX.A", 0, "train"), ("b", "XX.A", 0, "")])
    with pytest.raises(CatalogError, match=r"no window is outside split 'train'"):
        exposure(windows, split)
