"""What happens in a twin: its setting, length, difficulty and activity.

Activity comes in bursts. The rate of each kind of event is a constant times a random function of time with mean near
one: quiet and active spells of exponential length (a two-state Markov process), and on top of it sequences that
start at random and decay as 1 / (t + c) (Utsu, Ogata and Matsu'ura 1995, J. Phys. Earth 43, 1-33). Times are a Poisson
process of that rate, so a period split may well starve a class.

Limits: rates are set to the class ratios of the report (eruptions far fewer than VT earthquakes), not fitted to any
catalogue; kinds of event know nothing of one another, so no swarm announces an eruption and no eruption ends one;
magnitudes within a sequence are as independent as any others.

``difficulty`` is one parameter. It moves four things, each for a physical reason and for all classes alike: how noisy
the sites are, how large the events are, how far they are spread, and how dense they are in time (see `DIFFICULTIES`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal

import numpy as np
from obspy import UTCDateTime
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tremorlab.errors import ParameterError
from tremorlab.twin.network import NETWORKS, Geometry

NETWORK_OF = {"nankai": "donet_like", "sakurajima": "sakurajima_like", "colombia": "colombia_like"}


@dataclass(frozen=True, slots=True)
class Difficulty:
    """What one step of difficulty means: four numbers, each for all classes alike.

    Parameters
    ----------
    noise_level
        Noisier or quieter sites: added to the weight between the low and high noise models, at all frequencies (0.06
        is 2 to 4 dB).
    magnitude_shift
        Smaller or larger events: added to the smallest moment magnitude of a Gutenberg-Richter law; other moments
        shift by as many magnitudes.
    distance_factor
        Events farther from the stations: multiplies the horizontal extent of the source regions; vents stay.
    rate_factor
        Denser activity: multiplies all rates, and with them the share of events that overlap.
    """

    noise_level: float
    magnitude_shift: float
    distance_factor: float
    rate_factor: float


DIFFICULTIES = {
    "low": Difficulty(-0.06, 0.5, 0.7, 0.5),
    "report-like": Difficulty(0.0, 0.0, 1.0, 1.0),
    "hard": Difficulty(0.06, -0.3, 1.4, 2.0),
}


@dataclass(frozen=True, slots=True)
class Bursts:
    """How the rate of one kind varies.

    Parameters
    ----------
    per_day
        Mean number a day in the report-like twin.
    quiet_h, active_h
        Mean length of quiet and active spells in hours.
    contrast
        Active rate over quiet rate.
    sequences_per_day, sequence_events
        Number of decaying sequences a day and mean number of events in one.
    """

    per_day: float
    quiet_h: float
    active_h: float
    contrast: float
    sequences_per_day: float = 0.0
    sequence_events: float = 0.0


#: Tremor is counted in episodes, everything else in single events. Eruptions are a tenth of the volcano-tectonic
#: earthquakes in the long run, and both come in spells of their own. Half of the volcano-tectonic earthquakes come in
#: swarms of a hundred on average, a third of them in the first hour, so that windows hold several.
ACTIVITY = {
    "nankai": {"earthquake": Bursts(60.0, 30.0, 8.0, 3.0, 0.5, 20.0), "tremor": Bursts(3.0, 48.0, 24.0, 10.0)},
    "sakurajima": {
        "vt": Bursts(60.0, 36.0, 8.0, 6.0, 0.3, 100.0),
        "eruption": Bursts(6.0, 72.0, 30.0, 12.0),
        "long_period": Bursts(6.0, 24.0, 8.0, 6.0),
        "volcanic_tremor": Bursts(3.0, 36.0, 12.0, 6.0),
        "earthquake": Bursts(2.0, 200.0, 20.0, 2.0),
    },
    "colombia": {
        "vt": Bursts(40.0, 48.0, 10.0, 6.0, 0.2, 100.0),
        "eruption": Bursts(4.0, 96.0, 30.0, 12.0),
        "long_period": Bursts(5.0, 24.0, 8.0, 6.0),
        "volcanic_tremor": Bursts(2.0, 36.0, 12.0, 6.0),
        "earthquake": Bursts(2.0, 200.0, 20.0, 2.0),
    },
}  # fmt: skip

_STEP_S = 600.0
_ACTIVITY, _TIMES = 40, 41
#: Constant c of the decaying sequences (s), and after how long they are over.
_OMORI_S, _SEQUENCE_S = 900.0, 86400.0


class Scenario(BaseModel):
    """Everything that a twin depends on; equal scenarios give bit-identical archives."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    setting: Literal["nankai", "sakurajima", "colombia"] = Field(description="network, noise and kinds of event")
    days: int = Field(ge=1, le=3660, description="length, whole days")
    seed: int = Field(20150815, ge=0, description="seed of everything drawn at random")
    difficulty: Literal["low", "report-like", "hard"] = Field("report-like", description="see DIFFICULTIES")
    start: date = Field(date(2015, 1, 1), description="first day; it begins at 0 h UTC")
    rate_hz: float = Field(100.0, description="samples per second: 25, 50, 100 or 200")
    stations: int | None = Field(None, ge=1, description="number of stations, the first of the network; all by default")
    rates: dict[str, float] = Field({}, description="kind -> mean number a day, in place of the setting's")
    faults: float = Field(1.0, ge=0, le=1000, description="multiplies the rates of instrument faults")
    noise_windows: float = Field(
        1.0, ge=0, le=10, description="catalogued noise windows for each catalogued event of the commonest class"
    )
    wrong_labels: float = Field(0.02, ge=0, le=0.5, description="share of catalogued events given another class")

    @model_validator(mode="after")
    def _consistent(self):
        if self.rate_hz not in (25, 50, 100, 200):
            raise ValueError(f"rate_hz {self.rate_hz:g} is not 25, 50, 100 or 200")
        most = len(NETWORKS[NETWORK_OF[self.setting]].stations)
        if self.stations is not None and self.stations > most:
            raise ValueError(f"stations {self.stations} is more than the {most} of the network")
        for kind, per_day in self.rates.items():
            if kind not in ACTIVITY[self.setting]:
                raise ValueError(f"rates: {kind!r} is not one of {', '.join(ACTIVITY[self.setting])}")
            if not 0 <= per_day <= 5000:
                raise ValueError(f"rates: {per_day:g} {kind} a day is not between 0 and 5000")
        return self

    @property
    def begin(self) -> UTCDateTime:
        """Time of the first sample."""
        return UTCDateTime(self.start.year, self.start.month, self.start.day)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.days * 86400.0

    @property
    def geometry(self) -> Geometry:
        """Network with the stations that take part."""
        whole = NETWORKS[NETWORK_OF[self.setting]]
        return Geometry(whole.stations[: self.stations], whole.latitude, whole.longitude)

    @property
    def noise_level(self) -> float:
        """Level of the ambient noise that `tremorlab.twin.noise` wants."""
        return DIFFICULTIES[self.difficulty].noise_level

    def per_day(self, kind: str) -> float:
        """Mean number a day of a kind: as given in ``rates``, or the setting's times the difficulty's factor."""
        usual = ACTIVITY[self.setting][kind].per_day * DIFFICULTIES[self.difficulty].rate_factor
        return self.rates.get(kind, usual)


