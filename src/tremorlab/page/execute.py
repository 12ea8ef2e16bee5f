"""Run one page: parameters checked before a kernel starts, one log, and a result without traces of the machine."""

import contextlib
import json
import logging
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import nbformat
import papermill
import psutil
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError

from tremorlab.errors import PageError, ParameterError
from tremorlab.page import pairs
from tremorlab.page.outputs import NOISE, clean, glued
from tremorlab.page.parameters import known

#: What colours a terminal, and spoils a log.
COLOUR = re.compile(r"\x1b\[[0-9;]*m")

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


@dataclass(frozen=True)
class Record:
    """What is kept of a run: feeds the progress lines, the cache and the table of run times.

    ``glued`` holds the text form of every value that the page published with ``glue``.
    """

    page: str
    seconds: float
    peak_memory_mb: float
    parameters: dict = field(default_factory=dict)
    glued: dict = field(default_factory=dict)
    key: str = ""

    def write(self, path: Path) -> None:
        """Write the record as JSON."""
        part = path.with_name(f".{path.name}.part")
        part.write_text(json.dumps(asdict(self), indent=1, sort_keys=True) + "\n", encoding="utf-8")
        os.replace(part, path)

    @classmethod
    def read(cls, path: Path) -> "Record | None":
        """Read a record, or None when there is none that can be read: the page then has to run."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def name(page: Path) -> str:
    """Name of a page in messages: ``notebooks/01_catalogs``."""
    return f"{page.resolve().parent.name}/{page.stem}"


def check(page: Path, parameters: Mapping[str, object], cwd: Path | None = None) -> None:
    """Run the parameters cell and the gate of a page in this process, with ``parameters`` in place of the defaults.

    Raises
    ------
    ParameterError
        The page does not know a parameter, or a value is of the wrong type or out of range.
    PageError
        The page takes parameters and has no gate, or one of the two cells fails.
    """
    declaring, closing = (_tagged(pairs.read(page), tag) for tag in ("parameters", "gate"))
    if declaring is None:
        for given in parameters:
            known(given, {})
        return
    if closing is None:
        raise PageError(name(page), "has parameters and no cell tagged 'gate'", "See tremorlab.page.parameters.gate")
    namespace: dict[str, object] = {"__name__": page.stem}
    with contextlib.chdir(cwd or page.parent):
        _run(declaring, namespace, page)
        for given in parameters:
            known(given, namespace.get("__annotations__", {}))
        namespace.update(parameters)
        _run(closing, namespace, page)


def declared(page: Path) -> list[tuple[str, str, str, str]]:
    """Parameters of a page as papermill sees them: name, type, default as written, help."""
    with tempfile.TemporaryDirectory() as scratch, _logged(Path(scratch) / "log"):
        source = Path(scratch) / f"{page.stem}.ipynb"
        nbformat.write(pairs.read(page), source)
        found = papermill.inspect_notebook(source)
    return [(p["name"], p["inferred_type_name"], p["default"], p["help"]) for p in found.values()]


def run_page(
    page: Path,
    parameters: Mapping[str, object],
    out: Path,
    log: Path,
    *,
    timeout: float = 900,
    threads: int | None = None,
    cwd: Path | None = None,
    progress: bool = False,
) -> Record:
    """Execute a page with papermill.

    Parameters
    ----------
    page
        The ``.py`` or ``.ipynb`` file.
    parameters
        Values in place of the defaults; checked before a kernel is started.
    out
        Where the executed notebook goes; it appears whole, or not at all.
    log
        Text log of the run. When a cell fails, its source is in there, and what was executed stays beside it.
    timeout
        Seconds that one cell may take.
    threads
        Threads of the numerical libraries in the kernel; all cores by default.
    cwd
        Working folder of the kernel: the page's own by default.
    progress
        Draw a progress bar on standard error.

    Raises
    ------
    ParameterError
        See `check`.
    PageError
        A cell failed, took too long or killed its kernel; the message names page, cell and error.
    """
    cwd = (cwd or page.parent).resolve()
    check(page, parameters, cwd)
    log.parent.mkdir(parents=True, exist_ok=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = log.with_suffix(".ipynb")
    partial.unlink(missing_ok=True)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch, _logged(log), _environment(threads, scratch), _Memory() as memory:
        source = Path(scratch) / f"{page.stem}.ipynb"
        nbformat.write(pairs.read(page), source)
        try:
            papermill.execute_notebook(
                source,
                partial,
                parameters=dict(parameters),
                kernel_name="python3",
                cwd=cwd,
                log_output=True,
                progress_bar=progress,
                execution_timeout=timeout,
            )
        except Exception as error:  # papermill passes on whatever ended the kernel
            problem, cell = _failure(error, partial, timeout)
            logging.getLogger("papermill").error("%s: %s\n%s", name(page), problem, cell)
            raise PageError(name(page), problem, f"See {_short(log)}") from error
    notebook = nbformat.read(partial, as_version=4)
    clean(notebook)
    nbformat.write(notebook, partial)
    os.replace(partial, out)
    return Record(name(page), time.perf_counter() - started, memory.peak_mb, dict(parameters), glued(notebook))


def _tagged(notebook: nbformat.NotebookNode, tag: str) -> str | None:
    cells = (cell for cell in notebook.cells if cell.cell_type == "code" and tag in cell.metadata.get("tags", []))
    return next((cell.source for cell in cells), None)


def _run(source: str, namespace: dict, page: Path) -> None:
    try:
        exec(compile(source, str(page), "exec"), namespace)
    except ParameterError:
        raise
    except Exception as error:
        raise PageError(
            name(page), f"its parameters cannot be checked: {type(error).__name__}: {error}", "Correct its first cells"
        ) from error


def _failure(error: Exception, partial: Path, timeout: float) -> tuple[str, str]:
    """What went wrong in one line, and the source of the cell; cells are counted from 1 as in the page."""
    notebook = nbformat.read(partial, as_version=4) if partial.exists() else nbformat.v4.new_notebook()
    cells = [cell for cell in notebook.cells if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])]
    begun = [i for i, cell in enumerate(cells) if cell.metadata.get("papermill", {}).get("start_time")]
    if not begun:
        return f"no cell was run: {_first_line(error)}", ""
    if isinstance(error, PapermillExecutionError):
        at, what = error.cell_index, f"{error.ename}: {COLOUR.sub('', error.evalue).strip()}"
    elif isinstance(error, CellTimeoutError):
        at, what = begun[-1], f"time-out: the cell took longer than {timeout:g} s"
    elif isinstance(error, DeadKernelError):
        at, what = begun[-1], "the kernel died; most often it ran out of memory"
    else:
        at, what = begun[-1], _first_line(error)
    own = [cell for cell in cells[:at] if "injected-parameters" not in cell.metadata.get("tags", [])]
    count = cells[at].get("execution_count")
    where = f"cell {len(own) + 1}" + (f" [{count}]" if count else "")
    return f"{where}: {what.splitlines()[0]}", cells[at].source


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def _short(path: Path) -> str:
    path = path.resolve()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


@contextlib.contextmanager
def _logged(log: Path) -> Iterator[None]:
    """Send papermill's messages, cell outputs among them, to ``log``."""
    logger = logging.getLogger("papermill")
    handler = logging.FileHandler(log, mode="w", encoding="utf-8")
    handler.addFilter(lambda message: not NOISE.search(message.getMessage()))
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.propagate = propagate
        logger.removeHandler(handler)
        handler.close()


@contextlib.contextmanager
def _environment(threads: int | None, scratch: str) -> Iterator[None]:
    """The same surroundings for every kernel, whatever the reader's shell and IPython profile hold."""
    before = dict(os.environ)
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", PYTHONHASHSEED="0", TZ="UTC", IPYTHONDIR=scratch)
    if threads:
        os.environ.update(dict.fromkeys(_THREADS, str(threads)))
    os.environ.pop("MPLBACKEND", None)  # any but Jupyter's own would draw nothing into the page
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class _Memory:
    """Peak resident memory of the processes started within the block, sampled; what they share counts once.

    A process that starts a program is two for a moment, of which the second has nothing of its own yet.
    """

    def __enter__(self) -> "_Memory":
        self.peak_mb = 0.0
        self._others = set(psutil.Process().children(recursive=True))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            total = 0
            for process in set(psutil.Process().children(recursive=True)) - self._others:
                with contextlib.suppress(psutil.Error):
                    info = process.memory_full_info()
                    total += getattr(info, "pss", info.rss)  # the former on Linux only
            self.peak_mb = max(self.peak_mb, total / 1e6)
