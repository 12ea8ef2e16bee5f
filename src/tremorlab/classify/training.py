"""Train a network: from a seed, with checkpoints, to the same weights whether or not it was interrupted.

Everything drawn at random in an epoch (order of the windows, augmentation, dropout) follows from the seed and the
number of the epoch, and a checkpoint holds all else that the next epoch depends on. So a training that was killed goes
on after its last finished epoch and ends with the weights of one that was not, on the same machine and with the same
number of threads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras
import numpy as np
import pandas as pd
from keras import ops
from pydantic import BaseModel, ConfigDict, Field, PositiveInt
from sklearn.metrics import balanced_accuracy_score
from tqdm import tqdm

from tremorlab.classify.augmentation import Augmentation, augment, crop
from tremorlab.classify.networks import Network, build
from tremorlab.classify.runs import Run, begin, finish
from tremorlab.dataset.balance import Sampling, class_counts, class_weights, draw_epoch
from tremorlab.errors import ModelError

#: Name of the class whose windows are added to others as noise.
NOISE = "noise"

#: Windows classified at a time.
_BATCH = 256


class Training(BaseModel):
    """How a network is trained. None of this is published for the report's networks, but the balanced sampling."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: PositiveInt = Field(30, description="passes over as many windows as there are")
    batch: PositiveInt = Field(64, description="windows of a mini-batch")
    learning_rate: float = Field(1e-3, gt=0, description="of Adam at the start; it falls to zero along a cosine")
    sampling: Sampling = Field("balanced", description="balanced: classes in equal shares; plain: windows as they are")
    loss: Literal["cross_entropy", "class_weights", "focal"] = Field(
        "cross_entropy",
        description="class_weights: cross entropy weighted against the class counts; focal: Lin et al. "
        "(arXiv:1708.02002) without class weights, which leaves balance to the sampling",
    )
    focal_gamma: float = Field(2.0, ge=0, description="exponent of the focal loss")
    patience: int = Field(10, ge=0, description="epochs without a better validation score before it stops; 0: never")
    augmentation: Augmentation = Augmentation()


@dataclass(frozen=True, eq=False)
class Examples:
    """Labelled windows: waveforms (windows, components, samples) and their classes, counted from 0."""

    waveforms: np.ndarray
    labels: np.ndarray


def train(
    network: Network,
    training: Training,
    fit: Examples,
    validation: Examples,
    classes: Sequence[str],
    *,
    seed: int,
    folder: str | Path,
    progress: bool = False,
) -> Run:
    """Train a network, or go on with a training that was interrupted, or open one that is finished.

    Parameters
    ----------
    network, training
        What is trained, and how.
    fit
        Windows to train on; they may be longer than those of ``validation``, so that windows can be cut out of them
        at random (`Augmentation.shift`).
    validation
        Windows that decide which epoch is kept: that of the highest balanced accuracy, of equals the first.
    classes
        Names of the classes.
    seed
        Seed of the weights and of everything drawn.
    folder
        Where runs are kept: a folder in it is named after everything that the result depends on, this code included.
    progress
        Show a bar that counts epochs.

    Returns
    -------
    Run
        With the network of the best epoch.

    Raises
    ------
    ModelError
        Windows do not fit together, or the loss is no longer a number.
    DatasetError
        A label is out of range, or a class has no window.
    """
    _check(fit, validation, classes)
    run = begin(folder, network, training, [fit, validation], list(classes), seed)
    if run.finished:
        return run
    shape, history = validation.waveforms.shape[1:], run.history
    keras.utils.set_random_seed(seed)
    if len(history):
        model = keras.models.load_model(run.checkpoint / "model.keras")
    else:
        model = _compiled(build(network, shape, len(classes)), training, len(fit.labels))
    log = keras.callbacks.TensorBoard(run.folder / "logs", write_graph=False)
    log.set_model(model)
    log.on_train_begin()
    with tqdm(total=training.epochs, initial=len(history), unit="epoch", desc=run.name, disable=not progress) as bar:
        while len(history) < training.epochs and not _exhausted(history, training.patience):
            epoch = len(history)
            loss = _epoch(model, training, fit, classes, shape[-1], seed, epoch)
            if not np.isfinite(loss):
                raise ModelError(f"{run.name}, epoch {epoch}", f"loss is {loss}", "Lower the learning rate")
            scores = {"loss": loss, **_validate(model, validation, len(classes))}
            row = pd.DataFrame([{"epoch": epoch, **scores}])
            history = pd.concat([history, row], ignore_index=True) if epoch else row
            run = run.keep(model, history)
            log.on_epoch_end(epoch, scores)
            bar.update()
            bar.set_postfix({name: f"{value:.3f}" for name, value in scores.items()})
    log.on_train_end()
    best = build(network, shape, len(classes))
    best.set_weights(keras.models.load_model(run.checkpoint / "best.keras").get_weights())
    return finish(run, best)


