"""From the traces of one channel to chains of samples without holes: masks, overlaps, spikes, gaps.

A chain is a list of segments that follow each other without a gap. Each segment keeps its own sampling rate and the
exact time of its first sample; nothing is moved to the nearest sample.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from obspy import UTCDateTime
from scipy.ndimage import binary_dilation

from tremorlab.errors import WaveformError
from tremorlab.waveform import quality
from tremorlab.waveform.quality import Flag

#: Sampling rates in Hz that can be prepared.
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 20.0, 500.0

#: Where overlapping segments disagree, samples this near a disagreement are discarded too.
DISAGREEMENT_S = 1.0

# Larger numbers are rubbish in any unit of ground motion, and single precision ends at 3.4e38.
_LARGEST = 1e30

# Flags of one kind this near each other are reported as one.
_TOGETHER_S = 10.0

# Times of samples are rounded to nanoseconds a few times on the way.
_ROUNDING_NS = 5


@dataclass(frozen=True, eq=False)
class Segment:
    """Equally spaced samples; `start_ns` is the time of the first one in nanoseconds since 1970."""

    start_ns: int
    rate_hz: float
    samples: np.ndarray

    def time_ns(self, index: int) -> int:
        """Time of a sample; that of the next sample to be expected for ``index = len(samples)``."""
        return self.start_ns + round(index * 1e9 / self.rate_hz)

    @property
    def end_ns(self) -> int:
        """Time of the next sample to be expected after the last one."""
        return self.time_ns(len(self.samples))

    def index(self, time_ns: int) -> int:
        """Index of the first sample not earlier than half a sample before ``time_ns``, 0 to len(samples)."""
        position = (time_ns - self.start_ns) * self.rate_hz / 1e9
        return int(np.clip(np.ceil(position - 0.5), 0, len(self.samples)))

    def part(self, first: int, stop: int) -> "Segment":
        """Samples ``first`` to ``stop - 1``, as a view."""
        return Segment(self.time_ns(first), self.rate_hz, self.samples[first:stop])

    def before(self, time_ns: int) -> "Segment":
        """Samples before ``time_ns``, as a view."""
        return self.part(0, self.index(time_ns))

    def after(self, time_ns: int) -> "Segment":
        """Samples from ``time_ns`` on, as a view."""
        return self.part(self.index(time_ns), len(self.samples))


def chains(traces, first_ns: int, last_ns: int, max_gap_s: float):
    """Turn the traces of one channel into chains of samples without holes.

    Parameters
    ----------
    traces
        obspy traces of one SEED id, in any order; not changed.
    first_ns, last_ns
        The stretch of time that is looked at.
    max_gap_s
        Gaps up to this long are filled by a straight line.

    Returns
    -------
    chains : list of list of Segment
        Float32 samples less `reference`; the members of a chain follow each other without a gap.
    reference : float
        Typical value of the samples, taken away so that single precision suffices for small motion on a large offset.
    flags : list of Flag

    Raises
    ------
    WaveformError
        A trace has samples that are not numbers, or a sampling rate outside 20-500 Hz.
    """
    flags: list[Flag] = []
    parts = [part for trace in traces for part in _readable(trace, first_ns, last_ns, flags)]
    if not parts:
        return [], 0.0, flags
    seed_id = traces[0].id
    parts = _without_overlaps(parts, seed_id, flags)
    rates = sorted({part.rate_hz for part in parts})
    if len(rates) > 1:
        listed = ", ".join(f"{rate:g}" for rate in rates[:4]) + (", ..." if len(rates) > 4 else "")
        flags.append(_flag("mixed_rate", seed_id, parts[0].start_ns, parts[-1].end_ns, f"{listed} Hz"))
    some = parts[0].samples
    reference = float(np.median(some[:: max(1, len(some) // 1024)]))
    return _linked(_without_spikes(parts, reference, seed_id, flags), seed_id, max_gap_s, flags), reference, flags


def _readable(trace, first_ns, last_ns, flags):
    """Segments of finite samples of one trace, as views, cut to the stretch of time."""
    where = f"{trace.id} {trace.stats.starttime}"
    rate = float(trace.stats.sampling_rate)
    data = np.ma.getdata(trace.data)
    if not len(data):
        return []
    if data.dtype.kind not in "iuf" or data.ndim != 1:
        raise WaveformError(
            where,
            f"samples are {data.ndim}-dimensional {data.dtype}, not a series of numbers",
            "Leave this channel out of the stream",
        )
    if not LOWEST_RATE_HZ <= rate <= HIGHEST_RATE_HZ:
        raise WaveformError(
            where,
            f"sampling rate {rate:g} Hz is not within {LOWEST_RATE_HZ:g}-{HIGHEST_RATE_HZ:g} Hz",
            "Choose another channel of the station",
        )
    whole = Segment(trace.stats.starttime.ns, rate, data)
    first, stop = whole.index(first_ns), whole.index(last_ns)
    whole = whole.part(first, stop)
    good = ~np.ma.getmaskarray(trace.data)[first:stop] if np.ma.isMaskedArray(trace.data) else None
    if data.dtype.kind == "f":
        finite = np.abs(whole.samples) < _LARGEST
        bad = np.flatnonzero(~finite if good is None else good & ~finite)
        if len(bad):
            detail = f"{len(bad)} samples are not finite numbers below {_LARGEST:g}"
            flags.append(_flag("non_finite", trace.id, whole.time_ns(bad[0]), whole.time_ns(bad[-1] + 1), detail))
        good = finite if good is None else good & finite
    if good is None or good.all():
        return [whole] if stop > first else []
    return [whole.part(*run) for run in zip(*quality.runs(good), strict=True)]


def _without_overlaps(parts, seed_id, flags):
    """Segments in order of time, no instant twice.

    Identical samples are kept once. Where two segments disagree nobody can tell which is right: those samples are
    discarded, whatever the order in which they were received.
    """
    parts = sorted(parts, key=lambda part: (part.start_ns, -part.end_ns))
    kept: list[Segment] = []
    settled_ns = parts[0].start_ns
    for part in parts:
        part = part.after(settled_ns)
        if kept and part.index(kept[-1].end_ns) > 0:
            last = kept.pop()
            shared_end_ns = min(last.end_ns, part.end_ns)
            common = last.part(last.index(part.start_ns), last.index(shared_end_ns))
            agreed = _agreed(common, part.before(shared_end_ns))
            longer = last if last.end_ns >= part.end_ns else part
            _keep(last.before(part.start_ns), kept)
            if agreed.all():
                part = longer.after(part.start_ns)
            else:
                for run in zip(*quality.runs(agreed), strict=True):
                    _keep(common.part(*run), kept)
                lost = len(agreed) - np.count_nonzero(agreed)
                detail = f"two segments disagree, {lost} samples discarded"
                flags.append(_flag("overlap", seed_id, part.start_ns, shared_end_ns, detail))
                part = longer.after(shared_end_ns)
                settled_ns = shared_end_ns
        _keep(part, kept)
    return kept


def _keep(part, kept):
    if len(part.samples):
        kept.append(part)


def _agreed(one, other):
    """For every sample of ``one``, whether it is also in ``other`` and far from any that is not."""
    if one.rate_hz != other.rate_hz or len(one.samples) != len(other.samples):
        return np.zeros(len(one.samples), bool)
    differ = one.samples != other.samples
    if not differ.any():
        return ~differ
    return ~binary_dilation(differ, np.ones(2 * int(DISAGREEMENT_S * one.rate_hz) + 1))


def _without_spikes(parts, reference, seed_id, flags):
    """Float32 segments less the reference, cut at spikes; clipped and constant stretches are only flagged."""
    clean = []
    for raw in parts:
        samples = np.empty(len(raw.samples), "f4")
        np.subtract(raw.samples, reference, out=samples, dtype="f8", casting="unsafe")
        spikes = quality.spikes(samples, raw.rate_hz)
        constant = [run for run in quality.constant(samples, raw.rate_hz) if run not in spikes]
        for first, stop in spikes:
            samples[first:stop] = 0
        flags += _grouped("spike", "discarded", spikes, raw, seed_id)
        flags += _grouped("clipping", "kept", quality.clipping(samples, raw.rate_hz), raw, seed_id)
        flags += _grouped("constant", "kept", constant, raw, seed_id)
        edges = [0, *(edge for run in spikes for edge in run), len(samples)]
        part = Segment(raw.start_ns, raw.rate_hz, samples)
        for first, stop in zip(edges[::2], edges[1::2], strict=True):
            _keep(part.part(first, stop), clean)
    return clean


def _grouped(kind, fate, found, raw, seed_id):
    """One flag for each cluster of runs."""
    clusters: list[list] = []
    for run in found:
        if clusters and run[0] - clusters[-1][-1][1] < _TOGETHER_S * raw.rate_hz:
            clusters[-1].append(run)
        else:
            clusters.append([run])
    flags = []
    for cluster in clusters:
        values = np.concatenate([raw.samples[first:stop] for first, stop in cluster])
        levels = " and ".join(f"{level:.9g}" for level in sorted({values.min(), values.max()}))
        places = f" in {len(cluster)} places" if len(cluster) > 1 else ""
        detail = f"{len(values)} sample{'s' * (len(values) > 1)} at {levels}{places}, {fate}"
        flags.append(_flag(kind, seed_id, raw.time_ns(cluster[0][0]), raw.time_ns(cluster[-1][1]), detail))
    return flags


def _linked(parts, seed_id, max_gap_s, flags):
    """Chains of segments, short gaps filled with a straight line."""
    linked = [[part] for part in parts[:1]]
    for last, part in pairwise(parts):
        lost = round((part.start_ns - last.end_ns) * last.rate_hz / 1e9)
        if lost <= 0:
            linked[-1].append(part)
            continue
        long = lost > max_gap_s * last.rate_hz + 1e-6
        detail = f"{lost / last.rate_hz:.2f} s missing" + ("" if long else ", filled by a straight line")
        flags.append(_flag("gap" if long else "filled_gap", seed_id, last.end_ns, part.start_ns, detail))
        if long:
            linked.append([part])
        else:
            linked[-1] += [_line(last, part, lost), part]
    return [_joined(chain) for chain in linked]


def _line(last, part, count):
    """``count`` samples on the straight line from the end of one segment to the start of the next."""
    final_ns = last.time_ns(len(last.samples) - 1)
    fractions = np.arange(1, count + 1) * 1e9 / last.rate_hz / (part.start_ns - final_ns)
    line = last.samples[-1] + fractions * (part.samples[0] - last.samples[-1])
    return Segment(last.end_ns, last.rate_hz, line.astype("f4"))


def _joined(chain):
    """Segments that continue each other's samples to within rounding of their times, put together."""
    groups = [[chain[0]]]
    for last, part in pairwise(chain):
        if part.rate_hz == last.rate_hz and abs(part.start_ns - last.end_ns) <= _ROUNDING_NS:
            groups[-1].append(part)
        else:
            groups.append([part])
    return [
        group[0]
        if len(group) == 1
        else Segment(group[0].start_ns, group[0].rate_hz, np.concatenate([part.samples for part in group]))
        for group in groups
    ]


def _flag(kind, seed_id, start_ns, end_ns, detail):
    return Flag(kind, seed_id, UTCDateTime(ns=int(start_ns)), UTCDateTime(ns=int(end_ns)), detail)
