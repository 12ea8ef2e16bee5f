"""Exported networks: equal to Keras window by window and over records, without TensorFlow."""

import json
import pickle
import subprocess
import sys
from functools import lru_cache

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detect.networks import NETWORKS, SAMPLES, card, network
from tremorlab.classify.model_card import open_published
from tremorlab.classify.networks import SpectrumNetwork, WaveformNetwork
from tremorlab.classify.training import probabilities
from tremorlab.detect import engine
from tremorlab.detect import export as exporting
from tremorlab.detect.engine import Detector
from tremorlab.detect.export import LIMIT, as_onnx, export, prove
from tremorlab.errors import ModelError

SHARED = ["waveform", "spectrum", "fused", "pooled_waveform", "pooled_spectrum", "pooled_fused"]


def record(components, samples, seed=0):
    """Coloured noise with bursts, of amplitudes that differ by three decades."""
    rng = np.random.default_rng(seed)
    noise = np.cumsum(rng.normal(size=(components, samples)), axis=1)
    noise -= np.linspace(noise[:, 0], noise[:, -1], samples, axis=1)
    return (noise * np.exp(3 * np.sin(np.arange(samples) / 700))).astype("f4")


def window_by_window(model, data, samples, step):
    """The reference: each window by itself through Keras."""
    views = np.lib.stride_tricks.sliding_window_view(data, samples, axis=1)[:, ::step]
    return probabilities(model, np.ascontiguousarray(views.transpose(1, 0, 2)))


@pytest.mark.parametrize("components", ["Z", "ZNE"])
@pytest.mark.parametrize("kind", NETWORKS)
def test_a_record_gives_what_keras_gives_window_by_window(folder_of, detector_of, kind, components):
    published, detector = open_published(folder_of(kind, components)), detector_of(kind, components)
    data = record(len(components), 12_345)
    expected = window_by_window(published.model, data, detector.about.samples, 256)
    found = detector.record(data)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=LIMIT, rtol=0)
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()
    assert np.ptp(expected, axis=0).max() > 0.05  # the windows do differ


@pytest.mark.parametrize(
    "described",
    [card("waveform", "Z", WaveformNetwork(), 4096), card("spectrum", "ZN", SpectrumNetwork(), 4096)],
    ids=lambda described: described.network.kind,
)
def test_the_networks_of_the_report_over_eight_minutes(tmp_path, described):
    model = network(described)
    (tmp_path / "x.onnx").write_bytes(as_onnx(model, described).SerializeToString())
    data = record(len(described.components), 12_000)
    expected = window_by_window(model, data, 4160, 256)
    np.testing.assert_allclose(Detector(tmp_path / "x.onnx").record(data), expected, atol=LIMIT, rtol=0)


@lru_cache
def small(kind):
    return network(card(kind, "Z"))


@settings(max_examples=10, deadline=None)
@given(native=st.integers(1, 600), ratio=st.sampled_from([1, 2, 3, 1 / 2, 2 / 3, 1 / 7]), kind=st.sampled_from(SHARED))
def test_any_step_can_be_exported_and_others_asked_for(tmp_path_factory, native, ratio, kind):
    step, model = max(1, round(ratio * native)), small(kind)
    step = step if native / np.gcd(step, native) < 20 else native  # so many passes are right, but slow
    path = tmp_path_factory.mktemp("step") / "x.onnx"
    path.write_bytes(as_onnx(model, card(kind, "Z"), native).SerializeToString())
    data = record(1, SAMPLES + 64 + 5 * step + 3)
    expected = window_by_window(model, data, SAMPLES + 64, step)
    np.testing.assert_allclose(Detector(path).record(data, step), expected, atol=LIMIT, rtol=0)


@pytest.mark.parametrize("kind", SHARED)
def test_chunks_do_not_show(detector_of, monkeypatch, kind):
    detector, data = detector_of(kind), record(1, 30_000)
    whole = detector.record(data)
    for samples in (833, 1500, 4096):
        monkeypatch.setattr(engine, "_CHUNK", samples)
        np.testing.assert_allclose(detector.record(data), whole, atol=1e-6)


@pytest.mark.parametrize("kind", NETWORKS)
def test_single_windows_and_silence(folder_of, detector_of, kind):
    published, detector = open_published(folder_of(kind)), detector_of(kind)
    samples = detector.about.samples
    windows = record(1, 70 * samples)[0].reshape(70, 1, samples)
    windows[3] = 0
    np.testing.assert_allclose(detector.windows(windows), probabilities(published.model, windows), atol=LIMIT, rtol=0)
    assert detector.windows(windows[:0]).shape == (0, 3)


def test_a_record_shorter_than_a_window_has_no_answers(detector_of):
    assert detector_of("waveform").record(record(1, 831)).shape == (0, 3)
    assert detector_of("waveform").record(record(1, 832)).shape == (1, 3)
    assert detector_of("waveform").record(record(1, 832), step=100).shape == (1, 3)


