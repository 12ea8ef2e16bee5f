"""What labels are worth after training without them: probes, networks from nothing, and networks tuned.

Encoders are trained on continuous records without labels (`tremorlab.classify.pretraining`). Then so many windows of
each class are labelled, drawn from the training windows of the comparison of networks, and classifiers are trained on
them and scored on its test windows:

- "probe": logistic regression on the features of an encoder, or of an untrained one;
- "from nothing" and "tuned": the network itself, its convolutions random or those of an encoder;
- "forest": the random forest on its features, which knows no records but those with labels.

With the answer come features of windows of continuous record, with what they hold: what `tremorlab.experiment.active`
asks for labels of.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import keras
import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, PositiveInt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tremorlab.classify import pretraining, rivals
from tremorlab.classify.augmentation import crop
from tremorlab.classify.networks import WaveformNetwork, build
from tremorlab.classify.pretraining import Pretraining
from tremorlab.classify.training import probabilities
from tremorlab.dataset.features import features
from tremorlab.dataset.spectra import margin_samples
from tremorlab.errors import DatasetError
from tremorlab.experiment import comparison, detection_questions, store, trained, unlabelled
from tremorlab.experiment.twin_windows import Divided, TwinWindows
from tremorlab.experiment.unlabelled import Record, StudyRecord, TwinRecord

MODULES = ("tremorlab.experiment.pretraining",)

#: Encoder that has seen nothing.
UNTRAINED = "untrained"

#: Share of the days of a record on which windows are labelled; a later part is for the test.
_POOL = 2 / 3

#: Samples that unlabelled windows are longer than a view.
_SPARE = 1024


class Tuning(BaseModel):
    """How the network is trained on few labelled windows; there are none to spare for choosing an epoch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: PositiveInt = Field(250, description="batches")
    batch: PositiveInt = 32
    learning_rate: float = Field(1e-3, gt=0, description="of Adam at the start; it falls to zero along a cosine")


class Sources(BaseModel):
    """Record that an encoder learns from, and how many of its windows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    record: Record
    windows: PositiveInt


class Pool(BaseModel):
    """Continuous record of which an analyst labels windows, and on which what was learned is tested."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    record: TwinRecord
    encoder: str = Field(description="name of the source whose encoder gives the features")
    pool: PositiveInt = Field(3000, description="windows of the first two thirds, at random times: mostly noise")
    test: PositiveInt = Field(20_000, description="windows of the last third, at random times")
    most: PositiveInt = Field(600, description="test windows of a class that are kept; recalls do not depend on it")


