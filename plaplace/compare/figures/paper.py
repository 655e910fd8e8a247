"""The paper's figure: arrows of the score, and histograms of the total flux at a mode, a midpoint and the centre."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Patch

from plaplace.compare.figures.style import INK, figure, panel_title
from plaplace.compare.names import look
from plaplace.compare.summaries.paper import PANELS, SHOWN

__all__ = ["draw"]

TITLES = {"exact": "exact score", "learned": "learned score"}
# filled, hatched, outlined: three histograms that stay apart without colour
FILLS: dict[str, dict[str, Any]] = {
    SHOWN[0]: {"alpha": 0.45},
    SHOWN[1]: {"fill": False, "hatch": "////"},
    SHOWN[2]: {"alpha": 0.9},
}


def draw(summary: dict[str, Any], maps: pd.DataFrame | None = None) -> Figure:
    """One row a score; the arrows have their direction from the score and one length."""
    flux = summary["flux"]
    scores = [name for name in ("exact", "learned") if (flux["score"] == name).any()]
    drawing, axes = figure(len(scores), 4, width=8.8, height=2.7)
    for row, score in enumerate(scores):
        first, *others = axes[4 * row : 4 * row + 4]
        _arrows(first, maps, score)
        panel_title(first, f"{TITLES[score]}: direction")
        for panel, (name, _) in zip(others, PANELS, strict=True):
            _histogram(panel, flux[(flux["score"] == score) & (flux["panel"] == name)])
            panel_title(panel, f"{name}, {TITLES[score]}")
            panel.set_xlabel("total outward flux (length)")
        others[0].set_ylabel("repeats")
    _legend(drawing)
    return drawing


def _arrows(axes: Axes, maps: pd.DataFrame | None, score: str) -> None:
    axes.set_aspect("equal")
    axes.grid(False)
    axes.set_xlabel("x (length)")
    axes.set_ylabel("y (length)")
    if maps is None:
        axes.text(0.5, 0.5, "no map in this run", ha="center", transform=axes.transAxes)
        return
    rows = maps[(maps["score"] == score) & maps["score_x"].notna()]
    length = np.hypot(rows["score_x"], rows["score_y"]).replace(0.0, np.nan)
    axes.quiver(
        rows["x"],
        rows["y"],
        rows["score_x"] / length,
        rows["score_y"] / length,
        pivot="mid",
        color=INK,
        scale=1.25 * max(rows["x"].nunique(), 1),
        width=0.006,
        headwidth=4,
        headlength=4,
        headaxislength=3.5,
        rasterized=True,
    )
    for x, y in ((0.0, 5 / 3**0.5), (-2.5, -2.5 / 3**0.5), (2.5, -2.5 / 3**0.5)):
        axes.add_patch(Circle((x, y), 1.0, fill=False, color="#D55E00", linewidth=1.2))


def _histogram(axes: Axes, rows: pd.DataFrame) -> None:
    axes.grid(False, axis="x")
    if not len(rows):
        return
    truth = float(rows["truth"].median())
    far = float((rows["flux"] - truth).abs().quantile(0.95)) or 1.0
    number = 60 if len(rows) > 300 else 30
    bins = np.linspace(truth - 1.15 * far, truth + 1.15 * far, number + 1).tolist()
    step = bins[1] - bins[0]
    for title in SHOWN:
        values = rows.loc[rows["contender"] == title, "flux"]
        if not len(values):
            continue
        if values.std() < step / 4:  # all in one bin: a bar there would hide how narrow it is
            axes.plot([values.mean()], [0], marker="D", color=look(title).color, clip_on=False, zorder=6, markersize=6)
            continue
        axes.hist(
            values, bins=bins, color=look(title).color, edgecolor=look(title).color, linewidth=0.6, **FILLS[title]
        )
    axes.axvline(truth, color=INK, linestyle="--", linewidth=1.2, zorder=5)


def _legend(drawing: Figure) -> None:
    handles: list[Patch | Line2D] = []
    for title in SHOWN:
        color = look(title).color
        handles.append(Patch(label=title, edgecolor=color, facecolor=color, **FILLS[title]))
    handles.append(Line2D([], [], color=look(SHOWN[2]).color, marker="D", linestyle="", label="narrower than a bin"))
    handles.append(Line2D([], [], color=INK, linestyle="--", label="exact value"))
    drawing.legend(handles=handles, loc="outside lower center", ncols=5)
