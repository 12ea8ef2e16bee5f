"""Noise: between the noise models, and as strong in its samples as its own model says."""

import numpy as np
import pytest
from obspy.signal.spectral_estimation import get_nhnm, get_nlnm
from scipy.signal import welch

from tremorlab.twin.ambient import ambient
from tremorlab.twin.network import INSTRUMENTS, NETWORKS
from tremorlab.twin.noise import SETTINGS, band_rms, models_db, psd_db, working_hours
from tremorlab.twin.scenario import NETWORK_OF

RATE = 25.0
OCEAN = NETWORKS["donet_like"].stations
VOLCANO = NETWORKS["sakurajima_like"].stations


def spectrum(samples, rate, segment):
    frequencies, power = welch(samples.astype("f8"), rate, nperseg=segment, axis=-1)
    return frequencies[1:], 10 * np.log10(power[:, 1:] * (2 * np.pi * frequencies[1:]) ** 2)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_measured_spectrum_lies_between_the_noise_models(setting, seed):
    for station in NETWORKS[NETWORK_OF[setting]].stations[:3]:
        samples = ambient(station, seed * 40_000.0, round(3600 * RATE), RATE, setting, seed)
        frequencies, measured = spectrum(samples, RATE, 4096)
        use = (frequencies > 0.03) & (frequencies < 11)
        octaves = np.split(np.flatnonzero(use), np.searchsorted(frequencies[use], 2.0 ** np.arange(-5, 4)))
        (period, low), (_, high) = get_nlnm(), get_nhnm()
        order = np.argsort(period)
        for octave in (part for part in octaves if len(part) > 3):
            middle = 1 / min(frequencies[octave].mean(), 10.0)
            floor, ceiling = (np.interp(middle, period[order], model[order]) for model in (low, high))
            level = measured[:, octave].mean(1)
            # 1 dB for the estimate's scatter and leakage.
            assert (level > floor - 1).all()
            assert (level < ceiling + 1).all()


def test_the_measured_spectrum_is_the_stated_one():
    station = OCEAN[3]
    n = round(1800 * RATE)
    measured = np.mean(
        [spectrum(ambient(station, k * 1800.0, n, RATE, "nankai", 5), RATE, 2048)[1] for k in range(6)], 0
    )
    frequencies = np.fft.rfftfreq(2048, 1 / RATE)[1:]
    stated = np.mean([psd_db(station, t, frequencies, "nankai", 5) for t in range(10, 10800, 600)], 0)
    use = (frequencies > 0.1) & (frequencies < 11)
    smooth = np.ones(21) / 21
    for one, other in zip(measured[:, use], stated[:, use], strict=True):
        assert np.abs(np.convolve(one - other, smooth, "valid")).max() < 2.0


def test_the_long_period_layer_carries_compliance_and_tilt():
    samples = ambient(OCEAN[0], 0.0, round(6 * 3600 * RATE), RATE, "nankai", 2)
    frequencies, measured = spectrum(samples, RATE, 2**15)
    stated = np.mean([psd_db(OCEAN[0], t, frequencies[:80], "nankai", 2) for t in range(0, 21600, 900)], 0)
    band = (frequencies[:80] > 0.012) & (frequencies[:80] < 0.04)
    assert np.abs((measured[:, :80] - stated)[:, band].mean(1)).max() < 2.5
    assert measured[1, :80][band].mean() > measured[0, :80][band].mean() + 3  # tilt is on the horizontals


def test_people_make_noise_by_day():
    day, night = [], []
    for seed in range(30):
        for day_number in range(3):
            midnight = 86400 * day_number - 9 * 3600 + 86400
            day.append(band_rms(VOLCANO[4], midnight + 13 * 3600, (2, 8), "sakurajima", seed)[0])
            night.append(band_rms(VOLCANO[4], midnight + 1 * 3600, (2, 8), "sakurajima", seed)[0])
    contrast = 20 * np.log10(np.array(day) / np.array(night)).mean()
    assert 2 < contrast < 10
    assert working_hours("sakurajima", 4 * 3600) == pytest.approx(1)  # 4 h UTC is 13 h in Japan
    assert working_hours("sakurajima", 16 * 3600) == pytest.approx(0, abs=1e-6)


def test_the_tide_moves_the_sea_floor_noise_and_the_microseism_drifts():
    times = np.arange(0, 10 * 44714, 900.0)
    long_period = np.array([psd_db(OCEAN[0], t, [0.02], "nankai", 1)[1, 0] for t in times])
    phase = np.exp(-2j * np.pi * times / 44714)
    beside = np.exp(-2j * np.pi * times / 36000)
    assert abs((long_period * phase).mean()) > 3 * abs((long_period - long_period.mean()) @ beside / len(times))
    grid = np.geomspace(0.08, 0.6, 80)
    peaks = [grid[np.argmax(psd_db(OCEAN[0], t, grid, "nankai", 1)[0])] for t in times[::20]]
    assert max(peaks) / min(peaks) > 1.2


def test_the_stated_band_level_is_the_measured_one():
    station, seed = VOLCANO[3], 4
    samples = ambient(station, 7200.0, 600 * 100, 100.0, "sakurajima", seed)
    spectrum_of = np.fft.rfft(samples[0].astype("f8"))
    frequencies = np.fft.rfftfreq(samples.shape[1], 0.01)
    spectrum_of[(frequencies < 2) | (frequencies > 8)] = 0
    measured = np.fft.irfft(spectrum_of).std()
    stated = np.mean([band_rms(station, t, (2, 8), "sakurajima", seed)[0] for t in range(7200, 7800, 20)])
    assert measured == pytest.approx(stated, rel=0.15)


def test_a_higher_level_is_noisier_everywhere_and_counts_are_those_of_the_instrument():
    frequencies = np.geomspace(0.02, 10, 40)
    low, high = (psd_db(OCEAN[2], 500.0, frequencies, "nankai", 1, level) for level in (-0.06, 0.06))
    assert (high - low > 2).all()
    sensor = INSTRUMENTS["broadband_120s"]
    ground = ambient(VOLCANO[3], 900.0, 20000, 100.0, "sakurajima", 3)
    counts = ambient(VOLCANO[3], 900.0, 20000, 100.0, "sakurajima", 3, instrument=sensor)
    flat = sensor.volts_per_m_s * sensor.counts_per_volt
    assert counts.std(1) / flat == pytest.approx(ground.std(1), rel=0.02)


def test_the_models_are_those_of_obspy_and_held_above_10_hz():
    period, level = get_nlnm()
    inside = period >= 0.1
    assert np.allclose(models_db(1 / period[inside])[0], level[inside])
    assert models_db([10.0, 40.0])[1][0] == models_db([10.0, 40.0])[1][1]
