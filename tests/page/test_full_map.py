"""The full recovery map as the book shows it."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from tests.require import ROOT
from tremorlab.errors import PageError
from tremorlab.page import full_map, made

MOTIONS = "13 MPa, a cycle", "19 MPa, chaos"


def fits(**more):
    """Fits of two methods at two rates and levels; joint estimation is right without noise, the other never."""
    rows = product(("weak_ensemble", "joint"), (1000, 20), (0.0, np.inf), (20.0, 60.0), (13.0, 19.0))
    table = pd.DataFrame(rows, columns=["method", "rate_hz", "snr_db", "duration_s", "p1_mpa"])
    exact = (table["method"] == "joint") & np.isinf(table["snr_db"])
    ratio = np.where(exact, 1.0, table["rate_hz"] / 2000)
    made = {"seed": 0, "seconds": 225.0, "exact": exact, "true_positive_ratio": ratio}
    return table.assign(**(made | {"code": "abcd1234", "date": "2031-05-06"} | more))


def test_it_says_how_much_was_computed_and_with_what():
    text = full_map.table(fits())
    assert text.startswith(
        "32 fits, all states seen; 2.0 hours of processor time; 2031-05-06, code `abcd1234`.\n\n### 13 MPa, a cycle\n"
    )
    one = "\n\nRecords of 20 s: one seed at 20, 1000 Hz. Records of 60 s: one seed at 20, 1000 Hz.\n\n|"
    assert text.count(one) == 2
    dates = ["2031-05-06"] * 16 + ["2031-05-08"] * 16
    assert "time; 2031-05-06 to 2031-05-08, code" in full_map.table(fits(date=dates))


def test_it_says_how_many_seeds_each_length_has():
    more = fits(seed=1).query("duration_s == 60 and rate_hz == 20")
    text = full_map.table(pd.concat([fits(), fits(seed=2), more]))
    assert "Records of 20 s: 2 seeds at 20, 1000 Hz. Records of 60 s: 2 to 3 seeds at 20, 1000 Hz." in text


def test_exact_records_are_counted_by_regime_method_and_noise():
    text = full_map.table(fits())
    of_13, of_19 = (text.index(f"### {motion}\n") for motion in MOTIONS)
    assert of_13 < of_19
    first = text[of_13:of_19]
    assert "| method | no noise | 0 dB |\n| --- | ---: | ---: |\n" in first
    assert "| weak ensemble | 0/4 (0.26) | 0/4 (0.26) |\n| joint | 4/4 (1.00) | 0/4 (0.26) |" in first


def test_joint_estimation_stands_by_rate_and_length_slowest_first():
    text = full_map.table(pd.concat([fits(), fits(seed=2).query("duration_s == 20")]))
    part = text[text.index("### 19 MPa, chaos: joint estimation by sampling rate and length") :]
    assert "\n| record | no noise | 0 dB |\n" in part
    assert "\n| 20 Hz, 20 s | 2/2 (1.00) | 0/2 (0.01) |\n| 20 Hz, 60 s | 1/1 (1.00) | 0/1 (0.01) |\n" in part
    assert part.endswith("\n| 1000 Hz, 20 s | 2/2 (1.00) | 0/2 (0.50) |\n| 1000 Hz, 60 s | 1/1 (1.00) | 0/1 (0.50) |\n")


def test_a_cell_that_was_not_computed_is_open():
    some = fits()
    text = full_map.table(some[(some["method"] == "joint") | (some["snr_db"] > 0)])
    assert "| weak ensemble | 0/4 (0.26) | - |" in text


@pytest.mark.parametrize(
    ("text", "told"),
    [("method,rate_hz\njoint,20\n", "has no column snr_db, "), (",".join(full_map.COLUMNS) + "\n", "has no fits")],
)
def test_a_file_that_is_no_map_is_named(text, told, tmp_path):
    path = tmp_path / "recovery_map.csv"
    path.write_text(text)
    with pytest.raises(PageError, match=rf"recovery_map\.csv: {told}.*recovery_map\.py --full"):
        full_map.read(path)


def test_without_a_map_the_page_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(full_map.paths, "REPOSITORY", tmp_path)
    assert full_map.page() == "No full map has been kept yet.\n"


def test_the_page_of_the_book_shows_the_map_that_is_kept():
    page = ROOT / "book" / "benchmarks.md"
    assert made.parts([page], {})["full_map"] == full_map.page()
    kept = full_map.read(ROOT / full_map.MAP)
    # Whole blocks: six methods at eight levels.
    assert (kept.groupby(["seed", "p1_mpa", "rate_hz", "duration_s"]).size() == 6 * 8).all()
