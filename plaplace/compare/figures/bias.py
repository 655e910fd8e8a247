"""Radius bias against the radius: markers are averages of estimates, lines the exact ball means."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from plaplace.compare.figures.style import BLUE, GREY, VERMILION, figure, panel_title
from plaplace.compare.summaries.bias import FRAME, RICHARDSON
from plaplace.compare.summaries.errors import DIGITS

__all__ = ["draw"]

LOOKS: dict[tuple[str, float], tuple[str, str, Any]] = {
    (FRAME, 1.0): (BLUE, "o", "-"),
    (FRAME, 2.0): (VERMILION, "s", "--"),
    (RICHARDSON, 1.0): ("#003B73", "P", "-."),
    (RICHARDSON, 2.0): ("#7A3300", "X", ":"),
}


def draw(summary: dict[str, Any]) -> Figure:
    """One panel a problem; medians over points."""
    curve = summary["curve"]
    problems = list(dict.fromkeys(curve["problem"]))
    drawing, axes = figure(1, len(problems), width=2.15 * max(4, len(problems)), height=3.1)
    for axis, problem in zip(axes, problems, strict=True):
        here = curve[curve["problem"] == problem]
        axis.set_xscale("log")
        axis.set_yscale("log")
        for (title, p), (color, marker, dash) in LOOKS.items():
            rows = here[(here["contender"] == title) & (here["p"] == p)]
            if not len(rows):
                continue
            middle = rows.groupby("ratio")[["measured", "error", "exact"]].median()
            middle = middle[middle["measured"] > 10 * DIGITS]
            axis.plot(middle.index, middle["exact"], color=color, linestyle=dash)
            low = np.minimum(middle["error"], 0.95 * middle["measured"])  # a bar to zero has no end on this axis
            axis.errorbar(
                middle.index,
                middle["measured"],
                yerr=[low, middle["error"]],
                color=color,
                marker=marker,
                linestyle="",
                capsize=2,
                linewidth=0.9,
            )
        _guide(axis, here)
        panel_title(axis, problem)
        axis.set_xlabel("radius (widths)")
    axes[0].set_ylabel("|bias| / |value| (median)")
    handles = [
        Line2D([], [], color=c, marker=m, linestyle=d, label=f"{'Richardson, ' if t == RICHARDSON else ''}p = {p:g}")
        for (t, p), (c, m, d) in LOOKS.items()
        if ((curve["contender"] == t) & (curve["p"] == p)).any()
    ]
    handles.append(Line2D([], [], color=GREY, linestyle=":", label="slope 2"))
    drawing.legend(handles=handles, loc="outside lower center", ncols=5, handlelength=3.2)
    return drawing


def _guide(axis: Any, rows: Any) -> None:
    frame = rows[(rows["contender"] == FRAME) & (rows["exact"] > 0)]
    if not len(frame):
        return
    x = np.array([frame["ratio"].min(), frame["ratio"].max()])
    start = 3 * float(frame.loc[(frame["ratio"] == x[0]) & (frame["p"] == 1.0), "exact"].median())
    axis.plot(x, start * (x / x[0]) ** 2, color=GREY, linestyle=":", linewidth=1.0)
