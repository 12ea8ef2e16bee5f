"""The peers' setting: the system, the noise, the score, and that the global random state is left alone."""

import numpy as np
import pytest

from tremorlab.dynamics import joint, peers
from tremorlab.dynamics.peers import LORENZ, SETTINGS
from tremorlab.errors import DynamicsError


def test_lorenz_obeys_its_equations():
    record = peers.lorenz(2.0, 1000.0)
    x, y, z = record.values.T
    slopes = np.gradient(record.values, 1e-3, axis=0)[5:-5]
    expected = np.array([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z]).T[5:-5]
    np.testing.assert_allclose(slopes, expected, atol=0.05)
    assert len(LORENZ) == 7


@pytest.mark.parametrize(
    ("found", "ratio"),
    [(set(LORENZ), 1.0), (set(), 0.0), ({("x", "x"), ("x", "1")}, 1 / 8), (set(LORENZ) | {1}, 7 / 8)],
)
def test_ratio_counts_missing_and_false_terms(found, ratio):
    assert peers.true_positive_ratio(found) == pytest.approx(ratio)


def test_methods_meet_on_one_record_and_the_global_state_is_left():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    found = peers.compare(SETTINGS[2], 0)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert found["joint"] == 1
    assert found["coefficient_error"] < 0.03
    assert 0 < found["pysindy STLSQ"] < 1
    assert 0 < found["pysindy weak form"] <= 1


def test_a_joint_estimate_that_fails_scores_zero(monkeypatch):
    def fails(*_):
        raise DynamicsError("joint estimation", "every start diverged", "Check units")

    monkeypatch.setattr(joint, "estimate", fails)
    found = peers.compare(SETTINGS[2], 0)
    assert found["joint"] == 0
    assert np.isnan(found["coefficient_error"])


def test_only_what_is_published_is_a_bar():
    assert [one.published >= 0.8 for one in SETTINGS] == [True, True, False, False]
