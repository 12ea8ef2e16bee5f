"""The experiments of the comparison of networks: one dimension against two, and what else bears on it.

Both networks are fed the same windows with the same augmentation, and have as nearly as possible the same number of
trained weights. Their connected layers see the mean and maximum of the features over the window, so that a few thousand
training windows are enough: what the network learns of an event at one place holds for all places. Depth and order of
the layers are the report's.

How networks are trained, and that they pool, was chosen by trying on the twin of seed 1. Twins of other seeds are for
results: by default the first seed at which every class has a dozen events in training, validation and test, whatever
the difficulty.
"""

from __future__ import annotations

from functools import cache
from itertools import product

from pydantic import BaseModel, ConfigDict, Field

from tremorlab.classify.networks import (
    FusedNetwork,
    Network,
    SpectrumNetwork,
    WaveformNetwork,
    build,
    matched,
    parameters,
)
from tremorlab.classify.training import Training
from tremorlab.experiment.onsets import Delays
from tremorlab.experiment.recorded import Recorded
from tremorlab.experiment.trained import Experiment, Rival
from tremorlab.experiment.twin_windows import TwinWindows
from tremorlab.study import RunningSpectrum
from tremorlab.twin.scenario import DIFFICULTIES, Scenario

SETTINGS = ("nankai", "sakurajima")
SPLITS = ("random", "event", "station", "period")
RIVALS = ("majority", "threshold", "forest")

#: Recorded studies whose windows are as long as the twins'.
RECORDED = ("mbar_2021", "redoubt_2009", "reventador_2005", "st_helens_2004")

#: Shape of a window with the margins of the running spectrum.
SHAPE = (1, 4160)

#: Eruptions a day: more than the twin's own, so that there are enough to score; imbalance is a subject by itself.
_ERUPTIONS = 30.0

#: Difficulty -> divisor of the length.
_SHORTER = {"report-like": 1, "low": 2, "hard": 2}


