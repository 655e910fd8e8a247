"""What the figures of detectors share: a grid of panels, lines with bands, one legend below."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from plaplace.compare.figures.style import GREY, figure, panel_title
from plaplace.compare.names import Look
from plaplace.compare.statistic_names import OURS, look_of

__all__ = ["grid", "keyword", "legend", "lines"]


def grid(number: int, columns: int = 3, height: float = 2.5) -> tuple[Figure, list[Axes]]:
    """A figure of that many panels; axes left over in the last row are taken away."""
    width = max(1, min(columns, number))
    drawing, axes = figure(
        max(1, math.ceil(number / width)), width, width=8.4 if width > 2 else 6.6, height=height if width > 1 else 3.6
    )
    for spare in axes[number:]:
        spare.remove()
    return drawing, axes[:number]


def keyword(its: Look, ours: bool = False) -> dict[str, Any]:
    """Keyword arguments of `Axes.plot`; ours is drawn thicker and on top."""
    changes = {"linewidth": 2.0, "zorder": 5} if ours else {"linewidth": 1.2, "zorder": 3}
    return {"color": its.color, "marker": its.marker, "linestyle": its.dash, "label": its.title} | changes


def legend(drawing: Figure, looks: Iterable[tuple[Look, bool]], columns: int = 3, markers: bool = True) -> None:
    """One legend below all axes, in the order of the looks."""
    ordered = sorted(set(looks), key=lambda pair: (pair[0].order, pair[0].title))
    handles = [Line2D([], [], **keyword(*pair) | ({} if markers else {"marker": ""})) for pair in ordered]
    drawing.legend(handles=handles, loc="outside lower center", ncols=columns, handlelength=3.6)


def lines(
    table: pd.DataFrame, label: str, several: bool, prepare: Callable[[Axes], None] | None = None, columns: int = 3
) -> tuple[Figure, list[Axes]]:
    """AUC against x, a panel a world, a line a statistic and way of probing, with the band of its interval.

    Args:
        table: as of `summaries.detection_lines.lines`.
        label: of the x axis.
        several: whether the lines differ in probing, which the legend then names.
        prepare: sets the scale of an axis.
    """
    panels = list(dict.fromkeys(table["panel"]))
    drawing, axes = grid(len(panels), columns)
    looks = []
    for index, (axis, panel) in enumerate(zip(axes, panels, strict=True)):
        here = table[table["panel"] == panel]
        for (statistic, probing), rows in here.groupby(["statistic", "probing"], sort=False):
            its, ours = look_of(str(statistic), str(probing), several), str(statistic) == OURS
            looks.append((its, ours))
            axis.fill_between(rows["x"], rows["low"], rows["high"], color=its.color, alpha=0.1, linewidth=0)
            axis.plot(rows["x"], rows["auc"], **keyword(its, ours))
        if prepare is not None:
            prepare(axis)
        low, high = float(here["auc"].min()), float(here["auc"].max())
        margin = max(0.01, 0.08 * (high - low))
        axis.set_ylim(low - margin, min(1.0, high) + margin)
        if low - margin < 0.5:
            axis.axhline(0.5, color=GREY, linewidth=0.8, linestyle=":", zorder=1)
        panel_title(axis, panel)
        if index >= len(panels) - min(columns, len(panels)):
            axis.set_xlabel(label)
        if index % columns == 0:
            axis.set_ylabel("AUC")
    if len(set(looks)) > 1:
        legend(drawing, looks, columns=3 if several else 4)
    return drawing, axes
