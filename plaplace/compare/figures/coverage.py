"""Coverage of 95% intervals: one dot a setting and point, with its binomial interval, beside the band 92-98%."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from plaplace.compare.figures.style import GREY, INK, figure, panel_title
from plaplace.compare.names import look
from plaplace.compare.summaries.coverage import BAND

__all__ = ["draw"]


def draw(summary: dict[str, Any]) -> Figure:
    """One panel a problem, one line a contender; dots are spread up and down within their line."""
    cells = summary["cells"]
    cells = cells[cells["verdict"] != "none"]
    problems = list(dict.fromkeys(cells["problem"]))
    titles = sorted(set(cells["contender"]), key=lambda title: -look(title).order)
    drawing, axes = figure(
        1, len(problems), width=2.15 * max(4, len(problems)), height=1.0 + 0.36 * len(titles), sharey=True
    )
    # below `least` a dot sits at the edge, marked
    least = 0.7
    for axis, problem in zip(axes, problems, strict=True):
        axis.axvspan(*BAND, color="#dfe8f1", zorder=0)
        axis.axvline(0.95, color=INK, linewidth=0.8, linestyle="--")
        for y, title in enumerate(titles):
            rows = cells[(cells["problem"] == problem) & (cells["contender"] == title)]
            rows = rows.sort_values(["p", "point"])
            height = y + np.linspace(-0.3, 0.3, len(rows)) if len(rows) > 1 else np.array([float(y)] * len(rows))
            x = rows["coverage"].to_numpy(float)
            inside = x >= least
            low, high = rows["low"].clip(lower=least), rows["high"].clip(lower=least)
            axis.hlines(height, low, high, color=GREY, linewidth=0.35, rasterized=True)
            its = look(title)
            axis.scatter(x[inside], height[inside], s=9, color=its.color, marker="o", zorder=3, rasterized=True)
            axis.scatter(np.full((~inside).sum(), least), height[~inside], s=10, color=its.color, marker="<", zorder=3,
                         clip_on=False)  # fmt: skip
        axis.set_xlim(least, 1.002)
        axis.grid(False, axis="y")
        panel_title(axis, problem)
        axis.set_xlabel("coverage of the 95% interval")
    axes[0].set_yticks(range(len(titles)), titles)
    axes[0].set_ylim(-0.6, len(titles) - 0.4)
    return drawing