def configure(**values: object) -> Scenario:
    """Make a scenario from plain values.

    Raises
    ------
    ParameterError
        A value is unknown, of the wrong type or out of range; the message names it.
    """
    try:
        return Scenario(**values)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'values'}: {e['msg']}" for e in error.errors())
        raise ParameterError("scenario", problems, "See the fields of tremorlab.twin.scenario.Scenario") from error


@lru_cache(maxsize=64)
def intensity(setting: str, days: int, seed: int, kind: str) -> np.ndarray:
    """Rate of a kind relative to its mean, in steps of ten minutes, (144 days,); its mean is one over many seeds."""
    law = ACTIVITY[setting][kind]
    rng = np.random.default_rng([seed, _ACTIVITY, list(ACTIVITY[setting]).index(kind)])
    time = (np.arange(round(days * 86400 / _STEP_S)) + 0.5) * _STEP_S
    active_share = law.active_h / (law.quiet_h + law.active_h)
    quiet = 1 / (1 + active_share * (law.contrast - 1))
    rate = np.empty(len(time))
    active, now = rng.uniform() < active_share, 0.0
    while now < time[-1]:
        length = rng.exponential((law.active_h if active else law.quiet_h) * 3600)
        rate[(time >= now) & (time < now + length)] = quiet * (law.contrast if active else 1)
        active, now = not active, now + length
    in_sequences = min(law.sequences_per_day * law.sequence_events / law.per_day, 0.8)
    rate *= 1 - in_sequences
    mean_size = in_sequences * law.per_day / max(law.sequences_per_day, 1e-9)
    norm = np.log1p(_SEQUENCE_S / _OMORI_S)
    # Sequences that began on the day before still go on.
    for begin in rng.uniform(-86400, days * 86400, rng.poisson(law.sequences_per_day * (days + 1))):
        after = time - begin
        size = mean_size * rng.exponential()
        decay = np.where((after > 0) & (after < _SEQUENCE_S), 1 / (np.maximum(after, 0) + _OMORI_S), 0)
        rate += size / law.per_day * 86400 * decay / norm
    return rate


def times_s(scenario: Scenario, kind: str) -> np.ndarray:
    """Origin times of a kind: a Poisson process that follows `intensity`.

    Drawn at a constant rate and moved by the inverse of the cumulative intensity, which is exact (time rescaling,
    Ogata 1988, J. Am. Stat. Assoc. 83, 9-27) to within the steps of ten minutes.

    Returns
    -------
    numpy.ndarray
        Seconds after the twin's start, ascending.
    """
    rate = intensity(scenario.setting, scenario.days, scenario.seed, kind)
    rng = np.random.default_rng([scenario.seed, _TIMES, list(ACTIVITY[scenario.setting]).index(kind)])
    passed = np.r_[0, np.cumsum(rate)] * _STEP_S / 86400
    number = rng.poisson(scenario.per_day(kind) * passed[-1])
    edges = np.arange(len(passed)) * _STEP_S
    return np.interp(np.sort(rng.uniform(0, passed[-1], number)), passed, edges)