class Question(BaseModel):
    """What encoders learn from, and what is labelled."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9_]+$", description="names the file; does not count")
    network: WaveformNetwork
    settings: Pretraining = Pretraining()
    sources: dict[str, Sources] = Field(min_length=1)
    labelled: dict[str, TwinWindows] = Field(min_length=1, description="setting -> windows with labels")
    tuned: dict[str, str] = Field(description="setting -> source of the encoder that its networks start from")
    labels: tuple[PositiveInt, ...] = Field((10, 50, 250), description="labelled windows a class")
    draws: PositiveInt = Field(10, description="times that they are drawn anew, for probes and the forest")
    trainings: PositiveInt = Field(3, description="the same for networks")
    tuning: Tuning = Tuning()
    pools: dict[str, Pool] = Field({}, description="setting -> where an analyst labels")
    seed: int = Field(0, ge=0)


@dataclass(frozen=True, eq=False)
class Pooled:
    """Features of windows of a continuous record, and what they hold.

    Attributes
    ----------
    classes : tuple of str
        Noise last.
    pool, test : numpy.ndarray, (windows, features)
    pool_labels, test_labels : numpy.ndarray of str
        `unlabelled.UNCLEAR` where no class can be told; none of the test.
    windows : pandas.DataFrame
        station, start and end (ns since 1970) of the windows of the pool.
    """

    classes: tuple[str, ...]
    pool: np.ndarray
    pool_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray
    windows: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Found:
    """Scores, how the encoders learned, and pools.

    Attributes
    ----------
    scores : pandas.DataFrame
        setting, way ("probe", "from nothing", "tuned", "forest"), source ("" where there is none), labels (a class),
        draw, score (balanced accuracy on the test windows).
    history : pandas.DataFrame
        source, step, loss, found.
    pools : dict
        Setting -> `Pooled`.
    answer : store.Answer
    """

    scores: pd.DataFrame
    history: pd.DataFrame
    pools: dict[str, Pooled]
    answer: store.Answer


def question(size: comparison.Size | None = None) -> Question:
    """The question of the pages: both simulated months and a recorded day, both settings of the comparison."""
    size = size or comparison.Size()
    months = {s: TwinRecord(scenario=detection_questions.month(s, size=size).scenario) for s in comparison.SETTINGS}
    return Question(
        name="pretraining",
        network=comparison.networks()["1D"],
        sources={
            "nankai, few": Sources(record=months["nankai"], windows=1000),
            "nankai": Sources(record=months["nankai"], windows=12_000),
            "sakurajima": Sources(record=months["sakurajima"], windows=12_000),
            "mbar_2021": Sources(record=StudyRecord(study="mbar_2021", start="2021-05-20T00:00:00Z"), windows=2000),
        },
        labelled={s: comparison.compared(s, "report-like", size)["1D"].windows for s in comparison.SETTINGS},
        tuned={s: s for s in comparison.SETTINGS},
        pools={s: Pool(record=months[s], encoder=s) for s in comparison.SETTINGS},
    )


def pretrained(asked: Question, *, again: bool = False, shipped: bool = True, workers: int | None = None) -> Found:
    """Answer the question; parameters as for `tremorlab.experiment.trained.result`, all in one process.

    Raises
    ------
    DataMissingError
        The answer is not kept, and recordings are not on this machine.
    DatasetError
        There are fewer windows of a class than are to be labelled.
    """
    del workers
    found = store.answer(asked, lambda: _compute(asked), modules=MODULES, again=again, shipped=shipped)
    arrays = found.arrays
    tables = {
        table: pd.DataFrame({n.partition("|")[2]: v for n, v in arrays.items() if n.startswith(f"{table}|")})
        for table in ("scores", "history")
    }
    pools = {
        setting: Pooled(
            tuple(arrays[f"{setting}|classes"].tolist()),
            *(arrays[f"{setting}|{name}"] for name in ("pool", "pool_labels", "test", "test_labels")),
            pd.DataFrame({name: arrays[f"{setting}|{name}"] for name in ("station", "start", "end")}),
        )
        for setting in asked.pools
    }
    return Found(tables["scores"], tables["history"], pools, found)


def probe() -> object:
    """The classifier on features: logistic regression of standardised ones, classes weighted equally."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000))


def _compute(asked: Question) -> dict[str, np.ndarray]:
    for source in asked.sources.values():
        unlabelled.opened(source.record)  # missing recordings are said at once
    parts = {setting: trained._windows(windows) for setting, windows in asked.labelled.items()}
    like = next(iter(parts.values()))
    samples = like.test.examples.waveforms.shape[-1]
    encoders, history = {UNTRAINED: _untrained(asked, like, samples)}, []
    for name, source in asked.sources.items():
        windows, _ = unlabelled.drawn(
            source.record, like.study.preparation, like.study.components, source.windows, samples + _SPARE, asked.seed
        )
        encoders[name], learned = pretraining.pretrain(asked.network, asked.settings, windows, samples, seed=asked.seed)
        history.append(learned.assign(source=name))
    scores = [row for setting, own in parts.items() for row in _scores(asked, setting, own, encoders)]
    columns = ["setting", "way", "source", "labels", "draw", "score"]
    made = _arrays("scores", pd.DataFrame(scores, columns=columns)) | _arrays("history", pd.concat(history))
    for setting, pool in asked.pools.items():
        made |= {f"{setting}|{n}": v for n, v in _pool(asked, pool, parts[setting], encoders, samples).items()}
    return made


def _untrained(asked, like, samples):
    keras.utils.set_random_seed(asked.seed)
    return pretraining.encoder(build(asked.network, (len(like.study.components), samples), 2))


def _arrays(table, rows):
    return {f"{table}|{n}": rows[n].to_numpy("U" if rows[n].dtype.kind not in "if" else None) for n in rows}


