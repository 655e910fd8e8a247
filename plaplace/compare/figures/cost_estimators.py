"""Estimators in multiples of the score calls they count, and five exponents in multiples of one."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from plaplace.compare.figures.style import BLUE, INK, VERMILION, figure, panel_title

__all__ = ["draw"]


def draw(summary: dict[str, Any]) -> Figure:
    """Two panels, a row a setting; short upright marks are what was promised."""
    table = summary["table"]
    y = np.arange(len(table))[::-1]
    drawing, axes = figure(1, 2, width=9.2, height=0.26 * len(table) + 1.0, sharey=True)
    counted = table["num_evaluations"]
    columns = (
        ("forwards", counted, table["most"] / counted, "time over the evaluations counted"),
        ("five", 1.0, table["most"] * 0 + summary["five"], "five exponents over one"),
    )
    for axis, (name, unit, promise, title) in zip(axes, columns, strict=True):
        value, low, high = (table[column] / unit for column in (name, f"{name}_low", f"{name}_high"))
        if name == "five":
            promise = promise.fillna(summary["five"])
        axis.axvline(1.0, color=INK, linewidth=0.8)
        axis.errorbar(value, y, xerr=[value - low, high - value], fmt="o", color=BLUE, zorder=3)
        axis.plot(promise, y, "|", color=VERMILION, markersize=11, markeredgewidth=1.8, label="promised: at most")
        axis.tick_params(axis="y", length=0)
        panel_title(axis, title)
    axes[0].set_yticks(y, table["name"])
    handles, labels = axes[1].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside lower center")
    return drawing
