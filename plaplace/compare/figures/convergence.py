"""Relative error against the number of score evaluations, with the Pareto front."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from plaplace.compare.figures.style import GREY, figure, legend_of, line_of, panel_title
from plaplace.compare.names import look

__all__ = ["draw"]


def draw(summary: dict[str, Any]) -> Figure:
    """One row an exponent, one column a problem."""
    curves, front = summary["curves"], summary["front"]
    problems = list(dict.fromkeys(curves["problem"]))
    exponents = sorted(curves["p"].unique())
    drawing, axes = figure(len(exponents), len(problems), width=2.15 * max(4, len(problems)), height=2.7)
    for index, axis in enumerate(axes):
        p, problem = exponents[index // len(problems)], problems[index % len(problems)]
        here = curves[(curves["p"] == p) & (curves["problem"] == problem)]
        best = front[(front["p"] == p) & (front["problem"] == problem)].sort_values("num_evaluations")
        axis.set_xscale("log", base=2)
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_yscale("log")
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.step(
            best["num_evaluations"], best["total"], where="post", color="#d8c27a", linewidth=5, alpha=0.75, zorder=1
        )
        for title, line in sorted(here.groupby("contender"), key=lambda pair: look(str(pair[0])).order):
            line = line.sort_values("num_evaluations")
            axis.plot(line["num_evaluations"], line["total"], **line_of(str(title)))
        _guide(axis, here)
        panel_title(axis, f"{problem}, p = {p:g}")
        if index // len(problems) == len(exponents) - 1:
            axis.set_xlabel("score evaluations a point")
        if index % len(problems) == 0:
            axis.set_ylabel("relative error (median)")
    legend_of(drawing, curves["contender"], columns=3)
    return drawing


def _guide(axis: Any, rows: Any) -> None:
    """A line of slope -1/2 through the upper part of the panel."""
    if len(rows) < 2 or rows["num_evaluations"].nunique() < 2:
        return
    x = np.array([rows["num_evaluations"].min(), rows["num_evaluations"].max()], dtype=float)
    top = float(rows["total"].max())
    axis.plot(x, 2 * top * (x / x[0]) ** -0.5, color=GREY, linewidth=0.9, linestyle=":")
    axis.annotate("slope −1/2", (x[0] ** 0.45 * x[1] ** 0.55, 2 * top * (x[0] / x[1]) ** 0.275), fontsize=7, color=GREY,
                  textcoords="offset points", xytext=(0, 4))  # fmt: skip
