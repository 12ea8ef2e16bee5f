"""Runs an exported network on prepared records, with onnxruntime and without TensorFlow."""

from functools import cached_property
from math import gcd
from pathlib import Path

import numpy as np
import onnxruntime
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from tremorlab.errors import ModelError
from tremorlab.study import Preparation

#: Name of an exported network in its model folder.
FILE = "detector.onnx"

#: Key of the description in the ONNX file.
METADATA = "tremorlab"

#: Windows that are evaluated at a time where nothing is shared.
_BATCH = 64

#: Samples of record that go through the convolutions at a time: 512 windows 10.24 s apart.
_CHUNK = 135_168


class About(BaseModel):
    """What has to be known of an exported network to run it; kept inside the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    classes: list[str] = Field(min_length=2, description="in the order of the probabilities")
    components: str = Field(min_length=1, description="component codes in the order of the input")
    preparation: Preparation = Field(description="what has to be done to a record before")
    samples: PositiveInt = Field(description="of a window, with the margins of the running spectrum")
    window_samples: PositiveInt = Field(description="of a window without margins")
    step_samples: PositiveInt = Field(description="between the windows of a record that the graph evaluates")
    shared: bool = Field(description="reads records of any length; otherwise single windows")
    weights: str = Field(description="SHA-256 of the network that it was made from")
    version: str = Field(description="of tremorlab, which made it")

    @property
    def margin_samples(self) -> int:
        """Samples before and after the window proper."""
        return (self.samples - self.window_samples) // 2


class Detector:
    """An exported network.

    Parameters
    ----------
    path
        A file that `tremorlab.detect.export.export` wrote, or the model folder that holds it.
    threads
        Threads of the network; one a process is best where several station-days are at hand.

    Raises
    ------
    ModelError
        The file is missing, damaged, or was not written by `tremorlab.detect.export`.
    """

    def __init__(self, path: str | Path, threads: int = 1):
        path, self._threads = Path(path), threads
        self.path = path / FILE if path.is_dir() else path
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        # Threads that wait in a loop take the processor from other work.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            content = self.path.read_bytes()
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            self.about = About.model_validate_json(
                self._session.get_modelmeta().custom_metadata_map.get(METADATA, "{}")
            )
        except OSError as error:
            raise ModelError(self.path, f"cannot be read: {error.strerror}", _AGAIN) from error
        except ValidationError as error:
            raise ModelError(self.path, "does not say what it is", _AGAIN) from error
        except Exception as error:  # onnxruntime has a class of its own for each of its failures
            raise ModelError(self.path, f"is no ONNX file: {(str(error).splitlines() or [''])[0]}", _AGAIN) from error
        if self.about.preparation.inventory:
            problem = f"preparation.inventory names a file, {self.about.preparation.inventory[:200]!r}"
            raise ModelError(self.path, problem, "Station metadata are the user's: write it again with an empty one")

    def __reduce__(self):
        return type(self), (self.path, self._threads)

    @cached_property
    def step_s(self) -> float:
        """Seconds between windows that are evaluated at the least cost."""
        return self.about.step_samples / self.about.preparation.sampling_rate_hz

    def windows(self, waveforms: np.ndarray) -> np.ndarray:
        """Probabilities of single windows.

        Parameters
        ----------
        waveforms
            (windows, components, samples) with margins, in any unit.

        Returns
        -------
        numpy.ndarray of float32, (windows, classes)

        Raises
        ------
        ModelError
            The shape is another.
        """
        waveforms = np.asarray(waveforms, np.float32)
        shape = (len(self.about.components), self.about.samples)
        if waveforms.ndim != 3 or waveforms.shape[1:] != shape:
            raise ModelError(f"windows of shape {waveforms.shape}", f"are not (windows, {shape[0]}, {shape[1]})", _WANT)
        parts = [self._run(waveforms[k : k + _BATCH], 1)[:, 0] for k in range(0, len(waveforms), _BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.about.classes)), np.float32)

    def record(self, data: np.ndarray, step: int | None = None) -> np.ndarray:
        """Probabilities of all windows of a record.

        Parameters
        ----------
        data
            (components, samples), prepared, in any unit. Window k is ``data[:, k step : k step + about.samples]``.
        step
            Samples between windows; the exported step and its multiples cost least, a fraction n of it costs n times
            as much.

        Returns
        -------
        numpy.ndarray of float32, (windows, classes)
            No window where the record is shorter than one.

        Raises
        ------
        ModelError
            Another number of components, or a step that is not positive.
        """
        about, data = self.about, np.asarray(data, np.float32)
        step = about.step_samples if step is None else step
        if data.ndim != 2 or len(data) != len(about.components):
            raise ModelError(f"record of shape {data.shape}", f"is not ({len(about.components)}, samples)", _WANT)
        if step < 1:
            raise ModelError("step", f"{step} samples", "Give one or more")
        count = max(0, (data.shape[1] - about.samples) // step + 1)
        answers = np.empty((count, len(about.classes)), np.float32)
        if not count:
            return answers
        if not about.shared:
            views = np.lib.stride_tricks.sliding_window_view(data, about.samples, axis=1)[:, ::step].transpose(1, 0, 2)
            for first in range(0, count, _BATCH):
                answers[first : first + _BATCH] = self.windows(views[first : first + _BATCH])
            return answers
        # Passes over the record, each with windows at the exported step, that together meet every window wanted.
        apart = gcd(step, about.step_samples)
        for offset in range(0, about.step_samples, apart):
            wanted = np.arange(count) * step - offset
            hit = wanted % about.step_samples == 0
            if hit.any():
                answers[hit] = self._shared(data[:, offset:])[wanted[hit] // about.step_samples]
        return answers

    def _shared(self, data):
        """Probabilities at the exported step; a chunk begins where the last window of the one before would end."""
        samples, step = self.about.samples, self.about.step_samples
        count = (data.shape[1] - samples) // step + 1
        at_once = max(1, (_CHUNK - samples) // step + 1)
        parts = []
        for first in range(0, count, at_once):
            begin, stop = first * step, (min(first + at_once, count) - 1) * step + samples
            parts.append(self._run(data[np.newaxis, :, begin:stop], min(at_once, count - first))[0])
        return np.concatenate(parts)

    def _run(self, batch, windows):
        """Probabilities of a batch, (batch, windows, classes)."""
        try:
            found = self._session.run(None, {"record": np.ascontiguousarray(batch)})[0]
        except Exception as error:  # onnxruntime has a class of its own for each of its failures
            problem = f"cannot be evaluated: {(str(error).splitlines() or [''])[0]}"
            raise ModelError(self.path, problem, _AGAIN) from error
        if np.shape(found) != (wanted := (len(batch), windows, len(self.about.classes))):
            raise ModelError(self.path, f"answers in shape {np.shape(found)} where {wanted} is due", _AGAIN)
        return found


_AGAIN = "Write it with tremorlab.detect.export.export"
_WANT = "Prepare it with tremorlab.waveform.prepare for the components of the network"
