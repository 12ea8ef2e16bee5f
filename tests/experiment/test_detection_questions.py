"""Months and recorded days: asked for with what comes with the compendium, and on nothing that was trained on."""

import pandas as pd
import pytest

from tremorlab import study as studies
from tremorlab.catalog.sources import of_study
from tremorlab.experiment import comparison, refresh
from tremorlab.experiment import detection_questions as asked


@pytest.mark.parametrize("setting", comparison.SETTINGS)
def test_a_month_is_of_a_seed_and_an_activity_of_its_own(setting):
    month = asked.month(setting)
    networks = month.searchers.networks
    trained_on = {each.windows.scenario.seed for each in networks.values()} | {month.searchers.forest.scenario.seed}
    assert len({month.scenario.seed, month.choice.seed, *trained_on}) == 3
    assert month.scenario.rates == {}  # training twins have more eruptions
    assert month.scenario.per_day("eruption" if setting == "sakurajima" else "earthquake") in (6.0, 60.0)
    assert set(networks) == set(asked.NETWORKS)
    for name, each in networks.items():
        assert each == comparison.compared(setting, "report-like", comparison.Size())[asked.NETWORKS[name]]
    assert list(asked.NETWORKS.values()) == list(refresh.TITLES)  # those that come with the compendium


def test_they_are_among_the_questions_that_are_refreshed():
    every = refresh.questions()
    own = asked.questions()
    assert [each.name for each in own] == ["nankai_month", "sakurajima_month", "recorded_days"]
    assert all(each in every for each in own)
    assert own[2].month == own[1]


@pytest.mark.parametrize("stretch", asked.STRETCHES, ids=lambda stretch: stretch.study)
def test_recorded_stretches_hold_events_that_are_sought(stretch):
    catalog = of_study(studies.load(stretch.study))
    begin = pd.Timestamp(stretch.begin.ns, tz="UTC")
    inside = catalog[(catalog["onset"] >= begin) & (catalog["onset"] < begin + pd.Timedelta(hours=stretch.hours))]
    assert (inside["event_class"].isin(["earthquake", "vt", "eruption"])).sum() >= 4
