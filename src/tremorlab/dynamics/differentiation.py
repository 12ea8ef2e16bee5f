"""Why differentiation fails: the error of a numerical derivative against the sampling rate, at several noise levels.

A centred difference over two intervals h is wrong by h^2/6 times the third derivative, and noise of standard deviation
s adds s/(sqrt(2) h): sampling faster trades the one for the other, and neither vanishes. Smoothing moves the trade-off,
it does not end it.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.signal import savgol_filter

from tremorlab.dynamics.julian import Scaled

#: Window and order of the smoothing fit (Savitzky and Golay).
_WINDOW, _ORDER = 11, 3


def derivative_errors(
    motion: np.ndarray, form: Scaled, fine_hz: int, rates_hz: Iterable[int], levels_db: Iterable[float], seed: int
) -> pd.DataFrame:
    """Root mean square error of the wall's acceleration from differences, relative to its own root mean square.

    Parameters
    ----------
    motion
        Scaled states without noise at ``fine_hz``, shape (samples, 3).
    form
        The scaled model, whose rates are the true derivatives.
    fine_hz, rates_hz
        Rate of the motion and the sampling rates looked at; these divide it.
    levels_db
        Signal-to-noise ratio of the wall's speed; inf for none.
    seed
        Of the noise.

    Returns
    -------
    pandas.DataFrame
        rate_hz, snr_db, and the relative errors ``differences`` (centred, second order) and ``smoothed``
        (Savitzky-Golay), away from the ends.
    """
    rows = []
    true = np.array(form.rates(*motion.T)[2])
    noise = np.random.default_rng(seed).standard_normal(len(motion)) * motion[:, 2].std()
    for rate in rates_hz:
        every = fine_hz // rate
        step = 1 / (rate * form.time_s)
        for level in levels_db:
            seen = (motion[:, 2] + 10 ** (-level / 20) * noise)[::every]
            inner = slice(_WINDOW, -_WINDOW)
            truth = true[::every][inner]
            smooth = savgol_filter(seen, _WINDOW, _ORDER, deriv=1, delta=step)[inner]
            errors = [np.sqrt(np.mean((each - truth) ** 2)) for each in (np.gradient(seen, step)[inner], smooth)]
            rows.append((rate, level, *(error / np.sqrt(np.mean(truth**2)) for error in errors)))
    return pd.DataFrame(rows, columns=["rate_hz", "snr_db", "differences", "smoothed"])
