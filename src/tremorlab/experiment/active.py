"""Which windows an analyst should label next: a loop of asking, labelling and training anew.

    loop = Loop(features, classes, known, answers)
    while budget:
        asked = loop.ask(20, "uncertain and diverse", rng)     # windows to look at
        loop.tell(asked, [analyst(window) for window in asked])

"uncertain" asks for the windows whose two most probable classes are nearest to each other. "uncertain and diverse"
takes many such windows, and of these some that lie far from each other, so that a batch is not twenty times the same
question (after Zhdanov 2019, arXiv:1901.05954, with the seeding of k-means++ in place of k-means). The classifier is
`tremorlab.experiment.pretraining.probe` on features, which is trained anew after each batch in a fraction of a second.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd
from sklearn.cluster import kmeans_plusplus
from sklearn.metrics import balanced_accuracy_score, recall_score
from threadpoolctl import threadpool_limits

from tremorlab.errors import DatasetError, ParameterError
from tremorlab.experiment.pretraining import Pooled, probe
from tremorlab.experiment.unlabelled import UNCLEAR

Strategy = Literal["random", "uncertain", "uncertain and diverse"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)

#: Of so many times the windows that are asked for, the diverse ones are taken.
_WIDER = 5


class Loop:
    """What is known of a pool of windows.

    Parameters
    ----------
    features
        (windows, features) of the pool.
    classes
        That answers may be; others are `UNCLEAR`, and teach nothing.
    known, answers
        Windows that are labelled at the start, at least one of each class, and their classes.

    Raises
    ------
    DatasetError
        A class has no window at the start.
    """

    def __init__(self, features: np.ndarray, classes: Sequence[str], known: Sequence[int], answers: Sequence[str]):
        self._features, self.classes = np.asarray(features, "f4"), tuple(classes)
        #: Answer for each window; "" where it was not asked for.
        self.answers = np.full(len(self._features), "", dtype=object)
        self.tell(known, answers)
        if missing := sorted(set(self.classes) - set(self.answers)):
            raise DatasetError(
                "labelling loop", f"begins without {', '.join(missing)}", "Label one of each class first"
            )

    @property
    def spent(self) -> int:
        """Windows that were looked at, those without an answer too."""
        return int((self.answers != "").sum())

    def tell(self, windows: Sequence[int], answers: Sequence[str]) -> None:
        """Take answers and train anew.

        Raises
        ------
        DatasetError
            An answer is neither a class nor `UNCLEAR`.
        """
        allowed = {*self.classes, UNCLEAR}
        for window, answer in zip(windows, answers, strict=True):
            if answer not in allowed:
                raise DatasetError(
                    f"window {window}", f"answer {answer!r} is none of {', '.join(sorted(allowed))}", "Give one of them"
                )
        self.answers[np.asarray(windows, int)] = list(answers)
        told = np.isin(self.answers, self.classes)
        if len(set(self.answers[told])) > 1:
            self._model = probe().fit(self._features[told], self.answers[told].astype(str))

    def ask(self, count: int, strategy: Strategy, rng: np.random.Generator) -> np.ndarray:
        """Windows to be labelled next, as many as there are left at most.

        Raises
        ------
        ParameterError
            The strategy is unknown.
        """
        if strategy not in STRATEGIES:
            raise ParameterError("strategy", f"{strategy!r} is unknown", f"Choose one of {', '.join(STRATEGIES)}")
        left = np.flatnonzero(self.answers == "")
        if strategy == "random" or len(left) <= count:
            return rng.choice(left, min(count, len(left)), replace=False)
        best = np.sort(self._model.predict_proba(self._features[left]), axis=1)
        doubt = 1 - (best[:, -1] - best[:, -2])
        order = np.argsort(-doubt, kind="stable")
        if strategy == "uncertain":
            return left[order[:count]]
        near = order[: _WIDER * count]
        scaled = self._model[0].transform(self._features[left[near]])
        seed = int(rng.integers(2**31))
        _, chosen = kmeans_plusplus(scaled, count, sample_weight=doubt[near], random_state=seed)
        return left[near[chosen]]

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Class of windows."""
        return self._model.predict(np.asarray(features, "f4"))


