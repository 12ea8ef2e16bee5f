"""The dataset on disk, in SeisBench's layout: a folder with metadata.csv and waveforms.hdf5.

Layout (Woollam et al. 2022, Seismological Research Letters 93, 1695-1709, and the SeisBench documentation)
    ``/data`` holds arrays of many traces ("buckets") of shape (traces, components, samples). The column trace_name
    says where a trace is: ``bucket0$17,:3,:4160`` is entry 17 of bucket0, 3 components, 4160 samples; a name without
    ``$`` is an array of its own. ``/data_format`` holds one scalar each for component_order, dimension_order,
    sampling_rate, measurement, unit and instrument_response. The columns are those of `tremorlab.dataset.layout`.

`write` and `build` make a dataset, `open` reads it.
"""

import shutil
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from tremorlab import __version__
from tremorlab.dataset.layout import METADATA, WAVEFORMS, reported, to_metadata
from tremorlab.dataset.reader import Dataset, open
from tremorlab.dataset.windows import station_days
from tremorlab.errors import DatasetError
from tremorlab.study import Study
from tremorlab.waveform.sources import Source

__all__ = ["BUCKET", "Dataset", "Writer", "build", "open", "write"]

#: Traces in one array of the HDF5 file: 13 MB of three components, which is what the writer holds in memory.
BUCKET = 256

#: Output of the preparation -> what the samples measure, their unit, and whether the response is in them.
_PHYSICS = {
    "counts": ("unknown", "counts", "not restituted"),
    "velocity": ("velocity", "mps", "restituted"),
    "displacement": ("displacement", "m", "restituted"),
    "acceleration": ("acceleration", "mps2", "restituted"),
}


def write(path: str | Path, waveforms: np.ndarray, windows: pd.DataFrame, **options) -> None:
    """Write windows that are in memory as a dataset.

    Parameters
    ----------
    path, options
        As for `Writer`: study, sampling_rate_hz, components, and where needed output and overwrite.
    waveforms
        float32 (windows, components, samples), as in `tremorlab.dataset.windows.Cut`.
    windows
        One row a window, with the columns of `tremorlab.dataset.windows.COLUMNS`; others are kept, "split" among them.

    Raises
    ------
    DatasetError
        As `Writer`.
    """
    with Writer(path, **options) as writer:
        writer.add(waveforms, windows)


