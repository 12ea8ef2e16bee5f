"""What the page shows of a record: an envelope for the helicorder, and a spectrum, one of each for every window."""

import numpy as np
import scipy.signal

from tremorlab.detect.continuous import Grid
from tremorlab.errors import WaveformError
from tremorlab.live.station import Codes
from tremorlab.study import Preparation
from tremorlab.waveform.prepare import prepare, reach_s
from tremorlab.waveform.sources import Source

#: Pairs of minimum and maximum in the envelope of a window.
PAIRS = 16

#: Frequencies of a spectrum, from 0 to half of the sampling rate.
BINS = 33


def pictures(
    source: Source, codes: Codes, components: str, settings: Preparation, grid: Grid, first: int, stop: int
) -> list[tuple[bytes, bytes] | tuple[None, None]]:
    """Envelope and spectrum of the vertical (or the first component), over a step about the centre of each window.

    Parameters
    ----------
    source, codes
        Where the record is, and which.
    components, settings
        What the network reads; the record is shown as it hears it.
    grid
        Times of the windows.
    first, stop
        Windows first .. stop - 1.

    Returns
    -------
    list of (bytes, bytes)
        Float32: `PAIRS` pairs of minimum and maximum in counts, and `BINS` power spectral densities in decibels. None
        where the record has a gap.
    """
    letter = "Z" if "Z" in components else components[0]
    start, end = (grid.centre(window) - grid.step_s / 2 for window in (first, stop))
    stream = source.get(str(codes), start - reach_s(settings), end + reach_s(settings))
    try:
        record = prepare(stream, start, end, components=letter, settings=settings)
    except WaveformError:
        return [(None, None)] * (stop - first)
    pieces = np.array_split(record.data[0], stop - first)
    known = np.array_split(record.valid, stop - first)
    return [_picture(*pair, settings.sampling_rate_hz) for pair in zip(pieces, known, strict=True)]


def _picture(samples, known, rate_hz):
    if not known.all() or len(samples) < PAIRS:
        return None, None
    parts = np.array_split(samples, PAIRS)
    envelope = np.array([(part.min(), part.max()) for part in parts], "f4")
    length = min(len(samples), 2 * (BINS - 1))
    _, density = scipy.signal.welch(samples, rate_hz, nperseg=length, nfft=2 * (BINS - 1))
    return envelope.tobytes(), (10 * np.log10(density + 1e-10)).astype("f4").tobytes()
