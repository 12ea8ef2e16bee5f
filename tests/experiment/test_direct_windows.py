"""Windows drawn for readings: their division, and what a change does to them."""

import numpy as np
import pytest

from tremorlab.errors import ParameterError
from tremorlab.experiment.direct_windows import LONG, SAMPLES, DirectWindows, divided

SETTINGS = DirectWindows(setting="nankai", classes=("tremor", "noise"), each=(3, 2, 2))


def test_parts_have_their_sizes_and_share_no_window():
    fit, validation, test = divided(SETTINGS)
    assert fit.waveforms.shape == (6, 1, LONG)
    assert validation.waveforms.shape == test.waveforms.shape == (4, 1, SAMPLES)
    assert list(fit.labels) == [0, 0, 0, 1, 1, 1]
    spare = (LONG - SAMPLES) // 2
    seen = {window.tobytes() for window in fit.waveforms[..., spare:-spare]}
    assert not seen & {window.tobytes() for part in (validation, test) for window in part.waveforms}


def test_changes_leave_the_division_as_it_is():
    plain = divided(SETTINGS)
    for change in ("whitened", "random phases", "below 10 Hz"):
        parts = divided(SETTINGS.model_copy(update={"change": change}))
        for part, before in zip(parts, plain, strict=True):
            assert part.waveforms.shape == before.waveforms.shape
            np.testing.assert_array_equal(part.labels, before.labels)
            assert not np.allclose(part.waveforms, before.waveforms)


def test_permuted_labels_leave_the_windows_and_their_numbers_as_they_are():
    parts = divided(SETTINGS.model_copy(update={"change": "permuted labels", "each": (20, 2, 2)}))
    plain = divided(SETTINGS.model_copy(update={"each": (20, 2, 2)}))
    np.testing.assert_array_equal(parts[0].waveforms, plain[0].waveforms)
    assert parts[0].labels.sum() == 20
    assert (parts[0].labels != plain[0].labels).any()


def test_a_class_of_another_setting_is_refused():
    with pytest.raises(ParameterError, match="'eruption' is not of setting nankai"):
        divided(SETTINGS.model_copy(update={"classes": ("eruption", "noise")}))
