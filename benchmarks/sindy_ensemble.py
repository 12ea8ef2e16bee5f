"""One SINDy fit, and an ensemble of 100, of 35 terms on 100,000 samples: tremorlab beside pysindy, in one run.

    python benchmarks/sindy_ensemble.py [--quick]

The one fit is thresholded least squares on the whole record. In the ensemble both draw the same 100 blocks of samples
with replacement for every member (pysindy's own sampler is given these draws), threshold and fit again, and the
coefficients of all members are compared. pysindy refits every member from its samples; tremorlab sums Gram matrices of
blocks once. The floor of both is one Gram matrix of all samples with its moments. Figures are medians of process CPU
time over alternating rounds, making the Gram matrices included, making the terms left out for both. The exit status is
1 when the bar is missed or coefficients differ.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from unittest import mock

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pysindy
from benchmarks import report
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


def theirs_once(terms, derivatives):
    return pysindy.STLSQ(threshold=THRESHOLD, alpha=RIDGE).fit(terms, derivatives).coef_.T


def ours_once(terms, derivatives):
    return stlsq.stlsq(*stlsq.block_grams(terms, derivatives, 1).total, THRESHOLD, RIDGE)


def floor(terms, derivatives):
    return terms.T @ terms, terms.T @ derivatives


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="10 members and one round")
    quick = parser.parse_args().quick
    members, rounds = (10, 1) if quick else (100, 3)
    rng = np.random.default_rng(20110119)
    terms, derivatives = problem(100_000, rng)
    counts = stlsq.block_grams(terms[:1000], derivatives[:1000], BLOCKS).resample(rng, members)
    print(f"{terms.shape[1]} terms, {len(terms):,} samples, 4 states; {rounds} rounds")
    # A quick run has fewer members to share the Gram matrices' cost.
    bar = report.Bar("ratio", least=BAR / 4 if quick else BAR)
    rows = [
        compare("SINDy, one fit", theirs_once, ours_once, (terms, derivatives), max(3, rounds), ()),
        compare(f"SINDy, ensemble of {members} fits", theirs, ours, (terms, derivatives, counts), rounds, (bar,)),
    ]
    report.write(rows)
    met = all(row["met"] for row in rows)
    print(f"bar: an ensemble at least {bar.least:g} x pysindy, equal to {LIMIT:g}: {'met' if met else 'MISSED'}")
    return 0 if met else 1


def compare(what, peer, own, arguments, rounds, bars):
    """Take turns, print the figures, and return them as a row."""
    times, results = {"pysindy": [], "tremorlab": [], "floor": []}, {}
    for _ in range(rounds):
        for name, function in (("pysindy", peer), ("tremorlab", own), ("floor", lambda *given: floor(*given[:2]))):
            start = time.process_time()
            results[name] = function(*arguments)
            times[name].append(time.process_time() - start)
    ratio = statistics.median(a / b for a, b in zip(times["pysindy"], times["tremorlab"], strict=True))
    difference = float(np.abs(results["pysindy"] - results["tremorlab"]).max())
    same = bool(np.array_equal(results["pysindy"] != 0, results["tremorlab"] != 0))
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    print(what)
    for name, seconds in medians.items():
        print(f"{name:12}{seconds:9.3f} s CPU")
    print(f"ratio {ratio:.1f}, largest difference of a coefficient {difference:.1e}, same terms: {same}", flush=True)
    return report.row(
        what,
        "s of CPU",
        medians["tremorlab"],
        peer=("pysindy", medians["pysindy"]),
        floor=("one Gram matrix", medians["floor"]),
        ratio=ratio,
        bars=bars,
        equal=same and difference <= LIMIT,
    )


if __name__ == "__main__":
    sys.exit(main())
