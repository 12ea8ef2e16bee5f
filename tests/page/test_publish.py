import matplotlib.pyplot as plt
import nbformat
import pytest
from nbclient import NotebookClient

from tremorlab.page import publish


@pytest.fixture(scope="module")
def cells():
    code = (
        "%matplotlib inline\nimport matplotlib.pyplot as plt\n"
        "from tremorlab.page import publish\n"
        "publish.figure('fig-x', plt.subplots()[0], 'seed 1')\npublish.values(n=3, name='vt')\n"
        "import numpy as np\npublish.values(share=np.float64(0.5), count=np.int64(2))\n"
        "publish.card('twin', '## Size')\n"
        "assert not plt.get_fignums()"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, kernel_name="python3").execute()
    return {out["metadata"]["scrapbook"]["name"]: out["data"] for out in notebook.cells[0].outputs}


def test_figure_is_shown_and_published_with_its_provenance(cells):
    assert "image/png" in cells["fig-x"]
    assert cells["fig-x-made"] == {"application/papermill.record/text/plain": "'seed 1'"}


def test_values_are_published_without_being_shown(cells):
    assert cells["n"] == {"application/papermill.record/text/plain": "3"}
    assert cells["name"] == {"application/papermill.record/text/plain": "'vt'"}


def test_numbers_of_numpy_are_published_as_plain_ones(cells):
    assert cells["share"] == {"application/papermill.record/text/plain": "0.5"}
    assert cells["count"] == {"application/papermill.record/text/plain": "2"}


def test_a_card_is_published_as_markdown_without_being_shown(cells):
    assert cells["card-twin"]["application/papermill.record/text/markdown"] == "## Size"


def test_outside_a_notebook_a_figure_is_closed_all_the_same():
    drawn = plt.figure()
    publish.figure("fig-y", drawn, "seed 1")
    publish.values(n=1)
    assert not plt.fignum_exists(drawn.number)
