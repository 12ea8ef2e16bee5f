"""The table of benchmarks: every row ours, a peer and a floor, measured in one run.

    python benchmarks/run.py [--quick] [--all]

Runs the benchmarks of the table one after the other, each of which lets its competitors take turns, and appends the run
to `benchmarks/history.jsonl`: one line a run, with machine, versions and date. The book shows the newest. A run is kept
whether or not bars are missed, and only if every benchmark has come to its end. With ``--quick`` everything is small:
the figures say nothing, no bar is judged, and they go to `_build/benchmarks.jsonl`. With ``--all`` what else is in this
folder runs afterwards (how well methods work, recovery after kills, delays of a live watch): hours, and no part of the
table. The exit status is 1 when a bar is missed, 2 when a benchmark failed.
"""

import argparse
import datetime
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import report

from tremorlab import __version__
from tremorlab.page.provenance import code_hash

HERE = Path(__file__).resolve().parent
HISTORY = HERE / "history.jsonl"
QUICK = HERE.parent / "_build" / "benchmarks.jsonl"

#: Benchmarks of the table -> options of a run that counts, and of a quick one.
TABLE = {
    "running_spectra": ([], ["--quick"]),
    "build_dataset": ([], ["--quick"]),
    "training": (["--kills", "0"], ["--windows", "256", "--epochs", "1", "--kills", "0"]),
    "station_day": ([], ["--hours", "0.5", "--rounds", "1"]),
    "sindy_ensemble": ([], ["--quick"]),
    "book_build": ([], ["--quick"]),
}

#: Makes the table, and is no benchmark.
_NO_BENCHMARK = {"run", "report"}


def measured(script: Path, options: list[str]) -> list[dict]:
    """Rows of one benchmark; none where it failed."""
    with tempfile.TemporaryDirectory() as scratch:
        rows = Path(scratch) / "rows.jsonl"
        command = [sys.executable, str(script), *options]
        # A missed bar is told by its row: rows are handed over at the end, so that who has some has not failed.
        subprocess.run(command, env=os.environ | {report.ROWS: str(rows)}, check=False)
        return read(rows) if rows.exists() else []


def read(path: Path) -> list[dict]:
    """Objects of a file with one JSON object a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def append(path: Path, run: dict) -> None:
    """Add a run to a history; the file is there whole, or as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(f"{before}{json.dumps(run)}\n", encoding="utf-8")
    os.replace(part, path)


def table(quick: bool, history: Path, *, folder: Path = HERE, benchmarks: dict = TABLE) -> int:
    """Run the benchmarks, append the run to a history, and return the exit status."""
    rows, failed, load = [], [], [_load()]
    began = time.perf_counter()
    for name, options in benchmarks.items():
        print(f"\n== {name}", flush=True)
        started = time.perf_counter()
        found = measured(folder / f"{name}.py", options[quick])
        print(f"== {name}: {time.perf_counter() - started:.0f} s", flush=True)
        failed += [name] if not found else []
        rows += found
    load.append(_load())
    if failed:
        print(f"\nfailed, so that the run is not kept: {', '.join(failed)}")
        return 2
    run = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "minutes": round((time.perf_counter() - began) / 60, 1),
        "quick": quick,
        "tremorlab": __version__,
        "code": code_hash()[:8],
        "machine": report.machine() | {"load": load},
        "versions": report.versions(),
        "rows": rows,
    }
    append(history, run)
    missed = [f"{each['what']} ({each['peer']})" for each in rows if not each["met"]]
    print(f"\n{len(rows)} rows added to {history.name}; ", end="")
    if quick:
        print("a quick run, not judged")
        return 0
    print(f"missed: {'; '.join(missed)}" if missed else "every bar is met")
    return 1 if missed else 0


def others(folder: Path = HERE) -> int:
    """Run what is no part of the table; 1 where one of them missed a bar or failed."""
    names = sorted({path.stem for path in folder.glob("[a-z]*.py")} - set(TABLE) - _NO_BENCHMARK)
    missed = []
    for name in names:
        print(f"\n== {name}", flush=True)
        if subprocess.run([sys.executable, str(folder / f"{name}.py")], check=False).returncode:
            missed.append(name)
    print(f"\nmissed or failed: {', '.join(missed) or 'none'}")
    return 1 if missed else 0


def _load() -> float:
    """How many processes wanted a core in the last minute: on a busy machine the figures are worth less."""
    return round(os.getloadavg()[0], 1)


def main() -> int:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small, to see that it works; kept apart and not judged")
    parser.add_argument("--all", action="store_true", help="then everything else in this folder: hours")
    given = parser.parse_args()
    if not given.quick and importlib.util.find_spec("seisbench") is None:
        print("SeisBench, a peer of the table, is not installed: make peers")
        return 2
    status = table(given.quick, QUICK if given.quick else HISTORY)
    return max(status, others()) if given.all else status


if __name__ == "__main__":
    sys.exit(main())
