"""Joint estimation of states and coefficients with a sparse library: finds the terms where differentiation cannot.

Five ideas make it work on noisy records:

1. the noise is measured from the floor of the spectrum, and the record without all above its band is the first path;
2. the weak form's best subsets of several sizes are several starts;
3. the model is loose at first (large q) and tightened step by step;
4. at each step the path is eliminated with *all* candidates present, and the subset of coefficients is chosen from the
   quadratic form that is left, by backward elimination and swaps, at the price of Schwarz's criterion; the chosen ones
   are refitted;
5. a model is accepted only if chi-square per observation is not far above one: otherwise the record is not explained.
   Far below one says that the noise was taken too large, and nothing about the model.
"""

from dataclasses import dataclass

import numpy as np

from tremorlab.dynamics import stlsq, subset
from tremorlab.dynamics.assimilation import Diverged, Observations, eliminate_path, minimise, variances
from tremorlab.dynamics.denoise import low_pass, noise_floor
from tremorlab.dynamics.flow import Flow
from tremorlab.dynamics.library import Library
from tremorlab.dynamics.record import Record
from tremorlab.dynamics.weak import automatic_half_width, weak_system
from tremorlab.errors import DynamicsError

#: Standard deviation of the model's error a sampling interval, relative to each state's: loose first, tight last.
TIGHTENING = (0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005)

#: Shares of each equation's candidates in the starts, in this order.
START_SIZES = (0.25, 0.4, 0.65, 0.15, 1.0)

#: Largest chi-square per observation of an accepted model.
ACCEPTED = 1.3

#: Below this chi-square per observation the noise was taken too large.
OVERREAD = 0.5

#: Price of a term for each unit of its degree (sum of its powers without sign), beside log(observations) for the term:
#: a prior weight exp(-degree). It decides between terms that the record cannot tell apart, in favour of the simpler
#: one.
DEGREE_PRICE = 2.0

#: Selections at one tightness, at most; it ends when the subset stays the same.
_ROUNDS = 5


@dataclass(frozen=True)
class Estimate:
    """Outcome of the joint estimation.

    Attributes
    ----------
    coefficients, standard_errors
        Shape (terms, states), known coefficients included; errors are 0 where nothing was fitted.
    path
        Estimated states, shape (states, samples).
    noise_std
        Standard deviation of the noise that was assumed, shape (states,).
    chi_square
        Cost per observed value; near 1 where the model explains the record.
    criterion
        Cost plus the price of each term (`term_price`).
    trail
        One line for each start: how it ended.
    """

    coefficients: np.ndarray
    standard_errors: np.ndarray
    path: np.ndarray
    noise_std: np.ndarray
    chi_square: float
    criterion: float
    trail: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        """Whether chi-square per observation is at most `ACCEPTED`."""
        return self.chi_square <= ACCEPTED


