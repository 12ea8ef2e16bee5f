"""Grey box: a known structure, unknown parameters and hidden states, one velocity record.

Parameters and the whole path of all states are estimated together (`tremorlab.dynamics.assimilation`) from one scalar.
The misfit has many minima, so that

1. a grid over what makes the problem nonlinear (opening, viscosity) gives many starts (see `structures`);
2. each start is brought to a loose model on a short piece; the better ones are tightened step by step (annealing),
   and the next ones if none of them is accepted;
3. the best is continued by a Kalman filter to the whole record, and goes from loose to tight again;
4. what is identifiable is shown by `profile`: the misfit with one parameter held and all others free.
"""

import contextlib
from dataclasses import dataclass

import numpy as np
from scipy.signal import welch

from tremorlab.dynamics.assimilation import Diverged, Observations, eliminate_path, minimise, variances
from tremorlab.dynamics.denoise import low_pass, noise_floor
from tremorlab.dynamics.flow import Flow
from tremorlab.dynamics.model import Model
from tremorlab.dynamics.record import Record
from tremorlab.dynamics.structures import Structure
from tremorlab.errors import DynamicsError

#: Standard deviation of the model's error a sampling interval, relative to each state's: loose first, tight last.
LOOSE = (0.2, 0.1)
TIGHTENING = (0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001)

#: Starts that are tightened after a loose round, and rounds at most; the first that yields an accepted fit is the last.
_KEPT, _ROUNDS = 3, 2

#: Largest chi-square per observation of an accepted model.
ACCEPTED = 1.3

#: Longest Runge-Kutta step, in radians of the fundamental.
_STEP = 0.15

#: Standard deviation of the model's error in the filter that continues a path, a sampling interval.
_FILTER = 0.02

#: Cycles that the short piece should hold, and the fewest that are worth a fit.
_SHORT_CYCLES, _FEWEST_CYCLES = 60, 8


@dataclass(frozen=True)
class GreyBox:
    """A fitted structure.

    Attributes
    ----------
    structure
        What was fitted.
    parameters, standard_errors
        In the record's unit (velocity), the same times a second (length) and seconds.
    path
        States, shape (states, samples), in the scaled units of ``model``.
    chi_square
        Cost per observation; near 1 where the model explains the record, below where the noise was taken too large.
    noise_std
        Of the observations, in the record's unit.
    model
        Equations in scaled units (`Model`); ``model.usable`` says whether the fit is accepted. Whether it runs freely,
        `free_run` shows.
    unit, time_s
        Velocity and time of the scaled units.
    trail
        One line for each start: how it ended.
    """

    structure: Structure
    parameters: np.ndarray
    standard_errors: np.ndarray
    path: np.ndarray
    chi_square: float
    noise_std: float
    model: Model
    unit: float
    time_s: float
    trail: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        """Whether chi-square per observation is at most `ACCEPTED`."""
        return self.chi_square <= ACCEPTED

    def table(self) -> dict[str, tuple[float, float]]:
        """Name of each parameter -> (value, standard error)."""
        return dict(
            zip(self.structure.parameters, zip(self.parameters, self.standard_errors, strict=True), strict=True)
        )

    def free_run(self, duration_s: float, settle_s: float = 0.0) -> np.ndarray:
        """Velocity of a free run from the record's first estimated state, in the record's unit.

        Raises
        ------
        DynamicsError
            The run leaves the record's region (`Model.simulate`).
        """
        run = self.model.simulate(self.path[:, 0], (settle_s + duration_s) / self.time_s)
        skipped = round(settle_s / self.time_s * self.model.sampling_rate_hz)
        return run.values[skipped:, -1] * self.unit


class _Tied:
    """A `Flow` in the parameters of a structure: some free, the others held."""

    def __init__(self, flow, ties, values, free):
        self.flow, self.ties, self.values, self.free = flow, ties, np.asarray(values, float), free

    def full(self, parameters):
        values = self.values.copy()
        values[self.free] = parameters
        return values

    def advance(self, states, parameters):
        return self.flow.advance(states, self.ties @ self.full(parameters))

    def linearise(self, states, parameters):
        after, by_state, by_coefficient = self.flow.linearise(states, self.ties @ self.full(parameters))
        return after, by_state, np.einsum("ikt,kp->ipt", by_coefficient, self.ties[:, self.free])


