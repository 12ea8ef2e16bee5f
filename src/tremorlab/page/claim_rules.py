"""What the report claims, and the rule by which each claim is judged: the entries of the table of claims."""

import numpy as np

from tremorlab.classify.scores import interval
from tremorlab.classify.transfer import CLASSES
from tremorlab.page.claims import (
    MARGIN,
    NOT_TESTED,
    SETTINGS,
    Claim,
    Findings,
    Outcome,
    all_of,
    difference,
    epochs_to,
    proportion,
    shared,
)

_TWIN = ("truth", "probabilities", "table_event_id")


def _recorded(found: Findings, name: str) -> dict:
    """Windows of all recorded studies, with class numbers and events that are unique over studies."""
    arrays = found.result(name)
    events = np.char.add(np.char.add(arrays["study"].astype(str), " "), arrays["event_id"].astype(str))
    return arrays | {"truth": np.array([list(CLASSES).index(each) for each in arrays["shared"]]), "event": events}


def _equal(compared) -> str:
    if compared.equivalent:
        return "holds"
    low, high = compared.interval_90
    return "does not hold" if low > compared.margin or high < -compared.margin else "undecided"


def equal_on_twins(found: Findings) -> Outcome:
    """1D minus 2D on both twins, for both amplitudes of the spectrum."""
    rows, verdicts = [], []
    for setting in SETTINGS:
        one = found.result(f"{setting}_report_like_1d")
        for amplitude in ("", "_linear"):
            compared = difference(one, found.result(f"{setting}_report_like_2d{amplitude}"), _TWIN)
            verdicts.append(_equal(compared))
            low, high = compared.interval_90
            kind = "linear" if amplitude else "logarithmic"
            rows.append(f"{setting}-like, {kind}: {compared.difference:+.3f} ({low:+.3f} to {high:+.3f})")
    return Outcome("1D - 2D: " + "; ".join(rows), all_of(verdicts))


def equal_on_recordings(found: Findings) -> Outcome:
    """1D minus 2D on recorded windows of studies that neither has seen."""
    compared = difference(_recorded(found, "recorded_1d"), _recorded(found, "recorded_2d"), ("truth", "tuned", "event"))
    low, high = compared.interval_90
    return Outcome(f"1D - 2D: {compared.difference:+.3f} ({low:+.3f} to {high:+.3f})", _equal(compared))


def _half(low: float, high: float) -> str:
    return "holds" if low <= 0.5 <= high else "does not hold"


def shared_on_twins(found: Findings) -> Outcome:
    """Share of same wrong answers of 1D and 2D, beside two trainings of one network."""
    rows, verdicts = [], []
    for setting in SETTINGS:
        one, two = (found.result(f"{setting}_report_like_{kind}") for kind in ("1d", "2d"))
        share, low, high = shared(one["probabilities"], two["probabilities"], one["truth"], one["table_event_id"])
        ceiling = found.number("03_networks", f"ceiling_{setting}")
        verdicts.append(_half(low, high))
        rows.append(f"{setting}-like: {share:.2f} ({low:.2f} to {high:.2f}); two seeds of one network {ceiling:.2f}")
    return Outcome("; ".join(rows), all_of(verdicts))


def shared_on_recordings(found: Findings) -> Outcome:
    """The same on recorded windows."""
    one, two = (_recorded(found, f"recorded_{kind}") for kind in ("1d", "2d"))
    share, low, high = shared(one["tuned"], two["tuned"], one["truth"], one["event"])
    return Outcome(f"{share:.2f} ({low:.2f} to {high:.2f})", _half(low, high))


def faster_on_twins(found: Findings) -> Outcome:
    """Epochs that 1D needs more than 2D."""
    rows, verdicts, rng = [], [], np.random.default_rng(0)
    for setting in SETTINGS:
        needed = [epochs_to(found.result(f"{setting}_report_like_{kind}")) for kind in ("1d", "2d")]
        drawn = [rng.choice(each, (2000, len(each))).mean(axis=1) for each in needed]
        low, high = interval(drawn[0] - drawn[1])
        more = needed[0].mean() - needed[1].mean()
        verdicts.append("holds" if low > 0 else "does not hold" if high < 0 else "undecided")
        rows.append(f"{setting}-like: {more:+.1f} ({low:+.1f} to {high:+.1f})")
    return Outcome("epochs of 1D less those of 2D: " + "; ".join(rows), all_of(verdicts))


def balanced_sampling(found: Findings) -> Outcome:
    """Gain of balanced over plain sampling where classes are most unequal."""
    gain, low, high = found.numbers("04_imbalance", "gain", 3)
    verdict = "holds" if low > 0 else "does not hold" if high < 0 else "undecided"
    most = found.text("04_imbalance", "most")
    return Outcome(f"gain at 1:{most}: {gain:+.3f} ({low:+.3f} to {high:+.3f})", verdict)


