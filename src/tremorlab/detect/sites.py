"""Where stations are and what their instruments do: StationXML."""

from io import BytesIO
from pathlib import Path

from obspy import read_inventory
from obspy.core.inventory import Inventory

from tremorlab import untrusted
from tremorlab.errors import ParameterError


def open_inventory(path: str | Path | None) -> Inventory | None:
    """Read station metadata; None without a file.

    Raises
    ------
    ParameterError
        It is no StationXML, or declares a document type or an entity.
    """
    if path is None:
        return None
    content = untrusted.xml(path, ParameterError, "StationXML")
    try:
        # The format is named: obspy would try others, and take a name for an address.
        return read_inventory(BytesIO(content), format="STATIONXML")
    except Exception as error:  # obspy lets through what each of its parsers raises
        raise ParameterError(path, f"cannot be read as station metadata: {error}", "Give a StationXML file") from error


def coordinates(path: str | Path | None) -> dict[str, tuple[float, float]]:
    """Latitude and longitude of every NET.STA in a StationXML file."""
    inventory = open_inventory(path)
    return {
        f"{network.code}.{station.code}": (station.latitude, station.longitude)
        for network in inventory or []
        for station in network
    }
