import numpy as np

from tremorlab import paths
from tremorlab.fingerprint import of_arrays
from tremorlab.page import provenance


def test_code_hash_follows_the_source(monkeypatch, tmp_path):
    (tmp_path / "a.py").write_text("x = 1")
    monkeypatch.setattr(paths, "PACKAGE", tmp_path)
    before = provenance.code_hash()
    (tmp_path / "a.py").write_text("x = 2")
    assert provenance.code_hash() != before


def test_line_names_version_code_data_and_seed():
    parts = provenance.Provenance(seed=7).line(np.arange(3)).split(" · ")
    assert parts[0].startswith("tremorlab ")
    assert parts[1].startswith("code ")
    assert parts[2] == "data " + of_arrays(np.arange(3))[:8]
    assert parts[3] == "seed 7"
    assert parts[5].endswith(" MB")


def test_line_of_a_page_that_draws_nothing_at_random_has_no_seed():
    assert "seed" not in provenance.Provenance().line()


def test_memory_is_in_megabytes():
    assert 20 < provenance.peak_memory_mb() < 100_000
