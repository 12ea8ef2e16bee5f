"""Collections of windowed records with a table: STEAD and SeisBench (HDF5 + CSV), NCEDC (npz + CSV).

A collection holds thousands of short records, each with a row of a CSV that says where and when it was recorded. Here
every row becomes obspy traces with SEED codes and UTC times, so that the windows go the same way as continuous records.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from obspy import Trace, UTCDateTime

from tremorlab import untrusted
from tremorlab.errors import WaveformError

#: File names that end like this are collections.
SUFFIXES = (".hdf5", ".h5", ".npz")

# Own name -> column, by layout. STEAD: Mousavi et al. (2019), 60 s at 100 Hz in the order E, N, Z.
_LAYOUTS = {
    "SeisBench": {
        "name": "trace_name",
        "network": "station_network_code",
        "station": "station_code",
        "band": "trace_channel",
        "start": "trace_start_time",
    },
    "STEAD": {
        "name": "trace_name",
        "network": "network_code",
        "station": "receiver_code",
        "band": "receiver_type",
        "start": "trace_start_time",
    },
    "NCEDC": {"name": "source_file", "network": "network", "station": "station", "channels": "channels"},
}
#: Longest record of a collection, which are minutes long, and times that leave room for it within nanoseconds' reach.
_LONGEST_S = 10 * 86_400
_TIMES = tuple(pd.Timestamp(f"{year}-01-01", tz="UTC") for year in (1700, 2260))
_STEAD_RATE_HZ, _STEAD_SHAPE = 100.0, (6000, 3)
_PICKS = {"p_sample": ("p_sample", "p_arrival_sample", "trace_p_arrival_sample"),
          "s_sample": ("s_sample", "s_arrival_sample", "trace_s_arrival_sample")}  # fmt: skip


class Collection:
    """One file of windowed records and its table.

    Parameters
    ----------
    path
        ``*.hdf5`` or ``*.npz``. The table is a CSV beside it: of the same name, with "metadata" in place of
        "waveforms", or without the sampling rate at the end (``ncedc_waveforms.csv`` for
        ``ncedc_waveforms_100hz.npz``).

    Attributes
    ----------
    table : pandas.DataFrame
        One row a record: name, network, station, location, channels (codes with spaces between), order (components as
        stored), start and end (UTC), sampling_rate_hz, samples, p_sample and s_sample (NaN where not picked).
        For NCEDC the start is the time in the name of the source file.

    Raises
    ------
    WaveformError
        The file or its table is missing, damaged or of an unknown layout; names the file and the row.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not self.path.is_file():
            raise WaveformError(self.path, "no such file", "Check the name of the file")
        self._csv = _csv_beside(self.path)
        self._rows = _read_csv(self._csv)
        self._array = None
        if self.path.suffix == ".npz":
            self._layout = "NCEDC"
            self.table = self._npz_table()
        else:
            untrusted.heaps(self.path, WaveformError)
            self._layout = "SeisBench" if "station_code" in self._rows else "STEAD"
            self.table = self._hdf5_table()
        length_s = (self.table["samples"] - 1) / self.table["sampling_rate_hz"]
        for row in np.flatnonzero(~(length_s <= _LONGEST_S)):
            self._fail(f"a record of {length_s.iloc[row]:g} s is longer than {_LONGEST_S}", "Correct the rate", row=row)
        self.table["end"] = self.table["start"] + pd.to_timedelta(length_s, unit="s")
        self._stations = self.table["network"] + "." + self.table["station"] + "." + self.table["location"]

    def read(self, seed_id: str, start: UTCDateTime, end: UTCDateTime) -> list[Trace]:
        """Whole records that match ``seed_id`` and touch [start, end], in the order of the table.

        Raises
        ------
        WaveformError
            A record of the table is not in the file, or has another shape.
        """
        station, channel = seed_id.rsplit(".", 1)
        wanted = [name for name in self._stations.unique() if fnmatchcase(name, station)]
        first, last = (pd.Timestamp(time.ns, unit="ns", tz="UTC") for time in (start, end))
        hits = self._stations.isin(wanted) & (self.table["start"] <= last) & (self.table["end"] >= first)
        traces = []
        for number in np.flatnonzero(hits):
            row = self.table.iloc[number]
            codes = [code for code in row["channels"].split() if fnmatchcase(code, channel)]
            if codes:
                samples = self._samples(number, row)
                traces += [_trace(row, code, samples[row["order"].index(code[-1])]) for code in codes]
        return traces

    def _fail(self, problem: str, remedy: str, cause: Exception | None = None, row: int | None = None):
        where = self.path if row is None else f"{self._csv}, row {row + 2}"
        raise WaveformError(where, problem, remedy) from cause

    def _columns(self) -> pd.DataFrame:
        """The columns that every layout has, under their own names."""
        columns = _LAYOUTS[self._layout]
        missing = [column for column in columns.values() if column not in self._rows]
        if missing:
            raise WaveformError(
                self._csv,
                f"column(s) {', '.join(missing)} missing; found {', '.join(map(str, self._rows.columns))}",
                f"A {self._layout} table has {', '.join(columns.values())}",
            )
        table = pd.DataFrame({own: self._rows[column] for own, column in columns.items()})
        lower = {column.lower(): column for column in self._rows}
        for own, names in _PICKS.items():
            found = next((lower[name] for name in names if name in lower), None)
            table[own] = np.nan if found is None else pd.to_numeric(self._rows[found], errors="coerce")
        return table

    def _starts(self, texts: pd.Series, form: str) -> pd.Series:
        starts = pd.to_datetime(texts, utc=True, errors="coerce", format=form)
        starts = starts.where(starts.between(*_TIMES))
        for row in np.flatnonzero(starts.isna()):
            self._fail(f"start {texts.iloc[row]!r} is not a time", "Write ISO 8601 in UTC", row=row)
        return starts.astype("datetime64[ns, UTC]")

    def _npz_table(self) -> pd.DataFrame:
        table = self._columns()
        rate = re.search(r"_(\d+)hz$", self.path.stem)
        if rate is None:
            self._fail("the name does not end with the sampling rate", "Name it like waveforms_100hz.npz")
        try:
            with np.load(self.path, allow_pickle=False) as arrays:
                self._array, order = arrays["data"], "".join(arrays["columns"].astype(str))
        except Exception as error:  # numpy passes on what zipfile, zlib and tokenize raise
            self._fail(f"cannot be read: {error}", "It needs arrays named data and columns; get the file again", error)
        if self._array.ndim != 3 or self._array.shape[::2] != (len(table), len(order)):
            self._fail(
                f"data has shape {self._array.shape}, not ({len(table)}, samples, {len(order)})",
                f"It needs one record for each row of {self._csv.name}",
            )
        table["location"] = ""
        table["channels"] = table["channels"].str.replace("_", " ")
        table["order"] = order
        for row, codes in enumerate(table["channels"].str.split()):
            for code in codes:
                if code[-1] not in order:
                    self._fail(f"channel {code!r} is not one of the components {order}", "Correct the table", row=row)
        digits = table["name"].str.extract(r"_(\d{14})(\d{2})")
        table["start"] = self._starts(digits[0] + "." + digits[1], "%Y%m%d%H%M%S.%f")
        table["sampling_rate_hz"] = float(rate[1])
        table["samples"] = self._array.shape[1]
        return table

    def _hdf5_table(self) -> pd.DataFrame:
        table = self._columns()
        table["start"] = self._starts(table["start"], "ISO8601")
        if self._layout == "STEAD":
            table["location"], table["order"], self._dimensions = "", "ENZ", "WC"
            table["sampling_rate_hz"], table["samples"] = _STEAD_RATE_HZ, _STEAD_SHAPE[0]
        else:
            table["location"] = self._rows.get("station_location_code", pd.Series("", index=table.index))
            with self._open() as file:
                table["order"] = self._given(file, "trace_component_order", "component_order")
                rates = self._given(file, "trace_sampling_rate_hz", "sampling_rate")
                self._dimensions = _text(file["data_format/dimension_order"][()])
                time = self._dimensions.index("W")
                table["samples"] = [self._part(file, row)[2][time] for row in range(len(table))]
            table["sampling_rate_hz"] = pd.to_numeric(rates, errors="coerce")
            for row in np.flatnonzero(~(table["sampling_rate_hz"] > 0)):
                self._fail(f"sampling rate {rates.iloc[row]!r} is not above 0", "Correct the table", row=row)
        pairs = zip(table.pop("band"), table["order"], strict=True)
        table["channels"] = [" ".join(band + component for component in order) for band, order in pairs]
        return table

    def _given(self, file: h5py.File, column: str, key: str) -> pd.Series:
        """A property of every record: from the table, else from the file's data_format group."""
        if column in self._rows:
            return self._rows[column]
        return pd.Series(_text(file[f"data_format/{key}"][()]), index=self._rows.index)

    @contextmanager
    def _open(self) -> Iterator[h5py.File]:
        try:
            with h5py.File(self.path, "r") as file:
                yield file
        except WaveformError:
            raise
        except Exception as error:  # h5py raises what the damaged place suggests to it
            self._fail(f"cannot be read: {error}", "Get the file and its table again, from the same place", error)

    def _part(self, file: h5py.File, row: int) -> tuple[h5py.Dataset, tuple, tuple[int, ...]]:
        """Dataset, index into it and shape of a record; SeisBench writes ``bucket$3,:3,:6000`` for part of a block."""
        name = self._rows["trace_name"].iloc[row]
        block, _, place = name.partition("$")
        keys = [f"data/{block}"]
        if "trace_category" in self._rows:  # excerpts of STEAD keep earthquake/local/NAME
            keys.append(f"{self._rows['trace_category'].iloc[row].replace('_', '/')}/{block}")
        dataset = next((file[key] for key in keys if key in file), None)
        if dataset is None:
            self._fail(f"record {name!r} is not in {self.path.name}", "Get both from the same place", row=row)
        if untrusted.is_elsewhere(dataset, file):
            self._fail(f"record {name!r} is in another file than {self.path.name}", "Do not open it", row=row)
        items = [item for item in place.split(",") if item]
        index = tuple(slice(int(item[1:])) if item.startswith(":") else int(item) for item in items)
        return dataset, index, np.broadcast_to(0, dataset.shape)[index].shape

    def _samples(self, number: int, row: pd.Series) -> np.ndarray:
        """One record as (components, samples)."""
        if self._layout == "NCEDC":
            return self._array[number].T
        with self._open() as file:
            dataset, index, shape = self._part(file, number)
            if self._layout == "STEAD" and shape != _STEAD_SHAPE:
                self._fail(f"record {row['name']!r} has shape {shape}, not {_STEAD_SHAPE}", "Get the file again")
            samples = dataset[index]
        return samples.T if self._dimensions == "WC" else samples


