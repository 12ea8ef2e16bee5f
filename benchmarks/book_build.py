"""The book: building it again where nothing has changed, and building all of it, beside what jupyter-book would take.

    python benchmarks/book_build.py [--quick] [--rounds ROUNDS]

Ours is wall time, since rendering is work of another process, and pages run side by side. Nothing changed: the whole of
`make book` but for the start of the command. The peer is jupyter-book with its own execution, which runs every page,
one after the other, and then renders: run times of the pages as the last builds kept them, and the rendering of this
run. Pages that ran side by side took somewhat longer than alone, so that the peer is at most this slow. The floor is
the rendering alone. All of it: the time of the last build that ran every page; its floor is the rendering and the
longer of two, the longest page or an equal share for each core. The row is left out where no such build has left its
time: `make clean book` does.

A page that is out of date is run before the clock starts. With ``--quick`` a site of two small pages in a temporary
folder takes the place of the book.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import report

from tremorlab import paths
from tremorlab.page import build, execute

ROOT = Path(__file__).resolve().parents[1]
RENDER = "rendering alone"


def wall_s(function, *arguments, **options):
    """Seconds of a call."""
    began = time.perf_counter()
    function(*arguments, **options)
    return time.perf_counter() - began


def measure(root: Path, profile: Path | None, rounds: int) -> list[dict]:
    """Build the book and render it, in turns, and return the rows."""
    book = build.Book(root)
    build.build(root, profile=profile)
    pages = [execute.Record.read(book.record(page)).seconds for page in book.pages()]
    again, rendering = [], []
    for _ in range(rounds):
        again.append(wall_s(build.build, root, profile=profile))
        rendering.append(wall_s(build.render, book))
    ours, alone = statistics.median(again), statistics.median(rendering)
    peer = ("jupyter-book, which runs every page", sum(pages) + alone)
    rows = [report.row("book, nothing changed", "s", ours, peer=peer, floor=(RENDER, alone))]
    whole = build.whole_s(book)
    if whole is None:
        print("no build has run every page, so that there is no row for it: make clean book")
    else:
        peer = ("jupyter-book, page after page", sum(pages) + alone)
        least = max(max(pages), sum(pages) / build.cores()) + alone
        rows.append(report.row("book, every page", "s", whole, peer=peer, floor=("cores never idle", least)))
    return rows


def main() -> int:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a site of two small pages, once")
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    if given.quick:
        from tests.page.test_build import make_site

        with tempfile.TemporaryDirectory() as folder:
            os.environ["TREMORLAB_CACHE"] = f"{folder}/cache"
            os.environ.pop("TREMORLAB_DATA", None)
            rows = measure(make_site(Path(folder) / "site"), None, 1)
    else:
        # As make book does: with recordings where there are some.
        profile = ROOT / "notebooks" / "recorded.yml" if paths.recordings() else None
        rows = measure(ROOT, profile, given.rounds)
    report.write(rows)
    for row in rows:
        print(
            f"{row['what']}: {row['ours']:.1f} s, {row['peer']} {row['theirs']:.1f} s ({row['ratio']:.1f} x ours), "
            f"{row['floor']} {row['least']:.1f} s"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