def accuracy_hides(found: Findings) -> Outcome:
    """A published network on recordings, against the answer that is always the same."""
    own, always, balanced = (found.number("04_imbalance", name) for name in ("accuracy", "always_quiet", "balanced"))
    got = f"published counts: accuracy {own:.3f}, *always quiet* {always:.3f}, balanced accuracy {balanced:.3f}"
    return Outcome(got, "holds" if own < always and balanced > 0.5 else "does not hold")


def _starves(seen: float, by_chance: float) -> str:
    return "holds" if seen >= 0.05 and seen >= 2 * by_chance else "does not hold"


def starving_on_twins(found: Findings) -> Outcome:
    """Days with too few eruptions, against a steady rate."""
    seen, steady = (found.number("01_catalogs", name) for name in ("poor_days", "poor_if_steady"))
    return Outcome(f"days starved of eruptions: {seen:.0%}; at a steady rate {steady:.0%}", _starves(seen, steady))


def starving_on_recordings(found: Findings) -> Outcome:
    """Test periods with too few events of a class, against a random order."""
    seen, by_chance = (found.number("01_catalogs", name) for name in ("in_blocks", "if_shuffled"))
    worst = found.text("01_catalogs", "worst")
    return Outcome(f"{worst}: {seen:.0%} of periods starved; shuffled {by_chance:.1%}", _starves(seen, by_chance))


def _filters(name: str, what: str):
    """A verdict of the page on filters, with the p-values of both settings."""

    def judged(found: Findings) -> Outcome:
        p = found.numbers("05_filters", f"p_{name}", 2)
        verdict = {0: "does not hold", 1: "in part", 2: "holds"}[sum(each < 0.05 for each in p)]
        return Outcome(f"{what}: p {p[0]:.2f} (nankai-like), {p[1]:.2f} (sakurajima-like)", verdict)

    return judged


def notch_on_recordings(found: Findings) -> Outcome:
    """Deepest frequency of filters trained on Redoubt."""
    middle, low, high = found.numbers("05_filters", "recorded_notch", 3)
    inside = "holds" if low >= 4 and high <= 8 else "does not hold" if high < 4 or low > 8 else "undecided"
    return Outcome(f"{middle:.1f} Hz ({low:.1f} to {high:.1f})", inside)


def follows_crossing(found: Findings) -> Outcome:
    """Slope of notch against crossing over twins whose spectra cross elsewhere."""
    slope, low, high = found.numbers("05_filters", "slope", 3)
    verdict = "holds" if low > 0.5 else "in part" if low > 0 else "undecided" if high > 0.5 else "does not hold"
    return Outcome(f"slope {slope:.2f} ({low:.2f} to {high:.2f})", verdict)


def many_channels(found: Findings) -> Outcome:
    """Large filters with a notch in the band, of many channels, against the share of two channels."""
    inside, large, two, of_two = (
        int(found.number("05_filters", name)) for name in ("many_inside", "n_many", "two_inside", "n_two")
    )
    low, high = proportion(inside, large)
    got = f"notch at 4-8 Hz: {inside} of {large} ({low:.0%} to {high:.0%}); of two channels {two} of {of_two}"
    return Outcome(got, "holds" if low <= two / of_two <= high else "does not hold")


def slow_2d(found: Findings) -> Outcome:
    """Time of a decision of both networks, and of a long archive."""
    one, two = (found.number("03_networks", f"latency_{kind}") for kind in ("1d", "2d"))
    hours = [found.number("08_detection", f"hours_{kind}") for kind in ("1d", "2d")]
    got = f"a decision: 1D {one:.1f}, 2D {two:.1f} ms; an archive: {hours[0]:,.0f} and {hours[1]:,.0f} core-hours"
    return Outcome(got, "holds" if two > 25.6 else "does not hold")


def sindy_recovers(found: Findings) -> Outcome:
    """Records of the model from which the equations come back exactly."""
    exact, total = (int(found.number("06_equations", name)) for name in ("success_exact", "map_seeds"))
    low, high = proportion(exact, total)
    verdict = "holds" if exact == total else "does not hold" if exact == 0 else "in part"
    return Outcome(f"exact in {exact} of {total} ({low:.0%} to {high:.0%})", verdict)


def _sindy_fails(found: Findings) -> Outcome:
    alive, plain = (int(found.number("07_real_record", name)) for name in ("n_alive", "n_plain"))
    halves = found.number("07_real_record", "halves")
    nearest = found.text("07_real_record", "nearest")
    got = f"{alive} of {plain} models go on; nearest spectrum {nearest}, halves of the record {halves:.1f} dB"
    failed = alive == 0 or found.numbers("07_real_record", "nearest", 1)[0] > 2 * halves
    return Outcome(got, "holds" if failed else "does not hold")


def fails_on_twin(found: Findings) -> Outcome:
    """One scalar of the model, where the page has no recording."""
    return _sindy_fails(found) if found.text("07_real_record", "source") == "model" else NOT_TESTED


