# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What can be learned without labels
#
# An observatory has years of continuous records and labels for an hour of them. Speech and image recognition met the same
# with *foundation models*: networks that first learn from everything that was recorded, without labels, and then need few of
# them. **How many labels does that save here, and what would it take?**
#
# :::{admonition} Objectives
# - Train convolutions on continuous record without a single label, and say what game they play.
# - Measure what labels are worth afterwards: probe, tuned network, network from nothing, forest.
# - See what a quiet station's day can teach a network for another volcano.
# :::
#
# *Prerequisites:* [One dimension against two](03_networks.ipynb). *Needs:* nothing; the trainings come with the compendium. Anew they take
# about half an hour on two cores and, for one of the encoders, the recordings of station MBAR.

# %% tags=["remove-cell"]
# Colab begins without the compendium; elsewhere this does nothing.
import importlib.util

if importlib.util.find_spec("tremorlab") is None:
    book = "https://github.com/tremor-compendium/tremor-compendium"
    wanted = f'"tremorlab[book] @ git+{book}"'
    get_ipython().run_line_magic("pip", f"install --quiet {wanted}")

# %% tags=["parameters"]
retrain: bool = False  # train anew, whatever results there are
replicates: int = 2000  # draws for intervals
seed: int = 1  # seed of these draws

# %% tags=["gate"]
from tremorlab.page.parameters import between, gate

settings = gate(
    globals(),
    replicates=between(100, 100_000),
    seed=between(0, 2**32 - 1),
)
settings

# %% tags=["hide-input"]
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import matplotlib.pyplot as plt
import numpy as np

from tremorlab.classify.pretraining import Pretraining, view
from tremorlab.experiment.pretraining import UNTRAINED, pretrained, question
from tremorlab.page import figures, label_figures, publish
from tremorlab.page.provenance import Provenance

figures.use_style()
provenance = Provenance(settings.seed)
rng = np.random.default_rng(settings.seed)

# %%
asked = question()
found = pretrained(asked, again=settings.retrain)
scores = found.scores
SETTINGS = tuple(asked.labelled)
changed = ", ".join(found.answer.changed)
publish.values(
    origin=found.answer.origin,
    stale=f"Changed since it was computed: {changed}." if changed else "",
    n_steps=asked.settings.steps,
    n_batch=asked.settings.batch,
    temperature=asked.settings.temperature,
    n_draws=asked.draws,
    n_trainings=asked.trainings,
    n_tuning=asked.tuning.steps,
    n_windows=max(source.windows for source in asked.sources.values()),
    n_few=min(source.windows for source in asked.sources.values()),
)

# %% [markdown]
# ## A game that needs no labels
#
# Each window of a batch is looked at twice: cut at another place, with another window's record faintly added, of either sign.
# What has not changed between these **views** is what happened in the ground. The network has to find for each view its
# partner among all views of the batch ({term}`contrastive learning`, {cite:p}`chen2020`): with $z$ the views' projections,
# unit vectors, and $\tau$ = {glue:text}`temperature:g`,
#
# $$
# \ell_{ij} = - \log \frac{\exp (z_i \cdot z_j / \tau)}{\sum_{k \ne i} \exp (z_i \cdot z_k / \tau)}
# $$ (eq-contrast)
#
# for the two views $i$, $j$ of a window. The network is the one-dimensional one of chapter 3 up to its pooled features, and what it
# reads is {glue:text}`n_windows` windows (or {glue:text}`n_few`) at random times of a simulated month, in which most windows are noise, or of
# 24 hours at station MBAR in Uganda, which has no volcano near. {glue:text}`stale`

# %% tags=["remove-output"]
time_s = np.arange(5184) / 25
example = 0.3 * rng.normal(size=(2, 1, len(time_s)))
example[0, 0] += np.exp(-(((time_s - 105) / 12) ** 2)) * np.sin(
    2 * np.pi * 2 * time_s
)
views = [view(example.astype("f4"), 4160, Pretraining(), rng) for _ in range(3)]
figure, axes = plt.subplots(3, 1, figsize=(8, 3.6), sharex=True, sharey=True)
for ax, each in zip(axes, views, strict=True):
    ax.plot(np.arange(4160) / 25, each[0, 0], lw=0.6)
    ax.set(yticks=[])
axes[-1].set(xlabel="time in the view (s)")
publish.figure("fig-views", figure, provenance.line(np.stack(views)))

