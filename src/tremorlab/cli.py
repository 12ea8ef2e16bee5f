"""The command line: few verbs over the same functions that the pages call.

Everything heavy is imported inside a verb, so that ``tremorlab --help`` answers at once.
"""

from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperCommand, TyperGroup

from tremorlab import cli_rerun
from tremorlab.errors import PageError, ParameterError, TremorlabError


class _Group(TyperGroup):
    """Turns what goes wrong into one line and an exit code: 1 for a page that failed, 2 for bad input."""

    def invoke(self, ctx):
        try:
            try:
                return super().invoke(ctx)
            except ModuleNotFoundError as error:  # the wheel alone does not bring what runs pages
                raise TremorlabError(error.name, "is not installed", "Run pip install 'tremorlab[book]'") from error
        except TremorlabError as error:
            typer.echo(f"tremorlab: {error}", err=True)
            raise typer.Exit(1 if isinstance(error, PageError) else 2) from error
        except OSError as error:
            # A disk that is full, a folder that may not be written to: what was finished before is whole.
            where = f"{error.filename}: " if error.filename else ""
            problem = f"{where}{error.strerror or error}. Make room, or name a folder that you may write to"
            typer.echo(f"tremorlab: {problem}", err=True)
            raise typer.Exit(1) from error


class _Run(TyperCommand):
    """Lets ``-p NAME VALUE`` be given as papermill users know it; a repeated option takes one value only."""

    def parse_args(self, ctx, args):
        joined, rest = [], list(args)
        while rest:
            word = rest.pop(0)
            if word in ("-p", "--parameter") and len(rest) > 1:
                word = f"--parameter={rest.pop(0)}={rest.pop(0)}"
            joined.append(word)
        return super().parse_args(ctx, joined)


app = typer.Typer(
    cls=_Group, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)
app.add_typer(cli_rerun.study, name="study")


