"""Event tables as hypothesis makes them: every column of the schema, with what is hard to write down."""

import pandas as pd
from hypothesis import strategies as st

from tremorlab.catalog import table
from tremorlab.study import EVENT_CLASSES

#: Everything a text may hold: quotes, separators, angle brackets, line separators, scripts, emoji.
texts = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=20)
_words = texts.map(lambda text: " ".join(text.split())).filter(bool)
_codes = st.text("ABCXYZ019", min_size=1, max_size=5)
_stations = st.builds("{}.{}".format, _codes, _codes)
_moments = st.integers(0, 4 * 10**18)


def _within(low, high):
    return st.none() | st.floats(low, high)


@st.composite
def _events(draw):
    onset = pd.Timestamp(draw(_moments), tz="UTC")
    lasting = draw(st.none() | st.integers(0, 10**15))
    return {
        "onset": onset,
        "end": None if lasting is None else onset + pd.Timedelta(lasting, "ns"),
        "event_class": draw(st.sampled_from(list(EVENT_CLASSES))),
        "source": draw(_words),
        "reliability": draw(st.sampled_from(["high", "medium", "low"])),
        "station": draw(st.just("") | _stations),
        "latitude": draw(_within(-90, 90)),
        "longitude": draw(_within(-180, 180)),
        "depth_km": draw(_within(-10, 800)),
        "magnitude": draw(_within(-5, 10)),
        "remarks": draw(texts),
    }


@st.composite
def catalogs(draw):
    """Validated event tables of no to four events, some of them with a row at each of a few stations."""
    events = draw(st.lists(_events(), max_size=4))
    names = draw(st.lists(_words, min_size=len(events), max_size=len(events), unique=True))
    rows = [{"event_id": name} | event for name, event in zip(names, events, strict=True)]
    for row in [row for row in rows if row["station"]]:
        for station in draw(st.sets(_stations.filter(row["station"].__ne__), max_size=2)):
            rows.append(
                draw(_events()) | {name: row[name] for name in ("event_id", "event_class")} | {"station": station}
            )
    return table.from_records(rows)
