"""Maps of the p-Laplacian over the plane, exact above learned, one column an exponent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure

from plaplace.compare.figures.style import figure, panel_title
from plaplace.compare.summaries.maps import EXPONENTS, grid

__all__ = ["draw"]


def draw(summary: dict[str, Any], maps: pd.DataFrame) -> Figure:
    """Symmetric logarithmic colours, one scale a column. Lightness rises with the value, so that grey print keeps the
    sign; the line is where the value is 0.
    """
    scores = summary["scores"]
    drawing, axes = figure(len(scores), 4, width=9.0, height=2.5, sharex=True, sharey=True)
    for column, p in enumerate(EXPONENTS):
        planes = [grid(maps, score, f"p{p:g}") for score in scores]
        sizes = np.abs(np.concatenate([z[np.isfinite(z)] for _, _, z in planes]))
        # four decades below what all but one per cent stay under
        top = float(10 ** np.ceil(np.log10(np.quantile(sizes, 0.99)))) if len(sizes) else 1.0
        norm = SymLogNorm(linthresh=top * 1e-3, vmin=-top, vmax=top, base=10)
        mine = [axes[row * 4 + column] for row in range(len(scores))]
        for row, (panel, (x, y, z)) in enumerate(zip(mine, planes, strict=True)):
            mesh = panel.pcolormesh(x, y, z, norm=norm, cmap="cividis", rasterized=True, shading="nearest")
            if np.nanmin(z) < 0 < np.nanmax(z):
                panel.contour(x, y, z, levels=[0.0], colors="white", linewidths=1.6)
                panel.contour(x, y, z, levels=[0.0], colors="black", linewidths=0.6)
            panel.set_aspect("equal")
            panel.grid(False)
            panel_title(panel, f"p = {p:g}, {scores[row]}")
            if row == len(scores) - 1:
                panel.set_xlabel("x (length)")
            if column == 0:
                panel.set_ylabel("y (length)")
        bar = drawing.colorbar(mesh, ax=mine, shrink=0.85, aspect=30, extend="both")
        bar.set_ticks([-top, -top / 100, 0, top / 100, top])
        bar.ax.tick_params(labelsize=7)
        bar.ax.set_title(f"length$^{{-{p:g}}}$", fontsize=7)
    return drawing
