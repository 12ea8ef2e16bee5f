# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Your own data
#
# **What does all of this say of *your* station and *your* catalogue: can a network tell your classes apart, is it better
# than a forest of ordinary features, what does it listen to, and what does it find in your continuous record?** One
# page answers, from an event table and a folder of waveforms. These are the lines to type, from an empty folder to a report
# in one HTML file that needs no network to be read:
#
# ```bash
# git clone https://github.com/tremor-compendium/tremor-compendium
# cd tremor-compendium
# make .venv/.ready
# .venv/bin/tremorlab study new my_volcano --catalogue ~/events.csv --records ~/waveforms
# .venv/bin/tremorlab study check my_volcano.toml
# .venv/bin/tremorlab run --study my_volcano.toml
# ```
#
# The fourth line drafts a study file, with the reason beside each choice; the fifth says what would be used of your data
# before anything is computed (the fourth does so as well; use it after changes). Records that an FDSN service has are
# named by `--fdsn EARTHSCOPE --channel AV.REF..EHZ` in place of the folder, and fetched by `tremorlab fetch my_volcano.toml`.
# No Python is edited.
#
# :::{admonition} Objectives
# - Make a study of a catalogue and a folder of records, and see what is missing in them.
# - Train a small network on it, and judge it against a forest on events that neither has seen.
# - Read its first layer, test the reading, and search a record with it.
# :::
#
# *Prerequisites:* [Two networks, the same windows](03_networks.ipynb), [Reading the first layer](05_filters.ipynb),
# [From a classifier to a detector](08_detection.ipynb). *Needs:* your data, or nothing: without a study the page simulates
# a small network and treats its files as yours.

# %% tags=["remove-cell"]
# Colab begins without the compendium; elsewhere this does nothing.
import importlib.util

if importlib.util.find_spec("tremorlab") is None:
    book = "https://github.com/tremor-compendium/tremor-compendium"
    wanted = f'"tremorlab[book] @ git+{book}"'
    get_ipython().run_line_magic("pip", f"install --quiet {wanted}")

# %% tags=["parameters"]
study: str = ""  # your study file, or the name of a shipped study; empty: a simulated network
days: int = 1  # length of the simulated record
stations: int = 2  # of the simulated network
seed: int = 54  # of the simulation
draws: int = 2  # times that each training event is cut, its onset drawn anew
seeds: int = 2  # trainings of the network
epochs: int = 10  # of each training
most: int = 400  # most windows of a class
search_days: float = 1.0  # most days of record searched at each station
on: float = 0.7  # probability from which an event begins
replicates: int = 2000  # draws of events for intervals
margin: float = 0.05  # a smaller difference does not matter

# %% tags=["gate"]
from tremorlab.page.parameters import between, gate, or_empty, study_name

settings = gate(
    globals(),
    study=or_empty(study_name),
    days=between(1, 30),
    stations=between(1, 5),
    seed=between(0, 2**32 - 1),
    draws=between(1, 10),
    seeds=between(1, 10),
    epochs=between(1, 200),
    most=between(20, 100_000),
    search_days=between(0.01, 3660),
    on=between(0.5, 1),
    replicates=between(100, 100_000),
    margin=between(0.001, 0.5),
)
settings

# %% tags=["hide-input"]
import logging
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from tremorlab import study as studies
from tremorlab.classify.scores import compare, confusion
from tremorlab.classify.training import probabilities
from tremorlab.detect.events import Rule, detections
from tremorlab.detect.matching import match, scores
from tremorlab.errors import StudyError
from tremorlab.experiment import own_data as own
from tremorlab.experiment.own_reading import read
from tremorlab.experiment.rules import table_of
from tremorlab.intake.check import check
from tremorlab.intake.draft import Request, draft
from tremorlab.page import figures, publish
from tremorlab.page import filter_figures as filters
from tremorlab.page import record_figures as draw
from tremorlab.page.classifier_figures import draw_confusion
from tremorlab.page.provenance import Provenance
from tremorlab.twin.keep import kept
from tremorlab.twin.scenario import configure

