"""Probabilities along a record: equal to window by window, whatever the chunks, the files and the order of traces."""

import subprocess
import sys

import numpy as np
import pytest
from obspy import Stream, Trace, UTCDateTime
from obspy.clients.filesystem.sds import SDS_FMTSTR

from tests.detect.networks import NETWORKS, published
from tremorlab.classify.model_card import open_published
from tremorlab.classify.training import probabilities
from tremorlab.detect import continuous
from tremorlab.detect.continuous import annotate
from tremorlab.detect.export import LIMIT
from tremorlab.errors import ModelError, WaveformError
from tremorlab.waveform.files import SDSSource
from tremorlab.waveform.prepare import prepare, reach_s
from tremorlab.waveform.sources import StreamSource

#: Half an hour around a midnight; not a multiple of anything.
START = UTCDateTime("2011-02-15T23:46:40.123")
LENGTH_S, RATE_HZ, ID = 1800, 50.0, "XX.AAA..HH?"


def recorded(components="Z", seconds=LENGTH_S, start=START, seed=0, rate=RATE_HZ):
    """Counts of coloured noise with bursts, one continuous trace a component."""
    rng, stream = np.random.default_rng(seed), Stream()
    for component in components:
        steps = rng.normal(size=round(seconds * rate))
        samples = np.convolve(steps, [1, 0.9, 0.5, 0.2], "same") * np.exp(2 * np.sin(np.arange(len(steps)) / rate / 37))
        header = {"network": "XX", "station": "AAA", "channel": f"HH{component}", "sampling_rate": rate}
        stream.append(Trace((300 * samples).astype(np.int32), header | {"starttime": start}))
    return stream


def whole(stream, detector, **options):
    start, end = min(t.stats.starttime for t in stream), max(t.stats.endtime for t in stream)
    return annotate(StreamSource(stream), ID, start, end, detector, **options)


def without(stream, start, end, component="Z"):
    """The record with a hole."""
    holed = Stream([trace for trace in stream if not trace.id.endswith(component)])
    for trace in stream.select(component=component):
        holed += Stream([trace.slice(endtime=start), trace.slice(starttime=end)])
    return holed


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("step_s", [10.24, 2.56, 20.48])
def test_the_record_gives_what_keras_gives_for_windows_prepared_one_by_one(folder_of, detector_of, kind, step_s):
    model = open_published(folder_of(kind, "ZNE")).model
    detector, stream = detector_of(kind, "ZNE"), recorded("ZNE", 420)
    found = whole(stream, detector, step_s=step_s)
    about, windows = detector.about, []
    for k in np.flatnonzero(found.known):
        start = found.time(int(k)) - about.samples / 2 / 25
        record = prepare(stream, start, start + about.samples / 25, components="ZNE", settings=about.preparation)
        assert record.valid.all()
        windows.append(record.data)
    assert len(windows) > 0.8 * 420 / step_s - 4
    expected = probabilities(model, np.stack(windows))
    np.testing.assert_allclose(found.probabilities[found.known], expected, atol=LIMIT, rtol=0)


def test_centres_are_on_an_absolute_grid_and_in_the_stretch(detector_of):
    found = whole(recorded(), detector_of("waveform"))
    half_ns = round(768 / 25 / 2 * 1e9)
    assert all((found.time(k).ns - half_ns) % 10_240_000_000 == 0 for k in range(len(found)))
    assert START <= found.start < START + 10.24
    assert found.time(len(found) - 1) < START + LENGTH_S <= found.time(len(found)) + 0.03
    assert (found.window_s, found.step_s) == (30.72, 10.24)


def test_the_stream_has_a_trace_a_class(detector_of):
    found = whole(without(recorded(), START + 600, START + 640), detector_of("waveform"))
    assert [trace.id for trace in found.stream] == [
        f"XX.AAA..random_waveform_{label}" for label in ("tremor", "earthquake", "noise")
    ]
    stats = found.stream[0].stats
    assert (stats.starttime, stats.delta, stats.npts) == (found.start, 10.24, len(found))
    total = sum(trace.data for trace in found.stream)
    assert np.ma.count_masked(total) == np.count_nonzero(~found.known) > 5
    np.testing.assert_allclose(total.compressed(), 1, atol=1e-6)
    assert len(found.stream.split()) == 6


