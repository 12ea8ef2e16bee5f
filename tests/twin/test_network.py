"""Networks and instruments: geometry as stated, StationXML that says what the sensor does."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import obspy
import pytest
from obspy import UTCDateTime
from obspy.geodetics import gps2dist_azimuth
from obspy.signal.rotate import rotate2zne

from tremorlab.errors import ParameterError
from tremorlab.twin.network import INSTRUMENTS, NETWORKS, geographic, instrument, inventory, rotate


@pytest.mark.parametrize("name", NETWORKS)
def test_the_station_xml_is_valid_and_its_response_is_that_of_the_sensor(name):
    geometry = NETWORKS[name]
    file = BytesIO()
    inventory(geometry, 100.0, UTCDateTime(2015, 1, 1)).write(file, format="STATIONXML", validate=True)
    file.seek(0)
    read = obspy.read_inventory(file)
    frequencies = np.geomspace(0.005, 40, 30)
    for described, station in zip(read[0], geometry.stations, strict=True):
        assert [channel.code for channel in described] == list(station.channels)
        for channel in described:
            known = channel.response.get_evalresp_response_for_frequencies(frequencies, output="VEL")
            assert np.allclose(known, instrument(station).response(frequencies), rtol=1e-6)


def test_the_network_file_is_the_same_every_time():
    files = [BytesIO(), BytesIO()]
    for file in files:
        inventory(NETWORKS["colombia_like"], 50.0, UTCDateTime(2015, 1, 1)).write(file, format="STATIONXML")
    assert files[0].getvalue() == files[1].getvalue()


def test_ocean_bottom_nodes_are_15_to_25_km_apart_and_volcano_stations_1_to_8_km_from_the_crater():
    ocean = np.array([(s.x_km, s.y_km) for s in NETWORKS["donet_like"].stations])
    distance = np.hypot(*(ocean[:, None] - ocean).transpose(2, 0, 1))
    nearest = np.sort(distance)[:, 1]
    assert len(ocean) == 8
    assert ((nearest > 15) & (nearest < 25)).all()
    crater = [np.hypot(s.x_km, s.y_km) for s in NETWORKS["sakurajima_like"].stations]
    assert len(crater) == 6
    assert min(crater) >= 1
    assert max(crater) <= 8
    assert len(NETWORKS["colombia_like"].stations) == 3


def test_seeds_and_codes_are_unique():
    stations = [station for geometry in NETWORKS.values() for station in geometry.stations]
    assert len({s.seed for s in stations}) == len(stations) == len({(s.network, s.station) for s in stations})


def test_geographic_distances_are_those_of_the_local_frame():
    geometry = NETWORKS["donet_like"]
    (lat1, lon1), (lat2, lon2) = geographic(geometry, -22.0, 14.0), geographic(geometry, 22.0, -4.0)
    assert gps2dist_azimuth(lat1, lon1, lat2, lon2)[0] / 1000 == pytest.approx(np.hypot(44, 18), rel=0.01)


def test_rotation_agrees_with_obspy():
    rng = np.random.default_rng(1)
    motion = rng.standard_normal((3, 50))
    turned = rotate(motion, 37.0)
    back = rotate2zne(turned[0], 0, -90, turned[1], 37, 0, turned[2], 127, 0)
    assert np.allclose(back, motion)
    assert rotate(motion, 360.0) is motion


def test_sensors_off_north_are_called_1_and_2_and_short_periods_e():
    station = NETWORKS["donet_like"].stations[0]
    assert station.channels == ("HHZ", "HH1", "HH2")
    assert replace(station, azimuth_deg=358.0).channels == ("HHZ", "HHN", "HHE")
    assert NETWORKS["sakurajima_like"].stations[0].channels == ("EHZ", "EHN", "EHE")


def test_the_response_is_flat_above_the_corner_and_falls_by_12_db_an_octave_below():
    sensor = INSTRUMENTS["broadband_40s"]
    flat, low, octave = np.abs(sensor.response([5.0, 0.001, 0.002]))
    assert flat == pytest.approx(sensor.volts_per_m_s * sensor.counts_per_volt, rel=1e-4)
    assert octave / low == pytest.approx(4, rel=0.01)


def test_an_unknown_instrument_is_refused():
    station = replace(NETWORKS["donet_like"].stations[0], instrument="seismoscope")
    with pytest.raises(ParameterError, match=r"ZN\.A01: instrument 'seismoscope' is unknown.*broadband_360s"):
        instrument(station)
