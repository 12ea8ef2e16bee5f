"""One station-day from file to detections: tremorlab beside the usual ways, the same network and record, in one run.

    python benchmarks/station_day.py [--hours HOURS] [--rounds ROUNDS] [--kind waveform|spectrum] [--folder FOLDER]

The record is synthetic (three components, 100 Hz, Steim-2, coloured noise with bursts), the network the report's with
random weights; what it says does not change what it costs. Competitors, all from file to probabilities every 10.24 s:

- obspy: read, merge, detrend, decimate, `Stream.slide`, Keras `predict` in batches of 32 windows
- one predict: the same preparation, `sliding_window_view`, one `predict`
- SeisBench: the same weights as a torch module in a `WaveformModel`, `annotate` (waveform network; where SeisBench is
  installed: `make peers`), and PhaseNet and EQTransformer with random weights at 100 Hz, which answer another question
- floor: decoding alone, preparation alone, network alone, added up

Rounds alternate; figures are medians of process CPU time, ratios are medians over rounds. Memory is what the peak of a
child process that annotates one day, and three days, of one archive is above its imports, ours and SeisBench's with the
same weights (or with PhaseNet, for the two-dimensional network); the samples of one day, decoded, are the floor. The
cold command is a child process from its start to its end, beside the same work through Keras and TensorFlow; its floor
is a process that imports what it needs. The exit status is 1 when a bar is missed or shared and single windows differ
by more than 1e-5; with less than 24 hours the bars are printed and not judged.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "2")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# As tremorlab sets it for who imports it before Keras; without it Keras is slower on processors without AVX-512.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import obspy
import scipy.signal
from benchmarks import report
from obspy import Trace
from tests.detect.networks import card, network

from tremorlab.classify.model_card import open_published, publish
from tremorlab.classify.networks import SpectrumNetwork, WaveformNetwork
from tremorlab.detect.continuous import annotate
from tremorlab.detect.engine import Detector
from tremorlab.detect.events import Rule, detections
from tremorlab.detect.export import LIMIT, export
from tremorlab.waveform.files import SDSSource
from tremorlab.waveform.prepare import prepare

DAY = obspy.UTCDateTime(2015, 8, 15)
RATE_HZ, STEP, SAMPLES, ID = 100.0, 256, 4160, "XX.AAA..HH?"
NETWORKS = {"waveform": WaveformNetwork(), "spectrum": SpectrumNetwork()}

#: Competitor -> how many times our CPU time it has to take; the floor is the other way round.
BARS = {"seisbench": 5.0, "obspy": 12.0, "phasenet": 12.0, "eqtransformer": 40.0}
FLOOR, COLD, MEMORY_MB, GROWTH = 1.5, 0.5, 800.0, 1.1

#: Competitor -> its name in the table.
PEERS = {
    "seisbench": "SeisBench `annotate`, same weights",
    "obspy": "obspy `slide` and Keras `predict`",
    "phasenet": "SeisBench PhaseNet `annotate`",
    "eqtransformer": "SeisBench EQTransformer `annotate`",
}

#: Peak of this process so far. Not getrusage: a child begins with the peak of the process that it was forked from.
PEAK = "peak = lambda: int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) / 1024\n"


def write_archive(root, hours, days=1):
    """Day files, from midnight; noise with a spectrum that falls with frequency, and bursts."""
    rng = np.random.default_rng(20150815)
    for day in range(days):
        for component in "ZNE":
            count = round(hours * 3600 * RATE_HZ)
            noise = scipy.signal.lfilter([200.0], [1.0, -0.95], rng.standard_normal(count, np.float32))
            for onset in rng.integers(0, count - 6000, max(1, round(hours * 3))):
                noise[onset : onset + 6000] += 5000 * rng.standard_normal(6000) * np.exp(-np.arange(6000) / 1000)
            start = DAY + 86_400 * day
            codes = {"network": "XX", "station": "AAA", "channel": f"HH{component}"}
            trace = Trace(noise.astype(np.int32), {"sampling_rate": RATE_HZ, "starttime": start} | codes)
            folder = root / str(start.year) / "XX" / "AAA" / f"HH{component}.D"
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"XX.AAA..HH{component}.D.{start.year}.{start.julday:03d}"
            trace.write(str(path), format="MSEED", encoding="STEIM2", reclen=512)


def ours(root, detector, end):
    """From file to detections."""
    annotation = annotate(SDSSource(root), ID, DAY, end, detector)
    detections(annotation, Rule())
    return annotation


def read(root):
    return obspy.read(str(root / "2015" / "XX" / "AAA" / "*" / "*"))


def by_obspy(root):
    """The usual preparation; components by code."""
    stream = read(root)
    stream.merge()
    stream.detrend("linear")
    stream.filter("highpass", freq=1.0, corners=2)
    stream.decimate(4)
    return stream


def slid(root, model):
    """Window by window through obspy, in batches of 32 through Keras."""
    stream, batch, answers = by_obspy(root), [], []
    for window in stream.slide(window_length=(SAMPLES - 1) / 25, step=STEP / 25):
        batch.append(np.stack([window.select(component=letter)[0].data[:SAMPLES] for letter in "ZNE"]))
        if len(batch) == 32:
            answers.append(model.predict(np.asarray(batch, "f4"), batch_size=32, verbose=0))
            batch = []
    return answers


def at_once(root, model):
    """All windows as one array, one predict."""
    stream = by_obspy(root)
    data = np.stack([stream.select(component=letter)[0].data for letter in "ZNE"]).astype("f4")
    windows = np.lib.stride_tricks.sliding_window_view(data, SAMPLES, axis=1)[:, ::STEP]
    return model.predict(np.ascontiguousarray(windows.transpose(1, 0, 2)), batch_size=256, verbose=0)


def seisbench_peers(model, kind):
    """Annotators of SeisBench, by name; none where it is not installed."""
    try:
        import seisbench.models as sbm
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(2)

    class Same(sbm.WaveformModel):
        """The waveform network with the same weights."""

        def __init__(self):
            super().__init__(
                output_type="point", in_samples=SAMPLES, pred_sample=SAMPLES // 2, labels=["a", "b", "c"],
                sampling_rate=25, component_order="ZNE",
            )  # fmt: skip
            weights = [layer.get_weights()[0] for layer in model.layers if layer.name.startswith("waveform_conv")]
            self.convolutions = torch.nn.ModuleList()
            for kernel in weights:
                convolution = torch.nn.Conv1d(kernel.shape[1], kernel.shape[2], kernel.shape[0], bias=False)
                convolution.weight.data = torch.tensor(kernel.transpose(2, 1, 0).copy())
                self.convolutions.append(convolution)
            hidden, last = (model.get_layer(name).get_weights() for name in ("hidden", "classes"))
            self.matrices = [torch.tensor(array) for array in (*hidden, *last)]

        def forward(self, x):
            x = x[..., 32:-32]
            maximum = x.abs().amax(dim=(1, 2), keepdim=True).clamp_min(1e-30)
            for convolution in self.convolutions:
                x = torch.nn.functional.max_pool1d(torch.relu(convolution(x)), 4)
            x = (x / maximum).transpose(1, 2).flatten(1)
            hidden, bias, last, end = self.matrices
            return torch.softmax(torch.relu(x @ hidden + bias) @ last + end, dim=-1)

        def annotate_batch_pre(self, batch, argdict):
            return batch

    peers = {"phasenet": sbm.PhaseNet().eval(), "eqtransformer": sbm.EQTransformer().eval()}
    options = {"phasenet": {}, "eqtransformer": {}}
    if kind == "waveform":
        peers["seisbench"], options["seisbench"] = Same().eval(), {"stride": STEP, "batch_size": 256}

    def runner(name):
        return lambda root: peers[name].annotate(read(root), **options[name])

    return {name: runner(name) for name in peers}


def cpu_s(function, *arguments):
    start = time.process_time()
    result = function(*arguments)
    return time.process_time() - start, result


def child(code):
    """CPU seconds of a process from its start to its end, and what it printed last."""
    before = os.times()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return cpu, done.stdout.strip().splitlines()[-1:]


def memory_mb(root, path, days):
    """Peak of a process that annotates some days, above its imports."""
    code = (
        "import tremorlab.detect.archive as a\n"
        "from tremorlab.detect.continuous import annotate\n"
        f"{PEAK}"
        f"before, detector = peak(), a.Detector({str(path)!r})\n"
        f"start = a.UTCDateTime({str(DAY)!r})\n"
        f"annotate(a.SDSSource({str(root)!r}), {ID!r}, start, start + {86_400 * days}, detector)\n"
        "print(peak() - before)"
    )
    return float(child(code)[1][0])


def peer_memory_mb(root, path, kind):
    """The same of a process in which SeisBench annotates all days that there are."""
    name = "seisbench" if kind == "waveform" else "phasenet"
    code = (
        f"import sys; sys.path[:0] = [{str(Path(__file__).parent)!r}]\n"
        "import station_day as s\n"
        f"{PEAK}"
        f"model = s.open_published(s.Path({str(path.parent)!r})).model\n"
        f"annotate = s.seisbench_peers(model, {kind!r})[{name!r}]\n"
        "before = peak()\n"
        f"annotate(s.Path({str(root)!r}))\n"
        "print(peak() - before)"
    )
    return PEERS[name], float(child(code)[1][0])


def check(root, path, model, end):
    """Largest difference from Keras, window by window, of windows spread over the record."""
    annotation = annotate(SDSSource(root), ID, DAY, end, Detector(path))
    chosen = np.flatnonzero(annotation.known)[:: max(1, len(annotation) // 64)]
    windows, settings = [], Detector(path).about.preparation
    stream = SDSSource(root).get(ID, DAY - 60, end + 60)
    for k in chosen:
        start = annotation.time(int(k)) - SAMPLES / 50
        windows.append(prepare(stream, start, start + SAMPLES / 25, components="ZNE", settings=settings).data)
    expected = model.predict(np.stack(windows), verbose=0)
    return float(np.abs(annotation.probabilities[chosen] - expected).max())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=24.0, help="length of a day file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kind", choices=list(NETWORKS), default="waveform")
    parser.add_argument("--folder", help="where the temporary archives are written (up to 350 MB)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        return judge(Path(folder), options)


def judge(folder, options):
    root, end = folder / "one", DAY + 3600 * options.hours
    write_archive(root, options.hours)
    described = card(options.kind, "ZNE", NETWORKS[options.kind], 4096)
    path = export(publish(folder / "model", network(described), described))
    model, detector = open_published(folder / "model").model, Detector(path, threads=2)
    competitors = {
        "obspy": lambda root: slid(root, model),
        "one predict": lambda root: at_once(root, model),
        **seisbench_peers(model, options.kind),
    }
    times = {name: [] for name in ("ours", "decode", "prepare", "network", *competitors)}
    ours(root, detector, end)  # once for what is made on first use
    for _ in range(options.rounds):
        times["ours"].append(cpu_s(ours, root, detector, end)[0])
        seconds, stream = cpu_s(lambda: SDSSource(root).get(ID, DAY, end))
        times["decode"].append(seconds)
        settings = detector.about.preparation
        seconds, record = cpu_s(lambda: prepare(stream, DAY, end, components="ZNE", settings=settings))  # noqa: B023
        times["prepare"].append(seconds)
        times["network"].append(cpu_s(detector.record, record.data)[0])
        for name, run in competitors.items():
            times[name].append(cpu_s(run, root)[0])
    whole, judged, rows = options.hours >= 24, [], []
    floor = [sum(parts) for parts in zip(times["decode"], times["prepare"], times["network"], strict=True)]
    over_floor = statistics.median(own / least for own, least in zip(times["ours"], floor, strict=True))
    worst = check(root, path, model, end)

    def bar(text, value, limit, met):
        judged.append(met)
        print(f"{text:<58}{value:10.3g}{limit:10.3g}{'' if met else '   MISSED'}")

    print(f"{options.hours:g} h, 3 components at {RATE_HZ:g} Hz, {options.kind} network, {options.rounds} rounds")
    for name, seconds in times.items():
        ratio = statistics.median(other / own for other, own in zip(seconds, times["ours"], strict=True))
        print(f"  {name:<16}{statistics.median(seconds):9.3f} CPU s {ratio:9.2f} x ours")
    print(f"{'':<58}{'measured':>10}{'bar':>10}")
    for name, limit in BARS.items():
        if name in times:
            ratio = statistics.median(other / own for other, own in zip(times[name], times["ours"], strict=True))
            bar(f"{name} / ours, at least", ratio, limit, ratio >= limit)
            rows.append(
                report.row(
                    f"station-day to detections, {options.kind} network",
                    "s of CPU",
                    statistics.median(times["ours"]),
                    peer=(PEERS[name], statistics.median(times[name])),
                    floor=("decoding, preparing and the network, each alone", statistics.median(floor)),
                    ratio=ratio,
                    over_floor=over_floor,
                    bars=(report.Bar("ratio", least=limit), report.Bar("over_floor", most=FLOOR)),
                    equal=worst <= LIMIT,
                )
            )
    bar("ours / floor, at most", over_floor, FLOOR, over_floor <= FLOOR)
    cold, through_keras, imports = cold_commands(root, path, folder, end)
    rows.append(
        report.row(
            "`tremorlab detect` on a station-day, from its start to its end",
            "s of CPU",
            cold,
            peer=("the same work through obspy and Keras", through_keras),
            floor=("importing what it needs", imports),
            bars=(report.Bar("ratio", least=1 / COLD),),
        )
    )
    bar("cold command / the same through Keras, at most", cold / through_keras, COLD, cold / through_keras <= COLD)
    write_archive(folder / "more", options.hours, days=3)
    # Of the same archive: the day after is looked at for its edge, and a lone day file would be spared that.
    one, more = (memory_mb(folder / "more", path, days) for days in (1, 3))
    bar("memory above imports of 1 day in MB, at most", one, MEMORY_MB, one <= MEMORY_MB)
    bar("memory of 3 days / 1 day, at most", more / one, GROWTH, more / one <= GROWTH)
    rows += memory_rows(folder, root, path, options, one, more)
    bar("largest difference from single windows, at most", worst, LIMIT, worst <= LIMIT)
    report.write(rows)
    if not whole:
        print("shorter than a day: not judged, but for the difference")
        return 0 if worst <= LIMIT else 1
    return 0 if all(judged) else 1


def memory_rows(folder, root, path, options, one, more):
    """Rows of the memory that one day takes, and of how it grows with the record; none without SeisBench."""
    try:
        (title, theirs), (_, theirs_more) = (
            peer_memory_mb(where, path, options.kind) for where in (root, folder / "more")
        )
    except subprocess.CalledProcessError:  # SeisBench is not installed
        return []
    samples = 3 * options.hours * 3600 * RATE_HZ * 4 / 2**20
    return [
        report.row(
            "memory, one station-day",
            "MB above imports",
            one,
            peer=(title, theirs),
            floor=("samples of the day, decoded", samples),
            bars=(report.Bar("ours", most=MEMORY_MB),),
        ),
        report.row(
            "memory against record length, three days over one",
            "times",
            more / one,
            peer=(title, theirs_more / theirs),
            floor=("no growth", 1.0),
            bars=(report.Bar("ours", most=GROWTH),),
        ),
    ]


def cold_commands(root, path, folder, end):
    """CPU seconds of the command from its start, of a script that does the same with Keras, and of imports alone."""
    command = (
        "import sys, tremorlab.cli as c; sys.argv = ['tremorlab', 'detect', "
        f"{str(root)!r}, {str(path)!r}, '-o', {str(folder / 'cold')!r}, '--on', '1', '--off', '1', '-j', '1']; c.app()"
    )
    keras = (
        f"import sys; sys.path[:0] = [{str(Path(__file__).parent)!r}]\n"
        "import station_day as s\n"
        f"m = s.open_published(s.Path({str(path.parent)!r})).model\n"
        f"s.at_once(s.Path({str(root)!r}), m)"
    )
    return child(command)[0], child(keras)[0], child("import numpy, obspy, onnxruntime, pandas, scipy.signal, typer")[0]


if __name__ == "__main__":
    sys.exit(main())
