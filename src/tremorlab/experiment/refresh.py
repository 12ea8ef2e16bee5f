"""Train everything that comes with the compendium anew, where code or questions have changed.

    python -m tremorlab.experiment.refresh            # what is not in the cache is trained, then all of it is shipped
    python -m tremorlab.experiment.refresh --check    # says what is missing or out of date, and trains nothing

Interrupted, it goes on where it stopped: finished trainings are in the cache.
"""

import argparse
import sys
import time

from tremorlab.errors import DataMissingError
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


def main() -> int:
    """Run as a command; 1 where something is out of date."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--workers", type=int, help="processes; as many as there are cores")
    parser.add_argument("--models", action="store_true", help="write the networks only")
    given = parser.parse_args()
    asked = questions()
    if given.check:
        stale = out_of_date(asked)
        print("\n".join(f"{name}: {why}" for name, why in stale.items()) or "up to date")
        return int(bool(stale))
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
