"""Features of windows against obspy, scipy and closed forms."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from obspy.signal.filter import envelope
from obspy.signal.trigger import classic_sta_lta_py
from scipy import signal, stats

from tremorlab.dataset.features import BANDS_HZ, FEATURES, HIGH_LOW, features, sta_lta
from tremorlab.errors import DatasetError

RATE = 25.0


def noise(n=3, components=1, samples=2048, seed=0):
    return np.random.default_rng(seed).standard_normal((n, components, samples))


def burst(begin_s, length_s, samples=4096, seed=0, size=30.0):
    """Quiet noise without low frequencies, as of a high-passed record, with a strong stretch in it."""
    made = np.diff(noise(1, 1, samples + 1, seed))
    first = round(begin_s * RATE)
    made[0, 0, first : first + round(length_s * RATE)] *= size
    return made


def test_the_table_has_a_row_a_window_and_the_named_columns():
    table = features(noise(5), RATE)
    assert list(table.columns) == list(FEATURES)
    assert table.shape == (5, len(FEATURES))
    assert np.isfinite(table.to_numpy()).all()
    assert features(noise(0), RATE).shape == (0, len(FEATURES))


def test_sta_lta_is_that_of_obspy():
    window = noise(2, samples=3000)[:, 0]
    ours = sta_lta(window**2, RATE)
    for row, trace in zip(ours, window, strict=True):
        theirs = classic_sta_lta_py(trace, 25, 750)
        np.testing.assert_allclose(row, theirs[749:], rtol=1e-9)
    table = features(window[:, None], RATE)
    centred = window[0] - window[0].mean()
    theirs = classic_sta_lta_py(centred, 25, 750)[749:]
    found = 10 ** table.loc[0, ["sta_lta_max", "sta_lta_min", "sta_lta_std"]].to_numpy(float)
    np.testing.assert_allclose(found, [theirs.max(), theirs.min(), theirs.std()], rtol=1e-9)


def test_moments_are_those_of_scipy_and_the_envelope_that_of_obspy():
    window = burst(60.0, 20.0)
    table = features(window, RATE).loc[0]
    trace = window[0, 0] - window[0, 0].mean()
    assert 10 ** table["kurtosis"] == pytest.approx(stats.kurtosis(trace, fisher=False), rel=1e-9)
    smooth = np.sqrt(np.convolve(envelope(trace) ** 2, np.ones(25) / 25, "valid"))
    assert 10 ** table["envelope_kurtosis"] == pytest.approx(stats.kurtosis(smooth, fisher=False), rel=1e-9)
    assert 10 ** table["peak_over_mean"] == pytest.approx(smooth.max() / smooth.mean(), rel=1e-9)
    assert table["duration_s"] == pytest.approx(np.mean(smooth > 3 * np.median(smooth)) * len(smooth) / RATE)


def test_spectral_features_are_those_of_a_plain_periodogram_average():
    window = signal.lfilter([1.0], [1.0, -0.7], noise(2), axis=2)
    table = features(window, RATE)
    for row in range(2):
        frequency, power = signal.welch(window[row, 0] - window[row, 0].mean(), RATE, nperseg=256)
        low, high = (power[(frequency >= a) & (frequency < b)].sum() for a, b in ((1, 4), (4, 12)))
        assert table[f"{HIGH_LOW}4_hz"][row] == pytest.approx(np.log10(high / low), rel=1e-9)
        used = (frequency >= 1) & (frequency < 12)
        mean = np.average(frequency[used], weights=power[used])
        assert table["centroid_hz"][row] == pytest.approx(mean)
        spread = np.sqrt(np.average((frequency[used] - mean) ** 2, weights=power[used]))
        assert table["bandwidth_hz"][row] == pytest.approx(spread)
        assert table["flatness"][row] == pytest.approx(np.log10(stats.gmean(power[used]) / power[used].mean()))


def test_shares_and_ratios_of_power_are_those_of_the_sum_of_all_components():
    window = signal.lfilter([1.0], [1.0, -0.7], noise(2, components=3, seed=5), axis=2) * [[[5.0], [1.0], [0.2]]]
    table = features(window, RATE)
    frequency, power = signal.welch(window - window.mean(axis=2, keepdims=True), RATE, nperseg=256)
    power = power.sum(axis=1)

    def between(low, high):
        return power[:, (frequency >= low) & (frequency < high)].sum(axis=1)

    for low, high in pairwise(BANDS_HZ):
        share = np.log10(between(low, high) / between(1, 12))
        np.testing.assert_allclose(table[f"power_{low:g}_{high:g}_hz"], share, rtol=1e-9)
    for edge in BANDS_HZ[1:-1]:
        ratio = np.log10(between(edge, 12) / between(1, edge))
        np.testing.assert_allclose(table[f"{HIGH_LOW}{edge:g}_hz"], ratio, rtol=1e-9)
    centred = window - window.mean(axis=2, keepdims=True)
    kurtosis = stats.kurtosis(centred, axis=2, fisher=False).mean(axis=1)
    np.testing.assert_allclose(10 ** table["kurtosis"], kurtosis, rtol=1e-9)
    together = [classic_sta_lta_py(np.sqrt((own**2).sum(axis=0)), 25, 750)[749:].max() for own in centred]
    np.testing.assert_allclose(10 ** table["sta_lta_max"], together, rtol=1e-9)


def test_rate_and_length_may_be_the_least_that_is_needed():
    assert len(features(noise(1, samples=775), 25.0)) == 1
    assert len(features(noise(1, samples=744), 24.0)) == 1
    with pytest.raises(DatasetError, match="774 samples are less than 775"):
        features(noise(1, samples=774), 25.0)


def test_whole_numbers_are_taken_as_samples():
    counts = np.round(1000 * noise(2)).astype(np.int32)
    pd.testing.assert_frame_equal(features(counts, RATE), features(counts.astype(float), RATE))


def test_white_noise_shares_its_power_by_bandwidth():
    table = features(noise(200), RATE).mean()
    widths = np.diff(BANDS_HZ) / (BANDS_HZ[-1] - BANDS_HZ[0])
    shares = 10 ** table[[name for name in FEATURES if name.startswith("power_")]].to_numpy()
    np.testing.assert_allclose(shares, widths, rtol=0.1)
    assert 10 ** table["kurtosis"] == pytest.approx(3.0, abs=0.1)
    assert table["duration_s"] == 0
    assert table["centroid_hz"] == pytest.approx(6.5, abs=0.1)
    # The square root of a mean of 25 squares has a standard deviation of 0.14: its kurtosis is nearly Gaussian.
    assert 10 ** table["envelope_kurtosis"] == pytest.approx(3.0, abs=0.4)


@pytest.mark.parametrize(("begin_s", "length_s"), [(20.0, 10.0), (50.0, 30.0), (100.0, 55.0)])
def test_a_stretch_of_signal_has_its_length_and_place(begin_s, length_s):
    table = features(burst(begin_s, length_s), RATE).loc[0]
    assert table["duration_s"] == pytest.approx(length_s, abs=2.0)
    assert begin_s <= table["peak_s"] <= begin_s + length_s
    table = features(burst(begin_s, length_s, size=1e4), RATE).loc[0]
    assert table["spread_s"] == pytest.approx(length_s / 12**0.5, rel=0.15)


def test_a_signal_that_fades_slowly_is_skewed():
    time = np.arange(4096) / RATE
    for fades, sign in ((np.exp(-np.maximum(time - 40, 0) / 10) * (time > 40), 1), (np.exp(-(120 - time) / 10), -1)):
        table = features((noise(1, samples=4096)[0, 0] * (fades * (time < 120) + 1e-3))[None, None], RATE)
        # An exponential density has skewness 2.
        assert table["skewness"][0] * sign == pytest.approx(2.0, abs=0.6)


def test_a_reversed_window_is_skewed_the_other_way():
    window = burst(30.0, 25.0, samples=4096)
    forth, back = (features(made, RATE).loc[0] for made in (window, window[:, :, ::-1]))
    assert forth["skewness"] == pytest.approx(-back["skewness"], rel=1e-6)
    assert forth["peak_s"] + back["peak_s"] == pytest.approx(4095 / RATE + 1 / RATE, abs=1e-6)
    same = ["spread_s", "duration_s", "kurtosis", "envelope_kurtosis", "peak_over_mean"]
    np.testing.assert_allclose(forth[same], back[same], rtol=1e-6)


def test_a_line_is_not_flat():
    tone = np.sin(2 * np.pi * 3.3 * np.arange(2048) / RATE)[None, None]
    table = features(tone + 0.01 * noise(1), RATE).loc[0]
    assert table["centroid_hz"] == pytest.approx(3.3, abs=0.05)
    assert table["bandwidth_hz"] < 0.5
    assert table["flatness"] < -2


def test_nothing_depends_on_size_offset_or_order_of_components():
    window = noise(2, components=3)
    table = features(window, RATE)
    np.testing.assert_allclose(features(1e-9 * window + 1e-7, RATE), table, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(features(window[:, ::-1], RATE), table, rtol=1e-9, atol=1e-12)


def test_many_windows_are_the_same_as_single_ones():
    window = noise(300, samples=800)
    table = features(window, RATE)
    for row in (0, 255, 256, 299):
        np.testing.assert_allclose(features(window[row : row + 1], RATE).loc[0], table.loc[row], rtol=1e-9)


def broken(value, at=(1, 0, 5)):
    window = noise()
    window[at] = value
    return window


@pytest.mark.parametrize(
    ("waveforms", "rate", "message"),
    [
        (noise()[:, 0], RATE, r"features: shape \(3, 2048\) is not \(n, components, samples\)\. Add the axes"),
        (np.empty((2, 0, 2048)), RATE, r"shape \(2, 0, 2048\)"),
        (noise(samples=700), RATE, r"features: 700 samples are less than 775 \(31 s\)\. Cut longer"),
        (noise(), 20.0, r"features: 20\.0 Hz is less than 24 Hz\. Give windows of a higher rate"),
        (noise(), float("nan"), "nan Hz is less than 24 Hz"),
        (broken(np.nan), RATE, r"window 1, component 0: is constant or not finite\. Leave the window out"),
        (broken(np.inf), RATE, "window 1, component 0"),
        (broken(4.0, (2, 0)), RATE, "window 2, component 0: is constant"),
    ],
)
def test_bad_windows_are_named(waveforms, rate, message):
    with pytest.raises(DatasetError, match=message):
        features(waveforms, rate)
