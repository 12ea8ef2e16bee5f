"""Changes to training windows that leave their class as it is, the same for all networks and all classes.

They act on the waveform, before either network sees it, and each of them changes the running spectrum too. A change
of sign is left out on purpose: an amplitude spectrum does not see it, so that it would help the one network only.
"""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tremorlab.errors import ModelError

Share = Annotated[float, Field(ge=0, le=1)]


class Augmentation(BaseModel):
    """How often windows are changed, and how much; nothing by default but the shift."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shift: bool = Field(True, description="cut windows out of longer ones at random, else out of the middle")
    noise: Share = Field(0.0, description="share of windows to which a window of the noise class is added")
    noise_db: tuple[float, float] = Field((-20.0, 0.0), description="its rms over that of the window, least and most")
    gap: Share = Field(0.0, description="share of windows with a stretch replaced by a straight line")
    longest_gap: int = Field(25, ge=1, description="samples of the longest such stretch: what preparation fills")
    drop: Share = Field(0.0, description="share of windows of several components that lose one")

    @model_validator(mode="after")
    def _ordered(self):
        if self.noise_db[0] > self.noise_db[1]:
            raise ValueError(f"noise_db runs from {self.noise_db[0]:g} to {self.noise_db[1]:g}")
        return self


def crop(waveforms: np.ndarray, samples: int, rng: np.random.Generator | None = None) -> np.ndarray:
    """Cut windows of ``samples`` out of longer ones: out of the middle, or with ``rng`` anywhere.

    Parameters
    ----------
    waveforms
        Shape (windows, components, at least ``samples``).

    Raises
    ------
    ModelError
        The windows are shorter than that.
    """
    spare = waveforms.shape[-1] - samples
    if spare < 0:
        raise ModelError(
            "windows", f"have {waveforms.shape[-1]} samples, and the network reads {samples}", "Cut longer windows"
        )
    if rng is None or not spare:
        return waveforms[..., spare // 2 : spare // 2 + samples]
    starts = rng.integers(0, spare + 1, len(waveforms))
    return np.stack([window[:, start : start + samples] for window, start in zip(waveforms, starts, strict=True)])


def augment(
    waveforms: np.ndarray, settings: Augmentation, rng: np.random.Generator, noise: np.ndarray | None = None
) -> np.ndarray:
    """Change windows at random.

    Parameters
    ----------
    waveforms
        Shape (windows, components, samples); not changed.
    settings
        How often and how much.
    rng
        Source of randomness.
    noise
        Training windows of the noise class, of the same components and samples. Every class gets them, noise too, so
        that added noise says nothing about the class.

    Returns
    -------
    numpy.ndarray
        Same shape and type.

    Raises
    ------
    ModelError
        Noise is asked for, and there is none.
    """
    changed = np.array(waveforms)
    if settings.noise:
        _add_noise(changed, settings, rng, noise)
    if settings.gap:
        _bridge(changed, settings, rng)
    if settings.drop and changed.shape[1] > 1:
        chosen = np.flatnonzero(rng.random(len(changed)) < settings.drop)
        changed[chosen, rng.integers(0, changed.shape[1], len(chosen))] = 0
    return changed


def _add_noise(windows, settings, rng, noise):
    if noise is None or not len(noise):
        raise ModelError(
            "augmentation", f"noise = {settings.noise:g}, and there is no window of noise", "Give some, or set it to 0"
        )
    chosen = np.flatnonzero(rng.random(len(windows)) < settings.noise)
    added = noise[rng.integers(0, len(noise), len(chosen))]
    ratio = 10 ** (rng.uniform(*settings.noise_db, len(chosen)) / 20)
    level = np.sqrt(np.mean(np.square(windows[chosen]), axis=(1, 2)) / np.mean(np.square(added), axis=(1, 2)))
    windows[chosen] += added * (ratio * level).astype(windows.dtype)[:, np.newaxis, np.newaxis]


def _bridge(windows, settings, rng):
    samples = windows.shape[-1]
    for n in np.flatnonzero(rng.random(len(windows)) < settings.gap):
        length = rng.integers(1, min(settings.longest_gap, samples - 2) + 1)
        first = rng.integers(1, samples - length)
        ends = windows[n][:, [first - 1, first + length]]
        windows[n, :, first : first + length] = np.linspace(*ends.T, length + 2, axis=-1)[:, 1:-1]
