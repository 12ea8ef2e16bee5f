"""What is not signal must not tell the class: clutter, faults and the record before an event."""

import numpy as np
import pytest
from scipy import stats
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from tremorlab.classify import rivals
from tremorlab.dataset.features import features
from tremorlab.twin import clutter, faults
from tremorlab.twin.direct import RATE_HZ, windows
from tremorlab.twin.events import draw_events
from tremorlab.twin.scenario import ACTIVITY, configure

WINDOW_S = 164.0


def spans(setting, days=20, seed=5):
    """Window starts of each class of a twin, by origin time; no seismogram is needed."""
    scenario = configure(setting=setting, days=days, seed=seed, stations=1)
    found = {}
    for event in draw_events(scenario):
        found.setdefault(event.event_class, []).append(max(event.origin_s - 40.0, 0.0))
    return scenario, found


@pytest.mark.parametrize("setting", ["nankai", "sakurajima"])
def test_windows_of_all_classes_hold_the_same_clutter(setting):
    scenario, starts = spans(setting)
    station = scenario.geometry.stations[0]
    whole = clutter.between(station, 0.0, scenario.duration_s, setting, scenario.seed)
    begin = np.sort([item.start_s for item in whole])
    # One window an hour and class, so that the counts are independent.
    table = []
    for times in starts.values():
        times = np.sort(times)
        apart = times[np.r_[True, np.diff(times // 3600) > 0]]
        hit = np.searchsorted(begin, apart + WINDOW_S) > np.searchsorted(begin, apart)
        table.append([hit.sum(), (~hit).sum()])
    table = np.array(table)
    assert len(table) == len(ACTIVITY[setting])
    assert table.sum(axis=0).min() > 30
    assert stats.chi2_contingency(table[table.sum(axis=1) > 20]).pvalue > 0.01


def test_faults_fall_on_all_classes_alike():
    scenario, starts = spans("sakurajima")
    station = scenario.geometry.stations[0]
    drawn = [fault for day in range(scenario.days) for fault in faults.draw(station, day, scenario.seed, 30.0)]
    begin = np.sort([fault.start_s for fault in drawn])
    table = []
    for times in starts.values():
        hits = np.searchsorted(begin, np.array(times) + WINDOW_S) > np.searchsorted(begin, times)
        table.append([hits.sum(), (~hits).sum()])
    table = np.array(table)
    assert table[:, 0].sum() > 30
    assert stats.chi2_contingency(table[table.sum(axis=1) > 50]).pvalue > 0.01


@pytest.mark.parametrize(("setting", "classes"), [("nankai", ("earthquake", "tremor", "noise"))])
def test_a_forest_cannot_tell_the_class_before_the_event(setting, classes, monkeypatch):
    monkeypatch.setattr(rivals, "TREES", 60)
    scenario = configure(setting=setting, days=1, seed=2)
    # A window that ends a second before the first arrival.
    waveforms, table = windows(scenario, classes, 30, samples=800, onset_s=800 / RATE_HZ + 1.0)
    labels = table["event_class"].to_numpy()
    forest = rivals.estimators(0)["forest"]
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    predicted = cross_val_predict(forest, features(waveforms, RATE_HZ), labels, cv=folds)
    score = rivals.scored(labels, predicted, np.arange(len(labels)), seed=0)
    assert score.low < 1 / len(classes) < score.high


def test_the_same_forest_would_tell_the_event_itself(monkeypatch):
    """The test above can fail: five seconds of signal in the window are enough to see it."""
    monkeypatch.setattr(rivals, "TREES", 60)
    scenario = configure(setting="nankai", days=1, seed=2)
    waveforms, table = windows(scenario, ("earthquake", "noise"), 15, samples=800, onset_s=800 / RATE_HZ - 12.0)
    labels = table["event_class"].to_numpy()
    forest = rivals.estimators(0)["forest"]
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    predicted = cross_val_predict(forest, features(waveforms, RATE_HZ), labels, cv=folds)
    assert rivals.scored(labels, predicted, np.arange(len(labels)), seed=0).low > 0.5