# %% [markdown]
# ```{glue:figure} fig-views
# :name: fig-views
# :alt: Three waveforms below each other, the same burst at other places of the view, once upside down.
#
# Three views of one window that holds a burst (drawn here, and not of the twin): another cut, another sign, another record faintly
# added. {glue:text}`fig-views-made`
# ```

# %% tags=["remove-output"]
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
label_figures.draw_learning(left, found.history, "loss")
label_figures.draw_learning(right, found.history, "found")
left.set(xlabel="step", ylabel="contrast (nats)")
right.set(xlabel="step", ylabel="partners found", ylim=(0, 1))
right.axhline(1 / (2 * asked.settings.batch - 1), color="black", lw=0.8, ls=":")
right.legend(fontsize=8)
publish.figure(
    "fig-contrast", figure, provenance.line(found.history["loss"].to_numpy())
)

# %%
last = found.history.groupby("source").tail(5).groupby("source")["found"].mean()
publish.values(
    found_least=float(last.min()),
    found_most=float(last.max()),
    found_best=label_figures.source_of(last.idxmax()),
    chance=1 / (2 * asked.settings.batch - 1),
)

# %% [markdown]
# ```{glue:figure} fig-contrast
# :name: fig-contrast
# :alt: Left, the contrast falls with the training steps for each of four encoders. Right, the share of partners that are found rises from near zero.
#
# The game as it is learned, {glue:text}`n_steps` steps of {glue:text}`n_batch` windows. Dotted: guessing. {glue:text}`fig-contrast-made`
# ```
#
# In the end {glue:text}`found_least:.0%` to {glue:text}`found_most:.0%` of the partners are found (guessing: {glue:text}`chance:.1%`); most on
# {glue:text}`found_best`. That is no merit by itself: views of one station's noise can be matched by its hum, which tells no class.
#
# ## What labels are worth afterwards
#
# Now {glue:text}`label_counts` windows of each class are labelled, drawn from the training windows of chapter 3 (another simulated network of
# another seed), and what is trained on them is scored on its test windows:
#
# - {term}`probe <linear probe>`: logistic regression on the features of an encoder, which stays as it is; also on those of an *untrained* network;
# - **tuned**: the network, started from the encoder of its own setting, and **from nothing**: the same without, both for
#   {glue:text}`n_tuning` steps;
# - **forest**: a random forest on its spectral and STA/LTA features.
#
# Probes and the forest are drawn {glue:text}`n_draws` times, networks {glue:text}`n_trainings` times.

# %% tags=["remove-output"]
figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True)
for ax, setting in zip(axes, SETTINGS, strict=True):
    own = scores[scores["setting"] == setting]
    label_figures.draw_label_curves(ax, own, own_source=setting)
    ax.set(title=f"{setting}-like", xlabel="labelled windows a class")
axes[0].set(ylabel="balanced accuracy on test windows")
handles = axes[0].get_legend_handles_labels()
figure.legend(*handles, loc="outside lower center", ncols=4, fontsize=8)
publish.figure(
    "fig-labels", figure, provenance.line(scores["score"].to_numpy())
)

# %% tags=["hide-input"]
named = scores.assign(way=label_figures.way_of(scores["way"], scores["source"]))
table = (
    named.groupby(["setting", "way", "labels"], sort=False)["score"]
    .agg(["mean", "std"])
    .unstack("labels")
    .swaplevel(axis=1)
    .sort_index(axis=1)
)
table.style.format(precision=3, na_rep="-")


# %%
def score_of(setting, way, source, labels):
    """Scores of the draws."""
    chosen = (scores["setting"] == setting) & (scores["way"] == way)
    chosen &= (scores["source"] == source) & (scores["labels"] == labels)
    return scores[chosen].sort_values("draw")["score"].to_numpy()


def gain(one, other):
    """Mean of paired differences over draws, and its 95 % interval."""
    count = min(len(one), len(other))
    apart = one[:count] - other[:count]
    means = rng.choice(apart, (settings.replicates, count)).mean(axis=1)
    return apart.mean(), *np.quantile(means, [0.025, 0.975])


def told(values):
    """A difference with its interval."""
    mean, low, high = values
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"


