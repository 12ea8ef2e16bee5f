"""Windows of twin events drawn one by one, divided for training, and changed if it is asked what a change costs.

They come from `tremorlab.twin.direct`: labels are true, no two windows share an event, and physics can be stretched.
Training windows are longer than the others, so that onsets fall anywhere in 40 s.
"""

from functools import lru_cache
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tremorlab.classify.augmentation import crop
from tremorlab.classify.training import Examples
from tremorlab.interpret.spectral_changes import randomise_phases, remove_band, whiten
from tremorlab.twin.direct import RATE_HZ, Stretch, windows
from tremorlab.twin.scenario import configure

#: Samples of a window with the margins that a running spectrum needs, and of a training window.
SAMPLES, LONG = 4160, 5160

#: First arrival in a training window (s); in the middle of it, it is 41.28 s after the beginning.
_ONSET_S = 61.28

Change = Literal["none", "whitened", "random phases", "below 10 Hz", "permuted labels"]


class DirectWindows(BaseModel):
    """Which windows are drawn, how many, and what is done to them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["direct"] = "direct"
    setting: Literal["nankai", "sakurajima", "colombia"]
    classes: tuple[str, ...] = Field(min_length=2)
    quality: float = Field(1.0, description="factor on quality factors")
    distance: float = Field(1.0, description="factor on distances")
    corner: float = Field(1.0, description="factor on corner frequencies")
    each: tuple[int, int, int] = Field((300, 60, 100), description="windows a class: training, validation, test")
    change: Change = Field("none", description="done to all windows, or to the labels")
    seed: int = Field(1, ge=0)


def divided(settings: DirectWindows) -> tuple[Examples, Examples, Examples]:
    """Windows for training (5160 samples), validation and test (4160 samples); one component, m/s.

    Errors are those of `tremorlab.twin.direct.windows`.
    """
    drawn = _drawn(settings.model_copy(update={"change": "none"}).model_dump_json())
    rng = np.random.default_rng([settings.seed, 5])
    ends = np.cumsum((0, *settings.each))
    parts = []
    for begin, end, samples in zip(ends[:-1], ends[1:], (LONG, SAMPLES, SAMPLES), strict=True):
        waveforms = crop(drawn[:, begin:end].reshape(-1, 1, LONG), samples)
        labels = np.repeat(np.arange(len(settings.classes)), end - begin)
        if settings.change == "permuted labels":
            labels = rng.permutation(labels)
        parts.append(Examples(changed(waveforms, settings.change, rng), labels))
    return tuple(parts)


def changed(waveforms: np.ndarray, change: Change, rng: np.random.Generator) -> np.ndarray:
    """Return the windows after a change; labels are no business of it."""
    if change == "whitened":
        return whiten(waveforms, rate_hz=RATE_HZ)
    if change == "random phases":
        return randomise_phases(waveforms, rng)
    if change == "below 10 Hz":
        return remove_band(waveforms, 10.0, RATE_HZ / 2, RATE_HZ)
    return waveforms


@lru_cache(maxsize=2)  # changes of the same windows are asked for one after the other
def _drawn(text: str) -> np.ndarray:
    """Shape (classes, windows, samples)."""
    settings = DirectWindows.model_validate_json(text)
    scenario = configure(setting=settings.setting, days=1, seed=settings.seed)
    stretch = Stretch(settings.quality, settings.distance, settings.corner)
    waveforms, _ = windows(
        scenario, settings.classes, sum(settings.each), stretch=stretch, samples=LONG, onset_s=_ONSET_S
    )
    return waveforms.reshape(len(settings.classes), -1, LONG)
