"""Share of runs with any discovery where there should be none, beside what it should be."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from plaplace.compare.figures.style import BLUE, VERMILION, figure
from plaplace.compare.statistic_names import title_of

__all__ = ["draw"]


def draw(summary: dict[str, Any]) -> Figure:
    """One row a world and statistic."""
    lines = summary["lines"]
    drawing, (axis,) = figure(1, 1, height=1.1 + 0.28 * max(1, len(lines)))
    for y, each in enumerate(lines):
        share = each["share"]
        axis.errorbar([share.value], [y], xerr=[[share.value - share.low], [share.high - share.value]], color=BLUE,
                      marker="D", linewidth=1.3, label="measured, 95% interval" if y == 0 else None)  # fmt: skip
        axis.plot([each["expected"]] * 2, [y - 0.35, y + 0.35], color=VERMILION, linewidth=2.2, zorder=4,
                  label="expected of chance" if y == 0 else None)  # fmt: skip
    axis.set_yticks(range(len(lines)), [f"{each['world']}: {title_of(each['statistic'])}" for each in lines])
    axis.set_ylim(max(1, len(lines)) - 0.5, -0.5)
    axis.set_xlim(-0.01, 1.01 if max([each["share"].high for each in lines], default=1.0) > 0.5 else 0.52)
    axis.set_xlabel("share of runs with any discovery")
    if lines:
        drawing.legend(loc="outside lower center", ncols=2)
    return drawing
