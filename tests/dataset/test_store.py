"""Datasets on disk: against SeisBench's own reader and writer, and against damaged files."""

import tracemalloc

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.require import needs
from tremorlab import __version__
from tremorlab.dataset import store
from tremorlab.errors import DatasetError

RATE = 25.0
COMPONENTS = "ENZ"
OPTIONS = {"study": "loopback", "sampling_rate_hz": RATE, "components": COMPONENTS}


def windows_table(count, samples=256, prefix="event"):
    """Windows as `tremorlab.dataset.windows.plan` makes them, with splits and a column of the user's own."""
    start = pd.Timestamp("2009-03-20T17:20:19.56Z").as_unit("ns") + pd.to_timedelta(np.arange(count) * 600, unit="s")
    frame = pd.DataFrame(
        {
            "window_id": [f"{prefix}{i}_NA.REF_000" for i in range(count)],
            "event_id": [f"{prefix}{i}" for i in range(count)],
            "event_class": ["vt" if i % 2 else "noise" for i in range(count)],
            "station": "NA.REF",
            "seed_id": "NA.REF.00.EH?",
            "start": start,
            "end": start + pd.Timedelta(samples / RATE, "s"),
            "onset_s": [2.012 if i % 2 else np.nan for i in range(count)],
            "source": "read from the record, by eye",
            "reliability": "high",
            "split": [("train", "validation", "test")[i % 3] for i in range(count)],
            "azimuth": np.arange(count) / 7,
        }
    )
    return frame


def waveforms_of(count, samples=256, margin=32):
    shape = (count, len(COMPONENTS), samples + 2 * margin)
    return np.random.default_rng(count).standard_normal(shape).astype(np.float32)


@pytest.fixture
def dataset(tmp_path):
    """A dataset of 20 windows on disk; tests damage it."""
    store.write(tmp_path / "set", waveforms_of(20), windows_table(20), **OPTIONS)
    return tmp_path / "set"


def refuse(path, match):
    with pytest.raises(DatasetError, match=match):
        store.open(path)


def rewrite(path, change):
    """Edit metadata.csv as a table of text."""
    table = pd.read_csv(path / "metadata.csv", dtype=str, keep_default_na=False)
    change(table).to_csv(path / "metadata.csv", index=False)


# --- our writer and our reader ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 5, 255, 256, 257, 600])
def test_a_dataset_comes_back_as_it_was(tmp_path, count):
    waveforms, windows = waveforms_of(count), windows_table(count)
    store.write(tmp_path / "set", waveforms, windows, **OPTIONS)
    with store.open(tmp_path / "set") as dataset:
        assert (dataset.study, dataset.sampling_rate_hz, dataset.components) == ("loopback", RATE, COMPONENTS)
        assert len(dataset) == len(dataset.waveforms) == count
        np.testing.assert_array_equal(dataset.waveforms[:], waveforms)
        pd.testing.assert_frame_equal(dataset.windows, windows, rtol=1e-12)


@settings(deadline=None, max_examples=10)
@given(sizes=st.lists(st.integers(0, 300), min_size=1, max_size=6).filter(any))
def test_written_bit_by_bit_is_written_at_once(tmp_path_factory, sizes):
    folder = tmp_path_factory.mktemp("bits")
    waveforms, windows = waveforms_of(sum(sizes), 16, 0), windows_table(sum(sizes), 16)
    with store.Writer(folder / "set", **OPTIONS) as writer:
        first = 0
        for size in sizes:
            writer.add(waveforms[first : first + size], windows[first : first + size])
            first += size
            assert len(writer) == first
    with store.open(folder / "set") as dataset:
        np.testing.assert_array_equal(dataset.waveforms[:], waveforms)
        pd.testing.assert_frame_equal(dataset.windows, windows, rtol=1e-12)


