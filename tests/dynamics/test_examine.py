"""The verdict: a linear process gets none, a locked waveform gets one, a broken record is refused."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import lfilter

from tests.dynamics.test_forecast import saw
from tremorlab.dynamics import embedding, examine, forecast, library
from tremorlab.dynamics.model import Model
from tremorlab.dynamics.record import Record
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


def test_forecasts_reach_over_two_periods(locked):
    period = 25.0 / locked.fundamental_hz
    for found in (locked.around, locked.ahead):
        assert found.horizons[0] == 1
        assert found.horizons[-1] == pytest.approx(2 * period, abs=0.5)
        assert np.diff(found.horizons).max() <= period / 2 + 1


def test_an_offset_of_the_record_changes_nothing():
    values = saw(1300, np.random.default_rng(5))
    one, other = (examine.examine(each, 25.0, 0.9, 1.6, surrogate_count=1, blocks=4) for each in (values, values + 50))
    for found, same in ((one.around, other.around), (one.ahead, other.ahead)):
        assert found.overall(examine.LINEAR) == pytest.approx(same.overall(examine.LINEAR))
        assert found.overall(examine.NONLINEAR) == pytest.approx(same.overall(examine.NONLINEAR))


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
    samples = np.arange(1000)
    spiral = Record(np.exp(-0.002 * samples) * np.sin(0.3 * samples), 25.0, ("x",))
    plain = examine.plain_sindy(spiral, 25 * 0.3 / (2 * np.pi), dimension=2)
    assert plain.model.support == {("x1", "x1"), ("x1", "x2"), ("x2", "x1"), ("x2", "x2")}


def test_a_sine_draws_a_circle_on_which_terms_are_collinear():
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


NAMES = (examine.NONLINEAR, examine.LINEAR, examine.TEMPLATE, examine.PERSISTENCE)


def comparison(*errors):
    """Root mean squared errors of the four predictors, the same in 4 blocks, over horizons of 1 and 30 samples."""
    return forecast.Comparison(
        NAMES, (1, 30), np.square(np.array(errors))[:, np.newaxis, np.newaxis] * np.ones((4, 4, 2))
    )


def evidence(around=(0.5, 0.6, 0.7, 0.8), ahead=(0.5, 0.6, 0.7, 0.8), **change):
    terms = library.polynomial(("x1", "x2"), 1)
    table = np.array([[0, 0], [0, -4.0], [1.0, 0]])
    model = Model(terms, table, table, table, 0 * table, "test", np.zeros(2), np.ones(2), 25.0, ("", ""))
    found = {
        "fundamental_hz": 1.25, "sampling_rate_hz": 25.0, "memory": 60,
        "around": comparison(*around), "ahead": comparison(*ahead),
        "null_around": np.linspace(0.9, 1.1, 19), "null_ahead": np.linspace(0.9, 1.1, 19),
        "asymmetry": 0.5, "null_asymmetry": np.linspace(0.1, 0.4, 19),
        "coupling": np.array([0.9, 0.7, 0.6, 0.6]), "null_coupling": np.full((19, 4), 0.3) + np.linspace(0, 0.2, 4),
        "plain": examine.Plain(model, -0.02, 7.25, False),
    }  # fmt: skip
    return examine.Examination(**{**found, **change})


def test_p_values_count_the_surrogates_that_do_as_well():
    found = evidence(
        around=(0.57, 0.6, 1, 1),
        ahead=(0.597, 0.6, 1, 1),
        null_asymmetry=np.r_[np.full(16, 0.1), 0.5, 0.6, 0.7],
        null_coupling=np.r_[np.full((17, 4), 0.1), np.full((1, 4), 0.71), [[2.8, 0, 0, 0.01]]],
    )
    assert found.p_values == {
        "forecast between": pytest.approx((1 + 5) / 20),  # 0.9, 0.911, 0.922, 0.933, 0.944 are below 0.95
        "forecast ahead": pytest.approx((1 + 9) / 20),
        "time reversal": pytest.approx(4 / 20),
        "phase coupling": pytest.approx(3 / 20),
    }


@pytest.mark.parametrize("rival", [1, 2, 3])
def test_every_rival_must_be_beaten(rival):
    errors = [0.5, 0.6, 0.7, 0.8]
    assert evidence().beats == {"between": True, "ahead": True}
    errors[rival] = 0.49
    assert evidence(around=errors).beats == {"between": False, "ahead": True}
    assert evidence(ahead=errors).beats == {"between": True, "ahead": False}
    errors[rival] = 0.5
    assert evidence(ahead=errors).beats["ahead"] is False


def test_surrogates_that_do_as_well_take_a_forecast_away():
    assert evidence(null_ahead=np.r_[0.8, np.ones(18)]).beats == {"between": True, "ahead": False}
    assert evidence(null_around=np.r_[0.8, np.ones(18)]).beats == {"between": False, "ahead": True}
    # One of forty is no more than one in twenty.
    assert evidence(null_ahead=np.r_[0.8, np.ones(38)]).beats["ahead"]


def test_verdicts_go_from_the_strongest_to_none():
    worse = (0.7, 0.6, 0.7, 0.8)
    silent = {"asymmetry": 0.0, "coupling": np.zeros(4)}
    assert evidence().verdict.startswith("nonlinear structure that forecasts:")
    assert evidence(ahead=worse).verdict.startswith("nonlinear structure that is not a forecast yet:")
    for waveform in ({}, {"asymmetry": 0.0}, {"coupling": np.zeros(4)}):
        assert evidence(worse, worse, **waveform).verdict.startswith("not a linear process")
    assert evidence(worse, worse, **silent).verdict == "nothing that a linear process would not show"
    assert evidence(ahead=worse, **silent).verdict.startswith("nonlinear structure that is not a forecast yet:")
    eighteen = evidence(null_around=np.ones(18))
    assert eighteen.verdict == "none: 18 surrogates cannot give a p value of 0.05; 19 can"


def test_the_report_holds_the_numbers():
    lines = evidence(ahead=(0.55, 0.6, 0.7, 0.4)).report().splitlines()
    assert lines[0] == "fundamental 1.25 Hz; memory 2.4 s"
    assert lines[1].startswith("forecast to 1.2 s, blocks between fitted data")
    assert lines[2] == "  scale-free kernel  0.500, at the last horizon 0.500, better than linear AR in 4 of 4"
    assert lines[3] == "  linear AR          0.600, at the last horizon 0.600"
    assert lines[5].endswith("better than linear AR in 0 of 4")
    assert lines[6] == "  scale-free kernel / linear AR: 0.833; on 19 surrogates 0.900 to 1.100"
    assert lines[7].startswith("forecast to 1.2 s, blocks strictly ahead")
    assert lines[11].startswith("  persistence        0.400")
    assert lines[12].startswith("  scale-free kernel / linear AR: 0.917")
    assert "time-reversal asymmetry 0.500; on surrogates up to 0.400" in lines
    assert "phase coupling of harmonics 0.700; on surrogates up to 0.400" in lines
    assert "p values: forecast between 0.050, forecast ahead 0.150, time reversal 0.050, phase coupling 0.050" in lines
    assert "  x1' = x2" in lines
    assert "  x2' = -4 x1" in lines
    assert "  free run: frequency -2.0%, spectrum 7.2 dB" in lines
    assert lines[-1].startswith("verdict: nonlinear structure that is not a forecast yet")


def test_the_report_says_how_the_plain_model_ends():
    model = evidence().plain.model
    resting = evidence(plain=examine.Plain(model, 0.01, 7.25, True)).report()
    assert "frequency +1.0%, spectrum 7.2 dB, comes to rest" in resting
    broken = evidence(plain=examine.Plain(replace(model, usable=False, reason="it blew up"), np.nan, np.nan, False))
    assert "  unusable: it blew up" in broken.report()
    assert "free run" not in broken.report()


def test_the_free_run_of_a_plain_model_is_told_by_its_late_half():
    samples = np.arange(1000)
    for decay, rests in ((0.0005, False), (0.008, True)):
        spiral = Record(np.exp(-decay * samples) * np.sin(0.3 * samples), 25.0, ("x",))
        plain = examine.plain_sindy(spiral, 25 * 0.3 / (2 * np.pi), dimension=2)
        assert plain.model.usable
        assert plain.frequency_error == pytest.approx(0, abs=0.03)
        assert plain.rests == rests
        assert plain.model.library.names == ("x1", "x2")
        assert plain.spectral_distance_db > 0


def test_the_delay_is_where_the_autocorrelation_is_nought():
    samples = np.arange(1000)
    spiral = Record(np.exp(-0.002 * samples) * np.sin(0.3 * samples), 25.0, ("x",))
    plain = examine.plain_sindy(spiral, 25 * 0.3 / (2 * np.pi), dimension=2)
    # The sine of period 21 is nought a quarter of it later: delay 6 at most; then x2 = x1 of 6 samples before.
    delay = embedding.first_zero(embedding.autocorrelation(spiral.values[:, 0], 42))
    assert delay in (5, 6)
    expected = embedding.delay_record(spiral, delay, 2)
    np.testing.assert_allclose(plain.model.reach, np.ptp(expected.values, axis=0))
    loose = examine.plain_sindy(spiral, 25 * 0.3 / (2 * np.pi), dimension=2, threshold=100.0)
    assert not loose.model.usable
    assert np.isnan([loose.frequency_error, loose.spectral_distance_db]).all()
    assert loose.rests is False