figures.use_style()
# Each network is asked for windows of several lengths; TensorFlow warns that it compiles more than once.
logging.getLogger("tensorflow").setLevel(logging.ERROR)
provenance = Provenance(settings.seed)

# %% [markdown]
# ## From files to a study
#
# Without a study of yours the page writes a simulated network to files (an archive of miniSEED and a CSV catalogue), and
# then does with them what `tremorlab study new` does with yours.

# %%
kept_folder = tempfile.TemporaryDirectory()
folder = Path(kept_folder.name)
if settings.study:
    study_file = settings.study
else:
    simulated = kept(
        configure(
            setting="sakurajima", days=settings.days, seed=settings.seed,
            stations=settings.stations, rate_hz=25, difficulty="low",
            rates={"eruption": 40, "vt": 60},
        ),
        workers=1,  # a second process would hold all of this one's memory
    ).parent  # fmt: skip
    asked = Request("simulated", simulated / "catalogue.csv", simulated / "sds")
    study_file = draft(asked, folder / "simulated.toml")
described = studies.load(study_file)
checked = check(described)
if checked.problems:
    raise StudyError(
        described.name,
        "; ".join(checked.problems),
        "See `tremorlab study check`",
    )

# %% tags=["hide-input"]
publish.values(
    title=described.title,
    window_s=described.window_s,
    division=described.splits.kind,
    n_lost=len(checked.without),
    warnings="; ".join(checked.warnings) or "none",
)
checked.channels.drop(columns=["longest_gap_s"]).style.format(
    {
        "hours": "{:.2f}",
        "first": "{:%Y-%m-%d %H:%M}",
        "last": "{:%Y-%m-%d %H:%M}",
    }
)

# %% [markdown]
# The study: **{glue:text}`title`**. Above, its channels as the headers tell; gaps are those longer than a sample. Below,
# the events that the catalogue lists, those with record at one station at least, the windows of {glue:text}`window_s` s
# that they give, and the events in each part of the division (by {glue:text}`division`). Events without record:
# {glue:text}`n_lost`. Warnings: {glue:text}`warnings`.

# %%
checked.classes

# %% [markdown]
# ## Windows
#
# Windows are cut as on every other page. A network has to find an event wherever in a window it lies, so
# onsets are drawn anywhere in the window, and training events are cut more than once. What samples alone can tell
# shows here: windows with a dead channel or with damage longer than a second are skipped; clipped windows and those in which
# a spike or a short gap was mended stay, and are counted.

# %%
found = own.windows(described, draws=settings.draws, most=settings.most)
counts = pd.DataFrame(
    {
        part: table["event_class"].value_counts()
        for part, table in found.tables.items()
    }
).reindex(found.classes)
counts

# %% tags=["remove-output"]
rate = described.preparation.sampling_rate_hz
figure, axes = plt.subplots(
    len(found.classes), 1, figsize=(9, 1.5 * len(found.classes)), sharex=True
)
for number, (ax, name) in enumerate(zip(axes, found.classes, strict=True)):
    part = found.examples["test"]
    row = np.flatnonzero(part.labels == number)[0]
    shown = found.tables["test"].iloc[row]
    onset = shown["onset_s"]
    start = (part.waveforms.shape[2] - described.window.samples) // 2
    waveform = part.waveforms[row, 0, start : start + described.window.samples]
    figures.draw_waveform(ax, waveform, rate, onset)
    title = f"{figures.label_of(name)}, {shown['station']}"
    ax.set_title(title, loc="left", fontsize=9)
axes[-1].set_xlabel("time (s)")
made = provenance.line(part.waveforms)
publish.figure("fig-windows", figure, made)

# %% tags=["hide-input"]
publish.values(
    n_skipped=len(found.skipped),
    first_reason=found.skipped["reason"].iloc[0] if len(found.skipped) else "-",
    n_unused=found.unused,
    flags=", ".join(f"{kind} {n}" for kind, n in found.flags.items()) or "none",
)

