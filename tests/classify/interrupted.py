"""Kill trainings again and again until each of them ends, and compare their networks with an uninterrupted one's.

    python tests/classify/interrupted.py FOLDER KILLS SEED

A training is a forked child, so that TensorFlow is imported once. A child kills itself at a file operation drawn at
random among those in the run's folder: there, and not during the arithmetic, something could be half done. Prints one
line of JSON: number of kills and of trainings, largest loss of finished epochs, and whether all weights are the same.
"""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np

from tremorlab.classify.networks import WaveformNetwork
from tremorlab.classify.training import Examples, Training, train

NETWORK = WaveformNetwork(channels=(4, 6), kernel=8, hidden=8, margin=0)
TRAINING = Training(epochs=5, batch=16, learning_rate=0.01, patience=0)


def examples():
    rng = np.random.default_rng(0)
    labels = np.arange(48) % 3
    turns = np.arange(256) * np.array([0.05, 0.15, 0.3])[labels, np.newaxis]
    return Examples((np.sin(2 * np.pi * turns) + rng.normal(size=turns.shape))[:, np.newaxis].astype("f4"), labels)


def child(folder, kill_at):
    """Train in a process of its own, which kills itself before the ``kill_at``-th file operation; is it finished?"""
    if pid := os.fork():
        return os.waitpid(pid, 0)[1] == 0
    left = kill_at

    def watch(event, arguments):
        nonlocal left
        if event in ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree") and str(
            arguments[0]
        ).startswith(str(folder)):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    if kill_at:
        sys.addaudithook(watch)
    status = 1
    try:
        windows = examples()
        run = train(NETWORK, TRAINING, windows, windows, ("a", "b", "c"), seed=11, folder=folder)
        np.savez(folder / "weights.npz", *run.model().get_weights())
        status = 0
    finally:
        os._exit(status)


def finished_epochs(folder):
    if list(folder.glob("*/run.json")):
        return TRAINING.epochs
    return max((int(path.name[-4:]) + 1 for path in folder.glob("*/epoch_????")), default=0)


def main(folder, kills, seed):
    rng = np.random.default_rng(seed)
    whole = folder / "whole"
    whole.mkdir(parents=True)
    if not child(whole, 0):
        raise SystemExit("the uninterrupted training failed")
    reference = np.load(whole / "weights.npz")
    done, trainings, lost, same = 0, 0, 0, True
    while done < kills:
        trainings += 1
        broken = folder / f"broken_{trainings}"
        broken.mkdir()
        ended, before = False, 0
        while not ended:
            ended = child(broken, int(rng.integers(1, 40)) if done < kills else 0)
            done += not ended
            lost = max(lost, before - finished_epochs(broken))
            before = finished_epochs(broken)
        weights = np.load(broken / "weights.npz")
        same &= all(np.array_equal(weights[name], reference[name]) for name in reference.files)
    print(json.dumps({"kills": done, "trainings": trainings, "lost_epochs": lost, "same_weights": same}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
