"""A reader's own study, from windows to detections, on half an hour that anything can tell apart."""

import numpy as np
import pandas as pd
import pytest

from tests.intake.made import bring
from tremorlab import study as studies
from tremorlab.classify.training import probabilities
from tremorlab.detect.events import Rule, detections
from tremorlab.errors import DatasetError
from tremorlab.experiment import own_data as own
from tremorlab.experiment.own_reading import read
from tremorlab.intake.draft import Request, draft
from tremorlab.waveform.sources import open_source


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    place = bring(tmp_path_factory.mktemp("own") / "brought", minutes=60)
    asked = Request("mine", place / "events.csv", place / "waves", window_s=40.96)
    return studies.load(draft(asked, place / "mine.toml"))


@pytest.fixture(scope="module")
def found(study):
    return own.windows(study, draws=2)


@pytest.fixture(scope="module")
def run(cache, found):
    return own.train(found, seeds=(0,), epochs=12, workers=1)[0]


def test_windows_are_divided_as_the_study_says(study, found):
    assert found.classes == ("long_period", "vt", "noise")
    events = {part: set(table["event_id"]) for part, table in found.tables.items()}
    assert not events["train"] & events["test"]
    for part in own.PARTS:
        examples, table = found.examples[part], found.tables[part]
        assert examples.waveforms.shape == (len(table), 1, study.window.samples + 64)
        assert table["event_class"].map(found.classes.index).tolist() == examples.labels.tolist()


def test_a_further_draw_cuts_training_events_again_elsewhere(study, found):
    once = own.windows(study, draws=1)
    train, before = found.tables["train"], once.tables["train"]
    events = before["event_class"] != "noise"
    assert len(train) > len(before) + 0.8 * events.sum() - 4
    assert found.tables["test"].equals(once.tables["test"])
    twice = train[train["event_class"] != "noise"].groupby("window_id")["onset_s"].nunique()
    assert (twice == 2).mean() > 0.7  # near a border the second may lie across


def test_clipped_windows_stay_and_are_counted(study, found):
    whole = open_source(study)

    class Clipped:
        def get(self, *asked):
            stream = whole.get(*asked).copy()
            for trace in stream:
                trace.data = np.clip(trace.data, *np.quantile(trace.data, [0.02, 0.98]).astype(trace.data.dtype))
            return stream

    clipped = own.windows(study, source=Clipped())
    assert found.flags.get("clipping", 0) == 0
    assert clipped.flags["clipping"] > 0.5 * sum(map(len, clipped.tables.values()))
    assert len(clipped.skipped) == len(found.skipped)


def test_most_windows_of_a_class_are_whole_events(study, found):
    few = own.windows(study, most=24)
    counts = pd.concat(few.tables.values())["event_class"].value_counts()
    assert (counts <= 24).all()
    assert few.unused > found.unused
    stations = pd.concat(few.tables.values()).query("event_class == 'vt'").groupby("event_id")["station"].nunique()
    assert (stations == 2).mean() > 0.7  # an event is drawn with both of its stations


def test_events_without_record_do_not_use_up_what_a_class_may_have(study, tmp_path):
    """A catalogue of years beside half an hour of record."""
    (entry, *others), lines = study.catalogues, []
    with open(entry.file, encoding="utf-8") as file:
        lines = file.read().splitlines()
    far = [f"2023-01-{day:02d} 0{hour}:00:00;VT;1.0" for day in range(1, 29) for hour in range(9)]
    (tmp_path / "events.csv").write_text("\n".join(lines + far), encoding="utf-8")
    longer = entry.model_copy(update={"file": str(tmp_path / "events.csv")})
    made = own.windows(study.model_copy(update={"catalogues": [longer, *others]}), most=24)
    assert pd.concat(made.tables.values())["event_class"].value_counts()["vt"] >= 20


