"""Parts of prose that the build writes: status, times for a workshop, and only what a page asks for."""

import hashlib

from tremorlab import paths
from tremorlab.page import made
from tremorlab.page.execute import Record

RECORDS = {
    "01_short": Record("notebooks/01_short", 30.4, 512.2, {"seed": 3, "rates": []}),
    "02_long": Record("notebooks/02_long", 150.0, 1300.0),
}


def test_the_status_names_times_memory_parameters_and_versions():
    text = made.status(RECORDS)
    assert "| [01_short](../notebooks/01_short.ipynb) | 30 | 512 | `seed` 3, `rates` empty |" in text
    assert "| [02_long](../notebooks/02_long.ipynb) | 150 | 1300 | none |" in text
    assert "| all, one after the other | 180 |" in text
    import numpy

    assert f"| numpy | {numpy.__version__} |" in text


def test_the_status_hashes_names_and_contents_of_the_data():
    studies = paths.DATA / "studies"
    digest = hashlib.sha256()
    files = sorted(path for path in studies.rglob("*") if path.is_file())
    for path in files:
        digest.update(path.relative_to(studies).as_posix().encode() + b"\0" + path.read_bytes())
    assert f"| `data/studies` | {len(files)} | `{digest.hexdigest()[:16]}` |" in made.status(RECORDS)


def test_the_workshop_table_has_minutes_and_memory_beside_the_page():
    text = made.workshop(RECORDS)
    assert "| [02_long](../notebooks/02_long.ipynb) | 2.5 | 1.3 | 3.3 |" in text
    assert "The longest, 02_long, took 2.5 minutes." in text


def test_only_what_is_asked_for_is_made(tmp_path):
    page = tmp_path / "status.md"
    page.write_text("# Status\n\n```{include} made/status.md\n```\n")
    assert list(made.parts([page], RECORDS)) == ["status"]
    page.write_text("# Status\n")
    assert made.parts([page], {}) == {}
