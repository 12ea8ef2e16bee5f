"""Parts of prose pages that a build writes itself: claims, benchmarks, run times, versions, hashes of the data.

A prose page asks for one with ``{include} made/NAME.md``; see `PARTS` for the names.
"""

import hashlib
import importlib.metadata
import platform
from collections.abc import Callable, Mapping
from pathlib import Path

from tremorlab import __version__, paths
from tremorlab.page import benchmarks, full_map
from tremorlab.page.claims import Claim, Findings
from tremorlab.page.execute import Record
from tremorlab.page.provenance import code_hash

#: Packages whose versions decide about results.
PACKAGES = (
    "numpy", "scipy", "pandas", "obspy", "scikit-learn", "statsmodels", "keras", "tensorflow-cpu", "onnxruntime",
    "pysindy", "matplotlib", "jupyter-book", "sphinx", "myst-nb",
)  # fmt: skip

#: What a laptop or Binder must have free beside a page (MB): the system, a browser, Jupyter itself.
_BESIDE_MB = 2000


def claims(records: Mapping[str, Record]) -> str:
    """Return the claims: an overview, then each with its rule and its numbers."""
    from tremorlab.page.claim_rules import CLAIMS

    return claims_table(CLAIMS, Findings(records))


def claims_table(claims: tuple[Claim, ...], found: Findings) -> str:
    """Judge claims and write them down, overview first.

    Raises
    ------
    PageError
        A value or result that a claim needs is missing.
    """
    judged = [(claim, claim.twins(found), claim.recordings(found)) for claim in claims]
    lines = ["| | the report says | on twins | on recordings | where |", "| --- | --- | --- | --- | --- |"]
    for number, (claim, twins, recordings) in enumerate(judged, start=1):
        where = ", ".join(f"[{int(page[:2])}](../notebooks/{page}.ipynb)" for page in claim.pages)
        verdicts = f"{_mark(twins.verdict)} | {_mark(recordings.verdict)}"
        lines.append(f"| [{number}](#claim-{number}) | {claim.says} | {verdicts} | {where} |")
    for number, (claim, twins, recordings) in enumerate(judged, start=1):
        lines += ["", f"(claim-{number})=", f"### {number}. {claim.says[0].upper()}{claim.says[1:]}", ""]
        lines += [f"*Rule:* {claim.tolerance}.", ""]
        for name, outcome in (("On twins", twins), ("On recordings", recordings)):
            lines.append(f"- **{name}: {outcome.verdict}.** {outcome.got}".rstrip())
    return "\n".join(lines) + "\n"


def status(records: Mapping[str, Record]) -> str:
    """Return run times, memory, parameters, versions and hashes of the data of this build."""
    lines = ["## Pages", "", "| page | seconds | memory (MB) | parameters other than the defaults |"]
    lines.append("| --- | ---: | ---: | --- |")
    for page, record in sorted(records.items()):
        changed = ", ".join(f"`{name}` {_short(value)}" for name, value in record.parameters.items()) or "none"
        lines.append(
            f"| [{page}](../notebooks/{page}.ipynb) | {record.seconds:.0f} | {record.peak_memory_mb:.0f} | {changed} |"
        )
    total = sum(record.seconds for record in records.values())
    lines.append(f"| all, one after the other | {total:.0f} | | |")
    lines += ["", "## Versions", "", "| | |", "| --- | --- |"]
    lines += [f"| tremorlab | {__version__}, code `{code_hash()[:8]}` |"]
    lines += [f"| Python | {platform.python_version()} on {platform.system()} {platform.machine()} |"]
    lines += [f"| {name} | {_version(name)} |" for name in PACKAGES]
    lines += ["", "## Data", "", "| what | files | SHA-256 of names and contents |", "| --- | ---: | --- |"]
    for folder in sorted(path for path in paths.DATA.iterdir() if path.is_dir()):
        count, digest = _hash(folder)
        lines.append(f"| `data/{folder.name}` | {count} | `{digest[:16]}` |")
    return "\n".join(lines) + "\n"


def workshop(records: Mapping[str, Record]) -> str:
    """Return what each page takes, for whoever plans a class."""
    lines = ["| page | minutes | page memory (GB) | laptop memory free (GB) |", "| --- | ---: | ---: | ---: |"]
    for page, record in sorted(records.items()):
        memory = record.peak_memory_mb
        lines.append(
            f"| [{page}](../notebooks/{page}.ipynb) | {record.seconds / 60:.1f} | {memory / 1e3:.1f} "
            f"| {(memory + _BESIDE_MB) / 1e3:.1f} |"
        )
    longest = max(records.values(), key=lambda record: record.seconds)
    lines += ["", f"The longest, {longest.page.rsplit('/')[-1]}, took {longest.seconds / 60:.1f} minutes."]
    return "\n".join(lines) + "\n"


#: Name of a part -> what writes it, from the records of the pages.
PARTS: dict[str, Callable[[Mapping[str, Record]], str]] = {
    "claims": claims,
    "status": status,
    "workshop": workshop,
    "benchmarks": lambda _: benchmarks.page(),  # from runs that were kept, not from pages
    "full_map": lambda _: full_map.page(),  # so too
}


def parts(prose: list[Path], records: Mapping[str, Record]) -> dict[str, str]:
    """Write the parts that some prose pages ask for, by name."""
    texts = [page.read_text(encoding="utf-8") for page in prose]
    wanted = [name for name in PARTS if any(f"{{include}} made/{name}.md" in text for text in texts)]
    return {name: PARTS[name](records) for name in wanted}


def _mark(verdict: str) -> str:
    return f"**{verdict}**" if verdict != "not tested" else "-"


def _short(value: object) -> str:
    return ", ".join(map(str, value)) or "empty" if isinstance(value, list) else str(value)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _hash(folder: Path) -> tuple[int, str]:
    digest, count = hashlib.sha256(), 0
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder).as_posix()}\0".encode())
            digest.update(path.read_bytes())
            count += 1
    return count, digest.hexdigest()
