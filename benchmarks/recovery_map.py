"""The recovery map of chapter 06: time on two processes, and the full map over Dask.

    python benchmarks/recovery_map.py [--quick] [--full [OUT.csv] [--seeds N ...] [--pressures MPA ...] [--rates HZ ...]
                                      [--lengths S ...] [--scheduler ADDRESS]]

Without ``--full`` the map of the book (six methods, four rates, five noise levels, two seeds, 20 s) is timed on two
processes; the bar is 180 s. ``--full`` runs seven rates, eight levels, two lengths, and three regimes, the chaotic one
with ten seeds of 20 s and five of 60, over a Dask cluster, this machine unless another is named, and writes every row:
6,384 fits, four hours of two cores. Parts of it, by seeds, pressures, rates and lengths, add to what is in the file,
`benchmarks/recovery_map.csv`, which the book shows, unless another is named. Interrupted, it goes on from the ``.part``
beside it.
"""

import argparse
import datetime
import os
import sys
import time
from itertools import chain, product
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from tremorlab.dynamics import recovery
from tremorlab.dynamics.recovery import grid
from tremorlab.page.full_map import MAP
from tremorlab.page.provenance import code_hash

#: What is computed at once, since records of more would crowd the scheduler.
BLOCK = ["seed", "p1_mpa", "rate_hz", "duration_s"]

ROOT = Path(__file__).resolve().parents[1]

BAR_S = 180.0
#: The longest first, so that no process is left alone with it at the end.
METHODS = ("joint", "weak_ensemble", "ensemble", "weak", "smoothed", "finite_difference")

#: Rates in Hz, lengths in s and levels of noise in dB of the full map.
RATES_HZ, LENGTHS_S = (20, 25, 50, 100, 200, 500, 1000), (20.0, 60.0)
LEVELS_DB = (np.inf, 60.0, 40.0, 30.0, 20.0, 10.0, 5.0, 0.0)

#: Driving pressures in MPa of the full map, and how many seeds have records of chaos: those of a cycle differ in phase
#: and noise alone, and one is taken.
PRESSURES_MPA, CHAOTIC_MPA, SEEDS = (19.0, 16.6, 13.0), 19.0, {20.0: 10, 60.0: 5}

#: Seconds that every model is run freely.
RUN_S = 30.0


def book_map(quick):
    rates, levels, seeds = ((50, 100), (20.0,), 1) if quick else ((20, 50, 100, 1000), (40.0, 20.0, 10.0, 0.0), 2)
    cases = grid(method=METHODS, rate_hz=rates, snr_db=(np.inf, *levels), seed=range(seeds))
    began = time.perf_counter()
    with recovery.processes(2) as pool:
        table = recovery.recovery_map(cases, pool.map)
    seconds = time.perf_counter() - began
    print(f"{len(cases)} fits on 2 processes: {seconds:.0f} s, of which fits {table['seconds'].sum():.0f} s CPU")
    print(table.groupby(["method", "snr_db"], sort=False)[["exact", "true_positive_ratio"]].mean().to_string())
    print(f"bar: at most {BAR_S:g} s: {'met' if seconds <= BAR_S else 'MISSED'}")
    return seconds <= BAR_S


def full_map(out, blocks, scheduler):
    """Compute the blocks (seed, pressure, rate, length) that a file lacks, and add them to it."""
    from distributed import Client, as_completed

    part = out.with_suffix(".part")
    source = next((path for path in (part, out) if path.exists()), None)
    done = None if source is None else pd.read_csv(source)
    lacking = [block for block in blocks if done is None or not (done[BLOCK] == list(block)).all(axis=1).any()]
    began = time.perf_counter()
    with Client(scheduler) if scheduler else Client(threads_per_worker=1) as client:
        workers = len(client.scheduler_info()["workers"])
        under_way = [_submit(client, block) for block in lacking]
        for number, future in enumerate(as_completed(under_way), 1):
            found = future.result().assign(code=code_hash()[:8], date=f"{datetime.date.today()}")
            done = found if done is None else pd.concat([done, found], ignore_index=True)
            scratch = out.with_suffix(".scratch")
            done.to_csv(scratch, index=False, float_format="%.6g")
            scratch.replace(part)
            block = ", ".join(f"{name} {found[name].iloc[0]:g}" for name in BLOCK)
            print(f"{number}/{len(lacking)} ({block}): {time.perf_counter() - began:.0f} s", flush=True)
    if part.exists():
        part.replace(out)
    spent = f"{time.perf_counter() - began:.0f} s, of which fits {done['seconds'].sum():.0f} s CPU"
    print(f"{len(done)} fits, {workers} workers: {spent}")
    rates = done.groupby(["p1_mpa", "method", "snr_db"], sort=False)["exact"].mean().unstack("snr_db")
    print(rates.round(2).to_string())


def _submit(client, block):
    """A task for each level of noise, and one that runs all their models side by side, which costs as much as one."""
    axes = {name: [value] for name, value in zip(BLOCK, block, strict=True)}
    cases = [grid(method=METHODS, snr_db=[level], **axes) for level in LEVELS_DB]
    fits = [client.submit(recovery.fit_cases, some, run_s=0.0, pure=False) for some in cases]
    return client.submit(_run_freely, list(chain.from_iterable(cases)), fits, pure=False)


def _run_freely(cases, fits):
    tables, models = zip(*fits, strict=True)
    runs = recovery.closed_loops(cases, list(chain.from_iterable(models)), RUN_S)
    return pd.concat(tables, ignore_index=True).join(runs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a corner of the map")
    parser.add_argument("--full", type=Path, nargs="?", const=ROOT / MAP, help="write the full map, to this file")
    parser.add_argument("--seeds", type=int, nargs="+", default=(), help="of the full map")
    parser.add_argument("--pressures", type=float, nargs="+", default=PRESSURES_MPA, help="of the full map, in MPa")
    parser.add_argument("--rates", type=int, nargs="+", default=RATES_HZ, help="of the full map, in Hz")
    parser.add_argument("--lengths", type=float, nargs="+", default=LENGTHS_S, help="of the full map, in s")
    parser.add_argument("--scheduler", default="", help="Dask scheduler of the full map, tcp://host:8786")
    arguments = parser.parse_args()
    if arguments.full:
        blocks = [
            block
            for p1_mpa, length_s in product(arguments.pressures, arguments.lengths)
            for block in product(
                arguments.seeds or range(SEEDS.get(length_s, 1) if p1_mpa == CHAOTIC_MPA else 1),
                [p1_mpa],
                arguments.rates,
                [length_s],
            )
        ]
        full_map(arguments.full, blocks, arguments.scheduler)
        return 0
    return 0 if book_map(arguments.quick) else 1


if __name__ == "__main__":
    sys.exit(main())
