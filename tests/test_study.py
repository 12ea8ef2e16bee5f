import pytest
from hypothesis import given
from hypothesis import strategies as st
from obspy import UTCDateTime

from tremorlab import paths, study
from tremorlab.errors import StudyError
from tremorlab.study import RunningSpectrum

MINIMAL = """
name = "mine"
title = "t"
summary = "s"
licence = "l"
citation = "c"
stations = ["XX.AAA..HHZ"]
[classes]
eruption = ["eruption"]
[[catalogues]]
file = "events.csv"
[waveforms]
kind = "sds"
root = "archive"
"""


def load(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return study.load(path)


@pytest.mark.parametrize("name", study.available())
def test_shipped_studies_load_and_are_named_after_their_file(name):
    assert study.load(name).name == name


def test_window_of_the_report_is_163_84_seconds():
    assert study.load("micro").window_s == 163.84


def test_half_overlap_gives_63_full_frames_and_64_with_half_a_hop_on_both_sides():
    assert RunningSpectrum(framing="inside").frames(4096) == 63
    assert RunningSpectrum(framing="extend").frames(4096) == 64
    assert RunningSpectrum(framing="reflect").frames(4096) == 64
    assert RunningSpectrum().frequencies == 64


@given(
    samples=st.integers(256, 9000),
    fft=st.sampled_from([64, 128, 256]),
    hop=st.integers(1, 128),
)
def test_number_of_frames_is_that_of_counting_their_starts(samples, fft, hop):
    rule = RunningSpectrum(fft_samples=fft, hop_samples=hop, framing="inside")
    assert rule.frames(samples) == len([start for start in range(0, samples, hop) if start + fft <= samples])


def test_classes_of_the_catalogue_map_to_classes_of_the_study():
    micro = study.load("micro")
    assert micro.class_of("teleseism") == "earthquake"
    assert micro.class_of("vt") is None


def test_periods_are_read_as_utc(tmp_path):
    text = '[splits]\nkind = "period"\n[splits.periods]\ntest = [["2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z"]]'
    assert load(tmp_path, MINIMAL + text).splits.periods["test"][0][0] == UTCDateTime(2024, 1, 1)


def test_a_study_is_frozen(tmp_path):
    mine = load(tmp_path, MINIMAL)
    with pytest.raises(Exception, match="frozen"):
        mine.name = "other"


def test_unknown_name_lists_the_shipped_studies():
    with pytest.raises(StudyError, match=r"sakurajima: no such study\. Shipped studies: .*micro"):
        study.load("sakurajima")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(StudyError, match=r"none\.toml: cannot be read: No such file"):
        study.load(tmp_path / "none.toml")


def test_text_that_is_not_toml_is_refused(tmp_path):
    with pytest.raises(StudyError, match=r"mine\.toml: is not TOML: Invalid value"):
        load(tmp_path, "name = ")


def test_bytes_that_are_not_utf8_are_refused(tmp_path):
    (tmp_path / "mine.toml").write_bytes(b'name = "\xff\xfe"')
    with pytest.raises(StudyError, match=r"mine\.toml: is not TOML: .*utf-8"):
        study.load(tmp_path / "mine.toml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("eruption = [", "eruption = 3 #["), r"classes\.eruption: Input should be a valid list"),
        (('["eruption"]', '["volcano"]'), r"class 'volcano' is not one of tremor, earthquake"),
        (('["eruption"]', '["eruption"]\nboom = ["eruption"]'), r"class 'eruption' is in both 'eruption' and 'boom'"),
        (('"XX.AAA..HHZ"', '"XX.AAA"'), r"station 'XX\.AAA' is not NET\.STA\.LOC\.CHA"),
        (("[classes]", 'components = "ZZ"\n[classes]'), r"components 'ZZ' repeat a letter"),
        (('kind = "sds"', 'kind = "tape"'), r"waveforms: Input tag 'tape' found using 'kind'"),
        (('root = "archive"', ""), r"waveforms\.sds\.root: Field required"),
        (("[classes]", "colour = 1\n[classes]"), r"colour: Extra inputs are not permitted"),
        (('name = "mine"', 'name = "My Study"'), r"name: String should match pattern"),
        (("[classes]", "[window]\nsamples = 100\n[classes]"), r"window\.samples: .*greater than or equal to 128"),
        (
            ("[classes]", "[running_spectrum]\nfft_samples = 8192\n[classes]"),
            r"window is shorter than one FFT",
        ),
    ],
)
def test_each_mistake_is_named_by_its_key(tmp_path, change, message):
    with pytest.raises(StudyError, match=message):
        load(tmp_path, MINIMAL.replace(*change))


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ('kind = "period"', r"a split by period needs \[splits\.periods\]"),
        ('kind = "station"', r"a split by station needs \[splits\.stations\]"),
        ("fractions = { train = 0.5, test = 0.4 }", r"fractions add up to 0\.9, not to 1"),
        (
            'kind = "period"\nperiods = { test = [["2024-01-01", "2024-02-01"]] }',
            r"time '2024-01-01' has no zone; write it in UTC with a trailing Z",
        ),
        (
            'kind = "period"\nperiods = { test = [["yesterdayZ", "2024-02-01T00:00:00Z"]] }',
            r"time 'yesterdayZ' is not ISO 8601",
        ),
    ],
)
def test_splits_that_cannot_be_made_are_refused(tmp_path, splits, message):
    with pytest.raises(StudyError, match=message):
        load(tmp_path, MINIMAL + "[splits]\n" + splits)


