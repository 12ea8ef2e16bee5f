"""Attenuation, the ground under a station and minimum phase against closed forms."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import signal

from tremorlab.twin.network import Station
from tremorlab.twin.path import MEDIA
from tremorlab.twin.transfer import Site, attenuation, ground, minimum_phase

NANKAI = MEDIA["nankai"]
STATION = Station("TW", "A01", 12.0, -7.0, 2.0, 11)


def test_attenuation_is_exp_of_pi_f_t_over_q_and_causal():
    samples, rate, time = 2048, 50.0, 12.0
    transfer = np.exp(time * attenuation(NANKAI, samples, rate))
    frequency = np.fft.rfftfreq(samples, 1 / rate)
    for index, quality in enumerate((140.0, 80.0)):
        expected = np.exp(-np.pi * frequency * time / (quality * np.maximum(frequency, 1.0) ** 0.7))
        np.testing.assert_allclose(np.abs(transfer[index]), expected, rtol=1e-5)
    response = np.fft.irfft(transfer)
    late = response[:, samples // 2 :]  # negative times
    assert np.all(np.sum(late**2, axis=1) < 1e-6 * np.sum(response**2, axis=1))


def test_minimum_phase_is_that_of_an_all_pole_filter():
    poles = 0.9 * np.exp(1j * np.array([0.4, -0.4, 1.7, -1.7]))
    frequency, response = signal.freqz(1.0, np.poly(poles).real, worN=513, include_nyquist=True)
    found = minimum_phase(np.log(np.abs(response)))
    np.testing.assert_allclose(np.exp(found), response, rtol=1e-8)
    assert len(frequency) == 513


def test_a_site_belongs_to_its_station():
    assert Site.of(STATION, NANKAI) == Site.of(replace(STATION, azimuth_deg=30.0), NANKAI)
    assert Site.of(STATION, NANKAI) != Site.of(replace(STATION, seed=12), NANKAI)


def test_sites_scatter_as_the_medium_says():
    sites = [Site.of(replace(STATION, seed=seed), NANKAI) for seed in range(400)]
    frequency = np.geomspace(0.1, 50, 60)
    logs = np.array([site.log_amplitude(frequency) for site in sites])
    assert np.std(logs) == pytest.approx(NANKAI.site_scatter, rel=0.08)
    assert abs(np.mean(logs)) < 0.15 * NANKAI.site_scatter
    assert np.median([site.kappa_s for site in sites]) == pytest.approx(NANKAI.kappa_s, rel=0.1)


def test_the_ground_is_site_times_kappa():
    samples, rate = 1024, 50.0
    transfer = ground(STATION, NANKAI, samples, rate)
    site = Site.of(STATION, NANKAI)
    frequency = np.fft.rfftfreq(samples, 1 / rate)
    expected = np.exp(site.log_amplitude(frequency)) * np.exp(-np.pi * frequency * site.kappa_s)
    np.testing.assert_allclose(np.abs(transfer[1]), expected, rtol=1e-4)
    np.testing.assert_allclose(
        np.abs(transfer[0] / transfer[1]),
        np.exp(np.pi * frequency * site.kappa_s / 2)[None] * np.ones((3, 1)),
        rtol=1e-4,
    )
