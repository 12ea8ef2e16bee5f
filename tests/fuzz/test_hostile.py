"""Files made to do harm: refused with a clear error, at once, and before anything has happened."""

import bz2
import gzip
import json
import marshal
import pickle
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from base64 import b64encode
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.guard import watched
from tests.fuzz.targets import ALL
from tremorlab import untrusted
from tremorlab.errors import (
    CatalogError,
    DatasetError,
    ModelError,
    ParameterError,
    StudyError,
    TremorlabError,
    WaveformError,
)

SECRET = "nobody should read this"

LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">\n' for n in range(1, 12))
DECLARATIONS = {
    "billion laughs": f'<!DOCTYPE q [<!ENTITY a0 "ha">\n{LAUGHS}]>',
    "another file": '<!DOCTYPE q [<!ENTITY a11 SYSTEM "file://{secret}">]>',
    "another file's text": '<!DOCTYPE q [<!ENTITY % a SYSTEM "file://{secret}"> %a; <!ENTITY a11 "x">]>',
    "an address": '<!DOCTYPE q SYSTEM "http://127.0.0.1:9/q.dtd" [<!ENTITY a11 "x">]>',
}


@contextmanager
def refused(folder, kind, match):
    """A typed error within five seconds of work, without the secret in it, and nothing done elsewhere."""
    began = time.process_time()
    with watched(folder) as found, pytest.raises(TremorlabError, match=match) as caught:
        yield
    assert type(caught.value) is kind
    assert SECRET not in str(caught.value)
    assert found == []
    assert time.process_time() - began < 5.0


@pytest.fixture
def secret(tmp_path_factory):
    path = tmp_path_factory.mktemp("home") / "secret.txt"
    path.write_text(SECRET)
    return path


# --- XML -------------------------------------------------------------------------------------------------------------


def _read_catalogue(path):
    from tremorlab.catalog import readers

    return readers.read(path, "quakeml")


def _read_detections(path):
    from tremorlab.detect import bulletin

    return bulletin.read_quakeml(path)


def _read_stations(path):
    from tremorlab.detect.sites import coordinates

    return coordinates(path)


def _read_response(path):
    from obspy import UTCDateTime

    from tremorlab.study import Preparation
    from tremorlab.waveform import response

    response._read.cache_clear()  # by name, and the test writes two files of one name
    settings = Preparation(output="velocity", highpass_hz=1.0)
    return response.find("XX.AAA.00.HHZ", UTCDateTime("2020-01-01"), settings, path)


XML = {
    "catalogue": ("quakeml", "theirs.xml", "eventParameters", _read_catalogue, CatalogError),
    "detections": ("detections", "events.xml", "eventParameters", _read_detections, CatalogError),
    "stations": ("stationxml", "stations.xml", "Source", _read_stations, ParameterError),
    "response": ("stationxml", "stations.xml", "Source", _read_response, WaveformError),
}


def _hostile(name, folder, declaration):
    """A valid file with a declaration, and an entity in a text that is read."""
    target, file, element, read, kind = XML[name]
    ALL[target].make(folder)
    head, rest = (folder / file).read_text().split("?>", 1)
    place = rest.index(">", rest.index(f"<{element}")) + 1
    text = f"{head}?>{declaration}{rest[:place]}&a11;{rest[place:]}"
    return folder / file, text, read, kind


@pytest.mark.parametrize("declared", DECLARATIONS)
@pytest.mark.parametrize("name", XML)
def test_entities_are_refused_before_they_are_expanded(name, declared, tmp_path, secret):
    declaration = DECLARATIONS[declared].replace("{secret}", str(secret))
    path, text, read, kind = _hostile(name, tmp_path, declaration)
    read(path)  # what is valid is read
    path.write_text(text)
    with refused(tmp_path, kind, rf"{path.name}, line \d+: has a <!DOCTYPE declaration\. Remove it; \w+ has none"):
        read(path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "cp500", "utf-7"])
