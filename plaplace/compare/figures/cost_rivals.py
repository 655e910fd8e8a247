"""Time of every rival and floor over ours, a line a case; log scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from plaplace.compare.figures.style import GREY, INK, figure
from plaplace.compare.summaries.cost_rivals import FASTER, Contest

__all__ = ["draw"]

# in the order of first appearance; marker and colour together are not used twice
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#1b1f24")
MARKERS = ("o", "s", "^", "D", "v", "X", "P", "*", "<", ">", "h", "p", "d")


def draw(summary: dict[str, Any]) -> Figure:
    """Right of the line ours is faster; short grey marks are floors."""
    contests: list[Contest] = summary["contests"]
    names = list(dict.fromkeys(name for contest in contests for name in contest.rivals["contender"]))
    looks = {name: (COLORS[i % len(COLORS)], MARKERS[i % len(MARKERS)]) for i, name in enumerate(names)}
    drawing, (axis,) = figure(1, 1, width=9.2, height=0.27 * len(contests) + 2.0)
    for y, contest in zip(range(len(contests))[::-1], contests, strict=True):
        axis.plot(contest.floors["ratio"], np.full(len(contest.floors), y), "|", color=GREY, markersize=8,
                  markeredgewidth=1.4)  # fmt: skip
        for row in contest.rivals.to_dict("records"):
            color, marker = looks[row["contender"]]
            error = [[max(row["ratio"] - row["ratio_low"], 0)], [max(row["ratio_high"] - row["ratio"], 0)]]
            hollow = row["quantity"] == "log_prob"
            axis.errorbar(row["ratio"], y, xerr=error, fmt=marker, color=color, mfc="white" if hollow else color)
    axis.axvline(1.0, color=INK, linewidth=1.0)
    axis.axvline(FASTER, color=INK, linewidth=0.9, linestyle="--")
    axis.set_xscale("log")
    axis.set_yticks(range(len(contests))[::-1], [contest.title for contest in contests])
    axis.tick_params(axis="y", length=0)
    axis.set_ylim(-0.7, len(contests) - 0.3)
    axis.set_xlabel("time over ours (p-Laplacian with log-density); dashed: three times")
    drawing.legend(handles=_handles(looks, contests), loc="outside lower center", ncols=4)
    return drawing


def _handles(looks: dict[str, tuple[str, str]], contests: list[Contest]) -> list[Line2D]:
    density = {
        name for contest in contests for name in contest.rivals[contest.rivals["quantity"] == "log_prob"]["contender"]
    }
    found = [
        Line2D([], [], color=color, marker=marker, linestyle="", mfc="white" if name in density else color,
               label=name + (" (density only)" if name in density else ""))
        for name, (color, marker) in looks.items()
    ]  # fmt: skip
    floor = Line2D([], [], color=GREY, marker="|", linestyle="", markersize=8, markeredgewidth=1.4, label="floors")
    return [*found, floor]