# %% [markdown]
# ```{glue:figure} fig-windows
# :name: fig-own-windows
# :alt: One test window of each class as a waveform divided by its maximum; a triangle above the trace marks the catalogued onset.
#
# The first test window of each class; a triangle marks the onset of the catalogue. {glue:text}`fig-windows-made`
# ```
#
# Skipped: {glue:text}`n_skipped` windows (the first: {glue:text}`first_reason`). Windows that stay with a remark, by kind: {glue:text}`flags`. In no part,
# or beyond the most of a class: {glue:text}`n_unused`. Look at {numref}`fig-own-windows` before you believe anything below: a triangle that is far from the
# onset means a wrong clock or zone, and no score will tell you.
#
# ## A network and a forest
#
# The network is the one of chapter 3 with two filters in front, so that they can be read; fewer stages where windows
# are short. It is trained from several seeds. The forest sees features that a seismologist would look at. Both are judged
# on test events; the intervals come from draws of *events*, since windows of one event are not independent.

# %%
runs = own.train(
    found, seeds=range(settings.seeds), epochs=settings.epochs, workers=1
)
test = found.examples["test"]
answers = [probabilities(run.model(), test.waveforms) for run in runs]
given = {
    "1D": np.array([answer.argmax(axis=1) for answer in answers]),
    "forest": own.forest(found, 0).predict(own.table_of(found, "test")),
    "majority": np.full(
        len(test.labels), np.bincount(found.examples["train"].labels).argmax()
    ),
}
table = own.scored(found, given, settings.seed, settings.replicates)
table.round(3)

# %%
difference = compare(
    test.labels, given["1D"], given["forest"],
    found.tables["test"]["event_id"], len(found.classes),
    margin=settings.margin, draws=settings.replicates,
    rng=np.random.default_rng(settings.seed),
)  # fmt: skip

# %% tags=["remove-output"]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8))
for ax, name in zip(axes, ("1D", "forest"), strict=True):
    one = np.atleast_2d(given[name])[0]
    matrix = confusion(test.labels, one, len(found.classes))
    draw_confusion(ax, matrix, found.classes)
    ax.set_title(name)
made = provenance.line(test.labels, given["1D"])
publish.figure("fig-confusion", figure, made)

# %% tags=["hide-input"]
publish.values(
    network=float(table.loc["1D", "balanced_accuracy"]),
    network_low=float(table.loc["1D", "low"]),
    network_high=float(table.loc["1D", "high"]),
    forest=float(table.loc["forest", "balanced_accuracy"]),
    forest_low=float(table.loc["forest", "low"]),
    forest_high=float(table.loc["forest", "high"]),
    chance=1 / len(found.classes),
    difference=difference.difference,
    difference_low=difference.interval_95[0],
    difference_high=difference.interval_95[1],
    verdict=difference.verdict,
    margin=settings.margin,
    n_seeds=settings.seeds,
    n_test=int(found.tables["test"]["event_id"].nunique()),
)

# %% [markdown]
# ```{glue:figure} fig-confusion
# :name: fig-own-confusion
# :alt: Two confusion matrices of the test windows, of the first training of the network and of the forest, as shares of the catalogued class.
#
# Shares of the catalogued class by the class given. {glue:text}`fig-confusion-made`
# ```
#
# On {glue:text}`n_test` test events the balanced accuracy of the network is {glue:text}`network:.3f`
# ({glue:text}`network_low:.3f` to {glue:text}`network_high:.3f`, mean of {glue:text}`n_seeds` trainings), that of the forest
# {glue:text}`forest:.3f` ({glue:text}`forest_low:.3f` to {glue:text}`forest_high:.3f`); guessing gives {glue:text}`chance:.3f`.
# Network less forest: {glue:text}`difference:.3f` ({glue:text}`difference_low:.3f` to {glue:text}`difference_high:.3f`);
# with a margin of {glue:text}`margin:.2f` the verdict is **{glue:text}`verdict`**. An interval as wide as the distance to
# guessing says that you need more events, not another network.
#
# ## What it listens to
#
# The filters of the first layer as frequency responses, against the mean spectra of the classes. A response is what the
# network *could* use; what it *does* use shows when a band is removed from the test windows. If both agree, the reading
# may be believed (chapter 5 says when it may not).

