"""Collections of windowed records: STEAD and SeisBench (HDF5 + CSV), NCEDC (npz + CSV)."""

import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy import Stream, Trace, UTCDateTime

from tests.require import needs
from tests.waveform.records import expected, same
from tremorlab.errors import WaveformError
from tremorlab.waveform.collections import Collection
from tremorlab.waveform.sources import FileSource

EVER = (UTCDateTime("1980-01-01"), UTCDateTime("2030-01-01"))
MINUTE = pd.Timedelta(minutes=1)


def seisbench_files(folder, dimensions="CW", **columns):
    """Three records as SeisBench's writer packs them: two in a padded block, one of its own."""
    rng = np.random.default_rng(5)
    records = [rng.normal(size=(3, 900 + 50 * n)).astype("f4") for n in range(3)]
    block = np.zeros((2, 3, 950), "f4")
    block[0, :, :900], block[1] = records[0], records[1]
    turn = (lambda a: a) if dimensions == "CW" else (lambda a: np.swapaxes(a, -1, -2))
    place = ":3,:900" if dimensions == "CW" else ":900,:3"
    with h5py.File(folder / "waveforms.hdf5", "w") as file:
        file["data/bucket0"], file["data/bucket1"] = turn(block), turn(records[2])
        file["data_format/dimension_order"] = dimensions
        file["data_format/component_order"] = np.array(["Z", "N", "E"], dtype="S1")
        file["data_format/sampling_rate"] = 40.0
    table = pd.DataFrame(
        {
            "trace_name": [f"bucket0$0,{place}", f"bucket0$1,{place.replace('900', '950')}", "bucket1"],
            "station_network_code": "NA",
            "station_code": ["S01", "S02", "S03"],
            "station_location_code": "00",
            "trace_channel": "HH",
            "trace_start_time": [f"2020-01-01T00:0{n}:00.5Z" for n in range(3)],
            "trace_P_arrival_sample": [100, "", 120],
        }
    ).assign(**columns)
    table.to_csv(folder / "metadata.csv", index=False)
    return records


def ncedc_files(folder, channels=("HHE_HHN_HHZ", "EHZ"), shape=(2, 500, 3), name="w_100hz.npz", **columns):
    """Two records like those of the NCEDC sample, the second with a vertical only."""
    data = np.random.default_rng(6).normal(size=shape).astype("f4")
    np.savez(folder / name, data=data, columns=np.array(["E", "N", "Z"]))
    table = pd.DataFrame(
        {
            "source_file": ["BK_BKS_2017071510492061.npz", "NC_GBD_1985021117290228.npz"],
            "network": ["BK", "NC"],
            "station": ["BKS", "GBD"],
            "channels": channels,
            "p_sample": 300,
        }
    ).assign(**columns)
    table.to_csv(folder / "w.csv", index=False)
    return data


def stead_files(folder, **columns):
    """Two records as in an excerpt of STEAD."""
    data = np.random.default_rng(7).normal(size=(2, 6000, 3)).astype("f4")
    with h5py.File(folder / "waveforms.hdf5", "w") as file:
        file["earthquake/local/a_EV"], file["data/b_NO"] = data
    table = pd.DataFrame(
        {
            "trace_name": ["a_EV", "b_NO"],
            "trace_category": ["earthquake_local", "noise"],
            "network_code": "TA",
            "receiver_code": "109C",
            "receiver_type": ["BH", "EH"],
            "trace_start_time": ["2006-07-23 15:59:00.960000", "2006-07-23 16:30:00"],
            "p_arrival_sample": [700.0, ""],
        }
    ).assign(**columns)
    table.to_csv(folder / "metadata.csv", index=False)
    return data


# SeisBench


