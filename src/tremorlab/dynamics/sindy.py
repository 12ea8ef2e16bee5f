"""Equations of motion from a record: one interface to a ladder of methods, from plain SINDy to joint estimation.

=====================  ==========================================================================================
method                 how derivatives are had, and how terms are chosen
=====================  ==========================================================================================
``finite_difference``  pysindy's centred differences; thresholding (STLSQ). The report's method.
``smoothed``           pysindy's Savitzky-Golay smoothed differences; thresholding
``weak``               none are taken: weak form; thresholding
``ensemble``           smoothed differences; bootstrap members, median of the terms that most members keep
``weak_ensemble``      weak form; the same
``implicit``           smoothed differences; terms times the derivative are candidates too, for rational equations
``joint``              none are taken: states and coefficients are estimated together (`tremorlab.dynamics.joint`)
=====================  ==========================================================================================

This is the only module that calls pysindy. Thresholds apply to coefficients of normalised terms and derivatives, so
that units play no part: a term below the threshold contributes less than that share of the derivative's root mean
square.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tremorlab.dynamics import denoise, joint, stlsq
from tremorlab.dynamics.library import Library
from tremorlab.dynamics.model import Model
from tremorlab.dynamics.record import Record
from tremorlab.dynamics.weak import automatic_half_width, weak_system
from tremorlab.errors import DynamicsError

METHODS = ("finite_difference", "smoothed", "weak", "ensemble", "weak_ensemble", "implicit", "joint")


@dataclass(frozen=True)
class Options:
    """Settings of the methods; each uses those that concern it.

    Attributes
    ----------
    threshold, ridge
        Of the thresholded least squares, for terms and derivatives of unit root mean square.
    smoothing_samples
        Window of the Savitzky-Golay filter (odd, above 3).
    half_width
        Half width of the weak form's test functions in samples; by default 2 samples at the end of the signal's band.
    members, inclusion, blocks, seed
        Bootstrap: members, the share of them that must keep a term, blocks of the record, seed.
    denominators
        Implicit method: for each state the terms that may multiply its derivative.
    noise_std
        Joint estimation: noise of each state where it is known.
    """

    threshold: float = 0.05
    ridge: float = 1e-6
    smoothing_samples: int = 11
    half_width: int | None = None
    members: int = 100
    inclusion: float = 0.6
    blocks: int = 50
    seed: int = 0
    denominators: dict[str, tuple[str, ...]] | None = None
    noise_std: tuple[float, ...] | None = None


def fit(record: Record, library: Library, method: str = "joint", **options) -> Model:
    """Find equations of motion.

    Parameters
    ----------
    record
        States of the library, in its order: all of them, but for joint estimation (`joint.estimate`).
    library
        Candidate terms and known coefficients.
    method
        One of `METHODS`.
    **options
        Fields of `Options`.

    Returns
    -------
    Model
        ``model.usable`` is False, and ``model.reason`` says why, where an equation stays empty, joint estimation does
        not explain the record, or a free run over the record's length leaves its region.

    Raises
    ------
    DynamicsError
        The record cannot be used (`Record.check`), the library does not fit it or is collinear on it, a method or an
        option is unknown, or every start of the joint estimation diverged.
    """
    return _judge(candidates(record, library, method, **options)[0], record)


def candidates(
    record: Record, library: Library, method: str, thresholds: Sequence[float] | None = None, **options
) -> list[Model]:
    """Models for several thresholds from one system of equations, not judged by a free run.

    Parameters
    ----------
    record, library, method, **options
        As for `fit`.
    thresholds
        One model for each; by default the option ``threshold``. Joint estimation has none: it gives one model.

    Raises
    ------
    DynamicsError
        As for `fit`.
    """
    unknown = [name for name in options if name not in Options.__dataclass_fields__]
    if method not in METHODS or unknown:
        raise DynamicsError(
            f"method {method!r}, options {unknown}", f"must be among {METHODS} and known", "Check names"
        )
    settings = Options(**options)
    strangers = sorted(set(settings.denominators or {}) - set(library.names))
    if strangers or not 0 <= settings.inclusion <= 1 or settings.members < 1 or settings.blocks < 1:
        raise DynamicsError(
            f"denominators of {strangers}, inclusion {settings.inclusion}, {settings.members} members of "
            f"{settings.blocks} blocks",
            f"do not fit states {library.names}, a share from 0 to 1, and whole numbers from 1",
            "Choose others",
        )
    record.check()
    if method == "joint":
        return [_joint(record, library, settings)]
    library.check(record)
    smooth = denoise.low_pass(record.values.T, denoise.noise_floor(record.values.T)[1])
    if library.exponents.min() < 0:
        joint.pole_floor(smooth, library)
    system = _system(record, library, method, settings)
    models = []
    for threshold in (settings.threshold,) if thresholds is None else thresholds:
        found = _regression(*system, library, method, replace(settings, threshold=threshold))
        models.append(_model(record, library, method, record.values, smooth[:, 0], *found))
    return models


def _model(record, library, method, values, first, coefficients, low, high, denominator, reason="", notes=()):
    for state, name in enumerate(library.names):
        if library.allowed[:, state].any() and not np.any(coefficients[library.allowed[:, state], state]):
            reason = reason or f"the equation of {name} has no term left"
    given = dict(zip(record.names, record.units, strict=True))
    units = tuple(given.get(name, "") for name in library.names)
    return Model(
        library, coefficients, low, high, denominator, method,
        centre=(values.max(axis=0) + values.min(axis=0)) / 2, reach=np.ptp(values, axis=0),
        sampling_rate_hz=record.sampling_rate_hz, units=units, usable=not reason, reason=reason, notes=notes,
        first=first,
    )  # fmt: skip


def _judge(model, record):
    """Mark a model whose free run cannot stand for its record."""
    if not model.usable:
        return model
    try:
        run = model.simulate(model.first, record.duration_s).values
    except DynamicsError as error:
        return replace(model, usable=False, reason=error.problem)
    late = run[-len(run) // 4 :]
    if np.all(late.std(axis=0) < 0.005 * model.reach):
        return replace(model, notes=(*model.notes, "the free run comes to rest"))
    return model


def _joint(record, library, settings):
    noise = None if settings.noise_std is None else np.array(settings.noise_std)
    found = joint.estimate(record, library, noise)
    half = 1.96 * found.standard_errors
    reason = "" if found.accepted else f"chi-square per observation is {found.chi_square:.2f}, above {joint.ACCEPTED}"
    notes = (*found.trail, f"chi-square per observation {found.chi_square:.3f}")
    if found.chi_square < joint.OVERREAD:
        notes += ("far below one: the noise was taken too large, and terms may be missing or false; give noise_std",)
    table = found.coefficients
    edges = table - half, table + half
    return _model(
        record, library, "joint", found.path.T, found.path[:, 0], table, *edges, np.zeros_like(table), reason, notes
    )


def _regression(terms, derivatives, library, method, settings):
    pieces = settings.blocks if "ensemble" in method else 1
    shape = library.known.shape
    values, low, high, denominator = library.known.copy(), library.known.copy(), library.known.copy(), np.zeros(shape)
    rng = np.random.default_rng(settings.seed)
    for state, name in enumerate(library.names):
        columns = np.flatnonzero(library.allowed[:, state])
        if not len(columns):
            continue
        target = derivatives[:, state] - terms @ library.known[:, state]
        below = _denominators(library, method, settings, name)
        matrix = np.concatenate([terms[:, columns], -terms[:, below] * derivatives[:, [state]]], axis=1)
        size, scale = np.sqrt(np.mean(matrix**2, axis=0)), np.sqrt(np.mean(target**2))
        if np.any(size == 0) or scale == 0:
            raise DynamicsError(f"equation of {name}", "a term or the derivative is zero throughout", "Leave it out")
        unit = np.sqrt(len(matrix))
        blocks = stlsq.block_grams(matrix / (size * unit), target[:, np.newaxis] / (scale * unit), pieces)
        if "ensemble" in method:
            counts = blocks.resample(rng, settings.members)
            members = stlsq.ensemble(blocks, counts, settings.threshold, settings.ridge)[:, :, 0]
            kept = np.mean(members != 0, axis=0) >= settings.inclusion
            fitted = np.where(kept, np.median(members, axis=0), 0.0)
            edges = np.where(kept, np.quantile(members, [0.025, 0.975], axis=0), 0.0)
        else:
            fitted = stlsq.stlsq(*blocks.total, settings.threshold, settings.ridge)[:, 0]
            edges = np.array([fitted, fitted])
        back = scale / size
        values[columns, state] = (fitted * back)[: len(columns)]
        low[columns, state], high[columns, state] = (edges * back)[:, : len(columns)]
        denominator[below, state] = (fitted * back)[len(columns) :]
    return values, low, high, denominator


def _denominators(library, method, settings, name):
    chosen = (settings.denominators or {}).get(name, ()) if method == "implicit" else ()
    unknown = [term for term in chosen if term not in library.terms or term == "1"]
    if unknown:
        raise DynamicsError(f"denominator terms {unknown}", f"are not terms of the library {library.terms}", "Add them")
    return [library.terms.index(term) for term in chosen]


def _system(record, library, method, settings):
    """Terms and derivatives, one row a sample or a test function."""
    values, step = record.values, 1 / record.sampling_rate_hz
    if method.startswith("weak"):
        half_width = settings.half_width
        if half_width is None:
            half_width = automatic_half_width(denoise.noise_floor(values.T)[1], len(values))
        return weak_system(values.T, library, step, half_width, stride=max(1, half_width // 5))
    # Imported here because it takes seconds, and the weak form and joint estimation do without it.
    import pysindy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if method == "finite_difference":
            states, derivatives = values, np.asarray(pysindy.FiniteDifference()._differentiate(values, step))
        else:
            if settings.smoothing_samples < 5 or settings.smoothing_samples % 2 == 0:
                raise DynamicsError(
                    f"smoothing_samples = {settings.smoothing_samples}", "must be odd and at least 5", "Choose 5, 7, 9"
                )
            kws = {"window_length": settings.smoothing_samples, "polyorder": 3}
            smoother = pysindy.SmoothedFiniteDifference(smoother_kws=kws)
            derivatives = np.asarray(smoother._differentiate(values, step))
            states = np.asarray(smoother.smoothed_x_)
    return library.evaluate(states.T).T, derivatives
