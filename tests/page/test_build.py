"""From sources to book, on a site of two small pages in a folder of its own."""

import shutil
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

import nbformat
import pytest

from tests.require import ROOT
from tremorlab import paths
from tremorlab.errors import PageError, ParameterError
from tremorlab.page import build, execute

FIXTURES = Path(__file__).parent / "notebooks"

FIGURE = """
# %% tags=["remove-output"]
import matplotlib.pyplot as plt

from tremorlab.page import publish

fig, ax = plt.subplots()
ax.plot([0, settings.seed])
glue("line", fig, display=False)
publish.card("seed", f"## Draws\\n\\nSeed **{settings.seed}**.")

# %% [markdown]
# ```{glue:figure} line
# :name: fig-line
# :alt: A straight line from 0 to the seed
#
# A line drawn for {glue:text}`drawn`, with $\\alpha$ at {glue:text}`drawn:.1f`.
# ```
#
# {numref}`fig-line` is straight.
"""

INTRODUCTION = """# A site

What {cite:t}`nakano2019` saw at $f_0$ is in {numref}`fig-line`;
it was {glue:text}`../notebooks/01_line.ipynb::drawn:d`.

```{bibliography}
```
"""

CARD = """# Card of the seed

```{include} made/seed.md
```
"""

TOC = """format: jb-book
root: book/introduction
parts:
  - numbered: true
    chapters:
      - file: notebooks/01_line
      - file: notebooks/02_plain
      - file: book/cards/seed
"""