@pytest.mark.parametrize("dimensions", ["CW", "WC"])
def test_seisbench_records(tmp_path, dimensions):
    records = seisbench_files(tmp_path, dimensions)
    source = FileSource([tmp_path / "waveforms.hdf5"])
    for number, record in enumerate(records):
        found = source.get(f"NA.S0{number + 1}.00.HH?", *EVER)
        assert [tr.stats.channel for tr in found] == ["HHE", "HHN", "HHZ"]
        assert all(tr.stats.starttime == UTCDateTime(f"2020-01-01T00:0{number}:00.5") for tr in found)
        assert {tr.stats.sampling_rate for tr in found} == {40.0}
        for component, samples in zip("ZNE", record, strict=True):
            assert np.array_equal(found.select(component=component)[0].data, samples)


def test_seisbench_table(tmp_path):
    seisbench_files(tmp_path)
    table = Collection(tmp_path / "waveforms.hdf5").table
    assert table["samples"].tolist() == [900, 950, 1000]
    assert table["network"].tolist() == ["NA"] * 3  # not a missing value
    assert table["location"].tolist() == ["00"] * 3  # not a number
    assert table["p_sample"].isna().tolist() == [False, True, False]
    assert table["end"][0] == pd.Timestamp("2020-01-01T00:00:00.5Z") + pd.Timedelta(seconds=899 / 40)


def test_seisbench_properties_by_row(tmp_path):
    records = seisbench_files(
        tmp_path, trace_component_order=["ZNE", "ENZ", "Z12"], trace_sampling_rate_hz=[40, 50, 100]
    )
    source = FileSource([tmp_path / "waveforms.hdf5"])
    second = source.get("NA.S02.00.HHE", *EVER)[0]
    assert second.stats.sampling_rate == 50
    assert np.array_equal(second.data, records[1][0])
    assert np.array_equal(source.get("NA.S03.00.HH2", *EVER)[0].data, records[2][2])


def test_dataset_of_seisbench_itself(tmp_path):
    needs("seisbench")
    from seisbench.data import WaveformDataWriter

    records = [np.random.default_rng(n).normal(size=(3, 700 + 9 * n)).astype("f4") for n in range(5)]
    with WaveformDataWriter(tmp_path / "metadata.csv", tmp_path / "waveforms.hdf5") as writer:
        writer.data_format = {"dimension_order": "CW", "component_order": "ZNE", "sampling_rate": 25.0}
        for number, record in enumerate(records):
            row = {"station_network_code": "UW", "station_code": f"S{number}", "trace_channel": "EH"}
            writer.add_trace(row | {"trace_start_time": "2020-01-01T00:00:00Z"}, record)
    source = FileSource([tmp_path / "waveforms.hdf5"])
    for number, record in enumerate(records):
        assert np.array_equal(source.get(f"UW.S{number}..EHZ", *EVER)[0].data, record[0])


# STEAD


def test_stead_records(tmp_path):
    data = stead_files(tmp_path)
    source = FileSource([tmp_path / "waveforms.hdf5"])
    for number, (band, start) in enumerate((("BH", "2006-07-23T15:59:00.96"), ("EH", "2006-07-23T16:30:00"))):
        found = source.get(f"TA.109C..{band}?", *EVER)
        assert [tr.stats.channel[-1] for tr in found] == ["E", "N", "Z"]
        assert found[0].stats.starttime == UTCDateTime(start)
        assert np.array_equal(np.stack([tr.data for tr in found], axis=1), data[number])


def test_stead_recording(recordings):
    path = recordings / "stead_sample" / "waveforms.hdf5"
    collection = Collection(path)
    assert len(collection.table) == 50
    source = FileSource([path])
    with h5py.File(path) as file:
        for _, row in collection.table.iterrows():
            raw = file[f"earthquake/local/{row['name']}"]
            found = source.get("TA.109C..BHZ", UTCDateTime(raw.attrs["trace_start_time"]), UTCDateTime(row["end"]))
            assert found[0].stats.npts == 6000
            assert np.array_equal(found[0].data, raw[:, 2])
            assert row["p_sample"] == raw.attrs["p_arrival_sample"]


# NCEDC


