"""Semi-empirical tremor: stacks where the catalogue has them, as loud as drawn, and the rest as it was recorded."""

import numpy as np
import obspy
import pandas as pd
import pytest
from scipy import signal

from tremorlab import paths
from tremorlab import study as studies
from tremorlab.catalog import readers
from tremorlab.catalog.sources import of_study
from tremorlab.dataset import windows
from tremorlab.errors import DataMissingError, ParameterError
from tremorlab.twin import semi_empirical
from tremorlab.waveform.sources import open_source


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    from tests.require import needs

    needs("data")
    return semi_empirical.simulate(tmp_path_factory.mktemp("semi") / "day", seed=1)


@pytest.fixture(scope="module")
def both(written):
    """The record with tremor, and the background that it was put into, counts."""
    made = obspy.read(str(next((written.parent / "sds").rglob("*.D.*"))))[0]
    return made, obspy.read(paths.recordings() / semi_empirical.BACKGROUND)[0]


def test_windows_of_all_classes_can_be_cut(written):
    study = studies.load(written)
    plan = windows.plan(of_study(study), study)
    counts = plan["event_class"].value_counts()
    assert counts["tremor"] > 20
    assert counts["noise"] == 60
    assert counts["earthquake"] == 8
    cut = windows.cut(plan[plan["event_class"] == "tremor"].head(3), open_source(study), study)
    assert len(cut.windows) == 3


def test_the_background_is_untouched_where_it_is_catalogued(written, both):
    made, background = both
    difference = np.abs(made.data - background.data)
    assert difference.max() > 100
    catalogue = readers.read(written.parent / "catalogue.csv")
    for row in catalogue[catalogue["event_class"] != "tremor"].itertuples():
        first = round((row.onset - pd.Timestamp(background.stats.starttime.ns, tz="UTC")).total_seconds() * 40)
        assert difference[first - 1600 : first + 164 * 40].max() <= 1


def test_bursts_have_the_ratio_that_was_drawn(written, both):
    made, background = both
    band = signal.butter(4, (2, 8), "bandpass", fs=40, output="sos")
    tremor = signal.sosfiltfilt(band, made.data.astype(float) - background.data)
    quiet = signal.sosfiltfilt(band, background.data.astype(float))
    truth = pd.read_csv(written.parent / "truth.csv")
    assert truth["snr_db"].between(*semi_empirical.SNR_DB).all()
    assert truth["lfes"].min() >= semi_empirical.FEWEST
    found = []
    for row in truth.itertuples():
        part = slice(round((row.onset_s - 5) * 40), round((row.end_s + 5) * 40))
        loudest = np.convolve(tremor[part] ** 2, np.ones(200) / 200, "same").max()
        level = np.median(np.abs(quiet[part.start - 2400 : part.stop])) / 0.6745
        found.append(10 * np.log10(loudest) - 20 * np.log10(level))
    np.testing.assert_allclose(found, truth["snr_db"], atol=2.5)


def test_tremor_lies_at_catalogued_times(written):
    truth = pd.read_csv(written.parent / "truth.csv")
    table = pd.read_csv(paths.recordings() / semi_empirical.DETECTIONS)
    times = pd.to_datetime(table["time_utc"])
    seconds = (times - pd.Timestamp(semi_empirical.DAY)).dt.total_seconds().to_numpy()
    for row in truth.itertuples():
        # A stack of 60 s holds its signal some seconds after the catalogued time.
        assert ((seconds > row.onset_s - 61) & (seconds < row.end_s)).sum() >= semi_empirical.FEWEST
    assert (truth["onset_s"].to_numpy()[1:] > truth["end_s"].to_numpy()[:-1]).mean() > 0.8


def test_the_same_seed_gives_the_same_day(written, tmp_path):
    again = semi_empirical.simulate(tmp_path / "again", seed=1)
    for name in ("catalogue.csv", "truth.csv"):
        assert (again.parent / name).read_bytes() == (written.parent / name).read_bytes()


def test_missing_recordings_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("TREMORLAB_DATA", str(tmp_path))
    with pytest.raises(DataMissingError, match=r"mbar_2021/.*: is not on this machine\. Set TREMORLAB_DATA"):
        semi_empirical.simulate(tmp_path / "day")
    monkeypatch.delenv("TREMORLAB_DATA")
    with pytest.raises(DataMissingError, match="is not on this machine"):
        semi_empirical.simulate(tmp_path / "day")
    assert not (tmp_path / "day").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"station": "ME99"}, "no stack at station 'ME99'. Choose from ME0"),
        ({"day": "2009-01-01"}, "2009-01-01: has no burst in free background"),
    ],
)
def test_bad_choices_are_named(recordings, tmp_path, given, message):
    with pytest.raises(ParameterError, match=message):
        semi_empirical.simulate(tmp_path / "day", **given)


def test_nothing_is_half_written(recordings, tmp_path, monkeypatch):
    (tmp_path / "taken").mkdir()
    with pytest.raises(ParameterError, match="taken: exists"):
        semi_empirical.simulate(tmp_path / "taken")

    def broken(*given):
        raise OSError("disk full")

    monkeypatch.setattr(semi_empirical, "write_csv", broken)
    with pytest.raises(OSError, match="disk full"):
        semi_empirical.simulate(tmp_path / "day")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
