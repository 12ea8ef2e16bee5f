"""What is fuzzed: one target a format, with valid files to begin from and a reader that is public.

Seeds are synthetic and are written by the writers of this package, or by obspy where it has none. A reader goes on to
use what it read, as a page or a command would: a fault that only shows later is a fault of reading. Packages are
imported where they are used, so that a worker which reads tables does not load TensorFlow.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

#: File names that end like this are mutated as texts.
TEXTS = (".csv", ".xml", ".toml", ".json", ".ch")

_T0 = "2020-01-01T00:00:00.5Z"
_RATE_HZ = 50.0


@dataclass(frozen=True)
class Target:
    """One format.

    Attributes
    ----------
    name : str
    make : callable
        Writes valid files into a folder.
    read : callable
        Reads the files of a folder, and uses what it got.
    damaged : tuple of str
        Files that are mutated, one at a time; a name that comes twice is taken twice as often.
    share : float
        Cases beside those of the other targets: readers differ a hundredfold in speed.
    """

    name: str
    make: Callable[[Path], None]
    read: Callable[[Path], object]
    damaged: tuple[str, ...]
    share: float = 1.0


# --- records ---------------------------------------------------------------------------------------------------------


def _stream(seconds=40, channels=("HHE", "HHN", "HHZ")):
    from obspy import Stream, Trace, UTCDateTime

    rng, stream = np.random.default_rng(1), Stream()
    for channel in channels:
        samples = np.cumsum(rng.integers(-50, 51, round(seconds * _RATE_HZ))).astype("i4")
        header = {"network": "XX", "station": "AAA", "location": "00", "channel": channel, "sampling_rate": _RATE_HZ}
        stream.append(Trace(samples, header | {"starttime": UTCDateTime(_T0)}))
    return stream


def _use(stream, components="ZNE"):
    """Prepare a record as for a network."""
    from obspy import UTCDateTime

    from tremorlab.study import Preparation
    from tremorlab.waveform.prepare import prepare

    start = UTCDateTime(_T0) + 10
    return prepare(stream, start, start + 20, components=components, settings=Preparation(highpass_hz=1.0))


def _make_miniseed(folder):
    _stream().write(str(folder / "record.mseed"), format="MSEED", reclen=512, encoding="STEIM2")
    plain = _stream(channels=("HHZ",))
    plain.write(str(folder / "plain.mseed"), format="MSEED", reclen=512, encoding="INT32")


def _read_miniseed(folder):
    from obspy import UTCDateTime

    from tremorlab.intake.records import survey
    from tremorlab.waveform.files import FileSource

    survey(folder).channels()
    for name, components in (("record.mseed", "ZNE"), ("plain.mseed", "Z")):
        source = FileSource([folder / name])
        _use(source.get("XX.AAA.00.HH?", UTCDateTime(_T0), UTCDateTime(_T0) + 40), components)


def _make_packets(folder):
    """SeedLink packets: a header of eight bytes and a record of 512, as `tests.live.server` sends them."""
    from tests.live.server import records

    content = b"".join(b"SL%06X" % n + record.content for n, record in enumerate(records(_stream())))
    (folder / "packets.bin").write_bytes(content)


def _read_packets(folder):
    from obspy import UTCDateTime
    from obspy.clients.seedlink.slpacket import SLPacket

    from tremorlab.errors import WaveformError
    from tremorlab.live.ring import Ring
    from tremorlab.live.seedlink import unpack

    content, size = (folder / "packets.bin").read_bytes(), SLPacket.SLHEADSIZE + SLPacket.SLRECSIZE
    ring, first, damaged = Ring("XX.AAA.00", "ZNE", UTCDateTime(_T0)), UTCDateTime(_T0), None
    for place in range(0, len(content) - size + 1, size):
        try:
            ring.add(unpack(SLPacket(content, place)))
        except WaveformError as error:
            damaged = error  # one packet lost: the stream goes on
        ring.advance((first + place / size - 60).ns)
    ring.forget(first + 1)
    _use(ring.get("XX.AAA.00.HH?", first, first + 40))
    if damaged:
        raise damaged


def _make_win32(folder):
    """Two channels for ten seconds, one with differences of two bytes, one with half a byte."""
    import struct

    rng, blocks = np.random.default_rng(2), bytes(4)
    for second in range(10):
        wide, narrow = rng.integers(-3000, 3000, 99), rng.integers(-8, 8, 99) & 15
        nibbles = np.r_[narrow, 0].reshape(-1, 2)
        block = struct.pack(">HHHi", 0x0101, 0xA100, 2 << 12 | 100, second) + wide.astype(">i2").tobytes()
        block += struct.pack(">HHHi", 0x0101, 0xA101, 100, -second)
        block += ((nibbles[:, 0] << 4) | nibbles[:, 1]).astype("u1").tobytes()
        label = bytes.fromhex(f"202001010900{second:02d}00")
        blocks += label + struct.pack(">ii", 10, len(block)) + block
    (folder / "data.cnt").write_bytes(blocks)
    lines = (f"{number} 1 0 N.TSTH {code} 2 24 100.0 m/s 1.0 0.7 0 1.0e-7 36.0 139.0 10 0 0"
             for number, code in (("a100", "U"), ("a101", "N")))  # fmt: skip
    (folder / "table.ch").write_text("# channels\n" + "\n".join(lines) + "\n")


def _read_win32(folder):
    from obspy import Stream, UTCDateTime

    from tremorlab.waveform.files import select
    from tremorlab.waveform.hinet import read_channels, read_win32

    start = UTCDateTime("2020-01-01T00:00:00Z")
    traces = read_win32(folder / "data.cnt", read_channels(folder / "table.ch"))
    return Stream(select(traces, "N.TSTH..*", start, start + 10)).get_gaps()


def _make_collection(folder):
    """Three short records as SeisBench packs them."""
    import h5py
    import pandas as pd

    with h5py.File(folder / "waveforms.hdf5", "w") as file:
        file["data/bucket0"] = np.random.default_rng(3).normal(size=(3, 3, 400)).astype("f4")
        file["data_format/dimension_order"], file["data_format/component_order"] = "CW", "ZNE"
        file["data_format/sampling_rate"] = 40.0
    pd.DataFrame(
        {
            "trace_name": [f"bucket0${n},:3,:400" for n in range(3)],
            "station_network_code": "XX", "station_code": ["S01", "S02", "S03"], "station_location_code": "00",
            "trace_channel": "HH", "trace_start_time": [f"2020-01-01T00:0{n}:00.5Z" for n in range(3)],
            "trace_p_arrival_sample": [100, "", 120], "source_id": ["a", "b", "c"], "source_type": "earthquake",
        }
    ).to_csv(folder / "metadata.csv", index=False)  # fmt: skip


def _read_collection(folder):
    from obspy import UTCDateTime

    from tremorlab.intake.events import read_short_records
    from tremorlab.waveform.collections import Collection

    found = Collection(folder / "waveforms.hdf5")
    found.read("XX.*.00.HH?", UTCDateTime("1980-01-01"), UTCDateTime("2030-01-01"))
    return read_short_records(folder / "metadata.csv")


# --- station metadata ------------------------------------------------------------------------------------------------


def _make_stationxml(folder):
    from obspy import UTCDateTime
    from obspy.core.inventory import Channel, Inventory, Network, Response, Site, Station

    since = UTCDateTime("2010-01-01")
    response = Response.from_paz([0, 0], [-0.037 - 0.037j, -0.037 + 0.037j], 1.5e9, 1.0, "M/S", "COUNTS")
    channels = [
        Channel(code, "00", 31.5, 130.6, 400.0, 0.0, sample_rate=_RATE_HZ, start_date=since, response=response)
        for code in ("HHZ", "HHN")
    ]
    station = Station("AAA", 31.5, 130.6, 400.0, channels=channels, site=Site("synthetic"), start_date=since)
    inventory = Inventory([Network("XX", [station])], source="synthetic")
    inventory.write(str(folder / "stations.xml"), format="STATIONXML")


def _read_stationxml(folder):
    from obspy import UTCDateTime

    from tremorlab.detect.sites import coordinates, open_inventory
    from tremorlab.study import Preparation
    from tremorlab.waveform import response

    settings, time = Preparation(output="velocity", highpass_hz=1.0), UTCDateTime(_T0)
    coordinates(folder / "stations.xml")
    for inventory in (open_inventory(folder / "stations.xml"), folder / "stations.xml"):
        found = response.find("XX.AAA.00.HHZ", time, settings, inventory)
        response.remove(np.ones(500, "f4"), found, settings, "XX.AAA.00.HHZ")
        response._read.cache_clear()  # a case must not see the file of the one before


# --- event tables ----------------------------------------------------------------------------------------------------


def _events():
    from tremorlab.catalog import table

    return table.from_records(
        {
            "event_id": f"e{n}", "onset": f"2020-01-0{n + 1}T00:00:00.25Z", "end": f"2020-01-0{n + 1}T00:05:00Z",
            "event_class": ("vt", "eruption", "noise")[n % 3], "source": "synthetic", "reliability": "high",
            "station": "XX.AAA", "latitude": 31.5 + n, "longitude": 130.6, "depth_km": 2.5, "magnitude": 1.0 + n / 10,
            "remarks": "made, not recorded",
        }
        for n in range(4)
    )  # fmt: skip


def _use_events(catalog):
    from tremorlab.catalog import table

    table.durations_s(table.events(catalog))
    return table.validate(catalog)


def _make_csv(folder):
    from tremorlab.catalog.writers import write_csv

    write_csv(_events(), folder / "own.csv")
    lines = ["Time (UTC),Type,Latitude,Longitude,Depth,Mag,Duration,Comment"]
    lines += [f'2020-01-0{n}T12:00:0{n},lp,31.{n},130.6,{n},0.{n},{10 * n},"a, b"' for n in range(1, 5)]
    (folder / "theirs.csv").write_text("\n".join(lines) + "\n")


def _read_csv(folder):
    from tremorlab.catalog import readers
    from tremorlab.intake.events import recognise

    _use_events(readers.read(folder / "own.csv"))
    told = recognise(folder / "theirs.csv")
    return _use_events(readers.read(told.path, told.reader, **told.options))


def _make_quakeml(folder):
    from obspy import UTCDateTime
    from obspy.core.event import Catalog, Event, Magnitude, Origin

    from tremorlab.catalog.writers import write_quakeml

    write_quakeml(_events(), folder / "own.xml")
    event = Event(event_type="earthquake", magnitudes=[Magnitude(mag=2.5, magnitude_type="ML")])
    event.origins = [Origin(time=UTCDateTime(_T0), latitude=31.5, longitude=130.6, depth=3000.0)]
    Catalog([event]).write(str(folder / "theirs.xml"), format="QUAKEML")


def _read_quakeml(folder):
    from tremorlab.catalog import readers

    return [_use_events(readers.read(folder / name, "quakeml")) for name in ("own.xml", "theirs.xml")]


def _make_bulletin(folder):
    names = "No.,Year,Month,Day,Hour,Minute,Type,Opoint,Okind,P,P_time,S,S_time,X,X_time,SP,Dur,Mz,Unit,Remarks"
    rows = [f"{n},2013,3,14,5,{n},{kind},AMDG,V, P,3{n}.15, S,4{n}.5,X,,1.2,20.85,S.O.,mkine,体感"
            for n, kind in enumerate(("A", "BL", "EX", "T"), 1)]  # fmt: skip
    text = "\n".join(["震動観測", "VN,桜島", "TN,2013,3", "RM,速報値", names, *rows]) + "\n"
    (folder / "Eo201303.csv").write_bytes(text.encode("cp932"))
    slow = "date,time,year,month,day,hour,min,sec,timezone,lat,lon,dep,mag,duration,err_t,catalog,ref,udate\n"
    slow += "2016-04-03,01:02:03,2016,4,3,1,2,3.5,  9.0, 33.1234,136.1,5.0,3.1, 60.00,1.0,Made,none,2020-01-01\n" * 2
    (folder / "slow.csv").write_text(slow)
    properties = {"id": 1, "time": "Wed, 01 Jan 2020 01:47:30 GMT", "duration": 300, "depth": 40.1, "magnitude": 1.5}
    feature = {"geometry": {"type": "Point", "coordinates": [-123.4, 47.1]}, "properties": properties}
    (folder / "pnsn.json").write_text(json.dumps({"type": "FeatureCollection", "features": [feature], "count": 1}))


def _read_bulletin(folder):
    from tremorlab.catalog import readers

    files = {"Eo201303.csv": "jma_bulletin", "slow.csv": "slow_earthquakes", "pnsn.json": "pnsn_tremor"}
    return [_use_events(readers.read(folder / name, reader)) for name, reader in files.items()]


def _make_detections(folder):
    import pandas as pd
    from obspy import UTCDateTime

    from tremorlab.detect import bulletin
    from tremorlab.detect.events import COLUMNS, Detection

    onset = UTCDateTime(_T0)
    detection = Detection("XX.AAA.00", "tremor", onset, onset + 60, onset + 30, 0.9)
    row = {
        "event_id": "tremor-1", "event_class": "tremor", "onset": pd.Timestamp(_T0), "end": pd.Timestamp(_T0),
        "stations": "XX.AAA", "votes": 1, "probability": 0.9, "snr_db": 12.5, "frequency_hz": 2.5,
        "reduced_displacement_cm2": np.nan, "also": "",
    }  # fmt: skip
    events = pd.DataFrame([row], columns=list(COLUMNS))
    bulletin.write_csv(events, folder / "events.csv")
    bulletin.write_quakeml(events, [[detection]], folder / "events.xml", source="synthetic")


def _read_detections(folder):
    from tremorlab.detect import bulletin

    return [bulletin.read_csv(folder / "events.csv"), bulletin.read_quakeml(folder / "events.xml")]


# --- studies ---------------------------------------------------------------------------------------------------------

_STUDY = """
name = "mine"
title = "t"
summary = "s"
licence = "CC0"
citation = "c"
stations = ["XX.AAA.00.HHZ"]
components = "Z"
seed = 7
[classes]
eruption = ["eruption"]
noise = ["noise", "other"]
[[catalogues]]
file = "./own.csv"
options = { timezone = "UTC" }
[waveforms]
kind = "files"
files = ["./record.mseed"]
[fetch]
margin_s = 60
urls = { "record.mseed" = "https://example.org/record.mseed sha256:00" }
[preparation]
sampling_rate_hz = 25.0
highpass_hz = 0.5
[window]
samples = 512
onset_s = 5.0
[splits]
kind = "period"
[splits.periods]
train = [["2020-01-01T00:00:00Z", "2020-01-03T00:00:00Z"]]
test = [["2020-01-03T00:00:00Z", "2020-02-01T00:00:00Z"]]
"""


def _make_study(folder):
    (folder / "mine.toml").write_text(_STUDY)
    _make_csv(folder)
    _make_miniseed(folder)


def _read_study(folder):
    from tremorlab import study as studies
    from tremorlab.catalog import sources as catalogues
    from tremorlab.dataset.spectra import margin_samples
    from tremorlab.waveform.sources import open_source

    study = studies.load(folder / "mine.toml")
    margin_samples(study.running_spectrum)
    catalog = catalogues.of_study(study)
    return study.window_s, [study.class_of(name) for name in catalog["event_class"]], open_source(study)


# --- datasets --------------------------------------------------------------------------------------------------------


def _make_dataset(folder):
    import pandas as pd

    from tremorlab.dataset import store

    count, samples = 6, 128
    start = pd.Timestamp(_T0) + pd.to_timedelta(np.arange(count) * 600, unit="s")
    windows = pd.DataFrame(
        {
            "window_id": [f"w{n}" for n in range(count)], "event_id": [f"e{n}" for n in range(count)],
            "event_class": ["vt", "noise"] * 3, "station": "XX.AAA", "seed_id": "XX.AAA.00.HH?", "start": start,
            "end": start + pd.Timedelta(samples / 25, "s"), "onset_s": 2.0, "source": "synthetic",
            "reliability": "high", "split": ["train", "validation", "test"] * 2,
        }
    )  # fmt: skip
    waveforms = np.random.default_rng(4).normal(size=(count, 3, samples + 64)).astype("f4")
    store.write(folder / "set", waveforms, windows, study="mine", sampling_rate_hz=25.0, components="ENZ")


def _read_dataset(folder):
    from tremorlab.dataset import spectra, store
    from tremorlab.study import RunningSpectrum

    with store.open(folder / "set") as dataset:
        waveforms, rule = dataset.waveforms[:], RunningSpectrum(framing="inside")
        spectra.running_spectra(waveforms, rule, dataset.sampling_rate_hz)
        return dataset.windows["end"].max(), dataset.waveforms[[4, 1]], dataset.waveforms[0]


# --- networks --------------------------------------------------------------------------------------------------------


def _make_model(folder):
    from tests.detect.networks import published

    published(folder, "waveform").rename(folder / "network")


def _make_detector(folder):
    from tremorlab.detect.export import export

    _make_model(folder)
    export(folder / "network")
    (folder / "network/detector.onnx").rename(folder / "detector.onnx")


def _read_model(folder):
    from tremorlab.classify.model_card import as_text, open_published
    from tremorlab.classify.training import probabilities

    found = open_published(folder / "network")
    as_text(found.card)
    return probabilities(found.model, np.ones((2, *found.model.input_shape[1:]), "f4"))


def _read_detector(folder):
    from tremorlab.detect.engine import Detector

    found = Detector(folder / "detector.onnx")
    about = found.about
    return found.step_s, found.record(np.ones((len(about.components), about.samples + 3 * about.step_samples), "f4"))


ALL = {
    target.name: target
    for target in (
        Target("miniseed", _make_miniseed, _read_miniseed, ("record.mseed", "plain.mseed"), 1.0),
        Target("packets", _make_packets, _read_packets, ("packets.bin",), 1.5),
        Target("win32", _make_win32, _read_win32, ("data.cnt", "data.cnt", "table.ch"), 3.0),
        Target("collection", _make_collection, _read_collection, ("waveforms.hdf5", "metadata.csv"), 0.6),
        Target("stationxml", _make_stationxml, _read_stationxml, ("stations.xml",), 0.6),
        Target("csv", _make_csv, _read_csv, ("own.csv", "theirs.csv"), 0.8),
        Target("quakeml", _make_quakeml, _read_quakeml, ("own.xml", "theirs.xml"), 0.6),
        Target("bulletin", _make_bulletin, _read_bulletin, ("Eo201303.csv", "slow.csv", "pnsn.json"), 0.8),
        Target("detections", _make_detections, _read_detections, ("events.csv", "events.xml"), 1.2),
        Target("study", _make_study, _read_study, ("mine.toml",), 2.0),
        Target("dataset", _make_dataset, _read_dataset, ("set/waveforms.hdf5", "set/metadata.csv"), 1.2),
        Target("model", _make_model, _read_model, ("network/model.keras", "network/card.json"), 0.2),
        Target("detector", _make_detector, _read_detector, ("detector.onnx",), 2.5),
    )
}