def test_ncedc_records(tmp_path):
    data = ncedc_files(tmp_path)
    source = FileSource([tmp_path / "w_100hz.npz"])
    found = source.get("*.*.*.*", *EVER)
    assert [tr.id for tr in found] == ["BK.BKS..HHE", "BK.BKS..HHN", "BK.BKS..HHZ", "NC.GBD..EHZ"]
    assert np.array_equal(np.stack([tr.data for tr in found[:3]], axis=1), data[0])
    assert np.array_equal(found[3].data, data[1, :, 2])
    assert found[3].stats.starttime == UTCDateTime("1985-02-11T17:29:02.28")


def test_ncedc_recording(recordings):
    path = recordings / "ncedc_local_earthquakes" / "ncedc_waveforms_100hz.npz"
    table, source = Collection(path).table, FileSource([path])
    raw = np.load(path)["data"]
    count = 0
    for number, row in table.iterrows():
        station = f"{row['network']}.{row['station']}..*"
        found = source.get(station, UTCDateTime(row["start"]), UTCDateTime(row["end"]))
        count += len(found)
        for trace in found:
            assert np.array_equal(trace.data, raw[number, :, "ENZ".index(trace.stats.channel[-1])])
            assert np.ptp(trace.data) > 0  # components that were not recorded are left out
    assert (count, (table["p_sample"] == 3000).all()) == (66 * 3 + 34, True)


# All


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    record = seisbench_files(folder)[0][0]
    header = {"network": "NA", "station": "S01", "location": "00", "channel": "HHZ", "sampling_rate": 40.0}
    trace = Trace(record, header | {"starttime": UTCDateTime("2020-01-01T00:00:00.5")})
    return FileSource([folder / "waveforms.hdf5"]), Stream([trace])


@settings(max_examples=60, deadline=None)
@given(start=st.floats(-30, 40), length=st.floats(0.1, 40))
def test_windows_are_trimmed_like_any_record(packed, start, length):
    source, whole = packed
    first = whole[0].stats.starttime
    span = (first + start, first + start + length)
    assert same(source.get("NA.S01.00.HHZ", *span), expected(whole, "NA.S01.00.HHZ", *span))


def test_nothing_there_is_an_empty_stream(tmp_path):
    seisbench_files(tmp_path)
    source = FileSource([tmp_path / "waveforms.hdf5"])
    assert len(source.get("NA.S01.00.BHZ", *EVER)) == 0
    assert len(source.get("NA.S09.00.HHZ", *EVER)) == 0
    assert len(source.get("NA.S01.00.HHZ", UTCDateTime("2021-01-01"), UTCDateTime("2021-01-02"))) == 0


# What goes wrong


def refused(path, problem):
    with pytest.raises(WaveformError, match=problem):
        FileSource([path]).get("*.*.*.*", *EVER)


def test_missing_collection(tmp_path):
    refused(tmp_path / "none.hdf5", r"none\.hdf5: no such file")


def test_missing_table(tmp_path):
    ncedc_files(tmp_path)
    (tmp_path / "w.csv").unlink()
    refused(tmp_path / "w_100hz.npz", r"has no table beside it: looked for w_100hz\.csv, w\.csv")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00broken"])
def test_table_that_is_none(tmp_path, content):
    seisbench_files(tmp_path)
    (tmp_path / "metadata.csv").write_bytes(content)
    refused(tmp_path / "waveforms.hdf5", r"metadata\.csv: is not a table")


def test_missing_column(tmp_path):
    stead_files(tmp_path)
    table = pd.read_csv(tmp_path / "metadata.csv").drop(columns="receiver_type")
    table.to_csv(tmp_path / "metadata.csv", index=False)
    refused(tmp_path / "waveforms.hdf5", r"metadata\.csv: column\(s\) receiver_type missing; found trace_name")


def test_start_that_is_no_time(tmp_path):
    stead_files(tmp_path, trace_start_time=["2006-07-23 15:59:00", "yesterday"])
    refused(tmp_path / "waveforms.hdf5", r"metadata\.csv, row 3: start 'yesterday' is not a time")


