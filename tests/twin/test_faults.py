"""Faults: stated rates, the sensor's own answer to a tilt, and truth that says what was done."""

import numpy as np
import pytest
from scipy.signal import lsim

from tremorlab.twin import faults
from tremorlab.twin.faults import PER_DAY, Fault, digitise, draw, glitch, pieces
from tremorlab.twin.network import INSTRUMENTS, NETWORKS

STATION = NETWORKS["sakurajima_like"].stations[2]
SENSOR = INSTRUMENTS["broadband_40s"]


def test_rates_are_the_stated_ones_and_faults_stay_in_their_day():
    drawn = [fault for day in range(1500) for fault in draw(STATION, day, 5)]
    for kind, per_day in PER_DAY.items():
        number = sum(fault.kind == kind for fault in drawn)
        # At most one clock step a day.
        expected = 1500 * (1 - np.exp(-per_day) if kind == "clock_step" else per_day)
        assert abs(number - expected) < 4 * np.sqrt(expected)
    for day in (0, 7):
        for fault in draw(STATION, day, 5, factor=50):
            assert day * 86400 <= fault.start_s <= fault.end_s <= (day + 1) * 86400


def test_the_same_seed_draws_the_same_and_none_are_drawn_at_factor_0():
    assert draw(STATION, 3, 1, 5) == draw(STATION, 3, 1, 5) != draw(STATION, 3, 2, 5)
    assert draw(STATION, 3, 1, 0.0) == []


def test_a_glitch_is_the_sensors_answer_to_a_step_in_acceleration():
    fault = Fault("glitch", 0, 0.0, 0.0, 1e-6)
    found = glitch(fault, SENSOR, 20.0)
    time = np.arange(len(found)) / 20.0
    gain = SENSOR.volts_per_m_s * SENSOR.counts_per_volt
    denominator = np.poly(SENSOR.poles).real
    _, expected, _ = lsim(([gain, 0.0, 0.0], denominator), 1e-6 * time, time)
    assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()
    assert abs(found[-1]) < 0.01 * np.abs(found).max()


def test_glitches_reach_into_the_next_record_without_a_seam():
    fault = Fault("glitch", 1, 95.0, 95.0, 1e-6)
    whole, _ = digitise(np.zeros((3, 4000), "f4"), [fault], SENSOR, 20.0, 0.0)
    first, _ = digitise(np.zeros((3, 2000), "f4"), [fault], SENSOR, 20.0, 0.0)
    second, _ = digitise(np.zeros((3, 2000), "f4"), [fault], SENSOR, 20.0, 100.0)
    assert np.array_equal(whole, np.hstack([first, second]))
    assert np.abs(second[1]).max() > 100
    assert not whole[[0, 2]].any()


def test_clipping_is_at_full_scale_and_in_the_truth():
    record = np.zeros((3, 6000), "f4")
    record[2] = 1.5 * SENSOR.full_scale * np.sin(2 * np.pi * np.arange(6000) / 100) * (np.arange(6000) < 1000)
    counts, found = digitise(record, [], SENSOR, 100.0, 500.0)
    assert counts.dtype == np.int32
    assert counts.max() == SENSOR.full_scale == -counts.min()
    assert [(fault.kind, fault.component) for fault in found] == [("clipping", 2)]
    assert 500 < found[0].start_s < 501
    assert 509 < found[0].end_s < 510.01


def test_spikes_and_steps_change_counts_where_they_say():
    given = [
        Fault("spike", 0, 10.0, 10.0, 5000.0),
        Fault("step", 1, 20.0, 30.0, -300.0),
        Fault("spike", 0, 99.0, 99.0, 9.0),
    ]
    counts, found = digitise(np.full((3, 1000), 7, "f4"), given, SENSOR, 20.0, 0.0)
    assert found == []
    assert counts[0, 200] == 5007
    assert (np.delete(counts[0], 200) == 7).all()
    assert (counts[1, 400:600] == -293).all()
    assert (counts[1, :400] == 7).all()
    assert (counts[1, 600:] == 7).all()
    assert (counts[2] == 7).all()


def test_spikes_and_steps_do_not_leave_the_range_of_the_digitiser():
    given = [Fault("spike", 0, 1.0, 1.0, 1e6), Fault("step", 0, 2.0, 3.0, 1e6)]
    counts, _ = digitise(np.full((3, 100), SENSOR.full_scale - 5, "f4"), given, SENSOR, 20.0, 0.0)
    assert counts.max() == SENSOR.full_scale


def test_gaps_part_the_record_and_clock_steps_move_its_time():
    counts = np.arange(300).reshape(3, 100).astype("i4")
    given = [
        Fault("gap", -1, 2.0, 3.0, 0.0),
        Fault("clock_step", -1, 5.0, 7.5, -0.75),
        Fault("spike", 0, 1.0, 1.0, 3.0),
    ]
    found = pieces(counts, given, 10.0, 0.0)
    assert [(piece.first, piece.samples.shape[1], piece.late_s) for piece in found] == [
        (0, 20, 0.0), (30, 20, 0.0), (50, 25, -0.75), (75, 25, 0.0),
    ]  # fmt: skip
    assert np.array_equal(found[1].samples, counts[:, 30:50])


def test_the_shortest_gap_loses_one_sample_and_the_longest_everything():
    counts = np.zeros((3, 100), "i4")
    assert [p.first for p in pieces(counts, [Fault("gap", -1, 1.0, 1.01, 0.0)], 10.0, 0.0)] == [0, 11]
    assert pieces(counts, [Fault("gap", -1, -5.0, 50.0, 0.0)], 10.0, 0.0) == []
    assert [p.samples.shape for p in pieces(counts, [], 10.0, 0.0)] == [(3, 100)]


def test_sizes_are_within_the_stated_limits():
    drawn = [fault for day in range(60) for fault in draw(STATION, day, 1, factor=20)]
    limits = {
        "glitch": (10**-7.5, 10**-5.5),
        "spike": (10**3.5, 1e6),
        "step": (10**2.5, 10**4.5),
        "clock_step": (0.2, 3),
    }
    for kind, (low, high) in limits.items():
        sizes = np.abs([fault.size for fault in drawn if fault.kind == kind])
        assert low <= sizes.min()
        assert sizes.max() <= high
    assert {fault.component for fault in drawn if fault.kind in ("gap", "clock_step")} == {-1}
    assert pytest.approx(86400) == faults.DAY_S
