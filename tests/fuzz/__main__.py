"""Fuzz the readers: ``python -m tests.fuzz --cases 20000 --seed 1``; exits with 1 where a case shows a fault."""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tests.fuzz import campaign, worker
from tests.fuzz.targets import ALL

#: Inputs that showed a fault, beside the other things that are built.
KEPT = Path("_build/fuzz")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000, help="over all targets (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="another seed gives other cases (%(default)s)")
    parser.add_argument("--target", choices=ALL, action="append", help="only this one; may be repeated")
    parser.add_argument("--case", type=int, help="this one case of one target, here and now, with its traceback")
    asked = parser.parse_args()
    targets = [ALL[name] for name in asked.target or ALL]
    scratch = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        seeds = campaign.make_seeds(scratch / "seeds", targets)
        if asked.case is not None:
            return _again(targets[0], seeds, scratch / "case", asked.seed, asked.case)
        return _all(targets, seeds, scratch, asked)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _all(targets, seeds, scratch, asked):
    print(f"{'target':<12}{'cases':>7}{'accepted':>10}{'refused':>9}{'untyped':>9}{'other':>7}"
          f"{'slowest s':>11}{'memory MB':>11}{'seconds':>9}")  # fmt: skip
    kept, tallies = [], []
    for name, count in campaign.shares(asked.cases, targets).items():
        began = time.perf_counter()
        tally = campaign.run(ALL[name], range(count), seeds, scratch, asked.seed)
        tallies.append(tally)
        counts = tally.counts
        other = sum(counts[kind] for kind in campaign.FAULTS[1:])
        print(
            f"{name:<12}{counts.total():>7}{counts['accepted']:>10}{counts['refused']:>9}"
            f"{counts['untyped']:>9}{other:>7}{tally.slowest_s:>11.2f}{tally.memory / 1e6:>11.0f}"
            f"{time.perf_counter() - began:>9.0f}",
            flush=True,
        )
        kept += campaign.keep(tally, seeds, asked.seed, KEPT)
    cases, faults = sum(tally.counts.total() for tally in tallies), sum(len(tally.faults) for tally in tallies)
    print(f"{cases} cases with seed {asked.seed}, {faults} faults")
    for place in kept:
        print(f"{place}: {(place / 'WHAT.txt').read_text().rstrip().splitlines()[-1][:200]}")
    return 1 if faults else 0


def _again(target, seeds, folder, seed, case):
    folder.mkdir()
    print("damaged:", worker.damage(target, seeds, folder, seed, case).name)
    kind, said = worker.judge(target, folder)
    print(kind, said, sep="\n")
    return 1 if kind in campaign.FAULTS else 0


if __name__ == "__main__":
    sys.exit(main())
