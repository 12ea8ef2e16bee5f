"""Seismograms against the closed forms of source, path and coda that they are to hold."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, optimize, signal

from tremorlab.errors import ParameterError
from tremorlab.twin import path
from tremorlab.twin.earthquake import double_couple
from tremorlab.twin.network import Station
from tremorlab.twin.path import MEDIA
from tremorlab.twin.scattering import s_coda_density
from tremorlab.twin.seismogram import ground_velocity, onset_s
from tremorlab.twin.source import Sources, polar

RATE = 50.0
#: Nearly no scattering, absorption or ground.
CLEAR = replace(
    MEDIA["nankai"],
    name="clear",
    gradient_per_s=1e-4,
    vp_top_km_s=6.0,
    q_s=5000.0,
    q_p=5000.0,
    q_exponent=0.0,
    mean_free_path_s_km=1e4,
    mean_free_path_p_km=1e4,
    broadening=0.0,
    kappa_s=0.0,
    site_scatter=0.0,
)
VS_M_S, DENSITY = 6000 / 1.8, 2600.0


def station(x_km, y_km=0.0, z_km=0.5, seed=3):
    return Station("TW", "A01", x_km, y_km, z_km, seed)


def sources(moment=1e13, corner=3.0, tensor=None, falloff=2.0, origin=(100.0,), place=(0.0, 0.0, 10.0), **ringing):
    count = len(origin)
    tensor = double_couple(0.0, 90.0, 0.0) if tensor is None else tensor
    return Sources(
        origin_s=np.array(origin),
        position_km=np.tile(np.array(place), (count, 1)),
        moment_n_m=np.tile(moment * tensor, (count, 1, 1)),
        p_corner_hz=np.full(count, 1.5 * corner),
        s_corner_hz=np.full(count, corner),
        falloff=np.full(count, falloff),
        ring_hz=np.full(count, ringing.get("ring_hz", 0.0)),
        ring_q=np.full(count, ringing.get("ring_q", 1.0)),
        odd_overtones=ringing.get("odd", False),
    )


def s_spectrum(event, medium, receiver, rng, seconds=8.0):
    """Frequencies and energy spectrum (all components, one-sided) of ground velocity from the S arrival on."""
    start, velocity = ground_velocity(event, medium, receiver, RATE, rng)
    ray = path.rays(medium, event.position_km, (receiver.x_km, receiver.y_km, receiver.z_km))
    first = round((event.origin_s[0] + ray.s_time_s[0] - start) * RATE) - 40
    cut = velocity[:, first : first + round(seconds * RATE)]
    frequency = np.fft.rfftfreq(cut.shape[1], 1 / RATE)
    return frequency, 2 * np.sum(np.abs(np.fft.rfft(cut) / RATE) ** 2, axis=0)


def test_the_plateau_gives_the_moment_back():
    """Far-field S displacement of a strike-slip source due north: |F| = 1 on SH (Aki and Richards 2002, eq. 4.91)."""
    receiver = station(0.0, 30.0, 9.99)
    frequency, energy = s_spectrum(sources(moment=1e13, corner=8.0), CLEAR, receiver, np.random.default_rng(0))
    band = (frequency > 0.4) & (frequency < 1.2)
    displacement = np.sqrt(energy[band] / 2) / (2 * np.pi * frequency[band])
    moment = displacement * 4 * np.pi * DENSITY * VS_M_S**3 * 30e3 / 2  # free surface
    assert np.mean(moment) == pytest.approx(1e13, rel=0.05)


def test_p_amplitude_of_an_explosion_is_that_of_ray_theory():
    receiver = station(0.0, 30.0, 9.99)
    event = sources(moment=1e13, corner=4.0, tensor=np.eye(3))
    start, velocity = ground_velocity(event, CLEAR, receiver, RATE, np.random.default_rng(0))
    displacement = np.cumsum(velocity, axis=1) / RATE
    ray = path.rays(CLEAR, event.position_km, (0.0, 30.0, 9.99))
    first = round((100 + ray.p_time_s[0] - start) * RATE)
    area = np.sum(displacement[1, first - 10 : first + 60]) / RATE  # the moment rate integrates to the moment
    assert area * 4 * np.pi * DENSITY * 6000.0**3 * 30e3 / 2 == pytest.approx(1e13, rel=0.03)


def test_p_is_first_and_nothing_comes_before_it():
    event, receiver = sources(), station(40.0)
    start, velocity = ground_velocity(event, MEDIA["nankai"], receiver, RATE, np.random.default_rng(1))
    onset = onset_s(event, MEDIA["nankai"], receiver)
    before = velocity[:, : int((onset - start) * RATE) - 1]
    assert start * RATE == pytest.approx(round(start * RATE))
    assert 0.9 < onset - start < 1.1
    assert np.abs(before).max() < 2e-3 * np.abs(velocity).max()


@pytest.mark.parametrize("corner", [1.0, 3.0, 8.0])
def test_corner_frequency_and_fall_off_come_back_from_many_realisations(corner):
    rng, receiver = np.random.default_rng(7), station(25.0, 10.0)
    medium = replace(CLEAR, broadening=0.02)
    spectra = [s_spectrum(sources(corner=corner), medium, receiver, rng)[1] for _ in range(150)]
    frequency = np.fft.rfftfreq(400, 1 / RATE)
    band = (frequency > 0.3) & (frequency < 19)
    displacement = np.log(np.sqrt(np.mean(spectra, axis=0)[band]) / frequency[band])
    time = path.travel_time_s(medium, (0.0, 0.0, 10.0), (25.0, 10.0, 0.5), "S")
    displacement += np.pi * frequency[band] * time / 5000

    def misfit(parameters, falloff=None, log_corner=None):
        level, free = parameters
        ratio = frequency[band] / np.exp(free if log_corner is None else log_corner)
        return level - 0.5 * (falloff or free) * np.log1p(ratio**2) - displacement

    found = optimize.least_squares(misfit, (displacement[0], 0.5), kwargs={"falloff": 2.0}).x[1]
    assert np.exp(found) == pytest.approx(corner, rel=0.08)
    found = optimize.least_squares(misfit, (displacement[0], 1.5), kwargs={"log_corner": np.log(corner)}).x[1]
    assert found == pytest.approx(2.0, abs=0.12)


def onsets_s(velocity, start_s, bearing):
    """First motions of P (any component) and S (horizontal, across the bearing) at a fifth of their peaks."""
    across = np.abs(velocity[1] * -np.sin(bearing) + velocity[2] * np.cos(bearing))
    s_first = np.argmax(across > 0.2 * across.max())
    early = np.abs(velocity[:, : s_first - 5]).max(axis=0)
    return start_s + np.argmax(early > 0.2 * early.max()) / RATE, start_s + s_first / RATE


def test_s_minus_p_times_of_many_records_lie_on_the_wadati_line():
    """Whatever the distance, depth and gradient, S-P grows with P travel time by vp/vs - 1 (Wadati 1933)."""
    medium = replace(CLEAR, gradient_per_s=0.11, vp_top_km_s=3.2)
    rng = np.random.default_rng(15)
    p_times, gaps = [], []
    for _ in range(40):
        place = (rng.uniform(-40, 40), rng.uniform(-40, 40), rng.uniform(8, 35))
        receiver = station(rng.uniform(-20, 20), rng.uniform(-20, 20), 2.0)
        tensor = double_couple(rng.uniform(0, 360), rng.uniform(20, 90), rng.uniform(-180, 180))
        event = sources(corner=6.0, tensor=tensor, place=place)
        start, velocity = ground_velocity(event, medium, receiver, RATE, rng)
        bearing = np.arctan2(receiver.x_km - place[0], receiver.y_km - place[1])
        p_onset, s_onset = onsets_s(velocity, start, bearing)
        p_times.append(p_onset - 100)
        gaps.append(s_onset - p_onset)
    p_times, gaps = np.array(p_times), np.array(gaps)
    assert np.ptp(p_times) > 5
    assert np.median(gaps / p_times) == pytest.approx(0.8, rel=0.01)
    assert np.quantile(np.abs(gaps - 0.8 * p_times), 0.8) < 0.1


def test_q_comes_back_from_the_spectral_ratio_of_two_distances():
    medium = replace(CLEAR, q_s=80.0, q_exponent=0.7, broadening=0.02)
    near, far = station(20.0, 5.0), station(80.0, 20.0)
    rng = np.random.default_rng(8)
    frequency = np.fft.rfftfreq(600, 1 / RATE)
    mean = [
        np.mean([s_spectrum(sources(corner=8.0), medium, receiver, rng, 12.0)[1] for _ in range(60)], axis=0)
        for receiver in (near, far)
    ]
    times = [path.travel_time_s(medium, (0.0, 0.0, 10.0), (one.x_km, one.y_km, one.z_km), "S") for one in (near, far)]
    band = (frequency >= 1) & (frequency < 15)
    log_ratio = 0.5 * np.log(mean[1][band] / mean[0][band])
    # ln(A2/A1) = c - pi (T2 - T1) f^(1-n) / Q0, with n known
    slope = np.polyfit(frequency[band] ** 0.3, log_ratio, 1)[0]
    assert -np.pi * (times[1] - times[0]) / slope == pytest.approx(80.0, rel=0.1)


def coda_power(medium, receiver, event, rng, times, draws, band=None):
    """Mean square velocity of one component around lapse times."""
    power = np.zeros(len(times))
    for _ in range(draws):
        start, velocity = ground_velocity(event, medium, receiver, RATE, rng)
        if band:
            velocity = signal.sosfilt(signal.butter(4, band, "bandpass", fs=RATE, output="sos"), velocity)
        for index, time in enumerate(times):
            at = round((event.origin_s[0] + time - start) * RATE)
            power[index] += np.mean(velocity[:, at - 100 : at + 100].astype(float) ** 2) / draws
    return power


def test_coda_has_the_radiated_energy():
    """Brune S energy ``M0^2 (2 pi fc)^3 / (40 pi rho vs^5)``, a third a component, doubled at the surface."""
    medium = replace(CLEAR, mean_free_path_s_km=15.0)
    event, receiver = sources(moment=1e14, corner=2.0), station(20.0)
    times = np.array([20.0, 30.0, 40.0])
    power = coda_power(medium, receiver, event, np.random.default_rng(9), times, 12)
    total = 1e28 * (2 * np.pi * 2.0) ** 3 / (40 * np.pi * DENSITY * VS_M_S**5)
    shape = lambda f, t: f**2 / (1 + (f / 2.0) ** 2) ** 2 * np.exp(-2 * np.pi * f * t / 5000)  # noqa: E731
    whole = integrate.quad(shape, 0, np.inf, args=(0.0,))[0]
    recorded = np.array([integrate.quad(shape, 0, 22, args=(time,))[0] for time in times]) / whole
    distance = np.hypot(20.0, 9.5)
    density = total * recorded * 1e-9 * s_coda_density(distance, times, VS_M_S / 1e3, 15.0)
    np.testing.assert_allclose(power, 4 * density / (3 * DENSITY), rtol=0.1)


def test_coda_decays_with_scattering_and_q():
    medium = replace(CLEAR, mean_free_path_s_km=20.0, q_s=150.0, q_exponent=0.5)
    event, receiver = sources(moment=1e15, corner=5.0), station(15.0)
    times = np.arange(20.0, 61.0, 5.0)
    power = coda_power(medium, receiver, event, np.random.default_rng(10), times, 12, band=(5.5, 6.5))
    spreading = s_coda_density(np.hypot(15.0, 9.5), times, VS_M_S / 1e3, 20.0)
    slope = np.polyfit(times, np.log(power / spreading), 1)[0]
    assert -2 * np.pi * 6.0 / slope == pytest.approx(150.0 * 6.0**0.5, rel=0.1)


def test_the_coda_of_many_sources_is_the_sum_of_their_coda():
    medium = replace(CLEAR, mean_free_path_s_km=15.0, q_s=200.0)
    receiver, rng = station(20.0), np.random.default_rng(11)
    origin = 100 + np.array([0.0, 3.0, 7.0, 8.0, 15.0])
    event = sources(moment=1e15, corner=2.0, origin=origin)
    times = np.array([35.0, 45.0, 55.0])
    together = coda_power(medium, receiver, event, rng, times, 15)
    apart = sum(
        coda_power(medium, receiver, sources(moment=1e15, corner=2.0), rng, times - (one - 100), 5) for one in origin
    )
    np.testing.assert_allclose(together, apart, rtol=0.15)


def test_strong_scattering_hides_the_direct_wave():
    """Kurtosis of the record around S falls when the mean free path does."""
    receiver, event = station(10.0), sources(moment=1e13, corner=5.0)
    peaks = []
    for free_path in (1e4, 2.0):
        medium = replace(CLEAR, mean_free_path_s_km=free_path, mean_free_path_p_km=free_path)
        _, velocity = ground_velocity(event, medium, receiver, RATE, np.random.default_rng(12))
        peaks.append(np.abs(velocity).max() / np.sqrt(np.mean(velocity[:, 50:600].astype(float) ** 2)))
    assert peaks[0] > 2 * peaks[1]


def test_superposition_is_linear():
    """Without scattering nothing is random: two sources are the sum of both, twice the moment is twice the motion."""
    receiver, rng = station(20.0, 8.0), np.random.default_rng(13)
    one, two = sources(origin=(100.0,)), sources(moment=3e13, origin=(104.37,), place=(2.0, 1.0, 8.0))
    arrays = {name: np.concatenate([getattr(one, name), getattr(two, name)]) for name in one.__slots__[:-1]}
    both = Sources(**arrays)
    total = np.zeros((3, 3000))
    for event, sign in ((both, 1), (one, -1), (two, -1)):
        start, velocity = ground_velocity(event, CLEAR, receiver, RATE, rng)
        first = round((start - 100) * RATE) + 50
        length = min(velocity.shape[1], 3000 - first)
        total[:, first : first + length] += sign * velocity[:, :length]
        peak = np.abs(velocity).max()
    assert np.abs(total[:, :700]).max() < 0.02 * peak
    double = ground_velocity(sources(moment=2e13), CLEAR, receiver, RATE, rng)[1][:, :500]
    np.testing.assert_allclose(
        double, 2 * ground_velocity(one, CLEAR, receiver, RATE, rng)[1][:, :500], atol=0.02 * np.abs(double).max()
    )


def test_the_same_random_state_gives_the_same_bits():
    event, receiver = sources(), station(30.0)
    first, second, other = (
        ground_velocity(event, MEDIA["nankai"], receiver, RATE, np.random.default_rng(seed))[1] for seed in (1, 1, 2)
    )
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_nodal_plane_has_no_p_but_coda():
    """North is nodal for P of a strike-slip source that strikes north, north-east is not."""
    amplitudes = []
    for receiver in (station(0.0, 30.0, 9.99), station(21.2, 21.2, 9.99)):
        _, velocity = ground_velocity(sources(), MEDIA["nankai"], receiver, RATE, np.random.default_rng(3))
        amplitudes.append(np.abs(velocity[:, 40:150]).max())
        assert np.sqrt(np.mean(velocity[:, 700:900].astype(float) ** 2)) > 1e-9
    assert amplitudes[1] > 3 * amplitudes[0]


def test_distance_makes_an_earthquake_low_and_emergent():
    """The same small earthquake at 15 and at 110 km: centroid of S and rise of P."""
    medium, rng = MEDIA["nankai"], np.random.default_rng(14)
    centroids, rises = [], []
    for receiver in (station(10.0, 5.0), station(100.0, 40.0)):
        frequency, energy = s_spectrum(sources(corner=8.0), medium, receiver, rng, 10.0)
        centroids.append(np.sum(frequency * energy) / np.sum(energy))
        start, velocity = ground_velocity(sources(corner=8.0), medium, receiver, RATE, rng)
        gap = path.rays(medium, np.array([[0.0, 0.0, 10.0]]), (receiver.x_km, receiver.y_km, 0.5))
        first = round((onset_s(sources(), medium, receiver) - start) * RATE)
        until = first + int((gap.s_time_s[0] - gap.p_time_s[0]) * RATE)
        rises.append(np.argmax(np.sum(velocity[:, first:until] ** 2, axis=0)) / RATE)
    assert centroids[0] > 1.5 * centroids[1]
    assert rises[1] > 3 * rises[0]


def test_a_tiny_event_is_short():
    short = ground_velocity(sources(moment=1e8), MEDIA["nankai"], station(30.0), RATE, np.random.default_rng(1))[1]
    long = ground_velocity(sources(moment=1e15), MEDIA["nankai"], station(30.0), RATE, np.random.default_rng(1))[1]
    assert short.shape[1] < 1000 < 5000 < long.shape[1]


@pytest.mark.parametrize("odd", [False, True])
def test_a_ringing_source_has_its_overtones_and_its_quality(odd):
    event = sources(corner=1e4, ring_hz=1.25, ring_q=20.0, odd=odd)
    frequency = np.arange(1, 5001) / 1000
    spectrum = np.abs(event.spectrum(frequency, "P")[0])
    peaks = 1 + np.flatnonzero((spectrum[1:-1] > spectrum[:-2]) & (spectrum[1:-1] > spectrum[2:]))
    expected = [1.25, 3.75] if odd else [1.25, 2.5, 3.75]
    np.testing.assert_allclose(frequency[peaks][: len(expected)], expected, atol=0.01)
    half = frequency[(spectrum > spectrum[peaks[0]] / np.sqrt(2)) & (np.abs(frequency - 1.25) < 0.3)]
    assert 1.25 / (half[-1] - half[0]) == pytest.approx(20.0, rel=0.1)
    delay, echo = (0.4, np.exp(-np.pi / 40)) if odd else (0.8, np.exp(-np.pi / 20))
    assert event.ring_down_s() == pytest.approx(delay * np.log(0.01) / np.log(echo))


def test_a_source_that_does_not_ring_falls_silent_at_once():
    assert sources().ring_down_s() == 0


@pytest.mark.parametrize("rate", [0.0, 1000.0, float("nan")])
def test_a_rate_out_of_range_is_refused(rate):
    with pytest.raises(ParameterError, match=r"rate_hz: .* is not between 5 and 500"):
        ground_velocity(sources(), CLEAR, station(10.0), rate, np.random.default_rng(0))


def test_an_event_without_sources_is_refused():
    with pytest.raises(ParameterError, match="sources: are none"):
        ground_velocity(sources(origin=()), CLEAR, station(10.0), RATE, np.random.default_rng(0))


def test_a_station_above_the_model_is_refused():
    with pytest.raises(ParameterError, match="above the top of the model"):
        ground_velocity(sources(), CLEAR, station(10.0, z_km=-1.0), RATE, np.random.default_rng(0))


def test_polar_form_is_the_complex_exponential():
    rng = np.random.default_rng(4)
    log_amplitude = rng.uniform(-20, 5, (7, 1)).astype("f4")
    phase = rng.uniform(-200, 200, (7, 300)).astype("f4")
    expected = np.exp(log_amplitude.astype("f8") + 1j * phase.astype("f8"))
    found = polar(log_amplitude, phase)
    assert found.dtype == np.complex64
    assert np.abs(found / expected - 1).max() < 2e-5
    assert polar(np.float32(0), phase).shape == phase.shape
