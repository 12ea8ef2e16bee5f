"""Running spectra against a direct Fourier sum, scipy's spectrogram and scipy's ShortTimeFFT."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from tremorlab.dataset.spectra import frequencies_hz, margin_samples, running_spectra, times_s
from tremorlab.errors import DatasetError
from tremorlab.study import RunningSpectrum

RATE = 25.0
DEFAULT = RunningSpectrum()


@pytest.fixture
def record():
    """Three components, 4160 samples: a 4096-sample window with 32 more on both sides."""
    return np.random.default_rng(1).standard_normal((3, 4160)).astype(np.float32)


def direct(frame, rate=RATE):
    """Amplitude spectral density of one frame by the Fourier sum itself, in float64."""
    samples = len(frame)
    n = np.arange(samples)
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * n / samples)
    k = np.arange(1, samples // 2 + 1)
    transform = np.exp(-2j * np.pi * np.outer(k, n) / samples) @ (taper * frame)
    return np.abs(transform) / np.sqrt(rate * np.sum(taper**2))


def test_the_report_s_picture_has_64_by_64_pixels(record):
    assert running_spectra(record, DEFAULT, RATE).shape == (3, 64, 64)
    frequencies = frequencies_hz(DEFAULT, RATE)
    assert len(frequencies) == 64
    assert frequencies[[0, -1]] == pytest.approx([25 / 128, 12.5])


@pytest.mark.parametrize("frame", [0, 17, 63])
def test_a_frame_is_the_direct_fourier_sum(record, frame):
    spectra = running_spectra(record, DEFAULT, RATE, normalise=False)
    expected = direct(record[1, frame * 64 : frame * 64 + 128].astype(float))
    assert spectra[1, :, frame] == pytest.approx(expected, rel=2e-5, abs=1e-6 * expected.max())


@pytest.mark.parametrize("settings", [DEFAULT, RunningSpectrum(fft_samples=64, hop_samples=16, framing="inside")])
def test_equals_scipy_spectrogram(record, settings):
    _, _, expected = scipy.signal.spectrogram(
        record.astype(float),
        RATE,
        window="hann",
        nperseg=settings.fft_samples,
        noverlap=settings.fft_samples - settings.hop_samples,
        detrend=False,
        mode="magnitude",
        scaling="density",
    )
    expected = expected[:, 1:]
    spectra = running_spectra(record, settings, RATE)
    assert spectra == pytest.approx(expected / expected.max(), abs=1e-6)
    assert running_spectra(record, settings, RATE, normalise=False) == pytest.approx(expected, abs=1e-6)


def test_equals_short_time_fft(record):
    transform = scipy.signal.ShortTimeFFT(scipy.signal.get_window("hann", 128), hop=64, fs=RATE, scale_to="psd")
    first = transform.lower_border_end[1]  # the first frame that holds the record's own samples only
    last = transform.upper_border_begin(record.shape[-1])[1]
    expected = np.abs(transform.stft(record[0].astype(float)))[1:, first - transform.p_min : last - transform.p_min]
    spectra = running_spectra(record[0], DEFAULT, RATE, normalise=False)
    assert expected.shape == spectra.shape
    assert spectra == pytest.approx(expected, abs=1e-6)


def test_extended_frames_sit_on_the_window_and_inside_ones_leave_its_ends_out(record):
    times = times_s(DEFAULT, RATE)
    assert len(times) == 64
    assert times[0] == pytest.approx(163.84 - times[-1])  # as far from the start as from the end
    inside = times_s(RunningSpectrum(framing="inside"), RATE)
    assert len(inside) == 63
    assert inside[[0, -1]] == pytest.approx([64 / 25, (4096 - 64) / 25])
    click = np.zeros(4160)
    click[32 + 2000] = 1.0  # sample 2000 of the window
    brightest = running_spectra(click, DEFAULT, RATE)[5].argmax()
    assert abs(times[brightest] - 2000 / 25) <= 64 / 25 / 2


def test_frames_of_overlapping_windows_are_the_same_numbers():
    record = np.random.default_rng(2).standard_normal(4160 + 1024)
    first = running_spectra(record[:4160], DEFAULT, RATE, normalise=False)
    second = running_spectra(record[1024:], DEFAULT, RATE, normalise=False)
    np.testing.assert_array_equal(first[:, 16:], second[:, :-16])


def test_reflect_is_extend_of_the_mirrored_window(record):
    reflect = RunningSpectrum(framing="reflect")
    window = record[:, 32:-32]
    mirrored = np.concatenate([window[:, 32:0:-1], window, window[:, -2:-34:-1]], axis=1)
    expected = running_spectra(mirrored, DEFAULT, RATE)
    np.testing.assert_array_equal(running_spectra(window, reflect, RATE), expected)
    assert margin_samples(reflect) == 0
    assert margin_samples(DEFAULT) == 32


@settings(deadline=None)
@given(
    samples=st.integers(128, 6000),
    framing=st.sampled_from(["extend", "reflect", "inside"]),
    hop=st.integers(1, 96).map(lambda half: 2 * half),
)
def test_every_setting_gives_the_frames_that_the_study_counts(samples, framing, hop):
    settings = RunningSpectrum(framing=framing, hop_samples=hop)
    given_samples = samples + 2 * margin_samples(settings)
    shape = running_spectra(np.ones(given_samples), settings, RATE, normalise=False).shape
    assert shape == (64, settings.frames(samples)) == (64, len(times_s(settings, RATE, samples)))


def test_one_maximum_for_all_components_of_a_window(record):
    windows = np.stack([record, 100 * record[::-1]])
    windows[:, 2] *= 0.01
    spectra = running_spectra(windows, DEFAULT, RATE)
    assert spectra.max(axis=(1, 2, 3)) == pytest.approx([1, 1])
    assert spectra[0, 2].max() < 0.02
    assert spectra[0] == pytest.approx(running_spectra(windows[0], DEFAULT, RATE), abs=1e-7)


@settings(deadline=None)
@given(scale=st.floats(1e-12, 1e12))
def test_normalised_spectra_do_not_depend_on_the_unit(scale):
    window = np.random.default_rng(3).standard_normal((1, 512))
    expected = running_spectra(window, DEFAULT, RATE)
    assert running_spectra(scale * window, DEFAULT, RATE) == pytest.approx(expected, abs=1e-6)


def test_unnormalised_spectra_are_linear_in_the_record(record):
    once = running_spectra(record, DEFAULT, RATE, normalise=False)
    assert running_spectra(4 * record, DEFAULT, RATE, normalise=False) == pytest.approx(4 * once, rel=1e-6)


def test_logarithm_covers_60_decibels(record):
    logarithmic = RunningSpectrum(amplitude="log")
    linear = running_spectra(record, DEFAULT, RATE)
    scaled = running_spectra(record, logarithmic, RATE)
    assert scaled == pytest.approx(1 + np.log10(np.maximum(linear, 1e-3)) / 3, abs=1e-5)
    decades = running_spectra(record, logarithmic, RATE, normalise=False)
    density = running_spectra(record, DEFAULT, RATE, normalise=False)
    assert decades == pytest.approx(np.log10(np.maximum(density, density.max() / 1000)), abs=1e-5)
    assert scaled.max() == pytest.approx(1)
    tone = np.sin(2 * np.pi * 5 * np.arange(4160) / RATE)
    assert running_spectra(tone, logarithmic, RATE).min() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 50])
def test_windows_are_independent_of_the_batch(count):
    windows = np.random.default_rng(4).standard_normal((count, 1, 640))
    spectra = running_spectra(windows, DEFAULT, RATE)
    assert spectra.shape == (count, 1, 64, 9)
    for window, spectrum in zip(windows, spectra, strict=True):
        np.testing.assert_array_equal(spectrum, running_spectra(window, DEFAULT, RATE))


def test_integers_are_taken_as_numbers():
    counts = np.random.default_rng(5).integers(-2000, 2000, (2, 1, 512)).astype(np.int32)
    expected = running_spectra(counts.astype(float), DEFAULT, RATE)
    np.testing.assert_array_equal(running_spectra(counts, DEFAULT, RATE), expected)


def test_a_silent_window_is_named():
    windows = np.random.default_rng(6).standard_normal((40, 2, 256))
    windows[23] = 0
    with pytest.raises(
        DatasetError, match=r"window 23: is silent \(maximum amplitude 0\) and cannot be .*normalise=False"
    ):
        running_spectra(windows, DEFAULT, RATE)
    assert not running_spectra(windows, DEFAULT, RATE, normalise=False)[23].any()
    with pytest.raises(DatasetError, match="window 23: is silent"):
        running_spectra(windows, RunningSpectrum(amplitude="log"), RATE, normalise=False)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_window_that_is_not_finite_is_named(value):
    windows = np.random.default_rng(7).standard_normal((4, 5, 1, 256))
    windows[2, 3, 0, 100] = value
    with pytest.raises(
        DatasetError, match=r"window 2, 3: its spectrum is not finite: it holds NaN.*Leave out windows over gaps"
    ):
        running_spectra(windows, DEFAULT, RATE)


def test_of_bad_windows_the_first_is_named():
    windows = np.random.default_rng(8).standard_normal((3, 12, 1, 256))
    windows[1, 9], windows[2, 1], windows[2, 2, 0, 7] = 0, 0, np.nan
    with pytest.raises(DatasetError, match="window 1, 9: is silent"):
        running_spectra(windows, DEFAULT, RATE)
    with pytest.raises(DatasetError, match="window 2, 2: its spectrum is not finite"):
        running_spectra(windows, DEFAULT, RATE, normalise=False)


def test_a_window_as_long_as_one_fft_has_one_frame():
    frame = np.random.default_rng(9).standard_normal(128)
    spectrum = running_spectra(frame, RunningSpectrum(framing="inside"), RATE, normalise=False)
    assert spectrum.shape == (64, 1)
    np.testing.assert_allclose(spectrum[:, 0], direct(frame), rtol=2e-5, atol=1e-6)


def test_a_silent_single_window_is_named():
    with pytest.raises(DatasetError, match="window 0: is silent"):
        running_spectra(np.zeros(4160), DEFAULT, RATE)


@pytest.mark.parametrize(
    "waveforms",
    [np.ones((3, 100)), np.ones((2, 0, 200)), np.float32(1), np.array(["a"] * 200), np.ones((2, 200), dtype=complex)],
)
def test_what_is_no_waveform_is_refused(waveforms):
    with pytest.raises(
        DatasetError, match=r"waveforms of shape .* are not real numbers .* one FFT of 128 .*\. Give \("
    ):
        running_spectra(waveforms, DEFAULT, RATE)


@pytest.mark.parametrize("framing", ["extend", "reflect"])
def test_half_of_an_odd_hop_is_refused(framing):
    odd = RunningSpectrum(hop_samples=63, framing=framing)
    with pytest.raises(DatasetError, match=r"running spectrum: hop_samples = 63 is odd.*Choose an even hop"):
        times_s(odd, RATE)
    assert len(times_s(RunningSpectrum(hop_samples=63, framing="inside"), RATE)) == 63