# %%
reading = read(found, runs)
names = [found.classes[int(number)] for number in reading.spectra.classes]

# %% tags=["remove-output"]
figure, axes = plt.subplots(3, 1, figsize=(8, 8.5), sharex=True)
figures.draw_class_spectra(
    axes[0], reading.spectra.frequencies_hz, reading.spectra.mean,
    reading.spectra.interval(), names,
)  # fmt: skip
axes[0].legend(fontsize=8)
axes[0].set_ylabel("amplitude (dB)")
filters.draw_responses(axes[1], reading.frequencies_hz, reading.trained)
axes[1].set_ylabel("response (dB)")
middles = reading.bands_hz.mean(axis=1)
profiles = {
    "passed by the filters": reading.passed,
    "lost without the band": reading.fall,
}
filters.draw_profiles(axes[2], middles, profiles)
axes[2].set_ylabel("share, or fall of accuracy")
axes[2].legend(fontsize=8)
for ax in axes:
    filters.frequency_axis(ax)
for ax in axes[:2]:
    ax.set_xlabel("")
made = provenance.line(*reading.trained, reading.fall)
publish.figure("fig-filters", figure, made)

# %% tags=["hide-input"]
worst = reading.bands_hz[reading.fall.mean(axis=0).argmax()]
most_passed = reading.bands_hz[reading.passed.mean(axis=0).argmax()]
ordered = reading.agreement[np.isfinite(reading.agreement)]
agreement = ordered.mean() if len(ordered) else 0.0
publish.values(
    worst_low=float(worst[0]),
    worst_high=float(worst[1]),
    worst_fall=float(reading.fall.mean(axis=0).max()),
    passed_low=float(most_passed[0]),
    passed_high=float(most_passed[1]),
    agreement=f"{agreement:.2f}"
    if len(ordered)
    else "not defined, since every band costs the same",
    read_verdict="the two agree"
    if agreement > 0.5
    else "the two do not agree, and the filters alone would mislead",
)

# %% [markdown]
# ```{glue:figure} fig-filters
# :name: fig-own-filters
# :alt: Three panels against frequency: mean spectra of the classes with intervals; responses of the two first filters of each training; share of the energy that the filters pass in each band, and fall of the balanced accuracy when the band is removed.
#
# Above, mean spectra of the training windows with 95 % intervals over events; middle, responses of the two filters
# of each training, the more important one blue; below, what the filters pass and what is lost without a band. Orange strip: 4-8 Hz, where the
# report saw notches. {glue:text}`fig-filters-made`
# ```
#
# The filters pass most in {glue:text}`passed_low:.2f`-{glue:text}`passed_high:.2f` Hz; the balanced accuracy falls most, by
# {glue:text}`worst_fall:.3f`, without {glue:text}`worst_low:.2f`-{glue:text}`worst_high:.2f` Hz. Over bands that do not overlap, the rank
# correlation of the two is {glue:text}`agreement`: {glue:text}`read_verdict`.
#
# ## In the record
#
# The first training, calibrated on the validation windows and exported as for `tremorlab detect`, runs along the record of the test
# at every station. Found is an event that a detection of its class touches. Your catalogue may not hold every event, so a
# detection without one is *unconfirmed*, which may be a false alarm or a new event.

# %%
detector = own.detector(found, runs[0], table.loc["1D"], folder / "network")
searched = own.search(
    found, detector, own.spans(found), 10.24, settings.search_days
)
rule = Rule(on=settings.on, off=min(0.5, settings.on))


