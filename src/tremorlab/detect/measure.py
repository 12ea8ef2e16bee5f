"""What the record says about a detection: when it began and ended, how loud it was, at which frequency, how strong.

Signal and noise are compared on the vertical (or the first component of the network) in `BAND_HZ`, after the same
preparation as for the network. The event lasts while a smoothed envelope of amplitude is above twice that of the noise:
the quieter half of the three minutes on either side. One that does not rise so far keeps the times of its windows.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import scipy.signal
from obspy import UTCDateTime
from obspy.core.inventory import Inventory
from obspy.geodetics import gps2dist_azimuth

from tremorlab.detect.events import Detection
from tremorlab.errors import WaveformError
from tremorlab.study import Preparation
from tremorlab.waveform.prepare import Prepared, prepare, reach_s
from tremorlab.waveform.quality import runs
from tremorlab.waveform.sources import Source

#: Band in which signal and noise are compared, in Hz.
BAND_HZ = (2.0, 8.0)

#: Seconds over which the envelope is smoothed, and its rise above the noise that begins an event.
SMOOTH_S, RISE = 2.0, 2.0

#: Share of the surroundings that is taken for noise: the quieter half, which another event does not reach.
_QUIET = 0.5

#: Record looked at before and after, seconds; one side of a window of 163.84 s and some noise.
AROUND_S = 180.0


def measure(
    detection: Detection,
    source: Source,
    channels: str,
    components: str,
    settings: Preparation,
    *,
    inventory: Inventory | None = None,
    origin: tuple[float, float] | None = None,
) -> Detection:
    """Measure a detection in its record.

    Parameters
    ----------
    detection
        From `tremorlab.detect.events.detections`.
    source, channels
        Where the record is, and which channel codes are meant, like ``HH?``.
    components, settings
        What the network reads; the vertical is taken where there is one.
    inventory
        Station metadata with response and coordinates, for the reduced displacement.
    origin
        Latitude and longitude of the source (a vent), for the same.

    Returns
    -------
    Detection
        The same where the record cannot be read or has gaps.

    Notes
    -----
    Reduced displacement is the root-mean-square ground displacement of the event times the distance, in square
    centimetres: that of body waves (Aki and Koyanagi 1981, J. Geophys. Res. 86, 7095-7109, whose A / (2 sqrt 2) is the
    root mean square of a sinusoid of peak-to-peak amplitude A). Noise is not taken off.
    """
    letter = "Z" if "Z" in components else components[0]
    seed_id = f"{detection.station}.{channels if channels.endswith('*') else channels[:-1]}{letter}"
    start, end = detection.onset - AROUND_S, detection.end + AROUND_S
    try:
        record = _prepared(source, seed_id, start, end, letter, settings, None)
    except WaveformError:
        return detection
    times = _within(record)
    if times is None:
        return detection
    onset, end, snr_db = _rise(record, times, detection)
    measured = replace(detection, onset=onset, end=end, snr_db=snr_db, frequency_hz=_dominant(record, onset, end))
    if inventory is None or origin is None:
        return measured
    moved = settings.model_copy(update={"output": "displacement"})
    try:
        ground = _prepared(source, seed_id, onset, max(end, onset + 10), letter, moved, inventory)
        place = inventory.get_coordinates(f"{detection.station}.{_channel(source, seed_id, onset)}", onset)
    except Exception:  # obspy raises bare Exceptions for metadata that are not there
        return measured
    if not ground.valid.all():
        return measured
    distance_m = gps2dist_azimuth(*origin, place["latitude"], place["longitude"])[0]
    return replace(measured, reduced_displacement_cm2=float(ground.data[0].std(dtype=float) * distance_m * 1e4))


def _prepared(source, seed_id, start, end, letter, settings, inventory) -> Prepared:
    reach = reach_s(settings) + 5 / max(settings.highpass_hz, 0.01) * (settings.output != "counts")
    stream = source.get(seed_id, start - reach, end + reach)
    return prepare(stream, start, end, components=letter, settings=settings, inventory=inventory)


def _channel(source, seed_id, time):
    return source.get(seed_id, time, time + 1)[0].stats.channel


def _within(record):
    """Seconds of the longest stretch of valid samples, or None where there is too little."""
    first, stop = runs(record.valid)
    if not len(first):
        return None
    longest = int((stop - first).argmax())
    piece = slice(int(first[longest]), int(stop[longest]))
    return piece if piece.stop - piece.start > 20 * record.sampling_rate_hz else None


def _rise(record, piece, detection):
    """Onset, end and signal-to-noise ratio in dB, of the part of the record that rises above its quietest."""
    rate = record.sampling_rate_hz
    power = scipy.signal.sosfiltfilt(_bandpass(rate), record.data[0, piece].astype(float)) ** 2
    taps = np.ones(max(1, round(SMOOTH_S * rate)))
    power = np.convolve(power, taps / len(taps), "same")
    seconds = np.arange(piece.start, piece.stop) / rate
    low, high = detection.onset - record.start, detection.end - record.start
    inside = (seconds >= low) & (seconds <= high)
    around = power if inside.all() else power[~inside]
    noise = float(np.quantile(around, _QUIET / 2)) or np.finfo(float).tiny
    loud = power > RISE**2 * noise
    # The run of the loudest instant within a window's half length of the detection, and its neighbours.
    near = (seconds >= low - AROUND_S / 2) & (seconds <= high + AROUND_S / 2)
    first, stop = runs(loud & near)
    signal = float(power[inside].mean()) if inside.any() else float(power.max())
    snr_db = 10 * np.log10(max(signal / noise, np.finfo(float).tiny))
    if not len(first):
        return detection.onset, detection.end, snr_db
    peak = int(np.where(near, power, -1).argmax())
    own = int(np.searchsorted(first, peak, "right")) - 1
    begin, finish = own, own
    while begin > 0 and first[begin] - stop[begin - 1] < SMOOTH_S * 5 * rate:
        begin -= 1
    while finish + 1 < len(first) and first[finish + 1] - stop[finish] < SMOOTH_S * 5 * rate:
        finish += 1
    onset, end = first[begin] + piece.start, stop[finish] + piece.start
    snr_db = 10 * np.log10(power[first[begin] : stop[finish]].mean() / noise)
    half_s = SMOOTH_S / 2  # a smoothed envelope rises half of its length early
    return record.start + onset / rate + half_s, record.start + max(end / rate - half_s, onset / rate + half_s), snr_db


@lru_cache(maxsize=4)
def _bandpass(rate):
    return scipy.signal.butter(4, BAND_HZ, "bandpass", fs=rate, output="sos")


def _dominant(record: Prepared, onset: UTCDateTime, end: UTCDateTime) -> float:
    """Frequency of the highest power spectral density between onset and end (at least 10 s), in Hz."""
    rate = record.sampling_rate_hz
    first = max(0, round((onset - record.start) * rate))
    last = min(record.data.shape[1], first + max(round((end - onset) * rate), round(10 * rate)))
    values = record.data[0, first:last].astype(float)
    if len(values) < 2 * rate:
        return np.nan
    frequencies, density = scipy.signal.welch(values, rate, nperseg=min(len(values), round(10.24 * rate)))
    inside = frequencies <= 0.4 * rate
    return float(frequencies[inside][density[inside].argmax()])
