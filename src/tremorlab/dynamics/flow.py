"""One sampling interval of motion for all samples at once: fourth-order Runge-Kutta with exact sensitivities."""

import numpy as np

from tremorlab.dynamics.library import Library, Powers


class Flow:
    """Steps of a model in a library's terms, with derivatives by the states and by the coefficients that are fitted.

    Time is the last axis of every array, so that each operation runs over contiguous samples.

    Parameters
    ----------
    library
        Terms and known coefficients.
    active
        (term, equation) of the coefficients that are fitted; derivatives are taken by these, in this order.
    step, substeps
        Sampling interval and the number of Runge-Kutta steps in it.
    """

    def __init__(self, library: Library, active: list[tuple[int, int]], step: float, substeps: int):
        self.active, self.step, self.substeps = active, step, substeps
        used = library.known != 0
        for term, equation in active:
            used[term, equation] = True
        rows = np.flatnonzero(used.any(axis=1))
        position = {int(row): i for i, row in enumerate(rows)}
        self.rows, self.exponents = rows, library.exponents[rows]
        self.known = library.known[rows]
        self.places = [(position[term], equation) for term, equation in active]
        used = used[rows]
        states = used.shape[1]
        #: Derivatives of equation i by state j that are not zero by construction.
        self.couplings = [
            [j for j in range(states) if np.any(used[:, i] & (self.exponents[:, j] != 0))] for i in range(states)
        ]

    def table(self, theta: np.ndarray) -> np.ndarray:
        """Coefficients as (terms in use, equations)."""
        table = self.known.copy()
        for value, place in zip(theta, self.places, strict=True):
            table[place] += value
        return table

    def advance(self, states: np.ndarray, theta: np.ndarray) -> np.ndarray:
        """States one sampling interval later, shape (states, samples)."""
        table = self.table(theta).T
        h = self.step / self.substeps

        def motion(x):
            return table @ Powers(x, self.exponents).values(self.exponents)

        for _ in range(self.substeps):
            one = motion(states)
            two = motion(states + h / 2 * one)
            three = motion(states + h / 2 * two)
            four = motion(states + h * three)
            states = states + h / 6 * (one + 2 * two + 2 * three + four)
        return states

    def linearise(self, states: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The step and its derivatives.

        Returns
        -------
        after, by_state, by_coefficient
            Shapes (states, samples), (states, states, samples) and (states, coefficients, samples).
        """
        table = self.table(theta).T
        n, samples = states.shape
        h = self.step / self.substeps
        tangent = np.zeros((n, n + len(self.places), samples))
        tangent[range(n), range(n)] = 1.0

        def motion(x, w):
            powers = Powers(x, self.exponents)
            values, gradients = powers.values(self.exponents), powers.gradients(self.exponents)
            jacobian = (table @ gradients.reshape(len(self.exponents), -1)).reshape(n, n, samples)
            slope = np.zeros_like(w)
            for i, couplings in enumerate(self.couplings):
                for j in couplings:
                    slope[i] += jacobian[i, j] * w[j]
            for column, (row, equation) in enumerate(self.places):
                slope[equation, n + column] += values[row]
            return table @ values, slope

        for _ in range(self.substeps):
            one, w1 = motion(states, tangent)
            two, w2 = motion(states + h / 2 * one, tangent + h / 2 * w1)
            three, w3 = motion(states + h / 2 * two, tangent + h / 2 * w2)
            four, w4 = motion(states + h * three, tangent + h * w3)
            states = states + h / 6 * (one + 2 * two + 2 * three + four)
            w2 += w3
            w2 *= 2
            w2 += w1
            w2 += w4
            w2 *= h / 6
            tangent = tangent + w2
        return states, tangent[:, :n], tangent[:, n:]
