"""Windows without an archive: what is in them is what the twin would have recorded, and a stretch does what it says."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tremorlab.errors import ParameterError
from tremorlab.twin import direct, noise
from tremorlab.twin.direct import RATE_HZ, Stretch, windows
from tremorlab.twin.path import MEDIA
from tremorlab.twin.scenario import configure

NANKAI = configure(setting="nankai", days=1, stations=2, seed=3)
VOLCANO = configure(setting="sakurajima", days=1, stations=3, seed=3)


@pytest.fixture(scope="module")
def quakes():
    return windows(NANKAI, ("earthquake", "noise"), 6, samples=2048, onset_s=30.0)


def centroid(waveforms):
    power = np.abs(np.fft.rfft(waveforms[:, 0])) ** 2
    frequency = np.fft.rfftfreq(waveforms.shape[2], 1 / RATE_HZ)
    used = (frequency > 1) & (frequency < 10)
    return np.average(np.broadcast_to(frequency[used], power[:, used].shape), weights=power[:, used], axis=1)


def test_windows_are_made_of_each_class_and_described(quakes):
    waveforms, table = quakes
    assert waveforms.shape == (12, 1, 2048)
    assert waveforms.dtype == np.float32
    assert table["event_class"].tolist() == ["earthquake"] * 6 + ["noise"] * 6
    assert table["event"].is_unique
    assert set(table["station"]) <= {"ZN.A01", "ZN.A02"}
    assert table.loc[:5, "snr_db"].notna().all()
    assert table.loc[6:, ["snr_db", "distance_km"]].isna().all(axis=None)


def test_the_first_arrival_is_where_it_was_asked_for():
    clear = configure(setting="nankai", days=1, stations=2, seed=3, difficulty="low")
    waveforms, table = windows(clear, ("earthquake",), 8, samples=2048, onset_s=30.0)
    loud = (table["snr_db"] > 20).to_numpy()
    assert loud.sum() >= 2
    for trace in waveforms[loud, 0]:
        before, after = trace[: round(29.5 * RATE_HZ)], trace[round(30 * RATE_HZ) : round(60 * RATE_HZ)]
        assert np.abs(after).max() > 5 * np.abs(before).max()


def test_the_same_seed_gives_the_same_windows_and_another_does_not(quakes):
    again, _ = windows(NANKAI, ("earthquake", "noise"), 6, samples=2048, onset_s=30.0)
    np.testing.assert_array_equal(again, quakes[0])
    other, _ = windows(NANKAI.model_copy(update={"seed": 4}), ("noise",), 6, samples=2048, onset_s=30.0)
    assert not np.array_equal(other, quakes[0][6:])


def test_noise_windows_have_the_power_of_the_noise_of_the_setting():
    waveforms, table = windows(VOLCANO, ("noise",), 12, highpass_hz=0.0)
    expected = [
        np.mean([noise.band_rms(s, t, (2, 8), "sakurajima", 3)[0] for t in np.linspace(4e3, 2e6, 20)])
        for s in VOLCANO.geometry.stations
    ]
    frequency = np.fft.rfftfreq(4096, 1 / RATE_HZ)
    band = (frequency > 2) & (frequency < 8)
    power = 2 * np.sum(np.abs(np.fft.rfft(waveforms[:, 0])[:, band]) ** 2, axis=1) / 4096**2
    codes = [s.station for s in VOLCANO.geometry.stations]
    usual = np.array([expected[codes.index(name.split(".")[1])] for name in table["station"]])
    assert abs(np.median(20 * np.log10(np.sqrt(power) / usual))) < 4


def test_the_catalogue_prefers_what_it_can_see():
    everything = windows(NANKAI, ("earthquake",), 30, samples=512, onset_s=5.0, seen=False)[1]
    listed = windows(NANKAI, ("earthquake",), 30, samples=512, onset_s=5.0)[1]
    assert listed["snr_db"].mean() > everything["snr_db"].mean()
    assert listed["snr_db"].min() > -12


def test_high_frequencies_survive_a_better_path_and_a_higher_corner():
    given = {"samples": 2048, "onset_s": 30.0, "seen": False}
    quiet = configure(setting="nankai", days=1, stations=2, seed=3, difficulty="low")
    base = centroid(windows(quiet, ("earthquake",), 8, **given)[0]).mean()
    for stretch in (Stretch(quality=6.0), Stretch(corner=3.0)):
        assert centroid(windows(quiet, ("earthquake",), 8, stretch=stretch, **given)[0]).mean() > base + 0.1


def test_distances_grow_by_the_factor_that_was_asked_for():
    near, far = (
        windows(NANKAI, ("earthquake", "tremor"), 3, stretch=Stretch(distance=f), samples=512, onset_s=5.0, seen=False)[
            1
        ]
        for f in (1.0, 3.0)
    )
    assert (far["distance_km"] > near["distance_km"]).all()
    flat = replace(NANKAI.geometry.stations[0], z_km=0.0)
    moved = direct._station(flat, Stretch(distance=3.0))
    assert (moved.x_km, moved.y_km, moved.z_km) == (3 * flat.x_km, 3 * flat.y_km, 0.0)


def test_a_stretch_changes_only_what_it_names():
    rng = np.random.default_rng(0)
    source = direct.events.draw(VOLCANO, "vt", 100.0, rng)[0]
    event = direct._changed(source, "sakurajima", Stretch(corner=2.0, quality=3.0))
    usual, changed = source.sources(MEDIA["sakurajima"]), event.source.sources(event.medium)
    np.testing.assert_allclose(changed.s_corner_hz, 2 * usual.s_corner_hz)
    np.testing.assert_array_equal(changed.moment_n_m, usual.moment_n_m)
    assert event.medium.q_s == 3 * MEDIA["sakurajima"].q_s
    assert event.medium.kappa_s == MEDIA["sakurajima"].kappa_s


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: windows(NANKAI, ("vt",), 2),
            r"classes: 'vt' is not of setting nankai\. Choose from earthquake, tremor",
        ),
        (lambda: windows(NANKAI, ("noise",), 0), r"windows: 0 of 4096 samples are none"),
        (lambda: Stretch(quality=0.0), r"stretch, quality: 0\.0 is not between 0\.1 and 10"),
        (lambda: Stretch(corner=float("nan")), r"stretch, corner: nan is not between"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ParameterError, match=message):
        call()


def test_signals_too_weak_for_the_catalogue_are_refused(monkeypatch):
    monkeypatch.setattr(direct, "seen_probability", lambda snr_db: 0.0)
    with pytest.raises(ParameterError, match=r"class earthquake: 0 of 1 events were listed in 40\. Make the signals"):
        windows(NANKAI, ("earthquake",), 1, samples=512, onset_s=5.0)


def test_episodes_without_a_burst_are_passed_over(monkeypatch):
    drawn = iter([[]])
    real = direct.events.draw
    monkeypatch.setattr(direct.events, "draw", lambda *given: next(drawn, real(*given)))
    assert isinstance(windows(NANKAI, ("tremor",), 1, samples=512, onset_s=5.0, seen=False)[1], pd.DataFrame)