def estimate(record: Record, library: Library, noise_std: np.ndarray | None = None) -> Estimate:
    """Find terms, coefficients and states in a record of all states.

    Parameters
    ----------
    record
        States of the library, in its order. A state may be missing if it is, by a known equation, the derivative of
        one that is there: it is estimated with the rest.
    library
        Candidate terms and known coefficients.
    noise_std
        Standard deviation of the noise of each state of the record, if it is known; otherwise it is read from the
        spectrum.

    Raises
    ------
    DynamicsError
        The states do not fit the library's or the noises the states, the record cannot be used (`Record.check`), a
        state in a denominator is not positive, the library is collinear on the record, or every start diverged.
    """
    record.check()
    step = 1 / record.sampling_rate_hz
    values, there = complete(record, library)
    floor_std, band_end = noise_floor(values)
    noise = floor_std.copy()
    if noise_std is not None:
        if np.shape(noise_std) != (there.sum(),) or not np.all(np.isfinite(noise_std) & (np.asarray(noise_std) > 0)):
            raise DynamicsError(
                f"noise_std {np.asarray(noise_std).tolist()}",
                f"is not one positive number for each of the {there.sum()} states of the record",
                "Give the standard deviation of each, or none",
            )
        noise[there] = noise_std
    noise = np.maximum(noise, 1e-6 * values.std(axis=1))
    path = low_pass(values, band_end)
    floor = pole_floor(path, library)
    path = np.maximum(path, floor[:, np.newaxis])
    _refuse_collinear(path, library)
    seen = Observations(values, there / noise**2, floor)
    best, trail, supports = None, [], []
    for share in START_SIZES:
        try:
            theta = weak_start(path, library, step, band_end, share)
            found = refine(path, theta, library, seen, step, finished=supports)
        except Diverged as reason:
            trail.append(f"start with {share:.0%} of the terms: dropped, {reason}")
            continue
        if found is None:
            trail.append(f"start with {share:.0%} of the terms: came to terms already found")
            break
        trail.append(
            f"start with {share:.0%} of the terms: {np.count_nonzero(found.theta)} terms, "
            f"chi-square {found.cost / seen.count:.3f} per observation"
        )
        supports.append(tuple(np.flatnonzero(found.theta)))
        if best is None or found.criterion < best.criterion:
            best = found
    if best is None:
        raise DynamicsError("joint estimation", "every start diverged: " + "; ".join(trail), "Check units and library")
    errors = np.zeros_like(library.known)
    for place, error in zip(library.candidates, best.errors, strict=True):
        errors[place] = error
    return Estimate(
        coefficients=coefficient_table(library, best.theta),
        standard_errors=errors,
        path=best.path,
        noise_std=noise,
        chi_square=best.cost / seen.count,
        criterion=best.criterion,
        trail=tuple(trail),
    )


def complete(record: Record, library: Library) -> tuple[np.ndarray, np.ndarray]:
    """All states of the library, shape (states, samples), and which of them are in the record.

    A missing state is the derivative of the smoothed state whose known equation is ``state' = missing state``.

    Raises
    ------
    DynamicsError
        A missing state has no such equation, or the record's states are not the library's, in its order.
    """
    there = np.array([name in record.names for name in library.names])
    values = np.zeros((len(library.names), len(record.values)))
    if record.names == tuple(np.array(library.names)[there]):
        values[there] = record.values.T
    else:
        library.check(record)
    smooth = low_pass(record.values.T, noise_floor(record.values.T)[1])
    for missing in np.flatnonzero(~there):
        derivative_of = [
            i for i, name in enumerate(record.names) if library.terms_of(name) == {library.names[missing]: 1.0}
        ]
        if not derivative_of:
            raise DynamicsError(
                f"state {library.names[missing]}",
                f"is not in the record of {record.names}, and no known equation makes it the derivative of one that is",
                "Observe it, or use a library that knows it as a derivative",
            )
        values[missing] = np.gradient(smooth[derivative_of[0]], 1 / record.sampling_rate_hz)
    return values, there


@dataclass(frozen=True)
class Refined:
    """A path and the coefficients of all candidates, most of them 0, at the tightest model."""

    path: np.ndarray
    theta: np.ndarray
    errors: np.ndarray
    cost: float
    criterion: float


def refine(
    path: np.ndarray,
    theta: np.ndarray,
    library: Library,
    seen: Observations,
    step: float,
    tightening: tuple[float, ...] = TIGHTENING,
    finished: list[tuple[int, ...]] | None = None,
    select: bool = True,
) -> Refined | None:
    """Tighten the model step by step, choosing the terms anew at each step (or keeping them, ``select=False``).

    Returns None where the first step arrives at a set of terms in ``finished``: it would end where that ended.

    Raises
    ------
    Diverged
        The candidate left the region where the model makes sense.
    """
    candidates, spread = library.candidates, path.std(axis=1)
    substeps = _substeps(path)
    everything = Flow(library, candidates, step, substeps)
    penalty = term_price(library, seen.count)
    members = np.flatnonzero(theta)
    for level in tightening:
        q = level * spread
        for _ in range(_ROUNDS):
            flow = Flow(library, [candidates[i] for i in members], step, substeps)
            path, fitted, _ = minimise(flow, path, theta[members], seen, q, 6 if level == tightening[0] else 3)
            theta = np.zeros(len(candidates))
            theta[members] = fitted
            if not select:
                break
            quadratic = eliminate_path(everything, path, theta, seen, q)
            found = subset.selection_path(quadratic.gram, quadratic.moment(theta), penalty)
            chosen = subset.choose(found, penalty)
            if chosen.indices == tuple(members):
                break
            members = np.array(chosen.indices)
            theta = np.zeros(len(candidates))
            theta[members] = chosen.coefficients
        if finished and tuple(members) in finished:
            return None
    flow = Flow(library, [candidates[i] for i in members], step, substeps)
    path, fitted, cost = minimise(flow, path, theta[members], seen, q, 10, enough=1e-3)
    quadratic = eliminate_path(flow, path, fitted, seen, q)
    theta, errors = np.zeros(len(candidates)), np.zeros(len(candidates))
    theta[members] = fitted
    # A cost above one per observation says that noise or model error was taken too small: widen the errors by as much.
    widening = np.sqrt(max(1.0, cost / seen.count))
    errors[members] = widening * np.sqrt(variances(quadratic.gram))
    return Refined(path, theta, errors, cost, float(cost + penalty[members].sum()))


