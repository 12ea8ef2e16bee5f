"""Resampling to an absolute grid of times by a linear-phase windowed-sinc filter.

The filter is a continuous function of time, h(t) = 2 c sinc(2 c t) w(t) with a Kaiser window w, evaluated at the
differences between output and input times. Any ratio of rates and any offset, down to a fraction of a sample, are
therefore one and the same formula: y(t) = sum_k x_k h(t - t_k) / sum_k h(t - t_k).

For ratios of small integers the values of h repeat, and the sum is a product of the samples, cut into blocks, with one
small matrix: the same result as `scipy.signal.upfirdn`, about seven times sooner for 100 to 25 Hz, and able to start at
a fraction of a sample.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

import numpy as np
from scipy.linalg import convolution_matrix
from scipy.signal import kaiser_beta
from scipy.special import i0
from threadpoolctl import ThreadpoolController

from tremorlab.waveform.segments import HIGHEST_RATE_HZ, LOWEST_RATE_HZ

#: What the filter takes away in the stop band, and its ripple in the pass band, in dB.
ATTENUATION_DB = 90.0

# Ratios of rates up to this denominator are exact; others go through a table of the filter at this many offsets,
# with linear interpolation, wrong by less than (pi / 2048)^2 / 8 = -130 dB.
_MOST_PHASES = 50
_OFFSETS = 2048

# The filter is zero at its ends: whether a sample lies there or a rounding error beyond makes no difference.
_ROUNDING = 1e-3

# Outputs, and blocks, that are worked on at a time: they stay in the processor's cache.
_OUTPUTS = 4096
_BLOCKS = 1024

# Products this small gain nothing from a second thread, and lose a factor of ten where another process has the cores:
# OpenBLAS waits for its threads in a loop.
_BLAS = ThreadpoolController().select(user_api="blas")


@dataclass(frozen=True)
class Kernel:
    """The anti-alias and interpolation filter between two sampling rates, both in Hz.

    From a higher to a lower rate r it passes 0 to 0.4 r, stops from 0.6 r on, and halves the amplitude at r / 2: for
    25 Hz, 10 and 15 Hz, so that nothing aliases to below 10 Hz. From a lower rate q it passes 0 to 0.4 r or 0.45 q,
    whichever is lower, and stops the images symmetrically about q / 2.
    """

    rate_in_hz: float
    rate_out_hz: float

    @property
    def corner_hz(self) -> float:
        """Frequency of half amplitude."""
        return min(self.rate_in_hz, self.rate_out_hz) / 2

    @property
    def transition_hz(self) -> float:
        """Width from the end of the pass band to the start of the stop band."""
        return 2 * max(self.corner_hz - 0.4 * self.rate_out_hz, 0.1 * self.corner_hz)

    @property
    def reach_s(self) -> float:
        """Half-length of the filter in seconds: Kaiser's formula, rounded up to the next zero of the sinc.

        There the filter is continuous, whatever the pedestal of the window.
        """
        half_s = (ATTENUATION_DB - 7.95) / (2.285 * 2 * np.pi * self.transition_hz) / 2
        return float(np.ceil(half_s * 2 * self.corner_hz) / (2 * self.corner_hz))

    @property
    def half(self) -> int:
        """Number of input samples on either side."""
        return int(np.ceil(self.reach_s * self.rate_in_hz))

    def rows(self, offsets: np.ndarray) -> np.ndarray:
        """Filter values for output times between input samples.

        Parameters
        ----------
        offsets
            Time after the input sample before it, in input samples, 0 to 1.

        Returns
        -------
        numpy.ndarray, (offsets, 2 half)
            Weights of the samples from ``half - 1`` before to ``half`` after that sample; each row adds up to 1, so
            that a constant stays exactly what it is.
        """
        time_s = (np.asarray(offsets)[:, None] - np.arange(1 - self.half, self.half + 1)) / self.rate_in_hz
        inside = np.clip(1 - (time_s / self.reach_s) ** 2, 0, None)
        window = np.where(inside > 0, i0(kaiser_beta(ATTENUATION_DB) * np.sqrt(inside)), 0)
        values = np.sinc(2 * self.corner_hz * time_s) * window
        return (values / values.sum(1, keepdims=True)).astype("f4")

    @cached_property
    def ratio(self) -> Fraction:
        """Input samples per output sample, as the nearest fraction with a small denominator."""
        return Fraction(self.rate_in_hz / self.rate_out_hz).limit_denominator(_MOST_PHASES)


@lru_cache(maxsize=8)
def _table(kernel):
    return kernel.rows(np.arange(_OFFSETS + 1) / _OFFSETS)


def longest_reach_s(rate_out_hz: float) -> float:
    """Half-length in seconds of the longest filter that any permitted input rate needs."""
    return max(Kernel(rate, rate_out_hz).reach_s for rate in (LOWEST_RATE_HZ, HIGHEST_RATE_HZ))


def onto_grid(chains, origin_ns: int, first: int, count: int, rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Resample chains of segments to the times origin + k / rate, k = first .. first + count - 1.

    Parameters
    ----------
    chains
        From `segments.chains`.
    origin_ns
        Time of output sample 0 in nanoseconds since 1970.
    first, count
        First output sample and number of them.
    rate_hz
        Output sampling rate in Hz.

    Returns
    -------
    values : numpy.ndarray of float32, (count,)
        Zero where not valid.
    valid : numpy.ndarray of bool, (count,)
        True where the filter met samples over its whole length.
    """
    values, valid = np.zeros(count, "f4"), np.zeros(count, bool)
    for chain in chains:
        head, tail = (Kernel(segment.rate_hz, rate_hz) for segment in (chain[0], chain[-1]))
        begin = max(_full(chain[0], head, origin_ns)[0] - first, 0)
        end = min(_full(chain[-1], tail, origin_ns)[1] - first, count)
        if end > begin:
            values[begin:end] = _chain(chain, origin_ns, first + begin, first + end, rate_hz)
            valid[begin:end] = True
    return values, valid


