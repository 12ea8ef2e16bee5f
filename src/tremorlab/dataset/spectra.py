"""Running spectra: short-time amplitude spectra of a window, the picture that a two-dimensional network reads.

The report (Nakano and Sugiyama 2022, Earth Planets Space 74:134) gives 64 x 64 pixels from FFT windows of
5.12 s (128 samples at 25 Hz) with half overlap, 0.2-12.5 Hz, divided by the maximum. What it does not say is
decided here:

Number of frames
    Half overlap puts only 63 full frames into 4096 samples. The 64th is made by **extend**: the window is cut
    with half a hop (32 samples, 1.28 s) more record on both sides, so that every frame is measured signal, frames
    stay centred on the window, and the frames of windows that overlap by a multiple of the hop are the same
    numbers, which can be computed once and shared. **reflect** mirrors half a hop at both ends instead: it needs
    no more record, but its outer frames hold invented signal that depends on where the window was cut. **inside**
    keeps the 63 full frames.
Taper
    Periodic Hann. Nothing is subtracted from a frame; a constant would leak into the lowest frequency, and the
    high-pass of `tremorlab.waveform.prepare` has taken it out before.
Frequencies
    FFT bins 1 to 64 (0.195-12.5 Hz); the zero frequency is dropped.
Amplitude
    Linear by default, which keeps ``spectrum(a x) = a spectrum(x)``; or the decadic logarithm over 60 dB.
Maximum
    One for a window, over all of its components, so that their amplitude ratios stay.
"""

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import ArrayLike

from tremorlab.errors import DatasetError
from tremorlab.study import RunningSpectrum

#: Range of the logarithmic amplitude, in decades of amplitude (60 dB).
LOG_DECADES = 3.0

#: Single-component windows transformed at a time: frames and spectra of these stay in the second-level cache.
_BATCH = 16


def margin_samples(settings: RunningSpectrum) -> int:
    """Samples of record that a window needs beyond either end: half a hop for "extend", else 0.

    Raises
    ------
    DatasetError
        The hop is odd, so that half of it is not a whole sample.
    """
    return _half_hop(settings) if settings.framing == "extend" else 0


def frequencies_hz(settings: RunningSpectrum, sampling_rate_hz: float) -> np.ndarray:
    """Frequencies of a running spectrum in Hz, shape (frequencies,).

    >>> frequencies_hz(RunningSpectrum(), 25.0)[[0, -1]]
    array([ 0.1953125, 12.5      ])
    """
    return np.arange(1, settings.frequencies + 1) * (sampling_rate_hz / settings.fft_samples)


def times_s(settings: RunningSpectrum, sampling_rate_hz: float, samples: int = 4096) -> np.ndarray:
    """Centres of the frames in seconds after the start of a window of ``samples`` (margins not counted).

    >>> times_s(RunningSpectrum(), 25.0)[[0, -1]]
    array([  1.28, 162.56])
    """
    half_hop = 0 if settings.framing == "inside" else _half_hop(settings)
    starts = np.arange(settings.frames(samples)) * settings.hop_samples - half_hop
    return (starts + settings.fft_samples / 2) / sampling_rate_hz