@pytest.mark.parametrize(
    "index",
    [7, -1, np.int64(3), slice(4, 12, 3), slice(None), [19, 0, 0, 7], np.arange(20) % 3 == 0, np.array([], dtype=int)],
    ids=str,
)
def test_waveforms_are_indexed_like_an_array(dataset, index):
    with store.open(dataset) as opened:
        np.testing.assert_array_equal(opened.waveforms[index], waveforms_of(20)[index])
        rows = opened.windows.index[opened.windows["split"] == "train"]
        np.testing.assert_array_equal(opened.waveforms[rows], waveforms_of(20)[::3])


def test_waveforms_can_be_walked_through(dataset):
    with store.open(dataset) as opened:
        assert sum(1 for waveform in opened.waveforms if waveform.shape == (3, 320)) == 20


def test_the_table_says_when_the_first_sample_was_taken(dataset):
    table = pd.read_csv(dataset / "metadata.csv")
    start = pd.Timestamp("2009-03-20T17:20:19.56Z")
    assert pd.Timestamp(table["trace_start_time"][0]) == start - pd.Timedelta(32 / RATE, "s")
    assert table["trace_onset_sample"][1] == pytest.approx(32 + 2.012 * RATE)
    assert table["trace_name"][19] == "bucket0$19,:3,:320"
    assert set(table["split"]) == {"train", "dev", "test"}
    with h5py.File(dataset / "waveforms.hdf5") as file:
        assert file["data_format/component_order"][()] == b"ENZ"
        assert file["data_format/dimension_order"][()] == b"CW"
        assert file["data_format/sampling_rate"][()] == RATE
        assert file["data_format/unit"][()] == b"counts"
        assert file["data/bucket0"].dtype == np.float32


def test_an_existing_dataset_is_replaced_only_when_asked(dataset):
    with pytest.raises(DatasetError, match=r"set: exists already\. Choose another name, or give overwrite=True"):
        store.write(dataset, waveforms_of(3), windows_table(3), **OPTIONS)
    store.write(dataset, waveforms_of(3), windows_table(3), **OPTIONS, overwrite=True)
    with store.open(dataset) as opened:
        assert len(opened) == 3
    assert [entry.name for entry in dataset.parent.iterdir()] == ["set"]


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("counts", ("unknown", "counts", "not restituted")),
        ("velocity", ("velocity", "mps", "restituted")),
        ("displacement", ("displacement", "m", "restituted")),
        ("acceleration", ("acceleration", "mps2", "restituted")),
    ],
)
def test_the_file_says_what_the_samples_measure(tmp_path, output, expected):
    store.write(tmp_path / "deep" / "down" / "set", waveforms_of(2), windows_table(2), **OPTIONS, output=output)
    with h5py.File(tmp_path / "deep" / "down" / "set" / "waveforms.hdf5") as file:
        found = tuple(
            file[f"data_format/{name}"][()].decode() for name in ("measurement", "unit", "instrument_response")
        )
        assert found == expected
        assert dict(file.attrs) == {"study": "loopback", "traces": 2, "written_by": f"tremorlab {__version__}"}


def test_others_may_read_a_dataset(dataset):
    assert dataset.stat().st_mode & 0o777 == 0o755


def test_the_table_has_seisbench_s_columns_and_those_of_the_user(dataset):
    table = pd.read_csv(
        dataset / "metadata.csv", dtype={"station_location_code": str, "station_network_code": str}, na_filter=False
    )
    row = table.iloc[1].to_dict()
    start = windows_table(20)["start"][1] - pd.Timedelta(32 / RATE, "s")
    assert pd.Timestamp(row.pop("trace_start_time")) == start
    assert table["trace_start_time"].str.endswith("Z").all()
    assert float(row.pop("trace_onset_sample")) == pytest.approx(32 + 2.012 * RATE)
    assert row == {
        "trace_name": "bucket0$1,:3,:320",
        "trace_name_original": "event1_NA.REF_000",
        "source_id": "event1",
        "source_type": "vt",
        "source_author": "read from the record, by eye",
        "source_reliability": "high",
        "split": "dev",
        "azimuth": pytest.approx(1 / 7),
        "station_network_code": "NA",
        "station_code": "REF",
        "station_location_code": "00",
        "station_channels": "EH?",
        "trace_channel": "EH",
        "trace_sampling_rate_hz": RATE,
        "trace_npts": 320,
        "trace_margin_samples": 32,
    }