def _position(segment, kernel, origin_ns):
    """Position of output sample 0 in samples of the segment, and samples per output sample."""
    return (origin_ns - segment.start_ns) * segment.rate_hz / 1e9, segment.rate_hz / kernel.rate_out_hz


def _full(segment, kernel, origin_ns):
    """First and stop index of the outputs whose filter lies wholly within the segment."""
    start, step = _position(segment, kernel, origin_ns)
    half = kernel.reach_s * segment.rate_hz - _ROUNDING
    return (
        int(np.floor((half - 1 - start) / step)) + 1,
        int(np.ceil((len(segment.samples) - half - start) / step)),
    )


def _chain(chain, origin_ns, begin, end, rate_hz):
    """Outputs begin .. end - 1, all of them within the chain."""
    if len(chain) == 1:
        return _resampled(chain[0], Kernel(chain[0].rate_hz, rate_hz), origin_ns, begin, end)
    values, weights = np.zeros(end - begin, "f4"), np.zeros(end - begin, "f4")
    for segment in chain:
        kernel = Kernel(segment.rate_hz, rate_hz)
        start, step = _position(segment, kernel, origin_ns)
        low = max(int(np.floor((-kernel.half - start) / step)), begin)
        high = min(int(np.ceil((len(segment.samples) + kernel.half - start) / step)), end)
        if high > low:
            touched = slice(low - begin, high - begin)
            values[touched] += _resampled(segment, kernel, origin_ns, low, high)
            weights[touched] += _weights(segment, kernel, origin_ns, low, high)
    return values / weights


def _weights(segment, kernel, origin_ns, low, high):
    """What a segment of ones contributes to each output: 1 but for the ends."""
    weights = np.ones(high - low, "f4")
    full_low, full_high = _full(segment, kernel, origin_ns)
    outputs = np.arange(low, high)
    partial = outputs[(outputs < full_low) | (outputs >= full_high)]
    start, step = _position(segment, kernel, origin_ns)
    before, offsets = _split(start + partial * step)
    samples = before[:, None] + np.arange(1 - kernel.half, kernel.half + 1)
    inside = (samples >= 0) & (samples < len(segment.samples))
    weights[partial - low] = np.where(inside, kernel.rows(offsets), 0).sum(1)
    return weights


def _split(positions):
    before = np.floor(positions)
    return before.astype(int), positions - before


