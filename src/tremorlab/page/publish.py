"""Hand figures and numbers from a page to the prose around it.

MyST-NB calls this *glue*: what a cell publishes under a name can be set into any sentence or caption of the book, so
that no number is ever typed.
"""

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown
from matplotlib.figure import Figure
from myst_nb import glue

from tremorlab.page.outputs import CARD


def figure(name: str, drawn: Figure, made: str) -> None:
    """Show a figure in the notebook and hand it to the book.

    The page refers to it by ``{glue:figure} NAME`` with a caption that ends in ``{glue:text}`NAME-made` ``; the cell is
    tagged ``remove-output``, so that readers of the book see the figure once, where its caption is.

    Parameters
    ----------
    name
        Name of the figure, ``fig-...``, for cross-references.
    drawn
        The figure; it is closed afterwards.
    made
        Line from `provenance.Provenance.line`.
    """
    glue(name, drawn)
    glue(f"{name}-made", made, display=False)
    plt.close(drawn)


def values(**named: object) -> None:
    """Hand numbers and short texts to the prose, each under its name."""
    for name, value in named.items():
        # A NumPy number shows itself as `np.float64(1.0)`, which no format of the book can read.
        glue(name, value.item() if isinstance(value, np.generic) else value, display=False)


def card(name: str, text: str) -> None:
    """Hand a data or model card to the book, where ``book/cards/NAME.md`` includes it from ``made/NAME.md``.

    Parameters
    ----------
    name
        Name of the card, letters, digits and underscores.
    text
        Markdown, headings from the second level on.
    """
    glue(f"{CARD}{name}", Markdown(text), display=False)
