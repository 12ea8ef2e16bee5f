"""Read a dataset in SeisBench's layout, ours or one that SeisBench's own writer made; see `tremorlab.dataset.store`."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tremorlab import untrusted
from tremorlab.dataset.layout import METADATA, WAVEFORMS, read_metadata, references, reported, to_windows
from tremorlab.errors import DatasetError

_REMEDY = "Write the dataset again, or leave the row out"

#: Sampling rates that a recorder of ground motion can have; with others times overflow.
_RATES_HZ = (1e-4, 1e6)


def open(path: str | Path) -> "Dataset":
    """Open a dataset: the table is read, the waveforms stay in the file until they are indexed.

    Parameters
    ----------
    path
        Folder with metadata.csv and waveforms.hdf5.

    Returns
    -------
    Dataset
        ``with open(path) as dataset: dataset.windows, dataset.waveforms[10:20]``

    Raises
    ------
    DatasetError
        A file is missing, cut off or no CSV or HDF5; a row names an array or an entry that is not there, or of another
        shape; sampling rates differ. The message names the file and the row.
    """
    return Dataset(path)


class Dataset:
    """A dataset that is open for reading; made by `open`, closed by `close` or the end of a ``with`` block.

    Attributes
    ----------
    path : pathlib.Path
    study : str
        Name of the study; "" in a dataset of other origin.
    sampling_rate_hz : float
    components : str
        Component codes in the order of the arrays.
    windows : pandas.DataFrame
        Columns as in `tremorlab.dataset.windows.COLUMNS`, then split and whatever else the table holds.
    waveforms : Waveforms
        Indexed like an array (windows, components, samples); margins of the running spectrum are included.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        metadata = read_metadata(self.path / METADATA)
        hdf5 = self.path / WAVEFORMS
        untrusted.heaps(hdf5, DatasetError)
        with reported(hdf5, "cannot be read as HDF5", "It is missing, cut off or damaged: write the dataset again"):
            self._file = h5py.File(hdf5, "r")
        try:
            with reported(hdf5, "is damaged", "Write the dataset again"):
                self._look(metadata)
            with reported(self.path / METADATA, "times are beyond 1678 to 2262", _REMEDY):
                self.windows = to_windows(metadata, self.waveforms.lengths, self.sampling_rate_hz)
        except BaseException:
            self.close()
            raise

    def _look(self, metadata):
        self.study = str(self._file.attrs.get("study", ""))
        written = self._file.attrs.get("traces", len(metadata))
        if written != len(metadata):
            raise DatasetError(
                self.path / METADATA, f"has {len(metadata)} rows, and {written} traces were written", _REMEDY
            )
        self.sampling_rate_hz = self._rate_hz(metadata)
        self.components = self._format("component_order") or next(iter(_orders(metadata, "")), "")
        self.waveforms = Waveforms(
            self._file,
            metadata["trace_name"],
            _orders(metadata, self.components),
            self.components,
            self._format("dimension_order") or "CW",
        )

    def __len__(self) -> int:
        return len(self.windows)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self.close()

    def close(self) -> None:
        """Close the HDF5 file; the table stays."""
        self._file.close()

    def _format(self, name):
        """A scalar of /data_format as text; a list of component codes is put together."""
        if f"data_format/{name}" not in self._file:
            return ""
        value = self._file[f"data_format/{name}"][()]
        return "".join(item.decode() if isinstance(item, bytes) else str(item) for item in np.ravel(value).tolist())

    def _rate_hz(self, metadata):
        common = self._format("sampling_rate")
        rates = metadata.get("trace_sampling_rate_hz")
        if rates is None:
            rates = 1 / metadata["trace_dt_s"] if "trace_dt_s" in metadata else pd.Series(np.nan, metadata.index)
        rates = rates.fillna(float(common) if common else np.nan)
        for row in rates.index[~rates.between(*_RATES_HZ) | ((rates - rates.iloc[0]).abs() > 1e-4)]:
            raise DatasetError(
                f"{self.path / METADATA}, row {row + 2}",
                f"sampling rate {rates[row]:g} Hz, {rates.iloc[0]:g} Hz in row 2",
                "All windows of a dataset need one known rate: resample them",
            )
        return float(rates.iloc[0]) if len(rates) else float(common or np.nan)


def _orders(metadata, common):
    """Component order of each row: its own, else the common one."""
    if "trace_component_order" not in metadata:
        return pd.Series(common, index=metadata.index, dtype="str")
    own = metadata["trace_component_order"]
    return own.where(own != "", common)