def term_price(library: Library, observations: int) -> np.ndarray:
    """Price of each candidate's presence: log(observations) (Schwarz) and `DEGREE_PRICE` times its degree."""
    degree = np.abs(library.exponents).sum(axis=1)
    return np.array([np.log(observations) + DEGREE_PRICE * degree[term] for term, _ in library.candidates])


def weak_start(path: np.ndarray, library: Library, step: float, band_end: np.ndarray, share: float) -> np.ndarray:
    """Coefficients of all candidates from the weak form: in each equation the best subset of ``share`` of them."""
    half_width = automatic_half_width(band_end, path.shape[1])
    terms, derivatives = weak_system(path, library, step, half_width, stride=max(1, half_width // 5))
    theta = np.zeros(len(library.candidates))
    derivatives = derivatives - terms @ library.known
    for equation in range(len(library.names)):
        places = [i for i, (_, e) in enumerate(library.candidates) if e == equation]
        if not places:
            continue
        columns = terms[:, [library.candidates[i][0] for i in places]]
        best = subset.selection_path(columns.T @ columns, columns.T @ derivatives[:, equation])
        chosen = best[max(1, round(share * len(places)))]
        for index, value in zip(chosen.indices, chosen.coefficients, strict=True):
            theta[places[index]] = value
    return theta


def pole_floor(path: np.ndarray, library: Library) -> np.ndarray:
    """Lower limits that keep states in denominators positive: half the smallest value of the smoothed record.

    Raises
    ------
    DynamicsError
        Such a state is not positive even when smoothed and ranked: the term 1/state has no meaning for it.
    """
    floor = np.full(len(path), -np.inf)
    for state in np.flatnonzero((library.exponents < 0).any(axis=0)):
        low = np.quantile(path[state], 0.02)
        if low <= 0:
            raise DynamicsError(
                f"state {library.names[state]}",
                f"stands in a denominator but falls to {low:.3g} (2 % quantile of the smoothed record)",
                "Use a library without negative powers of it, or add the offset that makes it positive",
            )
        floor[state] = 0.5 * low
    return floor


def _refuse_collinear(path, library):
    """The first path in the terms of each equation: where columns repeat each other, no subset of them is the one."""
    terms = library.evaluate(path)
    for allowed in library.allowed.T:
        if allowed.any():
            size = np.linalg.norm(terms[allowed], axis=1, keepdims=True)
            unit = terms[allowed] / np.where(size > 0, size, 1)
            stlsq.check_independent(unit @ unit.T)


def coefficient_table(library: Library, theta: np.ndarray) -> np.ndarray:
    """Coefficients of all candidates as (terms, states), with the known ones."""
    table = library.known.copy()
    for place, value in zip(library.candidates, theta, strict=True):
        table[place] = value
    return table


def _substeps(path):
    """Runge-Kutta steps in a sampling interval: more where the record moves far from one sample to the next."""
    jump = np.quantile(np.abs(np.diff(path, axis=1)), 0.99, axis=1) / path.std(axis=1)
    return int(np.clip(np.ceil(jump.max() / 0.3), 1, 8))
