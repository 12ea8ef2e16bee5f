"""Records of rare classes, on answers whose true probabilities are known in closed form."""

import numpy as np
import pytest
from scipy.stats import norm

from tremorlab.classify import deployment
from tremorlab.classify.scores import precision_at
from tremorlab.errors import DatasetError, ModelError

EQUAL = [0.5, 0.5]


def rng(seed=0):
    return np.random.default_rng(seed)


def normals(number=20_000, apart=2.0, seed=0):
    """Two classes of normal values: exact probabilities at equal frequencies, truth, an event a window."""
    truth = np.arange(number) % 2
    value = rng(seed).normal(size=number) + apart * truth
    second = 1 / (1 + np.exp(-apart * (value - apart / 2)))
    return np.stack([1 - second, second], axis=1), truth, np.arange(number)


def mean_of(table):
    return table.groupby("correction").mean(numeric_only=True)


def test_known_frequencies_give_the_figures_of_bayes_rule():
    shares = [0.95, 0.05]
    probabilities, truth, events = normals()
    given = {"trained": EQUAL, "temperature": 1.0, "rare": 1, "draws": 20}
    found = mean_of(deployment.deploy(probabilities, truth, events, shares, **given, rng=rng()))
    assert found["happened"].to_numpy() == pytest.approx(0.05, abs=0.003)
    # Called where the value is above 1, or with frequencies put right above 1 + ln(19) / 2: odds of 19 to 1.
    for name, threshold, odds in (("none", 1.0, 1), ("temperature", 1.0, 1), ("known", 1 + np.log(19) / 2, 19)):
        assert found.loc[name, "recall"] == pytest.approx(norm.sf(threshold - 2), abs=0.02)
        called = probabilities[:, 1] > odds * probabilities[:, 0]
        rates = called[truth == 1].mean(), called[truth == 0].mean()
        assert found.loc[name, "precision"] == pytest.approx(precision_at(0.05, *rates), abs=0.02)
    assert found.loc["known", "announced"] == pytest.approx(0.05, abs=0.003)
    assert found.loc["none", "announced"] > 0.15
    assert found.loc["known", "rare_error"] < 0.01 < 0.1 < found.loc["none", "rare_error"]
    assert found.loc["known", "log_loss"] < 0.6 * found.loc["none", "log_loss"]


def test_estimated_frequencies_are_nearly_as_good_as_known_ones():
    table = deployment.deploy(*normals(), [0.9, 0.1], trained=EQUAL, temperature=1.0, rare=1, draws=20, rng=rng())
    found = mean_of(table)
    assert found.loc["estimated", "announced"] == pytest.approx(0.1, abs=0.01)
    assert found.loc["estimated", "log_loss"] == pytest.approx(found.loc["known", "log_loss"], rel=0.02)


def test_a_network_too_sure_of_itself_needs_its_temperature():
    exact, truth, events = normals()
    sure = exact**3 / (exact**3).sum(axis=1, keepdims=True)
    table = deployment.deploy(sure, truth, events, EQUAL, trained=EQUAL, temperature=3.0, rare=1, draws=10, rng=rng())
    found = mean_of(table)
    assert found.loc["temperature", "calibration_error"] < 0.02 < 0.05 < found.loc["none", "calibration_error"]


def test_windows_of_one_event_are_drawn_together():
    """Two events of the first class, one always right and one always wrong: recall varies as that of two draws."""
    truth = np.repeat([0, 0, 1], [50, 50, 100])
    answer = np.repeat([0, 1, 1], [50, 50, 100])
    probabilities = np.where(np.eye(2)[answer] == 1, 0.9, 0.1)
    events = np.repeat([7, 8, 9], [50, 50, 100])
    given = {"trained": EQUAL, "temperature": 1.0, "rare": 0, "windows": 200, "draws": 150}
    table = deployment.deploy(probabilities, truth, events, EQUAL, **given, rng=rng())
    recall = table.loc[table["correction"] == "none", "recall"]
    share = [(recall < 0.01).mean(), recall.between(0.25, 0.75).mean(), (recall > 0.99).mean()]
    np.testing.assert_allclose(share, [0.25, 0.5, 0.25], atol=0.11)


def test_frequencies_are_estimated_over_their_whole_range_and_wrong_where_classes_look_otherwise():
    probabilities, truth, events = normals()
    given = {"trained": EQUAL, "rare": 1, "draws": 10}
    right = deployment.estimates(probabilities, truth, events, [0.01, 0.2, 0.7], **given, rng=rng())
    for prevalence, rows in right.groupby("prevalence"):
        assert rows["estimated"].mean() == pytest.approx(prevalence, abs=0.012)
    # The same network where both classes have moved by half a standard deviation.
    second = probabilities[:, 1] / (probabilities[:, 1] + probabilities[:, 0] * np.exp(-1.0))
    moved = np.stack([1 - second, second], axis=1)
    wrong = deployment.estimates(moved, truth, events, [0.01, 0.2], **given, rng=rng()).groupby("prevalence").mean()
    assert (wrong["estimated"] > np.array(wrong.index) + 0.05).all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"rare": 2}, ModelError, r"rare: class 2 of 2\. Use 0 to 1"),
        ({"shares": [0.5, 0.6]}, ModelError, "shares: are"),
        ({"truth": np.zeros(10, int)}, DatasetError, "class 1 has no window"),
        ({"truth": np.zeros(9, int)}, ModelError, r"probabilities: shape \(10, 2\) for 9 windows"),
        ({"temperature": -1.0}, ModelError, "temperature: is -1"),
        ({"trained": [1.0, 0.0]}, ModelError, "frequencies trained: hold a zero"),
    ],
)
def test_what_does_not_fit_is_named(change, error, message):
    probabilities, truth, events = normals(10)
    given = {"truth": truth, "shares": EQUAL, "trained": EQUAL, "temperature": 1.0, "rare": 1, **change}
    with pytest.raises(error, match=message):
        deployment.deploy(probabilities, events=events, **given, draws=1, rng=rng())