class Waveforms:
    """Waveforms of a dataset, read when they are indexed.

    ``waveforms[3]`` is float32 (components, samples); a slice, a list of positions or a mask gives
    (windows, components, samples), in that order.

    Attributes
    ----------
    lengths : numpy.ndarray
        Samples of each window.

    Raises
    ------
    DatasetError
        Windows of different length are asked for at once; a sample is NaN or infinite; the file is damaged or closed.
    """

    def __init__(self, file: h5py.File, names: pd.Series, orders: pd.Series, components: str, dimensions: str):
        self._file, self._names, self._components = file, names, components
        self._where = Path(file.filename)
        dimensions = dimensions.replace("N", "")
        if dimensions not in ("CW", "WC") or not components:
            raise DatasetError(
                self._where,
                f"dimension_order {dimensions!r} and component_order {components!r} do not say what the samples are",
                "data_format needs CW or WC, and e.g. ZNE",
            )
        self._samples_first = dimensions == "WC"
        self._places = references(names)
        self._orders = orders
        self.lengths = np.zeros(len(names), dtype=int)
        for array, rows in self._places.groupby("array", sort=False):
            self._locate(array, rows)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int | slice | ArrayLike) -> np.ndarray:
        if np.ndim(index) == 0 and not isinstance(index, slice):
            return self._read(np.arange(len(self))[[index]])[0]
        if not isinstance(index, slice):
            index = np.asarray(index, dtype=None if len(index) else int)
        return self._read(np.arange(len(self))[index])

    def _fail(self, row, problem):
        raise DatasetError(f"{self._where.with_name(METADATA)}, row {row + 2}", problem, _REMEDY)

    def _locate(self, array, rows):
        """Check the places of the rows that lie in one array, and note their lengths."""
        first = rows.index[0]
        if not array:
            self._fail(first, f"trace_name {self._names[first]!r} is not like bucket0$17,:3,:4096")
        found = self._file.get(f"data/{array}")
        if not isinstance(found, h5py.Dataset):
            self._fail(first, f"array {array!r} is not in {self._where.name}")
        if untrusted.is_elsewhere(found, self._file):
            self._fail(first, f"array {array!r} is in another file than {self._where.name}")
        if found.size and not found.id.get_storage_size():
            self._fail(first, f"array {array!r} of shape {found.shape} was never written")
        single = (rows["entry"] < 0).to_numpy()
        if found.dtype.kind not in "fiu" or found.ndim != (2 if single.all() else 3) or single.any() != single.all():
            self._fail(first, f"array {array!r} of shape {found.shape} and type {found.dtype} holds no such trace")
        if not single.all():
            for row in rows.index[rows["entry"] >= found.shape[0]]:
                self._fail(row, f"entry {rows['entry'][row]} is beyond the {found.shape[0]} of array {array!r}")
        shape = np.array(found.shape[-2:])
        limits = rows[["rows", "columns"]].to_numpy()
        limits = np.where(limits < 0, shape, limits)
        for position in np.flatnonzero((limits > shape).any(axis=1)):
            self._fail(
                rows.index[position], f"shape {limits[position].tolist()} is beyond {shape.tolist()} of {array!r}"
            )
        counts, lengths = limits.T[::-1] if self._samples_first else limits.T
        for row, count in zip(rows.index, counts, strict=True):
            order = self._orders[row]
            if len(order) != count or set(self._components) - set(order):
                self._fail(row, f"{count} components {order!r}, the dataset's are {self._components!r}")
        self.lengths[rows.index] = lengths

    def _read(self, rows):
        if not self._file:
            raise DatasetError(self._where, "is closed", "Read within the with block")
        lengths = self.lengths[rows]
        length = next(iter(lengths), self.lengths.max(initial=0))
        for position in np.flatnonzero(lengths != length):
            raise DatasetError(
                self._where,
                f"window {rows[position]} has {lengths[position]} samples, window {rows[0]} has {length}",
                "Read windows of different length one by one",
            )
        out = np.empty((len(rows), len(self._components), length), np.float32)
        places = self._places.iloc[rows].reset_index(drop=True)
        for array, members in places.groupby("array", sort=False):
            with reported(self._where, f"array {array!r} cannot be read", "The file is damaged: write it again"):
                traces = _entries(self._file["data"][array], members["entry"].to_numpy())
            for position, trace in zip(members.index, traces, strict=True):
                trace = trace.T if self._samples_first else trace
                order = self._orders.iloc[rows[position]]
                out[position] = trace[[order.index(name) for name in self._components], :length]
        for position in np.flatnonzero(~np.isfinite(out).all(axis=(1, 2))):
            row = rows[position]
            self._fail(row, f"trace {self._names.iloc[row]} has NaN or infinite samples")
        return out


def _entries(array, entries):
    """Traces of an array; in one go where most of a range is wanted."""
    if entries[0] < 0:
        return [array[()]] * len(entries)
    first, last = entries.min(), entries.max() + 1
    if last - first <= 2 * len(entries):
        return array[first:last][entries - first]
    return [array[entry] for entry in entries]
