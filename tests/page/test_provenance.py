import hashlib

import numpy as np

from tremorlab import paths
from tremorlab.page import provenance


def test_data_hash_sees_values_shape_and_type():
    a = np.arange(6.0)
    hashes = {
        provenance.data_hash(a),
        provenance.data_hash(a + 1),
        provenance.data_hash(a.reshape(2, 3)),
        provenance.data_hash(a.astype("float32")),
    }
    assert len(hashes) == 4
    assert provenance.data_hash(a) == provenance.data_hash(a.copy())


def test_data_hash_is_sha256_of_type_shape_and_bytes():
    assert provenance.data_hash(np.array([1, 2], "int8")) == hashlib.sha256(b"|i1(2,)\x01\x02").hexdigest()


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
    assert parts[2] == "data " + provenance.data_hash(np.arange(3))[:8]
    assert parts[3] == "seed 7"
    assert parts[5].endswith(" MB")


def test_line_of_a_page_that_draws_nothing_at_random_has_no_seed():
    assert "seed" not in provenance.Provenance().line()


def test_memory_is_in_megabytes():
    assert 20 < provenance.peak_memory_mb() < 100_000
