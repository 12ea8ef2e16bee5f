"""Train the convolutions of the waveform network without labels: two views of a window are alike, two windows are not.

Contrastive learning (Chen et al. 2020, arXiv:2002.05709, SimCLR): each window of a batch is seen twice, cut at another
place, with another window's record added faintly, and with either sign. The network has to find the partner of each
view among all views of the batch; a second, small network after the features, thrown away afterwards, takes what only
serves this game. What is kept is `encoder`: a window to its features, the input of the connected layers.
"""

import keras
import numpy as np
import pandas as pd
from keras import layers, ops
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from tremorlab.classify.augmentation import crop
from tremorlab.classify.networks import WaveformNetwork, build
from tremorlab.errors import ModelError

#: Windows whose features are computed at a time.
_BATCH = 256


class Pretraining(BaseModel):
    """How convolutions are trained without labels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: PositiveInt = Field(1000, description="batches")
    batch: int = Field(64, ge=2, description="windows of a batch; each is compared with all others of it")
    learning_rate: float = Field(1e-3, gt=0, description="of Adam at the start; it falls to zero along a cosine")
    temperature: float = Field(0.2, gt=0, description="of the contrast: low ones look at the most similar windows only")
    noise_db: tuple[float, float] = Field((-30.0, -6.0), description="rms of the added record over that of the window")
    projection: PositiveInt = Field(64, description="numbers that are compared")


def pretrain(
    network: WaveformNetwork, settings: Pretraining, windows: np.ndarray, samples: int, *, seed: int
) -> tuple[keras.Model, pd.DataFrame]:
    """Train the convolutions of a network on windows without labels.

    Parameters
    ----------
    network
        The waveform network; it has to pool over time.
    settings
        How.
    windows
        Shape (windows, components, more than ``samples``), any unit.
    samples
        Of a view.
    seed
        Of the weights and of everything drawn.

    Returns
    -------
    keras.Model
        (windows, components, samples) to features (windows, features).
    pandas.DataFrame
        step, loss (mean over ten steps), and found: the share of views whose partner is the most similar of all.

    Raises
    ------
    ModelError
        Windows are too few or too short, or the loss is no longer a number.
    """
    if len(windows) < settings.batch or windows.shape[-1] <= samples:
        raise ModelError(
            f"windows of shape {windows.shape}",
            f"are fewer than a batch of {settings.batch}, or not longer than a view of {samples} samples",
            "Give more or longer windows",
        )
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    features = encoder(build(network, (windows.shape[1], samples), 2))
    model = _compared(features, settings)
    nothing, rows, losses, hits = np.zeros((settings.batch, 1), "f4"), [], [], []
    for step in range(settings.steps):
        chosen = windows[rng.choice(len(windows), settings.batch, replace=False)]
        loss, found = model.train_on_batch([view(chosen, samples, settings, rng) for _ in range(2)], nothing)
        if not np.isfinite(loss):
            raise ModelError(f"pre-training, step {step}", f"loss is {loss}", "Lower the learning rate")
        losses.append(float(loss))
        hits.append(float(found))
        if len(losses) == 10 or step + 1 == settings.steps:
            # Keras reports the mean since the metrics were last reset.
            rows.append((step + 1, losses[-1], hits[-1]))
            model.reset_metrics()
            losses, hits = [], []
    return features, pd.DataFrame(rows, columns=["step", "loss", "found"])


def encoder(model: keras.Model) -> keras.Model:
    """Windows to the pooled features that the connected layers of a waveform network see.

    Raises
    ------
    ModelError
        The network does not pool over time, so that its features say where in the window something is.
    """
    names = [layer.name for layer in model.layers]
    if "waveform_gain" not in names:
        raise ModelError(f"network {model.name}", "does not pool over time", 'Build it with over_time = "pooled"')
    return keras.Model(model.input, model.get_layer("waveform_gain").output, name="encoder")


def features(encoder: keras.Model, windows: np.ndarray) -> np.ndarray:
    """Features (windows, features) of windows, of longer ones those of their middle."""
    samples = encoder.input_shape[-1]
    parts = [windows[first : first + _BATCH] for first in range(0, len(windows), _BATCH)]
    return np.concatenate([encoder.predict(crop(part, samples), batch_size=_BATCH, verbose=0) for part in parts])


def adopt(model: keras.Model, encoder: keras.Model) -> keras.Model:
    """Give a waveform network the convolutions of an encoder, and return it."""
    for layer in encoder.layers:
        if layer.name.startswith("waveform_conv_"):
            model.get_layer(layer.name).set_weights(layer.get_weights())
    return model


def view(windows: np.ndarray, samples: int, settings: Pretraining, rng: np.random.Generator) -> np.ndarray:
    """One view of each window: cut somewhere, with another window faintly added, of either sign."""
    seen = crop(windows, samples, rng)
    others = seen[rng.permutation(len(seen))]
    own, added = (np.sqrt(np.mean(np.square(each), axis=(1, 2))) for each in (seen, others))
    ratio = 10 ** (rng.uniform(*settings.noise_db, len(seen)) / 20)
    gain = ratio * own / np.maximum(added, np.finfo("f4").tiny)
    signs = rng.choice([-1.0, 1.0], len(seen))
    scale = 1 / np.maximum(own, np.finfo("f4").tiny)  # units would otherwise meet in the sum
    mixed = (seen + others * gain[:, np.newaxis, np.newaxis]) * (signs * scale)[:, np.newaxis, np.newaxis]
    return mixed.astype("f4")


def contrast(views: object, temperature: float) -> object:
    """Mean surprise at the partner of each view (SimCLR's NT-Xent, equation 1 there).

    Parameters
    ----------
    views
        Tensor (windows, 2, numbers) of unit vectors.
    temperature
        Divides the cosine similarities.
    """
    logits, partners = _similar(views, temperature)
    return ops.mean(ops.sparse_categorical_crossentropy(partners, logits, from_logits=True))


def partners_found(views: object) -> object:
    """Share of views whose partner is the most similar of all views of other windows and of its own."""
    logits, partners = _similar(views, 1.0)
    return ops.mean(ops.cast(ops.equal(ops.cast(ops.argmax(logits, axis=1), "int32"), partners), "float32"))


def _similar(views, temperature):
    """Similarities of all views (itself left out), and the place of each one's partner."""
    windows = ops.shape(views)[0]
    every = ops.concatenate([views[:, 0], views[:, 1]], axis=0)
    logits = ops.matmul(every, ops.transpose(every)) / temperature - 1e9 * ops.eye(2 * windows)
    places = ops.arange(windows, dtype="int32")
    return logits, ops.concatenate([places + windows, places], axis=0)


def _compared(features, settings):
    """Two views to their projections, compiled with the contrast."""
    size = features.output_shape[-1]
    projector = keras.Sequential(
        [layers.Dense(size, "relu"), layers.Dense(settings.projection), layers.UnitNormalization()], name="projector"
    )
    views = [keras.Input(features.input_shape[1:], name=name) for name in ("one", "other")]
    both = [layers.Reshape((1, settings.projection))(projector(features(each))) for each in views]
    model = keras.Model(views, layers.Concatenate(axis=1)(both), name="pretraining")
    falling = keras.optimizers.schedules.CosineDecay(settings.learning_rate, settings.steps)
    model.compile(
        keras.optimizers.Adam(falling),
        lambda _, views: contrast(views, settings.temperature),
        metrics=[lambda _, views: partners_found(views)],
    )
    return model
