"""The report's claims in one table: where each is tested, what came out, and a verdict by a tolerance stated here.

Nothing is computed anew and nothing typed: numbers are those that the pages of this build published, and those in the
results that come with the compendium (``data/results``). What is missing stops the build; it is never shown as fine.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from tremorlab import paths
from tremorlab.classify import scores
from tremorlab.errors import PageError
from tremorlab.page.execute import Record

#: A difference of balanced accuracy that does not matter, as on the page of the comparison.
MARGIN = 0.02

#: The two simulated settings.
SETTINGS = ("nankai", "sakurajima")

VERDICTS = ("holds", "in part", "undecided", "does not hold", "not tested")

_NUMBER = r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?"


@dataclass(frozen=True)
class Outcome:
    """What was got, in words and numbers, and the verdict, one of `VERDICTS`."""

    got: str
    verdict: str

    def __post_init__(self):
        if self.verdict not in VERDICTS:
            raise PageError("claims", f"has the verdict {self.verdict!r}", f"Use one of {', '.join(VERDICTS)}")


#: Where a claim was not put to recordings.
NOT_TESTED = Outcome("", "not tested")


@dataclass(frozen=True)
class Claim:
    """One claim of the report.

    Attributes
    ----------
    says
        What the report says.
    pages
        Where it is tested, without folder and suffix.
    tolerance
        The rule of the verdict, in words.
    twins, recordings
        Functions of the `Findings` that apply the rule.
    """

    says: str
    pages: tuple[str, ...]
    tolerance: str
    twins: Callable[["Findings"], Outcome]
    recordings: Callable[["Findings"], Outcome] = field(default=lambda found: NOT_TESTED)


class Findings:
    """Published values of the pages of a build, and shipped results.

    Parameters
    ----------
    records
        Page (without folder and suffix) -> record of its run.
    results
        Folder of shipped results.
    """

    def __init__(self, records: Mapping[str, Record], results: Path = paths.DATA / "results"):
        self.records = records
        self.results = results

    def text(self, page: str, name: str) -> str:
        """Return what a page published under a name.

        Raises
        ------
        PageError
            The page did not run, or published no such value.
        """
        if page not in self.records:
            raise PageError(page, "has no record, but the table of claims needs it", "Run make book")
        try:
            return self.records[page].glued[name].strip("'\"")
        except KeyError:
            raise PageError(
                page, f"published no value {name!r}, which the table of claims needs", "See tremorlab.page.claim_rules"
            ) from None

    def number(self, page: str, name: str) -> float:
        """Return a published number."""
        return self.numbers(page, name, 1)[0]

    def numbers(self, page: str, name: str, count: int) -> tuple[float, ...]:
        """Return the numbers in a published text, as many as expected.

        Raises
        ------
        PageError
            There are more or fewer.
        """
        text = self.text(page, name)
        found = [float(each) for each in re.findall(_NUMBER, text)]
        if len(found) != count:
            raise PageError(
                page, f"published {text!r} as {name!r}: {len(found)} numbers, not {count}", "Correct either"
            )
        return tuple(found)

    def result(self, name: str) -> dict[str, np.ndarray]:
        """Return the arrays of a shipped result.

        Raises
        ------
        PageError
            None of that name is shipped, or several are.
        """
        files = sorted(self.results.glob(f"{name}-????????????.npz"))
        if len(files) != 1:
            raise PageError("claims", f"{len(files)} results of the name {name!r} are shipped, not one", "make results")
        with np.load(files[0]) as file:
            return {key: file[key] for key in file.files if not key.endswith(".json")}


def difference(first: Mapping, second: Mapping, names: tuple[str, str, str]) -> scores.Comparison:
    """Compare two results on the same windows; ``names`` are those of truth, probabilities and events."""
    truth, given, events = names
    if not np.array_equal(first[truth], second[truth]):
        raise PageError("claims", "compares results on different windows", "make results")
    pair = [each[given].argmax(axis=2) for each in (first, second)]
    rng = np.random.default_rng(0)
    return scores.compare(first[truth], *pair, first[events], given_classes(first, given), margin=MARGIN, rng=rng)


def given_classes(result: Mapping, name: str) -> int:
    """Return how many classes the probabilities of a result have."""
    return result[name].shape[2]


def shared(first: np.ndarray, second: np.ndarray, truth: np.ndarray, events: np.ndarray, draws: int = 1000) -> tuple:
    """Share of same wrong answers among events that either got wrong, with a 95 % interval over events.

    Parameters
    ----------
    first, second
        Probabilities, (seeds, windows, classes); of an event's windows they are averaged.
    truth, events
        Class and event of each window.

    Returns
    -------
    tuple of float
        Share over all pairs of trainings, and the ends of the interval.
    """
    names, at, numbers = np.unique(events, return_index=True, return_inverse=True)
    own = truth[at]
    answers = []
    for given in (first, second):
        summed = np.zeros((given.shape[0], len(names), given.shape[2]))
        for seed, each in zip(summed, given, strict=True):
            np.add.at(seed, numbers, each)
        answers.append(summed.argmax(axis=2))
    same, either = np.zeros(len(names)), np.zeros(len(names))
    for one in answers[0]:
        for two in answers[1]:
            same += (one == two) & (one != own)
            either += (one != own) | (two != own)
    times = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1 / len(names)), draws)
    drawn = (times @ same) / np.maximum(times @ either, 1)
    return float(same.sum() / either.sum()), *scores.interval(drawn)


def epochs_to(result: Mapping[str, np.ndarray], share: float = 0.95) -> np.ndarray:
    """First epoch (from 1) at which each seed has reached a share of its highest validation score."""
    seeds, reached = result["history_seed"], result["history_validation_balanced_accuracy"]
    curves = [reached[seeds == seed] for seed in np.unique(seeds)]
    return np.array([np.flatnonzero(curve >= share * curve.max())[0] + 1 for curve in curves])


def all_of(verdicts: list[str]) -> str:
    """Return the verdict of several settings: the common one, else *in part* where some hold, else *undecided*."""
    if len(set(verdicts)) == 1:
        return verdicts[0]
    return "in part" if {"holds", "in part"} & set(verdicts) else "undecided"


def proportion(count: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval (Clopper-Pearson) of a share."""
    found = binomtest(int(count), int(total)).proportion_ci(0.95)
    return float(found.low), float(found.high)