@pytest.mark.parametrize("kind", ["waveform", "spectrum", "log"])
def test_chunks_do_not_show(detector_of, monkeypatch, kind):
    stream = without(recorded("ZN"), START + 700, START + 1100, "N")
    expected = whole(stream, detector_of(kind, "ZN"))
    for windows in (1, 7, 50):
        monkeypatch.setattr(continuous, "CHUNK", windows)
        found = whole(stream, detector_of(kind, "ZN"))
        np.testing.assert_array_equal(found.known, expected.known)
        np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=LIMIT)
        assert found.spans == expected.spans
    assert [span.windows for span in expected.spans] == [2, 42, 2]


def test_memory_does_not_grow_with_the_record(detector_of, monkeypatch):
    monkeypatch.setattr(continuous, "CHUNK", 16)
    sizes = []
    made = continuous._piece
    monkeypatch.setattr(continuous, "_piece", lambda *a: sizes.append((p := made(*a)).data.shape[1]) or p)
    whole(recorded(seconds=3600), detector_of("waveform"))
    assert len(sizes) > 20
    assert max(sizes) <= 16 * 256 + 832


def write(stream, root):
    """An SDS archive of day files cut at midnight."""
    for trace in stream:
        midnight = UTCDateTime(trace.stats.endtime.date)
        for piece in (trace.slice(endtime=midnight - 1e-6), trace.slice(starttime=midnight)):
            time, codes = piece.stats.starttime, trace.id.split(".")
            names = dict(zip(("network", "station", "location", "channel"), codes, strict=True))
            path = root / SDS_FMTSTR.format(year=time.year, doy=time.julday, sds_type="D", **names)
            path.parent.mkdir(parents=True, exist_ok=True)
            piece.write(str(path), format="MSEED", encoding="STEIM2", reclen=512)
    return root


@pytest.mark.parametrize("kind", ["waveform", "spectrum"])
def test_two_day_files_equal_one_record_over_midnight(detector_of, tmp_path, kind):
    stream, detector = recorded("ZNE"), detector_of(kind, "ZNE")
    expected = whole(stream, detector)
    source = SDSSource(write(stream, tmp_path))
    end = START + LENGTH_S - 1 / RATE_HZ
    over = annotate(source, ID, START, end, detector)
    np.testing.assert_allclose(over.probabilities, expected.probabilities, atol=LIMIT)
    assert over.spans == expected.spans
    midnight = UTCDateTime("2011-02-16")
    before = annotate(source, ID, START, midnight, detector)
    after = annotate(source, ID, midnight, end, detector)
    joined = np.concatenate([before.probabilities, after.probabilities])
    np.testing.assert_allclose(joined, expected.probabilities, atol=LIMIT)
    assert after.start == before.time(len(before))
    assert after.known[0]


def test_components_are_taken_by_code(detector_of):
    detector, stream = detector_of("waveform", "ZNE"), recorded("ZNE")
    expected = whole(stream, detector).probabilities
    for order in ("ENZ", "NEZ", "EZN"):
        turned = Stream([stream.select(component=letter)[0] for letter in order])
        np.testing.assert_array_equal(whole(turned, detector).probabilities, expected)
    renamed = stream.copy()
    for trace, letter in zip(renamed, "NZE", strict=True):
        trace.stats.channel = f"HH{letter}"
    assert np.nanmax(np.abs(whole(renamed, detector).probabilities - expected)) > 0.01


def inner(found):
    """Spans that are not the ends of the record."""
    return [span for span in found.spans if span.start > START + 60 and span.end < START + LENGTH_S - 60]


def test_a_gap_masks_the_windows_that_it_touches_and_says_so(detector_of):
    begin, end = START + 600, START + 640
    found = whole(without(recorded(), begin, end), detector_of("waveform"))
    (span,) = inner(found)
    reach = 832 / 25 / 2 + 1
    for k, known in enumerate(found.known):
        near = begin - reach < found.time(k) < end + reach
        clear = found.time(k) < begin - reach - 0.1 or found.time(k) > end + reach + 0.1
        inside = START + 20 < found.time(k) < START + LENGTH_S - 20
        assert known or near or not inside
        assert not (known and begin - 15 < found.time(k) < end + 15)
        assert known or not clear or not inside
    assert span.reason.startswith("gap in XX.AAA..HHZ, 2011-02-15T23:56:40")
    assert span.windows == round((span.end - span.start) / 10.24) + 1
    assert np.isnan(found.probabilities[~found.known]).all()


