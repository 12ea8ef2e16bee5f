"""The catalogue that an observatory would have made of a twin: incomplete, late or early, sometimes wrong.

An event is listed at a station with a probability that rises with its signal-to-noise ratio there (a logistic curve
in place of the cumulative normal of Ringdal 1975, Bull. Seismol. Soc. Am. 65, 1631), so small and distant events are
missing, the same law for all classes. Onsets are read with an error of 0.1 s at a high signal-to-noise ratio (Zeiler
and Velasco 2009, doi:10.1785/0120080131) that grows as the signal sinks into the noise; an emergent signal has no
sharp onset, and its error is assumed to be 20 times as large. A small share of the events gets another class, at all
stations the same. Tremor, eruptions and volcanic tremor are listed as spans with an end. Noise windows lie at random
times at which nothing is listed at any station, as an analyst would choose them, so they may hold what nobody saw.

An event has one id at all stations that list it, so that nothing which divides or draws events parts its stations.
Tremor bursts whose listed spans come within a minute of each other, at whatever stations, are one event under the
number of the first of them; at a station it lasts from the first to the last of its bursts listed there, so spans
that overlap at different stations share an id. A noise window is an event of its own at one station.

Limits: one analyst, who never tires and whose threshold is that of every class; wrong labels are blind to likeness
(a real analyst confuses what looks alike); locations and magnitudes err by assumed normal errors, the same for all.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tremorlab.catalog.table import from_records
from tremorlab.twin.network import geographic
from tremorlab.twin.scenario import Scenario

#: Signal-to-noise ratio (dB) at which half of the events are listed, and the logistic scale in dB.
SEEN_DB, SEEN_SCALE_DB = 2.0, 2.5

#: Seconds of onset error at a high signal-to-noise ratio, by what the onset looks like.
ONSET_S = {"sharp": 0.1, "emergent": 2.0}

#: Events listed with an end, and those without a sharp onset.
SPANS = ("tremor", "eruption", "volcanic_tremor")
EMERGENT = ("tremor", "volcanic_tremor")

#: Length of a noise span, and how far it stays from what is listed (s).
NOISE_S, CLEAR_S = 168.0, 60.0

_JOIN_S = 60.0
_OF_EVENT = ("place", "magnitude", "remarks")
_SEEN, _LABEL, _PICK, _NOISE = 50, 51, 52, 53


def compile_catalogue(scenario: Scenario, truth: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make the catalogue of a twin from its truth.

    Parameters
    ----------
    scenario
        Its seed, wrong labels and noise windows.
    truth
        One row an event and station: event, event_class, magnitude, x_km, y_km, z_km, station, onset_s, end_s, snr_db.

    Returns
    -------
    catalogue : DataFrame
        In the schema of `tremorlab.catalog.table`; one row an event and station at which it was listed.
    truth : DataFrame
        The same rows in order of event and station, with catalogue_id (empty where missed), catalogue_class and
        onset_error_s; and a row for each noise window (event -1), whose snr_db is that of the strongest event that
        touches it at its station, and ``hidden`` the number of these.
    """
    truth = truth.sort_values(["event", "station"], kind="stable", ignore_index=True)
    seeds = {f"{s.network}.{s.station}": s.seed for s in scenario.geometry.stations}
    chances = [
        _uniform(scenario, _SEEN, row.event, seeds[row.station]) < seen_probability(row.snr_db)
        for row in truth.itertuples()
    ]
    truth["seen"] = np.array(chances, dtype=bool)
    truth["catalogue_class"] = _labels(scenario, truth)
    seen = truth[truth["seen"]]
    truth["catalogue_class"] = truth["catalogue_class"].where(truth["seen"], "")
    listed = [_record(scenario, row, seeds[row.station]) for row in seen.itertuples()]
    truth["onset_error_s"] = pd.Series([record.pop("error_s") for record in listed], seen.index).reindex(truth.index)
    events = _join_tremor(listed)
    truth["catalogue_id"] = pd.Series(events, seen.index, dtype="str").reindex(truth.index).fillna("")
    truth["hidden"] = 0
    listed = _one_row_a_station(listed, events)
    quiet, quiet_truth = _noise(scenario, truth, listed)
    catalogue = from_records([_in_schema(scenario, record) for record in listed + quiet], "simulated catalogue")
    truth = pd.concat([truth.drop(columns="seen"), quiet_truth], ignore_index=True)
    return catalogue, truth


def seen_probability(snr_db: float) -> float:
    """Probability that an event is listed at a station."""
    return float(1 / (1 + np.exp(-(snr_db - SEEN_DB) / SEEN_SCALE_DB)))


def _uniform(scenario, *words):
    return np.random.default_rng([scenario.seed, *words]).uniform()


def _labels(scenario, truth):
    """Class of every row as the observatory has it; a wrong one is that of some other event, so common ones prevail."""
    events = truth.drop_duplicates("event")
    classes = events["event_class"].to_numpy(dtype=object)
    wrong = {}
    for event, true in zip(events["event"].tolist(), classes, strict=True):
        rng = np.random.default_rng([scenario.seed, _LABEL, event])
        if rng.uniform() < scenario.wrong_labels:
            others = classes[classes != true]
            if len(others):
                wrong[event] = rng.choice(others)
    pairs = zip(truth["event"].tolist(), truth["event_class"], strict=True)
    return pd.Series([wrong.get(event, true) for event, true in pairs], index=truth.index, dtype="str")


