"""Verbs for a reader's own data: draft and check a study, run a page over a grid of parameters."""

from pathlib import Path
from typing import Annotated

import typer

from tremorlab.errors import StudyError

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
        name, catalogue, records, fdsn, channel or (), options | {"separator": separator}, reader, component, window, noise
    )
    made = draft(asked, out, overwrite=force)
    shown = made.relative_to(Path.cwd()) if made.is_relative_to(Path.cwd()) else made
    typer.echo(f"wrote {shown}\n")
    _checked(made, shown)


@study.command()
def check(study: Annotated[str, typer.Argument(help="name of a study, or path of a .toml file")]) -> None:
    """Say what would be read: channels, rates, gaps, events without record, windows and events of each class."""
    _checked(study, study)


def _checked(path, shown):
    from tremorlab.intake.check import check
    from tremorlab.study import load

    found = check(load(path))
    typer.echo(found.report())
    if found.problems:
        raise StudyError(f"study {shown}", "cannot be used yet", "Mend what is marked PROBLEM above, and check again")
    typer.echo(f"\nready: tremorlab run --study {shown}")
