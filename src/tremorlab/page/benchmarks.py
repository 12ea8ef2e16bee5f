"""The table of benchmarks, from the runs that `benchmarks/run.py` has kept: the newest in full, and how ratios went."""

import json
from pathlib import Path

from tremorlab import paths
from tremorlab.errors import PageError

#: The runs, one JSON object a line, oldest first; below the repository.
HISTORY = Path("benchmarks") / "history.jsonl"

#: Runs in the table of ratios, at most: what fits on a page.
_COLUMNS = 6

#: What a bar is about, as a reader says it.
_OF = {"ratio": "peer / ours", "over_floor": "ours / floor", "ours": "ours"}


def page() -> str:
    """Return the part of the page that the runs of this repository give."""
    return table(runs(paths.REPOSITORY / HISTORY) if paths.REPOSITORY else [])


def runs(path: Path) -> list[dict]:
    """Read a history, oldest run first; empty where there is none.

    Raises
    ------
    PageError
        A line is not JSON.
    """
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found.append(json.loads(line))
        except ValueError as error:
            raise PageError(f"{path.name}, line {number}", "is not JSON", "Take the line out") from error
    return found


def table(history: list[dict]) -> str:
    """Write the newest run down: what it ran on, its rows, which bars it misses; then the ratios of the last runs."""
    if not history:
        return "No run has been kept yet.\n"
    newest = history[-1]
    lines = [_where(newest), "", *_rows(newest["rows"]), "", _verdict(newest["rows"]), "", "## Versions", ""]
    lines += ["| | |", "| --- | --- |", f"| tremorlab | {newest['tremorlab']}, code `{newest['code']}` |"]
    lines += [f"| {name} | {version} |" for name, version in newest["versions"].items()]
    if len(history) > 1:
        lines += ["", "## Peer / ours, run by run", "", *_ratios(history[-_COLUMNS:])]
    return "\n".join(lines) + "\n"


def _where(run):
    machine = run["machine"]
    began, ended = machine["load"]
    return (
        f"Run of {run['date']}, {run['minutes']:.0f} minutes, on {machine['cores']} cores ({machine['processor']}, "
        f"{machine['memory_gb']:.0f} GB, {machine['system']}). Processes that wanted a core, on average over a minute: "
        f"{began:g} before and {ended:g} at the end."
    )


def _rows(rows):
    lines = [
        "| what | ours | peer | floor | peer / ours | ours / floor | bar |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        ours, theirs, least, ratio, over = (
            _figure(row[name]) for name in ("ours", "theirs", "least", "ratio", "over_floor")
        )
        bars = "; ".join(_bar(bar) for bar in row["bars"]) or "no bar"
        if not row["equal"]:
            bars += "; **the results differ**"
        lines.append(
            f"| {row['what']}, {row['unit']} | {ours} | {theirs}: {row['peer']} | {least}: {row['floor']} | {ratio} | "
            f"{over} | {bars} |"
        )
    return lines


def _bar(bar):
    limit = f"at least {bar['least']:g}" if bar["least"] is not None else f"at most {bar['most']:g}"
    return f"{_OF[bar['of']]} {limit}: {'met' if bar['met'] else '**missed**'}"


def _verdict(rows):
    judged = [row for row in rows if row["bars"] or not row["equal"]]
    missed = [f"{row['what']} beside {row['peer']}" for row in judged if not row["met"]]
    slower = [f"{row['what']} beside {row['peer']}" for row in rows if row["ratio"] < 1]
    text = f"Bars are met in {len(judged) - len(missed)} of the {len(judged)} rows that have one."
    if missed:
        text += f" **Missed:** {'; '.join(missed)}."
    if slower:
        text += f" The peer is ahead in: {'; '.join(slower)}."
    return text


def _ratios(history):
    """One row for each row of the newest run, one column a run; machines below, since they may differ."""
    heads = [f"{run['date']}, `{run['code']}`" for run in history]
    lines = [f"| | {' | '.join(heads)} |", f"| --- |{' ---: |' * len(heads)}"]
    for row in history[-1]["rows"]:
        cells = []
        for run in history:
            same = [old for old in run["rows"] if (old["what"], old["peer"]) == (row["what"], row["peer"])]
            cells.append(_figure(same[0]["ratio"]) if same else "-")
        lines.append(f"| {row['what']}, beside {row['peer']} | {' | '.join(cells)} |")
    machines = sorted({f"{run['machine']['cores']} cores, {run['machine']['processor']}" for run in history})
    return [*lines, "", f"Machines: {'; '.join(machines)}."]


def _figure(value):
    """Three digits, and all that stand before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
