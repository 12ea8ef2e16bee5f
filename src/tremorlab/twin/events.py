"""The events of a twin: when they happen is the scenario's, what they are is drawn by the laws of the sources.

Where events lie is stated in `BOXES`, `INTERFACE` and `VENTS`, how large they are in `SMALLEST` and `MOMENTS`; besides
these, the medium, the network and the noise, nothing differs between the settings. Difficulty acts on all classes
alike: the sizes of all of them are shifted by the same number of magnitudes (moments by the same factor), and
horizontal extents grow by the same factor. A crater stays where it is, under its network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from tremorlab.twin import earthquake, eruption, julian_tremor, tremor
from tremorlab.twin.earthquake import TECTONIC, VOLCANO_TECTONIC, Earthquake, Region
from tremorlab.twin.eruption import ERUPTION, LONG_PERIOD, VOLCANIC_TREMOR, Vent, VolcanicEvent
from tremorlab.twin.julian_tremor import JulianTremor
from tremorlab.twin.network import Station
from tremorlab.twin.path import MEDIA, Medium
from tremorlab.twin.scenario import ACTIVITY, DIFFICULTIES, Scenario, times_s
from tremorlab.twin.seismogram import LEAD_S, LONGEST_CODA_S
from tremorlab.twin.tremor import Interface, Tremor, TremorLaw

Source = Earthquake | Tremor | VolcanicEvent | JulianTremor

#: Hypocentres of earthquakes, km.
BOXES = {
    ("nankai", "earthquake"): Region((-60.0, 60.0), (-60.0, 60.0), (8.0, 35.0)),
    ("sakurajima", "vt"): Region((-3.0, 3.0), (-3.0, 3.0), (0.5, 6.0)),
    ("sakurajima", "earthquake"): Region((-60.0, 60.0), (-60.0, 60.0), (5.0, 20.0)),
    ("colombia", "vt"): Region((-4.0, 4.0), (-4.0, 4.0), (-2.0, 6.0)),
    ("colombia", "earthquake"): Region((-60.0, 60.0), (-60.0, 60.0), (5.0, 30.0)),
}

#: Shallow plate interface under the ocean-bottom network, dipping to the north-west.
INTERFACE = Interface(-3.0, -6.0, 8.5, 232.0, 7.0, 60.0, 24.0)

VENTS = {"sakurajima": Vent(0.0, 0.0, -1.0), "colombia": Vent(0.0, 0.0, -5.2)}

#: Sizes are set so that what is listed of every class has about the same signal-to-noise ratio (2-8 Hz, vertical;
#: median 12 to 21 dB, reaching to 0 dB and below), so that loudness does not tell the class: the smallest magnitude of
#: a Gutenberg-Richter law, the median moment of the others (N m).
SMALLEST = {
    ("nankai", "earthquake"): 1.3,
    ("sakurajima", "vt"): 0.5,
    ("sakurajima", "earthquake"): 1.6,
    ("colombia", "vt"): 0.7,
    ("colombia", "earthquake"): 1.3,
}
MOMENTS = {
    ("nankai", "tremor"): 1.5e10,
    ("sakurajima", "eruption"): 1.3e11,
    ("sakurajima", "long_period"): 5e10,
    ("sakurajima", "volcanic_tremor"): 7e10,
    ("colombia", "eruption"): 8e10,
    ("colombia", "long_period"): 4e10,
    ("colombia", "volcanic_tremor"): 4.5e10,
}

EARTHQUAKES = {"earthquake": TECTONIC, "vt": VOLCANO_TECTONIC}
VOLCANIC = {"eruption": ERUPTION, "long_period": LONG_PERIOD, "volcanic_tremor": VOLCANIC_TREMOR}

#: Median length of a tremor episode in hours, and the standard deviation of its logarithm.
EPISODE_H, EPISODE_SCATTER = 3.0, 0.6

#: Share of the volcanic tremor that Julian's model drives; the rest is a train of pulses.
JULIAN_SHARE = 0.3

_DRAW = 42
_MODULES = {Earthquake: earthquake, Tremor: tremor, VolcanicEvent: eruption, JulianTremor: julian_tremor}


@dataclass(frozen=True, slots=True, eq=False)
class TwinEvent:
    """An event with its number in the twin, by origin time from 0, and what made it."""

    number: int
    source: Source
    medium: Medium

    @property
    def event_class(self) -> str:
        """True class."""
        return self.source.event_class

    @property
    def origin_s(self) -> float:
        """Origin, of the first pulse where there are many; seconds after the twin's start."""
        return float(np.min(self.source.origin_s))

    @property
    def magnitude(self) -> float:
        """Moment magnitude; of the sum of all pulses where there are many."""
        if isinstance(self.source, Earthquake):
            return self.source.magnitude
        return float(earthquake.moment_magnitude(np.sum(self.source.moment_n_m)))

    @property
    def place_km(self) -> tuple[float, float, float]:
        """Hypocentre, the mean one of a tremor burst."""
        if isinstance(self.source, Earthquake):
            return self.source.x_km, self.source.y_km, self.source.z_km
        return tuple(float(value) for value in np.atleast_2d(self.source.position_km).mean(0))

    def onset_s(self, station: Station) -> float:
        """First P arrival at a station."""
        return _MODULES[type(self.source)].onset_s(self.source, self.medium, station)

    def render(self, station: Station, rate_hz: float, rng: np.random.Generator) -> tuple[float, np.ndarray]:
        """Time of the first sample, and ground velocity (3, n) in m/s: Z, N, E."""
        return _MODULES[type(self.source)].render(self.source, self.medium, station, rate_hz, rng)

    def reach_s(self, station: Station) -> tuple[float, float]:
        """A span of time outside which nothing of the event is recorded at a station; generous at its end."""
        sources = self.source.sources(self.medium)
        travel = 3 * (self.onset_s(station) - self.origin_s) + 30.0
        last = float(np.max(sources.origin_s)) + travel + sources.ring_down_s() + LONGEST_CODA_S + 60.0
        if isinstance(self.source, JulianTremor):
            last += self.source.duration_s
        return self.origin_s - LEAD_S, last


