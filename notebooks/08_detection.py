# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From a classifier to a detector: continuous records
#
# The report ends by adopting its network as a detection and discrimination system for monitoring. A score on windows,
# though, is a score on windows that somebody chose; a monitoring system meets everything else too: hours of noise, swarms,
# events of kinds that it was never told about, gaps. **What does a detector built on these networks find in a
# whole record, what does it report that is not there, and is it better than what observatories have?**
#
# :::{admonition} Objectives
# - Turn probabilities along a record into events, and choose the rule for it without looking at the test.
# - Score a detector event by event: recall against signal-to-noise ratio, {term}`false alarms <false alarm>` a {term}`station-day`.
# - Say what is missed, what it costs to search years of a network, and why this is no alarm system.
# :::
#
# *Prerequisites:* [Two networks, the same windows](03_networks.ipynb), [Class imbalance](04_imbalance.ipynb). *Needs:*
# nothing; what was found in months of records comes with the compendium. Searching them anew takes an hour.

# %% tags=["remove-cell"]
# Colab begins without the compendium; elsewhere this does nothing.
import importlib.util

if importlib.util.find_spec("tremorlab") is None:
    book = "https://github.com/tremor-compendium/tremor-compendium"
    wanted = f'"tremorlab[book] @ git+{book}"'
    get_ipython().run_line_magic("pip", f"install --quiet {wanted}")

# %% tags=["parameters"]
days: int = 30  # length of the simulated months
stations: int = 3  # stations of each
choice_days: int = 8  # on which the rules are chosen, of another seed
seed: int = 910  # of the months
choice_seed: int = 809  # of the days of the choice
timed: int = 2  # simulated station-days that are timed
years: int = 10  # of the archive that the last section is about
network: int = 50  # stations of that archive
price: float = 0.05  # of an hour of one core, in your currency
again: bool = False  # search anew, whatever results there are

# %% tags=["gate"]
from tremorlab.page.parameters import between, gate

settings = gate(
    globals(),
    days=between(1, 366),
    stations=between(1, 6),
    choice_days=between(1, 100),
    seed=between(0, 2**32 - 1),
    choice_seed=between(0, 2**32 - 1),
    timed=between(1, 3),
    years=between(1, 100),
    network=between(1, 10_000),
    price=between(0, 100),
)
settings

# %% tags=["hide-input"]
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import shutil
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from obspy import UTCDateTime

from tremorlab import study as studies
from tremorlab.classify.scores import mcnemar
from tremorlab.detect.archive import detect
from tremorlab.detect.engine import Detector
from tremorlab.detect.export import export
from tremorlab.errors import DataMissingError
from tremorlab.experiment import detection_questions as questions
from tremorlab.experiment import published
from tremorlab.experiment.recorded_days import empty_hours, recorded_days
from tremorlab.experiment.records import (
    false_alarms,
    recall_by_snr,
    searched,
)
from tremorlab.experiment.searchers import BOTH, RIVAL
from tremorlab.page import figures, publish
from tremorlab.page import record_figures as draw
from tremorlab.page.provenance import Provenance
from tremorlab.twin.keep import kept
from tremorlab.twin.scenario import configure
from tremorlab.waveform.prepare import prepare, reach_s
from tremorlab.waveform.sources import open_source

figures.use_style()
provenance = Provenance(settings.seed)
SETTINGS = ("nankai", "sakurajima")
BAR_RECALL, BAR_FALSE = 0.95, 1.0

# %% [markdown]
# ## A month nobody has trained on
#
# For each setting one simulated month of three stations with the activity of its catalogue. Its seed was used for nothing
# else, neither for training nor for choosing anything. Four systems search it:
#
# - `1D` and `2D` (of linear amplitude), networks of chapter 3, exported and run without TensorFlow, a window every 10.24 s;
# - `both networks`, the mean of their probabilities;
# - `STA/LTA + forest`, the classical way: the ratio of a short to a long average finds onsets
#   {cite:p}`beyreuther2010`, and the random forest of chapter 3 gives the window around each onset a class.

# %%
length = questions.Length(
    days=settings.days, stations=settings.stations,
    choice_days=settings.choice_days, seed=settings.seed,
    choice_seed=settings.choice_seed,
)  # fmt: skip
found = {
    setting: searched(questions.month(setting, length), again=settings.again)
    for setting in SETTINGS
}
systems = found["sakurajima"].systems

# %% tags=["hide-input"]
changed = sorted({n for each in found.values() for n in each.answer.changed})
stale = f"changed since it was searched: {', '.join(changed)}"
rows = {}
for setting, each in found.items():
    for kind, own in each.events.groupby("event_class"):
        rows[setting, figures.label_of(kind)] = {
            "events": own["event"].nunique(),
            "at stations": len(own),
            "recorded": int(own["recorded"].sum()),
            "of these over 6 dB": int(
                (own["recorded"] & (own["snr_db"] >= 6)).sum()
            ),
        }
hours = {s: sum(each.hours.values()) for s, each in found.items()}
publish.values(
    n_days=settings.days,
    n_stations=settings.stations,
    n_choice=settings.choice_days,
    station_days=", ".join(f"{s} {h / 24:.1f}" for s, h in hours.items()),
    changed=stale if changed else "nothing has changed since",
)
pd.DataFrame(rows).T

