"""Area under the curve of every statistic on every world, as numbers on a shade."""

from __future__ import annotations

from typing import Any

from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from plaplace.compare.figures.style import GREY, INK, figure
from plaplace.compare.statistic_names import OURS, title_of

__all__ = ["draw"]

# wrong sign in vermilion, chance white, right in blue: in grey print the shade is the distance from chance
_SHADES = LinearSegmentedColormap.from_list("auc", ["#D55E00", "#ffffff", "#0072B2"])


def draw(summary: dict[str, Any]) -> Figure:
    """A row a statistic, best on average first, a column a world."""
    matrix = summary["matrix"]
    rows, columns = matrix.shape
    drawing, (axis,) = figure(1, 1, width=max(7.6, 2.6 + 0.62 * columns), height=1.3 + 0.2 * rows)
    values = matrix.to_numpy(dtype=float)
    axis.pcolormesh(values, cmap=_SHADES, vmin=0.0, vmax=1.0, edgecolors="white", linewidth=0.8)
    for row in range(rows):
        for column in range(columns):
            value = values[row, column]
            if value == value:
                dark = abs(value - 0.5) > 0.36
                axis.text(column + 0.5, row + 0.5, f"{value:.3f}", ha="center", va="center", fontsize=7,
                          color="white" if dark else INK)  # fmt: skip
            else:
                axis.text(column + 0.5, row + 0.5, "–", ha="center", va="center", fontsize=7, color=GREY)
    axis.invert_yaxis()
    axis.xaxis.tick_top()
    names = [str(each).replace(", step", "\nstep").replace("-", "-\n", 1) for each in matrix.columns]
    axis.set_xticks([each + 0.5 for each in range(columns)], names, fontsize=7.5)
    axis.set_yticks([each + 0.5 for each in range(rows)], list(matrix.index), fontsize=7.5)
    for label in axis.get_yticklabels():
        if label.get_text().startswith(title_of(OURS)):
            label.set_fontweight("bold")
    axis.tick_params(length=0)
    axis.grid(False)
    for spine in axis.spines.values():
        spine.set_visible(False)
    return drawing
