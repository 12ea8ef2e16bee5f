"""What can be wrong with the samples of a continuous segment: spikes, clipping, dead stretches.

Every rule looks at a neighbourhood of fixed size, so a record gives the same answer whole or in pieces (only the
extreme value that marks clipping is that of the samples at hand; clipping is flagged, never repaired).
"""

from dataclasses import dataclass

import numpy as np
from obspy import UTCDateTime

#: A spike's sides are this many times steeper than the mean sample-to-sample step around it. In 50 h of record from
#: volcanoes and a quiet broadband station this finds six, all of them telemetry; ground motion reaches 21.
SPIKE_RATIO = 30.0

#: Samples looked at before and after a spike.
NEIGHBOURS = 64

#: Widest spike in samples, unless it is one constant value (the code that telemetry sends for lost samples).
WIDEST = 3

#: Longest constant-value spike in seconds.
LONGEST_S = 5.0

#: A stretch of identical samples this long is called constant (dead channel or padding).
CONSTANT_S = 2.0

# The sides of a spike may differ by this factor, and it must come back to within this share of its height.
_ASYMMETRY = 0.4

# Follows from the four constants above: the mean step of any 64 samples around a spike is below its height times
# 2 / SPIKE_RATIO + (WIDEST + 1) / (64 _ASYMMETRY) = 0.223, so that no spike is lost by looking only at larger steps.
_CANDIDATE = 4.4

# Steps that are looked at at a time: they stay in the processor's cache.
_STEPS = 512 * NEIGHBOURS

Run = tuple[int, int]


@dataclass(frozen=True)
class Flag:
    """Something the user of a prepared record should know.

    Parameters
    ----------
    kind
        gap, filled_gap, missing_component, overlap, non_finite, spike, clipping, constant, mixed_rate or band_limit.
    seed_id
        NET.STA.LOC.CHA, or the component letter of a missing component.
    start, end
        The stretch concerned, UTC.
    detail
        One line for the reader.
    """

    kind: str
    seed_id: str
    start: UTCDateTime
    end: UTCDateTime
    detail: str


def spikes(samples: np.ndarray, rate_hz: float) -> list[Run]:
    """Find telemetry spikes: excursions of at most `WIDEST` samples, or of one constant value, with sheer sides.

    Parameters
    ----------
    samples
        Float samples of one segment, all finite.
    rate_hz
        Sampling rate in Hz.

    Returns
    -------
    list of (first, stop)
        Sample ranges in ascending order. A segment of `NEIGHBOURS` samples or fewer is not judged, and neither is an
        excursion from a perfectly flat line, where there is nothing to compare it with.
    """
    count = len(samples)
    if count <= NEIGHBOURS:
        return []
    left, right = _excursions(samples, _large(samples), int(LONGEST_S * rate_hz))
    # Steps beyond the ends of the segment count as a return from whatever was there.
    inside_left, inside_right = left >= 0, right < count - 1
    into, out = (samples[at + 1] - samples[at] for at in (np.maximum(left, 0), right % (count - 1)))
    rise = np.where(inside_left, into, -out)
    fall = np.where(inside_right, out, -rise)
    height = np.minimum(np.abs(rise), np.abs(fall))
    after = np.minimum(right + 1, count - 1)
    net = np.where(inside_left & inside_right, np.abs(samples[after] - samples[left]), 0)
    sheer = ((rise > 0) != (fall > 0)) & (net <= _ASYMMETRY * height)
    left, right, height = left[sheer], right[sheer], height[sheer]
    around = _around(samples, left, right)
    known = np.isfinite(around)
    mean = np.where(known, around, 0).sum(1) / np.maximum(known.sum(1), 1)
    smallest = np.where(known & (around > 0), around, np.inf).min(1, initial=np.inf)
    sharp = height > SPIKE_RATIO * np.maximum(mean, smallest)
    found: list[Run] = []
    for i, j, sided in sorted(zip(left[sharp], right[sharp], height[sharp], strict=True)):
        inner = np.abs(np.diff(samples[max(i, 0) : j + 2])).max()
        if (not found or i + 1 > found[-1][1]) and inner <= sided / _ASYMMETRY:
            found.append((int(i) + 1, int(j) + 1))
    return found