def outcome(answer):
    """Scores of one searched stretch, with the detections that were matched."""
    events = own.listed(found, answer)
    matched = match(table_of(detections(answer, rule)), events, answer.step_s)
    hours = answer.known.sum() * answer.step_s / 3600
    rows = scores(matched, hours, complete=False)
    return matched, rows.assign(station=answer.station, hours=hours)


outcomes = [outcome(answer) for answer in searched]
by_station = pd.DataFrame()
if outcomes:
    by_station = pd.concat([rows.reset_index() for _, rows in outcomes])
    by_station = by_station.set_index(["station", "event_class"])
columns = ["hours", "events", "detections", "touched", "unconfirmed_per_hour"]
by_station.reindex(columns=columns).round(2)

# %% tags=["remove-output"]
figure, ax = plt.subplots(figsize=(9, 5))
if searched:
    answer = max(searched, key=lambda each: each.known.sum())
    events = own.listed(found, answer)
    begin = pd.Timestamp(answer.start.ns, tz="UTC")
    events = events.assign(
        onset_s=(events["onset"] - begin).dt.total_seconds(),
        end_s=(events["end"] - begin).dt.total_seconds(),
    )
    draw.draw_helicorder(
        ax, own.amplitudes(found, answer), answer.probabilities,
        answer.classes, answer.step_s, events=events,
        background="noise" if "noise" in answer.classes else answer.classes[-1],
        line_s=3600 if len(answer) * answer.step_s > 7200 else 600,
        first_hour=begin.hour + begin.minute / 60,
    )  # fmt: skip
    ax.set_title(answer.station, loc="left", fontsize=9)
    ax.set_ylabel(f"{begin:%Y-%m-%d}, UTC")
made = provenance.line(*(each.probabilities for each in searched))
publish.figure("fig-record", figure, made)

# %% tags=["hide-input"]
n_listed = int(by_station["events"].sum()) if outcomes else 0
n_touched = sum(
    int((matched.catalogue["state"] != "alone").sum())
    for matched, _ in outcomes
)
hours = sum(rows["hours"].iloc[0] for _, rows in outcomes if len(rows))
alone = sum(
    int((matched.detections["state"] == "alone").sum())
    for matched, _ in outcomes
)
publish.values(
    searched_hours=float(hours),
    n_listed=n_listed,
    n_touched=n_touched,
    share_found=n_touched / n_listed if n_listed else float("nan"),
    unconfirmed=alone / hours if hours else float("nan"),
    searched_text="The stretch with most record:"
    if searched
    else "No stretch of record is longer than a window and a step, so there is nothing to search.",
)

# %% [markdown]
# {glue:text}`searched_text`
#
# ```{glue:figure} fig-record
# :name: fig-own-record
# :alt: A helicorder of the searched record at one station, over the colour of the most probable class of the network; catalogued test events are marked below the lines.
#
# A line is an hour (ten minutes where the record is short); heights are square roots of amplitudes, colours the most probable
# class, paler where it is not sure; below the lines the test events of the catalogue. {glue:text}`fig-record-made`
# ```
#
# In {glue:text}`searched_hours:.1f` station-hours {glue:text}`n_touched` of {glue:text}`n_listed` catalogued events (counted at each
# station) are found, a share of {glue:text}`share_found:.2f`, and {glue:text}`unconfirmed:.2f` detections an hour are unconfirmed. Listen
# to the unconfirmed ones before you call them false: they may be what your catalogue lacks.
#
# ## Check

# %%
assert table.loc["1D", "low"] <= table.loc["1D", "high"], "interval upside down"
for part, rows in found.tables.items():
    others = [t for name, t in found.tables.items() if name != part]
    if described.splits.kind == "event":
        shared = set(rows["event_id"]) & set(pd.concat(others)["event_id"])
        assert not shared, (
            f"events in {part} and elsewhere: {sorted(shared)[:3]}"
        )
