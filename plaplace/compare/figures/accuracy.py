"""Relative error against the condition number: ours and the naive formula's, and the line of the promise."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from plaplace.compare.figures.style import BLUE, INK, VERMILION, figure, panel_title

__all__ = ["draw"]

LOWEST, NO_DIGITS = 1e-17, 10.0  # exact results and lost ones are drawn at these edges


def draw(summary: dict[str, Any]) -> Figure:
    """Two panels on the same axes; each row of the tables is a dot."""
    table = summary["table"]
    drawing, axes = figure(1, 2, width=8.6, height=3.8, sharex=True, sharey=True)
    condition = table["condition"].clip(lower=1.0)
    panels = (
        ("plaplace", "relative_error", BLUE, "o"),
        ("naive formula (D ≤ 64)", "naive_relative_error", VERMILION, "x"),
    )
    x = np.geomspace(1.0, float(condition.max()) * 3, 50)
    for axis, (name, column, color, marker) in zip(axes, panels, strict=True):
        error = table[column].clip(lower=LOWEST, upper=NO_DIGITS)
        known = error.notna()
        axis.scatter(condition[known], error[known], s=9, color=color, marker=marker, alpha=0.6, linewidth=0.8,
                     rasterized=True)  # fmt: skip
        axis.plot(x, 1e-12 * x, color=INK, linestyle="--", linewidth=1.2, label="promise, 10⁻¹² × condition")
        axis.plot(x, 1.1e-16 * x, color=INK, linestyle=":", linewidth=1.0, label="one rounding of each input")
        axis.axhline(1.0, color=INK, linewidth=0.6)
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_ylim(LOWEST / 3, NO_DIGITS * 3)
        axis.set_yticks([1e-16, 1e-12, 1e-8, 1e-4, 1.0])
        panel_title(axis, f"{name}: {int(known.sum()):,} rows")
        axis.set_xlabel("condition number")
    axes[0].set_ylabel("relative error")
    axes[1].annotate("no digits left", (1.2, 1.6), fontsize=7.5)
    handles, labels = axes[0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside lower center", ncols=2, handlelength=3.2)
    return drawing