def _record(scenario, row, station_seed):
    rng = np.random.default_rng([scenario.seed, _PICK, row.event, station_seed])
    usual = ONSET_S["emergent" if row.event_class in EMERGENT else "sharp"]
    error = usual * (1 + 10 ** (-row.snr_db / 20)) * rng.standard_t(4)
    last = row.end_s + 0.05 * (row.end_s - row.onset_s) * rng.standard_normal()
    own = np.random.default_rng([scenario.seed, _PICK, row.event])  # the place is the same at all stations
    x, y, z = np.array([row.x_km, row.y_km, row.z_km]) + own.normal(0, [1.0, 1.0, 2.0])
    onset = min(max(row.onset_s + error, 0.0), scenario.duration_s - 1)
    spanned = row.catalogue_class in SPANS
    return {
        "event_id": f"{scenario.setting}_{row.event:06d}",
        "onset_s": onset,
        "end_s": max(last, onset + 1.0) if spanned else np.nan,
        "event_class": row.catalogue_class,
        "reliability": "high" if row.snr_db > 10 else "medium" if row.snr_db > 3 else "low",
        "station": row.station,
        "place": (x, y, max(z, -5.0)),
        "magnitude": round(row.magnitude + own.normal(0, 0.15), 2),
        "remarks": f"event {row.event}",
        "error_s": error,
    }


def _join_tremor(listed):
    """Id of the event that each record belongs to: its own, or that of the first burst of a run of tremor."""
    records = pd.DataFrame(listed, columns=["event_id", "event_class", "onset_s", "end_s"])
    tremor = records[records["event_class"] == "tremor"]
    # A burst as a whole, at all its stations, is early or late: its stations are never parted.
    bursts = tremor.groupby("event_id").agg({"onset_s": "min", "end_s": "max"}).sort_values("onset_s", kind="stable")
    run = (bursts["onset_s"] - bursts["end_s"].cummax().shift() >= _JOIN_S).cumsum()
    first = pd.Series(bursts.index, bursts.index).groupby(run).transform("first")
    return [first.get(event, event) for event in records["event_id"]]


def _one_row_a_station(listed, events):
    """Bursts of one event at one station as one span; place, size and remarks of an event are its first burst's."""
    of_event = {record["event_id"]: {name: record[name] for name in _OF_EVENT} for record in listed}
    spans = {}
    order = sorted(zip(events, listed, strict=True), key=lambda pair: pair[1]["onset_s"])
    for event, record in order:
        span = spans.setdefault((event, record["station"]), record | {"event_id": event} | of_event[event])
        if record["event_class"] == "tremor":
            span["end_s"] = max(span["end_s"], record["end_s"])
    return list(spans.values())


def _noise(scenario, truth, listed):
    counts = pd.Series([record["event_class"] for record in listed], dtype="str").value_counts()
    wanted = round(scenario.noise_windows * (counts.max() if len(counts) else 20))
    spans = np.array(
        [(r["onset_s"] - CLEAR_S, (r["onset_s"] if np.isnan(r["end_s"]) else r["end_s"]) + 2 * CLEAR_S) for r in listed]
    ).reshape(-1, 2)
    spans = spans[np.argsort(spans[:, 0])]
    ends = np.maximum.accumulate(spans[:, 1]) if len(spans) else np.empty(0)
    rng = np.random.default_rng([scenario.seed, _NOISE])
    names = [f"{s.network}.{s.station}" for s in scenario.geometry.stations]
    signals = {name: rows[["onset_s", "end_s", "snr_db"]].to_numpy(float).T for name, rows in truth.groupby("station")}
    records, rows = [], []
    taken: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(20 * wanted):
        if len(records) == wanted:
            break
        station, begin = names[rng.integers(len(names))], rng.uniform(60.0, scenario.duration_s - NOISE_S - 60.0)
        # The last span that starts before the window's end must be over, and with it all before.
        before = np.searchsorted(spans[:, 0], begin + NOISE_S)
        if before and ends[before - 1] > begin:
            continue
        if any(abs(begin - other) < NOISE_S for other in taken[station]):
            continue
        taken[station].append(begin)
        name = f"{scenario.setting}_noise_{len(records):06d}"
        span = {"onset_s": begin, "end_s": begin + NOISE_S, "station": station}
        records.append({"event_id": name, "event_class": "noise", "reliability": "medium", **span})
        onset, end, snr = signals.get(station, np.empty((3, 0)))
        hidden = snr[(onset < begin + NOISE_S) & (end > begin)]
        strongest = hidden.max() if len(hidden) else np.nan
        made = {"event": -1, "event_class": "noise", "snr_db": strongest, "hidden": len(hidden), "catalogue_id": name}
        rows.append({**made, "catalogue_class": "noise", **span})
    return records, pd.DataFrame(rows, columns=truth.columns.drop("seen")) if rows else truth.drop(columns="seen")[:0]


def _in_schema(scenario, record):
    row = {name: record.get(name, "") for name in ("event_id", "event_class", "reliability", "station", "remarks")}
    row["source"] = "simulated catalogue"
    row["onset"] = timestamp(scenario, record["onset_s"])
    row["end"] = timestamp(scenario, record["end_s"])
    row["magnitude"] = record.get("magnitude")
    if "place" in record:
        x, y, z = record["place"]
        latitude, longitude = geographic(scenario.geometry, x, y)
        row |= {"latitude": round(latitude, 4), "longitude": round(longitude, 4), "depth_km": round(z, 2)}
    return row


def timestamp(scenario: Scenario, seconds: float) -> pd.Timestamp:
    """UTC time, to the millisecond, of seconds after the twin's start; NaT where they are not known."""
    if pd.isna(seconds):
        return pd.NaT
    return pd.Timestamp(scenario.begin.ns + round(seconds * 1000) * 1_000_000, tz="UTC")
