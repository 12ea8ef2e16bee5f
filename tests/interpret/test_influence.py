"""Influence of filters, on a network of which it is known what its filters do."""

import numpy as np
import pytest

from tests.interpret.test_knockout import listener, two_tones  # noqa: F401 (a fixture)
from tremorlab.classify.networks import SpectrumNetwork, build
from tremorlab.errors import ModelError
from tremorlab.interpret.influence import influence


def test_each_filter_speaks_for_the_class_whose_wave_it_passes(listener):  # noqa: F811
    waveforms, labels = two_tones()
    before = listener.get_weights()
    found = influence(listener, waveforms, labels, rng=np.random.default_rng(0))
    np.testing.assert_allclose(found.filters["peak_hz"], [2.5, 8], atol=0.5)
    assert (found.filters["cost"] > found.null).all()
    assert (found.top(0), found.top(1)) == (0, 1)
    assert (np.sign(found.evidence) == [[1, -1], [-1, 1]]).all()
    for array, kept in zip(listener.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, kept)


def test_nothing_is_found_where_the_classes_have_nothing_to_do_with_the_windows(listener):  # noqa: F811
    waveforms, labels = two_tones()
    rng = np.random.default_rng(1)
    found = [influence(listener, waveforms, rng.permutation(labels), rng=rng) for _ in range(5)]
    assert sum(part.top(0) is not None or part.top(1) is not None for part in found) <= 1


def test_a_network_without_filters_is_refused():
    model = build(SpectrumNetwork(channels=(3,), kernel=3, pool=(2,)), (1, 1088), 2)
    with pytest.raises(ModelError, match="has no convolution of a waveform"):
        influence(model, np.ones((2, 1, 1088), np.float32), [0, 1], rng=np.random.default_rng(0))
