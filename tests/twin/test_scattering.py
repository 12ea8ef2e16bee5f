"""Coda against energy conservation, random walks, diffusion and single scattering."""

import numpy as np
import pytest

from tremorlab.twin.scattering import p_to_s_coda_density, s_coda_density

SPEED = 3.0


def shell(radius, time, density):
    """Integral over a ball of the given radius of a density that is peaked at its surface."""
    inner = (np.arange(100_000) + 0.5) / 100_000
    distance = radius * (1 - inner**4)
    return np.sum(4 * np.pi * distance**2 * density(distance, time) * radius * 4 * inner**3) / 100_000


@pytest.mark.parametrize("free_path", [0.5, 3.0, 20.0, 100.0])
@pytest.mark.parametrize("time", [1.0, 5.0, 30.0])
def test_s_energy_is_conserved(free_path, time):
    coda = shell(SPEED * time, time, lambda r, t: s_coda_density(r, t, SPEED, free_path))
    direct = np.exp(-SPEED * time / free_path)
    assert coda + direct == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("free_path", [2.0, 70.0])
@pytest.mark.parametrize("time", [1.0, 20.0])
def test_converted_energy_is_what_left_the_p_wave(free_path, time):
    p_speed = 1.8 * SPEED
    coda = shell(p_speed * time, time, lambda r, t: p_to_s_coda_density(r, t, p_speed, 1.8, free_path))
    assert coda == pytest.approx(1 - np.exp(-p_speed * time / free_path), rel=0.005)


def test_nothing_comes_before_the_direct_wave():
    assert s_coda_density(10.0, 10 / SPEED - 1e-6, SPEED, 5.0) == 0
    assert p_to_s_coda_density(10.0, 10 / (1.8 * SPEED) - 1e-6, 1.8 * SPEED, 1.8, 5.0) == 0


def test_long_after_the_source_energy_diffuses():
    free_path, time, distance = 2.0, 60.0, np.array([0.5, 5.0, 20.0])
    spread = 4 * (SPEED * free_path / 3) * time
    diffusion = np.exp(-(distance**2) / spread) / (np.pi * spread) ** 1.5
    np.testing.assert_allclose(s_coda_density(distance, time, SPEED, free_path), diffusion, rtol=0.05)


def random_walk(rng, particles, time, free_path):
    """Distances of particles from the source after a time, and whether they were scattered."""
    position, left = np.zeros((particles, 3)), np.full(particles, SPEED * time)
    scattered = np.zeros(particles, dtype=bool)
    while np.any(left > 0):
        step = np.minimum(rng.exponential(free_path, particles), left)
        direction = rng.standard_normal((particles, 3))
        position += step[:, None] * direction / np.linalg.norm(direction, axis=1)[:, None]
        scattered |= (step > 0) & (step < left)
        left = left - step
    return np.linalg.norm(position, axis=1), scattered


@pytest.mark.parametrize("time", [2.0, 6.0])
def test_s_coda_is_that_of_a_random_walk(time):
    free_path = 5.0
    distance, scattered = random_walk(np.random.default_rng(4), 200_000, time, free_path)
    edges = np.linspace(0.15, 0.9, 7) * SPEED * time
    found = np.histogram(distance[scattered], edges)[0] / len(distance)
    fine = np.linspace(edges[:-1], edges[1:], 41)
    expected = np.trapezoid(4 * np.pi * fine**2 * s_coda_density(fine, time, SPEED, free_path), fine, axis=0)
    np.testing.assert_allclose(found, expected, rtol=0.10)  # the approximation is good to some per cent


def test_p_to_s_coda_is_that_of_one_conversion_somewhere():
    rng, time, p_speed, particles = np.random.default_rng(5), 4.0, 1.8 * SPEED, 400_000
    when = time * rng.random(particles)
    cosine = rng.uniform(-1, 1, particles)
    first, second = p_speed * when, SPEED * (time - when)
    distance = np.sqrt(first**2 + second**2 + 2 * first * second * cosine)
    edges = np.linspace(0.1, 0.98, 9) * p_speed * time
    found = np.histogram(distance, edges)[0] / particles
    weak = 1e6  # nearly all energy is still to be converted: one conversion a unit time
    fine = np.linspace(edges[:-1], edges[1:], 401)
    density = p_to_s_coda_density(fine, time, p_speed, 1.8, weak) / (p_speed * time / weak)
    expected = np.trapezoid(4 * np.pi * fine**2 * density, fine, axis=0)
    np.testing.assert_allclose(found, expected, rtol=0.03)


def test_converted_energy_peaks_when_s_arrives():
    time = np.linspace(1.9, 8.0, 2000)
    density = p_to_s_coda_density(10.0, time, 1.8 * SPEED, 1.8, 50.0)
    assert time[np.argmax(density)] == pytest.approx(10 / SPEED, abs=0.01)
    assert np.all(np.isfinite(density))


def test_coda_falls_as_time_to_minus_three_halves_in_the_end():
    times = np.array([200.0, 400.0])
    early, late = s_coda_density(5.0, times, SPEED, 2.0)
    assert np.log2(early / late) == pytest.approx(1.5, abs=0.03)
