import pytest

from tremorlab import study
from tremorlab.catalog import sources
from tremorlab.errors import CatalogError, DataMissingError


@pytest.mark.parametrize("name", study.available())
def test_catalogue_of_every_shipped_study_holds_each_of_its_classes(name):
    chosen = study.load(name)
    found = set(sources.of_study(chosen)["event_class"])
    for own, gathered in chosen.classes.items():
        assert found & set(gathered), f"{name} has no event of class {own}"


def test_catalogue_is_found_below_the_folder_of_recordings(monkeypatch, tmp_path):
    (tmp_path / "mine.csv").write_text("event_id\n")
    monkeypatch.setenv("TREMORLAB_DATA", str(tmp_path))
    assert sources.locate("mine.csv") == tmp_path / "mine.csv"


def test_absolute_path_is_taken_as_it_is(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("event_id\n")
    assert sources.locate(str(path)) == path


def test_missing_catalogue_names_the_places_looked_in(monkeypatch, tmp_path):
    monkeypatch.setenv("TREMORLAB_DATA", str(tmp_path))
    with pytest.raises(
        DataMissingError, match=rf"none\.csv: no such catalogue; looked for .*{tmp_path.name}.none\.csv"
    ):
        sources.locate("none.csv")


def test_two_tables_of_one_study_must_not_share_an_id(tmp_path):
    micro = study.load("micro")
    twice = micro.model_copy(update={"catalogues": micro.catalogues * 2})
    with pytest.raises(CatalogError, match=r"study micro, row \d+, column 'event_id': .* is not unique"):
        sources.of_study(twice)


def test_published_catalogues_are_read_with_one_class_and_utc_times(recordings):
    counts = {name: len(sources.read_published(entry)) for name, entry in sources.published().items()}
    assert counts == {
        "cascadia_tremor_2009_2010": 28902,
        "cascadia_tremor_2011": 5600,
        "kii_tremor_2002_2003": 1112,
        "ubinas_2019": 9,
        "ubinas_2023": 76,
    }


def test_published_catalogue_that_is_not_here_says_so(monkeypatch):
    monkeypatch.delenv("TREMORLAB_DATA", raising=False)
    entry = sources.published()["kii_tremor_2002_2003"]
    with pytest.raises(DataMissingError, match=r"kii_tremor_hours_2002_2003\.csv: no such catalogue"):
        sources.read_published(entry)
