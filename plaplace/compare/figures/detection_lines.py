"""Area under the curve against calls, against the noise, and of the flux against its exponent."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from plaplace.compare.figures.detection_panels import lines

__all__ = ["draw_calls", "draw_exponents", "draw_levels"]


def draw_calls(summary: dict[str, Any]) -> Figure:
    """A line a statistic and way of probing."""

    def prepare(axis: Axes) -> None:
        axis.set_xscale("log", base=2)
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.xaxis.set_minor_locator(NullLocator())

    return lines(summary["lines"], "network calls an image", True, prepare)[0]


def draw_levels(summary: dict[str, Any]) -> Figure:
    """A line a statistic, all on ± frames."""

    def prepare(axis: Axes) -> None:
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.xaxis.set_minor_formatter(NullFormatter())
        shown = sorted({float(x) for line in axis.get_lines() for x in np.asarray(line.get_xdata())})
        kept = shown if len(shown) <= 4 else [shown[0], shown[len(shown) // 2], shown[-1]]
        axis.set_xticks([x for x in kept if x > 0], [f"{x:.2g}" for x in kept if x > 0])

    return lines(summary["lines"], "noise sigma", False, prepare)[0]


def draw_exponents(summary: dict[str, Any]) -> Figure:
    """One line a world."""
    return lines(summary["exponents"], "exponent p", False)[0]
