"""A drawing of filters that a reader can turn over: one slider for the seed, one button for before and after training.

It is one piece of HTML with its own numbers, drawing and a few lines of script: it needs no network and no server.
Where scripts are off, the drawing of the first seed stands there with its text; where there is no HTML (a PDF, the
command line), that text does.
"""

import html
import json
from string import Template

import numpy as np
from IPython.display import display

from tremorlab.errors import PageError
from tremorlab.page.filter_figures import RANK_COLOURS

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 640, 330, 56, 14, 12, 44
_LOWEST_DB = -40.0

_PAGE = Template("""<div class="filter-explorer" id="$name">
<p><label>seed <input type="range" min="0" max="$last" value="0" step="1" aria-label="seed"></label>
<output>$first_seed</output> &nbsp; <label><input type="checkbox"> before training</label></p>
<svg role="img" viewBox="0 0 $width $height" style="max-width:100%;background:white" aria-labelledby="$name-text"
 font-family="sans-serif" font-size="12"><title id="$name-text">$text</title>$axes$lines</svg>
<script>(function () {
const box = document.getElementById("$name"), data = $data;
const slider = box.querySelector("input[type=range]"), before = box.querySelector("input[type=checkbox]");
function draw() {
  const shown = data[before.checked ? "before" : "after"][slider.value];
  box.querySelectorAll("polyline").forEach((line, n) => line.setAttribute("points", shown[n]));
  box.querySelector("output").textContent = data.seeds[slider.value];
}
slider.addEventListener("input", draw);
before.addEventListener("change", draw);
})();</script></div>""")


def explorer(
    name: str, frequencies_hz: np.ndarray, after: list[np.ndarray], before: list[np.ndarray], seeds: list, text: str
) -> str:
    """Make the HTML.

    Parameters
    ----------
    name
        Identifier of its element, letters, digits and hyphens.
    frequencies_hz
        Shape (F,), ascending.
    after, before
        For each seed the amplitude responses (F, filters) after and before training, in the order in which they are
        coloured; each is drawn relative to its maximum.
    seeds
        What the slider says for each seed.
    text
        Alternative text: what is seen when the page is opened.

    Raises
    ------
    PageError
        There is no seed, numbers of seeds differ, or there are more filters than colours.
    """
    if not seeds or not len(seeds) == len(after) == len(before):
        raise PageError(name, f"{len(seeds)} seeds, {len(after)} after, {len(before)} before", "Give one of each")
    filters = after[0].shape[1]
    if filters > len(RANK_COLOURS):
        raise PageError(name, f"{filters} filters and {len(RANK_COLOURS)} colours", "Give the first filters only")
    points = {
        moment: [_points(frequencies_hz, amplitude) for amplitude in amplitudes]
        for moment, amplitudes in (("after", after), ("before", before))
    }
    lines = "".join(
        f'<polyline fill="none" stroke="{colour}" stroke-width="2"{dash} points="{shown}"/>'
        for colour, dash, shown in zip(RANK_COLOURS, ("", ' stroke-dasharray="6 3"'), points["after"][0], strict=False)
    )
    return _PAGE.substitute(
        name=html.escape(name, quote=True),
        last=len(seeds) - 1,
        first_seed=html.escape(str(seeds[0])),
        width=_WIDTH,
        height=_HEIGHT,
        text=html.escape(text),
        axes=_axes(frequencies_hz),
        lines=lines,
        data=json.dumps({**points, "seeds": [str(seed) for seed in seeds]}),
    )


def show(name: str, *given, text: str) -> None:
    """Show it in a notebook, with its text for whoever cannot see HTML; parameters as for `explorer`."""
    display({"text/html": explorer(name, *given, text), "text/plain": text}, raw=True)


def _points(frequencies_hz, amplitude):
    decibels = 20 * np.log10(np.maximum(amplitude / amplitude.max(axis=0), 10 ** (_LOWEST_DB / 20)))
    x = _x(frequencies_hz, frequencies_hz)
    return [" ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, _y(column), strict=True)) for column in decibels.T]


def _x(values, frequencies_hz):
    return _LEFT + (values / frequencies_hz[-1]) * (_WIDTH - _LEFT - _RIGHT)


def _y(decibels):
    return _TOP + (-decibels / -_LOWEST_DB) * (_HEIGHT - _TOP - _BOTTOM)


def _axes(frequencies_hz):
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    low, high = (_x(value, frequencies_hz) for value in (4.0, 8.0))
    parts = [
        f'<rect x="{low:.1f}" y="{_TOP}" width="{high - low:.1f}" height="{bottom - _TOP}" fill="#D55E00" '
        'fill-opacity="0.1"/>',
        f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#222222"/>',
    ]
    for value in range(0, int(frequencies_hz[-1]) + 1, 2):
        x = _x(value, frequencies_hz)
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{value}</text>')
    for value in range(0, int(_LOWEST_DB) - 1, -10):
        parts.append(f'<text x="{_LEFT - 6}" y="{_y(value) + 4:.1f}" text-anchor="end">{value}</text>')
    middle = (_TOP + bottom) / 2
    parts.append(f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 8}" text-anchor="middle">frequency (Hz)</text>')
    parts.append(
        f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">gain (dB below maximum)'
        "</text>"
    )
    return "".join(parts)
