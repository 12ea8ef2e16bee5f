"""The verdict: a linear process gets none, a locked waveform gets one, a broken record is refused."""

import numpy as np
import pytest
from scipy.signal import lfilter

from tests.dynamics.test_forecast import saw
from tremorlab.dynamics import examine
from tremorlab.errors import DynamicsError

LINEAR = lfilter([1], [1, -1.85, 0.96], np.random.default_rng(5).standard_normal(2700))[200:]


@pytest.fixture(scope="module")
def locked():
    return examine.examine(saw(2600, np.random.default_rng(5)), 25.0, 0.9, 1.6, surrogate_count=19, blocks=4)


def test_locked_harmonics_are_found(locked):
    assert locked.fundamental_hz == pytest.approx(1.25, abs=0.1)
    assert locked.p_values["time reversal"] == 0.05
    assert locked.beats["between"]
    assert "nonlinear structure" in locked.verdict
    assert locked.null_around.shape == (19,)


def test_the_report_says_what_was_found(locked):
    text = locked.report()
    for part in ("fundamental 1.2", "scale-free kernel / linear AR", "time-reversal asymmetry", "verdict: nonlinear"):
        assert part in text
    assert ("unusable" in text) != locked.plain.model.usable


def test_a_linear_process_gets_no_verdict():
    found = examine.examine(LINEAR, 25.0, 0.9, 1.8, surrogate_count=19, blocks=4)
    assert not any(found.beats.values())
    assert found.verdict == "nothing that a linear process would not show"


def test_too_few_surrogates_decide_nothing(locked):
    few = examine.Examination(**{**vars(locked), "null_around": locked.null_around[:5]})
    assert few.verdict == "none: 5 surrogates cannot give a p value of 0.05; 19 can"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"null_ahead": np.full(19, 2.0)}, ("not a forecast yet", "forecasts: it beats")),
        ({"null_around": np.full(19, 0.1), "null_ahead": np.full(19, 0.1)}, ("not a linear process",)),
    ],
)
def test_the_verdict_follows_the_evidence(locked, change, words):
    verdict = examine.Examination(**{**vars(locked), **change}).verdict
    assert any(word in verdict for word in words)


def test_plain_identification_of_a_dying_sine_is_linear():
    from tremorlab.dynamics.record import Record

    samples = np.arange(1000)
    spiral = Record(np.exp(-0.002 * samples) * np.sin(0.3 * samples), 25.0, ("x",))
    plain = examine.plain_sindy(spiral, 25 * 0.3 / (2 * np.pi), dimension=2)
    assert plain.model.support == {("x1", "x1"), ("x1", "x2"), ("x2", "x1"), ("x2", "x2")}


def test_a_sine_draws_a_circle_on_which_terms_are_collinear():
    from tremorlab.dynamics.record import Record

    with pytest.raises(DynamicsError, match="library of 8 terms: is collinear on this record"):
        examine.plain_sindy(Record(np.sin(0.3 * np.arange(1000)), 25.0, ("x",)), 25 * 0.3 / (2 * np.pi))


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (LINEAR, {"surrogate_count": 0}, "0 surrogates: are no null hypothesis"),
        (np.sin(2.2 * np.arange(2000)), {"low_hz": 2.6, "high_hz": 3.1}, "samples in a period"),
        (np.ones(2000), {}, "is constant"),
        (LINEAR[:90], {}, "is shorter than five times"),
        (np.clip(LINEAR, -1, 1), {}, "is clipped"),
    ],
)
def test_unusable_records_are_refused(values, options, message):
    settings = {"low_hz": 0.9, "high_hz": 1.8, "surrogate_count": 1, **options}
    with pytest.raises(DynamicsError, match=message):
        examine.examine(values, 25.0, **settings)
