"""Estimated times of scans of 10^6 to 10^9 images, as ranges, a panel a model."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from plaplace.compare.cost.accelerators import ACCELERATORS
from plaplace.compare.figures.style import GREY, figure
from plaplace.compare.summaries.cost_scans import CALLS, IMAGES, Line

__all__ = ["draw"]

COLORS = ("#56B4E9", "#0072B2", "#D55E00", "#1b1f24")  # light to dark: told apart in grey print
_TICKS = {60.0: "1 min", 3600.0: "1 h", 86400.0: "1 day", 30.44 * 86400: "1 month", 365.25 * 86400: "1 year",
          36525.0 * 86400: "100 years"}  # fmt: skip


def draw(summary: dict[str, Any]) -> Figure:
    """Thick: the range at 64 calls an image; thin: from 16 calls at best to 130 at worst."""
    models: dict[str, list[Line]] = summary["lines"]
    titles = [each.title for each in ACCELERATORS.values()]
    drawing, axes = figure(len(models), 1, width=8.6, height=2.5, sharex=True)
    for axis, (name, lines) in zip(axes, models.items(), strict=True):
        for line in lines:
            y = len(titles) - 1 - titles.index(line.accelerator.title)
            for index, (images, color) in enumerate(zip(IMAGES, COLORS, strict=True)):
                at, time = y + 0.3 - 0.2 * index, line.each.times(images)
                thick = line.calls == CALLS[1]
                axis.plot([time.low, time.high], [at, at], color=color, linewidth=4.0 if thick else 0.9,
                          solid_capstyle="butt")  # fmt: skip
        axis.set_xscale("log")
        axis.set_yticks(range(len(titles)), titles[::-1])
        axis.set_ylim(-0.6, len(titles) - 0.4)
        axis.tick_params(axis="y", length=0)
        axis.grid(visible=False, axis="y")
        for y in np.arange(len(titles) - 1) + 0.5:
            axis.axhline(y, color=GREY, linewidth=0.3)
        axis.set_title(summary["titles"][name], loc="left")
        axis.set_xticks(list(_TICKS), list(_TICKS.values()))
        axis.minorticks_off()
    handles = [
        Line2D([], [], color=color, linewidth=4.0, label=f"10{'⁶⁷⁸⁹'[index]} images")
        for index, color in enumerate(COLORS)
    ]
    drawing.legend(handles=handles, loc="outside lower center", ncols=4)
    return drawing
