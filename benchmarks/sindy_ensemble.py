"""An ensemble of 100 SINDy fits of 35 terms on 100,000 samples: tremorlab beside pysindy, in one run.

    python benchmarks/sindy_ensemble.py [--quick]

Both draw the same 100 blocks of samples with replacement for every member (pysindy's own sampler is given these draws),
threshold and fit again, and the coefficients of all members are compared. pysindy refits every member from its samples;
tremorlab sums Gram matrices of blocks once. Figures are medians of process CPU time over alternating rounds, making the
Gram matrices included, making the terms left out for both. The exit status is 1 when the bar is missed or coefficients
differ.
"""

import argparse
import os
import statistics
import sys
import time
from unittest import mock

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pysindy
from pysindy.optimizers import base

from tremorlab.dynamics import library, stlsq

BAR, LIMIT = 20.0, 1e-8
BLOCKS, THRESHOLD, RIDGE = 100, 0.1, 0.05


def problem(samples, rng):
    """Four states with the spectrum of tremor, all 35 products to degree 3, and derivatives that hold 5 of them."""
    times = np.arange(samples) / 100.0
    states = np.array(
        [np.sin(2 * np.pi * f * times + phase) for f, phase in ((1.2, 0.1), (2.5, 1.0), (3.7, 2.0), (5.1, 0))]
    )
    states += 0.3 * rng.standard_normal(states.shape)
    terms = library.polynomial(("a", "b", "c", "d"), 3).evaluate(states).T
    truth = np.zeros((terms.shape[1], 4))
    truth[rng.integers(0, terms.shape[1], 5), np.arange(5) % 4] = rng.uniform(0.5, 2.0, 5)
    return terms, terms @ truth + 0.2 * rng.standard_normal((samples, 4))


def theirs(terms, derivatives, counts):
    """pysindy's ensemble, given the draws of blocks."""
    members = iter(counts)
    length = len(terms) // BLOCKS

    def draw(x, y, _count, _replace):
        rows = np.concatenate(
            [np.arange(b * length, (b + 1) * length) for b, n in enumerate(next(members)) for _ in range(n)]
        )
        return x[rows], y[rows]

    optimizer = pysindy.EnsembleOptimizer(
        pysindy.STLSQ(threshold=THRESHOLD, alpha=RIDGE), bagging=True, n_models=len(counts)
    )
    with mock.patch.object(base, "_drop_random_samples", draw):
        optimizer.fit(terms, derivatives)
    return np.array(optimizer.coef_list).transpose(0, 2, 1)


def ours(terms, derivatives, counts):
    return stlsq.ensemble(stlsq.block_grams(terms, derivatives, BLOCKS), counts, THRESHOLD, RIDGE)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="10 members and one round")
    quick = parser.parse_args().quick
    members, rounds = (10, 1) if quick else (100, 3)
    rng = np.random.default_rng(20110119)
    terms, derivatives = problem(100_000, rng)
    counts = stlsq.block_grams(terms[:1000], derivatives[:1000], BLOCKS).resample(rng, members)
    times, results = {"pysindy": [], "tremorlab": []}, {}
    for _ in range(rounds):
        for name, function in (("pysindy", theirs), ("tremorlab", ours)):
            start = time.process_time()
            results[name] = function(terms, derivatives, counts)
            times[name].append(time.process_time() - start)
    ratio = statistics.median(a / b for a, b in zip(times["pysindy"], times["tremorlab"], strict=True))
    difference = float(np.abs(results["pysindy"] - results["tremorlab"]).max())
    same = bool(np.array_equal(results["pysindy"] != 0, results["tremorlab"] != 0))
    print(f"ensemble of {members} fits, {terms.shape[1]} terms, {len(terms):,} samples, 4 states; {rounds} rounds")
    for name, seconds in times.items():
        print(f"{name:12}{statistics.median(seconds):9.3f} s CPU")
    print(f"ratio {ratio:.0f}, largest difference of a coefficient {difference:.1e}, same terms: {same}")
    # A quick run has fewer members to share the Gram matrices' cost.
    met = same and difference <= LIMIT and ratio >= (BAR / 4 if quick else BAR)
    print(f"bar: at least {BAR:g} x pysindy, equal to {LIMIT:g}: {'met' if met else 'MISSED'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
