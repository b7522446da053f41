"""Charts on no ground of their own, in colour-blind safe colours: readable on white and on dark.

SVG follows the reader's light or dark colours, which are those of M. Okabe and K. Ito, "Color
Universal Design", 2008, the blue and the red of the tutorial, and lighter twins on dark. PNG
cannot, hence the colours in between, with a contrast of 3 and more with both grounds.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tasks.common.atomic_files import whole_file, write_text

INK, QUIET = "#7a7a7a", "#767676"
BLUE, ORANGE, GREEN, PURPLE = "#1680c4", "#d55e00", "#00946b", "#b455a3"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
TUTORIAL_BLUE, TUTORIAL_RED = "#4070f0", "#ee3030"
_DOTS_PER_INCH = 120

_LEFT, _RIGHT, _BELOW, _ABOVE = 0.7, 0.85, 0.7, 0.35
"""Margins in inches."""

_ON_LIGHT = {
    INK: "#333333",
    BLUE: "#0072b2",
    GREEN: "#009e73",
    PURPLE: "#aa4499",
    TUTORIAL_BLUE: "#0000ff",
    TUTORIAL_RED: "#ff0000",
}

_ON_DARK = {
    INK: "#dddddd",
    QUIET: "#9a9a9a",
    BLUE: "#56b4e9",
    ORANGE: "#ff9d5c",
    GREEN: "#4fd1a5",
    PURPLE: "#e39adb",
    TUTORIAL_BLUE: "#8fabff",
    TUTORIAL_RED: "#ff7a70",
}


@contextmanager
def plain_style() -> Iterator[None]:
    """Draw with Matplotlib's look inside the block, in colours for any ground."""
    ink = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    look: dict[Any, Any] = dict.fromkeys(ink, INK)
    with mpl.rc_context(look | {"legend.frameon": False, "svg.fonttype": "none"}):
        yield


@contextmanager
def chart_style() -> Iterator[None]:
    """Draw with this project's look inside the block."""
    look: dict[Any, Any] = {
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": QUIET,
        "grid.alpha": 0.3,
    }
    with plain_style(), mpl.rc_context(look):
        yield


def new_chart(width: float = 4.6, height: float = 3.2) -> tuple[Figure, Axes]:
    """Return a figure, sizes in inches, and its axes, without pyplot's global state.

    Its margins are fixed: a layout that is computed takes as long as all else of a chart, twice.
    """
    figure = Figure(figsize=(width, height))
    figure.subplots_adjust(
        left=_LEFT / width,
        right=1 - _RIGHT / width,
        bottom=_BELOW / height,
        top=1 - _ABOVE / height,
    )
    return figure, figure.add_subplot()


def save_chart(figure: Figure, path: Path) -> None:
    """Write a chart as SVG; equal charts give equal bytes."""
    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": path.name}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    write_text(path, _themed(text.getvalue()))


def save_picture(figure: Figure, path: Path, dots_per_inch: int = _DOTS_PER_INCH) -> None:
    """Write a chart as PNG, on no ground."""
    with whole_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=dots_per_inch, transparent=True)


def _themed(svg: str) -> str:
    """Replace the palette's colours by variables that the reader's colour scheme sets."""
    names = {colour: f"--c{number}" for number, colour in enumerate(_ON_DARK)}
    for colour, name in names.items():
        svg = svg.replace(colour, f"var({name})")
    light = "".join(f"{name}:{_ON_LIGHT.get(one, one)};" for one, name in names.items())
    dark = "".join(f"{name}:{_ON_DARK[colour]};" for colour, name in names.items())
    style = f"svg{{{light}}}@media(prefers-color-scheme:dark){{svg{{{dark}}}}}"
    before, tag, after = svg.partition("<defs>")
    return f"{before}<style>{style}</style>{tag}{after}"
