"""A page over a grid of parameters: runs side by side, finished ones kept, failed ones listed, all values in one table.

out/
    runs/KEY.ipynb, KEY.json, logs/KEY.log   an executed page, its record, its log; KEY is a hash of all it depends on
    results.csv, results.parquet        one row a run: parameters, seconds, memory, and what the page published
    failures.csv                        runs that failed, and why; tried again by the next call
    index.html                          the same to look at, in one file
"""

import ast
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import pandas as pd

from tremorlab import paths, scale
from tremorlab.errors import ParameterError, TremorlabError
from tremorlab.page import build, execute

#: Runs that one sweep may have: more are a mistake more often than a wish.
MOST = 2000

#: Longest text that counts as a published value.
_LONGEST = 200


@dataclass(frozen=True)
class _Task:
    page: str
    parameters: dict
    folder: str
    key: str
    cwd: str
    threads: int


@dataclass(frozen=True, eq=False)
class Swept:
    """What became of a sweep.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a finished run: the swept parameters, seconds, peak_memory_mb, and the published values.
    swept : tuple of str
        Names of the parameters.
    failures : pandas.DataFrame
        The swept parameters, and reason.
    done, kept : int
        Runs made now, and found.
    """

    table: pd.DataFrame
    swept: tuple[str, ...]
    failures: pd.DataFrame
    done: int
    kept: int


def grid(ranges: Mapping[str, Sequence[object]]) -> list[dict[str, object]]:
    """All combinations of values, the last parameter changing fastest.

    >>> grid({"seed": [1, 2], "level": ["low"]})
    [{'seed': 1, 'level': 'low'}, {'seed': 2, 'level': 'low'}]

    Raises
    ------
    ParameterError
        A parameter has no value or the same twice, or there are more than `MOST` combinations.
    """
    count = 1
    for name, values in ranges.items():
        if not values:
            raise ParameterError(f"parameter {name!r}", "has no value", "Write -p NAME 1,2,3 or -p NAME 1..5")
        if len({repr(value) for value in values}) < len(values):
            raise ParameterError(f"parameter {name!r}", f"has a value twice: {list(values)}", "Leave one of them out")
        count *= len(values)
    if count > MOST:
        raise ParameterError("sweep", f"has {count} runs, more than {MOST}", "Sweep fewer values at a time")
    return [dict(zip(ranges, values, strict=True)) for values in product(*ranges.values())]


def sweep(
    page: Path,
    ranges: Mapping[str, Sequence[object]],
    out: str | Path,
    *,
    scheduler: str = "",
    workers: int | None = None,
    cwd: Path | None = None,
    progress: bool = False,
) -> Swept:
    """Run a page once for each combination, unless that run is in the folder already.

    Parameters
    ----------
    page
        The page.
    ranges
        Parameter -> its values. All combinations are checked before the first runs.
    out
        Folder of results. On a cluster all machines have to see it under the same name, and the repository too.
    scheduler, workers, progress
        As for `tremorlab.scale.each`.
    cwd
        Working folder of the pages; this one by default.

    Raises
    ------
    ParameterError
        The page does not know a parameter, or a value of the grid is not allowed; nothing was run.
    PageError
        The page cannot be read.
    """
    cwd, out = (cwd or Path.cwd()).resolve(), Path(out).resolve()
    combinations = grid(ranges)
    for parameters in combinations:
        execute.check(page, parameters, cwd)
    inputs = build.fingerprint(paths.REPOSITORY) if paths.REPOSITORY else ""
    runs = out / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    at_once = 1 if scheduler else min(workers or os.cpu_count() or 1, len(combinations))
    threads = max(1, build.cores() // at_once)
    tasks = [
        _Task(str(page.resolve()), parameters, str(runs), _key(page, parameters, inputs, cwd), str(cwd), threads)
        for parameters in combinations
    ]
    left = [task for task in tasks if not _finished(task)]
    reasons = dict(
        zip(
            (task.key for task in left),
            scale.each(_run, left, scheduler=scheduler, workers=workers, progress=progress) if left else [],
            strict=True,
        )
    )
    failed = [{**task.parameters, "reason": reasons[task.key]} for task in left if reasons[task.key]]
    rows = [_row(task) for task in tasks if not reasons.get(task.key)]
    found = Swept(
        pd.DataFrame(rows), tuple(ranges), pd.DataFrame(failed, columns=[*ranges, "reason"]),
        len(left) - len(failed), len(tasks) - len(left),
    )  # fmt: skip
    _write(found, out)
    return found


def _key(page, parameters, inputs, cwd):
    """A run's key; a study file among its parameters counts with its content."""
    files = [cwd / value for value in parameters.values() if isinstance(value, str) and value.endswith(".toml")]
    digest = hashlib.sha256(inputs.encode())
    for file in files:
        digest.update(file.read_bytes() if file.is_file() else b"")
    return build.key(page, parameters, digest.hexdigest())[:16]


def _finished(task):
    record = execute.Record.read(Path(task.folder) / f"{task.key}.json")
    return record is not None and record.key == task.key


def _run(task):
    """Run one page; why it failed, or nothing."""
    folder, page = Path(task.folder), Path(task.page)
    # What was executed of a page that fails stays beside its log, and has the result's name.
    out, log = folder / f"{task.key}.ipynb", folder / "logs" / f"{task.key}.log"
    try:
        made = execute.run_page(page, task.parameters, out, log, threads=task.threads, cwd=Path(task.cwd), timeout=7200)
    except TremorlabError as error:
        return str(error)
    replace(made, key=task.key).write(folder / f"{task.key}.json")
    return ""


def _row(task):
    record = execute.Record.read(Path(task.folder) / f"{task.key}.json")
    row = {**task.parameters, "seconds": round(record.seconds, 1), "peak_memory_mb": round(record.peak_memory_mb)}
    for name, text in record.glued.items():
        value = _value(text)
        if value is not None and name not in row:
            row[name] = value
    return row


def _value(text):
    """A published number or short text, from its representation; None for figures and tables."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return float("nan") if text == "nan" else None
    short = isinstance(value, str) and len(value) <= _LONGEST
    return value if isinstance(value, int | float) or short else None


def _write(found, out):
    from tremorlab.page.sweep_report import summary

    texts = found.table.copy()
    for name in texts:
        if texts[name].map(type).nunique() > 1 or texts[name].map(lambda v: isinstance(v, list | dict)).any():
            texts[name] = texts[name].astype(str)
    for name, write in (
        ("results.csv", lambda path: texts.to_csv(path, index=False)),
        ("results.parquet", lambda path: texts.to_parquet(path, index=False)),
        ("failures.csv", lambda path: found.failures.to_csv(path, index=False)),
        ("index.html", lambda path: path.write_text(summary(found, out.name), encoding="utf-8")),
    ):
        part = out / f".{name}.{os.getpid()}"
        write(part)
        os.replace(part, out / name)
