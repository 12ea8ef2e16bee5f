"""Hashes of arrays, settings and code."""

import hashlib

import numpy as np
import pytest

from tremorlab import fingerprint, paths


def test_arrays_differ_by_values_shape_and_type():
    a = np.arange(6.0)
    hashes = {fingerprint.of_arrays(each) for each in (a, a + 1, a.reshape(2, 3), a.astype("f4"))}
    assert len(hashes) == 4
    assert fingerprint.of_arrays(a) == fingerprint.of_arrays(a.copy())


def test_arrays_are_hashed_by_type_shape_and_bytes():
    assert fingerprint.of_arrays(np.array([1, 2], "int8")) == hashlib.sha256(b"|i1(2,)\x01\x02").hexdigest()
    assert fingerprint.of_arrays(np.empty((0, 2))) == hashlib.sha256(b"<f8(0, 2)").hexdigest()


def test_the_order_of_keys_is_no_matter():
    assert fingerprint.of_settings({"a": 1, "b": [2]}) == fingerprint.of_settings({"b": [2], "a": 1})
    assert fingerprint.of_settings({"a": 1}) != fingerprint.of_settings({"a": 2})


@pytest.fixture
def package(monkeypatch, tmp_path):
    """A package of three modules, of which ``a`` imports ``room.b``."""
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "__init__.py").write_text("")
    (tmp_path / "room" / "b.py").write_text("x = 1\n")
    (tmp_path / "c.py").write_text("x = 1\n")
    (tmp_path / "a.py").write_text("from tremorlab.room.b import x\nimport os\n\ndef f():\n    return x\n")
    monkeypatch.setattr(paths, "PACKAGE", tmp_path)
    fingerprint._module.cache_clear()
    yield tmp_path
    fingerprint._module.cache_clear()


def of_code(*modules):
    fingerprint._module.cache_clear()
    return fingerprint.of_code(*modules)


def test_code_is_the_module_and_what_it_imports(package):
    assert set(of_code("tremorlab.a")) == {"a", "room.b"}


def test_code_of_another_module_changes_the_hash_of_that_one(package):
    before = of_code("tremorlab.a")
    (package / "room" / "b.py").write_text("x = 2\n")
    after = of_code("tremorlab.a")
    assert {name for name in before if before[name] != after[name]} == {"room.b"}


@pytest.mark.parametrize(
    "same",
    [
        '"""What it is."""\nx = 1\n',
        "x = 1  # a reason\n",
        "\n\nx = (1)\n",
    ],
)
def test_words_and_layout_are_no_code(package, same):
    before = of_code("tremorlab.a")
    (package / "room" / "b.py").write_text(same)
    assert of_code("tremorlab.a") == before


def test_texts_of_errors_are_no_code(package):
    (package / "c.py").write_text('def f(x):\n    if x:\n        raise ValueError("one")\n')
    before = of_code("tremorlab.c")
    (package / "c.py").write_text('def f(x):\n    """Do it."""\n    if x:\n        raise ValueError("another")\n')
    assert of_code("tremorlab.c") == before
    (package / "c.py").write_text('def f(x):\n    if not x:\n        raise ValueError("one")\n')
    assert of_code("tremorlab.c") != before


def test_the_code_of_a_training_is_known():
    names = set(of_code("tremorlab.classify.training"))
    assert {"classify.training", "classify.networks", "classify.spectra_layer", "dataset.balance", "study"} <= names
    assert "classify.scores" not in names
