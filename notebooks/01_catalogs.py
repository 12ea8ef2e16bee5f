# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Catalogues: what happened, when, and who says so
#
# The report builds on three event tables: {term}`tremor <tectonic tremor>`, earthquakes and {term}`noise` at the Nankai trough;
# {term}`eruptions <eruption signal>`, {term}`VT earthquakes <volcano-tectonic earthquake>` and noise at Sakurajima; eruptions at Colombian volcanoes. It found that classes are very unequal and that activity changes so
# much with time that a split by period can leave a class with hardly an event. **Which events does a {term}`catalogue` hold,
# and can its classes be learned and tested honestly?**
#
# :::{admonition} Objectives
# - Read an event table, and say what each column can and cannot be trusted for.
# - Tell a class that is rare from a class whose events come in bursts.
# - Divide windows so that nothing about the test leaks into the training, and prove it.
# :::
#
# *Prerequisites:* none. *Needs:* nothing but the package; published catalogues are shown when they are on this machine.

# %% tags=["remove-cell"]
# Colab begins without the compendium; elsewhere this does nothing.
import importlib.util

if importlib.util.find_spec("tremorlab") is None:
    book = "https://github.com/tremor-compendium/tremor-compendium"
    wanted = f'"tremorlab[book] @ git+{book}"'
    get_ipython().run_line_magic("pip", f"install --quiet {wanted}")

# %% tags=["parameters"]
study: str = "redoubt_2009"  # study: a name, or the path of a .toml file
period: str = "hour"  # width of the bins in the activity figure
share: float = 0.15  # part of the events that makes a test period
twin_days: int = 1  # length of the simulated networks
twin_stations: int = 2  # stations of each
difficulty: str = "report-like"  # of the simulated networks
seed: int = 1  # seed of the random splits and of the simulated networks

# %% tags=["gate"]
from tremorlab.page.parameters import between, choice, gate, study_name

settings = gate(
    globals(),
    study=study_name,
    period=choice("minute", "hour", "day", "week", "month"),
    share=between(0.05, 0.5),
    twin_days=between(1, 366),
    twin_stations=between(1, 3),
    difficulty=choice("low", "report-like", "hard"),
    seed=between(0, 2**32 - 1),
)
settings

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from scipy.stats import poisson

from tremorlab import study as studies
from tremorlab.catalog import splits
from tremorlab.catalog.activity import activity, summary
from tremorlab.catalog.exposure import exposure
from tremorlab.catalog.sources import of_study, published, read_published
from tremorlab.catalog.starvation import starvation
from tremorlab.dataset.windows import plan
from tremorlab.errors import DataMissingError
from tremorlab.page import figures, publish
from tremorlab.page.provenance import Provenance
from tremorlab.twin.keep import kept
from tremorlab.twin.scenario import configure, times_s

figures.use_style()
pd.set_option("display.max_colwidth", None)
provenance = Provenance(settings.seed)

# %% [markdown]
# ## One row, one event
#
# Every source, whatever its format, is read into the same table: one row an event (or one a station that recorded it), times in UTC, a class from a fixed
# list, who says so, and how far the label can be trusted. A row that breaks the schema stops the reader with the file, the row and the
# column.

# %%
chosen = studies.load(settings.study)
catalog = of_study(chosen)
columns = [
    "onset",
    "event_class",
    "source",
    "reliability",
    "station",
    "remarks",
]
catalog.groupby("event_class").head(2)[columns]

# %% [markdown]
# Look at `source` before anything else. A located origin of an observatory, an analyst's pick, a trigger and a glance at
# the record are four different things, and so are their errors: an origin time precedes the arrival at the station by
# the travel time, a trigger list of *noise* contains every event that was too weak to trigger.
#
# ## The studies at a glance
#
# The compendium ships these studies. The table counts events, not windows: an event at eight stations gives eight windows,
# and a long tremor several, end to end.

