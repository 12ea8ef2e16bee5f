"""Training: what is kept, going on after a stop, determinism, losses, bad input."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops
from pydantic import ValidationError

from tests.classify.interrupted import NETWORK, TRAINING, examples
from tremorlab.classify import training
from tremorlab.classify.augmentation import Augmentation
from tremorlab.classify.networks import build
from tremorlab.classify.runs import load, open_run
from tremorlab.classify.training import Examples, Training, probabilities, train
from tremorlab.errors import DatasetError, ModelError

CLASSES = ("a", "noise", "c")
WINDOWS = examples()


def go(folder, *, fit=WINDOWS, validation=WINDOWS, seed=11, **changes):
    settings = TRAINING.model_copy(update={"epochs": 2} | changes)
    return train(NETWORK, settings, fit, validation, CLASSES, seed=seed, folder=folder)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return go(tmp_path_factory.mktemp("runs"), epochs=12)


def test_a_finished_run_leaves_its_network_and_its_history_and_no_checkpoint(finished):
    assert {path.name for path in finished.folder.iterdir()} == {"run.json", "model.keras", "history.csv", "logs"}
    assert finished.history["epoch"].tolist() == list(range(12))
    assert list((finished.folder / "logs").rglob("events.out.tfevents*"))


def test_it_learns(finished):
    assert finished.history["loss"].iloc[-1] < finished.history["loss"].iloc[0]
    assert finished.history["validation_balanced_accuracy"].max() > 0.6


def test_the_kept_network_is_that_of_the_best_epoch(finished):
    found = probabilities(finished.model(), WINDOWS.waveforms)
    accuracy = np.mean(found.argmax(axis=1) == WINDOWS.labels)  # classes are equally frequent
    best = finished.history["validation_balanced_accuracy"]
    np.testing.assert_allclose(accuracy, best.max(), atol=1e-6)
    assert finished.best_epoch == int(np.flatnonzero(best == best.max())[0])
    surprise = -np.log(found[np.arange(48), WINDOWS.labels]).mean()
    np.testing.assert_allclose(surprise, finished.history["validation_loss"][finished.best_epoch], rtol=1e-5)


def test_asked_again_it_is_opened_and_not_trained(finished, monkeypatch):
    monkeypatch.setattr(training, "_epoch", None)
    again = go(finished.folder.parent, epochs=12)
    assert again.folder == finished.folder
    assert again.history.equals(finished.history)


def test_everything_it_depends_on_names_the_folder(finished, monkeypatch):
    begun = []
    monkeypatch.setattr(training, "begin", lambda *a: begun.append(training_begin(*a)) or begun[-1])
    monkeypatch.setattr(training, "_epoch", lambda *a: float("nan"))
    other = Examples(WINDOWS.waveforms * np.float32(1.5), WINDOWS.labels)
    changes = [{}, {"seed": 12}, {"batch": 8}, {"fit": other}, {"validation": other}]
    for change in changes:
        with pytest.raises(ModelError, match=r"epoch 0: loss is nan\. Lower the learning rate"):
            go(finished.folder.parent / "others", **change)
    assert len({run.folder.name for run in begun}) == len(changes)


training_begin = training.begin


def test_killed_trainings_lose_no_epoch_and_end_with_the_same_weights(tmp_path):
    script = Path(__file__).with_name("interrupted.py")
    done = subprocess.run(
        [sys.executable, script, tmp_path / "runs", "4", "2"], capture_output=True, text=True, check=True
    )
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["kills"] >= 4
    assert report["lost_epochs"] == 0
    assert report["same_weights"]


def test_an_error_in_an_epoch_leaves_the_epochs_before(tmp_path, monkeypatch):
    real = training._epoch

    def fails(*arguments):
        if arguments[-1] == 1:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(training, "_epoch", fails)
    with pytest.raises(KeyboardInterrupt):
        go(tmp_path, epochs=3)
    (folder,) = tmp_path.iterdir()
    assert (folder / "epoch_0000" / "best.keras").exists()
    assert not (folder / "run.json").exists()
    with pytest.raises(ModelError, match=r"is not finished. Train on"):
        training_begin(
            tmp_path, NETWORK, TRAINING.model_copy(update={"epochs": 3}), [WINDOWS, WINDOWS], list(CLASSES), 11
        ).model()
    (folder / ".checkpoint_of_a_killed_one").mkdir()
    monkeypatch.setattr(training, "_epoch", real)
    assert go(tmp_path, epochs=3).history["epoch"].tolist() == [0, 1, 2]
    assert not list(folder.glob(".checkpoint*"))


def test_it_stops_when_nothing_gets_better(tmp_path, monkeypatch):
    scores = iter([0.5, 0.6, 0.6, 0.6, 0.9])
    monkeypatch.setattr(training, "_epoch", lambda *a: 1.0)
    monkeypatch.setattr(
        training,
        "_validate",
        lambda *a: {"validation_loss": 1.0, "validation_balanced_accuracy": next(scores)},
    )
    run = go(tmp_path, epochs=9, patience=2)
    assert len(run.history) == 4
    assert run.best_epoch == 1


def test_the_loss_of_an_epoch_is_the_mean_over_its_windows(tmp_path):
    """With a learning rate of almost nothing and no dropout it is the loss of the first weights."""
    network = NETWORK.model_copy(update={"dropout": 0.0})
    few = Training(epochs=1, batch=20, learning_rate=1e-12, sampling="plain")
    for loss in ("cross_entropy", "focal", "class_weights"):
        settings = few.model_copy(update={"loss": loss})
        labels = np.minimum(np.arange(48) % 5, 2)
        fit = Examples(WINDOWS.waveforms, labels)
        run = train(network, settings, fit, WINDOWS, CLASSES, seed=11, folder=tmp_path)
        p = probabilities(run.model(), WINDOWS.waveforms)[np.arange(48), labels].astype("f8")
        weight = {"cross_entropy": 1.0, "focal": (1 - p) ** 2, "class_weights": 16 / np.bincount(labels)[labels]}[loss]
        np.testing.assert_allclose(run.history["loss"][0], np.mean(-weight * np.log(p)), rtol=1e-4)


def test_longer_windows_are_cropped_at_random_and_noise_is_added(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(training, "augment", lambda windows, *rest: seen.append((windows, rest[-1])) or windows)
    longer = Examples(np.pad(WINDOWS.waveforms, ((0, 0), (0, 0), (40, 40))), WINDOWS.labels)
    go(tmp_path, fit=longer, epochs=1, augmentation=Augmentation(noise=0.5))
    shifts = [np.argmax(window[0] != 0) for windows, _ in seen for window in windows]
    assert {windows.shape[-1] for windows, _ in seen} == {256}
    assert len(set(shifts)) > 5
    np.testing.assert_array_equal(seen[0][1], WINDOWS.waveforms[WINDOWS.labels == 1])
    seen.clear()
    go(tmp_path, fit=longer, epochs=1, augmentation=Augmentation(shift=False))
    assert all((windows == 0).sum() == 0 for windows, _ in seen)


def test_dropout_follows_from_the_epoch_and_not_from_what_was_before():
    model = build(NETWORK, (1, 256), 3)
    x = WINDOWS.waveforms[:4]
    answers = []
    for epoch in (0, 1, 0):
        training._seed_dropout(model, np.random.default_rng([3, epoch]))
        answers.append(ops.convert_to_numpy(model(x, training=True)))
    np.testing.assert_array_equal(answers[0], answers[2])
    assert not np.array_equal(answers[0], answers[1])


@pytest.mark.parametrize(
    ("fit", "validation", "error", "message"),
    [
        (
            Examples(WINDOWS.waveforms[:9], WINDOWS.labels),
            WINDOWS,
            ModelError,
            r"training windows: have shape \(9,.*48 l",
        ),
        (WINDOWS, Examples(WINDOWS.waveforms[:, 0], WINDOWS.labels), ModelError, "validation windows: have shape"),
        (Examples(WINDOWS.waveforms, WINDOWS.labels * 2), WINDOWS, DatasetError, "class 4 of 3"),
        (WINDOWS, Examples(WINDOWS.waveforms, WINDOWS.labels * 0), DatasetError, "class 1 has no window"),
        (
            Examples(np.repeat(WINDOWS.waveforms, 2, axis=1), WINDOWS.labels),
            WINDOWS,
            ModelError,
            r"training windows: have 2 component\(s\), those of validation 1. Cut both",
        ),
        (Examples(WINDOWS.waveforms[..., :200], WINDOWS.labels), WINDOWS, ModelError, "have 200 samples, and the net"),
    ],
)
def test_windows_that_do_not_fit_are_named(tmp_path, fit, validation, error, message):
    with pytest.raises(error, match=message):
        go(tmp_path, fit=fit, validation=validation)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fields", [{"epochs": 0}, {"loss": "hinge"}, {"learning_rate": 0}, {"sampling": "all"}])
def test_settings_out_of_range_are_refused(fields):
    with pytest.raises(ValidationError, match=next(iter(fields))):
        Training(**fields)


def test_what_is_no_run_says_so(tmp_path, finished):
    with pytest.raises(ModelError, match=r"is no finished training run: .*No such file.*Remove the folder"):
        open_run(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(ModelError, match="is no finished training run: 'depends'"):
        open_run(tmp_path)
    (tmp_path / "model.keras").write_bytes((finished.folder / "model.keras").read_bytes()[:-500])
    for name in ("model.keras", "absent.keras"):
        with pytest.raises(ModelError, match=rf"{name}: cannot be opened as a network.*Train again"):
            load(tmp_path / name)


def test_code_in_a_saved_file_is_not_run(tmp_path):
    window = keras.Input((4,))
    keras.Model(window, keras.layers.Lambda(lambda x: x + 1)(window)).save(tmp_path / "lambda.keras")
    with pytest.raises(ModelError, match=r"lambda.keras: cannot be opened as a network"):
        load(tmp_path / "lambda.keras")


def test_two_devices_give_a_network_that_works(tmp_path):
    """Two virtual processors: the same batch on each half, by the means that TensorFlow has for it."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("tf.distribute is TensorFlow's")
    script = (
        "import tensorflow as tf, numpy as np\n"
        "cpu = tf.config.list_physical_devices('CPU')[0]\n"
        "tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)\n"
        "from tests.classify.interrupted import NETWORK, TRAINING, examples\n"
        "from tremorlab.classify.training import train\n"
        "x = examples()\n"
        "with tf.distribute.MirroredStrategy(['CPU:0', 'CPU:1']).scope():\n"
        "    run = train(NETWORK, TRAINING, x, x, 'abc', seed=11, folder='runs')\n"
        "print(run.history['loss'].iloc[-1])\n"
    )
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout.splitlines()[-1]) < 1.2


def test_it_trains_and_reloads_under_jax(tmp_path):
    pytest.importorskip("jax")
    script = (
        "from tests.classify.interrupted import NETWORK, TRAINING, examples\n"
        "from tremorlab.classify.training import probabilities, train\n"
        "x = examples()\n"
        "run = train(NETWORK, TRAINING, x, x, 'abc', seed=11, folder='runs')\n"
        "print(probabilities(run.model(), x.waveforms).sum() / 48)\n"
    )
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), *sys.path]), "KERAS_BACKEND": "jax"}
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout.splitlines()[-1]) == pytest.approx(1)
