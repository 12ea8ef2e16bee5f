"""A trained network as one ONNX file that reads records of any length; the detector runs it without TensorFlow.

The graph holds the network once, for all windows of a record that start a step apart: convolutions run over the whole
record, the first connected layer becomes a convolution over the features, and what a window's features would have been
divided by, its maximum, divides what comes out of that layer before the bias is added. This is exact because features
are proportional to the record and nothing is padded in time (`tremorlab.classify.networks`). Where features are pooled
over the window, the mean of a feature is a convolution with equal weights, and the maximum is a pooling.

Windows may start closer to each other than a network's pooling advances. Then the pooling that would step over a start
keeps every position, and the layers behind it look at positions further apart (dilation), as in the a trous algorithm
(Holschneider et al. 1989): the two-dimensional network, which pools 512 samples, is evaluated every 256 samples at
the cost of one evaluation.

A logarithmic picture is normalised before the convolutions. Its graph reads one window at a time.
"""

import hashlib
import os
from math import gcd
from pathlib import Path

import keras
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tremorlab import __version__
from tremorlab.classify.model_card import Card, open_published
from tremorlab.classify.networks import GAIN
from tremorlab.classify.spectra_layer import TINY
from tremorlab.classify.training import probabilities
from tremorlab.dataset.spectra import LOG_DECADES
from tremorlab.detect.engine import FILE, METADATA, About, Detector
from tremorlab.errors import ModelError

#: Largest difference of a probability from Keras's that an export may have.
LIMIT = 1e-5

#: Samples between windows unless told otherwise: 10.24 s at 25 Hz, what the one-dimensional network pools.
STEP = 256

_OPSET, _IR = 18, 10  # 2023: every version of onnxruntime that is asked for reads these
_PROOF = 24


def export(folder: str | Path, step: int = STEP) -> Path:
    """Write the network of a published folder as ``detector.onnx`` beside it, and prove that it gives the same.

    Parameters
    ----------
    folder
        From `tremorlab.classify.model_card.publish`.
    step
        Samples between the windows that are evaluated at the least cost.

    Returns
    -------
    pathlib.Path
        The file; a file of that name is replaced.

    Raises
    ------
    ModelError
        As `as_onnx`, the folder is damaged, or a probability differs from Keras's by more than `LIMIT`.
    """
    published, folder = open_published(folder), Path(folder)
    weights = hashlib.sha256((folder / "model.keras").read_bytes()).hexdigest()
    target, partial = folder / FILE, folder / f".{FILE}.{os.getpid()}"
    try:
        partial.write_bytes(as_onnx(published.model, published.card, step, weights).SerializeToString())
        prove(published.model, Detector(partial))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def as_onnx(model: keras.Model, card: Card, step: int = STEP, weights: str = "") -> onnx.ModelProto:
    """Translate a network.

    Parameters
    ----------
    model, card
        As published.
    step
        Samples between windows.
    weights
        Hash of the weights, to be kept with the result.

    Returns
    -------
    onnx.ModelProto
        Takes ``record``, float32 (batch, components, samples) with at least the samples of a window, gives
        ``probabilities`` (batch, windows, classes).

    Raises
    ------
    ModelError
        The step is not positive.
    """
    if step < 1:
        raise ModelError("detector", f"step = {step} samples", "Give one or more")
    samples = model.input_shape[-1]
    network = card.network
    parts = [network.waveform, network.spectrum] if network.kind == "fused" else [network]
    graph = _Graph()
    sums, weights_left = [], model.get_layer("hidden").get_weights()[0]
    for part in parts:
        first = _First(model, part, weights_left)
        sums.append(_PARTS[part.kind](graph, model, part, samples, step, first))
        weights_left = weights_left[first.used :]
    total = sums[0] if len(sums) == 1 else graph.add("Add", *sums)
    bias = model.get_layer("hidden").get_weights()[1]
    hidden = graph.add("Relu", graph.add("Add", total, graph.constant(bias[:, np.newaxis])))
    kernel, bias = model.get_layer("classes").get_weights()
    scores = graph.add("Conv", hidden, graph.constant(kernel.T[..., np.newaxis]), graph.constant(bias))
    by_class = graph.add("Softmax", scores, axis=1)
    graph.add("Transpose", by_class, perm=[0, 2, 1], to="probabilities")
    about = About(
        name=card.name, title=card.title, classes=card.classes, components=card.components,
        preparation=card.preparation, samples=samples, window_samples=card.window.samples, step_samples=step,
        shared=not any(_is_log(part) for part in parts), weights=weights, version=__version__,
    )  # fmt: skip
    return graph.finish(len(card.components), len(card.classes), about)