def make_site(root):
    """Write a site with two pages, prose, bibliography and the configuration of the real book."""
    for folder in ("book/assets", "book/cards", "notebooks", "src", "data"):
        (root / folder).mkdir(parents=True)
    for name in ("_config.yml", "book/references.bib", "book/assets/logo.svg", "book/assets/book.css"):
        shutil.copy(ROOT / name, root / name)
    (root / "_toc.yml").write_text(TOC)
    (root / "book/introduction.md").write_text(INTRODUCTION)
    (root / "book/cards/seed.md").write_text(CARD)
    (root / "book/unlisted.md").write_text("# Not in the table of contents")
    (root / "notebooks/01_line.py").write_text((FIXTURES / "good.py").read_text() + FIGURE)
    shutil.copy(FIXTURES / "plain.py", root / "notebooks/02_plain.py")
    (root / "src/module.py").write_text("answer = 42\n")
    (root / "data/events.csv").write_text("onset\n")
    (root / "requirements.lock").write_text("numpy==2.4.6\n")
    return root


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setenv("TREMORLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TREMORLAB_DATA", raising=False)
    return make_site(tmp_path / "site")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A site built once, with what was printed."""
    root = make_site(tmp_path_factory.mktemp("built") / "site")
    profile = root / "notebooks/fast.yml"
    profile.write_text("01_line: {seed: 3}\n")
    with pytest.MonkeyPatch.context() as patch:
        printed = []
        patch.setattr(build, "_say", printed.append)
        index = build.build(root, profile=profile, jobs=2, beat_s=0.5)
    return root, index, printed


@pytest.fixture
def dry(monkeypatch):
    """Builds without kernels and without jupyter-book: the cache is what is looked at."""

    class Pool(ProcessPoolExecutor):
        def __init__(self, *_, **__):
            self.ran = []

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def submit(self, function, page, parameters, out, log, **options):
            future = Future()
            if "raise" in page.read_text():
                future.set_exception(PageError(execute.name(page), "cell 5 [5]: ValueError: empty", f"See {log}"))
            else:
                out.parent.mkdir(parents=True, exist_ok=True)
                nbformat.write(nbformat.v4.new_notebook(), out)
                ran.append(page.stem)
                future.set_result(execute.Record(execute.name(page), 1.0, 80.0, dict(parameters)))
            return future

    ran = []
    monkeypatch.setattr(build, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(build, "render", lambda book: None)

    def again(root, **options):
        ran.clear()
        build.build(root, **options)
        return sorted(ran)

    return again


def test_the_time_of_a_build_that_ran_every_page_is_kept(site, dry):
    book = build.Book(site)
    assert build.whole_s(book) is None
    assert dry(site) == ["01_line", "02_plain"]
    kept = book.whole.read_text()
    assert build.whole_s(book) > 0
    assert dry(site) == []
    (site / "notebooks/02_plain.py").write_text((site / "notebooks/02_plain.py").read_text() + "\n# %%\n1 + 1\n")
    assert dry(site) == ["02_plain"]
    assert book.whole.read_text() == kept
    book.whole.write_text("half")
    assert build.whole_s(book) is None


def test_pages_run_in_parallel_and_say_so(built):
    root, index, printed = built
    assert index == root / "_build/html/index.html"
    assert index.exists()
    done = [line for line in printed if line.startswith("[")]
    assert [line[:11] for line in done] == ["[1/2] ok   ", "[2/2] ok   "]
    assert any(" notebooks/01_line  " in line and line.endswith(" MB") for line in done)
    assert any(line.startswith("      ...  notebooks/") for line in printed)
    assert printed[-1].startswith("book: _build/html/index.html  (2 run, 0 kept, ")


def test_a_figure_is_drawn_once_with_number_alt_text_and_computed_caption(built):
    text = (built[0] / "_build/html/notebooks/01_line.html").read_text(encoding="utf-8")
    article = text[text.index("<article") : text.index("</article")]
    assert article.count("<img") == 1
    assert 'alt="A straight line from 0 to the seed"' in article
    assert '<span class="caption-number">Fig. 1.1 </span>' in article
    assert '<span class="pasted-text">18</span>' in article
    assert '<span class="pasted-text">18.0</span>' in article
    assert '<span class="std std-numref">Fig. 1.1</span>' in article


def test_values_and_figures_of_a_page_reach_other_pages(built):
    text = (built[0] / "_build/html/book/introduction.html").read_text(encoding="utf-8")
    assert '<span class="pasted-text">18</span>' in text
    assert '<span class="std std-numref">Fig. 1.1</span>' in text


def test_a_card_that_a_page_published_is_part_of_the_book(built):
    card = (built[0] / "_build/html/book/cards/seed.html").read_text()
    assert "Seed <strong>3</strong>." in card


def test_injected_parameters_are_shown(built):
    text = (built[0] / "_build/html/notebooks/01_line.html").read_text(encoding="utf-8")
    assert "tag_injected-parameters" in text


def test_mathjax_is_part_of_the_book_and_no_script_comes_from_elsewhere(built):
    html = built[0] / "_build/html"
    assert (html / "_static/mathjax/tex-chtml.js").exists()
    for page in html.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert 'src="http' not in text
        assert '<link rel="stylesheet" type="text/css" href="http' not in text
        assert "unpkg" not in text


def test_prose_is_staged_and_nothing_else_stays(built):
    site = built[0] / "_build/site"
    files = sorted(path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file())
    assert files == [
        "book/assets/book.css",
        "book/assets/logo.svg",
        "book/cards/made/seed.md",
        "book/cards/seed.md",
        "book/introduction.md",
        "book/references.bib",
        "notebooks/01_line.ipynb",
        "notebooks/02_plain.ipynb",
    ]
    assert (site / "book/cards/made/seed.md").read_text() == "## Draws\n\nSeed **3**."
    (site / "notebooks/09_gone.ipynb").write_text("{}")
    build.stage(build.Book(built[0]))
    assert not (site / "notebooks/09_gone.ipynb").exists()


def test_a_record_is_kept_of_every_page(built):
    records = {path.stem: execute.Record.read(path) for path in (built[0] / "_build/pages").iterdir()}
    assert sorted(records) == ["01_line", "02_plain"]
    assert records["01_line"].parameters == {"seed": 3}
    assert records["01_line"].glued["drawn"] == "18"
    assert all(record.key and record.peak_memory_mb > 20 for record in records.values())


def test_a_page_runs_again_only_when_something_it_depends_on_changed(site, dry, monkeypatch):
    both = ["01_line", "02_plain"]
    assert dry(site) == both
    assert dry(site) == []

    def append(name, text):
        with (site / name).open("a") as file:
            file.write(text)

    append("notebooks/01_line.py", "\n# %%\n1 + 1\n")
    assert dry(site) == ["01_line"]
    for name in ("src/module.py", "data/events.csv", "requirements.lock"):
        append(name, "\n")
        assert dry(site) == both, name
    (site / "src/more.py").touch()
    assert dry(site) == both
    (site / "src/more.py").rename(site / "src/other.py")
    assert dry(site) == both
    (site / "fast.yml").write_text("01_line: {seed: 3}")
    assert dry(site, profile=site / "fast.yml") == ["01_line"]
    assert dry(site, profile=site / "fast.yml") == []

    records = site.parent / "records"
    records.mkdir()
    monkeypatch.setenv("TREMORLAB_DATA", str(records))
    assert dry(site) == ["01_line"]  # back to the defaults; an empty folder holds nothing new
    (records / "a.mseed").write_bytes(b"12")
    assert dry(site) == both
    (records / "a.mseed").write_bytes(b"123")
    assert dry(site) == both
    (paths.cache() / "micro").mkdir(parents=True)
    (paths.cache() / "micro/day.mseed").write_bytes(b"1")
    assert dry(site) == both


def test_prose_formatting_and_leftovers_do_not_run_a_page_again(site, dry):
    dry(site)
    (site / "book/introduction.md").write_text("# Another")
    (site / "src/__pycache__").mkdir()
    (site / "src/__pycache__/module.pyc").write_bytes(b"1")
    (site / "notebooks/01_line.py").touch()
    paths.derived().mkdir(parents=True)
    (paths.derived() / "twin.mseed").write_bytes(b"1")
    assert dry(site) == []


def test_a_lost_result_or_record_is_made_again(site, dry):
    dry(site)
    (site / "_build/site/notebooks/01_line.ipynb").unlink()
    assert dry(site) == ["01_line"]
    (site / "_build/pages/02_plain.json").write_text("{")
    assert dry(site) == ["02_plain"]


def test_a_failed_page_never_counts(site, dry, capsys):
    page = site / "notebooks/01_line.py"
    whole = page.read_text()
    page.write_text(whole + "\n# %%\nraise ValueError('empty')\n")
    for _ in range(2):
        with pytest.raises(PageError, match=r"notebooks/01_line: cell 5 \[5\]: ValueError: empty\. See .*01_line\.log"):
            dry(site)
        assert "FAIL notebooks/01_line" in capsys.readouterr().out
    page.write_text(whole)
    assert dry(site) == ["01_line"]  # the other page was kept


def test_all_failures_are_told(site, dry):
    for page in (site / "notebooks").iterdir():
        page.write_text(page.read_text() + "\n# %%\nraise ValueError('empty')\n")
    message = r"^book: 2 pages failed: notebooks/0._\w+: cell 5 .*; notebooks/0._\w+: cell 5 .*\. See _build/logs$"
    with pytest.raises(PageError, match=message):
        dry(site)


def test_a_failing_cell_ends_the_build_and_leaves_the_last_book(site):
    (site / "_build/html").mkdir(parents=True)
    (site / "_build/html/index.html").write_text("the last book")
    shutil.copy(FIXTURES / "failing.py", site / "notebooks/01_line.py")
    with pytest.raises(
        PageError, match=r"notebooks/01_line: cell 5 \[4\]: ValueError: tremor catalogue is empty\. See"
    ):
        build.build(site, jobs=1)
    assert (site / "_build/html/index.html").read_text() == "the last book"
    assert (site / "_build/logs/01_line.log").exists()


def test_a_killed_worker_is_reported():
    future = Future()
    future.set_exception(build.BrokenProcessPool())
    with pytest.raises(PageError, match=r"notebooks/good: its process was killed\. Most often memory ran out"):
        build._result(future, FIXTURES / "good.py")


def test_a_warning_ends_the_rendering_and_leaves_the_last_book(site):
    book = build.Book(site)
    (site / "_toc.yml").write_text("format: jb-book\nroot: book/introduction\n")
    (site / "book/introduction.md").write_text("# A site\n\n[nowhere](#nowhere)\n")
    book.html.mkdir(parents=True)
    (book.html / "index.html").write_text("the last book")
    build.stage(book)
    with pytest.raises(
        PageError,
        match=r"book: cannot be rendered: book/introduction.md:3: WARNING: .*nowhere.* See _build/logs/book\.log",
    ):
        build.render(book)
    assert (book.html / "index.html").read_text() == "the last book"


def test_a_renderer_that_says_nothing_is_reported(site, monkeypatch):
    monkeypatch.setattr(build.sys, "executable", shutil.which("false"))
    with pytest.raises(PageError, match="book: cannot be rendered: jupyter-book ended with 1"):
        build.render(build.Book(site))


@pytest.mark.parametrize(
    ("toc", "message"),
    [
        (None, "_toc.yml: cannot be read: .*No such file"),
        ("", "_toc.yml: cannot be read"),
        ("format: [", "_toc.yml: cannot be read"),
        ("format: jb-book\nroot: book/none\n", "_toc.yml: names 'book/none', but there is no such page"),
    ],
)
def test_a_bad_table_of_contents_is_refused(site, toc, message):
    (site / "_toc.yml").unlink()
    if toc is not None:
        (site / "_toc.yml").write_text(toc)
    with pytest.raises(PageError, match=message):
        build.build(site)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"fast\.yml: cannot be read: .*No such file"),
        ("01_line: [", r"fast\.yml: cannot be read"),
        ("- 01_line", r"fast\.yml: is not a table of page -> parameters"),
        ("01_line: 3", r"fast\.yml: is not a table of page -> parameters"),
        ("03_lines: {seed: 3}", r"fast\.yml: names the page '03_lines'\. The pages are 01_line, 02_plain"),
        ("01_line: {sed: 3}", r"parameter 'sed': is not known to this page"),
        ("01_line: {seed: -3}", r"parameter 'seed': -3 is not between"),
    ],
)
def test_a_bad_profile_is_refused_before_anything_runs(site, text, message):
    if text is not None:
        (site / "fast.yml").write_text(text)
    with pytest.raises(ParameterError, match=message):
        build.build(site, profile=site / "fast.yml")
    assert not (site / "_build").exists()


def test_an_empty_profile_changes_nothing(tmp_path):
    (tmp_path / "fast.yml").touch()
    assert build.read_profile(tmp_path / "fast.yml", [FIXTURES / "good.py"]) == {"good": {}}


def test_keys_differ_by_page_parameters_and_inputs():
    page = FIXTURES / "good.py"
    keys = {
        build.key(page, {}, "a"),
        build.key(page, {"seed": 1}, "a"),
        build.key(page, {}, "b"),
        build.key(FIXTURES / "plain.py", {}, "a"),
    }
    assert len(keys) == 4
    assert build.key(page, {"a": 1, "b": 2}, "") == build.key(page, {"b": 2, "a": 1}, "")


def test_a_machine_that_cannot_tell_its_cores_counts_them(monkeypatch):
    assert build.cores() >= 1
    monkeypatch.delattr(build.os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(build.os, "cpu_count", lambda: None)
    assert build.cores() == 1
