"""Training losses of the networks."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from plaplace.compare.figures.style import BLUE, figure, panel_title
from plaplace.compare.words import sig

__all__ = ["draw"]


def draw(summary: dict[str, Any]) -> Figure:
    """One panel a problem: losses of different networks are not of one unit."""
    table = summary["table"]
    problems = list(dict.fromkeys(table["problem"]))
    drawing, axes = figure(1, len(problems), width=2.15 * max(4, len(problems)), height=2.4)
    for axis, problem in zip(axes, problems, strict=True):
        rows = table[table["problem"] == problem].sort_values("step")
        axis.plot(rows["step"], rows["loss"], color=BLUE, linewidth=1.0)
        axis.set_yscale("log")
        ticks = np.geomspace(rows["loss"].min(), rows["loss"].max(), 4)
        axis.set_yticks(ticks, [sig(tick, 2) for tick in ticks])
        axis.yaxis.set_minor_locator(NullLocator())
        axis.set_xlabel("training step")
        panel_title(axis, problem)
    axes[0].set_ylabel("training loss")
    return drawing
