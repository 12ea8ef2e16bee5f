"""A detector over an archive: two workers against one, and a worker that is killed in mid-run.

    python benchmarks/archive_scale.py [--days DAYS] [--folder FOLDER]

The archive is that of `station_day.py`: one station, three components at 100 Hz. Wall time counts here, so the machine
has to be free. One worker and two are Dask's, of a cluster that is started for the run: its start counts for both. What
the same takes without Dask, in one process, is printed beside them. Then a run is started with two workers, one of
which is killed (SIGKILL) when a third of the station-days is done: the run has to end without failures, with the files
that were there at that moment untouched, and with the probabilities of the run before. The exit status is 1 when a bar
is missed.
"""

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

# One worker is one process with one thread, as each of two is.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent))

import dask
import pyarrow.parquet as pq
from distributed import LocalCluster

from tremorlab.detect.archive import FILE, detect
from tremorlab.detect.workers import UNWATCHED
from tremorlab.scale import ONE_THREAD

SPEED_UP = 1.7


def files(out: Path) -> dict[str, int]:
    """Finished station-days, and when they were written."""
    return {path.parent.name: path.stat().st_mtime_ns for path in out.rglob(FILE)}


def timed(root, model, out, workers) -> float:
    """Seconds of a run from nothing: with so many workers of a cluster of its own, or in this process with none."""
    began = time.perf_counter()
    if workers:
        with (
            dask.config.set(UNWATCHED | {"distributed.nanny.pre-spawn-environ": ONE_THREAD}),
            LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        ):
            done = detect(root, model, out, channels="HH?", scheduler=cluster.scheduler_address)
    else:
        done = detect(root, model, out, channels="HH?", workers=1)
    assert not done.failures, done.failures
    return time.perf_counter() - began


def workers_of(process: int) -> list[int]:
    """Dask's workers below a process: children of its children that are no resource trackers."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError):  # it has ended
            continue
        if parent == process and "spawn_main" in words:
            found.append(int(entry.name))
    return found


def killed(root, model, out, days) -> tuple[bool, bool]:
    """Whether a run that loses a worker ends well, and whether what was finished stayed as it was."""
    run = multiprocessing.get_context("spawn").Process(target=timed, args=(root, model, out, 2))
    run.start()
    while len(before := files(out)) < days / 3 and run.is_alive():
        time.sleep(0.05)
    os.kill(workers_of(run.pid)[0], signal.SIGKILL)
    run.join()
    after = files(out)
    return run.exitcode == 0 and len(after) == days, all(after.get(name) == when for name, when in before.items())


def same(one: Path, other: Path) -> bool:
    """Whether two runs wrote the same probabilities."""
    pairs = [(path, other / path.relative_to(one)) for path in one.rglob(FILE)]
    tables = [[pq.read_table(path, partitioning=None).to_pandas() for path in pair] for pair in pairs]
    return all(first.equals(second) for first, second in tables)  # as pandas has it, NaN is equal to NaN


def main() -> int:
    """Print the figures and the bars."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--folder", help="where the archive is written for a while (85 MB a day)")
    given = parser.parse_args()
    # Here, because each worker imports this file again, and TensorFlow is no part of its work.
    from station_day import NETWORKS, card, export, network, publish, write_archive

    with tempfile.TemporaryDirectory(dir=given.folder) as scratch:
        folder = Path(scratch)
        write_archive(folder / "sds", 24.0, given.days)
        described = card("waveform", "ZNE", NETWORKS["waveform"], 4096)
        model = export(publish(folder / "model", network(described), described))
        alone, one, two = (timed(folder / "sds", model, folder / f"out_{n}", n) for n in (0, 1, 2))
        print(
            f"{given.days} station-days: without workers {alone:.1f} s, with one {one:.1f} s, with two {two:.1f} s: "
            f"{one / two:.2f} (bar {SPEED_UP})",
            flush=True,
        )
        ended, untouched = killed(folder / "sds", model, folder / "out_killed", given.days)
        equal = ended and same(folder / "out_2", folder / "out_killed")
        print(f"a worker killed: run ended well {ended}, finished days untouched {untouched}, same answer {equal}")
    return 0 if one / two >= SPEED_UP and ended and untouched and equal else 1


if __name__ == "__main__":
    sys.exit(main())
