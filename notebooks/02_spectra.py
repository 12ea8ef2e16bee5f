# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Waveforms and running spectra: two views of the same window
#
# The report feeds one network with the waveform of a window and another with its running spectrum, an image of 64 x 64 points
# with the same number of values as the waveform has samples. It explains the result by the class-mean spectra, whose order
# flips at 4-8 Hz. **What do the two networks get to see, and do the spectra of the classes really cross?**
#
# :::{admonition} Objectives
# - Follow a record to the window that a network sees, and know what was done to it.
# - Compute a running spectrum, and decide what to do about the 64th frame.
# - Give a crossing of two class-mean spectra the band in which it is uncertain, and see how normalisation moves it.
# :::
#
# *Prerequisites:* [Catalogues](01_catalogs.ipynb). *Needs:* the records of two studies; the defaults come with the package.

# %% tags=["parameters"]
tectonic: str = "micro"  # tectonic study: a name, or the path of a .toml file
volcanic: str = "micro_volcano"  # volcanic study, likewise
normalise: str = "maximum"  # what divides a window in the class-mean spectra
replicates: int = 500  # bootstrap draws of events
seed: int = 1  # seed of the bootstrap

# %% tags=["gate"]
from tremorlab.page.parameters import between, choice, gate, study_name

settings = gate(
    globals(),
    tectonic=study_name,
    volcanic=study_name,
    normalise=choice("maximum", "energy", "none"),
    replicates=between(50, 10_000),
    seed=between(0, 2**32 - 1),
)
settings

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tremorlab import study as studies
from tremorlab.catalog.sources import of_study
from tremorlab.dataset import spectra
from tremorlab.dataset.class_spectra import (
    class_spectra,
    crossings,
    window_spectra,
)
from tremorlab.dataset.windows import cut, plan
from tremorlab.errors import DataMissingError
from tremorlab.page import figures, publish
from tremorlab.page.provenance import Provenance
from tremorlab.waveform.sources import open_source

figures.use_style()
pd.set_option("display.max_colwidth", None)
provenance = Provenance(settings.seed)


# %% [markdown]
# ## From a record to a window
#
# Every record, whatever its rate, encoding and gaps, goes through one function: gaps up to a second are bridged and
# noted, longer ones make a window invalid; the record is low-passed without phase shift, brought to 25 Hz, and
# high-passed at 0.2 Hz. A window is 4096 samples, 163.84 s, unless a study's records are shorter.
#
# What happens below, for every study whose records are on this machine: read the catalogue, plan the windows, cut them,
# and keep an account of those that could not be cut.


# %%
def windows_of(name):
    """Cut all windows of a study."""
    study = studies.load(name)
    return study, cut(plan(of_study(study), study), open_source(study), study)


# %%
absent = {}
cuts = {
    name: windows_of(name) for name in (settings.tectonic, settings.volcanic)
}
for name in [name for name in studies.available() if name not in cuts]:
    try:
        cuts[name] = windows_of(name)
    except DataMissingError as error:
        absent[name] = error.remedy
publish.values(
    studies_run=", ".join(cuts),
    n_windows=sum(len(found.windows) for _, found in cuts.values()),
)

# %% tags=["hide-input"]
account = pd.DataFrame(
    {
        name: {
            "windows": len(found.windows),
            "seconds": study.window_s,
            "classes": ", ".join(
                f"{k} {v}"
                for k, v in found.windows["event_class"].value_counts().items()
            ),
            "not cut": len(found.skipped),
            "flags": ", ".join(
                f"{k} {v}"
                for k, v in found.flags["kind"].value_counts().items()
            ),
        }
        for name, (study, found) in cuts.items()
    }
).T
account

# %% [markdown]
# {glue:text}`n_windows` windows were cut from {glue:text}`studies_run`. A window that was not cut was not lost: each has its
# reason. These are the first few.

# %%
skipped = pd.concat(
    [found.skipped.assign(study=name) for name, (_, found) in cuts.items()],
    ignore_index=True,
)
publish.values(n_skipped=len(skipped))
skipped.groupby("study").head(2)

# %%
pd.DataFrame({"how to get what is not on this machine": absent})

