"""Networks, and an archive of two stations with its results from an archive run."""

import pytest
from obspy import UTCDateTime

from tests.detect.conftest import detector_of, folder_of  # noqa: F401
from tests.detect.test_continuous import recorded, without
from tremorlab.detect import archive
from tremorlab.detect.events import Rule

RULE = Rule(on=0.36, off=0.34)
START, END = UTCDateTime("2011-02-15T23:46:40.123"), UTCDateTime("2011-02-16T00:16:40.123")
STATIONS = ["XX.AAA..HH?", "XX.BBB..HH?"]


def sds(stream, root):
    """An SDS archive: one file a channel and day, with all of its traces."""
    midnight = UTCDateTime("2011-02-16")
    for seed_id in {trace.id for trace in stream}:
        network, station, _, channel = seed_id.split(".")
        own = stream.select(id=seed_id)
        for day, part in ((46, own.slice(endtime=midnight - 1e-6)), (47, own.slice(starttime=midnight))):
            path = root / "2011" / network / station / f"{channel}.D" / f"{seed_id}.D.2011.{day:03d}"
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write(str(path), format="MSEED", encoding="STEIM2", reclen=512)
    return root


@pytest.fixture(scope="session")
def model(folder_of):  # noqa: F811
    return folder_of("waveform")


@pytest.fixture(scope="session")
def traces():
    """Half an hour around a midnight at two stations, with a hole at one of them."""
    other = recorded("Z", seed=3)
    other[0].stats.station = "BBB"
    return recorded("Z") + without(other, START + 1000, START + 1060)


@pytest.fixture(scope="session")
def root(traces, tmp_path_factory):
    return sds(traces, tmp_path_factory.mktemp("sds"))


@pytest.fixture(scope="session")
def archived(root, model, tmp_path_factory):
    """Folder and outcome of a run over the archive."""
    out = tmp_path_factory.mktemp("archived")
    return out, archive.detect(root, model, out, rule=RULE, workers=1)
