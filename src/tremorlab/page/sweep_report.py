"""The summary of a sweep as one HTML file: what changed with the parameters, drawn and in a table."""

import base64
import html
import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from tremorlab.page import figures
from tremorlab.page.report import STYLE

#: Values that are drawn: those that change most between runs, for their size.
_DRAWN = 12

_MARKERS = "osD^vPX*"


def summary(found, title: str) -> str:
    """HTML of a sweep (`tremorlab.page.sweep.Swept`)."""
    parts = [f"<h1>Sweep {html.escape(title)}</h1>", f"<p>{len(found.table)} runs, {len(found.failures)} failed.</p>"]
    if len(found.failures):
        parts += ["<h2>Failed</h2>", _table(found.failures)]
    names = changing(found)
    if names:
        text = f"Panels of {', '.join(names)} against {found.swept[0]}, one marker a value of the other parameters."
        parts += [
            "<h2>What changes most</h2>",
            f'<figure><img alt="{html.escape(text)}" src="data:image/png;base64,{_drawn(found, names)}">'
            f"<figcaption>Published numbers that change most between runs, for their size. {html.escape(text)}"
            "</figcaption></figure>",
            "<h2>Means</h2>",
            *(_table(found.table.groupby(name)[names].mean().reset_index()) for name in found.swept
              if found.table[name].map(lambda v: not isinstance(v, list | dict)).all()),
        ]  # fmt: skip
    if len(found.table):
        parts += ["<h2>All runs</h2>", f'<div style="overflow-x:auto">{_table(found.table)}</div>']
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>Sweep {html.escape(title)}</title>\n"
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{STYLE}</style>\n</head>\n'
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def changing(found) -> list[str]:
    """Published numbers that differ between runs, those with the largest standard deviation for their size first."""
    own = {*found.swept, "seconds", "peak_memory_mb"}
    numbers = [n for n in found.table if n not in own and pd.api.types.is_numeric_dtype(found.table[n])]
    numbers = found.table[numbers].select_dtypes(exclude="bool").astype(float)
    spread = numbers.std(ddof=0) / numbers.abs().mean().replace(0, np.nan)
    spread = spread[spread > 1e-9].sort_values(ascending=False)
    return list(spread.index[:_DRAWN])


def _drawn(found, names):
    figures.use_style()
    first, *others = found.swept
    levels = list(dict.fromkeys(map(str, found.table[first])))
    at = found.table[first] if pd.api.types.is_numeric_dtype(found.table[first]) else None
    place = np.array([levels.index(str(value)) for value in found.table[first]]) if at is None else at.to_numpy(float)
    group = found.table[others].astype(str).agg(", ".join, axis=1) if others else pd.Series("", index=found.table.index)
    rows = -(-len(names) // 3)
    figure, axes = plt.subplots(rows, min(3, len(names)), figsize=(9, 2.6 * rows), squeeze=False)
    for ax, name in zip(axes.ravel(), names, strict=False):
        for number, (label, rows_of) in enumerate(found.table.groupby(group.to_numpy(), sort=False)):
            marker = _MARKERS[number % len(_MARKERS)]
            ax.plot(place[rows_of.index], rows_of[name], marker, markersize=5, alpha=0.8, label=label)
        if at is None:
            ax.set_xticks(range(len(levels)), levels)
        ax.set_title(name, fontsize=9)
        ax.set_xlabel(first)
    for ax in axes.ravel()[len(names) :]:
        ax.remove()
    if others and group.nunique() <= len(_MARKERS):
        figure.legend(*axes[0, 0].get_legend_handles_labels(), title=", ".join(others), loc="outside right upper")
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=110)
    plt.close(figure)
    return base64.b64encode(image.getvalue()).decode()


def _table(frame):
    return frame.to_html(index=False, border=0, float_format=lambda value: f"{value:.4g}")