class Size(BaseModel):
    """How large the twins are and how long networks are trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: int = Field(16, ge=4, description="length of a report-like twin; twins of other difficulty half of it")
    stations: int = Field(3, ge=3, description="of each twin; the last is the test of the split by station")
    draws: int = Field(3, ge=1, description="times that each training event is cut, its onset drawn anew")
    epochs: int = Field(12, ge=1)
    seeds: int = Field(5, ge=1, description="trainings of each network")
    seed: int = Field(21, ge=0, description="seed of the twins")


def scenario(setting: str, difficulty: str, size: Size) -> Scenario:
    """Twin of a setting; the report-like one, which most questions are about, is the longest."""
    factor = DIFFICULTIES[difficulty].rate_factor
    rates = {"eruption": _ERUPTIONS * factor} if setting == "sakurajima" else {}
    days = size.days // _SHORTER[difficulty]
    return Scenario(
        setting=setting, difficulty=difficulty, days=days, stations=size.stations, rate_hz=50.0, seed=size.seed,
        rates=rates,
    )  # fmt: skip


@cache
def networks() -> dict[str, Network]:
    """The networks by name, of matched numbers of weights; the fused one has those of both."""
    waveform = WaveformNetwork(over_time="pooled")
    budget = parameters(build(waveform, SHAPE, 3))
    logarithmic = SpectrumNetwork(pool=(2, 2), over_time="pooled", spectrum=RunningSpectrum(amplitude="log"))
    logarithmic = matched(logarithmic, budget, SHAPE, 3)
    linear = logarithmic.model_copy(update={"spectrum": RunningSpectrum()})
    return {
        "1D": waveform,
        "2D": logarithmic,
        "2D linear": linear,
        "1D + 2D": FusedNetwork(waveform=waveform, spectrum=logarithmic, hidden=64),
    }


@cache
def flat() -> dict[str, Network]:
    """The same, but their connected layers see each feature at its time."""
    waveform = networks()["1D"].model_copy(update={"over_time": "kept"})
    spectrum = networks()["2D"].model_copy(update={"over_time": "kept", "pool": (4, 2)})
    budget = parameters(build(waveform, SHAPE, 3))
    return {"1D": waveform, "2D": matched(spectrum, budget, SHAPE, 3)}


def compared(setting: str, difficulty: str, size: Size) -> dict[str, Experiment]:
    """Networks and rivals on one twin, by name; only the report-like twin has the fused network."""
    windows = TwinWindows(scenario=scenario(setting, difficulty, size), draws=size.draws)
    chosen = {name: network for name, network in networks().items() if difficulty == "report-like" or name != "1D + 2D"}
    level = difficulty.replace("-", "_")
    asked = {}
    for name, network in chosen.items():
        few = name == "1D + 2D"
        asked[name] = Experiment(
            name=f"{setting}_{level}_{_text(name)}", windows=windows, classifier=network, training=_training(size),
            seeds=tuple(range(min(size.seeds, 2) if few else size.seeds)),
        )  # fmt: skip
    for name in RIVALS:
        seeds = tuple(range(size.seeds if name == "forest" else 1))
        asked[name] = Experiment(
            name=f"{setting}_{level}_{name}", windows=windows, classifier=Rival(kind=name), seeds=seeds
        )
    return asked


def crossed(trained: str, size: Size) -> dict[str, Experiment]:
    """The networks of one setting, tested on windows of the other."""
    (other,) = set(SETTINGS) - {trained}
    test = compared(other, "report-like", size)["1D"].windows
    own = compared(trained, "report-like", size)
    return {
        name: own[name].model_copy(update={"name": f"{trained}_elsewhere_{_text(name)}", "test": test})
        for name in ("1D", "2D", "forest")
    }


def divided_by(setting: str, size: Size) -> dict[tuple[str, str], Experiment]:
    """The same twin divided in four ways: split and classifier -> experiment. Every event is cut once."""
    asked = {}
    for split in SPLITS:
        windows = TwinWindows(scenario=scenario(setting, "report-like", size), split=split, most=_as_many(size))
        for name, classifier in {"1D": networks()["1D"], "forest": Rival(kind="forest")}.items():
            asked[split, name] = Experiment(
                name=f"{setting}_split_{split}_{_text(name)}", windows=windows, classifier=classifier,
                training=_training(size, 2), seeds=(0,),
            )  # fmt: skip
    return asked


def by_onset(setting: str, size: Size) -> dict[tuple[str, str, str], Experiment]:
    """Onset law of the training windows, network, and what its connected layers see -> experiment."""
    usual, asked = compared(setting, "report-like", size)["1D"], {}
    cases = product({"pooled": networks(), "flat": flat()}.items(), ("fixed", "anywhere"), ("1D", "2D"))
    for (seen, built), law, name in cases:
        draws = {"draws": size.draws if law == "anywhere" else 1}
        asked[law, name, seen] = Experiment(
            name=f"{setting}_onset_{law}_{seen}_{_text(name)}",
            windows=usual.windows.model_copy(update={"onset": law, **draws}),
            classifier=built[name],
            # As many steps whatever the number of windows.
            training=_training(size, 1 if law == "anywhere" else size.draws),
            seeds=usual.seeds[:1],
        )
    return asked


def onset_delays(setting: str, size: Size) -> Delays:
    """How soon the networks of `by_onset` notice an event."""
    laws = {", ".join(case): asked for case, asked in by_onset(setting, size).items()}
    return Delays(name=f"{setting}_delays", experiments=laws)


def on_recordings(size: Size) -> dict[str, Recorded]:
    """Networks of the volcanic twin on the recorded studies of full windows, before and after tuning to them."""
    own = compared("sakurajima", "report-like", size)
    asked = {}
    for name in ("1D", "2D"):
        experiment = own[name].model_copy(update={"seeds": own[name].seeds[:3]})
        asked[name] = Recorded(name=f"recorded_{_text(name)}", experiment=experiment, studies=RECORDED)
    return asked


def everything(size: Size) -> list[Experiment]:
    """All of them, the most important first."""
    asked = []
    for setting in SETTINGS:
        found = compared(setting, "report-like", size)
        asked += [found[name] for name in ("1D", "2D", *RIVALS)]
    for difficulty in ("low", "hard"):
        for setting in SETTINGS:
            asked += compared(setting, difficulty, size).values()
    for setting in SETTINGS:
        asked += crossed(setting, size).values()
    asked += by_onset("sakurajima", size).values()
    asked += divided_by("sakurajima", size).values()
    for setting in SETTINGS:
        found = compared(setting, "report-like", size)
        asked += [found[name] for name in ("2D linear", "1D + 2D")]
    return asked


def _training(size, longer=1):
    return Training(epochs=size.epochs * longer, batch=32, learning_rate=3e-3, patience=0)


def _as_many(size):
    """Training windows of each class that every split can give."""
    return {"eruption": 25 * size.days, "vt": 25 * size.days, "noise": 25 * size.days}


def _text(name):
    return name.replace(" ", "_").replace("+", "and").lower()
