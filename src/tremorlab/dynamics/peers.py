"""The peers' test on the peers' system: Lorenz's equations from noisy records, with noise as they define it.

A level of noise means nothing without what it is relative to. WSINDy (Messenger and Bortz 2021) takes the root mean
square of all values; ODR-BINDy (Fung 2025) their standard deviation. Both put as much noise on small states as on
large ones. pysindy's weak form and its thresholded differences see the same records.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp

from tremorlab.dynamics import joint, library
from tremorlab.dynamics.record import Record, with_noise
from tremorlab.errors import DynamicsError

#: (state, term) -> coefficient for sigma 10, rho 28, beta 8/3.
LORENZ = {
    ("x", "x"): -10.0,
    ("x", "y"): 10.0,
    ("y", "x"): 28.0,
    ("y", "x z"): -1.0,
    ("y", "y"): -1.0,
    ("z", "x y"): 1.0,
    ("z", "z"): -8 / 3,
}

#: Thresholds tried for pysindy; the best one is taken, judged with the truth.
THRESHOLDS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8)


@dataclass(frozen=True)
class Setting:
    """A published setting.

    Attributes
    ----------
    source
        Who published it.
    definition, level
        Noise (`tremorlab.dynamics.record.with_noise`).
    degree
        Of the polynomial library.
    published
        Mean true-positive ratio that its authors report, as a lower limit: WSINDy at least .8 up to 40 %. NaN for
        ODR-BINDy, which is called reliable up to 30 % without a number that could be found.
    """

    source: str
    definition: str
    level: float
    degree: int
    published: float


SETTINGS = (
    Setting("WSINDy", "rms", 0.1, 5, 0.8),
    Setting("WSINDy", "rms", 0.3, 5, 0.8),
    Setting("ODR-BINDy", "all_std", 0.1, 2, np.nan),
    Setting("ODR-BINDy", "all_std", 0.3, 2, np.nan),
)


def lorenz(duration_s: float = 10.0, rate_hz: float = 100.0) -> Record:
    """Record of Lorenz's attractor without noise, from (-8, 7, 27)."""

    def motion(_time, s):
        return [10 * (s[1] - s[0]), s[0] * (28 - s[2]) - s[1], s[0] * s[1] - 8 / 3 * s[2]]

    times = np.arange(round(duration_s * rate_hz)) / rate_hz
    states = solve_ivp(motion, (0, duration_s), [-8.0, 7.0, 27.0], t_eval=times, rtol=1e-10, atol=1e-10).y
    return Record(states.T, rate_hz, ("x", "y", "z"))


def compare(setting: Setting, seed: int) -> dict[str, float]:
    """True-positive ratios of joint estimation, pysindy's weak form and its thresholded differences on one record.

    Also ``coefficient_error``: median relative error of the joint estimate over the true terms, NaN where it failed.
    """
    noisy = with_noise(lorenz(), setting.level, setting.definition, np.random.default_rng(seed))
    terms = library.polynomial(noisy.names, setting.degree)
    try:
        found = joint.estimate(noisy, terms).coefficients
    except DynamicsError:
        ours = {"joint": 0.0, "coefficient_error": np.nan}
    else:
        errors = [
            abs(found[terms.terms.index(term), terms.names.index(state)] / value - 1)
            for (state, term), value in LORENZ.items()
        ]
        ours = {"joint": true_positive_ratio(terms.support(found)), "coefficient_error": float(np.median(errors))}
    return ours | _pysindy(noisy, terms, setting.degree, seed)


def true_positive_ratio(found: set) -> float:
    """TP / (TP + FP + FN), as in Messenger and Bortz (2021)."""
    return len(found & set(LORENZ)) / len(found | set(LORENZ))


def _pysindy(noisy, terms, degree, seed):
    # Imported here because it takes seconds.
    import pysindy

    best = {"pysindy weak form": 0.0, "pysindy STLSQ": 0.0}
    # pysindy draws the centres of its test functions from the global generator.
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            weak = pysindy.WeakPDELibrary(
                function_library=pysindy.PolynomialLibrary(degree=degree, include_bias=True),
                spatiotemporal_grid=noisy.times_s,
                K=250,
                H_xt=0.25,
            )
            weak.fit(noisy.values)
            systems = {
                "pysindy weak form": (
                    np.asarray(weak.transform(noisy.values)),
                    np.asarray(weak.convert_u_dot_integral(noisy.values)),
                    weak.get_feature_names(list(noisy.names)),
                ),
                "pysindy STLSQ": (
                    terms.evaluate(noisy.values.T).T,
                    np.asarray(pysindy.SmoothedFiniteDifference()._differentiate(noisy.values, noisy.times_s[1])),
                    terms.terms,
                ),
            }
            for threshold in THRESHOLDS:
                for name, (matrix, target, labels) in systems.items():
                    found = pysindy.STLSQ(threshold=threshold).fit(matrix, target).coef_
                    support = {(noisy.names[e], labels[t]) for e, t in np.argwhere(found)}
                    best[name] = max(best[name], true_positive_ratio(support))
    finally:
        np.random.set_state(state)  # noqa: NPY002
    return best
