"""Stations, networks and instruments of the twin.

Coordinates are kilometres in a local Cartesian frame: x to the east, y to the north, z down from sea level, with the
crater, or the middle of the network, at x = y = 0. Nothing here is the position of a real station.

The networks stand for those of the report: nodes of an ocean-bottom cabled network (DONET, doi:10.17598/NIED.0008),
stations around one crater, and a small observatory. A sensor is a damped pendulum with a flat digitiser (Scherbaum
2001, Of Poles and Zeros). Limits: one sensor a station and no array; buried and bare, coupled and loose sensors differ
only in what `tremorlab.twin.transfer` and `tremorlab.twin.noise` draw for them; a response is exactly known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from obspy import UTCDateTime
from obspy.core.inventory import Channel, Inventory, Network, Response, Site
from obspy.core.inventory import Station as InventoryStation
from obspy.core.inventory.response import CoefficientsTypeResponseStage, PolesZerosResponseStage

from tremorlab.errors import ParameterError

_KM_PER_DEGREE = 111.195


@dataclass(frozen=True, slots=True)
class Station:
    """Describe one seismometer: where it stands, how it is turned, what it is.

    Parameters
    ----------
    network, station
        SEED codes.
    x_km, y_km, z_km
        Position; z is positive below sea level, so a station on a volcano has a negative one.
    seed
        Source of everything that is drawn for this site once: noise level, transfer function, faults.
    azimuth_deg
        Direction of the first horizontal component, clockwise from north.
    instrument
        A key of `INSTRUMENTS`.
    """

    network: str
    station: str
    x_km: float
    y_km: float
    z_km: float
    seed: int
    azimuth_deg: float = 0.0
    instrument: str = "broadband_120s"

    @property
    def channels(self) -> tuple[str, str, str]:
        """Codes of the three components; by the SEED rule horizontals off north and east are called 1 and 2."""
        band = "E" if self.instrument.startswith("short_period") else "H"
        turned = self.azimuth_deg % 360 > 5 and self.azimuth_deg % 360 < 355
        return tuple(f"{band}H{letter}" for letter in ("Z12" if turned else "ZNE"))


@dataclass(frozen=True, slots=True)
class Instrument:
    """A velocity sensor with its digitiser: damped pendulum, gain and full scale.

    Parameters
    ----------
    corner_hz, damping
        Free frequency and damping of the pendulum; below the corner the response falls with the square of frequency.
    volts_per_m_s
        Generator constant in the flat part.
    counts_per_volt
        Gain of the digitiser.
    full_scale
        Largest count; beyond it the record is clipped.
    """

    corner_hz: float
    damping: float
    volts_per_m_s: float
    counts_per_volt: float
    full_scale: int

    @property
    def poles(self) -> list[complex]:
        """Poles in rad/s."""
        omega = 2 * np.pi * self.corner_hz
        pole = omega * complex(-self.damping, np.sqrt(1 - self.damping**2))
        return [pole, pole.conjugate()]

    @property
    def zeros(self) -> list[complex]:
        """Zeros in rad/s."""
        return [0j, 0j]

    def response(self, frequencies_hz: np.ndarray) -> np.ndarray:
        """Counts per m/s at each frequency, complex: ``gain s^2 / ((s - p)(s - p*))`` with ``s = 2 pi i f``."""
        s = 2j * np.pi * np.asarray(frequencies_hz, float)
        return self.volts_per_m_s * self.counts_per_volt * s**2 / np.prod([s - pole for pole in self.poles], axis=0)


#: Gains are typical of the kinds of instrument, not of a maker; clipping sets in at 13, 9, 21 and 1.3 mm/s.
INSTRUMENTS = {
    "broadband_360s": Instrument(1 / 360, 0.707, 1500.0, 4.2e5, 2**23 - 1),
    "broadband_120s": Instrument(1 / 120, 0.707, 1500.0, 6.0e5, 2**23 - 1),
    "broadband_40s": Instrument(1 / 40, 0.707, 800.0, 5.0e5, 2**23 - 1),
    "short_period_1s": Instrument(1.0, 0.7, 400.0, 1.0e6, 2**19 - 1),
}


@dataclass(frozen=True, slots=True)
class Geometry:
    """A network: its stations and the place on Earth that the local frame hangs at."""

    stations: tuple[Station, ...]
    latitude: float
    longitude: float


def _stations(network, rows):
    return tuple(Station(network, *row) for row in rows)


#: Ocean-bottom network on an accretionary prism: nodes 15-25 km apart under 1.9-4.3 km of water, sensors turned anyhow.
#: Volcano network: six stations 1-8 km from the crater, the two nearest short-period.
#: A small observatory's network: three stations on one side of a volcano 4.6 km high.
NETWORKS = {
    "donet_like": Geometry(
        _stations(
            "ZN",
            [
                ("A01", -22.0, 14.0, 1.95, 101, 37.0, "broadband_360s"),
                ("A02", -6.0, 21.0, 2.02, 102, 212.0, "broadband_360s"),
                ("A03", -11.0, 2.0, 2.06, 103, 95.0, "broadband_360s"),
                ("A04", 9.0, 9.0, 2.44, 104, 301.0, "broadband_360s"),
                ("B01", 22.0, -4.0, 3.55, 105, 158.0, "broadband_360s"),
                ("B02", 3.0, -13.0, 3.18, 106, 20.0, "broadband_360s"),
                ("B03", -16.0, -17.0, 3.41, 107, 264.0, "broadband_360s"),
                ("B04", 14.0, -30.0, 4.31, 108, 77.0, "broadband_360s"),
            ],
        ),
        33.3,
        136.6,
    ),
    "sakurajima_like": Geometry(
        _stations(
            "ZS",
            [
                ("V01", 0.7, -0.9, -0.55, 201, 0.0, "short_period_1s"),
                ("V02", -1.9, 0.8, -0.36, 202, 0.0, "short_period_1s"),
                ("V03", 1.6, 2.6, -0.24, 203, 0.0, "broadband_40s"),
                ("V04", 3.5, -2.4, -0.08, 204, 0.0, "broadband_120s"),
                ("V05", -4.6, -3.4, -0.05, 205, 0.0, "broadband_40s"),
                ("V06", -3.2, 6.9, -0.02, 206, 0.0, "broadband_120s"),
            ],
        ),
        31.58,
        130.66,
    ),
    "colombia_like": Geometry(
        _stations(
            "ZC",
            [
                ("C01", 1.4, 1.9, -4.15, 301, 0.0, "broadband_120s"),
                ("C02", -2.9, 2.6, -3.74, 302, 0.0, "short_period_1s"),
                ("C03", 4.9, 4.3, -3.32, 303, 0.0, "broadband_120s"),
            ],
        ),
        4.9,
        -75.3,
    ),
}


def geographic(geometry: Geometry, x_km: float, y_km: float) -> tuple[float, float]:
    """Latitude and longitude in degrees of a point of the local frame (flat Earth; good to 0.1 % over 100 km)."""
    latitude = geometry.latitude + y_km / _KM_PER_DEGREE
    return latitude, geometry.longitude + x_km / (_KM_PER_DEGREE * np.cos(np.radians(geometry.latitude)))


def rotate(velocity: np.ndarray, azimuth_deg: float) -> np.ndarray:
    """Turn Z, N, E (rows) into the components of a sensor whose first horizontal points to ``azimuth_deg``."""
    if azimuth_deg % 360 == 0:
        return velocity
    sine, cosine = np.sin(np.radians(azimuth_deg)), np.cos(np.radians(azimuth_deg))
    turn = np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]], velocity.dtype)
    return turn @ velocity


def instrument(station: Station) -> Instrument:
    """Look up the instrument of a station.

    Raises
    ------
    ParameterError
        The station names an instrument that is not in `INSTRUMENTS`.
    """
    if station.instrument not in INSTRUMENTS:
        raise ParameterError(
            f"station {station.network}.{station.station}",
            f"instrument {station.instrument!r} is unknown",
            f"Choose one of {', '.join(INSTRUMENTS)}",
        )
    return INSTRUMENTS[station.instrument]


def inventory(geometry: Geometry, rate_hz: float, start: UTCDateTime) -> Inventory:
    """StationXML of a network: positions, orientations, poles and zeros, digitiser gain.

    Parameters
    ----------
    geometry
        One of `NETWORKS`, or a part of one.
    rate_hz
        Sampling rate of all channels.
    start
        Begin of operation, UTC.

    Returns
    -------
    obspy.core.inventory.Inventory
        A stage of poles and zeros (m/s to V) and one of gain (V to counts) for each channel; `created` is ``start``,
        so that the same network gives the same file.
    """
    stations = []
    for station in geometry.stations:
        latitude, longitude = geographic(geometry, station.x_km, station.y_km)
        place = {"latitude": latitude, "longitude": longitude, "elevation": -1000 * station.z_km}
        directions = ((0.0, -90.0), (station.azimuth_deg, 0.0), ((station.azimuth_deg + 90) % 360, 0.0))
        channels = [
            Channel(
                code,
                location_code="",
                depth=0,
                azimuth=azimuth % 360,
                dip=dip,
                sample_rate=rate_hz,
                start_date=start,
                response=_response(instrument(station), rate_hz),
                **place,
            )
            for code, (azimuth, dip) in zip(station.channels, directions, strict=True)
        ]
        site = Site(name=f"simulated, {station.instrument}")
        stations.append(InventoryStation(station.station, site=site, channels=channels, start_date=start, **place))
    network = Network(geometry.stations[0].network, stations=stations, description="simulated network")
    return Inventory(networks=[network], source="tremorlab.twin", created=start)


def _response(sensor: Instrument, rate_hz: float) -> Response:
    reference = 5.0
    analogue = Response.from_paz(
        sensor.zeros,
        sensor.poles,
        stage_gain=sensor.volts_per_m_s
        * abs(sensor.response([reference])[0])
        / (sensor.volts_per_m_s * sensor.counts_per_volt),
        stage_gain_frequency=reference,
        normalization_frequency=reference,
        input_units="M/S",
        output_units="V",
    )
    sensing: PolesZerosResponseStage = analogue.response_stages[0]
    digitising = CoefficientsTypeResponseStage(
        2,
        sensor.counts_per_volt,
        reference,
        "V",
        "COUNTS",
        cf_transfer_function_type="DIGITAL",
        numerator=[1.0],
        denominator=[],
        decimation_input_sample_rate=rate_hz,
        decimation_factor=1,
        decimation_offset=0,
        decimation_delay=0.0,
        decimation_correction=0.0,
    )
    sensitivity = analogue.instrument_sensitivity
    sensitivity.value = sensing.stage_gain * sensor.counts_per_volt
    sensitivity.output_units = "COUNTS"
    return Response(instrument_sensitivity=sensitivity, response_stages=[sensing, digitising])