@pytest.mark.parametrize(("count", "largest"), [(20, 5_000), (300, 300_000)])
def test_a_full_disk_is_named_and_leaves_nothing_behind(tmp_path, count, largest):
    """As on a full disk, the operating system refuses to make the file larger."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, before[1]))
    try:
        with pytest.raises(DatasetError, match=r"(?s)set: cannot be written: .*File too large.*Is the disk full\?"):
            store.write(tmp_path / "set", waveforms_of(count), windows_table(count), **OPTIONS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


# --- SeisBench's reader and writer -----------------------------------------------------------------------------------


def seisbench_data():
    needs("seisbench")
    import seisbench.data

    return seisbench.data


def test_seisbench_reads_our_dataset(tmp_path):
    seisbench = seisbench_data()
    store.write(tmp_path / "set", waveforms_of(300), windows_table(300), **OPTIONS)
    theirs = seisbench.WaveformDataset(tmp_path / "set", component_order="ENZ", dimension_order="NCW")
    assert len(theirs) == 300
    np.testing.assert_array_equal(theirs.get_waveforms(), waveforms_of(300))
    waveform, metadata = theirs.get_sample(270)
    np.testing.assert_array_equal(waveform, waveforms_of(300)[270])
    assert metadata["trace_sampling_rate_hz"] == RATE
    assert metadata["station_code"] == "REF"
    assert metadata["source_type"] == "noise"
    assert len(theirs.train()) == len(theirs.dev()) == len(theirs.test()) == 100
    turned = seisbench.WaveformDataset(tmp_path / "set", component_order="ZNE")
    np.testing.assert_array_equal(turned.get_waveforms([2]), waveforms_of(300)[[2], ::-1])


@pytest.mark.parametrize("dimensions", ["CW", "WC"])
@pytest.mark.parametrize("components", ["ENZ", "ZNE"])
@pytest.mark.parametrize("bucket_size", [1, 8, 1024])
def test_we_read_what_seisbench_writes(tmp_path, dimensions, components, bucket_size):
    seisbench = seisbench_data()
    expected = waveforms_of(20)
    with seisbench.WaveformDataWriter(tmp_path / "metadata.csv", tmp_path / "waveforms.hdf5") as writer:
        writer.data_format = {
            "dimension_order": dimensions,
            "component_order": components,
            "sampling_rate": RATE,
            "measurement": "velocity",
            "unit": "counts",
            "instrument_response": "not restituted",
        }
        writer.bucket_size = bucket_size
        for i, waveform in enumerate(expected):
            stored = waveform if components == "ENZ" else waveform[::-1]
            metadata = {
                "trace_name": f"trace {i}",
                "trace_start_time": f"2015-08-15T00:{i:02d}:00.00Z",
                "trace_p_arrival_sample": 50 + i,
                "station_network_code": "NA",
                "station_code": "SKR",
                "trace_channel": "HH",
                "source_id": f"{i:04d}",
                "source_type": "eruption",
                "split": "dev",
                "path_back_azimuth_deg": 10.0 * i,
            }
            writer.add_trace(metadata, stored if dimensions == "CW" else stored.T)
    with store.open(tmp_path) as dataset:
        waveforms = dataset.waveforms[:]
        np.testing.assert_array_equal(waveforms if components == "ENZ" else waveforms[:, ::-1], expected)
        np.testing.assert_array_equal(dataset.waveforms[[7, 3]], waveforms[[7, 3]])
        assert (dataset.study, dataset.components) == ("", components)
        row = dataset.windows.iloc[3]
        assert (row["window_id"], row["event_id"], row["event_class"]) == ("trace 3", "0003", "eruption")
        assert (row["station"], row["seed_id"], row["split"]) == ("NA.SKR", "NA.SKR..HH?", "validation")
        assert row["start"] == pd.Timestamp("2015-08-15T00:03:00Z")
        assert row["end"] - row["start"] == pd.Timedelta(320 / RATE, "s")
        assert row["onset_s"] == pytest.approx(53 / RATE)
        assert row["path_back_azimuth_deg"] == 30


def test_seisbench_traces_of_different_length_are_read_one_by_one(tmp_path):
    seisbench = seisbench_data()
    lengths = [300, 310, 305]
    with seisbench.WaveformDataWriter(tmp_path / "metadata.csv", tmp_path / "waveforms.hdf5") as writer:
        writer.data_format = {"dimension_order": "CW", "component_order": "ZNE", "sampling_rate": 100}
        for length in lengths:
            writer.add_trace({"station_code": "A"}, np.full((3, length), length, np.float32))
    with store.open(tmp_path) as dataset:
        assert dataset.waveforms.lengths.tolist() == lengths
        for i, length in enumerate(lengths):
            np.testing.assert_array_equal(dataset.waveforms[i], np.full((3, length), length))
        with pytest.raises(DatasetError, match=r"window 1 has 310 samples, window 0 has 300\. Read .* one by one"):
            dataset.waveforms[:]


def test_components_of_each_trace_are_put_in_the_order_of_the_dataset(dataset):
    orders = ["ENZ", "ZNE", "NEZ", "ZEN"] * 5
    rewrite(dataset, lambda table: table.assign(trace_component_order=orders))
    with store.open(dataset) as opened:
        expected = np.stack(
            [[w[order.index(c)] for c in "ENZ"] for w, order in zip(waveforms_of(20), orders, strict=True)]
        )
        np.testing.assert_array_equal(opened.waveforms[:], expected)


def test_little_is_needed_to_read_a_dataset(tmp_path):
    (tmp_path / "metadata.csv").write_text("trace_name,trace_dt_s\nalone,0.01\n")
    with h5py.File(tmp_path / "waveforms.hdf5", "w") as file:
        file["data/alone"] = np.arange(12).reshape(2, 6)
        file["data_format/component_order"] = ["Z", "N"]
    with store.open(tmp_path) as dataset:
        assert (dataset.components, dataset.sampling_rate_hz) == ("ZN", 100.0)
        np.testing.assert_array_equal(dataset.waveforms[0], np.arange(12).reshape(2, 6))
        assert dataset.windows["window_id"][0] == "alone"
        assert dataset.windows[["start", "end", "onset_s"]].isna().all(axis=None)
        assert dataset.windows.dtypes.to_dict() == windows_table(1).dtypes[list(dataset.windows)].to_dict()
        others = ["event_id", "event_class", "source", "reliability"]
        assert (dataset.windows[others] == "").all(axis=None)


def test_a_table_of_other_origin_may_leave_cells_empty(tmp_path):
    (tmp_path / "metadata.csv").write_text(
        "trace_name,trace_start_time,trace_sampling_rate_hz,trace_p_arrival_sample,station_network_code,station_code,"
        "trace_channel,split,source_magnitude\n"
        "one,2020-01-01T00:00:01.5+09:00,,7,NA,001,HH,dev,1.5\n"
        "two,,50,,,,,,\n"
    )
    with h5py.File(tmp_path / "waveforms.hdf5", "w") as file:
        file["data/one"], file["data/two"] = np.zeros((3, 100)), np.ones((3, 100))
        file["data_format/component_order"] = "ZNE"
        file["data_format/sampling_rate"] = 50.0
    with store.open(tmp_path) as dataset:
        assert dataset.sampling_rate_hz == 50.0
        assert dataset.components == "ZNE"
        one, two = dataset.windows.to_dict("records")
        assert one["start"] == pd.Timestamp("2019-12-31T15:00:01.5Z")
        assert one["end"] == pd.Timestamp("2019-12-31T15:00:03.5Z")
        assert one["onset_s"] == pytest.approx(7 / 50)
        assert (one["station"], one["seed_id"], one["split"]) == ("NA.001", "NA.001..HH?", "validation")
        assert one["source_magnitude"] == 1.5
        assert pd.isna([two["start"], two["end"], two["onset_s"], two["source_magnitude"]]).all()
        assert (two["window_id"], two["split"], two["event_class"]) == ("two", "", "")


def test_arrays_of_single_traces_and_of_many_may_stand_side_by_side(tmp_path):
    many, single = waveforms_of(4), waveforms_of(5)[4]
    names = ["many$3", "alone", "many$0,:3,:100", "many$1,:,:"]
    pd.DataFrame({"trace_name": names, "trace_dt_s": 0.04}).to_csv(tmp_path / "metadata.csv", index=False)
    with h5py.File(tmp_path / "waveforms.hdf5", "w") as file:
        file["data/many"], file["data/alone"] = many, single
        file["data_format/component_order"] = "ENZ"
    with store.open(tmp_path) as dataset:
        assert dataset.waveforms.lengths.tolist() == [320, 320, 100, 320]
        np.testing.assert_array_equal(dataset.waveforms[[3, 1, 0]], np.stack([many[1], single, many[3]]))
        np.testing.assert_array_equal(dataset.waveforms[2], many[0, :, :100])


def test_reading_needs_little_memory(tmp_path):
    waveforms = np.ones((400, 3, 4160), np.float32)  # 20 MB
    store.write(tmp_path / "set", waveforms, windows_table(400, 4096), **OPTIONS)
    with store.open(tmp_path / "set") as dataset:
        tracemalloc.start()
        try:
            total = sum(float(dataset.waveforms[row].sum()) for row in range(len(dataset)))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert total == waveforms.size
    assert peak < 1e6


# --- refused when writing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda w, t: (w[:, :2], t), r"set: waveforms of shape \(4, 2, 320\) for 4 windows of components ENZ"),
        (lambda w, t: (w[:3], t), r"waveforms of shape \(3, 3, 320\) for 4 windows"),
        (lambda w, t: (w[0], t), r"waveforms of shape \(3, 320\) for 4 windows.*Give shape \(4, 3, 320\)"),
        (lambda w, t: (np.float32(1), t), r"waveforms of shape \(\) for 4 windows"),
        (
            lambda w, t: (w[..., :200], t),
            r"window event0_NA.REF_000: 200 samples are not its 256 with the same margin at "
            r"both ends\. Give the waveforms and windows as dataset.windows.cut made them",
        ),
        (lambda w, t: (w[..., :301], t), r"301 samples are not its 256 with the same margin at both ends"),
        (
            lambda w, t: (np.where(w == w[2, 1, 5], np.nan, w), t),
            r"set, window event2_NA.REF_000: has NaN or infinite samples\. Leave",
        ),
        (
            lambda w, t: (w, t.drop(columns=["onset_s", "source"])),
            r"set: column\(s\) onset_s, source missing in the windows\. Use",
        ),
        (lambda w, t: (w, t.assign(window_id="same")), r"set, window same: occurs twice\. Leave one"),
        (
            lambda w, t: (w, t.assign(seed_id="REF.EHZ")),
            r"set, window event0_NA.REF_000: seed_id 'REF.EHZ' is not NET.STA.LOC.CHA\. Write four codes",
        ),
        (lambda w, t: (w[:0], t[:0]), r"set: there is no window to write\. Add at least one"),
    ],
)
def test_windows_that_do_not_fit_leave_nothing_behind(tmp_path, change, match):
    waveforms, windows = change(waveforms_of(4), windows_table(4))
    with pytest.raises(DatasetError, match=match):
        store.write(tmp_path / "set", waveforms, windows, **OPTIONS)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_writer_leaves_nothing_behind(tmp_path):
    def interrupted():
        with store.Writer(tmp_path / "set", **OPTIONS) as writer:
            writer.add(waveforms_of(300), windows_table(300))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_another_folder_is_never_replaced(tmp_path):
    (tmp_path / "thesis.tex").write_text("irreplaceable")
    with pytest.raises(DatasetError, match=r"exists and is not a dataset. Choose another name"):
        store.write(tmp_path, waveforms_of(3), windows_table(3), **OPTIONS, overwrite=True)
    assert (tmp_path / "thesis.tex").read_text() == "irreplaceable"


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match=r"file/set: cannot be written: .*Choose a folder"):
        store.write(tmp_path / "file" / "set", waveforms_of(3), windows_table(3), **OPTIONS)


# --- refused when reading --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["metadata.csv", "waveforms.hdf5"])
def test_a_missing_file_is_named(dataset, name):
    (dataset / name).unlink()
    refuse(dataset, rf"{name}: cannot be read.*: ")


@pytest.mark.parametrize("name", ["metadata.csv", "waveforms.hdf5"])
def test_garbage_is_refused(dataset, name):
    (dataset / name).write_bytes(np.random.default_rng(0).bytes(5000))
    refuse(dataset, rf"{name}: (is not CSV|cannot be read as HDF5): ")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_cut_off_hdf5_file_is_refused(dataset, share):
    content = (dataset / "waveforms.hdf5").read_bytes()
    (dataset / "waveforms.hdf5").write_bytes(content[: int(share * len(content))])
    refuse(dataset, r"waveforms.hdf5: cannot be read as HDF5: .*cut off or damaged")


def test_a_cut_off_table_is_refused(dataset):
    lines = (dataset / "metadata.csv").read_text().splitlines(keepends=True)
    (dataset / "metadata.csv").write_text("".join(lines[:12]))
    refuse(
        dataset,
        r"metadata.csv: has 11 rows, and 20 traces were written\. Write the dataset again, or leave the row out",
    )
    (dataset / "metadata.csv").write_text("")
    refuse(dataset, r"metadata.csv: is not CSV: No columns.*Write the dataset again")


def set_cell(row, name, value):
    def change(table):
        table[name] = table[name].astype(str)
        table.loc[row, name] = value
        return table

    return change


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            lambda table: table.drop(columns="trace_name"),
            r"metadata.csv: column trace_name missing; found trace_name_original, source_id.*\. Write the dataset",
        ),
        (
            set_cell(7, "trace_name", "bucket5$7,:3,:320"),
            "metadata.csv, row 9: array 'bucket5' is not in waveforms.hdf5. Write .* again, or leave the row out",
        ),
        (set_cell(7, "trace_name", "bucket0$20,:3,:320"), "row 9: entry 20 is beyond the 20 of array 'bucket0'"),
        (set_cell(7, "trace_name", "bucket0$7,:3,:400"), r"row 9: shape \[3, 400\] is beyond \[3, 320\] of 'b"),
        (set_cell(7, "trace_name", "bucket0$7,:2,:320"), "row 9: 2 components 'ENZ', the dataset's are 'ENZ'"),
        (set_cell(7, "trace_name", "bucket0$first"), "row 9: trace_name 'bucket0.first' is not like bucket0.17"),
        (set_cell(7, "trace_name", ""), "row 9: trace_name '' is not like"),
        (set_cell(0, "trace_name", "bucket0"), r"array 'bucket0' of shape \(20, 3, 320\) .* holds no such trace"),
        (
            set_cell(4, "trace_start_time", "yesterday"),
            r"metadata.csv, row 6: trace_start_time 'yesterday' is not a time\. Write ISO 8601 in UTC",
        ),
        (
            set_cell(4, "trace_onset_sample", "early"),
            r"v, row 6: trace_onset_sample 'early' is not a number up to 1e\+09\. Correct it",
        ),
        (set_cell(4, "trace_onset_sample", "-1e9"), None),
        (set_cell(4, "trace_onset_sample", "-1.1e9"), r"row 6: trace_onset_sample .*-1100000000.* is not a number"),
        (set_cell(4, "trace_margin_samples", "9" * 400), r"row 6: trace_margin_samples '?9{400}'? is not a number"),
        (
            set_cell(4, "trace_start_time", "0001-01-01T00:00:00Z"),
            "row 6: trace_start_time '0001-01-01T.*' is not a time",
        ),
        (
            set_cell(4, "trace_sampling_rate_hz", "100"),
            r"v, row 6: sampling rate 100 Hz, 25 Hz in row 2\. All windows of .* resample them",
        ),
        (set_cell(4, "trace_sampling_rate_hz", "25.0002"), "row 6: sampling rate 25.0002 Hz, 25 Hz in row 2"),
        (set_cell(4, "trace_sampling_rate_hz", "25.00005"), None),
        (lambda table: table.assign(trace_sampling_rate_hz=0), "row 2: sampling rate 0 Hz, 0 Hz in row 2"),
        (lambda table: table.assign(trace_sampling_rate_hz=2e6), "row 2: sampling rate 2e.06 Hz"),
        (lambda table: table.assign(trace_component_order="XYZ"), "row 2: 3 components 'XYZ', the dataset's are 'ENZ'"),
    ],
)
def test_a_row_that_does_not_fit_the_waveforms_is_named(dataset, change, match):
    rewrite(dataset, change)
    if match is None:
        store.open(dataset).close()
    else:
        refuse(dataset, match)


def edit_hdf5(path, *, remove=(), add=None):
    with h5py.File(path / "waveforms.hdf5", "r+") as file:
        for name in remove:
            del file[name]
        for name, value in (add or {}).items():
            file[name] = value


@pytest.mark.parametrize(
    ("remove", "add", "match"),
    [
        (["data"], {}, "row 2: array 'bucket0' is not in waveforms.hdf5"),
        (
            ["data/bucket0"],
            {"data/bucket0": np.zeros((20, 3), "f4")},
            r"array 'bucket0' of shape \(20, 3\) and type float32",
        ),
        (["data/bucket0"], {"data/bucket0": [[b"a"] * 3] * 20}, "holds no such trace"),
        (["data/bucket0"], {"data/bucket0/group": 1}, "array 'bucket0' is not in"),
        (
            ["data_format"],
            {},
            r"waveforms.hdf5: dimension_order 'CW' and component_order '' do not say .*\. data_format needs CW or WC",
        ),
        (["data_format/dimension_order"], {"data_format/dimension_order": "TX"}, "dimension_order 'TX'"),
    ],
)
def test_an_hdf5_file_of_another_layout_is_refused(dataset, remove, add, match):
    edit_hdf5(dataset, remove=remove, add=add)
    refuse(dataset, match)


def test_an_unknown_sampling_rate_is_refused(dataset):
    edit_hdf5(dataset, remove=["data_format/sampling_rate"])
    rewrite(dataset, lambda table: table.drop(columns="trace_sampling_rate_hz"))
    refuse(dataset, "row 2: sampling rate nan Hz.*one known rate")


def test_a_trace_that_is_not_finite_is_named_when_it_is_read(dataset):
    with h5py.File(dataset / "waveforms.hdf5", "r+") as file:
        file["data/bucket0"][11, 2, 100] = np.nan
    with store.open(dataset) as opened:
        assert np.isfinite(opened.waveforms[:11]).all()
        with pytest.raises(
            DatasetError, match=r"metadata.csv, row 13: trace bucket0\$11,:3,:320 has NaN or infinite samples"
        ):
            opened.waveforms[5:15]


def test_traces_of_different_length_are_not_put_together(dataset):
    rewrite(dataset, set_cell(7, "trace_name", "bucket0$7,:3,:300"))
    with store.open(dataset) as opened:
        np.testing.assert_array_equal(opened.waveforms[7], waveforms_of(20)[7, :, :300])
        with pytest.raises(
            DatasetError, match=r"waveforms.hdf5: window 7 has 300 samples, window 6 has 320\. Read .* one by one"
        ):
            opened.waveforms[6:9]


def test_a_closed_dataset_says_so(dataset):
    with store.open(dataset) as opened:
        pass
    assert len(opened.windows) == 20
    with pytest.raises(DatasetError, match=r"waveforms.hdf5: is closed\. Read within the with block"):
        opened.waveforms[0]