# %% [markdown]
# ## The running spectrum, and its 64th frame
#
# A running spectrum is a row of short Fourier transforms: 128 samples (5.12 s) under a Hann taper, a new one every 64
# samples. Of the 65 frequencies the first, zero, is dropped, so 64 remain from 0.195 to 12.5 Hz:
#
# $$
# S(f_k, t_j) = \Big| \sum_{n=0}^{127} w_n \, x_{64 j + n} \, e^{-2 \pi i k n / 128} \Big| ,
# \qquad k = 1, \dots, 64 .
# $$ (eq-running-spectrum)
#
# In time, however, half overlap leaves only 63 full frames in 4096 samples; how the report makes 64 is not published. We
# **extend** the window by half a hop (1.28 s) of record on both sides. Every frame then holds measured signal, frames are
# centred on the window, and two windows that overlap share frames exactly, which later saves most of the work in
# continuous detection. Two alternatives are a setting of the study: `reflect` mirrors the ends, `inside` keeps 63
# frames.

# %%
study, found = cuts[settings.tectonic]
window, rule = found.waveforms[0], study.running_spectrum
margin = spectra.margin_samples(rule)
images = {}
for framing in ("extend", "reflect", "inside"):
    samples = window if framing == "extend" else window[:, margin:-margin]
    changed = rule.model_copy(update={"framing": framing})
    images[framing] = spectra.running_spectra(samples, changed, 25.0)[0]

# %%
publish.values(
    frames_inside=images["inside"].shape[1],
    frames_extend=images["extend"].shape[1],
)
edge = np.abs(images["extend"] - images["reflect"])
publish.values(
    edge_difference=float(edge[:, [0, -1]].max()),
    middle_difference=float(edge[:, 1:-1].max()),
)


# %% [markdown]
# `extend` gives {glue:text}`frames_extend` frames where `inside` gives {glue:text}`frames_inside`. Against mirrored ends, the
# outermost frames differ by up to {glue:text}`edge_difference:.3f` of the maximum, the others by
# {glue:text}`middle_difference:.1e`: mirroring invents signal in two frames of a window, and nowhere else.
#
# ## Two settings, side by side
#
# The report's second figure shows a window of each class: waveform above, running spectrum below. Here the same from
# recorded events: a clear window of each class, though not the clearest.


# %% tags=["hide-input"]
def typical(found):
    """Pick a clear window of each class: the upper quartile of peak over median."""
    size = np.abs(found.waveforms).max(axis=1)
    clarity = size.max(axis=1) / np.median(size, axis=1)
    ranked = found.windows.assign(clarity=clarity).sort_values("clarity")
    classes = ranked.groupby("event_class", sort=False)
    return [rows.index[int(0.75 * (len(rows) - 1))] for _, rows in classes][:3]


# %% tags=["remove-output", "hide-input"]
shown = [
    (name, row)
    for name in (settings.tectonic, settings.volcanic)
    for row in typical(cuts[name][1])
]
figure, axes = plt.subplots(
    2,
    len(shown),
    figsize=(1.8 * len(shown) + 1, 4.2),
    squeeze=False,
    sharex="col",
)
for (upper, lower), (name, row) in zip(axes.T, shown, strict=True):
    study, found = cuts[name]
    figures.draw_window(upper, lower, found, row, study)
axes[0, 0].set_ylabel("amplitude / maximum")
axes[1, 0].set_ylabel("frequency (Hz)")
figure.colorbar(
    axes[1, -1].images[0], ax=axes[1], label="dB below maximum", aspect=12
)
made = provenance.line(*[cuts[name][1].waveforms[row] for name, row in shown])
publish.figure("fig-two-settings", figure, made)


# %% [markdown]
# ```{glue:figure} fig-two-settings
# :name: fig-two-settings
# :alt: One column a class. Above, the waveform divided by its maximum; below, its running spectrum from 0.2 to 12.5 hertz. Earthquakes are short and bright at all frequencies after a sharp onset; eruption signals and long-period events last and keep to low frequencies; noise is even in time.
#
# A recorded window of each class of the tectonic study (left) and of the volcanic study (right): waveform above (the
# triangle marks a catalogued onset), running spectrum below. {glue:text}`fig-two-settings-made`
# ```
#
# In {numref}`fig-two-settings`, look at three things: how sharply the signal begins, how long it lasts, and up to which
# frequency. A person needs all three, and so, we may suspect, does a network; the report's reading of filters speaks of
# the last one only.
#
# ## Class-mean spectra and where they cross
#
# The spectrum of a window is the root mean square of its running spectrum over time. Its mean over the windows of a
# class is a mean of logarithms: a mean of amplitudes would be the spectrum of the few loudest windows. Intervals
# come from drawing *events* with replacement, since the stations of one event, or the stretches of one tremor, are not
# independent. Curves are smoothed in logarithmic frequency {cite:p}`konno1998`.


