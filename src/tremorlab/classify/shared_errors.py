"""Do two classifiers make the same mistakes, and more often than they would by chance?

The report finds that half of the misclassified events are given the same wrong label by both networks. That number
says something only between two others:

- *chance*: the second classifier's answers are exchanged at random among items of the same class, which leaves both
  confusion matrices as they are and makes the errors independent. Exchanged among items of the same class *and* of
  similar signal-to-noise ratio, they tell whether what is shared are simply the weak events.
- *ceiling*: two trainings of the same network from different seeds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement, product

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tremorlab.errors import ModelError


@dataclass(frozen=True)
class SharedErrors:
    """Errors of two classifiers on the same items.

    Attributes
    ----------
    wrong_first, wrong_second, wrong_both, same : int
        Items that the first, the second and both got wrong, and that both gave the same wrong class.
    expected : float
        ``share`` by chance: mean over the exchanges.
    interval : tuple of float
        95 % of the exchanges lie here.
    p : float
        Share of exchanges (the data counted among them) with at least as large a share.
    """

    wrong_first: int
    wrong_second: int
    wrong_both: int
    same: int
    expected: float
    interval: tuple[float, float]
    p: float

    @property
    def wrong_either(self) -> int:
        """Items that at least one got wrong."""
        return self.wrong_first + self.wrong_second - self.wrong_both

    @property
    def share(self) -> float:
        """Of the items that either got wrong, those that both gave the same wrong class; NaN without errors."""
        return self.same / self.wrong_either if self.wrong_either else np.nan


def shared_errors(
    truth: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    draws: int = 2000,
    rng: np.random.Generator,
) -> SharedErrors:
    """Count shared errors and compare them with chance.

    Parameters
    ----------
    truth, first, second
        Class of each item, true and given.
    strata
        Group of each item; answers are exchanged inside a group (of one class) only.
    draws
        Number of exchanges.
    rng
        Source of randomness.

    Raises
    ------
    ModelError
        The arrays are not of one length, or empty.
    """
    truth, first, second = (np.asarray(array) for array in (truth, first, second))
    strata = np.zeros(len(truth), int) if strata is None else np.asarray(strata)
    lengths = [len(array) for array in (truth, first, second, strata)]
    if len(set(lengths)) > 1 or not lengths[0]:
        raise ModelError(
            "shared errors", f"arrays of {', '.join(map(str, lengths))} items", "Give one of each per item"
        )
    groups = pd.DataFrame({"truth": truth, "stratum": strata}).groupby(["truth", "stratum"]).indices
    both, same = np.zeros(draws, int), np.zeros(draws, int)
    for (label, _), members in groups.items():
        exchanged = rng.permuted(np.broadcast_to(second[members], (draws, len(members))), axis=1)
        wrong = (first[members] != label) & (exchanged != label)
        both += wrong.sum(axis=1)
        same += (wrong & (first[members] == exchanged)).sum(axis=1)
    wrong = [int(np.sum(given != truth)) for given in (first, second)]
    counted = int(np.sum((first != truth) & (second != truth))), int(np.sum((first != truth) & (second == first)))
    shares = _share(same, sum(wrong) - both)
    found = _share(np.array(counted[1]), np.array(sum(wrong) - counted[0]))
    low, high = np.quantile(shares, [0.025, 0.975])
    p = (np.count_nonzero(shares >= found) + 1) / (draws + 1)
    return SharedErrors(*wrong, *counted, float(shares.mean()), (float(low), float(high)), p)


def expected_same(truth: ArrayLike, first: ArrayLike, second: ArrayLike) -> float:
    """Items given the same wrong class by both when errors are independent given the true class.

    The sum over the classes of the number of items times, for each wrong class, the product of both shares.
    """
    truth, first, second = (np.asarray(array) for array in (truth, first, second))
    labels, total = np.unique(np.concatenate([truth, first, second])), 0.0
    for label in np.unique(truth):
        members = truth == label
        for wrong in labels[labels != label]:
            total += np.sum(members) * np.mean(first[members] == wrong) * np.mean(second[members] == wrong)
    return float(total)


def between_seeds(
    truth: ArrayLike, predictions: Mapping[str, ArrayLike], *, draws: int = 200, rng: np.random.Generator
) -> pd.DataFrame:
    """Share of same wrong answers for all pairs of trainings, of one network and of two.

    Parameters
    ----------
    truth
        Class of each item.
    predictions
        Name of a network -> given classes, shape (seeds, items).

    Returns
    -------
    pandas.DataFrame
        Index first, second (names); columns pairs, share (mean), least, most, expected (mean by chance). A network
        with itself is the ceiling, pairs of different seeds only.
    """
    rows = []
    for a, b in combinations_with_replacement(predictions, 2):
        first, second = np.atleast_2d(predictions[a]), np.atleast_2d(predictions[b])
        pairs = combinations(first, 2) if a == b else product(first, second)
        found = [shared_errors(truth, *pair, draws=draws, rng=rng) for pair in pairs]
        shares = [each.share for each in found]
        if found:
            expected = np.mean([each.expected for each in found])
            rows.append((a, b, len(found), np.mean(shares), min(shares), max(shares), expected))
    columns = ["first", "second", "pairs", "share", "least", "most", "expected"]
    return pd.DataFrame(rows, columns=columns).set_index(["first", "second"])


def by_group(truth: ArrayLike, first: ArrayLike, second: ArrayLike, groups: ArrayLike) -> pd.DataFrame:
    """Items, errors of each and same errors in each group, for instance of signal-to-noise ratio or distance."""
    truth, first, second = (np.asarray(array) for array in (truth, first, second))
    table = pd.DataFrame(
        {
            "items": 1,
            "wrong_first": first != truth,
            "wrong_second": second != truth,
            "same": (first != truth) & (first == second),
        }
    )
    return table.groupby(np.asarray(groups)).sum().astype(int)


def _share(same, wrong):
    return np.divide(same, wrong, out=np.zeros(np.shape(same)), where=wrong > 0)
