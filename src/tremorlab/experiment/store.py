"""Answers that took long to compute, kept as small files: found by the question, with the code that gave them.

An answer is a handful of arrays. It is looked for in two places:

- the cache (`tremorlab.paths.derived`), under a hash of question *and* code, so that what is found is up to date;
- the files that come with the compendium (``data/results``), under a hash of the question. They say what code gave
  them, and `Answer.changed` names the modules that have changed since: a page shows it, and a test fails on it.

If neither has it, or if it is asked to, the answer is computed and put into the cache.
"""

import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from tremorlab import fingerprint, paths
from tremorlab.errors import ModelError

#: Answers that come with the compendium.
SHIPPED = paths.DATA / "results"

#: Modules that write texts for people and no numbers.
_TEXTS = {"errors", "twin.card"}

_QUESTION, _CODE = "question.json", "code.json"


@dataclass(frozen=True, eq=False)
class Answer:
    """Arrays, and where they come from.

    Attributes
    ----------
    arrays : dict
        Name -> array.
    origin : str
        "shipped", "kept" (in the cache) or "computed".
    changed : tuple of str
        Modules that are not what they were when a shipped answer was computed; empty for the others.
    """

    arrays: dict[str, np.ndarray]
    origin: str
    changed: tuple[str, ...] = ()


def answer(
    question: BaseModel,
    compute: Callable[[], dict[str, np.ndarray]],
    *,
    modules: tuple[str, ...],
    again: bool = False,
    shipped: bool = True,
) -> Answer:
    """Find the answer to a question, or compute it.

    Parameters
    ----------
    question
        Everything that the answer depends on besides code; its ``name`` names the file and does not count.
    compute
        Gives the arrays, no objects among them.
    modules
        Where the code starts that computes the answer; what they import counts too.
    again
        Compute it whatever there is.
    shipped
        Take one that comes with the compendium.

    Raises
    ------
    ModelError
        A file is damaged, or answers another question.
    """
    asked, code = _asked(question), code_of(modules)
    kept = paths.derived() / "results" / f"{file_name(question, code)}"
    if not again:
        if kept.exists():
            return Answer(_read(kept, asked)[0], "kept")
        path = SHIPPED / file_name(question)
        if shipped and path.exists():
            return Answer(_read(path, asked)[0], "shipped", changed_since(path, question, code))
    arrays = compute()
    _write(kept, arrays, asked, code)
    return Answer(arrays, "computed")


def ship(question: BaseModel, *, modules: tuple[str, ...]) -> Path:
    """Copy an answer from the cache to the files that come with the compendium, in place of an older one.

    Raises
    ------
    ModelError
        It is not in the cache.
    """
    code = code_of(modules)
    kept = paths.derived() / "results" / file_name(question, code)
    if not kept.exists():
        raise ModelError(kept, "is not there", "Compute the answer first")
    for older in SHIPPED.glob(f"{question.name}-????????????.npz"):
        older.unlink()
    arrays, _ = _read(kept, _asked(question))
    _write(SHIPPED / file_name(question), arrays, _asked(question), code)
    return SHIPPED / file_name(question)


def arrays(question: BaseModel, modules: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Arrays of the shipped answer, or with ``modules`` of the one in the cache.

    Raises
    ------
    ModelError
        It is not there, or damaged.
    """
    kept = paths.derived() / "results" / file_name(question, code_of(modules)) if modules else None
    return _read(kept or SHIPPED / file_name(question), _asked(question))[0]


def sign(question: BaseModel, *, modules: tuple[str, ...]) -> None:
    """Say of a shipped answer that the code of now gives it: for who has proved that (`refresh.confirm`)."""
    path = SHIPPED / file_name(question)
    _write(path, _read(path, _asked(question))[0], _asked(question), code_of(modules))


def code_of(modules: tuple[str, ...]) -> dict[str, str]:
    """Hash of each module that an answer depends on, those left out that only write texts."""
    return {name: found for name, found in fingerprint.of_code(*modules).items() if name not in _TEXTS}


def changed_since(path: Path, question: BaseModel, code: dict[str, str]) -> tuple[str, ...]:
    """Modules that are not what they were when an answer was written, or that count for the first time or no more."""
    _, before = _read(path, _asked(question))
    return tuple(sorted(name for name in before.keys() | code.keys() if before.get(name) != code.get(name)))


def file_name(question: BaseModel, code: dict[str, str] | None = None) -> str:
    """Name of the file of an answer: that of the question and a hash of it, of the code too if that is given."""
    key = fingerprint.of_settings([_asked(question), code] if code else _asked(question))
    return f"{question.name}-{key[:12]}.npz"


def _asked(question):
    return question.model_dump(mode="json", exclude={"name"})


def _write(path, arrays, asked, code):
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    with scratch.open("wb") as file:
        np.savez_compressed(file, **arrays)
    with zipfile.ZipFile(scratch, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_QUESTION, json.dumps(asked, indent=1))
        archive.writestr(_CODE, json.dumps(code, indent=1))
    scratch.rename(path)


def _read(path, asked):
    try:
        with zipfile.ZipFile(path) as archive:
            question, code = (json.loads(archive.read(name)) for name in (_QUESTION, _CODE))
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files if name not in (_QUESTION, _CODE)}
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ModelError(path, f"cannot be read: {error}", "Remove it; it will be computed again") from error
    if question != asked:
        raise ModelError(path, "answers another question than its name says", "Remove it; it will be computed again")
    return arrays, code
