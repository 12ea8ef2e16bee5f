"""Does one frequency follow another from twin to twin: a slope with an interval over twins and seeds."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tremorlab.errors import ModelError


def slope(
    given_hz: ArrayLike,
    found_hz: Sequence[ArrayLike],
    *,
    rng: np.random.Generator,
    draws: int = 2000,
    level: float = 0.95,
) -> tuple[float, float, float]:
    """Least-squares slope of the mean of what was found in each twin against what was given there.

    Parameters
    ----------
    given_hz
        One frequency a twin, shape (twins,).
    found_hz
        For each twin the frequencies found from several seeds; NaN values are left out.
    rng
        Draws twins, and seeds within each of them, with replacement.
    draws, level
        Of the percentile interval.

    Returns
    -------
    slope, low, high : float
        1 where what is found follows what is given, 0 where it has nothing to do with it.

    Raises
    ------
    ModelError
        Fewer than three twins have a finite value of both, or all have the same given frequency.

    Examples
    --------
    >>> slope([2, 4, 6, 8], [[3, 3], [5, 5], [7, 7], [9, 9]], rng=np.random.default_rng(0))
    (1.0, 1.0, 1.0)
    """
    pairs = [
        (given, values[np.isfinite(values)])
        for given, values in zip(np.asarray(given_hz, float), (np.asarray(f, float) for f in found_hz), strict=True)
    ]
    pairs = [(given, values) for given, values in pairs if np.isfinite(given) and len(values)]
    if len(pairs) < 3 or len({given for given, _ in pairs}) < 2:
        raise ModelError("twins", f"{len(pairs)} have both frequencies", "Give three or more that differ")
    x = np.array([given for given, _ in pairs])
    drawn = []
    while len(drawn) < draws:
        twins = rng.integers(0, len(pairs), len(pairs))
        if np.ptp(x[twins]) > 0:
            drawn.append(_slope(x[twins], [rng.choice(pairs[n][1], len(pairs[n][1])).mean() for n in twins]))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    whole = _slope(x, [values.mean() for _, values in pairs])
    return tuple(float(np.round(value, 12)) for value in (whole, low, high))


def _slope(x, y):
    apart = x - x.mean()
    return apart @ np.asarray(y) / (apart @ apart)
