"""Events from probabilities: hysteresis, joining, votes, rivals; measurements; files."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy import Stream, Trace, UTCDateTime, read_events
from obspy.core.inventory import Channel, Inventory, Network, Response, Station
from obspy.geodetics import locations2degrees
from pydantic import ValidationError

from tremorlab.catalog.quakeml import read_quakeml as read_catalogue
from tremorlab.detect import bulletin
from tremorlab.detect.continuous import Annotation
from tremorlab.detect.events import COLUMNS, Detection, Rule, associate, detections, furthest_s, joined
from tremorlab.detect.measure import measure
from tremorlab.errors import CatalogError
from tremorlab.study import Preparation
from tremorlab.waveform.sources import StreamSource

START = UTCDateTime("2011-02-15T00:00:00")


def annotation(probabilities, classes=("tremor", "noise"), station="XX.AAA.", step_s=10.0, window_s=40.0):
    values = np.array(probabilities, "f4")
    if values.ndim == 1:
        values = np.stack([values, 1 - values], axis=1)
    return Annotation(station, "net", tuple(classes), START, step_s, window_s, values, [], [])


def runs_by_hand(values, on, off):
    """Hysteresis, step by step."""
    runs, first = [], None
    for k, value in enumerate(values):
        if first is None and value >= on:
            first = k
        elif first is not None and not value >= off:
            runs.append((first, k - 1))
            first = None
    return runs + ([(first, len(values) - 1)] if first is not None else [])


@settings(max_examples=200, deadline=None)
@given(values=st.lists(st.sampled_from([0.1, 0.5, 0.6, 0.7, 0.9, np.nan]), min_size=1, max_size=40))
def test_runs_are_those_of_a_loop(values):
    found = detections(annotation(values), Rule(on=0.7, off=0.6))
    expected = runs_by_hand(np.array(values, "f4"), np.float32(0.7), np.float32(0.6))
    merged = []
    for first, last in expected:  # in seconds; what overlaps is one event
        onset, end = sorted((10 * first + 20, 10 * last - 20))
        highest = np.nanmax(np.array(values, "f4")[first : last + 1])
        if merged and onset <= merged[-1][1]:
            onset, end, highest = merged[-1][0], max(merged[-1][1], end), max(merged.pop()[2], highest)
        merged.append((onset, end, highest))
    assert [(d.onset - START, d.end - START, np.float32(d.probability)) for d in found] == merged


def test_an_event_shorter_than_a_window_is_where_all_of_its_windows_overlap():
    (detection,) = detections(annotation([0, 0, 0.9, 0.95, 0.9, 0, 0]), Rule())
    assert (detection.onset, detection.end) == (START + 40 - 20, START + 20 + 20)
    assert detection.peak == START + 30
    (long,) = detections(annotation([0] + 20 * [0.9] + [0]), Rule())
    assert (long.onset, long.end) == (START + 10 + 20, START + 200 - 20)


def test_short_runs_are_left_out_and_near_ones_joined():
    values = [0.9, 0, 0, 0, 0, 0] + 8 * [0.9] + [0, 0] + 8 * [0.8] + [0] * 30 + 8 * [0.9]
    assert len(detections(annotation(values), Rule(minimum_s=20))) == 3
    assert len(detections(annotation(values), Rule())) == 4
    joined = detections(annotation(values), Rule(minimum_s=20, join_s=70))
    assert len(joined) == 2
    assert joined[0].probability == np.float32(0.9)
    assert joined[0].end == START + 10 * 23 - 20


def test_a_gap_ends_an_event_and_noise_is_none():
    found = detections(annotation([0.9] * 8 + [np.nan] * 6 + [0.9] * 9 + [0.0]), Rule())
    assert len(found) == 2
    assert {d.event_class for d in found} == {"tremor"}
    assert {d.event_class for d in detections(annotation([0.0, 0.9]), Rule(background=()))} == {"tremor", "noise"}


def test_a_detection_says_station_class_peak_and_probability():
    values = [[0.0, 0.1, 0.9], [0.8, 0.1, 0.1], [0.95, 0.0, 0.05], [0.75, 0.1, 0.15], [0.0, 0.1, 0.9]]
    found = detections(annotation(values, ("tremor", "hybrid", "noise"), station="XX.BBB.00"), Rule())
    highest = float(np.float32(0.95))
    assert found == [Detection("XX.BBB.00", "tremor", START + 10, START + 30, START + 20, highest)]
    assert np.isnan([found[0].snr_db, found[0].frequency_hz, found[0].reduced_displacement_cm2]).all()


def test_detections_of_several_classes_come_in_order_of_onset():
    late, early = np.repeat([0, 0.9, 0], [20, 8, 4]), np.repeat([0, 0.9, 0], [4, 8, 20])
    values = annotation(np.stack([late, early, early, late], axis=1), ("tremor", "vt", "hybrid", "noise"))
    assert [d.event_class for d in detections(values, Rule())] == ["hybrid", "vt", "tremor"]
    assert [d.event_class for d in detections(values, Rule(background=("noise", "vt")))] == ["hybrid", "tremor"]


def test_a_run_begins_at_one_threshold_ends_below_the_other_and_may_be_as_short_as_the_rule_says():
    values = annotation([0, 0.6, 0.7, 0.7, 0.5, 0.49], window_s=10.0)
    for rule in (Rule(), Rule(on=0.7, off=0.5, minimum_s=30)):
        (found,) = detections(values, rule)
        assert (found.onset, found.end) == (START + 20 + 5, START + 40 - 5)
    assert detections(values, Rule(minimum_s=30.1)) == []
    assert detections(values, Rule(on=0.71)) == []
    assert detections(values, Rule(off=0.51))[0].end == START + 30 - 5


def test_joined_detections_have_the_peak_of_the_highest_and_reach_to_the_latest_end():
    inside, low, high = seen("A", 0, 90), seen("A", 10, 40, probability=0.8), seen("A", 95, 99, probability=0.97)
    assert joined([inside, low, high], 5) == [Detection("XX.A.", "tremor", START, START + 99, START + 95, 0.97)]
    assert joined([inside, low], 0) == [inside]
    assert joined([inside, high], 4.9) == [inside, high]
    assert joined([], 5) == []


@pytest.mark.parametrize("fields", [{"on": 0.4, "off": 0.6}, {"stations": 0}, {"on": 1.2}, {"velocity_km_s": 0}])
def test_rules_that_make_no_sense_are_refused(fields):
    with pytest.raises(ValidationError, match=next(iter(fields))):
        Rule(**fields)


def test_a_run_must_not_end_where_it_begins():
    with pytest.raises(ValidationError, match=r"off = 0\.6 is above on = 0\.4: a run would end where it begins"):
        Rule(on=0.4, off=0.6)
    assert Rule(on=0.6, off=0.6).off == 0.6


def seen(station, onset, end, label="tremor", probability=0.9, **more):
    return Detection(f"XX.{station}.", label, START + onset, START + end, START + onset, probability, **more)


def test_stations_vote_in_whatever_order_they_come():
    found = [seen("A", 100, 160), seen("B", 105, 150), seen("C", 400, 420), seen("C", 90, 99, probability=0.95)]
    for order in permutations(found):
        events, members = associate(order, Rule(stations=2, slack_s=5))
        assert events["stations"].tolist() == ["XX.A XX.B XX.C"]
        assert events["votes"].tolist() == [3]
        assert events["onset"][0] == pd.Timestamp((START + 90).ns, tz="UTC")
        assert events["end"][0] == pd.Timestamp((START + 160).ns, tz="UTC")
        assert events["probability"][0] == 0.95
        assert len(members[0]) == 3
    events, _ = associate(found, Rule(slack_s=0))
    assert events["stations"].tolist() == ["XX.C", "XX.A XX.B", "XX.C"]
    assert list(events.columns) == list(COLUMNS)


def test_one_station_has_one_vote():
    assert len(associate([seen("A", 0, 10), seen("A", 12, 20)], Rule(stations=2))[0]) == 0


def test_the_tolerance_is_the_travel_time_between_the_stations():
    places = {"XX.A": (0.0, 0.0), "XX.B": (0.0, 1.0), "XX.C": (0.0, 0.01)}
    travel_s = locations2degrees(0, 0, 0, 1) * 111.195 / 3.0
    near, far = seen("B", 10 + travel_s - 1, 99), seen("B", 10 + travel_s + 1, 99)
    rule = Rule(stations=2, slack_s=0.0)
    assert len(associate([seen("A", 0, 10), near], rule, places)[0]) == 1
    assert len(associate([seen("A", 0, 10), far], rule, places)[0]) == 0
    assert len(associate([seen("A", 0, 10), seen("C", 10 + travel_s - 1, 99)], rule, places)[0]) == 0


@settings(max_examples=100, deadline=None)
@given(data=st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 300), st.integers(0, 40)), max_size=12))
def test_groups_are_those_of_pairwise_comparison(data):
    found = [seen(station, onset, onset + length) for station, onset, length in data]
    _, members = associate(found, Rule(slack_s=7))
    groups = [{k} for k in range(len(found))]
    for i, a in enumerate(found):
        for j, b in enumerate(found):
            if a.onset - b.end <= 7 and b.onset - a.end <= 7:
                one, other = (next(g for g in groups if k in g) for k in (i, j))
                if one is not other:
                    groups.remove(other)
                    one |= other
    expected = sorted(sorted((d.station, d.onset.ns, d.end.ns) for d in (found[k] for k in g)) for g in groups)
    assert sorted(sorted((d.station, d.onset.ns, d.end.ns) for d in own) for own in members) == expected


def test_the_furthest_two_stations_decide_how_long_to_wait_for_an_event():
    places = {"XX.A": (0.0, 0.0), "XX.B": (0.0, 0.5), "XX.C": (0.0, 2.0)}
    rule = Rule(slack_s=7.0, velocity_km_s=4.0)
    assert furthest_s(rule, places) == pytest.approx(7.0 + locations2degrees(0, 0, 0, 2) * 111.195 / 4.0, rel=0.002)
    assert furthest_s(rule, {"XX.A": (40.0, 140.0)}) == furthest_s(rule, {}) == furthest_s(rule) == 7.0


def test_stations_without_coordinates_have_slack_only():
    places = {"XX.A": (0.0, 0.0), "XX.B": (0.0, 1.0)}
    rule = Rule(stations=2, slack_s=3.0)
    assert len(associate([seen("A", 0, 10), seen("C", 13, 20)], rule, places)[0]) == 1
    assert len(associate([seen("A", 0, 10), seen("C", 13.1, 20)], rule, places)[0]) == 0
    assert len(associate([seen("A", 0, 10), seen("B", 13.1, 20)], rule, places)[0]) == 1
    # The channels of one station are no two stations.
    other = Detection("XX.A.10", "tremor", START + 2, START + 9, START + 5, 0.9)
    assert len(associate([seen("A", 0, 10), other], rule, places)[0]) == 0


def test_a_long_event_holds_together_what_comes_late_in_it():
    found = [seen("A", 0, 500), seen("B", 10, 20), seen("C", 100, 110), seen("A", 505, 510), seen("B", 600, 610)]
    _, members = associate(found, Rule(slack_s=6))
    assert [len(own) for own in members] == [4, 1]


def test_the_table_takes_ratio_and_frequency_from_the_clearest_station_and_the_median_displacement():
    group = [
        seen("B", 100.1239, 160, snr_db=3.0, frequency_hz=1.0, reduced_displacement_cm2=8.0),
        seen("A", 101, 170, probability=0.8, snr_db=9.0, frequency_hz=2.0, reduced_displacement_cm2=1.0),
        seen("C", 102, 150, frequency_hz=5.0, probability=0.99),
        seen("D", 103, 150, snr_db=-20.0, frequency_hz=6.0, reduced_displacement_cm2=3.0),
    ]
    events, _ = associate(group, Rule())
    assert events.to_dict("records") == [
        {
            "event_id": "tremor_20110215T000140.123_XX.A",
            "event_class": "tremor",
            "onset": pd.Timestamp((START + 100.1239).ns, tz="UTC"),
            "end": pd.Timestamp((START + 170).ns, tz="UTC"),
            "stations": "XX.A XX.B XX.C XX.D",
            "votes": 4,
            "probability": 0.99,
            "snr_db": 9.0,
            "frequency_hz": 2.0,
            "reduced_displacement_cm2": 3.0,
            "also": "",
        }
    ]
    quiet, _ = associate(group[2:], Rule())  # one without a ratio is not the clearest, however low the other's
    assert quiet[["snr_db", "frequency_hz", "reduced_displacement_cm2"]].iloc[0].tolist() == [-20.0, 6.0, 3.0]
    unknown, _ = associate([seen("B", 0, 9, frequency_hz=1.0), seen("A", 0, 9, probability=0.95)], Rule())
    assert unknown[["snr_db", "frequency_hz", "reduced_displacement_cm2"]].isna().all(axis=None)
    ties = [
        seen("A", 0, 9, snr_db=2.0, frequency_hz=1.0),
        seen("B", 0, 9, "tremor", 0.95, snr_db=2.0, frequency_hz=7.0),
    ]
    assert associate(ties, Rule())[0]["frequency_hz"].tolist() == [7.0]


def test_events_come_in_order_of_onset_with_their_members():
    found = [seen("A", 500, 510), seen("A", 100, 110), seen("B", 100, 110, "hybrid"), seen("C", 300, 310, "hybrid")]
    events, members = associate(found, Rule())
    expected = [("hybrid", "XX.B"), ("tremor", "XX.A"), ("hybrid", "XX.C"), ("tremor", "XX.A")]
    assert list(zip(events["event_class"], events["stations"], strict=True)) == expected
    assert [(own[0].event_class, own[0].station) for own in members] == [(name, f"{at}.") for name, at in expected]


@pytest.mark.parametrize(
    ("weak", "gives_way"),
    [
        ((150, 250), False),  # half of its time
        ((149, 249), True),
        ((0, 150), False),  # half of the other, a third of its own
        ((120, 130), True),
        ((100, 100), True),
        ((201, 201), False),
        ((300, 400), False),
    ],
)
def test_an_event_gives_way_to_a_stronger_one_that_shares_more_than_half_of_the_shorter(weak, gives_way):
    found = [seen("A", 100, 200, probability=0.95), seen("A", *weak, "hybrid", 0.8)]
    events, _ = associate(found, Rule())
    assert len(events) == 2 - gives_way
    assert events["also"][events["event_class"] == "tremor"].tolist() == ["hybrid" if gives_way else ""]


def test_an_event_names_all_classes_that_gave_way_to_it():
    others = [seen("A", 110, 190, label, 0.8) for label in ("vt", "hybrid", "explosion")]
    events, _ = associate([*others, seen("A", 100, 200), seen("B", 100, 200)], Rule())
    assert events["also"].tolist() == ["explosion hybrid vt"]


def test_of_two_classes_at_one_time_the_one_with_more_stations_stays():
    many = [seen("A", 100, 200), seen("B", 100, 200)]
    few = seen("A", 150, 190, "earthquake", 0.99)
    events, _ = associate([*many, few], Rule())
    assert events["event_class"].tolist() == ["tremor"]
    assert events["also"].tolist() == ["earthquake"]
    events, _ = associate([seen("A", 100, 200), few], Rule())
    assert events["event_class"].tolist() == ["earthquake"]
    elsewhere = seen("C", 150, 190, "earthquake", 0.99)
    assert len(associate([*many, elsewhere], Rule())[0]) == 2
    beside = seen("A", 190, 260, "earthquake", 0.99)
    assert len(associate([*many, beside], Rule())[0]) == 2


@settings(max_examples=60, deadline=None)
@given(
    data=st.lists(
        st.tuples(
            st.sampled_from("AB"),
            st.integers(0, 60),
            st.integers(0, 30),
            st.sampled_from(["tremor", "vt", "hybrid"]),
            st.sampled_from([0.7, 0.8, 0.9]),
        ),
        max_size=12,
    )
)
def test_who_gives_way_is_that_of_comparing_all_with_all(data):
    found = [seen(at, onset, onset + length, label, p) for at, onset, length, label, p in data]
    apart = [associate([d for d in found if d.event_class == label], Rule())[1] for label in {d[3] for d in data}]
    groups = sorted(
        (group for one_class in apart for group in one_class),
        key=lambda own: (
            -len({d.station for d in own}),
            -max(d.probability for d in own),
            min(d.onset for d in own),
            own[0].event_class,
        ),
    )
    kept = []
    for own in groups:
        begin, end = min(d.onset for d in own), max(d.end for d in own)
        for other in kept:
            first, last = min(d.onset for d in other), max(d.end for d in other)
            shared, shorter = min(end, last) - max(begin, first), min(end - begin, last - first)
            if (
                other[0].event_class != own[0].event_class
                and {d.station for d in other} & {d.station for d in own}
                and (shared > shorter / 2 or shared == shorter == 0)
            ):
                break
        else:
            kept.append(own)
    names = sorted((own[0].event_class, sorted((d.station, d.onset.ns) for d in own)) for own in kept)
    _, members = associate(found, Rule())
    assert sorted((own[0].event_class, sorted((d.station, d.onset.ns) for d in own)) for own in members) == names


def test_nothing_makes_an_empty_table_with_types():
    events, members = associate([], Rule())
    assert len(events) == 0
    assert members == []
    assert events["onset"].dtype == "datetime64[ns, UTC]"


# Measurements


def burst(seed=0, onset=600.0, length=30.0, amplitude=2000.0, frequency=4.0):
    """Twenty minutes of noise at 50 Hz with a burst of one frequency."""
    rng = np.random.default_rng(seed)
    time = np.arange(0, 1200, 0.02)
    inside = (time >= onset) & (time < onset + length)
    samples = 100 * rng.normal(size=len(time)) + inside * amplitude * np.sin(2 * np.pi * frequency * time)
    header = {"network": "XX", "station": "AAA", "channel": "HHZ", "starttime": START, "sampling_rate": 50.0}
    return Stream([Trace(samples.astype(np.int32), header)])


def coarse(onset, end):
    return Detection("XX.AAA.", "tremor", START + onset, START + end, START + onset, 0.9)


def of(stream, detection, **options):
    return measure(detection, StreamSource(stream), "HH?", "Z", Preparation(highpass_hz=1.0), **options)


@pytest.mark.parametrize("frequency", [2.5, 4.0, 7.0])
def test_onset_end_frequency_and_ratio_are_those_put_in(frequency):
    found = of(burst(frequency=frequency), coarse(560, 700))
    assert abs(found.onset - (START + 600)) < 1.1
    assert abs(found.end - (START + 630)) < 1.1
    assert abs(found.frequency_hz - frequency) < 0.1
    # Power of the sinusoid over that of white noise, of which the band of 2-8 Hz holds 6 in 25 Hz.
    assert found.snr_db == pytest.approx(10 * np.log10(2000**2 / 2 / (100**2 * 6 / 25)), abs=1.5)


def test_a_detection_that_does_not_rise_keeps_its_times():
    detection = coarse(560, 700)
    found = of(burst(amplitude=0), detection)
    assert abs(found.snr_db) < 4
    assert found.end >= found.onset


def test_without_a_record_nothing_is_measured():
    detection = coarse(5000, 5100)
    assert of(burst(), detection) == detection
    damaged = burst()
    damaged[0].stats.sampling_rate = 5.0
    assert of(damaged, coarse(560, 700)) == coarse(560, 700)


def test_reduced_displacement_is_displacement_times_distance():
    """A sinusoid of ground motion of 1e-6 m root mean square, seen by an accelerometer 10 km away."""
    frequency, rms_m, sensitivity = 4.0, 1e-6, 1e9
    counts = rms_m * np.sqrt(2) * 2 * np.pi * frequency * sensitivity
    stream = burst(amplitude=counts, frequency=frequency, length=60.0)
    response = Response.from_paz([], [], stage_gain=sensitivity, input_units="M/S", output_units="COUNTS")
    channel = Channel("HHZ", "", 0.0, 0.0, 0.0, 0.0, response=response, sample_rate=50.0)
    inventory = Inventory([Network("XX", [Station("AAA", 0.0, 0.0, 0.0, channels=[channel])])], "test")
    found = of(stream, coarse(560, 700), inventory=inventory, origin=(0.0, 10 / 111.3195))
    assert found.reduced_displacement_cm2 == pytest.approx(rms_m * 1e4 * 1e4, rel=0.05)
    assert np.isnan(of(stream, coarse(560, 700), inventory=inventory).reduced_displacement_cm2)
    assert np.isnan(of(stream, coarse(560, 700), inventory=Inventory(), origin=(0, 1)).reduced_displacement_cm2)


# Files


@pytest.fixture
def found():
    measured = {"snr_db": 7.3000000000000001, "frequency_hz": 1 / 3}
    return associate(
        [
            seen("A", 100.123456, 160, **measured),
            seen("B", 105, 150, reduced_displacement_cm2=1.5),
            seen("A", 130, 150, "hybrid", 0.71),
            seen("C", 900, 950, "hybrid", 0.71),
            seen("B", 2000, 2010, "earthquake"),
        ],
        Rule(),
    )


def test_csv_comes_back_equal(found, tmp_path):
    bulletin.write_csv(found[0], tmp_path / "x.csv")
    pd.testing.assert_frame_equal(bulletin.read_csv(tmp_path / "x.csv"), found[0])
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]
    bulletin.write_csv(found[0].iloc[:0], tmp_path / "x.csv")
    pd.testing.assert_frame_equal(bulletin.read_csv(tmp_path / "x.csv"), found[0].iloc[:0])


def test_quakeml_comes_back_equal_through_the_reader_of_obspy(found, tmp_path):
    path = tmp_path / "x.xml"
    bulletin.write_quakeml(*found, path, source="net")
    pd.testing.assert_frame_equal(bulletin.read_quakeml(path), found[0])
    events = read_events(str(path))
    assert [event.event_type for event in events] == ["other event", "other event", "earthquake"]
    assert [len(event.picks) for event in events] == [2, 1, 1]
    assert events[0].picks[0].time == START + 100.123456
    assert events[0].picks[0].waveform_id.station_code == "A"
    assert events[0].extra.also.value == "hybrid"


def test_our_catalogue_reader_takes_the_same_file(found, tmp_path):
    bulletin.write_quakeml(*found, tmp_path / "x.xml", source="net")
    catalogue = read_catalogue(tmp_path / "x.xml")
    pd.testing.assert_frame_equal(catalogue, bulletin.as_catalogue(*found, "net"))
    assert catalogue["event_class"].tolist() == ["tremor", "tremor", "other", "earthquake"]
    assert catalogue["station"].tolist() == ["XX.A", "XX.B", "XX.C", "XX.B"]
    assert catalogue["remarks"][2] == "hybrid, probability 0.710"


def test_labels_have_the_columns_of_seisbench(found):
    labels = bulletin.labels([d for own in found[1] for d in own])
    assert tuple(labels.columns) == ("trace_id", "start_time", "end_time", "peak_time", "peak_value", "phase")
    assert labels["trace_id"][0] == "XX.A."
    assert labels["phase"].tolist() == ["tremor", "tremor", "hybrid", "earthquake"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda e, m, p: bulletin.write_csv(e.drop(columns="votes"), p / "x"), r"column\(s\) votes missing"),
        (lambda e, m, p: bulletin.write_quakeml(e, m[:1], p / "x", source="n"), "3 rows for 1 lists of detections"),
        (lambda e, m, p: bulletin.write_csv(e, p / "none" / "x"), "none/x: cannot be written"),
        (lambda e, m, p: bulletin.read_csv(p / "x"), "x: cannot be read: .*No such file"),
        (lambda e, m, p: bulletin.read_quakeml(p / "x"), "x: cannot be read: No such file"),
    ],
)
def test_what_cannot_be_written_or_read_is_named(found, tmp_path, call, message):
    with pytest.raises(CatalogError, match=message):
        call(*found, tmp_path)


def test_events_of_others_are_not_taken_for_detections(tmp_path):
    read_events().write(str(tmp_path / "x.xml"), "QUAKEML")
    with pytest.raises(CatalogError, match=r"x\.xml, row 1: is not a detection of ours"):
        bulletin.read_quakeml(tmp_path / "x.xml")
