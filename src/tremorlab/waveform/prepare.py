"""One way from recorded samples to prepared ones, the same for every class, page and detector.

Samples are selected by component letter, freed of overlaps, spikes and short gaps (`segments`), brought to one
sampling rate on an absolute grid of times (`resample`), and high-passed (`highpass`). All of it is linear, zero-phase
and local: a sample depends on the record within `reach_s` of it and on nothing else, so that a long record may be
prepared in one go or chunk by chunk. Only response removal (`response`) works on the whole stretch at a time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import obspy
from obspy import UTCDateTime
from obspy.core.inventory import Inventory

from tremorlab.errors import WaveformError
from tremorlab.study import Preparation
from tremorlab.waveform import highpass, quality, response, segments
from tremorlab.waveform.quality import Flag
from tremorlab.waveform.resample import Kernel, longest_reach_s, onto_grid

__all__ = ["Flag", "Prepared", "prepare", "reach_s"]

#: Most samples that one call prepares: 46 days at 25 Hz.
MOST_SAMPLES = 100_000_000

#: Output rates in Hz.
OUTPUT_RATES_HZ = (1.0, 500.0)

#: High-pass corners in units of the output rate; 0 is allowed too.
CORNERS = (1 / 5000, 1 / 4)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A record ready for analysis.

    Parameters
    ----------
    data
        Float32, (components, samples); sample k is at ``start + k / sampling_rate_hz``. Zero where that component is
        not known.
    valid
        Bool, (samples,): every component is known.
    start
        Time of the first sample, UTC.
    sampling_rate_hz
        Samples per second.
    components
        One letter for each row of ``data``.
    flags
        What was missing, filled, discarded or suspicious, in order of time.
    """

    data: np.ndarray
    valid: np.ndarray
    start: UTCDateTime
    sampling_rate_hz: float
    components: str
    flags: list[Flag]


def reach_s(settings: Preparation) -> float:
    """Seconds of record on either side that a prepared sample may depend on, whatever the input rate and its faults.

    The sum of the filters' half-lengths, the longest gap that is filled, and the neighbourhoods in which spikes and
    disagreeing overlaps are judged. Give `prepare` this much more record at both ends of a chunk and the chunks join
    without a seam.
    """
    judged_s = quality.LONGEST_S + (quality.NEIGHBOURS + quality.WIDEST) / segments.LOWEST_RATE_HZ
    filters_s = longest_reach_s(settings.sampling_rate_hz) + _margin(settings) / settings.sampling_rate_hz
    return filters_s + settings.max_gap_s + judged_s + segments.DISAGREEMENT_S


