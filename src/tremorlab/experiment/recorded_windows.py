"""Windows of a recorded study, divided as the study says."""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tremorlab import study as studies
from tremorlab.catalog import splits
from tremorlab.catalog.sources import of_study
from tremorlab.classify.training import Examples
from tremorlab.dataset.windows import cut, plan
from tremorlab.errors import DatasetError
from tremorlab.waveform.sources import open_source


class RecordedWindows(BaseModel):
    """Which study, and how its records are filtered before windows are cut."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["recorded"] = "recorded"
    study: str
    classes: tuple[str, ...] = Field(min_length=2)
    highpass_hz: float = Field(1.0, description="corner of the high-pass: that of the windows of twins")
    change: Literal["none"] = "none"


def divided(settings: RecordedWindows) -> tuple[Examples, Examples, Examples]:
    """Windows for training, validation and test.

    Raises
    ------
    DatasetError
        A part has no window of a class.
    DataMissingError
        The recordings are not on this machine.
    """
    study = studies.load(settings.study)
    preparation = study.preparation.model_copy(update={"highpass_hz": settings.highpass_hz})
    study = study.model_copy(update={"preparation": preparation})
    found = cut(plan(of_study(study), study), open_source(study), study)
    split = splits.divide(found.windows, study.splits, study.seed)
    parts = []
    for name in ("train", "validation", "test"):
        chosen = (split == name).to_numpy() & found.windows["event_class"].isin(settings.classes).to_numpy()
        labels = found.windows["event_class"][chosen].map(settings.classes.index).to_numpy(int)
        for absent in sorted(set(range(len(settings.classes))) - set(labels)):
            raise DatasetError(
                f"{name} windows of {study.name}", f"hold no {settings.classes[absent]}", "Choose another study"
            )
        parts.append(Examples(found.waveforms[chosen].astype(np.float32), labels))
    return tuple(parts)