def _resampled(segment, kernel, origin_ns, begin, end):
    """Contribution of one segment to the outputs begin .. end - 1; it counts as zero outside."""
    start, step = _position(segment, kernel, origin_ns)
    start += begin * step
    count = end - begin
    if abs(step - float(kernel.ratio)) * count < 1e-6:
        before, offset = _split(start)
        return fir(segment.samples, _bank(kernel, offset), int(before), count)
    values = np.empty(count, "f4")
    for first in range(0, count, _OUTPUTS):
        before, offsets = _split(start + np.arange(first, min(first + _OUTPUTS, count)) * step)
        window = _cut(segment.samples, before[0] + 1 - kernel.half, before[-1] + 1 + kernel.half)
        windows = np.lib.stride_tricks.sliding_window_view(window, 2 * kernel.half)[before - before[0]]
        if count <= _OFFSETS:
            values[first : first + _OUTPUTS] = np.einsum("ij,ij->i", kernel.rows(offsets), windows)
            continue
        row, share = np.divmod(offsets * _OFFSETS, 1)
        row, share = row.astype(int), share.astype("f4")
        lower, upper = (np.einsum("ij,ij->i", _table(kernel)[row + i], windows) for i in (0, 1))
        values[first : first + _OUTPUTS] = lower + share * (upper - lower)
    return values


@dataclass(frozen=True, eq=False)
class Bank:
    """Periodic filter taps, written out as matrices that turn blocks of samples into blocks of outputs.

    `matrix` has the shape (shifts, samples of a block, outputs of a block): a block of outputs is the sum over shifts
    s of the s-th next block of samples times matrix[s]. `lead` is the index of the first sample of the first block,
    counted from the position that `fir` is given.
    """

    matrix: np.ndarray
    lead: int


def bank(taps: np.ndarray, first: np.ndarray, step: int) -> Bank:
    """Write out the filter y[a p + i] = sum_j taps[i, j] x[first[i] + a step + j].

    Parameters
    ----------
    taps
        Weights, (p, taps).
    first
        Index of the first sample that belongs to each of the first p outputs; ascending.
    step
        Samples that p outputs advance.
    """
    phases, length = taps.shape
    periods = -(-128 // step)
    block = step * periods
    used = block - step + length
    shifts = -(-int(first[-1] - first[0] + used) // block)
    matrix = np.zeros((shifts * block, periods, phases), "f4")
    for phase, row in enumerate(first - first[0]):
        matrix[row : row + used, :, phase] = convolution_matrix(taps[phase], block)[:used, ::step]
    return Bank(matrix.reshape(shifts, block, periods * phases), int(first[0]))


@lru_cache(maxsize=64)
def _bank(kernel, offset):
    """Filter for outputs that begin at a fraction of an input sample."""
    before, offsets = _split(offset + np.arange(kernel.ratio.denominator) * float(kernel.ratio))
    return bank(kernel.rows(offsets), before + 1 - kernel.half, kernel.ratio.numerator)


def fir(samples: np.ndarray, bank: Bank, begin: int, count: int) -> np.ndarray:
    """Filter with a bank of taps.

    Parameters
    ----------
    samples
        Float32 samples; they count as zero beyond their ends.
    bank
        From `bank`.
    begin
        Index of the sample that the bank's own indices are counted from, may be negative.
    count
        Number of outputs.

    Returns
    -------
    numpy.ndarray of float32, (count,)
    """
    shifts, block, outputs = bank.matrix.shape
    values = np.empty((-(-count // outputs), outputs), "f4")
    with _BLAS.limit(limits=1):
        for row in range(0, len(values), _BLOCKS):
            out = values[row : row + _BLOCKS]
            low = begin + bank.lead + row * block
            rows = _cut(samples, low, low + (len(out) + shifts - 1) * block).reshape(-1, block)
            np.matmul(rows[: len(out)], bank.matrix[0], out=out)
            for shift in range(1, shifts):
                out += rows[shift : shift + len(out)] @ bank.matrix[shift]
    return values.reshape(-1)[:count]


def _cut(samples, low, high):
    """samples[low:high] with zeros beyond the ends."""
    inside = samples[max(low, 0) : max(high, 0)]
    if len(inside) == high - low:
        return inside
    padded = np.zeros(high - low, "f4")
    shift = max(-low, 0)
    padded[shift : shift + len(inside)] = inside
    return padded
