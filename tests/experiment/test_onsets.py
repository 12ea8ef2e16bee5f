"""Delays of networks on records of a small twin, and of networks whose answers are known."""

import numpy as np
import pytest

from tests.experiment.small import WINDOWS, ask
from tremorlab.experiment import onsets
from tremorlab.experiment.onsets import Delays, delays

ASKED = Delays(experiments={"small": ask(seeds=(0,))}, hop_s=40.96, least_snr_db=3.0, events=8)


class Early:
    """Says eruption as soon as the last fifth of the window is louder than the rest; noise before."""

    input_shape = (None, 1, 4160)

    def predict(self, windows, **_):
        power = np.square(windows[:, 0])
        late = power[:, -832:].mean(axis=1) > 4 * power[:, :-832].mean(axis=1)
        loud = late | (power[:, :832].mean(axis=1) < 0.25 * power.mean(axis=1))
        return np.stack([loud, np.zeros(len(loud)), ~loud], axis=1).astype("f4")


class Known:
    depends = {"seed": 7}  # noqa: RUF012

    def model(self):
        return Early()


@pytest.mark.usefixtures("cache")
def test_records_hold_the_onset_in_the_middle():
    long, table, samples, _ = onsets._long_windows(WINDOWS, ASKED)
    assert long.shape == (len(table), 1, 2 * 4096 + 64)
    assert samples == 4096
    assert table["onset_s"].to_numpy() == pytest.approx(163.84, abs=0.05)
    assert set(table["event_class"]) == {"eruption", "vt"}
    assert table["event_class"].value_counts().max() <= 8
    before, after = (np.square(part).mean(axis=(1, 2)) for part in (long[:, :, 2000:4000], long[:, :, 4128:5128]))
    assert np.median(after / before) > 2


@pytest.mark.usefixtures("cache")
def test_an_event_is_noticed_when_a_window_reaches_into_it(monkeypatch):
    monkeypatch.setattr(onsets, "runs", lambda *_, **__: [Known()])
    table, answer = delays(ASKED, again=True)
    assert answer.origin == "computed"
    eruptions = table[table["event_class"] == "eruption"]
    assert eruptions["delay_s"].median() <= 2 * ASKED.hop_s
    assert table.loc[table["event_class"] == "vt", "delay_s"].isna().all()  # it never says so
    assert set(table["seed"]) == {7}


@pytest.mark.usefixtures("cache")
def test_a_trained_network_is_slid_over_records():
    table, _ = delays(ASKED.model_copy(update={"probability": 0.34}))
    assert set(table["experiment"]) == {"small"}
    delay = table["delay_s"].dropna()
    assert ((delay % 40.96).abs() < 1e-3).all() | np.isclose(delay % 40.96, 40.96, atol=1e-3).any()
    assert delays(ASKED.model_copy(update={"probability": 0.34}))[1].origin == "kept"
