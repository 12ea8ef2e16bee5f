"""The gate: what a page accepts, and what it says to everything else."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell

from tremorlab.errors import ParameterError
from tremorlab.page.parameters import between, choice, gate, matching, study_name

PAGE = """
study: str = "micro"
seed: int = 7
band_hz: list[float] = [0.5, 8.0]
whiten: bool = False
"""


def page(injected="", source=PAGE):
    """Namespace of a page after its parameters cell and what papermill injects behind it."""
    namespace = {"__name__": "page"}
    exec(source, namespace)
    exec(injected, namespace)
    return namespace


def test_defaults_pass_and_are_read_as_attributes():
    settings = gate(page(), seed=between(0, 10))
    assert (settings.study, settings.seed, settings.band_hz, settings.whiten) == ("micro", 7, [0.5, 8.0], False)
    assert list(vars(settings)) == ["study", "seed", "band_hz", "whiten"]


def test_an_injected_value_replaces_the_default():
    assert gate(page("seed = 3")).seed == 3


def test_a_whole_number_will_do_for_a_float():
    (low, high) = gate(page("band_hz = [1, 2]")).band_hz
    assert isinstance(low, float)
    assert (low, high) == (1.0, 2.0)


def test_a_page_without_parameters_has_no_settings():
    assert vars(gate({})) == {}


def test_settings_cannot_be_changed():
    settings = gate(page())
    with pytest.raises(AttributeError, match="settings are fixed; change 'seed' in the parameters cell"):
        settings.seed = 8
    assert settings.seed == 7


def test_settings_print_as_they_are():
    assert repr(gate(page("seed = 1"))) == "Settings(study='micro', seed=1, band_hz=[0.5, 8.0], whiten=False)"


def test_the_table_is_well_formed_and_has_header_cells():
    settings = gate(page("study = '<b>&'"), seed=between(0, 2**32 - 1), study=matching(".*"))
    table = ET.fromstring(settings._repr_html_())
    assert table.find("caption").text == "Settings of this page"
    assert [cell.get("scope") for cell in table.findall("thead/tr/th")] == ["col"] * 3
    rows = [[cell.text for cell in row] for row in table.findall("tbody/tr")]
    assert rows[0] == ["study", "<b>&", "str, text like .*"]
    assert rows[1] == ["seed", "7", "int, 0 to 4294967295"]
    assert rows[2] == ["band_hz", "0.5, 8.0", "list[float]"]
    assert all(row.find("th").get("scope") == "row" for row in table.findall("tbody/tr"))


def test_an_unknown_name_is_refused_with_the_nearest_one():
    message = (
        r"parameter 'sed': is not known to this page; it declares study, seed, band_hz, whiten\. Did you mean 'seed'\?"
    )
    with pytest.raises(ParameterError, match=message):
        gate(page("sed = 3"))


def test_an_unknown_name_without_a_near_one_is_refused_too():
    with pytest.raises(ParameterError, match=r"parameter 'quux': .*\. Take it out, or declare it"):
        gate(page("quux = None"))


@pytest.mark.parametrize("value", ["1", "1.5", "'a'", "True", "None", "[1]", "(1,)", "{'a': 1}", "{1}"])
def test_whatever_papermill_can_write_is_seen(value):
    with pytest.raises(ParameterError, match="parameter 'sed': is not known"):
        gate(page(f"sed = {value}"))


def test_modules_functions_and_classes_of_the_page_are_not_parameters():
    gate(page("import math\nfrom pathlib import Path\nfrom tremorlab.page.parameters import gate, study_name"))


def test_names_of_ipython_are_not_parameters_and_an_unknown_one_is_still_seen(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    shell = InteractiveShell()
    shell.run_cell(PAGE, store_history=True)
    shell.run_cell("1 + 1", store_history=True)
    assert {"In", "Out", "exit", "quit", "get_ipython"} <= set(shell.user_ns)
    with pytest.raises(ParameterError, match="parameter 'In': is not known"):
        gate(shell.user_ns | {"In": 3})
    assert gate(shell.user_ns).seed == 7


def test_a_gate_that_passed_may_run_again_after_the_page_defined_names_of_its_own():
    namespace = page()
    gate(namespace)
    namespace |= {"rows": 12, "seed": 9}
    assert gate(namespace).seed == 9


def test_a_gate_that_passed_still_checks_types():
    namespace = page()
    gate(namespace)
    namespace["seed"] = "nine"
    with pytest.raises(ParameterError, match="parameter 'seed': 'nine' is not int"):
        gate(namespace)


@pytest.mark.parametrize(
    ("injected", "message"),
    [
        ("seed = 'three'", r"'seed': 'three' is not int \(Input should be a valid integer\)\. Give int"),
        ("seed = 1.0", "'seed': 1.0 is not int"),
        ("seed = True", "'seed': True is not int"),
        ("seed = None", "'seed': None is not int"),
        ("whiten = 1", "'whiten': 1 is not bool"),
        ("study = 2009", "'study': 2009 is not str"),
        ("band_hz = 0.5", r"'band_hz': 0.5 is not list\[float\]"),
        ("band_hz = [0.5, 'a']", r"'band_hz': \[0.5, 'a'\] is not list\[float\], element 1"),
        ("band_hz = (0.5, 8.0)", r"'band_hz': \(0.5, 8.0\) is not list\[float\]"),
        ("band_hz = [float('nan')]", r"is not list\[float\], element 0 \(Input should be a finite number\)"),
        ("band_hz = [float('inf')]", r"element 0 \(Input should be a finite number\)"),
    ],
)
def test_a_wrong_type_is_refused(injected, message):
    with pytest.raises(ParameterError, match=message):
        gate(page(injected))


@pytest.mark.parametrize(
    ("injected", "message"),
    [
        ("seed = -1", r"'seed': -1 is not between 0 and 10\. Give int, 0 to 10"),
        ("seed = 11", "'seed': 11 is not between 0 and 10"),
        ("band_hz = [0.5, 20]", "'band_hz': 20.0 is not between 0.1 and 12.5"),
        ("study = 'Micro'", r"'study': 'Micro' is not like \[a-z_\]\+\. Give str, text like"),
    ],
)
def test_a_value_out_of_range_is_refused(injected, message):
    with pytest.raises(ParameterError, match=message):
        gate(page(injected), seed=between(0, 10), band_hz=between(0.1, 12.5), study=matching("[a-z_]+"))


def test_a_value_that_is_none_of_the_choices_is_refused():
    with pytest.raises(
        ParameterError, match=r"'study': 'micro' is not one of day, month\. Give str, one of day, month"
    ):
        gate(page(), study=choice("day", "month"))


def test_a_study_must_be_shipped():
    with pytest.raises(ParameterError, match=r"'study': redout_2009: no such study\. Shipped studies: .*micro"):
        gate(page("study = 'redout_2009'"), study=study_name)
    assert gate(page(), study=study_name).study == "micro"


def test_a_study_file_must_be_readable(tmp_path):
    with pytest.raises(ParameterError, match=r"mine\.toml: cannot be read"):
        gate(page(f"study = {str(tmp_path / 'mine.toml')!r}"), study=study_name)


def test_a_parameter_needs_a_value():
    with pytest.raises(ParameterError, match=r"'seed': has no value\. Give int, 0 to 3"):
        gate(page(source="seed: int"), seed=between(0, 3))


def test_a_limit_needs_a_parameter():
    with pytest.raises(ParameterError, match=r"parameter 'sead': is not known .* Did you mean 'seed'"):
        gate(page(), sead=between(0, 1))


@given(st.floats(-100, 100), st.floats(0, 1), st.floats(0, 10))
def test_between_agrees_with_comparison(value, low, width):
    passes = not between(low, low + width).problem(value)
    assert passes == (value >= low and value <= low + width)
