"""From sources to book: run the pages that changed, stage them with the prose, render without running them again."""

import contextlib
import dataclasses
import hashlib
import json
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import nbformat
import yaml
from sphinx_external_toc.parsing import MalformedError, parse_toc_yaml

from tremorlab import paths
from tremorlab.errors import PageError, ParameterError, TremorlabError
from tremorlab.page import execute, finish, made, outputs, pairs

_EXECUTING = re.compile(r"^Executing Cell (\d+)", re.MULTILINE)
_PROBLEM = re.compile(r"^.*\b(?:WARNING|ERROR|CRITICAL|Error)\b.*$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Book:
    """Where the parts of a book are, below its root folder."""

    root: Path

    @property
    def site(self) -> Path:
        """Executed pages and prose, laid out as in the repository: what jupyter-book reads."""
        return self.root / "_build" / "site"

    @property
    def html(self) -> Path:
        """The rendered book."""
        return self.root / "_build" / "html"

    @property
    def logs(self) -> Path:
        """One log a page, and one of the rendering."""
        return self.root / "_build" / "logs"

    @property
    def records(self) -> Path:
        """One record a page: key of the cache, run time, memory, values published."""
        return self.root / "_build" / "pages"

    @property
    def whole(self) -> Path:
        """Seconds that the last build took of those that ran every page."""
        return self.root / "_build" / "whole.json"

    def documents(self) -> list[Path]:
        """Source files named by ``_toc.yml``, in its order.

        Raises
        ------
        PageError
            The table of contents is malformed or names a page that is not there.
        """
        try:
            names = list(parse_toc_yaml(self.root / "_toc.yml"))
        except (OSError, MalformedError, yaml.YAMLError) as error:
            raise PageError("_toc.yml", f"cannot be read: {error}", "Compare with Jupyter Book's format") from error
        return [self._source(name) for name in names]

    def pages(self) -> list[Path]:
        """The sources that are executed."""
        return [source for source in self.documents() if source.suffix == ".py"]

    def _source(self, name: str) -> Path:
        for suffix in (".py", ".md"):
            if (source := self.root / f"{name}{suffix}").exists():
                return source
        raise PageError("_toc.yml", f"names {name!r}, but there is no such page", "Correct the name or add the page")

    def executed(self, page: Path) -> Path:
        """Where the executed form of ``page`` is kept."""
        return self.site / page.relative_to(self.root).with_suffix(".ipynb")

    def record(self, page: Path) -> Path:
        """Where the record of ``page`` is kept."""
        return self.records / f"{page.stem}.json"

    def log(self, page: Path) -> Path:
        """Where the log of ``page`` is kept."""
        return self.logs / f"{page.stem}.log"


def build(root: Path, *, jobs: int | None = None, profile: Path | None = None, beat_s: float = 10) -> Path:
    """Build the book and return its first page.

    Parameters
    ----------
    root
        Folder with ``_toc.yml``, ``_config.yml``, the pages and the prose.
    jobs
        Pages run at the same time; as many as there are cores by default.
    profile
        YAML file with parameters per page, for example for a fast build.
    beat_s
        Seconds between signs of life of running pages.

    Raises
    ------
    ParameterError
        The profile names an unknown page or parameter, or a bad value; nothing was run.
    PageError
        A page failed, or the rendering found a problem. What was built before stays as it was.
    """
    book, started = Book(root), time.perf_counter()
    pages = book.pages()
    parameters = read_profile(profile, pages)
    for page in pages:
        execute.check(page, parameters[page.stem])
    inputs = fingerprint(root)
    keys = {page: key(page, parameters[page.stem], inputs) for page in pages}
    stale = [page for page in pages if not _fresh(book, page, keys[page])]
    kept = [page for page in pages if page not in stale]
    for done, page in enumerate(kept, start=1):
        _say(f"[{done}/{len(pages)}] kept {execute.name(page)}")
    _run_all(book, stale, parameters, keys, jobs or cores(), beat_s, (len(kept), len(pages)))
    stage(book)
    render(book)
    index = book.html / "index.html"
    seconds = time.perf_counter() - started
    if pages and not kept:
        book.whole.write_text(json.dumps({"seconds": seconds}) + "\n", encoding="utf-8")
    _say(f"book: {index.relative_to(root)}  ({len(stale)} run, {len(kept)} kept, {seconds:.0f} s)")
    return index


def read_profile(profile: Path | None, pages: list[Path]) -> dict[str, dict]:
    """Parameters per page (by stem): those of ``profile``, empty for pages that it does not name."""
    names = {page.stem: {} for page in pages}
    if profile is None:
        return names
    try:
        given = yaml.safe_load(profile.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        problem = str(error).replace("\n", " ")
        raise ParameterError(profile, f"cannot be read: {problem}", "Give a YAML file: page -> parameters") from error
    if not isinstance(given, dict) or not all(isinstance(values, dict) for values in given.values()):
        raise ParameterError(profile, "is not a table of page -> parameters", "Write 01_topic: {name: value}")
    if unknown := sorted(set(given) - set(names)):
        raise ParameterError(profile, f"names the page {unknown[0]!r}", f"The pages are {', '.join(names)}")
    return names | given


def fingerprint(root: Path) -> str:
    """Hash of what every page depends on: code, data, locked packages, and which recordings are on this machine."""
    digest = hashlib.sha256()
    for folder in ("src", "data"):
        for path in _files(root / folder):
            digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    with contextlib.suppress(FileNotFoundError):
        digest.update((root / "requirements.lock").read_bytes())
    for folder in (paths.recordings(), paths.cache()):  # too large to read through: names and sizes must do
        for path in _files(folder) if folder else ():
            if path.is_relative_to(paths.derived()):
                continue
            digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
    return digest.hexdigest()


def key(page: Path, parameters: Mapping[str, object], inputs: str) -> str:
    """Key of the cache: a page runs again only if its cells, its parameters or the ``inputs`` of all pages change."""
    parts = [pairs.twin(page), json.dumps(parameters, sort_keys=True, default=str), inputs]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def stage(book: Book) -> None:
    """Lay prose with its made parts, bibliography, assets and cards beside the executed pages; the rest goes.

    Raises
    ------
    PageError
        A part that the build writes itself, such as the table of claims, lacks something.
    """
    documents = book.documents()
    executed = {book.executed(page) for page in documents if page.suffix == ".py"}
    for path in _files(book.site):
        if path not in executed:
            path.unlink()
    prose = [source for source in documents if source.suffix == ".md"]
    assets = [path for path in _files(book.root / "book") if path.suffix != ".md"]
    for source in prose + assets:
        target = book.site / source.relative_to(book.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    pages = [source for source in documents if source.suffix == ".py"]
    records = {page.stem: record for page in pages if (record := execute.Record.read(book.record(page)))}
    for name, text in made.parts(prose, records).items():
        target = book.site / "book" / "made" / f"{name}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    for page in sorted(executed):
        for name, text in outputs.cards(nbformat.read(page, as_version=4)).items():
            target = book.site / "book" / "cards" / "made" / f"{name}.md"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")


def render(book: Book) -> None:
    """Run jupyter-book on the staged site, every warning an error; only a book without one replaces the last.

    It is rendered anew each time: a warning, or a value glued from another page, would be missed in a page that
    sphinx takes for unchanged.
    """
    work, log = book.root / "_build" / "render", book.logs / "book.log"
    shutil.rmtree(work, ignore_errors=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    arguments = ["build", str(book.site), "--config", str(book.root / "_config.yml")]
    arguments += ["--toc", str(book.root / "_toc.yml"), "--path-output", str(work), "-n", "-W", "--keep-going"]
    with log.open("w", encoding="utf-8") as output:
        done = subprocess.run(
            [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    text = execute.COLOUR.sub("", log.read_text(encoding="utf-8"))
    log.write_text(text, encoding="utf-8")
    if done.returncode:
        found = [line.strip().removeprefix(f"{book.site}{os.sep}") for line in _PROBLEM.findall(text)]
        first = found[0] if found else f"jupyter-book ended with {done.returncode}"
        raise PageError("book", f"cannot be rendered: {first}", f"See {log.relative_to(book.root)}")
    finish.add_to(work / "_build" / "html", book.root / "_config.yml")
    shutil.rmtree(book.html, ignore_errors=True)
    os.replace(work / "_build" / "html", book.html)
    shutil.rmtree(work)


def whole_s(book: Book) -> float | None:
    """Seconds of the last build that ran every page, or None where there was none."""
    try:
        return float(json.loads(book.whole.read_text(encoding="utf-8"))["seconds"])
    except (OSError, ValueError, KeyError):
        return None


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _fresh(book: Book, page: Path, wanted: str) -> bool:
    record = execute.Record.read(book.record(page))
    return record is not None and record.key == wanted and book.executed(page).exists()


def _run_all(book, stale, parameters, keys, jobs, beat_s, counts) -> None:
    """Run pages side by side; the last line of a failure is the error that this raises."""
    if not stale:
        return
    done, total = counts
    jobs = min(jobs, len(stale))
    options = {"threads": max(1, cores() // jobs)}
    failures: list[TremorlabError] = []
    # Spawned: a forked worker would inherit locks of the libraries that this process has loaded.
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        running: dict[Future, Path] = {}
        for page in stale:
            arguments = (page, parameters[page.stem], book.executed(page), book.log(page))
            book.log(page).unlink(missing_ok=True)
            running[pool.submit(execute.run_page, *arguments, **options)] = page
        while running:
            for future in _finished(book, running, beat_s):
                page, done = running.pop(future), done + 1
                try:
                    record = dataclasses.replace(_result(future, page), key=keys[page])
                except TremorlabError as error:
                    failures.append(error)
                    _say(f"[{done}/{total}] FAIL {execute.name(page)}")
                    continue
                book.records.mkdir(parents=True, exist_ok=True)
                record.write(book.record(page))
                _say(f"[{done}/{total}] ok   {record.page}  {record.seconds:.1f} s  {record.peak_memory_mb:.0f} MB")
    if len(failures) == 1:
        raise failures[0]
    if failures:
        problems = "; ".join(f"{error.where}: {error.problem}" for error in failures)
        raise PageError("book", f"{len(failures)} pages failed: {problems}", "See _build/logs")


def _result(future: Future, page: Path) -> execute.Record:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise PageError(
            execute.name(page), "its process was killed", "Most often memory ran out: build one page at a time (-j 1)"
        ) from error


def _finished(book: Book, running: Mapping[Future, Path], beat_s: float) -> set[Future]:
    """Wait for a page to end, and say now and then how far the others are."""
    while not (done := wait(running, timeout=beat_s, return_when=FIRST_COMPLETED).done):
        for page in running.values():
            if book.log(page).exists():
                cells = _EXECUTING.findall(book.log(page).read_text(encoding="utf-8"))
                _say(f"      ...  {execute.name(page)}  cell {cells[-1] if cells else 0}")
    return done


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts):
            yield path


def _say(line: str) -> None:
    print(line, flush=True)