def prepare(
    stream: obspy.Stream | Iterable[obspy.Trace],
    start: UTCDateTime,
    end: UTCDateTime,
    *,
    components: str,
    settings: Preparation,
    inventory: Inventory | str | Path | None = None,
) -> Prepared:
    """Bring the record of one station onto the grid ``start + k / settings.sampling_rate_hz``.

    Parameters
    ----------
    stream
        Traces in any order, with gaps, overlaps, masks, mixed rates and encodings; not changed. Should reach beyond
        ``start`` and ``end`` by `reach_s`: a record that ends there loses 0.6 s to the filter.
    start, end
        The stretch wanted, UTC; round((end - start) * rate) samples come back.
    components
        Last letters of the channel codes, in the order of the rows of the result.
    settings
        Output rate, high-pass corner, longest gap to be filled, physical output.
    inventory
        Station metadata for response removal, or the StationXML file that holds it; by default the file named in
        ``settings.inventory`` (absolute, or below ``TREMORLAB_DATA``).

    Returns
    -------
    Prepared

    Raises
    ------
    WaveformError
        The stretch is empty or too long; a component is recorded by several instruments, or the components by several
        stations; a sampling rate is outside 20-500 Hz; samples are not numbers; the response is missing.

    Notes
    -----
    Gaps up to ``max_gap_s`` are filled by a straight line. Longer ones make the samples invalid, together with those
    that the anti-alias filter cannot compute without them, and the high-pass goes on with the samples that are left.
    Overlapping segments that agree are kept once; where they disagree, the samples are discarded, which makes a gap.
    The same holds for spikes and for numbers that are not finite. Clipped and constant stretches are flagged and kept.

    Examples
    --------
    >>> stream = obspy.read()  # a local earthquake in Bavaria, 30 s at 100 Hz, comes with obspy
    >>> start = UTCDateTime("2009-08-24T00:20:05Z")
    >>> prepared = prepare(stream, start, start + 20, components="ZNE", settings=Preparation())
    >>> prepared.data.shape, bool(prepared.valid.all()), prepared.flags
    ((3, 500), True, [])
    """
    start, end, rate = UTCDateTime(start), UTCDateTime(end), settings.sampling_rate_hz
    count = round((end - start) * rate)
    _check(start, end, count, components, settings)
    lead_s = reach_s(settings)
    chosen = _chosen(stream, start - lead_s, end + lead_s, components)
    pad = _margin(settings)
    data, valid, flags = np.zeros((len(components), count), "f4"), np.ones(count, bool), []
    for row, letter in zip(data, components, strict=True):
        chains, reference, found = segments.chains(
            chosen[letter], (start - lead_s).ns, (end + lead_s).ns, settings.max_gap_s
        )
        values, known = onto_grid(chains, start.ns, -pad, count + 2 * pad, rate)
        values = highpass.highpass(values, known, settings.highpass_hz, rate)
        known = known[pad : pad + count]
        if settings.output != "counts" and known.any():
            where = f"{chosen[letter][0].id} {start}"
            recorded = response.find(chosen[letter][0].id, start, settings, inventory)
            values = response.remove(values, recorded, settings, where)
        values = values[(len(values) - count) // 2 :][:count]
        row[known] = values[known] if settings.highpass_hz else values[known] + np.float32(reference)
        valid &= known
        flags += _within(found, start, end, rate) + _edges(chains, chosen[letter], letter, start, end, rate)
    flags.sort(key=lambda flag: (flag.start, flag.seed_id, flag.kind))
    return Prepared(data, valid, start, rate, components, flags)


def _margin(settings):
    """Output samples on either side that the filters at the output rate need."""
    return highpass.margin(settings.highpass_hz, settings.sampling_rate_hz) + response.margin(settings)


def _check(start, end, count, components, settings):
    where = f"{start} to {end}"
    rate, corner = settings.sampling_rate_hz, settings.highpass_hz
    if not 1 <= count <= MOST_SAMPLES:
        raise WaveformError(
            where,
            f"{count} samples wanted, not 1 to {MOST_SAMPLES}",
            "Put the start first, prepare long records in pieces",
        )
    if not components or len(set(components)) != len(components):
        raise WaveformError(
            where, f"components {components!r} are none or repeat a letter", "Name each once, e.g. 'ZNE'"
        )
    if not OUTPUT_RATES_HZ[0] <= rate <= OUTPUT_RATES_HZ[1]:
        low, high = OUTPUT_RATES_HZ
        raise WaveformError(
            where, f"output rate {rate:g} Hz is not within {low:g}-{high:g} Hz", "Change preparation.sampling_rate_hz"
        )
    low, high = (factor * rate for factor in CORNERS)
    if corner and not low <= corner <= high:
        raise WaveformError(
            where,
            f"high-pass corner {corner:g} Hz is neither 0 nor within {low:g}-{high:g} Hz",
            "Change preparation.highpass_hz",
        )
    if not corner and settings.output != "counts":
        raise WaveformError(
            where,
            f"{settings.output} without a high-pass divides by a response that vanishes at 0 Hz",
            "Set preparation.highpass_hz above 0",
        )


def _chosen(stream, first, last, components):
    """Traces of each component that touch the stretch of time; one instrument each, one station for all."""
    near = [trace for trace in stream if trace.stats.starttime <= last and trace.stats.endtime >= first]
    chosen = {letter: [t for t in near if t.stats.channel.endswith(letter)] for letter in components}
    for letter, traces in chosen.items():
        ids = sorted({trace.id for trace in traces})
        if len(ids) > 1:
            raise WaveformError(
                f"component {letter}, {first} to {last}",
                f"recorded by {len(ids)} instruments: {', '.join(ids)}",
                f"Choose one, e.g. stream.select(id={ids[0]!r})",
            )
    stations = sorted({trace.id.rsplit(".", 2)[0] for traces in chosen.values() for trace in traces})
    if len(stations) > 1:
        raise WaveformError(
            f"components {components}, {first} to {last}",
            f"recorded at {len(stations)} stations: {', '.join(stations)}",
            f"Choose one, e.g. stream.select(station={stations[0].split('.')[1]!r})",
        )
    return chosen


def _within(flags, start, end, rate):
    """Flags that concern the stretch wanted."""
    reach = longest_reach_s(rate)
    return [flag for flag in flags if flag.end > start - reach and flag.start < end + reach]


def _edges(chains, traces, letter, start, end, rate):
    """Flags for a component that is not there, begins late, ends early, or has a narrow band."""
    if not chains:
        there = f"none of its samples between {start} and {end}" if traces else "no such channel in the stream"
        return [Flag("missing_component", traces[0].id if traces else letter, start, end, there)]
    flags = []
    seed_id, first, last = traces[0].id, chains[0][0], chains[-1][-1]
    begins, ends = UTCDateTime(ns=first.start_ns), UTCDateTime(ns=last.end_ns)
    late_s = begins - 1 / first.rate_hz + Kernel(first.rate_hz, rate).reach_s - start
    early_s = end - 1 / rate - ends + Kernel(last.rate_hz, rate).reach_s
    if late_s > 0:
        detail = f"the record begins at {begins}, {late_s:.2f} s lost"
        flags.append(Flag("gap", seed_id, min(start, begins), begins, detail))
    if early_s > 0:
        detail = f"the record ends at {ends}, {early_s:.2f} s lost"
        flags.append(Flag("gap", seed_id, ends, max(end, ends), detail))
    slowest = min(segment.rate_hz for chain in chains for segment in chain)
    if slowest < rate:
        kernel = Kernel(slowest, rate)
        flat = kernel.corner_hz - kernel.transition_hz / 2
        detail = f"recorded at {slowest:g} Hz: flat to {flat:g} Hz, nothing above {slowest / 2:g} Hz"
        flags.append(Flag("band_limit", seed_id, max(start, begins), min(end, ends), detail))
    return flags