@dataclass(frozen=True)
class _Problem:
    """Scaled velocity and how to fit a structure to it."""

    structure: Structure
    velocity: np.ndarray
    smooth: np.ndarray
    step: float
    noise: float
    unit: float
    time_s: float

    def piece(self, samples):
        return _Problem(
            self.structure,
            self.velocity[:samples],
            self.smooth[:samples],
            self.step,
            self.noise,
            self.unit,
            self.time_s,
        )

    def tied(self, values, free=None):
        structure = self.structure
        flow = Flow(structure.library, structure.library.candidates, self.step, max(1, int(np.ceil(self.step / _STEP))))
        everything = np.arange(len(structure.parameters))
        return _Tied(flow, structure.ties, values, everything if free is None else free)

    def seen(self, path):
        states = self.structure.library.names
        values, weight = np.zeros((len(states), len(self.velocity))), np.zeros(len(states))
        values[-1], weight[-1] = self.velocity, 1 / self.noise**2
        floor = np.full(len(states), -np.inf)
        if self.structure.positive:
            row = states.index(self.structure.positive)
            floor[row] = 0.2 * path[row].min()
        return Observations(values, weight, floor)

    def anneal(self, parameters, path, levels, free=None, iterations=10):
        """Path, parameters and chi-square per observation after tightening through ``levels``."""
        spread = path.std(axis=1)
        tied = self.tied(parameters, free)
        theta = np.asarray(parameters, float)[tied.free]
        seen = self.seen(path)
        for level in levels:
            path, theta, cost = minimise(tied, path, theta, seen, level * spread, iterations)
        quadratic = eliminate_path(tied, path, theta, seen, levels[-1] * spread)
        return _Annealed(path, tied.full(theta), cost / seen.count, quadratic.gram)


@dataclass(frozen=True)
class _Annealed:
    path: np.ndarray
    parameters: np.ndarray
    chi_square: float
    gram: np.ndarray


def estimate(record: Record, structure: Structure, noise_std: float | None = None) -> GreyBox:
    """Fit a structure to one scalar record of velocity.

    Parameters
    ----------
    record
        One state, the velocity of the wall or, up to a gain, of the ground.
    structure
        From `tremorlab.dynamics.structures`.
    noise_std
        Of the record, in its unit; by default read from the spectrum above the signal's band.

    Raises
    ------
    DynamicsError
        The record is not one scalar, cannot be used (`Record.check`), holds fewer than 8 cycles or fewer than 8 samples
        a cycle, or every start diverged.
    """
    problem = _scaled(record, structure, noise_std)
    samples = len(problem.velocity)
    short = min(samples, round(2 * np.pi * _SHORT_CYCLES / problem.step))
    piece = problem.piece(short)
    trail, loose, tight = [], [], []
    starts = enumerate(structure.starts(piece.smooth, problem.step))
    for _ in range(_ROUNDS):
        for number, start in starts:
            try:
                loose.append((piece.anneal(start.parameters, start.path, LOOSE), number))
            except Diverged as reason:
                trail.append(f"start {number}: dropped, {reason}")
            if sum(found.chi_square <= 1 for found, _ in loose) == _KEPT:
                break
        loose.sort(key=lambda pair: pair[0].chi_square)
        for found, number in loose[:_KEPT]:
            try:
                tight.append(piece.anneal(found.parameters, found.path, TIGHTENING))
            except Diverged as reason:
                trail.append(f"start {number}: dropped, {reason}")
                continue
            trail.append(f"start {number}: chi-square {found.chi_square:.3g} loose, {tight[-1].chi_square:.4g} tight")
        loose = loose[_KEPT:]
        if any(found.chi_square <= ACCEPTED for found in tight):
            break
    if not tight:
        raise DynamicsError(
            f"grey box {structure.name}", "every start diverged: " + "; ".join(trail), "Try another structure or piece"
        )
    best = min(tight, key=lambda found: found.chi_square)
    if short < samples:
        try:
            best = problem.anneal(best.parameters, _continued(problem, best), LOOSE + TIGHTENING)
        except Diverged as reason:
            raise DynamicsError(
                f"grey box {structure.name}", f"the whole record diverged: {reason}", "Fit a shorter piece"
            ) from reason
        trail.append(f"whole record: chi-square {best.chi_square:.4g}")
    return _fitted(problem, best, trail)


def _continued(problem, found):
    """First path of the whole record: the one found, continued by an extended Kalman filter.

    An integrated velocity drifts, and where the drift takes the opening near its pole no step is finite; a filter that
    knows the equations keeps the hidden states where the velocity says.
    """
    structure, known = problem.structure, found.path.shape[1]
    tied = problem.tied(found.parameters)
    floor = np.full(len(found.path), -np.inf)
    if structure.positive:
        row = structure.library.names.index(structure.positive)
        floor[row] = 0.7 * found.path[row].min()
    model_error = np.diag((_FILTER * found.path.std(axis=1)) ** 2)
    path = np.concatenate([found.path, np.empty((len(floor), len(problem.velocity) - known))], axis=1)
    spread = 10 * model_error
    for at in range(known, path.shape[1]):
        after, by_state, _ = tied.linearise(path[:, [at - 1]], found.parameters)
        spread = by_state[:, :, 0] @ spread @ by_state[:, :, 0].T + model_error
        gain = spread[:, -1] / (spread[-1, -1] + problem.noise**2)
        path[:, at] = np.maximum(after[:, 0] + gain * (problem.velocity[at] - after[-1, 0]), floor)
        spread = spread - np.outer(gain, spread[-1])
        if not np.isfinite(path[:, at]).all():
            raise Diverged(f"the filter is not finite at sample {at}")
    return path


