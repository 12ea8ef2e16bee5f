"""The strict gate of a page: no unknown name, no wrong type, no value out of range gets past the first cell.

papermill only warns about a parameter that a page does not know, and never looks at types. A page therefore
starts with two cells: the tagged ``parameters`` cell of annotated assignments, and the gate::

    from tremorlab.page.parameters import between, choice, gate, study_name

    settings = gate(globals(), study=study_name, seed=between(0, 2**32 - 1), period=choice("day", "month"))
    settings
"""

import difflib
import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import ConfigDict, TypeAdapter, ValidationError

from tremorlab.errors import ParameterError, StudyError

#: What papermill can write into a notebook; anything else in a namespace was put there by code.
_DATA = (str, int, float, bool, list, tuple, dict, set, type(None))

#: Mark left in a namespace whose names were checked: what a page defines after its gate is its own affair.
_PASSED = "_tremorlab_gate_passed"

_STRICT = ConfigDict(strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Limit:
    """What a value may be, beyond its type.

    Parameters
    ----------
    allowed
        The limit in words, for the table of settings and for error messages.
    problem
        Returns what is wrong with a value, or an empty string.
    """

    allowed: str
    problem: Callable[[object], str]


def between(low: float, high: float) -> Limit:
    """Numbers from ``low`` to ``high``, both included."""
    return Limit(
        f"{low} to {high}",
        lambda value: "" if low <= value <= high else f"{value!r} is not between {low} and {high}",
    )


def choice(*values: object) -> Limit:
    """One of ``values``."""
    allowed = ", ".join(map(str, values))
    return Limit(f"one of {allowed}", lambda value: "" if value in values else f"{value!r} is not one of {allowed}")


def matching(pattern: str) -> Limit:
    """Texts that match the regular expression ``pattern`` as a whole."""
    return Limit(
        f"text like {pattern}",
        lambda value: "" if re.fullmatch(pattern, value) else f"{value!r} is not like {pattern}",
    )


def or_empty(limit: Limit) -> Limit:
    """An empty text, which the page explains, or what ``limit`` allows."""
    return Limit(f"empty, or {limit.allowed}", lambda value: "" if value == "" else limit.problem(value))


def _study_problem(value: object) -> str:
    from tremorlab import study

    try:
        study.load(value)
    except StudyError as error:
        return f"{error.where}: {error.problem}. {error.remedy}"
    return ""


#: Names of shipped studies, or the path of a reader's own study file.
study_name = Limit("name of a study, or path of a .toml file", _study_problem)


class Settings:
    """The validated parameters of a page: read them as attributes, or all of them with ``vars(settings)``."""

    __slots__ = ("__dict__", "_allowed")

    def __init__(self, values: Mapping[str, object], allowed: Mapping[str, str]):
        object.__setattr__(self, "_allowed", dict(allowed))
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"settings are fixed; change {name!r} in the parameters cell and run the page again")

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(_show(value))}</td>'
            f"<td>{html.escape(self._allowed[name])}</td></tr>"
            for name, value in vars(self).items()
        )
        return (
            "<table><caption>Settings of this page</caption><thead><tr>"
            '<th scope="col">parameter</th><th scope="col">value</th><th scope="col">allowed</th>'
            f"</tr></thead><tbody>{rows}</tbody></table>"
        )


def gate(namespace: dict, **limits: Limit) -> Settings:
    """Check the parameters of a page and return them.

    Parameters
    ----------
    namespace
        ``globals()`` of the page. Its annotated names are the parameters, with the annotation as their type.
    limits
        Limit per parameter; in a list every element is checked.

    Returns
    -------
    Settings
        The values, converted to their types (an int given for a float becomes a float).

    Raises
    ------
    ParameterError
        A name is not declared, has no value, or its value has the wrong type or breaks its limit.
    """
    types = namespace.get("__annotations__", {})
    for name in limits:
        known(name, types)
    if _PASSED not in namespace:
        for name in _given(namespace):
            known(name, types)
    values = {name: _checked(name, annotation, namespace, limits.get(name)) for name, annotation in types.items()}
    namespace[_PASSED] = True
    return Settings(values, {name: _allowed(types[name], limits.get(name)) for name in types})


def known(name: str, declared: Mapping[str, object]) -> None:
    """Raise a `ParameterError` that names the nearest declared parameter unless ``name`` is declared."""
    if name in declared:
        return
    near = difflib.get_close_matches(name, declared, n=1)
    raise ParameterError(
        f"parameter {name!r}",
        f"is not known to this page; it declares {', '.join(declared) or 'none'}",
        f"Did you mean {near[0]!r}?" if near else "Take it out, or declare it with its type in the parameters cell",
    )


def _given(namespace: Mapping[str, object]) -> list[str]:
    """Names that hold plain data and so may have been injected; IPython keeps its history in two of its own."""
    history = [namespace[own] for own in ("_ih", "_oh") if own in namespace]
    return [
        name
        for name, value in namespace.items()
        if not name.startswith("_") and isinstance(value, _DATA) and not any(value is own for own in history)
    ]


def _checked(name: str, annotation: object, namespace: Mapping[str, object], limit: Limit | None) -> object:
    where, allowed = f"parameter {name!r}", _allowed(annotation, limit)
    if name not in namespace:
        raise ParameterError(where, "has no value", f"Give {allowed}")
    value = namespace[name]
    try:
        value = TypeAdapter(annotation, config=_STRICT).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f", element {index}" for index in first["loc"])
        raise ParameterError(
            where, f"{value!r} is not {_type_name(annotation)}{place} ({first['msg']})", f"Give {allowed}"
        ) from None
    for element in value if isinstance(value, list) else [value]:
        if limit and (problem := limit.problem(element)):
            raise ParameterError(where, problem, f"Give {allowed}")
    return value


def _allowed(annotation: object, limit: Limit | None) -> str:
    return f"{_type_name(annotation)}, {limit.allowed}" if limit else _type_name(annotation)


def _type_name(annotation: object) -> str:
    return annotation.__name__ if type(annotation) is type else str(annotation)


def _show(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
