"""Shared errors: counts by hand, chance against the closed form, strata, seeds."""

import numpy as np
import pytest

from tremorlab.classify.shared_errors import between_seeds, by_group, expected_same, shared_errors
from tremorlab.errors import ModelError


def rng(seed=1):
    return np.random.default_rng(seed)


def independent(number=900, right=0.7, seed=0):
    draw = rng(seed)
    truth = np.arange(number) % 3
    return truth, *(
        np.where(draw.random(number) < right, truth, (truth + draw.integers(1, 3, number)) % 3) for _ in range(2)
    )


def test_counts_of_an_example_worked_by_hand():
    truth = [0, 0, 0, 0, 0, 0, 0, 0]
    first = [0, 1, 1, 2, 2, 0, 0, 0]
    second = [0, 1, 2, 2, 0, 1, 0, 0]
    found = shared_errors(truth, first, second, rng=rng())
    assert (found.wrong_first, found.wrong_second, found.wrong_both, found.same) == (4, 4, 3, 2)
    assert found.wrong_either == 5
    assert found.share == 0.4


def test_chance_is_the_closed_form_and_holds_what_is_independent():
    truth, first, second = independent()
    found = shared_errors(truth, first, second, draws=4000, rng=rng())
    assert found.interval[0] < found.share < found.interval[1]
    assert found.p > 0.05
    expected = expected_same(truth, first, second)
    assert expected / (found.wrong_either + found.wrong_both - 2 * expected) == pytest.approx(found.expected, rel=0.05)
    by_chance = found.expected * found.wrong_either
    assert by_chance == pytest.approx(expected, rel=0.1)


def test_expected_same_by_hand():
    truth, first, second = np.zeros(10, int), np.array([1] * 4 + [0] * 6), np.array([0] * 5 + [1] * 3 + [2] * 2)
    assert expected_same(truth, first, second) == pytest.approx(10 * 0.4 * 0.3)


def test_the_same_answers_are_shared_beyond_chance():
    truth, first, _ = independent()
    found = shared_errors(truth, first, first, draws=500, rng=rng())
    assert found.share == 1
    assert found.p == 1 / 501
    assert found.interval[1] < 0.5


def test_inside_strata_errors_of_weak_events_are_chance_and_outside_they_are_not():
    """Both are right on strong events and guess on weak ones, independently."""
    draw = rng(4)
    truth, weak = np.arange(1200) % 3, draw.random(1200) < 0.3
    first, second = (np.where(weak, draw.integers(0, 3, 1200), truth) for _ in range(2))
    assert shared_errors(truth, first, second, draws=1000, rng=rng()).p < 0.01
    within = shared_errors(truth, first, second, strata=weak, draws=1000, rng=rng())
    assert within.p > 0.05
    assert within.interval[0] < within.share < within.interval[1]


def test_without_errors_there_is_no_share():
    found = shared_errors([0, 1], [0, 1], [0, 1], rng=rng())
    assert np.isnan(found.share)
    assert found.p == 1


def test_pairs_of_seeds_of_one_network_and_of_two():
    truth, first, second = independent()
    table = between_seeds(truth, {"1D": [first, first, second], "2D": [second]}, draws=50, rng=rng())
    assert table["pairs"].to_dict() == {("1D", "1D"): 3, ("1D", "2D"): 3}
    assert table.loc[("1D", "1D"), "most"] == 1
    assert table.loc[("1D", "2D"), "least"] == table.loc[("1D", "1D"), "least"]
    assert 0.05 < table["expected"].min() < table["expected"].max() < 0.4


def test_groups_add_up():
    truth, first, second = independent()
    table = by_group(truth, first, second, np.arange(900) // 300)
    whole = shared_errors(truth, first, second, draws=10, rng=rng())
    assert table.sum().tolist() == [900, whole.wrong_first, whole.wrong_second, whole.same]
    assert table["items"].tolist() == [300, 300, 300]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (([0, 1], [0, 1], [0]), "shared errors: arrays of 2, 2, 1, 2 items. Give one of each per item"),
        (([], [], []), "shared errors: arrays of 0, 0, 0, 0 items"),
    ],
)
def test_arrays_of_different_length_are_refused(arrays, message):
    with pytest.raises(ModelError, match=message):
        shared_errors(*arrays, rng=rng())


def test_strata_of_another_length_are_refused():
    with pytest.raises(ModelError, match="arrays of 2, 2, 2, 3 items"):
        shared_errors([0, 1], [0, 1], [0, 1], strata=[0, 0, 1], rng=rng())
