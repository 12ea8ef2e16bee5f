"""Far-field ground velocity against differentiation of the same motion, and closed-form responses."""

import numpy as np
import pytest

from tremorlab.dynamics import julian, station
from tremorlab.dynamics.julian import Parameters
from tremorlab.dynamics.station import Station, ground_velocity
from tremorlab.errors import DynamicsError

CYCLE = Parameters(p1=12e6)


def test_moment_source_shows_the_second_derivative_of_the_opening():
    place = Station()
    seen = ground_velocity(CYCLE, place, 4.0, 100.0, "moment", settle_s=1.0)
    h = julian.simulate(CYCLE, 4.0, 1000.0, settle_s=1.0).values[:, 1]
    opening_acceleration = np.gradient(np.gradient(h, 1e-3), 1e-3)[::10]
    # Aki and Richards, equation 4.29: moment acceleration over 4 pi rho alpha^3 r, with lambda + 2 mu = rho alpha^2.
    expected = place.breadth_m * CYCLE.L * opening_acceleration / (4 * np.pi * place.p_speed_m_s * place.distance_m)
    inner = slice(20, -20)
    np.testing.assert_allclose(seen.values[inner, 0], (expected - expected.mean())[inner], atol=0.02 * np.ptp(expected))
    assert seen.units == ("m/s",)


def test_force_source_without_damping_shows_the_wall_velocity():
    parameters = Parameters(p1=10e6, eta=500.0, M=3e5, A=0.0)
    place = Station(distance_m=5000.0)
    seen = ground_velocity(parameters, place, 3.0, 200.0, "force", settle_s=1.0).values[:, 0]
    u = julian.simulate(parameters, 3.0, 200.0, settle_s=1.0).values[:, 2]
    factor = place.breadth_m * parameters.k / (4 * np.pi * place.density_kg_m3 * place.p_speed_m_s**2 * 5000.0)
    inner = slice(40, -40)
    np.testing.assert_allclose(seen[inner], factor * (u - u.mean())[inner], atol=0.02 * factor * np.ptp(u))


def test_amplitude_falls_with_distance():
    near, far = (ground_velocity(CYCLE, Station(distance_m=r), 2.0, settle_s=0.0).values for r in (2000.0, 6000.0))
    np.testing.assert_allclose(near, 3 * far, rtol=1e-9)


def test_seismometer_takes_out_what_is_below_its_corner():
    rate = 100.0
    times = np.arange(6000) / rate
    for frequency in (0.2, 1.0, 10.0):
        wave = np.sin(2 * np.pi * frequency * times)
        out = station._seismometer(wave, rate, Station(corner_hz=1.0))
        s = 2j * np.pi * frequency
        gain = abs(s**2 / (s**2 + 2 * 0.707 * 2 * np.pi * s + (2 * np.pi) ** 2))
        assert out[2000:5000].std() * np.sqrt(2) == pytest.approx(gain, rel=0.02)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"source": "tide"}, "is neither 'moment' nor 'force'"), ({"sampling_rate_hz": 33.3}, "is not a whole number")],
)
def test_unknown_source_and_rate_are_refused(change, message):
    with pytest.raises(DynamicsError, match=message):
        ground_velocity(CYCLE, Station(), 2.0, **change)


def test_a_force_shows_stiffness_and_damping():
    place = Station(breadth_m=4.0)
    seen = ground_velocity(CYCLE, place, 2.0, 100.0, "force", settle_s=1.0).values[:, 0]
    states = julian.simulate(CYCLE, 2.0, 1000.0, settle_s=1.0).values
    force = 4.0 * (CYCLE.k * (states[:, 1] - CYCLE.h0) + CYCLE.A * states[:, 2])
    expected = np.gradient(force, 1e-3)[::10] / (4 * np.pi * 2500 * 3000**2 * 10_000)
    inner = slice(20, -20)
    np.testing.assert_allclose(seen[inner], (expected - expected.mean())[inner], atol=0.02 * np.ptp(expected))


def test_what_is_seen_has_the_rate_and_length_asked_for_and_no_mean():
    seen = ground_velocity(CYCLE, Station(), 2.0, 30.0, settle_s=0.5)
    assert (seen.values.shape, seen.sampling_rate_hz, seen.names) == ((60, 1), 30.0, ("velocity",))
    assert abs(seen.values.mean()) < 0.05 * seen.values.std()
    default = ground_velocity(CYCLE, Station(), 1.0, settle_s=0.5)
    assert default.sampling_rate_hz == 100
    np.testing.assert_array_equal(default.values, ground_velocity(CYCLE, Station(), 1.0, 100.0, "moment", 0.5).values)
    for rate in (0.5, 0.0, -3.0):
        with pytest.raises(DynamicsError, match="is not a whole number of at least 1"):
            ground_velocity(CYCLE, Station(), 2.0, rate)


def test_the_start_of_the_motion_may_be_given():
    one = ground_velocity(CYCLE, Station(), 1.0, settle_s=0.0, start=(100.0, 0.5, 0.0))
    other = ground_velocity(CYCLE, Station(), 1.0, settle_s=0.0)
    assert np.any(one.values != other.values)


def test_a_seismometer_of_the_ground_velocity_is_the_one_asked_for():
    flat = ground_velocity(CYCLE, Station(), 6.0, settle_s=2.0).values[200:-50, 0]
    low = ground_velocity(CYCLE, Station(corner_hz=0.5), 6.0, settle_s=2.0).values[200:-50, 0]
    high = ground_velocity(CYCLE, Station(corner_hz=20.0), 6.0, settle_s=2.0).values[200:-50, 0]
    assert low.std() == pytest.approx(flat.std(), rel=0.05)
    assert high.std() < 0.5 * flat.std()