# %% [markdown]
# Searched: {glue:text}`n_days` days at {glue:text}`n_stations` stations, in station-days with samples: {glue:text}`station_days`;
# {glue:text}`changed`. An event at three stations stands in the table three times under "at stations", each time with the
# signal-to-noise ratio it has there. The volcano has events of kinds that the networks have no class for. They are in the
# record and may be called anything.
#
# ## One day
#
# A drum of a day, an hour a line. The height is (the square root of) the largest amplitude of each step, the colour behind it
# the most probable class of the network (1D), pale where it is not sure. What really happened is drawn below the lines.

# %%
month = found["sakurajima"]
day = month.day
first = month.events["station"] == month.events["station"].iloc[0]
shown = month.events[first].assign(
    onset_s=lambda t: t["onset_s"] - day["start_s"],
    end_s=lambda t: t["end_s"] - day["start_s"],
)
shown = shown[(shown["onset_s"] >= 0) & (shown["onset_s"] < 86_400)]

# %% tags=["remove-output"]
figure, ax = plt.subplots(figsize=(9, 8))
draw.draw_helicorder(
    ax, day["amplitude"], day["1D"], month.classes, 10.24, events=shown
)
ax.set_ylabel("hour of the day")
made = provenance.line(day["amplitude"], day["1D"])
publish.figure("fig-day", figure, made)