def draw_events(scenario: Scenario) -> tuple[TwinEvent, ...]:
    """All events of a twin in order of origin time; each is drawn from a random stream of its own."""
    return _drawn(scenario.model_dump_json())


def heard(scenario: Scenario, station: Station, begin_s: float, end_s: float) -> list[TwinEvent]:
    """Events of which a station may record something in [begin, end], in order of origin time; see `TwinEvent`."""
    early, late = _reach(scenario.model_dump_json(), station)
    events = draw_events(scenario)
    return [events[number] for number in np.flatnonzero((early < end_s) & (late > begin_s))]


@lru_cache(maxsize=16)  # every day of a station asks for the same
def _reach(text, station):
    events = _drawn(text)
    return np.array([event.reach_s(station) for event in events]).reshape(-1, 2).T


@lru_cache(maxsize=2)  # every station-day of a twin asks for the same list
def _drawn(text):
    scenario = Scenario.model_validate_json(text)
    sources = []
    for code, kind in enumerate(ACTIVITY[scenario.setting]):
        for number, time_s in enumerate(times_s(scenario, kind)):
            rng = np.random.default_rng([scenario.seed, _DRAW, code, number])
            sources += draw(scenario, kind, float(time_s), rng)
    order = np.argsort([np.min(source.origin_s) for source in sources], kind="stable")
    events = (TwinEvent(number, sources[i], medium(scenario.setting, sources[i])) for number, i in enumerate(order))
    return tuple(event for event in events if event.origin_s < scenario.duration_s)


def medium(setting: str, source: Source) -> Medium:
    """Earthquakes of the region come through the crust around a volcano, everything else through the volcano."""
    crust = f"{setting}_crust"
    return MEDIA[crust if source.event_class == "earthquake" and crust in MEDIA else setting]


def draw(scenario: Scenario, kind: str, time_s: float, rng: np.random.Generator) -> list[Source]:
    """Sources of a kind at a time: one, or the bursts of a tremor episode."""
    step = DIFFICULTIES[scenario.difficulty]
    if kind in EARTHQUAKES:
        smallest = SMALLEST[scenario.setting, kind] + step.magnitude_shift
        law = replace(EARTHQUAKES[kind], smallest=smallest)
        box = BOXES[scenario.setting, kind]
        x, y = (tuple(step.distance_factor * limit for limit in limits) for limits in (box.x_km, box.y_km))
        return [earthquake.draw_earthquake(rng, time_s, Region(x, y, box.z_km), law)]
    moment = MOMENTS[scenario.setting, kind] * 10 ** (1.5 * step.magnitude_shift)
    if kind in VOLCANIC:
        law = replace(VOLCANIC[kind], moment_n_m=moment)
        drawn = eruption.draw_volcanic(rng, time_s, VENTS[scenario.setting], law)
        if kind == "volcanic_tremor" and rng.random() < JULIAN_SHARE:
            strength = float(np.median(drawn.moment_n_m))
            source = julian_tremor.draw_julian(rng, time_s, drawn.position_km, drawn.tensor, strength, drawn.duration_s)
            return [source]
        return [drawn]
    law = TremorLaw(moment_n_m=moment)
    extent = {name: step.distance_factor * getattr(INTERFACE, name) for name in ("length_km", "width_km")}
    duration_s = 3600 * EPISODE_H * math.exp(EPISODE_SCATTER * rng.standard_normal())
    return tremor.draw_episode(rng, time_s, duration_s, replace(INTERFACE, **extent), law)
