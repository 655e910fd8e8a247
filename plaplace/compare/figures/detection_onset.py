"""Area under the curve along training, with the share of generated samples that are copies on the same axis."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from plaplace.compare.figures.detection_panels import lines

__all__ = ["draw"]

_FILL = "#c9ced6"


def draw(summary: dict[str, Any]) -> Figure:
    """One panel a world with several checkpoints; copies as a grey area."""
    copied = summary["copied"]

    def prepare(axis: Axes) -> None:
        axis.set_xscale("log")
        steps = sorted({float(x) for line in axis.get_lines() for x in np.asarray(line.get_xdata())})
        axis.set_xticks(steps, [f"{step:,.0f}" for step in steps], rotation=45, ha="right")
        axis.xaxis.set_minor_locator(NullLocator())

    drawing, axes = lines(summary["lines"], "training step", False, prepare, columns=2)
    for axis, panel in zip(axes, dict.fromkeys(summary["lines"]["panel"]), strict=True):
        rows = copied[copied["world"] == panel].sort_values("step")
        axis.fill_between(rows["step"].astype(float), 0.0, rows["copied"].astype(float), color=_FILL, zorder=0)
        axis.set_ylim(0.0, 1.03)
        axis.set_ylabel("AUC; share of copies")
    drawing.legend(handles=[Patch(color=_FILL, label="share of generated samples that are copies")],
                   loc="outside upper right")  # fmt: skip
    return drawing
