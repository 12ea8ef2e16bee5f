"""One scalar from a file or a study, or the reason why not."""

import numpy as np
import pytest
from obspy import Stream, Trace, UTCDateTime

from tremorlab.dynamics import recording
from tremorlab.errors import DynamicsError, StudyError, WaveformError

START = UTCDateTime("2020-01-01T00:00:00Z")


def write(path, *pieces, rate=50.0, station="TREM"):
    """Write (offset in s, samples) pieces as one file."""
    traces = []
    for offset, samples in pieces:
        header = {"network": "XX", "station": station, "channel": "HHZ", "sampling_rate": rate}
        traces.append(Trace(np.asarray(samples, "f4"), {**header, "starttime": START + offset}))
    Stream(traces).write(str(path), format="MSEED")
    return path


def tremor(seconds, rate=50.0):
    times = np.arange(round(seconds * rate)) / rate
    return 3 * np.sin(2 * np.pi * 1.2 * times) + np.sin(2 * np.pi * 2.4 * times + 1)


def counts(seconds):
    """The same from a digitiser, with some noise."""
    rng = np.random.default_rng(1)
    return np.round(1e4 * tremor(seconds) + rng.normal(0, 50, round(seconds * 50)))


def test_a_file_gives_a_record_of_unit_size(tmp_path):
    path = write(tmp_path / "tremor.mseed", (0, tremor(120)))
    found = recording.load(path, START + 30, START + 90, 25.0, 0.4)
    assert found.values.shape == (1500, 1)
    assert found.values.std() == pytest.approx(1)
    times = 30 + np.arange(1500) / 25
    expected = 3 * np.sin(2 * np.pi * 1.2 * times) + np.sin(2 * np.pi * 2.4 * times + 1)
    assert np.corrcoef(found.values[:, 0], expected)[0, 1] > 0.999


def test_a_study_gives_its_first_station(recordings):
    found = recording.load("reventador_2005", "2005-08-02T07:06:36Z", "2005-08-02T07:07:36Z", 25.0, 0.4)
    assert found.values.shape == (1500, 1)


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        (((0, tremor(50)), (60, tremor(60))), "gap: 10.00 s missing"),
        (((0, tremor(50)), (50.5, tremor(60))), "filled_gap: 0.50 s missing"),
        (((0, np.maximum(counts(120), -20_000)),), "clipping"),
        (((0, np.where(np.arange(6000) == 3000, 1e7, tremor(120))),), "spike"),
        (((0, tremor(70)),), "gap: the record ends at 2020-01-01T00:01:10"),
        (((300, tremor(50)),), "holds 0 channels"),
    ],
)
def test_broken_records_are_refused(tmp_path, pieces, message):
    path = write(tmp_path / "tremor.mseed", *pieces)
    with pytest.raises(DynamicsError, match=message):
        recording.load(path, START + 30, START + 90, 25.0, 0.4)


def test_a_dead_channel_is_refused(tmp_path):
    path = write(tmp_path / "dead.mseed", (0, np.zeros(6000)))
    with pytest.raises(DynamicsError, match="constant"):
        recording.load(path, START + 30, START + 90, 25.0, 0.4)


def test_several_channels_must_be_chosen_from(tmp_path):
    path = tmp_path / "both.mseed"
    streams = [Stream()]
    for station in ("ONE", "TWO"):
        header = {"network": "XX", "station": station, "channel": "HHZ", "sampling_rate": 50.0, "starttime": START}
        streams[0].append(Trace(tremor(120).astype("f4"), header))
    streams[0].write(str(path), format="MSEED")
    with pytest.raises(DynamicsError, match=r"holds 2 channels \(XX.ONE..HHZ, XX.TWO..HHZ\)"):
        recording.load(path, START + 30, START + 90, 25.0, 0.4)
    assert recording.load(path, START + 30, START + 90, 25.0, 0.4, "XX.ONE..HHZ").values.shape == (1500, 1)


@pytest.mark.parametrize(
    ("source", "start", "end", "error", "message"),
    [
        ("nothing.mseed", "2020-01-01", "2020-01-02", WaveformError, "there is no such file"),
        ("no_such_study", "2020-01-01", "2020-01-02", StudyError, "no such study"),
        ("reventador_2005", "2020-01-02", "2020-01-01", DynamicsError, "ends before it starts"),
        ("reventador_2005", "yesterday", "2020-01-01", DynamicsError, "is not ISO 8601"),
    ],
)
def test_wrong_requests_are_refused(source, start, end, error, message):
    with pytest.raises(error, match=message):
        recording.load(source, start, end, 25.0, 0.4)


def test_what_is_broken_outside_the_piece_does_no_harm(tmp_path):
    path = write(tmp_path / "tremor.mseed", (0, tremor(8)), (10, tremor(150)))
    found = recording.load(str(path), str(START + 60), str(START + 90), 20.0, 0.4)
    assert found.values.shape == (600, 1)
    assert (found.names, found.units, found.sampling_rate_hz) == (("velocity",), ("standard deviations",), 20.0)


def test_what_is_below_the_corner_is_taken_out(tmp_path):
    times = np.arange(12_000) / 50
    slow, fast = 5 * np.sin(2 * np.pi * 0.1 * times), np.sin(2 * np.pi * 3.0 * times)
    noise = 0.05 * np.random.default_rng(0).standard_normal(12_000)
    path = write(tmp_path / "both.mseed", (0, slow + fast + noise))
    found = recording.load(path, START + 100, START + 140, 25.0, 1.0).values[:, 0]
    expected = np.sin(2 * np.pi * 3.0 * np.arange(1000) / 25)
    assert np.corrcoef(found, expected)[0, 1] > 0.99


def test_a_piece_has_a_length(tmp_path):
    path = write(tmp_path / "tremor.mseed", (0, tremor(20)))
    with pytest.raises(DynamicsError, match="ends before it starts"):
        recording.load(path, START + 5, START + 5, 25.0, 0.4)