def fails_on_recording(found: Findings) -> Outcome:
    """One recorded scalar."""
    return NOT_TESTED if found.text("07_real_record", "source") == "model" else _sindy_fails(found)


def causes(found: Findings) -> Outcome:
    """Each cause by itself: coarse sampling, noise, missing states."""
    sampling, noise = (found.number("06_equations", name) for name in ("sampling_ratio", "noise_ratio"))
    going, total = (int(found.number("06_equations", name)) for name in ("missing_goes_on", "map_seeds"))
    got = f"true-positive ratio: 100 Hz {sampling:.2f}, 20 dB {noise:.2f}; states missing: {going} of {total} go on"
    if min(sampling, noise) >= 1:
        return Outcome(got, "does not hold")
    return Outcome(got, "holds" if max(sampling, noise) < 1 and going == total else "in part")


def monitors(found: Findings) -> Outcome:
    """Recall and false alarms of all classes and systems in simulated months."""
    met, bars, quiet, days = (
        int(found.number("08_detection", name)) for name in ("n_met", "n_bars", "n_quiet", "n_per_day")
    )
    least, most = (found.number("08_detection", name) for name in ("least_recall", "most_recall"))
    bar = found.number("08_detection", "bar_recall")
    got = f"recall {least:.2f} to {most:.2f}, {met} of {bars} reach {bar:.2f}; few false alarms in {quiet} of {days}"
    all_met = met == bars and quiet == days
    return Outcome(got, "holds" if all_met else "in part" if met or quiet else "does not hold")


#: In the order of the report.
CLAIMS = (
    Claim(
        "1D and 2D classify equally well",
        ("03_networks",),
        f"the whole 90 % interval of the difference of balanced accuracy within {MARGIN:g}, events and seeds drawn; "
        "twins: for both amplitudes of the spectrum",
        equal_on_twins,
        equal_on_recordings,
    ),
    Claim(
        "half of the errors are shared",
        ("03_networks",),
        "the 95 % interval over events of the share of same wrong answers contains one half",
        shared_on_twins,
        shared_on_recordings,
    ),
    Claim(
        "2D learns faster",
        ("03_networks",),
        "2D needs fewer epochs to 95 % of its highest validation score, the 95 % interval over seeds above zero",
        faster_on_twins,
    ),
    Claim(
        "balanced mini-batches meet unequal classes",
        ("04_imbalance",),
        "the 95 % interval of the gain in balanced accuracy over plain sampling above zero at the strongest imbalance",
        balanced_sampling,
    ),
    Claim(
        "balanced accuracy is the right score",
        ("04_imbalance",),
        "a network that is better than chance by balanced accuracy loses by accuracy to a constant answer",
        lambda found: NOT_TESTED,
        accuracy_hides,
    ),
    Claim(
        "a split by period can starve a class",
        ("01_catalogs",),
        "at least a twentieth of the periods starved, and twice as many as events in random order would give",
        starving_on_twins,
        starving_on_recordings,
    ),
    Claim(
        "the filters stop a band at 4-8 Hz",
        ("05_filters",),
        "twins: more filters with a notch there than before training, p below 0.05 in both settings; recordings: the "
        "95 % interval of the notch inside",
        _filters("inside", "notch at 4-8 Hz"),
        notch_on_recordings,
    ),
    Claim(
        "cut-offs lie at 7-9 Hz",
        ("05_filters",),
        "more corners there than before training, p below 0.05 in both settings",
        _filters("corners", "corners at 7-9 Hz"),
    ),
    Claim(
        "the notch lies where the class spectra cross",
        ("02_spectra", "05_filters"),
        "slope of notch against moved crossing: interval above one half holds, above zero in part",
        follows_crossing,
    ),
    Claim(
        "many channels give the same picture",
        ("05_filters",),
        "the 95 % interval of the share of large filters with a notch at 4-8 Hz contains the share of two channels",
        many_channels,
    ),
    Claim(
        "2D is less suited to real time",
        ("03_networks", "08_detection"),
        "a decision of 2D takes more than a hundredth of the 2.56 s between two windows",
        slow_2d,
    ),
    Claim(
        "SINDy recovers Julian's model",
        ("06_equations",),
        "exactly the true terms in all records, all states seen, no noise, 1000 Hz",
        sindy_recovers,
    ),
    Claim(
        "SINDy fails on the real record",
        ("07_real_record",),
        "no model goes on, or the nearest spectrum is more than twice as far as the record's halves from each other",
        fails_on_twin,
        fails_on_recording,
    ),
    Claim(
        "noise and sampling are why",
        ("06_equations", "07_real_record"),
        "each alone loses true terms, and missing states alone lose nothing; in part where they do as well",
        causes,
    ),
    Claim(
        "the network can be a detection system",
        ("08_detection",),
        "all classes and systems reach the recall over 6 dB and stay under one false alarm a station-day",
        monitors,
    ),
)
