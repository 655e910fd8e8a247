"""True positive rate against false positive rate, the latter logarithmic: what counts is at the left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from matplotlib.figure import Figure

from plaplace.compare.figures.detection_panels import grid, keyword, legend
from plaplace.compare.figures.style import GREY, panel_title
from plaplace.compare.statistic_names import COLORS, OURS, look_of

__all__ = ["draw"]


def draw(summary: dict[str, Any]) -> Figure:
    """One panel a world; an upright line at a false positive rate of 1%."""
    table = summary["lines"]
    panels = list(dict.fromkeys(table["panel"]))
    drawing, axes = grid(len(panels), height=2.6)
    looks = []
    for index, (axis, panel) in enumerate(zip(axes, panels, strict=True)):
        here = table[table["panel"] == panel]
        axis.plot([1e-3, 1.0], [1e-3, 1.0], color=GREY, linewidth=0.8, linestyle=":")
        axis.axvline(0.01, color=GREY, linewidth=0.8)
        for (statistic, probing), rows in here.groupby(["statistic", "probing"], sort=False):
            its, ours = look_of(str(statistic), str(probing)), str(statistic) == OURS
            if str(statistic) not in COLORS:
                its = replace(its, title="another best rival, see the table", color="#000000")
            elif str(statistic) == "nearest_neighbour":
                its = look_of(str(statistic), str(probing), several=False)
            looks.append((its, ours))
            axis.plot(rows["fpr"], rows["tpr"], **keyword(its, ours) | {"marker": "", "drawstyle": "steps-post"})
        axis.set_xscale("log")
        axis.set_xlim(1e-3, 1.0)
        axis.set_ylim(-0.02, 1.02)
        panel_title(axis, panel)
        if index >= len(panels) - 3:
            axis.set_xlabel("false positive rate")
        if index % 3 == 0:
            axis.set_ylabel("true positive rate")
    legend(drawing, looks, columns=3, markers=False)
    return drawing
