"""What a rerun would use of a study, without reading a sample: a dry run."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tremorlab.catalog import splits
from tremorlab.catalog.sources import of_study
from tremorlab.dataset.spectra import margin_samples
from tremorlab.dataset.windows import plan
from tremorlab.errors import DataMissingError, TremorlabError
from tremorlab.intake import records
from tremorlab.study import Study
from tremorlab.waveform.resample import Kernel

#: Rows of a list in the text of a report.
_ROWS = 12


@dataclass(frozen=True, eq=False)
class Checked:
    """What was found.

    Attributes
    ----------
    study : Study
    channels : pandas.DataFrame
        As `tremorlab.intake.records.Records.channels`, of the channels that the study names; empty where records are
        not on this machine.
    classes : pandas.DataFrame
        Index class; events listed, events with_record (at one station at least), windows (with record), and the events
        with record of each part of the division.
    without : pandas.DataFrame
        event_id, event_class, onset of events without record at any station.
    left_out : dict
        Reason -> events that the plan leaves out.
    leaks : dict
        Kind of leak -> number, between parts of the division.
    warnings, problems : list of str
        What makes results doubtful, and what makes a training impossible.
    """

    study: Study
    channels: pd.DataFrame
    classes: pd.DataFrame
    without: pd.DataFrame
    left_out: dict[str, int]
    leaks: dict[str, int]
    warnings: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def report(self) -> str:
        """Text for a terminal."""
        study = self.study
        parts = [f"study {study.name}: window {study.window_s:g} s, division by {study.splits.kind}"]
        if len(self.channels):
            shown = self.channels.assign(
                first=self.channels["first"].dt.strftime("%Y-%m-%d %H:%M:%S"),
                last=self.channels["last"].dt.strftime("%Y-%m-%d %H:%M:%S"),
            )
            parts.append("records\n" + _text(shown.round({"hours": 2, "longest_gap_s": 1})))
        parts.append("events and windows\n" + _text(self.classes))
        if len(self.without):
            rows = self.without.assign(onset=self.without["onset"].dt.strftime("%Y-%m-%d %H:%M:%S"))
            more = f"\n... and {len(rows) - _ROWS} more" if len(rows) > _ROWS else ""
            parts.append("events without record\n" + rows.head(_ROWS).to_string(index=False) + more)
        told = [f"left out: {count} event(s), {reason}" for reason, count in self.left_out.items()]
        told += [f"warning: {text}" for text in self.warnings] + [f"PROBLEM: {text}" for text in self.problems]
        return "\n\n".join([*parts, "\n".join(told or ["nothing to remark"])])


#: Remedy for records that are not there, of a study that does not say where they could be fetched.
_WHERE = "Correct where they are under [waveforms], or set TREMORLAB_DATA to the folder that holds them"


def check(study: Study) -> Checked:
    """Survey the records, plan the windows, divide them, and say what is missing.

    Raises
    ------
    CatalogError, DatasetError
        The event table cannot be read, or does not fit the study.
    """
    catalogue, warnings, problems = of_study(study), [], []
    planned = plan(catalogue, study)
    try:
        found = None if records.at_service(study) else records.of_study(study)
    except DataMissingError as error:
        found, here = None, pd.Series(True, index=planned.index)
        fetched = study.fetch.service or study.fetch.urls or study.fetch.instructions
        problems.append(f"records: {error.problem}. {error.remedy if fetched else _WHERE}")
    except TremorlabError as error:
        found, here = None, pd.Series(False, index=planned.index)
        problems.append(f"records: {error}")
    else:
        here = covered(planned, found, study)
        if found is None:
            warnings.append("records are asked of a service: what it has shows when windows are cut")
        warnings += [] if found is None else [f"{name} cannot be read: {why}" for name, why in found.unreadable.items()]
    used = planned[here]
    split = _divided(used, study, problems)
    classes = _classes(catalogue, planned, used, split, study)
    without = planned[~planned["event_id"].isin(used["event_id"])]
    without = without.drop_duplicates("event_id").merge(
        catalogue.drop_duplicates("event_id")[["event_id", "onset"]], on="event_id"
    )
    leaking = splits.leaks(used, split, study.window_s)["kind"].value_counts().to_dict() if len(used) else {}
    channels = _channels(found, study, warnings)
    _judge(study, classes, leaking, warnings, problems)
    columns = ["event_id", "event_class", "onset"]
    return Checked(
        study, channels, classes, without[columns].reset_index(drop=True), planned.attrs["left_out"], leaking,
        warnings, problems,
    )  # fmt: skip


def covered(planned: pd.DataFrame, found: records.Records | None, study: Study) -> pd.Series:
    """Which windows of a plan lie in record, margins and edges of filters included, by the headers; all for None."""
    if found is None:
        return pd.Series(True, index=planned.index)
    rate = study.preparation.sampling_rate_hz
    here = pd.Series(False, index=planned.index)
    for seed_id, rows in planned.groupby("seed_id"):
        known = np.ones(len(rows), bool)
        for letter in study.components:
            own = found.matching(seed_id[:-1] + letter)
            if not len(own):
                known[:] = False
                continue
            # The same as the preparation loses at the end of a record.
            edge_s = margin_samples(study.running_spectrum) / rate + Kernel(own["rate_hz"].min(), rate).reach_s
            starts, ends = records.joined(own, study.preparation.max_gap_s)
            begin = rows["start"].to_numpy("datetime64[ns]").astype("int64") - round(edge_s * 1e9)
            end = rows["end"].to_numpy("datetime64[ns]").astype("int64") + round((edge_s - 1 / rate) * 1e9)
            place = np.searchsorted(starts, begin, "right") - 1
            known &= (place >= 0) & (ends[np.clip(place, 0, None)] >= end)
        here[rows.index] = known
    return here


def _divided(used, study, problems):
    try:
        return splits.divide(used, study.splits, study.seed)
    except TremorlabError as error:
        problems.append(str(error))
        return pd.Series(pd.Categorical([""] * len(used), categories=[""]), index=used.index)


def _classes(catalogue, planned, used, split, study):
    own = catalogue["event_class"].map(study.class_of)
    classes = pd.Index(study.classes, name="class")
    table = pd.DataFrame(
        {
            "listed": catalogue.groupby(own)["event_id"].nunique(),
            "planned": planned.groupby("event_class")["event_id"].nunique(),
            "with_record": used.groupby("event_class")["event_id"].nunique(),
            "windows": used.groupby("event_class").size(),
        }
    ).reindex(classes)
    counts = splits.class_counts(used, split).reindex(classes) if len(used) else pd.DataFrame(index=classes)
    return pd.concat([table, counts], axis=1).fillna(0).astype(int)


def _channels(found, study, warnings):
    if found is None:
        return pd.DataFrame()
    channels = found.channels()
    wanted = {pattern[:-1] + letter for pattern in study.stations for letter in study.components}
    named = [bool(set(found.matching(w)["seed_id"])) for w in sorted(wanted)]
    for pattern, there in zip(sorted(wanted), named, strict=True):
        if not there:
            warnings.append(f"station {pattern} has no record")
    mine = {name for pattern in wanted for name in found.matching(pattern)["seed_id"]}
    channels = channels[channels.index.isin(mine)]
    slow = channels[channels["rate_hz"].str.split(", ").map(lambda t: min(map(float, t)))
                    < study.preparation.sampling_rate_hz]  # fmt: skip
    for name, rate in slow["rate_hz"].items():
        warnings.append(
            f"{name} is recorded at {rate} Hz, less than the {study.preparation.sampling_rate_hz:g} Hz used"
        )
    return channels


def _judge(study, classes, leaking, warnings, problems):
    kinds = [name for name in classes.index if classes["windows"][name] > 0]
    if len(kinds) < 2:
        told = ", ".join(f"{name} {classes['windows'][name]}" for name in classes.index)
        problems.append(
            f"windows with record by class: {told}; two are needed to tell apart; add a table of "
            "noise or of another class as one more [[catalogues]]"
        )
    for part in study.splits.periods or study.splits.stations or study.splits.fractions:
        for name in classes.index:
            count = classes[part][name] if part in classes else 0
            if count == 0 and part == "validation":
                warnings.append(f"{part} has no event of class {name}: some of the training ones are taken")
            elif count == 0:
                problems.append(f"{part} has no event of class {name} with record")
            elif count < study.splits.minimum:
                warnings.append(f"{part} has {count} event(s) of class {name}, fewer than {study.splits.minimum}")
    if "test" not in (study.splits.periods or study.splits.stations or study.splits.fractions):
        problems.append("the division has no part named test")
    for kind in ("same_event", "overlap"):
        if leaking.get(kind):
            what = {"same_event": "events are", "overlap": "windows overlap"}[kind]
            warnings.append(f"{leaking[kind]} {what} in more than one part: scores flatter")


def _text(table):
    return (
        table.to_string() if len(table) <= 2 * _ROWS else f"{table.head(2 * _ROWS).to_string()}\n... {len(table)} rows"
    )