def profile(fit: GreyBox, record: Record, parameter: str, factors: np.ndarray) -> np.ndarray:
    """Chi-square per observation with one parameter held at ``factors`` times its estimate and all else free.

    A flat profile says that the record does not tell the parameter. The values go outwards from the estimate, each
    starting where its neighbour ended, at the tightest model; NaN where a fit diverged.

    Raises
    ------
    DynamicsError
        The parameter is not one of the structure's, or a factor is not positive.
    """
    names = fit.structure.parameters
    factors = np.asarray(factors, float)
    if not (factors > 0).all():
        raise DynamicsError(f"factors {factors.tolist()}", "are not all positive", "Give shares of the estimate")
    if parameter not in names:
        raise DynamicsError(f"parameter {parameter!r}", f"is not one of {names}", "Choose from these")
    held = names.index(parameter)
    free = np.flatnonzero(np.arange(len(names)) != held)
    problem = _scaled(record, fit.structure, fit.noise_std)
    found = np.full(len(factors), np.nan)
    for side in (np.flatnonzero(factors >= 1), np.flatnonzero(factors < 1)):
        values, path = fit.parameters / _units(fit.structure, problem), fit.path
        centre = values[held]
        for i in side[np.argsort(np.abs(np.log(factors[side])))]:
            values = values.copy()
            values[held] = factors[i] * centre
            now = None
            for levels in ((0.02, 0.005, *TIGHTENING[-3:]), TIGHTENING[-3:]):  # a loose model may lose its way
                with contextlib.suppress(Diverged):
                    tried = problem.anneal(values, path, levels, free)
                    now = tried if now is None or tried.chi_square < now.chi_square else now
            if now is None:
                break
            values, path, found[i] = now.parameters, now.path, now.chi_square
    return found


def fundamental_hz(record: Record) -> float:
    """Frequency of the largest spectral peak."""
    values = record.values[:, 0]
    frequency, power = welch(values, record.sampling_rate_hz, nperseg=min(len(values), 1024))
    return float(frequency[1 + np.argmax(power[1:])])


def _scaled(record, structure, noise_std):
    if record.values.shape[1] != 1:
        raise DynamicsError(f"record of {record.names}", "is not one scalar", "Select one velocity")
    record.check()
    rate, peak = record.sampling_rate_hz, fundamental_hz(record)
    cycles = record.duration_s * peak
    if cycles < _FEWEST_CYCLES or rate / peak < 8:
        raise DynamicsError(
            f"record of {cycles:.1f} cycles at {peak:.3g} Hz",
            f"is fewer than {_FEWEST_CYCLES} cycles, or {rate / peak:.1f} samples a cycle is fewer than 8",
            "Take a longer record or a higher rate",
        )
    velocity = record.values[:, 0] - record.values[:, 0].mean()
    unit, time_s = velocity.std(), 1 / (2 * np.pi * peak)
    floor, band_end = noise_floor(velocity[np.newaxis])
    if noise_std is not None and not 0 < noise_std < np.inf:
        raise DynamicsError(f"noise_std {noise_std}", "is not a positive number", "Give it in the record's unit")
    noise = floor[0] if noise_std is None else noise_std
    smooth = low_pass(velocity[np.newaxis], band_end)[0]
    noise = max(noise / unit, 1e-4)
    return _Problem(structure, velocity / unit, smooth / unit, 1 / (rate * time_s), noise, unit, time_s)


def _units(structure, problem):
    """What turns scaled parameters into the record's units and seconds."""
    length, second = structure.dimensions.T
    return (problem.unit * problem.time_s) ** length * problem.time_s ** (second.astype(float))


def _fitted(problem, best, trail):
    structure, library = problem.structure, problem.structure.library
    units = _units(structure, problem)
    errors = np.sqrt(variances(best.gram) * max(1.0, best.chi_square))
    coefficients = library.known.copy()
    for place, value in zip(library.candidates, structure.ties @ best.parameters, strict=True):
        coefficients[place] = value
    reason = "" if best.chi_square <= ACCEPTED else f"chi-square per observation is {best.chi_square:.3g}"
    path = best.path
    model = Model(
        library, coefficients, coefficients, coefficients, np.zeros_like(coefficients), structure.name,
        centre=(path.max(axis=1) + path.min(axis=1)) / 2, reach=np.ptp(path, axis=1),
        sampling_rate_hz=1 / problem.step, units=("",) * len(library.names), usable=not reason, reason=reason,
    )  # fmt: skip
    return GreyBox(
        structure, best.parameters * units, errors * units, path, float(best.chi_square), problem.noise * problem.unit,
        model, problem.unit, problem.time_s, tuple(trail),
    )  # fmt: skip
