"""Five parameters and two hidden states of Julian's model from one noisy velocity, over seeds.

    python benchmarks/grey_box.py [--seeds 10] [--pressure 19] [--snr 20] [--seconds 60]

Chaotic set (no wall mass, p1 = 19 MPa), wall velocity at 100 Hz, white noise 20 dB below it. A seed counts when every
parameter is within 10 % of the truth; then the fitted model runs freely, and its frequency and spectrum are compared
with the clean record's. The spectral distance of two clean pieces of the same motion stands beside.
"""

import argparse
import os
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from tremorlab.dynamics import grey_box, julian, likeness, structures
from tremorlab.dynamics.record import with_noise
from tremorlab.errors import DynamicsError


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--pressure", type=float, default=19.0, help="driving pressure, MPa")
    parser.add_argument("--snr", type=float, default=20.0, help="dB")
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    parameters = julian.Parameters(p1=given.pressure * 1e6)
    truth = structures.julian_coefficients(parameters)
    motion = julian.simulate(parameters, 3 * given.seconds, settle_s=20.0).select("u").values[:, 0]
    clean, middle, other = np.split(motion, 3)
    between = likeness.log_spectral_distance_db(other, clean), likeness.log_spectral_distance_db(middle, clean)
    frequency = likeness.mean_frequency_hz(clean, 100.0)
    print(f"two clean pieces: {between[0]:.2f} and {between[1]:.2f} dB; {frequency:.4f} Hz", flush=True)
    record = julian.simulate(parameters, given.seconds, settle_s=20.0).select("u")
    recovered = alike = both = 0
    for seed in range(given.seeds):
        noisy = with_noise(record, given.snr, "snr_db", np.random.default_rng(seed))
        start = time.process_time()
        try:
            fit = grey_box.estimate(noisy, structures.JULIAN)
            run = fit.free_run(given.seconds, settle_s=30.0)
        except DynamicsError as error:
            print(f"seed {seed}: {error}", flush=True)
            continue
        worst = float(np.max(np.abs(fit.parameters / truth - 1)))
        drift = likeness.mean_frequency_hz(run, 100.0) / frequency - 1
        distance = likeness.log_spectral_distance_db(run, clean)
        recovered += fit.accepted and worst <= 0.1
        alike += abs(drift) <= 0.01 and distance <= 2 * max(between)
        both += fit.accepted and worst <= 0.1 and abs(drift) <= 0.01 and distance <= 2 * max(between)
        errors = " ".join(
            f"{n} {e:+.2%}" for n, e in zip(fit.structure.parameters, fit.parameters / truth - 1, strict=True)
        )
        print(
            f"seed {seed}: chi-square {fit.chi_square:.3g}, {errors}; free run: frequency {drift:+.2%}, "
            f"{distance:.2f} dB; {time.process_time() - start:.0f} s CPU",
            flush=True,
        )
    print(f"parameters within 10 %: {recovered}, free run alike: {alike}, both: {both}, of {given.seeds} seeds")
    return 0 if recovered >= 0.8 * given.seeds else 1


if __name__ == "__main__":
    sys.exit(main())
