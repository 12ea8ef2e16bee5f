"""A report: one file that shows what the page shows and asks no network for anything."""

import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tremorlab.errors import PageError
from tremorlab.page import report

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def glued(name, data):
    prefixed = {f"application/papermill.record/{kind}": content for kind, content in data.items()}
    return new_output(
        "display_data", prefixed, metadata={"scrapbook": {"name": name, "mime_prefix": "application/papermill.record/"}}
    )


@pytest.fixture(scope="module")
def soup(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    text = """# A page & more

The value is {glue:text}`speed:.1f`, and $x^2 + \\alpha$ is drawn; see
[another page](03_networks.ipynb) and {numref}`fig-one`.

```{glue:figure} picture
:name: fig-one
:alt: a pixel

One pixel.
```

```{exercise-start} Try
:label: ex-one
```
Do it.
```{exercise-end}
```

```{solution-start} ex-one
:class: dropdown
```
Done.
```{solution-end}
```
"""
    outputs = [
        new_output("display_data", {"image/png": PIXEL, "text/plain": "figure"}),
        glued("speed", {"text/plain": "3.14159"}),
        glued("picture", {"image/png": PIXEL, "text/plain": "figure"}),
    ]
    code = new_code_cell("print('shown')", outputs=outputs, metadata={"tags": ["hide-input"]})
    script = new_code_cell(
        "drawn", outputs=[new_output("display_data", {"text/html": "<script>let here = 1;</script><b>own</b>"})]
    )
    executed = folder / "page.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell(text), code, script]), executed)
    target = report.write(executed, folder / "out" / "page.html")
    assert [path.name for path in target.parent.iterdir()] == ["page.html"]
    return BeautifulSoup(target.read_text(encoding="utf-8"), "html.parser")


def test_nothing_is_asked_of_a_network(soup):
    asking = soup.select("script[src], link[href], iframe, img[src^=http], source")
    assert asking == []
    assert not re.search(r"url\(\s*['\"]?(http|//)|@import", str(soup.style))
    assert all(image["src"].startswith("data:image/") for image in soup.find_all("img"))


def test_numbers_figures_and_references_stand_where_they_stand_in_the_book(soup):
    words = soup.main.get_text(" ", strip=True)
    assert "3.1 ," in words or "3.1," in words
    assert soup.find("img", alt="a pixel")
    assert soup.find("figcaption").get_text(strip=True).startswith("Fig. 1")
    assert soup.title.get_text() == "A page & more"


def test_code_and_solutions_fold_without_a_script(soup):
    summaries = [summary.get_text() for summary in soup.find_all("summary")]
    assert "code" in summaries
    assert any(text.startswith("Solution") for text in summaries)
    assert not any("Show code" in text for text in summaries)


def test_formulas_are_pictures_with_their_text(soup):
    (formula,) = [image for image in soup.find_all("img") if "alpha" in image.get("alt", "")]
    assert formula["alt"] == r"x^2 + \alpha"


def test_a_link_to_a_page_that_is_not_there_is_text(soup):
    assert "another page" in soup.get_text()
    assert not [link for link in soup.find_all("a") if "another page" in link.get_text()]


def test_the_few_lines_of_a_drawing_stay(soup):
    assert "let here = 1" in str(soup.main)


def test_what_is_no_notebook_is_refused(tmp_path):
    (tmp_path / "page.ipynb").write_text("{}")
    with pytest.raises(PageError, match=r"page\.ipynb: is not an executed notebook"):
        report.write(tmp_path / "page.ipynb", tmp_path / "page.html")
    assert [path.name for path in tmp_path.iterdir()] == ["page.ipynb"]


def test_a_notebook_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(PageError, match="is not an executed notebook"):
        report.write(Path("none.ipynb"), tmp_path / "page.html")


def test_a_formula_that_matplotlib_cannot_draw_stays_as_text():
    soup = BeautifulSoup(r'<span class="math">\(\begin{matrix}a\end{matrix}\)</span>', "html.parser")
    report._draw(soup, soup.span)
    assert soup.code.get_text() == r"\(\begin{matrix}a\end{matrix}\)"