for answer in searched:
    sums = answer.probabilities[answer.known].sum(axis=1)
    assert np.allclose(sums, 1, atol=5e-3), "probabilities do not add up to one"
assert np.isfinite(reading.fall).all()
print("all checks passed")

# %% [markdown]
# ## The answer
#
# On {glue:text}`title`: balanced accuracy {glue:text}`network:.2f` ({glue:text}`network_low:.2f` to {glue:text}`network_high:.2f`) for the
# network, {glue:text}`forest:.2f` for the forest, verdict {glue:text}`verdict`. It loses most without
# {glue:text}`worst_low:.2f`-{glue:text}`worst_high:.2f` Hz. In the record it finds a share of {glue:text}`share_found:.2f` of the catalogued
# test events with {glue:text}`unconfirmed:.2f` unconfirmed detections an hour.
#
# ## Limits
#
# - Noise taken from stretches without catalogued events is as clean as the catalogue is complete. Events that nobody listed
#   teach the network to miss such events.
# - The rule for detections (`on`) is not chosen on your data; chapter 8 shows how to choose it, on days that you do not report.
# - Where the division is not by period, searched record holds events that the network was trained on. They are not
#   counted as found, but it may know the noise around them.
# - A few dozen events give intervals as wide as most differences. Neither network nor forest was tuned here.
# - One study says nothing of another station or year. And this is no alarm system (chapter 8).
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} How few events are enough?
# :label: ex-own-run
# ```
# *To run.* `tremorlab sweep 09 -p most 30,100,400 -p seed 54,13` reruns this page with fewer and fewer windows of a class. From which
# number on does the network's interval leave that of guessing, and does the forest need as many?
# ```{exercise-end}
# ```
#
# ```{solution-start} ex-own-run
# :class: dropdown
# ```
# Few windows hurt the network first: its features are learned, those of the forest were made by people who knew
# what seismograms look like. The two seeds are two simulated days; where they differ more than the rows of one, it is
# the day and not the number of windows that you see. The summary page of the sweep shows both.
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} What the network may have learned instead
# :label: ex-own-think
# ```
# *To think.* All your eruptions are from 2023, when a new sensor had just been put in; most noise windows are from 2022. The network is
# perfect. What may it have learned, which section of this page could show it, and how would you divide the windows?
# ```{exercise-end}
# ```
#
# ```{solution-start} ex-own-think
# :class: dropdown
# ```
# The sensor: its self-noise, its band, its hum. The reading would show a fall where no seismic signal of the classes has
# energy, for instance near the Nyquist frequency; the search would call whole stretches of 2023 eruptions. Take noise from the same
# weeks as the events, so that the sensor tells nothing, or test on a station whose sensor was not changed.
# ```{solution-end}
# ```
#
# :::{admonition} Take-away
# - A study is one file, drafted in one line, checked before anything runs.
# - A score has an interval over events and a rival beside it, or it is a rumour.
# - Look at the windows, at the reading and at the unconfirmed detections: most mistakes are in the data, and show there.
# :::
#
# *Read on:* {cite:t}`woollam2022` for data in a common format, {cite:t}`beyreuther2010` for what a classical detector does.
#
# :::{admonition} 要旨
# :class: note
# 事象の表と波形ファイルのフォルダがあれば、一つのコマンドで調査ファイルの下書きができ、何が読み込まれ、どの事象に記録がないかを計算の前に
# 確かめることができる。本章では、その調査ファイルから時間窓を切り出し、小さな1次元ネットワークを学習させ、事象単位の信頼区間とともに
# ランダムフォレストと比べる。さらに、第1層のフィルタを読み、特定の帯域を取り除いて解釈を確かめたうえで、連続記録を探索する。
# 事象が少なければ信頼区間は広く、優劣は決められない。誤りの多くはデータの側にあるので、時間窓と、カタログで確認できない検出を
# 自分の目で見ることが欠かせない。
# :::
