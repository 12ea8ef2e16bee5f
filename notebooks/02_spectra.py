# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
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
tectonic: str = "micro"  # study for the tectonic setting: a shipped name, or the path of a .toml file
volcanic: str = "micro_volcano"  # study for the volcanic setting
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
from myst_nb import glue
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tremorlab import study as studies
from tremorlab.catalog.sources import of_study
from tremorlab.dataset import spectra
from tremorlab.dataset.class_spectra import class_spectra, crossings, window_spectra
from tremorlab.dataset.windows import cut, plan
from tremorlab.errors import DataMissingError
from tremorlab.page import figures
from tremorlab.page.provenance import Provenance
from tremorlab.waveform.sources import open_source

figures.use_style()
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
cuts, absent = {}, {}
for name in dict.fromkeys([settings.tectonic, settings.volcanic, *studies.available()]):
    try:
        cuts[name] = windows_of(name)
    except DataMissingError as error:
        absent[name] = error.remedy
glue("studies_run", ", ".join(cuts), display=False)
glue("n_windows", sum(len(found.windows) for _, found in cuts.values()), display=False)

# %% tags=["hide-input"]
account = pd.DataFrame(
    {
        name: {
            "windows": len(found.windows),
            "seconds": study.window_s,
            "classes": ", ".join(f"{k} {v}" for k, v in found.windows["event_class"].value_counts().items()),
            "not cut": len(found.skipped),
            "flags": ", ".join(f"{k} {v}" for k, v in found.flags["kind"].value_counts().items()),
        }
        for name, (study, found) in cuts.items()
    }
).T
account

# %% [markdown]
# {glue:text}`n_windows` windows were cut from {glue:text}`studies_run`. A window that was not cut was not lost: each has its
# reason. These are the first few.

# %%
skipped = pd.concat([found.skipped.assign(study=name) for name, (_, found) in cuts.items()], ignore_index=True)
glue("n_skipped", len(skipped), display=False)
skipped.groupby("study").head(2) if len(skipped) else "no window was skipped"

# %%
pd.Series(absent, name="not on this machine").to_frame() if absent else "the records of all studies are on this machine"

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
framings = ("extend", "reflect", "inside")
example_study, example = cuts[settings.tectonic]
window = example.waveforms[0]
margin = spectra.margin_samples(example_study.running_spectrum)
rate = example_study.preparation.sampling_rate_hz
images = {}
for framing in framings:
    rule = example_study.running_spectrum.model_copy(update={"framing": framing})
    samples = window if framing == "extend" else window[:, margin : window.shape[-1] - margin]
    images[framing] = spectra.running_spectra(samples, rule, rate)[0]
glue("frames_inside", images["inside"].shape[1], display=False)
glue("frames_extend", images["extend"].shape[1], display=False)
edge = np.abs(images["extend"] - images["reflect"])
glue("edge_difference", float(edge[:, [0, -1]].max()), display=False)
glue("middle_difference", float(edge[:, 1:-1].max()), display=False)

# %% [markdown]
# `extend` gives {glue:text}`frames_extend` frames where `inside` gives {glue:text}`frames_inside`. Against mirrored ends, the
# outermost frames differ by up to {glue:text}`edge_difference:.3f` of the maximum, the others by
# {glue:text}`middle_difference:.1e`: mirroring invents signal in two frames of a window, and nowhere else.
#
# ## Two settings, side by side
#
# The report's second figure shows a window of each class: waveform above, running spectrum below. Here the same from
# recorded events, with the window of largest signal-to-noise ratio in each class.


# %% tags=["hide-input"]
def typical(found):
    """Pick the window of each class whose peak stands out most from its median, at most three classes."""
    peaks = np.abs(found.waveforms).max(axis=(1, 2)) / np.median(np.abs(found.waveforms), axis=(1, 2))
    best = found.windows.assign(peak=peaks).groupby("event_class")["peak"].idxmax()
    return best.sort_values().iloc[:3]


# %% tags=["remove-output", "hide-input"]
columns = [(cuts[name], row) for name in (settings.tectonic, settings.volcanic) for row in typical(cuts[name][1])]
figure, axes = plt.subplots(2, len(columns), figsize=(2.6 * len(columns), 4.4), squeeze=False, sharex="col")
for (upper, lower), ((study, found), row) in zip(axes.T, columns, strict=True):
    rule, rate, cut_off = study.running_spectrum, study.preparation.sampling_rate_hz, spectra.margin_samples(study.running_spectrum)
    wave = found.waveforms[row, 0]
    onset = found.windows["onset_s"].iloc[row]
    figures.draw_waveform(upper, wave[cut_off : wave.size - cut_off], rate, onset)
    running = spectra.running_spectra(found.waveforms[row], rule, rate)[0]
    figures.draw_running_spectrum(lower, running, study.window_s, spectra.frequencies_hz(rule, rate))
    label = figures.label_of(found.windows["event_class"].iloc[row])
    upper.set_title(f"{label}\n{found.windows['station'].iloc[row]}", fontsize=9)
    lower.set(xlabel="time (s)")
axes[0, 0].set_ylabel("amplitude / maximum")
axes[1, 0].set_ylabel("frequency (Hz)")
figure.colorbar(axes[1, -1].images[0], ax=axes[1], label="dB below maximum", aspect=12)
made = provenance.line(*[found.waveforms[row] for (_, found), row in columns])
figures.publish("fig-two-settings", figure, made)

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
    running = spectra.running_spectra(found.waveforms, study.running_spectrum, rate, normalise=False)
    per_window = window_spectra(running, normalise)
    f = spectra.frequencies_hz(study.running_spectrum, rate)
    labels = found.windows["event_class"], found.windows["event_id"]
    return class_spectra(per_window, f, *labels, replicates=settings.replicates, seed=settings.seed)


