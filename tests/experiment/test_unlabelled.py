"""Windows drawn from continuous records: where they lie, and what they are said to hold."""

import numpy as np
import pandas as pd
import pytest

from tremorlab import study as studies
from tremorlab.classify.networks import WaveformNetwork
from tremorlab.classify.pretraining import Pretraining
from tremorlab.errors import DatasetError
from tremorlab.experiment import pretraining, unlabelled
from tremorlab.experiment.pretraining import Pool, Question, Sources, Tuning
from tremorlab.experiment.twin_windows import TwinWindows
from tremorlab.experiment.unlabelled import UNCLEAR, TwinRecord
from tremorlab.twin.keep import kept
from tremorlab.twin.scenario import configure

RATES = {"eruption": 30.0, "vt": 30.0, "long_period": 0.0, "volcanic_tremor": 0.0, "earthquake": 0.0}
TWIN = configure(setting="sakurajima", days=3, stations=1, rate_hz=25, seed=3, rates=RATES)
SAMPLES = 4160


@pytest.fixture(scope="module")
def record(tmp_path_factory) -> TwinRecord:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TREMORLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        kept(TWIN)
        yield TwinRecord(scenario=TWIN)


@pytest.fixture(scope="module")
def windows(record):
    study = studies.load(kept(record.scenario))
    given = (record, study.preparation, study.components)
    return given, unlabelled.drawn(*given, 300, SAMPLES, 1)


def test_windows_lie_anywhere_and_are_what_the_station_recorded(windows):
    given, (waveforms, table) = windows
    assert waveforms.shape == (300, 1, SAMPLES)
    assert np.isfinite(waveforms).all()
    assert (waveforms.std(axis=2) > 0).all()
    day = (table["start"] - TWIN.begin.ns) // (86_400 * 10**9)
    assert day.value_counts().tolist() == [100, 100, 100]
    assert (table["end"] - table["start"] == round(SAMPLES / given[1].sampling_rate_hz * 1e9)).all()
    again = unlabelled.drawn(*given, 300, SAMPLES, 1)
    np.testing.assert_array_equal(waveforms, again[0])
    other = unlabelled.drawn(*given, 30, SAMPLES, 2, share=(2 / 3, 1))[1]
    assert (other["start"] >= TWIN.begin.ns + 2 * 86_400 * 10**9).all()


def test_labels_say_what_the_truth_has(record, windows):
    _, (_, table) = windows
    classes = ("eruption", "vt", "noise")
    found = unlabelled.labels(record, table, classes)
    assert {"eruption", "vt", "noise"} <= set(found) <= {*classes, UNCLEAR}
    truth = pd.read_csv(kept(record.scenario).parent / "truth.csv", keep_default_na=False)
    truth = truth[truth["event"] >= 0]
    onset, end = (pd.to_datetime(truth[n], utc=True).dt.as_unit("ns").astype("int64") for n in ("onset", "end"))
    for row, label in zip(table.itertuples(), found, strict=True):
        there = truth[(onset < row.end) & (end > row.start) & (pd.to_numeric(truth["snr_db"]) >= 3)]
        if label == "noise":
            assert there.empty
        elif label != UNCLEAR:
            assert label in set(there["event_class"])
    # Where the class has no name, such windows are unclear.
    fewer = unlabelled.labels(record, table, ("eruption", "noise"))
    assert (fewer[found == "vt"] == UNCLEAR).all()
    assert (fewer[found != "vt"] == found[found != "vt"]).all()


def test_a_record_without_a_whole_window_is_refused(windows):
    given, _ = windows
    with pytest.raises(DatasetError, match=r"has no whole window of 9999999 samples\. Take another stretch"):
        unlabelled.drawn(*given, 10, 9_999_999, 1)


@pytest.fixture(scope="module")
def asked(record) -> Question:
    return Question(
        name="small",
        network=WaveformNetwork(channels=(4, 8), hidden=8, over_time="pooled"),
        settings=Pretraining(steps=4, batch=16),
        sources={"twin": Sources(record=record, windows=32)},
        labelled={"sakurajima": TwinWindows(scenario=TWIN)},
        tuned={"sakurajima": "twin"},
        labels=(3,),
        draws=2,
        trainings=1,
        tuning=Tuning(steps=2),
        pools={"sakurajima": Pool(record=record, encoder="twin", pool=60, test=200, most=20)},
    )


def test_scores_and_pools_are_there_and_the_same_twice(asked):
    found = pretraining.pretrained(asked)
    counts = found.scores.groupby(["way", "source"]).size().to_dict()
    expected = {("probe", "untrained"): 2, ("probe", "twin"): 2, ("forest", ""): 2}
    assert counts == expected | {("from nothing", ""): 1, ("tuned", "twin"): 1}
    assert found.scores["score"].between(0, 1).all()
    pool = found.pools["sakurajima"]
    assert pool.pool.shape[0] == len(pool.pool_labels) == 60
    assert pool.test.shape[0] == len(pool.test_labels)
    assert pd.Series(pool.test_labels).value_counts().max() <= 20
    assert len(pool.windows) == 60
    assert (unlabelled.labels(asked.pools["sakurajima"].record, pool.windows, pool.classes) == pool.pool_labels).all()
    assert UNCLEAR not in pool.test_labels
    again = pretraining.pretrained(asked, again=True)
    pd.testing.assert_frame_equal(found.scores, again.scores)
    assert found.answer.origin in ("computed", "kept")


def test_more_labels_than_there_are_windows_are_refused(asked):
    many = asked.model_copy(update={"labels": (100_000,)})
    with pytest.raises(DatasetError, match=r"training windows of sakurajima: \d+ of class 0\. Label \d+ or fewer"):
        pretraining.pretrained(many)
