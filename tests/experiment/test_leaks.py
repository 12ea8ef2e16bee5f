"""What comes before an event in its window, noise and clutter, must not tell its class.

In a catalogue it may: events come in swarms, and noise windows are chosen where nothing is listed. What the simulation
itself puts around an event is tested on single events at random moments.
"""

import numpy as np
import pytest

from tremorlab.classify.rivals import cross_validated
from tremorlab.dataset.features import features
from tremorlab.twin import direct
from tremorlab.twin.scenario import configure

#: Onsets are 40 s after the start.
BEFORE_S = 38
CLASSES = {"nankai": ("tremor", "earthquake", "noise"), "sakurajima": ("eruption", "vt", "noise")}


@pytest.mark.parametrize("setting", CLASSES)
def test_the_record_before_an_event_does_not_tell_its_class(setting):
    scenario = configure(setting=setting, days=1, seed=11)
    waveforms, table = direct.windows(scenario, CLASSES[setting], 40)
    before = features(waveforms[:, :, : 25 * BEFORE_S], 25.0)
    told = cross_validated(before, table["event_class"], table["event"], seed=0)
    assert told["forest"].low < 1 / 3
    within = cross_validated(features(waveforms, 25.0), table["event_class"], table["event"], seed=0)
    assert within["forest"].balanced_accuracy > 0.6
    assert np.isfinite(before.to_numpy()).all()
