"""Training without labels: the contrast against its formula, views, and an encoder that learns what windows share."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from sklearn.linear_model import LogisticRegression

from tremorlab.classify import pretraining
from tremorlab.classify.networks import WaveformNetwork, build
from tremorlab.classify.pretraining import Pretraining
from tremorlab.errors import ModelError

NETWORK = WaveformNetwork(channels=(4, 8), hidden=8, margin=0, over_time="pooled")
SAMPLES = 256


def unit(rng, windows, size):
    views = rng.normal(size=(windows, 2, size))
    return (views / np.linalg.norm(views, axis=2, keepdims=True)).astype("f4")


def surprise(views, temperature):
    """Equation 1 of Chen et al. (2020), term by term."""
    every = np.concatenate([views[:, 0], views[:, 1]]).astype(float)
    total, n = 0.0, len(views)
    for i in range(2 * n):
        partner = (i + n) % (2 * n)
        others = [np.exp(every[i] @ every[k] / temperature) for k in range(2 * n) if k != i]
        total -= np.log(np.exp(every[i] @ every[partner] / temperature) / sum(others))
    return total / (2 * n)


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 6), st.integers(2, 5), st.floats(0.1, 2.0), st.integers(0, 99))
def test_the_contrast_is_that_of_the_paper(windows, size, temperature, seed):
    views = unit(np.random.default_rng(seed), windows, size)
    found = float(ops.convert_to_numpy(pretraining.contrast(ops.convert_to_tensor(views), temperature)))
    assert found == pytest.approx(surprise(views, temperature), rel=1e-4)


def test_equal_views_find_each_other():
    views = np.repeat(unit(np.random.default_rng(0), 5, 8)[:, :1], 2, axis=1)
    assert float(pretraining.partners_found(ops.convert_to_tensor(views))) == 1
    crossed = np.stack([views[:, 0], np.roll(views[:, 1], 1, axis=0)], axis=1)
    assert float(pretraining.partners_found(ops.convert_to_tensor(crossed))) == 0


def test_views_differ_and_do_not_depend_on_the_unit():
    rng = np.random.default_rng(1)
    windows = rng.normal(size=(8, 2, SAMPLES + 64)).astype("f4")
    scaled = windows * 10.0 ** rng.uniform(-6, 6, (8, 1, 1)).astype("f4")
    one, other = (
        pretraining.view(each, SAMPLES, Pretraining(), np.random.default_rng(3)) for each in (windows, scaled)
    )
    assert one.shape == (8, 2, SAMPLES)
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
    again = pretraining.view(windows, SAMPLES, Pretraining(), np.random.default_rng(4))
    assert np.abs(one - again).max() > 0.1


def bursts(rng, count):
    """Noise with a burst of low or high frequency; the classes differ in nothing else."""
    labels = rng.integers(0, 2, count)
    time = np.arange(SAMPLES + 128) / 50
    made = rng.normal(size=(count, 1, len(time)))
    for window, label in zip(made, labels, strict=True):
        shape = np.exp(-(((time - rng.uniform(2, 5)) / 1.0) ** 2))
        window[0] += 6 * shape * np.sin(2 * np.pi * (3.0, 12.0)[label] * time + rng.uniform(0, 6))
    return made.astype("f4"), labels


def test_features_without_labels_tell_classes_better_than_an_untrained_network():
    rng = np.random.default_rng(5)
    windows, labels = bursts(rng, 400)
    trained, history = pretraining.pretrain(NETWORK, Pretraining(steps=120, batch=32), windows, SAMPLES, seed=0)
    assert list(history.columns) == ["step", "loss", "found"]
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert history["found"].iloc[-1] > history["found"].iloc[0]
    scores = []
    untrained = pretraining.encoder(build(NETWORK, (1, SAMPLES), 2))
    for encoder in (trained, untrained):
        found = pretraining.features(encoder, windows)
        size = np.abs(found).max(axis=0) + 1e-9
        probe = LogisticRegression(max_iter=2000).fit(found[:20] / size, labels[:20])
        scores.append(probe.score(found[20:] / size, labels[20:]))
    assert scores[0] >= max(scores[1], 0.9)


def test_the_same_seed_gives_the_same_features_and_a_network_can_adopt_them():
    windows, _ = bursts(np.random.default_rng(6), 64)
    settings = Pretraining(steps=5, batch=16)
    one, other = (pretraining.pretrain(NETWORK, settings, windows, SAMPLES, seed=2)[0] for _ in range(2))
    found = pretraining.features(one, windows)
    np.testing.assert_array_equal(found, pretraining.features(other, windows))
    adopted = pretraining.adopt(build(NETWORK, (1, SAMPLES), 3), one)
    np.testing.assert_array_equal(found, pretraining.features(pretraining.encoder(adopted), windows))


def test_what_cannot_be_used_is_refused():
    windows = np.zeros((10, 1, SAMPLES), "f4")
    with pytest.raises(ModelError, match=r"windows of shape \(10, 1, 256\): are fewer than a batch of 64"):
        pretraining.pretrain(NETWORK, Pretraining(), windows, SAMPLES - 1, seed=0)
    kept = NETWORK.model_copy(update={"over_time": "kept"})
    with pytest.raises(ModelError, match="network waveform: does not pool over time"):
        pretraining.encoder(build(kept, (1, SAMPLES), 2))