def _version(wanted: bool) -> None:
    if wanted:
        from tremorlab import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Tell tectonic tremor and volcanic eruption signals from earthquakes and noise."""


@app.command()
def studies() -> None:
    """List the studies, and whether their records are on this machine."""
    from tremorlab import study
    from tremorlab.errors import DataMissingError
    from tremorlab.waveform.sources import open_source

    for name in study.available():
        described = study.load(name)
        try:
            open_source(described)
            state = "here"
        except DataMissingError:
            state = "to fetch"
        typer.echo(f"{name:<18} {state:<9} {described.title}")


@app.command()
def fetch(study: Annotated[str, typer.Argument(help="name of a study, or path of a .toml file")]) -> None:
    """Fetch the records of a study into the cache; go on where an earlier try ended."""
    from tremorlab.catalog.sources import of_study
    from tremorlab.dataset.windows import plan
    from tremorlab.study import load
    from tremorlab.waveform.fetch import fetch as get

    described = load(cli_rerun.study_of(study))
    typer.echo(str(get(described, plan(of_study(described), described) if described.fetch.service else None)))


@app.command()
def twin(
    setting: Annotated[str, typer.Argument(help="nankai, sakurajima or colombia")],
    days: Annotated[int, typer.Option(help="Length, whole days.")] = 1,
    stations: Annotated[int | None, typer.Option(help="Number of stations; default: the whole network.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything drawn at random.")] = None,
    difficulty: Annotated[str, typer.Option(help="low, report-like or hard")] = "report-like",
    rate: Annotated[float, typer.Option(help="Samples per second: 25, 50, 100 or 200.")] = 100.0,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder to make; default: twin_SETTING.")] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes; default: all cores.")] = None,
) -> None:
    """Simulate a network with known truth, in the format of recorded data, and print its study file."""
    import os

    from tremorlab.twin.archive import simulate
    from tremorlab.twin.scenario import configure

    values = {"setting": setting, "days": days, "stations": stations, "difficulty": difficulty, "rate_hz": rate}
    scenario = configure(**values | ({} if seed is None else {"seed": seed}))
    study = simulate(scenario, out or Path(f"twin_{setting}"), workers=jobs or os.cpu_count() or 1, progress=True)
    typer.echo(str(study))


@app.command()
def export(
    model: Annotated[Path, typer.Argument(help="folder of a published network")],
    step: Annotated[int, typer.Option(min=1, help="Samples between windows.")] = 256,
) -> None:
    """Write a published network as ONNX for the detector, and prove that it gives the same."""
    from tremorlab.detect.export import export as write

    typer.echo(str(write(model, step)))


@app.command()
def detect(
    archive: Annotated[Path, typer.Argument(help="top folder of an SDS archive")],
    model: Annotated[Path, typer.Argument(help="folder of an exported network, or its detector.onnx")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of results; an interrupted run goes on in it.")],
    station: Annotated[
        list[str] | None, typer.Option("--station", "-s", help="NET.STA, with ? and *; may be repeated.")
    ] = None,
    channel: Annotated[
        str, typer.Option(help="Channel codes, like HH?, where a station has several instruments.")
    ] = "*",
    first: Annotated[str, typer.Option(help="First UTC day, like 2011-02-15.")] = "",
    last: Annotated[str, typer.Option(help="Last UTC day.")] = "",
    step: Annotated[float, typer.Option(help="Seconds between windows.")] = 10.24,
    on: Annotated[float, typer.Option(help="Probability from which an event begins.")] = 0.7,
    off: Annotated[float, typer.Option(help="Probability below which it ends.")] = 0.5,
    minimum: Annotated[float, typer.Option(help="Shortest run of windows, seconds.")] = 0.0,
    votes: Annotated[int, typer.Option(help="Fewest stations that must see an event.")] = 1,
    inventory: Annotated[Path | None, typer.Option(help="StationXML, for travel times and displacement.")] = None,
    origin: Annotated[
        tuple[float, float] | None, typer.Option(help="Latitude and longitude of the source, degrees.")
    ] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes; default: all cores.")] = None,
    scheduler: Annotated[str, typer.Option(help="Address of a Dask scheduler, tcp://host:8786.")] = "",
) -> None:
    """Find events in an archive of station-days; what is finished is not done again."""
    from tremorlab.detect.archive import detect as over

    rule = _rule("detect", on, off, minimum, votes)
    done = over(
        archive, model, out, stations=station or ["*"], channels=channel, first=first, last=last, step_s=step,
        rule=rule, inventory=inventory, origin=origin, scheduler=scheduler, workers=jobs, progress=True,
    )  # fmt: skip
    typer.echo(f"{done.done} station-days evaluated, {done.kept} kept, {len(done.failures)} failed")
    for name, day, reason in done.failures:
        typer.echo(f"{name} {day}: {reason}", err=True)
    typer.echo(f"{len(done.events)} events in {out / 'events.csv'}")


@app.command()
def watch(
    model: Annotated[Path, typer.Argument(help="folder of an exported network, or its detector.onnx")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of results; a watch that ended goes on in it.")],
    station: Annotated[
        list[str], typer.Option("--station", "-s", help="NET.STA.LOC.CHA with ? and * in CHA; may be repeated.")
    ],
    seedlink: Annotated[str, typer.Option(help="SeedLink server, host or host:port.")] = "",
    replay: Annotated[
        str, typer.Option(help="Play back instead: top folder of an SDS archive, a waveform file, or a study.")
    ] = "",
    start: Annotated[str, typer.Option(help="UTC, of the first window; needed for a replay.")] = "",
    end: Annotated[str, typer.Option(help="UTC, end of the watch; needed for a replay.")] = "",
    speed: Annotated[float, typer.Option(help="Of a replay, times real time; 0: as fast as possible.")] = 1.0,
    host: Annotated[str, typer.Option(help="Address that the page is served on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the page and of /metrics; 0: any that is free.")] = 8642,
    database: Annotated[
        str, typer.Option(help="URL like postgresql+psycopg://user@host/name; default: SQLite in the folder.")
    ] = "",
    step: Annotated[float, typer.Option(help="Seconds between windows.")] = 10.24,
    on: Annotated[float, typer.Option(help="Probability from which an event begins.")] = 0.7,
    off: Annotated[float, typer.Option(help="Probability below which it ends.")] = 0.5,
    minimum: Annotated[float, typer.Option(help="Shortest run of windows, seconds.")] = 0.0,
    votes: Annotated[int, typer.Option(help="Fewest stations that must see an event.")] = 1,
    inventory: Annotated[Path | None, typer.Option(help="StationXML, for travel times and displacement.")] = None,
    origin: Annotated[
        tuple[float, float] | None, typer.Option(help="Latitude and longitude of the source, degrees.")
    ] = None,
    patience: Annotated[float, typer.Option(help="Seconds of record that late packets are waited for.")] = 120.0,
    stall: Annotated[float, typer.Option(help="Seconds of silence after which SeedLink is connected anew.")] = 60.0,
    keep: Annotated[float, typer.Option(help="Days that windows are kept; events are kept for ever.")] = 30.0,
) -> None:
    """Find events as they happen; a research and teaching tool, not an alarm system.

    Class probabilities, events (SQLite, QuakeML) and the health of stations are in the folder, on a web page of this
    machine, and at /metrics for Prometheus. Killed at any moment and started again, the watch neither loses nor repeats
    an event. An event is written once no later window can change it, some minutes after its end.
    """
    import signal

    from tremorlab.live.command import choose
    from tremorlab.live.watch import Watch
    from tremorlab.live.web import serving

    feed, times = choose(model, seedlink, replay, start, end, speed, stall)
    watched = Watch(
        feed, model, out, station, **times, step_s=step, rule=_rule("watch", on, off, minimum, votes),
        database=database, inventory=inventory, origin=origin, patience_s=patience, keep_days=keep,
    )  # fmt: skip
    ends = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: watched.stopped.set()) for number in ends]
    try:
        with serving(watched, host, port) as address:
            done = watched.run(lambda _: typer.echo(f"{feed.name}, page at {address}"))
    finally:
        for number, handler in zip(ends, before, strict=True):
            signal.signal(number, handler)
    typer.echo(f"{done.windows} windows, {sum(done.events.values())} events in {watched.out}")


@app.command(cls=_Run)
def run(
    page: Annotated[str, typer.Argument(help="01, 01_topic, or the path of a page; 09 where a study is given")] = "",
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", metavar="NAME VALUE", help="Value in place of a default; may be repeated."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Executed notebook.")] = None,
    study: Annotated[str, typer.Option(help="Study file of your own, or name of a study; writes a report.")] = "",
    html: Annotated[Path | None, typer.Option(help="Report to write, one HTML file; default with a study.")] = None,
) -> None:
    """Run one page with parameters of your own, checked before anything starts; or page 09 on a study of yours."""
    from tremorlab.page.execute import run_page

    if not (page or study):
        raise ParameterError("page", "none is given", "Write tremorlab run 01, or tremorlab run --study mine.toml")
    source, parameter = _page(page or "09"), list(parameter or [])
    stem = Path(study).stem if study else source.stem
    if study:
        parameter.append(f"study={study}")
        html = html or Path(f"{stem}_report.html")
    out = out or Path("_build/runs") / f"{stem}.ipynb"
    if out.resolve() in (source.resolve(), source.with_suffix(".ipynb").resolve()):
        raise ParameterError(out, "is the page itself", "Name another file with -o")
    record = run_page(source, _values(parameter), out, out.with_suffix(".log"), cwd=Path.cwd(), progress=True)
    typer.echo(f"{record.page}: {out}  {record.seconds:.0f} s  {record.peak_memory_mb:.0f} MB")
    if html:
        from tremorlab.page.report import write

        typer.echo(f"report: {write(out, html)}")


app.command(cls=_Run)(cli_rerun.sweep)


@app.command()
def parameters(page: Annotated[str, typer.Argument(help="01, 01_topic, or the path of a page")]) -> None:
    """List the parameters of a page: name, type, default, meaning."""
    from tremorlab.page.execute import declared

    for name, kind, default, meaning in declared(_page(page)):
        typer.echo(f"{name}: {kind} = {default}  {meaning}".rstrip())


@app.command()
def book(
    profile: Annotated[Path | None, typer.Option(help="YAML file with parameters per page.")] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Pages at a time; default: all cores.")
    ] = None,
) -> None:
    """Run the pages that changed and render the book into _build/html."""
    from tremorlab.page.build import build

    build(_repository(), jobs=jobs, profile=profile)


@app.command()
def sindy(
    record: Annotated[str, typer.Argument(help="waveform file, or name of a study")],
    start: Annotated[str, typer.Option(help="UTC, like 2005-08-02T07:06:36Z")],
    end: Annotated[str, typer.Option(help="UTC")],
    low: Annotated[float, typer.Option(help="The fundamental is above this, Hz.")] = 0.5,
    high: Annotated[float, typer.Option(help="The fundamental is below this, Hz.")] = 2.0,
    rate: Annotated[float, typer.Option(help="Samples a second; some 20 in a period are good.")] = 25.0,
    channel: Annotated[str | None, typer.Option(help="NET.STA.LOC.CHA, where there are several.")] = None,
    surrogates: Annotated[int, typer.Option(min=1, help="Surrogate records; 19 allow a p value of 0.05.")] = 19,
    seed: Annotated[int, typer.Option(min=0, help="Of the surrogates.")] = 0,
) -> None:
    """Look for equations of motion in a record of tremor: forecasts, rivals, surrogates, verdict."""
    from tremorlab.dynamics.examine import examine
    from tremorlab.dynamics.recording import load

    found = load(record, start, end, rate, highpass_hz=low / 2, seed_id=channel)
    typer.echo(examine(found.values[:, 0], rate, low, high, surrogates, seed=seed).report())


def _rule(verb, on, off, minimum, votes):
    from pydantic import ValidationError

    from tremorlab.detect.events import Rule

    try:
        return Rule(on=on, off=off, minimum_s=minimum, stations=votes)
    except ValidationError as error:
        raise ParameterError("rule", error.errors()[0]["msg"], f"See tremorlab {verb} --help") from error


def _repository() -> Path:
    from tremorlab import paths

    if paths.REPOSITORY is None:
        raise ParameterError(
            "pages", "are not part of the installed package", "Clone the repository and run `make book`, or give a path"
        )
    return paths.REPOSITORY


def _page(name: str) -> Path:
    """Find a page by path, by name (01_catalogs) or by number (01 or 1)."""
    if name.endswith((".py", ".ipynb")):
        if not Path(name).is_file():
            raise ParameterError(name, "there is no such file", "Give 01, 01_topic, or the path of a page")
        return Path(name)
    pages = sorted((_repository() / "notebooks").glob("[0-9][0-9]_*.py"))
    for page in pages:
        if name in (page.stem, page.stem[:2], page.stem[:2].lstrip("0")):
            return page
    known = ", ".join(page.stem for page in pages)
    raise ParameterError(f"page {name!r}", "there is no such page", f"Pages: {known}; or give the path of a notebook")


def _values(given: list[str]) -> dict[str, object]:
    return dict(_value(*text.partition("=")) for text in given)


def _value(name: str, separator: str, text: str) -> tuple[str, object]:
    """Read a value as papermill does (numbers, True, False, None, else text), and lists and tables as YAML."""
    import yaml

    if not separator:
        raise ParameterError(f"parameter {name!r}", "has no value", "Write -p NAME VALUE")
    for number in (int, float):
        try:
            return name, number(text)
        except ValueError:
            continue
    words = {"true": True, "false": False, "none": None, "null": None}
    if text.lower() in words:
        return name, words[text.lower()]
    if not text.startswith(("[", "{")):
        return name, text
    try:
        return name, yaml.safe_load(text)
    except yaml.YAMLError:
        raise ParameterError(f"parameter {name!r}", f"{text!r} is not a YAML list", "Write [1, 2, 3]") from None