def running_spectra(
    waveforms: ArrayLike, settings: RunningSpectrum, sampling_rate_hz: float, normalise: bool = True
) -> np.ndarray:
    """Short-time amplitude spectra of windows.

    Parameters
    ----------
    waveforms
        Shape (..., components, samples), or (samples,) for one component. With framing "extend" the samples
        include `margin_samples` at both ends. Samples behind the last full frame are not used.
    settings
        FFT length, hop, framing and amplitude; the default is the report's 64 x 64.
    sampling_rate_hz
        Sampling rate of the waveforms.
    normalise
        Divide each window by its maximum over all components, frequencies and frames.

    Returns
    -------
    numpy.ndarray
        float32, shape (..., components, frequencies, frames). Linear and normalised: 0 to 1. Linear and not
        normalised: amplitude spectral density, in units of the waveform per square root of Hz, the same as
        ``scipy.signal.spectrogram(..., mode="magnitude", scaling="density", detrend=False)``. Logarithmic: the
        decadic logarithm of that, at most 3 (60 dB) below the maximum of the window; normalised, this range is
        scaled to 0 to 1.

    Raises
    ------
    DatasetError
        A window is shorter than one FFT; is silent, so that it has no maximum to be divided by; or holds NaN or
        infinite samples. The message names the index of the window.

    Examples
    --------
    >>> cosine = np.cos(2 * np.pi * 5.0 * np.arange(4160) / 25.0)  # 5 Hz lies between bins 25 and 26
    >>> spectrum = running_spectra(cosine, RunningSpectrum(), 25.0)
    >>> spectrum.shape, float(frequencies_hz(RunningSpectrum(), 25.0)[spectrum[:, 0].argmax()])
    ((64, 64), 5.078125)
    """
    waveforms = np.asarray(waveforms)
    shape_fits = waveforms.ndim and 0 not in waveforms.shape[-2:] and waveforms.shape[-1] >= settings.fft_samples
    if not shape_fits or waveforms.dtype.kind not in "fiu":
        raise DatasetError(
            f"waveforms of shape {waveforms.shape} and type {waveforms.dtype}",
            f"are not real numbers with at least one FFT of {settings.fft_samples} samples along the last axis",
            "Give (..., components, samples), or choose a shorter FFT",
        )
    if waveforms.ndim == 1:
        return running_spectra(waveforms[np.newaxis], settings, sampling_rate_hz, normalise)[0]
    *leading, components, samples = waveforms.shape
    reflected = _half_hop(settings) if settings.framing == "reflect" else 0
    windows = waveforms.reshape(-1, components, samples)
    frames = (samples + 2 * reflected - settings.fft_samples) // settings.hop_samples + 1
    spectra = np.empty((len(windows), components, settings.frequencies, frames), np.float32)
    taper = scipy.signal.get_window("hann", settings.fft_samples)
    taper = (taper / np.sqrt(sampling_rate_hz * np.sum(taper**2))).astype(np.float32)
    step = max(1, _BATCH // max(1, components))
    tapered = np.empty((step, components, frames, settings.fft_samples), np.float32)
    maximum = np.empty(len(windows), np.float32)
    for first in range(0, len(windows), step):
        batch = windows[first : first + step]
        if reflected:
            batch = np.pad(batch, ((0, 0), (0, 0), (reflected, reflected)), mode="reflect")
        framed = np.lib.stride_tricks.sliding_window_view(batch, settings.fft_samples, axis=-1)
        buffer = tapered[: len(batch)]
        with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is named by _check
            np.multiply(framed[..., :: settings.hop_samples, :], taper, out=buffer, casting="unsafe")
        spectrum = scipy.fft.rfft(buffer, axis=-1)[..., 1 : settings.frequencies + 1]
        out = spectra[first : first + step]
        out[...] = np.abs(spectrum).swapaxes(-1, -2)
        maximum[first : first + step] = out.max(axis=(1, 2, 3))
        _check(maximum[first : first + step], first, leading, normalise or settings.amplitude == "log")
        _scale(out, maximum[first : first + step, np.newaxis, np.newaxis, np.newaxis], settings, normalise)
    return spectra.reshape(*leading, *spectra.shape[1:])


def _scale(out, maximum, settings, normalise):
    if settings.amplitude == "linear":
        if normalise:
            out /= maximum
        return
    np.maximum(out, maximum * np.float32(10**-LOG_DECADES), out=out)
    if normalise:
        out /= maximum
    np.log10(out, out=out)
    if normalise:
        out /= LOG_DECADES
        out += 1


def _check(maximum, first, leading, divides):
    bad = ~np.isfinite(maximum)
    silent = maximum == 0 if divides else np.zeros_like(bad)
    if not (bad | silent).any():
        return
    position = int(np.flatnonzero(bad | silent)[0])
    index = np.unravel_index(first + position, leading) if leading else ()
    name = ", ".join(str(int(i)) for i in index) or "0"
    if bad[position]:
        raise DatasetError(
            f"window {name}",
            "its spectrum is not finite: it holds NaN, infinite or too large samples",
            "Leave out windows over gaps; dataset.windows.cut does so",
        )
    raise DatasetError(
        f"window {name}",
        "is silent (maximum amplitude 0) and cannot be divided by its maximum",
        "Leave it out, or ask for normalise=False with linear amplitude",
    )


def _half_hop(settings):
    if settings.hop_samples % 2:
        raise DatasetError(
            "running spectrum",
            f"hop_samples = {settings.hop_samples} is odd, so half a hop is not a whole number of samples",
            'Choose an even hop, or framing = "inside"',
        )
    return settings.hop_samples // 2