# %%
catalogs = {name: of_study(studies.load(name)) for name in studies.available()}
overview = pd.DataFrame(
    {name: summary(table) for name, table in catalogs.items()}
).T
mixed = [table["event_class"].value_counts() for table in catalogs.values()]
ratios = [n.max() / n.min() for n in mixed if len(n) > 1]
publish.values(
    least_unequal=float(min(ratios)),
    most_unequal=float(max(ratios)),
    n_studies=len(overview),
    n_events=int(overview["events"].sum()),
)
overview.style.format(
    {
        "first": "{:%Y-%m-%d %H:%M}",
        "last": "{:%Y-%m-%d %H:%M}",
        "high reliability": "{:.0%}",
    }
)

# %% [markdown]
# {glue:text}`n_studies` studies hold {glue:text}`n_events` events. No study holds all the classes of the report, and none holds
# tectonic tremor: raw records of it are not freely redistributable.
#
# ## Activity through time
#
# Rates of events are rarely steady. The next figure counts the events of the chosen study in bins of time.

# %% tags=["remove-output"]
counts = activity(catalog, settings.period)
busy = counts[counts.sum(axis=1) > 0]
figure, ax = plt.subplots(figsize=(8, 3.2))
figures.draw_activity(ax, busy)
ax.set(
    ylabel=f"events per {settings.period}",
    xlabel=f"{settings.period} beginning (UTC); empty ones left out",
)
publish.values(
    n_bins=len(counts),
    share_empty=float((counts.sum(axis=1) == 0).mean()),
)
publish.figure(
    "fig-activity",
    figure,
    provenance.line(catalog["onset"].astype("int64").to_numpy()),
)

# %% [markdown]
# ```{glue:figure} fig-activity
# :name: fig-activity
# :alt: Stacked bars of the number of events per bin of time, one colour a class. Events of one class stand together in a few bins; most bins hold one class only.
#
# Activity in the chosen study. Bins without an event are left out of the drawing: they are {glue:text}`share_empty:.0%` of
# all {glue:text}`n_bins` bins between the first and the last event. {glue:text}`fig-activity-made`
# ```
#
# {numref}`fig-activity` is not a picture of the Earth alone. It also shows when somebody looked: two days of a network's
# archive, an hour that an analyst chose. A classifier that knows the date knows the class.
#
# ### Published catalogues
#
# Longer tables show the same on the scale of months. These are read when their files are on this machine.

# %%
shelf, absent = {}, {}
for name, entry in published().items():
    try:
        shelf[name] = read_published(entry)
    except DataMissingError:
        absent[name] = entry.citation
publish.values(n_published=len(shelf))
pd.DataFrame(
    {
        name: summary(table)[["events", "first", "last"]]
        for name, table in shelf.items()
    }
).T

# %%
pd.DataFrame({"not on this machine": absent})

