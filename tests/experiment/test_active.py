"""The labelling loop: what it asks for, what it learns, and files that an analyst fills in."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tremorlab.errors import DatasetError, ParameterError
from tremorlab.experiment import active
from tremorlab.experiment.active import STRATEGIES, Loop, labels_until, simulate
from tremorlab.experiment.pretraining import Pooled
from tremorlab.experiment.unlabelled import UNCLEAR

CLASSES = ("eruption", "vt", "noise")


def blobs(rng, counts):
    """Three clouds that overlap, in ten dimensions of which two tell them apart."""
    centres = {"eruption": (2.5, 0), "vt": (0, 2.5), "noise": (0, 0)}
    labels = np.repeat(list(counts), list(counts.values()))
    features = rng.normal(size=(len(labels), 10))
    for name, centre in centres.items():
        features[labels == name, :2] += centre
    return features, labels


@pytest.fixture(scope="module")
def pooled() -> Pooled:
    rng = np.random.default_rng(0)
    pool, labels = blobs(rng, {"noise": 1800, "vt": 150, "eruption": 50})
    labels = labels.astype(object)
    labels[rng.choice(len(labels), 40, replace=False)] = UNCLEAR
    test, test_labels = blobs(rng, {"noise": 300, "vt": 200, "eruption": 200})
    return Pooled(CLASSES, pool, labels.astype(str), test, test_labels, pd.DataFrame())


def curves(pooled, strategy, budget=149, seeds=6):
    return [simulate(pooled, strategy, first=3, batch=20, budget=budget, seed=seed) for seed in range(seeds)]


def test_asking_where_it_is_unsure_needs_fewer_labels_than_asking_anywhere():
    # Few events, so that a random choice seldom meets one: the gain is some five of its standard errors over seeds.
    rng = np.random.default_rng(0)
    pool, labels = blobs(rng, {"noise": 1800, "vt": 50, "eruption": 30})
    rare = Pooled(CLASSES, pool, labels, *blobs(rng, {"noise": 300, "vt": 200, "eruption": 200}), pd.DataFrame())
    last = {s: np.mean([c["score"].iloc[-1] for c in curves(rare, s, budget=249)]) for s in STRATEGIES}
    assert last["uncertain"] > last["random"] + 0.01
    assert last["uncertain and diverse"] > last["random"] + 0.01


def test_all_strategies_begin_alike_and_spend_the_same(pooled):
    for seed in range(2):
        found = [simulate(pooled, s, first=3, batch=20, budget=60, seed=seed) for s in STRATEGIES]
        assert len({tuple(each.iloc[0]) for each in found}) == 1
        assert all(each["labels"].tolist() == [9, 29, 49, 60] for each in found)
        told = found[0][[f"of {name}" for name in CLASSES]].sum(axis=1) + found[0]["unclear"]
        assert told.tolist() == found[0]["labels"].tolist()


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(STRATEGIES), st.integers(1, 30), st.integers(0, 50))
def test_no_window_is_asked_for_twice(strategy, count, seed):
    features, labels = blobs(np.random.default_rng(1), {"noise": 60, "vt": 12, "eruption": 12})
    known = [int(np.flatnonzero(labels == name)[0]) for name in CLASSES]
    loop, rng, seen = Loop(features, CLASSES, known, list(CLASSES)), np.random.default_rng(seed), set(known)
    for _ in range(3):
        asked = loop.ask(count, strategy, rng)
        assert len(set(asked)) == len(asked) == min(count, len(labels) - len(seen))
        assert not seen & set(asked.tolist())
        seen |= set(asked.tolist())
        loop.tell(asked, labels[asked])
        assert loop.spent == len(seen)


def test_uncertain_windows_are_those_between_classes(pooled):
    known = np.concatenate([np.flatnonzero(pooled.pool_labels == name)[:40] for name in CLASSES])
    loop = Loop(pooled.pool, CLASSES, known, pooled.pool_labels[known])
    asked = loop.ask(20, "uncertain", np.random.default_rng(0))
    others = np.setdiff1d(np.flatnonzero(loop.answers == ""), asked)

    def margins(windows):
        best = np.sort(loop._model.predict_proba(loop._features[windows]), axis=1)
        return best[:, -1] - best[:, -2]

    assert margins(asked).max() <= margins(others).min()


@pytest.mark.parametrize(("score", "labels"), [(0.5, 10.0), (0.6, 20.0), (0.7, 30.0), (0.75, 40.0), (0.9, np.inf)])
def test_labels_until_a_score_are_read_between_points(score, labels):
    curve = pd.DataFrame({"labels": [10, 30, 50], "score": [0.5, 0.7, 0.8]})
    assert labels_until(curve, score) == pytest.approx(labels)


def test_questions_are_filled_in_by_hand_and_come_back(tmp_path):
    windows = pd.DataFrame({"station": ["XX.A", "XX.B", "XX.A"], "start": [0, 10**9, 2 * 10**9]})
    windows = windows.assign(end=windows["start"] + 10**10)
    path = tmp_path / "質問 1.csv"
    active.write_questions(path, windows, [2, 0])
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[1] == "2,XX.A,1970-01-01T00:00:02.000000Z,1970-01-01T00:00:12.000000Z,"
    path.write_text("\n".join([lines[0], lines[1] + "vt", lines[2]]), encoding="utf-8-sig")
    assert active.read_answers(path, CLASSES) == ([2], ["vt"])
    path.write_text("\n".join([lines[0], lines[1] + "thunder"]), encoding="utf-8")
    with pytest.raises(
        DatasetError, match=r"質問 1.csv, row 2: answer 'thunder' is none of eruption, vt, noise, unclear"
    ):
        active.read_answers(path, CLASSES)
    path.write_text("\n".join([lines[0], lines[1].replace("2,", "x,", 1) + "vt"]), encoding="utf-8")
    with pytest.raises(DatasetError, match=r"row 2: window 'x' is no number"):
        active.read_answers(path, CLASSES)
    path.write_text("window,start\n1,2\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"column\(s\) answer missing"):
        active.read_answers(path, CLASSES)


def test_what_a_loop_cannot_begin_or_go_on_with_is_refused(pooled):
    with pytest.raises(DatasetError, match="labelling loop: begins without eruption, vt"):
        Loop(pooled.pool, CLASSES, [0], ["noise"])
    with pytest.raises(DatasetError, match="window 1: answer 'tremor' is none of"):
        Loop(pooled.pool, CLASSES, [0, 1], ["noise", "tremor"])
    with pytest.raises(DatasetError, match=r"pool: holds \d+ windows of eruption, 500 are to be known"):
        simulate(pooled, "random", first=500, batch=1, budget=5, seed=0)
    known = [int(np.flatnonzero(pooled.pool_labels == name)[0]) for name in CLASSES]
    with pytest.raises(ParameterError, match="strategy: 'guess' is unknown"):
        Loop(pooled.pool, CLASSES, known, list(CLASSES)).ask(1, "guess", np.random.default_rng(0))
