"""Weak-constraint assimilation: the most likely path of the states and the coefficients, together.

Minimised over the path X and the coefficients theta is::

    sum |observed - X|^2 / noise^2  +  sum |X(k+1) - step(X(k); theta)|^2 / q^2

(weak-constraint 4D-Var; multiple shooting with every sample a node). The Hessian matrix of Gauss and Newton in X is
block tridiagonal: a banded Cholesky factor eliminates the path, and the Schur complement that is left for theta is the
quadratic cost of the coefficients with all states free to follow.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_solve_banded, cholesky_banded

from tremorlab.dynamics.flow import Flow

#: Eigenvalues of a normalised Gram matrix below this share of the largest are rounding, and so are shares of a
#: coefficient in their vectors below the other.
_ROUNDING, _SHARE = 1e-11, 1e-8


class Diverged(Exception):
    """A candidate left the region where the model makes sense; the caller drops it."""


@dataclass(frozen=True)
class Observations:
    """What was seen, and how well.

    Attributes
    ----------
    values
        Shape (states, samples); rows of hidden states are ignored.
    weight
        1/variance of the noise of each state; 0 for a hidden state.
    floor
        Lower limit of each state, -inf where there is none: states in denominators must stay positive.
    """

    values: np.ndarray
    weight: np.ndarray
    floor: np.ndarray

    @property
    def count(self) -> int:
        """Number of observed values."""
        return int(np.count_nonzero(self.weight)) * self.values.shape[1]

    def misfit(self, path: np.ndarray) -> float:
        """Chi-square of the observations."""
        return float(np.sum(self.weight[:, np.newaxis] * (path - self.values) ** 2))


@dataclass(frozen=True)
class Quadratic:
    """Quadratic cost of the coefficients with the path eliminated: Gram matrix, gradient, and how the path follows."""

    gram: np.ndarray
    gradient: np.ndarray
    path_by_coefficient: np.ndarray
    path_step: np.ndarray

    def moment(self, theta: np.ndarray) -> np.ndarray:
        """Moments c of the cost ``t' G t - 2 c' t`` in the coefficients themselves."""
        return self.gram @ theta - self.gradient


def cost(flow: Flow, path: np.ndarray, theta: np.ndarray, seen: Observations, q: np.ndarray) -> float:
    """The cost above; infinite where the step overflows."""
    with np.errstate(all="ignore"):
        defect = (path[:, 1:] - flow.advance(path[:, :-1], theta)) / q[:, np.newaxis]
        total = seen.misfit(path) + float(np.sum(defect**2))
    return total if np.isfinite(total) else np.inf


def eliminate_path(flow: Flow, path: np.ndarray, theta: np.ndarray, seen: Observations, q: np.ndarray) -> Quadratic:
    """Linearise at (path, theta) and eliminate the path.

    Raises
    ------
    Diverged
        The linearisation overflows or the banded factorisation fails.
    """
    n, samples = path.shape
    coefficients = len(theta)
    with np.errstate(all="ignore"):
        after, by_state, by_theta = flow.linearise(path[:, :-1], theta)
    if not (np.isfinite(after).all() and np.isfinite(by_state).all() and np.isfinite(by_theta).all()):
        raise Diverged("the linearised step is not finite")
    defect = path[:, 1:] - after
    weight = 1 / q**2
    weighted_state = weight[:, np.newaxis, np.newaxis] * by_state
    weighted_theta = weight[:, np.newaxis, np.newaxis] * by_theta

    bands = np.zeros((2 * n, n * samples))
    for i in range(n):
        for j in range(i + 1):
            block = np.zeros(samples)
            if i == j:
                block += seen.weight[i]
                block[1:] += weight[i]
            block[:-1] += sum(by_state[k, i] * weighted_state[k, j] for k in range(n))
            bands[i - j, j::n] = block
        for j in range(n):
            bands[n + i - j, j : n * (samples - 1) : n] = -weighted_state[i, j]

    rhs = np.zeros((samples, n, coefficients + 1))
    rhs[1:, :, :coefficients] -= weighted_theta.transpose(2, 0, 1)
    gradient = seen.weight[:, np.newaxis] * (path - seen.values)
    gradient[:, 1:] += weight[:, np.newaxis] * defect
    for j in range(n):
        for k in range(n):
            rhs[:-1, j, :coefficients] += (by_state[k, j] * weighted_theta[k]).T
            gradient[j, :-1] -= weighted_state[k, j] * defect[k]
    rhs[:, :, coefficients] = gradient.T
    rhs = rhs.reshape(samples * n, coefficients + 1)
    gram = sum(by_theta[k] @ weighted_theta[k].T for k in range(n))
    slope = -sum(weighted_theta[k] @ defect[k] for k in range(n))
    try:
        factor = cholesky_banded(bands, overwrite_ab=True, lower=True, check_finite=False)
    except LinAlgError as error:
        raise Diverged(f"banded factorisation: {error}") from error
    solved = cho_solve_banded((factor, True), rhs, check_finite=False)
    if not np.isfinite(solved).all():
        raise Diverged("the eliminated path is not finite")
    cross = rhs[:, :coefficients]
    return Quadratic(
        gram=gram - cross.T @ solved[:, :coefficients],
        gradient=slope - cross.T @ solved[:, coefficients],
        path_by_coefficient=solved[:, :coefficients],
        path_step=solved[:, coefficients],
    )


def minimise(
    flow: Flow,
    path: np.ndarray,
    theta: np.ndarray,
    seen: Observations,
    q: np.ndarray,
    iterations: int,
    enough: float = 0.1,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Gauss-Newton steps with a line search, until the cost falls by less than ``enough``.

    Returns
    -------
    path, theta, cost
        The last ones reached; where no step lowers the cost, the ones given.
    """
    now = cost(flow, path, theta, seen, q)
    if not np.isfinite(now):
        raise Diverged("the cost is not finite at the start")
    n, samples = path.shape
    for _ in range(iterations):
        quadratic = eliminate_path(flow, path, theta, seen, q)
        change = solve_normalised(quadratic.gram, -quadratic.gradient)
        moved = -(quadratic.path_step + quadratic.path_by_coefficient @ change).reshape(samples, n).T
        length = 1.0
        while length > 1e-3:
            trial = np.maximum(path + length * moved, seen.floor[:, np.newaxis])
            reached = cost(flow, trial, theta + length * change, seen, q)
            if reached < now:
                break
            length /= 2
        else:
            break
        fallen, now = now - reached, reached
        path, theta = trial, theta + length * change
        if fallen < enough:
            break
    return path, theta, now


def solve_normalised(gram: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve a symmetric system with rows and columns scaled to a unit diagonal; directions without weight stay zero."""
    if not len(right):
        return np.zeros(0)
    diagonal = np.diag(gram)
    if not (np.isfinite(gram).all() and np.all(diagonal > 0)):
        raise Diverged("the coefficients' quadratic form is not positive")
    size = np.sqrt(diagonal)
    return np.linalg.lstsq(gram / np.outer(size, size), right / size, rcond=1e-12)[0] / size


def variances(gram: np.ndarray) -> np.ndarray:
    """Variances of coefficients from the Gram matrix of their quadratic cost: the diagonal of its inverse.

    Infinite for those that a change which costs nothing, within rounding, would alter: the data do not tell them.
    """
    size = np.sqrt(np.diag(gram))
    size = np.where(size > 0, size, 1.0)
    values, vectors = np.linalg.eigh(gram / np.outer(size, size))
    told = values > _ROUNDING * values[-1]
    found = (vectors[:, told] ** 2 / values[told]).sum(axis=1) / size**2
    return np.where((vectors[:, ~told] ** 2).sum(axis=1) > _SHARE, np.inf, found)