def test_a_study_without_a_validation_part_gives_training_events_to_it(study):
    periods = {name: spans for name, spans in study.splits.periods.items() if name != "validation"}
    assert periods, "the drafted study is divided by period"
    bare = study.model_copy(update={"splits": study.splits.model_copy(update={"periods": periods})})
    made = own.windows(bare)
    held, fit = (set(made.tables[name]["event_id"]) for name in ("validation", "train"))
    assert held
    assert not held & fit


def test_a_part_without_a_class_is_named(study):
    start, end = study.splits.periods["train"][0]
    periods = {"train": [(start, end - 1)], "test": [(end - 1, end)]}
    bare = study.model_copy(update={"splits": study.splits.model_copy(update={"periods": periods})})
    with pytest.raises(DatasetError, match=r"test windows of mine: hold no long_period.*See `tremorlab study check`"):
        own.windows(bare)


def test_network_and_forest_tell_what_anything_can_tell(found, run):
    test = found.examples["test"]
    network = probabilities(run.model(), test.waveforms).argmax(axis=1)
    forest = own.forest(found, 0).predict(own.table_of(found, "test"))
    guess = np.zeros(len(test.labels), int)
    table = own.scored(found, {"1D": network, "forest": forest, "guess": guess}, 0, draws=200)
    assert table.loc["1D", "balanced_accuracy"] > 0.6
    assert table.loc["forest", "balanced_accuracy"] > 0.6
    assert table.loc["guess", "balanced_accuracy"] == pytest.approx(1 / 3)
    assert (table["low"] <= table["balanced_accuracy"]).all()
    assert (table["balanced_accuracy"] <= table["high"]).all()


def test_the_network_finds_events_in_the_record(found, run, tmp_path):
    score = pd.Series({"balanced_accuracy": 0.9, "low": 0.8, "high": 1.0})
    detector = own.detector(found, run, score, tmp_path / "network")
    assert detector.about.classes == list(found.classes)
    searched = own.search(found, detector, own.spans(found), 2.56, 1.0)
    assert [each.station for each in searched] == ["XY.AA1.", "XY.AA2."]
    (begin, end), *_ = own.spans(found)
    assert begin <= searched[0].start <= end
    events = own.listed(found, searched[0])
    assert set(events["event_class"]) == {"long_period", "vt"}
    assert set(events["event_id"]) <= set(found.tables["test"]["event_id"])
    names = {each.event_class for each in detections(searched[0], Rule())}
    assert names
    assert names <= {"long_period", "vt"}
    loud = own.amplitudes(found, searched[0])
    assert loud.shape == (len(searched[0]),)
    assert np.nanmax(loud) > 5 * np.nanmedian(loud)


def test_a_search_is_as_long_as_it_may_be(found, run, tmp_path):
    score = pd.Series({"balanced_accuracy": 0.9, "low": 0.8, "high": 1.0})
    detector = own.detector(found, run, score, tmp_path / "network")
    short = own.search(found, detector, own.spans(found), 2.56, 200 / 86_400)
    assert all(len(each) * 2.56 <= 203 for each in short)
    assert own.search(found, detector, own.spans(found), 2.56, 10 / 86_400) == []


def test_filters_are_read_and_the_reading_is_tested(found, run):
    reading = read(found, [run])
    assert reading.trained[0].shape == reading.untrained[0].shape == (513, 2)
    assert not np.allclose(reading.trained[0], reading.untrained[0])
    assert reading.passed.shape == reading.fall.shape == (1, len(reading.bands_hz))
    assert (reading.passed >= 0).all()
    assert reading.fall.max() > 0.05  # what tells the classes apart lies in some band
    assert -1 <= reading.agreement[0] <= 1


def test_short_windows_get_fewer_stages(study):
    assert own.network_for(study).channels == (2, 16, 16)
    longer = study.model_copy(update={"window": study.window.model_copy(update={"samples": 4096})})
    assert own.network_for(longer).channels == (2, 16, 16, 16)
