"""States from one scalar: delay and derivative coordinates, how many are needed, and what can be measured in them.

Delay: first minimum of the mutual information of x(t) and x(t + delay) (Fraser and Swinney 1986, Phys. Rev. A 33:1134)
or first zero of the autocorrelation. Dimension: share of false nearest neighbours (Kennel, Brown and Abarbanel 1992,
Phys. Rev. A 45:3403). Correlation dimension: Grassberger and Procaccia 1983, Physica D 9:189, pairs close in time left
out. Largest Lyapunov exponent: Rosenstein, Collins and De Luca 1993, Physica D 65:117.

These measures always return a number. What it means is decided by surrogates (`tremorlab.dynamics.surrogates`).
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.signal import savgol_filter
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist

from tremorlab.dynamics.record import Record
from tremorlab.dynamics.surrogates import scalar
from tremorlab.errors import DynamicsError

#: A neighbour is false where one more coordinate stretches the distance by this factor, or beyond twice the record's
#: standard deviation (Kennel, Brown and Abarbanel 1992; the factor as in the R package tseriesChaos).
_STRETCH, _FAR = 10.0, 2.0

#: Neighbours looked through for one that is far enough in time.
_LOOKED_AT = 64

#: The correlation dimension is the slope between these values of the correlation sum.
SCALING = (1e-3, 3e-2)


def mutual_information(values: np.ndarray, longest: int, bins: int = 24) -> np.ndarray:
    """Mutual information of x(t) and x(t + lag) in nats for lags 0 to ``longest``, from bins of equal counts."""
    values = scalar(values)
    _room(values, longest)
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    cells = ranks * bins // len(values)
    found = []
    for lag in range(longest + 1):
        joint = np.zeros((bins, bins))
        np.add.at(joint, (cells[: len(cells) - lag], cells[lag:]), 1.0)
        joint /= joint.sum()
        independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
        held = joint > 0
        found.append(np.sum(joint[held] * np.log(joint[held] / independent[held])))
    return np.array(found)


def autocorrelation(values: np.ndarray, longest: int) -> np.ndarray:
    """Autocorrelation for lags 0 to ``longest``."""
    values = scalar(values)
    _room(values, longest)
    centred = values - values.mean()
    spectrum = np.abs(np.fft.rfft(centred, 2 * len(centred))) ** 2
    found = np.fft.irfft(spectrum)[: longest + 1]
    return found / found[0]


def first_minimum(curve: np.ndarray) -> int | None:
    """Index of the first local minimum of a curve, or None."""
    inner = np.flatnonzero((curve[1:-1] < curve[:-2]) & (curve[1:-1] <= curve[2:]))
    return int(inner[0]) + 1 if len(inner) else None


def first_zero(curve: np.ndarray) -> int | None:
    """Index of the first value that is not positive, or None."""
    below = np.flatnonzero(curve <= 0)
    return int(below[0]) if len(below) else None


def delay_coordinates(values: np.ndarray, delay: int, dimension: int) -> np.ndarray:
    """Rows (x(t), x(t - delay), ...), shape (samples - (dimension - 1) delay, dimension)."""
    values = scalar(values)
    if delay < 1 or dimension < 1 or (dimension - 1) * delay >= len(values) - 10:
        raise DynamicsError(
            f"{dimension} coordinates {delay} samples apart",
            f"do not fit a record of {len(values)} samples",
            "Choose a shorter delay, fewer coordinates or a longer record",
        )
    span = (dimension - 1) * delay
    return np.stack([values[span - i * delay : len(values) - i * delay] for i in range(dimension)], axis=1)


def delay_record(record: Record, delay: int, dimension: int) -> Record:
    """Delay coordinates of a scalar record as a record of states x1, x2, ..., each of unit standard deviation."""
    rows = delay_coordinates(record.values[:, 0], delay, dimension) / record.values[:, 0].std()
    return Record(rows, record.sampling_rate_hz, [f"x{i + 1}" for i in range(dimension)])


def singular_record(record: Record, window: int, dimension: int) -> tuple[Record, np.ndarray]:
    """Principal components of a window of ``window`` delays, of unit standard deviation, and the shares of variance."""
    rows = delay_coordinates(record.values[:, 0], 1, window)
    rows = rows - rows.mean(axis=0)
    _, size, axes = np.linalg.svd(rows, full_matrices=False)
    components = rows @ axes[:dimension].T
    names = [f"s{i + 1}" for i in range(components.shape[1])]
    return Record(components / components.std(axis=0), record.sampling_rate_hz, names), size**2 / np.sum(size**2)


def derivative_record(record: Record, order: int, smoothing_samples: int) -> Record:
    """The scalar and its derivatives to ``order`` (Savitzky-Golay, degree order + 2), of unit standard deviation."""
    values = scalar(record.values[:, 0])
    if smoothing_samples % 2 == 0 or not order + 2 < smoothing_samples < len(values):
        raise DynamicsError(
            f"smoothing over {smoothing_samples} samples",
            f"must be odd, above {order + 2} and below {len(values)}",
            "Choose another window",
        )
    rows = [savgol_filter(values, smoothing_samples, order + 2, deriv=i) for i in range(order + 1)]
    return Record(
        np.array([row / row.std() for row in rows]).T, record.sampling_rate_hz, [f"d{i}" for i in range(order + 1)]
    )


def false_neighbours(values: np.ndarray, delay: int, most: int, apart: int) -> np.ndarray:
    """Share of nearest neighbours that one more coordinate shows to be false, for 1 to ``most`` coordinates.

    ``apart`` is the number of samples within which two points count as the same piece of orbit.
    """
    values = scalar(values)
    spread, shares = values.std(), []
    for dimension in range(1, most + 1):
        longer = delay_coordinates(values, delay, dimension + 1)
        points, extra = longer[:, :dimension], longer[:, dimension]
        near, distance = neighbours(points, apart)
        known = near >= 0
        distance, gap = distance[known], np.abs(extra[known] - extra[near[known]])
        false = (gap > _STRETCH * distance) | (np.hypot(distance, gap) > _FAR * spread)
        shares.append(np.mean(false) if known.any() else np.nan)
    return np.array(shares)


def neighbours(points: np.ndarray, apart: int) -> tuple[np.ndarray, np.ndarray]:
    """Nearest neighbour of each point more than ``apart`` samples away in time, and its distance; -1 where none is.

    Points at distance 0 are not neighbours: they are repeats.
    """
    looked = min(_LOOKED_AT, len(points))
    distances, indices = cKDTree(points).query(points, k=looked)
    allowed = (np.abs(indices - np.arange(len(points))[:, np.newaxis]) > apart) & (distances > 0)
    first = allowed.argmax(axis=1)
    rows = np.arange(len(points))
    found = allowed[rows, first]
    return np.where(found, indices[rows, first], -1), np.where(found, distances[rows, first], np.nan)


@dataclass(frozen=True)
class CorrelationSum:
    """Correlation sum of points against radius, and the dimension: its slope where it lies within `SCALING`."""

    radius: np.ndarray
    share: np.ndarray
    dimension: float


def correlation_sum(points: np.ndarray, apart: int, most: int = 2500) -> CorrelationSum:
    """Share of pairs of points closer than a radius, pairs within ``apart`` samples left out.

    At most ``most`` points are used, evenly spaced in time.

    Raises
    ------
    DynamicsError
        Fewer than 100 pairs lie in the scaling range: there are too few points.
    """
    step = max(1, math.ceil(len(points) / most))
    chosen = points[::step]
    first, second = np.triu_indices(len(chosen), 1)
    distances = np.sort(pdist(chosen)[(second - first) * step > apart])
    if len(distances) * SCALING[1] < 100:
        raise DynamicsError(
            f"{len(chosen)} points", f"make {len(distances)} pairs more than {apart} samples apart", "Take more points"
        )
    shares = np.geomspace(10 / len(distances), 1, 60)
    radius = distances[np.minimum((shares * len(distances)).astype(int), len(distances) - 1)]
    inside = (shares >= SCALING[0]) & (shares <= SCALING[1])
    slope = np.polyfit(np.log(radius[inside]), np.log(shares[inside]), 1)[0]
    return CorrelationSum(radius, shares, float(slope))


@dataclass(frozen=True)
class Divergence:
    """Mean logarithm of the distance of neighbours against time, and its slope over the fitted stretch, per second."""

    time_s: np.ndarray
    log_distance: np.ndarray
    per_second: float


def divergence(points: np.ndarray, rate_hz: float, apart: int, fit_s: tuple[float, float]) -> Divergence:
    """Follow each point and its nearest neighbour; the slope between the times ``fit_s`` estimates the exponent.

    Raises
    ------
    DynamicsError
        The times are not in order, or fewer than 20 pairs can be followed so far.
    """
    steps = round(fit_s[1] * rate_hz)
    if not 0 <= fit_s[0] < fit_s[1] or steps < 3 or steps >= len(points) - 20:
        raise DynamicsError(
            f"divergence from {fit_s[0]} to {fit_s[1]} s",
            f"does not fit {len(points)} points at {rate_hz:g} Hz",
            "Give two times in order, within the record",
        )
    near, _ = neighbours(points[: len(points) - steps], apart)
    start = np.flatnonzero(near >= 0)
    if len(start) < 20:
        raise DynamicsError(
            f"{len(points)} points",
            f"have {len(start)} neighbours more than {apart} samples apart, fewer than 20",
            "Take a longer record or fewer coordinates",
        )
    curve = []
    for step in range(steps + 1):
        gap = np.linalg.norm(points[start + step] - points[near[start] + step], axis=1)
        curve.append(np.mean(np.log(gap[gap > 0])))
    times = np.arange(steps + 1) / rate_hz
    inside = times >= fit_s[0]
    slope = np.polyfit(times[inside], np.array(curve)[inside], 1)[0]
    return Divergence(times, np.array(curve), float(slope))


def _room(values, longest):
    if not 1 <= longest <= len(values) // 2:
        raise DynamicsError(
            f"lag of {longest} samples", f"is not between 1 and half the record ({len(values) // 2})", "Choose another"
        )