def prove(model: keras.Model, detector: Detector, seed: int = 0) -> float:
    """Compare an exported network with Keras on simulated windows, alone and, where they are shared, in one record.

    Returns
    -------
    float
        Largest difference of a probability.

    Raises
    ------
    ModelError
        It is more than `LIMIT`.
    """
    about, rng = detector.about, np.random.default_rng(seed)
    length = about.samples + (_PROOF - 1) * about.step_samples
    colour = np.exp(1j * rng.uniform(0, 2 * np.pi, (len(about.components), length // 2 + 1)))
    colour /= 1 + np.arange(length // 2 + 1) / length * 50
    record = np.fft.irfft(colour, length) * 10 ** rng.uniform(-9, 6) * np.geomspace(1, 100, length)
    record = record.astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(record, about.samples, axis=1)[:, :: about.step_samples]
    windows = np.ascontiguousarray(windows.transpose(1, 0, 2))
    expected = probabilities(model, windows)
    found = [detector.windows(windows)] + ([detector.record(record)] if about.shared else [])
    worst = max(float(np.abs(values - expected).max()) for values in found)
    if not worst <= LIMIT:
        raise ModelError(
            f"export of {about.name}", f"differs by {worst:.2g} from Keras, more than {LIMIT:g}", "Report this network"
        )
    return worst


class _Graph:
    """Collects the nodes and the weights of an ONNX graph."""

    def __init__(self):
        self._nodes, self._weights = [], []

    def constant(self, values):
        """Name of an array: float32, or int64 for what shapes are made of."""
        values = np.asarray(values)
        values = np.ascontiguousarray(values, np.float32 if values.dtype.kind == "f" else np.int64)
        name = f"weight_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(values, name))
        return name

    def add(self, operation, *inputs, to=None, **attributes):
        """Name of what an operation gives."""
        name = to or f"value_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operation, list(inputs), [name], **attributes))
        return name

    def finish(self, components, classes, about):
        record = helper.make_tensor_value_info("record", TensorProto.FLOAT, ["batch", components, "samples"])
        answer = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", "windows", classes])
        graph = helper.make_graph(self._nodes, "detector", [record], [answer], self._weights)
        opset = [helper.make_opsetid("", _OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=_IR, producer_name="tremorlab")
        helper.set_model_props(model, {METADATA: about.model_dump_json()})
        onnx.checker.check_model(model, full_check=True)
        return model


class _Pace:
    """How far apart, in samples, positions lie that a window looks at (`network`), and those that are kept (`kept`)."""

    def __init__(self, step, network):
        self._step, self.network, self.kept = step, network, gcd(step, network)

    @property
    def dilation(self):
        return self.network // self.kept

    @property
    def to_step(self):
        """Kept positions from one window to the next."""
        return self._step // self.kept

    def pool(self, size):
        """Pool so many positions of a window; how many kept ones to advance."""
        before = self.kept
        self.network *= size
        self.kept = gcd(self._step, self.network)
        return self.kept // before


class _First:
    """First connected layer over the features of one part: `used` rows of its weights, of which `weights` has more."""

    def __init__(self, model, part, weights):
        self._frames, *shape = model.get_layer(f"features_of_{part.kind}").input.shape[1:]
        kept = part.over_time == "kept"
        self.used = (self._frames if kept else 2) * int(np.prod(shape))
        kernel = weights[: self.used].reshape(-1, *shape, weights.shape[1])
        self._largest = None
        if not kept:
            gain = 1.0 if _is_log(part) else GAIN
            mean, self._largest = gain * kernel[:1] / self._frames, gain * kernel[1:]
            kernel = np.broadcast_to(mean, (self._frames, *mean.shape[1:]))
        self._kernel = kernel

    def add(self, graph, features, pace, along, layout):
        """Name of the sums of all windows; ``along`` puts the time before or after the other axis."""
        apart = {"dilations": along(pace.dilation), "strides": along(pace.to_step)}
        sums = graph.add("Conv", features, graph.constant(layout(self._kernel)), **apart)
        if self._largest is None:
            return sums
        largest = graph.add("MaxPool", features, kernel_shape=along(self._frames), **apart)
        return graph.add("Add", sums, graph.add("Conv", largest, graph.constant(layout(self._largest))))


def _waveform(graph, model, network, samples, step, first):
    # A line of a picture (batch, components, 1, samples): onnxruntime is faster with two dimensions.
    line = graph.add("Unsqueeze", "record", graph.constant([2]))
    margin = [network.margin, -network.margin or np.iinfo(np.int64).max]
    used = graph.add("Slice", line, *(graph.constant([k]) for k in (*margin, 3)))
    amplitude = graph.add("ReduceMax", graph.add("Abs", used), graph.constant([1]))
    window = samples - 2 * network.margin
    block = gcd(window, step)
    blocks = graph.add("MaxPool", amplitude, kernel_shape=[1, block], strides=[1, block])
    maximum = graph.add("MaxPool", blocks, kernel_shape=[1, window // block], strides=[1, step // block])
    pace, features = _Pace(step, 1), used
    for n in range(1, len(network.channels) + 1):
        weights = model.get_layer(f"waveform_conv_{n}").get_weights()[0].transpose(2, 1, 0)[:, :, np.newaxis]
        dilation = [1, pace.dilation]
        features = graph.add("Relu", graph.add("Conv", features, graph.constant(weights), dilations=dilation))
        kept = [1, pace.pool(network.pool)]
        features = graph.add("MaxPool", features, kernel_shape=[1, network.pool], dilations=dilation, strides=kept)
    hidden = first.add(graph, features, pace, lambda n: [1, n], lambda k: k.transpose(2, 1, 0)[:, :, np.newaxis])
    hidden, maximum = (graph.add("Squeeze", value, graph.constant([2])) for value in (hidden, maximum))
    return _divided(graph, hidden, maximum)


def _spectrum(graph, model, network, samples, step, first):
    settings = network.spectrum
    pace = _Pace(step, settings.hop_samples)
    # (batch, 1, components, samples) -> (batch, cosines and sines, components, frames)
    rows = graph.add("Unsqueeze", "record", graph.constant([1]))
    filters = model.get_layer("fourier").get_weights()[0].transpose(3, 2, 1, 0)
    both = graph.add("Conv", rows, graph.constant(filters), strides=[1, pace.kept])
    halves = [(0, settings.frequencies), (settings.frequencies, 2 * settings.frequencies)]
    parts = [graph.add("Slice", both, *(graph.constant([k]) for k in (*half, 1))) for half in halves]
    squares = [graph.add("Mul", part, part) for part in parts]
    amplitude = graph.add("Sqrt", graph.add("Add", *squares))
    spectra = graph.add("Transpose", amplitude, perm=[0, 2, 3, 1])  # (batch, components, frames, frequencies)
    loudest = graph.add("ReduceMax", spectra, graph.constant([1, 3]), keepdims=0)
    loudest = graph.add("Unsqueeze", loudest, graph.constant([1]))
    frames = (samples - settings.fft_samples) // settings.hop_samples + 1
    maximum = graph.add("MaxPool", loudest, kernel_shape=[frames], dilations=[pace.dilation], strides=[pace.to_step])
    features = spectra
    if _is_log(network):
        features = _logarithm(graph, spectra, maximum)
    beside = network.kernel // 2
    for n, pool in enumerate(network.pool, 1):
        weights = graph.constant(model.get_layer(f"spectrum_conv_{n}").get_weights()[0].transpose(3, 2, 0, 1))
        features = graph.add("Conv", features, weights, pads=[0, beside, 0, beside], dilations=[pace.dilation, 1])
        features = graph.add("Relu", features)
        dilation = pace.dilation
        features = graph.add(
            "MaxPool", features, kernel_shape=[pool, pool], dilations=[dilation, 1], strides=[pace.pool(pool), pool]
        )
    hidden = first.add(graph, features, pace, lambda n: [n, 1], lambda k: k.transpose(3, 2, 0, 1))
    hidden = graph.add("Squeeze", hidden, graph.constant([3]))
    return hidden if _is_log(network) else _divided(graph, hidden, maximum)


def _logarithm(graph, spectra, maximum):
    relative = graph.add("Div", spectra, graph.add("Unsqueeze", _never_zero(graph, maximum), graph.constant([3])))
    floor = graph.constant(np.float32(10**-LOG_DECADES))
    natural = graph.add("Log", graph.add("Max", relative, floor))
    scaled = graph.add("Mul", natural, graph.constant(np.float32(1 / (np.log(10) * LOG_DECADES))))
    return graph.add("Add", scaled, graph.constant(np.float32(1)))


def _divided(graph, hidden, maximum):
    """Divide by the maxima of the windows; where features reach further than windows, leave out what is beyond."""
    windows = graph.add("Slice", graph.add("Shape", maximum), *(graph.constant([k]) for k in (2, 3)))
    hidden = graph.add("Slice", hidden, graph.constant([0]), windows, graph.constant([2]))
    return graph.add("Div", hidden, _never_zero(graph, maximum))


def _never_zero(graph, maximum):
    return graph.add("Max", maximum, graph.constant(np.float32(TINY)))


def _is_log(part):
    return part.kind == "spectrum" and part.spectrum.amplitude == "log"


_PARTS = {"waveform": _waveform, "spectrum": _spectrum}
