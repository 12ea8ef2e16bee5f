"""The table of claims: rules against cases whose answer is known, and nothing shown that is missing."""

import numpy as np
import pytest

from tremorlab.errors import PageError
from tremorlab.page import claim_rules
from tremorlab.page.claims import VERDICTS, Claim, Findings, Outcome, all_of, epochs_to, proportion, shared
from tremorlab.page.execute import Record
from tremorlab.page.made import claims_table


def record(page, **glued):
    """Record of a run that published some values."""
    return {page: Record(f"notebooks/{page}", 1.0, 100.0, glued=glued)}


def outcome_of(function, page, **glued):
    return function(Findings(record(page, **glued)))


def test_a_page_without_a_record_stops_the_table():
    with pytest.raises(PageError, match="04_imbalance: has no record, but the table of claims needs it"):
        claim_rules.balanced_sampling(Findings({}))


def test_a_value_that_was_not_published_stops_the_table():
    with pytest.raises(PageError, match="published no value 'gain'"):
        outcome_of(claim_rules.balanced_sampling, "04_imbalance", most="100")


def test_a_result_that_is_not_shipped_stops_the_table(tmp_path):
    with pytest.raises(PageError, match="0 results of the name 'nankai_report_like_1d' are shipped, not one"):
        claim_rules.equal_on_twins(Findings({}, tmp_path))


def test_a_text_with_other_numbers_than_expected_stops_the_table():
    with pytest.raises(PageError, match="2 numbers, not 3"):
        outcome_of(claim_rules.balanced_sampling, "04_imbalance", most="100", gain="'+0.1 to +0.2'")


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [
        ("'+0.086 (+0.044 to +0.131)'", "holds"),
        ("'+0.010 (-0.020 to +0.040)'", "undecided"),
        ("'-0.050 (-0.080 to -0.020)'", "does not hold"),
    ],
)
def test_a_gain_is_judged_by_its_interval(gain, verdict):
    assert outcome_of(claim_rules.balanced_sampling, "04_imbalance", most="100", gain=gain).verdict == verdict


@pytest.mark.parametrize(
    ("slope", "verdict"),
    [
        ("'0.90 (0.60 to 1.20)'", "holds"),
        ("'0.40 (0.10 to 0.70)'", "in part"),
        ("'0.30 (-0.20 to 0.80)'", "undecided"),
        ("'0.05 (-0.10 to 0.20)'", "does not hold"),
    ],
)
def test_a_slope_is_judged_by_its_interval(slope, verdict):
    assert outcome_of(claim_rules.follows_crossing, "05_filters", slope=slope).verdict == verdict


def test_missing_states_as_a_cause_are_seen():
    values = {"sampling_ratio": "0.4", "noise_ratio": "0.5", "map_seeds": "2"}
    assert outcome_of(claim_rules.causes, "06_equations", **values, missing_goes_on="2").verdict == "holds"
    assert outcome_of(claim_rules.causes, "06_equations", **values, missing_goes_on="0").verdict == "in part"


def test_the_real_record_is_judged_where_there_is_one():
    values = {"n_alive": "7", "n_plain": "8", "halves": "2.5", "nearest": "'30.1 dB'"}
    simulated = Findings(record("07_real_record", source="'model'", **values))
    recorded = Findings(record("07_real_record", source="'reventador_2005'", **values))
    assert claim_rules.fails_on_twin(simulated).verdict == "holds"
    assert claim_rules.fails_on_recording(simulated).verdict == "not tested"
    assert claim_rules.fails_on_twin(recorded).verdict == "not tested"
    assert claim_rules.fails_on_recording(recorded).verdict == "holds"


def test_shared_errors_of_known_answers():
    truth = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    first = np.array([1, 1, 0, 0, 1, 1, 2, 2])
    second = np.array([1, 0, 0, 0, 1, 0, 2, 2])
    given = [np.eye(3)[each][np.newaxis] for each in (first, second)]
    share, low, high = shared(*given, truth, np.arange(8))
    assert share == 3 / 5  # wrong by either: items 0, 1, 5, 6, 7; the same wrong class: 0, 6, 7
    assert 0 <= low < share < high <= 1


def test_windows_of_an_event_count_once():
    truth = np.zeros(6, int)
    given = np.full((1, 6, 2), 0.5)
    given[0, :3] = [0.1, 0.9]  # the first event, three windows
    given[0, 3:] = [0.9, 0.1]
    share, _, _ = shared(given, given, truth, np.repeat([0, 1], 3))
    assert share == 1


def test_epochs_to_most_of_the_highest_score():
    result = {
        "history_seed": np.repeat([0, 1], 4),
        "history_validation_balanced_accuracy": np.array([0.5, 0.8, 0.96, 1.0, 0.97, 0.9, 1.0, 0.9]),
    }
    assert epochs_to(result).tolist() == [3, 1]


def test_verdicts_of_several_settings():
    assert all_of(["holds", "holds"]) == "holds"
    assert all_of(["holds", "does not hold"]) == "in part"
    assert all_of(["undecided", "does not hold"]) == "undecided"


def test_an_unknown_verdict_is_refused():
    with pytest.raises(PageError, match="has the verdict 'fine'"):
        Outcome("", "fine")


def test_the_interval_of_a_share_is_exact():
    low, high = proportion(0, 10)
    assert low == 0
    assert high == pytest.approx(1 - 0.025**0.1)


def test_the_table_shows_rule_numbers_and_verdict():
    claim = Claim("water is wet", ("01_catalogs",), "it drips", lambda found: Outcome("3 drops", "holds"))
    text = claims_table((claim,), Findings({}))
    assert "| [1](#claim-1) | water is wet | **holds** | - | [1](../notebooks/01_catalogs.ipynb) |" in text
    assert "*Rule:* it drips." in text
    assert "- **On twins: holds.** 3 drops" in text
    assert "- **On recordings: not tested.**" in text


def test_every_claim_has_a_rule_and_a_page():
    from tests.require import ROOT

    for claim in claim_rules.CLAIMS:
        assert len(claim.tolerance) > 30
        assert all((ROOT / "notebooks" / f"{page}.py").is_file() for page in claim.pages)
    assert len({claim.says for claim in claim_rules.CLAIMS}) == len(claim_rules.CLAIMS)
    assert set(VERDICTS) >= {"holds", "does not hold", "undecided"}


def test_claims_on_shipped_results_are_judged():
    found = Findings(record("03_networks", ceiling_nankai="0.5", ceiling_sakurajima="0.5"))
    for function in (
        claim_rules.equal_on_twins,
        claim_rules.equal_on_recordings,
        claim_rules.shared_on_twins,
        claim_rules.faster_on_twins,
    ):
        outcome = function(found)
        assert outcome.verdict in VERDICTS[:-1]
        assert " to " in outcome.got, "an interval is missing"
