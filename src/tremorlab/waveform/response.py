"""From counts to ground motion: removal of the instrument response in the frequency domain.

The one step of preparation that is not local: dividing by the response uses the whole stretch at once. It takes place
at the output rate, behind the anti-alias filter and the high-pass.
"""

from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
import obspy
from obspy import UTCDateTime
from obspy.core.inventory import Inventory
from obspy.core.inventory.response import Response
from scipy import fft

from tremorlab import paths, untrusted
from tremorlab.errors import WaveformError
from tremorlab.study import Preparation

#: Name of the outputs in obspy.
OUTPUTS = {"velocity": "VEL", "displacement": "DISP", "acceleration": "ACC"}

#: Pre-filter: cosine tapers from 0 to 1 between these multiples of the high-pass corner,
PREFILTER_LOW = (0.5, 1.0)

#: and from 1 to 0 between these multiples of the output rate (10 and 12 Hz for 25 Hz).
PREFILTER_HIGH = (0.4, 0.48)

# Record taken along on both sides, in periods of the high-pass corner: there the pre-filter's response has died down.
_PERIODS = 5


def margin(settings: Preparation) -> int:
    """Output samples on either side that are taken along; 0 for counts."""
    if settings.output == "counts":
        return 0
    return int(np.ceil(_PERIODS / settings.highpass_hz * settings.sampling_rate_hz))


def find(seed_id: str, time: UTCDateTime, settings: Preparation, inventory: Inventory | str | Path | None) -> Response:
    """Look up the response of a channel.

    Parameters
    ----------
    seed_id, time
        Channel NET.STA.LOC.CHA and a time at which it recorded.
    settings
        Names the StationXML file where ``inventory`` is None: absolute, or below ``TREMORLAB_DATA``.
    inventory
        Metadata, or a StationXML file.

    Raises
    ------
    WaveformError
        There is no metadata, no such channel at that time, or no response in it; or the file is no StationXML, or
        declares a document type or an entity.
    """
    source = inventory if inventory is not None else settings.inventory
    if isinstance(source, (str, Path)):
        if not str(source):
            raise WaveformError(
                seed_id,
                f"{settings.output} needs the instrument response, and no inventory was given",
                "Name a StationXML file in preparation.inventory, or use output = 'counts'",
            )
        source = _read((paths.recordings() or Path()) / source)
    try:
        response = source.get_response(seed_id, time)
    except Exception as error:  # obspy raises no narrower class
        raise WaveformError(
            f"{seed_id} {time}",
            f"no response in the inventory ({error})",
            "Use a StationXML file that covers this channel and time, or output = 'counts'",
        ) from error
    return response


@lru_cache(maxsize=4)
def _read(path):
    content = untrusted.xml(path, WaveformError, "StationXML")
    try:
        # The format is named: obspy would try others, and take a name for an address.
        return obspy.read_inventory(BytesIO(content), format="STATIONXML")
    except Exception as error:  # obspy lets through what each of its parsers raises
        raise WaveformError(path, f"cannot be read as station metadata: {error}", "Give a StationXML file") from error


def remove(values: np.ndarray, response: Response, settings: Preparation, where: str) -> np.ndarray:
    """Divide by the instrument response within the pre-filter's band.

    Parameters
    ----------
    values
        High-passed samples in counts at the output rate, (samples,).
    response
        From `find`.
    settings
        Output quantity, high-pass corner and output rate.
    where
        Trace and time, for messages.

    Returns
    -------
    numpy.ndarray of float32, (samples,)
        Displacement in m, velocity in m/s or acceleration in m/s^2.

    Raises
    ------
    WaveformError
        The response cannot be evaluated, or vanishes inside the band.
    """
    rate = settings.sampling_rate_hz
    size = fft.next_fast_len(2 * len(values), real=True)
    frequencies = fft.rfftfreq(size, 1 / rate)
    low = [settings.highpass_hz * factor for factor in PREFILTER_LOW]
    high = [rate * factor for factor in PREFILTER_HIGH]
    taper = np.interp(frequencies, low, [0, 1]) * np.interp(frequencies, high, [1, 0])
    prefilter = 0.5 * (1 - np.cos(np.pi * taper))
    band = prefilter > 0
    try:
        gain = response.get_evalresp_response_for_frequencies(frequencies[band], OUTPUTS[settings.output])
    except Exception as error:  # evalresp raises ValueError, NotImplementedError and obspy's own
        raise WaveformError(
            where, f"the response cannot be evaluated: {error}", "Correct the StationXML file, or use output = 'counts'"
        ) from error
    if not (np.isfinite(gain).all() and np.abs(gain).min(initial=np.inf) > 0):
        raise WaveformError(
            where,
            f"the response vanishes within {low[0]:g}-{high[1]:g} Hz",
            "Raise preparation.highpass_hz, or use output = 'counts'",
        )
    spectrum = fft.rfft(values.astype("f8"), size)
    spectrum[band] *= prefilter[band] / gain
    spectrum[~band] = 0
    return fft.irfft(spectrum, size)[: len(values)].astype("f4")