def probabilities(model: keras.Model, waveforms: np.ndarray) -> np.ndarray:
    """Probability of each class for windows (windows, components, samples), of longer ones for their middle."""
    samples = model.input_shape[-1]
    parts = [waveforms[first : first + _BATCH] for first in range(0, len(waveforms), _BATCH)]
    return np.concatenate([model.predict(crop(part, samples), batch_size=_BATCH, verbose=0) for part in parts])


def _check(fit, validation, classes):
    for name, examples in (("training", fit), ("validation", validation)):
        if examples.waveforms.ndim != 3 or len(examples.waveforms) != len(examples.labels):
            raise ModelError(
                f"{name} windows",
                f"have shape {examples.waveforms.shape}, and there are {len(examples.labels)} labels",
                "Give (windows, components, samples), and a label each",
            )
        class_counts(examples.labels, len(classes))
    if fit.waveforms.shape[1] != validation.waveforms.shape[1]:
        raise ModelError(
            "training windows",
            f"have {fit.waveforms.shape[1]} component(s), those of validation {validation.waveforms.shape[1]}",
            "Cut both from the same components",
        )
    crop(fit.waveforms[:1], validation.waveforms.shape[-1])


def _compiled(model, training, windows):
    steps = training.epochs * -(-windows // training.batch)
    loss = keras.losses.CategoricalCrossentropy()
    if training.loss == "focal":
        loss = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=training.focal_gamma)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(training.learning_rate, steps)), loss)
    return model


def _epoch(model, training, fit, classes, samples, seed, epoch):
    """Train for one epoch and return the mean loss."""
    rng = np.random.default_rng([seed, epoch])
    _seed_dropout(model, rng)
    noise = None
    if training.augmentation.noise and NOISE in classes:
        noise = crop(fit.waveforms[fit.labels == list(classes).index(NOISE)], samples)
    weights = class_weights(fit.labels, len(classes)) if training.loss == "class_weights" else None
    order = draw_epoch(fit.labels, len(classes), training.sampling, rng)
    truth = np.eye(len(classes), dtype=np.float32)
    total = 0.0
    for first in range(0, len(order), training.batch):
        chosen = order[first : first + training.batch]
        windows = crop(fit.waveforms[chosen], samples, rng if training.augmentation.shift else None)
        windows = augment(windows, training.augmentation, rng, noise)
        labels = fit.labels[chosen]
        weight = None if weights is None else weights[labels]
        loss = model.train_on_batch(windows, truth[labels], sample_weight=weight)
        total += len(chosen) * float(np.ravel(loss)[0])
    return total / len(order)


def _seed_dropout(model, rng):
    """Start the generators of all dropout layers anew: saved models do not hold their state."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout) and layer.rate:
            state = layer.seed_generator.state
            state.assign(ops.array([int(rng.integers(2**31)), 0], dtype=state.dtype))


def _validate(model, validation, classes):
    """Mean over the classes of the mean negative logarithm of the probability, and of the recall."""
    found = probabilities(model, validation.waveforms)
    surprise = -np.log(np.maximum(found[np.arange(len(found)), validation.labels], 1e-7))
    each_class = [surprise[validation.labels == label].mean() for label in range(classes)]
    return {
        "validation_loss": float(np.mean(each_class)),
        "validation_balanced_accuracy": float(balanced_accuracy_score(validation.labels, found.argmax(axis=1))),
    }


def _exhausted(history, patience):
    if not patience or history.empty:
        return False
    return len(history) - 1 - int(history["validation_balanced_accuracy"].argmax()) >= patience
