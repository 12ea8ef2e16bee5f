"""Train everything that comes with the compendium anew, where code or questions have changed.

    python -m tremorlab.experiment.refresh            # what is not in the cache is trained, then all of it is shipped
    python -m tremorlab.experiment.refresh --check    # says what is missing or out of date, and trains nothing
    python -m tremorlab.experiment.refresh --confirm  # after a change that should alter no answer: proves it, minutes

Interrupted, it goes on where it stopped: finished trainings are in the cache.

What is confirmed: the answers that need no training of a network are computed anew by the code of now, from the
archives of the twins on, and have to be what was shipped, bit for bit. They depend on every sample of every window of a
twin, and on what networks find in the recordings. Then all answers are signed with the code of now. A change to how
networks are trained is not confirmed: it gives other answers, or none that this could tell from others.
"""

import argparse
import sys
import time

import numpy as np

from tremorlab import fingerprint
from tremorlab.errors import DataMissingError, ModelError
from tremorlab.experiment import (
    comparison,
    detection_questions,
    filter_questions,
    imbalance,
    onsets,
    pretraining,
    published,
    readings,
    recorded,
    store,
    trained,
)

#: Networks that come with the compendium. Of linear amplitude, since convolutions along a record can be shared then.
TITLES = {"1D": "1D network on waveforms", "2D linear": "2D network on running spectra"}

#: Kind of question -> how it is answered, and where the code for it begins.
_ANSWERS = {
    trained.Experiment: (trained.result, trained.MODULES),
    onsets.Delays: (onsets.delays, onsets.MODULES),
    recorded.Recorded: (recorded.recorded, recorded.MODULES),
    # Networks of two filters are trained in one process: starting others would take longer.
    readings.Question: (
        lambda question, shipped, workers: readings.reading(question, shipped=shipped),
        readings.MODULES,
    ),
    **detection_questions.ANSWERS,
    pretraining.Question: (pretraining.pretrained, pretraining.MODULES),
}


def questions(size: comparison.Size | None = None) -> list:
    """All questions whose answers come with the compendium."""
    size = size or comparison.Size()
    return [
        *comparison.everything(size),
        comparison.onset_delays("sakurajima", size),
        *comparison.on_recordings(size).values(),
        *imbalance.everything(),
        *filter_questions.questions().values(),
        *detection_questions.questions(size),
        pretraining.question(size),
    ]


def out_of_date(asked: list) -> dict[str, str]:
    """Name of a question -> "missing", or the modules that have changed since it was answered."""
    found = {}
    for question in asked:
        path = store.SHIPPED / store.file_name(question)
        code = store.code_of(_ANSWERS[type(question)][1])
        if not path.exists():
            found[question.name] = "missing"
        elif changed := store.changed_since(path, question, code):
            found[question.name] = ", ".join(changed)
    return found


def refresh(asked: list, *, workers: int | None = None) -> None:
    """Answer questions and ship the answers, each as soon as it is there.

    What needs recordings that are not on this machine is left as it is, and said.
    """
    for number, question in enumerate(asked, 1):
        began = time.perf_counter()
        find, modules = _ANSWERS[type(question)]
        try:
            answered = find(question, shipped=False, workers=workers)
        except DataMissingError as error:
            print(f"{number}/{len(asked)} {question.name}: left out; {error}", flush=True)
            continue
        store.ship(question, modules=modules)
        told = answered.balanced_accuracy.round(3).tolist() if isinstance(answered, trained.Result) else ""
        print(f"{number}/{len(asked)} {question.name} {told} {time.perf_counter() - began:.0f} s", flush=True)


#: Where the code begins that trains networks.
_TRAINING = "tremorlab.classify.training"


def confirm(asked: list) -> None:
    """Prove that answers are those of the code of now by computing some of them, and sign all of them with it.

    Raises
    ------
    ModelError
        An answer is missing or another one now; or code has changed that trains networks (bar `tremorlab.study`), or
        that none of the answers computed anew depends on. Nothing is signed then.
    """
    trains = set(fingerprint.of_code(_TRAINING)) - {"study"}
    tried = {name for each in filter(_is_quick, asked) for name in store.code_of(_ANSWERS[type(each)][1])}
    for question in asked:
        path = store.SHIPPED / store.file_name(question)
        changed = set(store.changed_since(path, question, store.code_of(_ANSWERS[type(question)][1])))
        if touched := sorted(changed & trains):
            raise ModelError(path, f"{', '.join(touched)} changed, by which networks are trained", "make results")
        if untried := sorted(changed - tried):
            raise ModelError(path, f"{', '.join(untried)} changed, which no answer that is tried runs", "make results")
    for question in filter(_is_quick, asked):
        began = time.perf_counter()
        find, modules = _ANSWERS[type(question)]
        shipped = store.arrays(question)
        find(question, again=True)
        computed = store.arrays(question, modules)
        for name in sorted(shipped.keys() | computed.keys()):
            if name not in shipped or name not in computed or not _same(shipped[name], computed[name]):
                path = store.SHIPPED / store.file_name(question)
                raise ModelError(path, f"{name} is another one by the code of now", "make results")
        print(f"{question.name} is the same, {time.perf_counter() - began:.0f} s", flush=True)
    for question in asked:
        store.sign(question, modules=_ANSWERS[type(question)][1])


def _is_quick(question) -> bool:
    return isinstance(question, detection_questions.Days) or (
        isinstance(question, trained.Experiment) and isinstance(question.classifier, trained.Rival)
    )


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def main() -> int:
    """Run as a command; 1 where something is out of date."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="say what is missing or out of date")
    parser.add_argument("--confirm", action="store_true", help="prove that the answers are those of the code of now")
    parser.add_argument("--workers", type=int, help="processes; as many as there are cores")
    parser.add_argument("--models", action="store_true", help="write the networks only")
    given = parser.parse_args()
    asked = questions()
    if given.check:
        stale = out_of_date(asked)
        print("\n".join(f"{name}: {why}" for name, why in stale.items()) or "up to date")
        return int(bool(stale))
    if given.confirm:
        confirm(asked)
        return 0
    if not given.models:
        refresh(asked, workers=given.workers)
    for setting in comparison.SETTINGS:
        for name, title in TITLES.items():
            experiment = comparison.compared(setting, "report-like", comparison.Size())[name]
            path = published.put(experiment, f"{setting}_{experiment.classifier.kind}", f"{title}, {setting}-like twin")
            print(path, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
