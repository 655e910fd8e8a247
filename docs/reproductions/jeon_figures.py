"""Figures of `jeon_2025.py`: curvature along the paths, which quantity foretells the end, the modes as conditions."""

from __future__ import annotations

import pandas as pd
from jeon_exact import VARIANCES
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from plaplace.compare.figures.style import BLUE, INK, VERMILION, figure, panel_title

ENDS = {"sharp": (VERMILION, "-", VARIANCES[0]), "broad": (BLUE, "--", VARIANCES[1])}
# quantity -> title, colour, dash
QUANTITIES = {
    "sharpest": ("minus the least eigenvalue", "#D55E00", "-"),
    "score": ("|s|²", "#009E73", "--"),
    "product": ("|Hs|²", "#0072B2", "-."),
    "p1": ("minus Δ₁ log q", "#CC79A7", ":"),
}


def draw_path(path: pd.DataFrame) -> Figure:
    """The largest curvature along the paths, medians and 10 to 90%, with that of one mode alone drawn in."""
    drawing, axes = figure(1, 2, width=7.0, height=3.3, sharey=True)
    for panel, kind in zip(axes, ("exact", "learned"), strict=True):
        rows = path[(path["score"] == kind) & (path["quantity"] == "sharpest")]
        for end, (color, dash, variance) in ENDS.items():
            mine = rows[rows["end"] == end].sort_values("t")
            if len(mine):
                panel.fill_between(mine["t"], mine["low"], mine["high"], color=color, alpha=0.2, linewidth=0)
                panel.plot(mine["t"], mine["median"], color=color, linestyle=dash)
                alone = 1 / (mine["alpha"] ** 2 * variance + mine["sigma"] ** 2)
                panel.plot(mine["t"], alone, color=INK, linestyle=(0, (1, 1.5)), linewidth=1.0, zorder=5)
        _along(panel)
        panel.set_yscale("log")
        panel.set_ylim(0.5, 2e4)
        panel_title(panel, f"{kind} score")
    axes[0].set_ylabel("minus least eigenvalue (length$^{-2}$)")
    handles = [
        Line2D([], [], color=color, linestyle=dash, label=f"paths that end in the {end} mode")
        for end, (color, dash, _) in ENDS.items()
    ]
    handles.append(Line2D([], [], color=INK, linestyle=(0, (1, 1.5)), label="exact, of that mode alone"))
    drawing.legend(handles=handles, loc="outside lower center", ncols=3)
    return drawing


def draw_auc(auc: pd.DataFrame) -> Figure:
    """How well each quantity tells, along the path, where it will end."""
    drawing, axes = figure(1, 2, width=7.0, height=3.3, sharey=True)
    for panel, kind in zip(axes, ("exact", "learned"), strict=True):
        rows = auc[auc["score"] == kind]
        for name, (title, color, dash) in QUANTITIES.items():
            mine = rows[rows["quantity"] == name].sort_values("t")
            panel.fill_between(mine["t"], mine["low"], mine["high"], color=color, alpha=0.15, linewidth=0)
            panel.plot(mine["t"], mine["auc"], color=color, linestyle=dash, label=title)
        panel.axhline(0.5, color=INK, linewidth=0.8)
        _along(panel)
        panel.set_ylim(-0.02, 1.02)
        panel_title(panel, f"{kind} score")
    axes[0].set_ylabel("AUC, sharp end against broad (no unit)")
    drawing.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return drawing


def draw_gap(gap: pd.DataFrame) -> Figure:
    """Medians of Wen's and of Jeon's quantity with each mode as the condition, for three weights of the sharp one."""
    drawing, axes = figure(2, 3, width=7.0, height=2.3, sharex=True, sharey="row")
    titles = {
        "wen": (r"$|s_c - s_u|$", "length$^{-1}$", 1e-6),
        "jeon": (r"$|(H_c - H_u)(s_c - s_u)|$", "length$^{-3}$", 1e-9),
    }
    for row, (name, (title, unit, floor)) in enumerate(titles.items()):
        for column, weight in enumerate(sorted(gap["weight"].unique())):
            panel = axes[3 * row + column]
            mine = gap[(gap["quantity"] == name) & (gap["weight"] == weight)].sort_values("t")
            for end, (color, dash, _) in ENDS.items():
                panel.plot(mine["t"], mine[end].clip(lower=floor / 10), color=color, linestyle=dash, marker=".")
            panel.set_yscale("log")
            panel.set_ylim(floor, 30)
            _along(panel)
            if row == 0:
                panel.set_xlabel("")
                panel_title(panel, f"{100 * weight:g}% sharp")
        axes[3 * row].set_ylabel(f"{title}\n({unit})")
    handles = [
        Line2D([], [], color=color, linestyle=dash, marker=".", label=f"the condition is the {end} mode")
        for end, (color, dash, _) in ENDS.items()
    ]
    drawing.legend(handles=handles, loc="outside lower center", ncols=2)
    return drawing


def _along(panel: Axes) -> None:
    """Time runs as in generation, from noise at the left to data at the right."""
    panel.set_xlim(1000, 0)
    panel.set_xticks([900, 600, 300, 0])
    panel.set_xlabel("noise level t of 1,000")
