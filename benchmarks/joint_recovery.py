"""Which terms are found in noisy records: joint estimation beside pysindy's weak form and thresholding, in one run.

    python benchmarks/joint_recovery.py [--quick]

Julian's model: chaotic set (no wall mass, p1 = 19 MPa), all three states, 60 s at 100 Hz, 24 candidates; noise as
signal-to-noise ratio of each state. A seed counts when exactly the true terms are found.

Lorenz: sigma 10, rho 28, beta 8/3, 10 s at 100 Hz; WSINDy's noise (ratio to the root mean square of all values,
polynomials to degree 5: 56 terms in each equation) and ODR-BINDy's (ratio to the standard deviation of all values,
polynomials to degree 2). True-positive ratio is TP / (TP + FP + FN), as in Messenger and Bortz (2021). pysindy's
thresholds are the best of a sweep for each seed, judged with the truth: better than a user could do. The published
figures stand beside: WSINDy at least .8 up to 40 %, ODR-BINDy reliable to 30 %.
"""

import argparse
import os
import sys
import time
import warnings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pysindy
from scipy.integrate import solve_ivp

from tremorlab.dynamics import joint, julian, library
from tremorlab.dynamics.record import Record, with_noise
from tremorlab.errors import DynamicsError

LORENZ = {
    ("x", "x"): -10.0,
    ("x", "y"): 10.0,
    ("y", "x"): 28.0,
    ("y", "x z"): -1.0,
    ("y", "y"): -1.0,
    ("z", "x y"): 1.0,
    ("z", "z"): -8 / 3,
}
THRESHOLDS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8)


def julian_truth(form):
    return {
        ("y", "1"): form.D,
        ("y", "y/x^2"): -form.b,
        ("z", "x"): 1 + form.p,
        ("z", "x^2"): -1.0,
        ("z", "x y^2"): -1.0,
        ("z", "x z"): -form.a,
        ("z", "z/x^2"): -form.b,
        ("z", "z^2/x"): 0.5,
    }


def errors(found, terms, truth):
    return [
        abs(found.coefficients[terms.terms.index(term), terms.names.index(state)] / value - 1)
        for (state, term), value in truth.items()
    ]


def julian_rows(seeds, levels):
    parameters = julian.Parameters(p1=19e6)
    form = julian.scaled(parameters)
    simulated = julian.simulate(parameters, 60.0, settle_s=20.0)
    clean = Record(form.from_si(simulated.values.T).T, 100 * form.time_s, ("x", "y", "z"))
    terms, truth = library.julian_library(), julian_truth(form)
    met = True
    for level, bar, limit in levels:
        exact, errs, seconds = 0, [], []
        for seed in range(seeds):
            noisy = with_noise(clean, level, "snr_db", np.random.default_rng(seed)) if np.isfinite(level) else clean
            start = time.process_time()
            found = joint.estimate(noisy, terms)
            seconds.append(time.process_time() - start)
            exact += terms.support(found.coefficients) == set(truth) and found.accepted
            errs += errors(found, terms, truth)
        median, largest = np.median(errs), np.max(errs)
        met &= exact >= bar * seeds and median <= limit
        print(
            f"Julian, {level:g} dB: exact terms in {exact} of {seeds} seeds, coefficient error median {median:.2%}, "
            f"largest {largest:.1%}, {np.median(seconds):.1f} s CPU",
            flush=True,
        )
    return met


def lorenz_rows(seeds, cases):
    def motion(_time, s):
        return [10 * (s[1] - s[0]), s[0] * (28 - s[2]) - s[1], s[0] * s[1] - 8 / 3 * s[2]]

    times = np.arange(0, 10, 0.01)
    states = solve_ivp(motion, (0, 10), [-8.0, 7.0, 27.0], t_eval=times, rtol=1e-10, atol=1e-10).y
    clean = Record(states.T, 100.0, ("x", "y", "z"))
    met = True
    for definition, level, degree, published in cases:
        terms = library.polynomial(clean.names, degree)
        ratios = {"joint": [], "pysindy weak": [], "pysindy STLSQ": []}
        errs = []
        for seed in range(seeds):
            noisy = with_noise(clean, level, definition, np.random.default_rng(seed))
            try:
                found = joint.estimate(noisy, terms)
                ratios["joint"].append(true_positive_ratio(terms.support(found.coefficients)))
                errs += errors(found, terms, LORENZ)
            except DynamicsError:
                ratios["joint"].append(0.0)
            for name, value in pysindy_ratios(noisy, degree, seed).items():
                ratios[name].append(value)
        met &= np.mean(ratios["joint"]) >= published
        print(
            f"Lorenz, {definition} {level:.0%}, degree {degree}: true-positive ratio "
            + ", ".join(f"{name} {np.mean(values):.2f}" for name, values in ratios.items())
            + f" (published {published:g}), joint: coefficient error median {np.median(errs):.2%}",
            flush=True,
        )
    return met


def true_positive_ratio(found):
    return len(found & set(LORENZ)) / len(found | set(LORENZ))


def pysindy_ratios(noisy, degree, seed):
    """Best over the thresholds, from pysindy 2.1."""
    np.random.seed(seed)  # noqa: NPY002 - pysindy draws the centres of its test functions from the global generator
    terms = library.polynomial(noisy.names, degree)
    best = {"pysindy weak": 0.0, "pysindy STLSQ": 0.0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weak = pysindy.WeakPDELibrary(
            function_library=pysindy.PolynomialLibrary(degree=degree, include_bias=True),
            spatiotemporal_grid=noisy.times_s,
            K=250,
            H_xt=0.25,
        )
        weak.fit(noisy.values)
        integrals = np.asarray(weak.transform(noisy.values))
        targets = np.asarray(weak.convert_u_dot_integral(noisy.values))
        names = weak.get_feature_names(list(noisy.names))
        plain = terms.evaluate(noisy.values.T).T
        derivatives = np.asarray(pysindy.SmoothedFiniteDifference()._differentiate(noisy.values, 0.01))
        for threshold in THRESHOLDS:
            for name, matrix, target, labels in (
                ("pysindy weak", integrals, targets, names),
                ("pysindy STLSQ", plain, derivatives, terms.terms),
            ):
                found = pysindy.STLSQ(threshold=threshold).fit(matrix, target).coef_
                support = {(noisy.names[e], labels[t]) for e, t in np.argwhere(found)}
                best[name] = max(best[name], true_positive_ratio(support))
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two seeds")
    quick = parser.parse_args().quick
    seeds = 2 if quick else 10
    met = julian_rows(seeds, ((20.0, 0.9, 0.01), (10.0, 0.8, 0.02)))
    met &= julian_rows(1, ((np.inf, 1.0, 0.01),))
    cases = (("rms", 0.1, 5, 0.8), ("rms", 0.3, 5, 0.8), ("all_std", 0.1, 2, 1.0), ("all_std", 0.3, 2, 1.0))
    met &= lorenz_rows(seeds, cases)
    print("bars: " + ("met" if met else "MISSED"))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
