"""Processor time of exact values against N, K and D: a panel a kind and letter, each with its floor."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from plaplace.compare.cost.sweeps import LARGE_D
from plaplace.compare.figures.style import BLUE, GREY, INK, VERMILION, figure
from plaplace.compare.summaries.cost import Curve, called
from plaplace.compare.words import sig

__all__ = ["draw"]

NAMES = {"N": "points N", "K": "components K", "D": "dimension D", LARGE_D: "large dimension D"}


def draw(summary: dict[str, Any]) -> Figure:
    """Letters in rows, kinds in columns; sizes that the exponent was fitted to have filled markers."""
    curves: list[Curve] = summary["curves"] + summary["large"]
    kinds = list(dict.fromkeys(curve.kind for curve in curves))
    sweeps = list(dict.fromkeys(curve.sweep for curve in curves))
    drawing, axes = figure(len(sweeps), len(kinds), width=9.2, height=2.25, sharey=True)
    for axis, (sweep, kind) in zip(axes, ((sweep, kind) for sweep in sweeps for kind in kinds), strict=True):
        here = [curve for curve in curves if (curve.kind, curve.sweep) == (kind, sweep)]
        if not here:
            axis.set_visible(False)
            continue
        for curve in here:
            _panel(axis, curve)
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_xlabel(NAMES[sweep])
        if sweep == "N":
            axis.set_title(called(kind), fontweight="bold")
    for axis in axes[:: len(kinds)]:
        axis.set_ylabel("processor time (ms)")
    drawing.legend(handles=_handles(), loc="outside lower center", ncols=2, handlelength=3.2)
    return drawing


def _panel(axis: Axes, curve: Curve) -> None:
    rows, single = curve.rows, curve.single
    error = [rows["cpu_ms"] - rows["cpu_low"], rows["cpu_high"] - rows["cpu_ms"]]
    axis.errorbar(rows[curve.letter], rows["cpu_ms"], yerr=error, color=BLUE, linewidth=1.4, zorder=3)
    fitted = rows[curve.letter] >= curve.ours.first if math.isfinite(curve.ours.first) else rows["N"] < 0
    axis.plot(rows[curve.letter][fitted], rows["cpu_ms"][fitted], "o", color=BLUE, zorder=4)
    axis.plot(rows[curve.letter][~fitted], rows["cpu_ms"][~fitted], "o", color=BLUE, mfc="white", zorder=4)
    axis.plot(single[curve.letter], single["cpu_ms"], color=VERMILION, linestyle="--", marker="v", markersize=3.5)
    axis.plot(rows[curve.letter], rows["floor_ms"], color=INK, linestyle=":", linewidth=1.6)
    if math.isfinite(curve.dispatch):
        axis.axhline(curve.dispatch, color=GREY, linewidth=0.7)
    if math.isfinite(curve.ours.slope):
        half = curve.ours.high - curve.ours.slope
        text = f"time ~ {curve.letter}$^{{{sig(curve.ours.slope)}}}$ (± {sig(half, 2)})"
        axis.text(0.04, 0.95, text, transform=axis.transAxes, va="top", fontsize=7.5)


def _handles() -> list[Line2D]:
    return [
        Line2D([], [], color=BLUE, marker="o", label="float64; filled: the exponent is fitted to it"),
        Line2D([], [], color=VERMILION, linestyle="--", marker="v", markersize=3.5, label="float32"),
        Line2D([], [], color=INK, linestyle=":", linewidth=1.6, label="floor in float64: products and exponentials"),
        Line2D([], [], color=GREY, linewidth=0.7, label="a call that computes nothing"),
    ]
