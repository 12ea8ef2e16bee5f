"""The mutations themselves: seeded, bounded, and each of them does something."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.mutate import BINARY, GROWTH, TEXT, mutant


@given(content=st.binary(max_size=3000), seed=st.integers(0, 2**32), text=st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_mutant_follows_from_its_seed_and_stays_small(content, seed, text):
    one, other = (mutant(content, np.random.default_rng(seed), text) for _ in range(2))
    assert one == other
    assert len(one) <= len(content) + GROWTH


@pytest.mark.parametrize("mutation", sorted({*BINARY, *TEXT}, key=lambda each: each.__name__))
def test_each_mutation_changes_what_it_is_given(mutation):
    content, changed = b"name,value\na,1.5\nb,2020-01-01T00:00:00Z\n" * 9, 0
    for seed in range(50):
        made = bytearray(content)
        mutation(made, np.random.default_rng(seed))
        changed += made != content
    assert changed > 25


def test_a_quarter_of_the_mutants_of_a_text_hold_a_word_put_in():
    made = [mutant(b"onset = 12.5\n" * 50, np.random.default_rng(seed), True) for seed in range(400)]
    assert sum(b"onset = 12.5\n" in each and len(set(each.splitlines())) > 1 for each in made) > 100
