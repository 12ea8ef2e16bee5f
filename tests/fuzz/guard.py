"""What code that reads a file must not do: write elsewhere, start programs, open connections, unpickle.

Python tells an audit hook about each of these before it happens, whoever does it: our code, a package, or code that
came inside a file. What a library does in C (HDF5 among them) it does not see. A hook cannot be taken out again; it is
quiet outside of `watched`.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

#: Event -> positions of the paths in its arguments.
_PATHS = {
    "os.mkdir": (0,), "os.remove": (0,), "os.rmdir": (0,), "os.rename": (0, 1), "os.link": (0, 1), "os.symlink": (0, 1),
    "os.chmod": (0,), "os.truncate": (0,), "shutil.rmtree": (0,), "shutil.copyfile": (1,), "shutil.move": (0, 1),
}  # fmt: skip
_FORBIDDEN = {
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "socket.connect",
    "socket.getaddrinfo", "urllib.Request", "pickle.find_class",
}  # fmt: skip
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

#: Folder and list of the `watched` block that is open, if one is.
_open: list[tuple[str, list[str]]] = []


@contextmanager
def watched(folder: Path) -> Iterator[list[str]]:
    """Collect what is done that must not be, where files may be written in one folder only.

    Yields
    ------
    list of str
        One line an event; it grows.
    """
    _hooked()
    found: list[str] = []
    _open.append((os.path.realpath(folder), found))
    try:
        yield found
    finally:
        _open.pop()


@cache
def _hooked():
    sys.addaudithook(_hook)


def _hook(event: str, arguments: tuple) -> None:
    if not _open:
        return
    folder, found = _open[-1]
    if event == "open":
        path, mode, flags = arguments
        if (flags or 0) & _WRITES or any(letter in (mode or "") for letter in "wax+"):
            found += [f"opened {path} for writing" for path in [path] if _outside(path, folder)]
    elif event in _PATHS:
        found += [f"{event} {path}" for path in (arguments[k] for k in _PATHS[event]) if _outside(path, folder)]
    elif event in _FORBIDDEN:
        found.append(f"{event} {str(arguments)[:200]}")


def _outside(path, folder):
    if not isinstance(path, str | bytes | os.PathLike):
        return False  # a number: a file that is open already
    path = os.path.realpath(os.fsdecode(path))
    return path != os.devnull and os.path.commonpath([path, folder]) != folder
