"""What stays in an executed page, and what does not."""

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tremorlab import paths
from tremorlab.page import outputs


def test_places_of_this_machine_are_taken_out_of_outputs(monkeypatch, tmp_path):
    monkeypatch.setenv("TREMORLAB_DATA", str(tmp_path / "records"))
    monkeypatch.setattr(paths, "REPOSITORY", tmp_path / "clone")
    noise = "I0000 00:00:17 1 port.cc:153] oneDNN custom operations are on.\n"
    warned = "/tmp/ipykernel_12/34567.py:3: UserWarning: clipped\n"
    shown = {"text/plain": f"read {tmp_path}/records/a.mseed", "image/png": "aGk="}
    left = [
        new_output("stream", name="stderr", text=noise),
        new_output("stream", name="stderr", text=warned + noise),
        new_output("stream", name="stdout", text=f"{tmp_path}/clone/notebooks\n"),
        new_output("display_data", data=shown),
    ]
    cells = [new_code_cell("", outputs=left, metadata={"execution": {}}), new_markdown_cell("text")]
    notebook = new_notebook(cells=cells)
    outputs.clean(notebook)
    warning, printed, display = notebook.cells[0].outputs
    assert warning.text == "<cell>:3: UserWarning: clipped\n"
    assert printed.text == "notebooks\n"
    assert display.data == {"text/plain": "read TREMORLAB_DATA/a.mseed", "image/png": "aGk="}


def test_an_installed_package_has_no_repository_to_take_out(monkeypatch):
    monkeypatch.setattr(paths, "REPOSITORY", None)
    notebook = new_notebook(cells=[new_code_cell("", outputs=[new_output("stream", name="stdout", text="2\n")])])
    outputs.clean(notebook)
    assert notebook.cells[0].outputs[0].text == "2\n"


def test_values_are_collected_by_the_name_under_which_they_were_published():
    def published(name, kind):
        return new_output("display_data", data={kind: "1234"}, metadata={"scrapbook": {"name": name}})

    cells = [
        new_markdown_cell("text"),
        new_code_cell("", outputs=[published("shown", "text/plain"), published("drawn", "image/png")]),
        new_code_cell("", outputs=[published("kept", "application/papermill.record/text/plain")]),
        new_code_cell("", outputs=[new_output("display_data", data={"text/plain": "not published"})]),
        new_code_cell("", outputs=[new_output("stream", name="stdout", text="printed")]),
    ]
    assert outputs.glued(new_notebook(cells=cells)) == {"shown": "1234", "kept": "1234"}


def test_cards_are_collected_apart_from_values():
    data = {f"application/papermill.record/text/{kind}": "**2** days" for kind in ("plain", "markdown")}
    left = [new_output("display_data", data=data, metadata={"scrapbook": {"name": "card-twin"}})]
    notebook = new_notebook(cells=[new_code_cell("", outputs=left)])
    assert outputs.cards(notebook) == {"twin": "**2** days"}
    assert outputs.glued(notebook) == {}


def test_places_are_taken_out_of_cards_too(monkeypatch, tmp_path):
    monkeypatch.setenv("TREMORLAB_CACHE", str(tmp_path))
    data = {"application/papermill.record/text/markdown": f"kept in {tmp_path}/derived"}
    left = [new_output("display_data", data=data, metadata={"scrapbook": {"name": "card-twin"}})]
    notebook = new_notebook(cells=[new_code_cell("", outputs=left)])
    outputs.clean(notebook)
    assert outputs.cards(notebook) == {"twin": "kept in TREMORLAB_CACHE/derived"}
