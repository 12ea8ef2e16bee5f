import pytest

from tremorlab.catalog import table
from tremorlab.catalog.activity import activity, summary
from tremorlab.errors import CatalogError


def catalogue(*times_and_classes):
    return table.from_records(
        {"event_id": str(i), "onset": time, "event_class": name, "source": "test", "reliability": "high"}
        for i, (time, name) in enumerate(times_and_classes)
    )


def test_counts_fall_into_the_utc_bin_whatever_the_zone():
    events = catalogue(("2015-08-15T08:30:00+09:00", "vt"), ("2015-08-15T09:30:00+09:00", "vt"))
    counts = activity(events, "day")
    assert counts["vt"].to_dict() == {
        counts.index[0]: 1,
        counts.index[1]: 1,
    }
    assert counts.index[0].isoformat() == "2015-08-14T00:00:00+00:00"


def test_empty_bins_between_bursts_are_kept():
    events = catalogue(("2015-01-10T00:00:00Z", "vt"), ("2015-04-01T00:00:00Z", "eruption"))
    counts = activity(events, "month")
    assert counts["vt"].tolist() == [1, 0, 0, 0]
    assert counts["eruption"].tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("period", ["minute", "hour", "day", "week", "month"])
def test_every_event_is_counted_once(period):
    times = [f"2015-01-0{1 + i % 9}T{i % 24:02d}:00:00Z" for i in range(40)]
    events = catalogue(*[(time, "vt" if i % 3 else "noise") for i, time in enumerate(times)])
    assert activity(events, period).to_numpy().sum() == 40


def test_an_event_at_several_stations_counts_once_at_its_earliest_onset():
    catalog = catalogue(("2015-01-01T23:59:59Z", "vt"), ("2015-01-02T00:00:01Z", "vt"), ("2015-01-02T05:00Z", "noise"))
    catalog = table.validate(catalog.assign(event_id=["a", "a", "b"], station=["XX.A", "XX.B", "XX.A"]))
    counts = activity(catalog, "day")
    assert counts["vt"].tolist() == [1, 0]
    assert counts["noise"].tolist() == [0, 1]
    assert summary(catalog)[["events", "classes"]].tolist() == [2, "noise 1, vt 1"]


def test_a_table_without_events_has_no_bins():
    assert activity(table.empty(), "day").empty
    assert summary(table.empty())["events"] == 0


def test_summary_counts_classes():
    row = summary(catalogue(("2015-01-10T00:00:00Z", "vt"), ("2015-01-11T00:00:00Z", "noise")))
    assert row["classes"] == "noise 1, vt 1"
    assert row["high reliability"] == 1.0


def test_unknown_period_is_refused():
    with pytest.raises(CatalogError, match=r"period 'year' is not one of minute, hour, day, week, month"):
        activity(table.empty(), "year")