# %%
means = {name: mean_spectra(name, settings.normalise) for name in (settings.tectonic, settings.volcanic)}
pairs = [
    (name, first, second)
    for name, mean in means.items()
    for i, first in enumerate(mean.classes)
    for second in mean.classes[i + 1 :]
]
crossed = {pair: crossings(means[pair[0]], *pair[1:]) for pair in pairs}

# %% tags=["remove-output"]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=False)
for ax, (name, mean) in zip(axes, means.items(), strict=True):
    figures.draw_class_spectra(ax, mean.frequencies_hz, mean.mean, mean.interval(), mean.classes)
    for first, second in [pair[1:] for pair in pairs if pair[0] == name and "noise" not in pair[1:]][:1] or [mean.classes[:2]]:
        figures.draw_crossings(ax, crossed.get((name, first, second), []))
    ax.axvspan(4, 8, ymax=0.03, color="#D55E00")
    ax.set(title=name)
    ax.legend()
axes[0].set_ylabel("amplitude (dB)")
figures.publish("fig-class-spectra", figure, provenance.line(*[mean.mean for mean in means.values()]))

# %% [markdown]
# ```{glue:figure} fig-class-spectra
# :name: fig-class-spectra
# :alt: Two panels of amplitude in decibels against frequency, one line with a shaded interval a class. The lines of two classes cross; grey hatching shows the band in which their order is undecided. An orange bar on the frequency axis marks 4 to 8 hertz.
#
# Class-mean spectra with 95 % intervals (bootstrap over events). Grey lines: crossings of two event classes, or of an event
# class and noise where a study has only one; hatching: the band in which their order is not decided. Orange: the report's 4-8 Hz.
# {glue:text}`fig-class-spectra-made`
# ```

# %%
table = pd.DataFrame(
    [
        {"study": name, "classes": f"{first} / {second}", "crossing (Hz)": c.frequency_hz, "from": c.low_hz, "to": c.high_hz}
        for (name, first, second), found in crossed.items()
        for c in found
    ],
    columns=["study", "classes", "crossing (Hz)", "from", "to"],
)
inside = table["crossing (Hz)"].between(4, 8)
reaches = (table["from"] <= 8) & (table["to"] >= 4)
glue("n_crossings", len(table), display=False)
glue("n_inside", int(inside.sum()), display=False)
glue("n_reaching", int(reaches.sum()), display=False)
table.style.format(precision=1)

# %% [markdown]
# Of {glue:text}`n_crossings` crossings, {glue:text}`n_inside` lie inside the report's 4-8 Hz, and the undecided bands of
# {glue:text}`n_reaching` reach into it. These are other volcanoes and other networks than the report's: a crossing follows from source size,
# distance, attenuation and site, so there is no reason why it should be a constant of nature. Whether a network's
# filters *follow* the crossing when it moves is the question of the chapter on interpretation.
#
# ## What normalisation does
#
# The report divides each input by its maximum. For a spectrum this is a choice with consequences: a short event has a
# high maximum and low mean, a long one the reverse, so the division moves whole curves up and down by class, and
# with them their crossings. Division by the energy compares shapes only.

# %%
rules = ("maximum", "energy", "none")
moved = {}
for rule in rules:
    for name in means:
        mean = mean_spectra(name, rule)
        first, second = ([c for c in mean.classes if c != "noise"] + ["noise"])[:2]
        moved[name, f"{first} / {second}", rule] = [round(c.frequency_hz, 1) for c in crossings(mean, first, second)]
moved = pd.Series(moved).unstack()[list(rules)]
glue("normalisation_matters", "move" if (moved["maximum"] != moved["energy"]).any() else "stay", display=False)
moved

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
        running = spectra.running_spectra(found.waveforms[rows], study.running_spectrum, 25.0, normalise=False)
        noise[name] = window_spectra(running, "maximum"), found.windows["event_id"][rows].to_numpy()

# %%
names = list(noise)
if len(names) > 1:
    x = np.vstack([noise[name][0] for name in names])
    y = np.concatenate([[name] * len(noise[name][0]) for name in names])
    events = np.concatenate([noise[name][1] for name in names])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, class_weight="balanced"))
    folds = GroupKFold(3, shuffle=True, random_state=settings.seed)
    scores = cross_val_score(model, x, y, groups=events, cv=folds, scoring="balanced_accuracy")
    folder = f"{scores.mean():.2f} ± {scores.std():.2f} (chance {1 / len(names):.2f}, {len(names)} studies, {len(y)} windows)"
else:
    folder = "not tested: one study with noise windows on this machine"
glue("folder", folder, display=False)

# %% [markdown]
# Balanced accuracy of telling the study from noise alone: {glue:text}`folder`. The mean over three folds and their standard
# deviation; no noise span is in training and test at once. What lies above chance is what a network could learn without learning anything
# about tremor. Hence the rule of this book: never mix folders in one class only, and test on folders that were not trained on.
#
# ## Check

# %%
for name, (study, found) in cuts.items():
    assert np.isfinite(found.waveforms).all(), f"{name}: a window holds samples that are not finite"
    assert len(found.windows) + len(found.skipped) == len(plan(of_study(study), study)), f"{name}: a window was lost"
assert images["extend"].max() == 1, "a running spectrum was not divided by its maximum"
assert edge[:, 1:-1].max() < 1e-5, "framing must change the outermost frames only"
for crossing in (c for found in crossed.values() for c in found):
    assert crossing.low_hz <= crossing.frequency_hz <= crossing.high_hz, "a crossing lies outside its own band"
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
