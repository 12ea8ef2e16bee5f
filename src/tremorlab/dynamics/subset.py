"""Best subsets of coefficients under a quadratic cost: backward elimination with swaps.

The cost of coefficients t is ``t' G t - 2 c' t`` plus a constant: least squares with Gram matrix G and moments c, or
the quadratic form that remains when all other unknowns of a larger problem are eliminated. Everything here works on G
and c alone, so that a subset costs the same whatever the length of the record.
"""

from dataclasses import dataclass

import numpy as np

#: Added to the diagonal of the normalised Gram matrix, so that collinear terms do not divide by zero.
_RIDGE = 1e-11

#: Subsets larger than this are only eliminated from; swaps are for the sizes that end up chosen.
_SWAPPED = 24


@dataclass(frozen=True)
class Subset:
    """A subset of the coefficients.

    Attributes
    ----------
    indices
        Ascending.
    coefficients
        The minimum of the cost with all others zero.
    cost
        Cost at the minimum, relative to all coefficients zero; negative.
    """

    indices: tuple[int, ...]
    coefficients: np.ndarray
    cost: float


def selection_path(gram: np.ndarray, moment: np.ndarray, penalty: np.ndarray | float = 0.0) -> dict[int, Subset]:
    """The best subset found of every size, from all coefficients down to one.

    From the full set the coefficient is removed whose absence costs least; after each removal any member is exchanged
    for any outsider as long as that lowers the cost. Columns are normalised first, so units play no part.

    Parameters
    ----------
    gram, moment
        G and c, shapes (coefficients, coefficients) and (coefficients,).
    penalty
        Price of each coefficient's presence, in units of the cost, shape (coefficients,) or one for all.
    """
    size = np.sqrt(np.diag(gram))
    size = np.where(size > 0, size, 1.0)
    normal = gram / np.outer(size, size) + _RIDGE * np.eye(len(gram))
    target, price = moment / size, np.broadcast_to(np.asarray(penalty, float), size.shape)
    members = list(range(len(gram)))
    path = {}
    while members:
        if len(members) <= _SWAPPED and len(members) < len(gram):
            members = _swap(normal, target, price, members)
        inverse, best = _solve(normal, target, members)
        order = np.argsort(members)
        indices = tuple(int(members[i]) for i in order)
        path[len(members)] = Subset(indices, (best / size[members])[order], float(-target[members] @ best))
        members.pop(int(np.argmin(best**2 / np.diag(inverse) - price[members])))
    return path


def choose(path: dict[int, Subset], penalty: np.ndarray) -> Subset:
    """The subset with the smallest cost plus penalties; log(observations) for each gives Schwarz's BIC."""
    return min(path.values(), key=lambda subset: subset.cost + penalty[list(subset.indices)].sum())


def _solve(normal, target, members):
    inverse = np.linalg.inv(normal[np.ix_(members, members)])
    return inverse, inverse @ target[members]


def _swap(normal, target, price, members):
    for _ in range(4 * len(members)):
        outside = [i for i in range(len(normal)) if i not in members]
        inverse, best = _solve(normal, target, members)
        now = price[members].sum() - target[members] @ best
        # Every exchange follows from this one inverse: a member (row) leaves, an outsider (column) comes.
        leaves = np.diag(inverse)[:, None]
        cross = normal[np.ix_(outside, members)]
        along = inverse @ cross.T
        left = best[:, None] / leaves
        missing = target[outside] - cross @ best + along * left
        free = 1 + _RIDGE - np.einsum("ij,ji->i", cross, along) + along**2 / leaves
        cost = now + best[:, None] * left - price[members][:, None]
        cost = cost - missing**2 / np.maximum(free, _RIDGE) + price[outside]
        position, other = np.unravel_index(cost.argmin(), cost.shape)
        if not cost[position, other] < now - 1e-9 * abs(now):
            return members
        members = members[:position] + members[position + 1 :] + [outside[other]]
    return members