def _scores(asked: Question, setting: str, parts: Divided, encoders) -> list[tuple]:
    fit, test = parts.train.examples, parts.test.examples
    samples = test.waveforms.shape[-1]
    windows = crop(fit.waveforms, samples)
    seen = {name: [pretraining.features(e, part) for part in (windows, test.waveforms)] for name, e in encoders.items()}
    table = [_features(part, parts) for part in (windows, test.waveforms)]
    rows = []
    for labels, draw in product(asked.labels, range(asked.draws)):
        chosen = _drawn(
            fit.labels, labels, len(parts.classes), np.random.default_rng([asked.seed, labels, draw]), setting
        )
        truth = fit.labels[chosen]

        def score(given):
            return float(balanced_accuracy_score(test.labels, given))

        for name, (own, other) in seen.items():
            found = probe().fit(own[chosen], truth).predict(other)
            rows.append((setting, "probe", name, labels, draw, score(found)))
        forest = rivals.estimators(draw)["forest"].fit(table[0].iloc[chosen], truth)
        rows.append((setting, "forest", "", labels, draw, score(forest.predict(table[1]))))
        if draw < asked.trainings:
            for way, name in (("from nothing", ""), ("tuned", asked.tuned[setting])):
                model = _tuned(asked, windows[chosen], truth, len(parts.classes), encoders.get(name), draw)
                rows.append(
                    (setting, way, name, labels, draw, score(probabilities(model, test.waveforms).argmax(axis=1)))
                )
    return rows


def _features(waveforms, parts):
    margin, window = margin_samples(parts.study.running_spectrum), parts.study.window.samples
    return features(waveforms[:, :, margin : margin + window], parts.study.preparation.sampling_rate_hz)


def _drawn(labels, count, classes, rng, setting):
    """So many windows of each class, at random."""
    chosen = []
    for number in range(classes):
        own = np.flatnonzero(labels == number)
        if len(own) < count:
            raise DatasetError(
                f"training windows of {setting}", f"{len(own)} of class {number}", f"Label {len(own)} or fewer"
            )
        chosen.append(rng.choice(own, count, replace=False))
    return np.concatenate(chosen)


def _tuned(asked, windows, labels, classes, encoder, seed):
    """The network trained on all of the few windows for a fixed number of steps."""
    keras.utils.set_random_seed(seed)
    model, tuning = build(asked.network, windows.shape[1:], classes), asked.tuning
    if encoder is not None:
        pretraining.adopt(model, encoder)
    falling = keras.optimizers.schedules.CosineDecay(tuning.learning_rate, tuning.steps)
    model.compile(keras.optimizers.Adam(falling), keras.losses.CategoricalCrossentropy())
    rng, truth = np.random.default_rng(seed), np.eye(classes, dtype="f4")[labels]
    for _ in range(tuning.steps):
        chosen = rng.choice(len(windows), min(tuning.batch, len(windows)), replace=False)
        model.train_on_batch(windows[chosen], truth[chosen])
    return model


def _pool(asked, pool, parts, encoders, samples):
    """Features of windows to label and of windows to test on, and what they hold."""
    given, classes = (pool.record, parts.study.preparation, parts.study.components), parts.classes
    # A day lies between the two, so that no event is in both.
    days = pool.record.scenario.days
    last = round((days - 1) * _POOL)
    windows, table = unlabelled.drawn(*given, pool.pool, samples, asked.seed + 1, share=(0, last / days))
    made = {
        "classes": np.array(classes),
        "pool": pretraining.features(encoders[pool.encoder], windows).astype("f2"),
        "pool_labels": unlabelled.labels(pool.record, table, classes),
        "station": table["station"].to_numpy("U"),
        **{name: table[name].to_numpy("i8") for name in ("start", "end")},
    }
    windows, table = unlabelled.drawn(*given, pool.test, samples, asked.seed + 2, share=((last + 1) / days, 1))
    held = unlabelled.labels(pool.record, table, classes)
    kept, rng = [], np.random.default_rng(asked.seed)
    for name in classes:
        own = np.flatnonzero(held == name)
        kept += rng.choice(own, min(pool.most, len(own)), replace=False).tolist()
    made["test"] = pretraining.features(encoders[pool.encoder], windows[kept]).astype("f2")
    made["test_labels"] = held[kept]
    return made