def test_name_without_a_time(tmp_path):
    ncedc_files(tmp_path, source_file=["BK_BKS_2017071510492061.npz", "NC_GBD.npz"])
    refused(tmp_path / "w_100hz.npz", r"w\.csv, row 3: start .* is not a time")


def test_record_in_the_table_only(tmp_path):
    stead_files(tmp_path, trace_name=["a_EV", "c_EV"])
    refused(tmp_path / "waveforms.hdf5", r"metadata\.csv, row 3: record 'c_EV' is not in waveforms\.hdf5")


def test_record_outside_its_block(tmp_path):
    seisbench_files(tmp_path, trace_name=["bucket0$0,:3,:900", "bucket0$7,:3,:900", "bucket1"])
    refused(tmp_path / "waveforms.hdf5", r"waveforms\.hdf5: cannot be read: index 7 is out of bounds")


def test_record_of_another_length(tmp_path):
    stead_files(tmp_path)
    with h5py.File(tmp_path / "waveforms.hdf5", "a") as file:
        del file["data/b_NO"]
        file["data/b_NO"] = np.zeros((3, 6000))
    refused(tmp_path / "waveforms.hdf5", r"record 'b_NO' has shape \(3, 6000\), not \(6000, 3\)")


def test_sampling_rate_that_is_none(tmp_path):
    seisbench_files(tmp_path, trace_sampling_rate_hz=[40, "", 40])
    refused(tmp_path / "waveforms.hdf5", r"metadata\.csv, row 3: sampling rate '' is not above 0")


def test_hdf5_without_its_format(tmp_path):
    seisbench_files(tmp_path)
    with h5py.File(tmp_path / "waveforms.hdf5", "a") as file:
        del file["data_format/component_order"]
    refused(tmp_path / "waveforms.hdf5", r"waveforms\.hdf5: cannot be read: .*component_order")


def test_component_that_is_not_in_the_array(tmp_path):
    ncedc_files(tmp_path, channels=("HHE_HHN_HHZ", "EH1"))
    refused(tmp_path / "w_100hz.npz", r"w\.csv, row 3: channel 'EH1' is not one of the components ENZ")


def test_npz_with_too_few_records(tmp_path):
    ncedc_files(tmp_path, shape=(1, 500, 3))
    refused(tmp_path / "w_100hz.npz", r"w_100hz\.npz: data has shape \(1, 500, 3\), not \(2, samples, 3\)")


def test_npz_without_a_rate(tmp_path):
    ncedc_files(tmp_path, name="w.npz")
    refused(tmp_path / "w.npz", r"w\.npz: the name does not end with the sampling rate")


def test_npz_without_its_arrays(tmp_path):
    ncedc_files(tmp_path)
    np.savez(tmp_path / "w_100hz.npz", other=np.zeros(3))
    refused(tmp_path / "w_100hz.npz", r"w_100hz\.npz: cannot be read: .*needs arrays named data and columns")


@pytest.mark.parametrize(
    ("make", "name"),
    [(seisbench_files, "waveforms.hdf5"), (stead_files, "waveforms.hdf5"), (ncedc_files, "w_100hz.npz")],
)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.7, 0.99])
def test_cut_off_collection(tmp_path, make, name, share):
    make(tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * share)])
    refused(tmp_path / name, rf"{name}: cannot be read")


@settings(max_examples=60, deadline=None)
@given(data=st.data(), bit=st.integers(0, 7), make=st.sampled_from([seisbench_files, ncedc_files]))
def test_flipped_bits_raise_nothing_else(tmp_path_factory, data, bit, make):
    folder = tmp_path_factory.getbasetemp() / make.__name__
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    make(folder)
    path = next(path for path in folder.iterdir() if path.suffix != ".csv")
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, 4000))] ^= 1 << bit
    path.write_bytes(content)
    try:
        FileSource([path]).get("*.*.*.*", *EVER)
    except WaveformError:
        return
