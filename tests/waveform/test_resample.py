"""Resampling against analytic sinusoids, scipy's resamplers and a plain double loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import signal

from tremorlab.waveform.resample import Kernel, bank, fir, longest_reach_s, onto_grid
from tremorlab.waveform.segments import Segment

RATES_HZ = [20, 24, 40, 50, 62.5, 75.19, 100, 104.08, 125, 200, 250, 500]
OFFSET_NS = 3_217_000  # no multiple of any sample interval


def sampled(function, rate_hz, seconds, start_ns=OFFSET_NS):
    times = start_ns / 1e9 + np.arange(int(seconds * rate_hz)) / rate_hz
    return Segment(start_ns, rate_hz, function(times).astype("f4"))


def resampled(segment, seconds, rate_hz=25.0):
    values, valid = onto_grid([[segment]], 0, 0, int(seconds * rate_hz), rate_hz)
    return values[valid], (np.arange(len(values)) / rate_hz)[valid]


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_sinusoids_keep_amplitude_and_phase(rate_hz):
    for frequency in (0.3, 2.0, 5.0, 8.9) if rate_hz == 20 else (0.3, 2.0, 7.0, 9.99):
        wave = lambda t, f=frequency: np.sin(2 * np.pi * f * t + 0.4)  # noqa: E731
        values, times = resampled(sampled(wave, rate_hz, 40), 40)
        assert len(values) > 900
        assert_allclose(values, wave(times), atol=1.1e-4)  # -79 dB in amplitude and phase together


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_pass_band_is_flat_and_stop_band_closed(rate_hz):
    kernel = Kernel(rate_hz, 25.0)
    flat_hz = min(10.0, 0.45 * rate_hz)
    for row in kernel.rows(np.array([0.0, 0.37, 0.99])):
        frequencies, response = signal.freqz(row.astype("f8"), worN=4096, fs=rate_hz)
        gain_db = 20 * np.log10(np.abs(response) + 1e-12)
        assert np.abs(gain_db[frequencies <= flat_hz]).max() < 0.01
        assert gain_db[frequencies >= 15].max(initial=-200) < -80


@pytest.mark.parametrize("rate_hz", [rate for rate in RATES_HZ if rate > 40])
def test_nothing_aliases_below_10_hz(rate_hz):
    for aliased_hz in (1.0, 6.0, 9.99):
        for frequency in {25 - aliased_hz, 25 + aliased_hz, 50 - aliased_hz}:
            if frequency < rate_hz / 2:
                values, _ = resampled(sampled(lambda t, f=frequency: np.sin(2 * np.pi * f * t), rate_hz, 20), 20)
                assert np.abs(values).max() < 1e-4


@pytest.mark.parametrize("rate_hz", [20, 24])
def test_upsampling_leaves_no_image(rate_hz):
    values, _ = resampled(sampled(lambda t: np.sin(2 * np.pi * 8.5 * t), rate_hz, 200, 0), 200)
    spectrum = np.abs(np.fft.rfft(values * signal.windows.blackmanharris(len(values))))
    frequencies = np.fft.rfftfreq(len(values), 1 / 25)
    assert spectrum[np.abs(frequencies - 8.5) > 0.2].max() < 1e-4 * spectrum.max()


@pytest.mark.parametrize("rate_hz", [20, 40, 50, 62.5, 100, 125, 200, 500])
def test_agrees_with_resample_poly_on_band_limited_noise(rate_hz):
    rng = np.random.default_rng(int(rate_hz))
    seconds = 80
    lowpass = signal.firwin(4001, 8.0, fs=1000, window=("kaiser", 10))
    fine = signal.fftconvolve(rng.standard_normal(seconds * 1000 + 4000), lowpass, "valid")
    fine /= fine.std()
    step = 1000 / rate_hz
    assert step == int(step)
    segment = Segment(0, rate_hz, fine[:: int(step)].astype("f4"))
    ratio = Kernel(rate_hz, 25.0).ratio
    up, down = ratio.denominator, ratio.numerator
    sharp = signal.firwin(8001, 11.0, fs=rate_hz * up, window=("kaiser", 10))
    theirs = signal.resample_poly(segment.samples.astype("f8"), up, down, window=sharp)
    ours, times = resampled(segment, seconds)
    inside = (times > 25) & (times < seconds - 25)
    index = np.round(times[inside] * 25).astype(int)
    assert_allclose(ours[inside], fine[index * 40], atol=5e-4)
    assert_allclose(ours[inside], theirs[index], atol=5e-4)


def test_agrees_with_upfirdn_sample_by_sample():
    rng = np.random.default_rng(3)
    samples = rng.standard_normal(5000).astype("f4")
    kernel = Kernel(100.0, 25.0)
    taps = kernel.rows(np.zeros(1))[0][::-1]
    ours, times = resampled(Segment(0, 100.0, samples), 50)
    theirs = signal.upfirdn(taps, samples, 1, 4)
    index = np.round(times * 25).astype(int)
    theirs = signal.upfirdn(taps, samples)[kernel.half + 4 * index]
    assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("rate_hz", [75.19, 104.085, 300 / 7])
def test_odd_rates_on_long_records_use_the_table_as_precisely(rate_hz):
    wave = lambda t: np.sin(2 * np.pi * 9.5 * t)  # noqa: E731
    values, times = resampled(sampled(wave, rate_hz, 400), 400)
    assert len(values) > 9000
    assert_allclose(values, wave(times), atol=1.3e-4)


def test_a_rate_just_off_a_ratio_is_taken_at_its_word():
    wave = lambda t: np.sin(2 * np.pi * 5 * t)  # noqa: E731
    values, times = resampled(sampled(wave, 100.001, 1000), 1000)
    assert_allclose(values, wave(times), atol=1e-4)  # rounded to 100 Hz the phase would be 0.3 rad off at the end


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_constant_stays_exactly_constant(rate_hz):
    values, _ = resampled(sampled(lambda t: np.full(len(t), 1e4), rate_hz, 100), 100)
    assert_allclose(values, 1e4, rtol=5e-7)


def test_a_pulse_stays_where_it_was():
    pulse = np.zeros(2001, "f4")
    pulse[1000] = 1
    values, times = resampled(Segment(0, 100.0, pulse), 20)
    peak = np.argmax(values)
    assert times[peak] == 10.0
    assert_allclose(values[peak - 13 : peak], values[peak + 13 : peak : -1], atol=1e-8)


def test_sub_sample_tears_between_segments_are_honoured():
    wave = lambda t: 100 + np.sin(2 * np.pi * 3 * t)  # noqa: E731
    first = sampled(wave, 100.0, 20, 0)
    second = sampled(wave, 100.0, 20, first.end_ns + 3_000_000)  # 0.3 sample late, and sampled then
    values, valid = onto_grid([[first, second]], 0, 0, 1000, 25.0)
    times = np.arange(1000) / 25
    away = valid & (np.abs(times - 20) > 0.6)
    assert valid[15:-15].all()
    assert_allclose(values[away], wave(times[away]), atol=3e-4)
    assert_allclose(values[valid], wave(times[valid]), atol=0.15)  # no step of the offset at the tear


def test_a_change_of_rate_leaves_no_step():
    wave = lambda t: 500 + np.sin(2 * np.pi * 2 * t)  # noqa: E731
    first = sampled(wave, 100.0, 20, 0)
    second = sampled(wave, 40.0, 20, first.end_ns)
    values, valid = onto_grid([[first, second]], 0, 0, 1000, 25.0)
    assert valid[15:-15].all()
    assert_allclose(values[valid], wave(np.arange(1000)[valid] / 25), atol=0.2)


def test_samples_within_reach_of_a_hole_are_not_valid():
    ones = np.ones(1000, "f4")
    values, valid = onto_grid([[Segment(0, 100.0, ones)], [Segment(12_000_000_000, 100.0, ones)]], 0, 0, 550, 25.0)
    reach = Kernel(100.0, 25.0).reach_s
    times = np.arange(550) / 25
    away = ((times >= reach) & (times <= 9.99 - reach)) | ((times >= 12 + reach) & (times <= 21.99 - reach))
    assert not valid[~(np.convolve(away, np.ones(3), "same") > 0)].any()
    assert valid[away].all()
    assert (values[~valid] == 0).all()


def test_a_segment_shorter_than_the_filter_gives_nothing():
    values, valid = onto_grid([[Segment(0, 100.0, np.ones(50, "f4"))]], 0, -100, 200, 25.0)
    assert not valid.any()
    assert not values.any()


def test_short_segments_in_a_chain_weigh_in():
    pieces = [Segment(round(k * 0.2e9) + 3, 100.0, np.full(20, 7, "f4")) for k in range(30)]
    values, valid = onto_grid([pieces], 0, 0, 150, 25.0)
    assert valid.sum() > 100
    assert_allclose(values[valid], 7, rtol=1e-6)


def test_longest_reach_covers_every_rate():
    for rate_out_hz in (10.0, 25.0, 50.0):
        longest = longest_reach_s(rate_out_hz)
        assert all(Kernel(rate, rate_out_hz).reach_s <= longest + 1e-12 for rate in np.linspace(20, 500, 97))


@settings(max_examples=60, deadline=None)
@given(
    phases=st.integers(1, 5), step=st.integers(1, 300), length=st.integers(1, 400), count=st.integers(1, 900),
    begin=st.integers(-500, 500), seed=st.integers(0, 99),
)  # fmt: skip
def test_fir_is_the_plain_sum(phases, step, length, count, begin, seed):
    rng = np.random.default_rng(seed)
    samples = rng.standard_normal(700).astype("f4")
    taps = rng.standard_normal((phases, length)).astype("f4")
    first = begin + np.sort(rng.integers(0, step + 1, phases))
    padded = np.r_[np.zeros(600), samples, np.zeros(step * (count + 1) + 1600)]
    expected = []
    for k in range(count):
        low = first[k % phases] + k // phases * step + 600
        expected.append(padded[low : low + length] @ taps[k % phases])
    assert_allclose(fir(samples, bank(taps, first - begin, step), begin, count), expected, atol=2e-4)


@settings(max_examples=30, deadline=None)
@given(shift=st.integers(-200, 200), rate_hz=st.sampled_from(RATES_HZ), seed=st.integers(0, 9))
def test_a_shift_by_whole_output_samples_shifts_the_result(shift, rate_hz, seed):
    samples = np.random.default_rng(seed).standard_normal(int(30 * rate_hz)).astype("f4")
    segment = Segment(OFFSET_NS, rate_hz, samples)
    whole, known = onto_grid([[segment]], 0, -300, 1300, 25.0)
    part, some = onto_grid([[segment]], 0, shift, 500, 25.0)
    assert (known[shift + 300 : shift + 800] == some).all()
    assert_allclose(part, whole[shift + 300 : shift + 800], atol=2e-6)