few, many = min(asked.labels), max(asked.labels)
learned = {
    (setting, labels): gain(
        score_of(setting, "probe", setting, labels),
        score_of(setting, "probe", UNTRAINED, labels),
    )
    for setting in SETTINGS
    for labels in asked.labels
}
against = {
    (setting, way, labels): gain(
        score_of(setting, "probe", setting, labels),
        score_of(setting, way, "", labels),
    )
    for setting in SETTINGS
    for way in ("from nothing", "forest")
    for labels in asked.labels
}
tuned = {
    (setting, labels): gain(
        score_of(setting, "tuned", asked.tuned[setting], labels),
        score_of(setting, "from nothing", "", labels),
    )
    for setting in SETTINGS
    for labels in asked.labels
}
elsewhere = {
    setting: gain(
        score_of(setting, "probe", other, few),
        score_of(setting, "probe", setting, few),
    )
    for setting, other in zip(SETTINGS, reversed(SETTINGS), strict=True)
}
quiet = {
    setting: gain(
        score_of(setting, "probe", "mbar_2021", few),
        score_of(setting, "probe", UNTRAINED, few),
    )
    for setting in SETTINGS
}
quiet_own = {
    (setting,): gain(
        score_of(setting, "probe", "mbar_2021", many),
        score_of(setting, "probe", setting, many),
    )
    for setting in SETTINGS
}
forests = {key: each for key, each in against.items() if key[1] == "forest"}
nothings = {key: each for key, each in against.items() if key[1] != "forest"}
more = gain(
    score_of("nankai", "probe", "nankai", few),
    score_of("nankai", "probe", "nankai, few", few),
)


def per_setting(values, *key):
    """Differences of both settings, in their order."""
    return ", ".join(
        f"{setting}-like {told(values[(setting, *key)])}"
        for setting in SETTINGS
    )


def better(values):
    """How many of some differences have an interval above zero, of how many."""
    return f"{sum(low > 0 for _, low, _ in values.values())} of {len(values)}"


def worse(values):
    """How many of some differences have an interval below zero."""
    return sum(high < 0 for _, _, high in values.values())


publish.values(
    label_counts=", ".join(f"{n}" for n in asked.labels),
    few=few,
    many=many,
    learned_few=per_setting(learned, few),
    learned_better=better(learned),
    nothing_few=per_setting(against, "from nothing", few),
    nothing_many=per_setting(against, "from nothing", many),
    forest_few=per_setting(against, "forest", few),
    forest_many=per_setting(against, "forest", many),
    tuned_few=per_setting(tuned, few),
    tuned_many=per_setting(tuned, many),
    tuned_better=better(tuned),
    tuned_worse=worse(tuned),
    elsewhere=", ".join(f"{s}-like {told(v)}" for s, v in elsewhere.items()),
    quiet=", ".join(f"{s}-like {told(v)}" for s, v in quiet.items()),
    quiet_own=per_setting(quiet_own),
    n_forest=len(forests),
    forest_better=sum(low > 0 for _, low, _ in forests.values()),
    forest_worse=worse(forests),
    nothing_better=better(nothings),
    more=told(more),
)