def _large(samples):
    """Index of every step that could be the side of a spike."""
    count = len(samples) - 1
    tail = np.abs(np.diff(samples[-NEIGHBOURS - 1 :]))
    found = [np.flatnonzero(tail > _CANDIDATE * tail.mean()) + count - NEIGHBOURS]
    size = np.empty(_STEPS, samples.dtype)
    for first in range(0, count // NEIGHBOURS * NEIGHBOURS, _STEPS):
        some = min(_STEPS, count // NEIGHBOURS * NEIGHBOURS - first)
        np.subtract(samples[first + 1 : first + some + 1], samples[first : first + some], out=size[:some])
        blocks = np.abs(size[:some], out=size[:some]).reshape(-1, NEIGHBOURS)
        found.append(np.flatnonzero(blocks > _CANDIDATE * blocks.mean(1, keepdims=True)) + first)
    return np.unique(np.concatenate(found))


def _excursions(samples, large, longest):
    """Pairs of steps (left, right) that enclose few samples, or samples of one value."""
    count = len(samples)
    sides = np.concatenate([[-1], large, [count - 1]])
    left, right = [], []
    for width in range(1, WIDEST + 1):
        pairs = sides[(sides + width <= count - 1) & (sides < count - 1)]
        left.append(pairs)
        right.append(pairs + width)
    width = np.diff(sides)
    plateau = np.flatnonzero((width > WIDEST) & (width <= longest) & (samples[sides[:-1] + 1] == samples[sides[1:]]))
    flat = [k for k in plateau if np.ptp(samples[sides[k] + 1 : sides[k + 1] + 1]) == 0]
    return np.concatenate([*left, sides[flat]]), np.concatenate([*right, sides[[k + 1 for k in flat]]])


def _around(samples, left, right):
    """Sizes of the steps before `left` and after `right`, (pairs, 2 NEIGHBOURS); NaN beyond the ends."""
    reach = np.arange(1, NEIGHBOURS + 1)
    where = np.concatenate([left[:, None] - reach, right[:, None] + reach], axis=1)
    inside = (where >= 0) & (where < len(samples) - 1)
    where = np.clip(where, 0, len(samples) - 2)
    return np.where(inside, np.abs(samples[where + 1] - samples[where]), np.nan)


def clipping(samples: np.ndarray, rate_hz: float) -> list[Run]:
    """Find flat tops: the extreme value reached again and again, or held, with steep sides.

    A smooth peak also holds its highest count for some samples, but it gets there by steps of a count or two;
    the extreme value of 33 h of unclipped record is reached once.

    Parameters
    ----------
    samples
        Float samples of one segment, all finite and without spikes.
    rate_hz
        Sampling rate in Hz.

    Returns
    -------
    list of (first, stop)
        Sample ranges at the extreme values, in ascending order.
    """
    high, low = samples.max(), samples.min()
    if high == low:
        return []
    centre = np.median(samples[:: max(1, len(samples) // 1024)])
    found = []
    for extreme in (high, low):
        there = np.flatnonzero(samples == extreme)
        apart = np.flatnonzero(np.diff(there) > 1)
        first, stop = there[np.r_[0, apart + 1]], there[np.r_[apart, -1]] + 1
        if (stop - first).sum() < 3:
            continue
        into = np.abs(samples[np.maximum(first - 1, 0)] - extreme)
        out = np.abs(samples[np.minimum(stop, len(samples) - 1)] - extreme)
        near = np.abs(np.diff(samples[max(first[0] - NEIGHBOURS, 0) : stop[0] + NEIGHBOURS]))
        quantum = near[near > 0].min(initial=np.inf)
        length = stop - first
        hard = (np.maximum(into, out) >= 10 * quantum) & (length < CONSTANT_S * rate_hz)
        if abs(extreme - centre) < 100 * quantum or not hard.any():
            continue
        if length[hard].max() >= 3 or length[hard].sum() >= 4:
            found += zip(first[hard].tolist(), stop[hard].tolist(), strict=True)
    return sorted(found)


def constant(samples: np.ndarray, rate_hz: float) -> list[Run]:
    """Find stretches of at least `CONSTANT_S` seconds of identical samples.

    Parameters
    ----------
    samples
        Samples of one segment.
    rate_hz
        Sampling rate in Hz.

    Returns
    -------
    list of (first, stop)
        Sample ranges in ascending order.
    """
    first, stop = runs(samples[1:] == samples[:-1])
    long = stop - first + 1 >= CONSTANT_S * rate_hz
    return list(zip(first[long].tolist(), (stop[long] + 1).tolist(), strict=True))


def runs(true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and the stop index of every run of True."""
    edges = np.flatnonzero(true[1:] != true[:-1]) + 1
    if len(true) and true[0]:
        edges = np.r_[0, edges]
    if len(true) and true[-1]:
        edges = np.r_[edges, len(true)]
    return edges[::2], edges[1::2]