def test_the_unit_does_not_matter(detector_of):
    detector, data = detector_of("fused"), record(1, 3000)
    for factor in (1e-9, 1e9):
        np.testing.assert_allclose(detector.record(data * np.float32(factor)), detector.record(data), atol=2e-6)


def test_the_file_describes_itself_and_passes_the_checker(folder_of, detector_of):
    about, path = detector_of("spectrum", "ZNE").about, folder_of("spectrum", "ZNE") / engine.FILE
    onnx.checker.check_model(onnx.load(path), full_check=True)
    assert (about.samples, about.window_samples, about.margin_samples, about.step_samples) == (832, 768, 32, 256)
    assert about.classes == ["tremor", "earthquake", "noise"]
    assert about.components == "ZNE"
    assert about.preparation.highpass_hz == 1.0
    assert detector_of("spectrum", "ZNE").step_s == 10.24
    assert (detector_of("inside").about.samples, detector_of("inside").about.margin_samples) == (768, 0)
    assert [detector_of(kind).about.shared for kind in NETWORKS] == [kind[-3:] != "log" for kind in NETWORKS]


def test_a_detector_travels_between_processes(detector_of):
    detector, data = detector_of("waveform"), record(1, 3000)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(detector)).record(data), detector.record(data))


def test_a_file_that_is_not_equal_to_its_network_is_not_written(tmp_path, folder_of, monkeypatch):
    model = network(card("waveform", "Z"), seed=2)
    with pytest.raises(ModelError, match=r"export of random_waveform: differs by 0\.\d+ from Keras, more than 1e-05"):
        prove(model, Detector(folder_of("waveform")))
    before = (folder_of("waveform") / engine.FILE).read_bytes()
    monkeypatch.setattr(exporting, "prove", lambda *_: (_ for _ in ()).throw(ModelError("a", "b", "c")))
    with pytest.raises(ModelError, match="a: b"):
        export(folder_of("waveform"))
    assert (folder_of("waveform") / engine.FILE).read_bytes() == before
    assert not list(folder_of("waveform").glob(".*"))


def test_windows_that_start_elsewhere_have_other_answers(detector_of):
    """The comparisons above can fail: seven samples off the windows' starts is enough."""
    data = record(1, 6000)
    later, found = detector_of("waveform").record(data[:, 7:]), detector_of("waveform").record(data)
    assert np.abs(later - found[: len(later)]).max() > 100 * LIMIT


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"x.onnx: cannot be read: No such file or directory\. Write it with tremorlab.detect.export.export"),
        (b"not a network", r"x.onnx: is no ONNX file: "),
    ],
)
def test_a_damaged_file_is_named(tmp_path, content, message):
    if content:
        (tmp_path / "x.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=message):
        Detector(tmp_path / "x.onnx")


def test_a_network_that_answers_otherwise_than_it_says_is_named(tmp_path, detector_of):
    detector = detector_of("pooled_waveform")
    model = onnx.load(detector.path)
    (said,) = (entry for entry in model.metadata_props if entry.key == engine.METADATA)
    step = detector.about.step_samples
    said.value = json.dumps(json.loads(said.value) | {"step_samples": 2 * step})
    onnx.save(model, tmp_path / "other.onnx")
    data = np.ones((1, detector.about.samples + 2 * step), "f4")
    message = r"other\.onnx: answers in shape \(1, 3, 3\) where \(1, 2, 3\) is due\. Write it with"
    with pytest.raises(ModelError, match=message):
        Detector(tmp_path / "other.onnx").record(data)


def test_a_network_of_others_is_refused(tmp_path, folder_of):
    model = onnx.load(folder_of("waveform") / engine.FILE)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "x.onnx")
    with pytest.raises(ModelError, match=r"x\.onnx: does not say what it is"):
        Detector(tmp_path / "x.onnx")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: d.record(np.zeros((2, 900))), r"record of shape \(2, 900\): is not \(1, samples\)"),
        (lambda d: d.record(np.zeros((1, 900)), 0), r"step: 0 samples\. Give one or more"),
        (lambda d: d.windows(np.zeros((4, 1, 900))), r"windows of shape \(4, 1, 900\): are not \(windows, 1, 832\)"),
    ],
)
def test_what_does_not_fit_is_named(detector_of, call, message):
    with pytest.raises(ModelError, match=message):
        call(detector_of("waveform"))
    with pytest.raises(ModelError, match="detector: step = 0 samples"):
        as_onnx(network(card("waveform", "Z")), card("waveform", "Z"), 0)


def test_the_engine_needs_neither_tensorflow_nor_keras(folder_of):
    code = (
        "import sys, json, numpy as np\n"
        "from tremorlab.detect.engine import Detector\n"
        f"p = Detector({str(folder_of('waveform'))!r}).record(np.ones((1, 900), 'f4'))\n"
        "print(json.dumps([p.shape, sorted({'tensorflow', 'keras', 'onnx', 'torch'} & set(sys.modules))]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[1, 3], []]
