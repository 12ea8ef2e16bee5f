"""Crossings of simulated classes: found where they are, moved by what is changed."""

import numpy as np
import pytest

from tremorlab.errors import DatasetError
from tremorlab.page.crossing import crossing_table, twin_spectra
from tremorlab.twin.direct import Stretch
from tremorlab.twin.scenario import configure

SCENARIO = configure(setting="sakurajima", days=1, stations=2, seed=5)
CLASSES = ("vt", "noise")


@pytest.fixture(scope="module")
def means():
    given = {"normalise": "energy", "replicates": 50, "seed": 1}
    return {factor: twin_spectra(SCENARIO, CLASSES, 8, Stretch(corner=factor), **given) for factor in (0.5, 2.0)}


def test_means_are_those_of_the_running_spectrum(means):
    one = means[2.0]
    assert one.classes == CLASSES
    assert one.frequencies_hz[0] == pytest.approx(25 / 128)
    assert one.mean.shape == (2, 64)
    assert np.isfinite(one.replicates).all()


def test_a_higher_corner_lifts_high_frequencies_of_the_events_and_leaves_the_noise(means):
    high, low = one_to_ten = [means[factor] for factor in (2.0, 0.5)]
    np.testing.assert_allclose(high.mean[1], low.mean[1], atol=1e-6)
    tilt = [mean.mean[0, 51] - mean.mean[0, 8] for mean in one_to_ten]  # 10 Hz over 1.8 Hz
    assert tilt[0] > tilt[1] + 0.05


def test_the_table_names_the_stretch_and_keeps_to_its_band():
    table = crossing_table(SCENARIO, CLASSES, 4, {"as it is": Stretch()}, above_hz=1.5, seed=1, replicates=50)
    assert list(table.columns) == ["stretch", "first", "second", "frequency_hz", "low_hz", "high_hz"]
    assert (table["stretch"] == "as it is").all()
    assert (table["frequency_hz"] > 1.5).all()
    assert ((table["low_hz"] <= table["frequency_hz"]) & (table["frequency_hz"] <= table["high_hz"])).all()


def test_an_unknown_normalisation_is_named():
    with pytest.raises(DatasetError, match="normalisation 'peak' is not one of maximum, energy, none"):
        twin_spectra(SCENARIO, ("noise",), 1, normalise="peak", seed=1)
