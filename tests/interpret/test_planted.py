"""A rule that is known to be in the windows has to be read out of a network, and nothing where there is none.

Ten seeds of each are in benchmarks/planted_band.py.
"""

import numpy as np
import pytest
from benchmarks.planted_band import BAND_HZ, read

from tremorlab.errors import ModelError
from tremorlab.interpret.planted import planted


def test_the_classes_differ_in_their_band_and_nowhere_else():
    made = planted(200, np.random.default_rng(0), gain=2.0)
    assert made.waveforms.shape == (400, 1, 1088)
    f = np.fft.rfftfreq(1088, 1 / 25)
    spectra = [np.mean(np.abs(np.fft.rfft(made.waveforms[made.labels == n, 0])) ** 2, axis=0) for n in (0, 1)]
    ratio, inside = spectra[1] / spectra[0], (f >= BAND_HZ[0]) & (f <= BAND_HZ[1])
    assert ratio[inside].mean() == pytest.approx(4, rel=0.05)
    assert ratio[~inside].mean() == pytest.approx(1, rel=0.05)


def test_a_band_without_frequencies_is_refused():
    with pytest.raises(ModelError, match=r"14-15 Hz holds none of the frequencies up to 12\.5 Hz"):
        planted(2, np.random.default_rng(0), band_hz=(14.0, 15.0))


def test_the_planted_band_is_read_out_of_a_network():
    found, peak = read(0, permuted=False)
    assert BAND_HZ[0] <= peak <= BAND_HZ[1]
    assert found.filters["cost"].max() > 2 * found.null


def test_nothing_is_read_out_of_a_network_trained_on_permuted_labels():
    found, peak = read(0, permuted=True)
    assert peak is None
    assert found.filters["cost"].max() <= found.null