def build(
    path: str | Path,
    plan: pd.DataFrame,
    source: Source,
    study: Study,
    *,
    progress: bool = False,
    overwrite: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cut the windows of a plan and write them as they come, with one station-day in memory at a time.

    Parameters
    ----------
    path, overwrite
        As for `Writer`.
    plan, source, study, progress
        As for `tremorlab.dataset.windows.cut`.

    Returns
    -------
    skipped, flags : pandas.DataFrame
        As in `tremorlab.dataset.windows.Cut`; also in skipped.csv and flags.csv in the folder of the dataset.

    Raises
    ------
    DatasetError
        As `Writer` and `tremorlab.dataset.windows.cut`; or no window of the plan could be cut.
    """
    reports = {"skipped": [], "flags": []}
    with Writer(
        path,
        study=study.name,
        sampling_rate_hz=study.preparation.sampling_rate_hz,
        components=study.components,
        output=study.preparation.output,
        overwrite=overwrite,
    ) as writer:
        for part in station_days(plan, source, study, progress=progress):
            writer.add(part.waveforms, part.windows)
            for name, tables in reports.items():
                tables.append(getattr(part, name))
        skipped, flags = (pd.concat(tables or [pd.DataFrame()], ignore_index=True) for tables in reports.values())
        if not len(writer):
            reason = f"; the first was skipped because {skipped['reason'][0]}" if len(skipped) else ""
            raise DatasetError(path, f"none of {len(plan)} windows could be cut{reason}", "Check plan and source")
        skipped.to_csv(writer.folder / "skipped.csv", index=False)
        flags.to_csv(writer.folder / "flags.csv", index=False)
    return skipped, flags


class Writer:
    """Write a dataset bit by bit; it appears under its name when the ``with`` block ends without an error.

    Parameters
    ----------
    path
        Folder to be made.
    study
        Name of the study.
    sampling_rate_hz, components
        Sampling rate, and component codes in the order of the arrays.
    output
        What the samples are: "counts", or "velocity", "displacement" or "acceleration" in SI units.
    overwrite
        Replace a dataset of that name; anything else is never replaced.

    Raises
    ------
    DatasetError
        The folder exists or cannot be written; shapes or columns do not fit; a sample is NaN or infinite; a window
        occurs twice; there is no window. Nothing is left behind.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        study: str,
        sampling_rate_hz: float,
        components: str,
        output: str = "counts",
        overwrite: bool = False,
    ):
        self.path = Path(path)
        self._study, self._rate_hz, self._components = study, float(sampling_rate_hz), components
        self._physics, self._overwrite = _PHYSICS[output], overwrite
        self._metadata: list[pd.DataFrame] = []
        self._bucket: np.ndarray | None = None
        self._count = 0

    def __len__(self) -> int:
        """Windows added so far."""
        return self._count

    def __enter__(self):
        is_dataset = (self.path / METADATA).exists() and (self.path / WAVEFORMS).exists()
        if self.path.exists() and not (self._overwrite and is_dataset):
            raise DatasetError(
                self.path,
                "exists already" if is_dataset else "exists and is not a dataset",
                "Choose another name, or give overwrite=True to replace a dataset",
            )
        with reported(self.path, "cannot be written", "Choose a folder that you may write to"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.folder = Path(tempfile.mkdtemp(prefix=f".{self.path.name}.", dir=self.path.parent))
            self.folder.chmod(0o755)  # mkdtemp makes it private
            self._file = h5py.File(self.folder / WAVEFORMS, "w")
        return self

    def add(self, waveforms: np.ndarray, windows: pd.DataFrame) -> None:
        """Append windows: waveforms (windows, components, samples), and one row each."""
        waveforms = np.asarray(waveforms)
        samples = ((0, *waveforms.shape) if self._bucket is None else self._bucket.shape)[-1]
        expected = (len(windows), len(self._components), samples)
        if waveforms.shape != expected:
            raise DatasetError(
                self.path,
                f"waveforms of shape {waveforms.shape} for {len(windows)} windows of components {self._components}",
                f"Give shape {expected}",
            )
        if not len(windows):
            return
        metadata = to_metadata(windows, samples, self._rate_hz, self.path)
        for row in np.flatnonzero(~np.isfinite(waveforms).all(axis=(1, 2))):
            window_id = windows["window_id"].iloc[row]
            raise DatasetError(f"{self.path}, window {window_id}", "has NaN or infinite samples", "Leave it out")
        position = np.arange(self._count, self._count + len(windows))
        size = f":{expected[1]},:{samples}"
        metadata.insert(0, "trace_name", [f"bucket{n // BUCKET}${n % BUCKET},{size}" for n in position])
        self._metadata.append(metadata)
        if self._bucket is None:
            self._bucket = np.empty((BUCKET, *expected[1:]), np.float32)
        while len(waveforms):
            entry = self._count % BUCKET
            part, waveforms = waveforms[: BUCKET - entry], waveforms[BUCKET - entry :]
            self._bucket[entry : entry + len(part)] = part
            self._count += len(part)
            if self._count % BUCKET == 0:
                self._flush(BUCKET)

    def _flush(self, entries):
        with reported(self.path, "cannot be written", "Is the disk full?"):
            self._file[f"data/bucket{(self._count - 1) // BUCKET}"] = self._bucket[:entries]

    def __exit__(self, kind, error, traceback):
        try:
            if kind is None:
                self._finish()
        finally:
            self._file.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _finish(self):
        if not self._count:
            raise DatasetError(self.path, "there is no window to write", "Add at least one")
        metadata = pd.concat(self._metadata, ignore_index=True)
        ids = metadata["trace_name_original"]
        for row in metadata.index[ids.duplicated()]:
            raise DatasetError(f"{self.path}, window {ids[row]}", "occurs twice", "Leave one of them out")
        if self._count % BUCKET:
            self._flush(self._count % BUCKET)
        measurement, unit, response = self._physics
        formats = {
            "component_order": self._components,
            "dimension_order": "CW",
            "sampling_rate": self._rate_hz,
            "measurement": measurement,
            "unit": unit,
            "instrument_response": response,
        }
        with reported(self.path, "cannot be written", "Is the disk full?"):
            for name, value in formats.items():
                self._file[f"data_format/{name}"] = value
            self._file.attrs.update(study=self._study, traces=self._count, written_by=f"tremorlab {__version__}")
            self._file.close()
            metadata.to_csv(self.folder / METADATA, index=False)
            replaced = self.folder.with_name(f"{self.folder.name}.replaced")
            if self.path.exists():
                self.path.rename(replaced)
            self.folder.rename(self.path)
            shutil.rmtree(replaced, ignore_errors=True)
