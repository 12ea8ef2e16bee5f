"""The questions of the chapter on filters, and the command that answers them anew.

    python -m tremorlab.experiment.filter_questions                  # all: half an hour of one core
    python -m tremorlab.experiment.filter_questions filters_nankai_2 # some of them

Answers are put into ``data/results`` in place of older ones.
"""

import sys

from tremorlab.classify.networks import SpectrumNetwork, WaveformNetwork
from tremorlab.experiment import store
from tremorlab.experiment.direct_windows import DirectWindows
from tremorlab.experiment.readings import MODULES, Question, reading
from tremorlab.experiment.recorded_windows import RecordedWindows

#: Setting -> its classes; the first two are those whose spectra the report lets cross.
CLASSES = {"nankai": ("tremor", "earthquake", "noise"), "sakurajima": ("eruption", "vt", "noise")}

#: Name -> what is done to windows or labels.
CONTROLS = {
    "permuted": "permuted labels",
    "whitened": "whitened",
    "phases": "random phases",
    "below": "below 10 Hz",
}

#: Name -> factors on path and source.
MOVED = {
    "as_it_is": {},
    "quality_quartered": {"quality": 0.25},
    "quality_halved": {"quality": 0.5},
    "quality_doubled": {"quality": 2.0},
    "corner_halved": {"corner": 0.5},
    "corner_doubled": {"corner": 2.0},
    "distance_halved": {"distance": 0.5},
    "distance_doubled": {"distance": 2.0},
}

_LATER = (16, 16, 16)
_TEN, _TWO = tuple(range(10)), tuple(range(2))


def questions() -> dict[str, Question]:
    """All questions by name, in the order in which they are answered."""
    asked = [_two("filters_nankai_2", "nankai", seeds=_TEN, causal=True)]
    asked += _beside("nankai")
    asked += [_moved(name, factors) for name, factors in MOVED.items()]
    asked += [_two("filters_sakurajima_2", "sakurajima", seeds=_TEN, causal=True)]
    asked += _beside("sakurajima")
    # Its validation period has no window of noise.
    recorded = RecordedWindows(study="redoubt_2009", classes=("vt", "long_period"))
    asked += [Question(name="filters_redoubt_2", windows=recorded, network=_network(2), seeds=_TEN)]
    for kernel in (8, 32):
        asked += [_two(f"filters_nankai_2_kernel_{kernel}", "nankai", network=_network(2, kernel=kernel))]
    asked += [_two("filters_nankai_2_no_dropout", "nankai", network=_network(2, dropout=0.0))]
    return {question.name: question for question in asked}


def _beside(setting):
    """Many channels, controls, and the two-dimensional network."""
    for name, change in CONTROLS.items():
        yield _two(f"filters_{setting}_2_{name}", setting, change=change)
    picture = SpectrumNetwork(channels=(8, 16), hidden=32)
    yield _two(f"filters_{setting}_spectrum", setting, network=picture, causal=True)
    for channels in (8, 16, 32):
        yield _two(f"filters_{setting}_{channels}", setting, network=_network(channels))


def _two(name, setting, *, network=None, seeds=_TWO, change="none", causal=False):
    windows = DirectWindows(setting=setting, classes=CLASSES[setting], change=change)
    return Question(name=name, windows=windows, network=network or _network(2), seeds=seeds, causal=causal)


def _moved(name, factors):
    windows = DirectWindows(setting="nankai", classes=CLASSES["nankai"][:2], each=(200, 40, 60), **factors)
    return Question(name=f"filters_moved_{name}", windows=windows, network=_network(2), seeds=_TWO)


def _network(channels, **changes):
    return WaveformNetwork(channels=(channels, *_LATER), hidden=32, **changes)


def main(names: list[str]) -> None:
    """Answer some questions anew, or all, and ship the answers."""
    every = questions()
    for name in names or every:
        found = reading(every[name], shipped=False)
        store.ship(every[name], modules=MODULES)
        print(f"{name}: balanced accuracy {found.balanced_accuracy.round(3).tolist()}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
