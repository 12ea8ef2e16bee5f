"""Columns of a stored dataset: ours on one side, SeisBench's metadata.csv on the other.

Columns have SeisBench's names where these exist. The onset of the catalogue is in trace_onset_sample, not in
trace_p_arrival_sample: tremor has no P arrival, and the onset of an event that names no station is its origin time.
The split "validation" is SeisBench's "dev". Columns that a plan has beyond ours are kept under their own names.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from tremorlab.dataset.planning import COLUMNS
from tremorlab.errors import DatasetError

METADATA, WAVEFORMS = "metadata.csv", "waveforms.hdf5"

#: Our column -> the column of metadata.csv with the same content; the last two follow SeisBench's prefixes.
_SAME = {
    "window_id": "trace_name_original",
    "event_id": "source_id",
    "event_class": "source_type",
    "source": "source_author",
    "reliability": "source_reliability",
}
_CODES = ["station_network_code", "station_code", "station_location_code", "station_channels"]
_TEXT = [*_SAME.values(), *_CODES, "trace_name", "trace_channel", "trace_component_order", "split"]
_NUMBERS = ["trace_sampling_rate_hz", "trace_dt_s", "trace_npts", "trace_margin_samples", "trace_onset_sample"]
_SPLITS = {"validation": "dev"}
#: What h5py raises, as the damaged place suggests to it.
_HDF5 = (OSError, KeyError, RuntimeError, ValueError, TypeError, OverflowError)

#: Numbers of the table: positions, counts, rates. More is damage, and overflows.
_LARGEST = 1e9

#: First and last time that nanoseconds since 1970 reach.
_TIMES = (pd.Timestamp.min.ceil("s").tz_localize("UTC"), pd.Timestamp.max.floor("s").tz_localize("UTC"))
_REFERENCE = r"^(?P<array>[^$]+)(?:\$(?P<entry>\d+)(?:,:(?P<rows>\d*),:(?P<columns>\d*))?)?$"


@contextmanager
def reported(
    where: object, problem: str, remedy: str, kinds: type[Exception] | tuple[type[Exception], ...] = _HDF5
) -> Iterator[None]:
    """Turn what the operating system or HDF5 says into a `DatasetError`."""
    try:
        yield
    except kinds as error:
        raise DatasetError(where, f"{problem}: {getattr(error, 'strerror', '') or error}", remedy) from error


def to_metadata(windows: pd.DataFrame, samples: int, rate_hz: float, where: object) -> pd.DataFrame:
    """Turn the windows of a plan, whose waveforms have ``samples`` samples, into rows of metadata.csv.

    Raises
    ------
    DatasetError
        A column is missing, or the samples are not a window with the same margin at both ends.
    """
    if missing := [name for name in COLUMNS if name not in windows.columns]:
        raise DatasetError(where, f"column(s) {', '.join(missing)} missing in the windows", "Use dataset.windows.plan")
    inside = np.rint((windows["end"] - windows["start"]).dt.total_seconds().to_numpy() * rate_hz)
    margin = (samples - inside) / 2
    for row in np.flatnonzero((margin < 0) | (margin % 1 != 0)):
        raise DatasetError(
            f"{where}, window {windows['window_id'].iloc[row]}",
            f"{samples} samples are not its {inside[row]:g} with the same margin at both ends",
            "Give the waveforms and windows as dataset.windows.cut made them",
        )
    for row in np.flatnonzero(windows["seed_id"].str.count(r"\.") != 3):
        raise DatasetError(
            f"{where}, window {windows['window_id'].iloc[row]}",
            f"seed_id {windows['seed_id'].iloc[row]!r} is not NET.STA.LOC.CHA",
            "Write four codes with three dots",
        )
    codes = windows["seed_id"].str.split(".", expand=True).set_axis(_CODES, axis=1)
    starts = windows["start"] - pd.to_timedelta(margin / rate_hz, unit="s")
    metadata = windows.drop(columns=["station", "seed_id", "start", "end", "onset_s"]).rename(columns=_SAME)
    metadata = metadata.assign(
        **codes,
        trace_channel=codes["station_channels"].str[:-1],
        trace_start_time=[time.isoformat().replace("+00:00", "Z") for time in starts],
        trace_sampling_rate_hz=float(rate_hz),
        trace_npts=samples,
        trace_margin_samples=margin.astype(int),
        trace_onset_sample=windows["onset_s"] * rate_hz + margin,
    )
    if "split" in metadata:
        metadata["split"] = metadata["split"].replace(_SPLITS)
    return metadata


def read_metadata(path: Path) -> pd.DataFrame:
    """Read a metadata.csv; codes stay text (a network may be called NA), and empty text is "".

    Raises
    ------
    DatasetError
        The file is missing, is not CSV, has no trace_name, or a number or time that is none; names file and row.
    """
    try:
        with reported(path, "cannot be read", "A dataset has it beside its waveforms", OSError):
            table = pd.read_csv(
                path, dtype=dict.fromkeys(_TEXT, "str"), keep_default_na=False, na_values=[""], low_memory=False
            )
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DatasetError(path, f"is not CSV: {error}", "Write the dataset again") from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes the first of too many fields for names of the rows
        raise DatasetError(path, "has rows with more fields than the header", "Write the dataset again")
    if "trace_name" not in table:
        raise DatasetError(
            path, f"column trace_name missing; found {', '.join(map(str, table.columns))}", "Write the dataset again"
        )
    for name in set(_TEXT) & set(table.columns):
        table[name] = table[name].fillna("").astype("str")
    for name in set(_NUMBERS) & set(table.columns):
        try:
            numbers = pd.to_numeric(table[name], errors="coerce")
        except OverflowError:  # a whole number of hundreds of digits
            numbers = table[name].map(_float, na_action="ignore").astype("float64")
        for row in table.index[~(numbers.abs() <= _LARGEST) & table[name].notna()]:
            raise DatasetError(
                f"{path}, row {row + 2}",
                f"{name} {str(table[name][row])!r} is not a number up to {_LARGEST:g}",
                "Correct it",
            )
        table[name] = numbers
    if "trace_start_time" in table:
        times = pd.to_datetime(table["trace_start_time"], format="ISO8601", utc=True, errors="coerce")
        times = times.where(times.between(*_TIMES))
        for row in table.index[times.isna() & table["trace_start_time"].notna()]:
            raise DatasetError(
                f"{path}, row {row + 2}",
                f"trace_start_time {table['trace_start_time'][row]!r} is not a time",
                "Write ISO 8601 in UTC",
            )
        table["trace_start_time"] = times.dt.as_unit("ns")
    return table


def _float(value):
    try:
        return float(str(value))
    except ValueError:
        return np.nan


def to_windows(metadata: pd.DataFrame, samples: np.ndarray, rate_hz: float) -> pd.DataFrame:
    """Turn rows of metadata.csv into our columns, followed by those that have no counterpart.

    Datasets of other origin lack some: text is then empty, times are missing, the class is SeisBench's source_type, and
    the onset is trace_p_arrival_sample.
    """
    missing = pd.Series(np.nan, index=metadata.index)
    text = {name: metadata.get(name, pd.Series("", index=metadata.index, dtype="str")) for name in _TEXT}
    margin = metadata.get("trace_margin_samples", missing).fillna(0)
    onset = metadata.get("trace_onset_sample", metadata.get("trace_p_arrival_sample", missing))
    start = metadata.get("trace_start_time", pd.Series(pd.NaT, index=metadata.index, dtype="datetime64[ns, UTC]"))
    start = start + _seconds(margin / rate_hz)
    channels = text["station_channels"].where(text["station_channels"] != "", text["trace_channel"] + "?")
    codes = [text[name] for name in _CODES[:3]] + [channels]
    original = text["trace_name_original"]
    windows = pd.DataFrame({ours: text[theirs] for ours, theirs in _SAME.items()})
    windows["window_id"] = original.where(original != "", text["trace_name"])
    windows["station"] = codes[0] + "." + codes[1]
    windows["seed_id"] = windows["station"] + "." + codes[2] + "." + codes[3]
    windows["start"] = start
    windows["end"] = start + _seconds((samples - 2 * margin) / rate_hz)
    windows["onset_s"] = (onset - margin) / rate_hz
    if "split" in metadata:
        windows["split"] = metadata["split"].replace({theirs: ours for ours, theirs in _SPLITS.items()})
    used = {*_TEXT, *_NUMBERS, "trace_start_time"}
    rest = metadata[[name for name in metadata if name not in used and name not in windows]]
    return pd.concat([windows[[*COLUMNS, *windows.columns.difference(list(COLUMNS))]], rest], axis=1)


def references(trace_names: pd.Series) -> pd.DataFrame:
    """Split trace names into array, entry, rows and columns; entry is -1 for an array of its own, limits -1 where open.

    A name that is no reference has an empty array name.
    """
    parts = trace_names.astype("str").str.extract(_REFERENCE)
    parts["array"] = parts["array"].fillna("")
    numbers = ["entry", "rows", "columns"]
    parts[numbers] = parts[numbers].replace("", np.nan).fillna("-1").astype("int64")
    return parts


def _seconds(values):
    return pd.to_timedelta((values * 1e9).round().astype("int64"), unit="ns")