def _text(value: object) -> str:
    """Text as h5py gives it: bytes, a number, or an array of letters."""
    if isinstance(value, np.ndarray):
        return "".join(_text(item) for item in value)
    return value.decode() if isinstance(value, bytes) else str(value)


def _trace(row: pd.Series, code: str, samples: np.ndarray) -> Trace:
    return Trace(
        np.ascontiguousarray(samples),
        {
            "network": row["network"],
            "station": row["station"],
            "location": row["location"],
            "channel": code,
            "starttime": UTCDateTime(ns=row["start"].value),
            "sampling_rate": row["sampling_rate_hz"],
        },
    )


def _csv_beside(path: Path) -> Path:
    names = [path.stem, path.stem.replace("waveforms", "metadata"), re.sub(r"_\d+hz$", "", path.stem)]
    for name in names:
        if (csv := path.with_name(f"{name}.csv")).is_file():
            return csv
    raise WaveformError(
        path, f"has no table beside it: looked for {', '.join(f'{name}.csv' for name in dict.fromkeys(names))}",
        "Put the CSV of the collection into the same folder",
    )  # fmt: skip


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        # As text: "NA" is a network, 00 a location.
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:  # UnicodeDecodeError and EmptyDataError are ValueErrors
        raise WaveformError(path, f"is not a table: {error}", "Get the file again") from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes the first of too many fields for names of the rows
        raise WaveformError(path, "has rows with more fields than the header", "Get the file again")
    return table
