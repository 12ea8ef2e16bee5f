"""The noise floor of a record and its automatic low-pass."""

import numpy as np
from scipy.signal import butter, sosfiltfilt, welch

#: The floor is the smallest mean of the spectrum from one of these frequencies (over the sampling rate) to Nyquist's,
#: so that harmonics that reach up there do little harm.
_FLOOR_FROM = (0.2, 0.25, 0.3, 0.35, 0.4)

#: The signal band ends where the spectrum last stands this factor above the floor.
_ABOVE = 3.0


def noise_floor(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standard deviation of white noise, and the end of the signal band.

    Parameters
    ----------
    values
        Shape (states, samples).

    Returns
    -------
    noise_std, band_end
        Shape (states,) each; the band's end as a fraction of the sampling rate (0 to 0.5). The deviation is an upper
        limit where the signal itself reaches the Nyquist frequency, and many times too large where one of its harmonics
        stands there: then give the noise that is known instead.
    """
    deviations, ends = [], []
    for row in values:
        frequencies, power = welch(row, 1.0, nperseg=min(512, len(row) // 4 * 2), detrend="linear")
        floor = min(power[(frequencies >= low) & (frequencies < 0.49)].mean() for low in _FLOOR_FROM)
        above = np.flatnonzero(power > _ABOVE * floor)
        deviations.append(np.sqrt(floor / 2))  # the one-sided density of white noise is twice its variance
        ends.append(frequencies[above[-1]] if len(above) else frequencies[1])
    return np.array(deviations), np.array(ends)


def low_pass(values: np.ndarray, band_end: np.ndarray) -> np.ndarray:
    """Zero-phase Butterworth low-pass of each row above its ``band_end`` (fraction of the sampling rate)."""
    smooth = np.array(values, float)
    for row, end in zip(smooth, band_end, strict=True):
        if end < 0.4:
            section = butter(6, 2.2 * end, output="sos")
            row[:] = sosfiltfilt(section, row, padlen=min(100, len(row) - 1))
    return smooth