def test_a_record_that_starts_late_and_ends_early_is_masked_there(detector_of):
    found = annotate(StreamSource(recorded()), ID, START - 600, START + LENGTH_S + 600, detector_of("waveform"))
    first, last = found.spans
    assert first.reason.startswith("gap in XX.AAA..HHZ, 2011-02-15T23:3")
    assert last.reason.startswith("gap in XX.AAA..HHZ, 2011-02-16T00:16:40")
    assert found.known.sum() == len(found) - first.windows - last.windows
    assert abs(found.known.sum() - (LENGTH_S - 33.28) / 10.24) <= 1


def test_a_component_that_is_not_there_masks_everything(detector_of):
    found = whole(recorded("ZN"), detector_of("waveform", "ZNE"))
    assert not found.known.any()
    assert [span.reason for span in found.spans if "missing_component in E" in span.reason]
    nothing = annotate(StreamSource([]), ID, START, START + 100, detector_of("waveform"))
    (span,) = nothing.spans
    assert span.windows == len(nothing) == 10
    assert span.reason.startswith("missing_component in Z, ")
    assert nothing.stream[0].data.mask.all()


def test_a_clock_that_jumps_ahead_makes_a_gap_and_one_that_jumps_back_an_overlap(detector_of):
    for jump_s, kind in ((30.0, "gap"), (-30.0, "overlap")):
        early, late = recorded(seconds=900)[0], recorded(seconds=900, seed=4)[0]
        late.stats.starttime = early.stats.endtime + jump_s
        spans = inner(whole(Stream([early, late]), detector_of("waveform")))
        assert len(spans) == 1
        assert kind in spans[0].reason
        assert spans[0].windows == pytest.approx((30 + 33.3) / 10.24, abs=1.5)


def test_a_clock_that_is_corrected_by_a_fraction_of_a_sample_masks_nothing(detector_of):
    trace = recorded()[0]
    early, late = trace.slice(endtime=START + 900), trace.slice(starttime=START + 900.02)
    late = late.copy()
    late.stats.starttime += 0.0073
    found = whole(Stream([early, late]), detector_of("waveform"))
    assert inner(found) == []
    straight = whole(Stream([trace]), detector_of("waveform"))
    away = np.array([abs(straight.time(k) - START - 900) > 40 for k in range(len(straight))])
    before = np.array([straight.time(k) < START + 860 for k in range(len(straight))])
    np.testing.assert_allclose(found.probabilities[before], straight.probabilities[before], atol=LIMIT)
    assert away.any()


def test_a_change_of_rate_is_bridged_and_named(detector_of):
    """The same motion recorded at 100 Hz, then at 50 Hz, gives what 100 Hz throughout gives."""
    time = np.arange(0, LENGTH_S, 0.01)
    rng = np.random.default_rng(1)
    motion = sum(
        np.sin(2 * np.pi * f * time + rng.uniform(0, 6)) * np.exp(np.sin(time / f / 9)) for f in (1.3, 3.1, 6.7)
    )
    header = {"network": "XX", "station": "AAA", "channel": "HHZ", "starttime": START, "sampling_rate": 100.0}
    fast = Trace((1e5 * motion).astype(np.int32), header)
    slow = fast.slice(starttime=START + 900).copy()
    slow.data, slow.stats.sampling_rate = slow.data[::2].copy(), 50.0
    changed = Stream([fast.slice(endtime=START + 899.99), slow])
    expected, found = whole(Stream([fast]), detector_of("waveform")), whole(changed, detector_of("waveform"))
    assert [flag.kind for flag in found.flags if flag.kind == "mixed_rate"]
    assert inner(found) == []
    both = expected.known & found.known
    assert both.sum() > 165
    assert np.abs(found.probabilities[both] - expected.probabilities[both]).max() < 0.01


