"""One look for all figures, and saving them so that the same numbers give the same bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from plaplace.compare.names import look

__all__ = ["BLUE", "GREY", "INK", "VERMILION", "figure", "legend_of", "line_of", "panel_title", "styled", "to_svg"]

INK, GREY = "#1b1f24", "#6b7280"
BLUE, VERMILION = "#0072B2", "#D55E00"  # Okabe and Ito: told apart by every kind of colour vision, and in grey

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.fontsize": 8.0,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e3e6ea",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "plaplace",  # ids from the content, not from a clock
    "path.simplify": True,
    "savefig.dpi": 150,  # of what is rasterised inside
}


@contextmanager
def styled() -> Iterator[None]:
    """Inside, matplotlib draws in the look of the report."""
    with matplotlib.rc_context(_STYLE):
        yield


def figure(
    rows: int, columns: int, width: float = 7.6, height: float = 2.6, **options: Any
) -> tuple[Figure, list[Axes]]:
    """A figure of `rows x columns` axes, each row `height` inches high, and the axes as a flat list."""
    drawing = Figure(figsize=(width, height * rows), layout="constrained")
    grid = drawing.subplots(rows, columns, squeeze=False, **options)
    return drawing, list(grid.flat)


def line_of(title: str, **changes: Any) -> dict[str, Any]:
    """Keyword arguments of `Axes.plot` for a contender."""
    its = look(title)
    return {"color": its.color, "marker": its.marker, "linestyle": its.dash, "label": title} | changes


def legend_of(drawing: Figure, titles: Iterable[str], columns: int = 3) -> None:
    """One legend below all axes, contenders in their order, each as it is drawn."""
    ordered = sorted(set(titles), key=lambda title: (look(title).order, title))
    handles = [Line2D([], [], **line_of(title)) for title in ordered]
    drawing.legend(handles=handles, loc="outside lower center", ncols=columns, handlelength=3.2)


def panel_title(axes: Axes, text: str) -> None:
    """A title at the left."""
    axes.set_title(text, loc="left")


def to_svg(drawing: Figure, name: str) -> str:
    """The figure as an `<svg>` element: no date, ids that start with the name so that several can share a page."""
    buffer = io.StringIO()
    with styled():
        drawing.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    # ids that something refers to, with the name before them; the others say nothing
    used = set(re.findall(r'(?:xlink:href="#|url\(#)([^")]*)', text))
    text = re.sub(r' id="([^"]*)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{name}-", text)
    # the size comes from the page; the view box keeps the shape
    return re.sub(r'<svg ([^>]*?)width="[^"]*" ', r"<svg \1", re.sub(r' height="[^"]*pt"', "", text, count=1), count=1)