# %% tags=["hide-input"]
known = shown[shown["event_class"].isin(month.classes)]
publish.values(
    day_number=int(day["start_s"] // 86_400) + 1,
    day_events=len(shown),
    day_others=len(shown) - len(known),
    day_found=int((known["1D state"] != "alone").sum()),
    day_known=len(known),
)

# %% [markdown]
# ```{glue:figure} fig-day
# :name: fig-day
# :alt: A helicorder of 24 lines, one an hour, on white where the network sees noise, on orange where it sees an eruption signal, on green where it sees a VT earthquake. Below the lines, bars and triangles mark the events that happened.
#
# Day {glue:text}`day_number` of the simulated month at the first station: the day on which the class with the fewest clear events has
# most. Below the lines, what happened: bars for how long, triangles for onsets, in other colours kinds without a class.
# {glue:text}`fig-day-made`
# ```
#
# Of {glue:text}`day_events` events on that day, {glue:text}`day_others` are of kinds that the network does not know. Of the other
# {glue:text}`day_known` it reports {glue:text}`day_found`. A coloured stretch is longer than its event, because every window that
# holds the event is coloured: an event of some seconds is seen for the length of a window, 163.84 s.
#
# ## From probabilities to events
#
# A rule makes events of such a line: a run of windows begins where the probability of a class reaches `on`, ends where it
# falls below `off`, and counts if it is long enough. The classical detector has such a rule too: how high the ratio must
# rise, how probable the class must be, and how near events must lie to be one. All rules were chosen on
# days of another seed, for each class by itself and by one criterion for all systems: of the rules with fewer than
# {glue:text}`allowed:g` false alarms a day, the one that finds most events over 6 dB. Alarms at events of a kind that has no class
# did not count in the choice: what no threshold tells from an eruption must not cost eruptions. They were chosen twice: for each station
# alone, and for stations that vote, which comes further below.

# %% tags=["hide-input"]
rows = {}
for setting, each in found.items():
    for way in ("alone", "voting"):
        for system, rules in getattr(each.rules, way).items():
            names = (
                ("peak", "probability", "join_s")
                if system == RIVAL
                else ("on", "off", "minimum_s")
            )
            for kind, rule in rules.items():
                told = rule.model_dump()
                rows[setting, figures.label_of(kind), system, way] = " / ".join(
                    f"{told[n]:g}" for n in names
                )
publish.values(allowed=questions.month("nankai", length).criterion.most_false)
pd.Series(rows).unstack(sort=False)

# %% [markdown]
# The table gives `on` / `off` / `minimum_s` for networks and `peak` / `probability` / `join_s` for the classical detector.
#
# ## What is found
#
# An event is found where a detection of its class overlaps it, or lies within a step (10.24 s) of it. So
# the second of two earthquakes that one detection covers is found as well: a network with windows of nearly three minutes
# cannot tell two earthquakes in a minute apart, and counting the second one as missed would call that a missed event.

# %%
edges = np.arange(-12, 40, 4.0)
curves = {
    (setting, kind): {
        system: recall_by_snr(
            each.events[each.events["event_class"] == kind], system, edges
        )
        for system in systems
    }
    for setting, each in found.items()
    for kind in each.classes
    if kind != "noise"
}

# %% tags=["remove-output"]
figure, axes = plt.subplots(2, 2, figsize=(9, 6.4), sharex=True, sharey=True)
for ax, ((setting, kind), tables) in zip(
    axes.ravel(), curves.items(), strict=True
):
    draw.draw_recall(ax, tables, bar=BAR_RECALL)
    ax.set(title=f"{figures.label_of(kind)}, {setting}-like")
for ax in axes[:, 0]:
    ax.set_ylabel("share found")
for ax in axes[0]:
    ax.set_xlabel("")
handles = axes[0, 0].get_legend_handles_labels()
figure.legend(*handles, loc="outside lower center", ncols=len(systems))
made = provenance.line(
    *[
        table["recall"].to_numpy()
        for t in curves.values()
        for table in t.values()
    ]
)
publish.figure("fig-recall", figure, made)


# %% tags=["hide-input"]
def over(events, system, least=6.0):
    """Recall of the events over a signal-to-noise ratio, with its interval."""
    row = recall_by_snr(events, system, [least, 1e3]).iloc[0]
    return {
        "events": int(row["events"]),
        "recall": row["recall"],
        "low": row["recall_low"],
        "high": row["recall_high"],
    }


def readable(table):
    """A table of recalls with the interval in one column with its value."""
    shares = table[["recall", "low", "high"]].to_numpy()
    told = [f"{share:.2f} ({a:.2f} to {b:.2f})" for share, a, b in shares]
    table = table.drop(columns=["low", "high"]).assign(recall=told).round(2)
    table = table.rename(index=figures.label_of, level=1)
    return table.rename(columns={"recall": "recall (95 %)"})


loud = pd.DataFrame.from_dict(
    {
        (setting, kind, system): over(
            each.events[each.events["event_class"] == kind], system
        )
        for setting, each in found.items()
        for kind in each.classes
        if kind != "noise"
        for system in systems
    },
    orient="index",
)
met = loud["recall"] >= BAR_RECALL
publish.values(
    least_recall=float(loud["recall"].min()),
    most_recall=float(loud["recall"].max()),
    n_met=int(met.sum()),
    n_bars=len(met),
    met=", ".join(
        f"{figures.label_of(k)} by {s}" for _, k, s in loud.index[met]
    )
    or "none",
)
readable(loud)

# %% [markdown]
# ```{glue:figure} fig-recall
# :name: fig-recall
# :alt: Four panels, two classes of each setting: share of the events found against their signal-to-noise ratio at the station, with 95 % intervals, for both networks and for the classical detector. Curves rise from near zero below 0 decibels.
#
# Share of the events found against their signal-to-noise ratio at the station (2-8 Hz), each station by itself; intervals
# (95 %) are over events. Dotted: 6 dB and {glue:text}`bar_recall:.2f`. {glue:text}`fig-recall-made`
# ```
#
# An observatory would want {glue:text}`bar_recall:.2f` of all events over 6 dB. Of the {glue:text}`n_bars` curves above,
# {glue:text}`n_met` reach that ({glue:text}`met`); the least is {glue:text}`least_recall:.2f`, the most {glue:text}`most_recall:.2f`.
# One station by itself has to be sure, since the noise of a day has hundreds of windows to look like an event in.
#
# ## What is reported and is not there
#
# A detection that touches no event of its class is a false alarm. The truth is complete here, so nothing is
# "unconfirmed". Not all false alarms are made of nothing: some touch an event of the other class, and some one of a kind that
# the systems have no class for. The latter are drawn hatched. Rules were not asked to keep them down, since a threshold that does
# passes over the events that look like them; what would help is another class.

# %%
false = {setting: false_alarms(each) for setting, each in found.items()}

# %% tags=["remove-output"]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6))
for ax, (setting, table) in zip(axes, false.items(), strict=True):
    draw.draw_alarms(ax, table, bar=BAR_FALSE)
    ax.set(title=f"{setting}-like")
axes[1].set_ylabel("")
handles = axes[0].get_legend_handles_labels()
figure.legend(*handles, loc="outside lower center", ncols=len(systems))
made = provenance.line(*[table.to_numpy() for table in false.values()])
publish.figure("fig-false", figure, made)

# %% tags=["hide-input"]
rows = {}
for setting, each in found.items():
    for system, own in each.alarms.groupby("system", sort=False):
        spent = (own["end_s"] - own["onset_s"]).sum() / 3600
        alone = (own["state"] == "alone").mean()
        shares = false[setting].xs(system, level=1).sum()
        shares = shares / max(shares.sum(), 1e-9)
        rows[setting, system] = {
            "detections": len(own),
            "own event": (own["state"] == "paired").mean(),
            "false": alone,
            **shares,
            "hours a day": 24 * spent / hours[setting],
        }
per_day = pd.concat(false).sum(axis=1)
known = pd.concat(false)[["nothing", "wrong"]].sum(axis=1)
worst = per_day.idxmax()
publish.values(
    bar_recall=BAR_RECALL,
    n_quiet=int((per_day < BAR_FALSE).sum()),
    n_quiet_known=int((known < BAR_FALSE).sum()),
    n_per_day=len(per_day),
    most_false=float(per_day.max()),
    noisiest=f"{figures.label_of(worst[1])} by {worst[2]}, {worst[0]}-like",
)
pd.DataFrame.from_dict(rows, orient="index").round(2)

# %% [markdown]
# ```{glue:figure} fig-false
# :name: fig-false
# :alt: Two panels, one a setting: bars of the false alarms a station-day of each class for both networks and the classical detector, with a dotted line at one.
#
# False alarms a station-day by class; hatched, at events of a kind without a class; dotted, one a day; the
# number is their sum. {glue:text}`fig-false-made`
# ```
#
# Fewer than one a station-day have {glue:text}`n_quiet` of {glue:text}`n_per_day`, and {glue:text}`n_quiet_known` if what is hatched is left out; most
# has {glue:text}`noisiest`: {glue:text}`most_false:.2f`. In the table, "nothing", "wrong" and "unknown" are shares of the false
# alarms. What is neither false nor has an event of its own is a second piece of one. The hours reported in a station-day are there because recall and false alarms alone can be fooled: a detector
# that reports one event from midnight to midnight finds everything with no more than one false alarm.
#
# ## What is missed, and what it is taken for
#
# What the 1D network makes of every recorded event over 6 dB, known to it or not.


# %%
def taken_for(each, system="1D"):
    """Share of the events of a kind over 6 dB by what was made of them."""
    events = each.events[each.events["recorded"] & (each.events["snr_db"] >= 6)]
    given = events[f"{system} given"].replace("", "nothing")
    table = pd.crosstab(events["event_class"], given, normalize="index")
    kinds = [kind for kind in each.classes if kind != "noise"]
    others = [kind for kind in table.index if kind not in kinds]
    return table.reindex([*kinds, *others], columns=[*kinds, "nothing"]).fillna(
        0
    )


# %% tags=["remove-output"]
figure, axes = plt.subplots(
    1, 2, figsize=(9.5, 3.6), gridspec_kw={"width_ratios": (1, 1)}
)
for ax, (setting, each) in zip(axes, found.items(), strict=True):
    table = taken_for(each)
    names = {
        "yticklabels": [figures.label_of(k) for k in table.index],
        "xticklabels": [figures.label_of(k) for k in table.columns],
    }
    sns.heatmap(table, annot=True, fmt=".2f", vmin=0, vmax=1, cmap="cividis",
                cbar=False, ax=ax, **names)  # fmt: skip
    ax.set(title=f"{setting}-like", xlabel="reported as", ylabel="")
    ax.tick_params(axis="y", rotation=0)
made = provenance.line(taken_for(found["sakurajima"]).to_numpy())
publish.figure("fig-missed", figure, made)


# %% [markdown]
# ```{glue:figure} fig-missed
# :name: fig-missed
# :alt: Two tables of shares, one a setting: rows are kinds of events, columns what the 1D network reported, with nothing as the last column.
#
# Recorded events over 6 dB by what the 1D network reported at their time, each station by itself; an event that is found and
# also touched by another class counts as found. {glue:text}`fig-missed-made`
# ```
#
# Why are clear events missed? Three reasons can be told apart in a twin. The event lies under or beside another
# that is louder in the same window; it is far away for its kind; or neither, and the network simply does not
# recognise it.


# %%
def crowded(events, window_s=163.84):
    """Whether a louder event at the station begins within a window."""
    out = np.zeros(len(events), bool)
    for _, own in events.groupby("station"):
        rows = events.index.get_indexer(own.index)
        apart = np.abs(np.subtract.outer(*[own["onset_s"].to_numpy()] * 2))
        louder = np.less.outer(*[own["snr_db"].to_numpy()] * 2)
        out[rows] = ((apart < window_s) & louder).any(axis=1)
    return out


# %% tags=["hide-input"]
rows = {}
for setting, each in found.items():
    events = each.events[each.events["recorded"]].reset_index(drop=True)
    events["crowded"] = crowded(events)
    events = events[
        (events["snr_db"] >= 6) & events["event_class"].isin(each.classes)
    ]
    for kind, own in events.groupby("event_class"):
        far = own["distance_km"] > own["distance_km"].median()
        missed = own["1D state"] == "alone"
        rows[setting, figures.label_of(kind)] = {
            "missed of all": missed.mean(),
            "with a louder one near": missed[own["crowded"]].mean(),
            "without, near half": missed[~own["crowded"] & ~far].mean(),
            "without, far half": missed[~own["crowded"] & far].mean(),
        }
reasons = pd.DataFrame(rows).T
crowding = reasons["with a louder one near"] > reasons["without, near half"]
publish.values(n_crowded=int(crowding.sum()), n_kinds=len(reasons))
reasons.round(3)

# %% [markdown]
# Shares missed by the 1D network of the events over 6 dB. In {glue:text}`n_crowded` of {glue:text}`n_kinds` classes an event beside a
# louder one is missed more often than one that is alone and near: a window has one answer, and the louder event gives it.
#
# ## When did it begin?
#
# A window says that an event is in it, not where. The onset is taken from the first window of a run: the event began when
# that window ended. The classical detector reads onsets in the record itself; in the running system the networks' onsets
# are read there as well, after the detection.

# %% tags=["hide-input"]
rows = {}
for setting, each in found.items():
    for system in systems:
        own = each.events.groupby("event_class")[f"{system} error_s"]
        for kind, error in own:
            if kind in each.classes:
                low, middle, high = error.quantile([0.16, 0.5, 0.84])
                rows[setting, figures.label_of(kind), system] = {
                    "paired": int(error.notna().sum()),
                    "median error (s)": middle,
                    "16 %": low,
                    "84 %": high,
                }
late = pd.DataFrame.from_dict(rows, orient="index")
publish.values(
    late_1d=float(late.xs("1D", level=2)["median error (s)"].median()),
    late_rival=float(late.xs(RIVAL, level=2)["median error (s)"].median()),
)
late.round(1)

# %% [markdown]
# The median over classes is {glue:text}`late_1d:.1f` s for 1D and {glue:text}`late_rival:.1f` s for the classical detector (positive:
# late).
#
# ## Two stations must agree
#
# Noise is local, events are not. If two of the stations must report a class within the time that waves need
# between them, each of them may be less sure. So the rules were chosen anew for this, on the same days as before. Recall
# here is of events of the network against the signal-to-noise ratio at their *second* station, and a false alarm counts
# once for the whole network.

# %% tags=["hide-input"]
voted_false = {s: false_alarms(e, voting=True) for s, e in found.items()}
rows, curves = {}, {}
for setting, each in found.items():
    for kind in [kind for kind in each.classes if kind != "noise"]:
        own = each.voted[each.voted["event_class"] == kind]
        curves[setting, kind] = {
            system: recall_by_snr(own, system, edges) for system in systems
        }
        for system in systems:
            row = over(own, system)
            counted = voted_false[setting].loc[kind, system]
            rows[setting, kind, system] = row | {
                "false a day": counted.sum(),
                "at unknown kinds": counted["unknown"],
            }
votes = pd.DataFrame.from_dict(rows, orient="index")

# %% tags=["remove-output"]
figure, axes = plt.subplots(2, 3, figsize=(10.5, 6.4), width_ratios=(3, 3, 4))
for row, (setting, table) in zip(axes, voted_false.items(), strict=True):
    own = {kind: t for (s, kind), t in curves.items() if s == setting}
    for ax, (kind, tables) in zip(row, own.items(), strict=False):
        draw.draw_recall(ax, tables, bar=BAR_RECALL)
        ax.set_title(f"{figures.label_of(kind)}, {setting}-like", fontsize=10)
    draw.draw_alarms(row[2], table, bar=BAR_FALSE)
    row[0].set_ylabel("share found")
    row[2].set(title="false alarms", ylabel="a day of the network")
handles = axes[0, 0].get_legend_handles_labels()
figure.legend(*handles, loc="outside lower center", ncols=len(systems))
made = provenance.line(votes.to_numpy())
publish.figure("fig-votes", figure, made)

# %% tags=["hide-input"]
passed = votes["recall"] >= BAR_RECALL
of_known = votes["false a day"] - votes["at unknown kinds"]
passed_known = passed & (of_known < BAR_FALSE)
passed_station = passed & (votes["false a day"] / settings.stations < BAR_FALSE)
passed &= votes["false a day"] < BAR_FALSE
best = votes.xs(BOTH, level=2)
alone_false = pd.concat(false).sum(axis=1).reindex(votes.index)
unknown = best["at unknown kinds"] / best["false a day"].clip(lower=1e-9)
most_unknown = unknown.idxmax()
publish.values(
    n_passed_known=int(passed_known.sum()),
    n_passed_station=int(passed_station.sum()),
    votes_false=float(votes["false a day"].max()),
    votes_recall=float(votes["recall"].min()),
    n_passed=int(passed.sum()),
    passed=", ".join(
        f"{figures.label_of(k)} by {s}, {w}-like"
        for w, k, s in votes.index[passed]
    )
    or "none",
    both_recall=float(best["recall"].min()),
    both_false=float(best["false a day"].max()),
    both_station=float(best["false a day"].max() / settings.stations),
    both_told=", ".join(
        f"{row['recall']:.2f} ({figures.label_of(kind)}, {setting}-like, "
        f"{row['false a day']:.2f} false alarms a day)"
        for (setting, kind), row in best.iterrows()
    ),
    both_unknown=float(unknown[most_unknown]),
    unknown_kind=f"{figures.label_of(most_unknown[1])}, {most_unknown[0]}-like",
    n_gain=int((votes["recall"] > loud["recall"].reindex(votes.index)).sum()),
    n_calmer=int((votes["false a day"] < alone_false).sum()),
)
readable(votes)

# %% [markdown]
# ```{glue:figure} fig-votes
# :name: fig-votes
# :alt: Two rows, one a setting. Left and middle: share of the events of each class found by two stations against the signal-to-noise ratio at the second station, for four systems. Right: bars of the false alarms a day of the whole network.
#
# Where two of {glue:text}`n_stations` stations must agree: share found against the signal-to-noise ratio at the second
# station, and false alarms a day of the network; hatched, at events of a kind without a class. {glue:text}`fig-votes-made`
# ```
#
# Of the {glue:text}`n_bars` combinations of class and system, {glue:text}`n_passed` have at once {glue:text}`bar_recall:.2f` of the events over 6 dB and
# fewer than one false alarm in a day of the whole network ({glue:text}`passed`); {glue:text}`n_passed_known` if alarms at events of kinds without a
# class are left out, and {glue:text}`n_passed_station` if all are counted and shared among the {glue:text}`n_stations` stations. In {glue:text}`n_gain` of
# {glue:text}`n_bars` a vote finds a larger share than one station does, in {glue:text}`n_calmer` with fewer false alarms in a day of the network
# than one station has. Both networks together find {glue:text}`both_told`: at least
# {glue:text}`both_recall:.2f` of each class, with at most {glue:text}`both_station:.2f` false alarms of it a station-day, of whatever kind.
#
# A vote takes away noise and not ignorance. Of the false alarms of both networks in one class ({glue:text}`unknown_kind`)
# {glue:text}`both_unknown:.0%` are at events of kinds that have no class, which both stations hear: the events are there. The remedy is a class for them, not a
# rule.
#
# ## Network against network, networks against the classical way
#
# On the same events, what counts are those that only one of two systems finds (McNemar's test; of several stations of an
# event the one with the highest signal-to-noise ratio is taken, so that events are independent).


# %%
def contrast(each, kind, one, other):
    """Events over 6 dB that only one of two systems finds."""
    events = each.events[each.events["recorded"]]
    events = events.sort_values("snr_db").drop_duplicates("event", keep="last")
    own = events[(events["event_class"] == kind) & (events["snr_db"] >= 6)]
    truth = np.ones(len(own), int)
    hits = [(own[f"{s} state"] != "alone").astype(int) for s in (one, other)]
    test = mcnemar(truth, *[hit.to_numpy() for hit in hits])
    return {"events": len(own), "one only": test.only_first,
            "other only": test.only_second, "p": test.p}  # fmt: skip


rows = {
    (setting, figures.label_of(kind), f"{one} / {other}"): contrast(
        each, kind, one, other
    )
    for setting, each in found.items()
    for kind in each.classes
    if kind != "noise"
    for one, other in (("1D", "2D"), ("1D", RIVAL))
}
against = pd.DataFrame.from_dict(rows, orient="index")
against.round(3)

# %% tags=["hide-input"]
told = against[against["p"] < 0.05]
by_pair = told.groupby(level=2)
differs = {
    pair: by_pair.get_group(pair) if pair in by_pair.groups else told[:0]
    for pair in ("1D / 2D", f"1D / {RIVAL}")
}
networks, classical = differs.values()
publish.values(
    n_networks=len(networks),
    n_pairs=len(against) // 2,
    n_better=int((classical["one only"] > classical["other only"]).sum()),
    n_worse=int((classical["one only"] < classical["other only"]).sum()),
)

# %% [markdown]
# The two networks differ (p < 0.05) in {glue:text}`n_networks` of {glue:text}`n_pairs` classes. The 1D network finds more than
# the classical detector in {glue:text}`n_better`, fewer in {glue:text}`n_worse`. Read this together with the false alarms above:
# all systems had the same allowance, on other days.
#
# ## Recordings
#
# The same systems with the same rules, on recordings that no network was trained on, high-passed at 1 Hz like the twin: a day at
# MBAR, Uganda; the hours before the eruption of Redoubt on 20 March 2009, which began two days later; the first two hours
# of the 2004 swarm at Mount St. Helens; an hour of eruptive activity at Reventador. Earthquakes count as VT earthquakes here.
# None of these catalogues is complete, so what is not in them is *unconfirmed*.

# %%
untold, real = "", None
try:
    real = recorded_days(questions.days(length), again=settings.again)
except DataMissingError as error:
    untold = f"Not on this machine: {error.remedy}."
publish.values(untold=untold or "By stretch and system:")


# %% tags=["hide-input"]
FOUND = "catalogued", "found"


def summary(study, system):
    """Catalogued events found, and detections that nothing confirms."""
    events = real.events[
        (real.events["study"] == study) & real.events["recorded"]
    ]
    sought = events[events["sought"] != ""]
    alarms = real.alarms[real.alarms["study"] == study]
    alone = alarms[(alarms["system"] == system) & (alarms["state"] == "alone")]
    spent = real.stations.loc[real.stations["study"] == study, "hours"].sum()
    row = {
        ("", "hours"): spent,
        ("catalogued", "sought"): len(sought),
        FOUND: (sought[f"{system} state"] != "alone").mean(),
        ("catalogued", "others"): len(events) - len(sought),
    }
    per_hour = alone["event_class"].value_counts() / spent
    kinds = [kind for kind in real.classes if kind != "noise"]
    return row | {
        ("unconfirmed an hour", figures.label_of(kind)): per_hour.get(kind, 0)
        for kind in kinds
    }


recorded = pd.DataFrame()
if real is not None:
    recorded = pd.DataFrame.from_dict(
        {
            (study, system): summary(study, system)
            for study in dict.fromkeys(real.stations["study"])
            for system in real.systems
        },
        orient="index",
    )
    recorded.columns = pd.MultiIndex.from_tuples(recorded.columns)

# %% [markdown]
# {glue:text}`untold`

# %%
recorded.style.format(precision=2)

# %% tags=["remove-output"]
figure, axes = plt.subplots(2, 1, figsize=(9, 12), height_ratios=(3, 1))
if real is not None:
    for ax, (study, line_s) in zip(
        axes, {"mbar_2021": 3600, "reventador_2005": 600}.items(), strict=True
    ):
        strip = real.strips[study]
        own = real.events[real.events["study"] == study]
        kind = own["sought"].where(own["sought"] != "", own["catalogued"])
        starts = real.stations.set_index("study")["start"]
        begun = UTCDateTime(starts[[study]].iloc[0])
        draw.draw_helicorder(
            ax, strip["amplitude"], strip["1D"], real.classes, 10.24,
            events=own.assign(event_class=kind), line_s=line_s,
            first_hour=begun.hour + begun.minute / 60,
        )  # fmt: skip
        ax.set_title(studies.load(study).title, loc="left", fontsize=9)
        ax.set_ylabel("UTC")
made = provenance.line(*([] if real is None else [strip["amplitude"]]))
publish.figure("fig-recorded", figure, made)

# %% tags=["hide-input"]
night = pd.DataFrame()
if real is not None:
    quiet, n_hours = empty_hours(real, "mbar_2021", 18, 3)
    kinds = [kind for kind in real.classes if kind != "noise"]
    night = pd.crosstab(quiet["system"], quiet["event_class"])
    night = night.reindex(real.systems, columns=kinds, fill_value=0) / n_hours
publish.values(
    n_night=n_hours if real is not None else 0,
    night_1d=float(night.loc["1D"].sum()) if real is not None else float("nan"),
    found_1d="; ".join(
        f"{studies.load(study).title.split(':')[0]} {row[FOUND]:.2f} "
        f"(classical {recorded.loc[(study, RIVAL), FOUND]:.2f})"
        for (study, system), row in recorded.iterrows()
        if system == "1D"
    )
    or "not on this machine",
    on_least=min(
        rule.on for rule in found["sakurajima"].rules.alone["1D"].values()
    ),
)
night.round(2)

# %% [markdown]
# ```{glue:figure} fig-recorded
# :name: fig-recorded
# :alt: Two helicorders over the colour of the most probable class of the 1D network: a day at MBAR with an hour a line, and an hour at Reventador with ten minutes a line. Catalogued events are marked below the lines.
#
# Above, the day at MBAR, an hour a line; below, the hour at Reventador, ten minutes a line; colours by the 1D network of
# the Sakurajima-like twin, catalogued events below the lines. {glue:text}`fig-recorded-made`
# ```
#
# Of the catalogued events the 1D network finds these shares: {glue:text}`found_1d`. Where colour covers an event that is not
# found, the class was the most probable one and not probable enough: the rules of the simulated volcano ask for {glue:text}`on_least:g`,
# and nobody has chosen others for these stations.
#
# The last table counts detections an hour in the {glue:text}`n_night` hours of the night at MBAR (18 to 3 UTC) in which nothing
# is catalogued: {glue:text}`night_1d:.2f` for the 1D network, all classes together. Smaller earthquakes than those
# of the catalogue exist there, so these are upper limits of false alarms.
#
# ## Ten years, fifty stations
#
# What would it take to search an archive? Simulated station-days at 50 Hz, {glue:text}`n_timed` of them, are searched here by what `tremorlab detect`
# runs, on one core of the machine that ran this page; then the parts of it are timed one by one.

# %%
twin = kept(
    configure(
        setting="sakurajima",
        days=1,
        stations=settings.timed,
        rate_hz=50,
        seed=1,
    )
)
study, archive = studies.load(twin), twin.parent / "sds"
seed_id, start = study.stations[0], UTCDateTime(2015, 1, 1)


def spent_s(function, *arguments, **named):
    """Result of a call, and the processor time it took."""
    began = time.process_time()
    return function(*arguments, **named), time.process_time() - began


# %%
def cost_of(name, folder):
    """Processor time of a station-day, whole and in parts, and its bytes."""
    shutil.copytree(published.FOLDER / name, folder / name)
    detector = Detector(export(folder / name))
    out, reach = folder / f"{name}_found", reach_s(study.preparation)
    _, whole = spent_s(detect, archive, folder / name, out, workers=1)
    ends = start - reach, start + 86_400 + reach
    source = open_source(study)  # a new one: it keeps what it has read
    stream, read = spent_s(source.get, seed_id[:-1] + "Z", *ends)
    made, prepared = spent_s(
        prepare, stream, start, start + 86_400,
        components="Z", settings=study.preparation,
    )  # fmt: skip
    _, network = spent_s(detector.record, made.data)
    files = [path for path in out.rglob("*.*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    return {
        "whole (s)": whole / len(study.stations), "reading (s)": read,
        "preparing (s)": prepared, "network (s)": network,
        "results (MB)": size / len(study.stations) / 1e6,
    }  # fmt: skip


with tempfile.TemporaryDirectory() as folder:
    cost = pd.DataFrame(
        {
            name: cost_of(f"sakurajima_{kind}", Path(folder))
            for name, kind in (("1D", "waveform"), ("2D", "spectrum"))
        }
    )
cost.round(2)

# %% tags=["hide-input"]
n_days = settings.years * 365.25 * settings.network
core_hours = cost.loc["whole (s)"] * n_days / 3600
records = sum(path.stat().st_size for path in archive.rglob("*.D.*"))
parts = cost.loc[["reading (s)", "preparing (s)", "network (s)"]]
publish.values(
    n_timed=settings.timed,
    years=settings.years,
    network=settings.network,
    n_station_days=f"{n_days:,.0f}",
    hours_1d=float(core_hours["1D"]),
    hours_2d=float(core_hours["2D"]),
    price_1d=float(core_hours["1D"] * settings.price),
    price=settings.price,
    results_gb=float(cost.loc["results (MB)", "1D"] * n_days / 1e3),
    records_tb=float(records / len(study.stations) * n_days / 1e12),
    neck_1d=parts["1D"].idxmax().removesuffix(" (s)"),
    neck_2d=parts["2D"].idxmax().removesuffix(" (s)"),
    other_1d=float(1 - parts["1D"].sum() / cost.loc["whole (s)", "1D"]),
)

# %% [markdown]
# {glue:text}`years` years of {glue:text}`network` stations are {glue:text}`n_station_days` station-days. At the price of the ones above they
# take the 1D network {glue:text}`hours_1d:,.0f` core-hours and the 2D network {glue:text}`hours_2d:,.0f`; at {glue:text}`price:.2f` a core-hour
# the former cost {glue:text}`price_1d:,.0f`. The results fill {glue:text}`results_gb:,.1f` GB, the records themselves
# {glue:text}`records_tb:,.1f` TB (three components, 50 Hz; twice as much at 100 Hz, where reading and preparing take longer
# as well). The largest part is {glue:text}`neck_1d` for the 1D network and {glue:text}`neck_2d` for the 2D network; what the parts leave of the
# whole ({glue:text}`other_1d:.0%` for 1D) goes into measuring events in the record and writing files. Station-days know
# nothing of each other, so twice the cores take half the time, until the disks cannot deliver: with many workers reading is what
# remains. Put them where the records are.
#
# ## Why this is no alarm system
#
# - **Late by design.** A window is 163.84 s long, and its answer stands at its centre. For a phreatic eruption that is the time
#   in which people on the crater rim would have to be gone.
# - **It answers what it was asked.** It knows two kinds of event and noise, and calls everything one of them. An
#   eruption that does not look like those of the training is a VT earthquake, or nothing.
# - **It is silent where the record is.** An eruption that cuts the cable, fills the power supply with ash or clips the
#   sensor ends the record. The spans without probabilities are the ones to worry about, and only a person does.
# - **Nobody has promised the rates.** The figures above are of one simulated month and some hours of recordings. Below
#   6 dB most is missed, and before an eruption it is the weak events that matter.
# - **An alarm is a decision about people**, with a cost for a false one and one for a missed one. A detector of
#   signals in one kind of data can be one line of evidence for those who decide; it cannot decide.
#
# ## Check

# %%
for setting, each in found.items():
    events, alarms = each.events, each.alarms
    for system in systems:
        own = alarms[alarms["system"] == system]
        paired = (events[f"{system} state"] == "paired").sum()
        assert paired == (own["state"] == "paired").sum(), (
            f"{setting}, {system}: events and detections disagree on pairs"
        )
    for station, given in each.hours.items():
        assert given <= 24 * settings.days + 0.1, (
            f"{station} has too many hours"
        )
    per_event = events.groupby("event")["station"].nunique()
    assert per_event.max() <= settings.stations, "an event stands twice"
    assert set(own["event_class"]) <= set(each.classes) - {"noise"}
known = np.isfinite(day["1D"][:, 0])
assert np.allclose(day["1D"][known].sum(axis=1), 1, atol=5e-3), (
    "probabilities do not add up to one"
)
print("all checks passed")

# %% [markdown]
# ## The report says, we get
#
# | the report says | we get | verdict |
# | --- | --- | --- |
# | the network is adopted as a detection and discrimination system for monitoring | events over 6 dB found: {glue:text}`least_recall:.2f` to {glue:text}`most_recall:.2f` by class and system; {glue:text}`n_met` of {glue:text}`n_bars` reach {glue:text}`bar_recall:.2f` | on simulated months; see {numref}`fig-recall` |
# | (nothing on networks of stations) | where two stations must agree, both networks together find at least {glue:text}`both_recall:.2f` of the events over 6 dB, with at most {glue:text}`both_false:.2f` false alarms of a class a day | see {numref}`fig-votes` |
# | (nothing on false alarms in continuous records) | fewer than one a station-day in {glue:text}`n_quiet` of {glue:text}`n_per_day` classes and systems; at most {glue:text}`most_false:.2f` | see {numref}`fig-false` |
# | 1D suits real time better than 2D | {glue:text}`hours_1d:,.0f` against {glue:text}`hours_2d:,.0f` core-hours for the same archive; finds differ in {glue:text}`n_networks` of {glue:text}`n_pairs` classes | cheaper; both are fast enough |
#
# ## Limits
#
# - Two simulated months are two draws of activity, noise and sites. Intervals are over their events, not over months.
# - Rules were chosen on {glue:text}`n_choice` days. A rule for fewer false alarms than can be counted on so few days cannot be
#   chosen from them.
# - One component, one band (over 1 Hz), one window length. What is slower is not seen.
# - The classical detector was given a fixed pair of averages; a network of stations would tune them by site, and use
#   coincidence before classification.
# - On recordings only the Sakurajima-like networks were run, and the catalogues there are short and incomplete.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} Rules from longer days
# :label: ex-detection-run
# ```
# *To run.* Rerun the page with `choice_days = 1`, then with `choice_days = 4` (each searches anew). Do the rules
# change, and how well does what was promised for false alarms hold on the month?
# ```{exercise-end}
# ```
#
# ```{solution-start} ex-detection-run
# :class: dropdown
# ```
# With three station-days a rule is allowed two false alarms of a class, and whether there are two or three is luck; the chosen rule is
# the most daring of those that were lucky, so the month has more false alarms than promised. With more days the promise holds
# better. It is the same bias that makes the best of many trainings look better than it is.
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} How to look good
# :label: ex-detection-think
# ```
# *To think.* Somebody advertises a detector with a recall of 0.99 and one false alarm a week. Which four questions do you ask
# before you believe that it is better than those of this page?
# ```{exercise-end}
# ```
#
# ```{solution-start} ex-detection-think
# :class: dropdown
# ```
# Recall of which events: down to which signal-to-noise ratio, and who made the catalogue, perhaps with a detector of the
# same kind? How much of the time is under detection, and does one detection count for many events? A week of one station or of
# a network with votes, and was it a quiet week? Was the rule chosen on the records of the test?
# ```{solution-end}
# ```
#
# :::{admonition} Take-away
# - A rule turns probabilities into events; choose it on days that you do not report.
# - Recall means nothing without the signal-to-noise ratio, the false alarms and the time under detection beside it.
# - Weak and crowded events are missed; an archive costs core-hours, not years; and an alarm is something else.
# :::
#
# *Read on:* {cite:t}`woollam2022` for evaluating pickers on common ground, {cite:t}`beyreuther2010` for the classical
# detectors.
#
# :::{admonition} 要旨
# :class: note
# 切り出された時間窓での得点は、誰かが選んだ窓での得点であって、連続記録で何が見つかるかを語るものではない。本章では、ネットワークを連続記録に適用して
# 検出器とし、検出の規則を試験とは別の日の記録で決めたうえで、事象ごとの再現率をSN比の関数として、誤検出を観測点・日あたりの数として、
# STA/LTA型の検出器と特徴量による分類とともに評価する。観測点が一つだけでは、誤検出を抑えようとすると明瞭な事象まで見逃してしまうが、
# 複数の観測点の一致を条件とすれば、各観測点の閾値を下げることができる。見逃されるのは主に弱い事象と、より大きな事象に重なった事象であり、
# 長期間の記録を探索する計算量は現実的である。ここでの検出器は研究と教育のためのものであり、警報ではない。
# :::
