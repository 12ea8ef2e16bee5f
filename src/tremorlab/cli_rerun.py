"""Verbs for a reader's own data: draft and check a study, run a page over a grid of parameters."""

import re
from pathlib import Path
from typing import Annotated

import typer

from tremorlab.errors import PageError, ParameterError, StudyError

study = typer.Typer(help="Make a study of your own data, and see what would be used of it.", no_args_is_help=True)


@study.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the study; makes NAME.toml.")],
    catalogue: Annotated[Path, typer.Option("--catalogue", "-c", help="Event table: CSV in any columns, or QuakeML.")],
    records: Annotated[
        Path | None, typer.Option("--records", "-r", help="Folder of waveforms: miniSEED, SAC, ..., SDS, SeisBench.")
    ] = None,
    fdsn: Annotated[str, typer.Option(help="Or an FDSN service that has them, like EARTHSCOPE.")] = "",
    channel: Annotated[
        list[str] | None, typer.Option("--channel", help="NET.STA.LOC.CHA that are wanted, with ? and *; repeatable.")
    ] = None,
    onset: Annotated[str, typer.Option(help="Column of onset or origin times; DATE+TIME for two columns.")] = "",
    event_class: Annotated[str, typer.Option("--class", help="Column of classes, or the class of all events.")] = "",
    classes: Annotated[str, typer.Option(help="Meaning of the codes: 'EXP=eruption, A=vt'.")] = "",
    timezone: Annotated[str, typer.Option(help="Zone of times that name none: UTC, JST, America/Lima.")] = "",
    separator: Annotated[str, typer.Option(help="Between the columns; told from the header by default.")] = "",
    reader: Annotated[str, typer.Option(help="Format of the table: csv, quakeml, jma_bulletin, ...")] = "",
    component: Annotated[str, typer.Option(help="Component letters, like Z or ZNE; default Z.")] = "",
    window: Annotated[float, typer.Option(help="Seconds of a window: 163.84, 81.92 or 40.96; default: chosen.")] = 0.0,
    noise: Annotated[bool, typer.Option(help="Take stretches without events as noise, if the table has none.")] = True,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to make.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Draft a study file with every choice explained, and check it."""
    from tremorlab.intake.draft import Request, draft

    options = {"onset": onset, "event_class": event_class, "classes": classes, "timezone": timezone}
    asked = Request(
        name,
        catalogue,
        records,
        fdsn,
        channel or (),
        options | {"separator": separator},
        reader,
        component,
        window,
        noise,
    )
    made = draft(asked, out, overwrite=force)
    shown = made.relative_to(Path.cwd()) if made.is_relative_to(Path.cwd()) else made
    typer.echo(f"wrote {shown}\n")
    _checked(made, shown)


@study.command()
def check(study: Annotated[str, typer.Argument(help="name of a study, or path of a .toml file")]) -> None:
    """Say what would be read: channels, rates, gaps, events without record, windows and events of each class."""
    _checked(study_of(study), study)


def study_of(name: str) -> str | Path:
    """NAME.toml of this folder, as `study new` makes it, unless a study of that name comes with the package."""
    from tremorlab.study import available

    beside = Path(f"{name}.toml")
    return beside if name not in available() and beside.exists() else name


def _checked(path, shown):
    from tremorlab.intake.check import check
    from tremorlab.study import load

    found = check(load(path))
    typer.echo(found.report())
    if found.problems:
        raise StudyError(f"study {shown}", "cannot be used yet", "Mend what is marked PROBLEM above, and check again")
    typer.echo(f"\nready: tremorlab run --study {shown}")


def ranges(given: list[str]) -> dict[str, list[object]]:
    """Parameters of a sweep: ``name=1..5``, ``name=a,b,c``, or one value, a list in brackets among them."""
    from tremorlab.cli import _value

    found: dict[str, list[object]] = {}
    for text in given:
        name, separator, values = text.partition("=")
        whole = re.fullmatch(r"(-?\d+)\.\.(-?\d+)", values)
        if name in found:
            raise ParameterError(f"parameter {name!r}", "is given twice", "Write all its values after one -p")
        if whole:
            first, last = map(int, whole.groups())
            if first > last:
                raise ParameterError(f"parameter {name!r}", f"{values} runs backwards", f"Write {last}..{first}")
            found[name] = list(range(first, last + 1))
        elif values.startswith(("[", "{")):
            found[name] = [_value(name, separator, values)[1]]
        else:
            parts = values.split(",")
            if separator and "" in parts and len(parts) > 1:
                raise ParameterError(f"parameter {name!r}", f"{values!r} has an empty value", "Write -p NAME 1,2,3")
            found[name] = [_value(name, separator, part)[1] for part in parts]
    return found


def sweep(
    page: Annotated[str, typer.Argument(help="01, 01_topic, or the path of a page")],
    parameter: Annotated[
        list[str],
        typer.Option("--parameter", "-p", metavar="NAME VALUES", help="Values, like 1,2,5 or 1..5; may be repeated."),
    ],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder of results; a sweep goes on in it.")] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Pages at a time; default: all cores.")
    ] = None,
    scheduler: Annotated[str, typer.Option(help="Address of a Dask scheduler, tcp://host:8786.")] = "",
) -> None:
    """Run a page for every combination of values; what is finished is not done again, what failed is listed."""
    from tremorlab.cli import _page
    from tremorlab.page.sweep import sweep as over

    source = _page(page)
    out = out or Path("_build/sweeps") / source.stem
    found = over(source, ranges(parameter), out, scheduler=scheduler, workers=jobs, progress=True)
    typer.echo(f"{found.done} runs made, {found.kept} kept, {len(found.failures)} failed")
    typer.echo(f"table: {out / 'results.csv'}\nsummary: {out / 'index.html'}")
    if len(found.failures):
        row = found.failures.iloc[0]
        where = ", ".join(f"{name} = {row[name]}" for name in found.swept)
        raise PageError(f"sweep, {where}", row["reason"], f"See {out / 'failures.csv'}; the same command tries again")
