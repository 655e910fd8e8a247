"""Relative error of ± frames against the exponent p, one line a radius, one panel a problem."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from plaplace.compare.figures.style import INK, figure, panel_title
from plaplace.compare.summaries.errors import DIGITS

__all__ = ["draw"]

# from the smallest radius to the largest
RADII = (
    ("#9ecae1", "o", "-"),
    ("#4292c6", "s", "--"),
    ("#0072B2", "D", "-."),
    ("#08306b", "^", ":"),
    ("#000000", "v", "-"),
    ("#7f7f7f", "P", "--"),
    ("#bbbbbb", "X", "-."),
)


def draw(summary: dict[str, Any]) -> Figure:
    """Blue lines on the exact score, the darker the larger the radius; the grey band is what the network adds."""
    table, score = summary["exact"], summary["score"]
    problems = list(dict.fromkeys(table["problem"]))
    drawing, axes = figure(1, len(problems), width=2.15 * max(4, len(problems)), height=3.4)
    for axis, problem in zip(axes, problems, strict=True):
        axis.set_yscale("log")
        mine = score[score["problem"] == problem].sort_values("p").groupby("p")["score_error"]
        if len(mine):
            low, high = mine.min(), mine.max()
            axis.fill_between(low.index, low, high, color=INK, alpha=0.15, linewidth=3)
        here = table[table["problem"] == problem]
        for (color, marker, dash), (ratio, line) in zip(RADII, here.groupby("ratio"), strict=False):
            line = line.sort_values("p")
            axis.plot(line["p"], line["total"].clip(lower=DIGITS), color=color, marker=marker, linestyle=dash,
                      label=f"R = {ratio:.2g}")  # fmt: skip
        axis.set_xticks(sorted(here["p"].unique()))
        axis.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.45, -0.24), ncols=2, handlelength=2.4)
        panel_title(axis, problem)
        axis.set_xlabel("exponent p")
    axes[0].set_ylabel("relative error (median)")
    handles = [
        Line2D([], [], color="#4292c6", marker="s", linestyle="--", label="± frames on the exact score"),
        Line2D([], [], color=INK, alpha=0.15, linewidth=7, label="what the network adds, over the radii"),
    ]
    drawing.legend(handles=handles, loc="outside lower center", ncols=2)
    return drawing
