"""Which months and recorded days are searched, by whom: the questions of the page on detection.

    python -m tremorlab.experiment.detection_questions                  # search all of them anew and ship the answers
    python -m tremorlab.experiment.detection_questions nankai_month     # one, by its name

The month has the activity of its setting. The twin that the networks were trained on has more eruptions
(`tremorlab.experiment.comparison.scenario`), so they meet fewer of them here than they were taught to expect. Its seed,
and that of the days on which rules are chosen, are used for nothing else.
"""

import sys

from pydantic import BaseModel, ConfigDict, Field

from tremorlab.experiment import comparison, recorded_days, records, store
from tremorlab.experiment.recorded_days import Days, Stretch
from tremorlab.experiment.records import Month
from tremorlab.experiment.searchers import Searchers
from tremorlab.twin.scenario import Scenario

#: Name on the page -> network of the comparison: those that come with the compendium.
NETWORKS = {"1D": "1D", "2D": "2D linear"}

#: Recorded stretches: the day, the hours before an eruption, the first two hours of a swarm, the hour of an eruption.
STRETCHES = (
    Stretch(study="mbar_2021", start="2021-05-20T00:00:00Z", hours=24),
    Stretch(study="redoubt_2009", start="2009-03-20T17:20:00Z", hours=6.65),
    Stretch(study="st_helens_2004", start="2004-09-24T00:00:00Z", hours=2),
    Stretch(study="reventador_2005", start="2005-08-02T06:59:27Z", hours=1),
)


class Length(BaseModel):
    """How much is searched."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: int = Field(30, ge=1, description="of the simulated month")
    stations: int = Field(3, ge=1, description="of the simulated network")
    choice_days: int = Field(8, ge=1, description="on which rules are chosen")
    seed: int = Field(910, ge=0, description="of the month")
    choice_seed: int = Field(809, ge=0, description="of the days of the choice")


def month(setting: str, length: Length | None = None, size: comparison.Size | None = None) -> Month:
    """A simulated month of a setting, searched by the networks of the comparison."""
    length, size = length or Length(), size or comparison.Size()
    trained = comparison.compared(setting, "report-like", size)
    fields = {"setting": setting, "stations": length.stations, "rate_hz": 50.0}
    return Month(
        name=f"{setting}_month",
        scenario=Scenario(**fields, days=length.days, seed=length.seed),
        choice=Scenario(**fields, days=length.choice_days, seed=length.choice_seed),
        searchers=Searchers(
            networks={name: trained[own] for name, own in NETWORKS.items()},
            forest=trained["forest"].windows,
        ),
    )


def days(length: Length | None = None, size: comparison.Size | None = None) -> Days:
    """The recorded stretches, searched by the networks of the volcanic twin."""
    return Days(name="recorded_days", month=month("sakurajima", length, size), stretches=STRETCHES)


def questions(size: comparison.Size | None = None) -> list[Month | Days]:
    """All of them, in the order in which they need each other."""
    return [*(month(setting, size=size) for setting in comparison.SETTINGS), days(size=size)]


#: Kind of question -> how it is answered, and where the code for it begins.
ANSWERS = {
    Month: (records.searched, records.MODULES),
    Days: (recorded_days.recorded_days, recorded_days.MODULES),
}


def main(names: list[str]) -> None:
    """Answer some questions, or all, and ship the answers."""
    every = {question.name: question for question in questions()}
    for name in names or every:
        find, modules = ANSWERS[type(every[name])]
        found = find(every[name], shipped=False, workers=1)
        store.ship(every[name], modules=modules)
        print(f"{name}: {found.answer.origin}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
