"""What a result was made from, as hashes: of arrays, and of the code that a module runs in this package.

Code is compared by what it does: comments, layout, docstrings and the texts of errors do not count.
"""

import ast
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np

from tremorlab import paths

_PACKAGE = "tremorlab"


def of_arrays(*arrays: np.ndarray) -> str:
    """SHA-256 over the types, shapes and values of arrays."""
    digest = hashlib.sha256()
    for array in map(np.ascontiguousarray, arrays):
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array)
    return digest.hexdigest()


def of_settings(settings: object) -> str:
    """SHA-256 over what JSON can say: numbers, texts, lists and mappings, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def of_code(*modules: str) -> dict[str, str]:
    """Hash of each of some modules and of all modules of this package that they import, directly or not.

    Parameters
    ----------
    modules
        Names such as ``"tremorlab.classify.training"``.

    Returns
    -------
    dict
        Module, without the name of the package, -> first 12 digits of the SHA-256; in alphabetical order.
    """
    found, left = {}, {name.removeprefix(f"{_PACKAGE}.") for name in modules}
    while left:
        name = left.pop()
        found[name], imported = _module(name)
        left |= imported - set(found)
    return dict(sorted(found.items()))


@cache
def _module(name: str) -> tuple[str, frozenset[str]]:
    """Hash of a module, and the modules of the package that it names."""
    tree = ast.parse(_path(name).read_text(encoding="utf-8"))
    imported = frozenset(other for other in _imported(tree) if other != name)
    bare = ast.dump(_Bare().visit(tree))
    return hashlib.sha256(bare.encode()).hexdigest()[:12], imported


def _path(name: str) -> Path:
    place = paths.PACKAGE / name.replace(".", "/")
    return place.with_suffix(".py") if place.with_suffix(".py").exists() else place / "__init__.py"


def _imported(tree: ast.AST) -> Iterable[str]:
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for dotted in names:
            package, _, rest = dotted.partition(".")
            if package == _PACKAGE and rest and _path(rest).exists():
                yield rest


class _Bare(ast.NodeTransformer):
    """Leave out what says something to people only."""

    def visit_Raise(self, node):
        return ast.Raise()

    def _without_docstring(self, node):
        self.generic_visit(node)
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        return node

    visit_Module = visit_ClassDef = visit_FunctionDef = visit_AsyncFunctionDef = _without_docstring
