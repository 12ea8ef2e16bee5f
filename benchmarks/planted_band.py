"""Does the reading of filters find a rule that is known to be there, and nothing where there is none?

    python benchmarks/planted_band.py --seeds 10

Two classes of noise differ in 3-5 Hz only. Networks with four filters are trained from several seeds, and once more
with permuted labels; each is read by `tremorlab.interpret.influence`.
"""

import argparse
import os
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from tremorlab.classify.networks import WaveformNetwork
from tremorlab.classify.training import Examples, Training, train
from tremorlab.interpret.influence import influence
from tremorlab.interpret.planted import planted

BAND_HZ = (3.0, 5.0)
NETWORK = WaveformNetwork(channels=(4, 8, 8), hidden=32, dropout=0)
TRAINING = Training(epochs=12, batch=32, learning_rate=2e-3, patience=0)


def read(seed: int, permuted: bool):
    """Peak frequency of the filter that speaks most for the louder band, or None where no filter is above the null."""
    rng = np.random.default_rng([seed, permuted])
    fit, validation, test = (planted(number, rng, band_hz=BAND_HZ) for number in (600, 100, 200))
    if permuted:
        fit, validation, test = (
            Examples(part.waveforms, rng.permutation(part.labels)) for part in (fit, validation, test)
        )
    with tempfile.TemporaryDirectory() as folder:
        run = train(NETWORK, TRAINING, fit, validation, ["as it is", "louder"], seed=seed, folder=folder)
        found = influence(run.model(), test.waveforms, test.labels, rng=rng)
    top = found.top(1)
    return found, None if top is None else float(found.filters["peak_hz"][top])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    inside = silent = 0
    for seed in range(given.seeds):
        for permuted in (False, True):
            found, peak = read(seed, permuted)
            inside += not permuted and peak is not None and BAND_HZ[0] <= peak <= BAND_HZ[1]
            silent += permuted and peak is None
            name = "permuted" if permuted else "planted"
            print(f"seed {seed}, {name}: peak {peak and round(peak, 2)} Hz, null {found.null:.3f}", flush=True)
            print(found.filters.assign(evidence=found.evidence[:, 1]).round(3).to_string(index=False), flush=True)
    print(f"planted: peak inside {BAND_HZ[0]:g}-{BAND_HZ[1]:g} Hz in {inside} of {given.seeds}")
    print(f"permuted labels: nothing above the null in {silent} of {given.seeds}")


if __name__ == "__main__":
    main()