# %%
def mean_spectra(name, normalise):
    """Class-mean spectra of a study with bootstrap draws."""
    study, found = cuts[name]
    rate = study.preparation.sampling_rate_hz
    running = spectra.running_spectra(
        found.waveforms, study.running_spectrum, rate, normalise=False
    )
    per_window = window_spectra(running, normalise)
    f = spectra.frequencies_hz(study.running_spectrum, rate)
    labels = found.windows["event_class"], found.windows["event_id"]
    draws = {"replicates": settings.replicates, "seed": settings.seed}
    return class_spectra(per_window, f, *labels, **draws)


# %%
means = {
    name: mean_spectra(name, settings.normalise)
    for name in (settings.tectonic, settings.volcanic)
}
crossed = {name: crossings(mean) for name, mean in means.items()}

# %% tags=["remove-output"]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8))
for ax, (name, mean) in zip(axes, means.items(), strict=True):
    band = mean.interval()
    figures.draw_class_spectra(
        ax, mean.frequencies_hz, mean.mean, band, mean.classes
    )
    figures.draw_crossings(ax, crossed[name])
    ax.axvspan(4, 8, ymax=0.03, color="#D55E00")
    ax.set(title=name)
    ax.legend()
axes[0].set_ylabel("amplitude (dB)")
made = provenance.line(*[mean.mean for mean in means.values()])
publish.figure("fig-class-spectra", figure, made)

# %% [markdown]
# ```{glue:figure} fig-class-spectra
# :name: fig-class-spectra
# :alt: Two panels of amplitude in decibels against frequency, one line with a shaded interval a class. The lines of two classes cross; grey hatching shows the band in which their order is undecided. An orange bar on the frequency axis marks 4 to 8 hertz.
#
# Class-mean spectra with 95 % intervals (bootstrap over events). Grey lines: crossings of any two classes; hatching: the band in which their order is not decided. Orange: the report's 4-8 Hz.
# {glue:text}`fig-class-spectra-made`
# ```

# %%
table = pd.concat(crossed, names=["study", ""]).droplevel(1).reset_index()
inside = table["frequency_hz"].between(4, 8)
reaching = (table["low_hz"] <= 8) & (table["high_hz"] >= 4)
publish.values(
    n_crossings=len(table),
    n_inside=int(inside.sum()),
    n_reaching=int(reaching.sum()),
)
table.style.format(precision=1)


# %% [markdown]
# Crossings of the mean spectra: {glue:text}`n_crossings`; of these inside the report's 4-8 Hz: {glue:text}`n_inside`; with an
# undecided band that reaches into it: {glue:text}`n_reaching`. These are other volcanoes and other networks than the report's: a crossing follows from source size,
# distance, attenuation and site, so there is no reason why it should be a constant of nature. Whether a network's
# filters *follow* the crossing when it moves is the question of the chapter on interpretation.
#
# ## What normalisation does
#
# The report divides each input by its maximum. For a spectrum this is a choice with consequences: a short event has a
# high maximum and low mean, a long one the reverse, so the division moves whole curves up and down by class, and
# with them their crossings. Division by the energy compares shapes only.


# %%
def crossings_of(name, rule):
    """Crossing frequencies of a study under a rule of normalisation, as text."""
    found = crossings(mean_spectra(name, rule))
    pairs = found.groupby(["first", "second"], sort=False)["frequency_hz"]
    return pairs.agg(lambda column: ", ".join(f"{f:.1f}" for f in column))


# %%
rules = ("maximum", "energy", "none")
by_rule = {
    name: {rule: crossings_of(name, rule) for rule in rules} for name in means
}
moved = pd.concat(
    {name: pd.DataFrame(column) for name, column in by_rule.items()}
)
same = (moved["maximum"] == moved["energy"]).all()
publish.values(normalisation_matters="stay" if same else "move")
moved.fillna("none")

# %% [markdown]
# The crossings {glue:text}`normalisation_matters` when the rule changes. Whoever compares a notch of a filter with a crossing of
# spectra must use the normalisation that the network was fed with.
#
# ## Does the spectrum give the folder away?
#
# Here is the trap of mixing studies. Take noise windows alone, where there is no event to recognise, and ask a linear model
# which study they come from. Above chance it has recognised the instrument, the site or the processing; a
# classifier trained across studies could use that instead of the event.

# %%
noise = {}
for name, (study, found) in cuts.items():
    rows = (found.windows["event_class"] == "noise").to_numpy()
    if rows.sum() >= 5:
        running = spectra.running_spectra(
            found.waveforms[rows], study.running_spectrum, 25.0, normalise=False
        )
        noise[name] = (
            window_spectra(running, "maximum"),
            found.windows["event_id"][rows].to_numpy(),
        )

