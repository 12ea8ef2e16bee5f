"""Hand figures and numbers from a page to the prose around it.

MyST-NB calls this *glue*: what a cell publishes under a name can be set into any sentence or caption of the book, so
that no number is ever typed.
"""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from myst_nb import glue


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
        glue(name, value, display=False)
