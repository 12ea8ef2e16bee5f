"""The ladder of methods on states reconstructed from one scalar: what each model forecasts, and how it runs freely.

By Takens' theorem delays or derivatives of one scalar stand for the unseen states, but equations that are sparse in the
true states need not be sparse in these. Each model is judged where it was not fitted, beside a linear autoregression of
the same series, and by its free run.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tremorlab.dynamics import closed_loop, embedding, sindy
from tremorlab.dynamics.forecast import Autoregression, table
from tremorlab.dynamics.library import polynomial
from tremorlab.dynamics.model import Model
from tremorlab.dynamics.record import Record
from tremorlab.errors import DynamicsError

#: How states are made of one scalar; the first state is the scalar itself, but for ``singular``.
COORDINATES = ("delay", "singular", "derivative")

#: Share of the record that is fitted; the rest is forecast.
_FITTED = 2 / 3

#: Length of a free run in periods of the fundamental.
_RUN_PERIODS = 40

#: Thresholds tried. The one with the best forecast is kept, **judged on the data that are forecast**: better than a
#: user could do.
THRESHOLDS = (0.01, 0.02, 0.05, 0.1, 0.2)


def coordinates(record: Record, kind: str, delay: int, dimension: int) -> Record:
    """States from a scalar record.

    Parameters
    ----------
    record
        One scalar.
    kind
        "delay": values ``delay`` samples apart. "singular": principal components of all values in the window that
        these delays span. "derivative": the scalar and its derivatives, smoothed over half a delay on each side.
    delay, dimension
        Samples, and number of states.

    Raises
    ------
    DynamicsError
        The kind is unknown, or the coordinates do not fit the record.
    """
    if kind == "delay":
        return embedding.delay_record(record, delay, dimension)
    if kind == "singular":
        return embedding.singular_record(record, (dimension - 1) * delay + 1, dimension)[0]
    if kind == "derivative":
        return embedding.derivative_record(
            record, dimension - 1, max(delay // 2 * 2 + 1, dimension + 3 - dimension % 2)
        )
    raise DynamicsError(f"coordinates {kind!r}", f"are none of {COORDINATES}", "Choose one")


def ladder(
    record: Record, delay: int, dimension: int, period: int, methods: Sequence[str], degree: int = 3
) -> pd.DataFrame:
    """Fit all methods on all coordinates to the first two thirds of a scalar, and judge them on the rest.

    Parameters
    ----------
    record
        One scalar.
    delay, dimension
        See `coordinates`.
    period
        Samples in a period of the fundamental; forecasts reach two of them.
    methods
        From `tremorlab.dynamics.sindy.METHODS`.
    degree
        Of the polynomial library.

    Returns
    -------
    pandas.DataFrame
        One row for each pair, indexed by coordinates and method: terms; one_step and two_periods (root mean square
        error of the first state's forecast, in its standard deviations; a forecast that leaves the record's region
        counts as the mean); linear (two_periods of a linear autoregression of the same series with three periods of
        memory); lost (share of forecasts that left); bounded, frequency_error, spectral_distance_db (of a free run);
        reason, where there is no model.
    """
    rows = []
    for kind in COORDINATES:
        states = coordinates(record, kind, delay, dimension)
        cut = round(_FITTED * len(states.values))
        fitted, rest = (Record(part, states.sampling_rate_hz, states.names) for part in np.split(states.values, [cut]))
        linear = _linear_error(states.values[:, 0], cut, 3 * period, 2 * period)
        terms = polynomial(states.names, degree)
        for method in methods:
            row = {"coordinates": kind, "method": method, "linear": linear}
            try:
                models = sindy.candidates(fitted, terms, method, THRESHOLDS)
            except DynamicsError as error:
                rows.append({**row, "bounded": False, "reason": str(error)})
                continue
            scores = [forecast_error(model, rest, 2 * period, period // 4) for model in models]
            best = int(np.argmin([error for error, _ in scores]))
            run_s = min(rest.duration_s, _RUN_PERIODS * period / rest.sampling_rate_hz)
            run = closed_loop.free_runs([models[best]], fitted.values[0], run_s, rest.sampling_rate_hz)[0]
            alike = closed_loop.likeness(run[:, :1], rest.select(rest.names[0]))
            rows.append(
                {
                    **row,
                    "terms": len(models[best].support),
                    "one_step": forecast_error(models[best], rest, 1)[0],
                    "two_periods": scores[best][0],
                    "lost": scores[best][1],
                    "bounded": alike.bounded,
                    "frequency_error": alike.frequency_error,
                    "spectral_distance_db": alike.spectral_distance_db,
                    "reason": models[best].reason,
                }
            )
    return pd.DataFrame(rows).set_index(["coordinates", "method"])


def forecast_error(model: Model, record: Record, steps: int, every: int = 1) -> tuple[float, float]:
    """Error of the first state ``steps`` ahead over its standard deviation, and the share of forecasts that left."""
    found = model.predict(record, steps, every=max(1, every))[:, 0]
    true, lost = record.values[steps :: max(1, every), 0], np.isnan(found)
    found = np.where(lost, record.values[:, 0].mean(), found)
    return float(np.sqrt(np.mean((found - true) ** 2)) / record.values[:, 0].std()), float(lost.mean())


def _linear_error(values, cut, memory, horizon):
    past, future = table(values, memory, [horizon])
    newest = memory - 1 + np.arange(len(past))
    before, after = newest + horizon < cut, newest >= cut
    fitted = Autoregression().fit(past[before], future[before], [horizon])
    error = fitted.predict(past[after]) - future[after]
    return float(np.sqrt(np.mean(error**2)) / values[cut:].std())