BESIDE = MINIMAL.replace('"archive"', '"./archive"').replace('"events.csv"', '"./events.csv"')
BESIDE += '[preparation]\ninventory = "./stations.xml"\n'


def beside(folder):
    (folder / "archive").mkdir(parents=True)
    for name, text in (("events.csv", "e"), ("stations.xml", "x"), ("mine.toml", BESIDE)):
        (folder / name).write_text(text)
    return folder / "mine.toml"


def test_names_that_start_with_a_dot_are_beside_the_study_wherever_it_is_moved(tmp_path, monkeypatch):
    beside(tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    monkeypatch.chdir(tmp_path / "there")
    for name in (tmp_path / "there" / "mine.toml", "mine.toml"):
        mine = study.load(name)
        assert mine.catalogues[0].file == str(tmp_path / "there" / "events.csv")
        assert mine.waveforms.root == str(tmp_path / "there" / "archive")
        assert mine.preparation.inventory == str(tmp_path / "there" / "stations.xml")


def test_files_beside_the_study_are_found_among_others(tmp_path):
    (tmp_path / "a.mseed").write_text("")
    text = MINIMAL.replace('"sds"', '"files"').replace('root = "archive"', 'files = ["./a.mseed", "b.mseed"]')
    assert load(tmp_path, text).waveforms.files == [str(tmp_path / "a.mseed"), "b.mseed"]
    with pytest.raises(StudyError, match=r"mine\.toml: waveforms\.files\.1: there is no \./b\.mseed beside it"):
        load(tmp_path, text.replace("b.mseed", "./b.mseed"))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("archive", r"waveforms\.root"),
        ("events.csv", r"catalogues\.0\.file"),
        ("stations.xml", r"preparation\.inventory"),
    ],
)
def test_what_is_missing_beside_the_study_is_named_with_its_key(tmp_path, name, key):
    path = beside(tmp_path / "here")
    (tmp_path / "here" / name).rename(tmp_path / name)
    with pytest.raises(
        StudyError, match=rf"mine\.toml: {key}: there is no \./{name} beside it\. Move it to .*here, or"
    ):
        study.load(path)


def test_folders_come_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("TREMORLAB_CACHE", str(tmp_path / "a"))
    monkeypatch.setenv("TREMORLAB_DATA", str(tmp_path / "b"))
    assert paths.cache() == tmp_path / "a"
    assert paths.recordings() == tmp_path / "b"


def test_cache_follows_xdg_and_then_home(monkeypatch, tmp_path):
    monkeypatch.delenv("TREMORLAB_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert paths.cache() == tmp_path / "tremorlab"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert paths.cache() == tmp_path / ".cache" / "tremorlab"


def test_no_recordings_unless_the_variable_is_set(monkeypatch):
    monkeypatch.delenv("TREMORLAB_DATA", raising=False)
    assert paths.recordings() is None
