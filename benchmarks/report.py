"""Rows of the table of benchmarks: ours, a peer, a floor, and the bars that they are judged by.

A benchmark makes its rows with `row` and hands them over, all at once and at its end, with `write`; `run.py` tells it
where to by an environment variable. A benchmark that is started by itself prints its figures and writes nothing.
"""

import importlib.metadata
import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path

#: Where a benchmark leaves its rows, one JSON object a line; unset where nobody gathers them.
ROWS = "TREMORLAB_BENCHMARK_ROWS"

#: Packages that a figure of the table is made with.
PACKAGES = (
    "numpy", "scipy", "pandas", "obspy", "keras", "tensorflow-cpu", "onnxruntime", "pysindy", "jupyter-book",
    "seisbench", "torch",
)  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """What a row has to reach.

    Attributes
    ----------
    of
        ``"ratio"`` (peer over ours), ``"over_floor"`` (ours over the floor) or ``"ours"``, in the row's unit.
    least, most
        The limit; one of the two.
    """

    of: str
    least: float | None = None
    most: float | None = None

    def met(self, value: float) -> bool:
        """Whether a value is on the right side; one that is not a number is not."""
        return value >= self.least if self.least is not None else value <= self.most


def row(
    what: str,
    unit: str,
    ours: float,
    *,
    peer: tuple[str, float],
    floor: tuple[str, float],
    bars: tuple[Bar, ...] = (),
    ratio: float | None = None,
    over_floor: float | None = None,
    equal: bool = True,
) -> dict:
    """Make a row of the table, judged.

    Parameters
    ----------
    what, unit
        What is done, and the unit of all figures: the smaller the better.
    ours
        Our figure.
    peer
        Who else does the same, and the figure.
    floor
        What of it nobody can leave out, and the figure.
    bars
        What the row has to reach.
    ratio, over_floor
        Peer over ours, and ours over the floor, where they are medians over rounds and not ratios of medians.
    equal
        Whether the results are the same as the peer's within the benchmark's limit; if not, the row is missed.
    """
    figures = {
        "ours": float(ours),
        "ratio": float(peer[1] / ours if ratio is None else ratio),
        "over_floor": float(ours / floor[1] if over_floor is None else over_floor),
    }
    judged = [{"of": bar.of, "least": bar.least, "most": bar.most, "met": bar.met(figures[bar.of])} for bar in bars]
    return {
        "what": what,
        "unit": unit,
        "peer": peer[0],
        "theirs": float(peer[1]),
        "floor": floor[0],
        "least": float(floor[1]),
        "bars": judged,
        "equal": bool(equal),
        "met": bool(equal) and all(bar["met"] for bar in judged),
    } | figures


def write(rows: list[dict]) -> None:
    """Hand rows over to the run that gathers them, if there is one."""
    if path := os.environ.get(ROWS):
        with open(path, "a", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(each)}\n" for each in rows)


def machine() -> dict:
    """Describe this machine without its name: processor, cores that may be used, memory, system."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "processor": _processor(),
        "cores": cores,
        "memory_gb": round(memory, 1),
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that are here."""
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # no Linux
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
