"""Variance of ± frames over that of the rival at equal calls, against the radius."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from plaplace.compare.figures.style import INK, figure, panel_title
from plaplace.compare.names import look
from plaplace.compare.summaries.variance import IID, PAIRS, PROMISE, ratios

__all__ = ["draw"]

FLOOR = 1e-8  # below it, rounding; drawn at the edge


def draw(summary: dict[str, Any], coverage: pd.DataFrame) -> Figure:
    """One panel a problem; a dot a point of the problem, with its 95% interval; p = 1 filled, p = 2 open."""
    table = ratios(coverage).dropna(subset=["ratio"])
    problems = list(dict.fromkeys(table["problem"]))
    drawing, axes = figure(1, len(problems), width=2.15 * max(4, len(problems)), height=3.1, sharey=True)
    for axis, problem in zip(axes, problems, strict=True):
        rows = table[table["problem"] == problem]
        radii = sorted(rows["ratio_radius"].unique())
        axis.set_yscale("log")
        for rival, shift in ((IID, -0.2), (PAIRS, 0.2)):
            for p, filled, nudge in ((1.0, True, -0.07), (2.0, False, 0.07)):
                mine = rows[(rows["rival"] == rival) & (rows["p"] == p)]
                spread = 0.1 * (mine["point"].rank(pct=True) - 0.5)
                x = mine["ratio_radius"].map(radii.index) + shift + nudge + spread
                its = look(rival)
                y = mine["ratio"].clip(lower=FLOOR)
                ring = mine["critical"].to_numpy(bool)
                axis.scatter(x[ring], y[ring], s=9, marker="x", color=INK, linewidth=0.7, zorder=4)
                axis.vlines(
                    x, mine["low"].clip(lower=FLOOR), mine["high"].clip(lower=FLOOR), color=its.color, linewidth=0.5
                )
                axis.scatter(
                    x,
                    y,
                    s=13,
                    marker=its.marker,
                    edgecolor=its.color,
                    facecolor=its.color if filled else "white",
                    linewidth=0.9,
                    zorder=3,
                    label=f"against {its.title.removeprefix('flux, ')}, p = {p:g}",
                )
        axis.axhline(1.0, color=INK, linewidth=0.8)
        axis.axhline(PROMISE, color=INK, linewidth=0.8, linestyle="--")
        axis.set_xticks(np.arange(len(radii)), [f"{r:.2g}" for r in radii])
        axis.set_xlim(-0.5, len(radii) - 0.5)
        axis.set_ylim(bottom=FLOOR / 2)
        axis.grid(False, axis="x")
        panel_title(axis, problem)
        axis.set_xlabel("radius (widths)")
    axes[0].set_ylabel("variance of ± frames / of the rival")
    handles, labels = axes[0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside lower center", ncols=2)
    return drawing
