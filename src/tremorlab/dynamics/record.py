"""A record of states or of one scalar at a fixed sampling rate, checked once, and noise whose definition is stated."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from tremorlab.errors import DynamicsError

#: Fewer samples than this identify nothing.
SHORTEST = 50

#: Share of samples at the largest or smallest value above which a record counts as clipped.
CLIPPED_SHARE = 0.01

#: Relative deviation of a sampling interval above which sampling counts as irregular.
JITTER = 1e-3


@dataclass(frozen=True)
class Record:
    """Sampled states.

    Attributes
    ----------
    values
        Shape (samples, states), finite, at least `SHORTEST` samples to be fitted.
    sampling_rate_hz
        Samples a second.
    names, units
        One for each state. Names appear in equations.
    """

    values: np.ndarray
    sampling_rate_hz: float
    names: tuple[str, ...]
    units: tuple[str, ...] = field(default=())

    def __post_init__(self):
        values = np.asarray(self.values, float)
        values = values[:, np.newaxis] if values.ndim == 1 else values
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "units", tuple(self.units) or ("",) * len(self.names))
        if values.ndim != 2 or values.shape[1] != len(self.names) or len(self.units) != len(self.names):
            raise DynamicsError(
                f"record of shape {values.shape}",
                f"does not fit {len(self.names)} names {self.names} and {len(self.units)} units",
                "Give (samples, states) and one name and unit for each state",
            )
        if not self.sampling_rate_hz > 0 or not np.isfinite(self.sampling_rate_hz):
            raise DynamicsError(
                f"sampling rate {self.sampling_rate_hz} Hz", "is not positive and finite", "Give samples a second"
            )

    @classmethod
    def from_times(cls, times_s: ArrayLike, values: ArrayLike, names, units=()) -> "Record":
        """Record from sample times.

        Raises
        ------
        DynamicsError
            Times go back, jump (a gap) or are irregular by more than `JITTER` of the interval: methods here need a
            fixed rate, and interpolation would invent the very derivatives that are looked for.
        """
        times = np.asarray(times_s, float)
        if times.ndim != 1 or len(times) != len(np.asarray(values)) or len(times) < 3 or not np.isfinite(times).all():
            raise DynamicsError(
                f"{times.size} sample times",
                f"do not fit {len(np.asarray(values))} samples, or are fewer than 3, or are not finite",
                "Give one finite time in seconds for each sample",
            )
        steps = np.diff(times)
        step = float(np.median(steps))
        worst = int(np.argmax(np.abs(steps - step)))
        if steps.min() <= 0 or abs(steps[worst] - step) > JITTER * step:
            kind = "a gap" if steps[worst] > 1.5 * step > 0 else "irregular sampling"
            raise DynamicsError(
                f"record, sample {worst}, {times[worst]:.6g} s",
                f"{kind}: the next sample comes after {steps[worst]:.6g} s, the median interval is {step:.6g} s",
                "Cut the record at gaps and take one regular piece",
            )
        return cls(values, (len(times) - 1) / (times[-1] - times[0]), names, units)

    @property
    def times_s(self) -> np.ndarray:
        """Seconds after the first sample, shape (samples,)."""
        return np.arange(len(self.values)) / self.sampling_rate_hz

    @property
    def duration_s(self) -> float:
        """Number of samples over the sampling rate."""
        return len(self.values) / self.sampling_rate_hz

    def select(self, *names: str) -> "Record":
        """The record of some of its states, in the order given."""
        unknown = [name for name in names if name not in self.names]
        if unknown or not names:
            raise DynamicsError(f"states {unknown}", f"are not among {self.names}", "Choose from these")
        columns = [self.names.index(name) for name in names]
        return Record(self.values[:, columns], self.sampling_rate_hz, names, [self.units[i] for i in columns])

    def scale(self, factors: ArrayLike, time_s: float = 1.0) -> "Record":
        """States divided by ``factors`` and time divided by ``time_s``; the units are dropped."""
        return Record(self.values / np.asarray(factors, float), self.sampling_rate_hz * time_s, self.names)

    def check(self) -> "Record":
        """Return the record if equations can be looked for in it.

        Raises
        ------
        DynamicsError
            It is too short, not finite, constant or clipped. The message names the state and the sample.
        """
        if len(self.values) < SHORTEST:
            raise DynamicsError(
                f"record of {len(self.values)} samples", f"is shorter than {SHORTEST} samples", "Take a longer record"
            )
        bad = np.argwhere(~np.isfinite(self.values))
        if len(bad):
            sample, state = bad[0]
            raise DynamicsError(
                f"state {self.names[state]}, sample {sample}",
                f"is {self.values[sample, state]} ({len(bad)} values are not finite)",
                "Cut the record at gaps and take one finite piece",
            )
        for name, column in zip(self.names, self.values.T, strict=True):
            spread = np.ptp(column)
            if spread <= 1e-12 * np.abs(column).max():
                raise DynamicsError(f"state {name}", f"is constant ({column[0]:g})", "Choose a piece with motion in it")
            for edge, word in ((column.max(), "largest"), (column.min(), "smallest")):
                at_edge = np.abs(column - edge) <= 1e-9 * spread
                repeats = int(np.count_nonzero(at_edge[1:] & at_edge[:-1]))
                if repeats > CLIPPED_SHARE * len(column):
                    raise DynamicsError(
                        f"state {name}",
                        f"is clipped: {repeats} samples repeat its {word} value {edge:g} "
                        f"(limit {CLIPPED_SHARE:.0%} of {len(column)})",
                        "Take a piece that the recorder did not saturate",
                    )
        return self


def with_noise(record: Record, level: float, definition: str, rng: np.random.Generator) -> Record:
    """Add white Gaussian noise, whose level means what ``definition`` says.

    ==============  ==================================================================================================
    definition      standard deviation of the noise
    ==============  ==================================================================================================
    ``"snr_db"``    of each state: its standard deviation x 10^(-level/20) (20 dB is 10 %, 10 dB is 32 %)
    ``"each_std"``  of each state: level x its standard deviation (modified SINDy; Kaheman et al. 2022)
    ``"rms"``       the same for all states: level x root mean square of all values (WSINDy; Messenger and Bortz 2021)
    ``"all_std"``   the same for all states: level x standard deviation of all values (ODR-BINDy; Fung 2025)
    ==============  ==================================================================================================

    Raises
    ------
    DynamicsError
        The definition is unknown, or the level is not finite, or is negative where it is a ratio.
    """
    values = record.values
    if definition not in NOISE_DEFINITIONS or not np.isfinite(level) or (level < 0 and definition != "snr_db"):
        raise DynamicsError(
            f"noise {level} {definition!r}",
            f"is not a finite level of one of {NOISE_DEFINITIONS}, a ratio not negative",
            "State what the level is relative to",
        )
    return replace(record, values=values + noise_std(record, level, definition) * rng.standard_normal(values.shape))


NOISE_DEFINITIONS = ("snr_db", "each_std", "rms", "all_std")


def noise_std(record: Record, level: float, definition: str) -> np.ndarray:
    """Standard deviation of the noise of each state, as `with_noise` defines it, shape (states,)."""
    values = record.values
    if definition == "rms":
        return np.full(values.shape[1], level * np.sqrt(np.mean(values**2)))
    if definition == "all_std":
        return np.full(values.shape[1], level * values.std())
    return values.std(axis=0) * (10 ** (-level / 20) if definition == "snr_db" else level)
