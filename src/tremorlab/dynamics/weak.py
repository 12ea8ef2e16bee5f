"""Weak form of equations of motion: derivatives are moved from the record to smooth test functions.

Multiplying ``x' = sum c_j f_j(x)`` by a bump that vanishes at both ends of a piece of the record, and integrating by
parts, gives ``-integral(bump' x) = sum c_j integral(bump f_j)``: no derivative of the record is taken (Messenger and
Bortz 2021, Multiscale Model. Simul. 19:1474-1497).
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tremorlab.dynamics.library import Library
from tremorlab.errors import DynamicsError


def weak_system(
    states: np.ndarray, library: Library, step: float, half_width: int, stride: int = 1, order: int = 8
) -> tuple[np.ndarray, np.ndarray]:
    """Integrals of the terms and of the derivatives over test functions.

    Parameters
    ----------
    states
        Shape (states, samples).
    library
        Its terms are integrated.
    step
        Sampling interval.
    half_width, stride
        Test functions ``(1 - s^2)^order``, s from -1 to 1 over 2 ``half_width`` samples, start every ``stride``
        samples.

    Returns
    -------
    terms, derivatives
        Shapes (functions, terms) and (functions, states), both divided by the integral of the test function.

    Raises
    ------
    DynamicsError
        The record is shorter than one test function.
    """
    width = 2 * half_width + 1
    if half_width < 2 or states.shape[1] < width:
        raise DynamicsError(
            f"test functions of {width} samples",
            f"do not fit a record of {states.shape[1]} samples, or are shorter than 5",
            "Choose another width",
        )
    s = np.arange(-half_width, half_width + 1) / half_width
    bump = (1 - s**2) ** order
    slope = -2 * order * s * (1 - s**2) ** (order - 1) / (half_width * step)

    def integrate(rows, weights):
        return sliding_window_view(rows, width, axis=1)[:, ::stride] @ weights

    total = bump.sum()
    return integrate(library.evaluate(states), bump).T / total, -integrate(states, slope).T / total


def automatic_half_width(band_end: np.ndarray, samples: int) -> int:
    """Half width of test functions in samples: two samples at the end of the signal's band (`denoise.noise_floor`)."""
    return int(np.clip(2 / max(band_end.max(), 1e-3), 6, samples // 6))