# %% [markdown]
# ```{glue:figure} fig-labels
# :name: fig-labels
# :alt: Two panels, one a setting: balanced accuracy against the number of labelled windows a class, rising, for probes on five encoders, the network from nothing and tuned, and the forest.
#
# Balanced accuracy against labels, mean and standard deviation over draws. {glue:text}`fig-labels-made`
# ```
#
# All differences here are of balanced accuracy, paired over draws, with 95 % intervals over these draws; where a network is
# in them there are {glue:text}`n_trainings` draws only, and the interval says little more than their range.
#
# - **Did the game teach anything?** Probe with the own setting's encoder minus probe on an untrained network, {glue:text}`few` labels:
#   {glue:text}`learned_few`. The interval lies above zero in {glue:text}`learned_better` comparisons.
# - **Does it save labels?** Probe minus network from nothing, {glue:text}`few` labels: {glue:text}`nothing_few`; {glue:text}`many` labels:
#   {glue:text}`nothing_many`.
# - **Is there something simpler?** Probe minus forest, {glue:text}`few` labels: {glue:text}`forest_few`; {glue:text}`many`:
#   {glue:text}`forest_many`. Of {glue:text}`n_forest` comparisons the probe is ahead in {glue:text}`forest_better`, the forest in {glue:text}`forest_worse`. The forest's
#   features are what seismologists learned without labels.
# - **Is it a better start?** Tuned minus from nothing: {glue:text}`tuned_few` ({glue:text}`few` labels), {glue:text}`tuned_many`
#   ({glue:text}`many`). Better in {glue:text}`tuned_better` comparisons, worse in {glue:text}`tuned_worse`.
# - **Does it travel?** Probe with the *other* setting's encoder minus the own one's, {glue:text}`few` labels: {glue:text}`elsewhere`. With that
#   of MBAR's day minus an untrained one: {glue:text}`quiet`; minus the own setting's, {glue:text}`many` labels: {glue:text}`quiet_own`.
# - **Is more record better?** {glue:text}`n_windows` windows minus {glue:text}`n_few`, Nankai-like, {glue:text}`few` labels: {glue:text}`more`.
#
# ## What a foundation model would need
#
# - **Records in which things happen.** A batch of random windows is nearly all noise, and telling noise from noise is what the
#   game then rewards. Windows chosen by a trigger would hold more events, and less of what a trigger misses.
# - **Stations, more than days.** What the views of one station share, its site and its machines, is a way to win without events; a
#   batch from many stations makes that harder to notice but easier to exploit. Views of *one event at two stations* would
#   reward what is common to them: the source.
# - **A judge.** Loss and partners found rank encoders by the game, not by classes. Without labelled test windows nobody can
#   say whether it was worth it; this page needs several hundred of them to save ten.
# - **Size.** The network here has some fifty thousand weights and saw one month of three stations. Nothing on this page says what
#   a hundred times as much of both would do.
#
# ## Answer
#
# Without labels the convolutions learn features that beat untrained ones in {glue:text}`learned_better` comparisons, and a probe on them beats the network that
# learns from nothing in {glue:text}`nothing_better`. It does so against a forest of ordinary features in {glue:text}`forest_better` of {glue:text}`n_forest`: what the
# game teaches, a seismologist's features mostly knew. A start from the encoder is better than one from nothing in {glue:text}`tuned_better`.
#
# ## Limits
#
# - Both settings are simulated, and so are most of the records without labels; twins have fewer kinds of noise than the ground.
# - Temperature, batch, noise and the number of steps were set beforehand and not tuned; nor was the probe's regularisation.
# - Draws of labels share the encoder and the test windows: intervals are over draws of labels only.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} A probe on noise
# :label: ex-pretraining-run
# ```
# *To run.* `found.pools["sakurajima"]` holds features of windows at random times. Train
# `tremorlab.experiment.pretraining.probe()` to tell windows of noise of the first half of `pool` from those of the second half (days apart). Can
# it? What would it mean for a classifier if it can?
# ```{exercise-end}
# ```
#
# ```{solution-start} ex-pretraining-run
# :class: dropdown
# ```
# Compare the score on windows held out with one half. If it is above, features hold the time of the record: noise of a day has a
# face, and an encoder may learn it. A classifier on such features may take the day of an event for its class; that is why
# training and test must lie in different periods.
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} A game for seismograms
# :label: ex-pretraining-think
# ```
# *To think.* The views of this page keep polarity, onset time and amplitude out of the features. Which of these would a network need
# to tell an explosion from an earthquake, or a near event from a far one? Change the game so that it keeps it.
# ```{exercise-end}
# ```
#
# ```{solution-start} ex-pretraining-think
# :class: dropdown
# ```
# The polarity of the first motion tells an explosion, the S-P time a distance, amplitude a magnitude. Views of one component with
# one common sign keep the polarity; cuts that keep both phases keep the S-P time, and pooling over time must not forget it. Amplitude
# needs a network that is not divided by the window's maximum.
# ```{solution-end}
# ```
#
# :::{admonition} Take-away
# - A game without labels teaches what its views share: choose views that share the source and nothing else.
# - Put a probe on an untrained network, a network from nothing and a forest beside any pre-trained one.
# - Which windows to label is the other half of the question: the [next page](11_active_learning.ipynb).
# :::
#
# *Read on:* {cite:t}`chen2020` for the game, [chapter 3](03_networks.ipynb) for the same network with all labels.
#
# :::{admonition} 要旨
# :class: note
# 観測所には何年分もの連続記録があるが、ラベルが付いているのはそのごく一部である。本章では、ラベルなしの連続記録だけを用いた対照学習で
# 1次元ネットワークの畳み込み層を学習し、少数のラベル（各種別10、50、250個）で何ができるかを、未学習のネットワーク、最初からの学習、
# 転移後の再学習、ランダムフォレストと並べて測る。ラベルなしの学習が教えるのは、同じ窓の二つの「見え方」に共通するものである。
# それが震源ではなく観測点の雑音であれば、種別の識別には役立たない。事前学習の価値は、必ず未学習の特徴量や簡単な手法との比較で判断すべきである。
# :::
