"""Networks: sizes, units of the input, sharing of convolutions, saving."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from pydantic import ValidationError

from tremorlab.classify import networks
from tremorlab.classify.networks import FusedNetwork, SpectrumNetwork, WaveformNetwork, build, parameters
from tremorlab.errors import ModelError
from tremorlab.study import RunningSpectrum

#: A second and a half of training would do for these: 832 samples, 32 of them margin at either end.
SHAPE = (2, 832)
SMALL = {
    "waveform": WaveformNetwork(channels=(3, 4), kernel=5, hidden=8),
    "spectrum": SpectrumNetwork(channels=(3, 4), kernel=3, pool=(2, 2), hidden=8),
    "log": SpectrumNetwork(channels=(3, 4), kernel=3, pool=(2, 2), hidden=8, spectrum=RunningSpectrum(amplitude="log")),
}
SMALL |= {f"{name} pooled": network.model_copy(update={"over_time": "pooled"}) for name, network in SMALL.items()}
SMALL["fused"] = FusedNetwork(waveform=SMALL["waveform"], spectrum=SMALL["log pooled"], hidden=8)
SMALL["fused pooled"] = FusedNetwork(waveform=SMALL["waveform pooled"], spectrum=SMALL["spectrum pooled"], hidden=8)


def windows(number, shape=SHAPE, seed=0):
    return np.random.default_rng(seed).normal(size=(number, *shape)).astype(np.float32)


def small(name, shape=SHAPE, seed=1):
    keras.utils.set_random_seed(seed)
    return build(SMALL[name], shape, 3)


def answer(model, x):
    return ops.convert_to_numpy(model(x))


def test_the_default_networks_have_the_depth_of_the_report():
    shape = (1, 4160)
    for network, convolutions in ((WaveformNetwork(), 4), (SpectrumNetwork(), 2)):
        layers = build(network, shape, 3).layers
        kinds = [type(layer).__name__ for layer in layers if layer.trainable]
        assert kinds.count("Conv1D") + kinds.count("Conv2D") == convolutions
        assert kinds.count("MaxPooling1D") + kinds.count("MaxPooling2D") == convolutions
        assert kinds.count("Dense") == 2


def test_the_default_waveform_network_has_the_weights_counted_by_hand():
    convolutions = 16 * (1 * 8 + 8 * 16 + 16 * 32 + 32 * 64)
    left = 4096
    for _ in range(4):
        left = (left - 15) // 4
    connected = (left * 64 + 1) * 64 + (64 + 1) * 3
    assert parameters(build(WaveformNetwork(), (1, 4160), 3)) == convolutions + connected


def test_the_spectrum_kernels_are_not_trained():
    model = small("spectrum")
    assert parameters(model) == 9 * (2 * 3 + 3 * 4) + (np.prod(model.get_layer("hidden").input.shape[1:]) + 1) * 8 + 27


@pytest.mark.parametrize("name", SMALL)
def test_probabilities_add_up_to_one(name):
    np.testing.assert_allclose(answer(small(name), windows(5)).sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("factor", [1e-9, 0.37, 3e7])
def test_the_unit_of_the_record_does_not_matter(name, factor):
    model, x = small(name), windows(4)
    np.testing.assert_allclose(answer(model, x * np.float32(factor)), answer(model, x), atol=2e-6)


@pytest.mark.parametrize("name", SMALL)
def test_a_silent_window_gives_numbers(name):
    assert np.isfinite(answer(small(name), np.zeros((1, *SHAPE), np.float32))).all()


def test_the_margins_are_not_seen_by_the_waveform_network():
    model, x = small("waveform"), windows(3)
    changed = x.copy()
    changed[..., :32] = 1e3
    changed[..., -32:] = -1e3
    np.testing.assert_array_equal(answer(model, changed), answer(model, x))


@pytest.mark.parametrize("components", [1, 2, 3])
@pytest.mark.parametrize("name", ["waveform", "spectrum", "waveform pooled", "spectrum pooled"])
def test_a_long_record_gives_the_answers_of_its_windows(name, components):
    """The trunk runs once over the record; the answers of windows a stride apart are those of the model itself."""
    model = small(name, (components, 832))
    if "pooled" in name:  # random weights behind the gain are sure of one class in every window
        last = model.get_layer("classes")
        last.set_weights([weights / networks.GAIN for weights in last.get_weights()])
    network, steps = SMALL[name], 6
    margin = 32
    record = windows(1, (components, 832 + steps * network.stride), seed=5)[0] * 1e4
    starts = np.arange(steps + 1) * network.stride
    direct = answer(model, np.stack([record[:, s : s + 832] for s in starts]))

    if network.kind == "waveform":
        source = record.T[margin:-margin]
        maxima = np.array([np.abs(record[:, s + margin : s + 832 - margin]).max() for s in starts])
    else:
        spectra = keras.Model(model.input, model.get_layer("running_spectrum").output)
        keras.utils.set_random_seed(1)
        long = build(network, record.shape, 3)
        source = answer(keras.Model(long.input, long.get_layer("running_spectrum").output), record[np.newaxis])[0]
        maxima = np.array([answer(spectra, record[np.newaxis, :, s : s + 832]).max() for s in starts])
    features = answer(networks.trunk(model), source[np.newaxis])[0]
    length = model.get_layer(f"features_of_{network.kind}").input.shape[1]
    cut = np.stack([features[k : k + length].ravel() for k in range(len(starts))])
    shared = answer(networks.head(model), cut / maxima[:, np.newaxis])
    np.testing.assert_allclose(shared, direct, atol=2e-6)
    assert np.ptp(direct, axis=0).max() > 1e-3  # the windows do differ


def test_pooled_features_are_mean_and_maximum_over_time():
    model, x = small("waveform pooled"), windows(3)
    flat = answer(keras.Model(model.input, model.get_layer("waveform_frames").input), x)
    at_times = flat.reshape(3, -1, 4)
    expected = networks.GAIN * np.concatenate([at_times.mean(axis=1), at_times.max(axis=1)], axis=1)
    pooled = answer(keras.Model(model.input, model.get_layer("waveform_gain").output), x)
    np.testing.assert_allclose(pooled, expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["fused", "log"])
def test_what_cannot_be_shared_says_so(name):
    with pytest.raises(ModelError, match="its features are not proportional to the record"):
        networks.trunk(small(name))


def test_a_trunk_has_the_weights_of_its_model():
    model = small("waveform")
    assert all(a is b for a, b in zip(networks.trunk(model).weights, model.weights, strict=False))


def test_saved_networks_open_without_this_package(tmp_path):
    x = windows(4)
    np.save(tmp_path / "x.npy", x)
    for name in SMALL:
        small(name).save(tmp_path / f"{name}.keras")
    script = (
        "import pathlib, sys, numpy as np, keras\n"
        "for path in pathlib.Path().glob('*.keras'):\n"
        "    model = keras.models.load_model(path, safe_mode=True)\n"
        "    np.save(path.with_suffix('.npy'), model.predict(np.load('x.npy'), verbose=0))\n"
        "assert not [name for name in sys.modules if name.startswith('tremorlab')]\n"
    )
    bare = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, env=bare)
    for name in SMALL:
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), answer(small(name), x), atol=1e-6)


def test_the_weights_come_from_the_seed():
    again, other = small("fused"), small("fused", seed=2)
    assert all(map(np.array_equal, small("fused").get_weights(), again.get_weights()))
    assert not np.array_equal(other.get_layer("hidden").get_weights()[0], again.get_layer("hidden").get_weights()[0])


@settings(max_examples=4, deadline=None)
@given(budget=st.integers(3_000, 60_000), name=st.sampled_from(["waveform", "spectrum", "fused"]))
def test_matched_networks_are_within_half_a_unit_of_the_budget(budget, name):
    network = networks.matched(SMALL[name], budget, SHAPE, 3)
    unit = parameters(build(network.model_copy(update={"hidden": network.hidden + 1}), SHAPE, 3))
    unit -= (found := parameters(build(network, SHAPE, 3)))
    assert abs(found - budget) <= unit / 2 + 1


def test_a_budget_below_the_convolutions_is_refused():
    with pytest.raises(ModelError, match=r"waveform: has \d+ weights with a single hidden unit.*fewer channels"):
        networks.matched(SMALL["waveform"], 20, SHAPE, 3)


def test_the_small_prints_of_a_stride():
    assert WaveformNetwork().stride == 256
    assert SpectrumNetwork(pool=(4, 2)).stride == 512


@pytest.mark.parametrize(
    ("network", "shape", "classes", "message"),
    [
        (SMALL["waveform"], SHAPE, 1, r"network: 1 class\(es\)\. There is nothing to tell apart"),
        (WaveformNetwork(), (1, 640), 3, "window of 576 samples: nothing is left of it after 4 convolutions of 16"),
        (SpectrumNetwork(), (1, 640), 3, "window of 640 samples: nothing is left of its running spectrum"),
        (SpectrumNetwork(kernel=4), (1, 4160), 3, "network spectrum: kernel = 4 is even"),
        (SpectrumNetwork(pool=(4,)), (1, 4160), 3, "network spectrum: 1 pools for 2 convolutions"),
        (
            SpectrumNetwork(spectrum=RunningSpectrum(framing="reflect")),
            (1, 4096),
            3,
            'running spectrum: framing = "reflect" mirrors.*Use framing = "extend"',
        ),
    ],
)
def test_what_cannot_be_built_is_named(network, shape, classes, message):
    with pytest.raises(ModelError, match=message):
        build(network, shape, classes)


@pytest.mark.parametrize(
    "fields", [{"channels": ()}, {"channels": (16, 0)}, {"dropout": 1.0}, {"kernel": 0}, {"margin": -1}, {"widht": 3}]
)
def test_a_network_out_of_range_is_refused(fields):
    with pytest.raises(ValidationError, match=next(iter(fields))):
        WaveformNetwork(**fields)


def test_a_description_goes_through_json_and_back():
    for network in SMALL.values():
        assert type(network).model_validate_json(network.model_dump_json()) == network
