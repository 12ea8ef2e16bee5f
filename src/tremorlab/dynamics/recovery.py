"""Recovery maps: where each method finds Julian's equations again, over sampling, noise, length, regime, states seen.

One `Case` is one synthetic record and one method. Records are pieces of motions that differ from seed to seed in start
and noise. Noise is white and Gaussian; its level is the signal-to-noise ratio of each state, 20 log10(standard
deviation of the state / of the noise). Methods that threshold get the best threshold of a sweep, **judged with the
truth**: better than a user could do, so that what fails here fails for every choice of it.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from itertools import product
from multiprocessing import get_context

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from tremorlab.dynamics import closed_loop, julian, library, regimes, sindy, trajectories
from tremorlab.dynamics.julian import Parameters, Scaled
from tremorlab.dynamics.library import Library
from tremorlab.dynamics.model import Model
from tremorlab.dynamics.record import Record, with_noise
from tremorlab.errors import DynamicsError

#: Rate of the motions from which records are taken; sampling rates must divide it.
FINE_HZ = 1000

#: Thresholds tried, in shares of the derivative's root mean square.
THRESHOLDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)

#: Names of the scaled opening, fluid speed and wall speed.
STATES = ("x", "y", "z")

#: Rate in Hz at which free runs are compared with the motion.
_RUN_HZ = 100

#: Cut from both ends of a motion whose derivatives are differences, which are one-sided there.
_EDGE_S = 1.0

#: Seed of the motion that free runs are compared with; no record is a piece of it.
_UNSEEN = 2**31

#: Method of a case that is not fitted: the true equations, whose free run says what likeness two runs of the same
#: motion have.
TRUTH = "truth"


@dataclass(frozen=True)
class Case:
    """One record and one method.

    Attributes
    ----------
    method
        One of `tremorlab.dynamics.sindy.METHODS`, or `TRUTH`.
    rate_hz, snr_db, duration_s
        Sampling rate (divides `FINE_HZ`), signal-to-noise ratio (inf: no noise) and length of the record.
    p1_mpa
        Driving pressure: 19 is chaotic, 16.6 a cycle of period 2, 13 a limit cycle, without wall mass.
    observed
        States seen: "xyz" (all), "xy" (the wall's speed is not), or "z" (the wall's speed alone, as a seismometer may
        have it; the model is then sought in z, z' and z'', by polynomials to degree 3).
    settle_s
        Seconds that pass before the record begins; with 0 it holds the way onto the attractor.
    seed
        Of the start and of the noise.
    """

    method: str = "joint"
    rate_hz: int = 100
    snr_db: float = 20.0
    duration_s: float = 20.0
    p1_mpa: float = 19.0
    observed: str = "xyz"
    settle_s: float = 20.0
    seed: int = 0

    def __post_init__(self):
        if (
            self.rate_hz < 1
            or FINE_HZ % self.rate_hz
            or self.observed not in ("xyz", "xy", "z")
            or np.isnan(self.snr_db)
            or not 0 < self.duration_s < np.inf
            or not 0 <= self.settle_s < np.inf
        ):
            raise DynamicsError(
                f"{self.rate_hz} Hz, states {self.observed!r}, {self.snr_db} dB, {self.duration_s} s after "
                f"{self.settle_s} s",
                f"is not a rate that divides {FINE_HZ}, one of 'xyz', 'xy', 'z', a level and two lengths",
                "Choose others",
            )
        if self.method not in (*sindy.METHODS, TRUTH):
            raise DynamicsError(f"method {self.method!r}", f"is not among {(*sindy.METHODS, TRUTH)}", "Choose one")


def grid(**axes: Iterable) -> list[Case]:
    """All combinations of values for the fields of `Case`.

    Examples
    --------
    >>> len(grid(method=("weak", "joint"), snr_db=(40, 20, 10), seed=range(5)))
    30
    """
    unknown = [name for name in axes if name not in {field.name for field in fields(Case)}]
    if unknown:
        raise DynamicsError(f"axes {unknown}", f"are not among {[f.name for f in fields(Case)]}", "Check names")
    return [Case(**dict(zip(axes, values, strict=True))) for values in product(*axes.values())]


def recovery_map(cases: Sequence[Case], map: Callable = map, run_s: float = 30.0) -> pd.DataFrame:
    """Fit all cases and score what is found.

    Parameters
    ----------
    cases
        See `grid`.
    map
        Applies a function to sequences of arguments, as the built-in one does: ``processes(2).map``, or, with
        a Dask client, ``lambda f, *x: client.gather(client.map(f, *x))``.
    run_s
        Seconds over which every model is also run freely and compared with the true motion; 0: it is not.

    Returns
    -------
    pandas.DataFrame
        One row a case: its fields; exact (just the true terms, accepted by the method), true_positive_ratio
        (TP / (TP + FP + FN)), coefficient_error (median over the true terms of the relative error, 1 for one that is
        missing), these three NaN where z alone is seen; seconds of CPU; reason, where there is no model or an unusable
        one; with free runs the fields of `closed_loop.Likeness` and lyapunov_error (less the true motion's, 1/s).
    """
    return fit_cases(cases, map, run_s)[0]


def fit_cases(
    cases: Sequence[Case], map: Callable = map, run_s: float = 30.0
) -> tuple[pd.DataFrame, list[Model | None]]:
    """The table of `recovery_map`, and the model of each case (None where there is none)."""
    motions = clean_motions(cases)
    records = [motions[_motion(case)][:: FINE_HZ // case.rate_hz] for case in cases]
    records = [values[: round(case.duration_s * case.rate_hz)] for values, case in zip(records, cases, strict=True)]
    found = list(map(attempt, cases, records))
    table = pd.DataFrame([{**asdict(case), **score} for case, (score, _) in zip(cases, found, strict=True)])
    models = [model for _, model in found]
    return (table.join(closed_loops(cases, models, run_s)) if run_s else table), models


def clean_motions(cases: Sequence[Case]) -> dict[tuple, np.ndarray]:
    """Scaled states without noise at `FINE_HZ`, shape (samples, 3), for every motion that the cases need."""
    wanted = list(dict.fromkeys(_motion(case) for case in cases))
    duration = max(case.duration_s for case in cases)
    motions = {}
    for p1_mpa, settle_s, seed in wanted:
        one = Parameters(p1=1e6 * p1_mpa)
        form = julian.scaled(one)
        start = trajectories.starts([one], 0.05, np.random.default_rng([seed, 1]))[:, 0]
        passed = round(settle_s * FINE_HZ)
        run = trajectories.orbit(form, start, 1 / (FINE_HZ * form.time_s), passed + round(duration * FINE_HZ) - 1)
        motions[p1_mpa, settle_s, seed] = run[passed:]
    return motions


def _motion(case):
    return case.p1_mpa, case.settle_s, case.seed


def attempt(case: Case, values: np.ndarray) -> tuple[dict, Model | None]:
    """Add noise to the scaled states, shape (samples, 3), fit, and score terms and coefficients."""
    form = julian.scaled(Parameters(p1=1e6 * case.p1_mpa))
    clean = record = Record(values, case.rate_hz * form.time_s, STATES)
    if np.isfinite(case.snr_db):
        record = with_noise(clean, case.snr_db, "snr_db", np.random.default_rng([case.seed, 2]))
    began = time.process_time()
    truth = library.julian_truth(form) if case.observed != "z" else {}
    try:
        record, terms = _seen(record, case.observed)
        if case.method == TRUTH:
            models = [true_model(clean, form)]
        else:
            models = sindy.candidates(record, terms, case.method, THRESHOLDS)
        model = _best(models, truth) if truth else _liveliest(models, record, case, form)
    except DynamicsError as error:
        failed = {"exact": False, "true_positive_ratio": 0.0, "coefficient_error": 1.0} if truth else {}
        return {**failed, "seconds": time.process_time() - began, "reason": str(error)}, None
    score = {"seconds": time.process_time() - began, "reason": model.reason}
    if truth:
        errors = [
            abs(model.coefficients[terms.terms.index(term), terms.names.index(state)] / value - 1)
            for (state, term), value in truth.items()
        ]
        score |= {
            "exact": model.usable and model.support == set(truth),
            "true_positive_ratio": len(model.support & set(truth)) / len(model.support | set(truth)),
            "coefficient_error": float(np.median(errors)),
        }
    return score, model


def true_model(record: Record, form: Scaled) -> Model:
    """Julian's equations without wall mass as a model of a record of all scaled states; runs begin where that does."""
    terms = library.julian_library()
    table = terms.known.copy()
    for (state, term), value in library.julian_truth(form).items():
        table[terms.terms.index(term), terms.names.index(state)] = value
    values = record.values
    return Model(
        terms, table, table, table, np.zeros_like(table), TRUTH,
        centre=(values.max(axis=0) + values.min(axis=0)) / 2, reach=np.ptp(values, axis=0),
        sampling_rate_hz=record.sampling_rate_hz, units=("", "", ""), first=values[0],
    )  # fmt: skip


def _seen(record: Record, observed: str) -> tuple[Record, Library]:
    if observed == "xyz":
        return record, library.julian_library()
    if observed == "xy":
        return record.select("x", "y"), library.julian_library()
    z = record.values[:, 2] / record.values[:, 2].std()
    rate = record.sampling_rate_hz
    derivatives = [z, np.gradient(z, 1 / rate)]
    derivatives.append(np.gradient(derivatives[1], 1 / rate))
    terms = list(library.polynomial(("q", "r", "s"), 3).terms)
    known = {"q": {"r": 1.0}, "r": {"s": 1.0}}
    return Record(np.array(derivatives).T, rate, ("q", "r", "s")), library.from_terms(
        ("q", "r", "s"), {"s": terms}, known
    )


def _best(models, truth):
    """The threshold with the largest true-positive ratio."""
    return max(models, key=lambda one: len(one.support & set(truth)) / len(one.support | set(truth)))


def _liveliest(models, record, case, form):
    """With one scalar no terms are true: the threshold whose free run stays, with the spectrum most like the record."""
    duration_s = min(10.0, case.duration_s)
    runs = closed_loop.free_runs(models, models[0].first, duration_s, case.rate_hz, form.time_s)
    target = record.select("q")
    distances = [closed_loop.likeness(run[:, :1], target).spectral_distance_db for run in runs]
    return models[int(np.argmin(np.nan_to_num(distances, nan=np.inf)))]


def closed_loops(cases: Sequence[Case], models: Sequence[Model | None], run_s: float) -> pd.DataFrame:
    """Free runs of all models of a regime side by side, beside a run of the true motion that no model was fitted to.

    All begin where that motion begins, but for the true equations, which begin where their record does: two runs of the
    same motion are to be compared, not one with itself.

    Returns
    -------
    pandas.DataFrame
        One row a case, as `recovery_map` describes; not bounded where there is no model.
    """
    rows = [{"bounded": False, "lyapunov_error": np.nan} for _ in cases]
    groups = {}
    for i, (case, model) in enumerate(zip(cases, models, strict=True)):
        if model is not None:
            groups.setdefault((case.p1_mpa, case.observed == "z"), []).append(i)
    for (p1_mpa, scalar), members in groups.items():
        form = julian.scaled(Parameters(p1=1e6 * p1_mpa))
        target, exponent = _reference(p1_mpa, run_s, scalar)
        group = [models[i] for i in members]
        start = np.array([models[i].first if cases[i].method == TRUTH else target.values[0] for i in members]).T
        runs = closed_loop.free_runs(group, start, run_s, _RUN_HZ, form.time_s)
        found = closed_loop.lyapunov_exponents(group, start, run_s, form.time_s)
        for i, run, each in zip(members, runs, found, strict=True):
            alike = closed_loop.likeness(run, target)
            alike = replace(alike, lyapunov_per_second=float(each) if alike.bounded else np.nan)
            rows[i] = asdict(alike) | {"lyapunov_error": alike.lyapunov_per_second - exponent}
    return pd.DataFrame(rows)


@cache
def _reference(p1_mpa: float, run_s: float, scalar: bool) -> tuple[Record, float]:
    """A motion on the attractor, scaled, at the rate of the free runs, and its largest Lyapunov exponent."""
    edge_s = _EDGE_S if scalar else 0.0
    (motion,) = clean_motions([Case(p1_mpa=p1_mpa, duration_s=run_s + 2 * edge_s, seed=_UNSEEN)]).values()
    form = julian.scaled(Parameters(p1=1e6 * p1_mpa))
    record = Record(motion, FINE_HZ * form.time_s, STATES)
    if scalar:
        record = _seen(record, "z")[0]
    edge = round(edge_s * FINE_HZ)
    inside = record.values[edge : len(motion) - edge]
    target = Record(inside[:: FINE_HZ // _RUN_HZ], _RUN_HZ, record.names)
    exponent = regimes.lyapunov_exponents([Parameters(p1=1e6 * p1_mpa)], run_s / 2, 16, 5.0)[0]
    return target, exponent.per_second


def processes(workers: int) -> ProcessPoolExecutor:
    """Processes whose ``map`` serves `recovery_map`, one thread each, so that they do not fight for cores."""
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=threadpool_limits, initargs=(1,))