# %%
names = list(noise)
folder = "not tested: one study with noise windows on this machine"
if len(names) > 1:
    x = np.vstack([noise[name][0] for name in names])
    y = np.concatenate([[name] * len(noise[name][0]) for name in names])
    events = np.concatenate([noise[name][1] for name in names])
    model = make_pipeline(
        StandardScaler(),
        LogisticRegression(max_iter=2000, class_weight="balanced"),
    )
    folds = GroupKFold(3, shuffle=True, random_state=settings.seed)
    scored = {"groups": events, "cv": folds, "scoring": "balanced_accuracy"}
    scores = cross_val_score(model, x, y, **scored)
    folder = f"{scores.mean():.2f} ± {scores.std():.2f} (chance {1 / len(names):.2f})"
publish.values(folder=folder)

# %% [markdown]
# Balanced accuracy of telling the study from its noise: {glue:text}`folder`. Mean over three folds and their standard
# deviation; no noise span is in training and test at once. What lies above chance is what a network could learn without learning anything
# about tremor. Hence the rule of this book: never mix folders in one class only, and test on folders that were not trained on.
#
# ## Check

# %%
for name, (study, found) in cuts.items():
    assert np.isfinite(found.waveforms).all(), (
        f"{name}: a window holds samples that are not finite"
    )
    assert len(found.windows) + len(found.skipped) == len(
        plan(of_study(study), study)
    ), f"{name}: a window was lost"
assert images["extend"].max() == 1, (
    "a running spectrum was not divided by its maximum"
)
assert edge[:, 1:-1].max() < 1e-5, (
    "framing must change the outermost frames only"
)
assert table["frequency_hz"].between(table["low_hz"], table["high_hz"]).all(), (
    "a crossing lies outside its own band"
)
print("all checks passed")

# %% [markdown]
# ## The report says, we get
#
# | the report says | we get | verdict |
# | --- | --- | --- |
# | windows of 163.84 s; running spectra of 64 x 64 | {glue:text}`frames_extend` frames by 1.28 s of record more on both sides, {glue:text}`frames_inside` without | reproduced, with a stated choice |
# | the order of the class-mean spectra flips at 4-8 Hz | {glue:text}`n_inside` of {glue:text}`n_crossings` crossings inside 4-8 Hz; {glue:text}`n_reaching` bands reach into it | depends on the setting; other volcanoes |
#
# ## Limits
#
# - The Nyquist frequency is 12.5 Hz and the anti-alias filter falls off from 10 Hz: the two highest tenths of the spectrum
#   are the filter's as much as the ground's.
# - Records sampled at 20 Hz hold nothing above 10 Hz. Mixed with others, that alone is a class mark.
# - Amplitudes are counts of different instruments; only shapes are compared here.
# - Bands from a few events are rough; with fewer than about ten events a class, read them as a warning.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} Two other settings
# :label: ex-spectra-run
# ```
# *To run.* Rerun the page with `tectonic = "mbar_2021"` and `volcanic = "redoubt_2009"` (fetch them first), then with
# `normalise = "energy"`. Which crossings survive the change?
# ```{exercise-end}
# ```
#
# ```{solution-start} ex-spectra-run
# :class: dropdown
# ```
# Compare the table of crossings of both runs: a crossing that depends on the vertical position of the curves moves or
# vanishes; one that depends on their shape stays. The bands tell which of the movements mean anything.
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} The colour of the first frame
# :label: ex-spectra-think
# ```
# *To think.* A network trained with mirrored ends is run on a continuous record with frames shared between windows. In which
# windows does it see something it has never seen, and what would you expect it to do?
# ```{exercise-end}
# ```
#
# ```{solution-start} ex-spectra-think
# :class: dropdown
# ```
# In all of them: shared frames are measured signal at both ends, while in training the first and last frame were symmetric.
# How much it matters depends on the weights at the image's edge, and must be measured; choosing `extend` from the start
# removes the question.
# ```{solution-end}
# ```
#
# :::{admonition} Take-away
# - A window is a record plus a list of decisions; here each of them is a line in a study file.
# - The 64th frame comes from 1.28 s more record on both sides; every frame is measured signal.
# - A crossing of class-mean spectra has a band, and moves with the normalisation.
# :::
#
# *Read on:* {cite:t}`nakano2019` for running spectra as images, {cite:t}`nakano2022` for the comparison.
