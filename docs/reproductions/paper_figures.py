"""Figures of `paper_2505_08246.py`: total flux at seven points, and the flux over the plane."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, SymLogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from plaplace.compare.figures.style import INK, figure, panel_title
from plaplace.compare.words import sig

# estimator -> title, colour, marker, place beside the row's middle
MARKS = {
    "boundary": ("boundary, 64 independent directions", "#D55E00", "o", -0.25),
    "volume": ("volume, 64 points", "#CC79A7", "X", 0.0),
    "frames": ("± frames (ours), 64 directions", "#0072B2", "D", 0.25),
}


def draw_flux(table: pd.DataFrame) -> Figure:
    """Mean and standard deviation of single estimates of the total flux at the seven points, exact value drawn in."""
    drawing, (left, right) = figure(1, 2, width=7.0, height=3.9, sharey=True)
    labels = list(dict.fromkeys(table["label"]))
    for panel, kind in ((left, "exact"), (right, "learned")):
        rows = table[table["score"] == kind]
        for y, label in enumerate(labels):
            exact = float(rows.loc[rows["label"] == label, "exact"].iloc[0])
            panel.plot([exact] * 2, [y - 0.42, y + 0.42], color=INK, linewidth=1.6, zorder=4)
        for name, (_, color, marker, shift) in MARKS.items():
            mine = rows[rows["estimator"] == name]
            # trainings stand side by side within the estimator's place
            spread = 0.16 * (mine["training"] / max(mine["training"].max(), 1) - 0.5)
            panel.errorbar(
                mine["mean"],
                mine["label"].map(labels.index) + shift + spread,
                xerr=mine["sd"],
                linestyle="",
                color=color,
                marker=marker,
                markersize=4.5 if kind == "exact" else 2.5,
                elinewidth=1.0 if kind == "exact" else 0.6,
            )
        number = rows["training"].nunique()
        panel_title(panel, "exact score" if kind == "exact" else f"learned score, {number} trainings")
        panel.set_xlabel("total outward flux, p = 1 (length)")
        panel.axvline(0.0, color=INK, linewidth=0.5)
        panel.grid(False, axis="y")
    left.set_yticks(range(len(labels)), labels)
    left.invert_yaxis()
    handles = [
        Line2D([], [], color=color, marker=marker, linestyle="", label=title)
        for title, color, marker, _ in MARKS.values()
    ]
    handles.append(Line2D([], [], color=INK, linewidth=1.6, label="exact value"))
    drawing.legend(handles=handles, loc="outside lower center", ncols=2)
    return drawing


def draw_map(plane: pd.DataFrame) -> Figure:
    """Mean flux through the circle of radius 1 around each point, exact above learned, p = 1, 2, 3: linear colours for
    p = 1, logarithmic ones beyond a hundredth of the greatest value for others; lightness rises with the value."""
    drawing, axes = figure(2, 3, width=7.0, height=1.95, sharex=True, sharey=True)
    for column, p in enumerate((1, 2, 3)):
        exact = _plane(plane, f"exact_p{p}")
        top = float(np.abs(exact[2]).max())
        norm = Normalize(-1, 1) if p == 1 else SymLogNorm(linthresh=top / 100, vmin=-top, vmax=top, base=10)
        for row, kind in enumerate(("exact", "learned")):
            panel = axes[3 * row + column]
            x, y, z = exact if kind == "exact" else _plane(plane, f"learned_p{p}")
            mesh = panel.pcolormesh(x, y, z, norm=norm, cmap="cividis", rasterized=True, shading="nearest")
            _zero(panel, x, y, z)
            panel.set_aspect("equal")
            panel.grid(False)
            panel_title(panel, f"p = {p}, {kind}")
            if row == 1:
                panel.set_xlabel("x (length)")
            if column == 0:
                panel.set_ylabel("y (length)")
        bar = drawing.colorbar(mesh, ax=[axes[column], axes[3 + column]], shrink=0.8, aspect=30, extend="both")
        ticks = [-1.0, -0.5, 0.0, 0.5, 1.0] if p == 1 else [-top, -top / 10, 0.0, top / 10, top]
        bar.set_ticks(ticks, labels=[sig(tick, 2) for tick in ticks])
        bar.ax.minorticks_off()
        bar.ax.tick_params(labelsize=8)
        bar.set_label("mean flux (no unit)" if p == 1 else f"mean flux (length$^{{-{p - 1}}}$)", fontsize=8)
    return drawing


def _zero(panel: Axes, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> None:
    """The line where the flux changes sign, black in white: seen on every colour."""
    if z.min() < 0 < z.max():
        panel.contour(x, y, z, levels=[0.0], colors="white", linewidths=1.6)
        panel.contour(x, y, z, levels=[0.0], colors="black", linewidths=0.6)


def _plane(plane: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    table = plane.pivot(index="y", columns="x", values=column)
    return table.columns.to_numpy(), table.index.to_numpy(), table.to_numpy()
