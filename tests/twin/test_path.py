"""Media and rays against integrations and closed forms of their own."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from tremorlab.errors import ParameterError
from tremorlab.twin.path import MEDIA, rays, travel_time_s

NANKAI = MEDIA["nankai"]

places = st.tuples(st.floats(-60, 60), st.floats(-60, 60), st.floats(4.0, 40.0)).filter(
    lambda place: np.hypot(place[0] - 12, place[1] + 7) > 0.1
)


def traced(medium, source, direction, duration):
    """Position and direction after a time along a ray, by the equations of Cerveny (2001, eq. 3.1.14)."""

    def step(_, state):
        speed = float(medium.vp_km_s(max(state[2], medium.top_km)))
        return [*(speed**2 * state[3:]), 0.0, 0.0, -medium.gradient_per_s / speed]

    slowness = np.asarray(direction) / float(medium.vp_km_s(source[2]))
    end = integrate.solve_ivp(step, (0, duration), [*source, *slowness], rtol=1e-9, atol=1e-9).y[:, -1]
    return end[:3], end[3:] / np.linalg.norm(end[3:])


@given(places)
@settings(max_examples=40, deadline=None)
def test_a_ray_shot_in_the_stated_direction_hits_the_station_at_the_stated_time(source):
    ray = rays(NANKAI, np.array([source]), (12.0, -7.0, 2.0))
    position, direction = traced(NANKAI, source, ray.leaving[0], ray.p_time_s[0])
    np.testing.assert_allclose(position, (12.0, -7.0, 2.0), atol=2e-3)
    np.testing.assert_allclose(direction, ray.arriving[0, 0], atol=1e-3)


@pytest.mark.parametrize("name", list(MEDIA))
def test_s_minus_p_is_the_integral_of_slowness_along_the_ray(name):
    medium = MEDIA[name]
    source, station = np.array([3.0, 2.0, 4.0]), np.array([-1.0, 0.5, -0.2 if "nankai" not in name else 2.0])
    ray = rays(medium, source[None], station)

    # Walk the circle through both ends whose tangent at the source is the stated one.
    offset = station - source
    horizontal = np.hypot(*offset[:2])
    down = medium.vp_km_s(source[2]) / medium.gradient_per_s
    centre = down * ray.leaving[0, 2] / np.hypot(*ray.leaving[0, :2])
    radius = np.hypot(down, centre)
    depth = lambda x: np.sqrt(radius**2 - (x - centre) ** 2) - down + source[2]  # noqa: E731
    slope = lambda x: radius / np.sqrt(radius**2 - (x - centre) ** 2)  # noqa: E731
    times = {
        phase: integrate.quad(lambda x, speed=speed: slope(x) / float(speed(depth(x))), 0, horizontal)[0]
        for phase, speed in (("P", medium.vp_km_s), ("S", medium.vs_km_s))
    }
    assert ray.s_time_s[0] - ray.p_time_s[0] == pytest.approx(times["S"] - times["P"], rel=1e-6)
    assert travel_time_s(medium, source, station, "S") == pytest.approx(times["S"], rel=1e-6)


@given(places)
@settings(max_examples=50, deadline=None)
def test_no_straight_line_is_faster_than_the_ray(source):
    station = np.array([12.0, -7.0, 2.0])
    distance = np.linalg.norm(station - source)
    along = np.linspace(0, 1, 2001)
    straight = np.trapezoid(distance / NANKAI.vp_km_s(source[2] + along * (2.0 - source[2])), along)
    time = travel_time_s(NANKAI, source, station, "P")
    assert time <= straight * (1 + 1e-6)


@given(places)
@settings(max_examples=50, deadline=None)
def test_the_three_motions_are_at_right_angles(source):
    ray = rays(NANKAI, np.array([source]), (12.0, -7.0, 2.0))
    np.testing.assert_allclose(ray.arriving[0] @ ray.arriving[0].T, np.eye(3), atol=1e-9)
    triad = np.vstack([ray.leaving, ray.across[0]])
    np.testing.assert_allclose(triad @ triad.T, np.eye(3), atol=1e-9)
    assert ray.arriving[0, 2, 2] == 0  # SH is horizontal


def test_a_source_under_the_station_sends_its_wave_straight_up():
    ray = rays(NANKAI, np.array([[12.0, -7.0, 20.0]]), (12.0, -7.0, 2.0))
    np.testing.assert_allclose(ray.leaving[0], [0, 0, -1], atol=1e-6)
    layers = np.log(NANKAI.vp_km_s(20.0) / NANKAI.vp_km_s(2.0)) / NANKAI.gradient_per_s
    assert ray.p_time_s[0] == pytest.approx(layers)


def test_a_source_at_the_station_is_taken_fifty_metres_away():
    assert rays(NANKAI, np.array([[12.0, -7.0, 2.0]]), (12.0, -7.0, 2.0)).distance_km[0] == 0.05


def test_quality_is_flat_below_one_hertz_and_a_power_law_above():
    np.testing.assert_allclose(NANKAI.quality([0.1, 1.0, 4.0]), [80, 80, 80 * 4**0.7])
    assert NANKAI.quality(1.0, "P") == 140


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vp_top_km_s", 0.0),
        ("gradient_per_s", 0.0),
        ("vp_vs", 1.2),
        ("density_kg_m3", 10.0),
        ("q_s", -5.0),
        ("q_p", float("nan")),
        ("q_exponent", 1.5),
        ("mean_free_path_s_km", 0.0),
        ("mean_free_path_p_km", 0.0),
        ("broadening", 0.9),
        ("kappa_s", 1.0),
        ("site_scatter", -0.1),
    ],
)
def test_a_medium_that_is_no_rock_is_refused(name, value):
    with pytest.raises(ParameterError, match=f"medium 'nankai', {name}: .* is not between .* and"):
        replace(NANKAI, **{name: value})


def test_a_place_above_the_model_is_refused():
    with pytest.raises(ParameterError, match=r"z of -2 km is above the top of the model at 0 km"):
        travel_time_s(NANKAI, (0.0, 0.0, 10.0), (0.0, 0.0, -2.0), "P")
    with pytest.raises(ParameterError, match="above the top"):
        NANKAI.vp_km_s(float("nan"))


def test_a_depth_at_which_the_crust_would_be_too_fast_is_refused():
    with pytest.raises(ParameterError, match=r"Vp of 13\.7 km/s at z of 20 km is above 8\.5 km/s"):
        MEDIA["sakurajima"].vp_km_s(20.0)
    assert MEDIA["sakurajima_crust"].vp_km_s(20.0) < 8.5
