"""Ours less each rival, with intervals: right of zero ours is better."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from plaplace.compare.figures.style import BLUE, INK, VERMILION, figure, panel_title
from plaplace.compare.statistic_names import spoken

__all__ = ["draw"]

MEASURES = {"auc": ("AUC", BLUE, "D", -0.17), "tpr_1": ("TPR at 1% FPR", VERMILION, "o", 0.17)}


def draw(summary: dict[str, Any]) -> Figure:
    """One panel a world, the strongest rivals from the top."""
    table = summary["lines"]
    panels = list(dict.fromkeys(table["panel"]))
    most = [table.loc[table["panel"] == panel, "rival"].nunique() for panel in panels]
    drawing, axes = figure(
        len(panels), 1, width=7.6, height=1.0, gridspec_kw={"height_ratios": [each + 1.6 for each in most]}
    )
    drawing.set_size_inches(7.6, 0.6 + sum(0.2 * each + 0.62 for each in most))
    for axis, panel in zip(axes, panels, strict=True):
        here = table[table["panel"] == panel]
        rivals = list(dict.fromkeys(here["rival"]))
        for measure, (_, color, marker, shift) in MEASURES.items():
            rows = here[here["measure"] == measure]
            low, high = rows["difference"] - rows["low"], rows["high"] - rows["difference"]
            y = rows["rival"].map(rivals.index) + shift
            axis.errorbar(rows["difference"], y, xerr=[low.clip(lower=0), high.clip(lower=0)], linestyle="",
                          color=color, marker=marker, markersize=4, linewidth=1.1)  # fmt: skip
        axis.axvline(0.0, color=INK, linewidth=0.9)
        axis.set_yticks(range(len(rivals)), [spoken(str(each)) for each in rivals])
        axis.set_ylim(len(rivals) - 0.4, -0.6)
        panel_title(axis, panel)
    axes[-1].set_xlabel("ours less rival")
    handles = [
        Line2D([], [], color=color, marker=marker, linestyle="-", markersize=4, label=name)
        for name, color, marker, _ in MEASURES.values()
    ]
    drawing.legend(handles=handles, loc="outside lower center", ncols=2)
    return drawing
