"""Windows whose rule is known: two classes of noise that differ in one band only.

Whoever reads a network finds something. On these windows it is known what should be found, and with permuted labels
that nothing should.
"""

import numpy as np

from tremorlab.classify.training import Examples
from tremorlab.errors import ModelError


def planted(
    number: int,
    rng: np.random.Generator,
    *,
    band_hz: tuple[float, float] = (3.0, 5.0),
    gain: float = 1.5,
    samples: int = 1088,
    rate_hz: float = 25.0,
) -> Examples:
    """Gaussian white noise, in half of the windows with one band louder.

    Parameters
    ----------
    number
        Windows of each of the two classes.
    rng
        Source of randomness.
    band_hz
        Lowest and highest frequency of the band.
    gain
        Factor on the amplitudes of the band in class 1.
    samples, rate_hz
        Length and sampling rate of a window.

    Returns
    -------
    tremorlab.classify.training.Examples
        One component; classes in turn.

    Raises
    ------
    ModelError
        The band holds no frequency below the Nyquist frequency.
    """
    frequencies_hz = np.fft.rfftfreq(samples, 1 / rate_hz)
    inside = (frequencies_hz >= band_hz[0]) & (frequencies_hz <= band_hz[1])
    if not inside.any():
        raise ModelError(
            "planted band",
            f"{band_hz[0]:g}-{band_hz[1]:g} Hz holds none of the frequencies up to {rate_hz / 2:g} Hz",
            "Give a band that ends above its beginning, below the Nyquist frequency",
        )
    labels = np.arange(2 * number) % 2
    spectra = np.fft.rfft(rng.normal(size=(2 * number, 1, samples)))
    spectra[np.ix_(labels == 1, [True], inside)] *= gain
    return Examples(np.fft.irfft(spectra, samples).astype(np.float32), labels)
