"""Is there more than a linear process in a record of tremor? One function from a scalar to a verdict.

The evidence, strongest objection first: forecasts on blocks that were not fitted, against a linear autoregression, the
best periodic template and persistence; the same on surrogates; time-reversal asymmetry; phase coupling of harmonics;
and plain sparse identification on delay coordinates, which is what the report tried.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tremorlab.dynamics import embedding, forecast, likeness, sindy, surrogates
from tremorlab.dynamics.forecast import Comparison
from tremorlab.dynamics.library import polynomial
from tremorlab.dynamics.model import Model
from tremorlab.dynamics.record import Record
from tremorlab.errors import DynamicsError

#: Names of the predictors, the nonlinear one first.
NONLINEAR, LINEAR, TEMPLATE, PERSISTENCE = "scale-free kernel", "linear AR", "periodic template", "persistence"

#: Memory and longest horizon, in periods of the fundamental.
MEMORY_PERIODS, HORIZON_PERIODS = 3.0, 2.0

#: Samples in a period that the examination works at, at least.
_SAMPLES_A_PERIOD = 10

#: A claim needs p values up to this.
LEVEL = 0.05


@dataclass(frozen=True)
class Plain:
    """Plain sparse identification on delay coordinates: its model, and its free run against the record.

    ``frequency_error`` and ``spectral_distance_db`` are NaN where the model is not usable; ``rests`` says whether the
    run dies out (a fixed point, the simplest attractor of all).
    """

    model: Model
    frequency_error: float
    spectral_distance_db: float
    rests: bool


@dataclass(frozen=True)
class Examination:
    """What was found in a record.

    Attributes
    ----------
    fundamental_hz, sampling_rate_hz, memory
        Fundamental frequency, rate and samples of the past that predictors see.
    around, ahead
        Forecasts of the record, with blocks held out between fitted data, and strictly after them.
    null_around, null_ahead
        Error of the nonlinear over the linear predictor on each surrogate.
    asymmetry, null_asymmetry
        Time-reversal asymmetry of the record and of the surrogates.
    coupling, null_coupling
        Bicoherence of harmonics (`likeness.TRIADS`), shapes (triads,) and (surrogates, triads).
    plain
        Plain sparse identification.
    """

    fundamental_hz: float
    sampling_rate_hz: float
    memory: int
    around: Comparison
    ahead: Comparison
    null_around: np.ndarray
    null_ahead: np.ndarray
    asymmetry: float
    null_asymmetry: np.ndarray
    coupling: np.ndarray
    null_coupling: np.ndarray
    plain: Plain

    @property
    def p_values(self) -> dict[str, float]:
        """One-sided p values: the share of surrogates, and the record, that reach the record's value."""
        return {
            "forecast between": surrogates.rank_p_value(-self.around.ratio(NONLINEAR, LINEAR), -self.null_around),
            "forecast ahead": surrogates.rank_p_value(-self.ahead.ratio(NONLINEAR, LINEAR), -self.null_ahead),
            "time reversal": surrogates.rank_p_value(self.asymmetry, self.null_asymmetry),
            "phase coupling": surrogates.rank_p_value(self.coupling.mean(), self.null_coupling.mean(axis=1)),
        }

    @property
    def beats(self) -> dict[str, bool]:
        """Whether the nonlinear predictor beats each rival and no more than `LEVEL` of surrogates do as well."""
        p = self.p_values
        return {
            where: all(found.ratio(NONLINEAR, rival) < 1 for rival in (LINEAR, TEMPLATE, PERSISTENCE))
            and p[f"forecast {where}"] <= LEVEL
            for where, found in (("between", self.around), ("ahead", self.ahead))
        }

    @property
    def verdict(self) -> str:
        """One sentence."""
        p = self.p_values
        if len(self.null_around) < 1 / LEVEL - 1:
            return f"none: {len(self.null_around)} surrogates cannot give a p value of {LEVEL:g}; 19 can"
        if self.beats["ahead"]:
            return "nonlinear structure that forecasts: it beats every rival strictly ahead, and surrogates do not"
        if self.beats["between"]:
            return (
                "nonlinear structure that is not a forecast yet: it beats every rival between fitted data, and "
                "surrogates do not, but not strictly ahead"
            )
        if min(p["time reversal"], p["phase coupling"]) <= LEVEL:
            return "not a linear process (its waveform or phases say so), but no forecast gains from it"
        return "nothing that a linear process would not show"

    def report(self) -> str:
        """The whole examination as text, a line for each finding."""
        lines = [f"fundamental {self.fundamental_hz:.3g} Hz; memory {self.memory / self.sampling_rate_hz:.3g} s"]
        far = self.around.horizons[-1] / self.sampling_rate_hz
        for where, found, null in (
            ("between fitted data", self.around, self.null_around),
            ("strictly ahead", self.ahead, self.null_ahead),
        ):
            lines.append(f"forecast to {far:.3g} s, blocks {where} (root mean squared error, 1 = mean):")
            for name in found.names:
                won = "" if name == LINEAR else f", better than {LINEAR} in {found.won(name, LINEAR)} of {found.blocks}"
                lines.append(
                    f"  {name:<18} {found.overall(name):.3f}, at the last horizon {found.by_horizon(name)[-1]:.3f}{won}"
                )
            ratio = found.ratio(NONLINEAR, LINEAR)
            lines.append(
                f"  {NONLINEAR} / {LINEAR}: {ratio:.3f}; on {len(null)} surrogates {null.min():.3f} to {null.max():.3f}"
            )
        lines.append(
            f"time-reversal asymmetry {self.asymmetry:.3f}; on surrogates up to {self.null_asymmetry.max():.3f}"
        )
        lines.append(
            f"phase coupling of harmonics {self.coupling.mean():.3f}; on surrogates up to "
            f"{self.null_coupling.mean(axis=1).max():.3f}"
        )
        lines.append("p values: " + ", ".join(f"{name} {value:.3f}" for name, value in self.p_values.items()))
        model = self.plain.model
        lines.append("plain sparse identification on delay coordinates:")
        lines += [f"  {equation}" for equation in model.equations]
        if model.usable:
            rest = ", comes to rest" if self.plain.rests else ""
            distance = f"spectrum {self.plain.spectral_distance_db:.1f} dB"
            lines.append(f"  free run: frequency {self.plain.frequency_error:+.1%}, {distance}{rest}")
        else:
            lines.append(f"  unusable: {model.reason}")
        return "\n".join([*lines, f"verdict: {self.verdict}"])