@pytest.mark.parametrize("name", XML)
def test_entities_cannot_hide_in_another_encoding(name, encoding, tmp_path):
    path, text, read, kind = _hostile(name, tmp_path, DECLARATIONS["billion laughs"])
    head = f"<?xml version='1.0' encoding='{encoding}'?>"
    path.write_bytes((head + text.split("?>", 1)[1]).encode(encoding))
    message = "is not text|holds a zero byte|declares the encoding|not QuakeML|<!DOCTYPE|<!ENTITY"
    with refused(tmp_path, kind, message):
        read(path)


def test_other_formats_of_station_metadata_are_not_tried(tmp_path):
    (tmp_path / "s.xml").write_text("B050F03     Station:     AAA\n")
    with refused(tmp_path, ParameterError, r"s\.xml: cannot be read as station metadata"):
        _read_stations(tmp_path / "s.xml")
    with refused(tmp_path, ParameterError, r"stations.*: cannot be read: No such file"):
        _read_stations("http://127.0.0.1:9/stations.xml")


# --- arrays ----------------------------------------------------------------------------------------------------------


class Bomb:
    """Writes a file where it is unpickled."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return Path.write_text, (self.mark, "unpickled")


def test_pickled_arrays_are_refused(tmp_path):
    from tremorlab.waveform.collections import Collection

    mark = tmp_path / "mark"
    np.savez(tmp_path / "w_100hz.npz", data=np.array([Bomb(mark)], dtype=object), columns=np.array(["Z"]))
    (tmp_path / "w.csv").write_text("source_file,network,station,channels\nBK_BKS_2017071510492061.npz,BK,BKS,HHZ\n")
    with refused(tmp_path, WaveformError, r"w_100hz\.npz: cannot be read: Object arrays cannot be loaded"):
        Collection(tmp_path / "w_100hz.npz")
    assert not mark.exists()


# --- a network's classes, which name files ---------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["../../../home/tremor", "/etc/tremor", "..", ".hidden", "a/b", "a\\b", "a\x00b", ""])
def test_a_class_that_would_be_a_path_is_refused(label, tmp_path, detector_of, monkeypatch):
    from obspy import UTCDateTime

    from tremorlab.live import watch
    from tremorlab.live.feeds import Replay
    from tremorlab.waveform.sources import StreamSource

    detector = detector_of("waveform")
    about = detector.about.model_copy(update={"classes": ["noise", label, "other"]})
    monkeypatch.setattr(detector, "about", about)
    monkeypatch.setattr(watch, "Detector", lambda model: detector)
    feed = Replay(StreamSource([]), UTCDateTime(0), UTCDateTime(60))
    with refused(tmp_path, ModelError, r"class .* cannot be part of a file name\. Classes are of letters"):
        watch.Watch(feed, "network", tmp_path / "out", ["XX.AAA..HH?"])


# --- archives: what may be in a saved network ------------------------------------------------------------------------


@pytest.fixture
def network(folder_of, tmp_path):
    """A valid model folder, and a function that changes its archive: member -> content, a function of it, or None."""
    import shutil

    folder = tmp_path / "network"
    shutil.copytree(folder_of("waveform"), folder)

    def rewrite(changes):
        with zipfile.ZipFile(folder / "model.keras") as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        for name, change in changes.items():
            members[name] = change(members[name]) if callable(change) else change
        with zipfile.ZipFile(folder / "model.keras", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return folder / "model.keras"

    return rewrite


def _code(mark):
    """Code of a function that leaves a mark, as Keras writes it into a Lambda layer."""
    made = compile(f"lambda x: open({str(mark)!r}, 'w') and x", "x", "eval").co_consts[0]
    return b64encode(marshal.dumps(made)).decode()


def _layer(module, name, **settings):
    """A configuration in which a layer, the second, is another one."""

    def change(content):
        config = json.loads(content)
        layer = config["config"]["layers"][1]
        layer |= {"module": module, "class_name": name, "registered_name": None}
        layer["config"] = {"name": layer["name"]} | settings
        return json.dumps(config).encode()

    return change


@pytest.mark.parametrize(
    "member", ["../../mark", "/tmp/mark", "assets/../../mark", "..\\mark", "model.weights.h5/x", "C:\\mark", "code.py"]
)
def test_members_that_would_be_unpacked_elsewhere_are_refused(member, network, tmp_path):
    path = network({member: b"x"})
    with refused(tmp_path, ModelError, r"model\.keras: its member '.*' is none of config\.json, .*Do not open it"):
        untrusted.network(path, ModelError)


def test_an_archive_that_unpacks_to_gigabytes_is_refused(network, tmp_path):
    path = network({"metadata.json": bytes(2**28 + 1)})
    assert path.stat().st_size < 2e6
    with refused(tmp_path, ModelError, r"model\.keras: unpacks to 3 members of 26\d+ bytes, more than 268435456"):
        untrusted.network(path, ModelError)


def test_layers_that_hold_code_or_read_files_are_refused(network, tmp_path, secret):
    mark = tmp_path / "mark"
    code = {"class_name": "__lambda__", "config": {"code": _code(mark), "defaults": None, "closure": None}}
    layers = {
        "Lambda": _layer("keras.layers", "Lambda", function=code),
        "StringLookup": _layer("keras.layers", "StringLookup", vocabulary=str(secret)),
        "TFSMLayer": _layer("keras.layers", "TFSMLayer", filepath=str(tmp_path)),
        "system": _layer("os", "system", command=f"touch {mark}"),
        "exec": _layer("builtins", "exec"),
    }
    for name, change in layers.items():
        path = network({"config.json": change})
        with refused(
            tmp_path, ModelError, rf"model\.keras: its configuration has '({name}|exec)' of '\S+', no part of"
        ):
            untrusted.network(path, ModelError)
    assert not mark.exists()


def test_a_network_without_a_configuration_that_can_be_read_is_refused(network, tmp_path):
    for content in (b"", b"{", b"[" * 100_000, b"\xff"):
        with refused(tmp_path, ModelError, r"model\.keras: cannot be opened as a network: "):
            untrusted.network(network({"config.json": content}), ModelError)


@pytest.mark.parametrize(
    "kind", ["waveform", "spectrum", "log", "inside", "fused", "pooled_spectrum", "pooled_fused", "fused_log"]
)
def test_every_network_of_ours_is_let_through(kind, folder_of):
    untrusted.network(folder_of(kind) / "model.keras", ModelError)


def test_a_model_folder_is_looked_into_before_keras_opens_it(network, tmp_path, monkeypatch):
    from tremorlab.classify import model_card

    folder = network({}).parent
    model_card.open_published(folder)  # what is valid is opened
    monkeypatch.setattr(model_card, "load", lambda path: pytest.fail("Keras has opened it"))
    network({"config.json": _layer("keras.layers", "Lambda", function={})})
    with refused(tmp_path, ModelError, r"model\.keras: its configuration has 'Lambda' of 'keras\.layers'"):
        model_card.open_published(folder)


@pytest.mark.parametrize("file", ["/etc/passwd", "../../secret.xml", "stations.xml"])
def test_a_card_that_names_a_file_is_refused(file, network, tmp_path):
    from tremorlab.classify import model_card

    folder = network({}).parent
    card = json.loads((folder / "card.json").read_text())
    card["preparation"]["inventory"] = file
    (folder / "card.json").write_text(json.dumps(card))
    with refused(tmp_path, ModelError, r"card\.json: preparation\.inventory names a file, '.*'\. Leave it empty"):
        model_card.open_published(folder)


def test_keras_refuses_code_by_itself_too(network, tmp_path):
    from tremorlab.classify import runs

    mark = tmp_path / "mark"
    code = {"class_name": "__lambda__", "config": {"code": _code(mark), "defaults": None, "closure": None}}
    path = network({"config.json": _layer("keras.layers", "Lambda", function=code)})
    with pytest.raises(ModelError, match=r"model\.keras: cannot be opened as a network: .*([Ll]ambda|unsafe)"):
        runs.load(path)
    assert not mark.exists()


# --- records ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("name", ["obspy.core.stream", "x.mseed"])
def test_a_pickle_is_never_read_as_a_waveform(name, protocol, tmp_path, monkeypatch):
    """obspy tells a pickled stream by unpickling it."""
    from tremorlab.waveform import files

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # obspy tries a content as a file, too
    mark = tmp_path / "mark"
    content = pickle.dumps((name, Bomb(mark)), protocol)
    (tmp_path / "x.mseed").write_bytes(content)
    for source in (tmp_path / "x.mseed", content):
        with refused(tmp_path, WaveformError, r"x\.mseed: cannot be read as a waveform: "):
            files.read(source, tmp_path / "x.mseed")
    assert not mark.exists()


@pytest.mark.parametrize(
    "order", ["import tremorlab, obspy", "import obspy, tremorlab", "import tremorlab.waveform.files"]
)
def test_obspy_has_no_pickled_streams_whoever_is_imported_first(order):
    code = f"{order}\nfrom obspy.core.util.base import ENTRY_POINTS as E; print(sorted(E['waveform']))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'MSEED'" in told
    assert "PICKLE" not in told


def test_archives_and_what_unpacks_to_gigabytes_are_refused(tmp_path, monkeypatch):
    from tremorlab.waveform import files

    monkeypatch.setattr(files, "_UNPACKED", 2**22)
    (tmp_path / "x.gz").write_bytes(gzip.compress(bytes(2**24)))
    (tmp_path / "x.bz2").write_bytes(bz2.compress(bytes(2**24)))
    for name in ("x.gz", "x.bz2"):
        with refused(tmp_path, WaveformError, rf"{name}: unpacks to more than 4194304 bytes\. Unpack it"):
            files.read(tmp_path / name, tmp_path / name)
    (tmp_path / "y.gz").write_bytes(gzip.compress(b"x" * 1000)[:-9])
    with refused(tmp_path, WaveformError, r"y\.gz: cannot be unpacked: Compressed file ended"):
        files.read(tmp_path / "y.gz", tmp_path / "y.gz")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("../../mark", b"x")
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.add(tmp_path / "x.zip", "../../mark")
    for name in ("x.zip", "x.tar"):
        with refused(tmp_path, WaveformError, rf"{name}: is an archive\. Unpack it, and give the files"):
            files.read(tmp_path / name, tmp_path / name)


def test_a_compressed_record_is_still_read(tmp_path):
    from tremorlab.waveform import files

    ALL["miniseed"].make(tmp_path)
    (tmp_path / "plain.mseed.gz").write_bytes(gzip.compress((tmp_path / "plain.mseed").read_bytes()))
    assert len(files.read(tmp_path / "plain.mseed.gz", "x")) == 1


# --- HDF5: arrays that are in another file ---------------------------------------------------------------------------


def _external_link(file, name, shape, elsewhere):
    with h5py.File(elsewhere, "w") as other:
        other["x"] = np.zeros(shape, "f4")
    file[name] = h5py.ExternalLink(str(elsewhere), "/x")


def _external_storage(file, name, shape, elsewhere):
    elsewhere.write_bytes(bytes(4 * int(np.prod(shape))))
    file.create_dataset(name, shape, "f4", external=[(str(elsewhere), 0, h5py.h5f.UNLIMITED)])


def _virtual(file, name, shape, elsewhere):
    layout = h5py.VirtualLayout(shape, "f4")
    layout[:] = h5py.VirtualSource(str(elsewhere), "x", shape)
    file.create_virtual_dataset(name, layout)


@pytest.mark.parametrize("bring", [_external_link, _external_storage, _virtual])
def test_arrays_of_another_file_are_refused(bring, tmp_path, tmp_path_factory):
    from tremorlab.dataset import store
    from tremorlab.waveform.collections import Collection

    elsewhere = tmp_path_factory.mktemp("elsewhere") / "x"
    ALL["dataset"].make(tmp_path)
    ALL["collection"].make(tmp_path)
    for path in (tmp_path / "set/waveforms.hdf5", tmp_path / "waveforms.hdf5"):
        with h5py.File(path, "r+") as file:
            shape = file["data/bucket0"].shape
            del file["data/bucket0"]
            bring(file, "data/bucket0", shape, elsewhere)
    with refused(tmp_path, DatasetError, r"metadata\.csv, row 2: array 'bucket0' is in another file than waveforms"):
        store.open(tmp_path / "set")
    with refused(tmp_path, WaveformError, r"metadata\.csv, row 2: record 'bucket0\$0,.*' is in another file"):
        Collection(tmp_path / "waveforms.hdf5")


# --- HDF5: texts in a heap without an end ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 2**64 - 16, 2**64 - 1, 2**32])
def test_objects_that_do_not_fit_into_their_heap_are_refused(size, tmp_path):
    """HDF5 goes from one to the next by their sizes, and stays for ever where one takes no room."""
    from tremorlab.dataset import store
    from tremorlab.waveform.collections import Collection

    ALL["dataset"].make(tmp_path)
    ALL["collection"].make(tmp_path)
    for path in (tmp_path / "set/waveforms.hdf5", tmp_path / "waveforms.hdf5"):
        content = bytearray(path.read_bytes())
        at = content.index(b"GCOL") + 16
        content[at : at + 16] = bytes([size > 0]) + bytes(7) + size.to_bytes(8, "little")
        path.write_bytes(content)
    told = r"waveforms\.hdf5: is damaged: the object at byte \d+ does not fit into its heap"
    with refused(tmp_path, DatasetError, told):
        store.open(tmp_path / "set")
    with refused(tmp_path, WaveformError, told):
        Collection(tmp_path / "waveforms.hdf5")


@given(texts=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), max_size=300), cut=st.booleans())
@settings(max_examples=40, deadline=None)
def test_heaps_that_hdf5_wrote_are_let_through(texts, cut):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.hdf5"
        with h5py.File(path, "w") as file:
            for number, text in enumerate(texts):
                file.attrs[f"{number}"] = text
            for number in range(0, len(texts) if cut else 0, 3):  # leaves free space in the heaps
                del file.attrs[f"{number}"]
        untrusted.heaps(path, DatasetError)


# --- studies: names that lead out of a folder ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("./own.csv", "./../secret.csv", r"catalogues\.0\.file"),
        ("./own.csv", "../secret.csv", r"catalogues\.0\.file"),
        ("./record.mseed", "./a/../../record.mseed", r"waveforms\.files\.0"),
        ("./record.mseed", "obspy:../../secret", r"waveforms\.files\.0"),
        ("highpass_hz = 0.5", 'highpass_hz = 0.5\ninventory = "../secret.xml"', r"preparation\.inventory"),
        ("./own.csv", "./own.csv\\u0000", r"catalogues\.0\.file"),
        ('"record.mseed" =', '"../../.profile" =', r"fetch\.urls"),
        ('"record.mseed" =', '"/etc/cron.d/job" =', r"fetch\.urls"),
    ],
)
def test_names_in_a_study_do_not_lead_out_of_its_folders(old, new, key, tmp_path):
    from tremorlab import study

    ALL["study"].make(tmp_path)
    text = (tmp_path / "mine.toml").read_text()
    assert old in text
    (tmp_path / "mine.toml").write_text(text.replace(old, new))
    with refused(tmp_path, StudyError, rf"mine\.toml: {key}: '.*' leads out of (its|the) folder.*Write a name without"):
        study.load(tmp_path / "mine.toml")


# --- exported networks -----------------------------------------------------------------------------------------------


def test_a_detector_that_names_a_file_is_refused(folder_of, tmp_path, secret):
    import onnx

    from tremorlab.detect import engine

    model = onnx.load(folder_of("waveform") / engine.FILE)
    about = json.loads(model.metadata_props[0].value)
    about["preparation"]["inventory"] = str(secret)
    model.metadata_props[0].value = json.dumps(about)
    onnx.save(model, tmp_path / "named.onnx")
    with refused(tmp_path, ModelError, r"named\.onnx: preparation\.inventory names a file"):
        engine.Detector(tmp_path / "named.onnx")


def test_weights_in_another_file_are_refused(folder_of, tmp_path, secret):
    import onnx

    from tremorlab.detect import engine

    model = onnx.load(folder_of("waveform") / engine.FILE)
    weights = next(each for each in model.graph.initializer if each.data_type == onnx.TensorProto.FLOAT)
    secret.write_bytes(bytes(len(weights.raw_data)))
    weights.ClearField("raw_data")
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key="location", value=str(secret))
    (tmp_path / "elsewhere.onnx").write_bytes(model.SerializeToString())
    with refused(tmp_path, ModelError, r"elsewhere\.onnx: "):
        engine.Detector(tmp_path / "elsewhere.onnx")