# %% tags=["remove-output"]
shown = shelf or {"study " + settings.study: catalog}
rows, size = -(-len(shown) // 2), (8.5, 0.8 + 0.9 * len(shown))
figure, axes = plt.subplots(rows, min(2, len(shown)), figsize=size)
figures.draw_timelines(axes, shown)
made = provenance.line(
    *[table["onset"].astype("int64").to_numpy() for table in shown.values()]
)
publish.figure("fig-timelines", figure, made)

# %% [markdown]
# ```{glue:figure} fig-timelines
# :name: fig-timelines
# :alt: One panel a catalogue: the cumulative share of events against time, one line a class. The lines climb in steps: long flat stretches and short steep ones.
#
# Cumulative share of the events of each class, from the first to the last event of each catalogue
# ({glue:text}`n_published` published ones are on this machine; the chosen study is drawn when there is none).
# {glue:text}`fig-timelines-made`
# ```
#
# A steady rate would be a diagonal. Where a catalogue of tectonic tremor is drawn in {numref}`fig-timelines`, the steep parts are
# episodes of {term}`slow slip`: days to weeks of tremor, then months of almost nothing.
#
# ## Why a split by period can starve a class
#
# Training on the past and testing on the future is the honest split for monitoring. But what is in the test period is
# then a matter of luck. Take every contiguous block that holds a share of the events, and ask how often
# it holds fewer than the fewest that a score needs. Then ask the same for a random draw of the same size, for which
# the answer is exact (hypergeometric): the difference is due to bursts alone.

# %%
minimum = chosen.splits.minimum
starved = starvation(catalog, settings.share, minimum)
worst = (starved["in_blocks"] - starved["if_shuffled"]).idxmax()
publish.values(
    worst=figures.label_of(worst),
    in_blocks=float(starved.loc[worst, "in_blocks"]),
    if_shuffled=float(starved.loc[worst, "if_shuffled"]),
    minimum=minimum,
)
starved.style.format(
    {"expected": "{:.1f}", "in_blocks": "{:.0%}", "if_shuffled": "{:.1%}"}
)

# %% [markdown]
# For {glue:text}`worst`, {glue:text}`in_blocks:.0%` of the test periods hold fewer than {glue:text}`minimum` events, against
# {glue:text}`if_shuffled:.1%` if the same events came in random order. That is the kind of
# starvation that the report met at Sakurajima, in numbers: rarity is one half of the problem, bursts are the other. Some of the
# bursts here are of people's making, though: an hour that was chosen because of its events is a burst as well.
#
# The remedy is to look before training. The check below plans the windows of the study (no waveform is read for it),
# divides them as the study declares, counts events by class and split, and lists every cell that is too thin.

# %%
windows = plan(catalog, chosen)
declared = splits.divide(windows, chosen.splits, settings.seed)
by_split = splits.class_counts(windows, declared)
thin = splits.inadequate(by_split, minimum)
publish.values(n_thin=len(thin))
by_split

# %% tags=["remove-output"]
figure, ax = plt.subplots(figsize=(8, 0.9 + 0.5 * by_split.shape[1]))
figures.draw_counts(ax, by_split.T)
ax.set(xlabel="events", ylabel="split")
ax.legend(ncols=4, loc="upper left", bbox_to_anchor=(0, 1.3))
publish.figure("fig-splits", figure, provenance.line(by_split.to_numpy()))

# %% [markdown]
# ```{glue:figure} fig-splits
# :name: fig-splits
# :alt: Horizontal stacked bars, one a split, with the number of events of each class written inside. The mixture of classes differs from split to split.
#
# Events by class in the split that the study declares ({glue:text}`n_thin` cells hold fewer than {glue:text}`minimum` events).
# {glue:text}`fig-splits-made`
# ```

# %%
thin

# %% [markdown]
# ## Twins: networks whose truth is known
#
# The report's own records may not be handed on, and no recorded catalogue says what it missed. A {term}`twin` helps with both. It
# is a simulated network: one after the Nankai ocean-bottom stations, one after Sakurajima, one after a volcano with few
# stations as in Colombia. Sources, attenuation, scattering, sites, noise, instruments and their faults are drawn from
# published laws, and the result is written as recorded data are: an SDS {term}`archive`, StationXML, a catalogue. The catalogue has
# an observatory's flaws; the truth lies beside it.
#
# Activity of a twin comes in bursts, as at a real volcano. Below are two months of eruptions and VT earthquakes at the
# Sakurajima-like volcano; only their times are drawn, so this costs next to nothing.

# %%
months = configure(setting="sakurajima", days=60, seed=settings.seed)
days = np.arange(months.days + 1) * 86400.0
daily = pd.DataFrame(
    {
        kind: np.histogram(times_s(months, kind), days)[0]
        for kind in ("eruption", "vt")
    },
    index=pd.date_range(months.start, periods=months.days),
)

# %%
rate = daily["eruption"].mean()
publish.values(
    twin_ratio=float(daily["vt"].sum() / daily["eruption"].sum()),
    poor_days=float((daily["eruption"] < minimum).mean()),
    poor_if_steady=float(poisson.cdf(minimum - 1, rate)),
    eruption_rate=float(rate),
)

# %% tags=["remove-output"]
figure, ax = plt.subplots(figsize=(8, 3.2))
figures.draw_activity(ax, daily)
ax.set(ylabel="events per day", xlabel="day (UTC)")
made = provenance.line(daily.to_numpy())
publish.figure("fig-twin-activity", figure, made)

# %% [markdown]
# ```{glue:figure} fig-twin-activity
# :name: fig-twin-activity
# :alt: Stacked bars of eruptions and VT earthquakes per day over two months. VT earthquakes outnumber eruptions by far; swarms and spells of a few days stand out.
#
# Two simulated months at the Sakurajima-like volcano: {glue:text}`twin_ratio:.0f` VT earthquakes to one eruption.
# {glue:text}`fig-twin-activity-made`
# ```
#
# On {glue:text}`poor_days:.0%` of the days there are fewer than {glue:text}`minimum` eruptions. If
# {glue:text}`eruption_rate:.1f` a day came at a steady rate (a Poisson process), {glue:text}`poor_if_steady:.0%` of the days would
# be so poor. Whoever tests on a day, or trains on one, meets the report's problem here too.
#
# ### What a catalogue makes of the truth
#
# Now the records themselves: {glue:text}`twin_size` of each network. Whether an event is listed at a station depends on its
# {term}`signal-to-noise ratio` there, by one law for all classes; {glue:text}`wrong_share:.0%` of the listed events are given another
# class; a noise window is a stretch in which nothing is listed, which is not the same as a stretch in which nothing happened.

# %%
layout = {
    "days": settings.twin_days,
    "stations": settings.twin_stations,
    "rate_hz": 50,
    "difficulty": settings.difficulty,
    "seed": settings.seed,
}
scenarios = [
    configure(setting=setting, **layout)
    for setting in ("nankai", "sakurajima", "colombia")
]
twins = {scenario.setting: kept(scenario) for scenario in scenarios}

# %%
truths = {
    setting: pd.read_csv(twin.with_name("truth.csv"), keep_default_na=False)
    for setting, twin in twins.items()
}
truth = pd.concat(truths, names=["setting", ""]).reset_index("setting")
truth["snr_db"] = pd.to_numeric(truth["snr_db"])
happened = truth[truth["event"] >= 0].reset_index(drop=True)
missed = happened["catalogue_id"] == ""
wrong = ~missed & (happened["catalogue_class"] != happened["event_class"])
happened["outcome"] = np.select([missed, wrong], ["missed", "wrong"], "listed")
quiet = truth[truth["event"] < 0]

# %% tags=["hide-input"]
publish.values(
    twin_size=f"{settings.twin_days} day(s) at {settings.twin_stations} stations",
    wrong_share=scenarios[0].wrong_labels,
    n_missed=int(missed.sum()),
    n_wrong=int(wrong.sum()),
    n_happened=len(happened),
    n_quiet=len(quiet),
    n_hidden=int((quiet["hidden"] > 0).sum()),
)
for setting, twin in twins.items():
    card = twin.with_name("README.md").read_text(encoding="utf-8")
    publish.card(f"twin_{setting}", card)

# %% tags=["remove-output"]
classes = happened.groupby("setting")["event_class"].nunique()
figure, axes = plt.subplots(
    3, sharex=True, figsize=(8, 5), height_ratios=classes
)
for ax, (setting, rows) in zip(axes, happened.groupby("setting"), strict=True):
    figures.draw_outcomes(ax, rows, np.random.default_rng(settings.seed))
    ax.set_title(f"{setting}-like", loc="left", fontsize=9)
axes[-1].set_xlabel("signal-to-noise ratio at the station (dB)")
figure.legend(
    *axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=3
)
made = provenance.line(happened["snr_db"].to_numpy())
publish.figure("fig-twin-outcomes", figure, made)

# %% [markdown]
# ```{glue:figure} fig-twin-outcomes
# :name: fig-twin-outcomes
# :alt: Three panels, one a simulated network, one row a class: each dot is an event at a station placed by its signal-to-noise ratio. Filled dots are listed, hollow ones missed, crosses listed under another class. Hollow dots gather below about 5 decibels in every row.
#
# Every event at every station of the three twins, by its signal-to-noise ratio (2-8 Hz).
# {glue:text}`fig-twin-outcomes-made`
# ```
#
# Of {glue:text}`n_happened` events (each counted once a station), {glue:text}`n_missed` are not listed and {glue:text}`n_wrong` are
# listed under another class. Of {glue:text}`n_quiet` noise windows, {glue:text}`n_hidden` hold an event that nobody
# listed. A score on these catalogues has a ceiling below one for reasons that no network can help; a score against the
# truth has not, and the twin allows both. The data cards count all this by class:
# [Nankai-like](../book/cards/twin_nankai.md), [Sakurajima-like](../book/cards/twin_sakurajima.md),
# [Colombia-like](../book/cards/twin_colombia.md).

# %% [markdown]
# ## What leaks
#
# A split is made on {term}`windows <window>`, and windows are not independent. The detector looks for four kinds of
# {term}`leak`, ways in which a test window can be known before: it shows the same **event** at another station; it **overlaps** a training window in time; it
# comes from the same clock **hour**; it comes from the same **station**. The first two are errors. The last two are
# choices to be stated: a network tested on stations it has seen answers another question than one that has not.

# %%
rules = {
    "random windows": splits.at_random(
        windows, {"train": 0.7, "test": 0.3}, settings.seed
    ),
    "whole events": splits.by_event(
        windows, {"train": 0.7, "test": 0.3}, settings.seed
    ),
    f"as declared ({chosen.splits.kind})": declared,
}
publish.values(n_windows=len(windows))
leaks = splits.leaks(windows, rules["random windows"], chosen.window_s)
leaks.groupby("kind").head(1)

# %% [markdown]
# One leak of each kind from the random split. What counts in the end is how many of the test windows are touched.

# %% tags=["remove-output"]
touched = pd.DataFrame(
    {name: exposure(windows, split) for name, split in rules.items()}
).T
figure, ax = plt.subplots(figsize=(8, 2.4))
sns.heatmap(
    touched,
    annot=True,
    fmt=".0%",
    vmin=0,
    vmax=1,
    cmap="cividis",
    cbar=False,
    ax=ax,
)
ax.set_xticklabels([kind.replace("_", " ") for kind in touched.columns])
ax.tick_params(axis="y", rotation=0)
publish.figure("fig-leaks", figure, provenance.line(touched.to_numpy()))

# %% [markdown]
# ```{glue:figure} fig-leaks
# :name: fig-leaks
# :alt: Table of percentages: three ways of splitting as rows, four kinds of leak as columns. Random windows leak in every column; whole events leave the first column empty.
#
# Share of the test windows that share something with a training window, for {glue:text}`n_windows` windows of the chosen study.
# {glue:text}`fig-leaks-made`
# ```
#
# {numref}`fig-leaks` is the reason why scores of different papers cannot be compared before their splits have been. How
# much each kind of leak flatters a score is not measured here; it needs a classifier.
#
# ## Check
#
# The claims of this page, as assertions on what was computed above.

# %%
events = windows.groupby("event_class")["event_id"].nunique()
assert (by_split.max(axis=1) <= events).all(), "a split holds an event twice"
assert touched.loc["whole events", "same_event"] == 0, (
    "a split by whole events must not leak events"
)
assert counts.to_numpy().sum() == catalog["event_id"].nunique(), (
    "the activity figure lost events"
)
block = round(settings.share * catalog["event_id"].nunique())
assert abs(starved["expected"].sum() - block) < 1e-9, "the block lost events"
for setting, rows in happened.groupby("setting"):
    listed = studies.load(twins[setting]).catalogues[0].file
    ids = set(pd.read_csv(listed)["event_id"])
    assert set(rows["catalogue_id"]) - {""} <= ids, (
        f"{setting}: truth and catalogue name different events"
    )
print("all checks passed")

# %% [markdown]
# ## The report says, we get
#
# | the report says | we get | verdict |
# | --- | --- | --- |
# | eruptions are far fewer than VT earthquakes; classes are strongly unequal | the largest class has {glue:text}`least_unequal:.1f` to {glue:text}`most_unequal:.0f` times the events of the smallest, by study | depends on the study; these lists were chosen by hand |
# | the report's own catalogues: Nankai, Sakurajima, Colombian volcanoes | simulated networks after all three, truth beside the catalogue | stand-ins; the loaders take the originals |
# | activity changes with time, so a split by period can starve a class | {glue:text}`worst`: {glue:text}`in_blocks:.0%` of the test periods are starved, {glue:text}`if_shuffled:.1%` by chance | agrees, on another volcano; bursts, not rarity alone |
#
# ## Limits
#
# - Catalogues are incomplete for small events, and nothing here estimates how incomplete.
# - Hours of different days are not independent either: weather, wind and cultural noise last longer. The detector
#   does not see that.
# - Twins are simplified: see the limits in their cards. Their laws of activity and of what is listed are plausible, not
#   fitted to one observatory.
# - Contiguous blocks overlap one another, so their shares come without an interval; treat them as a description.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} Another study
# :label: ex-catalogs-run
# ```
# *To run.* Rerun this page with `study = "st_helens_2004"` and compare the first row of {numref}`fig-leaks`. Why is it so much
# worse?
# ```{exercise-end}
# ```
#
# ```{solution-start} ex-catalogs-run
# :class: dropdown
# ```
# At St. Helens each event was cut at eight stations. A random split almost surely leaves at least one of the eight
# windows of a test event in the training split; dividing by whole events (or by station, as that study declares,
# which answers another question) is the remedy.
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} A trustworthy noise class
# :label: ex-catalogs-think
# ```
# *To think.* The noise windows were chosen because an STA/LTA detector did not trigger. Which classifier does this choice
# favour, and how would you choose noise instead?
# ```{exercise-end}
# ```
#
# ```{solution-start} ex-catalogs-think
# :class: dropdown
# ```
# It favours anything that behaves like STA/LTA: weak events that do not trigger are either missing from the event classes
# or hidden in the noise class, so the task is easier than monitoring. Draw noise windows at random times, let a person
# look at a sample of them, and report how many contain an event.
# ```{solution-end}
# ```
#
# :::{admonition} Take-away
# - An event table is as good as its `source` and `reliability` columns.
# - Rare and bursty are two problems; compare contiguous periods with shuffled draws to tell them apart.
# - Split by whole events at least, count the classes in every split, and run the leak detector before the first epoch.
# :::
#
# *Read on:* {cite:t}`nakano2022` for the report's data; {cite:t}`hibert2017` for what a temporal split does to a volcano
# classifier.
#
# :::{admonition} 要旨
# :class: note
# 地震カタログは、いつ・何が起きたかだけでなく、誰がどのように判断したかの記録でもある。本章では、複数のカタログを共通の表に読み込み、
# 各列がどこまで信頼できるかを確かめる。事象の種別ごとの数は大きく偏り、しかも時間的に集中して起こるため、期間で分割した試験データには
# ほとんど事象が含まれない種別が生じうる。稀であることと集中することは別の問題であり、無作為に並べ替えた場合と比べることで区別できる。
# 真の答えがわかる模擬観測網(ツイン)では、カタログが見逃した事象や誤って分類した事象を数えることができる。最後に、同じ事象や同じ時間帯が
# 学習と試験の両方に入る「漏洩」を検出する方法を示す。分割は少なくとも事象単位で行い、学習の前に種別ごとの数と漏洩を確認すること。
# :::
