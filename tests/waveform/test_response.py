"""Response removal against obspy's own, with metadata that comes inside the obspy package."""

import numpy as np
import obspy
import pytest
from obspy import UTCDateTime
from scipy import signal

from tremorlab.errors import WaveformError
from tremorlab.study import Preparation
from tremorlab.waveform.prepare import prepare

SETTINGS = Preparation(output="velocity", highpass_hz=0.5)


@pytest.fixture(scope="module")
def inventory():
    return obspy.read_inventory()


@pytest.fixture
def record():
    """Four minutes of noise with the spectrum of ground motion, as if recorded by BW.RJOB."""
    header = dict(obspy.read()[0].stats)
    noise = np.random.default_rng(4).standard_normal(24_000)
    header.pop("npts")
    return obspy.Stream([obspy.Trace(np.round(5000 * np.convolve(noise, np.ones(4) / 4, "same")).astype("i4"), header)])


@pytest.mark.parametrize(("output", "name"), [("velocity", "VEL"), ("displacement", "DISP"), ("acceleration", "ACC")])
def test_agrees_with_obspy(record, inventory, output, name):
    settings = Preparation(output=output, highpass_hz=0.5)
    start = record[0].stats.starttime + 30
    ours = prepare(record, start, start + 180, components="Z", settings=settings, inventory=inventory)
    theirs = record[0].copy()
    theirs.data = theirs.data.astype("f8")
    theirs.remove_response(inventory, output=name, water_level=None, pre_filt=(0.25, 0.5, 10, 12), taper_fraction=0.02)
    theirs.interpolate(25.0, method="lanczos", a=20, starttime=start, npts=4500)
    band = signal.butter(4, (1.5, 8), "bandpass", fs=25, output="sos")
    ours, theirs = (signal.sosfiltfilt(band, x.astype("f8"))[250:-250] for x in (ours.data[0], theirs.data))
    assert np.std(ours - theirs) < 0.003 * np.std(theirs)


def test_the_file_named_in_the_settings_is_found_below_the_data(record, inventory, tmp_path, monkeypatch):
    inventory.write(tmp_path / "stations.xml", format="STATIONXML")
    monkeypatch.setenv("TREMORLAB_DATA", str(tmp_path))
    start = record[0].stats.starttime + 60
    named = Preparation(output="velocity", highpass_hz=0.5, inventory="stations.xml")
    one = prepare(record, start, start + 60, components="Z", settings=named)
    two = prepare(record, start, start + 60, components="Z", settings=SETTINGS, inventory=tmp_path / "stations.xml")
    assert one.data.any()
    assert (one.data == two.data).all()


def test_gaps_stay_masked(record, inventory):
    start = record[0].stats.starttime + 30
    record = record.slice(start - 30, start + 60) + record.slice(start + 70, start + 200)
    prepared = prepare(record, start, start + 120, components="Z", settings=SETTINGS, inventory=inventory)
    assert not prepared.valid[1500:1750].any()
    assert not prepared.data[:, ~prepared.valid].any()


def removed(record, inventory=None, settings=SETTINGS):
    start = record[0].stats.starttime + 10
    return prepare(record, start, start + 20, components="Z", settings=settings, inventory=inventory)


def test_without_metadata_the_remedy_is_named(record):
    with pytest.raises(
        WaveformError, match=r"BW\.RJOB\.\.EHZ.*velocity needs the instrument response.*preparation\.inv"
    ):
        removed(record)


def test_a_channel_without_metadata_is_named(record, inventory):
    record[0].stats.station = "NOWHERE"
    with pytest.raises(WaveformError, match=r"BW\.NOWHERE\.\.EHZ 2009.*no response.*covers this channel"):
        removed(record, inventory)


def test_a_time_without_metadata_is_named(record, inventory):
    record[0].stats.starttime = UTCDateTime("1980-01-01T00:00:00Z")
    with pytest.raises(WaveformError, match=r"EHZ 1980-01-01T00:00:10.*no response"):
        removed(record, inventory)


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x00" * 100])
def test_a_file_that_is_no_metadata_is_named(record, tmp_path, content):
    path = tmp_path / "broken.xml"
    path.write_bytes(content)
    with pytest.raises(WaveformError, match=r"broken\.xml: (cannot be read as station metadata.*StationXML|holds a z)"):
        removed(record, path)


def test_a_missing_file_is_named(record, tmp_path):
    with pytest.raises(WaveformError, match=r"absent\.xml: cannot be read"):
        removed(record, tmp_path / "absent.xml")


def test_a_response_without_stages_is_named(record, inventory):
    inventory = inventory.copy().select(station="RJOB")
    for station in inventory[0]:
        for channel in station:
            channel.response.response_stages = []
    with pytest.raises(WaveformError, match="the response cannot be evaluated"):
        removed(record, inventory)


def test_a_response_that_vanishes_is_named(record, inventory, monkeypatch):
    response = inventory.get_response("BW.RJOB..EHZ", record[0].stats.starttime)
    monkeypatch.setattr(type(response), "get_evalresp_response_for_frequencies", lambda self, f, output: f * 0j)
    with pytest.raises(WaveformError, match=r"vanishes within 0\.25-12 Hz.*Raise preparation\.highpass_hz"):
        removed(record, inventory)


def test_without_a_high_pass_nothing_is_divided(record, inventory):
    with pytest.raises(WaveformError, match=r"velocity without a high-pass.*above 0"):
        removed(record, inventory, Preparation(output="velocity", highpass_hz=0))