def examine(
    values: np.ndarray,
    sampling_rate_hz: float,
    low_hz: float,
    high_hz: float,
    surrogate_count: int = 19,
    blocks: int = 10,
    seed: int = 0,
    make: Callable[[np.ndarray, np.random.Generator], np.ndarray] = surrogates.iaaft,
) -> Examination:
    """Examine one scalar.

    Parameters
    ----------
    values
        Shape (samples,), already limited to the band of the tremor.
    sampling_rate_hz
        Some 20 samples in a period of the fundamental are a good rate.
    low_hz, high_hz
        The fundamental lies between.
    surrogate_count, make
        How many surrogates, and how one is made. 19 allow a p value of 0.05.
    blocks
        Held-out blocks.
    seed
        Of the surrogates.

    Raises
    ------
    DynamicsError
        The record cannot be used (too short, constant, not finite, clipped), or the rate is below ten samples a period.
    """
    values = surrogates.scalar(values)
    Record(values, sampling_rate_hz, ("x",)).check()
    if surrogate_count < 1:
        raise DynamicsError(f"{surrogate_count} surrogates", "are no null hypothesis", "Ask for at least 19")
    values = values - values.mean()
    fundamental = float(np.median(likeness.fundamental_track(values, sampling_rate_hz, low_hz, high_hz)[1]))
    period = sampling_rate_hz / fundamental
    if period < _SAMPLES_A_PERIOD:
        raise DynamicsError(
            f"{period:.1f} samples in a period of {fundamental:.3g} Hz",
            f"are fewer than {_SAMPLES_A_PERIOD}",
            "Prepare the record at a higher rate",
        )
    values = values[surrogates.matched_ends(values)]
    memory = round(MEMORY_PERIODS * period)
    horizons = sorted({max(1, round(share * HORIZON_PERIODS * period)) for share in (0, 0.1, 0.25, 0.5, 0.75, 1)})
    rivals = {
        NONLINEAR: forecast.ScaleFreeKernel(),
        LINEAR: forecast.Autoregression(),
        TEMPLATE: forecast.PeriodicTemplate(round(0.8 * period), round(1.25 * period)),
        PERSISTENCE: forecast.Persistence(),
    }
    around, ahead = (forecast.compare(values, rivals, memory, horizons, blocks, way) for way in (False, True))
    rng = np.random.default_rng(seed)
    pair = {name: rivals[name] for name in (NONLINEAR, LINEAR)}
    null = {"around": [], "ahead": [], "asymmetry": [], "coupling": []}
    for _ in range(surrogate_count):
        other = make(values, rng)
        for name, way in (("around", False), ("ahead", True)):
            found = forecast.compare(other, pair, memory, horizons, blocks, way)
            null[name].append(found.ratio(NONLINEAR, LINEAR))
        null["asymmetry"].append(surrogates.asymmetry(other, round(period)))
        null["coupling"].append(likeness.bicoherence(other, sampling_rate_hz, fundamental))
    return Examination(
        fundamental_hz=fundamental,
        sampling_rate_hz=sampling_rate_hz,
        memory=memory,
        around=around,
        ahead=ahead,
        null_around=np.array(null["around"]),
        null_ahead=np.array(null["ahead"]),
        asymmetry=surrogates.asymmetry(values, round(period)),
        null_asymmetry=np.array(null["asymmetry"]),
        coupling=likeness.bicoherence(values, sampling_rate_hz, fundamental),
        null_coupling=np.array(null["coupling"]),
        plain=plain_sindy(Record(values, sampling_rate_hz, ("x",)), fundamental),
    )


def plain_sindy(record: Record, fundamental_hz: float, dimension: int = 3, threshold: float = 0.05) -> Plain:
    """The report's method on one scalar: delay coordinates, finite differences, polynomials, thresholding.

    The delay is the first zero of the autocorrelation, or a quarter of a period where there is none within two.
    """
    values, rate = record.values[:, 0], record.sampling_rate_hz
    period = rate / fundamental_hz
    zero = embedding.first_zero(embedding.autocorrelation(values, round(2 * period)))
    states = embedding.delay_record(record, zero or max(1, round(period / 4)), dimension)
    model = sindy.fit(states, polynomial(states.names, 3), "finite_difference", threshold=threshold)
    if not model.usable:
        return Plain(model, np.nan, np.nan, False)
    run = model.simulate(states.values[0], states.duration_s).values[:, 0]
    late = run[len(run) // 2 :]
    found, true = (likeness.mean_frequency_hz(each, rate) for each in (late, states.values[:, 0]))
    distance = likeness.log_spectral_distance_db(late, states.values[:, 0])
    return Plain(model, found / true - 1, distance, bool(late.std() < 0.05 * states.values[:, 0].std()))
