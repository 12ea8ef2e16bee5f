"""Answers in the cache, answers that were shipped, and answers that have to be computed."""

import numpy as np
import pytest
from pydantic import BaseModel

from tremorlab import fingerprint
from tremorlab.errors import ModelError
from tremorlab.experiment import store


class Question(BaseModel):
    name: str = "sum"
    numbers: tuple[int, ...] = (1, 2)


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Ask questions; the list of numbers counts how often an answer was computed."""
    monkeypatch.setenv("TREMORLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(store, "SHIPPED", tmp_path / "shipped")
    code = {"a": "1", "b": "1"}
    monkeypatch.setattr(fingerprint, "of_code", lambda *modules: dict(code))
    computed = []

    def ask(question, again=False):
        def compute():
            computed.append(question)
            return {"sum": np.array(sum(question.numbers)), "texts": np.array(["a", "bc"])}

        return store.answer(question, compute, modules=(), again=again)

    ask.code, ask.computed = code, computed
    return ask


def test_what_was_computed_is_kept(asked):
    first, second = asked(Question()), asked(Question())
    assert (first.origin, second.origin, len(asked.computed)) == ("computed", "kept", 1)
    assert second.arrays["sum"] == 3
    assert second.arrays["texts"].tolist() == ["a", "bc"]


def test_it_is_computed_again_on_demand(asked):
    asked(Question())
    assert asked(Question(), again=True).origin == "computed"


def test_another_question_and_other_code_are_not_answered_from_the_cache(asked):
    asked(Question())
    assert asked(Question(numbers=(3,))).arrays["sum"] == 3
    asked.code["b"] = "2"
    assert asked(Question()).origin == "computed"


def test_the_name_is_no_part_of_the_question(asked):
    asked(Question())
    store.ship(Question(), modules=())
    assert store.file_name(Question(name="other")).endswith(store.file_name(Question()).removeprefix("sum"))


def test_a_shipped_answer_names_what_has_changed_since(asked):
    asked(Question())
    path = store.ship(Question(), modules=())
    for kept in (path.parents[1] / "cache").rglob("*.npz"):
        kept.unlink()
    assert (asked(Question()).origin, asked(Question()).changed) == ("shipped", ())
    asked.code.update(b="2", c="1")
    assert asked(Question()).changed == ("b", "c")
    assert len(asked.computed) == 1


def test_shipping_replaces_the_older_answer(asked):
    asked(Question())
    store.ship(Question(), modules=())
    asked(Question(numbers=(4,)))
    path = store.ship(Question(numbers=(4,)), modules=())
    assert list(path.parent.iterdir()) == [path]


def test_what_is_not_there_cannot_be_shipped(asked):
    with pytest.raises(ModelError, match="Compute the answer first"):
        store.ship(Question(), modules=())


def test_a_damaged_file_is_named(asked, tmp_path):
    asked(Question())
    (path,) = (tmp_path / "cache").rglob("*.npz")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ModelError, match=rf"{path.name}.*cannot be read.*Remove it"):
        asked(Question())
