"""Published folders of networks with random weights: what is tested here does not depend on what they have learnt."""

from pathlib import Path

import keras

from tremorlab.classify.model_card import Card, Score, publish
from tremorlab.classify.networks import FusedNetwork, SpectrumNetwork, WaveformNetwork, build
from tremorlab.classify.training import Training
from tremorlab.dataset.spectra import margin_samples
from tremorlab.study import Preparation, RunningSpectrum, Window

#: Windows of 768 samples (30.72 s), 832 with margins: a hundredth of the work of the report's.
SAMPLES = 768

_LOG = RunningSpectrum(amplitude="log")
_INSIDE = RunningSpectrum(framing="inside")
NETWORKS = {
    "waveform": WaveformNetwork(channels=(6, 8), kernel=8, hidden=16),
    "spectrum": SpectrumNetwork(channels=(6, 8), kernel=3, pool=(2, 2), hidden=16),
    "log": SpectrumNetwork(channels=(6, 8), kernel=3, pool=(2, 2), hidden=16, spectrum=_LOG),
    "inside": SpectrumNetwork(channels=(6, 8), kernel=3, pool=(2, 2), hidden=16, spectrum=_INSIDE),
}
NETWORKS |= {f"pooled_{kind}": NETWORKS[kind].model_copy(update={"over_time": "pooled"}) for kind in list(NETWORKS)[:3]}
NETWORKS["fused"] = FusedNetwork(waveform=NETWORKS["waveform"], spectrum=NETWORKS["spectrum"], hidden=16)
NETWORKS["pooled_fused"] = FusedNetwork(
    waveform=NETWORKS["pooled_waveform"], spectrum=NETWORKS["pooled_spectrum"], hidden=16
)
NETWORKS["fused_log"] = FusedNetwork(waveform=NETWORKS["waveform"], spectrum=NETWORKS["log"], hidden=16)


def card(kind: str, components: str, network=None, samples: int = SAMPLES, **changes) -> Card:
    """A card with everything in it."""
    network = network or NETWORKS[kind]
    part = network.spectrum if network.kind == "fused" else network
    spectrum = part.spectrum if part.kind == "spectrum" else RunningSpectrum()
    fields = {
        "name": f"random_{kind}", "title": "Random weights", "classes": ["tremor", "earthquake", "noise"],
        "components": components, "preparation": Preparation(highpass_hz=1.0), "window": Window(samples=samples),
        "running_spectrum": spectrum, "network": network, "training": Training(), "seed": 1,
        "data": "none", "data_licence": "CC0", "split": "none", "recall": {},
        "scores": {"balanced accuracy": Score(value=0.33, low=0.3, high=0.36)}, "temperature": 1.0,
        "limits": ["random weights"], "windows_hash": ["", ""], "code_hash": "",
    }  # fmt: skip
    return Card(**fields | changes)


def network(described: Card, seed: int = 1) -> keras.Model:
    """A network with random weights, biases and a sharper last layer among them, so that classes do change."""
    keras.utils.set_random_seed(seed)
    margin = margin_samples(described.running_spectrum)
    samples = described.window.samples + 2 * margin
    model = build(described.network, (len(described.components), samples), len(described.classes))
    hidden, last = (model.get_layer(name) for name in ("hidden", "classes"))
    hidden.set_weights([hidden.get_weights()[0], hidden.get_weights()[1] + 0.05])
    last.set_weights([4 * last.get_weights()[0], last.get_weights()[1]])
    return model


def published(folder: Path, kind: str, components: str = "Z", **changes) -> Path:
    """Publish a network below a folder."""
    described = card(kind, components, **changes)
    return publish(folder / f"{kind}_{components}", network(described), described)