def simulate(pooled: Pooled, strategy: Strategy, *, first: int, batch: int, budget: int, seed: int) -> pd.DataFrame:
    """Run the loop with the truth as the analyst.

    Parameters
    ----------
    pooled
        Windows to label and to test on.
    strategy
        One of `STRATEGIES`.
    first
        Windows of each class that are known at the start; the same for all strategies of a seed.
    batch
        Windows asked for at a time.
    budget
        Windows looked at in the end, those known at the start included.
    seed
        Of everything drawn.

    Returns
    -------
    pandas.DataFrame
        After each batch: labels (windows looked at), score (balanced accuracy on the test windows), unclear (of the
        labels), and for each class ``of CLASS`` (labelled windows) and ``recall CLASS``.

    Raises
    ------
    DatasetError
        The pool has fewer windows of a class than are to be known.
    """
    rng = np.random.default_rng(seed)
    known = []
    for name in pooled.classes:
        own = np.flatnonzero(pooled.pool_labels == name)
        if len(own) < first:
            raise DatasetError(
                "pool", f"holds {len(own)} windows of {name}, {first} are to be known", "Draw a larger pool"
            )
        known.append(rng.choice(own, first, replace=False))
    known = np.concatenate(known)
    loop = Loop(pooled.pool, pooled.classes, known, pooled.pool_labels[known])
    rows = [_row(loop, pooled)]
    with threadpool_limits(1):  # the fits are so small that threads only wait for each other
        while loop.spent < min(budget, len(pooled.pool)):
            asked = loop.ask(min(batch, budget - loop.spent), strategy, rng)
            loop.tell(asked, pooled.pool_labels[asked])
            rows.append(_row(loop, pooled))
    return pd.DataFrame(rows)


def labels_until(curve: pd.DataFrame, score: float) -> float:
    """Labels after which a curve first reaches a score, between its points by a straight line; infinite if never."""
    labels, scores = curve["labels"].to_numpy(float), np.maximum.accumulate(curve["score"].to_numpy())
    if scores[-1] < score:
        return np.inf
    after = int(np.argmax(scores >= score))
    if not after:
        return labels[0]
    return float(np.interp(score, scores[after - 1 : after + 1], labels[after - 1 : after + 1]))


def write_questions(path: str | Path, windows: pd.DataFrame, asked: Sequence[int]) -> None:
    """Write windows to be labelled as CSV: window, station, start, end (UTC), and an empty column for the answer."""
    rows = windows.iloc[list(asked)]
    stamps = {
        name: pd.to_datetime(rows[name], utc=True).dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for name in ("start", "end")
    }
    table = rows[["station"]].assign(**stamps, answer="")
    table.insert(0, "window", list(asked))
    partial = Path(path).with_name(f".{Path(path).name}.part")
    table.to_csv(partial, index=False)
    partial.replace(path)


def read_answers(path: str | Path, classes: Sequence[str]) -> tuple[list[int], list[str]]:
    """Read a file of `write_questions` that somebody has filled in; rows without an answer are left out.

    Raises
    ------
    DatasetError
        A column is missing, a window is no number, or an answer is neither a class nor `UNCLEAR`.
    """
    allowed, windows, answers = [*classes, UNCLEAR], [], []
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if missing := {"window", "answer"} - set(rows.fieldnames or ()):
            raise DatasetError(
                path, f"column(s) {', '.join(sorted(missing))} missing", "Keep the columns of the questions"
            )
        for number, row in enumerate(rows, start=2):
            answer = (row["answer"] or "").strip()
            if not answer:
                continue
            if answer not in allowed:
                raise DatasetError(
                    f"{path}, row {number}", f"answer {answer!r} is none of {', '.join(allowed)}", "Give one of them"
                )
            if not (row["window"] or "").strip().isdecimal():
                raise DatasetError(
                    f"{path}, row {number}", f"window {row['window']!r} is no number", "Leave it as it was"
                )
            windows.append(int(row["window"]))
            answers.append(answer)
    return windows, answers


def _row(loop, pooled):
    given, classes = loop.predict(pooled.test), list(pooled.classes)
    recalls = recall_score(pooled.test_labels, given, labels=classes, average=None, zero_division=0)
    return {
        "labels": loop.spent,
        "score": balanced_accuracy_score(pooled.test_labels, given),
        "unclear": int((loop.answers == UNCLEAR).sum()),
        **{f"of {name}": int((loop.answers == name).sum()) for name in classes},
        **{f"recall {name}": value for name, value in zip(classes, recalls, strict=True)},
    }