@pytest.mark.parametrize(("rate", "reason"), [(20.0, "slow in XX.AAA..HHZ"), (5.0, "sampling rate 5 Hz is not within")])
def test_a_change_to_a_rate_too_low_masks_what_is_recorded_with_it(detector_of, rate, reason):
    early, late = recorded(seconds=900)[0], recorded(seconds=900, rate=rate, start=START + 900)[0]
    found = whole(Stream([early, late]), detector_of("waveform"))
    assert reason in " ".join(span.reason for span in found.spans)
    known = [found.time(int(k)) for k in np.flatnonzero(found.known)]
    assert START + 800 < known[-1] < START + 900


def test_a_dead_channel_has_no_probabilities(detector_of):
    stream = recorded("ZN")
    stream.select(component="N")[0].data[30_000:45_000] = 7  # from 600 to 900 s
    (span,) = inner(whole(stream, detector_of("waveform", "ZN")))
    assert span.reason.startswith("constant in XX.AAA..HHN, 2011-02-15T23:56:40")
    assert abs(span.start - (START + 600 + 33.28 / 2)) < 10.3
    assert abs(span.end - (START + 900 - 33.28 / 2)) < 10.3


def test_damage_stays_with_its_day(detector_of, tmp_path):
    source = SDSSource(write(recorded("ZNE"), tmp_path))
    path = next(tmp_path.rglob("XX.AAA..HHN.D.2011.046"))
    path.write_bytes(path.read_bytes()[:-100])
    found = annotate(source, ID, START, START + LENGTH_S - 0.02, detector_of("waveform", "ZNE"))
    first = found.spans[0]
    assert f"unreadable in {ID}" in first.reason
    assert "is cut off: the last record has 412 bytes of 512" in first.reason
    assert UTCDateTime("2011-02-16") < first.end < UTCDateTime("2011-02-16") + 45
    assert found.known[first.windows : first.windows + 80].all()


def test_two_instruments_are_no_silent_choice(detector_of):
    stream = recorded()
    other = stream.copy()
    other[0].stats.channel = "HLZ"
    found = annotate(StreamSource(stream + other), "XX.AAA..H??", START, START + 300, detector_of("waveform"))
    assert not found.known.any()
    assert "recorded by 2 instruments: XX.AAA..HHZ, XX.AAA..HLZ" in found.spans[0].reason


@pytest.mark.parametrize(
    ("seconds", "step_s", "error", "message"),
    [
        (
            300,
            10.25,
            ModelError,
            r"step of 10.25 s: is not a whole number of samples at 25 Hz\. Give a multiple of 0.04",
        ),
        (300, 0, ModelError, "step of 0 s: is not a whole number"),
        (-300, 10.24, WaveformError, "holds no window of 10.24 s step. Ask for a longer stretch"),
    ],
)
def test_a_stretch_or_a_step_that_cannot_be_is_refused(detector_of, seconds, step_s, error, message):
    with pytest.raises(error, match=message):
        annotate(StreamSource(recorded()), ID, START, START + seconds, detector_of("waveform"), step_s=step_s)


def test_a_network_on_ground_motion_is_refused(tmp_path):
    from tremorlab.detect.engine import Detector
    from tremorlab.detect.export import export
    from tremorlab.study import Preparation

    folder = published(tmp_path, "waveform", preparation=Preparation(output="velocity"))
    with pytest.raises(ModelError, match=r"network random_waveform: reads velocity: removing the response takes"):
        annotate(StreamSource(recorded()), ID, START, START + 99, Detector(export(folder)))


def test_annotating_needs_no_tensorflow():
    code = (
        "import sys, tremorlab.detect.continuous, tremorlab.waveform.sources\n"
        "print(sorted({'tensorflow', 'keras', 'onnx', 'torch', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("[]", "['matplotlib']")  # obspy may bring it


def test_the_reach_that_is_read_beyond_a_stretch_is_enough(detector_of):
    """A record that ends a window and the filters' reach beyond the stretch gives all of it."""
    detector = detector_of("waveform")
    margin = 832 / 25 / 2 + reach_s(detector.about.preparation)
    found = annotate(StreamSource(recorded()), ID, START + margin, START + LENGTH_S - margin, detector)
    assert found.known.all()
    assert found.spans == []
    assert not np.ma.isMaskedArray(found.stream[0].data)
