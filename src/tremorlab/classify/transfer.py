"""The twin's true grade: a random forest that has seen nothing but twins, scored on recorded windows.

Studies differ in their classes and in the length of their windows. Classes are mapped to three that all share, and
each study is scored by a forest trained on twin windows of the same length and onset; predictions are pooled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tremorlab.classify.rivals import Score, estimators, scored
from tremorlab.errors import DatasetError

#: Class of the comparison -> classes of studies and twins that it gathers; others take no part.
CLASSES = {
    "earthquake": ("earthquake", "vt", "volcanic_earthquake"),
    "tremor": ("tremor", "eruption", "volcanic_tremor"),
    "noise": ("noise",),
}


@dataclass(frozen=True, eq=False)
class Labelled:
    """Windows of twins or of a recorded study, prepared and cut alike.

    Attributes
    ----------
    features
        Table of `tremorlab.dataset.features.features`.
    classes
        Class of each window, as its study has it.
    events
        Event of each window.
    """

    features: pd.DataFrame
    classes: np.ndarray
    events: np.ndarray

    def shared(self) -> Labelled:
        """The windows whose class is in the comparison, with the class that they have there."""
        own = {name: gathered for gathered, names in CLASSES.items() for name in names}
        classes = np.array([own.get(name, "") for name in self.classes], dtype=object)
        kept = classes != ""
        return Labelled(self.features[kept], classes[kept].astype(str), np.asarray(self.events)[kept])


def transfer(twins: dict[str, Labelled], recorded: dict[str, Labelled], *, seed: int) -> tuple[Score, pd.DataFrame]:
    """Train on twins, predict recorded windows.

    Parameters
    ----------
    twins
        Study -> twin windows, cut like those of the study.
    recorded
        Study -> its windows.
    seed
        Seed of the forests and of the bootstrap over events.

    Returns
    -------
    score : Score
        Of all recorded windows together, by event of each study.
    by_study : pandas.DataFrame
        Recorded windows by study and true class (rows) and predicted class (columns).

    Raises
    ------
    DatasetError
        A study has no twin windows, no window of a shared class, or the twin lacks a class.
    """
    truth, predicted, events, studies = [], [], [], []
    for name, own in recorded.items():
        if name not in twins:
            raise DatasetError(f"study {name}", "has no twin windows", "Cut twin windows like those of the study")
        train, test = twins[name].shared(), own.shared()
        if missing := set(CLASSES) - set(train.classes):
            raise DatasetError(f"twin for {name}", f"has no {', '.join(sorted(missing))}", "Simulate a longer twin")
        if not len(test.classes):
            raise DatasetError(f"study {name}", "has no window of a shared class", "Leave the study out")
        forest = estimators(seed)["forest"].fit(train.features, train.classes)
        predicted.append(forest.predict(test.features))
        truth.append(test.classes)
        events += [f"{name} {event}" for event in test.events]
        studies += [name] * len(test.classes)
    truth, predicted = np.concatenate(truth), np.concatenate(predicted)
    by_study = pd.crosstab([pd.Series(studies, name="study"), pd.Series(truth, name="class")], predicted)
    by_study = by_study.reindex(columns=list(CLASSES), fill_value=0)
    return scored(truth, predicted, events, seed=seed), by_study


def pooled(parts: list[Labelled]) -> Labelled:
    """Windows of several twins as one set; events of different twins stay different."""
    tables = pd.concat([part.features for part in parts], ignore_index=True)
    classes = np.concatenate([part.classes for part in parts])
    return Labelled(tables, classes, np.concatenate([_numbered(k, part.events) for k, part in enumerate(parts)]))


def _numbered(number: int, events: ArrayLike) -> np.ndarray:
    return np.array([f"{number} {event}" for event in events])
